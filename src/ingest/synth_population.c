#include "ingest/synth_model.h"

#include <math.h>
#include <string.h>

struct lx_rng synth_stream_of(const struct synth_world *world, uint64_t customer,
                              enum synth_stream stream)
{
    return lx_rng_of(world->seed, customer * SYNTH_STREAM_COUNT + (uint64_t)stream + 1);
}

int synth_age(const struct synth_life_state *life, int32_t day)
{
    /* Years of the mean length: nobody here waits for a birthday, and this is asked millions of
     * times. */
    return day <= life->birth_day ? 0 : (int)((day - life->birth_day) * (int64_t)400 / 146097);
}

int synth_age_band(int age)
{
    static const int ENDS[SYNTH_AGE_BANDS - 1] = {25, 35, 45, 55, 65};
    int band = 0;
    while (band < SYNTH_AGE_BANDS - 1 && age >= ENDS[band]) band++;
    return band;
}

/* Branches hold their cumulative share of the customers. */
static int pick_branch(const struct synth_world *world, struct lx_rng *rng)
{
    double wanted = lx_rng_uniform(rng);
    size_t low = 0, high = world->branch_count - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (world->branches[middle].weight > wanted)
            high = middle;
        else
            low = middle + 1;
    }
    return (int)low;
}

static enum synth_stage pick_stage(const struct synth_world *world, enum synth_place place,
                                   struct lx_rng *rng)
{
    double weights[SYNTH_STAGE_COUNT], sum = 0;
    for (int i = 0; i < SYNTH_STAGE_COUNT; i++) {
        const struct synth_stage_profile *stage = &world->profile->stages[i];
        sum += weights[i] = stage->share * stage->place[place];
    }
    return (enum synth_stage)synth_pick(rng, weights, SYNTH_STAGE_COUNT, sum);
}

/* Codes of the bank's forms: occupation 10-80 by stage, education 1 (none) to 7 (postgraduate). */
static int pick_occupation(const struct synth_life_state *life, struct lx_rng *rng)
{
    static const int BY_STAGE[SYNTH_STAGE_COUNT][4] = {
        [SYNTH_STAGE_STUDENT] = {10, 10, 10, 10},
        [SYNTH_STAGE_YOUNG_WORKER] = {21, 22, 31, 32},
        [SYNTH_STAGE_FAMILY] = {21, 22, 31, 33},
        [SYNTH_STAGE_MID_CAREER] = {22, 23, 31, 33},
        [SYNTH_STAGE_PRE_RETIREMENT] = {23, 31, 33, 33},
        [SYNTH_STAGE_RETIRED] = {70, 70, 70, 80},
        [SYNTH_STAGE_FARMER] = {50, 50, 50, 51},
        [SYNTH_STAGE_MERCHANT] = {60, 60, 61, 61},
    };
    return BY_STAGE[life->stage][lx_rng_below(rng, 4)];
}

static int pick_education(const struct synth_life_state *life, int age, struct lx_rng *rng)
{
    double level = 4.6 - 0.045 * (age - 30) + 0.5 * life->digital + 0.9 * lx_rng_normal(rng);
    if (life->stage == SYNTH_STAGE_FARMER) level -= 1.2;
    return (int)synth_clamp(level, 1, 7);
}

/* How long ago he joined: the bank grew by `joined_yearly` a year; nobody joined unborn. */
static int32_t pick_joined(const struct synth_world *world, int32_t birth_day, struct lx_rng *rng)
{
    double rate = world->profile->joined_yearly / 365.25;
    double days = rate > 0 ? synth_wait(rng, 1 / rate) : 9e9;
    int32_t earliest = birth_day + 16 * 365;
    int32_t opened = world->catalogue->products[world->current].launched_day;
    if (earliest < opened) earliest = opened;
    if (earliest > world->first_day) earliest = world->first_day;
    double longest = world->end_day - earliest;
    if (days < longest) return world->end_day - (int32_t)days;
    /* The oldest customers came at any time since they could. */
    return earliest +
           (int32_t)lx_rng_below(rng, (uint64_t)(world->first_day - earliest) * 2 / 3 + 1);
}

static int32_t pick_left(const struct synth_world *world, int32_t joined_day, struct lx_rng *rng)
{
    double rate = world->profile->left_yearly / 365.25;
    int32_t from = joined_day > world->first_day ? joined_day : world->first_day;
    double days = rate > 0 ? 40 + synth_wait(rng, 1 / rate) : 9e9;
    if (days >= world->end_day - from) return INT32_MAX;
    int32_t day = from + (int32_t)days;
    /* Never the first of a month: the days before it are his last month. */
    return day == lx_day_first_of_month(day) ? day + 1 : day;
}

