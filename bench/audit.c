#include "bench/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/log.h"
#include "audit/shelf.h"
#include "audit/verify.h"
#include "audit/keyring.h"
#include "base/limits.h"
#include "base/rng.h"
#include "host/file.h"
#include "store/store.h"

enum { BATCH = 65536, RECORD_BYTES = 256, ROWS_MAX = 1 << 28 };

struct trial {
    const struct lx_env *env;
    struct lx_error *err;
    char folder[LX_PATH_MAX];
    uint64_t row_count;
    double ours, peer, verifying; /* seconds */
    struct merkle_hash *hashes;   /* owned: the leaves of one batch */
    struct audit_shelf shelf;
    struct store *store;
    struct store_statement *insert;
};

static double seconds_now(const struct trial *trial)
{
    return (double)trial->env->elapsed_ns(trial->env->context) * 1e-9;
}

static enum lx_err append(const struct trial *trial, struct journal *journal, uint64_t first,
                          size_t count)
{
    enum lx_err code = LX_OK;
    for (size_t i = 0; code == LX_OK && i < count; i++) {
        uint64_t words[RECORD_BYTES / 8], position;
        struct lx_rng rng = lx_rng_of(first + i, 1);
        for (size_t j = 0; j < LX_COUNT_OF(words); j++) words[j] = lx_rng_next(&rng);
        code = journal_append(journal, words, sizeof words, &position, trial->err);
    }
    return code == LX_OK ? journal_sync(journal, trial->err) : code;
}

static int64_t no_moment(const void *record, size_t length)
{
    (void)record;
    (void)length;
    return 0;
}

static enum lx_err sign(struct trial *trial, struct journal *journal)
{
    struct audit_log *log = NULL;
    const struct audit_sign_options options = {.name = NULL};
    double start = seconds_now(trial);
    enum lx_err code =
        audit_log_open(trial->folder, journal, no_moment, trial->env, &log, trial->err);
    if (code == LX_OK) code = audit_log_sign(log, &options, trial->err);
    audit_log_close(log);
    trial->ours += seconds_now(trial) - start;
    return code;
}

/* The leaves of a batch, as the tiles have them. */
static enum lx_err read_leaves(struct trial *trial, uint64_t first, size_t count)
{
    struct merkle_source source = audit_shelf_source(&trial->shelf);
    enum lx_err code = LX_OK;
    for (size_t i = 0; code == LX_OK && i < count; i += MERKLE_TILE_WIDTH) {
        uint64_t index = (first + i) / MERKLE_TILE_WIDTH;
        const struct merkle_tile tile = {0, index, merkle_tile_width(0, index, first + count)};
        code = source.read(source.context, &tile, trial->hashes + i, trial->err);
    }
    return code;
}

static enum lx_err insert(struct trial *trial, uint64_t first, size_t count)
{
    double start = seconds_now(trial);
    enum lx_err code = store_begin(trial->store, trial->err);
    for (size_t i = 0; code == LX_OK && i < count; i++) {
        store_bind_int(trial->insert, 1, (int64_t)(first + i));
        store_bind_blob(trial->insert, 2, trial->hashes[i].bytes, DIGEST_SIZE);
        code = store_run(trial->insert, trial->err);
    }
    if (code == LX_OK) code = store_commit(trial->store, trial->err);
    trial->peer += seconds_now(trial) - start;
    return code;
}

static enum lx_err open_peer(struct trial *trial)
{
    char path[LX_PATH_MAX];
    enum lx_err code = host_join(path, trial->folder, "peer.db", trial->err);
    if (code == LX_OK) code = store_open(path, STORE_WRITE, &trial->store, trial->err);
    if (code == LX_OK)
        code = store_execute(trial->store,
                             "CREATE TABLE leaf (position INTEGER PRIMARY KEY, hash BLOB NOT NULL)",
                             trial->err);
    if (code == LX_OK)
        code = store_prepare(trial->store, "INSERT INTO leaf (position, hash) VALUES ($1, $2)",
                             &trial->insert, trial->err);
    return code;
}

/* The peer has all of them, in our tree's order. */
static enum lx_err check_same(struct trial *trial)
{
    struct store_statement *statement = NULL;
    bool has_row = true;
    uint64_t count = 0;
    enum lx_err code = store_prepare(trial->store, "SELECT hash FROM leaf ORDER BY position",
                                     &statement, trial->err);
    while (code == LX_OK) {
        size_t length = 0;
        code = store_step(statement, &has_row, trial->err);
        if (code != LX_OK || !has_row) break;
        if (count % BATCH == 0) {
            uint64_t left = trial->row_count - count;
            code = read_leaves(trial, count, left < BATCH ? (size_t)left : BATCH);
        }
        const void *hash = store_blob(statement, 0, &length);
        if (code == LX_OK && (length != DIGEST_SIZE ||
                              memcmp(hash, trial->hashes[count % BATCH].bytes, length) != 0))
            code = lx_fail(trial->err, LX_ERR_CORRUPT, "bench audit: leaf %llu differs",
                           (unsigned long long)count);
        count++;
    }
    store_finalize(statement);
    if (code == LX_OK && count != trial->row_count)
        code = lx_fail(trial->err, LX_ERR_CORRUPT, "bench audit: %llu leaves in the peer",
                       (unsigned long long)count);
    return code;
}

