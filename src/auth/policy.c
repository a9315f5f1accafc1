#include "auth/policy.h"

#include <string.h>

#define O POLICY_OWN
#define B POLICY_BRANCH
#define A POLICY_ALL
#define K POLICY_KEY
#define N POLICY_NO
enum { OPEN = 1, CUSTOMER = 2, HALF_WAY = 4, TWO_PERSONS = 8 };
#define SCOPE(name) POLICY_SCOPE_BIT_##name

/* The whole of it. */
static const struct {
    const char *method, *route;
    unsigned kind;
    enum policy_scope scope;
    enum policy_reach reach[POLICY_ROLE_COUNT];
} table[] = {
    /* clang-format off */
    /*                                                                                rm bm ho ri au se ad sv */
    {"POST",   "/session",                       OPEN,        0,                     {A, A, A, A, A, A, A, N}},
    {"DELETE", "/session",                       HALF_WAY,    0,                     {A, A, A, A, A, A, A, N}},
    {"POST",   "/session/second",                HALF_WAY,    0,                     {A, A, A, A, A, A, A, N}},
    {"GET",    "/me",                            HALF_WAY,    0,                     {A, A, A, A, A, A, A, K}},
    {"GET",    "/customers/{id}",                CUSTOMER,    SCOPE(CUSTOMER),       {O, B, A, A, N, N, N, K}},
    {"GET",    "/customers/{id}/timeline",       CUSTOMER,    SCOPE(CUSTOMER),       {O, B, N, A, N, N, N, K}},
    {"POST",   "/customers/{id}/access",         0,           0,                     {A, A, N, N, N, N, N, N}},
    {"POST",   "/customers/{id}/decisions",      CUSTOMER,    SCOPE(DECIDE),         {O, B, N, N, N, N, N, K}},
    {"POST",   "/decisions/{id}/exposures",      CUSTOMER,    SCOPE(ANSWER),         {O, B, N, N, N, N, N, K}},
    {"POST",   "/decisions/{id}/answers",        CUSTOMER,    SCOPE(ANSWER),         {O, B, N, N, N, N, N, K}},
    {"GET",    "/decisions/{id}",                CUSTOMER,    SCOPE(DECIDE),         {O, B, N, A, A, N, N, K}},
    {"GET",    "/decisions/{id}/proof",          CUSTOMER,    SCOPE(DECIDE),         {O, B, N, A, A, N, N, K}},
    {"POST",   "/audiences/count",               0,           SCOPE(AUDIENCE),       {N, A, A, A, N, N, N, K}},
    {"GET",    "/audiences",                     0,           SCOPE(AUDIENCE),       {N, A, A, A, N, N, N, K}},
    {"POST",   "/audiences",                     0,           0,                     {N, A, A, A, N, N, N, N}},
    {"POST",   "/audiences/{name}/export",       TWO_PERSONS, 0,                     {N, N, A, N, N, N, N, N}},
    {"GET",    "/products",                      0,           SCOPE(CATALOGUE),      {A, A, A, A, A, N, A, K}},
    {"GET",    "/models/current",                0,           SCOPE(CATALOGUE),      {A, A, A, A, A, N, A, K}},
    {"POST",   "/models/{id}/promote",           TWO_PERSONS, 0,                     {N, N, A, A, N, N, N, N}},
    {"POST",   "/rules",                         TWO_PERSONS, 0,                     {N, N, N, A, N, N, N, N}},
    {"POST",   "/approvals/{id}",                0,           0,                     {N, N, A, A, N, N, N, N}},
    {"GET",    "/users",                         0,           0,                     {N, N, N, N, A, A, N, N}},
    {"POST",   "/users",                         0,           0,                     {N, N, N, N, N, A, N, N}},
    {"GET",    "/keys",                          0,           0,                     {N, N, N, N, A, A, A, N}},
    {"POST",   "/keys",                          0,           0,                     {N, N, N, N, N, A, N, N}},
    {"GET",    "/reads",                         0,           0,                     {N, N, N, N, A, N, N, N}},
    {"GET",    "/settings",                      0,           0,                     {N, N, N, N, A, N, A, N}},
    {"GET",    "/openapi.yaml",                  OPEN,        0,                     {A, A, A, A, A, A, A, K}},
    {"GET",    "/audit/checkpoint",              0,           0,                     {A, A, A, A, A, A, A, K}},
    {"GET",    "/audit/tile/{path}",             0,           0,                     {A, A, A, A, A, A, A, K}},
    {"GET",    "/healthz",                       OPEN,        0,                     {A, A, A, A, A, A, A, K}},
    {"GET",    "/readyz",                        OPEN,        0,                     {A, A, A, A, A, A, A, K}},
    {"GET",    "/metrics",                       0,           SCOPE(MONITOR),        {N, N, N, N, A, A, A, K}},
    /* clang-format on */
};
#undef O
#undef B
#undef A
#undef K
#undef N

