#include "view/view_json.h"

#include <math.h>

#include "base/date.h"

static void label_json(struct json_writer *json, const struct portrait_label *label)
{
    json_object_begin(json);
    json_name_text(json, "layer", view_layer_text(label->layer));
    json_name_text(json, "name", label->name);
    json_name_text(json, "value", label->value);
    json_name_text(json, "zh", label->zh);
    json_name_text(json, "en", label->en);
    json_name_text(json, "value_zh", label->value_zh);
    json_name_text(json, "value_en", label->value_en);
    if (!isnan(label->probability)) json_name_real(json, "probability", label->probability);
    if (!isnan(label->confidence)) {
        json_name_real(json, "confidence", label->confidence);
        json_name_real(json, "confidence_low", label->confidence_low);
        json_name_real(json, "confidence_high", label->confidence_high);
    }
    json_object_end(json);
}

static void holding_json(struct json_writer *json, const struct portrait_holding *holding,
                         int utc_offset_minutes, bool is_english)
{
    char day[LX_DATE_TEXT_SIZE] = "";
    if (holding->opened_at_ms != BANK_UNKNOWN_MS)
        lx_day_format(lx_day_of_ms(holding->opened_at_ms, utc_offset_minutes), day);
    json_object_begin(json);
    json_name_text(json, "product", holding->code);
    json_name_text(json, "name", is_english ? holding->en : holding->zh);
    json_name_text(json, "category", bank_category_text(holding->category));
    json_name_int(json, "count", holding->count);
    json_name_text(json, "opened", day);
    json_object_end(json);
}

void portrait_json(struct json_writer *json, const struct portrait *portrait, int64_t as_of_ms,
                   int utc_offset_minutes, bool is_english)
{
    char day[LX_DATE_TEXT_SIZE];
    lx_day_format(lx_day_of_ms(as_of_ms, utc_offset_minutes), day);
    json_name_text(json, "customer", portrait->id);
    json_name_text(json, "name", portrait->masked_name);
    json_name_text(json, "as_of", day);
    json_name(json, "labels");
    json_array_begin(json);
    for (size_t i = 0; i < portrait->label_count; i++) label_json(json, &portrait->labels[i]);
    json_array_end(json);
    json_name(json, "holdings");
    json_array_begin(json);
    for (size_t i = 0; i < portrait->holding_count; i++)
        holding_json(json, &portrait->holdings[i], utc_offset_minutes, is_english);
    json_array_end(json);
}

static void row_json(struct json_writer *json, const struct timeline_row *row,
                     int utc_offset_minutes, bool is_english)
{
    char at[LX_TIME_TEXT_SIZE];
    lx_ms_format(row->at_ms, utc_offset_minutes, at);
    json_object_begin(json);
    json_name_text(json, "at", at);
    json_name_int(json, "at_ms", row->at_ms);
    json_name_int(json, "known_at_ms", row->known_at_ms);
    json_name_text(json, "kind", row->kind);
    json_name_text(json, "title", is_english ? row->en : row->zh);
    if (row->product != BANK_NO_PRODUCT) json_name_text(json, "product", row->product_code);
    if (row->channel[0] != '\0') json_name_text(json, "channel", row->channel);
    if (row->merchant[0] != '\0') json_name_text(json, "merchant", row->merchant);
    if (row->detail[0] != '\0') json_name_text(json, "detail", row->detail);
    if (row->amount_fen != BANK_NO_AMOUNT) json_name_int(json, "amount_fen", row->amount_fen);
    if (row->balance_fen != BANK_NO_AMOUNT) json_name_int(json, "balance_fen", row->balance_fen);
    if (row->quantity != 0) json_name_int(json, "seconds", row->quantity);
    if (row->is_corrected) json_name_bool(json, "corrected", true);
    json_object_end(json);
}

void timeline_json(struct json_writer *json, const struct timeline_row *rows, size_t count,
                   int utc_offset_minutes, bool is_english)
{
    json_name(json, "events");
    json_array_begin(json);
    for (size_t i = 0; i < count; i++) row_json(json, &rows[i], utc_offset_minutes, is_english);
    json_array_end(json);
}

void view_kept_json(struct json_writer *json, const struct view_kept *kept, int utc_offset_minutes)
{
    char day[LX_DATE_TEXT_SIZE];
    json_object_begin(json);
    json_name_text(json, "name", kept->name);
    json_name_text(json, "expression", kept->expression);
    json_name_text(json, "owner", kept->owner);
    lx_day_format(lx_day_of_ms(kept->at_ms, utc_offset_minutes), day);
    json_name_text(json, "since", day);
    json_name(json, "sizes");
    json_array_begin(json);
    for (size_t i = 0; i < kept->size_count; i++) {
        const struct view_kept_size *size = &kept->sizes[i];
        json_object_begin(json);
        json_name_int(json, "at_ms", size->at_ms);
        lx_day_format(lx_day_of_ms(size->as_of_ms, utc_offset_minutes), day);
        json_name_text(json, "as_of", day);
        json_name_int(json, "count", size->size);
        json_name_int(json, "of", size->customers);
        json_object_end(json);
    }
    json_array_end(json);
    json_object_end(json);
}
