/*
 * Goal:   a new row is missing everywhere, rows and names survive growth and copying, and a failed
 *         allocation leaves a matrix that can be released.
 * Method: small matrices, and every allocation of a fill and a copy made to fail in turn.
 */
#include "cmocka_all.h"

#include <math.h>

#include "learn/matrix.h"

static void test_a_new_row_is_missing_everywhere(void **state)
{
    (void)state;
    struct matrix matrix;
    assert_int_equal(matrix_init(&matrix, 3), LX_OK);
    float *row = NULL;
    assert_int_equal(matrix_add_row(&matrix, &row), LX_OK);
    for (size_t i = 0; i < 3; i++) assert_true(isnan(row[i]));
    assert_int_equal(matrix.row_count, 1);
    matrix_release(&matrix);
}

static void test_rows_keep_their_values_while_the_matrix_grows(void **state)
{
    (void)state;
    struct matrix matrix;
    assert_int_equal(matrix_init(&matrix, 2), LX_OK);
    for (int i = 0; i < 1000; i++) {
        float *row = NULL;
        assert_int_equal(matrix_add_row(&matrix, &row), LX_OK);
        row[0] = (float)i;
        row[1] = (float)-i;
    }
    for (size_t i = 0; i < 1000; i++) {
        assert_true(matrix_row(&matrix, i)[0] == (float)i);
        assert_true(matrix_row(&matrix, i)[1] == -(float)i);
    }
    matrix_release(&matrix);
}

static enum lx_err fill_and_copy(struct matrix *matrix, struct matrix *copy)
{
    static const uint32_t rows[] = {2, 0, 2};
    enum lx_err code = matrix_init(matrix, 1);
    for (int i = 0; i < 3 && code == LX_OK; i++) {
        float *row = NULL;
        code = matrix_add_row(matrix, &row);
        if (code == LX_OK) row[0] = (float)(10 * i);
    }
    if (code == LX_OK) code = matrix_name(matrix, 0, "first");
    if (code == LX_OK) code = matrix_name(matrix, 0, "tens");
    if (code == LX_OK) code = matrix_copy_rows(matrix, rows, 3, copy);
    return code;
}

static void test_copied_rows_come_in_the_order_asked_for_with_names(void **state)
{
    (void)state;
    struct matrix matrix = {0}, copy = {0};
    assert_int_equal(fill_and_copy(&matrix, &copy), LX_OK);
    assert_int_equal(copy.row_count, 3);
    assert_true(matrix_row(&copy, 0)[0] == 20);
    assert_true(matrix_row(&copy, 1)[0] == 0);
    assert_true(matrix_row(&copy, 2)[0] == 20);
    assert_string_equal(copy.names[0], "tens");
    matrix_release(&matrix);
    matrix_release(&copy);
}

static void test_any_failed_allocation_leaves_what_can_be_released(void **state)
{
    (void)state;
    enum lx_err code = LX_ERR_NO_MEMORY;
    uint64_t failed = 0;
    for (uint64_t n = 1; code != LX_OK; n++) {
        struct matrix matrix = {0}, copy = {0};
        lx_alloc_fail_at(n);
        code = fill_and_copy(&matrix, &copy);
        lx_alloc_fail_at(0);
        if (code != LX_OK) assert_int_equal(code, LX_ERR_NO_MEMORY);
        failed += code != LX_OK;
        matrix_release(&matrix);
        matrix_release(&copy);
    }
    assert_int_equal(failed, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_row_is_missing_everywhere),
        cmocka_unit_test(test_rows_keep_their_values_while_the_matrix_grows),
        cmocka_unit_test(test_copied_rows_come_in_the_order_asked_for_with_names),
        cmocka_unit_test(test_any_failed_allocation_leaves_what_can_be_released),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
