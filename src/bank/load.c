#include "bank/load.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bank/loading.h"
#include "codec/digest.h"
#include "host/file.h"

enum { FILES_MAX = 1 << 20, NAME_MAX_BYTES = 1 << 10 };

#define CUSTOMERS_MAX ((size_t)UINT32_MAX - 1)
#define MEMORY_DEFAULT ((size_t)512 << 20)

static const char *const put_texts[] = {
#define X(name, text) text,
    BANK_PUT_MAP(X)
#undef X
};

const char *bank_put_text(enum bank_put outcome)
{
    LX_ASSERT((size_t)outcome < LX_COUNT_OF(put_texts));
    return put_texts[outcome];
}

const char *bank_load_refusal(const struct bank_load *load)
{
    return load->refusal;
}

static enum lx_err read_customers(struct bank_load *load, struct lx_error *err)
{
    struct store_statement *statement = NULL;
    bool has_row = false;
    enum lx_err code = store_prepare(
        load->bank->store, "SELECT customer, id FROM customer ORDER BY customer", &statement, err);
    while (code == LX_OK && (code = store_step(statement, &has_row, err)) == LX_OK && has_row) {
        size_t length;
        uint32_t number = 0;
        const char *id = store_text(statement, 1, &length);
        if (id == NULL || store_int(statement, 0) != (int64_t)load->customers.count)
            code = lx_fail(err, LX_ERR_CORRUPT, "%s: customer number %zu is missing",
                           load->bank->path, load->customers.count);
        else
            code = lx_dictionary_add(&load->customers, id, length, &number, NULL);
    }
    store_finalize(statement);
    load->customers_before = load->customers.count;
    return code;
}

static enum lx_err read_lists(struct bank_load *load, struct lx_error *err)
{
    static const enum bank_list lists[] = {
#define X(name, number, text) BANK_LIST_##name,
        BANK_LIST_MAP(X)
#undef X
    };
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < LX_COUNT_OF(lists) && code == LX_OK; i++) {
        struct lx_dictionary *list = &load->lists[lists[i]];
        code = bank_list_read(load->bank->store, lists[i], list, err);
        load->lists_before[lists[i]] = list->count;
    }
    return code;
}

/* A bank whose store holds nothing at all gets a new one, filled without a journal. */
static enum lx_err open_target(struct bank_load *load, struct lx_error *err)
{
    enum lx_err code = bank_is_empty(load->bank, &load->is_first, err);
    if (code != LX_OK) return code;
    if (!load->is_first) {
        load->target = load->bank->store;
        return bank_open(load->bank->folder, STORE_READ, &load->before, err);
    }
    int size = snprintf(load->loading_path, sizeof load->loading_path, "%s%s", load->bank->path,
                        BANK_LOADING_SUFFIX);
    if (size >= LX_PATH_MAX)
        return lx_fail(err, LX_ERR_LIMIT, "%.60s...: too long a name", load->bank->path);
    code = store_open(load->loading_path, STORE_BULK, &load->target, err);
    if (code == LX_OK)
        code = store_migrate(load->target, bank_migrations, bank_migration_count, err);
    if (code == LX_OK) code = store_begin(load->target, err);
    return code;
}

static void init_sorters(struct bank_load *load)
{
    static const size_t sizes[BANK_FACT_SORTED_COUNT] = {
        [BANK_FACT_PROFILE] = sizeof(struct packed_profile),
        [BANK_FACT_EVENT] = sizeof(struct packed_event),
        [BANK_FACT_RISK] = sizeof(struct packed_risk),
        [BANK_FACT_EXPOSURE] = sizeof(struct packed_exposure),
        [BANK_FACT_CONSENT] = sizeof(struct packed_consent),
    };
    for (int fact = 0; fact < BANK_FACT_SORTED_COUNT; fact++) {
        char path[LX_PATH_MAX];
        snprintf(path, sizeof path, "%.*s%s%d-", LX_PATH_MAX - 32, load->bank->path,
                 BANK_SORT_SUFFIX, fact);
        size_t share =
            fact == BANK_FACT_EVENT ? load->memory_bytes / 4 * 3 : load->memory_bytes / 16;
        sorter_init(&load->sorters[fact], path, sizes[fact], share, load->thread_count);
    }
    char path[LX_PATH_MAX];
    snprintf(path, sizeof path, "%.*s%sc-", LX_PATH_MAX - 32, load->bank->path, BANK_SORT_SUFFIX);
    sorter_init(&load->changes, path, sizeof(struct packed_change), load->memory_bytes / 16,
                load->thread_count);
}

