#!/bin/sh
# Scenarios against the program itself, with all that its parts make together: asynchronous requests and loading.
# usage: program.sh FIRTH SCENARIOS FILE... [URL of a database, otherwise in a directory]
. "$(dirname "$0")/../app/lib.sh"
scenarios=$2
shift 2
data=$scratch/data
files=
for file; do
	case $file in
	postgresql://*) data=$file ;;
	*) files="$files $file" ;;
	esac
done
case $scenarios in /*) ;; *) scenarios=$PWD/$scenarios ;; esac
[ "$data" = "$scratch/data" ] || cd "$scratch" # files beside the database
serve --data "$data" || bad "serve starts"
for file in $files; do
	"$scenarios" --base "http://127.0.0.1:$port/fhir" "$file" >"$scratch/out" 2>&1
	code=$?
	expect "$(basename "$file")" 0
done
stop_server
done_testing
