#include "learn/scorer_layout.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const float ranges[] = {1, 2, 4, 8, 16, 64, 256, 4096, 65536, 1 << 24};

/* ---- Thresholds ---- */

static int compare_floats(const void *left, const void *right)
{
    float a, b;
    memcpy(&a, left, sizeof a);
    memcpy(&b, right, sizeof b);
    return (a > b) - (a < b);
}

/* What the kernels may read: the thresholds, and NaN up to the end of a full binary search, or of
 * the comparisons behind a missing value's bucket. */
static size_t padded(size_t count)
{
    size_t full = SCORER_MISSING + 1;
    while (full < count + 1) full *= 2;
    return count == 0 ? 0 : full + SCORER_STEPS_MAX;
}

static uint32_t sort_distinct(float *values, uint32_t count)
{
    if (count == 0) return 0;
    qsort(values, count, sizeof *values, compare_floats);
    uint32_t kept = 1;
    for (uint32_t i = 1; i < count; i++)
        if (values[i] != values[kept - 1]) values[kept++] = values[i];
    return kept;
}

static enum lx_err collect_thresholds(struct scorer *scorer, const struct forest *forest)
{
    struct scorer_feature *features = scorer->features;
    for (size_t i = 0; i < forest->node_count; i++)
        if (forest->nodes[i].left != 0) features[forest->nodes[i].feature].threshold_count++;

    size_t total = 0;
    for (size_t f = 0; f < forest->feature_count; f++) {
        features[f].threshold_first = total;
        total += padded(features[f].threshold_count);
        features[f].threshold_count = 0;
    }
    scorer->thresholds = lx_malloc((total + 1) * sizeof *scorer->thresholds);
    if (scorer->thresholds == NULL) return LX_ERR_NO_MEMORY;
    scorer->threshold_total = total;

    for (size_t i = 0; i < total; i++) scorer->thresholds[i] = NAN;
    for (size_t i = 0; i < forest->node_count; i++) {
        const struct forest_node *node = &forest->nodes[i];
        if (node->left == 0) continue;
        struct scorer_feature *feature = &features[node->feature];
        scorer->thresholds[feature->threshold_first + feature->threshold_count++] = node->value;
    }
    for (size_t f = 0; f < forest->feature_count; f++) {
        float *thresholds = scorer->thresholds + features[f].threshold_first;
        uint32_t before = features[f].threshold_count;
        features[f].threshold_count = sort_distinct(thresholds, before);
        for (uint32_t i = features[f].threshold_count; i < before; i++) thresholds[i] = NAN;
    }
    return LX_OK;
}

/* ---- Buckets ---- */

static uint32_t bit_length(size_t value)
{
    uint32_t length = 0;
    for (; value > 0; value /= 2) length++;
    return length;
}

/* The most thresholds that share a bucket. */
static uint32_t crowding(const struct scorer_group *group, uint32_t lane, const float *thresholds,
                         size_t count)
{
    uint32_t most = 0, here = 0;
    int32_t last = -1;
    for (size_t i = 0; i < count; i++) {
        int32_t bucket = scorer_bucket(group, lane, thresholds[i]);
        here = bucket == last ? here + 1 : 1;
        last = bucket;
        if (here > most) most = here;
    }
    return most;
}

/* False where the scale would not be a normal number, on which monotony at infinity rests. */
static bool set_bucket(struct scorer_group *group, uint32_t lane, double spread, float range,
                       int32_t half)
{
    float scale = (float)((double)range / spread);
    if (!isnormal(scale)) return false;

    float one = 1.0f, far = range + 1.0f;
    int32_t one_bits, far_bits, shift = 0;
    memcpy(&one_bits, &one, sizeof one_bits);
    memcpy(&far_bits, &far, sizeof far_bits);
    while ((far_bits - one_bits) >> shift > half - 1) shift++;
    group->scale[lane] = scale;
    group->shift[lane] = shift;
    group->half[lane] = half;
    return true;
}

/* What a look-up costs: a comparison more, or tables sixteen times the size that push each other
 * out of the first cache, measured about the same. */
static uint32_t cost_of(uint32_t steps, int32_t half)
{
    return 4 * steps + bit_length((size_t)half);
}

/* Tries all shapes of the function around one center; keeps the cheapest in *best. */
static void try_center(struct scorer_group *best, uint32_t lane, const float *thresholds,
                       size_t count, float center)
{
    struct scorer_group group = *best;
    group.center[lane] = center;
    double below = (double)center - (double)thresholds[0];
    double above = (double)thresholds[count - 1] - (double)center;
    double spread = fmax(fmax(below, above), 1e-30);
    for (int32_t half = SCORER_BUCKETS_MIN / 2; half <= SCORER_BUCKETS_MAX / 2; half *= 2)
        for (size_t i = 0; i < LX_COUNT_OF(ranges); i++) {
            if (!set_bucket(&group, lane, spread, ranges[i], half)) continue;
            group.lane_steps[lane] = crowding(&group, lane, thresholds, count);
            if (cost_of(group.lane_steps[lane], half) <
                cost_of(best->lane_steps[lane], best->half[lane]))
                *best = group;
        }
}

