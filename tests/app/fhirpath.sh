#!/bin/sh
# FHIRPath on the command line: results, JSON, files of every kind, explanations, batches, and errors with their place.
. "$(dirname "$0")/lib.sh"

in=$scratch/in
mkdir -p "$in"
printf '%s' '{"resourceType":"Patient","id":"p","active":true,"birthDate":"1970-03-30","name":[{"family":"Green","given":["Ada","B"]}]}' >"$in/p.json"
printf '%s' '<Patient xmlns="http://hl7.org/fhir"><id value="x"/><name><family value="Grün"/></name></Patient>' >"$in/x.xml"
printf '%s\n%s\n' '{"resourceType":"Patient","id":"1","name":[{"family":"One"}]}' '{"resourceType":"Patient","id":"2"}' >"$scratch/l.ndjson"

run fhirpath '0.1 + 0.2'
expect "an expression without input" 0
says "decimals are exact" out '^0.3$'
run fhirpath 'name'
holds "no focus gives nothing" test ! -s "$scratch/out"
run fhirpath 'Patient.name.given' "$in/p.json"
expect "a JSON file" 0
holds "a result a line" test "$(cat "$scratch/out")" = "Ada
B"
run fhirpath --format json 'Patient.name.given.first() | birthDate + 1 year | active' "$in/p.json"
says "JSON has types and values" out '^\[\{"type":"FHIR.string","value":"Ada"\},\{"type":"System.Date","value":"1971-03-30"\},\{"type":"FHIR.boolean","value":true\}\]$'
run fhirpath 'Patient.name.family.length()' "$in/x.xml"
says "XML is read, and lengths count characters" out '^4$'
"$firth" fhirpath 'Patient.id' - <"$in/p.json" >"$scratch/out" 2>"$scratch/err"
code=$?
expect "standard input" 0
says "standard input is read" out '^p$'
run fhirpath 'Patient.name.family' "$scratch/l.ndjson"
says "lines say where they are from" out 'l.ndjson:1: One$'
run fhirpath --variable who=Ada 'name.given = %who' "$in/p.json"
run fhirpath --variable who=Ada 'name.given.where($this = %who)' "$in/p.json"
says "variables" out '^Ada$'
run fhirpath --trace "name.given.trace('seen').count()" "$in/p.json"
says "traces go to standard error" err '^trace seen: Ada$'

run fhirpath 'Patient.nme' "$in/p.json"
expect "an unknown name is empty" 0
says "but a note tells" err '^note: .*column 9: Patient has no element "nme"'
run fhirpath --strict 'Patient.nme' "$in/p.json"
expect "or refused" 1
says "with a caret" err '^          \^$'
run fhirpath --strict 'Patient.name.first().family.single().upper().foo()' "$in/p.json"
expect "a function that does not exist" 1
says "is named" err 'column 46: there is no function foo\(\)'
run fhirpath 'name.given.single()' "$in/p.json"
expect "a failure while evaluating" 1
says "has its place" err 'column 12: single\(\) got 2 items'
run fhirpath --format json '1 +'
says "errors in JSON" out '"error"'
run fhirpath
expect "no expression" 2
run fhirpath 'id' "$in/none.json"
expect "no such file" 1
says "is named" err 'none.json: No such file'
echo '[1]' >"$scratch/list.json"
run fhirpath 'id' "$scratch/list.json"
expect "what is no object is no resource" 1
says "and is named" err 'list.json: This is no resource'
run fhirpath --package "$scratch/none.tgz" "conformsTo('http://x')" "$in/p.json"
expect "a package that is not there" 1
says "is named, too" err 'none.tgz'

printf '%s' '{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient","id":"p","gender":"male","maritalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-MaritalStatus","code":"M"}]}}},{"resource":{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"urn:uuid:1"},"performer":[{"reference":"Patient/p"}]}}]}' >"$in/bundle.json"
run fhirpath 'entry.resource.ofType(Observation).select(subject | performer).resolve().gender' "$in/bundle.json"
says "references within a Bundle are found" out '^male$'
run fhirpath "entry.resource.maritalStatus.memberOf('http://hl7.org/fhir/ValueSet/marital-status')" "$in/bundle.json"
says "value sets are known" out '^true$'
run fhirpath "entry.resource.maritalStatus.memberOf('http://x/none')" "$in/bundle.json"
expect "an unknown value set is no answer" 1
run fhirpath "entry[1].resource.conformsTo('http://hl7.org/fhir/StructureDefinition/Observation')" "$in/bundle.json"
says "profiles are known" out '^true$'
run fhirpath "entry[1].resource.conformsTo('http://hl7.org/fhir/StructureDefinition/bp')" "$in/bundle.json"
says "and what does not conform to them" out '^false$'

run fhirpath --explain --type Patient "name.where(use = 'official').family"
expect "an explanation" 0
says "shows elements" out 'member family -> HumanName.family'
run fhirpath --explain --strict --type Observation 'valueQuantity'
expect "an explanation checks types" 1
says "and helps" err 'in Observation this is value.ofType\(Quantity\)'

printf '%s\n' '{"id":7,"expression":"1 + 1"}' "{\"expression\":\"id\",\"file\":\"$in/p.json\"}" \
	'{"expression":"name.given","resource":{"resourceType":"Patient","name":[{"given":["Z"]}]}}' \
	'{"expression":"(","resource":{}}' 'no json' '{"expression":"Patient.nme","strict":true,"resource":{"resourceType":"Patient"}}' >"$scratch/batch.ndjson"
run fhirpath --batch "$scratch/batch.ndjson"
expect "a batch with errors" 1
holds "has an answer a line" test "$(wc -l <"$scratch/out")" -eq 6
says "values" out '^\{"id":7,"expression":"1 \+ 1","result":\[\{"type":"System.Integer","value":2\}\]\}$'
says "files" out '"expression":"id","result":\[\{"type":"FHIR.id","value":"p"\}\]'
says "resources" out '"value":"Z"'
says "errors with place" out '"expression":"\(","error":\{"code":"VALUE","text":"[^"]*","line":1,"column":2\}'
says "strictness by line" out 'has no element'
"$firth" fhirpath --batch <"$scratch/batch.ndjson" >"$scratch/out2" 2>/dev/null
holds "standard input is the same" cmp "$scratch/out" "$scratch/out2"
bp=http://hl7.org/fhir/StructureDefinition/bp
echo '{"resourceType":"Observation","component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"valueInteger":7},{"valueInteger":8}]}' >"$scratch/bp.json"
run fhirpath "Observation.component.slice('$bp','SystolicBP').value | Observation.component.slice('$bp','none').value" "$scratch/bp.json"
expect "slices" 0
says "the item of a slice" out '^7$'
silent_about "no others" out '8'
run fhirpath "Observation.component.elementDefinition().path.distinct()" "$scratch/bp.json"
says "definitions of elements" out '^Observation.component$'

run fhirpath --help
expect "help" 0
says "help says what it does" out 'FHIRPath'

done_testing
