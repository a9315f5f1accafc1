/*
 * Goal:   nobody tunes a policy on a target that moves: profile, truth and answers of the synthetic
 *         bank are those that docs/internals/simulator.md names by hash, and the three strengths of
 *         hidden tastes are three banks with the same rates.
 * Method: the hashes are made again from the files and from small banks that are written here, and
 *         looked up in the page's table. Whoever means to change the simulator adds a version to
 *         the page: the message says which line.
 */
#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/digest.h"
#include "host/file.h"
#include "ingest/synth.h"
#include "model/simulate_answer.h"
#include "scratch.h"

static struct lx_buffer page;

static void read_file(const char *name, struct lx_buffer *buffer)
{
    const char *root = getenv("LINGXI_ROOT");
    char path[LX_PATH_MAX];
    struct lx_error err = {0};
    if (name[0] == '/')
        snprintf(path, sizeof path, "%s", name);
    else
        snprintf(path, sizeof path, "%s/%s", root == NULL ? "." : root, name);
    lx_buffer_init(buffer, (size_t)64 << 20);
    if (host_read_file(path, buffer, &err) != LX_OK) fail_msg("%s", err.text);
}

static int open_page(void **state)
{
    (void)state;
    read_file("docs/internals/simulator.md", &page);
    return 0;
}

static int close_page(void **state)
{
    (void)state;
    lx_buffer_release(&page);
    return 0;
}

/* `| VERSION | what | hash |` must stand in the page. */
static void must_stand(const char *what, const char *hash)
{
    char line[256];
    snprintf(line, sizeof line, "| %d | %s | `%s` |", SIMULATE_ANSWER_VERSION, what, hash);
    if (strstr(lx_buffer_text(&page), line) == NULL)
        fail_msg(
            "docs/internals/simulator.md does not have\n  %s\nThe simulator is frozen: undo the "
            "change, or add a version to the page and to simulate_answer.h",
            line);
}

static void test_parameters_and_answers_are_the_frozen_ones(void **state)
{
    (void)state;
    static const struct {
        const char *what, *files[2];
    } rows[] = {
        {"profile", {"data/synth/profile.ini", NULL}},
        {"answers", {"src/model/simulate_answer.h", "src/model/simulate_answer.c"}},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct digest digest;
        uint8_t hash[DIGEST_SIZE];
        char text[DIGEST_TEXT_SIZE];
        assert_int_equal(digest_init(&digest), LX_OK);
        for (size_t j = 0; j < 2 && rows[i].files[j] != NULL; j++) {
            struct lx_buffer file;
            read_file(rows[i].files[j], &file);
            digest_add(&digest, file.bytes, file.length);
            lx_buffer_release(&file);
        }
        digest_finish(&digest, hash);
        digest_text(hash, text);
        must_stand(rows[i].what, text);
    }
}

/* What is true of 400 customers after six months, hidden tastes so many times as strong. */
static void hash_truth(double taste, char ret_text[DIGEST_TEXT_SIZE], struct synth_result *ret_bank)
{
    static const char *const files[] = {"acceptance.csv", "hidden.csv", "needs.csv", "offers.csv",
                                        "parameters.ini"};
    struct lx_error err = {0};
    struct lx_buffer text, profile;
    struct bank_catalogue catalogue = {0};
    struct lx_env env = {.thread_count = 2};
    char folder[LX_PATH_MAX], bank[LX_PATH_MAX];
    struct digest digest;
    uint8_t hash[DIGEST_SIZE];
    scratch_make(folder);
    assert_int_equal(host_join(bank, folder, "bank", &err), LX_OK);
    read_file("data/catalogue.ini", &text);
    read_file("data/synth/profile.ini", &profile);
    assert_int_equal(
        bank_catalogue_parse("catalogue.ini", text.bytes, text.length, &catalogue, &err), LX_OK);
    const struct synth_options options = {.folder = bank,
                                          .catalogue = &catalogue,
                                          .profile_file = "profile.ini",
                                          .profile = profile.bytes,
                                          .profile_length = profile.length,
                                          .customers = 400,
                                          .months = 6,
                                          .seed = 20,
                                          .taste = taste};
    if (synth_write(&options, &env, ret_bank, &err) != LX_OK) fail_msg("%s", err.text);
    assert_int_equal(digest_init(&digest), LX_OK);
    for (size_t i = 0; i < LX_COUNT_OF(files); i++) {
        char path[LX_PATH_MAX];
        struct lx_buffer file;
        snprintf(path, sizeof path, "%.900s/truth/%s", bank, files[i]);
        read_file(path, &file);
        digest_add(&digest, file.bytes, file.length);
        lx_buffer_release(&file);
    }
    digest_finish(&digest, hash);
    digest_text(hash, ret_text);
    bank_catalogue_release(&catalogue);
    lx_buffer_release(&text);
    lx_buffer_release(&profile);
    assert_int_equal(host_remove_tree(folder, &err), LX_OK);
}

