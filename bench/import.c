#include "bench/import.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "bank/bank.h"
#include "base/date.h"
#include "base/limits.h"
#include "base/rng.h"
#include "host/file.h"
#include "ingest/import.h"
#include "store/store.h"

extern char **environ;
extern const char bank_sql_0001[]; /* the bank's tables, embedded */

enum { EVENTS_A_CUSTOMER = 27, KINDS = 7, CHANNELS = 5, MERCHANTS = 4, PRODUCTS = 2, COLUMNS = 12 };
enum {
    ROWS_MAX = 1 << 28,
    FLUSH_BYTES = 1 << 20,
    TEXT_MAX = 1 << 22,
    DAYS = 31,
    UTC_OFFSET_MINUTES = 480
};

static const char *const kinds[KINDS] = {"1001", "1101", "1102", "1201", "1301", "1302", "1401"};
static const char *const channels[CHANNELS] = {"CT", "AT", "MB", "WB", "PS"};
static const char *const merchants[MERCHANTS] = {"5411", "5812", "4111", "5541"};

static const char catalogue_text[] =
    "[P01]\nzh = 甲\nen = A\nfeatures_zh = 甲\nfeatures_en = A\ncategory = savings\nrisk = R1\n"
    "minimum_yuan = 0\nrate_percent = 0\nterm_days = 0\nage_min = 0\nage_max = 120\n"
    "channels = counter\ngreen = 0\nstatus = on_sale\nlaunched = 2000-01-01\n"
    "[P02]\nzh = 乙\nen = B\nfeatures_zh = 乙\nfeatures_en = B\ncategory = savings\nrisk = R1\n"
    "minimum_yuan = 0\nrate_percent = 0\nterm_days = 0\nage_min = 0\nage_max = 120\n"
    "channels = counter\ngreen = 0\nstatus = on_sale\nlaunched = 2000-01-01\n";

static const char mapping_text[] =
    "[mapping]\nquote = none\ndelimiter = |!|\n"
    "[file customers]\nentity = customer\nfiles = customers.dat\nheader = no\ncustomer = #1\n"
    "at = '2020-01-01'\nknown_at = at\ntrailer = END {count}\n"
    "[file events]\nentity = event\nfiles = txn_*.dat\nheader = no\n"
    "columns = id seq time code amount balance channel product merchant dump\n"
    "trailer = END {count}\ndates = YYYYMMDDHHMMSS\ncustomer = id\nsequence = seq\nat = time\n"
    "known_at = dump as YYYYMMDD + 1 days\nkind = code\nkind.1001 = salary\n"
    "kind.1101 = transfer_in\nkind.1102 = transfer_out\nkind.1201 = card_payment\n"
    "kind.1301 = cash_in\nkind.1302 = cash_out\nkind.1401 = bill_payment\namount = amount\n"
    "balance = balance\nproduct = product\nchannel = channel\nchannel.CT = counter\n"
    "channel.AT = atm\nchannel.MB = mobile\nchannel.WB = web\nchannel.PS = pos\n"
    "merchant = merchant\nmerchant.5411 = grocery\nmerchant.5812 = dining\n"
    "merchant.4111 = transport\nmerchant.5541 = fuel\n";

struct trial {
    const struct lx_env *env;
    struct lx_error *err;
    char folder[LX_PATH_MAX], source[LX_PATH_MAX], bank[LX_PATH_MAX];
    uint64_t row_count, customer_count;
};

static enum lx_err path_of(const struct trial *trial, const char *name, char path[LX_PATH_MAX])
{
    return host_join(path, trial->folder, name, trial->err);
}

static double seconds_now(const struct trial *trial)
{
    return (double)trial->env->elapsed_ns(trial->env->context) * 1e-9;
}

/* A file that is written piece by piece. */
struct output {
    struct host_file *file;
    struct lx_buffer text;
};

static enum lx_err output_open(const struct trial *trial, const char *folder, const char *name,
                               struct output *output)
{
    char path[LX_PATH_MAX];
    lx_buffer_init(&output->text, TEXT_MAX);
    output->file = NULL;
    enum lx_err code = host_join(path, folder, name, trial->err);
    return code == LX_OK ? host_open(path, HOST_CREATE, &output->file, trial->err) : code;
}

static enum lx_err output_flush(struct output *output, size_t least, struct lx_error *err)
{
    if (output->text.length < least) return LX_OK;
    enum lx_err code = lx_buffer_error(&output->text);
    if (code == LX_OK)
        code = host_write(output->file, lx_buffer_text(&output->text), output->text.length, err);
    lx_buffer_clear(&output->text);
    return code;
}

