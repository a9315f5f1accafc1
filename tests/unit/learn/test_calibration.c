/*
 * Goal:   log-odds that sampling distorted come back to the true rate, the fitted map is that of
 *         scikit-learn, never turns two customers round, and survives being written and read.
 * Method: scikit-learn's isotonic and sigmoid fits (kept, and made anew where it is installed),
 *         seeded rows of known truth, a dense walk over the margins, and damaged JSON.
 */
#include "reference.h"

#include <math.h>

#include "base/rng.h"
#include "learn/calibration.h"
#include "learn/metrics.h"

enum { ROWS_MAX = 20000 };

static double margins[ROWS_MAX], weights[ROWS_MAX];
static uint8_t labels[ROWS_MAX];

static double sigmoid(double margin)
{
    return 1 / (1 + exp(-margin));
}

static void fit(size_t count, double prior_shift, struct calibration *ret_calibration)
{
    struct lx_error err = {0};
    enum lx_err code =
        calibration_fit(margins, labels, NULL, count, prior_shift, ret_calibration, &err);
    if (code != LX_OK) fail_msg("%s", err.text);
}

/* Returns how many probabilities were compared. Platt's fit ends at its solver's own tolerance. */
static size_t check_reference(FILE *file)
{
    size_t compared = 0;
    char word[64], kind[64];
    while (read_word(file, word)) {
        assert_true(read_word(file, kind));
        bool is_platt = strcmp(kind, "platt") == 0;
        size_t count = read_count(file);
        assert_true(count <= ROWS_MAX);
        for (size_t i = 0; i < count; i++) {
            margins[i] = read_real(file);
            labels[i] = (uint8_t)read_count(file);
            weights[i] = read_real(file);
        }
        struct calibration calibration;
        assert_int_equal(calibration_fit(margins, labels, weights, count, 0, &calibration, NULL),
                         LX_OK);
        assert_int_equal(calibration.kind, is_platt ? CALIBRATION_PLATT : CALIBRATION_ISOTONIC);
        while (read_word(file, word) && strcmp(word, "end") != 0) {
            double margin = read_real(file), want = read_real(file);
            double got = calibration_probability(&calibration, margin);
            if (fabs(got - want) > (is_platt ? 1e-4 : 1e-9))
                fail_msg("%s at %.17g: got %.17g, want %.17g", kind, margin, got, want);
            compared++;
        }
    }
    return compared;
}

static void test_fits_equal_those_kept_from_scikit_learn(void **state)
{
    (void)state;
    FILE *file = open_kept("calibration");
    size_t compared = check_reference(file);
    if (compared < 40) fail_msg("only %zu probabilities compared", compared);
    fclose(file);
}

static void test_fits_equal_those_of_the_scikit_learn_installed_here(void **state)
{
    (void)state;
    FILE *file = open_live("calibration", "sklearn");
    if (file == NULL) {
        print_message("skipped: python3-sklearn is not installed\n");
        skip();
    }
    size_t compared = check_reference(file);
    if (compared < 40) fail_msg("only %zu probabilities compared", compared);
    close_live(file);
}

static void test_prior_shift_undoes_what_sampling_did_to_the_rate(void **state)
{
    (void)state;
    static const struct {
        double true_rate, sampled_rate, probability_there, probability_here;
    } rows[] = {
        {0.01, 0.5, 0.5, 0.01}, /* what was even odds is the base rate */
        {0.5, 0.5, 0.3, 0.3},   /* nothing was sampled */
        {0.02, 0.2, 0.2, 0.02},
        {0.1, 0.5, 0.9, 0.5},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        double there = rows[i].probability_there;
        struct calibration calibration = {
            .kind = CALIBRATION_IDENTITY,
            .prior_shift = calibration_prior_shift(rows[i].true_rate, rows[i].sampled_rate)};
        double got = calibration_probability(&calibration, log(there / (1 - there)));
        if (fabs(got - rows[i].probability_here) > 1e-12) fail_msg("row %zu: %.17g", i, got);
    }
}

