/*
 * XML to JSON. The children of an element are first gathered by name, since what repeats becomes a list, and a value
 * with its extensions becomes two members; then they are written as JSON text, which the parser turns into a document
 * like any other.
 */
#include "fhir/fhir_priv.h"
#include "fhir/xml.h"

#include <stdarg.h>

#define FHIR_NS	 S("http://hl7.org/fhir")
#define XHTML_NS S("http://www.w3.org/1999/xhtml")
#define XSI_NS	 S("http://www.w3.org/2001/XMLSchema-instance")

enum { MAX_OUT = 512 << 20, MAX_SHOWN = 64 };

struct reader {
	const struct definitions *definitions;
	const struct fhir_type *element; /* Element: what a primitive has besides its value */
	struct str text;
	struct arena scratch;
	struct buf out;
	struct json_writer w;
	struct issues *findings; /* NULL: the first problem ends it */
	struct error *err;
	unsigned depth;
};

/* The elements of one name within an object. An attribute is a member without nodes. */
struct member {
	const struct fhir_element *element;
	const struct fhir_type *type;
	struct str name;
	struct str step; /* in locations: "value.ofType(Quantity)" for valueQuantity */
	size_t order; /* position of the element in its type */
	struct str attribute;
	const struct xml_node **nodes;
	size_t count, capacity;
};

struct members {
	struct member *items;
	size_t count, capacity;
	size_t current; /* the member of the sibling before */
};

/* Reports a problem. Returns whether to go on. */
__attribute__((format(printf, 5, 6))) static bool problem(struct reader *r, const struct place *at,
							  const struct xml_node *node, enum error_code code,
							  const char *format, ...)
{
	struct said said;
	va_list args;
	va_start(args, format);
	said_make(&said, at, format, args);
	va_end(args);
	if (r->findings) {
		const struct issue *before = r->findings->last;
		issues_add(r->findings, ISSUE_ERROR, code, buf_str(&said.path), "%s", said.text);
		if (r->findings->last != before) {
			r->findings->last->line = node->line;
			r->findings->last->column = node->column;
		}
	} else if (r->err && !r->err->code) {
		error_set_at(r->err, code, buf_str(&said.path), "%s", said.text);
		r->err->line = node->line;
		r->err->column = node->column;
	}
	said_done(&said);
	return r->findings != NULL;
}

#define SHOWN(name) STR_ARG(str_slice((name), 0, MAX_SHOWN))

/* ---- gathering -------------------------------------------------------------------------------------------------- */

static bool is_attribute(const struct fhir_type *owner, struct str name)
{
	return owner->kind != TYPE_RESOURCE &&
	       (str_is(name, "id") || (str_is(name, "url") && str_is(owner->name, "Extension")));
}

static struct str step_of(struct reader *r, const struct fhir_element *element, const struct fhir_type *type,
			  struct str name)
{
	struct str step = element->choice && type ? arena_printf(&r->scratch, "%.*s.ofType(%.*s)",
								 STR_ARG(element->name), STR_ARG(type->name))
						  : STR_NULL;
	return step.p ? step : name;
}

static struct member *add_member(struct reader *r, struct members *list, const struct fhir_type *owner,
				 const struct fhir_element *element, const struct fhir_type *type, struct str name)
{
	struct member *items = arena_grow(&r->scratch, list->items, list->count, &list->capacity, list->count + 1,
					  sizeof(*list->items));
	if (!items) {
		error_memory(r->err);
		return NULL;
	}
	list->items = items;
	list->current = list->count++;
	items[list->current] = (struct member){.element = element, .type = type, .name = name};
	items[list->current].step = step_of(r, element, type, name);
	items[list->current].order = (size_t)(element - owner->elements);
	return &items[list->current];
}

