#!/bin/sh
# Convert: JSON to XML and back from files, directories, lines and standard input; what does not fit is named.
. "$(dirname "$0")/lib.sh"

in=$scratch/in
mkdir -p "$in/deep"
patient='{"resourceType":"Patient","id":"p","active":true,"name":[{"given":["A","B"]}]}'
printf '%s' "$patient" >"$in/p.json"
printf '%s\n{"resourceType":"Observation","id":"o","valueQuantity":{"value":1.500}}\n' "$patient" >"$in/deep/l.ndjson"

run convert "$in/p.json"
expect "JSON to XML" 0
says "the XML form" out '<Patient xmlns="http://hl7.org/fhir"><id value="p"/><active value="true"/>'
cp "$scratch/out" "$in/x.xml"
run convert "$in/x.xml"
expect "XML to JSON" 0
holds "what comes back is what went in" test "$(cat "$scratch/out")" = "$patient"
run convert --pretty "$in/x.xml"
says "pretty JSON is indented" out '^  "active": true,$'
run convert --to xml --pretty "$in/x.xml"
says "pretty XML is indented" out '^  <active value="true"/>$'
"$firth" convert - <"$in/p.json" >"$scratch/out" 2>"$scratch/err"
code=$?
expect "standard input" 0
says "standard input is converted" out '<Patient '
gzip -c "$in/deep/l.ndjson" >"$scratch/l.ndjson.gz"
run convert --to json "$scratch/l.ndjson.gz"
expect "compressed lines" 0
says "decimals keep their digits" out '"value":1.500}'

run convert --to xml --output "$scratch/result" "$in"
expect "a directory" 0
says "the count" out '^4 converted, 0 failed$'
for name in p.xml x.xml deep/l-1.xml deep/l-2.xml; do holds "there is $name" test -s "$scratch/result/$name"; done
run convert --to json --output "$scratch/back" "$scratch/result"
holds "a directory comes back" test "$(cat "$scratch/back/p.json")" = "$patient"
holds "as many files come back" test "$(find "$scratch/back" -name '*.json' | wc -l)" -eq 4
run convert --to json --output "$scratch/lines" --format json "$in/deep"
holds "lines stay lines" cmp "$in/deep/l.ndjson" "$scratch/lines/l.ndjson"
says "the count for programs" out '^\{"converted":2,"failed":0\}$'

printf '<Patient xmlns="http://hl7.org/fhir">\n <activ value="true"/></Patient>' >"$scratch/bad.xml"
printf '{"resourceType":"Patient","x":1}\n%s\n' "$patient" >"$scratch/bad.ndjson"
run convert "$scratch/bad.xml" "$scratch/bad.ndjson" "$scratch/none.json"
expect "something that does not fit" 1
says "the place in a file" err 'bad.xml:2:2: .*activ.*(at Patient)'
says "the line of NDJSON" err 'bad.ndjson:1: .*"x"'
says "a file that is not there" err 'none.json: No such file'
says "the rest is converted" out '<Patient '
printf '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><Patient xmlns="http://hl7.org/fhir">&x;</Patient>' >"$scratch/dtd.xml"
run convert "$scratch/dtd.xml"
expect "a document type declaration" 1
says "a document type declaration is refused" err 'DOCTYPE'
run convert --to yaml "$in/p.json"
expect "another form" 2
run convert
expect "convert without a path" 2

done_testing
