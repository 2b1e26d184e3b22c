#!/bin/sh
# Runs every test in the optimised build and again in the one with sanitizers, shows what failed, and ends with one line
# that counts both: "N passed, N failed". Cases of cmocka and of the suites count one by one, other tests as one each.
# usage: run.sh BUILD BUILD_SANITIZE [NAME OF A TEST...]
set -u
[ $# -ge 2 ] || { echo "usage: run.sh BUILD BUILD_SANITIZE [TEST...]" >&2; exit 2; }
plain=$1
sanitized=$2
shift 2
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-halt_on_error=1:print_stacktrace=1}"
status=0

# Reads a testlog.txt: prints the output of what failed, then "cases PASSED FAILED SKIPPED".
summary='
function finish() {
	if (name == "")
		return
	if (result ~ /exit status 77/) {
		skipped++
		print "skipped: " name
	} else if (result ~ /exit status 0$/) {
		passed += cases > 0 ? cases : 1
	} else {
		passed += cases
		failed += bad > 0 ? bad : 1
		print "FAILED: " name " (" result ")"
		for (i = first; i < lines; i++)
			print "    " text[i]
	}
	name = ""
}
/^=+ +[0-9]+\/[0-9]+ +=+$/ { finish(); cases = bad = lines = first = 0; result = ""; next }
/^test: / { name = $0; sub(/^test: +/, "", name); next }
/^result: / { result = $0; sub(/^result: +/, "", result); next }
/^\[ +OK +\] / { cases++ }
/^\[ +FAILED +\] [A-Za-z_]/ && !/test\(s\)/ { if (!((name, $0) in seen)) bad++; seen[name, $0] = 1 }
/^[0-9]+ passed, [0-9]+ failed/ { cases += $1; bad += $3 }
{
	text[lines++] = $0
	if (lines - first > 200) # the end of a long output tells more than its beginning
		delete text[first++]
}
END {
	finish()
	printf "cases %d %d %d\n", passed, failed, skipped
}'

run() { # run BUILD WHAT [MESON OPTIONS...]
	build=$1
	what=$2
	shift 2
	log=$build/meson-logs/testlog.txt
	rm -f "$log"
	meson test -C "$build" --no-rebuild --quiet "$@" >"$build/test.log" 2>&1 || status=1
	if [ ! -f "$log" ]; then
		cat "$build/test.log"
		echo "$what: the tests did not run"
		passed=0
		failed=1
		status=1
		return
	fi
	awk "$summary" "$log" >"$build/test-summary.log"
	grep -v '^cases ' "$build/test-summary.log" | sed "s/^/$what: /"
	# shellcheck disable=SC2046
	set -- $(grep '^cases ' "$build/test-summary.log")
	passed=$2
	failed=$3
	echo "$what: $2 passed, $3 failed, $4 tests skipped"
}

run "$plain" "release build" "$@"
all_passed=$passed
all_failed=$failed
if [ $# -eq 0 ]; then
	run "$sanitized" "with sanitizers" --no-suite style
else
	run "$sanitized" "with sanitizers" "$@"
fi
all_passed=$((all_passed + passed))
all_failed=$((all_failed + failed))
[ "$all_failed" -eq 0 ] || status=1
# Meson knows of failures that leave no case behind.
[ $status -eq 0 ] || [ "$all_failed" -gt 0 ] || all_failed=1
echo "$all_passed passed, $all_failed failed"
exit $status
