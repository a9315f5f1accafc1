/*
 * Everything that a load has gathered, written in the order of each table's key.
 *
 * The facts of one customer and moment are a group. Within it a fact that is there already, in the
 * bank or in the batch, is a duplicate; the others are numbered on from the last.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bank/holdings.h"
#include "bank/loading.h"
#include "base/date.h"

enum {
    SLICE_EVENTS = 1 << 20, /* between two looks at progress and holdings */
    FACT_BYTES_MAX = 64,
    GROUP_MAX = LX_HISTORY_EVENTS_MAX,
    EVENT_COLUMNS = 12,
    HOLDING_COLUMNS = 7,
    CUSTOMER_COLUMNS = 4,
};
_Static_assert(sizeof(struct bank_exposure) <= FACT_BYTES_MAX &&
                   sizeof(struct bank_profile) <= FACT_BYTES_MAX,
               "every fact fits");

static void set_int(struct store_value *value, int64_t integer)
{
    value->type = STORE_INT;
    value->as.integer = integer;
}

/* A null where the value is the one that means "not known". */
static void set_known(struct store_value *value, int64_t integer, int64_t unknown)
{
    set_int(value, integer);
    if (integer == unknown) value->type = STORE_NULL;
}

static void set_text(struct store_value *value, const char *text, size_t length)
{
    value->type = STORE_TEXT;
    value->as.bytes = text;
    value->length = (uint32_t)length;
}

static enum lx_err run_simple(struct bank_load *load, const char *sql, const int64_t *numbers,
                              int number_count, const char *const *texts, int text_count,
                              struct lx_error *err)
{
    struct store_statement *statement = NULL;
    enum lx_err code = store_prepare(load->target, sql, &statement, err);
    if (code != LX_OK) return code;
    for (int i = 0; i < number_count; i++) store_bind_int(statement, i + 1, numbers[i]);
    for (int i = 0; i < text_count; i++)
        store_bind_text(statement, number_count + i + 1, texts[i], strlen(texts[i]));
    code = store_run(statement, err);
    store_finalize(statement);
    return code;
}

/* Without a known moment the column stays NULL, as for a batch of branches only. */
static enum lx_err write_batch(struct bank_load *load, struct lx_error *err)
{
    const int64_t numbers[] = {load->number, load->now_ms, (int64_t)load->rows_loaded,
                               (int64_t)load->duplicates, load->max_known_at_ms};
    const char *const texts[] = {load->source, load->mapping};
    return run_simple(load,
                      "INSERT INTO batch (batch, at_ms, rows_loaded, duplicates, max_known_at_ms,"
                      " source, mapping)"
                      " VALUES ($1, $2, $3, $4, nullif($5, -9223372036854775807 - 1), $6, $7)",
                      numbers, 5, texts, 2, err);
}

static enum lx_err write_files(struct bank_load *load, struct lx_error *err)
{
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < load->file_count && code == LX_OK; i++) {
        const int64_t numbers[] = {load->number, (int64_t)load->files[i].size_bytes};
        const char *const texts[] = {load->files[i].sha256, load->files[i].name};
        /* The same content twice in one batch is one file. */
        code = run_simple(load,
                          "INSERT INTO batch_file (batch, size_bytes, sha256, name)"
                          " VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
                          numbers, 2, texts, 2, err);
    }
    return code;
}

/* Parameters: 1 product, 2 at, 3 now, 4-14 numbers, 15-18 texts. */
static const char version_sql[] =
    "INSERT INTO product_version (product, at_ms, known_at_ms, category, risk, minimum_fen,"
    " rate_ppm, term_days, age_min, age_max, launched_day, is_green, channels, status, name_zh,"
    " name_en, features_zh, features_en)"
    " SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18"
    " WHERE NOT EXISTS (SELECT 1 FROM product_version WHERE product = $1"
    " AND at_ms = (SELECT max(at_ms) FROM product_version WHERE product = $1)"
    " AND (category, risk, minimum_fen, rate_ppm, term_days, age_min, age_max, launched_day,"
    " is_green, channels, status, name_zh, name_en, features_zh, features_en)"
    " = ($4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18))";

