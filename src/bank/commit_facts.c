/*
 * Profiles, risk assessments, consents and exposures.
 *
 * The facts of one customer and moment are a group. Within it a fact that is there already, in the
 * bank or in the batch, is a duplicate; the others are numbered on from the last.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "bank/loading.h"

enum { FACT_BYTES_MAX = 64, GROUP_MAX = LX_HISTORY_EVENTS_MAX };
_Static_assert(sizeof(struct bank_exposure) <= FACT_BYTES_MAX &&
                   sizeof(struct bank_profile) <= FACT_BYTES_MAX,
               "every fact fits");

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
    bank_set_int(&v[0], p->known_at_ms);
    bank_set_known(&v[1], p->birth_day, INT32_MIN);
    bank_set_known(&v[2], p->joined_day, INT32_MIN);
    bank_set_known(&v[3], p->gender, BANK_GENDER_NONE);
    bank_set_known(&v[4], p->has_phone, 2);
    bank_set_known(&v[5], p->branch, -1);
    bank_set_known(&v[6], p->occupation, -1);
    bank_set_known(&v[7], p->education, -1);
    bank_set_known(&v[8], p->marital, -1);
    bank_set_known(&v[9], p->income_fen, BANK_NO_AMOUNT);
}

static void fill_risk(const void *fact, struct store_value *v)
{
    const struct bank_risk *risk = fact;
    bank_set_int(&v[0], risk->known_at_ms);
    bank_set_int(&v[1], risk->level);
    bank_set_int(&v[2], risk->expires_ms);
}

static void fill_exposure(const void *fact, struct store_value *v)
{
    const struct bank_exposure *e = fact;
    bank_set_int(&v[0], e->known_at_ms);
    bank_set_known(&v[1], e->campaign, -1);
    bank_set_known(&v[2], e->product, BANK_NO_PRODUCT);
    bank_set_known(&v[3], e->channel, BANK_CHANNEL_NONE);
    bank_set_known(&v[4], e->answer, BANK_ANSWER_NONE);
    bank_set_known(&v[5], e->answer_known_at_ms, BANK_UNKNOWN_MS);
    v[6].type = isnan(e->show_probability) ? STORE_NULL : STORE_REAL;
    v[6].as.real = e->show_probability;
    bank_set_int(&v[7], e->is_random);
    bank_set_int(&v[8], e->is_control);
}

static void fill_consent(const void *fact, struct store_value *v)
{
    const struct bank_consent *consent = fact;
    bank_set_int(&v[0], consent->known_at_ms);
    bank_set_known(&v[1], consent->channel, BANK_CHANNEL_NONE);
    bank_set_int(&v[2], consent->is_granted);
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
        bank_set_int(&values[0], key->customer);
        bank_set_int(&values[1], key->at_ms);
        bank_set_int(&values[2], (int64_t)source->group_count);
        source->writer->fill(fact, values + 3);
        bank_set_int(&values[source->writer->column_count - 1], source->load->number);
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

enum lx_err bank_commit_facts(struct bank_load *load, struct lx_error *err)
{
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < LX_COUNT_OF(writers) && code == LX_OK; i++)
        code = write_facts(load, &writers[i], err);
    return code;
}
