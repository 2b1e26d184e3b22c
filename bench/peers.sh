#!/bin/sh
# Firth on SQLite, Firth on PostgreSQL and the HAPI FHIR JPA server on the same PostgreSQL, one after the other on this machine:
# the same bundles posted one by one, then the same requests. usage: peers.sh BUILD DIRECTORY-OF-BUNDLES POSTGRESQL-URL
# The URL is that of an empty cluster whose role may create databases (postgresql://user@host:port/postgres, no password, so that
# none is on a command line). Needs java and mvn. PEER_BUNDLES (default 40) bundles are taken.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$1
bundles=$2
cluster=$3
seconds=${SECONDS_EACH:-5}
tsv=${BENCH_TSV:-/dev/null}
# shellcheck source=bench/load.sh
. "$here/load.sh"
work=$(mktemp -d "${TMPDIR:-/tmp}/firth-peers.XXXXXX")
server=
stop() {
	[ -z "$server" ] || kill "$server" 2>/dev/null || true
	[ -z "$server" ] || wait "$server" 2>/dev/null || true
	server=
}
cleanup() {
	stop
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

database() { # database NAME: a new one, its URL
	psql -q -X -d "$cluster" -c "CREATE DATABASE $1"
	printf '%s' "$cluster" | sed "s|/[^/]*$|/$1|"
}

post_all() {
	failed=0
	from=$(date +%s%N)
	while read -r file; do
		curl -sf -o /dev/null --max-time 600 -H 'Content-Type: application/fhir+json' --data-binary @"$file" "$base/fhir" || failed=$((failed + 1))
	done <"$work/files"
	awk -v n="$entries" -v ns=$(($(date +%s%N) - from)) -v f="$failed" \
		'BEGIN {printf "%d resources in bundles posted one by one: %.0f resources/s, %d bundles failed\n", n, n / (ns / 1e9), f}'
}

measure() { # measure NAME
	size=$1
	say "---- $1 ----"
	post_all
	prepare_queries
	load 'read Observation by id' 16 read "$work/observations"
	load 'Observation?patient=&code=&_count=50' 16 read "$work/by-patient-code"
	load 'Patient?family=' 16 read "$work/family"
	load 'MedicationRequest?patient=&_include=...:requester' 8 read "$work/include"
	load 'Condition?patient.family=&_count=20' 8 read "$work/chain"
	writes
	say "resident: $(awk '/VmRSS/ {printf "%.0f MB", $2 / 1024}' "/proc/$server/status")"
	stop
}

firth() { # firth NAME OPTIONS...
	name=$1
	shift
	"$build/firth" serve "$@" --port 0 >"$work/serve.log" 2>&1 &
	server=$!
	wait_for_port "$work/serve.log"
	base=http://127.0.0.1:$port
	measure "$name"
}

hapi() {
	mvn -q -B -f "$here/peers/hapi-server/pom.xml" -DbuildDirectory="$work/hapi" compile dependency:build-classpath \
		-Dmdep.outputFile="$work/classpath" >"$work/maven.log" 2>&1 || { cat "$work/maven.log" >&2; exit 1; }
	jdbc=$(database peer_hapi | sed 's|^postgresql://\([^@]*\)@\(.*\)|jdbc:postgresql://\2?user=\1|')
	java -Xmx4g -cp "$work/hapi/classes:$(cat "$work/classpath")" peer.Main "$jdbc" "${HAPI_PORT:-18080}" >"$work/hapi.log" 2>&1 &
	server=$!
	for _ in $(seq 300); do
		grep -q '^listening' "$work/hapi.log" && break
		kill -0 "$server" 2>/dev/null || { tail -n 5 "$work/hapi.log"; exit 1; }
		sleep 1
	done
	base=http://127.0.0.1:${HAPI_PORT:-18080}
	measure 'HAPI FHIR 8.4.0 on PostgreSQL'
}

find "$bundles" -name '*.json' | sort | head -n "${PEER_BUNDLES:-40}" >"$work/files"
entries=$(tr '\n' '\0' <"$work/files" | xargs -0 grep -ho '"fullUrl"' | wc -l)
firth 'Firth on SQLite' --data "$work/sqlite"
firth 'Firth on PostgreSQL' --db "$(database peer_firth)"
hapi
