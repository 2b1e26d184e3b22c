# For the scripts beside: `need TOOL...` ends with 77 where one is missing; `npm_peers` and `maven_peers` put what the
# comparisons need from npm and Maven into the cache of downloads and set $peers; `examples` sets $examples to resources of R4.
PLACE=${FIRTH_DOWNLOADS:-${XDG_CACHE_HOME:-$HOME/.cache}/firth}
peers=$PLACE/differ-engines
here=$(cd "$(dirname "$0")" && pwd)

need() {
	for tool; do command -v "$tool" >/dev/null || { echo "skipped: $tool is not here"; exit 77; }; done
}

npm_peers() {
	need node npm
	mkdir -p "$peers"
	[ -d "$peers/node_modules/fhirpath" ] || {
		echo '{"private":true}' >"$peers/package.json"
		(cd "$peers" && npm install --no-audit --no-fund --loglevel=error fhirpath @lhncbc/ucum-lhc fast-json-patch rfc6902) >&2 || {
			echo "skipped: the peers could not be had from npm"
			exit 77
		}
	}
}

# Without Java or Maven the comparisons go on with the peers that are there.
maven_peers() {
	command -v java >/dev/null && command -v mvn >/dev/null || return 0
	[ "$peers/classes/Peer.class" -nt "$here/peers/engines/src/main/java/Peer.java" ] ||
		mvn -q -B -f "$here/peers/engines/pom.xml" -DbuildDirectory="$peers" compile dependency:build-classpath -Dmdep.outputFile="$peers/classpath" >&2 ||
		echo "the Java peers could not be had from Maven; going on without them" >&2
}

examples() {
	need tar
	examples=$peers/examples
	[ -d "$examples" ] || {
		rm -rf "$examples.new"
		mkdir -p "$examples.new"
		for name in Patient-example Patient-f001 Observation-example Observation-blood-pressure Observation-f001 Questionnaire-3141 QuestionnaireResponse-3141 MedicationRequest-medrx0301 \
			ValueSet-example-extensional CodeSystem-example Encounter-f203 Claim-100150 Bundle-bundle-example PlanDefinition-chlamydia-screening-intervention Condition-example Appointment-example; do
			tar -xzOf "$PLACE/hl7.fhir.r4.examples-4.0.1.tgz" "package/$name.json" >"$examples.new/$name.json" || exit 1
		done
		mv "$examples.new" "$examples"
	}
}
