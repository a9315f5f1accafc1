#include "model/alarms.h"

#include <math.h>
#include <string.h>

#include "bank/bank.h"
#include "base/date.h"
#include "codec/field.h"
#include "codec/ini.h"
#include "host/file.h"

enum { ANSWER_DAYS = 30 };

static const struct {
    const char *name;
    bool is_above;
    double limit;
    const char *zh, *en;
} table[ALARM_COUNT] = {
#define X(name, text, is_above, limit, zh, en) {text, is_above, limit, zh, en},
    ALARM_MAP(X)
#undef X
};

const char *alarm_name(enum alarm alarm)
{
    return table[alarm].name;
}

const char *alarm_zh(enum alarm alarm)
{
    return table[alarm].zh;
}

const char *alarm_en(enum alarm alarm)
{
    return table[alarm].en;
}

struct alarm_limits alarm_limits_default(void)
{
    struct alarm_limits limits;
    for (size_t i = 0; i < ALARM_COUNT; i++) limits.limits[i] = table[i].limit;
    return limits;
}

static enum lx_err read_limits(const struct ini *ini, const char *path, struct alarm_limits *limits,
                               struct lx_error *err)
{
    for (size_t i = 0; i < ini->count; i++) {
        const struct ini_entry *entry = &ini->entries[i];
        size_t alarm = 0;
        if (strcmp(entry->section, "alarms") != 0) continue;
        while (alarm < ALARM_COUNT && strcmp(entry->name, table[alarm].name) != 0) alarm++;
        if (alarm == ALARM_COUNT)
            return lx_fail(err, LX_ERR_BAD_INPUT, "%s:%d: no alarm is called \"%.40s\"", path,
                           entry->line, entry->name);
        if (field_real(entry->value, strlen(entry->value), &limits->limits[alarm], err) != LX_OK)
            return lx_fail(err, LX_ERR_BAD_INPUT, "%s:%d: %s \"%.20s\": is not a number", path,
                           entry->line, entry->name, entry->value);
    }
    return LX_OK;
}

enum lx_err alarm_limits_read(const char *folder, struct alarm_limits *ret_limits,
                              struct lx_error *err)
{
    char path[LX_PATH_MAX];
    struct ini ini = {0};
    struct lx_buffer text;
    struct alarm_limits limits = alarm_limits_default();
    lx_buffer_init(&text, LX_CONFIG_MAX);
    enum lx_err code = host_join(path, folder, "lingxi.ini", err);
    if (code == LX_OK) code = host_read_file(path, &text, err);
    if (code == LX_OK) code = ini_read(path, lx_buffer_text(&text), text.length, &ini, err);
    if (code == LX_OK) code = read_limits(&ini, path, &limits, err);
    ini_release(&ini);
    lx_buffer_release(&text);
    if (code == LX_OK) *ret_limits = limits;
    return code;
}

bool alarm_is_raised(const struct alarm_limits *limits, enum alarm alarm, double value)
{
    return table[alarm].is_above ? value > limits->limits[alarm] : value < limits->limits[alarm];
}

void alarms_add(struct alarms *alarms, const struct alarm_limits *limits, enum alarm alarm,
                double value)
{
    if (!alarm_is_raised(limits, alarm, value)) return;
    size_t at = alarms->count;
    for (; at > 0 && alarms->items[at - 1].alarm >= alarm; at--)
        if (alarms->items[at - 1].alarm == alarm) return;
    memmove(&alarms->items[at + 1], &alarms->items[at],
            (alarms->count - at) * sizeof alarms->items[0]);
    alarms->items[at].alarm = alarm;
    alarms->items[at].value = value;
    alarms->items[at].limit = limits->limits[alarm];
    alarms->count++;
}

void alarms_add_quality(struct alarms *alarms, const struct alarm_limits *limits,
                        const struct quality *quality, uint64_t positives)
{
    alarms_add(alarms, limits, ALARM_ROC_AUC_LOW, quality->roc_auc_within);
    alarms_add(alarms, limits, ALARM_ROC_AUC_HIGH, quality->roc_auc_within);
    alarms_add(alarms, limits, ALARM_POSITIVES, (double)positives);
    alarms_add(alarms, limits, ALARM_TOP_TENTH_LOW, quality->observed_over_expected_top10);
    alarms_add(alarms, limits, ALARM_TOP_TENTH_HIGH, quality->observed_over_expected_top10);
}

enum lx_err alarms_add_answers(struct alarms *alarms, const struct alarm_limits *limits,
                               const char *folder, struct lx_error *err)
{
    static const char sql[] = "SELECT (SELECT count(*) FROM answer WHERE at_ms > $1) + "
                              "(SELECT count(*) FROM exposure WHERE answer IS NOT NULL AND "
                              "answer_known_at_ms > $1 AND answer_known_at_ms <= $2)";
    struct bank *bank = NULL;
    struct store_statement *statement = NULL;
    int64_t newest_ms = 0;
    bool has_row = false;
    enum lx_err code = bank_open(folder, STORE_READ, &bank, err);
    if (code != LX_OK) return code;
    code = bank_newest_known_ms(bank, &newest_ms, err);
    if (code == LX_OK) code = store_prepare(bank_store(bank), sql, &statement, err);
    if (code == LX_OK) {
        store_bind_int(statement, 1, newest_ms - ANSWER_DAYS * LX_MS_PER_DAY);
        store_bind_int(statement, 2, newest_ms);
        code = store_step(statement, &has_row, err);
    }
    if (code == LX_OK && has_row)
        alarms_add(alarms, limits, ALARM_ANSWERS, (double)store_int(statement, 0));
    store_finalize(statement);
    bank_close(bank);
    return code;
}
