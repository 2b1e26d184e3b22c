#!/bin/sh
# units.sh FIRTH-GEN-UNITS ESSENCE: the table of units is made the same twice, and a file that defines units by what is
# not there is refused, naming what is wrong.
set -u
gen=$1
essence=$2
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failed=0

"$gen" "$essence" "$dir/one" && "$gen" "$essence" "$dir/two" && cmp "$dir/one" "$dir/two" || failed=1

refuse() { # refuse WHAT WORDS CONTENT
	printf '<root xmlns="http://unitsofmeasure.org/ucum-essence"><base-unit Code="m" CODE="M"><name>meter</name></base-unit>%s</root>' "$3" >"$dir/in.xml"
	said=$("$gen" "$dir/in.xml" "$dir/out" 2>&1) && { echo "FAILED $1 was accepted"; failed=1; }
	case $said in
	*"$2"*) ;;
	*) echo "FAILED $1: said '$said'"; failed=1 ;;
	esac
	[ ! -e "$dir/out" ] || { echo "FAILED $1 left a table behind"; failed=1; }
}

unit() { printf '<unit Code="%s" CODE="X" isMetric="no">%s</unit>' "$1" "$2"; }
refuse "an unknown symbol" 'no unit "q"' "$(unit x '<value Unit="q" value="2"/>')"
refuse "a circle" 'defined by each other, among them "x"' "$(unit x '<value Unit="y" value="2"/>')$(unit y '<value Unit="x" value="2"/>')"
refuse "a value that is no number" 'no number: "two"' "$(unit x '<value Unit="m" value="two"/>')"
refuse "a unit without value" 'no value: "x"' "$(unit x '')"
refuse "an unknown function" 'not known: "sinh"' "$(unit x '<value Unit="sinh(1 m)"><function name="sinh" value="1" Unit="m"/></value>')"
refuse "an unknown base unit" 'not known: "apple"' '<base-unit Code="apple" CODE="A"/>'
said=$("$gen" "$dir/none.xml" "$dir/out" 2>&1) && { echo "FAILED a missing file was accepted"; failed=1; }

[ $failed = 0 ] && echo "the table is made the same twice, and broken definitions are refused"
exit $failed
