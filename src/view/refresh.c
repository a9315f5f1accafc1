#include "view/snapshot.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "codec/json.h"
#include "host/file.h"
#include "view/fields.h"
#include "view/pair.h"
#include "view/peers_table.h"
#include "view/scan.h"
#include "view/snapshot_layout.h"
#include "view/spool.h"

struct refresh {
    const char *folder;
    const struct lx_env *env;
    int64_t as_of_ms, customers;
    uint64_t journal_position;
    int utc_offset_minutes;
    char date[LX_DATE_TEXT_SIZE];
    uint8_t catalogue_hash[DIGEST_SIZE];
    struct view_peers *peers[LX_THREADS_MAX]; /* by worker; all of them in the first at the end */
    struct spool *spool;
    struct fields *fields;
    char snapshots[LX_PATH_MAX];        /* the folder */
    char name[SNAPSHOT_NAME_MAX + 1];   /* of the new one, in that folder */
    char before[SNAPSHOT_NAME_MAX + 1]; /* what `current` named, or "" */
    char path[LX_PATH_MAX];
};

/* Everything known belongs to it: the end of the bank day of the newest `known_at`. Training's
 * month ends lie alike: the facts of the last day itself are known a day later. */
static enum lx_err choose_moment(struct refresh *refresh, struct bank *bank, struct lx_error *err)
{
    int64_t newest_ms = 0;
    refresh->utc_offset_minutes = bank_utc_offset_minutes(bank);
    if (refresh->as_of_ms == BANK_UNKNOWN_MS) {
        enum lx_err code = bank_newest_known_ms(bank, &newest_ms, err);
        if (code != LX_OK) return code;
        int32_t day = lx_day_of_ms(newest_ms, refresh->utc_offset_minutes);
        refresh->as_of_ms = lx_ms_of_day(day + 1, refresh->utc_offset_minutes) - 1;
    }
    lx_day_format(lx_day_of_ms(refresh->as_of_ms, refresh->utc_offset_minutes), refresh->date);
    return LX_OK;
}

static enum lx_err open_peers(struct refresh *refresh, struct bank *bank, struct lx_error *err)
{
    size_t branches = 0, occupations = 0;
    enum lx_err code = view_peers_groups(bank, &branches, &occupations, err);
    for (int i = 0; i < refresh->env->thread_count && code == LX_OK; i++)
        code = view_peers_new(refresh->as_of_ms, bank_catalogue(bank)->count, branches, occupations,
                              &refresh->peers[i], err);
    return code;
}

static enum lx_err look_at_bank(struct refresh *refresh, struct lx_error *err)
{
    struct bank *bank = NULL;
    enum lx_err code = bank_open(refresh->folder, STORE_READ, &bank, err);
    if (code == LX_OK) code = bank_customer_count(bank, &refresh->customers, err);
    if (code == LX_OK && refresh->customers == 0)
        code = lx_fail(err, LX_ERR_NOT_READY,
                       "%s: the bank has no customers; load them with `lingxi import`",
                       refresh->folder);
    if (code == LX_OK && refresh->customers > INT32_MAX)
        code = lx_fail(err, LX_ERR_LIMIT, "%s: %" PRId64 " customers, a snapshot holds %d at most",
                       refresh->folder, refresh->customers, INT32_MAX);
    if (code == LX_OK) code = choose_moment(refresh, bank, err);
    if (code == LX_OK)
        snapshot_catalogue_hash(bank_catalogue(bank), refresh->as_of_ms, refresh->catalogue_hash);
    if (code == LX_OK) code = open_peers(refresh, bank, err);
    if (code == LX_OK) code = fields_open(bank, refresh->customers, &refresh->fields, err);
    bank_close(bank);
    return code;
}

static bool has_suffix(const char *name, const char *suffix)
{
    size_t length = strlen(name), suffix_length = strlen(suffix);
    return length >= suffix_length && strcmp(name + length - suffix_length, suffix) == 0;
}

/* The n of "2026-03-31-n.frame", 0 for other names. */
static unsigned long number_of(const char *name)
{
    const char *dash = strrchr(name, '-');
    if (dash == NULL || !has_suffix(name, SNAPSHOT_SUFFIX)) return 0;
    return strtoul(dash + 1, NULL, 10);
}

static bool is_ours(const struct refresh *refresh, const char *name)
{
    return strcmp(name, SNAPSHOT_CURRENT) == 0 || strcmp(name, refresh->name) == 0 ||
           strcmp(name, refresh->before) == 0;
}

/* Removes what neither the new nor the present `current` names: older snapshots, and what a killed
 * refresh has left. */
