#include <string.h>

#include "bank/bank.h"
#include "base/date.h"
#include "model/rows.h"

enum {
    MONTHS_MAX = 1200,
    WARM_UP_MONTHS = 2,
    SAMPLE_RANGES = 20,
    SAMPLE_CUSTOMERS = 100, /* of each range */
};

/* Events by month over a sample of customers, so that a bank's first month is seen without a pass
 * over all. Openings are left out: they are often known from years before the rest. */
struct month_counts {
    uint64_t counts[MONTHS_MAX];
    int32_t first_month; /* counted since 1970-01 */
    int utc_offset_minutes;
    int64_t until_ms;
};

static int32_t month_of(int64_t at_ms, int utc_offset_minutes)
{
    struct lx_civil civil = lx_civil_of_day(lx_day_of_ms(at_ms, utc_offset_minutes));
    return (civil.year - 1970) * 12 + civil.month - 1;
}

static int64_t month_begin_ms(int32_t month, int utc_offset_minutes)
{
    struct lx_civil civil = {1970 + month / 12, month % 12 + 1, 1};
    return lx_ms_of_day(lx_day_of_civil(civil), utc_offset_minutes);
}

static enum lx_err count_months(void *context, const struct bank_history *history,
                                struct lx_error *err)
{
    (void)err;
    struct month_counts *counts = context;
    for (size_t i = 0; i < history->event_count; i++) {
        const struct bank_event *event = &history->events[i];
        if (event->kind == BANK_EVENT_KIND_OPEN || event->kind == BANK_EVENT_KIND_CLOSE) continue;
        if (!bank_event_is_known(event, counts->until_ms)) continue;
        int32_t month = month_of(event->at_ms, counts->utc_offset_minutes) - counts->first_month;
        if (month >= 0 && month < MONTHS_MAX) counts->counts[month]++;
    }
    return LX_OK;
}

static enum lx_err count_sample(struct bank *bank, int64_t customers, struct month_counts *counts,
                                struct lx_error *err)
{
    int64_t ranges = customers <= SAMPLE_RANGES * SAMPLE_CUSTOMERS ? 1 : SAMPLE_RANGES;
    for (int64_t i = 0; i < ranges; i++) {
        int64_t first = customers / ranges * i;
        int64_t last = ranges == 1 ? customers : first + SAMPLE_CUSTOMERS;
        enum lx_err code = bank_scan(bank, first, last, count_months, counts, err);
        if (code != LX_OK) return code;
    }
    return LX_OK;
}

/* The first month with at least a quarter of the events of the busiest one. */
static int32_t first_full_month(const struct month_counts *counts)
{
    uint64_t most = 0;
    for (size_t i = 0; i < MONTHS_MAX; i++)
        if (counts->counts[i] > most) most = counts->counts[i];
    for (int32_t i = 0; i < MONTHS_MAX; i++)
        if (most > 0 && 4 * counts->counts[i] >= most) return counts->first_month + i;
    return counts->first_month + MONTHS_MAX;
}

static enum lx_err read_range(struct bank *bank, int64_t as_of_ms, int32_t *ret_first_month,
                              int64_t *ret_until_ms, struct lx_error *err)
{
    int64_t customers = 0, newest_ms = 0;
    enum lx_err code = bank_customer_count(bank, &customers, err);
    if (code != LX_OK) return code;
    if (customers == 0)
        return lx_fail(err, LX_ERR_NOT_READY, "%s: the bank is empty: run `lingxi import` first",
                       bank_folder(bank));
    code = bank_newest_known_ms(bank, &newest_ms, err);
    if (code != LX_OK) return code;
    int64_t until_ms = as_of_ms != BANK_UNKNOWN_MS && as_of_ms < newest_ms ? as_of_ms : newest_ms;

    int offset = bank_utc_offset_minutes(bank);
    struct month_counts *counts = lx_calloc(1, sizeof *counts);
    if (counts == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "months: out of memory");
    counts->first_month = month_of(until_ms, offset) - MONTHS_MAX + 1;
    counts->utc_offset_minutes = offset;
    counts->until_ms = until_ms;
    code = count_sample(bank, customers, counts, err);
    *ret_first_month = first_full_month(counts);
    *ret_until_ms = until_ms;
    lx_free(counts);
    return code;
}

