#ifndef VIEW_SCHEMA_H
#define VIEW_SCHEMA_H

/*
 * schema: what an expression may speak of: a customer, a product, what happened, who answered.
 *
 * There are two scopes over one list of fields. VIEW_CUSTOMER has the first ones: the customer's
 * own fields and his features. VIEW_PAIR has all: those, then the product's fields and the features
 * of pairs. A feature becomes a field by its name, and may be read by those added after it; a name
 * that a field has already stays that field's. What a feature is read as is what a snapshot keeps
 * of it: its value as a float, turned back into its type. Every name, its Chinese alias, type and
 * getter stand in one table of schema.c.
 *
 * Ownership: a schema owns all its texts; expressions borrow it. A reading borrows all it points
 * to. Errors:    LX_ERR_NO_MEMORY, LX_ERR_LIMIT, bank's. Threads:   read-only once sealed and
 * filled; a reading belongs to one thread.
 */

#include "expr/expr.h"
#include "view/feature.h"

enum view_scope { VIEW_CUSTOMER, VIEW_PAIR };

/* Relations, in the order of the schema; windows run over events unless they name another. */
enum view_relation { VIEW_EVENTS, VIEW_OFFERS, VIEW_HOLDINGS, VIEW_RELATION_COUNT };

/* The fields of events that windows are told apart by. */
enum view_event_field {
    VIEW_EVENT_AT,
    VIEW_EVENT_DAY,
    VIEW_EVENT_KIND,
    VIEW_EVENT_CHANNEL,
    VIEW_EVENT_MERCHANT,
    VIEW_EVENT_PRODUCT,
    VIEW_EVENT_CATEGORY,
    VIEW_EVENT_AMOUNT,
    VIEW_EVENT_BALANCE,
    VIEW_EVENT_QUANTITY,
    VIEW_EVENT_FIELD_COUNT
};

/* The bank's code lists, by enum bank_list; texts[list][number]. */
struct view_code_lists {
    const char *const *texts[BANK_LIST_CAMPAIGN + 1];
    int counts[BANK_LIST_CAMPAIGN + 1];
};

struct view_schema;

/* All texts are copied. At most 65,535 codes of a list are spoken of. */
LX_MUST_USE enum lx_err view_schema_open(const struct bank_catalogue *catalogue,
                                         const struct view_code_lists *lists,
                                         struct view_schema **ret_schema, struct lx_error *err);
LX_MUST_USE enum lx_err view_schema_open_bank(struct bank *bank, struct view_schema **ret_schema,
                                              struct lx_error *err);
void view_schema_close(struct view_schema *schema);

/*
 * Adds a feature as a field; its place among the features of its scope is the n-th call's. Customer
 * features come before view_schema_seal, pair features after. LX_ERR_LIMIT past LX_FEATURES_MAX.
 */
LX_MUST_USE enum lx_err view_schema_add(struct view_schema *schema, enum view_scope scope,
                                        const char *name, const char *zh, enum expr_type type,
                                        const struct expr_enumeration *enumeration,
                                        struct lx_error *err);
/* No more customer features: the product's fields follow. */
void view_schema_seal(struct view_schema *schema);

/* Valid as long as the schema, and growing with view_schema_add. VIEW_PAIR only once sealed. */
const struct expr_schema *view_schema_scope(const struct view_schema *schema,
                                            enum view_scope scope);

/* What a field is, for who must know before a value is there. */
enum view_field_kind {
    VIEW_FIELD_FACT,    /* of view_facts, catalogue or moment: at hand with every snapshot */
    VIEW_FIELD_PROFILE, /* only in the customer's history: gender, income, ... */
    VIEW_FIELD_CUSTOMER_FEATURE,
    VIEW_FIELD_PAIR_FEATURE
};
/* *ret_place: the number of a feature within its scope. */
enum view_field_kind view_schema_field_kind(const struct view_schema *schema, size_t field,
                                            size_t *ret_place);
/* How many fields of the customer come before the features: those that a snapshot keeps as they
 * are. Their names and types in order, as a snapshot remembers which it has. */
size_t view_schema_own_count(void);
const char *view_schema_own_names(void);
/* Whether the function says that one of some products is held, and of which: a bit a product. */
bool view_schema_asks_held(const struct bank_catalogue *catalogue, size_t function,
                           const struct expr_value *arguments, size_t argument_count,
                           uint64_t ret_products[(LX_PRODUCT_MAX + 63) / 64]);
/* Whether the function asks the peers, who are known only when every customer was seen. */
bool view_schema_asks_peers(size_t function);

/* The places of the customer features that a cohort is made of: age, balance, acts_90d. */
void view_schema_set_cohort(struct view_schema *schema, const size_t places[3]);

/* A customer, and in pair scope a product, as of a moment. */
struct view_reading {
    const struct view_schema *schema;
    const struct view_context *context;
    const struct view_facts *facts;
    const struct bank_profile *profile; /* NULL: none was known, or it is not at hand */
    int64_t as_of_ms;
    int32_t today;
    const float *customer_values, *pair_values; /* of the features; pair_values: of the product */
    int product;                                /* BANK_NO_PRODUCT in customer scope */
    struct bank_terms terms;                    /* of the product as of the moment */
    int cohort, branch, occupation;             /* groups of the peers */
    uint64_t refused_channels;
    enum view_relation relation; /* of the row of the past that a window looks at: */
    const void *row;             /* bank_event, bank_exposure or view_holding */
};

/* A product held, and the bank day since which it has been. */
struct view_holding {
    int product;
    int32_t opened_day; /* INT32_MIN: from before the bank's records */
    int count;          /* how many are open */
};

/* `profile` may be NULL, and so may `customer_values` where no expression reads a feature. */
void view_reading_begin(const struct view_schema *schema, const struct view_context *context,
                        const struct view_facts *facts, const struct bank_profile *profile,
                        int64_t as_of_ms, const float *customer_values,
                        struct view_reading *ret_reading);
/* Finds the groups of the peers; the three features of the cohort are there by now. */
void view_reading_find_peers(struct view_reading *reading);
/* Turns to a product; `pair_values` may be NULL where no expression reads a feature of pairs. */
void view_reading_turn(struct view_reading *reading, int product, const float *pair_values);

/* expr_row callbacks over a reading; `window` is the caller's own. */
enum lx_err view_reading_field(void *reading, size_t field, struct expr_value *ret_value,
                               struct lx_error *err);
enum lx_err view_reading_call(void *reading, size_t function, const struct expr_value *arguments,
                              size_t argument_count, struct expr_value *ret_value,
                              struct lx_error *err);
enum lx_err view_reading_relation_field(void *reading, size_t relation, size_t field,
                                        struct expr_value *ret_value, struct lx_error *err);
/* All of them but `window`, which fails: no window stands in what it evaluates. */
struct expr_row view_reading_row(struct view_reading *reading);

/* A value as a snapshot keeps it: money in fen, days, positions, 0 or 1; NaN for NULL. */
float view_value_to_float(const struct expr_value *value, enum expr_type type);
struct expr_value view_value_of_float(float value, enum expr_type type);

#endif
