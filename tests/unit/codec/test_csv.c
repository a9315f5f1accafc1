/*
 * Goal:   rows come out as RFC 4180 and csv.h say, whatever the delimiter, the line ends and the
 *         way in which the source hands out its bytes; what cannot be read costs its own line
 *         only; what is written reads back the same.
 * Method: tables that a person can read; then seeded text over a small alphabet of troublemakers
 *         beside a model that walks one byte at a time and has no window, no masks and no
 *         shortcuts.
 */
#include "cmocka_all.h"

#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "codec/csv.h"

/* A source that gives at most `step` bytes at a time, often fewer. */
struct dribble {
    struct csv_memory memory;
    size_t step;
    struct lx_rng rng;
};

static enum lx_err dribble_read(void *context, void *bytes, size_t size, size_t *ret_length,
                                struct lx_error *err)
{
    (void)err;
    struct dribble *dribble = context;
    size_t wanted = 1 + lx_rng_below(&dribble->rng, dribble->step);
    size_t left = dribble->memory.length - dribble->memory.position;
    if (wanted > size) wanted = size;
    if (wanted > left) wanted = left;
    if (wanted > 0) memcpy(bytes, dribble->memory.bytes + dribble->memory.position, wanted);
    dribble->memory.position += wanted;
    *ret_length = wanted;
    return LX_OK;
}

static struct csv_format format_of(const char *delimiter, char quote)
{
    struct csv_format format = {.quote = quote};
    snprintf(format.delimiter, sizeof format.delimiter, "%s", delimiter);
    return format;
}

static const char *const problem_names[] = {"none",         "too long",   "too many",        "NUL",
                                            "bad encoding", "open quote", "text after quote"};

/* "line:[field][field]" for each row; q before a quoted one, !problem@field after; NUL as 0. */
static void print_row(struct lx_buffer *buffer, const struct csv_row *row)
{
    lx_buffer_printf(buffer, "%llu:", (unsigned long long)row->line);
    for (size_t i = 0; i < row->count; i++) {
        lx_buffer_append_text(buffer, row->fields[i].is_quoted ? "q[" : "[");
        for (uint32_t j = 0; j < row->fields[i].length; j++) {
            char byte = row->fields[i].text[j];
            lx_buffer_append_byte(buffer, byte == '\0' ? '0' : byte);
        }
        lx_buffer_append_byte(buffer, ']');
    }
    if (row->problem != CSV_PROBLEM_NONE)
        lx_buffer_printf(buffer, "!%s@%zu", problem_names[row->problem], row->problem_field);
    lx_buffer_append_byte(buffer, ' ');
}

static void print_all(struct lx_buffer *buffer, const struct csv_format *format,
                      struct csv_source source)
{
    struct csv_reader *reader = NULL;
    const struct csv_row *row = NULL;
    assert_int_equal(csv_reader_open(format, source, &reader, NULL), LX_OK);
    for (;;) {
        assert_int_equal(csv_next(reader, &row, NULL), LX_OK);
        if (row == NULL) break;
        print_row(buffer, row);
    }
    assert_int_equal(csv_next(reader, &row, NULL), LX_OK);
    assert_null(row);
    csv_reader_close(reader);
}

static void check_rows(const char *delimiter, char quote, const char *text, size_t length,
                       const char *want)
{
    struct csv_format format = format_of(delimiter, quote);
    for (size_t step = 1; step < 100; step += step < 4 ? 1 : 50) {
        struct dribble dribble = {{text, length, 0}, step, lx_rng_of(step, 0)};
        struct lx_buffer got;
        lx_buffer_init(&got, 1 << 20);
        print_all(&got, &format, (struct csv_source){&dribble, dribble_read});
        if (got.length != strlen(want) || memcmp(lx_buffer_text(&got), want, got.length) != 0)
            fail_msg("%s, %zu at a time:\n got %s\nwant %s", text, step, lx_buffer_text(&got),
                     want);
        lx_buffer_release(&got);
    }
}

struct row {
    const char *text, *want;
};

static void check_table(const char *delimiter, char quote, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_rows(delimiter, quote, rows[i].text, strlen(rows[i].text), rows[i].want);
}

