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
done_testing
