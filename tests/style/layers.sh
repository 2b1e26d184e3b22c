#!/bin/sh
# Holds the house together: every #include "..." in src must go down the floors of src/LAYERS, and each outside library
# is seen by one room only. Prints a line per violation; exit 1 when there is any. usage: layers.sh [ROOT]
set -eu
root=${1:-$(dirname "$0")/../..}
cd "$root/src"

find . -name '*.[ch]' | sed 's|^\./||' | LC_ALL=C sort | xargs awk '
# The room of a path: the longest name in LAYERS that it lies under.
function room_of(path,   dir) {
	dir = path
	while (sub(/\/[^\/]*$/, "", dir))
		if (dir in floor)
			return dir
	return ""
}

function may_see(owners,   i, n, list) {
	n = split(owners, list, " ")
	for (i = 1; i <= n; i++)
		if (index(FILENAME, list[i] "/") == 1)
			return 1
	return 0
}

function bad(text) {
	print "src/" FILENAME ":" FNR ": " text
	count++
}

BEGIN {
	while ((getline line < "LAYERS") > 0) {
		sub(/#.*/, "", line)
		words = split(line, word, /[ \t]+/)
		level++
		for (i = 1; i <= words; i++) {
			if (word[i] == "")
				continue
			parts = split(word[i], part, ":")
			floor[part[1]] = level
			if (parts == 2) {
				friends = split(part[2], friend, ",")
				for (j = 1; j <= friends; j++)
					allowed[part[1], friend[j]] = 1
			}
		}
	}
	# An outside header and the room, or part of one, that may see it; several are separated by spaces.
	owner["sqlite3.h"] = "store/sqlite"
	owner["libpq-fe.h"] = "store/postgres"
	owner["yyjson.h"] = "json"
	owner["microhttpd.h"] = "http"
	owner["yaml.h"] = "app"
	owner["zstd.h"] = "store fhir http"
	owner["utf8proc.h"] = "base"
	owner["gmp.h"] = "base"
	owner["pcre2.h"] = "base"
	owner["sodium.h"] = "vault"
	owner["zlib.h"] = "package app http server/bulk"
}

/^[ \t]*#[ \t]*include[ \t]*"/ {
	target = $0
	sub(/^[^"]*"/, "", target)
	sub(/".*/, "", target)
	from = room_of(FILENAME)
	to = room_of(target)
	if (from == "")
		bad("this directory is no room of src/LAYERS")
	else if (to == "")
		bad("\"" target "\" does not start with a room of src/LAYERS")
	else if (from != to && floor[to] >= floor[from] && !((from, to) in allowed))
		bad("room " from " may not include \"" target "\": room " to " is not on a lower floor")
	else if (from != to && target ~ /_priv\.h$/)
		bad("\"" target "\" is private to room " to)
}

/^[ \t]*#[ \t]*include[ \t]*</ {
	target = $0
	sub(/^[^<]*</, "", target)
	sub(/>.*/, "", target)
	need = target in owner ? owner[target] : ""
	if (target ~ /^curl\//)
		need = "http"
	if (target ~ /^openssl\//)
		need = "jose"
	if (target ~ /^libxml\//)
		need = "xml"
	if (need != "" && !may_see(need))
		bad("only " need " includes <" target ">")
}

END {
	exit count > 0
}'
