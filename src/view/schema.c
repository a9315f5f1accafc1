#include "view/schema.h"

#include <string.h>

#include "base/arena.h"
#include "view/peers_table.h"
#include "view/past.h"

enum { CODES_MAX = 65535 };

/* What a schema may keep: the texts of the largest code lists several times over. */
#define TEXTS_MAX ((size_t)64 << 20)

/* --- Enumerations --------------------------------------------------------------------------- */

/* Positions count from 0; the numbers of bank/types.h from 1. */
#define FIXED_ENUMERATIONS(X)                                                                      \
    X(KIND, "kind", BANK_EVENT_KIND_MAP)                                                           \
    X(CHANNEL, "channel", BANK_CHANNEL_MAP)                                                        \
    X(CATEGORY, "category", BANK_CATEGORY_MAP)                                                     \
    X(ANSWER, "answer", BANK_ANSWER_MAP)                                                           \
    X(GENDER, "gender", BANK_GENDER_MAP)                                                           \
    X(MERCHANT, "merchant", BANK_MERCHANT_MAP)

/* The rates that peer() and product_peer() tell; the order is that of the getters below. */
#define PEER_MAP(X)                                                                                \
    X(COHORT_HOLDERS, 0, "cohort_holders", "同类客户持有率", "")                                   \
    X(COHORT_OPENINGS, 1, "cohort_openings", "同类客户开通数", "")                                 \
    X(BRANCH_HOLDERS, 2, "branch_holders", "同网点客户持有率", "")                                 \
    X(BRANCH_CUSTOMERS, 3, "branch_customers", "同网点客户数", "")

#define PRODUCT_PEER_MAP(X)                                                                        \
    X(COHORT_HOLDING, 0, "cohort_holding", "同类客户持有比例", "")                                 \
    X(COHORT_OPENING, 1, "cohort_opening", "同类客户近30天开通比例", "")                           \
    X(COHORT_OPENING_365D, 2, "cohort_opening_365d", "同类客户近一年开通比例", "")                 \
    X(BRANCH_HOLDING, 3, "branch_holding", "同网点持有比例", "")                                   \
    X(BRANCH_OPENING, 4, "branch_opening", "同网点近30天开通比例", "")                             \
    X(OCCUPATION_HOLDING, 5, "occupation_holding", "同职业持有比例", "")                           \
    X(BANK_HOLDING, 6, "bank_holding", "全行持有比例", "")                                         \
    X(BANK_OPENING, 7, "bank_opening", "全行近30天开通比例", "")                                   \
    X(BANK_OPENING_365D, 8, "bank_opening_365d", "全行近一年开通比例", "")

#define CODE(id, number, text, zh, en) text,
#define CODE_ZH(id, number, text, zh, en) zh,
#define X(id, name, map)                                                                           \
    static const char *const id##_codes[] = {map(CODE)}, *const id##_zh[] = {map(CODE_ZH)};
FIXED_ENUMERATIONS(X)
X(PEER, "peer", PEER_MAP)
X(PRODUCT_PEER, "product_peer", PRODUCT_PEER_MAP)
#undef X

enum enumeration {
#define X(id, name, map) ENUMERATION_##id,
    FIXED_ENUMERATIONS(X)
#undef X
        ENUMERATION_PEER,
    ENUMERATION_PRODUCT_PEER,
    ENUMERATION_PRODUCT,
    ENUMERATION_BRANCH,
    ENUMERATION_OCCUPATION,
    ENUMERATION_EDUCATION,
    ENUMERATION_MARITAL,
    ENUMERATION_CAMPAIGN,
    ENUMERATION_COUNT,
    ENUMERATION_NONE = ENUMERATION_COUNT
};

static const struct {
    enum enumeration id;
    enum bank_list list;
    const char *name;
} own_lists[] = {
    {ENUMERATION_BRANCH, BANK_LIST_BRANCH, "branch"},
    {ENUMERATION_OCCUPATION, BANK_LIST_OCCUPATION, "occupation"},
    {ENUMERATION_EDUCATION, BANK_LIST_EDUCATION, "education"},
    {ENUMERATION_MARITAL, BANK_LIST_MARITAL, "marital"},
    {ENUMERATION_CAMPAIGN, BANK_LIST_CAMPAIGN, "campaign"},
};

/* --- Getters' words ------------------------------------------------------------------------- */

static void put(struct expr_value *value, bool is_known, int64_t number)
{
    value->is_null = !is_known;
    value->as.integer = is_known ? number : 0;
}

static void put_real(struct expr_value *value, double real)
{
    value->is_null = isnan(real);
    value->as.real = real;
}

static void put_set(struct expr_value *value, const uint64_t *set)
{
    value->is_null = false;
    value->as.set = set;
}

static void put_amount(struct expr_value *value, int64_t fen)
{
    put(value, fen != BANK_NO_AMOUNT, fen);
}

static void put_day(struct expr_value *value, int32_t day)
{
    put(value, day >= LX_DAY_MIN && day <= LX_DAY_MAX, day);
}

static void put_code(const struct view_reading *r, enum enumeration id, int number,
                     struct expr_value *value);

static struct view_moment moment_of(const struct view_reading *r)
{
    return (struct view_moment){.as_of_ms = r->as_of_ms,
                                .day = r->today,
                                .utc_offset_minutes = r->context->utc_offset_minutes};
}

static void put_moment(const struct view_reading *r, int64_t at_ms, struct expr_value *value)
{
    struct view_moment moment = moment_of(r);
    put(value, at_ms != BANK_UNKNOWN_MS, view_day_of(&moment, at_ms));
}

