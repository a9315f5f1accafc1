#include "bank/sorter.h"

#include <stdio.h>
#include <string.h>

#include "host/file.h"
#include "host/thread.h"

enum {
    BUCKETS_MAX = 1 << 16,
    RUNS_MAX = 1 << 16,
    BLOCK_BYTES = 1 << 20, /* written or read at once */
    INSERTION_MAX = 16,    /* so many elements are sorted by insertion */
    CHUNKS_PER_THREAD = 8,
};

struct sorter_run {
    struct host_file *file; /* NULL: the records in memory */
    uint64_t position, size;
    char *block; /* a part of the file */
    size_t block_length, block_at;
};

/* The key as one number of 128 bits, and the place where the record stands. */
struct element {
    uint64_t high, low;
    uint32_t index;
};

static const struct sorter_key *key_at(const struct sorter *sorter, size_t index)
{
    return (const struct sorter_key *)(const void *)(sorter->records +
                                                     index * sorter->record_bytes);
}

/* Moments are signed: with the top bit turned over, their order is that of unsigned numbers. */
static struct element element_of(const struct sorter_key *key, uint32_t index)
{
    uint64_t at = (uint64_t)key->at_ms ^ (UINT64_C(1) << 63);
    return (struct element){(uint64_t)key->customer << 32 | at >> 32, at << 32 | key->sequence,
                            index};
}

static bool is_before(const struct element *a, const struct element *b)
{
    if (a->high != b->high) return a->high < b->high;
    if (a->low != b->low) return a->low < b->low;
    return a->index < b->index;
}

void sorter_init(struct sorter *sorter, const char *path, size_t record_bytes, size_t memory_bytes,
                 int thread_count)
{
    LX_ASSERT(record_bytes >= sizeof(struct sorter_key) && record_bytes % 8 == 0);
    LX_ASSERT(record_bytes <= BLOCK_BYTES && thread_count >= 1);
    LX_ASSERT(strlen(path) < LX_PATH_MAX);

    *sorter = (struct sorter){
        .record_bytes = record_bytes, .thread_count = thread_count, .is_in_order = true};
    memcpy(sorter->path, path, strlen(path) + 1);
    /* Each record in memory needs a place in the order, too. */
    size_t max_records = memory_bytes / (record_bytes + sizeof *sorter->order);
    if (max_records < 2) max_records = 2;
    sorter->max_records = max_records < UINT32_MAX ? max_records : UINT32_MAX;
}

static void release_run(struct sorter_run *run)
{
    host_close(run->file);
    lx_free(run->block);
    *run = (struct sorter_run){0};
}

void sorter_release(struct sorter *sorter)
{
    for (size_t i = 0; i < sorter->run_count; i++) release_run(&sorter->runs[i]);
    lx_free(sorter->runs);
    lx_free(sorter->heap);
    lx_free(sorter->order);
    lx_free(sorter->records);
    *sorter = (struct sorter){0};
}

/* What the threads share while they sort. */
struct sorting {
    const struct sorter *sorter;
    uint32_t *order;
    const uint32_t *ends; /* of each bucket in `order`; bucket b begins at ends[b - 1] */
    size_t bucket_count, chunk_count;
    enum lx_err *codes; /* one a chunk */
};

static void insertion_sort(struct element *elements, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct element element = elements[i];
        size_t j = i;
        for (; j > 0 && is_before(&element, &elements[j - 1]); j--) elements[j] = elements[j - 1];
        elements[j] = element;
    }
}

static void merge(const struct element *left, size_t left_count, const struct element *right,
                  size_t right_count, struct element *to)
{
    while (left_count > 0 && right_count > 0) {
        bool is_right = is_before(right, left);
        *to++ = is_right ? *right : *left;
        right += is_right;
        right_count -= is_right;
        left += !is_right;
        left_count -= !is_right;
    }
    memcpy(to, left, left_count * sizeof *to);
    memcpy(to + left_count, right, right_count * sizeof *to);
}

