#include <immintrin.h>

#include "learn/scorer_bits.h"

/* ---- Floats to codes: eight features of a row at a time ---- */

/* What a group's rows share. */
struct lanes {
    __m256 center, scale;
    __m256i shift, half, half_less_one, threshold_first, exists;
};

static struct lanes lanes_of(const struct scorer_group *group)
{
    __m256i numbers = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    struct lanes lanes = {
        .center = _mm256_loadu_ps(group->center),
        .scale = _mm256_loadu_ps(group->scale),
        .shift = _mm256_loadu_si256((const __m256i *)group->shift),
        .half = _mm256_loadu_si256((const __m256i *)group->half),
        .threshold_first = _mm256_loadu_si256((const __m256i *)group->threshold_first),
        .exists = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)group->lane_count), numbers),
    };
    lanes.half_less_one = _mm256_sub_epi32(lanes.half, _mm256_set1_epi32(1));
    return lanes;
}

SCORER_INLINE __m256 load_row(const struct scorer_group *group, const struct lanes *lanes,
                              const float *from)
{
    return group->lane_count == SCORER_LANES ? _mm256_loadu_ps(from)
                                             : _mm256_maskload_ps(from, lanes->exists);
}

SCORER_INLINE __m256i is_missing(__m256 values)
{
    return _mm256_castps_si256(_mm256_cmp_ps(values, values, _CMP_UNORD_Q));
}

/* codes + 1 in the lanes whose value is at or above the threshold. */
SCORER_INLINE __m256i count(__m256i codes, __m256 values, __m256 thresholds)
{
    __m256 is_reached = _mm256_cmp_ps(values, thresholds, _CMP_GE_OQ);
    return _mm256_sub_epi32(codes, _mm256_castps_si256(is_reached));
}

SCORER_INLINE __m256i codes_direct(const struct scorer *scorer, const struct scorer_group *group,
                                   __m256 values)
{
    const float *thresholds = scorer->thresholds + group->direct_first;
    __m256i codes = _mm256_setzero_si256();
    for (uint32_t step = 0; step < group->step_count; step++)
        codes = count(codes, values, _mm256_loadu_ps(thresholds + step * SCORER_LANES));
    return codes;
}

SCORER_INLINE __m256i codes_search(const struct scorer *scorer, const struct scorer_group *group,
                                   const struct lanes *lanes, __m256 values)
{
    __m256i codes = _mm256_setzero_si256();
    for (int step = 1 << (group->step_count - 1); step > 0; step /= 2) {
        __m256i places = _mm256_add_epi32(codes, lanes->threshold_first);
        __m256 thresholds = _mm256_i32gather_ps(scorer->thresholds + step - 1, places, 4);
        __m256 is_reached = _mm256_cmp_ps(values, thresholds, _CMP_GE_OQ);
        codes = _mm256_add_epi32(
            codes, _mm256_and_si256(_mm256_castps_si256(is_reached), _mm256_set1_epi32(step)));
    }
    return codes;
}

/* Sixteen rows of four-byte codes below 256 become sixteen bytes in each of eight planes. */
SCORER_INLINE void store_transposed(const __m256i rows[16], uint8_t *planes)
{
    /* In each half: four rows of four features -> four features of four rows. */
    const __m256i by_feature =
        _mm256_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15, /**/
                         0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    __m256i q[4];
    for (int i = 0; i < 4; i++) {
        __m256i low = _mm256_packs_epi32(rows[4 * i], rows[4 * i + 1]);
        __m256i high = _mm256_packs_epi32(rows[4 * i + 2], rows[4 * i + 3]);
        q[i] = _mm256_shuffle_epi8(_mm256_packus_epi16(low, high), by_feature);
    }
    __m256i a = _mm256_unpacklo_epi32(q[0], q[1]), b = _mm256_unpackhi_epi32(q[0], q[1]);
    __m256i c = _mm256_unpacklo_epi32(q[2], q[3]), d = _mm256_unpackhi_epi32(q[2], q[3]);
    __m256i features[4] = {_mm256_unpacklo_epi64(a, c), _mm256_unpackhi_epi64(a, c),
                           _mm256_unpacklo_epi64(b, d), _mm256_unpackhi_epi64(b, d)};
    for (int i = 0; i < 4; i++) {
        _mm_store_si128((__m128i *)(planes + i * SCORER_BLOCK_ROWS),
                        _mm256_castsi256_si128(features[i]));
        _mm_store_si128((__m128i *)(planes + (4 + i) * SCORER_BLOCK_ROWS),
                        _mm256_extracti128_si256(features[i], 1));
    }
}

