/* The command about products: the catalogue, and what one product has to do with the others. */
#include "cli/cli.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bank/bank.h"
#include "base/date.h"
#include "model/product_graph.h"
#include "model/product_words.h"
#include "money/money.h"

enum { SENTENCE_MAX = 4096 };

/* What the command prints from; without a model there is no graph. */
struct products {
    struct cli_call *call;
    struct bank *bank;
    const struct bank_catalogue *catalogue;
    struct product_graph graph;
    bool has_graph;
};

/* A catalogue that has grown since the training has products that the graph does not know. */
static bool is_in_graph(const struct products *products, size_t product)
{
    return products->has_graph && product < products->graph.product_count;
}

static uint64_t holders_of(const struct products *products, size_t product)
{
    return product_graph_edge(&products->graph, product, product)->holding.holders_a;
}

static void date_json(struct json_writer *json, const char *name, int32_t day)
{
    char text[LX_DATE_TEXT_SIZE];
    lx_day_format(day, text);
    json_name_text(json, name, text);
}

static void channels_json(struct json_writer *json, uint32_t channels)
{
    json_name(json, "channels");
    json_array_begin(json);
    for (int i = 1; i < BANK_CHANNEL_END; i++)
        if ((channels >> i & 1) != 0) json_text(json, bank_channel_text((enum bank_channel)i));
    json_array_end(json);
}

static void facts_json(const struct products *products, size_t index)
{
    const struct bank_product *product = &products->catalogue->products[index];
    struct json_writer *json = &products->call->json;
    struct bank_terms terms = bank_terms_as_of(product, INT64_MAX);
    json_name_text(json, "product", product->code);
    json_name_text(json, "zh", product->zh);
    json_name_text(json, "en", product->en);
    json_name_text(json, "features_zh", product->features_zh);
    json_name_text(json, "features_en", product->features_en);
    json_name_text(json, "category", bank_category_text(product->category));
    json_name_int(json, "risk", product->risk);
    json_name_int(json, "minimum_fen", terms.minimum_fen);
    json_name_int(json, "rate_ppm", terms.rate_ppm);
    json_name_int(json, "term_days", terms.term_days);
    json_name_int(json, "age_min", product->age_min);
    json_name_int(json, "age_max", product->age_max);
    channels_json(json, product->channels);
    json_name_bool(json, "is_green", product->is_green);
    json_name_text(json, "status", product->status == BANK_PRODUCT_RETIRED ? "retired" : "on_sale");
    date_json(json, "launched", product->launched_day);
    json_name(json, "holders");
    if (is_in_graph(products, index))
        json_int(json, (int64_t)holders_of(products, index));
    else
        json_none(json);
}

static void facts_lines(const struct products *products, size_t index)
{
    struct cli_call *call = products->call;
    const struct bank_product *product = &products->catalogue->products[index];
    struct bank_terms terms = bank_terms_as_of(product, INT64_MAX);
    char minimum[MONEY_TEXT_SIZE];
    money_format(terms.minimum_fen, minimum);
    cli_line(call, "%s  %s", product->code, cli_text(call, product->zh, product->en));
    cli_line(call, "  %s", cli_text(call, product->features_zh, product->features_en));
    cli_pair(
        call, cli_text(call, "类别", "category"), "%s",
        cli_text(call, bank_category_zh(product->category), bank_category_en(product->category)));
    cli_pair(call, cli_text(call, "风险等级", "risk"), "R%d", product->risk);
    cli_pair(call, cli_text(call, "起点金额（元）", "minimum, yuan"), "%s", minimum);
    cli_pair(call, cli_text(call, "年利率", "rate a year"), "%.2f%%",
             (double)terms.rate_ppm / 10000);
    if (terms.term_days > 0)
        cli_pair(call, cli_text(call, "期限（天）", "term, days"), "%d", terms.term_days);
    cli_pair(call, cli_text(call, "适合年龄", "made for ages"), "%d-%d", product->age_min,
             product->age_max);
    if (is_in_graph(products, index))
        cli_pair(call, cli_text(call, "持有客户", "holders"), "%" PRIu64,
                 holders_of(products, index));
}

