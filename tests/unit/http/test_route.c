/*
 * Goal:   the route of a request is the most exact one of the table, whatever its order, and a path
 *         that knows other methods says which.
 * Method: a table of paths with the route and the parameters expected.
 */
#include "tests/cmocka_all.h"

#include <string.h>

#include "http/route.h"

static void nothing(struct http_exchange *exchange, void *context)
{
    (void)exchange;
    (void)context;
}

static const struct http_route routes[] = {
    {HTTP_GET, "/", nothing, 0, 0},
    {HTTP_GET, "/a/{x}", nothing, 0, 0},
    {HTTP_GET, "/a/b", nothing, 0, 0},
    {HTTP_POST, "/a/{x}", nothing, 0, 0},
    {HTTP_GET, "/a/{x}/c", nothing, 0, 0},
    {HTTP_GET, "/a/{rest*}", nothing, 0, 0},
    {HTTP_GET, "/a/b/{rest*}", nothing, 0, 0},
    {HTTP_GET, "/{p}/{q}/{r}/{s}", nothing, 0, 0},
};

static void test_the_most_exact_route_answers(void **state)
{
    (void)state;
    static const struct {
        enum http_method method;
        const char *path;
        int route; /* -1: none */
        const char *first;
    } rows[] = {
        {HTTP_GET, "/", 0, NULL},         {HTTP_GET, "/a/b", 2, NULL},
        {HTTP_GET, "/a/bb", 1, "bb"},     {HTTP_GET, "/a/%62", 1, "b"},
        {HTTP_POST, "/a/b", 3, "b"},      {HTTP_HEAD, "/a/x", 1, "x"},
        {HTTP_GET, "/a/x/c", 4, "x"},     {HTTP_GET, "/a/x/d", 5, "x/d"},
        {HTTP_GET, "/a/b/d/e", 6, "d/e"}, {HTTP_GET, "/a/", 5, ""},
        {HTTP_GET, "/1/2/3/4", 7, "1"},   {HTTP_GET, "/a/2/3/4", 5, "2/3/4"},
        {HTTP_GET, "/1//3/4", -1, NULL},  {HTTP_GET, "/a", -1, NULL},
        {HTTP_GET, "//", -1, NULL},       {HTTP_DELETE, "/a/b", -1, NULL},
        {HTTP_GET, "/A/b", -1, NULL},     {HTTP_GET, "/a/b/", 6, ""},
    };
    struct lx_arena arena;
    lx_arena_init(&arena, 1 << 16);
    http_routes_check(routes, LX_COUNT_OF(routes));
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct http_match match;
        http_route_find(routes, LX_COUNT_OF(routes), rows[i].method, rows[i].path, &arena, &match);
        int route = match.route != NULL ? (int)(match.route - routes) : -1;
        if (route != rows[i].route)
            fail_msg("%s: route %d, expected %d", rows[i].path, route, rows[i].route);
        if (rows[i].first != NULL) assert_string_equal(match.parameters[0], rows[i].first);
    }
    lx_arena_release(&arena);
}

static void test_other_methods_of_a_path_are_known(void **state)
{
    (void)state;
    struct lx_arena arena;
    struct http_match match;
    lx_arena_init(&arena, 1 << 16);
    http_route_find(routes, LX_COUNT_OF(routes), HTTP_PUT, "/a/x", &arena, &match);
    assert_null(match.route);
    assert_int_equal(match.methods, HTTP_GET | HTTP_HEAD | HTTP_POST);
    http_route_find(routes, LX_COUNT_OF(routes), HTTP_PUT, "/x", &arena, &match);
    assert_int_equal(match.methods, 0);
    http_route_find(routes, LX_COUNT_OF(routes), HTTP_GET, "/a/%ff", &arena, &match);
    assert_true(match.is_malformed);
    http_route_find(routes, LX_COUNT_OF(routes), HTTP_GET, "/a/%00", &arena, &match);
    assert_true(match.is_malformed);
    lx_arena_release(&arena);
}

static void test_a_very_long_path_is_no_harm(void **state)
{
    (void)state;
    static char path[8000];
    struct lx_arena arena;
    struct http_match match;
    lx_arena_init(&arena, 1 << 16);
    memset(path, '/', sizeof path - 1);
    http_route_find(routes, LX_COUNT_OF(routes), HTTP_GET, path, &arena, &match);
    assert_null(match.route);
    memcpy(path, "/a", 2);
    http_route_find(routes, LX_COUNT_OF(routes), HTTP_GET, path, &arena, &match);
    assert_ptr_equal(match.route, &routes[5]);
    lx_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_most_exact_route_answers),
        cmocka_unit_test(test_other_methods_of_a_path_are_known),
        cmocka_unit_test(test_a_very_long_path_is_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
