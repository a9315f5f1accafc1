#include "decide/live.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "decide/rule_schema.h"

enum {
    CHUNK_BITS = 19, /* cells of a block */
    CHUNK_CELLS = 1 << CHUNK_BITS,
    CHUNKS_MAX = LIVE_BYTES_MAX / (sizeof(uint64_t) * CHUNK_CELLS),
    BUCKETS = 1 << 20, /* of decisions by id */
    NAMES_MAX = 1023,  /* of placements and segments */
};

enum kind { KIND_DECISION = 1, KIND_ANSWER = 2 };

/* An entry begins with this; the number of a cell stands for a pointer, 0 for none. */
struct entry {
    uint32_t older; /* of the same customer */
    uint16_t kind, count;
    uint64_t position;
    int64_t at_ms;
};

struct decision_entry {
    struct entry entry;
    uint8_t id[RECORD_ID_BYTES], parent[RECORD_ID_BYTES];
    uint32_t customer, older_in_bucket;
    uint64_t offset; /* of the record in its segment */
    uint32_t segment;
    uint16_t name;            /* of the placement */
    uint8_t round, is_loaded; /* from the tables, which know its id; not in a bucket */
    uint16_t products[];      /* entry.count, best first */
};

struct given {
    uint16_t product, answer, before;
    int64_t before_ms;
};

struct answer_entry {
    struct entry entry;
    uint64_t decision;
    uint16_t is_final, has_final; /* what the tables gave says nothing of that */
    uint16_t name;                /* of the segment */
    _Atomic uint32_t newer;       /* the answer recorded next, whoever's */
    struct given given[];
};

struct live {
    struct journal *journal; /* borrowed */
    uint64_t first_position;
    _Atomic uint64_t synced_position;
    int64_t customers_max;
    _Atomic uint32_t *heads;   /* by customer */
    _Atomic uint32_t *buckets; /* by the end of an id */
    _Atomic(uint64_t *) chunks[CHUNKS_MAX];
    size_t chunk_count;
    uint32_t next; /* cell that the next entry begins at */
    char names[NAMES_MAX + 1][LIVE_NAME_MAX + 1];
    size_t name_count;
    _Atomic uint32_t first_answer;
    uint32_t last_answer; /* the writer's */
};

static void *cell_at(const struct live *live, uint32_t index)
{
    uint64_t *chunk =
        atomic_load_explicit(&live->chunks[index >> CHUNK_BITS], memory_order_relaxed);
    return chunk + (index & (CHUNK_CELLS - 1));
}

static const struct entry *entry_at(const struct live *live, uint32_t index)
{
    return cell_at(live, index);
}

/* Ids end in 80 bits of entropy. */
static uint32_t bucket_of(const uint8_t id[RECORD_ID_BYTES])
{
    uint32_t bits;
    memcpy(&bits, id + RECORD_ID_BYTES - sizeof bits, sizeof bits);
    return bits & (BUCKETS - 1);
}

static size_t cells_for(size_t bytes)
{
    return (bytes + sizeof(uint64_t) - 1) / sizeof(uint64_t);
}

static size_t entry_cells(const struct entry *entry)
{
    size_t bytes = entry->kind == KIND_DECISION
                       ? sizeof(struct decision_entry) + entry->count * sizeof(uint16_t)
                       : sizeof(struct answer_entry) + entry->count * sizeof(struct given);
    return cells_for(bytes);
}

size_t live_cells_of_decision(const struct record_decision *decision, uint64_t *cells)
{
    struct decision_entry *made = (struct decision_entry *)cells;
    size_t shown = 0;
    memset(cells, 0, sizeof *made);
    made->entry = (struct entry){.kind = KIND_DECISION, .at_ms = decision->decided_ms};
    made->round = (uint8_t)decision->round;
    memcpy(made->id, decision->id, sizeof made->id);
    memcpy(made->parent, decision->parent, sizeof made->parent);
    for (size_t i = 0; i < decision->candidate_count; i++) {
        if (decision->candidates[i].rank == 0) continue;
        LX_ASSERT(shown < LX_PRODUCT_MAX);
        made->products[shown++] = (uint16_t)decision->candidates[i].product;
    }
    made->entry.count = (uint16_t)shown;
    return entry_cells(&made->entry);
}

