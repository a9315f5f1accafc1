/*
 * Goal:   an expression means what SQLite says that it means, but for the deviations that
 *         docs/reference/expressions.md lists.
 * Method: random tables (nulls, extremes, Chinese) and random well-typed expressions, written twice
 *         from one tree: in our language with as few parentheses as its precedence allows, and in
 *         SQLite's fully parenthesised. An agreement is one expression whose values over all rows
 *         of a table are SQLite's. 20,000 of them, or as many as EXPR_AGREEMENTS says; EXPR_SEED
 *         chooses others.
 *
 * How the deviations are honoured: in SQL an integer that leaves 64 bits becomes a real and a date
 * that leaves the calendar null; a function of ours around each such operator notices. What it
 * notices must be refused here or not have been computed, and what is refused here must have been
 * noticed. Money that is multiplied or divided is rounded in integers, an integer beside a real is
 * cast, months are counted from the month's first day.
 */
#include "cmocka_all.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <sqlite3.h>

#include "base/rng.h"
#include "schema.h"

/* --- The language, as a table --------------------------------------------------------------- */

/*
 * A slot is `$`, what stands there, and how much it must bind (0 or, 1 and, 2 not, 3 predicate,
 * 4 sum, 5 product, 6 unary, 7 primary). `#1` is the first slot in SQL.
 *   i integer  m money  r real  d date  s string  b boolean  c channel  k risk  h set of channels
 * Literals that have their type from what they stand beside: Y yuan, D date, C channel, K risk,
 * N small number, P pattern.
 */
struct production {
    char type;
    int level;
    const char *ours, *sql;
};

/* A subquery that reads nothing of the row would be computed once, so these read its number. */
#define HALF_EVEN(above, below)                                                                    \
    "(SELECT CASE WHEN (n < 0) <> (d < 0) THEN -1 ELSE 1 END * (abs(n) / abs(d) + (abs(n) % "      \
    "abs(d) > abs(d) - abs(n) % abs(d) OR (abs(n) % abs(d) = abs(d) - abs(n) % abs(d) AND "        \
    "abs(n) / abs(d) % 2 = 1))) FROM (SELECT whole(" above ") AS n, " below " AS d, rows.rowid))"

#define COMPARED(slot, literal)                                                                    \
    {'b', 3, "$" slot "4 = $" literal "4", "#1 = #2"},                                             \
        {'b', 3, "$" literal "4 <> $" slot "4", "#1 <> #2"},                                       \
        {'b', 3, "$" slot "4 in ($" literal "4, $" literal "4)", "#1 IN (#2, #3)"},                \
    {                                                                                              \
        'b', 3, "$" slot "4 not in ($" literal "4, null)", "#1 NOT IN (#2, NULL)"                  \
    }
#define ORDERED(slot)                                                                              \
    {'b', 3, "$" slot "4 < $" slot "4", "#1 < #2"},                                                \
        {'b', 3, "$" slot "4 <= $" slot "4", "#1 <= #2"},                                          \
        {'b', 3, "$" slot "4 > $" slot "4", "#1 > #2"},                                            \
        {'b', 3, "$" slot "4 大于等于 $" slot "4", "#1 >= #2"},                                    \
        {'b', 3, "$" slot "4 between $" slot "4 and $" slot "4", "#1 BETWEEN #2 AND #3"},          \
    {                                                                                              \
        'b', 3, "$" slot "4 not between $" slot "4 and $" slot "4", "#1 NOT BETWEEN #2 AND #3"     \
    }
#define CHOSEN(type, slot, literal)                                                                \
    {type, 7, "case when $b0 then $" slot "0 else $" literal "0 end",                              \
     "CASE WHEN #1 THEN #2 ELSE #3 END"},                                                          \
        {type, 7, "case when $b0 then $" slot "0 when $b0 then $" slot "0 end",                    \
         "CASE WHEN #1 THEN #2 WHEN #3 THEN #4 END"},                                              \
        {type, 7, "coalesce($" slot "0, $" literal "0)", "coalesce(#1, #2)"},                      \
    {                                                                                              \
        type, 7, "nullif($" slot "0, $" literal "0)", "nullif(#1, #2)"                             \
    }
#define EXTREME(type, slot, literal)                                                               \
    {type, 7, "least($" slot "0, $" literal "0)", "min(#1, #2)"},                                  \
    {                                                                                              \
        type, 7, "greatest($" slot "0, $" literal "0, $" slot "0)", "max(#1, #2, #3)"              \
    }
