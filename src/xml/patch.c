/* XML Patch (RFC 5261) on libxml2's changeable tree. Both texts have passed xml_parse() before they come here. */
#include "xml/xml_priv.h"

#include <libxml/parser.h>
#include <libxml/uri.h>
#include <libxml/xmlsave.h>

enum { MAX_OPERATIONS = 10000, MAX_SHOWN = 100 };

struct patch {
	xmlDoc *document;
	struct str default_ns;
	struct error *err;
};

static bool malformed(struct patch *p, const char *text)
{
	return error_set(p->err, ERR_STRUCTURE, "%s", text);
}

static bool impossible(struct patch *p, const char *text)
{
	return error_set(p->err, ERR_PATCH, "%s", text);
}

/* An attribute of an operation; NULL when it is not there. Freed by the caller. */
static xmlChar *attribute(xmlNode *operation, const char *name)
{
	return xmlGetNoNsProp(operation, (const xmlChar *)name);
}

static struct str text_of(const xmlChar *text)
{
	return str_from((const char *)text);
}

static bool is_space_node(const xmlNode *node)
{
	return node && node->type == XML_TEXT_NODE && xml_is_space(text_of(node->content));
}

/* ---- moving nodes ----------------------------------------------------------------------------------------------- */

/* libxml2's own functions join neighbouring texts at once, and with several nodes to insert that changes their order;
 * these link only, and join_texts() does the rest. */
static void link_before(xmlNode *parent, xmlNode *next, xmlNode *node)
{
	xmlNode *previous = next ? next->prev : parent->last;
	node->parent = parent;
	node->prev = previous;
	node->next = next;
	*(previous ? &previous->next : &parent->children) = node;
	*(next ? &next->prev : &parent->last) = node;
}

static void join_texts(xmlNode *parent)
{
	for (xmlNode *node = parent->children; node;) {
		xmlNode *next = node->next;
		bool text = node->type == XML_TEXT_NODE;
		bool drop = text && !(node->content && *node->content);
		if (text && next && next->type == XML_TEXT_NODE) {
			xmlNodeAddContent(node, next->content);
			xmlUnlinkNode(next);
			xmlFreeNode(next);
			continue;
		}
		if (drop) {
			xmlUnlinkNode(node);
			xmlFreeNode(node);
		}
		node = next;
	}
}

/* The next node in document order below top, without recursion. */
static xmlNode *next_below(xmlNode *at, const xmlNode *top)
{
	if (at->type == XML_ELEMENT_NODE && at->children)
		return at->children;
	while (at != top && !at->next)
		at = at->parent;
	return at == top ? NULL : at->next;
}

/* Elements without namespace go into the default one. */
static bool adopt(struct patch *p, xmlNode *node)
{
	xmlNs *ns = NULL;
	for (xmlNode *at = node; at; at = next_below(at, node)) {
		if (at->type != XML_ELEMENT_NODE || at->ns)
			continue;
		if (!ns) {
			xmlChar *href = xmlStrndup((const xmlChar *)p->default_ns.p, (int)p->default_ns.n);
			ns = href ? xmlNewNs(node, href, NULL) : NULL;
			xmlFree(href);
		}
		if (!ns)
			return malformed(p, "elements of one addition are in different default namespaces");
		at->ns = ns;
	}
	return true;
}

/* A copy of a node of the diff that may be linked into parent. */
static xmlNode *copy_node(struct patch *p, xmlNode *node, xmlNode *parent)
{
	xmlNode *copy = xmlDocCopyNode(node, p->document, 1);
	bool ok = copy || error_memory(p->err);
	if (ok && copy->type == XML_ELEMENT_NODE && p->default_ns.n) {
		ok = adopt(p, copy);
	} else if (ok && copy->type == XML_ELEMENT_NODE && !copy->ns) {
		const xmlNs *around = xmlSearchNs(p->document, parent, NULL);
		ok = !around || !*around->href || xmlNewNs(copy, (const xmlChar *)"", NULL) || copy->nsDef;
	}
	if (!ok && copy) {
		xmlFreeNode(copy);
		copy = NULL;
	}
	return copy;
}

/* Copies of all nodes inside the operation, in front of `next` in parent. */
static bool insert_content(struct patch *p, xmlNode *operation, xmlNode *parent, xmlNode *next)
{
	for (xmlNode *node = operation->children; node; node = node->next) {
		xmlNode *copy = copy_node(p, node, parent);
		if (!copy)
			return false;
		link_before(parent, next, copy);
	}
	join_texts(parent);
	return true;
}

