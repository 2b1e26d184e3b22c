// Reads JSON texts with seeded damage by Firth and by Python and JavaScript.
// usage: node json.mjs FIRTH SEED COUNT
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compareAll, randomOf, runLines } from './compare.mjs';

const [firth, seed, count] = process.argv.slice(2);
const random = randomOf(Number(seed));
const pick = list => list[Math.floor(random() * list.length)];
const chance = p => random() < p;

// ---- texts

const SPACE = ['', '', '', ' ', '\n', '\t', '\r\n'];
const NUMBERS = ['0', '-0', '1', '10', '1.5', '1.50', '-2e3', '1E+2', '1e-2', '0.0', '123456789012345678901234567890', '1e400', '1e-400', '0.1e1'];
const BAD_NUMBERS = ['01', '+1', '.5', '5.', '1e', '1e+', '--1', '0x1', 'NaN', 'Infinity', '-', '1_0', '-01', '1.e1', '\uff11'];
const STRINGS = ['""', '"a"', '"\\n"', '"\\u00e9"', '"\u00e9"', '"\\ud83d\\ude00"', '"\ud83d\ude00"', '"\\/"', '"\\\\"', '"\\""', '"\\u0000"', '"\u007f"', '"\u2028"'];
const BAD_STRINGS = ['"a', '"\t"', '"\n"', '"\\x"', '"\\u12"', '"\\u12g4"', "'a'", '"\\"', '"\\a"', '"\\U0041"', '"\u0001"'];
const write = depth => {
	const s = () => pick(SPACE);
	if (depth <= 0 || chance(0.4)) return pick([() => pick(NUMBERS), () => pick(STRINGS), () => pick(['true', 'false', 'null']), () => chance(0.15) ? pick(BAD_NUMBERS) : '1', () => chance(0.15) ? pick(BAD_STRINGS) : '"x"', () => chance(0.1) ? pick(['True', 'nul', 'undefined', '']) : '{}'])();
	const parts = Array.from({ length: Math.floor(random() * 4) }, (_, i) => (chance(0.5) ? '' : s()) + write(depth - 1) + s());
	const comma = chance(0.03) ? pick([',,', '', ';', ', // x\n']) : ',';
	const tail = chance(0.03) ? ',' : '';
	return chance(0.5) ? `[${s()}${parts.join(comma)}${tail}]` : `{${s()}${parts.map((p, i) => `${chance(0.03) ? pick(['a', "'a'", '1']) : `"k${i}"`}${s()}${chance(0.02) ? '=' : ':'}${p}`).join(comma)}${tail}}`;
};
const damage = text => {
	const at = Math.floor(random() * (text.length + 1));
	return pick([() => text.slice(0, at) + text.slice(at + 1), () => text.slice(0, at) + pick(['"', '{', '}', '[', ']', ',', ':', '\\', ' ', '\ufeff', '\u00a0', '\u0000', '/**/', '#']) + text.slice(at), () => text.slice(0, at), () => text])();
};
const texts = Array.from({ length: Number(count) }, () => {
	const text = `${pick(SPACE)}{"a":${write(3)}}${pick(SPACE)}`;
	return chance(0.4) ? damage(text) : text;
});

// ---- answers

const work = mkdtempSync(join(tmpdir(), 'firth-differ.'));
const files = texts.map((text, i) => {
	const file = join(work, `${i}.json`);
	writeFileSync(file, text);
	return file;
});
const sorted = v => Array.isArray(v) ? v.map(sorted) : v && typeof v === 'object' ? Object.fromEntries(Object.keys(v).sort().map(k => [k, sorted(v[k])])) : v;
const text = v => JSON.stringify(sorted(v)).slice(0, 300);
const ours = runLines(firth, ['fhirpath', '--batch', '-'], files.map(file => JSON.stringify({ expression: '$this', file }))).map(line => {
	const answer = JSON.parse(line);
	return answer.error || answer.result.length !== 1 ? 'error' : text(answer.result[0].value);
});
const js = texts.map(t => {
	try {
		const value = JSON.parse(t);
		return value && typeof value === 'object' && !Array.isArray(value) ? text(value) : 'error';
	} catch {
		return 'error';
	}
});
const script = 'import json,sys\ndef no(x): raise ValueError(x)\nfor f in sys.stdin:\n  try:\n    v=json.loads(open(f.rstrip("\\n"),"rb").read().decode("utf-8"),parse_constant=no,parse_float=lambda x:x,parse_int=lambda x:x)\n    print("ok" if isinstance(v,dict) else "error")\n  except Exception: print("error")';
const python = runLines('python3', ['-c', script], files);
rmSync(work, { recursive: true });
compareAll('json', texts.map((t, i) => ({ input: JSON.stringify(t), ours: ours[i], peers: { javascript: js[i], python: python[i] === 'error' || ours[i] === 'error' ? (python[i] === 'error' ? 'error' : 'accepted') : ours[i] } })));
