#ifndef BANK_TYPES_H
#define BANK_TYPES_H

/*
 * types: the canonical model as plain structs. Every fact carries `at_ms`, when it happened, and
 * `known_at_ms`, when the bank's systems could first know it; at most times the next day.
 *
 * Enumerations are X-macro tables: (name, stable number, text in files and JSON, zh, en). Numbers
 * are stored in the database: append, never reuse.
 */

#include "base/base.h"
#include "base/limits.h"

#define BANK_EVENT_KIND_MAP(X)                                                                     \
    X(SALARY, 1, "salary", "工资入账", "salary received")                                          \
    X(TRANSFER_IN, 2, "transfer_in", "转入", "transfer in")                                        \
    X(TRANSFER_OUT, 3, "transfer_out", "转出", "transfer out")                                     \
    X(CARD_PAYMENT, 4, "card_payment", "刷卡消费", "card payment")                                 \
    X(CASH_IN, 5, "cash_in", "存现", "cash deposit")                                               \
    X(CASH_OUT, 6, "cash_out", "取现", "cash withdrawal")                                          \
    X(BILL_PAYMENT, 7, "bill_payment", "生活缴费", "bill payment")                                 \
    X(INTEREST, 8, "interest", "结息", "interest credited")                                        \
    X(DEPOSIT_MATURED, 9, "deposit_matured", "存款到期", "deposit matured")                        \
    X(LOGIN, 10, "login", "登录", "login")                                                         \
    X(PAGE_VIEW, 11, "page_view", "浏览产品页", "product page viewed")                             \
    X(PAGE_SKIP, 12, "page_skip", "跳过产品页", "product page skipped")                            \
    X(CARD_REPLACED, 13, "card_replaced", "社保卡换发", "social-security card replaced")           \
    X(OPEN, 14, "open", "开通产品", "product opened")                                              \
    X(CLOSE, 15, "close", "关闭产品", "product closed")                                            \
    X(LOAN_REPAYMENT, 16, "loan_repayment", "还款", "loan repayment")                              \
    X(OVERDUE, 17, "overdue", "逾期", "payment overdue")                                           \
    X(VISIT, 18, "visit", "到访网点", "branch visit")                                              \
    X(CALL, 19, "call", "客服来电", "call to the bank")                                            \
    X(COMPLAINT, 20, "complaint", "投诉", "complaint")                                             \
    X(BALANCE, 21, "balance", "余额", "balance reported")

#define BANK_CHANNEL_MAP(X)                                                                        \
    X(COUNTER, 1, "counter", "柜面", "counter")                                                    \
    X(ATM, 2, "atm", "自助机", "ATM")                                                              \
    X(MOBILE, 3, "mobile", "手机银行", "mobile bank")                                              \
    X(WEB, 4, "web", "网上银行", "web bank")                                                       \
    X(POS, 5, "pos", "商户收单", "merchant terminal")                                              \
    X(PHONE, 6, "phone", "电话", "phone")                                                          \
    X(RM, 7, "rm", "客户经理", "relationship manager")                                             \
    X(SMS, 8, "sms", "短信", "text message")                                                       \
    X(SYSTEM, 9, "system", "系统", "system")

#define BANK_CATEGORY_MAP(X)                                                                       \
    X(SAVINGS, 1, "savings", "储蓄", "savings")                                                    \
    X(CREDIT, 2, "credit", "信贷", "credit")                                                       \
    X(WEALTH, 3, "wealth", "理财", "wealth")                                                       \
    X(PROTECTION, 4, "protection", "保障", "protection")                                           \
    X(PAYMENT, 5, "payment", "支付", "payment")

#define BANK_ANSWER_MAP(X)                                                                         \
    X(INTERESTED, 1, "interested", "感兴趣", "interested")                                         \
    X(NOT_INTERESTED, 2, "not_interested", "不感兴趣", "not interested")                           \
    X(OWNS, 3, "owns", "已持有", "already owns")                                                   \
    X(VIEWED, 4, "viewed", "看过", "viewed")                                                       \
    X(IGNORED, 5, "ignored", "未理会", "ignored")                                                  \
    X(BOUGHT, 6, "bought", "已购买", "bought")                                                     \
    X(RETRACTED, 7, "retracted", "撤回", "retracted")

