#include "decide/explain.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "model/rows.h"
#include "view/sentence.h"

enum { SENTENCE_MAX = 400 };

void explain_index_init(struct explain_index *index, const struct view_features *features)
{
    const char *topics[EXPLAIN_SENTENCES_MAX];
    size_t columns =
        view_features_count(features, VIEW_CUSTOMER) + view_features_count(features, VIEW_PAIR);
    index->count = 0;
    index->topic_count = 0;
    for (size_t i = 0; i < columns; i++) {
        const struct view_feature *feature = rows_feature(features, i);
        size_t topic = 0;
        if (feature->say_zh == NULL) continue;
        while (topic < index->topic_count && strcmp(topics[topic], feature->topic) != 0) topic++;
        if (topic == index->topic_count) topics[index->topic_count++] = feature->topic;
        index->sentences[index->count++] =
            (struct explain_sentence){feature, (uint16_t)i, (uint16_t)topic};
    }
}

/* One topic while its members are gathered. */
struct topic {
    double weight;                       /* of all members */
    const struct explain_sentence *best; /* NULL: none can be said */
    float best_contribution;
};

static bool can_be_said(const struct view_feature *feature, float value)
{
    return !isnan(value) && (double)value >= feature->say_from && (double)value <= feature->say_to;
}

static void gather(const struct explain_input *input, struct topic *topics)
{
    for (size_t i = 0; i < input->index->count; i++) {
        const struct explain_sentence *sentence = &input->index->sentences[i];
        LX_ASSERT(sentence->column < input->feature_count);
        float contribution = input->contributions[sentence->column];
        struct topic *topic = &topics[sentence->topic];
        topic->weight += (double)contribution;
        if (!(contribution > 0)) continue;
        if (!can_be_said(sentence->feature, input->row[sentence->column])) continue;
        if (topic->best != NULL && contribution <= topic->best_contribution) continue;
        topic->best = sentence;
        topic->best_contribution = contribution;
    }
}

static int compare_topics(const void *left, const void *right)
{
    const struct topic *a = left, *b = right;
    if (a->weight != b->weight) return a->weight > b->weight ? -1 : 1;
    return a->best < b->best ? -1 : a->best > b->best;
}

static int strongest_tie(const struct explain_input *input)
{
    int best = BANK_NO_PRODUCT;
    double best_lift = 0;
    for (size_t i = 0; input->peers != NULL && i < input->catalogue->count; i++) {
        if ((int)i == input->product || !view_holds(input->facts, (int)i)) continue;
        double lift = view_peers_lift(input->peers, (int)i, input->product);
        if (lift <= best_lift) continue;
        best_lift = lift;
        best = (int)i;
    }
    return best;
}

/* "12,345元"; amounts are rounded to the yuan: a reason is read, not booked. */
static void put_yuan(struct lx_buffer *buffer, double fen, bool is_zh)
{
    char digits[32];
    int length = snprintf(digits, sizeof digits, "%.0f", fabs(fen) / 100);
    if (fen < 0) lx_buffer_append_byte(buffer, '-');
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) lx_buffer_append_byte(buffer, ',');
        lx_buffer_append_byte(buffer, digits[i]);
    }
    lx_buffer_append_text(buffer, is_zh ? "元" : " yuan");
}

static void put_days(struct lx_buffer *buffer, double days, bool is_zh)
{
    long count = lround(days);
    if (count <= 0)
        lx_buffer_append_text(buffer, is_zh ? "当天" : "today");
    else if (is_zh)
        lx_buffer_printf(buffer, "%ld天前", count);
    else
        lx_buffer_printf(buffer, "%ld %s ago", count, count == 1 ? "day" : "days");
}

/* Enough digits that a small share does not read as 0 %. */
static void put_percent(struct lx_buffer *buffer, double share)
{
    double percent = 100 * share;
    lx_buffer_printf(buffer,
                     percent < 0.1  ? "%.2f%%"
                     : percent < 10 ? "%.1f%%"
                                    : "%.0f%%",
                     percent);
}

