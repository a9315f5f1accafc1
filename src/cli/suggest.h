#ifndef CLI_SUGGEST_H
#define CLI_SUGGEST_H

/* suggest: how far apart two words are (Levenshtein distance, bytes), for "did you mean".
 * Words over 63 bytes are as far apart as can be. Threads: pure. */
int suggest_distance(const char *a, const char *b);

#endif
