#include "ingest/synth_profile.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "codec/field.h"
#include "codec/ini.h"

#define NAME(name, text) text,
static const char *const NEEDS[] = {SYNTH_NEED_MAP(NAME)};
static const char *const TASTES[] = {SYNTH_TASTE_MAP(NAME)};
static const char *const STAGES[] = {SYNTH_STAGE_MAP(NAME)};
static const char *const LIVES[] = {SYNTH_LIFE_MAP(NAME)};
static const char *const FLOWS[] = {SYNTH_FLOW_MAP(NAME)};
static const char *const PLACES[] = {SYNTH_PLACE_MAP(NAME)};
#undef NAME

const char *synth_need_text(enum synth_need need)
{
    LX_ASSERT((unsigned)need < SYNTH_NEED_COUNT);
    return NEEDS[need];
}

const char *synth_taste_text(enum synth_taste taste)
{
    LX_ASSERT((unsigned)taste < SYNTH_TASTE_COUNT);
    return TASTES[taste];
}

const char *synth_stage_text(enum synth_stage stage)
{
    LX_ASSERT((unsigned)stage < SYNTH_STAGE_COUNT);
    return STAGES[stage];
}

const char *synth_life_text(enum synth_life life)
{
    LX_ASSERT((unsigned)life < SYNTH_LIFE_COUNT);
    return LIVES[life];
}

/* The families of names that follow a dot (`need.yield`) or a section's first word. */
enum family { NO_FAMILY, NEED, TASTE, STAGE, LIFE, PLACE, MERCHANT, CHANNEL, PRODUCT };

/* One name of a section: a number at `offset` of the section's struct, which must be given unless
 * it has a fallback, or an array of them indexed by a family, each with the fallback. */
struct key {
    const char *name;
    size_t offset;
    double low, high;
    enum family family;
    double fallback;
};

#define ONE(s, field, low, high)                                                                   \
    {                                                                                              \
#field, offsetof(struct s, field), low, high, NO_FAMILY, NAN                               \
    }
#define MAY(s, field, low, high)                                                                   \
    {                                                                                              \
#field, offsetof(struct s, field), low, high, NO_FAMILY, 0                                 \
    }
#define MANY(s, field, low, high, family, fallback)                                                \
    {                                                                                              \
#field, offsetof(struct s, field), low, high, family, fallback                             \
    }

#define P synth_profile
static const struct key POPULATION_KEYS[] = {
    ONE(P, customers_per_branch, 100, 1e6),
    ONE(P, customers_per_manager, 100, 1e6),
    MANY(P, place, 0, 100, PLACE, 0),
    ONE(P, events_per_year, 8, 200),
    ONE(P, activity_shape, 0.1, 20),
    ONE(P, joined_yearly, 0, 0.5),
    ONE(P, left_yearly, 0, 0.5),
    ONE(P, rich_share, 0, 0.5),
    ONE(P, rich_exponent, 0.8, 10),
    ONE(P, history_years, 0, 40),
    ONE(P, trend_spread, 0, 3),
    ONE(P, trend_persist, 0, 0.999),
    ONE(P, card_replaced_yearly, 0, 1),
    ONE(P, complaint_yearly, 0, 1),
    ONE(P, complaint_days, 1, 365),
    ONE(P, correction_ppm, 0, 1e6),
    ONE(P, changed_ppm, 0, 1e6),
    ONE(P, reversed, 0, 1),
    ONE(P, assessed, 0, 1),
    ONE(P, consent_personal, 0, 1),
    ONE(P, consent_phone, 0, 1),
    ONE(P, consent_sms, 0, 1),
    ONE(P, consent_mobile, 0, 1),
    ONE(P, do_not_contact, 0, 1),
    ONE(P, withdrawn_yearly, 0, 1),
    ONE(P, listed, 0, 1),
    ONE(P, listed_for_a_while, 0, 1),
};
static const struct key OPENING_KEYS[] = {
    ONE(P, lag_days, 0.1, 60), ONE(P, intent_views, 0, 20), ONE(P, interest, 0, 1),
    ONE(P, bundle, 0, 1),      ONE(P, bundle, 0, 1),        ONE(P, effect, 0, 5),
    ONE(P, taste_scale, 0, 5),
};
static const struct key CAMPAIGN_KEYS[] = {
    ONE(P, shown_yearly, 0, 12), ONE(P, random_share, 0, 1), ONE(P, control_share, 0, 0.9),
    ONE(P, focus, 0, 5),         ONE(P, per_month, 1, 40),   ONE(P, answer_interest, 0, 3),
    ONE(P, answer_taste, 0, 3),  ONE(P, fatigue, -5, 0),     MANY(P, channel, -5, 5, CHANNEL, 0),
};
#undef P

