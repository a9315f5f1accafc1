#ifndef VIEW_ONLINE_PLAN_H
#define VIEW_ONLINE_PLAN_H

/*
 * online_plan: which windows live in a customer's record, where, and in which form. Private to
 * view.
 *
 * A record is a header and then, unaligned, the forms of the windows that live in it. A form is as
 * narrow as almost all customers need; one whose numbers do not fit has no record and is
 * recomputed.
 * Threads: a plan is read-only once made.
 */

#include "view/feature_set.h"
#include "view/online.h"

/* The first bytes of a record; `from` and `until` in milliseconds of the snapshot's bank day. */
struct online_header {
    int64_t newest_ms;    /* of the events counted: a later one is in order */
    uint32_t from, until; /* from == until: no moment */
    uint32_t arrivals;    /* the first, counted from 1; 0: none */
    uint32_t flags;
};
enum { ONLINE_WARM = 1, ONLINE_RECOUNT = 2, ONLINE_LATE = 4, ONLINE_CHANGED = 8 };

enum online_form {
    FORM_NONE,
    FORM_COUNT, /* u16 */
    FORM_DAY,   /* i16; INT16_MIN: none */
    FORM_32,    /* i32; INT32_MIN: none */
    FORM_64,    /* i64; INT64_MIN: none */
    FORM_AVG_32,
    FORM_AVG_64, /* and u16 rows or days */
    FORM_BITS,   /* a bit a value */
    FORM_DAYS,   /* u16 days, and the last as i16 */
    FORM_TOP,    /* u8 a value */
    FORM_SLOPE
};

struct online_slot {
    enum view_online_home home;
    enum online_form form;
    uint16_t width;   /* of one product where the window is keyed */
    uint32_t at;      /* MEMORY: in the record */
    uint16_t feature; /* SNAPSHOT: whose value it is */
    uint32_t reads;
    double updates;
};

struct online_plan {
    const struct view_features *features;
    size_t product_count;
    struct online_slot *slots[2]; /* by scope, by window of its program */
    uint32_t *groups[2];          /* where the value of a group of states stands; 0: nowhere */
    size_t record_bytes;
};

/* `updates[scope]`: rows that a recount looked at, by window, over `sampled` customers. */
LX_MUST_USE enum lx_err online_plan_make(const struct view_features *features, size_t product_count,
                                         size_t record_bytes_max, uint64_t *const updates[2],
                                         size_t sampled, struct online_plan *ret_plan,
                                         struct lx_error *err);
void online_plan_release(struct online_plan *plan);

/* The windows of the run in a record's forms; false where a number does not fit. */
bool online_store(const struct online_plan *plan, enum view_scope scope, const struct run *run,
                  uint8_t *record);
/* And back into a run that was begun. */
void online_load(const struct online_plan *plan, enum view_scope scope, const uint8_t *record,
                 struct run *run);
/* A window of home SNAPSHOT from its feature's value, of the product or BANK_NO_PRODUCT; false
 * where a float cannot tell it exactly. */
bool online_load_feature(const struct online_plan *plan, enum view_scope scope, size_t window,
                         int product, float value, struct run *run);

#endif
