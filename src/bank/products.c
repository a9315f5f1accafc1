/* The catalogue's other home: the store, which keeps the numbers of the products. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bank/internal.h"

/* Columns: the product's number and code, four texts, eleven numbers. */
static const char products_sql[] =
    "SELECT p.product, p.code, v.name_zh, v.name_en, v.features_zh, v.features_en, v.category,"
    " v.risk, v.minimum_fen, v.rate_ppm, v.term_days, v.age_min, v.age_max, v.launched_day,"
    " v.is_green, v.channels, v.status FROM product p"
    " LEFT JOIN product_version v ON v.product = p.product AND v.at_ms ="
    " (SELECT max(at_ms) FROM product_version WHERE product = p.product)"
    " ORDER BY p.product";

static char *copy_of(const char *text)
{
    return lx_strdup(text == NULL ? "" : text);
}

enum lx_err bank_catalogue_add(struct bank_catalogue *catalogue, const struct bank_product *product,
                               struct lx_error *err)
{
    enum lx_err code = lx_grow(&catalogue->products, &catalogue->capacity, catalogue->count + 1,
                               LX_PRODUCT_MAX, sizeof *catalogue->products);
    if (code != LX_OK)
        return lx_fail(err, code, "product %s: the catalogue holds %zu, at most %d", product->code,
                       catalogue->count, LX_PRODUCT_MAX);
    struct bank_product copy = *product;
    copy.zh = copy_of(product->zh);
    copy.en = copy_of(product->en);
    copy.features_zh = copy_of(product->features_zh);
    copy.features_en = copy_of(product->features_en);
    copy.conflicts = product->conflicts == NULL ? NULL : lx_strdup(product->conflicts);
    /* Added even if a text is missing, so that the catalogue's release frees the others. */
    catalogue->products[catalogue->count++] = copy;
    if (copy.zh == NULL || copy.en == NULL || copy.features_zh == NULL ||
        copy.features_en == NULL || (copy.conflicts == NULL) != (product->conflicts == NULL))
        return lx_fail(err, LX_ERR_NO_MEMORY, "product %s: out of memory", product->code);
    return LX_OK;
}

static enum lx_err add_stored(struct bank_catalogue *catalogue, struct store_statement *statement,
                              const char *product_code, struct lx_error *err)
{
    int64_t v[11];
    char *texts[4] = {NULL};
    struct bank_product product = {0};
    enum lx_err code = LX_OK;
    store_ints(statement, 6, 11, 0, v);
    for (int i = 0; i < 4; i++) {
        texts[i] = copy_of(store_text(statement, 2 + i, NULL));
        if (texts[i] == NULL) code = lx_fail(err, LX_ERR_NO_MEMORY, "catalogue: out of memory");
    }
    snprintf(product.code, sizeof product.code, "%s", product_code);
    product.zh = texts[0], product.en = texts[1];
    product.features_zh = texts[2], product.features_en = texts[3];
    product.category = (enum bank_category)v[0];
    product.risk = (int)v[1];
    product.minimum_fen = v[2];
    product.rate_ppm = v[3];
    product.term_days = (int)v[4];
    product.age_min = (int)v[5];
    product.age_max = (int)v[6];
    product.launched_day = (int32_t)v[7];
    product.is_green = v[8] == 1;
    product.channels = (uint32_t)v[9];
    product.status = (enum bank_product_status)v[10];
    if (code == LX_OK) code = bank_catalogue_add(catalogue, &product, err);
    for (int i = 0; i < 4; i++) lx_free(texts[i]);
    return code;
}

/* Moves the product at `from` to `to`, those between one place on. */
static void move_product(struct bank_catalogue *catalogue, size_t from, size_t to)
{
    LX_ASSERT(to <= from && from < catalogue->count);
    struct bank_product product = catalogue->products[from];
    memmove(&catalogue->products[to + 1], &catalogue->products[to], (from - to) * sizeof product);
    catalogue->products[to] = product;
}

