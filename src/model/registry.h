#ifndef MODEL_REGISTRY_H
#define MODEL_REGISTRY_H

/*
 * registry: models on disk, each under the hash of its content, and which of them is live.
 *
 * DIR/models/<id>/model.json   the trees, XGBoost's JSON
 * DIR/models/<id>/card.json    what it was made from and how good it is; holds the SHA-256 of
 *                              model.json and, where there are such, of the two below
 * DIR/models/<id>/products.graph   the products' relations as of the training (product_graph.h)
 * DIR/models/<id>/traits.json  inputs at training and importances (traits.h)
 * DIR/models/<id>/second.bin   the second round (second.h); its SHA-256 is on the card, too
 * DIR/models/current           the id of the live one, and a newline; who changes it is life.h
 *
 * The id is the first 12 hex digits of the SHA-256 of card.json, so that a flipped bit in either
 * file is seen when the model is loaded. The card holds no clock: same data, seed and parameters
 * give the same id. A folder is complete before anything names it, and is never changed.
 *
 * Ownership: a model is the caller's until model_close; what it hands out is borrowed from it.
 * Errors:    LX_ERR_NOT_READY (no model: run `lingxi train`; other feature set: train again),
 *            LX_ERR_CORRUPT (hash differs, card is not one), host's.
 * Threads:   a loaded model is read-only.
 */

#include "base/env.h"
#include "bank/catalogue.h"
#include "learn/calibration.h"
#include "learn/sampling.h"
#include "model/quality.h"
#include "model/rows_weights.h"
#include "model/second_figures.h"

enum {
    REGISTRY_ID_DIGITS = 12,
    REGISTRY_ID_SIZE = REGISTRY_ID_DIGITS + 1,
    REGISTRY_MOMENTS_MAX = 64
};

/* Lineage and quality: everything that is kept beside the trees. */
struct model_card {
    int64_t as_of_ms;           /* only what was known by then went in */
    int64_t newest_known_ms;    /* the bank was complete up to here */
    int64_t customers, batches; /* in the bank; batches: number of the newest one */
    uint8_t feature_set[32];    /* view_features_hash */
    uint8_t catalogue[32];      /* registry_catalogue_hash */
    uint8_t graph[32];          /* SHA-256 of products.graph; zero: the model has none */
    uint8_t traits[32];         /* SHA-256 of traits.json; all zero: there are none */
    size_t feature_count;
    int horizon_days;
    uint64_t seed;
    enum sampling balance;
    struct rows_weights weights;
    struct focal focal; /* zero unless balance is focal */
    int round_count, max_depth;
    double learning_rate, min_child_weight, lambda, subsample, column_sample;
    uint64_t rows, positives;        /* fitted on, before balancing */
    double true_rate, negative_rate; /* of positives; share of negatives kept */
    double sampled_rate;             /* of positives as the trees saw it */
    uint64_t quality_rows, quality_positives;
    int64_t moments_ms[REGISTRY_MOMENTS_MAX];           /* as-of moments, ascending: */
    size_t fit_count, calibration_count, quality_count; /* of each part, in this order */
    struct calibration calibration;
    struct quality quality[QUALITY_BY_COUNT];
    bool has_second; /* a second round was trained beside it */
    uint8_t second_hash[32];
    struct second_figures second;
};

/* From this moment on nothing was fitted or calibrated on: the end of its last label window. */
int64_t model_card_unseen_from_ms(const struct model_card *card);

/* SHA-256 of what features say about products. */
void registry_catalogue_hash(const struct bank_catalogue *catalogue, uint8_t ret_hash[32]);

/* The card as JSON, and back. LX_ERR_CORRUPT where it is not one. */
void model_card_write(const struct model_card *card, const uint8_t trees_hash[32],
                      struct lx_buffer *json);
LX_MUST_USE enum lx_err model_card_read(const char *json, size_t length,
                                        struct model_card *ret_card, uint8_t ret_trees_hash[32],
                                        struct lx_error *err);

