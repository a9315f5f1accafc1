/*
 * A model as bytes (codec/bytes.h): magic, version, products, profile, categories, tables,
 * calibration, members, and the SHA-256 of all before it.
 */
#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "codec/bytes.h"
#include "codec/digest.h"
#include "learn/second_round_model.h"

enum { MAGIC_SIZE = 8, VERSION = 1, PROFILE_MAX = FOREST_FEATURES_MAX };

static const char magic[MAGIC_SIZE + 1] = "LXROUND2";

static void put_float(struct lx_buffer *bytes, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    bytes_put_u32(bytes, bits);
}

static void put_floats(struct lx_buffer *bytes, const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) put_float(bytes, values[i]);
}

enum lx_err second_round_write(const struct second_round *model, struct lx_buffer *bytes,
                               struct lx_error *err)
{
    const struct second_round_tables *tables = &model->tables;
    size_t products = tables->product_count, begin = bytes->length;
    struct lx_buffer calibration;
    lx_buffer_init(&calibration, LX_CONFIG_MAX);
    calibration_write(&model->calibration, &calibration);
    lx_buffer_append(bytes, magic, MAGIC_SIZE);
    bytes_put_u32(bytes, VERSION);
    bytes_put_u32(bytes, (uint32_t)products);
    bytes_put_u32(bytes, (uint32_t)model->profile_count);
    bytes_put_u8(bytes, tables->likeness != NULL);
    for (size_t i = 0; i < products; i++) bytes_put_u32(bytes, tables->categories[i]);
    put_floats(bytes, tables->rates, products);
    put_floats(bytes, tables->yes, products * products);
    put_floats(bytes, tables->no, products * products);
    if (tables->likeness != NULL) put_floats(bytes, tables->likeness, products * products);
    bytes_put_text(bytes, lx_buffer_text(&calibration), calibration.length);
    bytes_put_u32(bytes, (uint32_t)model->member_count);
    for (size_t i = 0; i < model->member_count; i++)
        bytes_put_text(bytes, model->members[i].trees, model->members[i].trees_bytes);
    enum lx_err code = lx_buffer_error(&calibration);
    if (code == LX_OK) code = lx_buffer_error(bytes);
    lx_buffer_release(&calibration);
    if (code == LX_OK) {
        uint8_t hash[DIGEST_SIZE];
        digest_of(lx_buffer_text(bytes) + begin, bytes->length - begin, hash);
        lx_buffer_append(bytes, hash, sizeof hash);
        code = lx_buffer_error(bytes);
    }
    if (code == LX_OK) return LX_OK;
    return lx_fail(err, code, "second round: a model of over %zu bytes, limit %zu: %s",
                   bytes->length, bytes->max_bytes, lx_err_text(code));
}

/* NaN and infinities never come from a fit. */
static bool get_floats(struct bytes_reader *reader, float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = bytes_get_u32(reader);
        memcpy(&values[i], &bits, sizeof bits);
        if (!isfinite(values[i])) return false;
    }
    return !reader->is_failed;
}

static enum lx_err tables_alloc(struct second_round_tables *tables, size_t products,
                                bool has_likeness)
{
    size_t cells = products * products;
    tables->product_count = products;
    tables->rates = lx_calloc(products, sizeof *tables->rates);
    tables->categories = lx_calloc(products, sizeof *tables->categories);
    tables->yes = lx_calloc(cells, sizeof *tables->yes);
    tables->no = lx_calloc(cells, sizeof *tables->no);
    if (has_likeness) tables->likeness = lx_calloc(cells, sizeof *tables->likeness);
    bool is_whole = tables->rates != NULL && tables->categories != NULL && tables->yes != NULL &&
                    tables->no != NULL && (!has_likeness || tables->likeness != NULL);
    return is_whole ? LX_OK : LX_ERR_NO_MEMORY;
}

