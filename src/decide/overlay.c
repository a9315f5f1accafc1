#include "decide/overlay.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "decide/live.h"
#include "decide/project.h"

enum { TAIL_RECORDS_MAX = 256, TAIL_MAX = 1 << 20, RECORD_ARENA_MAX = 64 << 20 };

/* What a record of the tail says, as the tables would. */
struct tail_decision {
    uint8_t id[RECORD_ID_BYTES], parent[RECORD_ID_BYTES];
    uint64_t position;
    int64_t customer;
};
struct tail_answer {
    int64_t customer;
    struct overlay_answer answer;
};
struct tail_offer {
    int64_t customer;
    struct overlay_offer offer;
};
struct tail_final {
    uint64_t decision;
    bool is_final;
};

struct overlay {
    struct store *store;     /* borrowed */
    struct journal *journal; /* borrowed */
    bool can_write;
    uint64_t position; /* the tables hold what stands before */
    uint64_t tail_records;
    struct tail_decision *decisions;
    struct tail_answer *answers;
    struct tail_final *finals;
    struct tail_offer *offers;
    bool has_tail_rules;
    uint8_t tail_rules[32]; /* the hash of the newest rule set */
    size_t offer_count, offer_capacity;
    size_t decision_count, decision_capacity, answer_count, answer_capacity, final_count,
        final_capacity;
    struct lx_arena arena;  /* of one record */
    struct lx_buffer bytes; /* of the record that is appended */
    struct store_statement *find, *find_next, *read_answers, *read_offers;

    /* Of a server. */
    const struct live *live; /* borrowed; NULL: none */
    char folder[LX_PATH_MAX];
    int64_t pinned; /* the customer that the call is about, -1: not known yet */
    uint32_t version;
    uint64_t found_position; /* of the decision found last, UINT64_MAX: none */
    struct journal_place found_place;
    bool has_change;
    int64_t changed; /* customer */
    char placement[LIVE_NAME_MAX + 1], segment[LIVE_NAME_MAX + 1];
    uint64_t cells[LIVE_CELLS_MAX];
    size_t cell_count;
};

static enum lx_err remember_offers(struct overlay *overlay, uint64_t position,
                                   const struct record_decision *decision)
{
    enum lx_err code = lx_grow(&overlay->offers, &overlay->offer_capacity,
                               overlay->offer_count + decision->candidate_count, TAIL_MAX,
                               sizeof *overlay->offers);
    if (code != LX_OK) return code;
    for (size_t i = 0; i < decision->candidate_count; i++) {
        if (decision->candidates[i].rank == 0) continue;
        struct tail_offer *entry = &overlay->offers[overlay->offer_count++];
        *entry = (struct tail_offer){.customer = decision->customer,
                                     .offer = {.decision = position,
                                               .offered_ms = decision->decided_ms,
                                               .product = decision->candidates[i].product,
                                               .is_first_round = decision->round == 1}};
        snprintf(entry->offer.placement, sizeof entry->offer.placement, "%s", decision->placement);
    }
    return LX_OK;
}

static enum lx_err remember_decision(struct overlay *overlay, uint64_t position,
                                     const struct record_decision *decision)
{
    enum lx_err code = lx_grow(&overlay->decisions, &overlay->decision_capacity,
                               overlay->decision_count + 1, TAIL_MAX, sizeof *overlay->decisions);
    if (code != LX_OK) return code;
    struct tail_decision *entry = &overlay->decisions[overlay->decision_count++];
    *entry = (struct tail_decision){.position = position, .customer = decision->customer};
    memcpy(entry->id, decision->id, sizeof entry->id);
    memcpy(entry->parent, decision->parent, sizeof entry->parent);
    return remember_offers(overlay, position, decision);
}

static void remember_rules(struct overlay *overlay, const struct record_rules *rules)
{
    overlay->has_tail_rules = true;
    memcpy(overlay->tail_rules, rules->after, sizeof overlay->tail_rules);
}

