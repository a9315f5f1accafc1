/*
 * Goal:   keys, signed notes and checkpoints are those of C2SP, signatures hold if and only if they
 *         are the key's own, and no other bytes are taken for a note.
 * Method: keys and a note that others have published, the worked example of GB/T 32918.5 for SM2;
 *         broken notes line by line; a note of our own with every bit turned over.
 */
#include "audit_world.h"

#include "audit/sm2.h"
#include "codec/base64.h"

/* From the documentation of golang.org/x/mod/sumdb/note. */
static const char neumann_key[] =
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
static const char neumann_note[] =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n\n"
    "\xE2\x80\x94 PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    "\n";

static void test_published_keys_are_read_and_written(void **state)
{
    (void)state;
    static const char *const rows[] = {
        neumann_key, "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"};
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct audit_key key;
        struct lx_buffer text;
        lx_buffer_init(&text, 1000);
        assert_true(audit_key_parse(rows[i], strlen(rows[i]), &key));
        audit_key_put(&key, &text);
        assert_string_equal(lx_buffer_text(&text), rows[i]);
        lx_buffer_release(&text);
    }
}

static void test_what_is_no_key_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "PeterNeumann",
        "PeterNeumann+c74f20a3",
        "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumaNn+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T",
        "PeterNeumann+c74f20a3+AhpC2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct audit_key key;
        if (audit_key_parse(rows[i], strlen(rows[i]), &key)) fail_msg("\"%s\" is taken", rows[i]);
    }
    struct audit_keys keys;
    struct lx_error err;
    static const char file[] = "# ours\n\nsum.golang.org+033de0ae+Ac4z\n";
    MUST_FAIL(audit_keys_parse("x.pub", file, sizeof file - 1, &keys, &err), LX_ERR_BAD_INPUT);
    assert_non_null(strstr(err.text, "x.pub:3"));
    MUST_FAIL(audit_keys_parse("x.pub", "#\n", 2, &keys, &err), LX_ERR_BAD_INPUT);
}

static enum lx_err check(const char *bytes, size_t length, const struct audit_keys *keys,
                         const char *origin, struct lx_error *err)
{
    struct audit_note note;
    struct audit_signatures signatures;
    enum lx_err code = audit_note_parse("note", bytes, length, &note, err);
    return code == LX_OK ? audit_note_check("note", &note, origin, keys, &signatures, err) : code;
}

static void test_a_published_note_holds_and_no_other(void **state)
{
    (void)state;
    struct lx_error err;
    struct audit_keys keys;
    char bytes[sizeof neumann_note];
    size_t length = sizeof neumann_note - 1;
    MUST(audit_keys_parse("key", neumann_key, strlen(neumann_key), &keys, &err));
    MUST(check(neumann_note, length, &keys, "PeterNeumann", &err));
    for (size_t bit = 0; bit < 8 * length; bit++) {
        memcpy(bytes, neumann_note, sizeof bytes);
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        if (check(bytes, length, &keys, "PeterNeumann", &err) == LX_OK)
            fail_msg("holds with bit %zu turned over", bit);
    }
    for (size_t end = 0; end < length; end++)
        if (check(neumann_note, end, &keys, "PeterNeumann", &err) == LX_OK)
            fail_msg("holds when cut at %zu", end);
}

static void test_lines_of_unknown_keys_are_counted_and_pass(void **state)
{
    (void)state;
    static const char line[] = "\xE2\x80\x94 example.com/w AAAAAAECAwQF\n";
    char bytes[sizeof neumann_note + sizeof line];
    struct lx_error err;
    struct audit_keys keys;
    struct audit_note note;
    struct audit_signatures signatures;
    MUST(audit_keys_parse("key", neumann_key, strlen(neumann_key), &keys, &err));
    snprintf(bytes, sizeof bytes, "%s%s", neumann_note, line);
    MUST(audit_note_parse("note", bytes, strlen(bytes), &note, &err));
    MUST(audit_note_check("note", &note, "PeterNeumann", &keys, &signatures, &err));
    assert_int_equal(signatures.of_log, 1);
    assert_int_equal(signatures.unknown, 1);
    /* A known key of another name says nothing of this log. */
    MUST_FAIL(audit_note_check("note", &note, "example.com", &keys, &signatures, &err),
              LX_ERR_CORRUPT);
}

static void test_checkpoints_have_three_lines_of_their_form(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_valid;
    } rows[] = {
        {"example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
         true},
        {"a\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", true},
        {"a\n00\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", false},
        {"a\n01\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", false},
        {"a\n-1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", false},
        {"a\n+1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", false},
        {"a\n9223372036854775807\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", true},
        {"a\n9223372036854775808\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", false},
        {"a\n99999999999999999999\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", false},
        {"\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", false},
        {"a b\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", false},
        {"a\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU\n", false},
        {"a\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=\n", false},
        {"a\n1\nAAAA\n", false},
        {"a\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nmore\n", false},
        {"a\n1\n", false},
        {"a\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", false},
        {"", false},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct lx_error err;
        struct audit_checkpoint checkpoint;
        struct lx_buffer again;
        size_t length = strlen(rows[i].text);
        enum lx_err code = audit_checkpoint_parse("c", rows[i].text, length, &checkpoint, &err);
        if ((code == LX_OK) != rows[i].is_valid) fail_msg("row %zu: %s", i, lx_err_name(code));
        if (code != LX_OK) continue;
        lx_buffer_init(&again, 1000);
        audit_checkpoint_put(&checkpoint, &again);
        assert_string_equal(lx_buffer_text(&again), rows[i].text);
        lx_buffer_release(&again);
    }
}

