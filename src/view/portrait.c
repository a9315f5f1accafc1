#include "view/portrait.h"

#include <stdio.h>
#include <string.h>

#include "codec/utf8.h"
#include "view/state.h"

enum { TEXT_MAX = 128 };

#define PORTRAIT_BYTES_MAX ((size_t)1 << 20)
#define HISTORY_BYTES_MAX ((size_t)256 << 20)

/* Occasions to speak to a customer last this long. */
enum { MATURED_DAYS = 30, SALARY_DAYS = 3, CARD_DAYS = 30 };

/* A range of values and what it is called; the first whose `below` is above the value. */
struct band {
    double below;
    const char *value, *zh, *en;
};

static const struct band age_bands[] = {
    {18, "under-18", "18岁以下", "under 18"},       {30, "18-29", "18-29岁", "18 to 29"},
    {40, "30-39", "30-39岁", "30 to 39"},           {50, "40-49", "40-49岁", "40 to 49"},
    {60, "50-59", "50-59岁", "50 to 59"},           {70, "60-69", "60-69岁", "60 to 69"},
    {INFINITY, "70-up", "70岁以上", "70 and over"},
};

static const struct band tenure_bands[] = {
    {1, "under-1", "不到1年", "less than a year"},
    {3, "1-3", "1-3年", "1 to 3 years"},
    {10, "3-10", "3-10年", "3 to 10 years"},
    {INFINITY, "10-up", "10年以上", "more than 10 years"},
};

/* In fen. */
static const struct band assets_bands[] = {
    {1e6, "under-10k", "1万元以下", "under 10,000 yuan"},
    {5e6, "10k-50k", "1万-5万元", "10,000 to 50,000 yuan"},
    {2e7, "50k-200k", "5万-20万元", "50,000 to 200,000 yuan"},
    {5e7, "200k-500k", "20万-50万元", "200,000 to 500,000 yuan"},
    {INFINITY, "500k-up", "50万元以上", "500,000 yuan and more"},
};

/* Acts of the customer in 90 days. */
static const struct band activity_bands[] = {
    {1, "dormant", "沉睡", "dormant"},
    {6, "low", "低", "low"},
    {21, "medium", "中", "medium"},
    {INFINITY, "high", "高", "high"},
};

/* Points: the assets band (0-4), the activity band (0-3), and one for each category held beyond
 * savings, two at most. */
static const struct band value_bands[] = {
    {3, "low", "低", "low"},
    {6, "medium", "中", "medium"},
    {INFINITY, "high", "高", "high"},
};

#define BAND_OF(bands, value) band_of(bands, LX_COUNT_OF(bands), value)

static const struct band *band_of(const struct band *bands, size_t count, double value)
{
    size_t i = 0;
    while (i + 1 < count && value >= bands[i].below) i++;
    return &bands[i];
}

#define X(name, text, zh, en) {text, zh, en},
static const struct {
    const char *text, *zh, *en;
} layers[] = {PORTRAIT_LAYER_MAP(X)};
#undef X

const char *portrait_layer_text(enum portrait_layer layer)
{
    LX_ASSERT(layer < PORTRAIT_LAYER_COUNT);
    return layers[layer].text;
}

const char *portrait_layer_zh(enum portrait_layer layer)
{
    LX_ASSERT(layer < PORTRAIT_LAYER_COUNT);
    return layers[layer].zh;
}

const char *portrait_layer_en(enum portrait_layer layer)
{
    LX_ASSERT(layer < PORTRAIT_LAYER_COUNT);
    return layers[layer].en;
}

void portrait_mask_name(const char *name, char ret_masked[PORTRAIT_MASKED_SIZE])
{
    size_t length = name == NULL ? 0 : strlen(name);
    size_t first = length == 0 ? 0 : utf8_character(name, length);
    LX_ASSERT(first + sizeof "**" <= PORTRAIT_MASKED_SIZE);
    if (first > 0) memcpy(ret_masked, name, first);
    memcpy(ret_masked + first, "**", sizeof "**");
    if (length == 0) ret_masked[0] = '\0';
}

static enum lx_err out_of_room(const struct portrait *portrait, struct lx_error *err)
{
    return lx_fail(err, LX_ERR_NO_MEMORY, "customer %s: portrait: out of memory", portrait->id);
}

static bool copy_text(struct portrait *portrait, const char **text)
{
    *text = lx_arena_strndup(&portrait->arena, *text, strlen(*text));
    return *text != NULL;
}

