/*
 * Goal:   what is written into files in any of the forms that a mapping can say comes out of the
 *         bank as it was.
 * Method: seeded random customers and events are written with a random delimiter, quote, encoding,
 *         order of columns, line end, date form, amount form, null mark, code table and number of
 *         files; the import must give back each fact, as bank_history_read tells it.
 */
#include "scene.h"

#include <iconv.h>

#include "base/rng.h"
#include "codec/csv.h"
#include "codec/field.h"

enum { PEOPLE = 6, EVENTS = 40, COLUMNS = 12, SEEDS = 60 };

struct person {
    char id[LX_ID_MAX + 1], occupation[64];
    int32_t birth_day;
    int64_t income_fen;
    struct bank_event events[EVENTS];
    size_t event_count;
};

struct style {
    struct csv_format format;
    const char *delimiter_name, *quote_name, *null, *line_end, *date_form;
    enum field_date_form form;
    bool has_header, has_trailer, has_bom, is_fen;
    int order[COLUMNS]; /* place of each column */
    int code_base;
};

static struct style random_style(struct lx_rng *rng)
{
    static const char *const delimiters[][2] = {{",", "comma"}, {"\t", "tab"},   {";", "semicolon"},
                                                {"|@|", "|@|"}, {"|!|", "|!|"},  {"|", "pipe"},
                                                {"~~", "~~"},   {"^|^|", "^|^|"}};
    static const char *const quotes[][2] = {{"\"", "double"}, {"'", "single"}, {"", "none"}};
    static const char *const nulls[] = {NULL, "NULL", "\\N", "-", "无"};
    static const char *const ends[] = {"\n", "\r\n", "\r"};
    static const enum field_date_form forms[] = {
        FIELD_DATE_ISO,           FIELD_DATE_COMPACT,  FIELD_DATE_SLASH,
        FIELD_DATE_DMY,           FIELD_DATE_DATETIME, FIELD_DATE_COMPACT_DATETIME,
        FIELD_DATE_EPOCH_SECONDS, FIELD_DATE_EPOCH_MS};
    struct style style = {0};
    size_t delimiter = lx_rng_below(rng, LX_COUNT_OF(delimiters));
    size_t quote = lx_rng_below(rng, LX_COUNT_OF(quotes));
    snprintf(style.format.delimiter, sizeof style.format.delimiter, "%s", delimiters[delimiter][0]);
    style.format.quote = quotes[quote][0][0];
    style.format.encoding = lx_rng_chance(rng, 0.4) ? CSV_GB18030 : CSV_UTF8;
    style.delimiter_name = delimiters[delimiter][1];
    style.quote_name = quotes[quote][1];
    style.null = nulls[lx_rng_below(rng, LX_COUNT_OF(nulls))];
    style.line_end = ends[lx_rng_below(rng, LX_COUNT_OF(ends))];
    style.form = forms[lx_rng_below(rng, LX_COUNT_OF(forms))];
    style.date_form = field_date_form_text(style.form);
    style.has_header = lx_rng_chance(rng, 0.5);
    style.has_trailer = lx_rng_chance(rng, 0.5);
    style.has_bom = style.format.encoding == CSV_UTF8 && lx_rng_chance(rng, 0.3);
    style.is_fen = lx_rng_chance(rng, 0.5);
    style.code_base = 100 + (int)lx_rng_below(rng, 800);
    uint32_t order[COLUMNS];
    for (uint32_t i = 0; i < COLUMNS; i++) order[i] = i;
    lx_rng_shuffle(rng, order, COLUMNS);
    for (int i = 0; i < COLUMNS; i++) {
        style.order[i] = (int)order[i];
        /* A first field that is empty cannot be written without quotes; the customer's never is. */
        if (style.format.quote == 0 && order[i] == 0) style.order[i] = (int)order[0];
    }
    if (style.format.quote == 0) style.order[0] = 0;
    return style;
}

