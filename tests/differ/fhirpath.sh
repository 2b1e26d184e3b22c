#!/bin/sh
# fhirpath.sh FIRTH SEED COUNT: generated FHIRPath expressions beside fhirpath.js (npm) and HAPI (Maven).
. "$(dirname "$0")/peers/engines.sh"
npm_peers
maven_peers
examples
exec node "$here/fhirpath.mjs" "$1" "$2" "$3" "$peers" "$examples"
