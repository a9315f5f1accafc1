#include "view/program.h"

#include <string.h>

#include "view/past.h"

/* Windows, conditions and tables of one program. */
#define PROGRAM_BYTES_MAX ((size_t)64 << 20)

/* The enumerations of a relation's rows that windows are told apart by. */
static const struct {
    size_t count;
    size_t fields[PROGRAM_DIMENSIONS];
} dimensions[VIEW_RELATION_COUNT] = {
    [VIEW_EVENTS] = {3, {VIEW_EVENT_KIND, VIEW_EVENT_CHANNEL, VIEW_EVENT_MERCHANT}},
};

static enum lx_err out_of_memory(struct lx_error *err)
{
    return lx_fail(err, LX_ERR_NO_MEMORY, "features: out of memory");
}

/* --- What a condition reads ----------------------------------------------------------------- */

struct reads {
    bool outer;      /* the outer row, or a function of the host */
    bool other;      /* a field of the row that is no dimension */
    unsigned fields; /* dimensions, a bit each */
    bool state;      /* a field that holds until the next row */
};

static void look(const struct view_schema *schema, const struct expr_node *node,
                 struct reads *reads)
{
    if (node == NULL) return;
    if (node->op == EXPR_OP_FIELD || node->op == EXPR_OP_CALL) reads->outer = true;
    if (node->op == EXPR_OP_TODAY) reads->other = true;
    if (node->op == EXPR_OP_RELATION_FIELD) {
        bool is_dimension = false;
        for (size_t i = 0; i < dimensions[node->relation].count; i++)
            if (dimensions[node->relation].fields[i] == node->index) {
                reads->fields |= 1U << i;
                is_dimension = true;
            }
        if (!is_dimension) reads->other = true;
        const struct expr_relation *relation =
            &view_schema_scope(schema, VIEW_CUSTOMER)->relations[node->relation];
        if (relation->fields[node->index].is_state) reads->state = true;
    }
    for (uint32_t i = 0; i < node->child_count; i++) look(schema, node->children[i], reads);
}

static struct reads reads_of(const struct view_schema *schema, const struct expr_node *node)
{
    struct reads reads = {0};
    look(schema, node, &reads);
    return reads;
}

/* --- One condition for each value of an enumeration ----------------------------------------- */

struct supposed {
    int64_t position; /* -1: NULL */
};

static enum lx_err suppose_field(void *context, size_t relation, size_t field,
                                 struct expr_value *ret_value, struct lx_error *err)
{
    const struct supposed *supposed = context;
    *ret_value = (struct expr_value){.is_null = supposed->position < 0};
    ret_value->as.integer = supposed->position < 0 ? 0 : supposed->position;
    return LX_OK;
}

static bool holds_for(const struct expr *expr, const struct expr_node *node, int64_t position)
{
    struct supposed supposed = {position};
    const struct expr_row row = {.context = &supposed, .relation_field = suppose_field};
    struct expr_value value;
    struct lx_error ignored;
    if (expr_evaluate_node(expr, node, &row, &value, &ignored) != LX_OK) return false;
    return !value.is_null && value.as.integer != 0;
}

/* --- Making --------------------------------------------------------------------------------- */

struct making {
    struct program *program;
    struct lx_error *err;
    bool (*rules)[PROGRAM_DIMENSIONS][PROGRAM_VALUES_MAX]; /* by window: what it lets pass */
};

static void *room(struct making *making, size_t count, size_t size)
{
    return lx_arena_array(&making->program->arena, count, size);
}

bool program_is_same_window(const struct expr_window *a, const struct expr_window *b)
{
    return a->aggregate == b->aggregate && a->relation == b->relation && a->over == b->over &&
           a->before == b->before && a->is_over_months == b->is_over_months &&
           a->is_before_months == b->is_before_months &&
           expr_node_equal(a->argument, b->argument) && expr_node_equal(a->where, b->where);
}

static uint16_t find_span(struct program *program, const struct expr_window *window)
{
    for (size_t i = 0; i < program->span_count; i++) {
        const struct span *span = &program->spans[i];
        if (span->over == window->over && span->before == window->before &&
            span->is_over_months == window->is_over_months &&
            span->is_before_months == window->is_before_months)
            return (uint16_t)i;
    }
    program->spans[program->span_count] = (struct span){
        window->over, window->before, window->is_over_months, window->is_before_months};
    return (uint16_t)program->span_count++;
}

static bool is_field(const struct expr_node *node, size_t field)
{
    return node->op == EXPR_OP_RELATION_FIELD && node->index == field;
}

static enum argument argument_of(const struct expr_window *window)
{
    const struct expr_node *node = window->argument;
    if (node == NULL) return ARGUMENT_NONE;
    if (window->relation != VIEW_EVENTS) return ARGUMENT_NODE;
    if (is_field(node, VIEW_EVENT_AMOUNT)) return ARGUMENT_AMOUNT;
    if (is_field(node, VIEW_EVENT_QUANTITY)) return ARGUMENT_QUANTITY;
    if (is_field(node, VIEW_EVENT_AT) || is_field(node, VIEW_EVENT_DAY)) return ARGUMENT_DAY;
    if (is_field(node, VIEW_EVENT_PRODUCT)) return ARGUMENT_PRODUCT;
    if (node->op == EXPR_OP_ABS && is_field(node->children[0], VIEW_EVENT_AMOUNT))
        return ARGUMENT_ABS_AMOUNT;
    return ARGUMENT_NODE;
}

