#include "view/spool.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/file.h"
#include "view/feature_set.h"
#include "view/peers_table.h"
#include "view/scan.h"
#include "view/snapshot_layout.h"

enum { ROWS = VIEW_RANGE_CUSTOMERS, LIST_COUNT = 3 };

/* A range's lists: its ids, or all values of all products. */
#define LIST_BYTES_MAX ((size_t)1 << 31)

enum { LIST_IDS, LIST_HELD, LIST_PAIRS };

static const struct {
    const char *name;
    enum frame_type type;
    size_t element_size;
} lists[LIST_COUNT] = {
    [LIST_IDS] = {"id", FRAME_TEXT, 1},
    [LIST_HELD] = {"held", FRAME_LIST, sizeof(uint16_t)},
    [LIST_PAIRS] = {"pairs", FRAME_LIST, sizeof(struct snapshot_pair)},
};

static const struct {
    const char *name;
    enum frame_type type;
    size_t size;
} facts_columns[SNAPSHOT_FACT_COUNT] = {
#define X(name, frame_type, type) {"facts." #name, FRAME_##frame_type, sizeof(type)},
    SNAPSHOT_FACT_MAP(X)
#undef X
};

/* What has been seen of a feature: how narrow a column holds it. */
struct extent {
    float low, high;
    bool is_seen, has_missing, has_fraction;
};

struct id_entry {
    uint64_t hash;
    int32_t row;
};

/* What one worker gathers, and the file that it goes to. */
struct spool_part {
    struct spool *spool;
    struct spool_rows rows;
    struct host_file *file;
    uint64_t written;
    char path[LX_PATH_MAX];
    float *features;                        /* [feature][ROWS] */
    struct extent *extents;                 /* by feature, of all ranges of this worker */
    void *facts[SNAPSHOT_FACT_COUNT];       /* [ROWS] each */
    uint32_t offsets[LIST_COUNT][ROWS + 1]; /* in elements */
    struct lx_buffer lists[LIST_COUNT];
};

/* Where a range stands: its features, facts, then of each list the offsets and the elements. */
struct spool_range {
    int worker;
    uint64_t at;
    size_t count;
    uint64_t list_at[LIST_COUNT];
    uint32_t list_count[LIST_COUNT];
    uint64_t late_at; /* the features that ask the peers, behind everything else */
};

struct spool {
    struct spool_part *parts;
    struct spool_range *ranges;
    struct id_entry *ids; /* by row, then by hash */
    const struct view_features *features;
    struct bank *bank;
    struct view_context context; /* of this thread */
    float *defaults;             /* pair features of nobody, by product */
    size_t range_count, feature_count, pair_count;
    int64_t customers, as_of_ms;
    int worker_count;
};

static enum lx_err out_of_memory(struct lx_error *err)
{
    return lx_fail(err, LX_ERR_NO_MEMORY, "snapshot: out of memory");
}

static enum lx_err open_part(struct spool_part *part, struct spool *spool, const char *path,
                             int worker, struct lx_error *err)
{
    part->spool = spool;
    part->rows.part = part;
    for (int i = 0; i < LIST_COUNT; i++) lx_buffer_init(&part->lists[i], LIST_BYTES_MAX);
    part->features = lx_malloc(spool->feature_count * ROWS * sizeof(float));
    part->extents = lx_calloc(spool->feature_count + 1, sizeof *part->extents);
    part->rows.customer_values = lx_malloc(spool->feature_count * sizeof(float));
    part->rows.pair_values = lx_malloc(LX_PRODUCT_MAX * spool->pair_count * sizeof(float) + 1);
    bool is_whole = part->features != NULL && part->extents != NULL &&
                    part->rows.customer_values != NULL && part->rows.pair_values != NULL;
    for (int i = 0; i < SNAPSHOT_FACT_COUNT; i++) {
        part->facts[i] = lx_malloc(ROWS * facts_columns[i].size);
        is_whole = is_whole && part->facts[i] != NULL;
    }
    if (!is_whole) return out_of_memory(err);
    int length = snprintf(part->path, sizeof part->path, "%s.spool-%d", path, worker);
    if (length < 0 || (size_t)length >= sizeof part->path) {
        part->path[0] = '\0';
        return lx_fail(err, LX_ERR_LIMIT, "%.60s...: a file name of more than %d bytes", path,
                       LX_PATH_MAX - 1);
    }
    return host_open(part->path, HOST_CREATE, &part->file, err);
}

