#include "view/features.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "host/file.h"
#include "view/feature_set.h"
#include "view/past.h"

/* Titles, expressions and windows of one definition set. */
#define FEATURES_BYTES_MAX ((size_t)64 << 20)

const char *const feature_cohort_names[COHORT_FEATURES] = {"age", "balance", "acts_90d"};

/* data/features.ini; made by tools/embed.sh. */
extern const char shipped_features[];
extern const unsigned long shipped_features_length;

/* --- What a feature stands on ---------------------------------------------------------------- */

/* What an expression reads, its windows' this.x included. */
struct grounds {
    bool has_windows, asks_peers;
    bool reads_profile;  /* not at hand with a snapshot */
    bool reads_late;     /* a customer feature that asks the peers */
    bool reads_derived;  /* a pair feature that is not kept */
    bool reads_customer; /* anything of the customer */
};

static void add_field(const struct view_features *features, size_t field, struct grounds *grounds)
{
    size_t place;
    const struct expr_schema *scope = view_schema_scope(features->schema, VIEW_PAIR);
    switch (view_schema_field_kind(features->schema, field, &place)) {
    case VIEW_FIELD_PROFILE: grounds->reads_profile = grounds->reads_customer = true; break;
    case VIEW_FIELD_FACT:
        if (strncmp(scope->fields[field].name, "product", 7) != 0) grounds->reads_customer = true;
        break;
    case VIEW_FIELD_CUSTOMER_FEATURE:
        grounds->reads_customer = true;
        grounds->reads_late |= features->items[VIEW_CUSTOMER][place].is_late;
        break;
    case VIEW_FIELD_PAIR_FEATURE:
        grounds->reads_customer = true;
        grounds->reads_derived |= features->items[VIEW_PAIR][place].is_derived;
        break;
    }
}

static void add_node(const struct view_features *features, const struct expr_node *node,
                     struct grounds *grounds)
{
    if (node == NULL) return;
    if (node->op == EXPR_OP_FIELD) add_field(features, node->index, grounds);
    if (node->op == EXPR_OP_CALL) {
        grounds->reads_customer = true;
        grounds->asks_peers |= view_schema_asks_peers(node->index);
    }
    for (uint32_t i = 0; i < node->child_count; i++) add_node(features, node->children[i], grounds);
}

static struct grounds grounds_of(const struct view_features *features, const struct expr *expr)
{
    struct grounds grounds = {.has_windows = expr_window_count(expr) > 0};
    grounds.reads_customer = grounds.has_windows;
    add_node(features, expr->root, &grounds);
    for (size_t i = 0; i < expr_window_count(expr); i++) {
        add_node(features, expr_window_at(expr, i)->where, &grounds);
        add_node(features, expr_window_at(expr, i)->argument, &grounds);
    }
    return grounds;
}

static enum lx_err fail_grounds(const struct feature *feature, const char *why,
                                struct lx_error *err)
{
    return lx_fail(err, LX_ERR_BAD_INPUT, "[%s] %s: make two features of it", feature->title.name,
                   why);
}

static enum lx_err classify_customer(const struct view_features *features, struct feature *feature,
                                     struct lx_error *err)
{
    struct grounds grounds = grounds_of(features, feature->expr);
    feature->is_late = grounds.asks_peers || grounds.reads_late;
    if (feature->is_late && grounds.has_windows)
        return fail_grounds(feature, "asks the peers and has a window", err);
    if (feature->is_late && grounds.reads_profile)
        return fail_grounds(feature, "asks the peers and reads what a snapshot does not have", err);
    return LX_OK;
}

static enum lx_err classify_pair(const struct view_features *features, struct feature *feature,
                                 struct lx_error *err)
{
    struct grounds grounds = grounds_of(features, feature->expr);
    bool is_kept = grounds.has_windows || grounds.reads_profile;
    feature->is_derived = !is_kept;
    feature->is_of_product = !is_kept && !grounds.reads_customer;
    if (is_kept && (grounds.asks_peers || grounds.reads_late))
        return fail_grounds(feature, "asks the peers and reads the customer's history", err);
    if (is_kept && grounds.reads_derived)
        return fail_grounds(feature, "has a window and reads a feature that is not kept", err);
    return LX_OK;
}

/* count() where ..., or the same with a default. */
static void find_shape(struct feature *feature)
{
    const struct expr_node *root = feature->expr->root;
    feature->shape = FEATURE_TREE;
    feature->otherwise = (struct expr_value){.is_null = true};
    if (root->op == EXPR_OP_WINDOW) feature->shape = FEATURE_WINDOW;
    if (root->op == EXPR_OP_COALESCE && root->child_count == 2 &&
        root->children[0]->op == EXPR_OP_WINDOW && root->children[1]->op == EXPR_OP_LITERAL) {
        feature->shape = FEATURE_WINDOW;
        feature->otherwise = root->children[1]->value;
    }
}