/* A text of pieces that trouble a reader; with no quotes only those that need none. */
static void random_text(struct lx_rng *rng, const struct style *style, char *text, size_t size)
{
    static const char *const plain[] = {"a", "Z", "0", "9", "客户", "é", "𠮷", ".", "_", "#", "="};
    static const char *const nasty[] = {"\"", "'", ",", "|", "|@|", "\n", ";", "\t", "\"\"", "~"};
    size_t pieces = 1 + lx_rng_below(rng, 8);
    snprintf(text, size, "x");
    for (size_t i = 0; i < pieces; i++) {
        bool is_nasty = style->format.quote != 0 && lx_rng_chance(rng, 0.3);
        const char *piece = is_nasty ? nasty[lx_rng_below(rng, LX_COUNT_OF(nasty))]
                                     : plain[lx_rng_below(rng, LX_COUNT_OF(plain))];
        if (strlen(text) + strlen(piece) + 2 < size) strcat(text, piece);
    }
    strcat(text, "y"); /* not a blank at the end */
}

static void random_event(struct lx_rng *rng, const struct style *style, uint32_t sequence,
                         struct bank_event *event)
{
    bool has_time = style->form >= FIELD_DATE_EPOCH_SECONDS;
    int32_t day = 18000 + (int32_t)lx_rng_below(rng, 2000);
    *event = (struct bank_event){.sequence = sequence};
    event->at_ms = lx_ms_of_day(day, SCENE_OFFSET);
    if (has_time) event->at_ms += (int64_t)lx_rng_below(rng, 86400) * 1000;
    event->known_at_ms = lx_ms_of_day(day + 1 + (int32_t)lx_rng_below(rng, 3), SCENE_OFFSET);
    event->kind = (uint8_t)(1 + lx_rng_below(rng, BANK_EVENT_KIND_END - 1));
    event->amount_fen = BANK_NO_AMOUNT;
    if (lx_rng_chance(rng, 0.7))
        event->amount_fen = (int64_t)lx_rng_below(rng, 2000000000) - 1000000000;
    event->balance_fen = BANK_NO_AMOUNT;
    if (lx_rng_chance(rng, 0.5)) event->balance_fen = (int64_t)(lx_rng_next(rng) >> 8);
    bool needs_product =
        event->kind == BANK_EVENT_KIND_OPEN || event->kind == BANK_EVENT_KIND_CLOSE;
    event->product = BANK_NO_PRODUCT;
    if (needs_product || lx_rng_chance(rng, 0.4)) event->product = (int16_t)lx_rng_below(rng, 19);
    event->channel = (uint8_t)lx_rng_below(rng, BANK_CHANNEL_END);
    event->merchant = (uint8_t)lx_rng_below(rng, BANK_MERCHANT_END);
    if (lx_rng_chance(rng, 0.3)) event->quantity = (int32_t)lx_rng_below(rng, 100000);
}

static void random_people(struct lx_rng *rng, const struct style *style, struct person *people)
{
    for (int i = 0; i < PEOPLE; i++) {
        struct person *person = &people[i];
        char text[48];
        random_text(rng, style, text, sizeof text);
        snprintf(person->id, sizeof person->id, "%d%s", i, text);
        random_text(rng, style, person->occupation, sizeof person->occupation);
        person->birth_day = 3000 + (int32_t)lx_rng_below(rng, 9000);
        person->income_fen =
            lx_rng_chance(rng, 0.8) ? (int64_t)lx_rng_below(rng, 10000000) : BANK_NO_AMOUNT;
        person->event_count = lx_rng_below(rng, EVENTS + 1);
        for (size_t j = 0; j < person->event_count; j++)
            random_event(rng, style, (uint32_t)j, &person->events[j]);
    }
}

