#ifndef VIEW_LABEL_SET_H
#define VIEW_LABEL_SET_H

/* label_set: what is behind struct view_labels. Private to view. */

#include "view/labels.h"
#include "view/program.h"

struct view_labels {
    const struct view_features *features;
    struct view_label *items;
    struct expr **exprs; /* by label, NULL of a model's output */
    uint16_t **places;   /* in the program, by label and the expression's window */
    size_t count;
    struct program program;
    struct lx_arena arena;
};

/* The parser: fills items and exprs. */
LX_MUST_USE enum lx_err label_set_read(struct view_labels *labels, const char *file,
                                       const char *bytes, size_t length,
                                       const struct bank_catalogue *catalogue,
                                       struct lx_error *err);

/* Below, at or above 0. */
int label_compare(enum expr_type type, const struct expr_value *a, const struct expr_value *b);

#endif