static void draw_wealth(struct synth_life_state *life, struct lx_rng *rng)
{
    const struct synth_profile *profile = life->world->profile;
    const struct synth_stage_profile *stage = &profile->stages[life->stage];
    double level = lx_rng_normal(rng);
    life->income_yuan =
        synth_lognormal(rng, stage->income_yuan, stage->income_spread) * lx_exp(0.2 * level);
    double tail = lx_rng_chance(rng, profile->rich_share)
                      ? lx_rng_exponential(rng) * (1 / profile->rich_exponent) + 0.5
                      : 0;
    life->wealth_yuan =
        synth_lognormal(rng, stage->income_yuan * stage->wealth_months, stage->wealth_spread) *
        lx_exp(0.3 * level + tail);
    /* Standardised against the whole bank: 30,000 yuan is the middle, a factor of e is one. */
    life->wealth_z = synth_clamp(lx_log(life->wealth_yuan / 30000) / 1.3, -4, 5);
    life->liquid_share = synth_clamp(0.08 + 0.1 * synth_wait(rng, 1), 0.08, 0.6);
}

static void draw_needs(struct synth_life_state *life, struct lx_rng *rng)
{
    const struct synth_profile *profile = life->world->profile;
    for (int i = 0; i < SYNTH_NEED_COUNT; i++) {
        const struct synth_need_profile *need = &profile->needs[i];
        life->need_base[i] = profile->stages[life->stage].need[i] + need->wealth * life->wealth_z +
                             need->spread * lx_rng_normal(rng);
        life->need[i] = life->need_base[i];
    }
    for (int i = 0; i < SYNTH_TASTE_COUNT; i++) life->taste[i] = lx_rng_normal(rng);
    for (int i = 0; i < SYNTH_LIFE_COUNT; i++) life->months_since[i] = SYNTH_LONG_AGO;
}

static uint32_t draw_consents(const struct synth_profile *profile, struct lx_rng *rng)
{
    uint32_t consents = 0;
    if (lx_rng_chance(rng, profile->consent_personal)) consents |= 1u;
    if (lx_rng_chance(rng, profile->consent_phone)) {
        consents |= 1u << BANK_CHANNEL_PHONE | 1u << BANK_CHANNEL_RM;
    }
    if (lx_rng_chance(rng, profile->consent_sms)) consents |= 1u << BANK_CHANNEL_SMS;
    if (lx_rng_chance(rng, profile->consent_mobile)) consents |= 1u << BANK_CHANNEL_MOBILE;
    return consents;
}

/* Some take a consent back while we watch, and a few of them all at once: do not contact me. */
static void draw_withdrawal(struct synth_life_state *life, struct lx_rng *rng)
{
    const struct synth_world *world = life->world;
    double years = world->month_count / 12.0;
    bool is_one = lx_rng_chance(rng, world->profile->withdrawn_yearly * years);
    bool is_all = lx_rng_chance(rng, world->profile->do_not_contact);
    static const uint8_t TAKEN_BACK[] = {BANK_CHANNEL_NONE, BANK_CHANNEL_PHONE, BANK_CHANNEL_SMS,
                                         BANK_CHANNEL_MOBILE};
    uint8_t one = TAKEN_BACK[lx_rng_below(rng, LX_COUNT_OF(TAKEN_BACK))];
    int32_t first = life->joined_day > world->first_day ? life->joined_day : world->first_day;
    int32_t day = first + (int32_t)lx_rng_below(rng, (uint64_t)(world->end_day - first) + 1);
    life->withdrawn_day = life->listed_until = INT32_MAX;
    life->is_do_not_contact = is_all;
    if (!is_one && !is_all) return;
    uint32_t all = 1u << BANK_CHANNEL_PHONE | 1u << BANK_CHANNEL_SMS | 1u << BANK_CHANNEL_RM |
                   1u << BANK_CHANNEL_MOBILE;
    life->withdrawn = is_all ? all : 1u << one & life->consents;
    if (one == BANK_CHANNEL_PHONE) life->withdrawn |= 1u << BANK_CHANNEL_RM & life->consents;
    if (life->withdrawn != 0) life->withdrawn_day = day;
}

