#ifndef INGEST_SYNTH_MODEL_H
#define INGEST_SYNTH_MODEL_H

/*
 * synth_model: what the parts of the synthetic bank share. Private to ingest/synth*.
 *
 * A *world* is what all customers have in common and is read-only while they live. A *block* is a
 * run of neighbouring customers with its own buffer for each file; blocks are made by any thread
 * and written in order. A *life* is one customer on his way through the months.
 *
 * Each customer draws from streams of his own, one for each purpose, so that neither the threads
 * nor the dirt nor another customer can change what happens to him. Draws are made one in a
 * statement: C leaves the order of arguments and initialisers open, and two compilers would make
 * two banks.
 */

#include "base/buffer.h"
#include "base/date.h"
#include "host/file.h"
#include "ingest/synth.h"
#include "ingest/synth_math.h"
#include "ingest/synth_profile.h"

enum {
    SYNTH_BLOCK_CUSTOMERS = 1024,
    SYNTH_BRANCH_MAX = 2000,
    SYNTH_HOLDINGS_MAX = 24,
    SYNTH_PLANS_MAX = 8,
    SYNTH_MONTH_EVENTS_MAX = 768,
    SYNTH_AGE_BANDS = 6,
    SYNTH_ID_SIZE = 32,
    SYNTH_NAME_SIZE = 16,
    SYNTH_CAMPAIGN_DAYS = 10,
    SYNTH_SUBJECTS = 4,         /* of complaints */
    SYNTH_DAY_TEXTS = 366 * 12, /* days before the end whose texts are kept ready */
};

/* Between these the logit of an answer is kept: nobody is certain. */
#define SYNTH_LOGIT_MIN (-14.0)
#define SYNTH_LOGIT_MAX 1.5

/* The streams of a customer. */
enum synth_stream {
    SYNTH_STREAM_ID,
    SYNTH_STREAM_TRAITS,
    SYNTH_STREAM_LIFE,
    SYNTH_STREAM_CLERK,
    SYNTH_STREAM_DIRT,
    SYNTH_STREAM_COUNT
};

/* Files with rows of customers; after them one txn and one applog for each month. */
enum synth_file {
    SYNTH_FILE_CUSTOMERS,
    SYNTH_FILE_ACCOUNTS,
    SYNTH_FILE_CONTRACTS,
    SYNTH_FILE_BALANCES,
    SYNTH_FILE_SERVICE,
    SYNTH_FILE_RISK,
    SYNTH_FILE_CAMPAIGN_LOG,
    SYNTH_FILE_ASSIGNMENTS,
    SYNTH_FILE_CONSENTS,
    SYNTH_FILE_DO_NOT_CONTACT,
    SYNTH_FILE_COMPLAINTS,
    SYNTH_FILE_CORRECTIONS,
    SYNTH_FILE_NEEDS,
    SYNTH_FILE_ACCEPTANCE,
    SYNTH_FILE_OFFERS,
    SYNTH_FILE_HIDDEN,
    SYNTH_FILE_MONTHS, /* first of the monthly ones: txn, then applog, of month 0, 1, ... */
};

struct synth_branch {
    char code[24];
    char name[64]; /* UTF-8 */
    enum synth_place place;
    uint32_t manager_first, manager_count;
    double weight; /* cumulative share of customers up to here */
};

struct synth_campaign {
    char code[40];
    int product, month;
    uint8_t channel;
    int32_t start_day;
    double share; /* of customers, before control and random shares */
};

/* What calibration finds, so that rates come out as the profile says. */
struct synth_tuning {
    double event_scale;
    double open[SYNTH_PRODUCT_MAX];   /* intercept of the log-hazard */
    double answer[SYNTH_PRODUCT_MAX]; /* intercept of the answer's logit */
    double focus[SYNTH_PRODUCT_MAX];  /* mean of the heuristic's score */
};

struct synth_world {
    const struct synth_options *options;
    const struct bank_catalogue *catalogue;
    const struct synth_profile *profile;
    uint64_t seed;
    int month_count, product_count, current;
    int32_t *month_days; /* first day of month 0 .. month_count, owned */
    int32_t first_day, end_day;
    struct synth_branch *branches; /* owned */
    size_t branch_count;
    uint32_t manager_count;
    struct synth_campaign *campaigns; /* owned, by month */
    size_t campaign_count;
    size_t *campaign_first; /* by month, and the end; owned */
    float *branch_trend;    /* [branch][month][product], owned */
    float *age_trend;       /* [age band][month][product], owned */
    char (*day_texts)[8];   /* YYYYMMDD from day_text_first on, owned */
    int32_t day_text_first;
    struct synth_names *names; /* owned */
    struct synth_tuning tuning;
    bool is_pilot; /* nothing is formatted */
};

