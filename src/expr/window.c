#include "base/date.h"
#include "expr/arithmetic.h"
#include "expr/tree.h"

/* Before the calendar there is nothing, so there its first day stands for all of them. */
static int32_t back(int32_t day, int32_t count, bool is_months)
{
    int64_t result;
    bool is_there = is_months ? arithmetic_plus_months(day, -(int64_t)count, &result)
                              : arithmetic_plus_days(day, -(int64_t)count, &result);
    return is_there ? (int32_t)result : LX_DAY_MIN;
}

void expr_window_span(const struct expr_window *window, int32_t as_of_day, int32_t *ret_first_day,
                      int32_t *ret_last_day)
{
    LX_ASSERT(as_of_day >= LX_DAY_MIN && as_of_day <= LX_DAY_MAX);

    int32_t last = back(as_of_day, window->before, window->is_before_months);
    *ret_last_day = last;
    *ret_first_day =
        window->over == 0 ? INT32_MIN : back(last, window->over, window->is_over_months) + 1;
}
