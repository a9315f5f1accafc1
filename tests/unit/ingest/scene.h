#ifndef TESTS_INGEST_SCENE_H
#define TESTS_INGEST_SCENE_H

/*
 * scene: an empty bank and a folder of files to import into it, in a temporary folder.
 * The clock stands at 2026-03-01 12:00 in the bank's time.
 */

#include "scratch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bank/bank.h"
#include "base/date.h"
#include "host/file.h"
#include "ingest/import.h"

#define SCENE_NOW_MS INT64_C(1772337600000)
enum { SCENE_OFFSET = 480, SCENE_PATH = 512 };

struct scene {
    char folder[SCENE_PATH], bank[SCENE_PATH + 8], source[SCENE_PATH + 8];
    int thread_count;
    uint32_t max_rejects_ppm;
    size_t memory_bytes;
    struct lx_error err;
    char message[1024]; /* the last one */
};

static inline int64_t scene_now_ms(void *context)
{
    (void)context;
    return SCENE_NOW_MS;
}

static inline int64_t scene_elapsed_ns(void *context)
{
    (void)context;
    return 0;
}

static inline void scene_message(void *context, const char *text)
{
    struct scene *scene = context;
    snprintf(scene->message, sizeof scene->message, "%s", text);
}

static inline void scene_progress(void *context, const char *what, uint64_t done, uint64_t total)
{
    (void)context;
    (void)what;
    assert_true(total == 0 || done <= total);
}

static inline const char *scene_root(void)
{
    const char *root = getenv("LINGXI_ROOT");
    return root == NULL ? "." : root;
}

static inline void scene_create_bank(const char *folder)
{
    char path[1024];
    struct lx_buffer text;
    struct lx_error err = {0};
    snprintf(path, sizeof path, "%s/data/catalogue.ini", scene_root());
    lx_buffer_init(&text, LX_CONFIG_MAX);
    assert_int_equal(host_read_file(path, &text, &err), LX_OK);
    struct bank_file file = {"catalogue.ini", lx_buffer_text(&text), text.length};
    if (bank_create(folder, NULL, &file, 1, &err) != LX_OK) fail_msg("%s", err.text);
    lx_buffer_release(&text);
}

static inline void scene_open(struct scene *scene)
{
    char folder[LX_PATH_MAX];
    memset(scene, 0, sizeof *scene);
    scratch_make(folder);
    assert_true(strlen(folder) < sizeof scene->folder);
    memcpy(scene->folder, folder, strlen(folder) + 1);
    snprintf(scene->bank, sizeof scene->bank, "%s/bank", scene->folder);
    snprintf(scene->source, sizeof scene->source, "%s/in", scene->folder);
    assert_int_equal(host_make_folder(scene->source, NULL), LX_OK);
    scene_create_bank(scene->bank);
    scene->thread_count = 2;
    scene->max_rejects_ppm = 1000000;
}

static inline void scene_close(struct scene *scene)
{
    assert_int_equal(host_remove_tree(scene->folder, NULL), LX_OK);
}

