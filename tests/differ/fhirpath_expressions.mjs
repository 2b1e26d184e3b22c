// Makes FHIRPath expressions that have types: what a generator of "string" gives is a string or nothing, most of the
// time, and now and then on purpose something else. Paths come from the resource that the expression is for.
// generator(random, resource): an object with one(): text of an expression.

// valueQuantity is the element value; postalCode is what it says.
const CHOICES = new RegExp('^(value|effective|onset|abatement|deceased|multipleBirth|medication|occurrence|performed|timing|answer|serviced|item|product|diagnosis|procedure|asNeeded|dose|rate|allowed|scheduled|due|detail|defaultValue)'
	+ '(Quantity|Range|CodeableConcept|Reference|String|Boolean|Integer|Decimal|DateTime|Date|Time|Period|Age|Duration|Timing|Money|Ratio|Coding|Instant|Uri|Code|Canonical|Identifier|Attachment|SampledData)$');

// The paths of a resource's primitives by what they hold.
function pathsOf(resource) {
	const found = { bool: new Set(), int: new Set(), dec: new Set(), str: new Set(), date: new Set(), dt: new Set(), time: new Set(), qty: new Set(), node: new Set() };
	const visit = (value, path, key) => {
		if (Array.isArray(value)) return value.forEach(v => visit(v, path, key));
		if (value && typeof value === 'object') {
			if (path.includes('.')) found.node.add(path);
			if (path.includes('.') && typeof value.value === 'number') found.qty.add(path);
			for (const name in value) {
				if (name === 'resourceType' || name[0] === '_' || name === 'div' || name === 'contained' || name === 'resource') continue;
				const choice = CHOICES.exec(name);
				visit(value[name], `${path}.${choice ? choice[1] : name}`, name);
			}
			return;
		}
		const kind = typeof value === 'boolean' ? 'bool' : typeof value === 'number' ? (Number.isInteger(value) && key !== 'value' ? 'int' : 'dec')
			: /^\d{4}-\d\d-\d\dT/.test(value) ? 'dt' : /^\d{4}(-\d\d(-\d\d)?)?$/.test(value) && /date|Date/.test(key) ? 'date'
			: /^\d\d:\d\d:\d\d/.test(value) ? 'time' : 'str';
		found[kind].add(path);
	};
	visit(resource, resource.resourceType, '');
	return Object.fromEntries(Object.entries(found).map(([k, v]) => [k, [...v]]));
}

const LITERALS = {
	bool: ['true', 'false'],
	int: ['0', '1', '2', '3', '7', '10', '-1', '-2', '-5', '2147483647', '(-2147483648)', '100'],
	dec: ['0.0', '1.0', '1.50', '0.1', '-0.5', '2.5', '-2.5', '3.14159', '1.9', '-1.1', '0.00001', '123456789.123456789', '1.000', '2.25'],
	str: ["''", "'a'", "'abc'", "'ABC'", "'a,b,,c'", "' x '", "'1'", "'1.0'", "'-3'", "'true'", "'T'", "'yes'", "'2015-02-07'", "'2015'", "'2015-02-07T13:28:17-05:00'",
		"'14:34:28'", "'1 day'", "'4 \\'mg\\''", "'10'", "'aXbXc'", "'line\\nbreak'", "'\\u00e9t\\u00e9'", "'a+b'", "'$1'", "'0x1'", "'1e2'", "'+5'", "'.5'", "'5.'"],
	date: ['@2015', '@2015-02', '@2015-02-04', '@2012-02-29', '@1999-12-31', '@2015-01-31', '@2000', '@2016-12'],
	dt: ['@2015T', '@2015-02T', '@2015-02-04T', '@2015-02-04T14', '@2015-02-04T14:34', '@2015-02-04T14:34:28', '@2015-02-04T14:34:28.123', '@2015-02-04T14:34:28Z',
		'@2015-02-04T14:34:28+09:00', '@2015-02-04T14:34:28-05:00', '@2015-02-04T14:34:28.000+00:00', '@2012-02-29T23:59:59.999Z', '@2015-02-04T14:34Z'],
	time: ['@T14', '@T14:34', '@T14:34:28', '@T14:34:28.123', '@T00:00', '@T23:59:59.999', '@T14:34:28.000'],
	qty: ["1 'mg'", "1000 'ug'", "1.0 'g'", "2.5 'kg'", "1 'm'", "100 'cm'", '1 year', '12 months', "1 'a'", '1 month', "1 'mo'", '1 week', "7 'd'", '7 days', '24 hours', "1 'd'",
		'1 day', "60 'min'", '1 hour', '1 second', "1 's'", "1000 'ms'", "37 'Cel'", "98.6 '[degF]'", "2 '1'", "5 '%'", "0 'mg'", "4 'mg/dL'", "0.04 'g/L'", '1.5 days', "10 'mm[Hg]'"],
};
const TYPES = ['Patient', 'Observation', 'Quantity', 'string', 'boolean', 'code', 'HumanName', 'FHIR.string', 'System.String', 'System.Integer', 'Integer', 'Boolean', 'String', 'Decimal', 'decimal',
	'DateTime', 'dateTime', 'date', 'Date', 'System.Quantity', 'FHIR.Quantity', 'Element', 'Resource', 'DomainResource', 'uri', 'BackboneElement', 'System.Boolean', 'FHIR.boolean', 'System.Date', 'Coding', 'CodeableConcept', 'Time', 'System.Decimal'];
