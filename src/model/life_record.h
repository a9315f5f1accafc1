#ifndef MODEL_LIFE_RECORD_H
#define MODEL_LIFE_RECORD_H

/*
 * life_record: a change of which model is live, as the journal holds it.
 *
 *   record  kind u8 (LIFE_RECORD_KIND), version u8, at_ms signed, action u8, model, live before,
 *           by, asked by, SHA-256 of the model's card, is-known u8, seven reals of the comparison
 *
 * The kind is apart from those of decide/record.h, which reads it as a record of another part of
 * the program. The moment stands where that of a rule set does.
 * Errors: LX_ERR_CORRUPT, LX_ERR_VERSION. Threads: pure.
 */

#include "base/buffer.h"
#include "model/registry.h"

enum { LIFE_RECORD_KIND = 8, LIFE_RECORD_VERSION = 1, LIFE_NAME_MAX = 64 };

#define LIFE_ACTION_MAP(X)                                                                         \
    X(ADOPTED, "adopted", "沿用记录之前的在用模型", "was live before changes were recorded")       \
    X(REGISTERED, "registered", "登记为候选", "registered as candidate")                           \
    X(FIRST, "first", "首个模型，直接上线", "went live: nothing could serve before it")            \
    X(BY_RULE, "by_rule", "按规则自动上线", "went live by rule")                                   \
    X(PROMOTED, "promoted", "由一人上线", "went live by one person's word")                        \
    X(ASKED, "asked", "申请上线，待另一人复核", "promotion asked for, a second person to approve") \
    X(APPROVED, "approved", "另一人复核后上线", "approved by a second person, went live")          \
    X(ROLLED_BACK, "rolled_back", "回退，重新上线", "rolled back to, live again")

enum life_action {
#define X(name, text, zh, en) LIFE_##name,
    LIFE_ACTION_MAP(X)
#undef X
        LIFE_ACTION_COUNT
};
const char *life_action_name(enum life_action action);
const char *life_action_zh(enum life_action action);
const char *life_action_en(enum life_action action);

/* What a candidate was found to be beside the live model; rivals.h. Not known: NaN. */
struct life_figures {
    bool is_known;
    double pr_auc, live_pr_auc, difference, low, high; /* of PR-AUC, candidate less live */
    double ece_low, ece_high;                          /* of the ECE of the newest month */
};

struct life_change {
    uint64_t position; /* of the record in the journal */
    int64_t at_ms;
    enum life_action action;
    char model[REGISTRY_ID_SIZE], before[REGISTRY_ID_SIZE]; /* before "": none was live */
    char by[LIFE_NAME_MAX + 1], asked_by[LIFE_NAME_MAX + 1];
    uint8_t card[32]; /* SHA-256 of the model's card */
    struct life_figures figures;
};

/* Does the model go live by this? */
bool life_action_is_live(enum life_action action);

void life_record_write(const struct life_change *change, struct lx_buffer *buffer);
/* *ret_is_change false: a record of another part of the program. The position is the caller's. */
LX_MUST_USE enum lx_err life_record_read(const void *bytes, size_t length,
                                         struct life_change *ret_change, bool *ret_is_change,
                                         struct lx_error *err);

#endif