static void close_part(struct spool_part *part)
{
    host_close(part->file);
    if (part->path[0] != '\0') {
        struct lx_error ignored; /* the next refresh sweeps what stays */
        enum lx_err removed = host_remove(part->path, &ignored);
        (void)removed;
    }
    for (int i = 0; i < LIST_COUNT; i++) lx_buffer_release(&part->lists[i]);
    for (int i = 0; i < SNAPSHOT_FACT_COUNT; i++) lx_free(part->facts[i]);
    lx_free(part->features);
    lx_free(part->extents);
    lx_free(part->rows.customer_values);
    lx_free(part->rows.pair_values);
}

static enum lx_err allocate(struct spool *spool)
{
    spool->parts = lx_calloc((size_t)spool->worker_count, sizeof *spool->parts);
    spool->ranges = lx_calloc(spool->range_count, sizeof *spool->ranges);
    spool->ids = lx_malloc((size_t)spool->customers * sizeof *spool->ids);
    spool->defaults = lx_malloc(LX_PRODUCT_MAX * spool->pair_count * sizeof *spool->defaults + 1);
    bool is_whole = spool->parts != NULL && spool->ranges != NULL && spool->ids != NULL &&
                    spool->defaults != NULL;
    return is_whole ? LX_OK : LX_ERR_NO_MEMORY;
}

static enum lx_err open_bank(struct spool *spool, const char *folder, struct lx_error *err)
{
    enum lx_err code = bank_open(folder, STORE_READ, &spool->bank, err);
    if (code != LX_OK) return code;
    spool->context =
        (struct view_context){.catalogue = bank_catalogue(spool->bank),
                              .utc_offset_minutes = bank_utc_offset_minutes(spool->bank)};
    code =
        view_scratch_open(spool->features, spool->context.catalogue, &spool->context.scratch, err);
    if (code == LX_OK)
        view_compute_default(spool->context.scratch, &spool->context, spool->as_of_ms,
                             spool->defaults);
    return code;
}

enum lx_err spool_open(const struct spool_plan *plan, struct spool **ret_spool,
                       struct lx_error *err)
{
    LX_ASSERT(plan != NULL && plan->path != NULL && ret_spool != NULL);
    LX_ASSERT(plan->worker_count >= 1 && plan->customers >= 1 && plan->customers <= INT32_MAX);

    struct spool *spool = lx_calloc(1, sizeof *spool);
    if (spool == NULL) return out_of_memory(err);
    spool->features = plan->features;
    spool->worker_count = plan->worker_count;
    spool->customers = plan->customers;
    spool->as_of_ms = plan->as_of_ms;
    spool->range_count = view_range_count(plan->customers);
    spool->feature_count = view_features_count(plan->features, VIEW_CUSTOMER);
    spool->pair_count = view_features_count(plan->features, VIEW_PAIR);
    enum lx_err code = allocate(spool);
    if (code != LX_OK) code = out_of_memory(err);
    if (code == LX_OK) code = open_bank(spool, plan->folder, err);
    for (int i = 0; i < plan->worker_count && code == LX_OK; i++)
        code = open_part(&spool->parts[i], spool, plan->path, i, err);
    if (code != LX_OK) {
        spool_close(spool);
        return code;
    }
    *ret_spool = spool;
    return LX_OK;
}

void spool_close(struct spool *spool)
{
    if (spool == NULL) return;
    for (int i = 0; i < spool->worker_count && spool->parts != NULL; i++)
        close_part(&spool->parts[i]);
    view_scratch_close(spool->context.scratch);
    bank_close(spool->bank);
    lx_free(spool->parts);
    lx_free(spool->ranges);
    lx_free(spool->ids);
    lx_free(spool->defaults);
    lx_free(spool);
}

struct spool_rows *spool_begin(struct spool *spool, int worker, int64_t first)
{
    LX_ASSERT(worker >= 0 && worker < spool->worker_count);

