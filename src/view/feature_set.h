#ifndef VIEW_FEATURE_SET_H
#define VIEW_FEATURE_SET_H

/* feature_set: what is behind struct view_features. Private to view. */

#include <stdatomic.h>

#include "codec/digest.h"
#include "view/features.h"
#include "view/program.h"

enum { COHORT_FEATURES = 3 };

/* How a feature's value is had, from the quickest. */
enum feature_shape {
    FEATURE_WINDOW, /* the window alone, or what `default` says */
    FEATURE_TREE    /* evaluated */
};

struct feature {
    struct view_feature title;
    struct expr *expr;
    enum expr_type type; /* as a field */
    enum feature_shape shape;
    bool is_yuan;    /* a REAL that is kept as money */
    bool is_late;    /* a customer feature that asks the peers */
    bool is_derived; /* a pair feature that a snapshot need not keep */
    bool
        is_of_product; /* a derived one that reads the product alone: the same for every customer */
    struct expr_value otherwise; /* FEATURE_WINDOW: for NULL */
    uint16_t *places;            /* in the program, by the expression's window */
};

struct view_features {
    struct view_schema *schema;
    struct feature *items[2]; /* by scope */
    size_t counts[2];
    size_t cohort[COHORT_FEATURES];
    struct program programs[2]; /* by scope */
    struct program cohort_program;
    uint16_t *cohort_places[COHORT_FEATURES];
    uint8_t hash[DIGEST_SIZE];
    struct lx_arena arena;
    atomic_size_t shares; /* owners besides the first */
};

/* The features of a cohort, which the peers are told apart by. */
extern const char *const feature_cohort_names[COHORT_FEATURES];

/* A scratch's own run over the program of a scope. */
struct run *feature_run(struct view_scratch *scratch, enum view_scope scope);
/* Of a customer (`product` BANK_NO_PRODUCT) or a product the wanted features that are not late and
 * not derived, read off that run as it stands; `values` holds the others. */
void feature_compute_wanted(struct view_scratch *scratch, const struct view_context *context,
                            const struct view_facts *facts, int64_t as_of_ms, int product,
                            const bool *is_wanted, const float *customer_values, float *values);

/* The parser: fills items and schema. */
LX_MUST_USE enum lx_err feature_set_read(struct view_features *features, const char *file,
                                         const char *bytes, size_t length, struct lx_error *err);

#endif