static const struct {
    const char *text, *zh, *en;
    bool needs_second;
    unsigned masks;
} roles[POLICY_ROLE_COUNT] = {
#define X(name, text, zh, en, needs_second, masks) {text, zh, en, needs_second, masks},
    POLICY_ROLE_MAP(X)
#undef X
};

static const char *const scopes[POLICY_SCOPE_END] = {"",
#define X(name, text, about) text,
                                                     POLICY_SCOPE_MAP(X)
#undef X
};

const char *policy_role_text(enum policy_role role)
{
    LX_ASSERT(role < POLICY_ROLE_COUNT);
    return roles[role].text;
}

const char *policy_role_title(enum policy_role role, bool is_chinese)
{
    LX_ASSERT(role < POLICY_ROLE_COUNT);
    return is_chinese ? roles[role].zh : roles[role].en;
}

bool policy_role_find(const char *text, enum policy_role *ret_role)
{
    for (int i = 0; i < POLICY_ROLE_COUNT; i++) {
        if (strcmp(roles[i].text, text) != 0) continue;
        *ret_role = (enum policy_role)i;
        return true;
    }
    return false;
}

bool policy_role_needs_second(enum policy_role role)
{
    LX_ASSERT(role < POLICY_ROLE_COUNT);
    return roles[role].needs_second;
}

unsigned policy_role_masks(enum policy_role role)
{
    LX_ASSERT(role < POLICY_ROLE_COUNT);
    return roles[role].masks;
}

const char *policy_scope_text(enum policy_scope scope)
{
    LX_ASSERT(scope < POLICY_SCOPE_END);
    return scopes[scope];
}

bool policy_scope_find(const char *text, enum policy_scope *ret_scope)
{
    for (int i = POLICY_SCOPE_NONE + 1; i < POLICY_SCOPE_END; i++) {
        if (strcmp(scopes[i], text) != 0) continue;
        *ret_scope = (enum policy_scope)i;
        return true;
    }
    return false;
}

static struct policy_rule rule_of(size_t index)
{
    unsigned kind = table[index].kind;
    struct policy_rule rule = {.method = table[index].method,
                               .route = table[index].route,
                               .is_open = (kind & OPEN) != 0,
                               .is_of_customer = (kind & CUSTOMER) != 0,
                               .is_half_way = (kind & HALF_WAY) != 0,
                               .needs_second_person = (kind & TWO_PERSONS) != 0,
                               .scope = table[index].scope};
    memcpy(rule.reach, table[index].reach, sizeof rule.reach);
    return rule;
}

size_t policy_count(void)
{
    return LX_COUNT_OF(table);
}

struct policy_rule policy_at(size_t index)
{
    LX_ASSERT(index < LX_COUNT_OF(table));
    return rule_of(index);
}

bool policy_find(const char *method, const char *route, struct policy_rule *ret_rule)
{
    for (size_t i = 0; i < LX_COUNT_OF(table); i++) {
        if (strcmp(table[i].method, method) != 0 || strcmp(table[i].route, route) != 0) continue;
        *ret_rule = rule_of(i);
        return true;
    }
    return false;
}

static bool reaches(enum policy_reach reach, enum policy_relation relation)
{
    switch (reach) {
    case POLICY_NO: return false;
    case POLICY_OWN: return relation == POLICY_HIS_OWN;
    case POLICY_BRANCH: return relation == POLICY_HIS_OWN || relation == POLICY_OF_HIS_BRANCH;
    case POLICY_ALL:
    case POLICY_KEY: return true;
    }
    lx_bug(__FILE__, __LINE__, "reach");
}

enum policy_verdict policy_judge(const struct policy_rule *rule, const struct policy_asker *asker,
                                 enum policy_relation relation)
{
    if (rule != NULL && rule->is_open) return POLICY_ALLOWED;
    if (asker == NULL) return POLICY_LOG_IN;
    if (rule == NULL) return POLICY_DENIED;
    enum policy_reach reach = rule->reach[asker->role];
    bool has_scope = rule->scope == POLICY_SCOPE_NONE || (asker->scopes >> rule->scope & 1) != 0;
    if (reach == POLICY_NO) return POLICY_DENIED;
    if (reach == POLICY_KEY && !has_scope) return POLICY_DENIED;
    if (policy_role_needs_second(asker->role) && !asker->has_second && !rule->is_half_way)
        return POLICY_SECOND_FACTOR;
    if (!rule->is_of_customer || reaches(reach, relation)) return POLICY_ALLOWED;
    return POLICY_ASK_ACCESS;
}
