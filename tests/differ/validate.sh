#!/bin/sh
# validate.sh FIRTH SEED COUNT [ARGUMENTS of validate.py]: `firth validate` beside the HL7 Java validator, which comes from Maven.
# 77 where Java, Maven or the registry is not at hand.
here=$(cd "$(dirname "$0")" && pwd)
for tool in python3 java mvn; do
	command -v $tool >/dev/null || { echo "skipped: $tool is not here"; exit 77; }
done
PYTHONDONTWRITEBYTECODE=1 exec python3 "$here/validate.py" "$@"
