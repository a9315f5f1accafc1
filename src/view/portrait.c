#include "view/portrait.h"

#include <string.h>

#include "codec/utf8.h"
#include "view/past.h"

#define PORTRAIT_BYTES_MAX ((size_t)1 << 20)
#define HISTORY_BYTES_MAX ((size_t)256 << 20)

void portrait_mask_name(const char *name, char ret_masked[PORTRAIT_MASKED_SIZE])
{
    size_t length = name == NULL ? 0 : strlen(name);
    size_t first = length == 0 ? 0 : utf8_character(name, length);
    LX_ASSERT(first + sizeof "**" <= PORTRAIT_MASKED_SIZE);
    if (first > 0) memcpy(ret_masked, name, first);
    memcpy(ret_masked + first, "**", sizeof "**");
    if (length == 0) ret_masked[0] = '\0';
}

static enum lx_err out_of_room(const struct portrait *portrait, struct lx_error *err)
{
    return lx_fail(err, LX_ERR_NO_MEMORY, "customer %s: portrait: out of memory", portrait->id);
}

static bool copy_text(struct portrait *portrait, const char **text)
{
    *text = lx_arena_strndup(&portrait->arena, *text, strlen(*text));
    return *text != NULL;
}

enum lx_err portrait_add(struct portrait *portrait, const struct portrait_label *label,
                         struct lx_error *err)
{
    LX_ASSERT(portrait != NULL && label != NULL && label->layer < VIEW_LAYER_COUNT);

    struct portrait_label copy = *label;
    enum lx_err code =
        lx_grow(&portrait->labels, &portrait->label_capacity, portrait->label_count + 1,
                PORTRAIT_LABELS_MAX, sizeof *portrait->labels);
    if (code != LX_OK)
        return lx_fail(err, code, "customer %s: more than %d labels", portrait->id,
                       PORTRAIT_LABELS_MAX);
    if (!copy_text(portrait, &copy.name) || !copy_text(portrait, &copy.zh) ||
        !copy_text(portrait, &copy.en) || !copy_text(portrait, &copy.value) ||
        !copy_text(portrait, &copy.value_zh) || !copy_text(portrait, &copy.value_en))
        return out_of_room(portrait, err);

    size_t place = portrait->label_count;
    while (place > 0 && portrait->labels[place - 1].layer > copy.layer) place--;
    memmove(&portrait->labels[place + 1], &portrait->labels[place],
            (portrait->label_count - place) * sizeof copy);
    portrait->labels[place] = copy;
    portrait->label_count++;
    return LX_OK;
}

/* --- Labels ---------------------------------------------------------------------------------- */

static enum lx_err add_value(struct portrait *portrait, const struct view_label *label,
                             const struct bank_catalogue *catalogue, const struct expr_value *value,
                             struct lx_error *err)
{
    const double unknown = (double)NAN;
    struct view_saying saying;
    if (!view_label_has(label, value) || !view_label_say(label, catalogue, value, &saying))
        return LX_OK;
    const struct portrait_label added = {
        label->layer, label->name, label->zh, label->en, saying.value, saying.zh,
        saying.en,    unknown,     unknown,   unknown,   unknown,
    };
    return portrait_add(portrait, &added, err);
}

static enum lx_err add_labels(struct portrait *portrait, const struct bank_history *history,
                              const struct view_context *context, const struct view_labels *labels,
                              int64_t as_of_ms, struct lx_error *err)
{
    float values[LX_FEATURES_MAX];
    struct view_facts facts;
    struct view_label_reader *reader = NULL;
    enum lx_err code = view_label_reader_open(labels, context->catalogue, &reader, err);
    if (code != LX_OK) return code;
    view_facts(history, context, as_of_ms, &facts);
    view_compute_customer(context->scratch, history, context, &facts, as_of_ms, values);
    view_label_reader_begin(reader, history, context, &facts, as_of_ms, values);
    for (size_t i = 0; i < view_labels_count(labels) && code == LX_OK; i++) {
        const struct view_label *label = view_labels_at(labels, i);
        struct expr_value value;
        if (label->expr == NULL) continue;
        code = view_label_reader_value(reader, i, &value, err);
        if (code == LX_OK) code = add_value(portrait, label, context->catalogue, &value, err);
    }
    view_label_reader_close(reader);
    return code;
}

/* --- Holdings -------------------------------------------------------------------------------- */

/* When the oldest holding that is still open was opened: opens less closes, first in, first out. */
static int64_t opened_since(const struct bank_history *history, const struct view_moment *moment,
                            int product)
{
    size_t end = view_event_end(history, moment->as_of_ms), still_open = 0;
    int64_t opened_ms = BANK_UNKNOWN_MS;
    for (int pass = 0; pass < 2; pass++) {
        uint16_t open_count = 0;
        size_t opens = 0, closes = 0;
        for (size_t i = 0; i < end; i++) {
            const struct bank_event *event = &history->events[i];
            if (event->product != product) continue;
            if (!bank_event_is_known(event, moment->as_of_ms)) continue;
            uint16_t before = open_count;
            view_count_open(&open_count, event->kind);
            closes += open_count < before;
            opens += open_count > before;
            if (pass == 1 && open_count > before && opens == still_open) opened_ms = event->at_ms;
        }
        still_open = closes + 1; /* the first of these opens is the oldest left */
    }
    return opened_ms;
}

