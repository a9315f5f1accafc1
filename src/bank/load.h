#ifndef BANK_LOAD_H
#define BANK_LOAD_H

/*
 * load: one batch into the bank, all or nothing.
 *
 * begin -> put ... -> commit or abort. Into a bank that has no batch yet the rows go to a new store
 * file beside the old one, which is renamed over it at commit; into a bank that has some they go
 * into one transaction. Either way nobody sees a part. Facts may come in any order: they are
 * gathered, sorted by customer and moment (on disk where they are too many for
 * `memory_bytes`) and appended in the order of the table, which is what makes it fast.
 *
 * A fact about a customer that neither the bank nor the batch knows is an outcome
 * (BANK_PUT_UNKNOWN_CUSTOMER): the row is the importer's to reject.
 * A correction or deletion may come before its event in a batch, so that its event is missing is
 * seen only once all is written: bank_load_settle tells of those.
 * Holdings are derived from open and close events as corrected when the batch commits.
 * Ranges (a kind, a product's number, a level of 1 to 5 ...) are the caller's to keep; one that is
 * not kept is a bug.
 * Errors: store's; LX_ERR_BUSY while another load runs or, for the first one, while somebody has
 *         the bank open; after an error only bank_load_abort is allowed. Threads: one at a time.
 */

#include "bank/bank.h"
#include "base/env.h"

struct bank_load;

/* In order of precedence. */
#define BANK_PUT_MAP(X)                                                                            \
    X(DONE, "done")                                                                                \
    X(UNKNOWN_CUSTOMER, "no such customer in the bank or in this batch")                           \
    X(DUPLICATE, "the same row is there already")                                                  \
    X(KNOWN_BEFORE_IT_HAPPENED, "known_at lies before at")                                         \
    X(BAD_VALUE, "a value does not have its form")

enum bank_put {
#define X(name, text) BANK_PUT_##name,
    BANK_PUT_MAP(X)
#undef X
};
const char *bank_put_text(enum bank_put outcome);
/* What exactly was wrong with the last row that was BAD_VALUE: `opened_day "2026-13-01": ...`.
 * Valid until the next put. */
const char *bank_load_refusal(const struct bank_load *load);

struct bank_batch {
    const char *source; /* what the user named */
    const char *mapping;
    int64_t now_ms;
    size_t memory_bytes; /* 0: 512 MiB */
    int thread_count;
};

LX_MUST_USE enum lx_err bank_load_begin(const char *folder, const struct bank_batch *batch,
                                        struct bank_load **ret_load, struct lx_error *err);

/* A file of the batch, by content: true if some finished batch has had the same bytes. */
LX_MUST_USE enum lx_err bank_load_file(struct bank_load *load, const char *name,
                                       const uint8_t sha256[32], uint64_t size_bytes,
                                       bool *ret_is_known, struct lx_error *err);

const struct bank_catalogue *bank_load_catalogue(const struct bank_load *load);
int bank_load_utc_offset_minutes(const struct bank_load *load);

/*
 * Adds a product that a mapping brings along (foreign data sets have their own), before any fact
 * that names it is put. It gets the next free number, so that the numbers already in events and
 * models stay; a product of that code which the bank has is left as the bank has it. Both table
 * `product` and what bank_catalogue shows after the commit contain it; an aborted batch leaves no
 * trace of it. bank_load_catalogue must be asked for anew afterwards.
 * Errors: LX_ERR_LIMIT past LX_PRODUCT_MAX.
 */
LX_MUST_USE enum lx_err bank_load_product(struct bank_load *load,
                                          const struct bank_product *product, int *ret_number,
                                          struct lx_error *err);

/* Number of a text in one of the bank's code lists, added if new. */
LX_MUST_USE enum lx_err bank_load_list(struct bank_load *load, enum bank_list list,
                                       const char *text, size_t length, int *ret_number,
                                       struct lx_error *err);

/* The customer's number, -1 if he is unknown. bank_put_customer adds him if he is. */
int64_t bank_load_customer(const struct bank_load *load, const char *id, size_t length);

/* Every put counts a row as loaded where the outcome is DONE; what turns out to be a duplicate of a
 * row in the bank only at commit is taken off again. `name` and `profile` may be NULL. */
LX_MUST_USE enum lx_err bank_put_customer(struct bank_load *load, const char *id, size_t id_length,
                                          const char *name, size_t name_length,
                                          const struct bank_profile *profile,
                                          enum bank_put *ret_outcome, struct lx_error *err);
