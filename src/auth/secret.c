#include "auth/secret.h"

#include <openssl/crypto.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void secret_make(const struct lx_env *env, char ret_text[SECRET_TEXT_SIZE])
{
    uint8_t bytes[SECRET_BYTES + 1] = {0}; /* one of zero, so that three always are there */
    env->entropy(env->context, bytes, SECRET_BYTES);
    size_t at = 0;
    for (size_t i = 0; i < SECRET_BYTES; i += 3) {
        uint32_t three = (uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8;
        if (i + 2 < SECRET_BYTES) three |= bytes[i + 2];
        for (int shift = 18; shift >= 0 && at < SECRET_TEXT_SIZE - 1; shift -= 6)
            ret_text[at++] = digits[three >> shift & 63];
    }
    ret_text[at] = 0;
    secret_wipe(bytes, sizeof bytes);
}

void secret_hash(const char *text, size_t length, uint8_t ret_hash[DIGEST_SIZE])
{
    digest_of(text, length, ret_hash);
}

bool secret_equal(const void *a, const void *b, size_t length)
{
    return CRYPTO_memcmp(a, b, length) == 0;
}

void secret_wipe(void *bytes, size_t length)
{
    OPENSSL_cleanse(bytes, length);
}
