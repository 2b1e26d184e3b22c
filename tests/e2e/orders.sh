#!/bin/sh
# orders.sh FIRTH: orders are entered in a sandbox in Chromium, with Firth's own CDS services behind it. Skipped (77) where
# Chromium or npm is missing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
firth=$(realpath "$1")
. "$here/lib.sh"
node "$here/orders.mjs" "$modules" "$firth" "$work"
