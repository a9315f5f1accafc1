#ifndef DECIDE_RULES_H
#define DECIDE_RULES_H

/*
 * rules: may this product be offered to this customer? A hard gate before every model, written as
 * data: DIR/rules/<name>.ini, one section a rule (docs/reference/rules.md).
 *
 *   [risk_above_level]
 *   stage = suitability
 *   refuse_if = product.risk > risk_level
 *   zh = ...
 *   en = its risk is above the customer's assessed level
 *
 * Rules are asked by stage, within a stage by the file's name and the place in it. The answer is
 * the first rule that refuses. A rule refuses where its condition is true; with `if_unknown =
 * refuse` also where it is NULL. Names are stable: they reach the journal and API clients.
 * The customer is seen as of the snapshot's moment; what was answered and offered since comes
 * beside him (rule_schema.h). A condition that cannot be computed (an overflow) stops the decision:
 * the pair is neither refused nor let through. The parts of a condition joined by `and` are
 * evaluated in an order of our own.
 *
 * Ownership: rules own their texts and borrow schema and catalogue. Errors: LX_ERR_BAD_INPUT with
 *            file:line:column, what was expected and a suggestion; LX_ERR_LIMIT.
 * Threads:   a rule set belongs to one thread at a time.
 */

#include "decide/rule_schema.h"

#define RULE_STAGE_MAP(X)                                                                          \
    X(EMERGENCY_STOP, 1, "emergency_stop", "紧急停售", "emergency stop")                           \
    X(ELIGIBILITY, 2, "eligibility", "准入", "eligibility")                                        \
    X(SUITABILITY, 3, "suitability", "适当性", "suitability")                                      \
    X(CONTACT_POLICY, 4, "contact_policy", "触达策略", "contact policy")

/* NONE: of a rule that a record of the first version names and that is there no more. */
enum rule_stage {
    RULE_STAGE_NONE = 0,
#define X(name, number, text, zh, en) RULE_STAGE_##name = (number),
    RULE_STAGE_MAP(X)
#undef X
        RULE_STAGE_END
};
const char *rule_stage_text(enum rule_stage stage); /* "suitability"; "" for NONE */
const char *rule_stage_zh(enum rule_stage stage);
const char *rule_stage_en(enum rule_stage stage);

enum {
    RULES_MAX = 512, /* in all files */
    RULES_FILES_MAX = 64,
    RULE_NAME_MAX = 48,  /* bytes */
    RULE_TEXT_MAX = 512, /* bytes of zh and en */
    RULE_NONE = -1       /* nothing refuses */
};

struct rule {
    const char *name, *zh, *en;
    const char *expression; /* canonical */
    enum rule_stage stage;
    bool refuses_unknown;
    const char *file; /* without its folder */
    int line;
};

struct rules_file {
    const char *name; /* without its folder: "contact.ini" */
    const char *bytes;
    size_t length;
};

struct rules;

/* `folder` is only named in messages. The files' bytes are copied. */
LX_MUST_USE enum lx_err rules_parse(const char *folder, const struct rules_file *files,
                                    size_t file_count, const struct rule_schema *schema,
                                    const struct bank_catalogue *catalogue,
                                    struct rules **ret_rules, struct lx_error *err);
/* The files of DIR/rules. LX_ERR_NOT_READY where there are none and how to get them. */
LX_MUST_USE enum lx_err rules_open(const char *folder, const struct rule_schema *schema,
                                   const struct bank_catalogue *catalogue, struct rules **ret_rules,
                                   struct lx_error *err);
void rules_close(struct rules *rules); /* NULL is fine */

/* In the order in which they are asked. */
size_t rules_count(const struct rules *rules);
const struct rule *rules_at(const struct rules *rules, size_t index);
const struct rule *rules_find(const struct rules *rules, const char *name); /* NULL: none */

/* The version: SHA-256 over names, stages, canonical conditions, texts and the stop list, in the
 * order of the rules. Comments and layout do not count. */
const uint8_t *rules_hash(const struct rules *rules);
size_t rules_file_count(const struct rules *rules);
struct rules_file rules_file_at(const struct rules *rules, size_t index);

/* Does a rule read features of pairs? Then a question must have them. */
bool rules_reads_pairs(const struct rules *rules);

/*
 * ret_rules[product]: the number of the first rule that refuses the product, or RULE_NONE; only for
 * the products whose bit is set in `wanted` (NULL: all). Conditions on the product alone are kept
 * for the last as-of moment, those on the customer alone are evaluated once a question.
 */
LX_MUST_USE enum lx_err rules_judge(struct rules *rules, const struct rule_question *question,
                                    const uint64_t *wanted, int16_t *ret_rules,
                                    struct lx_error *err);

/* A single rule by itself, whether or not another one comes before. */
LX_MUST_USE enum lx_err rules_ask(struct rules *rules, size_t rule,
                                  const struct rule_question *question, int product,
                                  bool *ret_is_refused, struct lx_error *err);

#endif
