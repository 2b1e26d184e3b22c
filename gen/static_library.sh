#!/bin/sh
# static_library.sh CC MAP OUT API.a BUILD...: one archive with one object of everything that the API needs, whose other
# names are local, so that a program which links it may have a str_eq of its own.
set -eu
cc=$1 map=$2 out=$3 api=$4
shift 4
object=$out.o
names=$out.names
sed -n 's/^	\(firth_[a-z_]*\);$/\1/p' "$map" >"$names"
# The archives of a build are on lower floors than the API; what nobody needs is left out of them.
archives=$(find "$@" -name 'libfirth-*.a' ! -name 'libfirth-api.a' ! -name 'libfirth-app.a' ! -name 'libfirth-sandbox.a' | LC_ALL=C sort)
lto=
! "$cc" --version | head -n 1 | grep -qi gcc || lto=-flinker-output=nolto-rel
# shellcheck disable=SC2086
"$cc" -r -nostdlib $lto -o "$object" -Wl,--whole-archive "$api" -Wl,--no-whole-archive -Wl,--start-group $archives -Wl,--end-group
objcopy --keep-global-symbols="$names" "$object"
rm -f "$out"
ar rcs "$out" "$object"
rm -f "$object" "$names"
