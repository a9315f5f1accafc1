#include "ingest/import_put.h"

#include <stdio.h>
#include <string.h>

enum { PRODUCT_TEXT_MAX = 1 << 20 };

void import_loader_init(struct import_loader *loader, struct bank_load *load,
                        const struct import_files *files, const struct import_context *context,
                        struct import_rejects *rejects)
{
    *loader = (struct import_loader){
        .load = load, .files = files, .context = context, .rejects = rejects};
    import_snapshots_init(&loader->snapshots);
}

void import_loader_release(struct import_loader *loader)
{
    lx_free(loader->versions);
    loader->versions = NULL;
    import_snapshots_release(&loader->snapshots);
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9E3779B97F4A7C15u;
    return hash ^ (hash >> 29);
}

/* What a version says beside its moments; never 0. */
static uint64_t content_of(const struct bank_profile *profile)
{
    uint64_t hash = mix(0xC2B2AE3D27D4EB4Fu, (uint32_t)profile->birth_day);
    hash = mix(hash, (uint32_t)profile->joined_day);
    hash = mix(hash, (uint64_t)profile->gender << 8 | profile->has_phone);
    hash = mix(hash, (uint64_t)(uint16_t)profile->branch << 16 | (uint16_t)profile->occupation);
    hash = mix(hash, (uint64_t)(uint16_t)profile->education << 16 | (uint16_t)profile->marital);
    hash = mix(hash, (uint64_t)profile->income_fen);
    return hash == 0 ? 1 : hash;
}

static enum lx_err version_of(struct import_loader *loader, size_t customer,
                              struct import_version **ret_version, struct lx_error *err)
{
    enum lx_err code = lx_grow(&loader->versions, &loader->version_capacity, customer + 1,
                               UINT32_MAX, sizeof *loader->versions);
    if (code != LX_OK) return lx_fail(err, code, "customers: %s", lx_err_text(code));
    for (; loader->version_count <= customer; loader->version_count++)
        loader->versions[loader->version_count] = (struct import_version){.at_ms = INT64_MIN};
    *ret_version = &loader->versions[customer];
    return LX_OK;
}

static int64_t or_else(int64_t value, int64_t fallback)
{
    return value == INT64_MIN ? fallback : value;
}

static enum lx_err read_versions(struct import_loader *loader, struct bank *bank,
                                 struct lx_error *err)
{
    struct store_statement *statement = NULL;
    bool has_row = false;
    enum lx_err code =
        store_prepare(bank_store(bank),
                      "SELECT customer, at_ms, birth_day, joined_day, gender, has_phone, branch,"
                      " occupation, education, marital, income_fen FROM customer_profile"
                      " ORDER BY customer, at_ms, sequence",
                      &statement, err);
    while (code == LX_OK && (code = store_step(statement, &has_row, err)) == LX_OK && has_row) {
        int64_t v[11];
        struct import_version *version;
        store_ints(statement, 0, 11, INT64_MIN, v);
        struct bank_profile profile = {.birth_day = (int32_t)or_else(v[2], INT32_MIN),
                                       .joined_day = (int32_t)or_else(v[3], INT32_MIN),
                                       .gender = (uint8_t)or_else(v[4], BANK_GENDER_NONE),
                                       .has_phone = (uint8_t)or_else(v[5], 2),
                                       .branch = (int16_t)or_else(v[6], -1),
                                       .occupation = (int16_t)or_else(v[7], -1),
                                       .education = (int16_t)or_else(v[8], -1),
                                       .marital = (int16_t)or_else(v[9], -1),
                                       .income_fen = or_else(v[10], BANK_NO_AMOUNT)};
        code = version_of(loader, (size_t)v[0], &version, err);
        if (code == LX_OK) *version = (struct import_version){content_of(&profile), v[1]};
    }
    store_finalize(statement);
    return code;
}

static bool has_entity(const struct import_files *files, enum mapping_entity entity)
{
    for (size_t i = 0; i < files->task_count; i++)
        if (files->tasks[i].file->entity == entity) return true;
    return false;
}

enum lx_err import_loader_prepare(struct import_loader *loader, const char *folder,
                                  struct lx_error *err)
{
    bool has_customers = has_entity(loader->files, MAPPING_ENTITY_CUSTOMER);
    bool has_snapshots = has_entity(loader->files, MAPPING_ENTITY_SNAPSHOT);
    if (!has_customers && !has_snapshots) return LX_OK;
    struct bank *bank = NULL;
    enum lx_err code = bank_open(folder, STORE_READ, &bank, err);
    if (code == LX_OK && has_customers) code = read_versions(loader, bank, err);
    if (code == LX_OK && has_snapshots) code = import_snapshots_read(&loader->snapshots, bank, err);
    bank_close(bank);
    return code;
}

