#ifndef VIEW_SENTENCE_H
#define VIEW_SENTENCE_H

/*
 * sentence: what may be said of a feature's value: a text with values in braces, as
 * `近7天浏览该产品页{n}次`. It stands beside the feature in features.ini (say_zh, say_en).
 *
 * Threads: pure.
 */

#include "base/base.h"

/* What may stand in braces. After a colon {n} takes a noun in English: {n:time} is "1 time" or
 * "3 times". */
#define VIEW_SAID_MAP(X)                                                                           \
    X(NUMBER, "n", "a whole number")                                                               \
    X(YUAN, "yuan", "an amount given in fen, in yuan")                                             \
    X(PERCENT, "percent", "a share")                                                               \
    X(RATIO, "x", "a ratio with one decimal")                                                      \
    X(YEARS, "years", "whole years")                                                               \
    X(LEVEL, "level", "a risk level, C1 to C5")                                                    \
    X(MINUTES, "minutes", "minutes of a count of seconds")                                         \
    X(DAYS, "days", "\"today\" or \"3 days ago\"")                                                 \
    X(HELD, "held", "the held product with the strongest tie to the one offered")

enum view_said {
#define X(name, text, about) VIEW_SAID_##name,
    VIEW_SAID_MAP(X)
#undef X
        VIEW_SAID_COUNT
};

/* A run of plain text, or one value. */
struct view_sentence_part {
    const char *text; /* plain, or the noun of a value; not closed by a NUL */
    size_t length;
    bool is_value;
    enum view_said said;
};

/* The part that begins at *at, which moves past it; false at the end. A sentence that was not
 * checked may hold what no part is: then the rest is plain. */
bool view_sentence_next(const char **at, struct view_sentence_part *ret_part);

/* NULL, or what is wrong, at the byte *ret_offset. */
const char *view_sentence_fault(const char *text, size_t *ret_offset);

#endif
