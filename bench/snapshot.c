#include "bench/snapshot.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "expr/columns.h"
#include "frame/frame.h"
#include "host/env.h"
#include "host/file.h"

/* What a bank's snapshot is made of: features, codes, days, amounts, branches, holdings. */
static const struct kind {
    const char *name;
    enum frame_type type;
    size_t element_size;
    int count;
    bool has_nulls;
} kinds[] = {
    {"feature", FRAME_F32, 4, 70, false}, {"count", FRAME_U16, 2, 20, false},
    {"code", FRAME_U8, 1, 15, true},      {"day", FRAME_I32, 4, 12, true},
    {"amount", FRAME_I64, 8, 10, false},  {"name", FRAME_DICTIONARY, 4, 4, true},
    {"held", FRAME_BITMAP, 0, 19, false},
};

enum { COLUMNS = 150, TRIALS = 9, NAMES = 1000, READ_BYTES = 1 << 20, NAME_BYTES = 24 };
#define ROWS_MAX ((uint64_t)20000000)

struct trial {
    const struct lx_env *env;
    struct lx_error *err;
    size_t row_count;
    char folder[LX_PATH_MAX], path[LX_PATH_MAX];
    void *values; /* 8 bytes a row */
    uint64_t *bits, *offsets;
    char *texts;
    struct frame *frame;
    struct frame_column columns[COLUMNS];
    const struct roaring_bitmap_s *bitmaps[COLUMNS];
};

static double now_ms(const struct trial *trial)
{
    return (double)trial->env->elapsed_ns(trial->env->context) / 1e6;
}

static void name_column(char name[NAME_BYTES], const struct kind *kind, int number)
{
    snprintf(name, NAME_BYTES, "%s_%d", kind->name, number);
}

/* ---- Writing ---- */

static enum lx_err make_room(struct trial *trial)
{
    uint64_t number = 0;
    trial->env->entropy(trial->env->context, &number, sizeof number);
    const char *top = host_variable("TMPDIR");
    char name[64];
    snprintf(name, sizeof name, "lingxi-bench-%016" PRIx64, number);
    enum lx_err code = host_join(trial->folder, top == NULL ? "/tmp" : top, name, trial->err);
    if (code == LX_OK) code = host_join(trial->path, trial->folder, "bench.frame", trial->err);
    if (code == LX_OK) code = host_make_folder(trial->folder, trial->err);
    if (code != LX_OK) return code;
    trial->values = lx_calloc(trial->row_count, sizeof(uint64_t));
    trial->bits = lx_calloc(frame_bit_words(trial->row_count), sizeof *trial->bits);
    trial->offsets = lx_calloc(NAMES + 1, sizeof *trial->offsets);
    trial->texts = lx_calloc(NAMES, NAME_BYTES);
    if (trial->values == NULL || trial->bits == NULL || trial->offsets == NULL ||
        trial->texts == NULL)
        return lx_fail(trial->err, LX_ERR_NO_MEMORY, "bench snapshot: %zu rows", trial->row_count);
    return LX_OK;
}

static void fill_bits(struct trial *trial, struct lx_rng *rng, double share)
{
    memset(trial->bits, 0, frame_bit_words(trial->row_count) * sizeof *trial->bits);
    uint64_t below = (uint64_t)(share * 4294967296.0);
    for (size_t row = 0; row < trial->row_count; row++)
        trial->bits[row / 64] |= (uint64_t)((lx_rng_next(rng) >> 32) < below) << row % 64;
}

static void fill_values(struct trial *trial, struct lx_rng *rng, const struct kind *kind)
{
    for (size_t row = 0; row < trial->row_count; row++) {
        uint64_t draw = lx_rng_next(rng);
        switch (kind->type) {
        case FRAME_F32: ((float *)trial->values)[row] = (float)(draw >> 40) / 256; break;
        case FRAME_U16: ((uint16_t *)trial->values)[row] = (uint16_t)(draw >> 52); break;
        case FRAME_U8: ((uint8_t *)trial->values)[row] = (uint8_t)(draw >> 59); break;
        case FRAME_I32: ((int32_t *)trial->values)[row] = (int32_t)(draw >> 49); break;
        case FRAME_I64: ((int64_t *)trial->values)[row] = (int64_t)(draw >> 36); break;
        default: ((uint32_t *)trial->values)[row] = (uint32_t)((draw >> 32) * NAMES >> 32);
        }
    }
}

