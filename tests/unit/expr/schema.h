#ifndef TESTS_UNIT_EXPR_SCHEMA_H
#define TESTS_UNIT_EXPR_SCHEMA_H

/*
 * schema: one small bank that the tests of expr speak of: a customer with a field of each type,
 * functions, two relations, and a row of values for them. The same stands in
 * docs/reference/expressions.md, whose examples are run against it.
 */

#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "expr/expr.h"

static const char *const channel_codes[] = {"counter", "mobile", "web", "phone"};
static const char *const channel_zh[] = {"柜面", "手机", "网银", "电话"};
static const struct expr_enumeration channels = {"channel", channel_codes, channel_zh, 4, false};

static const char *const risk_codes[] = {"R1", "R2", "R3", "R4", "R5"};
static const struct expr_enumeration risks = {"risk", risk_codes, NULL, 5, true};

static const char *const category_codes[] = {"savings", "credit", "wealth", "protection",
                                             "payment"};
static const char *const category_zh[] = {"存款", "信贷", "理财", "保险", "支付"};
static const struct expr_enumeration categories = {"category", category_codes, category_zh, 5,
                                                   false};

static const char *const kind_codes[] = {"login", "transfer_in", "transfer_out", "page_view"};
static const char *const kind_zh[] = {"登录", "转入", "转出", "浏览"};
static const struct expr_enumeration kinds = {"kind", kind_codes, kind_zh, 4, false};

enum {
    FIELD_ASSETS,
    FIELD_DEBT,
    FIELD_CHILDREN,
    FIELD_TERM,
    FIELD_SCORE,
    FIELD_RATE,
    FIELD_OPENED,
    FIELD_CLOSED,
    FIELD_CITY,
    FIELD_NAME,
    FIELD_CHANNEL,
    FIELD_RISK,
    FIELD_PRODUCT_RISK,
    FIELD_HOLDINGS,
    FIELD_IS_STAFF,
    FIELD_IS_MARRIED,
    FIELD_COUNT
};

static const struct expr_field customer_fields[] = {
    [FIELD_ASSETS] = {"assets", "资产", EXPR_MONEY, NULL, false},
    [FIELD_DEBT] = {"debt", "负债", EXPR_MONEY, NULL, false},
    [FIELD_CHILDREN] = {"children", "子女数", EXPR_INTEGER, NULL, false},
    [FIELD_TERM] = {"term", "期限", EXPR_INTEGER, NULL, false},
    [FIELD_SCORE] = {"score", "评分", EXPR_REAL, NULL, false},
    [FIELD_RATE] = {"rate", "利率", EXPR_REAL, NULL, false},
    [FIELD_OPENED] = {"opened", "开户日", EXPR_DATE, NULL, false},
    [FIELD_CLOSED] = {"closed", "销户日", EXPR_DATE, NULL, false},
    [FIELD_CITY] = {"city", "城市", EXPR_STRING, NULL, false},
    [FIELD_NAME] = {"name", "姓名", EXPR_STRING, NULL, false},
    [FIELD_CHANNEL] = {"channel", "渠道", EXPR_ENUM, &channels, false},
    [FIELD_RISK] = {"risk", "风险等级", EXPR_ENUM, &risks, false},
    [FIELD_PRODUCT_RISK] = {"product.risk", NULL, EXPR_ENUM, &risks, false},
    [FIELD_HOLDINGS] = {"holdings", "持有", EXPR_SET, &categories, false},
    [FIELD_IS_STAFF] = {"is_staff", "是员工", EXPR_BOOLEAN, NULL, false},
    [FIELD_IS_MARRIED] = {"is_married", NULL, EXPR_BOOLEAN, NULL, false},
};

static const struct expr_field event_fields[] = {
    {"amount", "金额", EXPR_MONEY, NULL, false},      {"kind", "种类", EXPR_ENUM, &kinds, false},
    {"channel", "渠道", EXPR_ENUM, &channels, false}, {"at", "日期", EXPR_DATE, NULL, false},
    {"seconds", "秒数", EXPR_INTEGER, NULL, false},   {"balance", "余额", EXPR_MONEY, NULL, true},
    {"page", "页面", EXPR_STRING, NULL, false},       {"speed", NULL, EXPR_REAL, NULL, false},
};

static const struct expr_field offer_fields[] = {
    {"amount", "金额", EXPR_MONEY, NULL, false},
    {"is_accepted", "已接受", EXPR_BOOLEAN, NULL, false},
    {"risk", NULL, EXPR_ENUM, &risks, false},
};

static const struct expr_relation relations[] = {
    {"events", "事件", event_fields, LX_COUNT_OF(event_fields)},
    {"offers", "推荐", offer_fields, LX_COUNT_OF(offer_fields)},
};

enum { CALL_AGE, CALL_HOLDS, CALL_RISK_ALLOWS, CALL_SPREAD, CALL_COUNT };

static const struct expr_function functions[] = {
    [CALL_AGE] = {.name = "age", .zh = "年龄", .result = EXPR_INTEGER},
    [CALL_HOLDS] = {.name = "holds",
                    .zh = "持有类别",
                    .result = EXPR_BOOLEAN,
                    .parameter_count = 1,
                    .is_variadic = true,
                    .parameters = {{EXPR_ENUM, &categories, true}}},
    [CALL_RISK_ALLOWS] = {.name = "risk_allows",
                          .zh = "风险允许",
                          .result = EXPR_BOOLEAN,
                          .parameter_count = 1,
                          .parameters = {{EXPR_ENUM, &risks, false}}},
    [CALL_SPREAD] = {.name = "spread",
                     .result = EXPR_REAL,
                     .parameter_count = 2,
                     .parameters = {{EXPR_REAL, NULL, false}, {EXPR_REAL, NULL, false}}},
};

