#!/bin/bash
# Goal:   a bank's files go in and recommendations with reasons come out, as the command reference says;
#         each thing that can go wrong gives a clear error and loses nothing that was acknowledged.
# Method: a small synthetic bank through every command; then each failure in turn, with the state
#         looked at afterwards.
. "$(dirname "$0")/tap.sh"
cd "$scratch" || exit 2
json() { "$lingxi" -C bank --json "$@"; }

# Documents: each command prints exactly one JSON document with the fields that scripts rely on.
has() {
    local document=$1 name
    shift
    for name in "$@"; do
        field "$name" <"$document" >/dev/null || { echo "no $name in:"; head -c 600 "$document"; return 1; }
    done
}
step() {
    local document=$1
    shift
    json "$@" >"$document" || { cat "$document"; return 1; }
}
init() { step init.json init && has init.json dir store; }
synth() { "$lingxi" --json synth files --customers 6000 >synth.json && has synth.json customers events seconds; }
import() {
    step import.json import files --map synthetic &&
        has import.json batch rows_read rows_loaded rows_rejected duplicate_batch seconds
}
refresh() { step refresh.json refresh && has refresh.json customers features seconds; }
train() {
    step train.json train &&
        has train.json model rows positives pr_auc roc_auc lift_1pct ece seconds
}
evaluate() { step evaluate.json evaluate && has evaluate.json pr_auc roc_auc products.0.product; }
customer_of_the_bank() { json customer | field customers.0.id; }

test_that "an empty bank cannot be refreshed" bash -c \
    '"$1" -C empty init >/dev/null && . "$2" && exits 1 "import" "$1" -C empty refresh' bash "$lingxi" "$root/tests/system/tap.sh"
test_that "init makes a data directory" init
without_relations() { step none.json products && [ "$(field as_of <none.json)" = None ] && has none.json products.18.zh; }
test_that "products are listed before anything was learnt" without_relations
test_that "init refuses a second bank" exits 3 "already" "$lingxi" -C bank init
test_that "synth writes a bank" synth
test_that "recommend before refresh says what to do" exits 1 "lingxi refresh" "$lingxi" -C bank recommend X
test_that "import loads it" import
same_again() { step again.json import files --map synthetic && [ "$(field duplicate_batch <again.json)" = true ]; }
test_that "the same files change nothing" same_again
test_that "refresh computes the snapshot" refresh
test_that "recommend without a model says what to do" exits 1 "lingxi train" "$lingxi" -C bank recommend "$(customer_of_the_bank)"
test_that "train registers a model" train
products() {
    step products.json products && has products.json as_of customers products.0.holders products.0.complements &&
        step product.json products P02 &&
        has product.json product holders relations.0.product relations.0.kind relations.0.weight \
            relations.0.holding.lift relations.0.opening.odds_ratio relations.0.order.first relations.0.words
}
test_that "products have relations with evidence" products
test_that "a product that is not there is told" exits 1 "not in the catalogue" "$lingxi" -C bank products P99
test_that "evaluate measures it on unseen months" evaluate
better_than_chance() {
    python3 - <<'PY'
import json
e = json.load(open("evaluate.json"))
assert e["roc_auc"] > 0.6 and e["roc_auc"] > e["random"]["roc_auc"] + 0.1, e["roc_auc"]
assert abs(e["random"]["roc_auc"] - 0.5) < 0.1, e["random"]["roc_auc"]
PY
}
test_that "the model ranks better than chance" better_than_chance
simulate() {
    step simulate.json evaluate --simulate &&
        has simulate.json simulator taste k3.customers k3.first.model.value k3.first.random.low \
            k5.same_places.with.value k5.same_places.without.value k5.same_places.captured.high \
            k5.same_places.bayes.value k5.total.ratio.value k3.bank.ratio.value \
            k3.bank.best.low && python3 - <<'PY'
import json
s = json.load(open("simulate.json"))["k5"]
assert s["first"]["random"]["value"] < s["first"]["model"]["value"] < s["first"]["best"]["value"], s["first"]
PY
}
test_that "evaluate --simulate plays against the truth of the synthetic bank" simulate
without_truth() {
    mv files/truth kept && exits 1 "truth/acceptance.csv" "$lingxi" -C bank evaluate --simulate
    local status=$?
    mv kept files/truth
    return $status
}
test_that "evaluate --simulate without a truth says where it looked" without_truth
test_that "at least 60 features are listed with definitions" bash -c \
    '"$1" -C bank --json features | python3 -c "
