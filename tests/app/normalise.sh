#!/bin/sh
# Normalise: bundles, lines and recordings into one form; the explanation for people and for machines.
. "$(dirname "$0")/lib.sh"

in=$scratch/in
mkdir -p "$in"
cat >"$in/bundle.json" <<'END'
{"body":{"resourceType":"Bundle","type":"searchset","entry":[
{"fullUrl":"https://ehr.example/fhir/Condition/c","resource":{"resourceType":"Condition","id":"c","subject":{"reference":"https://ehr.example/fhir/Patient/1"},
"code":{"coding":[{"system":"urn:oid:2.16.840.1.113883.6.90","code":"I10"},{"system":"http://snomed.info/sct","code":"38341003"}]}}},
{"fullUrl":"https://ehr.example/fhir/Condition/d","resource":{"resourceType":"Condition","id":"d","verificationStatus":{"coding":[{"code":"entered-in-error"}]}}},
{"resource":{"resourceType":"OperationOutcome","issue":[{"severity":"warning","code":"suppressed","diagnostics":"something is missing"}]}}]}}
END
printf '%s\n' '{"resourceType":"Patient","id":"1","active":false,"link":[{"type":"replaced-by","other":{"reference":"Patient/2"}}]}' >"$in/patients.ndjson"

run normalise "$in"
expect "a directory" 0
says "SNOMED CT first, canonical ICD-10, source and reference" out '^{"resourceType":"Condition","id":"c","meta":{"source":"https://ehr.example/fhir/Condition/c"},"subject":{"reference":"Patient/2"},"code":{"coding":\[{"system":"http://snomed.info/sct","code":"38341003"},{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"I10"}\]}}$'
holds "errors and messages are left out" test "$(wc -l <"$scratch/out")" = 2
cp "$scratch/out" "$scratch/once.ndjson"
run normalise "$scratch/once.ndjson"
holds "doing it again changes nothing" cmp "$scratch/out" "$scratch/once.ndjson"

run normalise --explain "$in"
expect "an explanation" 0
says "the rule" out '^coding-order  1: '
says "what stood there" out 'Condition.code  *I10, 38341003 -> 38341003, I10'
says "the merge" out 'Condition.subject.reference  *Patient/1 -> Patient/2'
says "the sum" out '^4 resources read, 2 in the result, 1 entered in error, 1 messages of the server$'

run normalise --explain --format json --output "$scratch/result.ndjson" "$in"
expect "an explanation for machines" 0
says "a change as a line" out '"resource":"Condition/c","path":"Condition.code.coding\[0\].system","rule":"system-alias","before":"urn:oid:2.16.840.1.113883.6.90","after":"http://hl7.org/fhir/sid/icd-10-cm","source":'
says "what was left out is there whole" out '"rule":"message","before":"{.*something is missing'
holds "the resources are in the file" cmp "$scratch/result.ndjson" "$scratch/once.ndjson"

"$firth" normalise - <"$in/bundle.json" >"$scratch/out" 2>"$scratch/err"
code=$?
expect "standard input" 0
says "standard input is normalised" out '"id":"c"'

echo '{"a":' >"$scratch/broken.json"
run normalise "$scratch/broken.json"
expect "a broken file" 1
says "it is named" err 'broken.json: '
run normalise --vendor oracle "$in"
expect "an unknown vendor" 2

done_testing
