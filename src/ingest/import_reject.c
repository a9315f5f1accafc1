#include "ingest/import_reject.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "codec/csv.h"

enum { REASONS_MAX = 10000, FLUSH_BYTES = 1 << 16, TEXT_MAX = 1 << 20, NAMES_TRIED = 10000 };

static const struct csv_format format = {.delimiter = ",", .quote = '"'};

void import_rejects_init(struct import_rejects *rejects, const char *folder, const char *mapping,
                         int64_t now_ms)
{
    *rejects = (struct import_rejects){.folder = folder, .mapping = mapping, .now_ms = now_ms};
    lx_buffer_init(&rejects->text, TEXT_MAX);
    lx_dictionary_init(&rejects->reasons, REASONS_MAX);
}

void import_rejects_release(struct import_rejects *rejects)
{
    host_close(rejects->file);
    rejects->file = NULL;
    lx_buffer_release(&rejects->text);
    lx_dictionary_release(&rejects->reasons);
    lx_free(rejects->counts);
    rejects->counts = NULL;
}

/* "20261122T161421Z-zimnat.csv", with a number before the dot where that is taken. */
static enum lx_err choose_path(struct import_rejects *rejects, struct lx_error *err)
{
    char folder[LX_PATH_MAX], time[LX_TIME_TEXT_SIZE], name[LX_FIELD_NAME_MAX + 64];
    enum lx_err code = host_join(folder, rejects->folder, "rejects", err);
    if (code == LX_OK) code = host_make_folder(folder, err);
    lx_ms_format(rejects->now_ms, 0, time);
    for (int n = 1; code == LX_OK && n < NAMES_TRIED; n++) {
        char number[16] = "";
        if (n > 1) snprintf(number, sizeof number, "-%d", n);
        snprintf(name, sizeof name, "%.4s%.2s%.2sT%.2s%.2s%.2sZ-%.64s%s.csv", time, time + 5,
                 time + 8, time + 11, time + 14, time + 17, rejects->mapping, number);
        code = host_join(rejects->path, folder, name, err);
        if (code == LX_OK && !host_exists(rejects->path)) return LX_OK;
    }
    rejects->path[0] = '\0';
    return code == LX_OK ? lx_fail(err, LX_ERR_LIMIT, "%s: too many files of this second", folder)
                         : code;
}

static void write_line(struct import_rejects *rejects, const char *file, const char *line,
                       const char *column, size_t column_length, const char *reason, size_t length)
{
    csv_write_field(&rejects->text, &format, true, file, strlen(file));
    csv_write_field(&rejects->text, &format, false, line, strlen(line));
    csv_write_field(&rejects->text, &format, false, column, column_length);
    csv_write_field(&rejects->text, &format, false, reason, length);
    csv_write_end(&rejects->text);
}

static enum lx_err open_rejects(struct import_rejects *rejects, struct lx_error *err)
{
    enum lx_err code = choose_path(rejects, err);
    if (code == LX_OK) code = host_open(rejects->path, HOST_CREATE, &rejects->file, err);
    if (code == LX_OK) write_line(rejects, "file", "line", "column", 6, "reason", 6);
    return code;
}

static enum lx_err flush(struct import_rejects *rejects, size_t least, struct lx_error *err)
{
    if (rejects->text.length < least || rejects->text.length == 0) return LX_OK;
    enum lx_err code = lx_buffer_error(&rejects->text);
    if (code != LX_OK) return lx_fail(err, code, "%s: %s", rejects->path, lx_err_text(code));
    code = host_write(rejects->file, rejects->text.bytes, rejects->text.length, err);
    lx_buffer_clear(&rejects->text);
    return code;
}

/* Counts a reason; those past the table's end are counted in all only. */
static enum lx_err count_reason(struct import_rejects *rejects, const char *column,
                                size_t column_length, const char *reason)
{
    char key[2 * LX_FIELD_NAME_MAX + 64];
    int shown = (int)(column_length < LX_FIELD_NAME_MAX ? column_length : LX_FIELD_NAME_MAX);
    int length =
        snprintf(key, sizeof key, "%.*s%s%s", shown, column, shown > 0 ? ": " : "", reason);
    uint32_t number;
    bool is_new;
    size_t count = rejects->reasons.count;
    if (count == REASONS_MAX && lx_dictionary_find(&rejects->reasons, key, (size_t)length) < 0)
        return LX_OK;
    enum lx_err code = lx_dictionary_add(&rejects->reasons, key, (size_t)length, &number, &is_new);
    if (code == LX_OK && is_new)
        code = lx_grow(&rejects->counts, &rejects->capacity, count + 1, REASONS_MAX,
                       sizeof *rejects->counts);
    if (code != LX_OK) return code;
    if (is_new) rejects->counts[number] = 0;
    rejects->counts[number]++;
    return LX_OK;
}

enum lx_err import_rejects_add(struct import_rejects *rejects, const char *file, uint64_t line,
                               const char *column, size_t column_length, enum import_reason reason,
                               const char *detail, size_t detail_length, struct lx_error *err)
{
    LX_ASSERT(reason != IMPORT_REASON_NONE && column != NULL && detail != NULL);

    char number[24], text[256];
    snprintf(number, sizeof number, "%" PRIu64, line);
    int length = snprintf(text, sizeof text, "%s%s%.*s", import_reason_text(reason),
                          detail_length > 0 ? ": " : "",
                          (int)(detail_length < 160 ? detail_length : 160), detail);
    if (count_reason(rejects, column, column_length, import_reason_text(reason)) != LX_OK)
        return lx_fail(err, LX_ERR_NO_MEMORY, "rejects: out of memory");
    enum lx_err code = rejects->count == 0 ? open_rejects(rejects, err) : LX_OK;
    if (code != LX_OK) return code;
    if (rejects->count == 0)
        snprintf(rejects->first, sizeof rejects->first, "%.80s:%s: %.*s%s%.120s", file, number,
                 (int)(column_length < 40 ? column_length : 40), column,
                 column_length > 0 ? ": " : "", text);
    rejects->count++;
    if (rejects->count <= IMPORT_REJECTS_WRITTEN_MAX)
        write_line(rejects, file, number, column, column_length, text, (size_t)length);
    return flush(rejects, FLUSH_BYTES, err);
}

enum lx_err import_rejects_finish(struct import_rejects *rejects, struct lx_error *err)
{
    if (rejects->file == NULL) return LX_OK;
    if (rejects->count > IMPORT_REJECTS_WRITTEN_MAX) {
        char text[64];
        int length = snprintf(text, sizeof text, "and %" PRIu64 " more rows",
                              rejects->count - IMPORT_REJECTS_WRITTEN_MAX);
        write_line(rejects, "", "", "", 0, text, (size_t)length);
    }
    enum lx_err code = flush(rejects, 0, err);
    if (code == LX_OK) code = host_sync(rejects->file, err);
    host_close(rejects->file);
    rejects->file = NULL;
    return code;
}

const char *import_rejects_most(const struct import_rejects *rejects, uint64_t *ret_count)
{
    LX_ASSERT(rejects->reasons.count > 0);

    uint32_t most = 0;
    for (uint32_t i = 1; i < rejects->reasons.count; i++)
        if (rejects->counts[i] > rejects->counts[most]) most = i;
    *ret_count = rejects->counts[most];
    return lx_dictionary_text(&rejects->reasons, most, NULL);
}
