#ifndef MODEL_TRIAL_H
#define MODEL_TRIAL_H

/*
 * trial: a public data set end to end, so that what is claimed can be judged by anybody: read its
 * files, learn from one part, predict another, print the figures and, on request, every prediction
 * that they were computed from. What each data set is and does: docs/internals/trials.md.
 *
 * A path is a folder laid out as the data set's own, or its one file.
 *
 * Errors:  LX_ERR_USAGE (no such trial; a balance method where there are several classes),
 *          LX_ERR_BAD_INPUT (a column is missing, no rows, one class only: with the file's name),
 *          and those of host, csv, learn.
 * Threads: uses env->thread_count. The same data, options and thread count give the same figures.
 */

#include "base/env.h"
#include "learn/sampling.h"

enum { TRIAL_FIGURES_MAX = 24, TRIAL_RESAMPLES = 200 };

enum trial_form { TRIAL_REAL, TRIAL_COUNT, TRIAL_FLAG, TRIAL_ESTIMATE };

struct trial_figure {
    const char *name;
    const char *group; /* what it belongs to with others of its kind, "k3"; or NULL */
    enum trial_form form;
    double value; /* NaN where it is not defined; a flag is 0 or 1 */
    bool has_interval;
    double low, high; /* 95 %, by bootstrap over cases; off-policy: docs/internals/off-policy.md */
    /* TRIAL_ESTIMATE: of the estimate itself. */
    double standard_error, value_low, value_high, bootstrap_low, bootstrap_high;
};

struct trial_options {
    const char *name, *train, *test;
    const char *predictions; /* a file that is written, or NULL */
    enum sampling balance;
    uint64_t seed;
    int resamples; /* for intervals; 0: TRIAL_RESAMPLES, negative: no intervals */
};

struct trial_result {
    struct trial_figure figures[TRIAL_FIGURES_MAX];
    size_t figure_count;
    uint64_t train_rows, test_rows;
    unsigned warnings; /* enum off_policy_warning, open_bandit alone */
    double seconds;
};

/*
 * predictions: CSV `case,candidate,score,label`, a row for each case and candidate of the test
 * part; trials of two rounds add `arm,round,position`, and have a row for each way of ranking too.
 * Where rows of the training part are measured as well, they go to FILE.validation. open_bandit
 * writes `policy,position,propensity,click,estimate_term` and more columns, a row an exposure.
 */
LX_MUST_USE enum lx_err trial_run(const struct trial_options *options, const struct lx_env *env,
                                  struct trial_result *ret_result, struct lx_error *err);

/* The n-th name, NULL past the last; and whether there is a trial of that name. */
const char *trial_name(size_t n);
bool trial_exists(const char *name);

/*
 * Ours beside the plain tool (XGBoost, 200 trees of depth 4, the columns as they are) on the same
 * parts of one data set, and beside no model at all: `repeats` times `folds` random folds, or,
 * where rows are in time order, repeats * folds consecutive blocks of the later half, each
 * predicted from all rows before it.
 */
struct trial_crossvalidation {
    const char *name, *path;
    int repeats, folds;
    enum sampling balance; /* ours only */
    uint64_t seed;
};

/* Means over the parts. The interval of the difference is Student's with the variance corrected
 * for overlapping training parts (Nadeau and Bengio 2003). */
struct trial_difference {
    const char *name, *group;
    double ours, plain, difference, low, high;
    double popularity; /* shares of the training rows, whoever the case is */
};

struct trial_comparison {
    struct trial_difference figures[TRIAL_FIGURES_MAX];
    size_t figure_count, part_count;
    uint64_t rows;
    double seconds;
};

LX_MUST_USE enum lx_err trial_crossvalidate(const struct trial_crossvalidation *options,
                                            const struct lx_env *env,
                                            struct trial_comparison *ret_comparison,
                                            struct lx_error *err);

/*
 * Every balance method on the same parts: figures are of ours with the method (`ours`), of ours
 * with none (`plain`), and their difference with its interval, as above. options->balance is not
 * read.
 */
struct trial_method {
    enum sampling balance;
    struct trial_difference figures[TRIAL_FIGURES_MAX];
    double seconds;
};
struct trial_methods {
    struct trial_method methods[SAMPLING_COUNT];
    size_t figure_count, part_count;
    uint64_t rows;
    double seconds;
};
LX_MUST_USE enum lx_err trial_compare(const struct trial_crossvalidation *options,
                                      const struct lx_env *env, struct trial_methods *ret_methods,
                                      struct lx_error *err);

#endif
