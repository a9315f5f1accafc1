#include "model/drift.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "base/rng.h"
#include "learn/scorer.h"
#include "model/rows.h"
#include "view/snapshot.h"

enum { DRIFT_SEED = 77 };

/* What counting works with; counts[column][bin], the scores behind the last column. */
struct counting {
    struct bank *bank;
    struct view_snapshot *snapshot;
    const struct view_features *features; /* of the snapshot */
    struct model *model;
    struct model_traits traits;
    struct view_scratch *scratch;
    void *score_scratch;
    float *row, *pairs;
    uint64_t (*counts)[PSI_BINS_MAX + 2];
    uint64_t rows;
};

static void counting_release(struct counting *counting)
{
    view_scratch_close(counting->scratch);
    traits_release(&counting->traits);
    model_close(counting->model);
    if (counting->snapshot != NULL) view_snapshot_close(counting->snapshot);
    bank_close(counting->bank);
    lx_free(counting->score_scratch);
    lx_free(counting->row);
    lx_free(counting->pairs);
    lx_free(counting->counts);
}

static enum lx_err counting_open(const char *folder, const char *id, struct counting *counting,
                                 struct lx_error *err)
{
    enum lx_err code = bank_open(folder, STORE_READ, &counting->bank, err);
    if (code == LX_OK) code = view_snapshot_open(folder, &counting->snapshot, err);
    if (code != LX_OK) return code;
    counting->features = view_snapshot_features(counting->snapshot);
    code = model_open(folder, id, counting->features, &counting->model, err);
    if (code == LX_OK)
        code = registry_traits(folder, model_id(counting->model), &counting->traits, err);
    if (code != LX_OK) return code;
    size_t columns = counting->traits.column_count;
    size_t pair_count = view_features_count(counting->features, VIEW_PAIR);
    if (columns != model_card(counting->model)->feature_count)
        return lx_fail(err, LX_ERR_CORRUPT, "model %s: traits of %zu features, a card of %zu",
                       model_id(counting->model), columns,
                       model_card(counting->model)->feature_count);
    if (counting->traits.baseline_rows == 0)
        return lx_fail(err, LX_ERR_NOT_READY, "model %s: nothing is kept of its inputs",
                       model_id(counting->model));
    const struct bank_catalogue *catalogue = bank_catalogue(counting->bank);
    counting->row = lx_calloc(columns, sizeof *counting->row);
    counting->pairs = lx_calloc(catalogue->count * pair_count + 1, sizeof *counting->pairs);
    counting->counts = lx_calloc(columns + 1, sizeof *counting->counts);
    counting->score_scratch = lx_malloc(model_scratch_bytes(counting->model) + 1);
    if (counting->row == NULL || counting->pairs == NULL || counting->counts == NULL ||
        counting->score_scratch == NULL)
        return lx_fail(err, LX_ERR_NO_MEMORY, "drift: out of memory");
    return view_scratch_open(counting->features, catalogue, &counting->scratch, err);
}

/* One candidate of a customer by chance, as the baseline has it; false: he has none. */
static bool fill_row(struct counting *counting, int64_t customer, int32_t as_of_day,
                     struct lx_rng *rng)
{
    const struct bank_catalogue *catalogue = bank_catalogue(counting->bank);
    size_t customer_count = view_features_count(counting->features, VIEW_CUSTOMER);
    size_t pair_count = view_features_count(counting->features, VIEW_PAIR), count = 0;
    uint16_t candidates[LX_PRODUCT_MAX];
    struct view_facts facts;
    view_snapshot_facts(counting->snapshot, customer, &facts);
    for (size_t i = 0; i < catalogue->count; i++)
        if (rows_is_candidate(&catalogue->products[i], (int)i, &facts, as_of_day))
            candidates[count++] = (uint16_t)i;
    if (count == 0) return false;
    size_t product = candidates[lx_rng_below(rng, count)];
    view_snapshot_customer(counting->snapshot, customer, counting->row);
    view_snapshot_pairs(counting->snapshot, customer, counting->scratch, counting->pairs);
    memcpy(counting->row + customer_count, counting->pairs + product * pair_count,
           pair_count * sizeof *counting->row);
    return true;
}