static void put_held(struct lx_buffer *buffer, const struct explain_input *input, bool is_zh)
{
    int held = strongest_tie(input);
    if (held == BANK_NO_PRODUCT) {
        lx_buffer_append_text(buffer, is_zh ? "现有产品" : "the products held");
        return;
    }
    const struct bank_product *product = &input->catalogue->products[held];
    lx_buffer_append_text(buffer, is_zh ? product->zh : product->en);
}

static void put_number(struct lx_buffer *buffer, double number,
                       const struct view_sentence_part *part)
{
    lx_buffer_printf(buffer, "%.0f", number);
    if (part->length == 0) return;
    lx_buffer_append_byte(buffer, ' ');
    lx_buffer_append(buffer, part->text, part->length);
    if (number != 1) lx_buffer_append_byte(buffer, 's');
}

static void put_value(struct lx_buffer *buffer, const struct explain_input *input, float value,
                      const struct view_sentence_part *part, bool is_zh)
{
    double number = (double)value;
    switch (part->said) {
    case VIEW_SAID_NUMBER: put_number(buffer, number, part); return;
    case VIEW_SAID_YUAN: put_yuan(buffer, number, is_zh); return;
    case VIEW_SAID_PERCENT: put_percent(buffer, number); return;
    case VIEW_SAID_RATIO: lx_buffer_printf(buffer, "%.1f", number); return;
    case VIEW_SAID_YEARS: lx_buffer_printf(buffer, "%.0f", floor(number)); return;
    case VIEW_SAID_LEVEL: lx_buffer_printf(buffer, "C%.0f", number); return;
    case VIEW_SAID_MINUTES: lx_buffer_printf(buffer, "%.0f", number / 60); return;
    case VIEW_SAID_DAYS: put_days(buffer, number, is_zh); return;
    case VIEW_SAID_HELD: put_held(buffer, input, is_zh); return;
    case VIEW_SAID_COUNT: break;
    }
    lx_bug(__FILE__, __LINE__, "a sentence names an unknown value");
}

static const char *say(const struct explain_input *input, float value, const char *sentence,
                       bool is_zh, struct lx_arena *arena)
{
    struct lx_buffer buffer;
    struct view_sentence_part part;
    lx_buffer_init(&buffer, SENTENCE_MAX);
    while (view_sentence_next(&sentence, &part)) {
        if (part.is_value)
            put_value(&buffer, input, value, &part, is_zh);
        else
            lx_buffer_append(&buffer, part.text, part.length);
    }
    const char *text = NULL;
    if (lx_buffer_error(&buffer) == LX_OK)
        text = lx_arena_strndup(arena, lx_buffer_text(&buffer), buffer.length);
    lx_buffer_release(&buffer);
    return text;
}

enum lx_err explain(const struct explain_input *input, struct lx_arena *arena,
                    struct decision_reason ret_reasons[DECISION_REASONS_MAX], size_t *ret_count,
                    struct lx_error *err)
{
    struct topic topics[EXPLAIN_SENTENCES_MAX];
    size_t count = input->index->topic_count, reasons = 0;
    memset(topics, 0, count * sizeof *topics);
    gather(input, topics);
    qsort(topics, count, sizeof *topics, compare_topics);
    for (size_t i = 0; i < count && reasons < DECISION_REASONS_MAX; i++) {
        const struct topic *topic = &topics[i];
        if (topic->best == NULL || topic->weight < EXPLAIN_WEIGHT_MIN) continue;
        const struct view_feature *feature = topic->best->feature;
        float value = input->row[topic->best->column];
        struct decision_reason *reason = &ret_reasons[reasons++];
        *reason = (struct decision_reason){.zh = say(input, value, feature->say_zh, true, arena),
                                           .en = say(input, value, feature->say_en, false, arena),
                                           .feature = feature->name,
                                           .weight = topic->weight};
        if (reason->zh == NULL || reason->en == NULL)
            return lx_fail(err, LX_ERR_NO_MEMORY, "reasons: out of memory");
    }
    *ret_count = reasons;
    return LX_OK;
}
