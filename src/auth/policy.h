#ifndef AUTH_POLICY_H
#define AUTH_POLICY_H

/*
 * policy: who may do what. One table (policy.c): a line a route, a column a role; a route that is
 * not in it is nobody's. What is not allowed is denied.
 *
 * The reach says of whose customers:
 *
 *   no        nobody's: the role has no business there
 *   own       customers assigned to him, and those he asked for with a reason, for a while
 *   branch    customers of his branch
 *   all       every customer, or the route is about none
 *   key       an API key's: every customer, if the key has the route's scope
 *
 * System, security and audit administration are three people (admin, security_officer, auditor),
 * and none of them sees a customer. Somebody whose reach does not hold the customer is told the
 * same whether or not there is such a customer.
 *
 * Threads: pure.
 */

#include "base/base.h"

/* name, text, zh, en, needs a second factor, what is masked (POLICY_MASK_...) */
#define POLICY_ROLE_MAP(X)                                                                         \
    X(RM, "rm", "客户经理", "relationship manager", false, 0)                                      \
    X(BRANCH_MANAGER, "branch_manager", "支行行长", "branch manager", false, 0)                    \
    X(HEAD_OFFICE, "head_office", "总行", "head office", true,                                     \
      POLICY_MASK_ID | POLICY_MASK_PROFILE)                                                        \
    X(RISK, "risk", "风险合规", "risk and compliance", true, POLICY_MASK_ID | POLICY_MASK_PROFILE) \
    X(AUDITOR, "auditor", "审计", "auditor", true,                                                 \
      POLICY_MASK_ID | POLICY_MASK_PROFILE | POLICY_MASK_MONEY)                                    \
    X(SECURITY_OFFICER, "security_officer", "安全管理员", "security officer", true,                \
      POLICY_MASK_ALL)                                                                             \
    X(ADMIN, "admin", "系统管理员", "system administrator", true, POLICY_MASK_ALL)                 \
    X(SERVICE, "service", "业务系统", "the bank's own system", false, 0)

enum policy_mask {
    POLICY_MASK_ID = 1,      /* the customer's id, but its ends */
    POLICY_MASK_PROFILE = 2, /* birth date, income, occupation: as bands */
    POLICY_MASK_MONEY = 4,   /* amounts, as bands */
    POLICY_MASK_ALL = 7
};

enum policy_role {
#define X(name, text, zh, en, needs_second, masks) POLICY_##name,
    POLICY_ROLE_MAP(X)
#undef X
        POLICY_ROLE_COUNT
};
const char *policy_role_text(enum policy_role role);
const char *policy_role_title(enum policy_role role, bool is_chinese);
bool policy_role_find(const char *text, enum policy_role *ret_role);
bool policy_role_needs_second(enum policy_role role);
unsigned policy_role_masks(enum policy_role role);

enum policy_reach { POLICY_NO, POLICY_OWN, POLICY_BRANCH, POLICY_ALL, POLICY_KEY };

/* What an API key is for; a key has one or several. */
#define POLICY_SCOPE_MAP(X)                                                                        \
    X(DECIDE, "decide", "ask for decisions")                                                       \
    X(ANSWER, "answer", "tell of exposures and answers")                                           \
    X(CUSTOMER, "customer", "read portrait and timeline")                                          \
    X(AUDIENCE, "audience", "count audiences")                                                     \
    X(CATALOGUE, "catalogue", "read products and the model card")                                  \
    X(MONITOR, "monitor", "read the metrics")

enum policy_scope {
    POLICY_SCOPE_NONE = 0,
#define X(name, text, about) POLICY_SCOPE_BIT_##name,
    POLICY_SCOPE_MAP(X)
#undef X
        POLICY_SCOPE_END
};
const char *policy_scope_text(enum policy_scope scope);
bool policy_scope_find(const char *text, enum policy_scope *ret_scope);

struct policy_rule {
    const char *method, *route; /* "GET", "/customers/{id}", behind /api/v1 where JSON is spoken */
    bool is_open;               /* without logging in */
    bool is_of_customer;        /* the reach is asked for a customer */
    bool is_half_way;           /* with the password alone, before the second factor */
    bool needs_second_person;   /* it becomes an approval, which somebody else must give */
    enum policy_scope scope;    /* that a key needs */
    enum policy_reach reach[POLICY_ROLE_COUNT];
};
size_t policy_count(void);
struct policy_rule policy_at(size_t index);
/* false: nobody's. */
bool policy_find(const char *method, const char *route, struct policy_rule *ret_rule);

/* Who asks, as far as the policy is concerned. */
struct policy_asker {
    enum policy_role role;
    bool has_second; /* gave the second factor */
    unsigned scopes; /* of a key: bit 1 << enum policy_scope */
};

/* Whose customer the customer of the question is to him. */
enum policy_relation {
    POLICY_OF_NOBODY, /* there is no such customer, or the route is about none */
    POLICY_OF_OTHERS,
    POLICY_OF_HIS_BRANCH,
    POLICY_HIS_OWN, /* assigned, or asked for with a reason */
};

enum policy_verdict {
    POLICY_ALLOWED,
    POLICY_LOG_IN,        /* 401: nobody is known */
    POLICY_SECOND_FACTOR, /* 401: the second factor is missing */
    POLICY_DENIED,        /* 403: not his business */
    POLICY_ASK_ACCESS     /* 403: not his customer; POST /customers/{id}/access with a reason */
};
/* `asker` NULL: nobody is known. `rule` NULL: nobody's route. */
enum policy_verdict policy_judge(const struct policy_rule *rule, const struct policy_asker *asker,
                                 enum policy_relation relation);

#endif
