/* Events, and the holdings that follow from them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bank/holdings.h"
#include "bank/loading.h"

enum {
    EVENT_COLUMNS = 12,
    EVENT_KEYS = 3,
    HOLDING_COLUMNS = 7,
    PROGRESS_EVENTS = 1 << 19, /* between two looks at the progress */
};

struct event_source {
    struct bank_load *load;
    const struct lx_env *env;
    struct sorter *sorter;
    const struct packed_event *ahead; /* the next one, already taken from the sorter */
    struct sorter_key last;           /* of the last one given, with its number */
    bool has_last;
    uint64_t given;
    struct bank_holdings holdings;   /* of one customer */
    struct sorter finished_holdings; /* of those before him */
    uint32_t *touched; /* owned: known customers whose holdings have to be derived again */
    size_t touched_count, touched_capacity;
};

/* What is sorted of a holding; customer and number are the key. */
struct packed_holding {
    struct sorter_key key;
    int64_t opened_at_ms, opened_known_at_ms, closed_at_ms, closed_known_at_ms, product;
};

static bool is_same_moment(const struct event_source *source, const struct sorter_key *key)
{
    return source->has_last && source->last.customer == key->customer &&
           source->last.at_ms == key->at_ms;
}

/* The number after the last of this moment, in the batch or else in the bank. */
static enum lx_err next_number(struct event_source *source, const struct sorter_key *key,
                               uint32_t *ret_number, struct lx_error *err)
{
    struct bank_load *load = source->load;
    int64_t number = is_same_moment(source, key) ? (int64_t)source->last.sequence + 1 : 0;
    if (load->before != NULL && key->customer < load->customers_before) {
        const void *rows = NULL;
        size_t count = 0;
        enum lx_err code = bank_facts_at(load->before, BANK_FACT_EVENT, key->customer, key->at_ms,
                                         &rows, &count, err);
        if (code != LX_OK) return code;
        const struct bank_event *events = rows;
        if (count > 0 && events[count - 1].sequence >= number)
            number = (int64_t)events[count - 1].sequence + 1;
    }
    if (number >= BANK_SEQUENCE_AUTO)
        return lx_fail(err, LX_ERR_LIMIT,
                       "customer number %" PRIu32 ": no number left for an event", key->customer);
    *ret_number = (uint32_t)number;
    return LX_OK;
}

/* The customer has no more events: his holdings wait until all events are written. */
static enum lx_err finish_holdings(struct event_source *source, struct lx_error *err)
{
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < source->holdings.count && code == LX_OK; i++) {
        const struct bank_holding *holding = &source->holdings.items[i];
        struct sorter_key key = {0, (uint32_t)holding->customer, (uint32_t)holding->sequence};
        void *record = NULL;
        code = sorter_put(&source->finished_holdings, &key, &record, err);
        if (code != LX_OK) return code;
        struct packed_holding *packed = record;
        packed->opened_at_ms = holding->opened_at_ms;
        packed->opened_known_at_ms = holding->opened_known_at_ms;
        packed->closed_at_ms = holding->closed_at_ms;
        packed->closed_known_at_ms = holding->closed_known_at_ms;
        packed->product = holding->product;
    }
    bank_holdings_clear(&source->holdings);
    return code;
}

static enum lx_err add_holding(struct event_source *source, uint32_t customer,
                               enum bank_event_kind kind, int product, int64_t at_ms,
                               int64_t known_at_ms, struct lx_error *err)
{
    struct bank_holdings *holdings = &source->holdings;
    enum lx_err code = LX_OK;
    if (holdings->count > 0 && holdings->items[0].customer != customer)
        code = finish_holdings(source, err);
    if (code != LX_OK) return code;
    code = bank_holdings_add(holdings, customer, kind, product, at_ms, known_at_ms);
    return code == LX_OK ? LX_OK : lx_fail(err, code, "holdings: %s", lx_err_text(code));
}

/* Of a customer who had events before all his events count, so he is looked at afterwards. */
static enum lx_err note_holding(struct event_source *source, const struct packed_event *event,
                                enum bank_event_kind kind, int product, struct lx_error *err)
{
    uint32_t customer = event->key.customer;
    if (kind != BANK_EVENT_KIND_OPEN && kind != BANK_EVENT_KIND_CLOSE) return LX_OK;
    if (customer >= source->load->customers_before)
        return add_holding(source, customer, kind, product, event->key.at_ms, event->known_at_ms,
                           err);
    if (source->touched_count > 0 && source->touched[source->touched_count - 1] == customer)
        return LX_OK;
    enum lx_err code = lx_grow(&source->touched, &source->touched_capacity,
                               source->touched_count + 1, UINT32_MAX, sizeof *source->touched);
    if (code != LX_OK) return lx_fail(err, code, "holdings: %s", lx_err_text(code));
    source->touched[source->touched_count++] = customer;
    return LX_OK;
}