static enum lx_err prepare_load(struct bank_load *load, const char *folder, struct lx_error *err)
{
    enum lx_err code = bank_open(folder, STORE_WRITE, &load->bank, err);
    if (code != LX_OK) return code;
    code = store_begin(load->bank->store, err);
    if (code == LX_ERR_BUSY)
        return lx_fail(err, code, "%s: another process is writing to this bank", folder);
    if (code == LX_OK) code = bank_sweep(load->bank, err);
    if (code == LX_OK) code = open_target(load, err);
    if (code == LX_OK) code = read_customers(load, err);
    if (code == LX_OK) code = read_lists(load, err);
    if (code == LX_OK)
        code = bank_query_int(load->bank->store, "SELECT max(batch) + 1 FROM batch", 1,
                              &load->number, err);
    if (code == LX_OK)
        code = store_prepare(load->bank->store, "SELECT 1 FROM batch_file WHERE sha256 = $1",
                             &load->find_file, err);
    if (code == LX_OK) init_sorters(load);
    return code;
}

enum lx_err bank_load_begin(const char *folder, const struct bank_batch *batch,
                            struct bank_load **ret_load, struct lx_error *err)
{
    LX_ASSERT(folder != NULL && batch != NULL && ret_load != NULL);
    LX_ASSERT(batch->source != NULL && batch->mapping != NULL);

