#include "auth/api_key.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "codec/csv.h"

enum { ROUTES_MAX = 64, ID_BYTES = 6, PREFIX_LENGTH = 3 };

struct place {
    struct api_key key;
    uint8_t secret[DIGEST_SIZE];
    int32_t day;                 /* of `used` and `counted` */
    int64_t used;                /* on that day, by all routes, written or not */
    int64_t counted[ROUTES_MAX]; /* not written yet */
};

struct api_keys {
    struct store *store; /* borrowed */
    struct place places[API_KEYS_MAX];
    size_t count;
};

static void copy_text(struct store_statement *statement, int column, char *ret_text, size_t size)
{
    size_t length = 0;
    const char *text = store_text(statement, column, &length);
    if (length >= size) length = size - 1;
    if (length > 0) memcpy(ret_text, text, length);
    ret_text[length] = 0;
}

static enum lx_err read_place(struct store_statement *statement, struct place *ret_place,
                              struct lx_error *err)
{
    size_t length = 0;
    struct place place = {.day = INT32_MIN};
    copy_text(statement, 0, place.key.id, sizeof place.key.id);
    copy_text(statement, 2, place.key.owner, sizeof place.key.owner);
    const void *secret = store_blob(statement, 1, &length);
    if (length != DIGEST_SIZE)
        return lx_fail(err, LX_ERR_CORRUPT, "access.db: key %s is damaged", place.key.id);
    memcpy(place.secret, secret, length);
    place.key.scopes = (unsigned)store_int(statement, 3);
    place.key.quota = store_int(statement, 4);
    place.key.price_fen = store_int(statement, 5);
    place.key.at_ms = store_int(statement, 6);
    place.key.until_ms = store_int(statement, 7);
    place.key.revoked_ms = store_int(statement, 8);
    *ret_place = place;
    return LX_OK;
}

static enum lx_err load(struct api_keys *keys, struct lx_error *err)
{
    struct store_statement *statement = NULL;
    bool has_row = true;
    enum lx_err code = store_prepare(keys->store,
                                     "SELECT id, secret, owner, scopes, quota, price_fen, at_ms,"
                                     " until_ms, coalesce(revoked_ms, 0) FROM api_key"
                                     " ORDER BY at_ms, id",
                                     &statement, err);
    while (code == LX_OK && has_row && keys->count < API_KEYS_MAX) {
        code = store_step(statement, &has_row, err);
        if (code == LX_OK && has_row) code = read_place(statement, &keys->places[keys->count], err);
        if (code == LX_OK && has_row) keys->count++;
    }
    store_finalize(statement);
    return code;
}

enum lx_err api_keys_open(struct accounts *accounts, struct api_keys **ret_keys,
                          struct lx_error *err)
{
    LX_ASSERT(policy_count() <= ROUTES_MAX);

    struct api_keys *keys = lx_calloc(1, sizeof *keys);
    if (keys == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "API keys: out of memory");
    keys->store = accounts_store(accounts);
    enum lx_err code = load(keys, err);
    if (code == LX_OK)
        *ret_keys = keys;
    else
        api_keys_close(keys);
    return code;
}

void api_keys_close(struct api_keys *keys)
{
    lx_free(keys);
}

size_t api_keys_count(const struct api_keys *keys)
{
    return keys->count;
}

const struct api_key *api_keys_at(const struct api_keys *keys, size_t index)
{
    LX_ASSERT(index < keys->count);
    return &keys->places[index].key;
}

static enum lx_err check_wanted(const struct api_keys *keys, const struct api_key *wanted,
                                int64_t now_ms, struct lx_error *err)
{
    if (keys->count >= API_KEYS_MAX)
        return lx_fail(err, LX_ERR_LIMIT, "API keys: %d are there, no more can be made",
                       API_KEYS_MAX);
    bool is_good = wanted->owner[0] != 0 && wanted->scopes != 0 && wanted->quota >= 0 &&
                   wanted->price_fen >= 0 && wanted->until_ms > now_ms;
    if (is_good) return LX_OK;
    return lx_fail(err, LX_ERR_BAD_INPUT,
                   "API key: an owner, at least one scope, no negative quota or price, and an end "
                   "in the future are needed");
}

static enum lx_err insert(struct api_keys *keys, const struct place *place, struct lx_error *err)
{
    struct store_statement *statement = NULL;
    const struct api_key *key = &place->key;
    enum lx_err code = store_prepare(keys->store,
                                     "INSERT INTO api_key (id, secret, owner, scopes, quota,"
                                     " price_fen, at_ms, until_ms, revoked_ms)"
                                     " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL)",
                                     &statement, err);
    if (code == LX_OK) {
        store_bind_text(statement, 1, key->id, strlen(key->id));
        store_bind_blob(statement, 2, place->secret, sizeof place->secret);
        store_bind_text(statement, 3, key->owner, strlen(key->owner));
        store_bind_int(statement, 4, key->scopes);
        store_bind_int(statement, 5, key->quota);
        store_bind_int(statement, 6, key->price_fen);
        store_bind_int(statement, 7, key->at_ms);
        store_bind_int(statement, 8, key->until_ms);
        code = store_run(statement, err);
    }
    store_finalize(statement);
    return code;
}

