#!/bin/sh
# Clients and keys governed by commands, and firth why: with the server stopped and running, in a directory or in a
# database, at the root and in a tenant. What is refused is explained, secrets are shown once and kept nowhere.
# usage: governance.sh FIRTH [URL of a database, otherwise in a directory]
. "$(dirname "$0")/lib.sh"
data=${2:-$scratch/data}
[ -z "${2:-}" ] || cd "$scratch" # files beside the database

field() { sed -n "s/.*\"$1\":\"\\([^\"]*\\)\".*/\\1/p" "$scratch/out" | head -n 1; }

# ---- without a server
run client list --data "$data"
expect "no clients" 0
says "how to make one" out 'firth client add'
run client add --data "$data" --id web --name 'Growth Chart' --scope 'launch/patient patient/*.rs' \
	--redirect-uri https://app.example.org/cb --client-auth client_secret_basic --secret-expires 9d
expect "a web app" 0
says "its secret is shown" out '^  secret +[A-Za-z0-9_-]{43}$'
says "and that it is the only time" out 'cannot show it again'
says "it ends soon" out 'the secret of web expires'
run client add --data "$data" --id web --scope 'patient/*.rs' --redirect-uri https://app.example.org/cb
expect "twice" 1
says "says so" err 'web'
run client add --data "$data" --id bad --scope 'patient/*.rs' --redirect-uri http://app.example.org/cb
expect "a redirect URI that is not safe" 1
run client add --data "$data" --expires tomorrow
expect "a time that is none" 2
run client add --data "$data" --id etl --scope 'system/*.rs' --make-key "$scratch/etl.json"
expect "a backend service" 0
holds "its key is its owner's alone" [ "$(stat -c %a "$scratch/etl.json")" = 600 ]
holds "and is a private one" grep -q '"d":' "$scratch/etl.json"
run client show --data "$data" etl --format json
silent_about "the registry has the public half alone" out '"d":'
run client add --data "$data" --id svc --scope system/Observation.rs --client-auth client_secret_basic \
	--grant-type client_credentials --expires 90d --format json
expect "a service with a secret" 0
secret=$(field secret)
holds "which is there" [ "${#secret}" -ge 32 ]
run client list --data "$data"
says "all are listed" out '^web +enabled +client_secret_basic'
says "with their ends" out '^svc +enabled +client_secret_basic +20[0-9-]+T'
says "the warning is there" out 'the secret of web expires'
run client export --data "$data"
expect "export" 0
says "by the names of RFC 7591" out '"redirect_uris":\["https://app.example.org/cb"\]'
silent_about "without secrets" out "$secret|secret_sha256"
echo '{"client_name":"From a file","scope":"system/Patient.rs","grant_types":["client_credentials"],"token_endpoint_auth_method":"client_secret_post"}' >"$scratch/meta.json"
run client add --data "$data" --metadata "$scratch/meta.json" --name 'By option'
expect "from metadata" 0
says "an option is stronger" out 'By option'
run audit list --data "$data"
says "what was done is recorded, with the id that was made" out 'C client.add +by operator +client [A-Za-z0-9-]+'
run client show --data "$data" nobody
expect "one that is not there" 1
run key list --data "$data"
says "listing makes no keys" out 'no keys yet'
run key rotate --data "$data"
expect "keys" 0
run key list --data "$data" --format json
says "a replaced one shows its end" out '"published_until":"20'

# ---- with a server
serve --data "$data" --auth --tenants || bad "serve starts"
base=http://127.0.0.1:$port
for _ in $(seq 600); do # it looks once it serves
	grep -q client_expires "$scratch/serve.log" && break
	sleep 0.05
done
says "the log warns of what ends" serve.log '"event":"client_expires".*"client":"web".*"what":"secret"'
code=$(curl -s -o "$scratch/out" -w '%{http_code}' "$base/readyz")
expect "and the server is ready" 200

token() { # token SECRET ID-OF-REQUEST: $token, status in $code
	code=$(curl -s -o "$scratch/out" -w '%{http_code}' -u "svc:$1" -H "X-Request-Id: $2" \
		-d grant_type=client_credentials -d scope=system/Observation.rs "$base/auth/token")
	token=$(field access_token)
}
ask() { # ask ID-OF-REQUEST PATH [TOKEN]: status in $code
	code=$(curl -s -o "$scratch/out" -D "$scratch/err" -w '%{http_code}' -H "X-Request-Id: $1" \
		${3:+-H "Authorization: Bearer $3"} "$base/fhir/$2")
}
token "$secret" t-good
expect "a token" 200
ask r-good 'Observation?code=x' "$token"
expect "which lets in" 200
ask r-scope Patient/1 "$token"
expect "as far as its scope" 403
says "the answer has the code" out '"code":"scope-missing"'
says "and what was needed" err 'scope="system/Patient.r"'
says "and where to look" out 'firth why r-scope'
token wrong t-wrong
expect "a wrong secret" 401
says "by its code" out '"refusal":"secret-wrong"'
ask r-none Patient
expect "no token" 401
says "where the server is described" err 'resource_metadata="http[^"]*/.well-known/oauth-protected-resource/fhir"'

