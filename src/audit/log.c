#include "audit/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/keyring.h"
#include "audit/shelf.h"

enum { GROUP = 16384, BUNDLE_MAX = MERKLE_TILE_WIDTH * (AUDIT_LEAF_BYTES + 2) };

struct audit_log {
    char folder[LX_PATH_MAX], audit[LX_PATH_MAX];
    struct journal *journal; /* borrowed */
    audit_moment *moment;
    const struct lx_env *env;
    struct merkle_hasher hasher;
    struct audit_shelf shelf;
    struct audit_checkpoint checkpoint;
    struct lx_buffer note; /* the newest checkpoint as it is on disk; empty: none */

    /* For growing. */
    bool is_dry; /* nothing is written: only the root is asked for */
    struct merkle_grower grower;
    struct lx_buffer bundle; /* entries of the last, unfinished bundle */
    uint8_t salts[GROUP * AUDIT_SALT_BYTES], fresh[GROUP * AUDIT_SALT_BYTES];
    struct merkle_hash leaves[GROUP];
};

static enum lx_err read_checkpoint(struct audit_log *log, struct lx_error *err)
{
    char path[LX_PATH_MAX], public_path[LX_PATH_MAX];
    struct audit_keys keys;
    enum lx_err code = host_join(path, log->audit, "checkpoint", err);
    if (code != LX_OK || !host_exists(path)) return code;
    code = audit_keyring_public_path(log->folder, AUDIT_LOG_KEYS, public_path, err);
    if (code == LX_OK) code = audit_keys_read(public_path, &keys, err);
    if (code == LX_OK) code = host_read_file(path, &log->note, err);
    if (code == LX_OK)
        code = audit_checkpoint_open(path, lx_buffer_text(&log->note), log->note.length, &keys,
                                     &log->checkpoint, NULL, err);
    return code;
}

static enum lx_err check_journal(const struct audit_log *log, struct lx_error *err)
{
    uint64_t count = log->journal == NULL ? UINT64_MAX : journal_synced_position(log->journal);
    if (log->checkpoint.size <= count) return LX_OK;
    return lx_fail(err, LX_ERR_CORRUPT,
                   "journal: %" PRIu64 " records, and a signed checkpoint covers %" PRIu64
                   ": part of the journal is missing",
                   count, log->checkpoint.size);
}

enum lx_err audit_log_open(const char *folder, struct journal *journal, audit_moment *moment,
                           const struct lx_env *env, struct audit_log **ret_log,
                           struct lx_error *err)
{
    LX_ASSERT(folder != NULL && ret_log != NULL && env != NULL);
    LX_ASSERT(journal == NULL || moment != NULL);

