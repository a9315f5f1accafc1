#!/bin/bash
# load.sh LINGXI DIR [CONNECTIONS] [SECONDS]: decisions a second over HTTP on a copy of the bank in DIR, for
# customers drawn uniformly, each decision on disk for good before it is answered; latencies; what the same
# server makes of a static answer (/healthz) in the same run; peak memory, time from start to ready.
# Needs wrk. The copy goes to $TMPDIR, which must be on the disk that is to be measured.
set -euo pipefail
lingxi=$1 bank=$2 connections=${3:-64} seconds=${4:-10}
command -v wrk >/dev/null || { echo "skipped: no wrk"; exit 0; }
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill -9 "$server" 2>/dev/null; rm -rf "$work"' EXIT
cp -r "$bank" "$work/bank"
grep -q 'unmasked_ids = yes' "$work/bank/lingxi.ini" || printf '\n[audience]\nunmasked_ids = yes\n' >>"$work/bank/lingxi.ini"
"$lingxi" -C "$work/bank" audience 'age() >= 0' --unmasked --out "$work/ids.csv" >/dev/null
LINGXI_API_KEY=$(head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n')
export LINGXI_API_KEY LOAD_IDS=$work/ids.csv
cat >"$work/decide.lua" <<'LUA'
local ids, threads = {}, 0
for line in io.lines(os.getenv("LOAD_IDS")) do ids[#ids + 1] = line end
table.remove(ids, 1)
local headers = { Authorization = "Bearer " .. os.getenv("LINGXI_API_KEY"), ["Content-Type"] = "application/json" }
function setup(thread) threads = threads + 1; thread:set("seed", threads * 7919) end
function init() math.randomseed(seed) end
function request() return wrk.format("POST", "/api/v1/customers/" .. ids[math.random(#ids)] .. "/decisions", headers, "{}") end
function done(summary) io.write(string.format("errors: %d connect, %d read, %d write, %d timeout, %d status\n",
  summary.errors.connect, summary.errors.read, summary.errors.write, summary.errors.timeout, summary.errors.status)) end
LUA
began=$(date +%s%N)
"$lingxi" -C "$work/bank" serve --listen 127.0.0.1:0 2>"$work/log" &
server=$!
until address=$(sed -n 's/.*event=ready address=//p' "$work/log") && [ -n "$address" ]; do
    kill -0 $server || { cat "$work/log"; exit 1; }
    sleep 0.01
done
echo "ready after $((($(date +%s%N) - began) / 1000000)) ms"
echo "static answers, $connections connections"
wrk -t1 -c"$connections" -d"$seconds"s "$address/healthz" | grep -E 'Requests/sec|Non-2xx' || true
echo "decisions, $connections connections"
wrk -t1 -c"$connections" -d"$seconds"s --latency -s "$work/decide.lua" "$address" | grep -E 'Requests/sec|Non-2xx|errors|%|requests in'
grep -E 'VmHWM' /proc/$server/status
kill -TERM $server
wait $server
server=
