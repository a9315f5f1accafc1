#include "audit/witness.h"

#include <inttypes.h>
#include <string.h>

#include "audit/keyring.h"
#include "audit/shelf.h"
#include "codec/base64.h"
#include "host/file.h"
#include "merkle/proof.h"

enum { NAME_DIGITS = 16 };

struct witnessing {
    const char *folder, *log_folder;
    const struct audit_keys *keys;
    struct audit_keyring *ring;
    struct audit_checkpoint checkpoint;
    struct lx_buffer note;        /* the log's, as it is */
    struct lx_buffer signed_note; /* with our line */
    struct lx_error *err;
};

static enum lx_err state_path(const struct witnessing *w, char path[LX_PATH_MAX])
{
    char inner[LX_PATH_MAX], name[DIGEST_TEXT_SIZE];
    uint8_t hash[DIGEST_SIZE];
    digest_of(w->checkpoint.origin, strlen(w->checkpoint.origin), hash);
    digest_text(hash, name);
    name[NAME_DIGITS] = '\0';
    enum lx_err code = host_join(inner, w->folder, "witness", w->err);
    if (code == LX_OK) code = host_make_folder(inner, w->err);
    return code == LX_OK ? host_join(path, inner, name, w->err) : code;
}

static enum lx_err check_growth(const struct witnessing *w, const struct audit_checkpoint *before)
{
    struct merkle_hasher hasher = {0};
    struct audit_shelf shelf = {.folder = ""};
    struct merkle_proof proof;
    const struct audit_checkpoint *now = &w->checkpoint;
    if (now->size < before->size)
        return lx_fail(w->err, LX_ERR_REFUSED,
                       "%s: %" PRIu64 " leaves, and this witness has seen %" PRIu64
                       ": the log was cut back",
                       now->origin, now->size, before->size);
    enum lx_err code = audit_shelf_init(&shelf, w->log_folder, false, w->err);
    if (code == LX_OK) code = merkle_hasher_init(&hasher, w->err);
    const struct merkle_tree tree = {&hasher, audit_shelf_source(&shelf), now->size};
    if (code == LX_OK)
        code = merkle_prove_consistency(&tree, before->size, now->size, &proof, w->err);
    if (code == LX_OK && !merkle_verify_consistency(&hasher, before->size, now->size, &before->root,
                                                    &now->root, &proof))
        code = lx_fail(w->err, LX_ERR_REFUSED,
                       "%s: the tree of %" PRIu64
                       " leaves that this witness has seen is not the beginning of that of %" PRIu64
                       ": the log was rewritten, or its tiles are damaged",
                       now->origin, before->size, now->size);
    merkle_hasher_release(&hasher);
    return code;
}

static enum lx_err check_before(const struct witnessing *w, const char *path)
{
    struct lx_buffer text;
    struct audit_checkpoint before;
    if (!host_exists(path)) return LX_OK;
    lx_buffer_init(&text, AUDIT_NOTE_MAX);
    enum lx_err code = host_read_file(path, &text, w->err);
    if (code == LX_OK)
        code = audit_checkpoint_open(path, lx_buffer_text(&text), text.length, w->keys, &before,
                                     NULL, w->err);
    lx_buffer_release(&text);
    return code == LX_OK ? check_growth(w, &before) : code;
}

/* The note with our line at its end, and without the one that we may have made before. */
static enum lx_err add_line(struct witnessing *w, const struct audit_note *note, int64_t now_ms)
{
    const struct audit_signer *signer = audit_keyring_signer(w->ring, 0);
    size_t name_length = strlen(signer->key.name);
    lx_buffer_append(&w->signed_note, note->text, note->text_length);
    lx_buffer_append_byte(&w->signed_note, '\n');
    for (size_t i = 0; i < note->line_count; i++) {
        const struct audit_note_line *line = &note->lines[i];
        if (line->name_length == name_length &&
            memcmp(line->name, signer->key.name, name_length) == 0 &&
            memcmp(line->id, signer->key.id, sizeof line->id) == 0)
            continue;
        lx_buffer_append_text(&w->signed_note, "\xE2\x80\x94 ");
        lx_buffer_append(&w->signed_note, line->name, line->name_length);
        lx_buffer_append_byte(&w->signed_note, ' ');
        lx_buffer_append(&w->signed_note, line->base64, line->base64_length);
        lx_buffer_append_byte(&w->signed_note, '\n');
    }
    enum lx_err code =
        audit_note_sign(signer, note->text, note->text_length, now_ms, &w->signed_note, w->err);
    if (code == LX_OK && lx_buffer_error(&w->signed_note) != LX_OK)
        code = lx_fail(w->err, lx_buffer_error(&w->signed_note), "audit: a note: out of memory");
    return code;
}

static enum lx_err cosign(struct witnessing *w, int64_t now_ms)
{
    char path[LX_PATH_MAX], state[LX_PATH_MAX];
    struct audit_note note;
    enum lx_err code = host_join(path, w->log_folder, "checkpoint", w->err);
    if (code == LX_OK) code = host_read_file(path, &w->note, w->err);
    if (code == LX_OK)
        code = audit_checkpoint_open(path, lx_buffer_text(&w->note), w->note.length, w->keys,
                                     &w->checkpoint, NULL, w->err);
    if (code == LX_OK)
        code = audit_note_parse(path, lx_buffer_text(&w->note), w->note.length, &note, w->err);
    if (code == LX_OK) code = state_path(w, state);
    if (code == LX_OK) code = check_before(w, state);
    if (code == LX_OK) code = add_line(w, &note, now_ms);
    if (code == LX_OK)
        code = host_write_atomic(state, w->signed_note.bytes, w->signed_note.length, w->err);
    if (code == LX_OK)
        code = host_write_atomic(path, w->signed_note.bytes, w->signed_note.length, w->err);
    return code;
}

enum lx_err audit_witness_cosign(const char *folder, const char *log_folder,
                                 const struct audit_keys *log_keys, const char *name,
                                 const struct lx_env *env, struct audit_checkpoint *ret_checkpoint,
                                 struct lx_error *err)
{
    struct witnessing w = {
        .folder = folder, .log_folder = log_folder, .keys = log_keys, .err = err};
    lx_buffer_init(&w.note, AUDIT_NOTE_MAX);
    lx_buffer_init(&w.signed_note, AUDIT_NOTE_MAX);
    enum lx_err code = host_make_folder(folder, err);
    if (code == LX_OK)
        code = audit_keyring_open(folder, AUDIT_WITNESS_KEYS, name, env, &w.ring, err);
    if (code == LX_OK) code = cosign(&w, env->now_ms(env->context));
    if (code == LX_OK) *ret_checkpoint = w.checkpoint;
    audit_keyring_close(w.ring);
    lx_buffer_release(&w.note);
    lx_buffer_release(&w.signed_note);
    return code;
}
