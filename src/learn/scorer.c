#include "learn/scorer.h"

#include <string.h>

#include "host/thread.h"
#include "learn/scorer_layout.h"

/* ---- Kernels ---- */

static const char *const kernel_names[] = {
    [SCORER_BEST] = "best",
    [SCORER_PLAIN] = "plain",
    [SCORER_AVX2] = "avx2",
    [SCORER_AVX512] = "avx512",
};

const char *scorer_kernel_name(enum scorer_kernel kernel)
{
    LX_ASSERT((size_t)kernel < LX_COUNT_OF(kernel_names));

    return kernel_names[kernel];
}

bool scorer_kernel_is_supported(enum scorer_kernel kernel)
{
    switch (kernel) {
    case SCORER_BEST:
    case SCORER_PLAIN: return true;
#ifdef SCORER_HAS_X86
    case SCORER_AVX2: return __builtin_cpu_supports("avx2");
    case SCORER_AVX512:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512vbmi");
#else
    case SCORER_AVX2:
    case SCORER_AVX512: return false;
#endif
    }
    lx_bug(__FILE__, __LINE__, "kernel");
}

static enum scorer_kernel best_kernel(void)
{
    if (scorer_kernel_is_supported(SCORER_AVX512)) return SCORER_AVX512;
    if (scorer_kernel_is_supported(SCORER_AVX2)) return SCORER_AVX2;
    return SCORER_PLAIN;
}

static const struct scorer_functions *functions_of(enum scorer_kernel kernel)
{
#ifdef SCORER_HAS_X86
    if (kernel == SCORER_AVX512) return &scorer_avx512_functions;
    if (kernel == SCORER_AVX2) return &scorer_avx2_functions;
#endif
    LX_ASSERT(kernel == SCORER_PLAIN);
    return &scorer_plain_functions;
}

/* ---- Opening ---- */

enum lx_err scorer_open(const struct forest *forest, enum scorer_kernel kernel,
                        struct scorer **ret_scorer, struct lx_error *err)
{
    LX_ASSERT(forest != NULL && ret_scorer != NULL);

    if (!scorer_kernel_is_supported(kernel))
        return lx_fail(err, LX_ERR_NOT_BUILT, "scorer: this processor does not run the %s kernel",
                       scorer_kernel_name(kernel));
    struct scorer *scorer = lx_calloc(1, sizeof *scorer);
    if (scorer == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "scorer: no memory");

    scorer->kernel = kernel == SCORER_BEST ? best_kernel() : kernel;
    scorer->functions = functions_of(scorer->kernel);
    scorer->feature_count = forest->feature_count;
    scorer->group_count = forest->group_count;
    scorer->tree_count = forest->tree_count;
    scorer->base_margin = forest->base_margin;
    enum lx_err rc = scorer_compile_bins(scorer, forest, err);
    if (rc == LX_OK) rc = scorer_compile_trees(scorer, forest, err);
    if (rc == LX_OK) rc = scorer_compile_walk(scorer, forest, err);
    if (rc != LX_OK) {
        scorer_close(scorer);
        return rc;
    }

    *ret_scorer = scorer;
    return LX_OK;
}

void scorer_close(struct scorer *scorer)
{
    if (scorer == NULL) return;
    lx_free(scorer->groups);
    lx_free(scorer->features);
    lx_free(scorer->thresholds);
    lx_free(scorer->limits);
    lx_free(scorer->buckets);
    lx_free(scorer->planes);
    lx_free(scorer->trees);
    lx_free(scorer->splits);
    lx_free(scorer->leaves);
    lx_free(scorer->leaf_bytes);
    lx_free(scorer->block_memory);
    lx_free(scorer->exits);
    lx_free(scorer->nodes);
    lx_free(scorer);
}

size_t scorer_feature_count(const struct scorer *scorer)
{
    return scorer->feature_count;
}

size_t scorer_group_count(const struct scorer *scorer)
{
    return scorer->group_count;
}

enum scorer_kernel scorer_kernel_used(const struct scorer *scorer)
{
    return scorer->kernel;
}

