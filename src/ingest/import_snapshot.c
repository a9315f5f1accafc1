#include "ingest/import_snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "ingest/import_put.h"

enum { SETS_MAX = 1 << 26 };

void import_snapshots_init(struct import_snapshots *snapshots)
{
    *snapshots = (struct import_snapshots){0};
    lx_dictionary_init(&snapshots->sets, SETS_MAX);
}

void import_snapshots_release(struct import_snapshots *snapshots)
{
    lx_free(snapshots->rows);
    lx_free(snapshots->states);
    lx_dictionary_release(&snapshots->sets);
    *snapshots = (struct import_snapshots){0};
}

static enum lx_err make_state(struct import_snapshots *snapshots, size_t customer,
                              struct lx_error *err)
{
    enum lx_err code = lx_grow(&snapshots->states, &snapshots->state_capacity, customer + 1,
                               UINT32_MAX, sizeof *snapshots->states);
    if (code != LX_OK) return lx_fail(err, code, "snapshots: %s", lx_err_text(code));
    for (; snapshots->state_count <= customer; snapshots->state_count++)
        snapshots->states[snapshots->state_count] = (struct import_holder){.changed_ms = INT64_MIN};
    return LX_OK;
}

static void set_bit(struct import_products *products, unsigned product)
{
    products->words[product / 64] |= UINT64_C(1) << (product % 64);
}

static bool is_empty(const struct import_products *products)
{
    uint64_t any = 0;
    for (size_t i = 0; i < IMPORT_HELD_WORDS; i++) any |= products->words[i];
    return any == 0;
}

enum lx_err import_snapshots_read(struct import_snapshots *snapshots, struct bank *bank,
                                  struct lx_error *err)
{
    struct store_statement *statement = NULL;
    bool has_row = false;
    enum lx_err code = store_prepare(
        bank_store(bank), "SELECT customer, product, opened_at_ms, closed_at_ms FROM holding",
        &statement, err);
    while (code == LX_OK && (code = store_step(statement, &has_row, err)) == LX_OK && has_row) {
        int64_t v[4];
        store_ints(statement, 0, 4, INT64_MIN, v);
        code = make_state(snapshots, (size_t)v[0], err);
        if (code != LX_OK) break;
        struct import_holder *state = &snapshots->states[v[0]];
        state->is_known = true;
        if (v[2] > state->changed_ms) state->changed_ms = v[2];
        if (v[3] > state->changed_ms) state->changed_ms = v[3];
        if (v[3] == INT64_MIN) set_bit(&state->held, (unsigned)v[1]);
    }
    store_finalize(statement);
    return code;
}

static enum lx_err intern(struct import_snapshots *snapshots,
                          const struct import_products *products, uint32_t *ret_number)
{
    return lx_dictionary_add(&snapshots->sets, (const char *)products, sizeof *products, ret_number,
                             NULL);
}

enum lx_err import_snapshots_add(struct import_snapshots *snapshots, size_t task, size_t section,
                                 uint32_t customer, const struct import_row *row,
                                 const struct import_products *covered, struct lx_error *err)
{
    LX_ASSERT(task <= UINT32_MAX && section <= UINT32_MAX);

    uint32_t held = 0, covered_number = 0;
    enum lx_err code = lx_grow(&snapshots->rows, &snapshots->capacity, snapshots->count + 1,
                               IMPORT_SNAPSHOT_ROWS_MAX, sizeof *snapshots->rows);
    if (code == LX_ERR_LIMIT)
        return lx_fail(err, code,
                       "snapshots: more than %zu rows at once; take `at` from the file's date, or "
                       "import fewer files at a time",
                       IMPORT_SNAPSHOT_ROWS_MAX);
    if (code == LX_OK) code = intern(snapshots, &row->as.snapshot.held, &held);
    if (code == LX_OK) code = intern(snapshots, covered, &covered_number);
    if (code != LX_OK) return lx_fail(err, code, "snapshots: %s", lx_err_text(code));
    code = make_state(snapshots, customer, err);
    if (code != LX_OK) return code;
    snapshots->rows[snapshots->count++] =
        (struct import_snapshot_row){.at_ms = row->as.snapshot.at_ms,
                                     .known_at_ms = row->as.snapshot.known_at_ms,
                                     .first_at_ms = row->as.snapshot.first_at_ms,
                                     .line = row->line,
                                     .customer = customer,
                                     .section = (uint32_t)section,
                                     .task = (uint32_t)task,
                                     .held = held,
                                     .covered = covered_number};
    return LX_OK;
}

