#include "auth/password.h"

#include <argon2.h>
#include <string.h>
#include <strings.h>

#include "auth/secret.h"

enum { HASH_BYTES = 32, LANES = 1 };

/* Bytes that begin a character: what a person counts. */
static size_t character_count(const char *text)
{
    size_t count = 0;
    for (; *text != 0; text++) count += ((unsigned char)*text & 0xC0) != 0x80;
    return count;
}

enum lx_err password_check(const char *password, const char *name, struct lx_error *err)
{
    if (character_count(password) < PASSWORD_MIN)
        return lx_fail(
            err, LX_ERR_BAD_INPUT,
            "password: %zu characters, at least %d are needed; a sentence is easy to keep",
            character_count(password), PASSWORD_MIN);
    if (strlen(password) > PASSWORD_MAX)
        return lx_fail(err, LX_ERR_BAD_INPUT, "password: %zu bytes, at most %d", strlen(password),
                       PASSWORD_MAX);
    bool is_one_character = true;
    for (size_t i = 1; password[i] != 0; i++) is_one_character &= password[i] == password[0];
    if (is_one_character || strcasestr(password, name) != NULL)
        return lx_fail(err, LX_ERR_BAD_INPUT,
                       "password: too easy to guess; it must not hold the account's name or be one "
                       "character again and again");
    return LX_OK;
}

enum lx_err password_hash(const struct lx_env *env, const char *password,
                          char ret_text[PASSWORD_TEXT_SIZE], struct lx_error *err)
{
    uint8_t salt[PASSWORD_SALT_BYTES];
    char text[PASSWORD_TEXT_SIZE];
    env->entropy(env->context, salt, sizeof salt);
    int status =
        argon2id_hash_encoded(PASSWORD_PASSES, PASSWORD_MEMORY_KIB, LANES, password,
                              strlen(password), salt, sizeof salt, HASH_BYTES, text, sizeof text);
    if (status != ARGON2_OK)
        return lx_fail(err, LX_ERR_NO_MEMORY, "password: %s", argon2_error_message(status));
    memcpy(ret_text, text, sizeof text);
    return LX_OK;
}

enum lx_err password_verify(const char *text, const char *password, bool *ret_is_right,
                            struct lx_error *err)
{
    int status = argon2id_verify(text, password, strlen(password));
    if (status == ARGON2_OK || status == ARGON2_VERIFY_MISMATCH) {
        *ret_is_right = status == ARGON2_OK;
        return LX_OK;
    }
    enum lx_err code = status == ARGON2_MEMORY_ALLOCATION_ERROR ? LX_ERR_NO_MEMORY : LX_ERR_CORRUPT;
    return lx_fail(err, code, "password: %s", argon2_error_message(status));
}

const char *password_of_nobody(void)
{
    /* A salt and a hash of zeros, which no password is known to give. */
    return "$argon2id$v=19$m=65536,t=3,p=1$AAAAAAAAAAAAAAAAAAAAAA"
           "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
}
