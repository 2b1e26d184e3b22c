// Compares compiled FHIRPath expressions with fhirpath.js (npm), on the same machine in the same run, taking turns.
// usage: node fhirpath_bench.mjs FHIRPATH_BENCH PATIENT.json OBSERVATION-WITH-VALUE.json OBSERVATION-WITH-COMPONENTS.json
// The npm package is fetched into a temporary directory, or taken from $FHIRPATH_JS (a directory with node_modules).
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [bench, patient, observation, components] = process.argv.slice(2);
if (!components) {
	console.error('usage: node fhirpath_bench.mjs FHIRPATH_BENCH PATIENT.json OBSERVATION-WITH-VALUE.json OBSERVATION-WITH-COMPONENTS.json');
	process.exit(2);
}

const work = mkdtempSync(join(tmpdir(), 'firth-fhirpath-bench.'));
let modules = process.env.FHIRPATH_JS;
if (!modules) {
	modules = work;
	writeFileSync(join(work, 'package.json'), '{"private":true}');
	execFileSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', 'fhirpath'], { cwd: work, stdio: 'inherit' });
}
const require = createRequire(join(modules, 'package.json'));
const fhirpath = require('fhirpath');
const r4 = require('fhirpath/fhir-context/r4');
const version = JSON.parse(readFileSync(join(modules, 'node_modules/fhirpath/package.json'))).version;

const cases = [
	['Patient.name.family', patient],
	['Observation.value.ofType(Quantity)', observation],
	["Observation.component.where(code.coding.exists(system='http://loinc.org' and code='8480-6')).value.value", components],
	["Patient.telecom.where(system='phone')", patient],
].map(([expression, file]) => ({ expression, file }));

function measure({ expression, file }) {
	const resource = JSON.parse(readFileSync(file, 'utf8'));
	const compiled = fhirpath.compile(expression, r4);
	let times = 200, best = Infinity, count = 0;
	for (let round = 0; round < 6; round++) {
		const from = process.hrtime.bigint();
		for (let i = 0; i < times; i++)
			count = compiled(resource).length;
		best = Math.min(best, Number(process.hrtime.bigint() - from) / times);
		times = Math.ceil(3e8 / best);
	}
	return { ns: best, count };
}

console.log(`fhirpath.js ${version}, node ${process.version}`);
console.log('     ours ns    fhirpath.js ns   times  expression');
for (const one of cases) {
	const list = join(work, 'cases.json');
	writeFileSync(list, JSON.stringify([one]));
	const [ns, count] = execFileSync(bench, [list], { encoding: 'utf8' }).split(' ').map(Number);
	const theirs = measure(one);
	if (count !== theirs.count)
		throw new Error(`${one.expression}: ${count} results here, ${theirs.count} there`);
	console.log(`${ns.toFixed(1).padStart(12)} ${theirs.ns.toFixed(0).padStart(17)} ${(theirs.ns / ns).toFixed(0).padStart(7)}  ${one.expression}`);
}
rmSync(work, { recursive: true });