    struct bank_load *load = lx_calloc(1, sizeof *load);
    if (load == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", folder);
    lx_dictionary_init(&load->customers, CUSTOMERS_MAX);
    for (int i = 0; i < BANK_LIST_END; i++) lx_dictionary_init(&load->lists[i], BANK_LIST_MAX);
    for (int i = 0; i < REFERENCE_COUNT; i++)
        lx_dictionary_init(&load->references[i], CUSTOMERS_MAX);
    load->now_ms = batch->now_ms;
    load->memory_bytes = batch->memory_bytes == 0 ? MEMORY_DEFAULT : batch->memory_bytes;
    load->thread_count = batch->thread_count < 1 ? 1 : batch->thread_count;
    load->max_known_at_ms = BANK_UNKNOWN_MS;
    load->source = lx_strdup(batch->source);
    load->mapping = lx_strdup(batch->mapping);
    enum lx_err code = LX_OK;
    if (load->source == NULL || load->mapping == NULL)
        code = lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", folder);
    if (code == LX_OK) code = prepare_load(load, folder, err);
    if (code != LX_OK) {
        bank_load_abort(load);
        return code;
    }
    *ret_load = load;
    return LX_OK;
}

static void close_stores(struct bank_load *load)
{
    bank_load_release_rows(load);
    store_finalize(load->find_file);
    load->find_file = NULL;
    if (load->is_first) {
        bool is_left = !load->is_committed && load->loading_path[0] != '\0';
        store_close(load->target);
        /* What cannot be removed now is swept by the next one who writes. */
        enum lx_err code = is_left ? host_remove(load->loading_path, NULL) : LX_OK;
        (void)code;
    }
    load->target = NULL;
    bank_close(load->before);
    bank_close(load->bank);
    load->before = load->bank = NULL;
}

void bank_load_abort(struct bank_load *load)
{
    if (load == NULL) return;
    close_stores(load);
    for (int fact = 0; fact < BANK_FACT_SORTED_COUNT; fact++) sorter_release(&load->sorters[fact]);
    sorter_release(&load->changes);
    for (int i = 0; i < BANK_LIST_END; i++) lx_dictionary_release(&load->lists[i]);
    for (size_t i = 0; i < load->file_count; i++) lx_free(load->files[i].name);
    for (int i = 0; i < REFERENCE_COUNT; i++) lx_dictionary_release(&load->references[i]);
    lx_dictionary_release(&load->customers);
    lx_free(load->files);
    lx_free(load->names);
    lx_free(load->name_bytes);
    lx_free(load->source);
    lx_free(load->mapping);
    lx_free(load);
}

const struct bank_catalogue *bank_load_catalogue(const struct bank_load *load)
{
    return &load->bank->catalogue;
}

int bank_load_utc_offset_minutes(const struct bank_load *load)
{
    return load->bank->utc_offset_minutes;
}

enum lx_err bank_load_product(struct bank_load *load, const struct bank_product *product,
                              int *ret_number, struct lx_error *err)
{
    LX_ASSERT(product != NULL && ret_number != NULL);
    LX_ASSERT(product->risk >= 1 && product->risk <= 5 && product->age_min <= product->age_max);
    LX_ASSERT(product->minimum_fen >= 0 && product->term_days >= 0);

    struct bank_catalogue *catalogue = &load->bank->catalogue;
    int number = bank_catalogue_find(catalogue, product->code, strlen(product->code));
    if (number == BANK_NO_PRODUCT) {
        number = (int)catalogue->count;
        enum lx_err code = bank_catalogue_add(catalogue, product, err);
        if (code != LX_OK) return code;
    }
    *ret_number = number;
    return LX_OK;
}

enum lx_err bank_load_file(struct bank_load *load, const char *name, const uint8_t sha256[32],
                           uint64_t size_bytes, bool *ret_is_known, struct lx_error *err)
{
    LX_ASSERT(name != NULL && ret_is_known != NULL);

    struct loaded_file file = {.size_bytes = size_bytes};
    bool is_known = false;
    digest_text(sha256, file.sha256);
    store_bind_text(load->find_file, 1, file.sha256, strlen(file.sha256));
    enum lx_err code = store_step(load->find_file, &is_known, err);
    store_reset(load->find_file);
    if (code == LX_OK && !is_known) {
        code = lx_grow(&load->files, &load->file_capacity, load->file_count + 1, FILES_MAX,
                       sizeof *load->files);
        if (code == LX_OK) file.name = lx_strdup(name);
        if (code == LX_OK && file.name == NULL) code = LX_ERR_NO_MEMORY;
        if (code != LX_OK) return lx_fail(err, code, "%s: %s", name, lx_err_text(code));
        load->files[load->file_count++] = file;
    }
    if (code == LX_OK) *ret_is_known = is_known;
    return code;
}

enum lx_err bank_load_list(struct bank_load *load, enum bank_list list, const char *text,
                           size_t length, int *ret_number, struct lx_error *err)
{
    LX_ASSERT(list > 0 && (int)list < BANK_LIST_END && ret_number != NULL);

    uint32_t number = 0;
    enum lx_err code = lx_dictionary_add(&load->lists[list], text, length, &number, NULL);
    if (code != LX_OK)
        return lx_fail(err, code, "\"%.*s\": cannot be added to a list of codes, at most %d", 60,
                       text, BANK_LIST_MAX);
    *ret_number = (int)number;
    return LX_OK;
}

int64_t bank_load_customer(const struct bank_load *load, const char *id, size_t length)
{
    return lx_dictionary_find(&load->customers, id, length);
}

void bank_load_count(struct bank_load *load, int64_t known_at_ms)
{
    load->rows_loaded++;
    if (known_at_ms > load->max_known_at_ms) load->max_known_at_ms = known_at_ms;
}

static void pack_profile(const struct bank_profile *from, struct bank_profile *to)
{
    to->at_ms = from->at_ms;
    to->known_at_ms = from->known_at_ms;
    to->birth_day = from->birth_day;
    to->joined_day = from->joined_day;
    to->gender = from->gender;
    to->has_phone = from->has_phone;
    to->branch = from->branch;
    to->occupation = from->occupation;
    to->education = from->education;
    to->marital = from->marital;
    to->income_fen = from->income_fen;
}

static void pack_exposure(const struct bank_exposure *from, struct bank_exposure *to)
{
    to->at_ms = from->at_ms;
    to->known_at_ms = from->known_at_ms;
    to->answer_known_at_ms =
        from->answer == BANK_ANSWER_NONE ? BANK_UNKNOWN_MS : from->answer_known_at_ms;
    to->show_probability = isnan(from->show_probability) ? NAN : from->show_probability;
    to->campaign = from->campaign < 0 ? -1 : from->campaign;
    to->product = from->product;
    to->channel = from->channel;
    to->answer = from->answer;
    to->is_random = from->is_random != 0;
    to->is_control = from->is_control != 0;
}

static void pack_risk(const struct bank_risk *from, struct bank_risk *to)
{
    to->at_ms = from->at_ms;
    to->known_at_ms = from->known_at_ms;
    to->expires_ms = from->expires_ms;
    to->level = from->level;
}

static void pack_consent(const struct bank_consent *from, struct bank_consent *to)
{
    to->at_ms = from->at_ms;
    to->known_at_ms = from->known_at_ms;
    to->channel = from->channel;
    to->is_granted = from->is_granted != 0;
}

void bank_pack_fact(enum bank_fact fact, const void *from, void *to)
{
    switch (fact) {
    case BANK_FACT_PROFILE:
        memset(to, 0, sizeof(struct bank_profile));
        pack_profile(from, to);
        return;
    case BANK_FACT_RISK:
        memset(to, 0, sizeof(struct bank_risk));
        pack_risk(from, to);
        return;
    case BANK_FACT_EXPOSURE:
        memset(to, 0, sizeof(struct bank_exposure));
        pack_exposure(from, to);
        return;
    case BANK_FACT_CONSENT:
        memset(to, 0, sizeof(struct bank_consent));
        pack_consent(from, to);
        return;
    case BANK_FACT_EVENT:
    case BANK_FACT_DO_NOT_CONTACT:
    case BANK_FACT_COMPLAINT:
    case BANK_FACT_COUNT: break;
    }
    lx_bug(__FILE__, __LINE__, "kind of fact");
}

/* LX_OK with `record` NULL when the fact is refused. */
static enum lx_err put_fact(struct bank_load *load, enum bank_fact fact, int64_t customer,
                            int64_t at_ms, int64_t known_at_ms, uint32_t sequence, void **record,
                            enum bank_put *ret_outcome, struct lx_error *err)
{
    *record = NULL;
    LX_ASSERT(customer < (int64_t)load->customers.count);
    *ret_outcome = BANK_PUT_DONE;
    if (customer < 0) *ret_outcome = BANK_PUT_UNKNOWN_CUSTOMER;
    if (customer >= 0 && known_at_ms < at_ms) *ret_outcome = BANK_PUT_KNOWN_BEFORE_IT_HAPPENED;
    if (*ret_outcome != BANK_PUT_DONE) return LX_OK;

