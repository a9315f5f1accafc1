#ifndef MODEL_SECOND_FIGURES_H
#define MODEL_SECOND_FIGURES_H

/* second_figures: what a model's card says of its second round. Plain numbers. */

#include "learn/metrics.h"

struct second_figures {
    uint64_t asked, asked_yes;       /* offers of the campaign log that were learnt from */
    uint64_t replayed, replayed_yes; /* customers; of them those with a truth */
    struct metric_interval log_gain; /* second_fit.h; NaN: not measured */
    struct metric_interval replay_gain, kernel_gain;
    struct metric_interval teach_gain;
    double taught;     /* share of the replayed first rounds whose last place would teach */
    double teach_loss; /* what these expect to lose in the first round, of its expected yeses */
    bool uses_log, uses_forest, teaches;
};

#endif
