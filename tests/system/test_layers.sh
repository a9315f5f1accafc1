#!/bin/bash
# Goal:   the layer check lets through what the table allows, and nothing else.
# Method: a small tree with one allowed and one forbidden include at a time; then the real tree.
. "$(dirname "$0")/tap.sh"

tree() {
    rm -rf "$scratch/tree"
    mkdir -p "$scratch/tree/src/base" "$scratch/tree/src/codec" "$scratch/tree/src/learn" \
        "$scratch/tree/src/$2"
    echo "#include \"$1\"" >"$scratch/tree/src/$2/part.c"
}
allows() { tree "$1" "$2" && "$root/tools/layers" "$scratch/tree"; }
refuses() { tree "$1" "$2" && ! "$root/tools/layers" "$scratch/tree"; }

test_that "a lower line may be included" allows base/base.h codec
test_that "a folder may include itself" allows codec/csv.h codec
test_that "an arrow allows the same line" allows frame/frame.h learn
test_that "a higher line is refused" refuses learn/forest.h base
test_that "the same line without an arrow is refused" refuses host/file.h codec
test_that "a folder outside the table is refused" refuses base/base.h extras
test_that "an include without a folder is refused" refuses part.h codec
test_that "the real tree holds" "$root/tools/layers" "$root"

documented() { sed -n '/<!-- layers -->/,/<!-- \/layers -->/p' "$root/docs/ARCHITECTURE.md" | grep '^[0-9]'; }
same() { [ "$(documented)" = "$(grep '^[0-9]' "$root/tools/layers.txt")" ]; }
test_that "docs/ARCHITECTURE.md prints the same table" same
finish
