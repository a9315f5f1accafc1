/* Reading rules: files to rules, conditions to parts, all of it to one hash. */
#include <stdio.h>
#include <string.h>

#include "codec/bytes.h"
#include "codec/digest.h"
#include "codec/ini.h"
#include "decide/rules_parts.h"
#include "host/file.h"

enum { RULES_ARENA_MAX = 64 << 20, HASHED_MAX = 64 << 20 };

static const char *const stop_section = "stop_list";

/* What is being read, for messages. */
struct reading {
    struct rules *rules;
    const char *folder;
    const struct rules_file *file;
    const struct ini *ini;
    struct lx_error *err;
};

static enum lx_err out_of_memory(const struct reading *reading)
{
    return lx_fail(reading->err, LX_ERR_NO_MEMORY, "rules: out of memory");
}

static const char *copy(const struct reading *reading, const char *text)
{
    return lx_arena_strndup(&reading->rules->arena, text, strlen(text));
}

static enum lx_err refuse(const struct reading *reading, const struct ini_entry *entry,
                          const char *why)
{
    return lx_fail(reading->err, LX_ERR_BAD_INPUT, "%s/%s:%d: [%s] %s \"%.60s\": %s",
                   reading->folder, reading->file->name, entry->line, entry->section, entry->name,
                   entry->value, why);
}

/* --- Places --------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static const char *line_end(const char *at, const char *end)
{
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    return newline == NULL ? end : newline;
}

/* Lines between those of a value that say nothing: the reader has passed them over. */
static bool is_skipped(const char *at, const char *end)
{
    while (at < end && (is_blank(*at) || *at == '\r')) at++;
    return at == end || *at == ';' || *at == '#';
}

/* Characters, as columns count them. */
static int characters(const char *from, const char *to)
{
    int count = 0;
    for (; from < to; from++) count += ((unsigned char)*from & 0xC0) != 0x80;
    return count;
}

/* Where the value's `line`-th line stands in the file, and how many characters are before it. */
static void find_place(const struct rules_file *file, const struct ini_entry *entry, int line,
                       int *ret_line, int *ret_before)
{
    const char *at = file->bytes, *end = file->bytes + file->length;
    int number = 1, seen = 0;
    *ret_line = entry->line;
    *ret_before = 0;
    for (; at < end; number++) {
        const char *stop = line_end(at, end), *value = at;
        if (number >= entry->line && !is_skipped(at, stop) && ++seen == line) {
            if (line == 1) value = at + strcspn(at, "=:\n") + 1;
            while (value < stop && is_blank(*value)) value++;
            *ret_line = number;
            *ret_before = characters(at, value);
            return;
        }
        at = stop < end ? stop + 1 : end;
    }
}

static enum lx_err fail_at(const struct reading *reading, const struct ini_entry *entry, int line,
                           int column, enum lx_err code, const char *message)
{
    int file_line, before;
    find_place(reading->file, entry, line, &file_line, &before);
    return lx_fail(reading->err, code, "%s/%s:%d:%d: [%s] %s: %s", reading->folder,
                   reading->file->name, file_line, before + column, entry->section, entry->name,
                   message);
}

/* --- A condition ---------------------------------------------------------------------------- */

/* What one part reads; the first of its reads that is not at hand ends it. */
struct survey {
    const struct reading *reading;
    const struct ini_entry *entry;
    unsigned reach;
    enum lx_err code;
};

static void see_read(void *context, const struct expr_read *read)
{
    struct survey *survey = context;
    struct rules *rules = survey->reading->rules;
    struct rule_needs needs;
    struct lx_error why;
    if (survey->code != LX_OK) return;
    enum lx_err code = rule_schema_needs(rules->schema, read, &needs, &why);
    if (code != LX_OK) {
        survey->code =
            fail_at(survey->reading, survey->entry, read->line, read->column, code, why.text);
        return;
    }
    survey->reach |= needs.reach;
    rules->reads_pairs |= needs.reads_pairs;
    rules->asks_peers |= needs.asks_peers;
}

/* Parts in the order of what they depend on, else as they are written. */
static void order_parts(struct rule_code *code)
{
    for (size_t i = 1; i < code->part_count; i++)
        for (size_t j = i; j > 0 && code->parts[j].reach < code->parts[j - 1].reach; j--) {
            const struct rule_part kept = code->parts[j];
            code->parts[j] = code->parts[j - 1];
            code->parts[j - 1] = kept;
        }
    for (size_t i = 0; i < code->part_count; i++) {
        code->first_of_customer += code->parts[i].reach < RULE_OF_CUSTOMER;
        code->first_of_pair += code->parts[i].reach < RULE_OF_PAIR;
    }
}