static enum lx_err remember_answer(struct overlay *overlay, uint64_t position,
                                   const struct record_answer *answer)
{
    enum lx_err code =
        lx_grow(&overlay->answers, &overlay->answer_capacity,
                overlay->answer_count + answer->given_count, TAIL_MAX, sizeof *overlay->answers);
    if (code == LX_OK)
        code = lx_grow(&overlay->finals, &overlay->final_capacity, overlay->final_count + 1,
                       TAIL_MAX, sizeof *overlay->finals);
    if (code != LX_OK) return code;
    for (size_t i = 0; i < answer->given_count; i++) {
        overlay->answers[overlay->answer_count++] =
            (struct tail_answer){.customer = answer->customer,
                                 .answer = {.position = position,
                                            .decision = answer->decision_position,
                                            .answered_ms = answer->answered_ms,
                                            .product = answer->given[i].product,
                                            .answer = answer->given[i].answer}};
    }
    overlay->finals[overlay->final_count++] =
        (struct tail_final){answer->decision_position, answer->is_final};
    return answer->has_next ? remember_decision(overlay, position, &answer->next) : LX_OK;
}

static enum lx_err remember(struct overlay *overlay, uint64_t position, const void *bytes,
                            size_t length, struct lx_error *err)
{
    struct record record;
    bool is_known = false;
    lx_arena_clear(&overlay->arena);
    enum lx_err code = record_read(bytes, length, &overlay->arena, &record, &is_known, err);
    if (code != LX_OK) return code;
    overlay->tail_records++;
    if (!is_known) return LX_OK;
    if (record.kind == RECORD_RULES) {
        remember_rules(overlay, &record.rules);
        return LX_OK;
    }
    code = record.kind == RECORD_DECISION ? remember_decision(overlay, position, &record.decision)
                                          : remember_answer(overlay, position, &record.answer);
    return code == LX_OK ? LX_OK : lx_fail(err, code, "answers not yet in the tables: too many");
}

static enum lx_err read_tail(struct overlay *overlay, struct lx_error *err)
{
    struct journal_cursor *cursor = NULL;
    struct journal_record record;
    bool has_record = true;
    enum lx_err code = journal_seek(overlay->journal, overlay->position, &cursor, err);
    while (code == LX_OK) {
        code = journal_read(cursor, &record, &has_record, err);
        if (code != LX_OK || !has_record) break;
        code = remember(overlay, record.position, record.bytes, record.length, err);
    }
    journal_cursor_close(cursor);
    return code;
}

static void forget_tail(struct overlay *overlay)
{
    overlay->tail_records = 0;
    overlay->decision_count = overlay->answer_count = overlay->final_count = 0;
    overlay->offer_count = 0;
    overlay->has_tail_rules = false;
}

static enum lx_err check_position(const struct overlay *overlay, struct lx_error *err)
{
    uint64_t next = journal_next_position(overlay->journal);
    if (overlay->position <= next) return LX_OK;
    return lx_fail(err, LX_ERR_CORRUPT,
                   "journal: it has %" PRIu64 " records, the tables were made from %" PRIu64
                   ": part of the journal is missing",
                   next, overlay->position);
}

static enum lx_err prepare(struct overlay *overlay, struct lx_error *err)
{
    enum lx_err code = store_prepare(overlay->store,
                                     "SELECT position, customer, is_final, parent FROM decision "
                                     "WHERE id = $1 AND position < $2",
                                     &overlay->find, err);
    if (code == LX_OK)
        code = store_prepare(overlay->store,
                             "SELECT id FROM decision WHERE customer = $1 AND position < $2 "
                             "AND parent = $3 ORDER BY position DESC LIMIT 1",
                             &overlay->find_next, err);
    if (code == LX_OK)
        code = store_prepare(overlay->store,
                             "SELECT position, decision, at_ms, product, answer FROM answer "
                             "WHERE customer = $1 AND position < $2 ORDER BY position, product",
                             &overlay->read_answers, err);
    if (code == LX_OK)
        code = store_prepare(overlay->store,
                             "SELECT d.position, d.at_ms, d.round, d.placement, i.product "
                             "FROM decision d JOIN decision_item i "
                             "ON i.customer = d.customer AND i.position = d.position "
                             "WHERE d.customer = $1 AND d.position < $2 AND d.at_ms > $3 "
                             "ORDER BY d.position, i.rank",
                             &overlay->read_offers, err);
    return code;
}

