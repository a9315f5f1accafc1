/*
 * Goal:   the distance is Levenshtein's, and what is suggested is the nearest name that is near.
 * Method: tables of words; the distance beside its definition by recursion over seeded words.
 */
#include "cmocka_all.h"

#include <limits.h>
#include <string.h>

#include "base/base.h"
#include "base/rng.h"
#include "base/suggest.h"

static void test_distances_are_the_known_ones(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        int distance;
    } rows[] = {
        {"", "", 0},           {"", "abc", 3},           {"abc", "", 3},
        {"train", "train", 0}, {"trian", "train", 2},    {"kitten", "sitting", 3},
        {"flaw", "lawn", 2},   {"import", "imports", 1},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        int distance = lx_suggest_distance(rows[i].a, rows[i].b);
        if (distance != rows[i].distance)
            fail_msg("%s, %s: %d, want %d", rows[i].a, rows[i].b, distance, rows[i].distance);
    }
}

static void test_a_word_over_63_bytes_is_as_far_as_can_be(void **state)
{
    (void)state;
    char longest[65];
    memset(longest, 'x', 64);
    longest[63] = '\0';
    assert_int_equal(lx_suggest_distance(longest, longest), 0);
    longest[63] = 'x';
    longest[64] = '\0';
    assert_int_equal(lx_suggest_distance(longest, "x"), INT_MAX);
    assert_int_equal(lx_suggest_distance("x", longest), INT_MAX);
}

static int by_definition(const char *a, const char *b)
{
    if (*a == '\0' || *b == '\0') return (int)(strlen(a) + strlen(b));
    int best = by_definition(a + 1, b + 1) + (*a != *b);
    int without_a = by_definition(a + 1, b) + 1, without_b = by_definition(a, b + 1) + 1;
    if (without_a < best) best = without_a;
    return without_b < best ? without_b : best;
}

static void random_word(struct lx_rng *rng, char word[8])
{
    size_t length = lx_rng_below(rng, 7);
    for (size_t i = 0; i < length; i++) word[i] = (char)('a' + lx_rng_below(rng, 3));
    word[length] = '\0';
}

static void property_the_distance_is_its_definition(void **state)
{
    (void)state;
    struct lx_rng rng = lx_rng_of(42, 0);
    for (int run = 0; run < 2000; run++) {
        char a[8], b[8];
        random_word(&rng, a);
        random_word(&rng, b);
        int got = lx_suggest_distance(a, b), want = by_definition(a, b);
        if (got != want) fail_msg("run %d: %s, %s: %d, want %d", run, a, b, got, want);
    }
}

static void test_the_nearest_name_that_is_near_is_suggested(void **state)
{
    (void)state;
    static const char *const names[] = {"import", NULL, "train", "trial", "timeline", "serve"};
    static const struct {
        const char *word, *name;
    } rows[] = {
        {"improt", "import"}, {"trai", "train"}, /* train and trial are equally near */
        {"tria", "trial"},    {"timelin", "timeline"}, {"seve", "serve"},
        {"train", "train"},   {"xyz", NULL},           {"", NULL},
        {"deploy", NULL},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        const char *name = lx_suggest(rows[i].word, names, LX_COUNT_OF(names));
        const char *got = name == NULL ? "nothing" : name;
        const char *want = rows[i].name == NULL ? "nothing" : rows[i].name;
        if (strcmp(got, want) != 0) fail_msg("%s: %s, want %s", rows[i].word, got, want);
    }
    assert_null(lx_suggest("train", NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distances_are_the_known_ones),
        cmocka_unit_test(test_a_word_over_63_bytes_is_as_far_as_can_be),
        cmocka_unit_test(property_the_distance_is_its_definition),
        cmocka_unit_test(test_the_nearest_name_that_is_near_is_suggested),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
