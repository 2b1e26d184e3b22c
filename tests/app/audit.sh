#!/bin/sh
# The audit trail: accesses are listed, and the chain shows when a row was changed, removed or cut off.
. "$(dirname "$0")/lib.sh"
data=$scratch/data

echo '{"resourceType":"Patient","id":"p1","name":[{"family":"Secretname"}]}' >"$scratch/p.json"
for i in 1 2 3 4; do run import --data "$data" "$scratch/p.json"; done
serve --data "$data" --access-log || bad "serve starts"
curl -s -o /dev/null "http://127.0.0.1:$port/fhir/Patient/p1"
curl -s -o /dev/null "http://127.0.0.1:$port/fhir/Patient?family=secret"
curl -s -o /dev/null "http://127.0.0.1:$port/fhir/Patient/nobody"
stop_server
cp "$scratch/serve.log" "$scratch/out"
says "logs tell route, status and duration" out '"event":"request".*"route":":type/:id".*"status":200.*"microseconds":'
silent_about "logs hold no names, ids or queries" out '[Ss]ecret|p1|nobody'

run audit list --data "$data" --format json
expect "list" 0
says "a read is recorded" out '"interaction":"read"[^}]*"id":"p1"'
says "a search is recorded" out '"interaction":"search-type"'
says "a refusal is recorded" out '"http_status":404'
run audit list --data "$data" --limit 2
expect "list for people" 0
holds "as many as asked for" test "$(wc -l <"$scratch/out")" -eq 2
run audit verify --data "$data" --format json
expect "an untouched chain" 0
says "verified" out '"verified":true'
rows=$(number_of rows "$scratch/out")
holds "it has rows" test "${rows:-0}" -ge 7

if ! command -v sqlite3 >/dev/null; then
	echo "skipped: tampering (sqlite3 is not installed)"
	done_testing
fi
db=$(find "$data" -name '*.db' -o -name '*.sqlite' | head -n 1)
holds "the database is found" test -n "$db"

tamper() { # tamper NAME SQL PATTERN
	rm -rf "$scratch/copy"
	cp -r "$data" "$scratch/copy"
	sqlite3 "$scratch/copy/$(basename "$db")" "$2" >"$scratch/out" 2>"$scratch/err"
	code=$?
	expect "$1: the change itself works" 0
	run audit verify --data "$scratch/copy"
	expect "$1: exit status" 1
	says "$1: names the row" err "$3"
	run audit verify --data "$scratch/copy" --format json
	says "$1: for programs" out '"verified":false'
}

tamper "a changed row" "UPDATE audit SET agent = 'somebody' WHERE number = 3" '(row|number) 3'
tamper "a changed time" "UPDATE audit SET time = time + 1 WHERE number = 1" '(row|number) 1'
tamper "a removed row" "DELETE FROM audit WHERE number = 2" '[23]'
tamper "the end cut off" "DELETE FROM audit WHERE number > $((rows - 2))" '[0-9]'
tamper "an inserted row" "INSERT INTO audit SELECT number + 1, time, action, interaction, outgoing, outcome, http_status, agent, address, request_id, type, id, version, query, patient, detail, hash FROM audit ORDER BY number DESC LIMIT 1" '[0-9]'

done_testing
