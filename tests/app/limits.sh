#!/bin/sh
# The limits of the server from outside: each refusal names limit, key and value, and the server goes on.
# usage: limits.sh FIRTH [URL of a database, otherwise in a directory]
. "$(dirname "$0")/lib.sh"
data=${2:-$scratch/data}
database=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
[ -z "${2:-}" ] || cd "$scratch" # files beside the database

printf 'limits:\n  entries: 2\n' >"$scratch/limits.yaml"
FIRTH_LIMIT_DEPTH=8 serve --data "$data" --config "$scratch/limits.yaml" --limit-body 4KB --limit-page 3 --limit-memory 1MB --limit-includes 1 --limit-chain 1 --limit-header 8KB || bad "serve starts"
base=http://127.0.0.1:$port/fhir

post() { # post PATH FILE [CURL ARGUMENTS...]
	path=$1
	file=$2
	shift 2
	status=$(curl -s -o "$scratch/out" -D "$scratch/err" -w '%{http_code}' -H 'Content-Type: application/fhir+json' \
		--data-binary "@$file" "$@" "$base$path")
	code=$status
}
status_is() { if [ "$status" = "$2" ]; then ok "$1"; else bad "$1: expected HTTP $2"; fi; }
ask() {
	status=$(curl -s -o "$scratch/out" -D "$scratch/err" -w '%{http_code}' "$@")
	code=$status
}

awk 'BEGIN { printf "{\"resourceType\":\"Patient\",\"name\":[{\"family\":\""; for (i = 0; i < 5000; i++) printf "x"; print "\"}]}" }' >"$scratch/large.json"
post /Patient "$scratch/large.json"
status_is "a large body" 413
says "limit, key and value" out '5[0-9]* bytes, the limit is 4096 \(limits.body\)'
gzip -k "$scratch/large.json"
post /Patient "$scratch/large.json.gz" -H 'Content-Encoding: gzip'
status_is "a small body that unpacks to a large one" 413
says "the same limit" out 'more than the limit of 4096 bytes \(limits.body\)'

echo '{"resourceType":"Patient","contact":[{"extension":[{"url":"u:a","extension":[{"url":"u:b","extension":[{"url":"u:c","valueString":"x"}]}]}]}]}' >"$scratch/deep.json"
post /Patient "$scratch/deep.json"
status_is "a deep body" 422
says "which limit" out 'limits.depth.*8 levels'

entry='{"resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}}'
echo "{\"resourceType\":\"Bundle\",\"type\":\"batch\",\"entry\":[$entry,$entry,$entry]}" >"$scratch/three.json"
post "" "$scratch/three.json"
status_is "a bundle of three" 413
says "which limit, again" out '3 entries, the limit is 2 \(limits.entries\)'
echo "{\"resourceType\":\"Bundle\",\"type\":\"batch\",\"entry\":[$entry,$entry]}" >"$scratch/two.json"
post "" "$scratch/two.json"
status_is "a bundle of two" 200
post "" "$scratch/two.json"
ask "$base/Patient?_count=500&_total=accurate"
status_is "a page larger than the limit" 200
holds "is cut to it" test "$(grep -o '"mode":"match"' "$scratch/out" | wc -l)" -eq 3
says "with the rest behind a link" out '"relation":"next"'

for i in 1 2; do
	echo "{\"resourceType\":\"Patient\",\"id\":\"i$i\"}" >"$scratch/p.json"
	post "/Patient/i$i" "$scratch/p.json" -X PUT
	echo "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{\"reference\":\"Patient/i$i\"}}" >"$scratch/o.json"
	post /Observation "$scratch/o.json"
done
ask "$base/Observation?_include=Observation:subject"
status_is "more includes than the limit" 422
says "which limit, of includes" out 'more than 1 resources \(limits.includes\)'
ask "$base/Observation?subject:Patient.organization:Organization.name=x"
status_is "a chain longer than the limit" 422
says "which limit, of chains" out 'chained more than 1 times \(limits.chain\)'