/* Merge sort from the bottom up; `scratch` is as large as `elements`. */
static void sort_elements(struct element *elements, struct element *scratch, size_t count)
{
    for (size_t i = 0; i < count; i += INSERTION_MAX)
        insertion_sort(elements + i, count - i < INSERTION_MAX ? count - i : INSERTION_MAX);
    struct element *from = elements, *to = scratch;
    for (size_t width = INSERTION_MAX; width < count; width *= 2) {
        for (size_t i = 0; i < count; i += 2 * width) {
            size_t left = count - i < width ? count - i : width;
            size_t right = count - i - left < width ? count - i - left : width;
            merge(from + i, left, from + i + left, right, to + i);
        }
        struct element *other = from;
        from = to;
        to = other;
    }
    if (from != elements) memcpy(elements, from, count * sizeof *elements);
}

static size_t bucket_start(const struct sorting *sorting, size_t bucket)
{
    return bucket == 0 ? 0 : sorting->ends[bucket - 1];
}

static void sort_bucket(const struct sorting *sorting, size_t bucket, struct element *elements,
                        struct element *scratch)
{
    size_t start = bucket_start(sorting, bucket), count = sorting->ends[bucket] - start;
    uint32_t *order = sorting->order + start;
    for (size_t i = 0; i < count; i++)
        elements[i] = element_of(key_at(sorting->sorter, order[i]), order[i]);
    sort_elements(elements, scratch, count);
    for (size_t i = 0; i < count; i++) order[i] = elements[i].index;
}

static void sort_chunk(void *context, size_t chunk)
{
    const struct sorting *sorting = context;
    size_t first = chunk * sorting->bucket_count / sorting->chunk_count;
    size_t last = (chunk + 1) * sorting->bucket_count / sorting->chunk_count;
    size_t largest = 0;
    for (size_t b = first; b < last; b++) {
        size_t count = sorting->ends[b] - bucket_start(sorting, b);
        if (count > largest) largest = count;
    }
    if (largest < 2) return;
    struct element *elements = lx_malloc(2 * largest * sizeof *elements);
    if (elements == NULL) {
        sorting->codes[chunk] = LX_ERR_NO_MEMORY;
        return;
    }
    for (size_t b = first; b < last; b++) sort_bucket(sorting, b, elements, elements + largest);
    lx_free(elements);
}

static int shift_for(const struct sorter *sorter)
{
    uint32_t largest = 0;
    for (size_t i = 0; i < sorter->count; i++)
        if (key_at(sorter, i)->customer > largest) largest = key_at(sorter, i)->customer;
    int shift = 0;
    while (largest >> shift >= BUCKETS_MAX) shift++;
    return shift;
}

/* Distributes the indices over buckets of neighbouring customers; ends[b] is where b ends. */
static void distribute(const struct sorter *sorter, uint32_t *order, uint32_t *ends)
{
    int shift = shift_for(sorter);
    for (size_t i = 0; i < sorter->count; i++) ends[key_at(sorter, i)->customer >> shift]++;
    uint32_t start = 0;
    for (size_t b = 0; b < BUCKETS_MAX; b++) {
        uint32_t count = ends[b];
        ends[b] = start;
        start += count;
    }
    for (size_t i = 0; i < sorter->count; i++)
        order[ends[key_at(sorter, i)->customer >> shift]++] = (uint32_t)i;
}

static enum lx_err sort_in_threads(const struct sorter *sorter, uint32_t *order, uint32_t *ends,
                                   struct lx_error *err)
{
    enum lx_err codes[LX_THREADS_MAX * CHUNKS_PER_THREAD] = {0};
    size_t threads =
        sorter->thread_count < LX_THREADS_MAX ? (size_t)sorter->thread_count : LX_THREADS_MAX;
    struct sorting sorting = {sorter, order, ends, BUCKETS_MAX, threads * CHUNKS_PER_THREAD, codes};
    distribute(sorter, order, ends);
    enum lx_err code = host_parallel((int)threads, sorting.chunk_count, sort_chunk, &sorting, err);
    for (size_t i = 0; code == LX_OK && i < sorting.chunk_count; i++)
        if (codes[i] != LX_OK) code = lx_fail(err, codes[i], "%s: sorting", sorter->path);
    return code;
}

/* Fills `order`, or leaves it NULL where the records have come in order. */
static enum lx_err sort_memory(struct sorter *sorter, struct lx_error *err)
{
    if (sorter->is_in_order) return LX_OK;
    LX_ASSERT(sorter->order == NULL);

