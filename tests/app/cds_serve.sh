#!/bin/sh
# cds_serve.sh FIRTH EXAMPLES [DATABASE]: CDS services as an EHR meets them. The Epic sandbox calls with its JWT and no data, so that
# these are fetched from it; refusals are told by name; tenants, a site's own services and a policy are served as well.
. "$(dirname "$0")/lib.sh"
command -v curl >/dev/null || { echo "skipped: curl is not here"; exit 77; }
examples=$(realpath "$2")
store="--data $scratch/data"
[ -z "${3:-}" ] || store="--db $3"

fetch() { # fetch ARGUMENTS...: $code is the HTTP status, the body in $scratch/out
	code=$(curl -sS -m 60 -o "$scratch/out" -w '%{http_code}' "$@" 2>"$scratch/err")
}

# ---- an EHR that proves who it is
rxnorm=http://www.nlm.nih.gov/research/umls/rxnorm
mkdir "$scratch/in"
cat >"$scratch/in/patient.ndjson" <<END
{"resourceType":"Patient","id":"ann","name":[{"family":"Lind","given":["Ann"]}],"gender":"female","birthDate":"1950-02-03"}
{"resourceType":"AllergyIntolerance","id":"pen","patient":{"reference":"Patient/ann"},"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical","code":"active"}]},"verificationStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-verification","code":"confirmed"}]},"category":["medication"],"criticality":"high","code":{"coding":[{"system":"$rxnorm","code":"723","display":"amoxicillin"}]}}
{"resourceType":"MedicationRequest","id":"war","status":"active","intent":"order","subject":{"reference":"Patient/ann"},"authoredOn":"2026-01-01","medicationCodeableConcept":{"coding":[{"system":"$rxnorm","code":"11289"}],"text":"warfarin"}}
END
background "$scratch/epic" sandbox epic --port 0 --data "$scratch/epic.data" --import "$scratch/in"
base=$(listening "$scratch/epic")
root=$(echo "$base" | sed 's#\(http://[^/]*\)/.*#\1#')
patient=$(sed -n 1p "$scratch/epic.data/roster.txt")
cat >"$scratch/firth.yaml" <<END
cds:
  services: $examples/cds
  remember: 1 h
cds_clients:
  - iss: $base
    jku: $root/interconnect-fhir-oauth/api/epic/2019/Security/Open/PublicKeys/530013/530013
    fhir_servers: $base
cds_policy:
  - {name: nobody needs to hear of doubles, kind: duplicate, action: off}
END
run config check --config "$scratch/firth.yaml"
expect "the configuration holds" 0
says "and tells that nobody reviewed the rules" out 'no pharmacist and no physician'
# shellcheck disable=SC2086
serve --config "$scratch/firth.yaml" $store || bad "it serves"
says "the log, too" serve.log 'no pharmacist and no physician'
services=http://127.0.0.1:$port/cds-services
run sandbox register "$root" --name "CDS" --redirect-uri "$services/firth-order-sign"
app=$(sed -n 's/client id, non-production *//p' "$scratch/out")
for drug in 723:amoxicillin 5640:ibuprofen 161:acetaminophen; do
	printf '{"resourceType":"MedicationRequest","status":"active","intent":"order","subject":{"reference":"Patient/x"},"medicationCodeableConcept":{"coding":[{"system":"%s","code":"%s"}],"text":"%s"}}' \
		"$rxnorm" "${drug%%:*}" "${drug#*:}" >"$scratch/${drug#*:}.json"
done
call() { # call ARGUMENTS...: the sandbox calls the service
	run sandbox hook "$root" --service "$services/firth-order-sign" --hook order-sign --patient "$patient" --client "$app" "$@"
}
call --order "$scratch/amoxicillin.json"
expect "Epic calls without data" 0
says "the allergy was fetched from it" out 'critical +Amoxicillin: recorded allergy to amoxicillin'
says "as Epic takes suggestions" out 'suggests Remove amoxicillin'
call --order "$scratch/ibuprofen.json"
says "and the drug" out 'warning +Ibuprofen with warfarin'
silent_about "Epic is given no updates" out 'as a note'
call --order "$scratch/acetaminophen.json"
expect "an order that nothing speaks against" 0
says "has no cards" out 'answer +200 after [0-9]+ ms, 0 cards|answer +200 after [0-9]+ ms, no cards'

# ---- who may not
fetch -d '{}' -H 'Content-Type: application/json' -H 'X-Request-Id: no-token' "$services/firth-order-sign"
expect "without a token" 401
says "by name" out '"code":"cds-token-missing"'
fetch -d '{}' -H 'Content-Type: application/json' -H 'Origin: https://evil.example' "$services/firth-order-sign"
expect "a page of elsewhere" 403
says "by name, too" out '"code":"cds-foreign-page"'
# shellcheck disable=SC2086
run why no-token $store
says "the operator reads why" out 'was an access token sent'
# shellcheck disable=SC2086
run audit list $store
says "calls are in the audit trail" out 'cds-call'
# shellcheck disable=SC2086
run cds tally $store
expect "cards are counted" 0
says "by topic" out '^ +1 +0 +0 +firth-order-sign +allergyAX001amoxicillin'
# shellcheck disable=SC2086
run cds tally $store --format json --days 1
says "for programs, too" out '"topic":"interactionDD022","shown":1,"accepted":0'
# shellcheck disable=SC2086
run cds tally $store --days 30
expect "of a week at most" 2
fetch "$services"
expect "discovery needs no token" 200
says "a site's own service is there" out '"id":"care-gap"'
stop_server
expect "it stops" 0
kill "$started"; wait "$started"

# ---- on a laptop, without anything
# shellcheck disable=SC2086
serve --cds --tenants $store || bad "it serves by itself"
services=http://127.0.0.1:$port/cds-services
sign='{"hook":"order-sign","hookInstance":"1","context":{"userId":"Practitioner/7","patientId":"ann","draftOrders":{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"MedicationRequest","id":"d1","status":"draft","medicationCodeableConcept":{"coding":[{"system":"'$rxnorm'","code":"723"}]}}}]}}'
fetch -d "$sign"'}' -H 'Content-Type: application/json' "$services/firth-order-sign"
expect "data that is nowhere" 412
says "is named" out '"expression":\["prefetch.allergies"\]'
fetch -d "$sign"',"fhirServer":"http://127.0.0.1:'"$port"'/fhir"}' -H 'Content-Type: application/json' "$services/firth-order-sign"
expect "this machine's own data are fetched" 200
says "nothing is there" out '^\{"cards":\[\]\}$'
fetch -d "$sign"',"fhirServer":"http://198.51.100.1/fhir"}' -H 'Content-Type: application/json' "$services/firth-order-sign"
expect "nobody else's are" 412
# shellcheck disable=SC2086
run tenant add clinic $store
fetch "http://127.0.0.1:$port/t/clinic/cds-services"
expect "a tenant has them, too" 200
fetch "http://127.0.0.1:$port/cds-services/openapi.json"
expect "their description" 200
stop_server
# shellcheck disable=SC2086
"$firth" serve --port 0 --host 0.0.0.0 --auth --cds $store >"$scratch/out" 2>"$scratch/err"
code=$?
expect "open to a network only when that is said" 1
says "what to do" err 'cds_clients'
done_testing
