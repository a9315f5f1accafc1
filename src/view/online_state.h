#ifndef VIEW_ONLINE_STATE_H
#define VIEW_ONLINE_STATE_H

/* online_state: records, arrivals and readers from inside. Private to view. */

#include "view/online_plan.h"

enum arrival_kind {
    ARRIVAL_NEW,
    ARRIVAL_CHANGE, /* a version that replaces the one before it */
    ARRIVAL_DELETION,
    ARRIVAL_REPLACED /* what an ARRIVAL_CHANGE or _DELETION took the place of: for what it
 * touches */
};

struct arrival {
    struct bank_event event;
    uint32_t next; /* from 1; 0: the last of its customer */
    uint32_t kind;
};

_Static_assert(sizeof(struct arrival) == VIEW_ONLINE_ARRIVAL_BYTES, "as the header says");

struct view_online {
    const char *folder; /* owned */
    const struct view_snapshot *snapshot;
    const struct view_features *features;
    struct view_online_options options;
    struct online_plan plan;
    int64_t customers, as_of_ms, day_start_ms;
    int32_t day;
    int64_t from_ms, until_ms; /* while the catalogue offers the same */
    uint8_t *records;
    struct arrival *arrivals;
    uint32_t arrival_count;
    bool *has_plain[2];       /* by scope and feature: some window is counted by itself */
    bool *reads_assets;       /* by customer feature */
    bool *reads_profile;      /* by customer feature */
    bool pair_reads_customer; /* some kept pair feature reads more than windows and product */
};

struct view_online_reader {
    struct bank *bank;
    struct view_context context;
    struct lx_arena arena;
    float values[LX_FEATURES_MAX];
    bool is_touched[LX_FEATURES_MAX], is_needed[LX_FEATURES_MAX];
    uint64_t *touched, *needed; /* bits by window, of either scope */
    float *pairs;
};

static inline struct online_header *online_header(const struct view_online *online,
                                                  int64_t customer)
{
    return (struct online_header *)(void *)(online->records +
                                            (size_t)customer * online->plan.record_bytes);
}

/* The history with all that has arrived for the customer, in the reader's arena. */
LX_MUST_USE enum lx_err online_add_arrivals(const struct view_online *online,
                                            struct view_online_reader *reader, int64_t customer,
                                            struct bank_history *history, struct lx_error *err);

/* A reading of nobody in particular as of the snapshot: for conditions over rows. */
void online_begin_reading(const struct view_online *online, const struct view_online_reader *reader,
                          const struct view_facts *facts, struct view_reading *ret_reading);

#endif
