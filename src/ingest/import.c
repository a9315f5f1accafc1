#include "ingest/import.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "host/thread.h"
#include "ingest/import_put.h"
#include "ingest/mapping.h"

enum { BLOCKS = 6, PPM = 1000000 };

struct import {
    const struct import_options *options;
    const struct lx_env *env;
    struct mapping mapping;
    struct import_files files;
    struct import_context context;
    struct bank_load *load;
    struct import_rejects rejects;
    struct import_loader loader;
    struct import_result result;
    uint64_t bytes; /* of all tasks */
    int64_t started_ns;
};

static void message(const struct import *import, const char *text)
{
    import->env->message(import->env->context, text);
}

static void progress(const struct import *import, const struct import_block *block)
{
    const struct import_task *task = &import->files.tasks[block->task];
    import->env->progress(import->env->context, import->files.inputs[task->input].name,
                          block->bytes, import->bytes);
}

/* What the reading thread and the putting one share. */
struct pipeline {
    struct import_reader *reader;
    struct host_queue *full, *empty;
    enum lx_err code; /* of the reader; read after it has ended */
    struct lx_error err;
};

static void read_blocks(void *context)
{
    struct pipeline *pipeline = context;
    bool is_end = false;
    void *item;
    while (!is_end && pipeline->code == LX_OK && host_queue_get(pipeline->empty, &item)) {
        struct import_block *block = item;
        import_block_clear(block);
        pipeline->code = import_reader_next(pipeline->reader, block, &is_end, &pipeline->err);
        if (pipeline->code == LX_OK && !is_end && !host_queue_put(pipeline->full, block)) break;
    }
    host_queue_close(pipeline->full);
}

static enum lx_err put_blocks(struct import *import, struct pipeline *pipeline,
                              struct lx_error *err)
{
    enum lx_err code = LX_OK;
    void *item;
    while (code == LX_OK && host_queue_get(pipeline->full, &item)) {
        struct import_block *block = item;
        code = import_loader_take(&import->loader, block, err);
        progress(import, block);
        if (code == LX_OK && !host_queue_put(pipeline->empty, block)) break;
    }
    return code;
}

static enum lx_err run_beside(struct import *import, struct import_reader *reader,
                              struct import_block *blocks, struct lx_error *err)
{
    struct pipeline pipeline = {.reader = reader};
    struct host_thread *thread = NULL;
    enum lx_err code = host_queue_open(BLOCKS, &pipeline.full, err);
    if (code == LX_OK) code = host_queue_open(BLOCKS, &pipeline.empty, err);
    for (int i = 0; code == LX_OK && i < BLOCKS; i++)
        LX_ASSERT(host_queue_put(pipeline.empty, &blocks[i]));
    if (code == LX_OK) code = host_thread_start(read_blocks, &pipeline, &thread, err);
    if (code == LX_OK) {
        code = put_blocks(import, &pipeline, err);
        /* So that a reader whose blocks are no longer wanted ends. */
        host_queue_close(pipeline.empty);
        host_queue_close(pipeline.full);
        host_thread_join(thread);
    }
    if (code == LX_OK && pipeline.code != LX_OK) {
        code = pipeline.code;
        if (err != NULL) *err = pipeline.err;
    }
    host_queue_release(pipeline.full);
    host_queue_release(pipeline.empty);
    return code;
}

static enum lx_err run_alone(struct import *import, struct import_reader *reader,
                             struct import_block *block, struct lx_error *err)
{
    bool is_end = false;
    enum lx_err code = LX_OK;
    while (code == LX_OK && !is_end) {
        import_block_clear(block);
        code = import_reader_next(reader, block, &is_end, err);
        if (code != LX_OK || is_end) break;
        code = import_loader_take(&import->loader, block, err);
        progress(import, block);
    }
    return code;
}

