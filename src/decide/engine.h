#ifndef DECIDE_ENGINE_H
#define DECIDE_ENGINE_H

/*
 * engine: everything a decision needs, opened once: bank, snapshot, live model, rules, actions and
 * the journal. Commands open one for a moment, the server keeps one.
 *
 * ENGINE_WRITE catches up the tables from the journal (record.h) before it returns, and puts a rule
 * set that is not the one recorded last into the journal, so that no decision rests on rules that
 * nobody can read again. Its caller holds the directory's lock (host/lock.h) exclusively;
 * ENGINE_READ decides previews only.
 *
 * Ownership: env is borrowed until engine_close; so is everything that is handed out.
 * Errors:    LX_ERR_NOT_FOUND (no bank), LX_ERR_NOT_READY (no snapshot: run `lingxi refresh`; no
 *            model: run `lingxi train`; no rules: run `lingxi rules --install`; other feature set),
 *            LX_ERR_BAD_INPUT (rules or actions.ini with file, line), LX_ERR_CORRUPT.
 * Threads:   an engine belongs to one thread at a time.
 */

#include "bank/bank.h"
#include "base/env.h"
#include "model/registry.h"
#include "view/snapshot.h"

struct engine;

enum engine_mode {
    ENGINE_READ,
    ENGINE_WRITE,
    ENGINE_SERVE, /* engine_open_live */
};

LX_MUST_USE enum lx_err engine_open(const char *folder, enum engine_mode mode,
                                    const struct lx_env *env, struct engine **ret_engine,
                                    struct lx_error *err);
void engine_close(struct engine *engine); /* NULL is fine */

/*
 * For a server: one engine a thread, all over one `live` (live.h). What it decides is recorded by
 * nobody until the server's writer has committed what engine_take gives; so the answer waits for
 * that. `live` is borrowed until engine_close.
 */
struct live;
struct live_change;
LX_MUST_USE enum lx_err engine_open_live(const char *folder, const struct live *live,
                                         const struct lx_env *env, struct engine **ret_engine,
                                         struct lx_error *err);
/* Before each decision or answer; what was not taken is forgotten. */
void engine_begin(struct engine *engine);
/* What the last one wants to be recorded, borrowed until engine_begin; false: nothing. */
bool engine_take(struct engine *engine, struct live_change *ret_change);
/* The live overlay over a writing engine's journal, which belongs to it from then on. */
LX_MUST_USE enum lx_err engine_make_live(struct engine *writer, int64_t customers_max,
                                         struct live **ret_live, struct lx_error *err);
/* The record of this engine's rules where they are not `hash`, which becomes theirs; *ret_is_new
 * false: they are the same, and nothing is appended. */
struct lx_buffer;
LX_MUST_USE enum lx_err engine_rules_record(struct engine *engine, uint8_t hash[32],
                                            struct lx_buffer *record, bool *ret_is_new,
                                            struct lx_error *err);
void engine_rules_hash(const struct engine *engine, uint8_t ret_hash[32]);

/* Moves what was recorded since into the tables; it happens by itself at the latest after some
 * hundred records and at close, so a server does it when it has nothing else to do. */
LX_MUST_USE enum lx_err engine_project(struct engine *engine, struct lx_error *err);

struct bank *engine_bank(struct engine *engine);
const struct view_snapshot *engine_snapshot(const struct engine *engine);
const struct model *engine_model(const struct engine *engine);

#endif
