#ifndef VIEW_PROGRAM_H
#define VIEW_PROGRAM_H

/*
 * program: all windows of a set of expressions, made once, counted in one ordered pass over a
 * customer's past as of a moment. Private to view.
 *
 * Equal windows are one, whichever expression they stand in. A row of the past can change those
 * whose condition it satisfies and whose span holds its day: a bit a window, in one table by each
 * of three enumerations of the row (kind, channel, merchant of an event) and in one by span; what
 * is in all of them is updated. Conditions that read something else of the row (`amount > 0`) are
 * evaluated at most once a row, whatever the number of windows that stand on them. A condition
 * `product = this.product` makes a window keyed: one tally a product, all in the same pass. Windows
 * that read more of the outer row are evaluated by themselves (window_plain.c). A field that holds
 * until the next row (`balance`) is counted by runs of days.
 *
 * Facts that had not happened or were not known as of the moment are passed over, and so are offers
 * to a control group. A condition that cannot be computed does not hold.
 * Threads: a program is read-only once made; a run belongs to one thread.
 */

#include "expr/tree.h"
#include "view/schema.h"

enum { PROGRAM_DIMENSIONS = 3, PROGRAM_VALUES_MAX = 32, PROGRAM_PREDICATES_MAX = 64 };

/* What a window has seen. All zero: nothing. */
struct tally {
    int64_t number; /* count, sum, value, day; bits of a double where the argument is REAL */
    int64_t seen;   /* rows or days; -1: past the range of a number */
};

/* Least squares of values against days. */
__extension__ typedef __int128 i128;
struct slope {
    i128 y, xy;
    double real_y, real_xy; /* where the argument is REAL */
    int64_t n, x, xx;
};

/* How the argument of a window is had from a row. */
enum argument {
    ARGUMENT_NONE,
    ARGUMENT_AMOUNT, /* events */
    ARGUMENT_ABS_AMOUNT,
    ARGUMENT_QUANTITY,
    ARGUMENT_DAY,
    ARGUMENT_PRODUCT,
    ARGUMENT_NODE /* evaluated */
};

struct window {
    const struct expr *expr; /* the first that has it */
    const struct expr_window *window;
    enum argument argument;
    uint16_t span;
    bool is_plain, is_keyed, is_state;
    uint64_t predicates;      /* bits of those that must hold */
    size_t tally;             /* place among the tallies, or among those of a product */
    size_t words, word_count; /* DISTINCT and TOP of enumerations: bits, counts */
    size_t slope;
    size_t group; /* of states */
};

struct predicate {
    const struct expr *expr;
    const struct expr_node *node;
    /* field OP constant, of an integer field of events; else the node is evaluated. */
    bool is_simple;
    enum expr_op op;
    uint8_t field;
    int64_t constant;
};

/* A value that holds until the next row, and the windows over it. */
struct state_group {
    const struct expr *expr;
    const struct expr_node *argument, *where;
};

struct span {
    int32_t over, before;
    bool is_over_months, is_before_months;
};

/* The windows over one relation; bits are windows of the program. */
struct stream {
    size_t window_count;                    /* 0: nothing to pass over */
    uint64_t *by_value[PROGRAM_DIMENSIONS]; /* [value][words]; value 0: NULL */
    struct predicate *predicates;
    size_t predicate_count;
};

struct program {
    const struct view_schema *schema;
    struct window *windows;
    size_t window_count, window_capacity, words; /* words of 64 windows */
    struct span *spans;
    size_t span_count;
    struct state_group *groups;
    size_t group_count;
    struct stream streams[VIEW_RELATION_COUNT];
    size_t tally_count, keyed_count, slope_count, word_count;
    struct lx_arena arena;
};

/* An expression's windows, as places in the program. */
struct program_source {
    const struct expr *expr;
    uint16_t *ret_places; /* expr_window_count */
};

LX_MUST_USE enum lx_err program_make(const struct view_schema *schema,
                                     const struct program_source *sources, size_t count,
                                     struct program *ret_program, struct lx_error *err);
void program_release(struct program *program);

