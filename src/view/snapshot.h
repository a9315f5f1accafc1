#ifndef VIEW_SNAPSHOT_H
#define VIEW_SNAPSHOT_H

/*
 * snapshot: the features of every customer as of a moment, in one frame that serving reads.
 *
 * DIR/snapshot/<as-of>-<n>.frame and DIR/snapshot/current, which names it; a new one is verified
 * block by block before `current` is replaced, so that readers see the old or the new, never a
 * part. Columns: id (TEXT), one for each customer feature (whole numbers as narrow as they are,
 * with nulls; else F32), facts, and of the pair features those that come from the history as a LIST
 * of (product, feature, value) where they differ from a product that the customer never met. Meta:
 * as-of moment, feature-set hash, catalogue hash, journal position, peers. Errors: LX_ERR_NOT_READY
 * (no snapshot: run `lingxi refresh`; other feature set: refresh again).
 */

#include "base/env.h"
#include "view/features.h"
#include "view/peers.h"

struct view_refresh_result {
    int64_t as_of_ms;
    uint64_t customers;
    size_t features;
    uint64_t size_bytes;
};
/*
 * as_of_ms BANK_UNKNOWN_MS: the end of the bank day on which the newest fact became known, so that
 * everything known counts. An empty bank is LX_ERR_NOT_READY. After a failure `current` is as it
 * was and the unfinished files are gone. Of the older snapshots the one just replaced is kept.
 * Memory: about 70 bytes a customer, a bit for each product, and about 2 MB a thread. One refresh
 * at a time (host/lock.h).
 */
LX_MUST_USE enum lx_err view_refresh(const char *folder, int64_t as_of_ms,
                                     uint64_t journal_position, const struct lx_env *env,
                                     struct view_refresh_result *ret_result, struct lx_error *err);

struct view_snapshot;
struct frame;
LX_MUST_USE enum lx_err view_snapshot_open(const char *folder, struct view_snapshot **ret_snapshot,
                                           struct lx_error *err);
/* The same with the bank's definitions, which the caller has open; the snapshot shares them. */
LX_MUST_USE enum lx_err view_snapshot_open_with(const char *folder,
                                                const struct view_features *features,
                                                struct view_snapshot **ret_snapshot,
                                                struct lx_error *err);
void view_snapshot_close(struct view_snapshot *snapshot);
/* Every block against its checksum, which view_refresh did before it published the snapshot and a
 * server does again after a restart; LX_ERR_CORRUPT. */
LX_MUST_USE enum lx_err view_snapshot_verify(const struct view_snapshot *snapshot,
                                             struct lx_error *err);

int64_t view_snapshot_as_of_ms(const struct view_snapshot *snapshot);
uint64_t view_snapshot_journal_position(const struct view_snapshot *snapshot);
int64_t view_snapshot_customers(const struct view_snapshot *snapshot);
const struct view_peers *view_snapshot_peers(const struct view_snapshot *snapshot);
/* The bank's definitions, which the snapshot was made with. */
const struct view_features *view_snapshot_features(const struct view_snapshot *snapshot);

/* Its columns, for expressions over everybody (view/audience.h). */
const struct frame *view_snapshot_frame(const struct view_snapshot *snapshot);

/* Row of the bank's id, or LX_ERR_NOT_FOUND naming it. Rows are the bank's customer numbers. */
LX_MUST_USE enum lx_err view_snapshot_find(const struct view_snapshot *snapshot, const char *id,
                                           int64_t *ret_customer, struct lx_error *err);
const char *view_snapshot_id(const struct view_snapshot *snapshot, int64_t customer,
                             size_t *ret_length);

/* The same numbers as view_customer_features, view_pair_features and view_facts gave. */
void view_snapshot_customer(const struct view_snapshot *snapshot, int64_t customer,
                            float *ret_values);
/* `scratch` is of the snapshot's features. */
void view_snapshot_pairs(const struct view_snapshot *snapshot, int64_t customer,
                         struct view_scratch *scratch, float *ret_values);
/* Of the pair features those that come from the history alone. */
void view_snapshot_kept(const struct view_snapshot *snapshot, int64_t customer, float *ret_values);
void view_snapshot_facts(const struct view_snapshot *snapshot, int64_t customer,
                         struct view_facts *ret_facts);

#endif