#define NULLNESS(slot)                                                                             \
    {'b', 3, "$" slot "4 is null", "#1 IS NULL"},                                                  \
    {                                                                                              \
        'b', 3, "$" slot "4 不为空", "#1 IS NOT NULL"                                              \
    }

static const struct production productions[] = {
    {'i', 4, "$i4 + $i5", "whole(#1 + #2)"},
    {'i', 4, "$i4 - $i5", "whole(#1 - #2)"},
    {'i', 5, "$i5 * $i6", "whole(#1 * #2)"},
    {'i', 5, "$i5 / $i6", "whole(#1 / #2)"},
    {'i', 5, "$i5 % $i6", "whole(#1 % #2)"},
    {'i', 6, "- $i6", "whole(-#1)"},
    {'i', 4, "$i4 + null", "#1 + NULL"},
    {'i', 7, "abs($i0)", "abs(#1)"},
    {'i', 4, "$d4 - $d5", "#1 - #2"},
    {'i', 4, "$d4 - $D5", "#1 - #2"},
    {'i', 7, "year($d0)", "CAST(strftime('%Y', #1 * 86400, 'unixepoch') AS INTEGER)"},
    {'i', 7, "month($d0)", "CAST(strftime('%m', #1 * 86400, 'unixepoch') AS INTEGER)"},
    {'i', 7, "day($d0)", "CAST(strftime('%d', #1 * 86400, 'unixepoch') AS INTEGER)"},
    {'i', 7, "length($s0)", "length(#1)"},
    {'i', 7, "count($h7)", "(#1 & 1) + (#1 >> 1 & 1) + (#1 >> 2 & 1) + (#1 >> 3 & 1)"},
    {'i', 7, "floor($r0)", "integral(floor(#1))"},
    {'i', 7, "round($r0)",
     "(SELECT whole(q + (f > 0.5 OR (f = 0.5 AND q % 2 <> 0))) FROM (SELECT integral(floor(r)) AS "
     "q, r - floor(r) AS f FROM (SELECT #1 AS r, rows.rowid)))"},
    {'i', 7, "floor($m0)", "integral(floor(CAST(#1 AS REAL) / 100.0))"},
    CHOSEN('i', "i", "i"),
    EXTREME('i', "i", "i"),
    {'i', 7, "case $i0 when $i0 then $i0 when $i0 then $i0 else $i0 end",
     "CASE #1 WHEN #2 THEN #3 WHEN #4 THEN #5 ELSE #6 END"},

    {'m', 4, "$m4 + $m5", "whole(#1 + #2)"},
    {'m', 4, "$m4 - $m5", "whole(#1 - #2)"},
    {'m', 4, "$m4 + $Y5", "whole(#1 + #2)"},
    {'m', 4, "$Y4 - $m5", "whole(#1 - #2)"},
    {'m', 6, "- $m6", "whole(-#1)"},
    {'m', 5, "$m5 * $i6", "whole(#1 * #2)"},
    {'m', 5, "$i5 * $m6", "whole(#1 * #2)"},
    {'m', 5, "$m5 / $i6", HALF_EVEN("#1", "#2")},
    {'m', 5, "$m5 * 0.125", HALF_EVEN("#1", "8")},
    {'m', 5, "1.375 * $m6", HALF_EVEN("#1 * 11", "8")},
    {'m', 5, "$m5 / 2.5", HALF_EVEN("#1 * 2", "5")},
    {'m', 5, "$m5 / -16.0", HALF_EVEN("#1", "-16")},
    {'m', 7, "abs($m0)", "abs(#1)"},
    CHOSEN('m', "m", "Y"),
    EXTREME('m', "m", "Y"),

    {'r', 4, "$r4 + $r5", "finite(#1 + #2)"},
    {'r', 4, "$r4 - $i5", "finite(#1 - CAST(#2 AS REAL))"},
    {'r', 5, "$i5 * $r6", "finite(CAST(#1 AS REAL) * #2)"},
    {'r', 5, "$r5 * $r6", "finite(#1 * #2)"},
    {'r', 5, "$r5 / $r6", "finite(#1 / #2)"},
    {'r', 5, "$i5 / $r6", "finite(CAST(#1 AS REAL) / #2)"},
    {'r', 5, "$m5 / $m6", "CAST(#1 AS REAL) / CAST(#2 AS REAL)"},
    {'r', 5, "$Y5 / $m6", "CAST(#1 AS REAL) / CAST(#2 AS REAL)"},
    {'r', 6, "- $r6", "-#1"},
    {'r', 7, "abs($r0)", "abs(#1)"},
    {'r', 7, "yuan($m0)", "CAST(#1 AS REAL) / 100.0"},
    {'r', 7, "coalesce($r0, $i0)", "coalesce(#1, CAST(#2 AS REAL))"},
    CHOSEN('r', "r", "r"),
    EXTREME('r', "r", "r"),

    {'d', 4, "$d4 + $N7 days", "calendar(#1 + #2)"},
    {'d', 4, "$d4 - $N7 天", "calendar(#1 - #2)"},
    {'d', 4, "$V7 days + $d5", "calendar(#1 + #2)"},
    {'d', 4, "$d4 + $N7 months", "shifted(#1, #2)"},
    {'d', 4, "$d4 - $N7 years", "shifted(#1, -12 * #2)"},
    {'d', 4, "$d4 + $V7 个月", "shifted(#1, #2)"},
    CHOSEN('d', "d", "D"),
    EXTREME('d', "d", "D"),

    CHOSEN('s', "s", "s"),
    EXTREME('s', "s", "s"),
    CHOSEN('c', "c", "C"),
    CHOSEN('k', "k", "K"),
    EXTREME('k', "k", "K"),

    COMPARED("i", "I"),
    COMPARED("m", "Y"),
    COMPARED("d", "D"),
    COMPARED("s", "S"),
    COMPARED("c", "C"),
    COMPARED("k", "K"),
    ORDERED("i"),
    ORDERED("m"),
    ORDERED("r"),
    ORDERED("d"),
    ORDERED("s"),
    ORDERED("k"),
    NULLNESS("i"),
    NULLNESS("m"),
    NULLNESS("d"),
    NULLNESS("s"),
    NULLNESS("h"),
    NULLNESS("b"),
    {'b', 3, "$i4 <= $r4", "CAST(#1 AS REAL) <= #2"},
    {'b', 3, "$i4 between $r4 and $i4", "CAST(#1 AS REAL) BETWEEN #2 AND CAST(#3 AS REAL)"},
    {'b', 3, "$m4 between $Y4 and $m4", "#1 BETWEEN #2 AND #3"},
    {'b', 3, "$m4 介于 $Y4 与 $Y4 之间", "#1 BETWEEN #2 AND #3"},
    {'b', 3, "$i4 = null", "#1 = NULL"},
    {'b', 3, "$b4 = $b4", "#1 = #2"},
    {'b', 3, "$s4 like $P7", "#1 LIKE #2"},
    {'b', 3, "$s4 not like $P7 escape '!'", "#1 NOT LIKE #2 ESCAPE '!'"},
    {'b', 3, "$c4 in $h7", "#2 >> #1 & 1"},
    {'b', 3, "$C4 in $h7", "#2 >> #1 & 1"},
    {'b', 3, "$c4 不属于 $h7", "NOT (#2 >> #1 & 1)"},
    {'b', 0, "$b0 or $b1", "#1 OR #2"},
    {'b', 0, "$b0 或 $b1 or $b1", "#1 OR #2 OR #3"},
    {'b', 1, "$b1 and $b2", "#1 AND #2"},
    {'b', 1, "$b1 且 $b2 and $b2", "#1 AND #2 AND #3"},
    {'b', 2, "not $b2", "NOT #1"},
    {'b', 2, "非 $b2", "NOT #1"},
    {'b', 3, "$b3 is true", "#1 IS TRUE"},
    {'b', 3, "$b4 is not false", "#1 IS NOT FALSE"},
    CHOSEN('b', "b", "b"),
};

