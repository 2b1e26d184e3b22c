#!/bin/sh
# Users by commands, with and without a running server, and a sign-in up to the token that goes on after a restart. With a
# database's URL two servers stand on it, and each page is asked of the other one. usage: people.sh FIRTH [URL]
url=${2:-}
. "$(dirname "$0")/lib.sh"
cd "$scratch" || exit 1
base=http://firth.example.org
cat >firth.yaml <<EOF
server:
  data: data
  base_url: $base
  auth: on
  seal_key_file: seal.key
  ${url:+db: "$url"}
clients:
  - client_id: growth-chart
    name: Growth Chart
    redirect_uris: http://127.0.0.1:9/back
    scopes: openid fhirUser launch/patient patient/*.rs offline_access
EOF

# with PASSWORD ARGUMENTS...: as run, with a line of standard input.
with() {
	line=$1
	shift
	printf '%s\n' "$line" | "$firth" "$@" >out 2>err
	code=$?
}

printf 'login:\n  session_idle: 5 s\n' >short.yaml
run config check --config short.yaml
expect "a session too short to work in" 1
says "and what may be" err 'session_idle must be from 1 min to 30 days'
printf 'users:\n  - {name: Anna, password_hash: secret}\n' >users.yaml
run config check --config users.yaml
expect "a user in the file with a password for a hash" 1

with 'a few plain words' user add Anna --display 'Dr. Anna Berg' --fhir-user Practitioner/7 --patients '*'
expect "a user is added" 0
with 'a few plain words' user add anna
expect "once" 1
says "and why" err 'a user anna already'
with 'short' user add bob
expect "a short password" 1
with '' user add bob
expect "no password" 1
with 'a few plain words' user add 'Bob Smith'
expect "a name with a space" 2
with 'a few plain words' user add carl --fhir-user Device/1
expect "who is no person" 1
run user add carl --no-password --fhir-user Patient/p1
expect "a user of the outside provider" 0
run user list
says "they are listed" out '^anna$'
says "with what they are" out 'Practitioner/7'
says "and how they sign in" out 'no password: only by the outside provider'
silent_about "and nothing secret" out 'argon2'
with 'another plain text' user password anna --format json
says "a new password" out '"user":"anna"'
run user disable nobody
expect "a user who is not there" 1
with 'a few plain words' user hash
says "a hash for the file" out '^\$argon2id\$v=19\$m=65536,t=3,p=1\$'

echo '{"resourceType":"Patient","id":"p1","name":[{"family":"Berg","given":["Paula"]}]}' >p.ndjson
run import p.ndjson
expect "import" 0
serve || bad "serve starts"
one=$port
two=$port
if [ -n "$url" ]; then
	first=$server
	serve || bad "a second server starts"
	two=$port
fi

verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk
page() { # page PORT METHOD PATH [CURL ARGUMENTS...]: the body in page, the headers in head, the status in $code
	place=http://127.0.0.1:$1$3
	method=$2
	shift 3
	code=$(curl -s -o page -D head -w '%{http_code}' -b jar -c jar -X "$method" "$@" "$place")
}
location() { tr -d '\r' <head | sed -n 's/^[Ll]ocation: //p'; }
request() { location | sed 's/.*request=//'; }

page "$one" GET "/auth/authorize?response_type=code&client_id=growth-chart&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fback&scope=openid+fhirUser+launch%2Fpatient+patient%2FPatient.rs+offline_access&state=s1&aud=$base/fhir&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
expect "a request is taken" 303
id=$(request)
page "$two" GET "$(location)"
expect "the page to sign in" 200
page "$one" POST /auth/login --data-urlencode "request=$id" --data user=anna --data-urlencode 'password=a few plain words'
expect "the old password" 403
page "$two" POST /auth/login --data-urlencode "request=$id" --data user=anna --data-urlencode 'password=another plain text'
expect "the new password" 303
if [ -z "$url" ]; then # everything lies in the store
	stop_server
	serve || bad "serve starts again"
	one=$port
	two=$port
fi
page "$one" GET "$(location)"
expect "the picker" 200
holds "shows the patient" grep -q 'Paula Berg' page
page "$two" POST /auth/pick --data-urlencode "request=$id" --data patient=p1
expect "a patient is chosen" 303
page "$one" GET "$(location)"
holds "consent names the app" grep -q 'Let Growth Chart use the record of Paula Berg' page
page "$two" POST /auth/consent --data-urlencode "request=$id" --data 'answer=allow&scope=openid&scope=launch%2Fpatient&scope=patient%2FPatient.rs&scope=offline_access'
expect "it is let in" 303
answer=$(location | sed -n 's/.*[?&]code=\([^&]*\).*/\1/p')
page "$one" POST /auth/token --data "grant_type=authorization_code&client_id=growth-chart&code=$answer&code_verifier=$verifier" --data-urlencode redirect_uri=http://127.0.0.1:9/back
expect "the code is a token" 200
holds "of that patient" grep -q '"patient":"p1"' page
token=$(sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p' page)
page "$two" GET /fhir/Patient/p1 -H "Authorization: Bearer $token"
expect "which reads" 200
page "$two" GET /auth/apps
holds "my apps" grep -q 'Remove access' page

# The commands go on while the servers run.
run user disable anna
expect "the user is disabled" 0
[ -z "$url" ] || sleep 0.5 # servers hear of another process's change some milliseconds later
page "$one" GET /fhir/Patient/p1 -H "Authorization: Bearer $token"
expect "the token is over at once" 401
page "$two" GET /fhir/Patient/p1 -H "Authorization: Bearer $token"
expect "everywhere" 401
page "$two" GET /auth/apps
expect "and the session" 303
run user totp anna
says "codes from a phone" out '^otpauth://totp/Firth:anna\?secret='
run user list anna
says "are told of" out 'anna  disabled  with one-time codes'
run audit list --format json
says "all of it is recorded" out '"user.disable"'
says "the sign-in, too" out '"interaction":"login"'
if [ -n "$url" ]; then
	stop_server
	server=$first
fi
stop_server
expect "the server ends well" 0
done_testing
