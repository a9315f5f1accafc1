/*
 * Goal:   a key opens with its secret alone, until its end or its revocation; its quota is that of
 *         the day, across restarts; its statement adds up.
 * Method: keys made, used and read again after a restart; each character of a key turned over; a
 *         month of random calls against counts of the test's own.
 */
#include "clockwork.h"

#include "auth/api_key.h"
#include "base/date.h"

enum { DAY = 20000 };

static char folder[LX_PATH_MAX];
static struct accounts *accounts;

static int make_folder(void **state)
{
    struct lx_error err;
    scratch_make(folder);
    MUST(accounts_open(folder, &accounts, &err));
    return 0;
}

static int remove_folder(void **state)
{
    accounts_close(accounts);
    scratch_remove(folder);
    return 0;
}

static struct api_keys *open_keys(void)
{
    struct api_keys *keys = NULL;
    struct lx_error err;
    MUST(api_keys_open(accounts, &keys, &err));
    return keys;
}

static struct api_key wanted_of(const char *owner, int64_t quota, int64_t price_fen)
{
    struct api_key key = {.scopes = 1u << POLICY_SCOPE_BIT_DECIDE,
                          .quota = quota,
                          .price_fen = price_fen,
                          .until_ms = (DAY + 365) * LX_MS_PER_DAY};
    snprintf(key.owner, sizeof key.owner, "%s", owner);
    return key;
}

static enum api_key_state use(struct api_keys *keys, const char *text, size_t route, int32_t day)
{
    struct lx_error err;
    struct api_key key;
    enum api_key_state got = API_KEY_UNKNOWN;
    MUST(api_keys_use(keys, text, strlen(text), route, day * LX_MS_PER_DAY, day, &got, &key, &err));
    return got;
}

static void test_a_key_opens_with_its_secret_until_its_end(void **state)
{
    struct clockwork clockwork = {DAY * LX_MS_PER_DAY, lx_rng_of(1, 2)};
    const struct lx_env env = clockwork_env(&clockwork);
    const struct api_key wanted = wanted_of("手机银行", 0, 0);
    struct api_keys *keys = open_keys();
    struct api_key made;
    struct lx_error err;
    char text[API_KEY_TEXT_SIZE];
    MUST(api_keys_make(keys, &env, &wanted, &made, text, &err));
    assert_int_equal(strlen(text), API_KEY_TEXT_SIZE - 1);
    assert_int_equal(use(keys, text, 0, DAY), API_KEY_GOOD);
    for (size_t i = 0; i < API_KEY_TEXT_SIZE - 1; i++) {
        char other[API_KEY_TEXT_SIZE];
        memcpy(other, text, sizeof other);
        other[i] = other[i] == 'a' ? 'b' : 'a';
        assert_int_equal(use(keys, other, 0, DAY), API_KEY_UNKNOWN);
    }
    assert_int_equal(use(keys, "", 0, DAY), API_KEY_UNKNOWN);
    api_keys_close(keys);
    keys = open_keys();
    assert_int_equal(use(keys, text, 0, DAY + 364), API_KEY_GOOD);
    assert_int_equal(use(keys, text, 0, DAY + 365), API_KEY_UNKNOWN);
    MUST(api_keys_revoke(keys, made.id, DAY * LX_MS_PER_DAY, &err));
    assert_int_equal(use(keys, text, 0, DAY), API_KEY_UNKNOWN);
    MUST_FAIL(api_keys_revoke(keys, "000000000000", 0, &err), LX_ERR_NOT_FOUND);
    api_keys_close(keys);
    keys = open_keys();
    assert_int_equal(use(keys, text, 0, DAY), API_KEY_UNKNOWN);
    api_keys_close(keys);
}

static void test_what_no_key_can_be_is_refused(void **state)
{
    struct clockwork clockwork = {DAY * LX_MS_PER_DAY, lx_rng_of(2, 2)};
    const struct lx_env env = clockwork_env(&clockwork);
    struct api_keys *keys = open_keys();
    struct lx_error err;
    char text[API_KEY_TEXT_SIZE];
    for (int i = 0; i < 5; i++) {
        struct api_key made, wanted = wanted_of("owner", 1, 1);
        if (i == 0) wanted.owner[0] = 0;
        if (i == 1) wanted.scopes = 0;
        if (i == 2) wanted.quota = -1;
        if (i == 3) wanted.price_fen = -1;
        if (i == 4) wanted.until_ms = clockwork.now_ms;
        MUST_FAIL(api_keys_make(keys, &env, &wanted, &made, text, &err), LX_ERR_BAD_INPUT);
    }
    api_keys_close(keys);
}

