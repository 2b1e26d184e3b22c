#!/bin/sh
# sandboxes.sh FIRTH: other people's clients at the vendors' sandboxes: Python's SMART client (also by way of the recorder), HAPI's
# client, the SMART JavaScript client in Chromium, and a bulk client. They come from the registries into a cache outside of the
# tree; one that cannot be had is left out and said so. Skipped (77) where none can.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../app/lib.sh"
places=${FIRTH_DOWNLOADS:-${XDG_CACHE_HOME:-$HOME/.cache}/firth}
ran=0
app=http://127.0.0.1:9/app # nobody is there: the script stops where the browser would go there
browser_port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])' 2>/dev/null) || browser_port=18437
scope="openid fhirUser launch launch/patient patient/Patient.read patient/Observation.read patient/Condition.read"
cd "$scratch"
printf '{"client_id":"app","name":"App","redirect_uris":["%s/back"],"scope":"%s"}' "$app" "$scope" >app.json
printf '{"client_id":"browser","name":"Browser app","redirect_uris":["http://127.0.0.1:%s/app/index.html"],"launch_url":"http://127.0.0.1:%s/app/launch.html","scope":"%s"}' \
	"$browser_port" "$browser_port" "$scope" >browser.json

listening() { # listening FILE: the base that it says, once it does
	for _ in $(seq 400); do
		grep -q '"event":"listening"' "$1" && break
		sleep 0.05
	done
	sed -n 's/.*"event":"listening".*"base":"\([^"]*\)".*/\1/p' "$1"
}
start() { # start NAME ARGUMENTS...: in the background, its process in $started
	what=$1
	shift
	: >"$what.out"
	"$firth" "$@" >"$what.out" 2>"$what.err" </dev/null &
	started=$!
	children="$children $started"
}
peer() { # peer NAME COMMAND...: it ends well, and what it says last is shown
	name=$1
	shift
	"$@" >"$scratch/out" 2>"$scratch/err"
	code=$?
	ran=$((ran + 1))
	if [ $code -eq 0 ]; then ok "$name"; else bad "$name"; fi
	echo "$name: $(tail -n 1 "$scratch/out")"
}

for vendor in epic cerner; do
	start $vendor sandbox $vendor --port 0 --data $vendor --patients 3 --client app.json,browser.json
	start $vendor-open sandbox $vendor --port 0 --data $vendor-open --patients 3 --no-auth
done
for vendor in epic cerner; do
	listening $vendor.out >$vendor.base
	listening $vendor-open.out >$vendor-open.base
	head -n 1 $vendor/roster.txt >$vendor.patient
	curl -s -H 'Accept: application/fhir+json' "$(cat $vendor-open.base)/Patient/$(cat $vendor.patient)" |
		sed -n 's/.*"name":\[{[^]]*"family":"\([^"]*\)".*/\1/p' >$vendor.family
	holds "$vendor's sandbox has a patient with a name" test -s $vendor.family
done

# ---- Python
python=$places/interop-4.4.0-1.6/bin/python # run.sh makes it
if "$python" -c 'import fhirclient' 2>/dev/null; then
	export PYTHONDONTWRITEBYTECODE=1
	for vendor in epic cerner; do
		open=$(cat $vendor-open.base)
		peer "fhirclient (Python) at $vendor" "$python" "$here/sandboxes.py" $vendor "$(cat $vendor.base)" "$open" "$app" "$(cat $vendor.patient)" "$(cat $vendor.family)"
		start record record --to "$(cat $vendor.base)" --out $vendor.har
		peer "fhirclient (Python) at $vendor by way of the recorder" "$python" "$here/sandboxes.py" $vendor "$(listening record.out)" "$open" "$app" "$(cat $vendor.patient)" "$(cat $vendor.family)" $vendor.secrets
		kill -TERM "$started"
		wait "$started"
		{ cat $vendor.secrets $vendor.patient $vendor.family; echo 'sandbox password'; echo sandbox+password; } >never
		leaks=$(grep -oF -f never $vendor.har | sort -u)
		if [ -z "$leaks" ] && [ -s $vendor.secrets ]; then ok "$vendor: no secret and no PHI of it is in the recording"; else bad "$vendor: the recording holds $leaks"; fi
		holds "$vendor: the login is" grep -q 'code=masked-code-1' $vendor.har
	done
