#ifndef API_API_H
#define API_API_H

/*
 * api: the bank over HTTP, as openapi.yaml describes it (the single source; it is embedded and
 * served). The routes translate: they read a request, call one function of a lower layer, and
 * write what it gave; decisions are written by decide/decision_json.h, as the command line does.
 *
 * A server owns the data directory from open to close: commands that change it stop with exit
 * status 3 and its pid.
 *
 * Errors:  LX_ERR_REFUSED (no key; an address that is not loopback while the authorizer is not for
 *          the network), LX_ERR_BUSY (directory or port in use), the engine's.
 * Threads: api_run serves with one loop a core; see parts.h for who touches what.
 */

#include "api/authorize.h"
#include "base/env.h"

struct api;

struct api_options {
    const char *folder;
    const char *listen;                      /* "127.0.0.1:8080", "[::1]:0" */
    const char *certificate_file, *key_file; /* PEM; NULL: no TLS */
    const struct api_authorizer *authorizer; /* borrowed until close */
    int loop_count;                          /* 0: one for each processor */
    const struct lx_env *env;
};

LX_MUST_USE enum lx_err api_open(const struct api_options *options, struct api **ret_api,
                                 struct lx_error *err);
/* "http://127.0.0.1:8080" */
const char *api_address(const struct api *api);
/* Until SIGTERM or SIGINT; SIGHUP reads snapshot, model and rules anew. */
LX_MUST_USE enum lx_err api_run(struct api *api, struct lx_error *err);
void api_close(struct api *api); /* NULL is fine */

#endif
