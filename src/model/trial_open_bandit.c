/*
 * open_bandit: what one policy would have earned, from the log of another. Recommendations that a
 * shop showed, with their position, the chance of showing them and whether they were clicked; two
 * policies, up to three campaigns, each with items of its own.
 *
 * The target's chances are those of its own log's recorded propensities, by campaign, position and
 * item (off_policy_shares); no click of the target's log reaches an estimate. The shop's two
 * policies look at no user, so the chances need no more than that.
 */
#include "model/trial_kind.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/limits.h"
#include "codec/csv.h"
#include "host/file.h"
#include "learn/off_policy.h"

enum {
    CAMPAIGNS = 3,
    POSITIONS_MAX = 8,
    CONTEXTS = CAMPAIGNS * POSITIONS_MAX,
    ITEMS_MAX = 4096, /* of a campaign */
    RESAMPLES = 1000,
    BLOCK_BYTES = 1 << 16,
    BLOCK_BYTES_MAX = 1 << 20
};

static const char *const campaign_names[CAMPAIGNS] = {"all", "men", "women"};

/* Exposures, campaign after campaign. */
struct exposures {
    size_t count, first[CAMPAIGNS + 1], item_counts[CAMPAIGNS];
    uint32_t *contexts, *items, *clusters; /* context: campaign * POSITIONS_MAX + position - 1 */
    double *propensities, *clicks;
    char policy[LX_PATH_MAX]; /* the folder's name */
};

static void release(struct exposures *log)
{
    lx_free(log->contexts);
    lx_free(log->items);
    lx_free(log->clusters);
    lx_free(log->propensities);
    lx_free(log->clicks);
}

struct columns {
    const struct trial_table *table;
    const struct trial_column *item, *position, *click, *propensity, *moment;
};

static enum lx_err find_columns(const struct trial_table *table, struct columns *ret_columns,
                                struct lx_error *err)
{
    ret_columns->table = table;
    enum lx_err code = trial_table_column(table, "item_id", &ret_columns->item, err);
    if (code == LX_OK) code = trial_table_column(table, "position", &ret_columns->position, err);
    if (code == LX_OK) code = trial_table_column(table, "click", &ret_columns->click, err);
    if (code == LX_OK)
        code = trial_table_column(table, "propensity_score", &ret_columns->propensity, err);
    if (code == LX_OK) code = trial_table_column(table, "timestamp", &ret_columns->moment, err);
    return code;
}

static enum lx_err number(const struct columns *columns, const struct trial_column *column,
                          size_t row, double low, double high, double *ret_value,
                          struct lx_error *err)
{
    double value = trial_number(column, row);
    bool is_whole = column == columns->propensity || value == floor(value);
    if (!(value >= low && value <= high) || !is_whole)
        return lx_fail(err, LX_ERR_BAD_INPUT, "%s: row %zu: %s \"%.40s\": %g to %g expected",
                       columns->table->file, row + 1, column->name, trial_text(column, row), low,
                       high);
    *ret_value = value;
    return LX_OK;
}

static enum lx_err add_row(struct exposures *log, const struct columns *columns, size_t campaign,
                           size_t row, uint32_t first_cluster, struct lx_error *err)
{
    double item = 0, position = 0, click = 0, propensity = 0;
    enum lx_err code = number(columns, columns->item, row, 0, ITEMS_MAX - 1, &item, err);
    if (code == LX_OK)
        code = number(columns, columns->position, row, 1, POSITIONS_MAX, &position, err);
    if (code == LX_OK) code = number(columns, columns->click, row, 0, 1, &click, err);
    if (code == LX_OK) code = number(columns, columns->propensity, row, 1e-12, 1, &propensity, err);
    if (code != LX_OK) return code;
    size_t i = log->count++;
    log->contexts[i] = (uint32_t)(campaign * POSITIONS_MAX + (size_t)position - 1);
    log->items[i] = (uint32_t)item;
    log->clusters[i] = first_cluster + columns->moment->rows[row];
    log->propensities[i] = propensity;
    log->clicks[i] = click;
    if (log->item_counts[campaign] < (size_t)item + 1)
        log->item_counts[campaign] = (size_t)item + 1;
    return LX_OK;
}