static const struct expr_schema schema = {customer_fields, LX_COUNT_OF(customer_fields),
                                          functions,       LX_COUNT_OF(functions),
                                          relations,       LX_COUNT_OF(relations)};

/* --- A row ------------------------------------------------------------------------------------ */

struct bank_row {
    struct expr_value fields[FIELD_COUNT];
    struct expr_value event[LX_COUNT_OF(event_fields)];
    struct expr_value windows[EXPR_WINDOWS_MAX]; /* by number of the window */
    const struct expr *expr;
    uint64_t holdings;
    int age;
};

static inline struct expr_value integer_value(int64_t value)
{
    return (struct expr_value){.as.integer = value};
}

static inline struct expr_value real_value(double value)
{
    return (struct expr_value){.as.real = value};
}

static inline struct expr_value string_value(const char *text)
{
    return (struct expr_value){.as.string = {text, strlen(text)}};
}

static inline struct expr_value null_value(void)
{
    return (struct expr_value){.is_null = true};
}

static inline int32_t day_of(int year, int month, int day)
{
    return lx_day_of_civil((struct lx_civil){year, month, day});
}

/* The customer of the documentation; `debt`, `closed` and `is_married` are null. */
static inline void bank_row_init(struct bank_row *row)
{
    *row = (struct bank_row){.holdings = 1U << 0 | 1U << 2, .age = 36};
    row->fields[FIELD_ASSETS] = integer_value(12345678); /* 123,456.78 */
    row->fields[FIELD_DEBT] = null_value();
    row->fields[FIELD_CHILDREN] = integer_value(2);
    row->fields[FIELD_TERM] = integer_value(7);
    row->fields[FIELD_SCORE] = real_value(0.25);
    row->fields[FIELD_RATE] = real_value(2.5);
    row->fields[FIELD_OPENED] = integer_value(day_of(2024, 1, 31));
    row->fields[FIELD_CLOSED] = null_value();
    row->fields[FIELD_CITY] = string_value("杭州市");
    row->fields[FIELD_NAME] = string_value("Wang_Wei");
    row->fields[FIELD_CHANNEL] = integer_value(1);
    row->fields[FIELD_RISK] = integer_value(2);
    row->fields[FIELD_PRODUCT_RISK] = integer_value(3);
    row->fields[FIELD_HOLDINGS].as.set = &row->holdings;
    row->fields[FIELD_IS_STAFF] = integer_value(0);
    row->fields[FIELD_IS_MARRIED] = null_value();
    row->event[0] = integer_value(50000);
    row->event[1] = integer_value(1);
    row->event[2] = integer_value(0);
    row->event[3] = integer_value(day_of(2026, 2, 10));
    row->event[4] = integer_value(40);
    row->event[5] = integer_value(1000000);
    row->event[6] = string_value("/wealth/P07");
    row->event[7] = real_value(1.5);
}

static inline enum lx_err bank_field(void *context, size_t field, struct expr_value *ret_value,
                                     struct lx_error *err)
{
    (void)err;
    *ret_value = ((const struct bank_row *)context)->fields[field];
    return LX_OK;
}

static inline enum lx_err bank_relation_field(void *context, size_t relation, size_t field,
                                              struct expr_value *ret_value, struct lx_error *err)
{
    (void)err;
    LX_ASSERT(relation == 0);
    *ret_value = ((const struct bank_row *)context)->event[field];
    return LX_OK;
}

static inline enum lx_err bank_call(void *context, size_t function,
                                    const struct expr_value *arguments, size_t argument_count,
                                    struct expr_value *ret_value, struct lx_error *err)
{
    const struct bank_row *row = context;
    (void)err;
    for (size_t i = 0; i < argument_count; i++)
        if (arguments[i].is_null) {
            *ret_value = null_value();
            return LX_OK;
        }
    bool holds_one = false;
    for (size_t i = 0; function == CALL_HOLDS && i < argument_count; i++)
        holds_one = holds_one || (row->holdings >> arguments[i].as.integer & 1) != 0;
    if (function == CALL_AGE) *ret_value = integer_value(row->age);
    if (function == CALL_HOLDS) *ret_value = integer_value(holds_one);
    if (function == CALL_RISK_ALLOWS)
        *ret_value = integer_value(arguments[0].as.integer <= row->fields[FIELD_RISK].as.integer);
    if (function == CALL_SPREAD)
        *ret_value = real_value(arguments[0].as.real - arguments[1].as.real);
    return LX_OK;
}

static inline enum lx_err bank_window(void *context, const struct expr_window *window,
                                      struct expr_value *ret_value, struct lx_error *err)
{
    const struct bank_row *row = context;
    (void)err;
    for (size_t i = 0; i < expr_window_count(row->expr); i++)
        if (expr_window_at(row->expr, i) == window) *ret_value = row->windows[i];
    return LX_OK;
}

/* As of 2026-03-01. */
static inline struct expr_row bank_expr_row(struct bank_row *row)
{
    return (struct expr_row){.context = row,
                             .today = day_of(2026, 3, 1),
                             .field = bank_field,
                             .call = bank_call,
                             .window = bank_window,
                             .relation_field = bank_relation_field};
}

#endif
