#include "view/sentence.h"

#include <string.h>

static const char *const names[] = {
#define X(name, text, about) text,
    VIEW_SAID_MAP(X)
#undef X
};

/* {name} or {n:noun}; the length with its braces, 0 if it is none. */
static size_t read_value(const char *text, struct view_sentence_part *ret_part)
{
    const char *end = strpbrk(text + 1, "{}");
    if (end == NULL || *end == '{') return 0;
    size_t length = (size_t)(end - text - 1);
    const char *colon = memchr(text + 1, ':', length);
    size_t name_length = colon == NULL ? length : (size_t)(colon - text - 1);
    for (int i = 0; i < VIEW_SAID_COUNT; i++) {
        if (strlen(names[i]) != name_length || memcmp(names[i], text + 1, name_length) != 0)
            continue;
        if (colon != NULL && i != VIEW_SAID_NUMBER) return 0;
        *ret_part = (struct view_sentence_part){.is_value = true, .said = (enum view_said)i};
        if (colon != NULL) {
            ret_part->text = colon + 1;
            ret_part->length = length - name_length - 1;
        }
        return length + 2;
    }
    return 0;
}

bool view_sentence_next(const char **at, struct view_sentence_part *ret_part)
{
    const char *text = *at;
    if (*text == '\0') return false;
    size_t length = *text == '{' ? read_value(text, ret_part) : 0;
    if (length == 0) {
        length = *text == '{' ? strlen(text) : strcspn(text, "{");
        *ret_part = (struct view_sentence_part){.text = text, .length = length};
    }
    *at = text + length;
    return true;
}

const char *view_sentence_fault(const char *text, size_t *ret_offset)
{
    const char *at = text;
    struct view_sentence_part part;
    for (const char *begin = at; view_sentence_next(&at, &part); begin = at) {
        *ret_offset = (size_t)(begin - text);
        if (part.is_value) continue;
        if (*begin == '{')
            return "in braces stands n, n:noun, yuan, percent, x, years, level, minutes, days or "
                   "held";
        const char *brace = memchr(begin, '}', part.length);
        if (brace == NULL) continue;
        *ret_offset = (size_t)(brace - text);
        return "a brace is closed that was not opened";
    }
    return NULL;
}
