#!/bin/sh
# expansions.sh FIRTH SEED COUNT: expansions of random value sets, beside those of HL7's expander (from Maven). 77 without it.
here=$(cd "$(dirname "$0")" && pwd)
for tool in python3 java mvn; do
	command -v $tool >/dev/null || { echo "skipped: $tool is not here"; exit 77; }
done
PYTHONDONTWRITEBYTECODE=1 exec python3 "$here/expansions.py" "$@"
