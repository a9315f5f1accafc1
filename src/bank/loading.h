#ifndef BANK_LOADING_H
#define BANK_LOADING_H

/* loading: the state of a load that load.c, commit.c and rows.c share; nobody else includes it. */

#include "bank/internal.h"
#include "bank/load.h"
#include "bank/sorter.h"

enum {
    ROW_TABLES_MAX = 16,
    ROW_COLUMNS_MAX = 14,
    REFUSAL_MAX = 256,
};

/* What is put, in the form in which it is sorted. Padding is zero, so that equal facts have equal
 * bytes behind the key. */
struct packed_profile {
    struct sorter_key key;
    struct bank_profile fact;
};
struct packed_risk {
    struct sorter_key key;
    struct bank_risk fact;
};
struct packed_exposure {
    struct sorter_key key;
    struct bank_exposure fact;
};
struct packed_consent {
    struct sorter_key key;
    struct bank_consent fact;
};
/* Events are many, so they are packed: 48 bytes each. */
struct packed_event {
    struct sorter_key key;
    int64_t known_at_ms, amount_fen, balance_fen;
    int32_t quantity;
    uint32_t codes; /* from the lowest bit: product + 1 in 16, kind in 6, channel in 5, merchant */
};
_Static_assert(sizeof(struct packed_event) == 48, "no padding");
/* The event named by the key, as it really was. */
struct packed_change {
    struct sorter_key key;
    int64_t known_at_ms, amount_fen, balance_fen;
    uint64_t line;
    int32_t quantity;
    uint32_t codes; /* as above */
    uint32_t origin, is_deleted;
};
_Static_assert(sizeof(struct packed_change) == 64, "no padding");
_Static_assert(BANK_EVENT_KIND_END <= 64 && BANK_CHANNEL_END <= 32 && BANK_MERCHANT_END <= 32,
               "they fit into their bits");

/* Rows that other rows name by their code. */
enum reference { REFERENCE_STAFF, REFERENCE_INSTITUTION, REFERENCE_EXPERIMENT, REFERENCE_COUNT };

struct loaded_file {
    char *name;
    char sha256[65];
    uint64_t size_bytes;
};

/* A name that was given for a customer: of a new one the first, else one that may differ. */
struct given_name {
    uint32_t customer, length;
    uint64_t offset;
};

struct bank_load {
    struct bank *bank;    /* holds the write lock of the store from begin to the end */
    struct bank *before;  /* the bank as it was, for looking up; NULL in the first load */
    struct store *target; /* where rows go: the bank's store, or a new one in the first load */
    char loading_path[LX_PATH_MAX];
    bool is_first, is_settled, is_committed;

    char *source, *mapping;
    int64_t now_ms, number;
    size_t memory_bytes;
    int thread_count;

    struct lx_dictionary customers; /* ids */
    size_t customers_before;        /* those of the bank, which come first */
    struct lx_dictionary lists[BANK_LIST_END];
    size_t lists_before[BANK_LIST_END];
    struct given_name *names;
    size_t name_count, name_capacity;
    char *name_bytes;
    size_t name_length, name_bytes_capacity;

    struct sorter sorters[BANK_FACT_SORTED_COUNT];
    struct sorter changes; /* of events */
    struct loaded_file *files;
    size_t file_count, file_capacity;
    struct store_statement *find_file;
    struct store_statement *rows[ROW_TABLES_MAX];     /* of rows.c, prepared when first used */
    struct lx_dictionary references[REFERENCE_COUNT]; /* codes that have a row by now */
    char refusal[REFUSAL_MAX];

    uint64_t rows_loaded, duplicates;
    int64_t max_known_at_ms;
};

/* Notes that a row went in, known since then; BANK_UNKNOWN_MS for one that says nothing of how far
 * the data reach. */
void bank_load_count(struct bank_load *load, int64_t known_at_ms);

/* Copies a fact (not an event) so that equal facts have equal bytes. */
void bank_pack_fact(enum bank_fact fact, const void *from, void *to);

/* In history.c: the facts of one customer at one moment, as structs of bank/types.h; borrowed until
 * the next call. */
enum lx_err bank_facts_at(struct bank *bank, enum bank_fact fact, int64_t customer, int64_t at_ms,
                          const void **ret_rows, size_t *ret_count, struct lx_error *err);

/* In commit.c: everything gathered into the target, whose transaction is left open. */
enum lx_err bank_load_write(struct bank_load *load, const struct lx_env *env,
                            const struct bank_orphans *orphans, struct lx_error *err);

/* In commit_facts.c, commit_events.c and commit_changes.c: its parts. */
enum lx_err bank_commit_facts(struct bank_load *load, struct lx_error *err);
enum lx_err bank_commit_first_events(struct bank_load *load, const struct lx_env *env,
                                     struct lx_error *err);
enum lx_err bank_commit_more_events(struct bank_load *load, const struct lx_env *env,
                                    struct lx_error *err);

/* After the events. */
enum lx_err bank_commit_changes(struct bank_load *load, const struct bank_orphans *orphans,
                                struct lx_error *err);

/* kind, product, at_ms, known_at_ms of customer $1's openings and closings as now known. */
extern const char bank_holding_events_sql[];

/* In rows.c. */
void bank_load_release_rows(struct bank_load *load);

/* A value of a row that goes into the store. */
static inline void bank_set_int(struct store_value *value, int64_t integer)
{
    value->type = STORE_INT;
    value->as.integer = integer;
}

/* A null where the value is the one that means "not known". */
static inline void bank_set_known(struct store_value *value, int64_t integer, int64_t unknown)
{
    bank_set_int(value, integer);
    if (integer == unknown) value->type = STORE_NULL;
}

static inline void bank_set_text(struct store_value *value, const char *text, size_t length)
{
    value->type = STORE_TEXT;
    value->as.bytes = text;
    value->length = (uint32_t)length;
}

#endif
