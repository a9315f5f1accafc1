#include "ingest/synth_model.h"

#include <math.h>
#include <string.h>

/* A decision ripens, is strongest some months after the event of life, and fades within a year. */
static const double LIFE_WAVE[] = {0.4, 0.8, 1, 1, 0.9, 0.8, 0.65, 0.5, 0.4, 0.3, 0.2, 0.1};

/* More than this in a month would say that the profile's effects got out of hand. */
#define HAZARD_MAX 0.3

static const struct synth_product_profile *product_of(const struct synth_life_state *life,
                                                      int product)
{
    return &life->world->profile->products[product];
}

static enum synth_flow flow_of(const struct synth_life_state *life, int product)
{
    return (enum synth_flow)product_of(life, product)->flow;
}

void synth_set_tastes(struct synth_life_state *life)
{
    const struct synth_profile *profile = life->world->profile;
    for (int p = 0; p < life->world->product_count; p++) {
        const struct synth_product_profile *product = &profile->products[p];
        double taste = product->own_taste * lx_rng_normal(&life->rng);
        for (int i = 0; i < SYNTH_TASTE_COUNT; i++) taste += product->taste[i] * life->taste[i];
        life->hidden[p] = profile->taste_scale * taste;
        life->fixed[p] = life->hidden[p] + profile->effect * (product->wealth * life->wealth_z +
                                                              product->risk * life->risk +
                                                              product->digital * life->digital);
    }
}

/* Several deposits of a kind may run side by side; of everything else one is enough. */
static bool is_blocked(const struct synth_life_state *life, int product, int32_t day, int age)
{
    const struct bank_product *entry = &life->world->catalogue->products[product];
    enum synth_flow flow = flow_of(life, product);
    int held_max = flow == SYNTH_FLOW_DEPOSIT ? 3 : 1;
    if (flow == SYNTH_FLOW_CURRENT || life->held[product] >= held_max) return true;
    if (entry->status != BANK_PRODUCT_ON_SALE || entry->launched_day > day) return true;
    if (age < entry->age_min || age > entry->age_max) return true;
    if (flow != SYNTH_FLOW_LOAN && flow != SYNTH_FLOW_CARD) return false;
    for (size_t i = 0; i < life->holding_count; i++)
        if (life->holdings[i].overdue_months > 0) return true;
    return false;
}

bool synth_can_open(const struct synth_life_state *life, int product, int32_t day)
{
    return life->holding_count < SYNTH_HOLDINGS_MAX &&
           !is_blocked(life, product, day, synth_age(life, day));
}

/* What every product's hazard looks at, found once a month. */
struct mood {
    double age;    /* 1 is fifteen years above 45 */
    double idle;   /* logarithm of the balance over what he is used to keep */
    double active; /* logarithm of his activity */
    double holder; /* doublings of what he holds beside savings, and one */
    double years;  /* since the window began */
};

static struct mood mood_of(const struct synth_life_state *life, int32_t day, int age)
{
    const struct synth_world *world = life->world;
    double target = life->wealth_yuan * life->liquid_share * 100 + 20000;
    int others = 0;
    for (size_t i = 0; i < life->holding_count; i++)
        others +=
            world->catalogue->products[life->holdings[i].product].category != BANK_CATEGORY_SAVINGS;
    static const double DOUBLINGS[] = {0, 1, 1.585, 2, 2.322};
    int top = (int)LX_COUNT_OF(DOUBLINGS) - 1;
    return (struct mood){
        .age = (age - 45) / 15.0,
        .idle = synth_clamp(lx_log(((double)life->balance_fen + 1000) / target), -2, 2),
        .active = synth_clamp(lx_log(life->activity + 1e-3), -3, 1.5),
        .holder = DOUBLINGS[others < top ? others : top],
        .years = (day - world->first_day) / 365.25,
    };
}

