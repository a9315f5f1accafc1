/* DIR/labels/MODEL.json: what was measured, with the version of each label. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "codec/json.h"
#include "host/file.h"
#include "model/label_measure.h"
#include "view/label_coverage.h"

enum { FILE_BYTES_MAX = 4 << 20 };

static enum lx_err file_of(const char *folder, const char *model, char path[LX_PATH_MAX],
                           struct lx_error *err)
{
    char name[64];
    snprintf(name, sizeof name, VIEW_LABELS_FOLDER "/%.32s.json", model);
    return host_join(path, folder, name, err);
}

/* --- Writing --------------------------------------------------------------------------------- */

static void write_bins(struct json_writer *json, const struct label_measure *measure)
{
    json_name(json, "bins");
    json_array_begin(json);
    for (size_t i = 0; i < measure->bin_count; i++) {
        const struct label_bin *bin = &measure->bins[i];
        json_object_begin(json);
        json_name_real(json, "from", bin->from); /* null: of the last one */
        json_name_int(json, "rows", (int64_t)bin->rows);
        json_name_int(json, "openings", (int64_t)bin->openings);
        json_object_end(json);
    }
    json_array_end(json);
}

static void write_label(struct json_writer *json, const struct view_label *label,
                        const struct label_measure *measure)
{
    json_object_begin(json);
    json_name_text(json, "name", label->name);
    json_name_text(json, "version", label->version);
    json_name_int(json, "customers", (int64_t)measure->customers);
    json_name_int(json, "cases", (int64_t)measure->cases);
    json_name_int(json, "have", (int64_t)measure->have);
    json_name_int(json, "openings", (int64_t)measure->openings);
    json_name_int(json, "have_openings", (int64_t)measure->have_openings);
    if (measure->has_lift) {
        json_name_real(json, "lift", measure->lift.lift);
        json_name_real(json, "lift_low", measure->lift.low);
        json_name_real(json, "lift_high", measure->lift.high);
    }
    if (measure->bin_count > 0) write_bins(json, measure);
    json_object_end(json);
}

enum lx_err label_measures_write(const char *folder, const char *model,
                                 const struct view_labels *labels,
                                 const struct label_measures *measures, struct lx_error *err)
{
    LX_ASSERT(measures->count == view_labels_count(labels));

    char path[LX_PATH_MAX];
    struct json_writer json;
    struct lx_buffer text;
    lx_buffer_init(&text, FILE_BYTES_MAX);
    json_init(&json, &text);
    json_object_begin(&json);
    json_name_text(&json, "model", model);
    json_name_int(&json, "from_day", measures->from_day);
    json_name_int(&json, "to_day", measures->to_day);
    json_name(&json, "labels");
    json_array_begin(&json);
    for (size_t i = 0; i < measures->count; i++)
        if (measures->labels[i].is_known)
            write_label(&json, view_labels_at(labels, i), &measures->labels[i]);
    json_array_end(&json);
    json_object_end(&json);
    enum lx_err code = lx_buffer_error(&text);
    if (code != LX_OK) code = lx_fail(err, code, "labels: out of memory");
    if (code == LX_OK) code = host_join(path, folder, VIEW_LABELS_FOLDER, err);
    if (code == LX_OK) code = host_make_folder(path, err);
    if (code == LX_OK) code = file_of(folder, model, path, err);
    if (code == LX_OK) code = host_write_atomic(path, text.bytes, text.length, err);
    lx_buffer_release(&text);
    return code;
}

/* --- Reading --------------------------------------------------------------------------------- */

static bool take_count(const json_t *item, const char *name, uint64_t *ret_count)
{
    const json_t *value = json_object_get(item, name);
    if (!json_is_integer(value) || json_integer_value(value) < 0) return false;
    *ret_count = (uint64_t)json_integer_value(value);
    return true;
}

static bool take_number(const json_t *item, const char *name, double otherwise, double *ret_number)
{
    const json_t *value = json_object_get(item, name);
    *ret_number = json_is_number(value) ? json_number_value(value) : otherwise;
    return json_is_number(value) || json_is_null(value);
}

