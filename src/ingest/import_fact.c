#include "ingest/import_fact.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "ingest/mapping_value.h"

enum { RISK_MONTHS = 12 }; /* an assessment's validity */

static const struct import_field_value *value_of(const struct import_plan *plan,
                                                 enum mapping_field_id id)
{
    return &plan->values[id];
}

static int64_t number_or(const struct import_plan *plan, enum mapping_field_id id, int64_t fallback)
{
    return plan->values[id].is_there ? plan->values[id].number : fallback;
}

static struct import_slice text_or_none(const struct import_plan *plan, enum mapping_field_id id)
{
    if (plan->values[id].is_there) return plan->values[id].text;
    return (struct import_slice){0, IMPORT_NO_TEXT};
}

static bool refuse_field(const struct import_plan *plan, struct import_trouble *trouble,
                         enum import_reason reason, enum mapping_field_id id, const char *detail)
{
    import_refuse(trouble, reason, import_column_of(plan, id), detail);
    return false;
}

/* False where something is known before it happened. */
static bool check_known(const struct import_plan *plan, int64_t at_ms, int64_t known_at_ms,
                        enum mapping_field_id id, struct import_trouble *trouble)
{
    if (known_at_ms >= at_ms) return true;
    return refuse_field(plan, trouble, IMPORT_REASON_KNOWN_BEFORE, id, "");
}

static bool take_moments(const struct import_plan *plan, int64_t *at_ms, int64_t *known_at_ms,
                         struct import_trouble *trouble)
{
    *at_ms = value_of(plan, MAPPING_FIELD_AT)->number;
    *known_at_ms = value_of(plan, MAPPING_FIELD_KNOWN_AT)->number;
    return check_known(plan, *at_ms, *known_at_ms, MAPPING_FIELD_KNOWN_AT, trouble);
}

static void make_customer(const struct import_plan *plan, struct import_row *row,
                          struct import_trouble *trouble)
{
    static const enum mapping_field_id lists[IMPORT_LISTS] = {
        MAPPING_FIELD_BRANCH, MAPPING_FIELD_OCCUPATION, MAPPING_FIELD_EDUCATION,
        MAPPING_FIELD_MARITAL};
    struct bank_profile *profile = &row->as.customer.profile;
    if (!take_moments(plan, &profile->at_ms, &profile->known_at_ms, trouble)) return;
    profile->birth_day = (int32_t)number_or(plan, MAPPING_FIELD_BIRTH, INT32_MIN);
    profile->joined_day = (int32_t)number_or(plan, MAPPING_FIELD_JOINED, INT32_MIN);
    profile->gender = (uint8_t)number_or(plan, MAPPING_FIELD_GENDER, BANK_GENDER_NONE);
    profile->has_phone = (uint8_t)number_or(plan, MAPPING_FIELD_HAS_PHONE, 2);
    profile->branch = profile->occupation = profile->education = profile->marital = -1;
    profile->income_fen = number_or(plan, MAPPING_FIELD_INCOME, BANK_NO_AMOUNT);
    row->as.customer.name = text_or_none(plan, MAPPING_FIELD_NAME);
    for (size_t i = 0; i < IMPORT_LISTS; i++)
        row->as.customer.lists[i] = text_or_none(plan, lists[i]);
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9E3779B97F4A7C15u;
    return hash ^ (hash >> 29);
}

uint32_t import_sequence_of(const struct bank_event *event)
{
    uint64_t codes = (uint64_t)event->kind | (uint64_t)event->channel << 8 |
                     (uint64_t)event->merchant << 16 | (uint64_t)(uint16_t)event->product << 24;
    uint64_t hash = mix(0xC2B2AE3D27D4EB4Fu, codes);
    hash = mix(hash, (uint64_t)event->amount_fen);
    hash = mix(hash, (uint64_t)event->balance_fen);
    hash = mix(hash, (uint64_t)(uint32_t)event->quantity);
    hash = mix(hash, hash >> 32);
    uint32_t low = (uint32_t)(hash >> 33); /* 31 bits */
    if (low == UINT32_MAX >> 1) low = 0;   /* so that no sequence is BANK_SEQUENCE_AUTO */
    bool is_close = event->kind == BANK_EVENT_KIND_CLOSE;
    return is_close ? low : low | UINT32_C(1) << 31;
}

