#!/bin/sh
# record.sh FIRTH AUTHORITY: what passes the recorder, what stands in the file, and what a client gets from it afterwards.
# The app is firth itself, curl is the browser.
. "$(dirname "$0")/lib.sh"
command -v curl >/dev/null || { echo "skipped: curl is not here"; exit 77; }
authority=$(realpath "$2")
cd "$scratch"

stop() { # stop PID: its status in $code
	kill -TERM "$1"
	wait "$1"
	code=$?
	children=$(printf '%s' "$children" | sed "s/ $1//")
}

background epic sandbox epic --port 0 --data epic --patients 3 --no-auth
background cerner sandbox cerner --port 0 --data cerner --patients 3 --no-auth
epic=$(listening epic base)
cerner=$(listening cerner base)
patient=$(head -n 1 epic/roster.txt)

# ---- the recorder between an app and its EHR

work() { # work BASE: an app's day, with what it got in work.out
	run ehr add app --replace --url "$1" --vendor epic
	cat "$scratch/out" >work.log
	for what in "Patient/$patient" "Observation?patient=$patient&category=laboratory" "Condition?patient=$patient" \
		"Patient?name=nobody" "Patient/unknown-one" "Encounter?patient=$patient&_count=2"; do
		case $what in
		*\?*) run search app "$what" --unchecked ;;
		*) run get app "$what" --format json ;;
		esac
		cat "$scratch/out" "$scratch/err" | grep -v "^the request, for the EHR's people: " # a new one each time
	done >work.out
	[ -n "$(cat work.out)" ]
}
for how in masked unmasked; do
	option=
	[ $how = masked ] || option=--unmasked
	# shellcheck disable=SC2086
	background record record --to "$epic" --out $how.har $option
	proxy=$(listening record base)
	holds "an app works by way of the recorder, $how" work "$proxy"
	sed "s#$proxy#BASE#g" work.out >work.$how
	stop "$started"
	expect "the recorder ends, $how" 0
	holds "the file is its owner's alone" test "$(stat -c %a $how.har)" = 600
done
holds "the same answers both times" cmp -s work.masked work.unmasked
if grep -q "$proxy" unmasked.har; then bad "the file speaks of the EHR, not of the recorder"; else ok "the EHR's addresses"; fi
holds "several pages passed" test "$(grep -c 'sessionID' unmasked.har)" -ge 2

# Everything that tells who somebody is, from a recording as it was: at least so many values, and none in the masked one.
personal_of() { # personal_of RECORDING ROSTER
	sed 's/\\"/"/g' "$1" | grep -oE '"(family|city|postalCode|birthDate)":"[^"]{5,}"|"given":\["[^"]+"|"line":\["[^"]+"|"telecom":\[\{[^]]*|"reference":"[A-Z][A-Za-z]+/[^"]+"' \
		| sed 's/^"[^"]*":\[*{*//; s/"//g' | tr ',' '\n' | sed 's/^[a-z]*://; s#^[A-Z][A-Za-z]*/##' | awk 'length >= 4' | sort -u \
		| grep -vxE 'phone|email|home|work|mobile|urn:.*|[0-9]{4}-01-01|http.*'
	sed 's/\\"/"/g' "$1" | grep -oE '"identifier":\[[^]]*\]' | grep -oE '"value":"[^"]{4,}"' | sed 's/"value":"//; s/"$//' | sort -u
	cat "$2"
}
no_leaks() { # no_leaks NAME UNMASKED MASKED ROSTER
	personal_of "$2" "$4" >personal
	holds "$1: there is something to find" test "$(wc -l <personal)" -ge 30
	leaks=$(grep -oF -f personal "$3" | sort -u | head -n 5)
	if [ -z "$leaks" ]; then ok "$1: nothing of it is in the masked one"; else bad "$1: the masked recording holds: $leaks"; fi
}
holds "who it is, is in the recording as it was" grep -qF "$patient" unmasked.har
no_leaks epic unmasked.har masked.har epic/roster.txt
holds "codes and units are" grep -q 'http://loinc.org' masked.har
holds "as many answers" test "$(grep -c '"startedDateTime"' masked.har)" = "$(grep -c '"startedDateTime"' unmasked.har)"

# The other vendor's, with narratives and papers, by the client's own recorder.
run ehr add other --replace --url "$cerner" --vendor cerner
person=$(head -n 1 cerner/roster.txt)
for what in "Observation?patient=$person&category=laboratory" "Encounter?patient=$person" "AllergyIntolerance?patient=$person" \
	"MedicationRequest?patient=$person" "Patient?_id=$person" "Condition?patient=$person"; do
	name=$(printf %s "$what" | cut -d'?' -f1)
	run search other "$what" --unchecked --record "other-$name.har" --unmasked
	expect "$name, as it was" 0
	run search other "$what" --unchecked --record "other-masked-$name.har"
	expect "$name, masked" 0
