/*
 * Goal:   SMOTE-NC, Borderline-SMOTE, ADASYN and clusters choose and make the rows that their
 *         papers say, spread as imbalanced-learn spreads them; after any method, and a prior shift
 *         and isotonic map, probabilities are true again.
 * Method: plain double loops beside the blocked search, imbalanced-learn's moments (kept, and made
 *         anew where installed), a bank of known probabilities trained by every method.
 */
#include "reference.h"

#include <math.h>

#include "base/rng.h"
#include "learn/calibration.h"
#include "learn/metrics.h"
#include "learn/sampling.h"
#include "learn/scorer.h"

enum { K = 5, M = 10, COLUMNS = 4, NOMINAL = 2, POSITIVES_MAX = 100, ROWS_MAX = 2000 };

/* Two continuous columns, then two nominal ones of three values each, one of them sometimes
 * missing; positives overlap the negatives. */
struct table {
    struct matrix matrix;
    float labels[ROWS_MAX];
    const float *positives[POSITIVES_MAX]; /* in order */
    size_t positive_count;
};
static const uint8_t nominal[COLUMNS] = {0, 0, 1, 1};

static void make_table(struct table *table, size_t positives, size_t negatives, uint64_t seed)
{
    size_t count = positives + negatives, left = positives;
    struct lx_rng rng = lx_rng_of(seed, count);
    table->positive_count = 0;
    assert_int_equal(matrix_init(&table->matrix, COLUMNS), LX_OK);
    assert_int_equal(matrix_reserve(&table->matrix, count), LX_OK);
    for (size_t i = 0; i < count; i++) {
        bool is_positive = lx_rng_below(&rng, count - i) < left;
        float *row = NULL;
        left -= is_positive;
        assert_int_equal(matrix_add_row(&table->matrix, &row), LX_OK);
        row[0] = (float)(lx_rng_normal(&rng) + (is_positive ? 1.2 : 0));
        row[1] = (float)(3 * lx_rng_normal(&rng));
        row[2] = (float)lx_rng_below(&rng, 3);
        row[3] = lx_rng_chance(&rng, 0.2) ? NAN : (float)lx_rng_below(&rng, 2);
        table->labels[i] = is_positive;
        if (is_positive) table->positives[table->positive_count++] = row;
    }
}

static struct sampled apply(const struct table *table, enum sampling method, double ratio)
{
    struct sampled sampled;
    struct lx_error err = {0};
    const struct sampling_plan plan = {
        .method = method, .seed = 5, .thread_count = 2, .ratio = ratio, .nominal = nominal};
    if (sampling_apply(&plan, &table->matrix, table->labels, NULL, &sampled, &err) != LX_OK)
        fail_msg("%s: %s", sampling_name(method), err.text);
    return sampled;
}

/* Squared; over the first two columns, and `step` for each nominal one that differs. */
static double distance(const float *a, const float *b, double step)
{
    double sum = pow((double)a[0] - (double)b[0], 2) + pow((double)a[1] - (double)b[1], 2);
    for (size_t c = NOMINAL; c < COLUMNS; c++)
        sum += a[c] == b[c] || (isnan(a[c]) && isnan(b[c])) ? 0 : step;
    return sum;
}

/* The numbers of the k nearest rows, itself left out: one after the other. */
static void find_nearest(const float *const *rows, size_t count, size_t row, size_t k, double step,
                         size_t *ret_nearest)
{
    for (size_t place = 0; place < k; place++) {
        double best = INFINITY;
        for (size_t j = 0; j < count; j++) {
            bool is_taken = j == row;
            for (size_t l = 0; l < place; l++) is_taken |= ret_nearest[l] == j;
            if (is_taken || distance(rows[row], rows[j], step) >= best) continue;
            best = distance(rows[row], rows[j], step);
            ret_nearest[place] = j;
        }
    }
}

/* Does `made` lie between a and b in the first `columns`? */
static bool is_between(const float *made, const float *a, const float *b, size_t columns)
{
    double along = 0, length = 0, off = 0;
    for (size_t i = 0; i < columns; i++) {
        along += ((double)made[i] - (double)a[i]) * ((double)b[i] - (double)a[i]);
        length += pow((double)b[i] - (double)a[i], 2);
    }
    double t = length > 0 ? fmin(fmax(along / length, 0), 1) : 0;
    for (size_t i = 0; i < columns; i++)
        off += pow((double)made[i] - (double)a[i] - t * ((double)b[i] - (double)a[i]), 2);
    return off < 1e-9;
}

