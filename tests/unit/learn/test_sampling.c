/*
 * Goal:   each balance method gives the counts and rates it promises and takes rows as they are;
 *         SMOTE's neighbours are the true nearest and what it makes lies between them, spread as
 *         imbalanced-learn spreads it.
 * Method: seeded tables whose rows carry their own number, a quadratic search beside the blocked
 *         one, figures of scikit-learn and imbalanced-learn (kept, and made anew where installed).
 */
#include "reference.h"

#include <math.h>

#include "base/rng.h"
#include "learn/neighbours.h"
#include "learn/sampling.h"

/* Column 0 is the row's number in steps that no distance feels, so that each row of a sample can be
 * traced back. */
#define NUMBER_STEP 0x1p-20f

struct table {
    struct matrix matrix;
    float *labels, *weights;
};

static struct table make_table(size_t positives, size_t negatives, size_t columns)
{
    struct table table;
    size_t count = positives + negatives;
    struct lx_rng rng = lx_rng_of(3, count);
    assert_int_equal(matrix_init(&table.matrix, columns), LX_OK);
    table.labels = lx_calloc(count, sizeof *table.labels);
    table.weights = lx_calloc(count, sizeof *table.weights);
    assert_true(table.labels != NULL && table.weights != NULL);
    size_t positives_left = positives;
    for (size_t i = 0; i < count; i++) {
        bool is_positive = lx_rng_below(&rng, count - i) < positives_left;
        float *row = NULL;
        assert_int_equal(matrix_add_row(&table.matrix, &row), LX_OK);
        row[0] = (float)i * NUMBER_STEP;
        for (size_t c = 1; c < columns; c++)
            row[c] = (float)(lx_rng_normal(&rng) + (is_positive ? 2 : 0));
        table.labels[i] = is_positive;
        table.weights[i] = (float)(1 + i % 3);
        positives_left -= is_positive;
    }
    return table;
}

static void release_table(struct table *table)
{
    matrix_release(&table->matrix);
    lx_free(table->labels);
    lx_free(table->weights);
}

static size_t number_of(const float *row)
{
    return (size_t)(row[0] / NUMBER_STEP);
}

static struct sampled apply(enum sampling method, const struct table *table, bool is_weighted,
                            int thread_count)
{
    struct sampled sampled;
    struct lx_error err = {0};
    const struct sampling_plan plan = {.method = method, .seed = 9, .thread_count = thread_count};
    if (sampling_apply(&plan, &table->matrix, table->labels, is_weighted ? table->weights : NULL,
                       &sampled, &err) != LX_OK)
        fail_msg("%s: %s", sampling_name(method), err.text);
    return sampled;
}

static size_t count_positives(const struct sampled *sampled)
{
    size_t positives = 0;
    for (size_t i = 0; i < sampled->matrix.row_count; i++) positives += sampled->labels[i] > 0;
    return positives;
}

static void test_each_method_gives_the_counts_it_promises(void **state)
{
    (void)state;
    static const struct {
        enum sampling method;
        size_t positives, negatives, got_positives, got_negatives;
    } rows[] = {
        /* clang-format off */
        {SAMPLING_NONE,    20, 1000,  20, 1000},
        {SAMPLING_WEIGHTS, 20, 1000,  20, 1000},
        {SAMPLING_UNDER,   20, 1000,  20,  200},
        {SAMPLING_UNDER,   20,  150,  20,  150}, /* fewer than ten to a positive: all stay */
        {SAMPLING_OVER,    20, 1000, 100, 1000},
        {SAMPLING_OVER,    20,  199,  20,  199}, /* more than one in ten: none is added */
        {SAMPLING_SMOTE,   20, 1000, 100, 1000},
        {SAMPLING_SMOTE,    2, 1000, 100, 1000}, /* one neighbour is all there is */
        {SAMPLING_SMOTE_NC,   20, 1000, 100, 1000},
        {SAMPLING_BORDERLINE, 20, 1000, 100, 1000},
        {SAMPLING_ADASYN,     20, 1000, 100, 1000},
        {SAMPLING_ADASYN,     20,  199,  20,  199},
        {SAMPLING_CLUSTERS,   20, 1000,  20,  200},
        {SAMPLING_CLUSTERS,   20,  150,  20,  150},
        {SAMPLING_CLUSTERS,    1, 1000,   1,   10},
        {SAMPLING_FOCAL,      20, 1000,  20, 1000},
        {SAMPLING_FOREST,     20, 1000,  20, 1000},
        /* clang-format on */
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct table table = make_table(rows[i].positives, rows[i].negatives, 4);
        struct sampled sampled = apply(rows[i].method, &table, false, 1);
        size_t positives = count_positives(&sampled);
        size_t negatives = sampled.matrix.row_count - positives;
        if (positives != rows[i].got_positives || negatives != rows[i].got_negatives)
            fail_msg("row %zu: %zu positives, %zu negatives", i, positives, negatives);
        sampled_release(&sampled);
        release_table(&table);
    }
}