static void test_json(struct json_writer *json, const char *name, const struct graph_test *test)
{
    json_name(json, name);
    json_object_begin(json);
    json_name_int(json, "with", (int64_t)test->with);
    json_name_int(json, "with_opened", (int64_t)test->with_opened);
    json_name_int(json, "without", (int64_t)test->without);
    json_name_int(json, "without_opened", (int64_t)test->without_opened);
    json_name_real(json, "ratio", test->ratio);
    json_name_real(json, "ratio_low", test->ratio_low);
    json_name_real(json, "ratio_high", test->ratio_high);
    json_name_real(json, "odds_ratio", isinf(test->variance) ? NAN : exp(test->odds));
    json_name_real(json, "p", exp(test->log_p));
    json_name_real(json, "q", exp(test->log_q));
    json_object_end(json);
}

static void holding_json(struct json_writer *json, const struct relation *holding)
{
    json_name(json, "holding");
    json_object_begin(json);
    json_name_int(json, "customers", (int64_t)holding->total);
    json_name_int(json, "holders", (int64_t)holding->holders_a);
    json_name_int(json, "holders_other", (int64_t)holding->holders_b);
    json_name_int(json, "both", (int64_t)holding->both);
    json_name_real(json, "expected", holding->expected);
    json_name_real(json, "lift", holding->lift);
    json_name_real(json, "lift_low", holding->lift_low);
    json_name_real(json, "lift_high", holding->lift_high);
    json_name_real(json, "p", exp(holding->log_p));
    json_name_real(json, "q", exp(holding->log_q));
    json_name_real(json, "odds_ratio", isinf(holding->odds_variance) ? NAN : exp(holding->odds));
    json_name_real(json, "odds_q", exp(holding->odds_log_q));
    json_name_real(json, "association", holding->association);
    json_name_real(json, "similarity", holding->similarity);
    json_object_end(json);
}

static void order_json(struct json_writer *json, const struct product_edge *edge)
{
    json_name(json, "order");
    json_object_begin(json);
    json_name_int(json, "first", (int64_t)edge->a_first);
    json_name_int(json, "after", (int64_t)edge->b_first);
    json_name_int(json, "same_day", (int64_t)edge->same_day);
    json_name_real(json, "p", exp(edge->order_log_p));
    json_name_real(json, "q", exp(edge->order_log_q));
    json_name(json, "median_days");
    if (edge->median_days < 0)
        json_none(json);
    else
        json_int(json, edge->median_days);
    json_object_end(json);
}

static void words_json(const struct products *products, size_t a, size_t b)
{
    const struct product_edge *edge = product_graph_edge(&products->graph, a, b);
    struct json_writer *json = &products->call->json;
    enum graph_word words[GRAPH_WORD_COUNT];
    struct lx_buffer text;
    size_t count = product_words(edge, words);
    lx_buffer_init(&text, SENTENCE_MAX);
    json_name(json, "words");
    json_array_begin(json);
    for (size_t i = 0; i < count; i++) {
        json_object_begin(json);
        for (int is_zh = 1; is_zh >= 0; is_zh--) {
            lx_buffer_clear(&text);
            product_words_write(words[i], edge, &products->catalogue->products[a],
                                &products->catalogue->products[b], is_zh == 1, &text);
            json_name_text(json, is_zh == 1 ? "zh" : "en", lx_buffer_text(&text));
        }
        json_object_end(json);
    }
    json_array_end(json);
    lx_buffer_release(&text);
}

