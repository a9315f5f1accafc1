#ifndef DECIDE_RECORD_H
#define DECIDE_RECORD_H

/*
 * record: what the journal holds of decisions and answers, as canonical bytes: everything that a
 * decision was made from, so that it can be told again, explained and replayed years later.
 *
 *   record    kind u8, version u8, body
 *   decision  ids, customer, moments, model, hashes of rules and actions; the customer's features;
 *             every candidate with its pair features, log-odds before and after the answers,
 *             factors, rank, reasons; every refusal with the rule, its stage and its words
 *   answer    the decision, the answers, whether the round is final now, and the decision of the
 *             round that follows, in the same record: both are there or neither
 *   rules     another rule set from here on: the hash before, the new one, its files
 *
 * The same record gives the same bytes. Reading never trusts a length: bytes that are not such a
 * record are LX_ERR_CORRUPT, a later version is LX_ERR_VERSION. Of a decision of version 1 a
 * refusal has its rule's name alone; before version 3 there are no segments, no places by chance,
 * and an answer does not say what it replaces.
 *
 * Ownership: what is decoded lives in the arena, texts are copied. Threads: pure.
 */

#include "base/arena.h"
#include "base/buffer.h"
#include "decide/decide.h"
#include "decide/rules.h"

enum { RECORD_VERSION = 3, RECORD_ID_BYTES = 16, RECORD_MODEL_SIZE = REGISTRY_ID_SIZE };

/* 8 is a change of models: model/life_record.h. */
enum record_kind { RECORD_DECISION = 1, RECORD_ANSWER = 2, RECORD_RULES = 3 };

/* Why a candidate got its place. */
enum record_place {
    RECORD_PLACE_PLAIN = 0, /* or none */
    RECORD_PLACE_EXPLORED = 1,
    RECORD_PLACE_INFORMATIVE = 2,
    RECORD_PLACE_END
};
const char *record_place_text(enum record_place place); /* "plain", "explored", "informative" */

struct record_candidate {
    int product;
    const char *code;
    int rank;                /* 1 ... as shown; 0: not shown */
    enum record_place place; /* how it came there */
    double a, b;             /* Beta posterior that a place by chance was drawn with; 0: none */
    int score;
    double base_log_odds; /* the model's, calibrated */
    double log_odds;      /* after the answers; the same in the first round */
    double show_probability;
    struct decision_factors factors;
    const float *pair_values; /* record->pair_count of them */
    struct decision_reason reasons[DECISION_REASONS_MAX];
    size_t reason_count;
};

struct record_refusal {
    int product;
    const char *code;
    const char *rule;      /* its name */
    enum rule_stage stage; /* version 1: NONE, and no words */
    const char *zh, *en;
};

struct record_given {
    int product;
    const char *code;
    enum bank_answer answer;
    /* In an answer: what it replaces in its round, and when that was said. */
    enum bank_answer before;
    int64_t before_ms;
};

struct record_decision {
    uint8_t id[RECORD_ID_BYTES], parent[RECORD_ID_BYTES]; /* parent all zero: none */
    const char *customer_id, *placement;
    int64_t customer;    /* dense number */
    int round, asked;    /* asked: how many places there were */
    const char *segment; /* its name in actions.ini, "" for none */
    double explore;      /* the chance that the last place was left to chance */
    bool is_personalised;
    int64_t decided_ms, as_of_ms;
    char model[RECORD_MODEL_SIZE];
    uint8_t rules_hash[32], actions_hash[32], feature_set[32];
    const float *customer_values;
    size_t customer_count, pair_count;   /* features of each kind */
    struct record_candidate *candidates; /* by product */
    size_t candidate_count;
    struct record_refusal *refusals; /* by product */
    size_t refusal_count;
    struct record_given *given; /* the answers that the second round rests on; by product */
    size_t given_count;
};

struct record_answer {
    uint8_t decision[RECORD_ID_BYTES];
    uint64_t decision_position;
    int64_t customer, answered_ms;
    bool is_final;       /* of the round, after this */
    const char *segment; /* of the customer, as the round that is answered has it */
    struct record_given *given;
    size_t given_count;
    bool has_next;
    struct record_decision next;
};

/* A rule set that decisions rest on from here on. */
struct record_rules {
    int64_t at_ms;
    uint8_t before[32], after[32]; /* before all zero: the first */
    struct rules_file *files;
    size_t file_count;
};

void record_decision_write(const struct record_decision *decision, struct lx_buffer *buffer);
void record_answer_write(const struct record_answer *answer, struct lx_buffer *buffer);
void record_rules_write(const struct record_rules *rules, struct lx_buffer *buffer);

struct record {
    enum record_kind kind;
    struct record_decision decision; /* of the kind that it is */
    struct record_answer answer;
    struct record_rules rules;
};
/* *ret_is_known false: a record of another part of the program. */
LX_MUST_USE enum lx_err record_read(const void *bytes, size_t length, struct lx_arena *arena,
                                    struct record *ret_record, bool *ret_is_known,
                                    struct lx_error *err);

/* When a decision was made, an answer given, a rule set first used or a model changed, from the
 * record's first bytes; 0 for a record of another part of the program. It stands in the audit log,
 * so what is said of a record stays. */
int64_t record_moment(const void *bytes, size_t length);

/* 32 lower-case hex digits, and back; false if the text is not one. */
void record_id_text(const uint8_t id[RECORD_ID_BYTES], char ret_text[DECISION_ID_SIZE]);
bool record_id_parse(const char *text, uint8_t ret_id[RECORD_ID_BYTES]);
/* 48 bits of milliseconds and 80 of entropy: ascending in time, unique without a counter. */
void record_id_make(const struct lx_env *env, int64_t now_ms, uint8_t ret_id[RECORD_ID_BYTES]);

#endif
