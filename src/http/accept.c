#include "http/accept.h"

#include <string.h>

/* One element of a list: "en-GB;q=0.8" */
struct wish {
    const char *name;
    size_t length;
    int weight; /* 0 to 1000, -1: not of the form */
};

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* "1", "0.875": at most three decimals. */
static int read_weight(const char *text, size_t length)
{
    if (length == 0 || length > 5 || (text[0] != '0' && text[0] != '1')) return -1;
    int weight = (text[0] - '0') * 1000, unit = 100;
    if (length > 1 && text[1] != '.') return -1;
    for (size_t i = 2; i < length; i++, unit /= 10) {
        if (text[i] < '0' || text[i] > '9') return -1;
        weight += (text[i] - '0') * unit;
    }
    return weight <= 1000 ? weight : -1;
}

static int weight_of(const char *text, const char *end)
{
    if (text == end) return 1000;
    text++; /* the semicolon */
    while (text < end && is_space(*text)) text++;
    if (end - text < 3 || (text[0] != 'q' && text[0] != 'Q') || text[1] != '=') return -1;
    return read_weight(text + 2, (size_t)(end - text) - 2);
}

static bool next_wish(const char **list, struct wish *ret_wish)
{
    const char *text = *list;
    while (is_space(*text) || *text == ',') text++;
    if (*text == '\0') return false;
    const char *end = text + strcspn(text, ",");
    *list = end;
    while (end > text && is_space(end[-1])) end--;
    const char *semicolon = memchr(text, ';', (size_t)(end - text));
    const char *name_end = semicolon != NULL ? semicolon : end;
    ret_wish->weight = weight_of(semicolon != NULL ? semicolon : end, end);
    while (name_end > text && is_space(name_end[-1])) name_end--;
    ret_wish->name = text;
    ret_wish->length = (size_t)(name_end - text);
    return true;
}

static bool is_named(const struct wish *wish, const char *name)
{
    if (strlen(name) > wish->length) return false;
    for (size_t i = 0; name[i] != '\0'; i++) {
        char byte = wish->name[i];
        if (byte >= 'A' && byte <= 'Z') byte = (char)(byte + ('a' - 'A'));
        if (byte != name[i]) return false;
    }
    return true;
}

/* "zh", "zh-CN", but not "zhx". */
static bool is_language(const struct wish *wish, const char *name)
{
    size_t length = strlen(name);
    return is_named(wish, name) && (wish->length == length || wish->name[length] == '-');
}

enum http_language http_accept_language(const char *header)
{
    struct wish wish;
    int zh = -1, en = -1, any = -1;
    if (header == NULL) return HTTP_ZH;
    while (next_wish(&header, &wish)) {
        if (wish.weight < 0) return HTTP_ZH;
        if (is_language(&wish, "zh") && wish.weight > zh) zh = wish.weight;
        if (is_language(&wish, "en") && wish.weight > en) en = wish.weight;
        if (wish.length == 1 && wish.name[0] == '*') any = wish.weight;
    }
    if (zh < 0) zh = any;
    if (en < 0) en = any;
    if (en == zh) return HTTP_ZH;
    return en > zh && en > 0 ? HTTP_EN : HTTP_ZH;
}

const char *http_language_text(enum http_language language)
{
    return language == HTTP_ZH ? "zh" : "en";
}

bool http_accepts_gzip(const char *header)
{
    struct wish wish;
    int gzip = -1, any = -1;
    if (header == NULL) return false;
    while (next_wish(&header, &wish)) {
        if (wish.weight < 0) return false;
        if (wish.length == 4 && is_named(&wish, "gzip")) gzip = wish.weight;
        if (wish.length == 1 && wish.name[0] == '*') any = wish.weight;
    }
    return gzip > 0 || (gzip < 0 && any > 0);
}

bool http_matches_tag(const char *header, const char *tag)
{
    size_t length = strlen(tag);
    if (header == NULL) return false;
    while (*header != '\0') {
        while (is_space(*header) || *header == ',') header++;
        if (*header == '*') return true;
        if (header[0] == 'W' && header[1] == '/') header += 2;
        if (*header != '"') return false;
        size_t size = strcspn(header + 1, "\"") + 2;
        if (header[size - 1] != '"') return false;
        if (size == length && memcmp(header, tag, length) == 0) return true;
        header += size;
    }
    return false;
}