enum lx_err portrait_add(struct portrait *portrait, const struct portrait_label *label,
                         struct lx_error *err)
{
    LX_ASSERT(portrait != NULL && label != NULL && label->layer < PORTRAIT_LAYER_COUNT);

    struct portrait_label copy = *label;
    enum lx_err code =
        lx_grow(&portrait->labels, &portrait->label_capacity, portrait->label_count + 1,
                PORTRAIT_LABELS_MAX, sizeof *portrait->labels);
    if (code != LX_OK)
        return lx_fail(err, code, "customer %s: more than %d labels", portrait->id,
                       PORTRAIT_LABELS_MAX);
    if (!copy_text(portrait, &copy.name) || !copy_text(portrait, &copy.zh) ||
        !copy_text(portrait, &copy.en) || !copy_text(portrait, &copy.value) ||
        !copy_text(portrait, &copy.value_zh) || !copy_text(portrait, &copy.value_en))
        return out_of_room(portrait, err);

    size_t place = portrait->label_count;
    while (place > 0 && portrait->labels[place - 1].layer > copy.layer) place--;
    memmove(&portrait->labels[place + 1], &portrait->labels[place],
            (portrait->label_count - place) * sizeof copy);
    portrait->labels[place] = copy;
    portrait->label_count++;
    return LX_OK;
}

/* Labels are added one after another; the first failure is kept and ends it. */
struct painter {
    struct portrait *portrait;
    const struct view_state *state;
    const struct view_facts *facts;
    const struct bank_history *history;
    const struct view_context *context;
    enum lx_err code;
    struct lx_error *err;
};

static void add(struct painter *painter, enum portrait_layer layer, const char *name,
                const char *zh, const char *en, const char *value, const char *value_zh,
                const char *value_en)
{
    if (painter->code != LX_OK) return;
    struct portrait_label label = {layer, name, zh, en, value, value_zh, value_en, (double)NAN};
    painter->code = portrait_add(painter->portrait, &label, painter->err);
}

static void add_band(struct painter *painter, enum portrait_layer layer, const char *name,
                     const char *zh, const char *en, const struct band *band)
{
    add(painter, layer, name, zh, en, band->value, band->zh, band->en);
}

static void add_flag(struct painter *painter, enum portrait_layer layer, const char *name,
                     const char *zh, const char *en)
{
    add(painter, layer, name, zh, en, "yes", "是", "yes");
}

/* The bank's own word, which has no translation. */
static void add_own(struct painter *painter, const char *name, const char *zh, const char *en,
                    const char *value)
{
    if (value == NULL || value[0] == '\0') return;
    add(painter, PORTRAIT_FACT, name, zh, en, value, value, value);
}

static void paint_person(struct painter *painter, const struct portrait_person *person)
{
    const struct bank_profile *profile = painter->state->profile;
    if (painter->facts->age >= 0)
        add_band(painter, PORTRAIT_FACT, "age_band", "年龄段", "age",
                 BAND_OF(age_bands, painter->facts->age));
    if (profile != NULL && profile->gender != BANK_GENDER_NONE &&
        profile->gender <= BANK_GENDER_MALE) {
        enum bank_gender gender = (enum bank_gender)profile->gender;
        add(painter, PORTRAIT_FACT, "gender", "性别", "gender", bank_gender_text(gender),
            bank_gender_zh(gender), bank_gender_en(gender));
    }
    if (profile != NULL && profile->joined_day != INT32_MIN)
        add_band(painter, PORTRAIT_FACT, "tenure", "开户年限", "years with the bank",
                 BAND_OF(tenure_bands,
                         ((double)painter->state->moment.day - profile->joined_day) / 365.25));
    if (person == NULL) return;
    add_own(painter, "branch", "所属网点", "branch", person->branch);
    add_own(painter, "occupation", "职业", "occupation", person->occupation);
    add_own(painter, "education", "学历", "education", person->education);
    add_own(painter, "marital", "婚姻状况", "marital status", person->marital);
}

