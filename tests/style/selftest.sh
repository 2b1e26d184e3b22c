#!/bin/sh
# The checks must be able to fail: each is shown a small tree with one fault and has to name it, and a clean tree that it
# has to accept.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failures=0

reset() {
	rm -rf "$tree/src"
	mkdir -p "$tree/src/base" "$tree/src/json" "$tree/src/xml" "$tree/src/server/rest" "$tree/src/server/smart"
	printf '# floors\nbase\njson xml:json\nserver/smart server/rest:server/smart\n' >"$tree/src/LAYERS"
	printf '/* A string. */\n#include <stddef.h>\n' >"$tree/src/base/str.h"
	printf '/* JSON. */\n#include "base/str.h"\n' >"$tree/src/json/json.h"
	printf '/* XML may know JSON. */\n#include "json/json.h"\n' >"$tree/src/xml/xml.c"
	printf '/* REST may know SMART. */\n#include "server/smart/smart.h"\n' >"$tree/src/server/rest/rest.c"
	printf '/* SMART. */\n#include "json/json.h"\n' >"$tree/src/server/smart/smart.h"
}

accepts() { # accepts CHECK WHAT
	if ! out=$(sh "$here/$1" "$tree" 2>&1); then
		printf 'FAIL: %s refuses %s:\n%s\n' "$1" "$2" "$out"
		failures=$((failures + 1))
	fi
}

refuses() { # refuses CHECK PATTERN WHAT
	if out=$(sh "$here/$1" "$tree" 2>&1); then
		printf 'FAIL: %s accepts %s\n' "$1" "$3"
		failures=$((failures + 1))
	elif ! printf '%s\n' "$out" | grep -q "$2"; then
		printf 'FAIL: %s does not say "%s" about %s but:\n%s\n' "$1" "$2" "$3" "$out"
		failures=$((failures + 1))
	fi
}

reset
for check in layers.sh style.sh headers.sh; do accepts $check "a clean tree"; done

printf '/* Upwards. */\n#include "json/json.h"\n' >"$tree/src/base/up.c"
refuses layers.sh 'src/base/up.c:2: .*not on a lower floor' "an include that goes up"
reset
printf '/* Sideways. */\n#include "xml/xml.h"\n' >"$tree/src/json/side.c"
refuses layers.sh 'room json may not include' "an include across a floor"
reset
printf '/* The way back. */\n#include "server/rest/rest.h"\n' >"$tree/src/server/smart/back.c"
refuses layers.sh 'room server/smart may not include' "the reverse of an allowed neighbour"
reset
printf '/* A guest. */\n#include <sqlite3.h>\n' >"$tree/src/json/guest.c"
refuses layers.sh 'only store/sqlite includes <sqlite3.h>' "a library in the wrong room"
reset
printf '/* Homeless. */\n#include "util/misc.h"\n' >"$tree/src/base/homeless.c"
refuses layers.sh 'does not start with a room' "a room that is not in LAYERS"
reset
printf '/* Private. */\n#include "base/str_priv.h"\n' >"$tree/src/json/private.c"
refuses layers.sh 'private to room base' "a private header of another room"

reset
printf '/* strcpy(a, b) in a comment */\nconst char *s = "strcpy(x)"; int my_strcpy(int);\n' >"$tree/src/base/fine.c"
accepts style.sh "names in comments, strings and longer words"
printf '/* Copies. */\nvoid f(void) { strcpy(a, b); }\n' >"$tree/src/base/copy.c"
refuses style.sh 'src/base/copy.c:2: strcpy()' "strcpy"
reset
printf 'int x;\n' >"$tree/src/base/bare.c"
refuses style.sh 'does not start with a comment' "a file without a comment on top"
reset
{ echo '/* Long. */'; yes 'int f(void);' | head -n 800; } >"$tree/src/base/long.h"
refuses style.sh 'more than 800 lines' "a long file"
reset
printf '/* Needs another. */\nsize_t n(void);\n' >"$tree/src/base/needy.h"
refuses headers.sh 'needy.h: does not compile alone' "a header that needs another"

[ $failures -eq 0 ] && echo "the style checks find what they should"
exit $((failures > 0))
