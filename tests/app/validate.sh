#!/bin/sh
# `firth validate` as a user meets it: what it reads, what it prints in each form, baselines, exit status.
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
case $firth in /*) ;; *) firth=$OLDPWD/$firth ;; esac
patient='{"resourceType":"Patient","id":"a","gender":"female"}'
bad='{"resourceType":"Patient","id":"a","gender":"f"}'
mkdir -p in/deep
printf '%s\n' "$patient" >in/good.json
printf '{\n "resourceType": "Patient",\n "gender": "f",\n "active": "yes"\n}\n' >in/bad.json
printf '<Patient xmlns="http://hl7.org/fhir">\n  <gender value="f"/>\n</Patient>\n' >in/deep/bad.xml
{ echo "$patient"; echo "$bad"; echo "$patient"; } >in/lines.ndjson
echo '{"name":"not a resource"}' >in/package.json
echo 'nothing' >in/readme.txt

# ---- single files
run validate in/good.json
expect "a good file" 0
says "summary of a good file" out '^1 file, 1 resource: 0 errors'
run validate in/bad.json
expect "a bad file" 1
says "line, column, path, severity" out '^in/bad.json:3:12 error Patient.gender: .*"f"'
says "the other error as well" out '^in/bad.json:4:12 error Patient.active: '
run validate in/deep/bad.xml
expect "XML" 1
says "place in XML" out '^in/deep/bad.xml:2:3 error Patient.gender: '
run validate in/lines.ndjson
expect "NDJSON" 1
says "line of NDJSON" out '^in/lines.ndjson:2:[0-9]+ error Patient.gender: '
says "resources of NDJSON" out '^1 file, 3 resources: 1 error'

# ---- many
run validate in
expect "a directory" 1
says "files of a directory" out '^4 files, 6 resources: [0-9]+ errors'
silent_about "package.json is none of them" out 'package.json'
"$firth" validate --quiet --threads 4 in >one 2>/dev/null
"$firth" validate --quiet --threads 1 in >two 2>/dev/null
holds "the same order with any number of threads" cmp one two
silent_about "quiet: no summary" one 'files,'
gzip -c in/lines.ndjson >z.ndjson.gz
run validate z.ndjson.gz
says "gzip" out '^z.ndjson.gz:2:'
"$firth" validate - <in/bad.json >out 2>err
code=$?
cp out "$scratch/out" 2>/dev/null
expect "standard input" 1
says "standard input by its name" out '^\(standard input\):3:12 error'
i=0
while [ $i -lt 3000 ]; do echo "$patient"; i=$((i + 1)); done >many.ndjson
echo "$bad" >>many.ndjson
run validate many.ndjson
says "the last of many lines" out '^many.ndjson:3001:'
says "all of many lines" out '3001 resources: 1 error'

# ---- references from file to file
mkdir -p linked
printf '{"resourceType":"Patient","id":"a"}\n{"resourceType":"Patient","id":"b"}\n' >linked/Patient.ndjson
observation='"resourceType":"Observation","status":"final","code":{"text":"x"}'
{ echo "{$observation,\"subject\":{\"reference\":\"Patient/a\"}}"
  echo "{$observation,\"subject\":{\"reference\":\"Patient/c\"}}"
  echo "{$observation,\"subject\":{\"reference\":\"http://s.test/Patient/d\"}}"; } >linked/Observation.ndjson
printf '{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"http://s.test/Patient/d","resource":{"resourceType":"Patient","id":"d"}}]}\n' >linked/bundle.json
run validate linked
expect "without --linked nothing is asked of references" 0
run validate --linked --references-must-resolve linked
expect "a reference to no file" 1
says "it alone" out '^linked/Observation.ndjson:2:[0-9]+ error Observation.subject: .*Patient/c'
says "no others" out '^3 files, 6 resources: 1 error'
"$firth" validate --linked - <linked/bundle.json >out 2>err
code=$?
cp err "$scratch/err" 2>/dev/null
expect "standard input twice" 1
printf '{\n "resourceType": "Patient",\n "active": true,\n "gendre": "male"\n}\n' >unknown.json
run validate unknown.json
says "the line of an unknown property" out '^unknown.json:4:12 error Patient: .*"gendre"'

# ---- forms
run validate --format json in/bad.json
expect "JSON of a bad file" 1
says "JSON: an OperationOutcome" out '^\{"resourceType":"OperationOutcome"'
says "JSON: line" out '"operationoutcome-issue-line","valueInteger":3|issue-line","valueInteger":3'
says "JSON: expression" out '"expression":\["Patient.gender"\]'
run validate --format json in/good.json
expect "JSON of a good file" 0
says "JSON: something to say" out '"severity":"information"'
run validate --format json in
says "JSON of many: a Bundle" out '^\{"resourceType":"Bundle","type":"collection","entry":\['
holds "what it prints is FHIR" test "$(grep -o '"resourceType":"OperationOutcome"' "$scratch/out" | wc -l)" -eq 4
cp "$scratch/out" outcome.json
run validate outcome.json
expect "the outcomes are valid themselves" 0
run validate --format junit in
expect "JUnit" 1
says "JUnit: counts" out '<testsuite name="firth validate" tests="4" failures="3"'
says "JUnit: a failure" out '<failure type="[^"]*" message="[^"]*">in/bad.json:3:12 error Patient.gender'
run validate --level error in/bad.json
silent_about "level" out ' warning '
run validate --max-findings 1 in/bad.json
holds "at most one finding" test "$(grep -c '^in/bad.json' "$scratch/out")" -eq 1
says "the others are counted" out 'not shown'

# ---- form of JSON
printf '{"resourceType":"Patient",\n// no\n"gender":"male",}\n' >loose.json
run validate loose.json
expect "comments and commas" 1
says "comment" out '^loose.json:2:1 error Patient: Comments'
says "comma" out '^loose.json:3:16 error Patient: .*comma'
run validate --allow-comments loose.json
silent_about "allowed comments" out 'Comments'
echo 'hello' >text.json
run validate text.json
expect "no JSON at all" 1
: >empty.json
run validate empty.json
expect "an empty file" 1
says "an empty file says so" out 'empty'

# ---- baseline
run validate --baseline base.json --write-baseline in
expect "writing a baseline" 0
says "what it accepts" out 'accepted by the baseline'
silent_about "no value in it" base.json '"f"'
run validate --baseline base.json in
expect "nothing new" 0
mkdir moved && cp in/bad.json moved/other.json
run validate --baseline base.json moved
expect "nothing new in another file" 0
says "what is gone" out '[0-9]+ of its entries no longer occur'
sed 's/"f"/"x"/' in/bad.json >moved/new.json
run validate --baseline base.json moved
expect "another value is new" 1
says "only the new one is shown" out '^moved/new.json:3:12 error'
silent_about "accepted ones are not shown" out 'other.json'
run validate --baseline nothing.json in
expect "a baseline that is not there" 1
run validate --write-baseline in
expect "write where" 2

# ---- the flags of the HL7 validator
run validate -version 4.0.1 -tx n/a in/good.json
expect "flags of the HL7 validator" 0
run validate -version 5.0 in/good.json
expect "another version" 2
run validate -tx http://tx.example.org in/good.json
expect "a terminology server" 2
run validate --profile http://example.org/none in/good.json
expect "a profile that is not there" 1
says "the profile is named" err 'http://example.org/none'
run validate in/none.json
expect "a file that is not there" 1
says "the file is named" err 'in/none.json'
run validate
expect "nothing to validate" 2
run validate --level loud in/good.json
expect "a level that is none" 2

# ---- CDS Hooks
model=http://hl7.org/fhir/tools/StructureDefinition
printf '{"hook":"patient-view","hookInstance":"1","context":{"userId":"Practitioner/1","patientId":"Patient/1"},\n"prefetch":{"p":{"resourceType":"Patient","gender":"f"},"q":null}}' >hook.json
run validate --profile $model/CDSHooksRequest hook.json
expect "a CDS Hooks request" 1
says "an id with a type" out 'CDSHooksRequest.context.patientId: "Patient/1"'
says "the resource in it" out 'CDSHooksRequest.prefetch\[0\].value.gender: '
echo '{"cards":[]}' >cards.json
run validate --profile $model/CDSHooksResponse cards.json
expect "a CDS Hooks response" 0

done_testing
