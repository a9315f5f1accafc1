#include "view/label_coverage.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "codec/json.h"
#include "frame/frame.h"
#include "host/file.h"

enum { COVERAGE_BYTES_MAX = 1 << 20 };

static enum lx_err file_of(const char *folder, char path[LX_PATH_MAX], struct lx_error *err)
{
    return host_join(path, folder, VIEW_LABELS_FOLDER "/coverage.json", err);
}

enum lx_err view_label_coverage_forget(const char *folder, struct lx_error *err)
{
    char path[LX_PATH_MAX];
    enum lx_err code = file_of(folder, path, err);
    return code == LX_OK ? host_remove(path, err) : code;
}

/* --- Counting -------------------------------------------------------------------------------- */

static enum lx_err count_label(struct view_audience *audience, const struct view_label *label,
                               const struct view_features *features, const struct lx_env *env,
                               uint64_t *bits, uint64_t *ret_have, struct lx_error *err)
{
    struct expr *expr = NULL;
    struct expr_fault fault;
    enum lx_err code = view_audience_compile(features, label->condition, strlen(label->condition),
                                             &expr, &fault, err);
    if (code == LX_OK) code = view_audience_select(audience, expr, env, bits, ret_have, err);
    expr_free(expr);
    return code == LX_OK ? LX_OK : lx_error_prefix(err, "label `%s`", label->name);
}

static void write_label(struct json_writer *json, const struct view_label *label, uint64_t have)
{
    json_object_begin(json);
    json_name_text(json, "name", label->name);
    json_name_text(json, "version", label->version);
    json_name_int(json, "have", (int64_t)have);
    json_object_end(json);
}

static enum lx_err count_all(struct view_audience *audience, const struct view_labels *labels,
                             const struct lx_env *env, uint64_t *bits, struct json_writer *json,
                             size_t *count, struct lx_error *err)
{
    for (size_t i = 0; i < view_labels_count(labels); i++) {
        const struct view_label *label = view_labels_at(labels, i);
        uint64_t have = 0;
        if (label->expr == NULL || expr_window_count(label->expr) > 0) continue;
        enum lx_err code =
            count_label(audience, label, view_labels_features(labels), env, bits, &have, err);
        if (code == LX_OK) {
            write_label(json, label, have);
            (*count)++;
        } else if (code == LX_ERR_OVERFLOW) {
            env->message(env->context, err->text);
        } else {
            return code;
        }
    }
    return LX_OK;
}

static enum lx_err write_file(const char *folder, const struct lx_buffer *text,
                              struct lx_error *err)
{
    char path[LX_PATH_MAX];
    enum lx_err code = lx_buffer_error(text);
    if (code != LX_OK) return lx_fail(err, code, "labels: out of memory");
    code = host_join(path, folder, VIEW_LABELS_FOLDER, err);
    if (code == LX_OK) code = host_make_folder(path, err);
    if (code == LX_OK) code = file_of(folder, path, err);
    if (code == LX_OK) code = host_write_atomic(path, text->bytes, text->length, err);
    return code;
}

enum lx_err view_label_coverage_count(const char *folder, struct bank *bank,
                                      const struct view_labels *labels,
                                      const struct view_snapshot *snapshot,
                                      const struct lx_env *env, size_t *ret_count,
                                      struct lx_error *err)
{
    LX_ASSERT(folder != NULL && bank != NULL && labels != NULL && snapshot != NULL);

    struct view_audience *audience = NULL;
    struct json_writer json;
    struct lx_buffer text;
    size_t customers = (size_t)view_snapshot_customers(snapshot), count = 0;
    uint64_t *bits = lx_malloc((frame_bit_words(customers) + 1) * sizeof *bits);
    if (bits == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "labels: out of memory");
    lx_buffer_init(&text, COVERAGE_BYTES_MAX);
    json_init(&json, &text);
    json_object_begin(&json);
    json_name_int(&json, "as_of_ms", view_snapshot_as_of_ms(snapshot));
    json_name_int(&json, "customers", (int64_t)customers);
    json_name(&json, "labels");
    json_array_begin(&json);
    enum lx_err code =
        view_audience_open(folder, bank, view_labels_features(labels), snapshot, &audience, err);
    if (code == LX_OK) code = count_all(audience, labels, env, bits, &json, &count, err);
    json_array_end(&json);
    json_object_end(&json);
    if (code == LX_OK) code = write_file(folder, &text, err);
    if (code == LX_OK) *ret_count = count;
    view_audience_close(audience);
    lx_buffer_release(&text);
    lx_free(bits);
    return code;
}

/* --- Reading --------------------------------------------------------------------------------- */

static bool take_label(const struct view_labels *labels, const json_t *item, uint64_t customers,
                       struct view_label_coverage *coverage)
{
    const char *name = json_string_value(json_object_get(item, "name"));
    const char *version = json_string_value(json_object_get(item, "version"));
    const json_t *have = json_object_get(item, "have");
    if (name == NULL || version == NULL || !json_is_integer(have)) return false;
    size_t place = view_labels_find(labels, name);
    if (place == SIZE_MAX || strcmp(view_labels_at(labels, place)->version, version) != 0)
        return true;
    uint64_t count = (uint64_t)json_integer_value(have);
    coverage[place] = (struct view_label_coverage){true, customers, count};
    return count <= customers;
}

static bool take_file(const struct view_labels *labels, const struct view_snapshot *snapshot,
                      const json_t *root, struct view_label_coverage *coverage)
{
    const json_t *as_of_ms = json_object_get(root, "as_of_ms");
    const json_t *customers = json_object_get(root, "customers");
    const json_t *items = json_object_get(root, "labels");
    if (!json_is_integer(as_of_ms) || !json_is_integer(customers) || !json_is_array(items))
        return false;
    if (json_integer_value(as_of_ms) != view_snapshot_as_of_ms(snapshot) ||
        json_integer_value(customers) != view_snapshot_customers(snapshot))
        return true;
    for (size_t i = 0; i < json_array_size(items); i++)
        if (!take_label(labels, json_array_get(items, i),
                        (uint64_t)view_snapshot_customers(snapshot), coverage))
            return false;
    return true;
}

enum lx_err view_label_coverage_read(const char *folder, const struct view_labels *labels,
                                     const struct view_snapshot *snapshot,
                                     struct view_label_coverage *ret_coverage, struct lx_error *err)
{
    LX_ASSERT(folder != NULL && labels != NULL && snapshot != NULL && ret_coverage != NULL);

    char path[LX_PATH_MAX];
    struct lx_buffer text;
    json_error_t reason;
    memset(ret_coverage, 0, view_labels_count(labels) * sizeof *ret_coverage);
    lx_buffer_init(&text, COVERAGE_BYTES_MAX);
    enum lx_err code = file_of(folder, path, err);
    if (code == LX_OK) code = host_read_file(path, &text, err);
    if (code == LX_OK) {
        json_t *root = json_loadb(lx_buffer_text(&text), text.length, 0, &reason);
        if (!take_file(labels, snapshot, root, ret_coverage))
            code = lx_fail(err, LX_ERR_CORRUPT,
                           "%s: not what `lingxi refresh` writes; run it again", path);
        json_decref(root);
    } else if (code == LX_ERR_NOT_FOUND) {
        code = LX_OK;
    }
    lx_buffer_release(&text);
    return code;
}