static enum lx_err verify(struct trial *trial)
{
    char path[LX_PATH_MAX], folder[LX_PATH_MAX];
    struct audit_keys keys;
    struct audit_verdict verdict;
    double start = seconds_now(trial);
    enum lx_err code = audit_keyring_public_path(trial->folder, AUDIT_LOG_KEYS, path, trial->err);
    if (code == LX_OK) code = audit_keys_read(path, &keys, trial->err);
    if (code == LX_OK) code = host_join(folder, trial->folder, "audit", trial->err);
    if (code == LX_OK) code = audit_verify(folder, &keys, NULL, &verdict, trial->err);
    trial->verifying = seconds_now(trial) - start;
    return code;
}

static enum lx_err measure(struct trial *trial)
{
    char folder[LX_PATH_MAX];
    struct journal *journal = NULL;
    enum lx_err code = host_join(folder, trial->folder, "audit", trial->err);
    if (code == LX_OK) code = audit_shelf_init(&trial->shelf, folder, false, trial->err);
    if (code == LX_OK) code = journal_open(trial->folder, JOURNAL_APPEND, &journal, trial->err);
    if (code == LX_OK) code = open_peer(trial);
    for (uint64_t first = 0; code == LX_OK && first < trial->row_count; first += BATCH) {
        uint64_t left = trial->row_count - first;
        size_t count = left < BATCH ? (size_t)left : BATCH;
        code = append(trial, journal, first, count);
        if (code == LX_OK) code = sign(trial, journal);
        if (code == LX_OK) code = read_leaves(trial, first, count);
        if (code == LX_OK) code = insert(trial, first, count);
        trial->env->progress(trial->env->context, "audit", first + count, trial->row_count);
    }
    if (code == LX_OK) code = check_same(trial);
    if (code == LX_OK) code = verify(trial);
    store_finalize(trial->insert);
    store_close(trial->store);
    journal_close(journal);
    audit_shelf_release(&trial->shelf);
    return code;
}

static enum lx_err make_folder(struct trial *trial)
{
    const char *base = getenv("TMPDIR");
    snprintf(trial->folder, sizeof trial->folder, "%.4000s/lingxi-bench-XXXXXX",
             base == NULL ? P_tmpdir : base);
    if (mkdtemp(trial->folder) != NULL) return LX_OK;
    return lx_fail(trial->err, LX_ERR_IO, "%s: cannot make a folder", trial->folder);
}

enum lx_err bench_audit(uint64_t row_count, const struct lx_env *env,
                        struct bench_result *ret_result, struct lx_error *err)
{
    LX_ASSERT(row_count > 0 && env != NULL && ret_result != NULL);

    if (row_count > ROWS_MAX)
        return lx_fail(err, LX_ERR_LIMIT, "bench audit: at most %d rows", ROWS_MAX);
    struct trial trial = {.env = env, .err = err, .row_count = row_count};
    struct bench_result result = {.name = "audit",
                                  .unit = "leaves/s",
                                  .ours_name = "checkpoint of a batch, all of it",
                                  .peer_name = "SQLite, a transaction a batch"};
    trial.hashes = lx_calloc(BATCH, sizeof *trial.hashes);
    if (trial.hashes == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "bench audit: out of memory");
    enum lx_err code = make_folder(&trial);
    if (code == LX_OK) {
        code = measure(&trial);
        enum lx_err later = host_remove_tree(trial.folder, NULL);
        (void)later; /* what is left lies in a temporary folder */
    }
    lx_free(trial.hashes);
    if (code != LX_OK) return code;
    double rows = (double)row_count;
    result.ours = rows / trial.ours;
    result.peer = rows / trial.peer;
    result.ratio = trial.peer / trial.ours;
    bench_add(&result, "threads", env->thread_count, "");
    bench_add(&result, "rows", rows, "");
    bench_add(&result, "batch", rows < BATCH ? rows : BATCH, "");
    bench_add(&result, "record", RECORD_BYTES, "bytes");
    bench_add(&result, "verified", rows / trial.verifying, "leaves/s");
    *ret_result = result;
    return LX_OK;
}