/* Sums from which the next tuning is found. */
struct synth_tally {
    double hazard[SYNTH_PRODUCT_MAX], hazard_months[SYNTH_PRODUCT_MAX];
    double yes[SYNTH_PRODUCT_MAX], shown[SYNTH_PRODUCT_MAX];
    double focus[SYNTH_PRODUCT_MAX], focus_count[SYNTH_PRODUCT_MAX];
    double scaled_events; /* those of habit, which event_scale scales */
    double activity;      /* as drawn, of mean 1 */
    double customers, customer_years;
};

struct synth_block {
    const struct synth_world *world;
    uint64_t first, count;
    struct lx_buffer *files; /* one for each file */
    struct synth_result counts;
    struct synth_tally tally;
    uint64_t rows_until_dirt;
    uint32_t *rows; /* by file, for the trailers */
    struct lx_rng dirt;
    enum lx_err failure;
};

struct synth_holding {
    int product;
    int32_t opened_day, opened_second;
    int32_t ends_day; /* INT32_MAX: open-ended */
    int64_t amount_fen;
    int64_t instalment_fen;
    int overdue_months;
    uint32_t number; /* of the customer's contracts */
    uint8_t channel;
};

/* A product that the customer has made up his mind to open. */
struct synth_plan {
    int product;
    int32_t day;
    uint8_t channel;
};

struct synth_event {
    int64_t amount_fen;
    int32_t day, second, quantity;
    int16_t product;
    uint8_t kind, channel, merchant;
    bool is_owed; /* its amount may not be cut; what is missing comes from elsewhere */
};

enum { SYNTH_LONG_AGO = 120 };

struct synth_life_state {
    struct synth_block *block;
    const struct synth_world *world;
    uint64_t number;
    char id[SYNTH_ID_SIZE], name[SYNTH_NAME_SIZE];
    uint8_t name_length;
    struct lx_rng rng, clerk, cases; /* cases: complaints and who is not to be contacted */
    struct lx_rng desk;              /* what is corrected later */

    /* Who he is. */
    int branch;
    bool is_female, has_phone, has_salary, is_married;
    int32_t birth_day, joined_day, left_day; /* left: INT32_MAX while he stays */
    int occupation, education, pay_day;
    enum synth_stage stage;
    double income_yuan, wealth_yuan, wealth_z;
    double digital, digital_share, risk, activity, liquid_share;
    double need_base[SYNTH_NEED_COUNT], shock[SYNTH_NEED_COUNT], wander[SYNTH_NEED_COUNT];
    double need[SYNTH_NEED_COUNT];
    double taste[SYNTH_TASTE_COUNT];
    double fixed[SYNTH_PRODUCT_MAX];  /* part of the log-hazard that never changes */
    double hidden[SYNTH_PRODUCT_MAX]; /* its part that is hidden taste */
    int months_since[SYNTH_LIFE_COUNT];
    int risk_level; /* his own */
    int assessed_level;
    int32_t assessed_until; /* INT32_MIN: never assessed */
    uint32_t consents;      /* bit of each channel; bit 0: personalisation */
    uint32_t withdrawn;     /* those taken back on withdrawn_day (INT32_MAX: never) */
    int32_t withdrawn_day;
    bool is_do_not_contact; /* he took all of them back */
    bool is_listed;         /* ... by the list of those who are not to be contacted */
    int32_t listed_until;   /* INT32_MAX: until further notice */
    uint32_t case_number;

    /* Where he stands. */
    int64_t balance_fen;
    struct synth_holding holdings[SYNTH_HOLDINGS_MAX];
    size_t holding_count;
    int held[SYNTH_PRODUCT_MAX]; /* how many of each */
    struct synth_plan plans[SYNTH_PLANS_MAX];
    size_t plan_count;
    double viewed[SYNTH_PRODUCT_MAX], offered[SYNTH_PRODUCT_MAX];
    double visited, logged_in;
    double hazard[SYNTH_PRODUCT_MAX]; /* of this month */
    double log_hazard[SYNTH_PRODUCT_MAX];
    uint32_t event_number, contract_number;

    /* This month. */
    int month;
    int32_t month_first, month_end; /* [first, end) of the days he is a customer */
    size_t event_count;
    struct synth_event events[SYNTH_MONTH_EVENTS_MAX]; /* last: only the first ones mean anything */
};

/* synth_population.c */
struct lx_rng synth_stream_of(const struct synth_world *world, uint64_t customer,
                              enum synth_stream stream);
/* Everything about a customer on the day the window begins (or he joins). */
void synth_be_born(struct synth_life_state *life, struct synth_block *block, uint64_t number);
void synth_change_stage(struct synth_life_state *life, enum synth_stage stage);
int synth_age(const struct synth_life_state *life, int32_t day);
int synth_age_band(int age);