    struct spool_part *part = &spool->parts[worker];
    part->rows.first = first;
    part->rows.count = 0;
    for (int i = 0; i < LIST_COUNT; i++) {
        lx_buffer_clear(&part->lists[i]);
        part->offsets[i][0] = 0;
    }
    return &part->rows;
}

static void add_held(struct spool_part *part, const struct view_facts *facts, size_t product_count)
{
    for (size_t i = 0; i < product_count; i++) {
        uint16_t product = (uint16_t)i;
        if (view_holds(facts, (int)i))
            lx_buffer_append(&part->lists[LIST_HELD], &product, sizeof product);
    }
}

/* Bit by bit, because a missing value is NaN, which equals nothing. */
static void add_pairs(struct spool_part *part, size_t product_count)
{
    const struct spool *spool = part->spool;
    for (size_t product = 0; product < product_count; product++) {
        const float *values = part->rows.pair_values + product * spool->pair_count;
        const float *defaults = spool->defaults + product * spool->pair_count;
        for (size_t feature = 0; feature < spool->pair_count; feature++) {
            if (view_features_is_derived(spool->features, feature)) continue;
            if (memcmp(&values[feature], &defaults[feature], sizeof *values) == 0) continue;
            struct snapshot_pair pair = {(uint16_t)product, (uint16_t)feature, values[feature]};
            lx_buffer_append(&part->lists[LIST_PAIRS], &pair, sizeof pair);
        }
    }
}

static void add_facts(struct spool_part *part, size_t row, const struct view_facts *facts)
{
#define X(name, frame_type, type)                                                                  \
    ((type *)part->facts[SNAPSHOT_FACT_##name])[row] = (type)facts->name;
    SNAPSHOT_FACT_MAP(X)
#undef X
}

enum lx_err spool_add(struct spool_rows *rows, const char *id, const struct view_facts *facts,
                      size_t product_count, struct lx_error *err)
{
    struct spool_part *part = rows->part;
    struct spool *spool = part->spool;
    size_t row = rows->count++, id_length = strlen(id);
    LX_ASSERT(row < ROWS);

    for (size_t i = 0; i < spool->feature_count; i++)
        part->features[i * ROWS + row] = rows->customer_values[i];
    add_facts(part, row, facts);
    lx_buffer_append(&part->lists[LIST_IDS], id, id_length);
    add_held(part, facts, product_count);
    add_pairs(part, product_count);
    spool->ids[rows->first + (int64_t)row] =
        (struct id_entry){snapshot_id_hash(id, id_length), (int32_t)(rows->first + (int64_t)row)};
    for (int i = 0; i < LIST_COUNT; i++) {
        if (lx_buffer_error(&part->lists[i]) != LX_OK) return out_of_memory(err);
        part->offsets[i][row + 1] = (uint32_t)(part->lists[i].length / lists[i].element_size);
    }
    return LX_OK;
}

static enum lx_err append(struct spool_part *part, const void *bytes, size_t length,
                          struct lx_error *err)
{
    part->written += length;
    return length == 0 ? LX_OK : host_write(part->file, bytes, length, err);
}

static enum lx_err append_lists(struct spool_part *part, struct spool_range *range,
                                struct lx_error *err)
{
    enum lx_err code = LX_OK;
    for (int i = 0; i < LIST_COUNT && code == LX_OK; i++) {
        range->list_at[i] = part->written;
        range->list_count[i] = part->offsets[i][range->count];
        code = append(part, part->offsets[i], (range->count + 1) * sizeof(uint32_t), err);
        if (code == LX_OK) code = append(part, part->lists[i].bytes, part->lists[i].length, err);
    }
    return code;
}

static void widen(struct extent *extent, const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float value = values[i];
        if (isnan(value)) {
            extent->has_missing = true;
            continue;
        }
        if (!extent->is_seen || value < extent->low) extent->low = value;
        if (!extent->is_seen || value > extent->high) extent->high = value;
        extent->is_seen = true;
        extent->has_fraction |= value != truncf(value);
    }
}

enum lx_err spool_end(struct spool *spool, int worker, size_t number, struct lx_error *err)
{
    LX_ASSERT(number < spool->range_count);

    struct spool_part *part = &spool->parts[worker];
    struct spool_range *range = &spool->ranges[number];
    *range = (struct spool_range){.worker = worker, .at = part->written, .count = part->rows.count};
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < spool->feature_count && code == LX_OK; i++) {
        const float *values = part->features + i * ROWS;
        if (!view_features_is_late(spool->features, i))
            widen(&part->extents[i], values, range->count);
        code = append(part, values, range->count * sizeof(float), err);
    }
    for (int i = 0; i < SNAPSHOT_FACT_COUNT && code == LX_OK; i++)
        code = append(part, part->facts[i], range->count * facts_columns[i].size, err);
    return code == LX_OK ? append_lists(part, range, err) : code;
}