done
cat other-[A-Z]*.har >other.har
cat other-masked-*.har >other-masked.har
holds "there are narratives" grep -q 'www.w3.org/1999/xhtml' other.har
no_leaks cerner other.har other-masked.har cerner/roster.txt

run record --to "$epic" --out masked.har
expect "a file that is there is not written over" 1
says "without being told" err '--replace'
run record --to nowhere --out x.har
expect "an EHR that nobody knows" 2
run record --to "$epic"
expect "without a file" 2
run record --to "$epic" --out x.har --rewrite some
expect "a way that there is not" 2
run record --to "$epic" --out x.har --port 70000
expect "a port that there is not" 2

# ---- playing back

background replay replay unmasked.har --strict
again=$(listening replay base)
holds "an app works by way of the recording" work "$again"
sed "s#$again#BASE#g" work.out >work.replayed
holds "and gets the same, byte for byte" cmp -s work.unmasked work.replayed
stop "$started"
expect "everything was asked for" 0
background replay replay unmasked.har --strict
again=$(listening replay base)
curl -s "$again/Patient/$patient?_x=1" >nearest
holds "what was not recorded is told, with the nearest" grep -q "Patient/$patient?_x=1 was not recorded; the nearest that was: GET .*/Patient/$patient" nearest
stop "$started"
expect "strict: not everything was asked for" 1
holds "says what" grep -q '^  never asked: GET http' replay.err
background replay replay masked.har
again=$(listening replay base)
run ehr add app --replace --url "$again" --vendor epic
run get app "Patient/id-1" --format json
expect "a masked recording answers for masked ids" 0
says "with masked patients" out '"family":"family-1"'
stop "$started"
expect "not strict" 0

# ---- a recorder that was killed

background record record --to "$epic" --out killed.har
curl -s "$(listening record base)/Patient/$patient" >/dev/null
kill -KILL "$started"
wait "$started" 2>/dev/null
run record --repair killed.har
expect "what was recorded until then is whole" 0
says "says so" out 'killed.har is whole; it has 1 entries'
head -c 700 unmasked.har >torn.har
cp torn.har before.har
run record --repair torn.har --format json
expect "a torn one" 0
says "is mended" out '"repaired":true,"entries":0'

# ---- the client's own

run ehr add main --replace --url "$cerner" --vendor cerner
run get main "Patient/$(head -n 1 cerner/roster.txt)" --record own.har --format json
expect "a command with --record" 0
cat "$scratch/out" >own.out
holds "the read is in it" grep -q '/Patient/id-1"' own.har
run get main "Patient/$(head -n 1 cerner/roster.txt)" --record own-unmasked.har --unmasked --format json
background replay replay own-unmasked.har
run ehr add main --replace --offline --url "$(listening replay base)" --vendor cerner
run get main "Patient/$(head -n 1 cerner/roster.txt)" --format json
expect "the same command with the recording as its EHR" 0
says "gets it" out '"resourceType":"Patient"'
stop "$started"

# ---- logins

"$authority" "$scratch/authority-port" 60 >authority.log 2>&1 &
children="$children $!"
for _ in $(seq 600); do [ -s authority-port ] && break; sleep 0.05; done
ehr=http://127.0.0.1:$(cat authority-port)
background record record --to "$ehr/fhir" --out login.har
proxy=$(listening record base)
cat >firth.yaml <<END
ehrs:
  - {name: people, vendor: generic, base_url: "$proxy", login_client_id: app-1}
END
login() { # the command, with curl as the browser
	: >login.err # an old one would tell an old address
	"$firth" login people --no-browser --timeout 20s "$@" >login.out 2>login.err </dev/null &
	pid=$!
	url=
	for _ in $(seq 600); do
		grep -q '^Waiting for the answer' login.err && url=$(sed -n 's/^  \(http.*\)/\1/p' login.err)
		[ -z "$url" ] || break
		kill -0 $pid 2>/dev/null || break
		sleep 0.05
	done
	[ -z "$url" ] || curl -s -L -o page "$url"
	wait $pid
	code=$?
	cp login.out "$scratch/out"
	cp login.err "$scratch/err"
}
login
expect "a login by way of the recorder" 0
says "is one" out 'Logged in at people'
run get people Patient/p1
expect "and lets the app read" 0
run login show people --token
token=$(cat "$scratch/out")
stop "$started"
holds "the redirect is in the recording" grep -q 'code=masked-code-1&state=masked-state-1' login.har
holds "the code is the same one when it is redeemed" grep -q 'code=masked-code-1&redirect_uri=' login.har
holds "the token is the same one when it is used" grep -q 'Bearer masked-token-1' login.har
for secret in "$token" refresh-1 code_verifier=[^m] 'Bearer access'; do
	if [ -n "$secret" ] && grep -q -e "$secret" login.har; then bad "$secret is masked"; else ok "$secret is masked"; fi
done

done_testing
