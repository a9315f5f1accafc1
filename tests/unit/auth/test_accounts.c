/*
 * Goal:   accounts are kept across openings, each with what its role needs; a code of the second
 *         factor counts once; walk-in access needs a reason and ends.
 * Method: a folder with access.db, opened again and again; a table of accounts that are refused.
 */
#include "clockwork.h"

#include "auth/accounts.h"

static char folder[LX_PATH_MAX];

static int make_folder(void **state)
{
    scratch_make(folder);
    return 0;
}

static int remove_folder(void **state)
{
    scratch_remove(folder);
    return 0;
}

static struct accounts *open_accounts(void)
{
    struct accounts *accounts = NULL;
    struct lx_error err;
    MUST(accounts_open(folder, &accounts, &err));
    return accounts;
}

static struct account account_of(const char *name, enum policy_role role, const char *staff,
                                 const char *branch)
{
    struct account account = {.role = role, .at_ms = 7};
    snprintf(account.name, sizeof account.name, "%s", name);
    snprintf(account.staff, sizeof account.staff, "%s", staff);
    snprintf(account.branch, sizeof account.branch, "%s", branch);
    snprintf(account.password, sizeof account.password, "%s", password_of_nobody());
    return account;
}

static void test_an_account_is_there_after_a_restart(void **state)
{
    struct lx_error err;
    struct account found;
    struct accounts *accounts = open_accounts();
    const struct account li = account_of("li.na", POLICY_RM, "S014", "B03");
    MUST(accounts_add(accounts, &li, &err));
    MUST_FAIL(accounts_add(accounts, &li, &err), LX_ERR_REFUSED);
    accounts_close(accounts);
    accounts = open_accounts();
    MUST(accounts_find(accounts, "li.na", &found, &err));
    assert_string_equal(found.staff, "S014");
    assert_string_equal(found.branch, "B03");
    assert_int_equal(found.role, POLICY_RM);
    assert_string_equal(found.password, password_of_nobody());
    assert_false(found.has_second || found.is_disabled || found.is_second_proved);
    assert_int_equal(found.at_ms, 7);
    MUST(accounts_set_password(accounts, "li.na", "$new", 9, &err));
    MUST(accounts_set_disabled(accounts, "li.na", true, &err));
    MUST(accounts_find(accounts, "li.na", &found, &err));
    assert_true(found.is_disabled && found.password_ms == 9);
    assert_string_equal(found.password, "$new");
    MUST_FAIL(accounts_find(accounts, "li.nan", &found, &err), LX_ERR_NOT_FOUND);
    MUST_FAIL(accounts_set_disabled(accounts, "li.nan", true, &err), LX_ERR_NOT_FOUND);
    accounts_close(accounts);
}

static void test_what_a_role_needs_is_asked_for(void **state)
{
    static const struct {
        const char *name, *staff, *branch, *says;
        enum policy_role role;
    } cases[] = {
        {"", "S1", "", "letters, digits", POLICY_RM},
        {"li na", "S1", "", "letters, digits", POLICY_RM},
        {"李娜", "S1", "", "letters, digits", POLICY_RM},
        {"rm1", "", "B1", "needs --staff", POLICY_RM},
        {"bm1", "S1", "", "needs --branch", POLICY_BRANCH_MANAGER},
        {"core", "", "", "API keys", POLICY_SERVICE},
    };
    struct lx_error err;
    struct accounts *accounts = open_accounts();
    for (size_t i = 0; i < LX_COUNT_OF(cases); i++) {
        const struct account account =
            account_of(cases[i].name, cases[i].role, cases[i].staff, cases[i].branch);
        MUST_FAIL(accounts_add(accounts, &account, &err), LX_ERR_BAD_INPUT);
        if (strstr(err.text, cases[i].says) == NULL)
            fail_msg("\"%s\": %s", cases[i].name, err.text);
    }
    accounts_close(accounts);
}

static void test_a_step_of_the_second_factor_is_used_once(void **state)
{
    static const uint8_t secret[TOTP_SECRET_BYTES] = "abcdefghijklmnopqrst";
    struct lx_error err;
    struct account found;
    struct accounts *accounts = open_accounts();
    const struct account risk = account_of("zhou", POLICY_RISK, "", "");
    MUST(accounts_add(accounts, &risk, &err));
    MUST(accounts_set_second(accounts, "zhou", secret, &err));
    MUST(accounts_find(accounts, "zhou", &found, &err));
    assert_true(found.has_second && !found.is_second_proved);
    assert_memory_equal(found.second, secret, sizeof secret);
    MUST(accounts_use_second(accounts, "zhou", 100, &err));
    MUST_FAIL(accounts_use_second(accounts, "zhou", 100, &err), LX_ERR_REFUSED);
    MUST_FAIL(accounts_use_second(accounts, "zhou", 99, &err), LX_ERR_REFUSED);
    MUST(accounts_use_second(accounts, "zhou", 101, &err));
    MUST(accounts_find(accounts, "zhou", &found, &err));
    assert_true(found.is_second_proved && found.second_step == 101);
    accounts_close(accounts);
}

static void test_walk_in_access_needs_a_reason_and_ends(void **state)
{
    struct lx_error err;
    bool has_access = true;
    int64_t until_ms = 0;
    struct accounts *accounts = open_accounts();
    const struct account wang = account_of("wang", POLICY_RM, "S015", "");
    MUST(accounts_add(accounts, &wang, &err));
    MUST(accounts_has_access(accounts, "wang", "C1", 1000, &has_access, &err));
    assert_false(has_access);
    MUST_FAIL(accounts_grant(accounts, "wang", "C1", "  x  ", 1000, &until_ms, &err),
              LX_ERR_BAD_INPUT);
    MUST(accounts_grant(accounts, "wang", "C1", "客户来网点咨询", 1000, &until_ms, &err));
    assert_int_equal(until_ms, 1000 + ACCOUNT_ACCESS_MS);
    static const struct {
        const char *account, *customer;
        int64_t now_ms;
        bool has_access;
    } cases[] = {
        {"wang", "C1", 1000, true},
        {"wang", "C1", 1000 + ACCOUNT_ACCESS_MS - 1, true},
        {"wang", "C1", 1000 + ACCOUNT_ACCESS_MS, false},
        {"wang", "C1", 999, false},
        {"wang", "C2", 1000, false},
        {"li.na", "C1", 1000, false},
    };
    for (size_t i = 0; i < LX_COUNT_OF(cases); i++) {
        MUST(accounts_has_access(accounts, cases[i].account, cases[i].customer, cases[i].now_ms,
                                 &has_access, &err));
        if (has_access != cases[i].has_access) fail_msg("case %zu", i);
    }
    accounts_close(accounts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_account_is_there_after_a_restart),
        cmocka_unit_test(test_what_a_role_needs_is_asked_for),
        cmocka_unit_test(test_a_step_of_the_second_factor_is_used_once),
        cmocka_unit_test(test_walk_in_access_needs_a_reason_and_ends),
    };
    return cmocka_run_group_tests_name("accounts", tests, make_folder, remove_folder);
}
