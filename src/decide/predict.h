#ifndef DECIDE_PREDICT_H
#define DECIDE_PREDICT_H

/*
 * predict: the labels that are a model's output, of one customer, appended to his portrait.
 *
 * What is told is of the products that the rules let be shown to him now: the likeliest one of the
 * label's category, or its product. The likeliest label comes first. Who did not consent to
 * personalisation has none of these labels. Beside the calibrated probability stands its
 * confidence, as far as it was measured: the share of like pairs that came true, with its 95 %
 * interval (model/label_measure.h).
 *
 * Errors: engine's, portrait's. Threads: as the engine.
 */

#include "decide/engine.h"
#include "model/label_measure.h"
#include "view/portrait.h"

/* `measures`: of the live model and these labels. */
LX_MUST_USE enum lx_err decide_predict(struct engine *engine, const char *customer,
                                       const struct view_labels *labels,
                                       const struct label_measures *measures,
                                       struct portrait *portrait, struct lx_error *err);

#endif
