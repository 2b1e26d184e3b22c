#!/bin/sh
# generator.sh FIRTH-GEN PACKAGE: the generator makes the same pack twice and refuses whatever is no whole package.
. "$(dirname "$0")/lib.sh"
gen=$1
package=$2
product="a pack"
make() { "$gen" "$1" "$2"; }

same_twice "$package"
refuse "a missing package" "$dir/none.tgz" "run ./dev deps"
head -c 1000000 "$package" >"$dir/cut.tgz"
refuse "a cut package" "$dir/cut.tgz" "definitions package"
: >"$dir/empty.tgz"
refuse "an empty file" "$dir/empty.tgz" "no gzip"
head -c 4096 /dev/zero | tr '\0' 'x' >"$dir/text.tgz"
refuse "a text file" "$dir/text.tgz" "no gzip"

mkdir "$dir/package"
printf '{"resourceType":"StructureDefinition"' >"$dir/package/StructureDefinition-x.json"
tar --format=ustar -C "$dir" -czf "$dir/json.tgz" package
refuse "broken JSON" "$dir/json.tgz" "StructureDefinition-x.json"
printf '{"resourceType":"StructureDefinition","kind":"resource","type":"X"}' >"$dir/package/StructureDefinition-x.json"
tar --format=ustar -C "$dir" -czf "$dir/snapshot.tgz" package
refuse "a definition without snapshot" "$dir/snapshot.tgz" "no snapshot"
printf '{"resourceType":"Basic"}' >"$dir/package/StructureDefinition-x.json"
tar --format=ustar -C "$dir" -czf "$dir/part.tgz" package
refuse "a package with something else" "$dir/part.tgz" "only a part"

finish "the generator is deterministic and strict"
