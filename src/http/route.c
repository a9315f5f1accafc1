#include "http/route.h"

#include <string.h>

#include "http/target.h"

static bool is_parameter(const char *segment)
{
    return segment[0] == '{';
}

static bool is_rest(const char *segment, size_t length)
{
    return length > 2 && segment[0] == '{' && segment[length - 2] == '*';
}

/* A segment and what follows it; both begin behind a "/". */
static size_t segment_length(const char *path)
{
    return strcspn(path, "/");
}

static const char *behind(const char *path, size_t length)
{
    return path[length] == '/' ? path + length + 1 : NULL;
}

/* Does the path have the pattern's form? ret_rank orders routes that both have: at the first
 * segment where they differ, a text comes before a parameter, that before the rest of a path. */
static bool has_form(const char *pattern, const char *path, uint64_t *ret_rank)
{
    uint64_t rank = 0;
    int shift = 62;
    pattern++, path++;
    for (; pattern != NULL && path != NULL && shift >= 0; shift -= 2) {
        size_t wanted = segment_length(pattern), length = segment_length(path);
        if (is_rest(pattern, wanted)) break;
        if (!is_parameter(pattern)) {
            if (wanted != length || memcmp(pattern, path, length) != 0) return false;
            rank |= UINT64_C(2) << shift;
        } else {
            if (length == 0) return false;
            rank |= UINT64_C(1) << shift;
        }
        pattern = behind(pattern, wanted);
        path = behind(path, length);
    }
    *ret_rank = rank;
    if (pattern != NULL && path != NULL) return shift >= 0;
    return pattern == NULL && path == NULL;
}

static void read_parameters(const struct http_route *route, const char *path,
                            struct lx_arena *arena, struct http_match *match)
{
    const char *pattern = route->pattern + 1;
    for (path++; pattern != NULL && path != NULL;) {
        size_t wanted = segment_length(pattern), length = segment_length(path);
        bool takes_rest = is_rest(pattern, wanted);
        if (takes_rest) length = strlen(path);
        if (is_parameter(pattern)) {
            const char *value = http_decode(arena, path, length, false);
            if (value == NULL) match->is_malformed = true;
            match->parameters[match->parameter_count++] = value;
        }
        if (takes_rest) return;
        pattern = behind(pattern, wanted);
        path = behind(path, length);
    }
}

void http_route_find(const struct http_route *routes, size_t count, enum http_method method,
                     const char *path, struct lx_arena *arena, struct http_match *ret_match)
{
    uint64_t best = 0;
    *ret_match = (struct http_match){.route = NULL};
    for (size_t i = 0; i < count; i++) {
        uint64_t rank = 0;
        if (!has_form(routes[i].pattern, path, &rank)) continue;
        ret_match->methods |= (int)routes[i].method;
        if (routes[i].method == HTTP_GET) ret_match->methods |= HTTP_HEAD;
        bool answers =
            routes[i].method == method || (method == HTTP_HEAD && routes[i].method == HTTP_GET);
        if (!answers || (ret_match->route != NULL && rank <= best)) continue;
        ret_match->route = &routes[i];
        best = rank;
    }
    if (ret_match->route != NULL) read_parameters(ret_match->route, path, arena, ret_match);
}

static size_t count_parameters(const char *pattern)
{
    size_t count = 0;
    for (; *pattern != '\0'; pattern++) count += *pattern == '{';
    return count;
}

/* The same but for the names of parameters. */
static bool is_same_form(const char *a, const char *b)
{
    for (a++, b++; a != NULL && b != NULL;) {
        size_t a_length = segment_length(a), b_length = segment_length(b);
        if (is_parameter(a) != is_parameter(b)) return false;
        if (is_rest(a, a_length) != is_rest(b, b_length)) return false;
        if (!is_parameter(a) && (a_length != b_length || memcmp(a, b, a_length) != 0)) return false;
        a = behind(a, a_length);
        b = behind(b, b_length);
    }
    return a == NULL && b == NULL;
}

void http_routes_check(const struct http_route *routes, size_t count)
{
    LX_ASSERT(count <= HTTP_ROUTES_MAX);
    for (size_t i = 0; i < count; i++) {
        LX_ASSERT(routes[i].pattern[0] == '/' && routes[i].handle != NULL);
        LX_ASSERT(count_parameters(routes[i].pattern) <= HTTP_PARAMETERS_MAX);
        for (size_t j = 0; j < i; j++)
            LX_ASSERT(routes[i].method != routes[j].method ||
                      !is_same_form(routes[i].pattern, routes[j].pattern));
    }
}