#define S synth_need_profile
static const struct key NEED_KEYS[] = {
    ONE(S, spread, 0, 5),
    ONE(S, wealth, -5, 5),
    ONE(S, persist, 0, 0.999),
    ONE(S, noise, 0, 5),
};
#undef S

#define S synth_stage_profile
static const struct key STAGE_KEYS[] = {
    ONE(S, share, 0, 1),
    MANY(S, place, 0, 100, PLACE, 1),
    ONE(S, age_min, 16, 95),
    ONE(S, age_max, 16, 95),
    ONE(S, income_yuan, 100, 1e6),
    ONE(S, income_spread, 0, 2),
    ONE(S, wealth_months, 0.1, 1000),
    ONE(S, wealth_spread, 0, 3),
    ONE(S, digital, -10, 10),
    ONE(S, risk, -10, 10),
    ONE(S, salary, 0, 1),
    ONE(S, transfer_in, 0, 100),
    ONE(S, transfer_out, 0, 100),
    ONE(S, card, 0, 100),
    ONE(S, bill, 0, 100),
    ONE(S, cash_in, 0, 100),
    ONE(S, cash_out, 0, 100),
    ONE(S, login, 0, 100),
    ONE(S, visit, 0, 100),
    ONE(S, call, 0, 100),
    MANY(S, need, -5, 5, NEED, 0),
};
#undef S

#define S synth_merchant_profile
static const struct key MERCHANT_KEYS[] = {
    ONE(S, card, 0, 1000), ONE(S, transfer, 0, 1000),     ONE(S, amount_yuan, 1, 1e6),
    ONE(S, spread, 0, 3),  MANY(S, need, -5, 5, NEED, 0),
};
#undef S

#define S synth_life_profile
static const struct key LIFE_KEYS[] = {
    ONE(S, yearly, 0, 1),
    ONE(S, age_min, 16, 120),
    ONE(S, age_max, 16, 120),
    MANY(S, stage, 0, 100, STAGE, 1),
    MANY(S, need, -5, 5, NEED, 0),
    MANY(S, merchant, -5, 5, MERCHANT, 0),
    ONE(S, money_months, -100, 100),
    ONE(S, months, 1, 60),
};
#undef S

#define S synth_product_profile
static const struct key PRODUCT_KEYS[] = {
    ONE(S, monthly_ppm, 0, 2e5),
    MAY(S, close_ppm, 0, 1e6),
    MAY(S, renew, 0, 1),
    MAY(S, amount_yuan, 0, 1e8),
    MAY(S, amount_spread, 0, 3),
    ONE(S, page, 0, 1000),
    ONE(S, campaign, 0, 1000),
    ONE(S, yes_ppm, 0, 5e5),
    MAY(S, convert, 0, 1),
    MAY(S, wealth, -5, 5),
    MAY(S, risk, -5, 5),
    MAY(S, digital, -5, 5),
    MAY(S, active, -5, 5),
    MAY(S, holder, -5, 5),
    MAY(S, age, -5, 5),
    MAY(S, idle, -5, 5),
    MAY(S, view, 0, 5),
    MAY(S, visit, 0, 5),
    MAY(S, drift, -3, 3),
    MAY(S, own_taste, 0, 5),
    ONE(S, history, 0, 1.5),
    MAY(S, after_digital, 0, 3),
    MAY(S, after_activity, 0, 3),
    MANY(S, need, -5, 5, NEED, 0),
    MANY(S, stage, -9, 9, STAGE, 0),
    MANY(S, life, -5, 9, LIFE, 0),
    MANY(S, taste, -5, 5, TASTE, 0),
    MANY(S, with, -9, 9, PRODUCT, 0),
};
#undef S

