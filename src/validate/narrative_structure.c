/*
 * The nesting of a narrative's elements, as the content models of XHTML 1.0 have it: rows in tables, items in lists, no
 * blocks in text, nothing in what is empty.
 */
#include "validate/validate_priv.h"

enum { SHOWN = 40 };
#define SHOW(s) STR_ARG(str_slice((s), 0, SHOWN))

/* What may be in an element, and what it may be in; NULL: not limited. Without text: no text stands in it directly. */
static const struct {
	const char *name, *children, *parents;
	bool inline_only; /* no blocks at any depth */
	bool single; /* not within itself */
} models[] = {
	{"br", "", NULL, false, false},
	{"img", "", NULL, false, false},
	{"hr", "", NULL, false, false},
	{"area", "", NULL, false, false},
	{"table", " caption col colgroup thead tfoot tbody tr ", NULL, false, false},
	{"thead", " tr ", " table ", false, false},
	{"tbody", " tr ", " table ", false, false},
	{"tfoot", " tr ", " table ", false, false},
	{"tr", " td th ", " table thead tbody tfoot ", false, false},
	{"td", NULL, " tr thead tfoot ", false, false},
	{"th", NULL, " tr thead tfoot ", false, false},
	{"caption", NULL, " table ", true, false},
	{"col", NULL, " table colgroup ", false, false},
	{"colgroup", NULL, " table ", false, false},
	{"ul", " li ", NULL, false, false},
	{"ol", " li ", NULL, false, false},
	{"li", NULL, " ul ol ", false, false},
	{"dl", " dt dd ", NULL, false, false},
	{"dt", NULL, " dl ", true, false},
	{"dd", NULL, " dl ", true, false},
	{"map", " area ", NULL, false, false},
	{"p", NULL, NULL, true, false},
	{"h1", NULL, NULL, true, false},
	{"h2", NULL, NULL, true, false},
	{"h3", NULL, NULL, true, false},
	{"h4", NULL, NULL, true, false},
	{"h5", NULL, NULL, true, false},
	{"h6", NULL, NULL, true, false},
	{"pre", NULL, NULL, true, false},
	{"address", NULL, NULL, true, false},
	{"span", NULL, NULL, true, false},
	{"a", NULL, NULL, true, true},
	{"b", NULL, NULL, true, true},
	{"em", NULL, NULL, true, true},
	{"i", NULL, NULL, true, true},
	{"strong", NULL, NULL, true, true},
	{"small", NULL, NULL, true, true},
	{"big", NULL, NULL, true, true},
	{"sub", NULL, NULL, true, true},
	{"sup", NULL, NULL, true, true},
	{"code", NULL, NULL, true, true},
	{"tt", NULL, NULL, true, true},
	{"dfn", NULL, NULL, true, true},
	{"q", NULL, NULL, true, true},
	{"var", NULL, NULL, true, true},
	{"abbr", NULL, NULL, true, true},
	{"acronym", NULL, NULL, true, true},
	{"cite", NULL, NULL, true, true},
	{"bdo", NULL, NULL, true, true},
	{"kbd", NULL, NULL, true, true},
	{"samp", NULL, NULL, true, true},
};
enum { MODELS = sizeof(models) / sizeof(models[0]) };
static const char blocks[] = " div pre table ul ol ";

static bool is_listed(const char *list, struct str word)
{
	char padded[SHOWN + 2];
	if (!word.n || word.n > SHOWN)
		return false;
	padded[0] = padded[word.n + 1] = ' ';
	memcpy(padded + 1, word.p, word.n);
	return str_find(str_from(list), str_make(padded, word.n + 2)) != STR_NONE;
}

static size_t model_of(struct str name)
{
	size_t i = 0;
	while (i < MODELS && !str_is(name, models[i].name))
		i++;
	return i;
}

static void check_children(struct validation *v, const struct node *div, const struct xml_node *x, const char *allowed)
{
	for (const struct xml_node *c = x->first; c; c = c->next) {
		if (c->kind == XML_ELEMENT && !is_listed(allowed, c->name))
			find_error(v, div, ERR_STRUCTURE, "xhtml", "<%.*s> cannot be inside <%.*s>", SHOW(c->name),
				   SHOW(x->name));
		else if (c->kind == XML_TEXT && !xml_is_space(c->text))
			find_error(v, div, ERR_STRUCTURE, "xhtml", "Text cannot stand directly in <%.*s>",
				   SHOW(x->name));
	}
}

/* An element around that x must not be in: text around a block, or one of its own kind. */
static const struct xml_node *wrong_around(const struct xml_node *x, bool block, bool single)
{
	for (const struct xml_node *p = x->parent; p; p = p->parent) {
		size_t model = model_of(p->name);
		if ((block && model < MODELS && models[model].inline_only) || (single && str_eq(p->name, x->name)))
			return p;
	}
	return NULL;
}

static void check_one(struct validation *v, const struct node *div, const struct xml_node *x)
{
	size_t model = model_of(x->name);
	bool known = model < MODELS;
	const struct xml_node *around = wrong_around(x, is_listed(blocks, x->name), known && models[model].single);
	if (around)
		find_error(v, div, ERR_STRUCTURE, "xhtml", "<%.*s> cannot be within <%.*s>", SHOW(x->name),
			   SHOW(around->name));
	if (known && models[model].children)
		check_children(v, div, x, models[model].children);
	if (known && models[model].parents && x->parent && !is_listed(models[model].parents, x->parent->name))
		find_error(v, div, ERR_STRUCTURE, "xhtml", "<%.*s> cannot be directly in <%.*s>", SHOW(x->name),
			   SHOW(x->parent->name));
}

void narrative_check_structure(struct validation *v, const struct node *div, const struct xml_node *root)
{
	for (const struct xml_node *c = xml_first_element(root); c; c = xml_next_element(c)) {
		check_one(v, div, c);
		narrative_check_structure(v, div, c);
	}
}