/* ---- Scratch ---- */

/* The parts of a caller's scratch, each aligned. */
struct parts {
    uint8_t *codes, *masks;
    float *margins; /* group by group, SCORER_BLOCK_ROWS each */
    uint32_t *keys;
};

static size_t aligned(size_t size_bytes)
{
    return (size_bytes + SCORER_ALIGNMENT - 1) / SCORER_ALIGNMENT * SCORER_ALIGNMENT;
}

static size_t code_bytes(const struct scorer *scorer)
{
    return scorer->is_walked ? 0 : scorer->plane_count * SCORER_BLOCK_ROWS;
}

/* One mask more than there are: the last one's successor is read, for nothing. */
static size_t mask_bytes(const struct scorer *scorer)
{
    return scorer->is_walked ? 0 : aligned((scorer->mask_count + 1) * SCORER_MASK_BYTES);
}

static size_t margin_bytes(const struct scorer *scorer)
{
    return scorer->group_count * SCORER_BLOCK_ROWS * sizeof(float);
}

size_t scorer_scratch_bytes(const struct scorer *scorer)
{
    return SCORER_ALIGNMENT + code_bytes(scorer) + mask_bytes(scorer) + margin_bytes(scorer) +
           2 * scorer->feature_count * sizeof(uint32_t);
}

static struct parts parts_of(const struct scorer *scorer, void *scratch)
{
    uintptr_t address = (uintptr_t)scratch;
    uint8_t *next = (uint8_t *)scratch + (SCORER_ALIGNMENT - address % SCORER_ALIGNMENT);
    struct parts parts;
    parts.codes = next;
    next += code_bytes(scorer);
    parts.masks = next;
    next += mask_bytes(scorer);
    parts.margins = (float *)(void *)next;
    next += margin_bytes(scorer);
    parts.keys = (uint32_t *)(void *)next;
    return parts;
}

/* ---- Scoring ---- */

static void fill(float *values, size_t count, float value)
{
    for (size_t i = 0; i < count; i++) values[i] = value;
}

/* Rows come from memory while trees are evaluated from the cache: a share of the next block's with
 * each tree. Stops at 512 KB, half a usual second-level cache. */
static void fetch_share(const float *rows, size_t size_bytes, size_t share, size_t share_count)
{
    if (size_bytes > 512 << 10) size_bytes = 512 << 10;
    size_t share_bytes = size_bytes / share_count + 1;
    const char *bytes = (const char *)rows + share * share_bytes;
    for (size_t i = 0; i < share_bytes; i += 64) __builtin_prefetch(bytes + i, 0, 2);
}

/* `left` rows follow those of the block. */
static void add_trees(const struct scorer *scorer, const float *rows, size_t row_count, size_t left,
                      const struct parts *parts)
{
    size_t next_count = left < SCORER_BLOCK_ROWS ? left : SCORER_BLOCK_ROWS;
    const float *next = rows + row_count * scorer->feature_count;
    size_t next_bytes = next_count * scorer->feature_count * sizeof *next;
    fill(parts->margins, scorer->group_count * SCORER_BLOCK_ROWS, scorer->base_margin);
    for (size_t i = 0; i < scorer->tree_count; i++) {
        if (next_bytes > 0) fetch_share(next, next_bytes, i, scorer->tree_count);
        const struct scorer_tree *tree = &scorer->trees[i];
        float *margins = parts->margins + (size_t)tree->group * SCORER_BLOCK_ROWS;
        if (tree->is_sliced)
            scorer->functions->add(scorer, tree, parts->masks, margins);
        else
            scorer_walk_tree(scorer, tree, rows, row_count, margins);
    }
}

static void write_margins(const struct scorer *scorer, const float *margins, size_t row_count,
                          float *ret_margins)
{
    if (scorer->group_count == 1) {
        memcpy(ret_margins, margins, row_count * sizeof *margins);
        return;
    }
    for (size_t r = 0; r < row_count; r++)
        for (size_t g = 0; g < scorer->group_count; g++)
            ret_margins[r * scorer->group_count + g] = margins[g * SCORER_BLOCK_ROWS + r];
}