ask "$base/Patient" -H "X-Long: $(awk 'BEGIN { for (i = 0; i < 40000; i++) printf "x" }')"
holds "a header larger than the limit is refused" test "$status" -ge 400
ask "$base/metadata" -H 'Accept-Encoding: gzip'
status_is "the server goes on, and packs large answers" 200
says "in the coding asked for" err '[Cc]ontent-[Ee]ncoding: gzip'
holds "which is what it says" sh -c "gzip -dc <'$scratch/out' | grep -q CapabilityStatement"
stop_server

# The other limits, on a store with enough in it for a search to take its time.
awk 'BEGIN { for (i = 0; i < 20000; i++) printf "{\"resourceType\":\"Basic\",\"id\":\"b%d\",\"code\":{\"text\":\"number %d\"}}\n", i, i }' >"$scratch/many.ndjson"
run import --data "$data" "$scratch/many.ndjson"
serve --data "$data" --limit-transfer 1s --limit-idle 1s --limit-connections 8 --limit-upload 1KB --limit-memory 1MB --limit-query 10ms --text-index=off ||
	bad "serve starts"
base=http://127.0.0.1:$port/fhir
head -c 2000 "$scratch/many.ndjson" >"$scratch/some.ndjson"
ask "$base/\$import" -H 'Content-Type: application/fhir+ndjson' --data-binary "@$scratch/some.ndjson"
status_is "an upload larger than the limit" 413
says "which limit, of uploads" out '2000 bytes, the limit is 1024 \(limits.upload\)'
gzip -k "$scratch/some.ndjson"
ask "$base/\$import" -H 'Content-Type: application/fhir+ndjson' -H 'Content-Encoding: gzip' --data-binary "@$scratch/some.ndjson.gz"
status_is "one that unpacks to more" 413
says "the same limit, unpacked" out 'more than the limit of 1024 bytes \(limits.upload\)'
awk 'BEGIN { printf "{\"resourceType\":\"Patient\",\"name\":[{\"given\":[\"x\""; for (i = 0; i < 40000; i++) printf ",\"name%d\"", i; print "]}]}" }' >"$scratch/wide.json"
post /Patient "$scratch/wide.json"
status_is "more memory than one request may take" 503
says "which limit, of memory" out 'limit of 1048576 bytes \(limits.memory\)'
says "of the kind" out '"code":"too-costly"'
ask "$base/Basic?code:text=number&_content=number&_total=accurate"
status_is "a search that takes longer than the limit" 503
says "with the kind" out '"code":"too-costly"'
says "which limit, of time" out 'longer than the limit of 10 ms \(limits.query\)'
ask "$base/Basic/b1"
status_is "the server goes on after all that" 200
if command -v python3 >/dev/null; then
	python3 - "$port" <<'END' && ok "slow, silent and too many clients are cut off" || bad "slow, silent and too many clients are cut off"
import socket, sys, time
address = ("127.0.0.1", int(sys.argv[1]))

def seconds(start, lines):
    """How long a connection lives that sends so."""
    s = socket.create_connection(address)
    s.settimeout(0.1 if lines else 5)
    began = time.time()
    try:
        s.sendall(start)
        while time.time() - began < 5:
            if lines:
                s.sendall(b"X: y\r\n")
            try:
                if s.recv(1000) == b"":
                    break
            except TimeoutError:
                pass
    except OSError:
        pass
    return time.time() - began

