#include "ingest/import_files.h"

#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "host/thread.h"

enum { FILES_MAX = 1 << 20, READ_BYTES = 1 << 18 };

static bool uses_file_date(const struct mapping_file *file)
{
    for (size_t i = 0; i < file->field_count; i++)
        if (file->fields[i].base == MAPPING_BASE_FILE_DATE) return true;
    return false;
}

static enum lx_err no_memory(const char *path, struct lx_error *err)
{
    return lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", path);
}

static enum lx_err add_input(struct import_files *files, const char *folder, const char *name,
                             struct lx_error *err)
{
    char path[LX_PATH_MAX];
    enum lx_err code = LX_OK;
    if (folder != NULL)
        code = host_join(path, folder, name, err);
    else if (strlen(name) < sizeof path)
        memcpy(path, name, strlen(name) + 1);
    else
        code = lx_fail(err, LX_ERR_LIMIT, "%.60s...: too long a name", name);
    if (code == LX_OK)
        code = lx_grow(&files->inputs, &files->input_capacity, files->input_count + 1, FILES_MAX,
                       sizeof *files->inputs);
    if (code == LX_ERR_LIMIT || code == LX_ERR_NO_MEMORY)
        return lx_fail(err, code, "%s: %s", name, lx_err_text(code));
    if (code != LX_OK) return code;

    struct import_input *input = &files->inputs[files->input_count++];
    *input = (struct import_input){0};
    const char *slash = strrchr(path, '/');
    input->path = lx_strdup(path);
    input->name = lx_strdup(slash == NULL ? path : slash + 1);
    return input->path == NULL || input->name == NULL ? no_memory(path, err) : LX_OK;
}

static enum lx_err list_inputs(struct import_files *files, const char *source, struct lx_error *err)
{
    if (!host_is_folder(source)) {
        if (host_exists(source)) return add_input(files, NULL, source, err);
        return lx_fail(err, LX_ERR_NOT_FOUND, "%s: no such file or folder", source);
    }
    struct host_names names = {0};
    enum lx_err code = host_list(source, &names, err);
    for (size_t i = 0; code == LX_OK && i < names.count; i++)
        code = add_input(files, source, names.names[i], err);
    host_names_release(&names);
    return code;
}

static enum lx_err add_task(struct import_files *files, const struct mapping_file *file,
                            size_t section, size_t input, int32_t day, struct lx_error *err)
{
    enum lx_err code = lx_grow(&files->tasks, &files->task_capacity, files->task_count + 1,
                               FILES_MAX, sizeof *files->tasks);
    if (code != LX_OK) return no_memory(files->inputs[input].path, err);
    files->tasks[files->task_count++] =
        (struct import_task){.file = file, .section = section, .input = input, .day = day};
    files->inputs[input].is_matched = true;
    return LX_OK;
}

/* The first pattern of a section that fits takes the file. */
static enum lx_err match(struct import_files *files, const struct mapping_file *file,
                         size_t section, struct lx_error *err)
{
    enum lx_err code = LX_OK;
    for (size_t i = 0; code == LX_OK && i < files->input_count; i++) {
        for (size_t pattern = 0; pattern < file->patterns.count; pattern++) {
            int32_t day;
            if (!mapping_match(file->patterns.texts[pattern], files->inputs[i].name, &day))
                continue;
            code = add_task(files, file, section, i, day, err);
            break;
        }
    }
    return code;
}

/* Snapshots are compared in order of time, whichever section they belong to. */
static int compare_tasks(const void *a, const void *b)
{
    const struct import_task *left = a, *right = b;
    if (left->file->entity != right->file->entity)
        return left->file->entity < right->file->entity ? -1 : 1;
    if (left->file->entity == MAPPING_ENTITY_SNAPSHOT && left->day != right->day)
        return left->day < right->day ? -1 : 1;
    if (left->section != right->section) return left->section < right->section ? -1 : 1;
    return (left->input > right->input) - (left->input < right->input);
}

static enum lx_err refuse_empty(const struct mapping *mapping, const char *source,
                                struct lx_error *err)
{
    enum { LISTED = 400 };
    char patterns[LISTED] = "";
    size_t length = 0;
    for (size_t i = 0; i < mapping->file_count; i++) {
        for (size_t j = 0; j < mapping->files[i].patterns.count; j++) {
            const char *pattern = mapping->files[i].patterns.texts[j];
            if (strstr(patterns, pattern) != NULL) continue;
            if (length + strlen(pattern) + 2 >= sizeof patterns) continue;
            patterns[length] = ' ';
            memcpy(patterns + length + 1, pattern, strlen(pattern) + 1);
            length += strlen(pattern) + 1;
        }
    }
    return lx_fail(err, LX_ERR_NOT_FOUND, "%s: no file for the mapping %s, which reads%s", source,
                   mapping->name, patterns);
}

enum lx_err import_files_find(const struct mapping *mapping, const char *source,
                              struct import_files *ret_files, struct lx_error *err)
{
    LX_ASSERT(mapping != NULL && source != NULL && ret_files != NULL);

