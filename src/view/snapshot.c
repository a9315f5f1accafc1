#include "view/snapshot.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "codec/bytes.h"
#include "host/file.h"
#include "view/schema.h"
#include "view/snapshot_layout.h"

/* A customer feature as it lies there. */
struct feature_column {
    enum frame_type type;
    const void *values;
    const uint64_t *nulls; /* NULL: none is missing, but for NaN */
};

struct view_snapshot {
    struct frame *frame;
    char path[LX_PATH_MAX];
    int64_t as_of_ms, customers;
    uint64_t journal_position;
    int utc_offset_minutes;
    struct bank_catalogue catalogue; /* numbers only, no texts */
    struct view_peers *peers;
    struct view_features *definitions;
    float *defaults; /* pair features of nobody, by product */
    struct feature_column *features;
    const void *facts[SNAPSHOT_FACT_COUNT];
    struct frame_column ids, held, pairs, hashes, rows;
};

/* Texts that no number depends on (names, features) are left out. */
enum lx_err snapshot_catalogue_hash(const struct bank_catalogue *catalogue, int64_t as_of_ms,
                                    uint8_t ret_hash[DIGEST_SIZE], struct lx_error *err)
{
    struct digest digest;
    if (digest_init(&digest) != LX_OK)
        return lx_fail(err, LX_ERR_NO_MEMORY, "snapshot: out of memory");
    for (size_t i = 0; i < catalogue->count; i++) {
        const struct bank_product *product = &catalogue->products[i];
        struct bank_terms terms = bank_terms_as_of(product, as_of_ms);
        int64_t numbers[] = {(int64_t)product->category,
                             product->risk,
                             terms.minimum_fen,
                             terms.rate_ppm,
                             terms.term_days,
                             product->age_min,
                             product->age_max,
                             product->launched_day,
                             product->is_green};
        digest_add(&digest, product->code, strlen(product->code) + 1);
        digest_add(&digest, numbers, sizeof numbers);
    }
    digest_finish(&digest, ret_hash);
    return LX_OK;
}

static enum lx_err no_snapshot(const char *folder, struct lx_error *err)
{
    return lx_fail(err, LX_ERR_NOT_READY, "%s: no snapshot; make one with `lingxi refresh`",
                   folder);
}

enum lx_err snapshot_current(const char *folder, char ret_name[SNAPSHOT_NAME_MAX + 1],
                             struct lx_error *err)
{
    char path[LX_PATH_MAX];
    struct lx_buffer line;
    lx_buffer_init(&line, LX_CONFIG_MAX);
    enum lx_err code = host_join(path, folder, SNAPSHOT_FOLDER "/" SNAPSHOT_CURRENT, err);
    if (code == LX_OK) code = host_read_file(path, &line, err);
    if (code == LX_ERR_NOT_FOUND) code = no_snapshot(folder, err);
    if (code == LX_OK) {
        size_t length = line.length;
        if (length > 0 && line.bytes[length - 1] == '\n') length--;
        bool is_name = length > 0 && length <= SNAPSHOT_NAME_MAX &&
                       memchr(line.bytes, '/', length) == NULL &&
                       memchr(line.bytes, '\0', length) == NULL;
        if (is_name) {
            memcpy(ret_name, line.bytes, length);
            ret_name[length] = '\0';
        } else {
            code = lx_fail(err, LX_ERR_CORRUPT, "%s: does not name a snapshot", path);
        }
    }
    lx_buffer_release(&line);
    return code;
}

/* Texts stay the bank's, which is closed; nothing here reads them. */
static enum lx_err copy_catalogue(const struct bank_catalogue *catalogue,
                                  struct bank_catalogue *ret_copy, struct lx_error *err)
{
    if (catalogue->count == 0) return LX_OK;
    ret_copy->products = lx_calloc(catalogue->count, sizeof *ret_copy->products);
    size_t bytes = catalogue->terms_count * sizeof *ret_copy->terms;
    if (bytes > 0) ret_copy->terms = lx_malloc(bytes);
    if (ret_copy->products == NULL || (bytes > 0 && ret_copy->terms == NULL))
        return lx_fail(err, LX_ERR_NO_MEMORY, "snapshot: out of memory");
    ret_copy->count = ret_copy->capacity = catalogue->count;
    ret_copy->terms_count = ret_copy->terms_capacity = catalogue->terms_count;
    if (bytes > 0) memcpy(ret_copy->terms, catalogue->terms, bytes);
    for (size_t i = 0; i < catalogue->count; i++) {
        struct bank_product *product = &ret_copy->products[i];
        *product = catalogue->products[i];
        product->zh = product->en = product->features_zh = product->features_en = NULL;
        if (product->terms != NULL)
            product->terms = ret_copy->terms + (product->terms - catalogue->terms);
    }
    return LX_OK;
}