static enum lx_err take_apart(const struct reading *reading, const struct ini_entry *entry,
                              struct rule_code *code)
{
    code->part_count = expr_part_count(code->expr);
    code->parts = lx_arena_array(&reading->rules->arena, code->part_count, sizeof *code->parts);
    if (code->parts == NULL) return out_of_memory(reading);
    for (size_t i = 0; i < code->part_count; i++) {
        struct survey survey = {.reading = reading, .entry = entry};
        code->parts[i].node = expr_part_at(code->expr, i);
        expr_part_reads(code->parts[i].node, see_read, &survey);
        if (survey.code != LX_OK) return survey.code;
        code->parts[i].reach = survey.reach;
    }
    order_parts(code);
    return LX_OK;
}

static enum lx_err read_condition(const struct reading *reading, const struct ini_entry *entry,
                                  struct rule *rule, struct rule_code *code)
{
    struct expr_fault fault = {0};
    struct lx_error why;
    enum lx_err failed =
        expr_compile_as(rule_schema_expr(reading->rules->schema), EXPR_BOOLEAN, entry->value,
                        strlen(entry->value), &code->expr, &fault, &why);
    if (failed == LX_ERR_NO_MEMORY) return out_of_memory(reading);
    if (failed != LX_OK)
        return fail_at(reading, entry, fault.line > 0 ? fault.line : 1, fault.column, failed,
                       fault.message[0] != '\0' ? fault.message : why.text);
    size_t length = expr_format(code->expr, NULL, 0);
    char *text = lx_arena_alloc(&reading->rules->arena, length + 1);
    if (text == NULL) return out_of_memory(reading);
    expr_format(code->expr, text, length + 1);
    rule->expression = text;
    return take_apart(reading, entry, code);
}

/* --- A rule --------------------------------------------------------------------------------- */

static enum lx_err check_name(const struct reading *reading, const struct ini_entry *entry)
{
    const char *name = entry->section;
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    const struct rule *other = rules_find(reading->rules, name);
    if (length == 0 || name[length] != '\0' || length > RULE_NAME_MAX)
        return refuse(reading, entry, "a rule's name is of small letters, digits and _");
    if (other == NULL) return LX_OK;
    return lx_fail(reading->err, LX_ERR_BAD_INPUT,
                   "%s/%s:%d: [%s]: there is a rule of this name already, %s:%d", reading->folder,
                   reading->file->name, entry->line, name, other->file, other->line);
}

static enum lx_err read_stage(const struct reading *reading, const struct ini_entry *entry,
                              enum rule_stage *ret_stage)
{
    for (int i = 1; i < RULE_STAGE_END; i++)
        if (strcmp(entry->value, rule_stage_text((enum rule_stage)i)) == 0) {
            *ret_stage = (enum rule_stage)i;
            return LX_OK;
        }
    return refuse(reading, entry,
                  "is no stage; emergency_stop, eligibility, suitability or contact_policy");
}

static enum lx_err read_unknown(const struct reading *reading, const struct ini_entry *entry,
                                bool *ret_refuses)
{
    *ret_refuses = strcmp(entry->value, "refuse") == 0;
    if (*ret_refuses || strcmp(entry->value, "allow") == 0) return LX_OK;
    return refuse(reading, entry, "is neither refuse nor allow");
}

static enum lx_err read_text(const struct reading *reading, const struct ini_entry *entry,
                             const char **ret_text)
{
    size_t length = strlen(entry->value);
    if (length == 0) return refuse(reading, entry, "says nothing");
    if (length > RULE_TEXT_MAX) return refuse(reading, entry, "has more than 512 bytes");
    *ret_text = copy(reading, entry->value);
    return *ret_text != NULL ? LX_OK : out_of_memory(reading);
}

static enum lx_err read_entry(const struct reading *reading, const struct ini_entry *entry,
                              struct rule *rule, struct rule_code *code)
{
    const char *name = entry->name;
    if (strcmp(name, "stage") == 0) return read_stage(reading, entry, &rule->stage);
    if (strcmp(name, "refuse_if") == 0) return read_condition(reading, entry, rule, code);
    if (strcmp(name, "if_unknown") == 0)
        return read_unknown(reading, entry, &rule->refuses_unknown);
    if (strcmp(name, "zh") == 0) return read_text(reading, entry, &rule->zh);
    if (strcmp(name, "en") == 0) return read_text(reading, entry, &rule->en);
    return refuse(reading, entry,
                  "is nothing that a rule has: stage, refuse_if, if_unknown, zh, en");
}

static const char *missing_of(const struct rule *rule)
{
    if (rule->stage == RULE_STAGE_NONE) return "stage";
    if (rule->expression == NULL) return "refuse_if";
    if (rule->zh == NULL) return "zh";
    return rule->en == NULL ? "en" : NULL;
}