static void write_moment(const struct style *style, int64_t at_ms, char text[32])
{
    char local[LX_TIME_TEXT_SIZE];
    lx_ms_format(at_ms, SCENE_OFFSET, local);
    switch (style->form) {
    case FIELD_DATE_ISO: snprintf(text, 32, "%.10s", local); return;
    case FIELD_DATE_COMPACT:
        snprintf(text, 32, "%.4s%.2s%.2s", local, local + 5, local + 8);
        return;
    case FIELD_DATE_SLASH:
        snprintf(text, 32, "%.4s/%.2s/%.2s", local, local + 5, local + 8);
        return;
    case FIELD_DATE_DMY: snprintf(text, 32, "%.2s-%.2s-%.4s", local + 8, local + 5, local); return;
    case FIELD_DATE_DATETIME: snprintf(text, 32, "%.19s", local); return;
    case FIELD_DATE_COMPACT_DATETIME:
        snprintf(text, 32, "%.4s%.2s%.2s%.2s%.2s%.2s", local, local + 5, local + 8, local + 11,
                 local + 14, local + 17);
        return;
    case FIELD_DATE_EPOCH_SECONDS: snprintf(text, 32, "%" PRId64, at_ms / 1000); return;
    case FIELD_DATE_EPOCH_MS: snprintf(text, 32, "%" PRId64, at_ms); return;
    default: fail_msg("form %d", style->form);
    }
}

static void write_amount(const struct style *style, int64_t fen, char text[64])
{
    text[0] = '\0';
    if (fen == BANK_NO_AMOUNT) {
        if (style->null != NULL) snprintf(text, 64, "%s", style->null);
    } else if (style->is_fen) {
        snprintf(text, 64, "%" PRId64, fen);
    } else {
        int64_t positive = fen < 0 ? -fen : fen;
        snprintf(text, 64, "%s%" PRId64 ".%02d", fen < 0 ? "-" : "", positive / 100,
                 (int)(positive % 100));
    }
}

/* The row's fields in the style's order, with the unused columns full of trouble. */
static void write_row(struct lx_buffer *out, const struct style *style, char fields[COLUMNS][128])
{
    for (int place = 0; place < COLUMNS; place++) {
        for (int i = 0; i < COLUMNS; i++)
            if (style->order[i] == place)
                csv_write_field(out, &style->format, place == 0, fields[i], strlen(fields[i]));
    }
    lx_buffer_append_text(out, style->line_end);
}

static const char *const names[COLUMNS] = {"客户号",  "seq",    "at",  "known",
                                           "kind",    "amount", "bal", "product",
                                           "channel", "mcc",    "qty", "junk"};

static void write_header(struct lx_buffer *out, const struct style *style)
{
    char fields[COLUMNS][128];
    for (int i = 0; i < COLUMNS; i++) snprintf(fields[i], sizeof fields[i], "%s", names[i]);
    if (style->has_bom) lx_buffer_append_text(out, "\xEF\xBB\xBF");
    if (style->has_header) write_row(out, style, fields);
}

static void write_event(struct lx_buffer *out, const struct style *style, struct lx_rng *rng,
                        const struct person *person, const struct bank_event *event)
{
    char f[COLUMNS][128];
    memset(f, 0, sizeof f);
    snprintf(f[0], sizeof f[0], "%s", person->id);
    snprintf(f[1], sizeof f[1], "%u", event->sequence);
    write_moment(style, event->at_ms, f[2]);
    write_moment(style, event->known_at_ms, f[3]);
    snprintf(f[4], sizeof f[4], "%d", style->code_base + event->kind);
    write_amount(style, event->amount_fen, f[5]);
    write_amount(style, event->balance_fen, f[6]);
    if (event->product >= 0) snprintf(f[7], sizeof f[7], "P%02d", event->product + 1);
    if (event->channel != 0)
        snprintf(f[8], sizeof f[8], "%s", bank_channel_text((enum bank_channel)event->channel));
    snprintf(f[9], sizeof f[9], "%04d", event->merchant);
    if (event->quantity != 0) snprintf(f[10], sizeof f[10], "%d", event->quantity);
    random_text(rng, style, f[11], 64);
    write_row(out, style, f);
}

static void end_file(struct lx_buffer *out, const struct style *style, size_t rows)
{
    if (!style->has_trailer) return;
    lx_buffer_printf(out, "END%s%zu", style->format.delimiter, rows); /* no last newline */
}

