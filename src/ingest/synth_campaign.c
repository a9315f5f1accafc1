#include "ingest/synth_model.h"

#include <stdio.h>

/* Channels that a campaign goes out by, and how often each is taken. */
static const struct {
    uint8_t channel;
    double weight;
} OUTREACH[] = {{BANK_CHANNEL_SMS, 0.35},
                {BANK_CHANNEL_MOBILE, 0.30},
                {BANK_CHANNEL_RM, 0.20},
                {BANK_CHANNEL_PHONE, 0.15}};

#define SHOW_MAX 0.6

static void plan_campaign(const struct synth_world *world, struct lx_rng *rng, int month,
                          int number, struct synth_campaign *campaign)
{
    const struct synth_profile *profile = world->profile;
    double products[SYNTH_PRODUCT_MAX], product_sum = 0, channels[LX_COUNT_OF(OUTREACH)];
    for (int p = 0; p < world->product_count; p++) {
        bool is_sold = world->catalogue->products[p].launched_day < world->month_days[month];
        product_sum += products[p] = is_sold ? profile->products[p].campaign : 0;
    }
    for (size_t i = 0; i < LX_COUNT_OF(OUTREACH); i++) channels[i] = OUTREACH[i].weight;
    struct lx_civil civil = lx_civil_of_day(world->month_days[month]);
    snprintf(campaign->code, sizeof campaign->code, "K%04d%02d%02d", civil.year, civil.month,
             number + 1);
    campaign->product =
        product_sum > 0 ? (int)synth_pick(rng, products, (size_t)world->product_count, product_sum)
                        : world->current;
    campaign->channel = OUTREACH[synth_pick(rng, channels, LX_COUNT_OF(OUTREACH), 1)].channel;
    campaign->month = month;
    campaign->start_day = world->month_days[month] + (int32_t)lx_rng_below(rng, 12);
    campaign->share = profile->shown_yearly / 12 / profile->per_month * (0.5 + lx_rng_uniform(rng));
}

enum lx_err synth_plan_campaigns(struct synth_world *world, struct lx_error *err)
{
    size_t per_month = (size_t)world->profile->per_month;
    size_t count = per_month * (size_t)world->month_count;
    world->campaigns = lx_calloc(count, sizeof *world->campaigns);
    world->campaign_first = lx_calloc((size_t)world->month_count + 1, sizeof(size_t));
    if (world->campaigns == NULL || world->campaign_first == NULL)
        return lx_fail(err, LX_ERR_NO_MEMORY, "synth: %zu campaigns", count);
    struct lx_rng rng = lx_rng_of(world->seed, UINT64_MAX - 1);
    for (int month = 0; month < world->month_count; month++) {
        for (size_t i = 0; i < per_month; i++)
            plan_campaign(world, &rng, month, (int)i, &world->campaigns[world->campaign_count++]);
        world->campaign_first[month + 1] = world->campaign_count;
    }
    return LX_OK;
}

/*
 * The bank's rule of thumb, from what it can see: money on the account, the product's age range,
 * whether he was online of late where the channel is the app, and whether he has bought before.
 */
static double focus_of(const struct synth_life_state *life, const struct synth_campaign *campaign)
{
    const struct synth_world *world = life->world;
    const struct bank_product *product = &world->catalogue->products[campaign->product];
    double money = synth_clamp(lx_log((double)life->balance_fen / 1e6 + 0.01) / 2, -2, 2.5);
    int age = synth_age(life, campaign->start_day);
    int middle = (product->age_min + product->age_max) / 2;
    double near = 1 - synth_clamp((age > middle ? age - middle : middle - age) / 25.0, 0, 2);
    double score = 0.5 * money + 0.4 * near + 0.3 * life->has_salary;
    if (campaign->channel == BANK_CHANNEL_MOBILE) score += life->logged_in > 0.2 ? 0.8 : -0.8;
    if (life->holding_count > 1) score += 0.5;
    return lx_exp(world->profile->focus * score);
}

static bool may_contact(const struct synth_life_state *life, const struct synth_campaign *campaign)
{
    const struct bank_product *product = &life->world->catalogue->products[campaign->product];
    uint32_t consents = life->consents;
    /* Who takes it back while the campaign runs is left out of all of it. */
    if (life->withdrawn_day <= campaign->start_day + SYNTH_CAMPAIGN_DAYS &&
        campaign->start_day <= life->listed_until)
        consents &= ~life->withdrawn;
    if ((consents >> campaign->channel & 1) == 0) return false;
    if (life->held[campaign->product] > 0) return false;
    if (synth_age(life, campaign->start_day) < 18) return false;
    int allowed = life->assessed_until > campaign->start_day ? life->assessed_level : 2;
    return product->risk <= allowed;
}

