/* Everything that a load has gathered, written in the order of each table's key. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bank/loading.h"
#include "base/date.h"

enum { CUSTOMER_COLUMNS = 4 };

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
    bank_set_int(&values[0], (int64_t)source->next);
    bank_set_text(&values[1], id, length);
    values[2].type = STORE_NULL;
    if (name > 0) {
        const struct given_name *given = &load->names[name - 1];
        bank_set_text(&values[2], load->name_bytes + given->offset, given->length);
    }
    bank_set_int(&values[3], load->number);
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

/*
 * The events of a first load go in before anything else: they are written past SQLite, which must
 * have let go of the file.
 */
enum lx_err bank_load_write(struct bank_load *load, const struct lx_env *env,
                            const struct bank_orphans *orphans, struct lx_error *err)
{
    enum lx_err code = load->is_first ? bank_commit_first_events(load, env, err) : LX_OK;
    if (code == LX_OK) code = write_products(load, err);
    if (code == LX_OK) code = write_lists(load, err);
    if (code == LX_OK) code = write_customers(load, err);
    if (code == LX_OK) code = bank_commit_facts(load, err);
    if (code == LX_OK && !load->is_first) code = bank_commit_more_events(load, env, err);
    if (code == LX_OK) code = bank_commit_changes(load, orphans, err);
    if (code == LX_OK) code = write_files(load, err);
    if (code == LX_OK) code = write_batch(load, err);
    return code;
}
