#include "ingest/synth_model.h"

#include <string.h>

/*
 * Rows are written by hand into reserved memory: sixty million of them go through here, and a
 * formatted print of ten fields costs ten times as much.
 */
enum { ROW_MAX = 512 };

/* What can be wrong with a row, in equal shares. */
enum dirt { CLEAN, TWICE, GAP, WRONG_CODE, WRONG_DATE, DIRT_COUNT };

/* Writes one row, without its end, and returns the place behind it. */
typedef char *row_writer(char *at, const struct synth_life_state *life, const void *fact,
                         enum dirt dirt);

/* What the bank's systems call things; data/mappings/synthetic.ini knows them, too. */
static const char *const KIND_CODES[BANK_EVENT_KIND_END] = {
    [BANK_EVENT_KIND_SALARY] = "1001",
    [BANK_EVENT_KIND_TRANSFER_IN] = "1101",
    [BANK_EVENT_KIND_TRANSFER_OUT] = "1102",
    [BANK_EVENT_KIND_CARD_PAYMENT] = "1201",
    [BANK_EVENT_KIND_CASH_IN] = "1301",
    [BANK_EVENT_KIND_CASH_OUT] = "1302",
    [BANK_EVENT_KIND_BILL_PAYMENT] = "1401",
    [BANK_EVENT_KIND_INTEREST] = "1501",
    [BANK_EVENT_KIND_DEPOSIT_MATURED] = "1601",
    [BANK_EVENT_KIND_LOAN_REPAYMENT] = "1701",
    [BANK_EVENT_KIND_LOGIN] = "login",
    [BANK_EVENT_KIND_PAGE_VIEW] = "view",
    [BANK_EVENT_KIND_PAGE_SKIP] = "skip",
    [BANK_EVENT_KIND_CARD_REPLACED] = "card",
    [BANK_EVENT_KIND_OVERDUE] = "overdue",
    [BANK_EVENT_KIND_VISIT] = "visit",
    [BANK_EVENT_KIND_CALL] = "call",
    [BANK_EVENT_KIND_COMPLAINT] = "complaint",
};
static const char CHANNEL_CODES[BANK_CHANNEL_END][3] = {
    "", "CT", "AT", "MB", "WB", "PS", "PH", "RM", "SM", "SY",
};
static const char MERCHANT_CODES[BANK_MERCHANT_END][5] = {
    "",     "5411", "5812", "4111", "5541", "8062", "8211", "4722",
    "5211", "5641", "5944", "0763", "5099", "6211", "6300", "9999",
};
static const char ANSWER_CODES[][3] = {"", "Y", "N", "H", "V", "I", "B", "R"};

static inline char *put_bytes(char *at, const char *bytes, size_t length)
{
    memcpy(at, bytes, length);
    return at + length;
}

static inline char *put_text(char *at, const char *text)
{
    while (*text != '\0') *at++ = *text++;
    return at;
}

static inline char *put_bar(char *at)
{
    at[0] = '|', at[1] = '!', at[2] = '|';
    return at + 3;
}

static inline char *put_at_bar(char *at)
{
    at[0] = '|', at[1] = '@', at[2] = '|';
    return at + 3;
}

static inline char *put_comma(char *at)
{
    *at = ',';
    return at + 1;
}

static inline char *put_number(char *at, uint64_t value)
{
    char digits[20];
    size_t count = 0;
    do digits[count++] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    while (count > 0) *at++ = digits[--count];
    return at;
}

static inline char *put_two(char *at, uint32_t value)
{
    at[0] = (char)('0' + value / 10 % 10);
    at[1] = (char)('0' + value % 10);
    return at + 2;
}

/* Fen as yuan with two decimals. */
static inline char *put_yuan(char *at, int64_t fen)
{
    if (fen < 0) *at++ = '-';
    uint64_t size = fen < 0 ? 0 - (uint64_t)fen : (uint64_t)fen;
    at = put_number(at, size / 100);
    *at++ = '.';
    return put_two(at, (uint32_t)(size % 100));
}

static inline char *put_id(char *at, const struct synth_life_state *life, enum dirt dirt)
{
    return dirt == GAP ? at : put_bytes(at, life->id, SYNTH_ID_SIZE);
}

