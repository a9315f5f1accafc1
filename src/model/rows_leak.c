#include <math.h>
#include <string.h>

#include "bank/bank.h"
#include "base/date.h"
#include "learn/metrics.h"
#include "model/rows.h"

enum {
    LEAK_POSITIVES_MIN = 50, /* fewer separate by luck */
    LEAK_ROWS_MAX = 60000,   /* negatives beyond do not change an AUC near 1 */
    LEAK_ARENA_MAX = 256 << 20,
};

/* Copies the elements of a list that had happened and were known by then. */
#define TRUNCATE(list, count)                                                                      \
    do {                                                                                           \
        ret->list = NULL;                                                                          \
        ret->count = 0;                                                                            \
        if (full->count == 0) break;                                                               \
        size_t size = sizeof *full->list;                                                          \
        char *copy = lx_arena_array(arena, full->count, size);                                     \
        if (copy == NULL) return LX_ERR_NO_MEMORY;                                                 \
        for (size_t i = 0; i < full->count; i++) {                                                 \
            if (full->list[i].at_ms > as_of_ms || full->list[i].known_at_ms > as_of_ms) continue;  \
            memcpy(copy + ret->count++ * size, &full->list[i], size);                              \
        }                                                                                          \
        ret->list = (const void *)copy;                                                            \
    } while (0)

static enum lx_err truncate_history(const struct bank_history *full, int64_t as_of_ms,
                                    struct lx_arena *arena, struct bank_history *ret)
{
    *ret = *full;
    TRUNCATE(profiles, profile_count);
    TRUNCATE(events, event_count);
    TRUNCATE(risks, risk_count);
    TRUNCATE(consents, consent_count);
    TRUNCATE(exposures, exposure_count);
    /* What was corrected by then is gone, and what was only corrected later stands. */
    struct bank_event *events = (struct bank_event *)(uintptr_t)ret->events;
    size_t known = 0;
    for (size_t i = 0; i < ret->event_count; i++) {
        if (!bank_event_is_known(&events[i], as_of_ms)) continue;
        events[known] = events[i];
        events[known++].replaced_at_ms = 0;
    }
    ret->event_count = known;
    /* An answer may come later than the offer that it answers. */
    struct bank_exposure *exposures = (struct bank_exposure *)(uintptr_t)ret->exposures;
    for (size_t i = 0; i < ret->exposure_count; i++) {
        if (exposures[i].answer_known_at_ms <= as_of_ms) continue;
        exposures[i].answer = BANK_ANSWER_NONE;
        exposures[i].answer_known_at_ms = BANK_UNKNOWN_MS;
    }
    return LX_OK;
}

static bool is_same(float a, float b)
{
    return a == b || (isnan(a) && isnan(b));
}

static void compare(const struct rows_definition *definition, size_t product_count,
                    const float *values, const float *honest, struct rows_leak *ret_leak)
{
    size_t customers = definition->customer_count, pairs = definition->pair_count;
    *ret_leak = (struct rows_leak){.product = BANK_NO_PRODUCT};
    for (size_t i = 0; i < customers + product_count * pairs; i++) {
        if (is_same(values[i], honest[i])) continue;
        ret_leak->is_leak = true;
        ret_leak->column = i < customers ? i : customers + (i - customers) % pairs;
        if (i >= customers) ret_leak->product = (int)((i - customers) / pairs);
        ret_leak->value = values[i];
        ret_leak->honest = honest[i];
        return;
    }
}

enum lx_err rows_check_leak(const struct rows_definition *definition,
                            const struct bank_history *history, const struct view_context *context,
                            int64_t as_of_ms, struct lx_arena *arena, struct rows_leak *ret_leak,
                            struct lx_error *err)
{
    struct bank_history past;
    size_t products = context->catalogue->count, customers = definition->customer_count;
    size_t count = customers + products * definition->pair_count;
    float *values = lx_arena_array(arena, count, sizeof *values);
    float *honest = lx_arena_array(arena, count, sizeof *honest);
    if (values == NULL || honest == NULL ||
        truncate_history(history, as_of_ms, arena, &past) != LX_OK)
        return lx_fail(err, LX_ERR_NO_MEMORY, "leak check: out of memory");

    definition->customer(history, context, as_of_ms, values);
    definition->pair(history, context, as_of_ms, values, values + customers);
    definition->customer(&past, context, as_of_ms, honest);
    definition->pair(&past, context, as_of_ms, honest, honest + customers);
    compare(definition, products, values, honest, ret_leak);
    return LX_OK;
}

static enum lx_err refuse_leak(const struct view_features *features, const struct rows_leak *leak,
                               const char *customer, int64_t as_of_ms, int utc_offset_minutes,
                               struct lx_error *err)
{
    char moment[LX_TIME_TEXT_SIZE];
    lx_ms_format(as_of_ms, utc_offset_minutes, moment);
    return lx_fail(err, LX_ERR_REFUSED,
                   "feature %s of customer %s as of %s is %g, and %g without what came later: it "
                   "sees the future",
                   rows_feature(features, leak->column)->name, customer, moment,
                   (double)leak->value, (double)leak->honest);
}

