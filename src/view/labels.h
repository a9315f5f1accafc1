#ifndef VIEW_LABELS_H
#define VIEW_LABELS_H

/*
 * labels: what a relationship manager reads of a customer, defined by the bank: DIR/labels.ini, or
 * where that file is missing the one that the program carries. Three layers: what is so (facts),
 * what is likely (predictions), what he is worth turning to for (value).
 *
 *   [define]                            names for conditions, as in features.ini
 *
 *   [deposit_matures]                   a name: small letters, digits and `_`, at most 48
 *   layer = value                       fact prediction value
 *   expression = days_to_maturity       of customer scope; every field and feature
 *   type = days                         of VIEW_LABEL_TYPE_MAP: how a person reads the value
 *   threshold = <= 30                   the customer has the label where the value is so
 *   zh = 存款即将到期
 *   en = a deposit matures
 *   owner = marketing                   who answers for it
 *   lift_of = savings                   openings of what its lift is measured by: a category, a
 *                                       product; omitted: of any product
 *
 *   [age_band]
 *   bands = < 18 | under-18 | 18岁以下 | under 18      value, and its text in both languages;
 *       else | 18-up | 18岁以上 | 18 and over          limits ascend, the last is `else`
 *
 *   [gender]
 *   values = male | 男 | male           what a value is called; the others are called what they are
 *
 *   [next_wealth]
 *   layer = prediction
 *   model = wealth product              a category or a product, and what is told of it: `product`
 *                                       (the best that may be shown), `probability`, `score`
 *
 * A customer has a label where its expression is true, not NULL, or passes the threshold. Money is
 * in yuan in limits and texts. docs/reference/labels.md tells more.
 *
 * Ownership: borrows the features; owns the rest. Errors: LX_ERR_BAD_INPUT with file, line, column
 *            and a suggestion; LX_ERR_LIMIT past VIEW_LABELS_MAX.
 * Threads:   read-only; a reader belongs to one thread.
 */

#include "view/features.h"

#define VIEW_LAYER_MAP(X)                                                                          \
    X(FACT, "fact", "事实", "facts")                                                               \
    X(PREDICTION, "prediction", "预测", "predictions")                                             \
    X(VALUE, "value", "价值", "value")

enum view_layer {
#define X(name, text, zh, en) VIEW_LAYER_##name,
    VIEW_LAYER_MAP(X)
#undef X
        VIEW_LAYER_COUNT
};
const char *view_layer_text(enum view_layer layer);
const char *view_layer_zh(enum view_layer layer);
const char *view_layer_en(enum view_layer layer);

/* Name, the types that the expression may have, and what follows a value in Chinese and English. */
#define VIEW_LABEL_TYPE_MAP(X)                                                                     \
    X(FLAG, "flag", BIT(BOOLEAN), "", "")                                                          \
    X(COUNT, "count", BIT(INTEGER) | BIT(REAL), "", "")                                            \
    X(MONEY, "money", BIT(MONEY), "元", " yuan")                                                   \
    X(DAYS, "days", BIT(INTEGER), "天", " days")                                                   \
    X(YEARS, "years", BIT(INTEGER) | BIT(REAL), "年", " years")                                    \
    X(SHARE, "share", BIT(REAL), "%", "%")                                                         \
    X(RATIO, "ratio", BIT(INTEGER) | BIT(REAL), "倍", " times")                                    \
    X(CODE, "code", BIT(ENUM), "", "")                                                             \
    X(TEXT, "text", BIT(STRING), "", "")                                                           \
    X(DATE, "date", BIT(DATE), "", "")

enum view_label_type {
#define X(name, text, types, zh, en) VIEW_LABEL_##name,
    VIEW_LABEL_TYPE_MAP(X)
#undef X
        VIEW_LABEL_TYPE_COUNT
};
const char *view_label_type_text(enum view_label_type type);

/* Products that a label is about. */
enum view_subject_kind { VIEW_ANY_PRODUCT, VIEW_ONE_CATEGORY, VIEW_ONE_PRODUCT };
struct view_subject {
    enum view_subject_kind kind;
    int number;       /* enum bank_category, or index in the catalogue */
    const char *text; /* "wealth", "P07"; "" for any */
};
bool view_subject_has(const struct view_subject *subject, const struct bank_catalogue *catalogue,
                      int product);

