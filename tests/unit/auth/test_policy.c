/*
 * Goal:   every route, for every role, with and without the second factor, with and without a key's
 *         scope, for his own customer, one of his branch, somebody else's and nobody: allowed or
 *         refused as the bank decided.
 * Method: the whole of it written down a second time in other words, so that a change must be made
 *         twice; and what must hold whatever the table says.
 */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "auth/policy.h"

/* By role, in the order of the enum: `.` no, `o` own, `b` branch, `a` all, `k` with a key. A `*`
 * after the route: anybody; `?`: about a customer; `1`: with the password alone. */
static const struct {
    const char *route, *reach, *scope;
} expected[] = {
    {"POST /session *", "aaaaaaa.", ""},
    {"DELETE /session 1", "aaaaaaa.", ""},
    {"POST /session/second 1", "aaaaaaa.", ""},
    {"GET /me 1", "aaaaaaak", ""},
    {"GET /customers/{id} ?", "obaa...k", "customer"},
    {"GET /customers/{id}/timeline ?", "ob.a...k", "customer"},
    {"POST /customers/{id}/access", "aa......", ""},
    {"POST /customers/{id}/decisions ?", "ob.....k", "decide"},
    {"POST /decisions/{id}/exposures ?", "ob.....k", "answer"},
    {"POST /decisions/{id}/answers ?", "ob.....k", "answer"},
    {"GET /decisions/{id} ?", "ob.aa..k", "decide"},
    {"GET /decisions/{id}/proof ?", "ob.aa..k", "decide"},
    {"POST /audiences/count", ".aaa...k", "audience"},
    {"GET /audiences", ".aaa...k", "audience"},
    {"POST /audiences", ".aaa....", ""},
    {"POST /audiences/{name}/export", "..a.....", ""},
    {"GET /products", "aaaaa.ak", "catalogue"},
    {"GET /models/current", "aaaaa.ak", "catalogue"},
    {"POST /models/{id}/promote", "..aa....", ""},
    {"POST /rules", "...a....", ""},
    {"POST /approvals/{id}", "..aa....", ""},
    {"GET /users", "....aa..", ""},
    {"POST /users", ".....a..", ""},
    {"GET /keys", "....aaa.", ""},
    {"POST /keys", ".....a..", ""},
    {"GET /reads", "....a...", ""},
    {"GET /settings", "....a.a.", ""},
    {"GET /openapi.yaml *", "aaaaaaak", ""},
    {"GET /audit/checkpoint", "aaaaaaak", ""},
    {"GET /audit/tile/{path}", "aaaaaaak", ""},
    {"GET /healthz *", "aaaaaaak", ""},
    {"GET /readyz *", "aaaaaaak", ""},
    {"GET /metrics", "....aaak", "monitor"},
};

static const enum policy_relation relations[] = {POLICY_OF_NOBODY, POLICY_OF_OTHERS,
                                                 POLICY_OF_HIS_BRANCH, POLICY_HIS_OWN};

static enum policy_verdict expect(size_t line, const struct policy_asker *asker,
                                  enum policy_relation relation)
{
    static const bool needs_second[] = {false, false, true, true, true, true, true, false};
    const char *route = expected[line].route;
    char reach = expected[line].reach[asker->role];
    enum policy_scope scope = POLICY_SCOPE_NONE;
    if (strchr(route, '*') != NULL) return POLICY_ALLOWED;
    if (reach == '.') return POLICY_DENIED;
    if (reach == 'k' && policy_scope_find(expected[line].scope, &scope) &&
        (asker->scopes & 1u << scope) == 0)
        return POLICY_DENIED;
    if (needs_second[asker->role] && !asker->has_second && strchr(route, '1') == NULL)
        return POLICY_SECOND_FACTOR;
    if (strchr(route, '?') == NULL || reach == 'a' || reach == 'k') return POLICY_ALLOWED;
    if (relation == POLICY_HIS_OWN) return POLICY_ALLOWED;
    if (relation == POLICY_OF_HIS_BRANCH && reach == 'b') return POLICY_ALLOWED;
    return POLICY_ASK_ACCESS;
}

static void find_rule(size_t line, struct policy_rule *ret_rule)
{
    char method[8] = "", route[64] = "";
    assert_true(sscanf(expected[line].route, "%7s %63s", method, route) == 2);
    if (!policy_find(method, route, ret_rule)) fail_msg("no rule: %s", expected[line].route);
}