static enum lx_err check_customer(const struct rows_plan *plan, struct bank *bank, int64_t customer,
                                  struct view_scratch *scratch, struct lx_arena *arena,
                                  struct lx_error *err)
{
    const struct rows_definition definition = rows_definition_view(plan->features);
    struct bank_history history;
    enum lx_err code = bank_history_read(bank, customer, arena, &history, err);
    for (size_t i = 0; code == LX_OK && i < plan->moment_count; i++) {
        const struct view_context context = {bank_catalogue(bank), plan->peers[i],
                                             bank_utc_offset_minutes(bank), scratch};
        struct rows_leak leak;
        code =
            rows_check_leak(&definition, &history, &context, plan->as_of_ms[i], arena, &leak, err);
        if (code == LX_OK && leak.is_leak)
            code = refuse_leak(plan->features, &leak, history.id, plan->as_of_ms[i],
                               context.utc_offset_minutes, err);
    }
    return code;
}

enum lx_err rows_check_bank(const struct rows_plan *plan, size_t customer_count,
                            struct lx_error *err)
{
    LX_ASSERT(customer_count > 0);

    struct bank *bank = NULL;
    struct view_scratch *scratch = NULL;
    struct lx_arena arena;
    int64_t customers = 0;
    lx_arena_init(&arena, LEAK_ARENA_MAX);
    enum lx_err code = bank_open(plan->folder, STORE_READ, &bank, err);
    if (code == LX_OK) code = bank_customer_count(bank, &customers, err);
    if (code == LX_OK)
        code = view_scratch_open(plan->features, bank_catalogue(bank), &scratch, err);
    int64_t count = (int64_t)customer_count < customers ? (int64_t)customer_count : customers;
    for (int64_t i = 0; code == LX_OK && i < count; i++) {
        code = check_customer(plan, bank, customers / count * i, scratch, &arena, err);
        lx_arena_clear(&arena);
    }
    view_scratch_close(scratch);
    if (bank != NULL) bank_close(bank);
    lx_arena_release(&arena);
    return code;
}

/* Every n-th of each class, so many that LEAK_ROWS_MAX of it are not passed: a separation near 1 is
 * seen in a part as well. */
static size_t choose_rows(const struct rows *rows, size_t *ret_chosen)
{
    size_t count = 0, seen[2] = {0}, total = rows->matrix.row_count;
    const size_t step[2] = {(total - rows->positives) / LEAK_ROWS_MAX + 1,
                            rows->positives / LEAK_ROWS_MAX + 1};
    for (size_t i = 0; i < total; i++) {
        bool is_positive = rows->labels[i] > 0;
        if (seen[is_positive]++ % step[is_positive] == 0) ret_chosen[count++] = i;
    }
    return count;
}

/* With missing values at one end, and at the other where there are any: the better of the two. */
static enum lx_err column_auc(const struct rows *rows, size_t column, const size_t *chosen,
                              size_t count, double *scores, const uint8_t *labels, double *ret_auc)
{
    size_t columns = rows->matrix.column_count;
    bool has_missing = false;
    enum lx_err code = LX_OK;
    *ret_auc = 0.5;
    for (int end = 0; code == LX_OK && end < (has_missing ? 2 : 1); end++) {
        double auc = 0.5;
        for (size_t i = 0; i < count; i++) {
            float value = rows->matrix.values[chosen[i] * columns + column];
            has_missing |= isnan(value) != 0;
            scores[i] = isnan(value) ? (end == 0 ? -INFINITY : INFINITY) : (double)value;
        }
        code = metric_roc_auc(scores, labels, NULL, count, &auc);
        *ret_auc = fmax(*ret_auc, fmax(auc, 1 - auc));
    }
    return code;
}

enum lx_err rows_best_column(const struct rows *rows, size_t *ret_column, double *ret_auc,
                             struct lx_error *err)
{
    double best = NAN;
    size_t best_column = 0, count = rows->matrix.row_count;
    enum lx_err code = LX_ERR_NO_MEMORY;
    size_t *chosen = lx_malloc((count + 1) * sizeof *chosen);
    double *scores = lx_malloc((count + 1) * sizeof *scores);
    uint8_t *labels = lx_malloc(count + 1);
    if (chosen == NULL || scores == NULL || labels == NULL) goto out;

    code = LX_OK;
    count = choose_rows(rows, chosen);
    for (size_t i = 0; i < count; i++) labels[i] = rows->labels[chosen[i]] > 0;
    bool is_enough = rows->positives >= LEAK_POSITIVES_MIN && rows->positives < count;
    for (size_t i = 0; is_enough && code == LX_OK && i < rows->matrix.column_count; i++) {
        double auc = 0.5;
        code = column_auc(rows, i, chosen, count, scores, labels, &auc);
        if (code != LX_OK || auc <= best) continue;
        best = auc;
        best_column = i;
    }
out:
    lx_free(chosen);
    lx_free(scores);
    lx_free(labels);
    if (code != LX_OK) return lx_fail(err, code, "leak check: out of memory");
    *ret_column = best_column;
    *ret_auc = best;
    return LX_OK;
}
