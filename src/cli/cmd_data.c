/* The commands that bring data in: init, synth, import, refresh. */
#include "cli/cli.h"

#include <inttypes.h>
#include <string.h>

#include "bank/bank.h"
#include "base/date.h"
#include "cli/shipped.h"
#include "host/lock.h"
#include "ingest/import.h"
#include "ingest/synth.h"
#include "journal/journal.h"
#include "view/snapshot.h"

enum { SHIPPED_MAX = 32 };

enum lx_err cli_init(struct cli_call *call, struct lx_error *err)
{
    struct bank_file files[SHIPPED_MAX];
    struct shipped_file file;
    size_t count = 0;
    for (size_t i = 0; shipped_at(i, &file); i++) {
        /* Mappings and profile stay in the program; the rest becomes the bank's. */
        if (strchr(file.name, '/') != NULL && strncmp(file.name, "rules/", 6) != 0) continue;
        LX_ASSERT(count < SHIPPED_MAX);
        files[count++] = (struct bank_file){file.name, file.bytes, file.length};
    }
    enum lx_err code = bank_create(call->folder, cli_value(call, "--store"), files, count, err);
    if (code != LX_OK) return code;

    const char *store = cli_value(call, "--store");
    if (call->is_json) {
        json_name_text(&call->json, "dir", call->folder);
        json_name_text(&call->json, "store", store == NULL ? "sqlite:bank.db" : store);
    }
    cli_line(call, cli_text(call, "已在 %s 建好数据目录", "made the data directory %s"),
             call->folder);
    return LX_OK;
}

static enum lx_err synth_options_of(struct cli_call *call, struct synth_options *options,
                                    struct lx_error *err)
{
    int64_t customers, months, seed, dirt_ppm;
    if (cli_value(call, "--customers") == NULL)
        return lx_fail(err, LX_ERR_USAGE, "--customers N says how many; try --customers 10000");
    enum lx_err code =
        cli_int(call, "--customers", 1, (int64_t)SYNTH_CUSTOMERS_MAX, 0, &customers, err);
    if (code == LX_OK) code = cli_int(call, "--months", 1, SYNTH_MONTHS_MAX, 24, &months, err);
    if (code == LX_OK) code = cli_int(call, "--seed", 0, INT64_MAX, 1, &seed, err);
    if (code == LX_OK)
        code = cli_int(call, "--dirt-ppm", 0, SYNTH_DIRT_PPM_MAX, 2000, &dirt_ppm, err);
    if (code == LX_OK)
        code = cli_real(call, "--taste", SYNTH_TASTE_MIN, SYNTH_TASTE_MAX, 1, &options->taste, err);
    if (code != LX_OK) return code;

    options->folder = call->arguments[0];
    options->customers = (uint64_t)customers;
    options->months = (int)months;
    options->seed = (uint64_t)seed;
    options->dirt_ppm = (uint32_t)dirt_ppm;
    return LX_OK;
}

static void synth_print(struct cli_call *call, const struct synth_result *result)
{
    cli_count(call, "customers", "客户", "customers", (int64_t)result->customers);
    cli_count(call, "events", "事件", "events", (int64_t)result->events);
    cli_count(call, "holders", "持有储蓄以外产品的客户", "customers with more than savings",
              (int64_t)result->holders);
    cli_count(call, "shown", "历史营销触达", "offers of past campaigns", (int64_t)result->shown);
    cli_count(call, "yes", "其中感兴趣", "of them interested", (int64_t)result->yes);
    cli_count(call, "rows", "写出行数", "rows written", (int64_t)result->rows);
    cli_count(call, "dirty", "其中脏数据", "of them spoilt on purpose", (int64_t)result->dirty);
    cli_count(call, "bytes", "字节", "bytes", (int64_t)result->bytes);
    cli_figure(call, "seconds", cli_seconds(call));
}

enum lx_err cli_synth(struct cli_call *call, struct lx_error *err)
{
    struct synth_options options = {0};
    struct synth_result result;
    struct bank_catalogue catalogue = {0};
    struct shipped_file file;
    struct lx_buffer profile;
    char profile_file[SHIPPED_NAME_SIZE];
    lx_buffer_init(&profile, LX_CONFIG_MAX);

    enum lx_err code = synth_options_of(call, &options, err);
    if (code != LX_OK) goto out;
    const char *named = cli_value(call, "--profile");
    code = shipped_or_file("synth", named == NULL ? "profile" : named, &profile, profile_file, err);
    if (code != LX_OK) goto out;
    bool is_found = shipped_find("catalogue.ini", &file);
    LX_ASSERT(is_found);
    code = bank_catalogue_parse(file.name, file.bytes, file.length, &catalogue, err);
    if (code != LX_OK) goto out;

    options.catalogue = &catalogue;
    options.profile_file = profile_file;
    options.profile = lx_buffer_text(&profile);
    options.profile_length = profile.length;
    code = synth_write(&options, &call->env, &result, err);
    if (code == LX_OK) synth_print(call, &result);
out:
    bank_catalogue_release(&catalogue);
    lx_buffer_release(&profile);
    return code;
}

