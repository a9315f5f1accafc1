/*
 * Goal:   the log is the tree over the journal, every record of it can be proved, and no bit of
 *         what was signed can be changed unseen (the invariants of audit/log.h and audit/verify.h).
 * Method: growth in random steps against leaves made here; every bit of a small log turned over,
 *         and random ones of a larger log, one at a time; files cut, lost, exchanged; a journal
 *         that was changed; each told by the audit.
 */
#include "audit_world.h"

#include <dirent.h>
#include <sys/stat.h>

#include "audit/shelf.h"

enum { FILES_MAX = 400 };

static struct merkle_hasher hasher;
static struct lx_error err;

static int setup(void **state)
{
    struct audit_world *world = malloc(sizeof *world);
    (void)state;
    if (world == NULL || merkle_hasher_init(&hasher, &err) != LX_OK) return -1;
    world_init(world, 7);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    world_release(*state);
    free(*state);
    merkle_hasher_release(&hasher);
    return 0;
}

/* The evidence for a record, judged by nothing but the checkpoint and itself. */
static void must_prove(struct audit_world *world, uint64_t position,
                       const struct audit_checkpoint *checkpoint)
{
    struct audit_log *log = NULL;
    struct audit_evidence evidence;
    struct audit_leaf leaf;
    struct lx_buffer content;
    uint8_t record[64], commitment[DIGEST_SIZE];
    lx_buffer_init(&content, JOURNAL_RECORD_MAX);
    MUST(audit_log_open(world->folder, world->journal, world_moment, &world->env, &log, &err));
    MUST(audit_log_prove(log, position, &evidence, &content, &err));
    audit_log_close(log);
    assert_int_equal(content.length, world_record(position, record));
    assert_memory_equal(content.bytes, record, content.length);
    assert_true(audit_leaf_read(evidence.entry, sizeof evidence.entry, &leaf));
    assert_int_equal(leaf.kind, record[0]);
    assert_int_equal(leaf.position, position);
    assert_int_equal(leaf.at_ms, world_moment(record, content.length));
    uint8_t salted[AUDIT_SALT_BYTES + 64];
    memcpy(salted, evidence.salt, AUDIT_SALT_BYTES);
    memcpy(salted + AUDIT_SALT_BYTES, record, content.length);
    digest_of(salted, AUDIT_SALT_BYTES + content.length, commitment);
    assert_memory_equal(leaf.commitment, commitment, sizeof commitment);
    struct merkle_hash hash = merkle_leaf(&hasher, evidence.entry, sizeof evidence.entry);
    assert_true(merkle_verify_inclusion(&hasher, position, checkpoint->size, &hash,
                                        &checkpoint->root, &evidence.proof));
    lx_buffer_release(&content);
}

static void test_an_empty_journal_has_a_signed_empty_tree(void **state)
{
    struct audit_world *world = *state;
    struct audit_checkpoint checkpoint = world_sign(world);
    struct merkle_hash empty = merkle_empty(&hasher);
    assert_int_equal(checkpoint.size, 0);
    assert_true(merkle_is_same(&checkpoint.root, &empty));
    world_must_verify(world, 0);
    world_append(world, 1);
    assert_int_equal(world_sign(world).size, 1);
    world_must_verify(world, 1);
}

static void test_a_log_that_grows_in_steps_proves_every_record(void **state)
{
    struct audit_world *world = *state;
    static const size_t steps[] = {1, 2, 0, 253, 1, 255, 600, 1, 17000};
    struct audit_verdict verdict;
    size_t count = 0;
    for (size_t i = 0; i < LX_COUNT_OF(steps); i++) {
        world_append(world, steps[i]);
        struct audit_checkpoint checkpoint = world_sign(world);
        assert_int_equal(checkpoint.size, world->tags);
        count += steps[i] > 0;
        MUST(world_verify(world, &verdict, &err));
        assert_true(merkle_is_same(&verdict.checkpoint.root, &checkpoint.root));
        assert_int_equal(verdict.checkpoints, count + 1); /* each kept, and the newest by itself */
        for (int j = 0; j < 4; j++)
            must_prove(world, lx_rng_below(&world->rng, checkpoint.size), &checkpoint);
        must_prove(world, checkpoint.size - 1, &checkpoint);
    }
    assert_int_equal(verdict.signatures.of_log, 2);
    assert_int_equal(verdict.signatures.unknown, 0);
}

static void test_a_record_after_the_checkpoint_is_not_proved_yet(void **state)
{
    struct audit_world *world = *state;
    struct audit_log *log = NULL;
    struct audit_evidence evidence;
    struct lx_buffer content;
    lx_buffer_init(&content, JOURNAL_RECORD_MAX);
    world_append(world, 3);
    world_sign(world);
    world_append(world, 1);
    MUST(audit_log_open(world->folder, world->journal, world_moment, &world->env, &log, &err));
    MUST_FAIL(audit_log_prove(log, 3, &evidence, &content, &err), LX_ERR_NOT_READY);
    assert_non_null(strstr(err.text, "audit checkpoint"));
    audit_log_close(log);
    lx_buffer_release(&content);
}