/* YYYYMMDD; the days of the window and around it are kept ready. */
static char *put_day(char *at, const struct synth_world *world, int32_t day, enum dirt dirt)
{
    if (dirt == WRONG_DATE) return put_bytes(at, "19871302", 8);
    int32_t index = day - world->day_text_first;
    if (index >= 0 && index < SYNTH_DAY_TEXTS) return put_bytes(at, world->day_texts[index], 8);
    struct lx_civil civil = lx_civil_of_day(day);
    at = put_two(put_two(at, (uint32_t)civil.year / 100), (uint32_t)civil.year % 100);
    return put_two(put_two(at, (uint32_t)civil.month), (uint32_t)civil.day);
}

/* YYYY-MM-DD */
static char *put_iso_day(char *at, const struct synth_world *world, int32_t day, enum dirt dirt)
{
    char text[8];
    put_day(text, world, day, dirt);
    at = put_bytes(at, text, 4);
    *at++ = '-';
    at = put_bytes(at, text + 4, 2);
    *at++ = '-';
    return put_bytes(at, text + 6, 2);
}

static char *put_clock(char *at, int32_t second)
{
    uint32_t value = (uint32_t)second;
    return put_two(put_two(put_two(at, value / 3600), value / 60 % 60), value % 60);
}

static char *put_iso_clock(char *at, int32_t second)
{
    uint32_t value = (uint32_t)second;
    at = put_two(at, value / 3600);
    *at++ = ':';
    at = put_two(at, value / 60 % 60);
    *at++ = ':';
    return put_two(at, value % 60);
}

static char *put_product(char *at, const struct synth_world *world, int product, enum dirt dirt)
{
    if (dirt == WRONG_CODE) return put_text(at, "X99");
    return product < 0 ? at : put_text(at, world->catalogue->products[product].code);
}

static enum dirt next_dirt(struct synth_block *block)
{
    if (block->rows_until_dirt > 0) {
        if (block->rows_until_dirt != UINT64_MAX) block->rows_until_dirt--;
        return CLEAN;
    }
    double wait = synth_wait(&block->dirt, 1e6 / block->world->options->dirt_ppm);
    block->rows_until_dirt = (uint64_t)wait;
    block->counts.dirty++;
    return (enum dirt)(1 + lx_rng_below(&block->dirt, DIRT_COUNT - 1));
}

static void write_row(struct synth_life_state *life, size_t file, row_writer *write,
                      const void *fact, enum dirt dirt)
{
    struct synth_block *block = life->block;
    struct lx_buffer *buffer = &block->files[file];
    char *start = lx_buffer_reserve(buffer, ROW_MAX);
    if (start == NULL) {
        block->failure = lx_buffer_error(buffer);
        return;
    }
    char *end = write(start, life, fact, dirt);
    *end++ = '\n';
    LX_ASSERT(end - start <= ROW_MAX);
    lx_buffer_advance(buffer, (size_t)(end - start));
    block->rows[file]++;
    block->counts.rows++;
}

/* `is_resent`: the bank notices what is wrong and sends the right row after the spoilt one. Without
 * a customer's row or a contract's everything that hangs on it would be lost, which is a lot more
 * dirt than was asked for. True if the right row was written. */
static bool put_row(struct synth_life_state *life, size_t file, row_writer *write, const void *fact,
                    bool is_resent)
{
    if (life->world->is_pilot) return false;
    enum dirt dirt = next_dirt(life->block);
    write_row(life, file, write, fact, dirt == TWICE ? CLEAN : dirt);
    if (dirt == TWICE || (dirt != CLEAN && is_resent)) write_row(life, file, write, fact, CLEAN);
    return dirt == CLEAN || dirt == TWICE || is_resent;
}

static char *write_customer(char *at, const struct synth_life_state *life, const void *fact,
                            enum dirt dirt)
{
    const struct synth_world *world = life->world;
    const int32_t *day = fact;
    at = put_at_bar(put_id(at, life, dirt));
    at = put_at_bar(put_bytes(at, life->name, life->name_length));
    at = put_at_bar(put_text(at, dirt == WRONG_CODE ? "7" : life->is_female ? "2" : "1"));
    at = put_at_bar(put_day(at, world, life->birth_day, dirt));
    at = put_at_bar(put_day(at, world, life->joined_day, CLEAN));
    at = put_at_bar(put_text(at, world->branches[life->branch].code));
    at = put_at_bar(put_number(at, (uint64_t)life->occupation));
    at = put_at_bar(put_number(at, (uint64_t)life->education));
    at = put_at_bar(put_text(at, life->is_married ? "20" : "10"));
    /* What he earns is on record where he was paid here or asked for it. */
    if (life->has_salary || life->id[0] < '5')
        at = put_yuan(at, (int64_t)(life->income_yuan / 100) * 10000);
    at = put_at_bar(at);
    at = put_at_bar(put_text(at, life->has_phone ? "1" : "0"));
    return put_day(at, world, *day, CLEAN);
}

