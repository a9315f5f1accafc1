/*
 * Goal:   what is registered comes back the same or not at all: a card survives its JSON bit for
 *         bit, a flipped bit in either file is seen, a model of other features is refused, and a
 *         registration that fails leaves the live model as it was.
 * Method: a small forest trained on the spot; every byte of the card and a sample of the trees'
 *         bytes is changed in turn; the disk fills up after every possible write.
 */
#include "tests/scratch.h"
#include "tests/shipped_features.h"

#include <errno.h>
#include <math.h>

#include "base/rng.h"
#include "learn/xgboost.h"
#include "model/registry.h"
#include "view/feature.h"

struct place {
    char folder[LX_PATH_MAX];
    struct model_card card;
    struct lx_buffer trees;
};

static void message(void *context, const char *text)
{
}

static void progress(void *context, const char *what, uint64_t done, uint64_t total)
{
}

static int64_t clock_of_test(void *context)
{
    return 0;
}

static void train_small(uint64_t seed, size_t columns, struct lx_buffer *trees)
{
    struct lx_error err;
    struct matrix matrix;
    struct lx_env env = {.now_ms = clock_of_test,
                         .elapsed_ns = clock_of_test,
                         .message = message,
                         .progress = progress,
                         .thread_count = 1};
    struct xgb_params params = xgb_params_default(XGB_BINARY);
    struct lx_rng rng = lx_rng_of(seed, 2);
    float labels[400];
    params.round_count = 4;
    assert_int_equal(matrix_init(&matrix, columns), LX_OK);
    for (int i = 0; i < 400; i++) {
        float *row;
        assert_int_equal(matrix_add_row(&matrix, &row), LX_OK);
        for (size_t j = 0; j < columns; j++) row[j] = (float)lx_rng_normal(&rng);
        labels[i] = row[0] + row[1] > 0.5f ? 1 : 0;
    }
    lx_buffer_init(trees, LX_CONFIG_MAX);
    MUST(xgb_train(&params, &matrix, labels, NULL, &env, trees, &err));
    matrix_release(&matrix);
}

static struct model_card card_of(uint64_t seed)
{
    struct lx_rng rng = lx_rng_of(seed, 3);
    struct model_card card = {.as_of_ms = 1234567890123,
                              .newest_known_ms = 1234567890999,
                              .customers = 77,
                              .batches = 3,
                              .horizon_days = 30,
                              .seed = seed % 2 == 0 ? seed : UINT64_MAX - seed,
                              .balance = (enum sampling)(seed % SAMPLING_COUNT),
                              .weights = {(double)seed, 0.1, 1.0 / 3},
                              .focal = {0.3, 1.0 / 7},
                              .round_count = 4,
                              .max_depth = 4,
                              .learning_rate = 0.1,
                              .min_child_weight = 1,
                              .lambda = 1,
                              .subsample = 1,
                              .column_sample = lx_rng_uniform(&rng),
                              .rows = 400,
                              .positives = 100,
                              .true_rate = lx_rng_uniform(&rng) / 1000,
                              .negative_rate = lx_rng_uniform(&rng),
                              .sampled_rate = lx_rng_uniform(&rng),
                              .quality_rows = 1000,
                              .quality_positives = 5,
                              .fit_count = 2,
                              .calibration_count = 1,
                              .quality_count = 2};
    view_features_hash(shipped(), card.feature_set);
    card.feature_count = shipped_count();
    for (int i = 0; i < 32; i++) card.catalogue[i] = (uint8_t)lx_rng_next(&rng);
    for (int i = 0; i < 5; i++) card.moments_ms[i] = 1000000 * i;
    for (int i = 0; i < QUALITY_BY_COUNT * QUALITY_COUNT; i++)
        quality_set(&card.quality[i / QUALITY_COUNT], (enum quality_figure)(i % QUALITY_COUNT),
                    i % 7 == 3 ? NAN : lx_rng_normal(&rng));
    card.calibration = (struct calibration){.kind = CALIBRATION_ISOTONIC,
                                            .prior_shift = lx_rng_normal(&rng),
                                            .slope = 1,
                                            .knot_count = 40};
    for (int i = 0; i < 40; i++) {
        card.calibration.margins[i] = i + lx_rng_uniform(&rng);
        card.calibration.log_odds[i] = 0.3 * i + 0.2 * lx_rng_uniform(&rng);
    }
    return card;
}

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    scratch_make(place->folder);
    place->card = card_of(1);
    train_small(1, place->card.feature_count, &place->trees);
    *state = place;
    return 0;
}

