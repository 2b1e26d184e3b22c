#!/bin/sh
# Tenants: made, listed, served and removed; two with the same ids never see each other; asynchronous requests and
# $import, at the root and in a tenant. usage: tenants.sh FIRTH [URL of a database, otherwise in a directory]
. "$(dirname "$0")/lib.sh"
data=${2:-$scratch/data}
[ -z "${2:-}" ] || cd "$scratch" # files beside the database

run tenant list --data "$data"
expect "no tenants" 0
run tenant add --data "$data" Bad_Name
expect "a name that is none" 2
run tenant add --data "$data" alpha
expect "a tenant" 0
run tenant add --data "$data" alpha
expect "twice" 1
run tenant add --data "$data" beta
run tenant list --data "$data" --format json
says "both are listed" out '"tenants":\["alpha","beta"\]'
echo '{"resourceType":"Patient","id":"p1","name":[{"family":"Alphaname"}]}' >"$scratch/a.json"
echo '{"resourceType":"Patient","id":"p1","name":[{"family":"Betaname"}]}' >"$scratch/b.json"
run import --data "$data" --tenant alpha "$scratch/a.json"
expect "import into a tenant" 0
run import --data "$data" --tenant beta "$scratch/b.json"
run tenant show --data "$data" alpha --format json
says "what is in it" out '"resources":1,"by_type":\{"Patient":1\}'
run tenant show --data "$data" gamma
expect "one that is not there" 1

serve --data "$data" --tenants --limit-tenants 1 || bad "serve starts"
base=http://127.0.0.1:$port
ask() {
	status=$(curl -s -o "$scratch/out" -D "$scratch/err" -w '%{http_code}' "$@")
	code=$status
}
status_is() { if [ "$status" = "$2" ]; then ok "$1"; else bad "$1: expected HTTP $2"; fi; }
link() { grep -o "\"relation\":\"$1\",\"url\":\"[^\"]*\"" "$scratch/out" | sed 's/.*"url":"\([^"]*\)"/\1/'; }

for pair in alpha:Alphaname:Betaname beta:Betaname:Alphaname; do
	name=${pair%%:*}
	mine=$(echo "$pair" | cut -d: -f2)
	other=$(echo "$pair" | cut -d: -f3)
	t=$base/t/$name/fhir
	for path in Patient/p1 Patient/p1/_history Patient "Patient?name=a&_total=accurate" "Patient?_id=p1&_include=*" AuditEvent; do
		ask "$t/$path"
		status_is "$name: $path" 200
		silent_about "$name: nothing of the other in $path" out "$other"
	done
	ask "$t/Patient/p1"
	says "$name: its own" out "$mine"
	ask "$t/metadata"
	says "$name: knows its address" out "/t/$name/fhir"
	ask "$t/Patient?name=$other"
	silent_about "$name: the other's name finds nothing" out '"fullUrl"'
done
ask "$base/fhir/Patient/p1"
status_is "the root has neither" 404
for path in /t/gamma/fhir/Patient /t/../fhir/Patient /t/alpha/../beta/fhir/Patient/p1 /t/ALPHA/fhir/Patient /t/alpha%2Fjobs/fhir/Patient /t//fhir/Patient /t/alpha /t/alpha/fhirx; do
	ask --path-as-is "$base$path"
	holds "$path leads nowhere" test "$status" -ge 400
done
for i in 1 2 3; do
	ask -X PUT "$base/t/alpha/fhir/Patient/c$i" -H 'Content-Type: application/fhir+json' -d "{\"resourceType\":\"Patient\",\"id\":\"c$i\"}"
	ask -X PUT "$base/t/beta/fhir/Patient/c$i" -H 'Content-Type: application/fhir+json' -d "{\"resourceType\":\"Patient\",\"id\":\"c$i\"}"
done
ask "$base/t/alpha/fhir/Patient?_count=1"
next=$(link next)
holds "a page has a next one" test -n "$next"
ask "$(echo "$next" | sed 's|/t/alpha/|/t/beta/|')"
status_is "a page link of one tenant is none of another" 410
ask "$next"
status_is "and good where it was made" 200

# Asynchronous requests.

await() { # await URL: until it is not 202
	tries=0
	ask "$1"
	while [ "$status" = 202 ] && [ $tries -lt 200 ]; do
		sleep 0.05
		tries=$((tries + 1))
		ask "$1"
	done
}
location() { tr -d '\r' <"$scratch/err" | sed -n 's/^[Cc]ontent-[Ll]ocation: //p'; }

