/*
 * Extensions (http://hl7.org/fhir/R4/extensibility.html): the definition of a URL, when it is at hand, comes along as
 * an overlay; here is the rest: unknown URLs, modifiers, and the places where an extension may stand.
 */
#include "validate/walk_priv.h"

enum { SHOWN = 200 };

static struct str shown(struct str s)
{
	return str_slice(s, 0, SHOWN);
}

/* ---- where it stands
 * ------------------------------------------------------------------------------------------------- */

/* "Observation.value" of "Observation.value[x]". */
static struct str plain(struct str path)
{
	return str_ends(path, S("[x]")) ? str_slice(path, 0, path.n - 3) : path;
}

/* Is the node at a path of some type around it: "Patient.contact.name", "DomainResource.text", "HumanName.given"? */
static bool at_path(struct validation *v, const struct node *n, struct str path)
{
	struct str rest = path;
	for (const struct node *top = n; top; top = top->parent) {
		if (top->type && type_derives(v, top->type, rest))
			return true;
		size_t dot = str_rfind_char(rest, '.');
		if (dot == STR_NONE || !str_eq(plain(str_slice(rest, dot + 1, rest.n)), top->name))
			break;
		rest = str_slice(rest, 0, dot);
		if (top->holder->node == top)
			break;
	}
	return n->definition && str_eq(plain(n->definition->path), path);
}

static bool is_root_path(struct str path)
{
	return str_find_char(path, '.', 0) == STR_NONE;
}

static bool in_element_context(struct validation *v, const struct node *at, struct str expression)
{
	size_t hash = str_find_char(expression, '#', 0);
	if (hash != STR_NONE)
		expression = str_slice(expression, hash + 1, expression.n);
	expression = plain(expression);
	struct str first = str_slice(expression, 0, str_find_char(expression, '.', 0));
	if (!definitions_type(v->definitions, first))
		return true; /* of another release, or a logical model: it cannot be told */
	if (!is_root_path(expression)) {
		size_t of_type = str_find(expression, S(".ofType("));
		return at_path(v, at, of_type == STR_NONE ? expression : plain(str_slice(expression, 0, of_type)));
	}
	if (str_is(expression, "Element"))
		return true;
	return at->type && type_derives(v, at->type, expression);
}

static bool in_extension_context(const struct node *at, struct str url)
{
	for (; at && str_is(at->name, "value"); at = at->parent)
		;
	return at && at->type && str_is(at->type->name, "Extension") && str_eq(json_get_str(at->value, S("url")), url);
}

/* Expressions are few and rarely used, so they are compiled each time. */
static bool evaluate(struct validation *v, const struct node *at, const struct path_item *focus, struct str expression,
		     const struct node *extension, struct path_items *ret_items)
{
	struct path_context context;
	struct error err = {0};
	struct path_item self = node_item(extension);
	struct path_variable variable = {S("extension"), {&self, 1, 1}};
	const struct path_program *program = path_compile(v->arena, v->definitions, expression, NULL, &err);
	if (!program)
		return false;
	validation_path_context(v, at, &context);
	context.variables = &variable;
	context.variable_count = 1;
	v->evaluating = at;
	return path_eval(program, v->arena, &context, focus, ret_items, &err);
}

static bool in_path_context(struct validation *v, const struct node *at, struct str expression,
			    const struct node *extension)
{
	struct path_items items = {0};
	struct path_item root = path_item_resource(v->definitions, at->holder->json);
	if (!evaluate(v, at, &root, expression, extension, &items))
		return true;
	for (size_t i = 0; i < items.count; i++)
		if (items.items[i].kind == PATH_ELEMENT && ((at->value && items.items[i].value == at->value) ||
							    (at->extra && items.items[i].extra == at->extra)))
			return true;
	return false;
}