    uint32_t *order = lx_malloc(sorter->count * sizeof *order);
    uint32_t *ends = lx_calloc(BUCKETS_MAX, sizeof *ends);
    enum lx_err code = LX_OK;
    if (order == NULL || ends == NULL)
        code =
            lx_fail(err, LX_ERR_NO_MEMORY, "%s: sorting %zu records", sorter->path, sorter->count);
    if (code == LX_OK) code = sort_in_threads(sorter, order, ends, err);
    lx_free(ends);
    if (code == LX_OK)
        sorter->order = order;
    else
        lx_free(order);
    return code;
}

static const char *record_at(const struct sorter *sorter, size_t place)
{
    size_t index = sorter->order == NULL ? place : sorter->order[place];
    return sorter->records + index * sorter->record_bytes;
}

static enum lx_err write_records(const struct sorter *sorter, struct sorter_run *run,
                                 struct lx_error *err)
{
    size_t size = sorter->record_bytes, block_records = BLOCK_BYTES / size;
    char *block = lx_malloc(block_records * size);
    if (block == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", sorter->path);
    enum lx_err code = LX_OK;
    for (size_t place = 0; place < sorter->count && code == LX_OK;) {
        size_t filled = 0;
        for (; filled < block_records && place < sorter->count; filled++, place++)
            memcpy(block + filled * size, record_at(sorter, place), size);
        code = host_write(run->file, block, filled * size, err);
    }
    lx_free(block);
    run->size = (uint64_t)sorter->count * size;
    return code;
}

static enum lx_err add_run(struct sorter *sorter, struct sorter_run **ret_run, struct lx_error *err)
{
    enum lx_err code = lx_grow(&sorter->runs, &sorter->run_capacity, sorter->run_count + 1,
                               RUNS_MAX, sizeof *sorter->runs);
    if (code != LX_OK)
        return lx_fail(err, code, "%s: %zu sorted runs: %s", sorter->path, sorter->run_count,
                       lx_err_text(code));
    *ret_run = &sorter->runs[sorter->run_count++];
    **ret_run = (struct sorter_run){0};
    return LX_OK;
}

/* Everything in memory becomes a sorted run on disk. */
static enum lx_err spill(struct sorter *sorter, struct lx_error *err)
{
    char path[LX_PATH_MAX + 24];
    struct sorter_run *run = NULL;
    enum lx_err code = sort_memory(sorter, err);
    if (code == LX_OK) code = add_run(sorter, &run, err);
    if (code != LX_OK) return code;
    snprintf(path, sizeof path, "%s%zu", sorter->path, sorter->run_count);
    code = host_open(path, HOST_CREATE, &run->file, err);
    if (code == LX_OK) code = host_remove(path, err);
    if (code == LX_OK) code = write_records(sorter, run, err);
    lx_free(sorter->order);
    sorter->order = NULL;
    sorter->count = 0;
    sorter->is_in_order = true;
    return code;
}

enum lx_err sorter_put(struct sorter *sorter, const struct sorter_key *key, void **ret_record,
                       struct lx_error *err)
{
    LX_ASSERT(sorter->heap == NULL); /* not finished yet */

    enum lx_err code = LX_OK;
    if (sorter->count == sorter->max_records) code = spill(sorter, err);
    if (code == LX_OK && sorter->count == sorter->capacity)
        code = lx_grow(&sorter->records, &sorter->capacity, sorter->count + 1, sorter->max_records,
                       sorter->record_bytes);
    if (code == LX_ERR_NO_MEMORY) lx_fail(err, code, "%s: out of memory", sorter->path);
    if (code != LX_OK) return code;

