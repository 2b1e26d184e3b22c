#!/bin/sh
# The whole story as one command: three processes, every claim checked, nothing left behind.
. "$(dirname "$0")/lib.sh"
TMPDIR=$scratch/tmp
export TMPDIR
mkdir "$TMPDIR"

run demo --once --format json --patients 6
expect "the demo" 0
says "everything held" out '^\{"ok":true,'
says "both EHRs" out '"vendor":"epic","patients":6.*"vendor":"cerner","patients":6'
says "flags written" out '"flags":\{"written":12,"read_back":12,"refused":0,"failed":0,"unchanged_on_second_run":12,"written_on_second_run":0\}'
says "the conflict" out '"conflict":\{"tried":true,"handled":true,"conflicts":[1-9]'
says "the chain" out '"verified":true'
silent_about "no check failed" out '"ok":false'
holds "one line, one document" test "$(wc -l <"$scratch/out")" -eq 1
holds "nothing is left behind" test -z "$(ls -A "$TMPDIR")"

run demo --once --format json --patients 3 --no-write-access
expect "the demo with closed EHRs" 0
says "refused, and said so" out '"written":0,.*"refused":6'
says "both runs were refused" out '"every Flag was refused, and the run went on","ok":true'

run demo --once --patients 3
expect "the demo for a person" 0
says "it says what is not real" out 'neither vendor accepts a Flag'
says "it tells the end" out 'All of it held'

run demo --once --data "$scratch/absent"
expect "data that is not there" 2

done_testing
