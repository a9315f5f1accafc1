#ifndef VIEW_FEATURE_H
#define VIEW_FEATURE_H

/*
 * feature: what the engine knows of a customer at a moment, as numbers.
 *
 * One definition (a file of the bank: view/features.h) serves training, batch and online. A feature
 * as of t uses only facts with at_ms <= t and known_at_ms <= t, whatever else the history holds:
 * handing in a history with future facts is allowed and must not change a value (a test plants such
 * facts). Windows are whole bank days: "30 days" as of t are the 30 bank days that end with t's own
 * day. Sums are integers until the last step, so the order of events cannot matter. A value that
 * cannot be known is NaN.
 *
 * Customer features describe one customer; pair features one customer and one product, and the
 * product itself. A training row and a scoring row are customer features followed by pair features.
 */

#include "bank/bank.h"

#define VIEW_GROUP_MAP(X)                                                                          \
    X(PROFILE, "profile", "基本情况", "profile")                                                   \
    X(ASSETS, "assets", "资产", "assets")                                                          \
    X(ACTIVITY, "activity", "活跃度", "activity")                                                  \
    X(CHANNELS, "channels", "渠道", "channels")                                                    \
    X(SPENDING, "spending", "消费", "spending")                                                    \
    X(BROWSING, "browsing", "浏览", "browsing")                                                    \
    X(HISTORY, "history", "持有历史", "product history")                                           \
    X(OFFERS, "offers", "营销触达", "offers")                                                      \
    X(PEERS, "peers", "同类客户", "peers")                                                         \
    X(PRODUCT, "product", "产品", "product")                                                       \
    X(MOMENTS, "moments", "时机", "life moments")

enum view_group {
#define X(name, text, zh, en) VIEW_GROUP_##name,
    VIEW_GROUP_MAP(X)
#undef X
        VIEW_GROUP_COUNT
};
const char *view_group_text(enum view_group group);

/* How a person reads the value; reasons and `lingxi features` use it. */
enum view_unit {
    VIEW_UNIT_COUNT,
    VIEW_UNIT_FEN,
    VIEW_UNIT_DAYS,
    VIEW_UNIT_YEARS,
    VIEW_UNIT_SHARE,
    VIEW_UNIT_FLAG,
    VIEW_UNIT_LEVEL,
    VIEW_UNIT_SECONDS,
    VIEW_UNIT_RATIO,
    VIEW_UNIT_CODE
};

struct view_feature {
    const char *name;       /* "logins_30d" */
    const char *zh, *en;    /* titles: "近30天登录次数", "logins in 30 days" */
    const char *definition; /* "count() where kind = 'login' over 30 days" */
    enum view_group group;
    enum view_unit unit;
    const char *otherwise; /* what stands for a missing value, as it is written; NULL: nothing */
    bool is_in_credit;     /* whether credit decisions may read it */
    /* What is said of a value from say_from to say_to where it is a reason (view/sentence.h);
     * NULL: nothing. Features of one topic say the same in other words. */
    const char *say_zh, *say_en, *topic;
    double say_from, say_to;
};

/*
 * What the whole bank tells about cohorts and products as of a moment: holding and opening rates by
 * cohort (age band x assets band x activity class), branch and occupation, by product, shrunk
 * toward the product's rate; co-holding lift between products. view_peers_build makes it in one
 * pass.
 */
struct view_peers;
struct view_scratch;

struct view_context {
    const struct bank_catalogue *catalogue;
    const struct view_peers *peers; /* as of the same moment; NULL: peer features are NaN */
    int utc_offset_minutes;
    struct view_scratch *scratch; /* of the thread; for features alone (view/features.h) */
};

/* Allocation-free. ret_values: a float for each customer feature. */
void view_customer_features(const struct bank_history *history, const struct view_context *context,
                            int64_t as_of_ms, float *ret_values);

/* For every product of the catalogue: ret_values[product * pair features + feature].
 * `customer_values` are the same customer's features as of the same moment. */
void view_pair_features(const struct bank_history *history, const struct view_context *context,
                        int64_t as_of_ms, const float *customer_values, float *ret_values);

/* What is certain about the customer as of the moment; decide's rules read this. */
struct view_facts {
    int age;                   /* -1 unknown */
    int risk_level;            /* 1-5; 0: no assessment, or expired */
    bool is_overdue;           /* a loan payment is overdue and not made good since */
    bool has_personal_consent; /* personalisation was not withdrawn */
    bool is_do_not_contact;    /* he asked not to be contacted, or refuses every such channel */
    bool has_open_complaint;   /* one that is not closed */
    uint64_t held[(LX_PRODUCT_MAX + 63) / 64]; /* bit by product */
    int64_t assets_fen;                        /* last balance known; BANK_NO_AMOUNT */
    uint32_t refused_channels; /* bit by channel: consent withdrawn, or not to be used for him */
    int64_t risk_expires_ms;   /* of the newest assessment, also one that has expired;
                                BANK_UNKNOWN_MS without one */
    int32_t birth_day;         /* INT32_MIN unknown */
    int branch, occupation;    /* numbers in the bank's lists, -1 unknown */
};
void view_facts(const struct bank_history *history, const struct view_context *context,
                int64_t as_of_ms, struct view_facts *ret_facts);

static inline bool view_holds(const struct view_facts *facts, int product)
{
    return (facts->held[product / 64] >> (product % 64) & 1) != 0;
}

/*
 * The label of (customer, product, as_of): did he open the product in (as_of, as_of + horizon]?
 * `is_over` is false where the window reaches past `complete_until_ms`: the row must be left out.
 */
bool view_label_opened(const struct bank_history *history, int product, int64_t as_of_ms,
                       int horizon_days, int64_t complete_until_ms, bool *ret_is_over);

#endif