static enum lx_err write_names(struct trial *trial, struct frame_writer *writer, const char *name)
{
    uint32_t *codes = trial->values;
    size_t length = 0;
    for (size_t i = 0; i < NAMES; i++) {
        length += (size_t)snprintf(trial->texts + length, NAME_BYTES, "branch %04zu", i);
        trial->offsets[i + 1] = length;
    }
    for (size_t row = 0; row < trial->row_count; row++)
        if ((trial->bits[row / 64] >> row % 64 & 1) != 0) codes[row] = 0;
    const struct frame_strings strings = {NAMES, trial->offsets, trial->texts};
    return frame_write_dictionary(writer, name, &strings, codes, trial->bits, trial->err);
}

static enum lx_err write_column(struct trial *trial, struct frame_writer *writer,
                                const struct kind *kind, int number)
{
    struct lx_rng rng = lx_rng_of((uint64_t)kind->type, (uint64_t)number);
    char name[NAME_BYTES];
    name_column(name, kind, number);
    if (kind->type == FRAME_BITMAP) {
        fill_bits(trial, &rng, 0.4 / (double)(1 + number * number));
        return frame_write_bits(writer, name, trial->bits, trial->err);
    }
    fill_values(trial, &rng, kind);
    if (kind->has_nulls) fill_bits(trial, &rng, 0.1);
    if (kind->type == FRAME_DICTIONARY) return write_names(trial, writer, name);
    return frame_write_nullable(writer, name, kind->type, trial->values,
                                kind->has_nulls ? trial->bits : NULL, trial->err);
}

static enum lx_err write_frame(struct trial *trial)
{
    static const char meta[] = "{\"feature_set\":\"bench\",\"journal_position\":0}";
    struct frame_writer *writer = NULL;
    enum lx_err code = frame_writer_open(trial->path, trial->row_count, &writer, trial->err);
    for (size_t k = 0; k < LX_COUNT_OF(kinds); k++)
        for (int i = 0; i < kinds[k].count && code == LX_OK; i++)
            code = write_column(trial, writer, &kinds[k], i);
    if (code == LX_OK) code = frame_writer_commit(writer, meta, sizeof meta - 1, trial->err);
    frame_writer_close(writer);
    return code;
}

/* ---- Opening ---- */

static void close_frame(struct trial *trial)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        frame_bitmap_close(trial->bitmaps[i]);
        trial->bitmaps[i] = NULL;
    }
    frame_close(trial->frame);
    trial->frame = NULL;
}

static enum lx_err open_frame(struct trial *trial)
{
    size_t column = 0;
    char name[NAME_BYTES];
    enum lx_err code = frame_open(trial->path, &trial->frame, trial->err);
    for (size_t k = 0; k < LX_COUNT_OF(kinds); k++)
        for (int i = 0; i < kinds[k].count && code == LX_OK; i++, column++) {
            name_column(name, &kinds[k], i);
            code = frame_column_named(trial->frame, name, kinds[k].type, &trial->columns[column],
                                      trial->err);
            if (code == LX_OK && kinds[k].type == FRAME_BITMAP)
                code = frame_bitmap_open(trial->frame, name, &trial->bitmaps[column], trial->err);
        }
    LX_ASSERT(code != LX_OK || column == COLUMNS);
    return code;
}

/* The peer: the bytes of the file in memory. */
static enum lx_err read_whole(struct trial *trial, double *ret_ms)
{
    struct host_file *file = NULL;
    size_t length = 1, done = 0, size = (size_t)frame_size_bytes(trial->frame);
    double start = now_ms(trial);
    char *bytes = lx_malloc(size + READ_BYTES);
    if (bytes == NULL)
        return lx_fail(trial->err, LX_ERR_NO_MEMORY, "bench snapshot: %zu bytes", size);
    enum lx_err code = host_open(trial->path, HOST_READ, &file, trial->err);
    while (code == LX_OK && length > 0 && done <= size) {
        code = host_read(file, bytes + done, READ_BYTES, &length, trial->err);
        done += length;
    }
    *ret_ms = now_ms(trial) - start;
    if (code == LX_OK && done != size)
        code = lx_fail(trial->err, LX_ERR_CORRUPT, "bench snapshot: read %zu of %zu bytes", done,
                       size);
    host_close(file);
    lx_free(bytes);
    return code;
}

