#!/bin/sh
# ucum.sh FIRTH SEED COUNT: generated UCUM units beside ucum-lhc (npm) and HL7's library for Java (Maven).
. "$(dirname "$0")/peers/engines.sh"
npm_peers
maven_peers
exec node "$here/ucum.mjs" "$1" "$2" "$3" "$peers"
