// Applies generated FHIRPath Patches by Firth and by HAPI.
// usage: node fhir-patch.mjs FIRTH SEED COUNT PEERS EXAMPLES (see peers.sh)
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { askHapi, compareAll, randomOf } from './compare.mjs';

const [firth, seed, count, peers, examples] = process.argv.slice(2);
const random = randomOf(Number(seed));
const pick = list => list[Math.floor(random() * list.length)];
const chance = p => random() < p;

// ---- patches

const resources = { Patient: JSON.parse(readFileSync(join(examples, 'Patient-example.json'), 'utf8')), Observation: JSON.parse(readFileSync(join(examples, 'Observation-blood-pressure.json'), 'utf8')) };
for (const type in resources) delete resources[type].text;
const VALUE = {
	string: () => ({ valueString: pick(['x', 'Ann', '\u00e9', 'a "b"']) }), code: () => ({ valueCode: pick(['male', 'final', 'usual']) }), boolean: () => ({ valueBoolean: chance(0.5) }),
	date: () => ({ valueDate: pick(['2020', '2020-02', '2020-02-29']) }), dateTime: () => ({ valueDateTime: pick(['2020', '2020-02-29T10:00:00Z']) }), integer: () => ({ valueInteger: 3 }),
	decimal: () => ({ valueDecimal: 1.5 }), HumanName: () => ({ valueHumanName: { family: 'N', given: ['G'] } }), ContactPoint: () => ({ valueContactPoint: { system: 'email', value: 'a@b' } }),
	CodeableConcept: () => ({ valueCodeableConcept: { text: 't', coding: [{ system: 'http://s', code: 'c' }] } }), Coding: () => ({ valueCoding: { system: 'http://s', code: 'c' } }),
	Quantity: () => ({ valueQuantity: { value: 5, unit: 'mg' } }), Period: () => ({ valuePeriod: { start: '2020' } }), Reference: () => ({ valueReference: { reference: 'Organization/1' } }), Address: () => ({ valueAddress: { city: 'C' } }),
	Identifier: () => ({ valueIdentifier: { system: 'http://i', value: 'v' } }), Annotation: () => ({ valueAnnotation: { text: 'n' } }),
	contact: () => ({ part: [{ name: 'gender', valueCode: 'female' }, { name: 'name', valueHumanName: { family: 'C' } }] }), component: () => ({ part: [{ name: 'code', valueCodeableConcept: { text: 'q' } }, { name: 'value', valueQuantity: { value: 1 } }] }),
	positiveInt: () => ({ valuePositiveInt: 2 }), Extension: () => ({ valueExtension: { url: 'http://e', valueString: 'x' } }),
};
// Elements: where they are, their name, type, and whether they repeat.
const ELEMENTS = {
	Patient: [['Patient', 'gender', 'code'], ['Patient', 'active', 'boolean'], ['Patient', 'birthDate', 'date'], ['Patient', 'name', 'HumanName', 1], ['Patient', 'telecom', 'ContactPoint', 1], ['Patient', 'address', 'Address', 1],
		['Patient', 'maritalStatus', 'CodeableConcept'], ['Patient', 'managingOrganization', 'Reference'], ['Patient', 'identifier', 'Identifier', 1], ['Patient', 'contact', 'contact', 1], ['Patient', 'deceased', 'dateTime'], ['Patient', 'multipleBirth', 'integer'],
		['Patient.name[0]', 'given', 'string', 1], ['Patient.name[0]', 'family', 'string'], ['Patient.name[1]', 'period', 'Period'], ['Patient.name.where(use = \'usual\')', 'family', 'string'], ['Patient.telecom[1]', 'rank', 'positiveInt'], ['Patient.address[0]', 'line', 'string', 1],
		['Patient.contact[0]', 'telecom', 'ContactPoint', 1], ['Patient.contact[0].name', 'family', 'string'], ['Patient', 'extension', 'Extension', 1], ['Patient.name[7]', 'family', 'string'], ['Patient.name', 'family', 'string']],
	Observation: [['Observation', 'status', 'code'], ['Observation', 'code', 'CodeableConcept'], ['Observation', 'value', 'Quantity'], ['Observation', 'value', 'string'], ['Observation', 'effective', 'dateTime'], ['Observation', 'component', 'component', 1], ['Observation', 'category', 'CodeableConcept', 1],
		['Observation', 'note', 'Annotation', 1], ['Observation.code', 'coding', 'Coding', 1], ['Observation.component[0]', 'value', 'Quantity'], ['Observation.component[0].value', 'value', 'decimal'], ['Observation.component[1]', 'interpretation', 'CodeableConcept', 1], ['Observation', 'subject', 'Reference'],
		['Observation.component.where(code.coding.exists(code = \'8480-6\'))', 'dataAbsentReason', 'CodeableConcept']],
};
const part = (name, value) => ({ name, ...value });
function operation(type) {
	const [where, name, kind, repeats] = pick(ELEMENTS[type]);
	const index = () => pick([0, 0, 1, 1, 2, 5, -1]);
	const one = repeats ? `${where}.${name}[${pick([0, 0, 1, 2])}]` : `${where}.${name}`;
	const parts = pick([
		() => [part('type', { valueCode: 'add' }), part('path', { valueString: where }), part('name', { valueString: name }), part('value', VALUE[kind]())],
		() => [part('type', { valueCode: 'replace' }), part('path', { valueString: one }), part('value', VALUE[kind]())],
		() => [part('type', { valueCode: 'delete' }), part('path', { valueString: chance(0.15) ? `${where}.${name}` : one })],
		() => repeats ? [part('type', { valueCode: 'insert' }), part('path', { valueString: `${where}.${name}` }), part('index', { valueInteger: index() }), part('value', VALUE[kind]())]
			: [part('type', { valueCode: 'delete' }), part('path', { valueString: one })],
		() => repeats ? [part('type', { valueCode: 'move' }), part('path', { valueString: `${where}.${name}` }), part('source', { valueInteger: index() }), part('destination', { valueInteger: index() })]
			: [part('type', { valueCode: 'replace' }), part('path', { valueString: one }), part('value', VALUE[chance(0.9) ? kind : 'string']())],
	])();
	if (chance(0.04)) parts.splice(Math.floor(random() * parts.length), 1);
	return { name: 'operation', part: parts };
}

