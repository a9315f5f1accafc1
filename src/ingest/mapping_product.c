#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "ingest/mapping_parse.h"

enum part { OTHER, OWN, DEFAULT };

static bool is_section(const char *start, size_t length, const char *section)
{
    return length == strlen(section) + 2 && start[0] == '[' &&
           memcmp(start + 1, section, length - 2) == 0 && start[length - 1] == ']';
}

/* The part that a `[...]` line begins. */
static enum part part_of(const char *start, size_t length, const char *section)
{
    const char *close = memchr(start, ']', length);
    if (close != NULL) length = (size_t)(close - start) + 1;
    if (is_section(start, length, section)) return OWN;
    return is_section(start, length, "product *") ? DEFAULT : OTHER;
}

/* True if [product CODE] has a line of its own with the name that begins at `start`. */
static bool is_overruled(const struct ini *ini, const char *section, const char *start,
                         size_t length)
{
    char name[LX_FIELD_NAME_MAX + 1];
    size_t end = 0;
    while (end < length && strchr(" \t=:\r", start[end]) == NULL) end++;
    if (end >= sizeof name) return false;
    memcpy(name, start, end);
    name[end] = '\0';
    return ini_get(ini, section, name) != NULL;
}

/*
 * The mapping with nothing left but one product's section and what [product *] adds to it, each on
 * its own line, so that the catalogue's reader names the lines right.
 */
static void write_product(const struct mapping_parse *parse, const char *section, const char *code,
                          struct lx_buffer *text)
{
    enum part part = OTHER;
    bool is_kept = false;
    const char *end = parse->bytes + parse->length;
    for (const char *line = parse->bytes; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        size_t length = (size_t)((newline == NULL ? end : newline) - line), blank = 0;
        while (blank < length && (line[blank] == ' ' || line[blank] == '\t')) blank++;
        bool is_header = blank < length && line[blank] == '[';
        if (is_header) {
            part = part_of(line + blank, length - blank, section);
            is_kept = false;
            if (part != OTHER) lx_buffer_printf(text, "[%s]", code);
        } else if (blank == 0) {
            is_kept = part == OWN || (part == DEFAULT &&
                                      !is_overruled(&parse->mapping->ini, section, line, length));
        }
        if (!is_header && is_kept) lx_buffer_append(text, line, length);
        lx_buffer_append_byte(text, '\n');
        line += length + 1;
    }
}

enum lx_err mapping_read_product(const struct mapping_parse *parse, const char *code)
{
    if (strcmp(code, "*") == 0) return LX_OK;
    struct mapping *mapping = parse->mapping;
    char section[LX_CODE_MAX + 32];
    if (strlen(code) > LX_CODE_MAX)
        return mapping_refuse(parse, "[product %s]: a code has at most %d bytes", code,
                              LX_CODE_MAX);
    snprintf(section, sizeof section, "product %s", code);
    enum lx_err err =
        lx_grow(&mapping->products, &mapping->product_capacity, mapping->product_count + 1,
                LX_PRODUCT_MAX, sizeof *mapping->products);
    if (err == LX_ERR_LIMIT) return mapping_refuse(parse, "more than %d products", LX_PRODUCT_MAX);
    if (err != LX_OK) return mapping_no_memory(parse);

    struct lx_buffer text;
    lx_buffer_init(&text, (size_t)LX_CONFIG_MAX * 2);
    write_product(parse, section, code, &text);
    err = lx_buffer_error(&text);
    if (err != LX_OK) {
        lx_buffer_release(&text);
        return mapping_no_memory(parse);
    }
    err = bank_catalogue_parse(parse->file, lx_buffer_text(&text), text.length,
                               &mapping->products[mapping->product_count], parse->err);
    if (err == LX_OK) mapping->product_count++;
    lx_buffer_release(&text);
    return err;
}
