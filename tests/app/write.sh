#!/bin/sh
# Write: previews, writes to both sandboxes, what was written already, the nearest thing, and refusals with a reason.
. "$(dirname "$0")/lib.sh"

cd "$scratch"
for vendor in epic cerner; do
	background $vendor sandbox $vendor --port 0 --data $vendor --patients 2 --no-auth
done
cat >firth.yaml <<END
ehrs:
  - name: epic
    vendor: epic
    base_url: $(listening epic)
  - name: cerner
    vendor: cerner
    base_url: $(listening cerner)
END
at='"effectiveDateTime":"2026-01-02T03:04:05Z"'
loinc() { printf '{"coding":[{"system":"http://loinc.org","code":"%s"}]}' "$1"; }
patient() { printf '"subject":{"reference":"Patient/%s"}' "$(head -n 1 "$1/roster.txt")"; }
category='"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}]'
cat >lab.json <<END
{"resourceType":"Observation","status":"final",$category,"code":$(loinc 718-7),$(patient cerner),$at,
"valueQuantity":{"value":14.1,"unit":"g/dL","system":"http://unitsofmeasure.org","code":"g/dL"}}
END
report='"resourceType":"DiagnosticReport","status":"final","identifier":[{"system":"urn:x","value":"1"}],"performer":[{"reference":"Practitioner/12742069"}],"conclusion":"all well"'
echo "{$report,\"category\":[$(loinc LP29693-6)],\"code\":$(loinc 11502-2),$(patient cerner),$at}" >cerner-report.json
echo "{$report,\"category\":[$(loinc LP29693-6)],\"code\":$(loinc 11502-2),$(patient epic),$at}" >epic-report.json

run write cerner lab.json --preview
expect "a preview" 0
says "what would be sent" out '^  create Observation$'
run search cerner "Observation?patient=$(head -n 1 cerner/roster.txt)&code=718-7&date=ge2026-01-01T00:00:00Z&date=lt2026-02-01T00:00:00Z"
silent_about "nothing was sent" out '14\.1'

run write cerner lab.json
expect "a laboratory result" 0
says "was created" out '^created Observation/'
says "was read back" out 'read back'
says "can be taken back" out 'to take it back: '
run write cerner lab.json
expect "the same again" 0
says "is there already" out '^unchanged Observation/'

run write cerner cerner-report.json
says "a laboratory report cannot be created at Oracle Health" out 'DiagnosticReport cannot be written as it is: '
says "the rule" out 'DiagnosticReport.category: only cardiology'
says "but its words can" out '^created DocumentReference/'
run write epic epic-report.json --exact
expect "exactly it or nothing" 1
says "the reason" out 'Epic lets clients update DiagnosticReport, not create it'
silent_about "nothing else" out 'DocumentReference'
run write epic epic-report.json --format json --preview
says "for programs" out '"nearest":true.*"op":"create","type":"DocumentReference"'
run write epic lab.json
expect "a laboratory result to Epic" 1
says "is refused" out 'Observation.category: only vital signs'

run write log cerner
expect "the log" 0
says "has the result, and how to take it back" out '^20.*Z  create  Observation/.*by people there'
holds "and one line for each" test "$(wc -l <out)" = 3
run write log epic
holds "of this EHR alone" test "$(wc -l <out)" = 1

echo '{"resourceType":"Flag","status":"active","code":{"text":"x"},"subject":{"reference":"Patient/1"}}' >flag.json
run write cerner flag.json
expect "a Flag to Oracle Health" 1
says "which has none" out 'Oracle Health has no Flag'
echo '{"resourceType":' >broken.json
run write cerner broken.json
expect "a broken file" 1
run write nobody lab.json
expect "an unknown EHR" 2

done_testing