static bool has_element(const xmlNode *parent)
{
	const xmlNode *node = parent->children;
	while (node && node->type != XML_ELEMENT_NODE)
		node = node->next;
	return node != NULL;
}

/* The text inside an operation that gives a value. */
static xmlChar *value_of(struct patch *p, xmlNode *operation)
{
	if (has_element(operation)) {
		malformed(p, "the value must be text alone");
		return NULL;
	}
	xmlChar *value = xmlNodeGetContent(operation);
	if (!value)
		error_memory(p->err);
	return value;
}

/* libxml2 writes the URI of a namespace as it is, so it must not hold what attributes have to escape; and what is no
 * URI could not be read again. */
static bool sound_uri(struct str uri)
{
	for (size_t i = 0; i < uri.n; i++)
		if (strchr("&<>\"", uri.p[i]))
			return false;
	return true;
}

static bool usable_namespace(struct patch *p, const xmlChar *href)
{
	xmlURI *uri = *href && sound_uri(text_of(href)) ? xmlParseURI((const char *)href) : NULL;
	bool ok = uri || malformed(p, "the namespace is no URI that can be used");
	xmlFreeURI(uri);
	return ok;
}

/* ---- add -------------------------------------------------------------------------------------------------------- */

/* A name without prefix that is not the one that declares namespaces. */
static bool is_name(const xmlChar *name)
{
	return xmlValidateNCName(name, 0) == 0 && !xmlStrEqual(name, (const xmlChar *)"xmlns");
}

static bool add_namespace(struct patch *p, xmlNode *operation, xmlNode *element, const xmlChar *prefix)
{
	if (!is_name(prefix))
		return malformed(p, "the type names no prefix");
	for (const xmlNs *ns = element->nsDef; ns; ns = ns->next)
		if (xmlStrEqual(ns->prefix, prefix))
			return impossible(p, "the namespace prefix is declared there already");
	xmlChar *href = value_of(p, operation);
	bool ok = href && usable_namespace(p, href) &&
		  (xmlNewNs(element, href, prefix) || malformed(p, "the prefix cannot be declared"));
	xmlFree(href);
	return ok;
}

/* type="@name" or "@prefix:name", the prefix as the diff declares it. */
static bool add_attribute(struct patch *p, xmlNode *operation, xmlNode *element, const xmlChar *name)
{
	xmlNs *ns = NULL;
	xmlChar *prefix = NULL, *local = xmlSplitQName2(name, &prefix);
	const xmlChar *bare = local ? local : name;
	bool ok = is_name(bare) || malformed(p, "the type names no attribute");
	if (ok && prefix) {
		xmlNs *declared = xmlSearchNs(operation->doc, operation, prefix);
		if (declared)
			ns = xmlSearchNsByHref(p->document, element, declared->href);
		if (declared && (!ns || !ns->prefix))
			ns = xmlNewNs(element, declared->href, prefix);
		ok = ns || malformed(p, "the prefix of the attribute is not declared");
	}
	if (ok && (ns ? xmlHasNsProp(element, bare, ns->href) : xmlHasNsProp(element, bare, NULL)))
		ok = impossible(p, "the attribute is there already");
	xmlChar *value = ok ? value_of(p, operation) : NULL;
	ok = ok && value && (xmlNewNsProp(element, ns, bare, value) || error_memory(p->err));
	xmlFree(value);
	xmlFree(local);
	xmlFree(prefix);
	return ok;
}

static bool add_typed(struct patch *p, xmlNode *operation, xmlNode *element, const xmlChar *type)
{
	struct str t = text_of(type);
	if (element->type != XML_ELEMENT_NODE)
		return impossible(p, "only an element can have attributes");
	if (str_starts(t, S("@")))
		return add_attribute(p, operation, element, type + 1);
	if (str_starts(t, S("attribute::")))
		return add_attribute(p, operation, element, type + 11);
	if (str_starts(t, S("namespace::")) && t.n > 11)
		return add_namespace(p, operation, element, type + 11);
	return malformed(p, "\"type\" must be @NAME or namespace::PREFIX");
}

