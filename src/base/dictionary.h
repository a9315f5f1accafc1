#ifndef BASE_DICTIONARY_H
#define BASE_DICTIONARY_H

/*
 * dictionary: distinct byte strings numbered 0, 1, 2 ... in the order of their first appearance.
 *
 * Invariants: a number is never given twice nor changed; iteration is by number, so hash order
 *             never reaches output.
 * Ownership:  copies its keys; lx_dictionary_text borrows until release.
 * Errors:     LX_ERR_LIMIT past max_count, LX_ERR_NO_MEMORY; nothing changes then.
 * Threads:    one writer; any number of readers once writing has ended.
 */

#include "base/base.h"

struct lx_dictionary {
    uint64_t *slots;   /* open addressing; hash << 32 | number + 1, 0 for empty; a power of two */
    uint64_t *offsets; /* by number; offsets[count] is the end of `bytes` */
    char *bytes;       /* every key, each followed by a NUL */
    size_t slot_count, count, capacity, bytes_capacity, max_count;
};

enum { LX_DICTIONARY_NONE = -1 };

void lx_dictionary_init(struct lx_dictionary *dictionary, size_t max_count);
void lx_dictionary_release(struct lx_dictionary *dictionary);

/* The number of the key, or LX_DICTIONARY_NONE. */
int64_t lx_dictionary_find(const struct lx_dictionary *dictionary, const char *key, size_t length);

/* The number of the key, which is added if it is new; ret_is_new may be NULL. */
LX_MUST_USE enum lx_err lx_dictionary_add(struct lx_dictionary *dictionary, const char *key,
                                          size_t length, uint32_t *ret_number, bool *ret_is_new);

/* NUL-terminated; ret_length may be NULL. number < count. */
const char *lx_dictionary_text(const struct lx_dictionary *dictionary, uint32_t number,
                               size_t *ret_length);

#endif
