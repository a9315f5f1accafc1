#!/bin/bash
# Goal:   every figure that `trial` prints can be computed from the predictions it writes, by somebody
#         who has nothing but the file; and a second round hears nothing but the answers.
# Method: each data set is cut into a training and a test part; the figures are computed again from
#         `case,candidate,score,label` in Python, from their definitions, and compared.
. "$(dirname "$0")/tap.sh"
data=${LINGXI_DATA:-$root/../shared/data}
cd "$scratch" || exit 2
export OMP_WAIT_POLICY=passive # XGBoost's threads otherwise spin while other tests want the processor

cat >recompute.py <<'PY'
import csv, itertools, json, math, struct, sys

def ties(rows):
    for score, group in itertools.groupby(sorted(rows, key=lambda row: -row[0]), key=lambda row: row[0]):
        labels = [label for _, label in group]
        yield score, labels

def pr_auc(rows):
    found = seen = area = 0
    for _, labels in ties(rows):
        found, seen = found + sum(labels), seen + len(labels)
        area += sum(labels) * found / seen
    return area / found

def roc_auc(rows):
    found = pairs = 0
    for _, labels in ties(rows):
        negatives = len(labels) - sum(labels)
        pairs += negatives * (found + sum(labels) / 2)
        found += sum(labels)
    return pairs / (found * (len(rows) - found))

def levelled(rows):
    return [(score, sum(labels) / len(labels)) for score, labels in ties(rows) for _ in labels]

def top(rows, k):
    return sum(label for _, label in levelled(rows)[:k])

