/*
 * Goal:   what is measured of a label is what happened at month ends that the model has not seen;
 *         it is the same for any number of threads, is kept, and is not taken for another label's.
 * Method: a living bank in which who looked at a page opens the product soon. Every count of some
 *         labels again, customer by customer, from the condition asked by itself and the openings
 *         looked for by hand; the stretches of confidence against the labels' own pairs.
 */
#include <math.h>

#include "model/label_measure.h"
#include "model/train.h"
#include "tests/living_bank.h"
#include "view/ask.h"
#include "view/label_coverage.h"

static struct living_bank bank = {.chance_after_view = 0.3};
static struct label_measures trained;

static void read_measures(const char *labels_text, struct label_measures *measures,
                          enum lx_err expected)
{
    struct lx_error err;
    struct bank *opened = NULL;
    struct view_features *features = NULL;
    struct view_labels *labels = NULL;
    char model[REGISTRY_ID_SIZE];
    MUST(bank_open(bank.folder, STORE_READ, &opened, &err));
    MUST(view_features_open(opened, &features, &err));
    if (labels_text == NULL)
        MUST(view_labels_open(bank.folder, features, bank_catalogue(opened), &labels, &err));
    else
        MUST(view_labels_parse("l.ini", labels_text, strlen(labels_text), features,
                               bank_catalogue(opened), &labels, &err));
    MUST(registry_current(bank.folder, model, &err));
    MUST_FAIL(label_measures_read(bank.folder, model, labels, measures, &err), expected);
    view_labels_close(labels);
    view_features_close(features);
    bank_close(opened);
}

static int prepare(void **state)
{
    const struct train_options options = {.as_of_ms = BANK_UNKNOWN_MS, .seed = 1, .rows_max = 6000};
    struct lx_error err;
    struct living_clock clock = living_clock_of(1);
    struct lx_env env = living_env(&clock, 1);
    struct train_result result;
    living_open(&bank, 600, 11);
    MUST(train(bank.folder, &options, &env, &result, &err));
    read_measures(NULL, &trained, LX_OK);
    return 0;
}

static int finish(void **state)
{
    living_remove(&bank);
    return 0;
}

static void assert_same(const struct label_measures *a, const struct label_measures *b)
{
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->from_day, b->from_day);
    assert_int_equal(a->to_day, b->to_day);
    for (size_t i = 0; i < a->count; i++) {
        const struct label_measure *x = &a->labels[i], *y = &b->labels[i];
        assert_int_equal(x->is_known, y->is_known);
        assert_int_equal(x->cases, y->cases);
        assert_int_equal(x->have, y->have);
        assert_int_equal(x->have_openings, y->have_openings);
        assert_int_equal(x->openings, y->openings);
        assert_true(!x->has_lift || isnan(x->lift.lift) ||
                    (x->lift.lift == y->lift.lift && x->lift.high == y->lift.high));
        assert_int_equal(x->bin_count, y->bin_count);
        for (size_t k = 0; k < x->bin_count; k++)
            assert_true(x->bins[k].rate == y->bins[k].rate && x->bins[k].from == y->bins[k].from);
    }
}

static void test_measuring_again_with_more_threads_gives_the_same(void **state)
{
    for (int threads = 1; threads <= 3; threads += 2) {
        struct lx_error err;
        struct living_clock clock = living_clock_of(1);
        struct lx_env env = living_env(&clock, threads);
        static struct label_measures again;
        MUST(label_measure_model(bank.folder, NULL, &env, &again, &err));
        assert_same(&again, &trained);
        read_measures(NULL, &again, LX_OK);
        assert_same(&again, &trained);
    }
}

/* One label over everybody, by hand. */
struct naive {
    const struct view_features *features;
    const struct view_context *context;
    const struct expr *condition;
    int64_t as_of_ms, complete_until_ms;
    const struct view_subject *lift_of;
    uint64_t cases, have, openings, have_openings;
    bool holds;
};