static bool add_nodes(struct patch *p, xmlNode *operation, xmlNode *at, struct str pos)
{
	bool inside = !pos.p || str_is(pos, "prepend");
	if (inside && at->type != XML_ELEMENT_NODE)
		return impossible(p, "content can be added to an element only");
	if (inside)
		return insert_content(p, operation, at, pos.p ? at->children : NULL);
	if (!str_is(pos, "before") && !str_is(pos, "after"))
		return malformed(p, "\"pos\" must be prepend, before or after");
	if (at->type == XML_ATTRIBUTE_NODE)
		return impossible(p, "an attribute has no siblings");
	if (at->parent->type == XML_DOCUMENT_NODE)
		return impossible(p, "nothing can be added beside the root element");
	return insert_content(p, operation, at->parent, str_is(pos, "before") ? at : at->next);
}

static bool do_add(struct patch *p, xmlNode *operation, const struct selected *s)
{
	xmlChar *type = attribute(operation, "type"), *pos = attribute(operation, "pos");
	bool ok;
	if (!s->node)
		ok = impossible(p, "nothing can be added to a namespace declaration");
	else if (type && pos)
		ok = malformed(p, "\"type\" and \"pos\" exclude each other");
	else if (type)
		ok = add_typed(p, operation, s->node, type);
	else
		ok = add_nodes(p, operation, s->node, pos ? text_of(pos) : STR_NULL);
	xmlFree(type);
	xmlFree(pos);
	return ok;
}

/* ---- replace ---------------------------------------------------------------------------------------------------- */

/* The one node inside the operation that is of the type; white space around it does not count. */
static xmlNode *single_content(struct patch *p, const xmlNode *operation, xmlElementType type)
{
	xmlNode *found = NULL;
	for (xmlNode *node = operation->children; node; node = node->next) {
		if (is_space_node(node) || (node->type == XML_COMMENT_NODE && type != XML_COMMENT_NODE))
			continue;
		if (found || node->type != type) {
			malformed(p, "a node can be replaced by one node of its kind only");
			return NULL;
		}
		found = node;
	}
	if (!found)
		malformed(p, "there is nothing to replace the node with");
	return found;
}

static bool replace_node(struct patch *p, xmlNode *operation, xmlNode *node)
{
	xmlNode *content = single_content(p, operation, node->type),
		*copy = content ? copy_node(p, content, node->parent) : NULL;
	if (!copy)
		return false;
	xmlReplaceNode(node, copy);
	xmlFreeNode(node);
	return true;
}

static bool replace_value(struct patch *p, xmlNode *operation, const struct selected *s)
{
	xmlChar *value = value_of(p, operation);
	bool ok = value != NULL;
	if (ok && s->ns) {
		xmlChar *copy = xmlStrdup(value);
		ok = copy ? usable_namespace(p, copy) : error_memory(p->err);
		if (ok) {
			xmlFree((xmlChar *)(uintptr_t)s->ns->href);
			s->ns->href = copy;
		} else {
			xmlFree(copy);
		}
	} else if (ok && s->node->type == XML_ATTRIBUTE_NODE) {
		xmlNode *element = s->node->parent;
		ok = xmlSetNsProp(element, s->node->ns, s->node->name, value) || error_memory(p->err);
	} else if (ok) {
		xmlNode *parent = s->node->parent;
		xmlNodeSetContent(s->node, value);
		join_texts(parent);
	}
	xmlFree(value);
	return ok;
}

static bool do_replace(struct patch *p, xmlNode *operation, const struct selected *s)
{
	if (s->ns || s->node->type == XML_ATTRIBUTE_NODE || s->node->type == XML_TEXT_NODE)
		return replace_value(p, operation, s);
	return replace_node(p, operation, s->node);
}

/* ---- remove ----------------------------------------------------------------------------------------------------- */

/* Whether anything from the element on uses the declaration. */
static bool uses_namespace(xmlNode *element, const xmlNs *ns)
{
	for (xmlNode *at = element; at; at = next_below(at, element)) {
		if (at->type == XML_ELEMENT_NODE && at->ns == ns)
			return true;
		for (const xmlAttr *a = at->type == XML_ELEMENT_NODE ? at->properties : NULL; a; a = a->next)
			if (a->ns == ns)
				return true;
	}
	return false;
}

