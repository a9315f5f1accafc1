/*
 * Goal:   holdings follow from open and close events.
 * Method: a table: events as text ("o1" opens product 1, "c1" closes it, at moments 1, 2, ...) and
 *         what is held, as text.
 */
#include "tests/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "bank/holdings.h"

static void describe(const struct bank_holdings *holdings, char *text, size_t size)
{
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < holdings->count; i++) {
        const struct bank_holding *holding = &holdings->items[i];
        int opened = holding->opened_at_ms == BANK_UNKNOWN_MS ? 0 : (int)holding->opened_at_ms;
        int closed = holding->closed_at_ms == BANK_UNKNOWN_MS ? 0 : (int)holding->closed_at_ms;
        length += (size_t)snprintf(text + length, size - length, "%s%d.%d:%d %d-%d",
                                   i == 0 ? "" : ", ", (int)holding->customer, holding->sequence,
                                   holding->product, opened, closed);
        if (opened > 0) assert_int_equal(holding->opened_known_at_ms, opened + 100);
        if (closed > 0) assert_int_equal(holding->closed_known_at_ms, closed + 100);
    }
}

static void test_open_and_close_make_holdings(void **state)
{
    static const struct {
        const char *events, *holdings; /* "|" goes on to the next customer */
    } rows[] = {
        /* customer.number:product opened-closed, 0: unknown or not yet */
        {"", ""},
        {"o1", "0.0:1 1-0"},
        {"o1 c1", "0.0:1 1-2"},
        {"o1 c1 o1", "0.0:1 1-2, 0.1:1 3-0"},
        {"o1 o1 c1", "0.0:1 1-3, 0.1:1 2-0"},
        {"o1 o2 c2", "0.0:1 1-0, 0.1:2 2-3"},
        {"c1", "0.0:1 0-1"},
        {"c1 o1 c1", "0.0:1 0-1, 0.1:1 2-3"},
        {"o1 c1 c1", "0.0:1 1-2, 0.1:1 0-3"},
        {"o1 x1 c1", "0.0:1 1-3"},
        {"o1 | c1 o1", "0.0:1 1-0, 1.0:1 0-3, 1.1:1 4-0"},
        {"o1 | | o1 c1", "0.0:1 1-0, 2.0:1 4-5"},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct bank_holdings holdings = {0};
        int64_t customer = 0, at = 1;
        char text[256];
        for (const char *event = rows[i].events; *event != '\0'; event++) {
            if (*event == ' ') continue;
            if (*event == '|') {
                customer++;
                at++;
                continue;
            }
            enum bank_event_kind kind = *event == 'o'   ? BANK_EVENT_KIND_OPEN
                                        : *event == 'c' ? BANK_EVENT_KIND_CLOSE
                                                        : BANK_EVENT_KIND_LOGIN;
            event++;
            assert_int_equal(
                bank_holdings_add(&holdings, customer, kind, *event - '0', at, at + 100), LX_OK);
            at++;
        }
        describe(&holdings, text, sizeof text);
        if (strcmp(text, rows[i].holdings) != 0)
            fail_msg("\"%s\": %s, not %s", rows[i].events, text, rows[i].holdings);
        bank_holdings_release(&holdings);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_open_and_close_make_holdings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
