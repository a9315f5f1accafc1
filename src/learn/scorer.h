#ifndef LEARN_SCORER_H
#define LEARN_SCORER_H

/*
 * scorer: a forest compiled for speed. It gives the margins that forest_predict_row_margin gives,
 * bit for bit, whatever the kernel, the number of rows in a call and the number of threads.
 *
 * Rows are quantised to the model's own thresholds: a code says how many thresholds of the feature
 * are at or below the value, in one byte; a feature with more than 254 thresholds takes a byte for
 * each further 254. Trees are then evaluated bit-sliced, 256 rows at a time: a bit a row and split,
 * a few words of logic a tree, and one table look-up a row and tree for the leaf. A handful of rows
 * goes another way: straight down the trees, several trees at once.
 *
 * Shapes:    rows[row * feature_count + feature], NaN where missing; any other value is allowed,
 *            infinities too. ret_margins[row * group_count + group]; forest_transform makes
 *            probabilities of them.
 * Ownership: the scorer keeps nothing of the forest it was opened from.
 * Scratch:   scorer_scratch_bytes bytes of the caller's, of any alignment, one for each thread; no
 *            call that scores allocates.
 * Errors:    opening: LX_ERR_NO_MEMORY, LX_ERR_LIMIT, LX_ERR_NOT_BUILT (a kernel that this
 *            processor lacks). Scoring cannot fail.
 * Threads:   read-only once opened; any number of readers, each with its own scratch.
 * Source:    trees as masks over many rows: QuickScorer (Lucchese et al. 2015), turned around: one
 *            split for many rows, not many splits for one row.
 */

#include "learn/forest.h"

enum scorer_kernel {
    SCORER_BEST,   /* the fastest that this processor runs */
    SCORER_PLAIN,  /* C, for every processor */
    SCORER_AVX2,   /* x86-64-v3 */
    SCORER_AVX512, /* F, BW, DQ, VL and VBMI: Ice Lake, Zen 4 and later */
};

struct scorer;

bool scorer_kernel_is_supported(enum scorer_kernel kernel);
const char *scorer_kernel_name(enum scorer_kernel kernel); /* "plain", "avx2", "avx512", "best" */

LX_MUST_USE enum lx_err scorer_open(const struct forest *forest, enum scorer_kernel kernel,
                                    struct scorer **ret_scorer, struct lx_error *err);
void scorer_close(struct scorer *scorer); /* NULL is fine */

size_t scorer_feature_count(const struct scorer *scorer);
size_t scorer_group_count(const struct scorer *scorer);
enum scorer_kernel scorer_kernel_used(const struct scorer *scorer); /* never SCORER_BEST */
size_t scorer_scratch_bytes(const struct scorer *scorer);

/* Any number of rows, one too. */
void scorer_score(const struct scorer *scorer, const float *rows, size_t row_count, void *scratch,
                  float *ret_margins);

/* The same over several threads; allocates their scratch. LX_ERR_NO_MEMORY; host_parallel's. */
LX_MUST_USE enum lx_err scorer_score_threads(const struct scorer *scorer, const float *rows,
                                             size_t row_count, int thread_count, float *ret_margins,
                                             struct lx_error *err);

/* The first half of scorer_score alone, quantising; its result stays in scratch. To measure it. */
void scorer_bin(const struct scorer *scorer, const float *rows, size_t row_count, void *scratch);

#endif
