#!/bin/sh
# json.sh FIRTH SEED COUNT: JSON texts with seeded damage beside JavaScript and Python.
. "$(dirname "$0")/peers/engines.sh"
need node python3
exec node "$here/json.mjs" "$1" "$2" "$3"