static int end_place(void **state)
{
    struct place *place = *state;
    scratch_remove(place->folder);
    lx_buffer_release(&place->trees);
    free(place);
    return 0;
}

static void save(const struct place *place, char id[REGISTRY_ID_SIZE])
{
    struct lx_error err;
    MUST(registry_save(place->folder, &place->card, place->trees.bytes, place->trees.length, NULL,
                       id, &err));
    MUST(registry_set_current(place->folder, id, &err));
}

static void assert_same_card(const struct model_card *a, const struct model_card *b)
{
    uint8_t hash[32] = {9};
    struct lx_buffer one, two;
    lx_buffer_init(&one, LX_CONFIG_MAX);
    lx_buffer_init(&two, LX_CONFIG_MAX);
    model_card_write(a, hash, &one);
    model_card_write(b, hash, &two);
    assert_string_equal(lx_buffer_text(&one), lx_buffer_text(&two));
    assert_memory_equal(a->feature_set, b->feature_set, sizeof a->feature_set);
    assert_true(a->true_rate == b->true_rate && a->seed == b->seed && a->balance == b->balance);
    assert_true(a->weights.refused == b->weights.refused &&
                a->weights.ignored == b->weights.ignored);
    assert_true(a->weights.ruled_out == b->weights.ruled_out);
    assert_true(a->focal.gamma == b->focal.gamma && a->focal.alpha == b->focal.alpha);
    lx_buffer_release(&one);
    lx_buffer_release(&two);
}

static void test_a_card_survives_its_json(void **state)
{
    for (uint64_t seed = 0; seed < 30; seed++) {
        struct lx_error err;
        struct lx_buffer json;
        uint8_t hash[32], found[32];
        struct model_card card = card_of(seed), back;
        for (int i = 0; i < 32; i++) hash[i] = (uint8_t)(seed * 7 + (uint64_t)i);
        lx_buffer_init(&json, LX_CONFIG_MAX);
        model_card_write(&card, hash, &json);
        assert_int_equal(lx_buffer_error(&json), LX_OK);
        MUST(model_card_read(json.bytes, json.length, &back, found, &err));
        assert_same_card(&card, &back);
        assert_memory_equal(hash, found, sizeof hash);
        lx_buffer_release(&json);
    }
}

static void test_a_card_that_lacks_a_field_is_named(void **state)
{
    struct lx_error err;
    struct lx_buffer json;
    uint8_t hash[32] = {0};
    struct model_card card = card_of(1), back;
    lx_buffer_init(&json, LX_CONFIG_MAX);
    model_card_write(&card, hash, &json);
    char *at = strstr(json.bytes, "\"true_rate\"");
    assert_non_null(at);
    at[1] = 'T';
    MUST_FAIL(model_card_read(json.bytes, json.length, &back, hash, &err), LX_ERR_CORRUPT);
    assert_non_null(strstr(err.text, "true_rate"));
    lx_buffer_release(&json);
}