/* The tasks [first, last): all files are opened and looked at before a row is read. */
static enum lx_err run_tasks(struct import *import, size_t first, size_t last, struct lx_error *err)
{
    if (first == last) return LX_OK;
    struct import_reader reader;
    int count = import->env->thread_count > 1 ? BLOCKS : 1;
    struct import_block *blocks = lx_calloc((size_t)count, sizeof *blocks);
    if (blocks == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "import: out of memory");
    for (int i = 0; i < count; i++) import_block_init(&blocks[i]);
    import_reader_init(&reader, &import->context, &import->files, first, last);
    enum lx_err code = import_reader_check(&reader, err);
    if (code == LX_OK)
        code = count > 1 ? run_beside(import, &reader, blocks, err)
                         : run_alone(import, &reader, blocks, err);
    import_reader_release(&reader);
    for (int i = 0; i < count; i++) import_block_release(&blocks[i]);
    lx_free(blocks);
    return code;
}

/* Files that no section names are said aloud: a misspelt pattern would pass unseen otherwise. */
static void report_unmatched(const struct import *import)
{
    char text[512];
    size_t count = 0, length = 0;
    for (size_t i = 0; i < import->files.input_count; i++) {
        const struct import_input *input = &import->files.inputs[i];
        if (input->is_matched) continue;
        count++;
        if (count > 5 || length + strlen(input->name) + 3 > sizeof text - 160) continue;
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%s",
                                   length == 0 ? "" : ", ", input->name);
    }
    if (count == 0) return;
    char line[sizeof text + 160];
    snprintf(line, sizeof line, "%s: %zu files that the mapping %.60s does not name: %s%s",
             import->options->source, count, import->mapping.name, text, count > 5 ? " ..." : "");
    message(import, line);
}

/* Which files are new; the same content twice in one batch is one file. */
static enum lx_err find_new(struct import *import, struct lx_error *err)
{
    struct import_files *files = &import->files;
    enum lx_err code = LX_OK;
    for (size_t i = 0; code == LX_OK && i < files->input_count; i++) {
        struct import_input *input = &files->inputs[i];
        if (!input->is_matched) continue;
        bool is_known = false;
        for (size_t j = 0; j < i && !is_known; j++)
            is_known = files->inputs[j].is_new &&
                       memcmp(files->inputs[j].identity, input->identity, DIGEST_SIZE) == 0;
        if (!is_known)
            code = bank_load_file(import->load, input->name, input->identity, input->size_bytes,
                                  &is_known, err);
        input->is_new = !is_known;
        if (is_known)
            import->result.files_seen++;
        else
            import->result.files_new++;
    }
    import_files_keep_new(files);
    for (size_t i = 0; i < files->task_count; i++)
        import->bytes += files->inputs[files->tasks[i].input].size_bytes;
    return code;
}

static enum lx_err add_products(struct import *import, struct lx_error *err)
{
    enum lx_err code = LX_OK;
    int number;
    for (size_t i = 0; code == LX_OK && i < import->mapping.product_count; i++)
        code =
            bank_load_product(import->load, &import->mapping.products[i].products[0], &number, err);
    return code;
}

/* Refuses the batch when too many of its rows are bad. */
static enum lx_err check_rejects(const struct import *import, struct lx_error *err)
{
    uint64_t rejected = import->rejects.count, read = import->loader.rows_read;
    if (rejected == 0 ||
        (double)rejected * PPM <= (double)import->options->max_rejects_ppm * (double)read)
        return LX_OK;
    uint64_t most;
    const char *reason = import_rejects_most(&import->rejects, &most);
    return lx_fail(err, LX_ERR_LIMIT,
                   "nothing was loaded: %" PRIu64 " of %" PRIu64 " rows are bad, at most %" PRIu32
                   " in a million may be. Most: %s (%" PRIu64 " rows). First: %s. All: %s",
                   rejected, read, import->options->max_rejects_ppm, reason, most,
                   import->rejects.first, import->rejects.path);
}

static bool had_customers(const char *folder, enum lx_err *ret_code, struct lx_error *err)
{
    struct bank *bank = NULL;
    int64_t count = 0;
    *ret_code = bank_open(folder, STORE_READ, &bank, err);
    if (*ret_code == LX_OK) *ret_code = bank_customer_count(bank, &count, err);
    bank_close(bank);
    return count > 0;
}

