#include "model/simulate_truth.h"

#include <string.h>

#include "base/real.h"
#include "codec/csv.h"
#include "codec/field.h"
#include "codec/ini.h"
#include "host/file.h"

/* One file: a customer and a whole number for each product. */
struct table {
    char path[LX_PATH_MAX];
    struct host_file *file;
    struct csv_reader *reader;
    size_t column_count;
    int columns[LX_PRODUCT_MAX]; /* product of each column behind the customer */
    int64_t low, high;           /* of a value */
};

struct simulate_truth {
    const struct bank_catalogue *catalogue;
    struct table acceptance, hidden;
    bool has_hidden;
    struct simulate_bounds bounds;
    struct simulate_taste taste;
    struct simulate_customer customer;
    char id[LX_ID_MAX + 1];
    double chances[LX_PRODUCT_MAX], logits[LX_PRODUCT_MAX];
};

static enum lx_err read_bytes(void *context, void *bytes, size_t size, size_t *ret_length,
                              struct lx_error *err)
{
    return host_read(context, bytes, size, ret_length, err);
}

static enum lx_err read_header(struct table *table, const struct bank_catalogue *catalogue,
                               struct lx_error *err)
{
    const struct csv_row *row = NULL;
    enum lx_err code = csv_next(table->reader, &row, err);
    if (code != LX_OK) return code;
    if (row == NULL || row->count < 2 || row->count > catalogue->count + 1)
        return lx_fail(err, LX_ERR_BAD_INPUT,
                       "%s:1: not a customer and %zu products of the "
                       "catalogue",
                       table->path, catalogue->count);
    table->column_count = row->count;
    for (size_t i = 1; i < row->count; i++) {
        int product = bank_catalogue_find(catalogue, row->fields[i].text, row->fields[i].length);
        if (product == BANK_NO_PRODUCT)
            return lx_fail(err, LX_ERR_BAD_INPUT, "%s:1: product %.*s is not in the catalogue",
                           table->path, (int)row->fields[i].length, row->fields[i].text);
        table->columns[i - 1] = product;
    }
    return LX_OK;
}

static enum lx_err table_open(struct table *table, const char *folder, const char *name,
                              const struct bank_catalogue *catalogue, struct lx_error *err)
{
    static const struct csv_format format = {.delimiter = ",", .quote = '"'};
    enum lx_err code = host_join(table->path, folder, name, err);
    if (code == LX_OK) code = host_open(table->path, HOST_READ, &table->file, err);
    if (code == LX_OK)
        code = csv_reader_open(&format, (struct csv_source){table->file, read_bytes},
                               &table->reader, err);
    return code == LX_OK ? read_header(table, catalogue, err) : code;
}

static void table_close(struct table *table)
{
    if (table->reader != NULL) csv_reader_close(table->reader);
    host_close(table->file);
}

/* The next row, with its values by product; NULL behind the last. */
static enum lx_err table_next(struct table *table, int64_t *values, const struct csv_row **ret_row,
                              struct lx_error *err)
{
    const struct csv_row *row = NULL;
    enum lx_err code = csv_next(table->reader, &row, err);
    if (code != LX_OK) return code;
    *ret_row = row;
    if (row == NULL) return LX_OK;
    bool is_bad = row->problem != CSV_PROBLEM_NONE || row->count != table->column_count;
    for (size_t i = 1; !is_bad && i < row->count; i++) {
        int64_t *value = &values[table->columns[i - 1]];
        is_bad = field_int64(row->fields[i].text, row->fields[i].length, value, NULL) != LX_OK ||
                 *value < table->low || *value > table->high;
    }
    if (!is_bad) return LX_OK;
    return lx_fail(err, LX_ERR_BAD_INPUT,
                   "%s:%llu: not a customer and %zu whole numbers from %lld "
                   "to %lld",
                   table->path, (unsigned long long)row->line, table->column_count - 1,
                   (long long)table->low, (long long)table->high);
}

static enum lx_err find_real(const struct ini *ini, const char *section, const char *name,
                             double *ret_value, struct lx_error *err)
{
    const char *text = ini_get(ini, section, name);
    if (text != NULL && field_real(text, strlen(text), ret_value, NULL) == LX_OK) return LX_OK;
    return lx_fail(err, LX_ERR_BAD_INPUT, "%s: [%s] %s is no number", ini->file, section, name);
}

/* `0.9, 1.2, 0, ...`: the product's own, then the shared ones. */
static enum lx_err read_weights(const struct ini *ini, const char *code, double *weights,
                                size_t *ret_count, struct lx_error *err)
{
    const char *text = ini_get(ini, "taste", code);
    size_t count = 0;
    while (text != NULL && count <= SIMULATE_TASTES_MAX) {
        const char *comma = strchr(text, ',');
        size_t length = comma != NULL ? (size_t)(comma - text) : strlen(text);
        while (length > 0 && *text == ' ') text++, length--;
        if (field_real(text, length, &weights[count], NULL) != LX_OK) break;
        count++;
        if (comma == NULL) {
            *ret_count = count - 1;
            return LX_OK;
        }
        text = comma + 1;
    }
    return lx_fail(err, LX_ERR_BAD_INPUT, "%s: [taste] %s is no list of 1 to %d numbers", ini->file,
                   code, SIMULATE_TASTES_MAX + 1);
}

