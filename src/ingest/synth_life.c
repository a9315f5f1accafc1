#include "ingest/synth_model.h"

#include <math.h>
#include <string.h>

/* What a customer does by himself in a month, apart from products: how often, on average. */
enum habit { TRANSFER_IN, TRANSFER_OUT, CARD, BILL, CASH_IN, CASH_OUT, LOGIN, VISIT, CALL, HABITS };

/* Habits stop short of the month's room, so that events of products always find some. */
enum { HABIT_EVENTS_MAX = SYNTH_MONTH_EVENTS_MAX - 256 };

/* Weights of merchants and pages, found once a month and only if asked for. */
struct month_weights {
    double card[BANK_MERCHANT_END], transfer[BANK_MERCHANT_END], page[SYNTH_PRODUCT_MAX];
    double card_sum, transfer_sum, page_sum; /* 0: not yet found */
};

struct synth_event *synth_add_event(struct synth_life_state *life, enum bank_event_kind kind,
                                    int32_t day, int32_t second)
{
    LX_ASSERT(day >= life->month_first && day < life->month_end);
    LX_ASSERT(life->event_count < SYNTH_MONTH_EVENTS_MAX);

    struct synth_event *event = &life->events[life->event_count++];
    *event = (struct synth_event){.day = day,
                                  .second = second,
                                  .kind = (uint8_t)kind,
                                  .product = BANK_NO_PRODUCT,
                                  .amount_fen = BANK_NO_AMOUNT};
    return event;
}

int32_t synth_day_in_month(struct synth_life_state *life)
{
    return life->month_first +
           (int32_t)lx_rng_below(&life->rng, (uint64_t)(life->month_end - life->month_first));
}

/* Counters keep office hours; telephones follow at any decent hour of the day. */
int32_t synth_second_of(struct synth_life_state *life, uint8_t channel)
{
    bool is_office = channel == BANK_CHANNEL_COUNTER || channel == BANK_CHANNEL_RM ||
                     channel == BANK_CHANNEL_PHONE;
    double from = is_office ? 8.5 : 6.5, to = is_office ? 17.0 : 23.0;
    return (int32_t)((from + (to - from) * lx_rng_uniform(&life->rng)) * 3600);
}

static double life_effect(const struct synth_life_state *life, int which)
{
    double months = life->world->profile->lives[which].months;
    double since = life->months_since[which];
    return since >= 2 * months ? 0 : since <= months ? 1 : 2 - since / months;
}

static void find_merchant_weights(const struct synth_life_state *life,
                                  struct month_weights *weights)
{
    const struct synth_profile *profile = life->world->profile;
    double boosts[BANK_MERCHANT_END] = {0};
    for (int i = 0; i < SYNTH_LIFE_COUNT; i++) {
        double effect = life_effect(life, i);
        if (effect <= 0) continue;
        for (int j = 1; j < BANK_MERCHANT_END; j++)
            boosts[j] += effect * profile->lives[i].merchant[j];
    }
    for (int j = 1; j < BANK_MERCHANT_END; j++) {
        const struct synth_merchant_profile *merchant = &profile->merchants[j];
        double sum = boosts[j];
        for (int i = 0; i < SYNTH_NEED_COUNT; i++) sum += merchant->need[i] * life->need[i];
        double factor = lx_exp(sum);
        weights->card_sum += weights->card[j - 1] = merchant->card * factor;
        weights->transfer_sum += weights->transfer[j - 1] = merchant->transfer * factor;
    }
}

static uint8_t pick_merchant(struct synth_life_state *life, struct month_weights *weights,
                             bool is_card)
{
    if (weights->card_sum <= 0) find_merchant_weights(life, weights);
    const double *list = is_card ? weights->card : weights->transfer;
    double sum = is_card ? weights->card_sum : weights->transfer_sum;
    return (uint8_t)(synth_pick(&life->rng, list, BANK_MERCHANT_END - 1, sum) + 1);
}