static double visible_effect(const struct synth_life_state *life, int p, const struct mood *mood)
{
    const struct synth_product_profile *product = product_of(life, p);
    double sum = product->stage[life->stage] + product->age * mood->age +
                 product->idle * mood->idle + product->active * mood->active +
                 product->holder * mood->holder + product->drift * mood->years +
                 product->visit * synth_clamp(life->visited, 0, 2);
    if (life->viewed[p] > 0) sum += product->view * lx_log(1 + life->viewed[p]);
    for (int i = 0; i < SYNTH_NEED_COUNT; i++) sum += product->need[i] * life->need[i];
    for (int i = 0; i < SYNTH_LIFE_COUNT; i++) {
        if (life->months_since[i] < (int)LX_COUNT_OF(LIFE_WAVE))
            sum += product->life[i] * LIFE_WAVE[life->months_since[i]];
    }
    for (size_t i = 0; i < life->holding_count; i++) {
        int other = life->holdings[i].product;
        sum += product->with[other] / life->held[other];
    }
    return sum;
}

void synth_find_hazards(struct synth_life_state *life, int32_t day, int month)
{
    const struct synth_world *world = life->world;
    int trend_month = month < 0 ? 0 : month, age = synth_age(life, day);
    size_t count = (size_t)world->product_count, months = (size_t)world->month_count;
    const float *branch =
        world->branch_trend + ((size_t)life->branch * months + (size_t)trend_month) * count;
    const float *band =
        world->age_trend + ((size_t)synth_age_band(age) * months + (size_t)trend_month) * count;
    struct mood mood = mood_of(life, day, age);
    for (int p = 0; p < world->product_count; p++) {
        double own = life->fixed[p] + (double)branch[p] + (double)band[p] +
                     world->profile->effect * visible_effect(life, p, &mood);
        life->log_hazard[p] = world->tuning.open[p] + own;
        life->hazard[p] = 0;
        if (product_of(life, p)->monthly_ppm <= 0 || is_blocked(life, p, day, age)) continue;
        double hazard = lx_exp(life->log_hazard[p]);
        life->hazard[p] = hazard < HAZARD_MAX ? hazard : HAZARD_MAX;
    }
}

/* A common term (in months) near the catalogue's, so that what matures is not all of one length. */
static int32_t pick_end(struct synth_life_state *life, int product, int32_t day)
{
    static const int TERMS[] = {3, 6, 12, 24, 36, 60};
    int term_days = life->world->catalogue->products[product].term_days;
    enum synth_flow flow = flow_of(life, product);
    if (term_days == 0) return INT32_MAX;
    if (flow != SYNTH_FLOW_DEPOSIT) return day + term_days;
    double weights[LX_COUNT_OF(TERMS)], sum = 0;
    for (size_t i = 0; i < LX_COUNT_OF(TERMS); i++) {
        double distance = lx_log(TERMS[i] * 30.4 / term_days);
        sum += weights[i] = lx_exp(-1.2 * distance * distance);
    }
    return lx_day_add_months(day, TERMS[synth_pick(&life->rng, weights, LX_COUNT_OF(TERMS), sum)]);
}

static int64_t pick_amount(struct synth_life_state *life, int product)
{
    const struct synth_product_profile *entry = product_of(life, product);
    if (entry->amount_yuan <= 0) return 0;
    double yuan = synth_lognormal(&life->rng, entry->amount_yuan, entry->amount_spread) *
                  lx_exp(0.6 * life->wealth_z);
    double unit = yuan < 2000 ? 100 : yuan < 100000 ? 1000 : 10000;
    int64_t fen = (int64_t)((floor(yuan / unit) + 1) * unit) * 100;
    int64_t minimum_fen = life->world->catalogue->products[product].minimum_fen;
    return fen < minimum_fen ? minimum_fen : fen;
}

