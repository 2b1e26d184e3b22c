/*
 * Lays ucum-essence.xml out as the table of src/units: usage firth-gen-units ESSENCE OUTPUT. Each unit's definition is
 * parsed and reduced to base units here, with the same functions that parse units at run time, so the program starts
 * with the finished numbers. Codes, names and values come out as they are in the file.
 */
#include <stdio.h>
#include <stdlib.h>

#include <libxml/parser.h>
#include <libxml/tree.h>

#include "base/arena.h"
#include "units/units_priv.h"

enum { ROWS_MAX = 600, PREFIXES_MAX = 60 };

struct row_source {
	struct unit_row row;
	struct str function, function_value, function_unit;
	bool resolved;
};

struct essence {
	struct arena arena; /* of every text */
	struct row_source rows[ROWS_MAX];
	struct unit_prefix prefixes[PREFIXES_MAX];
	size_t row_count, prefix_count;
};

static void die(const char *what, struct str which)
{
	fprintf(stderr, "firth-gen-units: %s \"%.*s\"\n", what, STR_ARG(which));
	exit(1);
}

static struct decimal number(struct str text)
{
	struct decimal d;
	if (!decimal_parse(text, &d))
		die("this is no number:", text);
	return d;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* Takes over a text of libxml2. */
static struct str take(struct essence *e, xmlChar *text)
{
	struct str copy = text ? arena_str(&e->arena, str_from((const char *)text)) : S("");
	xmlFree(text);
	return copy;
}

static struct str attribute(struct essence *e, const xmlNode *node, const char *name)
{
	return take(e, xmlGetProp(node, (const xmlChar *)name));
}

/* The text of a node with white space between words made single. */
static struct str text_of(struct essence *e, const xmlNode *node)
{
	char *text = (char *)xmlNodeGetContent(node);
	size_t n = 0;
	for (const char *p = text; p && *p; p++) {
		bool space = *p == ' ' || *p == '\n' || *p == '\t' || *p == '\r';
		if (!space)
			text[n++] = *p;
		else if (n > 0 && text[n - 1] != ' ')
			text[n++] = ' ';
	}
	while (n > 0 && text[n - 1] == ' ')
		n--;
	if (text)
		text[n] = '\0';
	return take(e, (xmlChar *)text);
}

static bool is_named(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE && xmlStrEqual(node->name, (const xmlChar *)name);
}

static const xmlNode *child(const xmlNode *node, const char *name)
{
	for (const xmlNode *at = node->children; at; at = at->next)
		if (is_named(at, name))
			return at;
	return NULL;
}

/* The first child of that name; some units have several names. */
static struct str child_text(struct essence *e, const xmlNode *node, const char *name)
{
	const xmlNode *found = child(node, name);
	return found ? text_of(e, found) : S("");
}

static void read_prefix(struct essence *e, const xmlNode *node)
{
	const xmlNode *value = child(node, "value");
	if (e->prefix_count == PREFIXES_MAX || !value)
		die("this prefix is one too many or has no value:", attribute(e, node, "Code"));
	struct unit_prefix *p = &e->prefixes[e->prefix_count++];
	*p = (struct unit_prefix){.code = attribute(e, node, "Code"),
				  .ci_code = attribute(e, node, "CODE"),
				  .name = child_text(e, node, "name"),
				  .symbol = child_text(e, node, "printSymbol"),
				  .value = number(attribute(e, value, "value"))};
	struct decimal one = decimal_from_i64(1), bare = p->value;
	bare.exponent = 0;
	if (decimal_cmp(&bare, &one) == 0)
		p->power = (int16_t)p->value.exponent;
}

static struct row_source *add_row(struct essence *e, const xmlNode *node)
{
	if (e->row_count == ROWS_MAX)
		die("there are too many units:", attribute(e, node, "Code"));
	struct row_source *source = &e->rows[e->row_count++];
	source->row = (struct unit_row){.code = attribute(e, node, "Code"),
					.ci_code = attribute(e, node, "CODE"),
					.name = child_text(e, node, "name"),
					.symbol = child_text(e, node, "printSymbol"),
					.property = child_text(e, node, "property"),
					.group = attribute(e, node, "class")};
	return source;
}

static void read_base_unit(struct essence *e, const xmlNode *node)
{
	struct unit_row *row = &add_row(e, node)->row;
	row->base = row->metric = true;
	row->group = S("base");
}

static void read_unit(struct essence *e, const xmlNode *node)
{
	struct row_source *source = add_row(e, node);
	const xmlNode *value = child(node, "value"), *function = value ? child(value, "function") : NULL;
	if (!value)
		die("this unit has no value:", source->row.code);
	source->row.metric = str_is(attribute(e, node, "isMetric"), "yes");
	source->row.is_arbitrary = str_is(attribute(e, node, "isArbitrary"), "yes");
	source->row.value = attribute(e, value, "value");
	source->row.definition = attribute(e, value, "Unit");
	if (function) {
		source->function = attribute(e, function, "name");
		source->function_value = attribute(e, function, "value");
		source->function_unit = attribute(e, function, "Unit");
	}
}

static void read_essence(struct essence *e, const char *path)
{
	xmlDoc *document = xmlReadFile(path, NULL, XML_PARSE_NONET);
	if (!document)
		die("this is no XML file:", str_from(path));
	for (const xmlNode *at = xmlDocGetRootElement(document)->children; at; at = at->next) {
		if (is_named(at, "prefix"))
			read_prefix(e, at);
		else if (is_named(at, "base-unit"))
			read_base_unit(e, at);
		else if (is_named(at, "unit"))
			read_unit(e, at);
	}
	xmlFreeDoc(document);
}

/* ---- resolving --------------------------------------------------------------------------------------------------- */

static int by_code(const void *a, const void *b)
{
	return str_cmp(((const struct row_source *)a)->row.code, ((const struct row_source *)b)->row.code);
}

static bool resolve_base(struct unit_row *row)
{
	static const char *const base[UNIT_DIMENSIONS] = {"m", "s", "g", "rad", "K", "C", "cd"};
	for (size_t i = 0; i < UNIT_DIMENSIONS; i++) {
		if (!str_is(row->code, base[i]))
			continue;
		row->numerator = row->denominator = decimal_from_i64(1);
		row->dimension[i] = 1;
		return true;
	}
	die("this base unit is not known:", row->code);
	return false;
}

static uint8_t function_of(struct str name)
{
	static const char *const names[UNIT_FUNCTION_COUNT] = {
#define FUNCTION(symbol, essence) [UNIT_##symbol] = essence,
#include "units/functions.def"
#undef FUNCTION
	};
	for (uint8_t i = 1; i < UNIT_FUNCTION_COUNT; i++)
		if (str_is(name, names[i]))
			return i;
	die("this function of a special unit is not known:", name);
	return 0;
}

/* As few digits as it takes: powers of ten become exponents. */
static struct decimal shortest(struct decimal d)
{
	struct decimal ten = decimal_from_i64(10), whole, rest;
	while (d.count > 0) {
		struct decimal bare = d;
		bare.exponent = 0;
		if (!decimal_divmod(&bare, &ten, &whole, &rest) || !decimal_is_zero(&rest))
			break;
		whole.exponent = d.exponent + 1;
		d = whole;
	}
	return d;
}

/* The meaning of a definition once everything in it is resolved. */
static bool resolve(struct essence *e, const struct unit_table *table, struct row_source *source)
{
	struct unit_row *row = &source->row;
	struct unit_parts parts;
	struct unit_fault fault;
	struct unit u;
	struct error err = {0};
	bool special = source->function.n > 0;
	struct str unit = special ? source->function_unit : row->definition;
	if (!unit_parse_parts(table, unit, &parts, &fault, &err))
		die(err.text, unit);
	for (size_t i = 0; i < parts.count; i++) {
		if (parts.parts[i].kind == PART_SYMBOL && !e->rows[parts.parts[i].row].resolved)
			return false;
	}
	if (!unit_reduce(table, &parts, &u, &err) || u.scale != UNIT_RATIO || u.arbitrary_count > 1)
		die("this definition has no meaning:", unit);
	struct decimal value = number(special ? source->function_value : row->value);
	if (!decimal_mul(&value, &u.numerator, &row->numerator))
		die("these digits do not fit:", unit);
	row->numerator = shortest(row->numerator);
	row->denominator = shortest(u.denominator);
	row->numerator.exponent -= row->denominator.exponent;
	row->denominator.exponent = 0;
	for (size_t i = 0; i < UNIT_DIMENSIONS; i++)
		row->dimension[i] = (int8_t)u.dimension[i];
	row->counts = u.counts || str_is(row->code, "mol");
	row->function = special ? function_of(source->function) : UNIT_NO_FUNCTION;
	if (u.arbitrary_count)
		row->arbitrary = (uint16_t)(u.arbitrary[0] + 1);
	else if (row->is_arbitrary)
		row->arbitrary = (uint16_t)(source - e->rows + 1);
	return true;
}

static void resolve_all(struct essence *e)
{
	static struct unit_row rows[ROWS_MAX];
	const struct unit_table table = {e->prefixes, e->prefix_count, rows, e->row_count};
	size_t left = e->row_count;
	for (size_t i = 0; i < e->row_count; i++)
		rows[i] = e->rows[i].row;
	while (left > 0) {
		size_t before = left;
		for (size_t i = 0; i < e->row_count; i++) {
			struct row_source *source = &e->rows[i];
			if (source->resolved ||
			    !(source->row.base ? resolve_base(&source->row) : resolve(e, &table, source)))
				continue;
			source->resolved = true;
			rows[i] = source->row;
			left--;
		}
		for (size_t i = 0; left == before && i < e->row_count; i++)
			if (!e->rows[i].resolved)
				die("units are defined by each other, among them", e->rows[i].row.code);
	}
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static void write_text(FILE *out, struct str text)
{
	fputs("{\"", out);
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c < 32 || c > 126 || c == '"' || c == '\\')
			fprintf(out, "\\%03o", c);
		else
			fputc(c, out);
	}
	fprintf(out, "\", %zu}", text.n);
}

