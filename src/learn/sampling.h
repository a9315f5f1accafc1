#ifndef LEARN_SAMPLING_H
#define LEARN_SAMPLING_H

/*
 * sampling: what training is given when positives are one in a hundred; one interface, chosen by
 * name (`--balance`). After any of them the probability is brought back to the true rate by
 * calibration.h, with the rates reported here.
 *
 *  under             negatives drawn without replacement.
 *  over              positives drawn with replacement.
 *  smote             Chawla, Bowyer, Hall, Kegelmeyer 2002: a new positive lies anywhere on the
 *                    segment between a positive and one of its 5 nearest positives.
 *  smote_nc          The same paper, 6.1: columns may be nominal. Two values that differ add
 *                    Med^2 to the squared distance, Med the median of the positives' standard
 *                    deviations over the other columns (1 where there are none); a new row takes
 *                    the value that most of the 5 neighbours have, of several the one of the
 *                    nearest. A missing value is a value like others.
 *  borderline_smote  Han, Wang, Mao 2005, kind 1: only positives of whose 10 nearest rows half or
 *                    more, but not all, are negative make new ones. Where there is no such
 *                    positive nothing is made.
 *  adasyn            He, Bai, Garcia, Li 2008: as many new ones from a positive as its share of
 *                    the negatives among its 5 nearest rows; the shares are rounded so that the
 *                    total is exact. Where no positive has one nothing is made.
 *  clusters          Negatives in 32 clusters of their standardised features (kmeans.h). Half of
 *                    the places go to clusters by how many positives they hold, which are the hard
 *                    ones, half by how many negatives; each place weighs as many as it stands for,
 *                    so that clusters and the rate stay as they are.
 *  focal             Lin et al. 2017, focal.h: rows stay, the objective changes.
 *  forest            Breiman 2001; Chen, Liaw, Breiman 2004 (weighted): rows stay and weigh as
 *                    under `weights`, training grows one round of many trees.
 *
 * Labels are 0 or 1. Rows that stay keep their order; new ones come after them. A row's weight
 * stays with it, and a new row weighs what the positive weighs that it was made from. Distances
 * are measured on the values as they are given, as imbalanced-learn does, or with `is_scaled` on
 * standardised columns. A missing value counts as its column's mean in the distance and stays
 * missing in what is made from its row.
 *
 * Deterministic by seed, whatever the number of threads. Errors: LX_ERR_USAGE for an unknown name
 * (lists the known ones), LX_ERR_BAD_INPUT (one class only, one positive where two are needed),
 * LX_ERR_LIMIT (more than SAMPLING_NOMINAL_MAX nominal values), LX_ERR_NO_MEMORY.
 */

#include "learn/focal.h"
#include "learn/matrix.h"
#include "learn/xgboost.h"

#define SAMPLING_MAP(X)                                                                            \
    X(NONE, "none", "every row as it is")                                                          \
    X(WEIGHTS, "weights", "positives weigh as much as negatives together")                         \
    X(UNDER, "under", "random under-sampling of negatives, ten to a positive")                     \
    X(OVER, "over", "random over-sampling of positives, one to ten negatives")                     \
    X(SMOTE, "smote", "SMOTE (Chawla et al. 2002), 5 neighbours, one to ten negatives")            \
    X(SMOTE_NC, "smote_nc", "SMOTE-NC (Chawla et al. 2002): nominal columns by their mode")        \
    X(BORDERLINE, "borderline_smote", "Borderline-SMOTE, kind 1 (Han et al. 2005)")                \
    X(ADASYN, "adasyn", "ADASYN (He et al. 2008): more where negatives are near")                  \
    X(CLUSTERS, "clusters", "negatives by clusters, weighted, ten to a positive")                  \
    X(FOCAL, "focal", "focal loss (Lin et al. 2017), gamma 2, alpha 0.25")                         \
    X(FOREST, "forest", "cost-sensitive forest: parallel trees, class weights")

enum sampling {
#define X(name, text, about) SAMPLING_##name,
    SAMPLING_MAP(X)
#undef X
        SAMPLING_COUNT
};
const char *sampling_name(enum sampling method);
const char *sampling_about(enum sampling method);
LX_MUST_USE enum lx_err sampling_find(const char *name, enum sampling *ret_method,
                                      struct lx_error *err);

enum { SAMPLING_NOMINAL_MAX = 4096 };

struct sampling_plan {
    enum sampling method;
    uint64_t seed;
    int thread_count;
    double ratio;           /* positives to a negative that is aimed for; 0: one tenth */
    bool is_scaled;         /* distances on standardised columns */
    const uint8_t *nominal; /* by column, 1 for nominal; NULL: a column of at most two values is.
                               Only smote_nc looks at it */
    struct focal focal;     /* gamma and alpha 0: FOCAL_GAMMA, FOCAL_ALPHA */
};

struct sampled {
    struct matrix matrix;    /* owned */
    float *labels, *weights; /* owned; weights NULL when all are one */
    /* Weighted share of positives before, and the constant answer that is best afterwards: the
     * share again, but for focal loss focal_rate of it. */
    double true_rate, sampled_rate;
};
LX_MUST_USE enum lx_err sampling_apply(const struct sampling_plan *plan,
                                       const struct matrix *matrix, const float *labels,
                                       const float *weights, struct sampled *ret_sampled,
                                       struct lx_error *err);
void sampled_release(struct sampled *sampled);

/* What the method changes in training itself: focal's objective, the forest's shape. Must be
 * called before xgb_train; other methods leave the parameters as they are. */
void sampling_shape(const struct sampling_plan *plan, struct xgb_params *params);

#endif
