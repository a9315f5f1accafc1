#ifndef MODEL_ALARMS_H
#define MODEL_ALARMS_H

/*
 * alarms: what a bank should hear of without asking. One table of names, words and limits, for
 * models of the bank and for the trials alike; DIR/lingxi.ini may set other limits under [alarms],
 * by these names.
 *
 * ROC-AUC is the one within products: over all pairs together it is lifted by what is popular
 * (0.96 on the synthetic bank with nothing wrong), and would hide as well as feign.
 * NaN raises nothing. Errors: LX_ERR_BAD_INPUT (lingxi.ini), store's. Threads: pure.
 */

#include "base/base.h"

#include "model/quality.h"

/* Name, is it raised above the limit (else below), limit, in Chinese, in English. */
#define ALARM_MAP(X)                                                                               \
    X(ROC_AUC_LOW, "roc_auc_low", false, 0.52, "几乎不会排序", "hardly ranks at all")              \
    X(ROC_AUC_HIGH, "roc_auc_high", true, 0.90, "好得可疑，可能看到了未来",                        \
      "too good: it may have seen the future")                                                     \
    X(POSITIVES, "positives", false, 200, "正例太少，模型尚不成熟", "too few positives: immature") \
    X(ANSWERS, "answers", false, 1, "近30天没有客户回答", "no answers in 30 days")                 \
    X(TOP_TENTH_LOW, "top_tenth_low", false, 0.8, "最高一成的概率偏高",                            \
      "probabilities of the top tenth are too high")                                               \
    X(TOP_TENTH_HIGH, "top_tenth_high", true, 1.25, "最高一成的概率偏低",                          \
      "probabilities of the top tenth are too low")                                                \
    X(INPUT_DRIFT, "input_drift", true, 0.25, "输入分布已变（PSI）", "inputs have moved (PSI)")    \
    X(SCORE_DRIFT, "score_drift", true, 0.25, "评分分布已变（PSI）", "scores have moved (PSI)")    \
    X(LABEL_DRIFT, "label_drift", true, 0.25, "正例比例已变（PSI）",                               \
      "the share of positives has moved (PSI)")

enum alarm {
#define X(name, text, is_above, limit, zh, en) ALARM_##name,
    ALARM_MAP(X)
#undef X
        ALARM_COUNT
};
const char *alarm_name(enum alarm alarm);
const char *alarm_zh(enum alarm alarm);
const char *alarm_en(enum alarm alarm);

struct alarm_limits {
    double limits[ALARM_COUNT];
};
struct alarm_limits alarm_limits_default(void);
LX_MUST_USE enum lx_err alarm_limits_read(const char *folder, struct alarm_limits *ret_limits,
                                          struct lx_error *err);

bool alarm_is_raised(const struct alarm_limits *limits, enum alarm alarm, double value);

/* Those that are raised, in the order of the table, each once. */
struct alarms {
    struct {
        enum alarm alarm;
        double value, limit;
    } items[ALARM_COUNT];
    size_t count;
};
void alarms_add(struct alarms *alarms, const struct alarm_limits *limits, enum alarm alarm,
                double value);
/* Ranking, positives, calibration in the top tenth. */
void alarms_add_quality(struct alarms *alarms, const struct alarm_limits *limits,
                        const struct quality *quality, uint64_t positives);
/* Answers that became known in the 30 days before the bank's newest fact. */
LX_MUST_USE enum lx_err alarms_add_answers(struct alarms *alarms, const struct alarm_limits *limits,
                                           const char *folder, struct lx_error *err);

#endif