def ece(rows, bins=15):
    ranked, count, total = levelled(rows), len(rows), 0
    for b in range(bins):
        part = ranked[count - count * (b + 1) // bins:count - count * b // bins]
        total += abs(sum(label for _, label in part) - sum(score for score, _ in part))
    return total / count

def over_expected(rows, share):
    best = levelled(rows)[:max(1, math.floor(share * len(rows) + 0.5))]
    return sum(label for _, label in best) / sum(score for score, _ in best)

def cases(path):
    with open(path, newline="") as file:
        rows = [(row["case"], float(row["score"]), int(row["label"])) for row in csv.DictReader(file)]
    return [[row[1:] for row in group] for _, group in itertools.groupby(rows, key=lambda row: row[0])]

def ranks(case):
    order = sorted(range(len(case)), key=lambda i: -case[i][0])
    return [place + 1 for place, i in enumerate(order) if case[i][1]]

def map7(case):
    best = [rank for rank in ranks(case) if rank <= 7]
    return sum((i + 1) / rank for i, rank in enumerate(best)) / min(7, len(ranks(case)))

def mean(values):
    values = list(values)
    return sum(values) / len(values)

def coil2000(path):
    rows = [case[0] for case in cases(path)]
    return {"pr_auc": pr_auc(rows), "roc_auc": roc_auc(rows), "top800": top(rows, 800),
            "positives": sum(label for _, label in rows), "ece": ece(rows)}

def santander(path):
    every = cases(path)
    rows = [(1 - math.prod(1 - score for score, _ in case), int(any(label for _, label in case))) for case in every]
    # As floats: cases that differ by rounding alone are equal.
    rows = [(struct.unpack("f", struct.pack("f", score))[0], label) for score, label in rows]
    adders = [case for case in every if any(label for _, label in case)]
    return {"pr_auc_any": pr_auc(rows), "roc_auc_any": roc_auc(rows), "ece_any": ece(rows),
            "map7": mean(map(map7, adders)), "adders": len(adders)}

def bank_marketing(path):
    rows, before = ([case[0] for case in cases(file)] for file in (path, path + ".validation"))
    return {"pr_auc": pr_auc(rows), "roc_auc": roc_auc(rows), "ece_test": ece(rows),
            "positives": sum(label for _, label in rows), "ece_validation": ece(before),
            "observed_over_expected_top10_test": over_expected(rows, 0.1),
            "observed_over_expected_top1_test": over_expected(rows, 0.01),
            "observed_over_expected_top10_validation": over_expected(before, 0.1),
            "observed_over_expected_top1_validation": over_expected(before, 0.01)}

def zimnat(path):
    every = cases(path)
    first = [ranks(case)[0] for case in every]
    assert all(len(ranks(case)) == 1 for case in every), "one product is hidden"
    return {"hit1": mean(rank <= 1 for rank in first), "hit3": mean(rank <= 3 for rank in first),
            "hit5": mean(rank <= 5 for rank in first), "mrr": mean(1 / rank for rank in first),
            "log_loss": mean(-math.log(score) for case in every for score, label in case if label)}

def rounds(path):
    """Yeses over places, from the lists alone: what was asked first, and what was put in the next places."""
    arms = {}
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            place = int(row["round"]), int(row["position"]), row["candidate"], float(row["score"]), int(row["label"])
            arms.setdefault(row["arm"], {}).setdefault(row["case"], []).append(place)
    said = {}
    for k in 3, 5:
        without, answered, told = (arms[f"k{k}_{way}"] for way in ("without", "with", "told"))
        assert without.keys() == answered.keys() == told.keys()
        first, next_places, with_answers, told_all, left = [], [], [], [], []
        for case, places in without.items():
            ours = sorted(answered[case])
            plain = sorted(places)
            all_told = sorted(told[case])
            for list_ in plain, ours, all_told:
                assert [place[1] for place in list_] == list(range(1, len(list_) + 1)), "places are 1 to P"
                assert [place[0] for place in list_] == [1] * k + [2] * (len(list_) - k), "k are asked first"
                assert len({place[2] for place in list_}) == len(list_), "nothing is shown twice"
                for part in list_[:k], list_[k:]:
                    scores = [place[3] for place in part]
                    assert scores == sorted(scores, reverse=True), "the likeliest first"
            assert plain[:k] == ours[:k] == all_told[:k], "both ways share the first places"
            scores = [place[3] for place in plain]
            assert scores == sorted(scores, reverse=True), "the first list is by probability"
            assert sorted(p[2::2] for p in plain) == sorted(p[2::2] for p in ours), "the same truth"
            first.append(sum(p[4] for p in plain[:k]) / k)
            next_places.append(sum(p[4] for p in plain[k:2 * k]) / k)
            with_answers.append(sum(p[4] for p in ours[k:2 * k]) / k)
            told_all.append(sum(p[4] for p in all_told[k:2 * k]) / k)
            left.append(min(k, sum(p[4] for p in plain[k:])) / k)
        a, b, c, d, e = map(mean, (first, next_places, with_answers, left, told_all))
        said[f"k{k}"] = {"first": a, "without": b, "with": c, "oracle": d, "ratio": c / b,
                         "captured": (c - b) / (d - b), "told_all": e,
                         "captured_told_all": (e - b) / (d - b), "total": (a + c) / 2, "total_one_list": (a + b) / 2}
    return said

zimnat_rounds = coil2000_rounds = rounds

def flat(values):
    result = {}
    for name, value in values.items():
        if isinstance(value, dict) and name != "intervals":
            result.update({f"{name}.{inner}": v for inner, v in value.items() if inner != "intervals"})
            for inner, (low, high) in value.get("intervals", {}).items():
                assert low <= value[inner] <= high, (name, inner, low, value[inner], high)
                assert low < high, (name, inner, "an interval of no width")
        else:
            result[name] = value
    return result

name = sys.argv[1]
said = flat(json.load(open(name + ".json")))
computed = flat(globals()[name](name + ".csv"))
limit = 1e-6 if name == "santander" else 1e-9
for figure, value in computed.items():
    assert abs(said[figure] - value) <= limit * max(1, abs(value)), (figure, said[figure], value)
others = {"trial", "train_rows", "test_rows", "intervals", "seconds"}
if name == "bank_marketing":  # these are of the inputs, and of the training rows
    others |= {"drift_alarm", "psi_inputs", "psi_scores", "psi_labels"}
left = set(said) - set(computed) - others
assert not left, f"not computed again: {left}"
PY

# cut_file NAME FILE LEARN PREDICT: the first LEARN lines with the header are the training part, the
# PREDICT lines after them, under the same header, the test part.
cut_file() {
    mkdir -p "train/$1" "test/$1"
    head -n "$3" "$data/$1/$2" >"train/$1/$2"
    { head -n 1 "$data/$1/$2"; sed -n "$(($3 + 1)),$(($3 + $4))p" "$data/$1/$2"; } >"test/$1/$2"
}
run() {
    "$lingxi" --json trial "$1" --train "train/$1" --test "test/$1" --predictions "$1.csv" >"$1.json" 2>said.err ||
        { cat "$1.json" said.err; return 1; }
    local header=case,candidate,score,label
    case $1 in *_rounds) header=$header,arm,round,position ;; esac
    [ "$(head -n 1 "$1.csv")" = "$header" ] || { head -n 1 "$1.csv"; return 1; }
    python3 recompute.py "$1"
}

