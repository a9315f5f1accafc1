#include <string.h>

#include "view/feature_set.h"
#include "view/past.h"

/* What the callbacks of an expression get; the reading stands first, for those of the schema. */
struct evaluation {
    struct view_reading reading;
    struct run *run;
    const struct expr *expr;
    const uint16_t *places;
};

/* The features that read the product alone, as of a moment: some, since training goes from month to
 * month with each customer. */
enum { CACHES = 32 };
struct product_cache {
    int64_t as_of_ms;
    const struct bank_catalogue *catalogue;
    float *values; /* [product][pair feature] */
    bool is_filled;
};

struct view_scratch {
    const struct view_features *features;
    struct run runs[2]; /* by scope */
    struct run cohort_run;
    struct product_cache caches[CACHES];
    size_t next_cache;
};

enum lx_err view_scratch_open(const struct view_features *features,
                              const struct bank_catalogue *catalogue,
                              struct view_scratch **ret_scratch, struct lx_error *err)
{
    LX_ASSERT(features != NULL && catalogue != NULL && ret_scratch != NULL);

    struct view_scratch *scratch = lx_calloc(1, sizeof *scratch);
    if (scratch == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "features: out of memory");
    scratch->features = features;
    enum lx_err code = LX_OK;
    for (int i = 0; i < 2 && code == LX_OK; i++)
        code = run_open(&features->programs[i], catalogue, &scratch->runs[i], err);
    if (code == LX_OK)
        code = run_open(&features->cohort_program, catalogue, &scratch->cohort_run, err);
    size_t cells = catalogue->count * features->counts[VIEW_PAIR] + 1;
    for (int i = 0; i < CACHES && code == LX_OK; i++) {
        scratch->caches[i].values = lx_malloc(cells * sizeof(float));
        if (scratch->caches[i].values == NULL)
            code = lx_fail(err, LX_ERR_NO_MEMORY, "features: out of memory");
    }
    if (code != LX_OK) {
        view_scratch_close(scratch);
        return code;
    }
    *ret_scratch = scratch;
    return LX_OK;
}

void view_scratch_close(struct view_scratch *scratch)
{
    if (scratch == NULL) return;
    for (int i = 0; i < 2; i++) run_release(&scratch->runs[i]);
    run_release(&scratch->cohort_run);
    for (int i = 0; i < CACHES; i++) lx_free(scratch->caches[i].values);
    lx_free(scratch);
}

const struct view_features *view_scratch_features(const struct view_scratch *scratch)
{
    return scratch->features;
}

void view_scratch_set_plain(struct view_scratch *scratch, bool is_plain)
{
    for (int i = 0; i < 2; i++) scratch->runs[i].is_plain = is_plain;
    scratch->cohort_run.is_plain = is_plain;
}

/* --- One feature ----------------------------------------------------------------------------- */

static enum lx_err read_window(void *context, const struct expr_window *window,
                               struct expr_value *ret_value, struct lx_error *err)
{
    struct evaluation *evaluation = context;
    size_t number = (size_t)(window - expr_window_at(evaluation->expr, 0));
    return run_value(evaluation->run, evaluation->places[number], ret_value, err);
}

/* What cannot be computed is missing. */
static float value_of(struct evaluation *evaluation, const struct feature *feature,
                      const uint16_t *places)
{
    struct expr_value value;
    struct lx_error ignored;
    enum lx_err code;
    if (feature->shape == FEATURE_WINDOW) {
        code = run_value(evaluation->run, places[0], &value, &ignored);
        if (code == LX_OK && value.is_null) value = feature->otherwise;
    } else {
        struct expr_row row = view_reading_row(&evaluation->reading);
        row.window = read_window;
        evaluation->expr = feature->expr;
        evaluation->places = places;
        code = expr_evaluate(feature->expr, &row, &value, &ignored);
    }
    if (code != LX_OK) return NAN;
    if (!feature->is_yuan) return view_value_to_float(&value, feature->type);
    if (value.is_null) return NAN;
    return (float)(rint(value.as.real * 100) + 0.0); /* no negative zero: fen are whole */
}

static const struct bank_profile *profile_of(const struct bank_history *history,
                                             const struct evaluation *evaluation)
{
    struct view_moment moment = view_moment_of(evaluation->reading.as_of_ms,
                                               evaluation->reading.context->utc_offset_minutes);
    return view_profile_at(history, &moment);
}

