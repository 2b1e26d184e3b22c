#!/bin/sh
# run.sh FIRTH: starts the demo and drives its page in Chromium. Skipped (77) where Chromium or npm is missing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
firth=$(realpath "$1")
. "$here/lib.sh"

: >"$work/demo.log" # before anybody looks into it
"$firth" demo >"$work/demo.log" 2>&1 &
server=$!
url=
for _ in $(seq 600); do
	url=$(sed -n 's|^ *\(http://[^ ]*/\) *the patient page.*|\1|p' "$work/demo.log")
	[ -z "$url" ] || break
	kill -0 "$server" 2>/dev/null || break
	sleep 0.1
done
[ -n "$url" ] || { cat "$work/demo.log"; echo "the demo did not start"; exit 1; }
name=$(sed -n 's|.*the patient page (a name to try: \(.*\)).*|\1|p' "$work/demo.log")
node "$here/page.mjs" "$modules" "$url" "$name"
