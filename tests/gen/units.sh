#!/bin/sh
# units.sh FIRTH-GEN-UNITS ESSENCE: the table of units is made the same twice, and a file that defines units by what is
# not there is refused, naming what is wrong.
. "$(dirname "$0")/lib.sh"
gen=$1
product="a table"
make() { "$gen" "$1" "$2"; }

same_twice "$2"

refuse_unit() { # refuse_unit WHAT WORDS CONTENT
	printf '<root xmlns="http://unitsofmeasure.org/ucum-essence"><base-unit Code="m" CODE="M"><name>meter</name></base-unit>%s</root>' "$3" >"$dir/in.xml"
	refuse "$1" "$dir/in.xml" "$2"
}

unit() { printf '<unit Code="%s" CODE="X" isMetric="no">%s</unit>' "$1" "$2"; }
refuse_unit "an unknown symbol" 'no unit "q"' "$(unit x '<value Unit="q" value="2"/>')"
refuse_unit "a circle" 'defined by each other, among them "x"' "$(unit x '<value Unit="y" value="2"/>')$(unit y '<value Unit="x" value="2"/>')"
refuse_unit "a value that is no number" 'no number: "two"' "$(unit x '<value Unit="m" value="two"/>')"
refuse_unit "a unit without value" 'no value: "x"' "$(unit x '')"
refuse_unit "an unknown function" 'not known: "sinh"' "$(unit x '<value Unit="sinh(1 m)"><function name="sinh" value="1" Unit="m"/></value>')"
refuse_unit "an unknown base unit" 'not known: "apple"' '<base-unit Code="apple" CODE="A"/>'
said=$("$gen" "$dir/none.xml" "$dir/out" 2>&1) && { echo "FAILED a missing file was accepted"; failed=1; }

finish "the table is made the same twice, and broken definitions are refused"
