#include "model/simulate_oracle.h"

#include "base/real.h"

struct simulate_oracle {
    size_t product_count;
    double chance_max;
    double *odds; /* [product][draw]: e^-hidden */
};

enum lx_err simulate_oracle_open(const struct simulate_taste *taste,
                                 const struct simulate_bounds *bounds, size_t product_count,
                                 uint64_t seed, struct simulate_oracle **ret_oracle,
                                 struct lx_error *err)
{
    struct simulate_oracle *oracle = lx_calloc(1, sizeof *oracle);
    double *odds = lx_calloc(product_count * SIMULATE_ORACLE_DRAWS, sizeof *odds);
    if (oracle == NULL || odds == NULL) {
        lx_free(oracle);
        lx_free(odds);
        return lx_fail(err, LX_ERR_NO_MEMORY, "simulate: out of memory");
    }
    struct lx_rng rng = lx_rng_of(seed, UINT64_MAX - 2);
    for (size_t draw = 0; draw < SIMULATE_ORACLE_DRAWS; draw++) {
        double shared[SIMULATE_TASTES_MAX];
        for (size_t i = 0; i < taste->count; i++) shared[i] = lx_rng_normal(&rng);
        for (size_t p = 0; p < product_count; p++) {
            double hidden = taste->weights[p][0] * lx_rng_normal(&rng);
            for (size_t i = 0; i < taste->count; i++)
                hidden += taste->weights[p][i + 1] * shared[i];
            odds[p * SIMULATE_ORACLE_DRAWS + draw] = lx_exp(-hidden);
        }
    }
    *oracle = (struct simulate_oracle){product_count, 1 / (1 + lx_exp(-bounds->maximum)), odds};
    *ret_oracle = oracle;
    return LX_OK;
}

void simulate_oracle_close(struct simulate_oracle *oracle)
{
    if (oracle == NULL) return;
    lx_free(oracle->odds);
    lx_free(oracle);
}

/* e^-v of the visible part of the logit. */
static double visible_odds(const struct simulate_customer *customer, int product)
{
    double chance = customer->chances[product];
    return (1 - chance) / chance * lx_exp(customer->hidden[product]);
}

static double chance_of(const struct simulate_oracle *oracle, double odds)
{
    double chance = 1 / (1 + odds);
    return chance < oracle->chance_max ? chance : oracle->chance_max;
}

static void weigh(const struct simulate_oracle *oracle, const struct simulate_customer *customer,
                  int product, bool is_yes, double *weights)
{
    const double *odds = oracle->odds + (size_t)product * SIMULATE_ORACLE_DRAWS;
    double visible = visible_odds(customer, product);
    for (size_t draw = 0; draw < SIMULATE_ORACLE_DRAWS; draw++) {
        double chance = chance_of(oracle, visible * odds[draw]);
        weights[draw] *= is_yes ? chance : 1 - chance;
    }
}

void simulate_oracle_chances(const struct simulate_oracle *oracle,
                             const struct simulate_customer *customer, const int *products,
                             const enum bank_answer *answers, size_t count, double *ret_chances)
{
    LX_ASSERT(customer->hidden != NULL);

    double weights[SIMULATE_ORACLE_DRAWS], total = 0;
    for (size_t draw = 0; draw < SIMULATE_ORACLE_DRAWS; draw++) weights[draw] = 1;
    for (size_t i = 0; i < count; i++)
        if (answers[i] != BANK_ANSWER_OWNS && customer->chances[products[i]] > 0)
            weigh(oracle, customer, products[i], answers[i] == BANK_ANSWER_INTERESTED, weights);
    for (size_t draw = 0; draw < SIMULATE_ORACLE_DRAWS; draw++) total += weights[draw];
    for (size_t p = 0; p < oracle->product_count; p++) {
        const double *odds = oracle->odds + p * SIMULATE_ORACLE_DRAWS;
        double sum = 0;
        ret_chances[p] = 0;
        if (customer->chances[p] <= 0) continue;
        double visible = visible_odds(customer, (int)p);
        for (size_t draw = 0; draw < SIMULATE_ORACLE_DRAWS; draw++)
            sum += weights[draw] * chance_of(oracle, visible * odds[draw]);
        ret_chances[p] = total > 0 ? sum / total : 0;
    }
}