/* A null is INT64_MIN. */
static void fill_event(const struct packed_event *event, uint32_t sequence, int64_t batch,
                       int64_t v[EVENT_COLUMNS])
{
    uint32_t channel = event->codes >> 22 & 31, merchant = event->codes >> 27;
    uint32_t product = event->codes & 0xFFFF;
    v[0] = event->key.customer;
    v[1] = event->key.at_ms;
    v[2] = sequence;
    v[3] = event->known_at_ms;
    v[4] = event->codes >> 16 & 63;
    v[5] = product == 0 ? INT64_MIN : (int64_t)product - 1;
    v[6] = channel == 0 ? INT64_MIN : channel;
    v[7] = merchant == 0 ? INT64_MIN : merchant;
    v[8] = event->amount_fen;
    v[9] = event->balance_fen;
    v[10] = event->quantity;
    v[11] = batch;
}
_Static_assert(BANK_NO_AMOUNT == INT64_MIN, "a null, too");

static enum lx_err take_event(struct event_source *source, struct lx_error *err)
{
    const void *record = NULL;
    enum lx_err code = sorter_next(source->sorter, &record, err);
    source->ahead = record;
    return code;
}

static enum lx_err next_event(void *context, int64_t *values, bool *ret_has_row,
                              struct lx_error *err)
{
    struct event_source *source = context;
    struct bank_load *load = source->load;
    for (;;) {
        const struct packed_event *event = source->ahead;
        enum lx_err code = LX_OK;
        *ret_has_row = event != NULL;
        if (!*ret_has_row) return LX_OK;
        uint32_t sequence = event->key.sequence;
        bool is_duplicate = sequence != BANK_SEQUENCE_AUTO && is_same_moment(source, &event->key) &&
                            sequence == source->last.sequence;
        if (sequence == BANK_SEQUENCE_AUTO) code = next_number(source, &event->key, &sequence, err);
        if (code != LX_OK) return code;
        if (is_duplicate) {
            load->duplicates++;
            load->rows_loaded--;
            code = take_event(source, err);
            if (code != LX_OK) return code;
            continue;
        }
        fill_event(event, sequence, load->number, values);
        code = note_holding(source, event, (enum bank_event_kind)values[4],
                            (int)(event->codes & 0xFFFF) - 1, err);
        source->last = event->key;
        source->last.sequence = sequence;
        source->has_last = true;
        if (++source->given % PROGRESS_EVENTS == 0)
            source->env->progress(source->env->context, "load", source->given,
                                  source->sorter->total);
        return code == LX_OK ? take_event(source, err) : code;
    }
}

static enum lx_err next_event_row(void *context, struct store_value *values, bool *ret_has_row,
                                  struct lx_error *err)
{
    int64_t v[EVENT_COLUMNS];
    enum lx_err code = next_event(context, v, ret_has_row, err);
    if (code != LX_OK || !*ret_has_row) return code;
    for (int i = 0; i < EVENT_COLUMNS; i++) bank_set_known(&values[i], v[i], INT64_MIN);
    return LX_OK;
}

static enum lx_err next_holding(void *context, struct store_value *v, bool *ret_has_row,
                                struct lx_error *err)
{
    struct event_source *source = context;
    const void *record = NULL;
    enum lx_err code = sorter_next(&source->finished_holdings, &record, err);
    *ret_has_row = record != NULL;
    if (code != LX_OK || record == NULL) return code;
    const struct packed_holding *holding = record;
    bank_set_int(&v[0], holding->key.customer);
    bank_set_int(&v[1], holding->key.sequence);
    bank_set_int(&v[2], holding->product);
    bank_set_known(&v[3], holding->opened_at_ms, BANK_UNKNOWN_MS);
    bank_set_known(&v[4], holding->opened_known_at_ms, BANK_UNKNOWN_MS);
    bank_set_known(&v[5], holding->closed_at_ms, BANK_UNKNOWN_MS);
    bank_set_known(&v[6], holding->closed_known_at_ms, BANK_UNKNOWN_MS);
    return LX_OK;
}

static enum lx_err write_holdings(struct event_source *events, struct lx_error *err)
{
    const struct store_source source = {events, next_holding};
    uint64_t count = 0;
    enum lx_err code = finish_holdings(events, err);
    if (code != LX_OK || events->finished_holdings.total == 0) return code;
    code = sorter_finish(&events->finished_holdings, err);
    if (code == LX_OK)
        code = store_append(events->load->target, "holding", HOLDING_COLUMNS,
                            STORE_CONFLICT_REFUSED, &source, &count, err);
    LX_ASSERT(code != LX_OK || count == events->finished_holdings.total);
    return code;
}

