#!/bin/sh
# library.sh FIRTH BUILD CC AUTHORITY: libfirth as a program meets it: installed, found by pkg-config, compiled against, linked both
# ways, run at both vendors' sandboxes. And what it shows: the header's names, no others.
. "$(dirname "$0")/../app/lib.sh"
build=$(cd "$2" && pwd)
cc=$3
authority=$(realpath "$4")
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
for tool in pkg-config meson nm; do
	command -v $tool >/dev/null || { echo "skipped: $tool is not here"; exit 77; }
done
cd "$scratch"
meson install -C "$build" --no-rebuild --destdir "$scratch/root" >"$scratch/out" 2>"$scratch/err"
code=$?
expect "it installs" 0
pc=$(find root -name firth.pc)
[ -n "$pc" ] || bad "with a file for pkg-config"
export PKG_CONFIG_PATH="$scratch/$(dirname "$pc")"
prefix=$scratch/root$(sed -n 's/^prefix=//p' "$pc")
ask() { pkg-config --define-variable=prefix="$prefix" "$@" firth; }
lib=$(ask --variable=libdir)
export LD_LIBRARY_PATH="$lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
header=$(ask --variable=includedir)/firth/firth.h
holds "the header is there" test -f "$header"
holds "alone" test "$(find "$prefix/include" -type f | wc -l)" -eq 1
holds "it includes nothing of ours" test "$(grep -c '#include' "$header")" -eq 1

# ---- what it shows
grep -oE '\bfirth_[a-z_]+\(' "$header" | tr -d '(' | sort -u >named
nm -D --defined-only "$lib/libfirth.so" | awk '$2 == "T" {print $3}' | sed 's/@.*//' | sort -u >shown
holds "the names of the header, no others" cmp -s named shown
holds "in a version of their own" sh -c "nm -D --defined-only '$lib/libfirth.so' | grep -c '@@FIRTH_0' >/dev/null"
holds "no data" test "$(nm -D --defined-only "$lib/libfirth.so" | grep -c ' [BDR] ')" -eq 0
holds "a soname" sh -c "readelf -d '$lib/libfirth.so' | grep -q 'SONAME.*libfirth.so.0'"
if readelf -d "$lib/libfirth.so" | grep NEEDED | grep -qE 'sqlite|libpq|sodium|microhttpd'; then bad "no database comes along"; else ok "no database"; fi
if [ -f "$lib/libfirth.a" ]; then
	nm -g --defined-only "$lib/libfirth.a" | awk '$2 == "T" {print $3}' | sort -u >shown
	holds "the same of the static one" cmp -s named shown
fi

# ---- compiling
# shellcheck disable=SC2046
compile() { "$@" $(ask --cflags); }
for standard in c99 gnu17; do
	compile "$cc" -std=$standard -Wall -Wextra -Werror -pedantic -fsyntax-only -x c "$header" 2>"$scratch/err"
	code=$?
	expect "the header in $standard" 0
done
cxx=
for name in g++ clang++ c++; do
	[ -n "$cxx" ] || ! command -v $name >/dev/null || cxx=$name
done
if [ -n "$cxx" ]; then
	printf '#include <firth/firth.h>\nint main() { firth_error e; firth_options o = {sizeof o}; return firth_ehr_open(&o, &e) != nullptr || e.status != FIRTH_INVALID; }\n' >plus.cc
	# shellcheck disable=SC2046
	$cxx -std=c++11 -Wall -Wextra -Wno-missing-field-initializers -Werror plus.cc $(ask --cflags --libs) -o plus 2>"$scratch/err" && ./plus
	code=$?
	expect "a program in C++" 0
fi
# shellcheck disable=SC2046
"$cc" -Wall -Wextra -Wno-missing-field-initializers -Werror "$root/examples/read_and_search.c" $(ask --cflags --libs) -o shared 2>"$scratch/err"
code=$?
expect "the example" 0
programs=shared
if [ -f "$lib/libfirth.a" ]; then
	# With a str_eq of its own, which the library's must not meet.
	printf 'int str_eq(void);\nint str_eq(void) { return 7; }\n' >own.c
	# shellcheck disable=SC2046
	"$cc" "$root/examples/read_and_search.c" own.c $(ask --cflags) "$lib/libfirth.a" $(pkg-config --libs $(ask --print-requires-private | cut -d' ' -f1)) -lm -o static 2>"$scratch/err"
	code=$?
	expect "the example, linked statically" 0
	programs="$programs static"