/* What he looks at leans toward what he is likely to open, as far as `interest` says. */
static int pick_page(struct synth_life_state *life, struct month_weights *weights)
{
    const struct synth_world *world = life->world;
    if (weights->page_sum <= 0) {
        for (int p = 0; p < world->product_count; p++) {
            const struct synth_product_profile *product = &world->profile->products[p];
            double lean = synth_clamp(life->log_hazard[p] - world->tuning.open[p], -6, 6);
            weights->page[p] = product->page * lx_exp(world->profile->interest * lean);
            weights->page_sum += weights->page[p];
        }
    }
    return (int)synth_pick(&life->rng, weights->page, (size_t)world->product_count,
                           weights->page_sum);
}

/* Amounts that people choose are round: to a unit of about a hundredth. */
static int64_t round_amount(double yuan)
{
    double unit = yuan < 200 ? 1 : yuan < 2000 ? 10 : yuan < 20000 ? 100 : 1000;
    double count = floor(yuan / unit + 0.5);
    return (int64_t)((count < 1 ? 1 : count) * unit) * 100;
}

static int64_t odd_amount(double yuan)
{
    return (int64_t)(synth_clamp(yuan, 0.5, 1e9) * 100);
}

/* Customers keep about as much here as suits their wealth: who has more moves more of it away, and
 * who has less brings some. */
static double freedom(const struct synth_life_state *life)
{
    double target = life->wealth_yuan * life->liquid_share * 100 + 20000;
    return synth_clamp(((double)life->balance_fen + 1000) / target, 0.1, 8);
}

static uint8_t own_channel(struct synth_life_state *life)
{
    if (lx_rng_chance(&life->rng, life->digital_share))
        return lx_rng_chance(&life->rng, 0.9) ? BANK_CHANNEL_MOBILE : BANK_CHANNEL_WEB;
    return lx_rng_chance(&life->rng, 0.5) ? BANK_CHANNEL_COUNTER : BANK_CHANNEL_ATM;
}

static void add_money(struct synth_life_state *life, enum bank_event_kind kind, uint8_t channel,
                      uint8_t merchant, int64_t amount_fen)
{
    int32_t day = synth_day_in_month(life);
    struct synth_event *event = synth_add_event(life, kind, day, synth_second_of(life, channel));
    event->channel = channel;
    event->merchant = merchant;
    event->amount_fen = amount_fen;
}

static void add_session(struct synth_life_state *life, struct month_weights *weights)
{
    uint8_t channel = lx_rng_chance(&life->rng, 0.85) ? BANK_CHANNEL_MOBILE : BANK_CHANNEL_WEB;
    int32_t day = synth_day_in_month(life), second = synth_second_of(life, channel);
    synth_add_event(life, BANK_EVENT_KIND_LOGIN, day, second)->channel = channel;
    life->logged_in += 1;
    uint32_t pages = lx_rng_poisson(&life->rng, 0.55);
    for (uint32_t i = 0; i < pages && life->event_count < HABIT_EVENTS_MAX; i++) {
        int product = pick_page(life, weights);
        bool is_skip = lx_rng_chance(&life->rng, 0.35);
        double lean = life->log_hazard[product] - life->world->tuning.open[product];
        double seconds = is_skip ? 1 + 2 * lx_rng_uniform(&life->rng)
                                 : synth_lognormal(&life->rng, 18, 0.8) *
                                       lx_exp(0.12 * synth_clamp(lean, -4, 5));
        second += 5 + (int32_t)lx_rng_below(&life->rng, 40);
        enum bank_event_kind kind = is_skip ? BANK_EVENT_KIND_PAGE_SKIP : BANK_EVENT_KIND_PAGE_VIEW;
        struct synth_event *event = synth_add_event(life, kind, day, second);
        event->channel = channel;
        event->product = (int16_t)product;
        event->quantity = (int32_t)synth_clamp(seconds, 1, 900);
        second += event->quantity;
        if (!is_skip) life->viewed[product] += 1;
    }
}

