#include "decide/actions.h"

#include <math.h>
#include <string.h>

#include "base/buffer.h"
#include "codec/digest.h"
#include "codec/field.h"
#include "codec/ini.h"

/* What is being read, for messages. */
struct reading {
    const char *file;
    const struct ini_entry *entry;
    struct lx_error *err;
};

static enum lx_err refuse(const struct reading *reading, const char *why)
{
    return lx_fail(reading->err, LX_ERR_BAD_INPUT, "%s:%d: [%s] %s \"%.60s\": %s", reading->file,
                   reading->entry->line, reading->entry->section, reading->entry->name,
                   reading->entry->value, why);
}

static enum lx_err read_weight(const struct reading *reading, double *ret_weight)
{
    const char *text = reading->entry->value;
    double weight;
    if (field_real(text, strlen(text), &weight, NULL) != LX_OK)
        return refuse(reading, "is no number");
    if (!(weight > 0 && weight <= 100)) return refuse(reading, "is not above 0 and at most 100");
    *ret_weight = weight;
    return LX_OK;
}

/* What follows the prefix, or NULL. */
static const char *after(const char *text, const char *prefix)
{
    size_t length = strlen(prefix);
    return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

/* `value` or `lever` of a section: the array that it belongs to. */
static double *weights_of(struct actions *actions, const char *name)
{
    if (strcmp(name, "value") == 0) return actions->value;
    return strcmp(name, "lever") == 0 ? actions->lever : NULL;
}

static enum lx_err read_category(const struct reading *reading, const char *category_name,
                                 const struct bank_catalogue *catalogue, struct actions *actions)
{
    enum bank_category category = bank_category_find(category_name, strlen(category_name));
    if (category == BANK_CATEGORY_NONE) return refuse(reading, "no such category");
    double weight, *weights = weights_of(actions, reading->entry->name);
    if (weights == NULL) return refuse(reading, "a category has a value and a lever");
    enum lx_err code = read_weight(reading, &weight);
    if (code != LX_OK) return code;
    for (size_t i = 0; i < catalogue->count; i++)
        if (catalogue->products[i].category == category) weights[i] = weight;
    return LX_OK;
}

static enum lx_err read_product(const struct reading *reading, const char *product_code,
                                const struct bank_catalogue *catalogue, struct actions *actions)
{
    int product = bank_catalogue_find(catalogue, product_code, strlen(product_code));
    if (product == BANK_NO_PRODUCT) return refuse(reading, "no such product in the catalogue");
    double *weights = weights_of(actions, reading->entry->name);
    if (weights == NULL) return refuse(reading, "a product has a value and a lever");
    return read_weight(reading, &weights[product]);
}

static struct actions_placement *find_placement(struct actions *actions, const char *name)
{
    for (size_t i = 0; i < actions->placement_count; i++)
        if (strcmp(actions->placements[i].name, name) == 0) return &actions->placements[i];
    return NULL;
}

/* A number of [explore], or of a placement in its stead. */
static enum lx_err read_between(const struct reading *reading, double low, double high,
                                double *ret_value)
{
    const char *text = reading->entry->value;
    double value;
    if (field_real(text, strlen(text), &value, NULL) != LX_OK)
        return refuse(reading, "is no number");
    if (value >= low && value <= high) {
        *ret_value = value;
        return LX_OK;
    }
    return lx_fail(reading->err, LX_ERR_BAD_INPUT, "%s:%d: [%s] %s \"%.60s\": %g to %g expected",
                   reading->file, reading->entry->line, reading->entry->section,
                   reading->entry->name, text, low, high);
}

/* A half-life below two weeks would let the weights of forward decay overflow within a lifetime. */
static enum lx_err read_explore(const struct reading *reading, struct actions_explore *explore)
{
    const struct {
        const char *name;
        double low, high, *value;
    } rows[] = {
        {"share", 0, 0.5, &explore->share},
        {"new_share", 0, 0.5, &explore->new_share},
        {"floor", 0.0001, 0.1, &explore->floor},
        {"new_days", 0, 3650, &explore->new_days},
        {"new_answers", 0, 1e6, &explore->new_answers},
        {"prior_answers", 1, 1e4, &explore->prior_answers},
        {"half_life_days", 14, 3650, &explore->half_life_days},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++)
        if (strcmp(reading->entry->name, rows[i].name) == 0)
            return read_between(reading, rows[i].low, rows[i].high, rows[i].value);
    return refuse(reading, "explore has share, new_share, floor, new_days, new_answers, "
                           "prior_answers and half_life_days");
}

static struct actions_segment *find_segment(struct actions *actions, const char *name)
{
    for (size_t i = 0; i < actions->segment_count; i++)
        if (strcmp(actions->segments[i].name, name) == 0) return &actions->segments[i];
    return NULL;
}

static enum lx_err read_segment(const struct reading *reading, const char *segment_name,
                                struct actions *actions)
{
    const char *name = reading->entry->name, *value = reading->entry->value;
    struct actions_segment *segment = find_segment(actions, segment_name);
    if (segment == NULL) {
        if (actions->segment_count == ACTIONS_SEGMENTS_MAX)
            return refuse(reading, "more than 32 segments");
        if (segment_name[0] == '\0' || strlen(segment_name) > ACTIONS_NAME_MAX)
            return refuse(reading, "a segment's name has 1 to 31 bytes");
        segment = &actions->segments[actions->segment_count++];
        *segment = (struct actions_segment){.line = reading->entry->line};
        memcpy(segment->name, segment_name, strlen(segment_name) + 1);
    }
    bool is_when = strcmp(name, "when") == 0;
    char *room = is_when                   ? segment->when
                 : strcmp(name, "zh") == 0 ? segment->zh
                 : strcmp(name, "en") == 0 ? segment->en
                                           : NULL;
    if (room == NULL) return refuse(reading, "a segment has when, zh and en");
    if (strlen(value) > (is_when ? ACTIONS_CONDITION_MAX : ACTIONS_TITLE_MAX))
        return refuse(reading, is_when ? "more than 511 bytes" : "more than 95 bytes");
    memcpy(room, value, strlen(value) + 1);
    if (is_when) segment->line = reading->entry->line;
    return LX_OK;
}

static enum lx_err check_segments(const char *file, const struct actions *actions,
                                  struct lx_error *err)
{
    for (size_t i = 0; i < actions->segment_count; i++) {
        const struct actions_segment *segment = &actions->segments[i];
        if (segment->when[0] == '\0' || segment->zh[0] == '\0' || segment->en[0] == '\0')
            return lx_fail(err, LX_ERR_BAD_INPUT,
                           "%s:%d: [segment.%s]: a segment needs when, zh and en", file,
                           segment->line, segment->name);
    }
    return LX_OK;
}

static enum lx_err add_placement(const struct reading *reading, const char *name,
                                 struct actions *actions)
{
    if (actions->placement_count == ACTIONS_PLACEMENTS_MAX)
        return refuse(reading, "more than 32 placements");
    if (name[0] == '\0' || strlen(name) > ACTIONS_NAME_MAX)
        return refuse(reading, "a placement's name has 1 to 31 bytes");
    struct actions_placement *placement = &actions->placements[actions->placement_count++];
    *placement =
        (struct actions_placement){.elsewhere = 1, .explore_share = NAN, .explore_new_share = NAN};
    memcpy(placement->name, name, strlen(name) + 1);
    for (size_t i = 0; i < BANK_CATEGORY_END; i++) placement->categories[i] = 1;
    return LX_OK;
}

static enum lx_err read_placement(const struct reading *reading, const char *placement_name,
                                  struct actions *actions)
{
    const char *name = reading->entry->name, *value = reading->entry->value;
    if (find_placement(actions, placement_name) == NULL) {
        enum lx_err code = add_placement(reading, placement_name, actions);
        if (code != LX_OK) return code;
    }
    struct actions_placement *placement = find_placement(actions, placement_name);
    if (strcmp(name, "elsewhere") == 0) return read_weight(reading, &placement->elsewhere);
    if (strcmp(name, "channel") == 0) {
        placement->channel = bank_channel_find(value, strlen(value));
        return placement->channel != BANK_CHANNEL_NONE ? LX_OK : refuse(reading, "no such channel");
    }
    if (strcmp(name, "explore_share") == 0)
        return read_between(reading, 0, 0.5, &placement->explore_share);
    if (strcmp(name, "explore_new_share") == 0)
        return read_between(reading, 0, 0.5, &placement->explore_new_share);
    const char *category_name = after(name, "category.");
    if (category_name == NULL)
        return refuse(reading, "a placement has channel, elsewhere, explore_share, "
                               "explore_new_share and category.NAME");
    enum bank_category category = bank_category_find(category_name, strlen(category_name));
    if (category == BANK_CATEGORY_NONE) return refuse(reading, "no such category");
    return read_weight(reading, &placement->categories[category]);
}

/* Categories in a first pass, so that a product's own section goes before its category's wherever
 * it stands in the file. */
static enum lx_err read_entry(const struct reading *reading, bool is_first_pass,
                              const struct bank_catalogue *catalogue, struct actions *actions)
{
    const char *section = reading->entry->section, *name;
    if ((name = after(section, "category.")) != NULL)
        return is_first_pass ? read_category(reading, name, catalogue, actions) : LX_OK;
    if ((name = after(section, "product.")) != NULL)
        return is_first_pass ? LX_OK : read_product(reading, name, catalogue, actions);
    if ((name = after(section, "placement.")) != NULL)
        return is_first_pass ? LX_OK : read_placement(reading, name, actions);
    if ((name = after(section, "segment.")) != NULL)
        return is_first_pass ? LX_OK : read_segment(reading, name, actions);
    if (strcmp(section, "explore") == 0)
        return is_first_pass ? LX_OK : read_explore(reading, &actions->explore);
    return refuse(reading, "a section is category.NAME, product.CODE, placement.NAME, "
                           "segment.NAME or explore");
}

enum lx_err actions_parse(const char *file, const char *bytes, size_t length,
                          const struct bank_catalogue *catalogue, struct actions *ret_actions,
                          struct lx_error *err)
{
    LX_ASSERT(catalogue->count <= LX_PRODUCT_MAX);

    struct ini ini = {0};
    struct actions actions = {.explore = {.floor = 0.01,
                                          .new_days = 180,
                                          .new_answers = 200,
                                          .prior_answers = 10,
                                          .half_life_days = 90}};
    for (size_t i = 0; i < LX_PRODUCT_MAX; i++) actions.value[i] = actions.lever[i] = 1;
    enum lx_err code = ini_read(file, bytes, length, &ini, err);
    for (size_t i = 0; code == LX_OK && i < 2 * ini.count; i++) {
        const struct reading reading = {file, &ini.entries[i % ini.count], err};
        code = read_entry(&reading, i < ini.count, catalogue, &actions);
    }
    ini_release(&ini);
    if (code == LX_OK) code = check_segments(file, &actions, err);
    if (code != LX_OK) return code;
    digest_of(bytes, length, actions.hash);
    *ret_actions = actions;
    return LX_OK;
}

static enum lx_err refuse_placement(const struct actions *actions, const char *name,
                                    struct lx_error *err)
{
    struct lx_buffer known;
    lx_buffer_init(&known, LX_ERROR_TEXT_MAX);
    for (size_t i = 0; i < actions->placement_count; i++)
        lx_buffer_printf(&known, "%s%s", i == 0 ? "" : ", ", actions->placements[i].name);
    enum lx_err code = lx_fail(err, LX_ERR_USAGE, "placement \"%.40s\": actions.ini has %s", name,
                               lx_buffer_text(&known));
    lx_buffer_release(&known);
    return code;
}

enum lx_err actions_placement(const struct actions *actions, const char *name,
                              const struct actions_placement **ret_placement, struct lx_error *err)
{
    for (size_t i = 0; i < actions->placement_count; i++) {
        if (strcmp(actions->placements[i].name, name) != 0) continue;
        *ret_placement = &actions->placements[i];
        return LX_OK;
    }
    return refuse_placement(actions, name, err);
}

double actions_context(const struct actions_placement *placement,
                       const struct bank_product *product)
{
    double weight = placement->categories[product->category];
    bool is_elsewhere = placement->channel != BANK_CHANNEL_NONE &&
                        (product->channels >> placement->channel & 1) == 0;
    return is_elsewhere ? weight * placement->elsewhere : weight;
}
