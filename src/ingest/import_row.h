#ifndef INGEST_IMPORT_ROW_H
#define INGEST_IMPORT_ROW_H

/*
 * import_row: rows on their way from the thread that reads to the one that puts.
 *
 * A block holds rows of one file and the texts they point to. What needs the bank (the customer's
 * number, numbers of code lists) is still text here; everything else is converted.
 * Ownership: a block owns its memory; it is filled by one thread and then handed to the other.
 */

#include "bank/types.h"
#include "base/buffer.h"
#include "codec/csv.h"

/* Why a row is not taken, in order of precedence. */
#define IMPORT_REASON_MAP(X)                                                                       \
    X(NONE, "none")                                                                                \
    X(UNREADABLE, "cannot be read")                                                                \
    X(FIELD_COUNT, "another number of fields")                                                     \
    X(EMPTY, "is empty")                                                                           \
    X(BAD_VALUE, "does not have its form")                                                         \
    X(UNKNOWN_CODE, "unknown code")                                                                \
    X(KNOWN_BEFORE, "known before it happened")                                                    \
    X(UNKNOWN_CUSTOMER, "no such customer in the bank or in this batch")                           \
    X(BAD_ROW, "the bank refuses the row")                                                         \
    X(NO_EVENT, "a correction of an event that neither the bank nor this batch has")               \
    X(OUT_OF_ORDER, "a snapshot not later than what the bank knows of this customer")              \
    X(CONTRADICTION, "another row of this customer and moment says otherwise")

enum import_reason {
#define X(name, text) IMPORT_REASON_##name,
    IMPORT_REASON_MAP(X)
#undef X
        IMPORT_REASON_COUNT
};

const char *import_reason_text(enum import_reason reason);

enum { IMPORT_HELD_WORDS = LX_PRODUCT_MAX / 64 };

/* A set of products by number. */
struct import_products {
    uint64_t words[IMPORT_HELD_WORDS];
};

/* A place in the block's text. */
struct import_slice {
    uint32_t offset, length;
};
#define IMPORT_NO_TEXT UINT32_MAX /* as a length: no value */

enum import_state { IMPORT_TAKEN, IMPORT_PASSED, IMPORT_REJECTED };

enum { IMPORT_LISTS = 4 }; /* of a customer: branch, occupation, education, marital */

struct import_row {
    uint64_t line;
    uint8_t state;  /* enum import_state */
    uint8_t reason; /* enum import_reason, of a rejected row */
    struct import_slice id;
    union {
        struct {
            struct import_slice column, detail;
        } reject;
        struct {
            struct bank_profile profile;
            struct import_slice name, lists[IMPORT_LISTS];
        } customer;
        struct bank_event event;
        struct {
            struct bank_event event;
            bool is_deleted;
        } change;
        struct {
            struct bank_event open;
            int64_t closed_ms, closed_known_ms; /* BANK_UNKNOWN_MS while it runs */
        } contract;
        struct {
            struct bank_event open; /* without its product */
            struct import_products held;
        } holding;
        struct {
            int64_t at_ms, known_at_ms, first_at_ms; /* first_at: BANK_UNKNOWN_MS */
            struct import_products held;
        } snapshot;
        struct bank_risk risk;
        struct bank_consent consent;
        struct {
            struct bank_exposure exposure;
            struct import_slice campaign;
        } exposure;
        struct {
            uint32_t first, count; /* in the block's values */
        } table;
    } as;
};

struct import_value {
    const char *column; /* static */
    struct import_slice text;
};

enum {
    IMPORT_BLOCK_ROWS = 2048,
    IMPORT_BLOCK_TEXT = 1 << 18,      /* a block is full past this */
    IMPORT_BLOCK_TEXT_MAX = 1 << 24,  /* one more row always fits */
    IMPORT_BLOCK_VALUES_MAX = 1 << 20 /* of table rows */
};

struct import_block {
    size_t task;
    struct import_row rows[IMPORT_BLOCK_ROWS];
    size_t count;
    struct lx_buffer text;
    struct import_value *values; /* owned */
    size_t value_count, value_capacity;
    uint64_t bytes;                 /* of the new files, read so far */
    struct import_products covered; /* by a wide section's columns */
    bool is_last_of_file;
};

static inline const char *import_text(const struct import_block *block, struct import_slice slice)
{
    return block->text.bytes + slice.offset;
}

#endif