static int compare_holdings(const struct portrait_holding *a, const struct portrait_holding *b)
{
    if (a->opened_at_ms != b->opened_at_ms) return a->opened_at_ms < b->opened_at_ms ? -1 : 1;
    return a->product - b->product;
}

static enum lx_err add_holding(struct portrait *portrait, const struct bank_history *history,
                               const struct view_moment *moment, const struct bank_product *product,
                               int number, int count, struct lx_error *err)
{
    struct portrait_holding holding = {
        .product = number,
        .code = product->code,
        .zh = product->zh == NULL ? "" : product->zh,
        .en = product->en == NULL ? "" : product->en,
        .category = product->category,
        .count = count,
        .opened_at_ms = opened_since(history, moment, number),
    };
    if (!copy_text(portrait, &holding.code) || !copy_text(portrait, &holding.zh) ||
        !copy_text(portrait, &holding.en))
        return out_of_room(portrait, err);
    size_t place = portrait->holding_count++;
    for (; place > 0 && compare_holdings(&holding, &portrait->holdings[place - 1]) < 0; place--)
        portrait->holdings[place] = portrait->holdings[place - 1];
    portrait->holdings[place] = holding;
    return LX_OK;
}

static enum lx_err add_holdings(struct portrait *portrait, const struct bank_history *history,
                                const struct bank_catalogue *catalogue,
                                const struct view_moment *moment, struct lx_error *err)
{
    uint16_t open_count[LX_PRODUCT_MAX] = {0};
    size_t end = view_event_end(history, moment->as_of_ms), held = 0;
    for (size_t i = 0; i < end; i++) {
        const struct bank_event *event = &history->events[i];
        int product = view_product_of(event->product, catalogue);
        if (product >= 0 && bank_event_is_known(event, moment->as_of_ms))
            view_count_open(&open_count[product], event->kind);
    }
    for (size_t i = 0; i < catalogue->count; i++) held += open_count[i] > 0;
    if (held == 0) return LX_OK;
    portrait->holdings = lx_calloc(held, sizeof *portrait->holdings);
    if (portrait->holdings == NULL) return out_of_room(portrait, err);
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < catalogue->count && code == LX_OK; i++)
        if (open_count[i] > 0)
            code = add_holding(portrait, history, moment, &catalogue->products[i], (int)i,
                               open_count[i], err);
    return code;
}

/* --- The whole ------------------------------------------------------------------------------- */

static enum lx_err add_names(struct portrait *portrait, const char *id, const char *name,
                             struct lx_error *err)
{
    char masked[PORTRAIT_MASKED_SIZE];
    portrait_mask_name(name, masked);
    portrait->id = id;
    portrait->masked_name = masked;
    bool is_copied = copy_text(portrait, &portrait->id);
    if (!is_copied) portrait->id = "";
    is_copied = copy_text(portrait, &portrait->masked_name) && is_copied;
    return is_copied ? LX_OK : out_of_room(portrait, err);
}

enum lx_err portrait_make(const struct bank_history *history, const struct view_context *context,
                          const struct view_labels *labels, int64_t as_of_ms, const char *name,
                          struct portrait *ret_portrait, struct lx_error *err)
{
    LX_ASSERT(history != NULL && context != NULL && labels != NULL && ret_portrait != NULL);
    LX_ASSERT(view_scratch_features(context->scratch) == view_labels_features(labels));

    struct portrait portrait = {0};
    struct view_moment moment = view_moment_of(as_of_ms, context->utc_offset_minutes);
    lx_arena_init(&portrait.arena, PORTRAIT_BYTES_MAX);
    enum lx_err code = add_names(&portrait, history->id, name, err);
    if (code == LX_OK) code = add_holdings(&portrait, history, context->catalogue, &moment, err);
    if (code == LX_OK) code = add_labels(&portrait, history, context, labels, as_of_ms, err);
    if (code != LX_OK)
        portrait_release(&portrait);
    else
        *ret_portrait = portrait;
    return code;
}

void portrait_release(struct portrait *portrait)
{
    lx_free(portrait->labels);
    lx_free(portrait->holdings);
    lx_arena_release(&portrait->arena);
    *portrait = (struct portrait){0};
}

enum lx_err portrait_read(struct bank *bank, int64_t customer, const struct view_labels *labels,
                          const struct view_peers *peers, int64_t as_of_ms,
                          struct portrait *ret_portrait, struct lx_error *err)
{
    LX_ASSERT(bank != NULL && labels != NULL && ret_portrait != NULL);

    struct lx_arena arena;
    struct bank_history history;
    const char *name = NULL;
    struct view_context context = {.catalogue = bank_catalogue(bank),
                                   .peers = peers,
                                   .utc_offset_minutes = bank_utc_offset_minutes(bank)};
    lx_arena_init(&arena, HISTORY_BYTES_MAX);
    enum lx_err code = bank_history_read(bank, customer, &arena, &history, err);
    if (code == LX_OK) code = bank_customer_name(bank, customer, &arena, &name, err);
    if (code == LX_OK)
        code = view_scratch_open(view_labels_features(labels), context.catalogue, &context.scratch,
                                 err);
    if (code == LX_OK)
        code = portrait_make(&history, &context, labels, as_of_ms, name, ret_portrait, err);
    view_scratch_close(context.scratch);
    lx_arena_release(&arena);
    return code;
}
