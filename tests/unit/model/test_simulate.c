/*
 * Goal:   the closed loop measures what it says: the best list is the best, a round that knows the
 *         answers finds hidden tastes and one of chance does not, the gate is asked, the same seed
 *         gives the same figures, and a truth that is missing or damaged is named.
 * Method: a living bank whose truth is written here: each customer would say yes to the products of
 *         one category, which nothing in the bank shows. The truth says how such customers are
 *         made, so that who knows it by Bayes' rule must do no worse than any policy.
 */
#include "tests/living_bank.h"

#include <math.h>

#include "model/simulate.h"
#include "model/train.h"
#include "view/snapshot.h"

enum { CUSTOMERS = 500 };

struct scene {
    struct living_bank bank;
    struct living_clock clock;
    struct lx_env env;
    char truth[LX_PATH_MAX];
};

static enum bank_category taste_of(int64_t customer)
{
    struct lx_rng rng = lx_rng_of(8, (uint64_t)customer);
    return (enum bank_category)(1 + lx_rng_below(&rng, BANK_CATEGORY_END - 1));
}

static void write_file(const struct scene *scene, const char *name, const char *text, size_t length)
{
    struct lx_error err;
    char path[LX_PATH_MAX];
    MUST(host_join(path, scene->truth, name, &err));
    MUST(host_write_atomic(path, text, length, &err));
}

/* A row for each customer: one number for the products of his taste, another for the rest. */
static void write_table(const struct scene *scene, const struct bank_catalogue *catalogue,
                        const char *name, int with_taste, int without)
{
    struct lx_buffer text;
    lx_buffer_init(&text, LX_CONFIG_MAX);
    lx_buffer_append_text(&text, "customer_id");
    for (size_t i = 0; i < catalogue->count; i++)
        lx_buffer_printf(&text, ",%s", catalogue->products[i].code);
    for (int64_t customer = 0; customer < CUSTOMERS; customer++) {
        char id[LX_ID_MAX + 1];
        living_id(customer, id);
        lx_buffer_printf(&text, "\n%s", id);
        for (size_t i = 0; i < catalogue->count; i++)
            lx_buffer_printf(&text, ",%d",
                             catalogue->products[i].category == taste_of(customer) ? with_taste
                                                                                   : without);
    }
    lx_buffer_append_text(&text, "\nnobody,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0\n");
    write_file(scene, name, text.bytes, text.length);
    lx_buffer_release(&text);
}

/* A taste for each category, of which a customer has one. What is hidden of a logit is the distance
 * to the one who has it not; two deviations of a normal taste come near to that. */
static void write_truth(const struct scene *scene, int yes_ppm, int no_ppm)
{
    struct lx_error err;
    struct bank *bank = NULL;
    struct lx_buffer text;
    double yes = yes_ppm / 1e6, no = no_ppm / 1e6;
    double distance = log(yes / (1 - yes)) - log(no / (1 - no));
    lx_buffer_init(&text, LX_CONFIG_MAX);
    MUST(bank_open(scene->bank.folder, STORE_READ, &bank, &err));
    const struct bank_catalogue *catalogue = bank_catalogue(bank);
    write_table(scene, catalogue, "acceptance.csv", yes_ppm, no_ppm);
    write_table(scene, catalogue, "hidden.csv", (int)(1000 * distance), 0);
    lx_buffer_append_text(&text, "[channel]\nrm = 0\n[logit]\nminimum = -14\nmaximum = 14\n"
                                 "[taste]\nstrength = 1\n");
    for (size_t i = 0; i < catalogue->count; i++) {
        lx_buffer_printf(&text, "%s = 0", catalogue->products[i].code);
        for (int category = 1; category < BANK_CATEGORY_END; category++)
            lx_buffer_printf(&text, ", %g",
                             (int)catalogue->products[i].category == category ? distance / 2 : 0);
        lx_buffer_append_byte(&text, '\n');
    }
    write_file(scene, "parameters.ini", text.bytes, text.length);
    lx_buffer_release(&text);
    bank_close(bank);
}

