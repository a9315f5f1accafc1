#include "audit/note.h"

#include <inttypes.h>
#include <string.h>

#include "codec/base64.h"
#include "codec/utf8.h"

static const char dash[] = "\xE2\x80\x94 "; /* em dash and a space */

enum { DASH_BYTES = 4, STAMP_BYTES = 8, LINE_OVERHEAD = 16 };

static enum lx_err refuse(const char *file, const char *why, struct lx_error *err)
{
    return lx_fail(err, LX_ERR_BAD_INPUT, "%s: not a signed note: %s", file, why);
}

static bool has_control(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)bytes[i] < 0x20 && bytes[i] != '\n') return true;
    return false;
}

/* A line without its newline: dash, name, space, base64. */
static bool parse_line(const char *bytes, size_t length, struct audit_note_line *line)
{
    uint8_t decoded[AUDIT_NOTE_LINE_MAX];
    size_t size = 0;
    if (length < DASH_BYTES || memcmp(bytes, dash, DASH_BYTES) != 0) return false;
    const char *name = bytes + DASH_BYTES, *end = bytes + length;
    const char *space = memchr(name, ' ', (size_t)(end - name));
    if (space == NULL || space == name || memchr(name, '+', (size_t)(space - name)) != NULL)
        return false;
    *line = (struct audit_note_line){.name = name,
                                     .name_length = (size_t)(space - name),
                                     .base64 = space + 1,
                                     .base64_length = (size_t)(end - space) - 1};
    if (!base64_get(line->base64, line->base64_length, decoded, sizeof decoded, &size))
        return false;
    if (size <= sizeof line->id) return false;
    memcpy(line->id, decoded, sizeof line->id);
    return true;
}

/* The last empty line is what separates text and signatures. */
static const char *find_gap(const char *bytes, size_t length)
{
    for (size_t i = length; i >= 2; i--)
        if (bytes[i - 1] == '\n' && bytes[i - 2] == '\n') return bytes + i - 1;
    return NULL;
}

enum lx_err audit_note_parse(const char *file, const char *bytes, size_t length,
                             struct audit_note *ret_note, struct lx_error *err)
{
    struct audit_note note = {.text = bytes};
    if (length > AUDIT_NOTE_MAX)
        return lx_fail(err, LX_ERR_LIMIT, "%s: a note of more than %d bytes", file, AUDIT_NOTE_MAX);
    if (utf8_valid_length(bytes, length) != length || has_control(bytes, length))
        return refuse(file, "it is no UTF-8 text without control characters", err);
    const char *gap = length == 0 ? NULL : find_gap(bytes, length);
    if (gap == NULL || bytes[length - 1] != '\n')
        return refuse(file, "no empty line before its signatures, or no newline at the end", err);
    note.text_length = (size_t)(gap - bytes);
    for (const char *at = gap + 1; at < bytes + length;) {
        const char *end = memchr(at, '\n', (size_t)(bytes + length - at));
        LX_ASSERT(end != NULL);
        if (note.line_count == AUDIT_NOTE_SIGNATURES_MAX)
            return lx_fail(err, LX_ERR_LIMIT, "%s: more than %d signatures", file,
                           AUDIT_NOTE_SIGNATURES_MAX);
        if (!parse_line(at, (size_t)(end - at), &note.lines[note.line_count++]))
            return refuse(file, "a signature line that is not `— NAME BASE64`", err);
        at = end + 1;
    }
    if (note.line_count == 0) return refuse(file, "no signature", err);
    *ret_note = note;
    return LX_OK;
}

static void put_stamp(uint64_t seconds, uint8_t stamp[STAMP_BYTES])
{
    for (int i = 0; i < STAMP_BYTES; i++) stamp[i] = (uint8_t)(seconds >> (56 - 8 * i));
}

/* What a witness signs. */
static void put_cosigned(const char *text, size_t length, uint64_t seconds,
                         struct lx_buffer *message)
{
    lx_buffer_printf(message, "cosignature/v1\ntime %" PRIu64 "\n", seconds);
    lx_buffer_append(message, text, length);
}