/* A kind of section: `[name]`, or `[name MEMBER]` for each member of a family. */
struct kind {
    const char *name;
    enum family family;
    const struct key *keys;
    size_t key_count, offset, size;
};

#define KIND(name, family, keys, field, size)                                                      \
    {                                                                                              \
        name, family, keys, LX_COUNT_OF(keys), offsetof(struct synth_profile, field), size         \
    }
static const struct kind KINDS[] = {
    {"population", NO_FAMILY, POPULATION_KEYS, LX_COUNT_OF(POPULATION_KEYS), 0, 0},
    {"opening", NO_FAMILY, OPENING_KEYS, LX_COUNT_OF(OPENING_KEYS), 0, 0},
    {"campaign", NO_FAMILY, CAMPAIGN_KEYS, LX_COUNT_OF(CAMPAIGN_KEYS), 0, 0},
    KIND("need", NEED, NEED_KEYS, needs, sizeof(struct synth_need_profile)),
    KIND("stage", STAGE, STAGE_KEYS, stages, sizeof(struct synth_stage_profile)),
    KIND("merchant", MERCHANT, MERCHANT_KEYS, merchants, sizeof(struct synth_merchant_profile)),
    KIND("life", LIFE, LIFE_KEYS, lives, sizeof(struct synth_life_profile)),
    KIND("product", PRODUCT, PRODUCT_KEYS, products, sizeof(struct synth_product_profile)),
};

struct parser {
    const struct bank_catalogue *catalogue;
    struct ini ini;
    struct synth_profile *profile; /* written in place; handed over when all is well */
    struct lx_error *err;
};

static int find_text(const char *const *texts, int count, const char *text)
{
    for (int i = 0; i < count; i++)
        if (strcmp(texts[i], text) == 0) return i;
    return -1;
}

/* First and last index of a family; merchants and channels count from 1. */
static void family_range(const struct parser *parser, enum family family, int *ret_first,
                         int *ret_end)
{
    int end[] = {[NEED] = SYNTH_NEED_COUNT,    [TASTE] = SYNTH_TASTE_COUNT,
                 [STAGE] = SYNTH_STAGE_COUNT,  [LIFE] = SYNTH_LIFE_COUNT,
                 [PLACE] = SYNTH_PLACE_COUNT,  [MERCHANT] = BANK_MERCHANT_END,
                 [CHANNEL] = BANK_CHANNEL_END, [PRODUCT] = (int)parser->catalogue->count};
    *ret_first = family == MERCHANT || family == CHANNEL;
    *ret_end = end[family];
}

/* Index of a member by its text, -1 if there is none. */
static int family_find(const struct parser *parser, enum family family, const char *text)
{
    switch (family) {
    case NEED: return find_text(NEEDS, SYNTH_NEED_COUNT, text);
    case TASTE: return find_text(TASTES, SYNTH_TASTE_COUNT, text);
    case STAGE: return find_text(STAGES, SYNTH_STAGE_COUNT, text);
    case LIFE: return find_text(LIVES, SYNTH_LIFE_COUNT, text);
    case PLACE: return find_text(PLACES, SYNTH_PLACE_COUNT, text);
    case PRODUCT: return bank_catalogue_find(parser->catalogue, text, strlen(text));
    case MERCHANT: {
        int found = (int)bank_merchant_find(text, strlen(text));
        return found == BANK_MERCHANT_NONE ? -1 : found;
    }
    case CHANNEL: {
        int found = (int)bank_channel_find(text, strlen(text));
        return found == BANK_CHANNEL_NONE ? -1 : found;
    }
    case NO_FAMILY: break;
    }
    lx_bug(__FILE__, __LINE__, "family");
}