static void relation_json(const struct products *products, size_t a, size_t b)
{
    const struct product_edge *edge = product_graph_edge(&products->graph, a, b);
    struct json_writer *json = &products->call->json;
    json_object_begin(json);
    json_name_text(json, "product", products->catalogue->products[b].code);
    json_name_text(json, "kind", graph_kind_text(edge->kind));
    json_name_real(json, "weight", edge->weight);
    json_name_real(json, "likeness", edge->likeness);
    json_name_bool(json, "is_conflict", edge->is_conflict);
    holding_json(json, &edge->holding);
    test_json(json, "opening", &edge->opening);
    test_json(json, "switching", &edge->switching);
    order_json(json, edge);
    words_json(products, a, b);
    json_object_end(json);
}

static void relation_lines(const struct products *products, size_t a, size_t b)
{
    struct cli_call *call = products->call;
    const struct product_edge *edge = product_graph_edge(&products->graph, a, b);
    const struct bank_product *other = &products->catalogue->products[b];
    enum graph_word words[GRAPH_WORD_COUNT];
    struct lx_buffer text;
    size_t count = product_words(edge, words);
    cli_line(call, "  %s  %s  %s  %+.2f", other->code, cli_text(call, other->zh, other->en),
             cli_text(call, graph_kind_zh(edge->kind), graph_kind_en(edge->kind)), edge->weight);
    lx_buffer_init(&text, SENTENCE_MAX);
    for (size_t i = 0; i < count; i++) {
        lx_buffer_clear(&text);
        product_words_write(words[i], edge, &products->catalogue->products[a], other,
                            call->language == CLI_ZH, &text);
        cli_line(call, "      %s", lx_buffer_text(&text));
    }
    lx_buffer_release(&text);
}

/* The other products: what is told of first, then by how much it weighs, then by number. */
static size_t order_relations(const struct products *products, size_t a,
                              size_t ret_order[GRAPH_PRODUCTS_MAX])
{
    static const int ranks[GRAPH_KIND_COUNT] = {[GRAPH_KIND_CONFLICT] = 0,
                                                [GRAPH_KIND_COMPLEMENT] = 1,
                                                [GRAPH_KIND_SUBSTITUTE] = 2,
                                                [GRAPH_KIND_NONE] = 3};
    size_t count = 0;
    for (size_t b = 0; b < products->graph.product_count; b++) {
        if (b == a) continue;
        const struct product_edge *edge = product_graph_edge(&products->graph, a, b);
        size_t place = count++;
        for (; place > 0; place--) {
            const struct product_edge *before =
                product_graph_edge(&products->graph, a, ret_order[place - 1]);
            int rank = ranks[edge->kind], rank_before = ranks[before->kind];
            if (rank > rank_before) break;
            if (rank == rank_before && fabs(edge->weight) <= fabs(before->weight)) break;
            ret_order[place] = ret_order[place - 1];
        }
        ret_order[place] = b;
    }
    return count;
}

static void print_relations(const struct products *products, size_t a)
{
    struct cli_call *call = products->call;
    size_t order[GRAPH_PRODUCTS_MAX];
    size_t count = is_in_graph(products, a) ? order_relations(products, a, order) : 0;
    if (count > 0)
        cli_line(call, "%s",
                 cli_text(call, "与其他产品的关系（权重-1至1）：",
                          "relations to other products (weight from -1 to 1):"));
    if (call->is_json) {
        json_name(&call->json, "relations");
        json_array_begin(&call->json);
    }
    for (size_t i = 0; i < count; i++) {
        const struct product_edge *edge = product_graph_edge(&products->graph, a, order[i]);
        if (call->is_json)
            relation_json(products, a, order[i]);
        else if (edge->kind != GRAPH_KIND_NONE)
            relation_lines(products, a, order[i]);
    }
    if (call->is_json) json_array_end(&call->json);
}

static void print_one(const struct products *products, size_t index)
{
    if (products->call->is_json)
        facts_json(products, index);
    else
        facts_lines(products, index);
    print_relations(products, index);
}

static size_t count_kind(const struct products *products, size_t a, enum graph_kind kind)
{
    size_t count = 0;
    for (size_t b = 0; b < products->graph.product_count; b++)
        count += product_graph_edge(&products->graph, a, b)->kind == kind;
    return count;
}

