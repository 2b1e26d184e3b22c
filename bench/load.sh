# What the measuring scripts of servers share. They set here (this directory), work (a temporary one), base (the server's URL
# without /fhir), seconds, size and tsv before they call.
# shellcheck shell=sh disable=SC2154

say() { printf '%s\n' "$*"; }
number() { sed -n "s/.*\"$1\": *\([0-9.]*\).*/\1/p" "$2" | head -n 1; }

wait_for_port() { # wait_for_port LOG: sets port to where firth serve says that it listens; shows the log when it does not
	port=
	for _ in $(seq 1000); do
		port=$(sed -n 's/.*"event":"listening".*"port":\([0-9]*\).*/\1/p' "$1" 2>/dev/null) || true
		[ -n "$port" ] && break
		sleep 0.01
	done
	[ -n "$port" ] || { cat "$1"; exit 1; }
}

load() { # load NAME CONNECTIONS SCRIPT ARGUMENTS...
	name=$1
	connections=$2
	script=$3
	shift 3
	cat "$here/wrk/$script.lua" "$here/wrk/report.lua" >"$work/load.lua"
	wrk -t1 -c"$connections" -d"$seconds"s --timeout 60s -s "$work/load.lua" "$base" -- "$@" >"$work/wrk.out" 2>&1 || cat "$work/wrk.out"
	awk -v size="$size" -v name="$name" -v c="$connections" -v tsv="$tsv" '/^RESULT/ {
		printf "%-58s %3d connections %8d req/s  p50 %8.2f ms  p99 %8.2f ms  %d failed\n", name, c, $2, $3 / 1000, $4 / 1000, $5
		printf "%s\t%s\t%d\t%.2f\t%.2f\n", size, name, $2, $3 / 1000, $4 / 1000 >>tsv }' "$work/wrk.out"
}

paths() { curl -sf "$base/fhir/$1" | grep -o '"fullUrl":"[^"]*"' | sed 's|"fullUrl":"http://[^/]*\(/[^"]*\)"|\1|'; }
each_patient() { # each_patient FILE QUERY: the query for each patient, % standing for Patient/id
	sed "s|.*/fhir/\(Patient/.*\)|\1|" "$work/patients" | while read -r p; do printf '/fhir/%s\n' "$2" | sed "s|%|$p|"; done >"$work/$1"
}

prepare_queries() {
	paths 'Observation?_count=1000' >"$work/observations"
	paths 'Patient?_count=1000' >"$work/patients"
	curl -sf "$base/fhir/Patient?_count=1000" | grep -o '"family":"[^"]*"' | sed 's|"family":"\(.*\)"|\1|' | sort -u >"$work/families"
	curl -sf "$base$(head -n 1 "$work/observations")" >"$work/observation.json"
	each_patient by-patient-code 'Observation?patient=%&code=http://loinc.org%7C8302-2&_count=50'
	each_patient sorted 'Observation?patient=%&_sort=-date&_count=20'
	each_patient include 'MedicationRequest?patient=%&_include=MedicationRequest:requester&_count=20'
	each_patient revinclude 'Encounter?patient=%&_revinclude=Condition:encounter&_count=20'
	sed 's|.*|/fhir/Patient?family=&|' "$work/families" >"$work/family"
	sed 's|.*|/fhir/Condition?patient.family=&\&_count=20|' "$work/families" >"$work/chain"
	for code in 44054006 38341003 162864005; do say "/fhir/Patient?_has:Condition:patient:code=$code&_count=20"; done >"$work/has"
	say '/fhir/Observation?code=http://loinc.org%7C8302-2&_count=50' >"$work/code"
	say '/fhir/Encounter?date=ge2010-01-01&_count=20' >"$work/date"
	say '/fhir/Encounter?date=ge2010-01-01&_sort=-date&_count=20' >"$work/date-sorted"
	say '/fhir/Patient?_sort=-birthdate&_count=20' >"$work/patient-sorted"
	say '/fhir/Observation?value-quantity=gt180&code=http://loinc.org%7C8302-2&_count=20' >"$work/quantity"
	say '/fhir/Patient?name=sch&_count=20' >"$work/name"
}


writes() {
	load 'create Observation, durable' 16 create /fhir/Observation "$work/observation.json"
	load 'create Observation, durable' 1 create /fhir/Observation "$work/observation.json"
	load 'transaction of 20 creates' 8 transaction 20 "$work/observation.json"
}
