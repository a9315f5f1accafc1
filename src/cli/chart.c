#include "cli/chart.h"

#include <math.h>

enum {
    WIDTH = 760,
    LEFT = 170, /* names */
    RIGHT = 90, /* numbers */
    TOP = 64,
    LINE = 26,
    BOTTOM = 54,
    TICKS = 5,
};

static void put_text(struct lx_buffer *svg, const char *text)
{
    for (; *text != 0; text++) {
        if (*text == '<')
            lx_buffer_append_text(svg, "&lt;");
        else if (*text == '>')
            lx_buffer_append_text(svg, "&gt;");
        else if (*text == '&')
            lx_buffer_append_text(svg, "&amp;");
        else
            lx_buffer_append_byte(svg, *text);
    }
}

static void put_label(struct lx_buffer *svg, double x, double y, const char *style,
                      const char *text)
{
    lx_buffer_printf(svg, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">", x, y, style);
    put_text(svg, text);
    lx_buffer_append_text(svg, "</text>\n");
}

/* The values' range, with the reference and every interval in it, and a round step. */
struct scale {
    double low, high, step;
};

static void widen(struct scale *scale, double value)
{
    if (isnan(value)) return;
    scale->low = fmin(scale->low, value);
    scale->high = fmax(scale->high, value);
}

static struct scale scale_of(const struct chart *chart)
{
    struct scale scale = {INFINITY, -INFINITY, 0};
    widen(&scale, chart->reference);
    for (size_t i = 0; i < chart->line_count; i++) {
        widen(&scale, chart->lines[i].value);
        widen(&scale, chart->lines[i].low);
        widen(&scale, chart->lines[i].high);
    }
    if (!(scale.high >= scale.low)) scale = (struct scale){0, 1, 0};
    if (scale.high - scale.low < 1e-9) scale.high = scale.low + 1e-9;
    double raw = (scale.high - scale.low) / TICKS, power = pow(10, floor(log10(raw)));
    double digit = raw / power;
    scale.step = power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
    scale.low = scale.step * floor(scale.low / scale.step);
    scale.high = scale.step * ceil(scale.high / scale.step);
    return scale;
}

static double place(const struct scale *scale, double value)
{
    double share = (value - scale->low) / (scale->high - scale->low);
    return LEFT + share * (WIDTH - LEFT - RIGHT);
}

static void put_axis(struct lx_buffer *svg, const struct scale *scale, double bottom)
{
    int count = (int)llround((scale->high - scale->low) / scale->step);
    for (int i = 0; i <= count; i++) {
        double value = scale->low + i * scale->step, x = place(scale, value);
        lx_buffer_printf(svg, "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%.1f\" class=\"g\"/>\n",
                         x, TOP - 8, x, bottom);
        lx_buffer_printf(svg, "<text x=\"%.1f\" y=\"%.1f\" class=\"t\">%.6g</text>\n", x,
                         bottom + 16, fabs(value) < scale->step / 2 ? 0.0 : value);
    }
}

static void put_line(struct lx_buffer *svg, const struct scale *scale,
                     const struct chart_line *line, double y)
{
    put_label(svg, LEFT - 12, y + 4, "n", line->name);
    if (isnan(line->value)) return;
    double x = place(scale, line->value);
    if (!isnan(line->low) && !isnan(line->high))
        lx_buffer_printf(svg,
                         "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"i\"/>\n",
                         place(scale, line->low), y, place(scale, line->high), y);
    lx_buffer_printf(svg, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\"/>\n", x, y);
    lx_buffer_printf(svg, "<text x=\"%d\" y=\"%.1f\" class=\"v\">%.4f</text>\n", WIDTH - RIGHT + 12,
                     y + 4, line->value);
}

enum lx_err chart_write(const struct chart *chart, struct lx_buffer *svg, struct lx_error *err)
{
    if (chart->line_count > CHART_LINES_MAX)
        return lx_fail(err, LX_ERR_LIMIT, "chart: %zu lines, at most %d", chart->line_count,
                       CHART_LINES_MAX);
    const struct scale scale = scale_of(chart);
    double bottom = TOP + LINE * (double)chart->line_count;
    lx_buffer_printf(svg,
                     "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %.0f\" "
                     "font-family=\"sans-serif\" font-size=\"13\">\n"
                     "<style>.g{stroke:#ddd}.i{stroke:#4477aa;stroke-width:3;stroke-opacity:.45}"
                     "circle{fill:#225588}.t{text-anchor:middle;fill:#555;font-size:11px}"
                     ".n{text-anchor:end}.v{fill:#333}.r{stroke:#b03030;stroke-dasharray:5 4}"
                     ".h{font-size:16px;font-weight:bold}.s{fill:#555}</style>\n"
                     "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
                     WIDTH, bottom + BOTTOM);
    put_label(svg, 20, 24, "h", chart->zh);
    put_label(svg, 20, 43, "s", chart->en);
    put_axis(svg, &scale, bottom);
    if (!isnan(chart->reference))
        lx_buffer_printf(svg, "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%.1f\" class=\"r\"/>\n",
                         place(&scale, chart->reference), TOP - 8, place(&scale, chart->reference),
                         bottom);
    for (size_t i = 0; i < chart->line_count; i++)
        put_line(svg, &scale, &chart->lines[i], TOP + LINE * ((double)i + 0.5));
    put_label(svg, 20, bottom + 40, "s", chart->note);
    lx_buffer_append_text(svg, "</svg>\n");
    enum lx_err code = lx_buffer_error(svg);
    return code == LX_OK ? LX_OK : lx_fail(err, code, "chart: %s", lx_err_text(code));
}
