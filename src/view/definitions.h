#ifndef VIEW_DEFINITIONS_H
#define VIEW_DEFINITIONS_H

/*
 * definitions: a file of definitions in the expression language (features.ini, labels.ini) being
 * read. Private to view.
 *
 * Each section but [define] defines something. [define] gives names to conditions: {act} in an
 * expression stands for the condition of that name in parentheses, up to 4 deep. Whatever is
 * refused is refused with file, line, column and, where a word is close, a suggestion; the place
 * of a fault in an expanded expression is that in the file.
 *
 * Ownership: definitions own the list of entries and borrow the file's bytes and the error.
 * Errors:    LX_ERR_BAD_INPUT, LX_ERR_LIMIT, LX_ERR_NO_MEMORY. Threads: one at a time.
 */

#include "base/buffer.h"
#include "codec/ini.h"
#include "expr/expr.h"

enum { DEFINITION_NAME_MAX = 48, DEFINITION_PIECES_MAX = 64, DEFINITION_DEPTH_MAX = 4 };

/* A stretch of an expanded expression, and the value in the file that it came from. */
struct definition_piece {
    size_t from, length; /* in the expanded text */
    const struct ini_entry *entry;
    size_t offset; /* in the entry's value */
};

struct definitions {
    const char *file, *bytes;
    size_t length;
    struct ini ini;
    struct lx_buffer text; /* the expression expanded last */
    struct definition_piece pieces[DEFINITION_PIECES_MAX];
    size_t piece_count;
    struct lx_error *err;
};

/* `err` is where every later failure is told, too. */
LX_MUST_USE enum lx_err definitions_read(const char *file, const char *bytes, size_t length,
                                         struct definitions *ret_definitions, struct lx_error *err);
void definitions_release(struct definitions *definitions);

/* Is the entry of a section that defines something? */
bool definitions_is_own(const struct ini_entry *entry);
bool definitions_is_name(const char *name);

/* A setting that is none of `keys`, in any section but [define]. */
LX_MUST_USE enum lx_err definitions_check_keys(const struct definitions *definitions,
                                               const char *const *keys, size_t count);

/* Leaves the entry's value, expanded, in `text`. */
LX_MUST_USE enum lx_err definitions_expand(struct definitions *definitions,
                                           const struct ini_entry *entry);
/* Expands and compiles it. */
LX_MUST_USE enum lx_err definitions_compile(struct definitions *definitions,
                                            const struct ini_entry *entry,
                                            const struct expr_schema *schema,
                                            struct expr **ret_expr);
/* A fault of the text expanded last, told with its place in the file. */
LX_MUST_USE enum lx_err definitions_fail_expression(const struct definitions *definitions,
                                                    const struct ini_entry *entry,
                                                    const struct expr_fault *fault);

/* At a byte of an entry's value. */
LX_MUST_USE enum lx_err definitions_fail(const struct definitions *definitions,
                                         const struct ini_entry *entry, size_t offset,
                                         const char *message);
/* "WHAT `WORD`: did you mean `NAME`?" */
LX_MUST_USE enum lx_err definitions_fail_word(const struct definitions *definitions,
                                              const struct ini_entry *entry, size_t offset,
                                              const char *what, const char *word,
                                              const char *const *names, size_t count);
LX_MUST_USE enum lx_err definitions_no_memory(const struct definitions *definitions);

#endif
