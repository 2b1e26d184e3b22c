#!/bin/sh
# Each header compiles alone, so that nobody depends on what another file happened to include before.
# usage: headers.sh [ROOT]; CC and CPPFLAGS as usual.
set -eu
cd "${1:-$(dirname "$0")/../..}"
bad=0
libraries=$(pkg-config --cflags libxml-2.0 libpq) # those whose headers are in a directory of their own
for header in $(find src -name '*.h' | LC_ALL=C sort); do
	# shellcheck disable=SC2086
	${CC:-cc} ${CPPFLAGS:-} $libraries -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only -Isrc -Iinclude -include "$header" -x c /dev/null || {
		echo "$header: does not compile alone"
		bad=1
	}
done
exit $bad
