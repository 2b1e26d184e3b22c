#!/bin/sh
# run.sh SCRIPT FIRTH FILE...: runs a script of this directory; 77 (skipped) when it needs what is not here. ASSETS in front
# of a file stands for the directory FIRTH_ASSETS.
set -eu
command -v python3 >/dev/null || { echo "skipped: there is no python3"; exit 77; }
script=$(cd "$(dirname "$0")" && pwd)/$1
firth=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
shift 2
for file; do
	shift
	case $file in
	ASSETS/*)
		file=${FIRTH_ASSETS:-/nonexistent}/${file#ASSETS/}
		[ -e "$file" ] || { echo "skipped: $file is not here (FIRTH_ASSETS)"; exit 77; }
		;;
	esac
	set -- "$@" "$file"
done
exec env PYTHONDONTWRITEBYTECODE=1 python3 "$script" "$firth" "$@"
