#!/bin/sh
# oracle in a store of its own: run.sh ORACLE QUERIES [SEED]
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$1" --queries "$2" --seed "${3:-1}" --store "$dir/store" --strict
