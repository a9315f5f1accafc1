#include "model/second_rows.h"

#include <math.h>
#include <string.h>

#include "base/date.h"
#include "base/rng.h"
#include "model/rows_scan.h"
#include "model/second.h"

/* One chunk of customers. */
struct gathering {
    const struct fit *fit;
    const struct model *model;
    double replay_rate, asked_rate;
    struct second_rows part;
    size_t odds_capacity, truth_capacity, replay_capacity, customer_capacity, asked_capacity,
        given_capacity;
    struct view_scratch *view_scratch;
    void *scratch;
    float *customer_values, *pair_values, *rows; /* of one customer, every product */
    double *log_odds;
};

size_t second_half(uint64_t seed, int64_t customer)
{
    struct lx_rng rng = lx_rng_of(seed + 2, (uint64_t)customer);
    return (size_t)lx_rng_below(&rng, SECOND_HALVES);
}

/* The moments that the trees were not fitted on. */
static size_t moment_count(const struct fit *fit)
{
    return fit->split.calibration_count + fit->split.quality_count;
}

static size_t moment_at(const struct fit *fit, size_t i)
{
    return fit->split.fit_count + i;
}

void second_rows_release(struct second_rows *rows)
{
    lx_free(rows->log_odds);
    lx_free(rows->truth);
    lx_free(rows->is_replay);
    lx_free(rows->customers);
    lx_free(rows->asked);
    lx_free(rows->given);
    lx_free(rows->shown);
    lx_free(rows->yes);
    *rows = (struct second_rows){0};
}

static void gathering_release(struct gathering *gathering)
{
    second_rows_release(&gathering->part);
    view_scratch_close(gathering->view_scratch);
    lx_free(gathering->scratch);
    lx_free(gathering->customer_values);
    lx_free(gathering->pair_values);
    lx_free(gathering->rows);
    lx_free(gathering->log_odds);
}

static enum lx_err prepare(struct gathering *gathering, const struct bank_catalogue *catalogue,
                           struct lx_error *err)
{
    const struct view_features *features = gathering->fit->features;
    size_t customer_count = view_features_count(features, VIEW_CUSTOMER);
    size_t pair_count = view_features_count(features, VIEW_PAIR), products = catalogue->count;
    gathering->part.product_count = products;
    gathering->scratch = lx_malloc(model_scratch_bytes(gathering->model) + 1);
    gathering->customer_values = lx_calloc(customer_count + 1, sizeof(float));
    gathering->pair_values = lx_calloc(products * pair_count + 1, sizeof(float));
    gathering->rows = lx_calloc(products * (customer_count + pair_count), sizeof(float));
    gathering->log_odds = lx_calloc(products, sizeof(double));
    gathering->part.shown = lx_calloc(SECOND_HALVES * products, sizeof(uint64_t));
    gathering->part.yes = lx_calloc(SECOND_HALVES * products, sizeof(uint64_t));
    bool is_ready = gathering->scratch != NULL && gathering->customer_values != NULL &&
                    gathering->pair_values != NULL && gathering->rows != NULL &&
                    gathering->log_odds != NULL && gathering->part.shown != NULL &&
                    gathering->part.yes != NULL;
    if (!is_ready) return lx_fail(err, LX_ERR_NO_MEMORY, "second round: out of memory");
    return view_scratch_open(features, catalogue, &gathering->view_scratch, err);
}

static enum lx_err make_case(struct second_rows *part, struct gathering *gathering)
{
    size_t products = part->product_count, needed = part->case_count + 1;
    enum lx_err code = lx_grow(&part->log_odds, &gathering->odds_capacity, needed * products,
                               LX_MEMORY_MAX, sizeof *part->log_odds);
    if (code == LX_OK)
        code =
            lx_grow(&part->truth, &gathering->truth_capacity, needed * products, LX_MEMORY_MAX, 1);
    if (code == LX_OK)
        code = lx_grow(&part->is_replay, &gathering->replay_capacity, needed, LX_MEMORY_MAX, 1);
    if (code == LX_OK)
        code = lx_grow(&part->customers, &gathering->customer_capacity, needed, LX_MEMORY_MAX,
                       sizeof *part->customers);
    return code;
}

