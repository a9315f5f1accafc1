#include "decide/rule_schema.h"

#include <string.h>

#include "base/date.h"
#include "decide/overlay.h"

/* --- Getters -------------------------------------------------------------------------------- */

static void put(struct expr_value *value, bool is_known, int64_t number)
{
    value->is_null = !is_known;
    value->as.integer = is_known ? number : 0;
}

static void put_placement(const struct rule_reading *r, struct expr_value *value)
{
    const char *placement = r->question->placement;
    value->is_null = placement == NULL;
    value->as.string.text = placement;
    value->as.string.length = placement == NULL ? 0 : strlen(placement);
}

/* Milliseconds since midnight in the bank's time. */
static int64_t local_ms(const struct rule_reading *r)
{
    int offset_minutes = r->question->context->utc_offset_minutes;
    int64_t now_ms = r->question->now_ms;
    return now_ms - lx_ms_of_day(lx_day_of_ms(now_ms, offset_minutes), offset_minutes);
}

static int32_t local_day(const struct rule_reading *r)
{
    return lx_day_of_ms(r->question->now_ms, r->question->context->utc_offset_minutes);
}

/* 1 Monday to 7 Sunday; 1970-01-01 was a Thursday. */
static int64_t weekday(int32_t day)
{
    return ((int64_t)day % 7 + 7 + 3) % 7 + 1;
}

/* Whole days of 24 hours, rounded down, also for what is not yet. */
static int64_t days_between(int64_t from_ms, int64_t to_ms)
{
    int64_t passed_ms = to_ms - from_ms;
    return passed_ms / LX_MS_PER_DAY - (passed_ms % LX_MS_PER_DAY < 0);
}

static bool is_held(const struct rule_reading *r)
{
    enum bank_answer answer = r->last[r->view.product].answer;
    return view_holds(r->view.facts, r->view.product) || answer == BANK_ANSWER_OWNS ||
           answer == BANK_ANSWER_BOUGHT;
}

static bool has_bit(const uint64_t *bits, int product)
{
    return bits != NULL && (bits[product / 64] >> (product % 64) & 1) != 0;
}

/* Is the answer the last one to its product in its round, and not taken back? */
static bool does_stand(const struct rule_question *question, size_t index)
{
    const struct overlay_answer *answer = &question->answers[index];
    if (answer->answer == BANK_ANSWER_RETRACTED) return false;
    for (size_t i = index + 1; i < question->answer_count; i++)
        if (question->answers[i].product == answer->product &&
            question->answers[i].decision == answer->decision)
            return false;
    return true;
}

/* The refusals since he last was interested, owned or bought; the newest comes first. */
static int64_t count_refusals(const struct rule_question *question, int64_t *ret_last_ms)
{
    int64_t count = 0;
    for (size_t i = question->answer_count; i-- > 0;) {
        if (!does_stand(question, i)) continue;
        enum bank_answer answer = question->answers[i].answer;
        if (answer == BANK_ANSWER_VIEWED || answer == BANK_ANSWER_IGNORED) continue;
        if (answer != BANK_ANSWER_NOT_INTERESTED) break;
        if (count++ == 0) *ret_last_ms = question->answers[i].answered_ms;
    }
    return count;
}

static void put_days_since_refusal(const struct rule_reading *r, struct expr_value *value)
{
    int64_t last_ms = 0;
    bool is_known = count_refusals(r->question, &last_ms) > 0;
    put(value, is_known, days_between(last_ms, r->question->now_ms));
}

/* --- The table of fields -------------------------------------------------------------------- */

/* What of the view's schema an enumeration is taken from. */
enum enumeration { ENUMERATION_NONE, ENUMERATION_CHANNEL, ENUMERATION_ANSWER, ENUMERATION_COUNT };