static enum lx_err take_holds(void *context, int product, const struct expr_value *value,
                              struct lx_error *err)
{
    ((struct naive *)context)->holds = !value->is_null && value->as.integer != 0;
    return LX_OK;
}

static enum lx_err visit(void *context, const struct bank_history *history, struct lx_error *err)
{
    struct naive *naive = context;
    const struct view_as_of moment = {naive->context, naive->as_of_ms};
    const struct view_answer answer = {naive, take_holds};
    bool is_opened = false;
    if (!rows_is_known(history, naive->as_of_ms)) return LX_OK;
    for (size_t i = 0; i < history->event_count; i++) {
        const struct bank_event *event = &history->events[i];
        is_opened |= event->kind == BANK_EVENT_KIND_OPEN && event->product != BANK_NO_PRODUCT &&
                     event->at_ms > naive->as_of_ms &&
                     event->at_ms <= naive->as_of_ms + 30 * LX_MS_PER_DAY &&
                     bank_event_is_known(event, naive->complete_until_ms) &&
                     view_subject_has(naive->lift_of, naive->context->catalogue, event->product);
    }
    enum lx_err code =
        view_ask(naive->features, naive->condition, VIEW_CUSTOMER, history, &moment, &answer, err);
    if (code != LX_OK) return code;
    naive->cases++;
    naive->have += naive->holds;
    naive->openings += is_opened;
    naive->have_openings += naive->holds && is_opened;
    return LX_OK;
}

static void check_label(struct bank *opened, const struct view_features *features,
                        const struct view_label *label, const struct label_measure *measure)
{
    struct lx_error err;
    struct expr_fault fault;
    struct expr *condition = NULL;
    struct rows_moments moments;
    struct model *model = NULL;
    struct view_context context = {.catalogue = bank_catalogue(opened),
                                   .utc_offset_minutes = bank_utc_offset_minutes(opened)};
    struct naive naive = {.features = features, .context = &context, .lift_of = &label->lift_of};
    MUST(model_open(bank.folder, NULL, features, &model, &err));
    MUST(rows_moments_after(bank.folder, model_card_unseen_from_ms(model_card(model)), 2, &moments,
                            &err));
    MUST(expr_compile_as(view_schema_scope(view_features_schema(features), VIEW_CUSTOMER),
                         EXPR_BOOLEAN, label->condition, strlen(label->condition), &condition,
                         &fault, &err));
    naive.condition = condition;
    naive.complete_until_ms = moments.complete_until_ms;
    for (size_t i = 0; i < moments.count; i++) {
        naive.as_of_ms = moments.as_of_ms[i];
        MUST(bank_scan(opened, 0, bank.customers, visit, &naive, &err));
    }
    if (naive.cases != measure->cases || naive.have != measure->have ||
        naive.openings != measure->openings || naive.have_openings != measure->have_openings)
        fail_msg("%s: %lu %lu %lu %lu, expected %lu %lu %lu %lu", label->name, measure->cases,
                 measure->have, measure->openings, measure->have_openings, naive.cases, naive.have,
                 naive.openings, naive.have_openings);
    expr_free(condition);
    model_close(model);
}

static void test_counts_are_those_of_a_pass_by_hand(void **state)
{
    static const char *const names[] = {"viewed_not_held", "dormant",        "large_inflow",
                                        "age_band",        "risk_level",     "salary_arrived",
                                        "deposit_matures", "receives_salary"};
    struct lx_error err;
    struct bank *opened = NULL;
    struct view_features *features = NULL;
    struct view_labels *labels = NULL;
    MUST(bank_open(bank.folder, STORE_READ, &opened, &err));
    MUST(view_features_open(opened, &features, &err));
    MUST(view_labels_open(bank.folder, features, bank_catalogue(opened), &labels, &err));
    for (size_t i = 0; i < LX_COUNT_OF(names); i++) {
        size_t place = view_labels_find(labels, names[i]);
        check_label(opened, features, view_labels_at(labels, place), &trained.labels[place]);
    }
    const struct label_measure *viewed =
        &trained.labels[view_labels_find(labels, "viewed_not_held")];
    assert_true(viewed->has_lift && viewed->lift.low > 1); /* that is how this bank lives */
    view_labels_close(labels);
    view_features_close(features);
    bank_close(opened);
}