static int compare_rows(const void *a, const void *b)
{
    const struct import_snapshot_row *left = a, *right = b;
    if (left->at_ms != right->at_ms) return left->at_ms < right->at_ms ? -1 : 1;
    if (left->section != right->section) return left->section < right->section ? -1 : 1;
    if (left->customer != right->customer) return left->customer < right->customer ? -1 : 1;
    if (left->task != right->task) return left->task < right->task ? -1 : 1;
    return (left->line > right->line) - (left->line < right->line);
}

/* Copied, as adding a set may move them. */
static struct import_products set_of(const struct import_snapshots *snapshots, uint32_t number)
{
    struct import_products products;
    memcpy(&products, lx_dictionary_text(&snapshots->sets, number, NULL), sizeof products);
    return products;
}

static const struct mapping_file *section_of(const struct import_loader *loader,
                                             const struct import_snapshot_row *row)
{
    return loader->files->tasks[row->task].file;
}

static bool is_wide(const struct mapping_file *file)
{
    return file->held.count > 0;
}

static enum lx_err put_change(struct import_loader *loader, uint32_t customer,
                              enum bank_event_kind kind, unsigned product, int64_t at_ms,
                              int64_t known_at_ms, struct lx_error *err)
{
    struct bank_event event;
    enum bank_put outcome = BANK_PUT_DONE;
    memset(&event, 0, sizeof event);
    event.at_ms = at_ms;
    event.known_at_ms = known_at_ms;
    event.amount_fen = event.balance_fen = BANK_NO_AMOUNT;
    event.product = (int16_t)product;
    event.kind = (uint8_t)kind;
    event.sequence = import_sequence_of(&event);
    enum lx_err code = bank_put_event(loader->load, customer, &event, &outcome, err);
    LX_ASSERT(code != LX_OK || outcome == BANK_PUT_DONE);
    return code;
}

/* An event for each product of the set. */
static enum lx_err put_changes(struct import_loader *loader, uint32_t customer,
                               enum bank_event_kind kind, const struct import_products *products,
                               int64_t at_ms, int64_t known_at_ms, struct lx_error *err)
{
    enum lx_err code = LX_OK;
    for (unsigned word = 0; word < IMPORT_HELD_WORDS; word++) {
        for (uint64_t left = products->words[word]; code == LX_OK && left != 0; left &= left - 1) {
            unsigned product = word * 64 + (unsigned)__builtin_ctzll(left);
            code = put_change(loader, customer, kind, product, at_ms, known_at_ms, err);
        }
    }
    return code;
}

/* What a customer's rows of one section and moment say he holds; rejects those that contradict the
 * first. *ret_count is how many rows were taken. */
static enum lx_err join_rows(struct import_loader *loader, const struct import_snapshot_row *rows,
                             size_t count, struct import_products *ret_held, size_t *ret_count,
                             struct lx_error *err)
{
    const struct import_snapshots *snapshots = &loader->snapshots;
    struct import_products held = set_of(snapshots, rows[0].held);
    bool is_list = !is_wide(section_of(loader, &rows[0]));
    *ret_count = 1;
    for (size_t i = 1; i < count; i++) {
        struct import_products more = set_of(snapshots, rows[i].held);
        for (size_t word = 0; is_list && word < IMPORT_HELD_WORDS; word++)
            held.words[word] |= more.words[word];
        if (is_list || rows[i].held == rows[0].held) {
            if (rows[i].held == rows[0].held) loader->duplicates++;
            (*ret_count)++;
            continue;
        }
        enum lx_err code =
            import_loader_reject(loader, rows[i].task, rows[i].line, MAPPING_FIELD_CUSTOMER,
                                 IMPORT_REASON_CONTRADICTION, "", err);
        if (code != LX_OK) return code;
    }
    *ret_held = held;
    return LX_OK;
}

static enum lx_err compare(struct import_loader *loader, const struct import_snapshot_row *row,
                           const struct import_products *held, struct lx_error *err)
{
    struct import_holder *state = &loader->snapshots.states[row->customer];
    const struct mapping_file *file = section_of(loader, row);
    struct import_products covered = set_of(&loader->snapshots, row->covered);
    struct import_products opened, closed;
    for (size_t word = 0; word < IMPORT_HELD_WORDS; word++) {
        uint64_t can_close = is_wide(file) ? covered.words[word] : UINT64_MAX;
        if (file->is_unheld_unknown) can_close = 0;
        opened.words[word] = held->words[word] & ~state->held.words[word];
        closed.words[word] = state->held.words[word] & ~held->words[word] & can_close;
        state->held.words[word] |= opened.words[word];
        state->held.words[word] &= ~closed.words[word];
    }
    bool is_first = !state->is_known && row->first_at_ms != BANK_UNKNOWN_MS;
    state->is_known = true;
    enum lx_err code = put_changes(loader, row->customer, BANK_EVENT_KIND_OPEN, &opened,
                                   is_first ? row->first_at_ms : row->at_ms, row->known_at_ms, err);
    if (code != LX_OK) return code;
    return put_changes(loader, row->customer, BANK_EVENT_KIND_CLOSE, &closed, row->at_ms,
                       row->known_at_ms, err);
}

