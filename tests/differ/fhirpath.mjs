// Evaluates generated FHIRPath expressions by Firth, by fhirpath.js (npm) and by HAPI (Maven).
// usage: node fhirpath.mjs FIRTH SEED COUNT PEERS EXAMPLES (see peers.sh); EXPRESSIONS names a file with expressions, one a
// line, to be evaluated instead of generated ones; HAPI=0 leaves HAPI out.
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { askHapi, compareAll, randomOf, runLines } from './compare.mjs';
import { generator } from './fhirpath_expressions.mjs';

const [firth, seed, count, peers, examples] = process.argv.slice(2);
const require = createRequire(join(peers, 'package.json'));
const fhirpath = require('fhirpath');
const r4 = require('fhirpath/fhir-context/r4');

// ---- cases

const random = randomOf(Number(seed));
const files = readdirSync(examples).filter(f => f.endsWith('.json')).sort();
const resources = files.map(f => JSON.parse(readFileSync(join(examples, f), 'utf8')));
const makers = resources.map(r => generator(random, r));
const cases = process.env.EXPRESSIONS
	? readFileSync(process.env.EXPRESSIONS, 'utf8').split('\n').filter(Boolean).map(expression => ({ expression, at: files.indexOf('Patient-example.json') }))
	: Array.from({ length: Number(count) }, () => {
		const at = Math.floor(random() * files.length);
		return { expression: makers[at].one(), at };
	});
for (const c of cases) c.file = join(examples, files[c.at]);

// ---- answers as text: "error", or the items in brackets

const number = text => {
	const n = Number(text);
	return Number.isFinite(n) ? String(Number(n.toPrecision(13))) : String(text);
};
const sorted = value => Array.isArray(value) ? value.map(sorted) : value && typeof value === 'object'
	? Object.fromEntries(Object.keys(value).sort().map(k => [k, sorted(value[k])])) : value;
const QUANTITY = /^-?[\d.]+ ?'.*'$|^-?[\d.]+ (year|month|week|day|hour|minute|second|millisecond)s?$/;
// Numbers by value, quantities without quotes, moments without zeros in the fraction.
const plain = value => value === null ? 'null' : typeof value === 'number' ? number(value) : typeof value === 'object' ? JSON.stringify(sorted(value))
	: QUANTITY.test(value) ? value.replace(/^-?[\d.]+/, number).replace(/'/g, '') : /^-?\d+(\.\d+)?(e[-+]?\d+)?$/.test(value) ? number(value)
	: String(value).replace(/(:\d\d\.\d*?)0+(?=$|[-+Z])/, '$1').replace(/(:\d\d)\.(?=$|[-+Z])/, '$1').replace(/^(\d{4}\S*)T$/, '$1').replace(/\+00:00$/, 'Z');
const list = items => `[${items.join(', ')}]`.slice(0, 300);

const ours = runLines(firth, ['fhirpath', '--batch', '-'], cases.map(c => JSON.stringify({ expression: c.expression, file: c.file }))).map(line => JSON.parse(line));
const log = console.log;
console.log = () => {}; // fhirpath.js tells of trace() and of what it truncates
console.warn = () => {};
const js = cases.map(c => {
	const resource = resources[c.at];
	try {
		return list(fhirpath.evaluate(resource, c.expression, { resource }, r4, { preciseMath: true, traceFn: () => {} }).map(plain));
	} catch {
		return 'error';
	}
});
console.log = log;

// HAPI tells the type and the value of a primitive, and no more than the type of others; some functions it does not have.
const LACKS = /\b(min|max|sum|avg|toDate|toDateTime|toTime|toLong|convertsToLong|convertsToDate|timeOf|dateOf|yearOf|monthOf|dayOf|hourOf|minuteOf|secondOf|millisecondOf|lastIndexOf|coalesce)\(|toQuantity\([^)]/;
const brief = ({ type, value }) => {
	if (value && typeof value === 'object' && typeof value.value === 'number' && /Quantity|Age|Duration|Count/.test(type)) return `${number(value.value)} ${value.code ?? value.unit}`;
	if (value && typeof value === 'object') return type.replace(/^FHIR\./, '').replace(/.*TypeInfo/, 'TypeInfo');
	return plain(value);
};
const UNITS = { week: 'wk', day: 'd', hour: 'h', minute: 'min', second: 's', millisecond: 'ms' };
const calendar = text => text.replace(/^(-?[\d.]+) (week|day|hour|minute|second|millisecond)s?$/, (_, n, word) => `${n} ${UNITS[word]}`);
const asked = cases.map((c, i) => i).filter(i => !LACKS.test(cases[i].expression));
const hapi = new Map();
if (process.env.HAPI !== '0')
	(askHapi(peers, asked.map(i => ({ expression: cases[i].expression, file: cases[i].file }))) ?? []).forEach((a, n) => hapi.set(asked[n], a.error !== undefined ? 'error'
		: list(a.result.map(item => item.value === null ? item.type.replace('ClassInfo', 'TypeInfo') : calendar(/Quantity$/.test(item.type) ? item.value.replace(/^-?[\d.]+/, number) : plain(item.value))))));

compareAll('fhirpath', cases.map((c, i) => {
	const a = ours[i];
	const peersOf = { 'fhirpath.js': js[i] };
	if (hapi.has(i)) peersOf.hapi = hapi.get(i);
	return { input: `${c.expression} | ${files[c.at]}`, ours: a.error ? 'error' : list(a.result.map(r => plain(r.value))), oursFor: { hapi: a.error ? 'error' : list(a.result.map(r => calendar(brief(r)))) }, peers: peersOf };
}));