/* Room for one piece of a range: a column of it, or a slice of a list. */
enum { PIECE_BYTES = ROWS * 8 };

_Static_assert(PIECE_BYTES % sizeof(struct snapshot_pair) == 0, "whole elements");

struct piece {
    _Alignas(8) uint8_t bytes[PIECE_BYTES];
    uint64_t offsets[ROWS + 1];
};

static enum lx_err read_piece(const struct spool *spool, const struct spool_range *range,
                              uint64_t at, void *bytes, size_t size, struct lx_error *err)
{
    size_t length = 0;
    struct host_file *file = spool->parts[range->worker].file;
    enum lx_err code = host_read_at(file, at, bytes, size, &length, err);
    if (code == LX_OK && length != size)
        code = lx_fail(err, LX_ERR_CORRUPT, "%s: truncated while it was in use", host_path(file));
    return code;
}

/* A column of fixed size that stands `before` bytes a row after the range's beginning. */
static enum lx_err write_fixed(struct spool *spool, struct frame_writer *writer, const char *name,
                               enum frame_type type, size_t size, size_t before,
                               struct piece *piece, struct lx_error *err)
{
    enum lx_err code = frame_column_begin(writer, name, type, 0, err);
    for (size_t i = 0; i < spool->range_count && code == LX_OK; i++) {
        const struct spool_range *range = &spool->ranges[i];
        code = read_piece(spool, range, range->at + before * range->count, piece->bytes,
                          range->count * size, err);
        if (code == LX_OK) code = frame_column_values(writer, piece->bytes, range->count, err);
    }
    return code == LX_OK ? frame_column_end(writer, err) : code;
}

/* --- The features that ask the peers --------------------------------------------------------- */

/* A range, read back; rows of `held` follow one another. */
struct late {
    float *features, *values; /* [feature][row]; [late feature][row] */
    uint8_t *facts;           /* column after column */
    uint32_t offsets[ROWS + 1];
    uint16_t *held;
    size_t held_capacity;
};

static size_t late_count(const struct spool *spool)
{
    size_t count = 0;
    for (size_t i = 0; i < spool->feature_count; i++)
        count += view_features_is_late(spool->features, i);
    return count;
}

static size_t facts_size(void)
{
    size_t size = 0;
    for (int i = 0; i < SNAPSHOT_FACT_COUNT; i++) size += facts_columns[i].size;
    return size;
}

static enum lx_err read_held(const struct spool *spool, const struct spool_range *range,
                             struct late *late, struct lx_error *err)
{
    size_t offsets = (range->count + 1) * sizeof *late->offsets;
    size_t count = range->list_count[LIST_HELD];
    enum lx_err code = lx_grow(&late->held, &late->held_capacity, count + 1,
                               (size_t)ROWS * LX_PRODUCT_MAX + 1, sizeof *late->held);
    if (code != LX_OK) return out_of_memory(err);
    code = read_piece(spool, range, range->list_at[LIST_HELD], late->offsets, offsets, err);
    if (code == LX_OK && count > 0)
        code = read_piece(spool, range, range->list_at[LIST_HELD] + offsets, late->held,
                          count * sizeof *late->held, err);
    return code;
}

static enum lx_err read_range(const struct spool *spool, const struct spool_range *range,
                              struct late *late, struct lx_error *err)
{
    size_t features = spool->feature_count * range->count * sizeof(float);
    enum lx_err code = read_piece(spool, range, range->at, late->features, features, err);
    if (code == LX_OK)
        code = read_piece(spool, range, range->at + features, late->facts,
                          facts_size() * range->count, err);
    return code == LX_OK ? read_held(spool, range, late, err) : code;
}

