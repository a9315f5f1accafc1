#!/bin/sh
# Turns files into C, so that the program carries what it ships:
#
#     tools/embed.sh NAME=FILE... > embedded.c
#
# For each: `const char NAME[]`, the bytes and a final NUL, and `const unsigned long NAME_length`
# without it. Whoever uses them declares them `extern`.
set -eu
for pair in "$@"; do
    name=${pair%%=*} file=${pair#*=}
    printf 'extern const char %s[];\nextern const unsigned long %s_length;\n' "$name" "$name"
    printf 'const char %s[] = {\n' "$name"
    od -An -v -tx1 "$file" | sed "s/ \([0-9a-f][0-9a-f]\)/'\\\\x\1',/g"
    printf '0};\nconst unsigned long %s_length = sizeof %s - 1;\n' "$name" "$name"
done