/* synth_life.c */
void synth_live(struct synth_block *block, uint64_t number);
/* The month's next event, zeroed apart from what is given; NULL when the month is full. */
struct synth_event *synth_add_event(struct synth_life_state *life, enum bank_event_kind kind,
                                    int32_t day, int32_t second);
int32_t synth_day_in_month(struct synth_life_state *life);
int32_t synth_second_of(struct synth_life_state *life, uint8_t channel);

/* synth_product.c */
void synth_set_tastes(struct synth_life_state *life);
void synth_find_hazards(struct synth_life_state *life, int32_t day, int month);
void synth_live_history(struct synth_life_state *life);
void synth_serve_holdings(struct synth_life_state *life);
void synth_make_plans(struct synth_life_state *life);
void synth_carry_out_plans(struct synth_life_state *life);
void synth_close_some(struct synth_life_state *life);
void synth_plan(struct synth_life_state *life, int product, int32_t decided_day, int32_t open_day,
                bool is_quiet);                         /* quiet: nothing is looked at before */
void synth_end_holdings(struct synth_life_state *life); /* the window's end: write what is open */
bool synth_can_open(const struct synth_life_state *life, int product, int32_t day);
void synth_leave(struct synth_life_state *life); /* closes everything on left_day */

/* synth_campaign.c */
LX_MUST_USE enum lx_err synth_plan_campaigns(struct synth_world *world, struct lx_error *err);
void synth_show_campaigns(struct synth_life_state *life);
double synth_answer_logit(const struct synth_life_state *life, int product);

/* synth_world.c */
LX_MUST_USE enum lx_err synth_world_open(struct synth_world *world,
                                         const struct synth_options *options,
                                         const struct synth_profile *profile, bool is_pilot,
                                         struct lx_error *err);
void synth_world_close(struct synth_world *world);
LX_MUST_USE enum lx_err synth_calibrate(struct synth_world *world, const struct lx_env *env,
                                        struct lx_error *err);

/* synth_row.c: one row into a buffer of the block, dirt included. */
struct synth_exposure {
    const struct synth_campaign *campaign;
    int32_t day, second, answer_day; /* answer_day INT32_MAX: no answer */
    double show_probability;
    uint8_t answer;
    bool is_random, is_control;
};
void synth_put_customer(struct synth_life_state *life, int32_t day);
void synth_put_account(struct synth_life_state *life);
void synth_put_contract(struct synth_life_state *life, const struct synth_holding *holding,
                        int32_t closed_day, int32_t closed_second); /* INT32_MAX: still open */
void synth_put_balance(struct synth_life_state *life, int32_t day);
void synth_put_event(struct synth_life_state *life, const struct synth_event *event);
void synth_put_risk(struct synth_life_state *life, int level, int32_t day);
void synth_put_exposure(struct synth_life_state *life, const struct synth_exposure *exposure);
void synth_put_assignment(struct synth_life_state *life, uint32_t manager, int32_t from_day,
                          int32_t to_day);
void synth_put_consent(struct synth_life_state *life, uint8_t channel, bool is_granted,
                       int32_t day);
/* until_day INT32_MAX: until further notice */
void synth_put_do_not_contact(struct synth_life_state *life, int32_t day, int32_t until_day);
/* closed_day INT32_MAX: still open */
void synth_put_complaint(struct synth_life_state *life, int product, unsigned subject, int32_t day,
                         int32_t closed_day);

/* synth_truth.c: what only the simulator may read. */
void synth_put_truth(struct synth_life_state *life);
void synth_put_truth_header(const struct synth_world *world, size_t file, struct lx_buffer *buffer);
void synth_put_parameters(const struct synth_world *world, struct lx_buffer *buffer);

/* synth_names.c: names of people, in GB18030. */
LX_MUST_USE enum lx_err synth_names_open(struct synth_names **ret_names, struct lx_error *err);
void synth_names_close(struct synth_names *names);
/* Writes a name; the number of bytes is in *ret_length. */
void synth_name(const struct synth_names *names, struct lx_rng *rng, bool is_female,
                char ret_name[SYNTH_NAME_SIZE], uint8_t *ret_length);

/* synth_files.c: names, first and last rows, and the files without rows of customers. */
size_t synth_file_count(const struct synth_world *world);
/* `txn_202401.dat`, `truth/needs.csv`; LX_ERR_LIMIT is impossible for what this program names. */
void synth_file_name(const struct synth_world *world, size_t file, char *ret_name, size_t size);
/* First row of a file that has a header. */
void synth_put_header(const struct synth_world *world, size_t file, struct lx_buffer *buffer);
/* Last row of a file that has a trailer. */
void synth_put_trailer(size_t file, uint64_t rows, struct lx_buffer *buffer);
enum { SYNTH_SMALL_FILES = 4 };
const char *synth_small_file_name(size_t file);
void synth_put_small_file(const struct synth_world *world, size_t file, struct lx_buffer *buffer);

#endif
