/*
 * Goal:   conditions run in the order of what they cost to get rid of a row, as measured on the
 *         columns, and never past one that can fail.
 * Method: columns of known shares; the plan's own order of the conditions after it was opened.
 */
#include "cmocka_all.h"

#include <string.h>

#include "expr/columns_plan.h"

enum { ROWS = 40000 };

static uint8_t first[ROWS], second[ROWS];
static int64_t third[ROWS];

static const struct expr_field fields[] = {
    {"first", NULL, EXPR_INTEGER, NULL, false},
    {"second", NULL, EXPR_INTEGER, NULL, false},
    {"third", NULL, EXPR_INTEGER, NULL, false},
};
static const struct expr_schema schema = {.fields = fields, .field_count = 3};

static enum lx_err give(void *context, size_t field, struct expr_column *ret_column,
                        struct lx_error *err)
{
    const struct expr_column columns[] = {{.storage = EXPR_STORE_U8, .values = first},
                                          {.storage = EXPR_STORE_U8, .values = second},
                                          {.storage = EXPR_STORE_I64, .values = third}};
    *ret_column = columns[field];
    return LX_OK;
}

/* Values 0 to 99 as often as each other, along the whole table. */
static int fill(void **state)
{
    for (size_t i = 0; i < ROWS; i++) {
        first[i] = (uint8_t)(i * 37 % 100);
        second[i] = (uint8_t)(i * 53 % 100);
        third[i] = (int64_t)(i * 71 % 100);
    }
    return 0;
}

/* Which fields the children of the root read, in the order in which they run: "21". */
static void order_of(const char *text, char *order)
{
    struct lx_error err;
    struct expr *expr = NULL;
    struct expr_plan *plan = NULL;
    const struct expr_table table = {.row_count = ROWS, .field = give};
    if (expr_compile(&schema, text, strlen(text), &expr, NULL, &err) != LX_OK)
        fail_msg("%s: %s", text, err.text);
    if (expr_plan_open(expr, &table, EXPR_KERNEL_PLAIN, &plan, &err) != LX_OK)
        fail_msg("%s: %s", text, err.text);
    size_t length = 0;
    for (uint32_t i = 0; i < plan->root->child_count; i++) {
        const struct expr_node *node = plan->root->children[i]->node;
        while (node->op != EXPR_OP_FIELD) node = node->children[0];
        order[length++] = (char)('1' + node->index);
    }
    order[length] = '\0';
    expr_plan_close(plan);
    expr_free(expr);
}

static void test_conditions_run_in_the_order_of_what_they_decide(void **state)
{
    static const struct {
        const char *text, *order;
    } rows[] = {
        /* of equal cost: `and` asks first what is seldom true, `or` what often is */
        {"first < 99 and second < 1", "21"},
        {"first < 1 and second < 99", "12"},
        {"first < 1 or second < 99", "21"},
        {"first < 99 or second < 1", "12"},
        /* of equal shares the narrower column */
        {"third < 50 and first < 50", "13"},
        /* what may overflow stays, and what comes after it too */
        {"first < 99 and third * 9000000000000000000 > 0 and second < 1", "132"},
        {"first < 99 and second < 1 and third * 9000000000000000000 > 0", "213"},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        char order[8];
        order_of(rows[i].text, order);
        if (strcmp(order, rows[i].order) != 0)
            fail_msg("%s: ran %s, expected %s", rows[i].text, order, rows[i].order);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conditions_run_in_the_order_of_what_they_decide),
    };
    return cmocka_run_group_tests_name("expr/columns_order", tests, fill, NULL);
}
