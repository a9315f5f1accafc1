#include "decide/posteriors.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "model/rounds.h"

#define PRIOR_YES 1.0
#define PRIOR_ANSWERS 10.0

enum { RECORD_ARENA_MAX = 64 << 20, NAME_SIZE = 48 };

/* Sums of 2^((day - DAY_0) / half-life). */
struct counts {
    double yes, answers;
};

struct posteriors {
    struct store *store;
    struct journal *journal;
    const struct bank_catalogue *catalogue;
    struct actions_explore explore;
    int utc_offset_minutes;
    char projection[NAME_SIZE]; /* in `projection`: another half-life is another projection */
    char names[POSTERIORS_SEGMENTS_MAX][ACTIONS_NAME_MAX + 1];
    size_t name_count;
    struct counts *cells;      /* by segment and product */
    struct beta_table *tables; /* likewise */
    bool *is_changed;          /* since it was saved */
    struct counts *products, categories[BANK_CATEGORY_END], all;
    uint64_t position, saved; /* everything before is counted; is in the table */
};

static size_t cell_of(const struct posteriors *posteriors, size_t segment, int product)
{
    return segment * posteriors->catalogue->count + (size_t)product;
}

/* The number of the name; name_count where there is none. */
static size_t find_name(const struct posteriors *posteriors, const char *name)
{
    size_t i = 0;
    while (i < posteriors->name_count && strcmp(posteriors->names[i], name) != 0) i++;
    return i;
}

/* Number 0 is "", which always has room. */
static size_t add_name(struct posteriors *posteriors, const char *name)
{
    size_t at = find_name(posteriors, name);
    if (at < posteriors->name_count) return at;
    if (at == POSTERIORS_SEGMENTS_MAX || strlen(name) > ACTIONS_NAME_MAX) return 0;
    memcpy(posteriors->names[at], name, strlen(name) + 1);
    posteriors->name_count++;
    return at;
}

static void add_to(struct counts *counts, double yes, double answers)
{
    counts->yes += yes;
    counts->answers += answers;
}

static void count(struct posteriors *posteriors, size_t segment, int product, double yes,
                  double answers)
{
    size_t cell = cell_of(posteriors, segment, product);
    const struct bank_product *about = &posteriors->catalogue->products[product];
    add_to(&posteriors->cells[cell], yes, answers);
    add_to(&posteriors->products[product], yes, answers);
    add_to(&posteriors->categories[about->category], yes, answers);
    add_to(&posteriors->all, yes, answers);
    posteriors->is_changed[cell] = true;
}

static double weight_of(const struct posteriors *posteriors, int64_t at_ms)
{
    int32_t day = lx_day_of_ms(at_ms, posteriors->utc_offset_minutes);
    return exp2((day - POSTERIORS_DAY_0) / posteriors->explore.half_life_days);
}

static void count_answer(struct posteriors *posteriors, size_t segment, int product,
                         enum bank_answer answer, int64_t at_ms, double sign)
{
    double weight = 0;
    bool is_yes = false;
    if (!rounds_answer_weight(answer, &weight, &is_yes)) return;
    weight *= sign * weight_of(posteriors, at_ms);
    count(posteriors, segment, product, is_yes ? weight : 0, weight);
}

void posteriors_apply(struct posteriors *posteriors, const struct record_answer *answer)
{
    size_t segment = add_name(posteriors, answer->segment);
    for (size_t i = 0; i < answer->given_count; i++) {
        const struct record_given *given = &answer->given[i];
        if ((size_t)given->product >= posteriors->catalogue->count) continue; /* gone since */
        count_answer(posteriors, segment, given->product, given->before, given->before_ms, -1);
        count_answer(posteriors, segment, given->product, given->answer, answer->answered_ms, 1);
    }
}

/* --- Journal and table ----------------------------------------------------------------------- */

static enum lx_err apply_record(struct posteriors *posteriors, const struct journal_record *record,
                                struct lx_arena *arena, struct lx_error *err)
{
    struct record read;
    bool is_known = false;
    if (record->length == 0 || *(const uint8_t *)record->bytes != RECORD_ANSWER) return LX_OK;
    lx_arena_clear(arena);
    enum lx_err code = record_read(record->bytes, record->length, arena, &read, &is_known, err);
    if (code == LX_OK && is_known) posteriors_apply(posteriors, &read.answer);
    return code;
}