static int64_t signed_amount(const struct import_plan *plan)
{
    int64_t amount_fen = number_or(plan, MAPPING_FIELD_AMOUNT, BANK_NO_AMOUNT);
    const struct import_field_value *sign = value_of(plan, MAPPING_FIELD_SIGN);
    if (!sign->is_there || amount_fen == BANK_NO_AMOUNT) return amount_fen;
    return (amount_fen < 0 ? -amount_fen : amount_fen) * sign->number;
}

static struct bank_event blank_event(const struct import_plan *plan, enum bank_event_kind kind)
{
    struct bank_event event;
    memset(&event, 0, sizeof event);
    event.kind = (uint8_t)kind;
    event.amount_fen = event.balance_fen = BANK_NO_AMOUNT;
    event.product = BANK_NO_PRODUCT;
    event.channel = (uint8_t)number_or(plan, MAPPING_FIELD_CHANNEL, BANK_CHANNEL_NONE);
    return event;
}

/* An event but for its sequence; false where a value is missing. */
static bool fill_event(const struct import_plan *plan, struct bank_event *event,
                       struct import_trouble *trouble)
{
    enum bank_event_kind kind = (enum bank_event_kind)value_of(plan, MAPPING_FIELD_KIND)->number;
    *event = blank_event(plan, kind);
    if (!take_moments(plan, &event->at_ms, &event->known_at_ms, trouble)) return false;
    event->product = (int16_t)number_or(plan, MAPPING_FIELD_PRODUCT, BANK_NO_PRODUCT);
    bool needs_product = kind == BANK_EVENT_KIND_OPEN || kind == BANK_EVENT_KIND_CLOSE;
    if (needs_product && event->product == BANK_NO_PRODUCT)
        return refuse_field(plan, trouble, IMPORT_REASON_EMPTY, MAPPING_FIELD_PRODUCT,
                            "an opening or closing names its product");
    event->amount_fen = signed_amount(plan);
    event->balance_fen = number_or(plan, MAPPING_FIELD_BALANCE, BANK_NO_AMOUNT);
    event->merchant = (uint8_t)number_or(plan, MAPPING_FIELD_MERCHANT, BANK_MERCHANT_NONE);
    event->quantity = (int32_t)number_or(plan, MAPPING_FIELD_QUANTITY, 0);
    return true;
}

static void make_event(const struct import_plan *plan, struct import_row *row,
                       struct import_trouble *trouble)
{
    struct bank_event *event = &row->as.event;
    if (!fill_event(plan, event, trouble)) return;
    const struct import_field_value *sequence = value_of(plan, MAPPING_FIELD_SEQUENCE);
    event->sequence = sequence->is_there ? (uint32_t)sequence->number : import_sequence_of(event);
}

static void make_change(const struct import_plan *plan, struct import_row *row,
                        struct import_trouble *trouble)
{
    struct bank_event *event = &row->as.change.event;
    row->as.change.is_deleted = number_or(plan, MAPPING_FIELD_IS_DELETED, 0) != 0;
    if (row->as.change.is_deleted) {
        *event = blank_event(plan, BANK_EVENT_KIND_NONE);
        if (!take_moments(plan, &event->at_ms, &event->known_at_ms, trouble)) return;
    } else {
        if (!value_of(plan, MAPPING_FIELD_KIND)->is_there) {
            refuse_field(plan, trouble, IMPORT_REASON_EMPTY, MAPPING_FIELD_KIND,
                         "what is not deleted is said in full");
            return;
        }
        if (!fill_event(plan, event, trouble)) return;
    }
    event->sequence = (uint32_t)value_of(plan, MAPPING_FIELD_SEQUENCE)->number;
    if (event->sequence == BANK_SEQUENCE_AUTO)
        refuse_field(plan, trouble, IMPORT_REASON_BAD_VALUE, MAPPING_FIELD_SEQUENCE,
                     "stands for events without a number");
}

