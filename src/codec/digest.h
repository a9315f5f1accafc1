#ifndef CODEC_DIGEST_H
#define CODEC_DIGEST_H

/* digest: SHA-256 (FIPS 180-4, by OpenSSL) and CRC-32C (Castagnoli, RFC 3720) of bytes.
 * Threads: safe; a struct digest belongs to one thread. */

#include "base/base.h"

enum { DIGEST_SIZE = 32, DIGEST_TEXT_SIZE = 65 };

/* Plain memory, nothing owned: what the library keeps between two pieces of a message. */
struct digest {
    _Alignas(8) unsigned char state[112];
};

LX_MUST_USE enum lx_err digest_init(struct digest *digest);
void digest_add(struct digest *digest, const void *bytes, size_t length);
void digest_finish(struct digest *digest, uint8_t ret_hash[DIGEST_SIZE]);
/* The hash of what was added; the digest is ready for the next message. */
void digest_next(struct digest *digest, uint8_t ret_hash[DIGEST_SIZE]);
void digest_release(struct digest *digest);

void digest_of(const void *bytes, size_t length, uint8_t ret_hash[DIGEST_SIZE]);
/* 64 lower-case hexadecimal digits and a NUL. */
void digest_text(const uint8_t hash[DIGEST_SIZE], char ret_text[DIGEST_TEXT_SIZE]);

/* CRC-32C of the bytes, continuing from `crc` (0 to begin). Hardware where there is any. */
uint32_t digest_crc32c(uint32_t crc, const void *bytes, size_t length);
/* The same without the hardware; a test holds the two together. */
uint32_t digest_crc32c_plain(uint32_t crc, const void *bytes, size_t length);

#endif
