#include "api/parts.h"

#define V1 "/api/v1"

/* Method, pattern, right, largest body, what runs; raw; is {id} a customer's? openapi.yaml says the
 * same in more words, and a test holds the two together. */
const struct api_route api_routes[] = {
    {HTTP_POST, V1 "/customers/{id}/decisions", API_DECIDE, API_BODY_MAX, api_recommend, false,
     true},
    {HTTP_POST, V1 "/decisions/{id}/answers", API_ANSWER, API_BODY_MAX, api_answer, false, false},
    {HTTP_GET, V1 "/decisions/{id}", API_DECISION_READ, 0, api_decision, false, false},
    {HTTP_GET, V1 "/decisions/{id}/proof", API_DECISION_READ, 0, api_proof, false, false},
    {HTTP_GET, V1 "/customers/{id}", API_CUSTOMER_READ, 0, api_customer, false, true},
    {HTTP_GET, V1 "/customers/{id}/timeline", API_CUSTOMER_READ, 0, api_timeline, false, true},
    {HTTP_POST, V1 "/audiences/count", API_AUDIENCE_READ, API_BODY_MAX, api_audience_count, false,
     false},
    {HTTP_GET, V1 "/audiences", API_AUDIENCE_READ, 0, api_audience_list, false, false},
    {HTTP_POST, V1 "/audiences", API_AUDIENCE_WRITE, API_BODY_MAX, api_audience_keep, false, false},
    {HTTP_GET, V1 "/products", API_CATALOGUE_READ, 0, api_products, false, false},
    {HTTP_GET, V1 "/models/current", API_MODEL_READ, 0, api_model, false, false},
    {HTTP_GET, V1 "/openapi.yaml", API_OPEN, 0, api_description, true, false},
    {HTTP_GET, V1 "/audit/checkpoint", API_AUDIT_READ, 0, api_checkpoint, true, false},
    {HTTP_GET, V1 "/audit/tile/{path*}", API_AUDIT_READ, 0, api_tile, true, false},
    {HTTP_GET, "/healthz", API_OPEN, 0, api_healthz, false, false},
    {HTTP_GET, "/readyz", API_OPEN, 0, api_readyz, false, false},
    {HTTP_GET, "/metrics", API_WATCH, 0, api_metrics_page, true, false},
};
const size_t api_route_count = LX_COUNT_OF(api_routes);
