#ifndef VIEW_PEERS_H
#define VIEW_PEERS_H

/*
 * peers: rates over the whole bank as of a moment; see view/feature.h.
 *
 * Ownership: view_peers_build gives an object that the caller closes. It can be written to bytes
 * (the snapshot and the model keep it) and read back equal.
 */

#include "base/buffer.h"
#include "base/env.h"
#include "view/feature.h"

struct view_peers;

/* One pass over the bank with env->thread_count threads. */
LX_MUST_USE enum lx_err view_peers_build(const char *folder, int64_t as_of_ms,
                                         const struct lx_env *env, struct view_peers **ret_peers,
                                         struct lx_error *err);
/* Several moments (month ends) in the same single pass; ret_peers[count]. */
LX_MUST_USE enum lx_err view_peers_build_many(const char *folder, const int64_t *as_of_ms,
                                              size_t count, const struct lx_env *env,
                                              struct view_peers **ret_peers, struct lx_error *err);
/* The same with the bank's definitions, which the caller has open. */
struct view_features;
LX_MUST_USE enum lx_err view_peers_build_with(const char *folder,
                                              const struct view_features *features,
                                              const int64_t *as_of_ms, size_t count,
                                              const struct lx_env *env,
                                              struct view_peers **ret_peers, struct lx_error *err);
void view_peers_close(struct view_peers *peers);

/* Customers seen, holders of a product, customers who opened it in the last 30 bank days, and
 * co-holding lift
 * P(b | a) / P(b), shrunk to 1 where few hold them. */
int64_t view_peers_customers(const struct view_peers *peers);
int64_t view_peers_holders(const struct view_peers *peers, int product);
int64_t view_peers_openings(const struct view_peers *peers, int product);
double view_peers_lift(const struct view_peers *peers, int product_a, int product_b);

void view_peers_write(const struct view_peers *peers, struct lx_buffer *buffer);
LX_MUST_USE enum lx_err view_peers_read(const void *bytes, size_t length,
                                        struct view_peers **ret_peers, struct lx_error *err);

#endif