/* --- Leaves --------------------------------------------------------------------------------- */

enum {
    COLUMN_I,
    COLUMN_J,
    COLUMN_M,
    COLUMN_N,
    COLUMN_R,
    COLUMN_Q,
    COLUMN_D,
    COLUMN_E,
    COLUMN_S,
    COLUMN_T,
    COLUMN_C,
    COLUMN_G,
    COLUMN_K,
    COLUMN_H,
    COLUMN_B,
    COLUMN_A,
    COLUMN_COUNT
};
static const char column_types[] = "iimmrrddssccKhbb";

static const struct expr_field columns[] = {
    {"i", "整", EXPR_INTEGER, NULL, false},   {"j", NULL, EXPR_INTEGER, NULL, false},
    {"m", "钱", EXPR_MONEY, NULL, false},     {"n", NULL, EXPR_MONEY, NULL, false},
    {"r", NULL, EXPR_REAL, NULL, false},      {"q", "实", EXPR_REAL, NULL, false},
    {"d", "日子", EXPR_DATE, NULL, false},    {"e", NULL, EXPR_DATE, NULL, false},
    {"s", NULL, EXPR_STRING, NULL, false},    {"t", "文", EXPR_STRING, NULL, false},
    {"c", NULL, EXPR_ENUM, &channels, false}, {"g", NULL, EXPR_ENUM, &channels, false},
    {"k", NULL, EXPR_ENUM, &risks, false},    {"h", NULL, EXPR_SET, &channels, false},
    {"b", NULL, EXPR_BOOLEAN, NULL, false},   {"a", NULL, EXPR_BOOLEAN, NULL, false},
};
static const struct expr_schema table_schema = {columns, COLUMN_COUNT, NULL, 0, NULL, 0};

