#!/bin/bash
# Goal:   the kernels for arm64 (NEON) give bit for bit what their definition says.
# Method: the kernels' own unit test, built for arm64 and run by an emulator of the processor; and once more with a
#         comparison turned round, which it must notice.
. "$(dirname "$0")/tap.sh"
compiler=aarch64-linux-gnu-gcc
emulator=qemu-aarch64

make_test() { # make_test NAME KERNEL_SOURCE
    "$compiler" -std=c17 -D_GNU_SOURCE -O2 -static -ffp-contract=off -Wall -Wextra -Wno-unused-parameter -Werror \
        -I "$root/src" -I "$root/tests/arm64" -I "$root/tests" -o "$scratch/$1" \
        "$root/tests/unit/expr/test_kernel.c" "$root/src/expr/kernel.c" "$root/src/expr/kernel_plain.c" "$2" \
        "$root/src/base/rng.c" "$root/src/base/real.c" "$root/src/base/base.c" -lm
}
runs() { make_test right "$root/src/expr/kernel_neon.c" && "$emulator" "$scratch/right"; }
says_neon() { "$emulator" "$scratch/right" | grep -q '^best: neon$'; }
notices() {
    sed "s/$1/$2/" "$root/src/expr/kernel_neon.c" >"$scratch/wrong.c"
    ! cmp -s "$scratch/wrong.c" "$root/src/expr/kernel_neon.c" && make_test wrong "$scratch/wrong.c" &&
        ! "$emulator" "$scratch/wrong"
}

if ! command -v "$compiler" >/dev/null || ! command -v "$emulator" >/dev/null; then
    skip "the kernels' unit test holds on arm64" "no $compiler or no $emulator"
else
    test_that "the kernels' unit test holds on arm64" runs
    test_that "NEON is what it ran" says_neon
    test_that "a wrong comparison of 64 bits is noticed" notices vcleq_u64 vcltq_u64
    test_that "a wrong bound of reals is noticed" notices vcgeq_f32 vcgtq_f32
    test_that "a wrong place in the table is noticed" notices 'vdupq_n_u8(7)' 'vdupq_n_u8(3)'
fi
finish
