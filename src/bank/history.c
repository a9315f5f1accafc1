#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "bank/loading.h"

enum { BLOCK_EVENTS = 1 << 14, BLOCK_CUSTOMERS_MAX = 1 << 12, BLOCK_CUSTOMERS_FIRST = 64 };

/* How a row of a table of facts becomes a struct. Column 0 is the customer. */
struct fact_reader {
    const char *sql, *at_sql; /* at_sql NULL: never asked for */
    size_t size_bytes;
    void (*read)(struct store_statement *statement, void *row);
};

static uint8_t narrow(int64_t value)
{
    return (uint8_t)value;
}

/* A null is -1 where it is a number in a list, and 0 where it is one of an enumeration. */
static int64_t or_else(int64_t value, int64_t null_value)
{
    return value == INT64_MIN ? null_value : value;
}

static void read_profile(struct store_statement *statement, void *row)
{
    int64_t v[11];
    store_ints(statement, 1, 11, INT64_MIN, v);
    *(struct bank_profile *)row = (struct bank_profile){
        .at_ms = v[0],
        .known_at_ms = v[1],
        .birth_day = (int32_t)or_else(v[2], INT32_MIN),
        .joined_day = (int32_t)or_else(v[3], INT32_MIN),
        .gender = narrow(or_else(v[4], BANK_GENDER_NONE)),
        .has_phone = narrow(or_else(v[5], 2)),
        .branch = (int16_t)or_else(v[6], -1),
        .occupation = (int16_t)or_else(v[7], -1),
        .education = (int16_t)or_else(v[8], -1),
        .marital = (int16_t)or_else(v[9], -1),
        .income_fen = v[10],
    };
}

struct bank_event bank_event_of(const int64_t v[10])
{
    return (struct bank_event){
        .at_ms = v[0],
        .sequence = (uint32_t)v[1],
        .known_at_ms = v[2],
        .kind = narrow(v[3]),
        .product = (int16_t)or_else(v[4], BANK_NO_PRODUCT),
        .channel = narrow(or_else(v[5], BANK_CHANNEL_NONE)),
        .merchant = narrow(or_else(v[6], BANK_MERCHANT_NONE)),
        .amount_fen = v[7],
        .balance_fen = v[8],
        .quantity = (int32_t)v[9],
    };
}

static void read_event(struct store_statement *statement, void *row)
{
    int64_t v[10];
    store_ints(statement, 1, 10, INT64_MIN, v);
    *(struct bank_event *)row = bank_event_of(v);
}

static void read_risk(struct store_statement *statement, void *row)
{
    int64_t v[4];
    store_ints(statement, 1, 4, INT64_MIN, v);
    *(struct bank_risk *)row = (struct bank_risk){
        .at_ms = v[0], .known_at_ms = v[1], .level = narrow(v[2]), .expires_ms = v[3]};
}

static void read_exposure(struct store_statement *statement, void *row)
{
    int64_t v[9];
    store_ints(statement, 1, 9, INT64_MIN, v);
    *(struct bank_exposure *)row = (struct bank_exposure){
        .at_ms = v[0],
        .known_at_ms = v[1],
        .campaign = (int32_t)or_else(v[2], -1),
        .product = (int16_t)or_else(v[3], BANK_NO_PRODUCT),
        .channel = narrow(or_else(v[4], BANK_CHANNEL_NONE)),
        .answer = narrow(or_else(v[5], BANK_ANSWER_NONE)),
        .answer_known_at_ms = v[6],
        .is_random = narrow(v[7]),
        .is_control = narrow(v[8]),
        .show_probability = store_is_null(statement, 10) ? NAN : store_real(statement, 10),
    };
}

static void read_consent(struct store_statement *statement, void *row)
{
    int64_t v[4];
    store_ints(statement, 1, 4, INT64_MIN, v);
    *(struct bank_consent *)row = (struct bank_consent){
        .at_ms = v[0],
        .known_at_ms = v[1],
        .channel = narrow(or_else(v[2], BANK_CHANNEL_NONE)),
        .is_granted = narrow(v[3]),
    };
}

static void read_do_not_contact(struct store_statement *statement, void *row)
{
    int64_t v[5];
    store_ints(statement, 1, 5, INT64_MIN, v);
    *(struct bank_do_not_contact *)row = (struct bank_do_not_contact){
        .at_ms = v[0],
        .known_at_ms = v[1],
        .channel = narrow(v[2]),
        .until_ms = v[3],
        .until_known_at_ms = v[4],
    };
}