    struct audit_log *log = lx_calloc(1, sizeof *log);
    if (log == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", folder);
    log->journal = journal;
    log->moment = moment;
    log->env = env;
    lx_buffer_init(&log->note, AUDIT_NOTE_MAX);
    lx_buffer_init(&log->bundle, BUNDLE_MAX);
    enum lx_err code = host_join(log->folder, folder, ".", err);
    if (code == LX_OK) {
        log->folder[strlen(log->folder) - 2] = '\0';
        code = host_join(log->audit, folder, "audit", err);
    }
    if (code == LX_OK) code = audit_shelf_init(&log->shelf, log->audit, env->thread_count > 1, err);
    if (code == LX_OK) code = merkle_hasher_init(&log->hasher, err);
    if (code == LX_OK) code = read_checkpoint(log, err);
    if (code == LX_OK) code = check_journal(log, err);
    if (code == LX_OK)
        *ret_log = log;
    else
        audit_log_close(log);
    return code;
}

void audit_log_close(struct audit_log *log)
{
    if (log == NULL) return;
    audit_shelf_release(&log->shelf);
    merkle_hasher_release(&log->hasher);
    lx_buffer_release(&log->note);
    lx_buffer_release(&log->bundle);
    lx_free(log);
}

const struct audit_checkpoint *audit_log_checkpoint(const struct audit_log *log)
{
    return log->note.length > 0 ? &log->checkpoint : NULL;
}

const char *audit_log_note(const struct audit_log *log)
{
    return lx_buffer_text(&log->note);
}

static enum lx_err open_salts(const struct audit_log *log, struct host_file **ret_file,
                              struct lx_error *err)
{
    char path[LX_PATH_MAX];
    enum lx_err code = host_join(path, log->folder, "salts", err);
    if (code != LX_OK) return code;
    bool is_new = !host_exists(path);
    code = host_open(path, is_new ? HOST_CREATE : HOST_UPDATE, ret_file, err);
    if (code == LX_OK && is_new) code = host_sync_folder(log->folder, err);
    return code;
}

static bool is_zero(const uint8_t *salt)
{
    for (size_t i = 0; i < AUDIT_SALT_BYTES; i++)
        if (salt[i] != 0) return false;
    return true;
}

/* Signed leaves have their salts. New ones get theirs, on disk before anything that rests on it; a
 * salt that an attempt before this one has left is used again, so that the tiles which that attempt
 * has left are those that are made now. */
static enum lx_err get_salts(struct audit_log *log, struct host_file *file, uint64_t first,
                             size_t count, struct lx_error *err)
{
    size_t length = 0, fresh = 0;
    uint64_t signed_size = log->checkpoint.size;
    memset(log->salts, 0, count * AUDIT_SALT_BYTES);
    enum lx_err code = host_read_at(file, first * AUDIT_SALT_BYTES, log->salts,
                                    count * AUDIT_SALT_BYTES, &length, err);
    if (code != LX_OK) return code;
    memset(log->salts + length, 0, count * AUDIT_SALT_BYTES - length);
    for (size_t i = 0; i < count; i++) {
        uint8_t *salt = log->salts + i * AUDIT_SALT_BYTES;
        if (!is_zero(salt)) continue;
        if (first + i < signed_size)
            return lx_fail(err, LX_ERR_CORRUPT,
                           "%s: no salt of leaf %" PRIu64 ", which is signed: restore the file",
                           host_path(file), first + i);
        if (fresh++ == 0)
            log->env->entropy(log->env->context, log->fresh, count * AUDIT_SALT_BYTES);
        memcpy(salt, log->fresh + i * AUDIT_SALT_BYTES, AUDIT_SALT_BYTES);
    }
    if (fresh > 0)
        code = host_write_at(file, first * AUDIT_SALT_BYTES, log->salts, count * AUDIT_SALT_BYTES,
                             err);
    if (code == LX_OK && first + count > signed_size) code = host_sync(file, err);
    return code;
}

static enum lx_err write_bundle(struct audit_log *log, uint64_t size, struct lx_error *err)
{
    enum lx_err code = lx_buffer_error(&log->bundle);
    if (code != LX_OK) return lx_fail(err, code, "audit: a bundle of entries: out of memory");
    if (log->is_dry) return LX_OK;
    const struct merkle_tile tile = {
        MERKLE_ENTRIES, (size - 1) / MERKLE_TILE_WIDTH,
        merkle_tile_width(MERKLE_ENTRIES, (size - 1) / MERKLE_TILE_WIDTH, size)};
    return audit_shelf_write(&log->shelf, &tile, log->bundle.bytes, log->bundle.length, err);
}

static enum lx_err write_hashes(void *context, const struct merkle_tile *tile,
                                const struct merkle_hash *hashes, struct lx_error *err)
{
    struct audit_log *log = context;
    const struct merkle_sink sink = audit_shelf_sink(&log->shelf);
    return log->is_dry ? LX_OK : sink.write(sink.context, tile, hashes, err);
}

static void make_entry(struct audit_log *log, const struct journal_record *record,
                       const uint8_t *salt, uint8_t entry[AUDIT_LEAF_BYTES])
{
    const uint8_t *bytes = record->bytes;
    struct audit_leaf leaf = {.kind = bytes[0],
                              .version = record->length > 1 ? bytes[1] : 0,
                              .at_ms = log->moment(record->bytes, record->length),
                              .position = record->position};
    audit_commit(&log->hasher, salt, record->bytes, record->length, leaf.commitment);
    audit_leaf_write(&leaf, entry);
}

/* `count` records from the cursor into the tree. */
static enum lx_err grow_group(struct audit_log *log, struct journal_cursor *cursor,
                              struct host_file *salts, size_t count, struct lx_error *err)
{
    const struct merkle_sink sink = {log, write_hashes};
    uint64_t first = log->grower.size;
    enum lx_err code = get_salts(log, salts, first, count, err);
    for (size_t i = 0; code == LX_OK && i < count; i++) {
        struct journal_record record;
        uint8_t entry[AUDIT_LEAF_BYTES];
        bool has_record = false;
        code = journal_read(cursor, &record, &has_record, err);
        if (code == LX_OK && (!has_record || record.position != first + i))
            code = lx_fail(err, LX_ERR_CORRUPT, "journal: no record %" PRIu64, first + i);
        if (code != LX_OK) break;
        make_entry(log, &record, log->salts + i * AUDIT_SALT_BYTES, entry);
        log->leaves[i] = merkle_leaf(&log->hasher, entry, sizeof entry);
        merkle_bundle_put(&log->bundle, entry, sizeof entry);
        if ((first + i + 1) % MERKLE_TILE_WIDTH != 0) continue;
        code = write_bundle(log, first + i + 1, err);
        lx_buffer_clear(&log->bundle);
    }
    if (code == LX_OK) code = merkle_append(&log->grower, log->leaves, count, &sink, err);
    return code;
}

/* Up to `size` leaves; tiles and bundles are written, not synced. */
static enum lx_err grow(struct audit_log *log, uint64_t size, struct lx_error *err)
{
    struct journal_cursor *cursor = NULL;
    struct host_file *salts = NULL;
    enum lx_err code = open_salts(log, &salts, err);
    if (code == LX_OK) code = journal_seek(log->journal, log->grower.size, &cursor, err);
    while (code == LX_OK && log->grower.size < size) {
        uint64_t left = size - log->grower.size;
        code = grow_group(log, cursor, salts, left < GROUP ? (size_t)left : GROUP, err);
    }
    journal_cursor_close(cursor);
    host_close(salts);
    return code;
}

/* The unfinished bundle of the signed tree, as it is on disk. */
static enum lx_err resume_bundle(struct audit_log *log, struct lx_error *err)
{
    uint64_t size = log->checkpoint.size;
    const struct merkle_tile tile = {MERKLE_ENTRIES, size / MERKLE_TILE_WIDTH,
                                     (int)(size % MERKLE_TILE_WIDTH)};
    size_t position = 0, length = 0, count = 0;
    const uint8_t *entry = NULL;
    lx_buffer_clear(&log->bundle);
    if (tile.width == 0) return LX_OK;
    enum lx_err code = audit_shelf_read(&log->shelf, &tile, &log->bundle, err);
    if (code != LX_OK) return code;
    const uint8_t *bytes = (const uint8_t *)log->bundle.bytes;
    for (; count < (size_t)tile.width; count++) {
        if (!merkle_bundle_next(bytes, log->bundle.length, &position, &entry, &length)) break;
        struct merkle_hash leaf = merkle_leaf(&log->hasher, entry, length);
        if (!merkle_is_same(&leaf, &log->grower.hashes[0][count])) break;
    }
    if (count < (size_t)tile.width)
        return lx_fail(err, LX_ERR_CORRUPT, "audit: the last entries are not those of the tree");
    log->bundle.length = position; /* a full bundle, read in place of a partial one */
    return LX_OK;
}

/* The signed tree again from journal and salts. Its root is looked at before anything is written:
 * what was signed is never written over with something else. */
static enum lx_err rebuild(struct audit_log *log, struct lx_error *err)
{
    enum lx_err code = LX_OK;
    for (int pass = 0; code == LX_OK && pass < 2; pass++) {
        log->is_dry = pass == 0;
        merkle_grower_init(&log->grower, &log->hasher);
        lx_buffer_clear(&log->bundle);
        code = grow(log, log->checkpoint.size, err);
        struct merkle_hash root = merkle_root(&log->grower);
        if (code == LX_OK && !merkle_is_same(&root, &log->checkpoint.root))
            code = lx_fail(err, LX_ERR_CORRUPT,
                           "audit: the journal's first %" PRIu64
                           " records do not have the root that was signed: journal or salts were "
                           "changed; restore them",
                           log->checkpoint.size);
    }
    log->is_dry = false;
    return code;
}

/* Stands at the signed tree: from its right edge, or, where that is damaged, from the journal. */
static enum lx_err resume(struct audit_log *log, bool is_rebuilt, struct lx_error *err)
{
    const struct merkle_source source = audit_shelf_source(&log->shelf);
    struct lx_error why = {0};
    merkle_grower_init(&log->grower, &log->hasher);
    lx_buffer_clear(&log->bundle);
    if (log->checkpoint.size == 0) return LX_OK;
    if (is_rebuilt) return rebuild(log, err);
    enum lx_err code = merkle_grower_resume(&log->grower, log->checkpoint.size, &source, &why);
    if (code != LX_OK) return rebuild(log, err);
    struct merkle_hash root = merkle_root(&log->grower);
    if (!merkle_is_same(&root, &log->checkpoint.root)) return rebuild(log, err);
    return resume_bundle(log, &why) == LX_OK ? LX_OK : rebuild(log, err);
}

static enum lx_err sign_text(struct audit_keyring *ring, const struct audit_checkpoint *checkpoint,
                             int64_t now_ms, struct lx_buffer *note, struct lx_error *err)
{
    struct lx_buffer lines;
    lx_buffer_init(&lines, AUDIT_NOTE_MAX);
    audit_checkpoint_put(checkpoint, note);
    enum lx_err code = lx_buffer_error(note);
    for (size_t i = 0; code == LX_OK && i < audit_keyring_count(ring); i++)
        code = audit_note_sign(audit_keyring_signer(ring, i), note->bytes, note->length, now_ms,
                               &lines, err);
    lx_buffer_append_byte(note, '\n');
    lx_buffer_append(note, lines.bytes, lines.length);
    if (code == LX_OK && lx_buffer_error(note) != LX_OK)
        code = lx_fail(err, lx_buffer_error(note), "audit: a checkpoint: out of memory");
    lx_buffer_release(&lines);
    return code;
}

static enum lx_err path_of_size(const struct audit_log *log, uint64_t size, char path[LX_PATH_MAX],
                                struct lx_error *err)
{
    char name[40];
    snprintf(name, sizeof name, "checkpoints/%" PRIu64, size);
    return host_join(path, log->audit, name, err);
}

/* A checkpoint beside all others that were ever signed. */
static enum lx_err keep(const struct audit_log *log, uint64_t size, const struct lx_buffer *note,
                        struct lx_error *err)
{
    char folder[LX_PATH_MAX], path[LX_PATH_MAX];
    enum lx_err code = host_join(folder, log->audit, "checkpoints", err);
    if (code == LX_OK && !host_is_folder(folder)) {
        code = host_make_folder(folder, err);
        if (code == LX_OK) code = host_sync_folder(log->audit, err);
        if (code == LX_OK) code = host_sync_folder(log->folder, err);
    }
    if (code == LX_OK) code = path_of_size(log, size, path, err);
    return code == LX_OK ? host_write_atomic(path, note->bytes, note->length, err) : code;
}

/* The newest one first: from then on it counts. */
static enum lx_err publish(const struct audit_log *log, const struct audit_checkpoint *checkpoint,
                           const struct lx_buffer *note, struct lx_error *err)
{
    char path[LX_PATH_MAX];
    enum lx_err code = host_join(path, log->audit, "checkpoint", err);
    if (code == LX_OK) code = host_write_atomic(path, note->bytes, note->length, err);
    return code == LX_OK ? keep(log, checkpoint->size, note, err) : code;
}

/* A process that ended between the two steps of publish. */
static enum lx_err keep_newest(const struct audit_log *log, struct lx_error *err)
{
    char path[LX_PATH_MAX];
    if (log->note.length == 0) return LX_OK;
    enum lx_err code = path_of_size(log, log->checkpoint.size, path, err);
    if (code != LX_OK || host_exists(path)) return code;
    return keep(log, log->checkpoint.size, &log->note, err);
}

/* Partial tiles that have become full: nobody needs them. Leaving one does no harm. */
static void drop_partials(const struct audit_log *log, uint64_t from, uint64_t to)
{
    for (int level = MERKLE_ENTRIES; level < MERKLE_LEVELS; level++) {
        int shift = level <= 0 ? 0 : level * MERKLE_TILE_BITS;
        uint64_t index = (from >> shift) / MERKLE_TILE_WIDTH;
        struct lx_error err;
        if ((from >> shift) % MERKLE_TILE_WIDTH == 0) continue;
        if (merkle_tile_width(level, index, to) < MERKLE_TILE_WIDTH) continue;
        if (audit_shelf_drop_partial(&log->shelf, level, index, &err) != LX_OK) return;
    }
}

/* Everything up to the journal's end on disk, and its root. */
static enum lx_err extend(struct audit_log *log, struct audit_checkpoint *checkpoint,
                          struct lx_error *err)
{
    const struct merkle_sink sink = {log, write_hashes};
    uint64_t size = journal_synced_position(log->journal);
    enum lx_err code = grow(log, size, err);
    if (code == LX_OK && size != log->grower.flushed && size % MERKLE_TILE_WIDTH != 0)
        code = write_bundle(log, size, err);
    if (code == LX_OK) code = merkle_flush(&log->grower, &sink, err);
    if (code == LX_OK) code = audit_shelf_sync(&log->shelf, err);
    checkpoint->size = size;
    checkpoint->root = merkle_root(&log->grower);
    return code;
}

enum lx_err audit_log_sign(struct audit_log *log, const struct audit_sign_options *options,
                           struct lx_error *err)
{
    LX_ASSERT(log->journal != NULL);