size_t live_cells_of_answer(const struct record_answer *answer, uint64_t *cells)
{
    struct answer_entry *made = (struct answer_entry *)cells;
    LX_ASSERT(answer->given_count <= LX_PRODUCT_MAX);
    memset(cells, 0, sizeof *made);
    made->entry = (struct entry){
        .kind = KIND_ANSWER, .count = (uint16_t)answer->given_count, .at_ms = answer->answered_ms};
    made->decision = answer->decision_position;
    made->is_final = answer->is_final;
    made->has_final = true;
    for (size_t i = 0; i < answer->given_count; i++)
        made->given[i] = (struct given){.product = (uint16_t)answer->given[i].product,
                                        .answer = (uint16_t)answer->given[i].answer,
                                        .before = (uint16_t)answer->given[i].before,
                                        .before_ms = answer->given[i].before_ms};
    size_t count = entry_cells(&made->entry);
    if (answer->has_next) count += live_cells_of_decision(&answer->next, cells + count);
    LX_ASSERT(count <= LIVE_CELLS_MAX);
    return count;
}

/* Room for `cells` more. No entry crosses a block's end, so at each a little is lost. */
static enum lx_err reserve(struct live *live, size_t cells, struct lx_error *err)
{
    size_t lost = LIVE_CELLS_MAX * (cells / CHUNK_CELLS + 1);
    size_t end = (size_t)live->next + cells + lost;
    while (live->chunk_count * CHUNK_CELLS < end) {
        if (live->chunk_count == CHUNKS_MAX)
            return lx_fail(err, LX_ERR_BUSY,
                           "%zu MB of decisions and answers are in memory, as many as may be: "
                           "start the server anew",
                           (size_t)LIVE_BYTES_MAX >> 20);
        uint64_t *chunk = lx_calloc(CHUNK_CELLS, sizeof *chunk);
        if (chunk == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "decisions: out of memory");
        atomic_store_explicit(&live->chunks[live->chunk_count++], chunk, memory_order_relaxed);
    }
    return LX_OK;
}

/* Placements and segments are few, so an entry has a number in place of the name. */
static uint16_t name_number(struct live *live, const char *name)
{
    for (size_t i = 0; i < live->name_count; i++)
        if (strcmp(live->names[i], name) == 0) return (uint16_t)i;
    if (live->name_count == NAMES_MAX) return NAMES_MAX; /* "": of no channel, of no segment */
    snprintf(live->names[live->name_count], sizeof live->names[0], "%s", name);
    return (uint16_t)live->name_count++;
}

/* Copies one entry to its place, without making it known. */
static uint32_t put_entry(struct live *live, const uint64_t *cells)
{
    size_t count = entry_cells((const struct entry *)cells);
    uint32_t room = CHUNK_CELLS - (live->next & (CHUNK_CELLS - 1));
    if (room < count) live->next += room;
    uint32_t index = live->next;
    memcpy(cell_at(live, index), cells, count * sizeof *cells);
    live->next += (uint32_t)count;
    return index;
}

static void add_to_bucket(struct live *live, uint32_t index)
{
    struct decision_entry *decision = cell_at(live, index);
    _Atomic uint32_t *bucket = &live->buckets[bucket_of(decision->id)];
    decision->older_in_bucket = atomic_load_explicit(bucket, memory_order_relaxed);
    atomic_store_explicit(bucket, index, memory_order_release);
}

static void add_to_answers(struct live *live, uint32_t index)
{
    struct answer_entry *last = live->last_answer != 0 ? cell_at(live, live->last_answer) : NULL;
    atomic_store_explicit(last != NULL ? &last->newer : &live->first_answer, index,
                          memory_order_release);
    live->last_answer = index;
}

