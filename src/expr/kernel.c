#include "expr/kernel.h"

static const char *const kernel_names[] = {
    [EXPR_KERNEL_BEST] = "best",     [EXPR_KERNEL_PLAIN] = "plain", [EXPR_KERNEL_AVX2] = "avx2",
    [EXPR_KERNEL_AVX512] = "avx512", [EXPR_KERNEL_NEON] = "neon",
};

const char *expr_kernel_name(enum expr_kernel kernel)
{
    LX_ASSERT((size_t)kernel < LX_COUNT_OF(kernel_names));

    return kernel_names[kernel];
}

bool expr_kernel_is_supported(enum expr_kernel kernel)
{
    switch (kernel) {
    case EXPR_KERNEL_BEST:
    case EXPR_KERNEL_PLAIN: return true;
#ifdef EXPR_HAS_X86
    case EXPR_KERNEL_AVX2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt");
    case EXPR_KERNEL_AVX512:
        return __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("avx512f") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl");
#else
    case EXPR_KERNEL_AVX2:
    case EXPR_KERNEL_AVX512: return false;
#endif
#ifdef EXPR_HAS_NEON
    case EXPR_KERNEL_NEON: return true;
#else
    case EXPR_KERNEL_NEON: return false;
#endif
    case EXPR_KERNEL_COUNT: break;
    }
    lx_bug(__FILE__, __LINE__, "kernel");
}

enum expr_kernel expr_kernel_best(void)
{
    if (expr_kernel_is_supported(EXPR_KERNEL_AVX512)) return EXPR_KERNEL_AVX512;
    if (expr_kernel_is_supported(EXPR_KERNEL_AVX2)) return EXPR_KERNEL_AVX2;
    if (expr_kernel_is_supported(EXPR_KERNEL_NEON)) return EXPR_KERNEL_NEON;
    return EXPR_KERNEL_PLAIN;
}

const struct expr_kernel_functions *expr_kernel_functions_of(enum expr_kernel kernel)
{
    LX_ASSERT(expr_kernel_is_supported(kernel));

    if (kernel == EXPR_KERNEL_BEST) kernel = expr_kernel_best();
#ifdef EXPR_HAS_X86
    if (kernel == EXPR_KERNEL_AVX512) return &expr_kernel_avx512;
    if (kernel == EXPR_KERNEL_AVX2) return &expr_kernel_avx2;
#endif
#ifdef EXPR_HAS_NEON
    if (kernel == EXPR_KERNEL_NEON) return &expr_kernel_neon;
#endif
    return &expr_kernel_plain;
}