#define BANK_GENDER_MAP(X)                                                                         \
    X(FEMALE, 1, "female", "女", "female")                                                         \
    X(MALE, 2, "male", "男", "male")

/* What a card payment or a transfer was for. */
#define BANK_MERCHANT_MAP(X)                                                                       \
    X(GROCERY, 1, "grocery", "日用", "groceries")                                                  \
    X(DINING, 2, "dining", "餐饮", "dining")                                                       \
    X(TRANSPORT, 3, "transport", "交通", "transport")                                              \
    X(FUEL, 4, "fuel", "加油", "fuel")                                                             \
    X(HEALTH, 5, "health", "医疗", "health")                                                       \
    X(EDUCATION, 6, "education", "教育", "education")                                              \
    X(TRAVEL, 7, "travel", "旅行", "travel")                                                       \
    X(HOME, 8, "home", "家居建材", "home and building")                                            \
    X(MOTHER_CHILD, 9, "mother_child", "母婴", "mother and child")                                 \
    X(LUXURY, 10, "luxury", "珠宝奢侈品", "jewellery and luxury")                                  \
    X(FARMING, 11, "farming", "农资", "farm supplies")                                             \
    X(WHOLESALE, 12, "wholesale", "批发进货", "wholesale")                                         \
    X(SECURITIES, 13, "securities", "证券", "securities house")                                    \
    X(INSURANCE, 14, "insurance", "保险", "insurance")                                             \
    X(OTHER, 15, "other", "其他", "other")

#define BANK_ENUM(name, NAME, MAP)                                                                 \
    enum bank_##name{BANK_##NAME##_NONE = 0, MAP(BANK_##NAME##_ITEM)};                             \
    /* "" for NONE; an unknown number is a bug. */                                                 \
    const char *bank_##name##_text(enum bank_##name value);                                        \
    const char *bank_##name##_zh(enum bank_##name value);                                          \
    const char *bank_##name##_en(enum bank_##name value);                                          \
    /* BANK_..._NONE if there is no such text. */                                                  \
    enum bank_##name bank_##name##_find(const char *text, size_t length)

#define BANK_EVENT_KIND_ITEM(name, number, text, zh, en) BANK_EVENT_KIND_##name = (number),
#define BANK_CHANNEL_ITEM(name, number, text, zh, en) BANK_CHANNEL_##name = (number),
#define BANK_CATEGORY_ITEM(name, number, text, zh, en) BANK_CATEGORY_##name = (number),
#define BANK_ANSWER_ITEM(name, number, text, zh, en) BANK_ANSWER_##name = (number),
#define BANK_GENDER_ITEM(name, number, text, zh, en) BANK_GENDER_##name = (number),
#define BANK_MERCHANT_ITEM(name, number, text, zh, en) BANK_MERCHANT_##name = (number),

BANK_ENUM(event_kind, EVENT_KIND, BANK_EVENT_KIND_MAP);
BANK_ENUM(channel, CHANNEL, BANK_CHANNEL_MAP);
BANK_ENUM(category, CATEGORY, BANK_CATEGORY_MAP);
BANK_ENUM(answer, ANSWER, BANK_ANSWER_MAP);
BANK_ENUM(gender, GENDER, BANK_GENDER_MAP);
BANK_ENUM(merchant, MERCHANT, BANK_MERCHANT_MAP);

enum {
    BANK_EVENT_KIND_END = 22,
    BANK_CHANNEL_END = 10,
    BANK_CATEGORY_END = 6,
    BANK_MERCHANT_END = 16
};

#define BANK_UNKNOWN_MS INT64_MIN /* a moment that is not known */
#define BANK_NO_AMOUNT INT64_MIN  /* a fact without an amount */
#define BANK_NO_PRODUCT (-1)
/* The file has no serial number: the loader numbers the events of one customer and moment in the
 * order in which they come. With a number, a second event of the same number is a duplicate. */
#define BANK_SEQUENCE_AUTO UINT32_MAX

/* One version of what the bank holds about a customer; texts are codes of the bank's own. */
struct bank_profile {
    int64_t at_ms, known_at_ms;
    int32_t birth_day;                      /* INT32_MIN when unknown */
    int32_t joined_day;                     /* INT32_MIN when unknown */
    uint8_t gender;                         /* enum bank_gender */
    uint8_t has_phone;                      /* 1, 0; 2 when unknown */
    int16_t branch;                         /* number in the bank's branch list, -1 when unknown */
    int16_t occupation, education, marital; /* numbers in the bank's code lists, -1 unknown */
    int64_t income_fen;                     /* a month, as declared; BANK_NO_AMOUNT */
};