static const char *family_text(const struct parser *parser, enum family family, int index)
{
    switch (family) {
    case NEED: return NEEDS[index];
    case TASTE: return TASTES[index];
    case STAGE: return STAGES[index];
    case LIFE: return LIVES[index];
    case PLACE: return PLACES[index];
    case PRODUCT: return parser->catalogue->products[index].code;
    case MERCHANT: return bank_merchant_text((enum bank_merchant)index);
    case CHANNEL: return bank_channel_text((enum bank_channel)index);
    case NO_FAMILY: break;
    }
    lx_bug(__FILE__, __LINE__, "family");
}

static enum lx_err parse_number(struct parser *parser, const struct ini_entry *entry, double low,
                                double high, double *ret_value)
{
    double value;
    struct lx_error detail = {0};
    if (field_real(entry->value, strlen(entry->value), &value, &detail) != LX_OK)
        return lx_fail(parser->err, LX_ERR_BAD_INPUT, "%s:%d: %s = \"%s\": not a number",
                       parser->ini.file, entry->line, entry->name, entry->value);
    if (value < low || value > high)
        return lx_fail(parser->err, LX_ERR_BAD_INPUT, "%s:%d: %s = %s: must lie in %g to %g",
                       parser->ini.file, entry->line, entry->name, entry->value, low, high);
    *ret_value = value;
    return LX_OK;
}

/* `name`, or `family.member` of an array; the index within the array in *ret_index. */
static const struct key *find_key(const struct parser *parser, const struct kind *kind,
                                  const char *name, int *ret_index)
{
    const char *dot = strchr(name, '.');
    size_t length = dot == NULL ? strlen(name) : (size_t)(dot - name);
    for (size_t i = 0; i < kind->key_count; i++) {
        const struct key *key = &kind->keys[i];
        if (strlen(key->name) != length || strncmp(key->name, name, length) != 0) continue;
        if ((key->family == NO_FAMILY) != (dot == NULL)) continue;
        *ret_index = dot == NULL ? 0 : family_find(parser, key->family, dot + 1);
        if (*ret_index >= 0) return key;
    }
    return NULL;
}

/* Everything gets its fallback first, so that a file names only what differs. */
static void set_fallbacks(const struct parser *parser, const struct kind *kind, char *target)
{
    for (size_t i = 0; i < kind->key_count; i++) {
        const struct key *key = &kind->keys[i];
        double *values = (double *)(void *)(target + key->offset);
        int first = 0, end = 1;
        if (key->family != NO_FAMILY) family_range(parser, key->family, &first, &end);
        for (int j = first; j < end; j++) values[j] = key->fallback;
    }
}

static enum lx_err parse_flow(struct parser *parser, const struct ini_entry *entry, char *target)
{
    int flow = find_text(FLOWS, SYNTH_FLOW_COUNT, entry->value);
    if (flow < 0)
        return lx_fail(
            parser->err, LX_ERR_BAD_INPUT,
            "%s:%d: flow = \"%s\": no such flow; there are current, deposit, investment, "
            "loan, card, insurance and service",
            parser->ini.file, entry->line, entry->value);
    ((struct synth_product_profile *)(void *)target)->flow = flow;
    return LX_OK;
}

