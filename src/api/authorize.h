#ifndef API_AUTHORIZE_H
#define API_AUTHORIZE_H

/*
 * authorize: may this request have this? The one question that the routes ask, and the one place
 * where who may do what is answered. Routes know rights; who has them is the authorizer's business.
 *
 * It is asked once for each request, before its body means anything; where a route learns only
 * later which customer it is about (a decision's), it asks again with that customer.
 *
 * Ownership: credentials and questions are borrowed during the call.
 * Threads:   `ask` is called from every loop at once and must not wait.
 */

#include "base/base.h"
#include "http/message.h"

/* What a route needs; the name is stable and stands in openapi.yaml as x-right. */
#define API_RIGHT_MAP(X)                                                                           \
    X(OPEN, "open")   /* no credentials: liveness, the description */                              \
    X(WATCH, "watch") /* metrics */                                                                \
    X(CUSTOMER_READ, "customer_read")                                                              \
    X(DECIDE, "decide")                                                                            \
    X(ANSWER, "answer")                                                                            \
    X(DECISION_READ, "decision_read")                                                              \
    X(AUDIENCE_READ, "audience_read")                                                              \
    X(AUDIENCE_WRITE, "audience_write")                                                            \
    X(CATALOGUE_READ, "catalogue_read")                                                            \
    X(MODEL_READ, "model_read")                                                                    \
    X(AUDIT_READ, "audit_read")

enum api_right {
#define X(name, text) API_##name,
    API_RIGHT_MAP(X)
#undef X
        API_RIGHT_COUNT
};
const char *api_right_text(enum api_right right);

struct api_credentials {
    const char *authorization; /* the header fields, NULL where there is none */
    const char *cookie, *csrf_token, *origin;
    bool is_secure; /* came over TLS, here or at the front that we trust */
};

struct api_question {
    enum api_right right;
    enum http_method method;
    const char *pattern;  /* of the route */
    const char *customer; /* the bank's id, NULL: about no customer in particular, or not known */
};

enum { API_NAME_MAX = 64 };

struct api_principal {
    char name[API_NAME_MAX + 1]; /* who: for the log, and to keep one's idempotency keys apart */
    bool sees_ids;               /* unmasked */
};

/* In order of precedence. */
enum api_verdict {
    API_ALLOWED,
    API_BUSY,      /* 429: too many tries, or the quota is used up */
    API_STRANGER,  /* 401: no credentials, or none that are good */
    API_FORBIDDEN, /* 403 */
    API_HIDDEN,    /* 404: not even that it exists */
};

struct api_authorizer {
    void *context;
    enum api_verdict (*ask)(void *context, const struct api_credentials *credentials,
                            const struct api_question *question,
                            struct api_principal *ret_principal);
    bool asks_customers; /* an answer may depend on the customer */
    bool is_for_network; /* good enough for an address that other machines reach */
};

/*
 * One key that may do everything, for one machine and until there are users: it is handed over by
 * the environment and compared in constant time. Only its hash is kept.
 */
enum { API_LONE_KEY_MIN = 32, API_LONE_KEY_MAX = 256 };
struct api_lone_key {
    uint8_t hash[32];
};
/* LX_ERR_REFUSED where `text` is NULL or too short: there is no server without a key. */
LX_MUST_USE enum lx_err api_lone_key_init(const char *text, struct api_lone_key *ret_key,
                                          struct lx_error *err);
struct api_authorizer api_lone_key_authorizer(struct api_lone_key *key);

#endif