    struct sorter_key key = {at_ms, (uint32_t)customer, sequence};
    enum lx_err code = sorter_put(&load->sorters[fact], &key, record, err);
    if (code == LX_OK) bank_load_count(load, known_at_ms);
    return code;
}

static enum lx_err keep_name(struct bank_load *load, uint32_t customer, const char *name,
                             size_t length, struct lx_error *err)
{
    enum lx_err code = lx_grow(&load->names, &load->name_capacity, load->name_count + 1,
                               CUSTOMERS_MAX, sizeof *load->names);
    if (code == LX_OK)
        code = lx_grow(&load->name_bytes, &load->name_bytes_capacity, load->name_length + length,
                       LX_MEMORY_MAX, 1);
    if (code != LX_OK) return lx_fail(err, code, "customers' names: %s", lx_err_text(code));
    load->names[load->name_count++] =
        (struct given_name){customer, (uint32_t)length, load->name_length};
    memcpy(load->name_bytes + load->name_length, name, length);
    load->name_length += length;
    return LX_OK;
}

static enum lx_err put_profile(struct bank_load *load, int64_t customer,
                               const struct bank_profile *p, enum bank_put *ret_outcome,
                               struct lx_error *err)
{
    LX_ASSERT(p->gender <= BANK_GENDER_MALE && p->has_phone <= 2);
    LX_ASSERT(p->branch < (int)load->lists[BANK_LIST_BRANCH].count);
    LX_ASSERT(p->occupation < (int)load->lists[BANK_LIST_OCCUPATION].count);
    LX_ASSERT(p->education < (int)load->lists[BANK_LIST_EDUCATION].count);
    LX_ASSERT(p->marital < (int)load->lists[BANK_LIST_MARITAL].count);