static struct synth_holding *add_holding(struct synth_life_state *life, int product, int32_t day,
                                         int32_t second, uint8_t channel)
{
    LX_ASSERT(life->holding_count < SYNTH_HOLDINGS_MAX);
    int32_t ends_day = pick_end(life, product, day);
    int64_t amount_fen = pick_amount(life, product);
    struct synth_holding *holding = &life->holdings[life->holding_count++];
    *holding = (struct synth_holding){.product = product,
                                      .opened_day = day,
                                      .opened_second = second,
                                      .ends_day = ends_day,
                                      .amount_fen = amount_fen,
                                      .number = ++life->contract_number,
                                      .channel = channel};
    life->held[product]++;
    enum synth_flow flow = flow_of(life, product);
    if (flow == SYNTH_FLOW_LOAN || flow == SYNTH_FLOW_CARD) {
        int months = holding->ends_day == INT32_MAX ? 24 : (holding->ends_day - day) / 30 + 1;
        double rate = (double)life->world->catalogue->products[product].rate_ppm / 12e6;
        holding->instalment_fen =
            (int64_t)((double)holding->amount_fen * (1.0 / months + 0.7 * rate));
    }
    const struct synth_product_profile *entry = product_of(life, product);
    if (entry->after_digital > 0) {
        life->digital += entry->after_digital;
        life->digital_share = synth_logistic(life->digital);
    }
    life->activity *= 1 + entry->after_activity;
    return holding;
}

static void remove_holding(struct synth_life_state *life, size_t index, int32_t day, int32_t second)
{
    struct synth_holding *holding = &life->holdings[index];
    synth_put_contract(life, holding, day, second);
    life->held[holding->product]--;
    memmove(holding, holding + 1, (--life->holding_count - index) * sizeof *holding);
}

static uint8_t pick_channel(struct synth_life_state *life, int product)
{
    uint32_t sold = life->world->catalogue->products[product].channels;
    bool is_digital = lx_rng_chance(&life->rng, life->digital_share);
    static const uint8_t DIGITAL[] = {BANK_CHANNEL_MOBILE, BANK_CHANNEL_WEB};
    static const uint8_t PERSONAL[] = {BANK_CHANNEL_COUNTER, BANK_CHANNEL_RM};
    const uint8_t *wanted = is_digital ? DIGITAL : PERSONAL;
    uint8_t first = wanted[lx_rng_chance(&life->rng, 0.15)];
    if (sold >> first & 1) return first;
    for (uint8_t channel = 1; channel < BANK_CHANNEL_END; channel++)
        if (sold >> channel & 1) return channel;
    return BANK_CHANNEL_COUNTER;
}

static bool is_savings(const struct synth_life_state *life, int product)
{
    return life->world->catalogue->products[product].category == BANK_CATEGORY_SAVINGS;
}

/* What is sold along with a product, at the same desk or on the same page; -1: nothing. */
static int pick_companion(struct synth_life_state *life, int product)
{
    const struct synth_world *world = life->world;
    if (is_savings(life, product) || !lx_rng_chance(&life->rng, world->profile->bundle)) return -1;
    double weights[SYNTH_PRODUCT_MAX], sum = 0;
    for (int p = 0; p < world->product_count; p++) {
        bool is_other = p != product && !is_savings(life, p) && life->held[p] == 0;
        weights[p] = is_other ? life->hazard[p] * lx_exp(product_of(life, p)->with[product]) : 0;
        sum += weights[p];
    }
    if (sum <= 0) return -1;
    int companion = (int)synth_pick(&life->rng, weights, (size_t)world->product_count, sum);
    return weights[companion] > 0 ? companion : -1;
}

/* One opening of the past, with what became of it before the window. */
static void open_in_history(struct synth_life_state *life, int product, int32_t day)
{
    const struct synth_world *world = life->world;
    const struct synth_product_profile *entry = product_of(life, product);
    while (synth_can_open(life, product, day)) {
        int32_t second = 9 * 3600 + (int32_t)lx_rng_below(&life->rng, 25000);
        uint8_t channel = pick_channel(life, product);
        struct synth_holding *holding = add_holding(life, product, day, second, channel);
        int32_t ends = holding->ends_day;
        if (ends == INT32_MAX && entry->close_ppm > 0) {
            double days = synth_wait(&life->rng, 30.4e6 / entry->close_ppm);
            if (days < world->first_day - day) ends = day + 1 + (int32_t)days;
        }
        if (ends >= world->first_day) return;
        remove_holding(life, life->holding_count - 1, ends, 3600);
        if (!lx_rng_chance(&life->rng, entry->renew)) return;
        day = ends;
    }
}