static bool is_same(float a, float b)
{
    return a == b || (isnan(a) && isnan(b));
}

/* May `made` come from this positive? Its value must be the neighbours' most frequent, of several
 * the one that stands first. */
static bool has_modes(const struct table *table, const float *made, const size_t nearest[K])
{
    for (size_t c = NOMINAL; c < COLUMNS; c++) {
        size_t counts[K] = {0}, best = 0;
        for (size_t i = 0; i < K; i++)
            for (size_t j = 0; j < K; j++)
                counts[i] +=
                    is_same(table->positives[nearest[i]][c], table->positives[nearest[j]][c]);
        for (size_t i = 1; i < K; i++)
            if (counts[i] > counts[best]) best = i;
        if (!is_same(made[c], table->positives[nearest[best]][c])) return false;
    }
    return true;
}

static double deviation_of(const struct table *table, size_t column)
{
    double mean = 0, square = 0, count = (double)table->positive_count;
    for (size_t i = 0; i < table->positive_count; i++)
        mean += (double)table->positives[i][column] / count;
    for (size_t i = 0; i < table->positive_count; i++)
        square += pow((double)table->positives[i][column] - mean, 2) / count;
    return sqrt(square);
}

static void test_smote_nc_measures_with_the_median_deviation_and_takes_modes(void **state)
{
    (void)state;
    static struct table table;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        make_table(&table, 60, 1500, seed);
        struct sampled sampled = apply(&table, SAMPLING_SMOTE_NC, 0);
        double median = (deviation_of(&table, 0) + deviation_of(&table, 1)) / 2;
        size_t nearest[60][K];
        for (size_t i = 0; i < 60; i++)
            find_nearest(table.positives, 60, i, K, median * median, nearest[i]);
        assert_int_equal(sampled.matrix.row_count, 1560 + 90);
        for (size_t r = 1560; r < sampled.matrix.row_count; r++) {
            const float *made = matrix_row(&sampled.matrix, r);
            bool is_found = false;
            for (size_t i = 0; i < 60 && !is_found; i++)
                for (size_t k = 0; k < K; k++)
                    is_found |= is_between(made, table.positives[i], table.positives[nearest[i][k]],
                                           NOMINAL) &&
                                has_modes(&table, made, nearest[i]);
            if (!is_found) fail_msg("seed %d, row %zu comes from no positive", (int)seed, r);
        }
        sampled_release(&sampled);
        matrix_release(&table.matrix);
    }
}

/* Borderline and ADASYN know no nominal columns: they are filled so that they cannot matter. */
static void flatten(struct table *table)
{
    for (size_t i = 0; i < table->matrix.row_count; i++)
        matrix_row(&table->matrix, i)[2] = matrix_row(&table->matrix, i)[3] = 1;
}

/* How many of a positive's k nearest rows are negative, for every positive. */
static void count_negatives(const struct table *table, size_t k, size_t *ret_counts)
{
    static const float *rows[ROWS_MAX];
    size_t count = table->matrix.row_count, positive = 0, nearest[M];
    for (size_t i = 0; i < count; i++) rows[i] = matrix_row(&table->matrix, i);
    for (size_t i = 0; i < count; i++) {
        if (table->labels[i] <= 0) continue;
        find_nearest(rows, count, i, k, 0, nearest);
        ret_counts[positive] = 0;
        for (size_t j = 0; j < k; j++) ret_counts[positive] += table->labels[nearest[j]] <= 0;
        positive++;
    }
}

static bool comes_from(const struct table *table, const float *made, size_t positive)
{
    size_t nearest[K];
    find_nearest(table->positives, table->positive_count, positive, K, 0, nearest);
    for (size_t k = 0; k < K; k++)
        if (is_between(made, table->positives[positive], table->positives[nearest[k]], COLUMNS))
            return true;
    return false;
}

