#ifndef DECIDE_LIVE_H
#define DECIDE_LIVE_H

/*
 * live: what was decided and answered, in memory, for many threads that read without a lock and one
 * that writes. It is the overlay (overlay.h) of a server.
 *
 * Each customer has a chain of entries, newest first; its head is one word, published when the
 * entry behind it is whole. An entry never changes and never goes away before close, so a reader
 * that has taken a head sees that customer as he was at one moment, however long it takes. The head
 * is also the customer's version: a change says which version it was made from, and is refused if
 * another came first, so that two answers at once cannot both rest on the same state.
 *
 *   loaded   answers, and offers that rules may still count, from the tables up to a position
 *   added    each record since, by live_commit: journal, one sync for all, then the entries
 *
 * Invariants: an entry is reachable only once its record is on disk for good; entries of a customer
 *             are in the order of the journal.
 * Memory:     four bytes a customer; about 100 bytes a decision and 50 an answer, in blocks of 4 MB
 *             up to LIVE_BYTES_MAX; then commits are LX_ERR_BUSY until the server starts anew.
 * Ownership:  the journal is borrowed until live_close.
 * Threads:    live_commit from one thread; everything that reads from any.
 */

#include "decide/overlay.h"

#define LIVE_BYTES_MAX ((size_t)2 << 30)

struct live;

enum { LIVE_NAME_MAX = 63 };

/*
 * `bank` holds what stands before `position`, the journal's end; `customers_max` is how many
 * customers there may ever be before a restart.
 */
LX_MUST_USE enum lx_err live_open(struct bank *bank, struct journal *journal, uint64_t position,
                                  int64_t customers_max, int64_t now_ms, struct live **ret_live,
                                  struct lx_error *err);
void live_close(struct live *live); /* NULL is fine */

uint64_t live_first_position(const struct live *live);  /* what stands before is in the tables */
uint64_t live_synced_position(const struct live *live); /* on disk for good */
int64_t live_customers_max(const struct live *live);
size_t live_bytes(const struct live *live);

/* One record that is to be written, and what it changes. */
struct live_change {
    const void *bytes; /* of the record */
    size_t length;
    int64_t customer; /* -1: of no customer */
    uint32_t version; /* of the customer, that it was made from */
    const uint64_t *cells;
    size_t cell_count;
    char placement[LIVE_NAME_MAX + 1]; /* of the decision in it */
    char segment[LIVE_NAME_MAX + 1];   /* of the answer in it */
    /* Set by live_commit. */
    enum lx_err code;  /* LX_OK: it is on disk for good and seen by every reader from here on */
    bool is_overtaken; /* the customer has another version by now: decide again. Not recorded. */
};

/* Writes all of them with one sync; each one's result is in its place. */
void live_commit(struct live *live, struct live_change *const *changes, size_t count,
                 struct lx_error *err);

/* What a reader holds on to: a customer's version. */
uint32_t live_version(const struct live *live, int64_t customer);

struct live_found {
    uint64_t position;
    int64_t customer;
    struct journal_place place;
    uint8_t parent[RECORD_ID_BYTES];
};
/* A decision recorded since the start. */
bool live_find(const struct live *live, const uint8_t id[RECORD_ID_BYTES],
               struct live_found *ret_found);
/* The newest round that followed a decision, of a customer at a version. */
bool live_next(const struct live *live, uint32_t version, const uint8_t parent[RECORD_ID_BYTES],
               uint8_t ret_id[RECORD_ID_BYTES]);
/* Whether an answer since the start has closed or opened the round; *ret_is_known false: none. */
bool live_is_final(const struct live *live, uint32_t version, uint64_t decision,
                   bool *ret_is_known);
/* As overlay_answers and overlay_offers, at a version. */
LX_MUST_USE enum lx_err live_answers(const struct live *live, uint32_t version,
                                     struct lx_arena *arena, struct overlay_answer **ret_answers,
                                     size_t *ret_count);
LX_MUST_USE enum lx_err live_offers(const struct live *live, uint32_t version, int64_t since_ms,
                                    struct lx_arena *arena, struct overlay_offer **ret_offers,
                                    size_t *ret_count);

/* The answers recorded since the start in the order of the journal, for who counts them
 * (posteriors.h). *cursor is 0 before the first; false: no more yet. `given` has room for
 * LX_PRODUCT_MAX. */
struct live_told {
    uint64_t position;
    int64_t answered_ms;
    const char *segment; /* live's */
    size_t given_count;
};
bool live_next_answer(const struct live *live, uint32_t *cursor, struct live_told *ret_told,
                      struct record_given *given);

/* What a decision or an answer changes, as cells; `cells` has room for LIVE_CELLS_MAX. */
enum { LIVE_CELLS_MAX = 1024 };
size_t live_cells_of_decision(const struct record_decision *decision, uint64_t *cells);
size_t live_cells_of_answer(const struct record_answer *answer, uint64_t *cells);

#endif
