#!/bin/sh
# The CDS service under load: cds.sh FIRTH [SECONDS]. Needs wrk and curl. order-sign for a patient who takes 40 drugs and has
# five allergies and laboratory values: with everything in the request, and with nothing, so that the service fetches it from
# an Epic sandbox that holds the same patient. The load comes from the same machine.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/load.sh"
firth=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
seconds=${2:-10} size=40
work=$(mktemp -d)
tsv=$work/tsv
children=
trap 'for child in $children; do kill "$child" 2>/dev/null || true; done; wait; rm -rf "$work"' EXIT

# Every 60th ingredient: drugs of all kinds, few of which belong together.
rxnorm=http://www.nlm.nih.gov/research/umls/rxnorm
awk -F '\t' '$2 == "IN" && $6 ~ /[A-Z]/ && ++n % 16 == 0 { print $1 "\t" $3 }' "$here/../data/knowledge/ingredients.tsv" | head -n "$size" >"$work/drugs"
[ "$(wc -l <"$work/drugs")" -eq "$size" ] || { say "not enough ingredients with an ATC code"; exit 1; }
mkdir "$work/patient"
{
	printf '{"resourceType":"Patient","id":"busy","name":[{"family":"Busy","given":["Anna"]}],"gender":"female","birthDate":"1950-02-03"}\n'
	awk -F '\t' -v uri="$rxnorm" '{
		printf "{\"resourceType\":\"MedicationRequest\",\"id\":\"drug%d\",\"status\":\"active\",\"intent\":\"order\",\"subject\":{\"reference\":\"Patient/busy\"},", NR
		printf "\"authoredOn\":\"2026-01-01\",\"medicationCodeableConcept\":{\"coding\":[{\"system\":\"%s\",\"code\":\"%s\",\"display\":\"%s\"}],\"text\":\"%s\"},", uri, $1, $2, $2
		printf "\"dosageInstruction\":[{\"text\":\"one a day\",\"timing\":{\"repeat\":{\"frequency\":1,\"period\":1,\"periodUnit\":\"d\"}},"
		printf "\"doseAndRate\":[{\"doseQuantity\":{\"value\":1,\"unit\":\"tablet\"}}]}]}\n" }' "$work/drugs"
	for code in 7984 2670 10831 1202 4603; do
		printf '{"resourceType":"AllergyIntolerance","id":"allergy%s","patient":{"reference":"Patient/busy"},"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical","code":"active"}]},"verificationStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-verification","code":"confirmed"}]},"category":["medication"],"code":{"coding":[{"system":"%s","code":"%s"}]}}\n' "$code" "$rxnorm" "$code"
	done
	for lab in '2823-3 4.1 mmol/L' '98979-8 62 mL/min/{1.73_m2}'; do
		# shellcheck disable=SC2086
		set -- $lab
		printf '{"resourceType":"Observation","id":"lab%s","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"%s"}]},"subject":{"reference":"Patient/busy"},"effectiveDateTime":"%s","valueQuantity":{"value":%s,"unit":"%s","system":"http://unitsofmeasure.org","code":"%s"}}\n' "$2" "$1" "$(date +%F)" "$2" "$3" "$3"
	done
} >"$work/patient/patient.ndjson"

"$firth" import --data "$work/data" "$work/patient/patient.ndjson" >"$work/import.log" 2>&1 || { cat "$work/import.log"; exit 1; }
"$firth" serve --cds --port 0 --data "$work/data" >"$work/serve.log" 2>&1 &
children="$children $!"
"$firth" sandbox epic --port 0 --data "$work/epic" --import "$work/patient" --no-auth >"$work/epic.log" 2>&1 &
children="$children $!"
wait_for_port "$work/serve.log"
epic=
for _ in $(seq 1000); do
	epic=$(sed -n 's/.*"event":"listening".*"base":"\([^"]*\)".*/\1/p' "$work/epic.log")
	[ -n "$epic" ] && break
	sleep 0.01
done
[ -n "$epic" ] || { cat "$work/epic.log"; exit 1; }
base=http://127.0.0.1:$port
patient=$(head -n 1 "$work/epic/roster.txt")

"$firth" cds call "$base" --hook order-sign --patient busy --drug clarithromycin --fhir-server "$base/fhir" --no-send >"$work/full.json"
"$firth" cds call "$base" --hook order-sign --patient "$patient" --drug clarithromycin --fhir-server "$epic" --no-prefetch --no-send >"$work/bare.json"
service=$("$firth" cds services "$base" --format json | tr '{' '\n' | sed -n '/"hook":"order-sign"/s/.*"id":"\([^"]*\)".*/\1/p' | head -n 1)
path=/cds-services/$service
for kind in full bare; do
	curl -s -o "$work/$kind.answer" -w '%{http_code}' -H 'Content-Type: application/json' --data-binary @"$work/$kind.json" "$base$path" >"$work/status"
	say "$kind: $(wc -c <"$work/$kind.json") bytes, answered $(cat "$work/status") with $(grep -o '"indicator"' "$work/$kind.answer" | wc -l) cards in $(wc -c <"$work/$kind.answer") bytes"
	[ "$(cat "$work/status")" = 200 ] || { cat "$work/$kind.answer"; exit 1; }
done
for connections in 1 4 16; do
	load "order-sign, $size drugs, all prefetched" $connections post "$path" "$work/full.json"
done
for connections in 1 4; do
	load "order-sign, $size drugs, fetched from the sandbox" $connections post "$path" "$work/bare.json"
done
