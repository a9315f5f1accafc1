#ifndef AUDIT_VERIFY_H
#define AUDIT_VERIFY_H

/*
 * verify: is a folder of tiles and checkpoints what its log signed? Needs the public keys and the
 * folder, a copy of DIR/audit, and nothing else: no network, no bank, no salts.
 *
 * Holds if every checkpoint in it is signed by the log's keys, every entry hashes to its leaf and
 * says the position at which it stands, every tile has the hashes that the entries give it, and the
 * tree has at each size that was ever signed the root that was signed. One bit turned over in any
 * of them is LX_ERR_CORRUPT or LX_ERR_BAD_INPUT, naming the file. Files that no checkpoint covers
 * are not part of the log and are not read.
 *
 * What a folder cannot show is that it is the newest, or the only one: `since` is a checkpoint that
 * the caller has kept from before, and a witness's signature says that another machine has seen the
 * tree grow.
 *
 * Ownership: all is the caller's. Errors: above; LX_ERR_NOT_FOUND: a missing file.
 * Threads:   pure.
 */

#include "audit/note.h"

struct audit_verdict {
    struct audit_checkpoint checkpoint;   /* the newest */
    struct audit_signatures signatures;   /* of it */
    uint64_t checkpoints, tiles, bundles; /* that were looked at and hold */
};

/* `since`: path of a checkpoint, or NULL. */
LX_MUST_USE enum lx_err audit_verify(const char *folder, const struct audit_keys *keys,
                                     const char *since, struct audit_verdict *ret_verdict,
                                     struct lx_error *err);

#endif