static void test_rates_before_and_after_are_those_of_the_weights(void **state)
{
    (void)state;
    struct table table = make_table(30, 2000, 3);
    double positive = 0, sum = 0;
    for (size_t i = 0; i < table.matrix.row_count; i++) {
        positive += table.labels[i] > 0 ? (double)table.weights[i] : 0;
        sum += (double)table.weights[i];
    }
    for (size_t method = 0; method < SAMPLING_COUNT; method++) {
        struct sampled sampled = apply((enum sampling)method, &table, true, 1);
        double got_positive = 0, got_sum = 0;
        for (size_t i = 0; i < sampled.matrix.row_count; i++) {
            got_positive += sampled.labels[i] > 0 ? (double)sampled.weights[i] : 0;
            got_sum += (double)sampled.weights[i];
        }
        assert_true(fabs(sampled.true_rate - positive / sum) < 1e-12);
        double rate = got_positive / got_sum;
        if (method == SAMPLING_FOCAL)
            rate = focal_rate(&(struct focal){FOCAL_GAMMA, FOCAL_ALPHA}, rate);
        assert_true(fabs(sampled.sampled_rate - rate) < 1e-12);
        if (method == SAMPLING_WEIGHTS || method == SAMPLING_FOREST)
            assert_true(fabs(sampled.sampled_rate - 0.5) < 1e-6);
        sampled_release(&sampled);
    }
    release_table(&table);
}

/* The first rows of every sample are rows of the table with their label, in its order. */
static void test_rows_that_stay_are_untouched_and_in_order(void **state)
{
    (void)state;
    struct table table = make_table(20, 1000, 4);
    for (size_t method = 0; method < SAMPLING_COUNT; method++) {
        struct sampled sampled = apply((enum sampling)method, &table, false, 1);
        bool is_fewer = method == SAMPLING_UNDER || method == SAMPLING_CLUSTERS;
        size_t kept = is_fewer ? 220 : 1020;
        float before = -1;
        for (size_t i = 0; i < kept; i++) {
            const float *row = matrix_row(&sampled.matrix, i);
            size_t origin = number_of(row);
            assert_true(row[0] > before);
            before = row[0];
            assert_memory_equal(row, matrix_row(&table.matrix, origin), 4 * sizeof *row);
            assert_true(sampled.labels[i] == table.labels[origin]);
        }
        sampled_release(&sampled);
    }
    release_table(&table);
}

static void test_over_sampling_repeats_positives_evenly(void **state)
{
    (void)state;
    struct table table = make_table(20, 100000, 2);
    struct sampled sampled = apply(SAMPLING_OVER, &table, false, 1);
    size_t counts[20] = {0}, added = sampled.matrix.row_count - table.matrix.row_count;
    for (size_t i = table.matrix.row_count; i < sampled.matrix.row_count; i++) {
        size_t origin = number_of(matrix_row(&sampled.matrix, i)), rank = 0;
        assert_true(table.labels[origin] > 0);
        for (size_t j = 0; j < origin; j++) rank += table.labels[j] > 0;
        counts[rank]++;
    }
    double expected = (double)added / 20;
    for (size_t i = 0; i < 20; i++)
        if (fabs((double)counts[i] - expected) > 5 * sqrt(expected))
            fail_msg("positive %zu: %zu times, expected %g", i, counts[i], expected);
    sampled_release(&sampled);
    release_table(&table);
}

static double square_distance(const float *a, const float *b, size_t columns)
{
    double sum = 0;
    for (size_t i = 0; i < columns; i++) sum += pow((double)a[i] - (double)b[i], 2);
    return sum;
}

