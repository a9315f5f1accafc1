#include "audit/key.h"

#include <openssl/evp.h>
#include <string.h>

#include "audit/sm2.h"
#include "base/limits.h"
#include "codec/base64.h"
#include "codec/digest.h"
#include "host/file.h"

enum { ED25519_BYTES = 32, SM2_BYTES = 65, TYPE_MAX = 16 };

struct type {
    uint8_t bytes[TYPE_MAX];
    size_t length, key_length;
};

static const struct type types[] = {
    [AUDIT_ED25519] = {{0x01}, 1, ED25519_BYTES},
    [AUDIT_COSIGNATURE] = {{0x04}, 1, ED25519_BYTES},
    [AUDIT_SM2] = {{0xff, 's', 'm', '2', '-', 'w', 'i', 't', 'h', '-', 's', 'm', '3'},
                   13,
                   SM2_BYTES},
};

bool audit_name_is_valid(const char *name, size_t length)
{
    if (length == 0 || length > AUDIT_NAME_MAX) return false;
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)name[i];
        if (byte <= 0x20 || byte == '+' || byte >= 0x7f) return false;
    }
    return true;
}

void audit_key_init(struct audit_key *key, enum audit_algorithm algorithm, const char *name,
                    const uint8_t *bytes, size_t length)
{
    const struct type *type = &types[algorithm];
    uint8_t hashed[AUDIT_NAME_MAX + 1 + TYPE_MAX + AUDIT_KEY_BYTES_MAX], hash[DIGEST_SIZE];
    size_t name_length = strlen(name), at = 0;
    LX_ASSERT(audit_name_is_valid(name, name_length) && length == type->key_length);

    *key = (struct audit_key){.algorithm = algorithm, .length = length};
    memcpy(key->name, name, name_length);
    memcpy(key->bytes, bytes, length);
    memcpy(hashed, name, name_length);
    at = name_length;
    hashed[at++] = '\n';
    memcpy(hashed + at, type->bytes, type->length);
    at += type->length;
    memcpy(hashed + at, bytes, length);
    digest_of(hashed, at + length, hash);
    memcpy(key->id, hash, sizeof key->id);
}

void audit_key_put(const struct audit_key *key, struct lx_buffer *buffer)
{
    const struct type *type = &types[key->algorithm];
    uint8_t bytes[TYPE_MAX + AUDIT_KEY_BYTES_MAX];
    memcpy(bytes, type->bytes, type->length);
    memcpy(bytes + type->length, key->bytes, key->length);
    lx_buffer_append_text(buffer, key->name);
    lx_buffer_append_byte(buffer, '+');
    hex_put(buffer, key->id, sizeof key->id);
    lx_buffer_append_byte(buffer, '+');
    base64_put(buffer, bytes, type->length + key->length);
}

bool audit_key_parse(const char *text, size_t length, struct audit_key *ret_key)
{
    char name[AUDIT_NAME_MAX + 1] = "";
    uint8_t id[AUDIT_KEY_ID_BYTES], bytes[TYPE_MAX + AUDIT_KEY_BYTES_MAX];
    size_t count = 0;
    const char *plus = memchr(text, '+', length);
    if (plus == NULL || !audit_name_is_valid(text, (size_t)(plus - text))) return false;
    memcpy(name, text, (size_t)(plus - text));
    const char *rest = plus + 1;
    size_t left = length - (size_t)(rest - text);
    if (left < 2 * sizeof id + 1 || rest[2 * sizeof id] != '+') return false;
    if (!hex_get(rest, 2 * sizeof id, id, sizeof id)) return false;
    if (!base64_get(rest + 2 * sizeof id + 1, left - 2 * sizeof id - 1, bytes, sizeof bytes,
                    &count))
        return false;
    for (size_t i = 0; i < LX_COUNT_OF(types); i++) {
        struct audit_key key;
        const struct type *type = &types[i];
        if (count != type->length + type->key_length ||
            memcmp(bytes, type->bytes, type->length) != 0)
            continue;
        audit_key_init(&key, (enum audit_algorithm)i, name, bytes + type->length, type->key_length);
        if (memcmp(key.id, id, sizeof id) != 0) return false;
        *ret_key = key;
        return true;
    }
    return false;
}

static bool verify_ed25519(const struct audit_key *key, const void *message, size_t length,
                           const uint8_t *signature)
{
    EVP_PKEY *public_key =
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key->bytes, key->length);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_valid =
        public_key != NULL && context != NULL &&
        EVP_DigestVerifyInit(context, NULL, NULL, NULL, public_key) == 1 &&
        EVP_DigestVerify(context, signature, AUDIT_SIGNATURE_BYTES, message, length) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(public_key);
    return is_valid;
}

bool audit_key_verify(const struct audit_key *key, const void *message, size_t length,
                      const uint8_t signature[AUDIT_SIGNATURE_BYTES])
{
    if (key->algorithm == AUDIT_SM2) return sm2_verify(key->bytes, message, length, signature);
    return verify_ed25519(key, message, length, signature);
}

enum lx_err audit_keys_parse(const char *file, const char *text, size_t length,
                             struct audit_keys *ret_keys, struct lx_error *err)
{
    struct audit_keys keys = {.count = 0};
    int line = 0;
    for (size_t at = 0; at < length;) {
        const char *end = memchr(text + at, '\n', length - at);
        size_t size = end == NULL ? length - at : (size_t)(end - text) - at;
        const char *start = text + at;
        at += size + 1;
        line++;
        if (size == 0 || start[0] == '#') continue;
        if (keys.count == AUDIT_KEYS_MAX)
            return lx_fail(err, LX_ERR_LIMIT, "%s:%d: more than %d keys", file, line,
                           AUDIT_KEYS_MAX);
        if (!audit_key_parse(start, size, &keys.keys[keys.count++]))
            return lx_fail(err, LX_ERR_BAD_INPUT,
                           "%s:%d: not a public key of the form NAME+ID+BASE64, of Ed25519, of a "
                           "witness or of SM2",
                           file, line);
    }
    if (keys.count == 0) return lx_fail(err, LX_ERR_BAD_INPUT, "%s: no public key", file);
    *ret_keys = keys;
    return LX_OK;
}

enum lx_err audit_keys_read(const char *path, struct audit_keys *ret_keys, struct lx_error *err)
{
    struct lx_buffer text;
    lx_buffer_init(&text, LX_CONFIG_MAX);
    enum lx_err code = host_read_file(path, &text, err);
    if (code == LX_OK)
        code = audit_keys_parse(path, lx_buffer_text(&text), text.length, ret_keys, err);
    lx_buffer_release(&text);
    return code;
}