    struct audit_keyring *ring = NULL;
    struct audit_checkpoint checkpoint = {.size = 0};
    struct lx_buffer note;
    lx_buffer_init(&note, AUDIT_NOTE_MAX);
    int64_t now_ms = log->env->now_ms(log->env->context);
    enum lx_err code =
        audit_keyring_open(log->folder, AUDIT_LOG_KEYS, options->name, log->env, &ring, err);
    if (code == LX_OK) code = host_make_folder(log->audit, err);
    if (code == LX_OK) code = keep_newest(log, err);
    if (code == LX_OK) code = resume(log, options->is_rebuilt, err);
    if (code == LX_OK) code = extend(log, &checkpoint, err);
    if (code != LX_OK) goto out;
    if (log->note.length > 0 && checkpoint.size == log->checkpoint.size) goto out;

    memcpy(checkpoint.origin, audit_keyring_signer(ring, 0)->key.name, sizeof checkpoint.origin);
    code = sign_text(ring, &checkpoint, now_ms, &note, err);
    if (code == LX_OK) code = publish(log, &checkpoint, &note, err);
    if (code != LX_OK) goto out;
    drop_partials(log, log->checkpoint.size, checkpoint.size);
    log->checkpoint = checkpoint;
    lx_buffer_release(&log->note);
    log->note = note;
    lx_buffer_init(&note, AUDIT_NOTE_MAX);
out:
    audit_shelf_release(&log->shelf);
    audit_keyring_close(ring);
    lx_buffer_release(&note);
    return code;
}

static enum lx_err read_salt(const struct audit_log *log, uint64_t position, uint8_t *salt,
                             struct lx_error *err)
{
    char path[LX_PATH_MAX];
    struct host_file *file = NULL;
    size_t length = 0;
    enum lx_err code = host_join(path, log->folder, "salts", err);
    if (code == LX_OK) code = host_open(path, HOST_READ, &file, err);
    if (code == LX_OK)
        code =
            host_read_at(file, position * AUDIT_SALT_BYTES, salt, AUDIT_SALT_BYTES, &length, err);
    if (code == LX_OK && (length != AUDIT_SALT_BYTES || is_zero(salt)))
        code = lx_fail(err, LX_ERR_CORRUPT, "%s: no salt of leaf %" PRIu64, path, position);
    host_close(file);
    return code;
}

static enum lx_err read_entry(struct audit_log *log, uint64_t position,
                              uint8_t entry[AUDIT_LEAF_BYTES], struct lx_error *err)
{
    struct merkle_tile tile = {.level = MERKLE_ENTRIES, .index = position / MERKLE_TILE_WIDTH};
    size_t at = 0, length = 0;
    const uint8_t *found = NULL;
    tile.width = merkle_tile_width(MERKLE_ENTRIES, tile.index, log->checkpoint.size);
    enum lx_err code = audit_shelf_read(&log->shelf, &tile, &log->bundle, err);
    if (code != LX_OK) return code;
    for (uint64_t i = 0; i <= position % MERKLE_TILE_WIDTH; i++)
        if (!merkle_bundle_next((const uint8_t *)log->bundle.bytes, log->bundle.length, &at, &found,
                                &length))
            return lx_fail(err, LX_ERR_CORRUPT, "audit: the entry of leaf %" PRIu64 " is missing",
                           position);
    if (length != AUDIT_LEAF_BYTES)
        return lx_fail(err, LX_ERR_CORRUPT, "audit: leaf %" PRIu64 ": not an entry", position);
    memcpy(entry, found, AUDIT_LEAF_BYTES);
    return LX_OK;
}

static enum lx_err read_content(struct audit_log *log, uint64_t position, struct lx_buffer *content,
                                struct lx_error *err)
{
    struct journal_cursor *cursor = NULL;
    struct journal_record record;
    bool has_record = false;
    enum lx_err code = journal_seek(log->journal, position, &cursor, err);
    if (code == LX_OK) code = journal_read(cursor, &record, &has_record, err);
    if (code == LX_OK && !has_record)
        code = lx_fail(err, LX_ERR_CORRUPT, "journal: no record %" PRIu64, position);
    if (code == LX_OK) {
        lx_buffer_append(content, record.bytes, record.length);
        code = lx_buffer_error(content);
        if (code != LX_OK) code = lx_fail(err, code, "audit: a record: %s", lx_err_text(code));
    }
    journal_cursor_close(cursor);
    return code;
}

/* What is told has been checked as the one who is told will check it. */
static enum lx_err check_evidence(struct audit_log *log, const struct audit_evidence *evidence,
                                  const struct lx_buffer *content, struct lx_error *err)
{
    struct audit_leaf leaf;
    uint8_t commitment[DIGEST_SIZE];
    audit_commit(&log->hasher, evidence->salt, content->bytes, content->length, commitment);
    if (!audit_leaf_read(evidence->entry, sizeof evidence->entry, &leaf) ||
        leaf.position != evidence->index ||
        memcmp(leaf.commitment, commitment, sizeof commitment) != 0)
        return lx_fail(err, LX_ERR_CORRUPT,
                       "audit: record %" PRIu64
                       " is not the one that was signed: journal, salts or tiles were changed",
                       evidence->index);
    if (!merkle_verify_inclusion(&log->hasher, evidence->index, log->checkpoint.size,
                                 &evidence->leaf, &log->checkpoint.root, &evidence->proof))
        return lx_fail(err, LX_ERR_CORRUPT,
                       "audit: the tiles give leaf %" PRIu64
                       " another root than the one that was signed; see `lingxi audit verify`",
                       evidence->index);
    return LX_OK;
}

enum lx_err audit_log_prove(struct audit_log *log, uint64_t position,
                            struct audit_evidence *ret_evidence, struct lx_buffer *content,
                            struct lx_error *err)
{
    LX_ASSERT(log->journal != NULL && content->length == 0);

    struct audit_evidence evidence = {.index = position};
    const struct merkle_tree tree = {&log->hasher, audit_shelf_source(&log->shelf),
                                     log->checkpoint.size};
    if (position >= log->checkpoint.size)
        return lx_fail(err, LX_ERR_NOT_READY,
                       "audit: no checkpoint covers record %" PRIu64
                       " yet: run `lingxi audit checkpoint`",
                       position);
    enum lx_err code = read_entry(log, position, evidence.entry, err);
    if (code == LX_OK) code = read_salt(log, position, evidence.salt, err);
    if (code == LX_OK)
        code = merkle_prove_inclusion(&tree, position, tree.size, &evidence.proof, err);
    if (code == LX_OK) code = read_content(log, position, content, err);
    if (code == LX_OK) {
        evidence.leaf = merkle_leaf(&log->hasher, evidence.entry, sizeof evidence.entry);
        code = check_evidence(log, &evidence, content, err);
    }
    if (code == LX_OK) *ret_evidence = evidence;
    return code;
}
