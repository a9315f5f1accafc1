#include "expr/lexer.h"

#include <string.h>
#include <strings.h>

#include "codec/utf8.h"

enum { NUMBER_TEXT_MAX = 64 };

static const struct {
    const char *text;
    enum token_kind kind;
    const char *name; /* of a NAME */
} words[] = {
    {"and", TOKEN_AND, NULL},
    {"or", TOKEN_OR, NULL},
    {"not", TOKEN_NOT, NULL},
    {"is", TOKEN_IS, NULL},
    {"null", TOKEN_NULL, NULL},
    {"true", TOKEN_TRUE, NULL},
    {"false", TOKEN_FALSE, NULL},
    {"between", TOKEN_BETWEEN, NULL},
    {"in", TOKEN_IN, NULL},
    {"like", TOKEN_LIKE, NULL},
    {"escape", TOKEN_ESCAPE, NULL},
    {"case", TOKEN_CASE, NULL},
    {"when", TOKEN_WHEN, NULL},
    {"then", TOKEN_THEN, NULL},
    {"else", TOKEN_ELSE, NULL},
    {"end", TOKEN_CASE_END, NULL},
    {"where", TOKEN_WHERE, NULL},
    {"over", TOKEN_OVER, NULL},
    {"before", TOKEN_BEFORE, NULL},
    {"且", TOKEN_AND, NULL},
    {"并且", TOKEN_AND, NULL},
    {"或", TOKEN_OR, NULL},
    {"或者", TOKEN_OR, NULL},
    {"非", TOKEN_NOT, NULL},
    {"不", TOKEN_NOT, NULL},
    {"等于", TOKEN_EQ, NULL},
    {"不等于", TOKEN_NE, NULL},
    {"大于", TOKEN_GT, NULL},
    {"小于", TOKEN_LT, NULL},
    {"大于等于", TOKEN_GE, NULL},
    {"小于等于", TOKEN_LE, NULL},
    {"介于", TOKEN_BETWEEN, NULL},
    {"不介于", TOKEN_NOT_BETWEEN, NULL},
    {"与", TOKEN_BETWEEN_AND, NULL},
    {"之间", TOKEN_BETWEEN_END, NULL},
    {"属于", TOKEN_IN, NULL},
    {"不属于", TOKEN_NOT_IN, NULL},
    {"为空", TOKEN_IS_NULL, NULL},
    {"不为空", TOKEN_IS_NOT_NULL, NULL},
    {"空", TOKEN_NULL, NULL},
    {"真", TOKEN_TRUE, NULL},
    {"假", TOKEN_FALSE, NULL},
    {"其中", TOKEN_WHERE, NULL},
    {"近", TOKEN_OVER, NULL},
    {"早于", TOKEN_BEFORE, NULL},
    {"天", TOKEN_NAME, "days"},
    {"月", TOKEN_NAME, "months"},
    {"个月", TOKEN_NAME, "months"},
    {"年", TOKEN_NAME, "years"},
    {"今天", TOKEN_NAME, "today"},
};

struct glyph {
    uint32_t code; /* 0 at the end; full-width forms as ASCII */
    uint32_t raw;
    size_t size;
};

enum lx_err lexer_init(struct lexer *lexer, struct compiler *compiler, const char *text,
                       size_t length)
{
    *lexer = (struct lexer){compiler, text, length, 0, {1, 1}, 0};
    if (length > EXPR_TEXT_MAX)
        return compiler_fail(compiler, LX_ERR_LIMIT, (struct place){1, 1},
                             "the text has %zu bytes, more than %d", length, (int)EXPR_TEXT_MAX);
    size_t valid = utf8_valid_length(text, length);
    const char *nul = memchr(text, '\0', valid);
    if (nul != NULL) valid = (size_t)(nul - text);
    if (valid == length) return LX_OK;
    for (size_t i = 0; i < valid; i++) {
        if (text[i] == '\n')
            lexer->place = (struct place){lexer->place.line + 1, 1};
        else if (((unsigned char)text[i] & 0xC0) != 0x80)
            lexer->place.column++;
    }
    return compiler_fail(compiler, LX_ERR_BAD_INPUT, lexer->place, "byte 0x%02X is not UTF-8 text",
                         (unsigned char)text[valid]);
}