/* Truth: log-odds 2 * margin - 3. */
static void draw(size_t count, uint64_t seed)
{
    struct lx_rng rng = lx_rng_of(11, seed);
    for (size_t i = 0; i < count; i++) {
        margins[i] = lx_rng_normal(&rng);
        labels[i] = lx_rng_chance(&rng, sigmoid(2 * margins[i] - 3));
    }
    labels[0] = 0;
    labels[1] = 1;
}

static void test_distorted_margins_come_back_to_the_truth(void **state)
{
    (void)state;
    static const struct {
        size_t count;
        enum calibration_kind kind;
    } rows[] = {{1000, CALIBRATION_PLATT}, {20000, CALIBRATION_ISOTONIC}};
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        draw(rows[i].count, i);
        struct calibration calibration;
        fit(rows[i].count, 0, &calibration);
        assert_int_equal(calibration.kind, rows[i].kind);
        double error = 0;
        for (int m = -15; m <= 15; m++) {
            double margin = m / 10.0;
            error = fmax(error, fabs(calibration_probability(&calibration, margin) -
                                     sigmoid(2 * margin - 3)));
        }
        if (error > 0.06) fail_msg("row %zu: off by %g", i, error);
    }
}

static void test_two_customers_are_never_turned_round(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        size_t count = seed % 2 == 0 ? 300 : 8000;
        draw(count, seed);
        /* Every third time the labels are drawn against the margins. */
        for (size_t i = 0; seed % 3 == 0 && i < count; i++) margins[i] = -margins[i];
        struct calibration calibration;
        fit(count, 0.7, &calibration);
        double before = -INFINITY;
        for (int step = -40000; step <= 40000; step++) {
            double value = calibration_log_odds(&calibration, step / 4000.0);
            if (!(value > before))
                fail_msg("seed %d: %.17g after %.17g at %g", (int)seed, value, before,
                         step / 4000.0);
            before = value;
        }
    }
}

/* Labels that run against the margins: the rate is all that may be said, also far out, where a
 * slope that went on beyond the last pool would promise more. */
static void test_margins_that_mislead_give_the_rate_everywhere(void **state)
{
    (void)state;
    static const size_t counts[] = {1500, 20000};
    for (size_t i = 0; i < LX_COUNT_OF(counts); i++) {
        struct lx_rng rng = lx_rng_of(12, i);
        double rate = 0;
        for (size_t row = 0; row < counts[i]; row++) {
            margins[row] = 2 * lx_rng_normal(&rng);
            labels[row] = lx_rng_chance(&rng, sigmoid(-margins[row] - 3));
            rate += labels[row] / (double)counts[i];
        }
        struct calibration calibration;
        fit(counts[i], 0, &calibration);
        for (int m = -6; m <= 6; m++) {
            double got = calibration_probability(&calibration, m);
            if (fabs(got - rate) > 0.05 * rate)
                fail_msg("%d rows, at %d: %g, rate %g", (int)counts[i], m, got, rate);
        }
    }
}

/* A staircase of 2,000 true steps, more than there are knots. */
static void test_knots_stay_within_their_bound_and_still_fit(void **state)
{
    (void)state;
    size_t count = 0;
    for (int step = 0; step < 2000; step++)
        for (int i = 0; i < 10; i++) {
            margins[count] = step;
            labels[count++] = i * 200 < step;
        }
    struct calibration calibration;
    fit(count, 0, &calibration);
    assert_true(calibration.knot_count > 5 && calibration.knot_count <= CALIBRATION_KNOTS_MAX);
    for (int step = 100; step < 1900; step++) {
        double got = calibration_probability(&calibration, step);
        if (fabs(got - step / 2000.0) > 0.11) fail_msg("step %d: %g", step, got);
    }
}

static void test_classes_far_apart_give_finite_log_odds(void **state)
{
    (void)state;
    for (size_t half = 5; half <= 500; half *= 100) {
        for (size_t i = 0; i < 2 * half; i++) {
            labels[i] = i >= half;
            margins[i] = (double)i - (double)half;
        }
        struct calibration calibration;
        fit(2 * half, 0, &calibration);
        for (size_t i = 0; i < 2 * half; i++)
            assert_true(isfinite(calibration_log_odds(&calibration, margins[i])));
        assert_true(calibration_probability(&calibration, margins[0]) < 0.2);
        assert_true(calibration_probability(&calibration, margins[2 * half - 1]) > 0.8);
    }
}