static enum lx_err corrupt(struct lx_error *err, const char *what)
{
    return lx_fail(err, LX_ERR_CORRUPT, "second round: %s; train again", what);
}

static enum lx_err read_tables(struct bytes_reader *reader, struct second_round *model,
                               struct lx_error *err)
{
    struct second_round_tables *tables = &model->tables;
    size_t products = bytes_get_u32(reader), cells = products * products;
    model->profile_count = bytes_get_u32(reader);
    bool has_likeness = bytes_get_u8(reader) != 0;
    if (reader->is_failed || products < 2 || products > SECOND_ROUND_PRODUCTS_MAX ||
        model->profile_count > PROFILE_MAX)
        return corrupt(err, "impossible numbers of products or features");
    if (tables_alloc(tables, products, has_likeness) != LX_OK)
        return lx_fail(err, LX_ERR_NO_MEMORY, "second round: %zu products", products);
    for (size_t i = 0; i < products; i++) {
        uint32_t category = bytes_get_u32(reader);
        if (category > UINT16_MAX) return corrupt(err, "a category that is none");
        tables->categories[i] = (uint16_t)category;
    }
    bool is_fine = get_floats(reader, tables->rates, products) &&
                   get_floats(reader, tables->yes, cells) && get_floats(reader, tables->no, cells);
    if (is_fine && has_likeness) is_fine = get_floats(reader, tables->likeness, cells);
    return is_fine ? LX_OK : corrupt(err, "tables of products that end early or hold no numbers");
}

static enum lx_err read_members(struct bytes_reader *reader, struct second_round *model,
                                struct lx_error *err)
{
    size_t length = 0;
    const char *text = bytes_get_text(reader, &length);
    if (reader->is_failed) return corrupt(err, "it ends before the calibration");
    enum lx_err code = calibration_read(text, length, &model->calibration, err);
    if (code != LX_OK) return code;
    size_t count = bytes_get_u32(reader);
    if (reader->is_failed || count < 1 || count > SECOND_ROUND_MEMBERS_MAX)
        return corrupt(err, "an impossible number of forests");
    for (size_t i = 0; i < count && code == LX_OK; i++) {
        text = bytes_get_text(reader, &length);
        if (reader->is_failed || length == 0) return corrupt(err, "it ends before its trees");
        char *trees = lx_malloc(length + 1);
        if (trees == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "second round: %zu bytes", length);
        memcpy(trees, text, length);
        trees[length] = 0;
        code = second_round_add_member(model, trees, length, err);
    }
    if (code == LX_OK && !bytes_is_at_end(reader)) code = corrupt(err, "bytes after its end");
    return code;
}

enum lx_err second_round_read(const char *bytes, size_t length, struct second_round **ret_model,
                              struct lx_error *err)
{
    if (length < MAGIC_SIZE + 4 + DIGEST_SIZE || memcmp(bytes, magic, MAGIC_SIZE) != 0)
        return corrupt(err, "not such a model");
    uint8_t hash[DIGEST_SIZE];
    size_t body = length - DIGEST_SIZE;
    digest_of(bytes, body, hash);
    struct bytes_reader reader = bytes_reader_of(bytes + MAGIC_SIZE, body - MAGIC_SIZE);
    uint32_t version = bytes_get_u32(&reader);
    if (version != VERSION)
        return lx_fail(err, LX_ERR_VERSION, "second round: version %u, this program reads %d",
                       version, VERSION);
    if (memcmp(hash, bytes + body, DIGEST_SIZE) != 0)
        return corrupt(err, "its SHA-256 is not the one it states");
    struct second_round *model = lx_calloc(1, sizeof *model);
    if (model == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "second round: a model");
    enum lx_err code = read_tables(&reader, model, err);
    if (code == LX_OK) code = read_members(&reader, model, err);
    if (code != LX_OK) {
        second_round_close(model);
        return code;
    }
    *ret_model = model;
    return LX_OK;
}
