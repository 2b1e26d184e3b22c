#!/bin/sh
# Patch: the three kinds on both forms, in place or not; what fails names the operation and changes nothing.
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
printf '{"resourceType":"Patient","id":"p","active":true,"name":[{"text":"a"}]}' >p.json
printf '<Patient xmlns="http://hl7.org/fhir"><id value="p"/><active value="true"/></Patient>' >p.xml
printf '[{"op":"replace","path":"/active","value":false}]' >json.patch
printf '<diff><replace sel="Patient/active/@value">false</replace></diff>' >xml.patch
cat >fhir.patch <<'J'
{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"replace"},
 {"name":"path","valueString":"Patient.active"},{"name":"value","valueBoolean":false}]}]}
J
"$firth" convert fhir.patch >fhir-xml.patch

for kind in json xml fhir fhir-xml; do
	run patch p.json $kind.patch
	expect "$kind patch of JSON" 0
	holds "$kind patch of JSON: the result" test "$(cat out)" = '{"resourceType":"Patient","id":"p","active":false,"name":[{"text":"a"}]}'
	run patch p.xml $kind.patch
	expect "$kind patch of XML" 0
	says "$kind patch of XML: the result" out '^<.xml.*<id value="p"/><active value="false"/></Patient>$'
done
"$firth" patch - json.patch --pretty <p.json >out 2>err
code=$?
expect "standard input" 0
says "pretty" out '^  "active": false,$'
cp p.json q.json
chmod 640 q.json
run patch --in-place q.json json.patch
expect "in place" 0
says "in place: the file" ../$(basename "$scratch")/q.json '"active":false'
holds "in place: its permissions" test "$(stat -c %a q.json)" = 640
holds "in place: nothing on standard output" test ! -s out

printf '[{"op":"remove","path":"/active"},{"op":"remove","path":"/birthDate"}]' >bad.patch
run patch --in-place q.json bad.patch
expect "an operation that fails" 1
says "it is named" err 'operation 2 \(remove /birthDate\): there is nothing at this place'
says "nothing was changed" ../$(basename "$scratch")/q.json '"active":false'
printf '[{"op":"add","path":"/x","value":1}]' >odd.patch
run patch p.json odd.patch
expect "a result that is no resource" 1
says "what is wrong with it" err 'no valid resource.*"x"'
run patch --unchecked p.json odd.patch
expect "a result that is no resource, wanted" 0
says "it is written" out '"x":1'
run patch p.json p.json
expect "no patch" 1
says "what a patch is" err 'no patch'
run patch p.json none.patch
expect "a patch that is not there" 1
run patch --format json p.json bad.patch
says "errors for programs" out '"error":\{.*operation 2'
run patch - -
expect "twice standard input" 2
run patch p.json
expect "half the arguments" 2

done_testing
