#!/bin/sh
# cds_replay.sh FIRTH CDS-SERVICE: past orders again: cards by rule and level, what users did, what another policy would change.
. "$(dirname "$0")/lib.sh"
service_program=$(realpath "$2")
cd "$scratch" || exit 1

order() { # order DRUG STATUS: a MedicationRequest
	printf '{"resourceType":"MedicationRequest","status":"%s","intent":"order","medicationCodeableConcept":{"text":"%s"},"subject":{"reference":"Patient/p"},"authoredOn":"2026-03-01"}' "$2" "$1"
}
allergy() { # allergy WORD
	printf '{"resourceType":"AllergyIntolerance","id":"a","code":{"text":"%s"},"patient":{"reference":"Patient/p"}}' "$1"
}
request() { # request ORDER RECORDS: of order-sign; RECORDS are resources with commas between
	entries=$(printf %s "$2" | sed 's/,{"resourceType"/},{"resource":{"resourceType"/g')
	[ -z "$entries" ] || entries='{"resource":'$entries'}'
	printf '{"hookInstance":"d1577c69-dfbe-44ad-ba6d-3e05e953b2ea","hook":"order-sign","context":{"userId":"Practitioner/1","patientId":"p","draftOrders":{"resourceType":"Bundle","entry":[{"resource":%s}]}},"prefetch":{"allergies":{"resourceType":"Bundle","entry":[%s]},"medications":{"resourceType":"Bundle"},"statements":{"resourceType":"Bundle"},"ended":{"resourceType":"Bundle"},"laboratory":{"resourceType":"Bundle"}}}' "$1" "$entries"
}
card() { # card UUID TOPIC
	printf '{"uuid":"%s","summary":"s","indicator":"warning","source":{"label":"l","topic":{"system":"https://firth.dev/fhir/CodeSystem/alert-topic","code":"t%s","display":"interaction/%s/x"}}}' "$1" "$2" "$2"
}
{
	request "$(order ibuprofen draft)" "$(order warfarin active)"; echo
	request "$(order amoxicillin draft)" "$(allergy penicillin)"; echo
	request "$(order metformin draft)" ""; echo
	printf '{"orders":[%s],"records":[%s]}\n' "$(order ibuprofen draft)" "$(order warfarin active)"
	printf '{"resourceType":"Bundle","entry":[{"resource":%s},{"resource":%s}]}\n' "$(order ibuprofen draft)" "$(order warfarin active)"
	printf '{"request":%s,"answer":{"cards":[%s]},"feedback":{"feedback":[{"card":"u1","outcome":"overridden","outcomeTimestamp":"2026-03-01T00:00:00Z"}]}}\n' \
		"$(request "$(order ibuprofen draft)" "$(order warfarin active)")" "$(card u1 DD022)"
} >past.ndjson

run cds replay past.ndjson
expect "past orders" 0
says "the figures" out '^6 orders in 6 requests: 5 cards, 83\.33 per 100 orders; 16\.7% of requests had none'
says "an interaction" out '^DD022 +4 +66\.67 +0 +4 +0 \| +1 \| +0 +100%  warfarin with nsaid'
says "an allergy" out '^AX002 +1 +16\.67 +1 +0 +0'
run cds replay past.ndjson --silence DD022
expect "without a rule" 0
says "how many less" out '^DD022 +4 +66\.67 +0 +4 +0 \| +0 +0 +0 +0 +-4'
says "in a sentence" out '^With DD022=off: 16\.67 instead of 83\.33 cards per 100 orders \(-4; critical \+0, warning -4, info \+0\); 83\.3% of requests'
run cds replay past.ndjson --lower kind:interaction --raise DD022 --format json
expect "two changes, as JSON" 0
says "raised first, then lowered by the later one" out '"changes":\["DD022=raise","kind:interaction=lower"\]'
says "figures of a rule" out '"rule":"DD022","about":"warfarin with nsaid","cards":4,"cards_per_100_orders":66\.6667,"critical":0,"warning":4,"info":0,"changed":\{"cards":4,"cards_per_100_orders":66\.6667,"critical":0,"warning":0,"info":4\},"recorded":\{"cards":1,"cards_per_100_orders":16\.6667,"critical":0,"warning":1,"info":0\},"accepted":0,"overridden":1'
run cds replay past.ndjson --policy DD022=off --change AX002=info
expect "on top of a site's policy" 0
says "the site's" out '^1? ?6 orders in 6 requests: 1 cards'
says "the change" out '^AX002 +1 +16\.67 +1 +0 +0 \| +1 +0 +0 +1 +\+0'
gzip -k past.ndjson
run cds replay past.ndjson.gz --quiet
expect "packed" 0
says "the same figures" out '^6 orders in 6 requests: 5 cards'
"$firth" cds replay - <past.ndjson >out.txt 2>/dev/null
holds "from standard input" grep -q '^6 orders in 6 requests: 5 cards' out.txt
run cds replay past.ndjson --threads 3
says "with more threads" out '^6 orders in 6 requests: 5 cards'

