#include "view/audience_kept.h"

#include <string.h>

#include "base/suggest.h"

static bool is_name_byte(unsigned char byte)
{
    return byte >= 0x80 || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_' || byte == '-' || byte == '.';
}

static enum lx_err check_name(const char *name, struct lx_error *err)
{
    size_t length = strlen(name);
    bool is_good = length > 0 && length <= VIEW_KEPT_NAME_MAX;
    for (size_t i = 0; i < length; i++) is_good = is_good && is_name_byte((unsigned char)name[i]);
    if (is_good) return LX_OK;
    return lx_fail(
        err, LX_ERR_BAD_INPUT,
        "audience \"%.80s\": a name is letters, digits, `_`, `-` and `.`, %d bytes at most", name,
        VIEW_KEPT_NAME_MAX);
}

static void bind_text(struct store_statement *statement, int index, const char *text)
{
    store_bind_text(statement, index, text, strlen(text));
}

enum lx_err view_kept_add(struct store *store, const char *name, const char *expression,
                          const char *owner, int64_t at_ms, struct lx_error *err)
{
    LX_ASSERT(store != NULL && name != NULL && expression != NULL && owner != NULL);

    struct store_statement *statement = NULL;
    enum lx_err code = check_name(name, err);
    if (code == LX_OK && strlen(owner) > VIEW_KEPT_OWNER_MAX)
        code = lx_fail(err, LX_ERR_BAD_INPUT, "owner \"%.80s\": more than %d bytes", owner,
                       VIEW_KEPT_OWNER_MAX);
    if (code == LX_OK)
        code = store_prepare(store,
                             "INSERT INTO audience (name, expression, owner, at_ms)"
                             " VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO NOTHING",
                             &statement, err);
    if (code == LX_OK) {
        bind_text(statement, 1, name);
        bind_text(statement, 2, expression);
        bind_text(statement, 3, owner);
        store_bind_int(statement, 4, at_ms);
        code = store_run(statement, err);
    }
    if (code == LX_OK && store_changes(store) == 0)
        code = lx_fail(err, LX_ERR_REFUSED,
                       "audience `%s` is there already; `lingxi audience --drop %s` removes it",
                       name, name);
    store_finalize(statement);
    return code;
}

/* "No such audience", with the nearest name there is. */
static enum lx_err no_audience(struct store *store, const char *name, struct lx_error *err)
{
    struct store_statement *statement = NULL;
    struct lx_arena arena;
    const char *names[256] = {NULL}, *best = NULL;
    size_t count = 0, length;
    bool has_row = true;
    lx_arena_init(&arena, (size_t)1 << 20);
    enum lx_err code =
        store_prepare(store, "SELECT name FROM audience ORDER BY name", &statement, err);
    while (code == LX_OK && has_row && count < LX_COUNT_OF(names)) {
        code = store_step(statement, &has_row, err);
        if (code != LX_OK || !has_row) break;
        const char *text = store_text(statement, 0, &length);
        names[count++] = lx_arena_strndup(&arena, text, length);
    }
    store_finalize(statement);
    if (code == LX_OK) {
        best = lx_suggest(name, names, count);
        code = lx_fail(err, LX_ERR_NOT_FOUND, "no audience `%.80s`%s%s%s; `lingxi audience --list`",
                       name, best == NULL ? "" : "; did you mean `", best == NULL ? "" : best,
                       best == NULL ? "" : "`?");
    }
    lx_arena_release(&arena);
    return code;
}

static enum lx_err remove_rows(struct store *store, const char *sql, const char *name,
                               struct lx_error *err)
{
    struct store_statement *statement = NULL;
    enum lx_err code = store_prepare(store, sql, &statement, err);
    if (code == LX_OK) {
        bind_text(statement, 1, name);
        code = store_run(statement, err);
    }
    store_finalize(statement);
    return code;
}

enum lx_err view_kept_drop(struct store *store, const char *name, struct lx_error *err)
{
    LX_ASSERT(store != NULL && name != NULL);

    enum lx_err code = store_begin(store, err);
    if (code != LX_OK) return code;
    code = remove_rows(store, "DELETE FROM audience_size WHERE audience = $1", name, err);
    if (code == LX_OK) code = remove_rows(store, "DELETE FROM audience WHERE name = $1", name, err);
    if (code == LX_OK && store_changes(store) == 0) code = no_audience(store, name, err);
    if (code == LX_OK) return store_commit(store, err);
    store_rollback(store);
    return code;
}