static struct view_facts facts_of(const struct late *late, size_t count, size_t row)
{
    struct view_facts facts = {0};
    const uint8_t *column = late->facts;
#define X(name, frame_type, type)                                                                  \
    {                                                                                              \
        type value;                                                                                \
        memcpy(&value, column + row * sizeof value, sizeof value);                                 \
        facts.name = (__typeof__(facts.name))value;                                                \
        column += count * sizeof value;                                                            \
    }
    SNAPSHOT_FACT_MAP(X)
#undef X
    for (uint32_t i = late->offsets[row]; i < late->offsets[row + 1]; i++)
        facts.held[late->held[i] / 64] |= (uint64_t)1 << (late->held[i] % 64);
    return facts;
}

static enum lx_err compute_range(struct spool *spool, struct spool_range *range, struct late *late,
                                 struct lx_error *err)
{
    struct spool_part *part = &spool->parts[range->worker];
    float values[LX_FEATURES_MAX];
    enum lx_err code = read_range(spool, range, late, err);
    for (size_t row = 0; row < range->count && code == LX_OK; row++) {
        struct view_facts facts = facts_of(late, range->count, row);
        size_t place = 0;
        for (size_t i = 0; i < spool->feature_count; i++)
            values[i] = late->features[i * range->count + row];
        view_compute_late(spool->context.scratch, &spool->context, &facts, spool->as_of_ms, values);
        for (size_t i = 0; i < spool->feature_count; i++)
            if (view_features_is_late(spool->features, i))
                late->values[place++ * range->count + row] = values[i];
    }
    range->late_at = part->written;
    if (code != LX_OK) return code;
    for (size_t i = 0, place = 0; i < spool->feature_count; i++)
        if (view_features_is_late(spool->features, i))
            widen(&part->extents[i], late->values + place++ * range->count, range->count);
    return append(part, late->values, late_count(spool) * range->count * sizeof(float), err);
}

static enum lx_err compute_late(struct spool *spool, const struct view_peers *peers,
                                struct lx_error *err)
{
    size_t count = late_count(spool);
    if (count == 0) return LX_OK;
    struct late *late = lx_calloc(1, sizeof *late);
    if (late == NULL) return out_of_memory(err);
    late->features = lx_malloc(spool->feature_count * ROWS * sizeof(float));
    late->values = lx_malloc(count * ROWS * sizeof(float));
    late->facts = lx_malloc(facts_size() * ROWS);
    bool is_whole = late->features != NULL && late->values != NULL && late->facts != NULL;
    enum lx_err code = is_whole ? LX_OK : out_of_memory(err);
    spool->context.peers = peers;
    for (size_t i = 0; i < spool->range_count && code == LX_OK; i++)
        code = compute_range(spool, &spool->ranges[i], late, err);
    lx_free(late->features);
    lx_free(late->values);
    lx_free(late->facts);
    lx_free(late->held);
    lx_free(late);
    return code;
}

/* --- Columns of features --------------------------------------------------------------------- */

/* A column of features: where its floats stand in a range, and as what it is written. */
struct feature_column {
    const char *name;
    enum frame_type type;
    size_t before; /* bytes a row before it */
    bool is_late, has_missing;
};

static struct extent extent_of(const struct spool *spool, size_t feature)
{
    struct extent all = {0};
    for (int i = 0; i < spool->worker_count; i++) {
        const struct extent *one = &spool->parts[i].extents[feature];
        all.has_missing |= one->has_missing;
        all.has_fraction |= one->has_fraction;
        if (!one->is_seen) continue;
        if (!all.is_seen || one->low < all.low) all.low = one->low;
        if (!all.is_seen || one->high > all.high) all.high = one->high;
        all.is_seen = true;
    }
    return all;
}

static enum lx_err read_floats(const struct spool *spool, const struct spool_range *range,
                               const struct feature_column *column, float *values,
                               struct lx_error *err)
{
    uint64_t at = (column->is_late ? range->late_at : range->at) + column->before * range->count;
    return read_piece(spool, range, at, values, range->count * sizeof *values, err);
}

