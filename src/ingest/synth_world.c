#include "ingest/synth_model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "host/thread.h"

/* The pilot: a small bank that is lived through a few times to find the intercepts. It does not
 * depend on the seed, so that banks of one profile differ by chance only. */
enum { PILOT_CUSTOMERS = 4096, PILOT_MONTHS = 24, PILOT_BRANCHES = 24 };

#define PILOT_SEED 0x11A6C1u
#define WORLD_STREAM UINT64_MAX

static enum lx_err no_memory(struct lx_error *err)
{
    return lx_fail(err, LX_ERR_NO_MEMORY, "synth: the world of the customers");
}

static enum lx_err lay_out_months(struct synth_world *world, int month_count, struct lx_error *err)
{
    world->month_count = month_count;
    world->end_day = world->profile->end_day;
    world->month_days = lx_calloc((size_t)month_count + 1, sizeof *world->month_days);
    if (world->month_days == NULL) return no_memory(err);
    for (int i = 0; i <= month_count; i++)
        world->month_days[i] = lx_day_add_months(world->end_day + 1, i - month_count);
    world->first_day = world->month_days[0];
    return LX_OK;
}

static enum lx_err write_day_texts(struct synth_world *world, struct lx_error *err)
{
    world->day_texts = lx_calloc(SYNTH_DAY_TEXTS, sizeof *world->day_texts);
    if (world->day_texts == NULL) return no_memory(err);
    world->day_text_first = world->end_day + 62 - SYNTH_DAY_TEXTS;
    for (int32_t i = 0; i < SYNTH_DAY_TEXTS; i++) {
        char iso[LX_DATE_TEXT_SIZE];
        lx_day_format(world->day_text_first + i, iso);
        char *text = world->day_texts[i];
        memcpy(text, iso, 4);
        memcpy(text + 4, iso + 5, 2);
        memcpy(text + 6, iso + 8, 2);
    }
    return LX_OK;
}

/* Two hundred names of two characters, then numbers behind them. */
static void name_branch(struct synth_branch *branch, size_t index)
{
    static const char *const FIRST[] = {"东", "西", "南", "北", "青", "白", "金", "石", "龙", "凤",
                                        "云", "双", "长", "平", "安", "新", "沙", "清", "大", "永"};
    static const char *const SECOND[] = {"山", "河", "桥", "塘", "湖",
                                         "岭", "溪", "坪", "港", "坝"};
    static const char *const KINDS[SYNTH_PLACE_COUNT] = {[SYNTH_PLACE_CITY] = "支行",
                                                         [SYNTH_PLACE_TOWN] = "镇支行",
                                                         [SYNTH_PLACE_VILLAGE] = "分理处"};
    size_t name = index * 37 % 200, round = index / 200;
    snprintf(branch->code, sizeof branch->code, "B%03zu", index + 1);
    if (round == 0)
        snprintf(branch->name, sizeof branch->name, "%s%s%s", FIRST[name % 20], SECOND[name / 20],
                 KINDS[branch->place]);
    else
        snprintf(branch->name, sizeof branch->name, "%s%s%zu%s", FIRST[name % 20],
                 SECOND[name / 20], round + 1, KINDS[branch->place]);
}

static enum lx_err open_branches(struct synth_world *world, struct lx_error *err)
{
    const struct synth_profile *profile = world->profile;
    double customers = (double)world->options->customers;
    double count = floor(customers / profile->customers_per_branch + 0.5);
    world->branch_count =
        world->is_pilot ? PILOT_BRANCHES : (size_t)synth_clamp(count, 4, SYNTH_BRANCH_MAX);
    world->branches = lx_calloc(world->branch_count, sizeof *world->branches);
    if (world->branches == NULL) return no_memory(err);

