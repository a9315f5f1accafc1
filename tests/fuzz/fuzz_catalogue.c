/*
 * fuzz_catalogue: a catalogue is refused with its name, or it is whole: products in the order of
 * their codes, each with its texts and within its ranges, and found by its code.
 */
#include <stdlib.h>
#include <string.h>

#include "bank/catalogue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) abort();
}

static void check_product(const struct bank_product *product)
{
    require(product->zh[0] != '\0' && product->en[0] != '\0');
    require(product->features_zh[0] != '\0' && product->features_en[0] != '\0');
    require(product->category >= 1 && (int)product->category < BANK_CATEGORY_END);
    require(product->risk >= 1 && product->risk <= 5);
    require(product->minimum_fen >= 0 && product->term_days >= 0);
    require(product->rate_ppm >= 0 && product->rate_ppm <= 1000000);
    require(product->age_min >= 0 && product->age_min <= product->age_max);
    require(product->channels != 0 && product->channels >> BANK_CHANNEL_END == 0);
    require(product->status == BANK_PRODUCT_ON_SALE || product->status == BANK_PRODUCT_RETIRED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bank_catalogue catalogue = {0};
    struct lx_error err;
    enum lx_err code = bank_catalogue_parse("c.ini", (const char *)data, size, &catalogue, &err);
    if (code != LX_OK) {
        require(code == LX_ERR_BAD_INPUT || code == LX_ERR_LIMIT);
        require(strncmp(err.text, "c.ini:", 6) == 0);
        require(catalogue.products == NULL);
        return 0;
    }
    require(catalogue.count >= 1 && catalogue.count <= LX_PRODUCT_MAX);
    for (size_t i = 0; i < catalogue.count; i++) {
        const struct bank_product *product = &catalogue.products[i];
        check_product(product);
        require(bank_catalogue_find(&catalogue, product->code, strlen(product->code)) == (int)i);
        require(i == 0 || strcmp(catalogue.products[i - 1].code, product->code) < 0);
    }
    bank_catalogue_release(&catalogue);
    return 0;
}
