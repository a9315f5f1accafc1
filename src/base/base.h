#ifndef BASE_BASE_H
#define BASE_BASE_H

/*
 * base: what every other folder stands on: the error table, the always-on assertion, and the
 * checked allocation functions that a torture test can make fail.
 *
 * Three kinds of trouble, never mixed. A bug is an assertion and aborts. A failure is an
 * `enum lx_err` with its detail in the caller's `struct lx_error`. An outcome (declined, not
 * suitable, duplicate) is no error and has an enum in its own module.
 *
 * Ownership: an lx_error is the caller's and owns nothing.
 * Threads:   everything here is safe everywhere, except the two test hooks of lx_alloc_fail_at.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LX_MUST_USE __attribute__((warn_unused_result))
#define LX_PRINTF(text, first) __attribute__((format(printf, text, first)))
#define LX_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/*
 * One table makes the enum, the name, the text, the HTTP status and whether trying again can help.
 * Numbers are stable: they reach logs, the journal and API clients. Append; never reuse.
 *
 *    name        number status retry  text
 */
#define LX_ERR_MAP(X)                                                                              \
    X(OVERFLOW, -1, 400, false, "arithmetic overflow")                                             \
    X(NO_MEMORY, -2, 503, true, "out of memory")                                                   \
    X(NOT_FOUND, -3, 404, false, "no such thing")                                                  \
    X(BAD_INPUT, -4, 400, false, "input does not have its form")                                   \
    X(IO, -5, 503, true, "the system refused an operation")                                        \
    X(DISK_FULL, -6, 503, true, "no space left on the device")                                     \
    X(CORRUPT, -7, 500, false, "stored data is damaged")                                           \
    X(LIMIT, -8, 413, false, "a limit is exceeded")                                                \
    X(BUSY, -9, 503, true, "in use by another process")                                            \
    X(REFUSED, -10, 409, false, "refused by a rule")                                               \
    X(USAGE, -11, 400, false, "wrong usage")                                                       \
    X(NOT_BUILT, -12, 501, false, "not built")                                                     \
    X(VERSION, -13, 500, false, "written by another version")                                      \
    X(NOT_READY, -14, 409, false, "something else must be done first")                             \
    X(CANCELLED, -15, 503, true, "stopped on request")

enum lx_err {
    LX_OK = 0,
#define X(name, number, status, is_retryable, text) LX_ERR_##name = (number),
    LX_ERR_MAP(X)
#undef X
};

/* "OK", "OVERFLOW", ...; never NULL. An unknown number is a bug. */
const char *lx_err_name(enum lx_err code);
const char *lx_err_text(enum lx_err code);
int lx_err_http_status(enum lx_err code);
bool lx_err_is_retryable(enum lx_err code);

enum { LX_ERROR_TEXT_MAX = 1024 };

/* The detail of a failure. `text` names the thing, the place, the limit and what to do. */
struct lx_error {
    enum lx_err code;
    char text[LX_ERROR_TEXT_MAX];
};

/*
 * Writes code and text and returns code, so that a function can `return lx_fail(...)`.
 * `err` may be NULL where a caller wants no text. A text that is too long ends in "...", never
 * inside a UTF-8 character.
 */
enum lx_err lx_fail(struct lx_error *err, enum lx_err code, const char *format, ...)
    LX_PRINTF(3, 4);

/* The same for a failed system call: picks DISK_FULL, NO_MEMORY, NOT_FOUND or IO from `number`
 * (an errno value) and appends its text. */
enum lx_err lx_fail_errno(struct lx_error *err, int number, const char *format, ...)
    LX_PRINTF(3, 4);

/* Puts "prefix: " before the text; each layer may do so once. Returns err->code. */
enum lx_err lx_error_prefix(struct lx_error *err, const char *format, ...) LX_PRINTF(2, 3);

_Noreturn void lx_bug(const char *file, int line, const char *what);

/* Always on, in every build: a wrong ledger is worse than a stopped one. */
#define LX_ASSERT(cond) ((cond) ? (void)0 : lx_bug(__FILE__, __LINE__, #cond))

/*
 * The allocation functions of the whole program. They return NULL on failure, as malloc does;
 * size 0 is a bug. lx_free(NULL) is fine. lx_calloc checks count * size for overflow.
 */
LX_MUST_USE void *lx_malloc(size_t size_bytes);
LX_MUST_USE void *lx_calloc(size_t count, size_t size_bytes);
LX_MUST_USE void *lx_realloc(void *memory, size_t size_bytes);
LX_MUST_USE char *lx_strdup(const char *text);
void lx_free(void *memory);

/*
 * Makes *array (of elements of `size_bytes`) hold at least `needed` elements, doubling *capacity,
 * never past `max`. On failure nothing changes. LX_ERR_LIMIT past max, LX_ERR_NO_MEMORY else.
 */
LX_MUST_USE enum lx_err lx_grow(void *array, size_t *capacity, size_t needed, size_t max,
                                size_t size_bytes);

/* Test hook: the allocation number `countdown` from now fails, once; 0 switches it off.
 * lx_alloc_count says how many were asked for since the hook was last set. One thread only. */
void lx_alloc_fail_at(uint64_t countdown);
uint64_t lx_alloc_count(void);

#endif
