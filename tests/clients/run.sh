#!/bin/sh
# run.sh FIRTH: other people's FHIR clients against firth serve. They are installed from the package registries into a
# directory that is gone afterwards, so it runs only when asked to: FIRTH_CLIENTS=1. Skipped (77) without; a language that is
# not installed here is left out.
[ -n "${FIRTH_CLIENTS:-}" ] || { echo "skipped: FIRTH_CLIENTS=1 installs and runs the clients"; exit 77; }
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../app/lib.sh"
serve --data "$scratch/data" || bad "serve starts"
base=http://127.0.0.1:$port/fhir

client() { # client NAME COMMAND...: it ends well
	name=$1
	shift
	"$@" >"$scratch/out" 2>"$scratch/err"
	code=$?
	if [ $code -eq 0 ]; then ok "$name"; else bad "$name"; fi
	echo "$name: $(tail -n 1 "$scratch/out")"
}

if command -v python3 >/dev/null && python3 -m pip --version >/dev/null 2>&1; then
	if python3 -m pip install -q --target "$scratch/python" fhirclient==4.4.0 fhirpy==2.3.1 >"$scratch/err" 2>&1; then
		client "fhirclient and fhirpy (Python)" env PYTHONPATH="$scratch/python" PYTHONDONTWRITEBYTECODE=1 python3 "$here/client.py" "$base"
	else
		echo "left out: pip cannot install fhirclient and fhirpy"
	fi
fi
if command -v npm >/dev/null; then
	if (mkdir "$scratch/js" && cd "$scratch/js" && npm install --silent --no-fund --no-audit --prefix . fhir-kit-client@2.0.3 >"$scratch/err" 2>&1); then
		cp "$here/client.mjs" "$scratch/js/"
		client "fhir-kit-client (JavaScript)" node "$scratch/js/client.mjs" "$base"
	else
		echo "left out: npm cannot install fhir-kit-client"
	fi
fi
if command -v mvn >/dev/null && command -v java >/dev/null; then
	if mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$scratch/java" >"$scratch/err" 2>&1; then
		client "HAPI FHIR (Java)" java -cp "$scratch/java/*" "$here/Client.java" "$base"
	else
		echo "left out: mvn cannot fetch HAPI FHIR"
	fi
fi
stop_server
done_testing
