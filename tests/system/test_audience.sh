#!/bin/bash
# Goal:   expressions are checked and evaluated, and audiences counted, listed, written and kept as the
#         command reference says; a fault has its place; ids stay masked unless the bank allows otherwise.
# Method: a small synthetic bank; each document's fields; what one command says is held against another.
. "$(dirname "$0")/tap.sh"
cd "$scratch" || exit 2
json() { "$lingxi" -C bank --json "$@"; }

make_bank() {
    "$lingxi" synth files --customers 1500 --months 6 >/dev/null && "$lingxi" -C bank init >/dev/null &&
        "$lingxi" -C bank import files --map synthetic >/dev/null
}
test_that "a bank is made" make_bank
test_that "an expression is checked without a snapshot" exits 0 "boolean" "$lingxi" -C bank expr "age() > 30"
test_that "a value needs a snapshot or a day" exits 1 "lingxi refresh" \
    "$lingxi" -C bank expr "age()" --customer "$(head -c 32 files/customers.dat)"
test_that "refresh computes the snapshot" "$lingxi" -C bank refresh
customer=$(json customer | field customers.0.id)

chinese() {
    json expr "年龄 between 30 and 50 且 资产 >= 50万" >zh.json && [ "$(field type <zh.json)" = boolean ] &&
        [ "$(field scope <zh.json)" = customer ] && field expression <zh.json | grep -q "assets >= 500000"
}
test_that "Chinese gives the same canonical text" chinese
evaluates() {
    json expr "$1" --customer "$customer" >value.json && [ "$(field value <value.json)" = "$2" ] ||
        { echo "$1:"; cat value.json; return 1; }
}
acts() { json features --customer "$customer" | python3 -c '
import json, sys
print(int(next(f["value"] for f in json.load(sys.stdin)["features"] if f["name"] == "logins_30d")))'; }
test_that "a window over the past is what the feature counts" \
    evaluates "count() where kind = 'login' over 30 days" "$(acts)"
test_that "a boolean is a boolean" evaluates "1 = 1" true
test_that "a date is a day" evaluates "date '2026-01-31' + 1 day" 2026-02-01
test_that "nothing known is null" evaluates "nullif(1, 1)" None
money() { evaluates "1.5万 * 2" 30000 || evaluates "coalesce(nullif(assets, assets), 0) + 30000" 30000.00; }
test_that "money is exact" money
as_of() {
    json expr "count()" --customer "$customer" --as-of 1900-01-01 >early.json && [ "$(field value <early.json)" = 0 ]
}
test_that "before the records nothing had happened" as_of
every_product() {
    json expr "product.risk <= 5" --customer "$customer" >pair.json && [ "$(field scope <pair.json)" = pair ] &&
        [ "$(field values.0.product <pair.json)" = P01 ]
}
test_that "what reads the product answers for each" every_product
fault() {
    json expr "年龄 > 3 且 assests > 5" >fault.json 2>/dev/null
    [ $? = 1 ] && [ "$(field error.line <fault.json)" = 1 ] && [ "$(field error.column <fault.json)" = 10 ] &&
        [ "$(field error.message <fault.json)" = 'unknown field `assests`: did you mean `assets`?' ]
}
test_that "a fault has line, column and message in JSON" fault
caret() {
    exits 1 'did you mean `assets`' "$lingxi" -C bank expr "年龄 > 3 且 assests > 5" || return 1
    # 年龄 and 且 are two columns wide each, and two stand before the line.
    [ "$(sed -n 3p "$scratch/err")" = "              ^" ]
}
test_that "people see a caret under the place" caret
test_that "the place is told in English" exits 1 "line 1, column 4" "$lingxi" -C bank --lang en expr "1 +"
test_that "an overflow has its place" exits 1 '"column":21' "$lingxi" -C bank --json expr \
    "9223372036854775807 + age()" --customer "$customer"
test_that "--as-of needs a customer" exits 2 "customer ID" "$lingxi" -C bank expr "1" --as-of 2026-01-01
test_that "an unknown customer is named" exits 1 "nobody" "$lingxi" -C bank expr "age()" --customer nobody

# Audiences.
condition="age() between 30 and 60 and assets >= 1000 and gender = 'female' and not holds('wealth')"
count() {
    json audience "$condition" --count >count.json && [ "$(field count <count.json)" -gt 0 ] &&
        [ "$(field of <count.json)" = 1500 ] && field milliseconds <count.json >/dev/null &&
        ! grep -q '"ids"' count.json
}
test_that "four conditions are counted" count
lists() {
    json audience "$condition" --limit 3 >list.json && [ "$(field masked <list.json)" = true ] &&
        [ "$(field count <list.json)" = "$(field count <count.json)" ] && python3 - <<'PY'
import json, re
ids = json.load(open("list.json"))["ids"]
assert len(ids) == 3 and all(re.fullmatch(r"..\*{28}..", i) for i in ids), ids
PY
}
test_that "the first ones are listed, masked" lists
rows_of() { tail -n +2 "$1" | wc -l; }
writes() {
    json audience "$condition" --out out.csv >out.json && [ "$(head -1 out.csv)" = customer ] &&
        [ "$(rows_of out.csv)" = "$(field count <count.json)" ] && ! tail -n +2 out.csv | grep -qv '\*'
}
test_that "all of them are written, masked" writes
windows() {
    json audience "count() where kind = 'login' over 30 days >= 3" --count >w.json &&
        json audience "logins_30d >= 3" --count >f.json && [ "$(field count <w.json)" -gt 0 ] &&
        [ "$(field count <w.json)" = "$(field count <f.json)" ]
}
test_that "a window that is no feature counts as the feature does" windows
test_that "unmasked ids are refused" exits 3 "unmasked_ids = yes" "$lingxi" -C bank audience "$condition" --unmasked
not_written() { exits 3 "unmasked_ids" "$lingxi" -C bank audience "$condition" --unmasked --out secret.csv && [ ! -e secret.csv ]; }
test_that "and nothing is written" not_written
unmasked() {
    cp bank/lingxi.ini kept.ini && printf '\n[audience]\nunmasked_ids = yes\n' >>bank/lingxi.ini
    json audience "$condition" --unmasked --out open.csv >/dev/null &&
        [ "$(rows_of open.csv)" = "$(field count <count.json)" ] &&
        tail -n +2 open.csv | while read -r id; do grep -q "^$id" files/customers.dat || exit 1; done
    local status=$?
    sed -i 's/unmasked_ids = yes/unmasked_ids = perhaps/' bank/lingxi.ini
    exits 1 'lingxi.ini:.*yes or no' "$lingxi" -C bank audience "$condition" --unmasked || status=1
    cp kept.ini bank/lingxi.ini
    return $status
}
test_that "where lingxi.ini allows it, the bank's own ids are written" unmasked
test_that "a fault has its place" exits 1 '"column":1' "$lingxi" -C bank --json audience "assests > 3"
test_that "a product has no audience" exits 1 "an audience is of customers" "$lingxi" -C bank audience "product.risk < 3"
test_that "what is no condition is refused" exits 1 "boolean" "$lingxi" -C bank audience "assets"
test_that "people read it in English" exits 0 "of all" "$lingxi" --lang en -C bank audience "$condition"
test_that "people read it in Chinese" exits 0 "全部客户" "$lingxi" -C bank audience "$condition"

# Kept ones.
keeps() {
    json audience --keep middle "$condition" --owner li --count >keep.json &&
        [ "$(field name <keep.json)" = middle ] && [ "$(field count <keep.json)" = "$(field count <count.json)" ]
}
test_that "an audience is kept, and counted" keeps
again() { json audience @middle --count >at.json && [ "$(field count <at.json)" = "$(field count <count.json)" ]; }
test_that "it answers to its name" again
history() {
    "$lingxi" -C bank --json refresh >refresh.json && [ "$(field audiences <refresh.json)" = 1 ] &&
        json audience --list >kept.json && [ "$(field audiences.0.owner <kept.json)" = li ] &&
        [ "$(field audiences.0.sizes.2.count <kept.json)" = "$(field count <count.json)" ] &&
        [ "$(python3 -c 'import json; print(len(json.load(open("kept.json"))["audiences"][0]["sizes"]))')" = 3 ]
}
test_that "each count and each refresh adds to its history" history
test_that "a name is kept once" exits 3 "already" "$lingxi" -C bank audience --keep middle "1 = 1"
test_that "a name that is none is refused" exits 1 "letters, digits" "$lingxi" -C bank audience --keep "two words" "1 = 1"
test_that "an unknown name is refused with a suggestion" exits 1 'did you mean `middle`' "$lingxi" -C bank audience @midle
test_that "a kept audience is dropped" exits 0 "middle" "$lingxi" -C bank audience --drop middle
test_that "and gone" exits 1 "no audience" "$lingxi" -C bank audience @middle
test_that "nothing to select is wrong usage" exits 2 "one of EXPR" "$lingxi" -C bank audience
test_that "two answers at once are wrong usage" exits 2 "not both" "$lingxi" -C bank audience "1 = 1" --count --out x.csv
unrefreshed() {
    "$lingxi" -C fresh init >/dev/null && exits 1 "lingxi refresh" "$lingxi" -C fresh audience "age() > 3" &&
        exits 0 "age()" "$lingxi" -C fresh audience --keep young "age() < 30" &&
        "$lingxi" -C fresh import files --map synthetic >/dev/null && "$lingxi" -C fresh refresh >/dev/null &&
        "$lingxi" -C fresh --json audience --list | field audiences.0.sizes.0.count
}
test_that "what is kept before the first import is counted after the first refresh" unrefreshed
finish