static enum lx_err parse_section(struct parser *parser, const struct kind *kind,
                                 const char *section, char *target)
{
    if (ini_section(&parser->ini, 0) == NULL)
        return lx_fail(parser->err, LX_ERR_BAD_INPUT, "%s: the file is empty", parser->ini.file);
    bool is_product = kind->family == PRODUCT, has_flow = false, has_any = false;
    set_fallbacks(parser, kind, target);
    for (size_t i = 0; i < parser->ini.count; i++) {
        const struct ini_entry *entry = &parser->ini.entries[i];
        if (strcmp(entry->section, section) != 0) continue;
        has_any = true;
        enum lx_err code = LX_OK;
        if (is_product && strcmp(entry->name, "flow") == 0) {
            code = parse_flow(parser, entry, target);
            has_flow = true;
        } else {
            int index = 0;
            const struct key *key = find_key(parser, kind, entry->name, &index);
            if (key == NULL)
                return lx_fail(parser->err, LX_ERR_BAD_INPUT, "%s:%d: [%s] has no \"%s\"",
                               parser->ini.file, entry->line, section, entry->name);
            double *value = (double *)(void *)(target + key->offset) + index;
            code = parse_number(parser, entry, key->low, key->high, value);
        }
        if (code != LX_OK) return code;
    }
    if (!has_any)
        return lx_fail(parser->err, LX_ERR_BAD_INPUT, "%s: section [%s] is missing",
                       parser->ini.file, section);
    for (size_t i = 0; i < kind->key_count; i++) {
        const struct key *key = &kind->keys[i];
        if (isnan(key->fallback) && ini_find(&parser->ini, section, key->name) == NULL)
            return lx_fail(parser->err, LX_ERR_BAD_INPUT, "%s: [%s] lacks \"%s\"", parser->ini.file,
                           section, key->name);
    }
    if (is_product && !has_flow)
        return lx_fail(parser->err, LX_ERR_BAD_INPUT, "%s: [%s] lacks \"flow\"", parser->ini.file,
                       section);
    return LX_OK;
}

static enum lx_err parse_kind(struct parser *parser, const struct kind *kind)
{
    char *base = (char *)parser->profile + kind->offset;
    if (kind->family == NO_FAMILY) return parse_section(parser, kind, kind->name, base);
    int first, end;
    family_range(parser, kind->family, &first, &end);
    for (int i = first; i < end; i++) {
        char section[LX_FIELD_NAME_MAX];
        snprintf(section, sizeof section, "%s %s", kind->name,
                 family_text(parser, kind->family, i));
        enum lx_err code = parse_section(parser, kind, section, base + (size_t)i * kind->size);
        if (code != LX_OK) return code;
    }
    return LX_OK;
}

/* What stands in a section that nothing asks for would be ignored in silence. */
static bool is_known_section(const struct parser *parser, const char *section)
{
    if (strcmp(section, "window") == 0) return true;
    const char *space = strchr(section, ' ');
    size_t length = space == NULL ? strlen(section) : (size_t)(space - section);
    for (size_t i = 0; i < LX_COUNT_OF(KINDS); i++) {
        if (strlen(KINDS[i].name) != length || strncmp(KINDS[i].name, section, length) != 0)
            continue;
        if (KINDS[i].family == NO_FAMILY) return space == NULL;
        return space != NULL && family_find(parser, KINDS[i].family, space + 1) >= 0;
    }
    return false;
}

