#ifndef CLI_CHART_H
#define CLI_CHART_H

/*
 * chart: a table of methods as one picture, SVG 1.1 without scripts or fonts of its own: a line a
 * method, a dot for its value, a bar for its interval, the reference's value as a dashed line.
 *
 * Texts are escaped. Errors: LX_ERR_LIMIT (too many lines). Threads: pure.
 */

#include "base/buffer.h"

enum { CHART_LINES_MAX = 64 };

struct chart_line {
    const char *name;
    double value, low, high; /* low, high NaN: no interval */
};

struct chart {
    const char *zh, *en; /* titles */
    const char *note;    /* below; "" for none */
    const struct chart_line *lines;
    size_t line_count;
    double reference; /* NaN: none */
};

LX_MUST_USE enum lx_err chart_write(const struct chart *chart, struct lx_buffer *svg,
                                    struct lx_error *err);

#endif
