#!/bin/bash
# Goal:   wrong usage ends with status 2, says what is wrong and what to do, and changes nothing.
# Method: one line a mistake; help in both languages; the reference page equals the program's own.
. "$(dirname "$0")/tap.sh"
cd "$scratch" || exit 2

test_that "no command prints help" exits 0 "recommend" "$lingxi"
test_that "an unknown command is refused with a suggestion" exits 2 'did you mean `import`' "$lingxi" imprt
test_that "an unknown option is refused with a suggestion" exits 2 "did you mean --customers" \
    "$lingxi" synth out --customer 5
test_that "a missing argument shows the usage" exits 2 "usage: lingxi timeline ID" "$lingxi" timeline
test_that "a missing value is named" exits 2 -- "$lingxi" synth out --customers
test_that "a number that is none is refused" exits 2 "not a whole number" "$lingxi" synth out --customers many
test_that "a number out of range names the range" exits 2 "between 1 and" "$lingxi" synth out --customers 0
test_that "a day that does not exist is refused" exits 1 "no bank" "$lingxi" -C none train --as-of 2026-01-31
test_that "help is Chinese by default" exits 0 "数据目录" "$lingxi" help
test_that "help is English on request" exits 0 "data directory" "$lingxi" --lang en help
test_that "a language that is none is refused" exits 2 "zh or en" "$lingxi" --lang fr help
test_that "a failure with --json is one document" bash -c \
    '"$1" --json nonsense 2>/dev/null | python3 -c "import json,sys; assert json.load(sys.stdin)[\"error\"][\"code\"] == \"USAGE\""' \
    bash "$lingxi"
same_reference() { "$lingxi" help --markdown | cmp - "$root/docs/reference/commands.md"; }
test_that "docs/reference/commands.md is the program's own help" same_reference
# What stands behind the line `<!-- shipped -->` of a page is what the program prints.
same_table() {
    sed '1,/^<!-- shipped -->$/d' "$root/docs/reference/$1.md" >"$scratch/out"
    [ -s "$scratch/out" ] && "$lingxi" -C none "$1" --markdown | cmp - "$scratch/out"
}
test_that "docs/reference/features.md has the features of data/features.ini" same_table features
test_that "docs/reference/labels.md has the labels of data/labels.ini" same_table labels
nothing_made() { [ -z "$(find "$scratch" -mindepth 1 ! -name said ! -name out ! -name err)" ]; }
test_that "nothing was made" nothing_made
finish
