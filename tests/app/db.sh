#!/bin/sh
# firth db: backup beside a running server, restore, check, reindex, vacuum, and what they say when they cannot.
. "$(dirname "$0")/lib.sh"
data=$scratch/data

echo '{"resourceType":"Patient","id":"p1","name":[{"family":"One"}]}' >"$scratch/p.json"
echo '{"resourceType":"Patient","id":"p2","name":[{"family":"Two"}]}' >"$scratch/q.json"
run import --data "$data" "$scratch/p.json"
serve --data "$data" || bad "serve starts"
run db check --data "$data"
expect "check beside a running server" 0
says "check tells what it saw" out 'all is as it should be: 1 resources in 1 versions'
run db backup --data "$data" "$scratch/copy.sqlite"
expect "backup beside a running server" 0
says "backup tells the size" out 'backed up to .*copy.sqlite: [0-9.]+ [kM]B, verified'
holds "a checksum lies beside it" sh -c "cd '$scratch' && sha256sum -c copy.sqlite.sha256 >/dev/null"
run db backup --data "$data" "$scratch/copy.sqlite"
expect "backup overwrites nothing" 1
run db reindex --data "$data"
expect "reindex beside a running server" 1
says "reindex says why" err 'another process'
run db restore --data "$data" --force "$scratch/copy.sqlite"
expect "restore beside a running server" 1
stop_server

run import --data "$data" "$scratch/q.json"
run db restore --data "$data" "$scratch/copy.sqlite"
expect "restore overwrites nothing" 1
says "restore names the way out" err '--force'
run db restore --data "$data" --force "$scratch/copy.sqlite"
expect "restore with --force" 0
holds "what was there is kept" sh -c "ls '$data'/firth-replaced-*.sqlite >/dev/null"
run db check --data "$data" --format json
expect "check after restore" 0
says "the state of the copy" out '"findings":\[\],"finding_count":0,"resources":1,'
run db restore --data "$scratch/new" "$scratch/copy.sqlite"
expect "restore to a new place" 0
run db check --data "$scratch/new"
expect "check there" 0

echo "not a store" >"$scratch/wrong"
run db restore --data "$scratch/none" "$scratch/wrong"
expect "restore of something else" 1
run db restore --data "$scratch/none" "$scratch/absent"
expect "restore of nothing" 1
holds "nothing is made of it" test ! -e "$scratch/none/firth.sqlite"
run db check --data "$scratch/none"
expect "check of nothing" 1

run db reindex --data "$data"
expect "reindex" 0
says "reindex tells what it did" out 'reindexed 1 versions'
run db vacuum --data "$data" --keep-hours 0 --format json
expect "vacuum" 0
says "vacuum tells bytes" out '"rows_dropped":[0-9]+,"bytes_before":[1-9][0-9]*,"bytes_after":[1-9]'
run db vacuum --data "$data" --keep-hours 9999999
expect "vacuum with a wrong number" 2
run db check --data "$data"
expect "check after all that" 0

for what in backup restore; do
	run db $what --data postgresql://db.example/firth "$scratch/copy.sqlite"
	expect "$what of PostgreSQL" 2
	says "$what of PostgreSQL names the tool" err "pg_(dump|restore)"
done

if command -v sqlite3 >/dev/null; then
	sqlite3 "$data/firth.sqlite" "DELETE FROM string"
	run db check --data "$data"
	expect "damage is found" 1
	says "damage is named" out 'Patient/p1/_history/1 lacks index rows'
	run db check --data "$data" --format json
	expect "damage for programs" 1
	says "damage as JSON" out '"where":"Patient/p1/_history/1","what":"lacks index rows'
fi
done_testing