/* Attributes of anything but value; that one is for primitives, which read it themselves. */
static bool gather_attributes(struct reader *r, const struct place *at, const struct xml_node *node,
			      const struct fhir_type *owner, bool primitive, struct members *list)
{
	for (const struct xml_attribute *a = node->attributes; a; a = a->next) {
		const struct fhir_type *type;
		const struct fhir_element *element =
			!a->ns.p && is_attribute(owner, a->name) ? definitions_element(owner, a->name, &type) : NULL;
		if ((primitive && !a->ns.p && str_is(a->name, "value")) ||
		    (!r->findings && str_eq(a->ns, XSI_NS) && str_is(a->name, "schemaLocation") && !node->parent))
			continue;
		if (!element) {
			if (!problem(r, at, node, ERR_STRUCTURE, "The attribute \"%.*s\" is not allowed here",
				     SHOWN(a->name)))
				return false;
			continue;
		}
		if (!a->value.n) {
			if (!problem(r, at, node, ERR_VALUE, "The attribute \"%.*s\" is empty", SHOWN(a->name)))
				return false;
			continue;
		}
		struct member *m = add_member(r, list, owner, element, type, a->name);
		if (!m)
			return false;
		m->attribute = a->value;
	}
	return true;
}

static bool has_content(const struct xml_node *node)
{
	return xml_first_element(node) || node->attributes;
}

/* Whether the element can be read as the type at all; *ret_go says whether to read on when it cannot. */
static bool node_fits(struct reader *r, const struct place *at, const struct xml_node *node,
		      const struct fhir_type *type, bool *ret_go)
{
	bool xhtml = type->primitive == PRIMITIVE_XHTML;
	*ret_go = true;
	if (!str_eq(node->ns, xhtml ? XHTML_NS : FHIR_NS))
		*ret_go = problem(r, at, node, ERR_STRUCTURE, "The element \"%.*s\" must be in the namespace %s",
				  SHOWN(node->name), xhtml ? XHTML_NS.p : FHIR_NS.p);
	else if (!xhtml && !has_content(node))
		*ret_go = problem(r, at, node, ERR_STRUCTURE, "The element \"%.*s\" has neither value nor content",
				  SHOWN(node->name));
	else
		return true;
	return false;
}

/* The member that a child belongs to, with the order of elements checked. NULL when it is left out: then *ret_go says
 * whether to read on. */
static struct member *find_member(struct reader *r, const struct place *at, const struct xml_node *node,
				  const struct fhir_type *owner, struct members *list, bool *ret_go)
{
	struct place here = {at, str_slice(node->name, 0, MAX_SHOWN), -1};
	const struct fhir_type *type = NULL;
	*ret_go = true;
	if (list->count && list->items[list->current].nodes && str_eq(list->items[list->current].name, node->name))
		return &list->items[list->current];
	const struct fhir_element *element = definitions_element(owner, node->name, &type);
	if (!element || is_attribute(owner, node->name)) {
		*ret_go = problem(r, element ? &here : at, node, ERR_STRUCTURE,
				  element ? "\"%.*s\" must be an attribute of %.*s"
					  : "The element \"%.*s\" does not exist in %.*s",
				  SHOWN(node->name), STR_ARG(owner->name));
		return NULL;
	}
	size_t order = (size_t)(element - owner->elements), latest = 0;
	here.name = step_of(r, element, type, here.name);
	struct member *found = NULL;
	for (size_t i = 0; i < list->count; i++) {
		struct member *m = &list->items[i];
		if (m->nodes && str_eq(m->name, node->name))
			found = m;
		if (m->nodes && m->order > latest)
			latest = m->order;
	}
	if ((order < latest || found) &&
	    !(*ret_go = problem(r, &here, node, ERR_STRUCTURE, "The element \"%.*s\" is out of order in %.*s",
				SHOWN(node->name), STR_ARG(owner->name))))
		return NULL;
	if (found)
		list->current = (size_t)(found - list->items);
	else if (!(found = add_member(r, list, owner, element, type, node->name)))
		*ret_go = false;
	return found;
}

static bool gather_child(struct reader *r, const struct place *at, const struct xml_node *node,
			 const struct fhir_type *owner, struct members *list)
{
	bool go;
	struct member *m = find_member(r, at, node, owner, list, &go);
	if (!m)
		return go;
	bool many = m->element->max != 1;
	struct place here = {at, m->step, many ? (int64_t)m->count : -1};
	if (m->count == 1 && !many)
		return problem(r, at, node, ERR_STRUCTURE, "The element \"%.*s\" may be there only once",
			       STR_ARG(m->name));
	const struct xml_node **nodes = arena_grow(&r->scratch, (void *)(uintptr_t)m->nodes, m->count, &m->capacity,
						   m->count + 1, sizeof(*nodes));
	if (!nodes)
		return error_memory(r->err);
	m->nodes = nodes;
	if (!node_fits(r, &here, node, m->type, &go))
		return go;
	nodes[m->count++] = node;
	return true;
}

