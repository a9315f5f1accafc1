#ifndef TESTS_UNIT_EXPR_GENERATOR_H
#define TESTS_UNIT_EXPR_GENERATOR_H

/*
 * generator: random well-typed expressions over one small table, each written twice from one tree:
 * in our language with as few parentheses as its precedence allows, and in SQLite's fully
 * parenthesised. Row evaluation, SQLite and evaluation over columns answer the same ones.
 */

#include <inttypes.h>
#include <stdio.h>

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
static const char *const some_strings[] = {"a\\b", "a\\%", "",       "a",        "b",   "ab",
                                           "A",    "客",   "客户",   "客户经理", "é",   "a%b",
                                           "a_b",  "it's", "杭州市", "😀",        "ab ", "Ab"};
static const char *const some_patterns[] = {"a\\b",  "a\\!%", "%!\\_", "_\\%", "%",    "_",    "a%",
                                            "%b",    "客_",   "客%",   "%户%", "a!%b", "a!_b", "__",
                                            "%a%b%", "",      "A%",    "%!!%", "_%_",  "it's"};

static inline const char *quoted(const char *text, char out[64])
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

static inline int64_t random_integer(struct lx_rng *rng)
{
    if (lx_rng_chance(rng, 0.3))
        return some_integers[lx_rng_below(rng, LX_COUNT_OF(some_integers))];
    return (int64_t)lx_rng_below(rng, 2001) - 1000;
}

static inline int64_t random_fen(struct lx_rng *rng)
{
    if (lx_rng_chance(rng, 0.05)) return lx_rng_chance(rng, 0.5) ? INT64_MAX : INT64_MIN;
    uint64_t most = lx_rng_chance(rng, 0.2) ? 100000000000000 : 100000;
    return (int64_t)lx_rng_below(rng, 2 * most) - (int64_t)most;
}

static inline int64_t random_day(struct lx_rng *rng)
{
    if (lx_rng_chance(rng, 0.03)) return lx_rng_chance(rng, 0.5) ? LX_DAY_MIN : LX_DAY_MAX;
    return (int64_t)lx_rng_below(rng, 60000) - 20000;
}

static inline void leaf_integer(struct lx_rng *rng, struct tree *tree)
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

static inline void leaf_literal(struct lx_rng *rng, char slot, struct tree *tree)
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

static inline void leaf_column(struct lx_rng *rng, char slot, struct tree *tree)
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

static inline bool is_firm(char slot)
{
    return slot == 'm' || slot == 'c' || slot == 'k' || slot == 'h';
}

static inline struct tree *grow(struct forest *forest, char slot, int depth)
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

static inline void add(struct text *text, const char *bytes, size_t length)
{
    LX_ASSERT(text->length + length < sizeof text->bytes);
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    text->bytes[text->length] = '\0';
}

static inline void write_ours(struct text *text, const struct tree *tree, int least)
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

static inline void write_sql(struct text *text, const struct tree *tree)
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

/* --- Values ------------------------------------------------------------------------------- */

static inline struct expr_value random_value(struct lx_rng *rng, char type)
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

#endif
