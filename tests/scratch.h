#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

/*
 * scratch: a folder for one test; and failures of calls, told with their text.
 *
 * The folder is in $TMPDIR, else in memory where there is room: tests sync thousands of times, and
 * nobody pulls the plug.
 */
#include "tests/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "host/file.h"

static inline const char *scratch_base(void)
{
    struct statvfs room;
    const char *base = getenv("TMPDIR");
    if (base != NULL) return base;
    bool has_room = statvfs("/dev/shm", &room) == 0 && access("/dev/shm", W_OK) == 0 &&
                    (uint64_t)room.f_bavail * room.f_frsize > (uint64_t)1 << 30;
    return has_room ? "/dev/shm" : "/tmp";
}

static inline void scratch_make(char path[LX_PATH_MAX])
{
    snprintf(path, LX_PATH_MAX, "%s/lingxi-test-XXXXXX", scratch_base());
    if (mkdtemp(path) == NULL) fail_msg("%s: cannot make a folder", path);
}

static inline void scratch_remove(const char *path)
{
    struct lx_error err = {0};
    if (host_remove_tree(path, &err) != LX_OK) print_message("%s\n", err.text);
}

/* Calls that must succeed; `err` is in scope. */
#define MUST(call)                                                                                 \
    do {                                                                                           \
        enum lx_err must_code = (call);                                                            \
        if (must_code != LX_OK) fail_msg("%s: %s: %s", #call, lx_err_name(must_code), err.text);   \
    } while (0)

/* Calls that must fail in this way. */
#define MUST_FAIL(call, expected)                                                                  \
    do {                                                                                           \
        enum lx_err must_code = (call);                                                            \
        if (must_code != (expected))                                                               \
            fail_msg("%s: %s, not %s: %s", #call, lx_err_name(must_code), lx_err_name(expected),   \
                     err.text);                                                                    \
    } while (0)

#endif