static void bin_block(const struct scorer *scorer, const float *rows, size_t row_count,
                      const struct parts *parts)
{
    /* The codes of rows that are not there are made into masks too, and read by nobody. */
    if (row_count < SCORER_BLOCK_ROWS) memset(parts->codes, 0, code_bytes(scorer));
    scorer->functions->bin(scorer, rows, row_count, parts->codes);
}

static void score_block(const struct scorer *scorer, const float *rows, size_t row_count,
                        size_t left, const struct parts *parts, float *ret_margins)
{
    bin_block(scorer, rows, row_count, parts);
    scorer->functions->mask(scorer, parts->codes, parts->masks);
    add_trees(scorer, rows, row_count, left, parts);
    write_margins(scorer, parts->margins, row_count, ret_margins);
}

void scorer_score(const struct scorer *scorer, const float *rows, size_t row_count, void *scratch,
                  float *ret_margins)
{
    LX_ASSERT(scratch != NULL);

    struct parts parts = parts_of(scorer, scratch);
    if (!scorer->is_walked) memset(parts.masks, 0, SCORER_MASK_BYTES);
    for (size_t first = 0; first < row_count;) {
        const float *block = rows + first * scorer->feature_count;
        size_t left = row_count - first;
        if (scorer->is_walked || left < SCORER_ROWS_MIN) {
            scorer_walk(scorer, block, parts.keys, ret_margins + first * scorer->group_count);
            first++;
        } else {
            size_t count = left < SCORER_BLOCK_ROWS ? left : SCORER_BLOCK_ROWS;
            score_block(scorer, block, count, left - count, &parts,
                        ret_margins + first * scorer->group_count);
            first += count;
        }
    }
}

void scorer_bin(const struct scorer *scorer, const float *rows, size_t row_count, void *scratch)
{
    LX_ASSERT(scratch != NULL);

    struct parts parts = parts_of(scorer, scratch);
    for (size_t first = 0; first < row_count && !scorer->is_walked; first += SCORER_BLOCK_ROWS) {
        size_t left = row_count - first;
        bin_block(scorer, rows + first * scorer->feature_count,
                  left < SCORER_BLOCK_ROWS ? left : SCORER_BLOCK_ROWS, &parts);
    }
}

/* ---- Several threads ---- */

struct shared_work {
    const struct scorer *scorer;
    const float *rows;
    float *ret_margins;
    size_t row_count, part_rows;
    uint8_t *scratch;
    size_t scratch_bytes;
};

static void score_part(void *context, size_t part)
{
    const struct shared_work *work = context;
    size_t first = part * work->part_rows;
    if (first >= work->row_count) return;
    size_t left = work->row_count - first;
    scorer_score(work->scorer, work->rows + first * work->scorer->feature_count,
                 left < work->part_rows ? left : work->part_rows,
                 work->scratch + part * work->scratch_bytes,
                 work->ret_margins + first * work->scorer->group_count);
}

enum lx_err scorer_score_threads(const struct scorer *scorer, const float *rows, size_t row_count,
                                 int thread_count, float *ret_margins, struct lx_error *err)
{
    LX_ASSERT(thread_count >= 1);

    if (row_count == 0) return LX_OK;
    size_t parts = (size_t)thread_count;
    size_t part_rows = (row_count + parts - 1) / parts;
    struct shared_work work = {
        .scorer = scorer,
        .rows = rows,
        .ret_margins = ret_margins,
        .row_count = row_count,
        .part_rows = (part_rows + SCORER_BLOCK_ROWS - 1) / SCORER_BLOCK_ROWS * SCORER_BLOCK_ROWS,
        .scratch_bytes = aligned(scorer_scratch_bytes(scorer)),
    };
    work.scratch = lx_malloc(parts * work.scratch_bytes);
    if (work.scratch == NULL)
        return lx_fail(err, LX_ERR_NO_MEMORY, "scorer: no memory for %d threads", thread_count);

    enum lx_err rc = host_parallel(thread_count, parts, score_part, &work, err);
    lx_free(work.scratch);
    return rc;
}
