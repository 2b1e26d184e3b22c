#!/bin/sh
# browser.sh FIRTH CACHE ARGUMENTS...: apps built on the SMART JavaScript client, in Chromium, at the vendors' sandboxes;
# see sandboxes.mjs. Skipped (77) where Chromium, npm or the client cannot be had.
set -eu
here=$(cd "$(dirname "$0")/../e2e" && pwd)
firth=$1
FIRTH_E2E_MODULES=$2/e2e
shift 2
. "$here/lib.sh"
. "$here/fhirclient.sh"
node "$here/../interop/sandboxes.mjs" "$modules" "$modules/$client.js" "$@"