static inline void scene_write(const struct scene *scene, const char *name, const void *bytes,
                               size_t length)
{
    char path[SCENE_PATH + 300];
    snprintf(path, sizeof path, "%s/%s", scene->source, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static inline void scene_text(const struct scene *scene, const char *name, const char *text)
{
    scene_write(scene, name, text, strlen(text));
}

static inline void scene_remove(const struct scene *scene, const char *name)
{
    char path[SCENE_PATH + 300];
    snprintf(path, sizeof path, "%s/%s", scene->source, name);
    assert_int_equal(host_remove(path, NULL), LX_OK);
}

static inline struct lx_env scene_env(struct scene *scene)
{
    return (struct lx_env){.context = scene,
                           .now_ms = scene_now_ms,
                           .elapsed_ns = scene_elapsed_ns,
                           .message = scene_message,
                           .progress = scene_progress,
                           .thread_count = scene->thread_count};
}

static inline enum lx_err scene_import_of(struct scene *scene, const char *source,
                                          const char *mapping_file, const char *mapping,
                                          struct import_result *result)
{
    struct lx_env env = scene_env(scene);
    struct import_options options = {.folder = scene->bank,
                                     .source = source,
                                     .mapping_file = mapping_file,
                                     .mapping = mapping,
                                     .mapping_length = strlen(mapping),
                                     .max_rejects_ppm = scene->max_rejects_ppm,
                                     .memory_bytes = scene->memory_bytes};
    memset(result, 0, sizeof *result);
    scene->err = (struct lx_error){0};
    return import_run(&options, &env, result, &scene->err);
}

static inline enum lx_err scene_import(struct scene *scene, const char *mapping,
                                       struct import_result *result)
{
    return scene_import_of(scene, scene->source, "test.ini", mapping, result);
}

/* An import that must succeed. */
static inline struct import_result scene_load(struct scene *scene, const char *mapping)
{
    struct import_result result;
    if (scene_import(scene, mapping, &result) != LX_OK) fail_msg("%s", scene->err.text);
    return result;
}

static inline struct bank *scene_bank(const struct scene *scene)
{
    struct bank *bank = NULL;
    struct lx_error err = {0};
    if (bank_open(scene->bank, STORE_READ, &bank, &err) != LX_OK) fail_msg("%s", err.text);
    return bank;
}

static inline int64_t scene_customers(const struct scene *scene)
{
    struct bank *bank = scene_bank(scene);
    int64_t count;
    assert_int_equal(bank_customer_count(bank, &count, NULL), LX_OK);
    bank_close(bank);
    return count;
}

static inline void scene_print_moment(struct lx_buffer *out, int64_t at_ms)
{
    char text[LX_TIME_TEXT_SIZE];
    if (at_ms == BANK_UNKNOWN_MS) {
        lx_buffer_append_text(out, "?");
        return;
    }
    lx_ms_format(at_ms, SCENE_OFFSET, text);
    bool is_midnight = strcmp(text + 11, "00:00:00") == 0;
    lx_buffer_append(out, text, is_midnight ? 10 : 19);
}

static inline void scene_print_amount(struct lx_buffer *out, const char *name, int64_t fen)
{
    if (fen != BANK_NO_AMOUNT) lx_buffer_printf(out, " %s=%" PRId64, name, fen);
}

static inline const char *scene_product(struct bank *bank, int product)
{
    return product < 0 ? "-" : bank_catalogue(bank)->products[product].code;
}

static inline void scene_print_event(struct lx_buffer *out, struct bank *bank,
                                     const struct bank_event *event)
{
    scene_print_moment(out, event->at_ms);
    lx_buffer_append_text(out, " known ");
    scene_print_moment(out, event->known_at_ms);
    lx_buffer_printf(out, " %s", bank_event_kind_text((enum bank_event_kind)event->kind));
    if (event->product >= 0) lx_buffer_printf(out, " %s", scene_product(bank, event->product));
    scene_print_amount(out, "amount", event->amount_fen);
    scene_print_amount(out, "balance", event->balance_fen);
    if (event->channel != 0)
        lx_buffer_printf(out, " %s", bank_channel_text((enum bank_channel)event->channel));
    if (event->merchant != 0)
        lx_buffer_printf(out, " %s", bank_merchant_text((enum bank_merchant)event->merchant));
    if (event->quantity != 0) lx_buffer_printf(out, " quantity=%d", event->quantity);
    if (event->is_correction) lx_buffer_append_text(out, " corrected");
    if (event->replaced_at_ms != 0) {
        lx_buffer_append_text(out, " until ");
        scene_print_moment(out, event->replaced_at_ms);
    }
    lx_buffer_append_text(out, "\n");
}

static inline const char *scene_list(struct bank *bank, enum bank_list list, int number)
{
    const char *text = NULL;
    assert_int_equal(bank_list_text(bank, list, number, &text, NULL), LX_OK);
    return text[0] == '\0' ? "-" : text;
}

static inline void scene_print_day(struct lx_buffer *out, int32_t day)
{
    char text[LX_DATE_TEXT_SIZE] = "-";
    if (day != INT32_MIN) lx_day_format(day, text);
    lx_buffer_printf(out, " %s", text);
}

static inline void scene_print_profile(struct lx_buffer *out, struct bank *bank,
                                       const struct bank_profile *profile)
{
    scene_print_moment(out, profile->at_ms);
    lx_buffer_append_text(out, " known ");
    scene_print_moment(out, profile->known_at_ms);
    lx_buffer_append_text(out, " profile");
    scene_print_day(out, profile->birth_day);
    scene_print_day(out, profile->joined_day);
    const char *gender = bank_gender_text((enum bank_gender)profile->gender);
    lx_buffer_printf(out, " %s %d %s %s %s %s", gender[0] == '\0' ? "-" : gender,
                     profile->has_phone, scene_list(bank, BANK_LIST_BRANCH, profile->branch),
                     scene_list(bank, BANK_LIST_OCCUPATION, profile->occupation),
                     scene_list(bank, BANK_LIST_EDUCATION, profile->education),
                     scene_list(bank, BANK_LIST_MARITAL, profile->marital));
    scene_print_amount(out, "income", profile->income_fen);
    lx_buffer_append_text(out, "\n");
}

static inline void scene_print_exposure(struct lx_buffer *out, struct bank *bank,
                                        const struct bank_exposure *exposure)
{
    scene_print_moment(out, exposure->at_ms);
    lx_buffer_append_text(out, " known ");
    scene_print_moment(out, exposure->known_at_ms);
    const char *answer = bank_answer_text((enum bank_answer)exposure->answer);
    lx_buffer_printf(out, " exposure %s %s %s", scene_product(bank, exposure->product),
                     scene_list(bank, BANK_LIST_CAMPAIGN, exposure->campaign),
                     answer[0] == '\0' ? "-" : answer);
    lx_buffer_append_text(out, " ");
    scene_print_moment(out, exposure->answer_known_at_ms);
    if (exposure->show_probability == exposure->show_probability)
        lx_buffer_printf(out, " p=%.6g", exposure->show_probability);
    if (exposure->channel != 0)
        lx_buffer_printf(out, " %s", bank_channel_text((enum bank_channel)exposure->channel));
    if (exposure->is_random) lx_buffer_append_text(out, " random");
    if (exposure->is_control) lx_buffer_append_text(out, " control");
    lx_buffer_append_text(out, "\n");
}

static inline void scene_print_history(struct lx_buffer *out, struct bank *bank,
                                       const struct bank_history *history)
{
    for (size_t i = 0; i < history->profile_count; i++)
        scene_print_profile(out, bank, &history->profiles[i]);
    for (size_t i = 0; i < history->event_count; i++)
        scene_print_event(out, bank, &history->events[i]);
    for (size_t i = 0; i < history->risk_count; i++) {
        scene_print_moment(out, history->risks[i].at_ms);
        lx_buffer_append_text(out, " known ");
        scene_print_moment(out, history->risks[i].known_at_ms);
        lx_buffer_printf(out, " C%d until ", history->risks[i].level);
        scene_print_moment(out, history->risks[i].expires_ms);
        lx_buffer_append_text(out, "\n");
    }
    for (size_t i = 0; i < history->exposure_count; i++)
        scene_print_exposure(out, bank, &history->exposures[i]);
    for (size_t i = 0; i < history->consent_count; i++) {
        scene_print_moment(out, history->consents[i].at_ms);
        const char *channel = bank_channel_text((enum bank_channel)history->consents[i].channel);
        lx_buffer_printf(out, " consent %s %d\n", channel[0] == '\0' ? "all" : channel,
                         history->consents[i].is_granted);
    }
}

/* All that the bank knows of a customer, a line for each fact. */
static inline void scene_history(const struct scene *scene, const char *id, struct lx_buffer *out)
{
    struct bank *bank = scene_bank(scene);
    struct lx_arena arena;
    struct bank_history history;
    struct lx_error err = {0};
    int64_t customer;
    lx_arena_init(&arena, (size_t)1 << 28);
    lx_buffer_clear(out);
    if (bank_customer_find(bank, id, &customer, &err) != LX_OK ||
        bank_history_read(bank, customer, &arena, &history, &err) != LX_OK)
        lx_buffer_printf(out, "%s\n", err.text);
    else
        scene_print_history(out, bank, &history);
    lx_arena_release(&arena);
    bank_close(bank);
}

static inline void scene_assert_history(const struct scene *scene, const char *id,
                                        const char *expected)
{
    struct lx_buffer out;
    lx_buffer_init(&out, 1 << 24);
    scene_history(scene, id, &out);
    assert_int_equal(lx_buffer_error(&out), LX_OK);
    assert_string_equal(lx_buffer_text(&out), expected);
    lx_buffer_release(&out);
}

/* The reject file without its header, its place taken from the result. */
static inline void scene_assert_rejects(const struct import_result *result, const char *expected)
{
    struct lx_buffer text;
    static const char header[] = "file,line,column,reason\n";
    lx_buffer_init(&text, 1 << 26);
    assert_string_not_equal(result->rejects, "");
    assert_int_equal(host_read_file(result->rejects, &text, NULL), LX_OK);
    assert_memory_equal(lx_buffer_text(&text), header, strlen(header));
    assert_string_equal(lx_buffer_text(&text) + strlen(header), expected);
    lx_buffer_release(&text);
}

#endif
