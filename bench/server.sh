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
# shellcheck source=bench/load.sh
. "$here/load.sh"
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
	wait_for_port "$work/serve.log"
	base=http://127.0.0.1:$port
	say "start: $(sed -n 's/.*"event":"listening".*"start_ms":\([0-9]*\).*/\1/p' "$work/serve.log") ms to listening, $(resident VmRSS) MB resident"
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
