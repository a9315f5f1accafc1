#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/product_graph.h"

enum { BIGRAMS_MAX = 512 };

/* Of two amounts: 1 where equal, toward 0 as one is many times the other. */
static double alike(double a, double b)
{
    double least = log1p(fmin(a, b)), most = log1p(fmax(a, b));
    return most <= 0 ? 1 : least / most;
}

static double ages_in_common(const struct bank_product *a, const struct bank_product *b)
{
    int from = a->age_min > b->age_min ? a->age_min : b->age_min;
    int to = a->age_max < b->age_max ? a->age_max : b->age_max;
    int first = a->age_min < b->age_min ? a->age_min : b->age_min;
    int last = a->age_max > b->age_max ? a->age_max : b->age_max;
    return to < from ? 0 : (double)(to - from + 1) / (double)(last - first + 1);
}

static double channels_in_common(uint32_t a, uint32_t b)
{
    uint32_t all = a | b;
    return all == 0 ? 1 : (double)__builtin_popcount(a & b) / (double)__builtin_popcount(all);
}

static size_t character_size(unsigned char byte)
{
    return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

/* Where each character begins; the end too. At most BIGRAMS_MAX, the rest is left out. */
static size_t split(const char *text, size_t ret_begins[BIGRAMS_MAX + 1])
{
    size_t count = 0, length = strlen(text), at = 0;
    for (; at < length && count < BIGRAMS_MAX; count++) {
        ret_begins[count] = at;
        at += character_size((unsigned char)text[at]);
    }
    ret_begins[count] = at < length ? at : length;
    return count;
}

static double lines_in_common(const char *a, const char *b)
{
    size_t a_begins[BIGRAMS_MAX + 1], b_begins[BIGRAMS_MAX + 1], common = 0;
    bool is_used[BIGRAMS_MAX] = {false};
    if (a == NULL || b == NULL) return 0;
    size_t a_count = split(a, a_begins), b_count = split(b, b_begins);
    if (strcmp(a, b) == 0) return 1;
    if (a_count < 2 || b_count < 2) return 0;
    for (size_t i = 0; i + 1 < a_count; i++)
        for (size_t j = 0; j + 1 < b_count; j++) {
            size_t size = a_begins[i + 2] - a_begins[i];
            if (is_used[j] || size != b_begins[j + 2] - b_begins[j]) continue;
            if (memcmp(a + a_begins[i], b + b_begins[j], size) != 0) continue;
            is_used[j] = true;
            common++;
            break;
        }
    return 2 * (double)common / (double)(a_count + b_count - 2);
}

double product_likeness(const struct bank_product *a, const struct bank_product *b)
{
    double category = a->category == b->category ? 1 : 0;
    double risk = fmax(0, 1 - abs(a->risk - b->risk) / 4.0);
    double minimum = alike((double)a->minimum_fen / 100, (double)b->minimum_fen / 100);
    return 0.35 * category + 0.15 * risk + 0.1 * alike(a->term_days, b->term_days) + 0.1 * minimum +
           0.1 * ages_in_common(a, b) + 0.1 * channels_in_common(a->channels, b->channels) +
           0.1 * lines_in_common(a->features_zh, b->features_zh);
}