run why --data "$data" r-scope
expect "why" 0
says "what it was" out '403 refused: scope-missing'
says "by whom" out 'client svc, grant [^ ]+, from 127'
says "what passed" out '✓ was an access token sent'
says "what did not" out '✗ do the token.s scopes allow it'
says "what was had" out 'had +system/Observation.rs'
says "what was needed" out 'needed +system/Patient.r'
says "what to do" out 'What to do: Ask for a scope'
run why --data "$data" r-good
expect "of what was let in" 0
says "by which scope and grant" out 'grant [^ ]+, scope system/Observation.rs'
run why --data "$data" t-good
says "the token that was given, with what it may" out 'scope system/Observation.rs'
run why --data "$data" t-wrong
says "of the token endpoint" out '401 refused: secret-wrong'
silent_about "the secret that was tried is nowhere" out 'svc:wrong'
run why --data "$data" r-scope --format json
says "for machines" out '"refusal":"scope-missing".*"checks":\[\{"check":"token-found","passed":true\}'
run why --data "$data" --last
says "the newest" out '^Request r-none'
run why --data "$data" --last 3
holds "the newest three" [ "$(grep -c '^Request ' "$scratch/out")" = 3 ]
run why --data "$data" unknown-request
expect "one that nobody knows" 1
says "says where to look" err 'X-Request-Id'
run why --data "$data"
expect "neither" 2

# Commands go to the store whoever has it.
run client rotate --data "$data" svc --overlap 0s --format json
expect "rotate" 0
other=$(field secret)
token "$secret" t-old
expect "the old secret ends at once" 401
token "$other" t-new
expect "the new one works" 200
run client rotate --data "$data" svc --format json
token "$other" t-overlap
expect "with overlap the one before goes on" 200
run client disable --data "$data" svc
expect "disable" 0
ask r-disabled Observation "$token"
expect "its tokens end at once" 401
says "says why" out 'token-client-disabled'
run client enable --data "$data" svc --expires never
ask r-enabled Observation "$token"
expect "enabled, they are good again" 200
run key rotate --data "$data"
expect "new keys" 0
says "the old ones are still known" out 'signs +'
run client remove --data "$data" svc
expect "remove" 0
ask r-removed Observation "$token"
expect "nothing of it is good" 401

# ---- a tenant
run tenant add --data "$data" alpha
run client add --data "$data" --tenant alpha --id svc --scope system/Observation.rs --client-auth client_secret_basic \
	--grant-type client_credentials --format json
expect "a client of a tenant" 0
theirs=$(field secret)
run client list --data "$data" --tenant alpha --format json
silent_about "the root's are none of its own" out '"client":"web"'
run client list --data "$data" --tenant gamma
expect "no such tenant" 1
code=$(curl -s -o "$scratch/out" -w '%{http_code}' -u "svc:$theirs" -H "X-Request-Id: t-tenant" \
	-d grant_type=client_credentials -d scope=system/Patient.rs "$base/t/alpha/auth/token")
expect "asking for more than it may have" 400
run why --data "$data" t-tenant
says "found without naming the tenant" out 'of tenant alpha'
says "why" out 'refused: scope-not-registered'

# ---- a flood is kept within its budget, and every refusal has its record
i=0
minute=
while [ "$minute" != "$(date +%M)" ]; do # the budget is that of a minute by the clock
	minute=$(date +%M)
	flood=0
	while [ $flood -lt 45 ]; do
		flood=$((flood + 1))
		i=$((i + 1))
		ask "flood-$i" Patient bad-token
	done
done
run why --data "$data" "flood-$i"
expect "one too many" 0
says "has its record" out 'refused 401'
says "but not its checks" out 'The checks were not kept'
stop_server
silent_about "no secret in the log" serve.log "$secret|$other|$theirs"
run why --data "$data" r-scope
expect "after the server is gone" 0
case $data in
postgres*) ;;
*) holds "no secret in the store" sh -c "! grep -aq -e '$secret' -e '$other' -e '$theirs' '$data'/firth.sqlite* '$data'/tenants/*/firth.sqlite*" ;;
esac
run audit verify --data "$data"
expect "the audit chain is whole" 0
done_testing
