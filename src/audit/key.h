#ifndef AUDIT_KEY_H
#define AUDIT_KEY_H

/*
 * key: who signs a checkpoint: public keys as C2SP signed notes know them, and the interface behind
 * which private ones stay.
 *
 *   text    NAME+ID+BASE64, ID being 8 hex digits and BASE64 the type and the public key
 *   ID      first 4 bytes of SHA-256(NAME || "\n" || type || public key)
 *   types   0x01                  Ed25519 over the note's text (RFC 8032)
 *           0x04                  Ed25519 cosignature of a witness (C2SP tlog-cosignature)
 *           0xff "sm2-with-sm3"   SM2 with SM3 (GB/T 32918.2, user id 1234567812345678), the key an
 *                                 uncompressed point, the signature r || s; C2SP has assigned no
 *                                 number to it, 0xff and a name of one's own is its way to say so
 *
 * Ownership: plain values; a signer's context belongs to whoever made it.
 * Errors:    LX_ERR_BAD_INPUT naming file and line; LX_ERR_IO if a signer fails.
 * Threads:   pure; a signer belongs to one thread at a time.
 */

#include "base/buffer.h"

enum {
    AUDIT_NAME_MAX = 255,
    AUDIT_KEY_ID_BYTES = 4,
    AUDIT_KEY_BYTES_MAX = 65,
    AUDIT_KEYS_MAX = 32, /* in one file */
    AUDIT_SIGNATURE_BYTES = 64,
};

enum audit_algorithm { AUDIT_ED25519, AUDIT_COSIGNATURE, AUDIT_SM2 };

struct audit_key {
    enum audit_algorithm algorithm;
    char name[AUDIT_NAME_MAX + 1];
    uint8_t id[AUDIT_KEY_ID_BYTES];
    uint8_t bytes[AUDIT_KEY_BYTES_MAX];
    size_t length;
};

/* A name is printable ASCII without spaces and plus: a URL without its scheme, say. */
bool audit_name_is_valid(const char *name, size_t length);
/* Fills in the id. The name is valid, the bytes are a key of the algorithm. */
void audit_key_init(struct audit_key *key, enum audit_algorithm algorithm, const char *name,
                    const uint8_t *bytes, size_t length);
void audit_key_put(const struct audit_key *key, struct lx_buffer *buffer); /* without a newline */
bool audit_key_parse(const char *text, size_t length, struct audit_key *ret_key);
/* Of `length` bytes; for a cosignature, of what the witness signs. */
bool audit_key_verify(const struct audit_key *key, const void *message, size_t length,
                      const uint8_t signature[AUDIT_SIGNATURE_BYTES]);

struct audit_keys {
    struct audit_key keys[AUDIT_KEYS_MAX];
    size_t count;
};
/* One key a line; empty lines and those that begin with # are passed over. */
LX_MUST_USE enum lx_err audit_keys_parse(const char *file, const char *text, size_t length,
                                         struct audit_keys *ret_keys, struct lx_error *err);
LX_MUST_USE enum lx_err audit_keys_read(const char *path, struct audit_keys *ret_keys,
                                        struct lx_error *err);

/* A private key that never leaves its place: a file today, a PKCS#11 module later. */
struct audit_signer {
    void *context;
    struct audit_key key;
    enum lx_err (*sign)(void *context, const void *message, size_t length,
                        uint8_t ret_signature[AUDIT_SIGNATURE_BYTES], struct lx_error *err);
};

#endif