static void store_file(const struct scene *scene, const char *name, const struct style *style,
                       const struct lx_buffer *text)
{
    assert_int_equal(lx_buffer_error(text), LX_OK);
    if (style->format.encoding == CSV_UTF8) {
        scene_write(scene, name, text->bytes, text->length);
        return;
    }
    size_t left = text->length, room = text->length * 4 + 16, size = room;
    char *converted = lx_malloc(room), *in = text->bytes, *out = converted;
    iconv_t converter = iconv_open("GB18030", "UTF-8");
    assert_true(converter != (iconv_t)-1);
    assert_int_equal(iconv(converter, &in, &left, &out, &room), 0);
    iconv_close(converter);
    scene_write(scene, name, converted, size - room);
    lx_free(converted);
}

/* Customers in the plain form, as their texts are what matters there. */
static void write_people(const struct scene *scene, const struct style *style,
                         const struct person *people)
{
    struct lx_buffer out;
    char amount[64], day[LX_DATE_TEXT_SIZE];
    lx_buffer_init(&out, 1 << 20);
    for (int i = 0; i < PEOPLE; i++) {
        lx_day_format(people[i].birth_day, day);
        write_amount(style, people[i].income_fen, amount);
        const char *fields[] = {people[i].id, people[i].occupation, day, amount};
        for (size_t j = 0; j < 4; j++)
            csv_write_field(&out, &style->format, j == 0, fields[j], strlen(fields[j]));
        lx_buffer_append_text(&out, style->line_end);
    }
    end_file(&out, style, PEOPLE);
    store_file(scene, "people.txt", style, &out);
    lx_buffer_release(&out);
}

static void write_mapping(struct lx_buffer *out, const struct style *style)
{
    lx_buffer_printf(out, "[mapping]\nencoding = %s\ndelimiter = %s\nquote = %s\namounts = %s\n",
                     style->format.encoding == CSV_UTF8 ? "utf-8" : "gb18030",
                     style->delimiter_name, style->quote_name, style->is_fen ? "fen" : "yuan");
    if (style->null != NULL) lx_buffer_printf(out, "null = %s\n", style->null);
    const char *trailer = style->has_trailer ? "trailer = END {count}\n" : "";
    lx_buffer_printf(out,
                     "[file p]\nentity = customer\nfiles = people.txt\nheader = no\n%s"
                     "customer = #1\noccupation = #2\nbirth = #3 as YYYY-MM-DD\nincome = #4\n"
                     "at = '2019-01-01'\nknown_at = at\n",
                     trailer);
    lx_buffer_printf(out,
                     "[file e]\nentity = event\nfiles = e*.txt\n%sdates = %s\n"
                     "customer = 客户号\nsequence = seq\nat = at\nknown_at = known\nkind = kind\n"
                     "amount = amount\nbalance = bal\nproduct = product\nchannel = channel\n"
                     "merchant = mcc\nmerchant.0000 =\nquantity = qty\n",
                     trailer, style->date_form);
    for (int kind = 1; kind < BANK_EVENT_KIND_END; kind++)
        lx_buffer_printf(out, "kind.%d = %s\n", style->code_base + kind,
                         bank_event_kind_text((enum bank_event_kind)kind));
    for (int merchant = 1; merchant < BANK_MERCHANT_END; merchant++)
        lx_buffer_printf(out, "merchant.%04d = %s\n", merchant,
                         bank_merchant_text((enum bank_merchant)merchant));
    if (style->has_header) return;
    lx_buffer_append_text(out, "header = no\ncolumns =");
    for (int place = 0; place < COLUMNS; place++)
        for (int i = 0; i < COLUMNS; i++)
            if (style->order[i] == place) lx_buffer_printf(out, " %s", names[i]);
    lx_buffer_append_text(out, "\n");
}