void synth_live_history(struct synth_life_state *life)
{
    const struct synth_world *world = life->world;
    struct synth_holding *current =
        add_holding(life, world->current, life->joined_day, 9 * 3600 + 1800, BANK_CHANNEL_COUNTER);
    current->ends_day = INT32_MAX;
    for (int back = (int)world->profile->history_years; back > 0; back--) {
        int32_t from = world->first_day - back * 365, end = from + 365;
        if (life->joined_day >= end) continue;
        if (from < life->joined_day) from = life->joined_day;
        synth_find_hazards(life, end - 1, -1);
        double sum = 0;
        for (int p = 0; p < world->product_count; p++) {
            double faded = life->hazard[p];
            for (int i = 0; i < back; i++) faded *= product_of(life, p)->history;
            sum += life->hazard[p] = faded * 12 * (end - from) / 365;
        }
        if (sum <= 0 || !lx_rng_chance(&life->rng, 1 - lx_exp(-sum))) continue;
        int product = (int)synth_pick(&life->rng, life->hazard, (size_t)world->product_count, sum);
        int32_t day = from + (int32_t)lx_rng_below(&life->rng, (uint64_t)(end - from));
        if (life->hazard[product] <= 0) continue;
        open_in_history(life, product, day);
        int companion = pick_companion(life, product);
        if (companion >= 0) open_in_history(life, companion, day);
    }
}

static void receive(struct synth_life_state *life, const struct synth_holding *holding,
                    enum bank_event_kind kind, int32_t day, int32_t second, double gain)
{
    struct synth_event *event = synth_add_event(life, kind, day, second);
    event->channel = BANK_CHANNEL_SYSTEM;
    event->product = (int16_t)holding->product;
    event->amount_fen = (int64_t)((double)holding->amount_fen * (1 + gain));
}

static double gain_of(struct synth_life_state *life, const struct synth_holding *holding,
                      int32_t day)
{
    const struct bank_product *entry = &life->world->catalogue->products[holding->product];
    double years = (day - holding->opened_day) / 365.0;
    double luck = (entry->risk - 1) * 0.02 * lx_rng_normal(&life->rng);
    return synth_clamp((double)entry->rate_ppm / 1e6 * years + luck * sqrt(years), -0.5, 2);
}

/* What has run its term: the money comes back, and the customer decides what becomes of it. */
static void mature(struct synth_life_state *life, size_t index)
{
    struct synth_holding holding = life->holdings[index];
    const struct synth_product_profile *entry = product_of(life, holding.product);
    enum synth_flow flow = flow_of(life, holding.product);
    int32_t day = holding.ends_day, second = 3 * 3600;
    if (day < life->month_first) day = life->month_first;
    if (flow == SYNTH_FLOW_DEPOSIT)
        receive(life, &holding, BANK_EVENT_KIND_DEPOSIT_MATURED, day, second,
                gain_of(life, &holding, day));
    else if (flow == SYNTH_FLOW_INVESTMENT)
        receive(life, &holding, BANK_EVENT_KIND_TRANSFER_IN, day, second,
                gain_of(life, &holding, day));
    remove_holding(life, index, day, second);
    if (!lx_rng_chance(&life->rng, entry->renew)) return;
    int32_t wait = (int32_t)synth_clamp(synth_wait(&life->rng, 6), 0, 40);
    synth_plan(life, holding.product, day, day + wait, true);
}