static enum lx_err make_room(struct exposures *log, size_t count, struct lx_error *err)
{
    void *contexts = lx_realloc(log->contexts, count * sizeof *log->contexts);
    if (contexts != NULL) log->contexts = contexts;
    void *items = lx_realloc(log->items, count * sizeof *log->items);
    if (items != NULL) log->items = items;
    void *clusters = lx_realloc(log->clusters, count * sizeof *log->clusters);
    if (clusters != NULL) log->clusters = clusters;
    void *propensities = lx_realloc(log->propensities, count * sizeof *log->propensities);
    if (propensities != NULL) log->propensities = propensities;
    void *clicks = lx_realloc(log->clicks, count * sizeof *log->clicks);
    if (clicks != NULL) log->clicks = clicks;
    bool is_ready = contexts != NULL && items != NULL && clusters != NULL && propensities != NULL &&
                    clicks != NULL;
    return is_ready ? LX_OK : lx_fail(err, LX_ERR_NO_MEMORY, "open_bandit: %zu rows", count);
}

static enum lx_err read_campaign(struct exposures *log, const char *path, size_t campaign,
                                 struct lx_error *err)
{
    struct trial_table table = {0};
    struct columns columns;
    uint32_t first_cluster = log->count > 0 ? (uint32_t)log->count : 0;
    enum lx_err code = trial_table_read(path, &table, err);
    if (code == LX_OK) code = find_columns(&table, &columns, err);
    if (code == LX_OK) code = make_room(log, log->count + table.row_count, err);
    for (size_t i = 0; i < table.row_count && code == LX_OK; i++)
        code = add_row(log, &columns, campaign, i, first_cluster, err);
    trial_table_release(&table);
    return code;
}

/* "random" of "data/open_bandit/random/" and of "data/open_bandit/random/men.csv". */
static void name_policy(struct exposures *log, const char *path)
{
    size_t end = strlen(path);
    if (!host_is_folder(path))
        while (end > 0 && path[end - 1] != '/') end--;
    while (end > 0 && path[end - 1] == '/') end--;
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/') begin--;
    snprintf(log->policy, sizeof log->policy, "%.*s", end > begin ? (int)(end - begin) : 6,
             end > begin ? path + begin : "policy");
}

static bool is_file_of(const char *path, size_t campaign)
{
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    size_t length = strlen(campaign_names[campaign]);
    return strncmp(name, campaign_names[campaign], length) == 0 &&
           strcmp(name + length, ".csv") == 0;
}

/* A folder's campaigns, or the one file, which is of the campaign that it is called by. */
static enum lx_err read_log(const char *path, struct exposures *ret_log, struct lx_error *err)
{
    bool is_folder = host_is_folder(path);
    enum lx_err code = LX_OK;
    name_policy(ret_log, path);
    for (size_t i = 0; i < CAMPAIGNS && code == LX_OK; i++) {
        char file[LX_PATH_MAX], name[16];
        snprintf(name, sizeof name, "%s.csv", campaign_names[i]);
        ret_log->first[i] = ret_log->count;
        if (is_folder) {
            code = host_join(file, path, name, err);
            if (code == LX_OK && host_exists(file)) code = read_campaign(ret_log, file, i, err);
        } else if (is_file_of(path, i)) {
            code = read_campaign(ret_log, path, i, err);
        }
    }
    ret_log->first[CAMPAIGNS] = ret_log->count;
    if (code == LX_OK && ret_log->count == 0)
        code = lx_fail(err, LX_ERR_NOT_FOUND,
                       "%s: neither a folder with all.csv, men.csv or women.csv nor such a file",
                       path);
    return code;
}

