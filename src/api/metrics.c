#include "api/metrics.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

/* Upper bounds in microseconds. */
static const int64_t bounds_us[] = {100,   200,   500,    1000,   2000,   5000,    10000,
                                    20000, 50000, 100000, 200000, 500000, 1000000, 5000000};

enum { BOUNDS = LX_COUNT_OF(bounds_us), CLASSES = 6 }; /* of statuses: 1xx ... 5xx */

typedef _Atomic(uint64_t) counter;

struct place {
    counter buckets[BOUNDS + 1], nanoseconds, classes[CLASSES];
};

/* A cache line's room between two loops' counters. */
struct decisions {
    _Alignas(64) counter outcomes[API_OUTCOME_COUNT], drops[RULE_STAGE_END], items;
};

struct api_metrics {
    int loop_count;
    size_t route_count; /* with one more for what has no route */
    struct place *places;
    struct decisions *decisions;
};

enum lx_err api_metrics_open(int loop_count, size_t route_count, struct api_metrics **ret_metrics,
                             struct lx_error *err)
{
    struct api_metrics *metrics = lx_calloc(1, sizeof *metrics);
    if (metrics == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "metrics: out of memory");
    metrics->loop_count = loop_count;
    metrics->route_count = route_count + 1;
    metrics->places = lx_calloc((size_t)loop_count * metrics->route_count, sizeof *metrics->places);
    metrics->decisions = lx_calloc((size_t)loop_count + 1, sizeof *metrics->decisions);
    if (metrics->places == NULL || metrics->decisions == NULL) {
        api_metrics_close(metrics);
        return lx_fail(err, LX_ERR_NO_MEMORY, "metrics: out of memory");
    }
    *ret_metrics = metrics;
    return LX_OK;
}

void api_metrics_close(struct api_metrics *metrics)
{
    if (metrics == NULL) return;
    lx_free(metrics->places);
    lx_free(metrics->decisions);
    lx_free(metrics);
}

/* One writer: a load and a store are enough, and need no locked instruction. */
static void add(counter *at, uint64_t value)
{
    uint64_t before = atomic_load_explicit(at, memory_order_relaxed);
    atomic_store_explicit(at, before + value, memory_order_relaxed);
}

void api_metrics_request(struct api_metrics *metrics, int loop, size_t route, int status,
                         int64_t elapsed_ns)
{
    struct place *place = &metrics->places[(size_t)loop * metrics->route_count + route];
    size_t bucket = 0;
    while (bucket < BOUNDS && elapsed_ns > bounds_us[bucket] * 1000) bucket++;
    add(&place->buckets[bucket], 1);
    add(&place->nanoseconds, (uint64_t)elapsed_ns);
    add(&place->classes[status / 100 < CLASSES ? status / 100 : 0], 1);
}

void api_metrics_decision(struct api_metrics *metrics, int loop, enum api_outcome outcome,
                          const struct api_drops *drops)
{
    struct decisions *decisions = &metrics->decisions[loop];
    add(&decisions->outcomes[outcome], 1);
    add(&decisions->items, drops->items);
    for (int i = 1; i < RULE_STAGE_END; i++) add(&decisions->drops[i], drops->by_stage[i]);
}

static void sum_places(const struct api_metrics *metrics, size_t route, struct place *sum)
{
    memset(sum, 0, sizeof *sum);
    for (int loop = 0; loop < metrics->loop_count; loop++) {
        struct place *place = &metrics->places[(size_t)loop * metrics->route_count + route];
        for (size_t i = 0; i <= BOUNDS; i++)
            add(&sum->buckets[i], atomic_load_explicit(&place->buckets[i], memory_order_relaxed));
        for (size_t i = 0; i < CLASSES; i++)
            add(&sum->classes[i], atomic_load_explicit(&place->classes[i], memory_order_relaxed));
        add(&sum->nanoseconds, atomic_load_explicit(&place->nanoseconds, memory_order_relaxed));
    }
}