static void test_borderline_makes_rows_from_positives_in_danger_only(void **state)
{
    (void)state;
    static struct table table;
    size_t counts[POSITIVES_MAX], safe = 0, noise = 0;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        make_table(&table, 80, 700, seed);
        flatten(&table);
        count_negatives(&table, M, counts);
        struct sampled sampled = apply(&table, SAMPLING_BORDERLINE, 0.5);
        assert_int_equal(sampled.matrix.row_count, 780 + 270);
        for (size_t r = 780; r < sampled.matrix.row_count; r++) {
            bool is_found = false;
            for (size_t i = 0; i < 80 && !is_found; i++)
                is_found = counts[i] >= M / 2 && counts[i] < M &&
                           comes_from(&table, matrix_row(&sampled.matrix, r), i);
            if (!is_found) fail_msg("seed %d, row %zu: no positive in danger", (int)seed, r);
        }
        for (size_t i = 0; i < 80; i++) {
            safe += counts[i] < M / 2;
            noise += counts[i] == M;
        }
        sampled_release(&sampled);
        matrix_release(&table.matrix);
    }
    assert_true(safe > 0 && noise > 0); /* there was something to leave out */
}

static void test_without_a_positive_in_danger_borderline_makes_nothing(void **state)
{
    (void)state;
    static struct table table;
    make_table(&table, 40, 1000, 3);
    flatten(&table);
    for (size_t i = 0; i < 1040; i++)
        if (table.labels[i] > 0) matrix_row(&table.matrix, i)[0] += 100;
    struct sampled sampled = apply(&table, SAMPLING_BORDERLINE, 0);
    assert_int_equal(sampled.matrix.row_count, 1040);
    sampled_release(&sampled);
    sampled = apply(&table, SAMPLING_ADASYN, 0);
    assert_int_equal(sampled.matrix.row_count, 1040);
    sampled_release(&sampled);
    matrix_release(&table.matrix);
}

/* Rows are made positive by positive, so that each one's own can be told apart by their place. */
static void test_adasyn_makes_as_many_as_a_positive_has_negatives_around_it(void **state)
{
    (void)state;
    static struct table table;
    size_t counts[POSITIVES_MAX];
    for (uint64_t seed = 1; seed <= 5; seed++) {
        make_table(&table, 70, 900, seed);
        flatten(&table);
        count_negatives(&table, K, counts);
        struct sampled sampled = apply(&table, SAMPLING_ADASYN, 0.7);
        size_t more = 630 - 70, total = 0, sum = 0, row = 970;
        assert_int_equal(sampled.matrix.row_count, 970 + more);
        for (size_t i = 0; i < 70; i++) total += counts[i];
        for (size_t i = 0; i < 70; i++) {
            sum += counts[i];
            size_t end = 970 + more * sum / total, made = end - row;
            double share = (double)more * (double)counts[i] / (double)total;
            assert_true(fabs((double)made - share) < 1);
            for (; row < end; row++)
                if (!comes_from(&table, matrix_row(&sampled.matrix, row), i))
                    fail_msg("seed %d: row %zu is not from positive %zu", (int)seed, row, i);
        }
        sampled_release(&sampled);
        matrix_release(&table.matrix);
    }
}

static void test_clusters_prefer_what_is_near_positives_and_weigh_it_back(void **state)
{
    (void)state;
    static struct table table;
    make_table(&table, 80, 1900, 4);
    flatten(&table);
    for (size_t i = 0; i < 1980; i++) matrix_row(&table.matrix, i)[0] *= 2;
    struct sampled sampled = apply(&table, SAMPLING_CLUSTERS, 0.2);
    double near = 0, all_near = 0, weight = 0, weighted_near = 0;
    assert_int_equal(sampled.matrix.row_count, 80 + 400);
    for (size_t i = 0; i < 480; i++) {
        if (sampled.labels[i] > 0) assert_true(sampled.weights[i] == 1);
        if (sampled.labels[i] > 0) continue;
        bool is_near = matrix_row(&sampled.matrix, i)[0] > 1.2f;
        near += is_near;
        weight += (double)sampled.weights[i];
        weighted_near += is_near ? (double)sampled.weights[i] : 0;
    }
    for (size_t i = 0; i < 1980; i++)
        all_near += table.labels[i] <= 0 && matrix_row(&table.matrix, i)[0] > 1.2f;
    assert_true(fabs(weight - 1900) < 0.1);
    assert_true(fabs(sampled.sampled_rate - sampled.true_rate) < 1e-5);
    /* More of the hard ones than chance would take, and by weight as many as there are. */
    assert_true(near / 400 > 1.15 * all_near / 1900);
    assert_true(fabs(weighted_near / all_near - 1) < 0.12);
    sampled_release(&sampled);
    matrix_release(&table.matrix);
}

