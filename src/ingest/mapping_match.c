#include <string.h>

#include "base/date.h"
#include "base/limits.h"
#include "ingest/mapping.h"

/* `*` and `?` over names; backs up to the last star only, so a long name costs at most a square. */
static bool glob(const char *pattern, const char *name)
{
    const char *star = NULL, *resume = NULL;
    while (*name != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            resume = name;
        } else if (*pattern == '?' || *pattern == *name) {
            pattern++;
            name++;
        } else if (star != NULL) {
            pattern = star + 1;
            name = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*') pattern++;
    return *pattern == '\0';
}

/* The day that `length` characters of a name say; a month is its last day. */
static bool read_day(const char *form, size_t form_length, const char *text, int32_t *ret_day)
{
    int part[3] = {0, 0, 0}; /* year, month, day */
    bool has_day = false;
    for (size_t i = 0; i < form_length; i++) {
        const char *place = memchr("YMD", form[i], 3);
        if (place == NULL && text[i] != form[i]) return false;
        if (place == NULL) continue;
        if (text[i] < '0' || text[i] > '9') return false;
        int *number = &part[form[i] == 'Y' ? 0 : form[i] == 'M' ? 1 : 2];
        *number = *number * 10 + (text[i] - '0');
        has_day = has_day || form[i] == 'D';
    }
    struct lx_civil civil = {part[0], part[1], has_day ? part[2] : 1};
    if (civil.year < 1 || civil.year > 9998 || !lx_civil_is_valid(civil)) return false;
    int32_t day = lx_day_of_civil(civil);
    *ret_day = has_day ? day : lx_day_add_months(day, 1) - 1;
    return true;
}

bool mapping_match(const char *pattern, const char *name, int32_t *ret_day)
{
    LX_ASSERT(pattern != NULL && name != NULL && ret_day != NULL);

    const char *open = strchr(pattern, '{'), *close = open == NULL ? NULL : strchr(open, '}');
    if (close == NULL) {
        *ret_day = INT32_MIN;
        return glob(pattern, name);
    }
    size_t before = (size_t)(open - pattern), form = (size_t)(close - open - 1);
    char head[LX_PATH_MAX], start[LX_PATH_MAX];
    if (before >= sizeof head || strlen(name) >= sizeof start) return false;
    memcpy(head, pattern, before);
    head[before] = '\0';

    /* What stands before the braces may hold stars, so each place is tried, first one wins. */
    for (size_t i = 0; name[i] != '\0' && i + form <= strlen(name); i++) {
        memcpy(start, name, i);
        start[i] = '\0';
        int32_t day;
        if (!glob(head, start) || !read_day(open + 1, form, name + i, &day)) continue;
        if (!glob(close + 1, name + i + form)) continue;
        *ret_day = day;
        return true;
    }
    return false;
}

/* The name less the text before and after the parentheses, which has no stars of its own. */
bool mapping_match_column(const char *pattern, const char *name, size_t *ret_start,
                          size_t *ret_length)
{
    LX_ASSERT(pattern != NULL && name != NULL && ret_start != NULL && ret_length != NULL);

    const char *open = strchr(pattern, '('), *close = open == NULL ? NULL : strrchr(open, ')');
    size_t name_length = strlen(name);
    if (close == NULL) {
        *ret_start = 0;
        *ret_length = name_length;
        return glob(pattern, name);
    }
    size_t before = (size_t)(open - pattern), after = strlen(close + 1);
    size_t inside = (size_t)(close - open - 1);
    char middle[LX_FIELD_NAME_MAX + 1], code[LX_FIELD_NAME_MAX + 1];
    if (name_length < before + after || name_length > LX_FIELD_NAME_MAX || inside >= sizeof middle)
        return false;
    if (memcmp(name, pattern, before) != 0) return false;
    if (memcmp(name + name_length - after, close + 1, after) != 0) return false;
    memcpy(middle, open + 1, inside);
    middle[inside] = '\0';
    memcpy(code, name + before, name_length - before - after);
    code[name_length - before - after] = '\0';
    *ret_start = before;
    *ret_length = name_length - before - after;
    return *ret_length > 0 && glob(middle, code);
}

/* Edits (insert, delete, replace, swap of neighbours aside) between two names, without case. */
static size_t distance(const char *a, const char *b)
{
    size_t row[LX_FIELD_NAME_MAX + 1], a_length = strlen(a), b_length = strlen(b);
    if (a_length > LX_FIELD_NAME_MAX || b_length > LX_FIELD_NAME_MAX) return SIZE_MAX;
    for (size_t j = 0; j <= b_length; j++) row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            bool is_same = (a[i - 1] | 32) == (b[j - 1] | 32);
            size_t best = diagonal + (is_same ? 0 : 1);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[b_length];
}

const char *mapping_nearest(const char *name, const char *const *names, size_t count)
{
    LX_ASSERT(name != NULL);

    const char *nearest = NULL;
    size_t least = strlen(name) / 3 + 1; /* a short name may have one slip */
    for (size_t i = 0; i < count; i++) {
        size_t edits = distance(name, names[i]);
        if (edits > least || (edits == least && nearest != NULL)) continue;
        nearest = names[i];
        least = edits;
    }
    return nearest;
}