/* --- Opening --------------------------------------------------------------------------------- */

static enum lx_err no_memory(struct lx_error *err)
{
    return lx_fail(err, LX_ERR_NO_MEMORY, "features: out of memory");
}

static enum lx_err classify(struct view_features *features, struct lx_error *err)
{
    enum lx_err code = LX_OK;
    for (int scope = 0; scope < 2; scope++)
        for (size_t i = 0; i < features->counts[scope] && code == LX_OK; i++) {
            struct feature *feature = &features->items[scope][i];
            find_shape(feature);
            code = scope == VIEW_CUSTOMER ? classify_customer(features, feature, err)
                                          : classify_pair(features, feature, err);
        }
    return code;
}

static enum lx_err find_cohort(struct view_features *features, struct lx_error *err)
{
    for (int i = 0; i < COHORT_FEATURES; i++) {
        size_t place = view_features_find(features, VIEW_CUSTOMER, feature_cohort_names[i]);
        if (place == SIZE_MAX)
            return lx_fail(err, LX_ERR_BAD_INPUT,
                           "[%s] is missing: the groups of like customers are made of it",
                           feature_cohort_names[i]);
        const struct feature *feature = &features->items[VIEW_CUSTOMER][place];
        bool reads_feature = false;
        for (size_t k = 0; k < expr_field_count(feature->expr); k++) {
            size_t ignored;
            reads_feature |=
                view_schema_field_kind(features->schema, expr_field_at(feature->expr, k),
                                       &ignored) == VIEW_FIELD_CUSTOMER_FEATURE;
        }
        if (feature->is_late || reads_feature)
            return lx_fail(err, LX_ERR_BAD_INPUT,
                           "[%s] reads other features: the groups of like customers are made of "
                           "it, so it reads fields and windows alone",
                           feature_cohort_names[i]);
        features->cohort[i] = place;
    }
    view_schema_set_cohort(features->schema, features->cohort);
    return LX_OK;
}

static enum lx_err make_program(struct view_features *features, enum view_scope scope,
                                struct lx_error *err)
{
    struct program_source sources[LX_FEATURES_MAX];
    for (size_t i = 0; i < features->counts[scope]; i++) {
        struct feature *feature = &features->items[scope][i];
        feature->places = lx_arena_array(&features->arena, expr_window_count(feature->expr),
                                         sizeof *feature->places);
        if (feature->places == NULL) return no_memory(err);
        sources[i] = (struct program_source){feature->expr, feature->places};
    }
    return program_make(features->schema, sources, features->counts[scope],
                        &features->programs[scope], err);
}

static enum lx_err make_cohort_program(struct view_features *features, struct lx_error *err)
{
    struct program_source sources[COHORT_FEATURES];
    for (int i = 0; i < COHORT_FEATURES; i++) {
        const struct feature *feature = &features->items[VIEW_CUSTOMER][features->cohort[i]];
        features->cohort_places[i] =
            lx_arena_array(&features->arena, expr_window_count(feature->expr), sizeof(uint16_t));
        if (features->cohort_places[i] == NULL) return no_memory(err);
        sources[i] = (struct program_source){feature->expr, features->cohort_places[i]};
    }
    return program_make(features->schema, sources, COHORT_FEATURES, &features->cohort_program, err);
}

/* Each text ends in a byte that no text contains, so that no two sets read alike. */
static enum lx_err make_hash(struct view_features *features, struct lx_error *err)
{
    struct digest digest;
    if (digest_init(&digest) != LX_OK) return no_memory(err);
    for (int scope = 0; scope < 2; scope++) {
        for (size_t i = 0; i < features->counts[scope]; i++) {
            const struct view_feature *title = &features->items[scope][i].title;
            const char *otherwise = title->otherwise == NULL ? "" : title->otherwise;
            uint8_t unit = (uint8_t)title->unit;
            digest_add(&digest, title->name, strlen(title->name) + 1);
            digest_add(&digest, title->definition, strlen(title->definition) + 1);
            digest_add(&digest, otherwise, strlen(otherwise) + 1);
            digest_add(&digest, &unit, 1);
        }
        digest_add(&digest, "", 1);
    }
    digest_finish(&digest, features->hash);
    return LX_OK;
}

enum lx_err view_features_parse(const char *file, const char *bytes, size_t length,
                                struct view_schema *schema, struct view_features **ret_features,
                                struct lx_error *err)
{
    LX_ASSERT(file != NULL && bytes != NULL && schema != NULL && ret_features != NULL);

