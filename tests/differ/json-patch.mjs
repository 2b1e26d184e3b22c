// Applies generated JSON Patches by Firth and by fast-json-patch and rfc6902 (npm).
// usage: node json-patch.mjs FIRTH SEED COUNT PEERS (see peers.sh)
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compareAll, randomOf } from './compare.mjs';

const [firth, seed, count, peers] = process.argv.slice(2);
const require = createRequire(join(peers, 'package.json'));
const fast = require('fast-json-patch');
const rfc = require('rfc6902');
const random = randomOf(Number(seed));
const pick = list => list[Math.floor(random() * list.length)];
const chance = p => random() < p;

// ---- documents and patches

const NAMES = ['a', 'b', 'c', 'a/b', 'm~n', ' ', '0', '1', '-', 'e^f', '\u00e9', ''];
const leaf = () => pick([1, 0, -1, 1.5, 'x', '', 'x', true, false, null, [], {}, 10]);
const value = depth => depth <= 0 || chance(0.3) ? leaf() : chance(0.5) ? Array.from({ length: Math.floor(random() * 4) }, () => value(depth - 1))
	: Object.fromEntries(Array.from({ length: Math.floor(random() * 4) }, () => [pick(NAMES), value(depth - 1)]));
const escaped = name => name.replace(/~/g, '~0').replace(/\//g, '~1');
const pathsOf = (node, path = '') => [path, ...(Array.isArray(node) ? node.flatMap((v, i) => pathsOf(v, `${path}/${i}`)) : node && typeof node === 'object' ? Object.entries(node).flatMap(([k, v]) => pathsOf(v, `${path}/${escaped(k)}`)) : [])];
const at = (node, path) => path.split('/').slice(1).reduce((n, k) => n?.[k.replace(/~1/g, '/').replace(/~0/g, '~')], node);
const path = document => {
	const found = pick(pathsOf(document));
	return chance(0.6) ? found : `${found}${pick(['/a', '/b', '/-', '/0', '/1', '/2', '/5', '/01', '/+1', '/1e0', '/-1', '/', '/~1', '/~2', '/~', '/m~0n', '/a~1b', 'x', '/ ', '/1.0', '/00'])}`;
};
const operation = document => {
	const where = path(document);
	const op = pick(['add', 'add', 'remove', 'replace', 'move', 'copy', 'test', 'test']);
	const made = { op, path: where };
	if (op === 'add' || op === 'replace') made.value = value(1);
	if (op === 'test') made.value = chance(0.7) ? at(document, where) ?? null : leaf();
	if (op === 'move' || op === 'copy') made.from = path(document);
	if (chance(0.02)) delete made[pick(Object.keys(made))];
	if (chance(0.02)) made.op = pick(['ADD', 'spam', 'merge', '']);
	if (chance(0.02)) made.extra = 1;
	if (chance(0.02)) made.path = pick(['a', 1, null, '#/a']);
	return made;
};

// ---- answers

const sorted = v => Array.isArray(v) ? v.map(sorted) : v && typeof v === 'object' ? Object.fromEntries(Object.keys(v).sort().map(k => [k, sorted(v[k])])) : v;
const text = v => JSON.stringify(sorted(v));
const copy = v => JSON.parse(JSON.stringify(v));
const work = mkdtempSync(join(tmpdir(), 'firth-differ.'));
const files = [join(work, 'document.json'), join(work, 'patch.json')];
function ours(document, patch) {
	writeFileSync(files[0], JSON.stringify(document));
	writeFileSync(files[1], JSON.stringify(patch));
	const ran = spawnSync(firth, ['patch', '--unchecked', ...files], { encoding: 'utf8' });
	return ran.status === 0 ? text(JSON.parse(ran.stdout)) : 'error';
}
function byFast(document, patch) {
	try {
		return text(fast.applyPatch(copy(document), copy(patch), true).newDocument);
	} catch {
		return 'error';
	}
}
function byRfc(document, patch) {
	try {
		const result = { document: copy(document) };
		const errors = rfc.applyPatch(result, copy(patch).map(o => ({ ...o, path: `/document${o.path}`, ...(o.from === undefined ? {} : { from: `/document${o.from}` }) })));
		return errors.some(e => e) ? 'error' : text(result.document);
	} catch {
		return 'error';
	}
}

const cases = [];
for (let i = 0; i < Number(count); i++) {
	const document = { resourceType: 'Basic', ...Object.fromEntries(Array.from({ length: 3 }, () => [pick(NAMES), value(2)])) };
	const patch = Array.from({ length: 1 + Math.floor(random() * 3) }, () => operation(document));
	cases.push({ input: `${JSON.stringify(patch)} on ${JSON.stringify(document)}`, ours: ours(document, patch), peers: { 'fast-json-patch': byFast(document, patch), rfc6902: byRfc(document, patch) } });
}
rmSync(work, { recursive: true });
compareAll('json-patch', cases);