static bool remove_namespace(struct patch *p, const struct selected *s)
{
	if (uses_namespace(s->owner, s->ns))
		return impossible(p, "the namespace is in use");
	xmlNs **link = &s->owner->nsDef;
	while (*link != s->ns)
		link = &(*link)->next;
	*link = s->ns->next;
	s->ns->next = NULL;
	xmlFreeNs(s->ns);
	return true;
}

static bool remove_space(struct patch *p, xmlNode *neighbour)
{
	if (!is_space_node(neighbour))
		return impossible(p, "there is no white space to remove where \"ws\" says");
	xmlUnlinkNode(neighbour);
	xmlFreeNode(neighbour);
	return true;
}

static bool remove_node(struct patch *p, xmlNode *node, struct str ws)
{
	xmlNode *parent = node->parent;
	bool both = str_is(ws, "both"), before = both || str_is(ws, "before"), after = both || str_is(ws, "after");
	if (ws.p && !before && !after)
		return malformed(p, "\"ws\" must be before, after or both");
	if (node->type == XML_ATTRIBUTE_NODE)
		return ws.p ? impossible(p, "an attribute has no white space around it")
			    : xmlRemoveProp((xmlAttr *)node) == 0 || impossible(p, "the attribute cannot be removed");
	if (parent->type == XML_DOCUMENT_NODE && node->type == XML_ELEMENT_NODE)
		return impossible(p, "the root element cannot be removed");
	if ((before && !remove_space(p, node->prev)) || (after && !remove_space(p, node->next)))
		return false;
	xmlUnlinkNode(node);
	xmlFreeNode(node);
	if (parent->type == XML_ELEMENT_NODE)
		join_texts(parent);
	return true;
}

static bool do_remove(struct patch *p, xmlNode *operation, const struct selected *s)
{
	if (s->ns)
		return remove_namespace(p, s);
	xmlChar *ws = attribute(operation, "ws");
	bool ok = remove_node(p, s->node, ws ? text_of(ws) : STR_NULL);
	xmlFree(ws);
	return ok;
}

/* ---- the diff --------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	const char *attributes; /* besides sel */
	bool (*run)(struct patch *p, xmlNode *operation, const struct selected *s);
} operations[] = {{"add", " type pos ", do_add}, {"replace", "", do_replace}, {"remove", " ws ", do_remove}};
enum { OPERATIONS = sizeof(operations) / sizeof(operations[0]) };

/* Attributes that nobody reads would be ignored wishes. */
static bool check_attributes(struct patch *p, const xmlNode *operation, const char *allowed)
{
	for (const xmlAttr *a = operation->properties; a; a = a->next) {
		char wanted[32];
		snprintf(wanted, sizeof(wanted), " %s ", (const char *)a->name);
		if (!a->ns && !xmlStrEqual(a->name, (const xmlChar *)"sel") && !strstr(allowed, wanted))
			return malformed(p, "an attribute that this operation does not have");
	}
	return true;
}

static bool run_operation(struct patch *p, xmlNode *operation, struct str selector)
{
	struct selected s;
	size_t kind = 0;
	while (kind < OPERATIONS && !xmlStrEqual(operation->name, (const xmlChar *)operations[kind].name))
		kind++;
	if (kind == OPERATIONS)
		return malformed(p, "an operation must be add, replace or remove");
	if (!selector.n)
		return malformed(p, "\"sel\" is missing");
	return check_attributes(p, operation, operations[kind].attributes) &&
	       select_node(p->document, operation, selector, p->default_ns, &s, p->err) &&
	       operations[kind].run(p, operation, &s);
}

/* Selectors may quote what they look for; that is left out of errors. */
static void mask_texts(struct str selector, char *ret_shown, size_t size)
{
	size_t n = 0;
	char quote = '\0';
	for (size_t i = 0; i < selector.n && n + 1 < size; i++) {
		char c = selector.p[i];
		if (!quote || c == quote)
			ret_shown[n++] = c;
		quote = quote ? (c == quote ? '\0' : quote) : c == '"' || c == '\'' ? c : '\0';
	}
	ret_shown[n] = '\0';
}

static bool run_numbered(struct patch *p, xmlNode *operation, size_t number)
{
	xmlChar *selector = attribute(operation, "sel");
	bool ok = run_operation(p, operation, selector ? text_of(selector) : STR_NULL);
	if (!ok) {
		char shown[MAX_SHOWN];
		mask_texts(text_of(selector), shown, sizeof(shown));
		error_context(p->err, "operation %zu (%.*s%s%s)", number,
			      STR_ARG(str_slice(text_of(operation->name), 0, 16)), *shown ? " " : "", shown);
	}
	xmlFree(selector);
	return ok;
}