static bool in_context(struct validation *v, const struct node *at, const struct json *context,
		       const struct node *extension)
{
	struct str type = json_get_str(context, S("type")), expression = json_get_str(context, S("expression"));
	if (str_is(type, "element"))
		return in_element_context(v, at, expression);
	if (str_is(type, "extension"))
		return in_extension_context(at, expression);
	if (str_is(type, "fhirpath"))
		return in_path_context(v, at, expression, extension);
	return true;
}

static void write_contexts(struct buf *out, const struct json *contexts)
{
	struct json_iter it = json_iter(contexts);
	for (bool first = true; json_next(&it); first = false)
		buf_printf(out, "%s%.*s", first ? "" : ", ", STR_ARG(json_get_str(it.value, S("expression"))));
}

/* The technical extensions of 4.0.1 name narrower contexts than R4 itself uses them in: other definitions as a whole,
 * and other parts of StructureDefinitions. Later releases mended that. */
static bool has_narrow_context(const struct node *n, const struct profile *p)
{
	const struct holder *h = n->holder;
	bool definition = (n->parent == h->node && json_get(h->json, S("url"))) ||
			  (h->type && str_is(h->type->name, "StructureDefinition"));
	return definition && str_is(p->version, "4.0.1") &&
	       (str_starts(p->url, S("http://hl7.org/fhir/StructureDefinition/structuredefinition-")) ||
		str_is(p->url, "http://hl7.org/fhir/StructureDefinition/regex"));
}

static void check_context(struct validation *v, const struct node *n, const struct profile *p)
{
	const struct json *contexts = json_get(p->json, S("context"));
	struct json_iter it = json_iter(contexts);
	bool allowed = !it.left;
	while (!allowed && json_next(&it))
		allowed = in_context(v, n->parent, it.value, n);
	if (!allowed) {
		struct buf text;
		buf_init(&text, 500);
		write_contexts(&text, contexts);
		validation_find(v, n->parent, has_narrow_context(n, p) ? ISSUE_WARNING : ISSUE_ERROR, ERR_STRUCTURE,
				S("extension-context"), "The extension %.*s is not allowed here, only on %.*s",
				STR_ARG(shown(p->url)), STR_ARG(buf_str(&text)));
		buf_done(&text);
	}
}

static void check_context_invariants(struct validation *v, const struct node *n, const struct profile *p)
{
	struct json_iter it = json_iter(json_get(p->json, S("contextInvariant")));
	struct path_item focus = node_item(n->parent);
	while (json_next(&it)) {
		struct path_items items = {0};
		struct error ignored = {0};
		int truth = 1;
		if (!evaluate(v, n->parent, &focus, json_str(it.value), n, &items) ||
		    !path_truth(&items, &truth, &ignored))
			continue;
		if (truth != 1)
			find_error(v, n->parent, ERR_STRUCTURE, "extension-context",
				   "The extension %.*s is not allowed here: not \"%.*s\"", STR_ARG(shown(p->url)),
				   STR_ARG(json_str(it.value)));
	}
}

/* ---- which it is
 * ----------------------------------------------------------------------------------------------------- */

static bool is_modifier(const struct node *n)
{
	return str_is(n->name, "modifierExtension");
}

/* Hosts that stand for any in examples. */
static bool is_example(struct str url)
{
	static const struct str hosts[] = {{"example.org", 11}, {"example.com", 11}, {"acme.com", 8}, {"acme.org", 8}};
	size_t start = str_find(url, S("://"));
	struct str rest = start == STR_NONE ? url : str_slice(url, start + 3, url.n);
	struct str host = str_slice(rest, 0, str_find_char(rest, '/', 0));
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		if (str_ends(host, hosts[i]))
			return true;
	return false;
}

static void report_unknown(struct validation *v, const struct node *n, struct str url)
{
	if (is_modifier(n))
		validation_find(v, n, is_example(url) ? ISSUE_WARNING : ISSUE_ERROR, ERR_STRUCTURE,
				S("extension-unknown"),
				"The modifier extension %.*s is not at hand, so what is said here cannot be understood",
				STR_ARG(shown(url)));
	else if (!v->options->extensions_must_be_known || is_example(url))
		find_hint(v, n, ERR_STRUCTURE, "extension-unknown",
			  "The extension %.*s is not at hand, so it was not checked", STR_ARG(shown(url)));
	else
		find_error(v, n, ERR_STRUCTURE, "extension-unknown",
			   "The extension %.*s is not at hand, so it is not allowed here", STR_ARG(shown(url)));
}

