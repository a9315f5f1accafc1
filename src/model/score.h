#ifndef MODEL_SCORE_H
#define MODEL_SCORE_H

/*
 * score: every candidate pair of some moments, scored; what calibration and quality look at.
 *
 * Nothing is sampled but customers, and those in blocks by a hash that knows nothing of labels
 * (rows_scan.h), so every rate is the bank's own. Features are made, scored and forgotten customer
 * by customer; only margin, label, product and moment of a row are kept.
 *
 * Ownership: scored_release. Threads: as rows_build; the result does not depend on their number.
 * Errors:    LX_ERR_NOT_READY (no candidate pair), LX_ERR_NO_MEMORY, bank's.
 */

#include "learn/calibration.h"
#include "learn/scorer.h"
#include "model/kept.h"
#include "model/quality.h"
#include "model/rows.h"

struct scored {
    float *margins;
    float *rival_margins;      /* of the second scorer; NULL without one */
    uint8_t *labels, *moments; /* 0 or 1; index in the plan */
    uint16_t *products;
    size_t count, positives, product_count;
    size_t *case_ends;    /* a case is a customer at a moment */
    uint32_t *case_units; /* his place among the customers that are here */
    size_t case_count, unit_count;
    double *popularity; /* moment * product_count + product: openings in the 30 days before */
    struct kept sample, baseline; /* of task->keeping; else empty */
};

/*
 * Rows to keep with their features, by hashes, about so many; 0: none. `sample`: of the moments
 * from `first` on, positives and negatives each with one chance. `baseline`: of the last moment,
 * customers with one chance, one of a customer's candidates each.
 */
struct score_keeping {
    size_t first;
    size_t sample_negatives, sample_positives, baseline_rows;
};

struct score_task {
    const struct scorer *scorer, *rival; /* rival NULL: none */
    size_t customers_max;
    struct score_keeping keeping;
};
LX_MUST_USE enum lx_err score_pairs(const struct rows_plan *plan, const struct score_task *task,
                                    const struct lx_env *env, struct scored *ret_scored,
                                    struct lx_error *err);
void scored_release(struct scored *scored);

/* Margins and labels, or calibrated log-odds, of the rows of moments [first, first + count) of the
 * plan, in order; room for all rows. How many there are is the result. */
size_t scored_margins(const struct scored *scored, size_t first, size_t count, double *ret_margins,
                      uint8_t *ret_labels);
size_t scored_log_odds(const struct scored *scored, const struct calibration *calibration,
                       size_t first, size_t count, double *ret_log_odds);

/* The figures of the rows of these moments; probabilities by the calibration. resamples 0: no
 * intervals. LX_ERR_NOT_READY without rows. */
struct scored_question {
    const struct calibration *calibration;
    size_t first, count; /* moments */
    uint64_t seed;
    int resamples, thread_count;
    bool is_rival; /* by the second scorer's margins */
};
LX_MUST_USE enum lx_err
scored_quality(const struct scored *scored, const struct scored_question *question,
               struct quality ret_value[QUALITY_BY_COUNT], struct quality ret_low[QUALITY_BY_COUNT],
               struct quality ret_high[QUALITY_BY_COUNT], struct lx_error *err);

/* The model's figures in each of question->resamples resamples: quality_resamples. */
LX_MUST_USE enum lx_err scored_resamples(const struct scored *scored,
                                         const struct scored_question *question,
                                         struct quality *ret_resamples, struct lx_error *err);

#endif
