/* Negatives by clusters of their standardised features. */
#include <math.h>

#include "learn/kmeans.h"
#include "learn/neighbours.h"
#include "learn/sampling_methods.h"

enum { CLUSTERS_MAX = 32, PLACES_A_CLUSTER = 4 };

struct cluster {
    size_t positives, negatives;
    double share; /* of the places */
    size_t chosen, left, seen;
};

struct clustering {
    struct balancing *balancing;
    struct cluster clusters[CLUSTERS_MAX];
    size_t count;
    uint32_t *of_row; /* owned; the cluster of each row */
};

/* Clusters are those of the negatives; positives are given to the nearest. */
static enum lx_err find_clusters(struct clustering *clustering, struct lx_error *err)
{
    const struct balancing *balancing = clustering->balancing;
    const struct sampling_plan *plan = balancing->plan;
    size_t rows = balancing->matrix->row_count, negatives = balancing->negative_count;
    struct space all = {0};
    enum lx_err code = space_make(balancing, NULL, rows, NULL, true, &all, err);
    if (code != LX_OK) return code;
    size_t dimension = all.dimension;
    float *points = lx_malloc(negatives * dimension * sizeof *points);
    float *centres = lx_malloc(clustering->count * dimension * sizeof *centres);
    uint32_t *of_negative = lx_malloc(negatives * sizeof *of_negative);
    clustering->of_row = lx_malloc(rows * sizeof *clustering->of_row);
    code = LX_ERR_NO_MEMORY;
    if (points == NULL || centres == NULL || of_negative == NULL || clustering->of_row == NULL)
        goto out;
    for (size_t i = 0; i < negatives * dimension; i++)
        points[i] = all.points[balancing->negatives[i / dimension] * dimension + i % dimension];
    code = kmeans_fit(points, negatives, dimension, clustering->count, plan->seed,
                      plan->thread_count, centres, of_negative, err);
    if (code == LX_OK)
        code = neighbours_find(centres, clustering->count, all.points, rows, dimension, 1,
                               plan->thread_count, clustering->of_row, err);
out:
    space_release(&all);
    lx_free(points);
    lx_free(centres);
    lx_free(of_negative);
    return code;
}

/*
 * Each cluster with negatives gets one place; the others go by share, none above what the cluster
 * has, what is then left over by share again to those that have more. Cumulative rounding makes
 * the places sum to what is wanted.
 */
static void divide(struct clustering *clustering, size_t wanted)
{
    double places[CLUSTERS_MAX] = {0}, left = (double)wanted, sum = 0;
    for (size_t i = 0; i < clustering->count; i++) left -= clustering->clusters[i].negatives > 0;
    for (size_t round = 0; round < clustering->count && left > 1e-6; round++) {
        double shares = 0, given = left;
        for (size_t i = 0; i < clustering->count; i++) {
            const struct cluster *cluster = &clustering->clusters[i];
            if (places[i] + 1 < (double)cluster->negatives) shares += cluster->share;
        }
        for (size_t i = 0; i < clustering->count && shares > 0; i++) {
            const struct cluster *cluster = &clustering->clusters[i];
            double room = (double)cluster->negatives - 1 - places[i];
            if (room <= 0) continue;
            double more = fmin(given * cluster->share / shares, room);
            places[i] += more;
            left -= more;
        }
    }
    for (size_t i = 0; i < clustering->count; i++) {
        struct cluster *cluster = &clustering->clusters[i];
        if (cluster->negatives == 0) continue;
        double before = floor(sum + 1e-6);
        sum += places[i];
        cluster->chosen = 1 + (size_t)(floor(sum + 1e-6) - before);
        if (cluster->chosen > cluster->negatives) cluster->chosen = cluster->negatives;
    }
}

static void count_clusters(struct clustering *clustering)
{
    const struct balancing *balancing = clustering->balancing;
    for (size_t i = 0; i < balancing->matrix->row_count; i++) {
        struct cluster *cluster = &clustering->clusters[clustering->of_row[i]];
        *(balancing->labels[i] > 0 ? &cluster->positives : &cluster->negatives) += 1;
    }
    for (size_t i = 0; i < clustering->count; i++) {
        struct cluster *cluster = &clustering->clusters[i];
        cluster->share = (double)cluster->positives / (double)balancing->positive_count / 2 +
                         (double)cluster->negatives / (double)balancing->negative_count / 2;
    }
}

/* Positives, and as many negatives of each cluster as it has places, drawn evenly. */
static enum lx_err choose_rows(struct clustering *clustering)
{
    struct balancing *balancing = clustering->balancing;
    struct sampled *sampled = balancing->sampled;
    size_t count = balancing->matrix->row_count, kept = 0;
    uint32_t *rows = lx_malloc(count * sizeof *rows);
    if (rows == NULL) return LX_ERR_NO_MEMORY;
    for (size_t i = 0; i < clustering->count; i++)
        clustering->clusters[i].left = clustering->clusters[i].chosen;
    for (size_t i = 0; i < count; i++) {
        struct cluster *cluster = &clustering->clusters[clustering->of_row[i]];
        if (balancing->labels[i] <= 0) {
            size_t unseen = cluster->negatives - cluster->seen++;
            bool is_taken = lx_rng_below(&balancing->rng, unseen) < cluster->left;
            cluster->left -= is_taken;
            if (!is_taken) continue;
        }
        rows[kept++] = (uint32_t)i;
    }
    enum lx_err code = balancing_take(balancing, rows, kept, 0);
    if (code == LX_OK && sampled->weights == NULL) {
        sampled->weights = lx_malloc(kept * sizeof *sampled->weights);
        if (sampled->weights == NULL) code = LX_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < kept && code == LX_OK; i++) {
        const struct cluster *cluster = &clustering->clusters[clustering->of_row[rows[i]]];
        double stands_for = balancing->labels[rows[i]] > 0
                                ? 1
                                : (double)cluster->negatives / (double)cluster->chosen;
        sampled->weights[i] = (float)(stands_for * (double)balancing_weight(balancing, rows[i]));
    }
    lx_free(rows);
    return code;
}

enum lx_err balance_clusters(struct balancing *balancing, struct lx_error *err)
{
    size_t wanted = balancing_negatives(balancing), negatives = balancing->negative_count;
    if (wanted == negatives)
        return balancing_take(balancing, NULL, balancing->matrix->row_count, 0);

    struct clustering clustering = {.balancing = balancing, .count = CLUSTERS_MAX};
    if (clustering.count > wanted / PLACES_A_CLUSTER)
        clustering.count = wanted < PLACES_A_CLUSTER ? 1 : wanted / PLACES_A_CLUSTER;
    enum lx_err code = find_clusters(&clustering, err);
    if (code == LX_OK) {
        count_clusters(&clustering);
        divide(&clustering, wanted);
        code = choose_rows(&clustering);
    }
    lx_free(clustering.of_row);
    return code;
}