/* known_at of one of a contract's facts: said by its own column, or counted from that fact. */
static bool known_of(const struct import_plan *plan, int64_t at_ms, int64_t *ret_known_at_ms,
                     struct import_trouble *trouble)
{
    const struct import_field_value *known = value_of(plan, MAPPING_FIELD_KNOWN_AT);
    *ret_known_at_ms = known->number;
    if (!known->is_there) {
        for (size_t i = 0; i < plan->cell_count; i++) {
            if (plan->cells[i].field->id != MAPPING_FIELD_KNOWN_AT) continue;
            if (!import_moment(plan, &plan->cells[i], at_ms, ret_known_at_ms))
                return refuse_field(plan, trouble, IMPORT_REASON_BAD_VALUE, MAPPING_FIELD_KNOWN_AT,
                                    "outside the years 1 to 9999");
        }
    }
    return check_known(plan, at_ms, *ret_known_at_ms, MAPPING_FIELD_KNOWN_AT, trouble);
}

static void make_contract(const struct import_plan *plan, struct import_row *row,
                          struct import_trouble *trouble)
{
    struct bank_event *open = &row->as.contract.open;
    *open = blank_event(plan, BANK_EVENT_KIND_OPEN);
    open->at_ms = value_of(plan, MAPPING_FIELD_OPENED)->number;
    open->product = (int16_t)value_of(plan, MAPPING_FIELD_PRODUCT)->number;
    open->amount_fen = number_or(plan, MAPPING_FIELD_AMOUNT, BANK_NO_AMOUNT);
    row->as.contract.closed_ms = number_or(plan, MAPPING_FIELD_CLOSED, BANK_UNKNOWN_MS);
    if (!known_of(plan, open->at_ms, &open->known_at_ms, trouble)) return;
    open->sequence = import_sequence_of(open);
    if (row->as.contract.closed_ms == BANK_UNKNOWN_MS) return;
    if (row->as.contract.closed_ms < open->at_ms) {
        refuse_field(plan, trouble, IMPORT_REASON_BAD_VALUE, MAPPING_FIELD_CLOSED,
                     "before it was opened");
        return;
    }
    known_of(plan, row->as.contract.closed_ms, &row->as.contract.closed_known_ms, trouble);
}

/* Whether a wide column says that its product is held. */
static bool read_held(const struct import_plan *plan, const char *text, size_t length,
                      bool *ret_is_held)
{
    const struct mapping_file *file = plan->file;
    double number;
    *ret_is_held = false;
    if (length == 1 && (*text == '0' || *text == '1')) {
        *ret_is_held = *text == '1';
        return true;
    }
    while (length > 0 && *text == ' ') {
        text++;
        length--;
    }
    while (length > 0 && text[length - 1] == ' ') length--;
    if (length == 0 || lx_dictionary_find(&file->nulls, text, length) >= 0) return true;
    *ret_is_held = lx_dictionary_find(&file->yes, text, length) >= 0;
    if (*ret_is_held || lx_dictionary_find(&file->no, text, length) >= 0) return true;
    if (field_real(text, length, &number, NULL) != LX_OK || number < 0) return false;
    *ret_is_held = number > 0;
    return true;
}

static bool collect_held(const struct import_plan *plan, const struct csv_row *csv,
                         struct import_products *held, struct import_trouble *trouble)
{
    for (size_t i = 0; i < plan->held_count; i++) {
        const struct csv_field *field = &csv->fields[plan->held[i].column];
        unsigned product = (unsigned)plan->held[i].product;
        bool is_held;
        if (!read_held(plan, field->text, field->length, &is_held)) {
            import_refuse(trouble, IMPORT_REASON_BAD_VALUE, plan->names[plan->held[i].column],
                          "neither of `yes` nor of `no` nor a number");
            return false;
        }
        if (is_held) held->words[product / 64] |= UINT64_C(1) << (product % 64);
    }
    return true;
}

