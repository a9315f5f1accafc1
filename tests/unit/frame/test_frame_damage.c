/*
 * Goal:   a damaged or hostile frame is refused with a clear error or read within its bounds; it
 *         never crashes.
 * Method: one small frame cut at every length and with every bit flipped; then sizes and counts
 *         overwritten at random with the checksums made right again, which a flipped bit cannot do
 *         but a hostile file can.
 */
#include "small_frame.h"

#include "base/buffer.h"
#include "base/rng.h"
#include "codec/digest.h"

/* The small frame's bytes, in memory aligned as a mapping is. */
static uint8_t *good, *damaged;
static size_t size;

static int load(void **state)
{
    char path[LX_PATH_MAX];
    struct lx_error err;
    char scratch[LX_PATH_MAX];
    struct lx_buffer bytes;
    scratch_make(scratch);
    MUST(small_write(in_scratch(scratch, "small.frame", path), &err));
    lx_buffer_init(&bytes, 1 << 20);
    MUST(host_read_file(path, &bytes, &err));
    size = bytes.length;
    good = aligned_alloc(FRAME_ALIGNMENT, size);
    damaged = aligned_alloc(FRAME_ALIGNMENT, size);
    assert_true(good != NULL && damaged != NULL);
    memcpy(good, bytes.bytes, size);
    lx_buffer_release(&bytes);
    scratch_remove(scratch);
    return 0;
}

static int unload(void **state)
{
    free(good);
    free(damaged);
    return 0;
}

static uint64_t read_bitmap(const struct frame *frame, const char *name)
{
    const struct roaring_bitmap_s *bitmap = NULL;
    struct lx_error ignored;
    uint64_t words[4], sum = 0;
    if (frame_bitmap_open(frame, name, &bitmap, &ignored) != LX_OK) return 0;
    frame_bitmap_words(bitmap, 0, LX_COUNT_OF(words), words);
    for (size_t i = 0; i < LX_COUNT_OF(words); i++) sum += words[i];
    frame_bitmap_close(bitmap);
    return sum;
}

/* Opens, verifies and reads every element of what opens. */
static enum lx_err read_all(const uint8_t *bytes, size_t length, struct lx_error *err)
{
    struct frame *frame = NULL;
    enum lx_err code = frame_open_bytes("damaged", bytes, length, &frame, err);
    if (code != LX_OK) return code;
    code = frame_verify(frame, err);
    volatile uint64_t sum = 0;
    size_t words = frame_bit_words(frame_row_count(frame));
    for (size_t i = 0; i < frame_column_count(frame); i++) {
        struct frame_column column;
        struct lx_error ignored;
        assert_int_equal(frame_column_at(frame, i, &column, &ignored), LX_OK);
        const uint8_t *values = column.values;
        for (uint64_t k = 0; k < column.count * column.element_size; k++) sum += values[k];
        for (uint64_t row = 0; column.offsets != NULL && row < frame_row_count(frame); row++) {
            size_t count;
            const uint8_t *elements = frame_list_at(&column, row, &count);
            for (size_t k = 0; k < count * column.element_size; k++) sum += elements[k];
        }
        for (uint64_t word = 0; column.nulls != NULL && word < words; word++)
            sum += column.nulls[word];
        for (uint64_t k = 0; k <= column.strings.count; k++) {
            size_t count;
            const char *text = frame_string_at(&column, k, &count);
            for (size_t byte = 0; byte < count; byte++) sum += (uint8_t)text[byte];
        }
        if (column.type == FRAME_BITMAP) sum += read_bitmap(frame, column.name);
    }
    (void)sum;
    frame_close(frame);
    return code;
}

static void test_the_undamaged_frame_is_read(void **state)
{
    struct lx_error err;
    MUST(read_all(good, size, &err));
}

static void test_every_truncation_is_refused_by_open(void **state)
{
    struct lx_error err;
    struct frame *frame = NULL;
    for (size_t length = 0; length < size; length++) {
        enum lx_err code = frame_open_bytes("cut", good, length, &frame, &err);
        if (code != LX_ERR_CORRUPT) fail_msg("length %zu: %s", length, lx_err_name(code));
        if (strstr(err.text, "cut: ") != err.text) fail_msg("length %zu: %s", length, err.text);
    }
}

