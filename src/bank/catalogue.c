#include "bank/catalogue.h"

#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "codec/field.h"
#include "codec/ini.h"

/* What is being read, for messages. */
struct reading {
    const char *file;
    const char *section;
    const struct ini *ini;
    struct lx_error *err;
};

static enum lx_err refuse(const struct reading *reading, const struct ini_entry *entry,
                          const char *why)
{
    return lx_fail(reading->err, LX_ERR_BAD_INPUT, "%s:%d: product %s: %s \"%.60s\": %s",
                   reading->file, entry->line, reading->section, entry->name, entry->value, why);
}

static enum lx_err read_text(const struct reading *reading, const struct ini_entry *entry,
                             char **ret_text)
{
    if (entry->value[0] == '\0') return refuse(reading, entry, "is empty");
    *ret_text = lx_strdup(entry->value);
    return *ret_text != NULL ? LX_OK : lx_fail(reading->err, LX_ERR_NO_MEMORY, "out of memory");
}

static enum lx_err read_int(const struct reading *reading, const struct ini_entry *entry,
                            int64_t min, int64_t max, int *ret_value)
{
    struct lx_error why = {0};
    int64_t value;
    if (field_int64(entry->value, strlen(entry->value), &value, &why) != LX_OK)
        return refuse(reading, entry, why.text);
    if (value < min || value > max) return refuse(reading, entry, "out of range");
    *ret_value = (int)value;
    return LX_OK;
}

/* An amount in yuan, or a rate in percent: both have at most two decimals. */
static enum lx_err read_hundredths(const struct reading *reading, const struct ini_entry *entry,
                                   int64_t *ret_value)
{
    struct lx_error why = {0};
    int64_t value;
    if (field_yuan(entry->value, strlen(entry->value), &value, &why) != LX_OK)
        return refuse(reading, entry, why.text);
    if (value < 0) return refuse(reading, entry, "is negative");
    *ret_value = value;
    return LX_OK;
}

static enum lx_err read_channels(const struct reading *reading, const struct ini_entry *entry,
                                 uint32_t *ret_channels)
{
    uint32_t channels = 0;
    for (const char *at = entry->value;;) {
        at += strspn(at, " ,\n");
        size_t length = strcspn(at, " ,\n");
        if (length == 0) break;
        enum bank_channel channel = bank_channel_find(at, length);
        if (channel == BANK_CHANNEL_NONE) return refuse(reading, entry, "no such channel");
        channels |= UINT32_C(1) << channel;
        at += length;
    }
    if (channels == 0) return refuse(reading, entry, "names no channel");
    *ret_channels = channels;
    return LX_OK;
}

static enum lx_err read_day(const struct reading *reading, const struct ini_entry *entry,
                            int32_t *ret_day)
{
    enum lx_err code = lx_day_parse(entry->value, strlen(entry->value), ret_day);
    return code == LX_OK ? LX_OK : refuse(reading, entry, "is no day YYYY-MM-DD");
}

static enum lx_err read_risk(const struct reading *reading, const struct ini_entry *entry,
                             int *ret_risk)
{
    const char *text = entry->value;
    if (text[0] != 'R' || text[1] < '1' || text[1] > '5' || text[2] != '\0')
        return refuse(reading, entry, "is none of R1 to R5");
    *ret_risk = text[1] - '0';
    return LX_OK;
}

static enum lx_err read_category(const struct reading *reading, const struct ini_entry *entry,
                                 struct bank_product *product)
{
    product->category = bank_category_find(entry->value, strlen(entry->value));
    if (product->category != BANK_CATEGORY_NONE) return LX_OK;
    return refuse(reading, entry, "is none of savings, credit, wealth, protection, payment");
}

static enum lx_err read_status(const struct reading *reading, const struct ini_entry *entry,
                               struct bank_product *product)
{
    if (strcmp(entry->value, "on_sale") == 0)
        product->status = BANK_PRODUCT_ON_SALE;
    else if (strcmp(entry->value, "retired") == 0)
        product->status = BANK_PRODUCT_RETIRED;
    else
        return refuse(reading, entry, "is neither on_sale nor retired");
    return LX_OK;
}

static enum lx_err read_rate(const struct reading *reading, const struct ini_entry *entry,
                             struct bank_product *product)
{
    int64_t hundredths;
    enum lx_err code = read_hundredths(reading, entry, &hundredths);
    if (code != LX_OK) return code;
    if (hundredths > 10000) return refuse(reading, entry, "is more than 100 percent");
    product->rate_ppm = hundredths * 100; /* 0.01 % is 100 parts per million */
    return LX_OK;
}