    struct lx_rng rng = lx_rng_of(world->seed, WORLD_STREAM);
    double places = 0, sum = 0;
    for (int i = 0; i < SYNTH_PLACE_COUNT; i++) places += profile->place[i];
    for (size_t i = 0; i < world->branch_count; i++) {
        struct synth_branch *branch = &world->branches[i];
        branch->place =
            (enum synth_place)synth_pick(&rng, profile->place, SYNTH_PLACE_COUNT, places);
        name_branch(branch, i);
        sum += branch->weight = synth_lognormal(&rng, 1, 0.5);
    }
    double before = 0;
    for (size_t i = 0; i < world->branch_count; i++) {
        struct synth_branch *branch = &world->branches[i];
        double share = branch->weight / sum;
        branch->weight = before += share;
        branch->manager_first = world->manager_count;
        branch->manager_count = 1 + (uint32_t)(share * customers / profile->customers_per_manager);
        world->manager_count += branch->manager_count;
    }
    return LX_OK;
}

/* What a crowd takes to: a walk that forgets, for each crowd and product. */
static float *draw_trends(const struct synth_world *world, size_t crowds, uint64_t stream)
{
    size_t products = (size_t)world->product_count, months = (size_t)world->month_count;
    float *trends = lx_calloc(crowds * months * products, sizeof *trends);
    if (trends == NULL) return NULL;
    double spread = world->profile->trend_spread, persist = world->profile->trend_persist;
    double fresh = sqrt(1 - persist * persist) * spread;
    struct lx_rng rng = lx_rng_of(world->seed, stream);
    for (size_t i = 0; i < crowds; i++) {
        for (size_t p = 0; p < products; p++) {
            double level = spread * lx_rng_normal(&rng);
            for (size_t month = 0; month < months; month++) {
                trends[(i * months + month) * products + p] = (float)level;
                level = persist * level + fresh * lx_rng_normal(&rng);
            }
        }
    }
    return trends;
}

static void guess_tuning(struct synth_world *world)
{
    struct synth_tuning *tuning = &world->tuning;
    tuning->event_scale = 1;
    for (int p = 0; p < world->product_count; p++) {
        const struct synth_product_profile *product = &world->profile->products[p];
        double monthly = product->monthly_ppm > 0 ? product->monthly_ppm : 0.001;
        double yes = product->yes_ppm > 0 ? product->yes_ppm : 0.001;
        tuning->open[p] = lx_log(monthly / 1e6) - 1;
        tuning->answer[p] = lx_log(yes / (1e6 - yes)) - 1;
        tuning->focus[p] = 1;
    }
}

enum lx_err synth_world_open(struct synth_world *world, const struct synth_options *options,
                             const struct synth_profile *profile, bool is_pilot,
                             struct lx_error *err)
{
    memset(world, 0, sizeof *world);
    world->options = options;
    world->catalogue = options->catalogue;
    world->profile = profile;
    world->product_count = (int)options->catalogue->count;
    world->is_pilot = is_pilot;
    world->seed = is_pilot ? PILOT_SEED : options->seed;
    for (int p = 0; p < world->product_count; p++)
        if (profile->products[p].flow == SYNTH_FLOW_CURRENT) world->current = p;
    guess_tuning(world);

    enum lx_err code = lay_out_months(world, is_pilot ? PILOT_MONTHS : options->months, err);
    if (code == LX_OK) code = write_day_texts(world, err);
    if (code == LX_OK) code = open_branches(world, err);
    if (code == LX_OK) code = synth_names_open(&world->names, err);
    if (code != LX_OK) return code;
    world->branch_trend = draw_trends(world, world->branch_count, WORLD_STREAM - 2);
    world->age_trend = draw_trends(world, SYNTH_AGE_BANDS, WORLD_STREAM - 3);
    if (world->branch_trend == NULL || world->age_trend == NULL) return no_memory(err);
    return synth_plan_campaigns(world, err);
}

void synth_world_close(struct synth_world *world)
{
    lx_free(world->month_days);
    lx_free(world->branches);
    lx_free(world->campaigns);
    lx_free(world->campaign_first);
    lx_free(world->branch_trend);
    lx_free(world->age_trend);
    lx_free(world->day_texts);
    synth_names_close(world->names);
    memset(world, 0, sizeof *world);
}

struct pilot {
    struct synth_block blocks[PILOT_CUSTOMERS / SYNTH_BLOCK_CUSTOMERS];
};

static void live_block(void *context, size_t item)
{
    struct pilot *pilot = context;
    struct synth_block *block = &pilot->blocks[item];
    for (uint64_t i = 0; i < block->count; i++) synth_live(block, block->first + i);
}

