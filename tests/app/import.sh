#!/bin/sh
# Import: good files of every kind arrive whole, bad ones get one clear line each and leave the rest untouched.
# usage: import.sh FIRTH [URL of a database, otherwise in a directory]
. "$(dirname "$0")/lib.sh"
data=${2:-$scratch/data}
[ -z "${2:-}" ] || cd "$scratch" # files beside the database

patient() { printf '{"resourceType":"Patient","id":"%s","name":[{"family":"%s"}]%s}' "$1" "$2" "${3:-}"; }

# ---- good input
mkdir -p "$scratch/in/deep/er"
patient single One >"$scratch/in/a.json"
{ patient n1 Two; echo; echo; patient n2 Three; } >"$scratch/in/deep/b.ndjson"
patient zipped Four | gzip >"$scratch/in/deep/er/c.json.gz"
echo 'not for us' >"$scratch/in/readme.txt"
cat >"$scratch/in/t.json" <<'J'
{"resourceType":"Bundle","type":"transaction","entry":[
 {"fullUrl":"urn:uuid:11111111-2222-4333-8444-555555555555",
  "resource":{"resourceType":"Patient","name":[{"family":"Five"}]},
  "request":{"method":"POST","url":"Patient"}},
 {"fullUrl":"urn:uuid:11111111-2222-4333-8444-666666666666",
  "resource":{"resourceType":"Observation","status":"final","code":{"text":"weight"},
   "subject":{"reference":"urn:uuid:11111111-2222-4333-8444-555555555555"},
   "valueQuantity":{"value":70.10,"unit":"kg"}},
  "request":{"method":"POST","url":"Observation"}}]}
J
cat >"$scratch/in/u.json" <<'J'
{"resourceType":"Bundle","type":"searchset","entry":[
 {"resource":{"resourceType":"Condition","id":"c1","subject":{"reference":"Patient/single"}},"search":{"mode":"match"}},
 {"resource":{"resourceType":"OperationOutcome","issue":[{"severity":"warning","code":"processing"}]},"search":{"mode":"outcome"}}]}
J
run import --data "$data" --format json "$scratch/in"
expect "a directory of good files" 0
says "files found by their names" out '"files":5,'
says "bundles" out '"bundles":2,'
says "resources" out '"resources":7,'
says "by type" out '"by_type":\{"Condition":1,"Observation":1,"Patient":5\}'
says "nothing rejected" out '"rejected":0,'
says "outcomes are left out and counted" out '"skipped_entries":1,'

serve --data "$data" || bad "serve starts"
fhir=http://127.0.0.1:$port/fhir
get() { curl -s -o "$scratch/out" -w '%{http_code}' "$fhir/$1" >"$scratch/code"; }
get Patient/11111111-2222-4333-8444-555555555555
holds "an entry keeps the id of its fullUrl" grep -q 200 "$scratch/code"
get Observation/11111111-2222-4333-8444-666666666666
says "links by urn became literal" out '"reference":"Patient/11111111-2222-4333-8444-555555555555"'
says "decimals keep their text" out '"value":70\.10'
get "Patient?family=four"
says "compressed files are read" out '"id":"zipped"'
get "Condition?subject=Patient/single"
says "references of plain bundles are kept" out '"id":"c1"'
stop_server
expect "serve ends in order" 0

run import --data "$data" --format json "$scratch/in"
expect "the same again" 0
serve --data "$data"
fhir=http://127.0.0.1:$port/fhir
get "Patient?_summary=count"
says "importing again duplicates nothing" out '"total":5'
stop_server

patient s1 Stdin >"$scratch/one"
"$firth" import --data "$data" --format json - <"$scratch/one" >"$scratch/out" 2>"$scratch/err"
code=$?
expect "standard input" 0
says "standard input is one resource" out '"resources":1,'

# ---- bad input: each file by itself, with the line it must get
reject() { # reject NAME FILE PATTERN [RESOURCES]
	run import --data "$data" --format json "$2"
	expect "$1: exit status" 1
	says "$1: one clear line" err "$3"
	says "$1: counted" out '"rejected":[1-9]'
	says "$1: what is good is kept" out "\"resources\":${4:-0},"
}