static void add_habit(struct synth_life_state *life, struct month_weights *weights,
                      enum habit habit, double free)
{
    const struct synth_merchant_profile *merchants = life->world->profile->merchants;
    double income = life->income_yuan, level = sqrt(income / 5000);
    struct lx_rng *rng = &life->rng;
    switch (habit) {
    case TRANSFER_IN: {
        uint8_t channel = own_channel(life);
        add_money(life, BANK_EVENT_KIND_TRANSFER_IN, channel, BANK_MERCHANT_OTHER,
                  round_amount(synth_lognormal(rng, 0.3 * income / sqrt(free), 1.0)));
        return;
    }
    case TRANSFER_OUT: {
        uint8_t kind = pick_merchant(life, weights, false), channel = own_channel(life);
        double median = merchants[kind].amount_yuan * 4 * level * level * free;
        add_money(life, BANK_EVENT_KIND_TRANSFER_OUT, channel, kind,
                  -round_amount(synth_lognormal(rng, median, 0.9)));
        return;
    }
    case CARD: {
        uint8_t kind = pick_merchant(life, weights, true);
        double median = merchants[kind].amount_yuan * level * sqrt(free);
        add_money(life, BANK_EVENT_KIND_CARD_PAYMENT, BANK_CHANNEL_POS, kind,
                  -odd_amount(synth_lognormal(rng, median, merchants[kind].spread)));
        return;
    }
    case BILL:
        add_money(life, BANK_EVENT_KIND_BILL_PAYMENT, BANK_CHANNEL_SYSTEM, BANK_MERCHANT_NONE,
                  -odd_amount(synth_lognormal(rng, 70 * level, 0.6)));
        return;
    case CASH_IN:
    case CASH_OUT: {
        bool is_in = habit == CASH_IN;
        double yuan = synth_lognormal(rng, 0.2 * income * (is_in ? 1 / sqrt(free) : free), 0.8);
        int64_t amount = (int64_t)(floor(yuan / 100) + 1) * 10000;
        uint8_t channel =
            yuan > 20000 || lx_rng_chance(rng, 0.35) ? BANK_CHANNEL_COUNTER : BANK_CHANNEL_ATM;
        add_money(life, is_in ? BANK_EVENT_KIND_CASH_IN : BANK_EVENT_KIND_CASH_OUT, channel,
                  BANK_MERCHANT_NONE, is_in ? amount : -amount);
        return;
    }
    case LOGIN: add_session(life, weights); return;
    case VISIT:
    case CALL: {
        bool is_visit = habit == VISIT;
        uint8_t channel = is_visit ? BANK_CHANNEL_COUNTER : BANK_CHANNEL_PHONE;
        int32_t day = synth_day_in_month(life);
        synth_add_event(life, is_visit ? BANK_EVENT_KIND_VISIT : BANK_EVENT_KIND_CALL, day,
                        synth_second_of(life, channel))
            ->channel = channel;
        life->visited += 1;
        return;
    }
    case HABITS: break;
    }
    lx_bug(__FILE__, __LINE__, "habit");
}

