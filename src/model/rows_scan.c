#include "model/rows_scan.h"

#include <stdatomic.h>

#include "base/rng.h"
#include "host/thread.h"

enum { CHUNKS_A_THREAD = 16, CHUNK_CUSTOMERS_MIN = 256 };

size_t rows_scan_chunks(int64_t customers, const struct lx_env *env)
{
    LX_ASSERT(customers >= 0 && env->thread_count >= 1);

    size_t most = (size_t)env->thread_count * CHUNKS_A_THREAD;
    size_t count = (size_t)customers / CHUNK_CUSTOMERS_MIN + 1;
    return count < most ? count : most;
}

enum lx_err rows_scan_customers(const char *folder, int64_t *ret_customers, struct lx_error *err)
{
    struct bank *bank = NULL;
    enum lx_err code = bank_open(folder, STORE_READ, &bank, err);
    if (code != LX_OK) return code;
    code = bank_customer_count(bank, ret_customers, err);
    bank_close(bank);
    return code;
}

struct pass {
    const struct rows_scan *scan;
    const struct lx_env *env;
    struct rows_chunk *chunks;
    atomic_size_t done;
    atomic_flag is_telling; /* progress is told by one thread at a time; the others go on */
};

static enum lx_err visit(void *context, const struct bank_history *history, struct lx_error *err)
{
    struct rows_chunk *chunk = context;
    return chunk->scan->visit(chunk, history, err);
}

static bool is_drawn(const struct rows_scan *scan, int64_t block)
{
    struct lx_rng rng = lx_rng_of(scan->block_seed ^ UINT64_C(0xb10c), (uint64_t)block);
    return lx_rng_uniform(&rng) < scan->share;
}

/* The customers of [first, last) whose blocks are drawn; neighbouring blocks in one go. */
static enum lx_err scan_blocks(struct bank *bank, struct rows_chunk *chunk, int64_t first,
                               int64_t last)
{
    const struct rows_scan *scan = chunk->scan;
    enum lx_err code = LX_OK;
    for (int64_t block = first / ROWS_SCAN_BLOCK; code == LX_OK && block * ROWS_SCAN_BLOCK < last;
         block++) {
        int64_t begin = block * ROWS_SCAN_BLOCK;
        if (!is_drawn(scan, block)) continue;
        while ((block + 1) * ROWS_SCAN_BLOCK < last && is_drawn(scan, block + 1)) block++;
        int64_t end = (block + 1) * ROWS_SCAN_BLOCK;
        code = bank_scan(bank, begin < first ? first : begin, end > last ? last : end, visit, chunk,
                         &chunk->error);
    }
    return code;
}

static void tell(struct pass *pass)
{
    size_t done = atomic_fetch_add(&pass->done, 1) + 1;
    if (atomic_flag_test_and_set(&pass->is_telling)) return;
    pass->env->progress(pass->env->context, pass->scan->what, done, pass->scan->chunk_count);
    atomic_flag_clear(&pass->is_telling);
}

static void run_chunk(void *context, size_t item)
{
    struct pass *pass = context;
    const struct rows_scan *scan = pass->scan;
    struct rows_chunk *chunk = &pass->chunks[item];
    int64_t count = (int64_t)scan->chunk_count;
    int64_t first = scan->customers * (int64_t)item / count;
    int64_t last = scan->customers * ((int64_t)item + 1) / count;
    struct bank *bank = NULL;

    chunk->scan = scan;
    chunk->context = scan->contexts + item * scan->context_size;
    chunk->code = bank_open(scan->folder, STORE_READ, &bank, &chunk->error);
    if (chunk->code == LX_OK) {
        chunk->catalogue = bank_catalogue(bank);
        chunk->utc_offset_minutes = bank_utc_offset_minutes(bank);
        if (scan->share > 0 && scan->share < 1)
            chunk->code = scan_blocks(bank, chunk, first, last);
        else
            chunk->code = bank_scan(bank, first, last, visit, chunk, &chunk->error);
        bank_close(bank);
    }
    chunk->catalogue = NULL;
    tell(pass);
}

enum lx_err rows_scan(const struct rows_scan *scan, const struct lx_env *env, struct lx_error *err)
{
    struct pass pass = {.scan = scan, .env = env, .is_telling = ATOMIC_FLAG_INIT};
    pass.chunks = lx_calloc(scan->chunk_count, sizeof *pass.chunks);
    if (pass.chunks == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", scan->what);

    env->progress(env->context, scan->what, 0, scan->chunk_count);
    enum lx_err code = host_parallel(env->thread_count, scan->chunk_count, run_chunk, &pass, err);
    for (size_t i = 0; code == LX_OK && i < scan->chunk_count; i++) {
        if (pass.chunks[i].code == LX_OK) continue;
        code = pass.chunks[i].code;
        if (err != NULL) *err = pass.chunks[i].error;
    }
    if (code == LX_OK)
        env->progress(env->context, scan->what, scan->chunk_count, scan->chunk_count);
    lx_free(pass.chunks);
    return code;
}
