#!/bin/sh
# Bulk export: how fast the server makes the files, and how fast `firth export` fetches, checks and certifies them, beside
# one curl that fetches the same bytes from the same server. usage: bulk.sh BUILD DIRECTORY-OF-BUNDLES [COPIES]
# The bundles are multiplied (bench/multiply, default 20). Each is measured in turn, ROUNDS times (default 3), so that both
# meet the same machine; the best of each counts. Prints MB/s, the ratio, and the client's memory.
set -eu
build=$1
bundles=$2
copies=${3:-20}
rounds=${ROUNDS:-3}
firth=$build/firth
work=$(mktemp -d "${TMPDIR:-/tmp}/firth-bulk.XXXXXX")
server=
cleanup() {
	[ -z "$server" ] || { kill "$server" 2>/dev/null && wait "$server" 2>/dev/null || true; }
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM
now() { date +%s.%N; }
find "$bundles" -name '*.json' -print0 | sort -z | xargs -0 "$build/bench/multiply" "$copies" |
	"$firth" import --data "$work/data" --format json - >"$work/import.json" 2>"$work/import.err" || true
sed -n 's/.*"resources":\([0-9]*\).*/\1 resources/p' "$work/import.json"
"$firth" serve --data "$work/data" --port 0 >"$work/log" 2>&1 &
server=$!
for _ in $(seq 200); do
	grep -q '"event":"listening"' "$work/log" && break
	sleep 0.1
done
base=http://127.0.0.1:$(sed -n 's/.*"event":"listening".*"port":\([0-9]*\).*/\1/p' "$work/log")/fhir

# Kick-off, waiting, fetching: everything.
start=$(now)
/usr/bin/time -v "$firth" export "$base" --system --out "$work/export" --data "$work/client" --poll 100ms >"$work/certificate" \
	2>"$work/time" || true
end=$(now)
head -n 1 "$work/certificate"
bytes=$(cat "$work"/export/*.ndjson | wc -c)
awk -v b="$bytes" -v s="$start" -v e="$end" 'BEGIN { printf "%.0f MB; the whole export %.1f s, %.0f MB/s\n", b / 1e6, e - s, b / 1e6 / (e - s) }'
sed -n 's/.*Maximum resident set size (kbytes): /client memory, KB: /p' "$work/time"

grep -o 'http[^"\\]*/files/[0-9]*' "$work/export/export.journal" | sort -u >"$work/urls"
awk -v d="$work/curl" '{ printf "url = \"%s\"\noutput = \"%s/%d\"\n", $0, d, NR }' "$work/urls" >"$work/curl.config"
grep -v '"event":"file"' "$work/export/export.journal" >"$work/journal"
mkdir "$work/curl"
best_curl=999999 best_firth=999999
for _ in $(seq "$rounds"); do
	rm -f "$work"/curl/*
	start=$(now)
	curl -s -K "$work/curl.config"
	end=$(now)
	best_curl=$(awk -v a="$best_curl" -v s="$start" -v e="$end" 'BEGIN { t = e - s; print t < a ? t : a }')
	rm -rf "$work/export"
	mkdir "$work/export"
	cp "$work/journal" "$work/export/export.journal"
	start=$(now)
	"$firth" export "$base" --system --out "$work/export" --data "$work/client" ${FIRTH_EXPORT_OPTIONS:-} >/dev/null 2>&1 || true
	end=$(now)
	best_firth=$(awk -v a="$best_firth" -v s="$start" -v e="$end" 'BEGIN { t = e - s; print t < a ? t : a }')
done
awk -v b="$bytes" -v c="$best_curl" -v f="$best_firth" \
	'BEGIN { printf "curl %.0f MB/s, firth export %.0f MB/s: %.0f %%\n", b / 1e6 / c, b / 1e6 / f, 100 * c / f }'