static void test_every_flipped_bit_is_refused(void **state)
{
    struct lx_error err;
    size_t refused_by_open = 0;
    for (size_t bit = 0; bit < size * 8; bit++) {
        memcpy(damaged, good, size);
        damaged[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        struct frame *frame = NULL;
        enum lx_err code = frame_open_bytes("flipped", damaged, size, &frame, &err);
        refused_by_open += code != LX_OK;
        if (code == LX_OK) code = frame_verify(frame, &err);
        frame_close(frame);
        if (code != LX_ERR_CORRUPT)
            fail_msg("bit %zu of byte %zu: %s", bit % 8, bit / 8, lx_err_name(code));
    }
    /* Prologue and epilogue at least. */
    assert_true(refused_by_open >= 128 * 8);
}

static void put_u32(uint8_t *at, uint32_t value)
{
    memcpy(at, &value, sizeof value);
}

static uint64_t get_u64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

/* Where they lie in the bounds, the checksums of prologue, directory and epilogue. */
static void make_checksums_right(uint8_t *bytes)
{
    uint8_t *end = bytes + size - 64;
    uint64_t at = get_u64(end + 12), length = get_u64(end + 20);
    if (at <= size && length <= size - at)
        put_u32(end + 28, digest_crc32c(0, bytes + at, (size_t)length));
    put_u32(end + 60, digest_crc32c(0, end, 60));
    put_u32(bytes + 60, digest_crc32c(0, bytes, 60));
}

static void test_another_version_is_named(void **state)
{
    struct lx_error err;
    struct frame *frame = NULL;
    memcpy(damaged, good, size);
    put_u32(damaged + 8, FRAME_VERSION + 1);
    make_checksums_right(damaged);
    assert_int_equal(frame_open_bytes("next", damaged, size, &frame, &err), LX_ERR_VERSION);
    assert_string_equal(err.text,
                        "next: frame version 3, this program reads 2; run `lingxi refresh`");
}

static void test_a_hostile_file_is_refused_or_read_within_bounds(void **state)
{
    static const uint64_t extremes[] = {0,
                                        1,
                                        5,
                                        6,
                                        UINT32_MAX,
                                        INT64_MAX,
                                        UINT64_MAX,
                                        UINT64_MAX / 8,
                                        UINT64_MAX / 8 + 1,
                                        UINT64_MAX - 63};
    size_t opened = 0;
    for (uint64_t seed = 0; seed < 40000; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 2);
        struct lx_error err;
        memcpy(damaged, good, size);
        size_t directory = (size_t)get_u64(good + size - 64 + 12);
        for (uint64_t left = 1 + lx_rng_below(&rng, 3); left > 0; left--) {
            /* Mostly where the sizes are: prologue, directory, epilogue. */
            size_t at = lx_rng_below(&rng, 4) == 0
                            ? lx_rng_below(&rng, 60)
                            : directory + lx_rng_below(&rng, size - 8 - directory);
            uint64_t value = lx_rng_below(&rng, 2) == 0
                                 ? extremes[lx_rng_below(&rng, LX_COUNT_OF(extremes))]
                                 : lx_rng_next(&rng) >> lx_rng_below(&rng, 64);
            memcpy(damaged + at, &value, 1 + lx_rng_below(&rng, 8));
        }
        make_checksums_right(damaged);
        struct frame *frame = NULL;
        opened += frame_open_bytes("hostile", damaged, size, &frame, &err) == LX_OK;
        frame_close(frame);
        enum lx_err code = read_all(damaged, size, &err);
        if (code != LX_OK && code != LX_ERR_CORRUPT && code != LX_ERR_VERSION)
            fail_msg("seed %lu: %s", (unsigned long)seed, err.text);
    }
    /* The test means something only if some of them pass the checksums. */
    assert_true(opened > 100);
}

static void test_offsets_that_fall_are_refused_by_verify_and_read_as_nothing(void **state)
{
    struct lx_error err;
    struct frame *frame = NULL;
    struct frame_column column;
    memcpy(damaged, good, size);
    MUST(frame_open_bytes("falling", damaged, size, &frame, &err));
    MUST(frame_column_named(frame, "text", FRAME_TEXT, &column, &err));
    uint64_t far = UINT64_MAX - 1;
    memcpy(damaged + ((const uint8_t *)column.offsets - damaged) + sizeof far, &far, sizeof far);
    for (uint64_t row = 0; row < 2; row++) {
        size_t count;
        frame_list_at(&column, row, &count);
        assert_int_equal(count, 0);
    }
    assert_int_equal(frame_verify(frame, &err), LX_ERR_CORRUPT);
    frame_close(frame);
}

