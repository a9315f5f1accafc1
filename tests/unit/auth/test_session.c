/*
 * Goal:   a session is found by its token alone, ends when idle and after its longest time,
 *         outlives a restart, and changes its token with the second factor.
 * Method: a day of time that the test moves, with random log-ins, visits and log-outs, against a
 *         plain list; access.db is opened anew in between.
 */
#include "clockwork.h"

#include "auth/session.h"

enum { MINUTE = 60 * 1000, ACCOUNTS = 6 };

static char folder[LX_PATH_MAX];
static struct accounts *accounts;

static int make_folder(void **state)
{
    struct lx_error err;
    scratch_make(folder);
    MUST(accounts_open(folder, &accounts, &err));
    for (int i = 0; i < ACCOUNTS; i++) {
        struct account account = {.role = POLICY_RISK, .password = "$"};
        snprintf(account.name, sizeof account.name, "a%d", i);
        MUST(accounts_add(accounts, &account, &err));
    }
    return 0;
}

static int remove_folder(void **state)
{
    accounts_close(accounts);
    scratch_remove(folder);
    return 0;
}

static struct sessions *open_sessions(int64_t now_ms)
{
    struct sessions *sessions = NULL;
    struct lx_error err;
    MUST(sessions_open(accounts, now_ms, &sessions, &err));
    return sessions;
}

static bool is_there(struct sessions *sessions, const char *token, int64_t now_ms,
                     struct session *ret_session)
{
    struct lx_error err;
    bool found = false;
    MUST(sessions_find(sessions, token, now_ms, &found, ret_session, &err));
    return found;
}

static void test_a_session_ends_when_idle_and_after_its_longest_time(void **state)
{
    struct clockwork clockwork = {1000, lx_rng_of(3, 1)};
    const struct lx_env env = clockwork_env(&clockwork);
    struct sessions *sessions = open_sessions(1000);
    struct session_tokens tokens;
    struct session session;
    struct lx_error err;
    MUST(sessions_begin(sessions, &env, "a0", &tokens, &err));
    assert_true(is_there(sessions, tokens.token, 1000 + SESSION_IDLE_MS - 1, &session));
    assert_string_equal(session.account, "a0");
    assert_false(is_there(sessions, tokens.token, 1000 + 2 * SESSION_IDLE_MS - 1, &session));

    clockwork.now_ms = 1000;
    MUST(sessions_begin(sessions, &env, "a0", &tokens, &err));
    int64_t now_ms = 1000;
    while (now_ms < 1000 + SESSION_MAX_MS) {
        assert_true(is_there(sessions, tokens.token, now_ms, &session));
        now_ms += 10 * MINUTE;
    }
    assert_false(is_there(sessions, tokens.token, 1000 + SESSION_MAX_MS, &session));
    sessions_close(sessions);
}

static void test_only_the_token_opens_and_only_its_form_token_goes_with_it(void **state)
{
    struct clockwork clockwork = {5000, lx_rng_of(4, 1)};
    const struct lx_env env = clockwork_env(&clockwork);
    struct sessions *sessions = open_sessions(5000);
    struct session_tokens first, second;
    struct session session;
    struct lx_error err;
    MUST(sessions_begin(sessions, &env, "a1", &first, &err));
    MUST(sessions_begin(sessions, &env, "a1", &second, &err));
    assert_true(is_there(sessions, first.token, 5000, &session));
    assert_true(session_form_is_right(&session, first.form_token));
    assert_false(session_form_is_right(&session, second.form_token));
    assert_false(session_form_is_right(&session, ""));
    assert_false(session_form_is_right(&session, first.token));
    assert_false(is_there(sessions, first.form_token, 5000, &session));
    assert_false(is_there(sessions, "", 5000, &session));
    for (size_t i = 0; i < SECRET_TEXT_SIZE - 1; i++) {
        char other[SECRET_TEXT_SIZE];
        memcpy(other, first.token, sizeof other);
        other[i] = other[i] == 'A' ? 'B' : 'A';
        assert_false(is_there(sessions, other, 5000, &session));
    }
    MUST(sessions_end_account(sessions, "a1", &err));
    assert_false(is_there(sessions, first.token, 5000, &session));
    assert_false(is_there(sessions, second.token, 5000, &session));
    sessions_close(sessions);
}

static void test_the_second_factor_changes_the_token(void **state)
{
    struct clockwork clockwork = {5000, lx_rng_of(5, 1)};
    const struct lx_env env = clockwork_env(&clockwork);
    struct sessions *sessions = open_sessions(5000);
    struct session_tokens half, whole;
    struct session session;
    struct lx_error err;
    MUST(sessions_begin(sessions, &env, "a2", &half, &err));
    assert_true(is_there(sessions, half.token, 5000, &session));
    assert_false(session.has_second);
    MUST(sessions_raise(sessions, &env, half.token, &whole, &err));
    assert_false(is_there(sessions, half.token, 5000, &session));
    assert_true(is_there(sessions, whole.token, 5000, &session));
    assert_true(session.has_second && session.begun_ms == 5000);
    MUST_FAIL(sessions_raise(sessions, &env, half.token, &whole, &err), LX_ERR_NOT_FOUND);
    MUST(sessions_end(sessions, whole.token, &err));
    sessions_close(sessions);
}

