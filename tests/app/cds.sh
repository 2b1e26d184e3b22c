#!/bin/sh
# cds.sh FIRTH CDS-SERVICE: calling CDS services as an EHR does: discovery, requests built from a FHIR server and from files,
# cards, mistakes, feedback. The service is a small one that writes down what it gets.
. "$(dirname "$0")/lib.sh"
service_program=$(realpath "$2")
svc=$scratch/svc
mkdir "$svc"
cat >"$svc/services.json" <<'END'
{"services":[
{"id":"sign","hook":"order-sign","title":"Checks orders","description":"d","prefetch":{"patient":"Patient/{{context.patientId}}","allergies":"AllergyIntolerance?patient={{context.patientId}}","gone":"Patient/nobody","user":"{{userPractitionerRoleId}}","broken":"NoType?x={{context.patientId}}"}},
{"id":"select","hook":"order-select","title":"Looks at orders","description":"d"},
{"id":"chart","hook":"patient-view","title":"Greets","description":"d"}]}
END
cat >"$svc/sign.json" <<'END'
{"cards":[{"uuid":"c-1","summary":"Documented allergy to penicillin","indicator":"critical","detail":"**Anaphylaxis** in 2019, see [the record](https://ehr.example/r)\n\n- one\n- two \u001b[2J","source":{"label":"Test service","url":"https://cds.example","topic":{"system":"https://cds.example/t","code":"penicillin"}},
"suggestions":[{"label":"Cancel it","uuid":"s-1","isRecommended":true,"actions":[{"type":"delete","description":"Cancel amoxicillin","resourceId":"MedicationRequest/draft-1"}]},{"label":"Take azithromycin","uuid":"s-2","actions":[{"type":"create","description":"Order azithromycin","resource":{"resourceType":"MedicationRequest"}}]}],
"selectionBehavior":"any","overrideReasons":[{"code":"will-monitor","system":"https://cds.example/o","display":"Will monitor"}],"links":[{"label":"Guideline","url":"https://cds.example/g","type":"absolute"}]}]}
END
echo '{"cards":[]}' >"$svc/select.json"
cp "$svc/select.json" "$svc/chart.json"
: >"$scratch/svc.out" # before anybody looks into it
"$service_program" "$svc" >"$scratch/svc.out" 2>"$scratch/svc.err" </dev/null &
started=$!
children="$children $started"
url=$(listening "$scratch/svc")
[ -n "$url" ] || { cat "$scratch/svc.err"; echo "the service did not start"; exit 1; }
last() { # last MEMBER...: of the newest request that the service got, by a path of FHIRPath
	tail -n 1 "$svc/requests.ndjson" >"$scratch/last.json"
	sed -n 's/^{"path":"\([^"]*\)".*/\1/p' "$scratch/last.json" >"$scratch/out"
	cat "$scratch/last.json" >>"$scratch/out"
}

# ---- discovery
run cds services "$url"
expect "discovery" 0
says "the table" out '^sign +order-sign +Checks orders'
says "with templates" out 'allergies=AllergyIntolerance\?patient='
run cds services "$url/cds-services/" --format json
expect "discovery as JSON" 0
says "the services as they are" out '"answer":\{"services":\[\{"id":"sign"'
says "nothing is wrong" out '"findings":\[\]'
cp "$svc/services.json" "$scratch/services.json"
echo '{"services":[{"id":"x","hook":"order-sign"}]}' >"$svc/services.json"
run cds services "$url"
expect "a wrong document" 1
says "what is wrong" out 'wrong .* services\[0\]\.description is required'
cp "$scratch/services.json" "$svc/services.json"
run cds services http://127.0.0.1:1
expect "nobody there" 1
run cds services nowhere
expect "no URL" 2