static void test_what_was_saved_is_live_and_scores_the_same(void **state)
{
    struct place *place = *state;
    struct lx_error err;
    struct model *live = NULL, *memory = NULL;
    char id[REGISTRY_ID_SIZE], again[REGISTRY_ID_SIZE];
    save(place, id);
    save(place, again); /* the same content is the same model */
    assert_string_equal(id, again);
    MUST(registry_current(place->folder, again, &err));
    assert_string_equal(id, again);
    MUST(model_open(place->folder, NULL, shipped(), &live, &err));
    MUST(model_of(&place->card, place->trees.bytes, place->trees.length, &memory, &err));
    assert_string_equal(model_id(live), id);
    assert_same_card(model_card(live), &place->card);

    struct lx_rng rng = lx_rng_of(3, 3);
    enum { ROWS = 300 };
    size_t columns = place->card.feature_count;
    float *rows = calloc(ROWS * columns, sizeof *rows);
    void *scratch = malloc(model_scratch_bytes(live) + 1);
    double a[ROWS], b[ROWS];
    for (size_t i = 0; i < ROWS * columns; i++) rows[i] = (float)lx_rng_normal(&rng);
    model_log_odds(live, rows, ROWS, scratch, a);
    model_log_odds(memory, rows, ROWS, scratch, b);
    assert_memory_equal(a, b, sizeof a);
    free(rows);
    free(scratch);
    model_close(live);
    model_close(memory);
}

static void test_without_a_model_the_command_that_makes_one_is_named(void **state)
{
    struct place *place = *state;
    struct lx_error err;
    struct model *model = NULL;
    MUST_FAIL(model_open(place->folder, NULL, shipped(), &model, &err), LX_ERR_NOT_READY);
    assert_non_null(strstr(err.text, "lingxi train"));
    MUST_FAIL(model_open(place->folder, "0123456789ab", shipped(), &model, &err), LX_ERR_NOT_FOUND);
    MUST_FAIL(model_open(place->folder, "../../etc", shipped(), &model, &err), LX_ERR_USAGE);
}

static void test_another_feature_set_asks_for_training(void **state)
{
    struct place *place = *state;
    struct lx_error err;
    struct model *model = NULL;
    char id[REGISTRY_ID_SIZE];
    place->card.feature_set[5] ^= 1;
    save(place, id);
    MUST_FAIL(model_open(place->folder, NULL, shipped(), &model, &err), LX_ERR_NOT_READY);
    assert_non_null(strstr(err.text, "lingxi train"));
    place->card.feature_set[5] ^= 1;
}

/* Changes one byte, expects the model to be refused, and changes it back. */
static void damage(const struct place *place, const char *path, size_t at, uint8_t mask)
{
    struct lx_error err;
    struct model *model = NULL;
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, (long)at, SEEK_SET);
    int byte = fgetc(file);
    fseek(file, (long)at, SEEK_SET);
    fputc(byte ^ mask, file);
    fclose(file);
    enum lx_err code = model_open(place->folder, NULL, shipped(), &model, &err);
    if (code != LX_ERR_CORRUPT)
        fail_msg("%s: byte %zu changed by %02x: %s", path, at, mask, lx_err_name(code));
    file = fopen(path, "r+b");
    fseek(file, (long)at, SEEK_SET);
    fputc(byte, file);
    fclose(file);
}

static void test_a_flipped_bit_is_seen(void **state)
{
    struct place *place = *state;
    struct lx_error err;
    struct model *model = NULL;
    char id[REGISTRY_ID_SIZE], path[LX_PATH_MAX];
    struct lx_buffer card;
    save(place, id);
    snprintf(path, sizeof path, "%.3800s/models/%s/card.json", place->folder, id);
    lx_buffer_init(&card, LX_CONFIG_MAX);
    MUST(host_read_file(path, &card, &err));
    for (size_t i = 0; i < card.length; i += 3) damage(place, path, i, (uint8_t)(1u << i % 8));
    snprintf(path, sizeof path, "%.3800s/models/%s/model.json", place->folder, id);
    for (size_t i = 0; i < place->trees.length; i += 199) damage(place, path, i, 4);
    MUST(model_open(place->folder, NULL, shipped(), &model, &err)); /* all is as it was */
    model_close(model);
    lx_buffer_release(&card);
}

