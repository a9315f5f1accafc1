/*
 * Goal:   a chart puts values where its axis says, keeps intervals inside, escapes its texts and
 *         is whole where there is nothing to draw.
 * Method: circles and ticks read back from the SVG; places against the line through two ticks.
 */
#include "tests/scratch.h"

#include <math.h>

#include "cli/chart.h"

static double number_after(const char *text, const char *what)
{
    const char *at = strstr(text, what);
    if (at == NULL) fail_msg("no %s in the picture", what);
    return strtod(at + strlen(what), NULL);
}

static void test_values_stand_where_the_axis_says(void **state)
{
    struct lx_error err;
    struct lx_buffer svg;
    const struct chart_line lines[] = {
        {"none", 0.05, 0.04, 0.06}, {"a < b & c", 0.031, 0.02, 0.045}, {"off", NAN, NAN, NAN}};
    const struct chart chart = {.zh = "标题",
                                .en = "title",
                                .note = "n",
                                .lines = lines,
                                .line_count = 3,
                                .reference = 0.05};
    lx_buffer_init(&svg, LX_CONFIG_MAX);
    MUST(chart_write(&chart, &svg, &err));
    const char *text = lx_buffer_text(&svg);
    assert_non_null(strstr(text, "a &lt; b &amp; c"));
    assert_non_null(strstr(text, "标题"));
    assert_null(strstr(text, "nan"));
    const char *first = strstr(text, "<circle"), *second = strstr(first + 1, "<circle");
    assert_null(strstr(second + 1, "<circle"));
    const char *tick = strstr(text, "class=\"g\"");
    double x0 = number_after(text, "<line x1=\""), low = number_after(tick, "class=\"t\">");
    const char *next = strstr(strstr(tick, "class=\"t\""), "<line x1=\"");
    double x1 = number_after(next, "<line x1=\""), high = number_after(next, "class=\"t\">");
    double scale = (x1 - x0) / (high - low);
    double at[] = {number_after(first, "cx=\""), number_after(second, "cx=\"")};
    for (int i = 0; i < 2; i++)
        if (fabs(at[i] - (x0 + (lines[i].value - low) * scale)) > 0.2)
            fail_msg("line %d at %g", i, at[i]);
    assert_true(low <= 0.02);
    assert_true(fabs(number_after(strstr(text, "class=\"i\"") - 60, "x1=\"") -
                     (x0 + (0.04 - low) * scale)) < 0.2);
    lx_buffer_release(&svg);
}

static void test_an_empty_chart_is_whole(void **state)
{
    struct lx_error err;
    struct lx_buffer svg;
    const struct chart chart = {.zh = "", .en = "", .note = "", .reference = NAN};
    lx_buffer_init(&svg, LX_CONFIG_MAX);
    MUST(chart_write(&chart, &svg, &err));
    assert_non_null(strstr(lx_buffer_text(&svg), "</svg>"));
    lx_buffer_clear(&svg);
    const struct chart large = {.line_count = CHART_LINES_MAX + 1};
    MUST_FAIL(chart_write(&large, &svg, &err), LX_ERR_LIMIT);
    lx_buffer_release(&svg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_stand_where_the_axis_says),
        cmocka_unit_test(test_an_empty_chart_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
