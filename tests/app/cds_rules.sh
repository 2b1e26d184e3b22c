#!/bin/sh
# cds_rules.sh FIRTH EXAMPLES: a site's own CDS services: checking files, trying them on requests, and served beside the
# program's own.
. "$(dirname "$0")/lib.sh"
examples=$(cd "$2" && pwd)/cds

# ---- checking
run cds check --brief "$examples/care-gap.yaml" "$examples/opioid" "$examples/plan"
expect "the examples are fine" 0
says "plans too" out 'hba1c-plan.json.*: fine, 1 rules'
says "each has its line" out 'care-gap.yaml.*: fine, 3 rules'
silent_about "none is wrong" out '[0-9]:[0-9]+: '
run cds check "$examples/care-gap.yaml"
says "what a key gives" out '%conditions: Condition from Condition\?patient='
says "what an expression gives" out '%diabetes: Condition = '
says "value sets" out 'hba1c: 5 codes'
run cds check --format json "$examples/care-gap.yaml"
says "as JSON" out '^\[\{"file":".*","id":"care-gap","hook":"patient-view"'

cat >"$scratch/service.yaml" <<'END'
id: greet
hook: patient-view
description: Greets
prefetch:
  patient: Patient/{{context.patientId}}
define:
  grown: "%patient.birthDate <= %today - 18 years"
source: {label: Our clinic}
indicator: info
rules:
  - id: hello
    when: "%grown"
    card:
      summary: Hello {{ %patient.name.given.first() }}
      detail: "Born {{ %patient.birthDate }}, **{{ %patient.name.family }}**"
END
run cds check "$scratch/service.yaml"
expect "a small service" 0
wrong() { # wrong NAME SED-SCRIPT PATTERN
	sed "$2" "$scratch/service.yaml" >"$scratch/wrong.yaml"
	run cds check "$scratch/wrong.yaml"
	expect "$1" 1
	says "$1: where" out "$3"
}
wrong "a misspelt element" 's/birthDate <=/birthdate <=/' 'wrong.yaml:7:3: define.grown: FHIRPath, line 1, column 10: Patient has no element "birthdate"'
wrong "a misspelt key" 's/indicator/indicater/' "wrong.yaml:9:1: indicater: There is no 'indicater' here; did you mean 'indicator'"
wrong "a misspelt name" 's/"%grown"/"%grow"/' 'wrong.yaml:12:5: rules\[0\].when: .*there is no variable %grow'
wrong "a key twice" 's/^indicator/hook/' 'wrong.yaml:9:1: this key is given twice'
wrong "no YAML" 's/^rules:/rules: [/' 'wrong.yaml:.*: this is not valid YAML'
wrong "an alias" 's/label: Our clinic/label: \&a Our, url: *a/' 'wrong.yaml:8:.*aliases'
wrong "two documents" 's/^rules:/---\n&/' 'a second document starts here'
run cds check "$scratch/nowhere.yaml"
expect "no such file" 1

# ---- the description
awk '/^```yaml/ { n++; on = 1; next } /^```/ { on = 0 } on && n == 2' "$examples/../../docs/cds-rules.md" >"$scratch/described.yaml"
run cds check "$scratch/described.yaml"
expect "the service that the description shows" 0
says "is read" out 'greet at patient-view: fine, 1 rules'

