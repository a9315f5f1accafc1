#ifndef MODEL_PRODUCT_WORDS_H
#define MODEL_PRODUCT_WORDS_H

/*
 * product_words: an edge of the product graph as sentences a person reads, in Chinese and English.
 *
 * The sentences stand in one table (product_words.c), each with the condition under which it is
 * true and worth saying; what is in braces is filled in from the edge and the two products.
 * Threads: pure functions.
 */

#include "model/product_graph.h"

enum graph_word {
    GRAPH_WORD_CONFLICT,
    GRAPH_WORD_OPENING,
    GRAPH_WORD_ORDER,
    GRAPH_WORD_HOLDING,
    GRAPH_WORD_SWITCHING,
    GRAPH_WORD_LIKENESS,
    GRAPH_WORD_COUNT
};

/* Which sentences are to be said of the edge, in order; how many. */
size_t product_words(const struct product_edge *edge, enum graph_word ret_words[GRAPH_WORD_COUNT]);

/* Appends one sentence about a and b. */
void product_words_write(enum graph_word word, const struct product_edge *edge,
                         const struct bank_product *a, const struct bank_product *b, bool is_zh,
                         struct lx_buffer *buffer);

#endif
