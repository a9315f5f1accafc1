/* make_log FOLDER: a journal there, and its log, signed at 5, 300 and 66,000 entries. */
#include "audit_world.h"

static struct audit_world world;

static void test_the_log_is_made(void **state)
{
    static const size_t sizes[] = {5, 300, 66000};
    struct lx_error err;
    (void)state;
    MUST(host_make_folder(world.folder, &err));
    MUST(host_join(world.audit, world.folder, "audit", &err));
    MUST(audit_keyring_public_path(world.folder, AUDIT_LOG_KEYS, world.public_path, &err));
    world_open_journal(&world);
    for (size_t i = 0; i < LX_COUNT_OF(sizes); i++) {
        world_append(&world, sizes[i] - world.tags);
        world_sign(&world);
    }
    world_must_verify(&world, 66000);
    journal_close(world.journal);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_log_is_made)};
    if (count != 2) return 2;
    snprintf(world.folder, sizeof world.folder, "%s", arguments[1]);
    world.rng = lx_rng_of(1, 1);
    world.now_ms = 1700000000000;
    world_env(&world);
    return cmocka_run_group_tests_name("make_log", tests, NULL, NULL);
}