/* The first version holds from the launch on, a later one from now on. */
static enum lx_err version_begin(struct bank_load *load, size_t product, int64_t launched_ms,
                                 int64_t *ret_at_ms, struct lx_error *err)
{
    char sql[96];
    int64_t last_ms = BANK_UNKNOWN_MS;
    snprintf(sql, sizeof sql, "SELECT max(at_ms) FROM product_version WHERE product = %zu",
             product);
    enum lx_err code = bank_query_int(load->target, sql, BANK_UNKNOWN_MS, &last_ms, err);
    if (code != LX_OK) return code;
    int64_t at_ms =
        last_ms == BANK_UNKNOWN_MS && launched_ms < load->now_ms ? launched_ms : load->now_ms;
    *ret_at_ms = at_ms > last_ms ? at_ms : last_ms + 1;
    return LX_OK;
}

static enum lx_err write_products(struct bank_load *load, struct lx_error *err)
{
    const struct bank_catalogue *catalogue = &load->bank->catalogue;
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < catalogue->count && code == LX_OK; i++) {
        const struct bank_product *p = &catalogue->products[i];
        const int64_t number[] = {(int64_t)i};
        const char *const product_code[] = {p->code};
        code = run_simple(load,
                          "INSERT INTO product (product, code) VALUES ($1, $2)"
                          " ON CONFLICT DO NOTHING",
                          number, 1, product_code, 1, err);
        int64_t at_ms = 0;
        if (code == LX_OK)
            code = version_begin(load, i,
                                 lx_ms_of_day(p->launched_day, load->bank->utc_offset_minutes),
                                 &at_ms, err);
        const int64_t numbers[] = {
            (int64_t)i,      at_ms,       load->now_ms, p->category, p->risk,
            p->minimum_fen,  p->rate_ppm, p->term_days, p->age_min,  p->age_max,
            p->launched_day, p->is_green, p->channels,  p->status,
        };
        const char *const texts[] = {p->zh, p->en, p->features_zh, p->features_en};
        if (code == LX_OK) code = run_simple(load, version_sql, numbers, 14, texts, 4, err);
    }
    return code;
}

static const char *list_sql(enum bank_list list)
{
    switch (list) {
    case BANK_LIST_BRANCH:
        return "INSERT INTO branch (branch, code) SELECT $2, $3 WHERE $1 > 0 ON CONFLICT DO "
               "NOTHING";
    case BANK_LIST_CAMPAIGN:
        return "INSERT INTO campaign (campaign, code) SELECT $2, $3 WHERE $1 > 0"
               " ON CONFLICT DO NOTHING";
    case BANK_LIST_OCCUPATION:
    case BANK_LIST_EDUCATION:
    case BANK_LIST_MARITAL: return "INSERT INTO code (list, number, code) VALUES ($1, $2, $3)";
    }
    lx_bug(__FILE__, __LINE__, "list");
}

static enum lx_err write_lists(struct bank_load *load, struct lx_error *err)
{
    enum lx_err code = LX_OK;
    for (int list = 1; list < BANK_LIST_END && code == LX_OK; list++)
        for (size_t n = load->lists_before[list]; n < load->lists[list].count && code == LX_OK;
             n++) {
            const int64_t numbers[] = {list, (int64_t)n};
            const char *const texts[] = {lx_dictionary_text(&load->lists[list], (uint32_t)n, NULL)};
            code = run_simple(load, list_sql((enum bank_list)list), numbers, 2, texts, 1, err);
        }
    return code;
}

struct customer_source {
    struct bank_load *load;
    size_t next;
    uint32_t *name_of; /* of each new customer: his last name's place + 1, or 0 */
};

static enum lx_err next_customer(void *context, struct store_value *values, bool *ret_has_row,
                                 struct lx_error *err)
{
    struct customer_source *source = context;
    struct bank_load *load = source->load;
    *ret_has_row = source->next < load->customers.count;
    if (!*ret_has_row) return LX_OK;

    size_t length;
    const char *id = lx_dictionary_text(&load->customers, (uint32_t)source->next, &length);
    uint32_t name = source->name_of[source->next - load->customers_before];
    set_int(&values[0], (int64_t)source->next);
    set_text(&values[1], id, length);
    values[2].type = STORE_NULL;
    if (name > 0) {
        const struct given_name *given = &load->names[name - 1];
        set_text(&values[2], load->name_bytes + given->offset, given->length);
    }
    set_int(&values[3], load->number);
    source->next++;
    return LX_OK;
}