static size_t rows_of(const struct exposures *log, size_t campaign)
{
    return log->first[campaign + 1] - log->first[campaign];
}

/* All that an estimate is made of; arrays are by row of the logging policy's log. */
struct trial {
    const struct trial_options *options;
    struct exposures train, test;
    size_t action_count, first_action[CAMPAIGNS];
    uint32_t *actions;                 /* item within the actions of all campaigns */
    double *logging, *target;          /* by context and action */
    double *targets, *scales, *shares; /* shares: the logging policy's own, on the whole */
    double *predicted, *predicted_targets, *weights;
    double uncovered;
    struct off_policy_result recorded, balanced, campaigns[CAMPAIGNS];
};

static void release_trial(struct trial *trial)
{
    release(&trial->train);
    release(&trial->test);
    lx_free(trial->actions);
    lx_free(trial->logging);
    lx_free(trial->target);
    lx_free(trial->targets);
    lx_free(trial->scales);
    lx_free(trial->shares);
    lx_free(trial->predicted);
    lx_free(trial->predicted_targets);
    lx_free(trial->weights);
}

static enum lx_err prepare(struct trial *trial, struct lx_error *err)
{
    size_t count = trial->train.count;
    for (size_t i = 0; i < CAMPAIGNS; i++) {
        if ((rows_of(&trial->train, i) > 0) != (rows_of(&trial->test, i) > 0))
            return lx_fail(err, LX_ERR_BAD_INPUT,
                           "open_bandit: %s.csv is in one of %s and %s only; both need the same "
                           "campaigns",
                           campaign_names[i], trial->options->train, trial->options->test);
        size_t train = trial->train.item_counts[i], test = trial->test.item_counts[i];
        trial->first_action[i] = trial->action_count;
        trial->action_count += train > test ? train : test;
    }
    size_t cells = CONTEXTS * trial->action_count;
    trial->actions = lx_calloc(count, sizeof *trial->actions);
    trial->logging = lx_calloc(cells, sizeof *trial->logging);
    trial->target = lx_calloc(cells, sizeof *trial->target);
    trial->targets = lx_calloc(count, sizeof *trial->targets);
    trial->scales = lx_calloc(count, sizeof *trial->scales);
    trial->shares = lx_calloc(count, sizeof *trial->shares);
    trial->predicted = lx_calloc(count, sizeof *trial->predicted);
    trial->predicted_targets = lx_calloc(count, sizeof *trial->predicted_targets);
    trial->weights = lx_calloc(count, sizeof *trial->weights);
    bool is_ready = trial->actions != NULL && trial->logging != NULL && trial->target != NULL &&
                    trial->targets != NULL && trial->scales != NULL && trial->shares != NULL &&
                    trial->predicted != NULL && trial->predicted_targets != NULL &&
                    trial->weights != NULL;
    return is_ready ? LX_OK : lx_fail(err, LX_ERR_NO_MEMORY, "open_bandit: %zu rows", count);
}

static void number_actions(const struct trial *trial, const struct exposures *log,
                           uint32_t *ret_actions)
{
    for (size_t i = 0; i < log->count; i++)
        ret_actions[i] =
            (uint32_t)trial->first_action[log->contexts[i] / POSITIONS_MAX] + log->items[i];
}

/* Of what the target shows on the whole, what is never shown by the log's policy. */
static double uncovered_share(const struct trial *trial)
{
    double sum = 0;
    for (size_t c = 0; c < CONTEXTS; c++) {
        size_t rows = 0;
        for (size_t i = 0; i < trial->test.count; i++) rows += trial->test.contexts[i] == c;
        size_t first = c * trial->action_count;
        sum += (double)rows / (double)trial->test.count *
               off_policy_uncovered(trial->logging + first, trial->target + first,
                                    trial->action_count);
    }
    return sum;
}