static void repay(struct synth_life_state *life, struct synth_holding *holding)
{
    int dom = lx_civil_of_day(holding->opened_day).day;
    int32_t day = life->world->month_days[life->month] + (dom > 28 ? 28 : dom) - 1;
    if (day < life->month_first || day >= life->month_end || day <= holding->opened_day) return;
    bool is_card = flow_of(life, holding->product) == SYNTH_FLOW_CARD;
    if (is_card && !lx_rng_chance(&life->rng, 0.8)) return;
    int64_t due = holding->instalment_fen;
    if (is_card) due = (int64_t)((double)due * lx_exp(0.5 * lx_rng_normal(&life->rng)));
    bool is_short = life->balance_fen < due;
    double strain = is_short ? 0.12 * lx_exp(0.5 * life->need[SYNTH_NEED_LIQUIDITY]) : 0.002;
    if (lx_rng_chance(&life->rng, synth_clamp(strain, 0, 0.5)) && holding->overdue_months < 4) {
        holding->overdue_months++;
        if (day + 1 >= life->month_end) return;
        struct synth_event *late = synth_add_event(life, BANK_EVENT_KIND_OVERDUE, day + 1, 3600);
        late->channel = BANK_CHANNEL_SYSTEM;
        late->product = (int16_t)holding->product;
        late->amount_fen = due;
        return;
    }
    struct synth_event *event =
        synth_add_event(life, BANK_EVENT_KIND_LOAN_REPAYMENT, day, 17 * 3600);
    event->channel = BANK_CHANNEL_SYSTEM;
    event->product = (int16_t)holding->product;
    event->amount_fen = -due * (1 + holding->overdue_months);
    event->is_owed = true;
    holding->overdue_months = 0;
}

static void add_premium(struct synth_life_state *life, const struct synth_holding *holding,
                        int32_t day, int32_t second, uint8_t channel)
{
    struct synth_event *event = synth_add_event(life, BANK_EVENT_KIND_BILL_PAYMENT, day, second);
    event->channel = channel;
    event->merchant = BANK_MERCHANT_INSURANCE;
    event->product = (int16_t)holding->product;
    event->amount_fen = -holding->amount_fen;
    event->is_owed = true;
}

static void pay_anniversary(struct synth_life_state *life, const struct synth_holding *holding)
{
    int months = 12;
    int32_t day = lx_day_add_months(holding->opened_day, months);
    while (day < life->month_first && months < 1200)
        day = lx_day_add_months(holding->opened_day, months += 12);
    if (day < life->month_end && day < holding->ends_day)
        add_premium(life, holding, day, 5 * 3600, BANK_CHANNEL_SYSTEM);
}

void synth_serve_holdings(struct synth_life_state *life)
{
    for (size_t i = life->holding_count; i-- > 0;) {
        struct synth_holding *holding = &life->holdings[i];
        if (holding->ends_day < life->month_end) {
            mature(life, i);
            continue;
        }
        switch (flow_of(life, holding->product)) {
        case SYNTH_FLOW_LOAN:
        case SYNTH_FLOW_CARD: repay(life, holding); break;
        case SYNTH_FLOW_INSURANCE: pay_anniversary(life, holding); break;
        case SYNTH_FLOW_CURRENT:
        case SYNTH_FLOW_DEPOSIT:
        case SYNTH_FLOW_INVESTMENT:
        case SYNTH_FLOW_SERVICE:
        case SYNTH_FLOW_COUNT: break;
        }
    }
}

