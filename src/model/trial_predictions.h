#ifndef MODEL_TRIAL_PREDICTIONS_H
#define MODEL_TRIAL_PREDICTIONS_H

/*
 * trial_predictions: what a trial said of each case and candidate, and what was true. Rows of one
 * case lie together. Every figure is computed from these rows and from nothing else.
 *
 * Ownership: owns its arrays. Errors: LX_ERR_NO_MEMORY, LX_ERR_LIMIT. Threads: one at a time.
 */

#include "base/base.h"

enum { TRIAL_GIVEN_MAX = 8, TRIAL_NAME_SIZE = 64 };

/* Where a row stood in a list, of trials that show lists round after round. */
struct trial_place {
    uint16_t arm;             /* number among the predictions' arms */
    uint16_t round, position; /* both from 1; positions go on from round to round */
};

struct trial_predictions {
    const char *const *arms;    /* their names, constant; NULL: no lists, no places */
    struct trial_place *places; /* by row, where there are arms */
    size_t place_capacity;
    double *scores; /* by row: a calibrated probability */
    uint8_t *labels;
    uint16_t *candidates;
    size_t count, score_capacity, label_capacity, candidate_capacity;
    uint32_t *case_rows; /* by case: its row in the table */
    size_t *case_ends;   /* by case: end of its rows here */
    size_t case_count, row_capacity, end_capacity;
    double given[TRIAL_GIVEN_MAX]; /* figures that other rows than these decide */
};

void trial_predictions_release(struct trial_predictions *predictions);

/* A new case without rows; then its rows. */
LX_MUST_USE enum lx_err trial_predictions_case(struct trial_predictions *predictions,
                                               uint32_t table_row);
LX_MUST_USE enum lx_err trial_predictions_add(struct trial_predictions *predictions,
                                              uint16_t candidate, double score, bool label);

/* The same with its place; for predictions that have arms. */
LX_MUST_USE enum lx_err trial_predictions_add_place(struct trial_predictions *predictions,
                                                    uint16_t candidate, double score, bool label,
                                                    struct trial_place place);

/* How cases and candidates are called in the file. */
struct trial_names {
    const void *context;
    void (*name_case)(const void *context, uint32_t table_row, char text[TRIAL_NAME_SIZE]);
    void (*name_candidate)(const void *context, uint16_t candidate, char text[TRIAL_NAME_SIZE]);
};

/* Writes `case,candidate,score,label`, and where there are arms `,arm,round,position`. */
LX_MUST_USE enum lx_err trial_predictions_write(const struct trial_predictions *predictions,
                                                const struct trial_names *names, const char *path,
                                                struct lx_error *err);

#endif
