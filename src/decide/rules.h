#ifndef DECIDE_RULES_H
#define DECIDE_RULES_H

/*
 * rules: may this product be offered to this customer? A hard gate before every model.
 *
 * The answer is the first rule in the order below that refuses, or RULE_NONE. Names are stable:
 * they reach the journal and API clients. The limits come from rules.ini.
 * The customer is seen as of the snapshot's moment (facts); answers given since come beside him.
 * What is not known never opens the gate: no valid assessment means the lowest risk only, an
 * unknown age only products for every age. Unknown assets refuse nothing: the minimum amount
 * protects nobody, it only spares an offer that cannot be taken; so it is held against the highest
 * balance of the last 90 days.
 *
 * Ownership: plain values. Errors: LX_ERR_BAD_INPUT with file, line and name.
 * Threads:   pure functions.
 */

#include "view/feature.h"

#define RULE_MAP(X)                                                                                \
    X(NONE, "", "", "")                                                                            \
    X(DO_NOT_CONTACT, "do_not_contact", "客户已要求不再营销",                                      \
      "the customer asked not to be contacted")                                                    \
    X(CHANNEL_REFUSED, "channel_refused", "客户未同意通过该渠道营销",                              \
      "no consent to offers through this channel")                                                 \
    X(OPEN_COMPLAINT, "open_complaint", "客户有未办结的投诉，暂不营销",                            \
      "a complaint is still open: no offers until it is closed")                                   \
    X(ALREADY_HOLDS, "already_holds", "客户已持有该产品", "the customer holds it already")         \
    X(NOT_ON_SALE, "not_on_sale", "产品已停售", "the product is no longer sold")                   \
    X(NOT_LAUNCHED, "not_launched", "产品尚未上市", "the product is not launched yet")             \
    X(RISK_ABOVE_LEVEL, "risk_above_level", "产品风险等级高于客户风险承受能力",                    \
      "its risk is above the customer's assessed level")                                           \
    X(ASSESSMENT_MISSING_OR_EXPIRED, "assessment_missing_or_expired",                              \
      "客户没有有效的风险测评，只能推荐最低风险产品",                                              \
      "no valid risk assessment: lowest risk only")                                                \
    X(AGE_OUT_OF_RANGE, "age_out_of_range", "客户年龄不在产品适用范围内",                          \
      "the customer's age is outside the product's range")                                         \
    X(AGE_UNKNOWN, "age_unknown", "客户出生日期缺失，无法确认年龄适用性",                          \
      "the birth date is missing: the age range cannot be checked")                                \
    X(OVER_65_HIGH_RISK, "over_65_high_risk", "高龄客户不推荐高风险产品",                          \
      "no high risk for customers of this age")                                                    \
    X(OVERDUE_NO_CREDIT, "overdue_no_credit", "客户有逾期，不推荐信贷产品",                        \
      "a payment is overdue: no offer of credit")                                                  \
    X(MINIMUM_ABOVE_ASSETS, "minimum_above_assets", "客户资产低于起购金额",                        \
      "the minimum amount is above the customer's assets")                                         \
    X(ANSWERED_RECENTLY, "answered_recently", "客户近期已就该产品作出答复",                        \
      "the customer has answered about it recently")                                               \
    X(SHOWN_BEFORE, "shown_before", "该产品在第一轮已展示", "it was shown in the first round")

enum rule {
#define X(name, text, zh, en) RULE_##name,
    RULE_MAP(X)
#undef X
        RULE_COUNT
};
const char *rule_name(enum rule rule); /* "risk_above_level"; "" for NONE */
const char *rule_zh(enum rule rule);
const char *rule_en(enum rule rule);
/* RULE_NONE if there is no such name. */
enum rule rule_find(const char *name, size_t length);

struct rules {
    int unassessed_max_risk, senior_age, senior_max_risk;
    bool is_overdue_refused, is_complaint_refused;
    uint32_t minimum_categories;              /* bit by category */
    int rest_days[BANK_ANSWER_RETRACTED + 1]; /* by answer */
    uint8_t hash[32];                         /* SHA-256 of the file */
};

LX_MUST_USE enum lx_err rules_parse(const char *file, const char *bytes, size_t length,
                                    struct rules *ret_rules, struct lx_error *err);

/* One question to the rules. */
struct rule_case {
    const struct bank_product *product;
    const struct view_facts *facts;
    int64_t assets_fen;        /* the most that he had of late; BANK_NO_AMOUNT unknown */
    bool is_held;              /* by the facts or by an answer */
    bool is_shown_before;      /* in the round that this one follows */
    int32_t as_of_day;         /* of the facts */
    enum bank_channel channel; /* where the offer is made; NONE: nowhere in particular */
    enum bank_answer answer;   /* the last one about this product that stands; NONE */
    int64_t answered_ms, now_ms;
};
enum rule rules_check(const struct rules *rules, const struct rule_case *question);

#endif
