#!/bin/sh
# A database as the store, from the command line: what is shown of its URL, and the commands that keep it.
# usage: db-postgres.sh FIRTH URL
url=$2
. "$(dirname "$0")/lib.sh"

FIRTH_DB='postgresql://me:secret@db.example/firth?password=secret&sslmode=require&x=secret' "$firth" config check >"$scratch/out" 2>"$scratch/err"
code=$?
expect "a configuration with a password from the environment" 0
says "the database is shown" out 'store +postgresql://me@db.example/firth\?sslmode=require$'
silent_about "without the password" out secret
FIRTH_DB='postgresql://me:sec@ret@/firth' "$firth" config check --format json >"$scratch/out"
says "for programs, too" out '"db":"postgresql://me@/firth"'
for what in backup restore; do
	FIRTH_DB='postgresql://me:secret@db.example/firth' "$firth" db $what "$scratch/copy.dump" >"$scratch/out" 2>"$scratch/err"
	code=$?
	expect "$what of PostgreSQL" 2
	says "$what names the command" err "pg_(dump|restore) .*--dbname='postgresql://me@db.example/firth'"
	silent_about "$what tells no password" err secret
done
run db check --db postgresql://me:secret@db.example/firth
expect "a password on the command line" 2
silent_about "is not repeated" err secret

for i in 1 2; do echo "{\"resourceType\":\"Patient\",\"id\":\"p$i\",\"name\":[{\"family\":\"Name$i\"}]}"; done >"$scratch/p.ndjson"
run import --db "$url" "$scratch/p.ndjson"
expect "import" 0
serve --db "$url" || bad "serve starts"
run db check --db "$url"
expect "check beside a running server" 0
says "check tells what it saw" out 'all is as it should be: 2 resources in 2 versions'
run db reindex --db "$url"
expect "reindex beside a running server" 1
says "reindex says why" err 'nother process'
run db vacuum --db "$url" --keep-hours 0 --format json
expect "vacuum beside a running server" 0
says "vacuum tells bytes" out '"rows_dropped":[0-9]+,"bytes_before":[1-9][0-9]*,"bytes_after":[1-9]'
stop_server
run db reindex --db "$url"
expect "reindex" 0
says "reindex tells what it did" out 'reindexed 2 versions'
run db check --db "$url" --format json
expect "check after all that" 0
says "and finds nothing" out '"findings":\[\],"finding_count":0'
run db check --db "$url-none"
expect "check of a database that is not there" 1
done_testing
