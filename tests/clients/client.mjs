// fhir-kit-client against a running server: node client.mjs BASE (with node_modules beside or above this file)
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import * as kit from 'fhir-kit-client';

const { Client } = kit;
const fhir = new Client({ baseUrl: process.argv[2] });
const mark = randomUUID();
let count = 0;
const check = (ok, what) => { assert.ok(ok, what); count++; };

const capability = await fhir.capabilityStatement();
check(capability.fhirVersion === '4.0.1', 'capabilities');

const patient = await fhir.create({ resourceType: 'Patient', body: { resourceType: 'Patient', name: [{ family: `Kit-${mark}` }], birthDate: '1970-01-01' } });
check(patient.id, 'create');
check((await fhir.read({ resourceType: 'Patient', id: patient.id })).birthDate === '1970-01-01', 'read');
check((await fhir.vread({ resourceType: 'Patient', id: patient.id, version: '1' })).id === patient.id, 'vread');
const updated = await fhir.update({ resourceType: 'Patient', id: patient.id, body: { ...patient, active: true } });
check(updated.meta.versionId === '2', 'update');
const patched = await fhir.patch({ resourceType: 'Patient', id: patient.id, jsonPatch: [{ op: 'replace', path: '/active', value: false }] });
check(patched.active === false, 'patch');
check((await fhir.history({ resourceType: 'Patient', id: patient.id })).entry.length === 3, 'history of a resource');
check((await fhir.history({ resourceType: 'Patient' })).type === 'history', 'history of a type');
check((await fhir.history()).type === 'history', 'history of all');

for (let i = 0; i < 12; i++)
	await fhir.create({ resourceType: 'Observation', body: { resourceType: 'Observation', status: 'final', code: { text: 'x' }, subject: { reference: `Patient/${patient.id}` } } });
let page = await fhir.search({ resourceType: 'Observation', searchParams: { patient: patient.id, _count: 5, _include: 'Observation:subject' } });
const ids = new Set();
for (let pages = 1; page; pages++) {
	page.entry.filter((e) => e.search.mode === 'match').forEach((e) => ids.add(e.resource.id));
	check(page.entry.some((e) => e.resource.resourceType === 'Patient'), `included on page ${pages}`);
	page = page.link.some((l) => l.relation === 'next') ? await fhir.nextPage({ bundle: page }) : null;
}
check(ids.size === 12, `all pages: ${ids.size}`);
const posted = await fhir.resourceSearch({ resourceType: 'Patient', searchParams: { family: `kit-${mark}`, 'birthdate': ['ge1960', 'lt1980'] }, options: { postSearch: true } });
check(posted.entry.length === 1, 'search by POST');
check((await fhir.systemSearch({ searchParams: { _type: 'Patient,Observation', _id: patient.id } })).entry.length === 1, 'search of the system');
check((await fhir.compartmentSearch({ resourceType: 'Observation', compartment: { resourceType: 'Patient', id: patient.id } })).entry.length === 12, 'search of a compartment');

const transaction = await fhir.transaction({ body: { resourceType: 'Bundle', type: 'transaction', entry: [
	{ fullUrl: `urn:uuid:${mark}`, resource: { resourceType: 'Patient' }, request: { method: 'POST', url: 'Patient' } },
	{ resource: { resourceType: 'Observation', status: 'final', code: { text: 'y' }, subject: { reference: `urn:uuid:${mark}` } }, request: { method: 'POST', url: 'Observation' } },
] } });
check(transaction.entry.every((e) => e.response.status.startsWith('201')), 'transaction');
const batch = await fhir.batch({ body: { resourceType: 'Bundle', type: 'batch', entry: [{ request: { method: 'GET', url: `Patient/${patient.id}` } }] } });
check(batch.entry[0].resource.id === patient.id, 'batch');
const everything = await fhir.operation({ resourceType: 'Patient', id: patient.id, name: 'everything', method: 'GET' });
check(everything.entry.length === 13, `$everything: ${everything.entry.length}`);
const validated = await fhir.operation({ resourceType: 'Patient', name: 'validate', input: { resourceType: 'Patient', gender: 'x' } }).catch((e) => e.response.data);
check(validated.issue.some((i) => i.severity === 'error'), '$validate');
const expanded = await fhir.operation({ resourceType: 'ValueSet', name: 'expand', method: 'GET', input: { url: 'http://hl7.org/fhir/ValueSet/administrative-gender' } });
check(expanded.expansion.contains.length === 4, '$expand');
await fhir.delete({ resourceType: 'Patient', id: patient.id });
await assert.rejects(fhir.read({ resourceType: 'Patient', id: patient.id }), (e) => e.response.status === 410);
await assert.rejects(fhir.search({ resourceType: 'Patient', searchParams: { favourite: 'blue' } }), (e) => e.response.data.issue[0].diagnostics.includes('favourite'));
console.log(`${count + 2} passed`);