/* One plane a feature: codes are bytes already. */
SCORER_INLINE void store_one_slice(__m256i codes[16], const __m256i missing[16], uint8_t *planes)
{
    for (int i = 0; i < 16; i++)
        codes[i] = _mm256_blendv_epi8(codes[i], _mm256_set1_epi32(SCORER_MISSING), missing[i]);
    store_transposed(codes, planes);
}

static void store_slices(const __m256i codes[16], const __m256i missing[16], uint32_t slice_count,
                         uint8_t *planes)
{
    const __m256i most = _mm256_set1_epi32(SCORER_SLICE_THRESHOLDS);
    for (uint32_t slice = 0; slice < slice_count; slice++) {
        __m256i before = _mm256_set1_epi32((int)slice * SCORER_SLICE_THRESHOLDS), part[16];
        for (int i = 0; i < 16; i++) {
            __m256i above = _mm256_sub_epi32(codes[i], before);
            part[i] = _mm256_max_epi32(_mm256_min_epi32(above, most), _mm256_setzero_si256());
        }
        store_one_slice(part, missing, planes + (size_t)slice * SCORER_LANES * SCORER_BLOCK_ROWS);
    }
}

/* The last row of a block is binned again to fill up sixteen; nobody reads the further masks. */
SCORER_INLINE void bin_group(const struct scorer *scorer, const struct scorer_group *group,
                             const float *rows, size_t row_count, enum scorer_method method,
                             uint8_t *planes)
{
    struct lanes lanes = lanes_of(group);
    for (size_t first = 0; first < row_count; first += 16) {
        __m256i codes[16], missing[16];
        for (size_t i = 0; i < 16; i++) {
            size_t row = first + i < row_count ? first + i : row_count - 1;
            __m256 values = load_row(group, &lanes, rows + row * scorer->feature_count);
            missing[i] = is_missing(values);
            codes[i] = method == SCORER_DIRECT ? codes_direct(scorer, group, values)
                                               : codes_search(scorer, group, &lanes, values);
        }
        if (group->slice_count == 1)
            store_one_slice(codes, missing, planes + first);
        else
            store_slices(codes, missing, group->slice_count, planes + first);
    }
}

/* ---- Floats to codes by buckets ---- */

/*
 * Two passes over a few rows: vectors compute bucket and ordered number of eight features at once,
 * then each feature looks its buckets up. The look-ups are plain loads, two or three a cycle; a
 * gather instruction does eight in about eighteen cycles on Zen 4, and worse where microcode
 * against Downfall is loaded.
 */
enum { LOOK_UP_ROWS = 128 };

struct places {
    _Alignas(32) uint32_t buckets[LOOK_UP_ROWS][SCORER_LANES];
    _Alignas(32) uint32_t keys[LOOK_UP_ROWS][SCORER_LANES];
};