    void *record;
    enum lx_err code = put_fact(load, BANK_FACT_PROFILE, customer, p->at_ms, p->known_at_ms, 0,
                                &record, ret_outcome, err);
    if (record == NULL) return code;
    bank_pack_fact(BANK_FACT_PROFILE, p, &((struct packed_profile *)record)->fact);
    return LX_OK;
}

enum lx_err bank_put_customer(struct bank_load *load, const char *id, size_t id_length,
                              const char *name, size_t name_length,
                              const struct bank_profile *profile, enum bank_put *ret_outcome,
                              struct lx_error *err)
{
    LX_ASSERT(id != NULL && ret_outcome != NULL);

    if (id_length == 0 || id_length > LX_ID_MAX || name_length > NAME_MAX_BYTES) {
        snprintf(load->refusal, sizeof load->refusal,
                 "a customer's id has 1 to %d bytes, his name at most %d", LX_ID_MAX,
                 NAME_MAX_BYTES);
        *ret_outcome = BANK_PUT_BAD_VALUE;
        return LX_OK;
    }
    if (profile != NULL && profile->known_at_ms < profile->at_ms) {
        *ret_outcome = BANK_PUT_KNOWN_BEFORE_IT_HAPPENED;
        return LX_OK;
    }
    uint32_t customer = 0;
    bool is_new = false;
    enum lx_err code = lx_dictionary_add(&load->customers, id, id_length, &customer, &is_new);
    if (code != LX_OK) return lx_fail(err, code, "customers: %s", lx_err_text(code));
    if (name != NULL && name_length > 0) code = keep_name(load, customer, name, name_length, err);
    if (code == LX_OK && profile != NULL)
        return put_profile(load, customer, profile, ret_outcome, err);
    if (code != LX_OK) return code;
    *ret_outcome = is_new ? BANK_PUT_DONE : BANK_PUT_DUPLICATE;
    if (is_new) bank_load_count(load, BANK_UNKNOWN_MS);
    if (!is_new) load->duplicates++;
    return LX_OK;
}

static uint32_t codes_of(const struct bank_load *load, const struct bank_event *e)
{
    LX_ASSERT(e->kind > 0 && e->kind < BANK_EVENT_KIND_END);
    LX_ASSERT(e->channel < BANK_CHANNEL_END && e->merchant < BANK_MERCHANT_END);
    LX_ASSERT(e->product >= BANK_NO_PRODUCT && e->product < (int)load->bank->catalogue.count);

    return (uint32_t)(e->product + 1) | (uint32_t)e->kind << 16 | (uint32_t)e->channel << 22 |
           (uint32_t)e->merchant << 27;
}

enum lx_err bank_put_event(struct bank_load *load, int64_t customer, const struct bank_event *e,
                           enum bank_put *ret_outcome, struct lx_error *err)
{
    LX_ASSERT(e != NULL && ret_outcome != NULL);

