#ifndef API_METRICS_H
#define API_METRICS_H

/*
 * metrics: what Prometheus is told: how long each route takes, what became of decisions, what the
 * rules took out by stage.
 *
 * Each loop counts in a place of its own, so that counting costs no more than an addition; reading
 * sums them up and may be a request behind.
 * Threads: a place is written by its loop alone; reading is safe from any thread.
 */

#include "base/base.h"
#include "base/buffer.h"
#include "decide/decide.h"

struct api_metrics;

LX_MUST_USE enum lx_err api_metrics_open(int loop_count, size_t route_count,
                                         struct api_metrics **ret_metrics, struct lx_error *err);
void api_metrics_close(struct api_metrics *metrics); /* NULL is fine */

/* `route` route_count: none of them. */
void api_metrics_request(struct api_metrics *metrics, int loop, size_t route, int status,
                         int64_t elapsed_ns);
enum api_outcome { API_DECIDED, API_NO_OFFER, API_PREVIEWED, API_SECOND_ROUND, API_OUTCOME_COUNT };
struct api_drops {
    size_t items, by_stage[RULE_STAGE_END];
};
void api_metrics_decision(struct api_metrics *metrics, int loop, enum api_outcome outcome,
                          const struct api_drops *drops);

/* The text format 0.0.4; `name_of` gives a route's method and pattern. */
void api_metrics_write(const struct api_metrics *metrics, struct lx_buffer *out,
                       void (*name_of)(size_t route, const char **ret_method,
                                       const char **ret_pattern));
/* One figure by itself. */
void api_metrics_gauge(struct lx_buffer *out, const char *name, const char *help, double value);

#endif