/* As scorer_bucket does it. */
SCORER_INLINE __m256i buckets_of(const struct lanes *lanes, __m256 values)
{
    const __m256 one = _mm256_set1_ps(1.0f), sign = _mm256_set1_ps(-0.0f);
    __m256 u = _mm256_mul_ps(_mm256_sub_ps(values, lanes->center), lanes->scale);
    __m256i grown = _mm256_castps_si256(_mm256_add_ps(_mm256_andnot_ps(sign, u), one));
    __m256i k = _mm256_srav_epi32(_mm256_sub_epi32(grown, _mm256_castps_si256(one)), lanes->shift);
    k = _mm256_min_epi32(k, lanes->half_less_one);
    __m256i is_below = _mm256_srai_epi32(_mm256_castps_si256(u), 31);
    __m256i buckets = _mm256_add_epi32(lanes->half, _mm256_xor_si256(k, is_below));
    return _mm256_blendv_epi8(buckets, _mm256_add_epi32(lanes->half, lanes->half),
                              is_missing(values));
}

/* As scorer_ordered does it. */
SCORER_INLINE __m256i keys_of(__m256 values)
{
    __m256i bits = _mm256_castps_si256(_mm256_add_ps(values, _mm256_setzero_ps()));
    __m256i negative = _mm256_srai_epi32(bits, 31);
    return _mm256_xor_si256(bits, _mm256_or_si256(negative, _mm256_set1_epi32(INT32_MIN)));
}

SCORER_INLINE void look_up_lane(const uint8_t *buckets, const uint32_t *limits,
                                const struct places *places, uint32_t lane, size_t row_count,
                                uint32_t step_count, uint8_t *codes)
{
    for (size_t r = 0; r < row_count; r++) {
        uint32_t below = buckets[places->buckets[r][lane]], code = below;
        uint32_t key = places->keys[r][lane];
        for (uint32_t step = 0; step < step_count; step++) code += limits[below + step] < key;
        codes[r] = (uint8_t)code;
    }
}

static void look_up_lanes(const struct scorer *scorer, const struct scorer_group *group,
                          const struct places *places, size_t row_count, uint8_t *planes)
{
    for (uint32_t lane = 0; lane < group->lane_count; lane++, planes += SCORER_BLOCK_ROWS) {
        const uint8_t *buckets = scorer->buckets + group->bucket_first[lane];
        const uint32_t *limits = scorer->limits + group->threshold_first[lane];
        uint32_t steps = group->lane_steps[lane];
        if (steps == 0) continue; /* nobody splits on it */
        if (steps == 1)
            look_up_lane(buckets, limits, places, lane, row_count, 1, planes);
        else if (steps == 2)
            look_up_lane(buckets, limits, places, lane, row_count, 2, planes);
        else
            look_up_lane(buckets, limits, places, lane, row_count, SCORER_STEPS_MAX, planes);
    }
}

static void bin_group_by_buckets(const struct scorer *scorer, const struct scorer_group *group,
                                 const float *rows, size_t row_count, uint8_t *planes)
{
    struct lanes lanes = lanes_of(group);
    struct places places;
    for (size_t first = 0; first < row_count; first += LOOK_UP_ROWS) {
        size_t count = row_count - first < LOOK_UP_ROWS ? row_count - first : LOOK_UP_ROWS;
        for (size_t i = 0; i < count; i++) {
            __m256 values = load_row(group, &lanes, rows + (first + i) * scorer->feature_count);
            _mm256_store_si256((__m256i *)places.buckets[i], buckets_of(&lanes, values));
            _mm256_store_si256((__m256i *)places.keys[i], keys_of(values));
        }
        look_up_lanes(scorer, group, &places, count, planes + first);
    }
}

void scorer_avx2_bin(const struct scorer *scorer, const float *rows, size_t row_count,
                     uint8_t *codes)
{
    for (size_t g = 0; g < scorer->lane_group_count; g++) {
        const struct scorer_group *group = &scorer->groups[g];
        const float *from = rows + g * SCORER_LANES;
        uint8_t *planes = codes + (size_t)group->plane_first * SCORER_BLOCK_ROWS;
        switch (group->method) {
        case SCORER_UNUSED: break;
        case SCORER_DIRECT: bin_group(scorer, group, from, row_count, SCORER_DIRECT, planes); break;
        case SCORER_BUCKET: bin_group_by_buckets(scorer, group, from, row_count, planes); break;
        case SCORER_SEARCH: bin_group(scorer, group, from, row_count, SCORER_SEARCH, planes); break;
        }
    }
}

