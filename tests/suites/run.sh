#!/bin/sh
# run.sh RUNNER PATH-BELOW-FIRTH_ASSETS: runs an official suite, or reports it as skipped (77) when it is not here.
[ -n "${FIRTH_ASSETS:-}" ] && [ -e "$FIRTH_ASSETS/$2" ] || { echo "skipped: $2 is not here (FIRTH_ASSETS)"; exit 77; }
exec "$1" "$FIRTH_ASSETS/$2"
