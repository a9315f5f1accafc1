#include "bench/bench.h"

#include <string.h>

#include "base/buffer.h"
#include "bench/audit.h"
#include "bench/balance.h"
#include "bench/expr.h"
#include "bench/features.h"
#include "bench/import.h"
#include "bench/rounds.h"
#include "bench/rules.h"
#include "bench/score.h"
#include "bench/snapshot.h"
#include "bench/synth.h"

static const struct bench benches[] = {
    {"score", 400000, bench_score},      {"attribution", 20000, bench_attribution},
    {"synth", 2000000, bench_synth},     {"import", 2000000, bench_import},
    {"expr", 1100000, bench_expr},       {"rules", 20000, bench_rules},
    {"features", 20000, bench_features}, {"snapshot", 1100000, bench_snapshot},
    {"smote", 1100000, bench_smote},     {"adasyn", 200000, bench_adasyn},
    {"audit", 2000000, bench_audit},     {"rounds", 100000, bench_rounds},
};

size_t bench_count(void)
{
    return LX_COUNT_OF(benches);
}

const struct bench *bench_at(size_t index)
{
    LX_ASSERT(index < LX_COUNT_OF(benches));

    return &benches[index];
}

const struct bench *bench_find(const char *name)
{
    for (size_t i = 0; i < LX_COUNT_OF(benches); i++)
        if (strcmp(benches[i].name, name) == 0) return &benches[i];
    return NULL;
}

enum lx_err bench_run(const char *name, uint64_t row_count, const struct lx_env *env,
                      struct bench_result *ret_result, struct lx_error *err)
{
    LX_ASSERT(name != NULL && env != NULL && ret_result != NULL);

    const struct bench *bench = bench_find(name);
    if (bench != NULL)
        return bench->run(row_count == 0 ? bench->usual_rows : row_count, env, ret_result, err);

    struct lx_buffer names;
    lx_buffer_init(&names, LX_ERROR_TEXT_MAX);
    for (size_t i = 0; i < LX_COUNT_OF(benches); i++)
        lx_buffer_printf(&names, " %s", benches[i].name);
    lx_fail(err, LX_ERR_NOT_FOUND, "bench %.40s: there is none; there are:%s", name,
            lx_buffer_text(&names));
    lx_buffer_release(&names);
    return LX_ERR_NOT_FOUND;
}

void bench_add(struct bench_result *result, const char *name, double value, const char *unit)
{
    LX_ASSERT(result->figure_count < BENCH_FIGURES_MAX);

    result->figures[result->figure_count++] = (struct bench_figure){name, value, unit};
}