static void check_moments(FILE *file, const struct table *table, enum sampling method, size_t made)
{
    double ratio = (double)(made + table->positive_count) /
                   (double)(table->matrix.row_count - table->positive_count);
    struct sampled sampled = apply(table, method, ratio);
    size_t first = table->matrix.row_count, count = sampled.matrix.row_count - first;
    assert_true(count + 100 > made && count < made + 100); /* the peer rounds each one's share */
    for (int i = -1; i < COLUMNS; i++)
        for (size_t j = 0; j < COLUMNS; j++) {
            double sum = 0, square = 0, want = read_real(file), n = (double)count;
            for (size_t r = 0; r < count; r++) {
                const float *row = matrix_row(&sampled.matrix, first + r);
                double value = (double)row[j] * (i < 0 ? 1 : (double)row[i]);
                sum += value;
                square += value * value;
            }
            double mean = sum / n, error = sqrt(2 * (square / n - mean * mean) / n);
            if (fabs(mean - want) > 5 * error + 1e-9)
                fail_msg("%s: moment %d %zu: %g, want %g within %g", sampling_name(method), i, j,
                         mean, want, 5 * error);
        }
    sampled_release(&sampled);
}

static void check_reference(FILE *file)
{
    static struct table table;
    char word[64];
    size_t methods = 0;
    enum sampling method;
    assert_true(read_word(file, word) && strcmp(word, "rows") == 0);
    size_t count = read_count(file);
    assert_int_equal(read_count(file), COLUMNS);
    table.positive_count = 0;
    assert_int_equal(matrix_init(&table.matrix, COLUMNS), LX_OK);
    for (size_t i = 0; i < count; i++) {
        float *row;
        assert_int_equal(matrix_add_row(&table.matrix, &row), LX_OK);
        table.labels[i] = (float)read_count(file);
        table.positive_count += table.labels[i] > 0;
        for (size_t c = 0; c < COLUMNS; c++) row[c] = (float)read_real(file);
    }
    for (; read_word(file, word); methods++) {
        assert_int_equal(sampling_find(word, &method, NULL), LX_OK);
        check_moments(file, &table, method, read_count(file));
    }
    assert_int_equal(methods, 3);
    matrix_release(&table.matrix);
}

static void test_rows_are_spread_as_imbalanced_learn_did(void **state)
{
    (void)state;
    FILE *file = open_kept("balance");
    check_reference(file);
    fclose(file);
}

static void test_rows_are_spread_as_the_imbalanced_learn_installed_here(void **state)
{
    (void)state;
    FILE *file = open_live("balance", "sklearn, imblearn");
    if (file == NULL) {
        print_message("skipped: python3-imblearn is not installed\n");
        skip();
    }
    check_reference(file);
    close_live(file);
}

/* A bank whose customers' chances are known: 6 % on the whole. */
enum { BANK_ROWS = 24000, BANK_PARTS = 3, BANK_COLUMNS = 6 };
static float bank_labels[BANK_PARTS][BANK_ROWS], bank_weights[BANK_ROWS];

static struct matrix make_bank(size_t part)
{
    struct matrix rows;
    struct lx_rng rng = lx_rng_of(77, part);
    assert_int_equal(matrix_init(&rows, BANK_COLUMNS), LX_OK);
    for (size_t i = 0; i < BANK_ROWS; i++) {
        float *row;
        assert_int_equal(matrix_add_row(&rows, &row), LX_OK);
        for (size_t c = 0; c + 1 < BANK_COLUMNS; c++) row[c] = (float)lx_rng_normal(&rng);
        row[BANK_COLUMNS - 1] = (float)lx_rng_chance(&rng, 0.3);
        double margin = -4.7 + (double)row[0] + 0.7 * (double)row[1] * (double)row[1] +
                        (double)row[BANK_COLUMNS - 1];
        bank_labels[part][i] = lx_rng_chance(&rng, 1 / (1 + exp(-margin)));
    }
    return rows;
}

static void score(const struct scorer *scorer, const struct matrix *rows, double *ret_margins)
{
    static float margins[BANK_ROWS];
    struct lx_error err;
    assert_int_equal(scorer_score_threads(scorer, rows->values, BANK_ROWS, 1, margins, &err),
                     LX_OK);
    for (size_t i = 0; i < BANK_ROWS; i++) ret_margins[i] = (double)margins[i];
}