static enum lx_err load_rows(struct import *import, bool has_past, struct lx_error *err)
{
    size_t products = 0;
    while (products < import->files.task_count &&
           import->files.tasks[products].file->entity == MAPPING_ENTITY_PRODUCT)
        products++;
    import_loader_init(&import->loader, import->load, &import->files, &import->context,
                       &import->rejects);
    enum lx_err code = LX_OK;
    if (has_past) code = import_loader_prepare(&import->loader, import->options->folder, err);
    if (code == LX_OK) code = add_products(import, err);
    import->context.catalogue = bank_load_catalogue(import->load);
    if (code == LX_OK) code = run_tasks(import, 0, products, err);
    import->context.catalogue = bank_load_catalogue(import->load);
    if (code == LX_OK) code = run_tasks(import, products, import->files.task_count, err);
    return code == LX_OK ? import_loader_finish(&import->loader, import->env, err) : code;
}

static void fill_result(struct import *import)
{
    struct import_result *result = &import->result;
    result->rows_read = import->loader.rows_read;
    result->rows_loaded = import->loader.rows_loaded;
    result->rows_passed = import->loader.rows_passed;
    result->rows_rejected = import->rejects.count;
    memcpy(result->rejects, import->rejects.path, sizeof result->rejects);
    result->seconds =
        (double)(import->env->elapsed_ns(import->env->context) - import->started_ns) * 1e-9;
}

/* Everything between the first look at the bank and the commit. */
static enum lx_err run_batch(struct import *import, struct lx_error *err)
{
    const struct import_options *options = import->options;
    struct bank_batch batch = {.source = options->source,
                               .mapping = import->mapping.name,
                               .now_ms = import->context.now_ms,
                               .memory_bytes = options->memory_bytes,
                               .thread_count = import->env->thread_count};
    enum lx_err code;
    bool has_past = had_customers(options->folder, &code, err);
    if (code == LX_OK) code = import_files_hash(&import->files, import->env->thread_count, err);
    if (code == LX_OK) code = bank_load_begin(options->folder, &batch, &import->load, err);
    if (code == LX_OK) code = find_new(import, err);
    if (code != LX_OK) return code;
    if (import->result.files_new == 0) {
        import->result.is_duplicate = true;
        return LX_OK;
    }
    import->context.utc_offset_minutes = bank_load_utc_offset_minutes(import->load);
    code = load_rows(import, has_past, err);
    enum lx_err finished = import_rejects_finish(&import->rejects, code == LX_OK ? err : NULL);
    if (code == LX_OK) code = finished;
    if (code == LX_OK) code = check_rejects(import, err);
    if (code != LX_OK) return code;

    struct bank_load_result loaded;
    code = bank_load_commit(import->load, import->env, &loaded, err);
    if (code != LX_OK) return code;
    import->result.batch = loaded.batch;
    import->result.facts = loaded.rows_loaded;
    import->result.duplicates = loaded.duplicates + import->loader.duplicates;
    return LX_OK;
}

enum lx_err import_run(const struct import_options *options, const struct lx_env *env,
                       struct import_result *ret_result, struct lx_error *err)
{
    LX_ASSERT(options != NULL && env != NULL && ret_result != NULL);
    LX_ASSERT(options->folder != NULL && options->source != NULL && options->mapping_file != NULL);

    struct import *import = lx_calloc(1, sizeof *import);
    if (import == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "import: out of memory");
    import->options = options;
    import->env = env;
    import->started_ns = env->elapsed_ns(env->context);
    import->context.now_ms = env->now_ms(env->context);
    import->context.mapping_file = options->mapping_file;
    enum lx_err code = mapping_parse(options->mapping_file, options->mapping,
                                     options->mapping_length, &import->mapping, err);
    if (code == LX_OK)
        code = import_files_find(&import->mapping, options->source, &import->files, err);
    if (code == LX_OK) {
        report_unmatched(import);
        import_rejects_init(&import->rejects, options->folder, import->mapping.name,
                            import->context.now_ms);
        code = run_batch(import, err);
        fill_result(import);
    }
    if (code == LX_OK || (code == LX_ERR_LIMIT && import->rejects.count > 0))
        *ret_result = import->result;

    import_loader_release(&import->loader);
    bank_load_abort(import->load);
    import_rejects_release(&import->rejects);
    import_files_release(&import->files);
    mapping_release(&import->mapping);
    lx_free(import);
    return code;
}