/* Between the decision and the opening he looks at the pages, or comes and asks. */
static void leave_footprints(struct synth_life_state *life, int product, int32_t from, int32_t to)
{
    const struct synth_profile *profile = life->world->profile;
    if (from < life->month_first) from = life->month_first;
    if (to >= life->month_end) to = life->month_end - 1;
    if (to < from) return;
    uint64_t days = (uint64_t)(to - from) + 1;
    if (!lx_rng_chance(&life->rng, life->digital_share)) {
        if (!lx_rng_chance(&life->rng, 0.4)) return;
        bool is_call = lx_rng_chance(&life->rng, 0.4);
        uint8_t channel = is_call ? BANK_CHANNEL_PHONE : BANK_CHANNEL_COUNTER;
        int32_t day = from + (int32_t)lx_rng_below(&life->rng, days);
        synth_add_event(life, is_call ? BANK_EVENT_KIND_CALL : BANK_EVENT_KIND_VISIT, day,
                        synth_second_of(life, channel))
            ->channel = channel;
        return;
    }
    uint32_t count = lx_rng_poisson(&life->rng, profile->intent_views);
    if (count > 6) count = 6;
    for (uint32_t i = 0; i < count; i++) {
        int32_t day = from + (int32_t)lx_rng_below(&life->rng, days);
        int32_t second = synth_second_of(life, BANK_CHANNEL_MOBILE);
        synth_add_event(life, BANK_EVENT_KIND_LOGIN, day, second)->channel = BANK_CHANNEL_MOBILE;
        struct synth_event *view =
            synth_add_event(life, BANK_EVENT_KIND_PAGE_VIEW, day, second + 15);
        view->channel = BANK_CHANNEL_MOBILE;
        view->product = (int16_t)product;
        view->quantity = (int32_t)synth_clamp(synth_lognormal(&life->rng, 35, 0.8), 2, 900);
    }
}

void synth_plan(struct synth_life_state *life, int product, int32_t decided_day, int32_t open_day,
                bool is_quiet)
{
    if (life->plan_count == SYNTH_PLANS_MAX) return;
    for (size_t i = 0; i < life->plan_count; i++)
        if (life->plans[i].product == product) return;
    life->plans[life->plan_count++] = (struct synth_plan){
        .product = product, .day = open_day, .channel = pick_channel(life, product)};
    if (!is_quiet) leave_footprints(life, product, decided_day, open_day - 1);
}

/* One decision a month at most, in proportion to the hazards. */
void synth_make_plans(struct synth_life_state *life)
{
    double sum = 0, part = (life->month_end - life->month_first) / 30.4;
    struct synth_tally *tally = &life->block->tally;
    for (int p = 0; p < life->world->product_count; p++) {
        sum += life->hazard[p];
        tally->hazard[p] += life->hazard[p];
        tally->hazard_months[p] += life->hazard[p] > 0;
    }
    if (!lx_rng_chance(&life->rng, 1 - lx_exp(-sum * part))) return;
    int product =
        (int)synth_pick(&life->rng, life->hazard, (size_t)life->world->product_count, sum);
    if (life->hazard[product] <= 0) return;
    int32_t day = synth_day_in_month(life);
    double lag = synth_wait(&life->rng, life->world->profile->lag_days);
    synth_plan(life, product, day, day + (int32_t)synth_clamp(lag, 0, 60), false);
}

/* What carries risk may be sold only to who has been asked how much he can bear. */
static void assess_if_needed(struct synth_life_state *life, int product, int32_t day)
{
    int risk = life->world->catalogue->products[product].risk;
    enum synth_flow flow = flow_of(life, product);
    if (flow != SYNTH_FLOW_INVESTMENT && flow != SYNTH_FLOW_INSURANCE) return;
    if (life->assessed_until > day && life->assessed_level >= risk) return;
    if (risk == 1 && lx_rng_chance(&life->rng, 0.7)) return;
    int32_t asked = day - (int32_t)lx_rng_below(&life->rng, 4);
    if (asked < life->month_first) asked = life->month_first;
    life->assessed_level = life->risk_level > risk ? life->risk_level : risk;
    life->assessed_until = lx_day_add_months(asked, 12);
    synth_put_risk(life, life->assessed_level, asked);
}