/* A frame's bytes with one bitmap whose containers are an array, a bitset and runs. */
static uint8_t *write_three_kinds(size_t *ret_size)
{
    enum { ROWS = 3 * 65536, WORDS = ROWS / 64 };
    char scratch[LX_PATH_MAX], path[LX_PATH_MAX];
    struct lx_error err;
    struct frame_writer *writer = NULL;
    struct lx_buffer bytes;
    uint64_t *bits = lx_calloc(WORDS, sizeof *bits);
    struct lx_rng rng = lx_rng_of(4, 0);
    for (size_t i = 0; i < 1024; i += 16) bits[i] = (uint64_t)1 << i % 64;
    for (size_t i = 1024; i < 2048; i++) bits[i] = lx_rng_next(&rng);
    for (size_t i = 2048; i < 2800; i++) bits[i] = UINT64_MAX;
    scratch_make(scratch);
    in_scratch(scratch, "kinds.frame", path);
    MUST(frame_writer_open(path, ROWS, &writer, &err));
    MUST(frame_write_bits(writer, "set", bits, &err));
    MUST(frame_writer_commit(writer, "", 0, &err));
    frame_writer_close(writer);
    lx_buffer_init(&bytes, 1 << 20);
    MUST(host_read_file(path, &bytes, &err));
    uint8_t *copy = aligned_alloc(FRAME_ALIGNMENT, bytes.length);
    assert_non_null(copy);
    memcpy(copy, bytes.bytes, bytes.length);
    *ret_size = bytes.length;
    lx_buffer_release(&bytes);
    lx_free(bits);
    scratch_remove(scratch);
    return copy;
}

static void test_a_damaged_bitmap_is_refused_or_read_as_a_set_of_rows(void **state)
{
    struct lx_error err;
    struct frame *frame = NULL;
    struct frame_column column;
    size_t refused = 0, length;
    uint8_t *bytes = write_three_kinds(&length);
    uint64_t *words = lx_calloc(3072, sizeof *words);
    MUST(frame_open_bytes("kinds", bytes, length, &frame, &err));
    MUST(frame_column_named(frame, "set", FRAME_BITMAP, &column, &err));
    uint8_t *values = bytes + ((const uint8_t *)column.values - bytes);
    for (uint64_t seed = 0; seed < 20000; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 5);
        /* Half of the damage near the end, where the sizes are. */
        uint64_t from = seed % 2 == 0 ? 0 : column.count - 40;
        size_t at = (size_t)(from + lx_rng_below(&rng, column.count - from));
        uint8_t before = values[at];
        values[at] = (uint8_t)(before ^ (1 + lx_rng_below(&rng, 255)));
        const struct roaring_bitmap_s *bitmap = NULL;
        enum lx_err code = frame_bitmap_open(frame, "set", &bitmap, &err);
        if (code != LX_OK && code != LX_ERR_CORRUPT) fail_msg("seed %lu", (unsigned long)seed);
        if (code == LX_OK) frame_bitmap_words(bitmap, 0, 3072, words);
        frame_bitmap_close(bitmap);
        refused += code != LX_OK;
        if (frame_verify(frame, &err) != LX_ERR_CORRUPT) fail_msg("seed %lu", (unsigned long)seed);
        values[at] = before;
    }
    assert_true(refused > 10000);
    frame_close(frame);
    lx_free(words);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_undamaged_frame_is_read),
        cmocka_unit_test(test_every_truncation_is_refused_by_open),
        cmocka_unit_test(test_every_flipped_bit_is_refused),
        cmocka_unit_test(test_another_version_is_named),
        cmocka_unit_test(test_a_hostile_file_is_refused_or_read_within_bounds),
        cmocka_unit_test(test_offsets_that_fall_are_refused_by_verify_and_read_as_nothing),
        cmocka_unit_test(test_a_damaged_bitmap_is_refused_or_read_as_a_set_of_rows),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
