#!/bin/sh
# The registry of EHRs: added after a look, listed, shown, tested, removed; beside firth.yaml, and never over it.
. "$(dirname "$0")/lib.sh"

cd "$scratch"
for vendor in epic cerner; do
	background $vendor sandbox $vendor --port 0 --data $vendor --patients 2 --no-auth
done
epic=$(listening epic)
cerner=$(listening cerner)

run ehr list
expect "an empty registry" 0
says "says how to fill it" out 'firth ehr add'
run ehr add main --url "$epic/"
expect "an EHR that is there" 0
says "its vendor is recognised" out '^added main +epic at '
says "what it is" out 'Epic May 2026, FHIR 4\.0\.1'
holds "kept in a file of its owner" test "$(stat -c %a firth-data/ehrs/main.yaml)" = 600
run ehr add main --url "$cerner"
expect "a name that is taken" 1
says "says how to replace it" err '--replace'
run ehr add main --url "$cerner" --replace --roster cerner/roster.txt
expect "replacing" 0
run ehr show main
says "the new address" out "base_url +$cerner"
says "the roster, by its whole path" out "roster +/.*/cerner/roster.txt"
run ehr add epic --url "$epic" --vendor cerner
expect "another vendor than it says" 0
says "is kept as told, with a warning" out 'says that it is epic, not cerner'

run ehr add away --url http://127.0.0.1:1/fhir
expect "nobody there" 1
says "nothing is kept" err 'Nothing was kept'
holds "indeed" test ! -e firth-data/ehrs/away.yaml
run ehr add away --url "$epic/nowhere"
expect "no FHIR base" 1
says "is told" err 'no FHIR base is there'
run ehr add away --offline --url http://127.0.0.1:1/fhir
expect "without looking, the vendor must be said" 2
run ehr add away --offline --vendor generic --url http://127.0.0.1:1/fhir --client-id app-1
expect "without looking" 0
for wrong in "--url ftp://x" "--url" "--url http://x/?q=1" "--vendor allscripts --url $epic" "--url $epic --key none.jwk" \
	"--url $epic --login-port 70000"; do
	# shellcheck disable=SC2086
	run ehr add wrong $wrong
	expect "ehr add wrong $wrong" 2
done
run ehr add "Big Name" --url "$epic"
expect "a name that cannot be one" 1
echo "no key" >some.key
chmod 600 some.key
run ehr add wrong --url "$epic" --client-id c --key some.key
expect "a key file that holds no key" 1
run ehr add wrong --url "$epic" --client-id 'a"b\c' --scopes 'system/Patient.rs'
expect "any client id" 0
run ehr show wrong --format json
says "comes back as it was" out '"client_id":"a\\"b\\\\c"'

run ehr list
expect "the list" 0
says "has one a line" out '^away +generic +nobody is logged in +never +app-1 +http://127.0.0.1:1/fhir$'
run ehr list --format json
says "for programs" out '"name":"main","vendor":"cerner".*"access":"open, no token"'

run ehr test main
expect "a test of one that works" 0
says "has read a patient" out '^read +ok .*Patient/[0-9]+, [0-9]+ bytes'
run ehr test epic --patient "$(head -n 1 epic/roster.txt)" --format json
says "for programs, too" out '"step":"read","result":"ok".*"ok":true'
run ehr test away
expect "a test of one that is away" 1
says "says so" out '^site +failed '
run get main "Patient/$(head -n 1 cerner/roster.txt)"
expect "every command knows the registry" 0
FIRTH_EHR_MAIN_BASE_URL=http://127.0.0.1:1/x run ehr show main
says "the environment wins" out 'base_url +http://127.0.0.1:1/x'
run ehr show main --set ehrs.main.base_url=http://127.0.0.1:2/x
says "and --set over it" out 'base_url +http://127.0.0.1:2/x'

printf 'ehrs:\n  - {name: listed, vendor: epic, base_url: "%s"}\n' "$epic" >firth.yaml
run ehr list
says "those of firth.yaml are there" out '^listed +epic'
says "and the registry's" out '^main +cerner'
run ehr add listed --url "$epic" --replace
expect "but not over firth.yaml" 1
says "which is named" err 'is in firth.yaml already'
run ehr remove listed
expect "nor taken out of it" 1
cp firth-data/ehrs/main.yaml firth-data/ehrs/listed.yaml
run ehr list
expect "a name in both" 1
says "says what to do" err 'listed is in firth.yaml and in .*/ehrs/listed.yaml: one of them must go'
rm firth.yaml
run ehr list
expect "a file that is named otherwise than its EHR" 1
says "is told" err 'about an EHR named main'
echo 'vendr: epic' >firth-data/ehrs/listed.yaml
run ehr list
expect "a mistake in a file" 1
says "has place and hint" err "listed.yaml:1:1: unknown key 'vendr' in ehrs; did you mean 'vendor'"
run ehr remove listed
expect "it can be removed all the same" 0
run ehr remove listed
expect "once" 1
run ehr list
expect "and then all is well" 0

# Directories: a hospital by its name.
cat >endpoints.json <<END
{"resourceType": "Bundle", "type": "collection", "entry": [
 {"resource": {"resourceType": "Endpoint", "id": "1", "status": "active", "name": "Saint Example Children's Hospital", "address": "$epic/"}},
 {"resource": {"resourceType": "Endpoint", "id": "2", "status": "active", "name": "Example Clinic", "address": "https://clinic.example/r4"}}]}
END
run ehr find example
expect "finding without a directory" 1
says "says what to do" err 'firth ehr directory load'
run ehr directory load endpoints.json
expect "a directory" 0
says "is counted" out '^2 places'
run ehr directory load bundle.txt
expect "one that is not there" 1
run ehr find childrens st
expect "finding" 0
says "gives the base URL" out "^Saint Example Children's Hospital.*epic +$epic$"
run ehr find clinic --format json
says "for programs" out '"name":"Example Clinic".*"base_url":"https://clinic.example/r4"'
run ehr find nowhere
expect "finding nothing" 1
run ehr add found --find "children example"
expect "an EHR by its name" 0
says "is the one" out "^added found +epic at $epic"
run ehr add clinic --find "example" --offline
expect "a name that several have" 1
says "tells them" err 'Example Clinic +https://clinic.example/r4'

# Budgets: a day's requests are counted over runs; a dead EHR is left alone, by everybody.
run ehr add counted --url "$cerner" --per-day 2
expect "an EHR with a budget" 0
for _ in 1 2; do run get counted "Patient/$(head -n 1 cerner/roster.txt)"; done
expect "is asked twice" 0
run get counted "Patient/$(head -n 1 cerner/roster.txt)"
expect "and not a third time" 1
says "for this reason" err 'the 2 requests of today are used up \(requests_per_day\)'
run ehr show counted
says "which can be seen" out 'requestsToday +2'
run ehr add dead --offline --vendor generic --url http://127.0.0.1:1/fhir --breaker-failures 2 --breaker-pause 1h
run get dead Patient/1
expect "an EHR that is dead" 1
run get dead Patient/1
expect "is not asked again" 1
says "but left alone" err 'failed 2 times in a row'
run ehr list --format json
says "which can be seen, too" out '"name":"dead".*"leftAlone":"it failed too often in a row"'

done_testing