static void test_rows_are_split_as_rfc_4180_says(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"", ""},
        {"a", "1:[a] "},
        {"a,b\n", "1:[a][b] "},
        {"a,b\nc,d", "1:[a][b] 2:[c][d] "},
        {"a,b\r\nc,d\r\n", "1:[a][b] 2:[c][d] "},
        {"a,b\rc,d\r", "1:[a][b] 2:[c][d] "},
        {"a,\n,b\n,", "1:[a][] 2:[][b] 3:[][] "},
        {"\n\na\n\r\n\r\nb\n\n", "3:[a] 6:[b] "},
        {"\"a\",b", "1:q[a][b] "},
        {"\"a,b\",c", "1:q[a,b][c] "},
        {"\"a\nb\",c\nd", "1:q[a\nb][c] 3:[d] "},
        {"\"a\r\nb\r\rc\",d\ne", "1:q[a\r\nb\r\rc][d] 5:[e] "},
        {"\"say \"\"hi\"\"\"\n", "1:q[say \"hi\"] "},
        {"\"\"\"\"\n\"\"", "1:q[\"] 2:q[] "},
        {"\"\"\n", "1:q[] "},
        {" \"a\" ,b\"c\"\n", "1:[ \"a\" ][b\"c\"] "},
        {"a,\"b\"\r\n\"c\"", "1:[a]q[b] 2:q[c] "},
        {" a , b \n", "1:[ a ][ b ] "},
    };
    check_table(",", '"', rows, LX_COUNT_OF(rows));
    check_table("", '"', rows, LX_COUNT_OF(rows));
}

static void test_a_byte_order_mark_is_no_part_of_the_first_field(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"\xEF\xBB\xBF", ""},
        {"\xEF\xBB\xBF\n", ""},
        {"\xEF\xBB\xBF"
         "a,b\n",
         "1:[a][b] "},
        {"\xEF\xBB\xBF\"a\"\n\xEF\xBB\xBF"
         "b",
         "1:q[a] 2:[\xEF\xBB\xBF"
         "b] "},
        {"\xEF\xBB", "1:[\xEF\xBB]!bad encoding@0 "},
    };
    check_table(",", '"', rows, LX_COUNT_OF(rows));
}

static void test_a_delimiter_may_have_several_characters(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"a|@|b|@|c\n", "1:[a][b][c] "},
        {"a|b|@@|c|@|\n", "1:[a|b|@@|c][] "},
        {"a||@|b\n", "1:[a|][b] "},
        {"|@|\n", "1:[][] "},
        {"|@||@|\n", "1:[][][] "},
        {"a|@", "1:[a|@] "},
        {"a|@|", "1:[a][] "},
        {"\"x|@|y\"|@|z\r\n", "1:q[x|@|y][z] "},
        {"\"x\"|@z\n1\n", "1:q[x\"|@z]!text after quote@0 2:[1] "},
        {"\"x\"", "1:q[x] "},
        {"a,b|@|\"c\"\"\"\n", "1:[a,b]q[c\"] "},
    };
    check_table("|@|", '"', rows, LX_COUNT_OF(rows));
    static const struct row aab[] = {{"aaab\n", "1:[a][] "}, {"aabaab1", "1:[][][1] "}};
    check_table("aab", '"', aab, LX_COUNT_OF(aab));
}

static void test_without_a_quote_character_quotes_are_text(void **state)
{
    (void)state;
    static const struct row rows[] = {{"\"a,b\"\nc", "1:[\"a][b\"] 2:[c] "}};
    check_table(",", '\0', rows, LX_COUNT_OF(rows));
    static const struct row single[] = {{"'a|b'|\"\n", "1:q[a|b][\"] "}};
    check_table("|", '\'', single, LX_COUNT_OF(single));
}