static enum lx_err read_green(const struct reading *reading, const struct ini_entry *entry,
                              struct bank_product *product)
{
    int value = 0;
    enum lx_err code = read_int(reading, entry, 0, 1, &value);
    product->is_green = value == 1;
    return code;
}

/* Every name that a section must have, once. */
#define NAME_MAP(X)                                                                                \
    X("zh", read_text(reading, entry, &product->zh))                                               \
    X("en", read_text(reading, entry, &product->en))                                               \
    X("features_zh", read_text(reading, entry, &product->features_zh))                             \
    X("features_en", read_text(reading, entry, &product->features_en))                             \
    X("category", read_category(reading, entry, product))                                          \
    X("risk", read_risk(reading, entry, &product->risk))                                           \
    X("minimum_yuan", read_hundredths(reading, entry, &product->minimum_fen))                      \
    X("rate_percent", read_rate(reading, entry, product))                                          \
    X("term_days", read_int(reading, entry, 0, 36500, &product->term_days))                        \
    X("age_min", read_int(reading, entry, 0, 150, &product->age_min))                              \
    X("age_max", read_int(reading, entry, 0, 150, &product->age_max))                              \
    X("channels", read_channels(reading, entry, &product->channels))                               \
    X("green", read_green(reading, entry, product))                                                \
    X("status", read_status(reading, entry, product))                                              \
    X("launched", read_day(reading, entry, &product->launched_day))

static const char *const required_names[] = {
#define X(key, call) key,
    NAME_MAP(X)
#undef X
};

static enum lx_err read_entry(const struct reading *reading, const struct ini_entry *entry,
                              struct bank_product *product)
{
    /* The one name that may be missing. */
    if (strcmp(entry->name, "conflicts") == 0)
        return read_text(reading, entry, &product->conflicts);
#define X(key, call)                                                                               \
    if (strcmp(entry->name, key) == 0) return call;
    NAME_MAP(X)
#undef X
    return refuse(reading, entry, "no such property of a product");
}

static enum lx_err check_complete(const struct reading *reading)
{
    for (size_t i = 0; i < LX_COUNT_OF(required_names); i++)
        if (ini_get(reading->ini, reading->section, required_names[i]) == NULL)
            return lx_fail(reading->err, LX_ERR_BAD_INPUT, "%s: product %s: has no %s",
                           reading->file, reading->section, required_names[i]);
    return LX_OK;
}

static bool is_code(const char *text)
{
    size_t length = strlen(text);
    size_t good = strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-.");
    return length >= 1 && length <= LX_CODE_MAX && good == length;
}

static enum lx_err read_product(const struct reading *reading, struct bank_product *product)
{
    if (!is_code(reading->section))
        return lx_fail(reading->err, LX_ERR_BAD_INPUT,
                       "%s: product \"%.60s\": a code is 1 to %d letters, digits, _ - .",
                       reading->file, reading->section, LX_CODE_MAX);
    memcpy(product->code, reading->section, strlen(reading->section) + 1);

    enum lx_err code = LX_OK;
    for (size_t i = 0; i < reading->ini->count && code == LX_OK; i++)
        if (strcmp(reading->ini->entries[i].section, reading->section) == 0)
            code = read_entry(reading, &reading->ini->entries[i], product);
    if (code == LX_OK) code = check_complete(reading);
    if (code == LX_OK && product->age_min > product->age_max)
        code = refuse(reading, ini_find(reading->ini, reading->section, "age_max"),
                      "is below age_min");
    return code;
}

static int compare_codes(const void *a, const void *b)
{
    return strcmp(((const struct bank_product *)a)->code, ((const struct bank_product *)b)->code);
}

static enum lx_err read_section(const struct reading *reading, struct bank_catalogue *catalogue)
{
    enum lx_err code = lx_grow(&catalogue->products, &catalogue->capacity, catalogue->count + 1,
                               LX_PRODUCT_MAX, sizeof *catalogue->products);
    if (code == LX_ERR_LIMIT)
        return lx_fail(reading->err, code, "%s: more than %d products", reading->file,
                       LX_PRODUCT_MAX);
    if (code != LX_OK) return lx_fail(reading->err, code, "%s: out of memory", reading->file);

    struct bank_product *product = &catalogue->products[catalogue->count++];
    *product = (struct bank_product){0};
    return read_product(reading, product);
}

/* The next code of a list, and where it goes on; length 0 at the end. */
static const char *next_code(const char *at, size_t *ret_length)
{
    at += strspn(at, " ,\n");
    *ret_length = strcspn(at, " ,\n");
    return at;
}