static void read_complaint(struct store_statement *statement, void *row)
{
    int64_t v[5];
    store_ints(statement, 1, 5, INT64_MIN, v);
    *(struct bank_complaint *)row = (struct bank_complaint){
        .at_ms = v[0],
        .known_at_ms = v[1],
        .product = (int16_t)or_else(v[2], BANK_NO_PRODUCT),
        .closed_at_ms = v[3],
        .closed_known_at_ms = v[4],
    };
}

#define EVENT_COLUMNS                                                                              \
    "sequence, known_at_ms, kind, product, channel, merchant, amount_fen, balance_fen, quantity"

/* A pass in order, and a look at one moment. */
#define PASS(columns, table, last)                                                                 \
    "SELECT customer, at_ms, " columns " FROM " table " WHERE customer >= $1 AND customer < $2"    \
    " ORDER BY customer, at_ms, " last
#define QUERIES(columns, table)                                                                    \
    PASS(columns, table, "sequence"),                                                              \
        "SELECT customer, at_ms, " columns " FROM " table " WHERE customer = $1 AND at_ms = $2"    \
        " ORDER BY sequence"

static const struct fact_reader readers[BANK_FACT_COUNT] = {
    [BANK_FACT_PROFILE] = {QUERIES("known_at_ms, birth_day, joined_day, gender, has_phone, branch,"
                                   " occupation, education, marital, income_fen",
                                   "customer_profile"),
                           sizeof(struct bank_profile), read_profile},
    [BANK_FACT_EVENT] = {QUERIES(EVENT_COLUMNS, "event"), sizeof(struct bank_event), read_event},
    [BANK_FACT_RISK] = {QUERIES("known_at_ms, level, expires_ms", "risk_assessment"),
                        sizeof(struct bank_risk), read_risk},
    [BANK_FACT_EXPOSURE] = {QUERIES("known_at_ms, campaign, product, channel, answer,"
                                    " answer_known_at_ms, is_random, is_control, show_probability",
                                    "exposure"),
                            sizeof(struct bank_exposure), read_exposure},
    [BANK_FACT_CONSENT] = {QUERIES("known_at_ms, channel, is_granted", "consent"),
                           sizeof(struct bank_consent), read_consent},
    [BANK_FACT_DO_NOT_CONTACT] = {PASS("known_at_ms, channel, until_ms, until_known_at_ms",
                                       "do_not_contact", "channel"),
                                  NULL, sizeof(struct bank_do_not_contact), read_do_not_contact},
    [BANK_FACT_COMPLAINT] = {PASS("known_at_ms, product, closed_at_ms, closed_known_at_ms",
                                  "complaint", "code"),
                             NULL, sizeof(struct bank_complaint), read_complaint},
};

static enum lx_err advance(struct bank_cursor *cursor, struct lx_error *err)
{
    bool has_row = false;
    enum lx_err code = store_step(cursor->statement, &has_row, err);
    if (code != LX_OK) return code;
    cursor->customer = has_row ? store_int(cursor->statement, 0) : INT64_MAX;
    return LX_OK;
}

/* Gathers the rows of one customer; the cursor ends on the next one's first row. */
static enum lx_err gather(struct bank *bank, enum bank_fact fact, int64_t customer,
                          struct lx_error *err)
{
    struct bank_cursor *cursor = &bank->cursors[fact];
    const struct fact_reader *reader = &readers[fact];
    if (cursor->customer < customer)
        return lx_fail(err, LX_ERR_CORRUPT,
                       "%s: facts of customer number %" PRId64 ", who is not there", bank->path,
                       cursor->customer);
    cursor->count = 0;
    while (cursor->customer == customer) {
        enum lx_err code = LX_OK;
        if (cursor->count == cursor->capacity)
            code = lx_grow(&cursor->rows, &cursor->capacity, cursor->count + 1,
                           LX_HISTORY_EVENTS_MAX, reader->size_bytes);
        if (code != LX_OK)
            return lx_fail(err, code, "customer number %" PRId64 ": %zu facts of one kind: %s",
                           customer, cursor->count, lx_err_text(code));
        reader->read(cursor->statement, (char *)cursor->rows + cursor->count * reader->size_bytes);
        cursor->count++;
        code = advance(cursor, err);
        if (code != LX_OK) return code;
    }
    return LX_OK;
}

static enum lx_err too_many(int64_t customer, size_t count, enum lx_err code, struct lx_error *err)
{
    return lx_fail(err, code, "customer number %" PRId64 ": %zu events: %s", customer, count,
                   lx_err_text(code));
}