import json, sys
features = json.load(sys.stdin)[\"features\"]
assert len(features) >= 60 and all(f[\"name\"] and f[\"definition\"] for f in features), len(features)"' bash "$lingxi"

customer=$(customer_of_the_bank)
recommend() {
    step first.json recommend "$customer" &&
        has first.json decision customer round items.0.product items.0.name items.0.score \
            items.0.probability items.0.show_probability items.0.reasons.0.zh items.0.reasons.0.en \
            items.0.reasons.0.feature refused model
}
test_that "recommend gives a first round with reasons" recommend
preview() { step preview.json recommend "$customer" --preview && [ -z "$(field decision <preview.json)" ]; }
test_that "a preview records nothing" preview
test_that "an unknown customer is named" exits 1 "nobody" "$lingxi" -C bank recommend nobody
decision=$(field decision <first.json) product=$(field items.0.product <first.json)
test_that "an unknown product is named" exits 1 "P99" "$lingxi" -C bank answer "$decision" P99=interested
test_that "an unknown answer lists the known ones" exits 2 "not_interested" "$lingxi" -C bank answer "$decision" "$product=perhaps"
test_that "an unknown decision is named" exits 1 "0123" "$lingxi" -C bank answer 0123 "$product=interested"
second() {
    step second.json answer "$decision" "$product=interested" --final &&
        [ "$(field round <second.json)" = 2 ] && ! grep -q "\"product\":\"$product\",\"name\"" second.json
}
test_that "the second round comes with the final answer and does not repeat the first" second
owns() {
    step owns.json recommend "$customer" && local d p
    d=$(field decision <owns.json) p=$(field items.0.product <owns.json)
    step answered.json answer "$d" "$p=owns" --final && step after.json recommend "$customer" --preview &&
        ! grep -q "\"product\":\"$p\",\"name\"" after.json
}
test_that "what the customer owns is not offered again" owns
portrait() { step customer.json customer "$customer" && has customer.json labels.0.layer labels.0.name labels.0.value holdings; }
test_that "customer prints the portrait" portrait
labels() {
    step labels.json labels && has labels.json labels.0.layer labels.0.name labels.0.definition labels.0.owner &&
        python3 -c '
import json
labels = {label["name"]: label for label in json.load(open("labels.json"))["labels"]}
assert labels["receives_salary"]["coverage_of"] == "snapshot"
assert 0 < labels["receives_salary"]["coverage"] < 1
for name in ("receives_salary", "viewed_not_held", "dormant"):
    assert labels[name]["lift_low"] <= labels[name]["lift"] <= labels[name]["lift_high"], name
assert labels["deposit_matured"]["lift_low"] > 1
bins = labels["next_payment"]["confidence"]
assert sum(bin["pairs"] for bin in bins) > 1000 and bins[0]["rate"] > bins[-1]["rate"] or len(bins) == 1'
}
test_that "labels lists definitions, coverage, lift and confidence" labels
counted() {
    [ "$("$lingxi" -C bank --json audience 'days_since_act >= 90' --count | field count)" = \
        "$(python3 -c 'import json; print(next(l["coverage_have"] for l in json.load(open("labels.json"))["labels"] if l["name"] == "dormant"))')" ]
}
test_that "who has a label is the audience of its condition" counted
confident() {
    step customer.json customer "$customer" && python3 -c '
import json
labels = [label for label in json.load(open("customer.json"))["labels"] if label["layer"] == "prediction"]
assert labels
for label in labels:
    assert label["confidence_low"] <= label["confidence"] <= label["confidence_high"] and 0 < label["probability"] < 1'
}
test_that "a prediction stands with its confidence" confident
measure() { cp labels.json before.json && step labels.json labels --measure && cmp before.json labels.json; }
test_that "labels measured again are the same" measure
own_label() {
    cp bank/labels.ini labels.kept
    printf '[is_adult]\nlayer = fact\nexpression = age() >= 18\ntype = flag\nzh = 成年\nen = of age\n' >>bank/labels.ini
    step customer.json customer "$customer"
    local status=$?
    cp labels.kept bank/labels.ini
    [ "$status" = 0 ] && python3 -c 'import json; assert any(l["name"] == "is_adult" and l["layer"] == "fact" for l in json.load(open("customer.json"))["labels"])'
}
test_that "a label of the bank's own is told at once" own_label
bad_label() {
    cp bank/labels.ini labels.kept
    sed -i 's/^expression = age()$/expression = agee()/' bank/labels.ini
    exits 1 'labels.ini:[0-9]*:14: \[age_band\] .*did you mean `age`' "$lingxi" -C bank customer "$customer"
    local status=$?
    cp labels.kept bank/labels.ini
    return "$status"
}
test_that "a bad label is refused with its place and a suggestion" bad_label
timeline() { step timeline.json timeline "$customer" --limit 3 && has timeline.json events.0 && [ "$(python3 -c 'import json; print(len(json.load(open("timeline.json"))["events"]))')" = 3 ]; }
test_that "timeline prints the newest events" timeline
test_that "people read it in Chinese" exits 0 "评分" "$lingxi" -C bank recommend "$customer" --preview
test_that "people read it in English" exits 0 "score" "$lingxi" --lang en -C bank recommend "$customer" --preview

# Mapping with a wrong column: named, with what the file has, and nothing loaded.
sed 's/^\(occupation *= *\).*/\1occupatoin/' "$root/data/mappings/synthetic.ini" >wrong.ini
wrong_column() {
    "$lingxi" -C bank3 init >/dev/null && exits 1 "occupatoin" "$lingxi" -C bank3 import files --map wrong.ini &&
        grep -q "wrong.ini" "$scratch/err" && exits 1 "import" "$lingxi" -C bank3 refresh
}
test_that "a wrong column in a mapping is named, and nothing of that batch is loaded" wrong_column

# A disk that is full: files may grow to 64 blocks only.
disk_full() {
    "$lingxi" -C bank4 init >/dev/null || return 1
    (trap '' XFSZ; ulimit -f 64; exits 1 "space\|full\|too large" "$lingxi" -C bank4 import files --map synthetic) || return 1
    exits 1 "import" "$lingxi" -C bank4 refresh && "$lingxi" -C bank4 import files --map synthetic
}
test_that "a full disk stops an import whole, and it works again with space" disk_full

# kill -9 in the middle of an import.
killed_import() {
    "$lingxi" -C bank5 init >/dev/null || return 1
    local wait
    for wait in 0.05 0.15 0.3 0.5; do
        "$lingxi" -C bank5 import files --map synthetic >/dev/null 2>&1 &
        local pid=$!
        sleep "$wait"
        kill -9 $pid 2>/dev/null
        wait $pid 2>/dev/null
        if "$lingxi" -C bank5 --json import files --map synthetic 2>/dev/null >killed.json; then
            rm -rf bank5 && "$lingxi" -C bank5 init >/dev/null || return 1
        else
            return 1
        fi
    done
}
test_that "a killed import leaves nothing and can be done again" killed_import

# kill -9 in the middle of answers: what was acknowledged is there, and the bank goes on.
killed_answer() {
    local wait acknowledged=0 d p
    for wait in 0.01 0.03 0.05 0.08 0.12; do
        step k.json recommend "$customer" || return 1
        d=$(field decision <k.json) p=$(field items.0.product <k.json)
        "$lingxi" -C bank --json answer "$d" "$p=viewed" --final >said.json 2>/dev/null &
        local pid=$!
        sleep "$wait"
        kill -9 $pid 2>/dev/null
        wait $pid 2>/dev/null
        if [ -s said.json ]; then
            acknowledged=$((acknowledged + 1))
            # The same final answer again gives the same second round back.
            "$lingxi" -C bank --json answer "$d" "$p=viewed" --final >repeat.json || return 1
            [ "$(field decision <said.json)" = "$(field decision <repeat.json)" ] || return 1
        fi
    done
    step last.json recommend "$customer" --preview
}
test_that "a killed answer loses nothing that was acknowledged" killed_answer
finish