static enum lx_err read_journal(struct posteriors *posteriors, struct lx_error *err)
{
    struct journal_cursor *cursor = NULL;
    struct journal_record record;
    struct lx_arena arena;
    bool has_record = true;
    lx_arena_init(&arena, RECORD_ARENA_MAX);
    enum lx_err code = journal_seek(posteriors->journal, posteriors->position, &cursor, err);
    while (code == LX_OK) {
        code = journal_read(cursor, &record, &has_record, err);
        if (code != LX_OK || !has_record) break;
        code = apply_record(posteriors, &record, &arena, err);
        posteriors->position = record.position + 1;
    }
    journal_cursor_close(cursor);
    lx_arena_release(&arena);
    return code;
}

static enum lx_err read_position(struct posteriors *posteriors, bool *ret_has_table,
                                 uint64_t *ret_position, struct lx_error *err)
{
    struct store_statement *statement = NULL;
    enum lx_err code = store_prepare(
        posteriors->store, "SELECT next_position FROM projection WHERE name = $1", &statement, err);
    if (code != LX_OK) return code;
    store_bind_text(statement, 1, posteriors->projection, strlen(posteriors->projection));
    code = store_step(statement, ret_has_table, err);
    if (code == LX_OK && *ret_has_table) *ret_position = (uint64_t)store_int(statement, 0);
    store_finalize(statement);
    return code;
}

/* In the order of the key, so that sums over cells come out the same each time. */
static enum lx_err read_table(struct posteriors *posteriors, struct lx_error *err)
{
    struct store_statement *statement = NULL;
    bool has_row = true;
    enum lx_err code = store_prepare(posteriors->store,
                                     "SELECT segment, product, yes, answers FROM posterior "
                                     "ORDER BY segment, product",
                                     &statement, err);
    while (code == LX_OK) {
        code = store_step(statement, &has_row, err);
        if (code != LX_OK || !has_row) break;
        size_t segment = add_name(posteriors, store_text(statement, 0, NULL));
        int64_t product = store_int(statement, 1);
        if (product < 0 || (size_t)product >= posteriors->catalogue->count) continue;
        count(posteriors, segment, (int)product, store_real(statement, 2),
              store_real(statement, 3));
    }
    store_finalize(statement);
    for (size_t i = 0; i < POSTERIORS_SEGMENTS_MAX * posteriors->catalogue->count; i++)
        posteriors->is_changed[i] = false;
    return code;
}

static enum lx_err make_room(struct posteriors *posteriors, struct lx_error *err)
{
    size_t products = posteriors->catalogue->count > 0 ? posteriors->catalogue->count : 1;
    size_t cells = POSTERIORS_SEGMENTS_MAX * products;
    posteriors->cells = lx_calloc(cells, sizeof *posteriors->cells);
    posteriors->tables = lx_calloc(cells, sizeof *posteriors->tables);
    posteriors->is_changed = lx_calloc(cells, sizeof *posteriors->is_changed);
    posteriors->products = lx_calloc(products, sizeof *posteriors->products);
    bool is_ready = posteriors->cells != NULL && posteriors->tables != NULL &&
                    posteriors->is_changed != NULL && posteriors->products != NULL;
    return is_ready ? LX_OK : lx_fail(err, LX_ERR_NO_MEMORY, "posteriors: out of memory");
}

