/*
 * Corrections and deletions, once the events of the batch are in the target: the only place where
 * it can be seen whether the event that one of them names is there. They are few, so they go in one
 * by one.
 */
#include <inttypes.h>
#include <string.h>

#include "bank/holdings.h"
#include "bank/loading.h"

enum { VERSION_COLUMNS = 14, CONTENT_COLUMNS = 8 };

/* What a version says of its event: is_deleted, kind, product, channel, merchant, amount_fen,
 * balance_fen, quantity; a null is INT64_MIN. */
struct content {
    int64_t values[CONTENT_COLUMNS];
};

struct writer {
    struct bank_load *load;
    struct store_statement *find, *versions, *insert;
    uint32_t *touched; /* owned: customers whose holdings have to be derived again, in order */
    size_t touched_count, touched_capacity;
};

/* What the bank has of the event that a change names. */
struct past {
    bool has_event, has_same; /* same: this very change, known at the same moment */
    bool touches_holdings;
    int64_t version;       /* the next number among those known at the same moment */
    struct content before; /* the version that the change comes after */
};

static bool is_same(const struct content *a, const struct content *b)
{
    return memcmp(a->values, b->values, sizeof a->values) == 0;
}

static bool is_of_holdings(const struct content *content)
{
    return content->values[1] == BANK_EVENT_KIND_OPEN ||
           content->values[1] == BANK_EVENT_KIND_CLOSE;
}

static struct content content_of(const struct packed_change *change)
{
    struct content content;
    const int64_t none = INT64_MIN;
    uint32_t channel = change->codes >> 22 & 31, merchant = change->codes >> 27;
    uint32_t product = change->codes & 0xFFFF;
    int64_t *v = content.values;
    v[0] = change->is_deleted != 0;
    v[1] = change->codes >> 16 & 63;
    v[2] = product == 0 ? none : (int64_t)product - 1;
    v[3] = channel == 0 ? none : channel;
    v[4] = merchant == 0 ? none : merchant;
    v[5] = change->amount_fen;
    v[6] = change->balance_fen;
    v[7] = change->quantity;
    if (change->is_deleted)
        for (int i = 1; i < CONTENT_COLUMNS; i++) v[i] = none;
    return content;
}

static void bind_event(struct store_statement *statement, const struct sorter_key *key)
{
    store_bind_int(statement, 1, key->customer);
    store_bind_int(statement, 2, key->at_ms);
    store_bind_int(statement, 3, key->sequence);
}

/* The event's own row; what was known only after the change is not what the change comes after. */
static enum lx_err read_event(struct writer *writer, const struct packed_change *change,
                              struct past *past, struct lx_error *err)
{
    struct content content = {{0}};
    bind_event(writer->find, &change->key);
    enum lx_err code = store_step(writer->find, &past->has_event, err);
    if (code == LX_OK && past->has_event) {
        store_ints(writer->find, 1, CONTENT_COLUMNS - 1, INT64_MIN, content.values + 1);
        past->touches_holdings |= is_of_holdings(&content);
        if (store_int(writer->find, 0) <= change->known_at_ms) past->before = content;
    }
    store_reset(writer->find);
    return code;
}

static enum lx_err read_versions(struct writer *writer, const struct packed_change *change,
                                 const struct content *new, struct past *past, struct lx_error *err)
{
    bool has_row = false;
    enum lx_err code = LX_OK;
    bind_event(writer->versions, &change->key);
    while (code == LX_OK && (code = store_step(writer->versions, &has_row, err)) == LX_OK &&
           has_row) {
        struct content content;
        int64_t known_at_ms = store_int(writer->versions, 0);
        store_ints(writer->versions, 2, CONTENT_COLUMNS, INT64_MIN, content.values);
        past->touches_holdings |= is_of_holdings(&content);
        if (known_at_ms > change->known_at_ms) continue;
        past->before = content;
        if (known_at_ms < change->known_at_ms) continue;
        past->has_same |= is_same(&content, new);
        past->version = store_int(writer->versions, 1) + 1;
    }
    store_reset(writer->versions);
    return code;
}

static enum lx_err insert(struct writer *writer, const struct packed_change *change,
                          const struct content *content, int64_t version, struct lx_error *err)
{
    struct store_statement *statement = writer->insert;
    bind_event(statement, &change->key);
    store_bind_int(statement, 4, change->known_at_ms);
    store_bind_int(statement, 5, version);
    for (int i = 0; i < CONTENT_COLUMNS; i++) {
        if (content->values[i] == INT64_MIN)
            store_bind_null(statement, 6 + i);
        else
            store_bind_int(statement, 6 + i, content->values[i]);
    }
    store_bind_int(statement, VERSION_COLUMNS, writer->load->number);
    return store_run(statement, err);
}

static enum lx_err touch(struct writer *writer, uint32_t customer, struct lx_error *err)
{
    if (writer->touched_count > 0 && writer->touched[writer->touched_count - 1] == customer)
        return LX_OK;
    enum lx_err code = lx_grow(&writer->touched, &writer->touched_capacity,
                               writer->touched_count + 1, UINT32_MAX, sizeof *writer->touched);
    if (code != LX_OK) return lx_fail(err, code, "holdings: %s", lx_err_text(code));
    writer->touched[writer->touched_count++] = customer;
    return LX_OK;
}