/* ---- Codes to masks ---- */

/* 256 codes become 8 masks in their place: bit 0 of all, bit 1 of all ... Only then are masks made
 * of them: a wide load soon after the narrow stores would wait for these. */
static void codes_to_bits(uint8_t *plane)
{
    __m256i codes[8];
    for (int i = 0; i < 8; i++) codes[i] = _mm256_load_si256((const __m256i *)plane + i);
    for (int b = 7; b >= 0; b--)
        for (int i = 0; i < 8; i++) {
            ((uint32_t *)(void *)plane)[8 * b + i] = (uint32_t)_mm256_movemask_epi8(codes[i]);
            codes[i] = _mm256_add_epi8(codes[i], codes[i]);
        }
}

static void avx2_mask(const struct scorer *scorer, uint8_t *codes, uint8_t *masks)
{
    for (size_t i = 0; i < scorer->used_plane_count; i++)
        codes_to_bits(codes + (size_t)scorer->planes[i].plane * SCORER_BLOCK_ROWS);
    for (size_t i = 0; i < scorer->used_plane_count; i++) {
        const struct scorer_plane *plane = &scorer->planes[i];
        const uint8_t *bits = codes + (size_t)plane->plane * SCORER_BLOCK_ROWS;
        scorer_plane_masks(plane, (const scorer_bits *)(const void *)bits,
                           (scorer_bits *)(void *)masks + plane->mask_first);
    }
}

/* ---- Masks to margins ---- */

/* 0xFF in the byte of each of 32 rows whose bit is set. Bytes stand so that interleaving them, two
 * and then four at a time, puts rows 0 to 7 first, then 8 to 15 ...: in each half of the register
 * bytes 4j to 4j+3 are rows 8j to 8j+3, plus 4 in the upper half. */
SCORER_INLINE __m256i spread(const uint8_t *bits)
{
    const __m256i source = _mm256_setr_epi8(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, /**/
                                            0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
    const __m256i which =
        _mm256_setr_epi32(0x08040201, 0x08040201, 0x08040201, 0x08040201, (int)0x80402010,
                          (int)0x80402010, (int)0x80402010, (int)0x80402010);
    __m256i word = _mm256_castps_si256(_mm256_broadcast_ss((const float *)(const void *)bits));
    __m256i bytes = _mm256_and_si256(_mm256_shuffle_epi8(word, source), which);
    return _mm256_cmpeq_epi8(bytes, which);
}

SCORER_INLINE __m256i look_up(const uint8_t *table, __m256i index)
{
    __m128i sixteen = _mm_loadu_si128((const __m128i *)(const void *)table);
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(sixteen), index);
}

/* One byte of the leaves of 32 rows: the table has 16, 32 or 64. */
SCORER_INLINE __m256i leaf_byte(const uint8_t *table, __m256i index, const __m256i high[2],
                                int high_count)
{
    __m256i byte = look_up(table, index);
    if (high_count == 0) return byte;
    byte = _mm256_blendv_epi8(byte, look_up(table + 16, index), high[0]);
    if (high_count == 1) return byte;
    __m256i other =
        _mm256_blendv_epi8(look_up(table + 32, index), look_up(table + 48, index), high[0]);
    return _mm256_blendv_epi8(byte, other, high[1]);
}

SCORER_INLINE void add_eight(float *margins, __m256i leaves)
{
    _mm256_store_ps(margins, _mm256_add_ps(_mm256_load_ps(margins), _mm256_castsi256_ps(leaves)));
}