slow = seconds(b"GET /healthz HTTP/1.1\r\n", True)
silent = seconds(b"", False)
kept = seconds(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", False)
print("slow %.1f s, silent %.1f s, kept %.1f s" % (slow, silent, kept), file=sys.stderr)
good = slow < 4 and 0.5 < silent < 4 and 0.5 < kept < 4
# Eight are served at once; those beyond wait until there is room, or are closed.
request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
crowd = [socket.create_connection(address) for _ in range(16)]
for s in crowd:
    s.setblocking(False)
    s.sendall(request)
time.sleep(0.6)
answered = 0
for s in crowd:
    try:
        answered += s.recv(12) == b"HTTP/1.1 200"
    except OSError:
        pass
for s in crowd:
    s.close()
time.sleep(0.3)
after = socket.create_connection(address)
after.settimeout(5)
after.sendall(request)
print("%d of 16 answered" % answered, file=sys.stderr)
sys.exit(0 if good and 1 <= answered <= 8 and after.recv(12) == b"HTTP/1.1 200" else 1)
END
fi
run serve --data "$scratch/other" --port "$port"
expect "a port that is taken" 1
says "what to do" err 'Address already in use; is it running already'
stop_server
expect "and it ends in order" 0


# Deletes, and asynchronous requests: how many, how many at once, and for how long.
serve --data "$data" --limit-deletes 2 --limit-jobs 2 --limit-keep 1s --limit-workers 1 || bad "serve starts"
base=http://127.0.0.1:$port/fhir
for i in 1 2 3; do
	echo "{\"resourceType\":\"Group\",\"id\":\"g$i\",\"type\":\"person\",\"actual\":true}" >"$scratch/g.json"
	post "/Group/g$i" "$scratch/g.json" -X PUT
done
ask -X DELETE "$base/Group?type=person"
status_is "a conditional delete of too many" 412
says "which limit, of deletes" out '3 .*limits.deletes|limits.deletes'
ask "$base/Group?_summary=count"
says "and nothing is deleted" out '"total":3[,}]'
ask -X DELETE "$base/Group?_id=g1,g2"
status_is "one of as many as the limit" 204
ask "$base/Group/g3" -H 'Prefer: respond-async'
status_is "an asynchronous request" 202
first=$(sed -n 's/^[Cc]ontent-[Ll]ocation: *\([^ ]*\)\r*$/\1/p' "$scratch/err" | tr -d '\r')
ask "$base/Group/g3" -H 'Prefer: respond-async'
status_is "and another" 202
ask "$base/Group/g3" -H 'Prefer: respond-async'
status_is "and one too many" 503
says "which limit, of asynchronous requests" out 'There are 2 asynchronous requests, as many as the limit \(limits.jobs\)'
tries=0
while ask "$first" && [ "$status" != 404 ] && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
status_is "a result is kept for so long (limits.keep) and no longer" 404
ask "$base/Group/g3" -H 'Prefer: respond-async'
status_is "then there is room again" 202
stop_server

# What waits for a store that somebody else locks: requests under way, and asynchronous ones that wait for their turn.
lock() { # lock SECONDS: the store of $data, in the background
	rm -f "$scratch/locked"
	if [ -n "$database" ]; then
		psql -q "$data" -c 'BEGIN' -c 'LOCK TABLE firth.head IN EXCLUSIVE MODE' -c "\\! touch '$scratch/locked'" -c "SELECT pg_sleep($1)" >/dev/null 2>&1 &
	else
		python3 - "$data" "$scratch/locked" "$1" <<'END' &
import glob, sqlite3, sys, time
db = sqlite3.connect(glob.glob(sys.argv[1] + "/*.sqlite")[0], isolation_level=None)
db.execute("PRAGMA busy_timeout = 10000")
db.execute("BEGIN IMMEDIATE")
open(sys.argv[2], "w").close()
time.sleep(float(sys.argv[3]))
END
	fi
	locker=$!
	children="$children $locker"
	tries=0
	while [ ! -e "$scratch/locked" ] && [ $tries -lt 100 ]; do sleep 0.05; tries=$((tries + 1)); done
}
locker_of=python3
[ -z "$database" ] || locker_of=psql
if command -v $locker_of >/dev/null; then
	serve --data "$data" --limit-requests 1 --limit-workers 1 || bad "serve starts"
	base=http://127.0.0.1:$port/fhir
	if [ -z "$database" ]; then
		lock 3
		for i in 1 2; do
			ask -X POST "$base/Patient" -H 'Prefer: respond-async' -H 'Content-Type: application/fhir+json' -d '{"resourceType":"Patient"}'
			[ "$i" = 1 ] && sleep 0.3
		done
		later=$(sed -n 's/^[Cc]ontent-[Ll]ocation: *\([^ ]*\)\r*$/\1/p' "$scratch/err" | tr -d '\r')
		ask "$later"
		status_is "the second of two is not done" 202
		says "it waits, since one runs at once (limits.workers)" err '[Xx]-[Pp]rogress: waiting for its turn'
		wait "$locker" 2>/dev/null
	fi
	lock 3
	curl -s -o "$scratch/waiting" -H 'Content-Type: application/fhir+json' -d '{"resourceType":"Patient"}' "$base/Patient" &
	waiting=$!
	sleep 0.3
	ask "$base/Group/g3"
	status_is "one more request than may be under way" 503
	says "which limit, of requests" out '1 requests under way is reached \(limits.requests\)'
	wait "$locker" "$waiting" 2>/dev/null
	children=
	ask "$base/Group/g3"
	status_is "and when it is done there is room" 200
	stop_server

	# Tenants that are in use are not closed for others.
	run tenant add --data "$data" one
	run tenant add --data "$data" two
	serve --data "$data" --tenants --limit-tenants 1 || bad "serve starts"
	if [ -n "$database" ]; then
		psql -q "$data" -c 'BEGIN' -c 'LOCK TABLE t_one.head IN EXCLUSIVE MODE' -c 'SELECT pg_sleep(4)' >/dev/null 2>&1 &
		locker=$!
		sleep 0.5
	else
		database_of=$data
		data=$data/tenants/one
		lock 4
		data=$database_of
	fi
	curl -s -o "$scratch/waiting" -H 'Content-Type: application/fhir+json' -d '{"resourceType":"Patient"}' "http://127.0.0.1:$port/t/one/fhir/Patient" &
	waiting=$!
	sleep 0.5
	ask "http://127.0.0.1:$port/t/two/fhir/Patient"
	status_is "another tenant than those that may be open" 503
	says "which limit, of tenants" out '1 tenants open at once is reached \(limits.tenants\)'
	wait "$locker" "$waiting" 2>/dev/null
	children=
	ask "http://127.0.0.1:$port/t/two/fhir/Patient"
	status_is "and when the first is idle there is room" 200
	stop_server
fi

# Every limit has a case above; that of limits.share needs two servers and is in export_servers.sh.
for name in $(sed -n 's/^LIMIT([a-z]*, *"\([a-z]*\)".*/\1/p' "$here/../../src/app/limits.def"); do
	holds "limits.$name is tried" grep -q -- "limits\.$name\|--limit-$name\|FIRTH_LIMIT_$(echo "$name" | tr a-z A-Z)" "$here/limits.sh"
done

# Readiness, and the time to end: a store that somebody else locks answers no write.
ready() { ask "http://127.0.0.1:$port/readyz"; }
serve --data "$data" --limit-stop 300ms || bad "serve starts"
ready
status_is "it is ready" 200
says "and says so" out '"status":"ready"'
if command -v $locker_of >/dev/null; then
	lock 8
	curl -s -o "$scratch/waiting" -H 'Content-Type: application/fhir+json' -d '{"resourceType":"Patient"}' "http://127.0.0.1:$port/fhir/Patient" &
	waiting=$!
	sleep 0.3
	kill -TERM "$server"
	wait "$server"
	code=$?
	expect "what takes too long is not waited for" 1
	cp "$scratch/serve.log" "$scratch/out"
	says "which limit, of ending" out '"stopped_early","reason":"requests were still under way after 300 ms \(limits.stop\)"'
	kill "$locker"
	wait "$locker" "$waiting" 2>/dev/null
	children=
else
	stop_server
fi

done_testing
