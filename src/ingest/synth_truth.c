#include "ingest/synth_model.h"

#include <string.h>

/*
 * OUT/truth: for the simulator of the closed loop and for nobody else. Its rows are few and wide,
 * so they may take their time.
 */

static const char *product_code(const struct synth_world *world, int product)
{
    return world->catalogue->products[product].code;
}

static void put_header_of_products(const struct synth_world *world, struct lx_buffer *buffer)
{
    lx_buffer_append_text(buffer, "customer_id");
    for (int p = 0; p < world->product_count; p++)
        lx_buffer_printf(buffer, ",%s", product_code(world, p));
    lx_buffer_append_byte(buffer, '\n');
}

void synth_put_truth_header(const struct synth_world *world, size_t file, struct lx_buffer *buffer)
{
    if (file != SYNTH_FILE_NEEDS) {
        put_header_of_products(world, buffer);
        return;
    }
    lx_buffer_append_text(buffer,
                          "customer_id,stage,wealth_yuan,income_yuan,digital,risk,activity");
    for (int i = 0; i < SYNTH_NEED_COUNT; i++)
        lx_buffer_printf(buffer, ",need_%s", synth_need_text((enum synth_need)i));
    for (int i = 0; i < SYNTH_TASTE_COUNT; i++)
        lx_buffer_printf(buffer, ",taste_%s", synth_taste_text((enum synth_taste)i));
    lx_buffer_append_byte(buffer, '\n');
}

/* The decision of the C library's printf is exact for values that are whole thousandths. */
static int thousandths(double value)
{
    return (int)(value * 1000 + (value < 0 ? -0.5 : 0.5));
}

static void put_thousandths(struct lx_buffer *buffer, double value)
{
    int whole = thousandths(value), size = whole < 0 ? -whole : whole;
    lx_buffer_printf(buffer, ",%s%d.%03d", whole < 0 ? "-" : "", size / 1000, size % 1000);
}

static void put_needs(const struct synth_life_state *life, struct lx_buffer *buffer)
{
    lx_buffer_printf(buffer, "%.*s,%s,%lld,%lld", SYNTH_ID_SIZE, life->id,
                     synth_stage_text(life->stage), (long long)life->wealth_yuan,
                     (long long)life->income_yuan);
    put_thousandths(buffer, life->digital);
    put_thousandths(buffer, life->risk);
    put_thousandths(buffer, life->activity);
    for (int i = 0; i < SYNTH_NEED_COUNT; i++) put_thousandths(buffer, life->need[i]);
    for (int i = 0; i < SYNTH_TASTE_COUNT; i++) put_thousandths(buffer, life->taste[i]);
    lx_buffer_append_byte(buffer, '\n');
}

/* One customer and product: the logit of a yes, its part that is hidden taste, and its probability
 * in ppm, which is 0 where there is nothing to accept: he holds it, or he is gone. */
static void put_offers(const struct synth_life_state *life)
{
    struct lx_buffer *files = life->block->files, *logits = &files[SYNTH_FILE_OFFERS];
    struct lx_buffer *chances = &files[SYNTH_FILE_ACCEPTANCE], *hidden = &files[SYNTH_FILE_HIDDEN];
    lx_buffer_append(logits, life->id, SYNTH_ID_SIZE);
    lx_buffer_append(chances, life->id, SYNTH_ID_SIZE);
    lx_buffer_append(hidden, life->id, SYNTH_ID_SIZE);
    bool is_gone = life->left_day != INT32_MAX;
    for (int p = 0; p < life->world->product_count; p++) {
        double logit = synth_clamp(synth_answer_logit(life, p), SYNTH_LOGIT_MIN, SYNTH_LOGIT_MAX);
        bool has_nothing = is_gone || life->held[p] > 0;
        int ppm = has_nothing ? 0 : (int)(synth_logistic(logit) * 1e6 + 0.5);
        lx_buffer_printf(logits, ",%d", thousandths(logit));
        lx_buffer_printf(chances, ",%d", ppm);
        lx_buffer_printf(hidden, ",%d",
                         thousandths(life->world->profile->answer_taste * life->hidden[p]));
    }
    lx_buffer_append_byte(logits, '\n');
    lx_buffer_append_byte(chances, '\n');
    lx_buffer_append_byte(hidden, '\n');
}

