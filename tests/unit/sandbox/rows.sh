#!/bin/sh
# Every row of what is known of the sandboxes and of what a client has to do has a named test, and each named test is
# there: rows.tsv against the sources below tests/unit.
set -eu
here=$(dirname "$0")
units=$here/..
passed=0 failed=0

say() { # GOOD WORDS
	if [ "$1" = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $2"; fi
}

names=$(mktemp)
trap 'rm -f "$names"' EXIT
cat "$units"/*/test_*.c | tr -cs 'A-Za-z0-9_' '\n' | sort -u >"$names"

# Names that a macro completes with how far the fact is known end with "_" here.
while IFS='	' read -r part row vendor what test; do
	case $part in '#'*) continue ;; esac
	case $test in
	*_) grep -q "^$test[A-Z]*$" "$names" && good=0 || good=1 ;;
	*) grep -q "^$test$" "$names" && good=0 || good=1 ;;
	esac
	say $good "$part $row ($vendor, $what): there is no test $test"
done <"$here/rows.tsv"

row=1
while [ $row -le 20 ]; do
	for vendor in epic cerner; do
		grep -q "^sandbox	$row	$vendor	" "$here/rows.tsv" && good=0 || good=1
		say $good "sandbox $row has no test at $vendor"
	done
	[ $row -gt 15 ] || { grep -q "^client	$row	" "$here/rows.tsv" && good=0 || good=1; say $good "client $row has no test"; }
	row=$((row + 1))
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
