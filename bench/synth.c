#include "bench/synth.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/env.h"
#include "host/file.h"
#include "host/thread.h"
#include "ingest/synth.h"

extern const char bench_catalogue[], bench_profile[];
extern const unsigned long bench_catalogue_length, bench_profile_length;

/* A customer of the shipped profile leaves about 62 rows in 24 months. */
enum { MONTHS = 24, ROWS_A_CUSTOMER = 62, CUSTOMERS_MIN = 100, NAME_MAX_BYTES = 64 };

/* A transaction as a program would hold it before it prints it. */
struct txn {
    int64_t amount_fen, balance_fen;
    uint32_t number;
    int year, month, day, hour, minute, second, code, dump_year, dump_month, dump_day;
    char id[33], channel[3], product[8], merchant[8];
};

/* One month's file: what was in it, and the peer's printing of it. */
struct month {
    char name[NAME_MAX_BYTES];
    struct txn *txns; /* owned */
    size_t count, capacity;
    struct lx_error err;
    enum lx_err code;
};

struct run {
    const struct lx_env *env;
    char folder[LX_PATH_MAX];
    struct bank_catalogue catalogue;
    struct synth_result written;
    uint64_t peak_bytes; /* when it was written */
    struct month months[MONTHS];
};

static double now_seconds(const struct run *run)
{
    return (double)run->env->elapsed_ns(run->env->context) / 1e9;
}

static enum lx_err make_folder(struct run *run, struct lx_error *err)
{
    uint64_t number = 0;
    run->env->entropy(run->env->context, &number, sizeof number);
    const char *top = host_variable("TMPDIR");
    char name[NAME_MAX_BYTES];
    snprintf(name, sizeof name, "lingxi-bench-%016" PRIx64, number);
    enum lx_err code = host_join(run->folder, top == NULL ? "/tmp" : top, name, err);
    return code == LX_OK ? host_make_folder(run->folder, err) : code;
}

static enum lx_err write_ours(struct run *run, uint64_t row_count, double *ret_seconds,
                              struct lx_error *err)
{
    char bank[LX_PATH_MAX];
    enum lx_err code = host_join(bank, run->folder, "bank", err);
    if (code != LX_OK) return code;
    uint64_t customers = row_count / ROWS_A_CUSTOMER;
    if (customers < CUSTOMERS_MIN) customers = CUSTOMERS_MIN;
    if (customers > SYNTH_CUSTOMERS_MAX)
        return lx_fail(err, LX_ERR_LIMIT, "bench synth: %" PRIu64 " rows; at most %" PRIu64,
                       row_count, SYNTH_CUSTOMERS_MAX * ROWS_A_CUSTOMER);
    struct synth_options options = {.folder = bank,
                                    .catalogue = &run->catalogue,
                                    .profile_file = "profile.ini",
                                    .profile = bench_profile,
                                    .profile_length = bench_profile_length,
                                    .customers = customers,
                                    .months = MONTHS,
                                    .seed = 1};
    double started = now_seconds(run);
    code = synth_write(&options, run->env, &run->written, err);
    *ret_seconds = now_seconds(run) - started;
    run->peak_bytes = host_peak_bytes();
    return code;
}

static int64_t fen_of(const char *text)
{
    long long yuan = llabs(strtoll(text, NULL, 10));
    int64_t fen = yuan * 100 + strtoll(strchr(text, '.') + 1, NULL, 10);
    return *text == '-' ? -fen : fen;
}