/* The customer as of a moment; his truth is filled by the caller. */
static enum lx_err add_case(struct gathering *gathering, const struct rows_chunk *chunk,
                            const struct bank_history *history, size_t moment)
{
    const struct fit *fit = gathering->fit;
    const struct bank_catalogue *catalogue = chunk->catalogue;
    struct second_rows *part = &gathering->part;
    const struct view_context context = {catalogue, fit->peers[moment], chunk->utc_offset_minutes,
                                         gathering->view_scratch};
    int64_t as_of_ms = fit->split.moments.as_of_ms[moment];
    int32_t as_of_day = lx_day_of_ms(as_of_ms, chunk->utc_offset_minutes);
    size_t customer_count = view_features_count(fit->features, VIEW_CUSTOMER);
    size_t pair_count = view_features_count(fit->features, VIEW_PAIR), products = catalogue->count;
    struct view_facts facts;
    enum lx_err code = make_case(part, gathering);
    if (code != LX_OK) return code;
    view_facts(history, &context, as_of_ms, &facts);
    view_customer_features(history, &context, as_of_ms, gathering->customer_values);
    view_pair_features(history, &context, as_of_ms, gathering->customer_values,
                       gathering->pair_values);
    for (size_t i = 0; i < products; i++) {
        float *row = gathering->rows + i * (customer_count + pair_count);
        memcpy(row, gathering->customer_values, customer_count * sizeof *row);
        memcpy(row + customer_count, gathering->pair_values + i * pair_count,
               pair_count * sizeof *row);
    }
    model_log_odds(gathering->model, gathering->rows, products, gathering->scratch,
                   gathering->log_odds);
    float *log_odds = part->log_odds + part->case_count * products;
    for (size_t i = 0; i < products; i++) {
        bool is_open = rows_is_candidate(&catalogue->products[i], (int)i, &facts, as_of_day);
        log_odds[i] = is_open ? (float)gathering->log_odds[i] : NAN;
    }
    memset(part->truth + part->case_count * products, 0, products);
    part->is_replay[part->case_count] = 0;
    part->customers[part->case_count++] = (uint32_t)history->customer;
    return LX_OK;
}

static bool was_asked(const struct fit *fit, const struct bank_exposure *exposure, bool *ret_yes)
{
    int64_t known_ms = fit->split.moments.complete_until_ms;
    bool is_known =
        exposure->answer_known_at_ms != BANK_UNKNOWN_MS && exposure->answer_known_at_ms <= known_ms;
    enum bank_answer answer = is_known ? (enum bank_answer)exposure->answer : BANK_ANSWER_NONE;
    *ret_yes = answer == BANK_ANSWER_INTERESTED || answer == BANK_ANSWER_BOUGHT;
    if (exposure->is_control || exposure->known_at_ms > known_ms) return false;
    if (answer == BANK_ANSWER_OWNS || answer == BANK_ANSWER_RETRACTED) return false;
    return answer != BANK_ANSWER_NONE ||
           exposure->at_ms + SECOND_SILENT_DAYS * LX_MS_PER_DAY <= known_ms;
}

/* What he opened or said yes to after the first moment, a byte by product; is there anything? */
static bool find_truth(const struct gathering *gathering, const struct bank_history *history,
                       uint8_t *ret_truth)
{
    const struct fit *fit = gathering->fit;
    const struct rows_moments *moments = &fit->split.moments;
    size_t products = gathering->part.product_count;
    bool has_any = false, is_yes = false;
    memset(ret_truth, 0, products);
    for (size_t i = 0; i < moment_count(fit); i++) {
        uint64_t bits[ROWS_PRODUCT_WORDS];
        rows_labels(history, moments->as_of_ms[moment_at(fit, i)], moments->complete_until_ms,
                    bits);
        for (size_t p = 0; p < products; p++)
            if (bits[p / 64] >> (p % 64) & 1) {
                has_any = true;
                ret_truth[p] = 1;
            }
    }
    int64_t first_ms = moments->as_of_ms[moment_at(fit, 0)];
    for (size_t i = 0; i < history->exposure_count; i++) {
        const struct bank_exposure *exposure = &history->exposures[i];
        if (exposure->at_ms <= first_ms || !was_asked(fit, exposure, &is_yes) || !is_yes) continue;
        has_any = true;
        ret_truth[exposure->product] = 1;
    }
    return has_any;
}

