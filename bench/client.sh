#!/bin/sh
# Measures the client: a patient's Observations from a plain server on loopback through firth search, page by page, as
# lines of JSON. Wall clock and the client's own processor time, its largest memory, and curl reading the same pages beside
# it. usage: client.sh FIRTH [HOW MANY (default 100000)]
set -eu
firth=$(realpath "$1")
count=${2:-100000}
work=$(mktemp -d "${TMPDIR:-/tmp}/firth-client.XXXXXX")
server=
cleanup() {
	[ -z "$server" ] || kill "$server" 2>/dev/null || true
	[ -z "$server" ] || wait "$server" 2>/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

awk -v n="$count" 'BEGIN {
	print "{\"resourceType\":\"Patient\",\"id\":\"p1\",\"name\":[{\"family\":\"Berg\"}]}"
	for (i = 0; i < n; i++)
		printf "{\"resourceType\":\"Observation\",\"id\":\"o%d\",\"status\":\"final\",\"category\":[{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/observation-category\",\"code\":\"vital-signs\",\"display\":\"Vital Signs\"}]}],\"code\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"8867-4\",\"display\":\"Heart rate\"}],\"text\":\"Heart rate\"},\"subject\":{\"reference\":\"Patient/p1\"},\"encounter\":{\"reference\":\"Encounter/e%d\"},\"effectiveDateTime\":\"2024-%02d-%02dT%02d:%02d:00Z\",\"issued\":\"2024-01-01T00:00:00.000Z\",\"valueQuantity\":{\"value\":%d,\"unit\":\"beats/minute\",\"system\":\"http://unitsofmeasure.org\",\"code\":\"/min\"}}\n", i, i % 997, i % 12 + 1, i % 28 + 1, i % 24, i % 60, 50 + i % 60
}' >"$work/people.ndjson"
sed -n '2,$p' "$work/people.ndjson" >"$work/observations.ndjson"
"$firth" import --data "$work/store" "$work/people.ndjson" >/dev/null 2>&1
"$firth" serve --data "$work/store" --port 0 >"$work/serve.log" 2>&1 &
server=$!
for _ in $(seq 1000); do
	port=$(sed -n 's/.*"event":"listening".*"port":\([0-9]*\).*/\1/p' "$work/serve.log")
	[ -z "$port" ] || break
	sleep 0.01
done
base=http://127.0.0.1:$port/fhir
mkdir "$work/home"

now() { date +%s.%N; }
measure() { # measure NAME COMMAND...: its output in $work/out
	name=$1
	shift
	begin=$(now)
	before=$(awk '{print $14 + $15}' "/proc/$server/stat")
	"$@" >"$work/out" 2>"$work/err" &
	child=$!
	peak=0
	ticks=0
	while [ -r "/proc/$child/status" ]; do
		seen=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$child/status" 2>/dev/null) || true
		[ "${seen:-0}" -le "$peak" ] || peak=$seen
		used=$(awk '{print $14 + $15}' "/proc/$child/stat" 2>/dev/null) || true
		[ -z "$used" ] || ticks=$used
		sleep 0.02
	done
	wait "$child" || { cat "$work/err"; exit 1; }
	end=$(now)
	served=$(($(awk '{print $14 + $15}' "/proc/$server/stat") - before))
	awk -v name="$name" -v n="$count" -v b="$begin" -v e="$end" -v t="$ticks" -v hz="$(getconf CLK_TCK)" -v peak="$peak" -v s="$served" 'BEGIN {
		printf "%-40s %8.0f resources/s  %5.2f s; processor: %5.2f s, the server %5.2f s; at most %.1f MB\n", name, n / (e - b), e - b, t / hz, s / hz, peak / 1024 }'
}
pages() { # the same pages by curl, one process, following next
	url="$base/Observation?patient=p1&_count=1000"
	while [ -n "$url" ]; do
		curl -s "$url" >"$work/page"
		url=$(grep -o '"relation":"next","url":"[^"]*"' "$work/page" | sed 's/.*"url":"\([^"]*\)"/\1/')
	done
}

echo "machine: $(nproc) cores, load $(cut -d' ' -f1 /proc/loadavg)"
cd "$work/home"
measure "firth search, $count Observations" "$firth" search "$base" "Observation?patient=p1"
[ "$(wc -l <"$work/out")" = "$count" ] || { echo "it gave $(wc -l <"$work/out") resources instead of $count"; exit 1; }
measure "firth search --normalise" "$firth" search "$base" "Observation?patient=p1" --normalise
measure "the pages alone, by curl" pages
