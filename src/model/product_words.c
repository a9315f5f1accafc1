#include "model/product_words.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Above this, products are alike enough to be worth a word. */
#define LIKENESS_MIN 0.7

/* By enum graph_word. {a}, {b} are names; the other fields are told at write_field. */
static const struct {
    const char *zh, *en;
} sentences[GRAPH_WORD_COUNT] = {
    [GRAPH_WORD_CONFLICT] = {"按产品规定，{a}与{b}互斥，持有其一者不得办理另一个",
                             "by the products' terms {a} and {b} exclude each other"},
    [GRAPH_WORD_OPENING] =
        {"持有{a}的客户{window}天内开通{b}的比例是其他客户的{opening}倍（95%区间{opening_low}至"
         "{opening_high}，{opening_count}人次）；与同样活跃、持有产品数相同的客户相比，"
         "开通的可能为{opening_odds}倍",
         "holders of {a} opened {b} within {window} days {opening} times as often as others (95 % "
         "{opening_low} to {opening_high}, {opening_count} openings); against customers who are as "
         "active and hold as many products, the odds are {opening_odds} times as high"},
    [GRAPH_WORD_ORDER] = {"两者皆有的客户中{order}先{a}后{b}，多在{a}之后约{days}天",
                          "of those who have both, {order} had {a} first, {b} mostly about {days} "
                          "days after"},
    [GRAPH_WORD_HOLDING] =
        {"{share}的{a}持有者也持有{b}，是其他客户的{holding}倍（95%区间{holding_low}至"
         "{holding_high}，共{both}人）",
         "{share} of the holders of {a} hold {b} too, {holding} times as many as of the others "
         "(95 % {holding_low} to {holding_high}, {both} customers)"},
    [GRAPH_WORD_SWITCHING] =
        {"关闭{a}的客户中{switched}在{window}天内开通了{b}，是其他客户的{switching}倍",
         "of those who closed {a}, {switched} opened {b} within {window} days, {switching} times "
         "as many as of the others"},
    [GRAPH_WORD_LIKENESS] = {"两个产品的属性相近（{likeness}）",
                             "the two products are alike in their properties ({likeness})"},
};

/* A test that says something: the share differs, and the strata agree that it is not chance. */
static bool is_told(const struct graph_test *test)
{
    return test->with_opened > 0 && isfinite(test->ratio) && isfinite(test->ratio_high) &&
           test->log_q < log(GRAPH_Q_MAX);
}

static bool is_to_be_said(enum graph_word word, const struct product_edge *edge)
{
    switch (word) {
    case GRAPH_WORD_CONFLICT: return edge->is_conflict;
    case GRAPH_WORD_OPENING: return is_told(&edge->opening);
    case GRAPH_WORD_ORDER:
        return edge->a_first > edge->b_first && edge->order_log_q < log(GRAPH_Q_MAX);
    case GRAPH_WORD_HOLDING:
        return edge->holding.both > 0 && isfinite(edge->holding.ratio) &&
               edge->holding.log_q < log(GRAPH_Q_MAX);
    case GRAPH_WORD_SWITCHING: return is_told(&edge->switching) && edge->switching.odds > 0;
    case GRAPH_WORD_LIKENESS: return edge->likeness >= LIKENESS_MIN;
    case GRAPH_WORD_COUNT: break;
    }
    LX_ASSERT(word < GRAPH_WORD_COUNT);
    return false;
}

size_t product_words(const struct product_edge *edge, enum graph_word ret_words[GRAPH_WORD_COUNT])
{
    size_t count = 0;
    for (int i = 0; i < GRAPH_WORD_COUNT; i++)
        if (is_to_be_said((enum graph_word)i, edge)) ret_words[count++] = (enum graph_word)i;
    return count;
}

/* How many times: two digits that mean something. */
static void put_times(struct lx_buffer *buffer, double value)
{
    lx_buffer_printf(buffer, value >= 9.95 ? "%.0f" : value >= 0.095 ? "%.1f" : "%.2g", value);
}

static void put_share(struct lx_buffer *buffer, double part, double whole)
{
    double share = 100 * part / whole;
    lx_buffer_printf(buffer,
                     share >= 9.95    ? "%.0f%%"
                     : share >= 0.095 ? "%.1f%%"
                                      : "%.2g%%",
                     share);
}

static bool is_field(const char *name, size_t length, const char *want)
{
    return strlen(want) == length && memcmp(name, want, length) == 0;
}

/* The numbers; false where there is none of this name. */
static bool put_number(struct lx_buffer *buffer, const char *name, size_t length,
                       const struct product_edge *edge)
{
    const struct relation *holding = &edge->holding;
    const struct graph_test *opening = &edge->opening, *switching = &edge->switching;
    const struct {
        const char *name;
        double value;
    } times[] = {{"opening", opening->ratio},           {"opening_low", opening->ratio_low},
                 {"opening_high", opening->ratio_high}, {"opening_odds", exp(opening->odds)},
                 {"holding", holding->ratio},           {"holding_low", holding->ratio_low},
                 {"holding_high", holding->ratio_high}, {"switching", switching->ratio}};
    for (size_t i = 0; i < LX_COUNT_OF(times); i++) {
        if (!is_field(name, length, times[i].name)) continue;
        put_times(buffer, times[i].value);
        return true;
    }
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {{"opening_count", opening->with_opened},
                  {"both", holding->both},
                  {"window", GRAPH_WINDOW_DAYS},
                  {"days", edge->median_days < 0 ? 0 : (uint64_t)edge->median_days}};
    for (size_t i = 0; i < LX_COUNT_OF(counts); i++) {
        if (!is_field(name, length, counts[i].name)) continue;
        lx_buffer_printf(buffer, "%" PRIu64, counts[i].value);
        return true;
    }
    return false;
}

static bool put_shares(struct lx_buffer *buffer, const char *name, size_t length,
                       const struct product_edge *edge)
{
    double ordered = (double)(edge->a_first + edge->b_first + edge->same_day);
    const struct {
        const char *name;
        double part, whole;
    } shares[] = {
        {"share", (double)edge->holding.both, (double)edge->holding.holders_a},
        {"order", (double)edge->a_first, ordered},
        {"switched", (double)edge->switching.with_opened, (double)edge->switching.with},
        {"likeness", edge->likeness, 1},
    };
    for (size_t i = 0; i < LX_COUNT_OF(shares); i++) {
        if (!is_field(name, length, shares[i].name)) continue;
        put_share(buffer, shares[i].part, shares[i].whole);
        return true;
    }
    return false;
}

void product_words_write(enum graph_word word, const struct product_edge *edge,
                         const struct bank_product *a, const struct bank_product *b, bool is_zh,
                         struct lx_buffer *buffer)
{
    LX_ASSERT(word < GRAPH_WORD_COUNT);

    const char *at = is_zh ? sentences[word].zh : sentences[word].en;
    while (*at != '\0') {
        size_t plain = strcspn(at, "{");
        lx_buffer_append(buffer, at, plain);
        at += plain;
        if (*at == '\0') break;
        size_t length = strcspn(++at, "}");
        if (is_field(at, length, "a"))
            lx_buffer_append_text(buffer, is_zh ? a->zh : a->en);
        else if (is_field(at, length, "b"))
            lx_buffer_append_text(buffer, is_zh ? b->zh : b->en);
        else
            LX_ASSERT(put_number(buffer, at, length, edge) || put_shares(buffer, at, length, edge));
        at += length + 1;
    }
}