/* ---- A first question ---- */

static const struct expr_field fields[] = {{"feature", NULL, EXPR_REAL, NULL, false}};
static const struct expr_schema schema = {.fields = fields, .field_count = 1};

static enum lx_err give_field(void *context, size_t field, struct expr_column *ret_column,
                              struct lx_error *err)
{
    const struct trial *trial = context;
    return expr_column_of_frame(&trial->columns[field], NULL, ret_column, err);
}

static enum lx_err count_one(struct trial *trial, double *ret_ms)
{
    static const char text[] = "feature > 1000.0";
    const struct expr_table table = {
        .context = trial, .row_count = trial->row_count, .field = give_field};
    struct expr *expr = NULL;
    struct expr_plan *plan = NULL;
    uint64_t count;
    double start = now_ms(trial);
    enum lx_err code = expr_compile(&schema, text, sizeof text - 1, &expr, NULL, trial->err);
    if (code == LX_OK) code = expr_plan_open(expr, &table, EXPR_KERNEL_BEST, &plan, trial->err);
    if (code == LX_OK) code = expr_plan_count(plan, 1, &count, trial->err);
    *ret_ms = now_ms(trial) - start;
    expr_plan_close(plan);
    expr_free(expr);
    return code;
}

/* ---- The benchmark ---- */

struct times {
    double write, open, read, verify, count; /* milliseconds */
};

static enum lx_err time_all(struct trial *trial, struct times *times)
{
    double start = now_ms(trial);
    enum lx_err code = write_frame(trial);
    times->write = now_ms(trial) - start;
    times->open = INFINITY;
    for (int i = 0; i < TRIALS && code == LX_OK; i++) {
        close_frame(trial);
        start = now_ms(trial);
        code = open_frame(trial);
        times->open = fmin(times->open, now_ms(trial) - start);
    }
    if (code == LX_OK) code = count_one(trial, &times->count);
    if (code == LX_OK) code = read_whole(trial, &times->read);
    start = now_ms(trial);
    if (code == LX_OK) code = frame_verify(trial->frame, trial->err);
    times->verify = now_ms(trial) - start;
    return code;
}

static void report(const struct trial *trial, const struct times *times,
                   struct bench_result *result)
{
    *result = (struct bench_result){.name = "snapshot",
                                    .unit = "ms",
                                    .ours = times->open,
                                    .peer = times->read,
                                    .ours_name = "mapped",
                                    .peer_name = "the file read whole"};
    result->ratio = result->peer / result->ours;
    bench_add(result, "rows", (double)trial->row_count, "");
    bench_add(result, "columns", COLUMNS, "");
    bench_add(result, "gigabytes", (double)frame_size_bytes(trial->frame) / 1e9, "GB");
    bench_add(result, "written_in", times->write, "ms");
    bench_add(result, "verified_in", times->verify, "ms");
    bench_add(result, "first_count", times->count, "ms");
}

enum lx_err bench_snapshot(uint64_t row_count, const struct lx_env *env,
                           struct bench_result *ret_result, struct lx_error *err)
{
    if (row_count == 0 || row_count > ROWS_MAX)
        return lx_fail(err, LX_ERR_LIMIT, "bench: %llu rows; 1 to %llu are possible",
                       (unsigned long long)row_count, (unsigned long long)ROWS_MAX);
    struct trial *trial = lx_calloc(1, sizeof *trial);
    if (trial == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "bench snapshot: out of memory");
    trial->env = env;
    trial->err = err;
    trial->row_count = (size_t)row_count;
    struct times times = {0};
    struct lx_error removing = {0};
    enum lx_err code = make_room(trial);
    if (code == LX_OK) code = time_all(trial, &times);
    if (code == LX_OK) report(trial, &times, ret_result);
    close_frame(trial);
    if (trial->folder[0] != '\0' && host_remove_tree(trial->folder, &removing) != LX_OK &&
        code == LX_OK)
        code = lx_fail(err, removing.code, "%s", removing.text);
    lx_free(trial->values);
    lx_free(trial->bits);
    lx_free(trial->offsets);
    lx_free(trial->texts);
    lx_free(trial);
    return code;
}
