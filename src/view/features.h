#ifndef VIEW_FEATURES_H
#define VIEW_FEATURES_H

/*
 * features: the definitions of a bank's features: DIR/features.ini, or where that file is missing
 * (a bank of an older version) the one that the program carries.
 *
 *   [define]                         names for conditions, written {act} in the expressions below
 *   act = kind in ('login', 'visit')
 *
 *   [logins_30d]                     a name: letters, digits and `_`, at most 48
 *   scope = customer                 or pair: customer and product; omitted: customer
 *   expression = count() where kind = 'login' over 30 days
 *   type = count                     count money days years share flag level seconds ratio code
 *   group = channels                 of VIEW_GROUP_MAP
 *   zh = 近30天登录次数
 *   en = logins in 30 days
 *   default = 0                      what stands for NULL; omitted: missing
 *   in_credit = yes                  whether credit decisions may read it; omitted: no
 *
 * A feature may read customer fields and features that stand before it. `type = money` over a real
 * is yuan, rounded to fen. A value that overflows is missing. A feature that asks the peers (they
 * are known when every customer was seen) has no windows and reads what a snapshot has.
 * docs/reference/features.md tells more.
 *
 * Ownership: owns its schema. Errors: LX_ERR_BAD_INPUT with file, line, column and a suggestion.
 * Threads:   read-only; what is computed needs a scratch for each thread.
 */

#include "view/schema.h"

struct view_features;

/* `schema` moves to the features, also after an error. */
LX_MUST_USE enum lx_err view_features_parse(const char *file, const char *bytes, size_t length,
                                            struct view_schema *schema,
                                            struct view_features **ret_features,
                                            struct lx_error *err);
LX_MUST_USE enum lx_err view_features_open(struct bank *bank, struct view_features **ret_features,
                                           struct lx_error *err);
/* The program's own over a schema of the caller, which moves to them. */
LX_MUST_USE enum lx_err view_features_parse_shipped(struct view_schema *schema,
                                                    struct view_features **ret_features,
                                                    struct lx_error *err);
/* The program's own, where there is no bank: titles and definitions, nothing to compute with. */
LX_MUST_USE enum lx_err view_features_open_shipped(struct view_features **ret_features,
                                                   struct lx_error *err);
/* One more owner of the same definitions, who closes them too; they are compiled once a command. */
struct view_features *view_features_share(const struct view_features *features);
void view_features_close(struct view_features *features); /* NULL is fine */

const struct view_schema *view_features_schema(const struct view_features *features);
size_t view_features_count(const struct view_features *features, enum view_scope scope);
const struct view_feature *view_features_at(const struct view_features *features,
                                            enum view_scope scope, size_t place);
/* SIZE_MAX where there is none of that name. */
size_t view_features_find(const struct view_features *features, enum view_scope scope,
                          const char *name);

/* SHA-256 over names, canonical expressions, types and defaults in order: what a model was trained
 * on and a snapshot holds. */
void view_features_hash(const struct view_features *features, uint8_t ret_hash[32]);

/* Customer features that ask the peers: a snapshot computes them when all customers were seen. */
bool view_features_is_late(const struct view_features *features, size_t place);
/* Pair features that follow from facts, catalogue, peers and other features: not kept. */
bool view_features_is_derived(const struct view_features *features, size_t place);

/* --- Computing ------------------------------------------------------------------------------ */

/* Memory for one thread: nothing is allocated for a customer. */
struct view_scratch;
LX_MUST_USE enum lx_err view_scratch_open(const struct view_features *features,
                                          const struct bank_catalogue *catalogue,
                                          struct view_scratch **ret_scratch, struct lx_error *err);
void view_scratch_close(struct view_scratch *scratch);
const struct view_features *view_scratch_features(const struct view_scratch *scratch);
/* From now on each window looks at every row of the past by itself, as if it were the only one: the
 * same values, for tests and benchmarks to compare with. */
void view_scratch_set_plain(struct view_scratch *scratch, bool is_plain);

/* As view_customer_features and view_pair_features, with facts that the caller has already. */
void view_compute_customer(struct view_scratch *scratch, const struct bank_history *history,
                           const struct view_context *context, const struct view_facts *facts,
                           int64_t as_of_ms, float *ret_values);
/* Of the pair features those that come from the history. */
void view_compute_kept(struct view_scratch *scratch, const struct bank_history *history,
                       const struct view_context *context, const struct view_facts *facts,
                       int64_t as_of_ms, const float *customer_values, float *values);
/* The same of somebody of whom nothing is known: what a snapshot leaves out. */
void view_compute_default(struct view_scratch *scratch, const struct view_context *context,
                          int64_t as_of_ms, float *values);
/* Those that follow; `values` holds the others. */
void view_compute_derived(struct view_scratch *scratch, const struct view_context *context,
                          const struct view_facts *facts, int64_t as_of_ms,
                          const float *customer_values, float *values);
/* The late customer features alone; `values` holds the others. */
void view_compute_late(struct view_scratch *scratch, const struct view_context *context,
                       const struct view_facts *facts, int64_t as_of_ms, float *values);
/* The features of the cohort among a customer's. */
void view_features_cohort(const struct view_features *features, const float *customer_values,
                          float ret_cohort[3]);
/* Only the features of the cohort: age, balance, acts_90d. */
void view_compute_cohort(struct view_scratch *scratch, const struct bank_history *history,
                         const struct view_context *context, const struct view_facts *facts,
                         int64_t as_of_ms, float ret_cohort[3]);

#endif
