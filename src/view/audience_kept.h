#ifndef VIEW_AUDIENCE_KEPT_H
#define VIEW_AUDIENCE_KEPT_H

/*
 * audience_kept: audiences with a name and an owner, and how many they were each time.
 *
 * Errors:  LX_ERR_NOT_FOUND with a suggestion, LX_ERR_REFUSED (a name that is taken),
 *          LX_ERR_BAD_INPUT (a name that is none), the store's.
 * Threads: as the store's.
 */

#include "base/arena.h"
#include "store/store.h"

enum { VIEW_KEPT_NAME_MAX = 64, VIEW_KEPT_OWNER_MAX = 64, VIEW_KEPT_MAX = 10000 };

struct view_kept_size {
    int64_t at_ms, as_of_ms; /* when it was counted; the snapshot's moment */
    int64_t size, customers;
};

struct view_kept {
    const char *name, *expression, *owner; /* the arena's */
    int64_t at_ms;
    const struct view_kept_size *sizes; /* the oldest first */
    size_t size_count;
};

/* `expression` in canonical form. A name is letters, digits, `_`, `-` and `.`. */
LX_MUST_USE enum lx_err view_kept_add(struct store *store, const char *name, const char *expression,
                                      const char *owner, int64_t at_ms, struct lx_error *err);
LX_MUST_USE enum lx_err view_kept_drop(struct store *store, const char *name, struct lx_error *err);
LX_MUST_USE enum lx_err view_kept_count(struct store *store, const char *name,
                                        const struct view_kept_size *size, struct lx_error *err);

/* By name; everything in the arena. */
LX_MUST_USE enum lx_err view_kept_list(struct store *store, struct lx_arena *arena,
                                       struct view_kept **ret_list, size_t *ret_count,
                                       struct lx_error *err);
LX_MUST_USE enum lx_err view_kept_find(struct store *store, const char *name,
                                       struct lx_arena *arena, struct view_kept *ret_kept,
                                       struct lx_error *err);

#endif