enum lx_err posteriors_open(struct store *store, struct journal *journal,
                            const struct bank_catalogue *catalogue,
                            const struct actions_explore *explore, int utc_offset_minutes,
                            struct posteriors **ret_posteriors, struct lx_error *err)
{
    struct posteriors *posteriors = lx_calloc(1, sizeof *posteriors);
    if (posteriors == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "posteriors: out of memory");
    *posteriors = (struct posteriors){.store = store,
                                      .journal = journal,
                                      .catalogue = catalogue,
                                      .explore = *explore,
                                      .utc_offset_minutes = utc_offset_minutes,
                                      .name_count = 1};
    snprintf(posteriors->projection, sizeof posteriors->projection, "posterior/%.17g",
             explore->half_life_days);
    bool has_table = false;
    enum lx_err code = make_room(posteriors, err);
    if (code == LX_OK) code = read_position(posteriors, &has_table, &posteriors->saved, err);
    posteriors->position = posteriors->saved;
    if (code == LX_OK && has_table) code = read_table(posteriors, err);
    if (code == LX_OK && posteriors->position > journal_next_position(journal))
        code = lx_fail(err, LX_ERR_CORRUPT,
                       "journal: it has %" PRIu64 " records, the table posterior was made from "
                       "%" PRIu64 ": part of the journal is missing",
                       journal_next_position(journal), posteriors->position);
    if (code == LX_OK) code = read_journal(posteriors, err);
    if (code == LX_OK)
        *ret_posteriors = posteriors;
    else
        posteriors_close(posteriors);
    return code;
}

void posteriors_close(struct posteriors *posteriors)
{
    if (posteriors == NULL) return;
    lx_free(posteriors->cells);
    lx_free(posteriors->tables);
    lx_free(posteriors->is_changed);
    lx_free(posteriors->products);
    lx_free(posteriors);
}

static enum lx_err save_cell(struct posteriors *posteriors, struct store_statement *put,
                             size_t segment, int product, struct lx_error *err)
{
    const struct counts *cell = &posteriors->cells[cell_of(posteriors, segment, product)];
    const char *name = posteriors->names[segment];
    store_bind_text(put, 1, name, strlen(name));
    store_bind_int(put, 2, product);
    store_bind_real(put, 3, cell->yes);
    store_bind_real(put, 4, cell->answers);
    return store_run(put, err);
}

static enum lx_err save_cells(struct posteriors *posteriors, struct lx_error *err)
{
    struct store_statement *put = NULL;
    enum lx_err code = store_prepare(
        posteriors->store,
        "INSERT INTO posterior (segment, product, yes, answers) VALUES ($1, $2, $3, $4) "
        "ON CONFLICT (segment, product) DO UPDATE SET yes = excluded.yes, "
        "answers = excluded.answers",
        &put, err);
    for (size_t s = 0; s < posteriors->name_count; s++)
        for (size_t p = 0; p < posteriors->catalogue->count && code == LX_OK; p++)
            if (posteriors->is_changed[cell_of(posteriors, s, (int)p)])
                code = save_cell(posteriors, put, s, (int)p, err);
    store_finalize(put);
    return code;
}

static enum lx_err run(struct posteriors *posteriors, const char *sql, bool has_position,
                       uint64_t position, struct lx_error *err)
{
    struct store_statement *statement = NULL;
    enum lx_err code = store_prepare(posteriors->store, sql, &statement, err);
    if (code != LX_OK) return code;
    store_bind_text(statement, 1, posteriors->projection, strlen(posteriors->projection));
    if (has_position) store_bind_int(statement, 2, (int64_t)position);
    code = store_run(statement, err);
    store_finalize(statement);
    return code;
}

/* A table that another half-life made goes first. */
static enum lx_err drop_other(struct posteriors *posteriors, struct lx_error *err)
{
    bool has_table = false;
    uint64_t position = 0;
    enum lx_err code = read_position(posteriors, &has_table, &position, err);
    if (code == LX_OK && !has_table)
        code = store_execute(posteriors->store, "DELETE FROM posterior", err);
    if (code == LX_OK)
        code =
            run(posteriors, "DELETE FROM projection WHERE name LIKE 'posterior/%' AND name <> $1",
                false, 0, err);
    return code;
}

static bool has_changes(const struct posteriors *posteriors)
{
    for (size_t i = 0; i < posteriors->name_count * posteriors->catalogue->count; i++)
        if (posteriors->is_changed[i]) return true;
    return false;
}