ask "$base/t/alpha/fhir/Patient?_count=2" -H 'Prefer: respond-async'
status_is "a search, asynchronously" 202
where=$(location)
says "where to ask" err "[Cc]ontent-[Ll]ocation: $base/t/alpha/fhir/_async/[0-9a-f]{32}"
await "$where"
status_is "it ends" 200
says "as the answer of a batch" out '"type":"batch-response","entry":\[\{"resource":\{"resourceType":"Bundle".*"type":"searchset"'
says "with its status" out '"response":\{"status":"200 OK"'
says "and when it goes" err '[Ee]xpires: '
ask "$where?_format=xml"
says "in XML, too" out '<type value="batch-response"'
ask "$(echo "$where" | sed 's|/t/alpha/|/t/beta/|')"
status_is "it is none of another tenant" 404
ask -X DELETE "$where"
status_is "it is deleted" 202
ask "$where"
status_is "and gone" 404
ask -X POST "$base/fhir/Patient" -H 'Prefer: respond-async' -H 'Content-Type: application/fhir+json' -d '{"resourceType":"Patient"}'
status_is "a create, asynchronously" 202
await "$(location)"
says "was made" out '"response":\{"status":"201 Created","location":"[^"]*/fhir/Patient/'
ask "$base/fhir/Patient/nobody" -H 'Prefer: respond-async'
await "$(location)"
status_is "a failure is told" 200
says "with its outcome" out '"status":"404 Not Found","outcome":\{"resourceType":"OperationOutcome"'
ask "$base/fhir/Patient?nonsense=1" -H 'Prefer: respond-async, handling=strict'
await "$(location)"
says "so is a bad search" out '"status":"400 Bad Request"'
ask "$base/fhir/_async/0123456789abcdef0123456789abcdef"
status_is "a status that is none" 404

# Bulk in.

{
	for i in 1 2 3 4 5; do echo "{\"resourceType\":\"Patient\",\"id\":\"bulk$i\",\"name\":[{\"family\":\"Secretname\"}]}"; done
	echo '{"resourceType":"Patient","id":"bad","gender":"x"}'
	echo '{"resourceType":'
} >"$scratch/in.ndjson"
for where in "$base/fhir" "$base/t/beta/fhir"; do
	ask "$where/\$import" -H 'Content-Type: application/fhir+ndjson' --data-binary "@$scratch/in.ndjson"
	status_is "NDJSON is taken in" 202
	state=$(location)
	await "$state"
	status_is "and loaded" 200
	says "so many" out '"imported":5,"rejected":2'
	says "of these types" out '"output":\[\{"type":"Patient","count":5\}\]'
	ask "$state/errors"
	status_is "what was rejected" 200
	says "has outcomes" out '"resourceType":"OperationOutcome".*upload:6: Patient.gender'
	says "with places" out 'upload:7:'
	silent_about "and no value of a patient" out 'Secretname'
	ask "$where/Patient/bulk5"
	status_is "what was loaded is there" 200
done
ask "$base/t/alpha/fhir/Patient/bulk5"
status_is "and in no other tenant" 404
gzip -k "$scratch/in.ndjson"
ask "$base/fhir/\$import" -H 'Content-Type: application/fhir+ndjson' -H 'Content-Encoding: gzip' --data-binary "@$scratch/in.ndjson.gz"
await "$(location)"
says "packed, too" out '"imported":5'
ask "$base/fhir/\$import" -H 'Content-Type: application/json' -d '{"inputFormat":"application/fhir+ndjson","input":[{"type":"Patient","url":"http://127.0.0.1:1/x"}]}'
status_is "nothing is fetched that is not allowed" 403
says "which key" out 'import_from'
ask "$base/fhir/\$import" -H 'Content-Type: application/fhir+json' -d '{"resourceType":"Patient"}'
status_is "another body" 400
ask "$base/t/beta/fhir/Patient/p1"
run tenant remove --data "$data" beta --force
expect "a tenant in use is not removed" 1
says "and why" err 'another process|open'
stop_server
expect "and it ends in order" 0

# Fetching, from Firth itself: the page's style is no NDJSON, the errors of a finished import are.

serve --data "$scratch/two" || bad "serve starts"
other=http://127.0.0.1:$port
other_server=$server
ask "$other/fhir/\$import" -H 'Content-Type: application/fhir+ndjson' --data-binary "@$scratch/in.ndjson"
lines=$(location)
await "$lines"
serve --data "$data" --import-from "http://127.0.0.1:1/ $other/fhir/_async" || bad "serve starts"
base=http://127.0.0.1:$port
ask "$base/fhir/\$import" -H 'Content-Type: application/fhir+json' -d "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"inputFormat\",\"valueCode\":\"application/fhir+ndjson\"},{\"name\":\"input\",\"part\":[{\"name\":\"type\",\"valueCode\":\"OperationOutcome\"},{\"name\":\"url\",\"valueUri\":\"$lines/errors\"}]},{\"name\":\"input\",\"part\":[{\"name\":\"url\",\"valueUri\":\"$other/fhir/_async/none/errors\"}]}]}"
status_is "URLs" 202
state=$(location)
await "$state"
says "what they give is loaded" out '"output":\[\{"type":"OperationOutcome","count":2\}\]'
ask "$state/errors"
says "what cannot be fetched is told" out 'input 2 could not be fetched: it answered with status 404'
for url in "$other/fhir/_asyncx/1" "$other/fhir/_async/../Patient" "$other/fhir/_async@evil/x" "$other/fhir/Patient"; do
	ask "$base/fhir/\$import" -H 'Content-Type: application/json' -d "{\"input\":[{\"url\":\"$url\"}]}"
	status_is "not allowed: ${url#"$other"}" 403
done
stop_server
server=$other_server
stop_server

run tenant remove --data "$data" alpha
expect "removing needs --force" 2
run tenant remove --data "$data" alpha --force
expect "removed" 0
run tenant list --data "$data" --format json
says "one is left" out '"tenants":\["beta"\]'
run tenant remove --data "$data" alpha --force
expect "nothing to remove" 1

done_testing
