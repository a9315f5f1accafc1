#include "api/idempotency.h"

#include <string.h>

#include "host/thread.h"

enum state { FREE, UNDER_WAY, DONE, DROPPED };

enum { BUCKETS = API_IDEMPOTENCY_MAX };

struct slot {
    struct api_repeat_key key;
    int64_t at_ms;
    uint32_t next; /* in the bucket; number + 1, 0: none */
    int state, status;
    char *body; /* owned */
    size_t length;
};

/* Slots are a ring in the order of their beginning, which is that of their end, too. */
struct api_idempotency {
    struct host_mutex *mutex;
    struct slot *slots;
    uint32_t *buckets;
    size_t first, count, bytes;
};

enum lx_err api_idempotency_open(struct api_idempotency **ret_table, struct lx_error *err)
{
    struct api_idempotency *table = lx_calloc(1, sizeof *table);
    if (table == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "idempotency: out of memory");
    table->slots = lx_calloc(API_IDEMPOTENCY_MAX, sizeof *table->slots);
    table->buckets = lx_calloc(BUCKETS, sizeof *table->buckets);
    enum lx_err code = table->slots != NULL && table->buckets != NULL
                           ? LX_OK
                           : lx_fail(err, LX_ERR_NO_MEMORY, "idempotency: out of memory");
    if (code == LX_OK) code = host_mutex_open(&table->mutex, err);
    if (code == LX_OK)
        *ret_table = table;
    else
        api_idempotency_close(table);
    return code;
}

void api_idempotency_close(struct api_idempotency *table)
{
    if (table == NULL) return;
    for (size_t i = 0; table->slots != NULL && i < API_IDEMPOTENCY_MAX; i++)
        lx_free(table->slots[i].body);
    lx_free(table->slots);
    lx_free(table->buckets);
    host_mutex_close(table->mutex);
    lx_free(table);
}

static uint32_t *bucket_of(struct api_idempotency *table, const struct api_repeat_key *key)
{
    uint32_t bits;
    memcpy(&bits, key->key, sizeof bits);
    return &table->buckets[bits % BUCKETS];
}

static void take_from_bucket(struct api_idempotency *table, uint32_t number)
{
    uint32_t *at = bucket_of(table, &table->slots[number].key);
    while (*at != number + 1) at = &table->slots[*at - 1].next;
    *at = table->slots[number].next;
}

static void empty(struct api_idempotency *table, struct slot *slot)
{
    table->bytes -= slot->length;
    lx_free(slot->body);
    slot->body = NULL;
    slot->length = 0;
}

/* What is under way stays, however long it takes, and so does what came after it. */
static void expire(struct api_idempotency *table, int64_t now_ms)
{
    while (table->count > 0) {
        struct slot *slot = &table->slots[table->first];
        bool is_over = slot->state == DROPPED ||
                       (slot->state == DONE && now_ms >= slot->at_ms + (int64_t)API_IDEMPOTENCY_MS);
        if (!is_over) return;
        if (slot->state == DONE) take_from_bucket(table, (uint32_t)table->first);
        empty(table, slot);
        slot->state = FREE;
        table->first = (table->first + 1) % API_IDEMPOTENCY_MAX;
        table->count--;
    }
}

static struct slot *find(struct api_idempotency *table, const struct api_repeat_key *key)
{
    uint32_t number = *bucket_of(table, key);
    while (number != 0) {
        struct slot *slot = &table->slots[number - 1];
        if (memcmp(slot->key.key, key->key, sizeof key->key) == 0) return slot;
        number = slot->next;
    }
    return NULL;
}

static enum api_repeat repeat(const struct slot *slot, const struct api_repeat_key *key,
                              struct lx_arena *arena, struct api_repeat_answer *ret_answer)
{
    if (memcmp(slot->key.request, key->request, sizeof key->request) != 0) return API_OTHER;
    if (slot->state == UNDER_WAY) return API_UNDER_WAY;
    const char *body = lx_arena_strndup(arena, slot->body, slot->length);
    if (body == NULL) return API_FULL;
    *ret_answer = (struct api_repeat_answer){slot->status, body, slot->length};
    return API_REPEATED;
}

static enum api_repeat add(struct api_idempotency *table, const struct api_repeat_key *key,
                           int64_t now_ms, uint32_t *ret_ticket)
{
    if (table->count == API_IDEMPOTENCY_MAX || table->bytes > API_IDEMPOTENCY_BYTES)
        return API_FULL;
    size_t number = (table->first + table->count++) % API_IDEMPOTENCY_MAX;
    uint32_t *bucket = bucket_of(table, key);
    table->slots[number] =
        (struct slot){.key = *key, .at_ms = now_ms, .next = *bucket, .state = UNDER_WAY};
    *bucket = (uint32_t)number + 1;
    *ret_ticket = (uint32_t)number;
    return API_FIRST;
}

enum api_repeat api_idempotency_begin(struct api_idempotency *table,
                                      const struct api_repeat_key *key, int64_t now_ms,
                                      struct lx_arena *arena, uint32_t *ret_ticket,
                                      struct api_repeat_answer *ret_answer)
{
    host_mutex_lock(table->mutex);
    expire(table, now_ms);
    const struct slot *slot = find(table, key);
    enum api_repeat outcome =
        slot != NULL ? repeat(slot, key, arena, ret_answer) : add(table, key, now_ms, ret_ticket);
    host_mutex_unlock(table->mutex);
    return outcome;
}

void api_idempotency_end(struct api_idempotency *table, uint32_t ticket, int status,
                         const char *body, size_t length)
{
    char *kept = body != NULL ? lx_malloc(length + 1) : NULL;
    if (kept != NULL) memcpy(kept, body, length);
    host_mutex_lock(table->mutex);
    struct slot *slot = &table->slots[ticket];
    LX_ASSERT(slot->state == UNDER_WAY);
    if (kept != NULL) {
        slot->state = DONE;
        slot->status = status;
        slot->body = kept;
        slot->length = length;
        table->bytes += length;
    } else {
        take_from_bucket(table, ticket);
        slot->state = DROPPED;
    }
    host_mutex_unlock(table->mutex);
}