LX_MUST_USE enum lx_err bank_put_event(struct bank_load *load, int64_t customer,
                                       const struct bank_event *event, enum bank_put *ret_outcome,
                                       struct lx_error *err);
/* A change known at 1970 or before is BAD_VALUE; the event's sequence is never AUTO. */
LX_MUST_USE enum lx_err bank_put_change(struct bank_load *load, int64_t customer,
                                        const struct bank_change *change,
                                        enum bank_put *ret_outcome, struct lx_error *err);
LX_MUST_USE enum lx_err bank_put_risk(struct bank_load *load, int64_t customer,
                                      const struct bank_risk *risk, enum bank_put *ret_outcome,
                                      struct lx_error *err);
LX_MUST_USE enum lx_err bank_put_exposure(struct bank_load *load, int64_t customer,
                                          const struct bank_exposure *exposure,
                                          enum bank_put *ret_outcome, struct lx_error *err);
LX_MUST_USE enum lx_err bank_put_consent(struct bank_load *load, int64_t customer,
                                         const struct bank_consent *consent,
                                         enum bank_put *ret_outcome, struct lx_error *err);

/*
 * Entities that are few: a row of named texts straight into one of these tables. A row whose key
 * (before the bar) is there already changes it, or is a DUPLICATE if it says nothing new; a value
 * that is not given leaves the stored one.
 *
 *   institution     code | name
 *   branch          code | name institution parent region opened_day closed_day
 *   staff           code | name role branch joined_day left_day
 *   placement       code | name channel
 *   campaign        code | name product channel starts_ms ends_ms control_ppm random_ppm
 *   account         customer code | product branch opened_day closed_day
 *   assignment      customer at_ms staff | until_ms
 *   do_not_contact  customer at_ms channel | until_ms until_known_at_ms reason
 *   complaint       customer at_ms code | subject product closed_at_ms closed_known_at_ms
 *   label           customer name at_ms | layer value until_ms source
 *   legal_hold      customer at_ms | until_ms reason
 *   task            code | customer staff kind due_ms note done_at_ms outcome
 *   experiment      code | name hypothesis metric starts_ms ends_ms seed
 *   experiment_arm  experiment arm | share_ppm is_control       (without at_ms and known_at_ms)
 *   product_terms   product at_ms known_at_ms | minimum_fen rate_ppm term_days
 *
 * do_not_contact and complaint are facts that go on until their end: they stay known since they
 * first were, and the end (until_ms, closed_at_ms) is known since ..._known_at_ms, by default since
 * the row that brought it. A complaint's end that is known before it came is
 * BANK_PUT_KNOWN_BEFORE_IT_HAPPENED.
 *
 * In each at_ms and known_at_ms: without the second, known since the batch's `now_ms`; without
 * the first, since it is known. Forms: ..._ms is `YYYY-MM-DD HH:MM:SS` or `YYYY-MM-DD` in the
 * bank's time, or a count of milliseconds; ..._day `YYYY-MM-DD`; customer his id, staff, product,
 * branch, institution and experiment their codes; channel its text (`mobile`), for do_not_contact
 * also `all`. LX_ERR_USAGE for a table or a column that is not there.
 */
struct bank_value {
    const char *column;
    const char *text; /* NULL: no value */
    size_t length;
};
LX_MUST_USE enum lx_err bank_put_row(struct bank_load *load, const char *table,
                                     const struct bank_value *values, size_t count,
                                     enum bank_put *ret_outcome, struct lx_error *err);

/*
 * Writes what was put, invisible still, and gives each change whose event neither the bank nor the
 * batch has to `reject`, with its origin and line; it is left out. The caller may then commit or
 * abort; nothing more can be put. A commit without it does the same, but such a change fails it
 * (LX_ERR_REFUSED). The same change again, and one that says what the version before it says, are
 * duplicates.
 */
struct bank_orphans {
    void *context;
    enum lx_err (*reject)(void *context, uint32_t origin, uint64_t line, struct lx_error *err);
};
LX_MUST_USE enum lx_err bank_load_settle(struct bank_load *load, const struct lx_env *env,
                                         const struct bank_orphans *orphans, struct lx_error *err);

struct bank_load_result {
    int64_t batch; /* number, from 1 */
    uint64_t rows_loaded, duplicates;
};
/* Makes it visible and durable. */
LX_MUST_USE enum lx_err bank_load_commit(struct bank_load *load, const struct lx_env *env,
                                         struct bank_load_result *ret_result, struct lx_error *err);
void bank_load_abort(struct bank_load *load); /* leaves no trace; also after commit, to free */

#endif
