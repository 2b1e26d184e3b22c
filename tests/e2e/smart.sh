#!/bin/sh
# smart.sh FIRTH: apps built on the SMART JavaScript client log in and read in Chromium, with the pages driven as a person does.
# Skipped (77) where Chromium, npm or the client cannot be had.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
firth=$(realpath "$1")
. "$here/lib.sh"
. "$here/fhirclient.sh"
node "$here/smart.mjs" "$modules" "$modules/$client.js" "$firth" "$work"
