#ifndef BANK_CATALOGUE_H
#define BANK_CATALOGUE_H

/*
 * catalogue: the products that the bank sells, as a file says (data/catalogue.ini).
 *
 * Products are numbered 0, 1, ... and the number is what events, models and the snapshot store. A
 * file is read in the order of the codes; a bank keeps the numbers that it has given once
 * (bank_catalogue of bank.h), and what is new gets the next ones. A product never disappears: it
 * gets the status `retired`, and one that is missing from the file stays as the bank has it.
 * Ownership: owns its texts. Errors: LX_ERR_BAD_INPUT with file, line and field.
 * Threads:   read-only once read.
 */

#include "bank/types.h"

enum bank_product_status { BANK_PRODUCT_ON_SALE = 1, BANK_PRODUCT_RETIRED = 2 };

/* What a product offered from a moment on, as far as the bank's systems knew. */
struct bank_terms {
    int64_t at_ms, known_at_ms;
    int64_t minimum_fen, rate_ppm;
    int term_days;
};

struct bank_product {
    char code[LX_CODE_MAX + 1];      /* "P07" */
    char *zh, *en;                   /* names */
    char *features_zh, *features_en; /* one line a person reads */
    char *conflicts; /* codes of products that exclude it, as the file has them; NULL: none */
    enum bank_category category;
    int risk; /* 1-5: R1-R5 */
    int64_t minimum_fen;
    int64_t rate_ppm;     /* expected a year; negative: what a loan costs is positive, too */
    int term_days;        /* 0: none */
    int age_min, age_max; /* target range, inclusive */
    int32_t launched_day;
    bool is_green;
    uint32_t channels; /* bit (1 << enum bank_channel) for each where it is sold */
    enum bank_product_status status;
    /* Its versions by at_ms, then known_at_ms; the catalogue's. None in one that is only a file. */
    const struct bank_terms *terms;
    size_t terms_count;
};

struct bank_catalogue {
    struct bank_product *products;
    size_t count, capacity;
    struct bank_terms *terms; /* owned: of all products, those of each side by side */
    size_t terms_count, terms_capacity;
};

LX_MUST_USE enum lx_err bank_catalogue_parse(const char *file, const char *bytes, size_t length,
                                             struct bank_catalogue *ret_catalogue,
                                             struct lx_error *err);
void bank_catalogue_release(struct bank_catalogue *catalogue);

/* Index of the code, BANK_NO_PRODUCT if there is none. */
int bank_catalogue_find(const struct bank_catalogue *catalogue, const char *code, size_t length);

/* Whether one of the two products names the other under `conflicts`: who holds the one may not have
 * the other. Never of a product with itself. */
bool bank_catalogue_conflict(const struct bank_catalogue *catalogue, int a, int b);

/*
 * What was offered as of a moment: the newest version with at_ms and known_at_ms at or before it;
 * before any was known, the one that was known first, since the bank's records do not reach back
 * further; a product without versions is as the catalogue says.
 */
struct bank_terms bank_terms_as_of(const struct bank_product *product, int64_t as_of_ms);

#endif