/* The column in which the mapping looks for a field, or the field's name. */
static const char *column_of(const struct mapping_file *file, enum mapping_field_id id,
                             char number[16])
{
    const struct mapping_field *field = mapping_field(file, id);
    for (size_t i = 0; field != NULL && i < field->term_count; i++) {
        if (field->terms[i].kind == MAPPING_TERM_COLUMN) return field->terms[i].text;
        if (field->terms[i].kind != MAPPING_TERM_POSITION) continue;
        snprintf(number, 16, "#%u", field->terms[i].position + 1);
        return number;
    }
    return mapping_field_text(id);
}

enum lx_err import_loader_reject(struct import_loader *loader, size_t task, uint64_t line,
                                 enum mapping_field_id field, enum import_reason reason,
                                 const char *detail, struct lx_error *err)
{
    const struct import_task *of = &loader->files->tasks[task];
    char number[16];
    const char *column = column_of(of->file, field, number);
    return import_rejects_add(loader->rejects, loader->files->inputs[of->input].name, line, column,
                              strlen(column), reason, detail, strlen(detail), err);
}

/* First and last character of an id: enough to look for it, not enough to know it. */
static void mask(const char *id, size_t length, char text[48])
{
    bool is_plain = length > 4;
    for (size_t i = 0; i < length; i++)
        if (id[i] < '!' || id[i] > '~') is_plain = false;
    if (is_plain)
        snprintf(text, 48, "%c***%c, %zu bytes", id[0], id[length - 1], length);
    else
        snprintf(text, 48, "%zu bytes", length);
}

/* Turns what the bank says about a row into a loaded or a rejected one. */
static enum lx_err settle(struct import_loader *loader, const struct import_block *block,
                          const struct import_row *row, enum bank_put outcome, struct lx_error *err)
{
    char masked[48];
    switch (outcome) {
    case BANK_PUT_DONE:
    case BANK_PUT_DUPLICATE: loader->rows_loaded++; return LX_OK;
    case BANK_PUT_UNKNOWN_CUSTOMER:
        mask(import_text(block, row->id), row->id.length, masked);
        return import_loader_reject(loader, block->task, row->line, MAPPING_FIELD_CUSTOMER,
                                    IMPORT_REASON_UNKNOWN_CUSTOMER, masked, err);
    case BANK_PUT_KNOWN_BEFORE_IT_HAPPENED:
        return import_loader_reject(loader, block->task, row->line, MAPPING_FIELD_KNOWN_AT,
                                    IMPORT_REASON_KNOWN_BEFORE, "", err);
    case BANK_PUT_BAD_VALUE:
        return import_loader_reject(loader, block->task, row->line, MAPPING_FIELD_CODE,
                                    IMPORT_REASON_BAD_ROW, bank_load_refusal(loader->load), err);
    }
    lx_bug(__FILE__, __LINE__, "outcome");
}

static enum lx_err number_lists(struct import_loader *loader, const struct import_block *block,
                                const struct import_row *row, struct bank_profile *profile,
                                struct lx_error *err)
{
    static const enum bank_list lists[IMPORT_LISTS] = {BANK_LIST_BRANCH, BANK_LIST_OCCUPATION,
                                                       BANK_LIST_EDUCATION, BANK_LIST_MARITAL};
    int16_t *const targets[IMPORT_LISTS] = {&profile->branch, &profile->occupation,
                                            &profile->education, &profile->marital};
    for (size_t i = 0; i < IMPORT_LISTS; i++) {
        struct import_slice slice = row->as.customer.lists[i];
        if (slice.length == IMPORT_NO_TEXT) continue;
        int number = -1;
        enum lx_err code = bank_load_list(loader->load, lists[i], import_text(block, slice),
                                          slice.length, &number, err);
        if (code != LX_OK) return code;
        *targets[i] = (int16_t)number;
    }
    return LX_OK;
}