static void choose_bucket(struct scorer_group *group, uint32_t lane, const float *thresholds,
                          size_t count)
{
    group->scale[lane] = 1;
    group->shift[lane] = 24;
    group->half[lane] = 1;
    group->lane_steps[lane] = (uint32_t)count;
    if (count == 0) return;

    try_center(group, lane, thresholds, count, thresholds[count / 2]);
    try_center(group, lane, thresholds, count, thresholds[0]);
    try_center(group, lane, thresholds, count, thresholds[count - 1]);
}

static void fill_buckets(struct scorer *scorer, const struct scorer_group *group, uint32_t lane,
                         size_t count)
{
    const float *thresholds = scorer->thresholds + group->threshold_first[lane];
    uint8_t *buckets = scorer->buckets + group->bucket_first[lane];
    size_t below = 0;
    for (int32_t bucket = 0; bucket < 2 * group->half[lane]; bucket++) {
        while (below < count && scorer_bucket(group, lane, thresholds[below]) < bucket) below++;
        buckets[bucket] = (uint8_t)below;
    }
    buckets[2 * group->half[lane]] = SCORER_MISSING;
}

/* ---- Groups of eight features ---- */

static void choose_method(const struct scorer *scorer, struct scorer_group *group,
                          const struct scorer_feature *features)
{
    uint32_t most = 0, crowd = 0;
    for (uint32_t lane = 0; lane < group->lane_count; lane++) {
        uint32_t count = features[lane].threshold_count;
        size_t first = features[lane].threshold_first;
        group->threshold_first[lane] = (int32_t)first;
        choose_bucket(group, lane, scorer->thresholds + first, count);
        if (group->lane_steps[lane] > crowd) crowd = group->lane_steps[lane];
        if (count > most) most = count;
    }
    group->slice_count = (most + SCORER_SLICE_THRESHOLDS - 1) / SCORER_SLICE_THRESHOLDS;
    if (most == 0) {
        group->method = SCORER_UNUSED;
    } else if (most <= SCORER_DIRECT_MAX) {
        group->method = SCORER_DIRECT;
        group->step_count = most;
    } else if (crowd <= SCORER_STEPS_MAX && group->slice_count == 1) {
        group->method = SCORER_BUCKET;
    } else {
        group->method = SCORER_SEARCH;
        group->step_count = bit_length(most);
    }
}

static enum lx_err make_groups(struct scorer *scorer)
{
    const struct scorer_feature *features = scorer->features;
    size_t count = (scorer->feature_count + SCORER_LANES - 1) / SCORER_LANES;
    scorer->groups = lx_calloc(count, sizeof *scorer->groups);
    if (scorer->groups == NULL) return LX_ERR_NO_MEMORY;
    scorer->lane_group_count = count;

    for (size_t g = 0; g < count; g++) {
        struct scorer_group *group = &scorer->groups[g];
        size_t left = scorer->feature_count - g * SCORER_LANES;
        group->lane_count = left < SCORER_LANES ? (uint32_t)left : SCORER_LANES;
        choose_method(scorer, group, features + g * SCORER_LANES);
        group->plane_first = (uint32_t)scorer->plane_count;
        scorer->plane_count += (size_t)group->slice_count * SCORER_LANES;
        if (group->method != SCORER_BUCKET) continue;
        for (uint32_t lane = 0; lane < group->lane_count; lane++) {
            group->bucket_first[lane] = (int32_t)scorer->bucket_total;
            scorer->bucket_total += (size_t)(2 * group->half[lane] + 1);
        }
    }
    return LX_OK;
}

/* Direct comparisons read their thresholds by step, eight lanes side by side. */
static enum lx_err lay_out_direct(struct scorer *scorer)
{
    const struct scorer_feature *features = scorer->features;
    size_t total = scorer->threshold_total;
    for (size_t g = 0; g < scorer->lane_group_count; g++)
        if (scorer->groups[g].method == SCORER_DIRECT) {
            scorer->groups[g].direct_first = (uint32_t)total;
            total += (size_t)scorer->groups[g].step_count * SCORER_LANES;
        }
    float *thresholds = lx_realloc(scorer->thresholds, (total + 1) * sizeof *thresholds);
    if (thresholds == NULL) return LX_ERR_NO_MEMORY;
    scorer->thresholds = thresholds;
    scorer->threshold_total = total;