enum lx_err view_kept_count(struct store *store, const char *name,
                            const struct view_kept_size *size, struct lx_error *err)
{
    LX_ASSERT(store != NULL && name != NULL && size != NULL);

    struct store_statement *statement = NULL;
    enum lx_err code = store_prepare(
        store,
        "INSERT INTO audience_size (audience, sequence, at_ms, as_of_ms, size, customers)"
        " SELECT $1, coalesce(max(sequence), 0) + 1, $2, $3, $4, $5 FROM audience_size"
        " WHERE audience = $1",
        &statement, err);
    if (code == LX_OK) {
        bind_text(statement, 1, name);
        store_bind_int(statement, 2, size->at_ms);
        store_bind_int(statement, 3, size->as_of_ms);
        store_bind_int(statement, 4, size->size);
        store_bind_int(statement, 5, size->customers);
        code = store_run(statement, err);
    }
    store_finalize(statement);
    return code;
}

static enum lx_err out_of_memory(struct lx_error *err)
{
    return lx_fail(err, LX_ERR_NO_MEMORY, "audience: out of memory");
}

static const char *copy_text(struct store_statement *statement, int column, struct lx_arena *arena)
{
    size_t length;
    const char *text = store_text(statement, column, &length);
    return lx_arena_strndup(arena, text, length);
}

static enum lx_err read_sizes(struct store *store, struct lx_arena *arena, struct view_kept *kept,
                              struct lx_error *err)
{
    struct store_statement *statement = NULL;
    struct view_kept_size *sizes = NULL;
    bool has_row = false;
    enum lx_err code = store_prepare(store,
                                     "SELECT at_ms, as_of_ms, size, customers, count(*) OVER ()"
                                     " FROM audience_size WHERE audience = $1 ORDER BY sequence",
                                     &statement, err);
    if (code == LX_OK) bind_text(statement, 1, kept->name);
    while (code == LX_OK) {
        code = store_step(statement, &has_row, err);
        if (code != LX_OK || !has_row) break;
        if (sizes == NULL)
            sizes = lx_arena_array(arena, (size_t)store_int(statement, 4), sizeof *sizes);
        if (sizes == NULL) code = out_of_memory(err);
        if (code == LX_OK)
            sizes[kept->size_count++] =
                (struct view_kept_size){store_int(statement, 0), store_int(statement, 1),
                                        store_int(statement, 2), store_int(statement, 3)};
    }
    kept->sizes = sizes;
    store_finalize(statement);
    return code;
}

static enum lx_err read_list(struct store *store, struct lx_arena *arena, struct view_kept *list,
                             size_t *ret_count, struct lx_error *err)
{
    struct store_statement *statement = NULL;
    bool has_row = false;
    enum lx_err code =
        store_prepare(store, "SELECT name, expression, owner, at_ms FROM audience ORDER BY name",
                      &statement, err);
    while (code == LX_OK) {
        code = store_step(statement, &has_row, err);
        if (code != LX_OK || !has_row) break;
        if (*ret_count == VIEW_KEPT_MAX) {
            code = lx_fail(err, LX_ERR_LIMIT, "more than %d kept audiences", VIEW_KEPT_MAX);
            break;
        }
        struct view_kept *kept = &list[(*ret_count)++];
        kept->name = copy_text(statement, 0, arena);
        kept->expression = copy_text(statement, 1, arena);
        kept->owner = copy_text(statement, 2, arena);
        kept->at_ms = store_int(statement, 3);
        if (kept->name == NULL || kept->expression == NULL || kept->owner == NULL)
            code = out_of_memory(err);
    }
    store_finalize(statement);
    return code;
}

enum lx_err view_kept_list(struct store *store, struct lx_arena *arena, struct view_kept **ret_list,
                           size_t *ret_count, struct lx_error *err)
{
    LX_ASSERT(store != NULL && arena != NULL && ret_list != NULL && ret_count != NULL);

    size_t count = 0;
    struct view_kept *list = lx_arena_array(arena, VIEW_KEPT_MAX, sizeof *list);
    if (list == NULL) return out_of_memory(err);
    enum lx_err code = read_list(store, arena, list, &count, err);
    for (size_t i = 0; i < count && code == LX_OK; i++)
        code = read_sizes(store, arena, &list[i], err);
    if (code != LX_OK) return code;
    *ret_list = list;
    *ret_count = count;
    return LX_OK;
}

enum lx_err view_kept_find(struct store *store, const char *name, struct lx_arena *arena,
                           struct view_kept *ret_kept, struct lx_error *err)
{
    LX_ASSERT(name != NULL && ret_kept != NULL);

    struct view_kept *list = NULL;
    size_t count = 0;
    enum lx_err code = view_kept_list(store, arena, &list, &count, err);
    if (code != LX_OK) return code;
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].name, name) == 0) {
            *ret_kept = list[i];
            return LX_OK;
        }
    return no_audience(store, name, err);
}