static void draw_person(struct synth_life_state *life, struct lx_rng *rng)
{
    const struct synth_world *world = life->world;
    const struct synth_profile *profile = world->profile;
    life->branch = pick_branch(world, rng);
    life->stage = pick_stage(world, world->branches[life->branch].place, rng);
    const struct synth_stage_profile *stage = &profile->stages[life->stage];
    life->is_female = lx_rng_chance(rng, 0.5);
    double age = stage->age_min + (stage->age_max - stage->age_min) * lx_rng_uniform(rng);
    life->birth_day = world->first_day - (int32_t)(age * 365.25) - (int32_t)lx_rng_below(rng, 365);
    life->joined_day = pick_joined(world, life->birth_day, rng);
    life->left_day = pick_left(world, life->joined_day, rng);
    draw_wealth(life, rng);
    life->digital = stage->digital + 0.9 * lx_rng_normal(rng);
    life->digital_share = synth_logistic(life->digital);
    life->risk = stage->risk + 0.8 * lx_rng_normal(rng) + 0.15 * life->wealth_z;
    life->risk_level = (int)synth_clamp(3.0 + 1.1 * life->risk, 1, 5.99);
    life->activity = lx_rng_gamma(rng, profile->activity_shape) / profile->activity_shape;
    life->block->tally.activity += life->activity;
    life->has_salary = lx_rng_chance(rng, stage->salary);
    /* Whose pay comes here lives with this card; the others use it now and then. */
    life->activity = life->has_salary ? 0.3 + 1.2 * life->activity : 0.9 * life->activity;
    static const int PAY_DAYS[] = {5, 8, 10, 10, 15, 15, 20, 25};
    life->pay_day = PAY_DAYS[lx_rng_below(rng, LX_COUNT_OF(PAY_DAYS))];
    life->occupation = pick_occupation(life, rng);
    life->education = pick_education(life, (int)age, rng);
    double married = synth_logistic((age - 27) / 2.5) * 0.93;
    life->is_married = lx_rng_chance(rng, married);
    life->has_phone = lx_rng_chance(rng, 0.86 + 0.1 * life->digital_share);
    life->consents = draw_consents(profile, rng);
    draw_withdrawal(life, rng);
}

static void draw_assessment(struct synth_life_state *life, struct lx_rng *rng)
{
    const struct synth_world *world = life->world;
    life->assessed_until = INT32_MIN;
    if (!lx_rng_chance(rng, world->profile->assessed)) return;
    int32_t day = world->first_day - 1 - (int32_t)lx_rng_below(rng, 900);
    if (day <= life->joined_day) return;
    life->assessed_level = life->risk_level;
    life->assessed_until = lx_day_add_months(day, 12);
    synth_put_risk(life, life->assessed_level, day);
}

/* A quarter of the customers, the wealthy first, have a manager of their own; a tenth of them have
 * had another one before. */
static void draw_manager(struct synth_life_state *life, struct lx_rng *rng)
{
    const struct synth_world *world = life->world;
    const struct synth_branch *branch = &world->branches[life->branch];
    bool has_manager = lx_rng_chance(rng, synth_logistic(2.2 * life->wealth_z - 2.2));
    uint32_t now = branch->manager_first + (uint32_t)lx_rng_below(rng, branch->manager_count);
    uint32_t before = branch->manager_first + (uint32_t)lx_rng_below(rng, branch->manager_count);
    bool has_changed = lx_rng_chance(rng, 0.1);
    int32_t days = world->end_day - life->joined_day;
    int32_t from = life->joined_day + (int32_t)lx_rng_below(rng, (uint64_t)days / 2 + 1);
    int32_t changed = from + (int32_t)lx_rng_below(rng, (uint64_t)(world->end_day - from) + 1);
    if (!has_manager) return;
    if (has_changed && before != now && changed > from) {
        synth_put_assignment(life, before, from, changed - 1);
        from = changed;
    }
    synth_put_assignment(life, now, from, INT32_MAX);
}

/* Of those who want no contact at all some take their consents back, and some have themselves put
 * on the bank's list, a few of them only for half a year. */
static void put_listing(struct synth_life_state *life)
{
    const struct synth_world *world = life->world;
    bool is_listed = lx_rng_chance(&life->cases, world->profile->listed);
    bool is_for_a_while = lx_rng_chance(&life->cases, world->profile->listed_for_a_while);
    if (!life->is_do_not_contact || !is_listed || life->withdrawn_day >= world->end_day) return;
    life->is_listed = true;
    if (is_for_a_while) life->listed_until = lx_day_add_months(life->withdrawn_day, 6);
    synth_put_do_not_contact(life, life->withdrawn_day, life->listed_until);
}