    uint32_t codes = codes_of(load, e);

    void *record;
    enum lx_err code = put_fact(load, BANK_FACT_EVENT, customer, e->at_ms, e->known_at_ms,
                                e->sequence, &record, ret_outcome, err);
    if (record == NULL) return code;
    struct packed_event *packed = record;
    packed->known_at_ms = e->known_at_ms;
    packed->amount_fen = e->amount_fen;
    packed->balance_fen = e->balance_fen;
    packed->quantity = e->quantity;
    packed->codes = codes;
    return LX_OK;
}

enum lx_err bank_put_change(struct bank_load *load, int64_t customer,
                            const struct bank_change *change, enum bank_put *ret_outcome,
                            struct lx_error *err)
{
    LX_ASSERT(change != NULL && ret_outcome != NULL);
    LX_ASSERT(customer < (int64_t)load->customers.count && !load->is_settled);
    LX_ASSERT(change->event.sequence != BANK_SEQUENCE_AUTO);

    const struct bank_event *event = &change->event;
    uint32_t codes = change->is_deleted ? 0 : codes_of(load, event);
    *ret_outcome = BANK_PUT_DONE;
    if (customer < 0) {
        *ret_outcome = BANK_PUT_UNKNOWN_CUSTOMER;
    } else if (event->known_at_ms < event->at_ms) {
        *ret_outcome = BANK_PUT_KNOWN_BEFORE_IT_HAPPENED;
    } else if (event->known_at_ms <= 0) {
        snprintf(load->refusal, sizeof load->refusal, "a correction known before 1970");
        *ret_outcome = BANK_PUT_BAD_VALUE;
    }
    if (*ret_outcome != BANK_PUT_DONE) return LX_OK;

    void *record;
    struct sorter_key key = {event->at_ms, (uint32_t)customer, event->sequence};
    enum lx_err code = sorter_put(&load->changes, &key, &record, err);
    if (code != LX_OK) return code;
    struct packed_change *packed = record;
    packed->known_at_ms = event->known_at_ms;
    packed->amount_fen = event->amount_fen;
    packed->balance_fen = event->balance_fen;
    packed->line = change->line;
    packed->quantity = event->quantity;
    packed->codes = codes;
    packed->origin = change->origin;
    packed->is_deleted = change->is_deleted;
    bank_load_count(load, BANK_UNKNOWN_MS); /* how far it reaches is seen when it is taken */
    return LX_OK;
}

enum lx_err bank_put_risk(struct bank_load *load, int64_t customer, const struct bank_risk *risk,
                          enum bank_put *ret_outcome, struct lx_error *err)
{
    LX_ASSERT(risk != NULL && ret_outcome != NULL);
    LX_ASSERT(risk->level >= 1 && risk->level <= 5);

    void *record;
    enum lx_err code = put_fact(load, BANK_FACT_RISK, customer, risk->at_ms, risk->known_at_ms, 0,
                                &record, ret_outcome, err);
    if (record == NULL) return code;
    bank_pack_fact(BANK_FACT_RISK, risk, &((struct packed_risk *)record)->fact);
    return LX_OK;
}

enum lx_err bank_put_exposure(struct bank_load *load, int64_t customer,
                              const struct bank_exposure *e, enum bank_put *ret_outcome,
                              struct lx_error *err)
{
    LX_ASSERT(e != NULL && ret_outcome != NULL);
    LX_ASSERT(e->product >= BANK_NO_PRODUCT && e->product < (int)load->bank->catalogue.count);
    LX_ASSERT(e->campaign < (int)load->lists[BANK_LIST_CAMPAIGN].count);
    LX_ASSERT(e->channel < BANK_CHANNEL_END && e->answer <= BANK_ANSWER_RETRACTED);
    LX_ASSERT(isnan(e->show_probability) || (e->show_probability >= 0 && e->show_probability <= 1));