void synth_put_customer(struct synth_life_state *life, int32_t day)
{
    put_row(life, SYNTH_FILE_CUSTOMERS, write_customer, &day, true);
}

static char *write_account(char *at, const struct synth_life_state *life, const void *fact,
                           enum dirt dirt)
{
    const struct synth_world *world = life->world;
    at = put_bar(put_id(at, life, dirt));
    at = put_bytes(at, "6217", 4);
    at = put_bar(put_number(at, 100000000000u + life->number));
    at = put_bar(put_product(at, world, world->current, dirt));
    at = put_bar(put_text(at, world->branches[life->branch].code));
    at = put_bar(put_day(at, world, life->joined_day, dirt));
    return life->left_day == INT32_MAX ? at : put_day(at, world, life->left_day, CLEAN);
}

void synth_put_account(struct synth_life_state *life)
{
    put_row(life, SYNTH_FILE_ACCOUNTS, write_account, NULL, true);
}

struct contract {
    const struct synth_holding *holding;
    int32_t closed_day, closed_second;
};

static char *write_contract(char *at, const struct synth_life_state *life, const void *fact,
                            enum dirt dirt)
{
    const struct contract *contract = fact;
    const struct synth_holding *holding = contract->holding;
    const struct synth_world *world = life->world;
    *at++ = 'H';
    at = put_number(at, life->number + 1);
    *at++ = '-';
    at = put_bar(put_number(at, holding->number));
    at = put_bar(put_id(at, life, dirt));
    at = put_bar(put_product(at, world, holding->product, dirt));
    at = put_day(at, world, holding->opened_day, dirt);
    at = put_bar(put_clock(at, holding->opened_second));
    if (contract->closed_day != INT32_MAX) {
        at = put_day(at, world, contract->closed_day, CLEAN);
        at = put_clock(at, contract->closed_second);
    }
    at = put_bar(at);
    if (holding->amount_fen > 0) at = put_yuan(at, holding->amount_fen);
    at = put_bar(at);
    return put_text(at, CHANNEL_CODES[holding->channel]);
}

void synth_put_contract(struct synth_life_state *life, const struct synth_holding *holding,
                        int32_t closed_day, int32_t closed_second)
{
    struct synth_result *counts = &life->block->counts;
    int32_t first = life->world->first_day;
    *(holding->opened_day >= first ? &counts->events : &counts->history) += 1;
    if (closed_day != INT32_MAX) *(closed_day >= first ? &counts->events : &counts->history) += 1;
    struct contract contract = {holding, closed_day, closed_second};
    put_row(life, SYNTH_FILE_CONTRACTS, write_contract, &contract, true);
}

static char *write_balance(char *at, const struct synth_life_state *life, const void *fact,
                           enum dirt dirt)
{
    const int32_t *day = fact;
    at = put_bar(put_id(at, life, dirt == WRONG_CODE ? GAP : dirt));
    at = put_bar(put_day(at, life->world, *day, dirt));
    return put_yuan(at, life->balance_fen);
}

void synth_put_balance(struct synth_life_state *life, int32_t day)
{
    life->block->counts.events++;
    put_row(life, SYNTH_FILE_BALANCES, write_balance, &day, false);
}

struct numbered_event {
    const struct synth_event *event;
    uint32_t number;
    int32_t dumped_day;
};

