/*
 * Goal:   ALS gives the numbers of dense solves, BPR's steps are those of its objective, planted
 *         tastes are recovered, a folded-in row is the best there is for what is known of it, the
 *         same seed gives the same bytes with any number of threads, and bytes read back equal.
 * Method: numpy's figures (tests/reference/factors.txt, and live where python3-numpy is); dense
 *         Gaussian elimination here, without patterns; numerical gradients; planted low-rank
 *         matrices with cells hidden (ROC-AUC); columns that nobody or everybody has; each byte of
 *         a file flipped; each allocation made to fail.
 */
#include "cmocka_all.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "learn/factors.h"
#include "learn/metrics.h"
#include "reference.h"

enum { RANK = 3, COLUMNS_MAX = 16, ROWS_MAX = 6000 };

static void check_close(const char *what, size_t at, double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance * (1 + fabs(want))))
        fail_msg("%s %zu: %.15g, want %.15g", what, at, got, want);
}

static struct factors fit(const struct incidence *rows, const struct factors_options *options,
                          int threads)
{
    struct lx_error err = {0};
    struct factors factors = {.column_count = 0};
    if (factors_fit(rows, options, threads, &factors, &err) != LX_OK) fail_msg("%s", err.text);
    return factors;
}

static void expect_word(FILE *file, const char *want)
{
    char word[64];
    assert_true(read_word(file, word));
    assert_string_equal(word, want);
}

static void check_list(FILE *file, const char *name, const double *values, size_t count)
{
    if (name != NULL) expect_word(file, name);
    for (size_t i = 0; i < count; i++)
        check_close(name != NULL ? name : "fold", i, values[i], read_real(file), 1e-9);
}

static void check_reference(FILE *file)
{
    struct incidence rows = {0};
    double start[COLUMNS_MAX * RANK], vector[RANK];
    expect_word(file, "rows");
    size_t row_count = read_count(file), columns = read_count(file), rank = read_count(file);
    assert_true(columns <= COLUMNS_MAX && rank == RANK);
    struct factors_options options = {.method = FACTORS_ALS, .rank = RANK, .start = start};
    options.epochs = (int)read_count(file);
    options.alpha = read_real(file);
    options.lambda = read_real(file);
    assert_int_equal(incidence_init(&rows, columns), LX_OK);
    for (size_t i = 0; i < row_count; i++) {
        uint8_t flags[COLUMNS_MAX];
        for (size_t j = 0; j < columns; j++) flags[j] = (uint8_t)read_count(file);
        assert_int_equal(incidence_add_flags(&rows, flags), LX_OK);
    }
    expect_word(file, "start");
    for (size_t i = 0; i < columns * rank; i++) start[i] = read_real(file);
    struct factors factors = fit(&rows, &options, 2);
    check_list(file, "columns", factors.columns, columns * rank);
    check_list(file, "noise", &factors.noise, 1);
    check_list(file, "mean", factors.mean, rank);
    check_list(file, "covariance", factors.covariance, rank * rank);

    const struct factors_answer answers[] = {{5, true, 4}, {2, true, 9}, {7, false, 6}};
    struct factors_known known = {.answers = answers, .count = 3, .prior = FACTORS_PRIOR_ZERO};
    expect_word(file, "fold");
    assert_int_equal(factors_fold_in(&factors, &known, vector), LX_OK);
    check_list(file, NULL, vector, rank);
    known.unknown_confidence = 0.5;
    known.prior = FACTORS_PRIOR_POPULATION;
    assert_int_equal(factors_fold_in(&factors, &known, vector), LX_OK);
    check_list(file, NULL, vector, rank);
    factors_release(&factors);
    incidence_release(&rows);
}

static void test_als_gives_the_numbers_that_numpy_gave(void **state)
{
    (void)state;
    FILE *file = open_kept("factors");
    check_reference(file);
    fclose(file);
}

static void test_als_gives_the_numbers_of_the_numpy_installed_here(void **state)
{
    (void)state;
    FILE *file = open_live("factors", "numpy");
    if (file == NULL) {
        print_message("skipped: python3-numpy is not installed\n");
        skip();
    }
    check_reference(file);
    close_live(file);
}

