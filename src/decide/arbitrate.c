#include "decide/arbitrate.h"

#include <string.h>

/* Priority first; equal ones by code, so that the order is the same everywhere. */
static bool is_before(const struct record_candidate *a, const struct record_candidate *b)
{
    if (a->factors.priority != b->factors.priority)
        return a->factors.priority > b->factors.priority;
    return strcmp(a->code, b->code) < 0;
}

static struct record_candidate *find_best(struct record_candidate *candidates, size_t count)
{
    struct record_candidate *best = NULL;
    for (size_t i = 0; i < count; i++)
        if (candidates[i].rank == 0 && (best == NULL || is_before(&candidates[i], best)))
            best = &candidates[i];
    return best;
}

void arbitrate(const struct arbitrate_plan *plan, struct record_candidate *candidates, size_t count)
{
    for (int place = 1; place <= plan->places; place++) {
        struct record_candidate *best = find_best(candidates, count);
        if (best == NULL) return;
        best->rank = place;
        best->show_probability = 1;
    }
}