enum lx_err api_keys_make(struct api_keys *keys, const struct lx_env *env,
                          const struct api_key *wanted, struct api_key *ret_key,
                          char ret_text[API_KEY_TEXT_SIZE], struct lx_error *err)
{
    uint8_t id[ID_BYTES];
    char secret[SECRET_TEXT_SIZE];
    int64_t now_ms = env->now_ms(env->context);
    struct place place = {.key = *wanted, .day = INT32_MIN};
    enum lx_err code = check_wanted(keys, wanted, now_ms, err);
    if (code != LX_OK) return code;
    env->entropy(env->context, id, sizeof id);
    for (size_t i = 0; i < sizeof id; i++) snprintf(place.key.id + 2 * i, 3, "%02x", id[i]);
    secret_make(env, secret);
    secret_hash(secret, SECRET_TEXT_SIZE - 1, place.secret);
    place.key.at_ms = now_ms;
    place.key.revoked_ms = 0;
    code = insert(keys, &place, err);
    if (code == LX_OK) {
        keys->places[keys->count++] = place;
        snprintf(ret_text, API_KEY_TEXT_SIZE, "lx_%s_%s", place.key.id, secret);
        *ret_key = place.key;
    }
    secret_wipe(secret, sizeof secret);
    return code;
}

static struct place *find_id(struct api_keys *keys, const char *id, size_t length)
{
    for (size_t i = 0; i < keys->count; i++)
        if (length == API_KEY_ID_SIZE - 1 && memcmp(keys->places[i].key.id, id, length) == 0)
            return &keys->places[i];
    return NULL;
}

enum lx_err api_keys_revoke(struct api_keys *keys, const char *id, int64_t now_ms,
                            struct lx_error *err)
{
    struct store_statement *statement = NULL;
    struct place *place = find_id(keys, id, strlen(id));
    if (place == NULL) return lx_fail(err, LX_ERR_NOT_FOUND, "no API key %.32s", id);
    if (place->key.revoked_ms != 0) return LX_OK;
    enum lx_err code = store_prepare(
        keys->store, "UPDATE api_key SET revoked_ms = $2 WHERE id = $1", &statement, err);
    if (code == LX_OK) {
        store_bind_text(statement, 1, id, strlen(id));
        store_bind_int(statement, 2, now_ms);
        code = store_run(statement, err);
    }
    store_finalize(statement);
    if (code == LX_OK) place->key.revoked_ms = now_ms;
    return code;
}

/* lx_ID_SECRET -> the key whose secret that is. */
static struct place *find_text(struct api_keys *keys, const char *text, size_t length)
{
    uint8_t hash[DIGEST_SIZE];
    size_t id_length = API_KEY_ID_SIZE - 1, secret_at = PREFIX_LENGTH + id_length + 1;
    if (length != API_KEY_TEXT_SIZE - 1 || memcmp(text, "lx_", PREFIX_LENGTH) != 0 ||
        text[secret_at - 1] != '_')
        return NULL;
    struct place *place = find_id(keys, text + PREFIX_LENGTH, id_length);
    secret_hash(text + secret_at, length - secret_at, hash);
    if (place == NULL || !secret_equal(hash, place->secret, sizeof hash)) return NULL;
    return place;
}

/* What access.db has of the day. */
static enum lx_err read_used(struct api_keys *keys, const char *id, int32_t day, int64_t *ret_used,
                             struct lx_error *err)
{
    struct store_statement *statement = NULL;
    bool has_row = false;
    enum lx_err code = store_prepare(
        keys->store, "SELECT coalesce(sum(calls), 0) FROM api_key_use WHERE key = $1 AND day = $2",
        &statement, err);
    if (code == LX_OK) {
        store_bind_text(statement, 1, id, strlen(id));
        store_bind_int(statement, 2, day);
        code = store_step(statement, &has_row, err);
    }
    if (code == LX_OK) *ret_used = store_int(statement, 0);
    store_finalize(statement);
    return code;
}

static enum lx_err begin_day(struct api_keys *keys, struct place *place, int32_t day,
                             struct lx_error *err)
{
    int64_t used = 0;
    if (place->day == day) return LX_OK;
    enum lx_err code = api_keys_write(keys, err);
    if (code == LX_OK) code = read_used(keys, place->key.id, day, &used, err);
    if (code != LX_OK) return code;
    place->day = day;
    place->used = used;
    return LX_OK;
}

