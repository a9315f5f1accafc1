#include "auth/session.h"

#include <string.h>

enum { WRITE_SEEN_MS = 60 * 1000 };

struct place {
    struct session session;
    int64_t written_ms; /* seen_ms as access.db has it */
    bool is_taken;
};

struct sessions {
    struct store *store; /* borrowed */
    struct place places[SESSIONS_MAX];
};

static bool has_ended(const struct session *session, int64_t now_ms)
{
    return now_ms - session->seen_ms >= SESSION_IDLE_MS ||
           now_ms - session->begun_ms >= SESSION_MAX_MS;
}

static struct place *find_place(struct sessions *sessions, const char *token)
{
    uint8_t hash[DIGEST_SIZE];
    secret_hash(token, strlen(token), hash);
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        struct place *place = &sessions->places[i];
        if (place->is_taken && secret_equal(place->session.token, hash, sizeof hash)) return place;
    }
    return NULL;
}

/* Of one session, by its token's hash as $1. */
static enum lx_err write_one(struct sessions *sessions, const char *sql, const uint8_t *token,
                             int64_t number, struct lx_error *err)
{
    struct store_statement *statement = NULL;
    enum lx_err code = store_prepare(sessions->store, sql, &statement, err);
    if (code == LX_OK) {
        store_bind_blob(statement, 1, token, DIGEST_SIZE);
        store_bind_int(statement, 2, number);
        code = store_run(statement, err);
    }
    store_finalize(statement);
    return code;
}

static enum lx_err remove_place(struct sessions *sessions, struct place *place,
                                struct lx_error *err)
{
    enum lx_err code = write_one(sessions, "DELETE FROM session WHERE token = $1 AND $2 = 0",
                                 place->session.token, 0, err);
    if (code == LX_OK) *place = (struct place){.is_taken = false};
    return code;
}

static enum lx_err insert(struct sessions *sessions, const struct session *session,
                          struct lx_error *err)
{
    struct store_statement *statement = NULL;
    enum lx_err code = store_prepare(sessions->store,
                                     "INSERT INTO session (token, account, form_token, begun_ms,"
                                     " seen_ms, has_second) VALUES ($1, $2, $3, $4, $5, $6)",
                                     &statement, err);
    if (code == LX_OK) {
        store_bind_blob(statement, 1, session->token, DIGEST_SIZE);
        store_bind_text(statement, 2, session->account, strlen(session->account));
        store_bind_blob(statement, 3, session->form_token, DIGEST_SIZE);
        store_bind_int(statement, 4, session->begun_ms);
        store_bind_int(statement, 5, session->seen_ms);
        store_bind_int(statement, 6, session->has_second);
        code = store_run(statement, err);
    }
    store_finalize(statement);
    return code;
}

static bool read_hash(struct store_statement *statement, int column, uint8_t ret_hash[DIGEST_SIZE])
{
    size_t length = 0;
    const void *bytes = store_blob(statement, column, &length);
    if (length != DIGEST_SIZE) return false;
    memcpy(ret_hash, bytes, length);
    return true;
}

static enum lx_err load(struct sessions *sessions, int64_t now_ms, struct lx_error *err)
{
    struct store_statement *statement = NULL;
    bool has_row = true;
    size_t count = 0, length = 0;
    enum lx_err code = store_prepare(sessions->store,
                                     "SELECT token, account, form_token, begun_ms, seen_ms,"
                                     " has_second FROM session ORDER BY seen_ms DESC",
                                     &statement, err);
    while (code == LX_OK && has_row && count < SESSIONS_MAX) {
        struct session session = {.has_second = false};
        code = store_step(statement, &has_row, err);
        if (code != LX_OK || !has_row) break;
        const char *account = store_text(statement, 1, &length);
        bool is_whole = read_hash(statement, 0, session.token) &&
                        read_hash(statement, 2, session.form_token) && length <= ACCOUNT_NAME_MAX;
        if (!is_whole) code = lx_fail(err, LX_ERR_CORRUPT, "access.db: a session is damaged");
        if (code != LX_OK) break;
        memcpy(session.account, account, length);
        session.begun_ms = store_int(statement, 3);
        session.seen_ms = store_int(statement, 4);
        session.has_second = store_int(statement, 5) != 0;
        if (has_ended(&session, now_ms)) continue;
        sessions->places[count++] = (struct place){session, session.seen_ms, true};
    }
    store_finalize(statement);
    return code;
}

enum lx_err sessions_open(struct accounts *accounts, int64_t now_ms, struct sessions **ret_sessions,
                          struct lx_error *err)
{
    struct sessions *sessions = lx_calloc(1, sizeof *sessions);
    if (sessions == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "sessions: out of memory");
    sessions->store = accounts_store(accounts);
    enum lx_err code = load(sessions, now_ms, err);
    if (code == LX_OK)
        *ret_sessions = sessions;
    else
        sessions_close(sessions);
    return code;
}

void sessions_close(struct sessions *sessions)
{
    if (sessions == NULL) return;
    secret_wipe(sessions, sizeof *sessions);
    lx_free(sessions);
}

