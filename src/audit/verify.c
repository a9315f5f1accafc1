#include "audit/verify.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit/leaf.h"
#include "audit/shelf.h"
#include "host/file.h"

enum { BUNDLE_MAX = MERKLE_TILE_WIDTH * (MERKLE_ENTRY_MAX + 2), SIGNED_MAX = 1 << 20 };

/* A state that was signed. */
struct signed_state {
    struct audit_checkpoint checkpoint;
    char *path; /* owned */
};

struct verifying {
    const struct audit_keys *keys;
    struct audit_shelf shelf;
    struct merkle_hasher hasher;
    struct merkle_grower grower;
    struct signed_state *states; /* owned; by size */
    size_t count, capacity;
    struct lx_buffer bundle, file;
    size_t position; /* in the bundle, of the next entry */
    bool is_newest;  /* the state that is looked at: its partial tiles must be there */
    struct audit_verdict verdict;
    struct lx_error *err;
};

static enum lx_err add_state(struct verifying *v, const char *path,
                             struct audit_signatures *ret_signatures)
{
    struct lx_buffer text;
    lx_buffer_init(&text, AUDIT_NOTE_MAX);
    enum lx_err code =
        lx_grow(&v->states, &v->capacity, v->count + 1, SIGNED_MAX, sizeof *v->states);
    if (code != LX_OK)
        code = lx_fail(v->err, code, "%s: %zu checkpoints: %s", path, v->count, lx_err_text(code));
    if (code == LX_OK) code = host_read_file(path, &text, v->err);
    if (code == LX_OK) {
        struct signed_state *state = &v->states[v->count];
        state->path = NULL;
        code = audit_checkpoint_open(path, lx_buffer_text(&text), text.length, v->keys,
                                     &state->checkpoint, ret_signatures, v->err);
        if (code == LX_OK) state->path = lx_strdup(path);
        if (code == LX_OK && state->path == NULL)
            code = lx_fail(v->err, LX_ERR_NO_MEMORY, "%s: out of memory", path);
        if (code == LX_OK) v->count++;
    }
    lx_buffer_release(&text);
    return code;
}

static int compare_states(const void *a, const void *b)
{
    uint64_t x = ((const struct signed_state *)a)->checkpoint.size;
    uint64_t y = ((const struct signed_state *)b)->checkpoint.size;
    return (x > y) - (x < y);
}

/* All of one log, none newer than the newest; one that is says that a state was put back. */
static enum lx_err check_states(const struct verifying *v)
{
    const struct audit_checkpoint *newest = &v->verdict.checkpoint;
    for (size_t i = 0; i < v->count; i++) {
        const struct signed_state *state = &v->states[i];
        if (strcmp(state->checkpoint.origin, newest->origin) != 0)
            return lx_fail(v->err, LX_ERR_CORRUPT, "%s: of another log, %s", state->path,
                           state->checkpoint.origin);
        if (state->checkpoint.size > newest->size)
            return lx_fail(v->err, LX_ERR_CORRUPT,
                           "%s: covers %" PRIu64 " leaves, and the newest checkpoint only %" PRIu64
                           ": the log was cut back",
                           state->path, state->checkpoint.size, newest->size);
    }
    return LX_OK;
}

static enum lx_err read_states(struct verifying *v, const char *folder, const char *since)
{
    char path[LX_PATH_MAX], past[LX_PATH_MAX];
    struct host_names names = {0};
    enum lx_err code = host_join(path, folder, "checkpoint", v->err);
    if (code == LX_OK) code = add_state(v, path, &v->verdict.signatures);
    if (code == LX_OK) v->verdict.checkpoint = v->states[0].checkpoint;
    if (code == LX_OK && since != NULL) code = add_state(v, since, NULL);
    if (code == LX_OK) code = host_join(past, folder, "checkpoints", v->err);
    if (code == LX_OK && host_is_folder(past)) code = host_list(past, &names, v->err);
    for (size_t i = 0; code == LX_OK && i < names.count; i++) {
        size_t length = strlen(names.names[i]);
        if (length > 4 && strcmp(names.names[i] + length - 4, ".tmp") == 0) continue;
        code = host_join(path, past, names.names[i], v->err);
        if (code == LX_OK) code = add_state(v, path, NULL);
    }
    host_names_release(&names);
    if (code == LX_OK) code = check_states(v);
    if (code == LX_OK) qsort(v->states, v->count, sizeof *v->states, compare_states);
    return code;
}

/* The file of a tile has these bytes. A partial one of the past may be gone. */
static enum lx_err compare(struct verifying *v, const struct merkle_tile *tile, const void *bytes,
                           size_t length)
{
    char path[LX_PATH_MAX];
    enum lx_err code = audit_shelf_path(&v->shelf, tile, path, v->err);
    if (code != LX_OK) return code;
    bool is_partial = tile->width < MERKLE_TILE_WIDTH;
    if (is_partial && !v->is_newest && !host_exists(path)) return LX_OK;
    lx_buffer_clear(&v->file);
    code = host_read_file(path, &v->file, v->err);
    if (code != LX_OK) return code;
    if (v->file.length != length || memcmp(v->file.bytes, bytes, length) != 0)
        return lx_fail(v->err, LX_ERR_CORRUPT, "%s: not the %s that the entries give", path,
                       tile->level == MERKLE_ENTRIES ? "entries" : "hashes");
    if (tile->level == MERKLE_ENTRIES)
        v->verdict.bundles++;
    else
        v->verdict.tiles++;
    return LX_OK;
}

