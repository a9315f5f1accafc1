#ifndef DECIDE_ENGINE_PARTS_H
#define DECIDE_ENGINE_PARTS_H

/* engine_parts: what an engine is made of. Private to decide. */

#include "decide/actions.h"
#include "decide/engine.h"
#include "decide/explain.h"
#include "decide/overlay.h"
#include "decide/posteriors.h"
#include "decide/rule_book.h"
#include "decide/segments.h"
#include "learn/attribution.h"
#include "model/second.h"

struct engine {
    const struct lx_env *env; /* borrowed */
    enum engine_mode mode;
    struct bank *bank;
    struct view_snapshot *snapshot;
    const struct view_features *features; /* the snapshot's */
    struct view_scratch *view_scratch;
    struct model *model;
    struct journal *journal;
    struct overlay *overlay;
    struct rule_book book;
    struct actions actions;
    struct segments *segments;
    struct posteriors *posteriors;
    const struct live *live; /* borrowed; of ENGINE_SERVE */
    uint32_t heard;          /* its answers up to here are in the posteriors */
    struct attribution *attribution;
    struct second *untrained;    /* where the model has no second round of its own */
    const struct second *second; /* the model's, or that */
    void *second_scratch;
    struct explain_index sentences;
    size_t customer_count, pair_count, product_count; /* features of each kind; products */
    void *score_scratch, *explain_scratch;
    float *pairs;                 /* pair features of every product */
    float *rows;                  /* product_count rows of customer and pair features */
    float *contributions;         /* of one row, and the mean */
    double *log_odds, *posterior; /* by product */
};

#endif