static void write_histogram(struct lx_buffer *out, const struct place *sum, const char *method,
                            const char *pattern)
{
    uint64_t count = 0;
    for (size_t i = 0; i < BOUNDS; i++) {
        count += sum->buckets[i];
        lx_buffer_printf(out,
                         "lingxi_request_seconds_bucket{method=\"%s\",route=\"%s\",le=\"%g\"} "
                         "%" PRIu64 "\n",
                         method, pattern, (double)bounds_us[i] / 1e6, count);
    }
    count += sum->buckets[BOUNDS];
    lx_buffer_printf(out,
                     "lingxi_request_seconds_bucket{method=\"%s\",route=\"%s\",le=\"+Inf\"} "
                     "%" PRIu64 "\n"
                     "lingxi_request_seconds_sum{method=\"%s\",route=\"%s\"} %.9f\n"
                     "lingxi_request_seconds_count{method=\"%s\",route=\"%s\"} %" PRIu64 "\n",
                     method, pattern, count, method, pattern, (double)sum->nanoseconds / 1e9,
                     method, pattern, count);
}

static void write_classes(struct lx_buffer *out, const struct place *sum, const char *method,
                          const char *pattern)
{
    for (size_t i = 1; i < CLASSES; i++)
        if (sum->classes[i] > 0)
            lx_buffer_printf(out,
                             "lingxi_responses_total{method=\"%s\",route=\"%s\",class=\"%zuxx\"} "
                             "%" PRIu64 "\n",
                             method, pattern, i, (uint64_t)sum->classes[i]);
}

static uint64_t sum_decisions(const struct api_metrics *metrics, size_t offset)
{
    uint64_t sum = 0;
    for (int loop = 0; loop < metrics->loop_count; loop++) {
        const char *place = (const char *)&metrics->decisions[loop];
        sum += atomic_load_explicit((const counter *)(const void *)(place + offset),
                                    memory_order_relaxed);
    }
    return sum;
}

static void write_decisions(const struct api_metrics *metrics, struct lx_buffer *out)
{
    static const char *const outcomes[] = {"decided", "no_offer", "previewed", "second_round"};
    _Static_assert(LX_COUNT_OF(outcomes) == API_OUTCOME_COUNT, "a name for each outcome");
    lx_buffer_append_text(out, "# HELP lingxi_decisions_total Decisions by what became of them.\n"
                               "# TYPE lingxi_decisions_total counter\n");
    for (size_t i = 0; i < LX_COUNT_OF(outcomes); i++)
        lx_buffer_printf(
            out, "lingxi_decisions_total{outcome=\"%s\"} %" PRIu64 "\n", outcomes[i],
            sum_decisions(metrics, offsetof(struct decisions, outcomes) + i * sizeof(counter)));
    lx_buffer_append_text(out, "# HELP lingxi_drops_total Products that rules took out, by stage.\n"
                               "# TYPE lingxi_drops_total counter\n");
    for (size_t i = 1; i < RULE_STAGE_END; i++)
        lx_buffer_printf(
            out, "lingxi_drops_total{stage=\"%s\"} %" PRIu64 "\n",
            rule_stage_text((enum rule_stage)i),
            sum_decisions(metrics, offsetof(struct decisions, drops) + i * sizeof(counter)));
    lx_buffer_printf(out,
                     "# HELP lingxi_offers_total Products that decisions showed.\n"
                     "# TYPE lingxi_offers_total counter\nlingxi_offers_total %" PRIu64 "\n",
                     sum_decisions(metrics, offsetof(struct decisions, items)));
}

void api_metrics_write(const struct api_metrics *metrics, struct lx_buffer *out,
                       void (*name_of)(size_t route, const char **ret_method,
                                       const char **ret_pattern))
{
    struct place sum;
    const char *method, *pattern;
    lx_buffer_append_text(out, "# HELP lingxi_request_seconds From the end of a request's head to "
                               "its answer.\n# TYPE lingxi_request_seconds histogram\n");
    for (size_t i = 0; i < metrics->route_count; i++) {
        name_of(i, &method, &pattern);
        sum_places(metrics, i, &sum);
        write_histogram(out, &sum, method, pattern);
    }
    lx_buffer_append_text(out, "# HELP lingxi_responses_total Answers by class of status.\n"
                               "# TYPE lingxi_responses_total counter\n");
    for (size_t i = 0; i < metrics->route_count; i++) {
        name_of(i, &method, &pattern);
        sum_places(metrics, i, &sum);
        write_classes(out, &sum, method, pattern);
    }
    write_decisions(metrics, out);
}

void api_metrics_gauge(struct lx_buffer *out, const char *name, const char *help, double value)
{
    lx_buffer_printf(out, "# HELP %s %s\n# TYPE %s gauge\n%s %.17g\n", name, help, name, name,
                     value);
}
