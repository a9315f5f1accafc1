/*
 * Goal:   the closed loop measures what it says: the best list is the best, a round that knows the
 *         answers finds hidden tastes and one of chance does not, the gate is asked, the same seed
 *         gives the same figures, and a truth that is missing or damaged is named.
 * Method: a living bank whose truth is written here: each customer would say yes to the products of
 *         one category, which nothing in the bank shows.
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

static void write_truth(const struct scene *scene, int yes_ppm, int no_ppm)
{
    struct lx_error err;
    struct bank *bank = NULL;
    struct lx_buffer text;
    lx_buffer_init(&text, LX_CONFIG_MAX);
    MUST(bank_open(scene->bank.folder, STORE_READ, &bank, &err));
    const struct bank_catalogue *catalogue = bank_catalogue(bank);
    lx_buffer_append_text(&text, "customer_id");
    for (size_t i = 0; i < catalogue->count; i++)
        lx_buffer_printf(&text, ",%s", catalogue->products[i].code);
    for (int64_t customer = 0; customer < CUSTOMERS; customer++) {
        char id[LX_ID_MAX + 1];
        living_id(customer, id);
        lx_buffer_printf(&text, "\n%s", id);
        for (size_t i = 0; i < catalogue->count; i++)
            lx_buffer_printf(&text, ",%d",
                             catalogue->products[i].category == taste_of(customer) ? yes_ppm
                                                                                   : no_ppm);
    }
    lx_buffer_append_text(&text, "\nnobody,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0\n");
    bank_close(bank);
    write_file(scene, "acceptance.csv", text.bytes, text.length);
    static const char parameters[] = "[channel]\nrm = 0\n";
    write_file(scene, "parameters.ini", parameters, sizeof parameters - 1);
    lx_buffer_release(&text);
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
    for (int i = 0; i < SIMULATE_POLICY_COUNT; i++) {
        assert_true(result.first[i].value <= result.first[SIMULATE_BEST].value + 1e-9);
        assert_true(result.second[i].value <= result.second[SIMULATE_BEST].value + 1e-9);
        assert_true(result.first[i].low <= result.first[i].value);
        assert_true(result.first[i].high >= result.first[i].value);
    }
    double with = result.second[SIMULATE_MODEL].value, without = result.second_without.value;
    assert_true(with > 1.2 * without);
    assert_true(result.captured.low > 0.1);
    assert_true(fabs(result.ratio.value - with / without) < 1e-9);
    double best = result.second[SIMULATE_BEST].value;
    assert_true(fabs(result.captured.value - (with - without) / (best - without)) < 1e-9);
    assert_true(fabs(result.total.value - (result.first[SIMULATE_MODEL].value + with) / 2) < 1e-9);
    /* What was said in the first round is what the truth expects of it. */
    assert_true(fabs(result.said_yes - result.first[SIMULATE_MODEL].value) < 0.03);
}

static void test_where_tastes_do_not_matter_answers_do_not_either(void **state)
{
    struct scene *scene = *state;
    struct simulate_result result;
    const struct simulate_options options = {.truth = scene->truth, .seed = 3, .places = 4};
    write_truth(scene, 50000, 50000);
    play(scene, &options, &result);
    assert_true(fabs(result.ratio.value - 1) < 1e-6);
    assert_true(fabs(result.first[SIMULATE_RANDOM].value - 0.05) < 1e-6);
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
    assert_true(one.second[SIMULATE_MODEL].value != two.second[SIMULATE_MODEL].value);
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
        cmocka_unit_test(test_a_truth_that_is_missing_or_damaged_is_named),
    };
    return cmocka_run_group_tests(tests, make_scene, end_scene);
}
