#include "model/life.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "codec/bytes.h"
#include "codec/digest.h"
#include "codec/ini.h"
#include "host/file.h"
#include "journal/journal.h"

enum { CHANGES_MAX = 100000, CHANGE_BYTES_MAX = 1024, CACHE_BYTES_MAX = 32 << 20 };

static const char cache_magic[8] = "LXMODELS";

struct life {
    const char *folder; /* copied behind the struct */
    const struct lx_env *env;
    enum life_mode mode;
    struct life_policy policy;
    struct journal *journal;
    struct life_change *changes;
    size_t change_count, change_capacity;
    char live[REGISTRY_ID_SIZE], shadow[REGISTRY_ID_SIZE], asked[REGISTRY_ID_SIZE];
    char asked_by[LIFE_NAME_MAX + 1];
    struct life_figures asked_figures;
    size_t *stack; /* changes that made a model live and were not gone back from */
    size_t stack_count, stack_capacity;
};

const char *life_approval_name(enum life_approval approval)
{
    return approval == LIFE_TWO_PERSONS ? "two_persons" : "none";
}

const char *life_rule_name(enum life_rule rule)
{
    return rule == LIFE_BETTER ? "better" : "not_worse";
}

/* ---- The files beside the journal ---- */

static enum lx_err path_of(const char *folder, const char *name, char path[LX_PATH_MAX],
                           struct lx_error *err)
{
    char models[LX_PATH_MAX];
    enum lx_err code = host_join(models, folder, "models", err);
    return code == LX_OK ? host_join(path, models, name, err) : code;
}

static enum lx_err out_of_memory(struct lx_error *err)
{
    return lx_fail(err, LX_ERR_NO_MEMORY, "models: out of memory");
}

/* ---- Folding changes into the state ---- */

static enum lx_err apply(struct life *life, const struct life_change *change, struct lx_error *err)
{
    enum lx_err code = lx_grow(&life->changes, &life->change_capacity, life->change_count + 1,
                               CHANGES_MAX, sizeof *life->changes);
    if (code == LX_OK)
        code = lx_grow(&life->stack, &life->stack_capacity, life->stack_count + 1, CHANGES_MAX,
                       sizeof *life->stack);
    if (code == LX_ERR_LIMIT)
        return lx_fail(err, code, "models: more than %d changes", CHANGES_MAX);
    if (code != LX_OK) return out_of_memory(err);

    life->changes[life->change_count] = *change;
    if (change->action == LIFE_REGISTERED) {
        memcpy(life->shadow, change->model, sizeof life->shadow);
    } else if (change->action == LIFE_ASKED) {
        memcpy(life->asked, change->model, sizeof life->asked);
        memcpy(life->asked_by, change->by, sizeof life->asked_by);
        life->asked_figures = change->figures;
    } else {
        memcpy(life->live, change->model, sizeof life->live);
        if (strcmp(life->shadow, life->live) == 0) life->shadow[0] = '\0';
        life->asked[0] = life->asked_by[0] = '\0'; /* it was compared with another live model */
        if (change->action == LIFE_ROLLED_BACK && life->stack_count > 0)
            life->stack_count--;
        else
            life->stack[life->stack_count++] = life->change_count;
    }
    life->change_count++;
    return LX_OK;
}

static void forget(struct life *life)
{
    life->change_count = life->stack_count = 0;
    life->live[0] = life->shadow[0] = life->asked[0] = life->asked_by[0] = '\0';
}

/* ---- The copy of the changes ---- */

