/*
 * fuzz_note: any bytes are a signed note or are refused; a checkpoint that is read is written as it
 * was; a key that is read is written as it was; and no note holds by a key that did not sign it,
 * except the one that it did sign.
 */
#include <stdlib.h>
#include <string.h>

#include "audit/leaf.h"
#include "audit/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char key_text[] =
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n";
static const char signed_text[] = "If you think cryptography is the answer to your problem,\n"
                                  "then you don't know what your problem is.\n";

static void require(bool holds)
{
    if (!holds) abort();
}

static void read_note(const char *text, size_t size)
{
    struct lx_error err;
    struct audit_note note;
    struct audit_keys keys;
    struct audit_signatures signatures;
    require(audit_keys_parse("key", key_text, sizeof key_text - 1, &keys, &err) == LX_OK);
    if (audit_note_parse("note", text, size, &note, &err) != LX_OK) return;
    require(note.line_count > 0 && note.text_length < size);
    require(note.text_length > 0 && text[note.text_length - 1] == '\n');
    if (audit_note_check("note", &note, "PeterNeumann", &keys, &signatures, &err) == LX_OK)
        require(note.text_length == sizeof signed_text - 1 &&
                memcmp(text, signed_text, note.text_length) == 0);
}

static void read_checkpoint(const char *text, size_t size)
{
    struct lx_error err;
    struct audit_checkpoint checkpoint;
    struct lx_buffer again;
    if (audit_checkpoint_parse("checkpoint", text, size, &checkpoint, &err) != LX_OK) return;
    lx_buffer_init(&again, AUDIT_NOTE_MAX);
    audit_checkpoint_put(&checkpoint, &again);
    require(again.length == size && memcmp(again.bytes, text, size) == 0);
    lx_buffer_release(&again);
}

static void read_key(const char *text, size_t size)
{
    struct audit_key key;
    struct lx_buffer again;
    uint8_t signature[AUDIT_SIGNATURE_BYTES] = {0};
    if (!audit_key_parse(text, size, &key)) return;
    lx_buffer_init(&again, AUDIT_NOTE_MAX);
    audit_key_put(&key, &again);
    require(again.length == size && memcmp(again.bytes, text, size) == 0);
    lx_buffer_release(&again);
    memcpy(signature, text, size < sizeof signature ? size : sizeof signature);
    (void)audit_key_verify(&key, text, size, signature);
}

static void read_leaf(const uint8_t *data, size_t size)
{
    struct audit_leaf leaf;
    uint8_t again[AUDIT_LEAF_BYTES];
    if (!audit_leaf_read(data, size, &leaf)) return;
    audit_leaf_write(&leaf, again);
    require(memcmp(again, data, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    read_note((const char *)data, size);
    read_checkpoint((const char *)data, size);
    read_key((const char *)data, size);
    read_leaf(data, size);
    return 0;
}
