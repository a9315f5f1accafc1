#include "learn/scorer_bits.h"

#include <math.h>
#include <string.h>

/* ---- Floats to codes ---- */

SCORER_INLINE uint32_t code_direct(const struct scorer *scorer, const struct scorer_group *group,
                                   uint32_t lane, float value)
{
    const float *thresholds = scorer->thresholds + group->direct_first + lane;
    uint32_t code = 0;
    for (uint32_t step = 0; step < group->step_count; step++)
        code += value >= thresholds[step * SCORER_LANES];
    return code;
}

SCORER_INLINE uint32_t code_bucket(const struct scorer *scorer, const struct scorer_group *group,
                                   uint32_t lane, float value)
{
    const uint32_t *limits = scorer->limits + group->threshold_first[lane];
    int32_t bucket = scorer_bucket(group, lane, value);
    uint32_t below = scorer->buckets[group->bucket_first[lane] + bucket], code = below;
    uint32_t key = scorer_ordered(value);
    for (uint32_t step = 0; step < group->lane_steps[lane]; step++)
        code += limits[below + step] < key;
    return code;
}

SCORER_INLINE uint32_t code_search(const struct scorer *scorer, const struct scorer_group *group,
                                   uint32_t lane, float value)
{
    const float *thresholds = scorer->thresholds + group->threshold_first[lane];
    uint32_t code = 0;
    for (uint32_t step = (uint32_t)1 << (group->step_count - 1); step > 0; step /= 2)
        if (value >= thresholds[code + step - 1]) code += step;
    return code;
}

/* The code that a value has in the plane of one slice of its feature's thresholds. */
static uint8_t slice_code(uint32_t code, uint32_t slice)
{
    uint32_t before = slice * SCORER_SLICE_THRESHOLDS;
    if (code <= before) return 0;
    return (uint8_t)(code - before < SCORER_SLICE_THRESHOLDS ? code - before
                                                             : SCORER_SLICE_THRESHOLDS);
}

/* `values` stand `stride` apart, one a row; planes of further slices 8 planes apart. */
SCORER_INLINE void bin_lane(const struct scorer *scorer, const struct scorer_group *group,
                            uint32_t lane, const float *values, size_t stride, size_t row_count,
                            uint32_t (*code_of)(const struct scorer *, const struct scorer_group *,
                                                uint32_t, float),
                            uint8_t *plane)
{
    for (size_t r = 0; r < row_count; r++) {
        float value = values[r * stride];
        uint32_t code = isnan(value) ? 0 : code_of(scorer, group, lane, value);
        plane[r] = isnan(value) ? SCORER_MISSING : (uint8_t)code;
        if (group->slice_count == 1) continue;
        for (uint32_t slice = 0; slice < group->slice_count; slice++)
            plane[(size_t)slice * SCORER_LANES * SCORER_BLOCK_ROWS + r] =
                isnan(value) ? SCORER_MISSING : slice_code(code, slice);
    }
}

static void bin_group(const struct scorer *scorer, const struct scorer_group *group,
                      const float *values, size_t row_count, uint8_t *planes)
{
    size_t stride = scorer->feature_count;
    for (uint32_t lane = 0; lane < group->lane_count; lane++) {
        uint8_t *plane = planes + (size_t)lane * SCORER_BLOCK_ROWS;
        switch (group->method) {
        case SCORER_UNUSED: break;
        case SCORER_DIRECT:
            bin_lane(scorer, group, lane, values + lane, stride, row_count, code_direct, plane);
            break;
        case SCORER_BUCKET:
            bin_lane(scorer, group, lane, values + lane, stride, row_count, code_bucket, plane);
            break;
        case SCORER_SEARCH:
            bin_lane(scorer, group, lane, values + lane, stride, row_count, code_search, plane);
            break;
        }
    }
}

/* A few rows at a time, whose values of the eight features stay in the first cache. */
static void plain_bin(const struct scorer *scorer, const float *rows, size_t row_count,
                      uint8_t *codes)
{
    enum { ROWS = 32 };
    for (size_t g = 0; g < scorer->lane_group_count; g++) {
        const struct scorer_group *group = &scorer->groups[g];
        uint8_t *planes = codes + (size_t)group->plane_first * SCORER_BLOCK_ROWS;
        for (size_t r = 0; r < row_count; r += ROWS)
            bin_group(scorer, group, rows + r * scorer->feature_count + g * SCORER_LANES,
                      row_count - r < ROWS ? row_count - r : ROWS, planes + r);
    }
}

/* ---- Codes to masks ---- */

/* Bit i of byte j becomes bit j of byte i. Source: Hacker's Delight, 7-3. */
static uint64_t transpose(uint64_t x)
{
    uint64_t t = (x ^ (x >> 7)) & 0x00AA00AA00AA00AAu;
    x ^= t ^ (t << 7);
    t = (x ^ (x >> 14)) & 0x0000CCCC0000CCCCu;
    x ^= t ^ (t << 14);
    t = (x ^ (x >> 28)) & 0x00000000F0F0F0F0u;
    return x ^ t ^ (t << 28);
}

/* The 256 codes become 8 masks: bit 0 of all, bit 1 of all ... */
static void codes_to_bits(const uint8_t *codes, scorer_bits planes[8])
{
    memset(planes, 0, 8 * sizeof *planes);
    for (int r = 0; r < SCORER_BLOCK_ROWS; r += 8) {
        uint64_t eight = 0;
        for (int i = 0; i < 8; i++) eight |= (uint64_t)codes[r + i] << (8 * i);
        eight = transpose(eight);
        for (int b = 0; b < 8; b++) planes[b][r / 64] |= (eight >> (8 * b) & 0xFF) << (r % 64);
    }
}

static void plain_mask(const struct scorer *scorer, uint8_t *codes, uint8_t *masks)
{
    scorer_bits *table = (scorer_bits *)(void *)masks;
    for (size_t i = 0; i < scorer->used_plane_count; i++) {
        const struct scorer_plane *plane = &scorer->planes[i];
        scorer_bits planes[8];
        codes_to_bits(codes + (size_t)plane->plane * SCORER_BLOCK_ROWS, planes);
        scorer_plane_masks(plane, planes, table + plane->mask_first);
    }
}

/* ---- Masks to margins ---- */

static void plain_add(const struct scorer *scorer, const struct scorer_tree *tree,
                      const uint8_t *masks, float *margins)
{
    scorer_bits bits[SCORER_DEPTH_MAX];
    const float *leaves = scorer->leaves + tree->leaf_first;
    scorer_tree_bits(scorer->splits + tree->split_first, tree->depth, masks, bits);
    for (int r = 0; r < SCORER_BLOCK_ROWS; r += 8) {
        uint64_t eight = 0;
        for (uint32_t l = 0; l < tree->depth; l++)
            eight |= (bits[l][r / 64] >> (r % 64) & 0xFF) << (8 * l);
        eight = transpose(eight);
        for (int i = 0; i < 8; i++) margins[r + i] += leaves[eight >> (8 * i) & 0xFF];
    }
}

const struct scorer_functions scorer_plain_functions = {plain_bin, plain_mask, plain_add};
