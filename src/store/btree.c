#include "store/btree.h"

#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "host/file.h"

enum {
    FILE_HEADER_BYTES = 100,
    PAGE_MIN = 4096, /* a row of the largest numbers stays in its page */
    PAGE_MAX = 8192,
    LEVELS_MAX = 24,
    LEAF_TYPE = 0x0a,
    INTERIOR_TYPE = 0x02,
    LEAF_HEADER = 8,
    INTERIOR_HEADER = 12,
    CHILD_BYTES = 4,
    CELL_MIN = 4, /* a smaller cell takes as much room */
    CELL_MAX = CHILD_BYTES + 2 + 1 + 9 * STORE_COLUMNS_MAX,
    WRITE_BYTES = 1 << 20,
};

#define LOCK_BYTE ((uint64_t)1 << 30)

struct cell {
    uint8_t bytes[CELL_MAX]; /* without the child */
    size_t length;
};

struct page {
    uint8_t bytes[PAGE_MAX];
    size_t count, content; /* cells; where their bytes begin */
};

/*
 * One level of the tree, leaves first. `last` is full and waits, with the row that divides it from
 * `page`, until `page` has a cell: only then is it sure that no page stays empty.
 */
struct level {
    struct page page, last;
    struct cell divider;
    bool has_last;
    uint32_t last_child; /* interior: the subtree right of all cells of `last` */
};

struct btree {
    struct host_file *file;
    uint64_t written_bytes; /* of the file; what is pending comes behind */
    const struct btree_table *table;
    size_t page_bytes;
    uint32_t page_count;
    struct level *levels[LEVELS_MAX]; /* owned */
    size_t level_count;
    uint8_t *pending; /* owned: pages on their way to the file */
    size_t pending_length;
    struct lx_error *err;
};