static void make_holding(const struct import_plan *plan, const struct csv_row *csv,
                         struct import_row *row, struct import_trouble *trouble)
{
    struct bank_event *open = &row->as.holding.open;
    *open = blank_event(plan, BANK_EVENT_KIND_OPEN);
    if (!take_moments(plan, &open->at_ms, &open->known_at_ms, trouble)) return;
    collect_held(plan, csv, &row->as.holding.held, trouble);
}

static void make_snapshot(const struct import_plan *plan, const struct csv_row *csv,
                          struct import_row *row, struct import_trouble *trouble)
{
    if (!take_moments(plan, &row->as.snapshot.at_ms, &row->as.snapshot.known_at_ms, trouble))
        return;
    row->as.snapshot.first_at_ms = number_or(plan, MAPPING_FIELD_FIRST_AT, BANK_UNKNOWN_MS);
    if (row->as.snapshot.first_at_ms > row->as.snapshot.at_ms) {
        refuse_field(plan, trouble, IMPORT_REASON_BAD_VALUE, MAPPING_FIELD_FIRST_AT,
                     "later than the snapshot");
        return;
    }
    if (!collect_held(plan, csv, &row->as.snapshot.held, trouble)) return;
    const struct import_field_value *product = value_of(plan, MAPPING_FIELD_PRODUCT);
    if (product->is_there)
        row->as.snapshot.held.words[product->number / 64] |= UINT64_C(1) << (product->number % 64);
}

static void make_risk(const struct import_plan *plan, struct import_row *row,
                      struct import_trouble *trouble)
{
    struct bank_risk *risk = &row->as.risk;
    if (!take_moments(plan, &risk->at_ms, &risk->known_at_ms, trouble)) return;
    risk->level = (uint8_t)value_of(plan, MAPPING_FIELD_LEVEL)->number;
    int32_t day = lx_day_of_ms(risk->at_ms, plan->context->utc_offset_minutes);
    if (day >= LX_DAY_MAX - 366) {
        refuse_field(plan, trouble, IMPORT_REASON_BAD_VALUE, MAPPING_FIELD_AT,
                     "outside the years 1 to 9998");
        return;
    }
    int64_t year_ms = (lx_day_add_months(day, RISK_MONTHS) - day) * LX_MS_PER_DAY;
    risk->expires_ms = number_or(plan, MAPPING_FIELD_EXPIRES, risk->at_ms + year_ms);
    if (risk->expires_ms < risk->at_ms)
        refuse_field(plan, trouble, IMPORT_REASON_BAD_VALUE, MAPPING_FIELD_EXPIRES,
                     "before the assessment");
}

static void make_consent(const struct import_plan *plan, struct import_row *row,
                         struct import_trouble *trouble)
{
    struct bank_consent *consent = &row->as.consent;
    if (!take_moments(plan, &consent->at_ms, &consent->known_at_ms, trouble)) return;
    consent->channel = (uint8_t)number_or(plan, MAPPING_FIELD_CHANNEL, BANK_CHANNEL_NONE);
    consent->is_granted = (uint8_t)value_of(plan, MAPPING_FIELD_IS_GRANTED)->number;
}

