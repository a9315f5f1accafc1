#ifndef AUTH_TOTP_H
#define AUTH_TOTP_H

/*
 * totp: the second factor: six digits that change every 30 seconds (RFC 6238 with HMAC-SHA-1, as
 * authenticator programs expect; the truncation of RFC 4226, section 5.3).
 *
 * A code counts in its own step and in the one before and after, and each step at most once:
 * whoever reads a code over a shoulder cannot use it again.
 *
 * Threads: pure.
 */

#include "base/base.h"

enum {
    TOTP_SECRET_BYTES = 20,
    TOTP_SECRET_TEXT_SIZE = 33, /* base32 (RFC 4648, section 6) and a NUL */
    TOTP_STEP_SECONDS = 30,
    TOTP_URI_SIZE = 256
};

/* The code of a step (seconds since 1970 / 30), below 1,000,000. */
uint32_t totp_code(const uint8_t secret[TOTP_SECRET_BYTES], uint64_t step);

/*
 * Does `code`, six digits, hold at that moment, in a step after `last_step` (0: none was used)?
 * *ret_step is then the step to remember.
 */
bool totp_check(const uint8_t secret[TOTP_SECRET_BYTES], const char *code, int64_t now_ms,
                uint64_t last_step, uint64_t *ret_step);

void totp_secret_text(const uint8_t secret[TOTP_SECRET_BYTES],
                      char ret_text[TOTP_SECRET_TEXT_SIZE]);
/* What authenticator programs read as a QR code; `account` is printable ASCII without a colon. */
void totp_uri(const uint8_t secret[TOTP_SECRET_BYTES], const char *account,
              char ret_uri[TOTP_URI_SIZE]);

#endif
