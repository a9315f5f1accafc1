#include "ingest/synth.h"

#include <stdio.h>
#include <string.h>

#include "host/thread.h"
#include "ingest/synth_model.h"

/*
 * Customers are made in waves of blocks: while one wave is being written, in the order of its
 * blocks, the next one lives. Two waves of buffers are all that is held, whatever the bank's size.
 */
enum { BLOCKS_PER_THREAD = 3, BLOCK_FILE_MAX = 256 << 20, SMALL_FILE_MAX = 64 << 20 };

struct wave {
    struct synth_block *blocks;
    size_t capacity, count;
    struct writer *writer;
    enum lx_err code; /* of writing it */
    struct lx_error error;
};

struct writer {
    struct synth_world *world;
    const struct synth_options *options;
    struct host_file **files; /* open, by file */
    uint64_t *rows;           /* written, by file */
    size_t file_count;
    struct synth_result result;
};

static enum lx_err check_options(const struct synth_options *options, struct lx_error *err)
{
    LX_ASSERT(options->folder != NULL && options->catalogue != NULL && options->profile != NULL);

    if (options->customers < 1 || options->customers > SYNTH_CUSTOMERS_MAX)
        return lx_fail(err, LX_ERR_USAGE, "customers: %llu; must be 1 to %llu",
                       (unsigned long long)options->customers,
                       (unsigned long long)SYNTH_CUSTOMERS_MAX);
    if (options->months < 1 || options->months > SYNTH_MONTHS_MAX)
        return lx_fail(err, LX_ERR_USAGE, "months: %d; must be 1 to %d", options->months,
                       SYNTH_MONTHS_MAX);
    if (options->dirt_ppm > SYNTH_DIRT_PPM_MAX)
        return lx_fail(err, LX_ERR_USAGE, "dirt-ppm: %u; must be 0 to %d", options->dirt_ppm,
                       SYNTH_DIRT_PPM_MAX);
    if (options->taste != 0 &&
        !(options->taste >= SYNTH_TASTE_MIN && options->taste <= SYNTH_TASTE_MAX))
        return lx_fail(err, LX_ERR_USAGE, "taste: %g; must be %g to %g", options->taste,
                       SYNTH_TASTE_MIN, SYNTH_TASTE_MAX);
    return LX_OK;
}

/* Rows of an older bank between the new ones would be read as if they belonged to it. */
static enum lx_err make_folder(const char *folder, struct lx_error *err)
{
    char truth[LX_PATH_MAX];
    enum lx_err code = host_join(truth, folder, "truth", err);
    if (code == LX_OK) code = host_make_folder(folder, err);
    if (code != LX_OK) return code;
    struct host_names names = {0};
    code = host_list(folder, &names, err);
    if (code == LX_OK && (names.count > 0 || host_exists(truth)))
        code = lx_fail(err, LX_ERR_REFUSED,
                       "%s: holds files already (%s); name a folder that is new or empty", folder,
                       names.count > 0 ? names.names[0] : "truth");
    host_names_release(&names);
    return code == LX_OK ? host_make_folder(truth, err) : code;
}

static enum lx_err write_text(struct host_file *file, const struct lx_buffer *buffer,
                              struct lx_error *err)
{
    enum lx_err code = lx_buffer_error(buffer);
    if (code != LX_OK) return lx_fail(err, code, "%s: out of memory", host_path(file));
    return buffer->length == 0 ? LX_OK : host_write(file, buffer->bytes, buffer->length, err);
}

static enum lx_err open_files(struct writer *writer, struct lx_error *err)
{
    struct lx_buffer header;
    lx_buffer_init(&header, SMALL_FILE_MAX);
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < writer->file_count && code == LX_OK; i++) {
        char name[LX_FIELD_NAME_MAX], path[LX_PATH_MAX];
        synth_file_name(writer->world, i, name, sizeof name);
        code = host_join(path, writer->options->folder, name, err);
        if (code == LX_OK) code = host_open(path, HOST_CREATE, &writer->files[i], err);
        if (code != LX_OK) break;
        lx_buffer_clear(&header);
        synth_put_header(writer->world, i, &header);
        writer->result.bytes += header.length;
        code = write_text(writer->files[i], &header, err);
    }
    lx_buffer_release(&header);
    return code;
}

static enum lx_err close_files(struct writer *writer, struct lx_error *err)
{
    struct lx_buffer trailer;
    lx_buffer_init(&trailer, SMALL_FILE_MAX);
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < writer->file_count && code == LX_OK; i++) {
        lx_buffer_clear(&trailer);
        synth_put_trailer(i, writer->rows[i], &trailer);
        writer->result.bytes += trailer.length;
        code = write_text(writer->files[i], &trailer, err);
    }
    lx_buffer_release(&trailer);
    return code;
}

