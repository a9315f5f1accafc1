#include "decide/arbitrate.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"

enum { STREAM_EXPLORE = 1, STREAM_TEACH = 2 };

bool arbitrate_is_before(const struct record_candidate *a, const struct record_candidate *b)
{
    if (a->factors.priority != b->factors.priority)
        return a->factors.priority > b->factors.priority;
    return strcmp(a->code, b->code) < 0;
}

static struct record_candidate *find_best(struct record_candidate *candidates, size_t count)
{
    struct record_candidate *best = NULL;
    for (size_t i = 0; i < count; i++)
        if (candidates[i].rank == 0 && (best == NULL || arbitrate_is_before(&candidates[i], best)))
            best = &candidates[i];
    return best;
}

uint64_t arbitrate_seed(const uint8_t id[RECORD_ID_BYTES])
{
    uint64_t seed = 0;
    for (size_t i = RECORD_ID_BYTES - 8; i < RECORD_ID_BYTES; i++) seed = seed << 8 | id[i];
    return seed;
}

/* Those that compete for the last place, and their chances once it is left to chance. */
struct contest {
    struct record_candidate *rivals[LX_PRODUCT_MAX];
    double chances[LX_PRODUCT_MAX];
    size_t count;
    double chance; /* that it is */
};

static void gather(const struct arbitrate_plan *plan, struct record_candidate *candidates,
                   size_t count, const struct record_candidate *last, struct contest *contest)
{
    const struct arbitrate_explore *explore = &plan->explore;
    bool has_new = false;
    for (size_t i = 0; i < count; i++)
        has_new |= (candidates[i].rank == 0 || candidates[i].place == RECORD_PLACE_INFORMATIVE) &&
                   &candidates[i] != last && explore->is_new[i];
    contest->chance = fmin(1, plan->places * (has_new ? explore->new_share : explore->share));
    for (size_t i = 0; i < count && contest->chance > 0; i++) {
        bool is_last = &candidates[i] == last;
        if (candidates[i].rank != 0 && candidates[i].rank != plan->places) continue;
        if (has_new && !is_last && !explore->is_new[i]) continue;
        candidates[i].a = explore->tables[i]->a;
        candidates[i].b = explore->tables[i]->b;
        contest->rivals[contest->count++] = &candidates[i];
    }
}

static void find_chances(const struct arbitrate_plan *plan,
                         const struct record_candidate *candidates, struct contest *contest)
{
    struct beta_arm arms[LX_PRODUCT_MAX];
    double floor = fmin(plan->explore.floor, 0.5 / (double)contest->count);
    for (size_t i = 0; i < contest->count; i++) {
        const struct decision_factors *factors = &contest->rivals[i]->factors;
        arms[i] = (struct beta_arm){plan->explore.tables[contest->rivals[i] - candidates],
                                    factors->value * factors->context * factors->lever};
    }
    beta_best_chances(arms, contest->count, contest->chances);
    for (size_t i = 0; i < contest->count; i++)
        contest->chances[i] = floor + (1 - floor * (double)contest->count) * contest->chances[i];
}

/* Chances first: they do not depend on the draw. */
static void teach(const struct arbitrate_plan *plan, struct record_candidate *candidates,
                  size_t count, struct record_candidate *last)
{
    struct record_candidate *taught = NULL;
    for (size_t i = 0; i < count; i++)
        if (&candidates[i] == plan->teach && candidates[i].rank == 0) taught = &candidates[i];
    if (taught == NULL) return;
    last->show_probability = plan->teach_floor;
    taught->show_probability = 1 - plan->teach_floor;
    struct lx_rng rng = lx_rng_of(plan->explore.seed, STREAM_TEACH);
    if (!plan->explore.is_drawn || !lx_rng_chance(&rng, 1 - plan->teach_floor)) return;
    last->rank = 0;
    taught->rank = plan->places;
    taught->place = RECORD_PLACE_INFORMATIVE;
}

static double explore(const struct arbitrate_plan *plan, struct record_candidate *candidates,
                      size_t count, struct record_candidate *last)
{
    struct contest contest = {.count = 0};
    gather(plan, candidates, count, last, &contest);
    if (contest.count == 0) return 0;
    find_chances(plan, candidates, &contest);
    /* What teaching has said of the place holds where it is not left to chance. */
    for (size_t i = 0; i < count; i++)
        if (candidates[i].rank == 0 || candidates[i].rank == plan->places)
            candidates[i].show_probability *= 1 - contest.chance;
    for (size_t i = 0; i < contest.count; i++)
        contest.rivals[i]->show_probability += contest.chance * contest.chances[i];
    struct lx_rng rng = lx_rng_of(plan->explore.seed, STREAM_EXPLORE);
    if (!plan->explore.is_drawn || !lx_rng_chance(&rng, contest.chance)) return contest.chance;
    struct record_candidate *drawn =
        contest.rivals[lx_rng_pick(&rng, contest.chances, contest.count)];
    for (size_t i = 0; i < count; i++)
        if (candidates[i].rank == plan->places) {
            candidates[i].rank = 0;
            candidates[i].place = RECORD_PLACE_PLAIN;
        }
    drawn->rank = plan->places;
    drawn->place = RECORD_PLACE_EXPLORED;
    return contest.chance;
}

double arbitrate(const struct arbitrate_plan *plan, struct record_candidate *candidates,
                 size_t count)
{
    LX_ASSERT(count <= LX_PRODUCT_MAX);

    struct record_candidate *best = NULL, *last = NULL;
    int place = 0;
    while (place < plan->places && (best = find_best(candidates, count)) != NULL) {
        best->rank = ++place;
        best->show_probability = 1;
        last = best;
    }
    bool is_contested = place == plan->places && place > 1 && count > (size_t)place;
    if (is_contested && plan->teach != NULL) teach(plan, candidates, count, last);
    bool has_share = plan->explore.share > 0 || plan->explore.new_share > 0;
    return is_contested && has_share ? explore(plan, candidates, count, last) : 0;
}
