#ifndef VIEW_ONLINE_H
#define VIEW_ONLINE_H

/*
 * online: the features of one customer as of now, with what happened since the snapshot.
 *
 * A snapshot tells everything up to its own moment, and serves the bank day that this moment lies
 * in. What arrives after it is kept here, customer by customer: events, late ones, corrections. An
 * answer is the snapshot's row with the features that the arrivals touch counted anew, and equal to
 * the bit to what the batch gives once the same arrivals are in the bank. Three things can happen
 * to a window that an arrival touches:
 *
 *   snapshot    its value so far is read off a feature of the snapshot (counts, days since)
 *   memory      it lives: its running count, sum, ... of each customer is kept in a record, which
 *               arrivals update
 *   recomputed  the customer's clustered events are read from the bank and counted
 *
 * A budget of memory decides which windows live: of all that could, those for which the rows that a
 * recount would look at (measured over a sample of the bank's customers), times the features that
 * read them, are most for each byte. The choice is a matter of numbers, so it is told
 * (`lingxi features --windows`).
 *
 * Records are exact to the day because they are of one bank day: the snapshot's. Values that hold
 * until the next row (`avg(balance)`) are counted to its eve, and today's end is counted when
 * asked. A record says from when to when within the day it holds: whenever in that time no fact of
 * the bank begins or ceases to be known, to have happened or to be valid. As of any other moment,
 * on another day, after products were opened or loans fell due, and for a customer who is not warm
 * yet, the answer is recomputed; it is the same, and slower. The peers are the snapshot's,
 * whichever the moment.
 *
 * Memory: all of it is taken by view_online_open and is within the budget: a record for each
 * customer and room for so many arrivals. A reader has its own, which does not depend on the number
 * of customers. Afterwards an answer from records allocates nothing; one that is recomputed lets
 * the database allocate, and its reader's arena grow to the largest customer it has met.
 * Ownership: snapshot borrowed, and must be of the bank in `folder`. What has arrived here must not
 *            be imported into that bank until it is closed: a recount would see it twice.
 * Errors:    LX_ERR_LIMIT where the budget has no room for a record without windows and the
 *            arrivals, and for an arrival too many: refresh, and open the new snapshot.
 * Threads:   warm, apply and change belong to one thread at a time; vector to any number, with a
 *            reader each. The caller lets no two of them work on the same customer at once, unless
 *            both are vector.
 */

#include "view/snapshot.h"

/* What an arrival takes of the budget. */
enum { VIEW_ONLINE_ARRIVAL_BYTES = 64 };

struct view_online_options {
    size_t budget_bytes;   /* online.budget_megabytes of lingxi.ini, 300 */
    uint32_t arrivals_max; /* online.arrivals of lingxi.ini, 200,000 */
};

/* From DIR/lingxi.ini, section [online]; LX_ERR_BAD_INPUT with its line. */
LX_MUST_USE enum lx_err view_online_options_read(const char *folder,
                                                 struct view_online_options *ret_options,
                                                 struct lx_error *err);

struct view_online;
LX_MUST_USE enum lx_err view_online_open(const char *folder, const struct view_snapshot *snapshot,
                                         const struct view_online_options *options,
                                         struct view_online **ret_online, struct lx_error *err);
void view_online_close(struct view_online *online); /* NULL is fine */

/* What one thread needs to ask. It opens the bank once more. */
struct view_online_reader;
LX_MUST_USE enum lx_err view_online_reader_open(const struct view_online *online,
                                                struct view_online_reader **ret_reader,
                                                struct lx_error *err);
void view_online_reader_close(struct view_online_reader *reader); /* NULL is fine */

/* Makes the records of the customers [first, last) in one pass over their events. Disjoint ranges
 * may be warmed by several threads at once, as long as nothing arrives. */
LX_MUST_USE enum lx_err view_online_warm(struct view_online *online,
                                         struct view_online_reader *reader, int64_t first,
                                         int64_t last, struct lx_error *err);

/* An event that the bank does not have yet. */
LX_MUST_USE enum lx_err view_online_apply(struct view_online *online,
                                          struct view_online_reader *reader, int64_t customer,
                                          const struct bank_event *event, struct lx_error *err);
/* A correction or deletion of an event of the bank or of one that arrived; of the same event they
 * come in the order in which they became known. LX_ERR_NOT_FOUND: there is no such event. */
LX_MUST_USE enum lx_err view_online_change(struct view_online *online,
                                           struct view_online_reader *reader, int64_t customer,
                                           const struct bank_change *change, struct lx_error *err);

struct view_online_values {
    struct view_facts facts;
    const float *customer, *pairs; /* the reader's, until it is asked again */
    bool is_recomputed;            /* the clustered events were read */
};
LX_MUST_USE enum lx_err view_online_vector(const struct view_online *online,
                                           struct view_online_reader *reader, int64_t customer,
                                           int64_t as_of_ms, struct view_online_values *ret_values,
                                           struct lx_error *err);

/* --- What was chosen ------------------------------------------------------------------------- */

enum view_online_home { VIEW_ONLINE_RECOMPUTED, VIEW_ONLINE_SNAPSHOT, VIEW_ONLINE_MEMORY };
const char *view_online_home_text(enum view_online_home home); /* "recomputed", ... */

struct view_online_window {
    enum view_scope scope;
    enum view_online_home home;
    size_t bytes;   /* of a customer's record */
    uint32_t reads; /* features that read it */
    double updates; /* rows that a recount of a customer looks at for it, in the mean */
};
size_t view_online_window_count(const struct view_online *online);
void view_online_window_at(const struct view_online *online, size_t index,
                           struct view_online_window *ret_window);
/* `count() where kind = 'login' over 30 days`; the length, as snprintf does. */
size_t view_online_window_text(const struct view_online *online, size_t index, char *text,
                               size_t size);

struct view_online_memory {
    size_t budget_bytes, total_bytes; /* taken, of which: */
    size_t record_bytes;              /* a customer's */
    size_t arrivals_bytes;
    int64_t customers;
};
struct view_online_memory view_online_memory(const struct view_online *online);

#endif