static enum lx_err write_nulls(const struct spool *spool, struct frame_writer *writer,
                               const struct feature_column *column, struct piece *piece,
                               struct lx_error *err)
{
    enum lx_err code = LX_OK;
    const float *values = (const void *)piece->bytes;
    for (size_t i = 0; i < spool->range_count && code == LX_OK; i++) {
        const struct spool_range *range = &spool->ranges[i];
        code = read_floats(spool, range, column, (void *)piece->bytes, err);
        if (code != LX_OK) break;
        memset(piece->offsets, 0, frame_bit_words(range->count) * sizeof *piece->offsets);
        for (size_t row = 0; row < range->count; row++)
            piece->offsets[row / 64] |= (uint64_t)isnan(values[row]) << (row % 64);
        code = frame_column_nulls(writer, piece->offsets, frame_bit_words(range->count), err);
    }
    return code;
}

static void narrow(enum frame_type type, const float *values, size_t count, void *ret_values)
{
#define NARROW(element)                                                                            \
    for (size_t i = 0; i < count; i++)                                                             \
    ((element *)ret_values)[i] = isnan(values[i]) ? 0 : (element)values[i]
    switch (type) {
    case FRAME_U8: NARROW(uint8_t); break;
    case FRAME_I16: NARROW(int16_t); break;
    case FRAME_U16: NARROW(uint16_t); break;
    case FRAME_I32: NARROW(int32_t); break;
    case FRAME_I64: NARROW(int64_t); break;
    default: memcpy(ret_values, values, count * sizeof *values);
    }
#undef NARROW
}

static enum lx_err write_feature(const struct spool *spool, struct frame_writer *writer,
                                 const struct feature_column *column, struct piece *piece,
                                 struct lx_error *err)
{
    enum lx_err code = frame_column_begin(writer, column->name, column->type, 0, err);
    if (code == LX_OK && column->type != FRAME_F32 && column->has_missing)
        code = write_nulls(spool, writer, column, piece, err);
    for (size_t i = 0; i < spool->range_count && code == LX_OK; i++) {
        const struct spool_range *range = &spool->ranges[i];
        code = read_floats(spool, range, column, (void *)piece->bytes, err);
        if (code != LX_OK) break;
        narrow(column->type, (const void *)piece->bytes, range->count, piece->offsets);
        code = frame_column_values(writer, piece->offsets, range->count, err);
    }
    return code == LX_OK ? frame_column_end(writer, err) : code;
}

static enum lx_err write_features(struct spool *spool, struct frame_writer *writer,
                                  const struct lx_env *env, struct piece *piece,
                                  struct lx_error *err)
{
    enum lx_err code = LX_OK;
    size_t late = 0;
    for (size_t i = 0; i < spool->feature_count && code == LX_OK; i++) {
        const struct feature *feature = &spool->features->items[VIEW_CUSTOMER][i];
        const struct extent extent = extent_of(spool, i);
        const struct feature_column column = {
            .name = feature->title.name,
            .type = extent.has_fraction
                        ? FRAME_F32
                        : snapshot_column_type(feature->type, extent.low, extent.high),
            .is_late = feature->is_late,
            .before = (feature->is_late ? late : i) * sizeof(float),
            .has_missing = extent.has_missing,
        };
        late += feature->is_late;
        code = write_feature(spool, writer, &column, piece, err);
        env->progress(env->context, "snapshot", i + 1, spool->feature_count);
    }
    return code;
}

static enum lx_err write_facts(struct spool *spool, struct frame_writer *writer,
                               struct piece *piece, struct lx_error *err)
{
    enum lx_err code = LX_OK;
    size_t before = spool->feature_count * sizeof(float);
    for (int i = 0; i < SNAPSHOT_FACT_COUNT && code == LX_OK; i++) {
        code = write_fixed(spool, writer, facts_columns[i].name, facts_columns[i].type,
                           facts_columns[i].size, before, piece, err);
        before += facts_columns[i].size;
    }
    return code;
}