/* The law of November 2021 asks for consent; who joined earlier was asked then. */
static void put_consents(struct synth_life_state *life, struct lx_rng *rng)
{
    static const struct lx_civil LAW = {2021, 11, 1};
    static const uint8_t ASKED[] = {BANK_CHANNEL_NONE, BANK_CHANNEL_PHONE, BANK_CHANNEL_SMS,
                                    BANK_CHANNEL_MOBILE};
    int32_t day = life->joined_day;
    if (day < lx_day_of_civil(LAW)) day = lx_day_of_civil(LAW) + (int32_t)lx_rng_below(rng, 360);
    if (day > life->world->end_day) return;
    for (size_t i = 0; i < LX_COUNT_OF(ASKED); i++) {
        bool is_granted = (life->consents >> ASKED[i] & 1) != 0;
        /* Most forms that were never filled in leave no row: silence is not consent. */
        if (is_granted || lx_rng_chance(rng, 0.15)) {
            synth_put_consent(life, ASKED[i], is_granted, day);
        }
        if (ASKED[i] == BANK_CHANNEL_PHONE && is_granted)
            synth_put_consent(life, BANK_CHANNEL_RM, true, day);
    }
    for (uint8_t channel = 0; channel < BANK_CHANNEL_END; channel++) {
        bool is_withdrawn = life->withdrawn_day != INT32_MAX && !life->is_listed &&
                            (life->withdrawn >> channel & 1) != 0;
        if (is_withdrawn && life->withdrawn_day > day)
            synth_put_consent(life, channel, false, life->withdrawn_day);
    }
}

static void make_id(struct synth_life_state *life, struct lx_rng *rng)
{
    static const char DIGITS[] = "0123456789abcdef";
    for (int half = 0; half < 2; half++) {
        uint64_t bits = lx_rng_next(rng);
        for (int i = 0; i < SYNTH_ID_SIZE / 2; i++, bits >>= 4)
            life->id[half * SYNTH_ID_SIZE / 2 + i] = DIGITS[bits & 15];
    }
}

void synth_be_born(struct synth_life_state *life, struct synth_block *block, uint64_t number)
{
    memset(life, 0, offsetof(struct synth_life_state, events));
    life->block = block;
    life->world = block->world;
    life->number = number;
    struct lx_rng identity = synth_stream_of(life->world, number, SYNTH_STREAM_ID);
    make_id(life, &identity);
    struct lx_rng rng = synth_stream_of(life->world, number, SYNTH_STREAM_TRAITS);
    life->rng = synth_stream_of(life->world, number, SYNTH_STREAM_LIFE);
    life->clerk = synth_stream_of(life->world, number, SYNTH_STREAM_CLERK);
    block->dirt = synth_stream_of(life->world, number, SYNTH_STREAM_DIRT);
    uint32_t ppm = life->world->options->dirt_ppm;
    block->rows_until_dirt = ppm == 0 ? UINT64_MAX : (uint64_t)synth_wait(&block->dirt, 1e6 / ppm);

    draw_person(life, &rng);
    synth_name(life->world->names, &identity, life->is_female, life->name, &life->name_length);
    life->cases = lx_rng_of(lx_rng_next(&identity), 0);
    life->desk = lx_rng_of(lx_rng_next(&identity), 0);
    draw_needs(life, &rng);
    synth_set_tastes(life);
    synth_put_customer(life, life->joined_day);
    put_listing(life);
    put_consents(life, &rng);
    draw_assessment(life, &rng);
    draw_manager(life, &rng);
    /* Where the months would bring it: pay and transfers settle above what he means to hold. */
    double settled = 1.7 * life->wealth_yuan * life->liquid_share;
    life->balance_fen = (int64_t)synth_lognormal(&rng, settled, 0.5) * 100;
}

void synth_change_stage(struct synth_life_state *life, enum synth_stage stage)
{
    const struct synth_stage_profile *before = &life->world->profile->stages[life->stage];
    const struct synth_stage_profile *after = &life->world->profile->stages[stage];
    for (int i = 0; i < SYNTH_NEED_COUNT; i++)
        life->need_base[i] += after->need[i] - before->need[i];
    life->stage = stage;
    life->occupation = pick_occupation(life, &life->rng);
}