/* The fields of one line, in place. False at the last one. */
static bool parse_txn(char *line, struct txn *txn)
{
    char *fields[10], *field = line;
    for (size_t i = 0; i < LX_COUNT_OF(fields); i++) {
        fields[i] = field;
        field = strstr(field, "|!|");
        if (field == NULL) {
            if (i + 1 < LX_COUNT_OF(fields)) return false;
            break;
        }
        *field = '\0';
        field += 3;
    }
    snprintf(txn->id, sizeof txn->id, "%.32s", fields[0]);
    txn->number = (uint32_t)strtoul(fields[1], NULL, 10);
    int count = sscanf(fields[2], "%4d%2d%2d%2d%2d%2d", &txn->year, &txn->month, &txn->day,
                       &txn->hour, &txn->minute, &txn->second);
    txn->code = atoi(fields[3]);
    txn->amount_fen = fen_of(fields[4]);
    txn->balance_fen = fen_of(fields[5]);
    snprintf(txn->channel, sizeof txn->channel, "%.2s", fields[6]);
    snprintf(txn->product, sizeof txn->product, "%.7s", fields[7]);
    snprintf(txn->merchant, sizeof txn->merchant, "%.7s", fields[8]);
    count += sscanf(fields[9], "%4d%2d%2d", &txn->dump_year, &txn->dump_month, &txn->dump_day);
    return count == 9;
}

static enum lx_err read_file(const struct run *run, const char *folder, const char *name,
                             struct lx_buffer *buffer, struct lx_error *err)
{
    char inner[LX_PATH_MAX], path[LX_PATH_MAX];
    lx_buffer_init(buffer, LX_FILE_MAX);
    enum lx_err code = host_join(inner, run->folder, folder, err);
    if (code == LX_OK) code = host_join(path, inner, name, err);
    return code == LX_OK ? host_read_file(path, buffer, err) : code;
}

static enum lx_err parse_month(const struct run *run, struct month *month, struct lx_error *err)
{
    struct lx_buffer text;
    enum lx_err code = read_file(run, "bank", month->name, &text, err);
    char *line = text.bytes;
    while (code == LX_OK && line != NULL && *line != '\0') {
        char *end = strchr(line, '\n');
        if (end != NULL) *end = '\0';
        code = lx_grow(&month->txns, &month->capacity, month->count + 1, LX_MEMORY_MAX,
                       sizeof *month->txns);
        if (code != LX_OK)
            code = lx_fail(err, code, "bench synth: %zu transactions", month->count);
        else if (parse_txn(line, &month->txns[month->count]))
            month->count++;
        line = end == NULL ? NULL : end + 1;
    }
    lx_buffer_release(&text);
    return code;
}

static void print_txn(FILE *file, const struct txn *txn)
{
    uint64_t size = (uint64_t)llabs(txn->amount_fen);
    fprintf(file,
            "%s|!|%u|!|%04d%02d%02d%02d%02d%02d|!|%04d|!|%s%" PRIu64 ".%02" PRIu64 "|!|%" PRId64
            ".%02" PRId64 "|!|%s|!|%s|!|%s|!|%04d%02d%02d\n",
            txn->id, txn->number, txn->year, txn->month, txn->day, txn->hour, txn->minute,
            txn->second, txn->code, txn->amount_fen < 0 ? "-" : "", size / 100, size % 100,
            txn->balance_fen / 100, txn->balance_fen % 100, txn->channel, txn->product,
            txn->merchant, txn->dump_year, txn->dump_month, txn->dump_day);
}

static void print_month(void *context, size_t item)
{
    struct run *run = context;
    struct month *month = &run->months[item];
    char inner[LX_PATH_MAX], path[LX_PATH_MAX];
    month->code = host_join(inner, run->folder, "peer", &month->err);
    if (month->code == LX_OK) month->code = host_join(path, inner, month->name, &month->err);
    if (month->code != LX_OK) return;
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        month->code = lx_fail(&month->err, LX_ERR_IO, "%s: cannot be written", path);
        return;
    }
    setvbuf(file, NULL, _IOFBF, 1 << 20);
    for (size_t i = 0; i < month->count; i++) print_txn(file, &month->txns[i]);
    fprintf(file, "END|!|%zu\n", month->count);
    bool is_failed = ferror(file) != 0;
    is_failed |= fclose(file) != 0;
    if (is_failed) month->code = lx_fail(&month->err, LX_ERR_IO, "%s: cannot be written", path);
}

