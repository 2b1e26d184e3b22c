#!/bin/sh
# The verbs: get and search at both sandboxes and a plain server, planned by each vendor's rules.
. "$(dirname "$0")/lib.sh"

cd "$scratch"
for vendor in epic cerner; do
	background $vendor sandbox $vendor --port 0 --data $vendor --patients 3 --no-auth
done
epic=$(listening epic)
cerner=$(listening cerner)
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
run get epic Patient/unknown
says "a failure names the request" err "^the request, for the EHR's people: ."
background opened sandbox cerner --port 0 --data opened --patients 1 --no-auth --allow-write Flag
"$firth" ehr add opened --url "$(listening opened)" >/dev/null
run search opened "Flag?patient=$(head -n 1 opened/roster.txt)"
expect "a type that this site has opened" 0
says "is told" err "but the site's capability statement does"
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

# Writes: by the vendor's tables and rules, or not at all.
"$firth" search cerner "MedicationRequest?patient=$pc" --max 1 --quiet >order.json
order=$(sed 's/^{"resourceType":"MedicationRequest","id":"\([^"]*\)".*/\1/' order.json)
echo '[{"op":"replace","path":"/status","value":"stopped"}]' >stop.json
run patch cerner "MedicationRequest/$order" stop.json --preview
expect "a patch, looked at first" 0
says "what would be sent" out "^  patch MedicationRequest/$order$"
run patch cerner "MedicationRequest/$order" stop.json
expect "a patch" 0
says "goes with the version, and is read back" out '^updated MedicationRequest/.*, version 2$'
says "as it was meant" out 'read back: it says what was sent'
run patch cerner "MedicationRequest/$order" stop.json
says "again it changes nothing" out '^unchanged '
echo '[{"op":"replace","path":"/intent","value":"plan"}]' >plan.json
run patch cerner "MedicationRequest/$order" plan.json
expect "what a patch may not change there" 1
says "is told" out 'intent is not among what a patch may change there'
echo '[{"op":"replace","path":"/telecom/0/value","value":"555"}]' >telecom.json
run patch cerner "Patient/$pc" telecom.json
expect "an item of a Patient without a test of its id" 1
says "is told" out '\{"op":"test","path":"/telecom/0/id"'
echo '[{"op":"replace","path":"/nowhere/0","value":"1"}]' >nowhere.json
run patch cerner "Patient/$pc" nowhere.json
expect "a patch that does not fit" 1
vital=$("$firth" search epic "Observation?patient=$pe&category=vital-signs" --max 1 --quiet | sed 's/^{"resourceType":"Observation","id":"\([^"]*\)".*/\1/')
echo '[{"op":"add","path":"/note","value":[{"text":"measured twice"}]}]' >note.json
run patch epic "Observation/$vital" note.json --exact
expect "a patch to Epic" 1
says "which takes none" out 'Epic takes no patches of Observation'
run patch epic "Observation/$vital" note.json --format json
expect "but the whole" 0
says "and it is told" out '"reason":"Epic takes no patches.*"op":"update".*"result":"updated"'
run patch order.json stop.json
expect "files are patched as before" 0

run delete epic "Observation/$vital"
expect "a delete at Epic" 1
says "is not sent" out 'Epic does not let clients delete Observation; it can be marked as entered in error'
run delete cerner Coverage/none
expect "one that is not there" 1
run delete cerner Coverage/none --preview
expect "a delete that is allowed, looked at" 0
says "what would be sent" out '^  delete Coverage/none$'

echo '{"resourceType":"Flag","status":"active","code":{"text":"x"},"subject":{"reference":"Patient/1"}}' >flag.json
run create epic flag.json
expect "a Flag to Epic" 1
says "is not sent" out 'Epic does not let clients write Flag'
run create epic flag.json --unchecked
expect "unless told to" 1
says "and then Epic refuses it" out 'HTTP 40[0-9]'
run update epic flag.json
expect "an update without an id" 1
says "says what is missing" err 'an update needs the id'
run get epic "Observation/$vital" --format json
sed 's/"status":"final"/"status":"amended"/' out >amended.json
run update epic amended.json
expect "an update" 0
says "is read back" out '^updated Observation/'

# A plain server: everything, and a delete that is really one.
serve --data plain
"$firth" ehr add plain --url "http://127.0.0.1:$port/fhir" --vendor generic >/dev/null
run create plain flag.json
expect "a create" 0
flag=$(sed -n 's/^created Flag\/\([^,]*\),.*/\1/p' out)
run search plain "Flag?patient=1"
says "is found" err '^1 found'
run delete plain "Flag/$flag"
expect "a delete" 0
says "is read back" out 'read back: it is gone'
says "and can be taken back" out 'create the former content again'
run get plain "Flag/$flag"
expect "it is gone" 1
run write log plain
says "the log has both" out 'delete +Flag/'
stop_server

done_testing
