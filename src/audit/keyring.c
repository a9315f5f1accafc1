#include "audit/keyring.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "audit/sm2.h"
#include "base/limits.h"
#include "codec/base64.h"
#include "codec/digest.h"
#include "host/file.h"

enum { RING_MAX = 2, SEED_BYTES = 32, POINT_MAX = AUDIT_KEY_BYTES_MAX, NAME_BYTES = 8 };

struct private_key {
    enum audit_algorithm algorithm;
    EVP_PKEY *key; /* owned */
};

struct audit_keyring {
    size_t count;
    struct private_key keys[RING_MAX];
    struct audit_signer signers[RING_MAX];
};

struct plan {
    const char *public_file;
    size_t count;
    struct {
        enum audit_algorithm algorithm;
        const char *file;
    } keys[RING_MAX];
};

static const struct plan plans[] = {
    [AUDIT_LOG_KEYS] = {"audit.pub",
                        2,
                        {{AUDIT_ED25519, "audit-ed25519.pem"}, {AUDIT_SM2, "audit-sm2.pem"}}},
    [AUDIT_WITNESS_KEYS] = {"witness.pub", 1, {{AUDIT_COSIGNATURE, "witness-ed25519.pem"}}},
};

static enum lx_err path_of(const char *folder, const char *name, char path[LX_PATH_MAX],
                           struct lx_error *err)
{
    char keys[LX_PATH_MAX];
    enum lx_err code = host_join(keys, folder, "keys", err);
    return code == LX_OK ? host_join(path, keys, name, err) : code;
}

enum lx_err audit_keyring_public_path(const char *folder, enum audit_keyring_of whose,
                                      char *ret_path, struct lx_error *err)
{
    return path_of(folder, plans[whose].public_file, ret_path, err);
}

static enum lx_err sign(void *context, const void *message, size_t length,
                        uint8_t ret_signature[AUDIT_SIGNATURE_BYTES], struct lx_error *err)
{
    const struct private_key *key = context;
    if (key->algorithm == AUDIT_SM2) {
        if (sm2_sign(key->key, message, length, ret_signature)) return LX_OK;
        return lx_fail(err, LX_ERR_IO, "audit: OpenSSL cannot sign with SM2");
    }
    size_t size = AUDIT_SIGNATURE_BYTES;
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    bool is_done = digest != NULL && EVP_DigestSignInit(digest, NULL, NULL, NULL, key->key) == 1 &&
                   EVP_DigestSign(digest, ret_signature, &size, message, length) == 1 &&
                   size == AUDIT_SIGNATURE_BYTES;
    EVP_MD_CTX_free(digest);
    return is_done ? LX_OK : lx_fail(err, LX_ERR_IO, "audit: OpenSSL cannot sign with Ed25519");
}

static EVP_PKEY *make_key(enum audit_algorithm algorithm, const struct lx_env *env)
{
    uint8_t seed[SEED_BYTES];
    if (algorithm == AUDIT_SM2) return EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
    env->entropy(env->context, seed, sizeof seed);
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof seed);
    OPENSSL_cleanse(seed, sizeof seed);
    return key;
}

static enum lx_err write_key(EVP_PKEY *key, const char *path, struct lx_error *err)
{
    char *bytes = NULL;
    enum lx_err code = LX_ERR_IO;
    BIO *memory = BIO_new(BIO_s_mem());
    if (memory == NULL || PEM_write_bio_PrivateKey(memory, key, NULL, NULL, 0, NULL, NULL) != 1) {
        code = lx_fail(err, LX_ERR_IO, "%s: OpenSSL cannot write a private key", path);
    } else {
        long length = BIO_get_mem_data(memory, &bytes);
        code = host_write_atomic(path, bytes, (size_t)length, err);
        if (bytes != NULL) OPENSSL_cleanse(bytes, (size_t)length);
    }
    BIO_free(memory);
    return code;
}

/* Nobody is asked for a passphrase: keys that need one come with PKCS#11. */
static int no_passphrase(char *bytes, int size, int is_writing, void *context)
{
    (void)bytes;
    (void)size;
    (void)is_writing;
    (void)context;
    return -1;
}

static enum lx_err read_key(const char *path, EVP_PKEY **ret_key, struct lx_error *err)
{
    struct lx_buffer text;
    EVP_PKEY *key = NULL;
    lx_buffer_init(&text, LX_CONFIG_MAX);
    enum lx_err code = host_read_file(path, &text, err);
    BIO *memory = code == LX_OK ? BIO_new_mem_buf(lx_buffer_text(&text), (int)text.length) : NULL;
    if (memory != NULL) key = PEM_read_bio_PrivateKey(memory, NULL, no_passphrase, NULL);
    BIO_free(memory);
    if (text.bytes != NULL) OPENSSL_cleanse(text.bytes, text.length);
    lx_buffer_release(&text);
    if (code != LX_OK) return code;
    if (key == NULL) return lx_fail(err, LX_ERR_BAD_INPUT, "%s: not a private key in PEM", path);
    *ret_key = key;
    return LX_OK;
}

static enum lx_err public_of(const struct private_key *key, uint8_t bytes[POINT_MAX],
                             size_t *ret_length, struct lx_error *err)
{
    size_t length = key->algorithm == AUDIT_SM2 ? SM2_POINT_BYTES : SEED_BYTES;
    bool is_done = key->algorithm == AUDIT_SM2
                       ? EVP_PKEY_is_a(key->key, "SM2") && sm2_point(key->key, bytes)
                       : EVP_PKEY_is_a(key->key, "ED25519") &&
                             EVP_PKEY_get_raw_public_key(key->key, bytes, &length) == 1;
    *ret_length = length;
    return is_done ? LX_OK : lx_fail(err, LX_ERR_BAD_INPUT, "audit: a key of another algorithm");
}

