#!/bin/sh
# login.sh FIRTH AUTHORITY: a person logs in at an EHR, reads, sees what was granted, and logs out. The EHR is a small
# authorization server that agrees at once; curl is the browser.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/authority.sh"
start_ehr 4 "$2"

login() { # login ARGUMENTS...: the command, with curl as the browser; its page in $scratch/page
	: >err # an old one would tell an old address
	"$firth" login main --no-browser --timeout 20s "$@" >out 2>err </dev/null &
	pid=$!
	url=
	for _ in $(seq 600); do
		# The address is whole once the line after it is there.
		grep -q '^Waiting for the answer' err && url=$(sed -n 's/^  \(http.*\)/\1/p' err)
		[ -z "$url" ] || break
		kill -0 $pid 2>/dev/null || break
		sleep 0.05
	done
	[ -z "$url" ] || curl -s -L -o page -w '%{http_code}' "$url" >status
	wait $pid
	code=$?
}

run login show main
expect "show without a login fails" 1
says "and tells how to log in" err "firth login main does that"
login
expect "a login ends well" 0
says "it tells who" out "Logged in at main as Anna Example \(Practitioner/7\)"
says "the patient" out "patient +p1"
says "what was granted, in words" out "patient/\*.rs +read and search everything of the patient"
holds "the browser's page says so" grep -q "You are logged in" page
holds "the seal is its owner's alone" test "$(stat -c %a firth-data/seal.key firth-data/logins/main.login | sort -u)" = 600
if grep -rq -e access- -e refresh- firth-data/logins; then bad "tokens are sealed"; else ok "tokens are sealed"; fi
run get main Patient/p1
expect "what was granted can be read" 0
says "and it is there" out '"resourceType": "Patient"'
run login show main --token
says "the token for other programs" out '^access-[0-9]+$'
first=$(cat out)
sleep 3.5
run login show main --token
says "is a new one after four fifths of its life" out '^access-[0-9]+$'
if [ "$(cat out)" != "$first" ]; then ok "renewed"; else bad "renewed"; fi
run login list
says "the list tells of it" out "main +Anna Example +logged in, renewed by itself"
run login list --format json
says "for programs too" out '"ehr":"main".*"renewable":true'
silent_about "without a secret" out 'access-|refresh-'
run audit list
says "the requests are in the audit trail" out 'token'

cp firth-data/logins/main.login before.login
run key reseal
expect "a new sealing key" 0
says "seals the login again" out "sealed again: 0 secrets of the store, 1 logins at EHRs"
holds "which is another text now" sh -c "! cmp -s before.login firth-data/logins/main.login"
run get main Patient/p1
expect "and opens" 0
run key reseal --drop-old
expect "the old keys go" 0
says "all of them" out "dropped: 1 older keys"
run get main Patient/p1
expect "and it still opens" 0

curl -s "$ehr/_set?fail" >/dev/null
login
expect "a refusal ends the command" 1
says "with the reason" err "did not agree.*access_denied; it says: not today"
holds "and the browser's page tells, too" grep -q "did not agree" page
says "with a status of failure" status 400
curl -s "$ehr/_set?scope" >/dev/null
login --scope "openid fhirUser offline_access launch/patient patient/*.rs user/Observation.rs"
expect "less than asked for is a login all the same" 0
says "in part" out "granted in part"
says "it tells what is missing" out "user/Observation.rs +read and search Observation that the person may see"
curl -s "$ehr/_set?no_refresh" >/dev/null
login --format json
expect "without refresh token" 0
says "there is a warning" out '"warnings":\["The EHR gave no refresh token'

# A server that has the store open is no hindrance.
serve --config firth.yaml
login
expect "a login beside a running server" 0
silent_about "without a note that the trail has no record" err "without a record"
run audit list --format json
says "the server has written the call down" out '"interaction":"token","direction":"out","outcome":0'
stop_server
run audit verify
expect "and the chain is whole" 0
curl -s "$ehr/_set?usual" >/dev/null
login
run logout main
expect "logging out" 0
says "revokes at the EHR" out "has revoked the tokens"
run get main Patient/p1
expect "then nothing is read" 1
says "because nobody is logged in" err "."
run logout main
expect "twice is once too often" 1
run login nobody
expect "an EHR that is not configured" 2
run login main --timeout 1s --no-browser
expect "a person who does not come" 1
says "is not waited for" err "nobody answered within 1 s"
done_testing
