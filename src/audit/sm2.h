#ifndef AUDIT_SM2_H
#define AUDIT_SM2_H

/* sm2: SM2 signatures with SM3 (GB/T 32918.2) as r || s, over keys as uncompressed points, by
 * OpenSSL. Private to this folder. Signing takes the library's own entropy, as its nonce must be.
 * Threads: pure. */

#include <openssl/evp.h>

#include "base/base.h"

enum { SM2_POINT_BYTES = 65, SM2_SIGNATURE_BYTES = 64 };

bool sm2_verify(const uint8_t point[SM2_POINT_BYTES], const void *message, size_t length,
                const uint8_t signature[SM2_SIGNATURE_BYTES]);
bool sm2_sign(EVP_PKEY *key, const void *message, size_t length,
              uint8_t ret_signature[SM2_SIGNATURE_BYTES]);
bool sm2_point(EVP_PKEY *key, uint8_t ret_point[SM2_POINT_BYTES]);

#endif