/* The chances of both policies, from actions and propensities alone. */
static enum lx_err find_chances(struct trial *trial, struct lx_error *err)
{
    const struct exposures *train = &trial->train, *test = &trial->test;
    uint32_t *test_actions = lx_calloc(test->count, sizeof *test_actions);
    if (test_actions == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "open_bandit: actions");
    number_actions(trial, train, trial->actions);
    number_actions(trial, test, test_actions);
    enum lx_err code =
        off_policy_shares(train->contexts, trial->actions, train->propensities, train->count,
                          CONTEXTS, trial->action_count, trial->logging, err);
    if (code == LX_OK)
        code = off_policy_shares(test->contexts, test_actions, test->propensities, test->count,
                                 CONTEXTS, trial->action_count, trial->target, err);
    lx_free(test_actions);
    if (code != LX_OK) return code;
    for (size_t i = 0; i < train->count; i++) {
        size_t campaign = train->contexts[i] / POSITIONS_MAX;
        size_t cell = train->contexts[i] * trial->action_count + trial->actions[i];
        trial->targets[i] = trial->target[cell];
        trial->shares[i] = trial->logging[cell];
        trial->scales[i] = (double)rows_of(test, campaign) / (double)test->count *
                           (double)train->count / (double)rows_of(train, campaign);
    }
    trial->uncovered = uncovered_share(trial);
    return LX_OK;
}

static struct off_policy_log log_of(const struct trial *trial, const double *propensities,
                                    size_t first, size_t count, bool has_scales)
{
    return (struct off_policy_log){.count = count,
                                   .propensities = propensities + first,
                                   .targets = trial->targets + first,
                                   .rewards = trial->train.clicks + first,
                                   .scales = has_scales ? trial->scales + first : NULL,
                                   .predicted = trial->predicted + first,
                                   .predicted_targets = trial->predicted_targets + first,
                                   .clusters = trial->train.clusters + first};
}

static enum lx_err estimate(struct trial *trial, struct lx_error *err)
{
    const struct exposures *train = &trial->train;
    const struct off_policy_cells cells = {train->count,    trial->action_count, CONTEXTS,
                                           trial->actions,  train->contexts,     train->clicks,
                                           train->clusters, trial->target};
    int asked = trial->options->resamples;
    const struct off_policy_options options = {.uncovered = trial->uncovered,
                                               .resamples = asked == 0 ? RESAMPLES : asked,
                                               .seed = trial->options->seed};
    enum lx_err code = off_policy_rates(&cells, OFF_POLICY_FOLDS, options.seed, trial->predicted,
                                        trial->predicted_targets, err);
    if (code != LX_OK) return code;
    struct off_policy_log log = log_of(trial, train->propensities, 0, train->count, true);
    off_policy_weights(&log, options.clip, trial->weights);
    code = off_policy_estimate(&log, &options, &trial->recorded, err);
    log = log_of(trial, trial->shares, 0, train->count, true);
    if (code == LX_OK) code = off_policy_estimate(&log, &options, &trial->balanced, err);
    for (size_t i = 0; i < CAMPAIGNS && code == LX_OK; i++) {
        if (rows_of(train, i) == 0) continue;
        log = log_of(trial, train->propensities, train->first[i], rows_of(train, i), false);
        code = off_policy_estimate(&log, &options, &trial->campaigns[i], err);
    }
    return code;
}

static void add_real(struct trial_result *result, const char *name, enum trial_form form,
                     double value)
{
    LX_ASSERT(result->figure_count < TRIAL_FIGURES_MAX);
    result->figures[result->figure_count++] =
        (struct trial_figure){.name = name, .form = form, .value = value};
}

/* The target's own mean over rows [first, end), with Wilson's interval. */
static void add_mean(struct trial_result *result, const char *name, const struct exposures *log,
                     size_t first, size_t end)
{
    double n = (double)(end - first), sum = 0, z = 1.959963984540054;
    for (size_t i = first; i < end; i++) sum += log->clicks[i];
    double mean = sum / n, middle = (mean + z * z / (2 * n)) / (1 + z * z / n);
    double half = z / (1 + z * z / n) * sqrt(mean * (1 - mean) / n + z * z / (4 * n * n));
    add_real(result, name, TRIAL_REAL, mean);
    struct trial_figure *figure = &result->figures[result->figure_count - 1];
    figure->has_interval = true;
    figure->low = middle - half;
    figure->high = middle + half;
}