static enum lx_err stale(const struct view_snapshot *snapshot, const char *what,
                         struct lx_error *err)
{
    return lx_fail(err, LX_ERR_NOT_READY, "%s: made with another %s; run `lingxi refresh` again",
                   snapshot->path, what);
}

static bool is_hash(const json_t *meta, const char *name, const uint8_t hash[DIGEST_SIZE])
{
    char text[DIGEST_TEXT_SIZE];
    const char *value = json_string_value(json_object_get(meta, name));
    digest_text(hash, text);
    return value != NULL && strcmp(value, text) == 0;
}

static enum lx_err check_catalogue(const struct view_snapshot *snapshot, const json_t *meta,
                                   int64_t as_of_ms, struct lx_error *err)
{
    uint8_t hash[DIGEST_SIZE];
    enum lx_err code = snapshot_catalogue_hash(&snapshot->catalogue, as_of_ms, hash, err);
    if (code != LX_OK || is_hash(meta, "catalogue", hash)) return code;
    return stale(snapshot, "catalogue of products", err);
}

static bool has_facts(const json_t *meta)
{
    const char *facts = json_string_value(json_object_get(meta, "facts"));
    const char *fields = json_string_value(json_object_get(meta, "fields"));
    return facts != NULL && strcmp(facts, snapshot_fact_names) == 0 && fields != NULL &&
           strcmp(fields, view_schema_own_names()) == 0;
}

static enum lx_err read_meta(struct view_snapshot *snapshot, struct lx_error *err)
{
    size_t length;
    const char *text = frame_meta(snapshot->frame, &length);
    json_error_t reason;
    json_t *meta = json_loadb(text, length, 0, &reason);
    const json_t *as_of_ms = json_object_get(meta, "as_of_ms");
    const json_t *offset = json_object_get(meta, "utc_offset_minutes");
    const json_t *position = json_object_get(meta, "journal_position");
    uint8_t features[DIGEST_SIZE];
    enum lx_err code = LX_OK;
    view_features_hash(snapshot->definitions, features);
    if (!json_is_integer(as_of_ms) || !json_is_integer(offset) || !json_is_integer(position))
        code = lx_fail(err, LX_ERR_CORRUPT, "%s: meta is not that of a snapshot", snapshot->path);
    else if (!is_hash(meta, "feature_set", features))
        code = stale(snapshot, "set of features", err);
    else if (!has_facts(meta))
        code = stale(snapshot, "set of facts", err);
    else
        code = check_catalogue(snapshot, meta, json_integer_value(as_of_ms), err);
    if (code == LX_OK) {
        snapshot->as_of_ms = json_integer_value(as_of_ms);
        snapshot->utc_offset_minutes = (int)json_integer_value(offset);
        snapshot->journal_position = (uint64_t)json_integer_value(position);
    }
    json_decref(meta);
    return code;
}