static enum lx_err refuse_old(struct import_loader *loader, const struct import_snapshot_row *rows,
                              size_t count, struct lx_error *err)
{
    enum lx_err code = LX_OK;
    for (size_t i = 0; code == LX_OK && i < count; i++)
        code = import_loader_reject(loader, rows[i].task, rows[i].line, MAPPING_FIELD_AT,
                                    IMPORT_REASON_OUT_OF_ORDER, "", err);
    return code;
}

/* The rows of one customer, section and moment. */
static enum lx_err take_customer(struct import_loader *loader,
                                 const struct import_snapshot_row *rows, size_t count,
                                 struct lx_error *err)
{
    const struct import_holder *state = &loader->snapshots.states[rows[0].customer];
    if (rows[0].at_ms <= state->changed_ms) return refuse_old(loader, rows, count, err);
    struct import_products held;
    size_t taken;
    enum lx_err code = join_rows(loader, rows, count, &held, &taken, err);
    if (code != LX_OK) return code;
    loader->rows_loaded += taken;
    return compare(loader, &rows[0], &held, err);
}

/* Closes what customers who are not among the rows of a section's moment held before it. */
static enum lx_err close_absent(struct import_loader *loader,
                                const struct import_snapshot_row *rows, size_t count,
                                struct lx_error *err)
{
    struct import_snapshots *snapshots = &loader->snapshots;
    const struct mapping_file *file = section_of(loader, &rows[0]);
    if (!file->is_absent_closed) return LX_OK;
    struct import_products covered = set_of(snapshots, rows[0].covered);
    if (!is_wide(file)) memset(&covered, 0xFF, sizeof covered);
    int64_t known_at_ms = rows[0].known_at_ms;
    for (size_t i = 1; i < count; i++)
        if (rows[i].known_at_ms > known_at_ms) known_at_ms = rows[i].known_at_ms;

    enum lx_err code = LX_OK;
    size_t next = 0;
    for (uint32_t customer = 0; code == LX_OK && customer < snapshots->state_count; customer++) {
        while (next < count && rows[next].customer < customer) next++;
        if (next < count && rows[next].customer == customer) continue;
        struct import_holder *state = &snapshots->states[customer];
        if (state->changed_ms >= rows[0].at_ms) continue;
        struct import_products closed;
        for (size_t word = 0; word < IMPORT_HELD_WORDS; word++) {
            closed.words[word] = state->held.words[word] & covered.words[word];
            state->held.words[word] &= ~closed.words[word];
        }
        if (!is_empty(&closed))
            code = put_changes(loader, customer, BANK_EVENT_KIND_CLOSE, &closed, rows[0].at_ms,
                               known_at_ms, err);
    }
    return code;
}

static size_t run_of(const struct import_snapshot_row *rows, size_t count, bool with_customer)
{
    size_t length = 1;
    while (length < count && rows[length].at_ms == rows[0].at_ms &&
           rows[length].section == rows[0].section &&
           (!with_customer || rows[length].customer == rows[0].customer))
        length++;
    return length;
}

enum lx_err import_snapshots_flush(struct import_loader *loader, struct lx_error *err)
{
    struct import_snapshots *snapshots = &loader->snapshots;
    if (snapshots->count == 0) return LX_OK;
    qsort(snapshots->rows, snapshots->count, sizeof *snapshots->rows, compare_rows);
    enum lx_err code = LX_OK;
    for (size_t start = 0; code == LX_OK && start < snapshots->count;) {
        const struct import_snapshot_row *rows = snapshots->rows + start;
        size_t count = run_of(rows, snapshots->count - start, false);
        for (size_t i = 0; code == LX_OK && i < count;) {
            size_t run = run_of(rows + i, count - i, true);
            code = take_customer(loader, rows + i, run, err);
            i += run;
        }
        if (code == LX_OK) code = close_absent(loader, rows, count, err);
        start += count;
    }
    snapshots->count = 0;
    return code;
}
