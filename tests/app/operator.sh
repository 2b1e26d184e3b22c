#!/bin/sh
# The operator's door: commands reach the store whether a server holds it or not, and nobody else comes in: no page of a
# browser, no proxy, no wrong secret, no file that others may write. usage: operator.sh FIRTH
. "$(dirname "$0")/lib.sh"
data=$scratch/data

run audit list --data "$data" # there is no store yet
expect "nothing there" 1
serve --data "$data" --auth || bad "serve starts"
base=http://127.0.0.1:$port
file=$data/operator.json
holds "the file is its owner's alone" [ "$(stat -c %a "$file")" = 600 ]
holds "and so is its directory" [ "$(stat -c %a "$data")" = 700 ]
secret=$(sed -n 's/.*"secret":"\([^"]*\)".*/\1/p' "$file")
holds "the secret is long" [ "${#secret}" -eq 43 ]

door() { # door CURL-OPTIONS...: status in $code, body in out
	code=$(curl -s -o "$scratch/out" -w '%{http_code}' -X POST "$base/operator" -d '{"do":"grant.list"}' "$@")
	: >"$scratch/err"
}
door
expect "without the secret" 403
says "says so" out 'secret is missing or wrong'
door -H "Authorization: Bearer ${secret}x"
expect "with a longer one" 403
door -H "Authorization: Bearer $(printf '%s' "$secret" | tr 'A-Za-z' 'B-ZAb-za')"
expect "with another one" 403
for header in "Origin: $base" "Origin: null" "Referer: $base/" "Sec-Fetch-Site: same-origin" "Sec-Fetch-Mode: cors" \
	"Cookie: a=b" "X-Forwarded-For: 203.0.113.7" "Forwarded: for=203.0.113.7" "Via: 1.1 proxy" "X-Real-IP: 203.0.113.7"; do
	door -H "$header" -H "Authorization: Bearer $secret"
	expect "a browser or proxy ($header), even with the secret" 403
done
for host in localhost:$port evil.example 127.0.0.1; do
	door -H "Host: $host" -H "Authorization: Bearer $secret"
	expect "by another name ($host)" 403
done
code=$(curl -s -o "$scratch/out" -w '%{http_code}' "$base/operator" -H "Authorization: Bearer $secret")
expect "by GET there is nothing" 404
code=$(curl -s -o "$scratch/out" -w '%{http_code}' -X OPTIONS "$base/operator" -H "Origin: http://x" \
	-H "Access-Control-Request-Method: POST")
holds "no page is told that it may" sh -c "! curl -s -i -X OPTIONS '$base/operator' -H 'Origin: http://x' | grep -qi '^access-control-allow'"
door -H "Authorization: Bearer $secret"
holds "with the secret it is open" [ "$code" != 403 ]
code=$(curl -s -o "$scratch/out" -w '%{http_code}' -X POST "$base/operator" -d '{"do":"no.such"}' \
	-H "Authorization: Bearer $secret")
expect "an action that is none" 400
code=$(curl -s -o "$scratch/out" -w '%{http_code}' -X POST "$base/operator" -d '{"do"' -H "Authorization: Bearer $secret")
expect "no JSON" 400

run audit list --data "$data" --format json
says "who tried is written down" out '"interaction":"operator","direction":"in","outcome":4,"http_status":403'
silent_about "the secret is not" out "$secret"

# A file that others may write leads nowhere.
chmod 644 "$file"
run grant list --data "$data"
expect "a file that others can read" 1
says "says why" err 'not trusted'
chmod 600 "$file"
cp "$file" "$scratch/copy"
rm "$file"
ln -s "$scratch/copy" "$file"
chmod 600 "$scratch/copy"
run grant list --data "$data"
expect "a link" 1
rm "$file"
run grant list --data "$data"
expect "no file" 1
says "then the store is held" err 'open for writing in another process'
printf '{"url":"http://127.0.0.1@evil.example/operator","secret":"x"}' >"$file"
chmod 600 "$file"
run grant list --data "$data"
says "another machine's URL" err 'no URL of this machine'"'"'s server'
cp "$scratch/copy" "$file"
chmod 600 "$file"
run grant list --data "$data"
silent_about "the right file again" err 'another process'
silent_about "nothing of the secret in the log" serve.log "$secret"
stop_server
holds "the file goes with the server" [ ! -e "$file" ]
serve --data "$data" --auth || bad "serve starts again"
holds "the secret is another one" [ "$(sed -n 's/.*"secret":"\([^"]*\)".*/\1/p' "$file")" != "$secret" ]
stop_server

# Without authorization strangers are told why, too.
serve --data "$data" || bad "serve starts"
base=http://127.0.0.1:$port
code=$(curl -s -o "$scratch/out" -w '%{http_code}' -H 'Host: evil.example' -H 'X-Request-Id: strange' "$base/fhir/Patient")
expect "another name" 403
says "by its code" out '"code":"foreign-host"'
says "and where to look" out 'firth why strange'
code=$(curl -s -o "$scratch/out" -w '%{http_code}' -H 'Origin: https://evil.example' "$base/fhir/Patient")
expect "another site" 403
says "by its code, too" out '"code":"foreign-site"'
run why --data "$data" strange
says "kept" out '403 refused: foreign-host'
says "what was had" out 'had +evil.example'
run client list --data "$data"
expect "clients can be prepared while authorization is off" 0
stop_server
done_testing