static void add_estimate(struct trial_result *result, const char *name,
                         const struct off_policy_estimate *estimate, size_t test_rows)
{
    add_real(result, name, TRIAL_ESTIMATE, estimate->value);
    struct trial_figure *figure = &result->figures[result->figure_count - 1];
    figure->has_interval = true;
    off_policy_predict(estimate, test_rows, &figure->low, &figure->high);
    figure->standard_error = estimate->standard_error;
    figure->value_low = estimate->low;
    figure->value_high = estimate->high;
    figure->bootstrap_low = estimate->bootstrap_low;
    figure->bootstrap_high = estimate->bootstrap_high;
}

static const char *const balanced_names[OFF_POLICY_ESTIMATORS] = {"balanced_ips", "balanced_snips",
                                                                  "balanced_dr"};
static const char *const campaign_figures[CAMPAIGNS][OFF_POLICY_ESTIMATORS + 1] = {
    {"all_ips", "all_snips", "all_dr", "all_on_policy"},
    {"men_ips", "men_snips", "men_dr", "men_on_policy"},
    {"women_ips", "women_snips", "women_dr", "women_on_policy"},
};

static void describe_campaign(const struct trial *trial, size_t campaign,
                              struct trial_result *result)
{
    const struct exposures *test = &trial->test;
    add_mean(result, campaign_figures[campaign][OFF_POLICY_ESTIMATORS], test, test->first[campaign],
             test->first[campaign + 1]);
    for (size_t e = 0; e < OFF_POLICY_ESTIMATORS; e++)
        add_estimate(result, campaign_figures[campaign][e],
                     &trial->campaigns[campaign].estimates[e], rows_of(test, campaign));
}

static void describe(const struct trial *trial, struct trial_result *result)
{
    const struct off_policy_result *recorded = &trial->recorded;
    size_t test_rows = trial->test.count;
    result->train_rows = trial->train.count;
    result->test_rows = test_rows;
    result->warnings = recorded->warnings;
    add_mean(result, "on_policy", &trial->test, 0, test_rows);
    for (size_t e = 0; e < OFF_POLICY_ESTIMATORS; e++)
        add_estimate(result, off_policy_name((enum off_policy_estimator)e), &recorded->estimates[e],
                     test_rows);
    for (size_t e = 0; e < OFF_POLICY_ESTIMATORS; e++)
        add_estimate(result, balanced_names[e], &trial->balanced.estimates[e], test_rows);
    add_real(result, "effective_rows", TRIAL_REAL, recorded->effective_size);
    add_real(result, "balanced_effective_rows", TRIAL_REAL, trial->balanced.effective_size);
    add_real(result, "clip", TRIAL_REAL, recorded->clip);
    add_real(result, "clipped_rows", TRIAL_COUNT, (double)recorded->clipped_count);
    add_real(result, "largest_weight", TRIAL_REAL, recorded->largest_weight);
    add_real(result, "mean_weight", TRIAL_REAL, recorded->mean_weight);
    add_real(result, "uncovered", TRIAL_REAL, trial->uncovered);
    size_t campaigns = 0;
    for (size_t i = 0; i < CAMPAIGNS; i++) campaigns += rows_of(&trial->test, i) > 0;
    for (size_t i = 0; i < CAMPAIGNS && campaigns > 1; i++)
        if (rows_of(&trial->test, i) > 0) describe_campaign(trial, i, result);
}

/* One exposure as a line; the term that the mean of each estimator is made of. */
struct line {
    const char *policy;
    double weight, term, dr_term;
};

