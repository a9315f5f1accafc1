/*
 * Goal:   every tree survives being written and read; no text, however broken, does harm; compiling
 *         gives memory back whatever allocation fails; evaluating takes none; threads share.
 * Method: seeded random trees, token soups and damaged texts over the schema of schema.h; the N-th
 *         allocation fails for every N; lx_alloc_count around an evaluation; four threads on one
 *         expression.
 */
#include "cmocka_all.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/rng.h"
#include "expr/tree.h"
#include "schema.h"

/* --- Random trees --------------------------------------------------------------------------- */

/* `$` and a type stand for a part: i integer, m money, r real, d date, s string, b boolean, and
 * within a window its row: I, M, B, C channel. Everything is in parentheses. */
static const char *const forms[] = {
    "i$i + $i",
    "i$i - $i",
    "i$i * $i",
    "i$i / $i",
    "i$i % $i",
    "i-$i",
    "ichildren",
    "iterm",
    "i7",
    "i-3",
    "iage()",
    "ilength($s)",
    "icount(holdings)",
    "iround($r)",
    "ifloor($r)",
    "i$d - $d",
    "iyear($d)",
    "icoalesce($i, $i)",
    "icase when $b then $i when $b then $i else $i end",
    "icase $i when $i then $i end",
    "ileast($i, $i, $i)",
    "icount() where $B over 30 days",
    "icount() where $B",
    "icount(offers) before 1 month",
    "isum($I) over 3 months",
    "idistinct($C) where $B",
    "idays_since_last() where $B",
    "inullif($i, $i)",
    "iabs($i)",
    "m$m + $m",
    "m$m - 12.50",
    "m-$m",
    "m$m * $i",
    "m$m * $r",
    "m$i * $m",
    "m$m / $i",
    "m$m / $r",
    "massets",
    "mdebt",
    "mcoalesce($m, 0)",
    "mcase when $b then $m else 100 end",
    "mgreatest($m, 5000)",
    "msum($M) where $B over 90 days before 30 days",
    "mavg(balance)",
    "msum(offers.amount) where offers.is_accepted",
    "r$r + $r",
    "r$r + $i",
    "r$i * $r",
    "r$r / $r",
    "r-$r",
    "r$m / $m",
    "r2.5",
    "r-0.125",
    "r1e30",
    "rscore",
    "ryuan($m)",
    "rln($r)",
    "rln($i)",
    "rslope(balance) over 6 months",
    "rspread($i, $r)",
    "ravg($I)",
    "rcase when $b then 1 else $r end",
    "dopened",
    "dtoday()",
    "ddate '2024-02-29'",
    "d$d + 3 days",
    "d$d - 2 months",
    "d$d + $i days",
    "d$d - $i months",
    "d1 year + $d",
    "dcoalesce($d, '2026-03-01')",
    "dlast(at) where $B over 5 days",
    "scity",
    "sname",
    "s'客户'",
    "s'it''s'",
    "scoalesce($s, '')",
    "scase when $b then $s else 'x' end",
    "b$i = $i",
    "b$i < $r",
    "b$m >= 500000",
    "b$m <> $m",
    "b$d < '2026-01-01'",
    "b$s = 'a'",
    "b$s like 'a!%%' escape '!'",
    "b$s not like '_\\\\%'",
    "b$i between $i and $i",
    "b$m not between 1 and $m",
    "b$i in (3, 1, 2, null)",
    "b$r in (0.5, 2)",
    "b$s not in ('b', 'a')",
    "bchannel = 'mobile'",
    "bchannel not in ('手机', 'web')",
    "brisk >= 'R2'",
    "b'wealth' in holdings",
    "bholds('wealth', 'credit')",
    "brisk_allows(product.risk)",
    "b$b and $b",
    "b$b and $b and $b",
    "b$b or $b",
    "b$b or $b or $b",
    "bnot $b",
    "b$b is true",
    "b$b is not false",
    "b$i is null",
    "b$b is not null",
    "btrue",
    "bis_staff",
    "btop($C) over 1 year = 'web'",
    "b$b = $b",
    "I$I + $I",
    "Iseconds",
    "Ichildren",
    "I$I / 60",
    "I5",
    "Mamount",
    "Mbalance",
    "M$M - $M",
    "Mthis.assets",
    "Mcase when $B then $M else 0 end",
    "Bkind = 'login'",
    "B$B and $B",
    "B$B or $B",
    "Bnot $B",
    "B$M > 100",
    "B$C = this.channel",
    "B$I between 1 and term",
    "Bpage like '/wealth/%'",
    "Bat >= today() - 3 days",
    "Bspeed > 0.5",
    "Cchannel",
    "Cevents.channel",
};

struct text {
    char bytes[EXPR_TEXT_MAX];
    size_t length;
};

static void add(struct text *text, const char *bytes, size_t length)
{
    if (text->length + length < sizeof text->bytes) {
        memcpy(text->bytes + text->length, bytes, length);
        text->length += length;
    }
}