/* Puts whole entries before those of the customer; all of them become known with one store. */
static void publish(struct live *live, const uint32_t *indices, size_t count, int64_t customer)
{
    _Atomic uint32_t *head = &live->heads[customer];
    uint32_t older = atomic_load_explicit(head, memory_order_relaxed);
    for (size_t i = 0; i < count; i++) {
        struct entry *entry = cell_at(live, indices[i]);
        entry->older = older;
        older = indices[i];
        if (entry->kind == KIND_ANSWER) {
            struct answer_entry *answer = cell_at(live, indices[i]);
            if (answer->has_final) add_to_answers(live, indices[i]);
            continue;
        }
        struct decision_entry *decision = cell_at(live, indices[i]);
        decision->customer = (uint32_t)customer;
        if (!decision->is_loaded) add_to_bucket(live, indices[i]);
    }
    atomic_store_explicit(head, older, memory_order_release);
}

static void apply(struct live *live, const struct live_change *change, uint64_t position,
                  struct journal_place place)
{
    uint32_t indices[2];
    size_t count = 0;
    for (size_t at = 0; at < change->cell_count;) {
        const uint64_t *cells = change->cells + at;
        LX_ASSERT(count < LX_COUNT_OF(indices));
        uint32_t index = put_entry(live, cells);
        struct entry *entry = cell_at(live, index);
        entry->position = position;
        if (entry->kind == KIND_DECISION) {
            struct decision_entry *decision = cell_at(live, index);
            decision->segment = place.segment;
            decision->offset = place.offset;
            decision->name = name_number(live, change->placement);
        } else {
            ((struct answer_entry *)cell_at(live, index))->name =
                name_number(live, change->segment);
        }
        indices[count++] = index;
        at += entry_cells((const struct entry *)cells);
    }
    if (count > 0) publish(live, indices, count, change->customer);
}

static bool is_overtaken(const struct live *live, struct live_change *const *changes, size_t index)
{
    const struct live_change *change = changes[index];
    if (change->customer < 0) return false;
    if (live_version(live, change->customer) != change->version) return true;
    for (size_t i = 0; i < index; i++)
        if (changes[i]->customer == change->customer && changes[i]->code == LX_OK &&
            !changes[i]->is_overtaken)
            return true;
    return false;
}

/* Everything that can fail but the sync itself. */
static void gather(struct live *live, struct live_change *const *changes, size_t count,
                   struct lx_error *err)
{
    size_t cells = 0;
    for (size_t i = 0; i < count; i++) {
        struct live_change *change = changes[i];
        uint64_t position;
        change->code = LX_OK;
        change->is_overtaken = is_overtaken(live, changes, i);
        if (change->is_overtaken) continue;
        cells += change->cell_count;
        change->code = reserve(live, cells, err);
        if (change->code == LX_OK)
            change->code =
                journal_append(live->journal, change->bytes, change->length, &position, err);
    }
}

void live_commit(struct live *live, struct live_change *const *changes, size_t count,
                 struct lx_error *err)
{
    uint64_t position = journal_next_position(live->journal);
    gather(live, changes, count, err);
    enum lx_err code = journal_sync(live->journal, err);
    struct journal_place place = journal_group_place(live->journal);
    for (size_t i = 0; i < count; i++) {
        struct live_change *change = changes[i];
        if (change->code != LX_OK || change->is_overtaken) continue;
        change->code = code;
        if (code != LX_OK) continue;
        apply(live, change, position++, place);
        place.offset += JOURNAL_RECORD_HEADER_BYTES + change->length;
    }
    atomic_store(&live->synced_position, journal_synced_position(live->journal));
}

/* --- Reading --------------------------------------------------------------------------------- */

uint32_t live_version(const struct live *live, int64_t customer)
{
    LX_ASSERT(customer >= 0 && customer < live->customers_max);
    return atomic_load_explicit(&live->heads[customer], memory_order_acquire);
}

