#include "codec/csv.h"

#include <string.h>

static const char *delimiter_of(const struct csv_format *format)
{
    return format->delimiter[0] == '\0' ? "," : format->delimiter;
}

/* A byte after which a reader could see more than text. The end of a field may make up a delimiter
 * of several bytes with what follows, so its first byte is enough. */
static bool needs_quotes(const char *text, size_t length, char delimiter, char quote)
{
    if (length == 0) return false;
    return text[0] == quote || text[0] == '\xEF' || memchr(text, delimiter, length) != NULL ||
           memchr(text, '\n', length) != NULL || memchr(text, '\r', length) != NULL;
}

static void put_quoted(struct lx_buffer *buffer, char quote, const char *text, size_t length)
{
    lx_buffer_append_byte(buffer, quote);
    while (length > 0) {
        const char *found = memchr(text, quote, length);
        size_t size = found == NULL ? length : (size_t)(found - text) + 1;
        lx_buffer_append(buffer, text, size);
        if (found != NULL) lx_buffer_append_byte(buffer, quote);
        text += size;
        length -= size;
    }
    lx_buffer_append_byte(buffer, quote);
}

void csv_write_field(struct lx_buffer *buffer, const struct csv_format *format, bool is_first,
                     const char *text, size_t length)
{
    LX_ASSERT(buffer != NULL && format != NULL);
    LX_ASSERT(text != NULL || length == 0);

    const char *delimiter = delimiter_of(format);
    if (!is_first) lx_buffer_append_text(buffer, delimiter);
    /* A row of one empty field would be a blank line, which a reader passes over. */
    bool must_quote =
        (is_first && length == 0) || needs_quotes(text, length, delimiter[0], format->quote);
    if (!must_quote)
        lx_buffer_append(buffer, text, length);
    else if (format->quote != '\0')
        put_quoted(buffer, format->quote, text, length);
    else if (buffer->failure == LX_OK)
        buffer->failure = LX_ERR_BAD_INPUT;
}

void csv_write_end(struct lx_buffer *buffer)
{
    lx_buffer_append_byte(buffer, '\n');
}