static void make_exposure(const struct import_plan *plan, struct import_row *row,
                          struct import_trouble *trouble)
{
    struct bank_exposure *exposure = &row->as.exposure.exposure;
    if (!take_moments(plan, &exposure->at_ms, &exposure->known_at_ms, trouble)) return;
    exposure->product = (int16_t)value_of(plan, MAPPING_FIELD_PRODUCT)->number;
    exposure->campaign = -1;
    exposure->channel = (uint8_t)number_or(plan, MAPPING_FIELD_CHANNEL, BANK_CHANNEL_NONE);
    exposure->answer = (uint8_t)number_or(plan, MAPPING_FIELD_ANSWER, BANK_ANSWER_NONE);
    exposure->is_random = (uint8_t)number_or(plan, MAPPING_FIELD_IS_RANDOM, 0);
    exposure->is_control = (uint8_t)number_or(plan, MAPPING_FIELD_IS_CONTROL, 0);
    const struct import_field_value *share = value_of(plan, MAPPING_FIELD_SHOW_PROBABILITY);
    exposure->show_probability = share->is_there ? mapping_share_of(share->number) : (double)NAN;
    row->as.exposure.campaign = text_or_none(plan, MAPPING_FIELD_CAMPAIGN);
    exposure->answer_known_at_ms = BANK_UNKNOWN_MS;
    if (exposure->answer == BANK_ANSWER_NONE) return;
    exposure->answer_known_at_ms =
        number_or(plan, MAPPING_FIELD_ANSWER_KNOWN_AT, exposure->known_at_ms);
    check_known(plan, exposure->at_ms, exposure->answer_known_at_ms, MAPPING_FIELD_ANSWER_KNOWN_AT,
                trouble);
}

/* How a field is written into a column of one of the small tables. */
enum column_form {
    AS_TEXT,
    AS_MS,
    AS_DAY,
    AS_DAY_OF_MOMENT,
    AS_PPM,
    AS_NUMBER,
    AS_CHANNEL,
    AS_PRODUCT,
    AS_END /* of a complaint a moment, of an account or a branch a day */
};

static const struct table_column {
    enum mapping_field_id id;
    const char *column;
    enum column_form form;
} table_columns[] = {
    {MAPPING_FIELD_CUSTOMER, "customer", AS_TEXT},
    {MAPPING_FIELD_CODE, "code", AS_TEXT},
    {MAPPING_FIELD_NAME, "name", AS_TEXT},
    {MAPPING_FIELD_INSTITUTION, "institution", AS_TEXT},
    {MAPPING_FIELD_PARENT, "parent", AS_TEXT},
    {MAPPING_FIELD_REGION, "region", AS_TEXT},
    {MAPPING_FIELD_ROLE, "role", AS_TEXT},
    {MAPPING_FIELD_BRANCH, "branch", AS_TEXT},
    {MAPPING_FIELD_STAFF, "staff", AS_TEXT},
    {MAPPING_FIELD_PRODUCT, "product", AS_PRODUCT},
    {MAPPING_FIELD_CHANNEL, "channel", AS_CHANNEL},
    {MAPPING_FIELD_OPENED, "opened_day", AS_DAY_OF_MOMENT},
    {MAPPING_FIELD_CLOSED, "closed_day", AS_END},
    {MAPPING_FIELD_JOINED, "joined_day", AS_DAY},
    {MAPPING_FIELD_LEFT, "left_day", AS_DAY},
    {MAPPING_FIELD_STARTS, "starts_ms", AS_MS},
    {MAPPING_FIELD_ENDS, "ends_ms", AS_MS},
    {MAPPING_FIELD_UNTIL, "until_ms", AS_MS},
    {MAPPING_FIELD_CONTROL_SHARE, "control_ppm", AS_PPM},
    {MAPPING_FIELD_RANDOM_SHARE, "random_ppm", AS_PPM},
    {MAPPING_FIELD_UNTIL_KNOWN_AT, "until_known_at_ms", AS_MS},
    {MAPPING_FIELD_CLOSED_KNOWN_AT, "closed_known_at_ms", AS_MS},
    {MAPPING_FIELD_DUE, "due_ms", AS_MS},
    {MAPPING_FIELD_DONE, "done_at_ms", AS_MS},
    {MAPPING_FIELD_REASON, "reason", AS_TEXT},
    {MAPPING_FIELD_SUBJECT, "subject", AS_TEXT},
    {MAPPING_FIELD_LAYER, "layer", AS_TEXT},
    {MAPPING_FIELD_VALUE, "value", AS_TEXT},
    {MAPPING_FIELD_SOURCE, "source", AS_TEXT},
    {MAPPING_FIELD_ACTIVITY, "kind", AS_TEXT},
    {MAPPING_FIELD_NOTE, "note", AS_TEXT},
    {MAPPING_FIELD_OUTCOME, "outcome", AS_TEXT},
    {MAPPING_FIELD_HYPOTHESIS, "hypothesis", AS_TEXT},
    {MAPPING_FIELD_METRIC, "metric", AS_TEXT},
    {MAPPING_FIELD_SEED, "seed", AS_NUMBER},
    {MAPPING_FIELD_EXPERIMENT, "experiment", AS_TEXT},
    {MAPPING_FIELD_ARM, "arm", AS_TEXT},
    {MAPPING_FIELD_SHARE, "share_ppm", AS_PPM},
    {MAPPING_FIELD_IS_CONTROL, "is_control", AS_NUMBER},
    {MAPPING_FIELD_MINIMUM, "minimum_fen", AS_NUMBER},
    {MAPPING_FIELD_RATE, "rate_ppm", AS_PPM},
    {MAPPING_FIELD_TERM, "term_days", AS_NUMBER},
    {MAPPING_FIELD_AT, "at_ms", AS_MS},
    {MAPPING_FIELD_KNOWN_AT, "known_at_ms", AS_MS},
    /* A product's fields go to the catalogue's reader under their own names. */
    {MAPPING_FIELD_ZH, "zh", AS_TEXT},
    {MAPPING_FIELD_EN, "en", AS_TEXT},
    {MAPPING_FIELD_FEATURES_ZH, "features_zh", AS_TEXT},
    {MAPPING_FIELD_FEATURES_EN, "features_en", AS_TEXT},
    {MAPPING_FIELD_CATEGORY, "category", AS_TEXT},
    {MAPPING_FIELD_RISK, "risk", AS_TEXT},
    {MAPPING_FIELD_MINIMUM_YUAN, "minimum_yuan", AS_TEXT},
    {MAPPING_FIELD_RATE_PERCENT, "rate_percent", AS_TEXT},
    {MAPPING_FIELD_TERM_DAYS, "term_days", AS_TEXT},
    {MAPPING_FIELD_AGE_MIN, "age_min", AS_TEXT},
    {MAPPING_FIELD_AGE_MAX, "age_max", AS_TEXT},
    {MAPPING_FIELD_CHANNELS, "channels", AS_TEXT},
    {MAPPING_FIELD_GREEN, "green", AS_TEXT},
    {MAPPING_FIELD_STATUS, "status", AS_TEXT},
    {MAPPING_FIELD_LAUNCHED, "launched", AS_TEXT},
};