static struct scorer *fit(enum sampling method, const struct matrix *rows, const float *weights,
                          double *ret_shift)
{
    struct xgb_params params = xgb_params_default(XGB_BINARY);
    const struct sampling_plan plan = {
        .method = method, .seed = 3, .thread_count = 1, .is_scaled = true};
    struct sampled sampled;
    struct lx_buffer model;
    struct forest *forest = NULL;
    struct scorer *scorer = NULL;
    struct lx_error err = {0};
    params.round_count = 60;
    params.min_child_weight = 5;
    lx_buffer_init(&model, FOREST_BYTES_MAX);
    sampling_shape(&plan, &params);
    enum lx_err code = sampling_apply(&plan, rows, bank_labels[0], weights, &sampled, &err);
    if (code == LX_OK)
        code = xgb_train(&params, &sampled.matrix, sampled.labels, sampled.weights, NULL, &model,
                         &err);
    if (code == LX_OK) code = forest_load_json(model.bytes, model.length, &forest, &err);
    if (code == LX_OK) code = scorer_open(forest, SCORER_BEST, &scorer, &err);
    if (code != LX_OK) fail_msg("%s: %s", sampling_name(method), err.text);
    *ret_shift = calibration_prior_shift(sampled.true_rate, sampled.sampled_rate);
    sampled_release(&sampled);
    forest_close(forest);
    lx_buffer_release(&model);
    return scorer;
}

static void check_probabilities(enum sampling method, const struct matrix rows[BANK_PARTS],
                                const float *weights)
{
    static double margins[BANK_ROWS], probabilities[BANK_ROWS];
    static uint8_t labels[BANK_ROWS];
    struct calibration calibration;
    struct metric_calibration quality;
    struct lx_error err = {0};
    double shift, expected = 0, observed = 0, auc;
    struct scorer *scorer = fit(method, &rows[0], weights, &shift);

    score(scorer, &rows[1], margins);
    for (size_t i = 0; i < BANK_ROWS; i++) labels[i] = bank_labels[1][i] > 0;
    assert_int_equal(calibration_fit(margins, labels, NULL, BANK_ROWS, shift, &calibration, &err),
                     LX_OK);

    score(scorer, &rows[2], margins);
    for (size_t i = 0; i < BANK_ROWS; i++) {
        labels[i] = bank_labels[2][i] > 0;
        probabilities[i] = calibration_probability(&calibration, margins[i]);
        expected += probabilities[i];
        observed += labels[i];
    }
    assert_int_equal(metric_calibration(probabilities, labels, BANK_ROWS, &quality), LX_OK);
    assert_int_equal(metric_roc_auc(probabilities, labels, NULL, BANK_ROWS, &auc), LX_OK);
    print_message("%s: AUC %.3f, ECE %.4f, expected %.0f of %.0f, top tenth %.2f\n",
                  sampling_name(method), auc, quality.ece, expected, observed,
                  quality.observed_over_expected_top10);
    assert_true(auc > 0.75);
    /* Each part has some 1,400 positives: their rates alone may differ by a tenth. */
    assert_true(fabs(expected / observed - 1) < 0.12);
    assert_true(quality.ece < 0.006);
    assert_true(fabs(quality.observed_over_expected_top10 - 1) < 0.2);
    scorer_close(scorer);
}

static void test_after_every_method_probabilities_are_true_again(void **state)
{
    (void)state;
    struct matrix rows[BANK_PARTS];
    for (size_t i = 0; i < BANK_PARTS; i++) rows[i] = make_bank(i);
    for (size_t i = 0; i < BANK_ROWS; i++) bank_weights[i] = i % 2 ? 2 : 1;
    for (int method = 0; method < SAMPLING_COUNT; method++) {
        check_probabilities((enum sampling)method, rows, NULL);
        check_probabilities((enum sampling)method, rows, bank_weights);
    }
    for (size_t i = 0; i < BANK_PARTS; i++) matrix_release(&rows[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_smote_nc_measures_with_the_median_deviation_and_takes_modes),
        cmocka_unit_test(test_borderline_makes_rows_from_positives_in_danger_only),
        cmocka_unit_test(test_without_a_positive_in_danger_borderline_makes_nothing),
        cmocka_unit_test(test_adasyn_makes_as_many_as_a_positive_has_negatives_around_it),
        cmocka_unit_test(test_clusters_prefer_what_is_near_positives_and_weigh_it_back),
        cmocka_unit_test(test_rows_are_spread_as_imbalanced_learn_did),
        cmocka_unit_test(test_rows_are_spread_as_the_imbalanced_learn_installed_here),
        cmocka_unit_test(test_after_every_method_probabilities_are_true_again),
    };
    return cmocka_run_group_tests_name("sampling_methods", tests, NULL, NULL);
}
