#include "codec/digest.h"

#include <openssl/evp.h>
#include <stdatomic.h>
#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

enum lx_err digest_init(struct digest *digest)
{
    LX_ASSERT(digest != NULL);

    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context == NULL) return LX_ERR_NO_MEMORY;
    if (EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(context);
        return LX_ERR_NO_MEMORY;
    }
    digest->context = context;
    return LX_OK;
}

void digest_add(struct digest *digest, const void *bytes, size_t length)
{
    LX_ASSERT(digest->context != NULL);

    int status = EVP_DigestUpdate(digest->context, bytes, length);
    LX_ASSERT(status == 1);
}

void digest_finish(struct digest *digest, uint8_t ret_hash[DIGEST_SIZE])
{
    LX_ASSERT(digest->context != NULL);

    unsigned size = 0;
    int status = EVP_DigestFinal_ex(digest->context, ret_hash, &size);
    LX_ASSERT(status == 1 && size == DIGEST_SIZE);
    digest_release(digest);
}

void digest_release(struct digest *digest)
{
    EVP_MD_CTX_free(digest->context);
    digest->context = NULL;
}

void digest_of(const void *bytes, size_t length, uint8_t ret_hash[DIGEST_SIZE])
{
    unsigned size = 0;
    int status = EVP_Digest(bytes, length, ret_hash, &size, EVP_sha256(), NULL);
    LX_ASSERT(status == 1 && size == DIGEST_SIZE);
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

static const uint32_t *crc_table(void)
{
    static uint32_t table[256];
    static atomic_bool is_ready;
    if (atomic_load_explicit(&is_ready, memory_order_acquire)) return table;
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; bit++)
            value = value & 1 ? value >> 1 ^ CRC32C_POLYNOMIAL : value >> 1;
        table[i] = value;
    }
    atomic_store_explicit(&is_ready, true, memory_order_release);
    return table;
}

static uint32_t crc32c_plain(uint32_t crc, const unsigned char *bytes, size_t length)
{
    const uint32_t *table = crc_table();
    for (size_t i = 0; i < length; i++) crc = crc >> 8 ^ table[(crc ^ bytes[i]) & 0xFF];
    return crc;
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

    crc = ~crc;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) return ~crc32c_sse42(crc, bytes, length);
#endif
    return ~crc32c_plain(crc, bytes, length);
}
