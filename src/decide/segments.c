#include "decide/segments.h"

#include <string.h>

struct segments {
    const struct actions *actions;
    const struct rule_schema *schema;
    struct expr *exprs[ACTIONS_SEGMENTS_MAX];
    struct rule_reading reading;
};

/* What a condition reads; the first that is not of the customer ends it. */
struct survey {
    const struct rule_schema *schema;
    enum lx_err code;
    struct lx_error err;
};

static void see_read(void *context, const struct expr_read *read)
{
    struct survey *survey = context;
    struct rule_needs needs;
    if (survey->code != LX_OK) return;
    survey->code = rule_schema_needs(survey->schema, read, &needs, &survey->err);
    if (survey->code == LX_OK && (needs.reach & RULE_OF_PRODUCT) != 0)
        survey->code = lx_fail(&survey->err, LX_ERR_BAD_INPUT,
                               "a segment is of customers: it cannot speak of a product");
}

static enum lx_err compile(struct segments *segments, const char *file, size_t index,
                           struct lx_error *err)
{
    const struct actions_segment *segment = &segments->actions->segments[index];
    struct survey survey = {.schema = segments->schema};
    struct expr_fault fault = {0};
    survey.code =
        expr_compile_as(rule_schema_expr(segments->schema), EXPR_BOOLEAN, segment->when,
                        strlen(segment->when), &segments->exprs[index], &fault, &survey.err);
    size_t parts = survey.code == LX_OK ? expr_part_count(segments->exprs[index]) : 0;
    for (size_t i = 0; i < parts; i++)
        expr_part_reads(expr_part_at(segments->exprs[index], i), see_read, &survey);
    if (survey.code == LX_OK) return LX_OK;
    return lx_fail(err, survey.code, "%s:%d: [segment.%s] when: %s", file, segment->line,
                   segment->name, fault.message[0] != '\0' ? fault.message : survey.err.text);
}

enum lx_err segments_open(const char *file, const struct actions *actions,
                          const struct rule_schema *schema, struct segments **ret_segments,
                          struct lx_error *err)
{
    struct segments *segments = lx_calloc(1, sizeof *segments);
    if (segments == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "segments: out of memory");
    segments->actions = actions;
    segments->schema = schema;
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < actions->segment_count && code == LX_OK; i++)
        code = compile(segments, file, i, err);
    if (code == LX_OK)
        *ret_segments = segments;
    else
        segments_close(segments);
    return code;
}

void segments_close(struct segments *segments)
{
    if (segments == NULL) return;
    for (size_t i = 0; i < ACTIONS_SEGMENTS_MAX; i++) expr_free(segments->exprs[i]);
    lx_free(segments);
}

enum lx_err segments_find(struct segments *segments, const struct rule_question *question,
                          const char **ret_name, struct lx_error *err)
{
    const struct actions *actions = segments->actions;
    rule_reading_begin(segments->schema, question, NULL, &segments->reading);
    const struct expr_row row = rule_reading_row(&segments->reading);
    for (size_t i = 0; i < actions->segment_count; i++) {
        bool holds = false;
        enum lx_err code = expr_holds(segments->exprs[i], &row, &holds, err);
        if (code != LX_OK)
            return lx_error_prefix(err, "actions.ini: [segment.%s]", actions->segments[i].name);
        if (!holds) continue;
        *ret_name = actions->segments[i].name;
        return LX_OK;
    }
    *ret_name = "";
    return LX_OK;
}