static enum lx_err sweep(const struct refresh *refresh, const struct host_names *names,
                         struct lx_error *err)
{
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < names->count && code == LX_OK; i++) {
        char path[LX_PATH_MAX];
        if (is_ours(refresh, names->names[i])) continue;
        code = host_join(path, refresh->snapshots, names->names[i], err);
        if (code == LX_OK) code = host_remove(path, err);
    }
    return code;
}

static enum lx_err choose_name(struct refresh *refresh, struct lx_error *err)
{
    struct host_names names = {0};
    unsigned long number = 0;
    enum lx_err code = host_join(refresh->snapshots, refresh->folder, SNAPSHOT_FOLDER, err);
    if (code == LX_OK) code = host_make_folder(refresh->snapshots, err);
    if (code == LX_OK) code = host_list(refresh->snapshots, &names, err);
    if (code == LX_OK) code = snapshot_current(refresh->folder, refresh->before, err);
    if (code == LX_ERR_NOT_READY) code = LX_OK; /* the first one */
    for (size_t i = 0; i < names.count; i++)
        if (number_of(names.names[i]) > number) number = number_of(names.names[i]);
    if (code == LX_OK) {
        snprintf(refresh->name, sizeof refresh->name, "%s-%lu" SNAPSHOT_SUFFIX, refresh->date,
                 number + 1);
        code = host_join(refresh->path, refresh->snapshots, refresh->name, err);
    }
    if (code == LX_OK) code = sweep(refresh, &names, err);
    host_names_release(&names);
    return code;
}

struct range_visit {
    struct view_context context;
    int64_t as_of_ms;
    struct spool_rows *rows;
    struct view_peers *peers; /* counts this range, too */
    struct fields *fields;
};

/* One pass does for everything: the features that tell of peers follow when all are counted. */

static enum lx_err visit_customer(void *context, const struct bank_history *history,
                                  struct lx_error *err)
{
    struct range_visit *visit = context;
    struct view_facts facts;
    struct view_peer peer;
    struct spool_rows *rows = visit->rows;
    view_customer_features(history, &visit->context, visit->as_of_ms, rows->customer_values);
    view_facts(history, &visit->context, visit->as_of_ms, &facts);
    view_pair_history(history, &visit->context, visit->as_of_ms, rows->pair_values);
    view_peer_of(history, &visit->context, visit->as_of_ms, &peer);
    view_peers_add(visit->peers, &peer);
    enum lx_err code =
        fields_add(visit->fields, history, &visit->context, &facts, visit->as_of_ms, err);
    if (code != LX_OK) return code;
    return spool_add(rows, history->id, &facts, visit->context.catalogue->count, err);
}

static enum lx_err compute_range(void *context, int worker, struct bank *bank, size_t range,
                                 int64_t first, int64_t last, struct lx_error *err)
{
    struct refresh *refresh = context;
    struct range_visit visit = {
        .context = {bank_catalogue(bank), NULL, bank_utc_offset_minutes(bank)},
        .as_of_ms = refresh->as_of_ms,
        .rows = spool_begin(refresh->spool, worker, first),
        .peers = refresh->peers[worker],
        .fields = refresh->fields,
    };
    enum lx_err code = bank_scan(bank, first, last, visit_customer, &visit, err);
    return code == LX_OK ? spool_end(refresh->spool, worker, range, err) : code;
}

static enum lx_err compute(struct refresh *refresh, struct lx_error *err)
{
    struct view_scan scan = {refresh->folder, "features", refresh->customers, refresh,
                             compute_range};
    enum lx_err code = spool_open(refresh->path, refresh->env->thread_count, refresh->customers,
                                  &refresh->spool, err);
    if (code == LX_OK) code = view_scan_run(&scan, refresh->env, err);
    if (code != LX_OK) return code;
    for (int i = 1; i < refresh->env->thread_count; i++)
        view_peers_merge(refresh->peers[0], refresh->peers[i]);
    view_peers_finish(refresh->peers[0]);
    return LX_OK;
}

static void write_meta(const struct refresh *refresh, struct lx_buffer *buffer)
{
    uint8_t hash[DIGEST_SIZE];
    char text[DIGEST_TEXT_SIZE];
    struct json_writer json;
    json_init(&json, buffer);
    json_object_begin(&json);
    json_name_int(&json, "as_of_ms", refresh->as_of_ms);
    json_name_text(&json, "as_of", refresh->date);
    json_name_int(&json, "utc_offset_minutes", refresh->utc_offset_minutes);
    json_name_int(&json, "journal_position", (int64_t)refresh->journal_position);
    view_feature_set_hash(hash);
    digest_text(hash, text);
    json_name_text(&json, "feature_set", text);
    json_name_text(&json, "facts", snapshot_fact_names);
    json_name_text(&json, "fields", view_schema_own_names());
    digest_text(refresh->catalogue_hash, text);
    json_name_text(&json, "catalogue", text);
    json_object_end(&json);
}

