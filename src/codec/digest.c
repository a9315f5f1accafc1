#include "codec/digest.h"

/* OpenSSL 3 prefers EVP to these functions; but EVP spends 300 ns a message on being general, more
 * than a short message takes, and a Merkle tree hashes little else. The code behind is the same. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
#include <stdatomic.h>
#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

_Static_assert(sizeof(SHA256_CTX) == sizeof(struct digest), "a digest holds the library's state");

enum lx_err digest_init(struct digest *digest)
{
    SHA256_CTX context;
    int status = SHA256_Init(&context);
    LX_ASSERT(status == 1);
    memcpy(digest->state, &context, sizeof context);
    return LX_OK;
}

void digest_add(struct digest *digest, const void *bytes, size_t length)
{
    int status = SHA256_Update((SHA256_CTX *)(void *)digest->state, bytes, length);
    LX_ASSERT(status == 1);
}

void digest_finish(struct digest *digest, uint8_t ret_hash[DIGEST_SIZE])
{
    int status = SHA256_Final(ret_hash, (SHA256_CTX *)(void *)digest->state);
    LX_ASSERT(status == 1);
}

void digest_next(struct digest *digest, uint8_t ret_hash[DIGEST_SIZE])
{
    digest_finish(digest, ret_hash);
    enum lx_err code = digest_init(digest);
    LX_ASSERT(code == LX_OK);
}

void digest_release(struct digest *digest)
{
    *digest = (struct digest){0};
}

void digest_of(const void *bytes, size_t length, uint8_t ret_hash[DIGEST_SIZE])
{
    SHA256_CTX context;
    int status = SHA256_Init(&context) == 1 && SHA256_Update(&context, bytes, length) == 1 &&
                 SHA256_Final(ret_hash, &context) == 1;
    LX_ASSERT(status);
}

void digest_text(const uint8_t hash[DIGEST_SIZE], char ret_text[DIGEST_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < DIGEST_SIZE; i++) {
        ret_text[2 * i] = digits[hash[i] >> 4];
        ret_text[2 * i + 1] = digits[hash[i] & 15];
    }
    ret_text[2 * DIGEST_SIZE] = '\0';
}

/* x^32 + x^28 + x^27 + ... + 1 of RFC 3720, bits reversed. */
#define CRC32C_POLYNOMIAL 0x82F63B78u

static uint32_t crc_of_byte(uint32_t value)
{
    for (int bit = 0; bit < 8; bit++)
        value = value & 1 ? value >> 1 ^ CRC32C_POLYNOMIAL : value >> 1;
    return value;
}

/* of[k][b]: what byte b does when k bytes follow it (Kounavis, Berry 2005: slicing by 8). */
struct crc_tables {
    uint32_t of[8][256];
};

/* NULL while another thread fills them. */
static const struct crc_tables *crc_tables(void)
{
    enum { EMPTY, BEING_FILLED, READY };
    static struct crc_tables tables;
    static atomic_int state;
    if (atomic_load_explicit(&state, memory_order_acquire) == READY) return &tables;

    int expected = EMPTY;
    if (!atomic_compare_exchange_strong(&state, &expected, BEING_FILLED)) return NULL;
    for (uint32_t i = 0; i < 256; i++) tables.of[0][i] = crc_of_byte(i);
    for (int k = 1; k < 8; k++)
        for (uint32_t i = 0; i < 256; i++)
            tables.of[k][i] = tables.of[k - 1][i] >> 8 ^ tables.of[0][tables.of[k - 1][i] & 0xFF];
    atomic_store_explicit(&state, READY, memory_order_release);
    return &tables;
}

static uint32_t crc_of_eight(const struct crc_tables *tables, uint32_t crc, const uint8_t *bytes)
{
    uint32_t result = 0;
    for (int i = 0; i < 8; i++) {
        uint32_t carried = i < 4 ? crc >> (8 * i) & 0xFF : 0;
        result ^= tables->of[7 - i][bytes[i] ^ carried];
    }
    return result;
}

static uint32_t crc32c_plain(uint32_t crc, const uint8_t *bytes, size_t length)
{
    const struct crc_tables *tables = crc_tables();
    for (; tables != NULL && length >= 8; bytes += 8, length -= 8)
        crc = crc_of_eight(tables, crc, bytes);
    for (; length > 0; bytes++, length--) crc = crc >> 8 ^ crc_of_byte((crc ^ *bytes) & 0xFF);
    return crc;
}

uint32_t digest_crc32c_plain(uint32_t crc, const void *bytes, size_t length)
{
    LX_ASSERT(bytes != NULL || length == 0);

    return ~crc32c_plain(~crc, bytes, length);
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t
crc32c_sse42(uint32_t crc, const unsigned char *bytes, size_t length)
{
    uint64_t wide = crc;
    for (; length >= 8; bytes += 8, length -= 8) {
        uint64_t word;
        memcpy(&word, bytes, sizeof word);
        wide = _mm_crc32_u64(wide, word);
    }
    crc = (uint32_t)wide;
    for (; length > 0; bytes++, length--) crc = _mm_crc32_u8(crc, *bytes);
    return crc;
}
#endif

uint32_t digest_crc32c(uint32_t crc, const void *bytes, size_t length)
{
    LX_ASSERT(bytes != NULL || length == 0);

#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) return ~crc32c_sse42(~crc, bytes, length);
#endif
    return digest_crc32c_plain(crc, bytes, length);
}
