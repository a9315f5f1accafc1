#include <math.h>
#include <stddef.h>
#include <string.h>

#include "codec/bytes.h"
#include "codec/digest.h"
#include "model/product_graph.h"
#include "model/registry.h"

/* Every field of an edge, in the order of the file. */
#define TEST_MAP(X, of)                                                                            \
    X(COUNT, of.with)                                                                              \
    X(COUNT, of.with_opened)                                                                       \
    X(COUNT, of.without)                                                                           \
    X(COUNT, of.without_opened)                                                                    \
    X(REAL, of.ratio)                                                                              \
    X(REAL, of.ratio_low)                                                                          \
    X(REAL, of.ratio_high)                                                                         \
    X(REAL, of.odds)                                                                               \
    X(REAL, of.variance)                                                                           \
    X(REAL, of.log_p)                                                                              \
    X(REAL, of.log_q)

#define EDGE_MAP(X)                                                                                \
    X(KIND, kind)                                                                                  \
    X(COUNT, holding.total)                                                                        \
    X(COUNT, holding.holders_a)                                                                    \
    X(COUNT, holding.holders_b)                                                                    \
    X(COUNT, holding.both)                                                                         \
    X(REAL, holding.lift)                                                                          \
    X(REAL, holding.lift_low)                                                                      \
    X(REAL, holding.lift_high)                                                                     \
    X(REAL, holding.log_p)                                                                         \
    X(REAL, holding.log_q)                                                                         \
    X(REAL, holding.ratio)                                                                         \
    X(REAL, holding.ratio_low)                                                                     \
    X(REAL, holding.ratio_high)                                                                    \
    X(REAL, holding.odds)                                                                          \
    X(REAL, holding.odds_variance)                                                                 \
    X(REAL, holding.odds_log_p)                                                                    \
    X(REAL, holding.odds_log_q)                                                                    \
    X(REAL, holding.expected)                                                                      \
    X(REAL, holding.shrunk)                                                                        \
    X(REAL, holding.association)                                                                   \
    X(REAL, holding.similarity)                                                                    \
    X(REAL, holding.yes)                                                                           \
    X(REAL, holding.no)                                                                            \
    TEST_MAP(X, opening)                                                                           \
    TEST_MAP(X, switching)                                                                         \
    X(COUNT, a_first)                                                                              \
    X(COUNT, b_first)                                                                              \
    X(COUNT, same_day)                                                                             \
    X(REAL, order_log_p)                                                                           \
    X(REAL, order_log_q)                                                                           \
    X(DAYS, median_days)                                                                           \
    X(REAL, likeness)                                                                              \
    X(REAL, weight)                                                                                \
    X(FLAG, is_conflict)

enum edge_type { EDGE_KIND, EDGE_COUNT, EDGE_REAL, EDGE_DAYS, EDGE_FLAG };

static const struct {
    enum edge_type type;
    size_t offset;
} edge_fields[] = {
#define X(type, name) {EDGE_##type, offsetof(struct product_edge, name)},
    EDGE_MAP(X)
#undef X
};

static const char file_mark[8] = "LXGRAPH1";

static void put_edge(struct lx_buffer *buffer, const struct product_edge *edge)
{
    for (size_t i = 0; i < LX_COUNT_OF(edge_fields); i++) {
        const void *from = (const char *)edge + edge_fields[i].offset;
        switch (edge_fields[i].type) {
        case EDGE_KIND: bytes_put_varint(buffer, *(const enum graph_kind *)from); break;
        case EDGE_COUNT: bytes_put_varint(buffer, *(const uint64_t *)from); break;
        case EDGE_REAL: bytes_put_real(buffer, *(const double *)from); break;
        case EDGE_DAYS: bytes_put_signed(buffer, *(const int32_t *)from); break;
        case EDGE_FLAG: bytes_put_u8(buffer, *(const bool *)from); break;
        }
    }
}