static bool verify_cosignature(const struct audit_note *note, const struct audit_key *key,
                               const uint8_t *signature)
{
    struct lx_buffer message;
    uint64_t seconds = 0;
    for (int i = 0; i < STAMP_BYTES; i++) seconds = seconds << 8 | signature[i];
    lx_buffer_init(&message, AUDIT_NOTE_MAX + 64);
    put_cosigned(note->text, note->text_length, seconds, &message);
    bool is_valid = lx_buffer_error(&message) == LX_OK && seconds <= INT64_MAX &&
                    audit_key_verify(key, message.bytes, message.length, signature + STAMP_BYTES);
    lx_buffer_release(&message);
    return is_valid;
}

static bool verify_line(const struct audit_note *note, const struct audit_note_line *line,
                        const struct audit_key *key)
{
    uint8_t decoded[AUDIT_NOTE_LINE_MAX];
    size_t size = 0, stamp = key->algorithm == AUDIT_COSIGNATURE ? STAMP_BYTES : 0;
    bool is_decoded = base64_get(line->base64, line->base64_length, decoded, sizeof decoded, &size);
    LX_ASSERT(is_decoded); /* audit_note_parse has seen it */
    if (size != AUDIT_KEY_ID_BYTES + stamp + AUDIT_SIGNATURE_BYTES) return false;
    const uint8_t *signature = decoded + AUDIT_KEY_ID_BYTES;
    if (stamp > 0) return verify_cosignature(note, key, signature);
    return audit_key_verify(key, note->text, note->text_length, signature);
}

static bool is_of(const struct audit_note_line *line, const struct audit_key *key)
{
    return line->name_length == strlen(key->name) &&
           memcmp(line->name, key->name, line->name_length) == 0 &&
           memcmp(line->id, key->id, sizeof line->id) == 0;
}

static bool has_signed(const struct audit_note *note, const struct audit_key *key)
{
    for (size_t i = 0; i < note->line_count; i++)
        if (is_of(&note->lines[i], key)) return true;
    return false;
}

enum lx_err audit_note_check(const char *file, const struct audit_note *note, const char *origin,
                             const struct audit_keys *keys, struct audit_signatures *ret_signatures,
                             struct lx_error *err)
{
    struct audit_signatures signatures = {0};
    for (size_t i = 0; i < note->line_count; i++) {
        const struct audit_note_line *line = &note->lines[i];
        const struct audit_key *key = NULL;
        for (size_t j = 0; key == NULL && j < keys->count; j++)
            if (is_of(line, &keys->keys[j])) key = &keys->keys[j];
        if (key == NULL) {
            signatures.unknown++;
        } else if (!verify_line(note, line, key)) {
            return lx_fail(err, LX_ERR_CORRUPT, "%s: the signature of %s does not hold", file,
                           key->name);
        } else if (key->algorithm == AUDIT_COSIGNATURE) {
            signatures.of_witnesses++;
        } else if (strcmp(key->name, origin) == 0) {
            signatures.of_log++;
        }
    }
    for (size_t i = 0; i < keys->count; i++) {
        const struct audit_key *key = &keys->keys[i];
        if (key->algorithm == AUDIT_COSIGNATURE || strcmp(key->name, origin) != 0) continue;
        if (!has_signed(note, key))
            return lx_fail(err, LX_ERR_CORRUPT, "%s: a signature of %s (%s) is missing", file,
                           key->name, key->algorithm == AUDIT_SM2 ? "SM2" : "Ed25519");
    }
    if (signatures.of_log == 0)
        return lx_fail(err, LX_ERR_CORRUPT, "%s: no signature by a key that was given", file);
    *ret_signatures = signatures;
    return LX_OK;
}

void audit_checkpoint_put(const struct audit_checkpoint *checkpoint, struct lx_buffer *buffer)
{
    lx_buffer_printf(buffer, "%s\n%" PRIu64 "\n", checkpoint->origin, checkpoint->size);
    base64_put(buffer, checkpoint->root.bytes, sizeof checkpoint->root.bytes);
    lx_buffer_append_byte(buffer, '\n');
}