static enum lx_err write_cache(const struct life *life, struct lx_error *err)
{
    struct lx_buffer buffer, record;
    uint8_t hash[DIGEST_SIZE];
    char path[LX_PATH_MAX];
    lx_buffer_init(&buffer, CACHE_BYTES_MAX);
    lx_buffer_init(&record, CHANGE_BYTES_MAX);
    lx_buffer_append(&buffer, cache_magic, sizeof cache_magic);
    bytes_put_varint(&buffer, life->change_count);
    for (size_t i = 0; i < life->change_count; i++) {
        lx_buffer_clear(&record);
        life_record_write(&life->changes[i], &record);
        bytes_put_varint(&buffer, life->changes[i].position);
        bytes_put_text(&buffer, record.bytes, record.length);
    }
    enum lx_err code = lx_buffer_error(&buffer);
    if (code == LX_OK) code = lx_buffer_error(&record);
    if (code == LX_OK) {
        digest_of(buffer.bytes, buffer.length, hash);
        lx_buffer_append(&buffer, hash, sizeof hash);
        code = lx_buffer_error(&buffer);
    }
    if (code != LX_OK) lx_fail(err, code, "models: %s", lx_err_text(code));
    if (code == LX_OK) code = path_of(life->folder, "life", path, err);
    if (code == LX_OK) code = host_write_atomic(path, buffer.bytes, buffer.length, err);
    lx_buffer_release(&record);
    lx_buffer_release(&buffer);
    return code;
}

/* False: the bytes are no such copy, and the journal is asked. */
static bool parse_cache(struct life *life, const struct lx_buffer *text)
{
    uint8_t hash[DIGEST_SIZE];
    struct lx_error ignored;
    if (text->length < sizeof cache_magic + DIGEST_SIZE) return false;
    size_t length = text->length - DIGEST_SIZE;
    digest_of(text->bytes, length, hash);
    if (memcmp(hash, text->bytes + length, sizeof hash) != 0 ||
        memcmp(text->bytes, cache_magic, sizeof cache_magic) != 0)
        return false;
    struct bytes_reader reader =
        bytes_reader_of(text->bytes + sizeof cache_magic, length - sizeof cache_magic);
    uint64_t count = bytes_get_varint(&reader);
    for (uint64_t i = 0; i < count && !reader.is_failed; i++) {
        struct life_change change;
        bool is_change = false;
        size_t size = 0;
        uint64_t position = bytes_get_varint(&reader);
        const char *record = bytes_get_text(&reader, &size);
        if (reader.is_failed ||
            life_record_read(record, size, &change, &is_change, &ignored) != LX_OK || !is_change)
            return false;
        change.position = position;
        if (apply(life, &change, &ignored) != LX_OK) return false;
    }
    return bytes_is_at_end(&reader);
}

static enum lx_err read_cache(struct life *life, bool *ret_is_read, struct lx_error *err)
{
    char path[LX_PATH_MAX];
    struct lx_buffer text;
    *ret_is_read = false;
    lx_buffer_init(&text, CACHE_BYTES_MAX);
    enum lx_err code = path_of(life->folder, "life", path, err);
    if (code == LX_OK && host_exists(path)) {
        code = host_read_file(path, &text, err);
        if (code == LX_OK) *ret_is_read = parse_cache(life, &text);
        if (!*ret_is_read) forget(life);
    }
    lx_buffer_release(&text);
    return code;
}

/* Every change that the journal holds from a position on. */
static enum lx_err read_journal(struct life *life, struct journal *journal, uint64_t position,
                                bool is_one, struct lx_error *err)
{
    struct journal_cursor *cursor = NULL;
    struct journal_record record;
    bool has_record = true;
    enum lx_err code = journal_seek(journal, position, &cursor, err);
    while (code == LX_OK && has_record) {
        struct life_change change;
        bool is_change = false;
        code = journal_read(cursor, &record, &has_record, err);
        if (code != LX_OK || !has_record) break;
        code = life_record_read(record.bytes, record.length, &change, &is_change, err);
        change.position = record.position;
        if (code == LX_OK && is_change) code = apply(life, &change, err);
        if (is_one) break;
    }
    journal_cursor_close(cursor);
    return code;
}

/* ---- A change that was begun ---- */