static struct overlay *overlay_of(struct bank *bank, struct lx_error *err)
{
    struct overlay *overlay = lx_calloc(1, sizeof *overlay);
    if (overlay == NULL) {
        (void)lx_fail(err, LX_ERR_NO_MEMORY, "overlay: out of memory");
        return NULL;
    }
    overlay->store = bank_store(bank);
    overlay->pinned = -1;
    overlay->found_position = UINT64_MAX;
    lx_arena_init(&overlay->arena, RECORD_ARENA_MAX);
    lx_buffer_init(&overlay->bytes, JOURNAL_RECORD_MAX);
    return overlay;
}

enum lx_err overlay_open(struct bank *bank, struct journal *journal, bool can_write,
                         struct overlay **ret_overlay, struct lx_error *err)
{
    struct overlay *overlay = overlay_of(bank, err);
    if (overlay == NULL) return LX_ERR_NO_MEMORY;
    overlay->journal = journal;
    overlay->can_write = can_write;
    enum lx_err code = project_position(overlay->store, &overlay->position, err);
    if (code == LX_OK) code = check_position(overlay, err);
    if (code == LX_OK) code = prepare(overlay, err);
    if (code == LX_OK) code = can_write ? overlay_project(overlay, err) : read_tail(overlay, err);
    if (code == LX_OK)
        *ret_overlay = overlay;
    else
        overlay_close(overlay);
    return code;
}

enum lx_err overlay_open_live(struct bank *bank, struct journal *journal, const struct live *live,
                              struct overlay **ret_overlay, struct lx_error *err)
{
    struct overlay *overlay = overlay_of(bank, err);
    if (overlay == NULL) return LX_ERR_NO_MEMORY;
    overlay->live = live;
    overlay->journal = journal;
    overlay->position = live_first_position(live);
    snprintf(overlay->folder, sizeof overlay->folder, "%s", bank_folder(bank));
    enum lx_err code = prepare(overlay, err);
    if (code == LX_OK)
        *ret_overlay = overlay;
    else
        overlay_close(overlay);
    return code;
}

void overlay_begin(struct overlay *overlay)
{
    overlay->pinned = -1;
    overlay->found_position = UINT64_MAX;
    overlay->has_change = false;
}

bool overlay_take(struct overlay *overlay, struct live_change *ret_change)
{
    if (!overlay->has_change) return false;
    *ret_change = (struct live_change){.bytes = overlay->bytes.bytes,
                                       .length = overlay->bytes.length,
                                       .customer = overlay->changed,
                                       .version = overlay->version,
                                       .cells = overlay->cells,
                                       .cell_count = overlay->cell_count};
    memcpy(ret_change->placement, overlay->placement, sizeof ret_change->placement);
    memcpy(ret_change->segment, overlay->segment, sizeof ret_change->segment);
    return true;
}

/* From the first look at a customer on he is seen as he was then; only what was made from that
 * version may be committed. */
static uint32_t pin(struct overlay *overlay, int64_t customer)
{
    if (overlay->pinned != customer) {
        LX_ASSERT(!overlay->has_change);
        overlay->pinned = customer;
        overlay->version = live_version(overlay->live, customer);
    }
    return overlay->version;
}

void overlay_close(struct overlay *overlay)
{
    if (overlay == NULL) return;
    store_finalize(overlay->find);
    store_finalize(overlay->find_next);
    store_finalize(overlay->read_answers);
    store_finalize(overlay->read_offers);
    lx_free(overlay->decisions);
    lx_free(overlay->answers);
    lx_free(overlay->finals);
    lx_free(overlay->offers);
    lx_arena_release(&overlay->arena);
    lx_buffer_release(&overlay->bytes);
    lx_free(overlay);
}

uint64_t overlay_position(const struct overlay *overlay)
{
    return overlay->position;
}

