/*
 * fuzz_field: a text is a value or is refused with words; a value written plainly reads back the
 * same; a refusal leaves the result alone. The first byte chooses the reader and the date form.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/field.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) abort();
}

static void check_refusal(enum lx_err code, const struct lx_error *err)
{
    require(code == LX_ERR_BAD_INPUT || code == LX_ERR_OVERFLOW);
    require(err->code == code && err->text[0] != '\0');
}

static void check_int64(const char *text, size_t length)
{
    int64_t value = 42, again = 0;
    struct lx_error err;
    char plain[32];
    enum lx_err code = field_int64(text, length, &value, &err);
    if (code != LX_OK) {
        check_refusal(code, &err);
        require(value == 42);
        return;
    }
    snprintf(plain, sizeof plain, "%" PRId64, value);
    require(field_int64(plain, strlen(plain), &again, NULL) == LX_OK && again == value);
}

static void check_real(const char *text, size_t length)
{
    double value = 42, again = 0;
    struct lx_error err;
    char plain[40];
    enum lx_err code = field_real(text, length, &value, &err);
    if (code != LX_OK) {
        check_refusal(code, &err);
        require(value == 42);
        return;
    }
    snprintf(plain, sizeof plain, "%.17g", value);
    require(field_real(plain, strlen(plain), &again, NULL) == LX_OK);
    require(memcmp(&again, &value, sizeof value) == 0);
}

static void check_yuan(const char *text, size_t length)
{
    int64_t fen = 42, again = 0;
    struct lx_error err;
    char plain[40];
    enum lx_err code = field_yuan(text, length, &fen, &err);
    if (code != LX_OK) {
        check_refusal(code, &err);
        require(fen == 42);
        return;
    }
    uint64_t size = fen < 0 ? -(uint64_t)fen : (uint64_t)fen;
    snprintf(plain, sizeof plain, "%s%" PRIu64 ".%02u", fen < 0 ? "-" : "", size / 100,
             (unsigned)(size % 100));
    require(field_yuan(plain, strlen(plain), &again, NULL) == LX_OK && again == fen);
}

static void check_moment(const char *text, size_t length, enum field_date_form form)
{
    int64_t at_ms = 42, again = 0;
    struct lx_error err;
    char plain[32];
    enum lx_err code = field_moment(text, length, form, 480, &at_ms, &err);
    if (code != LX_OK) {
        check_refusal(code, &err);
        require(at_ms == 42);
        return;
    }
    snprintf(plain, sizeof plain, "%" PRId64, at_ms);
    require(field_moment(plain, strlen(plain), FIELD_DATE_EPOCH_MS, 480, &again, NULL) == LX_OK);
    require(again == at_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) return 0;
    const char *text = (const char *)data + 1;
    size_t length = size - 1;
    int choice = data[0] % (3 + FIELD_DATE_FORM_COUNT);
    if (choice == 0)
        check_int64(text, length);
    else if (choice == 1)
        check_real(text, length);
    else if (choice == 2)
        check_yuan(text, length);
    else
        check_moment(text, length, (enum field_date_form)(choice - 3));
    return 0;
}
