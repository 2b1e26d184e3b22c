#!/bin/sh
# firth token explain: tokens of this server by its store, JWTs of any server by their text, with and without a request,
# as of another time; and the token itself is never printed. usage: token.sh FIRTH
. "$(dirname "$0")/lib.sh"
data=$scratch/data
field() { sed -n "s/.*\"$1\":\"\\([^\"]*\\)\".*/\\1/p" "$scratch/out" | head -n 1; }
b64() { printf '%s' "$1" | base64 | tr -d '\n=' | tr '+/' '-_'; }
explain() { # explain TOKEN ARGUMENTS...
	printf '%s\n' "$1" >"$scratch/token"
	shift
	"$firth" token explain "$@" <"$scratch/token" >"$scratch/out" 2>"$scratch/err"
	code=$?
}

run client add --data "$data" --id svc --scope 'system/Observation.rs' --client-auth client_secret_basic \
	--grant-type client_credentials --format json
secret=$(field secret)
serve --data "$data" --auth --set tokens.backend='2 min' || bad "serve starts"
base=http://127.0.0.1:$port
curl -s -o "$scratch/out" -u "svc:$secret" -d grant_type=client_credentials -d scope=system/Observation.rs "$base/auth/token"
token=$(field access_token)
holds "there is a token" [ -n "$token" ]
says "it lives as long as the configuration says" out '"expires_in":120,'

# ---- ours, while the server runs
explain "$token" --data "$data"
expect "a good one" 0
says "what it is" out '^An access token of this server'
says "whose" out 'client +svc'
says "what it may, in words" out 'read, search Observation of everyone'
says "until when" out 'expires +20[0-9T:-]+Z, in [0-9]+ (minutes|seconds)'
silent_about "the token is not printed" out "$token"
explain "Bearer $token" --data "$data" --request 'GET /Observation?patient=1'
expect "with a request that is allowed" 0
says "by which scope" out '✓ do the token.s scopes allow it +system/Observation.rs'
explain "$token" --data "$data" --request "PUT $base/fhir/Patient/1"
expect "with one that is not" 1
says "what was needed" out 'needed +system/Patient.u'
says "the code" out 'Refused: scope-missing'
run client add --data "$data" --id labs --scope 'system/Observation.rs?category=laboratory' \
	--client-auth client_secret_basic --grant-type client_credentials --format json
labs=$(field secret)
curl -s -o "$scratch/out" -u "labs:$labs" -d grant_type=client_credentials \
	--data-urlencode 'scope=system/Observation.rs?category=laboratory' "$base/auth/token"
explain "$(field access_token)" --data "$data"
says "a narrowed scope" out 'read, search Observation of everyone, but only where category=laboratory$'
explain "$token" --data "$data" --request 'GET /Nothing/1'
expect "no resource type" 1
explain "$token" --data "$data" --request 'GET'
expect "no path" 2
explain "$token" --data "$data" --now 2099-01-01
expect "as of later" 1
says "it has expired" out 'Refused: token-expired'
explain "$token" --data "$data" --now yesterday
expect "no time" 2
explain "${token}x" --data "$data"
expect "an unknown one" 1
says "says what it may be" out 'Nothing that this server knows'
run token explain --data "$data" "$token"
expect "on the command line" 0
says "is warned about" err 'seen by everyone'
silent_about "without the token" err "$token"
run token explain --data "$data" "$scratch/token"
expect "from a file" 1
run client disable --data "$data" svc
explain "$token" --data "$data" --format json
expect "of a disabled client" 1
says "for machines" out '"kind":"access-token".*"refusal":"token-client-disabled".*"good":false'
stop_server
run client enable --data "$data" svc
explain "$token" --data "$data"
expect "after the server is gone" 0

# ---- JWTs, without any store
jwt() { printf '%s.%s.c2ln' "$(b64 "$1")" "$(b64 "$2")"; }
other=$(jwt '{"alg":"RS256","typ":"at+jwt","kid":"k"}' '{"iss":"https://x","sub":"u","aud":"https://other/fhir","exp":1700000000,"iat":1699999000,"scope":"patient/Observation.rs launch/patient","patient":"7"}')
explain "$other" --now 1699999500 --aud https://other/fhir --request 'GET /Observation?patient=7'
says "of another server" out '^An access token as a JWT'
says "times in words" out 'exp +2023-11-14T22:13:20Z, in 8 minutes'
says "whose patient" out '✓ is it within the patient of the token +7'
says "the signature was not checked" out 'not checked: give'
explain "$other" --now 1699999500 --request 'GET /Observation?subject=Patient/8'
says "another patient" out '✗ is it within the patient of the token'
explain "$other" --aud https://me/fhir
expect "expired, and for another" 1
says "both are told (audience)" out '✗ is it meant for this server'
says "both are told (expiry)" out '✗ is it still valid'
silent_about "the signature is not printed" out 'c2ln'
explain "$(jwt '{"alg":"none"}' '{"iss":"a","sub":"a","aud":"t","exp":1700000000,"jti":"1"}')" --now 1699999900
expect "no signature" 1
says "what kind" out 'A client.s assertion'
says "by its code" out 'Refused: assertion-algorithm'
explain "$(jwt '{"alg":"RS384"}' '{"iss":"a","sub":"a","aud":"t","exp":1700009999,"jti":"1"}')" --now 1699999900
says "one that lives too long" out 'Refused: assertion-too-long'
explain "$(jwt '{"alg":"RS384"}' '{"iss":"a","sub":"a","aud":"t","exp":1700000000,"iat":1699999999,"jti":"1"}')" --now 1699999900
says "clock skew" out 'Refused: assertion-not-yet'
says "and what to do" out 'Compare the clocks'
explain "$(jwt '{"alg":"RS384"}' '{"iss":"a","sub":"a","aud":"t","exp":1700000000}')" --now 1699999900
says "without jti" out 'Refused: assertion-id-missing'
explain "$(jwt '{"alg":"RS384"}' '{"iss":"i","sub":"u","aud":"app","exp":1700000000,"nonce":"n"}')" --now 1699999900
says "an id_token" out 'opens no API'
explain "$(b64 '{"alg":"RS384"}').x.y"
expect "one that cannot be read" 1
explain a.b.c.d.e
says "an encrypted one" out 'encrypted JWT'

# ---- with the signer's keys
run client add --data "$data" --id etl --scope 'system/*.rs' --make-key "$scratch/etl.json"
run client show --data "$data" etl --format json
sed 's/.*"jwks":\({"keys":\[[^]]*\]}\).*/\1/' "$scratch/out" >"$scratch/jwks.json"
explain "$(jwt '{"alg":"ES384","kid":"nobody"}' '{"iss":"etl","sub":"etl","aud":"t","exp":1700000000,"jti":"1"}')" \
	--now 1699999900 --jwks "$scratch/jwks.json"
says "a kid that is not there" out 'Refused: assertion-key-unknown'
kid=$(sed -n 's/.*"kid":"\([^"]*\)".*/\1/p' "$scratch/jwks.json")
explain "$(jwt "{\"alg\":\"ES384\",\"kid\":\"$kid\"}" '{"iss":"etl","sub":"etl","aud":"t","exp":1700000000,"jti":"1"}')" \
	--now 1699999900 --jwks "$scratch/jwks.json"
says "a signature that does not match" out 'Refused: assertion-signature'
explain "$other" --jwks "$scratch/none.json"
expect "no keys" 1
explain ""
expect "nothing" 2
done_testing
