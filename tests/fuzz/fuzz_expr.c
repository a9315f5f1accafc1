/*
 * fuzz_expr: a text is refused with a place and a message, or is evaluated to a value or an
 * overflow, and what it is written as is read again as the same tree.
 */
#include "tests/unit/expr/schema.h"

#include "expr/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) abort();
}

static void check_refusal(enum lx_err code, const struct expr_fault *fault,
                          const struct lx_error *err)
{
    require(code == LX_ERR_BAD_INPUT || code == LX_ERR_LIMIT);
    require(fault->line >= 1 && fault->column >= 1 && fault->message[0] != '\0');
    require(strstr(err->text, fault->message) != NULL || strlen(err->text) > 400);
}

static void check_value(const struct expr *expr)
{
    struct bank_row bank;
    struct expr_value value;
    struct lx_error err;
    char text[64];
    bank_row_init(&bank);
    bank.expr = expr;
    for (size_t i = 0; i < EXPR_WINDOWS_MAX; i++) bank.windows[i] = null_value();
    struct expr_row row = bank_expr_row(&bank);
    enum lx_err code = expr_evaluate(expr, &row, &value, &err);
    require(code == LX_OK || code == LX_ERR_OVERFLOW);
    if (code == LX_OK)
        expr_value_format(&value, expr_result(expr), expr_result_enumeration(expr), text,
                          sizeof text);
    for (size_t i = 0; i < expr_window_count(expr); i++) {
        int32_t first, last;
        expr_window_span(expr_window_at(expr, i), row.today, &first, &last);
        require(first <= last && last <= row.today);
    }
}

static void check_written(const struct expr *expr)
{
    static char text[1 << 19];
    struct expr *again;
    size_t length = expr_format(expr, text, sizeof text);
    require(length < sizeof text);
    if (length > EXPR_TEXT_MAX) return; /* 1e17 is written out, a bare name with its relation */
    require(expr_compile(&schema, text, length, &again, NULL, NULL) == LX_OK);
    require(expr_node_equal(expr->root, again->root));
    expr_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct expr *expr;
    struct expr_fault fault;
    struct lx_error err;
    enum lx_err code = expr_compile(&schema, (const char *)data, size, &expr, &fault, &err);
    if (code != LX_OK) {
        check_refusal(code, &fault, &err);
        return 0;
    }
    check_value(expr);
    check_written(expr);
    expr_free(expr);
    return 0;
}