# trial NAME ROWS_TO_LEARN_FROM ROWS_TO_PREDICT FILE...
trial() {
    local name=$1 learn=$2 predict=$3 file
    shift 3
    for file in "$@"; do
        [ -r "$data/$name/$file" ] || { skip "$name's figures come from its predictions" "no ../shared/data"; return; }
        cut_file "$name" "$file" "$learn" "$predict"
    done
    test_that "$name's figures come from its predictions" run "$name"
}

trial coil2000 2000 2000 caravan.csv
trial bank_marketing 3000 3000 contacts.csv
trial zimnat 1500 2000 customers.csv
trial santander 1200 2000 state.csv added.csv

# open_bandit writes a row an exposure: those of the logging policy, then those of the target.
cat >recompute_bandit.py <<'PY'
import csv, json, math, sys

said = json.load(open(sys.argv[1] + ".json"))
logging, target = sys.argv[2:4]
rows = {logging: [], target: []}
with open(sys.argv[1] + ".csv", newline="") as file:
    for row in csv.DictReader(file):
        rows[row["policy"]].append({name: float(row[name]) for name in
            ("position", "propensity", "click", "estimate_term", "weight", "dr_term")})
mean = lambda policy, name: sum(row[name] for row in rows[policy]) / len(rows[policy])
want = {"on_policy": mean(target, "estimate_term"), "ips": mean(logging, "estimate_term"),
        "snips": mean(logging, "estimate_term") / mean(logging, "weight"), "dr": mean(logging, "dr_term")}
got = {name: said[name] if name == "on_policy" else said[name]["estimate"] for name in want}
for name in want:
    assert abs(got[name] - want[name]) <= 1e-12, (name, got[name], want[name])
assert want["on_policy"] == mean(target, "click")
for row in rows[logging]:
    assert abs(row["estimate_term"] - row["weight"] * row["click"]) <= 1e-12 * row["weight"], row
    assert row["weight"] <= math.sqrt(len(rows[logging]))
for name in ("ips", "snips", "dr"):
    e = said[name]
    assert said["intervals"][name] == [e["low"], e["high"]]
    assert e["low"] < e["value_low"] < e["estimate"] < e["value_high"] < e["high"], e
    assert e["low"] <= said["on_policy"] <= e["high"], f"{name} misses the policy's own mean: {e}"
    factor = math.exp(1.959963984540054 * e["standard_error"] / e["estimate"])
    assert abs(e["value_high"] / e["estimate"] - factor) < 1e-9
PY
bandit() {
    "$lingxi" --json trial open_bandit --train "$1" --test "$2" --predictions bandit.csv >bandit.json 2>said.err ||
        { cat bandit.json said.err; return 1; }
    head -n 1 bandit.csv | grep -q '^policy,position,propensity,click,estimate_term,' || return 1
    python3 recompute_bandit.py bandit "$3" "$4"
}
# The clicks of the target's own log are in on_policy and nowhere else.
clicks_stay_out() {
    mkdir -p clicked unclicked
    for folder in clicked unclicked; do
        awk -F, -v OFS=, -v click="$([ $folder = clicked ] && echo 1 || echo 0)" \
            'NR > 1 { $5 = click } { print }' "$data/open_bandit/bts/men.csv" >"$folder/men.csv"
        "$lingxi" --json trial open_bandit --train "$data/open_bandit/random/men.csv" --test $folder |
            python3 -c 'import json, sys
said = json.load(sys.stdin)
assert said["on_policy"] == (sys.argv[1] == "clicked")
print([said[name]["estimate"] for name in ("ips", "snips", "dr", "balanced_dr")])' $folder >$folder.said || return 1
    done
    cmp clicked.said unclicked.said
}
if [ -r "$data/open_bandit/bts/women.csv" ]; then
    shop=$data/open_bandit
    for campaign in "" /men.csv /women.csv; do
        test_that "bts from random's log$campaign" bandit "$shop/random$campaign" "$shop/bts$campaign" random bts
        test_that "random from bts's log$campaign" bandit "$shop/bts$campaign" "$shop/random$campaign" bts random
    done
    test_that "a policy from its own log" bandit "$shop/random" "$shop/random" random random-target
    test_that "the target's clicks are in no estimate" clicks_stay_out
    mkdir -p alone && cp "$shop/bts/men.csv" alone/
    test_that "both logs need the same campaigns" exits 1 "women.csv is in one of" \
        "$lingxi" trial open_bandit --train "$shop/random" --test alone
