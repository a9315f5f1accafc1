#include "expr/kernel_loops.h"

KERNEL_RANGE(range_8, uint8_t)
KERNEL_RANGE(range_16, uint16_t)
KERNEL_RANGE(range_32, uint32_t)
KERNEL_RANGE(range_64, uint64_t)
KERNEL_REAL_RANGE(range_f32, float)
KERNEL_REAL_RANGE(range_f64, double)
KERNEL_NAN(nan_f32, float)
KERNEL_NAN(nan_f64, double)
KERNEL_TABLE(table_8, uint8_t)
KERNEL_TABLE(table_16, uint16_t)
KERNEL_COMPARE(compare_i64, int64_t)
KERNEL_COMPARE(compare_f64, double)

const struct expr_kernel_functions expr_kernel_plain = {
    range_8, range_16, range_32, range_64,      range_f32,   range_f64,   nan_f32,
    nan_f64, table_8,  table_16, loop_table_32, compare_i64, compare_f64, loop_count,
};
