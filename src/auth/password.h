#ifndef AUTH_PASSWORD_H
#define AUTH_PASSWORD_H

/*
 * password: Argon2id (RFC 9106) of a password, as the text
 * `$argon2id$v=19$m=...,t=...,p=...$salt$hash`.
 *
 * PASSWORD_MEMORY_KIB, PASSWORD_PASSES: 64 MiB and 3 passes, RFC 9106's second recommendation with
 * one lane. A verification takes tens of milliseconds on purpose: call it from auth/hasher.h, never
 * from a loop that serves others.
 *
 * Errors:  LX_ERR_BAD_INPUT (a password that is too short, too long or the account's own name),
 *          LX_ERR_NO_MEMORY; LX_ERR_CORRUPT for a text that is no hash.
 * Threads: safe.
 */

#include "base/env.h"

enum {
    PASSWORD_MIN =
        12, /* characters; NIST SP 800-63B asks for length, not for kinds of characters */
    PASSWORD_MAX = 256, /* bytes */
    PASSWORD_MEMORY_KIB = 64 << 10,
    PASSWORD_PASSES = 3,
    PASSWORD_SALT_BYTES = 16,
    PASSWORD_TEXT_SIZE = 128
};

/* Is it good enough for the account `name`? */
LX_MUST_USE enum lx_err password_check(const char *password, const char *name,
                                       struct lx_error *err);
LX_MUST_USE enum lx_err password_hash(const struct lx_env *env, const char *password,
                                      char ret_text[PASSWORD_TEXT_SIZE], struct lx_error *err);
/* *ret_is_right; a wrong password is an outcome. */
LX_MUST_USE enum lx_err password_verify(const char *text, const char *password, bool *ret_is_right,
                                        struct lx_error *err);
/* A hash that no password has, of the same cost: what an unknown account is held against, so that
 * the answer takes as long. */
const char *password_of_nobody(void);

#endif