static size_t block_start(const struct bank_block *block)
{
    return block->end_count == 0 ? 0 : block->ends[block->end_count - 1];
}

/* Every customer before this one has all his events. */
static void close_customers(struct bank_block *block, int64_t customer)
{
    while (block->first + (int64_t)block->end_count < customer)
        block->ends[block->end_count++] = block->count;
}

static bool is_after(const struct bank_event *before, const struct bank_event *event)
{
    if (before->at_ms != event->at_ms) return before->at_ms < event->at_ms;
    return before->sequence < event->sequence;
}

static enum lx_err take_event(void *context, const int64_t *v, struct lx_error *err)
{
    struct bank_block *block = context;
    enum lx_err code = LX_OK;
    if (v[0] < block->first + (int64_t)block->end_count || v[0] >= block->last)
        return lx_fail(err, LX_ERR_CORRUPT, "event: customer number %" PRId64 " out of order",
                       v[0]);
    close_customers(block, v[0]);
    if (block->count == block->capacity)
        code = lx_grow(&block->events, &block->capacity, block->count + 1,
                       LX_MEMORY_MAX / sizeof *block->events, sizeof *block->events);
    size_t own = block->count - block_start(block);
    if (code == LX_OK && own == LX_HISTORY_EVENTS_MAX) code = LX_ERR_LIMIT;
    if (code != LX_OK) return too_many(v[0], own, code, err);
    struct bank_event *event = &block->events[block->count++];
    *event = bank_event_of(v + 1);
    /* The rows have no ORDER BY: they come in the order of the only index there is. */
    if (own > 0 && !is_after(event - 1, event))
        return lx_fail(err, LX_ERR_CORRUPT, "event: customer number %" PRId64 ": out of order",
                       v[0]);
    return LX_OK;
}

/* So many customers at once that a block has some ten thousand events. */
static void adapt(struct bank_block *block)
{
    if (block->count < BLOCK_EVENTS / 2 && block->size < BLOCK_CUSTOMERS_MAX) block->size *= 2;
    if (block->count > BLOCK_EVENTS * 2 && block->size > 1) block->size /= 2;
}

static enum lx_err read_block(struct bank *bank, int64_t first, int64_t last, struct lx_error *err)
{
    struct bank_block *block = &bank->block;
    const struct store_visitor visitor = {block, INT64_MIN, take_event};
    enum lx_err code = LX_OK;
    if (block->statement == NULL)
        code = store_prepare_visit(bank->store, "customer, at_ms, " EVENT_COLUMNS,
                                   "FROM event WHERE customer >= $1 AND customer < $2",
                                   &block->statement, err);
    if (code != LX_OK) return code;
    if (block->size == 0) block->size = BLOCK_CUSTOMERS_FIRST;
    if (last - first > block->size) last = first + block->size;
    block->first = first;
    block->last = last;
    block->count = 0;
    block->end_count = 0;
    code = lx_grow(&block->ends, &block->end_capacity, (size_t)(last - first), BLOCK_CUSTOMERS_MAX,
                   sizeof *block->ends);
    if (code != LX_OK) return lx_fail(err, code, "%s: out of memory", bank->path);
    store_bind_int(block->statement, 1, first);
    store_bind_int(block->statement, 2, last);
    code = store_visit(block->statement, &visitor, err);
    close_customers(block, last);
    if (code == LX_OK) code = bank_block_correct(bank, err);
    if (code == LX_OK) adapt(block);
    return code;
}

static enum lx_err gather_all(struct bank *bank, int64_t customer, int64_t last,
                              struct lx_error *err)
{
    enum lx_err code = LX_OK;
    for (int fact = 0; fact < BANK_FACT_COUNT && code == LX_OK; fact++)
        if (fact != BANK_FACT_EVENT) code = gather(bank, (enum bank_fact)fact, customer, err);
    if (code == LX_OK && customer >= bank->block.last) code = read_block(bank, customer, last, err);
    return code;
}

static void reset_all(struct bank *bank)
{
    for (int fact = 0; fact < BANK_FACT_COUNT; fact++)
        if (bank->cursors[fact].statement != NULL) store_reset(bank->cursors[fact].statement);
    bank->block.last = 0;
    if (bank->customers != NULL) store_reset(bank->customers);
}

static void start(struct store_statement *statement, int64_t first, int64_t last)
{
    store_bind_int(statement, 1, first);
    store_bind_int(statement, 2, last);
}

