#!/bin/sh
# The pages of the sign-in, as a browser asks for them: p50, p95 and p99 in milliseconds of a hundred times each, over one
# connection, with 5,000 patients to choose from. usage: pages.sh FIRTH [TIMES]. Needs curl.
. "$(dirname "$0")/../tests/app/lib.sh"
. "$(dirname "$0")/../tests/auth/person.sh"
times=${2:-100}
patients=5000
cat >"$scratch/firth.yaml" <<END
server: {auth: on, port: 0}
users:
  - {name: anna, password_hash: '$hash', display: Dr. Anna Berg, fhir_user: Practitioner/7, patients: '*'}
clients:
  - {client_id: growth, name: Growth Chart, redirect_uris: $redirect, scopes: 'openid fhirUser offline_access launch/patient patient/*.rs'}
END
seq "$patients" | awk '{
	printf "{\"resourceType\":\"Patient\",\"id\":\"p%d\",\"name\":[{\"family\":\"Family%d\",\"given\":[\"Given%d\"]}],", $1, $1 % 700, $1
	printf "\"gender\":\"%s\",\"birthDate\":\"19%02d-03-04\"}\n", $1 % 2 ? "male" : "female", $1 % 100 }' >"$scratch/patients.ndjson"
run import --config "$scratch/firth.yaml" --data "$scratch/data" "$scratch/patients.ndjson"
[ "$code" -eq 0 ] || { cat "$scratch/err"; exit 1; }
serve --config "$scratch/firth.yaml" --data "$scratch/data" || { cat "$scratch/err"; exit 1; }
root=http://127.0.0.1:$port fhir=http://127.0.0.1:$port/fhir client=growth

# NAME STATUS URL [CURL ARGUMENTS...]: the URL so many times, each with a number of its own behind it.
measure() {
	name=$1 status=$2 url=$3
	shift 3
	case $url in *\?*) url="$url&n=[1-$times]" ;; *) url="$url?n=[1-$times]" ;; esac
	curl -s -o /dev/null -b "$scratch/jar" -w '%{http_code} %{time_total}\n' "$@" "$url" >"$scratch/times"
	awk -v want="$status" '$1 != want { bad++ } END { if (bad) print bad " of " NR " had another status, as " $1 }' "$scratch/times"
	awk '{ print $2 * 1000 }' "$scratch/times" | sort -n | awk -v name="$name" '{ t[NR] = $1 }
		function at(part) { i = int(NR * part + 0.999); return t[i < 1 ? 1 : i] }
		END { printf "%-36s p50 %6.2f ms  p95 %6.2f ms  p99 %6.2f ms\n", name, at(0.5), at(0.95), at(0.99) }'
}

# Where the last step of the browser led, and the id of the authorization request in it.
follow() {
	page=$to
	id=$(printf %s "$to" | sed -n 's/.*[?&]request=\([^&]*\).*/\1/p')
	[ -n "$id" ] || { echo "the sign-in ended at $code $to"; head -c 600 "$scratch/out"; exit 1; }
}

request 'openid fhirUser launch/patient patient/Observation.rs patient/Condition.rs patient/MedicationRequest.rs offline_access'
touch "$scratch/jar"
measure 'style sheet' 200 "$root/auth/page.css"
measure 'authorization request, to the sign-in' 303 "$root/auth/authorize?$query"
measure 'error page of a wrong redirect_uri' 400 "$root/auth/authorize?$query&redirect_uri=x"
browse "$root/auth/authorize?$query"
follow
measure 'sign-in page' 200 "$page"
browse -d "request=$id" --data-urlencode "user=$user" --data-urlencode "password=$password" "$root/auth/login"
follow
measure 'patient picker' 200 "$page"
measure 'patient picker, searched by name' 200 "$page&name=Family69"
browse -d "request=$id&patient=p17" "$root/auth/pick"
follow
measure 'consent' 200 "$page"
measure 'my apps' 200 "$root/auth/apps"
