#ifndef TESTS_RULE_BENCH_H
#define TESTS_RULE_BENCH_H

/* rule_bench: a catalogue of random products, the rules that ship, and questions to them. */

#include "tests/living_bank.h"

#include <math.h>

#include "decide/overlay.h"
#include "decide/rule_book.h"

enum { BENCH_PRODUCTS = 19, SHIPPED_FILES = 4, BENCH_DAY = 20000 };

static const char *const shipped_names[SHIPPED_FILES] = {"contact.ini", "eligibility.ini",
                                                         "emergency.ini", "suitability.ini"};

/* Products, rules and one customer. */
struct rule_bench {
    struct bank_product products[BENCH_PRODUCTS];
    struct bank_catalogue catalogue;
    struct rule_book book;
    struct view_context context;
    struct view_facts facts;
    float values[LX_FEATURES_MAX];
    struct overlay_answer answers[8];
    struct rule_past past[16];
    size_t past_count;
    struct rule_question question;
};

static inline int64_t bench_day_ms(int32_t day)
{
    return lx_ms_of_day(day, LIVING_OFFSET_MINUTES);
}

/* A product that everybody may have. */
static inline struct bank_product open_product(void)
{
    return (struct bank_product){.category = BANK_CATEGORY_PAYMENT,
                                 .risk = 1,
                                 .age_max = 120,
                                 .status = BANK_PRODUCT_ON_SALE};
}

/* The shipped rules; `changed` (NULL: none) stands in the place of the shipped file of its name, or
 * comes last. */
static inline enum lx_err bench_parse(struct rule_bench *bench, const struct rules_file *changed,
                                      struct rules **ret_rules, struct lx_error *err)
{
    struct lx_buffer texts[SHIPPED_FILES];
    struct rules_file files[SHIPPED_FILES + 1];
    size_t count = SHIPPED_FILES;
    bool is_placed = changed == NULL;
    for (int i = 0; i < SHIPPED_FILES; i++) {
        char name[64];
        snprintf(name, sizeof name, "rules/%s", shipped_names[i]);
        living_shipped(name, &texts[i]);
        files[i] =
            (struct rules_file){shipped_names[i], lx_buffer_text(&texts[i]), texts[i].length};
        if (changed == NULL || strcmp(changed->name, shipped_names[i]) != 0) continue;
        files[i] = *changed;
        is_placed = true;
    }
    if (!is_placed) files[count++] = *changed;
    enum lx_err code =
        rules_parse("rules", files, count, bench->book.schema, &bench->catalogue, ret_rules, err);
    for (int i = 0; i < SHIPPED_FILES; i++) lx_buffer_release(&texts[i]);
    return code;
}

static inline enum lx_err bench_past(void *context, const struct rule_past **ret_past,
                                     size_t *ret_count, struct lx_error *err)
{
    const struct rule_bench *bench = context;
    *ret_past = bench->past;
    *ret_count = bench->past_count;
    return LX_OK;
}

/* A customer of 30 of whom no more is known, asked in no channel at noon. */
static inline void bench_customer(struct rule_bench *bench)
{
    bench->facts = (struct view_facts){.age = 30,
                                       .assets_fen = BANK_NO_AMOUNT,
                                       .has_personal_consent = true,
                                       .birth_day = INT32_MIN,
                                       .branch = -1,
                                       .occupation = -1,
                                       .risk_expires_ms = BANK_UNKNOWN_MS};
    for (size_t i = 0; i < LX_FEATURES_MAX; i++) bench->values[i] = NAN;
    bench->past_count = 0;
    bench->question =
        (struct rule_question){.context = &bench->context,
                               .facts = &bench->facts,
                               .as_of_ms = bench_day_ms(BENCH_DAY),
                               .customer_values = bench->values,
                               .placement = "rm",
                               .round = 1,
                               .now_ms = bench_day_ms(BENCH_DAY + 1) + LX_MS_PER_DAY / 2,
                               .answers = bench->answers,
                               .past = bench_past,
                               .past_context = bench};
}

/* `product` NULL: all are open ones. */
static inline void bench_open(struct rule_bench *bench,
                              struct bank_product (*product)(struct lx_rng *rng),
                              struct lx_rng *rng)
{
    struct view_code_lists lists = {0};
    struct view_schema *view = NULL;
    struct lx_error err;
    memset(bench, 0, sizeof *bench);
    for (int i = 0; i < BENCH_PRODUCTS; i++) {
        bench->products[i] = product == NULL ? open_product() : product(rng);
        struct bank_product *made = &bench->products[i];
        snprintf(made->code, sizeof made->code, "P%02d", i);
        made->zh = made->en = made->code;
    }
    bench->catalogue.products = bench->products;
    bench->catalogue.count = BENCH_PRODUCTS;
    bench->context = (struct view_context){&bench->catalogue, NULL, LIVING_OFFSET_MINUTES};
    MUST(view_schema_open(&bench->catalogue, &lists, &view, &err));
    MUST(rule_book_open_schema(view, &bench->book, &err));
    MUST(bench_parse(bench, NULL, &bench->book.rules, &err));
    bench_customer(bench);
}

static inline void bench_close(struct rule_bench *bench)
{
    rule_book_release(&bench->book);
}

/* The name of the rule that refuses the product; "" for none. */
static inline const char *bench_ask(struct rule_bench *bench, int product)
{
    int16_t refused[BENCH_PRODUCTS];
    struct lx_error err;
    MUST(rules_judge(bench->book.rules, &bench->question, NULL, refused, &err));
    return refused[product] == RULE_NONE
               ? ""
               : rules_at(bench->book.rules, (size_t)refused[product])->name;
}

static inline void bench_set_feature(struct rule_bench *bench, const char *name, double value)
{
    for (size_t i = 0; i < view_customer_feature_count(); i++)
        if (strcmp(view_customer_feature(i)->name, name) == 0) {
            bench->values[i] = (float)value;
            return;
        }
    fail_msg("no feature %s", name);
}

#endif
