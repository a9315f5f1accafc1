#include "model/second.h"

#include <math.h>
#include <string.h>

#include "base/date.h"
#include "base/limits.h"
#include "codec/bytes.h"

enum { SECOND_VERSION = 1 };
static const char MAGIC[] = "lingxi second";

double second_answer_weight(enum bank_answer answer, int64_t age_ms)
{
    double weight = 0;
    bool is_yes = false;
    if (!rounds_answer_weight(answer, &weight, &is_yes)) return 0;
    if (!is_yes) weight = -weight;
    if (age_ms <= 0) return weight;
    return weight * exp2(-(double)age_ms / ((double)SECOND_HALF_LIFE_DAYS * LX_MS_PER_DAY));
}

/* Zeroes of the right length. */
static enum lx_err make_room(size_t count, struct second **ret_second, struct lx_error *err)
{
    LX_ASSERT(count > 0 && count <= LX_PRODUCT_MAX);

    struct second *second = lx_calloc(1, sizeof *second);
    double *numbers = lx_calloc(2 * count, sizeof *numbers);
    if (second == NULL || numbers == NULL) {
        lx_free(second);
        lx_free(numbers);
        return lx_fail(err, LX_ERR_NO_MEMORY, "second round: out of memory");
    }
    *second = (struct second){.product_count = count,
                              .slope = 1,
                              .shift = 1,
                              .interest = ROUNDS_INTEREST,
                              .rates = numbers,
                              .offsets = numbers + count};
    *ret_second = second;
    return LX_OK;
}

enum lx_err second_new(const struct bank_catalogue *catalogue, const struct view_peers *peers,
                       struct second **ret_second, struct lx_error *err)
{
    struct second *second = NULL;
    enum lx_err code = make_room(catalogue->count, &second, err);
    if (code == LX_OK) code = rounds_kernel_init(catalogue, peers, &second->kernel, err);
    if (code == LX_OK)
        *ret_second = second;
    else
        second_close(second);
    return code;
}

void second_close(struct second *second)
{
    if (second == NULL) return;
    second_round_close(second->learnt);
    rounds_kernel_release(&second->kernel);
    lx_free(second->rates);
    lx_free(second);
}

/* Two lists of floats and one of doubles stand before what the learner needs. */
static size_t own_bytes(const struct second *second)
{
    return second->product_count * (sizeof(double) + sizeof(float)) + sizeof(double);
}

size_t second_scratch_bytes(const struct second *second)
{
    size_t learnt = second->learnt == NULL ? 0 : second_round_scratch_bytes(second->learnt);
    return own_bytes(second) + learnt;
}

/* Answers about what he holds say nothing of taste. */
static bool has_answers(const struct second *second, const bool *is_held, const float *answers)
{
    for (size_t i = 0; i < second->product_count; i++)
        if (answers[i] != 0 && !is_held[i]) return true;
    return false;
}

static void shift_by_kernel(const struct second *second, const double *log_odds,
                            const bool *is_held, const float *answers, float *heard,
                            double *ret_shifts)
{
    for (size_t i = 0; i < second->product_count; i++) heard[i] = is_held[i] ? 0 : answers[i];
    rounds_update(&second->kernel, second->interest, log_odds, heard, ret_shifts);
    for (size_t i = 0; i < second->product_count; i++) {
        bool is_out = is_held[i] || answers[i] != 0;
        ret_shifts[i] = is_out ? 0 : ret_shifts[i] - log_odds[i];
    }
}

void second_shift(const struct second *second, const double *log_odds, const bool *is_held,
                  const float *answers, void *scratch, double *ret_shifts)
{
    size_t count = second->product_count;
    double *after =
        (double *)(((uintptr_t)scratch + sizeof(double) - 1) / sizeof(double) * sizeof(double));
    float *before = (float *)(after + count);
    memset(ret_shifts, 0, count * sizeof *ret_shifts);
    if (!has_answers(second, is_held, answers)) return;
    if (second->learnt == NULL) {
        shift_by_kernel(second, log_odds, is_held, answers, before, ret_shifts);
        return;
    }
    for (size_t i = 0; i < count; i++)
        before[i] = is_held[i] ? NAN : (float)(log_odds[i] + second->offsets[i]);
    second_round_score(second->learnt, NULL, before, answers, before + count, after);
    for (size_t i = 0; i < count; i++)
        if (!isnan(after[i])) ret_shifts[i] = after[i] - (double)before[i];
}