# ---- a call with data of a FHIR server
cat >"$scratch/data.ndjson" <<'END'
{"resourceType":"Patient","id":"ada","name":[{"family":"Quill"}]}
{"resourceType":"AllergyIntolerance","id":"pen","patient":{"reference":"Patient/ada"},"code":{"text":"penicillin"}}
{"resourceType":"MedicationRequest","id":"old","status":"active","intent":"order","identifier":[{"value":"7"}],"medicationCodeableConcept":{"text":"ibuprofen"},"subject":{"reference":"Patient/ada"}}
END
run import --data "$scratch/data" "$scratch/data.ndjson"
serve --data "$scratch/data"
fhir=http://127.0.0.1:$port/fhir
run cds call "$url" --service sign --patient ada --drug amoxicillin --fhir-server "$fhir"
expect "order-sign of a drug by its name" 0
says "the card" out '^critical +1\. Documented allergy to penicillin'
says "its detail without its markup" out '^ +Anaphylaxis in 2019, see the record <https://ehr.example/r>'
silent_about "nothing that acts on a terminal" out "$(printf '\033')"
says "suggestions with numbers" out '1\.1 Cancel it \(recommended\)'
says "what they do" out 'delete MedicationRequest/draft-1: Cancel amoxicillin'
says "reasons" out 'override will-monitor: Will monitor'
says "links" out 'link Guideline <https://cds.example/g>'
says "a key whose token has no value is left out" err 'user is not sent along'
says "a query that fails is left out" err 'broken is not sent along: .*HTTP 404|broken is not sent along: .*HTTP 400'
last
says "where it went" out '^/cds-services/sign$'
says "the drug by its code" out '"medicationCodeableConcept":\{"coding":\[\{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"723","display":"amoxicillin"'
says "the FHIR server" out "\"fhirServer\":\"$fhir\""
says "the patient" out '"prefetch":\{"patient":\{"resourceType":"Patient","id":"ada"'
says "a search" out '"allergies":\{"resourceType":"Bundle"'
says "null for what is not there" out '"gone":null'
silent_about "nothing for the user" out '"user":'
silent_about "no token" out fhirAuthorization

# ---- an EHR that is known by name
printf 'server: {data: %s/ehrs}\nehrs: [{name: here, vendor: generic, base_url: "%s"}]\n' "$scratch" "$fhir" >"$scratch/firth.yaml"
run cds call "$url" --service sign --patient ada --drug amoxicillin --fhir-server here --config "$scratch/firth.yaml"
expect "data of a known EHR" 0
last
says "it is named by its URL" out "\"fhirServer\":\"$fhir\""
says "its data" out '"prefetch":\{"patient":\{"resourceType":"Patient","id":"ada"'
run cds call "$url" --service sign --patient ada --drug amoxicillin --fhir-server nosuch --config "$scratch/firth.yaml"
expect "an EHR that nobody knows" 2

# ---- tokens
echo s3cret >"$scratch/token"
chmod 644 "$scratch/token"
run cds call "$url" --service sign --patient ada --drug amoxicillin --fhir-server "$fhir" --token-file "$scratch/token"
expect "a token that others can read" 1
says "what to do" err 'chmod 600'
chmod 600 "$scratch/token"
run cds call "$url" --service sign --patient ada --drug amoxicillin --fhir-server "$fhir" --token-file "$scratch/token"
last
silent_about "a token is not given on unasked" out s3cret
run cds call "$url" --service sign --patient ada --drug amoxicillin --fhir-server "$fhir" --token-file "$scratch/token" --share-token --token-scope 'patient/*.rs' --token-subject app
last
says "asked, it is" out '"fhirAuthorization":\{"access_token":"s3cret","token_type":"Bearer","expires_in":300,"scope":"patient/\*.rs","subject":"app"\}'

# ---- orders, files, contexts
run cds call "$url" --hook order-select --patient ada --order MedicationRequest/old --fhir-server "$fhir" --user Practitioner/7 --encounter v
expect "order-select of a record" 0
says "no card" out 'No card'
last
says "as a draft" out '"id":"draft-1","status":"draft","intent":"order","medicationCodeableConcept":\{"text":"ibuprofen"\}'
says "selected" out '"selections":\["MedicationRequest/draft-1"\]'
says "who and where" out '"userId":"Practitioner/7","patientId":"ada","encounterId":"v"'
cat >"$scratch/order.json" <<'END'
{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"MedicationRequest","id":"m1","status":"draft","intent":"order"}},{"resource":{"resourceType":"ServiceRequest","intent":"order"}}]}
END
echo '{"resourceType":"Patient","id":"ada"}' >"$scratch/patient.json"
echo '{"encounterId":"from-file"}' >"$scratch/context.json"
run cds call "$url" --service sign --patient ada --order "$scratch/order.json" --prefetch patient="$scratch/patient.json" --context "$scratch/context.json" --no-send
expect "a request is only shown" 0
says "the orders of a file" out '"entry":\[\{"resource":\{"resourceType":"MedicationRequest","id":"m1","status":"draft","intent":"order"\}\},\{"resource":\{"resourceType":"ServiceRequest","id":"draft-2","status":"draft","intent":"order"\}\}\]'
says "prefetch of a file" out '"prefetch":\{"patient":\{"resourceType":"Patient","id":"ada"\}\}'
says "context of a file" out '"encounterId":"from-file"'
says "what needs a server" err 'allergies is not sent along: there is no --fhir-server'
cp "$scratch/out" "$scratch/request.json"
run cds call "$url" --service chart --patient ada --no-prefetch --show-request
expect "the request is shown" 0
says "indented" out '^  "hook": "patient-view"'
silent_about "without prefetch" out prefetch
run cds call "$url/cds-services/sign" "$scratch/request.json"
expect "a request as it is" 0
last
says "it is the same" out 'from-file'
run cds call "$url" --service chart --patient ada --fhir-server "$fhir" --prefetch 'drugs=MedicationRequest?patient=ada&status=active,on-hold' --no-send
expect "a query with a comma" 0
says "is one query" out '"prefetch":\{"drugs":\{"resourceType":"Bundle"'
says "and finds what it asks for" out '"id":"old"'
run cds call "$url" --hook order-sign --patient ada
expect "an order-sign without orders" 1
says "what is missing" err 'draftOrders'
run cds call "$url"
expect "which service?" 2
run cds call "$url" --service nosuch
expect "no such service" 1

