#include "expr/tree.h"

#include <string.h>

int expr_value_compare(enum expr_type type, const struct expr_value *a, const struct expr_value *b)
{
    if (type == EXPR_REAL) return (a->as.real > b->as.real) - (a->as.real < b->as.real);
    if (type != EXPR_STRING)
        return (a->as.integer > b->as.integer) - (a->as.integer < b->as.integer);
    size_t a_length = a->as.string.length, b_length = b->as.string.length;
    int order =
        memcmp(a->as.string.text, b->as.string.text, a_length < b_length ? a_length : b_length);
    return order != 0 ? order : (a_length > b_length) - (a_length < b_length);
}

static bool is_same_value(enum expr_type type, const struct expr_value *a,
                          const struct expr_value *b)
{
    if (a->is_null || b->is_null) return a->is_null == b->is_null;
    return expr_value_compare(type, a, b) == 0;
}

bool expr_node_equal(const struct expr_node *a, const struct expr_node *b)
{
    if (a == NULL || b == NULL) return a == b;
    if (a->op != b->op || a->type != b->type || a->enumeration != b->enumeration ||
        a->index != b->index || a->relation != b->relation || a->child_count != b->child_count ||
        a->set_count != b->set_count || a->has_null_member != b->has_null_member)
        return false;
    if (a->op == EXPR_OP_LITERAL && !is_same_value(a->type, &a->value, &b->value)) return false;
    if (a->op == EXPR_OP_LIKE && !is_same_value(EXPR_STRING, &a->value, &b->value)) return false;
    for (uint32_t i = 0; i < a->child_count; i++)
        if (!expr_node_equal(a->children[i], b->children[i])) return false;
    for (uint32_t i = 0; i < a->set_count; i++)
        if (expr_value_compare(a->children[0]->type, &a->set[i], &b->set[i]) != 0) return false;
    return true;
}
