#ifndef CLI_CLI_H
#define CLI_CLI_H

/*
 * cli: the command line. It parses, calls one function of a lower layer, and prints; it decides
 * nothing.
 *
 * One table (cli/commands.c) drives parsing, `lingxi help` and docs/reference/commands.md. With
 * --json exactly one JSON document goes to stdout, on failure {"error": {...}}; without it text for
 * people, Chinese or English. Messages and progress go to stderr.
 *
 * Exit status: 0 done, 1 failed, 2 wrong usage, 3 refused by a rule, a limit or a lock.
 */

#include "base/env.h"
#include "base/limits.h"
#include "codec/json.h"
#include "expr/expr.h"
#include "learn/sampling.h"

enum cli_language { CLI_ZH, CLI_EN };

enum { CLI_OPTIONS_MAX = 12, CLI_ARGUMENTS_MAX = 256, CLI_COMMANDS_MAX = 64 };

struct cli_option {
    const char *name;  /* "--customers" */
    const char *value; /* "N" in the help; NULL for a flag */
    const char *zh, *en;
};

struct cli_call;

struct cli_command {
    const char *name;
    const char *arguments;          /* "SOURCE", "" */
    int argument_min, argument_max; /* without options */
    struct cli_option options[CLI_OPTIONS_MAX];
    const char *zh, *en; /* one line */
    enum lx_err (*run)(struct cli_call *call, struct lx_error *err);
    bool is_training; /* XGBoost's threads run, and must not spin while they wait */
};

struct cli_call {
    const struct cli_command *command;
    struct lx_env env;
    const char *folder; /* -C DIR */
    bool is_json;
    enum cli_language language;
    const char *arguments[CLI_ARGUMENTS_MAX];
    int argument_count;
    const char *values[CLI_OPTIONS_MAX]; /* by option of the command; "" for a flag that is set */
    int64_t started_ns;
    bool is_judging; /* a failure from here on is the verdict: the document says "ok": false, too */
    struct lx_buffer out;    /* what goes to stdout when the command is done */
    struct json_writer json; /* over `out`, inside the document's object, when is_json */
    const char *expression;  /* what `fault` is about; NULL: no expression was at fault */
    struct expr_fault fault;
};

extern const struct cli_command cli_commands[];
extern const size_t cli_command_count;

/* The whole program. */
int cli_main(int argument_count, char **arguments);

/* The value of an option of this command, NULL when it was not given. */
const char *cli_value(const struct cli_call *call, const char *option);
bool cli_flag(const struct cli_call *call, const char *option);
LX_MUST_USE enum lx_err cli_int(const struct cli_call *call, const char *option, int64_t low,
                                int64_t high, int64_t fallback, int64_t *ret_value,
                                struct lx_error *err);
LX_MUST_USE enum lx_err cli_real(const struct cli_call *call, const char *option, double low,
                                 double high, double fallback, double *ret_value,
                                 struct lx_error *err);
/* A day (YYYY-MM-DD) -> the last millisecond of that bank day; BANK_UNKNOWN_MS when not given. */
LX_MUST_USE enum lx_err cli_as_of(const struct cli_call *call, const char *option,
                                  int utc_offset_minutes, int64_t *ret_at_ms, struct lx_error *err);

/* --balance METHOD, SAMPLING_NONE when not given. */
LX_MUST_USE enum lx_err cli_balance(const struct cli_call *call, enum sampling *ret_method,
                                    struct lx_error *err);

/* evaluate --simulate: the closed loop on a synthetic bank. */
LX_MUST_USE enum lx_err cli_simulate(struct cli_call *call, uint64_t seed, struct lx_error *err);
/* evaluate --off-policy: what other orders would have earned, from the journal. */
LX_MUST_USE enum lx_err cli_off_policy(struct cli_call *call, uint64_t seed, struct lx_error *err);