static void count_row(struct counting *counting)
{
    const struct model_traits *traits = &counting->traits;
    float margin;
    for (size_t i = 0; i < traits->column_count; i++)
        counting->counts[i][psi_bins_find(&traits->inputs[i], (double)counting->row[i])]++;
    scorer_score(model_scorer(counting->model), counting->row, 1, counting->score_scratch, &margin);
    counting->counts[traits->column_count][psi_bins_find(&traits->scores, (double)margin)]++;
    counting->rows++;
}

static void count_all(struct counting *counting)
{
    int64_t customers = view_snapshot_customers(counting->snapshot);
    double chance = (double)DRIFT_CUSTOMERS / fmax((double)customers, 1);
    int32_t as_of_day = lx_day_of_ms(view_snapshot_as_of_ms(counting->snapshot),
                                     bank_utc_offset_minutes(counting->bank));
    for (int64_t i = 0; i < customers; i++) {
        struct lx_rng rng = lx_rng_of(DRIFT_SEED, (uint64_t)i);
        if (lx_rng_uniform(&rng) < chance && fill_row(counting, i, as_of_day, &rng))
            count_row(counting);
    }
}

static int compare_inputs(const void *left, const void *right)
{
    const struct drift_input *a = left, *b = right;
    if (a->psi != b->psi) return a->psi > b->psi ? -1 : 1;
    return strcmp(a->feature, b->feature);
}

static enum lx_err fill(const struct counting *counting, struct drift *drift, struct lx_error *err)
{
    const struct model_traits *traits = &counting->traits;
    drift->inputs = lx_calloc(traits->column_count + 1, sizeof *drift->inputs);
    if (drift->inputs == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "drift: out of memory");
    memcpy(drift->model, model_id(counting->model), sizeof drift->model);
    drift->before_ms = traits->baseline_ms;
    drift->after_ms = view_snapshot_as_of_ms(counting->snapshot);
    drift->before_rows = traits->baseline_rows;
    drift->after_rows = counting->rows;
    drift->scores = psi_of(&traits->scores, counting->counts[traits->column_count]);
    drift->input_count = traits->column_count;
    for (size_t i = 0; i < drift->input_count; i++) {
        struct drift_input *input = &drift->inputs[i];
        size_t missing = psi_bins_count(&traits->inputs[i]) - 1;
        memcpy(input->feature, traits->names[i], sizeof input->feature);
        input->psi = psi_of(&traits->inputs[i], counting->counts[i]);
        input->missing_before =
            (double)traits->inputs[i].counts[missing] / (double)traits->baseline_rows;
        input->missing_after = (double)counting->counts[i][missing] / (double)counting->rows;
        drift->look_count += psi_grade_of(input->psi) == PSI_IS_TO_LOOK;
        drift->act_count += psi_grade_of(input->psi) == PSI_IS_TO_ACT;
    }
    qsort(drift->inputs, drift->input_count, sizeof *drift->inputs, compare_inputs);
    return LX_OK;
}

enum lx_err drift_measure(const char *folder, const char *id, struct drift *ret_drift,
                          struct lx_error *err)
{
    struct counting counting = {0};
    struct drift drift = {0};
    enum lx_err code = counting_open(folder, id, &counting, err);
    if (code == LX_OK) count_all(&counting);
    if (code == LX_OK && counting.rows == 0)
        code = lx_fail(err, LX_ERR_NOT_READY, "drift: no customer may still open a product");
    if (code == LX_OK) code = fill(&counting, &drift, err);
    counting_release(&counting);
    if (code == LX_OK)
        *ret_drift = drift;
    else
        drift_release(&drift);
    return code;
}

void drift_release(struct drift *drift)
{
    lx_free(drift->inputs);
    *drift = (struct drift){{0}};
}

void drift_alarms(const struct drift *drift, const struct alarm_limits *limits,
                  struct alarms *alarms)
{
    if (drift->input_count > 0) alarms_add(alarms, limits, ALARM_INPUT_DRIFT, drift->inputs[0].psi);
    alarms_add(alarms, limits, ALARM_SCORE_DRIFT, drift->scores);
}