static const int64_t some_integers[] = {0,
                                        1,
                                        -1,
                                        2,
                                        3,
                                        7,
                                        -7,
                                        12,
                                        30,
                                        100,
                                        1000000,
                                        INT64_MAX,
                                        INT64_MIN,
                                        INT64_MAX - 1,
                                        4611686018427387904,
                                        4294967296,
                                        9007199254740993};
/* Few digits: SQLite's own reading of long decimals is not exact to the last bit. */
static const char *const some_reals[] = {"0.0", "0.5", "1.0",  "2.5",   "0.1",  "100.25",
                                         "1.5", "3.0", "1e10", "1e300", "0.001"};
static const char *const some_strings[] = {"",       "a",        "b",   "ab",  "A",   "客",
                                           "客户",   "客户经理", "é",   "a%b", "a_b", "it's",
                                           "杭州市", "😀",        "ab ", "Ab"};
static const char *const some_patterns[] = {"%",    "_",    "a%",   "%b",  "客_",   "客%",
                                            "%户%", "a!%b", "a!_b", "__",  "%a%b%", "",
                                            "A%",   "%!!%", "_%_",  "it's"};

static const char *quoted(const char *text, char out[64])
{
    size_t length = 0;
    out[length++] = '\'';
    for (; *text != '\0'; text++) {
        if (*text == '\'') out[length++] = '\'';
        out[length++] = *text;
    }
    out[length++] = '\'';
    out[length] = '\0';
    return out;
}

struct tree {
    const struct production *production; /* NULL: a leaf */
    int level;
    char ours[80], sql[80];
    struct tree *children[8];
};

struct forest {
    struct tree trees[4000];
    size_t count;
    struct lx_rng rng;
};

static int64_t random_integer(struct lx_rng *rng)
{
    if (lx_rng_chance(rng, 0.3))
        return some_integers[lx_rng_below(rng, LX_COUNT_OF(some_integers))];
    return (int64_t)lx_rng_below(rng, 2001) - 1000;
}

static int64_t random_fen(struct lx_rng *rng)
{
    if (lx_rng_chance(rng, 0.05)) return lx_rng_chance(rng, 0.5) ? INT64_MAX : INT64_MIN;
    uint64_t most = lx_rng_chance(rng, 0.2) ? 100000000000000 : 100000;
    return (int64_t)lx_rng_below(rng, 2 * most) - (int64_t)most;
}

static int64_t random_day(struct lx_rng *rng)
{
    if (lx_rng_chance(rng, 0.03)) return lx_rng_chance(rng, 0.5) ? LX_DAY_MIN : LX_DAY_MAX;
    return (int64_t)lx_rng_below(rng, 60000) - 20000;
}

static void leaf_integer(struct lx_rng *rng, struct tree *tree)
{
    int64_t value = random_integer(rng);
    snprintf(tree->ours, sizeof tree->ours, "%" PRId64, value);
    if (value == INT64_MIN)
        snprintf(tree->sql, sizeof tree->sql, "(-9223372036854775807 - 1)");
    else
        snprintf(tree->sql, sizeof tree->sql, "%" PRId64, value);
    if (value > 0 && value % 10000 == 0)
        snprintf(tree->ours, sizeof tree->ours, "%" PRId64 "万", value / 10000);
}

