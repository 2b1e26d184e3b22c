#!/bin/sh
# firth key reseal: a new sealing key while a server runs, for the root and a tenant; what was sealed opens afterwards, with the old
# key gone as well. usage: reseal.sh FIRTH [POSTGRESQL-URL]
. "$(dirname "$0")/lib.sh"
store="--data $scratch/data"
[ -z "${2:-}" ] || store="$store --db $2"
govern() {
	# shellcheck disable=SC2086
	run "$@" $store
}
person() { # person NAME ARGUMENTS...: a user with one-time codes
	name=$1
	shift
	# shellcheck disable=SC2086
	printf 'a few plain words\n' | "$firth" user add "$name" $store "$@" >/dev/null 2>&1
	govern user totp "$name" "$@"
	expect "$name has one-time codes" 0
}
# shellcheck disable=SC2086
run tenant add alpha --data "$scratch/data" ${2:+--db "$2"}
# shellcheck disable=SC2086
serve $store --auth --tenants || bad "serve starts"
person anna
person berta --tenant alpha
govern key rotate
expect "there are keys that sign" 0
govern key list
keys=$(grep -c . "$scratch/out")
first=$(grep -cv '^#' "$scratch/data/seal.key")
holds "one sealing key" [ "$first" = 1 ]

govern key reseal
expect "reseal" 0
says "the keys, and the codes of both" out "^sealed again: $((keys + 2)) secrets of the store"
says "what is left to do" out 'firth key reseal --drop-old'
holds "two keys" [ "$(grep -cv '^#' "$scratch/data/seal.key")" = 2 ]
govern key reseal --drop-old
expect "drop the old" 0
says "nothing was left" out '^sealed again: 0 secrets'
says "one went" out '^dropped: 1 '
holds "one key again" [ "$(grep -cv '^#' "$scratch/data/seal.key")" = 1 ]
holds "its owner's alone" [ "$(stat -c %a "$scratch/data/seal.key")" = 600 ]
# The running server seals and opens with it.
person carla
govern key rotate
expect "and makes keys" 0
govern key reseal --format json
says "for machines" out '^\{"secrets":[0-9]+,"logins":0,"dropped":0\}$'
stop_server
# shellcheck disable=SC2086
serve $store --auth --tenants || bad "serve starts again"
code=$(curl -s -o "$scratch/out" -w '%{http_code}' "http://127.0.0.1:$port/auth/jwks")
expect "the keys are read" 200
says "and published" out '"kty"'
govern audit list --format json
says "it is written down" out '"interaction":"key.reseal"'
stop_server
govern key reseal
expect "without a server" 0
done_testing
