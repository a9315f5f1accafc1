#ifndef INGEST_SYNTH_PROFILE_H
#define INGEST_SYNTH_PROFILE_H

/*
 * synth_profile: the parameters of the synthetic bank, read from an INI file.
 *
 * Every number of the model stands in the file and has a range; a name that is unknown, missing or
 * given twice, and a value out of range, is refused with file and line. Effects are log-linear: a
 * coefficient of 0.7 doubles a rate where its variable is 1. Private to ingest/synth*.
 * Ownership: plain values. Threads: read-only once read.
 */

#include "bank/catalogue.h"

/* What a customer wants, whether or not he shows it. */
#define SYNTH_NEED_MAP(X)                                                                          \
    X(LIQUIDITY, "liquidity")                                                                      \
    X(YIELD, "yield")                                                                              \
    X(PROTECTION, "protection")                                                                    \
    X(CONSUMPTION, "consumption")                                                                  \
    X(HOUSING, "housing")                                                                          \
    X(BUSINESS, "business")                                                                        \
    X(CONVENIENCE, "convenience")

/* Hidden tastes that several products share; no event shows them except what is bought and said. */
#define SYNTH_TASTE_MAP(X)                                                                         \
    X(TRUST, "trust")                                                                              \
    X(DEBT, "debt")                                                                                \
    X(MARKET, "market")                                                                            \
    X(INSURANCE, "insurance")                                                                      \
    X(GADGET, "gadget")

#define SYNTH_STAGE_MAP(X)                                                                         \
    X(STUDENT, "student")                                                                          \
    X(YOUNG_WORKER, "young_worker")                                                                \
    X(FAMILY, "family")                                                                            \
    X(MID_CAREER, "mid_career")                                                                    \
    X(PRE_RETIREMENT, "pre_retirement")                                                            \
    X(RETIRED, "retired")                                                                          \
    X(FARMER, "farmer")                                                                            \
    X(MERCHANT, "merchant")

/* Events of life. What each does to the stage is code; everything else is in the file. */
#define SYNTH_LIFE_MAP(X)                                                                          \
    X(MARRIAGE, "marriage")                                                                        \
    X(CHILD, "child")                                                                              \
    X(JOB, "job")                                                                                  \
    X(HOUSE, "house")                                                                              \
    X(RETIREMENT, "retirement")                                                                    \
    X(WINDFALL, "windfall")                                                                        \
    X(ILLNESS, "illness")                                                                          \
    X(VENTURE, "venture")

/* How money moves for a product. */
#define SYNTH_FLOW_MAP(X)                                                                          \
    X(CURRENT, "current")       /* the account everybody has; opened on joining */                 \
    X(DEPOSIT, "deposit")       /* a sum set aside until it matures, then renewed or not */        \
    X(INVESTMENT, "investment") /* a sum set aside; with a term it ends like a deposit */          \
    X(LOAN, "loan")             /* a sum paid out, repaid month by month */                        \
    X(CARD, "card")             /* a line of credit, repaid month by month */                      \
    X(INSURANCE, "insurance")   /* a premium a year */                                             \
    X(SERVICE, "service")       /* no money of its own */

/* Kinds of place that a branch stands in. */
#define SYNTH_PLACE_MAP(X)                                                                         \
    X(CITY, "city")                                                                                \
    X(TOWN, "town")                                                                                \
    X(VILLAGE, "village")

enum synth_need {
#define X(name, text) SYNTH_NEED_##name,
    SYNTH_NEED_MAP(X)
#undef X
        SYNTH_NEED_COUNT
};
enum synth_taste {
#define X(name, text) SYNTH_TASTE_##name,
    SYNTH_TASTE_MAP(X)
#undef X
        SYNTH_TASTE_COUNT
};
enum synth_stage {
#define X(name, text) SYNTH_STAGE_##name,
    SYNTH_STAGE_MAP(X)
#undef X
        SYNTH_STAGE_COUNT
};
enum synth_life {
#define X(name, text) SYNTH_LIFE_##name,
    SYNTH_LIFE_MAP(X)
#undef X
        SYNTH_LIFE_COUNT
};
enum synth_flow {
#define X(name, text) SYNTH_FLOW_##name,
    SYNTH_FLOW_MAP(X)
#undef X
        SYNTH_FLOW_COUNT
};
enum synth_place {
#define X(name, text) SYNTH_PLACE_##name,
    SYNTH_PLACE_MAP(X)
#undef X
        SYNTH_PLACE_COUNT
};

/* Products of one catalogue that a profile can speak of. */
enum { SYNTH_PRODUCT_MAX = 64 };

struct synth_need_profile {
    double spread;  /* deviation between customers of one stage */
    double wealth;  /* effect of wealth (standardised) */
    double persist; /* what a month leaves of a shock, 0-1 */
    double noise;   /* deviation of a month's wandering */
};

