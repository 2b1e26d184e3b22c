#!/bin/sh
# symbols.sh BUILD: no two rooms define the same global name. A linker that finds one in two static libraries takes the first
# without a word. src/library is left out: what it defines again is there to keep stores and vaults out of libfirth.
build=$1
nm=$(command -v gcc-nm || command -v nm) || { echo "skipped: there is no nm"; exit 77; }
find "$build/src" -name '*.a' ! -path '*/library/*' >"${TMPDIR:-/tmp}/archives.$$"
[ -s "${TMPDIR:-/tmp}/archives.$$" ] || { echo "there are no libraries in $build/src"; exit 1; }
while read -r archive; do
	"$nm" -g --defined-only "$archive" 2>/dev/null | awk -v from="${archive#"$build"/}" '$2 ~ /^[TDBR]$/ { print $3, from }'
done <"${TMPDIR:-/tmp}/archives.$$" | sort -u >"${TMPDIR:-/tmp}/symbols.$$"
awk '{ where[$1] = where[$1] " " $2; if (n[$1]++) twice[$1] = 1 }
	END { for (name in twice) print name " is defined in" where[name] }' "${TMPDIR:-/tmp}/symbols.$$" | sort >"${TMPDIR:-/tmp}/twice.$$"
cat "${TMPDIR:-/tmp}/twice.$$"
count=$(wc -l <"${TMPDIR:-/tmp}/twice.$$")
[ "$(wc -l <"${TMPDIR:-/tmp}/symbols.$$")" -gt 0 ] || echo "no names were found"
rm -f "${TMPDIR:-/tmp}/archives.$$" "${TMPDIR:-/tmp}/symbols.$$" "${TMPDIR:-/tmp}/twice.$$"
[ "$count" -eq 0 ]
