#ifndef LEARN_ATTRIBUTION_H
#define LEARN_ATTRIBUTION_H

/*
 * attribution: why a row has its margin. Exact Shapley values of the forest ("path-dependent
 * TreeSHAP"): how much each feature moves the row's margin away from the mean, where a feature that
 * is left out is averaged over by the covers of the training rows.
 *
 * Equal to XGBoost's pred_contribs up to the rounding of floats; the contributions of a group sum
 * to its margin. Features that the trees do not use get exactly 0.
 *
 * How: a leaf's part depends on the row only through which splits on the way to the leaf the row
 * would pass. So each tree of depth <= 7 has a table: for every four neighbouring leaves and every
 * way to pass or fail the splits above and between them, the contributions. A row costs a few
 * comparisons and table reads a tree. Trees that are deeper, or whose tables would exceed the
 * memory allowed, are computed leaf by leaf.
 *
 * Shapes:    row[feature_count], NaN where missing;
 *            ret_contributions[group * (feature_count + 1) + feature], the mean at feature_count.
 * Ownership: keeps nothing of the forest.
 * Scratch:   attribution_scratch_bytes bytes of the caller's, of any alignment, one a thread;
 *            attribution_explain does not allocate.
 * Errors:    opening: LX_ERR_NO_MEMORY. Explaining cannot fail.
 * Threads:   read-only once opened; any number of readers, each with its own scratch.
 * Source:    Lundberg, Erion, Lee, "Consistent Individualized Feature Attribution for Tree
 *            Ensembles" (2018); Yang, "Fast TreeSHAP" (2021), whose tables by leaf and subset are
 *            joined here for four leaves at a time.
 */

#include "learn/forest.h"

/* Enough for 100 trees of depth 7, or 1000 of depth 6. */
#define ATTRIBUTION_TABLE_BYTES ((size_t)64 << 20)

struct attribution;

LX_MUST_USE enum lx_err attribution_open(const struct forest *forest, size_t table_bytes_max,
                                         struct attribution **ret_attribution,
                                         struct lx_error *err);
void attribution_close(struct attribution *attribution); /* NULL is fine */

size_t attribution_scratch_bytes(const struct attribution *attribution);

void attribution_explain(const struct attribution *attribution, const float *row, void *scratch,
                         float *ret_contributions);

#endif
