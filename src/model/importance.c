#include "model/importance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/rng.h"
#include "host/thread.h"
#include "learn/attribution.h"
#include "learn/metrics.h"
#include "learn/scorer.h"

const char *importance_kind_name(enum importance_kind kind)
{
    static const char *const names[] = {"gain", "shap", "permutation"};
    return names[kind];
}

enum lx_err importance_init(struct importance *importance, size_t column_count, size_t group_count,
                            struct lx_error *err)
{
    struct importance made = {.column_count = column_count, .group_count = group_count};
    made.groups = lx_calloc(group_count, sizeof *made.groups);
    made.storage =
        lx_calloc(group_count * IMPORTANCE_KINDS * column_count + 1, sizeof *made.storage);
    if (made.groups == NULL || made.storage == NULL) {
        importance_release(&made);
        return lx_fail(err, LX_ERR_NO_MEMORY, "importances: out of memory");
    }
    for (size_t i = 0; i < group_count; i++)
        for (size_t k = 0; k < IMPORTANCE_KINDS; k++)
            made.groups[i].values[k] = made.storage + (i * IMPORTANCE_KINDS + k) * column_count;
    *importance = made;
    return LX_OK;
}

void importance_release(struct importance *importance)
{
    lx_free(importance->groups);
    lx_free(importance->storage);
    *importance = (struct importance){0};
}

/* What the three ways share. */
struct measuring {
    const struct forest *forest;
    const struct importance_plan *plan;
    const struct lx_env *env;
    struct importance *importance;
    struct scorer *scorer;
    size_t rows, columns;
    float *margins; /* of the rows as they are */
    double *plain;  /* PR-AUC by group */
    bool *is_used;  /* by column */
    struct lx_error error;
    enum lx_err *codes; /* by column */
};

static bool is_in(const struct measuring *m, size_t row, size_t group)
{
    const uint16_t *groups = m->plan->groups + 2 * row;
    return group == 0 || groups[0] == group || groups[1] == group;
}

static void count_groups(const struct measuring *m)
{
    for (size_t g = 0; g < m->importance->group_count; g++)
        for (size_t i = 0; i < m->rows; i++) {
            if (!is_in(m, i, g)) continue;
            m->importance->groups[g].rows++;
            m->importance->groups[g].positives += m->plan->rows->labels[i];
        }
}

/* Adds to the groups of a row. */
static void add(const struct measuring *m, size_t row, enum importance_kind kind, size_t column,
                double value)
{
    const uint16_t *groups = m->plan->groups + 2 * row;
    m->importance->groups[0].values[kind][column] += value;
    for (size_t i = 0; i < 2; i++)
        if (groups[i] > 0) m->importance->groups[groups[i]].values[kind][column] += value;
}

/* ---- Gain ---- */

static uint32_t child_of(const struct forest_node *node, const float *row)
{
    float value = row[node->feature];
    bool is_left = isnan(value) ? node->is_left_default : value < node->value;
    return is_left ? node->left : node->left + 1;
}

static enum lx_err measure_gain(const struct measuring *m)
{
    const struct forest *forest = m->forest;
    const struct kept *rows = m->plan->rows;
    double *visits = lx_calloc(forest->node_count + 1, sizeof *visits);
    if (visits == NULL) return LX_ERR_NO_MEMORY;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < m->rows; i++) {
            const float *row = matrix_row(&rows->matrix, i);
            double weight = (double)rows->weights[i];
            for (size_t t = 0; t < forest->tree_count; t++) {
                uint32_t at = forest->trees[t].root;
                for (; forest->nodes[at].left != 0; at = child_of(&forest->nodes[at], row)) {
                    const struct forest_node *node = &forest->nodes[at];
                    if (pass == 0)
                        visits[at] += weight;
                    else
                        add(m, i, IMPORTANCE_GAIN, node->feature,
                            (double)node->gain * weight / visits[at]);
                }
            }
        }
    lx_free(visits);
    return LX_OK;
}

/* ---- SHAP ---- */

