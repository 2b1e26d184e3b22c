#!/bin/sh
# Search parameters that are added to a store with data: killed while indexing, the server goes on where it was; an
# import gives its resources the rows; reindexing leaves nothing open. usage: parameters.sh FIRTH [URL of a database]
. "$(dirname "$0")/lib.sh"
data=${2:-$scratch/data}
[ -z "${2:-}" ] || cd "$scratch" # files beside the database

people() { # people FROM TO
	awk -v from="$1" -v to="$2" 'BEGIN {
	for (i = from; i < to; i++)
		printf "{\"resourceType\":\"Patient\",\"id\":\"p%d\",\"name\":[{\"use\":\"nickname\",\"given\":[\"N%02d\"]}]}\n", i, i % 100
}'
}

ask() { # ask PATH [CURL ARGUMENTS...]: answer in out
	path=$1
	shift
	code=$(curl -s -o "$scratch/out" -w '%{http_code}' "$@" "http://127.0.0.1:$port/fhir$path")
}

status_of() { # status_of ID: status in $state, how far in $reached
	ask "/SearchParameter/$1/\$reindex-status"
	state=$(sed -n 's/.*"valueCode":"\([a-z]*\)".*/\1/p' "$scratch/out")
	reached=$(sed -n 's/.*"name":"done","valueDecimal":\([0-9]*\).*/\1/p' "$scratch/out")
}

wait_served() { # wait_served ID
	tries=0
	status_of "$1"
	while [ "$state" != served ] && [ $tries -lt 600 ]; do
		sleep 0.05
		status_of "$1"
		tries=$((tries + 1))
	done
	[ "$state" = served ]
}

parameter() { # parameter ID EXPRESSION
	printf '{"resourceType":"SearchParameter","id":"%s","url":"http://example.org/%s","name":"X","description":"Test.","status":"active","code":"%s","base":["Patient"],"type":"string","expression":"%s"}' "$1" "$1" "$1" "$2" >"$scratch/parameter.json"
	ask "/SearchParameter/$1" -X PUT -H 'Content-Type: application/fhir+json' --data-binary "@$scratch/parameter.json"
}

people 0 6000 >"$scratch/people.ndjson"
run import --data "$data" "$scratch/people.ndjson"
expect "people are there" 0
serve --data "$data" || bad "serve starts"
parameter nickname "Patient.name.where(use='nickname').given"
expect "the parameter is taken" 201
reached=
tries=0
while [ -z "$reached" ] || [ "$reached" -eq 0 ]; do
	status_of nickname
	tries=$((tries + 1))
	[ $tries -lt 200 ] || break
done
kill -9 "$server"
wait "$server" 2>/dev/null
holds "it was killed in the middle, at ${reached:-?}" test "${reached:-0}" -gt 0 -a "${reached:-0}" -lt 6000
serve --data "$data" || bad "serve starts again"
ask "/Patient?nickname=N07&_summary=count"
if [ "$code" -eq 400 ]; then says "it is not asked before it is ready" out 'being indexed: [0-9]+ of 6000'; else ok "it was quick"; fi
status_of nickname
holds "it goes on where it was, at ${reached:-the end}" test "$state" = served -o "${reached:-0}" -gt 0
holds "it is served in the end" wait_served nickname
ask "/Patient?nickname=N07&_summary=count"
says "everything is found" out '"total":60[,}]'
ask "/Patient?nickname:missing=true&_summary=count"
says "nothing is missing" out '"total":0[,}]'
ask "/metadata"
says "the CapabilityStatement has it" out '"name":"nickname"'
stop_server
people 6000 6100 >"$scratch/more.ndjson"
run import --data "$data" "$scratch/more.ndjson"
expect "more people" 0
run db check --data "$data"
expect "the store is whole" 0

# What is open is finished by reindexing as well.
serve --data "$data" || bad "serve starts a third time"
ask "/Patient?nickname=N07&_summary=count"
says "imported ones are found" out '"total":61[,}]'
parameter other "Patient.name.given"
expect "another parameter" 201
kill -9 "$server"
wait "$server" 2>/dev/null
run db reindex --data "$data"
expect "reindex" 0
serve --data "$data" || bad "serve starts a fourth time"
status_of other
holds "nothing is left to do" test "$state" = served
ask "/Patient?other=N07&nickname=N07&_summary=count"
says "both are found" out '"total":61[,}]'
stop_server
run db check --data "$data"
expect "the store is whole in the end" 0

# What a pipeline pulls is found by it.
cat >"$scratch/added.ndjson" <<'END'
{"resourceType":"SearchParameter","id":"initial","url":"http://example.org/initial","name":"X","description":"Test.","status":"active","code":"initial","base":["Patient"],"type":"string","expression":"Patient.name.family"}
END
cd "$scratch" || exit 1
background epic sandbox epic --port 0 --data there --patients 3 --no-auth
base=$(listening epic)
printf 'ehrs:\n  - {name: main, vendor: epic, base_url: "%s", roster: there/roster.txt}\n' "$base" >pipeline.yaml
run import --data pulled "$scratch/added.ndjson"
expect "a parameter comes before what is pulled" 0
serve --data pulled || bad "serve starts over it"
holds "it is served" wait_served initial
stop_server
run pipeline run --config pipeline.yaml --data pulled --no-write
expect "the pipeline runs" 0
kill "$started" && wait "$started" 2>/dev/null
serve --data pulled || bad "serve starts over what was pulled"
ask "/Patient?initial:missing=false&_summary=count"
says "all are found by it" out '"total":3[,}]'
stop_server
done_testing