# ---- feedback of its own file, and by topic
{
	printf '{"feedback":[{"card":"u1","outcome":"accepted"},{"card":"nobody","outcome":"overridden"}]}\n'
	printf '{"feedback":[{"card":"tDD022","outcome":"overridden"},{"card":"u1","outcome":"seen"}]}\n'
} >feedback.ndjson
run cds replay past.ndjson --feedback feedback.ndjson
expect "feedback in a file" 0
says "one accepted of three" out '^DD022 .*\| +1 +67%'
says "a card that is not there" out 'note: 1 outcomes are about cards that are not in the input'
says "an outcome that is none" out 'note: 1 outcomes say neither'

# ---- what cannot be read
{ cat past.ndjson; echo '{"hook":"order-sign","context":{}}'; echo 'nonsense'; echo '{"x":1}'; } >bad.ndjson
run cds replay bad.ndjson
expect "lines that cannot be read" 1
says "which" err 'bad\.ndjson:7: .*hookInstance|bad\.ndjson:7: '
says "no JSON" err 'bad\.ndjson:8: '
says "nothing of use" err 'bad\.ndjson:9: it is no request'
says "they are counted" out 'note: 3 lines could not be read'
says "the others, too" out '^6 orders in 6 requests: 5 cards'
run cds replay past.ndjson --silence DD999999
expect "a rule that there is not" 2
run cds replay past.ndjson --silence class:nosuch
expect "a class that there is not" 2
run cds replay past.ndjson --change DD022=loud
expect "a level that there is not" 2
run cds replay nosuch.ndjson
expect "a file that there is not" 1

# ---- a service
mkdir svc
printf '{"cards":[%s,{"uuid":"u8","summary":"s","indicator":"critical","source":{"label":"Other"}}]}' "$(card u9 DD022)" >svc/sign.json
: >svc.out # before anybody looks into it
"$service_program" svc >svc.out 2>svc.err </dev/null &
started=$!
children="$children $started"
url=$(listening svc)
run cds replay past.ndjson --service "$url/cds-services/sign"
expect "a service is asked" 0
says "its cards" out '^6 orders in 6 requests: 12 cards, 200\.00 per 100 orders'
says "by topic" out '^DD022 +6 '
says "or by who says it" out '^Other +6 +100\.00 +6'
says "how long it took" out '^answered within [0-9]+ ms'
holds "it got all requests" [ "$(grep -c '"path":"/cds-services/sign"' svc/requests.ndjson)" = 6 ]
echo '{"cards":[{}]}' >svc/sign.json
run cds replay past.ndjson --service "$url/cds-services/sign" --format json
expect "wrong answers" 1
says "are counted" out '"answers_with_mistakes":6'
rm svc/sign.json
run cds replay past.ndjson --service "$url/cds-services/sign"
expect "no answers" 1
says "are counted, too" out '6 requests were not answered'
run cds replay past.ndjson --service "$url"
expect "which service?" 2
run cds replay past.ndjson --service "$url/cds-services/sign" --silence DD022
expect "rules of a service" 2
# Our own service says what our engines say offline.
{ head -n 3 past.ndjson; request "$(order ibuprofen draft)" "$(order ibuprofen active),$(order naproxen active)"; echo; } >some.ndjson
run cds replay some.ndjson --format json
cp out offline.json
serve --data data --cds
run cds replay some.ndjson --service "http://127.0.0.1:$port/cds-services/firth-order-sign" --format json
expect "our own service, asked" 0
holds "the same cards as offline" [ "$(grep -o '"rule":"[^"]*"\|"cards":[0-9]*' out)" = "$(grep -o '"rule":"[^"]*"\|"cards":[0-9]*' offline.json)" ]
printf 'cds_policy:\n  - {name: quiet, rule: DD022, action: off}\n' >firth.yaml
run cds replay some.ndjson
expect "with the policy of firth.yaml" 0
says "which is followed" out '^4 orders in 4 requests: 3 cards'
printf 'cds_policy:\n  - {name: quiet, rule: DD022, role: Practitioner, action: off}\n' >firth.yaml
run cds replay some.ndjson
says "by the role that the server would see" out '^4 orders in 4 requests: 3 cards'
run cds replay some.ndjson --role pharmacist
says "or by another" out '^4 orders in 4 requests: 4 cards'
rm firth.yaml
run cds replay svc/requests.ndjson
expect "what it wrote down can be replayed" 0
says "the same figures" out '^18 orders in 18 requests: 15 cards'
done_testing