/* GB/T 32918.5-2017, annex A.2. */
static void test_sm2_holds_the_example_of_its_standard(void **state)
{
    (void)state;
    uint8_t point[SM2_POINT_BYTES], signature[SM2_SIGNATURE_BYTES];
    assert_true(hex_get("0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
                        "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13",
                        130, point, sizeof point));
    assert_true(hex_get("f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
                        "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa",
                        128, signature, sizeof signature));
    assert_true(sm2_verify(point, "message digest", 14, signature));
    assert_false(sm2_verify(point, "message Digest", 14, signature));
    for (size_t bit = 0; bit < 8 * sizeof signature; bit++) {
        signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (sm2_verify(point, "message digest", 14, signature))
            fail_msg("holds with bit %zu turned over", bit);
        signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    memset(signature, 0, sizeof signature);
    assert_false(sm2_verify(point, "message digest", 14, signature));
    point[10] ^= 1; /* not on the curve */
    assert_false(sm2_verify(point, "message digest", 14, signature));
}

static void test_both_keys_sign_and_stay_the_same(void **state)
{
    (void)state;
    struct lx_error err;
    struct audit_world world;
    struct audit_keyring *ring = NULL, *again = NULL;
    world_init(&world, 3);
    MUST(audit_keyring_open(world.folder, AUDIT_LOG_KEYS, "bank.example/log", &world.env, &ring,
                            &err));
    assert_int_equal(audit_keyring_count(ring), 2);
    for (size_t i = 0; i < 2; i++) {
        const struct audit_signer *signer = audit_keyring_signer(ring, i);
        uint8_t signature[AUDIT_SIGNATURE_BYTES];
        assert_string_equal(signer->key.name, "bank.example/log");
        MUST(signer->sign(signer->context, "text", 4, signature, &err));
        assert_true(audit_key_verify(&signer->key, "text", 4, signature));
        assert_false(audit_key_verify(&signer->key, "texT", 4, signature));
        assert_false(
            audit_key_verify(&audit_keyring_signer(ring, 1 - i)->key, "text", 4, signature));
    }
    MUST(audit_keyring_open(world.folder, AUDIT_LOG_KEYS, NULL, &world.env, &again, &err));
    for (size_t i = 0; i < 2; i++)
        assert_memory_equal(audit_keyring_signer(ring, i)->key.bytes,
                            audit_keyring_signer(again, i)->key.bytes, 32);
    audit_keyring_close(again);
    again = NULL;
    MUST_FAIL(audit_keyring_open(world.folder, AUDIT_LOG_KEYS, "other", &world.env, &again, &err),
              LX_ERR_REFUSED);
    MUST_FAIL(audit_keyring_open(world.folder, AUDIT_LOG_KEYS, "a b", &world.env, &again, &err),
              LX_ERR_USAGE);
    /* A key that is gone is not made anew, and another one is not taken for it. */
    char ed25519[LX_PATH_MAX], sm2[LX_PATH_MAX];
    snprintf(ed25519, sizeof ed25519, "%.4000s/keys/audit-ed25519.pem", world.folder);
    snprintf(sm2, sizeof sm2, "%.4000s/keys/audit-sm2.pem", world.folder);
    struct lx_buffer pem;
    lx_buffer_init(&pem, LX_CONFIG_MAX);
    read_whole(ed25519, &pem);
    write_whole(sm2, pem.bytes, pem.length);
    lx_buffer_release(&pem);
    MUST_FAIL(audit_keyring_open(world.folder, AUDIT_LOG_KEYS, NULL, &world.env, &again, &err),
              LX_ERR_BAD_INPUT);
    MUST(host_remove(sm2, &err));
    MUST_FAIL(audit_keyring_open(world.folder, AUDIT_LOG_KEYS, NULL, &world.env, &again, &err),
              LX_ERR_NOT_FOUND);
    audit_keyring_close(ring);
    world_release(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_keys_are_read_and_written),
        cmocka_unit_test(test_what_is_no_key_is_refused),
        cmocka_unit_test(test_a_published_note_holds_and_no_other),
        cmocka_unit_test(test_lines_of_unknown_keys_are_counted_and_pass),
        cmocka_unit_test(test_checkpoints_have_three_lines_of_their_form),
        cmocka_unit_test(test_sm2_holds_the_example_of_its_standard),
        cmocka_unit_test(test_both_keys_sign_and_stay_the_same),
    };
    return cmocka_run_group_tests_name("audit/note", tests, NULL, NULL);
}