static enum lx_err write_peers(const struct refresh *refresh, struct frame_writer *writer,
                               struct lx_error *err)
{
    struct lx_buffer bytes;
    lx_buffer_init(&bytes, LX_FILE_MAX);
    view_peers_write(refresh->peers[0], &bytes);
    enum lx_err code = lx_buffer_error(&bytes);
    if (code == LX_OK)
        code = frame_write_blob(writer, "peers", bytes.bytes, bytes.length, err);
    else
        code = lx_fail(err, code, "%s: peers: %s", refresh->path, lx_err_text(code));
    lx_buffer_release(&bytes);
    return code;
}

static enum lx_err write_frame(struct refresh *refresh, struct lx_error *err)
{
    struct frame_writer *writer = NULL;
    struct lx_buffer meta;
    lx_buffer_init(&meta, FRAME_META_MAX);
    write_meta(refresh, &meta);
    enum lx_err code = lx_buffer_error(&meta);
    if (code != LX_OK) code = lx_fail(err, code, "%s: meta: out of memory", refresh->path);
    if (code == LX_OK)
        code = frame_writer_open(refresh->path, (uint64_t)refresh->customers, &writer, err);
    if (code == LX_OK)
        code = spool_write(refresh->spool, refresh->peers[0], writer, refresh->env, err);
    if (code == LX_OK) code = fields_write(refresh->fields, writer, err);
    if (code == LX_OK) code = write_peers(refresh, writer, err);
    if (code == LX_OK) code = frame_writer_commit(writer, meta.bytes, meta.length, err);
    frame_writer_close(writer);
    lx_buffer_release(&meta);
    return code;
}

static enum lx_err verify_frame(const struct refresh *refresh, uint64_t *ret_size_bytes,
                                struct lx_error *err)
{
    struct frame *frame = NULL;
    enum lx_err code = frame_open(refresh->path, &frame, err);
    if (code == LX_OK) code = frame_verify(frame, err);
    if (code == LX_OK) *ret_size_bytes = frame_size_bytes(frame);
    frame_close(frame);
    return code;
}

/* From here on readers see the new one. What it replaced stays for those who have it open by name
 * only; older ones go. */
static enum lx_err publish(const struct refresh *refresh, struct lx_error *err)
{
    char path[LX_PATH_MAX], line[SNAPSHOT_NAME_MAX + 2];
    int length = snprintf(line, sizeof line, "%s\n", refresh->name);
    LX_ASSERT(length > 0 && (size_t)length < sizeof line);
    enum lx_err code = host_join(path, refresh->snapshots, SNAPSHOT_CURRENT, err);
    if (code == LX_OK) code = host_write_atomic(path, line, (size_t)length, err);
    return code;
}

/* The failure that led here is the one to tell. Where only the folder could not be synced `current`
 * names the new file already; then it must stay. */
static void discard(const struct refresh *refresh)
{
    struct lx_error ignored;
    char current[SNAPSHOT_NAME_MAX + 1];
    enum lx_err code = snapshot_current(refresh->folder, current, &ignored);
    if (code == LX_OK && strcmp(current, refresh->name) == 0) return;
    code = host_remove(refresh->path, &ignored);
    (void)code;
}

enum lx_err view_refresh(const char *folder, int64_t as_of_ms, uint64_t journal_position,
                         const struct lx_env *env, struct view_refresh_result *ret_result,
                         struct lx_error *err)
{
    LX_ASSERT(folder != NULL && env != NULL && ret_result != NULL);
    LX_ASSERT(env->thread_count >= 1 && env->thread_count <= LX_THREADS_MAX);

    struct refresh *refresh = lx_calloc(1, sizeof *refresh);
    uint64_t size_bytes = 0;
    if (refresh == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "refresh: out of memory");
    refresh->folder = folder;
    refresh->env = env;
    refresh->as_of_ms = as_of_ms;
    refresh->journal_position = journal_position;

    enum lx_err code = look_at_bank(refresh, err);
    if (code == LX_OK) code = choose_name(refresh, err);
    if (code == LX_OK) code = compute(refresh, err);
    if (code == LX_OK) code = write_frame(refresh, err);
    if (code == LX_OK) code = verify_frame(refresh, &size_bytes, err);
    if (code == LX_OK) code = publish(refresh, err);
    if (code == LX_OK) {
        *ret_result = (struct view_refresh_result){
            .as_of_ms = refresh->as_of_ms,
            .customers = (uint64_t)refresh->customers,
            .features = view_customer_feature_count() + view_pair_feature_count(),
            .size_bytes = size_bytes,
        };
    } else if (refresh->path[0] != '\0') {
        discard(refresh);
    }
    spool_close(refresh->spool);
    fields_close(refresh->fields);
    for (int i = 0; i < env->thread_count; i++) view_peers_close(refresh->peers[i]);
    lx_free(refresh);
    return code;
}
