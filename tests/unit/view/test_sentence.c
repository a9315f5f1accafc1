/*
 * Goal:   a sentence is plain text and known values, and anything else is told with its place.
 * Method: a table of sentences taken apart; a table of faults; random bytes, whose parts must be
 *         the whole text again.
 */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "view/sentence.h"

/* "plain|<said:noun>|plain" */
static void take_apart(const char *text, char *ret_parts, size_t size)
{
    struct view_sentence_part part;
    size_t length = 0;
    ret_parts[0] = '\0';
    while (view_sentence_next(&text, &part)) {
        const char *bar = length > 0 ? "|" : "";
        int noun = (int)part.length;
        int added = part.is_value ? snprintf(ret_parts + length, size - length, "%s<%d:%.*s>", bar,
                                             (int)part.said, noun, noun > 0 ? part.text : "")
                                  : snprintf(ret_parts + length, size - length, "%s%.*s", bar, noun,
                                             part.text);
        length += (size_t)added;
        assert_true(length < size);
    }
}

static void test_a_sentence_is_text_and_values(void **state)
{
    static const struct {
        const char *text, *parts;
    } cases[] = {
        {"", ""},
        {"余额稳定", "余额稳定"},
        {"近7天浏览该产品页{n}次", "近7天浏览该产品页|<0:>|次"},
        {"logged in {n:time} in 7 days", "logged in |<0:time>| in 7 days"},
        {"{yuan}{percent}{x}", "<1:>|<2:>|<3:>"},
        {"{years} {level} {minutes} {days} {held}", "<4:>| |<5:>| |<6:>| |<7:>| |<8:>"},
        {"{n:savings product}", "<0:savings product>"},
    };
    for (size_t i = 0; i < LX_COUNT_OF(cases); i++) {
        char parts[200];
        size_t offset;
        take_apart(cases[i].text, parts, sizeof parts);
        assert_string_equal(parts, cases[i].parts);
        assert_null(view_sentence_fault(cases[i].text, &offset));
    }
}

static void test_what_is_no_value_is_told_with_its_place(void **state)
{
    static const struct {
        const char *text;
        size_t offset;
    } cases[] = {
        {"{", 0},         {"ab {m} c", 3}, {"{n", 0},     {"a } b", 2}, {"{n} {days:x}", 4},
        {"{ n}", 0},      {"{}", 0},       {"{n{n}}", 0}, {"{N}", 0},   {"{percentage}", 0},
        {"{n} {n} }", 8},
    };
    for (size_t i = 0; i < LX_COUNT_OF(cases); i++) {
        size_t offset = 99;
        if (view_sentence_fault(cases[i].text, &offset) == NULL)
            fail_msg("\"%s\" is let through", cases[i].text);
        if (offset != cases[i].offset)
            fail_msg("\"%s\": at %zu, want %zu", cases[i].text, offset, cases[i].offset);
    }
}

static void test_the_parts_are_the_whole_text(void **state)
{
    static const char *const pieces[] = {"{",  "}",   "n",      ":", "days",
                                         "年", "{n}", "{yuan}", " ", "x"};
    for (uint64_t seed = 0; seed < 20000; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 1);
        char text[128] = "";
        size_t offset;
        for (uint64_t i = lx_rng_below(&rng, 10); i > 0; i--)
            strcat(text, pieces[lx_rng_below(&rng, LX_COUNT_OF(pieces))]);
        const char *at = text, *begin = text;
        struct view_sentence_part part;
        bool has_brace = false;
        for (; view_sentence_next(&at, &part); begin = at) {
            assert_true(at > begin);
            if (part.is_value) continue;
            assert_ptr_equal(part.text, begin);
            assert_int_equal(part.length, at - begin);
            has_brace |= memchr(part.text, '{', part.length) != NULL;
            has_brace |= memchr(part.text, '}', part.length) != NULL;
        }
        assert_ptr_equal(at, text + strlen(text));
        if (has_brace != (view_sentence_fault(text, &offset) != NULL))
            fail_msg("seed %lu: \"%s\"", (unsigned long)seed, text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_sentence_is_text_and_values),
        cmocka_unit_test(test_what_is_no_value_is_told_with_its_place),
        cmocka_unit_test(test_the_parts_are_the_whole_text),
    };
    return cmocka_run_group_tests_name("sentence", tests, NULL, NULL);
}
