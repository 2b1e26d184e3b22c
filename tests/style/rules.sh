#!/bin/sh
# docs/authorization-rules.md names a test for each rule; each must be there. usage: rules.sh [ROOT]
set -eu
cd "${1:-$(dirname "$0")/../..}"
named=$(grep -o '`tests/[a-z_/]*\.c: [a-z_]*`' docs/authorization-rules.md | tr -d '`' | sort -u)
[ -n "$named" ]
echo "$named" | while IFS=': ' read -r file test; do
	grep -q "^\(static \)\{0,1\}void $test(void \*\*state" "$file" || {
		echo "docs/authorization-rules.md: $file has no test $test"
		exit 1
	}
done