printf '{"resourceType":"Patient",\n  "active": tru}\n' >"$scratch/broken.json"
reject "broken JSON" "$scratch/broken.json" 'broken.json:2:1[0-9]: '
patient x1 Cut | head -c 40 >"$scratch/cut.json"
reject "truncated" "$scratch/cut.json" 'cut.json:1:'
printf '{"resourceType":"Patient","name":[{"family":"\377\376"}]}' >"$scratch/utf8.json"
reject "bad UTF-8" "$scratch/utf8.json" 'utf8.json:.*UTF-8'
awk 'BEGIN { for (i = 0; i < 1000; i++) printf "{\"extension\":["; for (i = 0; i < 1000; i++) printf "]}" }' >"$scratch/deep.json"
reject "1,000-deep nesting" "$scratch/deep.json" 'deep.json:.*(deep|nest)'
patient x2 Unknown ',"favouriteColour":"blue"' >"$scratch/unknown.json"
reject "an unknown element" "$scratch/unknown.json" 'unknown.json: .*favouriteColour'
patient x3 Wrong ',"active":"yes"' >"$scratch/type.json"
reject "a wrong type" "$scratch/type.json" 'type.json: .*active'
echo '{"resourceType":"Wizard"}' >"$scratch/wizard.json"
reject "an unknown resource type" "$scratch/wizard.json" 'wizard.json: .*'
patient 'no/good' Id >"$scratch/id.json"
reject "an id that is none" "$scratch/id.json" 'id.json: .*id'
: >"$scratch/empty.json"
reject "an empty file" "$scratch/empty.json" 'empty.json: .*empty'
reject "a file that is not there" "$scratch/absent.json" 'absent.json: .*No such file'
{ patient l1 Good; echo; echo '{"resourceType":'; patient l3 Good; echo; patient l4 Bad ',"gender":"x"'; echo; } >"$scratch/mixed.ndjson"
reject "bad lines among good ones" "$scratch/mixed.ndjson" 'mixed.ndjson:2:' 2
says "the other bad line" err 'mixed.ndjson:4: .*gender'
gzip -c "$scratch/in/t.json" | head -c 150 >"$scratch/half.json.gz"
reject "a compressed file cut in half" "$scratch/half.json.gz" 'half.json.gz: .*middle'

# One bad entry: the transaction leaves nothing; a collection loses only that entry.
sed 's/"status":"final"/"status":"perhaps"/; s/11111111-2222/99999999-2222/g' "$scratch/in/t.json" >"$scratch/half-good.json"
reject "a transaction with a bad entry" "$scratch/half-good.json" 'entry 1 \(Observation\): .*status'
says "the whole of it is given up" err 'transaction of 2 entries was not stored: 1 of them is bad'
sed 's/transaction/collection/' "$scratch/half-good.json" >"$scratch/collection.json"
reject "a collection with a bad entry" "$scratch/collection.json" 'entry 1 \(Observation\)' 1
printf '{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"GET","url":"Patient/1"}}]}' >"$scratch/get.json"
reject "a transaction that reads" "$scratch/get.json" 'entry 0 .*cannot be imported'

run audit verify --data "$data" --format json
expect "the audit chain is whole afterwards" 0

# ---- killed in the middle: what is there is whole transactions, and the chain of records still fits
awk -v dir="$scratch/many" 'BEGIN {
	system("mkdir " dir)
	for (b = 0; b < 400; b++) {
		file = dir "/" b ".json"
		printf "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[" >file
		for (e = 0; e < 20; e++)
			printf "%s{\"resource\":{\"resourceType\":\"Patient\",\"id\":\"b%d-%d\"},\"request\":{\"method\":\"PUT\",\"url\":\"Patient/b%d-%d\"}}", e ? "," : "", b, e, b, e >file
		print "]}" >file
		close(file)
	}
}'
"$firth" import --data "$scratch/killed" "$scratch/many" >"$scratch/out" 2>"$scratch/err" &
import=$!
while [ -z "$(find "$scratch/killed" -name '*.sqlite-wal' -size +300k 2>/dev/null)" ] && kill -0 $import 2>/dev/null; do sleep 0.01; done
kill -KILL $import 2>/dev/null
wait $import 2>/dev/null
run audit verify --data "$scratch/killed"
expect "after kill -9: the audit chain is whole" 0
serve --data "$scratch/killed" || bad "after kill -9: serve starts"
fhir=http://127.0.0.1:$port/fhir
get "Patient?_summary=count"
total=$(number_of total "$scratch/out")
stop_server
holds "after kill -9: no half transaction (${total:-no} patients)" test $((${total:-1} % 20)) -eq 0
run import --data "$scratch/killed" --format json "$scratch/many"
expect "after kill -9: importing again works" 0
says "after kill -9: and completes it" out '"resources":8000,'

# ---- real data, when it is at hand: everything in the files is in the store afterwards
bundles=${FIRTH_ASSETS:-/nonexistent}/synthea-2019-bundles
if [ -d "$bundles" ]; then
	mkdir "$scratch/real"
	ls "$bundles"/*.json | head -n 6 | while read -r file; do ln -s "$file" "$scratch/real/"; done
	run import --data "$scratch/real-data" --format json "$scratch/real"
	expect "Synthea bundles" 0
	entries=$(cat "$scratch"/real/*.json | grep -c '"fullUrl": *"urn:uuid')
	holds "as many resources as entries ($entries)" test "$(number_of resources "$scratch/out")" = "$entries"
else
	echo "skipped: Synthea bundles (FIRTH_ASSETS)"
fi

done_testing