static void live_by_habit(struct synth_life_state *life)
{
    const struct synth_world *world = life->world;
    const struct synth_stage_profile *stage = &world->profile->stages[life->stage];
    const double *need = life->need;
    int calendar = lx_civil_of_day(life->month_first).month;
    double festival = calendar <= 2 ? 1.25 : calendar == 10 ? 1.1 : 0.97;
    double part = (life->month_end - life->month_first) / 30.4;
    double scale = world->tuning.event_scale * life->activity * part;
    double online = lx_exp(0.45 * need[SYNTH_NEED_CONVENIENCE] + 0.5 * life->digital);
    double rates[HABITS] = {
        [TRANSFER_IN] = stage->transfer_in * festival * lx_exp(0.3 * need[SYNTH_NEED_BUSINESS]),
        [TRANSFER_OUT] = stage->transfer_out * festival *
                         lx_exp(0.2 * need[SYNTH_NEED_YIELD] + 0.2 * need[SYNTH_NEED_BUSINESS]),
        [CARD] = stage->card * festival * lx_exp(0.4 * need[SYNTH_NEED_CONSUMPTION]),
        [BILL] = stage->bill * lx_exp(0.3 * need[SYNTH_NEED_CONVENIENCE]),
        [CASH_IN] = stage->cash_in,
        [CASH_OUT] = stage->cash_out * lx_exp(0.3 * need[SYNTH_NEED_LIQUIDITY]),
        [LOGIN] = stage->login * online,
        [VISIT] = stage->visit,
        [CALL] = stage->call,
    };
    double sum = 0;
    for (int i = 0; i < HABITS; i++) sum += rates[i];
    struct month_weights weights = {.card_sum = 0};
    size_t before = life->event_count;
    double free = freedom(life);
    uint32_t count = lx_rng_poisson(&life->rng, synth_clamp(scale * sum, 0, HABIT_EVENTS_MAX));
    for (uint32_t i = 0; i < count && life->event_count < HABIT_EVENTS_MAX; i++)
        add_habit(life, &weights, (enum habit)synth_pick(&life->rng, rates, HABITS, sum), free);
    life->block->tally.scaled_events += (double)(life->event_count - before);
}

/* The case that a complaint opens: about what he holds, closed within weeks as a rule. */
static void open_case(struct synth_life_state *life, int32_t day)
{
    const struct synth_world *world = life->world;
    uint64_t which = lx_rng_below(&life->cases, life->holding_count + 1);
    unsigned subject = (unsigned)lx_rng_below(&life->cases, SYNTH_SUBJECTS);
    double wait = 1 + synth_wait(&life->cases, world->profile->complaint_days);
    int product = which < life->holding_count ? life->holdings[which].product : world->current;
    bool is_closed = wait <= world->end_day - day;
    synth_put_complaint(life, product, subject, day, is_closed ? day + (int32_t)wait : INT32_MAX);
}

/* Pay on the pay-day, interest on the 21st of each quarter's last month, and what is rare. */
static void live_by_calendar(struct synth_life_state *life)
{
    const struct synth_world *world = life->world;
    int32_t first = world->month_days[life->month];
    int calendar = lx_civil_of_day(first).month;
    int32_t pay_day = first + life->pay_day - 1, interest_day = first + 20;
    bool is_between_jobs = life->months_since[SYNTH_LIFE_JOB] < 1;
    double wobble = 1 + 0.05 * synth_step(&life->rng);
    double bonus = calendar == 1 && lx_rng_chance(&life->rng, 0.5) ? 1.8 : 1;
    if (life->has_salary && !is_between_jobs && pay_day >= life->month_first &&
        pay_day < life->month_end) {
        struct synth_event *pay =
            synth_add_event(life, BANK_EVENT_KIND_SALARY, pay_day, 9 * 3600 + 600);
        pay->channel = BANK_CHANNEL_SYSTEM;
        pay->amount_fen = odd_amount(life->income_yuan * wobble * bonus);
    }
    if (calendar % 3 == 0 && interest_day >= life->month_first && interest_day < life->month_end)
        synth_add_event(life, BANK_EVENT_KIND_INTEREST, interest_day, 2 * 3600)->channel =
            BANK_CHANNEL_SYSTEM;

    double replaced = world->profile->card_replaced_yearly / 12;
    double complaint = world->profile->complaint_yearly / 12;
    double draw = lx_rng_uniform(&life->rng);
    if (draw < replaced + complaint) {
        bool is_card = draw < replaced;
        int32_t day = synth_day_in_month(life);
        uint8_t channel = is_card ? BANK_CHANNEL_COUNTER : BANK_CHANNEL_PHONE;
        synth_add_event(life, is_card ? BANK_EVENT_KIND_CARD_REPLACED : BANK_EVENT_KIND_COMPLAINT,
                        day, synth_second_of(life, channel))
            ->channel = channel;
        if (is_card) life->visited += 1;
        if (!is_card) open_case(life, day);
    }
}

