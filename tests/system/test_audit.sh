#!/bin/bash
# Goal:   decisions go into the log, are proved, verified and witnessed as the command reference says; an
#         auditor who knows nothing of the program, only the published texts, finds the same.
# Method: a small bank, decisions and answers; each action of `audit`; then one thing spoiled at a time.
#         The auditor is tests/reference/audit_verifier.mjs, run by node.
. "$(dirname "$0")/tap.sh"
cd "$scratch" || exit 2
verifier=$root/tests/reference/audit_verifier.mjs
json() { "$lingxi" -C bank --json "$@"; }
get() { field "$2" <"$1"; }

bank() {
    "$lingxi" -C bank init && "$lingxi" synth files --customers 1200 && "$lingxi" -C bank import files --map synthetic &&
        "$lingxi" -C bank refresh && "$lingxi" -C bank train
}
test_that "a bank is ready to decide" bank
# Customers to whom something may be offered, one for each decision.
json customer | python3 -c 'import json, sys; print("\n".join(c["id"] for c in json.load(sys.stdin)["customers"]))' >ids
offered=()
while read -r id && [ ${#offered[@]} -lt 8 ]; do
    json recommend "$id" --preview | python3 -c 'import json, sys; sys.exit(not json.load(sys.stdin)["items"])' && offered+=("$id")
done <ids
[ ${#offered[@]} -eq 8 ] || echo "# only ${#offered[@]} customers are offered anything"
customer=${offered[3]}
# decide N: a first round for the N-th customer, one answer, a second round.
decide() {
    json recommend "${offered[$1]}" >"d$1.json" &&
        json answer "$(get "d$1.json" decision)" "$(get "d$1.json" items.0.product)=interested" --final >"d$1.second.json"
}
test_that "verify before any checkpoint says what to do" exits 1 "audit checkpoint" "$lingxi" -C bank audit verify
test_that "no bank, no checkpoint" exits 1 "no bank" "$lingxi" -C nowhere audit checkpoint
test_that "decisions are recorded" decide 0
# The first entries of a log are the model that was registered, that it went live, and the rule set that the
# decisions rest on.
checkpoint() { json audit checkpoint --name bank.example/log >checkpoint.json && [ "$(get checkpoint.json tree_size)" = 5 ]; }
test_that "checkpoint signs what is recorded" checkpoint
again() { json audit checkpoint >again.json && [ "$(get again.json root)" = "$(get checkpoint.json root)" ]; }
test_that "without anything new the checkpoint stands" again
test_that "a log keeps its name" exits 3 "keeps that name" "$lingxi" -C bank audit checkpoint --name other
cp bank/audit/checkpoint kept
more() { local i; for i in 1 2 3 4 5 6; do decide $i || return 1; done; json audit checkpoint >checkpoint.json && [ "$(get checkpoint.json tree_size)" = 17 ]; }
test_that "the log grows" more
late() { json recommend "${offered[7]}" >late.json && exits 1 "audit checkpoint" "$lingxi" -C bank audit prove "$(get late.json decision)"; }
test_that "a decision after the checkpoint is not proved yet" late
prove() {
    json audit prove "$(get d3.json decision)" >proof.json && [ "$(get proof.json tree_size)" = 17 ] &&
        [ "$(get proof.json root)" = "$(get checkpoint.json root)" ] && [ "$(get proof.json index)" = 9 ]
}
test_that "prove gives index and path of a decision" prove
second() { json audit prove "$(get d3.second.json decision)" >second.json && [ "$(get second.json index)" = 10 ]; }
test_that "a second round is proved by the answer that it came with" second
test_that "people read it" exits 0 "proof" "$lingxi" --lang en -C bank audit prove "$(get d3.json decision)"
test_that "an unknown decision is named" exits 1 "0123" "$lingxi" -C bank audit prove 0123
no_customer() { ! grep -rqF "$customer" bank/audit && base64 -d <<<"$(get proof.json content)" | grep -qF "$customer"; }
test_that "the log does not name the customer; the content does" no_customer

# Elsewhere: a copy and the public key.
mkdir elsewhere && cp -r bank/audit elsewhere/log && cp bank/keys/audit.pub elsewhere/log.pub
verify() {
    "$lingxi" -C elsewhere --json audit verify elsewhere/log --key elsewhere/log.pub --since kept >verify.json &&
        [ "$(get verify.json ok)" = true ] && [ "$(get verify.json tree_size)" = 17 ] && [ "$(get verify.json signatures_log)" = 2 ]
}
test_that "a copy is verified with the public key alone" verify
spoiled() {
    printf '?' | dd of=elsewhere/log/tile/0/000.p/17 bs=1 seek=100 conv=notrunc status=none || return 1
    exits 1 "tile/0/000.p/17" "$lingxi" audit verify elsewhere/log --key elsewhere/log.pub || return 1
    "$lingxi" --json audit verify elsewhere/log --key elsewhere/log.pub >spoiled.json 2>/dev/null
    [ $? -eq 1 ] && [ "$(get spoiled.json ok)" = false ] && get spoiled.json error.message
    cp bank/audit/tile/0/000.p/17 elsewhere/log/tile/0/000.p/17
}
test_that "a byte of a tile that was changed is named, with ok: false and status 1" spoiled
other_key() { "$lingxi" -C other init >/dev/null && "$lingxi" -C other audit checkpoint >/dev/null && exits 1 "signature\|no signature" "$lingxi" audit verify elsewhere/log --key other/keys/audit.pub; }
test_that "another bank's key opens nothing" other_key
test_that "an empty log can be signed and verified" exits 0 "" "$lingxi" -C other audit verify

# A witness on a second machine.
cosign() {
    "$lingxi" -C witness audit cosign elsewhere/log --key elsewhere/log.pub --name witness.example/1 &&
        cat elsewhere/log.pub witness/keys/witness.pub >both.pub &&
        "$lingxi" --json audit verify elsewhere/log --key both.pub >cosigned.json && [ "$(get cosigned.json signatures_witness)" = 1 ]
}
test_that "a witness cosigns what grew" cosign
cut_back() {
    cp elsewhere/log/checkpoint newest && cp kept elsewhere/log/checkpoint &&
        exits 3 "cut back" "$lingxi" -C witness audit cosign elsewhere/log --key elsewhere/log.pub
    local status=$?
    cp newest elsewhere/log/checkpoint
    return $status
}
test_that "a witness refuses a log that was cut back" cut_back
test_that "replay says that it is not built" exits 1 "not built" "$lingxi" -C bank audit replay "$(get d3.json decision)"
test_that "an unknown action lists the known ones" exits 2 "checkpoint, prove, verify" "$lingxi" -C bank audit sign
test_that "prove needs a decision" exits 2 "audit prove DECISION" "$lingxi" -C bank audit prove

# The keys are what other programs take them for.
openssl_reads() { openssl pkey -in bank/keys/audit-ed25519.pem -noout && openssl pkey -in bank/keys/audit-sm2.pem -noout; }
if command -v openssl >/dev/null 2>&1; then
    test_that "openssl reads both keys" openssl_reads
else
    skip "openssl reads both keys" "no program openssl"
fi

# The auditor.
if ! command -v node >/dev/null 2>&1; then
    skip "the independent auditor" "no node (package nodejs)"
    finish
    exit
fi
auditor_tree() { node "$verifier" tree elsewhere/log elsewhere/log.pub witness/keys/witness.pub >auditor.json && [ "$(get auditor.json root)" = "$(get checkpoint.json root)" ] && [ "$(get auditor.json witness)" = 1 ]; }
test_that "the independent auditor finds the same root, tiles and signatures" auditor_tree
auditor_proof() { node "$verifier" proof proof.json bank/keys/audit.pub && node "$verifier" proof second.json bank/keys/audit.pub; }
test_that "the independent auditor accepts the proofs of both rounds" auditor_proof
# Every hexadecimal digit of entry, salt, root and path, each turned into another.
auditor_refuses() {
    python3 - "$verifier" bank/keys/audit.pub <<'PY'
import json, random, subprocess, sys
proof = json.load(open("proof.json"))
random.seed(5)
cases = [("entry", None), ("salt", None), ("content", None), ("index", None), ("tree_size", None), ("drop", None), ("swap", None), ("checkpoint", None)]
cases += [("proof", i) for i in range(len(proof["proof"]))]
for name, i in cases:
    bad = json.loads(json.dumps(proof))
    def other(text):
        at = random.randrange(len(text))
        return text[:at] + ("1" if text[at] != "1" else "2") + text[at + 1:]
    if name == "drop": bad["proof"].pop()
    elif name == "swap": bad["proof"][0], bad["proof"][1] = bad["proof"][1], bad["proof"][0]
    elif name in ("index", "tree_size"): bad[name] += 1
    elif name == "proof": bad["proof"][i] = other(bad["proof"][i])
    elif name == "checkpoint": bad[name] = bad[name].replace("\n17\n", "\n18\n")
    else: bad[name] = other(bad[name])
    json.dump(bad, open("bad.json", "w"))
    done = subprocess.run(["node", sys.argv[1], "proof", "bad.json", sys.argv[2]], capture_output=True)
    assert done.returncode == 1, (name, i, done.stdout)
PY
}
test_that "the independent auditor refuses proofs that were spoiled" auditor_refuses
# Three levels of tiles and three checkpoints, from records that the program's own parts put there.
large() { "$LINGXI_BUILD/tests/unit/audit/make_log" large && node "$verifier" tree large/audit large/keys/audit.pub >large.json && [ "$(get large.json tree_size)" = 66000 ] && [ "$(get large.json past)" = 3 ]; }
if [ -x "${LINGXI_BUILD:-}/tests/unit/audit/make_log" ]; then
    test_that "the independent auditor finds every tile of a log of 66,000 entries" large
else
    skip "a log of 66,000 entries" "no program tests/unit/audit/make_log in LINGXI_BUILD"
fi
finish
