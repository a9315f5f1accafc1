#ifndef INGEST_MAPPING_PARSE_H
#define INGEST_MAPPING_PARSE_H

/*
 * mapping_parse: what the files that read a mapping share; nobody else includes it.
 *
 * Texts live in the mapping's arena. Threads: one at a time.
 */

#include "ingest/mapping.h"

struct mapping_parse {
    struct mapping *mapping;
    const char *file; /* for messages */
    const char *bytes;
    size_t length;
    int line; /* of what is being read, for messages */
    struct lx_error *err;
};

/* "file:line: ..." as LX_ERR_BAD_INPUT. */
enum lx_err mapping_refuse(const struct mapping_parse *parse, const char *format, ...)
    LX_PRINTF(2, 3);
enum lx_err mapping_no_memory(const struct mapping_parse *parse);

/* ", did you mean `x`?" or "". */
struct mapping_hint {
    char text[LX_FIELD_NAME_MAX + 32];
};
struct mapping_hint mapping_hint_of(const char *name, const char *const *names, size_t count);

/* A copy in the mapping's arena without the blanks around it and with blanks for line ends. */
LX_MUST_USE enum lx_err mapping_copy(const struct mapping_parse *parse, const char *text,
                                     size_t length, const char **ret_copy);

/* First place of `separator` outside '...', `...` and (...), or NULL. */
const char *mapping_split(const char *text, const char *separator);

/* Blank-separated words, in backquotes where they hold blanks. */
LX_MUST_USE enum lx_err mapping_words(const struct mapping_parse *parse, const char *text,
                                      struct mapping_texts *ret_texts);
/* Texts separated by commas, in single quotes where they hold one, into the dictionary. */
LX_MUST_USE enum lx_err mapping_list(const struct mapping_parse *parse, const char *text,
                                     struct lx_dictionary *dictionary);

LX_MUST_USE enum lx_err mapping_parse_term(const struct mapping_parse *parse, const char *text,
                                           struct mapping_term *ret_term);

/* What stands right of `FIELD =`; fills terms, form, base and so on of the field, whose id is set.
 * `dates` and `amounts` are the forms of a field that names none. */
struct mapping_defaults {
    const char *dates, *amounts;
};
LX_MUST_USE enum lx_err mapping_parse_source(const struct mapping_parse *parse,
                                             const struct mapping_defaults *defaults,
                                             const char *text, struct mapping_field *field);

/* One line of a value map; `code` is "*" for any other and "" for an empty field. */
LX_MUST_USE enum lx_err mapping_codes_add(const struct mapping_parse *parse, const char *code,
                                          const char *value, struct mapping_codes *codes);

/* Checks that each value of the field's map is one that its type can have. */
LX_MUST_USE enum lx_err mapping_codes_check(struct mapping_parse *parse,
                                            const struct mapping_file *file,
                                            const struct mapping_field *field);

/* [product CODE], with what [product *] adds to it; nothing for "*" itself. */
LX_MUST_USE enum lx_err mapping_read_product(const struct mapping_parse *parse, const char *code);

#endif
