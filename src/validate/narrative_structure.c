/*
 * The nesting of a narrative's elements, as the content models of XHTML 1.0 have it: rows in tables, items in lists, no
 * blocks in text, nothing in what is empty.
 */
#include "validate/validate_priv.h"

enum { SHOWN = 40 };
#define SHOW(s) STR_ARG(str_slice((s), 0, SHOWN))

/* What may be in an element, and what it may be in; NULL: not limited. Without text: no text stands in it directly. */
#define S_(text)                                                                                                       \
	{                                                                                                              \
		text, sizeof(text) - 1                                                                                 \
	}
static const struct {
	struct str name;
	const char *children, *parents;
	bool inline_only; /* no blocks at any depth */
	bool single; /* not within itself */
} models[] = {
	{S_("br"), "", NULL, false, false},
	{S_("img"), "", NULL, false, false},
	{S_("hr"), "", NULL, false, false},
	{S_("area"), "", NULL, false, false},
	{S_("table"), " caption col colgroup thead tfoot tbody tr ", NULL, false, false},
	{S_("thead"), " tr ", " table ", false, false},
	{S_("tbody"), " tr ", " table ", false, false},
	{S_("tfoot"), " tr ", " table ", false, false},
	{S_("tr"), " td th ", " table thead tbody tfoot ", false, false},
	{S_("td"), NULL, " tr thead tfoot ", false, false},
	{S_("th"), NULL, " tr thead tfoot ", false, false},
	{S_("caption"), NULL, " table ", true, false},
	{S_("col"), NULL, " table colgroup ", false, false},
	{S_("colgroup"), NULL, " table ", false, false},
	{S_("ul"), " li ", NULL, false, false},
	{S_("ol"), " li ", NULL, false, false},
	{S_("li"), NULL, " ul ol ", false, false},
	{S_("dl"), " dt dd ", NULL, false, false},
	{S_("dt"), NULL, " dl ", true, false},
	{S_("dd"), NULL, " dl ", true, false},
	{S_("map"), " area ", NULL, false, false},
	{S_("p"), NULL, NULL, true, false},
	{S_("h1"), NULL, NULL, true, false},
	{S_("h2"), NULL, NULL, true, false},
	{S_("h3"), NULL, NULL, true, false},
	{S_("h4"), NULL, NULL, true, false},
	{S_("h5"), NULL, NULL, true, false},
	{S_("h6"), NULL, NULL, true, false},
	{S_("pre"), NULL, NULL, true, false},
	{S_("address"), NULL, NULL, true, false},
	{S_("span"), NULL, NULL, true, false},
	{S_("a"), NULL, NULL, true, true},
	{S_("b"), NULL, NULL, true, true},
	{S_("em"), NULL, NULL, true, true},
	{S_("i"), NULL, NULL, true, true},
	{S_("strong"), NULL, NULL, true, true},
	{S_("small"), NULL, NULL, true, true},
	{S_("big"), NULL, NULL, true, true},
	{S_("sub"), NULL, NULL, true, true},
	{S_("sup"), NULL, NULL, true, true},
	{S_("code"), NULL, NULL, true, true},
	{S_("tt"), NULL, NULL, true, true},
	{S_("dfn"), NULL, NULL, true, true},
	{S_("q"), NULL, NULL, true, true},
	{S_("var"), NULL, NULL, true, true},
	{S_("abbr"), NULL, NULL, true, true},
	{S_("acronym"), NULL, NULL, true, true},
	{S_("cite"), NULL, NULL, true, true},
	{S_("bdo"), NULL, NULL, true, true},
	{S_("kbd"), NULL, NULL, true, true},
	{S_("samp"), NULL, NULL, true, true},
};
enum { MODELS = sizeof(models) / sizeof(models[0]) };
_Static_assert(MODELS <= 64, "one bit each");
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
	while (i < MODELS && !(name.n == models[i].name.n && memcmp(name.p, models[i].name.p, name.n) == 0))
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

/* What is around an element: bits of models, and the nearest one that takes no blocks. */
struct around {
	uint64_t open;
	const struct xml_node *text;
};

static void check_one(struct validation *v, const struct node *div, const struct xml_node *x, size_t model,
		      const struct around *around)
{
	if (around->text && is_listed(blocks, x->name))
		find_error(v, div, ERR_STRUCTURE, "xhtml", "<%.*s> cannot be within <%.*s>", SHOW(x->name),
			   SHOW(around->text->name));
	if (model == MODELS)
		return;
	if (models[model].single && (around->open >> model & 1))
		find_error(v, div, ERR_STRUCTURE, "xhtml", "<%.*s> cannot be within another one", SHOW(x->name));
	if (models[model].children)
		check_children(v, div, x, models[model].children);
	if (models[model].parents && x->parent && !is_listed(models[model].parents, x->parent->name))
		find_error(v, div, ERR_STRUCTURE, "xhtml", "<%.*s> cannot be directly in <%.*s>", SHOW(x->name),
			   SHOW(x->parent->name));
}

static void check_below(struct validation *v, const struct node *div, const struct xml_node *x,
			const struct around *around)
{
	for (const struct xml_node *c = xml_first_element(x); c; c = xml_next_element(c)) {
		size_t model = model_of(c->name);
		struct around inner = *around;
		check_one(v, div, c, model, around);
		if (model < MODELS) {
			inner.open |= (uint64_t)1 << model;
			inner.text = models[model].inline_only ? c : inner.text;
		}
		check_below(v, div, c, &inner);
	}
}

void narrative_check_structure(struct validation *v, const struct node *div, const struct xml_node *root)
{
	check_below(v, div, root, &(struct around){0});
}