static int make_scene(void **state)
{
    struct lx_error err;
    struct scene *scene = calloc(1, sizeof *scene);
    struct train_result trained;
    struct view_refresh_result refreshed;
    const struct train_options options = {.as_of_ms = BANK_UNKNOWN_MS, .seed = 1, .rows_max = 3000};
    living_open(&scene->bank, CUSTOMERS, 51);
    scene->clock = living_clock_of(1);
    scene->env = living_env(&scene->clock, 1);
    MUST(train(scene->bank.folder, &options, &scene->env, &trained, &err));
    MUST(view_refresh(scene->bank.folder, BANK_UNKNOWN_MS, 0, &scene->env, &refreshed, &err));
    MUST(host_join(scene->truth, scene->bank.folder, "truth", &err));
    MUST(host_make_folder(scene->truth, &err));
    write_truth(scene, 600000, 10000);
    *state = scene;
    return 0;
}

static int end_scene(void **state)
{
    struct scene *scene = *state;
    living_remove(&scene->bank);
    free(scene);
    return 0;
}

static void play(struct scene *scene, const struct simulate_options *options,
                 struct simulate_result *result)
{
    struct lx_error err;
    MUST(simulate(scene->bank.folder, options, &scene->env, result, &err));
}

static void test_answers_find_hidden_tastes(void **state)
{
    struct scene *scene = *state;
    struct simulate_result result;
    const struct simulate_options options = {.truth = scene->truth, .seed = 3, .places = 4};
    play(scene, &options, &result);
    assert_true(result.customers > CUSTOMERS * 9 / 10);
    double best = result.second[SIMULATE_SECOND_BEST].value;
    for (int i = 0; i < SIMULATE_FIRST_COUNT; i++) {
        assert_true(result.first[i].value <= result.first[SIMULATE_FIRST_BEST].value + 1e-9);
        assert_true(result.first[i].low <= result.first[i].value);
        assert_true(result.first[i].high >= result.first[i].value);
    }
    for (int i = 0; i < SIMULATE_SECOND_COUNT; i++)
        if (!(result.second[i].value <= best + 1e-9))
            fail_msg("%s: %g where the best is %g", simulate_second_name((enum simulate_second)i),
                     result.second[i].value, best);
    double with = result.second[SIMULATE_SECOND_WITH].value;
    double without = result.second[SIMULATE_SECOND_WITHOUT].value;
    double bayes = result.second[SIMULATE_SECOND_BAYES].value;
    double blind = result.second[SIMULATE_SECOND_BAYES_MASKED].value;
    double first = result.first[SIMULATE_FIRST_MODEL].value;
    assert_true(with > 1.2 * without);
    assert_true(bayes >= with && bayes > 1.5 * blind);
    assert_true(result.captured.low > 0.1);
    assert_true(fabs(result.with_over_without.value - with / without) < 1e-9);
    assert_true(fabs(result.bayes_over_masked.value - bayes / blind) < 1e-9);
    assert_true(fabs(result.captured.value - (with - without) / (best - without)) < 1e-9);
    assert_true(fabs(result.captured_of_bayes.value - (with - without) / (bayes - without)) < 1e-9);
    assert_true(fabs(result.total.value - (first + with) / 2) < 1e-9);
    assert_true(fabs(result.total_ratio.value - (first + with) / (first + without)) < 1e-9);
    assert_true(result.any_yes >= result.said_yes && result.any_yes <= 4 * result.said_yes);
    /* What was said in the first round is what the truth expects of it. */
    assert_true(fabs(result.said_yes - first) < 0.03);
}

static void test_where_tastes_do_not_matter_answers_do_not_either(void **state)
{
    struct scene *scene = *state;
    struct simulate_result result;
    const struct simulate_options options = {.truth = scene->truth, .seed = 3, .places = 4};
    write_truth(scene, 50000, 50000);
    play(scene, &options, &result);
    assert_true(fabs(result.with_over_without.value - 1) < 1e-6);
    assert_true(fabs(result.first[SIMULATE_FIRST_RANDOM].value - 0.05) < 1e-6);
    write_truth(scene, 600000, 10000);
}

static bool only_even(void *context, int64_t customer, int product)
{
    ++*(size_t *)context;
    return product % 2 == 0 && customer % 2 == 0;
}

