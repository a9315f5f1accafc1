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

/*
 * Libraries read some variables when they are loaded, before main. Where `name` has no value, this
 * gives it one and starts the program anew with the same arguments; it returns where it has one, or
 * where the program cannot be started again, which then goes on without.
 */
void host_restart_with(const char *name, const char *value, char *const *arguments);

/* Peak resident memory of this process so far. */
uint64_t host_peak_bytes(void);

#endif