# ---- trying
cat >"$scratch/request.json" <<'END'
{"hook":"patient-view","hookInstance":"9d02e4d7-2d5b-492f-8f77-d76edb47168b","context":{"userId":"Practitioner/u","patientId":"p"},
"prefetch":{"patient":{"resourceType":"Patient","id":"p","gender":"female","birthDate":"1960-02-01","name":[{"family":"Qu*ll","given":["Ada"]}]},
"conditions":{"resourceType":"Bundle","type":"searchset","entry":[{"resource":{"resourceType":"Condition","id":"c","subject":{"reference":"Patient/p"},
"code":{"text":"Type 2 diabetes","coding":[{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"E11.9"}]}}}]},
"results":{"resourceType":"Bundle","type":"searchset","entry":[{"resource":{"resourceType":"Observation","id":"o","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"4548-4"}]},
"effectiveDateTime":"2024-01-15","valueQuantity":{"value":7.1,"unit":"%"}}}]},"reports":null,"imaging":null}}
END
run cds check "$scratch/service.yaml" --request "$scratch/request.json" --now 2024-06-01
expect "a request" 0
says "a card" out '"summary": "Hello Ada"'
says "data stays text" out 'Born 1960-02-01, \*\*Qu\\\\\*ll\*\*'
run cds check "$scratch/service.yaml" --request "$scratch/request.json" --now 1977-06-01 --format json
says "nothing to say" out '\{"cards":\[\]\}'
run cds check "$examples/care-gap.yaml" --request "$scratch/request.json" --now 2024-06-01 --format json
expect "care gaps" 0
silent_about "HbA1c was measured" out 'No HbA1c'
says "the kidneys were not" out 'no eGFR, no urine albumin-creatinine ratio in 12 months'
says "no mammogram" out 'No mammogram in 27 months'
says "the measure is named" out 'CMS951 0.1.000'
run cds check "$examples/care-gap.yaml" --request "$scratch/request.json" --now 2025-06-01 --format json
says "HbA1c is due a year later" out 'The last result on record is of 2024-01-15'
says "an order is suggested" out '"resourceType":"ServiceRequest","status":"draft","intent":"order"'
run cds check "$examples/plan" --request "$scratch/request.json" --now 2024-06-01 --format json
says "a plan" out '"reference":"Patient/p"\},"reasonReference"'
sed 's/text.fhirpath/text\/cql/' "$examples/plan/hba1c-plan.json" >"$scratch/cql.json"
run cds check "$scratch/cql.json"
expect "a plan in CQL" 1
says "the language is named" out "cql.json:[0-9]+:[0-9]+: action\[0\]\..*: The language 'text/cql' is not supported"
sed 's/"hook":"patient-view"/"hook":"order-sign"/' "$scratch/request.json" >"$scratch/other.json"
run cds check "$scratch/service.yaml" --request "$scratch/other.json"
expect "a request of another hook" 1

# ---- serving
mkdir "$scratch/services"
cp "$scratch/service.yaml" "$scratch/services/"
printf 'cds:\n  services: %s/services\n' "$scratch" >"$scratch/firth.yaml"
serve --config "$scratch/firth.yaml" --data "$scratch/data"
run cds services "http://127.0.0.1:$port"
says "it is offered" out '^greet +patient-view'
run cds call "http://127.0.0.1:$port" "$scratch/request.json" --service greet
expect "it is called" 0
says "it answers" out 'Hello Ada'
stop_server

# ---- what day it is: Kiritimati and Pago Pago never agree on it
sed 's/summary: Hello.*/summary: "Today is {{ %today }}"/' "$scratch/service.yaml" >"$scratch/services/service.yaml"
for zone in Pacific/Kiritimati Pacific/Pago_Pago; do
	[ -f "/usr/share/zoneinfo/$zone" ] || continue
	printf 'server:\n  time_zone: %s\ncds:\n  services: %s/services\n' "$zone" "$scratch" >"$scratch/zone.yaml"
	serve --config "$scratch/zone.yaml" --data "$scratch/data" || bad "it serves in $zone"
	run cds call "http://127.0.0.1:$port" "$scratch/request.json" --service greet
	says "today in $zone" out "Today is $(TZ=$zone date +%F)"
	stop_server
done
cp "$scratch/wrong.yaml" "$scratch/services/"
run serve --config "$scratch/firth.yaml" --data "$scratch/data2" --port 0
expect "a wrong service keeps the server from starting" 1
says "and is named" err 'wrong.yaml:'
done_testing
