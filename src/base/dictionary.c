#include "base/dictionary.h"

#include <string.h>

#include "base/limits.h"

void lx_dictionary_init(struct lx_dictionary *dictionary, size_t max_count)
{
    LX_ASSERT(max_count > 0 && max_count < UINT32_MAX);

    *dictionary = (struct lx_dictionary){.max_count = max_count};
}

void lx_dictionary_release(struct lx_dictionary *dictionary)
{
    lx_free(dictionary->slots);
    lx_free(dictionary->offsets);
    lx_free(dictionary->bytes);
    *dictionary = (struct lx_dictionary){.max_count = dictionary->max_count};
}

/*
 * Eight bytes at a time, each step a multiplication and a fold (Fibonacci hashing). Not keyed:
 * the keys come from the bank's own files, not from strangers. Never stored, so free to change.
 */
static uint32_t hash_of(const char *key, size_t length)
{
    uint64_t hash = length * 0x9E3779B97F4A7C15u, word;
    for (; length >= sizeof word; key += sizeof word, length -= sizeof word) {
        memcpy(&word, key, sizeof word);
        hash = (hash ^ word) * 0xD6E8FEB86659FD93u;
        hash ^= hash >> 32;
    }
    word = 0;
    if (length > 0) memcpy(&word, key, length);
    hash = (hash ^ word) * 0xD6E8FEB86659FD93u;
    hash = (hash ^ hash >> 32) * 0x9E3779B97F4A7C15u;
    return (uint32_t)(hash >> 32);
}

static bool is_key(const struct lx_dictionary *dictionary, uint32_t number, const char *key,
                   size_t length)
{
    uint64_t start = dictionary->offsets[number];
    uint64_t end = dictionary->offsets[number + 1] - 1;
    return end - start == length && memcmp(dictionary->bytes + start, key, length) == 0;
}

/* The slot that holds the key, or the empty one where it belongs. */
static size_t slot_of(const struct lx_dictionary *dictionary, uint32_t hash, const char *key,
                      size_t length)
{
    size_t mask = dictionary->slot_count - 1;
    for (size_t slot = hash & mask;; slot = (slot + 1) & mask) {
        uint64_t stored = dictionary->slots[slot];
        if (stored == 0) return slot;
        if (stored >> 32 == hash && is_key(dictionary, (uint32_t)stored - 1, key, length))
            return slot;
    }
}

int64_t lx_dictionary_find(const struct lx_dictionary *dictionary, const char *key, size_t length)
{
    LX_ASSERT(key != NULL || length == 0);

    if (dictionary->count == 0) return LX_DICTIONARY_NONE;
    size_t slot = slot_of(dictionary, hash_of(key, length), key, length);
    return (int64_t)(uint32_t)dictionary->slots[slot] - 1;
}

static enum lx_err rehash(struct lx_dictionary *dictionary)
{
    size_t slot_count = dictionary->slot_count == 0 ? 64 : dictionary->slot_count * 2;
    uint64_t *slots = lx_calloc(slot_count, sizeof *slots);
    if (slots == NULL) return LX_ERR_NO_MEMORY;

    for (size_t i = 0; i < dictionary->slot_count; i++) {
        uint64_t stored = dictionary->slots[i];
        if (stored == 0) continue;
        size_t slot = (size_t)(stored >> 32) & (slot_count - 1);
        while (slots[slot] != 0) slot = (slot + 1) & (slot_count - 1);
        slots[slot] = stored;
    }
    lx_free(dictionary->slots);
    dictionary->slots = slots;
    dictionary->slot_count = slot_count;
    return LX_OK;
}

static enum lx_err make_room(struct lx_dictionary *dictionary, size_t length)
{
    if (dictionary->count >= dictionary->max_count) return LX_ERR_LIMIT;
    if (length >= LX_MEMORY_MAX) return LX_ERR_LIMIT;

    size_t end = dictionary->count == 0 ? 0 : (size_t)dictionary->offsets[dictionary->count];
    enum lx_err code = lx_grow(&dictionary->offsets, &dictionary->capacity, dictionary->count + 2,
                               (size_t)UINT32_MAX + 1, sizeof *dictionary->offsets);
    if (code == LX_OK)
        code = lx_grow(&dictionary->bytes, &dictionary->bytes_capacity, end + length + 1,
                       LX_MEMORY_MAX, 1);
    if (code == LX_OK && dictionary->count * 2 >= dictionary->slot_count) code = rehash(dictionary);
    return code;
}

enum lx_err lx_dictionary_add(struct lx_dictionary *dictionary, const char *key, size_t length,
                              uint32_t *ret_number, bool *ret_is_new)
{
    LX_ASSERT(ret_number != NULL);

    int64_t found = lx_dictionary_find(dictionary, key, length);
    if (found >= 0) {
        *ret_number = (uint32_t)found;
        if (ret_is_new != NULL) *ret_is_new = false;
        return LX_OK;
    }
    enum lx_err code = make_room(dictionary, length);
    if (code != LX_OK) return code;

    uint32_t number = (uint32_t)dictionary->count, hash = hash_of(key, length);
    if (number == 0) dictionary->offsets[0] = 0;
    uint64_t start = dictionary->offsets[number];
    size_t slot = slot_of(dictionary, hash, key, length);
    if (length > 0) memcpy(dictionary->bytes + start, key, length);
    dictionary->bytes[start + length] = '\0';
    dictionary->offsets[number + 1] = start + length + 1;
    dictionary->slots[slot] = (uint64_t)hash << 32 | (number + 1);
    dictionary->count++;
    *ret_number = number;
    if (ret_is_new != NULL) *ret_is_new = true;
    return LX_OK;
}

const char *lx_dictionary_text(const struct lx_dictionary *dictionary, uint32_t number,
                               size_t *ret_length)
{
    LX_ASSERT(number < dictionary->count);

    uint64_t start = dictionary->offsets[number];
    if (ret_length != NULL) *ret_length = dictionary->offsets[number + 1] - 1 - start;
    return dictionary->bytes + start;
}
