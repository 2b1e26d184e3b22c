#!/bin/sh
# Units on the command line: converting, checking, explaining.
. "$(dirname "$0")/lib.sh"

answers() { # answers NAME TEXT ARGUMENTS...: prints exactly this line
	name=$1
	want=$2
	shift 2
	run unit "$@"
	if [ "$code" -eq 0 ] && [ "$(cat "$scratch/out")" = "$want" ]; then ok "$name"; else bad "$name"; fi
}

answers "a temperature" '37.0 Cel' 98.6 '[degF]' to Cel
answers "a negative value" '-40 [degF]' -40 Cel to '[degF]'
answers "significant digits" '16.00 cm' 6.300 '[in_i]' to cm
answers "all digits" '16.002 cm' 6.300 '[in_i]' to cm --exact
answers "given digits" '0.083 [ft_i]' 1 '[in_i]' to '[ft_i]' --digits 2
answers "base units" '15998640 g.m-1.s-2' 120 'mm[Hg]'
answers "one word" '1500 mg' '1.5 g to mg'
answers "a molar mass" '99 mg/dL' 5.5 mmol/L to mg/dL --molar-mass 180.156
answers "a molar mass backwards" '5.5 mmol/L' 99.1 mg/dL to mmol/L --molar-mass 180.156 --digits 2
answers "JSON" '{"from":{"value":7.4,"unit":"[pH]"},"to":{"value":40,"unit":"nmol/L"}}' 7.4 '[pH]' to nmol/L --format json

refuses() { # refuses NAME STATUS PATTERN ARGUMENTS...
	name=$1
	status=$2
	pattern=$3
	shift 3
	run unit "$@"
	expect "$name" "$status"
	says "$name says why" err "$pattern"
}

refuses "amount and mass" 1 'molar mass.*--molar-mass' 5.5 mmol/L to mg/dL
refuses "charges" 1 'eq and osm' 5 meq/L to mg/dL --molar-mass 22.99
refuses "other dimensions" 1 'different things' 1 m to s
refuses "an arbitrary unit" 1 'arbitrary unit' 1 '[IU]' to mg
refuses "a bad unit" 1 'did you mean "mg/dL"' 5 MG/DL
refuses "no number" 2 'no decimal number' x m
refuses "half a conversion" 2 'expected' 5 m to
refuses "another word" 2 '"to" is expected' 5 m in cm
refuses "a bad molar mass" 2 'above zero' 5 m to cm --molar-mass 0

printf '98.6 [degF] to Cel\n1 m to s\n5 kg\r\n' | "$firth" unit - >"$scratch/out" 2>"$scratch/err"
code=$?
expect "lines with one that fails" 1
holds "lines keep their places" test "$(tr '\n' '|' <"$scratch/out")" = '37.0 Cel||5000 g|'
says "lines that fail are named" err 'line 2: m and s are not comparable'

run unit check mg/dL 'mm[Hg]'
expect "valid units" 0
says "valid units have names" out 'mg/dL: valid, \(milligram\) / \(deciliter\)'
run unit check mg/dL mmHg
expect "an invalid unit" 1
says "an invalid unit: what was meant" out 'mmHg: not valid, at character 1: .*"mm\[Hg\]"'
printf 'mg\r\nkg/m^2\n' | "$firth" unit check - --format json >"$scratch/out" 2>"$scratch/err"
code=$?
expect "units on standard input" 1
says "a suggestion as JSON" out '"unit":"kg/m\^2","valid":false.*"position":4,"suggestion":"kg/m2"'
run unit explain mmol/L
expect "an explanation" 0
says "an explanation in base units" out '1 = 602214076000000000000000 m-3'
run unit explain Cel --format json
says "an explanation as JSON" out '"scale":"special"'
run unit list pressure
expect "a list" 0
says "a list has the definition" out '^atm .*101325 Pa'
run unit list no-such-thing
expect "an empty list" 1

done_testing