static void test_a_stray_quote_costs_its_own_line_only(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"1,\"a\n2,b\n3,c\n", "1:[1]q[a]!open quote@1 2:[2][b] 3:[3][c] "},
        {"1,\"a\r\n2,b", "1:[1]q[a]!open quote@1 2:[2][b] "},
        {"\"", "1:q[]!open quote@0 "},
        {"a\n\"", "1:[a] 2:q[]!open quote@0 "},
        {"1,\"a\n2,\"b\"\n3\n", "1:[1]q[a]!text after quote@1 2:[2]q[b] 3:[3] "},
        {"\"a\"b,c\nd\n", "1:q[a\"b,c]!text after quote@0 2:[d] "},
        {"x,\"a\nb\"c,d\ne\n", "1:[x]q[a]!text after quote@1 2:[b\"c][d] 3:[e] "},
        {"\"a\nb\",\"c\nd\"e\n", "1:q[a]!text after quote@0 2:[b\"]q[c]!text after quote@1 "
                                 "3:[d\"e] "},
        {"\"a\nb\",\"c", "1:q[a]!open quote@0 2:[b\"]q[c]!open quote@1 "},
        {"\"\"\"", "1:q[\"\"]!open quote@0 "},
        {"\"a\" ,b\n", "1:q[a\" ,b]!text after quote@0 "},
    };
    check_table(",", '"', rows, LX_COUNT_OF(rows));
}

static void test_bytes_that_are_not_text_are_found_in_their_field(void **state)
{
    (void)state;
    check_rows(",", '"', "a,b\0c,d\ne", 9, "1:[a][b0c][d]!NUL@1 2:[e] ");
}

static void test_encodings_are_checked_row_by_row(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"张三,李四\n", "1:[张三][李四] "},
        {"a,\xFF,b\nc\n", "1:[a][\xFF][b]!bad encoding@1 2:[c] "},
        {"a,\xC3\nb\n", "1:[a][\xC3]!bad encoding@1 2:[b] "},
        {"\xC0\xAF,\n", "1:[\xC0\xAF][]!bad encoding@0 "},
        {"\xED\xA0\x80,a\n", "1:[\xED\xA0\x80][a]!bad encoding@0 "},
        {"\"\xFF\n\"\na", "1:q[\xFF\n]!bad encoding@0 3:[a] "},
        {"ok,\"\xFF\nx\n", "1:[ok]q[\xFF]!bad encoding@1 2:[x] "},
    };
    check_table(",", '"', rows, LX_COUNT_OF(rows));
}

static void test_a_format_that_cannot_work_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *delimiter;
        char quote;
    } rows[] = {{"\"", '"'}, {"a\"b", '"'}, {"\n", '"'}, {"|\r", 0},
                {"，", '"'}, {",", '\n'},   {",", '\r'}, {",", '\xE9'}};
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct csv_format format = format_of(rows[i].delimiter, rows[i].quote);
        struct csv_memory memory = {"a", 1, 0};
        struct csv_reader *reader = NULL;
        struct lx_error err = {0};
        enum lx_err code = csv_reader_open(&format, csv_source_of_memory(&memory), &reader, &err);
        if (code != LX_ERR_USAGE || reader != NULL) fail_msg("row %zu was taken", i);
        assert_true(strlen(err.text) > 10);
    }
}

static void test_every_problem_has_its_words(void **state)
{
    (void)state;
    for (int i = CSV_PROBLEM_NONE; i <= CSV_PROBLEM_TEXT_AFTER_QUOTE; i++)
        assert_true(strlen(csv_problem_text((enum csv_problem)i)) >= 4);
}

/* The model: the same rules, one byte at a time over the whole text. */
struct model {
    const char *text;
    size_t length, at, delimiter_length;
    const char *delimiter;
    char quote;
    uint64_t line;
    struct csv_field fields[300];
    char unescaped[4096];
    size_t unescaped_length;
};

static size_t newline_at(const struct model *model, size_t at)
{
    if (at >= model->length) return 0;
    if (model->text[at] == '\n') return 1;
    if (model->text[at] != '\r') return 0;
    return at + 1 < model->length && model->text[at + 1] == '\n' ? 2 : 1;
}

static bool delimiter_at(const struct model *model, size_t at)
{
    return model->length - at >= model->delimiter_length &&
           memcmp(model->text + at, model->delimiter, model->delimiter_length) == 0;
}

