#!/bin/sh
# onc.sh FIRTH [POSTGRESQL-URL]: the flows of ONC's certification criterion (g)(10) (45 CFR 170.315), as a test kit walks them over
# HTTP: standalone launch with all and with few scopes, EHR launch of a practitioner's app, the API for one patient and for
# many, and what must be refused.
. "$(dirname "$0")/../app/lib.sh"
. "$(dirname "$0")/person.sh"
store="--data $scratch/data"
[ -z "${2:-}" ] || store="$store --db $2"

digest=$(printf %s 'secret of the clinic' | sha256sum | cut -d' ' -f1)
all="openid fhirUser offline_access launch/patient patient/Patient.rs patient/Observation.rs patient/Condition.rs"
configure() { # configure PORT: the server knows its own address only once it has a port
	cat >"$scratch/firth.yaml" <<END
server: {auth: on, launcher: on, port: $1}
users:
  - {name: anna, password_hash: '$hash', display: Dr. Anna Berg, fhir_user: Practitioner/7, patients: '*'}
  - {name: ada, password_hash: '$hash', display: Ada Quill, fhir_user: Patient/ada}
clients:
  - {client_id: standalone, name: Standalone, secret_sha256: $digest, redirect_uris: $redirect, launch_url: $redirect/launch,
     scopes: '$all launch user/*.rs patient/*.read patient/Observation.rs?category=laboratory'}
  - {client_id: public, name: Public, redirect_uris: $redirect, launch_url: $redirect/launch, scopes: '$all launch'}
  - {client_id: multi, name: Multi-patient, jwks_file: $scratch/multi.jwks, scopes: system/*.rs}
END
}
cat >"$scratch/data.ndjson" <<'END'
{"resourceType":"Patient","id":"ada","name":[{"family":"Quill","given":["Ada"]}],"birthDate":"1980-02-03","gender":"female"}
{"resourceType":"Patient","id":"ben","name":[{"family":"Ash","given":["Ben"]}],"birthDate":"1971-05-06","gender":"male"}
{"resourceType":"Practitioner","id":"7","name":[{"family":"Berg","given":["Anna"]}]}
{"resourceType":"Encounter","id":"visit","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/ada"}}
{"resourceType":"Condition","id":"cough-ada","code":{"text":"cough"},"subject":{"reference":"Patient/ada"}}
{"resourceType":"Condition","id":"cough-ben","code":{"text":"cough"},"subject":{"reference":"Patient/ben"}}
{"resourceType":"Observation","id":"lab-ada","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"code":{"text":"sodium"},"subject":{"reference":"Patient/ada"}}
{"resourceType":"Observation","id":"vital-ada","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],"code":{"text":"pulse"},"subject":{"reference":"Patient/ada"}}
{"resourceType":"Observation","id":"lab-ben","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"code":{"text":"sodium"},"subject":{"reference":"Patient/ben"}}
END
# The backend service's key pair (P-384), made for this test alone.
cat >"$scratch/multi.jwk" <<'END'
{"kty":"EC","crv":"P-384","x":"6bkSpGBZ0GiySzI-YgTLMbiXaIkn8osdOHsfiCk8okuZU4eHPWZoCkJnNrDiOb-F","y":"Dk1Y5zSTG4dn2MeEad5xz_iOGqQHbpUb9CyX--0NyBNdCa8bT1Pfxx3na9frSqId","d":"EK_RYR9W7LD40y3apNgesa3f0ZqlYN9PNFvl3AfEzh3xGV9UYU90zUKwN1NSFlYs","kid":"multi","alg":"ES384","use":"sig"}
END
chmod 600 "$scratch/multi.jwk"
sed 's/"d":"[^"]*",//; s/^/{"keys":[/; s/$/]}/' "$scratch/multi.jwk" >"$scratch/multi.jwks"

configure 0
# shellcheck disable=SC2086
run import --config "$scratch/firth.yaml" $store "$scratch/data.ndjson"
expect "patients are there" 0
# shellcheck disable=SC2086
serve --config "$scratch/firth.yaml" $store || bad "serve starts"
root=http://127.0.0.1:$port fhir=http://127.0.0.1:$port/fhir

# ---- discovery --------------------------------------------------------------------------------------------------------------
token=
api .well-known/smart-configuration
answers "discovery needs no token" 200
for word in launch-ehr launch-standalone client-public client-confidential-symmetric client-confidential-asymmetric sso-openid-connect \
	context-banner context-style context-ehr-patient context-ehr-encounter context-standalone-patient context-standalone-encounter permission-offline permission-patient \
	permission-user permission-v1 permission-v2 authorize-post; do
	says "it lists $word" out "\"$word\""
done
says "PKCE with S256 alone" out '"code_challenge_methods_supported":\["S256"\]'
for member in authorization_endpoint token_endpoint introspection_endpoint revocation_endpoint jwks_uri issuer grant_types_supported; do
	says "it names $member" out "\"$member\":"
done
api Patient/ada
answers "without a token nothing is read" 401

# ---- standalone, all scopes ---------------------------------------------------------------------------------------------------
client=standalone basic='standalone:secret of the clinic'
agree "$all" || bad "the person gets back to the app"
if [ "$(part state)" = st-0123456789abcdef ]; then ok "with its state"; else bad "with its state"; fi
holds "and the issuer" test "$(part iss)" = "$(enc "$fhir")"
redeem
answers "the code is worth tokens" 200
says "which no cache keeps" head '^[Cc]ache-[Cc]ontrol: no-store'
says "and no old one either" head '^[Pp]ragma: no-cache'
says "of the kind" out '"token_type":"[Bb]earer"'
says "for this patient" out '"patient":"ada"'
says "with an id_token" out '"id_token":"[^"]*\.[^"]*\.'
token=$(text access_token) refresh=$(text refresh_token) first_code=$back
cp "$scratch/out" "$scratch/tokens"
for read in Patient/ada Observation?patient=ada Condition?patient=ada Observation/lab-ada; do
	api "$read"
	answers "$read is granted" 200
done
api Observation
silent_about "a search without a patient finds this one's alone" out lab-ben
for read in Patient/ben Observation/lab-ben Condition/cough-ben; do
	api "$read"
	answers "$read is another's" 404
done
api "Observation?patient=ben"
silent_about "and is not found" out lab-ben
api Practitioner/7
answers "what was not asked for" 403
says "with the scope that is missing" head 'insufficient_scope'
basic=
post /auth/userinfo -H "Authorization: Bearer $token"
says "who the person is" out 'Practitioner/7'
basic='standalone:secret of the clinic'

# ---- refresh, introspection, revocation ---------------------------------------------------------------------------------------
post /auth/token -d "grant_type=refresh_token&refresh_token=$refresh"
answers "the refresh token renews" 200
old=$token token=$(text access_token) second=$(text refresh_token)
holds "to another token" test "$old" != "$token"
api Patient/ada
answers "that reads" 200
post /auth/token -d "grant_type=refresh_token&refresh_token=no-such-token-at-all"
answers "an invented one" 400
says "is an invalid grant" out '"error":"invalid_grant"'
post /auth/introspect -d "token=$token"
answers "introspection" 200
says "knows it" out '"active":true'
for member in scope client_id exp patient iss sub fhirUser; do says "and tells $member" out "\"$member\":"; done
post /auth/introspect -d "token=invented"
says "an invented one is not active" out '"active":false'
basic=
post /auth/introspect -d "token=$token"
holds "nobody asks without saying who" test "$code" = 400 -o "$code" = 401
says "which is an invalid client" out '"error":"invalid_client"'
basic='standalone:secret of the clinic'
post /auth/revoke -d "token=$second&token_type_hint=refresh_token"
answers "revoking" 200
api Patient/ada
answers "ends the access token at once" 401
post /auth/introspect -d "token=$token"
says "which is not active then" out '"active":false'
post /auth/token -d "grant_type=refresh_token&refresh_token=$second"
answers "and the refresh token" 400
agree "$all"
redeem
refresh=$(text refresh_token)
post /auth/token -d "grant_type=refresh_token&refresh_token=$refresh"
token=$(text access_token)
post /auth/token -d "grant_type=refresh_token&refresh_token=$refresh"
answers "a refresh token that comes twice" 400
api Patient/ada
answers "ends the whole login" 401

# ---- codes and PKCE -----------------------------------------------------------------------------------------------------------
back=$first_code
redeem
answers "a code that comes twice" 400
says "is an invalid grant" out '"error":"invalid_grant"'
agree "$all"
redeem "${verifier%?}x"
answers "the wrong verifier" 400
says "is an invalid grant" out '"error":"invalid_grant"'
agree "$all"
redeem ''
answers "no verifier" 400
for wrong in code_challenge= code_challenge_method=plain; do
	agree "$all" $wrong || true
	case $back in *error=invalid_request*) ok "$wrong is refused" ;; *) bad "$wrong is refused" ;; esac
done
agree "$all" aud=https://other.example/fhir || true
case $back in *error=*) ok "another server's aud is refused" ;; *) if [ "$code" = 400 ]; then ok "another server's aud is refused"; else bad "another server's aud is refused"; fi ;; esac
agree "$all" redirect_uri=https://evil.example/ || true
holds "a foreign redirect URI is never gone to" test -z "$back" -a "$code" = 400
client=unknown
agree "$all" || true
holds "nor is that of an unknown client" test -z "$back" -a "$code" -ge 400
client=standalone
by_post=1
agree "$all" || bad "the request may come by POST"
by_post=
redeem
answers "and works the same" 200
basic='standalone:wrong'
agree "$all"
redeem
answers "a wrong secret" 401
says "is an invalid client" out '"error":"invalid_client"'
basic='standalone:secret of the clinic'
answer=cancel
agree "$all" || true
answer=
case $back in *error=access_denied*) ok "no is an answer" ;; *) bad "no is an answer" ;; esac

# ---- standalone, few scopes ---------------------------------------------------------------------------------------------------
untick="patient/Observation.rs offline_access"
agree "$all"
untick=
redeem
answers "fewer scopes" 200
silent_about "are not more" out 'patient/Observation|offline_access'
silent_about "without a refresh token" out refresh_token
token=$(text access_token)
api Patient/ada
answers "what was left is granted" 200
api Observation?patient=ada
answers "what was unticked is not" 403

# ---- granular scopes, and the grammar of the first version ---------------------------------------------------------------------
agree "openid launch/patient patient/Patient.rs patient/Observation.rs?category=laboratory"
redeem
says "a narrowed scope is granted as asked" out 'patient/Observation.rs?\?category=[^ "]*laboratory'
token=$(text access_token)
api Observation/lab-ada
answers "a laboratory result is in it" 200
api Observation/vital-ada
answers "a vital sign is not" 404
api Observation?patient=ada
silent_about "nor does a search find it" out vital-ada
says "but the other" out lab-ada
agree "openid launch/patient patient/Patient.read"
redeem
token=$(text access_token)
api Patient/ada
answers "patient/Patient.read reads" 200
api Patient/ada -X DELETE
answers "and nothing else" 403

# ---- EHR launch of a practitioner's app ---------------------------------------------------------------------------------------
launch() { # launch PATIENT ENCOUNTER: $launch is what the EHR gives
	browse -d "client=$client&patient=$1&encounter=$2&user=anna&banner=1" "$root/launcher"
	browse "$to"
	launch=$(sed -n 's/.*launch=\([^"&]*\)".*/\1/p' "$scratch/out" | head -n 1)
}
launch ada visit
agree "openid fhirUser launch offline_access user/*.rs" "launch=$launch" || bad "an EHR launch gets back to the app"
redeem
answers "with tokens" 200
says "the patient" out '"patient":"ada"'
says "the encounter" out '"encounter":"visit"'
says "who shows the banner" out '"need_patient_banner":true'
token=$(text access_token)
api Patient/ben
answers "a practitioner's app sees other patients" 200
api Practitioner/7
answers "and practitioners" 200
agree "openid launch user/*.rs" "launch=$launch" || true
case $back in *error=*) ok "a launch is good once" ;; *) if [ "$code" -ge 400 ]; then ok "a launch is good once"; else bad "a launch is good once"; fi ;; esac
agree "openid launch user/*.rs" launch=invented-launch || true
case $back in *error=*) ok "an invented launch is refused" ;; *) if [ "$code" -ge 400 ]; then ok "an invented launch is refused"; else bad "an invented launch is refused"; fi ;; esac
launch ada visit
client=public
agree "openid launch patient/Patient.rs" "launch=$launch" || true
case $back in *error=*) ok "another app's launch is refused" ;; *) if [ "$code" -ge 400 ]; then ok "another app's launch is refused"; else bad "another app's launch is refused"; fi ;; esac

