#ifndef MODEL_TRIAL_KIND_H
#define MODEL_TRIAL_KIND_H

/*
 * trial_kind: what one data set adds to a trial: its files, how its rows are predicted from others,
 * and which figures describe that. Private to the trials.
 *
 * Ownership: data owns its tables. Errors: trial.h's. Threads: a kind is constant; a task's
 * prediction uses env->thread_count threads.
 */

#include "base/env.h"
#include "learn/matrix.h"
#include "learn/sampling.h"
#include "model/trial_encode.h"
#include "model/trial_figures.h"
#include "model/trial_table.h"

enum { TRIAL_FILES_MAX = 2 };

struct trial_data {
    const struct trial_kind *kind;
    struct trial_table tables[TRIAL_FILES_MAX]; /* as kind->files; all of the same length */
    size_t row_count;
    uint8_t *labels; /* by row: 1 where it is of the rare class; owned */
};

/* Predict the test rows from the training rows, and from nothing else. */
struct trial_task {
    const struct trial_data *train, *test; /* may be the same */
    const uint32_t *train_rows, *test_rows;
    size_t train_count, test_count;
    enum trial_style style;
    enum sampling balance;
    uint64_t seed;
    const struct lx_env *env;
};

struct trial_kind {
    const char *name;
    /* A trial that is no prediction of rows from rows does everything itself; NULL: those below. */
    enum lx_err (*run)(const struct trial_options *options, const struct lx_env *env,
                       struct trial_result *ret_result, struct lx_error *err);
    const char *files[TRIAL_FILES_MAX]; /* NULL: one file only */
    bool is_in_time_order;
    const struct trial_definition *figures;
    size_t figure_count;
    const char *const *groups; /* NULL, or: figure i is of groups[i / group_size] */
    size_t group_size;

    /* Are the columns there and of the right form? Fills data->labels, which are 0. */
    enum lx_err (*check)(struct trial_data *data, struct lx_error *err);
    /* ret_validation: rows of the training part that are measured too; left empty by most. */
    enum lx_err (*predict)(const struct trial_task *task, struct trial_predictions *ret_predictions,
                           struct trial_predictions *ret_validation, struct lx_error *err);
    enum lx_err (*summarise)(const struct trial_predictions *predictions,
                             struct trial_cases *cases);
    void (*name_case)(const struct trial_data *data, uint32_t row, char text[TRIAL_NAME_SIZE]);
    void (*name_candidate)(const struct trial_data *data, uint16_t candidate,
                           char text[TRIAL_NAME_SIZE]);
};

extern const struct trial_kind trial_coil2000, trial_santander, trial_bank_marketing, trial_zimnat,
    trial_open_bandit;
extern const struct trial_kind trial_zimnat_rounds, trial_coil2000_rounds;

/* zimnat's day, month and year of joining, the age then and, for ours, the day since 1970. */
enum { TRIAL_ZIMNAT_DATES_PLAIN = 4, TRIAL_ZIMNAT_DATES };
void trial_zimnat_dates(const struct trial_data *data, enum trial_style style, size_t row,
                        float *ret_values);

/* The group of a figure, NULL where figures stand alone. */
const char *trial_figure_group(const struct trial_kind *kind, size_t figure);

/* The kind of that name, or NULL. */
const struct trial_kind *trial_kind_find(const char *name);

/* Reads and checks the files under `path`. */
LX_MUST_USE enum lx_err trial_data_read(const struct trial_kind *kind, const char *path,
                                        struct trial_data *ret_data, struct lx_error *err);
void trial_data_release(struct trial_data *data);

/* Predicts and computes each figure's value; for one part of a cross-validation. */
LX_MUST_USE enum lx_err trial_measure(const struct trial_task *task, bool is_fold,
                                      double *ret_values, struct lx_error *err);

/* A case that has no name of its own is called by its row, from 1. */
void trial_case_number(const struct trial_data *data, uint32_t row, char text[TRIAL_NAME_SIZE]);

/* One row a case. */
enum lx_err trial_summarise_single(const struct trial_predictions *predictions,
                                   struct trial_cases *cases);

/* ---- Shared by the data sets ---- */

/* Labels from a column that holds one of two texts. */
LX_MUST_USE enum lx_err trial_labels_of(struct trial_data *data, const char *column,
                                        const char *positive, const char *negative,
                                        struct lx_error *err);

/*
 * A matrix of `row_count` rows: a binding's features, then those by `extra`.
 */
struct trial_extra {
    size_t count;
    void (*fill)(const void *context, const struct trial_data *data, size_t row, float *ret_values);
    const void *context;
};
LX_MUST_USE enum lx_err trial_matrix(const struct trial_binding *binding,
                                     const struct trial_extra *extra, const struct trial_data *data,
                                     const uint32_t *rows, size_t row_count,
                                     struct matrix *ret_matrix, struct lx_error *err);

/* The training and the test matrix of a task: the columns of table 0 that `is_used` allows (NULL:
 * all), encoded as the training rows show them, and the extra ones (NULL: none). */
struct trial_matrices {
    struct matrix train, test;
};
LX_MUST_USE enum lx_err trial_encode(const struct trial_task *task,
                                     bool (*is_used)(const void *context,
                                                     const struct trial_column *column),
                                     const void *context, const struct trial_extra *extra,
                                     struct trial_matrices *ret_matrices, struct lx_error *err);
void trial_matrices_release(struct trial_matrices *matrices);

/*
 * The classifier of every trial with two classes. TRIAL_OURS: the house ensemble, calibrated on the
 * margins that its own members had not seen. TRIAL_PLAIN: the plain tool, as it is.
 * TRIAL_POPULARITY: the share of positive labels, for every row alike.
 * labels: a row of `train` each. ret_probabilities: a row of `test` each.
 */
LX_MUST_USE enum lx_err trial_classify(const struct trial_task *task, const struct matrix *train,
                                       const float *labels, const struct matrix *test,
                                       double *ret_probabilities, struct lx_error *err);

#endif
