#include "auth/totp.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "auth/secret.h"

enum { CODE_DIGITS = 6, CODES = 1000000, SHA1_BYTES = 20 };

uint32_t totp_code(const uint8_t secret[TOTP_SECRET_BYTES], uint64_t step)
{
    uint8_t message[8], mac[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    for (int i = 0; i < 8; i++) message[i] = (uint8_t)(step >> (56 - 8 * i));
    HMAC(EVP_sha1(), secret, TOTP_SECRET_BYTES, message, sizeof message, mac, &length);
    LX_ASSERT(length == SHA1_BYTES);
    const uint8_t *at = mac + (mac[SHA1_BYTES - 1] & 15);
    uint32_t number =
        (uint32_t)(at[0] & 127) << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    return number % CODES;
}

bool totp_check(const uint8_t secret[TOTP_SECRET_BYTES], const char *code, int64_t now_ms,
                uint64_t last_step, uint64_t *ret_step)
{
    char expected[CODE_DIGITS + 2];
    if (strlen(code) != CODE_DIGITS || now_ms < 0) return false;
    uint64_t now = (uint64_t)now_ms / 1000 / TOTP_STEP_SECONDS, found = 0;
    for (uint64_t step = now > 0 ? now - 1 : 0; step <= now + 1; step++) {
        snprintf(expected, sizeof expected, "%06u", (unsigned)totp_code(secret, step));
        bool is_equal = secret_equal(expected, code, CODE_DIGITS);
        if (is_equal && step > last_step) found = step;
    }
    if (found == 0) return false;
    *ret_step = found;
    return true;
}

void totp_secret_text(const uint8_t secret[TOTP_SECRET_BYTES], char ret_text[TOTP_SECRET_TEXT_SIZE])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    for (size_t i = 0; i < TOTP_SECRET_TEXT_SIZE - 1; i++) {
        size_t bit = 5 * i, byte = bit / 8;
        unsigned two = (unsigned)secret[byte] << 8;
        if (byte + 1 < TOTP_SECRET_BYTES) two |= secret[byte + 1];
        ret_text[i] = digits[two >> (11 - bit % 8) & 31];
    }
    ret_text[TOTP_SECRET_TEXT_SIZE - 1] = 0;
}

void totp_uri(const uint8_t secret[TOTP_SECRET_BYTES], const char *account,
              char ret_uri[TOTP_URI_SIZE])
{
    char text[TOTP_SECRET_TEXT_SIZE];
    totp_secret_text(secret, text);
    snprintf(ret_uri, TOTP_URI_SIZE, "otpauth://totp/Lingxi:%.64s?secret=%s&issuer=Lingxi", account,
             text);
}