enum lx_err overlay_project(struct overlay *overlay, struct lx_error *err)
{
    LX_ASSERT(overlay->can_write);

    if (overlay->position == journal_synced_position(overlay->journal)) return LX_OK;
    enum lx_err code =
        project(overlay->store, overlay->journal, overlay->position, &overlay->position, err);
    if (code == LX_OK) forget_tail(overlay);
    return code;
}

void overlay_try_project(struct overlay *overlay)
{
    struct lx_error err;
    if (overlay_project(overlay, &err) != LX_OK) return; /* the tail stays as it was */
}

/* A server's: the record is in overlay->bytes, what it changes is kept beside it. */
static enum lx_err capture(struct overlay *overlay, const struct record_decision *decision,
                           const struct record_answer *answer, struct lx_error *err)
{
    enum lx_err code = lx_buffer_error(&overlay->bytes);
    if (code != LX_OK) return lx_fail(err, code, "journal record: %s", lx_err_text(code));
    overlay->changed = decision != NULL ? decision->customer : answer->customer;
    LX_ASSERT(overlay->pinned == overlay->changed);
    overlay->cell_count = decision != NULL ? live_cells_of_decision(decision, overlay->cells)
                                           : live_cells_of_answer(answer, overlay->cells);
    snprintf(overlay->segment, sizeof overlay->segment, "%s",
             answer != NULL ? answer->segment : "");
    if (decision == NULL && answer->has_next) decision = &answer->next;
    snprintf(overlay->placement, sizeof overlay->placement, "%s",
             decision != NULL ? decision->placement : "");
    overlay->has_change = true;
    return LX_OK;
}

/* The record is in overlay->bytes. Remembering may fail: it comes first, and can be taken back. */
static enum lx_err append(struct overlay *overlay, const struct record_decision *decision,
                          const struct record_answer *answer, struct lx_error *err)
{
    LX_ASSERT(overlay->can_write);

    uint64_t position = journal_next_position(overlay->journal);
    const struct overlay before = *overlay;
    enum lx_err code = lx_buffer_error(&overlay->bytes);
    if (code != LX_OK) return lx_fail(err, code, "journal record: %s", lx_err_text(code));
    if (decision != NULL)
        code = remember_decision(overlay, position, decision);
    else if (answer != NULL)
        code = remember_answer(overlay, position, answer);
    if (code != LX_OK) (void)lx_fail(err, code, "answers not yet in the tables: too many");
    if (code == LX_OK)
        code = journal_append(overlay->journal, overlay->bytes.bytes, overlay->bytes.length,
                              &position, err);
    if (code == LX_OK) code = journal_sync(overlay->journal, err);
    if (code == LX_OK) {
        overlay->tail_records++;
    } else {
        overlay->decision_count = before.decision_count;
        overlay->answer_count = before.answer_count;
        overlay->final_count = before.final_count;
        overlay->offer_count = before.offer_count;
    }
    return code;
}

static void begin_append(struct overlay *overlay)
{
    if (overlay->tail_records >= TAIL_RECORDS_MAX) overlay_try_project(overlay);
    lx_buffer_clear(&overlay->bytes);
}

enum lx_err overlay_append_decision(struct overlay *overlay, const struct record_decision *decision,
                                    struct lx_error *err)
{
    begin_append(overlay);
    record_decision_write(decision, &overlay->bytes);
    if (overlay->live != NULL) return capture(overlay, decision, NULL, err);
    return append(overlay, decision, NULL, err);
}

enum lx_err overlay_append_answer(struct overlay *overlay, const struct record_answer *answer,
                                  struct lx_error *err)
{
    begin_append(overlay);
    record_answer_write(answer, &overlay->bytes);
    if (overlay->live != NULL) return capture(overlay, NULL, answer, err);
    return append(overlay, NULL, answer, err);
}

