#!/bin/sh
# Tenants with authorization, and two mirrored patients: the same ids, the same clients, the same requests. Whatever one
# tenant gave out - a token, a page link, the address of a job, an ETag - is worth nothing at the other.
. "$(dirname "$0")/lib.sh"
command -v openssl >/dev/null || { echo "skipped: no openssl to sign with"; exit 77; }
data=$scratch/data

encode() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
openssl genrsa -out "$scratch/key.pem" 2048 2>/dev/null
modulus=$(openssl rsa -in "$scratch/key.pem" -noout -modulus | sed 's/^Modulus=//')
# As octal escapes, which every printf knows.
octal=$(printf '%s' "$modulus" | awk '{ d = "0123456789ABCDEF"; for (i = 1; i < length($0); i += 2)
	printf "\\%03o", (index(d, substr($0, i, 1)) - 1) * 16 + index(d, substr($0, i + 1, 1)) - 1 }')
# shellcheck disable=SC2059
n=$(printf "$octal" | encode)
echo "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"k\",\"alg\":\"RS384\",\"use\":\"sig\",\"n\":\"$n\",\"e\":\"AQAB\"}]}" >"$scratch/keys.jwks"
cat >"$scratch/firth.yaml" <<END
clients:
  - client_id: research
    scopes: system/*.cruds
    jwks_file: keys.jwks
END

for name in alpha beta; do
	run tenant add --data "$data" $name
	expect "tenant $name" 0
done
serve --data "$data" --config "$scratch/firth.yaml" --tenants || bad "serve starts"
base=http://127.0.0.1:$port

ask() {
	status=$(curl -s -o "$scratch/out" -D "$scratch/err" -w '%{http_code}' "$@")
	code=$status
}
status_is() { if [ "$status" = "$2" ]; then ok "$1"; else bad "$1: expected HTTP $2"; fi; }
header() { tr -d '\r' <"$scratch/err" | sed -n "s/^$1: //Ip"; }
link() { grep -o "\"relation\":\"$1\",\"url\":\"[^\"]*\"" "$scratch/out" | sed 's/.*"url":"\([^"]*\)"/\1/'; }
other() { echo "$1" | sed 's|/t/alpha/|/t/beta/|'; }

serial=0
request_token() { # request_token URL AUDIENCE: asks there with an assertion made for that audience
	serial=$((serial + 1))
	head=$(printf '{"alg":"RS384","kid":"k","typ":"JWT"}' | encode)
	claims=$(printf '{"iss":"research","sub":"research","aud":"%s","jti":"j%s-%s","exp":%s}' "$2" "$$" "$serial" "$(($(date +%s) + 120))" | encode)
	signature=$(printf '%s.%s' "$head" "$claims" | openssl dgst -sha384 -sign "$scratch/key.pem" -binary | encode)
	ask "$1" -d grant_type=client_credentials -d 'scope=system/*.cruds' \
		-d client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer \
		-d "client_assertion=$head.$claims.$signature"
}
token() { sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p' "$scratch/out"; }

a=$base/t/alpha
b=$base/t/beta
request_token "$a/auth/token" "$a/auth/token"
status_is "a token of alpha" 200
alpha=$(token)
request_token "$b/auth/token" "$b/auth/token"
status_is "a token of beta" 200
beta=$(token)
request_token "$base/auth/token" "$base/auth/token"
status_is "a token of the root" 200
root=$(token)
request_token "$b/auth/token" "$a/auth/token"
status_is "an assertion for alpha is none at beta" 400
says "as a client that is not known" out invalid_client
request_token "$b/auth/token" "$base/auth/token"
status_is "nor is one for the root" 400
holds "three tokens" test -n "$alpha" -a -n "$beta" -a -n "$root" -a "$alpha" != "$beta"

for pair in "alpha:$alpha:Alphaname" "beta:$beta:Betaname"; do
	name=${pair%%:*}
	rest=${pair#*:}
	for id in p1 p2 p3; do
		ask -X PUT "$base/t/$name/fhir/Patient/$id" -H "Authorization: Bearer ${rest%%:*}" -H 'Content-Type: application/fhir+json' \
			-d "{\"resourceType\":\"Patient\",\"id\":\"$id\",\"name\":[{\"family\":\"${rest#*:}\"}],\"birthDate\":\"1970-01-01\"}"
		status_is "$name: its $id" 201
	done
done

for path in /fhir/Patient/p1 /fhir/Patient /fhir/Patient/p1/_history "/fhir/Patient?family=Betaname" /fhir/AuditEvent \
	'/fhir/Patient/p1/$everything' /fhir/_history; do
	for token in "$alpha" "$root"; do
		ask "$b$path" -H "Authorization: Bearer $token"
		status_is "beta: $path with another's token" 401
		silent_about "beta: $path tells nothing" out 'Betaname'
	done
	ask "$base$path" -H "Authorization: Bearer $alpha"
	status_is "the root: $path with a tenant's token" 401
	ask "$b$path" -H "Authorization: Bearer $beta"
	status_is "beta: $path with its own" 200
	silent_about "beta: $path tells nothing of alpha" out 'Alphaname'
done
for method in PUT DELETE; do
	ask -X $method "$b/fhir/Patient/p1" -H "Authorization: Bearer $alpha" -H 'Content-Type: application/fhir+json' \
		-d '{"resourceType":"Patient","id":"p1","name":[{"family":"Stolen"}]}'
	status_is "beta: $method with alpha's token" 401
done

# A page link, with the right token of the wrong tenant.
ask "$a/fhir/Patient?_count=1" -H "Authorization: Bearer $alpha"
next=$(link next)
holds "a page has a next one" test -n "$next"
ask "$(other "$next")" -H "Authorization: Bearer $beta"
status_is "alpha's page link at beta" 410
ask "$(other "$next")" -H "Authorization: Bearer $alpha"
status_is "and with alpha's token" 401
ask "$next" -H "Authorization: Bearer $alpha"
status_is "and where it is from" 200
says "which goes on" out 'Alphaname'

# A job.
ask "$a/fhir/Patient" -H "Authorization: Bearer $alpha" -H 'Prefer: respond-async'
status_is "a job of alpha" 202
job=$(header Content-Location)
for token in "$alpha" "$beta"; do
	ask "$(other "$job")" -H "Authorization: Bearer $token"
	holds "alpha's job at beta" test "$status" = 404 -o "$status" = 401
	ask -X DELETE "$(other "$job")" -H "Authorization: Bearer $token"
	holds "nor can it be deleted there" test "$status" = 404 -o "$status" = 401
done
ask "$job" -H "Authorization: Bearer $beta"
status_is "alpha's job with beta's token" 401
tries=0
while ask "$job" -H "Authorization: Bearer $alpha" && [ "$status" = 202 ] && [ $tries -lt 100 ]; do
	sleep 0.05
	tries=$((tries + 1))
done
status_is "alpha's job, where it is from" 200
says "with its result" out 'Alphaname'
silent_about "and nothing of beta" out 'Betaname'

# An ETag: alpha's third version is none of beta's.
for family in Alphaname2 Alphaname3; do
	ask -X PUT "$a/fhir/Patient/p1" -H "Authorization: Bearer $alpha" -H 'Content-Type: application/fhir+json' \
		-d "{\"resourceType\":\"Patient\",\"id\":\"p1\",\"name\":[{\"family\":\"$family\"}]}"
done
etag=$(header ETag)
holds "alpha's p1 has three versions" test "$etag" = 'W/"3"'
ask -X PUT "$b/fhir/Patient/p1" -H "Authorization: Bearer $beta" -H "If-Match: $etag" -H 'Content-Type: application/fhir+json' \
	-d '{"resourceType":"Patient","id":"p1","name":[{"family":"Lost"}]}'
status_is "alpha's ETag at beta" 412
ask "$b/fhir/Patient/p1/_history/3" -H "Authorization: Bearer $beta"
status_is "alpha's version at beta" 404
ask "$b/fhir/Patient/p1" -H "Authorization: Bearer $beta"
says "beta's p1 is as it was" out '"versionId":"1".*Betaname'
ask "$b/fhir/Patient/p1" -H "Authorization: Bearer $beta" -H "If-None-Match: $etag"
status_is "and is not taken for alpha's" 200
stop_server
expect "and it ends in order" 0

done_testing