# ---- mistakes
echo '{"cards":[{"summary":"x","indicator":"urgent","source":{}}]}' >"$svc/chart.json"
run cds call "$url" --service chart --patient ada
expect "a wrong answer" 1
says "each mistake" out 'wrong .* cards\[0\]\.indicator must be'
says "all of them" out 'wrong .* cards\[0\]\.source\.label is required'
run cds call "$url" --service chart --patient ada --format json
expect "as JSON" 1
says "each mistake as JSON" out '"severity":"error","by":"CDS Hooks 2.0","where":"cards\[0\].indicator"'
rm "$svc/chart.json"
run cds call "$url" --service chart --patient ada
expect "412" 1
says "what that means" out '412'
echo '<html>' >"$svc/chart.json"
run cds call "$url" --service chart --patient ada
expect "a page" 1
says "no JSON" out 'is not JSON'

# ---- feedback
run cds call "$url" --service sign --patient ada --drug amoxicillin --accept 1.1 --accept 1.2
expect "suggestions are accepted" 0
last
says "where it went" out '^/cds-services/sign/feedback$'
says "which" out '"card":"c-1","outcome":"accepted","acceptedSuggestions":\[\{"id":"s-1"\},\{"id":"s-2"\}\],"outcomeTimestamp":"20'
run cds call "$url" --service sign --patient ada --drug amoxicillin --override 1=will-monitor --comment 'seen before' --format json
expect "a card is overridden" 0
says "feedback in the report" out '"feedback":\{"url":"[^"]*/sign/feedback","request":'
last
says "why" out '"outcome":"overridden","overrideReason":\{"reason":\{"code":"will-monitor","system":"https://cds.example/o","display":"Will monitor"\},"userComment":"seen before"\}'
run cds call "$url" --service sign --patient ada --drug amoxicillin --override 1=other
expect "a reason that is not offered" 2
run cds call "$url" --service sign --patient ada --drug amoxicillin --accept 2
expect "a card that is not there" 2
run cds feedback "$url" --service sign --card c-1 --reason will-monitor --reason-system https://cds.example/o
expect "feedback by uuids" 0
last
says "the reason" out '"card":"c-1","outcome":"overridden","overrideReason":\{"reason":\{"code":"will-monitor","system":"https://cds.example/o"\}\}'
run cds feedback "$url/cds-services/sign" --card c-1 --accept s-2
expect "feedback to a service's URL" 0
run cds feedback "$url" --service sign --card c-1
expect "feedback of nothing" 2

# ---- our own token
openssl ecparam -name secp384r1 -genkey -noout -out "$scratch/key.pem" 2>/dev/null
chmod 600 "$scratch/key.pem"
run cds call "$url" --service select --hook order-select --patient ada --drug aspirin --jwt-key "$scratch/key.pem" --jwt-issuer https://ehr.example --jwt-jku https://ehr.example/keys
expect "a call with a token" 0
last
says "it is signed" out '"authorization":"Bearer eyJ'
payload=$(sed -n 's/.*"authorization":"Bearer [^.]*\.\([^.]*\)\..*/\1/p' "$scratch/last.json" | tr '_-' '/+')
case $((${#payload} % 4)) in 2) payload="$payload==" ;; 3) payload="$payload=" ;; esac
printf %s "$payload" | openssl base64 -d -A >"$scratch/out"
says "for this URL" out "\"iss\":\"https://ehr.example\",\"aud\":\"$url/cds-services/select\""
run cds call "$url" --service select --patient ada --jwt-key "$scratch/key.pem"
expect "a key without an issuer" 2
done_testing
