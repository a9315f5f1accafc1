#!/bin/sh
# Goal:   the harness notices a failure.
# Method: runs the test that must fail, and asks for its exit status and its `not ok`.
. "$(dirname "$0")/tap.sh"

canary=${LINGXI_BUILD:?the build folder}/tests/unit/base/canary
test_that "a failing test ends with a status that is not 0" exits 1 "not ok" "$canary"
finish
