#ifndef AUTH_HASHER_H
#define AUTH_HASHER_H

/*
 * hasher: passwords verified away from whoever serves requests: HASHER_THREADS at once, each with
 * the memory that Argon2id takes, and HASHER_WAITING more that wait. Whoever comes then is told to
 * come again (LX_ERR_BUSY): a flood of log-ins costs neither memory nor other people's time.
 *
 * Ownership: a job is the caller's until `done` was called with it.
 * Threads:   submit from any; `done` is called on a thread of the hasher's.
 */

#include "auth/password.h"

enum { HASHER_THREADS = 2, HASHER_WAITING = 32 };

struct hasher_job {
    char hash[PASSWORD_TEXT_SIZE];   /* password_of_nobody() for an account that is not there */
    char password[PASSWORD_MAX + 1]; /* wiped before `done` */
    /* What came of it. */
    enum lx_err code;
    struct lx_error error;
    bool is_right;
    void (*done)(struct hasher_job *job);
    void *context; /* the caller's */
};

struct hasher;
LX_MUST_USE enum lx_err hasher_open(struct hasher **ret_hasher, struct lx_error *err);
/* Waits for the jobs that are in it. NULL is fine. */
void hasher_close(struct hasher *hasher);
LX_MUST_USE enum lx_err hasher_submit(struct hasher *hasher, struct hasher_job *job,
                                      struct lx_error *err);

#endif