/* The text in the caller's language. */
const char *cli_text(const struct cli_call *call, const char *zh, const char *en);
/* One line for people; nothing with --json. */
void cli_line(struct cli_call *call, const char *format, ...) LX_PRINTF(2, 3);
/* A label and its value in two columns, for people. */
void cli_pair(struct cli_call *call, const char *label, const char *format, ...) LX_PRINTF(3, 4);
double cli_seconds(const struct cli_call *call); /* since the command began */

/* A figure, in the document or as a line. */
void cli_figure(struct cli_call *call, const char *name, double value);
void cli_count(struct cli_call *call, const char *name, const char *zh, const char *en,
               int64_t value);

/* Remembers the place of a fault in an expression; an overflow's stands in its message. Gives
 * `code` back. */
enum lx_err cli_fault(struct cli_call *call, const char *expression, const struct expr_fault *fault,
                      enum lx_err code, const struct lx_error *err);

/* Counts every kept audience over the current snapshot; *ret_count says how many there are. One
 * that cannot be counted any more is told of in a message. The lock is the caller's. */
LX_MUST_USE enum lx_err cli_audiences_count(struct cli_call *call, size_t *ret_count,
                                            struct lx_error *err);

/* Counts who has each label, over the new snapshot; labels that are no good are told of in a
 * message. */
LX_MUST_USE enum lx_err cli_labels_count(struct cli_call *call, size_t *ret_count,
                                         struct lx_error *err);

/* A model's alarms: lines for people, `alarms` in the document. */
struct alarms;
void cli_alarms(struct cli_call *call, const struct alarms *alarms);
/* `model show`, `model drift`, `model score`; id NULL: the live one. */
LX_MUST_USE enum lx_err cli_model_show(struct cli_call *call, const char *id, struct lx_error *err);
LX_MUST_USE enum lx_err cli_model_score(struct cli_call *call, const char *id,
                                        struct lx_error *err);
LX_MUST_USE enum lx_err cli_model_drift(struct cli_call *call, const char *id,
                                        struct lx_error *err);

/* The commands, one file a subject. */
enum lx_err cli_init(struct cli_call *call, struct lx_error *err);
enum lx_err cli_synth(struct cli_call *call, struct lx_error *err);
enum lx_err cli_import(struct cli_call *call, struct lx_error *err);
enum lx_err cli_refresh(struct cli_call *call, struct lx_error *err);
enum lx_err cli_features(struct cli_call *call, struct lx_error *err);
enum lx_err cli_train(struct cli_call *call, struct lx_error *err);
enum lx_err cli_model(struct cli_call *call, struct lx_error *err);
enum lx_err cli_evaluate(struct cli_call *call, struct lx_error *err);
enum lx_err cli_trial(struct cli_call *call, struct lx_error *err);
enum lx_err cli_recommend(struct cli_call *call, struct lx_error *err);
enum lx_err cli_answer(struct cli_call *call, struct lx_error *err);
enum lx_err cli_answers(struct cli_call *call, struct lx_error *err);
enum lx_err cli_rules(struct cli_call *call, struct lx_error *err);
enum lx_err cli_products(struct cli_call *call, struct lx_error *err);
enum lx_err cli_customer(struct cli_call *call, struct lx_error *err);
enum lx_err cli_labels(struct cli_call *call, struct lx_error *err);
enum lx_err cli_timeline(struct cli_call *call, struct lx_error *err);
enum lx_err cli_audit(struct cli_call *call, struct lx_error *err);
enum lx_err cli_expr(struct cli_call *call, struct lx_error *err);
enum lx_err cli_audience(struct cli_call *call, struct lx_error *err);
enum lx_err cli_serve(struct cli_call *call, struct lx_error *err);
enum lx_err cli_user(struct cli_call *call, struct lx_error *err);
enum lx_err cli_key(struct cli_call *call, struct lx_error *err);
enum lx_err cli_bench(struct cli_call *call, struct lx_error *err);
enum lx_err cli_help(struct cli_call *call, struct lx_error *err);

#endif