static enum lx_err rename_known(struct bank_load *load, struct lx_error *err)
{
    struct store_statement *statement = NULL;
    enum lx_err code = store_prepare(
        load->target, "UPDATE customer SET name = $2 WHERE customer = $1 AND name IS NOT $2",
        &statement, err);
    for (size_t i = 0; i < load->name_count && code == LX_OK; i++) {
        const struct given_name *name = &load->names[i];
        if (name->customer >= load->customers_before) continue;
        store_bind_int(statement, 1, name->customer);
        store_bind_text(statement, 2, load->name_bytes + name->offset, name->length);
        code = store_run(statement, err);
    }
    store_finalize(statement);
    return code;
}

static enum lx_err write_customers(struct bank_load *load, struct lx_error *err)
{
    size_t new_count = load->customers.count - load->customers_before;
    enum lx_err code = load->customers_before > 0 ? rename_known(load, err) : LX_OK;
    if (code != LX_OK || new_count == 0) return code;

    uint32_t *name_of = lx_calloc(new_count, sizeof *name_of);
    if (name_of == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "customers: out of memory");
    for (size_t i = 0; i < load->name_count; i++)
        if (load->names[i].customer >= load->customers_before)
            name_of[load->names[i].customer - load->customers_before] = (uint32_t)i + 1;
    struct customer_source customers = {load, load->customers_before, name_of};
    const struct store_source source = {&customers, next_customer};
    uint64_t count = 0;
    code = store_append(load->target, "customer", CUSTOMER_COLUMNS, STORE_CONFLICT_REFUSED, &source,
                        &count, err);
    LX_ASSERT(code != LX_OK || count == new_count);
    lx_free(name_of);
    return code;
}

/* How a table of facts is written. */
struct fact_writer {
    enum bank_fact fact;
    const char *table;
    int column_count;
    size_t fact_bytes;
    /* Fills the columns after customer, at_ms, sequence, but for the last, batch. */
    void (*fill)(const void *fact, struct store_value *values);
};

static void fill_profile(const void *fact, struct store_value *v)
{
    const struct bank_profile *p = fact;
    set_int(&v[0], p->known_at_ms);
    set_known(&v[1], p->birth_day, INT32_MIN);
    set_known(&v[2], p->joined_day, INT32_MIN);
    set_known(&v[3], p->gender, BANK_GENDER_NONE);
    set_known(&v[4], p->has_phone, 2);
    set_known(&v[5], p->branch, -1);
    set_known(&v[6], p->occupation, -1);
    set_known(&v[7], p->education, -1);
    set_known(&v[8], p->marital, -1);
    set_known(&v[9], p->income_fen, BANK_NO_AMOUNT);
}

static void fill_risk(const void *fact, struct store_value *v)
{
    const struct bank_risk *risk = fact;
    set_int(&v[0], risk->known_at_ms);
    set_int(&v[1], risk->level);
    set_int(&v[2], risk->expires_ms);
}

static void fill_exposure(const void *fact, struct store_value *v)
{
    const struct bank_exposure *e = fact;
    set_int(&v[0], e->known_at_ms);
    set_known(&v[1], e->campaign, -1);
    set_known(&v[2], e->product, BANK_NO_PRODUCT);
    set_known(&v[3], e->channel, BANK_CHANNEL_NONE);
    set_known(&v[4], e->answer, BANK_ANSWER_NONE);
    set_known(&v[5], e->answer_known_at_ms, BANK_UNKNOWN_MS);
    v[6].type = isnan(e->show_probability) ? STORE_NULL : STORE_REAL;
    v[6].as.real = e->show_probability;
    set_int(&v[7], e->is_random);
    set_int(&v[8], e->is_control);
}

static void fill_consent(const void *fact, struct store_value *v)
{
    const struct bank_consent *consent = fact;
    set_int(&v[0], consent->known_at_ms);
    set_known(&v[1], consent->channel, BANK_CHANNEL_NONE);
    set_int(&v[2], consent->is_granted);
}

