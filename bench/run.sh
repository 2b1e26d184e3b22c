#!/bin/sh
# Measures what users feel: import, start, memory, reads, searches, durable creates, each with the load generator on the
# same machine. usage: run.sh BUILD [DIRECTORY OF BUNDLES]; without bundles a synthetic population is loaded.
# SECONDS_EACH (default 10) is the time of one HTTP measurement.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$1
bundles=${2:-}
seconds=${SECONDS_EACH:-10}
firth=$build/firth
size=archive tsv=/dev/null
# shellcheck source=bench/load.sh
. "$here/load.sh"
work=$(mktemp -d "${TMPDIR:-/tmp}/firth-bench.XXXXXX")
server=
cleanup() {
	[ -z "$server" ] || kill "$server" 2>/dev/null || true
	[ -z "$server" ] || wait "$server" 2>/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

machine() {
	say "machine: $(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(awk '/MemTotal/ {printf "%.0f GB", $2 / 1048576}' /proc/meminfo)"
	say "kernel $(uname -r), $(gcc --version | head -n 1)"
}

import() {
	"$firth" import --data "$work/store" --format json "$@" >"$work/import.json" 2>/dev/null
	say "import: $(number resources "$work/import.json") resources, $(number rate "$work/import.json") resources/s"
}

start() {
	"$firth" serve --data "$work/store" --port 0 >"$work/serve.log" 2>&1 &
	server=$!
	wait_for_port "$work/serve.log"
	base=http://127.0.0.1:$port
	curl -sf -o /dev/null "$base/fhir/metadata"
	say "start: $(sed -n 's/.*"event":"listening".*"start_ms":\([0-9]*\).*/\1/p' "$work/serve.log") ms to listening, $(awk '/VmRSS/ {printf "%.1f MB", $2 / 1024}' "/proc/$server/status") resident when idle"
}

# The limit beside us: the same text from a bare epoll loop and through our HTTP server, without FHIR or store.
floor() {
	ninja -C "$build" bench/http_floor bench/prepare_bench bench/store_bench >/dev/null
	mkfifo "$work/stdin"
	for kind in bare firth; do
		sleep 1000 >"$work/stdin" &
		hold=$!
		"$build/bench/http_floor" $kind <"$work/stdin" >"$work/floor-$kind.log" &
		server=$!
		until [ -s "$work/floor-$kind.log" ] 2>/dev/null; do sleep 0.05; done
		base=http://127.0.0.1:$(grep -o '[0-9][0-9]*' "$work/floor-$kind.log" | tail -n 1)
		echo / >"$work/root"
		load "HTTP alone: $kind" 32 read "$work/root"
		kill "$hold"
		wait "$hold" 2>/dev/null || true
		wait "$server" 2>/dev/null || true
		server=
	done
}

# Without bundles a sandbox fills the store with synthetic patients; it ends as soon as it listens.
synthesize() {
	"$firth" sandbox epic --patients 400 --seed 1 --data "$work/store" --no-auth >"$work/sandbox.log" 2>&1 &
	server=$!
	until grep -q '"event":"listening"' "$work/sandbox.log" 2>/dev/null; do
		kill -0 "$server" || { cat "$work/sandbox.log"; exit 1; }
		sleep 0.1
	done
	kill "$server"
	wait "$server" || true
	server=
	say "import: not measured without bundles; 400 synthetic patients are loaded"
}

machine
floor
if [ -n "$bundles" ]; then
	# shellcheck disable=SC2046
	"$build/bench/prepare_bench" 5 $(find "$bundles" -name "*.json" | sort | head -n 5)
	import "$bundles"
else
	synthesize
fi
start
paths 'Observation?_count=1000' >"$work/observations"
paths 'Patient?_count=1000' >"$work/patients"
sed 's|.*/fhir/\(Patient/.*\)|/fhir/Observation?patient=\1\&_count=20|' "$work/patients" >"$work/by-patient"
sed 's|.*/fhir/\(Patient/.*\)|/fhir/Condition?patient=\1\&clinical-status=active|' "$work/patients" >"$work/conditions"
curl -sf "$base$(head -n 1 "$work/observations")" >"$work/observation.json"
load "read Observation" 32 read "$work/observations"
load "read Observation" 4 read "$work/observations"
load "search Observation by patient, 20" 16 read "$work/by-patient"
load "search Condition, 2 parameters" 16 read "$work/conditions"
load "create Observation, durable" 16 create /fhir/Observation "$work/observation.json"
load "create Observation, durable" 1 create /fhir/Observation "$work/observation.json"
say "memory after the load: $(awk '/VmRSS/ {printf "%.1f MB", $2 / 1024}' "/proc/$server/status")"
