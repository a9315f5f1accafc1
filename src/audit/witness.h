#ifndef AUDIT_WITNESS_H
#define AUDIT_WITNESS_H

/*
 * witness: a second machine that has seen the log and vouches that it only grew.
 *
 *   DIR/witness/<first 16 digits of SHA-256(log's name)>   the newest checkpoint it has vouched for
 *   DIR/keys/witness-*                                     its key (keyring.h)
 *
 * It signs a checkpoint only if the log's signatures hold and the tiles prove that the tree of the
 * checkpoint before is the beginning of this one; what it has signed is on its disk before anybody
 * sees it. The first checkpoint of a log it takes on trust.
 *
 * Errors:  LX_ERR_REFUSED (the log is smaller, or was rewritten), LX_ERR_CORRUPT, file's.
 * Threads: one at a time; the caller holds the lock of the witness's directory.
 */

#include "audit/note.h"
#include "base/env.h"

/* `log_folder`: a copy of the log's DIR/audit, or that itself; its `checkpoint` gets one line more.
 * `name`: of the witness, when it signs for the first time; NULL: made from its key. */
LX_MUST_USE enum lx_err audit_witness_cosign(const char *folder, const char *log_folder,
                                             const struct audit_keys *log_keys, const char *name,
                                             const struct lx_env *env,
                                             struct audit_checkpoint *ret_checkpoint,
                                             struct lx_error *err);

#endif