static enum lx_err put_customer(struct import_loader *loader, const struct import_block *block,
                                const struct import_row *row, struct lx_error *err)
{
    const char *id = import_text(block, row->id), *name = NULL;
    struct bank_profile profile = row->as.customer.profile;
    enum lx_err code = number_lists(loader, block, row, &profile, err);
    if (code != LX_OK) return code;

    size_t name_length = 0;
    if (row->as.customer.name.length != IMPORT_NO_TEXT) {
        name = import_text(block, row->as.customer.name);
        name_length = row->as.customer.name.length;
    }
    struct import_version *version = NULL;
    int64_t customer = bank_load_customer(loader->load, id, row->id.length);
    uint64_t content = content_of(&profile);
    if (customer >= 0) code = version_of(loader, (size_t)customer, &version, err);
    if (code != LX_OK) return code;
    bool is_repeated =
        version != NULL && version->content == content && profile.at_ms >= version->at_ms;
    if (is_repeated && name == NULL) {
        loader->duplicates++;
        loader->rows_loaded++;
        return LX_OK;
    }
    enum bank_put outcome = BANK_PUT_DONE;
    code = bank_put_customer(loader->load, id, row->id.length, name, name_length,
                             is_repeated ? NULL : &profile, &outcome, err);
    if (code == LX_OK) code = settle(loader, block, row, outcome, err);
    if (code != LX_OK || outcome != BANK_PUT_DONE || is_repeated) return code;
    customer = bank_load_customer(loader->load, id, row->id.length);
    code = version_of(loader, (size_t)customer, &version, err);
    if (code == LX_OK) *version = (struct import_version){content, profile.at_ms};
    return code;
}

static enum lx_err put_contract(struct import_loader *loader, const struct import_block *block,
                                const struct import_row *row, int64_t customer,
                                struct lx_error *err)
{
    struct bank_event event = row->as.contract.open;
    enum bank_put outcome = BANK_PUT_DONE;
    enum lx_err code = bank_put_event(loader->load, customer, &event, &outcome, err);
    if (code == LX_OK && outcome == BANK_PUT_DONE &&
        row->as.contract.closed_ms != BANK_UNKNOWN_MS) {
        event.kind = BANK_EVENT_KIND_CLOSE;
        event.at_ms = row->as.contract.closed_ms;
        event.known_at_ms = row->as.contract.closed_known_ms;
        event.sequence = import_sequence_of(&event);
        code = bank_put_event(loader->load, customer, &event, &outcome, err);
    }
    return code == LX_OK ? settle(loader, block, row, outcome, err) : code;
}

static enum lx_err put_holding(struct import_loader *loader, const struct import_block *block,
                               const struct import_row *row, int64_t customer, struct lx_error *err)
{
    struct bank_event event = row->as.holding.open;
    enum bank_put outcome = customer < 0 ? BANK_PUT_UNKNOWN_CUSTOMER : BANK_PUT_DONE;
    enum lx_err code = LX_OK;
    for (unsigned word = 0; word < IMPORT_HELD_WORDS; word++) {
        for (uint64_t left = row->as.holding.held.words[word];
             code == LX_OK && outcome == BANK_PUT_DONE && left != 0; left &= left - 1) {
            event.product = (int16_t)(word * 64 + (unsigned)__builtin_ctzll(left));
            event.sequence = import_sequence_of(&event);
            code = bank_put_event(loader->load, customer, &event, &outcome, err);
        }
    }
    return code == LX_OK ? settle(loader, block, row, outcome, err) : code;
}

/* Whether its event is there is seen when the batch is settled. */
static enum lx_err put_change(struct import_loader *loader, const struct import_block *block,
                              const struct import_row *row, int64_t customer, struct lx_error *err)
{
    struct bank_change change = {.event = row->as.change.event,
                                 .is_deleted = row->as.change.is_deleted,
                                 .origin = (uint32_t)block->task,
                                 .line = row->line};
    enum bank_put outcome = BANK_PUT_DONE;
    LX_ASSERT(block->task <= UINT32_MAX);
    enum lx_err code = bank_put_change(loader->load, customer, &change, &outcome, err);
    if (code == LX_OK && outcome == BANK_PUT_DONE) loader->has_changes = true;
    return code == LX_OK ? settle(loader, block, row, outcome, err) : code;
}

static enum lx_err put_snapshot(struct import_loader *loader, const struct import_block *block,
                                const struct import_row *row, int64_t customer,
                                struct lx_error *err)
{
    if (customer < 0) return settle(loader, block, row, BANK_PUT_UNKNOWN_CUSTOMER, err);
    return import_snapshots_add(&loader->snapshots, block->task,
                                loader->files->tasks[block->task].section, (uint32_t)customer, row,
                                &block->covered, err);
}

static enum lx_err put_exposure(struct import_loader *loader, const struct import_block *block,
                                const struct import_row *row, int64_t customer,
                                struct lx_error *err)
{
    struct bank_exposure exposure = row->as.exposure.exposure;
    struct import_slice campaign = row->as.exposure.campaign;
    enum bank_put outcome = BANK_PUT_DONE;
    enum lx_err code = LX_OK;
    if (campaign.length != IMPORT_NO_TEXT && customer >= 0) {
        int number = -1;
        code = bank_load_list(loader->load, BANK_LIST_CAMPAIGN, import_text(block, campaign),
                              campaign.length, &number, err);
        exposure.campaign = number;
    }
    if (code == LX_OK) code = bank_put_exposure(loader->load, customer, &exposure, &outcome, err);
    return code == LX_OK ? settle(loader, block, row, outcome, err) : code;
}