void second_score(const struct second *second, const double *log_odds, const bool *is_held,
                  const float *answers, void *scratch, double *ret_log_odds)
{
    second_shift(second, log_odds, is_held, answers, scratch, ret_log_odds);
    for (size_t i = 0; i < second->product_count; i++) {
        double shift = second->shift * ret_log_odds[i];
        double base = second->has_log ? second->intercept + second->rate * second->rates[i] +
                                            second->slope * log_odds[i]
                                      : log_odds[i];
        ret_log_odds[i] = base + shift;
    }
}

enum lx_err second_write(const struct second *second, struct lx_buffer *bytes, struct lx_error *err)
{
    struct lx_buffer learnt;
    enum lx_err code = LX_OK;
    lx_buffer_init(&learnt, LX_MEMORY_MAX);
    if (second->learnt != NULL) code = second_round_write(second->learnt, &learnt, err);
    if (code == LX_OK) {
        bytes_put_text(bytes, MAGIC, sizeof MAGIC - 1);
        bytes_put_varint(bytes, SECOND_VERSION);
        bytes_put_varint(bytes, second->product_count);
        bytes_put_u8(bytes, second->has_log);
        bytes_put_real(bytes, second->intercept);
        bytes_put_real(bytes, second->rate);
        bytes_put_real(bytes, second->slope);
        bytes_put_real(bytes, second->shift);
        for (size_t i = 0; i < 2 * second->product_count; i++)
            bytes_put_real(bytes, second->rates[i]);
        for (size_t i = 0; i < second->product_count * second->product_count; i++)
            bytes_put_real(bytes, second->kernel.values[i]);
        bytes_put_text(bytes, lx_buffer_text(&learnt), learnt.length);
        if (lx_buffer_error(bytes) != LX_OK)
            code = lx_fail(err, lx_buffer_error(bytes), "second round: more than fits a file");
    }
    lx_buffer_release(&learnt);
    return code;
}

static enum lx_err refuse(struct second *second, const char *why, struct lx_error *err)
{
    second_close(second);
    return lx_fail(err, LX_ERR_CORRUPT, "second round: %s", why);
}

enum lx_err second_read(const char *bytes, size_t length, struct second **ret_second,
                        struct lx_error *err)
{
    struct bytes_reader reader = bytes_reader_of(bytes, length);
    struct second *second = NULL;
    size_t magic_length = 0, learnt_length = 0;
    const char *magic = bytes_get_text(&reader, &magic_length);
    if (reader.is_failed || magic_length != sizeof MAGIC - 1 ||
        memcmp(magic, MAGIC, magic_length) != 0)
        return refuse(NULL, "these bytes are none", err);
    uint64_t version = bytes_get_varint(&reader), count = bytes_get_varint(&reader);
    if (!reader.is_failed && version != SECOND_VERSION)
        return lx_fail(err, LX_ERR_NOT_BUILT, "second round: version %llu, this program reads %d",
                       (unsigned long long)version, SECOND_VERSION);
    if (reader.is_failed || count == 0 || count > LX_PRODUCT_MAX)
        return refuse(NULL, "its number of products is wrong", err);
    enum lx_err code = make_room((size_t)count, &second, err);
    if (code != LX_OK) return code;
    second->kernel = (struct rounds_kernel){
        lx_calloc((size_t)count * (size_t)count, sizeof(double)), (size_t)count};
    if (second->kernel.values == NULL) {
        second_close(second);
        return lx_fail(err, LX_ERR_NO_MEMORY, "second round: out of memory");
    }
    bool is_finite = true;
    second->has_log = bytes_get_u8(&reader) != 0;
    double *numbers[] = {&second->intercept, &second->rate, &second->slope, &second->shift};
    for (size_t i = 0; i < LX_COUNT_OF(numbers); i++)
        is_finite = isfinite(*numbers[i] = bytes_get_real(&reader)) && is_finite;
    for (size_t i = 0; i < 2 * (size_t)count; i++)
        is_finite = isfinite(second->rates[i] = bytes_get_real(&reader)) && is_finite;
    for (size_t i = 0; i < (size_t)count * (size_t)count; i++)
        is_finite = isfinite(second->kernel.values[i] = bytes_get_real(&reader)) && is_finite;
    const char *learnt = bytes_get_text(&reader, &learnt_length);
    if (!bytes_is_at_end(&reader)) return refuse(second, "it is cut off, or goes on", err);
    if (!is_finite) return refuse(second, "a number is not finite", err);
    if (learnt_length > 0) {
        code = second_round_read(learnt, learnt_length, &second->learnt, err);
        if (code == LX_OK && second_round_product_count(second->learnt) != second->product_count)
            return refuse(second, "its parts are of different catalogues", err);
    }
    if (code == LX_OK)
        *ret_second = second;
    else
        second_close(second);
    return code;
}