static const struct fact_writer writers[] = {
    {BANK_FACT_PROFILE, "customer_profile", 14, sizeof(struct bank_profile), fill_profile},
    {BANK_FACT_RISK, "risk_assessment", 7, sizeof(struct bank_risk), fill_risk},
    {BANK_FACT_CONSENT, "consent", 7, sizeof(struct bank_consent), fill_consent},
    {BANK_FACT_EXPOSURE, "exposure", 13, sizeof(struct bank_exposure), fill_exposure},
};

/* A fact of the current group, packed. */
struct group_fact {
    _Alignas(8) char bytes[FACT_BYTES_MAX];
};

struct fact_source {
    struct bank_load *load;
    const struct fact_writer *writer;
    struct sorter *sorter;
    struct sorter_key key; /* of the group */
    bool has_group;
    struct group_fact *group; /* owned */
    size_t group_count, group_capacity;
    size_t from_bank; /* so many of the group are in the bank */
    /* Answers to exposures that the bank has without one. */
    struct late_answer *answers; /* owned */
    size_t answer_count, answer_capacity;
};

struct late_answer {
    struct sorter_key key;
    struct bank_exposure exposure;
};

static enum lx_err add_to_group(struct fact_source *source, const void *fact, struct lx_error *err)
{
    enum lx_err code = lx_grow(&source->group, &source->group_capacity, source->group_count + 1,
                               GROUP_MAX, sizeof *source->group);
    if (code != LX_OK)
        return lx_fail(err, code, "%s: customer number %" PRIu32 ": %zu at one moment: %s",
                       source->writer->table, source->key.customer, source->group_count,
                       lx_err_text(code));
    bank_pack_fact(source->writer->fact, fact, source->group[source->group_count++].bytes);
    return LX_OK;
}

static enum lx_err begin_group(struct fact_source *source, const struct sorter_key *key,
                               struct lx_error *err)
{
    struct bank_load *load = source->load;
    source->key = *key;
    source->has_group = true;
    source->group_count = 0;
    source->from_bank = 0;
    if (load->before == NULL || key->customer >= load->customers_before) return LX_OK;

    const char *rows = NULL;
    const void *first = NULL;
    size_t count = 0, size = source->writer->fact_bytes;
    enum lx_err code = bank_facts_at(load->before, source->writer->fact, key->customer, key->at_ms,
                                     &first, &count, err);
    rows = first;
    for (size_t i = 0; i < count && code == LX_OK; i++)
        code = add_to_group(source, rows + i * size, err);
    source->from_bank = source->group_count;
    return code;
}

/* The same offer, once without and once with an answer. */
static bool completes(const struct bank_exposure *old, const struct bank_exposure *new)
{
    return old->answer == BANK_ANSWER_NONE && new->answer != BANK_ANSWER_NONE &&
           old->known_at_ms <= new->answer_known_at_ms && old->campaign == new->campaign &&
           old->product == new->product && old->channel == new->channel;
}

static bool is_same_fact(const struct fact_source *source, const void *a, const void *b)
{
    return memcmp(a, b, source->writer->fact_bytes) == 0;
}

enum verdict { VERDICT_NEW, VERDICT_DUPLICATE, VERDICT_ANSWER };

static enum verdict judge(const struct fact_source *source, const void *fact, size_t *ret_place)
{
    for (size_t i = 0; i < source->group_count; i++)
        if (is_same_fact(source, source->group[i].bytes, fact)) return VERDICT_DUPLICATE;
    if (source->writer->fact != BANK_FACT_EXPOSURE) return VERDICT_NEW;
    for (size_t i = 0; i < source->group_count; i++) {
        struct bank_exposure old, new;
        memcpy(&old, source->group[i].bytes, sizeof old);
        memcpy(&new, fact, sizeof new);
        *ret_place = i;
        if (completes(&old, &new)) return VERDICT_ANSWER;
    }
    return VERDICT_NEW;
}