/* Where it would stand in the journal; *ret_is_there false: none is under way. */
static enum lx_err read_changing(const char *folder, uint64_t *ret_position, bool *ret_is_there,
                                 struct lx_error *err)
{
    char path[LX_PATH_MAX];
    struct lx_buffer text;
    *ret_is_there = false;
    lx_buffer_init(&text, 64);
    enum lx_err code = path_of(folder, "changing", path, err);
    if (code == LX_OK && host_exists(path)) {
        code = host_read_file(path, &text, err);
        if (code == LX_OK && sscanf(lx_buffer_text(&text), "%" SCNu64, ret_position) != 1)
            code = lx_fail(err, LX_ERR_CORRUPT, "%s: names no position of the journal", path);
        *ret_is_there = code == LX_OK;
    }
    lx_buffer_release(&text);
    return code;
}

/* Was the change that stands there already taken in? */
static bool has_position(const struct life *life, uint64_t position)
{
    for (size_t i = life->change_count; i-- > 0;)
        if (life->changes[i].position == position) return true;
    return false;
}

static enum lx_err finish_changing(struct life *life, struct journal *journal, bool *ret_is_open,
                                   struct lx_error *err)
{
    uint64_t position = 0;
    enum lx_err code = read_changing(life->folder, &position, ret_is_open, err);
    if (code != LX_OK || !*ret_is_open || has_position(life, position)) return code;
    if (position >= journal_next_position(journal)) return LX_OK; /* it was never journalled */
    return read_journal(life, journal, position, true, err);
}

static enum lx_err settle(const struct life *life, struct lx_error *err)
{
    char path[LX_PATH_MAX], current[REGISTRY_ID_SIZE] = "";
    struct lx_error ignored;
    enum lx_err code = write_cache(life, err);
    if (code == LX_OK && life->live[0] != '\0') {
        if (registry_named(life->folder, current, &ignored) != LX_OK) current[0] = '\0';
        if (strcmp(current, life->live) != 0)
            code = registry_set_current(life->folder, life->live, err);
    }
    if (code == LX_OK) code = path_of(life->folder, "changing", path, err);
    return code == LX_OK ? host_remove(path, err) : code;
}

static enum lx_err record(struct life *life, struct life_change *change, struct lx_error *err)
{
    char path[LX_PATH_MAX], text[32];
    struct lx_buffer buffer;
    uint64_t position = 0;
    memcpy(change->before, life->live, sizeof change->before);
    change->at_ms = life->env->now_ms(life->env->context);
    change->position = journal_next_position(life->journal);
    lx_buffer_init(&buffer, CHANGE_BYTES_MAX);
    enum lx_err code = registry_card_hash(life->folder, change->model, change->card, err);
    if (code == LX_OK) {
        life_record_write(change, &buffer);
        code = lx_buffer_error(&buffer);
        if (code != LX_OK) lx_fail(err, code, "models: %s", lx_err_text(code));
    }
    if (code == LX_OK) code = path_of(life->folder, "changing", path, err);
    snprintf(text, sizeof text, "%" PRIu64 "\n", change->position);
    if (code == LX_OK) code = host_write_atomic(path, text, strlen(text), err);
    /* A sync that failed may have left the record: `changing` stays, and who comes next looks. */
    if (code == LX_OK)
        code = journal_append(life->journal, buffer.bytes, buffer.length, &position, err);
    if (code == LX_OK) code = journal_sync(life->journal, err);
    lx_buffer_release(&buffer);
    if (code == LX_OK) LX_ASSERT(position == change->position);
    if (code == LX_OK) code = apply(life, change, err);
    return code == LX_OK ? settle(life, err) : code;
}

/* ---- Opening ---- */

static enum lx_err read_choice(const struct ini *ini, const char *path, const char *name,
                               const char *const choices[2], int *ret_choice, struct lx_error *err)
{
    const struct ini_entry *entry = ini_find(ini, "model", name);
    if (entry == NULL) return LX_OK;
    for (int i = 0; i < 2; i++)
        if (strcmp(entry->value, choices[i]) == 0) {
            *ret_choice = i;
            return LX_OK;
        }
    return lx_fail(err, LX_ERR_BAD_INPUT, "%s:%d: %s \"%.20s\": %s or %s", path, entry->line, name,
                   entry->value, choices[0], choices[1]);
}