static enum lx_err output_close(struct output *output, enum lx_err code, struct lx_error *err)
{
    if (code == LX_OK) code = output_flush(output, 0, err);
    host_close(output->file);
    lx_buffer_release(&output->text);
    return code;
}

static void put_id(struct lx_buffer *text, uint64_t customer)
{
    struct lx_rng rng = lx_rng_of(7, customer);
    lx_buffer_printf(text, "%016" PRIx64 "%016" PRIx64, lx_rng_next(&rng), lx_rng_next(&rng));
}

static enum lx_err write_customers(const struct trial *trial)
{
    struct output output;
    enum lx_err code = output_open(trial, trial->source, "customers.dat", &output);
    for (uint64_t i = 0; code == LX_OK && i < trial->customer_count; i++) {
        put_id(&output.text, i);
        lx_buffer_append_byte(&output.text, '\n');
        code = output_flush(&output, FLUSH_BYTES, trial->err);
    }
    lx_buffer_printf(&output.text, "END|!|%" PRIu64 "\n", trial->customer_count);
    return output_close(&output, code, trial->err);
}

/* Event number `i` of a month into the dump and, where there is one, into the peer's CSV. */
static void put_event(const struct trial *trial, uint64_t i, uint64_t count, int month,
                      struct lx_buffer *dump, struct lx_buffer *csv)
{
    struct lx_rng rng = lx_rng_of((uint64_t)month, i);
    int32_t first = lx_day_of_civil((struct lx_civil){2026, month, 1});
    int64_t second = (int64_t)((double)i / (double)count * DAYS * 86400);
    int32_t day = first + (int32_t)(second / 86400);
    int64_t at_ms = lx_ms_of_day(first, UTC_OFFSET_MINUTES) + second * 1000;
    uint64_t customer = lx_rng_below(&rng, trial->customer_count);
    uint64_t kind = lx_rng_below(&rng, KINDS), channel = lx_rng_below(&rng, CHANNELS);
    uint64_t merchant = lx_rng_below(&rng, MERCHANTS), product = lx_rng_below(&rng, PRODUCTS);
    int64_t amount_fen = 1 + (int64_t)lx_rng_below(&rng, 1000000);
    int64_t balance_fen = 1 + (int64_t)lx_rng_below(&rng, 100000000);
    struct lx_civil civil = lx_civil_of_day(day);
    int in_day = (int)(second % 86400);

    put_id(dump, customer);
    lx_buffer_printf(dump,
                     "|!|%" PRIu64 "|!|%04d%02d%02d%02d%02d%02d|!|%s|!|%" PRId64 ".%02d|!|%" PRId64
                     ".%02d|!|%s|!|P0%d|!|%s|!|%04d%02d%02d\n",
                     i, civil.year, civil.month, civil.day, in_day / 3600, in_day / 60 % 60,
                     in_day % 60, kinds[kind], amount_fen / 100, (int)(amount_fen % 100),
                     balance_fen / 100, (int)(balance_fen % 100), channels[channel],
                     (int)product + 1, merchants[merchant], civil.year, civil.month, civil.day);
    if (csv == NULL) return;
    lx_buffer_printf(csv,
                     "%" PRIu64 ",%" PRId64 ",%" PRIu64 ",%" PRId64 ",%d,%d,%d,%d,%" PRId64
                     ",%" PRId64 ",0,1\n",
                     customer, at_ms, i, lx_ms_of_day(day + 1, UTC_OFFSET_MINUTES), (int)kind + 1,
                     (int)product, (int)channel + 1, (int)merchant + 1, amount_fen, balance_fen);
}

static enum lx_err write_month(const struct trial *trial, int month, uint64_t count, bool has_peer)
{
    char name[32];
    struct output dump, csv;
    snprintf(name, sizeof name, "txn_%02d.dat", month);
    enum lx_err code = output_open(trial, trial->source, name, &dump);
    enum lx_err other = output_open(trial, trial->folder, "events.csv", &csv);
    if (code == LX_OK) code = other;
    for (uint64_t i = 0; code == LX_OK && i < count; i++) {
        put_event(trial, i, count, month, &dump.text, has_peer ? &csv.text : NULL);
        code = output_flush(&dump, FLUSH_BYTES, trial->err);
        if (code == LX_OK) code = output_flush(&csv, FLUSH_BYTES, trial->err);
    }
    lx_buffer_printf(&dump.text, "END|!|%" PRIu64 "\n", count);
    code = output_close(&dump, code, trial->err);
    return output_close(&csv, code, trial->err);
}