    void *record;
    enum lx_err code = put_fact(load, BANK_FACT_EXPOSURE, customer, e->at_ms, e->known_at_ms, 0,
                                &record, ret_outcome, err);
    if (record == NULL) return code;
    bank_pack_fact(BANK_FACT_EXPOSURE, e, &((struct packed_exposure *)record)->fact);
    if (e->answer != BANK_ANSWER_NONE && e->answer_known_at_ms > load->max_known_at_ms)
        load->max_known_at_ms = e->answer_known_at_ms;
    return LX_OK;
}

enum lx_err bank_put_consent(struct bank_load *load, int64_t customer,
                             const struct bank_consent *consent, enum bank_put *ret_outcome,
                             struct lx_error *err)
{
    LX_ASSERT(consent != NULL && ret_outcome != NULL);
    LX_ASSERT(consent->channel < BANK_CHANNEL_END);

    void *record;
    enum lx_err code = put_fact(load, BANK_FACT_CONSENT, customer, consent->at_ms,
                                consent->known_at_ms, 0, &record, ret_outcome, err);
    if (record == NULL) return code;
    bank_pack_fact(BANK_FACT_CONSENT, consent, &((struct packed_consent *)record)->fact);
    return LX_OK;
}

/* The new store takes the place of the empty one. Until the rename the old one is whole, after it
 * the new one is; the old one's log must be gone before, or it would be read into the new file. */
static enum lx_err replace_store(struct bank_load *load, struct lx_error *err)
{
    char folder[LX_PATH_MAX];
    enum lx_err code = store_seal(load->target, err);
    bank_load_release_rows(load);
    store_close(load->target);
    load->target = NULL;
    store_finalize(load->find_file);
    load->find_file = NULL;
    if (code == LX_OK) code = store_retire(load->bank->store, err);
    if (code == LX_OK) code = host_rename(load->loading_path, load->bank->path, err);
    if (code != LX_OK) return code;

    load->is_committed = true;
    memcpy(folder, load->bank->path, sizeof folder);
    char *slash = strrchr(folder, '/');
    if (slash != NULL) *slash = '\0';
    return host_sync_folder(slash == NULL ? "." : slash == folder ? "/" : folder, err);
}

enum lx_err bank_load_settle(struct bank_load *load, const struct lx_env *env,
                             const struct bank_orphans *orphans, struct lx_error *err)
{
    LX_ASSERT(load != NULL && env != NULL && orphans != NULL && orphans->reject != NULL);
    LX_ASSERT(!load->is_settled && !load->is_committed);

    load->is_settled = true;
    return bank_load_write(load, env, orphans, err);
}

static enum lx_err refuse_orphan(void *context, uint32_t origin, uint64_t line,
                                 struct lx_error *err)
{
    const struct bank_load *load = context;
    return lx_fail(err, LX_ERR_REFUSED,
                   "%s: number %" PRIu32 ", line %" PRIu64 ": a correction of an event that is not"
                   " there",
                   load->source, origin, line);
}

enum lx_err bank_load_commit(struct bank_load *load, const struct lx_env *env,
                             struct bank_load_result *ret_result, struct lx_error *err)
{
    LX_ASSERT(load != NULL && env != NULL && ret_result != NULL);
    LX_ASSERT(!load->is_committed);

    const struct bank_orphans orphans = {load, refuse_orphan};
    enum lx_err code = load->is_settled ? LX_OK : bank_load_settle(load, env, &orphans, err);
    if (code == LX_OK) code = store_commit(load->target, err);
    if (code == LX_OK && load->is_first) code = replace_store(load, err);
    if (code != LX_OK) return code;

    load->is_committed = true;
    *ret_result = (struct bank_load_result){load->number, load->rows_loaded, load->duplicates};
    return LX_OK;
}