static enum lx_err parse_window(struct parser *parser)
{
    for (size_t i = 0; i < parser->ini.count; i++) {
        const struct ini_entry *entry = &parser->ini.entries[i];
        if (!is_known_section(parser, entry->section))
            return lx_fail(parser->err, LX_ERR_BAD_INPUT, "%s:%d: no such section: [%s]",
                           parser->ini.file, entry->line, entry->section);
        if (strcmp(entry->section, "window") != 0) continue;
        if (strcmp(entry->name, "end") != 0 && strcmp(entry->name, "utc_offset_minutes") != 0)
            return lx_fail(parser->err, LX_ERR_BAD_INPUT, "%s:%d: [window] has no \"%s\"",
                           parser->ini.file, entry->line, entry->name);
    }
    const struct ini_entry *end = ini_find(&parser->ini, "window", "end");
    const struct ini_entry *offset = ini_find(&parser->ini, "window", "utc_offset_minutes");
    if (end == NULL || offset == NULL)
        return lx_fail(parser->err, LX_ERR_BAD_INPUT,
                       "%s: [window] must give \"end\" and \"utc_offset_minutes\"",
                       parser->ini.file);
    int32_t day;
    if (lx_day_parse(end->value, strlen(end->value), &day) != LX_OK ||
        lx_civil_of_day(day + 1).day != 1)
        return lx_fail(parser->err, LX_ERR_BAD_INPUT,
                       "%s:%d: end = \"%s\": must be the last day of a month, YYYY-MM-DD",
                       parser->ini.file, end->line, end->value);
    double minutes;
    enum lx_err code = parse_number(parser, offset, -720, 840, &minutes);
    if (code != LX_OK) return code;
    parser->profile->end_day = day;
    parser->profile->utc_offset_minutes = (int)minutes;
    return LX_OK;
}

/* What the model needs that no single range says. */
static enum lx_err check_whole(struct parser *parser)
{
    const struct synth_profile *profile = parser->profile;
    int current = 0;
    double shares = 0, pages = 0, campaigns = 0, cards = 0, transfers = 0, places = 0;
    for (size_t i = 0; i < parser->catalogue->count; i++) {
        current += profile->products[i].flow == SYNTH_FLOW_CURRENT;
        pages += profile->products[i].page;
        campaigns += profile->products[i].campaign;
    }
    for (int i = 0; i < SYNTH_STAGE_COUNT; i++) {
        const struct synth_stage_profile *stage = &profile->stages[i];
        shares += stage->share;
        if (stage->age_min > stage->age_max)
            return lx_fail(parser->err, LX_ERR_BAD_INPUT, "%s: [stage %s] age_min > age_max",
                           parser->ini.file, STAGES[i]);
    }
    for (int i = 0; i < SYNTH_PLACE_COUNT; i++) places += profile->place[i];
    for (int i = 1; i < BANK_MERCHANT_END; i++) {
        cards += profile->merchants[i].card;
        transfers += profile->merchants[i].transfer;
    }
    if (current != 1)
        return lx_fail(parser->err, LX_ERR_BAD_INPUT,
                       "%s: exactly one product must have `flow = current`, not %d",
                       parser->ini.file, current);
    if (shares <= 0 || pages <= 0 || campaigns <= 0 || cards <= 0 || transfers <= 0 || places <= 0)
        return lx_fail(parser->err, LX_ERR_BAD_INPUT,
                       "%s: shares of stages, places, pages, campaigns and merchants must not all "
                       "be 0",
                       parser->ini.file);
    return LX_OK;
}

enum lx_err synth_profile_parse(const char *file, const char *bytes, size_t length,
                                const struct bank_catalogue *catalogue,
                                struct synth_profile *ret_profile, struct lx_error *err)
{
    LX_ASSERT(file != NULL && bytes != NULL && catalogue != NULL && ret_profile != NULL);

    if (catalogue->count == 0 || catalogue->count > SYNTH_PRODUCT_MAX)
        return lx_fail(err, LX_ERR_LIMIT, "catalogue: %zu products; a synthetic bank has 1 to %d",
                       catalogue->count, SYNTH_PRODUCT_MAX);
    struct synth_profile profile;
    memset(&profile, 0, sizeof profile);
    struct parser parser = {.catalogue = catalogue, .profile = &profile, .err = err};
    enum lx_err code = ini_read(file, bytes, length, &parser.ini, err);
    if (code != LX_OK) return code;

    code = parse_window(&parser);
    for (size_t i = 0; i < LX_COUNT_OF(KINDS) && code == LX_OK; i++)
        code = parse_kind(&parser, &KINDS[i]);
    if (code == LX_OK) code = check_whole(&parser);
    if (code == LX_OK) *ret_profile = profile;
    ini_release(&parser.ini);
    return code;
}