static enum lx_err align_one(struct bank_catalogue *catalogue, struct store_statement *statement,
                             size_t number, struct lx_error *err)
{
    size_t length = 0;
    const char *product_code = store_text(statement, 1, &length);
    if (product_code == NULL || length > LX_CODE_MAX ||
        store_int(statement, 0) != (int64_t)number || store_is_null(statement, 6))
        return lx_fail(err, LX_ERR_CORRUPT, "table product: number %zu is damaged", number);
    int found = bank_catalogue_find(catalogue, product_code, length);
    LX_ASSERT(found < 0 || (size_t)found >= number); /* codes are unique in both */
    if (found >= 0) {
        move_product(catalogue, (size_t)found, number);
        return LX_OK;
    }
    enum lx_err code = add_stored(catalogue, statement, product_code, err);
    if (code == LX_OK) move_product(catalogue, catalogue->count - 1, number);
    return code;
}

enum lx_err bank_catalogue_align(struct bank_catalogue *catalogue, struct store *store,
                                 struct lx_error *err)
{
    struct store_statement *statement = NULL;
    bool has_row = false;
    enum lx_err code = store_prepare(store, products_sql, &statement, err);
    for (size_t number = 0; code == LX_OK; number++) {
        code = store_step(statement, &has_row, err);
        if (code != LX_OK || !has_row) break;
        code = align_one(catalogue, statement, number, err);
    }
    store_finalize(statement);
    return code;
}

/* Where both tables speak of one moment, the bank's file goes before the catalogue. */
static const char terms_sql[] =
    "SELECT product, at_ms, known_at_ms, minimum_fen, rate_ppm, term_days, 0 AS source"
    " FROM product_version UNION ALL"
    " SELECT product, at_ms, known_at_ms, minimum_fen, rate_ppm, term_days, 1 FROM product_terms"
    " ORDER BY product, at_ms, known_at_ms, source";

enum { TERMS_MAX = 1 << 20 };

static enum lx_err add_terms(struct bank_catalogue *catalogue, const int64_t v[6],
                             struct lx_error *err)
{
    if (v[0] < 0 || v[0] >= (int64_t)catalogue->count)
        return lx_fail(err, LX_ERR_CORRUPT,
                       "table product_terms: product number %" PRId64 " is not there", v[0]);
    enum lx_err code = lx_grow(&catalogue->terms, &catalogue->terms_capacity,
                               catalogue->terms_count + 1, TERMS_MAX, sizeof *catalogue->terms);
    if (code != LX_OK) return lx_fail(err, code, "versions of products: %s", lx_err_text(code));
    catalogue->terms[catalogue->terms_count++] = (struct bank_terms){
        .at_ms = v[1],
        .known_at_ms = v[2],
        .minimum_fen = v[3],
        .rate_ppm = v[4],
        .term_days = (int)v[5],
    };
    catalogue->products[v[0]].terms_count++;
    return LX_OK;
}

/* The list has grown to its end: now it stays where it is. */
static void divide_terms(struct bank_catalogue *catalogue)
{
    const struct bank_terms *terms = catalogue->terms;
    for (size_t i = 0; i < catalogue->count; i++) {
        catalogue->products[i].terms = terms;
        if (terms != NULL) terms += catalogue->products[i].terms_count;
    }
}

enum lx_err bank_catalogue_read_terms(struct bank_catalogue *catalogue, struct store *store,
                                      struct lx_error *err)
{
    struct store_statement *statement = NULL;
    bool has_row = false;
    enum lx_err code = store_prepare(store, terms_sql, &statement, err);
    while (code == LX_OK && (code = store_step(statement, &has_row, err)) == LX_OK && has_row) {
        int64_t v[6];
        store_ints(statement, 0, 6, 0, v);
        code = add_terms(catalogue, v, err);
    }
    divide_terms(catalogue);
    store_finalize(statement);
    return code;
}
