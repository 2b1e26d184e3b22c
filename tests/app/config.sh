#!/bin/sh
# firth.yaml from outside: found, checked, overridden; mistakes have a place and a hint.
. "$(dirname "$0")/lib.sh"
cd "$scratch" || exit 1

run config check
expect "no file at all" 0
says "defaults are shown" out 'built-in defaults'
printf 'server:\n  port: 9090\n  data: here\n' >firth.yaml
run config check --format json
expect "firth.yaml in the working directory" 0
says "its port" out '"port":9090'
says "its data" out '"data":"here"'
mkdir sub
printf 'server:\n  data: here\n' >sub/other.yaml
run config check --config sub/other.yaml --format json
says "paths count from the file" out '"data":"sub/here"'
FIRTH_CONFIG=sub/other.yaml FIRTH_DATA=elsewhere run config check --format json
says "the environment wins over the file" out '"data":"elsewhere"'
FIRTH_DATA=elsewhere run config check --data typed --format json
says "the command line wins over the environment" out '"data":"typed"'

run config check --config absent.yaml
expect "a file that is not there" 1
says "it is named" err 'absent.yaml'
printf 'server:\n  prot: 1\n' >bad.yaml
run config check --config bad.yaml
expect "an unknown key" 1
says "place and hint" err "bad.yaml:2:3: unknown key 'prot' in server; did you mean 'port'"
run config check --config bad.yaml --format json
says "the same for programs" out '"error":\{"code":"CONFIG".*"line":2,"column":3'
run serve --config bad.yaml
expect "serve refuses it too" 1
printf 'server:\n  host: 192.0.2.1\n' >wide.yaml
run config check --config wide.yaml
expect "a wide host without authorization" 1
says "and why" err 'loopback only'

printf 'ehrs:\n  - {name: e1, vendor: epic, base_url: "http://127.0.0.1:1/x", client_id: c, key_file: none.jwk}\n' >ehr.yaml
run config check --config ehr.yaml
expect "a key file that is not there" 1
says "it says whose" err 'ehr e1.*none.jwk'
printf 'not a key' >none.jwk
chmod 600 none.jwk
run config check --config ehr.yaml
expect "a key file that holds no key" 1
run config check --config ehr.yaml --set ehrs.e9.base_url=http://x
expect "--set for an EHR that is not there" 2

# Limits: the file, the environment, --set; out of range or of no form is told.
printf 'limits:\n  body: 1 MB\n  query: 2s\n  page: 20\n' >limits.yaml
FIRTH_LIMIT_PAGE=30 run config check --config limits.yaml --set limits.query=500ms --format json
expect "limits" 0
says "from the file" out '"body":1048576'
says "the environment over the file" out '"page":30'
says "--set over both" out '"query":500,'
run config check --config limits.yaml
says "for people, what differs from the default" out 'body: 1 MB \(default 64 MB\)'
silent_about "and nothing else" out 'entries'
printf 'limits:\n  body: huge\n' >limits.yaml
run config check --config limits.yaml
expect "a size that is none" 1
says "place and form" err "limits.yaml:2:9: 'body' is no size such as 64 MB"
printf 'limits:\n  body: 1\n' >limits.yaml
run config check --config limits.yaml
expect "a limit out of range" 1
says "its range" err 'limits.body is 1 B, but must be from 1 KB to 2 GB'
printf 'tokens:\n  access: 2 d\n' >tokens.yaml
run config check --config tokens.yaml
expect "an access token that outlives the memory of revocations" 1
says "its range" err 'tokens.access is 2 d, but must be from 1 min to 1 d'
FIRTH_LIMIT_DEPTH=x run config check
expect "a bad limit from the environment" 1
says "the variable is named" err 'FIRTH_LIMIT_DEPTH'
run serve --help
says "serve tells them" out '--limit-body SIZE.*default 64 MB'

printf 'server:\n  auth: on\n  break_glass: [a]\npolicy:\n  - name: some\n    types: [Patient]\n    where: name=x\n' >policy.yaml
run config check --config policy.yaml
expect "a policy" 0
says "its rules are shown" out 'policy *permit  some'
sed 's/name=x/colour=red/' policy.yaml >colour.yaml
run config check --config colour.yaml
expect "a rule that is no search" 1
says "the rule and the parameter are named" err 'rule some: where, of Patient: Patient has no search parameter "colour"'
sed 's/auth: on/auth: off/' policy.yaml >off.yaml
run config check --config off.yaml
expect "a policy that nobody is held to" 1
says "what to do" err 'set auth: on'

printf 'server:\n  time_zone: ../passwd\n' >zone.yaml
run config check --config zone.yaml
expect "a time zone that is a path" 1
says "what it should be" err 'time_zone: ../passwd is no name such as America/New_York'
printf 'server:\n  time_zone: Atlantis/Capital\n' >zone.yaml
run config check --config zone.yaml
expect "a time zone that is nowhere" 1
says "what may be missing" err 'time_zone .*tzdata.*Atlantis/Capital'

done_testing