static void print_all(const struct products *products)
{
    struct cli_call *call = products->call;
    struct json_writer *json = &call->json;
    if (call->is_json) {
        json_name(json, "products");
        json_array_begin(json);
    }
    for (size_t i = 0; i < products->catalogue->count; i++) {
        const struct bank_product *product = &products->catalogue->products[i];
        bool is_known = is_in_graph(products, i);
        size_t complements = is_known ? count_kind(products, i, GRAPH_KIND_COMPLEMENT) : 0;
        size_t substitutes = is_known ? count_kind(products, i, GRAPH_KIND_SUBSTITUTE) : 0;
        if (call->is_json) {
            json_object_begin(json);
            facts_json(products, i);
            json_name_int(json, "complements", (int64_t)complements);
            json_name_int(json, "substitutes", (int64_t)substitutes);
            json_object_end(json);
        } else if (is_known) {
            cli_line(call,
                     cli_text(call, "  %-6s R%d  持有%9" PRIu64 "人  互补%3zu  替代%3zu  %s",
                              "  %-6s R%d  %9" PRIu64 " holders  %3zu complements  %3zu "
                              "substitutes  %s"),
                     product->code, product->risk, holders_of(products, i), complements,
                     substitutes, cli_text(call, product->zh, product->en));
        } else {
            cli_line(call, "  %-6s R%d  %s", product->code, product->risk,
                     cli_text(call, product->zh, product->en));
        }
    }
    if (call->is_json) json_array_end(json);
}

static void print_moment(const struct products *products)
{
    struct cli_call *call = products->call;
    char day[LX_DATE_TEXT_SIZE];
    if (!products->has_graph) {
        cli_line(call, "%s",
                 cli_text(call, "还没有产品关系：先运行 lingxi train",
                          "relations are not known yet: run `lingxi train`"));
        if (call->is_json) {
            json_name(&call->json, "as_of");
            json_none(&call->json);
        }
        return;
    }
    lx_day_format(lx_day_of_ms(products->graph.as_of_ms, bank_utc_offset_minutes(products->bank)),
                  day);
    cli_line(call, cli_text(call, "截至%s，%" PRIu64 "位客户", "as of %s, %" PRIu64 " customers"),
             day, products->graph.customers);
    if (!call->is_json) return;
    json_name_text(&call->json, "as_of", day);
    json_name_int(&call->json, "customers", (int64_t)products->graph.customers);
}

/* A bank that has not trained yet has a catalogue all the same. */
static enum lx_err open_graph(struct products *products, struct lx_error *err)
{
    struct lx_error why = {0};
    enum lx_err code = product_graph_open(products->call->folder, NULL, &products->graph, &why);
    products->has_graph = code == LX_OK;
    if (code == LX_OK || code == LX_ERR_NOT_READY) return LX_OK;
    return lx_fail(err, code, "%s", why.text);
}

enum lx_err cli_products(struct cli_call *call, struct lx_error *err)
{
    struct products products = {.call = call};
    const char *product = call->argument_count > 0 ? call->arguments[0] : NULL;
    int index = BANK_NO_PRODUCT;
    enum lx_err code = bank_open(call->folder, STORE_READ, &products.bank, err);
    if (code != LX_OK) return code;
    products.catalogue = bank_catalogue(products.bank);
    if (product != NULL) index = bank_catalogue_find(products.catalogue, product, strlen(product));
    if (product != NULL && index < 0)
        code =
            lx_fail(err, LX_ERR_NOT_FOUND,
                    "product %.40s is not in the catalogue: `lingxi products` lists them", product);
    if (code == LX_OK) code = open_graph(&products, err);
    if (code == LX_OK) {
        print_moment(&products);
        if (product == NULL)
            print_all(&products);
        else
            print_one(&products, (size_t)index);
    }
    product_graph_release(&products.graph);
    bank_close(products.bank);
    return code;
}