/* Positions count from 0; what a later version of the program knows is NULL here. */
static void put_number(int number, int end, struct expr_value *value)
{
    put(value, number > 0 && number < end, number - 1);
}

static const struct bank_product *product_at(const struct view_reading *r, int product)
{
    return &r->context->catalogue->products[product];
}

static void put_category(const struct view_reading *r, int product, struct expr_value *value)
{
    int known = view_product_of(product, r->context->catalogue);
    put_number(known < 0 ? 0 : (int)product_at(r, known)->category, BANK_CATEGORY_END, value);
}

/* --- The table of fields -------------------------------------------------------------------- */

/* name, Chinese, type, enumeration, kind, getter: a statement over `r`, the reading, that gives
 * `v` a value. p is the profile, which the getter's kind says is there. */
/* clang-format off */
#define CUSTOMER_FIELDS(X)                                                                         \
    X(birth_date, "出生日期", DATE, NONE, FACT, put_day(v, r->facts->birth_day))                   \
    X(gender, "性别", ENUM, GENDER, PROFILE, put_number(p->gender, BANK_GENDER_MALE + 1, v))       \
    X(joined, "开户日期", DATE, NONE, PROFILE, put_day(v, p->joined_day))                          \
    X(branch, "网点", ENUM, BRANCH, FACT, put_code(r, ENUMERATION_BRANCH, r->facts->branch, v))    \
    X(occupation, "职业", ENUM, OCCUPATION, FACT,                                                  \
      put_code(r, ENUMERATION_OCCUPATION, r->facts->occupation, v))                                \
    X(education, "学历", ENUM, EDUCATION, PROFILE,                                                 \
      put_code(r, ENUMERATION_EDUCATION, p->education, v))                                         \
    X(marital, "婚姻状况", ENUM, MARITAL, PROFILE,                                                 \
      put_code(r, ENUMERATION_MARITAL, p->marital, v))                                             \
    X(income, "月收入", MONEY, NONE, PROFILE, put_amount(v, p->income_fen))                        \
    X(has_phone, "有手机号", BOOLEAN, NONE, PROFILE, put(v, p->has_phone <= 1, p->has_phone))      \
    X(risk_level, "风险等级", INTEGER, NONE, FACT,                                                 \
      put(v, r->facts->risk_level > 0, r->facts->risk_level))                                      \
    X(risk_expires, "测评到期日", DATE, NONE, FACT, put_moment(r, r->facts->risk_expires_ms, v))   \
    X(assets, "资产", MONEY, NONE, FACT, put_amount(v, r->facts->assets_fen))                      \
    X(is_overdue, "逾期", BOOLEAN, NONE, FACT, put(v, true, r->facts->is_overdue))                 \
    X(has_personal_consent, "同意个性化", BOOLEAN, NONE, FACT,                                     \
      put(v, true, r->facts->has_personal_consent))                                                \
    X(is_do_not_contact, "拒绝联系", BOOLEAN, NONE, FACT,                                          \
      put(v, true, r->facts->is_do_not_contact))                                                   \
    X(has_open_complaint, "有未结投诉", BOOLEAN, NONE, FACT,                                       \
      put(v, true, r->facts->has_open_complaint))                                                  \
    X(refused_channels, "拒绝的渠道", SET, CHANNEL, FACT, put_set(v, &r->refused_channels))        \
    X(held, "持有产品", SET, PRODUCT, FACT, put_set(v, r->facts->held))

/* q is the product. */
#define PRODUCT_FIELDS(X)                                                                          \
    X(product, "product", "产品", ENUM, PRODUCT, put(v, true, r->product))                         \
    X(category, "product.category", "产品类别", ENUM, CATEGORY,                                    \
      put_number((int)q->category, BANK_CATEGORY_END, v))                                          \
    X(risk, "product.risk", "产品风险", INTEGER, NONE, put(v, true, q->risk))                      \
    X(minimum, "product.minimum", "起购金额", MONEY, NONE, put_amount(v, r->terms.minimum_fen))    \
    X(rate, "product.rate", "产品利率", REAL, NONE, put_real(v, (double)r->terms.rate_ppm / 1e6))  \
    X(term_days, "product.term_days", "产品期限", INTEGER, NONE, put(v, true, r->terms.term_days)) \
    X(age_min, "product.age_min", "最低年龄", INTEGER, NONE, put(v, true, q->age_min))             \
    X(age_max, "product.age_max", "最高年龄", INTEGER, NONE, put(v, true, q->age_max))             \
    X(launched, "product.launched", "上市日期", DATE, NONE, put_day(v, q->launched_day))           \
    X(is_green, "product.is_green", "绿色产品", BOOLEAN, NONE, put(v, true, q->is_green))          \
    X(is_on_sale, "product.is_on_sale", "在售", BOOLEAN, NONE,                                     \
      put(v, true, q->status == BANK_PRODUCT_ON_SALE))

/* e is the row; `s` says that a value holds until the next row. In the order of the enum. */
#define EVENT_FIELDS(X)                                                                            \
    X(at, "时间", DATE, NONE, 0, put_moment(r, e->at_ms, v))                                       \
    X(day, "日期", DATE, NONE, 0, put_moment(r, e->at_ms, v))                                      \
    X(kind, "类型", ENUM, KIND, 0, put_number(e->kind, BANK_EVENT_KIND_END, v))                    \
    X(channel, "渠道", ENUM, CHANNEL, 0, put_number(e->channel, BANK_CHANNEL_END, v))              \
    X(merchant, "商户", ENUM, MERCHANT, 0, put_number(e->merchant, BANK_MERCHANT_END, v))          \
    X(product, "产品", ENUM, PRODUCT, 0, put_code(r, ENUMERATION_PRODUCT, e->product, v))          \
    X(category, "类别", ENUM, CATEGORY, 0, put_category(r, e->product, v))                         \
    X(amount, "金额", MONEY, NONE, 0, put_cut(v, e->amount_fen))                                   \
    X(balance, "余额", MONEY, NONE, 1, put_cut(v, e->balance_fen))                                 \
    X(quantity, "数量", INTEGER, NONE, 0, put(v, true, e->quantity))