static enum lx_err write_small_files(struct writer *writer, struct lx_error *err)
{
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < SYNTH_SMALL_FILES && code == LX_OK; i++) {
        struct lx_buffer buffer;
        lx_buffer_init(&buffer, SMALL_FILE_MAX);
        synth_put_small_file(writer->world, i, &buffer);
        struct host_file *file = NULL;
        char path[LX_PATH_MAX];
        code = host_join(path, writer->options->folder, synth_small_file_name(i), err);
        if (code == LX_OK) code = host_open(path, HOST_CREATE, &file, err);
        if (code == LX_OK) code = write_text(file, &buffer, err);
        writer->result.bytes += buffer.length;
        host_close(file);
        lx_buffer_release(&buffer);
    }
    return code;
}

static void remove_file(const struct writer *writer, const char *name)
{
    char path[LX_PATH_MAX];
    enum lx_err code = host_join(path, writer->options->folder, name, NULL);
    if (code == LX_OK) code = host_remove(path, NULL);
    /* What cannot be removed either is still named by the failure that led here. */
    (void)code;
}

/* Half a bank is of no use to anybody and may be what filled the disk. */
static void remove_files(const struct writer *writer)
{
    char name[LX_FIELD_NAME_MAX], path[LX_PATH_MAX];
    for (size_t i = 0; i < writer->file_count; i++) {
        synth_file_name(writer->world, i, name, sizeof name);
        remove_file(writer, name);
    }
    for (size_t i = 0; i < SYNTH_SMALL_FILES; i++) remove_file(writer, synth_small_file_name(i));
    enum lx_err code = host_join(path, writer->options->folder, "truth", NULL);
    if (code == LX_OK) code = host_remove_tree(path, NULL);
    (void)code;
}

static void add_counts(struct synth_result *sum, const struct synth_result *counts)
{
    sum->customers += counts->customers;
    sum->events += counts->events;
    sum->history += counts->history;
    sum->exposures += counts->exposures;
    sum->yes += counts->yes;
    sum->shown += counts->shown;
    sum->holders += counts->holders;
    sum->rows += counts->rows;
    sum->dirty += counts->dirty;
    sum->changes += counts->changes;
}

static enum lx_err write_wave(struct wave *wave)
{
    struct writer *writer = wave->writer;
    struct lx_error *err = &wave->error;
    for (size_t b = 0; b < wave->count; b++) {
        const struct synth_block *block = &wave->blocks[b];
        if (block->failure != LX_OK)
            return lx_fail(err, block->failure, "synth: customers %llu and on: out of memory",
                           (unsigned long long)block->first);
        add_counts(&writer->result, &block->counts);
        for (size_t i = 0; i < writer->file_count; i++) {
            enum lx_err code = write_text(writer->files[i], &block->files[i], err);
            if (code != LX_OK) return code;
            writer->rows[i] += block->rows[i];
            writer->result.bytes += block->files[i].length;
        }
    }
    return LX_OK;
}

static void run_writer(void *context)
{
    struct wave *wave = context;
    wave->code = write_wave(wave);
}

static void live_block(void *context, size_t item)
{
    struct wave *wave = context;
    struct synth_block *block = &wave->blocks[item];
    for (uint64_t i = 0; i < block->count && block->failure == LX_OK; i++)
        synth_live(block, block->first + i);
}

static void release_wave(struct wave *wave, size_t file_count)
{
    for (size_t b = 0; b < wave->capacity && wave->blocks != NULL; b++) {
        struct synth_block *block = &wave->blocks[b];
        for (size_t i = 0; i < file_count && block->files != NULL; i++)
            lx_buffer_release(&block->files[i]);
        lx_free(block->files);
        lx_free(block->rows);
    }
    lx_free(wave->blocks);
}

static enum lx_err open_wave(struct wave *wave, struct writer *writer, size_t capacity,
                             struct lx_error *err)
{
    memset(wave, 0, sizeof *wave);
    wave->writer = writer;
    wave->capacity = capacity;
    wave->blocks = lx_calloc(capacity, sizeof *wave->blocks);
    bool has_all = wave->blocks != NULL;
    for (size_t b = 0; b < capacity && has_all; b++) {
        struct synth_block *block = &wave->blocks[b];
        block->world = writer->world;
        block->files = lx_calloc(writer->file_count, sizeof *block->files);
        block->rows = lx_calloc(writer->file_count, sizeof *block->rows);
        has_all = block->files != NULL && block->rows != NULL;
        for (size_t i = 0; i < writer->file_count && block->files != NULL; i++)
            lx_buffer_init(&block->files[i], BLOCK_FILE_MAX);
    }
    return has_all ? LX_OK
                   : lx_fail(err, LX_ERR_NO_MEMORY, "synth: a wave of %zu blocks", capacity);
}

