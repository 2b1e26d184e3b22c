#!/bin/sh
# firth sandbox as a user runs it: both vendors, faults and apps while they serve, NDJSON, and what is refused.
. "$(dirname "$0")/lib.sh"
command -v curl >/dev/null || { echo "skipped: curl is not here"; exit 77; }

start() { # start VENDOR ARGUMENTS...: a sandbox on a free port; $base, $root, $sandbox
	vendor=$1
	shift
	: >"$scratch/log"
	"$firth" sandbox "$vendor" --port 0 --data "$scratch/$vendor" "$@" >"$scratch/log" 2>"$scratch/log.err" </dev/null &
	sandbox=$!
	children="$children $sandbox"
	tries=0
	until grep -q '"event":"listening"' "$scratch/log" || [ $tries -ge 600 ] || ! kill -0 "$sandbox" 2>/dev/null; do
		sleep 0.1
		tries=$((tries + 1))
	done
	base=$(sed -n 's/.*"base":"\([^"]*\)".*/\1/p' "$scratch/log")
	root=$(echo "$base" | sed 's#\(http://[^/]*\)/.*#\1#')
}

stop() {
	kill "$sandbox" && wait "$sandbox"
}

fetch() { # fetch ARGUMENTS...: $code is the HTTP status, the body in $scratch/out
	code=$(curl -sS -m 60 -o "$scratch/out" -w '%{http_code}' "$@" 2>"$scratch/err")
}

json='Accept: application/fhir+json'

start epic --patients 2 --no-auth --fault 503=1
fetch -H "$json" "$base/Patient?_id=none"
expect "it begins with a fault" 503
fetch -H "$json" "$base/Patient?_id=none"
expect "which wears off" 200
fetch -H 'Content-Type: application/json' -d '{"fault":"html"}' "$root/sandbox/faults"
expect "another is switched on" 200
fetch -H "$json" "$base/Patient?_id=none"
says "and seen" out '<html>'
fetch -X DELETE "$root/sandbox/faults"
fetch -H "$json" "$base/Patient?_id=none"
says "and gone" out '"searchset"'
fetch -H "$json" "$root/sandbox/apps"
expect "no apps without tokens" 409
stop

cat >"$scratch/patients.ndjson" <<'END'
{"resourceType":"Patient","id":"a","name":[{"use":"official","family":"Line","given":["One"]}],"gender":"female","birthDate":"1980-02-03"}

{"resourceType":"Patient","id":"b","name":[{"use":"official","family":"Line","given":["Two"]}],"gender":"male","birthDate":"1981-02-03"}
END
echo '{"resourceType":"Condition","id":"c","code":{"text":"x"},"subject":{"reference":"Patient/a"}}' >"$scratch/conditions.ndjson"
mkdir "$scratch/in"
mv "$scratch"/*.ndjson "$scratch/in"
start cerner --import "$scratch/in" --behaviour unknown-parameter=ignore
says "NDJSON files load together" log '"patients":2,"resources":[3-9]'
run sandbox register "$root" --name "A growth chart" --redirect-uri http://127.0.0.1:7777/callback
expect "an app is registered" 0
says "with two ids" out 'production +[0-9a-f-]{36}'
run sandbox register "$root" --format json --name ""
expect "an app has a name" 2
run sandbox register "$root" --name "A backend" --secret
says "a secret is printed once" out 'client secret +[A-Za-z0-9_-]{40}'
run sandbox hook "$root" --service http://127.0.0.1:9/ --patient x
expect "this vendor calls no services" 1
says "unless it is switched on" err 'cds-hooks=on'
fetch "$root/open/r4/ec2458f2-1e24-41c8-b71b-0e701af7583d/Patient?family=Line"
expect "the open host asks for no token" 200
stop

start epic --patients 2 --no-auth
patient=$(sed -n 1p "$scratch/roster.txt" 2>/dev/null || sed -n 1p "$scratch"/*/roster.txt)
run sandbox hook "$root" --service http://127.0.0.1:9/svc --patient "$patient"
expect "a service that is not there" 1
says "is told as such" out 'wrong  answer'
run sandbox hook "$root" --patient "$patient"
expect "a service must be named" 2
stop

run sandbox --list
expect "the switches are listed" 0
says "faults" out 'token-expiry'
says "behaviours" out 'silent-changes'
run sandbox meditech
expect "two vendors only" 2
run sandbox epic cerner
expect "one at a time" 2
run sandbox epic --data "$scratch/x" --behaviour nonsense=1
expect "an unknown behaviour" 2
says "is named" err 'nonsense'
run sandbox epic --data "$scratch/x" --fault 503=many
expect "a wrong argument" 2

done_testing