bool live_find(const struct live *live, const uint8_t id[RECORD_ID_BYTES],
               struct live_found *ret_found)
{
    uint32_t index = atomic_load_explicit(&live->buckets[bucket_of(id)], memory_order_acquire);
    while (index != 0) {
        const struct decision_entry *decision = cell_at(live, index);
        if (memcmp(decision->id, id, RECORD_ID_BYTES) == 0) {
            *ret_found = (struct live_found){
                .position = decision->entry.position,
                .customer = decision->customer,
                .place = {.segment = decision->segment, .offset = decision->offset}};
            memcpy(ret_found->parent, decision->parent, RECORD_ID_BYTES);
            return true;
        }
        index = decision->older_in_bucket;
    }
    return false;
}

bool live_next(const struct live *live, uint32_t version, const uint8_t parent[RECORD_ID_BYTES],
               uint8_t ret_id[RECORD_ID_BYTES])
{
    for (uint32_t index = version; index != 0; index = entry_at(live, index)->older) {
        if (entry_at(live, index)->kind != KIND_DECISION) continue;
        const struct decision_entry *decision = cell_at(live, index);
        if (decision->is_loaded || memcmp(decision->parent, parent, RECORD_ID_BYTES) != 0) continue;
        memcpy(ret_id, decision->id, RECORD_ID_BYTES);
        return true;
    }
    return false;
}

bool live_is_final(const struct live *live, uint32_t version, uint64_t decision, bool *ret_is_known)
{
    *ret_is_known = false;
    for (uint32_t index = version; index != 0; index = entry_at(live, index)->older) {
        if (entry_at(live, index)->kind != KIND_ANSWER) continue;
        const struct answer_entry *answer = cell_at(live, index);
        if (answer->decision != decision || !answer->has_final) continue;
        *ret_is_known = true;
        return answer->is_final;
    }
    return false;
}

bool live_next_answer(const struct live *live, uint32_t *cursor, struct live_told *ret_told,
                      struct record_given *given)
{
    const struct answer_entry *last = *cursor != 0 ? cell_at(live, *cursor) : NULL;
    uint32_t next = atomic_load_explicit(last != NULL ? &last->newer : &live->first_answer,
                                         memory_order_acquire);
    if (next == 0) return false;
    const struct answer_entry *answer = cell_at(live, next);
    *cursor = next;
    *ret_told = (struct live_told){.position = answer->entry.position,
                                   .answered_ms = answer->entry.at_ms,
                                   .segment = live->names[answer->name],
                                   .given_count = answer->entry.count};
    for (size_t i = 0; i < answer->entry.count; i++)
        given[i] = (struct record_given){.product = answer->given[i].product,
                                         .answer = (enum bank_answer)answer->given[i].answer,
                                         .before = (enum bank_answer)answer->given[i].before,
                                         .before_ms = answer->given[i].before_ms};
    return true;
}

static size_t count_items(const struct live *live, uint32_t version, enum kind kind,
                          int64_t since_ms)
{
    size_t count = 0;
    for (uint32_t index = version; index != 0; index = entry_at(live, index)->older) {
        const struct entry *entry = entry_at(live, index);
        if (entry->kind == kind && entry->at_ms > since_ms) count += entry->count;
    }
    return count;
}

enum lx_err live_answers(const struct live *live, uint32_t version, struct lx_arena *arena,
                         struct overlay_answer **ret_answers, size_t *ret_count)
{
    size_t count = count_items(live, version, KIND_ANSWER, INT64_MIN), at = count;
    struct overlay_answer *answers = lx_arena_array(arena, count, sizeof *answers);
    if (answers == NULL) return LX_ERR_NO_MEMORY;
    for (uint32_t index = version; index != 0; index = entry_at(live, index)->older) {
        const struct answer_entry *entry = cell_at(live, index);
        if (entry->entry.kind != KIND_ANSWER) continue;
        at -= entry->entry.count;
        for (size_t i = 0; i < entry->entry.count; i++)
            answers[at + i] =
                (struct overlay_answer){.position = entry->entry.position,
                                        .decision = entry->decision,
                                        .answered_ms = entry->entry.at_ms,
                                        .product = entry->given[i].product,
                                        .answer = (enum bank_answer)entry->given[i].answer};
    }
    *ret_answers = answers;
    *ret_count = count;
    return LX_OK;
}