/* What he had said of other products before an offer; the last word about each counts. */
static enum lx_err add_given(struct gathering *gathering, const struct bank_history *history,
                             const struct bank_exposure *offer, struct second_asked *asked)
{
    struct second_rows *part = &gathering->part;
    asked->given_first = part->given_count;
    for (size_t i = 0; i < history->exposure_count; i++) {
        const struct bank_exposure *before = &history->exposures[i];
        if (before->is_control || before->answer_known_at_ms == BANK_UNKNOWN_MS ||
            before->answer_known_at_ms > offer->at_ms || before->product == offer->product)
            continue;
        double weight = second_answer_weight((enum bank_answer)before->answer,
                                             offer->at_ms - before->answer_known_at_ms);
        if (weight == 0) continue;
        size_t at = asked->given_first;
        while (at < part->given_count && part->given[at].product != before->product) at++;
        enum lx_err code = lx_grow(&part->given, &gathering->given_capacity, part->given_count + 1,
                                   LX_MEMORY_MAX, sizeof *part->given);
        if (code != LX_OK) return code;
        part->given[at] = (struct second_given){(uint16_t)before->product, (float)weight};
        if (at == part->given_count) part->given_count++;
    }
    asked->given_count = part->given_count - asked->given_first;
    return LX_OK;
}

/* The offers after one moment and before the next, against the customer as of that moment. */
static enum lx_err add_asked(struct gathering *gathering, const struct rows_chunk *chunk,
                             const struct bank_history *history, size_t moment)
{
    const struct fit *fit = gathering->fit;
    const struct rows_moments *moments = &fit->split.moments;
    struct second_rows *part = &gathering->part;
    size_t case_index = SIZE_MAX;
    int64_t from_ms = moments->as_of_ms[moment];
    int64_t end_ms = moment + 1 < moments->count ? moments->as_of_ms[moment + 1] : INT64_MAX;
    enum lx_err code = LX_OK;
    if (!rows_is_known(history, from_ms)) return LX_OK;
    for (size_t j = 0; j < history->exposure_count && code == LX_OK; j++) {
        const struct bank_exposure *exposure = &history->exposures[j];
        bool is_yes = false;
        if (exposure->at_ms <= from_ms || exposure->at_ms > end_ms ||
            !was_asked(fit, exposure, &is_yes))
            continue;
        if (case_index == SIZE_MAX) {
            code = add_case(gathering, chunk, history, moment);
            case_index = part->case_count - 1;
        }
        if (code == LX_OK)
            code = lx_grow(&part->asked, &gathering->asked_capacity, part->asked_count + 1,
                           LX_MEMORY_MAX, sizeof *part->asked);
        if (code != LX_OK) return code;
        struct second_asked asked = {.case_index = case_index,
                                     .customer = (uint32_t)history->customer,
                                     .product = (uint16_t)exposure->product,
                                     .is_yes = is_yes};
        /* He opened it in between: then he was not asked of something new. */
        if (isnan(part->log_odds[case_index * part->product_count + asked.product])) continue;
        code = add_given(gathering, history, exposure, &asked);
        if (code == LX_OK) part->asked[part->asked_count++] = asked;
    }
    return code;
}

static void count_shown(struct gathering *gathering, const struct bank_history *history)
{
    const struct fit *fit = gathering->fit;
    size_t half = second_half(fit->options.seed, history->customer);
    size_t first = half * gathering->part.product_count;
    for (size_t i = 0; i < history->exposure_count; i++) {
        const struct bank_exposure *exposure = &history->exposures[i];
        bool is_yes = false;
        if (!was_asked(fit, exposure, &is_yes)) continue;
        gathering->part.shown[first + (size_t)exposure->product]++;
        gathering->part.yes[first + (size_t)exposure->product] += is_yes;
    }
}

static enum lx_err gather(struct rows_chunk *chunk, const struct bank_history *history,
                          struct lx_error *err)
{
    struct gathering *gathering = chunk->context;
    const struct fit *fit = gathering->fit;
    struct lx_rng rng = lx_rng_of(fit->options.seed + 1, (uint64_t)history->customer);
    uint8_t truth[LX_PRODUCT_MAX];
    enum lx_err code = LX_OK;
    if (gathering->scratch == NULL) code = prepare(gathering, chunk->catalogue, err);
    if (code != LX_OK) return code;
    bool is_asked = lx_rng_chance(&rng, gathering->asked_rate);
    bool is_replayed = lx_rng_chance(&rng, gathering->replay_rate);
    size_t first = moment_at(fit, 0);
    count_shown(gathering, history);
    if (rows_is_known(history, fit->split.moments.as_of_ms[first]) &&
        (find_truth(gathering, history, truth) || is_replayed)) {
        code = add_case(gathering, chunk, history, first);
        if (code == LX_OK) {
            struct second_rows *part = &gathering->part;
            part->is_replay[part->case_count - 1] = 1;
            part->replay_count++;
            memcpy(part->truth + (part->case_count - 1) * part->product_count, truth,
                   part->product_count);
        }
    }
    for (size_t i = 0; code == LX_OK && is_asked && i < fit->split.moments.count; i++)
        code = add_asked(gathering, chunk, history, i);
    return code == LX_OK ? LX_OK : lx_fail(err, code, "second round: out of memory");
}

