#ifndef AUDIT_NOTE_H
#define AUDIT_NOTE_H

/*
 * note: signed notes (C2SP signed-note) and the checkpoints in them (C2SP tlog-checkpoint).
 *
 *   ORIGIN \n SIZE \n BASE64(root) \n      the text: the state of a log
 *   \n
 *   — NAME BASE64(key id || signature) \n  for each key
 *
 * A witness's signature is its time (u64, big-endian, seconds) before 64 bytes, and signs
 * "cosignature/v1\ntime SECONDS\n" before the text (C2SP tlog-cosignature).
 *
 * Ownership: a note borrows from the text it was parsed from.
 * Errors:    LX_ERR_BAD_INPUT (not a note or no checkpoint), LX_ERR_CORRUPT (a signature that does
 *            not hold, or one that is missing).
 * Threads:   pure.
 */

#include "audit/key.h"
#include "merkle/hash.h"

enum {
    AUDIT_NOTE_MAX = 1 << 18,
    AUDIT_NOTE_SIGNATURES_MAX = 64,
    AUDIT_NOTE_LINE_MAX = 8192, /* bytes of a signature: post-quantum ones are up to 5 KB */
};

struct audit_note_line {
    const char *name; /* borrowed */
    size_t name_length;
    uint8_t id[AUDIT_KEY_ID_BYTES];
    const char *base64; /* borrowed: of id and signature */
    size_t base64_length;
};

struct audit_note {
    const char *text; /* borrowed: up to the empty line */
    size_t text_length;
    struct audit_note_line lines[AUDIT_NOTE_SIGNATURES_MAX];
    size_t line_count;
};

/* `file` is what errors call it. */
LX_MUST_USE enum lx_err audit_note_parse(const char *file, const char *bytes, size_t length,
                                         struct audit_note *ret_note, struct lx_error *err);

struct audit_signatures {
    size_t of_log, of_witnesses, unknown; /* lines: the first two were verified */
};
/* Every line of a known key must hold, and every key of the log's name but a witness's must have
 * signed. `origin` is that name. Lines of unknown keys are counted and pass. */
LX_MUST_USE enum lx_err audit_note_check(const char *file, const struct audit_note *note,
                                         const char *origin, const struct audit_keys *keys,
                                         struct audit_signatures *ret_signatures,
                                         struct lx_error *err);

struct audit_checkpoint {
    char origin[AUDIT_NAME_MAX + 1];
    uint64_t size;
    struct merkle_hash root;
};
void audit_checkpoint_put(const struct audit_checkpoint *checkpoint, struct lx_buffer *buffer);
LX_MUST_USE enum lx_err audit_checkpoint_parse(const char *file, const char *text, size_t length,
                                               struct audit_checkpoint *ret_checkpoint,
                                               struct lx_error *err);

/* Appends the line that the key makes of the text. `now_ms` is what a witness vouches for. */
LX_MUST_USE enum lx_err audit_note_sign(const struct audit_signer *signer, const char *text,
                                        size_t length, int64_t now_ms, struct lx_buffer *lines,
                                        struct lx_error *err);

/* Parse, check and read in one; the signatures may be NULL. */
LX_MUST_USE enum lx_err audit_checkpoint_open(const char *file, const char *bytes, size_t length,
                                              const struct audit_keys *keys,
                                              struct audit_checkpoint *ret_checkpoint,
                                              struct audit_signatures *ret_signatures,
                                              struct lx_error *err);

#endif
