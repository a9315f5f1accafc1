/*
 * fuzz_forest: whatever bytes a model file holds, reading it gives an error or a forest that the
 * scorer's kernels score as the plain traversal does, and that can be explained.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/attribution.h"
#include "learn/scorer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS = 70, FEATURES_MAX = 64, GROUPS_MAX = 16 };

/* Thresholds of the forest and their neighbours, and every kind of float, in turn. */
static void fill_rows(const struct forest *forest, float *rows)
{
    static const float others[] = {NAN, INFINITY, -INFINITY, 0.0f, -0.0f, 1.0f, -1e30f};
    for (size_t i = 0; i < ROWS * forest->feature_count; i++) {
        if (i % 3 == 0 || forest->node_count == 0) {
            rows[i] = others[i / 3 % LX_COUNT_OF(others)];
            continue;
        }
        float threshold = forest->nodes[i % forest->node_count].value;
        rows[i] = i % 3 == 1 ? threshold : nextafterf(threshold, -INFINITY);
    }
}

static void score_all(const struct forest *forest, const float *rows, const float *want)
{
    for (int kernel = SCORER_PLAIN; kernel <= SCORER_AVX512; kernel++) {
        struct scorer *scorer = NULL;
        if (!scorer_kernel_is_supported((enum scorer_kernel)kernel)) continue;
        if (scorer_open(forest, (enum scorer_kernel)kernel, &scorer, NULL) != LX_OK) abort();
        float got[ROWS * GROUPS_MAX];
        void *scratch = malloc(scorer_scratch_bytes(scorer));
        if (scratch == NULL) abort();
        for (size_t count = 1; count <= ROWS; count += ROWS - 1) {
            scorer_score(scorer, rows, count, scratch, got);
            for (size_t i = 0; i < count * forest->group_count; i++)
                if (got[i] != want[i] && !(isnan(got[i]) && isnan(want[i]))) abort();
        }
        free(scratch);
        scorer_close(scorer);
    }
}

static void explain_one(const struct forest *forest, const float *row, size_t table_bytes_max)
{
    struct attribution *attribution = NULL;
    if (attribution_open(forest, table_bytes_max, &attribution, NULL) != LX_OK) abort();
    float parts[GROUPS_MAX * (FEATURES_MAX + 1)];
    void *scratch = malloc(attribution_scratch_bytes(attribution));
    if (scratch == NULL) abort();
    attribution_explain(attribution, row, scratch, parts);
    free(scratch);
    attribution_close(attribution);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct forest *forest = NULL;
    struct lx_error err;
    if (size > (size_t)1 << 16) return 0;
    if (forest_load_json((const char *)data, size, &forest, &err) != LX_OK) return 0;

    if (forest->feature_count <= FEATURES_MAX && forest->group_count <= GROUPS_MAX) {
        float rows[ROWS * FEATURES_MAX], want[ROWS * GROUPS_MAX];
        fill_rows(forest, rows);
        for (size_t i = 0; i < ROWS; i++)
            forest_predict_row_margin(forest, rows + i * forest->feature_count,
                                      want + i * forest->group_count);
        score_all(forest, rows, want);
        explain_one(forest, rows, ATTRIBUTION_TABLE_BYTES);
        explain_one(forest, rows, 0);
    }
    forest_close(forest);
    return 0;
}