#define OFFER_FIELDS(X)                                                                            \
    X(at, "时间", DATE, NONE, 0, put_moment(r, e->at_ms, v))                                       \
    X(answered, "答复日期", DATE, NONE, 0, put_answered(r, e, v))                                  \
    X(product, "产品", ENUM, PRODUCT, 0, put_code(r, ENUMERATION_PRODUCT, e->product, v))          \
    X(category, "类别", ENUM, CATEGORY, 0, put_category(r, e->product, v))                         \
    X(channel, "渠道", ENUM, CHANNEL, 0, put_number(e->channel, BANK_CHANNEL_END, v))              \
    X(answer, "答复", ENUM, ANSWER, 0, put_answer(r, e, v))                                        \
    X(campaign, "活动", ENUM, CAMPAIGN, 0, put_code(r, ENUMERATION_CAMPAIGN, e->campaign, v))      \
    X(is_random, "随机", BOOLEAN, NONE, 0, put(v, true, e->is_random != 0))

#define HOLDING_FIELDS(X)                                                                          \
    X(product, "产品", ENUM, PRODUCT, 0, put(v, true, e->product))                                 \
    X(category, "类别", ENUM, CATEGORY, 0, put_category(r, e->product, v))                         \
    X(matures, "到期日", DATE, NONE, 0, put_maturity(r, e, v))                                     \
    X(opened, "开通日期", DATE, NONE, 0, put_day(v, e->opened_day))                                \
    X(quantity, "数量", INTEGER, NONE, 0, put(v, true, e->count))
/* clang-format on */

enum {
#define X(name, zh, type, enumeration, kind, get) CUSTOMER_##name,
    CUSTOMER_FIELDS(X)
#undef X
        CUSTOMER_FIELD_COUNT
};

enum {
#define X(id, name, zh, type, enumeration, get) PRODUCT_##id,
    PRODUCT_FIELDS(X)
#undef X
        PRODUCT_FIELD_COUNT
};

enum {
#define X(name, zh, type, enumeration, is_state, get) EVENT_##name,
    EVENT_FIELDS(X)
#undef X
        EVENT_FIELD_COUNT
};

enum {
#define X(name, zh, type, enumeration, is_state, get) OFFER_##name,
    OFFER_FIELDS(X)
#undef X
        OFFER_FIELD_COUNT
};

enum {
#define X(name, zh, type, enumeration, is_state, get) HOLDING_##name,
    HOLDING_FIELDS(X)
#undef X
        HOLDING_FIELD_COUNT
};

_Static_assert((int)EVENT_FIELD_COUNT == (int)VIEW_EVENT_FIELD_COUNT, "one order");
_Static_assert((int)EVENT_kind == (int)VIEW_EVENT_KIND, "one order");
_Static_assert((int)EVENT_merchant == (int)VIEW_EVENT_MERCHANT, "one order");
_Static_assert((int)EVENT_amount == (int)VIEW_EVENT_AMOUNT, "one order");
_Static_assert((int)EVENT_quantity == (int)VIEW_EVENT_QUANTITY, "one order");

/* What a field is made of, before the schema is there. */
struct field_row {
    const char *name, *zh;
    enum expr_type type;
    enum enumeration enumeration;
    bool is_state;
    enum view_field_kind kind;
};

