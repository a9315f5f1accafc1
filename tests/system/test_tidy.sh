#!/bin/bash
# Goal:   the style check sees each fault that it claims to see, and passes the real tree.
# Method: a file that is in order, then the same file with one fault.
. "$(dirname "$0")/tap.sh"

good='#include "base/base.h"

int answer(void);

int answer(void)
{
    return 42;
}'
check() {
    rm -rf "$scratch/tree"
    mkdir -p "$scratch/tree/src/base"
    cp "$root/.clang-format" "$scratch/tree"
    printf '%s\n' "$2" >"$scratch/tree/src/base/${1:-answer.c}"
    "$root/tools/tidy" "$scratch/tree"
}
refuses() { ! check "$1" "$2" || return 1; grep -q "$3" "$scratch/said"; }
long_function() {
    printf 'int answer(void);\n\nint answer(void)\n{\n'
    for i in $(seq 71); do echo "    answer_$i();"; done
    printf '    return 0;\n}\n'
}

test_that "a file in order passes" check "" "$good"
test_that "a tab is seen" refuses "" "$(printf '\tint x;')" "a tab"
test_that "a wide line is seen" refuses "" "int $(printf 'x%.0s' $(seq 120));" "columns"
test_that "a typedef is seen" refuses "" "typedef struct x y;" "typedef"
test_that "a long function is seen" refuses "" "$(long_function)" "70 at most"
test_that "a file without a subject is seen" refuses "utils.c" "$good" "subject of its own"
test_that "the operating system outside host is seen" refuses "" "#include <pthread.h>" "src/host"
test_that "a plain malloc is seen" refuses "" "void *x = malloc(3);" "lx_malloc"
test_that "the clock is seen" refuses "" "long x = time(NULL);" "handed in"
test_that "the real tree holds" "$root/tools/tidy" "$root"
finish