static struct import_slice write_value(const struct import_plan *plan,
                                       const struct table_column *column,
                                       struct import_block *block)
{
    const struct import_field_value *value = &plan->values[column->id];
    char text[LX_TIME_TEXT_SIZE];
    enum column_form form = column->form;
    if (form == AS_END)
        form = plan->file->entity == MAPPING_ENTITY_COMPLAINT ? AS_MS : AS_DAY_OF_MOMENT;
    switch (form) {
    case AS_TEXT: return value->text;
    case AS_NUMBER:
    case AS_MS: snprintf(text, sizeof text, "%" PRId64, value->number); break;
    case AS_DAY: lx_day_format((int32_t)value->number, text); break;
    case AS_DAY_OF_MOMENT:
        lx_day_format(lx_day_of_ms(value->number, plan->context->utc_offset_minutes), text);
        break;
    case AS_PPM:
        snprintf(text, sizeof text, "%ld", lround(mapping_share_of(value->number) * 1e6));
        break;
    case AS_CHANNEL: {
        const char *channel = bank_channel_text((enum bank_channel)value->number);
        return import_keep(block, channel, strlen(channel));
    }
    case AS_PRODUCT: {
        const char *code = plan->context->catalogue->products[value->number].code;
        return import_keep(block, code, strlen(code));
    }
    case AS_END: lx_bug(__FILE__, __LINE__, "form");
    }
    return import_keep(block, text, strlen(text));
}