static enum lx_err compare_hashes(void *context, const struct merkle_tile *tile,
                                  const struct merkle_hash *hashes, struct lx_error *err)
{
    (void)err;
    return compare(context, tile, hashes, (size_t)tile->width * sizeof *hashes);
}

/* The next bundle, as wide as the newest state has it. */
static enum lx_err read_bundle(struct verifying *v, uint64_t index)
{
    const struct merkle_tile tile = {
        MERKLE_ENTRIES, index,
        merkle_tile_width(MERKLE_ENTRIES, index, v->verdict.checkpoint.size)};
    char path[LX_PATH_MAX];
    enum lx_err code = audit_shelf_path(&v->shelf, &tile, path, v->err);
    v->position = 0;
    lx_buffer_clear(&v->bundle);
    if (code == LX_OK) code = host_read_file(path, &v->bundle, v->err);
    if (code == LX_OK) v->verdict.bundles++;
    return code;
}

static enum lx_err spoiled_bundle(const struct verifying *v, uint64_t leaf, const char *why)
{
    return lx_fail(v->err, LX_ERR_CORRUPT, "%s: entries: leaf %" PRIu64 " %s", v->shelf.folder,
                   leaf, why);
}

static enum lx_err take_leaf(struct verifying *v)
{
    const struct merkle_sink sink = {v, compare_hashes};
    uint64_t index = v->grower.size;
    const uint8_t *entry = NULL;
    size_t length = 0;
    struct audit_leaf leaf;
    enum lx_err code = LX_OK;
    if (index % MERKLE_TILE_WIDTH == 0) code = read_bundle(v, index / MERKLE_TILE_WIDTH);
    if (code != LX_OK) return code;
    if (!merkle_bundle_next((const uint8_t *)v->bundle.bytes, v->bundle.length, &v->position,
                            &entry, &length))
        return spoiled_bundle(v, index, "is cut off");
    if (!audit_leaf_read(entry, length, &leaf) || leaf.position != index)
        return spoiled_bundle(v, index, "is not the entry of this place");
    struct merkle_hash hash = merkle_leaf(&v->hasher, entry, length);
    code = merkle_append(&v->grower, &hash, 1, &sink, v->err);
    bool is_end =
        v->grower.size % MERKLE_TILE_WIDTH == 0 || v->grower.size == v->verdict.checkpoint.size;
    if (code == LX_OK && is_end && v->position != v->bundle.length)
        code = spoiled_bundle(v, index, "is followed by more than its bundle holds");
    return code;
}

/* The tree as it stands now is the one that was signed. */
static enum lx_err check_state(struct verifying *v, const struct signed_state *state)
{
    const struct merkle_sink sink = {v, compare_hashes};
    uint64_t size = state->checkpoint.size;
    struct merkle_hash root = merkle_root(&v->grower);
    if (!merkle_is_same(&root, &state->checkpoint.root))
        return lx_fail(v->err, LX_ERR_CORRUPT,
                       "%s: it signs another root than that of the first %" PRIu64 " entries",
                       state->path, size);
    v->verdict.checkpoints++;
    enum lx_err code = merkle_flush(&v->grower, &sink, v->err);
    const struct merkle_tile tile = {MERKLE_ENTRIES, size / MERKLE_TILE_WIDTH,
                                     (int)(size % MERKLE_TILE_WIDTH)};
    if (code == LX_OK && tile.width > 0 && !v->is_newest)
        code = compare(v, &tile, v->bundle.bytes, v->position);
    return code;
}

static enum lx_err check_tree(struct verifying *v)
{
    enum lx_err code = LX_OK;
    for (size_t i = 0; code == LX_OK && i < v->count; i++) {
        const struct signed_state *state = &v->states[i];
        while (code == LX_OK && v->grower.size < state->checkpoint.size) code = take_leaf(v);
        v->is_newest = state->checkpoint.size == v->verdict.checkpoint.size;
        if (code == LX_OK) code = check_state(v, state);
    }
    return code;
}

enum lx_err audit_verify(const char *folder, const struct audit_keys *keys, const char *since,
                         struct audit_verdict *ret_verdict, struct lx_error *err)
{
    struct verifying *v = lx_calloc(1, sizeof *v);
    if (v == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", folder);
    v->keys = keys;
    v->err = err;
    lx_buffer_init(&v->bundle, BUNDLE_MAX);
    lx_buffer_init(&v->file, BUNDLE_MAX);
    enum lx_err code = audit_shelf_init(&v->shelf, folder, false, err);
    if (code == LX_OK) code = merkle_hasher_init(&v->hasher, err);
    if (code == LX_OK) merkle_grower_init(&v->grower, &v->hasher);
    if (code == LX_OK) code = read_states(v, folder, since);
    if (code == LX_OK) code = check_tree(v);
    if (code == LX_OK) *ret_verdict = v->verdict;
    audit_shelf_release(&v->shelf);
    merkle_hasher_release(&v->hasher);
    lx_buffer_release(&v->bundle);
    lx_buffer_release(&v->file);
    for (size_t i = 0; i < v->count; i++) lx_free(v->states[i].path);
    lx_free(v->states);
    lx_free(v);
    return code;
}
