#!/bin/sh
# grants.sh FIRTH [POSTGRESQL-URL]: what people have allowed apps to do, as an operator sees and ends it: firth grant list, show and
# revoke over grants that a person really gave on the pages.
. "$(dirname "$0")/../app/lib.sh"
. "$(dirname "$0")/person.sh"
store="--data $scratch/data"
[ -z "${2:-}" ] || store="$store --db $2"

cat >"$scratch/firth.yaml" <<END
server: {auth: on, port: 0}
users:
  - {name: anna, password_hash: '$hash', display: Dr. Anna Berg, fhir_user: Practitioner/7, patients: '*'}
  - {name: ada, password_hash: '$hash', display: Ada Quill, fhir_user: Patient/ada}
clients:
  - {client_id: chart, name: Growth Chart, redirect_uris: $redirect, scopes: 'openid offline_access launch/patient patient/*.rs'}
  - {client_id: diary, name: Diary, redirect_uris: $redirect, scopes: 'openid launch/patient patient/*.rs'}
END
cat >"$scratch/data.ndjson" <<'END'
{"resourceType":"Patient","id":"ada","name":[{"family":"Quill","given":["Ada"]}],"birthDate":"1980-02-03"}
{"resourceType":"Patient","id":"ben","name":[{"family":"Ash","given":["Ben"]}],"birthDate":"1971-05-06"}
END
govern() { # govern ARGUMENTS...: a command of firth with this configuration
	# shellcheck disable=SC2086
	run "$@" --config "$scratch/firth.yaml" $store
}
govern import "$scratch/data.ndjson"
# shellcheck disable=SC2086
serve --config "$scratch/firth.yaml" $store || bad "serve starts"
root=http://127.0.0.1:$port fhir=$root/fhir

allow() { # allow CLIENT USER PATIENT SCOPE: $token, $refresh
	client=$1 user=$2 patient=$3
	agree "$4" || bad "$2 lets $1 in"
	redeem
	token=$(text access_token) refresh=$(text refresh_token)
}
grant_of() { # the id of the only grant in the JSON in out
	sed -n 's/.*"grants":\[{"id":"\([^"]*\)".*/\1/p' "$scratch/out"
}
reads() { # reads NAME STATUS TOKEN PATIENT
	token=$3
	api "Patient/$4"
	answers "$1" "$2"
}

govern grant list
expect "before anybody allowed anything" 0
says "says so" out '^nobody has allowed anything$'
allow chart anna ada 'openid offline_access launch/patient patient/*.rs'
annas=$token annas_refresh=$refresh
allow diary anna ben 'launch/patient patient/*.rs'
diary=$token
allow chart ada ada 'launch/patient patient/*.rs'
adas=$token

govern grant list
expect "list" 0
holds "three grants" [ "$(grep -c '^  client ' "$scratch/out")" = 3 ]
says "one that goes on while the user is away" out '^[^ ]+  also while the user is away$'
says "its client" out 'client +chart'
says "who gave it" out 'user +anna'
says "about whom" out 'patient +ben'
says "what it may" out 'scopes +.*patient/\*\.rs'
says "when it ends" out 'ends +20[0-9T:-]+Z'
silent_about "no token in it" out "$annas|$annas_refresh"
govern grant list --user ada
holds "of one user" [ "$(grep -c '^  client ' "$scratch/out")" = 1 ]
govern grant list --client diary --format json
says "of one client, for machines" out '"client":"diary","user":"anna",'
id=$(grant_of)
holds "by its id" [ -n "$id" ]
govern grant show "$id"
expect "show" 0
says "that one" out 'client +diary'
silent_about "and no other" out 'client +chart'
govern grant show no-such-grant
expect "one that is not there" 1
says "names it" err 'no grant no-such-grant'

reads "before" 200 "$diary" ben
govern grant revoke "$id"
expect "revoke" 0
says "how many" out '^revoked: 1$'
reads "its token has ended" 401 "$diary" ben
says "and says why" out 'token-revoked'
reads "another of the same person goes on" 200 "$annas" ada
govern grant show "$id"
expect "it is not listed any more" 1
govern grant revoke "$id"
expect "twice" 1
govern grant revoke --client chart --user anna
says "of a client and a user" out '^revoked: 1$'
reads "it has ended" 401 "$annas" ada
reads "that of another user has not" 200 "$adas" ada
client=chart
post /auth/token -d "grant_type=refresh_token&refresh_token=$annas_refresh&client_id=chart"
answers "nothing is refreshed" 400
says "by its code" out '"refusal":"refresh-revoked"'
govern grant revoke --user ada
says "all of a user" out '^revoked: 1$'
reads "it has ended, too" 401 "$adas" ada
govern grant revoke
expect "nothing named" 2
govern grant revoke "$id" --user anna
expect "two things named" 2
govern grant list
says "nothing is left" out '^nobody has allowed anything$'
govern audit list --format json
says "each is written down" out '"interaction":"grant.revoke"'
stop_server
done_testing