// ---- answers

const sorted = v => Array.isArray(v) ? v.map(sorted) : v && typeof v === 'object' ? Object.fromEntries(Object.keys(v).sort().map(k => [k, sorted(v[k])])) : v;
const text = v => JSON.stringify(sorted(v));
const work = mkdtempSync(join(tmpdir(), 'firth-differ.'));
const files = [join(work, 'resource.json'), join(work, 'patch.json')];
const cases = [];
for (let i = 0; i < Number(count); i++) {
	const type = pick(Object.keys(resources));
	const patch = { resourceType: 'Parameters', parameter: Array.from({ length: chance(0.8) ? 1 : 2 }, () => operation(type)) };
	writeFileSync(files[0], JSON.stringify(resources[type]));
	writeFileSync(files[1], JSON.stringify(patch));
	const ran = spawnSync(firth, ['patch', '--unchecked', ...files], { encoding: 'utf8' });
	cases.push({ request: { patch, resource: resources[type] }, before: text(resources[type]), why: ran.stderr.trim(), ours: ran.status === 0 ? text(JSON.parse(ran.stdout)) : 'error' });
}
rmSync(work, { recursive: true });
const hapi = askHapi(peers, cases.map(c => c.request)) ?? [];
// Only what changed is worth showing.
const changed = (before, after) => {
	if (after === 'error') return after;
	const a = JSON.parse(before), b = JSON.parse(after);
	return JSON.stringify(Object.fromEntries([...new Set([...Object.keys(a), ...Object.keys(b)])].filter(k => text(a[k] ?? null) !== text(b[k] ?? null)).map(k => [k, b[k]])));
};
compareAll('fhir-patch', cases.map((c, i) => ({
	input: c.request.patch.parameter.map(o => o.part.map(p => `${p.name}=${Object.entries(p).filter(([k]) => k !== 'name').map(([, v]) => typeof v === 'object' ? JSON.stringify(v) : v)}`).join(' ')).join('; '),
	ours: changed(c.before, c.ours) + (c.why && c.ours === 'error' ? '' : ''), peers: hapi.length ? { hapi: hapi[i].error !== undefined ? 'error' : changed(c.before, text(hapi[i].resource)) } : {},
})));