enum lx_err posteriors_save(struct posteriors *posteriors, struct lx_error *err)
{
    uint64_t position = journal_synced_position(posteriors->journal);
    if (!has_changes(posteriors) && position < posteriors->saved + POSTERIORS_TAIL_MAX)
        return LX_OK;
    enum lx_err code = store_begin(posteriors->store, err);
    if (code != LX_OK) return code;
    code = drop_other(posteriors, err);
    if (code == LX_OK) code = save_cells(posteriors, err);
    if (code == LX_OK)
        code = run(posteriors,
                   "INSERT INTO projection (name, next_position) VALUES ($1, $2) "
                   "ON CONFLICT (name) DO UPDATE SET next_position = excluded.next_position",
                   true, position, err);
    if (code == LX_OK) code = store_commit(posteriors->store, err);
    if (code != LX_OK) {
        store_rollback(posteriors->store);
        return code;
    }
    posteriors->position = posteriors->saved = position;
    for (size_t i = 0; i < posteriors->name_count * posteriors->catalogue->count; i++)
        posteriors->is_changed[i] = false;
    return LX_OK;
}

void posteriors_try_save(struct posteriors *posteriors)
{
    struct lx_error err;
    if (posteriors_save(posteriors, &err) != LX_OK) return; /* the journal has it all */
}

/* --- What they say --------------------------------------------------------------------------- */

/* Decayed to the day, without what is not to count; what rounding leaves below 0 is 0. */
static struct counts as_of(struct counts counts, struct counts without, double decay)
{
    double answers = fmax(counts.answers - without.answers, 0) * decay;
    double yes = fmin(fmax(counts.yes - without.yes, 0) * decay, answers);
    return (struct counts){yes, answers};
}

static double shrunk(struct counts counts, double strength, double prior)
{
    return (counts.yes + strength * prior) / (counts.answers + strength);
}

/* To 24 bits: sums over cells come in another order when they are read back, and that is not to be
 * seen. In integers, because gcc 12 leaves out a pair of conversions to float and back (-O2). */
static double rounded(double value)
{
    int exponent;
    double mantissa = frexp(value, &exponent);
    return ldexp(rint(ldexp(mantissa, 24)), exponent - 24);
}

struct posterior posteriors_of(const struct posteriors *posteriors, const char *segment,
                               int product, int32_t day)
{
    LX_ASSERT(product >= 0 && (size_t)product < posteriors->catalogue->count);

    static const struct counts none;
    const struct bank_product *about = &posteriors->catalogue->products[product];
    double strength = posteriors->explore.prior_answers;
    double decay = exp2((POSTERIORS_DAY_0 - day) / posteriors->explore.half_life_days);
    size_t number = segment != NULL ? find_name(posteriors, segment) : posteriors->name_count;
    struct counts whole = posteriors->products[product], own = whole;
    const struct counts *category = &posteriors->categories[about->category];
    if (segment != NULL)
        own = number < posteriors->name_count
                  ? posteriors->cells[cell_of(posteriors, number, product)]
                  : none;
    double rate =
        shrunk(as_of(posteriors->all, *category, decay), PRIOR_ANSWERS, PRIOR_YES / PRIOR_ANSWERS);
    rate = shrunk(as_of(*category, whole, decay), strength, rate);
    if (segment != NULL) rate = shrunk(as_of(whole, own, decay), strength, rate);
    struct counts cell = as_of(own, none, decay);
    return (struct posterior){.a = rounded(cell.yes + strength * rate),
                              .b = rounded(cell.answers - cell.yes + strength * (1 - rate)),
                              .yes = cell.yes,
                              .answers = cell.answers};
}

const struct beta_table *posteriors_table(struct posteriors *posteriors, const char *segment,
                                          int product, int32_t day)
{
    struct posterior posterior = posteriors_of(posteriors, segment, product, day);
    size_t number = find_name(posteriors, segment);
    if (number == posteriors->name_count) number = 0;
    struct beta_table *table = &posteriors->tables[cell_of(posteriors, number, product)];
    if (table->a != posterior.a || table->b != posterior.b)
        beta_table_fill(posterior.a, posterior.b, table);
    return table;
}

const char *posteriors_segment(const struct posteriors *posteriors, size_t index)
{
    return index < posteriors->name_count ? posteriors->names[index] : NULL;
}

uint64_t posteriors_position(const struct posteriors *posteriors)
{
    return posteriors->position;
}