static enum lx_err put_table(struct import_loader *loader, const struct import_block *block,
                             const struct import_row *row, struct lx_error *err)
{
    enum { VALUES_MAX = 32 };
    struct bank_value values[VALUES_MAX];
    enum bank_put outcome = BANK_PUT_DONE;
    LX_ASSERT(row->as.table.count <= VALUES_MAX);
    for (uint32_t i = 0; i < row->as.table.count; i++) {
        const struct import_value *value = &block->values[row->as.table.first + i];
        values[i] = (struct bank_value){.column = value->column,
                                        .text = import_text(block, value->text),
                                        .length = value->text.length};
    }
    const char *table = mapping_entity_text(loader->files->tasks[block->task].file->entity);
    enum lx_err code =
        bank_put_row(loader->load, table, values, row->as.table.count, &outcome, err);
    return code == LX_OK ? settle(loader, block, row, outcome, err) : code;
}

static bool has_control(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < 0x20) return true;
    return false;
}

/* A row as a section of a catalogue file; false if a value cannot stand there. */
static bool write_product(const struct import_block *block, const struct import_row *row,
                          struct lx_buffer *text)
{
    for (uint32_t i = 0; i < row->as.table.count; i++) {
        const struct import_value *value = &block->values[row->as.table.first + i];
        const char *bytes = import_text(block, value->text);
        if (has_control(bytes, value->text.length)) return false;
        bool is_code = strcmp(value->column, "code") == 0;
        if (is_code && memchr(bytes, ']', value->text.length) != NULL) return false;
        if (is_code != (i == 0)) return false;
        lx_buffer_printf(text, is_code ? "[%s%.*s]\n" : "%s = %.*s\n", is_code ? "" : value->column,
                         (int)value->text.length, bytes);
    }
    return true;
}

static enum lx_err put_product(struct import_loader *loader, const struct import_block *block,
                               const struct import_row *row, struct lx_error *err)
{
    struct bank_catalogue catalogue = {0};
    struct lx_buffer text;
    struct lx_error why = {0};
    int number;
    lx_buffer_init(&text, PRODUCT_TEXT_MAX);
    snprintf(why.text, sizeof why.text, "a line end in a value");
    bool is_good = write_product(block, row, &text) && lx_buffer_error(&text) == LX_OK &&
                   bank_catalogue_parse("product", lx_buffer_text(&text), text.length, &catalogue,
                                        &why) == LX_OK;
    lx_buffer_release(&text);
    if (!is_good)
        return import_loader_reject(loader, block->task, row->line, MAPPING_FIELD_CODE,
                                    IMPORT_REASON_BAD_ROW, why.text, err);
    enum lx_err code = bank_load_product(loader->load, &catalogue.products[0], &number, err);
    bank_catalogue_release(&catalogue);
    return code == LX_OK ? settle(loader, block, row, BANK_PUT_DONE, err) : code;
}

static enum lx_err put_of(struct import_loader *loader, const struct import_block *block,
                          const struct import_row *row, int64_t customer, struct lx_error *err)
{
    enum bank_put outcome = BANK_PUT_DONE;
    enum lx_err code = LX_OK;
    switch (loader->files->tasks[block->task].file->entity) {
    case MAPPING_ENTITY_EVENT:
        code = bank_put_event(loader->load, customer, &row->as.event, &outcome, err);
        break;
    case MAPPING_ENTITY_RISK:
        code = bank_put_risk(loader->load, customer, &row->as.risk, &outcome, err);
        break;
    case MAPPING_ENTITY_CONSENT:
        code = bank_put_consent(loader->load, customer, &row->as.consent, &outcome, err);
        break;
    case MAPPING_ENTITY_EVENT_CHANGE: return put_change(loader, block, row, customer, err);
    case MAPPING_ENTITY_CONTRACT: return put_contract(loader, block, row, customer, err);
    case MAPPING_ENTITY_HOLDING: return put_holding(loader, block, row, customer, err);
    case MAPPING_ENTITY_SNAPSHOT: return put_snapshot(loader, block, row, customer, err);
    case MAPPING_ENTITY_EXPOSURE: return put_exposure(loader, block, row, customer, err);
    case MAPPING_ENTITY_CUSTOMER: return put_customer(loader, block, row, err);
    case MAPPING_ENTITY_PRODUCT: return put_product(loader, block, row, err);
    case MAPPING_ENTITY_BRANCH:
    case MAPPING_ENTITY_STAFF:
    case MAPPING_ENTITY_CAMPAIGN:
    case MAPPING_ENTITY_ACCOUNT:
    case MAPPING_ENTITY_ASSIGNMENT:
    case MAPPING_ENTITY_PRODUCT_TERMS:
    case MAPPING_ENTITY_INSTITUTION:
    case MAPPING_ENTITY_PLACEMENT:
    case MAPPING_ENTITY_EXPERIMENT:
    case MAPPING_ENTITY_EXPERIMENT_ARM:
    case MAPPING_ENTITY_DO_NOT_CONTACT:
    case MAPPING_ENTITY_COMPLAINT:
    case MAPPING_ENTITY_LABEL:
    case MAPPING_ENTITY_LEGAL_HOLD:
    case MAPPING_ENTITY_TASK: return put_table(loader, block, row, err);
    case MAPPING_ENTITY_COUNT: lx_bug(__FILE__, __LINE__, "entity");
    }
    return code == LX_OK ? settle(loader, block, row, outcome, err) : code;
}