static char *write_txn(char *at, const struct synth_life_state *life, const void *fact,
                       enum dirt dirt)
{
    const struct numbered_event *numbered = fact;
    const struct synth_event *event = numbered->event;
    const struct synth_world *world = life->world;
    at = put_bar(put_id(at, life, dirt));
    at = put_bar(put_number(at, numbered->number));
    at = put_bar(put_clock(put_day(at, world, event->day, dirt), event->second));
    at = put_bar(dirt == WRONG_CODE ? put_text(at, "9999")
                                    : put_bytes(at, KIND_CODES[event->kind], 4));
    at = put_bar(put_yuan(at, event->amount_fen));
    at = put_bar(put_yuan(at, life->balance_fen));
    at = put_bar(put_bytes(at, CHANNEL_CODES[event->channel], 2));
    at = put_bar(put_product(at, world, event->product, CLEAN));
    at = put_bar(put_text(at, MERCHANT_CODES[event->merchant]));
    return put_day(at, world, numbered->dumped_day, CLEAN);
}

static char *write_applog(char *at, const struct synth_life_state *life, const void *fact,
                          enum dirt dirt)
{
    const struct numbered_event *numbered = fact;
    const struct synth_event *event = numbered->event;
    at = put_comma(put_number(at, numbered->number));
    at = put_comma(put_id(at, life, dirt));
    at = put_iso_day(at, life->world, event->day, dirt);
    *at++ = ' ';
    at = put_comma(put_iso_clock(at, event->second));
    at = put_comma(put_text(at, dirt == WRONG_CODE ? "???" : KIND_CODES[event->kind]));
    at = put_comma(put_product(at, life->world, event->product, CLEAN));
    if (event->kind != BANK_EVENT_KIND_LOGIN) at = put_number(at, (uint64_t)event->quantity);
    return put_text(put_comma(at), event->channel == BANK_CHANNEL_WEB ? "web" : "app");
}

static char *write_service(char *at, const struct synth_life_state *life, const void *fact,
                           enum dirt dirt)
{
    const struct numbered_event *numbered = fact;
    const struct synth_event *event = numbered->event;
    at = put_comma(put_number(at, numbered->number));
    at = put_comma(put_id(at, life, dirt));
    at = put_iso_day(at, life->world, event->day, dirt);
    *at++ = ' ';
    at = put_comma(put_iso_clock(at, event->second));
    at = put_comma(put_text(at, dirt == WRONG_CODE ? "???" : KIND_CODES[event->kind]));
    at = put_comma(put_text(at, CHANNEL_CODES[event->channel]));
    at = put_comma(put_product(at, life->world, event->product, CLEAN));
    return event->amount_fen == BANK_NO_AMOUNT ? at : put_yuan(at, event->amount_fen);
}

/* A dump holds what was booked on its day; now and then a row is found and sent days later. */
static int32_t pick_dumped_day(struct synth_life_state *life, int32_t day)
{
    const struct synth_world *world = life->world;
    if (!lx_rng_chance(&life->clerk, world->profile->correction_ppm / 1e6)) return day;
    int32_t late = day + 1 + (int32_t)lx_rng_below(&life->clerk, 20);
    return late > world->end_day ? world->end_day : late;
}

struct correction {
    const struct numbered_event *numbered;
    int32_t day;
    bool is_reversed;
    int64_t amount_fen, balance_fen;
};

static char *write_correction(char *at, const struct synth_life_state *life, const void *fact,
                              enum dirt dirt)
{
    const struct correction *correction = fact;
    const struct synth_event *event = correction->numbered->event;
    const struct synth_world *world = life->world;
    at = put_comma(put_id(at, life, dirt));
    at = put_comma(put_number(at, correction->numbered->number));
    at = put_iso_day(at, world, event->day, dirt);
    *at++ = ' ';
    at = put_comma(put_iso_clock(at, event->second));
    at = put_comma(put_iso_day(at, world, correction->day, CLEAN));
    if (correction->is_reversed) return put_text(at, "1,,,,,,");
    at = put_text(at, "0,");
    at = put_comma(put_bytes(at, KIND_CODES[event->kind], 4));
    at = put_comma(put_yuan(at, correction->amount_fen));
    at = put_comma(put_yuan(at, correction->balance_fen));
    at = put_comma(put_bytes(at, CHANNEL_CODES[event->channel], 2));
    at = put_comma(put_product(at, world, event->product, CLEAN));
    return put_text(at, MERCHANT_CODES[event->merchant]);
}

/* Some days after the dump a transaction turns out to have been for less, or not to have been. What
 * happened stays as it is: these are the bank's books, and later balances are not booked anew. Not
 * dirty: a correction that is lost would look like a transaction that stands. */
