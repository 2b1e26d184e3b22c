#!/bin/sh
# Drug knowledge on the command line: checking the tables, looking things up, taking in a site's own.
. "$(dirname "$0")/lib.sh"

run knowledge check
expect "the tables hold together" 0
says "it says so" out '^consistent: .* 0 problems$'
run knowledge show amoxicillin
expect "a drug" 0
says "its code" out 'rxcui *723$'
says "its classes" out 'penicillin'
says "its source" out 'source '
run knowledge show warfarin ibuprofen
expect "two drugs" 0
says "what is said of them" out 'together: DD022, warning'
run knowledge show amoxicillin cefadroxil --format json
expect "two drugs as JSON" 0
says "the side chain" out '"rule":"AX003","level":"critical"'
run knowledge show 'http://snomed.info/sct|716186003'
says "no known allergy" out 'no known allergy'
run knowledge show nosuchdrug
expect "an unknown name" 1

# A site's tables.
mkdir -p "$scratch/rrf"
cat >"$scratch/rrf/RXNCONSO.RRF" <<'END'
9990001|ENG||||||||||RXNORM|IN|9990001|newdrugol||N||
9990005|ENG||||||||||RXNORM|PIN|9990005|newdrugol besylate||N||
9990002|ENG||||||||||RXNORM|SCDC|9990002|newdrugol 5 MG||N||
9990003|ENG||||||||||RXNORM|SCD|9990003|newdrugol 5 MG Topical Gel||N||
9990004|ENG||||||||||RXNORM|GPCK|9990004|{14 (newdrugol 5 MG)} Pack||N||
7770001|ENG||||||||||RXNORM|DF|7770001|Topical Gel||N||
8880001|ENG||||||||||MMSL|IN|1|other||N||
END
cat >"$scratch/rrf/RXNREL.RRF" <<'END'
9990001||CUI|RO|9990002||CUI|has_ingredient|||RXNORM|||||
9990002||CUI|RO|9990003||CUI|consists_of|||RXNORM|||||
9990003||CUI|RO|9990004||CUI|contains|||RXNORM|||||
9990001||CUI|RO|9990005||CUI|form_of|||RXNORM|||||
7770001||CUI|RO|9990003||CUI|has_dose_form|||RXNORM|||||
END
echo '9990003||||AUI|1|||NDC|RXNORM|00093310901|N||' >"$scratch/rrf/RXNSAT.RRF"
run knowledge import --into "$scratch/site" --rxnorm "$scratch/rrf"
expect "an RxNorm release" 0
run knowledge show 'ndc|0093-3109-01' --tables "$scratch/site"
expect "a product of it" 0
says "its ingredient" out newdrugol
says "its route" out 'route *topical'
run knowledge show 9990004 --tables "$scratch/site"
says "a pack of it" out newdrugol
run knowledge show 9990005 --tables "$scratch/site"
says "a salt of it" out 'salt of *newdrugol'
run knowledge check --tables "$scratch/site"
expect "both together hold" 0

printf 'drug_a\tdrug_b\tseverity\teffect\tadvice\nwarfarin\tmetformin\tmajor\tseen here\task\n' >"$scratch/pairs.tsv"
run knowledge import --into "$scratch/site" --pairs "$scratch/pairs.tsv" --source 'Pharmacy committee'
expect "pairs" 0
run knowledge show warfarin metformin --tables "$scratch/site"
says "a pair" out 'SITE-6809-11289, warning'
says "where it comes from" out 'Pharmacy committee'
sed s/metformin/nosuchdrug/ "$scratch/pairs.tsv" >"$scratch/wrong.tsv"
run knowledge import --into "$scratch/other" --pairs "$scratch/wrong.tsv" --source x
expect "a pair of nothing" 1
says "which line" err 'Line 2'
holds "nothing was written" test ! -e "$scratch/other/interactions.tsv"
run knowledge import --into "$scratch/other" --pairs "$scratch/pairs.tsv"
expect "pairs without a source" 2
run knowledge import --into "$scratch/other" --table "classes=$scratch/pairs.tsv"
expect "a table of another form" 1
run knowledge check --tables "$scratch/rrf"
expect "no tables" 1
done_testing