static void test_one_class_only_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    struct calibration calibration = {.slope = 42};
    struct lx_error err = {0};
    for (uint8_t label = 0; label <= 1; label++) {
        for (size_t i = 0; i < 10; i++) labels[i] = label;
        assert_int_equal(calibration_fit(margins, labels, NULL, 10, 0, &calibration, &err),
                         LX_ERR_BAD_INPUT);
        assert_non_null(strstr(err.text, "both kinds are needed"));
    }
    assert_int_equal(calibration_fit(margins, labels, NULL, 0, 0, &calibration, &err),
                     LX_ERR_BAD_INPUT);
    assert_true(calibration.slope == 42);
}

static void test_what_is_written_reads_back_bit_for_bit(void **state)
{
    (void)state;
    static const size_t counts[] = {400, 9000};
    for (size_t i = 0; i < LX_COUNT_OF(counts); i++) {
        draw(counts[i], i + 100);
        struct calibration calibration, back;
        fit(counts[i], 0.123456789, &calibration);
        struct lx_buffer json;
        lx_buffer_init(&json, 1 << 20);
        calibration_write(&calibration, &json);
        assert_int_equal(lx_buffer_error(&json), LX_OK);
        struct lx_error err = {0};
        if (calibration_read(json.bytes, json.length, &back, &err) != LX_OK)
            fail_msg("%s", err.text);
        for (int m = -500; m <= 500; m++)
            assert_true(calibration_log_odds(&calibration, m / 100.0) ==
                        calibration_log_odds(&back, m / 100.0));
        lx_buffer_release(&json);
    }
}

static void test_damaged_json_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "[]",
        "{\"kind\":\"isotonic\",\"prior_shift\":0,\"slope\":0,\"intercept\":0,"
        "\"margins\":[],\"log_odds\":[]}",
        "{\"kind\":\"isotonic\",\"prior_shift\":0,\"slope\":0,\"intercept\":0,"
        "\"margins\":[1,1],\"log_odds\":[1,2]}",
        "{\"kind\":\"isotonic\",\"prior_shift\":0,\"slope\":0,\"intercept\":0,"
        "\"margins\":[1,2],\"log_odds\":[1]}",
        "{\"kind\":\"platt\",\"prior_shift\":0,\"slope\":-1,\"intercept\":0,"
        "\"margins\":[],\"log_odds\":[]}",
        "{\"kind\":\"other\",\"prior_shift\":0,\"slope\":1,\"intercept\":0,"
        "\"margins\":[],\"log_odds\":[]}",
        "{\"kind\":\"platt\",\"prior_shift\":null,\"slope\":1,\"intercept\":0,"
        "\"margins\":[],\"log_odds\":[]}",
    };
    for (size_t i = 0; i < LX_COUNT_OF(texts); i++) {
        struct calibration calibration;
        struct lx_error err = {0};
        if (calibration_read(texts[i], strlen(texts[i]), &calibration, &err) != LX_ERR_BAD_INPUT)
            fail_msg("text %zu was read", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fits_equal_those_kept_from_scikit_learn),
        cmocka_unit_test(test_fits_equal_those_of_the_scikit_learn_installed_here),
        cmocka_unit_test(test_prior_shift_undoes_what_sampling_did_to_the_rate),
        cmocka_unit_test(test_distorted_margins_come_back_to_the_truth),
        cmocka_unit_test(test_two_customers_are_never_turned_round),
        cmocka_unit_test(test_margins_that_mislead_give_the_rate_everywhere),
        cmocka_unit_test(test_knots_stay_within_their_bound_and_still_fit),
        cmocka_unit_test(test_classes_far_apart_give_finite_log_odds),
        cmocka_unit_test(test_one_class_only_is_refused_and_changes_nothing),
        cmocka_unit_test(test_what_is_written_reads_back_bit_for_bit),
        cmocka_unit_test(test_damaged_json_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