static void correct_later(struct synth_life_state *life, const struct numbered_event *numbered,
                          bool is_on_record)
{
    const struct synth_profile *profile = life->world->profile;
    if (!lx_rng_chance(&life->desk, profile->changed_ppm / 1e6)) return;
    struct correction correction = {.numbered = numbered};
    correction.is_reversed = lx_rng_chance(&life->desk, profile->reversed);
    correction.day = numbered->dumped_day + 1 + (int32_t)lx_rng_below(&life->desk, 20);
    int64_t percent = 50 + (int64_t)lx_rng_below(&life->desk, 50);
    if (!is_on_record || correction.day > life->world->end_day) return;
    int64_t amount_fen = numbered->event->amount_fen;
    correction.amount_fen = amount_fen / 100 * percent;
    correction.balance_fen = life->balance_fen - amount_fen + correction.amount_fen;
    life->block->counts.changes++;
    write_row(life, SYNTH_FILE_CORRECTIONS, write_correction, &correction, CLEAN);
}

void synth_put_event(struct synth_life_state *life, const struct synth_event *event)
{
    struct numbered_event numbered = {event, ++life->event_number, event->day};
    size_t monthly = SYNTH_FILE_MONTHS + 2 * (size_t)life->month;
    life->block->counts.events++;
    if (life->world->is_pilot) return;
    switch ((enum bank_event_kind)event->kind) {
    case BANK_EVENT_KIND_LOGIN:
    case BANK_EVENT_KIND_PAGE_VIEW:
    case BANK_EVENT_KIND_PAGE_SKIP:
        put_row(life, monthly + 1, write_applog, &numbered, false);
        return;
    case BANK_EVENT_KIND_CARD_REPLACED:
    case BANK_EVENT_KIND_OVERDUE:
    case BANK_EVENT_KIND_VISIT:
    case BANK_EVENT_KIND_CALL:
    case BANK_EVENT_KIND_COMPLAINT:
        put_row(life, SYNTH_FILE_SERVICE, write_service, &numbered, false);
        return;
    default:
        numbered.dumped_day = pick_dumped_day(life, event->day);
        bool is_on_record = put_row(life, monthly, write_txn, &numbered, false);
        correct_later(life, &numbered, is_on_record);
    }
}

struct assessment {
    int level;
    int32_t day;
};

static char *write_risk(char *at, const struct synth_life_state *life, const void *fact,
                        enum dirt dirt)
{
    const struct assessment *assessment = fact;
    at = put_comma(put_id(at, life, dirt));
    *at++ = 'C';
    at = put_comma(put_number(at, dirt == WRONG_CODE ? 9 : (uint64_t)assessment->level));
    at = put_comma(put_iso_day(at, life->world, assessment->day, dirt));
    return put_iso_day(at, life->world, lx_day_add_months(assessment->day, 12), CLEAN);
}

void synth_put_risk(struct synth_life_state *life, int level, int32_t day)
{
    struct assessment assessment = {level, day};
    put_row(life, SYNTH_FILE_RISK, write_risk, &assessment, false);
}

static char *write_exposure(char *at, const struct synth_life_state *life, const void *fact,
                            enum dirt dirt)
{
    const struct synth_exposure *exposure = fact;
    const struct synth_campaign *campaign = exposure->campaign;
    const struct synth_world *world = life->world;
    at = put_comma(put_text(at, campaign->code));
    at = put_comma(put_id(at, life, dirt));
    at = put_comma(put_product(at, world, campaign->product, dirt));
    at = put_comma(put_text(at, CHANNEL_CODES[campaign->channel]));
    at = put_iso_day(at, world, exposure->day, dirt);
    *at++ = ' ';
    at = put_comma(put_iso_clock(at, exposure->second));
    at = put_comma(put_number(at, (uint64_t)(exposure->show_probability * 1e6 + 0.5)));
    at = put_comma(put_text(at, exposure->is_random ? "1" : "0"));
    at = put_comma(put_text(at, exposure->is_control ? "1" : "0"));
    at = put_comma(put_text(at, ANSWER_CODES[exposure->answer]));
    return exposure->answer_day == INT32_MAX ? at
                                             : put_iso_day(at, world, exposure->answer_day, CLEAN);
}

