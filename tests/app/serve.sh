#!/bin/sh
# The server from outside: health, the page and its states, who is refused, orderly end.
. "$(dirname "$0")/lib.sh"
data=$scratch/data

# Patients as a pull leaves them: tagged with the EHR they came from.
awk 'BEGIN {
	for (i = 0; i < 60; i++)
		printf "{\"resourceType\":\"Patient\",\"id\":\"e1.%d\",\"meta\":{\"tag\":[{\"system\":\"https://firth.dev/fhir/CodeSystem/source-ehr\",\"code\":\"e1\"}]}," \
			"\"identifier\":[{\"type\":{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/v2-0203\",\"code\":\"MR\"}]},\"value\":\"MRN%04d\"}]," \
			"\"name\":[{\"family\":\"%s\",\"given\":[\"Ada\"]}],\"gender\":\"female\",\"birthDate\":\"1950-01-%02d\"}\n",
			i, i, i < 55 ? "Müller" : i < 58 ? "O<b>x & Co" : "Single" i, i % 28 + 1
}' >"$scratch/patients.ndjson"
run import --data "$data" "$scratch/patients.ndjson"
expect "patients are there" 0
serve --data "$data" || bad "serve starts"
base=http://127.0.0.1:$port

ask() { # ask CURL ARGUMENTS...: answer in out, status in $status
	status=$(curl -s -o "$scratch/out" -D "$scratch/err" -w '%{http_code}' "$@")
	code=$status
}
status_is() { if [ "$status" = "$2" ]; then ok "$1"; else bad "$1: expected HTTP $2"; fi; }
find_patient() { ask "$base/patients" --data-urlencode "name=$1"; }

ask "$base/healthz"
status_is "health" 200
ask "$base/readyz"
status_is "readiness" 200
ask "$base/.well-known/jwks.json"
status_is "our keys" 200
says "our keys are a JWKS" out '\{"keys":\[\]\}'
ask "$base/fhir/metadata"
status_is "capability statement" 200
says "it is one" out 'CapabilityStatement'
ask "$base/openapi.json"
status_is "the API as OpenAPI" 200
says "it names paths" out '"/\{type\}/\{id\}":'
says "it names operations" out '"/Patient/\$match":'
ask "$base/nowhere"
status_is "nothing there" 404
ask "$base/auth/token" -d grant_type=client_credentials
status_is "no tokens while authorization is off" 404

ask "$base/"
status_is "the page" 200
says "the page has a label" out '<label for="name">Last name'
says "the page forbids scripts" err "[Cc]ontent-[Ss]ecurity-[Pp]olicy: default-src 'none'"
silent_about "the page has no script" out '<script'
says "but its icon" err "img-src 'self'"
ask "$base/page.css"
status_is "its style" 200
ask "$base/favicon.ico"
status_is "the icon that browsers ask for" 200
says "is a picture" out '<svg '
find_patient "single58"
status_is "one patient" 200
says "one is counted" out '>1 patient found<'
says "name" out 'Single58'
says "birth date" out '1950-01-03'
says "MRN" out 'MRN0058'
says "source EHR" out '>e1<'
find_patient "MULLER"
says "case and accents do not matter, and fifty are enough" out 'more than 50 patients; the first 50'
holds "fifty rows" test "$(grep -c '<th scope="row"' "$scratch/out")" -eq 50
find_patient "o<b>x"
says "names are escaped" out 'O&lt;b&gt;x &amp; Co'
silent_about "names are escaped everywhere" out '<b>x'
find_patient "nobodyatall"
status_is "nobody" 200
says "nobody: said kindly" out 'No patient of that name'
find_patient "   "
status_is "an empty name" 400
says "an empty name: what to do" out 'beginning of a name'
find_patient "$(awk 'BEGIN { for (i = 0; i < 300; i++) printf "x" }')"
status_is "a name too long" 400
ask "$base/patients" --data 'name=%ff%fe'
status_is "a name that is no text" 400
ask "$base/patients" --data ''
status_is "a form without fields" 400
find_patient '"><script>alert(1)</script>'
silent_about "what was typed is escaped" out '<script'
ask -X PUT "$base/patients" --data name=x
status_is "other methods" 405

ask "$base/" -H 'Host: evil.example'
status_is "a foreign host name" 403
ask "$base/patients" -H 'Origin: https://evil.example' --data name=single58
status_is "a form of another site" 403
ask "$base/fhir/Patient/e1.1" -H 'Sec-Fetch-Site: cross-site'
status_is "a request for another site" 403
ask "$base/" -H "Host: localhost:$port"
status_is "a name of this machine" 200

run import --data "$data" "$scratch/patients.ndjson"
expect "the store is taken while the server runs" 1
holds "and that is said" test -s "$scratch/err"
stop_server
expect "SIGTERM ends it in order" 0
cp "$scratch/serve.log" "$scratch/out"
says "the log says that it stopped" out '"event":"stopped"'
silent_about "the log holds no names" out 'ingle58|ller|MRN'
run patient find single58 --data "$data"
expect "the same on the command line" 0
says "with its MRN" out 'Single58.*1950-01-03.*MRN0058.*e1'
run patient find single58 --data "$data" --format json
says "and for programs" out '"mrn":"MRN0058"'
run patient find nobodyatall --data "$data"
expect "nobody by that name" 1
run audit list --data "$data" --format json
says "looking people up is recorded" out '"interaction":"patient-find"'

# With authorization on, a token is asked for, and the page still shuts strangers out.

printf 'clients:\n  - {client_id: app, scopes: system/Patient.rs, jwks_url: "http://127.0.0.1:9/jwks.json"}\n' >"$scratch/auth.yaml"
serve --data "$data" --config "$scratch/auth.yaml"
if [ -n "$port" ]; then
	base=http://127.0.0.1:$port
	ask "$base/fhir/Patient/e1.1"
	status_is "no token" 401
	says "what to bring" err '[Ww][Ww][Ww]-[Aa]uthenticate: Bearer'
	ask "$base/fhir/Patient/e1.1" -H 'Authorization: Bearer forged'
	status_is "a forged token" 401
	ask "$base/auth/token" -d grant_type=client_credentials
	holds "a token request without proof is refused" test "$status" -ge 400
	says "in the words of OAuth" out '"error":"invalid_'
	ask "$base/patients" -H 'Host: evil.example' --data name=single58
	status_is "the page under a foreign name" 403
	stop_server
	run audit list --data "$data" --format json
	says "the refused token request is recorded" out '"interaction":"token"'
else
	cat "$scratch/serve.err"
	bad "serve with clients starts"
fi

done_testing
