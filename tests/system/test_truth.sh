#!/bin/bash
# Goal:   the truth of a synthetic bank is opened by the simulator and by nothing else, or a model that
#         peeks would look like a model that learns.
# Method: its files are searched for by name in the sources; the search must find the simulator, and a
#         line that is planted elsewhere.
. "$(dirname "$0")/tap.sh"

names='acceptance\.csv|hidden\.csv|offers\.csv|needs\.csv|parameters\.ini|"truth"'
# Who writes them is ingest/synth*.
readers() {
    grep -rlE "$names" "$1/src" --include='*.[ch]' | sed "s|^$1/||" | grep -v '^src/ingest/synth' |
        LC_ALL=C sort
}
simulator_alone() {
    readers "$root" >"$scratch/readers"
    cat "$scratch/readers"
    [ -s "$scratch/readers" ] && ! grep -v '^src/model/simulate' "$scratch/readers"
}
test_that "only the simulator names the files of the truth" simulator_alone
planted() {
    mkdir -p "$scratch/tree/src/model"
    echo 'static const char *const peek = "acceptance.csv";' >"$scratch/tree/src/model/train.c"
    [ "$(readers "$scratch/tree")" = src/model/train.c ]
}
test_that "a reader elsewhere is found" planted
users() {
    grep -rlE '#include "model/simulate_(truth|oracle)' "$root/src" | sed "s|^$root/||" |
        grep -v '^src/model/simulate'
}
nobody_else() { ! users; }
test_that "nobody but the simulator includes its reader of the truth" nobody_else
finish