static void tell_offer(const struct live *live, const struct decision_entry *entry, size_t item,
                       struct overlay_offer *ret_offer)
{
    *ret_offer = (struct overlay_offer){.decision = entry->entry.position,
                                        .offered_ms = entry->entry.at_ms,
                                        .product = entry->products[item],
                                        .is_first_round = entry->round == 1};
    snprintf(ret_offer->placement, sizeof ret_offer->placement, "%.*s", ACTIONS_NAME_MAX,
             live->names[entry->name]);
}

enum lx_err live_offers(const struct live *live, uint32_t version, int64_t since_ms,
                        struct lx_arena *arena, struct overlay_offer **ret_offers,
                        size_t *ret_count)
{
    size_t count = count_items(live, version, KIND_DECISION, since_ms), at = count;
    struct overlay_offer *offers = lx_arena_array(arena, count, sizeof *offers);
    if (offers == NULL) return LX_ERR_NO_MEMORY;
    for (uint32_t index = version; index != 0; index = entry_at(live, index)->older) {
        const struct decision_entry *entry = cell_at(live, index);
        if (entry->entry.kind != KIND_DECISION || entry->entry.at_ms <= since_ms) continue;
        at -= entry->entry.count;
        for (size_t i = 0; i < entry->entry.count; i++) tell_offer(live, entry, i, &offers[at + i]);
    }
    *ret_offers = offers;
    *ret_count = count;
    return LX_OK;
}

uint64_t live_first_position(const struct live *live)
{
    return live->first_position;
}

uint64_t live_synced_position(const struct live *live)
{
    return atomic_load(&live->synced_position);
}

int64_t live_customers_max(const struct live *live)
{
    return live->customers_max;
}

size_t live_bytes(const struct live *live)
{
    return live->chunk_count * CHUNK_CELLS * sizeof(uint64_t);
}

/* --- Loading --------------------------------------------------------------------------------- */

struct loading {
    struct live *live;
    uint64_t cells[LIVE_CELLS_MAX]; /* the entry that is being gathered; kind 0: none */
    int64_t customer;
    struct lx_error *err;
};

static enum lx_err end_entry(struct loading *loading)
{
    struct entry *entry = (struct entry *)loading->cells;
    if (entry->kind == 0) return LX_OK;
    enum lx_err code = reserve(loading->live, entry_cells(entry), loading->err);
    if (code != LX_OK) return code;
    uint32_t index = put_entry(loading->live, loading->cells);
    publish(loading->live, &index, 1, loading->customer);
    entry->kind = 0;
    return LX_OK;
}

/* Is the row of the entry that is gathered? If not, that one ends, and true says to begin one. */
static enum lx_err next_entry(struct loading *loading, int64_t customer, uint64_t position,
                              bool *ret_is_new)
{
    const struct entry *entry = (const struct entry *)loading->cells;
    *ret_is_new = entry->kind == 0 || loading->customer != customer || entry->position != position;
    if (customer < 0 || customer >= loading->live->customers_max)
        return lx_fail(loading->err, LX_ERR_CORRUPT, "an answer or offer of customer %" PRId64,
                       customer);
    if (!*ret_is_new && entry->count >= LX_PRODUCT_MAX) *ret_is_new = true;
    enum lx_err code = *ret_is_new ? end_entry(loading) : LX_OK;
    loading->customer = customer;
    return code;
}

static enum lx_err load_offer(struct loading *loading, struct store_statement *row)
{
    struct decision_entry *made = (struct decision_entry *)loading->cells;
    uint64_t position = (uint64_t)store_int(row, 1);
    bool is_new = false;
    enum lx_err code = next_entry(loading, store_int(row, 0), position, &is_new);
    if (code != LX_OK) return code;
    if (is_new) {
        const char *placement = store_text(row, 4, NULL);
        memset(made, 0, sizeof *made);
        made->entry =
            (struct entry){.kind = KIND_DECISION, .position = position, .at_ms = store_int(row, 2)};
        made->round = (uint8_t)store_int(row, 3);
        made->is_loaded = true;
        made->name = name_number(loading->live, placement != NULL ? placement : "");
    }
    made->products[made->entry.count++] = (uint16_t)store_int(row, 5);
    return LX_OK;
}