static void put_u16(uint8_t *bytes, size_t value)
{
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

static void put_u32(uint8_t *bytes, uint32_t value)
{
    put_u16(bytes, value >> 16);
    put_u16(bytes + 2, value & 0xffff);
}

static uint32_t get_u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* The number of bytes of SQLite's smallest integer type that holds the value, and its code. */
static size_t integer_size(int64_t value, uint8_t *ret_type)
{
    static const uint8_t types[] = {1, 2, 3, 4, 5, 6}, sizes[] = {1, 2, 3, 4, 6, 8};
    if (value == 0 || value == 1) {
        *ret_type = (uint8_t)(8 + value);
        return 0;
    }
    size_t i = 0;
    while (i < 5 && (value >> (8 * sizes[i] - 1)) != (value < 0 ? -1 : 0)) i++;
    *ret_type = types[i];
    return sizes[i];
}

/*
 * Payload length, then the record: the length of its header, a type for each column, the values.
 * With at most 32 columns of 8 bytes the header's length takes one byte, the payload's up to two.
 */
static void encode_row(const int64_t *values, int count, int64_t null_value, struct cell *cell)
{
    uint8_t *types = cell->bytes + 2, *body = types + count;
    for (int i = 0; i < count; i++) {
        types[i] = 0;
        if (values[i] == null_value) continue;
        size_t size = integer_size(values[i], &types[i]);
        uint64_t value = (uint64_t)values[i];
        for (size_t k = size; k-- > 0;) *body++ = (uint8_t)(value >> (8 * k));
    }
    cell->bytes[1] = (uint8_t)(1 + count);
    size_t length = (size_t)(body - (cell->bytes + 1));
    cell->length = 1 + length;
    cell->bytes[0] = (uint8_t)length;
    if (length < 0x80) return;
    memmove(cell->bytes + 2, cell->bytes + 1, length);
    cell->length++;
    cell->bytes[0] = (uint8_t)(0x80 | length >> 7);
    cell->bytes[1] = (uint8_t)(length & 0x7f);
}
_Static_assert(STORE_COLUMNS_MAX <= 126, "the header's length takes one byte");
_Static_assert(CELL_MAX <= (PAGE_MIN - 12) * 64 / 255 - 23, "no payload overflows its page");

static size_t header_bytes(size_t depth)
{
    return depth == 0 ? LEAF_HEADER : INTERIOR_HEADER;
}

static void clear_page(const struct btree *tree, struct page *page)
{
    memset(page->bytes, 0, tree->page_bytes);
    page->count = 0;
    page->content = tree->page_bytes;
}

/* False if there is no room. */
static bool add_cell(struct page *page, size_t depth, uint32_t child, const struct cell *cell)
{
    size_t own = depth == 0 ? 0 : CHILD_BYTES;
    size_t size = own + cell->length < CELL_MIN ? CELL_MIN : own + cell->length;
    size_t pointers = header_bytes(depth) + 2 * (page->count + 1);
    if (page->content < pointers + size) return false;
    page->content -= size;
    put_u16(page->bytes + pointers - 2, page->content);
    if (depth > 0) put_u32(page->bytes + page->content, child);
    memcpy(page->bytes + page->content + own, cell->bytes, cell->length);
    page->count++;
    return true;
}

/* Takes the page's last cell off again; its child where it has one. */
static uint32_t take_cell(const struct btree *tree, struct page *page, size_t depth,
                          struct cell *cell)
{
    size_t own = depth == 0 ? 0 : CHILD_BYTES;
    const uint8_t *bytes = page->bytes + page->content;
    uint32_t child = depth == 0 ? 0 : get_u32(bytes);
    size_t payload =
        bytes[own] < 0x80 ? bytes[own] : (size_t)(bytes[own] & 0x7f) << 7 | bytes[own + 1];
    cell->length = payload + (bytes[own] < 0x80 ? 1 : 2);
    memcpy(cell->bytes, bytes + own, cell->length);
    page->count--;
    page->content += own + cell->length < CELL_MIN ? CELL_MIN : own + cell->length;
    LX_ASSERT(page->count >= 1 && page->content <= tree->page_bytes);
    return child;
}

static void write_header(struct page *page, size_t depth, uint32_t right_child)
{
    page->bytes[0] = depth == 0 ? LEAF_TYPE : INTERIOR_TYPE;
    put_u16(page->bytes + 3, page->count);
    put_u16(page->bytes + 5, page->content);
    if (depth > 0) put_u32(page->bytes + 8, right_child);
}

static enum lx_err flush(struct btree *tree)
{
    if (tree->pending_length == 0) return LX_OK;
    enum lx_err code = host_write_at(tree->file, tree->written_bytes, tree->pending,
                                     tree->pending_length, tree->err);
    tree->written_bytes += tree->pending_length;
    tree->pending_length = 0;
    return code;
}

static enum lx_err append_page(struct btree *tree, const uint8_t *bytes)
{
    enum lx_err code = LX_OK;
    if (tree->page_count == UINT32_MAX - 2)
        return lx_fail(tree->err, LX_ERR_LIMIT, "%s: no more pages", tree->table->path);
    if (tree->pending_length + tree->page_bytes > WRITE_BYTES) code = flush(tree);
    if (code != LX_OK) return code;
    memcpy(tree->pending + tree->pending_length, bytes, tree->page_bytes);
    tree->pending_length += tree->page_bytes;
    tree->page_count++;
    return LX_OK;
}

/* Writes a finished page behind the others; its number. */
static enum lx_err write_page(struct btree *tree, struct page *page, size_t depth,
                              uint32_t right_child, uint32_t *ret_number)
{
    static const uint8_t empty[PAGE_MAX];
    enum lx_err code = LX_OK;
    write_header(page, depth, right_child);
    if ((uint64_t)tree->page_count * tree->page_bytes == LOCK_BYTE) code = append_page(tree, empty);
    if (code == LX_OK) code = append_page(tree, page->bytes);
    if (code == LX_OK) *ret_number = tree->page_count;
    return code;
}

static enum lx_err level_at(struct btree *tree, size_t depth, struct level **ret_level)
{
    if (depth == LEVELS_MAX)
        return lx_fail(tree->err, LX_ERR_LIMIT, "%s: too deep a tree", tree->table->path);
    if (depth == tree->level_count) {
        struct level *level = lx_calloc(1, sizeof *level);
        if (level == NULL)
            return lx_fail(tree->err, LX_ERR_NO_MEMORY, "%s: out of memory", tree->table->path);
        clear_page(tree, &level->page);
        tree->levels[tree->level_count++] = level;
    }
    *ret_level = tree->levels[depth];
    return LX_OK;
}

static enum lx_err add_row(struct btree *tree, size_t depth, uint32_t left_child,
                           const struct cell *cell);

/* Its next page has a cell now, so the one that waited goes out, and its divider one level up. */
static enum lx_err release_last(struct btree *tree, size_t depth)
{
    struct level *level = tree->levels[depth];
    uint32_t number = 0;
    if (!level->has_last) return LX_OK;
    level->has_last = false;
    enum lx_err code = write_page(tree, &level->last, depth, level->last_child, &number);
    return code == LX_OK ? add_row(tree, depth + 1, number, &level->divider) : code;
}

/* The depth of the recursion is that of the tree. */
static enum lx_err add_row(struct btree *tree, size_t depth, uint32_t left_child,
                           const struct cell *cell)
{
    struct level *level = NULL;
    enum lx_err code = level_at(tree, depth, &level);
    if (code != LX_OK) return code;
    if (add_cell(&level->page, depth, left_child, cell))
        return level->has_last ? release_last(tree, depth) : LX_OK;

    LX_ASSERT(!level->has_last && level->page.count >= 2);
    level->last = level->page;
    level->last_child = left_child;
    level->divider = *cell;
    level->has_last = true;
    clear_page(tree, &level->page);
    return LX_OK;
}

/* No more rows: an empty page takes over the divider, and the last cell of the full one divides. */
static enum lx_err settle(struct btree *tree, size_t depth)
{
    struct level *level = tree->levels[depth];
    if (!level->has_last) return LX_OK;
    LX_ASSERT(level->page.count == 0);
    struct cell moved = level->divider;
    uint32_t child = level->last_child;
    level->last_child = take_cell(tree, &level->last, depth, &level->divider);
    bool has_room = add_cell(&level->page, depth, child, &moved);
    LX_ASSERT(has_room);
    return release_last(tree, depth);
}

/* Level after level: what is left is the right-most page; that of the top level is the root. */
static enum lx_err finish(struct btree *tree)
{
    uint32_t right_child = 0;
    enum lx_err code = LX_OK;
    for (size_t depth = 0; code == LX_OK; depth++) {
        code = settle(tree, depth);
        if (code != LX_OK) return code;
        struct page *page = &tree->levels[depth]->page;
        bool is_root = depth + 1 == tree->level_count;
        LX_ASSERT(page->count >= 1 || tree->level_count == 1);
        if (!is_root) {
            code = write_page(tree, page, depth, right_child, &right_child);
            continue;
        }
        write_header(page, depth, right_child);
        code = flush(tree);
        if (code == LX_OK)
            code = host_write_at(tree->file, (uint64_t)(tree->table->root - 1) * tree->page_bytes,
                                 page->bytes, tree->page_bytes, tree->err);
        break;
    }
    return code;
}

static enum lx_err damaged(const struct btree *tree, const char *what)
{
    return lx_fail(tree->err, LX_ERR_CORRUPT, "%s: %s", tree->table->path, what);
}

/* Only a file as this program makes it is written to. */
static enum lx_err read_header(struct btree *tree, uint8_t header[FILE_HEADER_BYTES])
{
    uint8_t root[LEAF_HEADER];
    uint64_t size = 0;
    size_t length = 0;
    enum lx_err code = host_size(tree->file, &size, tree->err);
    if (code == LX_OK)
        code = host_read_at(tree->file, 0, header, FILE_HEADER_BYTES, &length, tree->err);
    if (code != LX_OK) return code;
    if (length < FILE_HEADER_BYTES || memcmp(header, "SQLite format 3", 16) != 0)
        return damaged(tree, "is no SQLite file");
    tree->page_bytes = (size_t)header[16] << 8 | header[17];
    if (tree->page_bytes < PAGE_MIN || tree->page_bytes > PAGE_MAX ||
        size % tree->page_bytes != 0 || size / tree->page_bytes > UINT32_MAX - 2)
        return damaged(tree, "has a size that is no number of pages");
    if (header[20] != 0 || get_u32(header + 52) != 0)
        return damaged(tree, "has reserved bytes or is auto-vacuumed");
    tree->page_count = (uint32_t)(size / tree->page_bytes);
    tree->written_bytes = size;
    if (tree->table->root < 2 || tree->table->root > tree->page_count)
        return damaged(tree, "has no such root page");
    code = host_read_at(tree->file, (uint64_t)(tree->table->root - 1) * tree->page_bytes, root,
                        sizeof root, &length, tree->err);
    if (code != LX_OK) return code;
    if (length < sizeof root || root[0] != LEAF_TYPE || root[3] != 0 || root[4] != 0)
        return damaged(tree, "the table is not empty or not WITHOUT ROWID");
    return LX_OK;
}

/* The count is believed where the two counters of changes agree (1.3.8 of the format). */
static enum lx_err write_page_count(struct btree *tree, uint8_t header[FILE_HEADER_BYTES])
{
    put_u32(header + 28, tree->page_count);
    memcpy(header + 92, header + 24, 4);
    return host_write_at(tree->file, 0, header, FILE_HEADER_BYTES, tree->err);
}

static bool is_above(const int64_t *values, const int64_t *before, int key_count)
{
    for (int i = 0; i < key_count; i++)
        if (values[i] != before[i]) return values[i] > before[i];
    return false;
}

static enum lx_err add_rows(struct btree *tree, const struct store_int_source *source,
                            uint64_t *ret_count)
{
    const struct btree_table *table = tree->table;
    int64_t values[STORE_COLUMNS_MAX], before[STORE_COLUMNS_MAX];
    struct cell cell;
    bool has_row = false;
    for (uint64_t count = 0;; count++) {
        enum lx_err code = source->next(source->context, values, &has_row, tree->err);
        if (code != LX_OK) return code;
        if (!has_row) {
            *ret_count = count;
            return LX_OK;
        }
        if (count > 0 && !is_above(values, before, table->key_count))
            return lx_fail(tree->err, LX_ERR_REFUSED,
                           "%s: row %" PRIu64 " does not come after the one before", table->path,
                           count);
        memcpy(before, values, (size_t)table->key_count * sizeof *before);
        encode_row(values, table->column_count, source->null_value, &cell);
        code = add_row(tree, 0, 0, &cell);
        if (code != LX_OK) return code;
    }
}

static enum lx_err fill(struct btree *tree, const struct store_int_source *source,
                        uint64_t *ret_count)
{
    uint8_t header[FILE_HEADER_BYTES];
    uint64_t count = 0;
    tree->pending = lx_malloc(WRITE_BYTES);
    if (tree->pending == NULL)
        return lx_fail(tree->err, LX_ERR_NO_MEMORY, "%s: out of memory", tree->table->path);
    enum lx_err code = read_header(tree, header);
    if (code == LX_OK) code = add_rows(tree, source, &count);
    if (code == LX_OK && count > 0) code = finish(tree);
    if (code == LX_OK && count > 0) code = write_page_count(tree, header);
    if (code == LX_OK) *ret_count = count;
    return code;
}

enum lx_err btree_fill(const struct btree_table *table, const struct store_int_source *source,
                       uint64_t *ret_count, struct lx_error *err)
{
    LX_ASSERT(table != NULL && source != NULL && ret_count != NULL);
    LX_ASSERT(table->column_count >= 1 && table->column_count <= STORE_COLUMNS_MAX);
    LX_ASSERT(table->key_count >= 1 && table->key_count <= table->column_count);

    struct btree tree = {.table = table, .err = err};
    enum lx_err code = host_open(table->path, HOST_UPDATE, &tree.file, err);
    if (code == LX_OK) code = fill(&tree, source, ret_count);
    host_close(tree.file);
    for (size_t i = 0; i < tree.level_count; i++) lx_free(tree.levels[i]);
    lx_free(tree.pending);
    return code;
}