static enum lx_err read_policy(const char *folder, struct life_policy *ret_policy,
                               struct lx_error *err)
{
    static const char *const approvals[] = {"none", "two_persons"};
    static const char *const rules[] = {"not_worse", "better"};
    char path[LX_PATH_MAX];
    struct ini ini = {0};
    struct lx_buffer text;
    int approval = LIFE_APPROVAL_NONE, rule = -1;
    lx_buffer_init(&text, LX_CONFIG_MAX);
    enum lx_err code = host_join(path, folder, "lingxi.ini", err);
    if (code == LX_OK && host_exists(path)) {
        code = host_read_file(path, &text, err);
        if (code == LX_OK) code = ini_read(path, lx_buffer_text(&text), text.length, &ini, err);
        if (code == LX_OK) code = read_choice(&ini, path, "approval", approvals, &approval, err);
        if (code == LX_OK) code = read_choice(&ini, path, "promote", rules, &rule, err);
    }
    ini_release(&ini);
    lx_buffer_release(&text);
    if (rule < 0) rule = approval == LIFE_TWO_PERSONS ? LIFE_BETTER : LIFE_NOT_WORSE;
    *ret_policy = (struct life_policy){(enum life_approval)approval, (enum life_rule)rule};
    return code;
}

/* A directory from before changes were recorded has a live model and no changes. */
static enum lx_err adopt(struct life *life, struct lx_error *err)
{
    char current[REGISTRY_ID_SIZE];
    struct life_change change = {.action = LIFE_ADOPTED};
    if (life->change_count > 0 || life->mode != LIFE_WRITE) return LX_OK;
    enum lx_err code = registry_named(life->folder, current, err);
    if (code == LX_ERR_NOT_READY) return LX_OK;
    if (code != LX_OK) return code;
    memcpy(change.model, current, sizeof change.model);
    return record(life, &change, err);
}

static enum lx_err read_state(struct life *life, struct lx_error *err)
{
    bool is_read = false, is_changing = false;
    enum lx_err code = read_cache(life, &is_read, err);
    if (code == LX_OK && !is_read) code = read_journal(life, life->journal, 0, false, err);
    if (code == LX_OK) code = finish_changing(life, life->journal, &is_changing, err);
    if (code == LX_OK && life->mode == LIFE_WRITE &&
        (is_changing || (!is_read && life->change_count > 0)))
        code = settle(life, err);
    if (code == LX_OK) code = adopt(life, err);
    if (code == LX_OK && life->change_count == 0) { /* to be read only: as `current` says */
        code = registry_named(life->folder, life->live, err);
        if (code == LX_ERR_NOT_READY) code = LX_OK;
    }
    return code;
}

enum lx_err life_open(const char *folder, enum life_mode mode, const struct lx_env *env,
                      struct life **ret_life, struct lx_error *err)
{
    size_t length = strlen(folder);
    struct life *life = lx_calloc(1, sizeof *life + length + 1);
    if (life == NULL) return out_of_memory(err);
    memcpy((char *)life + sizeof *life, folder, length);
    life->folder = (const char *)life + sizeof *life;
    life->env = env;
    life->mode = mode;
    enum lx_err code = read_policy(folder, &life->policy, err);
    if (code == LX_OK)
        code = journal_open(folder, mode == LIFE_WRITE ? JOURNAL_APPEND : JOURNAL_READ,
                            &life->journal, err);
    if (code == LX_OK) code = read_state(life, err);
    if (code == LX_OK)
        *ret_life = life;
    else
        life_close(life);
    return code;
}

void life_close(struct life *life)
{
    if (life == NULL) return;
    journal_close(life->journal);
    lx_free(life->changes);
    lx_free(life->stack);
    lx_free(life);
}

