#ifndef MODEL_LIFE_H
#define MODEL_LIFE_H

/*
 * life: which model is live, which one stands in its shadow, and who changed that.
 *
 * A model that was trained is registered as the candidate, the shadow of the live one: it is scored
 * beside it over the newest months (rivals.h) and decides nothing. It goes live
 *   - at once where no live model could serve: the first of a data directory, or the live one
 *     belongs to another set of features;
 *   - by the rule, by itself, where `approval = none`;
 *   - by the rule, asked for by one person and approved by another, where `approval = two_persons`.
 * Going back to the model that was live before is one person's step, because two have approved it
 * then and time counts; going back again goes further back.
 *
 *   lingxi.ini  [model]
 *               approval = none | two_persons      none where nothing is said
 *               promote  = not_worse | better      what the rule asks; better with two persons
 *
 * The journal is the truth for all of it. DIR/models/life repeats its changes and is made anew from
 * it where it is missing or damaged; DIR/models/current names the live model. Before a change is
 * journalled DIR/models/changing says where it will stand, so that a crash in between is seen by
 * whoever asks next: a change is in force from the moment its record is on disk.
 *
 * Invariants: a change is journalled before it has an effect; asker and approver differ; live,
 *             shadow and request are what the changes in their order make.
 * Ownership:  life_close. What it hands out is borrowed until the next change.
 * Errors:     LX_ERR_REFUSED (a rule, a second person, nothing to approve or go back to),
 *             LX_ERR_USAGE (a name), LX_ERR_BAD_INPUT (lingxi.ini), registry's and journal's.
 * Threads:    one at a time. LIFE_WRITE appends to the journal: the caller holds the lock of DIR.
 */

#include "base/env.h"
#include "model/life_record.h"

enum life_mode { LIFE_READ, LIFE_WRITE };

enum life_approval { LIFE_APPROVAL_NONE, LIFE_TWO_PERSONS };
enum life_rule { LIFE_NOT_WORSE, LIFE_BETTER };

struct life_policy {
    enum life_approval approval;
    enum life_rule rule;
};
const char *life_approval_name(enum life_approval approval);
const char *life_rule_name(enum life_rule rule);

struct life;

LX_MUST_USE enum lx_err life_open(const char *folder, enum life_mode mode, const struct lx_env *env,
                                  struct life **ret_life, struct lx_error *err);
void life_close(struct life *life); /* NULL is fine */

struct life_policy life_policy_of(const struct life *life);
const char *life_live(const struct life *life);     /* "": none */
const char *life_shadow(const struct life *life);   /* the newest candidate; "": none */
const char *life_asked(const struct life *life);    /* the model that waits for approval; "" */
const char *life_asked_by(const struct life *life); /* who asked; "" */
size_t life_change_count(const struct life *life);
const struct life_change *life_change_at(const struct life *life, size_t index);
/* The model that going back would make live; "": there is none. */
const char *life_earlier(const struct life *life);

/* What the rule says of these figures. */
enum life_finding {
    LIFE_FOUND_WORSE,         /* PR-AUC's interval lies below 0 */
    LIFE_FOUND_MISCALIBRATED, /* the newest month's ECE is worse beyond chance */
    LIFE_FOUND_EVEN,          /* PR-AUC's interval covers 0 */
    LIFE_FOUND_BETTER,        /* it lies above 0 */
    LIFE_FOUND_NOTHING,       /* there is no month that neither has seen */
};
enum life_finding life_finding_of(const struct life_figures *figures);
const char *life_finding_zh(enum life_finding finding);
const char *life_finding_en(enum life_finding finding);
/* May it go live? Where nothing was found nothing speaks against it, but `better` wants more. */
bool life_rule_allows(enum life_rule rule, enum life_finding finding);

/*
 * A model that is on disk becomes the candidate. figures NULL: no live model can serve, so it goes
 * live. Else it goes live if no approval is wanted and the rule allows. The live one again changes
 * nothing.
 */
LX_MUST_USE enum lx_err life_register(struct life *life, const char *model,
                                      const struct life_figures *figures, bool *ret_is_live,
                                      struct lx_error *err);

/* A person wants it live: it goes live, or waits for the second. LX_ERR_REFUSED where the rule does
 * not allow it, or it is live. */
LX_MUST_USE enum lx_err life_promote(struct life *life, const char *model, const char *by,
                                     const struct life_figures *figures, bool *ret_is_live,
                                     struct lx_error *err);
/* The second person. The rule was asked when promotion was. */
LX_MUST_USE enum lx_err life_approve(struct life *life, const char *model, const char *by,
                                     struct lx_error *err);
LX_MUST_USE enum lx_err life_roll_back(struct life *life, const char *by, struct lx_error *err);

/* For registry_current: the live model that an interrupted change has made, if there was one. */
LX_MUST_USE enum lx_err life_interrupted(const char *folder, char ret_id[REGISTRY_ID_SIZE],
                                         bool *ret_is_changed, struct lx_error *err);

#endif