    for (size_t g = 0; g < scorer->lane_group_count; g++) {
        const struct scorer_group *group = &scorer->groups[g];
        if (group->method != SCORER_DIRECT) continue;
        float *direct = thresholds + group->direct_first;
        for (uint32_t step = 0; step < group->step_count; step++)
            for (uint32_t lane = 0; lane < SCORER_LANES; lane++) {
                bool is_there = lane < group->lane_count &&
                                step < features[g * SCORER_LANES + lane].threshold_count;
                direct[step * SCORER_LANES + lane] =
                    is_there ? thresholds[(size_t)group->threshold_first[lane] + step] : NAN;
            }
    }
    return LX_OK;
}

static enum lx_err make_buckets(struct scorer *scorer)
{
    scorer->buckets = lx_calloc(scorer->bucket_total + 1, sizeof *scorer->buckets);
    scorer->limits = lx_malloc((scorer->threshold_total + 1) * sizeof *scorer->limits);
    if (scorer->buckets == NULL || scorer->limits == NULL) return LX_ERR_NO_MEMORY;

    for (size_t i = 0; i < scorer->threshold_total; i++) {
        float threshold = scorer->thresholds[i];
        scorer->limits[i] = isnan(threshold) ? UINT32_MAX : scorer_ordered(threshold) - 1;
    }
    for (size_t g = 0; g < scorer->lane_group_count; g++) {
        const struct scorer_group *group = &scorer->groups[g];
        if (group->method != SCORER_BUCKET) continue;
        for (uint32_t lane = 0; lane < group->lane_count; lane++)
            fill_buckets(scorer, group, lane,
                         scorer->features[g * SCORER_LANES + lane].threshold_count);
    }
    return LX_OK;
}

/* ---- Planes and their masks ---- */

static uint32_t mask_count_of(uint32_t threshold_count)
{
    if (threshold_count <= SCORER_SMALL_THRESHOLDS) return 2 * threshold_count;
    return 16 + 2 * (threshold_count / 16 + 2);
}

static enum lx_err make_planes(struct scorer *scorer)
{
    struct scorer_feature *features = scorer->features;
    scorer->planes = lx_calloc(scorer->plane_count + 1, sizeof *scorer->planes);
    if (scorer->planes == NULL) return LX_ERR_NO_MEMORY;

    scorer->mask_count = 1; /* the empty one */
    for (size_t f = 0; f < scorer->feature_count; f++) {
        const struct scorer_group *group = &scorer->groups[f / SCORER_LANES];
        uint32_t slice = 0;
        features[f].plane_first = (uint32_t)scorer->used_plane_count;
        for (size_t done = 0; done < features[f].threshold_count;
             done += SCORER_SLICE_THRESHOLDS, slice++) {
            size_t left = features[f].threshold_count - done;
            struct scorer_plane *plane = &scorer->planes[scorer->used_plane_count++];
            plane->plane = group->plane_first + slice * SCORER_LANES + (uint32_t)(f % SCORER_LANES);
            plane->threshold_count =
                (uint32_t)(left < SCORER_SLICE_THRESHOLDS ? left : SCORER_SLICE_THRESHOLDS);
            plane->mask_first = (uint32_t)scorer->mask_count;
            scorer->mask_count += mask_count_of(plane->threshold_count);
        }
    }
    return LX_OK;
}

/* Models beyond these sizes exist only as attacks; they are walked, so that memory is bounded. */
static bool is_too_large(const struct scorer *scorer)
{
    for (size_t f = 0; f < scorer->feature_count; f++)
        if (scorer->features[f].threshold_count > SCORER_THRESHOLDS_MAX) return true;
    return scorer->plane_count > SCORER_PLANES_MAX || scorer->mask_count > SCORER_MASKS_MAX;
}

enum lx_err scorer_compile_bins(struct scorer *scorer, const struct forest *forest,
                                struct lx_error *err)
{
    scorer->features = lx_calloc(forest->feature_count, sizeof *scorer->features);
    enum lx_err rc = scorer->features == NULL ? LX_ERR_NO_MEMORY : LX_OK;
    if (rc == LX_OK) rc = collect_thresholds(scorer, forest);
    if (rc == LX_OK) rc = make_groups(scorer);
    if (rc == LX_OK) rc = lay_out_direct(scorer);
    if (rc == LX_OK) rc = make_buckets(scorer);
    if (rc == LX_OK) rc = make_planes(scorer);
    if (rc != LX_OK) return lx_fail(err, rc, "scorer: no memory for the thresholds");

    scorer->is_walked = is_too_large(scorer);
    return LX_OK;
}

uint32_t scorer_threshold_rank(const struct scorer *scorer, uint32_t feature, float threshold)
{
    const struct scorer_feature *column = &scorer->features[feature];
    const float *thresholds = scorer->thresholds + column->threshold_first;
    uint32_t low = 0, high = column->threshold_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (thresholds[middle] <= threshold)
            low = middle;
        else
            high = middle;
    }
    LX_ASSERT(low < column->threshold_count && thresholds[low] == threshold);
    return low;
}