enum lx_err life_interrupted(const char *folder, char ret_id[REGISTRY_ID_SIZE],
                             bool *ret_is_changed, struct lx_error *err)
{
    struct journal *journal = NULL;
    struct journal_cursor *cursor = NULL;
    struct journal_record record;
    struct life_change change;
    uint64_t position = 0;
    bool is_there = false, has_record = false, is_change = false;
    *ret_is_changed = false;
    enum lx_err code = read_changing(folder, &position, &is_there, err);
    if (code != LX_OK || !is_there) return code;
    code = journal_open(folder, JOURNAL_READ, &journal, err);
    if (code == LX_OK && position < journal_next_position(journal)) {
        code = journal_seek(journal, position, &cursor, err);
        if (code == LX_OK) code = journal_read(cursor, &record, &has_record, err);
        if (code == LX_OK && has_record)
            code = life_record_read(record.bytes, record.length, &change, &is_change, err);
        if (code == LX_OK && is_change && life_action_is_live(change.action)) {
            memcpy(ret_id, change.model, REGISTRY_ID_SIZE);
            *ret_is_changed = true;
        }
    }
    journal_cursor_close(cursor);
    journal_close(journal);
    return code;
}

/* ---- Asking ---- */

struct life_policy life_policy_of(const struct life *life)
{
    return life->policy;
}

const char *life_live(const struct life *life)
{
    return life->live;
}

const char *life_shadow(const struct life *life)
{
    return life->shadow;
}

const char *life_asked(const struct life *life)
{
    return life->asked;
}

const char *life_asked_by(const struct life *life)
{
    return life->asked_by;
}

size_t life_change_count(const struct life *life)
{
    return life->change_count;
}

const struct life_change *life_change_at(const struct life *life, size_t index)
{
    LX_ASSERT(index < life->change_count);

    return &life->changes[index];
}

/* Below the top of the stack, the next one that is another model. */
const char *life_earlier(const struct life *life)
{
    size_t count = life->stack_count;
    return count < 2 ? "" : life->changes[life->stack[count - 2]].model;
}

enum life_finding life_finding_of(const struct life_figures *figures)
{
    if (!figures->is_known) return LIFE_FOUND_NOTHING;
    if (figures->high < 0) return LIFE_FOUND_WORSE;
    if (figures->ece_low > 0) return LIFE_FOUND_MISCALIBRATED;
    return figures->low > 0 ? LIFE_FOUND_BETTER : LIFE_FOUND_EVEN;
}

const char *life_finding_zh(enum life_finding finding)
{
    switch (finding) {
    case LIFE_FOUND_WORSE: return "排序比在用模型差";
    case LIFE_FOUND_MISCALIBRATED: return "最近一月的校准比在用模型差";
    case LIFE_FOUND_EVEN: return "与在用模型不分高下";
    case LIFE_FOUND_BETTER: return "排序比在用模型好，校准不差";
    case LIFE_FOUND_NOTHING: return "没有两者都未见过的月份，无从比较";
    }
    return "";
}

const char *life_finding_en(enum life_finding finding)
{
    switch (finding) {
    case LIFE_FOUND_WORSE: return "ranks worse than the live model";
    case LIFE_FOUND_MISCALIBRATED: return "is calibrated worse on the newest month";
    case LIFE_FOUND_EVEN: return "cannot be told from the live model";
    case LIFE_FOUND_BETTER: return "ranks better, and is calibrated no worse";
    case LIFE_FOUND_NOTHING: return "there is no month that neither model has seen";
    }
    return "";
}

bool life_rule_allows(enum life_rule rule, enum life_finding finding)
{
    if (rule == LIFE_BETTER) return finding == LIFE_FOUND_BETTER;
    return finding != LIFE_FOUND_WORSE && finding != LIFE_FOUND_MISCALIBRATED;
}

/* ---- Changing ---- */

/* 1 to LIFE_NAME_MAX bytes, no control characters, no blanks at the ends. */
static enum lx_err check_name(const char *name, struct lx_error *err)
{
    size_t length = name == NULL ? 0 : strlen(name);
    bool is_good = length > 0 && length <= LIFE_NAME_MAX;
    for (size_t i = 0; is_good && i < length; i++)
        is_good = (unsigned char)name[i] >= 0x20 && name[i] != 0x7f;
    if (is_good && name[0] != ' ' && name[length - 1] != ' ') return LX_OK;
    return lx_fail(
        err, LX_ERR_USAGE,
        "--by \"%.40s\": a person's name is wanted, 1 to %d bytes without blanks around it",
        name == NULL ? "" : name, LIFE_NAME_MAX);
}