static void grow(struct text *text, struct lx_rng *rng, char type, int depth)
{
    const char *form;
    do form = forms[lx_rng_below(rng, LX_COUNT_OF(forms))];
    while (form[0] != type || (depth <= 0 && strchr(form, '$') != NULL));
    add(text, "(", 1);
    for (form++; *form != '\0'; form++) {
        if (*form == '$')
            grow(text, rng, *++form, depth - 1);
        else
            add(text, form, 1);
    }
    add(text, ")", 1);
}

/* What was understood is written, and what was written is understood as the same. */
static void check_round_trip(const char *text, size_t length, const struct expr *expr)
{
    static char first[1 << 18], second[1 << 18];
    struct expr *again;
    struct lx_error err;
    size_t size = expr_format(expr, first, sizeof first);
    assert_true(size < sizeof first && strlen(first) == size);
    if (size > EXPR_TEXT_MAX) return; /* numbers such as 1e17 are written out */
    if (expr_compile(&schema, first, size, &again, NULL, &err) != LX_OK)
        fail_msg("%.*s\nis written\n%s\n%s", (int)length, text, first, err.text);
    expr_format(again, second, sizeof second);
    bool is_same = strcmp(first, second) == 0 && expr_node_equal(expr->root, again->root) &&
                   expr->window_count == again->window_count;
    for (size_t i = 0; is_same && i < expr->window_count; i++)
        is_same = expr_node_equal(expr->windows[i].argument, again->windows[i].argument) &&
                  expr_node_equal(expr->windows[i].where, again->windows[i].where);
    if (!is_same) fail_msg("%.*s\nis written\n%s\nand then\n%s", (int)length, text, first, second);
    expr_free(again);
}

static void property_a_tree_that_is_written_and_read_is_the_same(void **state)
{
    (void)state;
    static struct text text;
    int compiled = 0;
    for (uint64_t seed = 0; seed < 20000; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 1);
        struct expr *expr;
        struct lx_error err;
        text.length = 0;
        grow(&text, &rng, "imrdsb"[lx_rng_below(&rng, 6)], 1 + (int)lx_rng_below(&rng, 4));
        enum lx_err code = expr_compile(&schema, text.bytes, text.length, &expr, NULL, &err);
        if (code == LX_ERR_LIMIT) continue; /* too deep, too long, too many windows */
        if (code != LX_OK)
            fail_msg("seed %d: %.*s\n%s", (int)seed, (int)text.length, text.bytes, err.text);
        check_round_trip(text.bytes, text.length, expr);
        expr_free(expr);
        compiled++;
    }
    assert_true(compiled > 19000);
}

/* --- Broken texts --------------------------------------------------------------------------- */

static int check_any(const char *text, size_t length)
{
    struct expr *expr = NULL;
    struct expr_fault fault = {0};
    struct lx_error err;
    enum lx_err code = expr_compile(&schema, text, length, &expr, &fault, &err);
    if (code != LX_OK) {
        assert_true(code == LX_ERR_BAD_INPUT || code == LX_ERR_LIMIT);
        assert_true(fault.line >= 1 && fault.column >= 1 && fault.message[0] != '\0');
        assert_null(expr);
        return 0;
    }
    struct bank_row bank;
    bank_row_init(&bank);
    bank.expr = expr;
    for (size_t i = 0; i < EXPR_WINDOWS_MAX; i++) bank.windows[i] = null_value();
    struct expr_row row = bank_expr_row(&bank);
    struct expr_value value;
    code = expr_evaluate(expr, &row, &value, &err);
    assert_true(code == LX_OK || code == LX_ERR_OVERFLOW);
    check_round_trip(text, length, expr);
    expr_free(expr);
    return 1;
}

static const char *const pieces[] = {
    "assets",   "children",
    "资产",     "count",
    "sum",      "(",
    ")",        "(",
    ")",        ",",
    "+",        "-",
    "*",        "/",
    "%",        "=",
    "<",        ">=",
    "<>",       "and",
    "or",       "not",
    "is",       "null",
    "true",     "between",
    "in",       "like",
    "'a'",      "'web'",
    "channel",  "case",
    "when",     "then",
    "else",     "end",
    "where",    "over",
    "before",   "30",
    "days",     "months",
    "1.5",      "5万",
    "date",     "'2026-01-01'",
    "today()",  "amount",
    "kind",     "this.",
    "offers.",  "且",
    "介于",     "与",
    "为空",     "年龄",
    "大于",     "\"",
    "escape",   "holds",
    "coalesce", "--",
    "\n",
};

static void property_no_soup_of_tokens_does_harm(void **state)
{
    (void)state;
    int understood = 0;
    for (uint64_t seed = 0; seed < 200000; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 2);
        static struct text soup, *text = &soup;
        text->length = 0;
        for (uint64_t i = 1 + lx_rng_below(&rng, 12); i > 0; i--) {
            const char *piece = pieces[lx_rng_below(&rng, LX_COUNT_OF(pieces))];
            add(text, piece, strlen(piece));
            if (lx_rng_chance(&rng, 0.8)) add(text, " ", 1);
        }
        understood += check_any(text->bytes, text->length);
    }
    assert_true(understood > 500);
}