static enum lx_err derive_again(struct event_source *source, struct store_statement *clear,
                                struct store_statement *read, uint32_t customer,
                                struct lx_error *err)
{
    bool has_row = false;
    store_bind_int(clear, 1, customer);
    store_bind_int(read, 1, customer);
    enum lx_err code = store_run(clear, err);
    while (code == LX_OK && (code = store_step(read, &has_row, err)) == LX_OK && has_row) {
        int64_t v[4];
        store_ints(read, 0, 4, BANK_NO_PRODUCT, v);
        code =
            add_holding(source, customer, (enum bank_event_kind)v[0], (int)v[1], v[2], v[3], err);
    }
    store_reset(read);
    return code;
}

/* Of each event its newest version; one whose newest version is its deletion is none. */
const char bank_holding_events_sql[] =
    "SELECT kind, product, at_ms, known_at_ms FROM ("
    "SELECT at_ms, sequence, kind, product, known_at_ms FROM event AS e"
    " WHERE customer = $1 AND kind IN (14, 15) AND NOT EXISTS (SELECT 1 FROM event_change AS c"
    " WHERE c.customer = $1 AND c.at_ms = e.at_ms AND c.sequence = e.sequence)"
    " UNION ALL "
    "SELECT at_ms, sequence, kind, product, known_at_ms FROM event_change AS e"
    " WHERE customer = $1 AND kind IN (14, 15) AND NOT EXISTS (SELECT 1 FROM event_change AS c"
    " WHERE c.customer = $1 AND c.at_ms = e.at_ms AND c.sequence = e.sequence"
    " AND (c.known_at_ms, c.version) > (e.known_at_ms, e.version))"
    ") ORDER BY at_ms, sequence";

static enum lx_err derive_touched(struct event_source *source, struct lx_error *err)
{
    struct store *store = source->load->target;
    struct store_statement *clear = NULL, *read = NULL;
    if (source->touched_count == 0) return LX_OK;
    enum lx_err code = store_prepare(store, "DELETE FROM holding WHERE customer = $1", &clear, err);
    if (code == LX_OK) code = store_prepare(store, bank_holding_events_sql, &read, err);
    for (size_t i = 0; i < source->touched_count && code == LX_OK; i++)
        code = derive_again(source, clear, read, source->touched[i], err);
    store_finalize(clear);
    store_finalize(read);
    return code;
}
_Static_assert(BANK_EVENT_KIND_OPEN == 14 && BANK_EVENT_KIND_CLOSE == 15, "they stand in the SQL");

static enum lx_err init_source(struct event_source *source, struct bank_load *load,
                               const struct lx_env *env, struct lx_error *err)
{
    char path[LX_PATH_MAX];
    snprintf(path, sizeof path, "%.*s%sh-", LX_PATH_MAX - 32, load->bank->path, BANK_SORT_SUFFIX);
    *source =
        (struct event_source){.load = load, .env = env, .sorter = &load->sorters[BANK_FACT_EVENT]};
    sorter_init(&source->finished_holdings, path, sizeof(struct packed_holding),
                load->memory_bytes / 16, load->thread_count);
    enum lx_err code = sorter_finish(source->sorter, err);
    return code == LX_OK ? take_event(source, err) : code;
}

static void release_source(struct event_source *source)
{
    bank_holdings_release(&source->holdings);
    sorter_release(&source->finished_holdings);
    sorter_release(source->sorter);
    lx_free(source->touched);
}

enum lx_err bank_commit_first_events(struct bank_load *load, const struct lx_env *env,
                                     struct lx_error *err)
{
    struct event_source events;
    const struct store_int_source source = {&events, INT64_MIN, next_event};
    uint64_t count = 0;
    bank_load_release_rows(load);
    enum lx_err code = init_source(&events, load, env, err);
    if (code == LX_OK) code = store_commit(load->target, err);
    if (code == LX_OK)
        code = store_fill(load->target, "event", EVENT_COLUMNS, EVENT_KEYS, &source, &count, err);
    LX_ASSERT(code != LX_OK || count == events.given);
    if (code == LX_OK) code = store_begin(load->target, err);
    if (code == LX_OK) code = write_holdings(&events, err);
    release_source(&events);
    return code;
}

enum lx_err bank_commit_more_events(struct bank_load *load, const struct lx_env *env,
                                    struct lx_error *err)
{
    struct event_source events;
    const struct store_source source = {&events, next_event_row};
    uint64_t count = 0;
    enum lx_err code = init_source(&events, load, env, err);
    /* An event whose number the bank has already is a duplicate. */
    if (code == LX_OK)
        code = store_append(load->target, "event", EVENT_COLUMNS, STORE_CONFLICT_IGNORED, &source,
                            &count, err);
    if (code == LX_OK) {
        load->duplicates += events.given - count;
        load->rows_loaded -= events.given - count;
        code = derive_touched(&events, err);
    }
    if (code == LX_OK) code = write_holdings(&events, err);
    release_source(&events);
    return code;
}