static void copy(void *to, size_t at, const void *from, size_t count, size_t size)
{
    if (count > 0) memcpy((char *)to + at * size, from, count * size);
}

static void append(struct second_rows *rows, const struct second_rows *part)
{
    size_t products = rows->product_count;
    copy(rows->log_odds, rows->case_count * products, part->log_odds, part->case_count * products,
         sizeof *rows->log_odds);
    copy(rows->truth, rows->case_count * products, part->truth, part->case_count * products, 1);
    copy(rows->is_replay, rows->case_count, part->is_replay, part->case_count, 1);
    copy(rows->customers, rows->case_count, part->customers, part->case_count,
         sizeof *rows->customers);
    copy(rows->given, rows->given_count, part->given, part->given_count, sizeof *rows->given);
    for (size_t i = 0; i < part->asked_count; i++) {
        struct second_asked *asked = &rows->asked[rows->asked_count++];
        *asked = part->asked[i];
        asked->case_index += rows->case_count;
        asked->given_first += rows->given_count;
    }
    rows->case_count += part->case_count;
    rows->replay_count += part->replay_count;
    rows->given_count += part->given_count;
    for (size_t p = 0; p < SECOND_HALVES * products && part->shown != NULL; p++) {
        rows->shown[p] += part->shown[p];
        rows->yes[p] += part->yes[p];
    }
}

static enum lx_err merge(const struct gathering *gatherings, size_t count, size_t products,
                         struct second_rows *rows)
{
    size_t cases = 0, asked = 0, given = 0;
    for (size_t i = 0; i < count; i++) {
        cases += gatherings[i].part.case_count;
        asked += gatherings[i].part.asked_count;
        given += gatherings[i].part.given_count;
    }
    rows->product_count = products;
    rows->log_odds = lx_calloc(cases * products + 1, sizeof *rows->log_odds);
    rows->truth = lx_calloc(cases * products + 1, 1);
    rows->is_replay = lx_calloc(cases + 1, 1);
    rows->customers = lx_calloc(cases + 1, sizeof *rows->customers);
    rows->asked = lx_calloc(asked + 1, sizeof *rows->asked);
    rows->given = lx_calloc(given + 1, sizeof *rows->given);
    rows->shown = lx_calloc(SECOND_HALVES * products, sizeof *rows->shown);
    rows->yes = lx_calloc(SECOND_HALVES * products, sizeof *rows->yes);
    if (rows->log_odds == NULL || rows->truth == NULL || rows->is_replay == NULL ||
        rows->customers == NULL || rows->asked == NULL || rows->given == NULL ||
        rows->shown == NULL || rows->yes == NULL)
        return LX_ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) append(rows, &gatherings[i].part);
    return LX_OK;
}

enum lx_err second_rows_build(const struct fit *fit, const struct model *model,
                              const struct lx_env *env, struct second_rows *ret_rows,
                              struct lx_error *err)
{
    int64_t customers = fit->card.customers;
    size_t chunks = rows_scan_chunks(customers, env), products = 0;
    struct second_rows rows = {0};
    struct gathering *gatherings = lx_calloc(chunks, sizeof *gatherings);
    if (gatherings == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "second round: out of memory");
    for (size_t i = 0; i < chunks; i++)
        gatherings[i] =
            (struct gathering){.fit = fit,
                               .model = model,
                               .replay_rate = fmin(1, SECOND_REPLAYS / (double)(customers + 1)),
                               .asked_rate = fmin(1, SECOND_ASKED_MAX / (double)(customers + 1))};
    const struct rows_scan scan = {.folder = fit->folder,
                                   .what = "second round",
                                   .visit = gather,
                                   .contexts = (char *)gatherings,
                                   .context_size = sizeof *gatherings,
                                   .chunk_count = chunks,
                                   .customers = customers};
    enum lx_err code = rows_scan(&scan, env, err);
    for (size_t i = 0; i < chunks; i++)
        if (gatherings[i].part.product_count > 0) products = gatherings[i].part.product_count;
    if (code == LX_OK && merge(gatherings, chunks, products, &rows) != LX_OK)
        code = lx_fail(err, LX_ERR_NO_MEMORY, "second round: out of memory");
    for (size_t i = 0; i < chunks; i++) gathering_release(&gatherings[i]);
    lx_free(gatherings);
    if (code == LX_OK)
        *ret_rows = rows;
    else
        second_rows_release(&rows);
    return code;
}
