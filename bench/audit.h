#ifndef BENCH_AUDIT_H
#define BENCH_AUDIT_H

/* audit: the tamper-evident log against a table of hashes in SQLite, durable batch by batch. */

#include "bench/bench.h"

/*
 * row_count journal records of 256 bytes, 65,536 a batch. Ours: of each batch, all that
 * `lingxi audit checkpoint` does: salts, leaves, the tree, tiles and entries as files, every one of
 * them synced, two signatures, the checkpoint. Peer: the same leaf hashes, ready-made, one
 * transaction a batch into (position INTEGER PRIMARY KEY, hash BLOB), WAL and synchronous=FULL.
 * Writing the journal is outside both. The hashes of both must then be the same. Files lie in
 * $TMPDIR, else in /tmp: name a folder on the disk that matters.
 * Errors: LX_ERR_CORRUPT where the two differ, file's, store's.
 */
LX_MUST_USE enum lx_err bench_audit(uint64_t row_count, const struct lx_env *env,
                                    struct bench_result *ret_result, struct lx_error *err);

#endif