static struct evaluation begin(struct view_scratch *scratch, struct run *run,
                               const struct view_context *context, const struct view_facts *facts,
                               int64_t as_of_ms, const float *customer_values)
{
    struct evaluation evaluation = {.run = run};
    view_reading_begin(scratch->features->schema, context, facts, NULL, as_of_ms, customer_values,
                       &evaluation.reading);
    return evaluation;
}

/* --- Customers ------------------------------------------------------------------------------- */

static void compute_late(struct view_scratch *scratch, struct evaluation *evaluation, float *values)
{
    const struct view_features *features = scratch->features;
    view_reading_find_peers(&evaluation->reading);
    for (size_t i = 0; i < features->counts[VIEW_CUSTOMER]; i++) {
        const struct feature *feature = &features->items[VIEW_CUSTOMER][i];
        if (feature->is_late) values[i] = value_of(evaluation, feature, feature->places);
    }
}

void view_compute_customer(struct view_scratch *scratch, const struct bank_history *history,
                           const struct view_context *context, const struct view_facts *facts,
                           int64_t as_of_ms, float *ret_values)
{
    const struct view_features *features = scratch->features;
    struct run *run = &scratch->runs[VIEW_CUSTOMER];
    struct evaluation evaluation = begin(scratch, run, context, facts, as_of_ms, ret_values);
    evaluation.reading.profile = profile_of(history, &evaluation);
    run_pass(run, history, &evaluation.reading);
    for (size_t i = 0; i < features->counts[VIEW_CUSTOMER]; i++) {
        const struct feature *feature = &features->items[VIEW_CUSTOMER][i];
        if (!feature->is_late) ret_values[i] = value_of(&evaluation, feature, feature->places);
    }
    compute_late(scratch, &evaluation, ret_values);
}

struct run *feature_run(struct view_scratch *scratch, enum view_scope scope)
{
    return &scratch->runs[scope];
}

void feature_compute_wanted(struct view_scratch *scratch, const struct view_context *context,
                            const struct view_facts *facts, int64_t as_of_ms, int product,
                            const bool *is_wanted, const float *customer_values, float *values)
{
    enum view_scope scope = product == BANK_NO_PRODUCT ? VIEW_CUSTOMER : VIEW_PAIR;
    const struct view_features *features = scratch->features;
    struct run *run = &scratch->runs[scope];
    struct evaluation evaluation = begin(scratch, run, context, facts, as_of_ms, customer_values);
    run->reading = &evaluation.reading;
    if (scope == VIEW_PAIR) view_reading_turn(&evaluation.reading, product, values);
    for (size_t i = 0; i < features->counts[scope]; i++) {
        const struct feature *feature = &features->items[scope][i];
        if (is_wanted[i] && !feature->is_late && !feature->is_derived)
            values[i] = value_of(&evaluation, feature, feature->places);
    }
    run->reading = NULL;
}

void view_compute_late(struct view_scratch *scratch, const struct view_context *context,
                       const struct view_facts *facts, int64_t as_of_ms, float *values)
{
    struct evaluation evaluation = begin(scratch, NULL, context, facts, as_of_ms, values);
    compute_late(scratch, &evaluation, values);
}

void view_compute_cohort(struct view_scratch *scratch, const struct bank_history *history,
                         const struct view_context *context, const struct view_facts *facts,
                         int64_t as_of_ms, float ret_cohort[3])
{
    const struct view_features *features = scratch->features;
    struct run *run = &scratch->cohort_run;
    struct evaluation evaluation = begin(scratch, run, context, facts, as_of_ms, NULL);
    evaluation.reading.profile = profile_of(history, &evaluation);
    run_pass(run, history, &evaluation.reading);
    for (int i = 0; i < COHORT_FEATURES; i++)
        ret_cohort[i] = value_of(&evaluation, &features->items[VIEW_CUSTOMER][features->cohort[i]],
                                 features->cohort_places[i]);
}

/* --- Pairs ----------------------------------------------------------------------------------- */

static void compute_pairs(struct view_scratch *scratch, struct evaluation *evaluation, int product,
                          bool is_derived, float *values)
{
    const struct view_features *features = scratch->features;
    for (size_t i = 0; i < features->counts[VIEW_PAIR]; i++) {
        const struct feature *feature = &features->items[VIEW_PAIR][i];
        if (feature->is_derived != is_derived || feature->is_of_product) continue;
        values[i] = value_of(evaluation, feature, feature->places);
    }
}

