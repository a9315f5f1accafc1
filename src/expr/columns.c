#include "expr/columns.h"

#include <string.h>

#include "base/limits.h"
#include "expr/columns_plan.h"
#include "host/thread.h"

enum { SAMPLE_BLOCKS = 8, SAMPLE_ROWS = 1024, SAMPLE_COST_MAX = 50, THREAD_NS_MIN = 500000 };
#define PLAN_BYTES_MAX ((size_t)256 << 20)
#define ROWS_MAX ((size_t)1 << 40)

/* ---- Order ---- */

static void begin_block(struct plan_run *run, size_t block, size_t most_rows)
{
    size_t left = run->plan->table->row_count - block * COLUMNS_ROWS;
    run->first_row = block * COLUMNS_ROWS;
    run->row_count = left < most_rows ? left : most_rows;
    run->word_count = frame_bit_words(run->row_count);
    run->is_failed = false;
}

static void all_rows(const struct plan_run *run, uint64_t live[COLUMNS_WORDS])
{
    for (size_t w = 0; w < run->word_count; w++) live[w] = UINT64_MAX;
    if (run->row_count % 64 != 0)
        live[run->word_count - 1] = ((uint64_t)1 << run->row_count % 64) - 1;
}

static size_t block_count(const struct expr_plan *plan)
{
    return (plan->table->row_count + COLUMNS_ROWS - 1) / COLUMNS_ROWS;
}

/* The share of rows that are true, at places spread over the table. */
static void sample(struct plan_run *run, struct plan_node *node)
{
    uint64_t live[COLUMNS_WORDS], truth[COLUMNS_WORDS], true_count = 0, row_count = 0;
    size_t blocks = block_count(run->plan);
    size_t step = blocks < SAMPLE_BLOCKS ? 1 : blocks / SAMPLE_BLOCKS;
    for (size_t i = 0; i < SAMPLE_BLOCKS && i * step < blocks; i++) {
        begin_block(run, i * step, SAMPLE_ROWS);
        all_rows(run, live);
        plan_truth(run, node, live, truth, NULL, 0);
        if (run->is_failed) continue;
        true_count += run->plan->kernels->count(truth, run->word_count);
        row_count += run->row_count;
    }
    if (row_count > 0) node->pass = (double)true_count / (double)row_count;
}

/* What it costs to get rid of one row. */
static double rank(const struct plan_node *parent, const struct plan_node *child)
{
    double decided = parent->op == PLAN_AND ? 1 - child->pass : child->pass;
    return child->cost / (decided + 1e-6);
}

/*
 * Children that cannot fail change places freely; one that can stays where it was written, after
 * those before it, so that it is evaluated for the rows for which expr_evaluate reaches it.
 */
static void order_children(struct plan_node *node)
{
    for (uint32_t i = 1; i < node->child_count; i++) {
        struct plan_node *child = node->children[i];
        uint32_t place = i;
        if (child->can_fail) continue;
        for (; place > 0 && !node->children[place - 1]->can_fail &&
               rank(node, node->children[place - 1]) > rank(node, child);
             place--)
            node->children[place] = node->children[place - 1];
        node->children[place] = child;
    }
}

/* Of the leaves that run late: whether looking at single rows may be worth it. */
static void mark_sparse(struct plan_node *node, double left)
{
    node->is_sparse = left < 0.1;
    for (uint32_t i = 0; i < node->child_count; i++) {
        mark_sparse(node->children[i], left);
        if (node->op == PLAN_AND) left *= node->children[i]->pass;
        if (node->op == PLAN_OR) left *= 1 - node->children[i]->pass;
    }
}

static void order(struct plan_run *run, struct plan_node *node)
{
    for (uint32_t i = 0; i < node->child_count; i++) order(run, node->children[i]);
    if (node->op != PLAN_AND && node->op != PLAN_OR) return;
    for (uint32_t i = 0; i < node->child_count; i++)
        if (!node->children[i]->can_fail && node->children[i]->cost < SAMPLE_COST_MAX)
            sample(run, node->children[i]);
    order_children(node);
}

/* ---- Opening ---- */

static enum lx_err order_plan(struct expr_plan *plan, struct lx_error *err)
{
    struct plan_run run = {.plan = plan};
    if (plan->root->slot_count > 0)
        run.slots = lx_calloc(plan->root->slot_count, sizeof *run.slots);
    if (plan->root->slot_count > 0 && run.slots == NULL)
        return lx_fail(err, LX_ERR_NO_MEMORY, "expression over columns: out of memory");
    order(&run, plan->root);
    mark_sparse(plan->root, 1);
    lx_free(run.slots);
    return LX_OK;
}

enum lx_err expr_plan_open(const struct expr *expr, const struct expr_table *table,
                           enum expr_kernel kernel, struct expr_plan **ret_plan,
                           struct lx_error *err)
{
    LX_ASSERT(expr != NULL && table != NULL && table->field != NULL && ret_plan != NULL);