# ---- public apps, and a patient's own --------------------------------------------------------------------------------------------
basic= user=ada
agree "$all" || bad "a patient gets back to the app"
redeem
answers "a public app gets tokens" 200
says "for the patient" out '"patient":"ada"'
token=$(text access_token)
api Observation/lab-ben
answers "and never another's" 404
user=anna

# ---- many patients: backend services ---------------------------------------------------------------------------------------------
cat >"$scratch/backend.yaml" <<END
ehrs: [{name: self, vendor: generic, base_url: '$fhir', client_id: multi, key_file: $scratch/multi.jwk, scopes: system/*.rs}]
END
run search self 'Observation?category=laboratory' --config "$scratch/backend.yaml" --data "$scratch/backend"
expect "a backend service searches" 0
says "one patient's" out lab-ada
says "and another's" out lab-ben
for wrong in "grant_type=client_credentials" \
	"grant_type=client_credentials&client_assertion_type=urn:wrong&client_assertion=x.y.z" \
	"grant_type=client_credentials&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer&client_assertion=x.y.z" \
	"grant_type=wrong&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer&client_assertion=x.y.z"; do
	post /auth/token -d "$wrong"
	holds "not by $(printf %s "$wrong" | cut -c1-60)" test "$code" -ge 400 -a "$code" -lt 500
done
stop_server
done_testing