static enum lx_err measure_shap(const struct measuring *m, struct lx_error *err)
{
    const struct kept *rows = m->plan->rows;
    struct attribution *attribution = NULL;
    enum lx_err code = attribution_open(m->forest, ATTRIBUTION_TABLE_BYTES, &attribution, err);
    if (code != LX_OK) return code;
    float *contributions = lx_calloc(m->columns + 1, sizeof *contributions);
    void *scratch = lx_malloc(attribution_scratch_bytes(attribution) + 1);
    code = contributions == NULL || scratch == NULL ? LX_ERR_NO_MEMORY : LX_OK;
    for (size_t i = 0; code == LX_OK && i < m->rows; i++) {
        attribution_explain(attribution, matrix_row(&rows->matrix, i), scratch, contributions);
        for (size_t j = 0; j < m->columns; j++)
            if (contributions[j] != 0)
                add(m, i, IMPORTANCE_SHAP, j,
                    fabs((double)contributions[j]) * (double)rows->weights[i]);
    }
    lx_free(contributions);
    lx_free(scratch);
    attribution_close(attribution);
    return code;
}

/* ---- Permutation ---- */

/* One thread's room. */
struct room {
    float *values, *margins;
    double *scores, *weights;
    uint8_t *labels;
    uint32_t *order;
    void *scratch;
};

static void room_release(struct room *room)
{
    lx_free(room->values);
    lx_free(room->margins);
    lx_free(room->scores);
    lx_free(room->weights);
    lx_free(room->labels);
    lx_free(room->order);
    lx_free(room->scratch);
}

static enum lx_err room_init(const struct measuring *m, struct room *room)
{
    room->values = lx_malloc(m->rows * m->columns * sizeof *room->values);
    room->margins = lx_malloc(m->rows * sizeof *room->margins);
    room->scores = lx_malloc(m->rows * sizeof *room->scores);
    room->weights = lx_malloc(m->rows * sizeof *room->weights);
    room->labels = lx_malloc(m->rows);
    room->order = lx_malloc(m->rows * sizeof *room->order);
    room->scratch = lx_malloc(scorer_scratch_bytes(m->scorer) + 1);
    bool is_ready = room->values != NULL && room->margins != NULL && room->scores != NULL &&
                    room->weights != NULL && room->labels != NULL && room->order != NULL &&
                    room->scratch != NULL;
    return is_ready ? LX_OK : LX_ERR_NO_MEMORY;
}

static enum lx_err pr_auc_of(const struct measuring *m, size_t group, const float *margins,
                             struct room *room, double *ret_pr_auc)
{
    size_t count = 0;
    *ret_pr_auc = NAN;
    if (m->importance->groups[group].positives < IMPORTANCE_POSITIVES_MIN) return LX_OK;
    for (size_t i = 0; i < m->rows; i++) {
        if (!is_in(m, i, group)) continue;
        room->scores[count] = (double)margins[i];
        room->weights[count] = (double)m->plan->rows->weights[i];
        room->labels[count++] = m->plan->rows->labels[i];
    }
    return metric_pr_auc(room->scores, room->labels, room->weights, count, ret_pr_auc);
}

/* Deals the values of one column anew, scores, and measures every group. */
static enum lx_err permute(const struct measuring *m, size_t column, struct room *room)
{
    const float *values = m->plan->rows->matrix.values;
    struct lx_rng rng = lx_rng_of(m->plan->seed ^ UINT64_C(0x7065726d), column);
    memcpy(room->values, values, m->rows * m->columns * sizeof *values);
    for (size_t i = 0; i < m->rows; i++) room->order[i] = (uint32_t)i;
    lx_rng_shuffle(&rng, room->order, m->rows);
    for (size_t i = 0; i < m->rows; i++)
        room->values[i * m->columns + column] = values[room->order[i] * m->columns + column];
    scorer_score(m->scorer, room->values, m->rows, room->scratch, room->margins);
    enum lx_err code = LX_OK;
    for (size_t g = 0; code == LX_OK && g < m->importance->group_count; g++) {
        double pr_auc = NAN;
        code = pr_auc_of(m, g, room->margins, room, &pr_auc);
        m->importance->groups[g].values[IMPORTANCE_PERMUTATION][column] = m->plain[g] - pr_auc;
    }
    return code;
}

static void run_column(void *context, size_t column)
{
    struct measuring *m = context;
    struct room room = {0};
    if (!m->is_used[column]) { /* no tree asks for it */
        for (size_t g = 0; g < m->importance->group_count; g++)
            m->importance->groups[g].values[IMPORTANCE_PERMUTATION][column] =
                isnan(m->plain[g]) ? NAN : 0;
        return;
    }
    m->codes[column] = room_init(m, &room);
    if (m->codes[column] == LX_OK) m->codes[column] = permute(m, column, &room);
    room_release(&room);
}

