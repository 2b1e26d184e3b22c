#!/bin/sh
# docs/why.md has a section for each code of refusals.def, and for no other. usage: refusals.sh [ROOT]
set -eu
cd "${1:-$(dirname "$0")/../..}"
sed -n 's/^REFUSAL([A-Z_]*, "\([a-z-]*\)".*/\1/p' src/server/decision/refusals.def | LC_ALL=C sort >"${TMPDIR:-/tmp}/codes.$$"
sed -n 's/^#### \([a-z-]*\)$/\1/p' docs/why.md | LC_ALL=C sort >"${TMPDIR:-/tmp}/sections.$$"
trap 'rm -f "${TMPDIR:-/tmp}/codes.$$" "${TMPDIR:-/tmp}/sections.$$"' EXIT
[ -s "${TMPDIR:-/tmp}/codes.$$" ]
diff "${TMPDIR:-/tmp}/codes.$$" "${TMPDIR:-/tmp}/sections.$$" || {
	echo "docs/why.md: < codes without a section, > sections of no code"
	exit 1
}