static void test_a_current_that_names_nothing_is_damage(void **state)
{
    static const char *const texts[] = {
        "", "\n", "zzzzzzzzzzzz\n", "../../../etc/passwd\n", "0123456789abcdef\n", "0123456789\n"};
    struct place *place = *state;
    struct lx_error err;
    struct model *model = NULL;
    char id[REGISTRY_ID_SIZE], path[LX_PATH_MAX];
    save(place, id);
    MUST(host_join(path, place->folder, "models/current", &err));
    for (size_t i = 0; i < LX_COUNT_OF(texts); i++) {
        MUST(host_write_atomic(path, texts[i], strlen(texts[i]), &err));
        MUST_FAIL(model_open(place->folder, NULL, shipped(), &model, &err), LX_ERR_CORRUPT);
    }
}

/* The last write that can fail is the folder's sync after the new name is in place: then the new
 * model is live, and whole, although its registration was reported as failed. */
static void test_a_full_disk_leaves_a_whole_model_live(void **state)
{
    struct place *place = *state;
    struct lx_error err;
    char id[REGISTRY_ID_SIZE], other[REGISTRY_ID_SIZE];
    save(place, id);
    struct model_card card = place->card;
    card.seed++;
    bool is_saved = false, has_kept_old = false;
    for (uint64_t writes = 0; !is_saved && writes < 200; writes++) {
        struct model *model = NULL;
        host_fault_after(writes, ENOSPC);
        enum lx_err code = registry_save(place->folder, &card, place->trees.bytes,
                                         place->trees.length, NULL, other, &err);
        if (code == LX_OK) code = registry_set_current(place->folder, other, &err);
        host_fault_after(0, 0);
        is_saved = code == LX_OK;
        if (!is_saved) assert_int_equal(code, LX_ERR_DISK_FULL);
        MUST(model_open(place->folder, NULL, shipped(), &model, &err));
        bool is_old = strcmp(model_id(model), id) == 0;
        has_kept_old |= is_old;
        if (is_saved) assert_string_equal(model_id(model), other);
        model_close(model);
    }
    assert_true(is_saved && has_kept_old);
    assert_string_not_equal(id, other);
}

/* 6 points double the odds, whatever the average; nothing leaves 0-100. */
static void test_score_counts_doublings_of_the_average_odds(void **state)
{
    struct place *place = *state;
    static const struct {
        double times;
        int score;
    } rows[] = {{1, 50},  {2, 56},    {4, 62},        {0.5, 44},           {1.0 / 64, 14},
                {64, 86}, {1.06, 51}, {1 << 20, 100}, {1.0 / (1 << 20), 0}};
    static const double averages[] = {0.0006, 0.02, 0.5};
    for (size_t i = 0; i < LX_COUNT_OF(averages); i++) {
        struct lx_error err;
        struct model *model = NULL;
        struct model_card card = place->card;
        card.true_rate = averages[i];
        MUST(model_of(&card, place->trees.bytes, place->trees.length, &model, &err));
        double base = log(averages[i] / (1 - averages[i]));
        for (size_t row = 0; row < LX_COUNT_OF(rows); row++)
            assert_int_equal(model_score(model, base + log(rows[row].times)), rows[row].score);
        for (int step = 1; step < 1000; step++)
            assert_true(model_score(model, -15 + 0.03 * step) >=
                        model_score(model, -15 + 0.03 * (step - 1)));
        model_close(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_card_survives_its_json),
        cmocka_unit_test(test_a_card_that_lacks_a_field_is_named),
        cmocka_unit_test_setup_teardown(test_what_was_saved_is_live_and_scores_the_same, make_place,
                                        end_place),
        cmocka_unit_test_setup_teardown(test_without_a_model_the_command_that_makes_one_is_named,
                                        make_place, end_place),
        cmocka_unit_test_setup_teardown(test_another_feature_set_asks_for_training, make_place,
                                        end_place),
        cmocka_unit_test_setup_teardown(test_a_flipped_bit_is_seen, make_place, end_place),
        cmocka_unit_test_setup_teardown(test_a_current_that_names_nothing_is_damage, make_place,
                                        end_place),
        cmocka_unit_test_setup_teardown(test_a_full_disk_leaves_a_whole_model_live, make_place,
                                        end_place),
        cmocka_unit_test_setup_teardown(test_score_counts_doublings_of_the_average_odds, make_place,
                                        end_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