static enum lx_err find_facts(struct view_snapshot *snapshot, struct lx_error *err)
{
    enum lx_err code = LX_OK;
    struct frame_column column;
#define X(name, frame_type, type)                                                                  \
    if (code == LX_OK)                                                                             \
        code =                                                                                     \
            frame_column_named(snapshot->frame, "facts." #name, FRAME_##frame_type, &column, err); \
    if (code == LX_OK) snapshot->facts[SNAPSHOT_FACT_##name] = column.values;
    SNAPSHOT_FACT_MAP(X)
#undef X
    return code;
}

static enum lx_err find_defaults(struct view_snapshot *snapshot, struct lx_error *err)
{
    struct view_context context = {.catalogue = &snapshot->catalogue,
                                   .utc_offset_minutes = snapshot->utc_offset_minutes};
    size_t stride = view_features_count(snapshot->definitions, VIEW_PAIR);
    snapshot->defaults =
        lx_calloc(snapshot->catalogue.count * stride + 1, sizeof *snapshot->defaults);
    if (snapshot->defaults == NULL)
        return lx_fail(err, LX_ERR_NO_MEMORY, "snapshot: out of memory");
    enum lx_err code =
        view_scratch_open(snapshot->definitions, context.catalogue, &context.scratch, err);
    if (code == LX_OK)
        view_compute_default(context.scratch, &context, snapshot->as_of_ms, snapshot->defaults);
    view_scratch_close(context.scratch);
    return code;
}

static bool is_feature_type(enum frame_type type)
{
    switch (type) {
    case FRAME_F32:
    case FRAME_U8:
    case FRAME_I16:
    case FRAME_U16:
    case FRAME_I32:
    case FRAME_I64: return true;
    default: return false;
    }
}

/* How narrow a feature's column is was found when it was written. */
static enum lx_err find_feature(const struct view_snapshot *snapshot, const char *name,
                                struct feature_column *ret_feature, struct lx_error *err)
{
    for (size_t i = 0; i < frame_column_count(snapshot->frame); i++) {
        struct frame_column column;
        enum lx_err code = frame_column_at(snapshot->frame, i, &column, err);
        if (code != LX_OK) return code;
        if (strcmp(column.name, name) != 0) continue;
        if (!is_feature_type(column.type))
            return lx_fail(err, LX_ERR_CORRUPT, "%s: column %s: not numbers", snapshot->path, name);
        *ret_feature = (struct feature_column){column.type, column.values, column.nulls};
        return LX_OK;
    }
    return lx_fail(err, LX_ERR_CORRUPT, "%s: column %s: missing", snapshot->path, name);
}

static enum lx_err find_features(struct view_snapshot *snapshot, struct lx_error *err)
{
    size_t count = view_features_count(snapshot->definitions, VIEW_CUSTOMER);
    snapshot->features = lx_calloc(count, sizeof *snapshot->features);
    if (snapshot->features == NULL)
        return lx_fail(err, LX_ERR_NO_MEMORY, "snapshot: out of memory");
    for (size_t i = 0; i < count; i++) {
        const char *name = view_features_at(snapshot->definitions, VIEW_CUSTOMER, i)->name;
        enum lx_err code = find_feature(snapshot, name, &snapshot->features[i], err);
        if (code != LX_OK) return code;
    }
    return find_defaults(snapshot, err);
}

static enum lx_err find_lists(struct view_snapshot *snapshot, struct lx_error *err)
{
    const struct frame *frame = snapshot->frame;
    enum lx_err code = frame_column_named(frame, "id", FRAME_TEXT, &snapshot->ids, err);
    if (code == LX_OK) code = frame_column_named(frame, "held", FRAME_LIST, &snapshot->held, err);
    if (code == LX_OK) code = frame_column_named(frame, "pairs", FRAME_LIST, &snapshot->pairs, err);
    if (code == LX_OK)
        code = frame_column_named(frame, "id.hash", FRAME_I64, &snapshot->hashes, err);
    if (code == LX_OK) code = frame_column_named(frame, "id.row", FRAME_I32, &snapshot->rows, err);
    if (code != LX_OK) return code;
    if (snapshot->held.element_size != sizeof(uint16_t) ||
        snapshot->pairs.element_size != sizeof(struct snapshot_pair))
        return lx_fail(err, LX_ERR_CORRUPT, "%s: lists of other elements", snapshot->path);
    return LX_OK;
}

static enum lx_err find_peers(struct view_snapshot *snapshot, struct lx_error *err)
{
    struct frame_column column;
    enum lx_err code = frame_column_named(snapshot->frame, "peers", FRAME_BLOB, &column, err);
    if (code != LX_OK) return code;
    code = view_peers_read(column.values, (size_t)column.count, &snapshot->peers, err);
    return code == LX_OK ? LX_OK : lx_error_prefix(err, "%s", snapshot->path);
}

static enum lx_err open_current(struct view_snapshot *snapshot, const char *folder,
                                struct lx_error *err)
{
    char name[SNAPSHOT_NAME_MAX + 1], snapshots[LX_PATH_MAX];
    enum lx_err code = snapshot_current(folder, name, err);
    if (code == LX_OK) code = host_join(snapshots, folder, SNAPSHOT_FOLDER, err);
    if (code == LX_OK) code = host_join(snapshot->path, snapshots, name, err);
    if (code == LX_OK) code = frame_open(snapshot->path, &snapshot->frame, err);
    if (code == LX_OK) snapshot->customers = (int64_t)frame_row_count(snapshot->frame);
    return code;
}

static enum lx_err read_catalogue(struct view_snapshot *snapshot, const char *folder,
                                  struct lx_error *err)
{
    struct bank *bank = NULL;
    enum lx_err code = bank_open(folder, STORE_READ, &bank, err);
    if (code == LX_OK) code = copy_catalogue(bank_catalogue(bank), &snapshot->catalogue, err);
    if (code == LX_OK && snapshot->definitions == NULL)
        code = view_features_open(bank, &snapshot->definitions, err);
    bank_close(bank);
    return code;
}

enum lx_err view_snapshot_open(const char *folder, struct view_snapshot **ret_snapshot,
                               struct lx_error *err)
{
    return view_snapshot_open_with(folder, NULL, ret_snapshot, err);
}

enum lx_err view_snapshot_open_with(const char *folder, const struct view_features *features,
                                    struct view_snapshot **ret_snapshot, struct lx_error *err)
{
    LX_ASSERT(folder != NULL && ret_snapshot != NULL);

    struct view_snapshot *snapshot = lx_calloc(1, sizeof *snapshot);
    if (snapshot == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", folder);
    if (features != NULL) snapshot->definitions = view_features_share(features);
    enum lx_err code = open_current(snapshot, folder, err);
    if (code == LX_OK) code = read_catalogue(snapshot, folder, err);
    if (code == LX_OK) code = read_meta(snapshot, err);
    if (code == LX_OK) code = find_facts(snapshot, err);
    if (code == LX_OK) code = find_features(snapshot, err);
    if (code == LX_OK) code = find_lists(snapshot, err);
    if (code == LX_OK) code = find_peers(snapshot, err);
    if (code != LX_OK) {
        view_snapshot_close(snapshot);
        return code;
    }
    *ret_snapshot = snapshot;
    return LX_OK;
}

void view_snapshot_close(struct view_snapshot *snapshot)
{
    if (snapshot == NULL) return;
    frame_close(snapshot->frame);
    view_peers_close(snapshot->peers);
    lx_free(snapshot->catalogue.products);
    lx_free(snapshot->catalogue.terms);
    view_features_close(snapshot->definitions);
    lx_free(snapshot->defaults);
    lx_free(snapshot->features);
    lx_free(snapshot);
}

enum lx_err view_snapshot_verify(const struct view_snapshot *snapshot, struct lx_error *err)
{
    return frame_verify(snapshot->frame, err);
}

int64_t view_snapshot_as_of_ms(const struct view_snapshot *snapshot)
{
    return snapshot->as_of_ms;
}

uint64_t view_snapshot_journal_position(const struct view_snapshot *snapshot)
{
    return snapshot->journal_position;
}

int64_t view_snapshot_customers(const struct view_snapshot *snapshot)
{
    return snapshot->customers;
}

const struct view_peers *view_snapshot_peers(const struct view_snapshot *snapshot)
{
    return snapshot->peers;
}

const struct view_features *view_snapshot_features(const struct view_snapshot *snapshot)
{
    return snapshot->definitions;
}

const struct frame *view_snapshot_frame(const struct view_snapshot *snapshot)
{
    return snapshot->frame;
}

/* The first place whose hash is not below `hash`. */
static int64_t find_hash(const struct view_snapshot *snapshot, uint64_t hash)
{
    const uint64_t *hashes = snapshot->hashes.values;
    int64_t from = 0, to = snapshot->customers;
    while (from < to) {
        int64_t middle = from + (to - from) / 2;
        if (hashes[middle] < hash)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

enum lx_err view_snapshot_find(const struct view_snapshot *snapshot, const char *id,
                               int64_t *ret_customer, struct lx_error *err)
{
    LX_ASSERT(snapshot != NULL && id != NULL && ret_customer != NULL);

    size_t length = strlen(id), own_length;
    uint64_t hash = snapshot_id_hash(id, length);
    const uint64_t *hashes = snapshot->hashes.values;
    const int32_t *rows = snapshot->rows.values;
    for (int64_t i = find_hash(snapshot, hash); i < snapshot->customers && hashes[i] == hash; i++) {
        if (rows[i] < 0 || rows[i] >= snapshot->customers) break; /* a flipped bit */
        const char *own = view_snapshot_id(snapshot, rows[i], &own_length);
        if (own_length != length || memcmp(own, id, length) != 0) continue;
        *ret_customer = rows[i];
        return LX_OK;
    }
    return lx_fail(err, LX_ERR_NOT_FOUND,
                   "customer \"%.*s\": not in the snapshot; one who is new comes in with "
                   "`lingxi refresh`",
                   LX_ID_MAX, id);
}

const char *view_snapshot_id(const struct view_snapshot *snapshot, int64_t customer,
                             size_t *ret_length)
{
    LX_ASSERT(customer >= 0 && customer < snapshot->customers);
    return frame_list_at(&snapshot->ids, (uint64_t)customer, ret_length);
}

static float feature_value(const struct feature_column *column, int64_t customer)
{
    if (column->nulls != NULL && (column->nulls[customer / 64] >> (customer % 64) & 1) != 0)
        return NAN;
    switch (column->type) {
    case FRAME_U8: return ((const uint8_t *)column->values)[customer];
    case FRAME_I16: return ((const int16_t *)column->values)[customer];
    case FRAME_U16: return ((const uint16_t *)column->values)[customer];
    case FRAME_I32: return (float)((const int32_t *)column->values)[customer];
    case FRAME_I64: return (float)((const int64_t *)column->values)[customer];
    default: return ((const float *)column->values)[customer];
    }
}

void view_snapshot_customer(const struct view_snapshot *snapshot, int64_t customer,
                            float *ret_values)
{
    LX_ASSERT(customer >= 0 && customer < snapshot->customers);

    size_t count = view_features_count(snapshot->definitions, VIEW_CUSTOMER);
    for (size_t i = 0; i < count; i++)
        ret_values[i] = feature_value(&snapshot->features[i], customer);
}

void view_snapshot_facts(const struct view_snapshot *snapshot, int64_t customer,
                         struct view_facts *ret_facts)
{
    LX_ASSERT(customer >= 0 && customer < snapshot->customers);

    size_t count;
    const uint16_t *held = frame_list_at(&snapshot->held, (uint64_t)customer, &count);
    struct view_facts facts = {0};
#define X(name, frame_type, type)                                                                  \
    facts.name =                                                                                   \
        (__typeof__(facts.name))((const type *)snapshot->facts[SNAPSHOT_FACT_##name])[customer];
    SNAPSHOT_FACT_MAP(X)
#undef X
    for (size_t i = 0; i < count; i++)
        if (held[i] < LX_PRODUCT_MAX) facts.held[held[i] / 64] |= (uint64_t)1 << (held[i] % 64);
    *ret_facts = facts;
}

void view_snapshot_kept(const struct view_snapshot *snapshot, int64_t customer, float *ret_values)
{
    LX_ASSERT(customer >= 0 && customer < snapshot->customers);

    size_t count, stride = view_features_count(snapshot->definitions, VIEW_PAIR);
    memcpy(ret_values, snapshot->defaults, snapshot->catalogue.count * stride * sizeof *ret_values);
    const struct snapshot_pair *pairs = frame_list_at(&snapshot->pairs, (uint64_t)customer, &count);
    for (size_t i = 0; i < count; i++)
        if (pairs[i].product < snapshot->catalogue.count && pairs[i].feature < stride)
            ret_values[pairs[i].product * stride + pairs[i].feature] = pairs[i].value;
}

void view_snapshot_pairs(const struct view_snapshot *snapshot, int64_t customer,
                         struct view_scratch *scratch, float *ret_values)
{
    float customer_values[LX_FEATURES_MAX];
    struct view_facts facts;
    struct view_context context = {&snapshot->catalogue, snapshot->peers,
                                   snapshot->utc_offset_minutes, scratch};
    view_snapshot_kept(snapshot, customer, ret_values);
    view_snapshot_customer(snapshot, customer, customer_values);
    view_snapshot_facts(snapshot, customer, &facts);
    view_compute_derived(scratch, &context, &facts, snapshot->as_of_ms, customer_values,
                         ret_values);
}