/* The row may be on its way into the table, so it is changed after the pass. */
static enum lx_err note_answer(struct fact_source *source, const void *fact, size_t place,
                               struct lx_error *err)
{
    enum lx_err code = lx_grow(&source->answers, &source->answer_capacity, source->answer_count + 1,
                               LX_MEMORY_MAX / sizeof *source->answers, sizeof *source->answers);
    if (code != LX_OK) return lx_fail(err, code, "exposures: %s", lx_err_text(code));
    struct late_answer *answer = &source->answers[source->answer_count++];
    answer->key = source->key;
    answer->key.sequence = (uint32_t)place;
    memcpy(&answer->exposure, fact, sizeof answer->exposure);
    memcpy(source->group[place].bytes, fact, sizeof answer->exposure);
    return LX_OK;
}

static bool is_in_group(const struct fact_source *source, const struct sorter_key *key)
{
    return source->has_group && source->key.customer == key->customer &&
           source->key.at_ms == key->at_ms;
}

static enum lx_err next_fact(void *context, struct store_value *values, bool *ret_has_row,
                             struct lx_error *err)
{
    struct fact_source *source = context;
    for (;;) {
        const void *record = NULL;
        size_t place = 0;
        enum lx_err code = sorter_next(source->sorter, &record, err);
        *ret_has_row = record != NULL;
        if (code != LX_OK || record == NULL) return code;
        const struct sorter_key *key = record;
        const char *fact = (const char *)record + sizeof *key;
        if (!is_in_group(source, key)) code = begin_group(source, key, err);
        if (code != LX_OK) return code;
        switch (judge(source, fact, &place)) {
        case VERDICT_DUPLICATE: source->load->duplicates++, source->load->rows_loaded--; continue;
        case VERDICT_ANSWER:
            code = note_answer(source, fact, place, err);
            if (code != LX_OK) return code;
            continue;
        case VERDICT_NEW: break;
        }
        set_int(&values[0], key->customer);
        set_int(&values[1], key->at_ms);
        set_int(&values[2], (int64_t)source->group_count);
        source->writer->fill(fact, values + 3);
        set_int(&values[source->writer->column_count - 1], source->load->number);
        return add_to_group(source, fact, err);
    }
}

static enum lx_err write_answers(struct fact_source *source, struct lx_error *err)
{
    struct store_statement *statement = NULL;
    if (source->answer_count == 0) return LX_OK;
    enum lx_err code = store_prepare(source->load->target,
                                     "UPDATE exposure SET answer = $4, answer_known_at_ms = $5"
                                     " WHERE customer = $1 AND at_ms = $2 AND sequence = $3",
                                     &statement, err);
    for (size_t i = 0; i < source->answer_count && code == LX_OK; i++) {
        const struct late_answer *answer = &source->answers[i];
        store_bind_int(statement, 1, answer->key.customer);
        store_bind_int(statement, 2, answer->key.at_ms);
        store_bind_int(statement, 3, answer->key.sequence);
        store_bind_int(statement, 4, answer->exposure.answer);
        store_bind_int(statement, 5, answer->exposure.answer_known_at_ms);
        code = store_run(statement, err);
    }
    store_finalize(statement);
    return code;
}

static enum lx_err write_facts(struct bank_load *load, const struct fact_writer *writer,
                               struct lx_error *err)
{
    struct fact_source facts = {
        .load = load, .writer = writer, .sorter = &load->sorters[writer->fact]};
    const struct store_source source = {&facts, next_fact};
    uint64_t count = 0;
    enum lx_err code = LX_OK;
    if (facts.sorter->total > 0) code = sorter_finish(facts.sorter, err);
    if (code == LX_OK && facts.sorter->total > 0)
        code = store_append(load->target, writer->table, writer->column_count,
                            STORE_CONFLICT_REFUSED, &source, &count, err);
    if (code == LX_OK) code = write_answers(&facts, err);
    lx_free(facts.group);
    lx_free(facts.answers);
    sorter_release(facts.sorter);
    return code;
}