static void leaf_literal(struct lx_rng *rng, char slot, struct tree *tree)
{
    int64_t fen = random_fen(rng), day = random_day(rng);
    size_t pick = (size_t)lx_rng_next(rng);
    char text[16], out[64];
    switch (slot) {
    case 'i':
    case 'I': leaf_integer(rng, tree); break;
    case 'N':
        snprintf(tree->ours, sizeof tree->ours, "%d", (int)(pick % 400));
        snprintf(tree->sql, sizeof tree->sql, "%d", (int)(pick % 400));
        break;
    case 'Y':
        snprintf(tree->ours, sizeof tree->ours, "%s%" PRIu64 ".%02d", fen < 0 ? "-" : "",
                 (fen < 0 ? 0 - (uint64_t)fen : (uint64_t)fen) / 100, abs((int)(fen % 100)));
        snprintf(tree->sql, sizeof tree->sql, "(%" PRId64 "%s)", fen == INT64_MIN ? fen + 1 : fen,
                 fen == INT64_MIN ? "-1" : "");
        break;
    case 'r':
        snprintf(tree->ours, sizeof tree->ours, "%s", some_reals[pick % LX_COUNT_OF(some_reals)]);
        memcpy(tree->sql, tree->ours, sizeof tree->sql);
        break;
    case 'd':
    case 'D':
        lx_day_format((int32_t)day, text);
        snprintf(tree->ours, sizeof tree->ours, "%s'%s'", slot == 'd' ? "date " : "", text);
        snprintf(tree->sql, sizeof tree->sql, "(%" PRId64 ")", day);
        break;
    case 's':
    case 'S':
    case 'P':
        quoted(slot == 'P' ? some_patterns[pick % LX_COUNT_OF(some_patterns)]
                           : some_strings[pick % LX_COUNT_OF(some_strings)],
               out);
        snprintf(tree->ours, sizeof tree->ours, "%s", out);
        snprintf(tree->sql, sizeof tree->sql, "%s", out);
        break;
    case 'C':
        snprintf(tree->ours, sizeof tree->ours, "'%s'",
                 pick / 4 % 2 ? channel_codes[pick % 4] : channel_zh[pick % 4]);
        snprintf(tree->sql, sizeof tree->sql, "%d", (int)(pick % 4));
        break;
    case 'K':
        snprintf(tree->ours, sizeof tree->ours, "'%s'", risk_codes[pick % 5]);
        snprintf(tree->sql, sizeof tree->sql, "%d", (int)(pick % 5));
        break;
    default:
        snprintf(tree->ours, sizeof tree->ours, "%s", pick % 2 ? "true" : "false");
        memcpy(tree->sql, tree->ours, sizeof tree->sql);
    }
}

static void leaf_column(struct lx_rng *rng, char slot, struct tree *tree)
{
    size_t column;
    do column = lx_rng_below(rng, COLUMN_COUNT);
    while (column_types[column] != (slot == 'k' ? 'K' : slot));
    bool is_zh = columns[column].zh != NULL && lx_rng_chance(rng, 0.3);
    snprintf(tree->ours, sizeof tree->ours, "%s",
             is_zh ? columns[column].zh : columns[column].name);
    snprintf(tree->sql, sizeof tree->sql, "%s", columns[column].name);
}

/* --- Trees ---------------------------------------------------------------------------------- */

static bool is_firm(char slot)
{
    return slot == 'm' || slot == 'c' || slot == 'k' || slot == 'h';
}

static struct tree *grow(struct forest *forest, char slot, int depth)
{
    LX_ASSERT(forest->count < LX_COUNT_OF(forest->trees));
    struct tree *tree = &forest->trees[forest->count++];
    *tree = (struct tree){.level = 7};
    struct lx_rng *rng = &forest->rng;
    bool is_literal = strchr("YDCKNPIS", slot) != NULL;
    if (slot == 'V') {
        leaf_column(rng, 'i', tree);
        return tree;
    }
    bool is_leaf = is_literal || slot == 'h' || depth == 0 || lx_rng_chance(rng, 0.15);
    if (is_leaf) {
        if (!is_literal && (is_firm(slot) || lx_rng_chance(rng, 0.7)))
            leaf_column(rng, slot, tree);
        else
            leaf_literal(rng, slot, tree);
        return tree;
    }
    size_t pick;
    do pick = lx_rng_below(rng, LX_COUNT_OF(productions));
    while (productions[pick].type != slot);
    tree->production = &productions[pick];
    tree->level = productions[pick].level;
    size_t count = 0;
    for (const char *at = productions[pick].ours; *at != '\0'; at++)
        if (*at == '$') tree->children[count++] = grow(forest, at[1], depth - 1);
    return tree;
}

struct text {
    char bytes[60000];
    size_t length;
};

static void add(struct text *text, const char *bytes, size_t length)
{
    LX_ASSERT(text->length + length < sizeof text->bytes);
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    text->bytes[text->length] = '\0';
}