/* How far `made` is from the segment between a and b. */
static double distance_to_segment(const float *made, const float *a, const float *b, size_t columns)
{
    double along = 0, length = square_distance(a, b, columns), sum = 0;
    for (size_t i = 0; i < columns; i++)
        along += ((double)made[i] - (double)a[i]) * ((double)b[i] - (double)a[i]);
    double t = length > 0 ? fmin(fmax(along / length, 0), 1) : 0;
    for (size_t i = 0; i < columns; i++)
        sum += pow((double)made[i] - (double)a[i] - t * ((double)b[i] - (double)a[i]), 2);
    return sqrt(sum);
}

static void test_a_made_row_lies_between_a_positive_and_one_of_its_five_nearest(void **state)
{
    (void)state;
    enum { POSITIVES = 40, COLUMNS = 4, K = 5 };
    struct table table = make_table(POSITIVES, 3000, COLUMNS);
    struct sampled sampled = apply(SAMPLING_SMOTE, &table, false, 2);
    const float *points[POSITIVES];
    size_t nearest[POSITIVES][K], count = 0;
    for (size_t i = 0; i < table.matrix.row_count; i++)
        if (table.labels[i] > 0) points[count++] = matrix_row(&table.matrix, i);
    for (size_t i = 0; i < POSITIVES; i++)
        for (size_t k = 0; k < K; k++) {
            double best = INFINITY;
            for (size_t j = 0; j < POSITIVES; j++) {
                bool is_taken = j == i;
                for (size_t l = 0; l < k; l++) is_taken |= nearest[i][l] == j;
                double distance = square_distance(points[i], points[j], COLUMNS);
                if (is_taken || distance >= best) continue;
                best = distance;
                nearest[i][k] = j;
            }
        }
    for (size_t made = table.matrix.row_count; made < sampled.matrix.row_count; made++) {
        double best = INFINITY;
        for (size_t i = 0; i < POSITIVES; i++)
            for (size_t k = 0; k < K; k++)
                best = fmin(best, distance_to_segment(matrix_row(&sampled.matrix, made), points[i],
                                                      points[nearest[i][k]], COLUMNS));
        if (best > 1e-5) fail_msg("row %zu is %g off every segment", made, best);
    }
    sampled_release(&sampled);
    release_table(&table);
}

static void test_a_missing_value_stays_missing_in_what_is_made(void **state)
{
    (void)state;
    struct table table = make_table(20, 1000, 3);
    for (size_t i = 0; i < table.matrix.row_count; i++) matrix_row(&table.matrix, i)[2] = NAN;
    struct sampled sampled = apply(SAMPLING_SMOTE, &table, false, 1);
    for (size_t i = table.matrix.row_count; i < sampled.matrix.row_count; i++) {
        assert_true(isnan(matrix_row(&sampled.matrix, i)[2]));
        assert_true(!isnan(matrix_row(&sampled.matrix, i)[1]));
    }
    sampled_release(&sampled);
    release_table(&table);
}

static void test_the_seed_decides_and_threads_do_not(void **state)
{
    (void)state;
    struct table table = make_table(300, 9000, 5);
    for (size_t method = 0; method < SAMPLING_COUNT; method++) {
        struct sampled one = apply((enum sampling)method, &table, false, 1);
        struct sampled two = apply((enum sampling)method, &table, false, 2);
        assert_int_equal(one.matrix.row_count, two.matrix.row_count);
        assert_memory_equal(one.matrix.values, two.matrix.values,
                            one.matrix.row_count * 5 * sizeof(float));
        sampled_release(&one);
        sampled_release(&two);
    }
    release_table(&table);
}

