/*
 * Narratives (http://hl7.org/fhir/R4/narrative.html): the elements and attributes that their XHTML may use, no scripts
 * and no events, links that lead somewhere, a language that is the resource's. That the text is well-formed XHTML at
 * all is checked where its format is.
 */
#include "validate/validate_priv.h"

#include <stdlib.h>

#define XHTML "http://www.w3.org/1999/xhtml"

enum { SHOWN = 80, MAX_IDS = 100000 };
#define SHOW(s) STR_ARG(str_slice((s), 0, SHOWN))

struct narrative {
	struct validation *v;
	const struct node *div;
	struct str *ids; /* of elements, and names of anchors */
	size_t id_count, id_capacity;
	bool failed;
};

/* ---- the text as XML -------------------------------------------------------------------------------------------- */

static bool is_html_entity(struct str name)
{
#define ENTITY(entity, number)                                                                                         \
	if (str_is(name, #entity))                                                                                     \
		return true;
#include "fhir/entities.def"
#undef ENTITY
	return false;
}

/* HTML has more entities than XML knows without a declaration; what they stand for is of no matter here. */
static struct str without_entities(struct arena *a, struct str text)
{
	char *out = arena_alloc(a, text.n + 1);
	size_t n = 0;
	for (size_t i = 0; out && i < text.n;) {
		size_t end = text.p[i] == '&' ? str_find_char(text, ';', i) : STR_NONE;
		if (end != STR_NONE && end - i < 32 && is_html_entity(str_slice(text, i + 1, end))) {
			out[n++] = '_';
			i = end + 1;
		} else {
			out[n++] = text.p[i++];
		}
	}
	return out ? str_make(out, n) : STR_NULL;
}

/* ---- elements and attributes ------------------------------------------------------------------------------------ */

static bool attribute_allowed(struct str element, const struct xml_attribute *attribute)
{
	if (attribute->ns.p)
		return str_is(attribute->ns, "http://www.w3.org/XML/1998/namespace");
	return xhtml_attribute_allowed(element, attribute->name);
}

static void check_attributes(struct narrative *x, const struct xml_node *node)
{
	for (const struct xml_attribute *a = node->attributes; a; a = a->next) {
		if (!a->ns.p && str_starts(a->name, S("on")))
			find_error(x->v, x->div, ERR_INVARIANT, "txt-1",
				   "A narrative must not react to events; <%.*s> has the attribute \"%.*s\"",
				   SHOW(node->name), SHOW(a->name));
		else if (!attribute_allowed(node->name, a))
			find_error(x->v, x->div, ERR_INVARIANT, "txt-1",
				   "The attribute \"%.*s\" of <%.*s> is not allowed in a narrative", SHOW(a->name),
				   SHOW(node->name));
	}
}

static void check_element(struct narrative *x, const struct xml_node *node)
{
	if (!str_is(node->ns, XHTML))
		find_error(x->v, x->div, ERR_INVARIANT, "txt-1",
			   "The element <%.*s> of a narrative must be in the namespace " XHTML, SHOW(node->name));
	else if (!xhtml_element_allowed(node->name))
		find_error(x->v, x->div, ERR_INVARIANT, "txt-1", "The element <%.*s> is not allowed in a narrative",
			   SHOW(node->name));
	check_attributes(x, node);
}

/* ---- links ------------------------------------------------------------------------------------------------------ */

static void add_id(struct narrative *x, struct str id)
{
	if (!id.n || x->id_count == MAX_IDS)
		return;
	struct str *ids = arena_grow(x->v->arena, x->ids, x->id_count, &x->id_capacity, x->id_count + 1, sizeof(*ids));
	if (!ids) {
		x->failed = true;
		return;
	}
	x->ids = ids;
	ids[x->id_count++] = id;
}

static void gather_ids(struct narrative *x, const struct xml_node *node)
{
	struct str name = str_is(node->name, "a") ? xml_attribute(node, STR_NULL, S("name")) : STR_NULL;
	struct str id = xml_attribute(node, STR_NULL, S("id"));
	add_id(x, id);
	if (!str_eq(name, id))
		add_id(x, name);
	for (const struct xml_node *c = xml_first_element(node); c; c = xml_next_element(c))
		gather_ids(x, c);
}

static bool has_id(const struct narrative *x, struct str id)
{
	for (size_t i = 0; i < x->id_count; i++)
		if (str_eq(x->ids[i], id))
			return true;
	return false;
}

static bool is_contained(const struct narrative *x, struct str id)
{
	const struct json *contained = json_get(x->div->holder->json, S("contained"));
	for (struct json_iter it = json_iter(contained); json_next(&it);)
		if (str_eq(json_get_str(it.value, S("id")), id))
			return true;
	return false;
}

/* The scheme in front of a URL; empty for relative ones. */
static struct str scheme_of(struct str url)
{
	for (size_t i = 0; i < url.n; i++) {
		char c = url.p[i];
		if (c == ':')
			return str_slice(url, 0, i);
		if (!((c | 32) >= 'a' && (c | 32) <= 'z') && !(i && ((c >= '0' && c <= '9') || strchr("+-.", c))))
			break;
	}
	return S("");
}

static void check_link(struct narrative *x, const struct xml_node *node, struct str url, bool image)
{
	static const char *const schemes[] = {"http", "https", "mailto", "tel", "sms", "data", "cid", "ftp"};
	bool known = false;
	struct str scheme = scheme_of(url), id = str_slice(url, 1, url.n);
	if (!url.p)
		return;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		known = known || str_is(scheme, schemes[i]);
	if (str_starts(url, S("#"))) {
		if (id.n && !has_id(x, id) && !is_contained(x, id))
			find_error(x->v, x->div, ERR_NOT_FOUND, "narrative-link",
				   "The link \"%.*s\" leads to nothing in this narrative", SHOW(url));
	} else if (scheme.n && !known) {
		find_error(x->v, x->div, ERR_VALUE, "narrative-link",
			   "The link \"%.*s\" cannot be followed: %.*s is no scheme for links", SHOW(url),
			   SHOW(scheme));
	} else if (image && !node->parent) {
		find_error(x->v, x->div, ERR_VALUE, "narrative-link", "An image cannot be the whole narrative");
	}
}

static void check_tree(struct narrative *x, const struct xml_node *node)
{
	check_element(x, node);
	if (str_is(node->name, "a") || str_is(node->name, "area"))
		check_link(x, node, xml_attribute(node, STR_NULL, S("href")), false);
	else if (str_is(node->name, "img"))
		check_link(x, node, xml_attribute(node, STR_NULL, S("src")), true);
	for (const struct xml_node *c = xml_first_element(node); c; c = xml_next_element(c))
		check_tree(x, c);
}

/* ---- content ----------------------------------------------------------------------------------------------------- */

static bool has_content(const struct xml_node *node)
{
	for (const struct xml_node *c = node->first; c; c = c->next) {
		if (c->kind == XML_TEXT && !xml_is_space(c->text))
			return true;
		if (c->kind == XML_ELEMENT && (str_is(c->name, "img") || has_content(c)))
			return true;
	}
	return false;
}

/* ---- the whole -------------------------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static void check_ids(struct narrative *x)
{
	if (x->id_count < 2)
		return;
	struct str *sorted = ARENA_ARRAY(x->v->arena, struct str, x->id_count);
	if (!sorted)
		return;
	memcpy(sorted, x->ids, x->id_count * sizeof(*sorted));
	qsort(sorted, x->id_count, sizeof(*sorted), by_text);
	for (size_t i = 1; i < x->id_count; i++)
		if (str_eq(sorted[i], sorted[i - 1]))
			find_warning(x->v, x->div, ERR_VALUE, "narrative-id",
				     "The id \"%.*s\" is used twice in this narrative", SHOW(sorted[i]));
}

static void check_language(struct narrative *x, const struct xml_node *div)
{
	struct str language = json_get_str(x->div->holder->json, S("language"));
	struct str lang = xml_attribute(div, STR_NULL, S("lang"));
	struct str xml_lang = xml_attribute(div, S("http://www.w3.org/XML/1998/namespace"), S("lang"));
	if (lang.p && xml_lang.p && !str_eq(lang, xml_lang))
		find_warning(x->v, x->div, ERR_VALUE, "narrative-language",
			     "The narrative has lang \"%.*s\" and xml:lang \"%.*s\"", SHOW(lang), SHOW(xml_lang));
	lang = lang.p ? lang : xml_lang;
	if (language.n && lang.n && !str_eq_nocase(language, lang))
		find_warning(x->v, x->div->holder->node, ERR_VALUE, "narrative-language",
			     "The resource is in the language \"%.*s\", its narrative in \"%.*s\"", SHOW(language),
			     SHOW(lang));
}

void rule_narrative(struct validation *v, const struct node *at)
{
	struct error broken = {0};
	struct xml_limits limits = {.bytes = 16 << 20, .instructions = true};
	struct node div = node_child(at, S("div"), -1, json_get(at->value, S("div")));
	struct str text = json_str(div.value);
	if (!text.n)
		return;
	text = without_entities(v->arena, text);
	const struct xml_node *root = text.p ? xml_parse(v->arena, text, &limits, &broken) : NULL;
	if (!root) {
		find_error(v, &div, ERR_VALUE, "xhtml", "The narrative cannot be read: %s", broken.text);
		return;
	}
	struct narrative x = {.v = v, .div = &div};
	if (!has_content(root))
		find_error(v, &div, ERR_INVARIANT, "txt-2",
			   "The narrative says nothing: it has neither text nor images");
	gather_ids(&x, root);
	check_tree(&x, root);
	narrative_check_structure(v, &div, root);
	check_ids(&x);
	check_language(&x, root);
	if (x.failed)
		error_memory(v->err);
}