/* id, name, Chinese, type, enumeration, reach, getter: a statement over `r` that gives `v`. */
/* clang-format off */
#define OFFER_FIELDS(X)                                                                            \
    X(channel, "offer.channel", "触达渠道", ENUM, CHANNEL, CUSTOMER,                               \
      put(v, q->channel != BANK_CHANNEL_NONE, (int64_t)q->channel - 1))                            \
    X(placement, "offer.placement", "触点", STRING, NONE, CUSTOMER, put_placement(r, v))           \
    X(round, "offer.round", "轮次", INTEGER, NONE, CUSTOMER, put(v, true, q->round))               \
    X(date, "offer.date", "触达日期", DATE, NONE, CUSTOMER, put(v, true, local_day(r)))            \
    X(weekday, "offer.weekday", "触达星期", INTEGER, NONE, CUSTOMER,                               \
      put(v, true, weekday(local_day(r))))                                                         \
    X(hour, "offer.hour", "触达钟点", INTEGER, NONE, CUSTOMER,                                     \
      put(v, true, local_ms(r) / (LX_MS_PER_DAY / 24)))                                            \
    X(is_held, "is_held", "本产品已持有", BOOLEAN, NONE, PAIR, put(v, true, is_held(r)))           \
    X(is_on_stop_list, "is_on_stop_list", "在停售名单", BOOLEAN, NONE, PRODUCT,                    \
      put(v, true, has_bit(r->stopped, r->view.product)))                                          \
    X(shown_in_first_round, "shown_in_first_round", "首轮已展示", BOOLEAN, NONE, PAIR,             \
      put(v, true, has_bit(q->shown, r->view.product)))                                            \
    X(has_answered, "has_answered", "有过答复", BOOLEAN, NONE, CUSTOMER,                           \
      put(v, true, q->answer_count > 0))                                                           \
    X(last_answer, "last_answer", "最近答复", ENUM, ANSWER, PAIR,                                  \
      put(v, r->last[r->view.product].answer != BANK_ANSWER_NONE,                                  \
          (int64_t)r->last[r->view.product].answer - 1))                                           \
    X(refusals_in_a_row, "refusals_in_a_row", "连续拒绝次数", INTEGER, NONE, CUSTOMER,             \
      put(v, true, count_refusals(q, &(int64_t){0})))                                              \
    X(days_since_refusal, "days_since_refusal", "距上次拒绝天数", INTEGER, NONE, CUSTOMER,         \
      put_days_since_refusal(r, v))

/* id, Chinese, parameter's type, its enumeration, whether there may be several, reach. All give
 * INTEGER, and all parameters are written out. */
#define OFFER_FUNCTIONS(X)                                                                         \
    X(days_since_answer, "距答复天数", ENUM, ANSWER, true, PAIR)                                   \
    X(offers_of_product, "本产品触达数", INTEGER, NONE, false, PAIR)                               \
    X(offers_of_category, "同类产品触达数", INTEGER, NONE, false, PAIR)                            \
    X(contacts, "触达次数", INTEGER, NONE, false, CUSTOMER)                                        \
    X(contacts_in_channel, "本渠道触达次数", INTEGER, NONE, false, CUSTOMER)
/* clang-format on */

enum {
#define X(id, name, zh, type, enumeration, reach, get) FIELD_##id,
    OFFER_FIELDS(X)
#undef X
        FIELD_COUNT
};

enum {
#define X(id, zh, type, enumeration, is_variadic, reach) FUNCTION_##id,
    OFFER_FUNCTIONS(X)
#undef X
        FUNCTION_COUNT
};