/* The stage follows age where no event of life changes it. */
static void grow_older(struct synth_life_state *life, int32_t day)
{
    static const struct {
        enum synth_stage from, to;
        int age;
    } STEPS[] = {
        {SYNTH_STAGE_STUDENT, SYNTH_STAGE_YOUNG_WORKER, 22},
        {SYNTH_STAGE_FAMILY, SYNTH_STAGE_MID_CAREER, 43},
        {SYNTH_STAGE_YOUNG_WORKER, SYNTH_STAGE_MID_CAREER, 38},
        {SYNTH_STAGE_MID_CAREER, SYNTH_STAGE_PRE_RETIREMENT, 53},
        {SYNTH_STAGE_FARMER, SYNTH_STAGE_RETIRED, 70},
        {SYNTH_STAGE_MERCHANT, SYNTH_STAGE_RETIRED, 67},
    };
    int age = synth_age(life, day);
    for (size_t i = 0; i < LX_COUNT_OF(STEPS); i++) {
        if (STEPS[i].from != life->stage || age < STEPS[i].age) continue;
        if (lx_rng_chance(&life->rng, 0.08)) synth_change_stage(life, STEPS[i].to);
        return;
    }
}

static void change_with(struct synth_life_state *life, enum synth_life which)
{
    struct lx_rng *rng = &life->rng;
    switch (which) {
    case SYNTH_LIFE_MARRIAGE: life->is_married = true; break;
    case SYNTH_LIFE_CHILD:
        if (life->stage == SYNTH_STAGE_YOUNG_WORKER) synth_change_stage(life, SYNTH_STAGE_FAMILY);
        break;
    case SYNTH_LIFE_JOB:
        life->income_yuan *= synth_lognormal(rng, 1.08, 0.2);
        if (lx_rng_chance(rng, 0.4))
            life->has_salary = lx_rng_chance(rng, life->world->profile->stages[life->stage].salary);
        if (life->stage == SYNTH_STAGE_STUDENT) synth_change_stage(life, SYNTH_STAGE_YOUNG_WORKER);
        break;
    case SYNTH_LIFE_RETIREMENT:
        if (life->stage == SYNTH_STAGE_RETIRED) break;
        life->income_yuan *= 0.6;
        synth_change_stage(life, SYNTH_STAGE_RETIRED);
        break;
    case SYNTH_LIFE_VENTURE:
        if (life->stage != SYNTH_STAGE_FARMER && lx_rng_chance(rng, 0.4))
            synth_change_stage(life, SYNTH_STAGE_MERCHANT);
        break;
    case SYNTH_LIFE_HOUSE:
    case SYNTH_LIFE_WINDFALL:
    case SYNTH_LIFE_ILLNESS:
    case SYNTH_LIFE_COUNT: break;
    }
}

/* A sum that comes or goes with the event; in the window it is a transfer that can be seen. */
static void move_money(struct synth_life_state *life, double months_of_income, bool is_visible)
{
    if (months_of_income == 0) return;
    double yuan = synth_lognormal(&life->rng, fabs(months_of_income) * life->income_yuan, 0.6);
    bool is_in = months_of_income > 0;
    life->wealth_yuan += is_in ? yuan : -synth_clamp(yuan, 0, 0.4 * life->wealth_yuan);
    if (!is_visible || !lx_rng_chance(&life->rng, 0.6)) return;
    add_money(life, is_in ? BANK_EVENT_KIND_TRANSFER_IN : BANK_EVENT_KIND_TRANSFER_OUT,
              own_channel(life), BANK_MERCHANT_OTHER,
              is_in ? round_amount(yuan) : -round_amount(yuan));
}

