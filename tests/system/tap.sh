# tap.sh: what the system tests share. Each test sources it, says `test_that "..." command ...`, and ends
# with `finish`. TAP on stdout; a failure prints what the command said.
# shellcheck shell=bash
# shellcheck disable=SC2034
set -u
LC_ALL=C.UTF-8
export LC_ALL
unset LINGXI_LANG
lingxi=${LINGXI_BIN:?the built program}
root=${LINGXI_ROOT:?the source tree}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
number=0
broken=0

# test_that NAME COMMAND...: holds if the command succeeds.
test_that() {
    local name=$1
    shift
    number=$((number + 1))
    if "$@" >"$scratch/said" 2>&1; then
        echo "ok $number - $name"
    else
        echo "not ok $number - $name"
        sed 's/^/# /' "$scratch/said" | head -n 30
        broken=$((broken + 1))
    fi
}

# skip NAME WHY
skip() {
    number=$((number + 1))
    echo "# skipped: $2"
    echo "ok $number - $1 # skip $2"
}

finish() {
    echo "1..$number"
    [ "$broken" -eq 0 ]
}

# exits STATUS TEXT COMMAND...: the command ends with that status and says the text (a basic regular
# expression) somewhere.
exits() {
    local status=$1 text=$2 got
    shift 2
    "$@" >"$scratch/out" 2>"$scratch/err" </dev/null
    got=$?
    cat "$scratch/out" "$scratch/err"
    [ "$got" -eq "$status" ] || { echo "status $got, expected $status: $*"; return 1; }
    grep -q -- "$text" "$scratch/out" "$scratch/err" || { echo "does not say: $text"; return 1; }
}

# field NAME: the value of a number or text field of the JSON document on standard input.
field() {
    python3 -c '
import json, sys
value = json.load(sys.stdin)
for part in sys.argv[1].split("."):
    value = value[int(part)] if isinstance(value, list) else value[part]
print(json.dumps(value) if isinstance(value, (dict, list, bool)) else value)' "$1"
}