static enum lx_err measure_permutation(struct measuring *m, struct lx_error *err)
{
    struct room room = {0};
    for (size_t i = 0; i < m->forest->node_count; i++)
        if (m->forest->nodes[i].left != 0) m->is_used[m->forest->nodes[i].feature] = true;
    enum lx_err code = room_init(m, &room);
    if (code == LX_OK)
        scorer_score(m->scorer, m->plan->rows->matrix.values, m->rows, room.scratch, m->margins);
    for (size_t g = 0; code == LX_OK && g < m->importance->group_count; g++)
        code = pr_auc_of(m, g, m->margins, &room, &m->plain[g]);
    room_release(&room);
    if (code == LX_OK) code = host_parallel(m->env->thread_count, m->columns, run_column, m, err);
    for (size_t i = 0; code == LX_OK && i < m->columns; i++) code = m->codes[i];
    return code;
}

/* ---- All of it ---- */

static void make_shares(const struct importance *importance, enum importance_kind kind)
{
    for (size_t g = 0; g < importance->group_count; g++) {
        double *values = importance->groups[g].values[kind], sum = 0;
        for (size_t i = 0; i < importance->column_count; i++) sum += values[i];
        for (size_t i = 0; sum > 0 && i < importance->column_count; i++) values[i] /= sum;
    }
}

static enum lx_err measure_all(struct measuring *m, struct lx_error *err)
{
    m->margins = lx_malloc(m->rows * sizeof *m->margins);
    m->plain = lx_calloc(m->importance->group_count, sizeof *m->plain);
    m->is_used = lx_calloc(m->columns, sizeof *m->is_used);
    m->codes = lx_calloc(m->columns, sizeof *m->codes);
    enum lx_err code = LX_OK;
    if (m->margins == NULL || m->plain == NULL || m->is_used == NULL || m->codes == NULL)
        return LX_ERR_NO_MEMORY;
    code = scorer_open(m->forest, SCORER_BEST, &m->scorer, err);
    if (code != LX_OK) return code;
    count_groups(m);
    code = measure_gain(m);
    if (code == LX_OK) code = measure_shap(m, err);
    if (code == LX_OK) code = measure_permutation(m, err);
    make_shares(m->importance, IMPORTANCE_GAIN);
    make_shares(m->importance, IMPORTANCE_SHAP);
    return code;
}

enum lx_err importance_measure(const struct forest *forest, const struct importance_plan *plan,
                               const struct lx_env *env, struct importance *ret_importance,
                               struct lx_error *err)
{
    LX_ASSERT(forest_group_count(forest) == 1 && plan->rows->matrix.row_count > 0);
    LX_ASSERT(plan->rows->matrix.column_count == forest_feature_count(forest));

    struct importance importance = {0};
    struct measuring m = {.forest = forest,
                          .plan = plan,
                          .env = env,
                          .importance = &importance,
                          .rows = plan->rows->matrix.row_count,
                          .columns = plan->rows->matrix.column_count};
    enum lx_err code = importance_init(&importance, m.columns, plan->group_count, err);
    if (code == LX_OK) code = measure_all(&m, err);
    if (code == LX_ERR_NO_MEMORY) lx_fail(err, code, "importances: out of memory");
    scorer_close(m.scorer);
    lx_free(m.margins);
    lx_free(m.plain);
    lx_free(m.is_used);
    lx_free(m.codes);
    if (code == LX_OK)
        *ret_importance = importance;
    else
        importance_release(&importance);
    return code;
}

struct placed {
    double value;
    uint16_t column;
};

static int compare_placed(const void *left, const void *right)
{
    const struct placed *a = left, *b = right;
    double x = isnan(a->value) ? -INFINITY : a->value, y = isnan(b->value) ? -INFINITY : b->value;
    if (x != y) return x > y ? -1 : 1;
    return a->column < b->column ? -1 : a->column > b->column;
}

void importance_order(const struct importance_group *group, enum importance_kind kind,
                      size_t column_count, uint16_t *ret_order)
{
    struct placed placed[LX_FEATURES_MAX];
    LX_ASSERT(column_count <= LX_FEATURES_MAX);

    for (size_t i = 0; i < column_count; i++)
        placed[i] = (struct placed){group->values[kind][i], (uint16_t)i};
    qsort(placed, column_count, sizeof *placed, compare_placed);
    for (size_t i = 0; i < column_count; i++) ret_order[i] = placed[i].column;
}