/* Writes the model; it is not live by that. `trees` is XGBoost's JSON. The same content again is no
 * error. `traits` is what card->traits is the hash of; NULL where that is zero. */
LX_MUST_USE enum lx_err registry_save(const char *folder, const struct model_card *card,
                                      const char *trees, size_t trees_length,
                                      const struct lx_buffer *traits, char ret_id[REGISTRY_ID_SIZE],
                                      struct lx_error *err);
struct model_traits;
/* A model's traits, checked against its card. LX_ERR_NOT_READY where it has none. */
LX_MUST_USE enum lx_err registry_traits(const char *folder, const char *id,
                                        struct model_traits *ret_traits, struct lx_error *err);

/* What `current` names, and naming another one: for life.h, which journals it first. */
LX_MUST_USE enum lx_err registry_named(const char *folder, char ret_id[REGISTRY_ID_SIZE],
                                       struct lx_error *err);
LX_MUST_USE enum lx_err registry_set_current(const char *folder, const char *id,
                                             struct lx_error *err);

/* A model's card, checked against its id, and the SHA-256 of the file. LX_ERR_NOT_FOUND. */
LX_MUST_USE enum lx_err registry_card(const char *folder, const char *id,
                                      struct model_card *ret_card, struct lx_error *err);
LX_MUST_USE enum lx_err registry_card_hash(const char *folder, const char *id, uint8_t ret_hash[32],
                                           struct lx_error *err);

/* A registered model's products.graph: written before anything names the model, and read back. The
 * bytes must have the SHA-256 that is on the card. LX_ERR_NOT_READY where the card has none. */
LX_MUST_USE enum lx_err registry_save_graph(const char *folder, const char *id, const void *bytes,
                                            size_t length, struct lx_error *err);
/* second_write's bytes, likewise; LX_ERR_CORRUPT where they have not the card's hash. model_open
 * reads them. */
LX_MUST_USE enum lx_err registry_save_second(const char *folder, const char *id, const void *bytes,
                                             size_t length, struct lx_error *err);
LX_MUST_USE enum lx_err registry_read_graph(const char *folder, const char *id,
                                            struct lx_buffer *bytes, struct lx_error *err);

/* The id of the live model: what `current` names, or what a change that was interrupted made live.
 */
LX_MUST_USE enum lx_err registry_current(const char *folder, char ret_id[REGISTRY_ID_SIZE],
                                         struct lx_error *err);

struct model;
struct forest;
struct view_features;
struct scorer;
struct second;

/* `id` NULL: the live one. Verifies both files and that it was trained on these features. */
LX_MUST_USE enum lx_err model_open(const char *folder, const char *id,
                                   const struct view_features *features, struct model **ret_model,
                                   struct lx_error *err);
/* From memory, for trials and tests that never touch the disk; copies the card. */
LX_MUST_USE enum lx_err model_of(const struct model_card *card, const char *trees,
                                 size_t trees_length, struct model **ret_model,
                                 struct lx_error *err);
void model_close(struct model *model); /* NULL is fine */

const char *model_id(const struct model *model);
const struct model_card *model_card(const struct model *model);
const struct forest *model_forest(const struct model *model);
const struct scorer *model_scorer(const struct model *model);
/* NULL: none was trained beside it. */
const struct second *model_second(const struct model *model);

/* Calibrated log-odds of `count` rows of card->feature_count floats each. `scratch`:
 * model_scratch_bytes of the caller's, one for each thread. */
size_t model_scratch_bytes(const struct model *model);
void model_log_odds(const struct model *model, const float *rows, size_t count, void *scratch,
                    double *ret_log_odds);
/* 1 / (1 + exp(-log_odds)). */
double model_probability(double log_odds);
/*
 * 0-100, a scorecard's scale: SCORE_BASE is the odds of the average pair (the card's true_rate),
 * and every SCORE_DOUBLING points double the odds. Rounded to the nearest, ends cut off.
 */
enum { SCORE_BASE = 50, SCORE_DOUBLING = 6 };
int model_score(const struct model *model, double log_odds);

#endif