static enum lx_err check_conflicts(const struct reading *reading,
                                   const struct bank_catalogue *catalogue,
                                   const struct bank_product *product)
{
    const struct ini_entry *entry = ini_find(reading->ini, product->code, "conflicts");
    size_t length = 0;
    if (product->conflicts == NULL) return LX_OK;
    for (const char *at = next_code(product->conflicts, &length); length > 0;
         at = next_code(at + length, &length)) {
        int other = bank_catalogue_find(catalogue, at, length);
        if (other < 0) return refuse(reading, entry, "names a product that is not in the file");
        if (&catalogue->products[other] == product)
            return refuse(reading, entry, "names the product itself");
    }
    return LX_OK;
}

enum lx_err bank_catalogue_parse(const char *file, const char *bytes, size_t length,
                                 struct bank_catalogue *ret_catalogue, struct lx_error *err)
{
    LX_ASSERT(file != NULL && ret_catalogue != NULL);

    struct ini ini = {0};
    struct bank_catalogue catalogue = {0};
    enum lx_err code = ini_read(file, bytes, length, &ini, err);
    for (size_t n = 0; code == LX_OK; n++) {
        struct reading reading = {file, ini_section(&ini, n), &ini, err};
        if (reading.section == NULL) break;
        code = read_section(&reading, &catalogue);
    }
    if (code == LX_OK && catalogue.count == 0)
        code = lx_fail(err, LX_ERR_BAD_INPUT, "%s: has no product", file);
    for (size_t i = 0; code == LX_OK && i < catalogue.count; i++) {
        const struct reading reading = {file, catalogue.products[i].code, &ini, err};
        code = check_conflicts(&reading, &catalogue, &catalogue.products[i]);
    }
    ini_release(&ini);
    if (code != LX_OK) {
        bank_catalogue_release(&catalogue);
        return code;
    }
    qsort(catalogue.products, catalogue.count, sizeof *catalogue.products, compare_codes);
    *ret_catalogue = catalogue;
    return LX_OK;
}

void bank_catalogue_release(struct bank_catalogue *catalogue)
{
    for (size_t i = 0; i < catalogue->count; i++) {
        lx_free(catalogue->products[i].zh);
        lx_free(catalogue->products[i].en);
        lx_free(catalogue->products[i].features_zh);
        lx_free(catalogue->products[i].features_en);
        lx_free(catalogue->products[i].conflicts);
    }
    lx_free(catalogue->products);
    lx_free(catalogue->terms);
    *catalogue = (struct bank_catalogue){0};
}

struct bank_terms bank_terms_as_of(const struct bank_product *product, int64_t as_of_ms)
{
    const struct bank_terms *known = NULL, *first = NULL;
    for (size_t i = 0; i < product->terms_count; i++) {
        const struct bank_terms *terms = &product->terms[i];
        if (first == NULL || terms->known_at_ms < first->known_at_ms) first = terms;
        if (terms->at_ms <= as_of_ms && terms->known_at_ms <= as_of_ms) known = terms;
    }
    if (known != NULL) return *known;
    if (first != NULL) return *first;
    return (struct bank_terms){.at_ms = BANK_UNKNOWN_MS,
                               .known_at_ms = BANK_UNKNOWN_MS,
                               .minimum_fen = product->minimum_fen,
                               .rate_ppm = product->rate_ppm,
                               .term_days = product->term_days};
}

int bank_catalogue_find(const struct bank_catalogue *catalogue, const char *code, size_t length)
{
    for (size_t i = 0; i < catalogue->count; i++) {
        const char *own = catalogue->products[i].code;
        if (strlen(own) == length && memcmp(own, code, length) == 0) return (int)i;
    }
    return BANK_NO_PRODUCT;
}

static bool names(const struct bank_product *product, const char *code)
{
    size_t length = 0;
    if (product->conflicts == NULL) return false;
    for (const char *at = next_code(product->conflicts, &length); length > 0;
         at = next_code(at + length, &length))
        if (strlen(code) == length && memcmp(at, code, length) == 0) return true;
    return false;
}

bool bank_catalogue_conflict(const struct bank_catalogue *catalogue, int a, int b)
{
    LX_ASSERT(a >= 0 && (size_t)a < catalogue->count && b >= 0 && (size_t)b < catalogue->count);

    const struct bank_product *first = &catalogue->products[a], *second = &catalogue->products[b];
    return a != b && (names(first, second->code) || names(second, first->code));
}