/* Sums over the blocks in their order, so that rounding does not depend on the threads. */
static void sum_pilot(const struct pilot *pilot, int product_count, struct synth_tally *sum,
                      double *ret_events)
{
    memset(sum, 0, sizeof *sum);
    *ret_events = 0;
    for (size_t i = 0; i < LX_COUNT_OF(pilot->blocks); i++) {
        const struct synth_tally *tally = &pilot->blocks[i].tally;
        for (int p = 0; p < product_count; p++) {
            sum->hazard[p] += tally->hazard[p];
            sum->hazard_months[p] += tally->hazard_months[p];
            sum->yes[p] += tally->yes[p];
            sum->shown[p] += tally->shown[p];
            sum->focus[p] += tally->focus[p];
            sum->focus_count[p] += tally->focus_count[p];
        }
        sum->scaled_events += tally->scaled_events;
        sum->activity += tally->activity;
        sum->customers += tally->customers;
        sum->customer_years += tally->customer_years;
        *ret_events += (double)pilot->blocks[i].counts.events;
    }
}

static double log_odds(double share)
{
    share = synth_clamp(share, 1e-9, 1 - 1e-9);
    return lx_log(share / (1 - share));
}

/* Every rate is moved by the factor that it missed its target by. */
static void retune(struct synth_tuning *tuning, const struct synth_profile *profile,
                   int product_count, const struct synth_tally *tally, double events)
{
    /* Events of habit grow with the activity that was drawn, whose mean in the whole bank is 1:
     * what the pilot's few thousand customers have above that is luck and is taken out. */
    double habit = tally->scaled_events * tally->customers / tally->activity;
    double others = events - tally->scaled_events;
    double wanted = profile->events_per_year * tally->customer_years - others;
    if (habit > 0) tuning->event_scale *= synth_clamp(wanted / habit, 0.1, 10);
    for (int p = 0; p < product_count; p++) {
        const struct synth_product_profile *product = &profile->products[p];
        if (product->monthly_ppm > 0 && tally->hazard[p] > 0)
            tuning->open[p] +=
                lx_log(product->monthly_ppm / 1e6 * tally->hazard_months[p] / tally->hazard[p]);
        if (product->yes_ppm > 0 && tally->yes[p] > 0)
            tuning->answer[p] +=
                log_odds(product->yes_ppm / 1e6) - log_odds(tally->yes[p] / tally->shown[p]);
        if (tally->focus_count[p] > 0) tuning->focus[p] = tally->focus[p] / tally->focus_count[p];
    }
}

static enum lx_err run_pilot(struct synth_world *world, struct pilot *pilot,
                             const struct lx_env *env, struct lx_error *err)
{
    /* The first rounds only come near; the last one decides. */
    static const size_t blocks[] = {1, 2, PILOT_CUSTOMERS / SYNTH_BLOCK_CUSTOMERS};
    for (size_t round = 0; round < LX_COUNT_OF(blocks); round++) {
        memset(pilot, 0, sizeof *pilot);
        for (size_t i = 0; i < blocks[round]; i++) {
            pilot->blocks[i].world = world;
            pilot->blocks[i].first = i * SYNTH_BLOCK_CUSTOMERS;
            pilot->blocks[i].count = SYNTH_BLOCK_CUSTOMERS;
        }
        enum lx_err code = host_parallel(env->thread_count, blocks[round], live_block, pilot, err);
        if (code != LX_OK) return code;
        struct synth_tally tally;
        double events;
        sum_pilot(pilot, world->product_count, &tally, &events);
        retune(&world->tuning, world->profile, world->product_count, &tally, events);
    }
    return LX_OK;
}

enum lx_err synth_calibrate(struct synth_world *world, const struct lx_env *env,
                            struct lx_error *err)
{
    struct synth_world small;
    enum lx_err code = synth_world_open(&small, world->options, world->profile, true, err);
    struct pilot *pilot = code == LX_OK ? lx_calloc(1, sizeof *pilot) : NULL;
    if (code == LX_OK && pilot == NULL) code = no_memory(err);
    if (code == LX_OK) code = run_pilot(&small, pilot, env, err);
    if (code == LX_OK) world->tuning = small.tuning;
    lx_free(pilot);
    synth_world_close(&small);
    return code;
}