static bool run_diff(struct patch *p, xmlNode *root)
{
	size_t number = 0;
	if (!root || !xmlStrEqual(root->name, (const xmlChar *)"diff"))
		return malformed(p, "an XML Patch must be a <diff>");
	for (xmlNode *node = root->children; node; node = node->next) {
		if (node->type == XML_ELEMENT_NODE && ++number > MAX_OPERATIONS)
			return error_set(p->err, ERR_LIMIT, "The patch has more than %d operations", MAX_OPERATIONS);
		if (node->type == XML_ELEMENT_NODE ? !run_numbered(p, node, number)
						   : node->type == XML_TEXT_NODE && !is_space_node(node) &&
							     !malformed(p, "text between the operations"))
			return false;
	}
	return true;
}

static const struct xml_limits limits = {.bytes = XML_MAX_PATCHED, .instructions = true};

static bool sound_declarations(const struct xml_node *node)
{
	for (const struct xml_declaration *d = node->declarations; d; d = d->next)
		if (!sound_uri(d->uri))
			return false;
	for (const struct xml_node *n = xml_first_element(node); n; n = xml_next_element(n))
		if (!sound_declarations(n))
			return false;
	return true;
}

/* Reads with our own rules first, which refuse what libxml2 should never see, and then into its tree. */
static xmlDoc *open_document(struct arena *scratch, struct str text, const char *what, struct error *err)
{
	const struct xml_node *root = xml_parse(scratch, text, &limits, err);
	if (root && !sound_declarations(root)) {
		root = NULL;
		error_set(err, ERR_STRUCTURE, "a namespace has a character that is not supported in patching");
	}
	if (!root) {
		error_context(err, "%s", what);
		return NULL;
	}
	xmlDoc *document = xmlReadMemory(text.p, (int)text.n, NULL, NULL,
					 XML_PARSE_NOENT | XML_PARSE_NONET | XML_PARSE_HUGE | XML_PARSE_NOCDATA |
						 XML_PARSE_IGNORE_ENC | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	if (!document)
		error_memory(err);
	return document;
}

/* The result is read once more, so that nothing leaves that nobody could read. */
static bool is_readable(size_t cap, struct str text, struct error *err)
{
	struct arena scratch;
	struct error own = {0};
	arena_init(&scratch, cap);
	bool ok = xml_parse(&scratch, text, &limits, &own) != NULL;
	arena_done(&scratch);
	return ok || error_set(err, own.code == ERR_STRUCTURE ? ERR_PATCH : own.code, "the result cannot be read: %s",
			       own.text);
}

static bool write_document(struct arena *a, xmlDoc *document, struct str *ret_text, struct error *err)
{
	xmlChar *text = NULL;
	int n = 0;
	xmlDocDumpMemoryEnc(document, &text, &n, "UTF-8");
	if (text && (size_t)n > XML_MAX_PATCHED)
		error_set(err, ERR_LIMIT, "The result of the patch is too large");
	struct str copy =
		text && (size_t)n <= XML_MAX_PATCHED ? arena_str(a, str_make((char *)text, (size_t)n)) : STR_NULL;
	xmlFree(text);
	if (!copy.p)
		return error_memory(err);
	if (!is_readable(a->cap, copy, err))
		return false;
	*ret_text = copy;
	return true;
}

bool xml_patch(struct arena *a, struct str document, struct str diff, struct str default_ns, struct str *ret_text,
	       struct error *err)
{
	struct arena scratch;
	struct error own = {0};
	struct patch p = {.default_ns = default_ns, .err = err ? err : &own};
	arena_init(&scratch, a->cap);
	xml_initialise();
	p.document = open_document(&scratch, document, "the document", p.err);
	arena_reset(&scratch);
	xmlDoc *patch = p.document ? open_document(&scratch, diff, "the patch", p.err) : NULL;
	arena_done(&scratch);
	bool ok = patch && run_diff(&p, xmlDocGetRootElement(patch)) && write_document(a, p.document, ret_text, p.err);
	xmlFreeDoc(patch);
	xmlFreeDoc(p.document);
	return ok;
}
