#!/bin/sh
# run.sh FIRTH: Python's SMART client and a generic OAuth library log in at firth serve and read. They come from PyPI into an
# environment outside of the tree; where PyPI or Python's venv is out of reach it says so and is skipped (77).
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../app/lib.sh"
command -v python3 >/dev/null || { echo "skipped: python3 is not here"; exit 77; }
places=${FIRTH_DOWNLOADS:-${XDG_CACHE_HOME:-$HOME/.cache}/firth}
python=$places/interop-4.4.0-1.6/bin/python
if ! "$python" -c 'import fhirclient, authlib, requests' 2>/dev/null; then
	rm -rf "$places/interop-4.4.0-1.6"
	python3 -m venv "$places/interop-4.4.0-1.6" 2>"$scratch/err" || { echo "skipped: python3 has no venv here"; exit 77; }
	"$python" -m pip install -q --disable-pip-version-check 'fhirclient==4.4.0' 'authlib>=1.6,<2' 'requests>=2.32,<3' >"$scratch/err" 2>&1 || {
		rm -rf "$places/interop-4.4.0-1.6"
		echo "skipped: PyPI is out of reach, so fhirclient and authlib cannot be installed"
		exit 77
	}
fi
secret='a secret of the clinic, 32 bytes'
digest=$(printf %s "$secret" | sha256sum | cut -d' ' -f1)
app=http://127.0.0.1:9/app # nobody is there: the script stops where the browser would go there
cat >"$scratch/firth.yaml" <<END
server: {auth: on, data: $scratch/data}
users:
  - name: anna
    # argon2id of "correct horse 7"
    password_hash: '\$argon2id\$v=19\$m=65536,t=3,p=1\$S1lOhe526pVd1o+PIOPxXg\$MCYne5aEJxEY7/DUsoNXWxnWAR2IZgyRI7iOlwL9Y8M'
    display: Dr. Anna Berg
    fhir_user: Practitioner/7
    patients: '*'
clients:
  - client_id: public
    redirect_uris: $app/public
    scopes: openid fhirUser offline_access launch/patient patient/*.rs
  - client_id: confidential
    secret_sha256: $digest
    redirect_uris: $app/confidential
    scopes: openid fhirUser offline_access launch/patient patient/*.rs
END
cat >"$scratch/data.ndjson" <<'END'
{"resourceType":"Patient","id":"ada","name":[{"family":"Quill","given":["Ada"]}],"birthDate":"1980-02-03","gender":"female"}
{"resourceType":"Patient","id":"ben","name":[{"family":"Ash","given":["Ben"]}],"birthDate":"1971-05-06","gender":"male"}
{"resourceType":"Practitioner","id":"7","name":[{"family":"Berg","given":["Anna"]}]}
{"resourceType":"Observation","id":"weight-ada","status":"final","code":{"text":"weight"},"subject":{"reference":"Patient/ada"}}
{"resourceType":"Observation","id":"weight-ben","status":"final","code":{"text":"weight"},"subject":{"reference":"Patient/ben"}}
END
run import --config "$scratch/firth.yaml" "$scratch/data.ndjson"
expect "patients are there" 0
serve --config "$scratch/firth.yaml" || bad "serve starts"
if PYTHONDONTWRITEBYTECODE=1 "$python" "$here/interop.py" "http://127.0.0.1:$port/fhir" "$app" "$secret" >"$scratch/out" 2>"$scratch/err"; then
	ok "the libraries log in and read"
else
	code=$?
	bad "the libraries log in and read"
fi
tail -n 1 "$scratch/out"
stop_server
done_testing