void synth_put_exposure(struct synth_life_state *life, const struct synth_exposure *exposure)
{
    life->block->counts.exposures++;
    put_row(life, SYNTH_FILE_CAMPAIGN_LOG, write_exposure, exposure, false);
}

struct assignment {
    uint32_t manager;
    int32_t from_day, to_day;
};

static char *write_assignment(char *at, const struct synth_life_state *life, const void *fact,
                              enum dirt dirt)
{
    const struct assignment *assignment = fact;
    const struct synth_world *world = life->world;
    at = put_comma(put_id(at, life, dirt == WRONG_CODE ? GAP : dirt));
    *at++ = 'M';
    at = put_comma(put_number(at, 10001u + assignment->manager));
    at = put_comma(put_iso_day(at, world, assignment->from_day, dirt));
    return assignment->to_day == INT32_MAX ? at : put_iso_day(at, world, assignment->to_day, CLEAN);
}

void synth_put_assignment(struct synth_life_state *life, uint32_t manager, int32_t from_day,
                          int32_t to_day)
{
    struct assignment assignment = {manager, from_day, to_day};
    put_row(life, SYNTH_FILE_ASSIGNMENTS, write_assignment, &assignment, false);
}

struct consent {
    uint8_t channel;
    bool is_granted;
    int32_t day;
};

static char *write_consent(char *at, const struct synth_life_state *life, const void *fact,
                           enum dirt dirt)
{
    const struct consent *consent = fact;
    at = put_comma(put_id(at, life, dirt));
    at = put_comma(put_text(at, dirt == WRONG_CODE ? "??"
                                : consent->channel == BANK_CHANNEL_NONE
                                    ? "ALL"
                                    : CHANNEL_CODES[consent->channel]));
    at = put_comma(put_text(at, consent->is_granted ? "1" : "0"));
    return put_iso_day(at, life->world, consent->day, dirt);
}

void synth_put_consent(struct synth_life_state *life, uint8_t channel, bool is_granted, int32_t day)
{
    struct consent consent = {channel, is_granted, day};
    put_row(life, SYNTH_FILE_CONSENTS, write_consent, &consent, false);
}

struct listing {
    int32_t day, until_day;
};

static char *write_listing(char *at, const struct synth_life_state *life, const void *fact,
                           enum dirt dirt)
{
    const struct listing *listing = fact;
    at = put_comma(put_id(at, life, dirt));
    at = put_comma(put_text(at, dirt == WRONG_CODE ? "??" : "ALL"));
    at = put_comma(put_iso_day(at, life->world, listing->day, dirt));
    return listing->until_day == INT32_MAX
               ? at
               : put_iso_day(at, life->world, listing->until_day, CLEAN);
}

void synth_put_do_not_contact(struct synth_life_state *life, int32_t day, int32_t until_day)
{
    struct listing listing = {day, until_day};
    put_row(life, SYNTH_FILE_DO_NOT_CONTACT, write_listing, &listing, false);
}

struct complaint {
    int product;
    unsigned subject;
    int32_t day, closed_day;
    uint32_t number;
};

static char *write_complaint(char *at, const struct synth_life_state *life, const void *fact,
                             enum dirt dirt)
{
    static const char *const SUBJECTS[SYNTH_SUBJECTS] = {"收费", "服务", "系统故障", "销售"};
    const struct complaint *complaint = fact;
    at = put_comma(put_id(at, life, dirt));
    *at++ = 'K';
    at = put_number(at, life->number + 1);
    *at++ = '-';
    at = put_comma(put_number(at, complaint->number));
    at = put_comma(put_product(at, life->world, complaint->product, dirt));
    at = put_comma(put_text(at, SUBJECTS[complaint->subject]));
    at = put_comma(put_iso_day(at, life->world, complaint->day, dirt));
    return complaint->closed_day == INT32_MAX
               ? at
               : put_iso_day(at, life->world, complaint->closed_day, CLEAN);
}

void synth_put_complaint(struct synth_life_state *life, int product, unsigned subject, int32_t day,
                         int32_t closed_day)
{
    LX_ASSERT(subject < SYNTH_SUBJECTS);
    struct complaint complaint = {product, subject, day, closed_day, ++life->case_number};
    put_row(life, SYNTH_FILE_COMPLAINTS, write_complaint, &complaint, false);
}