    struct import_files files = {0};
    enum lx_err code = list_inputs(&files, source, err);
    for (size_t i = 0; code == LX_OK && i < mapping->file_count; i++)
        code = match(&files, &mapping->files[i], i, err);
    if (code == LX_OK && files.task_count == 0) code = refuse_empty(mapping, source, err);
    if (code != LX_OK) {
        import_files_release(&files);
        return code;
    }
    qsort(files.tasks, files.task_count, sizeof *files.tasks, compare_tasks);
    *ret_files = files;
    return LX_OK;
}

void import_files_release(struct import_files *files)
{
    for (size_t i = 0; i < files->input_count; i++) {
        lx_free(files->inputs[i].name);
        lx_free(files->inputs[i].path);
    }
    lx_free(files->inputs);
    lx_free(files->tasks);
    *files = (struct import_files){0};
}

static enum lx_err hash_bytes(struct import_input *input, struct digest *digest,
                              struct lx_error *err)
{
    struct host_file *file = NULL;
    uint8_t *bytes = lx_malloc(READ_BYTES);
    if (bytes == NULL) return no_memory(input->path, err);
    enum lx_err code = host_open(input->path, HOST_READ, &file, err);
    size_t length = 1;
    while (code == LX_OK && length > 0) {
        code = host_read(file, bytes, READ_BYTES, &length, err);
        if (code != LX_OK) break;
        digest_add(digest, bytes, length);
        input->crc = digest_crc32c(input->crc, bytes, length);
        input->size_bytes += length;
    }
    host_close(file);
    lx_free(bytes);
    return code;
}

struct hashing {
    struct import_files *files;
    enum lx_err *codes;
    struct lx_error *errors;
};

static void hash_one(void *context, size_t item)
{
    struct hashing *hashing = context;
    struct import_input *input = &hashing->files->inputs[item];
    struct lx_error *err = &hashing->errors[item];
    if (!input->is_matched) return;
    struct digest digest = {0};
    if (digest_init(&digest) != LX_OK) {
        hashing->codes[item] = no_memory(input->path, err);
        return;
    }
    hashing->codes[item] = hash_bytes(input, &digest, err);
    for (size_t i = 0; i < hashing->files->task_count; i++) {
        const struct import_task *task = &hashing->files->tasks[i];
        if (task->input != item || !uses_file_date(task->file)) continue;
        char day[LX_DATE_TEXT_SIZE];
        lx_day_format(task->day, day);
        digest_add(&digest, day, sizeof day);
    }
    if (hashing->codes[item] == LX_OK)
        digest_finish(&digest, input->identity);
    else
        digest_release(&digest);
}

enum lx_err import_files_hash(struct import_files *files, int thread_count, struct lx_error *err)
{
    struct hashing hashing = {.files = files,
                              .codes = lx_calloc(files->input_count + 1, sizeof *hashing.codes),
                              .errors = lx_calloc(files->input_count + 1, sizeof *hashing.errors)};
    enum lx_err code =
        hashing.codes == NULL || hashing.errors == NULL
            ? lx_fail(err, LX_ERR_NO_MEMORY, "out of memory")
            : host_parallel(thread_count, files->input_count, hash_one, &hashing, err);
    for (size_t i = 0; code == LX_OK && i < files->input_count; i++) {
        code = hashing.codes[i];
        if (code != LX_OK && err != NULL) *err = hashing.errors[i];
    }
    lx_free(hashing.codes);
    lx_free(hashing.errors);
    return code;
}

void import_files_keep_new(struct import_files *files)
{
    size_t kept = 0;
    for (size_t i = 0; i < files->task_count; i++)
        if (files->inputs[files->tasks[i].input].is_new) files->tasks[kept++] = files->tasks[i];
    files->task_count = kept;
}

enum lx_err import_stream_open(const struct import_input *input, struct import_stream *ret_stream,
                               struct lx_error *err)
{
    struct host_file *file = NULL;
    enum lx_err code = host_open(input->path, HOST_READ, &file, err);
    if (code == LX_OK)
        *ret_stream = (struct import_stream){.file = file, .input = input, .last_byte = '\n'};
    return code;
}

void import_stream_close(struct import_stream *stream)
{
    host_close(stream->file);
    stream->file = NULL;
}

static enum lx_err read_stream(void *context, void *bytes, size_t size, size_t *ret_length,
                               struct lx_error *err)
{
    struct import_stream *stream = context;
    enum lx_err code = host_read(stream->file, bytes, size, ret_length, err);
    if (code != LX_OK || *ret_length == 0) return code;
    stream->size_bytes += *ret_length;
    stream->crc = digest_crc32c(stream->crc, bytes, *ret_length);
    stream->last_byte = ((const char *)bytes)[*ret_length - 1];
    return LX_OK;
}

struct csv_source import_stream_source(struct import_stream *stream)
{
    return (struct csv_source){.context = stream, .read = read_stream};
}

enum lx_err import_stream_check(const struct import_stream *stream, struct lx_error *err)
{
    if (stream->size_bytes == stream->input->size_bytes && stream->crc == stream->input->crc)
        return LX_OK;
    return lx_fail(err, LX_ERR_BUSY,
                   "%s changed while it was imported; nothing was loaded, try again when it is "
                   "complete",
                   stream->input->path);
}