/* Strict UTF-8 by the definition: decode, then ask whether the shortest form was used. */
static bool is_utf8(const char *text, size_t length)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    for (size_t i = 0; i < length;) {
        unsigned char first = (unsigned char)text[i];
        size_t size = first < 0x80       ? 1
                      : first >> 5 == 6  ? 2
                      : first >> 4 == 14 ? 3
                      : first >> 3 == 30 ? 4
                                         : 0;
        if (size == 0 || size > length - i) return false;
        uint32_t code = size == 1 ? first : first & (0x7Fu >> size);
        for (size_t j = 1; j < size; j++) {
            if (((unsigned char)text[i + j] & 0xC0) != 0x80) return false;
            code = code << 6 | ((unsigned char)text[i + j] & 0x3F);
        }
        if (code < least[size] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
            return false;
        i += size;
    }
    return true;
}

static void model_check(struct csv_row *row)
{
    for (size_t i = row->count; i-- > 0;)
        if (!is_utf8(row->fields[i].text, row->fields[i].length)) {
            row->problem = CSV_PROBLEM_BAD_ENCODING;
            row->problem_field = i;
        }
    for (size_t i = row->count; i-- > 0;)
        if (memchr(row->fields[i].text, '\0', row->fields[i].length) != NULL) {
            row->problem = CSV_PROBLEM_NUL_BYTE;
            row->problem_field = i;
        }
}

/* Cut to its first line: split what is there, and let the last field have the rest of the line. */
static void model_give_up(struct model *model, struct csv_row *row, enum csv_problem problem,
                          size_t start, size_t field_start, bool is_quoted)
{
    size_t end = start;
    while (end < model->length && newline_at(model, end) == 0) end++;
    model->fields[row->count++] = (struct csv_field){
        model->text + field_start, (uint32_t)(model->length - field_start), is_quoted};
    while (row->count > 0 && model->fields[row->count - 1].text > model->text + end) row->count--;
    struct csv_field *last = &model->fields[row->count - 1];
    if (last->text + last->length > model->text + end)
        last->length = (uint32_t)(model->text + end - last->text);
    row->problem = problem;
    row->problem_field = row->count - 1;
    model_check(row);
    model->at = end + newline_at(model, end);
    model->line += newline_at(model, end) > 0;
}

static void model_unescape(struct model *model, struct csv_row *row)
{
    model->unescaped_length = 0;
    for (size_t i = 0; i < row->count; i++) {
        if (!model->fields[i].is_quoted) continue;
        char *out = model->unescaped + model->unescaped_length;
        uint32_t length = 0;
        for (uint32_t j = 0; j < model->fields[i].length; j++) {
            out[length++] = model->fields[i].text[j];
            if (model->fields[i].text[j] == model->quote) j++;
        }
        model->fields[i].text = out;
        model->fields[i].length = length;
        model->unescaped_length += length;
    }
}

static bool model_next(struct model *model, struct csv_row *row)
{
    while (newline_at(model, model->at) > 0) {
        model->at += newline_at(model, model->at);
        model->line++;
    }
    if (model->at == model->length) return false;

    *row = (struct csv_row){.fields = model->fields, .line = model->line};
    size_t start = model->at, at = start, field_start = start, lines = 0;
    bool is_quoted = false;
    for (;;) {
        size_t end = 0, after = 0;
        if (!is_quoted && model->quote != 0 && at < model->length && at == field_start &&
            model->text[at] == model->quote) {
            is_quoted = true;
            field_start = ++at;
            continue;
        }
        if (is_quoted && at == model->length) {
            model_give_up(model, row, CSV_PROBLEM_OPEN_QUOTE, start, field_start, true);
            return true;
        }
        if (is_quoted && model->text[at] == model->quote) {
            if (at + 1 < model->length && model->text[at + 1] == model->quote) {
                at += 2;
                continue;
            }
            end = at;
            after = at + 1;
            if (after < model->length && !delimiter_at(model, after) &&
                newline_at(model, after) == 0) {
                model_give_up(model, row, CSV_PROBLEM_TEXT_AFTER_QUOTE, start, field_start, true);
                return true;
            }
        } else if (is_quoted) {
            size_t size = newline_at(model, at);
            lines += size > 0;
            at += size > 0 ? size : 1;
            continue;
        } else if (at == model->length || delimiter_at(model, at) || newline_at(model, at) > 0) {
            end = after = at;
        } else {
            at++;
            continue;
        }
        model->fields[row->count++] =
            (struct csv_field){model->text + field_start, (uint32_t)(end - field_start), is_quoted};
        is_quoted = false;
        if (after == model->length || !delimiter_at(model, after)) {
            model_check(row);
            model_unescape(model, row);
            lines += newline_at(model, after) > 0;
            model->line += lines;
            model->at = after + newline_at(model, after);
            return true;
        }
        at = field_start = after + model->delimiter_length;
    }
}

