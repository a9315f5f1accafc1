#ifndef CLI_SHIPPED_H
#define CLI_SHIPPED_H

/*
 * shipped: the files of data/ that the program carries: catalogue, features, labels, rules,
 * actions, mappings, the synthetic bank's profile. They are embedded when it is built, so that one
 * binary is enough.
 */

#include "base/buffer.h"

enum { SHIPPED_NAME_SIZE = 256 };

struct shipped_file {
    const char *name; /* "catalogue.ini", "mappings/synthetic.ini" */
    const char *bytes;
    size_t length;
};

bool shipped_find(const char *name, struct shipped_file *ret_file);
/* The n-th one; false past the last. */
bool shipped_at(size_t index, struct shipped_file *ret_file);

/*
 * The text behind a user's word: a shipped file FOLDER/WORD.ini, or else the file of that name.
 * LX_ERR_NOT_FOUND lists the shipped ones. *ret_file is the name for messages.
 */
LX_MUST_USE enum lx_err shipped_or_file(const char *folder, const char *word,
                                        struct lx_buffer *buffer, char ret_file[SHIPPED_NAME_SIZE],
                                        struct lx_error *err);

#endif
