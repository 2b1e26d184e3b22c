/*
 * Runs the functional tests of UCUM. Usage: ucum_suite FILE|DIRECTORY, the file or a directory that holds
 * UcumFunctionalTests.xml. A line per failing case, then "N passed, N failed".
 *
 * Values are compared as numbers: the result, with the significant digits that unit_convert() gives it, must be the
 * outcome. The suite writes unity as an empty unit, we write 1.
 */
#include <stdio.h>
#include <sys/stat.h>

#include <libxml/parser.h>
#include <libxml/tree.h>

#include "base/arena.h"
#include "units/units.h"

static size_t passed, failed;
static struct arena arena;

static struct str attribute(const xmlNode *node, const char *name)
{
	char *text = (char *)xmlGetProp(node, (const xmlChar *)name);
	struct str copy = text ? arena_str(&arena, str_from(text)) : S("");
	xmlFree(text);
	return copy;
}

static void count(const xmlNode *node, bool pass, struct str got, const struct error *err)
{
	passed += pass;
	failed += !pass;
	if (!pass)
		printf("FAILED %s %.*s: %.*s%s%s\n", (const char *)node->parent->name, STR_ARG(attribute(node, "id")),
		       STR_ARG(got), err && err->text[0] ? ": " : "", err ? err->text : "");
}

static void run_validation(const xmlNode *node)
{
	struct unit u;
	struct error err = {0};
	struct str unit = attribute(node, "unit");
	bool valid = unit_parse(unit, &u, &err);
	count(node, valid == str_is(attribute(node, "valid"), "true"), unit, &err);
}

static void run_name(const xmlNode *node)
{
	struct buf name;
	struct error err = {0};
	buf_init(&name, 1 << 16);
	bool written = unit_write_name(&name, attribute(node, "unit"), &err);
	count(node, written && str_eq(buf_str(&name), attribute(node, "display")), buf_str(&name), &err);
	buf_done(&name);
}

static struct str text_of(const struct decimal *d, struct buf *room)
{
	buf_reset(room);
	decimal_write(room, d);
	return buf_str(room);
}

static bool same_value(const struct decimal *result, struct str outcome)
{
	struct decimal wanted;
	return decimal_parse(outcome, &wanted) && decimal_cmp(&wanted, result) == 0;
}

static void run_conversion(const xmlNode *node)
{
	struct decimal value, result = {0};
	struct unit from, to;
	struct error err = {0};
	struct buf room;
	buf_init(&room, 1 << 16);
	bool converted = decimal_parse(attribute(node, "value"), &value) &&
			 unit_parse(attribute(node, "srcUnit"), &from, &err) &&
			 unit_parse(attribute(node, "dstUnit"), &to, &err) &&
			 unit_convert(&value, &from, &to, UNIT_SIGNIFICANT, &result, &err);
	count(node, converted && same_value(&result, attribute(node, "outcome")), text_of(&result, &room), &err);
	buf_done(&room);
}

static void run_product(const xmlNode *node, bool divide)
{
	struct decimal a, b, result = {0};
	struct unit unit_a, unit_b;
	struct error err = {0};
	struct buf unit, room;
	buf_init(&unit, 1 << 10);
	buf_init(&room, 1 << 16);
	bool done = decimal_parse(attribute(node, "v1"), &a) && decimal_parse(attribute(node, "v2"), &b) &&
		    unit_parse(attribute(node, "u1"), &unit_a, &err) &&
		    unit_parse(attribute(node, "u2"), &unit_b, &err) &&
		    (divide ? unit_divide : unit_multiply)(&a, &unit_a, &b, &unit_b, UNIT_SIGNIFICANT, &result, &unit,
							   &err);
	struct str wanted = attribute(node, "uRes");
	bool same_unit = str_eq(buf_str(&unit), wanted.n ? wanted : S("1"));
	buf_printf(&unit, " times %.*s", STR_ARG(text_of(&result, &room)));
	count(node, done && same_unit && same_value(&result, attribute(node, "vRes")), buf_str(&unit), &err);
	buf_done(&unit);
	buf_done(&room);
}

static void run_group(const xmlNode *group)
{
	const char *name = (const char *)group->name;
	for (const xmlNode *node = group->children; node; node = node->next) {
		if (node->type != XML_ELEMENT_NODE || !str_is(str_from((const char *)node->name), "case"))
			continue;
		if (str_is(str_from(name), "validation"))
			run_validation(node);
		else if (str_is(str_from(name), "displayNameGeneration"))
			run_name(node);
		else if (str_is(str_from(name), "conversion"))
			run_conversion(node);
		else if (str_is(str_from(name), "multiplication") || str_is(str_from(name), "division"))
			run_product(node, str_is(str_from(name), "division"));
		else
			count(node, false, S("this kind of case is not known"), NULL);
	}
}

int main(int argc, char **argv)
{
	char path[4096];
	struct stat s;
	if (argc != 2) {
		fprintf(stderr, "usage: ucum_suite FILE|DIRECTORY\n");
		return 2;
	}
	bool directory = stat(argv[1], &s) == 0 && S_ISDIR(s.st_mode);
	snprintf(path, sizeof(path), "%s%s", argv[1], directory ? "/UcumFunctionalTests.xml" : "");
	xmlDoc *document = xmlReadFile(path, NULL, XML_PARSE_NONET);
	if (!document) {
		fprintf(stderr, "ucum_suite: %s is no XML file\n", path);
		return 2;
	}
	arena_init(&arena, 64 << 20);
	for (const xmlNode *group = xmlDocGetRootElement(document)->children; group; group = group->next)
		run_group(group);
	xmlFreeDoc(document);
	arena_done(&arena);
	printf("%zu passed, %zu failed\n", passed, failed);
	return failed || !passed ? 1 : 0;
}
