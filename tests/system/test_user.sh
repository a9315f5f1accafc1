#!/bin/bash
# Goal:   accounts and API keys are made by hand as the manual says; what is wrong is said; no secret is kept or shown twice.
# Method: a small synthetic bank, whose staff and branches the accounts name; the files are searched for the secrets.
. "$(dirname "$0")/tap.sh"
cd "$scratch" || exit 2
"$lingxi" synth files --customers 200 --months 6 --seed 3 >/dev/null 2>&1
"$lingxi" -C bank init >/dev/null && "$lingxi" -C bank import files --map synthetic >/dev/null 2>&1
staff=$(sqlite3 bank/bank.db "SELECT code FROM staff ORDER BY code LIMIT 1" 2>/dev/null)
branch=$(sqlite3 bank/bank.db "SELECT code FROM branch ORDER BY code LIMIT 1" 2>/dev/null)
password='crossing the river by feeling the stones'
add() { printf '%s\n' "$password" | "$lingxi" -C bank --json user add "$@"; }

test_that "a relationship manager is added" bash -c "printf '%s\n' '$password' | '$lingxi' -C bank --json user add li.na --role rm --staff '$staff' --branch '$branch' | grep -q '\"role\": *\"rm\"'"
twice() { exits 3 "li.na is there already" add li.na --role rm --staff "$staff"; }
test_that "a name is taken once" twice
test_that "a manager without a staff code is refused" exits 1 "needs --staff" add wang --role rm
test_that "a staff code that is none is refused" exits 1 "no such staff" add wang --role rm --staff NONE
test_that "a branch that is none is refused" exits 1 "no such branch" add wang --role branch_manager --branch NONE
test_that "a role that is none is refused with a suggestion" exits 2 "did you mean auditor" add wang --role auditr
short() { printf 'short\n' | "$lingxi" -C bank user add wang --role admin; }
test_that "a short password is refused" exits 1 "at least 12" short
nothing() { "$lingxi" -C bank user add wang --role admin </dev/null; }
test_that "no password is said" exits 1 "standard input is empty" nothing
second() { add zhou --role risk | field second_factor_uri | grep -q '^otpauth://totp/Lingxi:zhou?secret=[A-Z2-7]\{32\}&issuer=Lingxi$'; }
test_that "who needs a second factor is given one" second
listed() { "$lingxi" -C bank --json user list | python3 -c '
import json, sys
users = {user["name"]: user for user in json.load(sys.stdin)["users"]}
assert sorted(users) == ["li.na", "zhou"], users
assert users["zhou"]["role"] == "risk" and not users["li.na"]["disabled"]'; }
test_that "all are listed" listed
disabled() { "$lingxi" -C bank --json user disable li.na | field disabled | grep -q true; }
test_that "an account is disabled" disabled
test_that "an account that is none is named" exits 1 "no account nobody" "$lingxi" -C bank user enable nobody

made() { "$lingxi" -C bank --json key add 手机银行 --scopes decide,answer --quota 1000 --price 2 >key.json &&
    field key <key.json | grep -q '^lx_[0-9a-f]\{12\}_[A-Za-z0-9_-]\{43\}$'; }
test_that "a key is made and shown" made
test_that "a scope that is none is refused" exits 2 "no such scope" "$lingxi" -C bank key add x --scopes all
hidden() { ! grep -qarF -e "$password" -e "$(field key <key.json | cut -c17-)" bank; }
test_that "neither password nor key is in the files" hidden
statement() { "$lingxi" -C bank key statement 2026-11 --out use.csv >/dev/null && [ "$(cat use.csv)" = "key,owner,day,route,calls,price_fen" ]; }
test_that "a month without calls is an empty statement" statement
test_that "a month that is none is refused" exits 2 "a month is wanted" "$lingxi" -C bank key statement 2026-13
revoked() { "$lingxi" -C bank key revoke "$(field id <key.json)" >/dev/null && "$lingxi" -C bank --json key list | grep -q '"revoked": *true'; }
test_that "a key is revoked" revoked
test_that "a folder that is no bank is said" exits 1 "no bank" "$lingxi" -C none user list
finish