static bool gather(struct reader *r, const struct place *at, const struct xml_node *node, const struct fhir_type *owner,
		   bool primitive, struct members *list)
{
	if (!gather_attributes(r, at, node, owner, primitive, list))
		return false;
	for (const struct xml_node *n = node->first; n; n = n->next) {
		bool go = true;
		if (n->kind == XML_ELEMENT)
			go = gather_child(r, at, n, owner, list);
		else if (n->kind == XML_TEXT && !xml_is_space(n->text))
			go = problem(r, at, n, ERR_STRUCTURE,
				     "Text is not allowed between elements; values are attributes");
		if (!go)
			return false;
	}
	for (size_t i = 1; i < list->count; i++) {
		struct member m = list->items[i];
		size_t to = i;
		for (; to > 0 && list->items[to - 1].order > m.order; to--)
			list->items[to] = list->items[to - 1];
		list->items[to] = m;
	}
	return true;
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

static bool put_object(struct reader *r, const struct place *at, const struct xml_node *node,
		       const struct fhir_type *type, bool primitive);

/* The grammar of JSON numbers (RFC 8259, section 6). */
static bool is_number(struct str s)
{
	size_t at = 0, from;
	at += at < s.n && s.p[at] == '-';
	from = at;
	while (at < s.n && s.p[at] >= '0' && s.p[at] <= '9')
		at++;
	if (at == from || (s.p[from] == '0' && at > from + 1))
		return false;
	if (at < s.n && s.p[at] == '.') {
		for (from = ++at; at < s.n && s.p[at] >= '0' && s.p[at] <= '9';)
			at++;
		if (at == from)
			return false;
	}
	if (at < s.n && (s.p[at] | 32) == 'e') {
		at++;
		at += at < s.n && (s.p[at] == '+' || s.p[at] == '-');
		for (from = at; at < s.n && s.p[at] >= '0' && s.p[at] <= '9';)
			at++;
		if (at == from)
			return false;
	}
	return at == s.n;
}

static bool put_value(struct reader *r, const struct place *at, const struct xml_node *node,
		      const struct fhir_type *type, struct str value)
{
	bool raw = false, fits = true;
	switch (type->primitive) {
	case PRIMITIVE_BOOLEAN:
		raw = fits = str_is(value, "true") || str_is(value, "false");
		break;
	case PRIMITIVE_INTEGER:
	case PRIMITIVE_POSITIVEINT:
	case PRIMITIVE_UNSIGNEDINT:
	case PRIMITIVE_DECIMAL:
		raw = fits = is_number(value);
		break;
	default:
		break;
	}
	if (raw)
		json_put_raw(&r->w, value);
	else
		json_put_str(&r->w, value);
	/* A finding would be made twice: the check of the structure sees a text where a number is wanted. */
	return fits || r->findings || problem(r, at, node, ERR_VALUE, "The value is no %.*s", STR_ARG(type->name));
}

static struct str value_of(const struct xml_node *node)
{
	return xml_attribute(node, STR_NULL, S("value"));
}

/* What a primitive has besides its value. */
static bool has_twin(const struct xml_node *node)
{
	return xml_first_element(node) || xml_attribute(node, STR_NULL, S("id")).n;
}

static bool check_primitive(struct reader *r, const struct place *at, const struct xml_node *node)
{
	struct str value = value_of(node);
	if (value.p && !value.n)
		return problem(r, at, node, ERR_VALUE, "The value is empty");
	return true;
}

static struct place place_of(const struct place *at, const struct member *m, size_t index)
{
	return (struct place){at, m->step, m->element->max != 1 ? (int64_t)index : -1};
}

/* The values of a primitive member: one, or a list with null where only extensions are. */
static bool put_values(struct reader *r, const struct place *at, const struct member *m)
{
	bool many = m->element->max != 1;
	json_key(&r->w, m->name);
	if (many)
		json_array_begin(&r->w);
	for (size_t i = 0; i < m->count; i++) {
		struct place here = place_of(at, m, i);
		struct str value = value_of(m->nodes[i]);
		if (m->type->primitive == PRIMITIVE_XHTML)
			r->out.failed |= !div_read(&r->w, r->text, m->nodes[i]);
		else if (!value.n)
			json_put_raw(&r->w, S("null"));
		else if (!put_value(r, &here, m->nodes[i], m->type, value))
			return false;
	}
	if (many)
		json_array_end(&r->w);
	return true;
}

static bool put_twins(struct reader *r, const struct place *at, const struct member *m)
{
	bool many = m->element->max != 1;
	struct str name = arena_printf(&r->scratch, "_%.*s", STR_ARG(m->name));
	if (!name.p)
		return error_memory(r->err);
	json_key(&r->w, name);
	if (many)
		json_array_begin(&r->w);
	for (size_t i = 0; i < m->count; i++) {
		struct place here = place_of(at, m, i);
		if (!has_twin(m->nodes[i]))
			json_put_raw(&r->w, S("null"));
		else if (!put_object(r, &here, m->nodes[i], r->element, true))
			return false;
	}
	if (many)
		json_array_end(&r->w);
	return true;
}

/* Nothing but a value may stand in a primitive without id and extensions; what is there is read for its problems. */
static bool check_plain(struct reader *r, const struct place *at, const struct xml_node *node)
{
	struct members none = {0};
	return gather(r, at, node, r->element, true, &none);
}

static bool put_primitive(struct reader *r, const struct place *at, const struct member *m)
{
	bool values = false, twins = false, narrative = m->type->primitive == PRIMITIVE_XHTML;
	for (size_t i = 0; !narrative && i < m->count; i++) {
		struct place here = place_of(at, m, i);
		if (!check_primitive(r, &here, m->nodes[i]))
			return false;
		values |= value_of(m->nodes[i]).n > 0;
		twins |= has_twin(m->nodes[i]);
		if (!has_twin(m->nodes[i]) && !check_plain(r, &here, m->nodes[i]))
			return false;
	}
	if ((values || narrative) && !put_values(r, at, m))
		return false;
	return !twins || put_twins(r, at, m);
}

static bool put_resource(struct reader *r, const struct place *at, const struct xml_node *node);

/* <contained><Patient>...</Patient></contained>: exactly one resource inside. */
static bool put_inner(struct reader *r, const struct place *at, const struct xml_node *node)
{
	const struct xml_node *inner = xml_first_element(node);
	bool go = true;
	if (node->attributes)
		go = problem(r, at, node, ERR_STRUCTURE, "An element that holds a resource has no attributes");
	if (go && inner && xml_next_element(inner))
		go = problem(r, at, node, ERR_STRUCTURE, "An element can hold one resource only");
	for (const struct xml_node *n = node->first; go && n; n = n->next)
		if (n->kind == XML_TEXT && !xml_is_space(n->text))
			go = problem(r, at, n, ERR_STRUCTURE, "Text is not allowed between elements");
	if (!go)
		return false;
	if (inner)
		return put_resource(r, at, inner);
	json_put_raw(&r->w, S("{}"));
	return true;
}

static bool put_complex(struct reader *r, const struct place *at, const struct member *m)
{
	bool many = m->element->max != 1;
	json_key(&r->w, m->name);
	if (many)
		json_array_begin(&r->w);
	for (size_t i = 0; i < m->count; i++) {
		struct place here = place_of(at, m, i);
		if (m->type->kind == TYPE_RESOURCE ? !put_inner(r, &here, m->nodes[i])
						   : !put_object(r, &here, m->nodes[i], m->type, false))
			return false;
	}
	if (many)
		json_array_end(&r->w);
	return true;
}

static bool put_members(struct reader *r, const struct place *at, const struct members *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct member *m = &list->items[i];
		if (!m->nodes)
			json_put_member(&r->w, m->name, m->attribute);
		else if (m->count && m->type->kind == TYPE_PRIMITIVE && !put_primitive(r, at, m))
			return false;
		else if (m->count && m->type->kind != TYPE_PRIMITIVE && !put_complex(r, at, m))
			return false;
	}
	return true;
}