static void test_one_more_than_an_account_may_have_ends_the_one_seen_longest_ago(void **state)
{
    struct clockwork clockwork = {5000, lx_rng_of(6, 1)};
    const struct lx_env env = clockwork_env(&clockwork);
    struct sessions *sessions = open_sessions(5000);
    struct session_tokens tokens[SESSION_EACH_MAX + 1];
    struct session session;
    struct lx_error err;
    for (int i = 0; i < SESSION_EACH_MAX; i++) {
        MUST(sessions_begin(sessions, &env, "a3", &tokens[i], &err));
        clockwork.now_ms += 1000;
    }
    assert_true(is_there(sessions, tokens[0].token, clockwork.now_ms, &session));
    MUST(sessions_begin(sessions, &env, "a3", &tokens[SESSION_EACH_MAX], &err));
    for (int i = 0; i <= SESSION_EACH_MAX; i++)
        assert_int_equal(is_there(sessions, tokens[i].token, clockwork.now_ms, &session), i != 1);
    MUST(sessions_end_account(sessions, "a3", &err));
    sessions_close(sessions);
}

/* What the list knows of a session. */
struct known {
    struct session_tokens tokens;
    int64_t begun_ms, seen_ms, written_ms;
    bool is_over;
};

static bool should_be_there(const struct known *known, int64_t now_ms)
{
    return !known->is_over && now_ms - known->seen_ms < SESSION_IDLE_MS &&
           now_ms - known->begun_ms < SESSION_MAX_MS;
}

static void test_a_day_of_log_ins_is_that_of_a_plain_list(void **state)
{
    enum { KNOWN_MAX = 400 };
    static struct known list[KNOWN_MAX];
    const int64_t begin_ms = INT64_C(1700000000000);
    struct clockwork clockwork = {begin_ms, lx_rng_of(7, 1)};
    const struct lx_env env = clockwork_env(&clockwork);
    struct lx_rng rng = lx_rng_of(8, 1);
    struct sessions *sessions = open_sessions(begin_ms);
    struct session session;
    struct lx_error err;
    size_t count = 0, restarts = 0, visits = 0;
    while (clockwork.now_ms < begin_ms + 24 * 60 * MINUTE && count < KNOWN_MAX) {
        char name[8];
        clockwork.now_ms += (int64_t)lx_rng_below(&rng, 4 * MINUTE);
        size_t other = count > 0 ? count - 1 - lx_rng_below(&rng, count < 12 ? count : 12) : 0;
        snprintf(name, sizeof name, "a%zu", count % ACCOUNTS);
        switch (lx_rng_below(&rng, 8)) {
        case 0:
        case 1:
            /* Fewer than the most of an account are open: the tests above look at the most. */
            MUST(sessions_begin(sessions, &env, name, &list[count].tokens, &err));
            list[count].begun_ms = list[count].seen_ms = list[count].written_ms = clockwork.now_ms;
            count++;
            for (size_t i = 0; i + 2 * ACCOUNTS < count; i++) {
                MUST(sessions_end(sessions, list[i].tokens.token, &err));
                list[i].is_over = true;
            }
            break;
        case 2:
            sessions_close(sessions);
            sessions = open_sessions(clockwork.now_ms);
            for (size_t i = 0; i < count; i++) list[i].seen_ms = list[i].written_ms;
            restarts++;
            break;
        case 3:
            if (count == 0) break;
            MUST(sessions_end(sessions, list[other].tokens.token, &err));
            list[other].is_over = true;
            break;
        default:
            if (count == 0) break;
            bool want = should_be_there(&list[other], clockwork.now_ms);
            if (is_there(sessions, list[other].tokens.token, clockwork.now_ms, &session) != want)
                fail_msg("session %zu at %lld: not %d", other, (long long)clockwork.now_ms, want);
            if (!want) list[other].is_over = true;
            if (!want) break;
            visits++;
            list[other].seen_ms = clockwork.now_ms;
            if (clockwork.now_ms - list[other].written_ms >= MINUTE)
                list[other].written_ms = clockwork.now_ms;
        }
    }
    assert_true(visits > 50 && restarts > 20);
    sessions_close(sessions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_session_ends_when_idle_and_after_its_longest_time),
        cmocka_unit_test(test_only_the_token_opens_and_only_its_form_token_goes_with_it),
        cmocka_unit_test(test_the_second_factor_changes_the_token),
        cmocka_unit_test(test_one_more_than_an_account_may_have_ends_the_one_seen_longest_ago),
        cmocka_unit_test(test_a_day_of_log_ins_is_that_of_a_plain_list),
    };
    return cmocka_run_group_tests_name("session", tests, make_folder, remove_folder);
}
