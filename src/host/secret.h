#ifndef HOST_SECRET_H
#define HOST_SECRET_H

/*
 * secret: a line that nobody else should see: from a terminal without showing what is typed, from a
 * pipe or file as it comes.
 *
 * Errors: LX_ERR_NOT_FOUND (there is nothing to read), LX_ERR_LIMIT (longer than fits), LX_ERR_IO.
 */

#include "base/base.h"

/* Without the end of the line. `prompt` goes to stderr, if there is a terminal. The caller wipes.
 * */
LX_MUST_USE enum lx_err host_secret_read(const char *prompt, char *ret_text, size_t size,
                                         bool *ret_is_terminal, struct lx_error *err);

#endif
