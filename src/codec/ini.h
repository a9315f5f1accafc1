#ifndef CODEC_INI_H
#define CODEC_INI_H

/*
 * ini: a whole INI file as a list of (section, name, value, line), in the order of the file.
 * Parsed by inih: `name = value`, `[section]`, `;` and `#` comments at line starts, a value goes on
 * in indented lines (joined with a newline). UTF-8, with or without BOM. A colon may stand for the
 * first `=`. Names are not empty; a section's is at most 48 bytes, a line at most 64 KiB.
 *
 * Ownership: the list owns its texts. Errors: LX_ERR_BAD_INPUT with `file:line: ...`.
 * Threads:   parsing is safe in any number of threads; a list is read-only afterwards.
 */

#include "base/arena.h"
#include "base/base.h"
#include "base/dictionary.h"

struct ini_entry {
    const char *section, *name, *value; /* borrowed from the list */
    int line;
};

struct ini {
    struct ini_entry *entries;
    size_t count, capacity;
    char *file;                /* for messages */
    struct lx_arena texts;     /* what the entries point to */
    struct lx_dictionary keys; /* section, NUL, name; numbered as the entries are */
};

/*
 * `file` is only named in messages; bytes need no NUL. A duplicate name in a section is refused.
 * (Called `read` because `ini_parse` is a symbol of the library.)
 */
LX_MUST_USE enum lx_err ini_read(const char *file, const char *bytes, size_t length,
                                 struct ini *ret_ini, struct lx_error *err);
void ini_release(struct ini *ini);

/* The value, or NULL. */
const char *ini_get(const struct ini *ini, const char *section, const char *name);
const struct ini_entry *ini_find(const struct ini *ini, const char *section, const char *name);

/* The n-th distinct section name in file order, NULL past the last. */
const char *ini_section(const struct ini *ini, size_t n);

#endif