static void write_number(FILE *out, const struct decimal *d)
{
	fputs("{{", out);
	for (size_t i = 0; i < DECIMAL_LIMBS; i++)
		fprintf(out, "%s%lluU", i ? ", " : "", (unsigned long long)d->limb[i]);
	fprintf(out, "}, %d, %u, %s}", (int)d->exponent, d->count, d->negative ? "true" : "false");
}

static void write_row(FILE *out, const struct unit_row *row)
{
	const struct str texts[] = {row->code,	   row->ci_code, row->name,  row->symbol,
				    row->property, row->group,	 row->value, row->definition};
	fputs("\t{", out);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		write_text(out, texts[i]);
		fputs(", ", out);
	}
	write_number(out, &row->numerator);
	fputs(", ", out);
	write_number(out, &row->denominator);
	fputs(", {", out);
	for (size_t i = 0; i < UNIT_DIMENSIONS; i++)
		fprintf(out, "%s%d", i ? ", " : "", row->dimension[i]);
	fprintf(out, "}, %u, %u, %d, %d, %d, %d},\n", row->arbitrary, row->function, row->metric, row->base,
		row->counts, row->is_arbitrary);
}

static void write_table(FILE *out, const struct essence *e)
{
	fputs("/* Made from ucum-essence.xml by firth-gen-units; see data/ucum/NOTICE for its copyright and licence. "
	      "*/\n"
	      "#include \"units/units_priv.h\"\n\nstatic const struct unit_prefix prefixes[] = {\n",
	      out);
	for (size_t i = 0; i < e->prefix_count; i++) {
		const struct unit_prefix *p = &e->prefixes[i];
		const struct str texts[] = {p->code, p->ci_code, p->name, p->symbol};
		fputs("\t{", out);
		for (size_t k = 0; k < sizeof(texts) / sizeof(*texts); k++) {
			write_text(out, texts[k]);
			fputs(", ", out);
		}
		write_number(out, &p->value);
		fprintf(out, ", %d},\n", p->power);
	}
	fputs("};\n\nstatic const struct unit_row rows[] = {\n", out);
	for (size_t i = 0; i < e->row_count; i++)
		write_row(out, &e->rows[i].row);
	fprintf(out,
		"};\n\nconst struct unit_table unit_builtin_table = {\n"
		"\t.prefixes = prefixes, .prefix_count = %zu, .rows = rows, .row_count = %zu};\n",
		e->prefix_count, e->row_count);
}

int main(int argc, char **argv)
{
	static struct essence e;
	if (argc != 3) {
		fprintf(stderr, "usage: firth-gen-units ESSENCE OUTPUT\n");
		return 2;
	}
	arena_init(&e.arena, 16 << 20);
	read_essence(&e, argv[1]);
	qsort(e.rows, e.row_count, sizeof(*e.rows), by_code);
	resolve_all(&e);
	FILE *out = fopen(argv[2], "w");
	if (!out)
		die("this cannot be written:", str_from(argv[2]));
	write_table(out, &e);
	if (ferror(out) || fclose(out) != 0)
		die("this cannot be written:", str_from(argv[2]));
	arena_done(&e.arena);
	return 0;
}