double synth_answer_logit(const struct synth_life_state *life, int product)
{
    const struct synth_world *world = life->world;
    double visible =
        life->log_hazard[product] - world->tuning.open[product] - life->hidden[product];
    return world->tuning.answer[product] +
           world->profile->answer_interest * synth_clamp(visible, -8, 8) +
           world->profile->answer_taste * life->hidden[product] +
           world->profile->fatigue * synth_clamp(life->offered[product], 0, 3);
}

static double yes_chance(const struct synth_life_state *life, const struct synth_campaign *campaign)
{
    double logit = synth_answer_logit(life, campaign->product) +
                   life->world->profile->channel[campaign->channel];
    return synth_logistic(synth_clamp(logit, SYNTH_LOGIT_MIN, SYNTH_LOGIT_MAX));
}

/* How those who are not interested say so, by channel. */
static enum bank_answer pick_refusal(struct synth_life_state *life, uint8_t channel)
{
    bool is_personal = channel == BANK_CHANNEL_RM || channel == BANK_CHANNEL_PHONE;
    double draw = lx_rng_uniform(&life->rng);
    if (is_personal) return draw < 0.8 ? BANK_ANSWER_NOT_INTERESTED : BANK_ANSWER_IGNORED;
    if (draw < 0.14) return BANK_ANSWER_NOT_INTERESTED;
    return draw < 0.38 ? BANK_ANSWER_VIEWED : BANK_ANSWER_IGNORED;
}

static void answer_offer(struct synth_life_state *life, const struct synth_campaign *campaign,
                         struct synth_exposure *exposure)
{
    const struct synth_world *world = life->world;
    int product = campaign->product;
    bool is_personal =
        campaign->channel == BANK_CHANNEL_RM || campaign->channel == BANK_CHANNEL_PHONE;
    bool is_yes = lx_rng_chance(&life->rng, yes_chance(life, campaign));
    exposure->answer =
        (uint8_t)(is_yes ? BANK_ANSWER_INTERESTED : pick_refusal(life, campaign->channel));
    double wait = is_personal ? 0 : synth_wait(&life->rng, 1.5);
    exposure->answer_day = exposure->day + (int32_t)synth_clamp(wait, 0, 20);
    if (exposure->answer == BANK_ANSWER_VIEWED || is_yes) life->viewed[product] += 0.5;
    life->offered[product] += 1;
    life->block->counts.yes += is_yes;
    if (is_yes && lx_rng_chance(&life->rng, world->profile->products[product].convert)) {
        double lag = synth_wait(&life->rng, 1.2 * world->profile->lag_days);
        synth_plan(life, product, exposure->answer_day,
                   exposure->answer_day + 1 + (int32_t)synth_clamp(lag, 0, 60), false);
    }
    if (exposure->answer_day > world->end_day) {
        exposure->answer_day = INT32_MAX;
        exposure->answer = BANK_ANSWER_NONE;
    }
}

static void consider(struct synth_life_state *life, const struct synth_campaign *campaign)
{
    const struct synth_world *world = life->world;
    const struct synth_profile *profile = world->profile;
    struct synth_tally *tally = &life->block->tally;
    double focus = focus_of(life, campaign);
    double chosen = campaign->share * focus / world->tuning.focus[campaign->product];
    if (chosen > SHOW_MAX) chosen = SHOW_MAX;
    double show = ((1 - profile->random_share) * chosen + profile->random_share * campaign->share) *
                  (1 - profile->control_share);
    if (world->is_pilot) {
        tally->focus[campaign->product] += focus;
        tally->focus_count[campaign->product] += 1;
        tally->yes[campaign->product] += show * yes_chance(life, campaign);
        tally->shown[campaign->product] += show;
    }
    bool is_random = lx_rng_chance(&life->rng, profile->random_share);
    if (!lx_rng_chance(&life->rng, is_random ? campaign->share : chosen)) return;
    int32_t day = campaign->start_day + (int32_t)lx_rng_below(&life->rng, SYNTH_CAMPAIGN_DAYS);
    int32_t second = synth_second_of(life, BANK_CHANNEL_PHONE);
    bool is_control = lx_rng_chance(&life->rng, profile->control_share);
    struct synth_exposure exposure = {
        .campaign = campaign,
        .day = day < life->month_end ? day : life->month_end - 1,
        .second = second,
        .answer_day = INT32_MAX,
        .show_probability = show,
        .is_random = is_random,
        .is_control = is_control,
    };
    life->block->counts.shown += !exposure.is_control;
    if (!exposure.is_control) answer_offer(life, campaign, &exposure);
    synth_put_exposure(life, &exposure);
}

void synth_show_campaigns(struct synth_life_state *life)
{
    const struct synth_world *world = life->world;
    size_t end = world->campaign_first[life->month + 1];
    for (size_t i = world->campaign_first[life->month]; i < end; i++) {
        const struct synth_campaign *campaign = &world->campaigns[i];
        if (campaign->start_day < life->month_first || campaign->start_day >= life->month_end)
            continue;
        if (may_contact(life, campaign)) consider(life, campaign);
    }
}
