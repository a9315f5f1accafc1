#ifndef VIEW_LABEL_COVERAGE_H
#define VIEW_LABEL_COVERAGE_H

/*
 * label_coverage: how many customers of a snapshot have each label that is an expression; counted
 * by `refresh` over the columns of the new snapshot (view/audience.h) and kept as
 * DIR/labels/coverage.json, since a list of labels is no reason to look at a million customers.
 *
 * A count holds for the snapshot and for the definition that it was made with; others are passed
 * over when it is read. A label with a window of its own is not counted: it would cost every
 * refresh a pass over the bank (24 s of processor time at 1.1 million customers, a label that reads
 * features less than a millisecond); it is counted where its lift is measured.
 *
 * Errors:  LX_ERR_CORRUPT (not such a file), the audience's, host's. Threads: as the audience.
 */

#include "view/audience.h"
#include "view/labels.h"

#define VIEW_LABELS_FOLDER "labels"

struct view_label_coverage {
    bool is_known;
    uint64_t customers, have; /* in the snapshot; of them with the label */
};

/* Counts over the snapshot and writes the file. A label that cannot be counted (a window that
 * overflows) is told of by env->message and left out. *ret_count: how many were counted. */
LX_MUST_USE enum lx_err view_label_coverage_count(const char *folder, struct bank *bank,
                                                  const struct view_labels *labels,
                                                  const struct view_snapshot *snapshot,
                                                  const struct lx_env *env, size_t *ret_count,
                                                  struct lx_error *err);

/* What was counted before is of a snapshot that is gone. */
LX_MUST_USE enum lx_err view_label_coverage_forget(const char *folder, struct lx_error *err);

/* By label. Where nothing was counted, or of another snapshot, none is known. */
LX_MUST_USE enum lx_err view_label_coverage_read(const char *folder,
                                                 const struct view_labels *labels,
                                                 const struct view_snapshot *snapshot,
                                                 struct view_label_coverage *ret_coverage,
                                                 struct lx_error *err);

#endif