static void test_neighbours_equal_a_plain_search_whatever_the_scale(void **state)
{
    (void)state;
    enum { POINTS = 2500, QUERIES = 70, COLUMNS = 3, K = 7 };
    static float points[POINTS * COLUMNS], queries[QUERIES * COLUMNS];
    static uint32_t got[QUERIES * K];
    /* The last: values so alike, and so far from zero, that single precision alone cannot tell. */
    static const double offsets[] = {0, 1e4, 1e6}, scales[] = {1, 1e3, 1};
    for (size_t s = 0; s < LX_COUNT_OF(offsets); s++) {
        struct lx_rng rng = lx_rng_of(8, s);
        for (size_t i = 0; i < POINTS * COLUMNS; i++)
            points[i] = (float)(offsets[s] + scales[s] * lx_rng_normal(&rng));
        /* Rows repeat, so that there are exact ties. */
        for (size_t i = 0; i < 500 * COLUMNS; i++) points[500 * COLUMNS + i] = points[i];
        for (size_t i = 0; i < QUERIES * COLUMNS; i++)
            queries[i] = (float)(offsets[s] + scales[s] * lx_rng_normal(&rng));
        assert_int_equal(
            neighbours_find(points, POINTS, queries, QUERIES, COLUMNS, K, 2, got, NULL), LX_OK);
        for (size_t q = 0; q < QUERIES; q++) {
            double before = -1;
            uint32_t before_index = 0;
            for (size_t k = 0; k < K; k++) {
                /* The next by distance, then index. */
                double best = INFINITY;
                uint32_t index = 0;
                for (uint32_t p = 0; p < POINTS; p++) {
                    double distance =
                        square_distance(queries + q * COLUMNS, points + p * COLUMNS, COLUMNS);
                    bool is_later = distance > before || (distance == before && p > before_index);
                    if (!is_later || (k == 0 ? false : distance < before) || distance >= best)
                        continue;
                    best = distance;
                    index = p;
                }
                if (got[q * K + k] != index)
                    fail_msg("scale %zu, query %zu, place %zu: %u, want %u", s, q, k,
                             got[q * K + k], index);
                before = best;
                before_index = index;
            }
        }
    }
}

static void test_a_point_is_not_its_own_neighbour_but_its_twin_is(void **state)
{
    (void)state;
    static const float points[] = {0, 5, 0, 9};
    uint32_t got[4];
    assert_int_equal(neighbours_among(points, 4, NULL, 4, 1, 1, 1, got, NULL), LX_OK);
    assert_int_equal(got[0], 2);
    assert_int_equal(got[1], 3);
    assert_int_equal(got[2], 0);
    assert_int_equal(got[3], 1);
    static const uint32_t some[] = {3, 2};
    assert_int_equal(neighbours_among(points, 4, some, 2, 1, 1, 1, got, NULL), LX_OK);
    assert_int_equal(got[0], 1);
    assert_int_equal(got[1], 0);
}

static void check_reference(FILE *file)
{
    enum { ROWS = 60, COLUMNS = 3, K = 5, MADE = 200000 };
    char word[64];
    float points[ROWS * COLUMNS];
    uint32_t got[ROWS * K];
    assert_true(read_word(file, word) && strcmp(word, "points") == 0);
    assert_int_equal(read_count(file), ROWS);
    assert_int_equal(read_count(file), COLUMNS);
    for (size_t i = 0; i < ROWS * COLUMNS; i++) points[i] = (float)read_real(file);
    assert_true(read_word(file, word) && strcmp(word, "neighbours") == 0);
    assert_int_equal(read_count(file), K);
    assert_int_equal(neighbours_among(points, ROWS, NULL, ROWS, COLUMNS, K, 1, got, NULL), LX_OK);
    for (size_t i = 0; i < ROWS * K; i++) assert_int_equal(got[i], read_count(file));

    struct table table = make_table(ROWS, 10 * (MADE + ROWS), COLUMNS);
    for (size_t i = 0, next = 0; i < table.matrix.row_count; i++)
        if (table.labels[i] > 0)
            memcpy(matrix_row(&table.matrix, i), points + COLUMNS * next++,
                   COLUMNS * sizeof *points);
    struct sampled sampled = apply(SAMPLING_SMOTE, &table, false, 2);
    size_t first = table.matrix.row_count;
    assert_int_equal(sampled.matrix.row_count - first, MADE);
    assert_true(read_word(file, word) && strcmp(word, "made") == 0);
    assert_int_equal(read_count(file), MADE);
    /* Means of columns, then of products of two columns; both sides are samples, so the difference
     * of two means has twice the variance of one. */
    for (int i = -1; i < COLUMNS; i++)
        for (size_t j = 0; j < COLUMNS; j++) {
            double sum = 0, square = 0, want = read_real(file);
            for (size_t r = 0; r < MADE; r++) {
                const float *row = matrix_row(&sampled.matrix, first + r);
                double value = (double)row[j] * (i < 0 ? 1 : (double)row[i]);
                sum += value;
                square += value * value;
            }
            double mean = sum / MADE, error = sqrt(2 * (square / MADE - mean * mean) / MADE);
            if (fabs(mean - want) > 5 * error)
                fail_msg("moment %d %zu: %g, want %g within %g", i, j, mean, want, 5 * error);
        }
    sampled_release(&sampled);
    release_table(&table);
}

