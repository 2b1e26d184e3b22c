// Checks and converts generated UCUM units by Firth, by ucum-lhc (npm) and by HL7's UCUM library for Java (Maven).
// usage: node ucum.mjs FIRTH SEED COUNT PEERS (see peers.sh)
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { askHapi, compareAll, randomOf, runLines, runText } from './compare.mjs';

const [firth, seed, count, peers] = process.argv.slice(2);
const require = createRequire(join(peers, 'package.json'));
const { UcumLhcUtils, UnitTables } = require('@lhncbc/ucum-lhc');
const lhc = UcumLhcUtils.getInstance();

// ---- units

const random = randomOf(Number(seed));
const pick = list => list[Math.floor(random() * list.length)];
const chance = p => random() < p;
const PREFIXES = ['', '', '', '', 'm', 'k', 'u', 'c', 'd', 'n', 'M', 'G', 'p', 'da', 'h', 'Ki', 'f', 'T'];
const COMMON = ['m', 'g', 's', 'L', 'l', 'mol', 'K', 'Cel', '[degF]', 'J', 'N', 'Pa', 'W', 'V', 'A', 'Ohm', 'Hz', 'min', 'h', 'd', 'wk', 'mo', 'a', 'm[Hg]', 'bar', '[iU]', '%', '1', '10*', '10^', 'eq', 'cal', 'U',
	'[lb_av]', '[in_i]', '[ft_i]', 'dB', 'B', 'pH', '[pH]', 'osm', 'kat', 'Gy', 'Bq', '[hnsf\'U]', '[arb\'U]', 'deg', '\'', '\'\'', 'rad', 'sr', '[ppm]', '[pptr]', 'Np', 'cd', 'lm', 'lx', 'T', 'Wb', 'F', 'S', 'eV', 'u', 'pc', '[c]', '[pi]', 'bit', 'By', 'mm[Hg]'];
const table = Object.keys(UnitTables.getInstance().unitCodes_);
const METRIC = ['m', 'g', 's', 'L', 'l', 'mol', 'K', 'Cel', 'J', 'N', 'Pa', 'W', 'V', 'A', 'Ohm', 'Hz', 'm[Hg]', 'm[H2O]', 'bar', '[iU]', '[IU]', 'eq', 'cal', 'U', 'B', 'B[V]', 'B[W]', 'osm', 'kat', 'Gy', 'Bq', 'rad', 'sr', 'Np',
	'cd', 'lm', 'lx', 'T', 'Wb', 'F', 'S', 'eV', 'u', 'pc', 'bit', 'By', 'Ci', 'dyn', 'P', 't', 'ar', 'st', 'tex', 'Bd', 'mho', 'G', 'Oe', 'erg', 'Lmb', 'g%'];
const atoms = [...COMMON, ...COMMON, ...table.filter(code => !/[*^]/.test(code) || code.length < 4)];
const atom = () => chance(0.45) ? pick(atoms) : `${pick(PREFIXES)}${pick(chance(0.04) ? atoms : METRIC)}`;
const simple = () => `${atom()}${chance(0.25) ? pick(['2', '3', '-1', '-2', '+2', '0', '4']) : ''}${chance(0.05) ? pick(['{x}', '{a b}', '{}', '{total}']) : ''}`;
const term = depth => {
	let text = chance(0.08) ? '/' : '';
	const parts = 1 + Math.floor(random() * 3);
	for (let i = 0; i < parts; i++)
		text += (i ? pick(['.', '/', '/']) : '') + (chance(0.06) ? pick(['10', '100', '2', '24', '1000']) : chance(0.06) ? pick(['{cells}', '{beats}']) : depth && chance(0.08) ? `(${term(depth - 1)})` : simple());
	return text;
};
// What people get wrong.
const broken = text => pick([
	() => text.toUpperCase(), () => text.toLowerCase(), () => `${text} `, () => ` ${text}`, () => text.replace('/', '//'), () => text.replace(/[[\]{}()]/, ''), () => `${text}.`, () => `${text}/`,
	() => text.replace('.', '*'), () => `${text}^2`, () => `2${text}`, () => `${text}2.5`, () => `(${text}`, () => `${text})`, () => text.replace(/^./, ''), () => `${text}${text}`, () => text.replace('u', '\u00b5'), () => `${text}{`, () => `${text}--1`, () => `{${text}}2`,
])();
const unit = () => chance(0.2) ? broken(term(1)) : chance(0.5) ? simple() : term(1);
// Another unit of the same dimension, most of the time.
const cousin = text => chance(0.2) ? unit() : pick([() => text.replace(/(^|[./(])([mkucdnMG])?(g|m|L|s|mol|Pa|J)(?![A-Za-z_[\]])/g, (_, a, p, c) => `${a}${pick(PREFIXES)}${c}`), () => `k${text}`, () => `${text}.10`, () => `1000.${text}`,
	() => text.replace(/L\b/, 'dm3').replace(/\bN\b/, 'kg.m/s2'), () => text.replace('[degF]', 'Cel').replace(/\bK\b/, '[degF]'), () => text.replace(/\bmin\b/, 'h').replace(/\bd\b/, 'wk'), () => text.split('/').reverse().join('/')])();

const cases = [];
for (let i = 0; i < Number(count); i++) {
	const from = unit(), to = cousin(from);
	cases.push(chance(0.5) || from === to || /^ | $/.test(from + to) ? { check: from } : { value: pick(['1', '2.5', '37', '0', '100', '0.001', '1000000', '-40', '7.35']), from, to });
}

// ---- answers

const number = value => value === null || value === undefined ? 'none' : String(Number(Number(value).toPrecision(9)));
const checks = cases.filter(c => c.check !== undefined), conversions = cases.filter(c => c.check === undefined);
const ours = new Map();
JSON.parse(runText(firth, ['unit', 'check', '--format', 'json', '-'], checks.map(c => c.check))).forEach((answer, i) => ours.set(checks[i], answer.valid ? 'valid' : 'invalid'));
runLines(firth, ['unit', '--exact', '--format', 'json', '-'], conversions.map(c => `${c.value} ${c.from} to ${c.to}`)).forEach((line, i) => {
	const answer = JSON.parse(line);
	ours.set(conversions[i], answer === null ? 'none' : number(answer.to.value));
});
const log = console.log; // ucum-lhc tells of what it could not read
console.log = () => {};
const lhcAnswer = c => {
	if (c.check !== undefined)
		return lhc.validateUnitString(c.check).status === 'valid' ? 'valid' : 'invalid';
	const answer = lhc.convertUnitTo(c.from, Number(c.value), c.to);
	return answer.status === 'succeeded' ? number(answer.toVal) : 'none';
};
const java = askHapi(peers, cases.map(c => c.check !== undefined ? { unit: c.check } : { unit: c.from, to: c.to, value: c.value }));
const javaAnswer = (c, a) => c.check !== undefined ? (a.valid ? 'valid' : 'invalid') : number(a.value);

const compared = cases.map((c, i) => ({
	input: c.check ?? `${c.value} ${c.from} to ${c.to}`, ours: ours.get(c),
	peers: { 'ucum-lhc': lhcAnswer(c), ...(java ? { 'ucum-java': javaAnswer(c, java[i]) } : {}) },
}));
console.log = log;
compareAll('ucum', compared);