/* Two tastes that differ by sign, a rate of its own for each column. */
static double planted_margin(const double *taste, size_t column)
{
    double direction = column % 2 == 0 ? 1 : -1, other = column % 4 < 2 ? 1 : -1;
    return -1.5 + 0.1 * (double)column + 1.8 * direction * taste[0] + 1.2 * other * taste[1];
}

struct planted {
    struct incidence rows;               /* what is seen */
    uint8_t have[ROWS_MAX][COLUMNS_MAX]; /* what is true */
    uint16_t hidden[ROWS_MAX];           /* a column that is never seen as had */
    size_t row_count, columns;
};

static struct planted *make_planted(size_t row_count, size_t columns, uint64_t seed)
{
    struct planted *planted = calloc(1, sizeof *planted);
    struct lx_rng rng = lx_rng_of(seed, 1);
    planted->row_count = row_count;
    planted->columns = columns;
    assert_int_equal(incidence_init(&planted->rows, columns), LX_OK);
    for (size_t i = 0; i < row_count; i++) {
        const double taste[2] = {lx_rng_normal(&rng), lx_rng_normal(&rng)};
        uint8_t seen[COLUMNS_MAX];
        for (size_t j = 0; j < columns; j++)
            planted->have[i][j] = lx_rng_chance(&rng, 1 / (1 + exp(-planted_margin(taste, j))));
        memcpy(seen, planted->have[i], sizeof seen);
        planted->hidden[i] = (uint16_t)lx_rng_below(&rng, columns);
        seen[planted->hidden[i]] = 0;
        assert_int_equal(incidence_add_flags(&planted->rows, seen), LX_OK);
    }
    return planted;
}

static void release_planted(struct planted *planted)
{
    incidence_release(&planted->rows);
    free(planted);
}

/* ROC-AUC of the scores of the hidden cells, of each column by itself, so that popularity is
 * worth 0.5; the mean over columns. */
static double hidden_auc(const struct planted *planted, const struct factors *factors,
                         enum factors_prior prior)
{
    static double scores[COLUMNS_MAX][ROWS_MAX];
    static uint8_t labels[COLUMNS_MAX][ROWS_MAX];
    size_t counts[COLUMNS_MAX] = {0};
    double sum = 0;
    for (size_t i = 0; i < planted->row_count; i++) {
        const uint16_t *columns;
        size_t hidden = planted->hidden[i], count = incidence_row(&planted->rows, i, &columns);
        struct factors_answer answers[COLUMNS_MAX];
        double vector[FACTORS_RANK_MAX], all[COLUMNS_MAX];
        struct factors_known known = {.answers = answers, .prior = prior};
        known.unknown_confidence = prior == FACTORS_PRIOR_ZERO ? 1 : 0;
        for (; known.count < count; known.count++)
            answers[known.count] = factors_holding(factors, columns[known.count]);
        for (size_t j = 0; prior != FACTORS_PRIOR_ZERO && j < planted->columns; j++)
            if (j != hidden && !planted->have[i][j])
                answers[known.count++] = (struct factors_answer){(uint16_t)j, false, 1};
        assert_int_equal(factors_fold_in(factors, &known, vector), LX_OK);
        factors_scores(factors, vector, all);
        labels[hidden][counts[hidden]] = planted->have[i][hidden];
        scores[hidden][counts[hidden]++] = all[hidden];
    }
    for (size_t j = 0; j < planted->columns; j++) {
        double auc;
        assert_int_equal(metric_roc_auc(scores[j], labels[j], NULL, counts[j], &auc), LX_OK);
        sum += auc;
    }
    return sum / (double)planted->columns;
}

static struct factors_options small_options(enum factors_method method)
{
    struct factors_options options = factors_defaults(method);
    options.rank = RANK;
    options.seed = 3;
    return options;
}

