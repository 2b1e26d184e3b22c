#!/bin/sh
# An authority of the site's own and a client certificate: each call goes with them, and what is wrong with them is told
# before anything is sent or in words that say which. The server is openssl's, which answers from files.
. "$(dirname "$0")/lib.sh"
{ command -v openssl >/dev/null && openssl s_server -help 2>&1 | grep -q -- -verify_return_error; } || { echo "skipped: openssl is not here"; exit 77; }
cd "$scratch"

authority() { openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.crt" -subj "/CN=$1" -days 30 2>/dev/null; }
certificate() { # certificate NAME AUTHORITY EXTENSION
	openssl req -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$1" 2>/dev/null
	echo "$3" >"$1.ext"
	openssl x509 -req -in "$1.csr" -CA "$2.crt" -CAkey "$2.key" -CAcreateserial -out "$1.crt" -days 30 -extfile "$1.ext" 2>/dev/null
	chmod 600 "$1.key"
}
authority ours
authority strange
certificate server ours subjectAltName=IP:127.0.0.1
certificate client ours extendedKeyUsage=clientAuth
certificate stranger strange extendedKeyUsage=clientAuth

# Whole answers, as openssl's server sends them.
mkdir -p www/fhir/Patient
answer() { # answer FILE: the body is standard input
	body=$(cat)
	printf 'HTTP/1.0 200 OK\r\nContent-Type: application/fhir+json\r\nContent-Length: %s\r\nConnection: close\r\n\r\n%s' "${#body}" "$body" >"www/$1"
}
echo '{"resourceType":"CapabilityStatement","status":"active","date":"2026-01-01","kind":"instance","fhirVersion":"4.0.1","format":["json"],"rest":[{"mode":"server","resource":[{"type":"Patient","interaction":[{"code":"read"}]}]}]}' | answer fhir/metadata
echo '{"resourceType":"Patient","id":"1","gender":"other"}' | answer fhir/Patient/1

cd www
tls_server 4 -cert ../server.crt -key ../server.key -CAfile ../ours.crt -Verify 1 -verify_return_error -HTTP >/dev/null 2>../server.log
cd ..
url=https://127.0.0.1:$port/fhir

run ehr add site --url "$url" --ca ours.crt --cert client.crt --cert-key client.key
expect "an EHR with an authority of its own that wants a certificate" 0
run get site Patient/1
expect "is read" 0
says "whole" out '"gender": *"other"'
run get site Patient/1 --record day.har
expect "and recorded" 0
run doctor site --patient 1
says "the doctor comes in" out '^tls +ok'
says "and reads" out '^base +ok'
run ehr show site
says "is shown by the places of its files" out 'client.key'
silent_about "and never the key" out PRIVATE

run ehr add plain --offline --vendor generic --url "$url"
run get plain Patient/1
expect "without the authority" 1
says "the certificate is not taken" err 'could not be reached: SSL peer certificate'
run doctor plain
says "and the doctor knows where authorities are named" out 'ca_file'
run ehr add bare --offline --vendor generic --url "$url" --ca ours.crt
run get bare Patient/1
expect "without a certificate" 1
says "it is asked for" err 'wants a client certificate'
run ehr add other --offline --vendor generic --url "$url" --ca ours.crt --cert stranger.crt --cert-key stranger.key
run get other Patient/1
expect "with somebody else's" 1
says "it is not taken" err 'does not take the client certificate'
run get site Patient/1 --set ehrs.site.cert_key_file=stranger.key
expect "with a key of another certificate" 1
says "they do not belong together" err 'do not belong together'

# What can be told before anything is sent.
sent=$(wc -c <server.log)
chmod 644 client.key
run get site Patient/1
expect "a key that others may read" 1
says "is not used" err 'cert_key_file of EHR site can be read or changed by others; run chmod 600'
chmod 600 client.key
openssl rsa -aes128 -passout pass:secret -in client.key -out locked.key 2>/dev/null
chmod 600 locked.key
run get site Patient/1 --set ehrs.site.cert_key_file=locked.key
expect "a key with a passphrase" 1
says "is not asked for" err 'has a passphrase'
run ehr add half --offline --vendor generic --url "$url" --cert client.crt
[ "$code" -ne 0 ] || run get half Patient/1
expect "a certificate without its key" 1
says "is half of it" err 'takes both'
echo nothing >empty.crt
run get site Patient/1 --set ehrs.site.ca_file=empty.crt
expect "authorities that are none" 1
says "are told" err 'holds no certificate'
holds "nothing was sent" test "$(wc -c <server.log)" -eq "$sent"

done_testing