/* A name of its own for a log that was given none. */
static void name_of(const uint8_t *bytes, size_t length, char name[AUDIT_NAME_MAX + 1])
{
    uint8_t hash[DIGEST_SIZE];
    char text[DIGEST_TEXT_SIZE];
    digest_of(bytes, length, hash);
    digest_text(hash, text);
    snprintf(name, AUDIT_NAME_MAX + 1, "lingxi.local/%.*s", 2 * NAME_BYTES, text);
}

static enum lx_err make_keys(const char *folder, const struct plan *plan, const char *public_path,
                             const char *name, const struct lx_env *env, struct audit_keyring *ring,
                             struct lx_error *err)
{
    char path[LX_PATH_MAX], keys[LX_PATH_MAX], made[AUDIT_NAME_MAX + 1];
    struct lx_buffer text;
    lx_buffer_init(&text, LX_CONFIG_MAX);
    enum lx_err code = host_join(keys, folder, "keys", err);
    if (code == LX_OK) code = host_make_folder(keys, err);
    for (size_t i = 0; code == LX_OK && i < plan->count; i++) {
        uint8_t bytes[POINT_MAX];
        size_t length = 0;
        struct private_key *key = &ring->keys[i];
        *key =
            (struct private_key){plan->keys[i].algorithm, make_key(plan->keys[i].algorithm, env)};
        ring->count = i + 1;
        if (key->key == NULL) code = lx_fail(err, LX_ERR_IO, "audit: OpenSSL cannot make a key");
        if (code == LX_OK) code = public_of(key, bytes, &length, err);
        if (code == LX_OK && name == NULL) {
            name_of(bytes, length, made);
            name = made;
        }
        if (code == LX_OK) code = path_of(folder, plan->keys[i].file, path, err);
        if (code == LX_OK) code = write_key(key->key, path, err);
        if (code != LX_OK) break;
        struct audit_signer *signer = &ring->signers[i];
        *signer = (struct audit_signer){.context = key, .sign = sign};
        audit_key_init(&signer->key, key->algorithm, name, bytes, length);
        audit_key_put(&signer->key, &text);
        lx_buffer_append_byte(&text, '\n');
    }
    if (code == LX_OK && lx_buffer_error(&text) != LX_OK)
        code = lx_fail(err, lx_buffer_error(&text), "audit: out of memory");
    if (code == LX_OK)
        code = host_write_atomic(public_path, lx_buffer_text(&text), text.length, err);
    lx_buffer_release(&text);
    return code;
}

static enum lx_err load_keys(const char *folder, const struct plan *plan, const char *public_path,
                             const char *name, struct audit_keyring *ring, struct lx_error *err)
{
    struct audit_keys keys;
    enum lx_err code = audit_keys_read(public_path, &keys, err);
    if (code == LX_OK && keys.count != plan->count)
        code = lx_fail(err, LX_ERR_CORRUPT, "%s: %zu keys, not %zu", public_path, keys.count,
                       plan->count);
    if (code == LX_OK && name != NULL && strcmp(name, keys.keys[0].name) != 0)
        code = lx_fail(err, LX_ERR_REFUSED, "the log is called %s and keeps that name",
                       keys.keys[0].name);
    for (size_t i = 0; code == LX_OK && i < plan->count; i++) {
        char path[LX_PATH_MAX];
        uint8_t bytes[POINT_MAX];
        size_t length = 0;
        struct private_key *key = &ring->keys[i];
        key->algorithm = plan->keys[i].algorithm;
        ring->count = i + 1;
        code = path_of(folder, plan->keys[i].file, path, err);
        if (code == LX_OK) code = read_key(path, &key->key, err);
        if (code == LX_OK) code = public_of(key, bytes, &length, err);
        if (code == LX_OK &&
            (keys.keys[i].algorithm != key->algorithm || keys.keys[i].length != length ||
             memcmp(keys.keys[i].bytes, bytes, length) != 0))
            code = lx_fail(err, LX_ERR_CORRUPT, "%s: not the key of %s", path, public_path);
        ring->signers[i] = (struct audit_signer){.context = key, .key = keys.keys[i], .sign = sign};
    }
    return code;
}

enum lx_err audit_keyring_open(const char *folder, enum audit_keyring_of whose, const char *name,
                               const struct lx_env *env, struct audit_keyring **ret_ring,
                               struct lx_error *err)
{
    char path[LX_PATH_MAX];
    const struct plan *plan = &plans[whose];
    if (name != NULL && !audit_name_is_valid(name, strlen(name)))
        return lx_fail(err, LX_ERR_USAGE,
                       "\"%.60s\": a log's name is ASCII without spaces and plus, at most %d bytes",
                       name, AUDIT_NAME_MAX);
    struct audit_keyring *ring = lx_calloc(1, sizeof *ring);
    if (ring == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "audit: out of memory");
    enum lx_err code = audit_keyring_public_path(folder, whose, path, err);
    if (code == LX_OK && host_exists(path))
        code = load_keys(folder, plan, path, name, ring, err);
    else if (code == LX_OK)
        code = make_keys(folder, plan, path, name, env, ring, err);
    if (code == LX_OK)
        *ret_ring = ring;
    else
        audit_keyring_close(ring);
    return code;
}

void audit_keyring_close(struct audit_keyring *ring)
{
    if (ring == NULL) return;
    for (size_t i = 0; i < ring->count; i++) EVP_PKEY_free(ring->keys[i].key);
    lx_free(ring);
}

size_t audit_keyring_count(const struct audit_keyring *ring)
{
    return ring->count;
}

const struct audit_signer *audit_keyring_signer(const struct audit_keyring *ring, size_t index)
{
    LX_ASSERT(index < ring->count);
    return &ring->signers[index];
}
