#!/bin/sh
# Turns the numbered migrations into one C table. usage: embed.sh FILE... >migrations.c
set -eu
printf '/* Made of the SQL files beside it: do not edit. */\n#include "store/postgres/postgres_priv.h"\n\n'
printf 'const struct migration pg_migrations[] = {\n'
expected=1
for file; do
	name=$(basename "$file" .sql)
	number=$(printf '%s' "$name" | sed 's/^0*\([0-9]*\)-.*/\1/')
	[ "$number" = "$expected" ] || { echo "embed.sh: $name should be number $expected" >&2; exit 1; }
	expected=$((expected + 1))
	printf '\t{%s, "%s",\n' "$number" "$name"
	sed -e '/^[ \t]*--/d' -e 's/[ \t]*--.*$//' -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/\t "/' -e 's/$/\\n"/' "$file"
	printf '\t},\n'
done
printf '};\nconst size_t pg_migration_count = sizeof(pg_migrations) / sizeof(pg_migrations[0]);\n'