static void test_planted_tastes_are_recovered(void **state)
{
    (void)state;
    struct planted *planted = make_planted(ROWS_MAX, 12, 7);
    for (int method = FACTORS_ALS; method <= FACTORS_BPR; method++) {
        struct factors_options options = small_options((enum factors_method)method);
        struct factors factors = fit(&planted->rows, &options, 2);
        options.epochs = 0;
        struct factors untaught = fit(&planted->rows, &options, 2);
        for (int prior = FACTORS_PRIOR_ZERO; prior <= FACTORS_PRIOR_POPULATION; prior++) {
            double auc = hidden_auc(planted, &factors, (enum factors_prior)prior);
            double nothing = hidden_auc(planted, &untaught, (enum factors_prior)prior);
            print_message("method %d prior %d: AUC %.4f, before learning %.4f\n", method, prior,
                          auc, nothing);
            /* The true tastes are worth 0.87; what eleven yes and no say of them a little less. */
            if (auc < 0.74 || nothing > 0.7) fail_msg("AUC %.4f, %.4f before", auc, nothing);
        }
        factors_release(&factors);
        factors_release(&untaught);
    }
    release_planted(planted);
}

static void test_the_same_seed_gives_the_same_bytes_with_any_number_of_threads(void **state)
{
    (void)state;
    /* More rows than one block of BPR. */
    struct incidence rows = {0};
    struct lx_rng rng = lx_rng_of(2, 2);
    assert_int_equal(incidence_init(&rows, 10), LX_OK);
    for (size_t i = 0; i < 2 * FACTORS_BLOCK + 77; i++) {
        uint8_t flags[10];
        for (size_t j = 0; j < 10; j++) flags[j] = lx_rng_chance(&rng, 0.2);
        assert_int_equal(incidence_add_flags(&rows, flags), LX_OK);
    }
    for (int method = FACTORS_ALS; method <= FACTORS_BPR; method++) {
        struct factors_options options = small_options((enum factors_method)method);
        options.epochs = 3;
        struct lx_buffer first, again;
        lx_buffer_init(&first, 1 << 20);
        struct factors one = fit(&rows, &options, 1);
        factors_write(&one, &first);
        for (int threads = 2; threads <= 5; threads++) {
            lx_buffer_init(&again, 1 << 20);
            struct factors many = fit(&rows, &options, threads);
            factors_write(&many, &again);
            assert_int_equal(first.length, again.length);
            assert_memory_equal(first.bytes, again.bytes, first.length);
            factors_release(&many);
            lx_buffer_release(&again);
        }
        options.seed++;
        struct factors other = fit(&rows, &options, 1);
        assert_memory_not_equal(one.columns, other.columns, sizeof(double) * 10);
        factors_release(&other);
        factors_release(&one);
        lx_buffer_release(&first);
    }
    incidence_release(&rows);
}

/* The objective that factors.h gives for a row under BPR, by its words. */
static double bpr_objective(const struct factors *factors, const struct factors_known *known,
                            const double *x, const double *precision)
{
    size_t n = factors->column_count, rank = RANK;
    double scores[COLUMNS_MAX], sum = 0;
    int kind[COLUMNS_MAX] = {0};
    factors_scores(factors, x, scores);
    for (size_t i = 0; i < known->count; i++)
        kind[known->answers[i].column] = known->answers[i].is_yes ? 1 : -1;
    for (size_t i = 0; i < known->count; i++) {
        const struct factors_answer *answer = &known->answers[i];
        double part = 0, weight = 0;
        for (size_t j = 0; j < n; j++) {
            double w = answer->is_yes ? kind[j] < 0    ? 1
                                        : kind[j] == 0 ? known->unknown_confidence
                                                       : 0
                                      : kind[j] == 0;
            double margin = answer->is_yes ? scores[answer->column] - scores[j]
                                           : scores[j] - scores[answer->column];
            part += w * -log1p(exp(-margin));
            weight += w;
        }
        if (weight > 0) sum += answer->confidence * part / weight;
    }
    for (size_t i = 0; i < rank; i++)
        for (size_t j = 0; j < rank; j++) {
            double mean_i = known->prior == FACTORS_PRIOR_ZERO ? 0 : factors->mean[i];
            double mean_j = known->prior == FACTORS_PRIOR_ZERO ? 0 : factors->mean[j];
            sum -= precision[i * rank + j] * (x[i] - mean_i) * (x[j] - mean_j) / 2;
        }
    return sum;
}

