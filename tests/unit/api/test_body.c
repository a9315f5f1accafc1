/*
 * Goal:   a request's body is read strictly, and what is wrong is named.
 * Method: a table of bodies with what is said of them.
 */
#include "tests/cmocka_all.h"

#include <string.h>

#include "api/body.h"

struct wish {
    const char *placement;
    int64_t n;
    bool is_preview;
    size_t answers;
};

static enum lx_err read_wish(const char *text, struct wish *wish, struct lx_error *err)
{
    struct api_body body;
    enum lx_err code = api_body_read(text, strlen(text), &body, err);
    if (code == LX_OK) {
        const char *placement = api_body_text(&body, "placement", 5, "none");
        wish->n = api_body_int(&body, "n", 1, 9, 5);
        wish->is_preview = api_body_bool(&body, "preview", false);
        wish->answers = api_body_count(&body, "answers", 2);
        for (size_t i = 0; i < wish->answers; i++)
            (void)api_body_item(&body, "answers", i, "product", 3);
        code = api_body_end(&body);
        wish->placement = code == LX_OK && strcmp(placement, "app") == 0 ? "app" : "none";
    }
    api_body_release(&body);
    return code;
}

static void test_bodies_are_taken_or_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *text, *said; /* NULL: taken */
    } rows[] = {
        {"", NULL},
        {"{}", NULL},
        {" {\"n\": 3, \"placement\": \"app\", \"preview\": true} ", NULL},
        {"{\"answers\": [{\"product\": \"P01\"}]}", NULL},
        {"{", "line 1"},
        {"[]", "an object"},
        {"3", "body"},
        {"{} {}", "line 1"},
        {"{\"n\":1,\"n\":2}", "duplicate"},
        {"{\"n\":\"3\"}", "\"n\": a whole number from 1 to 9"},
        {"{\"n\":3.0}", "\"n\""},
        {"{\"n\":0}", "from 1 to 9"},
        {"{\"n\":99999999999999999999}", "body"},
        {"{\"n\":null}", "\"n\""},
        {"{\"placement\":\"abcdef\"}", "6 bytes, at most 5"},
        {"{\"placement\":\"a\\u0000\"}", "body"},
        {"{\"placement\":\"\xff\"}", "body"},
        {"{\"preview\":1}", "true or false"},
        {"{\"plcement\":\"a\"}", "did you mean \"placement\""},
        {"{\"zzzzzzzz\":1}", "no member \"zzzzzzzz\""},
        {"{\"answers\":{}}", "an array"},
        {"{\"answers\":[{},{},{}]}", "3 items, at most 2"},
        {"{\"answers\":[{}]}", "lacks a member"},
        {"{\"answers\":[3]}", "lacks a member"},
        {"{\"answers\":[{\"product\":3}]}", "a text"},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct lx_error err = {0};
        struct wish wish;
        enum lx_err code = read_wish(rows[i].text, &wish, &err);
        bool is_same = rows[i].said == NULL
                           ? code == LX_OK
                           : code == LX_ERR_BAD_INPUT && strstr(err.text, rows[i].said) != NULL;
        if (!is_same) fail_msg("%s: %s: %s", rows[i].text, lx_err_name(code), err.text);
    }
}

static void test_values_are_what_was_written(void **state)
{
    (void)state;
    struct lx_error err = {0};
    struct wish wish;
    assert_int_equal(read_wish("{\"n\":9,\"placement\":\"app\",\"preview\":true,\"answers\":"
                               "[{\"product\":\"a\"},{\"product\":\"b\"}]}",
                               &wish, &err),
                     LX_OK);
    assert_int_equal(wish.n, 9);
    assert_true(wish.is_preview);
    assert_string_equal(wish.placement, "app");
    assert_int_equal(wish.answers, 2);
    assert_int_equal(read_wish("", &wish, &err), LX_OK);
    assert_int_equal(wish.n, 5);
    assert_false(wish.is_preview);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies_are_taken_or_refused_by_name),
        cmocka_unit_test(test_values_are_what_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
