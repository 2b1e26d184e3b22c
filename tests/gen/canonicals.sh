#!/bin/sh
# canonicals.sh FIRTH-GEN-CANONICALS PACKAGE: the archive of canonical resources is made the same twice, and whatever is no
# whole package is refused.
set -u
gen=$1
package=$2
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failed=0

refuse() { # refuse WHAT ARGUMENT WORDS
	said=$("$gen" "$dir/out" "$2" 2>&1) && { echo "FAILED $1 was accepted"; failed=1; }
	case $said in
	*"$3"*) ;;
	*) echo "FAILED $1: said '$said'"; failed=1 ;;
	esac
	[ ! -e "$dir/out" ] || { echo "FAILED $1 left an archive behind"; failed=1; }
}

"$gen" "$dir/one" "a#1=$package" && "$gen" "$dir/two" "a#1=$package" && cmp "$dir/one" "$dir/two" || failed=1

refuse "a package without a name" "$package" "usage"
refuse "a missing package" "a#1=$dir/none.tgz" "run ./dev deps"
head -c 100000 "$package" >"$dir/cut.tgz"
refuse "a cut package" "a#1=$dir/cut.tgz" "package"
mkdir "$dir/package"
printf '{"resourceType":"ValueSet","url":"http://example.org"' >"$dir/package/ValueSet-x.json"
tar --format=ustar -C "$dir" -czf "$dir/json.tgz" package
refuse "broken JSON" "a#1=$dir/json.tgz" "ValueSet-x.json"
printf '{"resourceType":"ValueSet","url":"http://example.org"}' >"$dir/package/ValueSet-x.json"
tar --format=ustar -C "$dir" -czf "$dir/part.tgz" package
refuse "a part of a package" "a#1=$dir/part.tgz" "only a part"

[ $failed = 0 ] && echo "the archive is made the same twice, and broken packages are refused"
exit $failed