static enum lx_err put_row(struct import_loader *loader, const struct import_block *block,
                           const struct import_row *row, struct lx_error *err)
{
    if (row->state == IMPORT_PASSED) {
        loader->rows_passed++;
        return LX_OK;
    }
    if (row->state == IMPORT_REJECTED) {
        const struct import_task *task = &loader->files->tasks[block->task];
        struct import_slice column = row->as.reject.column, detail = row->as.reject.detail;
        return import_rejects_add(loader->rejects, loader->files->inputs[task->input].name,
                                  row->line, import_text(block, column), column.length,
                                  (enum import_reason)row->reason, import_text(block, detail),
                                  detail.length, err);
    }
    int64_t customer = -1;
    if (row->id.length != IMPORT_NO_TEXT)
        customer = bank_load_customer(loader->load, import_text(block, row->id), row->id.length);
    return put_of(loader, block, row, customer, err);
}

static bool same_offset(const struct mapping_field *a, const struct mapping_field *b)
{
    return a->base == MAPPING_BASE_FILE_DATE && b->base == MAPPING_BASE_FILE_DATE &&
           a->offset == b->offset && a->unit == b->unit && a->is_day_of == b->is_day_of;
}

/* True if no later task has rows of this one's moment: its snapshots can be compared now. */
static bool ends_group(const struct import_files *files, size_t task)
{
    const struct import_task *this = &files->tasks[task];
    if (task + 1 == files->task_count ||
        files->tasks[task + 1].file->entity != MAPPING_ENTITY_SNAPSHOT)
        return true;
    if (files->tasks[task + 1].day == this->day) return false;
    for (size_t i = 0; i < files->task_count; i++) {
        if (files->tasks[i].file->entity != MAPPING_ENTITY_SNAPSHOT) continue;
        if (!same_offset(mapping_field(files->tasks[i].file, MAPPING_FIELD_AT),
                         mapping_field(this->file, MAPPING_FIELD_AT)))
            return false;
    }
    return true;
}

enum lx_err import_loader_take(struct import_loader *loader, const struct import_block *block,
                               struct lx_error *err)
{
    enum lx_err code = LX_OK;
    for (size_t i = 0; code == LX_OK && i < block->count; i++)
        code = put_row(loader, block, &block->rows[i], err);
    loader->rows_read += block->count;
    if (code != LX_OK || !block->is_last_of_file) return code;
    if (loader->files->tasks[block->task].file->entity != MAPPING_ENTITY_SNAPSHOT) return LX_OK;
    return ends_group(loader->files, block->task) ? import_snapshots_flush(loader, err) : LX_OK;
}

static enum lx_err reject_orphan(void *context, uint32_t origin, uint64_t line,
                                 struct lx_error *err)
{
    struct import_loader *loader = context;
    loader->rows_loaded--;
    return import_loader_reject(loader, origin, line, MAPPING_FIELD_SEQUENCE,
                                IMPORT_REASON_NO_EVENT, "", err);
}

enum lx_err import_loader_finish(struct import_loader *loader, const struct lx_env *env,
                                 struct lx_error *err)
{
    const struct bank_orphans orphans = {loader, reject_orphan};
    enum lx_err code = import_snapshots_flush(loader, err);
    if (code != LX_OK || !loader->has_changes) return code;
    return bank_load_settle(loader->load, env, &orphans, err);
}