static enum lx_err load_answer(struct loading *loading, struct store_statement *row)
{
    struct answer_entry *made = (struct answer_entry *)loading->cells;
    uint64_t position = (uint64_t)store_int(row, 1);
    bool is_new = false;
    enum lx_err code = next_entry(loading, store_int(row, 0), position, &is_new);
    if (code != LX_OK) return code;
    if (is_new) {
        memset(made, 0, sizeof *made);
        made->entry =
            (struct entry){.kind = KIND_ANSWER, .position = position, .at_ms = store_int(row, 3)};
        made->decision = (uint64_t)store_int(row, 2);
    }
    made->given[made->entry.count++] = (struct given){.product = (uint16_t)store_int(row, 4),
                                                      .answer = (uint16_t)store_int(row, 5)};
    return LX_OK;
}

static enum lx_err load(struct live *live, struct store *store, const char *sql, int64_t since_ms,
                        enum lx_err (*take)(struct loading *loading, struct store_statement *row),
                        struct lx_error *err)
{
    struct loading loading = {.live = live, .err = err};
    struct store_statement *statement = NULL;
    bool has_row = true;
    enum lx_err code = store_prepare(store, sql, &statement, err);
    if (code == LX_OK) {
        store_bind_int(statement, 1, (int64_t)live->first_position);
        store_bind_int(statement, 2, since_ms);
    }
    while (code == LX_OK) {
        code = store_step(statement, &has_row, err);
        if (code != LX_OK || !has_row) break;
        code = take(&loading, statement);
    }
    if (code == LX_OK) code = end_entry(&loading);
    store_finalize(statement);
    return code;
}

static enum lx_err load_tables(struct live *live, struct bank *bank, int64_t now_ms,
                               struct lx_error *err)
{
    static const char offers[] =
        "SELECT d.customer, d.position, d.at_ms, d.round, d.placement, i.product "
        "FROM decision d JOIN decision_item i "
        "ON i.customer = d.customer AND i.position = d.position "
        "WHERE d.position < $1 AND d.at_ms > $2 ORDER BY d.customer, d.position, i.rank";
    static const char answers[] =
        "SELECT customer, position, decision, at_ms, product, answer FROM answer "
        "WHERE position < $1 AND at_ms > $2 ORDER BY customer, position, product";
    int64_t since_ms = now_ms - RULE_PAST_DAYS_MAX * LX_MS_PER_DAY;
    enum lx_err code = load(live, bank_store(bank), offers, since_ms, load_offer, err);
    if (code == LX_OK) code = load(live, bank_store(bank), answers, INT64_MIN, load_answer, err);
    return code;
}

enum lx_err live_open(struct bank *bank, struct journal *journal, uint64_t position,
                      int64_t customers_max, int64_t now_ms, struct live **ret_live,
                      struct lx_error *err)
{
    LX_ASSERT(customers_max >= 0 && customers_max < UINT32_MAX);

    struct live *live = lx_calloc(1, sizeof *live);
    if (live == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "decisions: out of memory");
    live->journal = journal;
    live->first_position = position;
    live->customers_max = customers_max;
    live->next = 1;
    atomic_init(&live->synced_position, position);
    live->heads = lx_calloc((size_t)customers_max + 1, sizeof *live->heads);
    live->buckets = lx_calloc(BUCKETS, sizeof *live->buckets);
    enum lx_err code = live->heads != NULL && live->buckets != NULL
                           ? LX_OK
                           : lx_fail(err, LX_ERR_NO_MEMORY, "decisions: out of memory");
    if (code == LX_OK) code = load_tables(live, bank, now_ms, err);
    if (code == LX_OK)
        *ret_live = live;
    else
        live_close(live);
    return code;
}

void live_close(struct live *live)
{
    if (live == NULL) return;
    for (size_t i = 0; i < live->chunk_count; i++)
        lx_free(atomic_load_explicit(&live->chunks[i], memory_order_relaxed));
    lx_free(live->heads);
    lx_free(live->buckets);
    lx_free(live);
}