static void open_product(struct synth_life_state *life, const struct synth_plan *plan)
{
    int32_t second = synth_second_of(life, plan->channel);
    assess_if_needed(life, plan->product, plan->day);
    struct synth_holding *holding =
        add_holding(life, plan->product, plan->day, second, plan->channel);
    switch (flow_of(life, plan->product)) {
    case SYNTH_FLOW_DEPOSIT:
    case SYNTH_FLOW_INVESTMENT:
    case SYNTH_FLOW_LOAN: {
        bool is_loan = flow_of(life, plan->product) == SYNTH_FLOW_LOAN;
        struct synth_event *event = synth_add_event(
            life, is_loan ? BANK_EVENT_KIND_TRANSFER_IN : BANK_EVENT_KIND_TRANSFER_OUT, plan->day,
            second);
        event->channel = plan->channel;
        event->product = (int16_t)plan->product;
        event->amount_fen = is_loan ? holding->amount_fen : -holding->amount_fen;
        event->is_owed = true;
        return;
    }
    case SYNTH_FLOW_INSURANCE: add_premium(life, holding, plan->day, second, plan->channel); return;
    case SYNTH_FLOW_CURRENT:
    case SYNTH_FLOW_CARD:
    case SYNTH_FLOW_SERVICE:
    case SYNTH_FLOW_COUNT: return;
    }
}

void synth_carry_out_plans(struct synth_life_state *life)
{
    size_t kept = 0;
    for (size_t i = 0; i < life->plan_count; i++) {
        struct synth_plan plan = life->plans[i];
        if (plan.day >= life->month_end) {
            life->plans[kept++] = plan;
            continue;
        }
        if (plan.day < life->month_first) plan.day = life->month_first;
        if (!synth_can_open(life, plan.product, plan.day)) continue;
        open_product(life, &plan);
        int companion = pick_companion(life, plan.product);
        int32_t wait = (int32_t)lx_rng_below(&life->rng, 8);
        if (companion >= 0) synth_plan(life, companion, plan.day, plan.day + wait, true);
    }
    life->plan_count = kept;
}

void synth_close_some(struct synth_life_state *life)
{
    for (size_t i = life->holding_count; i-- > 0;) {
        struct synth_holding *holding = &life->holdings[i];
        const struct synth_product_profile *entry = product_of(life, holding->product);
        enum synth_flow flow = flow_of(life, holding->product);
        if (flow == SYNTH_FLOW_CURRENT || holding->ends_day != INT32_MAX) continue;
        double chance = entry->close_ppm / 1e6 * lx_exp(-0.4 * life->hidden[holding->product]);
        if (!lx_rng_chance(&life->rng, chance)) continue;
        int32_t day = synth_day_in_month(life), second = synth_second_of(life, holding->channel);
        if (day <= holding->opened_day) continue;
        if (flow == SYNTH_FLOW_INVESTMENT)
            receive(life, holding, BANK_EVENT_KIND_TRANSFER_IN, day, second,
                    gain_of(life, holding, day));
        remove_holding(life, i, day, second);
    }
}

void synth_leave(struct synth_life_state *life)
{
    int32_t day = life->left_day;
    life->month_end = day + 1;
    for (size_t i = life->holding_count; i-- > 0;) {
        struct synth_holding *holding = &life->holdings[i];
        enum synth_flow flow = flow_of(life, holding->product);
        if (flow == SYNTH_FLOW_DEPOSIT || flow == SYNTH_FLOW_INVESTMENT) {
            receive(life, holding, BANK_EVENT_KIND_TRANSFER_IN, day, 15 * 3600, 0);
        } else if (flow == SYNTH_FLOW_LOAN) {
            receive(life, holding, BANK_EVENT_KIND_LOAN_REPAYMENT, day, 15 * 3600 + 60, -1.4);
            life->events[life->event_count - 1].is_owed = true;
        }
        remove_holding(life, i, day, 15 * 3600 + 300);
    }
    struct synth_event *rest =
        synth_add_event(life, BANK_EVENT_KIND_CASH_OUT, day, 15 * 3600 + 240);
    rest->channel = BANK_CHANNEL_COUNTER;
}

void synth_end_holdings(struct synth_life_state *life)
{
    bool is_holder = false;
    for (size_t i = 0; i < life->holding_count; i++) {
        const struct synth_holding *holding = &life->holdings[i];
        is_holder |=
            life->world->catalogue->products[holding->product].category != BANK_CATEGORY_SAVINGS;
        synth_put_contract(life, holding, INT32_MAX, 0);
    }
    life->block->counts.holders += is_holder;
}