void view_compute_kept(struct view_scratch *scratch, const struct bank_history *history,
                       const struct view_context *context, const struct view_facts *facts,
                       int64_t as_of_ms, const float *customer_values, float *values)
{
    struct run *run = &scratch->runs[VIEW_PAIR];
    struct evaluation evaluation = begin(scratch, run, context, facts, as_of_ms, customer_values);
    evaluation.reading.profile = profile_of(history, &evaluation);
    run_pass(run, history, &evaluation.reading);
    for (size_t i = 0; i < context->catalogue->count; i++) {
        float *row = values + i * scratch->features->counts[VIEW_PAIR];
        view_reading_turn(&evaluation.reading, (int)i, row);
        compute_pairs(scratch, &evaluation, (int)i, false, row);
    }
}

void view_compute_default(struct view_scratch *scratch, const struct view_context *context,
                          int64_t as_of_ms, float *values)
{
    static const struct bank_history nothing = {.customer = -1, .id = ""};
    float nobody[LX_FEATURES_MAX];
    struct view_facts facts;
    view_facts(&nothing, context, as_of_ms, &facts);
    view_compute_customer(scratch, &nothing, context, &facts, as_of_ms, nobody);
    view_compute_kept(scratch, &nothing, context, &facts, as_of_ms, nobody, values);
}

/* What reads the product alone is the same for every customer as of a moment. */
static const float *product_values(struct view_scratch *scratch, struct evaluation *evaluation)
{
    const struct view_features *features = scratch->features;
    const struct view_reading *reading = &evaluation->reading;
    size_t stride = features->counts[VIEW_PAIR];
    for (int i = 0; i < CACHES; i++) {
        const struct product_cache *cache = &scratch->caches[i];
        if (cache->is_filled && cache->as_of_ms == reading->as_of_ms &&
            cache->catalogue == reading->context->catalogue)
            return cache->values;
    }
    struct product_cache *cache = &scratch->caches[scratch->next_cache++ % CACHES];
    for (size_t product = 0; product < reading->context->catalogue->count; product++) {
        float *row = cache->values + product * stride;
        view_reading_turn(&evaluation->reading, (int)product, row);
        for (size_t i = 0; i < stride; i++) {
            const struct feature *feature = &features->items[VIEW_PAIR][i];
            if (feature->is_of_product) row[i] = value_of(evaluation, feature, feature->places);
        }
    }
    cache->is_filled = true;
    cache->as_of_ms = reading->as_of_ms;
    cache->catalogue = reading->context->catalogue;
    return cache->values;
}

void view_compute_derived(struct view_scratch *scratch, const struct view_context *context,
                          const struct view_facts *facts, int64_t as_of_ms,
                          const float *customer_values, float *values)
{
    const struct view_features *features = scratch->features;
    size_t stride = features->counts[VIEW_PAIR];
    struct evaluation evaluation = begin(scratch, NULL, context, facts, as_of_ms, customer_values);
    LX_ASSERT(context->catalogue->count <= scratch->runs[VIEW_PAIR].catalogue->count);
    const float *constants = product_values(scratch, &evaluation);
    view_reading_find_peers(&evaluation.reading);
    for (size_t product = 0; product < context->catalogue->count; product++) {
        float *row = values + product * stride;
        const float *cached = constants + product * stride;
        view_reading_turn(&evaluation.reading, (int)product, row);
        for (size_t i = 0; i < stride; i++)
            if (features->items[VIEW_PAIR][i].is_of_product) row[i] = cached[i];
        compute_pairs(scratch, &evaluation, (int)product, true, row);
    }
}

/* --- Both ------------------------------------------------------------------------------------ */

void view_customer_features(const struct bank_history *history, const struct view_context *context,
                            int64_t as_of_ms, float *ret_values)
{
    LX_ASSERT(history != NULL && context != NULL && context->scratch != NULL);
    LX_ASSERT(ret_values != NULL);

    struct view_facts facts;
    view_facts(history, context, as_of_ms, &facts);
    view_compute_customer(context->scratch, history, context, &facts, as_of_ms, ret_values);
}

void view_pair_features(const struct bank_history *history, const struct view_context *context,
                        int64_t as_of_ms, const float *customer_values, float *ret_values)
{
    LX_ASSERT(history != NULL && context != NULL && context->scratch != NULL);
    LX_ASSERT(customer_values != NULL && ret_values != NULL);

    struct view_facts facts;
    view_facts(history, context, as_of_ms, &facts);
    view_compute_kept(context->scratch, history, context, &facts, as_of_ms, customer_values,
                      ret_values);
    view_compute_derived(context->scratch, context, &facts, as_of_ms, customer_values, ret_values);
}
