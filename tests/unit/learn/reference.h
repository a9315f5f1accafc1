#ifndef TESTS_REFERENCE_H
#define TESTS_REFERENCE_H

/*
 * Figures of trusted libraries: kept in tests/reference/NAME.txt, and made again by NAME.py where
 * its Python libraries are installed. The same check reads both.
 */
#include "cmocka_all.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline const char *source_root(void)
{
    const char *root = getenv("LINGXI_ROOT");
    return root == NULL ? "." : root;
}

static inline FILE *open_kept(const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/reference/%s.txt", source_root(), name);
    FILE *file = fopen(path, "r");
    if (file == NULL) fail_msg("cannot open %s", path);
    return file;
}

/* Debian's packages belong to Debian's Python, which need not be the first in PATH. */
static inline FILE *open_live(const char *name, const char *libraries)
{
    static const char *const pythons[] = {"/usr/bin/python3", "python3"};
    for (size_t i = 0; i < sizeof pythons / sizeof pythons[0]; i++) {
        char command[8192];
        snprintf(command, sizeof command, "%s -c 'import %s' 2>/dev/null", pythons[i], libraries);
        if (system(command) != 0) continue;
        snprintf(command, sizeof command, "OMP_NUM_THREADS=1 %s '%s/tests/reference/%s.py'",
                 pythons[i], source_root(), name);
        return popen(command, "r");
    }
    return NULL;
}

static inline void close_live(FILE *file)
{
    assert_int_equal(pclose(file), 0);
}

static inline double read_real(FILE *file)
{
    double value = 0;
    if (fscanf(file, "%lf", &value) != 1) fail_msg("a number is missing in the reference");
    return value;
}

static inline size_t read_count(FILE *file)
{
    size_t value = 0;
    if (fscanf(file, "%zu", &value) != 1) fail_msg("a count is missing in the reference");
    return value;
}

/* The next word; false at the end. */
static inline bool read_word(FILE *file, char word[64])
{
    return fscanf(file, "%63s", word) == 1;
}

#endif
