/* `bench`: one benchmark against its peer. */
#include "bench/bench.h"

#include "cli/cli.h"

static void bench_lines(struct cli_call *call, const struct bench_result *result)
{
    cli_line(call, "%s", result->name);
    cli_line(call, "  %-28s %14.6g %s", result->ours_name, result->ours, result->unit);
    cli_line(call, "  %-28s %14.6g %s", result->peer_name, result->peer, result->unit);
    cli_line(call, "  %-28s %14.2f", "ratio", result->ratio);
    for (size_t i = 0; i < result->figure_count; i++)
        cli_line(call, "    %-26s %14.6g %s", result->figures[i].name, result->figures[i].value,
                 result->figures[i].unit);
}

static void bench_json(struct cli_call *call, const struct bench_result *result)
{
    struct json_writer *json = &call->json;
    json_name_text(json, "name", result->name);
    json_name_real(json, "ours", result->ours);
    json_name_real(json, "peer", result->peer);
    json_name_text(json, "ours_name", result->ours_name);
    json_name_text(json, "peer_name", result->peer_name);
    json_name_real(json, "ratio", result->ratio);
    json_name_text(json, "unit", result->unit);
    json_name(json, "figures");
    json_object_begin(json);
    for (size_t i = 0; i < result->figure_count; i++)
        json_name_real(json, result->figures[i].name, result->figures[i].value);
    json_object_end(json);
}

enum lx_err cli_bench(struct cli_call *call, struct lx_error *err)
{
    struct bench_result result = {0};
    int64_t rows;
    enum lx_err code = cli_int(call, "--rows", 1, INT64_MAX, 0, &rows, err);
    if (code == LX_OK)
        code = bench_run(call->arguments[0], (uint64_t)rows, &call->env, &result, err);
    if (code != LX_OK) return code;

    if (call->is_json)
        bench_json(call, &result);
    else
        bench_lines(call, &result);
    return LX_OK;
}