static enum lx_err read_taste(struct simulate_truth *truth, const struct ini *ini,
                              struct lx_error *err)
{
    struct simulate_taste *taste = &truth->taste;
    enum lx_err code = find_real(ini, "taste", "strength", &taste->strength, err);
    for (size_t i = 0; i < truth->catalogue->count && code == LX_OK; i++) {
        size_t count = 0;
        const char *product = truth->catalogue->products[i].code;
        code = read_weights(ini, product, taste->weights[i], &count, err);
        if (code == LX_OK && i > 0 && count != taste->count)
            code =
                lx_fail(err, LX_ERR_BAD_INPUT, "%s: [taste] %s: %zu tastes where others have %zu",
                        ini->file, product, count, taste->count);
        taste->count = count;
    }
    return code;
}

static enum lx_err read_parameters(struct simulate_truth *truth, const char *folder,
                                   struct lx_error *err)
{
    char path[LX_PATH_MAX];
    struct lx_buffer text;
    struct ini ini = {0};
    lx_buffer_init(&text, LX_CONFIG_MAX);
    enum lx_err code = host_join(path, folder, "parameters.ini", err);
    if (code == LX_OK) code = host_read_file(path, &text, err);
    if (code == LX_OK) code = ini_read(path, lx_buffer_text(&text), text.length, &ini, err);
    if (code == LX_OK) code = find_real(&ini, "channel", "rm", &truth->bounds.channel, err);
    if (code == LX_OK) code = find_real(&ini, "logit", "minimum", &truth->bounds.minimum, err);
    if (code == LX_OK) code = find_real(&ini, "logit", "maximum", &truth->bounds.maximum, err);
    if (code == LX_OK && truth->has_hidden) code = read_taste(truth, &ini, err);
    ini_release(&ini);
    lx_buffer_release(&text);
    return code;
}

enum lx_err simulate_truth_open(const char *folder, const struct bank_catalogue *catalogue,
                                struct simulate_truth **ret_truth, struct lx_error *err)
{
    char path[LX_PATH_MAX];
    struct simulate_truth *truth = lx_calloc(1, sizeof *truth);
    if (truth == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "simulate: out of memory");
    truth->catalogue = catalogue;
    truth->acceptance.high = 1000000;
    truth->hidden.low = -1000000;
    truth->hidden.high = 1000000;
    truth->taste.weights = lx_calloc(catalogue->count + 1, sizeof *truth->taste.weights);
    enum lx_err code = LX_OK;
    if (truth->taste.weights == NULL)
        code = lx_fail(err, LX_ERR_NO_MEMORY, "simulate: out of memory");
    if (code == LX_OK) code = host_join(path, folder, "hidden.csv", err);
    if (code == LX_OK) truth->has_hidden = host_exists(path);
    if (code == LX_OK) code = read_parameters(truth, folder, err);
    if (code == LX_OK)
        code = table_open(&truth->acceptance, folder, "acceptance.csv", catalogue, err);
    if (code == LX_OK && truth->has_hidden)
        code = table_open(&truth->hidden, folder, "hidden.csv", catalogue, err);
    if (code == LX_OK)
        *ret_truth = truth;
    else
        simulate_truth_close(truth);
    return code;
}

void simulate_truth_close(struct simulate_truth *truth)
{
    if (truth == NULL) return;
    table_close(&truth->acceptance);
    table_close(&truth->hidden);
    lx_free(truth->taste.weights);
    lx_free(truth);
}

/* hidden.csv has the rows of acceptance.csv, in their order. */
static enum lx_err read_hidden(struct simulate_truth *truth, const struct csv_field *id,
                               struct lx_error *err)
{
    int64_t values[LX_PRODUCT_MAX] = {0};
    const struct csv_row *row = NULL;
    enum lx_err code = table_next(&truth->hidden, values, &row, err);
    if (code != LX_OK) return code;
    if (row == NULL || row->fields[0].length != id->length ||
        memcmp(row->fields[0].text, id->text, id->length) != 0)
        return lx_fail(err, LX_ERR_BAD_INPUT, "%s: customer %.*s of acceptance.csv is not here",
                       truth->hidden.path, (int)id->length, id->text);
    for (size_t i = 0; i < truth->catalogue->count; i++)
        truth->logits[i] = (double)values[i] / 1000;
    return LX_OK;
}

enum lx_err simulate_truth_next(struct simulate_truth *truth,
                                const struct simulate_customer **ret_customer, struct lx_error *err)
{
    const struct csv_row *row = NULL;
    for (;;) {
        int64_t values[LX_PRODUCT_MAX] = {0};
        bool has_any = false;
        enum lx_err code = table_next(&truth->acceptance, values, &row, err);
        if (code == LX_OK && row != NULL && truth->has_hidden)
            code = read_hidden(truth, &row->fields[0], err);
        if (code != LX_OK) return code;
        if (row == NULL) break;
        size_t length = row->fields[0].length;
        if (length > LX_ID_MAX) continue;
        memcpy(truth->id, row->fields[0].text, length);
        truth->id[length] = '\0';
        for (size_t i = 0; i < truth->catalogue->count; i++) {
            truth->chances[i] = simulate_answer_chance(&truth->bounds, values[i]);
            has_any = has_any || values[i] > 0;
        }
        truth->customer =
            (struct simulate_customer){.id = truth->id,
                                       .has_left = !has_any,
                                       .chances = truth->chances,
                                       .hidden = truth->has_hidden ? truth->logits : NULL};
        *ret_customer = &truth->customer;
        return LX_OK;
    }
    *ret_customer = NULL;
    return LX_OK;
}

const struct simulate_bounds *simulate_truth_bounds(const struct simulate_truth *truth)
{
    return &truth->bounds;
}

const struct simulate_taste *simulate_truth_taste(const struct simulate_truth *truth)
{
    return truth->has_hidden ? &truth->taste : NULL;
}
