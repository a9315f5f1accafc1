#include "base/suggest.h"

#include <limits.h>
#include <string.h>

enum { WORD_MAX = 64 };

static int smallest(int a, int b, int c)
{
    int least = a < b ? a : b;
    return least < c ? least : c;
}

int lx_suggest_distance(const char *a, const char *b)
{
    size_t a_length = strlen(a), b_length = strlen(b);
    if (a_length >= WORD_MAX || b_length >= WORD_MAX) return INT_MAX;

    int row[WORD_MAX];
    for (size_t j = 0; j <= b_length; j++) row[j] = (int)j;
    for (size_t i = 1; i <= a_length; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= b_length; j++) {
            int replaced = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = smallest(replaced, row[j] + 1, row[j - 1] + 1);
        }
    }
    return row[b_length];
}

const char *lx_suggest(const char *word, const char *const *names, size_t count)
{
    const char *best = NULL;
    int limit = 1 + (int)strlen(word) / 3;
    for (size_t i = 0; i < count; i++) {
        if (names[i] == NULL || lx_suggest_distance(word, names[i]) >= limit + (best == NULL))
            continue;
        limit = lx_suggest_distance(word, names[i]);
        best = names[i];
    }
    return best;
}