static void test_every_route_role_and_customer_is_as_the_bank_decided(void **state)
{
    size_t asked = 0;
    assert_int_equal(policy_count(), LX_COUNT_OF(expected));
    for (size_t line = 0; line < LX_COUNT_OF(expected); line++) {
        struct policy_rule rule;
        find_rule(line, &rule);
        for (int role = 0; role < POLICY_ROLE_COUNT; role++)
            for (int second = 0; second < 2; second++)
                for (unsigned scopes = 0; scopes < 1u << POLICY_SCOPE_END; scopes += 2)
                    for (size_t i = 0; i < LX_COUNT_OF(relations); i++) {
                        const struct policy_asker asker = {(enum policy_role)role, second, scopes};
                        enum policy_verdict got = policy_judge(&rule, &asker, relations[i]),
                                            want = expect(line, &asker, relations[i]);
                        asked++;
                        if (got != want)
                            fail_msg("%s, %s, second %d, scopes %x, relation %zu: %d, want %d",
                                     expected[line].route, policy_role_text(asker.role), second,
                                     scopes, i, got, want);
                    }
    }
    print_message("%zu questions\n", asked);
}

static void test_nobody_is_let_in_anywhere_but_at_the_open_doors(void **state)
{
    for (size_t i = 0; i < policy_count(); i++) {
        const struct policy_rule rule = policy_at(i);
        for (size_t j = 0; j < LX_COUNT_OF(relations); j++)
            assert_int_equal(policy_judge(&rule, NULL, relations[j]),
                             rule.is_open ? POLICY_ALLOWED : POLICY_LOG_IN);
    }
}

static void test_a_route_that_is_not_in_the_table_is_nobodys(void **state)
{
    struct policy_rule rule;
    assert_false(policy_find("DELETE", "/customers/{id}", &rule));
    assert_false(policy_find("get", "/products", &rule));
    for (int role = 0; role < POLICY_ROLE_COUNT; role++) {
        const struct policy_asker asker = {(enum policy_role)role, true, UINT32_MAX};
        assert_int_equal(policy_judge(NULL, &asker, POLICY_HIS_OWN), POLICY_DENIED);
    }
    assert_int_equal(policy_judge(NULL, NULL, POLICY_OF_NOBODY), POLICY_LOG_IN);
}

/* System, security and audit administration are three people and none of them a salesman. */
static void test_administrators_see_no_customer(void **state)
{
    for (size_t i = 0; i < policy_count(); i++) {
        const struct policy_rule rule = policy_at(i);
        if (strstr(rule.route, "/customers/") == NULL) continue;
        assert_int_equal(rule.reach[POLICY_AUDITOR], POLICY_NO);
        assert_int_equal(rule.reach[POLICY_SECURITY_OFFICER], POLICY_NO);
        assert_int_equal(rule.reach[POLICY_ADMIN], POLICY_NO);
    }
}

/* Whether there is such a customer is not to be read from the answer. */
static void test_others_customers_and_no_customers_are_answered_alike(void **state)
{
    for (size_t i = 0; i < policy_count(); i++) {
        const struct policy_rule rule = policy_at(i);
        for (int role = 0; role < POLICY_ROLE_COUNT; role++) {
            const struct policy_asker asker = {(enum policy_role)role, true, UINT32_MAX};
            assert_int_equal(policy_judge(&rule, &asker, POLICY_OF_NOBODY),
                             policy_judge(&rule, &asker, POLICY_OF_OTHERS));
        }
    }
}

static void test_names_of_roles_and_scopes_come_back(void **state)
{
    for (int i = 0; i < POLICY_ROLE_COUNT; i++) {
        enum policy_role role = POLICY_ROLE_COUNT;
        assert_true(policy_role_find(policy_role_text((enum policy_role)i), &role));
        assert_int_equal(role, i);
        assert_string_not_equal(policy_role_title(role, true), policy_role_title(role, false));
    }
    for (int i = POLICY_SCOPE_NONE + 1; i < POLICY_SCOPE_END; i++) {
        enum policy_scope scope = POLICY_SCOPE_NONE;
        assert_true(policy_scope_find(policy_scope_text((enum policy_scope)i), &scope));
        assert_int_equal(scope, i);
    }
    enum policy_role role;
    assert_false(policy_role_find("root", &role));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_route_role_and_customer_is_as_the_bank_decided),
        cmocka_unit_test(test_nobody_is_let_in_anywhere_but_at_the_open_doors),
        cmocka_unit_test(test_a_route_that_is_not_in_the_table_is_nobodys),
        cmocka_unit_test(test_administrators_see_no_customer),
        cmocka_unit_test(test_others_customers_and_no_customers_are_answered_alike),
        cmocka_unit_test(test_names_of_roles_and_scopes_come_back),
    };
    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