static void paint_risk(struct painter *painter)
{
    const struct view_facts *facts = painter->facts;
    char value[TEXT_MAX];
    if (facts->risk_level > 0) {
        snprintf(value, sizeof value, "C%d", facts->risk_level);
        add(painter, PORTRAIT_FACT, "risk_level", "风险承受等级", "risk level", value, value,
            value);
    } else if (facts->risk_expires_ms == BANK_UNKNOWN_MS) {
        add(painter, PORTRAIT_FACT, "risk_level", "风险承受等级", "risk level", "none", "未测评",
            "not assessed");
    } else {
        add(painter, PORTRAIT_FACT, "risk_level", "风险承受等级", "risk level", "expired",
            "测评已过期", "assessment expired");
    }
    if (facts->is_overdue)
        add_flag(painter, PORTRAIT_FACT, "overdue", "当前逾期", "payment overdue");
}

static void paint_contact(struct painter *painter)
{
    if (painter->facts->is_do_not_contact)
        add_flag(painter, PORTRAIT_FACT, "do_not_contact", "要求不再营销",
                 "asked not to be contacted");
    if (painter->facts->has_open_complaint)
        add_flag(painter, PORTRAIT_FACT, "open_complaint", "有未办结的投诉", "an open complaint");
    if (!painter->facts->has_personal_consent)
        add_flag(painter, PORTRAIT_FACT, "no_personalisation", "未同意个性化推荐",
                 "no consent to personalisation");
}

static void paint_assets(struct painter *painter)
{
    const struct view_state *state = painter->state;
    char value[TEXT_MAX], zh[TEXT_MAX], en[TEXT_MAX];
    if (painter->facts->assets_fen != BANK_NO_AMOUNT)
        add_band(painter, PORTRAIT_FACT, "assets_band", "资产", "assets",
                 BAND_OF(assets_bands, (double)painter->facts->assets_fen));
    if (state->counts[VIEW_90D][BANK_EVENT_KIND_SALARY] > 0)
        add_flag(painter, PORTRAIT_FACT, "receives_salary", "代发工资客户",
                 "is paid into this bank");
    snprintf(value, sizeof value, "%d", state->held_count);
    snprintf(zh, sizeof zh, "%d种", state->held_count);
    snprintf(en, sizeof en, "%d %s", state->held_count,
             state->held_count == 1 ? "product" : "products");
    add(painter, PORTRAIT_FACT, "holdings", "持有产品", "products held", value, zh, en);
}

static int beyond_savings(const struct view_state *state)
{
    int categories = 0;
    for (int i = 1; i < BANK_CATEGORY_END; i++)
        categories += i != BANK_CATEGORY_SAVINGS && state->held_by_category[i] > 0;
    return categories;
}

static void paint_value(struct painter *painter)
{
    const struct view_state *state = painter->state;
    const struct band *activity = BAND_OF(activity_bands, state->acts[VIEW_90D]);
    add_band(painter, PORTRAIT_VALUE, "activity", "活跃度", "activity", activity);

    int64_t assets_fen = painter->facts->assets_fen;
    int categories = beyond_savings(state);
    double points = (double)(activity - activity_bands) + (categories > 2 ? 2 : categories);
    if (assets_fen != BANK_NO_AMOUNT)
        points += (double)(BAND_OF(assets_bands, (double)assets_fen) - assets_bands);
    add_band(painter, PORTRAIT_VALUE, "marketing_value", "营销价值", "marketing value",
             BAND_OF(value_bands, points));
}

/* The channel that he used most in 90 days; a tie goes to the one that stands first here. */
static void paint_channel(struct painter *painter)
{
    static const enum bank_channel own[] = {BANK_CHANNEL_MOBILE, BANK_CHANNEL_WEB,
                                            BANK_CHANNEL_COUNTER, BANK_CHANNEL_ATM};
    const uint32_t *counts = painter->state->channels[VIEW_90D];
    enum bank_channel best = BANK_CHANNEL_NONE;
    for (size_t i = 0; i < LX_COUNT_OF(own); i++)
        if (counts[own[i]] > (best == BANK_CHANNEL_NONE ? 0 : counts[best])) best = own[i];
    if (best == BANK_CHANNEL_NONE) return;
    add(painter, PORTRAIT_VALUE, "preferred_channel", "偏好渠道", "preferred channel",
        bank_channel_text(best), bank_channel_zh(best), bank_channel_en(best));
}

static bool is_within(const struct view_state *state, enum bank_event_kind kind, int days)
{
    int64_t last_ms = state->last_ms[kind];
    return last_ms != BANK_UNKNOWN_MS && view_days_since(&state->moment, last_ms) < (float)days;
}

