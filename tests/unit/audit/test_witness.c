/*
 * Goal:   a witness signs what grew and refuses what was cut back or rewritten; its line is one
 *         more signature that `verify` checks.
 * Method: a log and a witness in folders of their own; growth, the same again, a log put back, a
 *         log made anew under the same key.
 */
#include "audit_world.h"

#include "audit/witness.h"

static struct lx_error err;

struct scene {
    struct audit_world world;
    char witness[LX_PATH_MAX];
    struct audit_keys keys; /* of the log and, once it has signed, of the witness */
};

static int setup(void **state)
{
    struct scene *scene = malloc(sizeof *scene);
    if (scene == NULL) return -1;
    world_init(&scene->world, 41);
    scratch_make(scene->witness);
    world_append(&scene->world, 3);
    world_sign(&scene->world);
    if (audit_keys_read(scene->world.public_path, &scene->keys, &err) != LX_OK) return -1;
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    world_release(&scene->world);
    scratch_remove(scene->witness);
    free(scene);
    return 0;
}

static enum lx_err cosign(struct scene *scene)
{
    struct audit_checkpoint checkpoint;
    struct audit_world *world = &scene->world;
    return audit_witness_cosign(scene->witness, world->audit, &scene->keys, "witness.example/1",
                                &world->env, &checkpoint, &err);
}

static struct audit_verdict verdict_of(struct scene *scene)
{
    struct audit_verdict verdict = {.tiles = 0};
    struct audit_keys keys = scene->keys, more;
    char path[LX_PATH_MAX];
    MUST(audit_keyring_public_path(scene->witness, AUDIT_WITNESS_KEYS, path, &err));
    MUST(audit_keys_read(path, &more, &err));
    keys.keys[keys.count++] = more.keys[0];
    MUST(audit_verify(scene->world.audit, &keys, NULL, &verdict, &err));
    return verdict;
}

static void test_a_witness_adds_one_line_that_verifies(void **state)
{
    struct scene *scene = *state;
    MUST(cosign(scene));
    assert_int_equal(verdict_of(scene).signatures.of_witnesses, 1);
    MUST(cosign(scene)); /* again: still one line */
    struct audit_verdict verdict = verdict_of(scene);
    assert_int_equal(verdict.signatures.of_witnesses, 1);
    assert_int_equal(verdict.signatures.of_log, 2);
    for (int i = 0; i < 5; i++) {
        world_append(&scene->world, 100);
        world_sign(&scene->world);
        MUST(cosign(scene));
        assert_int_equal(verdict_of(scene).signatures.of_witnesses, 1);
    }
    /* Without the witness's key its line is one that nobody knows. */
    struct audit_verdict plain;
    MUST(world_verify(&scene->world, &plain, &err));
    assert_int_equal(plain.signatures.unknown, 1);
}

static void test_a_log_that_was_cut_back_is_not_cosigned(void **state)
{
    struct scene *scene = *state;
    struct lx_buffer early;
    char newest[LX_PATH_MAX];
    lx_buffer_init(&early, 1 << 20);
    MUST(host_join(newest, scene->world.audit, "checkpoint", &err));
    read_whole(newest, &early);
    world_append(&scene->world, 9);
    world_sign(&scene->world);
    MUST(cosign(scene));
    write_whole(newest, early.bytes, early.length);
    MUST_FAIL(cosign(scene), LX_ERR_REFUSED);
    assert_non_null(strstr(err.text, "cut back"));
    lx_buffer_release(&early);
}

static void test_a_log_that_was_rewritten_is_not_cosigned(void **state)
{
    struct scene *scene = *state;
    struct audit_world *world = &scene->world;
    static const char *const gone[] = {"journal", "audit", "salts"};
    MUST(cosign(scene));
    journal_close(world->journal);
    for (size_t i = 0; i < LX_COUNT_OF(gone); i++) { /* the keys stay: the log's owner does it */
        char path[LX_PATH_MAX];
        MUST(host_join(path, world->folder, gone[i], &err));
        MUST(host_remove_tree(path, &err));
    }
    world_open_journal(world);
    world->tags = 50;
    world_append(world, 8);
    world_sign(world);
    world_must_verify(world, 8); /* in itself it is whole */
    MUST_FAIL(cosign(scene), LX_ERR_REFUSED);
    assert_non_null(strstr(err.text, "rewritten"));
}

static void test_every_bit_of_a_cosignature_counts(void **state)
{
    struct scene *scene = *state;
    struct lx_buffer note;
    char newest[LX_PATH_MAX], path[LX_PATH_MAX];
    struct audit_keys keys = scene->keys, more;
    struct audit_checkpoint checkpoint;
    struct audit_signatures signatures;
    lx_buffer_init(&note, 1 << 20);
    MUST(cosign(scene));
    MUST(audit_keyring_public_path(scene->witness, AUDIT_WITNESS_KEYS, path, &err));
    MUST(audit_keys_read(path, &more, &err));
    keys.keys[keys.count++] = more.keys[0];
    MUST(host_join(newest, scene->world.audit, "checkpoint", &err));
    read_whole(newest, &note);
    size_t line = (size_t)(strstr(lx_buffer_text(&note), "witness.example") - note.bytes);
    for (size_t bit = 8 * line; bit < 8 * note.length; bit++) {
        note.bytes[bit / 8] ^= (char)(1 << bit % 8);
        enum lx_err code = audit_checkpoint_open("note", note.bytes, note.length, &keys,
                                                 &checkpoint, &signatures, &err);
        /* A name or id that is nobody's makes it a line of an unknown key. */
        if (code == LX_OK && signatures.of_witnesses > 0) fail_msg("bit %zu is not seen", bit);
        note.bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
    lx_buffer_release(&note);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_witness_adds_one_line_that_verifies),
        TEST(test_a_log_that_was_cut_back_is_not_cosigned),
        TEST(test_a_log_that_was_rewritten_is_not_cosigned),
        TEST(test_every_bit_of_a_cosignature_counts),
    };
    return cmocka_run_group_tests_name("audit/witness", tests, NULL, NULL);
}
