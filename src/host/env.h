#ifndef HOST_ENV_H
#define HOST_ENV_H

/*
 * env: the real clock, entropy, messages and progress for a `struct lx_env`.
 * Messages and progress go to stderr; progress only where stderr is a terminal, or as one line per
 * finished step where LINGXI_PROGRESS=plain.
 */

#include "base/env.h"

struct lx_env host_env(void); /* thread_count: processors this process may use */

/* One whole variable of the environment, or NULL; borrowed. */
const char *host_variable(const char *name);

/* Peak resident memory of this process so far. */
uint64_t host_peak_bytes(void);

#endif