static void test_a_row_folded_into_bpr_is_where_its_objective_is_highest(void **state)
{
    (void)state;
    struct planted *planted = make_planted(800, 10, 4);
    struct factors_options options = small_options(FACTORS_BPR);
    struct factors factors = fit(&planted->rows, &options, 1);
    const struct factors_answer answers[] = {
        {2, true, 1}, {7, true, 0.5}, {4, false, 2}, {5, false, 1}};
    for (size_t count = 0; count <= 4; count++)
        for (int unknown = 0; unknown < 3; unknown++) {
            struct factors_known known = {
                .answers = answers, .count = count, .unknown_confidence = unknown / 2.0};
            double x[RANK], precision[RANK * RANK] = {0}, total = 0;
            for (size_t i = 0; i < count; i++) total += answers[i].confidence;
            for (size_t i = 0; i < RANK; i++)
                precision[i * RANK + i] = options.lambda * (total > 1 ? total : 1);
            assert_int_equal(factors_fold_in(&factors, &known, x), LX_OK);
            double best = bpr_objective(&factors, &known, x, precision);
            struct lx_rng rng = lx_rng_of(count, (uint64_t)unknown);
            for (int i = 0; i < 200; i++) {
                double moved[RANK], step = pow(10, -(double)(i % 6));
                for (size_t j = 0; j < RANK; j++) moved[j] = x[j] + step * lx_rng_normal(&rng);
                double there = bpr_objective(&factors, &known, moved, precision);
                if (there > best + 1e-12)
                    fail_msg("%zu answers: %.15g above %.15g", count, there, best);
            }
        }
    factors_release(&factors);
    release_planted(planted);
}

/* One epoch of one row with one column it has and one it has not: the step is lr times the
 * gradient of log sigmoid(x.(y - z) + b - c) - lambda/2 of all squares. */
static void test_a_step_of_bpr_is_its_gradient(void **state)
{
    (void)state;
    struct incidence rows = {0};
    const uint8_t flags[] = {0, 1};
    double start[2 * RANK] = {0.3, -0.2, 0.5, 0.1, 0.4, -0.6};
    assert_int_equal(incidence_init(&rows, 2), LX_OK);
    assert_int_equal(incidence_add_flags(&rows, flags), LX_OK);
    struct factors_options options = small_options(FACTORS_BPR);
    options.epochs = 1;
    options.lambda = 0.2;
    options.start = start;
    /* With nothing to learn the row stays where its seed put it. */
    struct factors_options still = options;
    still.learning_rate = 1e-300;
    struct factors before = fit(&rows, &still, 1), after = fit(&rows, &options, 1);
    const double *x = before.mean, *y = start + RANK, *z = start;
    double margin = 0;
    for (size_t i = 0; i < RANK; i++) margin += x[i] * (y[i] - z[i]);
    double pull = 1 / (1 + exp(margin)), pace = options.learning_rate;
    for (size_t i = 0; i < RANK; i++) {
        check_close("row", i, after.mean[i], x[i] + pace * (pull * (y[i] - z[i]) - 0.2 * x[i]),
                    1e-12);
        check_close("more", i, after.columns[RANK + i], y[i] + pace * (pull * x[i] - 0.2 * y[i]),
                    1e-12);
        check_close("less", i, after.columns[i], z[i] + pace * (-pull * x[i] - 0.2 * z[i]), 1e-12);
    }
    check_close("bias", 1, after.biases[1], pace * pull, 1e-12);
    check_close("bias", 0, after.biases[0], -pace * pull, 1e-12);
    factors_release(&before);
    factors_release(&after);
    incidence_release(&rows);
}

