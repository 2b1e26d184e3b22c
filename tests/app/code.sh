# firth code: lookup, validate, expand, translate, subsumes on what the binary carries and on a file.
. "$(dirname "$0")/lib.sh"
export FIRTH_TERMINOLOGY="$scratch/none"

gender=http://hl7.org/fhir/administrative-gender
act=http://terminology.hl7.org/CodeSystem/v3-ActCode

run code lookup "$act|IMP"
expect "lookup of a code" 0
says "lookup tells the display" out 'inpatient encounter'
says "lookup tells the parents" out 'parent +_ActEncounterCode'
run code lookup "$act|NOPE"
expect "lookup of a code that is not there" 1
says "lookup names the code" err 'NOPE'
run code lookup --format json --property parent "$act|IMP"
says "lookup as Parameters" out '"resourceType": "Parameters"'
silent_about "lookup of one property" out internalId
run code lookup IMP
expect "a code without system is misuse" 2

run code validate "ucum|mg/dL"
expect "a unit is valid" 0
run code validate "ucum|furlong"
expect "no unit is not" 1
run code validate --value-set http://hl7.org/fhir/ValueSet/administrative-gender male
expect "a bare code of a value set" 0
run code validate --display Mann "$gender|male"
expect "a wrong display" 1
says "the right display is told" out 'Male'
run code validate "http://snomed.info/sct|123037004"
expect "what is not at hand is not valid" 1
says "and said to be undecided" out 'cannot be decided'
printf '{"resourceType":"ValueSet","url":"http://x/vs","compose":{"include":[{"system":"%s","concept":[{"code":"other"}]}]}}' \
	"$gender" >"$scratch/vs.json"
run code validate --value-set "$scratch/vs.json" "$gender|other"
expect "a value set from a file" 0
run code validate --value-set "$scratch/vs.json" "$gender|male"
expect "a code that the file does not list" 1

run code expand http://hl7.org/fhir/ValueSet/administrative-gender
expect "an expansion" 0
says "with displays" out 'female +Female'
says "and a count" err '4 of 4 codes'
run code expand --filter fem --format json http://hl7.org/fhir/ValueSet/administrative-gender
says "filtered" out '"total": 1'
run code expand --count 2 --offset 1 http://hl7.org/fhir/ValueSet/administrative-gender
says "a page" err '2 of 4 codes'
run code expand http://hl7.org/fhir/ValueSet/procedure-code
expect "an expansion that needs SNOMED CT is refused" 1
says "with the reason" err 'snomed.info/sct is not at hand'
run code expand "$scratch/missing.json"
expect "a file that is not there" 1

run code translate "$gender|male" --target-system http://terminology.hl7.org/CodeSystem/v2-0001
expect "a translation" 0
says "with its equivalence" out '^equal .*v2-0001\|M'
run code translate "$gender|nothing"
expect "no translation" 1

run code subsumes "$act" _ActEncounterCode IMP
says "a wider code subsumes" out '^subsumes$'
run code subsumes "$act" IMP _ActEncounterCode
says "a narrower one is subsumed" out '^subsumed-by$'
run code subsumes "$act" IMP NOPE
expect "codes that are not there" 1

mkdir -p "$scratch/loinc/LoincTable" "$scratch/loinc/AccessoryFiles"
printf '"LOINC_NUM","COMPONENT","SCALE_TYP","STATUS","LONG_COMMON_NAME","RELATEDNAMES2"\n"1-8","Thing","Doc","ACTIVE","A thing",""\n' \
	>"$scratch/loinc/LoincTable/Loinc.csv"
export FIRTH_TERMINOLOGY="$scratch/loaded"
run code load loinc "$scratch/loinc" --version 2.99
expect "loading LOINC" 0
says "says what was loaded" out 'loinc 2.99: 1 concepts of 1 files'
run code lookup 'loinc|1-8'
expect "a loaded code" 0
says "with its display" out 'A thing'
run code lookup 'loinc|2.99|1-8'
expect "of a named version" 0
run code lookup 'loinc|1.0|1-8'
expect "of another version" 1
run code expand http://hl7.org/fhir/ValueSet/doc-typecodes
says "value sets use it" out '1-8 +A thing'
printf '{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"9-9"}]}}' \
	>"$scratch/observation.json"
run validate "$scratch/observation.json"
expect "validation uses it too" 1
says "and names the code" out '"9-9"'
run code load loinc "$scratch/missing"
expect "a release that is not there" 1
run code load cpt "$scratch/loinc"
expect "a kind that is not known" 2
run code load snomed "$scratch/loinc"
expect "a release of another kind" 1
echo damaged >"$scratch/loaded/snomed-x.terminology"
run code lookup 'loinc|1-8'
expect "a damaged file spoils nothing" 0
says "but is told" err 'passed over .*snomed-x'

done_testing