static enum lx_err start_all(struct bank *bank, int64_t first, int64_t last, struct lx_error *err)
{
    enum lx_err code = LX_OK;
    if (bank->customers == NULL)
        code = store_prepare(bank->store,
                             "SELECT customer, id FROM customer"
                             " WHERE customer >= $1 AND customer < $2 ORDER BY customer",
                             &bank->customers, err);
    if (code == LX_OK) start(bank->customers, first, last);
    for (int fact = 0; fact < BANK_FACT_COUNT && code == LX_OK; fact++) {
        struct bank_cursor *cursor = &bank->cursors[fact];
        if (fact == BANK_FACT_EVENT) continue;
        if (cursor->statement == NULL)
            code = store_prepare(bank->store, readers[fact].sql, &cursor->statement, err);
        if (code == LX_OK) start(cursor->statement, first, last);
        if (code == LX_OK) code = advance(cursor, err);
    }
    return code;
}

static void borrow_gathered(struct bank *bank, struct bank_history *history)
{
    const struct bank_cursor *cursors = bank->cursors;
    const struct bank_block *block = &bank->block;
    size_t place = (size_t)(history->customer - block->first);
    size_t start = place == 0 ? 0 : block->ends[place - 1];
    history->profiles = cursors[BANK_FACT_PROFILE].rows;
    history->profile_count = cursors[BANK_FACT_PROFILE].count;
    history->event_count = block->ends[place] - start;
    history->events = history->event_count == 0 ? NULL : block->events + start;
    history->risks = cursors[BANK_FACT_RISK].rows;
    history->risk_count = cursors[BANK_FACT_RISK].count;
    history->exposures = cursors[BANK_FACT_EXPOSURE].rows;
    history->exposure_count = cursors[BANK_FACT_EXPOSURE].count;
    history->consents = cursors[BANK_FACT_CONSENT].rows;
    history->consent_count = cursors[BANK_FACT_CONSENT].count;
    history->do_not_contacts = cursors[BANK_FACT_DO_NOT_CONTACT].rows;
    history->do_not_contact_count = cursors[BANK_FACT_DO_NOT_CONTACT].count;
    history->complaints = cursors[BANK_FACT_COMPLAINT].rows;
    history->complaint_count = cursors[BANK_FACT_COMPLAINT].count;
}

static enum lx_err visit_all(struct bank *bank, int64_t first, int64_t last,
                             enum lx_err (*visit)(void *context, const struct bank_history *history,
                                                  struct lx_error *err),
                             void *context, struct lx_error *err)
{
    for (int64_t customer = first;; customer++) {
        bool has_row = false;
        enum lx_err code = store_step(bank->customers, &has_row, err);
        if (code != LX_OK || !has_row) return code;
        if (store_int(bank->customers, 0) != customer)
            return lx_fail(err, LX_ERR_CORRUPT, "%s: customer number %" PRId64 " is missing",
                           bank->path, customer);
        code = gather_all(bank, customer, last, err);
        if (code != LX_OK) return code;
        struct bank_history history = {.customer = customer,
                                       .id = store_text(bank->customers, 1, NULL)};
        borrow_gathered(bank, &history);
        code = visit(context, &history, err);
        if (code != LX_OK) return code;
    }
}

enum lx_err bank_scan(struct bank *bank, int64_t first, int64_t last,
                      enum lx_err (*visit)(void *context, const struct bank_history *history,
                                           struct lx_error *err),
                      void *context, struct lx_error *err)
{
    LX_ASSERT(bank != NULL && visit != NULL);
    LX_ASSERT(first >= 0 && first <= last);

    /* All the cursors see one state of the bank. */
    enum lx_err code = store_begin_read(bank->store, err);
    if (code != LX_OK) return code;
    code = start_all(bank, first, last, err);
    if (code == LX_OK) code = visit_all(bank, first, last, visit, context, err);
    reset_all(bank);
    store_rollback(bank->store);
    return code;
}

/* The list in the arena; NULL with code when there is no room. */
static enum lx_err keep(struct lx_arena *arena, const void *rows, size_t count, size_t size_bytes,
                        const void **ret_rows)
{
    void *copy = lx_arena_array(arena, count, size_bytes);
    if (copy == NULL) return LX_ERR_NO_MEMORY;
    if (count > 0) memcpy(copy, rows, count * size_bytes);
    *ret_rows = copy;
    return LX_OK;
}

struct keeping {
    struct lx_arena *arena;
    struct bank_history *history;
    bool is_found;
};

