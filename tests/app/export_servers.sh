#!/bin/sh
# $export with two servers on one PostgreSQL: each gives out the files that the other one made, the same bytes, also when that
# one is gone; what is beyond limits.share it names. usage: export_servers.sh FIRTH URL
. "$(dirname "$0")/lib.sh"
database=$2
cd "$scratch"

start() { # start NAME ARGUMENTS...: a server; its address in $address
	name=$1
	shift
	background "$name" serve --port 0 --db "$database" --data "$name" "$@"
	address=
	for _ in $(seq 300); do
		address=$(sed -n 's/.*"event":"listening".*"port":\([0-9]*\).*/\1/p' "$name.out")
		[ -n "$address" ] && break
		sleep 0.05
	done
	address=http://127.0.0.1:$address/fhir
}
start one
one=$address
process=$started
start two
two=$address

awk 'BEGIN { for (i = 0; i < 3000; i++)
	printf "{\"resourceType\":\"Observation\",\"id\":\"o%d\",\"status\":\"final\",\"code\":{\"text\":\"%01500d\"}}\n", i, i }' >observations.ndjson
status=$(curl -s -o out -D err -w '%{http_code}' -H 'Content-Type: application/fhir+ndjson' --data-binary @observations.ndjson "$one/\$import")
code=$status
job() { tr -d '\r' <err | sed -n 's#.*[Cc]ontent-[Ll]ocation: .*/_async/##p'; }
ended() { # ended BASE JOB: answer in out
	for _ in $(seq 600); do
		status=$(curl -s -o out -D err -w '%{http_code}' "$1/_async/$2")
		[ "$status" = 202 ] || break
		sleep 0.05
	done
	[ "$status" = 200 ]
}
holds "an import at one" ended "$two" "$(job)"

kick_off() { # kick_off BASE: $id
	status=$(curl -s -o out -D err -w '%{http_code}' -H 'Prefer: respond-async' "$1/\$export?_type=Observation")
	id=$(job)
	[ "$status" = 202 ] && [ -n "$id" ]
}
holds "an export at one" kick_off "$one"
holds "is seen from two" ended "$two" "$id"
says "its files are named" out '"type":"Observation","url":"[^"]*/files/1","count":3000'
curl -s "$one/_async/$id/files/1" >made.ndjson
curl -s "$two/_async/$id/files/1" >had.ndjson
holds "the whole file" test "$(wc -l <had.ndjson)" -eq 3000
holds "the same bytes" cmp made.ndjson had.ndjson
curl -s --compressed "$two/_async/$id/files/1" >had.ndjson
holds "packed on the way, too" cmp made.ndjson had.ndjson
holds "no other file" test "$(curl -s -o out -w '%{http_code}' "$two/_async/$id/files/2")" = 404
kill -9 "$process"
wait "$process" 2>/dev/null
curl -s "$two/_async/$id/files/1" >had.ndjson
holds "from one that is gone" cmp made.ndjson had.ndjson
holds "ended at two" test "$(curl -s -o out -w '%{http_code}' -X DELETE "$two/_async/$id")" = 202
holds "is gone" test "$(curl -s -o out -w '%{http_code}' "$two/_async/$id/files/1")" = 404

start small --limit-share 1MB
small=$address
holds "an export that is larger than the share" kick_off "$small"
holds "is done" ended "$two" "$id"
holds "its file is its process's alone" test "$(curl -s -o out -w '%{http_code}' "$two/_async/$id/files/1")" = 503
says "and says so" out 'limits.share'
curl -s "$small/_async/$id/files/1" >had.ndjson
holds "that gives it out" cmp made.ndjson had.ndjson
done_testing
