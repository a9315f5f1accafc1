#ifndef AUDIT_LOG_H
#define AUDIT_LOG_H

/*
 * log: the tree over a bank's journal, one leaf a record, and the checkpoints signed over it.
 *
 *   DIR/audit/tile/...            the tree (C2SP tlog-tiles)
 *   DIR/audit/checkpoint          the newest signed state
 *   DIR/audit/checkpoints/SIZE    each one that was ever signed
 *   DIR/salts                     16 random bytes a leaf; not for publication
 *   DIR/keys/                     the log's keys (keyring.h)
 *
 * Invariants:
 *  1. A checkpoint is written after every record, salt and tile that it covers is on disk for good.
 *     What lies beyond the newest one has no meaning and is made again: so a crash at any moment
 *     leaves the state of the checkpoint before, and nothing else is kept to tell how far it got.
 *  2. What a checkpoint covers is never written over, except with the same bytes.
 *  3. A checkpoint is signed only if the tree begins with the tree of the one before: the right
 *     edge on disk must have its root; if it does not, the tree is made again from the journal, and
 *     if that has another root the log refuses (LX_ERR_CORRUPT): journal or salts were changed.
 *  4. A journal with fewer records than are signed is LX_ERR_CORRUPT.
 *
 * Ownership: journal, env are borrowed until audit_log_close. The journal is open for appending,
 *            which is what makes all its records durable; the caller holds the directory's lock.
 * Errors:    above; LX_ERR_NOT_READY (nothing is signed yet), LX_ERR_NOT_FOUND, file's.
 * Threads:   one at a time.
 */

#include "audit/leaf.h"
#include "audit/note.h"
#include "base/env.h"
#include "journal/journal.h"
#include "merkle/proof.h"

struct audit_log;

/* The moment that a record speaks of, 0 if it has none. The same record must have the same moment
 * for ever: it stands in the leaf. */
typedef int64_t audit_moment(const void *record, size_t length);

/* Opens DIR/audit; `journal` may be NULL for a log that is only asked for its checkpoint. */
LX_MUST_USE enum lx_err audit_log_open(const char *folder, struct journal *journal,
                                       audit_moment *moment, const struct lx_env *env,
                                       struct audit_log **ret_log, struct lx_error *err);
void audit_log_close(struct audit_log *log); /* NULL is fine */

/* The newest checkpoint, NULL if there is none. Borrowed. */
const struct audit_checkpoint *audit_log_checkpoint(const struct audit_log *log);
const char *audit_log_note(const struct audit_log *log); /* with its signatures; "" if none */

struct audit_sign_options {
    const char *name; /* of the log, when it signs for the first time; NULL: made from its key */
    bool is_rebuilt;  /* makes every tile again, though the right edge is sound */
};
/* Takes in the records that are new, and signs. Where there are none, the checkpoint stands. */
LX_MUST_USE enum lx_err audit_log_sign(struct audit_log *log,
                                       const struct audit_sign_options *options,
                                       struct lx_error *err);

/* That a record is in the log, for somebody who has the public key. */
struct audit_evidence {
    uint64_t index;
    uint8_t entry[AUDIT_LEAF_BYTES];
    uint8_t salt[AUDIT_SALT_BYTES];
    struct merkle_hash leaf;
    struct merkle_proof proof; /* in the tree of the newest checkpoint */
};
/* Appends the record's content, which with the salt gives the entry's commitment; all of it has
 * been checked when this returns. LX_ERR_NOT_READY for a record that no checkpoint covers yet. */
LX_MUST_USE enum lx_err audit_log_prove(struct audit_log *log, uint64_t position,
                                        struct audit_evidence *ret_evidence,
                                        struct lx_buffer *content, struct lx_error *err);

#endif
