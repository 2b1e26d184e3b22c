#!/bin/sh
# A server whose disk is full, then fails, then works again: 507 and 503, reads go on, nothing acknowledged is lost, and
# no restart is needed. usage: disk.sh FIRTH LIBFAILING
library=$2
. "$(dirname "$0")/../app/lib.sh"
data=$scratch/data
export FAILING_DISK="$scratch/trouble"
export LD_PRELOAD="$library"
serve --data "$data" || bad "serve starts"
unset LD_PRELOAD
base=http://127.0.0.1:$port/fhir

put() { # put ID: the status
	curl -s -o "$scratch/out" -w '%{http_code}' -X PUT -H 'Content-Type: application/fhir+json' \
		-d "{\"resourceType\":\"Patient\",\"id\":\"$1\"}" "$base/Patient/$1"
}
status_of() { curl -s -o "$scratch/out" -w '%{http_code}' "$base/Patient/$1"; }
is() { # is NAME EXPECTED ACTUAL
	if [ "$2" = "$3" ]; then ok "$1"; else bad "$1: expected $2, got $3"; fi
}

is "a write before" 201 "$(put before)"
for round in 1 2 3; do
	for trouble in ENOSPC:507 EIO:503; do
		name=${trouble%:*}
		echo "$name" >"$FAILING_DISK"
		is "a write with $name" "${trouble#*:}" "$(put "$name$round")"
		is "another one" "${trouble#*:}" "$(put "again$round")"
		is "a read meanwhile" 200 "$(status_of before)"
		rm "$FAILING_DISK"
		is "a write afterwards" 201 "$(put "after-$name$round")"
		is "what was refused is not there" 404 "$(status_of "$name$round")"
	done
done
stop_server
run db check --data "$data"
expect "the store is whole" 0
serve --data "$data" || bad "serve starts again"
base=http://127.0.0.1:$port/fhir
for id in before after-ENOSPC1 after-EIO1 after-ENOSPC2 after-EIO2 after-ENOSPC3 after-EIO3; do
	is "$id is there" 200 "$(status_of $id)"
done
run audit verify --data "$data"
expect "the audit chain is whole" 0
done_testing