/* Looked at in the last 30 days and not held: the one looked at last. */
static int viewed_product(const struct painter *painter)
{
    const struct view_moment *moment = &painter->state->moment;
    const struct bank_history *history = painter->history;
    for (size_t i = view_event_end(history, moment->as_of_ms); i-- > 0;) {
        const struct bank_event *event = &history->events[i];
        if (event->at_ms < moment->start_ms[VIEW_30D]) break;
        int product = view_product_of(event->product, painter->context->catalogue);
        if (event->kind == BANK_EVENT_KIND_PAGE_VIEW && product >= 0 &&
            bank_event_is_known(event, moment->as_of_ms) && !view_holds(painter->facts, product))
            return product;
    }
    return BANK_NO_PRODUCT;
}

static void paint_occasions(struct painter *painter)
{
    const struct view_state *state = painter->state;
    if (is_within(state, BANK_EVENT_KIND_DEPOSIT_MATURED, MATURED_DAYS))
        add_flag(painter, PORTRAIT_VALUE, "deposit_matured", "存款近期到期",
                 "a deposit has matured");
    if (is_within(state, BANK_EVENT_KIND_SALARY, SALARY_DAYS))
        add_flag(painter, PORTRAIT_VALUE, "salary_arrived", "工资刚到账",
                 "salary has just arrived");
    if (view_has_large_inflow(state))
        add_flag(painter, PORTRAIT_VALUE, "large_inflow", "近期大额流入",
                 "a large sum has come in");
    if (is_within(state, BANK_EVENT_KIND_CARD_REPLACED, CARD_DAYS))
        add_flag(painter, PORTRAIT_VALUE, "card_replaced", "近期社保卡换发",
                 "social-security card replaced");
    int product = viewed_product(painter);
    if (product == BANK_NO_PRODUCT) return;
    const struct bank_product *viewed = &painter->context->catalogue->products[product];
    add(painter, PORTRAIT_VALUE, "viewed_not_held", "浏览未开通", "looked at, not opened",
        viewed->code, viewed->zh == NULL ? viewed->code : viewed->zh,
        viewed->en == NULL ? viewed->code : viewed->en);
}

/* When the oldest holding that is still open was opened: opens less closes, first in, first out. */
static int64_t opened_since(const struct bank_history *history, const struct view_moment *moment,
                            int product)
{
    size_t end = view_event_end(history, moment->as_of_ms), still_open = 0;
    int64_t opened_ms = BANK_UNKNOWN_MS;
    for (int pass = 0; pass < 2; pass++) {
        uint16_t open_count = 0;
        size_t opens = 0, closes = 0;
        for (size_t i = 0; i < end; i++) {
            const struct bank_event *event = &history->events[i];
            if (event->product != product) continue;
            if (!bank_event_is_known(event, moment->as_of_ms)) continue;
            uint16_t before = open_count;
            view_count_open(&open_count, event->kind);
            closes += open_count < before;
            opens += open_count > before;
            if (pass == 1 && open_count > before && opens == still_open) opened_ms = event->at_ms;
        }
        still_open = closes + 1; /* the first of these opens is the oldest left */
    }
    return opened_ms;
}

static int compare_holdings(const struct portrait_holding *a, const struct portrait_holding *b)
{
    if (a->opened_at_ms != b->opened_at_ms) return a->opened_at_ms < b->opened_at_ms ? -1 : 1;
    return a->product - b->product;
}

static enum lx_err add_holdings(struct portrait *portrait, const struct view_state *state,
                                const struct bank_history *history,
                                const struct bank_catalogue *catalogue, struct lx_error *err)
{
    if (state->held_count == 0) return LX_OK;
    portrait->holdings = lx_calloc((size_t)state->held_count, sizeof *portrait->holdings);
    if (portrait->holdings == NULL) return out_of_room(portrait, err);
    for (int product = 0; product < (int)catalogue->count; product++) {
        if (state->open_count[product] == 0) continue;
        const struct bank_product *known = &catalogue->products[product];
        struct portrait_holding holding = {
            .product = product,
            .code = known->code,
            .zh = known->zh == NULL ? "" : known->zh,
            .en = known->en == NULL ? "" : known->en,
            .category = known->category,
            .count = state->open_count[product],
            .opened_at_ms = opened_since(history, &state->moment, product),
        };
        if (!copy_text(portrait, &holding.code) || !copy_text(portrait, &holding.zh) ||
            !copy_text(portrait, &holding.en))
            return out_of_room(portrait, err);
        size_t place = portrait->holding_count++;
        for (; place > 0 && compare_holdings(&holding, &portrait->holdings[place - 1]) < 0; place--)
            portrait->holdings[place] = portrait->holdings[place - 1];
        portrait->holdings[place] = holding;
    }
    return LX_OK;
}

