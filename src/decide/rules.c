#include "decide/rules.h"

#include <string.h>

#include "base/date.h"
#include "codec/digest.h"
#include "codec/field.h"
#include "codec/ini.h"

static const struct {
    const char *name, *zh, *en;
} words[] = {
#define X(name, text, zh, en) {text, zh, en},
    RULE_MAP(X)
#undef X
};

const char *rule_name(enum rule rule)
{
    LX_ASSERT((size_t)rule < RULE_COUNT);
    return words[rule].name;
}

const char *rule_zh(enum rule rule)
{
    LX_ASSERT((size_t)rule < RULE_COUNT);
    return words[rule].zh;
}

const char *rule_en(enum rule rule)
{
    LX_ASSERT((size_t)rule < RULE_COUNT);
    return words[rule].en;
}

enum rule rule_find(const char *name, size_t length)
{
    for (size_t i = 1; i < RULE_COUNT; i++)
        if (strlen(words[i].name) == length && memcmp(words[i].name, name, length) == 0)
            return (enum rule)i;
    return RULE_NONE;
}

/* What is being read, for messages. */
struct reading {
    const char *file;
    const struct ini_entry *entry;
    struct lx_error *err;
};

static enum lx_err refuse(const struct reading *reading, const char *why)
{
    return lx_fail(reading->err, LX_ERR_BAD_INPUT, "%s:%d: [%s] %s \"%.60s\": %s", reading->file,
                   reading->entry->line, reading->entry->section, reading->entry->name,
                   reading->entry->value, why);
}

static enum lx_err read_int(const struct reading *reading, int min, int max, int *ret_value)
{
    const char *text = reading->entry->value;
    int64_t value;
    if (field_int64(text, strlen(text), &value, NULL) != LX_OK)
        return refuse(reading, "is no whole number");
    if (value < min || value > max) return refuse(reading, "is out of range");
    *ret_value = (int)value;
    return LX_OK;
}

static enum lx_err read_yes(const struct reading *reading, bool *ret_value)
{
    const char *text = reading->entry->value;
    if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
        return refuse(reading, "is neither yes nor no");
    *ret_value = text[0] == 'y';
    return LX_OK;
}

static enum lx_err read_categories(const struct reading *reading, uint32_t *ret_categories)
{
    uint32_t categories = 0;
    for (const char *at = reading->entry->value;;) {
        at += strspn(at, " ,\n");
        size_t length = strcspn(at, " ,\n");
        if (length == 0) break;
        enum bank_category category = bank_category_find(at, length);
        if (category == BANK_CATEGORY_NONE) return refuse(reading, "no such category");
        categories |= UINT32_C(1) << category;
        at += length;
    }
    *ret_categories = categories;
    return LX_OK;
}

enum { REST_DAYS_MAX = 3650 };

/* Every name that the file must have, once. */
#define SETTING_MAP(X)                                                                             \
    X("suitability", "unassessed_max_risk", read_int(r, 0, 5, &rules->unassessed_max_risk))        \
    X("suitability", "senior_age", read_int(r, 0, 200, &rules->senior_age))                        \
    X("suitability", "senior_max_risk", read_int(r, 0, 5, &rules->senior_max_risk))                \
    X("credit", "refuse_overdue", read_yes(r, &rules->is_overdue_refused))                         \
    X("contact", "refuse_open_complaint", read_yes(r, &rules->is_complaint_refused))               \
    X("amount", "minimum_applies_to", read_categories(r, &rules->minimum_categories))              \
    X("rest", "interested_days",                                                                   \
      read_int(r, 0, REST_DAYS_MAX, &rules->rest_days[BANK_ANSWER_INTERESTED]))                    \
    X("rest", "not_interested_days",                                                               \
      read_int(r, 0, REST_DAYS_MAX, &rules->rest_days[BANK_ANSWER_NOT_INTERESTED]))                \
    X("rest", "viewed_days", read_int(r, 0, REST_DAYS_MAX, &rules->rest_days[BANK_ANSWER_VIEWED])) \
    X("rest", "ignored_days", read_int(r, 0, REST_DAYS_MAX, &rules->rest_days[BANK_ANSWER_IGNORED]))

static const struct {
    const char *section, *name;
} settings[] = {
#define X(section, name, read) {section, name},
    SETTING_MAP(X)
#undef X
};