enum lx_err rows_moments_find(const char *folder, int64_t as_of_ms, size_t max,
                              struct rows_moments *ret_moments, struct lx_error *err)
{
    LX_ASSERT(max > 0 && max <= ROWS_MOMENTS_MAX);

    struct bank *bank = NULL;
    struct rows_moments moments = {0};
    int32_t first_month = 0;
    enum lx_err code = bank_open(folder, STORE_READ, &bank, err);
    if (code == LX_OK)
        code = read_range(bank, as_of_ms, &first_month, &moments.complete_until_ms, err);
    if (code != LX_OK) goto out;

    int offset = bank_utc_offset_minutes(bank);
    int64_t newest_ms = moments.complete_until_ms - ROWS_HORIZON_DAYS * LX_MS_PER_DAY;
    int32_t newest = month_of(newest_ms + 1, offset) - 1; /* ends at or before newest_ms */
    int32_t oldest = first_month + WARM_UP_MONTHS;
    if (newest - oldest + 1 > (int32_t)max) oldest = newest - (int32_t)max + 1;
    for (int32_t month = oldest; month <= newest; month++)
        moments.as_of_ms[moments.count++] = month_begin_ms(month + 1, offset) - 1;
    *ret_moments = moments;
out:
    if (bank != NULL) bank_close(bank);
    return code;
}

enum lx_err rows_moments_after(const char *folder, int64_t after_ms, size_t max,
                               struct rows_moments *ret_moments, struct lx_error *err)
{
    struct rows_moments moments;
    enum lx_err code = rows_moments_find(folder, BANK_UNKNOWN_MS, max, &moments, err);
    if (code != LX_OK) return code;
    size_t first = 0;
    while (first < moments.count && moments.as_of_ms[first] < after_ms) first++;
    *ret_moments = (struct rows_moments){.count = moments.count - first,
                                         .complete_until_ms = moments.complete_until_ms};
    memcpy(ret_moments->as_of_ms, moments.as_of_ms + first,
           ret_moments->count * sizeof *ret_moments->as_of_ms);
    return LX_OK;
}

enum { QUALITY_MOMENTS = 2, CALIBRATION_MOMENTS = 1 };

/* A part of `count` moments that ends before `end`; labels of earlier parts must be over by its
 * first moment, so *ret_end is where they may end. */
static size_t part_begin(const struct rows_moments *moments, size_t end, size_t count,
                         size_t *ret_end)
{
    size_t begin = end - count;
    size_t before = begin;
    int64_t limit_ms = moments->as_of_ms[begin] - ROWS_HORIZON_DAYS * LX_MS_PER_DAY;
    while (before > 0 && moments->as_of_ms[before - 1] > limit_ms) before--;
    *ret_end = before;
    return begin;
}

enum lx_err rows_split_make(const struct rows_moments *moments, struct rows_split *ret_split,
                            struct lx_error *err)
{
    enum { NEEDED = QUALITY_MOMENTS + CALIBRATION_MOMENTS + 1 };
    size_t calibration_end = 0, fit_end = 0, calibration = 0, quality = 0;
    if (moments->count >= NEEDED)
        quality = part_begin(moments, moments->count, QUALITY_MOMENTS, &calibration_end);
    if (calibration_end > CALIBRATION_MOMENTS)
        calibration = part_begin(moments, calibration_end, CALIBRATION_MOMENTS, &fit_end);
    if (fit_end == 0)
        return lx_fail(err, LX_ERR_NOT_READY,
                       "training: the data has %zu month ends whose %d days after are over; it "
                       "takes %d: import more months",
                       moments->count, ROWS_HORIZON_DAYS, NEEDED);

    struct rows_split split = {.moments.complete_until_ms = moments->complete_until_ms,
                               .fit_count = fit_end,
                               .calibration_count = CALIBRATION_MOMENTS,
                               .quality_count = QUALITY_MOMENTS};
    int64_t *at = split.moments.as_of_ms;
    memcpy(at, moments->as_of_ms, fit_end * sizeof *at);
    memcpy(at + fit_end, moments->as_of_ms + calibration, CALIBRATION_MOMENTS * sizeof *at);
    memcpy(at + fit_end + CALIBRATION_MOMENTS, moments->as_of_ms + quality,
           QUALITY_MOMENTS * sizeof *at);
    split.moments.count = fit_end + CALIBRATION_MOMENTS + QUALITY_MOMENTS;
    *ret_split = split;
    return LX_OK;
}
