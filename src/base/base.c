#include "base/base.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct err_row {
    enum lx_err code;
    int http_status;
    bool is_retryable;
    const char *name, *text;
};

static const struct err_row err_rows[] = {{LX_OK, 200, false, "OK", "done"},
#define X(name, number, status, is_retryable, text)                                                \
    {LX_ERR_##name, status, is_retryable, #name, text},
                                          LX_ERR_MAP(X)
#undef X
};

static const struct err_row *err_row_of(enum lx_err code)
{
    for (size_t i = 0; i < LX_COUNT_OF(err_rows); i++)
        if (err_rows[i].code == code) return &err_rows[i];
    lx_bug(__FILE__, __LINE__, "error number outside the table");
}

const char *lx_err_name(enum lx_err code)
{
    return err_row_of(code)->name;
}

const char *lx_err_text(enum lx_err code)
{
    return err_row_of(code)->text;
}

int lx_err_http_status(enum lx_err code)
{
    return err_row_of(code)->http_status;
}

bool lx_err_is_retryable(enum lx_err code)
{
    return err_row_of(code)->is_retryable;
}

/* Ends a text that did not fit in "...", cutting before a UTF-8 character rather than inside it. */
static void mark_cut(char *text, size_t size)
{
    size_t end = size - 4;
    while (end > 0 && ((unsigned char)text[end] & 0xC0u) == 0x80u) end--;
    memcpy(text + end, "...", 4);
}

static void write_text(char *text, size_t size, const char *format, va_list args)
{
    int length = vsnprintf(text, size, format, args);
    LX_ASSERT(length >= 0);
    if ((size_t)length >= size) mark_cut(text, size);
}

enum lx_err lx_fail(struct lx_error *err, enum lx_err code, const char *format, ...)
{
    LX_ASSERT(code != LX_OK);
    if (err == NULL) return code;

    err->code = code;
    va_list args;
    va_start(args, format);
    write_text(err->text, sizeof err->text, format, args);
    va_end(args);
    return code;
}

static enum lx_err err_of_errno(int number)
{
    switch (number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return LX_ERR_DISK_FULL;
    case ENOMEM: return LX_ERR_NO_MEMORY;
    case ENOENT:
    case ENOTDIR: return LX_ERR_NOT_FOUND;
    case EOVERFLOW: return LX_ERR_LIMIT;
    default: return LX_ERR_IO;
    }
}

enum lx_err lx_fail_errno(struct lx_error *err, int number, const char *format, ...)
{
    enum lx_err code = err_of_errno(number);
    if (err == NULL) return code;

    char text[LX_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    write_text(text, sizeof text, format, args);
    va_end(args);

    char reason[128];
    return lx_fail(err, code, "%s: %s", text, strerror_r(number, reason, sizeof reason));
}

enum lx_err lx_error_prefix(struct lx_error *err, const char *format, ...)
{
    LX_ASSERT(err != NULL);
    LX_ASSERT(err->code != LX_OK);

    char prefix[LX_ERROR_TEXT_MAX], text[LX_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    write_text(prefix, sizeof prefix, format, args);
    va_end(args);
    memcpy(text, err->text, sizeof text);
    return lx_fail(err, err->code, "%s: %s", prefix, text);
}

_Noreturn void lx_bug(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: bug: %s\n", file, line, what);
    abort();
}

/* The hook is a plain countdown: torture tests run one thread, and everything else never sets it.
 */
static uint64_t alloc_countdown, alloc_asked;

void lx_alloc_fail_at(uint64_t countdown)
{
    alloc_countdown = countdown;
    alloc_asked = 0;
}

uint64_t lx_alloc_count(void)
{
    return alloc_asked;
}

static bool must_fail(void)
{
    if (alloc_countdown == 0) return false;
    alloc_asked++;
    if (alloc_asked != alloc_countdown) return false;
    return true;
}

void *lx_malloc(size_t size_bytes)
{
    LX_ASSERT(size_bytes > 0);

    return must_fail() ? NULL : malloc(size_bytes);
}

void *lx_calloc(size_t count, size_t size_bytes)
{
    LX_ASSERT(count > 0 && size_bytes > 0);

    if (must_fail() || count > SIZE_MAX / size_bytes) return NULL;
    return calloc(count, size_bytes);
}

void *lx_realloc(void *memory, size_t size_bytes)
{
    LX_ASSERT(size_bytes > 0);

    return must_fail() ? NULL : realloc(memory, size_bytes);
}

char *lx_strdup(const char *text)
{
    LX_ASSERT(text != NULL);

    size_t size = strlen(text) + 1;
    char *copy = lx_malloc(size);
    if (copy != NULL) memcpy(copy, text, size);
    return copy;
}

void lx_free(void *memory)
{
    free(memory);
}

enum lx_err lx_grow(void *array, size_t *capacity, size_t needed, size_t max, size_t size_bytes)
{
    LX_ASSERT(array != NULL && capacity != NULL && size_bytes > 0);
    LX_ASSERT(max <= SIZE_MAX / 2 / size_bytes);

    if (needed <= *capacity) return LX_OK;
    if (needed > max) return LX_ERR_LIMIT;

    size_t wanted = *capacity < 8 ? 8 : *capacity * 2;
    if (wanted < needed) wanted = needed;
    if (wanted > max) wanted = max;

    void *old, *grown;
    memcpy(&old, array, sizeof old);
    grown = lx_realloc(old, wanted * size_bytes);
    if (grown == NULL) return LX_ERR_NO_MEMORY;
    memcpy(array, &grown, sizeof grown);
    *capacity = wanted;
    return LX_OK;
}