static void test_each_epoch_of_als_lowers_its_objective(void **state)
{
    (void)state;
    struct planted *planted = make_planted(500, 10, 8);
    struct factors_options options = small_options(FACTORS_ALS);
    double before = INFINITY;
    for (options.epochs = 0; options.epochs < 8; options.epochs++) {
        struct factors factors = fit(&planted->rows, &options, 1);
        double cells = (double)(planted->row_count * planted->columns);
        double objective = factors.noise * cells;
        for (size_t i = 0; i < planted->columns * RANK; i++)
            objective += options.lambda * factors.columns[i] * factors.columns[i];
        for (size_t i = 0; i < RANK; i++)
            objective += options.lambda * (double)planted->row_count *
                         (factors.covariance[i * RANK + i] + factors.mean[i] * factors.mean[i]);
        if (objective > before * (1 + 1e-12))
            fail_msg("epoch %d: %g after %g", options.epochs, objective, before);
        before = objective;
        factors_release(&factors);
    }
    release_planted(planted);
}

static void test_nobody_and_everybody_are_no_trouble(void **state)
{
    (void)state;
    for (int method = FACTORS_ALS; method <= FACTORS_BPR; method++)
        for (int kind = 0; kind < 4; kind++) {
            struct incidence rows = {0};
            struct factors_options options = small_options((enum factors_method)method);
            assert_int_equal(incidence_init(&rows, 5), LX_OK);
            for (int i = 0; kind > 0 && i < 50; i++) {
                const uint8_t none[5] = {0}, all[5] = {1, 1, 1, 1, 1};
                const uint8_t mixed[5] = {0, 1, i == 3, i % 2 == 0, i % 3 == 0};
                const uint8_t *const flags[] = {NULL, none, all, mixed};
                assert_int_equal(incidence_add_flags(&rows, flags[kind]), LX_OK);
            }
            struct factors factors = fit(&rows, &options, 2);
            const struct factors_answer answers[] = {{0, true, 2}, {1, false, 2}};
            for (int prior = 0; prior < 2; prior++)
                for (size_t count = 0; count < 3; count++) {
                    double x[RANK], scores[5];
                    const struct factors_known known = {answers, count, (double)prior,
                                                        (enum factors_prior)prior};
                    assert_int_equal(factors_fold_in(&factors, &known, x), LX_OK);
                    factors_scores(&factors, x, scores);
                    for (size_t j = 0; j < 5; j++)
                        if (!isfinite(scores[j])) fail_msg("method %d kind %d", method, kind);
                }
            factors_release(&factors);
            incidence_release(&rows);
        }
}

static void test_nothing_known_gives_about_the_order_of_popularity(void **state)
{
    (void)state;
    struct incidence rows = {0};
    struct lx_rng rng = lx_rng_of(6, 6);
    assert_int_equal(incidence_init(&rows, 6), LX_OK);
    for (size_t i = 0; i < 4000; i++) {
        uint8_t flags[6];
        for (size_t j = 0; j < 6; j++) flags[j] = lx_rng_chance(&rng, 0.05 + 0.12 * (double)j);
        assert_int_equal(incidence_add_flags(&rows, flags), LX_OK);
    }
    for (int method = FACTORS_ALS; method <= FACTORS_BPR; method++) {
        struct factors_options options = small_options((enum factors_method)method);
        struct factors factors = fit(&rows, &options, 2);
        const struct factors_known known = {.prior = FACTORS_PRIOR_POPULATION};
        double x[RANK], scores[6];
        assert_int_equal(factors_fold_in(&factors, &known, x), LX_OK);
        factors_scores(&factors, x, scores);
        for (size_t j = 1; j < 6; j++)
            if (scores[j] <= scores[j - 1])
                fail_msg("method %d: %g at %zu, %g before", method, scores[j], j, scores[j - 1]);
        factors_release(&factors);
    }
    incidence_release(&rows);
}