/* At most one event of life a month. */
static void meet_fate(struct synth_life_state *life, int32_t day, bool is_visible)
{
    const struct synth_profile *profile = life->world->profile;
    double rates[SYNTH_LIFE_COUNT], sum = 0;
    int age = synth_age(life, day);
    for (int i = 0; i < SYNTH_LIFE_COUNT; i++) {
        const struct synth_life_profile *event = &profile->lives[i];
        bool is_possible = age >= event->age_min && age <= event->age_max &&
                           !(i == SYNTH_LIFE_MARRIAGE && life->is_married) &&
                           !(i == SYNTH_LIFE_CHILD && !life->is_married) &&
                           !(i == SYNTH_LIFE_RETIREMENT && life->stage == SYNTH_STAGE_RETIRED);
        rates[i] = is_possible ? event->yearly / 12 * event->stage[life->stage] : 0;
        sum += rates[i];
        if (life->months_since[i] < SYNTH_LONG_AGO) life->months_since[i]++;
    }
    if (!lx_rng_chance(&life->rng, sum < 0.5 ? sum : 0.5)) return;
    int which = (int)synth_pick(&life->rng, rates, SYNTH_LIFE_COUNT, sum);
    life->months_since[which] = 0;
    for (int i = 0; i < SYNTH_NEED_COUNT; i++) life->shock[i] += profile->lives[which].need[i];
    change_with(life, (enum synth_life)which);
    move_money(life, profile->lives[which].money_months, is_visible);
    bool is_on_record = which == SYNTH_LIFE_MARRIAGE || which == SYNTH_LIFE_CHILD ||
                        which == SYNTH_LIFE_JOB || which == SYNTH_LIFE_RETIREMENT;
    if (is_visible && is_on_record && lx_rng_chance(&life->rng, 0.3))
        synth_put_customer(life, synth_day_in_month(life));
}

static void feel_needs(struct synth_life_state *life)
{
    for (int i = 0; i < SYNTH_NEED_COUNT; i++) {
        const struct synth_need_profile *need = &life->world->profile->needs[i];
        life->shock[i] *= need->persist;
        life->wander[i] = 0.8 * life->wander[i] + need->noise * synth_step(&life->rng);
        life->need[i] = life->need_base[i] + life->shock[i] + life->wander[i];
    }
}

/* Insertion sort: a month has few events and most come in order; equal times keep their order. */
static void sort_events(struct synth_life_state *life)
{
    for (size_t i = 1; i < life->event_count; i++) {
        struct synth_event event = life->events[i];
        int64_t at = (int64_t)event.day * 86400 + event.second;
        size_t j = i;
        for (; j > 0; j--) {
            const struct synth_event *other = &life->events[j - 1];
            if ((int64_t)other->day * 86400 + other->second <= at) break;
            life->events[j] = *other;
        }
        life->events[j] = event;
    }
}

/* Money that is owed and not there comes from another bank the minute before. */
static void top_up(struct synth_life_state *life, const struct synth_event *event)
{
    int64_t missing = -event->amount_fen - life->balance_fen;
    int64_t amount = (missing + 9999) / 10000 * 10000;
    life->balance_fen += amount;
    struct synth_event transfer = {.day = event->day,
                                   .second = event->second,
                                   .kind = BANK_EVENT_KIND_TRANSFER_IN,
                                   .channel = BANK_CHANNEL_MOBILE,
                                   .merchant = BANK_MERCHANT_OTHER,
                                   .product = BANK_NO_PRODUCT,
                                   .amount_fen = amount};
    synth_put_event(life, &transfer);
}

static bool moves_money(const struct synth_event *event)
{
    switch (event->kind) {
    case BANK_EVENT_KIND_LOGIN:
    case BANK_EVENT_KIND_PAGE_VIEW:
    case BANK_EVENT_KIND_PAGE_SKIP:
    case BANK_EVENT_KIND_CARD_REPLACED:
    case BANK_EVENT_KIND_OVERDUE:
    case BANK_EVENT_KIND_VISIT:
    case BANK_EVENT_KIND_CALL:
    case BANK_EVENT_KIND_COMPLAINT: return false;
    default: return true;
    }
}

/* Applies the amount (BANK_NO_AMOUNT: all there is) to the balance; false where there is not enough
 * for it to happen. */