/* A range counts its elements from 0; the column counts on from the range before. */
static enum lx_err write_offsets(struct spool *spool, struct frame_writer *writer, int list,
                                 struct piece *piece, struct lx_error *err)
{
    uint64_t base = 0;
    enum lx_err code = frame_column_offsets(writer, &base, 1, err);
    for (size_t i = 0; i < spool->range_count && code == LX_OK; i++) {
        const struct spool_range *range = &spool->ranges[i];
        uint32_t *offsets = (void *)piece->bytes;
        code = read_piece(spool, range, range->list_at[list] + sizeof *offsets, offsets,
                          range->count * sizeof *offsets, err);
        for (size_t row = 0; row < range->count && code == LX_OK; row++)
            piece->offsets[row] = base + offsets[row];
        if (code == LX_OK) code = frame_column_offsets(writer, piece->offsets, range->count, err);
        base += range->list_count[list];
    }
    return code;
}

static enum lx_err write_elements(struct spool *spool, struct frame_writer *writer, int list,
                                  struct piece *piece, struct lx_error *err)
{
    enum lx_err code = LX_OK;
    size_t size = lists[list].element_size, step = PIECE_BYTES / size;
    for (size_t i = 0; i < spool->range_count; i++) {
        const struct spool_range *range = &spool->ranges[i];
        uint64_t at = range->list_at[list] + (range->count + 1) * sizeof(uint32_t);
        for (size_t done = 0; done < range->list_count[list] && code == LX_OK;) {
            size_t count = range->list_count[list] - done;
            if (count > step) count = step;
            code = read_piece(spool, range, at + done * size, piece->bytes, count * size, err);
            if (code == LX_OK) code = frame_column_values(writer, piece->bytes, count, err);
            done += count;
        }
        if (code != LX_OK) return code;
    }
    return LX_OK;
}

static enum lx_err write_list(struct spool *spool, struct frame_writer *writer, int list,
                              struct piece *piece, struct lx_error *err)
{
    enum lx_err code = frame_column_begin(writer, lists[list].name, lists[list].type,
                                          lists[list].element_size, err);
    if (code == LX_OK) code = write_offsets(spool, writer, list, piece, err);
    if (code == LX_OK) code = write_elements(spool, writer, list, piece, err);
    if (code == LX_OK) code = frame_column_end(writer, err);
    return code;
}

/* Equal hashes in order of rows, so that the order is one. */
static int compare_ids(const void *left, const void *right)
{
    const struct id_entry *a = left, *b = right;
    if (a->hash != b->hash) return a->hash < b->hash ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

static enum lx_err write_id_index(struct spool *spool, struct frame_writer *writer,
                                  struct piece *piece, struct lx_error *err)
{
    size_t count = (size_t)spool->customers;
    qsort(spool->ids, count, sizeof *spool->ids, compare_ids);
    enum lx_err code = frame_column_begin(writer, "id.hash", FRAME_I64, 0, err);
    for (size_t from = 0, step = ROWS; from < count && code == LX_OK; from += step) {
        if (step > count - from) step = count - from;
        for (size_t i = 0; i < step; i++) piece->offsets[i] = spool->ids[from + i].hash;
        code = frame_column_values(writer, piece->offsets, step, err);
    }
    if (code == LX_OK) code = frame_column_end(writer, err);
    if (code == LX_OK) code = frame_column_begin(writer, "id.row", FRAME_I32, 0, err);
    for (size_t from = 0, step = ROWS; from < count && code == LX_OK; from += step) {
        if (step > count - from) step = count - from;
        int32_t *rows = (void *)piece->bytes;
        for (size_t i = 0; i < step; i++) rows[i] = spool->ids[from + i].row;
        code = frame_column_values(writer, rows, step, err);
    }
    return code == LX_OK ? frame_column_end(writer, err) : code;
}

enum lx_err spool_write(struct spool *spool, const struct view_peers *peers,
                        struct frame_writer *writer, const struct lx_env *env, struct lx_error *err)
{
    LX_ASSERT(spool != NULL && writer != NULL && env != NULL);

    struct piece *piece = lx_malloc(sizeof *piece);
    if (piece == NULL) return out_of_memory(err);
    enum lx_err code = compute_late(spool, peers, err);
    for (int i = 0; i < LIST_COUNT && code == LX_OK; i++)
        code = write_list(spool, writer, i, piece, err);
    if (code == LX_OK) code = write_features(spool, writer, env, piece, err);
    if (code == LX_OK) code = write_facts(spool, writer, piece, err);
    if (code == LX_OK) code = write_id_index(spool, writer, piece, err);
    lx_free(piece);
    return code;
}
