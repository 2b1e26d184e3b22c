#!/bin/sh
# What an organisation asks of its resources: profiles from a package, by firth.yaml and by options.
. "$(dirname "$0")/lib.sh"
data=$scratch/data

mkdir -p "$scratch/package"
cat >"$scratch/package/named.json" <<'END'
{"resourceType":"StructureDefinition","id":"named","url":"http://example.org/named","name":"Named","status":"active",
 "kind":"resource","abstract":false,"type":"Patient","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Patient",
 "derivation":"constraint","differential":{"element":[{"id":"Patient","path":"Patient"},{"id":"Patient.name","path":"Patient.name","min":1}]}}
END
cat >"$scratch/firth.yaml" <<END
server:
  packages: $scratch/package
  match: family=0.9/0.01
validation:
  Patient: http://example.org/named
  Basic: off
END

ask() { # ask CURL ARGUMENTS...: answer in out, status in $status
	status=$(curl -s -o "$scratch/out" -D "$scratch/err" -w '%{http_code}' "$@")
	code=$status
}
status_is() { if [ "$status" = "$2" ]; then ok "$1"; else bad "$1: expected HTTP $2"; fi; }
post() { ask -H 'Content-Type: application/fhir+json' "$base/fhir/$1" -d "$2"; }

run config check --config "$scratch/firth.yaml"
expect "the configuration is sound" 0
says "its rules are shown" out 'Patient: R4 in full, http://example.org/named'

serve --config "$scratch/firth.yaml" --data "$data" || bad "serve starts"
base=http://127.0.0.1:$port
post Patient '{"resourceType":"Patient","gender":"male"}'
status_is "what does not conform is refused" 422
says "with its place" out '"Patient'
post Patient '{"resourceType":"Patient","name":[{"family":"A"}]}'
status_is "what conforms is stored" 201
post 'Patient/$validate?profile=http://example.org/named' '{"resourceType":"Patient"}'
status_is "the profile can be asked" 200
says "and says no" out '"severity":"error"'
stop_server

printf '%s\n' '{"resourceType":"Patient","id":"a"}' '{"resourceType":"Patient","id":"b","name":[{"family":"B"}]}' >"$scratch/two.ndjson"
run import --config "$scratch/firth.yaml" --data "$data" --validate "$scratch/two.ndjson"
expect "what does not conform is not imported" 1
says "and has its line" err 'two.ndjson:1: .*Patient.name'
says "the other is" out 'imported 1 resource'
run import --config "$scratch/firth.yaml" --data "$data" "$scratch/two.ndjson"
expect "without the rules both are" 0

run serve --data "$data" --port 0 --validation Patient=http://example.org/none
expect "a profile that is not at hand ends the start" 1
says "and is named" err 'http://example.org/none'
run serve --data "$data" --port 0 --validation Patent=off
expect "a type that is none ends the start" 1
run serve --data "$data" --port 0 --set server.match=colour=1/2
expect "a weight of no field ends the start" 1
says "and is named" err 'colour'
done_testing
