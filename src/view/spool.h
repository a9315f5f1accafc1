#ifndef VIEW_SPOOL_H
#define VIEW_SPOOL_H

/*
 * spool: turns customers that come row by row, from several threads and in ranges, into the columns
 * of a snapshot, in memory that does not depend on how many customers there are (but for 16 bytes
 * each of the id index).
 *
 * Each worker gathers a range (VIEW_RANGE_CUSTOMERS) as columns and appends it to a file of its
 * own beside the snapshot; spool_write then puts each column together from all ranges in order.
 * Private to view. Ownership: the spool owns its files and removes them when it is closed.
 * Threads: begin, add and end of different workers may run at once.
 */

#include "base/env.h"
#include "frame/frame.h"
#include "view/features.h"

struct spool;

/* The range that a worker gathers. */
struct spool_rows {
    int64_t first; /* customer */
    size_t count;
    float *customer_values; /* one customer's features, to be filled before spool_add */
    float *pair_values;     /* and his pair features, of which the history half counts */
    struct spool_part *part;
};

/* Files are named `path` and a suffix; `folder` is the bank's. Everything is borrowed. */
struct spool_plan {
    const char *path, *folder;
    const struct view_features *features;
    int worker_count;
    int64_t customers, as_of_ms;
};
LX_MUST_USE enum lx_err spool_open(const struct spool_plan *plan, struct spool **ret_spool,
                                   struct lx_error *err);
void spool_close(struct spool *spool); /* NULL is fine */

struct spool_rows *spool_begin(struct spool *spool, int worker, int64_t first);
LX_MUST_USE enum lx_err spool_add(struct spool_rows *rows, const char *id,
                                  const struct view_facts *facts, size_t product_count,
                                  struct lx_error *err);
LX_MUST_USE enum lx_err spool_end(struct spool *spool, int worker, size_t range,
                                  struct lx_error *err);

/* Every column but `peers`; all ranges have ended. The customer features that tell of peers, which
 * nobody knew while the rows came, are computed here. */
LX_MUST_USE enum lx_err spool_write(struct spool *spool, const struct view_peers *peers,
                                    struct frame_writer *writer, const struct lx_env *env,
                                    struct lx_error *err);

#endif
