#!/bin/sh
# Measures the FHIR engine, and its peers where they can be had: fhirpath.js (npm) for FHIRPath, HAPI's validator (Maven)
# for validation, each in the same run. usage: engine.sh BUILD BUNDLES [PACKAGE.tgz...]; BUNDLES is a directory of FHIR
# bundles such as Synthea writes; the last package gives profiles. PEER_SECONDS (default 30; 0: no HAPI) is HAPI's time.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$1
bundles=$2
shift 2
work=$(mktemp -d "${TMPDIR:-/tmp}/firth-engine.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
ninja -C "$build" bench/validate_bench bench/fhirpath_bench bench/prepare_bench bench/units_bench bench/terminology_bench \
	bench/package_bench >"$work/build.log" 2>&1 || { cat "$work/build.log" >&2; exit 1; }
some=$(find "$bundles" -maxdepth 1 -name '*_*.json' | LC_ALL=C sort | head -n 10)

echo "machine: $(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1); load $(cut -d' ' -f1 /proc/loadavg)"
echo "== validation against base R4, one core"
# shellcheck disable=SC2086
"$build/bench/validate_bench" $some
if [ $# -gt 0 ]; then
	echo "== validation against the profiles of the packages, one core"
	packages=
	for p in "$@"; do packages="$packages --package $p"; last=$p; done
	# shellcheck disable=SC2086
	"$build/bench/validate_bench" --package "$last" --profiles $some
	echo "== packages"
	"$build/bench/package_bench" "$@"
fi
echo "== parsing, checks, stored form and index rows, microseconds a resource"
# shellcheck disable=SC2086
"$build/bench/prepare_bench" 5 $some
echo "== units"
"$build/bench/units_bench"
echo "== terminology"
"$build/bench/terminology_bench"

if command -v node >/dev/null && command -v npm >/dev/null; then
	echo "== FHIRPath beside fhirpath.js"
	# One of each kind of resource that the expressions need.
	node -e '
		const fs = require("fs"), out = process.argv[1], found = {};
		for (const file of process.argv.slice(2))
			for (const { resource: r } of JSON.parse(fs.readFileSync(file)).entry) {
				if (r.resourceType == "Patient") found.patient ??= r;
				if (r.resourceType == "Observation" && r.valueQuantity) found.value ??= r;
				if (r.resourceType == "Observation" && r.component) found.components ??= r;
			}
		for (const name in found) fs.writeFileSync(`${out}/${name}.json`, JSON.stringify(found[name]));
	' "$work" $some
	node "$here/fhirpath_bench.mjs" "$build/bench/fhirpath_bench" "$work/patient.json" "$work/value.json" "$work/components.json"
fi
if command -v mvn >/dev/null && [ "${PEER_SECONDS:-30}" != 0 ]; then
	echo "== validation by HAPI's validator, base R4, one core"
	# shellcheck disable=SC2086
	node -e '
		const fs = require("fs");
		for (const file of process.argv.slice(1))
			for (const { resource } of JSON.parse(fs.readFileSync(file)).entry) console.log(JSON.stringify(resource));
	' $some | awk 'NR % 3 == 0' >"$work/resources.ndjson"
	mvn -q -B -f "$here/peers/hapi/pom.xml" -DbuildDirectory="$work/hapi" compile dependency:build-classpath \
		-Dmdep.outputFile="$work/hapi/classpath" >"$work/maven.log" 2>&1 || { cat "$work/maven.log" >&2; exit 1; }
	java -cp "$work/hapi/classes:$(cat "$work/hapi/classpath")" ValidateBench "$work/resources.ndjson" "${PEER_SECONDS:-30}"
fi