static void property_no_damaged_text_does_harm(void **state)
{
    (void)state;
    static struct text text;
    int understood = 0;
    for (uint64_t seed = 0; seed < 60000; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 3);
        text.length = 0;
        grow(&text, &rng, 'b', 2);
        for (uint64_t i = 1 + lx_rng_below(&rng, 4); i > 0; i--) {
            size_t at = lx_rng_below(&rng, text.length);
            if (lx_rng_chance(&rng, 0.3)) {
                text.bytes[at] = (char)lx_rng_next(&rng);
            } else if (lx_rng_chance(&rng, 0.5)) {
                memmove(text.bytes + at, text.bytes + at + 1, text.length - at - 1);
                text.length--;
            } else {
                text.bytes[at] = "()'+-*/ 0129ae."[lx_rng_below(&rng, 15)];
            }
            if (text.length == 0) break;
        }
        understood += check_any(text.bytes, text.length);
    }
    assert_true(understood > 500);
}

/* --- Memory and threads --------------------------------------------------------------------- */

static const char *const long_texts[] = {
    "年龄 between 30 and 50 and assets >= 50万 and not holds('wealth') and city in ('a', '客')",
    "sum(amount) where kind = 'transfer_in' and page like '/w%' over 90 days / 3 > 1000",
    "case when debt is null then 'none' when debt > 5 then 'some' else name end",
    "assests > 5",
    "channel = 'mobil'",
    "'unfinished",
    "((1 + 2)",
};

static void test_every_failed_allocation_is_told_and_leaves_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < LX_COUNT_OF(long_texts); i++) {
        bool is_done = false;
        uint64_t failed = 0;
        for (uint64_t n = 1; !is_done; n++) {
            struct expr *expr = NULL;
            struct lx_error err;
            struct expr_fault fault;
            lx_alloc_fail_at(n);
            enum lx_err code =
                expr_compile(&schema, long_texts[i], strlen(long_texts[i]), &expr, &fault, &err);
            is_done = lx_alloc_count() < n;
            lx_alloc_fail_at(0);
            if (code == LX_OK) expr_free(expr);
            if (is_done) break;
            assert_int_equal(code, LX_ERR_NO_MEMORY);
            assert_null(expr);
            failed++;
        }
        assert_true(failed > 0);
    }
}

static void test_an_expression_is_one_block(void **state)
{
    (void)state;
    struct expr *expr;
    const char *text = long_texts[0];
    assert_int_equal(expr_compile(&schema, text, strlen(text), &expr, NULL, NULL), LX_OK);
    assert_ptr_equal(expr->memory, expr);
    for (size_t i = 0; i < expr->node_count; i++)
        for (uint32_t j = 0; j < expr->nodes[i].child_count; j++)
            assert_true(expr->nodes[i].children[j] < &expr->nodes[i]);
    expr_free(expr);
}

static void test_evaluating_takes_no_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct expr *expr;
        struct bank_row bank;
        struct expr_value value;
        struct lx_error err;
        assert_int_equal(
            expr_compile(&schema, long_texts[i], strlen(long_texts[i]), &expr, NULL, &err), LX_OK);
        bank_row_init(&bank);
        bank.expr = expr;
        struct expr_row row = bank_expr_row(&bank);
        lx_alloc_fail_at(0);
        assert_int_equal(expr_evaluate(expr, &row, &value, &err), LX_OK);
        assert_int_equal(lx_alloc_count(), 0);
        expr_free(expr);
    }
}

struct shared {
    const struct expr *expr;
    atomic_int wrong;
};

static void *evaluate_often(void *argument)
{
    struct shared *shared = argument;
    struct bank_row bank;
    bank_row_init(&bank);
    struct expr_row row = bank_expr_row(&bank);
    for (int i = 0; i < 20000; i++) {
        bool holds = false;
        struct lx_error err;
        bank.fields[FIELD_CHILDREN].as.integer = i % 4;
        enum lx_err code = expr_holds(shared->expr, &row, &holds, &err);
        if (code != LX_OK || holds != (i % 4 == 1 || i % 4 == 3))
            atomic_fetch_add(&shared->wrong, 1);
    }
    return NULL;
}

static void test_threads_share_one_expression(void **state)
{
    (void)state;
    struct expr *expr;
    const char *text = "children in (1, 3, 5) and name like 'W%' and assets * 0.5 > 100";
    assert_int_equal(expr_compile(&schema, text, strlen(text), &expr, NULL, NULL), LX_OK);
    struct shared shared = {.expr = expr};
    pthread_t threads[4];
    for (size_t i = 0; i < LX_COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, evaluate_often, &shared), 0);
    for (size_t i = 0; i < LX_COUNT_OF(threads); i++) pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&shared.wrong), 0);
    expr_free(expr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(property_a_tree_that_is_written_and_read_is_the_same),
        cmocka_unit_test(property_no_soup_of_tokens_does_harm),
        cmocka_unit_test(property_no_damaged_text_does_harm),
        cmocka_unit_test(test_every_failed_allocation_is_told_and_leaves_nothing),
        cmocka_unit_test(test_an_expression_is_one_block),
        cmocka_unit_test(test_evaluating_takes_no_memory),
        cmocka_unit_test(test_threads_share_one_expression),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