    if (table->row_count > ROWS_MAX)
        return lx_fail(err, LX_ERR_LIMIT, "expression over columns: %zu rows, %zu at most",
                       table->row_count, ROWS_MAX);
    struct expr_plan *plan = lx_calloc(1, sizeof *plan);
    if (plan == NULL)
        return lx_fail(err, LX_ERR_NO_MEMORY, "expression over columns: out of memory");
    plan->expr = expr;
    plan->table = table;
    plan->kernels = expr_kernel_functions_of(kernel);
    lx_arena_init(&plan->arena, PLAN_BYTES_MAX);
    enum lx_err code = plan_bind(plan, err);
    if (code == LX_OK) code = order_plan(plan, err);
    if (code != LX_OK) {
        expr_plan_close(plan);
        return code;
    }
    *ret_plan = plan;
    return LX_OK;
}

void expr_plan_close(struct expr_plan *plan)
{
    if (plan == NULL) return;
    lx_arena_release(&plan->arena);
    lx_free(plan);
}

size_t expr_plan_row_nodes(const struct expr_plan *plan)
{
    return plan->row_node_count;
}

/* ---- Blocks ---- */

/* What is wanted of the rows; what is NULL is not. */
struct results {
    uint64_t *bits, *nulls;
    const struct expr_vector *vector;
};

/* One thread's share: whole blocks, and what it found. */
struct part {
    size_t first_block, end_block;
    struct plan_slot *slots;
    uint64_t count;
    enum lx_err code;
    struct lx_error error;
};

struct work {
    const struct expr_plan *plan;
    struct results results;
    struct part *parts;
};

static void put_row(const struct work *work, size_t row, const struct expr_value *value)
{
    const struct expr_vector *vector = work->results.vector;
    enum expr_type type = work->plan->expr->root->type;
    if (vector == NULL) return;
    if (type == EXPR_STRING || type == EXPR_SET || type == EXPR_NULL) {
        if (vector->values != NULL) vector->values[row] = *value;
    } else if (type == EXPR_REAL) {
        vector->reals[row] = value->is_null ? 0 : value->as.real;
    } else {
        vector->integers[row] = value->is_null ? 0 : value->as.integer;
    }
}

/* The block as expr_evaluate has it; where a row fails that is the answer. */
static enum lx_err run_rows(const struct work *work, const struct plan_run *run, struct part *part)
{
    struct plan_reader reader;
    struct expr_value value;
    plan_reader_init(&reader, work->plan);
    for (size_t w = 0; w < run->word_count; w++) {
        uint64_t is_true = 0, is_null = 0;
        size_t end = run->row_count - 64 * w < 64 ? run->row_count - 64 * w : 64;
        for (size_t i = 0; i < end; i++) {
            reader.row = run->first_row + 64 * w + i;
            enum lx_err code =
                expr_evaluate(work->plan->expr, &reader.as_row, &value, &part->error);
            if (code != LX_OK) return code;
            is_null |= (uint64_t)value.is_null << i;
            is_true |= (uint64_t)(!value.is_null && value.as.integer != 0) << i;
            put_row(work, reader.row, &value);
        }
        size_t word = run->first_row / 64 + w;
        if (work->results.bits != NULL) work->results.bits[word] = is_true;
        if (work->results.nulls != NULL) work->results.nulls[word] = is_null;
        part->count += (uint64_t)__builtin_popcountll(is_true);
    }
    return LX_OK;
}

/* Count and bits of a predicate. */
static void run_truth(const struct work *work, struct plan_run *run, struct part *part)
{
    uint64_t live[COLUMNS_WORDS], truth[COLUMNS_WORDS];
    const struct results *results = &work->results;
    size_t word = run->first_row / 64;
    all_rows(run, live);
    plan_truth(run, work->plan->root, live, truth,
               results->nulls == NULL ? NULL : results->nulls + word, 0);
    if (run->is_failed) return;
    part->count += work->plan->kernels->count(truth, run->word_count);
    if (results->bits != NULL) memcpy(results->bits + word, truth, run->word_count * sizeof *truth);
    if (results->vector == NULL) return;
    for (size_t row = 0; row < run->row_count; row++)
        results->vector->integers[run->first_row + row] = plan_bit(truth, row);
}

static void run_values(const struct work *work, struct plan_run *run)
{
    uint64_t live[COLUMNS_WORDS];
    const struct expr_vector *vector = work->results.vector;
    const struct plan_slot *own = run->slots;
    bool is_real = work->plan->expr->root->type == EXPR_REAL;
    all_rows(run, live);
    plan_value(run, work->plan->root, live, 0);
    if (run->is_failed) return;
    for (size_t w = 0; w < run->word_count; w++)
        vector->nulls[run->first_row / 64 + w] = own->nulls[w] & live[w];
    for (size_t row = 0; row < run->row_count; row++) {
        bool is_null = plan_bit(own->nulls, row);
        if (is_real)
            vector->reals[run->first_row + row] = is_null ? 0 : own->as.reals[row];
        else
            vector->integers[run->first_row + row] = is_null ? 0 : own->as.integers[row];
    }
}