/* A slice of a profile or of a complex extension that the item was matched to speaks for it. */
static bool defined_in_place(const struct overlays *o)
{
	for (size_t i = 0; i < o->count; i++)
		if (o->at[i]->slice.p || !o->at[i]->parent)
			return true;
	return false;
}

static void check_known(struct validation *v, const struct node *n, const struct profile *p)
{
	bool modifier = p->root->modifier;
	if (v->additions)
		return;
	if (is_modifier(n) && !modifier)
		find_error(v, n, ERR_STRUCTURE, "extension-modifier", "The extension %.*s is no modifier extension",
			   STR_ARG(shown(p->url)));
	else if (!is_modifier(n) && modifier)
		find_error(v, n, ERR_STRUCTURE, "extension-modifier",
			   "The extension %.*s is a modifier extension and must stand in modifierExtension",
			   STR_ARG(shown(p->url)));
	check_context(v, n, p);
	check_context_invariants(v, n, p);
}

static const struct profile_element *child_named(const struct profile_element *e, const char *name)
{
	for (size_t i = 0; i < e->child_count; i++)
		if (str_is(e->children[i]->name, name))
			return e->children[i];
	return NULL;
}

static bool slice_has_url(const struct profile_element *inner, struct str url)
{
	for (size_t i = 0; i < inner->slice_count; i++) {
		const struct profile_element *at = child_named(inner->slices[i], "url");
		if ((at && at->fixed && str_eq(json_str(at->fixed), url)) || str_eq(inner->slices[i]->slice, url))
			return true;
	}
	return false;
}

/* The parts of a complex extension are known by relative URLs, which mean only what the extension's definition says. */
static void check_parts(struct validation *v, const struct node *n, const struct profile *p)
{
	const struct profile_element *inner = child_named(p->root, "extension");
	int64_t i = 0;
	if (!inner || !inner->slice_count || v->additions)
		return;
	for (struct json_iter it = json_iter(json_get(n->value, S("extension"))); json_next(&it); i++) {
		struct str url = json_get_str(it.value, S("url"));
		struct node part = node_child(n, S("extension"), i, it.value);
		if (url.n && str_find_char(url, ':', 0) == STR_NONE && !slice_has_url(inner, url))
			find_error(v, &part, ERR_STRUCTURE, "extension-part", "The extension %.*s has no part \"%.*s\"",
				   STR_ARG(shown(p->url)), STR_ARG(shown(url)));
	}
}

void check_extension(struct validation *v, const struct node *n, struct overlays *o)
{
	struct str url = json_get_str(n->value, S("url"));
	bool relative = str_find_char(url, ':', 0) == STR_NONE;
	if (!url.n || (relative && n->parent->type && str_is(n->parent->type->name, "Extension")))
		return;
	if (str_find_char(url, '|', 0) != STR_NONE && !v->additions)
		find_error(v, n, ERR_VALUE, "extension-version", "The URL %.*s of an extension must not have a version",
			   STR_ARG(shown(url)));
	if (relative && !v->additions)
		find_error(v, n, ERR_VALUE, "extension-url", "The URL \"%.*s\" of an extension must be absolute",
			   STR_ARG(shown(url)));
	const struct profile *p = profiles_find(v->profiles, url, NULL, NULL);
	if (p && p->fhir_type && str_is(p->fhir_type->name, "Extension")) {
		check_known(v, n, p);
		if (p->constraint) {
			overlays_add(v, o, p->root);
			check_parts(v, n, p);
		}
	} else if (!v->additions && !defined_in_place(o)) {
		report_unknown(v, n, url);
	}
}