static void test_a_yes_raises_its_column_and_a_no_lowers_it(void **state)
{
    (void)state;
    struct planted *planted = make_planted(3000, 10, 12);
    for (int method = FACTORS_ALS; method <= FACTORS_BPR; method++) {
        struct factors_options options = small_options((enum factors_method)method);
        struct factors factors = fit(&planted->rows, &options, 2);
        for (uint16_t column = 0; column < 10; column++) {
            double scores[3][COLUMNS_MAX], x[RANK];
            for (int kind = 0; kind < 3; kind++) {
                const struct factors_answer answer = {column, kind == 2, 3};
                const struct factors_known known = {&answer, kind != 1, 0.1,
                                                    FACTORS_PRIOR_POPULATION};
                assert_int_equal(factors_fold_in(&factors, &known, x), LX_OK);
                factors_scores(&factors, x, scores[kind]);
            }
            if (!(scores[0][column] < scores[1][column] && scores[1][column] < scores[2][column]))
                fail_msg("method %d column %u: %g %g %g", method, column, scores[0][column],
                         scores[1][column], scores[2][column]);
        }
        factors_release(&factors);
    }
    release_planted(planted);
}

static void test_what_is_written_reads_back_and_a_changed_byte_is_refused(void **state)
{
    (void)state;
    struct planted *planted = make_planted(300, 7, 2);
    struct lx_buffer bytes, again;
    lx_buffer_init(&bytes, 1 << 20);
    lx_buffer_init(&again, 1 << 20);
    struct factors_options options = small_options(FACTORS_BPR);
    struct factors factors = fit(&planted->rows, &options, 1), read = {.column_count = 0};
    struct lx_error err = {0};
    factors_write(&factors, &bytes);
    assert_int_equal(factors_read(bytes.bytes, bytes.length, &read, &err), LX_OK);
    factors_write(&read, &again);
    assert_int_equal(bytes.length, again.length);
    assert_memory_equal(bytes.bytes, again.bytes, bytes.length);
    factors_release(&read);
    for (size_t i = 0; i < bytes.length; i++) {
        bytes.bytes[i] ^= 1;
        assert_int_equal(factors_read(bytes.bytes, bytes.length, &read, &err), LX_ERR_CORRUPT);
        assert_int_equal(factors_read(bytes.bytes, i, &read, &err), LX_ERR_CORRUPT);
        bytes.bytes[i] ^= 1;
    }
    lx_buffer_release(&bytes);
    lx_buffer_release(&again);
    factors_release(&factors);
    release_planted(planted);
}

static void test_a_failed_allocation_is_reported(void **state)
{
    (void)state;
    struct planted *planted = make_planted(100, 6, 3);
    for (int method = FACTORS_ALS; method <= FACTORS_BPR; method++) {
        struct factors_options options = small_options((enum factors_method)method);
        struct factors factors = {.column_count = 0};
        struct lx_error err = {0};
        options.epochs = 2;
        for (uint64_t n = 1;; n++) {
            lx_alloc_fail_at(n);
            enum lx_err code = factors_fit(&planted->rows, &options, 1, &factors, &err);
            lx_alloc_fail_at(0);
            if (code == LX_OK) {
                assert_true(n > 5);
                break;
            }
            assert_int_equal(code, LX_ERR_NO_MEMORY);
            assert_int_equal(err.code, LX_ERR_NO_MEMORY);
        }
        factors_release(&factors);
    }
    release_planted(planted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_als_gives_the_numbers_that_numpy_gave),
        cmocka_unit_test(test_als_gives_the_numbers_of_the_numpy_installed_here),
        cmocka_unit_test(test_planted_tastes_are_recovered),
        cmocka_unit_test(test_the_same_seed_gives_the_same_bytes_with_any_number_of_threads),
        cmocka_unit_test(test_a_row_folded_into_bpr_is_where_its_objective_is_highest),
        cmocka_unit_test(test_a_step_of_bpr_is_its_gradient),
        cmocka_unit_test(test_each_epoch_of_als_lowers_its_objective),
        cmocka_unit_test(test_nobody_and_everybody_are_no_trouble),
        cmocka_unit_test(test_nothing_known_gives_about_the_order_of_popularity),
        cmocka_unit_test(test_a_yes_raises_its_column_and_a_no_lowers_it),
        cmocka_unit_test(test_what_is_written_reads_back_and_a_changed_byte_is_refused),
        cmocka_unit_test(test_a_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
