#include "api/parts.h"

#define V1 "/api/v1"

enum { RAW = 1, ABOUT_CUSTOMER = 2, REPEATABLE = 4, SLOW = 8 };

#define ROUTE(method, pattern, right, body_max, run, flags)                                        \
    {                                                                                              \
        HTTP_##method, pattern, right, body_max, run, ((flags)&RAW) != 0,                          \
            ((flags)&ABOUT_CUSTOMER) != 0, ((flags)&REPEATABLE) != 0, ((flags)&SLOW) != 0          \
    }

/* openapi.yaml says the same in more words, and a test holds the two together. */
// clang-format off
const struct api_route api_routes[] = {
    ROUTE(POST, V1 "/customers/{id}/decisions", API_DECIDE, API_BODY_MAX, api_recommend, ABOUT_CUSTOMER | REPEATABLE),
    ROUTE(POST, V1 "/decisions/{id}/answers", API_ANSWER, API_BODY_MAX, api_answer, REPEATABLE),
    ROUTE(GET, V1 "/decisions/{id}", API_DECISION_READ, 0, api_decision, 0),
    ROUTE(GET, V1 "/decisions/{id}/proof", API_DECISION_READ, 0, api_proof, SLOW),
    ROUTE(GET, V1 "/customers/{id}", API_CUSTOMER_READ, 0, api_customer, ABOUT_CUSTOMER | SLOW),
    ROUTE(GET, V1 "/customers/{id}/timeline", API_CUSTOMER_READ, 0, api_timeline, ABOUT_CUSTOMER | SLOW),
    ROUTE(POST, V1 "/audiences/count", API_AUDIENCE_READ, API_BODY_MAX, api_audience_count, SLOW),
    ROUTE(GET, V1 "/audiences", API_AUDIENCE_READ, 0, api_audience_list, SLOW),
    ROUTE(POST, V1 "/audiences", API_AUDIENCE_WRITE, API_BODY_MAX, api_audience_keep, REPEATABLE | SLOW),
    ROUTE(GET, V1 "/products", API_CATALOGUE_READ, 0, api_products, 0),
    ROUTE(GET, V1 "/models/current", API_MODEL_READ, 0, api_model, SLOW),
    ROUTE(GET, V1 "/openapi.yaml", API_OPEN, 0, api_description, RAW),
    ROUTE(GET, V1 "/audit/checkpoint", API_AUDIT_READ, 0, api_checkpoint, RAW | SLOW),
    ROUTE(GET, V1 "/audit/tile/{path*}", API_AUDIT_READ, 0, api_tile, RAW | SLOW),
    ROUTE(GET, "/healthz", API_OPEN, 0, api_healthz, 0),
    ROUTE(GET, "/readyz", API_OPEN, 0, api_readyz, 0),
    ROUTE(GET, "/metrics", API_WATCH, 0, api_metrics_page, RAW),
};
// clang-format on
const size_t api_route_count = LX_COUNT_OF(api_routes);
