#!/bin/sh
# The limits of the server from outside: each refusal names limit, key and value, and the server goes on.
. "$(dirname "$0")/lib.sh"
data=$scratch/data

printf 'limits:\n  entries: 2\n' >"$scratch/limits.yaml"
FIRTH_LIMIT_DEPTH=8 serve --data "$data" --config "$scratch/limits.yaml" --limit-body 4KB --limit-page 3 --limit-memory 1MB --limit-includes 1 --limit-chain 1 || bad "serve starts"
base=http://127.0.0.1:$port/fhir

post() { # post PATH FILE [CURL ARGUMENTS...]
	path=$1
	file=$2
	shift 2
	status=$(curl -s -o "$scratch/out" -D "$scratch/err" -w '%{http_code}' -H 'Content-Type: application/fhir+json' \
		--data-binary "@$file" "$@" "$base$path")
	code=$status
}
status_is() { if [ "$status" = "$2" ]; then ok "$1"; else bad "$1: expected HTTP $2"; fi; }
ask() {
	status=$(curl -s -o "$scratch/out" -D "$scratch/err" -w '%{http_code}' "$@")
	code=$status
}

awk 'BEGIN { printf "{\"resourceType\":\"Patient\",\"name\":[{\"family\":\""; for (i = 0; i < 5000; i++) printf "x"; print "\"}]}" }' >"$scratch/large.json"
post /Patient "$scratch/large.json"
status_is "a large body" 413
says "limit, key and value" out '5[0-9]* bytes, the limit is 4096 \(limits.body\)'
gzip -k "$scratch/large.json"
post /Patient "$scratch/large.json.gz" -H 'Content-Encoding: gzip'
status_is "a small body that unpacks to a large one" 413
says "the same limit" out 'more than the limit of 4096 bytes \(limits.body\)'

echo '{"resourceType":"Patient","contact":[{"extension":[{"url":"u:a","extension":[{"url":"u:b","extension":[{"url":"u:c","valueString":"x"}]}]}]}]}' >"$scratch/deep.json"
post /Patient "$scratch/deep.json"
status_is "a deep body" 400
says "which limit" out 'limits.depth.*8 levels'

entry='{"resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}}'
echo "{\"resourceType\":\"Bundle\",\"type\":\"batch\",\"entry\":[$entry,$entry,$entry]}" >"$scratch/three.json"
post "" "$scratch/three.json"
status_is "a bundle of three" 413
says "which limit, again" out '3 entries, the limit is 2 \(limits.entries\)'
echo "{\"resourceType\":\"Bundle\",\"type\":\"batch\",\"entry\":[$entry,$entry]}" >"$scratch/two.json"
post "" "$scratch/two.json"
status_is "a bundle of two" 200
post "" "$scratch/two.json"
ask "$base/Patient?_count=500&_total=accurate"
status_is "a page larger than the limit" 200
holds "is cut to it" test "$(grep -o '"mode":"match"' "$scratch/out" | wc -l)" -eq 3
says "with the rest behind a link" out '"relation":"next"'

for i in 1 2; do
	echo "{\"resourceType\":\"Patient\",\"id\":\"i$i\"}" >"$scratch/p.json"
	post "/Patient/i$i" "$scratch/p.json" -X PUT
	echo "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{\"reference\":\"Patient/i$i\"}}" >"$scratch/o.json"
	post /Observation "$scratch/o.json"
done
ask "$base/Observation?_include=Observation:subject"
status_is "more includes than the limit" 400
says "which limit, of includes" out 'more than 1 resources \(limits.includes\)'
ask "$base/Observation?subject:Patient.organization:Organization.name=x"
status_is "a chain longer than the limit" 400
says "which limit, of chains" out 'chained more than 1 times \(limits.chain\)'

ask "$base/Patient" -H "X-Long: $(awk 'BEGIN { for (i = 0; i < 40000; i++) printf "x" }')"
holds "a header larger than the limit is refused" test "$status" -ge 400
ask "$base/metadata" -H 'Accept-Encoding: gzip'
status_is "the server goes on, and packs large answers" 200
says "in the coding asked for" err '[Cc]ontent-[Ee]ncoding: gzip'
holds "which is what it says" sh -c "gzip -dc <'$scratch/out' | grep -q CapabilityStatement"
stop_server

serve --data "$data" --limit-transfer 1s --limit-idle 1s --limit-connections 8 || bad "serve starts"
base=http://127.0.0.1:$port/fhir
if command -v python3 >/dev/null; then
	python3 - "$port" <<'END' && ok "slow clients are cut off" || bad "slow clients are cut off"
import socket, sys, time
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.settimeout(5)
start = time.time()
try:
    s.sendall(b"GET /healthz HTTP/1.1\r\n")
    while time.time() - start < 5:
        s.sendall(b"X: y\r\n")
        time.sleep(0.1)
except OSError:
    pass
sys.exit(0 if time.time() - start < 4 else 1)
END
fi
run serve --data "$scratch/other" --port "$port"
expect "a port that is taken" 1
says "what to do" err 'Address already in use; is it running already'
stop_server
expect "and it ends in order" 0

done_testing