void synth_put_truth(struct synth_life_state *life)
{
    struct synth_block *block = life->block;
    if (life->world->is_pilot) return;
    synth_find_hazards(life, life->world->end_day, life->world->month_count - 1);
    put_needs(life, &block->files[SYNTH_FILE_NEEDS]);
    put_offers(life);
    for (int file = SYNTH_FILE_NEEDS; file <= SYNTH_FILE_HIDDEN; file++) {
        enum lx_err code = lx_buffer_error(&block->files[file]);
        if (code != LX_OK) block->failure = code;
    }
}

/* What a deviation of each hidden taste adds to the logit of a yes. */
static void put_taste_weights(const struct synth_world *world, struct lx_buffer *buffer)
{
    const struct synth_profile *profile = world->profile;
    double scale = profile->answer_taste * profile->taste_scale;
    lx_buffer_append_text(buffer,
                          "\n; What hidden tastes add to the logit of a yes, in a deviation "
                          "of each: the product's own,\n; then");
    for (int i = 0; i < SYNTH_TASTE_COUNT; i++)
        lx_buffer_printf(buffer, "%s %s", i > 0 ? "," : "", synth_taste_text((enum synth_taste)i));
    lx_buffer_append_text(buffer, "; hidden.csv / 1000 is their sum for each customer.\n[taste]\n");
    lx_buffer_printf(buffer, "strength = %g\n",
                     world->options->taste > 0 ? world->options->taste : 1);
    for (int p = 0; p < world->product_count; p++) {
        const struct synth_product_profile *product = &profile->products[p];
        lx_buffer_printf(buffer, "%s = %.4f", product_code(world, p), scale * product->own_taste);
        for (int i = 0; i < SYNTH_TASTE_COUNT; i++)
            lx_buffer_printf(buffer, ", %.4f", scale * product->taste[i]);
        lx_buffer_append_byte(buffer, '\n');
    }
}

void synth_put_parameters(const struct synth_world *world, struct lx_buffer *buffer)
{
    const struct synth_profile *profile = world->profile;
    lx_buffer_printf(buffer,
                     "; How the customers of this bank answer an offer at the end of the window.\n"
                     ";\n"
                     "; chance of `interested` = 1 / (1 + e^-x), x between minimum and maximum of "
                     "[logit], with\n"
                     ";   x = offers.csv / 1000 + [channel] + fatigue * (offers of that product "
                     "since then, each\n"
                     ";       worth 0.6 of the month before; 3 at most)\n"
                     "; where acceptance.csv holds 0 there is nothing to accept: the answer is "
                     "`owns`, or none.\n"
                     "; Who says yes opens the product with the chance in [opens], after "
                     "`lag_days` on average.\n"
                     "\n[logit]\nminimum = %g\nmaximum = %g\nfatigue = %g\n",
                     SYNTH_LOGIT_MIN, SYNTH_LOGIT_MAX, profile->fatigue);
    lx_buffer_append_text(buffer, "\n[channel]\n");
    for (int i = 1; i < BANK_CHANNEL_END; i++)
        lx_buffer_printf(buffer, "%s = %g\n", bank_channel_text((enum bank_channel)i),
                         profile->channel[i]);
    lx_buffer_printf(buffer, "\n[opens]\nlag_days = %g\n", 1.2 * profile->lag_days);
    for (int p = 0; p < world->product_count; p++)
        lx_buffer_printf(buffer, "%s = %g\n", product_code(world, p), profile->products[p].convert);
    lx_buffer_append_text(buffer, "\n; Monthly log-hazard of an opening, and logit of a yes, where "
                                  "every effect is nought.\n[intercepts]\n");
    for (int p = 0; p < world->product_count; p++)
        lx_buffer_printf(buffer, "%s = %.3f, %.3f\n", product_code(world, p), world->tuning.open[p],
                         world->tuning.answer[p]);
    put_taste_weights(world, buffer);
}