static void test_the_gate_is_asked(void **state)
{
    struct scene *scene = *state;
    struct lx_error err;
    struct simulate_result result;
    size_t asked = 0;
    const struct simulate_options options = {
        .truth = scene->truth, .seed = 3, .places = 4, .may_offer = only_even, .context = &asked};
    play(scene, &options, &result);
    assert_int_equal(result.customers, CUSTOMERS / 2);
    assert_true(result.candidates == 10);
    assert_int_equal(asked, CUSTOMERS * 19);
    struct simulate_options many = options;
    many.places = 6; /* nobody may have twelve */
    MUST_FAIL(simulate(scene->bank.folder, &many, &scene->env, &result, &err), LX_ERR_NOT_READY);
}

static void test_the_same_seed_gives_the_same_figures(void **state)
{
    struct scene *scene = *state;
    struct simulate_result one, two;
    struct simulate_options options = {.truth = scene->truth, .seed = 5};
    play(scene, &options, &one);
    play(scene, &options, &two);
    assert_memory_equal(&one, &two, sizeof one);
    options.seed = 6;
    play(scene, &options, &two);
    assert_true(one.second[SIMULATE_SECOND_WITH].value != two.second[SIMULATE_SECOND_WITH].value);
}

/* A truth of an older synth, which kept to itself how tastes are spread. */
static void test_without_hidden_tastes_bayes_does_not_play(void **state)
{
    struct scene *scene = *state;
    struct lx_error err;
    struct simulate_result with, result;
    const struct simulate_options options = {.truth = scene->truth, .seed = 3, .places = 4};
    char hidden[LX_PATH_MAX];
    play(scene, &options, &with);
    MUST(host_join(hidden, scene->truth, "hidden.csv", &err));
    MUST(host_remove(hidden, &err));
    play(scene, &options, &result);
    assert_true(with.has_bayes && !result.has_bayes);
    assert_true(isnan(result.second[SIMULATE_SECOND_BAYES].value));
    assert_true(isnan(result.captured_of_bayes.value) && isnan(result.taste));
    assert_true(with.captured.value == result.captured.value);
    write_truth(scene, 600000, 10000);
}

static void test_a_truth_that_is_missing_or_damaged_is_named(void **state)
{
    static const struct {
        const char *text, *told;
        enum lx_err code;
    } rows[] = {
        {"", "acceptance.csv:1", LX_ERR_BAD_INPUT},
        {"customer_id,P01,XX\n", "product XX", LX_ERR_BAD_INPUT},
        {"customer_id,P01,P02\na,1,2\nb,1\n", "acceptance.csv:3", LX_ERR_BAD_INPUT},
        {"customer_id,P01,P02\na,1,x\n", "acceptance.csv:2", LX_ERR_BAD_INPUT},
        {"customer_id,P01,P02\na,1,1000001\n", "acceptance.csv:2", LX_ERR_BAD_INPUT},
    };
    struct scene *scene = *state;
    struct lx_error err;
    struct simulate_result result;
    struct simulate_options options = {.truth = "/nonexistent", .seed = 1};
    MUST_FAIL(simulate(scene->bank.folder, &options, &scene->env, &result, &err), LX_ERR_NOT_FOUND);
    options.truth = NULL; /* the living bank was imported from no folder */
    MUST_FAIL(simulate(scene->bank.folder, &options, &scene->env, &result, &err), LX_ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "no synthetic"));
    options.truth = scene->truth;
    write_file(scene, "hidden.csv", "customer_id,P01\n", 16);
    MUST_FAIL(simulate(scene->bank.folder, &options, &scene->env, &result, &err), LX_ERR_BAD_INPUT);
    assert_non_null(strstr(err.text, "is not here"));
    char hidden[LX_PATH_MAX];
    MUST(host_join(hidden, scene->truth, "hidden.csv", &err));
    MUST(host_remove(hidden, &err));
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        write_file(scene, "acceptance.csv", rows[i].text, strlen(rows[i].text));
        MUST_FAIL(simulate(scene->bank.folder, &options, &scene->env, &result, &err), rows[i].code);
        if (strstr(err.text, rows[i].told) == NULL) fail_msg("row %zu: %s", i, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_find_hidden_tastes),
        cmocka_unit_test(test_where_tastes_do_not_matter_answers_do_not_either),
        cmocka_unit_test(test_the_gate_is_asked),
        cmocka_unit_test(test_the_same_seed_gives_the_same_figures),
        cmocka_unit_test(test_without_hidden_tastes_bayes_does_not_play),
        cmocka_unit_test(test_a_truth_that_is_missing_or_damaged_is_named),
    };
    return cmocka_run_group_tests(tests, make_scene, end_scene);
}
