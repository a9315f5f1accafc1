#ifndef AUTH_ACCOUNTS_H
#define AUTH_ACCOUNTS_H

/*
 * accounts: the people who may log in, in DIR/access.db, and the walk-in customers they asked for.
 *
 * An account has one role; who looks after customers (rm) names the bank's staff code, who sees a
 * branch (rm, branch_manager) its code. Nothing here checks passwords: a hash is handed in, so that
 * the slow part stays outside (hasher.h).
 *
 * Ownership: accounts_close. Threads: a handle belongs to one thread.
 * Errors:    LX_ERR_NOT_FOUND (account), LX_ERR_REFUSED (it exists already), LX_ERR_BAD_INPUT (a
 *            name, a role without its branch or staff), store's.
 */

#include "auth/password.h"
#include "auth/policy.h"
#include "auth/totp.h"
#include "base/limits.h"
#include "store/store.h"

enum {
    ACCOUNT_NAME_MAX = 32,  /* bytes: letters, digits, `.`, `_`, `-` */
    ACCOUNT_REASON_MIN = 4, /* characters of a reason for walk-in access */
    ACCOUNT_REASON_MAX = 500,
    ACCOUNT_ACCESS_MS = 2 * 60 * 60 * 1000 /* how long walk-in access lasts */
};

struct account {
    char name[ACCOUNT_NAME_MAX + 1];
    enum policy_role role;
    char branch[LX_CODE_MAX + 1], staff[LX_CODE_MAX + 1]; /* "": none */
    char password[PASSWORD_TEXT_SIZE];
    bool has_second;       /* a secret for the second factor is there */
    bool is_second_proved; /* and a code of it was right once */
    uint8_t second[TOTP_SECRET_BYTES];
    uint64_t second_step;
    bool is_disabled;
    int64_t at_ms, password_ms;
};

struct accounts;
/* Made where it is missing. */
LX_MUST_USE enum lx_err accounts_open(const char *folder, struct accounts **ret_accounts,
                                      struct lx_error *err);
void accounts_close(struct accounts *accounts);          /* NULL is fine */
struct store *accounts_store(struct accounts *accounts); /* sessions and keys are there, too */

/* Of name, role, branch, staff, password (a hash) and at_ms. */
LX_MUST_USE enum lx_err accounts_add(struct accounts *accounts, const struct account *account,
                                     struct lx_error *err);
LX_MUST_USE enum lx_err accounts_find(struct accounts *accounts, const char *name,
                                      struct account *ret_account, struct lx_error *err);
/* All, by name. */
LX_MUST_USE enum lx_err accounts_each(struct accounts *accounts,
                                      enum lx_err (*visit)(void *context,
                                                           const struct account *account,
                                                           struct lx_error *err),
                                      void *context, struct lx_error *err);
LX_MUST_USE enum lx_err accounts_set_password(struct accounts *accounts, const char *name,
                                              const char *hash, int64_t now_ms,
                                              struct lx_error *err);
/* A disabled account cannot log in, and its sessions end. */
LX_MUST_USE enum lx_err accounts_set_disabled(struct accounts *accounts, const char *name,
                                              bool is_disabled, struct lx_error *err);
/* A new secret that no code has proved yet. */
LX_MUST_USE enum lx_err accounts_set_second(struct accounts *accounts, const char *name,
                                            const uint8_t secret[TOTP_SECRET_BYTES],
                                            struct lx_error *err);
/* Remembers that a code of this step was right. LX_ERR_REFUSED if a code of this or a later step
 * was used in the meantime. */
LX_MUST_USE enum lx_err accounts_use_second(struct accounts *accounts, const char *name,
                                            uint64_t step, struct lx_error *err);

/* From now on for ACCOUNT_ACCESS_MS; the reason is for the auditor. */
LX_MUST_USE enum lx_err accounts_grant(struct accounts *accounts, const char *name,
                                       const char *customer, const char *reason, int64_t now_ms,
                                       int64_t *ret_until_ms, struct lx_error *err);
LX_MUST_USE enum lx_err accounts_has_access(struct accounts *accounts, const char *name,
                                            const char *customer, int64_t now_ms,
                                            bool *ret_has_access, struct lx_error *err);

#endif