else
    skip "open_bandit's figures come from its predictions" "no ../shared/data"
fi
test_that "open_bandit names what it looks for" exits 1 "neither a folder with" \
    "$lingxi" trial open_bandit --train . --test .
test_that "open_bandit has no cross-validation" exits 2 "a test part of its own" \
    "$lingxi" trial open_bandit --train . --crossvalidate 2

# rounds NAME FILE ROWS_TO_LEARN_FROM ROWS_TO_PREDICT: the same folders under another name.
rounds() {
    [ -r "$data/$1/$2" ] || { skip "$1_rounds' figures come from its predictions" "no ../shared/data"; return; }
    cut_file "$1" "$2" "$3" "$4"
    for part in train test; do mkdir -p "$part/$1_rounds" && cp "$part/$1/$2" "$part/$1_rounds/"; done
    test_that "$1_rounds' figures come from its predictions" run "$1_rounds"
}
rounds zimnat customers.csv 1500 1000
rounds coil2000 caravan.csv 1500 1000

# What a customer was not asked about must not be heard: his holdings beyond the first five places are
# dealt out anew among those places, and every score must stay as it was.
unheard() {
    cat >deal.py <<'PY'
import csv, random
random.seed(1)
asked = {}
with open("zimnat_rounds.csv", newline="") as file:
    for row in csv.DictReader(file):
        if row["arm"] == "k5_without" and row["round"] == "1":
            asked.setdefault(row["case"], set()).add(row["candidate"])
with open("test/zimnat_rounds/customers.csv", newline="") as file:
    rows = list(csv.DictReader(file))
products, changed = list(rows[0])[8:], 0
for row in rows:
    unasked = [product for product in products if product not in asked[row["ID"]]]
    values = [row[product] for product in unasked]
    random.shuffle(values)
    changed += any(row[product] != value for product, value in zip(unasked, values))
    row.update(zip(unasked, values))
assert changed > 50, f"only {changed} customers were changed"
with open("dealt/customers.csv", "w", newline="") as file:
    writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
PY
    mkdir -p dealt && python3 deal.py || return 1
    "$lingxi" trial zimnat_rounds --train train/zimnat_rounds --test dealt --predictions dealt.csv >/dev/null || return 1
    grep -v _told zimnat_rounds.csv | cut -d, -f1-3,5-7 >before.txt
    grep -v _told dealt.csv | cut -d, -f1-3,5-7 >after.txt
    cmp -s zimnat_rounds.csv dealt.csv && { echo "the truth did not change"; return 1; }
    cmp before.txt after.txt
}
if [ -r zimnat_rounds.csv ]; then
    test_that "what was not asked is not heard" unheard
else
    skip "what was not asked is not heard" "no ../shared/data"
fi

# A figure that is wrong by a thousandth must be seen, or the comparison above says nothing.
canary() {
    python3 - <<'PY'
import json
said = json.load(open("coil2000.json"))
said["pr_auc"] += 1e-3
json.dump(said, open("coil2000.json", "w"))
PY
    python3 recompute.py coil2000
}
if [ -r coil2000.json ]; then
    test_that "a figure that is wrong is seen" exits 1 "pr_auc" canary
else
    skip "a figure that is wrong is seen" "no ../shared/data"
fi
test_that "predictions are of one test part" exits 2 "goes with --test" \
    "$lingxi" trial coil2000 --train . --crossvalidate 1 --predictions out.csv
finish
