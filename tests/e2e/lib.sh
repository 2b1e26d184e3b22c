# Shared by the browser tests: sourced with $here and $firth set. Checks the tools, installs Playwright's core once, and
# gives $modules and a directory $work that goes away in the end together with the server $server.
for tool in node npm chromium; do
	command -v $tool >/dev/null || { echo "skipped: $tool is not here"; exit 77; }
done
modules=${FIRTH_E2E_MODULES:-$(dirname "$firth")/e2e}
work=$(mktemp -d "${TMPDIR:-/tmp}/firth-e2e.XXXXXX")
server=
cleanup() {
	if [ -n "$server" ]; then
		kill -INT "$server" 2>/dev/null || true
		kill "$server" 2>/dev/null || true
		wait "$server" 2>/dev/null || true
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
