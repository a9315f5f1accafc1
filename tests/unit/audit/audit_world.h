#ifndef TESTS_AUDIT_WORLD_H
#define TESTS_AUDIT_WORLD_H

/* audit_world: a journal of small records, its log, and an env whose clock and chance are known. */
#include "tests/scratch.h"

#include <inttypes.h>

#include "audit/keyring.h"
#include "audit/log.h"
#include "audit/verify.h"
#include "base/rng.h"

struct audit_world {
    char folder[LX_PATH_MAX], audit[LX_PATH_MAX], public_path[LX_PATH_MAX];
    struct lx_rng rng;
    int64_t now_ms;
    struct lx_env env;
    struct journal *journal;
    uint64_t tags; /* records that were appended */
};

static inline int64_t world_now(void *context)
{
    struct audit_world *world = context;
    return world->now_ms += 1000;
}

static inline int64_t world_elapsed(void *context)
{
    return world_now(context) * 1000000;
}

static inline void world_entropy(void *context, void *bytes, size_t length)
{
    struct audit_world *world = context;
    for (size_t i = 0; i < length; i++) ((uint8_t *)bytes)[i] = (uint8_t)lx_rng_next(&world->rng);
}

static inline int64_t world_moment(const void *record, size_t length)
{
    return length > 2 ? ((const uint8_t *)record)[2] * (int64_t)86400000 : 0;
}

static inline void world_open_journal(struct audit_world *world)
{
    struct lx_error err;
    MUST(journal_open(world->folder, JOURNAL_APPEND, &world->journal, &err));
}

static inline void world_env(struct audit_world *world)
{
    world->env = (struct lx_env){.context = world,
                                 .now_ms = world_now,
                                 .elapsed_ns = world_elapsed,
                                 .entropy = world_entropy,
                                 .thread_count = 2};
}

static inline void world_init(struct audit_world *world, uint64_t seed)
{
    struct lx_error err;
    memset(world, 0, sizeof *world);
    scratch_make(world->folder);
    MUST(host_join(world->audit, world->folder, "audit", &err));
    MUST(audit_keyring_public_path(world->folder, AUDIT_LOG_KEYS, world->public_path, &err));
    world->rng = lx_rng_of(seed, 1);
    world->now_ms = 1700000000000;
    world_env(world);
    world_open_journal(world);
}

static inline void world_release(struct audit_world *world)
{
    host_fault_after(0, 0);
    journal_close(world->journal);
    scratch_remove(world->folder);
}

/* A record's bytes follow from its number. */
static inline size_t world_record(uint64_t tag, uint8_t bytes[64])
{
    struct lx_rng rng = lx_rng_of(tag, 5);
    size_t length = 1 + lx_rng_below(&rng, 64);
    for (size_t i = 0; i < length; i++) bytes[i] = (uint8_t)lx_rng_next(&rng);
    return length;
}

static inline void world_append(struct audit_world *world, size_t count)
{
    struct lx_error err;
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[64];
        uint64_t position;
        size_t length = world_record(world->tags, bytes);
        MUST(journal_append(world->journal, bytes, length, &position, &err));
        world->tags++;
    }
    MUST(journal_sync(world->journal, &err));
}

static inline enum lx_err world_try_sign(struct audit_world *world, bool is_rebuilt,
                                         struct audit_checkpoint *ret_checkpoint,
                                         struct lx_error *err)
{
    struct audit_log *log = NULL;
    const struct audit_sign_options options = {.is_rebuilt = is_rebuilt};
    enum lx_err code =
        audit_log_open(world->folder, world->journal, world_moment, &world->env, &log, err);
    if (code == LX_OK) code = audit_log_sign(log, &options, err);
    if (code == LX_OK && ret_checkpoint != NULL) *ret_checkpoint = *audit_log_checkpoint(log);
    audit_log_close(log);
    return code;
}

static inline struct audit_checkpoint world_sign(struct audit_world *world)
{
    struct lx_error err;
    struct audit_checkpoint checkpoint = {.size = 0};
    MUST(world_try_sign(world, false, &checkpoint, &err));
    return checkpoint;
}

static inline enum lx_err world_verify_since(struct audit_world *world, const char *since,
                                             struct audit_verdict *ret_verdict,
                                             struct lx_error *err)
{
    struct audit_keys keys;
    enum lx_err code = audit_keys_read(world->public_path, &keys, err);
    if (code != LX_OK) return code;
    return audit_verify(world->audit, &keys, since, ret_verdict, err);
}

static inline enum lx_err world_verify(struct audit_world *world, struct audit_verdict *ret_verdict,
                                       struct lx_error *err)
{
    return world_verify_since(world, NULL, ret_verdict, err);
}

static inline void world_must_verify(struct audit_world *world, uint64_t size)
{
    struct lx_error err = {0};
    struct audit_verdict verdict = {.tiles = 0};
    enum lx_err code = world_verify(world, &verdict, &err);
    if (code != LX_OK) fail_msg("%s: %s", lx_err_name(code), err.text);
    assert_int_equal(verdict.checkpoint.size, size);
}

/* Files */
static inline void read_whole(const char *path, struct lx_buffer *bytes)
{
    struct lx_error err;
    lx_buffer_clear(bytes);
    MUST(host_read_file(path, bytes, &err));
}

static inline void write_whole(const char *path, const void *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    if (length > 0) assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

#endif