/* Of the account, the one that was seen longest ago if it has as many as it may; ended ones go. */
static enum lx_err make_room(struct sessions *sessions, const char *account, int64_t now_ms,
                             struct place **ret_place, struct lx_error *err)
{
    struct place *free_place = NULL, *oldest = NULL;
    size_t of_account = 0;
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < SESSIONS_MAX && code == LX_OK; i++) {
        struct place *place = &sessions->places[i];
        if (place->is_taken && has_ended(&place->session, now_ms))
            code = remove_place(sessions, place, err);
        if (!place->is_taken) {
            free_place = place;
            continue;
        }
        if (strcmp(place->session.account, account) != 0) continue;
        of_account++;
        if (oldest == NULL || place->session.seen_ms < oldest->session.seen_ms) oldest = place;
    }
    if (code == LX_OK && of_account >= SESSION_EACH_MAX) {
        code = remove_place(sessions, oldest, err);
        free_place = oldest;
    }
    if (code == LX_OK && free_place == NULL)
        code =
            lx_fail(err, LX_ERR_LIMIT, "sessions: %d are logged in, no more can be", SESSIONS_MAX);
    *ret_place = free_place;
    return code;
}

static void make_tokens(const struct lx_env *env, struct session *session,
                        struct session_tokens *ret_tokens)
{
    secret_make(env, ret_tokens->token);
    secret_make(env, ret_tokens->form_token);
    secret_hash(ret_tokens->token, SECRET_TEXT_SIZE - 1, session->token);
    secret_hash(ret_tokens->form_token, SECRET_TEXT_SIZE - 1, session->form_token);
}

enum lx_err sessions_begin(struct sessions *sessions, const struct lx_env *env, const char *account,
                           struct session_tokens *ret_tokens, struct lx_error *err)
{
    LX_ASSERT(strlen(account) <= ACCOUNT_NAME_MAX);

    struct place *place = NULL;
    int64_t now_ms = env->now_ms(env->context);
    struct session session = {.begun_ms = now_ms, .seen_ms = now_ms};
    memcpy(session.account, account, strlen(account));
    enum lx_err code = make_room(sessions, account, now_ms, &place, err);
    if (code != LX_OK) return code;
    make_tokens(env, &session, ret_tokens);
    code = insert(sessions, &session, err);
    if (code == LX_OK) *place = (struct place){session, now_ms, true};
    return code;
}

enum lx_err sessions_find(struct sessions *sessions, const char *token, int64_t now_ms,
                          bool *ret_is_there, struct session *ret_session, struct lx_error *err)
{
    struct place *place = find_place(sessions, token);
    enum lx_err code = LX_OK;
    *ret_is_there = false;
    if (place == NULL) return LX_OK;
    if (has_ended(&place->session, now_ms)) return remove_place(sessions, place, err);
    place->session.seen_ms = now_ms;
    if (now_ms - place->written_ms >= WRITE_SEEN_MS) {
        code = write_one(sessions, "UPDATE session SET seen_ms = $2 WHERE token = $1",
                         place->session.token, now_ms, err);
        if (code == LX_OK) place->written_ms = now_ms;
    }
    if (code != LX_OK) return code;
    *ret_session = place->session;
    *ret_is_there = true;
    return LX_OK;
}

bool session_form_is_right(const struct session *session, const char *form_token)
{
    uint8_t hash[DIGEST_SIZE];
    secret_hash(form_token, strlen(form_token), hash);
    return secret_equal(hash, session->form_token, sizeof hash);
}

enum lx_err sessions_raise(struct sessions *sessions, const struct lx_env *env, const char *token,
                           struct session_tokens *ret_tokens, struct lx_error *err)
{
    struct place *place = find_place(sessions, token);
    if (place == NULL) return lx_fail(err, LX_ERR_NOT_FOUND, "session: it has ended");
    struct session session = place->session;
    session.has_second = true;
    make_tokens(env, &session, ret_tokens);
    enum lx_err code = store_begin(sessions->store, err);
    if (code != LX_OK) return code;
    code = write_one(sessions, "DELETE FROM session WHERE token = $1 AND $2 = 0",
                     place->session.token, 0, err);
    if (code == LX_OK) code = insert(sessions, &session, err);
    if (code == LX_OK) code = store_commit(sessions->store, err);
    if (code == LX_OK)
        *place = (struct place){session, session.seen_ms, true};
    else
        store_rollback(sessions->store);
    return code;
}

enum lx_err sessions_end(struct sessions *sessions, const char *token, struct lx_error *err)
{
    struct place *place = find_place(sessions, token);
    return place == NULL ? LX_OK : remove_place(sessions, place, err);
}

enum lx_err sessions_end_account(struct sessions *sessions, const char *account,
                                 struct lx_error *err)
{
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < SESSIONS_MAX && code == LX_OK; i++) {
        struct place *place = &sessions->places[i];
        if (place->is_taken && strcmp(place->session.account, account) == 0)
            code = remove_place(sessions, place, err);
    }
    return code;
}

size_t sessions_count(const struct sessions *sessions, int64_t now_ms)
{
    size_t count = 0;
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        count += sessions->places[i].is_taken && !has_ended(&sessions->places[i].session, now_ms);
    return count;
}