static enum lx_err write_change(struct writer *writer, const struct packed_change *change,
                                const struct bank_orphans *orphans, struct lx_error *err)
{
    struct bank_load *load = writer->load;
    struct past past = {.before = {{0}}};
    struct content content = content_of(change);
    past.touches_holdings = is_of_holdings(&content);
    enum lx_err code = read_event(writer, change, &past, err);
    if (code == LX_OK && past.has_event) code = read_versions(writer, change, &content, &past, err);
    if (code != LX_OK) return code;
    if (!past.has_event) {
        load->rows_loaded--;
        return orphans->reject(orphans->context, change->origin, change->line, err);
    }
    if (past.has_same || is_same(&past.before, &content)) {
        load->rows_loaded--;
        load->duplicates++;
        return LX_OK;
    }
    code = insert(writer, change, &content, past.version, err);
    if (change->known_at_ms > load->max_known_at_ms) load->max_known_at_ms = change->known_at_ms;
    if (code == LX_OK && past.touches_holdings) code = touch(writer, change->key.customer, err);
    return code;
}

static enum lx_err prepare(struct writer *writer, struct lx_error *err)
{
    struct store *store = writer->load->target;
    enum lx_err code = store_prepare(store,
                                     "SELECT known_at_ms, kind, product, channel, merchant,"
                                     " amount_fen, balance_fen, quantity FROM event"
                                     " WHERE customer = $1 AND at_ms = $2 AND sequence = $3",
                                     &writer->find, err);
    if (code == LX_OK)
        code = store_prepare(store,
                             "SELECT known_at_ms, version, is_deleted, kind, product, channel,"
                             " merchant, amount_fen, balance_fen, quantity FROM event_change"
                             " WHERE customer = $1 AND at_ms = $2 AND sequence = $3"
                             " ORDER BY known_at_ms, version",
                             &writer->versions, err);
    if (code == LX_OK)
        code = store_prepare(store,
                             "INSERT INTO event_change (customer, at_ms, sequence, known_at_ms,"
                             " version, is_deleted, kind, product, channel, merchant, amount_fen,"
                             " balance_fen, quantity, batch) VALUES ($1, $2, $3, $4, $5, $6, $7,"
                             " $8, $9, $10, $11, $12, $13, $14)",
                             &writer->insert, err);
    return code;
}

/* The new holdings of one customer in the place of the old ones. */
static enum lx_err replace_holdings(struct store_statement *statements[3],
                                    struct bank_holdings *holdings, uint32_t customer,
                                    struct lx_error *err)
{
    bool has_row = false;
    struct store_statement *read = statements[1], *add = statements[2];
    store_bind_int(statements[0], 1, customer);
    store_bind_int(read, 1, customer);
    bank_holdings_clear(holdings);
    enum lx_err code = store_run(statements[0], err);
    while (code == LX_OK && (code = store_step(read, &has_row, err)) == LX_OK && has_row) {
        int64_t v[4];
        store_ints(read, 0, 4, BANK_NO_PRODUCT, v);
        code = bank_holdings_add(holdings, customer, (enum bank_event_kind)v[0], (int)v[1], v[2],
                                 v[3]);
        if (code != LX_OK) lx_fail(err, code, "holdings: %s", lx_err_text(code));
    }
    store_reset(read);
    for (size_t i = 0; i < holdings->count && code == LX_OK; i++) {
        const struct bank_holding *holding = &holdings->items[i];
        const int64_t v[] = {customer,
                             holding->sequence,
                             holding->product,
                             holding->opened_at_ms,
                             holding->opened_known_at_ms,
                             holding->closed_at_ms,
                             holding->closed_known_at_ms};
        for (int k = 0; k < (int)LX_COUNT_OF(v); k++) {
            if (v[k] == BANK_UNKNOWN_MS)
                store_bind_null(add, k + 1);
            else
                store_bind_int(add, k + 1, v[k]);
        }
        code = store_run(add, err);
    }
    return code;
}

static enum lx_err derive_touched(struct writer *writer, struct lx_error *err)
{
    static const char *const sqls[3] = {
        "DELETE FROM holding WHERE customer = $1", bank_holding_events_sql,
        "INSERT INTO holding (customer, sequence, product, opened_at_ms, opened_known_at_ms,"
        " closed_at_ms, closed_known_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)"};
    struct store_statement *statements[3] = {NULL};
    struct bank_holdings holdings = {0};
    enum lx_err code = LX_OK;
    if (writer->touched_count == 0) return LX_OK;
    for (int i = 0; i < 3 && code == LX_OK; i++)
        code = store_prepare(writer->load->target, sqls[i], &statements[i], err);
    for (size_t i = 0; i < writer->touched_count && code == LX_OK; i++)
        code = replace_holdings(statements, &holdings, writer->touched[i], err);
    for (int i = 0; i < 3; i++) store_finalize(statements[i]);
    bank_holdings_release(&holdings);
    return code;
}

enum lx_err bank_commit_changes(struct bank_load *load, const struct bank_orphans *orphans,
                                struct lx_error *err)
{
    struct writer writer = {.load = load};
    const void *record = NULL;
    enum lx_err code = LX_OK;
    if (load->changes.total == 0) return LX_OK;
    code = sorter_finish(&load->changes, err);
    if (code == LX_OK) code = prepare(&writer, err);
    while (code == LX_OK && (code = sorter_next(&load->changes, &record, err)) == LX_OK &&
           record != NULL)
        code = write_change(&writer, record, orphans, err);
    if (code == LX_OK) code = derive_touched(&writer, err);
    store_finalize(writer.find);
    store_finalize(writer.versions);
    store_finalize(writer.insert);
    lx_free(writer.touched);
    sorter_release(&load->changes);
    return code;
}
