#include "bank/types.h"

#include <string.h>

struct word {
    int number;
    const char *text, *zh, *en;
};

static const struct word *word_of(const struct word *words, size_t count, int number)
{
    for (size_t i = 0; i < count; i++)
        if (words[i].number == number) return &words[i];
    lx_bug(__FILE__, __LINE__, "number of an enumeration");
}

static int number_of(const struct word *words, size_t count, const char *text, size_t length)
{
    for (size_t i = 1; i < count; i++)
        if (strlen(words[i].text) == length && memcmp(words[i].text, text, length) == 0)
            return words[i].number;
    return 0;
}

#define WORD(name, number, text, zh, en) {(number), (text), (zh), (en)},

#define DEFINE(name, NAME, MAP)                                                                    \
    static const struct word name##_words[] = {{0, "", "", ""}, MAP(WORD)};                        \
    const char *bank_##name##_text(enum bank_##name value)                                         \
    {                                                                                              \
        return word_of(name##_words, LX_COUNT_OF(name##_words), (int)value)->text;                 \
    }                                                                                              \
    const char *bank_##name##_zh(enum bank_##name value)                                           \
    {                                                                                              \
        return word_of(name##_words, LX_COUNT_OF(name##_words), (int)value)->zh;                   \
    }                                                                                              \
    const char *bank_##name##_en(enum bank_##name value)                                           \
    {                                                                                              \
        return word_of(name##_words, LX_COUNT_OF(name##_words), (int)value)->en;                   \
    }                                                                                              \
    enum bank_##name bank_##name##_find(const char *text, size_t length)                           \
    {                                                                                              \
        return (enum bank_##name)number_of(name##_words, LX_COUNT_OF(name##_words), text, length); \
    }

DEFINE(event_kind, EVENT_KIND, BANK_EVENT_KIND_MAP)
DEFINE(channel, CHANNEL, BANK_CHANNEL_MAP)
DEFINE(category, CATEGORY, BANK_CATEGORY_MAP)
DEFINE(answer, ANSWER, BANK_ANSWER_MAP)
DEFINE(gender, GENDER, BANK_GENDER_MAP)
DEFINE(merchant, MERCHANT, BANK_MERCHANT_MAP)

_Static_assert(LX_COUNT_OF(event_kind_words) == BANK_EVENT_KIND_END, "one past the last kind");
_Static_assert(LX_COUNT_OF(channel_words) == BANK_CHANNEL_END, "one past the last channel");
_Static_assert(LX_COUNT_OF(category_words) == BANK_CATEGORY_END, "one past the last category");
_Static_assert(LX_COUNT_OF(merchant_words) == BANK_MERCHANT_END, "one past the last merchant");