struct synth_stage_profile {
    double share;                      /* of all customers */
    double place[SYNTH_PLACE_COUNT];   /* weight by kind of place */
    double age_min, age_max;           /* when the window begins */
    double income_yuan, income_spread; /* a month */
    double wealth_months, wealth_spread;
    double digital, risk; /* means of the latent habits */
    double salary;        /* share whose pay or pension comes to this bank */
    double transfer_in, transfer_out, card, bill, cash_in, cash_out; /* a month, before scaling */
    double login, visit, call;
    double need[SYNTH_NEED_COUNT];
};

struct synth_merchant_profile {
    double card, transfer; /* weights among card payments and among transfers out */
    double amount_yuan, spread;
    double need[SYNTH_NEED_COUNT];
};

struct synth_life_profile {
    double yearly; /* rate a year where age and stage allow it */
    double age_min, age_max;
    double stage[SYNTH_STAGE_COUNT]; /* factors on the rate */
    double need[SYNTH_NEED_COUNT];   /* shocks */
    double merchant[BANK_MERCHANT_END];
    double money_months; /* mean sum received (or, negative, spent), in months of income */
    double months;       /* how long the merchants' effect lasts */
};

struct synth_product_profile {
    double flow;        /* enum synth_flow */
    double monthly_ppm; /* mean hazard of opening among those who could, all causes but campaigns */
    double close_ppm;   /* hazard of closing a month */
    double renew;       /* chance that what matures is opened again */
    double amount_yuan, amount_spread; /* of a customer of middling wealth */
    double page;                       /* weight among pages looked at */
    double campaign;                   /* weight among campaigns */
    double yes_ppm; /* mean chance of a yes among those whom campaigns show it to */
    double convert; /* chance that a yes is followed by an opening */
    double wealth, risk, digital, active, age, idle, view, visit, drift;
    double holder;                        /* of each doubling of what he holds beside savings */
    double own_taste;                     /* deviation of the taste for this product alone */
    double history;                       /* what a year back leaves of the hazard, 0-1 */
    double after_digital, after_activity; /* what holding it changes in its holder */
    double need[SYNTH_NEED_COUNT];
    double stage[SYNTH_STAGE_COUNT];
    double life[SYNTH_LIFE_COUNT];
    double taste[SYNTH_TASTE_COUNT];
    double with[SYNTH_PRODUCT_MAX]; /* effect of holding another product */
};

struct synth_profile {
    int32_t end_day; /* last day of the last month */
    int utc_offset_minutes;

    double customers_per_branch, customers_per_manager;
    double place[SYNTH_PLACE_COUNT]; /* shares of branches */
    double events_per_year;
    double activity_shape; /* of the gamma distribution of activity; small: many sleep */
    double joined_yearly;  /* share of customers who joined in the last year */
    double left_yearly;
    double rich_share; /* share with a Pareto tail on their wealth */
    double rich_exponent;
    double history_years; /* of product history before the window */
    double trend_spread,
        trend_persist; /* of a product's fashion in one branch, and in an age band */
    double card_replaced_yearly, complaint_yearly, complaint_days, correction_ppm;
    double changed_ppm, reversed;
    double assessed; /* share with a risk assessment on record when the window begins */
    double consent_personal, consent_phone, consent_sms, consent_mobile, do_not_contact,
        withdrawn_yearly, listed, listed_for_a_while;

    double lag_days;     /* mean from deciding to opening */
    double intent_views; /* mean pages of the product looked at in between */
    double bundle;       /* chance that what is not savings brings another along */
    double interest;     /* how much the hazard bends what a customer looks at, 0-1 */
    double effect;       /* scale of every product effect that events can show */
    double taste_scale;  /* scale of the hidden ones */

    double shown_yearly, random_share, control_share, focus;
    double per_month;       /* campaigns started */
    double answer_interest; /* how much of the hazard's logarithm an answer repeats */
    double answer_taste;    /* weight of hidden tastes in an answer, above that in the hazard */
    double fatigue;         /* effect of one offer a month before */
    double channel[BANK_CHANNEL_END]; /* effects on an answer */

    struct synth_need_profile needs[SYNTH_NEED_COUNT];
    struct synth_stage_profile stages[SYNTH_STAGE_COUNT];
    struct synth_merchant_profile merchants[BANK_MERCHANT_END];
    struct synth_life_profile lives[SYNTH_LIFE_COUNT];
    struct synth_product_profile products[SYNTH_PRODUCT_MAX]; /* by index in the catalogue */
};

const char *synth_need_text(enum synth_need need);
const char *synth_taste_text(enum synth_taste taste);
const char *synth_stage_text(enum synth_stage stage);
const char *synth_life_text(enum synth_life life);

/* LX_ERR_BAD_INPUT with `file:line: ...`; LX_ERR_LIMIT past SYNTH_PRODUCT_MAX products. */
LX_MUST_USE enum lx_err synth_profile_parse(const char *file, const char *bytes, size_t length,
                                            const struct bank_catalogue *catalogue,
                                            struct synth_profile *ret_profile,
                                            struct lx_error *err);

#endif