struct bank_event {
    int64_t at_ms, known_at_ms;
    int64_t amount_fen;  /* signed from the customer's side; BANK_NO_AMOUNT */
    int64_t balance_fen; /* of his accounts afterwards; BANK_NO_AMOUNT */
    uint32_t sequence;   /* distinguishes events of one customer at one moment */
    int32_t quantity;    /* seconds on a page; 0 elsewhere */
    int16_t product;     /* index in the catalogue, BANK_NO_PRODUCT */
    uint8_t kind, channel, merchant;
    uint8_t is_correction;  /* a later version of an event: what the bank learned of it */
    int64_t replaced_at_ms; /* from here on the bank knew better; 0: it still stands */
};

/*
 * Whether the bank held this to be true at the moment: it knew of it, and of no correction and no
 * deletion yet. What is corrected is in a history once for each of its versions, and at any moment
 * at most one of them is known. at_ms is not looked at.
 */
static inline bool bank_event_is_known(const struct bank_event *event, int64_t as_of_ms)
{
    return event->known_at_ms <= as_of_ms &&
           (event->replaced_at_ms == 0 || as_of_ms < event->replaced_at_ms);
}

/*
 * The bank learned that an event was not as it had come, or had not been at all. The event is named
 * by customer, `event.at_ms` and `event.sequence`; the rest of `event` is what it really was (of a
 * deletion nothing but known_at_ms is looked at). A change goes before the event's own row
 * whichever was known first, and of two changes the one that was known last counts from then on.
 */
struct bank_change {
    struct bank_event event;
    bool is_deleted;
    /* The caller's own, to be told of a change whose event is not there. */
    uint32_t origin;
    uint64_t line;
};

struct bank_risk {
    int64_t at_ms, known_at_ms, expires_ms;
    uint8_t level; /* 1-5: C1-C5 */
};

/* An offer of the past: who was shown what, with which probability, and what he said. */
struct bank_exposure {
    int64_t at_ms, known_at_ms;
    int64_t answer_known_at_ms; /* BANK_UNKNOWN_MS while there is no answer */
    double show_probability;    /* NaN when not recorded */
    int32_t campaign;
    int16_t product;
    uint8_t channel, answer; /* enum bank_answer, NONE: no answer (yet) */
    uint8_t is_random;       /* assigned by chance */
    uint8_t is_control;      /* in the control group: not shown */
};

struct bank_consent {
    int64_t at_ms, known_at_ms;
    uint8_t channel; /* enum bank_channel; 0: personalisation as such */
    uint8_t is_granted;
};

/* An end of a fact counts from when the bank could know it: until then the fact goes on. */
struct bank_do_not_contact {
    int64_t at_ms, known_at_ms;
    int64_t until_ms;          /* he may be contacted again from here on; BANK_UNKNOWN_MS: never */
    int64_t until_known_at_ms; /* BANK_UNKNOWN_MS without an end */
    uint8_t channel;           /* enum bank_channel; 0: every channel */
};

struct bank_complaint {
    int64_t at_ms, known_at_ms;
    int64_t closed_at_ms, closed_known_at_ms; /* BANK_UNKNOWN_MS while it is open */
    int16_t product;                          /* index in the catalogue, BANK_NO_PRODUCT */
};

/*
 * Everything known about one customer, each list ordered by at_ms (events also by sequence, the
 * versions of one event in the order in which they replaced each other).
 * A feature as of t uses only what has at_ms <= t and known_at_ms <= t; of events those that
 * bank_event_is_known at t.
 */
struct bank_history {
    int64_t customer; /* dense row number, from 0 */
    const char *id;   /* the bank's own, NUL-terminated */
    const struct bank_profile *profiles;
    const struct bank_event *events;
    const struct bank_risk *risks;
    const struct bank_exposure *exposures;
    const struct bank_consent *consents;
    const struct bank_do_not_contact *do_not_contacts;
    const struct bank_complaint *complaints;
    size_t profile_count, event_count, risk_count, exposure_count, consent_count;
    size_t do_not_contact_count, complaint_count;
};

#endif