static enum lx_err read_rule(const struct reading *reading, const char *section)
{
    struct rules *rules = reading->rules;
    struct rule *rule = NULL;
    struct rule_code *code = NULL;
    for (size_t i = 0; i < reading->ini->count; i++) {
        const struct ini_entry *entry = &reading->ini->entries[i];
        if (strcmp(entry->section, section) != 0) continue;
        enum lx_err failed = LX_OK;
        if (rule == NULL) {
            failed = check_name(reading, entry);
            if (failed == LX_OK && rules->count == RULES_MAX)
                failed = refuse(reading, entry, "more than 512 rules");
            if (failed != LX_OK) return failed;
            rule = &rules->rules[rules->count];
            code = &rules->codes[rules->count++];
            rule->name = copy(reading, section);
            rule->file = reading->file->name;
            rule->line = entry->line;
            if (rule->name == NULL) return out_of_memory(reading);
        }
        failed = read_entry(reading, entry, rule, code);
        if (failed != LX_OK) return failed;
    }
    LX_ASSERT(rule != NULL);
    const char *missing = missing_of(rule);
    if (missing == NULL) return LX_OK;
    return lx_fail(reading->err, LX_ERR_BAD_INPUT, "%s/%s:%d: [%s] has no %s", reading->folder,
                   reading->file->name, rule->line, section, missing);
}

/* --- The stop list -------------------------------------------------------------------------- */

static enum lx_err stop(const struct reading *reading, const struct ini_entry *entry,
                        const char *code, size_t length)
{
    const struct bank_catalogue *catalogue = reading->rules->catalogue;
    for (size_t i = 0; i < catalogue->count; i++) {
        const char *known = catalogue->products[i].code;
        if (strlen(known) != length || memcmp(known, code, length) != 0) continue;
        reading->rules->stopped[i / 64] |= UINT64_C(1) << i % 64;
        return LX_OK;
    }
    char why[96];
    snprintf(why, sizeof why, "%.*s is no product of the catalogue",
             (int)(length < 32 ? length : 32), code);
    return refuse(reading, entry, why);
}

static enum lx_err read_stop_list(const struct reading *reading)
{
    for (size_t i = 0; i < reading->ini->count; i++) {
        const struct ini_entry *entry = &reading->ini->entries[i];
        if (strcmp(entry->section, stop_section) != 0) continue;
        if (strcmp(entry->name, "products") != 0)
            return refuse(reading, entry, "a stop list has only products");
        if (reading->rules->has_stop_list) return refuse(reading, entry, "a second stop list");
        reading->rules->has_stop_list = true;
        for (const char *at = entry->value;;) {
            at += strspn(at, " ,\n\t");
            size_t length = strcspn(at, " ,\n\t");
            if (length == 0) break;
            enum lx_err code = stop(reading, entry, at, length);
            if (code != LX_OK) return code;
            at += length;
        }
    }
    return LX_OK;
}

/* --- All files ------------------------------------------------------------------------------ */

static enum lx_err read_file(struct reading *reading)
{
    char path[LX_PATH_MAX];
    struct ini ini = {0};
    enum lx_err code = host_join(path, reading->folder, reading->file->name, reading->err);
    if (code == LX_OK)
        code = ini_read(path, reading->file->bytes, reading->file->length, &ini, reading->err);
    if (code != LX_OK) return code;
    reading->ini = &ini;
    code = read_stop_list(reading);
    const char *section;
    for (size_t i = 0; code == LX_OK && (section = ini_section(&ini, i)) != NULL; i++)
        if (strcmp(section, stop_section) != 0) code = read_rule(reading, section);
    ini_release(&ini);
    return code;
}

/* By stage; the sort keeps what is equal in its order. */
static void order_rules(struct rules *rules)
{
    for (size_t i = 1; i < rules->count; i++)
        for (size_t j = i; j > 0 && rules->rules[j].stage < rules->rules[j - 1].stage; j--) {
            const struct rule rule = rules->rules[j];
            const struct rule_code code = rules->codes[j];
            rules->rules[j] = rules->rules[j - 1];
            rules->codes[j] = rules->codes[j - 1];
            rules->rules[j - 1] = rule;
            rules->codes[j - 1] = code;
        }
}

static void put_string(struct lx_buffer *buffer, const char *text)
{
    bytes_put_text(buffer, text, strlen(text));
}

static enum lx_err make_hash(const struct reading *reading)
{
    struct rules *rules = reading->rules;
    struct lx_buffer bytes;
    lx_buffer_init(&bytes, HASHED_MAX);
    bytes_put_varint(&bytes, rules->count);
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *rule = &rules->rules[i];
        put_string(&bytes, rule->name);
        bytes_put_u8(&bytes, (uint8_t)rule->stage);
        bytes_put_u8(&bytes, rule->refuses_unknown);
        put_string(&bytes, rule->expression);
        put_string(&bytes, rule->zh);
        put_string(&bytes, rule->en);
    }
    for (size_t i = 0; i < rules->catalogue->count; i++)
        if ((rules->stopped[i / 64] >> i % 64 & 1) != 0)
            put_string(&bytes, rules->catalogue->products[i].code);
    enum lx_err code = lx_buffer_error(&bytes);
    if (code == LX_OK)
        digest_of(bytes.bytes, bytes.length, rules->hash);
    else
        code = out_of_memory(reading);
    lx_buffer_release(&bytes);
    return code;
}

