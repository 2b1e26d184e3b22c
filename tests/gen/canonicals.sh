#!/bin/sh
# canonicals.sh FIRTH-GEN-CANONICALS PACKAGE: the archive of canonical resources is made the same twice, and whatever is no
# whole package is refused.
. "$(dirname "$0")/lib.sh"
gen=$1
package=$2
product="an archive"
make() { "$gen" "$2" "$1"; }

same_twice "a#1=$package"
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

finish "the archive is made the same twice, and broken packages are refused"
