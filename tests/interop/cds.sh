#!/bin/sh
# cds.sh FIRTH: HealthChain, a Python program that plays both sides of CDS Hooks, with Firth's services and with Firth as the EHR;
# an independent JSON Schema validator holds every answer to tests/interop/schemas. They come from PyPI into an environment
# outside of the tree; where PyPI or Python's venv is out of reach it says so and is skipped (77).
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../app/lib.sh"
command -v python3 >/dev/null || { echo "skipped: python3 is not here"; exit 77; }
places=${FIRTH_DOWNLOADS:-${XDG_CACHE_HOME:-$HOME/.cache}/firth}
place=$places/healthchain-0.16.1
if ! "$place/bin/python" -c 'import healthchain, jsonschema' 2>/dev/null; then
	rm -rf "$place"
	python3 -m venv "$place" 2>"$scratch/err" || { echo "skipped: python3 has no venv here"; exit 77; }
	"$place/bin/python" -m pip install -q --disable-pip-version-check 'healthchain==0.16.1' 'jsonschema[format-nongpl]>=4.20,<5' >"$scratch/err" 2>&1 || {
		rm -rf "$place"
		echo "skipped: PyPI is out of reach, so HealthChain cannot be installed"
		exit 77
	}
fi
serve --cds --set cds.origins=https://sandbox.cds-hooks.org --data "$scratch/data" || bad "serve starts"
if PYTHONDONTWRITEBYTECODE=1 "$place/bin/python" "$here/cds.py" "$firth" "http://127.0.0.1:$port" "$here/schemas" >"$scratch/out" 2>"$scratch/err"; then
	ok "others' programs call the services, and are called"
else
	code=$?
	bad "others' programs call the services, and are called"
fi
tail -n 1 "$scratch/out"
stop_server
done_testing