static void import_print(struct cli_call *call, const struct import_result *result)
{
    if (result->is_duplicate)
        cli_line(call, "%s",
                 cli_text(call, "这些文件都导入过了，没有变化",
                          "these files have all been loaded before; nothing changed"));
    cli_count(call, "batch", "批次", "batch", result->batch);
    cli_count(call, "files_new", "新文件", "new files", (int64_t)result->files_new);
    cli_count(call, "files_seen", "见过的文件", "files seen before", (int64_t)result->files_seen);
    cli_count(call, "rows_read", "读入行", "rows read", (int64_t)result->rows_read);
    cli_count(call, "rows_loaded", "装入行", "rows loaded", (int64_t)result->rows_loaded);
    cli_count(call, "rows_rejected", "拒绝行", "rows rejected", (int64_t)result->rows_rejected);
    cli_count(call, "duplicates", "重复行", "duplicate rows", (int64_t)result->duplicates);
    if (call->is_json) json_name_bool(&call->json, "duplicate_batch", result->is_duplicate);
    if (result->rejects[0] != '\0') {
        if (call->is_json) json_name_text(&call->json, "rejects", result->rejects);
        cli_line(call, "  %s %s", cli_text(call, "拒绝原因见", "rejected rows and reasons:"),
                 result->rejects);
    }
    cli_figure(call, "seconds", cli_seconds(call));
}

enum lx_err cli_import(struct cli_call *call, struct lx_error *err)
{
    struct lx_buffer mapping;
    char mapping_file[SHIPPED_NAME_SIZE];
    struct host_lock lock = {-1};
    struct import_result result;
    int64_t max_rejects_ppm;
    lx_buffer_init(&mapping, LX_CONFIG_MAX);

    const char *map = cli_value(call, "--map");
    enum lx_err code = LX_OK;
    if (map == NULL)
        code = lx_fail(err, LX_ERR_USAGE, "--map NAME-or-FILE says what the files mean");
    if (code == LX_OK)
        code = cli_int(call, "--max-rejects-ppm", 0, 1000000, 10000, &max_rejects_ppm, err);
    if (code == LX_OK) code = shipped_or_file("mappings", map, &mapping, mapping_file, err);
    if (code == LX_OK) code = host_lock_take(call->folder, true, &lock, err);
    if (code != LX_OK) goto out;

    struct import_options options = {
        .folder = call->folder,
        .source = call->arguments[0],
        .mapping_file = mapping_file,
        .mapping = lx_buffer_text(&mapping),
        .mapping_length = mapping.length,
        .max_rejects_ppm = (uint32_t)max_rejects_ppm,
    };
    code = import_run(&options, &call->env, &result, err);
    if (code == LX_OK) import_print(call, &result);
out:
    host_lock_release(&lock);
    lx_buffer_release(&mapping);
    return code;
}

/* The bank's time zone, and the journal's next position: what a snapshot must know. Opened for
 * writing, so that a bank of an older version is brought up to date. */
static enum lx_err refresh_inputs(struct cli_call *call, int *ret_offset, uint64_t *ret_position,
                                  struct lx_error *err)
{
    struct bank *bank = NULL;
    struct journal *journal = NULL;
    enum lx_err code = bank_open(call->folder, STORE_WRITE, &bank, err);
    if (code == LX_OK) code = journal_open(call->folder, JOURNAL_READ, &journal, err);
    if (code == LX_OK) {
        *ret_offset = bank_utc_offset_minutes(bank);
        *ret_position = journal_next_position(journal);
    }
    journal_close(journal);
    bank_close(bank);
    return code;
}

enum lx_err cli_refresh(struct cli_call *call, struct lx_error *err)
{
    struct host_lock lock = {-1};
    struct view_refresh_result result;
    int utc_offset_minutes = 0;
    uint64_t position = 0;
    int64_t as_of_ms;
    size_t audiences = 0, labels = 0;
    enum lx_err code = host_lock_take(call->folder, true, &lock, err);
    if (code == LX_OK) code = refresh_inputs(call, &utc_offset_minutes, &position, err);
    if (code == LX_OK) code = cli_as_of(call, "--as-of", utc_offset_minutes, &as_of_ms, err);
    if (code == LX_OK)
        code = view_refresh(call->folder, as_of_ms, position, &call->env, &result, err);
    if (code == LX_OK) code = cli_audiences_count(call, &audiences, err);
    if (code == LX_OK) code = cli_labels_count(call, &labels, err);
    host_lock_release(&lock);
    if (code != LX_OK) return code;

    char day[LX_DATE_TEXT_SIZE];
    lx_day_format(lx_day_of_ms(result.as_of_ms, utc_offset_minutes), day);
    if (call->is_json) json_name_text(&call->json, "as_of", day);
    cli_pair(call, cli_text(call, "截至", "as of"), "%s", day);
    cli_count(call, "customers", "客户", "customers", (int64_t)result.customers);
    cli_count(call, "features", "特征", "features", (int64_t)result.features);
    cli_count(call, "size_bytes", "快照字节", "snapshot bytes", (int64_t)result.size_bytes);
    cli_count(call, "audiences", "客群", "audiences counted", (int64_t)audiences);
    cli_count(call, "labels", "标签", "labels counted", (int64_t)labels);
    cli_figure(call, "seconds", cli_seconds(call));
    return LX_OK;
}