static size_t troublesome_text(struct lx_rng *rng, const char *delimiter, char *text, size_t max)
{
    static const char *const pieces[] = {"\"",   "\"\"", "\n", "\r\n", "\r", "a", "bc",
                                         "客户", "\"",   "\n", ",",    "|",  "@", " "};
    size_t length = 0, wanted = lx_rng_below(rng, max - 8);
    while (length < wanted) {
        uint64_t choice = lx_rng_below(rng, 40);
        const char *piece = choice < LX_COUNT_OF(pieces) ? pieces[choice]
                            : choice < 28                ? delimiter
                                                         : "x";
        size_t size = strlen(piece);
        if (lx_rng_chance(rng, 0.01)) {
            text[length++] = lx_rng_chance(rng, 0.5) ? '\0' : '\xE5';
            continue;
        }
        memcpy(text + length, piece, size);
        length += size;
    }
    return length;
}

static void property_the_reader_agrees_with_the_model(void **state)
{
    (void)state;
    static const char *const delimiters[] = {",", "|", "|@|", "@@", "\t"};
    for (uint64_t seed = 0; seed < 20000; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 9);
        char text[800];
        struct csv_format format =
            format_of(delimiters[lx_rng_below(&rng, LX_COUNT_OF(delimiters))],
                      lx_rng_chance(&rng, 0.9) ? '"' : '\0');
        size_t length =
            troublesome_text(&rng, format.delimiter, text, lx_rng_chance(&rng, 0.3) ? 20 : 800);
        struct lx_buffer got, want;
        lx_buffer_init(&got, 1 << 20);
        lx_buffer_init(&want, 1 << 20);

        struct dribble dribble = {{text, length, 0}, 1 + lx_rng_below(&rng, 900), rng};
        print_all(&got, &format, (struct csv_source){&dribble, dribble_read});
        static struct model model;
        model = (struct model){.text = text,
                               .length = length,
                               .delimiter = format.delimiter,
                               .delimiter_length = strlen(format.delimiter),
                               .quote = format.quote,
                               .line = 1};
        struct csv_row row;
        while (model_next(&model, &row)) print_row(&want, &row);

        if (got.length != want.length ||
            memcmp(lx_buffer_text(&got), lx_buffer_text(&want), got.length) != 0)
            fail_msg("seed %d, delimiter %s:\ntext %s\n got %s\nwant %s", (int)seed,
                     format.delimiter, text, lx_buffer_text(&got), lx_buffer_text(&want));
        lx_buffer_release(&got);
        lx_buffer_release(&want);
    }
}

enum { WRITTEN_ROWS = 12, WRITTEN_FIELDS = 6 };

/* Valid text over troublemakers: what the writer promises to bring through. */
static size_t valid_text(struct lx_rng *rng, char *text)
{
    static const char *const pieces[] = {"\"", "\n", "\r",           ",",   "|",    "@",  "a",
                                         " ",  "客", "\xEF\xBB\xBF", "|@|", "\"\"", "\t", "'"};
    size_t length = 0;
    for (uint64_t i = lx_rng_below(rng, 6); i > 0; i--) {
        const char *piece = pieces[lx_rng_below(rng, LX_COUNT_OF(pieces))];
        memcpy(text + length, piece, strlen(piece));
        length += strlen(piece);
    }
    return length;
}

