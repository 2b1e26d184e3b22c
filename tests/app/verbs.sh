#!/bin/sh
# The verbs: get and search at both sandboxes and a plain server, planned by each vendor's rules.
. "$(dirname "$0")/lib.sh"

cd "$scratch"
for vendor in epic cerner; do
	"$firth" sandbox $vendor --port 0 --data $vendor --patients 3 --no-auth >$vendor.out 2>$vendor.err </dev/null &
	children="$children $!"
done
base() { # base VENDOR: where its sandbox is, once it listens
	for _ in $(seq 200); do
		grep -q '"event":"listening"' "$1.out" && break
		sleep 0.05
	done
	sed -n 's/.*"base":"\([^"]*\)".*/\1/p' "$1.out"
}
epic=$(base epic)
cerner=$(base cerner)
"$firth" ehr add epic --url "$epic" >/dev/null
"$firth" ehr add cerner --url "$cerner" >/dev/null
pe=$(head -n 1 epic/roster.txt)
pc=$(head -n 1 cerner/roster.txt)

run get epic "Patient/$pe"
expect "one resource" 0
says "for people" out "\"id\": \"$pe\""
run get cerner "Patient/$pc" --format json
says "for programs" out "^\{\"resourceType\":\"Patient\",\"id\":\"$pc\""
run get epic "Patient/$pe" --normalise
expect "in one form" 0
run get epic Patient/nobody
expect "one that is not there" 1
run get epic Patent/1
expect "no type" 2
run get epic Patient
expect "no id" 2
run get nobody Patient/1
expect "no EHR" 2
run get "$cerner" "Patient/$pc"
expect "an open server by its address" 0

run search epic "Observation?patient=$pe" --explain
expect "a plan" 0
says "says what is sent" out "^GET $epic/Observation\?patient=$pe&category=laboratory$"
says "and why" out 'Epic needs category or code with patient'
run search epic "Observation?patient=$pe"
expect "a search in several requests" 0
says "a resource a line" out '^\{"resourceType":"Observation"'
holds "each once" test "$(sed 's/.*"id":"\([^"]*\)".*/\1/' out | sort | uniq -d | wc -l)" = 0
says "counts them" err "^$(wc -l <out) found on [0-9]+ pages"
says "tells what the EHR left out" err '59204'
run search epic "Observation?patient=$pe&category=vital-signs&status=amended"
expect "what Epic would ignore" 0
says "is applied here" err 'Epic does not search by status and would ignore it: it is applied here'
holds "and holds" test ! -s out
run search epic "Observation?category=laboratory"
expect "what Epic would refuse" 1
says "is told before it is sent" err 'Epic searches Observation by patient and category.*Nothing was sent'
run search epic "Observation?category=laboratory" --unchecked
expect "unless it is sent as it is" 1
says "and Epic says so" err 'HTTP 400'
run search epic "Condition?patient=$pe&colour=red"
expect "what nobody knows" 1
run search cerner "Observation?patient=$pc&date=ge2020-01-01&date=lt2021-01-01"
expect "a range without times at Oracle Health" 1
says "says how to write it" err 'date=ge2026-01-01T00:00:00Z'
run search cerner "Flag?patient=$pc" --explain --format json
expect "a type that is not there" 1
says "for programs" out '"refused":"Oracle Health \(Cerner\) does not offer Flag'
run search cerner "Observation?patient=$pc" --max 3 --page 2
expect "the first three" 0
holds "are three" test "$(wc -l <out)" = 3
says "on two pages" err '3 found on 2 pages; stopped there'
run search cerner "Observation?patient=$pc" --bundle
expect "one Bundle" 0
says "with mode and fullUrl" out "^\{\"fullUrl\":\"$cerner/Observation/.*\"search\":\{\"mode\":\"match\"\}\},?$"
run search cerner "Condition?patient=$pc"
expect "conditions" 0
whole=$(wc -l <out)
run search cerner "Condition?patient=$pc" --withdrawn
holds "with those entered in error" test "$(wc -l <out)" -ge "$whole"
run search cerner "Condition?patient=$pc" --normalise --quiet
expect "in one form" 0
holds "in silence" test ! -s err
run search cerner "Patent?x=1"
expect "no type" 2
run search http://127.0.0.1:1/fhir "Patient?name=x"
expect "nobody there" 1

done_testing