static bool put_object(struct reader *r, const struct place *at, const struct xml_node *node,
		       const struct fhir_type *type, bool primitive)
{
	struct members list = {0};
	if (r->depth >= JSON_MAX_DEPTH) {
		if (r->findings)
			return error_set_at(r->err, ERR_LIMIT, STR_NULL, "Nested deeper than %d elements",
					    JSON_MAX_DEPTH);
		return problem(r, at, node, ERR_LIMIT, "Nested deeper than %d elements", JSON_MAX_DEPTH);
	}
	r->depth++;
	if (!gather(r, at, node, type, primitive, &list))
		return false;
	json_object_begin(&r->w);
	if (type->kind == TYPE_RESOURCE)
		json_put_member(&r->w, S("resourceType"), type->name);
	if (!put_members(r, at, &list))
		return false;
	json_object_end(&r->w);
	r->depth--;
	return true;
}

/* The type of a resource by its element; NULL, and *ret_go, when there is none. */
static const struct fhir_type *type_of(struct reader *r, const struct place *at, const struct xml_node *node,
				       bool *ret_go)
{
	*ret_go = true;
	const struct fhir_type *type = definitions_resource(r->definitions, node->name);
	if (!str_eq(node->ns, FHIR_NS))
		*ret_go = problem(r, at, node, ERR_STRUCTURE, "The element \"%.*s\" must be in the namespace %s",
				  SHOWN(node->name), FHIR_NS.p);
	else if (!type)
		*ret_go = problem(r, at, node, ERR_UNKNOWN_TYPE, "There is no resource type \"%.*s\" in FHIR R4",
				  SHOWN(node->name));
	else
		return type;
	return NULL;
}

