#!/bin/sh
# launch.sh FIRTH AUTHORITY: EHR launches of the web app. The EHR is a small authorization server that agrees at once; curl is
# the browser, with and without a place for cookies.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/authority.sh"
start_ehr 1000 "$2"
serve --config firth.yaml || bad "serve starts"
app=http://127.0.0.1:$port
iss=$(printf %s "$ehr/fhir" | sed 's|:|%3A|g; s|/|%2F|g')

get() { # get CURL ARGUMENTS...: page in out, status in $code
	code=$(curl -s -o out -D head -w '%{http_code}' "$@")
}
location() { sed -n 's/^[Ll]ocation: *\(.*\)/\1/p' head | tr -d '\r' | tail -n 1; }

get "$app/launch?iss=https%3A%2F%2Fevil.example&launch=x"
expect "an EHR that is not configured" 400
says "is told so" out 'https://evil.example&quot;, which is not among the EHRs'
get "$app/launch?iss=$iss"
expect "a launch without launch" 400
get "$app/launch?iss=$iss&launch=x&launch=y"
expect "or with two" 400
get "$app/launch/callback?code=x"
expect "an answer without state" 400
says "says what is missing" out "has no state"
get "$app/launch/callback?code=x&state=y"
expect "an answer to nothing" 400
get "$app/launch/session"
expect "a session without login" 403
get -X DELETE "$app/launch"
expect "other methods" 404

# A browser with cookies, from the launch to the patient.
get -c jar "$app/launch?iss=$iss%2F&launch=abc"
expect "a launch leads to the EHR" 303
says "with PKCE, state, launch and aud" head "[Ll]ocation: $ehr/authorize.*launch=abc.*state=.*aud=.*code_challenge=.*S256"
says "the cookie is out of scripts' reach" head "firth_launch_browser=.*Path=/launch;.*HttpOnly"
silent_about "and the verifier stays here" head "verifier"
get -b jar -c jar -H "Sec-Fetch-Site: cross-site" -L "$(location)"
expect "and back to the patient" 200
says "who is named" out "Anna Example"
says "with what was granted" out "read and search everything of the patient"
says "no script may run" head "default-src 'none'"
session=$(sed -n 's/.*name="session" value="\([^"]*\)".*/\1/p' out | head -n 1)
get -b jar "$app/launch/session"
expect "the cookie finds the session again" 200
if grep -rq -e access- -e refresh- -e "$session" firth-data/firth.sqlite*; then bad "the store has no secret in the clear"; else ok "sealed"; fi

# Twice is once too often; another browser's answer is refused.
get -b jar -c jar "$app/launch?iss=$iss&launch=abc"
get "$(location)"
answer=$(location)
get -c other "$app/launch?iss=$iss&launch=abc"
get -b other "$answer"
expect "an answer in another browser" 400
says "is refused with the reason" out "begun in another browser"
get -b jar "$answer"
expect "and is used up with that" 400
says "as the page tells" out "not under way any more"

# A browser that keeps nothing, and a server that is restarted in between.
get "$app/launch?iss=$iss&launch=abc"
get "$(location)"
answer=$(location)
old=$port
stop_server
serve --config firth.yaml --port "$old" || bad "serve starts again"
get "$answer"
expect "without cookies" 200
says "the person is asked" out "Is this you"
session=$(sed -n 's/.*name="session" value="\([^"]*\)".*/\1/p' out | head -n 1)
get -d "session=$session" "$app/launch/session"
expect "and goes on" 200
says "to the patient" out "Patient</th><td>p1"
get -d "session=$session" "$app/launch/logout"
expect "and out" 200
says "which the EHR is told" out "revoked the tokens"
get -d "session=$session" "$app/launch/session"
expect "then it is over" 403

curl -s "$ehr/_set?fail" >/dev/null
get -c jar "$app/launch?iss=$iss&launch=abc"
get -b jar -L "$(location)"
expect "a refusal by the EHR" 403
says "is explained" out "did not agree"
curl -s "$ehr/_set?usual" >/dev/null
get -b jar -c jar -L "$app/launch?ehr=main"
expect "a login without an EHR's launch" 200
get "$app/launch?ehr=nobody"
expect "but not at any place" 400
stop_server
done_testing
