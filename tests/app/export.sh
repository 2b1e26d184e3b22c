#!/bin/sh
# firth export: a whole export with its certificate; killed at many moments it goes on without a second export; what a
# vendor does not have is refused before anything is sent; configurations of the npm bulk-data-client.
. "$(dirname "$0")/lib.sh"

cd "$scratch"
sandbox() { # sandbox NAME VENDOR ARGUMENTS...: starts one; $base, $group
	name=$1
	vendor=$2
	shift 2
	background "$name" sandbox "$vendor" --port 0 --data "$name" --no-auth "$@"
	base=$(listening "$name")
	group=$(listening "$name" group)
}
jobs() { find "$1/jobs" -name '*.job' | wc -l; } # kick-offs that a sandbox took
same() { # same A B: the files of two exports have the same lines
	for file in "$1"/*.ndjson; do cmp -s "$file" "$2/$(basename "$file")" || return 1; done
	[ "$(find "$1" -name '*.ndjson' | wc -l)" -eq "$(find "$2" -name '*.ndjson' | wc -l)" ]
}

# ---- a whole one
sandbox epic epic --patients 8 --behaviour bulk-seconds=0 --behaviour bulk-window=0 --fault bulk-lines=10
run export "$base" --group "$group" --out whole --poll 100ms
expect "an export" 0
says "is certified" out '^COMPLETE'
says "counts by type" out '^Patient +1 +- +8 +8 +0$'
says "the error file is summed up" out 'warning/suppressed'
holds "the certificate is JSON" grep -q '"complete":true' whole/certificate.json
holds "hashes of files" sh -c "cd whole && sha256sum Patient.001.ndjson | cut -d' ' -f1 | xargs -I{} grep -q {} certificate.json"
holds "for their owner alone" test "$(stat -c %a whole/Patient.001.ndjson)" = 600
run export "$base" --group "$group" --out whole --format json
expect "the same again" 0
says "as JSON" out '^\{"complete":true'
holds "is no second export" test "$(jobs epic)" -eq 1
run export "$base" --group "$group" --type Patient --out whole
expect "another export in the same place" 1
says "is told" err 'holds another export'

# ---- killed
killed=0
round=0
while [ $round -lt 12 ]; do
	before=$(jobs epic)
	step=0
	code=137
	while [ $code -ne 0 ] && [ $step -lt 60 ]; do
		"$firth" export "$base" --group "$group" --out "round$round" --poll 50ms >out 2>err </dev/null &
		child=$!
		if [ $step -lt 40 ]; then
			sleep "$(echo "$round $step" | awk '{ printf "%.3f", 0.004 + ($1 * 7 + $2 * 5) % 90 / 1000 }')"
			kill -9 $child 2>/dev/null && killed=$((killed + 1))
		fi
		wait $child 2>/dev/null
		code=$?
		# Between sending the kick-off and its answer nobody can know: it says so, and another is asked for.
		if grep -q 'its answer is not known' err; then
			"$firth" export "$base" --group "$group" --out "round$round" --again --poll 50ms >out 2>err </dev/null
			code=$?
			before=$(($(jobs epic) - 1))
		fi
		step=$((step + 1))
	done
	[ $code -eq 0 ] || bad "round $round ends"
	[ "$(jobs epic)" -eq $((before + 1)) ] || bad "round $round: $(jobs epic) kick-offs after $before"
	same whole "round$round" || bad "round $round has the same files"
	grep -q '"complete":true' "round$round/certificate.json" || bad "round $round is certified"
	round=$((round + 1))
done
holds "killed at $killed moments" test $killed -gt 12
holds "nothing is left over" test -z "$(find . -name '*.part' -o -name '.ids.*' -o -name '.references.*')"

# ---- what comes out wrong is told
curl -s -X DELETE "${base%%/interconnect*}/sandbox/faults" >/dev/null
fault() { curl -s -H 'Content-Type: application/json' -d "{\"fault\":\"$1\"}" "${base%%/interconnect*}/sandbox/faults" >/dev/null; }
fault bulk-truncated=1
run export "$base" --group "$group" --type Patient --out truncated --poll 50ms
expect "a truncated file" 1
says "is not certified" out '^NOT COMPLETE'
says "its line is named" out 'Patient.001.ndjson:8: the line ends'
fault bulk-counts=1
run export "$base" --group "$group" --type Patient --out counted --poll 50ms
expect "a wrong count" 1
says "is told" out 'has 8 lines, the manifest promised 9'
run export "$base" --group "$group" --type Observation,Patient --out subset --poll 50ms
expect "references to what was not asked for" 0
says "miss nothing" out 'Practitioner .*not asked for'

# ---- what vendors do not have
run export "$base" --system --out none
expect "an open server by its address has no vendor" 1
run ehr add epic --url "$base"
for wrong in "--system" "--patient" "--group $group --since 2020-01-01T00:00:00Z" "--group $group --elements id"; do
	# shellcheck disable=SC2086
	run export epic $wrong --out none
	expect "export epic $wrong" 2
done
run export epic
expect "nothing said" 2
run export nowhere --system
expect "an EHR that is not known" 2
run export --help
says "help" out 'goes on where a run before ended'

# ---- one budget for all commands, and a recording of it
run ehr add counted --url "$base" --vendor epic
asked() { "$firth" ehr show counted --format json | sed -n 's/.*"requestsToday":\([0-9]*\).*/\1/p'; }
before=$(asked)
run export counted --group "$group" --type Patient,Observation --out counted-out --poll 50ms --record export.har
expect "an EHR of the registry" 0
files=$(find counted-out -name '*.ndjson' | wc -l)
holds "each file is a request" test $(($(asked) - ${before:-0})) -ge $((files + 2))
holds "the recording is its owner's" test "$(stat -c %a export.har)" = 600
holds "and has the files, too" test "$(grep -c 'fhir+ndjson","text"' export.har)" -ge "$files"
if grep -qE '"(family|birthDate)\\*":\\*"(masked|[a-z]+-[0-9]+|[0-9]{4}-01-01)' export.har; then ok "masked"; else bad "masked"; fi
background replay replay export.har
replayed=$(listening replay)
run export "$replayed" --group "$(sed -n 's#.*/Group/\(id-[0-9]*\)/.*#\1#p' export.har | head -n 1)" --type Patient,Observation \
	--out replayed --poll 50ms
expect "and can be played back" 0
run export counted --group "$group" --out few --poll 50ms --set ehrs.counted.requests_per_day=1
expect "without requests left" 1
says "nothing is sent" err 'requests of today are used up \(requests_per_day\)'

# ---- the other vendor: files on another host
sandbox cerner cerner --patients 5 --behaviour bulk-retry-after=1 --behaviour bulk-seconds=1
run export "$base" --group "$group" --type Patient,Observation --out cerner-out
expect "files that lead to another host" 0
says "while it runs" err 'the server says: in-progress'
run export "$base" --group "$group" --type Patient --associated LatestProvenanceResources --out beside
expect "where resources are from" 0
says "has a Provenance for each" out '^Provenance +1 +- +5 +5 +0$'
run export "$base" --group "$group" --type Patient --since 2999-01-01T00:00:00Z --out empty
expect "an export of nothing" 0
"$firth" export "$base" --group "$group" --type Patient --out cancelled >out 2>err </dev/null &
child=$!
for _ in $(seq 600); do
	grep -q accepted cancelled/export.journal 2>/dev/null && break
	sleep 0.02
done
kill -9 $child
wait $child 2>/dev/null # it holds the directory until it has gone
run export "$base" --cancel --out cancelled
expect "cancelling" 0
run export "$base" --cancel --out cancelled
expect "cancelling twice" 1

# ---- changes onto what is there
vendor=$base
serve --data served >/dev/null
base=http://127.0.0.1:$port/fhir
put() { curl -s -X PUT -H 'Content-Type: application/fhir+json' -d "{\"resourceType\":\"$1\",\"id\":\"$2\"$3}" "$base/$1/$2" >/dev/null; }
for i in 1 2 3 4 5; do put Patient p$i ',"active":true'; done
put Organization o1 ''
run export "$base" --system --out all
expect "everything" 0
since=$(sed -n 's/.*"transactionTime":"\([^"]*\)".*/\1/p' all/certificate.json)
sleep 0.05
put Patient p2 ',"active":false'
put Patient p6 ',"active":true'
curl -s -X DELETE "$base/Patient/p4" >/dev/null
run export "$base" --system --since "$since" --out changes --onto all
expect "what changed, onto it" 0
says "deletions are told" out 'Deleted since: 1'
run export "$base" --system --since "$since" --out changes --onto all
expect "again" 0
run export "$base" --system --out filtered --type Patient --type-filter 'Patient?_id=p1,p2' --type-filter 'Patient?_id=p3'
expect "filters with commas in them" 0
holds "three patients" test "$(cat filtered/Patient.*.ndjson | wc -l)" -eq 3
run export "$base" --system --out fresh
cat all/Patient.*.ndjson all/Organization.*.ndjson | sort >all.lines
cat fresh/Patient.*.ndjson fresh/Organization.*.ndjson | sort >fresh.lines
holds "is what there is now" cmp all.lines fresh.lines
stop_server
base=$vendor

# ---- configuration of the npm bulk-data-client
cat >config.js <<JS
// what others have already
module.exports = {
	fhirUrl: '$base/',
	tokenUrl: "none",
	clientId: "", /* open */
	privateKey: {},
	group: "$group",
	_type: "Patient,",
	parallelDownloads: 2,
	lenient: false,
	destination: "./by-config",
	downloadAttachments: true, reporter: "cli",
}
JS
sed -i 's/"Patient,"/"Patient"/' config.js
run export --config config.js
expect "its configuration" 0
says "what does not hold is named" err 'downloadAttachments, reporter of the configuration mean nothing here'
holds "goes where it says" test -s by-config/Patient.001.ndjson
echo 'module.exports = { fhirUrl: process.env.URL }' >run.js
run export --config run.js
expect "one that has to be run" 1
says "is named by its line" err 'run.js: line 1: a value that has to be run'
echo '{"fhirUrl":"http://127.0.0.1:1/","tokenUrl":"http://127.0.0.1:1/t","clientId":"a"}' >key.json
run export --config key.json
expect "a client without its key" 1
says "is told" err 'clientId needs privateKey'

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
