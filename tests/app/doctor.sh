#!/bin/sh
# The doctor as a person meets it: a healthy sandbox, one that has faults, certificates that are no good.
. "$(dirname "$0")/lib.sh"

cd "$scratch"
background epic sandbox epic --port 0 --data epic --patients 3
background cerner sandbox cerner --port 0 --data cerner --patients 3 --no-auth
epic=$(listening epic)
cerner=$(listening cerner)

"$firth" ehr add cerner --url "$cerner" --roster cerner/roster.txt >/dev/null
run doctor cerner
expect "an EHR that is well" 0
says "each step is told" out '^base +ok +Oracle Health'
says "each type is read" out '^read +ok +Observation: [0-9]+ on the first page'
says "and it says so" out '^all is well: 0 failed'
run doctor cerner --format json
says "for programs" out '"well":true.*"step":"tls".*"step":"read","title":"a first read","subject":"Patient","result":"ok"'

run doctor cerner --record doctor.har
expect "an examination that is written down" 0
holds "has each call" grep -q 'smart-configuration' doctor.har

openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out stranger.pem 2>/dev/null
chmod 600 stranger.pem
"$firth" ehr add epic --url "$epic" --client-id nobody --key stranger.pem >/dev/null
run doctor epic
expect "a client that the EHR does not know" 1
says "is told at its step" out '^token +failed .*invalid_client'
says "with the causes in their order" out '1\. the client id may be of the other environment'
says "in the words of the vendor" out 'Non-Production Client ID'
says "and the next thing to do" out '-> Compare with the app.s JWK Set URL'
silent_about "no secret is printed" out 'PRIVATE|eyJ'

"$firth" ehr add people --url "$epic" --login-client-id nobody --login-port 8765 >/dev/null
run doctor people --format json
expect "an app that the EHR does not know" 1
says "is told at the redirect" out '"step":"redirect".*"result":"failed".*"cause":"redirect-unregistered"'

"$firth" ehr add gone --offline --vendor generic --url http://127.0.0.1:1/fhir >/dev/null
run doctor gone
expect "nobody there" 1
says "is told" out '^tls +failed +nobody answers'
run doctor nobody
expect "an EHR that is not known" 2

# Certificates: expired, of another host, of nobody that is trusted.
if command -v openssl >/dev/null && openssl s_server -help 2>&1 | grep -q -- -accept; then
	certificate() { # certificate NAME COMMON-NAME DAYS
		openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.crt" -subj "/CN=$2" -addext "subjectAltName=$4" -days "$3" 2>/dev/null
	}
	known() { # known NAME OFFSET: a server with the certificate of that name, and an EHR of the same
		tls_server "$2" -cert "$1.crt" -key "$1.key" -www >/dev/null 2>&1
		"$firth" ehr add "$1" --offline --vendor generic --url "https://127.0.0.1:$port/fhir" >/dev/null
	}
	certificate named other.example 30 DNS:other.example
	known named 1
	run doctor named
	expect "a certificate of another host" 1
	says "is told" out "^tls +failed +the server's certificate is for another host"
	certificate unknown 127.0.0.1 30 IP:127.0.0.1
	known unknown 2
	run doctor unknown
	says "one that nobody vouches for" out 'ends at no authority that this machine trusts'
	if certificate ended 127.0.0.1 -1 IP:127.0.0.1 && [ -s ended.crt ]; then
		known ended 3
		run doctor ended
		says "one that has ended" out "certificate has ended"
	fi
fi
done_testing