fi

# ---- running
for vendor in epic cerner; do
	: >$vendor.out # before anybody looks into it
	"$firth" sandbox $vendor --port 0 --data $vendor --patients 2 --no-auth >$vendor.out 2>$vendor.err </dev/null &
	children="$children $!"
done
for vendor in epic cerner; do
	for _ in $(seq 600); do
		grep -q '"event":"listening"' $vendor.out && break
		sleep 0.05
	done
	base=$(sed -n 's/.*"base":"\([^"]*\)".*/\1/p' $vendor.out)
	patient=$(head -n 1 $vendor/roster.txt)
	for program in $programs; do
		RECORD_FILE=$vendor-$program.har ./$program "$base" "$patient" $vendor >"$scratch/out" 2>"$scratch/err"
		code=$?
		expect "$program at $vendor" 0
		says "reads the patient" out "^Patient/$patient: [0-9]+ bytes"
		says "and what was measured" out '^[1-9][0-9]* vital signs, [0-9]+ bytes'
		says "and one after the other" out '^[0-9]+ conditions'
		holds "it records" grep -q '"startedDateTime"' $vendor-$program.har
		if grep -q "$patient" $vendor-$program.har; then bad "its recording is masked"; else ok "its recording is masked"; fi
		./$program "$base" nobody $vendor >"$scratch/out" 2>"$scratch/err"
		code=$?
		expect "$program at $vendor, nobody" 1
		says "says so" err '^the patient: (not-found|remote): ehr: '
	done
done
# Bulk export, and somebody's login.
# shellcheck disable=SC2046
"$cc" -Wall -Wextra -Wno-missing-field-initializers -Werror "$root/examples/export_group.c" $(ask --cflags --libs) -o export 2>"$scratch/err"
code=$?
expect "the example of bulk export" 0
base=$(sed -n 's/.*"base":"\([^"]*\)".*/\1/p' epic.out)
group=$(sed -n 's/.*"group":"\([^"]*\)".*/\1/p' epic.out)
TYPES=Patient ./export "$base" "$group" exported epic >"$scratch/out" 2>"$scratch/err"
code=$?
expect "exports a Group" 0
says "whole" out '^complete$'
holds "with its certificate" grep -q '"complete":true' exported/certificate.json
TYPES=Observation ./export "$base" "$group" exported epic >"$scratch/out" 2>"$scratch/err"
code=$?
expect "another into the same directory" 1
says "is refused" err '^conflict: '
# shellcheck disable=SC2046
"$cc" -Wall -Wextra -Wno-missing-field-initializers -Werror "$here/logins.c" $(ask --cflags --libs) -o logins 2>"$scratch/err"
code=$?
expect "a program for people" 0
if command -v curl >/dev/null; then
	"$authority" "$scratch/port" 60 >authority.log 2>&1 &
	children="$children $!"
	for _ in $(seq 600); do [ -s "$scratch/port" ] && break; sleep 0.05; done
	mkfifo arrived
	: >"$scratch/out"
	./logins "http://127.0.0.1:$(cat "$scratch/port")/fhir" <arrived >"$scratch/out" 2>"$scratch/err" &
	child=$!
	exec 9>arrived
	for _ in $(seq 600); do
		grep -q '^http' "$scratch/out" && break
		kill -0 $child 2>/dev/null || break
		sleep 0.05
	done
	curl -s -o /dev/null -w '%{redirect_url}\n' "$(head -n 1 "$scratch/out")" >&9
	exec 9>&-
	wait $child
	code=$?
	expect "somebody logs in" 0
	says "and reads" out '^logged in$'
fi

# Every call once, those that write too, at a server of our own.
serve --data own || bad "serve starts"
# shellcheck disable=SC2046
"$cc" -Wall -Wextra -Wno-missing-field-initializers -Werror "$here/calls.c" $(ask --cflags --libs) -o calls 2>"$scratch/err" && ./calls "http://127.0.0.1:$port/fhir" >"$scratch/out" 2>"$scratch/err"
code=$?
expect "every call" 0
stop_server
./shared http://127.0.0.1:1/fhir x >"$scratch/out" 2>"$scratch/err"
code=$?
expect "nobody there" 1
says "is told" err '^the patient: network: '
./shared ftp://x y >"$scratch/out" 2>"$scratch/err"
code=$?
expect "no address" 1
says "is refused before anything is sent" err '^the EHR: invalid: '

done_testing