/* product = this.product, either way round */
static bool is_key(const struct view_schema *schema, const struct expr_node *node)
{
    if (node->op != EXPR_OP_EQ) return false;
    const struct expr_node *inner = node->children[0], *outer = node->children[1];
    if (inner->op == EXPR_OP_FIELD) {
        inner = node->children[1];
        outer = node->children[0];
    }
    const struct expr_schema *scope = view_schema_scope(schema, VIEW_CUSTOMER);
    if (inner->op != EXPR_OP_RELATION_FIELD || outer->op != EXPR_OP_FIELD) return false;
    const char *name = scope->relations[inner->relation].fields[inner->index].name;
    return strcmp(name, "product") == 0 && strcmp(scope->fields[outer->index].name, "product") == 0;
}

static const uint8_t simple_fields[] = {VIEW_EVENT_AMOUNT, VIEW_EVENT_QUANTITY};

/* amount < 0, quantity > 0, product is not null, ... */
static void simplify(struct predicate *predicate)
{
    const struct expr_node *node = predicate->node;
    if (node->op < EXPR_OP_EQ || node->op > EXPR_OP_GE) return;
    const struct expr_node *field = node->children[0], *constant = node->children[1];
    if (field->op != EXPR_OP_RELATION_FIELD || field->relation != VIEW_EVENTS) return;
    if (constant->op != EXPR_OP_LITERAL || constant->value.is_null) return;
    for (size_t i = 0; i < LX_COUNT_OF(simple_fields); i++)
        if (field->index == simple_fields[i]) {
            predicate->is_simple = true;
            predicate->op = node->op;
            predicate->field = simple_fields[i];
            predicate->constant = constant->value.as.integer;
        }
}

/* Which bit stands for the condition; false where there is none left. */
static bool find_predicate(struct making *making, const struct expr *expr, size_t relation,
                           const struct expr_node *node, uint64_t *predicates)
{
    struct stream *stream = &making->program->streams[relation];
    size_t i = 0;
    while (i < stream->predicate_count && !expr_node_equal(stream->predicates[i].node, node)) i++;
    if (i == PROGRAM_PREDICATES_MAX) return false;
    if (i == stream->predicate_count) {
        stream->predicates[i] = (struct predicate){.expr = expr, .node = node};
        simplify(&stream->predicates[i]);
        stream->predicate_count++;
    }
    *predicates |= (uint64_t)1 << i;
    return true;
}

/* One part of a condition: a rule over an enumeration, the key, or something to look up. */
static void add_condition(struct making *making, size_t place, const struct expr_node *node)
{
    struct window *window = &making->program->windows[place];
    const struct view_schema *schema = making->program->schema;
    size_t relation = window->window->relation;
    if (node->op == EXPR_OP_AND) {
        for (uint32_t i = 0; i < node->child_count; i++)
            add_condition(making, place, node->children[i]);
        return;
    }
    struct reads reads = reads_of(schema, node);
    if (is_key(schema, node)) {
        window->is_keyed = true;
    } else if (reads.outer) {
        window->is_plain = true;
    } else if (!reads.other && __builtin_popcount(reads.fields) == 1) {
        size_t dimension = (size_t)__builtin_ctz(reads.fields);
        bool *rule = making->rules[place][dimension];
        for (int value = 0; value < PROGRAM_VALUES_MAX; value++)
            rule[value] = rule[value] && holds_for(window->expr, node, value - 1);
    } else if (!find_predicate(making, window->expr, relation, node, &window->predicates)) {
        window->is_plain = true;
    }
}

/* Values of a state that have their own runs of days. */
static void find_group(struct making *making, struct window *window)
{
    struct program *program = making->program;
    size_t i = 0;
    while (i < program->group_count &&
           !(expr_node_equal(program->groups[i].argument, window->window->argument) &&
             expr_node_equal(program->groups[i].where, window->window->where)))
        i++;
    if (i == program->group_count)
        program->groups[program->group_count++] =
            (struct state_group){window->expr, window->window->argument, window->window->where};
    window->group = i;
}

static bool is_counted_by_value(const struct expr_window *window)
{
    return window->aggregate == EXPR_DISTINCT || window->aggregate == EXPR_TOP;
}

/* How many words the values seen take. */
static size_t words_of(const struct expr_window *window)
{
    if (!is_counted_by_value(window)) return 0;
    if (window->argument->type != EXPR_ENUM) return 0;
    size_t values = window->argument->enumeration->value_count;
    return window->aggregate == EXPR_TOP ? values : (values + 63) / 64;
}