static void run_part(void *context, size_t number)
{
    const struct work *work = context;
    struct part *part = &work->parts[number];
    struct plan_run run = {.plan = work->plan, .slots = part->slots};
    enum expr_type type = work->plan->expr->root->type;
    bool is_by_row = type == EXPR_STRING || type == EXPR_SET || type == EXPR_NULL;
    for (size_t block = part->first_block; block < part->end_block; block++) {
        begin_block(&run, block, COLUMNS_ROWS);
        if (type == EXPR_BOOLEAN)
            run_truth(work, &run, part);
        else if (!is_by_row)
            run_values(work, &run);
        if (run.is_failed || is_by_row) part->code = run_rows(work, &run, part);
        if (part->code != LX_OK) return;
    }
}

/* ---- Threads ---- */

/* Starting a thread takes longer than many a count. */
static size_t part_count(const struct expr_plan *plan, int thread_count, size_t blocks)
{
    double worth = plan->root->cost * (double)plan->table->row_count / THREAD_NS_MIN;
    size_t parts = (size_t)thread_count < blocks ? (size_t)thread_count : blocks;
    return parts > 1 && worth < (double)parts ? (size_t)worth + (worth < 1) : parts;
}

static enum lx_err run_parts(struct work *work, int thread_count, uint64_t *ret_count,
                             struct lx_error *err)
{
    size_t blocks = block_count(work->plan), slots = work->plan->root->slot_count;
    size_t parts = part_count(work->plan, thread_count, blocks);
    uint64_t count = 0;
    enum lx_err code = LX_OK;
    if (parts == 0) {
        *ret_count = 0;
        return LX_OK;
    }
    work->parts = lx_calloc(parts, sizeof *work->parts);
    struct plan_slot *memory = slots == 0 ? NULL : lx_calloc(parts * slots, sizeof *memory);
    if (work->parts == NULL || (slots > 0 && memory == NULL)) {
        code = lx_fail(err, LX_ERR_NO_MEMORY, "expression over columns: out of memory");
        goto out;
    }
    for (size_t i = 0; i < parts; i++) {
        work->parts[i].first_block = i * blocks / parts;
        work->parts[i].end_block = (i + 1) * blocks / parts;
        if (slots > 0) work->parts[i].slots = memory + i * slots;
    }
    code = host_parallel((int)parts, parts, run_part, work, err);
    for (size_t i = 0; i < parts && code == LX_OK; i++) {
        count += work->parts[i].count;
        if (work->parts[i].code != LX_OK)
            code = lx_fail(err, work->parts[i].code, "%s", work->parts[i].error.text);
    }
    if (code == LX_OK) *ret_count = count;
out:
    lx_free(memory);
    lx_free(work->parts);
    return code;
}

enum lx_err expr_plan_count(const struct expr_plan *plan, int thread_count, uint64_t *ret_count,
                            struct lx_error *err)
{
    LX_ASSERT(plan != NULL && plan->expr->root->type == EXPR_BOOLEAN);
    LX_ASSERT(thread_count >= 1 && ret_count != NULL);

    struct work work = {.plan = plan};
    return run_parts(&work, thread_count, ret_count, err);
}

enum lx_err expr_plan_select(const struct expr_plan *plan, int thread_count, uint64_t *ret_bits,
                             uint64_t *ret_nulls, uint64_t *ret_count, struct lx_error *err)
{
    LX_ASSERT(plan != NULL && plan->expr->root->type == EXPR_BOOLEAN);
    LX_ASSERT(thread_count >= 1 && ret_bits != NULL && ret_count != NULL);

    struct work work = {.plan = plan, .results = {.bits = ret_bits, .nulls = ret_nulls}};
    return run_parts(&work, thread_count, ret_count, err);
}

enum lx_err expr_plan_values(const struct expr_plan *plan, int thread_count,
                             const struct expr_vector *vector, struct lx_error *err)
{
    LX_ASSERT(plan != NULL && vector != NULL && thread_count >= 1);
    enum expr_type type = plan->expr->root->type;
    LX_ASSERT(vector->nulls != NULL || plan->table->row_count == 0);
    if (type == EXPR_REAL)
        LX_ASSERT(vector->reals != NULL || plan->table->row_count == 0);
    else if (type == EXPR_STRING || type == EXPR_SET)
        LX_ASSERT(vector->values != NULL || plan->table->row_count == 0);
    else if (type != EXPR_NULL)
        LX_ASSERT(vector->integers != NULL || plan->table->row_count == 0);

    uint64_t ignored;
    struct work work = {.plan = plan, .results = {.nulls = vector->nulls, .vector = vector}};
    return run_parts(&work, thread_count, &ignored, err);
}