struct event_source {
    struct bank_load *load;
    struct sorter *sorter;
    const struct packed_event *ahead; /* the next one, already taken from the sorter */
    struct sorter_key last;           /* of the last one given, with its number */
    bool has_last;
    uint64_t given; /* in this slice */
    struct bank_holdings holdings;
    uint32_t *touched; /* owned: known customers whose holdings have to be derived again */
    size_t touched_count, touched_capacity;
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

static enum lx_err note_holding(struct event_source *source, const struct packed_event *event,
                                enum bank_event_kind kind, int product, struct lx_error *err)
{
    const struct sorter_key *key = &event->key;
    enum lx_err code = LX_OK;
    if (kind != BANK_EVENT_KIND_OPEN && kind != BANK_EVENT_KIND_CLOSE) return LX_OK;
    if (key->customer >= source->load->customers_before) {
        code = bank_holdings_add(&source->holdings, key->customer, kind, product, key->at_ms,
                                 event->known_at_ms);
    } else if (source->touched_count == 0 ||
               source->touched[source->touched_count - 1] != key->customer) {
        code = lx_grow(&source->touched, &source->touched_capacity, source->touched_count + 1,
                       UINT32_MAX, sizeof *source->touched);
        if (code == LX_OK) source->touched[source->touched_count++] = key->customer;
    }
    return code == LX_OK ? LX_OK : lx_fail(err, code, "holdings: %s", lx_err_text(code));
}

static void fill_event(const struct packed_event *event, uint32_t sequence, int64_t batch,
                       struct store_value *v)
{
    set_int(&v[0], event->key.customer);
    set_int(&v[1], event->key.at_ms);
    set_int(&v[2], sequence);
    set_int(&v[3], event->known_at_ms);
    set_int(&v[4], event->codes >> 16 & 63);
    set_known(&v[5], (int64_t)(event->codes & 0xFFFF) - 1, BANK_NO_PRODUCT);
    set_known(&v[6], event->codes >> 22 & 31, BANK_CHANNEL_NONE);
    set_known(&v[7], event->codes >> 27, BANK_MERCHANT_NONE);
    set_known(&v[8], event->amount_fen, BANK_NO_AMOUNT);
    set_known(&v[9], event->balance_fen, BANK_NO_AMOUNT);
    set_int(&v[10], event->quantity);
    set_int(&v[11], batch);
}

static enum lx_err take_event(struct event_source *source, struct lx_error *err)
{
    const void *record = NULL;
    enum lx_err code = sorter_next(source->sorter, &record, err);
    source->ahead = record;
    return code;
}

static enum lx_err next_event(void *context, struct store_value *values, bool *ret_has_row,
                              struct lx_error *err)
{
    struct event_source *source = context;
    struct bank_load *load = source->load;
    for (;;) {
        const struct packed_event *event = source->ahead;
        enum lx_err code = LX_OK;
        bool is_enough = event != NULL && source->given >= SLICE_EVENTS &&
                         event->key.customer != source->last.customer;
        *ret_has_row = event != NULL && !is_enough;
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
        code = note_holding(source, event, (enum bank_event_kind)values[4].as.integer,
                            (int)(event->codes & 0xFFFF) - 1, err);
        source->last = event->key;
        source->last.sequence = sequence;
        source->has_last = true;
        source->given++;
        return code == LX_OK ? take_event(source, err) : code;
    }
}

struct holding_source {
    const struct bank_holdings *holdings;
    size_t next;
};

static enum lx_err next_holding(void *context, struct store_value *v, bool *ret_has_row,
                                struct lx_error *err)
{
    struct holding_source *source = context;
    *ret_has_row = source->next < source->holdings->count;
    if (!*ret_has_row) return LX_OK;
    const struct bank_holding *holding = &source->holdings->items[source->next++];
    set_int(&v[0], holding->customer);
    set_int(&v[1], holding->sequence);
    set_int(&v[2], holding->product);
    set_known(&v[3], holding->opened_at_ms, BANK_UNKNOWN_MS);
    set_known(&v[4], holding->opened_known_at_ms, BANK_UNKNOWN_MS);
    set_known(&v[5], holding->closed_at_ms, BANK_UNKNOWN_MS);
    set_known(&v[6], holding->closed_known_at_ms, BANK_UNKNOWN_MS);
    return LX_OK;
}

static enum lx_err write_holdings(struct bank_load *load, struct bank_holdings *holdings,
                                  struct lx_error *err)
{
    if (holdings->count == 0) return LX_OK;
    struct holding_source items = {holdings, 0};
    const struct store_source source = {&items, next_holding};
    uint64_t count = 0;
    enum lx_err code = store_append(load->target, "holding", HOLDING_COLUMNS,
                                    STORE_CONFLICT_REFUSED, &source, &count, err);
    LX_ASSERT(code != LX_OK || count == holdings->count);
    bank_holdings_clear(holdings);
    return code;
}

static enum lx_err derive_again(struct store_statement *clear, struct store_statement *read,
                                uint32_t customer, struct bank_holdings *holdings,
                                struct lx_error *err)
{
    bool has_row = false;
    store_bind_int(clear, 1, customer);
    store_bind_int(read, 1, customer);
    enum lx_err code = store_run(clear, err);
    while (code == LX_OK && (code = store_step(read, &has_row, err)) == LX_OK && has_row) {
        int64_t v[4];
        store_ints(read, 0, 4, -1, v);
        code = bank_holdings_add(holdings, customer, (enum bank_event_kind)v[0], (int)v[1], v[2],
                                 v[3]);
        if (code != LX_OK) lx_fail(err, code, "holdings: %s", lx_err_text(code));
    }
    store_reset(read);
    return code;
}

/* Of customers who had events before: all their events count, and those may lie anywhere. */
static enum lx_err write_touched(struct event_source *source, struct lx_error *err)
{
    struct bank_load *load = source->load;
    struct store_statement *clear = NULL, *read = NULL;
    if (source->touched_count == 0) return LX_OK;
    enum lx_err code =
        store_prepare(load->target, "DELETE FROM holding WHERE customer = $1", &clear, err);
    if (code == LX_OK)
        code = store_prepare(load->target,
                             "SELECT kind, product, at_ms, known_at_ms FROM event"
                             " WHERE customer = $1 AND kind IN (14, 15)"
                             " ORDER BY at_ms, sequence",
                             &read, err);
    for (size_t i = 0; i < source->touched_count && code == LX_OK; i++)
        code = derive_again(clear, read, source->touched[i], &source->holdings, err);
    store_finalize(clear);
    store_finalize(read);
    source->touched_count = 0;
    return code == LX_OK ? write_holdings(load, &source->holdings, err) : code;
}
_Static_assert(BANK_EVENT_KIND_OPEN == 14 && BANK_EVENT_KIND_CLOSE == 15, "they stand in the SQL");

static enum lx_err write_slice(struct event_source *events, struct lx_error *err)
{
    struct bank_load *load = events->load;
    const struct store_source source = {events, next_event};
    uint64_t count = 0;
    events->given = 0;
    /* Only where there were events before can a number be taken already. */
    enum lx_err code = store_append(
        load->target, "event", EVENT_COLUMNS,
        load->is_first ? STORE_CONFLICT_REFUSED : STORE_CONFLICT_IGNORED, &source, &count, err);
    if (code != LX_OK) return code;
    load->duplicates += events->given - count;
    load->rows_loaded -= events->given - count;
    code = write_holdings(load, &events->holdings, err);
    return code == LX_OK ? write_touched(events, err) : code;
}

static enum lx_err write_events(struct bank_load *load, const struct lx_env *env,
                                struct lx_error *err)
{
    struct event_source events = {.load = load, .sorter = &load->sorters[BANK_FACT_EVENT]};
    uint64_t total = events.sorter->total, done = 0;
    enum lx_err code = LX_OK;
    if (total > 0) code = sorter_finish(events.sorter, err);
    if (total > 0 && code == LX_OK) code = take_event(&events, err);
    while (code == LX_OK && events.ahead != NULL) {
        code = write_slice(&events, err);
        done += events.given;
        env->progress(env->context, "load", done, total);
    }
    bank_holdings_release(&events.holdings);
    lx_free(events.touched);
    sorter_release(events.sorter);
    return code;
}

enum lx_err bank_load_write(struct bank_load *load, const struct lx_env *env, struct lx_error *err)
{
    enum lx_err code = write_products(load, err);
    if (code == LX_OK) code = write_lists(load, err);
    if (code == LX_OK) code = write_customers(load, err);
    for (size_t i = 0; i < LX_COUNT_OF(writers) && code == LX_OK; i++)
        code = write_facts(load, &writers[i], err);
    if (code == LX_OK) code = write_events(load, env, err);
    if (code == LX_OK) code = write_files(load, err);
    if (code == LX_OK) code = write_batch(load, err);
    return code;
}