static bool settle(struct synth_life_state *life, struct synth_event *event)
{
    if (event->kind == BANK_EVENT_KIND_INTEREST) {
        int64_t rate_ppm = life->world->catalogue->products[life->world->current].rate_ppm;
        event->amount_fen = (int64_t)((double)life->balance_fen * (double)rate_ppm / 4e6);
        if (event->amount_fen <= 0) return false;
    }
    if (event->amount_fen == BANK_NO_AMOUNT) {
        if (life->balance_fen == 0) return false;
        event->amount_fen = -life->balance_fen;
    }
    if (life->balance_fen + event->amount_fen < 0) {
        if (event->is_owed) {
            top_up(life, event);
        } else {
            int64_t yuan = life->balance_fen / 100;
            int64_t part = (int64_t)((0.2 + 0.6 * lx_rng_uniform(&life->rng)) * (double)yuan);
            if (event->kind == BANK_EVENT_KIND_CASH_OUT) part = part / 100 * 100;
            if (part < 5) return false;
            event->amount_fen = -part * 100;
        }
    }
    life->balance_fen += event->amount_fen;
    LX_ASSERT(life->balance_fen >= 0);
    return true;
}

static void write_month(struct synth_life_state *life)
{
    sort_events(life);
    for (size_t i = 0; i < life->event_count; i++) {
        struct synth_event *event = &life->events[i];
        if (moves_money(event) && !settle(life, event)) continue;
        synth_put_event(life, event);
    }
    life->event_count = 0;
}

/* Recent behaviour fades by half a month. */
static void forget(struct synth_life_state *life)
{
    for (int p = 0; p < life->world->product_count; p++) {
        life->viewed[p] *= 0.5;
        life->offered[p] *= 0.6;
    }
    life->visited *= 0.4;
    life->logged_in *= 0.5;
}

static void arrive(struct synth_life_state *life)
{
    int64_t first_fen = life->balance_fen / 10000 * 10000;
    life->balance_fen = 0;
    struct synth_event *event =
        synth_add_event(life, BANK_EVENT_KIND_CASH_IN, life->joined_day, 10 * 3600);
    event->channel = BANK_CHANNEL_COUNTER;
    event->amount_fen = first_fen < 10000 ? 10000 : first_fen;
}

static void live_month(struct synth_life_state *life)
{
    bool is_new = life->joined_day >= life->month_first && life->joined_day < life->month_end;
    if (is_new) arrive(life);
    grow_older(life, life->month_first);
    meet_fate(life, life->month_first, true);
    feel_needs(life);
    forget(life);
    synth_serve_holdings(life);
    synth_find_hazards(life, life->month_first, life->month);
    synth_show_campaigns(life);
    synth_make_plans(life);
    synth_carry_out_plans(life);
    synth_close_some(life);
    live_by_calendar(life);
    live_by_habit(life);
    if (life->left_day == life->month_end) synth_leave(life);
    write_month(life);
}

static bool enter_month(struct synth_life_state *life, int month)
{
    const int32_t *days = life->world->month_days;
    life->month = month;
    life->month_first = days[month] > life->joined_day ? days[month] : life->joined_day;
    life->month_end = days[month + 1];
    if (life->left_day < life->month_end) life->month_end = life->left_day;
    return life->month_first < life->month_end;
}

/* A year of fate before the window, so that the first month finds people in mid-life. */
static void warm_up(struct synth_life_state *life)
{
    for (int back = 12; back > 0; back--) {
        meet_fate(life, life->world->first_day - back * 30, false);
        feel_needs(life);
    }
}

void synth_live(struct synth_block *block, uint64_t number)
{
    struct synth_life_state life;
    synth_be_born(&life, block, number);
    const struct synth_world *world = block->world;
    warm_up(&life);
    synth_live_history(&life);
    synth_put_account(&life);
    if (life.joined_day < world->first_day) synth_put_balance(&life, world->first_day - 1);
    for (int month = 0; month < world->month_count; month++) {
        if (enter_month(&life, month)) live_month(&life);
    }
    synth_end_holdings(&life);
    synth_put_truth(&life);
    block->tally.customers += 1;
    block->tally.customer_years += world->month_count / 12.0;
    block->counts.customers++;
}