    struct view_features *features = lx_calloc(1, sizeof *features);
    if (features == NULL) {
        view_schema_close(schema);
        return no_memory(err);
    }
    features->schema = schema;
    lx_arena_init(&features->arena, FEATURES_BYTES_MAX);
    enum lx_err code = feature_set_read(features, file, bytes, length, err);
    if (code == LX_OK) {
        code = classify(features, err);
        if (code == LX_OK) code = find_cohort(features, err);
        if (code == LX_OK) code = make_program(features, VIEW_CUSTOMER, err);
        if (code == LX_OK) code = make_program(features, VIEW_PAIR, err);
        if (code == LX_OK) code = make_cohort_program(features, err);
        if (code == LX_OK) code = make_hash(features, err);
        if (code != LX_OK) code = lx_error_prefix(err, "%s", file);
    }
    if (code != LX_OK) {
        view_features_close(features);
        return code;
    }
    *ret_features = features;
    return LX_OK;
}

enum lx_err view_features_open(struct bank *bank, struct view_features **ret_features,
                               struct lx_error *err)
{
    LX_ASSERT(bank != NULL && ret_features != NULL);

    char path[LX_PATH_MAX];
    struct lx_buffer text;
    struct view_schema *schema = NULL;
    lx_buffer_init(&text, LX_CONFIG_MAX);
    enum lx_err code = host_join(path, bank_folder(bank), "features.ini", err);
    if (code == LX_OK) code = host_read_file(path, &text, err);
    if (code == LX_ERR_NOT_FOUND) { /* the directory is older than the file */
        snprintf(path, sizeof path, "features.ini (shipped)");
        lx_buffer_clear(&text);
        lx_buffer_append(&text, shipped_features, shipped_features_length);
        code = lx_buffer_error(&text);
        if (code != LX_OK) code = no_memory(err);
    }
    if (code == LX_OK) code = view_schema_open_bank(bank, &schema, err);
    if (code == LX_OK)
        code = view_features_parse(path, lx_buffer_text(&text), text.length, schema, ret_features,
                                   err);
    lx_buffer_release(&text);
    return code;
}

enum lx_err view_features_open_shipped(struct view_features **ret_features, struct lx_error *err)
{
    const struct bank_catalogue no_products = {0};
    const struct view_code_lists no_codes = {0};
    struct view_schema *schema = NULL;
    enum lx_err code = view_schema_open(&no_products, &no_codes, &schema, err);
    if (code != LX_OK) return code;
    return view_features_parse_shipped(schema, ret_features, err);
}

enum lx_err view_features_parse_shipped(struct view_schema *schema,
                                        struct view_features **ret_features, struct lx_error *err)
{
    return view_features_parse("features.ini (shipped)", shipped_features, shipped_features_length,
                               schema, ret_features, err);
}

struct view_features *view_features_share(const struct view_features *features)
{
    LX_ASSERT(features != NULL);

    struct view_features *shared = (struct view_features *)(uintptr_t)features;
    atomic_fetch_add(&shared->shares, 1);
    return shared;
}

void view_features_close(struct view_features *features)
{
    if (features == NULL || atomic_fetch_sub(&features->shares, 1) > 0) return;
    for (int scope = 0; scope < 2; scope++) {
        for (size_t i = 0; i < features->counts[scope]; i++)
            expr_free(features->items[scope][i].expr);
        program_release(&features->programs[scope]);
    }
    program_release(&features->cohort_program);
    view_schema_close(features->schema);
    lx_arena_release(&features->arena);
    lx_free(features);
}

const char *view_group_text(enum view_group group)
{
    static const char *const texts[] = {
#define X(name, text, zh, en) text,
        VIEW_GROUP_MAP(X)
#undef X
    };
    LX_ASSERT(group < VIEW_GROUP_COUNT);
    return texts[group];
}

/* --- Reading --------------------------------------------------------------------------------- */

const struct view_schema *view_features_schema(const struct view_features *features)
{
    return features->schema;
}

size_t view_features_count(const struct view_features *features, enum view_scope scope)
{
    return features->counts[scope];
}

const struct view_feature *view_features_at(const struct view_features *features,
                                            enum view_scope scope, size_t place)
{
    LX_ASSERT(place < features->counts[scope]);
    return &features->items[scope][place].title;
}

size_t view_features_find(const struct view_features *features, enum view_scope scope,
                          const char *name)
{
    for (size_t i = 0; i < features->counts[scope]; i++)
        if (strcmp(features->items[scope][i].title.name, name) == 0) return i;
    return SIZE_MAX;
}

void view_features_hash(const struct view_features *features, uint8_t ret_hash[32])
{
    memcpy(ret_hash, features->hash, DIGEST_SIZE);
}

void view_features_cohort(const struct view_features *features, const float *customer_values,
                          float ret_cohort[3])
{
    for (int i = 0; i < COHORT_FEATURES; i++) ret_cohort[i] = customer_values[features->cohort[i]];
}

bool view_features_is_late(const struct view_features *features, size_t place)
{
    LX_ASSERT(place < features->counts[VIEW_CUSTOMER]);
    return features->items[VIEW_CUSTOMER][place].is_late;
}

bool view_features_is_derived(const struct view_features *features, size_t place)
{
    LX_ASSERT(place < features->counts[VIEW_PAIR]);
    return features->items[VIEW_PAIR][place].is_derived;
}