static enum lx_err time_ours(const struct trial *trial, double *ret_seconds)
{
    struct import_options options = {.folder = trial->bank,
                                     .source = trial->source,
                                     .mapping_file = "bench.ini",
                                     .mapping = mapping_text,
                                     .mapping_length = sizeof mapping_text - 1};
    struct import_result result;
    double start = seconds_now(trial);
    enum lx_err code = import_run(&options, trial->env, &result, trial->err);
    *ret_seconds = seconds_now(trial) - start;
    return code;
}

/* The definition of table `event`, as the bank has it. */
static enum lx_err find_definition(const struct trial *trial, const char **ret_start,
                                   int *ret_length)
{
    *ret_start = strstr(bank_sql_0001, "CREATE TABLE event (");
    const char *end = *ret_start == NULL ? NULL : strchr(*ret_start, ';');
    if (end == NULL) return lx_fail(trial->err, LX_ERR_CORRUPT, "bench: no table event");
    *ret_length = (int)(end + 1 - *ret_start);
    return LX_OK;
}

static enum lx_err write_script(const struct trial *trial, const char *settings)
{
    char path[LX_PATH_MAX], data[LX_PATH_MAX];
    const char *table = "";
    int length = 0;
    struct lx_buffer script;
    enum lx_err code = find_definition(trial, &table, &length);
    if (code == LX_OK) code = path_of(trial, "peer.sql", path);
    if (code == LX_OK) code = path_of(trial, "events.csv", data);
    if (code != LX_OK) return code;
    lx_buffer_init(&script, TEXT_MAX);
    lx_buffer_printf(&script, "%s%.*s\n.import --csv \"%s\" event\n", settings, length, table,
                     data);
    code = host_write_atomic(path, lx_buffer_text(&script), script.length, trial->err);
    lx_buffer_release(&script);
    return code;
}

