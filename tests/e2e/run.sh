#!/bin/sh
# run.sh FIRTH: starts the demo and drives its page in Chromium. Skipped (77) where Chromium or npm is missing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
firth=$(realpath "$1")
for tool in node npm chromium; do
	command -v $tool >/dev/null || { echo "skipped: $tool is not here"; exit 77; }
done
modules=${FIRTH_E2E_MODULES:-$(dirname "$firth")/e2e}
work=$(mktemp -d "${TMPDIR:-/tmp}/firth-e2e.XXXXXX")
demo=
cleanup() {
	if [ -n "$demo" ]; then
		kill -INT "$demo" 2>/dev/null || true
		kill "$demo" 2>/dev/null || true
		wait "$demo" 2>/dev/null || true
	fi
	rm -rf "$work"
}
trap cleanup EXIT

mkdir -p "$modules"
# Node brings its own list of authorities; networks often add one of their own to the system's.
bundle=/etc/ssl/certs/ca-certificates.crt
[ -n "${NODE_EXTRA_CA_CERTS:-}" ] || [ ! -f $bundle ] || export NODE_EXTRA_CA_CERTS=$bundle
if ! cmp -s "$here/package-lock.json" "$modules/package-lock.json" || [ ! -d "$modules/node_modules" ]; then
	cp "$here/package.json" "$modules/"
	(cd "$modules" && cp "$here/package-lock.json" . && npm ci --silent --no-audit --no-fund >/dev/null 2>&1) || {
		rm -f "$modules/package-lock.json"
		echo "skipped: npm could not install playwright-core"
		exit 77
	}
fi

"$firth" demo >"$work/demo.log" 2>&1 &
demo=$!
url=
for _ in $(seq 600); do
	url=$(sed -n 's|^ *\(http://[^ ]*/\) *the patient page.*|\1|p' "$work/demo.log")
	[ -z "$url" ] || break
	kill -0 "$demo" 2>/dev/null || break
	sleep 0.1
done
[ -n "$url" ] || { cat "$work/demo.log"; echo "the demo did not start"; exit 1; }
name=$(sed -n 's|.*the patient page (a name to try: \(.*\)).*|\1|p' "$work/demo.log")
node "$here/page.mjs" "$modules" "$url" "$name"