static void test_confidence_rises_with_the_probability(void **state)
{
    size_t with_bins = 0;
    for (size_t i = 0; i < trained.count; i++) {
        const struct label_measure *measure = &trained.labels[i];
        if (measure->bin_count == 0) {
            assert_null(label_measure_bin(measure, 0));
            continue;
        }
        const struct label_bin *best = label_measure_bin(measure, 20);
        const struct label_bin *least = label_measure_bin(measure, -20);
        assert_ptr_equal(best, &measure->bins[0]);
        assert_ptr_equal(least, &measure->bins[measure->bin_count - 1]);
        assert_true(best == least || best->rate > least->rate);
        with_bins++;
    }
    assert_true(with_bins >= 5);
}

static void test_what_was_measured_of_another_definition_is_passed_over(void **state)
{
    static struct label_measures measures;
    read_measures("[dormant]\nlayer = value\nzh = 甲\nen = a\nowner = somebody else\ntype = days\n"
                  "expression = days_since_act\nthreshold = >= 90\n",
                  &measures, LX_OK);
    assert_true(measures.labels[0].is_known); /* titles and owner change nothing */
    read_measures("[dormant]\nlayer = value\nzh = 甲\nen = a\ntype = days\n"
                  "expression = days_since_act\nthreshold = >= 91\n",
                  &measures, LX_OK);
    assert_false(measures.labels[0].is_known);
    read_measures("[dormant]\nlayer = value\nzh = 甲\nen = a\ntype = days\nlift_of = wealth\n"
                  "expression = days_since_act\nthreshold = >= 90\n",
                  &measures, LX_OK);
    assert_false(measures.labels[0].is_known);
}

static void test_a_file_that_is_none_is_refused(void **state)
{
    static const char *const files[] = {"", "{", "[]",
                                        "{\"from_day\": 1, \"to_day\": 2, \"labels\": [{}]}",
                                        "{\"from_day\": \"x\", \"to_day\": 2, \"labels\": []}"};
    static struct label_measures measures;
    char model[REGISTRY_ID_SIZE], name[64], path[LX_PATH_MAX];
    struct lx_error err;
    struct lx_buffer kept;
    MUST(registry_current(bank.folder, model, &err));
    snprintf(name, sizeof name, VIEW_LABELS_FOLDER "/%s.json", model);
    MUST(host_join(path, bank.folder, name, &err));
    lx_buffer_init(&kept, 1 << 22);
    MUST(host_read_file(path, &kept, &err));
    for (size_t i = 0; i < LX_COUNT_OF(files); i++) {
        MUST(host_write_atomic(path, files[i], strlen(files[i]), &err));
        read_measures(NULL, &measures, LX_ERR_CORRUPT);
    }
    MUST(host_remove(path, &err));
    read_measures(NULL, &measures, LX_OK);
    for (size_t i = 0; i < measures.count; i++) assert_false(measures.labels[i].is_known);
    MUST(host_write_atomic(path, kept.bytes, kept.length, &err));
    lx_buffer_release(&kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_measuring_again_with_more_threads_gives_the_same),
        cmocka_unit_test(test_counts_are_those_of_a_pass_by_hand),
        cmocka_unit_test(test_confidence_rises_with_the_probability),
        cmocka_unit_test(test_what_was_measured_of_another_definition_is_passed_over),
        cmocka_unit_test(test_a_file_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, prepare, finish);
}