/* All files below a folder. */
struct files {
    char paths[FILES_MAX][400];
    size_t count;
};

static void find_files(const char *folder, struct files *files)
{
    DIR *stream = opendir(folder);
    struct dirent *entry;
    assert_non_null(stream);
    while ((entry = readdir(stream)) != NULL) {
        char path[400];
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%.300s/%.90s", folder, entry->d_name);
        if (host_is_folder(path)) {
            find_files(path, files);
        } else {
            assert_true(files->count < FILES_MAX);
            memcpy(files->paths[files->count++], path, sizeof path);
        }
    }
    closedir(stream);
}

static void must_see(struct audit_world *world, const char *path, const char *what, size_t number)
{
    struct audit_verdict verdict;
    enum lx_err code = world_verify(world, &verdict, &err);
    if (code == LX_OK) fail_msg("%s: %s %zu is not seen", path, what, number);
    if (code != LX_ERR_CORRUPT && code != LX_ERR_BAD_INPUT && code != LX_ERR_NOT_FOUND)
        fail_msg("%s: %s %zu: %s", path, what, number, lx_err_name(code));
}

static void flip_bits(struct audit_world *world, const char *path, size_t step, uint64_t seed)
{
    struct lx_buffer bytes;
    struct lx_rng rng = lx_rng_of(seed, 3);
    lx_buffer_init(&bytes, 1 << 20);
    read_whole(path, &bytes);
    for (size_t bit = step == 1 ? 0 : lx_rng_below(&rng, step); bit < 8 * bytes.length;
         bit += step == 1 ? 1 : 1 + lx_rng_below(&rng, step)) {
        bytes.bytes[bit / 8] ^= (char)(1 << bit % 8);
        write_whole(path, bytes.bytes, bytes.length);
        must_see(world, path, "bit", bit);
        bytes.bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
    write_whole(path, bytes.bytes, bytes.length);
    lx_buffer_release(&bytes);
}

static void test_every_bit_of_a_small_log_counts(void **state)
{
    struct audit_world *world = *state;
    static struct files files;
    world_append(world, 2);
    world_sign(world);
    world_append(world, 1);
    world_sign(world);
    char twin[LX_PATH_MAX];
    MUST(host_join(twin, world->audit, "checkpoints/3", &err));
    MUST(host_remove(twin, &err)); /* the newest once more */
    files.count = 0;
    find_files(world->audit, &files);
    assert_int_equal(files.count, 2 + 2 * 2); /* checkpoints; tiles and bundles of two sizes */
    for (size_t i = 0; i < files.count; i++) flip_bits(world, files.paths[i], 1, 0);
    world_must_verify(world, 3);
}

static void test_random_bits_of_a_larger_log_count(void **state)
{
    struct audit_world *world = *state;
    static struct files files;
    static const size_t steps[] = {100, 200, 212, 300, 5};
    for (size_t i = 0; i < LX_COUNT_OF(steps); i++) {
        world_append(world, steps[i]);
        world_sign(world);
    }
    files.count = 0;
    find_files(world->audit, &files);
    for (size_t i = 0; i < files.count; i++) flip_bits(world, files.paths[i], 9000, i);
    world_must_verify(world, 817);
}

static void test_files_that_are_cut_or_lengthened_or_lost_are_seen(void **state)
{
    struct audit_world *world = *state;
    static struct files files;
    struct lx_buffer bytes;
    lx_buffer_init(&bytes, 1 << 20);
    world_append(world, 300);
    world_sign(world);
    files.count = 0;
    find_files(world->audit, &files);
    for (size_t i = 0; i < files.count; i++) {
        const char *path = files.paths[i];
        read_whole(path, &bytes);
        write_whole(path, bytes.bytes, bytes.length - 1);
        must_see(world, path, "a byte cut off,", i);
        lx_buffer_append_byte(&bytes, '\n');
        write_whole(path, bytes.bytes, bytes.length);
        must_see(world, path, "a byte more,", i);
        MUST(host_remove(path, &err));
        if (strstr(path, "checkpoints/") == NULL) must_see(world, path, "a lost file,", i);
        write_whole(path, bytes.bytes, bytes.length - 1);
    }
    world_must_verify(world, 300);
    lx_buffer_release(&bytes);
}

static void test_a_log_that_was_put_back_is_seen_by_who_kept_a_checkpoint(void **state)
{
    struct audit_world *world = *state;
    struct lx_buffer early, late;
    struct audit_verdict verdict;
    char newest[LX_PATH_MAX], kept[LX_PATH_MAX], other[LX_PATH_MAX];
    lx_buffer_init(&early, 1 << 20);
    lx_buffer_init(&late, 1 << 20);
    MUST(host_join(newest, world->audit, "checkpoint", &err));
    MUST(host_join(kept, world->folder, "kept", &err));
    MUST(host_join(other, world->audit, "checkpoints/9", &err));
    world_append(world, 4);
    world_sign(world);
    read_whole(newest, &early);
    world_append(world, 5);
    world_sign(world);
    read_whole(newest, &late);
    write_whole(kept, early.bytes, early.length);
    MUST(world_verify_since(world, kept, &verdict, &err));
    write_whole(newest, early.bytes, early.length);
    must_see(world, newest, "an older checkpoint in its place,", 0); /* by those beside it */
    MUST(host_remove(other, &err));
    world_must_verify(world, 4); /* nothing in the folder tells */
    write_whole(kept, late.bytes, late.length);
    MUST_FAIL(world_verify_since(world, kept, &verdict, &err), LX_ERR_CORRUPT);
    lx_buffer_release(&early);
    lx_buffer_release(&late);
}

static void test_damaged_tiles_are_made_again_from_the_journal(void **state)
{
    struct audit_world *world = *state;
    struct audit_checkpoint checkpoint;
    char path[LX_PATH_MAX];
    world_append(world, 300);
    world_sign(world);
    MUST(host_join(path, world->audit, "tile", &err));
    MUST(host_remove_tree(path, &err)); /* the right edge is gone: seen by itself */
    world_append(world, 7);
    assert_int_equal(world_sign(world).size, 307);
    world_must_verify(world, 307);
    MUST(host_join(path, world->audit, "tile/0/000", &err));
    write_whole(path, "?", 1); /* inside: on request */
    must_see(world, path, "a damaged tile,", 0);
    MUST(world_try_sign(world, true, &checkpoint, &err));
    assert_int_equal(checkpoint.size, 307);
    world_must_verify(world, 307);
}

static void test_a_changed_journal_is_not_signed_over(void **state)
{
    struct audit_world *world = *state;
    struct lx_buffer before, after;
    char path[LX_PATH_MAX], salts[LX_PATH_MAX], tile[LX_PATH_MAX];
    lx_buffer_init(&before, 1 << 20);
    lx_buffer_init(&after, 1 << 20);
    MUST(host_join(salts, world->folder, "salts", &err));
    MUST(host_join(path, world->folder, "journal", &err));
    MUST(host_join(tile, world->audit, "tile/0/000", &err));
    world_append(world, 260);
    world_sign(world);
    /* Another journal of the same length, as somebody who can write every file would make it. */
    journal_close(world->journal);
    MUST(host_remove_tree(path, &err));
    world_open_journal(world);
    world->tags = 1;
    world_append(world, 260);
    read_whole(tile, &before);
    MUST_FAIL(world_try_sign(world, true, NULL, &err), LX_ERR_CORRUPT);
    read_whole(tile, &after); /* what was signed is not written over */
    assert_int_equal(before.length, after.length);
    assert_memory_equal(before.bytes, after.bytes, after.length);
    struct audit_log *log = NULL;
    struct audit_evidence evidence;
    struct lx_buffer content;
    lx_buffer_init(&content, JOURNAL_RECORD_MAX);
    MUST(audit_log_open(world->folder, world->journal, world_moment, &world->env, &log, &err));
    MUST_FAIL(audit_log_prove(log, 5, &evidence, &content, &err), LX_ERR_CORRUPT);
    audit_log_close(log);
    lx_buffer_release(&content);
    /* A shorter one, and salts that are gone. */
    journal_close(world->journal);
    MUST(host_remove_tree(path, &err));
    world_open_journal(world);
    world->tags = 0;
    world_append(world, 259);
    MUST_FAIL(world_try_sign(world, false, NULL, &err), LX_ERR_CORRUPT);
    assert_non_null(strstr(err.text, "missing"));
    world_append(world, 1);
    MUST(host_remove(salts, &err));
    MUST_FAIL(world_try_sign(world, true, NULL, &err), LX_ERR_CORRUPT);
    world_must_verify(world, 260);
    lx_buffer_release(&before);
    lx_buffer_release(&after);
}

static void test_keys_and_salts_are_for_their_owner_alone(void **state)
{
    struct audit_world *world = *state;
    static const char *const rows[] = {"salts", "keys/audit-ed25519.pem", "keys/audit-sm2.pem"};
    world_append(world, 1);
    world_sign(world);
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        char path[LX_PATH_MAX];
        struct stat status;
        MUST(host_join(path, world->folder, rows[i], &err));
        assert_int_equal(stat(path, &status), 0);
        if ((status.st_mode & 0777) != 0600) fail_msg("%s: mode %o", rows[i], status.st_mode);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_empty_journal_has_a_signed_empty_tree),
        TEST(test_a_log_that_grows_in_steps_proves_every_record),
        TEST(test_a_record_after_the_checkpoint_is_not_proved_yet),
        TEST(test_every_bit_of_a_small_log_counts),
        TEST(test_random_bits_of_a_larger_log_count),
        TEST(test_files_that_are_cut_or_lengthened_or_lost_are_seen),
        TEST(test_a_log_that_was_put_back_is_seen_by_who_kept_a_checkpoint),
        TEST(test_damaged_tiles_are_made_again_from_the_journal),
        TEST(test_a_changed_journal_is_not_signed_over),
        TEST(test_keys_and_salts_are_for_their_owner_alone),
    };
    return cmocka_run_group_tests_name("audit/log", tests, NULL, NULL);
}