static void classify(struct making *making, size_t place)
{
    struct program *program = making->program;
    struct window *window = &program->windows[place];
    const struct expr_window *asked = window->window;
    struct reads argument = reads_of(program->schema, asked->argument);
    if (argument.outer) window->is_plain = true;
    window->is_state = argument.state;
    if (asked->where != NULL && !window->is_plain) add_condition(making, place, asked->where);
    bool is_by_value = is_counted_by_value(asked);
    bool is_wide = is_by_value && asked->argument->type != EXPR_ENUM &&
                   !(asked->aggregate == EXPR_DISTINCT && window->argument == ARGUMENT_DAY);
    if (is_wide || (window->is_state && (window->is_keyed || is_by_value)) ||
        (window->is_keyed && (is_by_value || asked->aggregate == EXPR_SLOPE)))
        window->is_plain = true;
    if (window->is_plain) return;
    if (window->is_state) find_group(making, window);
    window->tally = window->is_keyed ? program->keyed_count++ : program->tally_count++;
    window->words = program->word_count;
    window->word_count = words_of(asked);
    program->word_count += window->word_count;
    if (asked->aggregate == EXPR_SLOPE) window->slope = program->slope_count++;
    if (!window->is_state) program->streams[asked->relation].window_count++;
}

static void add_windows(struct making *making, const struct program_source *source)
{
    struct program *program = making->program;
    for (size_t i = 0; i < expr_window_count(source->expr); i++) {
        const struct expr_window *asked = expr_window_at(source->expr, i);
        size_t place = 0;
        while (place < program->window_count &&
               !program_is_same_window(program->windows[place].window, asked))
            place++;
        source->ret_places[i] = (uint16_t)place;
        if (place < program->window_count) continue;
        program->windows[place] = (struct window){
            .expr = source->expr,
            .window = asked,
            .argument = argument_of(asked),
            .span = find_span(program, asked),
        };
        program->window_count++;
        memset(making->rules[place], true, sizeof making->rules[place]);
        classify(making, place);
    }
}

static enum lx_err make_tables(struct making *making)
{
    struct program *program = making->program;
    program->words = (program->window_count + 63) / 64;
    for (size_t r = 0; r < VIEW_RELATION_COUNT; r++) {
        struct stream *stream = &program->streams[r];
        for (int d = 0; d < PROGRAM_DIMENSIONS; d++) {
            stream->by_value[d] =
                room(making, PROGRAM_VALUES_MAX * program->words, sizeof(uint64_t));
            if (stream->by_value[d] == NULL) return out_of_memory(making->err);
        }
    }
    for (size_t place = 0; place < program->window_count; place++) {
        const struct window *window = &program->windows[place];
        if (window->is_plain || window->is_state) continue;
        struct stream *stream = &program->streams[window->window->relation];
        for (int d = 0; d < PROGRAM_DIMENSIONS; d++)
            for (size_t value = 0; value < PROGRAM_VALUES_MAX; value++)
                if (making->rules[place][d][value])
                    stream->by_value[d][value * program->words + place / 64] |= (uint64_t)1
                                                                                << (place % 64);
    }
    return LX_OK;
}

static enum lx_err make_room(struct making *making, size_t most)
{
    struct program *program = making->program;
    program->window_capacity = most;
    program->windows = room(making, most, sizeof *program->windows);
    program->spans = room(making, most, sizeof *program->spans);
    program->groups = room(making, most, sizeof *program->groups);
    making->rules = room(making, most, sizeof *making->rules);
    bool is_whole = program->windows != NULL && program->spans != NULL && program->groups != NULL &&
                    making->rules != NULL;
    for (size_t i = 0; i < VIEW_RELATION_COUNT; i++) {
        struct stream *stream = &program->streams[i];
        stream->predicates = room(making, PROGRAM_PREDICATES_MAX, sizeof *stream->predicates);
        is_whole = is_whole && stream->predicates != NULL;
    }
    return is_whole ? LX_OK : out_of_memory(making->err);
}

enum lx_err program_make(const struct view_schema *schema, const struct program_source *sources,
                         size_t count, struct program *ret_program, struct lx_error *err)
{
    LX_ASSERT(schema != NULL && ret_program != NULL);
    _Static_assert((int)BANK_EVENT_KIND_END <= (int)PROGRAM_VALUES_MAX, "a row for each kind");

    size_t most = 0;
    for (size_t i = 0; i < count; i++) most += expr_window_count(sources[i].expr);
    *ret_program = (struct program){.schema = schema};
    lx_arena_init(&ret_program->arena, PROGRAM_BYTES_MAX);
    struct making making = {.program = ret_program, .err = err};
    enum lx_err code = most > UINT16_MAX
                           ? lx_fail(err, LX_ERR_LIMIT, "features: more than 65,535 windows")
                           : make_room(&making, most);
    for (size_t i = 0; i < count && code == LX_OK; i++) add_windows(&making, &sources[i]);
    if (code == LX_OK) code = make_tables(&making);
    if (code != LX_OK) program_release(ret_program);
    return code;
}

void program_release(struct program *program)
{
    lx_arena_release(&program->arena);
    *program = (struct program){0};
}