void product_graph_write(const struct product_graph *graph, struct lx_buffer *buffer)
{
    size_t from = buffer->length, n = graph->product_count;
    lx_buffer_append(buffer, file_mark, sizeof file_mark);
    bytes_put_signed(buffer, graph->as_of_ms);
    bytes_put_varint(buffer, graph->customers);
    bytes_put_varint(buffer, n);
    bytes_put_real(buffer, graph->prior_variance);
    for (size_t i = 0; i < n * n; i++) put_edge(buffer, &graph->edges[i]);
    if (lx_buffer_error(buffer) == LX_OK)
        bytes_put_u32(buffer, digest_crc32c(0, buffer->bytes + from, buffer->length - from));
}

static void get_edge(struct bytes_reader *reader, struct product_edge *edge)
{
    for (size_t i = 0; i < LX_COUNT_OF(edge_fields); i++) {
        void *to = (char *)edge + edge_fields[i].offset;
        uint64_t kind;
        switch (edge_fields[i].type) {
        case EDGE_KIND:
            kind = bytes_get_varint(reader);
            if (kind >= GRAPH_KIND_COUNT) reader->is_failed = true;
            *(enum graph_kind *)to = kind < GRAPH_KIND_COUNT ? (enum graph_kind)kind : 0;
            break;
        case EDGE_COUNT: *(uint64_t *)to = bytes_get_varint(reader); break;
        case EDGE_REAL: *(double *)to = bytes_get_real(reader); break;
        case EDGE_DAYS: *(int32_t *)to = (int32_t)bytes_get_signed(reader); break;
        case EDGE_FLAG: *(bool *)to = bytes_get_u8(reader) == 1; break;
        }
    }
}

static enum lx_err damaged(struct lx_error *err, const char *what)
{
    return lx_fail(err, LX_ERR_CORRUPT, "product graph: %s: run `lingxi train`", what);
}

enum lx_err product_graph_read(const void *bytes, size_t length, struct product_graph *ret_graph,
                               struct lx_error *err)
{
    enum { CHECKSUM_BYTES = 4 };
    const uint8_t *at = bytes;
    if (length < sizeof file_mark + CHECKSUM_BYTES || memcmp(at, file_mark, sizeof file_mark) != 0)
        return damaged(err, "no such file, or of another version");
    size_t covered = length - CHECKSUM_BYTES;
    struct bytes_reader end = bytes_reader_of(at + covered, CHECKSUM_BYTES);
    if (bytes_get_u32(&end) != digest_crc32c(0, at, covered))
        return damaged(err, "the checksum does not hold");

    struct bytes_reader reader = bytes_reader_of(at + sizeof file_mark, covered - sizeof file_mark);
    struct product_graph graph = {.as_of_ms = bytes_get_signed(&reader)};
    graph.customers = bytes_get_varint(&reader);
    graph.product_count = bytes_get_varint(&reader);
    graph.prior_variance = bytes_get_real(&reader);
    size_t n = graph.product_count;
    if (reader.is_failed || n == 0 || n > GRAPH_PRODUCTS_MAX)
        return damaged(err, "the number of products is none");
    graph.edges = lx_calloc(n * n, sizeof *graph.edges);
    if (graph.edges == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "product graph: out of memory");
    for (size_t i = 0; i < n * n && !reader.is_failed; i++) get_edge(&reader, &graph.edges[i]);
    if (!bytes_is_at_end(&reader)) {
        product_graph_release(&graph);
        return damaged(err, "not as long as it should be");
    }
    *ret_graph = graph;
    return LX_OK;
}

enum lx_err product_graph_open(const char *folder, const char *id, struct product_graph *ret_graph,
                               struct lx_error *err)
{
    char live[REGISTRY_ID_SIZE];
    struct lx_buffer bytes;
    enum lx_err code = LX_OK;
    if (id == NULL) {
        code = registry_current(folder, live, err);
        id = live;
    }
    if (code != LX_OK) return code;
    lx_buffer_init(&bytes, LX_FILE_MAX);
    code = registry_read_graph(folder, id, &bytes, err);
    if (code == LX_OK)
        code = product_graph_read(lx_buffer_text(&bytes), bytes.length, ret_graph, err);
    lx_buffer_release(&bytes);
    return code;
}