enum view_output {
    VIEW_OUTPUT_NONE,
    VIEW_OUTPUT_PRODUCT,
    VIEW_OUTPUT_PROBABILITY,
    VIEW_OUTPUT_SCORE
};

enum view_comparison { VIEW_NO_THRESHOLD, VIEW_AT_MOST, VIEW_AT_LEAST, VIEW_BELOW, VIEW_ABOVE };

/* A stretch of values: those below `limit` and not below that of the one before; or one value. */
struct view_label_value {
    const char *code, *zh, *en;
    struct expr_value limit; /* of bands, in the expression's type; of the last one unused */
};

struct view_label {
    const char *name, *zh, *en, *owner; /* owner: "" where none is named */
    const char *definition;             /* canonical, or "model wealth product" */
    enum view_layer layer;
    enum view_label_type type;
    enum view_comparison comparison;
    struct expr_value threshold; /* in the expression's type */
    const char *threshold_text;  /* "<= 30"; "" without one */
    const struct view_label_value *bands, *values;
    size_t band_count, value_count;
    const char *unit_zh, *unit_en; /* what follows a number */
    struct view_subject model;     /* of a model's output */
    enum view_output output;       /* NONE: an expression */
    struct view_subject lift_of;
    /* Of an expression; NULL of a model's output. */
    const struct expr *expr;
    const char *condition; /* in the language: whether a customer has it */
    const char *version;   /* 16 hex digits over what decides who has it and what its lift is of */
};

enum { VIEW_LABELS_MAX = 256, VIEW_LABEL_VALUES_MAX = 64, VIEW_LABEL_TEXT_MAX = 512 };

struct view_labels;

LX_MUST_USE enum lx_err view_labels_parse(const char *file, const char *bytes, size_t length,
                                          const struct view_features *features,
                                          const struct bank_catalogue *catalogue,
                                          struct view_labels **ret_labels, struct lx_error *err);
/* Of the bank in DIR. */
LX_MUST_USE enum lx_err view_labels_open(const char *folder, const struct view_features *features,
                                         const struct bank_catalogue *catalogue,
                                         struct view_labels **ret_labels, struct lx_error *err);
/* The program's own. */
LX_MUST_USE enum lx_err view_labels_open_shipped(const struct view_features *features,
                                                 const struct bank_catalogue *catalogue,
                                                 struct view_labels **ret_labels,
                                                 struct lx_error *err);
void view_labels_close(struct view_labels *labels); /* NULL is fine */

size_t view_labels_count(const struct view_labels *labels);
const struct view_label *view_labels_at(const struct view_labels *labels, size_t index);
/* SIZE_MAX where there is none of that name. */
size_t view_labels_find(const struct view_labels *labels, const char *name);
const struct view_features *view_labels_features(const struct view_labels *labels);

/* --- One customer ---------------------------------------------------------------------------- */

struct view_label_reader;
LX_MUST_USE enum lx_err view_label_reader_open(const struct view_labels *labels,
                                               const struct bank_catalogue *catalogue,
                                               struct view_label_reader **ret_reader,
                                               struct lx_error *err);
void view_label_reader_close(struct view_label_reader *reader); /* NULL is fine */

/* A customer as of a moment; `customer_values` are his features then. Everything is borrowed until
 * the next call. */
void view_label_reader_begin(struct view_label_reader *reader, const struct bank_history *history,
                             const struct view_context *context, const struct view_facts *facts,
                             int64_t as_of_ms, const float *customer_values);
/* The value of a label that is an expression. One that cannot be computed (an overflow) is NULL. */
LX_MUST_USE enum lx_err view_label_reader_value(struct view_label_reader *reader, size_t label,
                                                struct expr_value *ret_value, struct lx_error *err);

/* Does a customer with this value have the label? */
bool view_label_has(const struct view_label *label, const struct expr_value *value);

/* A value as programs and people read it. Texts lie in the struct or in labels and schema. */
struct view_saying {
    const char *value, *zh, *en;
    char buffers[3][VIEW_LABEL_TEXT_MAX];
};
/* Of a value that he has. False where it says nothing (a code that is empty). */
bool view_label_say(const struct view_label *label, const struct bank_catalogue *catalogue,
                    const struct expr_value *value, struct view_saying *ret_saying);

#endif