    if (sorter->count > 0 && sorter->is_in_order) {
        struct element before = element_of(key_at(sorter, sorter->count - 1), 0);
        struct element now = element_of(key, 1);
        sorter->is_in_order = is_before(&before, &now);
    }
    char *record = sorter->records + sorter->count * sorter->record_bytes;
    memcpy(record, key, sizeof *key);
    sorter->count++;
    sorter->total++;
    *ret_record = record;
    return LX_OK;
}

/* NULL past the run's last record. */
static const char *current(const struct sorter *sorter, const struct sorter_run *run)
{
    if (run->file == NULL)
        return run->position < sorter->count ? record_at(sorter, (size_t)run->position) : NULL;
    return run->block_at < run->block_length ? run->block + run->block_at : NULL;
}

static enum lx_err fill_block(struct sorter *sorter, struct sorter_run *run, struct lx_error *err)
{
    size_t wanted = BLOCK_BYTES / sorter->record_bytes * sorter->record_bytes;
    if (wanted > run->size - run->position) wanted = (size_t)(run->size - run->position);
    run->block_at = run->block_length = 0;
    if (wanted == 0) return LX_OK;
    if (run->block == NULL) run->block = lx_malloc(wanted);
    if (run->block == NULL)
        return lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", sorter->path);
    size_t length = 0;
    enum lx_err code = host_read_at(run->file, run->position, run->block, wanted, &length, err);
    if (code == LX_OK && length != wanted)
        code = lx_fail(err, LX_ERR_CORRUPT, "%s: a temporary file became shorter", sorter->path);
    if (code != LX_OK) return code;
    run->block_length = wanted;
    run->position += wanted;
    return LX_OK;
}

static enum lx_err pass(struct sorter *sorter, struct sorter_run *run, struct lx_error *err)
{
    if (run->file == NULL) {
        run->position++;
        return LX_OK;
    }
    run->block_at += sorter->record_bytes;
    return run->block_at < run->block_length ? LX_OK : fill_block(sorter, run, err);
}

/* Runs are numbered by age, so that equal keys come in the order of their arrival. */
static bool heap_is_before(const struct sorter *sorter, uint32_t a, uint32_t b)
{
    const void *key_a = current(sorter, &sorter->runs[a]);
    const void *key_b = current(sorter, &sorter->runs[b]);
    struct element left = element_of(key_a, a), right = element_of(key_b, b);
    return is_before(&left, &right);
}

static void sift_down(struct sorter *sorter, size_t place)
{
    for (;;) {
        size_t least = place, left = 2 * place + 1, right = left + 1;
        uint32_t *heap = sorter->heap;
        if (left < sorter->heap_count && heap_is_before(sorter, heap[left], heap[least]))
            least = left;
        if (right < sorter->heap_count && heap_is_before(sorter, heap[right], heap[least]))
            least = right;
        if (least == place) return;
        uint32_t other = heap[place];
        heap[place] = heap[least];
        heap[least] = other;
        place = least;
    }
}

enum lx_err sorter_finish(struct sorter *sorter, struct lx_error *err)
{
    LX_ASSERT(sorter->heap == NULL);

    struct sorter_run *last = NULL;
    enum lx_err code = sort_memory(sorter, err);
    if (code == LX_OK) code = add_run(sorter, &last, err);
    if (code != LX_OK) return code;
    sorter->heap = lx_malloc(sorter->run_count * sizeof *sorter->heap);
    if (sorter->heap == NULL)
        return lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", sorter->path);
    for (uint32_t i = 0; i < sorter->run_count && code == LX_OK; i++) {
        struct sorter_run *run = &sorter->runs[i];
        if (run->file != NULL) code = fill_block(sorter, run, err);
        if (code == LX_OK && current(sorter, run) != NULL) sorter->heap[sorter->heap_count++] = i;
    }
    for (size_t place = sorter->heap_count; code == LX_OK && place-- > 0;) sift_down(sorter, place);
    return code;
}

enum lx_err sorter_next(struct sorter *sorter, const void **ret_record, struct lx_error *err)
{
    LX_ASSERT(sorter->heap != NULL);

    if (sorter->has_given) {
        struct sorter_run *run = &sorter->runs[sorter->heap[0]];
        enum lx_err code = pass(sorter, run, err);
        if (code != LX_OK) return code;
        if (current(sorter, run) == NULL) sorter->heap[0] = sorter->heap[--sorter->heap_count];
        if (sorter->heap_count > 1) sift_down(sorter, 0);
    }
    sorter->has_given = sorter->heap_count > 0;
    *ret_record = sorter->has_given ? current(sorter, &sorter->runs[sorter->heap[0]]) : NULL;
    return LX_OK;
}