static bool take_bins(const json_t *bins, struct label_measure *measure)
{
    measure->bin_count = json_array_size(bins);
    if (measure->bin_count > LABEL_BINS_MAX) return false;
    for (size_t i = 0; i < measure->bin_count; i++) {
        const json_t *item = json_array_get(bins, i);
        struct label_bin *bin = &measure->bins[i];
        if (!take_number(item, "from", -(double)INFINITY, &bin->from) ||
            !take_count(item, "rows", &bin->rows) ||
            !take_count(item, "openings", &bin->openings) || bin->rows == 0 ||
            bin->openings > bin->rows)
            return false;
        bin->rate = (double)bin->openings / (double)bin->rows;
        label_wilson(bin->openings, bin->rows, &bin->low, &bin->high);
    }
    return true;
}

static bool take_measure(const json_t *item, struct label_measure *measure)
{
    const double unknown = (double)NAN;
    bool is_good =
        take_count(item, "customers", &measure->customers) &&
        take_count(item, "cases", &measure->cases) && take_count(item, "have", &measure->have) &&
        take_count(item, "openings", &measure->openings) &&
        take_count(item, "have_openings", &measure->have_openings) && measure->cases > 0 &&
        measure->have <= measure->cases && measure->have_openings <= measure->have;
    measure->has_lift = json_object_get(item, "lift") != NULL;
    if (is_good && measure->has_lift)
        is_good = take_number(item, "lift", unknown, &measure->lift.lift) &&
                  take_number(item, "lift_low", unknown, &measure->lift.low) &&
                  take_number(item, "lift_high", unknown, &measure->lift.high);
    const json_t *bins = json_object_get(item, "bins");
    if (is_good && bins != NULL) is_good = json_is_array(bins) && take_bins(bins, measure);
    measure->is_known = is_good;
    return is_good;
}

static bool take_label(const struct view_labels *labels, const json_t *item,
                       struct label_measures *measures)
{
    const char *name = json_string_value(json_object_get(item, "name"));
    const char *version = json_string_value(json_object_get(item, "version"));
    if (name == NULL || version == NULL) return false;
    size_t place = view_labels_find(labels, name);
    if (place == SIZE_MAX || strcmp(view_labels_at(labels, place)->version, version) != 0)
        return true;
    return take_measure(item, &measures->labels[place]);
}

static bool take_file(const struct view_labels *labels, const json_t *root,
                      struct label_measures *measures)
{
    const json_t *from = json_object_get(root, "from_day"), *to = json_object_get(root, "to_day");
    const json_t *items = json_object_get(root, "labels");
    if (!json_is_integer(from) || !json_is_integer(to) || !json_is_array(items)) return false;
    measures->from_day = (int32_t)json_integer_value(from);
    measures->to_day = (int32_t)json_integer_value(to);
    for (size_t i = 0; i < json_array_size(items); i++)
        if (!take_label(labels, json_array_get(items, i), measures)) return false;
    return true;
}

enum lx_err label_measures_read(const char *folder, const char *model,
                                const struct view_labels *labels,
                                struct label_measures *ret_measures, struct lx_error *err)
{
    LX_ASSERT(folder != NULL && model != NULL && labels != NULL && ret_measures != NULL);

    char path[LX_PATH_MAX];
    struct lx_buffer text;
    json_error_t reason;
    *ret_measures = (struct label_measures){.count = view_labels_count(labels)};
    lx_buffer_init(&text, FILE_BYTES_MAX);
    enum lx_err code = file_of(folder, model, path, err);
    if (code == LX_OK) code = host_read_file(path, &text, err);
    if (code == LX_OK) {
        json_t *root = json_loadb(lx_buffer_text(&text), text.length, 0, &reason);
        if (!take_file(labels, root, ret_measures))
            code =
                lx_fail(err, LX_ERR_CORRUPT,
                        "%s: not what `lingxi train` writes; run `lingxi labels --measure`", path);
        json_decref(root);
    } else if (code == LX_ERR_NOT_FOUND) {
        code = LX_OK;
    }
    lx_buffer_release(&text);
    return code;
}

enum lx_err label_measures_open(const char *folder, const char *model,
                                const struct view_labels *labels,
                                struct label_measures **ret_measures, struct lx_error *err)
{
    struct label_measures *measures = lx_malloc(sizeof *measures);
    if (measures == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "labels: out of memory");
    enum lx_err code = label_measures_read(folder, model, labels, measures, err);
    if (code == LX_OK)
        *ret_measures = measures;
    else
        label_measures_close(measures);
    return code;
}

void label_measures_close(struct label_measures *measures)
{
    lx_free(measures);
}