enum lx_err api_keys_use(struct api_keys *keys, const char *text, size_t length, size_t route,
                         int64_t now_ms, int32_t day, enum api_key_state *ret_state,
                         struct api_key *ret_key, struct lx_error *err)
{
    LX_ASSERT(route < ROUTES_MAX);

    struct place *place = find_text(keys, text, length);
    *ret_state = API_KEY_UNKNOWN;
    if (place == NULL || place->key.revoked_ms != 0 || now_ms >= place->key.until_ms) return LX_OK;
    enum lx_err code = begin_day(keys, place, day, err);
    if (code != LX_OK) return code;
    *ret_state = API_KEY_OVER_QUOTA;
    if (place->key.quota > 0 && place->used >= place->key.quota) return LX_OK;
    place->used++;
    place->counted[route]++;
    *ret_key = place->key;
    *ret_state = API_KEY_GOOD;
    return LX_OK;
}

static enum lx_err write_place(struct place *place, struct store_statement *statement,
                               struct lx_error *err)
{
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < policy_count() && code == LX_OK; i++) {
        char route[128];
        if (place->counted[i] == 0) continue;
        const struct policy_rule rule = policy_at(i);
        snprintf(route, sizeof route, "%s %s", rule.method, rule.route);
        store_bind_text(statement, 1, place->key.id, strlen(place->key.id));
        store_bind_int(statement, 2, place->day);
        store_bind_text(statement, 3, route, strlen(route));
        store_bind_int(statement, 4, place->counted[i]);
        store_bind_int(statement, 5, place->counted[i] * place->key.price_fen);
        code = store_run(statement, err);
    }
    return code;
}

enum lx_err api_keys_write(struct api_keys *keys, struct lx_error *err)
{
    struct store_statement *statement = NULL;
    enum lx_err code = store_begin(keys->store, err);
    if (code != LX_OK) return code;
    code = store_prepare(keys->store,
                         "INSERT INTO api_key_use (key, day, route, calls, price_fen)"
                         " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (key, day, route) DO UPDATE SET"
                         " calls = calls + excluded.calls, price_fen = price_fen +"
                         " excluded.price_fen",
                         &statement, err);
    for (size_t i = 0; i < keys->count && code == LX_OK; i++)
        code = write_place(&keys->places[i], statement, err);
    store_finalize(statement);
    if (code == LX_OK) code = store_commit(keys->store, err);
    if (code != LX_OK) {
        store_rollback(keys->store);
        return code;
    }
    for (size_t i = 0; i < keys->count; i++)
        memset(keys->places[i].counted, 0, sizeof keys->places[i].counted);
    return LX_OK;
}

enum lx_err api_keys_statement(struct api_keys *keys, int32_t first_day, int32_t last_day,
                               struct lx_buffer *buffer, struct lx_error *err)
{
    const struct csv_format format = {.delimiter = ",", .quote = '"'};
    struct store_statement *statement = NULL;
    bool has_row = true;
    size_t length = 0;
    enum lx_err code = api_keys_write(keys, err);
    if (code == LX_OK)
        code = store_prepare(keys->store,
                             "SELECT k.id, k.owner, u.day, u.route, u.calls, u.price_fen"
                             " FROM api_key_use u JOIN api_key k ON k.id = u.key"
                             " WHERE u.day BETWEEN $1 AND $2 ORDER BY k.id, u.day, u.route",
                             &statement, err);
    if (code == LX_OK) {
        store_bind_int(statement, 1, first_day);
        store_bind_int(statement, 2, last_day);
        lx_buffer_append_text(buffer, "key,owner,day,route,calls,price_fen\n");
    }
    while (code == LX_OK && has_row) {
        char day[LX_DATE_TEXT_SIZE];
        code = store_step(statement, &has_row, err);
        if (code != LX_OK || !has_row) break;
        lx_day_format((int32_t)store_int(statement, 2), day);
        const char *id = store_text(statement, 0, &length);
        csv_write_field(buffer, &format, true, id, length);
        const char *owner = store_text(statement, 1, &length);
        csv_write_field(buffer, &format, false, owner, length);
        lx_buffer_printf(buffer, ",%s,%s,%" PRId64 ",%" PRId64 "\n", day,
                         store_text(statement, 3, &length), store_int(statement, 4),
                         store_int(statement, 5));
    }
    store_finalize(statement);
    if (code == LX_OK && lx_buffer_error(buffer) != LX_OK)
        code = lx_fail(err, lx_buffer_error(buffer), "statement: too long");
    return code;
}