static const struct {
    const char *name, *zh;
    enum expr_type type;
    enum enumeration enumeration;
    enum rule_reach reach;
} field_rows[FIELD_COUNT] = {
#define X(id, name, zh, type, enumeration, reach, get)                                             \
    {name, zh, EXPR_##type, ENUMERATION_##enumeration, RULE_OF_##reach},
    OFFER_FIELDS(X)
#undef X
};

static const struct {
    const char *name, *zh;
    enum expr_type type;
    enum enumeration enumeration;
    bool is_variadic;
    enum rule_reach reach;
} function_rows[FUNCTION_COUNT] = {
#define X(id, zh, type, enumeration, is_variadic, reach)                                           \
    {#id, zh, EXPR_##type, ENUMERATION_##enumeration, is_variadic, RULE_OF_##reach},
    OFFER_FUNCTIONS(X)
#undef X
};

/* --- The schema ----------------------------------------------------------------------------- */

struct rule_schema {
    const struct view_schema *view;
    size_t view_fields, view_functions, customer_functions;
    struct expr_field *fields;
    struct expr_function *functions;
    struct expr_schema expr;
};

static const struct expr_field *field_named(const struct expr_field *fields, size_t count,
                                            const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(fields[i].name, name) == 0) return &fields[i];
    lx_bug(__FILE__, __LINE__, name);
}

static void add_own(struct rule_schema *schema, const struct expr_schema *pair)
{
    const struct expr_relation *offers = &pair->relations[VIEW_OFFERS];
    const struct expr_enumeration *enumerations[ENUMERATION_COUNT] = {
        [ENUMERATION_CHANNEL] =
            field_named(offers->fields, offers->field_count, "channel")->enumeration,
        [ENUMERATION_ANSWER] =
            field_named(offers->fields, offers->field_count, "answer")->enumeration};
    for (size_t i = 0; i < FIELD_COUNT; i++)
        schema->fields[schema->view_fields + i] =
            (struct expr_field){field_rows[i].name, field_rows[i].zh, field_rows[i].type,
                                enumerations[field_rows[i].enumeration], false};
    for (size_t i = 0; i < FUNCTION_COUNT; i++)
        schema->functions[schema->view_functions + i] = (struct expr_function){
            .name = function_rows[i].name,
            .zh = function_rows[i].zh,
            .result = EXPR_INTEGER,
            .parameter_count = 1,
            .is_variadic = function_rows[i].is_variadic,
            .parameters = {
                {function_rows[i].type, enumerations[function_rows[i].enumeration], true}}};
}

enum lx_err rule_schema_open(const struct view_schema *view, struct rule_schema **ret_schema,
                             struct lx_error *err)
{
    const struct expr_schema *pair = view_schema_scope(view, VIEW_PAIR);
    struct rule_schema *schema = lx_calloc(1, sizeof *schema);
    if (schema == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "rules: out of memory");
    schema->view = view;
    schema->view_fields = pair->field_count;
    schema->view_functions = pair->function_count;
    schema->customer_functions = view_schema_scope(view, VIEW_CUSTOMER)->function_count;
    schema->fields = lx_calloc(pair->field_count + FIELD_COUNT, sizeof *schema->fields);
    schema->functions = lx_calloc(pair->function_count + FUNCTION_COUNT, sizeof *schema->functions);
    if (schema->fields == NULL || schema->functions == NULL) {
        rule_schema_close(schema);
        return lx_fail(err, LX_ERR_NO_MEMORY, "rules: out of memory");
    }
    memcpy(schema->fields, pair->fields, pair->field_count * sizeof *schema->fields);
    memcpy(schema->functions, pair->functions, pair->function_count * sizeof *schema->functions);
    add_own(schema, pair);
    schema->expr = (struct expr_schema){schema->fields,    pair->field_count + FIELD_COUNT,
                                        schema->functions, pair->function_count + FUNCTION_COUNT,
                                        pair->relations,   pair->relation_count};
    *ret_schema = schema;
    return LX_OK;
}

void rule_schema_close(struct rule_schema *schema)
{
    if (schema == NULL) return;
    lx_free(schema->fields);
    lx_free(schema->functions);
    lx_free(schema);
}

const struct expr_schema *rule_schema_expr(const struct rule_schema *schema)
{
    return &schema->expr;
}

const struct view_schema *rule_schema_view(const struct rule_schema *schema)
{
    return schema->view;
}

const struct expr_field *rule_schema_own_field(const struct rule_schema *schema, size_t index)
{
    return index < FIELD_COUNT ? &schema->fields[schema->view_fields + index] : NULL;
}

const struct expr_function *rule_schema_own_function(const struct rule_schema *schema, size_t index)
{
    return index < FUNCTION_COUNT ? &schema->functions[schema->view_functions + index] : NULL;
}

/* --- What is at hand ------------------------------------------------------------------------ */

static enum lx_err field_needs(const struct rule_schema *schema, size_t field,
                               struct rule_needs *needs, struct lx_error *err)
{
    size_t place;
    const char *name = schema->fields[field].name;
    if (field >= schema->view_fields) {
        needs->reach = field_rows[field - schema->view_fields].reach;
        return LX_OK;
    }
    switch (view_schema_field_kind(schema->view, field, &place)) {
    case VIEW_FIELD_PROFILE:
        return lx_fail(err, LX_ERR_BAD_INPUT,
                       "`%s` is in no snapshot: read it through a feature of features.ini", name);
    case VIEW_FIELD_CUSTOMER_FEATURE: needs->reach = RULE_OF_CUSTOMER; break;
    case VIEW_FIELD_PAIR_FEATURE:
        needs->reach = RULE_OF_PAIR;
        needs->reads_pairs = true;
        break;
    case VIEW_FIELD_FACT:
        needs->reach = strcmp(name, "product") == 0 || strncmp(name, "product.", 8) == 0
                           ? RULE_OF_PRODUCT
                           : RULE_OF_CUSTOMER;
        break;
    }
    return LX_OK;
}

static enum lx_err call_needs(const struct rule_schema *schema, const struct expr_read *read,
                              struct rule_needs *needs, struct lx_error *err)
{
    if (read->index < schema->view_functions) {
        needs->asks_peers = view_schema_asks_peers(read->index);
        needs->reach = read->index < schema->customer_functions ? RULE_OF_CUSTOMER : RULE_OF_PAIR;
        return LX_OK;
    }
    size_t own = read->index - schema->view_functions;
    needs->reach = function_rows[own].reach;
    LX_ASSERT(read->argument != NULL);
    int64_t days = read->argument->as.integer;
    bool is_out = read->argument->is_null || days < 1 || days > RULE_PAST_DAYS_MAX;
    if (function_rows[own].type == EXPR_INTEGER && is_out)
        return lx_fail(err, LX_ERR_BAD_INPUT, "%s(n) counts 1 to %d days", function_rows[own].name,
                       RULE_PAST_DAYS_MAX);
    return LX_OK;
}

enum lx_err rule_schema_needs(const struct rule_schema *schema, const struct expr_read *read,
                              struct rule_needs *ret_needs, struct lx_error *err)
{
    struct rule_needs needs = {.reach = RULE_OF_NOTHING};
    enum lx_err code = LX_OK;
    switch (read->source) {
    case EXPR_READS_FIELD: code = field_needs(schema, read->index, &needs, err); break;
    case EXPR_READS_CALL: code = call_needs(schema, read, &needs, err); break;
    case EXPR_READS_WINDOW:
        code = lx_fail(err, LX_ERR_BAD_INPUT,
                       "a rule has no window: make it a feature of features.ini and read that, or "
                       "count offers with contacts(30), offers_of_product(30)");
        break;
    }
    if (code == LX_OK) *ret_needs = needs;
    return code;
}

/* --- Reading -------------------------------------------------------------------------------- */

static void find_last_answers(struct rule_reading *reading)
{
    const struct rule_question *question = reading->question;
    size_t product_count = question->context->catalogue->count;
    for (size_t i = 0; i < product_count; i++) reading->last[i].answer = BANK_ANSWER_NONE;
    for (size_t i = 0; i < question->answer_count; i++) {
        const struct overlay_answer *answer = &question->answers[i];
        if (answer->product < 0 || (size_t)answer->product >= product_count) continue;
        if (!does_stand(question, i)) continue;
        reading->last[answer->product].answer = answer->answer;
        reading->last[answer->product].answered_ms = answer->answered_ms;
    }
}

void rule_reading_begin(const struct rule_schema *schema, const struct rule_question *question,
                        const uint64_t *stopped, struct rule_reading *ret_reading)
{
    ret_reading->schema = schema;
    ret_reading->question = question;
    ret_reading->stopped = stopped;
    ret_reading->has_past = false;
    if (question == NULL) return;
    view_reading_begin(schema->view, question->context, question->facts, NULL, question->as_of_ms,
                       question->customer_values, &ret_reading->view);
    find_last_answers(ret_reading);
}

void rule_reading_turn(struct rule_reading *reading, int product)
{
    const struct rule_question *question = reading->question;
    const float *values = NULL;
    if (question != NULL && question->pair_values != NULL)
        values = question->pair_values + (size_t)product * question->pair_count;
    view_reading_turn(&reading->view, product, values);
}

static enum lx_err read_field(void *context, size_t field, struct expr_value *v,
                              struct lx_error *err)
{
    struct rule_reading *r = context;
    const struct rule_question *q = r->question;
    size_t first = r->schema->view_fields;
    if (field < first) return view_reading_field(&r->view, field, v, err);
    switch (field - first) {
#define X(id, name, zh, type, enumeration, reach, get)                                             \
    case FIELD_##id: get; return LX_OK;
        OFFER_FIELDS(X)
#undef X
    default: lx_bug(__FILE__, __LINE__, "field of the offer");
    }
}

static enum lx_err find_past(struct rule_reading *r, struct lx_error *err)
{
    const struct rule_question *question = r->question;
    if (r->has_past) return LX_OK;
    r->past_count = 0;
    enum lx_err code = LX_OK;
    if (question->past != NULL)
        code = question->past(question->past_context, &r->past, &r->past_count, err);
    r->has_past = code == LX_OK;
    return code;
}

static bool is_same_category(const struct rule_reading *r, int product)
{
    const struct bank_catalogue *catalogue = r->view.context->catalogue;
    return product >= 0 && (size_t)product < catalogue->count &&
           catalogue->products[product].category == catalogue->products[r->view.product].category;
}

/* A contact is a first round that showed something: one conversation, one message. */
static int64_t count_past(const struct rule_reading *r, size_t function, int64_t days)
{
    int64_t count = 0, since_ms = r->question->now_ms - days * LX_MS_PER_DAY;
    uint64_t last = UINT64_MAX;
    for (size_t i = 0; i < r->past_count; i++) {
        const struct rule_past *past = &r->past[i];
        if (past->offered_ms <= since_ms) continue;
        bool is_new_contact = past->is_first_round && past->decision != last;
        last = past->decision;
        switch (function) {
        case FUNCTION_offers_of_product: count += past->product == r->view.product; break;
        case FUNCTION_offers_of_category: count += is_same_category(r, past->product); break;
        case FUNCTION_contacts: count += is_new_contact; break;
        default: count += is_new_contact && past->channel == r->question->channel; break;
        }
    }
    return count;
}

static void read_days_since(const struct rule_reading *r, const struct expr_value *arguments,
                            size_t argument_count, struct expr_value *v)
{
    enum bank_answer answer = r->last[r->view.product].answer;
    bool is_asked = false;
    for (size_t i = 0; i < argument_count; i++)
        is_asked |= !arguments[i].is_null && arguments[i].as.integer == (int64_t)answer - 1;
    int64_t answered_ms = is_asked ? r->last[r->view.product].answered_ms : 0;
    put(v, is_asked, is_asked ? days_between(answered_ms, r->question->now_ms) : 0);
}

static enum lx_err read_call(void *context, size_t function, const struct expr_value *arguments,
                             size_t argument_count, struct expr_value *v, struct lx_error *err)
{
    struct rule_reading *r = context;
    size_t first = r->schema->view_functions;
    if (function < first)
        return view_reading_call(&r->view, function, arguments, argument_count, v, err);
    if (function - first == FUNCTION_days_since_answer) {
        read_days_since(r, arguments, argument_count, v);
        return LX_OK;
    }
    enum lx_err code = find_past(r, err);
    if (code == LX_OK) put(v, true, count_past(r, function - first, arguments[0].as.integer));
    return code;
}

struct expr_row rule_reading_row(struct rule_reading *reading)
{
    return (struct expr_row){
        .context = reading, .today = reading->view.today, .field = read_field, .call = read_call};
}