static enum lx_err keep_history(void *context, const struct bank_history *history,
                                struct lx_error *err)
{
    struct keeping *keeping = context;
    struct lx_arena *arena = keeping->arena;
    struct bank_history kept = *history;
    const void *lists[BANK_FACT_COUNT] = {NULL};
    const struct {
        const void *rows;
        size_t count;
    } from[BANK_FACT_COUNT] = {
        [BANK_FACT_PROFILE] = {history->profiles, history->profile_count},
        [BANK_FACT_EVENT] = {history->events, history->event_count},
        [BANK_FACT_RISK] = {history->risks, history->risk_count},
        [BANK_FACT_EXPOSURE] = {history->exposures, history->exposure_count},
        [BANK_FACT_CONSENT] = {history->consents, history->consent_count},
        [BANK_FACT_DO_NOT_CONTACT] = {history->do_not_contacts, history->do_not_contact_count},
        [BANK_FACT_COMPLAINT] = {history->complaints, history->complaint_count},
    };
    enum lx_err code = LX_OK;
    for (int i = 0; i < BANK_FACT_COUNT && code == LX_OK; i++)
        code = keep(arena, from[i].rows, from[i].count, readers[i].size_bytes, &lists[i]);
    kept.id = lx_arena_strndup(arena, history->id, strlen(history->id));
    if (code != LX_OK || kept.id == NULL)
        return lx_fail(err, LX_ERR_NO_MEMORY, "customer %s: his history does not fit in memory",
                       history->id);
    kept.profiles = lists[BANK_FACT_PROFILE];
    kept.events = lists[BANK_FACT_EVENT];
    kept.risks = lists[BANK_FACT_RISK];
    kept.exposures = lists[BANK_FACT_EXPOSURE];
    kept.consents = lists[BANK_FACT_CONSENT];
    kept.do_not_contacts = lists[BANK_FACT_DO_NOT_CONTACT];
    kept.complaints = lists[BANK_FACT_COMPLAINT];
    *keeping->history = kept;
    keeping->is_found = true;
    return LX_OK;
}

enum lx_err bank_history_read(struct bank *bank, int64_t customer, struct lx_arena *arena,
                              struct bank_history *ret_history, struct lx_error *err)
{
    LX_ASSERT(customer >= 0 && arena != NULL && ret_history != NULL);

    struct keeping keeping = {arena, ret_history, false};
    enum lx_err code = bank_scan(bank, customer, customer + 1, keep_history, &keeping, err);
    if (code == LX_OK && !keeping.is_found)
        return lx_fail(err, LX_ERR_NOT_FOUND, "customer number %" PRId64 ": not in this bank",
                       customer);
    return code;
}

enum lx_err bank_facts_at(struct bank *bank, enum bank_fact fact, int64_t customer, int64_t at_ms,
                          const void **ret_rows, size_t *ret_count, struct lx_error *err)
{
    LX_ASSERT(readers[fact].at_sql != NULL);

    struct bank_cursor *cursor = &bank->cursors[fact];
    const struct fact_reader *reader = &readers[fact];
    enum lx_err code = LX_OK;
    bool has_row = false;
    if (cursor->at == NULL) code = store_prepare(bank->store, reader->at_sql, &cursor->at, err);
    if (code != LX_OK) return code;
    store_bind_int(cursor->at, 1, customer);
    store_bind_int(cursor->at, 2, at_ms);
    for (cursor->count = 0; code == LX_OK; cursor->count++) {
        code = store_step(cursor->at, &has_row, err);
        if (code != LX_OK || !has_row) break;
        code = lx_grow(&cursor->rows, &cursor->capacity, cursor->count + 1, LX_HISTORY_EVENTS_MAX,
                       reader->size_bytes);
        if (code != LX_OK) lx_fail(err, code, "customer number %" PRId64, customer);
        if (code == LX_OK)
            reader->read(cursor->at, (char *)cursor->rows + cursor->count * reader->size_bytes);
    }
    store_reset(cursor->at);
    *ret_rows = cursor->rows;
    *ret_count = cursor->count;
    return code;
}

void bank_history_release(struct bank *bank)
{
    for (int fact = 0; fact < BANK_FACT_COUNT; fact++) {
        store_finalize(bank->cursors[fact].statement);
        store_finalize(bank->cursors[fact].at);
        lx_free(bank->cursors[fact].rows);
        bank->cursors[fact] = (struct bank_cursor){0};
    }
    bank_block_release(&bank->block);
    store_finalize(bank->customers);
    bank->customers = NULL;
}