static bool put_resource(struct reader *r, const struct place *at, const struct xml_node *node)
{
	bool go;
	const struct fhir_type *type = type_of(r, at, node, &go);
	if (type)
		return put_object(r, at, node, type, false);
	json_put_raw(&r->w, S("{}"));
	return go;
}

static bool put_root(struct reader *r, const struct xml_node *node)
{
	bool go;
	struct place named = {NULL, str_slice(node->name, 0, MAX_SHOWN), -1};
	const struct fhir_type *type = type_of(r, &named, node, &go);
	if (!type) {
		if (go && r->findings)
			error_set(r->err, ERR_STRUCTURE, "The root element is no resource of FHIR R4");
		return false;
	}
	struct place root = {NULL, type->name, -1};
	return put_object(r, &root, node, type, false);
}

const struct json *xml_read_node(struct arena *a, const struct definitions *d, struct str text,
				 const struct xml_node *node, struct issues *findings, struct error *err)
{
	struct error own = {0};
	struct reader r = {.definitions = d, .element = definitions_type(d, S("Element")), .text = text};
	const struct json *resource = NULL;
	r.findings = findings;
	r.err = err ? err : &own;
	arena_init(&r.scratch, a->cap);
	buf_init(&r.out, MAX_OUT);
	r.w = json_writer(&r.out);
	if (put_root(&r, node)) {
		if (buf_ok(&r.out))
			resource = json_parse(a, buf_str(&r.out), 0, r.err);
		else
			error_memory(r.err);
	}
	buf_done(&r.out);
	arena_done(&r.scratch);
	return resource;
}

const struct json *xml_read_resource(struct arena *a, const struct definitions *d, struct str text,
				     struct issues *findings, struct error *err)
{
	struct error own = {0};
	struct error *e = err ? err : &own;
	const struct xml_node *root = xml_parse(a, text, NULL, e);
	if (root)
		return xml_read_node(a, d, text, root, findings, e);
	if (findings) {
		const struct issue *before = findings->last;
		issues_add(findings, ISSUE_FATAL, e->code, STR_NULL, "%s", e->text);
		if (findings->last != before) {
			findings->last->line = e->line;
			findings->last->column = e->column;
		}
	}
	return NULL;
}
