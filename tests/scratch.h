#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

/* scratch: an empty folder for one test, below the system's folder for temporary files. */

#include <stdio.h>
#include <stdlib.h>

#include "cmocka_all.h"
#include "host/file.h"

struct scratch {
    char path[LX_PATH_MAX];
};

static inline void scratch_open(struct scratch *scratch)
{
    const char *parent = getenv("TMPDIR");
    if (parent == NULL || parent[0] == '\0') parent = P_tmpdir;
    snprintf(scratch->path, sizeof scratch->path, "%s/lingxi.XXXXXX", parent);
    assert_non_null(mkdtemp(scratch->path));
}

static inline void scratch_close(struct scratch *scratch)
{
    struct lx_error err;
    assert_int_equal(host_remove_tree(scratch->path, &err), LX_OK);
}

/* "scratch/name", in a buffer of the caller's. */
static inline const char *scratch_join(const struct scratch *scratch, const char *name,
                                       char path[LX_PATH_MAX])
{
    struct lx_error err;
    assert_int_equal(host_join(path, scratch->path, name, &err), LX_OK);
    return path;
}

#endif