static void test_a_quota_is_of_the_day_and_outlives_a_restart(void **state)
{
    struct clockwork clockwork = {DAY * LX_MS_PER_DAY, lx_rng_of(3, 2)};
    const struct lx_env env = clockwork_env(&clockwork);
    const struct api_key wanted = wanted_of("counter", 5, 0);
    struct api_keys *keys = open_keys();
    struct api_key made;
    struct lx_error err;
    char text[API_KEY_TEXT_SIZE];
    MUST(api_keys_make(keys, &env, &wanted, &made, text, &err));
    for (int i = 0; i < 3; i++) assert_int_equal(use(keys, text, (size_t)i, DAY), API_KEY_GOOD);
    MUST(api_keys_write(keys, &err));
    api_keys_close(keys);
    keys = open_keys();
    for (int i = 0; i < 2; i++) assert_int_equal(use(keys, text, 0, DAY), API_KEY_GOOD);
    for (int i = 0; i < 3; i++) assert_int_equal(use(keys, text, 0, DAY), API_KEY_OVER_QUOTA);
    for (int i = 0; i < 5; i++) assert_int_equal(use(keys, text, 0, DAY + 1), API_KEY_GOOD);
    assert_int_equal(use(keys, text, 0, DAY + 1), API_KEY_OVER_QUOTA);
    api_keys_close(keys);
}

static void test_a_months_statement_adds_up(void **state)
{
    enum { KEYS = 3, DAYS = 30, ROUTES = 4 };
    struct clockwork clockwork = {DAY * LX_MS_PER_DAY, lx_rng_of(4, 2)};
    const struct lx_env env = clockwork_env(&clockwork);
    struct lx_rng rng = lx_rng_of(5, 2);
    struct api_keys *keys = open_keys();
    struct api_key made[KEYS];
    struct lx_error err;
    char text[KEYS][API_KEY_TEXT_SIZE];
    int64_t calls[KEYS] = {0}, got_calls[KEYS] = {0}, got_fen[KEYS] = {0};
    for (int i = 0; i < KEYS; i++) {
        const struct api_key wanted = wanted_of("a \"big\", bank", 0, i + 1);
        MUST(api_keys_make(keys, &env, &wanted, &made[i], text[i], &err));
    }
    for (int day = DAY; day < DAY + DAYS; day++)
        for (int i = 0; i < 100; i++) {
            size_t key = lx_rng_below(&rng, KEYS);
            assert_int_equal(use(keys, text[key], lx_rng_below(&rng, ROUTES), day), API_KEY_GOOD);
            calls[key] += day < DAY + DAYS - 1; /* the statement leaves the last day out */
        }
    struct lx_buffer csv;
    lx_buffer_init(&csv, 1 << 20);
    MUST(api_keys_statement(keys, DAY, DAY + DAYS - 2, &csv, &err));
    const char *line = strchr(lx_buffer_text(&csv), '\n') + 1;
    for (; *line != 0; line = strchr(line, '\n') + 1) {
        char id[16] = "", rest[256] = "";
        long long count = 0, fen = 0;
        assert_int_equal(sscanf(line, "%12[^,],%255[^\n]", id, rest), 2);
        const char *last = strrchr(rest, ',');
        fen = atoll(last + 1);
        const char *before = last - 1;
        while (*before != ',') before--;
        count = atoll(before + 1);
        for (int i = 0; i < KEYS; i++)
            if (strcmp(id, made[i].id) == 0) {
                got_calls[i] += count;
                got_fen[i] += fen;
                assert_true(strncmp(rest, "\"a \"\"big\"\", bank\",2024-", 23) == 0);
            }
    }
    for (int i = 0; i < KEYS; i++) {
        assert_int_equal(got_calls[i], calls[i]);
        assert_int_equal(got_fen[i], calls[i] * (i + 1));
    }
    lx_buffer_release(&csv);
    api_keys_close(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_key_opens_with_its_secret_until_its_end),
        cmocka_unit_test(test_what_no_key_can_be_is_refused),
        cmocka_unit_test(test_a_quota_is_of_the_day_and_outlives_a_restart),
        cmocka_unit_test(test_a_months_statement_adds_up),
    };
    return cmocka_run_group_tests_name("api_key", tests, make_folder, remove_folder);
}
