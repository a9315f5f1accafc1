#!/bin/bash
# Goal:   the server answers as openapi.yaml says, lets nobody in without the key, keeps every answer that it
#         acknowledged, owns its directory, and takes new rules without dropping a request.
# Method: a small bank served on a free port; every exchange is validated against the description, which
#         must be seen whole; then kill -9 at random moments, reloads under load, and a stop under load.
. "$(dirname "$0")/tap.sh"
cd "$scratch" || exit 2
export LINGXI_API_KEY=0123456789abcdef0123456789abcdef NODE_PATH="${NODE_PATH:-/usr/share/nodejs}"
server=

start() { # DIR: sets server and address
    : >serve.log # the server of before told another address there
    "$lingxi" -C "$1" serve --listen 127.0.0.1:0 2>serve.log &
    server=$!
    for _ in $(seq 100); do
        address=$(sed -n 's/.*event=ready address=//p' serve.log)
        [ -n "$address" ] && return 0
        kill -0 $server 2>/dev/null || break
        sleep 0.1
    done
    cat serve.log
    return 1
}
stop() {
    kill -TERM "$server" && wait "$server"
    local status=$?
    server=
    [ $status -eq 0 ] || { echo "the server ended with $status"; cat serve.log; return 1; }
}
cleanup() { [ -z "$server" ] || kill -9 "$server" 2>/dev/null; rm -rf "$scratch"; }
trap cleanup EXIT

make_bank() {
    "$lingxi" synth files --customers 3000 >/dev/null && "$lingxi" -C bank init >/dev/null &&
        "$lingxi" -C bank import files --map synthetic >/dev/null && "$lingxi" -C bank refresh >/dev/null &&
        OMP_NUM_THREADS=1 "$lingxi" -C bank train >/dev/null && rm -rf files && cp -r bank fresh
}
test_that "a bank is made" make_bank
CUSTOMER=$("$lingxi" -C bank --json customer | field customers.0.id)
export CUSTOMER

test_that "without a key there is no server" env -u LINGXI_API_KEY bash -c '. "$1"; exits 3 LINGXI_API_KEY "$2" -C "$3" serve' bash "$root/tests/system/tap.sh" "$lingxi" "$PWD/bank"
test_that "a short key is none" env LINGXI_API_KEY=short bash -c '. "$1"; exits 3 "32" "$2" -C "$3" serve' bash "$root/tests/system/tap.sh" "$lingxi" "$PWD/bank"
test_that "an address that others reach is refused" exits 3 "this machine" "$lingxi" -C bank serve --listen 0.0.0.0:0
test_that "an address that is none is wrong usage" exits 2 "ADDRESS:PORT" "$lingxi" -C bank serve --listen 8080

has_node() { node -e 'require("ajv"); require("yaml")' 2>/dev/null; }
exchanges() {
    local proved
    "$lingxi" -C bank --json recommend "$CUSTOMER" >proved.json && proved=$(field decision <proved.json) &&
        "$lingxi" -C bank audit checkpoint >/dev/null && start bank || return 1
    PROVED=$proved FOLDER=$PWD/bank node "$root/tests/system/serve_exchanges.cjs" "$address" "$root/src/api/openapi.yaml"
}
if has_node; then
    test_that "every exchange is as openapi.yaml says, and all of it was exercised" exchanges
else
    skip "every exchange is as openapi.yaml says" "skipped: no node with ajv and yaml (Debian: node-ajv node-yaml)"
    start bank
fi
owner() { exits 3 "in use by process $server" "$lingxi" -C bank recommend "$CUSTOMER" && exits 3 "$server" "$lingxi" -C bank audit checkpoint; }
test_that "a command that changes the directory is told who owns it" owner
test_that "a second server on the directory is refused" exits 3 "in use by process" "$lingxi" -C bank serve --listen 127.0.0.1:0
test_that "SIGTERM ends it with status 0" stop
same_after() {
    local id
    id=$("$lingxi" -C bank --json recommend "$CUSTOMER" --preview | field customer) && [ "$id" = "$CUSTOMER" ]
}
test_that "the directory is the commands' again" same_after

if has_node; then
    malformed() {
        rm -rf bank && cp -r fresh bank && start bank || return 1
        node "$root/tests/system/serve_malformed.cjs" "$address" "$server" "${MALFORMED:-10000}" && stop
    }
    test_that "malformed requests neither crash nor feed it" malformed
    killed() { rm -rf bank && cp -r fresh bank && node "$root/tests/system/serve_killed.cjs" "$lingxi" bank "${KILL_ROUNDS:-24}"; }
    test_that "after kill -9 at random moments every acknowledged answer is there" killed
    reloaded() {
        rm -rf bank && cp -r fresh bank && start bank || return 1
        node "$root/tests/system/serve_reloaded.cjs" "$address" "$server" bank || { cat serve.log; return 1; }
        stop
    }
    test_that "new rules come in by SIGHUP while decisions and answers go on" reloaded
    stopped() {
        start bank && node "$root/tests/system/serve_stopped.cjs" "$address" "$server" bank && wait "$server" && server=
    }
    test_that "what is in flight is answered when the server stops" stopped
fi
finish