static struct life_change change_of(enum life_action action, const char *model, const char *by)
{
    struct life_change change = {.action = action};
    snprintf(change.model, sizeof change.model, "%s", model);
    snprintf(change.by, sizeof change.by, "%s", by);
    return change;
}

enum lx_err life_register(struct life *life, const char *model, const struct life_figures *figures,
                          bool *ret_is_live, struct lx_error *err)
{
    LX_ASSERT(life->mode == LIFE_WRITE);

    enum lx_err code = LX_OK;
    *ret_is_live = strcmp(life->live, model) == 0;
    if (*ret_is_live) return LX_OK;
    if (strcmp(life->shadow, model) != 0) {
        struct life_change change = change_of(LIFE_REGISTERED, model, "");
        if (figures != NULL) change.figures = *figures;
        code = record(life, &change, err);
    }
    if (code != LX_OK) return code;
    struct life_change change = change_of(LIFE_FIRST, model, "");
    if (figures != NULL) {
        if (life->policy.approval != LIFE_APPROVAL_NONE ||
            !life_rule_allows(life->policy.rule, life_finding_of(figures)))
            return LX_OK;
        change.action = LIFE_BY_RULE;
        change.figures = *figures;
    }
    code = record(life, &change, err);
    *ret_is_live = code == LX_OK;
    return code;
}

enum lx_err life_promote(struct life *life, const char *model, const char *by,
                         const struct life_figures *figures, bool *ret_is_live,
                         struct lx_error *err)
{
    LX_ASSERT(life->mode == LIFE_WRITE);

    bool is_two = life->policy.approval == LIFE_TWO_PERSONS;
    enum life_finding finding = life_finding_of(figures);
    enum lx_err code = check_name(by, err);
    if (code != LX_OK) return code;
    if (strcmp(life->live, model) == 0)
        return lx_fail(err, LX_ERR_REFUSED, "model %s: it is the live one", model);
    if (life->live[0] != '\0' && !life_rule_allows(life->policy.rule, finding))
        return lx_fail(err, LX_ERR_REFUSED,
                       "model %s: the rule is `promote = %s`, and it %s (PR-AUC %+.4f, 95 %% %+.4f "
                       "to %+.4f)",
                       model, life_rule_name(life->policy.rule), life_finding_en(finding),
                       figures->difference, figures->low, figures->high);
    struct life_change change = change_of(is_two ? LIFE_ASKED : LIFE_PROMOTED, model, by);
    change.figures = *figures;
    code = record(life, &change, err);
    *ret_is_live = code == LX_OK && !is_two;
    return code;
}

enum lx_err life_approve(struct life *life, const char *model, const char *by, struct lx_error *err)
{
    LX_ASSERT(life->mode == LIFE_WRITE);

    enum lx_err code = check_name(by, err);
    if (code != LX_OK) return code;
    if (life->asked[0] == '\0' || strcmp(life->asked, model) != 0)
        return lx_fail(
            err, LX_ERR_REFUSED,
            "model %s: nobody has asked for it: `lingxi model promote %s --by NAME` comes "
            "first",
            model, model);
    if (strcasecmp(life->asked_by, by) == 0)
        return lx_fail(err, LX_ERR_REFUSED,
                       "model %s: %s has asked for it; another person approves", model,
                       life->asked_by);
    struct life_change change = change_of(LIFE_APPROVED, model, by);
    memcpy(change.asked_by, life->asked_by, sizeof change.asked_by);
    change.figures = life->asked_figures;
    return record(life, &change, err);
}

enum lx_err life_roll_back(struct life *life, const char *by, struct lx_error *err)
{
    LX_ASSERT(life->mode == LIFE_WRITE);

    enum lx_err code = check_name(by, err);
    if (code != LX_OK) return code;
    const char *earlier = life_earlier(life);
    if (earlier[0] == '\0')
        return lx_fail(err, LX_ERR_REFUSED, "models: none was live before the one that is");
    struct life_change change = change_of(LIFE_ROLLED_BACK, earlier, by);
    return record(life, &change, err);
}
