#ifndef BANK_BANK_H
#define BANK_BANK_H

/*
 * bank: the system of record in one data directory: who the customers are and what happened.
 *
 * DIR/lingxi.ini         configuration (store, utc_offset_minutes, ...)
 * DIR/bank.db            the store (SQLite), or what `store =` names
 * DIR/catalogue.ini      copied there by init, then the bank's own
 * DIR/owner.lock, DIR/journal/, DIR/snapshot/, DIR/models/, DIR/rejects/   of other folders
 *
 * Customers are numbered densely 0 .. count-1 in the order of their first appearance.
 * Invariants: what is read is what some finished batch left; a batch in progress is invisible.
 * Errors:     LX_ERR_NOT_FOUND (no bank in DIR: run `lingxi init`), store's, LX_ERR_CORRUPT.
 * Threads:    a bank belongs to one thread; open one for each (they are cheap), or use
 *             bank_scan with several threads, which does that.
 */

#include "bank/catalogue.h"
#include "bank/types.h"
#include "base/arena.h"
#include "store/store.h"

struct bank;

/* Creates DIR with its files; LX_ERR_REFUSED if there is a bank already. `data_files` are the
 * shipped ones. `store_url` NULL for SQLite in DIR. */
struct bank_file {
    const char *name, *bytes;
    size_t length;
};
LX_MUST_USE enum lx_err bank_create(const char *folder, const char *store_url,
                                    const struct bank_file *data_files, size_t data_file_count,
                                    struct lx_error *err);

LX_MUST_USE enum lx_err bank_open(const char *folder, enum store_mode mode, struct bank **ret_bank,
                                  struct lx_error *err);
void bank_close(struct bank *bank);

const char *bank_folder(const struct bank *bank);
const struct bank_catalogue *bank_catalogue(const struct bank *bank);
int bank_utc_offset_minutes(const struct bank *bank);
struct store *bank_store(struct bank *bank); /* borrowed; for ingest's writing */

LX_MUST_USE enum lx_err bank_customer_count(struct bank *bank, int64_t *ret_count,
                                            struct lx_error *err);
/* The newest moment that any fact has been known since: data is complete up to here. */
LX_MUST_USE enum lx_err bank_newest_known_ms(struct bank *bank, int64_t *ret_at_ms,
                                             struct lx_error *err);

/* LX_ERR_NOT_FOUND with the id in the message. Ids are compared byte by byte. */
LX_MUST_USE enum lx_err bank_customer_find(struct bank *bank, const char *id, int64_t *ret_customer,
                                           struct lx_error *err);
LX_MUST_USE enum lx_err bank_customer_id(struct bank *bank, int64_t customer,
                                         char ret_id[LX_ID_MAX + 1], struct lx_error *err);

/* His name as the bank has it, copied into the arena; NULL where there is none. Whoever shows it
 * masks it first (view/portrait.h). */
LX_MUST_USE enum lx_err bank_customer_name(struct bank *bank, int64_t customer,
                                           struct lx_arena *arena, const char **ret_name,
                                           struct lx_error *err);

/* The history of one customer; its lists live in the arena. */
LX_MUST_USE enum lx_err bank_history_read(struct bank *bank, int64_t customer,
                                          struct lx_arena *arena, struct bank_history *ret_history,
                                          struct lx_error *err);

/*
 * One ordered pass over the customers [first, last): `visit` gets each history once, in order of
 * customer; it is valid during the call only. A visit that returns an error ends the pass.
 */
LX_MUST_USE enum lx_err bank_scan(struct bank *bank, int64_t first, int64_t last,
                                  enum lx_err (*visit)(void *context,
                                                       const struct bank_history *history,
                                                       struct lx_error *err),
                                  void *context, struct lx_error *err);

/* The bank's own code lists (branches, occupations, ...): number <-> text, numbers from 0. */
#define BANK_LIST_MAP(X)                                                                           \
    X(BRANCH, 1, "branch")                                                                         \
    X(OCCUPATION, 2, "occupation")                                                                 \
    X(EDUCATION, 3, "education")                                                                   \
    X(MARITAL, 4, "marital")                                                                       \
    X(CAMPAIGN, 5, "campaign")

enum bank_list {
#define X(name, number, text) BANK_LIST_##name = (number),
    BANK_LIST_MAP(X)
#undef X
};
LX_MUST_USE enum lx_err bank_list_count(struct bank *bank, enum bank_list list, int *ret_count,
                                        struct lx_error *err);
/* The text of a number; "" for -1. Borrowed until bank_close. */
LX_MUST_USE enum lx_err bank_list_text(struct bank *bank, enum bank_list list, int number,
                                       const char **ret_text, struct lx_error *err);

#endif
