#include "view/peers.h"

#include <string.h>

#include "view/features.h"
#include "view/peers_table.h"
#include "view/scan.h"

/* A table for each worker and moment; those of worker 0 are what is left at the end. */
struct build {
    const int64_t *as_of_ms;
    size_t moment_count;
    int worker_count;
    struct view_peers **tables; /* [worker][moment] */
    const struct view_features *features;
};

struct build_range {
    const struct build *build;
    struct view_peers **tables;
    struct view_context context;
};

static enum lx_err add_customer(void *context, const struct bank_history *history,
                                struct lx_error *err)
{
    struct build_range *range = context;
    for (size_t i = 0; i < range->build->moment_count; i++) {
        struct view_peer peer;
        struct view_facts facts;
        float cohort[3];
        int64_t as_of_ms = range->build->as_of_ms[i];
        view_facts(history, &range->context, as_of_ms, &facts);
        view_compute_cohort(range->context.scratch, history, &range->context, &facts, as_of_ms,
                            cohort);
        view_peer_of(history, &range->context, as_of_ms, cohort, &peer);
        view_peers_add(range->tables[i], &peer);
    }
    return LX_OK;
}

static enum lx_err add_range(void *context, int worker, struct bank *bank, size_t number,
                             int64_t first, int64_t last, struct lx_error *err)
{
    const struct build *build = context;
    struct build_range range = {
        .build = build,
        .tables = build->tables + (size_t)worker * build->moment_count,
        .context = {bank_catalogue(bank), NULL, bank_utc_offset_minutes(bank)},
    };
    enum lx_err code =
        view_scratch_open(build->features, bank_catalogue(bank), &range.context.scratch, err);
    if (code == LX_OK) code = bank_scan(bank, first, last, add_customer, &range, err);
    view_scratch_close(range.context.scratch);
    return code;
}

static void close_tables(struct build *build)
{
    size_t count = (size_t)build->worker_count * build->moment_count;
    for (size_t i = 0; i < count; i++) view_peers_close(build->tables[i]);
    lx_free(build->tables);
}

enum lx_err view_peers_groups(struct bank *bank, size_t *ret_branch_count,
                              size_t *ret_occupation_count, struct lx_error *err)
{
    int branches = 0, occupations = 0;
    enum lx_err code = bank_list_count(bank, BANK_LIST_BRANCH, &branches, err);
    if (code == LX_OK) code = bank_list_count(bank, BANK_LIST_OCCUPATION, &occupations, err);
    if (code != LX_OK) return code;
    *ret_branch_count = (size_t)(branches < PEERS_BRANCHES_MAX ? branches : PEERS_BRANCHES_MAX);
    *ret_occupation_count =
        (size_t)(occupations < PEERS_OCCUPATIONS_MAX ? occupations : PEERS_OCCUPATIONS_MAX);
    return LX_OK;
}

static enum lx_err open_tables(struct build *build, struct bank *bank, struct lx_error *err)
{
    size_t branches = 0, occupations = 0;
    enum lx_err code = view_peers_groups(bank, &branches, &occupations, err);
    if (code != LX_OK) return code;
    size_t count = (size_t)build->worker_count * build->moment_count;
    build->tables = lx_calloc(count, sizeof(struct view_peers *));
    if (build->tables == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "peers: out of memory");
    for (size_t i = 0; i < count && code == LX_OK; i++)
        code = view_peers_new(build->as_of_ms[i % build->moment_count], bank_catalogue(bank)->count,
                              branches, occupations, &build->tables[i], err);
    if (code != LX_OK) {
        close_tables(build);
        build->tables = NULL;
    }
    return code;
}

/* Merges the workers' counts into those of the first, which move to the caller. */
static void take_tables(struct build *build, struct view_peers **ret_peers)
{
    for (size_t i = 0; i < build->moment_count; i++) {
        for (int worker = 1; worker < build->worker_count; worker++)
            view_peers_merge(build->tables[i],
                             build->tables[(size_t)worker * build->moment_count + i]);
        view_peers_finish(build->tables[i]);
        ret_peers[i] = build->tables[i];
        build->tables[i] = NULL;
    }
}

enum lx_err view_peers_build_with(const char *folder, const struct view_features *features,
                                  const int64_t *as_of_ms, size_t count, const struct lx_env *env,
                                  struct view_peers **ret_peers, struct lx_error *err)
{
    LX_ASSERT(folder != NULL && features != NULL && as_of_ms != NULL && count > 0);
    LX_ASSERT(env != NULL && ret_peers != NULL);

    struct bank *bank = NULL;
    struct build build = {as_of_ms, count, env->thread_count, NULL, features};
    struct view_scan scan = {folder, "peers", 0, &build, add_range};
    enum lx_err code = bank_open(folder, STORE_READ, &bank, err);
    if (code == LX_OK) code = bank_customer_count(bank, &scan.customers, err);
    if (code == LX_OK) code = open_tables(&build, bank, err);
    bank_close(bank);
    if (code == LX_OK) code = view_scan_run(&scan, env, err);
    if (code == LX_OK) take_tables(&build, ret_peers);
    if (build.tables != NULL) close_tables(&build);
    return code;
}

enum lx_err view_peers_build_many(const char *folder, const int64_t *as_of_ms, size_t count,
                                  const struct lx_env *env, struct view_peers **ret_peers,
                                  struct lx_error *err)
{
    struct bank *bank = NULL;
    struct view_features *features = NULL;
    enum lx_err code = bank_open(folder, STORE_READ, &bank, err);
    if (code == LX_OK) code = view_features_open(bank, &features, err);
    bank_close(bank);
    if (code == LX_OK)
        code = view_peers_build_with(folder, features, as_of_ms, count, env, ret_peers, err);
    view_features_close(features);
    return code;
}

enum lx_err view_peers_build(const char *folder, int64_t as_of_ms, const struct lx_env *env,
                             struct view_peers **ret_peers, struct lx_error *err)
{
    return view_peers_build_many(folder, &as_of_ms, 1, env, ret_peers, err);
}
