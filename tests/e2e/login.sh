#!/bin/sh
# login.sh FIRTH: the pages on which people sign in and let apps in, in Chromium. Skipped (77) without Chromium or npm.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
firth=$(realpath "$1")
. "$here/lib.sh"

port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
hash=$(printf 'a few plain words\n' | "$firth" user hash)
cat >"$work/firth.yaml" <<EOF
server:
  port: 0
  auth: on
  data: data
login:
  title: St. Mary's <Hospital>
clients:
  - client_id: growth-chart
    name: Growth Chart
    redirect_uris: "http://127.0.0.1:$port/back"
    secret_sha256: $(printf secret | sha256sum | cut -d' ' -f1)
    scopes: openid fhirUser launch/patient launch/encounter patient/*.cruds user/*.rs offline_access
users:
  - name: anna
    password_hash: $hash
    display: Dr. Anna Berg
    fhir_user: Practitioner/7
    patients: "*"
EOF
i=0
while [ $i -lt 40 ]; do
	printf '{"resourceType":"Patient","id":"p%d","name":[{"family":"%s","given":["Name%02d"]}],"birthDate":"19%02d-02-03","gender":"female","identifier":[{"type":{"coding":[{"code":"MR"}]},"value":"MRN-%d"}]}\n' \
		$i "$([ $((i % 2)) = 0 ] && echo Berg || echo Weiss)" $i $((50 + i)) $i
	i=$((i + 1))
done >"$work/patients.ndjson"
for i in 1 2 3; do
	printf '{"resourceType":"Encounter","id":"e%d","status":"finished","class":{"code":"AMB","display":"ambulatory"},"type":[{"text":"Visit number %d"}],"subject":{"reference":"Patient/p4"},"period":{"start":"202%d-01-02","end":"202%d-01-02"}}\n' \
		$i $i $i $i
done >>"$work/patients.ndjson"
"$firth" import "$work/patients.ndjson" --config "$work/firth.yaml" >"$work/import.log" 2>&1 || { cat "$work/import.log"; exit 1; }
: >"$work/serve.log" # before anybody looks into it
"$firth" serve --config "$work/firth.yaml" >"$work/serve.log" 2>&1 &
server=$!
url=
for _ in $(seq 300); do
	url=$(sed -n 's|.*"base":"\(http://[^"]*\)/fhir".*|\1|p' "$work/serve.log")
	[ -z "$url" ] || break
	kill -0 "$server" 2>/dev/null || break
	sleep 0.1
done
[ -n "$url" ] || { cat "$work/serve.log"; echo "the server did not start"; exit 1; }
node "$here/login.mjs" "$modules" "$url" "$port"
