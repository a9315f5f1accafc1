#include "model/teach.h"

#include <math.h>
#include <string.h>

#include "bank/catalogue.h"
#include "base/limits.h"

struct asking {
    const struct teach_question *question;
    float answers[LX_PRODUCT_MAX];
    bool is_shown[LX_PRODUCT_MAX];
    double scores[LX_PRODUCT_MAX];
    void *scratch;
};

size_t teach_scratch_bytes(const struct second *second)
{
    return second_scratch_bytes(second);
}

static double chance(double log_odds)
{
    return 1 / (1 + exp(-log_odds));
}

static void score(struct asking *asking)
{
    const struct teach_question *question = asking->question;
    second_score(question->second, question->log_odds, question->is_held, asking->answers,
                 asking->scratch, asking->scores);
}

/* Sum of the best chances that are left. */
static double best_left(struct asking *asking)
{
    const struct teach_question *question = asking->question;
    bool is_taken[LX_PRODUCT_MAX] = {false};
    double sum = 0;
    score(asking);
    for (size_t place = 0; place < question->places; place++) {
        int best = BANK_NO_PRODUCT;
        for (size_t i = 0; i < question->count; i++) {
            int product = question->order[i];
            if (asking->is_shown[product] || is_taken[product]) continue;
            if (best == BANK_NO_PRODUCT || asking->scores[product] > asking->scores[best])
                best = product;
        }
        if (best == BANK_NO_PRODUCT) break;
        is_taken[best] = true;
        sum += chance(asking->scores[best]);
    }
    return sum;
}

/* What comes of asking a product in the last place. */
static double value_of(struct asking *asking, int product, double now)
{
    float kept = asking->answers[product];
    asking->is_shown[product] = true;
    asking->answers[product] = 1;
    double yes = best_left(asking);
    asking->answers[product] = -1;
    double no = best_left(asking);
    asking->answers[product] = kept;
    asking->is_shown[product] = false;
    return now + now * yes + (1 - now) * no;
}

struct teach_choice teach_choose(const struct teach_question *question, void *scratch)
{
    LX_ASSERT(question->places > 0 && question->places < question->count);

    struct asking asking = {.question = question, .scratch = scratch};
    struct teach_choice choice = {.product = BANK_NO_PRODUCT};
    size_t products = question->second->product_count, end = question->count;
    double now[LX_PRODUCT_MAX], expected = 0;
    memcpy(asking.answers, question->answers, products * sizeof *asking.answers);
    score(&asking);
    for (size_t p = 0; p < products; p++) now[p] = chance(asking.scores[p]);
    for (size_t i = 0; i < question->places; i++) expected += now[question->order[i]];
    for (size_t i = 0; i + 1 < question->places; i++) asking.is_shown[question->order[i]] = true;

    int last = question->order[question->places - 1];
    double plain = value_of(&asking, last, now[last]);
    if (end > question->places + TEACH_CANDIDATES_MAX)
        end = question->places + TEACH_CANDIDATES_MAX;
    for (size_t i = question->places; i < end; i++) {
        int product = question->order[i];
        double loss = now[last] - now[product];
        if (loss > TEACH_LIMIT * expected) continue;
        double gain = value_of(&asking, product, now[product]) - plain;
        if (gain > choice.gain) choice = (struct teach_choice){product, gain, loss};
    }
    return choice;
}
