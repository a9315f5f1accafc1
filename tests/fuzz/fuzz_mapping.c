/*
 * fuzz_mapping: a mapping is refused with its name and a line, or it is whole: sections in the
 * order of entities, each with its files and what its entity must have; and its patterns can be
 * matched.
 */
#include <stdlib.h>
#include <string.h>

#include "ingest/mapping.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) abort();
}

static void check_field(const struct mapping_field *field, const struct mapping_file *file)
{
    require(field->id < MAPPING_FIELD_COUNT && field->line > 0);
    require(mapping_field(file, field->id) == field);
    if (field->base == MAPPING_BASE_SOURCE) require(field->term_count > 0);
    for (size_t i = 0; i < field->term_count; i++)
        require(field->terms[i].kind != MAPPING_TERM_COLUMN || field->terms[i].text != NULL);
    for (size_t i = 0; i < field->codes.codes.count; i++) require(field->codes.values[i] != NULL);
}

static void check_file(const struct mapping_file *file)
{
    int32_t day;
    size_t start, length;
    require(file->entity < MAPPING_ENTITY_COUNT && file->patterns.count > 0);
    for (size_t i = 0; i < file->patterns.count; i++)
        (void)mapping_match(file->patterns.texts[i], "events_20260131_x.csv", &day);
    for (size_t i = 0; i < file->held.count; i++)
        if (mapping_match_column(file->held.texts[i], "ind_ahor_fin_ult1", &start, &length))
            require(start + length <= strlen("ind_ahor_fin_ult1") && length > 0);
    for (size_t i = 0; i < file->field_count; i++) check_field(&file->fields[i], file);
    for (size_t i = 1; i < file->field_count; i++)
        require(file->fields[i - 1].id < file->fields[i].id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mapping mapping = {0};
    struct lx_error err;
    enum lx_err code = mapping_parse("m.ini", (const char *)data, size, &mapping, &err);
    if (code != LX_OK) {
        require(code == LX_ERR_BAD_INPUT || code == LX_ERR_LIMIT);
        require(strncmp(err.text, "m.ini:", 6) == 0);
        return 0;
    }
    require(mapping.file_count > 0);
    for (size_t i = 0; i < mapping.file_count; i++) {
        check_file(&mapping.files[i]);
        require(i == 0 || mapping.files[i - 1].entity <= mapping.files[i].entity);
    }
    for (size_t i = 0; i < mapping.product_count; i++) require(mapping.products[i].count == 1);
    mapping_release(&mapping);
    return 0;
}