static enum lx_err compare_month(const struct run *run, const struct month *month,
                                 struct lx_error *err)
{
    struct lx_buffer ours, peer;
    lx_buffer_init(&peer, LX_FILE_MAX);
    enum lx_err code = read_file(run, "bank", month->name, &ours, err);
    if (code == LX_OK) code = read_file(run, "peer", month->name, &peer, err);
    if (code == LX_OK &&
        (ours.length != peer.length || memcmp(ours.bytes, peer.bytes, ours.length) != 0))
        code = lx_fail(err, LX_ERR_CORRUPT, "%s: fprintf writes other bytes", month->name);
    lx_buffer_release(&ours);
    lx_buffer_release(&peer);
    return code;
}

/* Everything is parsed beforehand and compared afterwards; only the printing is timed. */
static enum lx_err write_peer(struct run *run, double *ret_rows_per_second, struct lx_error *err)
{
    char inner[LX_PATH_MAX];
    struct host_names names = {0};
    enum lx_err code = host_join(inner, run->folder, "bank", err);
    if (code == LX_OK) code = host_list(inner, &names, err);
    size_t count = 0, rows = 0;
    for (size_t i = 0; i < names.count && code == LX_OK; i++) {
        if (strncmp(names.names[i], "txn_", 4) != 0) continue;
        LX_ASSERT(count < MONTHS);
        struct month *month = &run->months[count++];
        snprintf(month->name, sizeof month->name, "%.63s", names.names[i]);
        code = parse_month(run, month, err);
        rows += month->count;
    }
    host_names_release(&names);
    if (code == LX_OK) code = host_join(inner, run->folder, "peer", err);
    if (code == LX_OK) code = host_make_folder(inner, err);
    if (code != LX_OK) return code;

    double started = now_seconds(run);
    code = host_parallel(run->env->thread_count, count, print_month, run, err);
    *ret_rows_per_second = (double)rows / (now_seconds(run) - started);
    for (size_t i = 0; i < count && code == LX_OK; i++) {
        const struct month *month = &run->months[i];
        code = month->code == LX_OK ? compare_month(run, month, err)
                                    : lx_fail(err, month->code, "%s", month->err.text);
    }
    return code;
}

static void report(const struct run *run, double seconds, double peer,
                   struct bench_result *ret_result)
{
    const struct synth_result *written = &run->written;
    struct bench_result result = {.name = "synth", .unit = "rows/s"};
    result.ours = (double)written->rows / seconds;
    result.peer = peer;
    result.ours_name = "the whole bank";
    result.peer_name = "fprintf, ready transactions";
    result.ratio = result.ours / result.peer;
    bench_add(&result, "threads", run->env->thread_count, "");
    bench_add(&result, "customers", (double)written->customers, "");
    bench_add(&result, "events", (double)written->events, "");
    bench_add(&result, "seconds", seconds, "s");
    bench_add(&result, "events_per_second", (double)written->events / seconds, "events/s");
    bench_add(&result, "megabytes_per_second", (double)written->bytes / seconds / 1e6, "MB/s");
    bench_add(&result, "peak_memory", (double)run->peak_bytes / 1e6, "MB");
    *ret_result = result;
}

enum lx_err bench_synth(uint64_t row_count, const struct lx_env *env,
                        struct bench_result *ret_result, struct lx_error *err)
{
    LX_ASSERT(env != NULL && env->elapsed_ns != NULL && env->entropy != NULL && ret_result != NULL);

    struct run *run = lx_calloc(1, sizeof *run);
    if (run == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "bench synth: out of memory");
    run->env = env;
    double seconds = 0, peer = 0;
    enum lx_err code = bank_catalogue_parse("catalogue.ini", bench_catalogue,
                                            bench_catalogue_length, &run->catalogue, err);
    if (code == LX_OK) code = make_folder(run, err);
    bool has_folder = code == LX_OK;
    if (code == LX_OK) code = write_ours(run, row_count, &seconds, err);
    if (code == LX_OK) code = write_peer(run, &peer, err);
    if (code == LX_OK) report(run, seconds, peer, ret_result);

    struct lx_error removing = {0};
    if (has_folder && host_remove_tree(run->folder, &removing) != LX_OK && code == LX_OK)
        code = lx_fail(err, removing.code, "%s", removing.text);
    for (size_t i = 0; i < MONTHS; i++) lx_free(run->months[i].txns);
    bank_catalogue_release(&run->catalogue);
    lx_free(run);
    return code;
}