static void property_what_is_written_reads_back(void **state)
{
    (void)state;
    static const char *const delimiters[] = {"", ",", "|@|", "@@", "\t"};
    for (uint64_t seed = 0; seed < 5000; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 10);
        struct csv_format format =
            format_of(delimiters[seed % LX_COUNT_OF(delimiters)], seed % 7 == 0 ? '\'' : '"');
        char texts[WRITTEN_ROWS][WRITTEN_FIELDS][32];
        size_t lengths[WRITTEN_ROWS][WRITTEN_FIELDS], counts[WRITTEN_ROWS];
        struct lx_buffer buffer;
        lx_buffer_init(&buffer, 1 << 20);
        for (size_t r = 0; r < WRITTEN_ROWS; r++) {
            counts[r] = 1 + lx_rng_below(&rng, WRITTEN_FIELDS);
            for (size_t f = 0; f < counts[r]; f++) {
                lengths[r][f] = valid_text(&rng, texts[r][f]);
                csv_write_field(&buffer, &format, f == 0, texts[r][f], lengths[r][f]);
            }
            csv_write_end(&buffer);
        }
        assert_int_equal(lx_buffer_error(&buffer), LX_OK);

        struct csv_memory memory = {buffer.bytes, buffer.length, 0};
        struct csv_reader *reader = NULL;
        const struct csv_row *row;
        assert_int_equal(csv_reader_open(&format, csv_source_of_memory(&memory), &reader, NULL),
                         LX_OK);
        for (size_t r = 0; r < WRITTEN_ROWS; r++) {
            assert_int_equal(csv_next(reader, &row, NULL), LX_OK);
            bool is_same =
                row != NULL && row->problem == CSV_PROBLEM_NONE && row->count == counts[r];
            for (size_t f = 0; is_same && f < counts[r]; f++)
                is_same = row->fields[f].length == lengths[r][f] &&
                          memcmp(row->fields[f].text, texts[r][f], lengths[r][f]) == 0;
            if (!is_same) fail_msg("seed %d row %zu of:\n%s", (int)seed, r, buffer.bytes);
        }
        assert_int_equal(csv_next(reader, &row, NULL), LX_OK);
        assert_null(row);
        csv_reader_close(reader);
        lx_buffer_release(&buffer);
    }
}

static void test_only_what_needs_quotes_is_quoted(void **state)
{
    (void)state;
    struct csv_format format = format_of("|@|", '"');
    static const char *const fields[] = {"", "plain", "a|b", "5\"", "\"q\"", "x\ny", ""};
    struct lx_buffer buffer;
    lx_buffer_init(&buffer, 1000);
    for (size_t i = 0; i < LX_COUNT_OF(fields); i++)
        csv_write_field(&buffer, &format, i == 0, fields[i], strlen(fields[i]));
    csv_write_end(&buffer);
    assert_string_equal(lx_buffer_text(&buffer), "\"\"|@|plain|@|\"a|b\"|@|5\"|@|\"\"\"q\"\"\"|@|"
                                                 "\"x\ny\"|@|\n");
    lx_buffer_release(&buffer);
}

static void test_without_quotes_a_field_that_needs_them_fails(void **state)
{
    (void)state;
    struct csv_format format = format_of(",", '\0');
    struct lx_buffer buffer;
    lx_buffer_init(&buffer, 1000);
    csv_write_field(&buffer, &format, true, "\"fine\"", 6);
    assert_int_equal(lx_buffer_error(&buffer), LX_OK);
    csv_write_field(&buffer, &format, false, "a,b", 3);
    assert_int_equal(lx_buffer_error(&buffer), LX_ERR_BAD_INPUT);
    lx_buffer_release(&buffer);
}

static size_t to_gb18030(const char *text, size_t length, char *out, size_t size)
{
    iconv_t converter = iconv_open("GB18030", "UTF-8");
    assert_true(converter != (iconv_t)-1);
    char *in = (char *)(uintptr_t)text, *at = out;
    size_t left = size;
    assert_int_equal(iconv(converter, &in, &length, &at, &left), 0);
    iconv_close(converter);
    return size - left;
}

static void check_gb18030(const char *delimiter, const char *bytes, size_t length, const char *want)
{
    struct csv_format format = format_of(delimiter, '"');
    format.encoding = CSV_GB18030;
    for (size_t step = 1; step < 200; step = step * 3 + 1) {
        struct dribble dribble = {{bytes, length, 0}, step, lx_rng_of(step, 1)};
        struct lx_buffer got;
        lx_buffer_init(&got, 1 << 20);
        print_all(&got, &format, (struct csv_source){&dribble, dribble_read});
        if (strcmp(lx_buffer_text(&got), want) != 0)
            fail_msg("%zu at a time:\n got %s\nwant %s", step, lx_buffer_text(&got), want);
        lx_buffer_release(&got);
    }
}

