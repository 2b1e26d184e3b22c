#!/bin/sh
# json-patch.sh FIRTH SEED COUNT: generated JSON Patches beside fast-json-patch and rfc6902 (npm).
. "$(dirname "$0")/peers/engines.sh"
npm_peers
exec node "$here/json-patch.mjs" "$1" "$2" "$3" "$peers"