static const struct field_row customer_rows[] = {
#define X(name, zh, type, enumeration, kind, get)                                                  \
    {#name, zh, EXPR_##type, ENUMERATION_##enumeration, false, VIEW_FIELD_##kind},
    CUSTOMER_FIELDS(X)
#undef X
};

static const struct field_row product_rows[] = {
#define X(id, name, zh, type, enumeration, get)                                                    \
    {name, zh, EXPR_##type, ENUMERATION_##enumeration, false, VIEW_FIELD_FACT},
    PRODUCT_FIELDS(X)
#undef X
};

#define RELATION_ROW(name, zh, type, enumeration, is_state, get)                                   \
    {#name, zh, EXPR_##type, ENUMERATION_##enumeration, is_state, VIEW_FIELD_FACT},
static const struct field_row event_rows[] = {EVENT_FIELDS(RELATION_ROW)};
static const struct field_row offer_rows[] = {OFFER_FIELDS(RELATION_ROW)};
static const struct field_row holding_rows[] = {HOLDING_FIELDS(RELATION_ROW)};
#undef RELATION_ROW

static const struct {
    const char *name, *zh;
    const struct field_row *rows;
    size_t count;
} relation_rows[VIEW_RELATION_COUNT] = {
    [VIEW_EVENTS] = {"events", "事件", event_rows, LX_COUNT_OF(event_rows)},
    [VIEW_OFFERS] = {"offers", "触达", offer_rows, LX_COUNT_OF(offer_rows)},
    [VIEW_HOLDINGS] = {"holdings", "持仓", holding_rows, LX_COUNT_OF(holding_rows)},
};

/* --- The table of functions ----------------------------------------------------------------- */

/* Those of customer scope come first. Name, Chinese, result, parameter: type, enumeration, whether
 * it is written out, whether there may be several; and whether the peers are asked. */
/* clang-format off */
#define FUNCTIONS(X)                                                                               \
    X(age, "年龄", INTEGER, NULL, NONE, false, false, false)                                       \
    X(holds, "持有", BOOLEAN, ENUM, CATEGORY, false, true, false)                                  \
    X(holds_product, "持有该产品", BOOLEAN, ENUM, PRODUCT, false, true, false)                     \
    X(held_count, "持有数", INTEGER, ENUM, CATEGORY, false, true, false)                           \
    X(risk_allows, "风险匹配", BOOLEAN, ENUM, PRODUCT, false, false, false)                        \
    X(peer, "同类", REAL, ENUM, PEER, true, false, true)                                           \
    X(product_peer, "产品同类", REAL, ENUM, PRODUCT_PEER, true, false, true)                       \
    X(lift_max, "最大关联度", REAL, NULL, NONE, false, false, true)                                \
    X(lift_log_sum, "关联度合计", REAL, NULL, NONE, false, false, true)
/* clang-format on */

enum {
#define X(name, zh, result, type, enumeration, is_literal, is_variadic, is_peer) FUNCTION_##name,
    FUNCTIONS(X)
#undef X
        FUNCTION_COUNT,
    CUSTOMER_FUNCTION_COUNT = FUNCTION_product_peer
};

static const struct {
    const char *name, *zh;
    enum expr_type result, type;
    enum enumeration enumeration;
    bool is_literal, is_variadic, is_peer;
} function_rows[FUNCTION_COUNT] = {
#define X(name, zh, result, type, enumeration, is_literal, is_variadic, is_peer)                   \
    {#name,      zh,          EXPR_##result, EXPR_##type, ENUMERATION_##enumeration,               \
     is_literal, is_variadic, is_peer},
    FUNCTIONS(X)
#undef X
};

/* --- The schema ----------------------------------------------------------------------------- */

enum { FIELDS_MAX = CUSTOMER_FIELD_COUNT + PRODUCT_FIELD_COUNT + LX_FEATURES_MAX };

struct view_schema {
    struct expr_schema scopes[2];
    struct expr_enumeration enumerations[ENUMERATION_COUNT];
    struct expr_field fields[FIELDS_MAX];
    struct expr_field relation_fields[VIEW_RELATION_COUNT][VIEW_EVENT_FIELD_COUNT];
    struct expr_relation relations[VIEW_RELATION_COUNT];
    struct expr_function functions[FUNCTION_COUNT];
    size_t field_count, customer_count, pair_count; /* all; features of each scope */
    size_t first_product;                           /* SIZE_MAX before the seal */
    size_t cohort[3];                               /* SIZE_MAX: not known */
    struct lx_arena arena;
};

static enum lx_err out_of_memory(struct lx_error *err)
{
    return lx_fail(err, LX_ERR_NO_MEMORY, "schema: out of memory");
}

/* `zh` may be NULL, and so may one of its texts, which then is the code's. */
static enum lx_err make_codes(struct view_schema *schema, enum enumeration id, const char *name,
                              const char *const *texts, const char *const *zh, int count,
                              struct lx_error *err)
{
    if (count > CODES_MAX) count = CODES_MAX;
    const char **codes = lx_arena_array(&schema->arena, (size_t)count, sizeof *codes);
    const char **own_zh = lx_arena_array(&schema->arena, (size_t)count, sizeof *own_zh);
    if (codes == NULL || own_zh == NULL) return out_of_memory(err);
    for (int i = 0; i < count; i++) {
        codes[i] = own_zh[i] = lx_arena_strndup(&schema->arena, texts[i], strlen(texts[i]));
        if (zh != NULL && zh[i] != NULL)
            own_zh[i] = lx_arena_strndup(&schema->arena, zh[i], strlen(zh[i]));
        if (codes[i] == NULL || own_zh[i] == NULL) return out_of_memory(err);
    }
    schema->enumerations[id] =
        (struct expr_enumeration){name, codes, zh == NULL ? NULL : own_zh, (uint16_t)count, false};
    return LX_OK;
}

static enum lx_err make_products(struct view_schema *schema, const struct bank_catalogue *catalogue,
                                 struct lx_error *err)
{
    const char *codes[LX_PRODUCT_MAX], *zh[LX_PRODUCT_MAX];
    LX_ASSERT(catalogue->count <= LX_PRODUCT_MAX);
    for (size_t i = 0; i < catalogue->count; i++) {
        codes[i] = catalogue->products[i].code;
        zh[i] = catalogue->products[i].zh;
    }
    return make_codes(schema, ENUMERATION_PRODUCT, "product", codes, zh, (int)catalogue->count,
                      err);
}

static enum lx_err make_enumerations(struct view_schema *schema,
                                     const struct bank_catalogue *catalogue,
                                     const struct view_code_lists *lists, struct lx_error *err)
{
#define X(id, name, map)                                                                           \
    schema->enumerations[ENUMERATION_##id] =                                                       \
        (struct expr_enumeration){name, id##_codes, id##_zh, LX_COUNT_OF(id##_codes), false};
    FIXED_ENUMERATIONS(X)
    X(PEER, "peer", PEER_MAP)
    X(PRODUCT_PEER, "product_peer", PRODUCT_PEER_MAP)
#undef X
    enum lx_err code = make_products(schema, catalogue, err);
    for (size_t i = 0; i < LX_COUNT_OF(own_lists) && code == LX_OK; i++)
        code =
            make_codes(schema, own_lists[i].id, own_lists[i].name, lists->texts[own_lists[i].list],
                       NULL, lists->counts[own_lists[i].list], err);
    return code;
}

static const struct expr_enumeration *enumeration_at(const struct view_schema *schema,
                                                     enum enumeration id)
{
    return id == ENUMERATION_NONE ? NULL : &schema->enumerations[id];
}

static struct expr_field field_of(const struct view_schema *schema, const struct field_row *row)
{
    return (struct expr_field){row->name, row->zh, row->type,
                               enumeration_at(schema, row->enumeration), row->is_state};
}

static void make_relations(struct view_schema *schema)
{
    for (int i = 0; i < VIEW_RELATION_COUNT; i++) {
        for (size_t k = 0; k < relation_rows[i].count; k++)
            schema->relation_fields[i][k] = field_of(schema, &relation_rows[i].rows[k]);
        schema->relations[i] =
            (struct expr_relation){relation_rows[i].name, relation_rows[i].zh,
                                   schema->relation_fields[i], relation_rows[i].count};
    }
}

static void make_functions(struct view_schema *schema)
{
    for (int i = 0; i < FUNCTION_COUNT; i++) {
        bool has_parameter = function_rows[i].type != EXPR_NULL;
        schema->functions[i] = (struct expr_function){
            .name = function_rows[i].name,
            .zh = function_rows[i].zh,
            .result = function_rows[i].result,
            .parameter_count = has_parameter ? 1 : 0,
            .is_variadic = function_rows[i].is_variadic,
            .parameters = {{function_rows[i].type,
                            enumeration_at(schema, function_rows[i].enumeration),
                            function_rows[i].is_literal}},
        };
    }
}

static void make_scopes(struct view_schema *schema)
{
    for (size_t i = 0; i < LX_COUNT_OF(customer_rows); i++)
        schema->fields[schema->field_count++] = field_of(schema, &customer_rows[i]);
    for (int i = 0; i < 2; i++)
        schema->scopes[i] = (struct expr_schema){
            schema->fields,    schema->field_count,
            schema->functions, i == VIEW_PAIR ? FUNCTION_COUNT : CUSTOMER_FUNCTION_COUNT,
            schema->relations, VIEW_RELATION_COUNT,
        };
}

enum lx_err view_schema_open(const struct bank_catalogue *catalogue,
                             const struct view_code_lists *lists, struct view_schema **ret_schema,
                             struct lx_error *err)
{
    LX_ASSERT(catalogue != NULL && lists != NULL && ret_schema != NULL);

    struct view_schema *schema = lx_calloc(1, sizeof *schema);
    if (schema == NULL) return out_of_memory(err);
    schema->first_product = SIZE_MAX;
    for (int i = 0; i < 3; i++) schema->cohort[i] = SIZE_MAX;
    lx_arena_init(&schema->arena, TEXTS_MAX);
    enum lx_err code = make_enumerations(schema, catalogue, lists, err);
    if (code != LX_OK) {
        view_schema_close(schema);
        return code;
    }
    make_relations(schema);
    make_functions(schema);
    make_scopes(schema);
    *ret_schema = schema;
    return LX_OK;
}

enum lx_err view_schema_open_bank(struct bank *bank, struct view_schema **ret_schema,
                                  struct lx_error *err)
{
    LX_ASSERT(bank != NULL && ret_schema != NULL);

    struct view_code_lists lists = {0};
    struct lx_arena arena;
    enum lx_err code = LX_OK;
    lx_arena_init(&arena, TEXTS_MAX);
    for (size_t i = 0; i < LX_COUNT_OF(own_lists) && code == LX_OK; i++) {
        enum bank_list list = own_lists[i].list;
        code = bank_list_count(bank, list, &lists.counts[list], err);
        if (code != LX_OK) break;
        const char **texts = lx_arena_array(&arena, (size_t)lists.counts[list], sizeof *texts);
        if (texts == NULL) code = out_of_memory(err);
        for (int k = 0; k < lists.counts[list] && code == LX_OK; k++)
            code = bank_list_text(bank, list, k, &texts[k], err);
        lists.texts[list] = texts;
    }
    if (code == LX_OK) code = view_schema_open(bank_catalogue(bank), &lists, ret_schema, err);
    lx_arena_release(&arena);
    return code;
}

void view_schema_close(struct view_schema *schema)
{
    if (schema == NULL) return;
    lx_arena_release(&schema->arena);
    lx_free(schema);
}

static void append_field(struct view_schema *schema, struct expr_field field)
{
    LX_ASSERT(schema->field_count < FIELDS_MAX);
    schema->fields[schema->field_count++] = field;
    schema->scopes[VIEW_PAIR].field_count = schema->field_count;
    if (schema->first_product == SIZE_MAX)
        schema->scopes[VIEW_CUSTOMER].field_count = schema->field_count;
}

enum lx_err view_schema_add(struct view_schema *schema, enum view_scope scope, const char *name,
                            const char *zh, enum expr_type type,
                            const struct expr_enumeration *enumeration, struct lx_error *err)
{
    LX_ASSERT(schema != NULL && name != NULL);
    LX_ASSERT((scope == VIEW_PAIR) == (schema->first_product != SIZE_MAX));

    if (schema->customer_count + schema->pair_count == LX_FEATURES_MAX)
        return lx_fail(err, LX_ERR_LIMIT, "%s: more than %d features", name, LX_FEATURES_MAX);
    struct expr_field field = {.type = type, .enumeration = enumeration};
    field.name = lx_arena_strndup(&schema->arena, name, strlen(name));
    if (zh != NULL) field.zh = lx_arena_strndup(&schema->arena, zh, strlen(zh));
    if (field.name == NULL || (zh != NULL && field.zh == NULL)) return out_of_memory(err);
    append_field(schema, field);
    if (scope == VIEW_CUSTOMER)
        schema->customer_count++;
    else
        schema->pair_count++;
    return LX_OK;
}

void view_schema_seal(struct view_schema *schema)
{
    LX_ASSERT(schema->first_product == SIZE_MAX);

    schema->first_product = schema->field_count;
    for (size_t i = 0; i < LX_COUNT_OF(product_rows); i++)
        append_field(schema, field_of(schema, &product_rows[i]));
}

const struct expr_schema *view_schema_scope(const struct view_schema *schema, enum view_scope scope)
{
    LX_ASSERT(scope == VIEW_CUSTOMER || schema->first_product != SIZE_MAX);
    return &schema->scopes[scope];
}

enum view_field_kind view_schema_field_kind(const struct view_schema *schema, size_t field,
                                            size_t *ret_place)
{
    LX_ASSERT(field < schema->field_count && ret_place != NULL);

    *ret_place = 0;
    if (field < CUSTOMER_FIELD_COUNT) return customer_rows[field].kind;
    if (field < schema->first_product) {
        *ret_place = field - CUSTOMER_FIELD_COUNT;
        return VIEW_FIELD_CUSTOMER_FEATURE;
    }
    size_t beyond = field - schema->first_product;
    if (beyond < PRODUCT_FIELD_COUNT) return VIEW_FIELD_FACT;
    *ret_place = beyond - PRODUCT_FIELD_COUNT;
    return VIEW_FIELD_PAIR_FEATURE;
}

size_t view_schema_own_count(void)
{
    return CUSTOMER_FIELD_COUNT;
}

const char *view_schema_own_names(void)
{
#define X(name, zh, type, enumeration, kind, get) #name " " #type " "
    return CUSTOMER_FIELDS(X);
#undef X
}

bool view_schema_asks_held(const struct bank_catalogue *catalogue, size_t function,
                           const struct expr_value *arguments, size_t argument_count,
                           uint64_t ret_products[(LX_PRODUCT_MAX + 63) / 64])
{
    if (function != FUNCTION_holds && function != FUNCTION_holds_product) return false;
    memset(ret_products, 0, (LX_PRODUCT_MAX + 63) / 64 * sizeof *ret_products);
    for (size_t i = 0; i < argument_count; i++)
        for (size_t product = 0; product < catalogue->count && !arguments[i].is_null; product++) {
            int64_t value = function == FUNCTION_holds_product
                                ? (int64_t)product
                                : (int64_t)catalogue->products[product].category - 1;
            if (value == arguments[i].as.integer)
                ret_products[product / 64] |= (uint64_t)1 << (product % 64);
        }
    return true;
}

bool view_schema_asks_peers(size_t function)
{
    LX_ASSERT(function < FUNCTION_COUNT);
    return function_rows[function].is_peer;
}

void view_schema_set_cohort(struct view_schema *schema, const size_t places[3])
{
    for (int i = 0; i < 3; i++) schema->cohort[i] = places[i];
}

/* --- Values --------------------------------------------------------------------------------- */

float view_value_to_float(const struct expr_value *value, enum expr_type type)
{
    if (value->is_null) return NAN;
    return type == EXPR_REAL ? (float)value->as.real : (float)value->as.integer;
}

struct expr_value view_value_of_float(float value, enum expr_type type)
{
    const float most = 9223371487098961920.0F; /* the largest below 2^63 */
    struct expr_value ret = {.is_null = isnan(value)};
    if (ret.is_null) return ret;
    if (type == EXPR_REAL)
        ret.as.real = (double)value;
    else if (value > most || value < -most)
        ret.is_null = true;
    else
        ret.as.integer = (int64_t)value;
    return ret;
}

static void put_code(const struct view_reading *r, enum enumeration id, int number,
                     struct expr_value *value)
{
    put(value, number >= 0 && number < r->schema->enumerations[id].value_count, number);
}

static void put_cut(struct expr_value *value, int64_t fen)
{
    put(value, fen != BANK_NO_AMOUNT, view_cut(fen));
}

/* An answer that is not known yet, or was taken back, is none. */
static void put_answer(const struct view_reading *r, const struct bank_exposure *exposure,
                       struct expr_value *value)
{
    struct view_moment moment = moment_of(r);
    bool is_known = view_answer_is_known(&moment, exposure);
    put_number(is_known ? exposure->answer : 0, BANK_ANSWER_RETRACTED + 1, value);
}

/* Of a product with a term, a holding of known age. */
static void put_maturity(const struct view_reading *r, const struct view_holding *holding,
                         struct expr_value *value)
{
    int term_days = bank_terms_as_of(product_at(r, holding->product), r->as_of_ms).term_days;
    bool is_known = holding->opened_day != INT32_MIN && term_days > 0;
    put_day(value, is_known ? holding->opened_day + term_days : INT32_MIN);
}

static void put_answered(const struct view_reading *r, const struct bank_exposure *exposure,
                         struct expr_value *value)
{
    struct view_moment moment = moment_of(r);
    bool is_known = view_answer_is_known(&moment, exposure);
    put_moment(r, is_known ? exposure->answer_known_at_ms : BANK_UNKNOWN_MS, value);
}

void view_reading_begin(const struct view_schema *schema, const struct view_context *context,
                        const struct view_facts *facts, const struct bank_profile *profile,
                        int64_t as_of_ms, const float *customer_values,
                        struct view_reading *ret_reading)
{
    LX_ASSERT(schema != NULL && context != NULL && context->catalogue != NULL && facts != NULL);

    *ret_reading = (struct view_reading){
        .schema = schema,
        .context = context,
        .facts = facts,
        .profile = profile,
        .as_of_ms = as_of_ms,
        .today = lx_day_of_ms(as_of_ms, context->utc_offset_minutes),
        .customer_values = customer_values,
        .product = BANK_NO_PRODUCT,
        .cohort = PEERS_NO_GROUP,
        .branch = PEERS_NO_GROUP,
        .occupation = PEERS_NO_GROUP,
        .refused_channels = facts->refused_channels >> 1,
    };
}

void view_reading_find_peers(struct view_reading *reading)
{
    const struct view_peers *peers = reading->context->peers;
    const size_t *cohort = reading->schema->cohort;
    if (peers == NULL) return;
    if (cohort[0] != SIZE_MAX && reading->customer_values != NULL)
        reading->cohort = view_peers_cohort_group(reading->customer_values[cohort[0]],
                                                  reading->customer_values[cohort[1]],
                                                  reading->customer_values[cohort[2]]);
    reading->branch = view_peers_branch_group(peers, reading->facts->branch);
    reading->occupation = view_peers_occupation_group(peers, reading->facts->occupation);
}

void view_reading_turn(struct view_reading *reading, int product, const float *pair_values)
{
    LX_ASSERT(product >= 0 && (size_t)product < reading->context->catalogue->count);

    reading->product = product;
    reading->terms = bank_terms_as_of(product_at(reading, product), reading->as_of_ms);
    reading->pair_values = pair_values;
}

/* --- Fields --------------------------------------------------------------------------------- */

/* A customer of whom no profile is known. */
static const struct bank_profile nobody = {
    .birth_day = INT32_MIN,
    .joined_day = INT32_MIN,
    .has_phone = 2,
    .branch = -1,
    .occupation = -1,
    .education = -1,
    .marital = -1,
    .income_fen = BANK_NO_AMOUNT,
};

static void read_customer(const struct view_reading *r, size_t field, struct expr_value *v)
{
    const struct bank_profile *p = r->profile == NULL ? &nobody : r->profile;
    switch (field) {
#define X(name, zh, type, enumeration, kind, get)                                                  \
    case CUSTOMER_##name: get; return;
        CUSTOMER_FIELDS(X)
#undef X
    default: lx_bug(__FILE__, __LINE__, "field");
    }
}

static void read_product(const struct view_reading *r, size_t field, struct expr_value *v)
{
    const struct bank_product *q = product_at(r, r->product);
    switch (field) {
#define X(id, name, zh, type, enumeration, get)                                                    \
    case PRODUCT_##id: get; return;
        PRODUCT_FIELDS(X)
#undef X
    default: lx_bug(__FILE__, __LINE__, "field");
    }
}

enum lx_err view_reading_field(void *reading, size_t field, struct expr_value *ret_value,
                               struct lx_error *err)
{
    const struct view_reading *r = reading;
    const struct view_schema *schema = r->schema;
    if (field < CUSTOMER_FIELD_COUNT) {
        read_customer(r, field, ret_value);
    } else if (field < CUSTOMER_FIELD_COUNT + schema->customer_count) {
        float value = r->customer_values[field - CUSTOMER_FIELD_COUNT];
        *ret_value = view_value_of_float(value, schema->fields[field].type);
    } else if (field < schema->first_product + PRODUCT_FIELD_COUNT) {
        LX_ASSERT(r->product >= 0);
        read_product(r, field - schema->first_product, ret_value);
    } else {
        float value = r->pair_values[field - schema->first_product - PRODUCT_FIELD_COUNT];
        *ret_value = view_value_of_float(value, schema->fields[field].type);
    }
    return LX_OK;
}

static void read_event(const struct view_reading *r, size_t field, struct expr_value *v)
{
    const struct bank_event *e = r->row;
    switch (field) {
#define X(name, zh, type, enumeration, is_state, get)                                              \
    case EVENT_##name: get; return;
        EVENT_FIELDS(X)
#undef X
    default: lx_bug(__FILE__, __LINE__, "field of events");
    }
}

static void read_offer(const struct view_reading *r, size_t field, struct expr_value *v)
{
    const struct bank_exposure *e = r->row;
    switch (field) {
#define X(name, zh, type, enumeration, is_state, get)                                              \
    case OFFER_##name: get; return;
        OFFER_FIELDS(X)
#undef X
    default: lx_bug(__FILE__, __LINE__, "field of offers");
    }
}

static void read_holding(const struct view_reading *r, size_t field, struct expr_value *v)
{
    const struct view_holding *e = r->row;
    switch (field) {
#define X(name, zh, type, enumeration, is_state, get)                                              \
    case HOLDING_##name: get; return;
        HOLDING_FIELDS(X)
#undef X
    default: lx_bug(__FILE__, __LINE__, "field of holdings");
    }
}

enum lx_err view_reading_relation_field(void *reading, size_t relation, size_t field,
                                        struct expr_value *ret_value, struct lx_error *err)
{
    const struct view_reading *r = reading;
    switch ((enum view_relation)relation) {
    case VIEW_EVENTS: read_event(r, field, ret_value); break;
    case VIEW_OFFERS: read_offer(r, field, ret_value); break;
    case VIEW_HOLDINGS: read_holding(r, field, ret_value); break;
    case VIEW_RELATION_COUNT: lx_bug(__FILE__, __LINE__, "relation");
    }
    return LX_OK;
}

/* --- Functions ------------------------------------------------------------------------------ */

static int64_t held_of(const struct view_reading *r, const struct expr_value *arguments,
                       size_t count)
{
    const struct bank_catalogue *catalogue = r->context->catalogue;
    unsigned wanted = 0;
    int64_t held = 0;
    for (size_t i = 0; i < count; i++)
        if (!arguments[i].is_null) wanted |= 1U << (arguments[i].as.integer + 1);
    for (size_t word = 0; word < LX_COUNT_OF(r->facts->held); word++)
        for (uint64_t bits = r->facts->held[word]; bits != 0; bits &= bits - 1) {
            size_t product = word * 64 + (size_t)__builtin_ctzll(bits);
            if (product < catalogue->count)
                held += wanted >> catalogue->products[product].category & 1;
        }
    return held;
}

static bool holds_any(const struct view_reading *r, const struct expr_value *arguments,
                      size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!arguments[i].is_null && view_holds(r->facts, (int)arguments[i].as.integer))
            return true;
    return false;
}

/* Without a valid assessment only what anybody may have. */
static bool risk_allows(const struct view_reading *r, int64_t product)
{
    int level = r->facts->risk_level > 0 ? r->facts->risk_level : 1;
    return product_at(r, (int)product)->risk <= level;
}

static double peer_of(const struct view_reading *r, int64_t rate)
{
    const struct view_peers *peers = r->context->peers;
    if (peers == NULL) return (double)NAN;
    switch (rate) {
    case 0: return (double)view_peers_rates(peers, r->cohort)[PEERS_BEYOND_SAVINGS];
    case 1: return (double)view_peers_rates(peers, r->cohort)[PEERS_CUSTOMERS];
    case 2: return (double)view_peers_rates(peers, r->branch)[PEERS_BEYOND_SAVINGS];
    default:
        if (r->branch == PEERS_NO_GROUP) return (double)NAN;
        return peers->counts[(size_t)r->branch * peers->stride + PEERS_CUSTOMERS];
    }
}

/* Peers may be older than the newest product. */
static bool has_peers(const struct view_reading *r)
{
    return r->context->peers != NULL && (size_t)r->product < r->context->peers->product_count;
}

static double product_peer_of(const struct view_reading *r, int64_t rate)
{
    static const uint8_t counts[] = {
        PEERS_HOLDERS, PEERS_OPENED_30D, PEERS_OPENED_365D, PEERS_HOLDERS,     PEERS_OPENED_30D,
        PEERS_HOLDERS, PEERS_HOLDERS,    PEERS_OPENED_30D,  PEERS_OPENED_365D,
    };
    if (!has_peers(r)) return (double)NAN;
    int group = rate < 3    ? r->cohort
                : rate < 5  ? r->branch
                : rate == 5 ? r->occupation
                            : PEERS_NO_GROUP;
    const float *rates = view_peers_rates(r->context->peers, group);
    return (double)view_peers_rate(rates, r->product, counts[rate]);
}

/* The strongest tie to a product held, or all of them together; of none NaN and 0. */
static double lift_of(const struct view_reading *r, bool is_sum)
{
    float best = NAN, sum = 0;
    if (!has_peers(r)) return (double)NAN;
    const struct view_peers *peers = r->context->peers;
    for (size_t word = 0; word < LX_COUNT_OF(r->facts->held); word++)
        for (uint64_t bits = r->facts->held[word]; bits != 0; bits &= bits - 1) {
            size_t a = word * 64 + (size_t)__builtin_ctzll(bits);
            if (a >= peers->product_count || a == (size_t)r->product) continue;
            size_t cell = a * peers->product_count + (size_t)r->product;
            if (!(best >= peers->lifts[cell])) best = peers->lifts[cell];
            sum += peers->lift_logs[cell];
        }
    return (double)(is_sum ? sum : best);
}

enum lx_err view_reading_call(void *reading, size_t function, const struct expr_value *arguments,
                              size_t argument_count, struct expr_value *ret_value,
                              struct lx_error *err)
{
    const struct view_reading *r = reading;
    switch (function) {
    case FUNCTION_age: put(ret_value, r->facts->age >= 0, r->facts->age); break;
    case FUNCTION_holds: put(ret_value, true, held_of(r, arguments, argument_count) > 0); break;
    case FUNCTION_holds_product:
        put(ret_value, true, holds_any(r, arguments, argument_count));
        break;
    case FUNCTION_held_count: put(ret_value, true, held_of(r, arguments, argument_count)); break;
    case FUNCTION_risk_allows:
        if (arguments[0].is_null)
            put(ret_value, false, 0);
        else
            put(ret_value, true, risk_allows(r, arguments[0].as.integer));
        break;
    case FUNCTION_peer: put_real(ret_value, peer_of(r, arguments[0].as.integer)); break;
    case FUNCTION_product_peer:
        put_real(ret_value, product_peer_of(r, arguments[0].as.integer));
        break;
    case FUNCTION_lift_max: put_real(ret_value, lift_of(r, false)); break;
    case FUNCTION_lift_log_sum: put_real(ret_value, lift_of(r, true)); break;
    default: lx_bug(__FILE__, __LINE__, "function");
    }
    return LX_OK;
}

static enum lx_err no_window(void *context, const struct expr_window *window,
                             struct expr_value *ret_value, struct lx_error *err)
{
    return lx_fail(err, LX_ERR_REFUSED, "a window where there is no history");
}

struct expr_row view_reading_row(struct view_reading *reading)
{
    return (struct expr_row){reading,           reading->today, view_reading_field,
                             view_reading_call, no_window,      view_reading_relation_field};
}
