#include "api/authorize.h"

#include <string.h>

#include "codec/digest.h"

const char *api_right_text(enum api_right right)
{
    static const char *const texts[] = {
#define X(name, text) text,
        API_RIGHT_MAP(X)
#undef X
    };
    LX_ASSERT((size_t)right < LX_COUNT_OF(texts));
    return texts[right];
}

static bool is_key_byte(unsigned char byte)
{
    return byte > ' ' && byte < 0x7f;
}

enum lx_err api_lone_key_init(const char *text, struct api_lone_key *ret_key, struct lx_error *err)
{
    size_t length = text != NULL ? strlen(text) : 0;
    if (length < API_LONE_KEY_MIN || length > API_LONE_KEY_MAX)
        return lx_fail(err, LX_ERR_REFUSED,
                       "serve: nobody may be let in without a key: put one of %d to %d printable "
                       "characters into the environment as LINGXI_API_KEY (openssl rand -hex 32)",
                       API_LONE_KEY_MIN, API_LONE_KEY_MAX);
    for (size_t i = 0; i < length; i++)
        if (!is_key_byte((unsigned char)text[i]))
            return lx_fail(err, LX_ERR_REFUSED,
                           "LINGXI_API_KEY: character %zu is not printable ASCII without spaces",
                           i + 1);
    digest_of(text, length, ret_key->hash);
    return LX_OK;
}

/* "Bearer KEY"; the scheme is compared without case (RFC 9110, 11.1). */
static const char *bearer(const char *authorization)
{
    static const char scheme[] = "bearer ";
    if (authorization == NULL) return NULL;
    for (size_t i = 0; scheme[i] != '\0'; i++) {
        char byte = authorization[i];
        if (byte >= 'A' && byte <= 'Z') byte = (char)(byte + ('a' - 'A'));
        if (byte != scheme[i]) return NULL;
    }
    return authorization + sizeof scheme - 1;
}

/* Hashes are compared, and all of their bytes, so that time tells nothing about the key. */
static enum api_verdict ask_key(void *context, const struct api_credentials *credentials,
                                const struct api_question *question,
                                struct api_principal *ret_principal)
{
    const struct api_lone_key *key = context;
    uint8_t hash[DIGEST_SIZE], difference = 0;
    const char *said = bearer(credentials->authorization);
    if (question->right == API_OPEN) return API_ALLOWED;
    if (said == NULL || strlen(said) > API_LONE_KEY_MAX) return API_STRANGER;
    digest_of(said, strlen(said), hash);
    for (size_t i = 0; i < sizeof hash; i++) difference |= (uint8_t)(hash[i] ^ key->hash[i]);
    if (difference != 0) return API_STRANGER;
    memcpy(ret_principal->name, "key", sizeof "key");
    ret_principal->sees_ids = true;
    return API_ALLOWED;
}

struct api_authorizer api_lone_key_authorizer(struct api_lone_key *key)
{
    return (struct api_authorizer){.context = key, .ask = ask_key};
}
