#include "learn/second_round_model.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

size_t second_round_product_count(const struct second_round *model)
{
    return model->tables.product_count;
}

size_t second_round_profile_count(const struct second_round *model)
{
    return model->profile_count;
}

void second_round_close(struct second_round *model)
{
    if (model == NULL) return;
    for (size_t i = 0; i < model->member_count; i++) {
        lx_free(model->members[i].trees);
        scorer_close(model->members[i].scorer);
    }
    second_round_tables_release(&model->tables);
    lx_free(model);
}

enum lx_err second_round_add_member(struct second_round *model, char *trees, size_t trees_bytes,
                                    struct lx_error *err)
{
    LX_ASSERT(model->member_count < SECOND_ROUND_MEMBERS_MAX);

    struct forest *forest = NULL;
    struct scorer *scorer = NULL;
    size_t width = second_round_width(&model->tables, model->profile_count);
    enum lx_err code = forest_load_json(trees, trees_bytes, &forest, err);
    if (code == LX_OK && (forest_feature_count(forest) != width || forest_group_count(forest) != 1))
        code = lx_fail(err, LX_ERR_CORRUPT, "second round: trees of %zu features, %zu expected",
                       forest_feature_count(forest), width);
    if (code == LX_OK) code = scorer_open(forest, SCORER_BEST, &scorer, err);
    forest_close(forest);
    if (code != LX_OK) {
        lx_free(trees);
        return code;
    }
    size_t bytes = scorer_scratch_bytes(scorer);
    if (bytes > model->scorer_bytes) model->scorer_bytes = bytes;
    model->members[model->member_count++] =
        (struct second_round_member){trees, trees_bytes, scorer};
    return LX_OK;
}

/* The parts of the caller's scratch. */
struct scratch {
    float *rows, *margins;
    uint16_t *products;
    void *scorer;
};

enum { ALIGNMENT = 64 };

static size_t aligned(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

size_t second_round_scratch_bytes(const struct second_round *model)
{
    size_t products = model->tables.product_count;
    size_t width = second_round_width(&model->tables, model->profile_count);
    return ALIGNMENT + aligned(products * width * sizeof(float)) +
           aligned(products * sizeof(float)) + aligned(products * sizeof(uint16_t)) +
           model->scorer_bytes;
}

static struct scratch scratch_of(const struct second_round *model, void *memory)
{
    size_t products = model->tables.product_count;
    size_t width = second_round_width(&model->tables, model->profile_count);
    char *at = (char *)memory + (ALIGNMENT - (uintptr_t)memory % ALIGNMENT) % ALIGNMENT;
    struct scratch scratch = {.rows = (float *)(void *)at};
    at += aligned(products * width * sizeof(float));
    scratch.margins = (float *)(void *)at;
    at += aligned(products * sizeof(float));
    scratch.products = (uint16_t *)(void *)at;
    scratch.scorer = at + aligned(products * sizeof(uint16_t));
    return scratch;
}

static bool is_anything_answered(const float *log_odds, const float *answers, size_t count)
{
    for (size_t p = 0; p < count; p++)
        if (answers[p] != 0 && !isnan(log_odds[p])) return true;
    return false;
}

void second_round_score(const struct second_round *model, const float *profile,
                        const float *log_odds, const float *answers, void *scratch,
                        double *ret_log_odds)
{
    LX_ASSERT(profile != NULL || model->profile_count == 0);
    LX_ASSERT(model->member_count > 0);

    size_t products = model->tables.product_count;
    if (!is_anything_answered(log_odds, answers, products)) {
        for (size_t p = 0; p < products; p++)
            ret_log_odds[p] = answers[p] == 0 ? (double)log_odds[p] : NAN;
        return;
    }
    struct scratch parts = scratch_of(model, scratch);
    size_t count = second_round_fill(&model->tables, profile, model->profile_count, log_odds,
                                     answers, parts.products, parts.rows);
    for (size_t p = 0; p < products; p++) ret_log_odds[p] = NAN;
    for (size_t i = 0; i < count; i++) ret_log_odds[parts.products[i]] = 0;
    for (size_t m = 0; m < model->member_count; m++) {
        scorer_score(model->members[m].scorer, parts.rows, count, parts.scorer, parts.margins);
        for (size_t i = 0; i < count; i++)
            ret_log_odds[parts.products[i]] += (double)parts.margins[i];
    }
    for (size_t i = 0; i < count; i++) {
        size_t p = parts.products[i];
        double margin = (double)log_odds[p] + ret_log_odds[p] / (double)model->member_count;
        ret_log_odds[p] = calibration_log_odds(&model->calibration, margin);
    }
}