static void write_ours(struct text *text, const struct tree *tree, int least)
{
    if (tree->level < least) add(text, "(", 1);
    if (tree->production == NULL) {
        add(text, tree->ours, strlen(tree->ours));
    } else {
        size_t child = 0;
        for (const char *at = tree->production->ours; *at != '\0'; at++) {
            if (*at == '$') {
                write_ours(text, tree->children[child++], at[2] - '0');
                at += 2;
            } else {
                add(text, at, 1);
            }
        }
    }
    if (tree->level < least) add(text, ")", 1);
}

static void write_sql(struct text *text, const struct tree *tree)
{
    add(text, "(", 1);
    if (tree->production == NULL) {
        add(text, tree->sql, strlen(tree->sql));
    } else {
        for (const char *at = tree->production->sql; *at != '\0'; at++) {
            if (*at == '#')
                write_sql(text, tree->children[*++at - '1']);
            else
                add(text, at, 1);
        }
    }
    add(text, ")", 1);
}

/* --- SQLite --------------------------------------------------------------------------------- */

struct peer {
    sqlite3 *db;
    bool has_noticed; /* an operator left its range in this row */
};

static void pass(sqlite3_context *context, sqlite3_value *value, bool is_noticed)
{
    struct peer *peer = sqlite3_user_data(context);
    if (is_noticed) peer->has_noticed = true;
    sqlite3_result_value(context, value);
}

static void sql_whole(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    pass(context, values[0], sqlite3_value_type(values[0]) == SQLITE_FLOAT);
}

static void sql_finite(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    pass(context, values[0],
         sqlite3_value_type(values[0]) == SQLITE_FLOAT &&
             !isfinite(sqlite3_value_double(values[0])));
}

static void sql_calendar(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    int64_t day = sqlite3_value_int64(values[0]);
    bool is_null = sqlite3_value_type(values[0]) == SQLITE_NULL;
    pass(context, values[0],
         !is_null && (sqlite3_value_type(values[0]) != SQLITE_INTEGER || day < LX_DAY_MIN ||
                      day > LX_DAY_MAX));
}

/* floor(x) as an integer */
static void sql_integral(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    struct peer *peer = sqlite3_user_data(context);
    double value = sqlite3_value_double(values[0]);
    if (sqlite3_value_type(values[0]) == SQLITE_NULL)
        sqlite3_result_null(context);
    else if (value >= -0x1p63 && value < 0x1p63)
        sqlite3_result_int64(context, (int64_t)value);
    else
        peer->has_noticed = true;
}

/* A day so many months on, told by SQLite's own calendar from the first of the month. */
static void sql_shifted(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    struct peer *peer = sqlite3_user_data(context);
    if (sqlite3_value_type(values[0]) == SQLITE_NULL ||
        sqlite3_value_type(values[1]) == SQLITE_NULL)
        return;
    static const char sql[] =
        "SELECT CAST(julianday(f) - 2440587.5 AS INTEGER) + min(p, CAST(julianday(date(f, '+1 "
        "month')) - julianday(f) AS INTEGER)) - 1 FROM (SELECT date(?1 * 86400, 'unixepoch', "
        "'start "
        "of month', ?2 || ' months') AS f, CAST(strftime('%d', ?1 * 86400, 'unixepoch') AS "
        "INTEGER) "
        "AS p)";
    int64_t months = sqlite3_value_int64(values[1]);
    if (sqlite3_value_type(values[1]) != SQLITE_INTEGER || months > 200000 || months < -200000) {
        peer->has_noticed = true;
        return;
    }
    sqlite3_stmt *statement;
    LX_ASSERT(sqlite3_prepare_v2(peer->db, sql, -1, &statement, NULL) == SQLITE_OK);
    sqlite3_bind_value(statement, 1, values[0]);
    sqlite3_bind_int64(statement, 2, months);
    LX_ASSERT(sqlite3_step(statement) == SQLITE_ROW);
    int64_t day = sqlite3_column_int64(statement, 0);
    bool is_there = sqlite3_column_type(statement, 0) == SQLITE_INTEGER && day >= LX_DAY_MIN;
    sqlite3_finalize(statement);
    if (is_there)
        sqlite3_result_int64(context, day);
    else
        peer->has_noticed = true;
}