static const char *name_of(const struct import_plan *plan, const struct table_column *column)
{
    bool is_moment = column->form == AS_END && plan->file->entity == MAPPING_ENTITY_COMPLAINT;
    return is_moment ? "closed_at_ms" : column->column;
}

static enum lx_err add_value(struct import_block *block, const char *column,
                             struct import_slice text)
{
    if (lx_grow(&block->values, &block->value_capacity, block->value_count + 1,
                IMPORT_BLOCK_VALUES_MAX, sizeof *block->values) != LX_OK)
        return LX_ERR_NO_MEMORY;
    block->values[block->value_count++] = (struct import_value){.column = column, .text = text};
    return LX_OK;
}

static enum lx_err make_table(const struct import_plan *plan, struct import_block *block,
                              struct import_row *row)
{
    bool is_for_all = plan->file->entity == MAPPING_ENTITY_DO_NOT_CONTACT &&
                      !plan->values[MAPPING_FIELD_CHANNEL].is_there;
    enum lx_err code = LX_OK;
    row->as.table.first = (uint32_t)block->value_count;
    for (size_t i = 0; i < LX_COUNT_OF(table_columns) && code == LX_OK; i++)
        if (plan->values[table_columns[i].id].is_there)
            code = add_value(block, name_of(plan, &table_columns[i]),
                             write_value(plan, &table_columns[i], block));
    if (code == LX_OK && is_for_all)
        code = add_value(block, "channel", import_keep(block, "all", 3));
    if (code != LX_OK) return code;
    row->as.table.count = (uint32_t)block->value_count - row->as.table.first;
    return LX_OK;
}

enum lx_err import_fact(struct import_plan *plan, const struct csv_row *csv,
                        struct import_block *block, struct import_row *row,
                        struct import_trouble *trouble)
{
    row->id = text_or_none(plan, MAPPING_FIELD_CUSTOMER);
    switch (plan->file->entity) {
    case MAPPING_ENTITY_CUSTOMER: make_customer(plan, row, trouble); return LX_OK;
    case MAPPING_ENTITY_EVENT: make_event(plan, row, trouble); return LX_OK;
    case MAPPING_ENTITY_EVENT_CHANGE: make_change(plan, row, trouble); return LX_OK;
    case MAPPING_ENTITY_CONTRACT: make_contract(plan, row, trouble); return LX_OK;
    case MAPPING_ENTITY_HOLDING: make_holding(plan, csv, row, trouble); return LX_OK;
    case MAPPING_ENTITY_SNAPSHOT: make_snapshot(plan, csv, row, trouble); return LX_OK;
    case MAPPING_ENTITY_RISK: make_risk(plan, row, trouble); return LX_OK;
    case MAPPING_ENTITY_CONSENT: make_consent(plan, row, trouble); return LX_OK;
    case MAPPING_ENTITY_EXPOSURE: make_exposure(plan, row, trouble); return LX_OK;
    case MAPPING_ENTITY_PRODUCT:
    case MAPPING_ENTITY_BRANCH:
    case MAPPING_ENTITY_STAFF:
    case MAPPING_ENTITY_CAMPAIGN:
    case MAPPING_ENTITY_ACCOUNT:
    case MAPPING_ENTITY_ASSIGNMENT:
    case MAPPING_ENTITY_PRODUCT_TERMS:
    case MAPPING_ENTITY_INSTITUTION:
    case MAPPING_ENTITY_PLACEMENT:
    case MAPPING_ENTITY_EXPERIMENT:
    case MAPPING_ENTITY_EXPERIMENT_ARM:
    case MAPPING_ENTITY_DO_NOT_CONTACT:
    case MAPPING_ENTITY_COMPLAINT:
    case MAPPING_ENTITY_LABEL:
    case MAPPING_ENTITY_LEGAL_HOLD:
    case MAPPING_ENTITY_TASK: return make_table(plan, block, row);
    case MAPPING_ENTITY_COUNT: break;
    }
    lx_bug(__FILE__, __LINE__, "entity");
}
