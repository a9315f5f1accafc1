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

enum engine_mode { ENGINE_READ, ENGINE_WRITE };

LX_MUST_USE enum lx_err engine_open(const char *folder, enum engine_mode mode,
                                    const struct lx_env *env, struct engine **ret_engine,
                                    struct lx_error *err);
void engine_close(struct engine *engine); /* NULL is fine */

/* Moves what was recorded since into the tables; it happens by itself at the latest after some
 * hundred records and at close, so a server does it when it has nothing else to do. */
LX_MUST_USE enum lx_err engine_project(struct engine *engine, struct lx_error *err);

struct bank *engine_bank(struct engine *engine);
const struct view_snapshot *engine_snapshot(const struct engine *engine);
const struct model *engine_model(const struct engine *engine);

#endif