/* The events of all in random order, over one to three files. */
static void write_events(const struct scene *scene, const struct style *style, struct lx_rng *rng,
                         const struct person *people)
{
    uint32_t order[PEOPLE * EVENTS];
    size_t count = 0, file_count = 1 + lx_rng_below(rng, 3);
    for (uint32_t i = 0; i < PEOPLE; i++)
        for (uint32_t j = 0; j < people[i].event_count; j++) order[count++] = i * EVENTS + j;
    lx_rng_shuffle(rng, order, count);
    for (size_t file = 0; file < file_count; file++) {
        struct lx_buffer out;
        char name[32];
        size_t rows = 0;
        lx_buffer_init(&out, 1 << 22);
        write_header(&out, style);
        for (size_t i = file; i < count; i += file_count, rows++) {
            const struct person *person = &people[order[i] / EVENTS];
            write_event(&out, style, rng, person, &person->events[order[i] % EVENTS]);
        }
        end_file(&out, style, rows);
        snprintf(name, sizeof name, "e%zu.txt", file);
        store_file(scene, name, style, &out);
        lx_buffer_release(&out);
    }
}

static int compare_events(const void *a, const void *b)
{
    const struct bank_event *left = a, *right = b;
    if (left->at_ms != right->at_ms) return left->at_ms < right->at_ms ? -1 : 1;
    return (left->sequence > right->sequence) - (left->sequence < right->sequence);
}

static void check_person(uint64_t seed, struct bank *bank, struct person *person)
{
    struct lx_arena arena;
    struct bank_history history;
    struct lx_error err = {0};
    int64_t customer;
    lx_arena_init(&arena, 1 << 24);
    if (bank_customer_find(bank, person->id, &customer, &err) != LX_OK ||
        bank_history_read(bank, customer, &arena, &history, &err) != LX_OK)
        fail_msg("seed %" PRIu64 ": %s", seed, err.text);
    assert_int_equal(history.profile_count, 1);
    assert_int_equal(history.profiles[0].birth_day, person->birth_day);
    assert_int_equal(history.profiles[0].income_fen, person->income_fen);
    const char *occupation = scene_list(bank, BANK_LIST_OCCUPATION, history.profiles[0].occupation);
    assert_string_equal(occupation, person->occupation);
    if (history.event_count != person->event_count)
        fail_msg("seed %" PRIu64 ": %s has %zu events, expected %zu", seed, person->id,
                 history.event_count, person->event_count);
    qsort(person->events, person->event_count, sizeof *person->events, compare_events);
    for (size_t i = 0; i < person->event_count; i++) {
        const struct bank_event *got = &history.events[i], *want = &person->events[i];
        if (got->at_ms != want->at_ms || got->known_at_ms != want->known_at_ms ||
            got->amount_fen != want->amount_fen || got->balance_fen != want->balance_fen ||
            got->sequence != want->sequence || got->quantity != want->quantity ||
            got->product != want->product || got->kind != want->kind ||
            got->channel != want->channel || got->merchant != want->merchant)
            fail_msg("seed %" PRIu64 ": event %zu of %s differs", seed, i, person->id);
    }
    lx_arena_release(&arena);
}

static void run(uint64_t seed)
{
    static struct person people[PEOPLE];
    struct lx_rng rng = lx_rng_of(seed, 7);
    struct style style = random_style(&rng);
    struct scene scene;
    struct lx_buffer mapping;
    struct import_result result;
    scene_open(&scene);
    scene.thread_count = 1 + (int)lx_rng_below(&rng, 2);
    scene.max_rejects_ppm = 0;
    lx_buffer_init(&mapping, 1 << 16);
    random_people(&rng, &style, people);
    write_people(&scene, &style, people);
    write_events(&scene, &style, &rng, people);
    write_mapping(&mapping, &style);
    if (scene_import(&scene, lx_buffer_text(&mapping), &result) != LX_OK)
        fail_msg("seed %" PRIu64 ": %s\n%s", seed, scene.err.text, lx_buffer_text(&mapping));
    struct bank *bank = scene_bank(&scene);
    for (int i = 0; i < PEOPLE; i++) check_person(seed, bank, &people[i]);
    bank_close(bank);
    lx_buffer_release(&mapping);
    scene_close(&scene);
}

static void test_what_is_written_comes_back_from_the_bank(void **state)
{
    (void)state;
    const char *one = getenv("LINGXI_SEED");
    if (one != NULL) run(strtoull(one, NULL, 10));
    for (uint64_t seed = 1; one == NULL && seed <= SEEDS; seed++) run(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_comes_back_from_the_bank)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