else
	echo "left out: fhirclient for Python cannot be had"
fi

# ---- Java
hapi=$places/hapi-8.4.0
if command -v mvn >/dev/null && command -v java >/dev/null; then
	[ -d "$hapi" ] || { timeout 150 mvn -q -B -f "$here/../clients/pom.xml" dependency:copy-dependencies -DoutputDirectory="$hapi.new" >"$scratch/err" 2>&1 && mv "$hapi.new" "$hapi"; } ||
		{ rm -rf "$hapi.new"; echo "left out: mvn cannot fetch HAPI FHIR in time"; }
	for vendor in epic cerner; do
		[ ! -d "$hapi" ] || peer "HAPI FHIR (Java) at $vendor" timeout 60 java -cp "$hapi/*" "$here/Sandbox.java" "$(cat $vendor-open.base)" "$(cat $vendor.patient)" "$(cat $vendor.family)"
	done
else
	echo "left out: there is no Java here"
fi

# ---- JavaScript
timeout 120 sh "$here/browser.sh" "$firth" "$places" "$browser_port" epic "$(cat epic.base)" "$(cat epic.patient)" "$(cat epic.family)" \
	cerner "$(cat cerner.base)" "$(cat cerner.patient)" "$(cat cerner.family)" >browser.out 2>&1
code=$?
if [ $code -eq 77 ]; then
	echo "left out: $(tail -n 1 browser.out)"
else
	peer "fhirclient (JavaScript) in Chromium" sh -c 'cat browser.out; exit $0' $code
fi

# ---- bulk export, with SMART's own client for it
fetch=$places/smart-fetch-1.0.3
exports() { # exports VENDOR: does its sandbox take an export of a Group?
	curl -s -o /dev/null -w '%{http_code}' -H 'Accept: application/fhir+json' -H 'Prefer: respond-async' \
		"$(cat $1-open.base)/Group/$(sed -n 's/.*"group":"\([^"]*\)".*/\1/p' $1-open.out)/\$export?_type=Practitioner" | grep -qx 202
}
bulk() { # bulk VENDOR: Patients and Conditions of the Group, each patient once
	rm -rf bulk-$1
	timeout 90 "$fetch/bin/smart-fetch" bulk bulk-$1 --fhir-url "$(cat $1-open.base)" --type Patient,Condition --no-compression \
		--group "$(sed -n 's/.*"group":"\([^"]*\)".*/\1/p' $1-open.out)" || return 1
	cat bulk-$1/*Patient*.ndjson | grep -o '^{.*' | sed -n 's/.*"resourceType": *"Patient".*/x/p' | wc -l | grep -qx " *$(wc -l <$1-open/roster.txt)" || return 1
	echo "$(cat bulk-$1/*.ndjson | wc -l) lines"
}
if exports epic; then
	[ -x "$fetch/bin/smart-fetch" ] || { python3 -m venv "$fetch" && timeout 150 "$fetch/bin/python" -m pip install -q --disable-pip-version-check 'smart-fetch==1.0.3'; } >"$scratch/err" 2>&1 ||
		{ rm -rf "$fetch"; echo "left out: SMART Fetch cannot be had in time"; }
	for vendor in epic cerner; do
		[ ! -d "$fetch" ] || peer "SMART Fetch (bulk) at $vendor" bulk $vendor
	done
else
	echo "left out: the sandboxes do not export in bulk"
fi

[ $ran -gt 0 ] || { echo "skipped: none of the clients can be had"; exit 77; }
done_testing
