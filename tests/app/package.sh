#!/bin/sh
# Packages as a person handles them: install, list, show, check, remove, and a snapshot of a profile.
. "$(dirname "$0")/lib.sh"
unset FHIR_PACKAGES
mkdir -p "$scratch/ig/package" "$scratch/home"
HOME=$scratch/home
export HOME
cache=$scratch/cache
cat >"$scratch/ig/package/package.json" <<'JSON'
{"name":"org.example.ig","version":"1.2.0","fhirVersions":["4.0.1"],"title":"An example",
 "dependencies":{"hl7.fhir.r4.core":"4.0.1","org.example.base":"0.1.0"}}
JSON
cat >"$scratch/ig/package/StructureDefinition-p.json" <<'JSON'
{"resourceType":"StructureDefinition","id":"p","url":"http://example.org/p","name":"P","status":"active","kind":"resource",
 "abstract":false,"type":"Patient","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Patient","derivation":"constraint",
 "differential":{"element":[{"id":"Patient.birthDate","path":"Patient.birthDate","min":1}]}}
JSON
tar -C "$scratch/ig" -czf "$scratch/ig.tgz" package

run package install "$scratch/ig.tgz" --cache "$cache"
expect "install" 0
says "install says what" out 'org.example.ig#1.2.0 installed, 2 files, with a new index'
run package install "$scratch/ig" --cache "$cache"
expect "install twice" 0
says "install twice says so" out 'is installed already'
run package install --format json --replace "$scratch/ig.tgz" --cache "$cache"
says "install as JSON" out '^\[\{"name":"org.example.ig".*"outcome":"replaced"'
run package install "$scratch/none.tgz" --cache "$cache"
expect "install what is not there" 1
head -c 200 "$scratch/ig.tgz" >"$scratch/cut.tgz"
run package install "$scratch/cut.tgz" --cache "$cache"
expect "install a cut archive" 1
says "a cut archive is named" err 'cut.tgz: the archive is (cut off|damaged)'
run package install "$scratch/ig.tgz"
expect "install into the home" 0
holds "the shared place" test -f "$scratch/home/.fhir/packages/org.example.ig#1.2.0/package/package.json"
run package install "$scratch/ig.tgz" "$scratch/cut.tgz" --format json --cache "$cache"
says "a failure is one JSON document" out '^\{"error":'

run package list --cache "$cache"
says "list" out '^org.example.ig#1.2.0$'
run package list nothing --cache "$cache" --format json
says "list as JSON" out '^\[\]$'
run package show org.example.ig --cache "$cache"
expect "show" 0
says "show: the profile" out 'http://example.org/p +profile on Patient'
says "show: dependencies" out 'org.example.base#0.1.0'
run package show org.example.ig@1.2.x --cache "$cache" --format json
says "show as JSON" out '"counts":\{"StructureDefinition":1\}'
run package show org.example.ib --cache "$cache"
expect "show a mistyped name" 1
says "a near name" err 'did you mean org.example.ig'

run package check org.example.ig --cache "$cache"
expect "check" 0
says "check: missing" out '^missing +org.example.base#0.1.0'
says "check: loaded" out '1 canonical resources'
echo '{' >"$cache/org.example.ig#1.2.0/package/StructureDefinition-p.json"
run package check org.example.ig --cache "$cache"
expect "check a damaged package" 1
says "check: damaged" out '^damaged +StructureDefinition-p.json'
run package install --replace "$scratch/ig.tgz" --cache "$cache"

run package snapshot http://example.org/p --package org.example.ig --cache "$cache" --table
expect "snapshot" 0
says "snapshot: the change" out '^Patient.birthDate +1\.\.1 +date'
says "snapshot: what is inherited" out '^Patient.name +0\.\.\* +HumanName'
says "snapshot: one line on what is missing" err 'org.example.base#0.1.0.*is not installed'
run package snapshot "$scratch/ig/package/StructureDefinition-p.json" --format json
says "snapshot of a file" out '"snapshot":\{"element":\[\{"id":"Patient"'
sed 's/birthDate/birthday/g' "$scratch/ig/package/StructureDefinition-p.json" >"$scratch/wrong.json"
run package snapshot "$scratch/wrong.json"
expect "snapshot of a wrong differential" 1
says "the element is named" err 'no such element \(at Patient.birthday\)'

run package remove org.example.ig --cache "$cache"
expect "remove needs the version" 2
run package remove org.example.ig#1.2.0 --cache "$cache"
expect "remove" 0
run package remove org.example.ig#1.2.0 --cache "$cache"
expect "remove twice" 1
done_testing
