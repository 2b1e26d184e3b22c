#!/bin/sh
# run.sh RUNNER PATH-BELOW-FIRTH_ASSETS [ARGUMENTS]: runs an official suite, or reports it as skipped (77) when it is not here.
[ -n "${FIRTH_ASSETS:-}" ] && [ -e "$FIRTH_ASSETS/$2" ] || { echo "skipped: $2 is not here (FIRTH_ASSETS)"; exit 77; }
runner=$1 path=$FIRTH_ASSETS/$2
shift 2
exec "$runner" "$path" "$@"