static enum lx_err write_line(struct host_file *file, struct lx_buffer *text,
                              const struct line *line, const struct exposures *log, size_t row,
                              struct lx_error *err)
{
    static const struct csv_format format = {.quote = '"'};
    csv_write_field(text, &format, true, line->policy, strlen(line->policy));
    lx_buffer_printf(text, ",%" PRIu32 ",%.17g,%d,%.17g,%.17g,%.17g,%s,%" PRIu32 "\n",
                     log->contexts[row] % POSITIONS_MAX + 1, log->propensities[row],
                     (int)log->clicks[row], line->term, line->weight, line->dr_term,
                     campaign_names[log->contexts[row] / POSITIONS_MAX], log->items[row]);
    enum lx_err code = lx_buffer_error(text);
    if (code != LX_OK) return lx_fail(err, code, "%s", host_path(file));
    if (text->length < BLOCK_BYTES) return LX_OK;
    code = host_write(file, lx_buffer_text(text), text->length, err);
    lx_buffer_clear(text);
    return code;
}

static enum lx_err write_lines(const struct trial *trial, struct host_file *file,
                               struct lx_buffer *text, struct lx_error *err)
{
    const struct exposures *train = &trial->train, *test = &trial->test;
    char target[LX_PATH_MAX + 8];
    bool is_same = strcmp(train->policy, test->policy) == 0;
    enum lx_err code = LX_OK;
    snprintf(target, sizeof target, "%s%s", test->policy, is_same ? "-target" : "");
    lx_buffer_append_text(text, "policy,position,propensity,click,estimate_term,weight,dr_term,"
                                "campaign,item\n");
    for (size_t i = 0; i < train->count && code == LX_OK; i++) {
        double weight = trial->weights[i], click = train->clicks[i];
        const struct line line = {train->policy, weight, weight * click,
                                  trial->scales[i] * trial->predicted_targets[i] +
                                      weight * (click - trial->predicted[i])};
        code = write_line(file, text, &line, train, i, err);
    }
    for (size_t i = 0; i < test->count && code == LX_OK; i++) {
        const struct line line = {target, 1, test->clicks[i], test->clicks[i]};
        code = write_line(file, text, &line, test, i, err);
    }
    if (code == LX_OK) code = host_write(file, lx_buffer_text(text), text->length, err);
    return code;
}

static enum lx_err write_predictions(const struct trial *trial, struct lx_error *err)
{
    if (trial->options->predictions == NULL) return LX_OK;
    struct host_file *file = NULL;
    struct lx_buffer text;
    lx_buffer_init(&text, BLOCK_BYTES_MAX);
    enum lx_err code = host_open(trial->options->predictions, HOST_CREATE, &file, err);
    if (code == LX_OK) code = write_lines(trial, file, &text, err);
    if (code == LX_OK) code = host_sync(file, err);
    host_close(file);
    lx_buffer_release(&text);
    return code;
}

static enum lx_err run(const struct trial_options *options, const struct lx_env *env,
                       struct trial_result *ret_result, struct lx_error *err)
{
    (void)env;
    if (options->balance != SAMPLING_NONE)
        return lx_fail(err, LX_ERR_USAGE, "open_bandit has no classes: no --balance");
    struct trial trial = {.options = options};
    struct trial_result result = {.figure_count = 0};
    enum lx_err code = read_log(options->train, &trial.train, err);
    if (code == LX_OK) code = read_log(options->test, &trial.test, err);
    if (code == LX_OK) code = prepare(&trial, err);
    if (code == LX_OK) code = find_chances(&trial, err);
    if (code == LX_OK) code = estimate(&trial, err);
    if (code == LX_OK) code = write_predictions(&trial, err);
    if (code == LX_OK) describe(&trial, &result);
    release_trial(&trial);
    if (code == LX_OK) *ret_result = result;
    return code;
}

const struct trial_kind trial_open_bandit = {.name = "open_bandit", .run = run};
