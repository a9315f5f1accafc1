#ifndef BASE_SUGGEST_H
#define BASE_SUGGEST_H

/*
 * suggest: "did you mean". Distance is Levenshtein's, over bytes; words over 63 bytes are as far
 * apart as can be. Threads: pure.
 */

#include <stddef.h>

int lx_suggest_distance(const char *a, const char *b);

/* The nearest of `names` (NULLs are passed over) within one change, and one more for every three
 * bytes of the word; the earlier of equals; NULL if none is near. */
const char *lx_suggest(const char *word, const char *const *names, size_t count);

#endif