/* Gives the wave its customers; the buffers keep their memory. */
static void fill_wave(struct wave *wave, uint64_t *next, uint64_t end)
{
    for (wave->count = 0; wave->count < wave->capacity && *next < end; wave->count++) {
        struct synth_block *block = &wave->blocks[wave->count];
        block->first = *next;
        block->count = end - *next < SYNTH_BLOCK_CUSTOMERS ? end - *next : SYNTH_BLOCK_CUSTOMERS;
        *next += block->count;
        memset(&block->counts, 0, sizeof block->counts);
        memset(block->rows, 0, wave->writer->file_count * sizeof *block->rows);
        for (size_t i = 0; i < wave->writer->file_count; i++) lx_buffer_clear(&block->files[i]);
    }
}

/* Lives and writes all waves, the next one's lives beside the last one's writing. */
static enum lx_err run_waves(struct wave waves[2], const struct lx_env *env, uint64_t customers,
                             struct lx_error *err)
{
    struct host_thread *thread = NULL;
    uint64_t next = 0, written = 0;
    enum lx_err code = LX_OK;
    struct wave *behind = NULL;
    for (int turn = 0; code == LX_OK && (next < customers || behind != NULL); turn ^= 1) {
        struct wave *wave = &waves[turn];
        fill_wave(wave, &next, customers);
        if (behind != NULL) code = host_thread_start(run_writer, behind, &thread, err);
        if (code == LX_OK && wave->count > 0)
            code = host_parallel(env->thread_count, wave->count, live_block, wave, err);
        host_thread_join(thread);
        thread = NULL;
        if (code == LX_OK && behind != NULL && behind->code != LX_OK)
            code = lx_fail(err, behind->code, "%s", behind->error.text);
        if (code == LX_OK && behind != NULL) {
            for (size_t b = 0; b < behind->count; b++) written += behind->blocks[b].count;
            if (env->progress != NULL) env->progress(env->context, "synth", written, customers);
        }
        behind = wave->count > 0 ? wave : NULL;
    }
    return code;
}

static enum lx_err write_bank(struct writer *writer, const struct lx_env *env, struct lx_error *err)
{
    size_t capacity = (size_t)env->thread_count * BLOCKS_PER_THREAD;
    struct wave waves[2] = {{.blocks = NULL}, {.blocks = NULL}};
    writer->files = lx_calloc(writer->file_count, sizeof(struct host_file *));
    writer->rows = lx_calloc(writer->file_count, sizeof *writer->rows);
    enum lx_err code = writer->files == NULL || writer->rows == NULL
                           ? lx_fail(err, LX_ERR_NO_MEMORY, "synth: the list of files")
                           : LX_OK;
    if (code == LX_OK) code = make_folder(writer->options->folder, err);
    bool has_folder = code == LX_OK;
    if (code == LX_OK) code = open_wave(&waves[0], writer, capacity, err);
    if (code == LX_OK) code = open_wave(&waves[1], writer, capacity, err);
    /* The files first: whether they can be written is known sooner than what goes into them. */
    if (code == LX_OK) code = open_files(writer, err);
    if (code == LX_OK) code = synth_calibrate(writer->world, env, err);
    if (code == LX_OK) code = write_small_files(writer, err);
    if (code == LX_OK) code = run_waves(waves, env, writer->options->customers, err);
    if (code == LX_OK) code = close_files(writer, err);

    release_wave(&waves[0], writer->file_count);
    release_wave(&waves[1], writer->file_count);
    for (size_t i = 0; i < writer->file_count && writer->files != NULL; i++)
        host_close(writer->files[i]);
    lx_free(writer->files);
    lx_free(writer->rows);
    if (code != LX_OK && has_folder) remove_files(writer);
    return code;
}

enum lx_err synth_write(const struct synth_options *options, const struct lx_env *env,
                        struct synth_result *ret_result, struct lx_error *err)
{
    LX_ASSERT(options != NULL && env != NULL && ret_result != NULL);
    LX_ASSERT(env->thread_count >= 1);

    int64_t started_ns = env->elapsed_ns == NULL ? 0 : env->elapsed_ns(env->context);
    struct synth_profile *profile = NULL;
    struct synth_world world = {0};
    enum lx_err code = check_options(options, err);
    if (code != LX_OK) return code;
    profile = lx_calloc(1, sizeof *profile);
    if (profile == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "synth: the profile");
    code = synth_profile_parse(options->profile_file, options->profile, options->profile_length,
                               options->catalogue, profile, err);
    if (options->taste != 0) profile->taste_scale *= options->taste;
    if (code == LX_OK) code = synth_world_open(&world, options, profile, false, err);
    struct writer writer = {.world = &world, .options = options};
    if (code == LX_OK) {
        writer.file_count = synth_file_count(&world);
        code = write_bank(&writer, env, err);
    }
    if (code == LX_OK) {
        *ret_result = writer.result;
        if (env->elapsed_ns != NULL)
            ret_result->seconds = (double)(env->elapsed_ns(env->context) - started_ns) / 1e9;
    }
    synth_world_close(&world);
    lx_free(profile);
    return code;
}
