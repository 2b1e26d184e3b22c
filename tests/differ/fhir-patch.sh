#!/bin/sh
# fhir-patch.sh FIRTH SEED COUNT: generated FHIRPath Patches beside HAPI (Maven).
. "$(dirname "$0")/peers/engines.sh"
need node java mvn
maven_peers
examples
exec node "$here/fhir-patch.mjs" "$1" "$2" "$3" "$peers" "$examples"
