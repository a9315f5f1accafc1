#!/bin/bash
# Goal:   expressions are checked and evaluated as the command reference says: `expr` shows the place of
#         a fault, for people and in JSON.
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
finish