enum lx_err overlay_append_rules(struct overlay *overlay, const struct record_rules *rules,
                                 struct lx_error *err)
{
    begin_append(overlay);
    record_rules_write(rules, &overlay->bytes);
    enum lx_err code = append(overlay, NULL, NULL, err);
    if (code == LX_OK) remember_rules(overlay, rules);
    return code;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_hash(const char *text, uint8_t ret_hash[32])
{
    if (text == NULL || strlen(text) != 64) return false;
    for (size_t i = 0; i < 32; i++) {
        int high = digit_of(text[2 * i]), low = digit_of(text[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        ret_hash[i] = (uint8_t)(16 * high + low);
    }
    return true;
}

enum lx_err overlay_rules_hash(struct overlay *overlay, uint8_t ret_hash[32], bool *ret_has_hash,
                               struct lx_error *err)
{
    struct store_statement *statement = NULL;
    uint8_t hash[32];
    bool has_row = false;
    if (overlay->has_tail_rules) {
        memcpy(ret_hash, overlay->tail_rules, sizeof overlay->tail_rules);
        *ret_has_hash = true;
        return LX_OK;
    }
    enum lx_err code = store_prepare(overlay->store,
                                     "SELECT sha256 FROM rule_set_version WHERE rule_set = 'rules' "
                                     "ORDER BY version DESC LIMIT 1",
                                     &statement, err);
    if (code == LX_OK) code = store_step(statement, &has_row, err);
    if (code == LX_OK && has_row && !parse_hash(store_text(statement, 0, NULL), hash))
        code = lx_fail(err, LX_ERR_CORRUPT, "rule_set_version: its newest sha256 is none");
    store_finalize(statement);
    if (code != LX_OK) return code;
    if (has_row) memcpy(ret_hash, hash, sizeof hash);
    *ret_has_hash = has_row;
    return LX_OK;
}

static const struct tail_decision *find_in_tail(const struct overlay *overlay,
                                                const uint8_t id[RECORD_ID_BYTES])
{
    for (size_t i = 0; i < overlay->decision_count; i++)
        if (memcmp(overlay->decisions[i].id, id, RECORD_ID_BYTES) == 0)
            return &overlay->decisions[i];
    return NULL;
}

struct found {
    struct overlay_decision decision;
    uint8_t parent[RECORD_ID_BYTES]; /* zero: none */
    bool is_there;
};

static enum lx_err find_in_tables(struct overlay *overlay, const char *id, struct found *found,
                                  struct lx_error *err)
{
    bool has_row = false;
    struct store_statement *statement = overlay->find;
    store_bind_text(statement, 1, id, strlen(id));
    store_bind_int(statement, 2, (int64_t)overlay->position);
    enum lx_err code = store_step(statement, &has_row, err);
    if (code == LX_OK && has_row) {
        const char *parent = store_text(statement, 3, NULL);
        found->is_there = true;
        found->decision = (struct overlay_decision){.position = (uint64_t)store_int(statement, 0),
                                                    .customer = store_int(statement, 1),
                                                    .is_final = store_int(statement, 2) != 0};
        if (parent != NULL && !record_id_parse(parent, found->parent))
            code = lx_fail(err, LX_ERR_CORRUPT, "decision %s: its parent \"%.40s\" is no id", id,
                           parent);
    }
    store_reset(statement);
    return code;
}

/* Since the start of a server in memory, before it in the tables. */
static enum lx_err find_live(struct overlay *overlay, const uint8_t id[RECORD_ID_BYTES],
                             struct found *found, struct lx_error *err)
{
    char text[DECISION_ID_SIZE];
    struct live_found live;
    bool is_known = false;
    *found = (struct found){.is_there = live_find(overlay->live, id, &live)};
    record_id_text(id, text);
    if (found->is_there) {
        found->decision.position = live.position;
        found->decision.customer = live.customer;
        memcpy(found->parent, live.parent, sizeof found->parent);
        overlay->found_position = live.position;
        overlay->found_place = live.place;
    } else {
        enum lx_err code = find_in_tables(overlay, text, found, err);
        if (code != LX_OK) return code;
    }
    if (!found->is_there)
        return lx_fail(err, LX_ERR_NOT_FOUND, "decision %s: there is no such decision", text);
    uint32_t version = pin(overlay, found->decision.customer);
    bool is_final = live_is_final(overlay->live, version, found->decision.position, &is_known);
    if (is_known) found->decision.is_final = is_final;
    return LX_OK;
}

static enum lx_err find(struct overlay *overlay, const uint8_t id[RECORD_ID_BYTES],
                        struct found *found, struct lx_error *err)
{
    if (overlay->live != NULL) return find_live(overlay, id, found, err);
    char text[DECISION_ID_SIZE];
    record_id_text(id, text);
    const struct tail_decision *tail = find_in_tail(overlay, id);
    *found = (struct found){.is_there = false};
    if (tail != NULL) {
        found->is_there = true;
        found->decision.position = tail->position;
        found->decision.customer = tail->customer;
        memcpy(found->parent, tail->parent, sizeof found->parent);
    } else {
        enum lx_err code = find_in_tables(overlay, text, found, err);
        if (code != LX_OK) return code;
    }
    if (!found->is_there)
        return lx_fail(err, LX_ERR_NOT_FOUND, "decision %s: there is no such decision", text);
    for (size_t i = 0; i < overlay->final_count; i++)
        if (overlay->finals[i].decision == found->decision.position)
            found->decision.is_final = overlay->finals[i].is_final;
    return LX_OK;
}

/* After the second round was made only a retraction can come to the first, and that voids it. */
static enum lx_err find_void(struct overlay *overlay, struct found *found, struct lx_error *err)
{
    static const uint8_t none[RECORD_ID_BYTES];
    struct found parent;
    struct overlay_answer *answers = NULL;
    size_t count = 0;
    if (memcmp(found->parent, none, sizeof none) == 0) return LX_OK;
    enum lx_err code = find(overlay, found->parent, &parent, err);
    if (code != LX_OK) return code;
    lx_arena_clear(&overlay->arena);
    code =
        overlay_answers(overlay, found->decision.customer, &overlay->arena, &answers, &count, err);
    for (size_t i = 0; code == LX_OK && i < count; i++)
        if (answers[i].decision == parent.decision.position &&
            answers[i].position > found->decision.position)
            found->decision.is_void = true;
    return code;
}

enum lx_err overlay_find(struct overlay *overlay, const uint8_t id[RECORD_ID_BYTES],
                         struct overlay_decision *ret_decision, struct lx_error *err)
{
    struct found found;
    enum lx_err code = find(overlay, id, &found, err);
    uint64_t position = overlay->found_position;
    struct journal_place place = overlay->found_place;
    if (code == LX_OK) code = find_void(overlay, &found, err);
    overlay->found_position = position; /* not the parent's */
    overlay->found_place = place;
    if (code == LX_OK) *ret_decision = found.decision;
    return code;
}

enum lx_err overlay_next(struct overlay *overlay, int64_t customer,
                         const uint8_t parent[RECORD_ID_BYTES], uint8_t ret_id[RECORD_ID_BYTES],
                         bool *ret_has_next, struct lx_error *err)
{
    *ret_has_next =
        overlay->live != NULL && live_next(overlay->live, pin(overlay, customer), parent, ret_id);
    for (size_t i = overlay->decision_count; i-- > 0 && !*ret_has_next;) {
        if (memcmp(overlay->decisions[i].parent, parent, RECORD_ID_BYTES) != 0) continue;
        memcpy(ret_id, overlay->decisions[i].id, RECORD_ID_BYTES);
        *ret_has_next = true;
    }
    if (*ret_has_next) return LX_OK;

    char text[DECISION_ID_SIZE];
    struct store_statement *statement = overlay->find_next;
    bool has_row = false;
    record_id_text(parent, text);
    store_bind_int(statement, 1, customer);
    store_bind_int(statement, 2, (int64_t)overlay->position);
    store_bind_text(statement, 3, text, strlen(text));
    enum lx_err code = store_step(statement, &has_row, err);
    if (code == LX_OK && has_row) {
        *ret_has_next = record_id_parse(store_text(statement, 0, NULL), ret_id);
        if (!*ret_has_next)
            code = lx_fail(err, LX_ERR_CORRUPT, "decision after %s: its id is none", text);
    }
    store_reset(statement);
    return code;
}

/* A list in an arena that doubles: what it leaves behind is given back with the arena. */
struct answer_list {
    struct overlay_answer *answers;
    size_t count, capacity;
};

static enum lx_err list_add(struct answer_list *list, const struct overlay_answer *answer,
                            struct lx_arena *arena)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity > 0 ? 2 * list->capacity : 16;
        struct overlay_answer *answers = lx_arena_array(arena, capacity, sizeof *answers);
        if (answers == NULL) return LX_ERR_NO_MEMORY;
        if (list->count > 0) memcpy(answers, list->answers, list->count * sizeof *answers);
        list->answers = answers;
        list->capacity = capacity;
    }
    list->answers[list->count++] = *answer;
    return LX_OK;
}

static enum lx_err read_rows(struct overlay *overlay, int64_t customer, struct lx_arena *arena,
                             struct answer_list *list, struct lx_error *err)
{
    struct store_statement *statement = overlay->read_answers;
    bool has_row = true;
    store_bind_int(statement, 1, customer);
    store_bind_int(statement, 2, (int64_t)overlay->position);
    enum lx_err code = LX_OK;
    while (code == LX_OK) {
        code = store_step(statement, &has_row, err);
        if (code != LX_OK || !has_row) break;
        int64_t answer = store_int(statement, 4);
        LX_ASSERT(answer > 0 && answer <= BANK_ANSWER_RETRACTED);
        const struct overlay_answer row = {.position = (uint64_t)store_int(statement, 0),
                                           .decision = (uint64_t)store_int(statement, 1),
                                           .answered_ms = store_int(statement, 2),
                                           .product = (int)store_int(statement, 3),
                                           .answer = (enum bank_answer)answer};
        code = list_add(list, &row, arena);
    }
    store_reset(statement);
    return code;
}

enum lx_err overlay_answers(struct overlay *overlay, int64_t customer, struct lx_arena *arena,
                            struct overlay_answer **ret_answers, size_t *ret_count,
                            struct lx_error *err)
{
    struct answer_list list = {0};
    if (overlay->live != NULL) {
        if (live_answers(overlay->live, pin(overlay, customer), arena, ret_answers, ret_count) ==
            LX_OK)
            return LX_OK;
        return lx_fail(err, LX_ERR_NO_MEMORY, "answers: out of memory");
    }
    enum lx_err code = read_rows(overlay, customer, arena, &list, err);
    for (size_t i = 0; code == LX_OK && i < overlay->answer_count; i++)
        if (overlay->answers[i].customer == customer)
            code = list_add(&list, &overlay->answers[i].answer, arena);
    if (code == LX_ERR_NO_MEMORY) return lx_fail(err, code, "answers: out of memory");
    if (code != LX_OK) return code;
    *ret_answers = list.answers;
    *ret_count = list.count;
    return LX_OK;
}

static enum lx_err add_offer(struct overlay_offer **offers, size_t *count, size_t *capacity,
                             const struct overlay_offer *offer, struct lx_arena *arena)
{
    if (*count == *capacity) {
        size_t most = *capacity > 0 ? 2 * *capacity : 16;
        struct overlay_offer *grown = lx_arena_array(arena, most, sizeof *grown);
        if (grown == NULL) return LX_ERR_NO_MEMORY;
        if (*count > 0) memcpy(grown, *offers, *count * sizeof *grown);
        *offers = grown;
        *capacity = most;
    }
    (*offers)[(*count)++] = *offer;
    return LX_OK;
}

enum lx_err overlay_offers(struct overlay *overlay, int64_t customer, int64_t since_ms,
                           struct lx_arena *arena, struct overlay_offer **ret_offers,
                           size_t *ret_count, struct lx_error *err)
{
    struct store_statement *statement = overlay->read_offers;
    struct overlay_offer *offers = NULL;
    size_t count = 0, capacity = 0;
    bool has_row = true;
    enum lx_err code = LX_OK;
    if (overlay->live != NULL) {
        if (live_offers(overlay->live, pin(overlay, customer), since_ms, arena, ret_offers,
                        ret_count) == LX_OK)
            return LX_OK;
        return lx_fail(err, LX_ERR_NO_MEMORY, "offers: out of memory");
    }
    store_bind_int(statement, 1, customer);
    store_bind_int(statement, 2, (int64_t)overlay->position);
    store_bind_int(statement, 3, since_ms);
    while (code == LX_OK) {
        code = store_step(statement, &has_row, err);
        if (code != LX_OK || !has_row) break;
        const char *placement = store_text(statement, 3, NULL);
        struct overlay_offer row = {.decision = (uint64_t)store_int(statement, 0),
                                    .offered_ms = store_int(statement, 1),
                                    .product = (int)store_int(statement, 4),
                                    .is_first_round = store_int(statement, 2) == 1};
        snprintf(row.placement, sizeof row.placement, "%s", placement != NULL ? placement : "");
        code = add_offer(&offers, &count, &capacity, &row, arena);
    }
    store_reset(statement);
    for (size_t i = 0; code == LX_OK && i < overlay->offer_count; i++)
        if (overlay->offers[i].customer == customer &&
            overlay->offers[i].offer.offered_ms > since_ms)
            code = add_offer(&offers, &count, &capacity, &overlay->offers[i].offer, arena);
    if (code == LX_ERR_NO_MEMORY) return lx_fail(err, code, "offers: out of memory");
    if (code != LX_OK) return code;
    *ret_offers = offers;
    *ret_count = count;
    return LX_OK;
}

/* The bytes of a record; borrowed until the cursor is closed, or until the next record is read. */
static enum lx_err read_bytes(struct overlay *overlay, uint64_t position,
                              struct journal_cursor **ret_cursor, struct journal_record *ret_found,
                              struct lx_error *err)
{
    bool has_record = false;
    enum lx_err code = LX_OK;
    if (overlay->live != NULL && position == overlay->found_position) {
        lx_buffer_clear(&overlay->bytes);
        code = journal_read_place(overlay->folder, overlay->found_place, &overlay->bytes, err);
        *ret_found = (struct journal_record){position, overlay->bytes.bytes, overlay->bytes.length};
        return code;
    }
    code = journal_seek(overlay->journal, position, ret_cursor, err);
    if (code == LX_OK) code = journal_read(*ret_cursor, ret_found, &has_record, err);
    if (code == LX_OK && !has_record)
        code = lx_fail(err, LX_ERR_CORRUPT, "journal: no record %" PRIu64, position);
    return code;
}

enum lx_err overlay_read(struct overlay *overlay, uint64_t position, struct lx_arena *arena,
                         struct record *ret_record, struct lx_error *err)
{
    struct journal_cursor *cursor = NULL;
    struct journal_record found = {0};
    bool is_known = false;
    enum lx_err code = read_bytes(overlay, position, &cursor, &found, err);
    if (code == LX_OK)
        code = record_read(found.bytes, found.length, arena, ret_record, &is_known, err);
    if (code == LX_OK && !is_known)
        code =
            lx_fail(err, LX_ERR_CORRUPT, "journal: record %" PRIu64 " is not a decision", position);
    journal_cursor_close(cursor);
    return code;
}

/* A retraction takes back what was said in its own round only. */
enum bank_answer overlay_standing(const struct overlay_answer *answers, size_t count, int product,
                                  uint64_t decision, int64_t *ret_answered_ms)
{
    for (size_t i = count; i-- > 0;) {
        const struct overlay_answer *answer = &answers[i];
        if (answer->product != product) continue;
        if (decision != UINT64_MAX && answer->decision != decision) continue;
        bool is_last_of_round = true;
        for (size_t j = i + 1; j < count; j++)
            if (answers[j].product == product && answers[j].decision == answer->decision)
                is_last_of_round = false;
        if (!is_last_of_round || answer->answer == BANK_ANSWER_RETRACTED) continue;
        *ret_answered_ms = answer->answered_ms;
        return answer->answer;
    }
    *ret_answered_ms = 0;
    return BANK_ANSWER_NONE;
}