static void test_truths_at_three_strengths_are_the_frozen_ones(void **state)
{
    (void)state;
    static const double strengths[] = {0.5, 1, 2};
    char hash[DIGEST_TEXT_SIZE], plain[DIGEST_TEXT_SIZE], what[40];
    struct synth_result bank;
    for (size_t i = 0; i < LX_COUNT_OF(strengths); i++) {
        hash_truth(strengths[i], hash, &bank);
        snprintf(what, sizeof what, "truth, taste %g", strengths[i]);
        must_stand(what, hash);
    }
    hash_truth(1, hash, &bank);
    hash_truth(0, plain, &bank); /* nothing said: as the profile has it */
    assert_string_equal(hash, plain);
}

static void test_answers_come_as_often_as_the_truth_says(void **state)
{
    (void)state;
    enum { DRAWS = 200000 };
    static const struct {
        int64_t ppm;
        double channel, chance;
    } rows[] = {
        {0, 0.6, 0},
        {20000, 0, 0.02},
        {20000, 0.6, 0.03585287},
        {500000, 0, 0.5},
        {999999, 0, 0.8175745},
        {1, -3, 8.3152803e-07},
        {500000, 9, 0.8175745},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        const struct simulate_bounds bounds = {rows[i].channel, -14, 1.5};
        struct lx_rng rng = lx_rng_of(4, i);
        double chance = simulate_answer_chance(&bounds, rows[i].ppm);
        size_t counts[BANK_ANSWER_RETRACTED + 1] = {0};
        if (!(chance > rows[i].chance * (1 - 1e-5) - 1e-12 &&
              chance < rows[i].chance * (1 + 1e-5) + 1e-12))
            fail_msg("row %zu: expected %.9g, got %.9g", i, rows[i].chance, chance);
        for (int draw = 0; draw < DRAWS; draw++)
            counts[simulate_answer_draw(&rng, chance, false)]++;
        double yes = (double)counts[BANK_ANSWER_INTERESTED] / DRAWS;
        double no = (double)counts[BANK_ANSWER_NOT_INTERESTED] / DRAWS;
        double owns = (double)counts[BANK_ANSWER_OWNS] / DRAWS;
        double expected_no = chance > 0 ? 0.8 * (1 - chance) : 0;
        if (!(yes > chance - 0.005 && yes < chance + 0.005 && no > expected_no - 0.005 &&
              no < expected_no + 0.005) ||
            owns != (chance > 0 ? 0 : 1))
            fail_msg("row %zu: yes %g, no %g, owns %g", i, yes, no, owns);
        assert_int_equal(simulate_answer_draw(&rng, chance, true), BANK_ANSWER_IGNORED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parameters_and_answers_are_the_frozen_ones),
        cmocka_unit_test(test_truths_at_three_strengths_are_the_frozen_ones),
        cmocka_unit_test(test_answers_come_as_often_as_the_truth_says),
    };
    return cmocka_run_group_tests(tests, open_page, close_page);
}
