/*
 * fuzz_labels: a file of labels is refused with its name and a line, or it is whole: every label
 * has name, layer, titles and definition, its condition is a condition of the same features, and
 * it says something of a customer, or nothing, in both languages.
 */
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "view/labels.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) abort();
}

enum { PRODUCTS = 3 };

static struct bank_product products[PRODUCTS] = {
    {.code = "P01", .category = BANK_CATEGORY_SAVINGS, .risk = 1, .age_max = 120},
    {.code = "P02", .category = BANK_CATEGORY_WEALTH, .risk = 4, .age_min = 18, .age_max = 70},
    {.code = "P03", .category = BANK_CATEGORY_CREDIT, .risk = 2, .age_min = 18, .age_max = 60},
};
static struct bank_catalogue catalogue = {.products = products, .count = PRODUCTS};

/* Made by the first input and kept to the end. */
static struct view_features *features;
static struct view_scratch *scratch;

static void prepare(void)
{
    const struct view_code_lists lists = {0};
    struct view_schema *schema = NULL;
    struct lx_error err;
    if (features != NULL) return;
    for (int i = 0; i < PRODUCTS; i++) products[i].zh = products[i].en = products[i].code;
    require(view_schema_open(&catalogue, &lists, &schema, &err) == LX_OK);
    require(view_features_parse_shipped(schema, &features, &err) == LX_OK);
    require(view_scratch_open(features, &catalogue, &scratch, &err) == LX_OK);
}

static void check_label(const struct view_label *label)
{
    struct expr *expr = NULL;
    struct lx_error err;
    require(label->name[0] != '\0' && label->definition[0] != '\0');
    require(label->layer < VIEW_LAYER_COUNT && label->type < VIEW_LABEL_TYPE_COUNT);
    require(label->zh != NULL && label->en != NULL && label->owner != NULL);
    require((label->expr == NULL) == (label->output != VIEW_OUTPUT_NONE));
    require(strlen(label->version) == 16);
    if (label->expr == NULL) return;
    enum lx_err code = expr_compile_as(
        view_schema_scope(view_features_schema(features), VIEW_CUSTOMER), EXPR_BOOLEAN,
        label->condition, strlen(label->condition), &expr, NULL, &err);
    require(code == LX_OK);
    expr_free(expr);
}

/* Of a customer of whom one page view is known. */
static void read_labels(const struct view_labels *labels)
{
    const int64_t as_of_ms = 20000 * LX_MS_PER_DAY;
    const struct bank_event event = {.at_ms = as_of_ms - 5 * LX_MS_PER_DAY,
                                     .known_at_ms = as_of_ms - 4 * LX_MS_PER_DAY,
                                     .kind = BANK_EVENT_KIND_PAGE_VIEW,
                                     .channel = BANK_CHANNEL_MOBILE,
                                     .product = 1,
                                     .amount_fen = BANK_NO_AMOUNT,
                                     .balance_fen = 123456};
    const struct bank_history history = {.id = "x", .events = &event, .event_count = 1};
    const struct view_context context = {&catalogue, NULL, 480, scratch};
    float values[LX_FEATURES_MAX];
    struct view_label_reader *reader = NULL;
    struct view_facts facts;
    struct lx_error err;
    require(view_label_reader_open(labels, &catalogue, &reader, &err) == LX_OK);
    view_facts(&history, &context, as_of_ms, &facts);
    view_compute_customer(scratch, &history, &context, &facts, as_of_ms, values);
    view_label_reader_begin(reader, &history, &context, &facts, as_of_ms, values);
    for (size_t i = 0; i < view_labels_count(labels); i++) {
        const struct view_label *label = view_labels_at(labels, i);
        struct expr_value value;
        struct view_saying saying;
        if (label->expr == NULL) continue;
        require(view_label_reader_value(reader, i, &value, &err) == LX_OK);
        if (!view_label_has(label, &value)) continue;
        if (!view_label_say(label, &catalogue, &value, &saying)) continue;
        require(saying.value[0] != '\0' && saying.zh[0] != '\0' && saying.en[0] != '\0');
    }
    view_label_reader_close(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view_labels *labels = NULL;
    struct lx_error err;
    prepare();
    enum lx_err code =
        view_labels_parse("l.ini", (const char *)data, size, features, &catalogue, &labels, &err);
    if (code != LX_OK) {
        require(code == LX_ERR_BAD_INPUT || code == LX_ERR_LIMIT);
        require(strncmp(err.text, "l.ini:", 6) == 0);
        return 0;
    }
    for (size_t i = 0; i < view_labels_count(labels); i++) check_label(view_labels_at(labels, i));
    read_labels(labels);
    view_labels_close(labels);
    return 0;
}
