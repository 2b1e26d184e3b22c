#!/bin/sh
# The server at several sizes of the store: bundle import, reads, the searches that clients ask most, durable writes, reads
# while an import runs, memory, start. usage: server.sh BUILD DIRECTORY-OF-BUNDLES [RESOURCES...]
# The bundles are multiplied (bench/multiply) until a store holds about so many resources (default 50000 500000). With
# FIRTH_BENCH_DB=postgresql://... an empty database is filled instead of a directory. SECONDS_EACH (default 5) is the time of
# one measurement; BENCH_TSV names a file that gets a line per measurement: size, name, requests/s, p50 and p99 in ms.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$1
bundles=$2
shift 2
[ $# -gt 0 ] || set -- 50000 500000
seconds=${SECONDS_EACH:-5}
tsv=${BENCH_TSV:-/dev/null}
firth=$build/firth
work=$(mktemp -d "${TMPDIR:-/tmp}/firth-bench.XXXXXX")
server= other=
cleanup() {
	for pid in $server $other; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

say() { printf '%s\n' "$*"; }
number() { sed -n "s/.*\"$1\": *\([0-9.]*\).*/\1/p" "$2" | head -n 1; }
resident() { awk -v key="$1" '$1 == key":" {printf "%.0f", $2 / 1024}' "/proc/$server/status"; }

import() { # import COPIES NAME: that many copies of the archive into the store
	# shellcheck disable=SC2086
	find "$bundles" -name '*.json' -print0 | sort -z | xargs -0 "$build/bench/multiply" "$1" |
		"$firth" import $store --format json - >"$work/import.json" 2>"$work/import.err" || { tail -n 3 "$work/import.err"; exit 1; }
	say "$2: $(number resources "$work/import.json") resources, $(number rate "$work/import.json") resources/s"
	printf '%s\t%s\t%s\t\t\n' "$size" "$2" "$(number rate "$work/import.json")" >>"$tsv"
}

start() {
	# shellcheck disable=SC2086
	"$firth" serve $store --port 0 >"$work/serve.log" 2>&1 &
	server=$!
	for _ in $(seq 500); do
		port=$(sed -n 's/.*"event":"listening".*"port":\([0-9]*\).*/\1/p' "$work/serve.log" 2>/dev/null) || true
		[ -n "$port" ] && break
		sleep 0.01
	done
	[ -n "${port:-}" ] || { cat "$work/serve.log"; exit 1; }
	base=http://127.0.0.1:$port
	say "start: $(sed -n 's/.*"event":"listening".*"start_ms":\([0-9]*\).*/\1/p' "$work/serve.log") ms to listening, $(resident VmRSS) MB resident"
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

searches() {
	load 'read Observation by id' 32 read "$work/observations"
	load 'Observation?patient=&code=&_count=50' 16 read "$work/by-patient-code"
	load 'Patient?family=' 16 read "$work/family"
	load 'Observation?patient=&_sort=-date&_count=20' 16 read "$work/sorted"
	load 'MedicationRequest?patient=&_include=...:requester' 16 read "$work/include"
	load 'Encounter?patient=&_revinclude=Condition:encounter' 8 read "$work/revinclude"
	load 'Condition?patient.family=&_count=20' 8 read "$work/chain"
	load 'Patient?_has:Condition:patient:code=&_count=20' 4 read "$work/has"
	load 'Observation?code=&_count=50' 8 read "$work/code"
	load 'Observation?value-quantity=gt180&code=&_count=20' 4 read "$work/quantity"
	load 'Encounter?date=ge2010&_count=20' 4 read "$work/date"
	load 'Encounter?date=ge2010&_sort=-date&_count=20' 4 read "$work/date-sorted"
	load 'Patient?_sort=-birthdate&_count=20' 4 read "$work/patient-sorted"
	load 'Patient?name=sch&_count=20' 4 read "$work/name"
}

writes() {
	load 'create Observation, durable' 16 create /fhir/Observation "$work/observation.json"
	load 'create Observation, durable' 1 create /fhir/Observation "$work/observation.json"
	load 'transaction of 20 creates' 8 transaction 20 "$work/observation.json"
}

# Reads while another process loads by the server's own door.
reads_under_import() {
	find "$bundles" -name '*.json' -print0 | sort -z | head -z -n 20 | xargs -0 "$build/bench/multiply" 20 >"$work/more.ndjson"
	(while read -r bundle; do
		printf '%s' "$bundle" | curl -sf -o /dev/null -H 'Content-Type: application/fhir+json' --data-binary @- "$base/fhir" || break
	done <"$work/more.ndjson") &
	other=$!
	load 'read Observation by id while bundles are posted' 8 read "$work/observations"
	kill "$other" 2>/dev/null || true
	wait "$other" 2>/dev/null || true
	other=
	rm "$work/more.ndjson"
}

ninja -C "$build" bench/multiply >/dev/null
size=0
store="--data $work/store"
[ -z "${FIRTH_BENCH_DB:-}" ] || store="--db $FIRTH_BENCH_DB"
import 1 'import, once'
once=$(number resources "$work/import.json")
for size in "$@"; do
	copies=$(((size + once / 2) / once))
	rm -rf "$work/store"
	say "---- $size resources ----"
	import "$copies" 'bundle import'
	start
	prepare_queries
	searches
	say "memory after the searches: $(resident VmRSS) MB, at most $(resident VmHWM) MB"
	reads_under_import
	writes
	say "memory after all: $(resident VmRSS) MB, at most $(resident VmHWM) MB"
	kill "$server"
	wait "$server" || true
	server=
done
