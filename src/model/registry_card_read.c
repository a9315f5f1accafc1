#include "model/registry_card.h"

#include <math.h>
#include <string.h>

#include <jansson.h>

/* A reader that goes on after the first mistake and remembers it. */
struct card_reader {
    const json_t *root;
    const char *bad; /* name of the first field that is missing or of another kind */
};

static const json_t *get(struct card_reader *reader, const json_t *object, const char *name,
                         bool is_number)
{
    const json_t *value = json_object_get(object, name);
    bool is_good = value != NULL && (!is_number || json_is_number(value) || json_is_null(value));
    if (!is_good && reader->bad == NULL) reader->bad = name;
    return is_good ? value : NULL;
}

static double real_of(const json_t *value)
{
    return value == NULL || json_is_null(value) ? NAN : json_number_value(value);
}

static void read_field(struct card_reader *reader, struct model_card *card,
                       const struct card_field *field)
{
    const json_t *value = get(reader, reader->root, field->name, true);
    char *to = (char *)card + field->offset;
    int64_t integer = json_integer_value(value);
    if (field->type != CARD_REAL && value != NULL && !json_is_integer(value) && reader->bad == NULL)
        reader->bad = field->name;
    if (field->type == CARD_REAL) {
        double real = real_of(value);
        memcpy(to, &real, sizeof real);
    } else if (field->type == CARD_INT) {
        int small = (int)integer;
        memcpy(to, &small, sizeof small);
    } else {
        memcpy(to, &integer, sizeof integer);
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void read_hash(struct card_reader *reader, const json_t *object, const char *name,
                      uint8_t ret_hash[32])
{
    const char *text = json_string_value(get(reader, object, name, false));
    bool is_good = text != NULL && strlen(text) == 64;
    for (size_t i = 0; is_good && i < 32; i++) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
        is_good = high >= 0 && low >= 0;
        if (is_good) ret_hash[i] = (uint8_t)(16 * high + low);
    }
    if (!is_good && reader->bad == NULL) reader->bad = name;
}

static void read_quality(struct card_reader *reader, struct model_card *card)
{
    const json_t *quality = get(reader, reader->root, "quality", false);
    for (size_t i = 0; i < QUALITY_BY_COUNT; i++) {
        const char *name = quality_ranking_name((enum quality_ranking)i);
        const json_t *ranking = get(reader, quality, name, false);
        for (size_t j = 0; j < QUALITY_COUNT; j++) {
            enum quality_figure figure = (enum quality_figure)j;
            /* A figure that older cards lack is not known. */
            const json_t *value = json_object_get(ranking, quality_name(figure));
            if (value != NULL) value = get(reader, ranking, quality_name(figure), true);
            quality_set(&card->quality[i], figure, real_of(value));
        }
    }
}

static void read_moments(struct card_reader *reader, struct model_card *card)
{
    const json_t *moments = get(reader, reader->root, "moments_ms", false);
    size_t count = json_array_size(moments), max = REGISTRY_MOMENTS_MAX;
    bool is_good = count <= max && card->fit_count <= max && card->calibration_count <= max &&
                   card->quality_count <= max &&
                   count == card->fit_count + card->calibration_count + card->quality_count;
    for (size_t i = 0; is_good && i < count; i++)
        card->moments_ms[i] = json_integer_value(json_array_get(moments, i));
    if (!is_good && reader->bad == NULL) reader->bad = "moments_ms";
}

static void read_balance(struct card_reader *reader, struct model_card *card)
{
    const char *name = json_string_value(get(reader, reader->root, "balance", false));
    if (name != NULL && sampling_find(name, &card->balance, NULL) == LX_OK) return;
    if (reader->bad == NULL) reader->bad = "balance";
}

/* A card from before there were weights says nothing: one each, and no focal loss. */
static void read_weights(struct card_reader *reader, struct model_card *card)
{
    const json_t *weights = json_object_get(reader->root, "negative_weights");
    card->weights = (struct rows_weights){1, 1, 1};
    if (weights == NULL) return;
    card->focal.gamma = real_of(get(reader, reader->root, "focal_gamma", true));
    card->focal.alpha = real_of(get(reader, reader->root, "focal_alpha", true));
    if (json_array_size(weights) != 3 && reader->bad == NULL) reader->bad = "negative_weights";
    card->weights.refused = real_of(json_array_get(weights, 0));
    card->weights.ignored = real_of(json_array_get(weights, 1));
    card->weights.ruled_out = real_of(json_array_get(weights, 2));
}

static enum lx_err read_calibration(struct card_reader *reader, struct model_card *card,
                                    struct lx_error *err)
{
    const json_t *value = get(reader, reader->root, "calibration", false);
    if (value == NULL) return LX_OK; /* noted */
    size_t flags = JSON_COMPACT | JSON_REAL_PRECISION(17);
    size_t length = json_dumpb(value, NULL, 0, flags);
    char *text = lx_malloc(length + 1);
    if (text == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "model card: out of memory");
    length = json_dumpb(value, text, length, flags);
    enum lx_err code = calibration_read(text, length, &card->calibration, err);
    lx_free(text);
    return code;
}

static struct metric_interval read_interval(struct card_reader *reader, const json_t *object,
                                            const char *name)
{
    const json_t *values = get(reader, object, name, false);
    if (json_array_size(values) != 3 && reader->bad == NULL) reader->bad = name;
    return (struct metric_interval){real_of(json_array_get(values, 0)),
                                    real_of(json_array_get(values, 1)),
                                    real_of(json_array_get(values, 2))};
}

static uint64_t read_count(struct card_reader *reader, const json_t *object, const char *name)
{
    return (uint64_t)json_integer_value(get(reader, object, name, true));
}

static bool read_flag(struct card_reader *reader, const json_t *object, const char *name)
{
    const json_t *value = get(reader, object, name, false);
    if (value != NULL && !json_is_boolean(value) && reader->bad == NULL) reader->bad = name;
    return json_is_true(value);
}

/* A card from before there was a second round says nothing of one. */
static void read_second(struct card_reader *reader, struct model_card *card)
{
    const json_t *from = json_object_get(reader->root, "second");
    struct second_figures *second = &card->second;
    if (from == NULL) return;
    card->has_second = true;
    read_hash(reader, from, "sha256", card->second_hash);
    second->asked = read_count(reader, from, "asked");
    second->asked_yes = read_count(reader, from, "asked_yes");
    second->replayed = read_count(reader, from, "replayed");
    second->replayed_yes = read_count(reader, from, "replayed_yes");
    second->log_gain = read_interval(reader, from, "log_gain");
    second->replay_gain = read_interval(reader, from, "replay_gain");
    second->kernel_gain = read_interval(reader, from, "kernel_gain");
    second->teach_gain = read_interval(reader, from, "teach_gain");
    second->taught = real_of(get(reader, from, "taught", true));
    second->teach_loss = real_of(get(reader, from, "teach_loss", true));
    second->uses_log = read_flag(reader, from, "uses_log");
    second->uses_forest = read_flag(reader, from, "uses_forest");
    second->teaches = read_flag(reader, from, "teaches");
}

enum lx_err model_card_read(const char *json, size_t length, struct model_card *ret_card,
                            uint8_t ret_trees_hash[32], struct lx_error *err)
{
    json_error_t where;
    json_t *root = json_loadb(json, length, JSON_REJECT_DUPLICATES, &where);
    if (root == NULL)
        return lx_fail(err, LX_ERR_CORRUPT, "model card: line %d: %s", where.line, where.text);

    struct card_reader reader = {.root = root};
    struct model_card card = {0};
    uint8_t trees_hash[32] = {0};
    read_hash(&reader, root, "trees_sha256", trees_hash);
    read_hash(&reader, root, "feature_set", card.feature_set);
    read_hash(&reader, root, "catalogue", card.catalogue);
    if (json_object_get(root, "graph_sha256") != NULL)
        read_hash(&reader, root, "graph_sha256", card.graph);
    if (json_object_get(root, "traits_sha256") != NULL) /* older cards have none */
        read_hash(&reader, root, "traits_sha256", card.traits);
    read_balance(&reader, &card);
    read_weights(&reader, &card);
    for (size_t i = 0; i < LX_COUNT_OF(card_fields); i++)
        read_field(&reader, &card, &card_fields[i]);
    read_moments(&reader, &card);
    read_quality(&reader, &card);
    read_second(&reader, &card);
    enum lx_err code = read_calibration(&reader, &card, err);
    if (code == LX_OK && reader.bad != NULL)
        code = lx_fail(err, LX_ERR_CORRUPT, "model card: %s is missing or wrong", reader.bad);
    json_decref(root);
    if (code != LX_OK) return code == LX_ERR_NO_MEMORY ? code : LX_ERR_CORRUPT;
    *ret_card = card;
    memcpy(ret_trees_hash, trees_hash, sizeof trees_hash);
    return LX_OK;
}