static bool parse_size(const char *text, size_t length, uint64_t *ret_size)
{
    uint64_t size = 0;
    if (length == 0 || length > 19 || (text[0] == '0' && length > 1)) return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        size = size * 10 + (uint64_t)(text[i] - '0');
    }
    *ret_size = size;
    return size <= INT64_MAX;
}

/* Three lines; extension lines are not for us and would be signed unseen. */
enum lx_err audit_checkpoint_parse(const char *file, const char *text, size_t length,
                                   struct audit_checkpoint *ret_checkpoint, struct lx_error *err)
{
    struct audit_checkpoint checkpoint = {.origin = ""};
    const char *lines[3], *at = text, *end = text + length;
    size_t lengths[3], root_length = 0, count = 0;
    for (; count < 3 && at < end; count++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        if (newline == NULL) break;
        lines[count] = at;
        lengths[count] = (size_t)(newline - at);
        at = newline + 1;
    }
    if (count < 3 || at != end || !audit_name_is_valid(lines[0], lengths[0]) ||
        !parse_size(lines[1], lengths[1], &checkpoint.size) ||
        !base64_get(lines[2], lengths[2], checkpoint.root.bytes, sizeof checkpoint.root.bytes,
                    &root_length) ||
        root_length != sizeof checkpoint.root.bytes)
        return lx_fail(err, LX_ERR_BAD_INPUT,
                       "%s: not a checkpoint: its text is the log's name, the number of leaves and "
                       "the root, a line each",
                       file);
    memcpy(checkpoint.origin, lines[0], lengths[0]);
    *ret_checkpoint = checkpoint;
    return LX_OK;
}

enum lx_err audit_note_sign(const struct audit_signer *signer, const char *text, size_t length,
                            int64_t now_ms, struct lx_buffer *lines, struct lx_error *err)
{
    LX_ASSERT(length > 0 && text[length - 1] == '\n' && now_ms >= 0);

    uint8_t bytes[AUDIT_KEY_ID_BYTES + STAMP_BYTES + AUDIT_SIGNATURE_BYTES];
    size_t size = AUDIT_KEY_ID_BYTES;
    struct lx_buffer message;
    lx_buffer_init(&message, AUDIT_NOTE_MAX + 64);
    memcpy(bytes, signer->key.id, AUDIT_KEY_ID_BYTES);
    if (signer->key.algorithm == AUDIT_COSIGNATURE) {
        uint64_t seconds = (uint64_t)now_ms / 1000;
        put_stamp(seconds, bytes + size);
        size += STAMP_BYTES;
        put_cosigned(text, length, seconds, &message);
    } else {
        lx_buffer_append(&message, text, length);
    }
    enum lx_err code = lx_buffer_error(&message);
    if (code != LX_OK) code = lx_fail(err, code, "audit: a note to sign: %s", lx_err_text(code));
    if (code == LX_OK)
        code = signer->sign(signer->context, message.bytes, message.length, bytes + size, err);
    lx_buffer_release(&message);
    if (code != LX_OK) return code;
    lx_buffer_append(lines, dash, DASH_BYTES);
    lx_buffer_append_text(lines, signer->key.name);
    lx_buffer_append_byte(lines, ' ');
    base64_put(lines, bytes, size + AUDIT_SIGNATURE_BYTES);
    lx_buffer_append_byte(lines, '\n');
    return LX_OK;
}

enum lx_err audit_checkpoint_open(const char *file, const char *bytes, size_t length,
                                  const struct audit_keys *keys,
                                  struct audit_checkpoint *ret_checkpoint,
                                  struct audit_signatures *ret_signatures, struct lx_error *err)
{
    struct audit_note note;
    struct audit_checkpoint checkpoint;
    struct audit_signatures signatures;
    enum lx_err code = audit_note_parse(file, bytes, length, &note, err);
    if (code == LX_OK)
        code = audit_checkpoint_parse(file, note.text, note.text_length, &checkpoint, err);
    if (code == LX_OK)
        code = audit_note_check(file, &note, checkpoint.origin, keys, &signatures, err);
    if (code != LX_OK) return code;
    *ret_checkpoint = checkpoint;
    if (ret_signatures != NULL) *ret_signatures = signatures;
    return LX_OK;
}
