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
	quick= # Cerner asks to wait for ten minutes between two looks at an export
	[ $vendor = epic ] || ! "$firth" sandbox --list | grep -q '^ *bulk-retry-after' || quick='--behaviour bulk-retry-after=2'
	# shellcheck disable=SC2086
	background $vendor sandbox $vendor --port 0 --data $vendor --patients 3 --client app.json,browser.json
	background $vendor-open sandbox $vendor --port 0 --data $vendor-open --patients 3 --no-auth $quick
done
for vendor in epic cerner; do
	listening $vendor >$vendor.base
	listening $vendor-open >$vendor-open.base
	head -n 1 $vendor/roster.txt >$vendor.patient
	curl -s -H 'Accept: application/fhir+json' "$(cat $vendor-open.base)/Patient/$(cat $vendor.patient)" |
		sed -n 's/.*"name":\[{[^]]*"family":"\([^"]*\)".*/\1/p' >$vendor.family
	holds "$vendor's sandbox has a patient with a name" test -s $vendor.family
done

# ---- bulk export, with SMART's own client for it: it polls once a minute where it is not told otherwise, so it is begun first
fetch=$places/smart-fetch-1.0.3
group_of() {
	sed -n 's/.*"group":"\([^"]*\)".*/\1/p' $1-open.out
}
bulk_of() { # bulk_of VENDOR: Patients and Conditions of the Group, each patient once
	timeout 150 "$fetch/bin/smart-fetch" bulk bulk-$1 --fhir-url "$(cat $1-open.base)" --group "$(group_of $1)" --type Patient,Condition --no-compression || return 1
	[ "$(cat bulk-$1/Patient*.ndjson | grep -c '"resourceType":')" = "$(wc -l <$1-open/roster.txt)" ] || { echo "not every patient is there"; return 1; }
	for id in $(cat $1-open/roster.txt); do
		grep -q "\"id\": *\"$id\"" bulk-$1/Patient*.ndjson || { echo "a patient is missing"; return 1; }
	done
	echo "$(cat bulk-$1/*.ndjson | wc -l) lines"
}
bulk=
# No kick-off, which a vendor takes once a day: a refusal that is not 404.
if [ "$(curl -s -o /dev/null -w '%{http_code}' -H 'Accept: application/fhir+json' "$(cat epic-open.base)/Group/$(group_of epic)/\$export?_type=Nothing")" = 404 ]; then
	echo "left out: the sandboxes do not export in bulk"
elif [ -x "$fetch/bin/smart-fetch" ] || { python3 -m venv "$fetch" && timeout 150 "$fetch/bin/python" -m pip install -q --disable-pip-version-check 'smart-fetch==1.0.3'; } >"$scratch/err" 2>&1; then
	bulk="epic cerner"
	for vendor in $bulk; do
		bulk_of $vendor >bulk-$vendor.log 2>&1 &
		echo $! >$vendor.bulk-pid
		children="$children $!"
	done
else
	rm -rf "$fetch"
	echo "left out: SMART Fetch cannot be had in time"
fi

# ---- Python
python=$places/interop-4.4.0-1.6/bin/python # run.sh makes it
if "$python" -c 'import fhirclient' 2>/dev/null; then
	export PYTHONDONTWRITEBYTECODE=1
	for vendor in epic cerner; do
		open=$(cat $vendor-open.base)
		peer "fhirclient (Python) at $vendor" "$python" "$here/sandboxes.py" $vendor "$(cat $vendor.base)" "$open" "$app" "$(cat $vendor.patient)" "$(cat $vendor.family)"
		background record record --to "$(cat $vendor.base)" --out $vendor.har
		peer "fhirclient (Python) at $vendor by way of the recorder" "$python" "$here/sandboxes.py" $vendor "$(listening record)" "$open" "$app" "$(cat $vendor.patient)" "$(cat $vendor.family)" $vendor.secrets
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

# ---- bulk export: what was begun above
for vendor in $bulk; do
	wait "$(cat $vendor.bulk-pid)"
	peer "SMART Fetch (bulk) at $vendor" sh -c 'cat bulk-$0.log; exit $1' $vendor $?
done

[ $ran -gt 0 ] || { echo "skipped: none of the clients can be had"; exit 77; }
done_testing
