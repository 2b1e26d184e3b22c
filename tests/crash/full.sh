#!/bin/sh
# A disk that is really full under PostgreSQL: the tables lie in a tablespace on a small file system. 507 for writes, reads go
# on, nothing acknowledged is lost, and writes work again when there is room. Inside of cluster.sh, as one who may mount; 77
# otherwise. usage: full.sh FIRTH
url=$FIRTH_TEST_POSTGRES
cluster=$FIRTH_TEST_CLUSTER
. "$(dirname "$0")/../app/lib.sh"
sql() { "$psql" -qAt -d "$url" -c "$1"; }
psql=$(command -v psql || ls -d /usr/lib/postgresql/*/bin/psql 2>/dev/null | tail -n 1)
[ -n "$psql" ] || { echo "skipped: there is no psql"; exit 77; }
small=$cluster/small
mkdir "$small"
mount -t tmpfs -o size=16m tmpfs "$small" 2>/dev/null || { echo "skipped: mounting is not allowed"; exit 77; }
trap 'finish; umount -l "$small"' EXIT
mkdir "$small/tables"
chown "$(stat -c %u "$cluster/data")" "$small/tables"
sql "CREATE TABLESPACE small LOCATION '$small/tables'" && sql "ALTER DATABASE postgres SET default_tablespace = small" || bad "a small tablespace"

serve --db "$url" || bad "serve starts"
base=http://127.0.0.1:$port/fhir
padding=$(head -c 6000 /dev/urandom | base64 -w 0)
put() { # put ID: the status
	curl -s -o "$scratch/out" -w '%{http_code}' -X PUT -H 'Content-Type: application/fhir+json' \
		-d "{\"resourceType\":\"Binary\",\"id\":\"$1\",\"contentType\":\"text/plain\",\"data\":\"$padding\"}" "$base/Binary/$1"
}
status_of() { curl -s -o "$scratch/out" -w '%{http_code}' -H 'Accept: application/fhir+json' "$base/Binary/$1"; }
is() { if [ "$2" = "$3" ]; then ok "$1"; else bad "$1: expected $2, got $3"; fi; }

kept=
for round in 1 2 3; do
	is "a write before" 201 "$(put "before-$round")"
	kept="$kept before-$round"
	dd if=/dev/zero of="$small/ballast" bs=64k 2>/dev/null
	refused=
	for i in $(seq 200); do
		status=$(put "r$round-$i")
		case $status in
		201) kept="$kept r$round-$i" ;;
		507) refused=r$round-$i && break ;;
		*) bad "another status: $status" && break ;;
		esac
	done
	is "a write without room" 507 "$status"
	is "a read meanwhile" 200 "$(status_of "before-$round")"
	rm "$small/ballast"
	is "a write afterwards" 201 "$(put "after-$round")"
	kept="$kept after-$round"
	is "what was refused is not there" 404 "$(status_of "$refused")"
done
stop_server
run db check --db "$url"
expect "the store is whole" 0
serve --db "$url" || bad "serve starts again"
base=http://127.0.0.1:$port/fhir
for id in $kept; do is "$id is there" 200 "$(status_of "$id")"; done
stop_server
run audit verify --db "$url"
expect "the audit chain is whole" 0
done_testing