static enum lx_err add_names(struct portrait *portrait, const char *id,
                             const struct portrait_person *person, struct lx_error *err)
{
    char masked[PORTRAIT_MASKED_SIZE];
    portrait_mask_name(person == NULL ? NULL : person->name, masked);
    portrait->id = id;
    portrait->masked_name = masked;
    bool is_copied = copy_text(portrait, &portrait->id);
    if (!is_copied) portrait->id = "";
    is_copied = copy_text(portrait, &portrait->masked_name) && is_copied;
    return is_copied ? LX_OK : out_of_room(portrait, err);
}

enum lx_err portrait_make(const struct bank_history *history, const struct view_context *context,
                          int64_t as_of_ms, const struct portrait_person *person,
                          struct portrait *ret_portrait, struct lx_error *err)
{
    LX_ASSERT(history != NULL && context != NULL && ret_portrait != NULL);

    struct portrait portrait = {0};
    struct view_state state;
    struct view_facts facts;
    struct painter painter = {&portrait, &state, &facts, history, context, LX_OK, err};
    lx_arena_init(&portrait.arena, PORTRAIT_BYTES_MAX);
    view_state_gather(history, context, as_of_ms, &state);
    view_facts(history, context, as_of_ms, &facts);
    painter.code = add_names(&portrait, history->id, person, err);
    if (painter.code == LX_OK)
        painter.code = add_holdings(&portrait, &state, history, context->catalogue, err);
    paint_person(&painter, person);
    paint_risk(&painter);
    paint_contact(&painter);
    paint_assets(&painter);
    paint_value(&painter);
    paint_channel(&painter);
    paint_occasions(&painter);
    if (painter.code != LX_OK)
        portrait_release(&portrait);
    else
        *ret_portrait = portrait;
    return painter.code;
}

void portrait_release(struct portrait *portrait)
{
    lx_free(portrait->labels);
    lx_free(portrait->holdings);
    lx_arena_release(&portrait->arena);
    *portrait = (struct portrait){0};
}

static enum lx_err read_person(struct bank *bank, const struct bank_history *history,
                               const struct view_moment *moment, struct lx_arena *arena,
                               struct portrait_person *ret_person, struct lx_error *err)
{
    const struct bank_profile *profile = view_profile_at(history, moment);
    struct portrait_person person = {0};
    enum lx_err code = bank_customer_name(bank, history->customer, arena, &person.name, err);
    if (profile == NULL) goto out;
    if (code == LX_OK)
        code = bank_list_text(bank, BANK_LIST_BRANCH, profile->branch, &person.branch, err);
    if (code == LX_OK)
        code = bank_list_text(bank, BANK_LIST_OCCUPATION, profile->occupation, &person.occupation,
                              err);
    if (code == LX_OK)
        code =
            bank_list_text(bank, BANK_LIST_EDUCATION, profile->education, &person.education, err);
    if (code == LX_OK)
        code = bank_list_text(bank, BANK_LIST_MARITAL, profile->marital, &person.marital, err);
out:
    if (code == LX_OK) *ret_person = person;
    return code;
}

enum lx_err portrait_read(struct bank *bank, int64_t customer, const struct view_peers *peers,
                          int64_t as_of_ms, struct portrait *ret_portrait, struct lx_error *err)
{
    LX_ASSERT(bank != NULL && ret_portrait != NULL);

    struct lx_arena arena;
    struct bank_history history;
    struct portrait_person person;
    struct view_context context = {bank_catalogue(bank), peers, bank_utc_offset_minutes(bank)};
    struct view_moment moment = view_moment_of(as_of_ms, context.utc_offset_minutes);
    lx_arena_init(&arena, HISTORY_BYTES_MAX);
    enum lx_err code = bank_history_read(bank, customer, &arena, &history, err);
    if (code == LX_OK) code = read_person(bank, &history, &moment, &arena, &person, err);
    if (code == LX_OK)
        code = portrait_make(&history, &context, as_of_ms, &person, ret_portrait, err);
    lx_arena_release(&arena);
    return code;
}
