#ifndef AUTH_SECRET_H
#define AUTH_SECRET_H

/*
 * secret: tokens that only their holder knows, and how they are kept: not at all. What is stored is
 * SHA-256 of the token; 256 random bits need no salt.
 *
 *   text   43 characters of base64url without padding (RFC 4648, section 5)
 *
 * Threads: pure; entropy comes from the environment.
 */

#include "base/env.h"
#include "codec/digest.h"

enum { SECRET_BYTES = 32, SECRET_TEXT_SIZE = 44 };

void secret_make(const struct lx_env *env, char ret_text[SECRET_TEXT_SIZE]);
/* What is stored of a token. Any bytes may be asked for. */
void secret_hash(const char *text, size_t length, uint8_t ret_hash[DIGEST_SIZE]);

/* In a time that depends on `length` alone. */
bool secret_equal(const void *a, const void *b, size_t length);
/* Overwrites; the compiler does not leave it out. */
void secret_wipe(void *bytes, size_t length);

#endif