static enum lx_err run_shell(const struct trial *trial, const char *database, const char *script)
{
    posix_spawn_file_actions_t actions;
    char *arguments[] = {"sqlite3", "-bail", (char *)database, NULL};
    pid_t child;
    int status = 0;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, script, O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    int number = posix_spawnp(&child, "sqlite3", &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (number == ENOENT)
        return lx_fail(trial->err, LX_ERR_NOT_FOUND,
                       "bench import: its peer is the program sqlite3 (package sqlite3)");
    if (number != 0) return lx_fail_errno(trial->err, number, "sqlite3");
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return LX_OK;
    return lx_fail(trial->err, LX_ERR_IO, "sqlite3 ended with status %d", status);
}

static enum lx_err time_peer(const struct trial *trial, const char *settings, double *ret_seconds)
{
    char database[LX_PATH_MAX], script[LX_PATH_MAX];
    enum lx_err code = path_of(trial, "peer.db", database);
    if (code == LX_OK) code = path_of(trial, "peer.sql", script);
    if (code == LX_OK) code = host_remove(database, trial->err);
    if (code == LX_OK) code = write_script(trial, settings);
    if (code != LX_OK) return code;
    double start = seconds_now(trial);
    code = run_shell(trial, database, script);
    *ret_seconds = seconds_now(trial) - start;
    return code;
}

static enum lx_err read_sums(const struct trial *trial, const char *path,
                             int64_t ret_sums[COLUMNS + 1])
{
    static const char sql[] =
        "SELECT count(*), sum(customer), sum(at_ms / 1000), sum(sequence),"
        " sum(known_at_ms / 1000), sum(kind), sum(product), sum(channel), sum(merchant),"
        " sum(amount_fen), sum(balance_fen), sum(quantity),"
        " sum((customer * 31 + amount_fen) % 1000003 * (kind + 8 * product + 64 * channel)"
        " % 1000003) FROM event";
    struct store *store = NULL;
    struct store_statement *statement = NULL;
    bool has_row = false;
    enum lx_err code = store_open(path, STORE_READ, &store, trial->err);
    if (code == LX_OK) code = store_prepare(store, sql, &statement, trial->err);
    if (code == LX_OK) code = store_step(statement, &has_row, trial->err);
    if (code == LX_OK) store_ints(statement, 0, COLUMNS + 1, 0, ret_sums);
    store_finalize(statement);
    store_close(store);
    return code;
}

static enum lx_err check_same(const struct trial *trial)
{
    char ours_path[LX_PATH_MAX], peer_path[LX_PATH_MAX];
    int64_t ours[COLUMNS + 1], peer[COLUMNS + 1];
    enum lx_err code = host_join(ours_path, trial->bank, "bank.db", trial->err);
    if (code == LX_OK) code = path_of(trial, "peer.db", peer_path);
    if (code == LX_OK) code = read_sums(trial, ours_path, ours);
    if (code == LX_OK) code = read_sums(trial, peer_path, peer);
    for (int i = 0; code == LX_OK && i <= COLUMNS; i++)
        if (ours[i] != peer[i])
            code = lx_fail(trial->err, LX_ERR_CORRUPT,
                           "bench import: sum %d is %" PRId64 " in ours, %" PRId64 " in the peer's",
                           i, ours[i], peer[i]);
    return code;
}

static enum lx_err trial_init(struct trial *trial, uint64_t row_count, const struct lx_env *env,
                              struct lx_error *err)
{
    *trial = (struct trial){.env = env, .err = err, .row_count = row_count};
    trial->customer_count = row_count / EVENTS_A_CUSTOMER + 1;
    const char *base = getenv("TMPDIR");
    snprintf(trial->folder, sizeof trial->folder, "%s/lingxi-bench-XXXXXX",
             base == NULL ? P_tmpdir : base);
    if (mkdtemp(trial->folder) == NULL) {
        int number = errno;
        trial->folder[0] = '\0';
        return lx_fail_errno(err, number, "bench import: cannot make a folder");
    }
    const struct bank_file catalogue = {"catalogue.ini", catalogue_text, sizeof catalogue_text - 1};
    enum lx_err code = path_of(trial, "bank", trial->bank);
    if (code == LX_OK) code = path_of(trial, "dumps", trial->source);
    if (code == LX_OK) code = host_make_folder(trial->source, err);
    if (code == LX_OK) code = bank_create(trial->bank, NULL, &catalogue, 1, err);
    return code;
}

static void trial_release(struct trial *trial)
{
    if (trial->folder[0] == '\0') return;
    enum lx_err code = host_remove_tree(trial->folder, NULL);
    (void)code; /* what is left lies in a temporary folder */
}

static enum lx_err measure(struct trial *trial, struct bench_result *result)
{
    double ours = 0, peer = 0, tuned = 0, second = 0;
    double rows = (double)trial->row_count;
    enum lx_err code = write_customers(trial);
    if (code == LX_OK) code = write_month(trial, 1, trial->row_count, true);
    if (code == LX_OK) code = time_ours(trial, &ours);
    if (code == LX_OK) code = time_peer(trial, "", &peer);
    if (code == LX_OK) code = check_same(trial);
    if (code == LX_OK)
        code = time_peer(trial,
                         "PRAGMA journal_mode = OFF;\nPRAGMA synchronous = OFF;\n"
                         "PRAGMA cache_size = -1000000;\n",
                         &tuned);
    if (code == LX_OK) code = write_month(trial, 2, (trial->row_count + 1) / 2, false);
    if (code == LX_OK) code = time_ours(trial, &second);
    if (code != LX_OK) return code;
    result->ours = rows / ours;
    result->peer = rows / peer;
    result->ratio = peer / ours;
    bench_add(result, "threads", trial->env->thread_count, "");
    bench_add(result, "rows", rows, "");
    bench_add(result, "seconds_ours", ours, "s");
    bench_add(result, "seconds_peer", peer, "s");
    bench_add(result, "peer_without_journal", rows / tuned, "rows/s");
    bench_add(result, "ratio_without_journal", tuned / ours, "");
    bench_add(result, "second_batch", (double)((trial->row_count + 1) / 2) / second, "rows/s");
    return LX_OK;
}

enum lx_err bench_import(uint64_t row_count, const struct lx_env *env,
                         struct bench_result *ret_result, struct lx_error *err)
{
    LX_ASSERT(row_count > 0 && env != NULL && ret_result != NULL);

    if (row_count > ROWS_MAX)
        return lx_fail(err, LX_ERR_LIMIT, "bench import: at most %d rows", ROWS_MAX);
    struct trial trial;
    struct bench_result result = {.name = "import",
                                  .unit = "rows/s",
                                  .ours_name = "import of a dump, customers included",
                                  .peer_name = "sqlite3 .import --csv"};
    enum lx_err code = trial_init(&trial, row_count, env, err);
    if (code == LX_OK) code = measure(&trial, &result);
    if (code == LX_OK) *ret_result = result;
    trial_release(&trial);
    return code;
}