/* Whether two windows count the same, whichever expressions they stand in. */
bool program_is_same_window(const struct expr_window *a, const struct expr_window *b);

/* As of a day: the windows that are active between the ends of spans. Made once for each of the
 * days last asked for, since training goes from month to month with each customer. */
enum { RUN_DAYS = 32 };
struct day_table {
    int32_t day;
    bool is_made;
    int32_t *first_days, *last_days; /* by span */
    int32_t *starts;
    uint64_t *active; /* [segment][words] */
    size_t segment_count;
};

/* A customer's past, counted. */
struct run {
    const struct program *program;
    const struct bank_catalogue *catalogue;
    struct tally *tallies, *keyed; /* keyed: [product][keyed_count] */
    struct slope *slopes;
    uint64_t *words;
    bool *is_touched; /* by product */
    struct state *states;
    struct day_table days[RUN_DAYS];
    const struct day_table *day; /* of the pass */
    size_t next_day;
    struct view_holding *holdings;
    size_t holding_count;
    const struct bank_history *history;
    bool is_plain;                /* every window by itself, for who compares */
    bool is_late;                 /* rows that are added may be older than those counted */
    uint64_t *updates;            /* by window: how many rows or runs of days it took; or NULL */
    struct view_reading *reading; /* of the row that a predicate looks at */
    int64_t *values;              /* of a plain distinct() */
    size_t value_capacity;
    struct lx_arena arena;
};

struct state {
    int64_t value;
    double real;
    int32_t since_day;
    bool is_known;
};

LX_MUST_USE enum lx_err run_open(const struct program *program,
                                 const struct bank_catalogue *catalogue, struct run *ret_run,
                                 struct lx_error *err);
void run_release(struct run *run);

/* Counts everything. `reading` stays borrowed until the next call. */
void run_pass(struct run *run, const struct bank_history *history, struct view_reading *reading);

/* The same with today's end still open: values that hold until the next row are counted up to
 * yesterday, so that rows of today can be added. run_close ends the day; values are there then. */
void run_pass_open(struct run *run, const struct bank_history *history,
                   struct view_reading *reading);
/* Nothing counted yet, as of the reading's day: for tallies that come from elsewhere. */
void run_begin(struct run *run, struct view_reading *reading);
/* One more event, known and of today or earlier. One that is not the newest needs run->is_late, and
 * may have no value that holds until the next row; LAST and DISTINCT of days do not take it. */
void run_add_event(struct run *run, const struct bank_event *event);
void run_close(struct run *run);

/* Sets the bits of the windows that the event may change as of the reading's day. */
void run_touch(struct run *run, const struct bank_event *event, uint64_t *touched);

/* The window's value, of the product that the reading is turned to. LX_ERR_OVERFLOW,
 * LX_ERR_NO_MEMORY. */
LX_MUST_USE enum lx_err run_value(struct run *run, size_t place, struct expr_value *ret_value,
                                  struct lx_error *err);

/* --- One window by itself (window_plain.c) ---------------------------------------------------- */

/* What the engine and the plain way share: a row or a number of days with a value. */
void tally_add(const struct expr_window *window, struct tally *tally, struct expr_value value,
               int32_t day, int64_t days);
void slope_add(const struct expr_window *window, struct slope *slope, struct expr_value value,
               int32_t first_day, int64_t days);
LX_MUST_USE enum lx_err tally_value(const struct expr_window *window, const struct tally *tally,
                                    const struct slope *slope, int32_t today,
                                    struct expr_value *ret_value, struct lx_error *err);

/* Looks at every row of the relation by itself: for windows that read the outer row, and for tests
 * and benchmarks to compare with. `outer` is turned to the product. */
LX_MUST_USE enum lx_err window_plain(struct run *run, const struct expr *expr,
                                     const struct expr_window *window, struct expr_value *ret_value,
                                     struct lx_error *err);

/* The holdings as of the reading's moment, the longest held first. */
size_t holdings_of(const struct bank_history *history, const struct view_reading *reading,
                   struct view_holding *ret_holdings);

#endif