static void peer_open(struct peer *peer)
{
    *peer = (struct peer){0};
    assert_int_equal(sqlite3_open(":memory:", &peer->db), SQLITE_OK);
    static const struct {
        const char *name;
        int count;
        void (*function)(sqlite3_context *, int, sqlite3_value **);
    } added[] = {{"whole", 1, sql_whole},
                 {"finite", 1, sql_finite},
                 {"calendar", 1, sql_calendar},
                 {"integral", 1, sql_integral},
                 {"shifted", 2, sql_shifted}};
    /* Not deterministic for SQLite, so that each is called for each row. */
    for (size_t i = 0; i < LX_COUNT_OF(added); i++)
        sqlite3_create_function(peer->db, added[i].name, added[i].count, SQLITE_UTF8, peer,
                                added[i].function, NULL, NULL);
    assert_int_equal(
        sqlite3_exec(peer->db,
                     "PRAGMA case_sensitive_like = ON;"
                     "CREATE TABLE rows (i INTEGER, j INTEGER, m INTEGER, n INTEGER, r "
                     "REAL, q REAL, d INTEGER, e INTEGER, s TEXT, t TEXT, c INTEGER, g "
                     "INTEGER, k INTEGER, h INTEGER, b INTEGER, a INTEGER)",
                     NULL, NULL, NULL),
        SQLITE_OK);
}

/* --- Tables --------------------------------------------------------------------------------- */

enum { ROW_COUNT = 8 };

struct table {
    struct expr_value values[ROW_COUNT][COLUMN_COUNT];
    uint64_t sets[ROW_COUNT];
};

static struct expr_value random_value(struct lx_rng *rng, char type)
{
    static const double reals[] = {0, 0.5, -0.5, 1, 2.5, -1e300, 1e300, 1e-300, 1e18, -3.5};
    if (lx_rng_chance(rng, 0.15)) return null_value();
    switch (type) {
    case 'i': return integer_value(random_integer(rng));
    case 'm': return integer_value(random_fen(rng));
    case 'r':
        if (lx_rng_chance(rng, 0.4)) return real_value(reals[lx_rng_below(rng, 10)]);
        return real_value((lx_rng_uniform(rng) - 0.5) * 200);
    case 'd': return integer_value(random_day(rng));
    case 's': return string_value(some_strings[lx_rng_below(rng, LX_COUNT_OF(some_strings))]);
    case 'c': return integer_value((int64_t)lx_rng_below(rng, 4));
    case 'K': return integer_value((int64_t)lx_rng_below(rng, 5));
    default: return integer_value((int64_t)lx_rng_below(rng, 2));
    }
}

static void fill_table(struct table *table, struct lx_rng *rng)
{
    for (size_t row = 0; row < ROW_COUNT; row++) {
        for (size_t column = 0; column < COLUMN_COUNT; column++)
            table->values[row][column] = random_value(rng, column_types[column]);
        table->sets[row] = lx_rng_below(rng, 16);
        table->values[row][COLUMN_H].as.set = &table->sets[row];
    }
}

