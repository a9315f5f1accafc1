#include "decide/explain.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "decide/explain_table.h"
#include "model/rows.h"

enum { SENTENCE_MAX = 400 };

struct sentence {
    const char *feature, *topic;
    double low, high;
    const char *zh, *en;
};

static const struct sentence sentences[] = {
#define X(feature, topic, low, high, zh, en) {#feature, #topic, low, high, zh, en},
    EXPLAIN_MAP(X)
#undef X
};

size_t explain_sentence_count(void)
{
    return LX_COUNT_OF(sentences);
}

const char *explain_sentence_feature(size_t sentence)
{
    LX_ASSERT(sentence < LX_COUNT_OF(sentences));
    return sentences[sentence].feature;
}

_Static_assert(LX_COUNT_OF(sentences) <= EXPLAIN_SENTENCES_MAX, "struct explain_index");

static uint16_t column_of(const struct view_features *features, const char *feature)
{
    size_t place = view_features_find(features, VIEW_CUSTOMER, feature);
    if (place != SIZE_MAX) return (uint16_t)place;
    place = view_features_find(features, VIEW_PAIR, feature);
    if (place == SIZE_MAX) return EXPLAIN_NO_COLUMN;
    return (uint16_t)(view_features_count(features, VIEW_CUSTOMER) + place);
}

void explain_index_init(struct explain_index *index, const struct view_features *features)
{
    *index = (struct explain_index){.topic_count = 0};
    for (size_t i = 0; i < LX_COUNT_OF(sentences); i++) {
        size_t same = 0;
        while (strcmp(sentences[same].topic, sentences[i].topic) != 0) same++;
        index->columns[i] = column_of(features, sentences[i].feature);
        index->topics[i] = same < i ? index->topics[same] : (uint16_t)index->topic_count++;
    }
}

/* One topic while its members are gathered. */
struct topic {
    double weight;                  /* of all members */
    const struct sentence *best;    /* NULL: none can be said */
    size_t best_column, best_place; /* place: of the sentence in the table */
    float best_contribution;
};

static bool can_be_said(const struct sentence *sentence, float value)
{
    return !isnan(value) && (double)value >= sentence->low && (double)value <= sentence->high;
}

static void gather(const struct explain_input *input, struct topic *topics)
{
    for (size_t i = 0; i < LX_COUNT_OF(sentences); i++) {
        const struct sentence *sentence = &sentences[i];
        size_t column = input->index->columns[i];
        if (column == EXPLAIN_NO_COLUMN) continue;
        LX_ASSERT(column < input->feature_count);
        float contribution = input->contributions[column];
        struct topic *topic = &topics[input->index->topics[i]];
        topic->weight += (double)contribution;
        if (!(contribution > 0) || !can_be_said(sentence, input->row[column])) continue;
        if (topic->best != NULL && contribution <= topic->best_contribution) continue;
        topic->best = sentence;
        topic->best_column = column;
        topic->best_contribution = contribution;
        topic->best_place = i;
    }
}

static int compare_topics(const void *left, const void *right)
{
    const struct topic *a = left, *b = right;
    if (a->weight != b->weight) return a->weight > b->weight ? -1 : 1;
    return a->best_place < b->best_place ? -1 : a->best_place > b->best_place;
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

/* One {name}; `noun` is what follows a colon, or NULL. */
static void put_value(struct lx_buffer *buffer, const struct explain_input *input, float value,
                      const char *name, size_t name_length, bool is_zh)
{
    double number = (double)value;
    const char *noun = memchr(name, ':', name_length);
    size_t length = noun == NULL ? name_length : (size_t)(noun - name);
#define IS(text) (length == sizeof(text) - 1 && memcmp(name, text, length) == 0)
    if (IS("n")) {
        lx_buffer_printf(buffer, "%.0f", number);
        if (noun == NULL) return;
        size_t noun_length = name_length - length - 1;
        lx_buffer_append_byte(buffer, ' ');
        lx_buffer_append(buffer, noun + 1, noun_length);
        if (number != 1) lx_buffer_append_byte(buffer, 's');
    } else if (IS("yuan")) {
        put_yuan(buffer, number, is_zh);
    } else if (IS("percent")) {
        put_percent(buffer, number);
    } else if (IS("x")) {
        lx_buffer_printf(buffer, "%.1f", number);
    } else if (IS("years")) {
        lx_buffer_printf(buffer, "%.0f", floor(number));
    } else if (IS("level")) {
        lx_buffer_printf(buffer, "C%.0f", number);
    } else if (IS("minutes")) {
        lx_buffer_printf(buffer, "%.0f", number / 60);
    } else if (IS("days")) {
        put_days(buffer, number, is_zh);
    } else if (IS("held")) {
        put_held(buffer, input, is_zh);
    } else {
        lx_bug(__FILE__, __LINE__, "a sentence names an unknown value");
    }
#undef IS
}

static const char *say(const struct explain_input *input, float value, const char *format,
                       bool is_zh, struct lx_arena *arena)
{
    struct lx_buffer buffer;
    lx_buffer_init(&buffer, SENTENCE_MAX);
    for (const char *at = format; *at != '\0';) {
        if (*at != '{') {
            lx_buffer_append_byte(&buffer, *at++);
            continue;
        }
        const char *end = strchr(at, '}');
        LX_ASSERT(end != NULL);
        put_value(&buffer, input, value, at + 1, (size_t)(end - at - 1), is_zh);
        at = end + 1;
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
    struct topic topics[LX_COUNT_OF(sentences)] = {{0}};
    size_t count = input->index->topic_count, reasons = 0;
    gather(input, topics);
    qsort(topics, count, sizeof *topics, compare_topics);
    for (size_t i = 0; i < count && reasons < DECISION_REASONS_MAX; i++) {
        const struct topic *topic = &topics[i];
        if (topic->best == NULL || topic->weight < EXPLAIN_WEIGHT_MIN) continue;
        float value = input->row[topic->best_column];
        struct decision_reason *reason = &ret_reasons[reasons++];
        *reason = (struct decision_reason){.zh = say(input, value, topic->best->zh, true, arena),
                                           .en = say(input, value, topic->best->en, false, arena),
                                           .feature = topic->best->feature,
                                           .weight = topic->weight};
        if (reason->zh == NULL || reason->en == NULL)
            return lx_fail(err, LX_ERR_NO_MEMORY, "reasons: out of memory");
    }
    *ret_count = reasons;
    return LX_OK;
}