static enum lx_err read_setting(const struct reading *r, struct rules *rules)
{
    const char *section = r->entry->section, *name = r->entry->name;
#define X(wanted_section, wanted_name, read)                                                       \
    if (strcmp(section, wanted_section) == 0 && strcmp(name, wanted_name) == 0) return read;
    SETTING_MAP(X)
#undef X
    return refuse(r, "no rule has this name");
}

enum lx_err rules_parse(const char *file, const char *bytes, size_t length, struct rules *ret_rules,
                        struct lx_error *err)
{
    struct ini ini = {0};
    struct rules rules = {0};
    enum lx_err code = ini_read(file, bytes, length, &ini, err);
    for (size_t i = 0; code == LX_OK && i < ini.count; i++) {
        const struct reading reading = {file, &ini.entries[i], err};
        code = read_setting(&reading, &rules);
    }
    for (size_t i = 0; code == LX_OK && i < LX_COUNT_OF(settings); i++)
        if (ini_find(&ini, settings[i].section, settings[i].name) == NULL)
            code = lx_fail(err, LX_ERR_BAD_INPUT, "%s: [%s] %s is missing", file,
                           settings[i].section, settings[i].name);
    ini_release(&ini);
    if (code != LX_OK) return code;
    digest_of(bytes, length, rules.hash);
    *ret_rules = rules;
    return LX_OK;
}

enum { AGE_ANY = 120 }; /* an age_max from here on means: no upper limit */

static bool is_for_every_age(const struct bank_product *product)
{
    return product->age_min <= 0 && product->age_max >= AGE_ANY;
}

static bool is_minimum_above_assets(const struct rules *rules, const struct rule_case *question)
{
    const struct bank_product *product = question->product;
    if ((rules->minimum_categories >> product->category & 1) == 0) return false;
    return question->assets_fen != BANK_NO_AMOUNT && product->minimum_fen > question->assets_fen;
}

static bool is_resting(const struct rules *rules, const struct rule_case *question)
{
    int days = rules->rest_days[question->answer];
    return days > 0 && question->now_ms < question->answered_ms + days * LX_MS_PER_DAY;
}

static enum rule check_suitability(const struct rules *rules, const struct rule_case *question)
{
    const struct bank_product *product = question->product;
    const struct view_facts *facts = question->facts;
    int level = facts->risk_level, age = facts->age;
    if (level > 0 && product->risk > level) return RULE_RISK_ABOVE_LEVEL;
    if (level == 0 && product->risk > rules->unassessed_max_risk)
        return RULE_ASSESSMENT_MISSING_OR_EXPIRED;
    if (age >= 0 && (age < product->age_min || age > product->age_max))
        return RULE_AGE_OUT_OF_RANGE;
    if (age < 0 && !is_for_every_age(product)) return RULE_AGE_UNKNOWN;
    if (age >= rules->senior_age && product->risk > rules->senior_max_risk)
        return RULE_OVER_65_HIGH_RISK;
    if (rules->is_overdue_refused && facts->is_overdue && product->category == BANK_CATEGORY_CREDIT)
        return RULE_OVERDUE_NO_CREDIT;
    return is_minimum_above_assets(rules, question) ? RULE_MINIMUM_ABOVE_ASSETS : RULE_NONE;
}

enum rule rules_check(const struct rules *rules, const struct rule_case *question)
{
    const struct bank_product *product = question->product;
    LX_ASSERT(product->risk >= 1 && product->risk <= 5);
    LX_ASSERT(question->answer <= BANK_ANSWER_RETRACTED);

    if (question->facts->is_do_not_contact) return RULE_DO_NOT_CONTACT;
    if (question->channel != BANK_CHANNEL_NONE &&
        (question->facts->refused_channels >> question->channel & 1) != 0)
        return RULE_CHANNEL_REFUSED;
    if (rules->is_complaint_refused && question->facts->has_open_complaint)
        return RULE_OPEN_COMPLAINT;
    if (question->is_held) return RULE_ALREADY_HOLDS;
    if (product->status != BANK_PRODUCT_ON_SALE) return RULE_NOT_ON_SALE;
    if (product->launched_day > question->as_of_day) return RULE_NOT_LAUNCHED;
    enum rule rule = check_suitability(rules, question);
    if (rule != RULE_NONE) return rule;
    if (is_resting(rules, question)) return RULE_ANSWERED_RECENTLY;
    return question->is_shown_before ? RULE_SHOWN_BEFORE : RULE_NONE;
}
