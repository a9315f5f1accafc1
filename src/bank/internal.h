#ifndef BANK_INTERNAL_H
#define BANK_INTERNAL_H

/* internal: what the files of this folder share; nobody else includes it. */

#include "bank/bank.h"
#include "base/dictionary.h"

#define BANK_LOADING_SUFFIX ".loading"
#define BANK_SORT_SUFFIX ".sort-"

/* A profile holds their numbers in 16 bits. */
enum { BANK_LIST_END = BANK_LIST_CAMPAIGN + 1, BANK_LIST_MAX = INT16_MAX };

/* A code list as far as it has been read. */
struct bank_texts {
    struct lx_dictionary numbers;
    const char **texts; /* by number; in the bank's arena */
    size_t count, capacity;
};

/* The tables of facts that are gathered into a history. */
enum bank_fact {
    BANK_FACT_PROFILE,
    BANK_FACT_EVENT,
    BANK_FACT_RISK,
    BANK_FACT_EXPOSURE,
    BANK_FACT_CONSENT,
    BANK_FACT_SORTED_COUNT, /* the ones before are gathered in sorters; those from here on are few
                               and go in row by row (rows.c) */
    BANK_FACT_DO_NOT_CONTACT = BANK_FACT_SORTED_COUNT,
    BANK_FACT_COMPLAINT,
    BANK_FACT_COUNT
};

/* One ordered pass over one table of facts. */
struct bank_cursor {
    struct store_statement *statement; /* owned */
    struct store_statement *at;        /* owned: the rows of one customer and moment */
    int64_t customer;                  /* of the row that it stands on; INT64_MAX at the end */
    void *rows;                        /* owned: those of the customer that is being gathered */
    size_t count, capacity;
};

/* A row of event_change. */
struct bank_read_change {
    int64_t customer;
    struct bank_event event; /* the version that it makes; of a deletion only what names it */
    bool is_deleted;
};

/* The events of a block of neighbouring customers: read in one go, which is faster than row by
 * row, and handed out customer by customer. */
struct bank_block {
    struct store_statement *statement; /* owned */
    struct bank_event *events;         /* owned */
    size_t count, capacity;
    size_t *ends; /* owned: where each customer's events end */
    size_t end_count, end_capacity;
    int64_t first, last;                      /* the customers */
    int64_t size;                             /* how many at once */
    struct store_statement *change_statement; /* owned */
    struct bank_read_change *changes;         /* owned */
    size_t change_count, change_capacity;
    struct bank_event *merged; /* owned: the room in which events and their versions are merged */
    size_t merged_capacity;
};

struct bank {
    char folder[LX_PATH_MAX];
    char path[LX_PATH_MAX]; /* of the store's file */
    int utc_offset_minutes;
    struct bank_catalogue catalogue;
    struct store *store;
    struct store_statement *find, *id, *customers;
    struct bank_cursor cursors[BANK_FACT_COUNT]; /* not of events */
    struct bank_block block;
    struct bank_texts lists[BANK_LIST_END];
    struct lx_arena arena; /* the texts of the lists */
};

extern const struct store_migration bank_migrations[];
extern const size_t bank_migration_count;
extern const char *const bank_tables[]; /* all of the model, NULL at the end */

/* Runs a query whose only result is one integer; `null_value` for a null or no row. */
enum lx_err bank_query_int(struct store *store, const char *sql, int64_t null_value,
                           int64_t *ret_value, struct lx_error *err);

/* Adds the texts of a list that the dictionary does not have yet. */
enum lx_err bank_list_read(struct store *store, enum bank_list list,
                           struct lx_dictionary *dictionary, struct lx_error *err);

/* Puts the products in the order of their numbers in the store. Those that only the store has, as
 * a mapping may bring them, are taken from there; those that only the file has follow by code. */
enum lx_err bank_catalogue_align(struct bank_catalogue *catalogue, struct store *store,
                                 struct lx_error *err);

/* Appends a copy. LX_ERR_LIMIT past LX_PRODUCT_MAX. */
enum lx_err bank_catalogue_add(struct bank_catalogue *catalogue, const struct bank_product *product,
                               struct lx_error *err);

/* What the products offered over time, from both tables; the catalogue is aligned. */
enum lx_err bank_catalogue_read_terms(struct bank_catalogue *catalogue, struct store *store,
                                      struct lx_error *err);

/* True if no table of the model has a row. */
enum lx_err bank_is_empty(struct bank *bank, bool *ret_is_empty, struct lx_error *err);

/* What a killed load has left beside the store. The caller holds the store's write lock. */
enum lx_err bank_sweep(const struct bank *bank, struct lx_error *err);

/* An event from the columns of a row from at_ms to quantity; a null is INT64_MIN. */
struct bank_event bank_event_of(const int64_t v[10]);

/* In changes.c: merges the corrections and deletions of a block's customers into its events. */
enum lx_err bank_block_correct(struct bank *bank, struct lx_error *err);
void bank_block_release(struct bank_block *block);

void bank_history_release(struct bank *bank);

#endif