static enum lx_err keep_file(const struct reading *reading, const struct rules_file *file)
{
    struct rules *rules = reading->rules;
    if (rules->file_count == RULES_FILES_MAX)
        return lx_fail(reading->err, LX_ERR_LIMIT, "%s: more than %d files", reading->folder,
                       RULES_FILES_MAX);
    char *bytes = lx_arena_alloc(&rules->arena, file->length + 1);
    const char *name = copy(reading, file->name);
    if (bytes == NULL || name == NULL) return out_of_memory(reading);
    if (file->length > 0) memcpy(bytes, file->bytes, file->length);
    bytes[file->length] = '\0';
    rules->files[rules->file_count++] = (struct rules_file){name, bytes, file->length};
    return LX_OK;
}

enum lx_err rules_parse(const char *folder, const struct rules_file *files, size_t file_count,
                        const struct rule_schema *schema, const struct bank_catalogue *catalogue,
                        struct rules **ret_rules, struct lx_error *err)
{
    struct rules *rules = lx_calloc(1, sizeof *rules);
    if (rules == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "rules: out of memory");
    struct reading reading = {.rules = rules, .folder = folder, .err = err};
    rules->schema = schema;
    rules->catalogue = catalogue;
    lx_arena_init(&rules->arena, RULES_ARENA_MAX);
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < file_count && code == LX_OK; i++) {
        code = keep_file(&reading, &files[i]);
        if (code != LX_OK) break;
        reading.file = &rules->files[i];
        code = read_file(&reading);
    }
    if (code == LX_OK) {
        order_rules(rules);
        code = make_hash(&reading);
    }
    if (code == LX_OK)
        *ret_rules = rules;
    else
        rules_close(rules);
    return code;
}

static enum lx_err no_rules(const char *folder, struct lx_error *err)
{
    char old[LX_PATH_MAX];
    bool is_old = host_join(old, folder, "rules.ini", err) == LX_OK && host_exists(old);
    return lx_fail(err, LX_ERR_NOT_READY,
                   "%s/rules: no rules there%s: run `lingxi rules --install`, which puts the "
                   "shipped ones there%s",
                   folder, is_old ? "; rules.ini is of an older version" : "",
                   is_old ? ", and set your own limits in them" : "");
}

static bool is_rules_name(const char *name)
{
    size_t length = strlen(name);
    return length > 4 && name[0] != '.' && strcmp(name + length - 4, ".ini") == 0;
}

enum lx_err rules_open(const char *folder, const struct rule_schema *schema,
                       const struct bank_catalogue *catalogue, struct rules **ret_rules,
                       struct lx_error *err)
{
    char own[LX_PATH_MAX], path[LX_PATH_MAX];
    struct host_names names = {0};
    struct lx_buffer texts[RULES_FILES_MAX];
    struct rules_file files[RULES_FILES_MAX];
    size_t count = 0;
    enum lx_err code = host_join(own, folder, "rules", err);
    if (code == LX_OK && !host_is_folder(own)) return no_rules(folder, err);
    if (code == LX_OK) code = host_list(own, &names, err);
    for (size_t i = 0; i < names.count && code == LX_OK; i++) {
        if (!is_rules_name(names.names[i])) continue;
        if (count == RULES_FILES_MAX) {
            code = lx_fail(err, LX_ERR_LIMIT, "%s: more than %d files", own, RULES_FILES_MAX);
            break;
        }
        lx_buffer_init(&texts[count], LX_CONFIG_MAX);
        code = host_join(path, own, names.names[i], err);
        if (code == LX_OK) code = host_read_file(path, &texts[count], err);
        files[count] =
            (struct rules_file){names.names[i], lx_buffer_text(&texts[count]), texts[count].length};
        count++;
    }
    if (code == LX_OK && count == 0) code = no_rules(folder, err);
    if (code == LX_OK) code = rules_parse(own, files, count, schema, catalogue, ret_rules, err);
    for (size_t i = 0; i < count; i++) lx_buffer_release(&texts[i]);
    host_names_release(&names);
    return code;
}

void rules_close(struct rules *rules)
{
    if (rules == NULL) return;
    for (size_t i = 0; i < rules->count; i++) expr_free(rules->codes[i].expr);
    lx_arena_release(&rules->arena);
    lx_free(rules);
}