static uint32_t fold(uint32_t code)
{
    if (code >= 0xFF01 && code <= 0xFF5E) code -= 0xFEE0;
    switch (code) {
    case 0x3000: /* ideographic space */
    case 0xA0: return ' ';
    case 0x3002: return '.'; /* 。 */
    case 0x3001: return ','; /* 、 */
    case 0xD7: return '*';
    case 0xF7: return '/';
    case 0x2212: return '-';
    default: return code;
    }
}

static struct glyph glyph_at(const struct lexer *lexer, size_t at)
{
    if (at >= lexer->length) return (struct glyph){0, 0, 0};
    const unsigned char *bytes = (const unsigned char *)lexer->text + at;
    size_t size = utf8_character(lexer->text + at, lexer->length - at);
    LX_ASSERT(size > 0);
    static const uint32_t masks[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t code = bytes[0] & masks[size];
    for (size_t i = 1; i < size; i++) code = code << 6 | (bytes[i] & 0x3F);
    return (struct glyph){fold(code), code, size};
}

static bool is_digit(uint32_t code)
{
    return code >= '0' && code <= '9';
}

static bool is_ascii_letter(uint32_t code)
{
    return (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z') || code == '_';
}

/* Letters of Latin scripts and Chinese characters. */
static bool is_wide_letter(uint32_t code)
{
    return (code >= 0xC0 && code <= 0x24F) || (code >= 0x3005 && code <= 0x3007) ||
           (code >= 0x3400 && code <= 0x9FFF) || (code >= 0xF900 && code <= 0xFAFF) ||
           (code >= 0x20000 && code <= 0x3FFFF);
}

static bool is_letter(uint32_t code)
{
    return is_ascii_letter(code) || is_wide_letter(code);
}

static void advance(struct lexer *lexer, struct glyph glyph)
{
    lexer->at += glyph.size;
    if (glyph.code == '\n')
        lexer->place = (struct place){lexer->place.line + 1, 1};
    else
        lexer->place.column++;
}

static void advance_to(struct lexer *lexer, size_t at)
{
    while (lexer->at < at) advance(lexer, glyph_at(lexer, lexer->at));
}

/* Spaces, line ends and `-- comments`. */
static void skip_space(struct lexer *lexer)
{
    for (;;) {
        struct glyph glyph = glyph_at(lexer, lexer->at);
        if (glyph.code == ' ' || glyph.code == '\t' || glyph.code == '\n' || glyph.code == '\r') {
            advance(lexer, glyph);
        } else if (glyph.raw == '-' && glyph_at(lexer, lexer->at + 1).raw == '-') {
            while (glyph.code != '\n' && glyph.size > 0) {
                advance(lexer, glyph);
                glyph = glyph_at(lexer, lexer->at);
            }
        } else {
            return;
        }
    }
}

/* --- Words ---------------------------------------------------------------------------------- */

/* The end of letters, digits and dots that begin at `at`; a dot only between two of them. */
static size_t run_end(const struct lexer *lexer, size_t at)
{
    for (;;) {
        struct glyph glyph = glyph_at(lexer, at);
        if (glyph.code == '.') {
            uint32_t next = glyph_at(lexer, at + glyph.size).code;
            if (!is_letter(next)) return at;
        } else if (!is_letter(glyph.code) && !is_digit(glyph.code)) {
            return at;
        }
        at += glyph.size;
    }
}

/* The run as one name: folded and in lower case. */
static const char *name_of(struct lexer *lexer, size_t from, size_t to, size_t *ret_length)
{
    char *name = lx_arena_alloc(&lexer->compiler->arena, to - from + 1);
    if (name == NULL) return NULL;
    size_t length = 0;
    for (size_t at = from; at < to;) {
        struct glyph glyph = glyph_at(lexer, at);
        if (glyph.code < 0x80) {
            bool is_upper = glyph.code >= 'A' && glyph.code <= 'Z';
            name[length++] = (char)(is_upper ? glyph.code - 'A' + 'a' : glyph.code);
        } else {
            memcpy(name + length, lexer->text + at, glyph.size);
            length += glyph.size;
        }
        at += glyph.size;
    }
    name[length] = '\0';
    *ret_length = length;
    return name;
}

static size_t longer_if_prefix(const char *word, const char *text, size_t length, size_t best)
{
    if (word == NULL || length == 0 || (word[0] | 0x20) != (text[0] | 0x20)) return best;
    size_t size = strlen(word);
    return size > best && size <= length && strncasecmp(word, text, size) == 0 ? size : best;
}

/* The longest word that the language or the schema knows at the beginning of `text`; 0: none. */
static size_t known_word(const struct lexer *lexer, const char *text, size_t length)
{
    const struct expr_schema *schema = lexer->compiler->schema;
    size_t best = 0;
    for (size_t i = 0; i < LX_COUNT_OF(words); i++)
        if ((unsigned char)words[i].text[0] >= 0x80)
            best = longer_if_prefix(words[i].text, text, length, best);
    for (size_t i = 0; i < expr_builtin_count; i++)
        best = longer_if_prefix(expr_builtins[i].zh, text, length, best);
    for (size_t i = 0; i < EXPR_AGGREGATE_COUNT; i++)
        best = longer_if_prefix(expr_aggregates[i].zh, text, length, best);
    for (size_t i = 0; i < schema->field_count; i++)
        best = longer_if_prefix(schema->fields[i].zh, text, length, best);
    for (size_t i = 0; i < schema->function_count; i++)
        best = longer_if_prefix(schema->functions[i].zh, text, length, best);
    for (size_t i = 0; i < schema->relation_count; i++) {
        const struct expr_relation *relation = &schema->relations[i];
        best = longer_if_prefix(relation->zh, text, length, best);
        for (size_t j = 0; j < relation->field_count; j++)
            best = longer_if_prefix(relation->fields[j].zh, text, length, best);
    }
    return best;
}

/*
 * The end of the piece at `at` when a run is cut: a known word, or letters and digits of ASCII. A
 * dot joins what stands at its sides, as in this.资产. 0 if there is none.
 */
static size_t piece_end(const struct lexer *lexer, size_t at, size_t end)
{
    for (;;) {
        size_t to = at + known_word(lexer, lexer->text + at, end - at);
        bool is_known = to > at;
        while (!is_known && to < end) {
            struct glyph glyph = glyph_at(lexer, to);
            if (!is_ascii_letter(glyph.code) && !is_digit(glyph.code)) break;
            to += glyph.size;
        }
        if (to == at) return 0;
        struct glyph dot = glyph_at(lexer, to);
        if (to >= end || dot.code != '.') return to;
        at = to + dot.size;
    }
}

/* Up to where the run can be cut into pieces: its end, or a number, which is no part of a word and
 * is followed by 万, 亿 or another run. 0 if something in it is unknown. */
static size_t cut_end(const struct lexer *lexer, size_t at, size_t end)
{
    while (at < end && !is_digit(glyph_at(lexer, at).code)) {
        at = piece_end(lexer, at, end);
        if (at == 0) return 0;
    }
    return at;
}

static bool is_ascii_run(const struct lexer *lexer, size_t at, size_t end)
{
    for (; at < end; at += glyph_at(lexer, at).size)
        if (glyph_at(lexer, at).code >= 0x80) return false;
    return true;
}

static enum lx_err lex_word(struct lexer *lexer, struct token *token)
{
    size_t from = lexer->at, end = run_end(lexer, from), to = end;
    if (from >= lexer->cut_until && !is_ascii_run(lexer, from, end) &&
        known_word(lexer, lexer->text + from, end - from) < end - from)
        lexer->cut_until = cut_end(lexer, from, end);
    if (from < lexer->cut_until) to = piece_end(lexer, from, end);
    LX_ASSERT(to > from);

    token->kind = TOKEN_NAME;
    token->text = name_of(lexer, from, to, &token->length);
    if (token->text == NULL) return compiler_no_memory(lexer->compiler);
    for (size_t i = 0; i < LX_COUNT_OF(words); i++) {
        if (strcmp(words[i].text, token->text) != 0) continue;
        token->kind = words[i].kind;
        if (words[i].name != NULL) {
            token->text = words[i].name;
            token->length = strlen(words[i].name);
        }
    }
    advance_to(lexer, to);
    return LX_OK;
}

/* --- Numbers -------------------------------------------------------------------------------- */

struct number_text {
    char text[NUMBER_TEXT_MAX + 1];
    size_t length;
};

static void keep(struct lexer *lexer, struct number_text *number, struct glyph glyph)
{
    if (number->length < NUMBER_TEXT_MAX) number->text[number->length] = (char)glyph.code;
    number->length++;
    advance(lexer, glyph);
}

static void keep_digits(struct lexer *lexer, struct number_text *number)
{
    struct glyph glyph = glyph_at(lexer, lexer->at);
    for (; is_digit(glyph.code); glyph = glyph_at(lexer, lexer->at)) keep(lexer, number, glyph);
}

static void keep_exponent(struct lexer *lexer, struct number_text *number)
{
    struct glyph letter = glyph_at(lexer, lexer->at);
    if (letter.code != 'e' && letter.code != 'E') return;
    struct glyph sign = glyph_at(lexer, lexer->at + letter.size);
    bool has_sign = sign.code == '+' || sign.code == '-';
    size_t digits = lexer->at + letter.size + (has_sign ? sign.size : 0);
    if (!is_digit(glyph_at(lexer, digits).code)) return;
    letter.code = 'e';
    keep(lexer, number, letter);
    if (has_sign) keep(lexer, number, sign);
    keep_digits(lexer, number);
}

static enum lx_err lex_number(struct lexer *lexer, struct token *token)
{
    struct number_text number = {.length = 0};
    keep_digits(lexer, &number);
    struct glyph dot = glyph_at(lexer, lexer->at);
    if (dot.code == '.' && is_digit(glyph_at(lexer, lexer->at + dot.size).code)) {
        keep(lexer, &number, dot);
        keep_digits(lexer, &number);
    }
    keep_exponent(lexer, &number);
    if (number.length > NUMBER_TEXT_MAX)
        return compiler_fail(lexer->compiler, LX_ERR_LIMIT, token->place,
                             "a number of %zu characters, more than %d", number.length,
                             (int)NUMBER_TEXT_MAX);
    struct glyph unit = glyph_at(lexer, lexer->at);
    for (; unit.code == 0x4E07 || unit.code == 0x4EBF; unit = glyph_at(lexer, lexer->at)) {
        token->power += unit.code == 0x4E07 ? 4 : 8;
        advance(lexer, unit);
    }
    if (is_ascii_letter(unit.code) || unit.code == '.')
        return compiler_fail(lexer->compiler, LX_ERR_BAD_INPUT, lexer->place,
                             "a number is followed by `%c`: expected a space or an operator",
                             (char)unit.code);
    token->kind = TOKEN_NUMBER;
    token->text = lx_arena_strndup(&lexer->compiler->arena, number.text, number.length);
    token->length = number.length;
    return token->text == NULL ? compiler_no_memory(lexer->compiler) : LX_OK;
}

/* --- Strings and signs ---------------------------------------------------------------------- */

/* What ends a string that this character begins; 0: it begins none. */
static uint32_t closing_quote(uint32_t raw)
{
    switch (raw) {
    case '\'': return '\'';
    case 0xFF07: return 0xFF07;
    case 0x2018: /* ‘ ’ */
    case 0x2019: return 0x2019;
    case 0x201C: /* “ ” */
    case 0x201D: return 0x201D;
    default: return 0;
    }
}

static enum lx_err lex_string(struct lexer *lexer, struct token *token, uint32_t quote)
{
    advance(lexer, glyph_at(lexer, lexer->at));
    char *text = lx_arena_alloc(&lexer->compiler->arena, lexer->length - lexer->at + 1);
    if (text == NULL) return compiler_no_memory(lexer->compiler);
    size_t length = 0;
    for (;;) {
        struct glyph glyph = glyph_at(lexer, lexer->at);
        if (glyph.size == 0)
            return compiler_fail(lexer->compiler, LX_ERR_BAD_INPUT, token->place,
                                 "a string begins here and does not end: a quote is missing");
        if (glyph.raw == quote) {
            advance(lexer, glyph);
            if (glyph_at(lexer, lexer->at).raw != quote) break; /* doubled: one quote */
        }
        memcpy(text + length, lexer->text + lexer->at, glyph.size);
        length += glyph.size;
        glyph.code = glyph.raw;
        advance(lexer, glyph);
    }
    if (length > EXPR_STRING_MAX)
        return compiler_fail(lexer->compiler, LX_ERR_LIMIT, token->place,
                             "a string of %zu bytes, more than %d", length, (int)EXPR_STRING_MAX);
    token->kind = TOKEN_STRING;
    token->text = text;
    token->length = length;
    return LX_OK;
}

/* The sign at the place, of one or two characters; TOKEN_END: none. */
static enum token_kind sign_at(const struct lexer *lexer, struct glyph glyph, size_t *ret_size)
{
    struct glyph next = glyph_at(lexer, lexer->at + glyph.size);
    *ret_size = glyph.size;
    switch (glyph.code) {
    case '(': return TOKEN_OPEN;
    case ')': return TOKEN_CLOSE;
    case ',': return TOKEN_COMMA;
    case '+': return TOKEN_PLUS;
    case '-': return TOKEN_MINUS;
    case '*': return TOKEN_STAR;
    case '/': return TOKEN_SLASH;
    case '%': return TOKEN_PERCENT;
    case 0x2260: return TOKEN_NE;
    case 0x2264: return TOKEN_LE;
    case 0x2265: return TOKEN_GE;
    default: break;
    }
    *ret_size += next.size;
    if (glyph.code == '!' && next.code == '=') return TOKEN_NE;
    if (glyph.code == '<' && next.code == '>') return TOKEN_NE;
    if (glyph.code == '<' && next.code == '=') return TOKEN_LE;
    if (glyph.code == '>' && next.code == '=') return TOKEN_GE;
    *ret_size = glyph.size;
    if (glyph.code == '=') return TOKEN_EQ;
    if (glyph.code == '<') return TOKEN_LT;
    return glyph.code == '>' ? TOKEN_GT : TOKEN_END;
}

static enum lx_err lex_sign(struct lexer *lexer, struct glyph glyph, struct token *token)
{
    size_t size;
    token->kind = sign_at(lexer, glyph, &size);
    if (token->kind != TOKEN_END) {
        advance_to(lexer, lexer->at + size);
        return LX_OK;
    }
    if (glyph.code == '"' || glyph.code == '`')
        return compiler_fail(lexer->compiler, LX_ERR_BAD_INPUT, token->place,
                             "strings stand in single quotes, names in none: found %c",
                             (char)glyph.code);
    if (glyph.code < 0x20)
        return compiler_fail(lexer->compiler, LX_ERR_BAD_INPUT, token->place,
                             "character U+%04X is no part of the language", glyph.code);
    return compiler_fail(lexer->compiler, LX_ERR_BAD_INPUT, token->place,
                         "`%.*s` is no part of the language", (int)glyph.size,
                         lexer->text + lexer->at);
}

enum lx_err lexer_next(struct lexer *lexer, struct token *ret_token)
{
    skip_space(lexer);
    struct token token = {.place = lexer->place, .source = lexer->text + lexer->at};
    size_t from = lexer->at;
    struct glyph glyph = glyph_at(lexer, from);
    uint32_t quote = closing_quote(glyph.raw);
    enum lx_err code = LX_OK;
    if (glyph.size == 0)
        token.kind = TOKEN_END;
    else if (quote != 0)
        code = lex_string(lexer, &token, quote);
    else if (is_digit(glyph.code))
        code = lex_number(lexer, &token);
    else if (is_letter(glyph.code))
        code = lex_word(lexer, &token);
    else
        code = lex_sign(lexer, glyph, &token);
    if (code != LX_OK) return code;
    token.source_length = lexer->at - from;
    *ret_token = token;
    return LX_OK;
}