SCORER_INLINE void add_thirty_two(const uint8_t *tables, size_t stride, __m256i index,
                                  const __m256i high[2], int high_count, float *margins)
{
    __m256i b0 = leaf_byte(tables, index, high, high_count);
    __m256i b1 = leaf_byte(tables + stride, index, high, high_count);
    __m256i b2 = leaf_byte(tables + 2 * stride, index, high, high_count);
    __m256i b3 = leaf_byte(tables + 3 * stride, index, high, high_count);
    __m256i low01 = _mm256_unpacklo_epi8(b0, b1), low23 = _mm256_unpacklo_epi8(b2, b3);
    __m256i high01 = _mm256_unpackhi_epi8(b0, b1), high23 = _mm256_unpackhi_epi8(b2, b3);
    add_eight(margins, _mm256_unpacklo_epi16(low01, low23));
    add_eight(margins + 8, _mm256_unpackhi_epi16(low01, low23));
    add_eight(margins + 16, _mm256_unpacklo_epi16(high01, high23));
    add_eight(margins + 24, _mm256_unpackhi_epi16(high01, high23));
}

/* Up to 64 leaves: look up each of a float's four bytes. */
SCORER_INLINE void add_by_bytes(const struct scorer *scorer, const struct scorer_tree *tree,
                                const scorer_bits *bits, uint32_t depth, int high_count,
                                float *margins)
{
    const uint8_t *tables = scorer->leaf_bytes + tree->byte_first;
    const uint8_t *words = (const uint8_t *)bits;
    size_t stride = high_count == 0 ? 16 : (size_t)1 << depth;
    for (int i = 0; i < SCORER_BLOCK_ROWS / 32; i++) {
        __m256i index = _mm256_setzero_si256(), high[2];
        for (uint32_t l = 0; l < depth; l++) {
            __m256i where = spread(words + l * SCORER_MASK_BYTES + 4 * i);
            if (l < 4)
                index = _mm256_or_si256(index,
                                        _mm256_and_si256(where, _mm256_set1_epi8((char)(1 << l))));
            else
                high[l - 4] = where;
        }
        add_thirty_two(tables, stride, index, high, high_count, margins + 32 * i);
    }
}

/* 128 or 256 leaves. */
static void add_by_gather(const struct scorer *scorer, const struct scorer_tree *tree,
                          const scorer_bits *bits, float *margins)
{
    const float *leaves = scorer->leaves + tree->leaf_first;
    const uint8_t *bytes = (const uint8_t *)bits;
    const __m256i shifts = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), one = _mm256_set1_epi32(1);
    for (int i = 0; i < SCORER_BLOCK_ROWS / 8; i++) {
        __m256i index = _mm256_setzero_si256();
        for (int l = (int)tree->depth - 1; l >= 0; l--) {
            __m256i eight = _mm256_set1_epi32(bytes[l * SCORER_MASK_BYTES + i]);
            __m256i bit = _mm256_and_si256(_mm256_srlv_epi32(eight, shifts), one);
            index = _mm256_or_si256(_mm256_add_epi32(index, index), bit);
        }
        add_eight(margins + 8 * i, _mm256_castps_si256(_mm256_i32gather_ps(leaves, index, 4)));
    }
}

static void avx2_add(const struct scorer *scorer, const struct scorer_tree *tree,
                     const uint8_t *masks, float *margins)
{
    scorer_bits bits[SCORER_DEPTH_MAX];
    scorer_tree_bits(scorer->splits + tree->split_first, tree->depth, masks, bits);
    switch (tree->depth) {
    case 6: add_by_bytes(scorer, tree, bits, 6, 2, margins); break;
    case 5: add_by_bytes(scorer, tree, bits, 5, 1, margins); break;
    case 4: add_by_bytes(scorer, tree, bits, 4, 0, margins); break;
    case 8:
    case 7: add_by_gather(scorer, tree, bits, margins); break;
    default: add_by_bytes(scorer, tree, bits, tree->depth, 0, margins); break;
    }
}

const struct scorer_functions scorer_avx2_functions = {scorer_avx2_bin, avx2_mask, avx2_add};
