#include "model/registry_card.h"

#include <stddef.h>
#include <string.h>

#include "base/date.h"
#include "codec/bytes.h"
#include "codec/digest.h"
#include "codec/json.h"
#include "model/rows.h"

const struct card_field card_fields[CARD_FIELD_COUNT] = {
#define X(type, name) {#name, CARD_##type, offsetof(struct model_card, name)},
    CARD_MAP(X)
#undef X
};

_Static_assert(sizeof(size_t) == sizeof(int64_t), "sizes are stored as 64-bit integers");

static void write_field(struct json_writer *json, const struct model_card *card,
                        const struct card_field *field)
{
    const char *from = (const char *)card + field->offset;
    int64_t integer = 0;
    int small = 0;
    double real = 0;
    switch (field->type) {
    case CARD_INT64:
    case CARD_UINT64: /* a seed past 2^63 is written as the negative number of the same bits */
    case CARD_SIZE:
        memcpy(&integer, from, sizeof integer);
        json_name_int(json, field->name, integer);
        return;
    case CARD_INT:
        memcpy(&small, from, sizeof small);
        json_name_int(json, field->name, small);
        return;
    case CARD_REAL:
        memcpy(&real, from, sizeof real);
        json_name_real(json, field->name, real);
        return;
    }
}

static void write_hash(struct json_writer *json, const char *name, const uint8_t hash[32])
{
    char text[DIGEST_TEXT_SIZE];
    digest_text(hash, text);
    json_name_text(json, name, text);
}

static void write_quality(struct json_writer *json, const struct model_card *card)
{
    json_name(json, "quality");
    json_object_begin(json);
    for (size_t i = 0; i < QUALITY_BY_COUNT; i++) {
        json_name(json, quality_ranking_name((enum quality_ranking)i));
        json_object_begin(json);
        for (size_t j = 0; j < QUALITY_COUNT; j++) {
            enum quality_figure figure = (enum quality_figure)j;
            json_name_real(json, quality_name(figure), quality_value(&card->quality[i], figure));
        }
        json_object_end(json);
    }
    json_object_end(json);
}

static void write_calibration(struct json_writer *json, const struct calibration *calibration)
{
    struct lx_buffer text;
    lx_buffer_init(&text, LX_CONFIG_MAX);
    calibration_write(calibration, &text);
    json_name(json, "calibration");
    if (lx_buffer_error(&text) == LX_OK)
        json_raw(json, lx_buffer_text(&text), text.length);
    else
        json->buffer->failure = lx_buffer_error(&text);
    lx_buffer_release(&text);
}

static void write_interval(struct json_writer *json, const char *name,
                           const struct metric_interval *interval)
{
    json_name(json, name);
    json_array_begin(json);
    json_number(json, interval->value);
    json_number(json, interval->low);
    json_number(json, interval->high);
    json_array_end(json);
}

/* Nothing where there is none, so that cards from before there was one read alike. */
static void write_second(struct json_writer *json, const struct model_card *card)
{
    const struct second_figures *second = &card->second;
    if (!card->has_second) return;
    json_name(json, "second");
    json_object_begin(json);
    write_hash(json, "sha256", card->second_hash);
    json_name_int(json, "asked", (int64_t)second->asked);
    json_name_int(json, "asked_yes", (int64_t)second->asked_yes);
    json_name_int(json, "replayed", (int64_t)second->replayed);
    json_name_int(json, "replayed_yes", (int64_t)second->replayed_yes);
    write_interval(json, "log_gain", &second->log_gain);
    write_interval(json, "replay_gain", &second->replay_gain);
    write_interval(json, "kernel_gain", &second->kernel_gain);
    write_interval(json, "teach_gain", &second->teach_gain);
    json_name_real(json, "taught", second->taught);
    json_name_real(json, "teach_loss", second->teach_loss);
    json_name_bool(json, "uses_log", second->uses_log);
    json_name_bool(json, "uses_forest", second->uses_forest);
    json_name_bool(json, "teaches", second->teaches);
    json_object_end(json);
}

void model_card_write(const struct model_card *card, const uint8_t trees_hash[32],
                      struct lx_buffer *buffer)
{
    size_t moments = card->fit_count + card->calibration_count + card->quality_count;
    LX_ASSERT(moments <= REGISTRY_MOMENTS_MAX);

    struct json_writer json;
    json_init(&json, buffer);
    json_object_begin(&json);
    write_hash(&json, "trees_sha256", trees_hash);
    write_hash(&json, "feature_set", card->feature_set);
    write_hash(&json, "catalogue", card->catalogue);
    if (memcmp(card->graph, (uint8_t[32]){0}, sizeof card->graph) != 0)
        write_hash(&json, "graph_sha256", card->graph);
    write_hash(&json, "traits_sha256", card->traits);
    json_name_text(&json, "balance", sampling_name(card->balance));
    json_name(&json, "negative_weights");
    json_array_begin(&json);
    json_number(&json, card->weights.refused);
    json_number(&json, card->weights.ignored);
    json_number(&json, card->weights.ruled_out);
    json_array_end(&json);
    json_name_real(&json, "focal_gamma", card->focal.gamma);
    json_name_real(&json, "focal_alpha", card->focal.alpha);
    for (size_t i = 0; i < LX_COUNT_OF(card_fields); i++) write_field(&json, card, &card_fields[i]);
    json_name(&json, "moments_ms");
    json_array_begin(&json);
    for (size_t i = 0; i < moments; i++) json_int(&json, card->moments_ms[i]);
    json_array_end(&json);
    write_quality(&json, card);
    write_calibration(&json, &card->calibration);
    write_second(&json, card);
    json_object_end(&json);
    lx_buffer_append_byte(buffer, '\n');
}

int64_t model_card_unseen_from_ms(const struct model_card *card)
{
    size_t used = card->fit_count + card->calibration_count;
    if (used == 0) return INT64_MIN;
    return card->moments_ms[used - 1] + ROWS_HORIZON_DAYS * LX_MS_PER_DAY;
}

void registry_catalogue_hash(const struct bank_catalogue *catalogue, uint8_t ret_hash[32])
{
    struct lx_buffer bytes;
    lx_buffer_init(&bytes, LX_CONFIG_MAX);
    for (size_t i = 0; i < catalogue->count; i++) {
        const struct bank_product *product = &catalogue->products[i];
        bytes_put_text(&bytes, product->code, strlen(product->code));
        bytes_put_varint(&bytes, product->category);
        bytes_put_signed(&bytes, product->risk);
        bytes_put_signed(&bytes, product->minimum_fen);
        bytes_put_signed(&bytes, product->rate_ppm);
        bytes_put_signed(&bytes, product->term_days);
        bytes_put_signed(&bytes, product->launched_day);
    }
    memset(ret_hash, 0, 32);
    if (lx_buffer_error(&bytes) == LX_OK) digest_of(bytes.bytes, bytes.length, ret_hash);
    lx_buffer_release(&bytes);
}