static void test_smote_spreads_rows_as_imbalanced_learn_did(void **state)
{
    (void)state;
    FILE *file = open_kept("sampling");
    check_reference(file);
    fclose(file);
}

static void test_smote_spreads_rows_as_the_imbalanced_learn_installed_here(void **state)
{
    (void)state;
    FILE *file = open_live("sampling", "sklearn, imblearn");
    if (file == NULL) {
        print_message("skipped: python3-imblearn is not installed\n");
        skip();
    }
    check_reference(file);
    close_live(file);
}

static void test_an_unknown_method_is_answered_with_those_there_are(void **state)
{
    (void)state;
    enum sampling method = SAMPLING_COUNT;
    struct lx_error err = {0};
    assert_int_equal(sampling_find("smote", &method, &err), LX_OK);
    assert_int_equal(method, SAMPLING_SMOTE);
    assert_int_equal(sampling_find("magic", &method, &err), LX_ERR_USAGE);
    assert_non_null(strstr(err.text, "none, weights, under, over, smote, smote_nc, border"));
    assert_int_equal(method, SAMPLING_SMOTE);
}

static void test_one_class_only_is_refused(void **state)
{
    (void)state;
    struct table table = make_table(0, 50, 2);
    for (size_t method = 0; method < SAMPLING_COUNT; method++) {
        struct sampled sampled;
        struct lx_error err = {0};
        const struct sampling_plan plan = {.method = (enum sampling)method, .thread_count = 1};
        assert_int_equal(sampling_apply(&plan, &table.matrix, table.labels, NULL, &sampled, &err),
                         LX_ERR_BAD_INPUT);
        assert_non_null(strstr(err.text, "0 of 50 rows are positive"));
    }
    release_table(&table);
    table = make_table(1, 100, 2);
    static const enum sampling makers[] = {SAMPLING_SMOTE, SAMPLING_SMOTE_NC, SAMPLING_BORDERLINE,
                                           SAMPLING_ADASYN};
    for (size_t i = 0; i < LX_COUNT_OF(makers); i++) {
        struct sampled sampled;
        struct lx_error err = {0};
        const struct sampling_plan plan = {.method = makers[i], .thread_count = 1};
        assert_int_equal(sampling_apply(&plan, &table.matrix, table.labels, NULL, &sampled, &err),
                         LX_ERR_BAD_INPUT);
        assert_non_null(strstr(err.text, "at least two"));
    }
    release_table(&table);
}

static void test_any_failed_allocation_is_reported_and_leaks_nothing(void **state)
{
    (void)state;
    struct table table = make_table(10, 300, 3);
    for (size_t method = 0; method < SAMPLING_COUNT; method++) {
        enum lx_err code = LX_ERR_NO_MEMORY;
        for (uint64_t n = 1; code != LX_OK; n++) {
            struct sampled sampled;
            const struct sampling_plan plan = {.method = (enum sampling)method, .thread_count = 1};
            lx_alloc_fail_at(n);
            code =
                sampling_apply(&plan, &table.matrix, table.labels, table.weights, &sampled, NULL);
            lx_alloc_fail_at(0);
            if (code == LX_OK)
                sampled_release(&sampled);
            else
                assert_int_equal(code, LX_ERR_NO_MEMORY);
        }
    }
    release_table(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_method_gives_the_counts_it_promises),
        cmocka_unit_test(test_rates_before_and_after_are_those_of_the_weights),
        cmocka_unit_test(test_rows_that_stay_are_untouched_and_in_order),
        cmocka_unit_test(test_over_sampling_repeats_positives_evenly),
        cmocka_unit_test(test_a_made_row_lies_between_a_positive_and_one_of_its_five_nearest),
        cmocka_unit_test(test_a_missing_value_stays_missing_in_what_is_made),
        cmocka_unit_test(test_the_seed_decides_and_threads_do_not),
        cmocka_unit_test(test_neighbours_equal_a_plain_search_whatever_the_scale),
        cmocka_unit_test(test_a_point_is_not_its_own_neighbour_but_its_twin_is),
        cmocka_unit_test(test_smote_spreads_rows_as_imbalanced_learn_did),
        cmocka_unit_test(test_smote_spreads_rows_as_the_imbalanced_learn_installed_here),
        cmocka_unit_test(test_an_unknown_method_is_answered_with_those_there_are),
        cmocka_unit_test(test_one_class_only_is_refused),
        cmocka_unit_test(test_any_failed_allocation_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
