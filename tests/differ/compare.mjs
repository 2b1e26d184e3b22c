// What the comparisons share: seeded numbers, programs that answer a line for each line, and telling of differences.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export function randomOf(seed) {
	let state = seed >>> 0;
	return () => { // mulberry32
		state = (state + 0x6d2b79f5) | 0;
		let t = Math.imul(state ^ (state >>> 15), 1 | state);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
}

// What a program says to lines.
export function runText(program, args, lines) {
	const ran = spawnSync(program, args, { input: lines.join('\n') + '\n', maxBuffer: 1 << 30, encoding: 'utf8' });
	if (ran.error) throw ran.error;
	return ran.stdout;
}

// The answers of a program to lines, one each.
export function runLines(program, args, lines) {
	if (!lines.length) return [];
	const answers = runText(program, args, lines).split('\n').slice(0, -1);
	if (answers.length !== lines.length)
		throw new Error(`${program} gave ${answers.length} answers to ${lines.length} lines`);
	return answers;
}

// HAPI and what comes with it, as peers/hapi/.../Peer.java answers; null when it is not there.
export function askHapi(peers, requests) {
	if (!existsSync(join(peers, 'classpath'))) return null;
	const classes = `${join(peers, 'classes')}:${readFileSync(join(peers, 'classpath'), 'utf8').trim()}`;
	return runLines('java', ['-Xmx1g', '-cp', classes, 'Peer'], requests.map(r => JSON.stringify(r))).map(line => JSON.parse(line));
}

// Prints each difference in a line, leaves out those of known/NAME.txt, and ends with the counts.
// cases: { input, ours, peers: { name: answer } }, the answers as text; oursFor[name] is our answer as that peer would put it.
export function compareAll(name, cases) {
	const file = join(dirname(fileURLToPath(import.meta.url)), 'known', `${name}.txt`);
	const known = (existsSync(file) ? readFileSync(file, 'utf8') : '').split('\n').filter(line => line && line[0] !== '#').map(line => {
		const at = line.lastIndexOf(' -- ');
		return { pattern: new RegExp(line.slice(0, at)), reason: line.slice(at + 4), met: 0 };
	});
	let agree = 0, differ = 0, explained = 0;
	for (const c of cases)
		for (const peer in c.peers) {
			const ours = c.oursFor?.[peer] ?? c.ours;
			if (c.peers[peer] === ours) {
				agree++;
				continue;
			}
			const others = Object.entries(c.peers).filter(([other]) => other !== peer).map(([other, answer]) => ` | ${other}: ${answer === (c.oursFor?.[other] ?? c.ours) ? 'as ours' : answer === c.peers[peer] ? 'the same' : answer}`);
			const line = `${peer} | ${c.input} | ours: ${ours} | theirs: ${c.peers[peer]}${others.join('')}`.replace(/\n/g, '\\n');
			const reason = known.find(k => k.pattern.test(line));
			if (reason) {
				explained++;
				reason.met++;
			} else {
				differ++;
				console.log(line);
			}
		}
	for (const k of known) if (k.met && process.env.EXPLAIN) console.log(`${k.met} times: ${k.reason}`);
	console.log(`${agree} agree, ${differ} differ, ${explained} differ as known`);
	process.exitCode = differ ? 1 : 0;
}