const PATTERNS = ["'a'", "'^a'", "'.*'", "'a.c'", "'[A-Z]+'", "'b$'", "'\\\\d+'", "'(a)(b)?'", "'^[a-z]*$'", "'x*'", "'\\\\w+'", "'a|b'"];
const KINDS = ['bool', 'int', 'dec', 'str', 'date', 'dt', 'time', 'qty'];

export function generator(random, resource) {
	const paths = pathsOf(resource);
	const pick = list => list[Math.floor(random() * list.length)];
	const chance = p => random() < p;
	let lambda = 0;

	const simple = kind => {
		if (chance(0.06)) return '{}';
		if (chance(0.04)) kind = pick(KINDS); // a wrong type
		const path = paths[kind]?.length && chance(0.4) ? pick(paths[kind]) : null;
		if (!path) return kind === 'node' ? (paths.node.length ? pick(paths.node) : resource.resourceType) : pick(LITERALS[kind]);
		return chance(0.5) ? path : `${path}.${pick(['first()', 'first()', 'last()', 'single()', 'tail()'])}`;
	};
	const term = (kind, depth) => {
		const text = expr(kind, depth);
		return /^[\w.()'@:+]*$/.test(text) && !/^[-+]/.test(text) ? text : `(${text})`;
	};
	const any = depth => expr(pick(KINDS), depth);
	const list = (kind, depth) => {
		const text = () => chance(0.5) && paths[kind]?.length ? pick(paths[kind]) : `(${simple(kind)} | ${simple(kind)} | ${simple(chance(0.1) ? pick(KINDS) : kind)})`;
		if (depth <= 0) return text();
		return pick([
			() => `${text()}.combine(${simple(kind)})`,
			() => `${text()}.combine(${text()})`,
			() => `${text()}.union(${text()})`,
			() => `${text()}.intersect(${text()})`,
			() => `${text()}.exclude(${text()})`,
			() => `${text()}.distinct()`,
			() => `${text()}.tail()`,
			() => `${text()}.skip(${simple('int')})`,
			() => `${text()}.take(${simple('int')})`,
			() => `${text()}.where(${inner(kind, depth - 1)})`,
			() => `${text()}.select(${expr(kind, depth - 1)})`,
			() => `${text()}.repeat($this)`,
			() => `${text()}.sort()`,
			() => `${text()}.ofType(${pick(TYPES)})`,
			() => `${text()}.trace('t')`,
		])();
	};
	// A condition on $this.
	const inner = (kind, depth) => {
		lambda++;
		const text = pick([
			() => `$this ${pick(['=', '!=', '~', '!~', '<', '>', '<=', '>='])} ${simple(kind)}`,
			() => `$index ${pick(['=', '<', '>='])} ${pick(['0', '1', '2'])}`,
			() => `$this is ${pick(TYPES)}`,
			() => `$this in (${simple(kind)} | ${simple(kind)})`,
			() => expr('bool', depth),
		])();
		lambda--;
		return text;
	};
	const MAKE = {
		bool: d => pick([
			() => { const k = pick(KINDS); return `${term(k, d)} ${pick(['=', '!=', '~', '!~'])} ${term(k, d)}`; },
			() => { const k = pick(['int', 'dec', 'str', 'date', 'dt', 'time', 'qty']); return `${term(k, d)} ${pick(['<', '>', '<=', '>='])} ${term(k, d)}`; },
			() => `${term(pick(['date', 'dt', 'int', 'qty']), d)} ${pick(['=', '<', '~', '>='])} ${term(pick(['dt', 'date', 'dec', 'int', 'qty']), d)}`,
			() => `${term('bool', d)} ${pick(['and', 'or', 'xor', 'implies'])} ${term('bool', d)}`,
			() => `${term('bool', d)}.not()`,
			() => { const k = pick(KINDS); return `${list(k, d)}.${pick(['exists()', 'empty()', 'isDistinct()', `exists(${inner(k, d)})`, `all(${inner(k, d)})`, 'hasValue()'])}`; },
			() => `${list('bool', d)}.${pick(['allTrue()', 'anyTrue()', 'allFalse()', 'anyFalse()'])}`,
			() => { const k = pick(KINDS); return `${list(k, d)}.${pick(['subsetOf', 'supersetOf'])}(${list(k, d)})`; },
			() => { const k = pick(KINDS); return chance(0.5) ? `${term(k, d)} in ${list(k, 0)}` : `${list(k, 0)} contains ${term(k, d)}`; },
			() => { const k = pick(KINDS); return `${list(k, d)} ${pick(['=', '!=', '~', '!~'])} ${list(k, d)}`; },
			() => `${term(pick(KINDS), d)}${pick([` is ${pick(TYPES)}`, `.is(${pick(TYPES)})`])}`,
			() => `${term('str', d)}.${pick(['startsWith', 'endsWith', 'contains'])}(${expr('str', d)})`,
			() => `${term('str', d)}.${pick(['matches', 'matchesFull'])}(${pick(PATTERNS)})`,
			() => `${term(pick(KINDS), d)}.convertsTo${pick(['Boolean', 'Integer', 'Decimal', 'String', 'Date', 'DateTime', 'Time', 'Quantity', 'Long'])}()`,
			() => `${term('qty', d)}.comparable(${term('qty', d)})`,
			() => `${term(pick(KINDS), d)}.toBoolean()`,
			() => { const k = pick(['node', 'node', 'str']); return `${list(k, 0)} ${pick(['=', '~', '!=', '!~'])} ${list(k, 0)}`; },
			() => paths.node.length ? `${pick(paths.node)}.${pick(['exists()', 'empty()', 'isDistinct()', 'hasValue()', 'extension(\'x\').exists()'])}` : 'true',
		])(),
		int: d => pick([
			() => `${term('int', d)} ${pick(['+', '-', '*', 'div', 'mod'])} ${term('int', d)}`,
			() => `${term('dec', d)} div ${term('dec', d)}`,
			() => `${list(pick(KINDS), d)}.count()`,
			() => `${term('str', d)}.length()`,
			() => `${term('str', d)}.${pick(['indexOf', 'lastIndexOf'])}(${expr('str', d)})`,
			() => `${term('dec', d)}.${pick(['ceiling()', 'floor()', 'truncate()'])}`,
			() => `${term('int', d)}.abs()`,
			() => `-${term('int', d)}`,
			() => `${term(pick(KINDS), d)}.toInteger()`,
			() => `${list('int', d)}.${pick(['sum()', 'min()', 'max()', 'aggregate($this + $total, 0)', 'aggregate(iif($total.empty(), $this, iif($this < $total, $this, $total)))'])}`,
			() => `${term(pick(['dec', 'date', 'dt', 'time']), d)}.precision()`,
			() => `${term(pick(['date', 'dt', 'time']), d)}.${pick(['yearOf', 'monthOf', 'dayOf', 'hourOf', 'minuteOf', 'secondOf', 'millisecondOf'])}()`,
			() => `iif(${expr('bool', d)}, ${expr('int', d)}, ${expr('int', d)})`,
			() => `${term('int', d)}.power(${pick(['0', '1', '2', '-1', '0.5'])})`,
		])(),
		dec: d => pick([
			() => `${term('dec', d)} ${pick(['+', '-', '*', '/', 'mod'])} ${term(pick(['dec', 'int']), d)}`,
			() => `${term('int', d)} / ${term('int', d)}`,
			() => `${term('dec', d)}.round(${pick(['', '0', '1', '2', '3'])})`,
			() => `${term('dec', d)}.abs()`,
			() => `${term('dec', d)}.${pick(['sqrt()', 'ln()', 'exp()', 'log(10)', 'log(2)', 'power(2)', 'power(0.5)', 'power(3)', 'power(-1)'])}`,
			() => `${term(pick(KINDS), d)}.toDecimal()`,
			() => `${term('dec', d)}.${pick(['lowBoundary', 'highBoundary'])}(${pick(['', '0', '1', '2', '5', '8', '-1'])})`,
			() => `${list('dec', d)}.${pick(['sum()', 'avg()', 'min()', 'max()'])}`,
			() => `${term('qty', d)}.value`,
			() => `-${term('dec', d)}`,
		])(),
		str: d => pick([
			() => `${term('str', d)} ${pick(['+', '&'])} ${term('str', d)}`,
			() => `${term('str', d)} & ${term(pick(KINDS), d)}`,
			() => `${term('str', d)}.substring(${expr('int', d)}${chance(0.5) ? `, ${expr('int', d)}` : ''})`,
			() => `${term('str', d)}.${pick(['upper()', 'lower()', 'trim()'])}`,
			() => `${term('str', d)}.replace(${expr('str', d)}, ${expr('str', d)})`,
			() => `${term('str', d)}.replaceMatches(${pick(PATTERNS)}, ${pick(["''", "'x'", "'[$1]'", "'$0'"])})`,
			() => `${term(pick(KINDS), d)}.toString()`,
			() => `${list('str', d)}.join(${pick(["','", "''", '', "'; '"])})`,
			() => `${term('str', d)}.${pick(['toChars()', "split(',')", "split('')", "split('X')"])}`,
			() => `${term('str', d)}.${pick(["encode('base64')", "encode('hex')", "encode('urlbase64')", "encode('base64').decode('base64')", "escape('json')", "escape('html')", "unescape('json')", "unescape('html')"])}`,
			() => `${list('str', d)}.${pick(['first()', 'last()', 'min()', 'max()'])}`,
			() => `${term(pick(KINDS), d)}.type().${pick(['name', 'namespace'])}`,
			() => `${list('str', 0)}[${expr('int', d)}]`,
			() => `${list(pick(KINDS), d)}.select(toString())`,
			() => `iif(${expr('bool', d)}, ${expr('str', d)})`,
		])(),
		date: d => pick([
			() => `${term('date', d)} ${pick(['+', '-'])} ${term('qty', 0)}`,
			() => `${term(pick(['date', 'dt', 'str']), d)}.toDate()`,
			() => `${term('date', d)}.${pick(['lowBoundary', 'highBoundary'])}(${pick(['', '4', '6', '8'])})`,
			() => `${term('dt', d)}.dateOf()`,
		])(),
		dt: d => pick([
			() => `${term('dt', d)} ${pick(['+', '-'])} ${term('qty', 0)}`,
			() => `${term(pick(['date', 'dt', 'str']), d)}.toDateTime()`,
			() => `${term('dt', d)}.${pick(['lowBoundary', 'highBoundary'])}(${pick(['', '4', '6', '8', '10', '12', '14', '17'])})`,
		])(),
		time: d => pick([
			() => `${term('time', d)} ${pick(['+', '-'])} ${term('qty', 0)}`,
			() => `${term(pick(['time', 'str']), d)}.toTime()`,
			() => `${term('time', d)}.${pick(['lowBoundary', 'highBoundary'])}(${pick(['', '2', '4', '6', '9'])})`,
			() => `${term('dt', d)}.timeOf()`,
		])(),
		qty: d => pick([
			() => `${term('qty', d)} ${pick(['+', '-'])} ${term('qty', d)}`,
			() => `${term('qty', d)} ${pick(['*', '/'])} ${term(pick(['qty', 'int', 'dec']), d)}`,
			() => `${term(pick(['dec', 'int', 'str', 'qty', 'bool']), d)}.toQuantity(${pick(['', "'mg'", "'g'", "'1'", "'d'", "'day'", "'year'", "'s'"])})`,
			() => `-${term('qty', d)}`,
			() => `${term('qty', d)}.abs()`,
			() => `${list('qty', 0)}.${pick(['sum()', 'min()', 'max()', 'avg()'])}`,
		])(),
	};
	function expr(kind, depth) {
		return depth <= 0 || chance(0.3) ? simple(kind) : MAKE[kind](depth - 1);
	}
	return { one: () => (chance(0.05) ? list(pick(KINDS), 2) : MAKE[pick(KINDS)](pick([0, 0, 0, 1, 1, 2]))) };
}