static void test_gb18030_is_converted_before_it_is_split(void **state)
{
    (void)state;
    /* The second byte of each of these is `|` or `@`; two of them would split a row wrongly. */
    check_gb18030("|", "\x81\x7C|\xB0\x7C\n", 6, "1:[亅][皘] ");
    check_gb18030("@", "\x81\x40@x\n", 5, "1:[丂][x] ");
    check_gb18030(",", "\x84\x31\x95\x33\xD6\xD0,\xB9\xFA\r\n", 11, "1:[中][国] ");
    check_gb18030(",", "\x81\x30\x81\x30,a", 6, "1:[\xC2\x80][a] ");
    check_gb18030(",", "\x90\x30\x81\x30", 4, "1:[\xF0\x90\x80\x80] ");
    check_gb18030(",", "", 0, "");
}

static void test_broken_gb18030_costs_its_own_row_only(void **state)
{
    (void)state;
    check_gb18030(",", "a,\xFF\nb,\xD6\xD0\n", 9, "1:[a][\xFF]!bad encoding@1 2:[b][中] ");
    check_gb18030(",", "a\nb,\xD6", 5, "1:[a] 2:[b][\xFF]!bad encoding@1 ");
    check_gb18030(",", "a\nb,\x81\x30\x81", 7,
                  "1:[a] 2:[b][\xFF"
                  "0\xFF]!bad encoding@1 ");
    check_gb18030(",", "\xD6\nb\n", 4, "1:[\xFF]!bad encoding@0 2:[b] ");
}

static void property_gb18030_reads_as_the_text_that_it_encodes(void **state)
{
    (void)state;
    static const char *const pieces[] = {"灵犀", "客户经理", ",",  "\n", "\"",   "a1",
                                         "€",    "é",        "𠀀", "😀",  "丂亅", "|"};
    for (uint64_t seed = 0; seed < 1000; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 11);
        char text[600] = "x", encoded[1200];
        for (uint64_t i = lx_rng_below(&rng, 40); i > 0; i--)
            strcat(text, pieces[lx_rng_below(&rng, LX_COUNT_OF(pieces))]);
        size_t length = to_gb18030(text, strlen(text), encoded, sizeof encoded);

        struct csv_format plain = format_of(",", '"'), gb = plain;
        gb.encoding = CSV_GB18030;
        struct csv_memory memory = {text, strlen(text), 0};
        struct dribble dribble = {{encoded, length, 0}, 1 + lx_rng_below(&rng, 50), rng};
        struct lx_buffer got, want;
        lx_buffer_init(&got, 1 << 20);
        lx_buffer_init(&want, 1 << 20);
        print_all(&want, &plain, csv_source_of_memory(&memory));
        print_all(&got, &gb, (struct csv_source){&dribble, dribble_read});
        if (strcmp(lx_buffer_text(&got), lx_buffer_text(&want)) != 0)
            fail_msg("seed %d:\n got %s\nwant %s", (int)seed, lx_buffer_text(&got),
                     lx_buffer_text(&want));
        lx_buffer_release(&got);
        lx_buffer_release(&want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_split_as_rfc_4180_says),
        cmocka_unit_test(test_a_byte_order_mark_is_no_part_of_the_first_field),
        cmocka_unit_test(test_a_delimiter_may_have_several_characters),
        cmocka_unit_test(test_without_a_quote_character_quotes_are_text),
        cmocka_unit_test(test_a_stray_quote_costs_its_own_line_only),
        cmocka_unit_test(test_bytes_that_are_not_text_are_found_in_their_field),
        cmocka_unit_test(test_encodings_are_checked_row_by_row),
        cmocka_unit_test(test_a_format_that_cannot_work_is_refused),
        cmocka_unit_test(test_every_problem_has_its_words),
        cmocka_unit_test(property_the_reader_agrees_with_the_model),
        cmocka_unit_test(property_what_is_written_reads_back),
        cmocka_unit_test(test_only_what_needs_quotes_is_quoted),
        cmocka_unit_test(test_without_quotes_a_field_that_needs_them_fails),
        cmocka_unit_test(test_gb18030_is_converted_before_it_is_split),
        cmocka_unit_test(test_broken_gb18030_costs_its_own_row_only),
        cmocka_unit_test(property_gb18030_reads_as_the_text_that_it_encodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