static void store_table(struct peer *peer, const struct table *table)
{
    sqlite3_stmt *insert;
    sqlite3_exec(peer->db, "DELETE FROM rows", NULL, NULL, NULL);
    assert_int_equal(sqlite3_prepare_v2(peer->db,
                                        "INSERT INTO rows VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                                        -1, &insert, NULL),
                     SQLITE_OK);
    for (size_t row = 0; row < ROW_COUNT; row++) {
        for (int column = 0; column < COLUMN_COUNT; column++) {
            const struct expr_value *value = &table->values[row][column];
            char type = column_types[column];
            if (value->is_null)
                sqlite3_bind_null(insert, column + 1);
            else if (type == 'r')
                sqlite3_bind_double(insert, column + 1, value->as.real);
            else if (type == 's')
                sqlite3_bind_text(insert, column + 1, value->as.string.text,
                                  (int)value->as.string.length, SQLITE_STATIC);
            else if (type == 'h')
                sqlite3_bind_int64(insert, column + 1, (int64_t)table->sets[row]);
            else
                sqlite3_bind_int64(insert, column + 1, value->as.integer);
        }
        assert_int_equal(sqlite3_step(insert), SQLITE_DONE);
        sqlite3_reset(insert);
    }
    sqlite3_finalize(insert);
}

static enum lx_err table_field(void *context, size_t field, struct expr_value *ret_value,
                               struct lx_error *err)
{
    (void)err;
    *ret_value = ((const struct expr_value *)context)[field];
    return LX_OK;
}

/* --- Comparing ------------------------------------------------------------------------------ */

static bool is_equal(sqlite3_stmt *statement, enum expr_type type, const struct expr_value *ours)
{
    int found = sqlite3_column_type(statement, 0);
    if (ours->is_null || found == SQLITE_NULL) return ours->is_null && found == SQLITE_NULL;
    if (type == EXPR_REAL) return sqlite3_column_double(statement, 0) == ours->as.real;
    if (type != EXPR_STRING)
        return found == SQLITE_INTEGER && sqlite3_column_int64(statement, 0) == ours->as.integer;
    const void *text = sqlite3_column_blob(statement, 0);
    size_t length = (size_t)sqlite3_column_bytes(statement, 0);
    return length == ours->as.string.length &&
           (length == 0 || memcmp(text, ours->as.string.text, length) == 0);
}

static void fail_row(const char *ours, const char *sql, size_t row, sqlite3_stmt *statement,
                     const struct expr *expr, enum lx_err code, const struct expr_value *value)
{
    char text[256] = "";
    if (code == LX_OK)
        expr_value_format(value, expr_result(expr), expr_result_enumeration(expr), text,
                          sizeof text);
    const unsigned char *theirs = sqlite3_column_text(statement, 0);
    fail_msg("row %zu of\n%s\n%s\nours %s %s, SQLite's %s", row, ours, sql, lx_err_name(code), text,
             theirs == NULL ? "null" : (const char *)theirs);
}

struct tally {
    size_t values, refused, noticed;
};

/* One expression over all rows. */
static void compare(struct peer *peer, const struct table *table, const char *ours, const char *sql,
                    struct tally *tally)
{
    struct expr *expr;
    struct lx_error err;
    sqlite3_stmt *statement;
    if (expr_compile(&table_schema, ours, strlen(ours), &expr, NULL, &err) != LX_OK)
        fail_msg("%s\n%s", ours, err.text);
    if (sqlite3_prepare_v2(peer->db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s\n%s\n%s", ours, sql, sqlite3_errmsg(peer->db));
    for (size_t i = 0; i < ROW_COUNT; i++) {
        struct expr_value value;
        struct expr_row row = {.context = (void *)(uintptr_t)table->values[i],
                               .field = table_field};
        enum lx_err code = expr_evaluate(expr, &row, &value, &err);
        if (code != LX_OK && code != LX_ERR_OVERFLOW) fail_msg("%s\n%s", ours, err.text);
        peer->has_noticed = false;
        int step = sqlite3_step(statement);
        if (step != SQLITE_ROW) { /* abs(-2^63) ends the statement */
            assert_string_equal(sqlite3_errmsg(peer->db), "integer overflow");
            break;
        }
        tally->values++;
        tally->refused += code != LX_OK;
        tally->noticed += peer->has_noticed;
        if (peer->has_noticed) continue;
        if (code != LX_OK || !is_equal(statement, expr_result(expr), &value))
            fail_row(ours, sql, i, statement, expr, code, &value);
    }
    sqlite3_finalize(statement);
    expr_free(expr);
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

static void test_random_expressions_agree_with_sqlite(void **state)
{
    (void)state;
    static struct forest forest;
    static struct text ours, sql;
    uint64_t seed = number_from("EXPR_SEED", 20260301);
    uint64_t agreements = number_from("EXPR_AGREEMENTS", 20000);
    struct tally tally = {0};
    struct table table;
    struct peer peer;
    print_message("seed %" PRIu64 "\n", seed);
    peer_open(&peer);
    forest.rng = lx_rng_of(seed, 0);
    for (uint64_t i = 0; i < agreements; i++) {
        if (i % 100 == 0) {
            fill_table(&table, &forest.rng);
            store_table(&peer, &table);
        }
        static const char roots[] = "iimmrrddsckbbbbb";
        forest.count = 0;
        struct tree *tree = grow(&forest, roots[lx_rng_below(&forest.rng, sizeof roots - 1)],
                                 1 + (int)lx_rng_below(&forest.rng, 4));
        ours.length = sql.length = 0;
        write_ours(&ours, tree, 0);
        add(&sql, "SELECT ", 7);
        write_sql(&sql, tree);
        add(&sql, " FROM rows ORDER BY rowid", 25);
        compare(&peer, &table, ours.bytes, sql.bytes, &tally);
    }
    sqlite3_close(peer.db);
    print_message("%" PRIu64 " expressions agree, %zu values; %zu refused, %zu noticed\n",
                  agreements, tally.values, tally.refused, tally.noticed);
    assert_true(tally.noticed * 5 < tally.values && tally.refused > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_expressions_agree_with_sqlite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
