/*
 * Selectors of XML Patch: XPath 1.0 by libxml2, with a bound on the work. XPath has no default namespace, patches do
 * (RFC 5261, 4.2.1), so names of elements without prefix are given one first.
 */
#include "xml/xml_priv.h"

#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>

enum { MAX_SELECTOR = 8192, MAX_WORK = 5000000 };
#define DEFAULT_PREFIX "firth-default"

/* ---- names without prefix --------------------------------------------------------------------------------------- */

static bool is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_name(char c)
{
	return is_name_start(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

static size_t end_of_name(struct str s, size_t at)
{
	while (at < s.n && is_name(s.p[at]))
		at++;
	return at;
}

static struct str rest_after_space(struct str s, size_t at)
{
	return str_trim(str_slice(s, at, s.n));
}

static bool is_operator(struct str name)
{
	return str_is(name, "and") || str_is(name, "or") || str_is(name, "div") || str_is(name, "mod");
}

/* What stands in front of a name decides what it is (XPath 1.0, 3.7). */
struct before {
	bool operand; /* a value ended: what follows is an operator */
	bool bare; /* an attribute, a variable: no default namespace */
};

/* Copies one name, qualified when it is the name of an element; returns the position after it. */
static size_t copy_name(struct buf *out, struct str s, size_t at, struct str prefix, struct before *before)
{
	size_t end = end_of_name(s, at);
	struct str name = str_slice(s, at, end), rest = rest_after_space(s, end);
	if (str_starts(rest, S("::"))) { /* an axis */
		buf_add(out, str_slice(s, at, (size_t)(rest.p - s.p) + 2));
		*before = (struct before){false, str_is(name, "attribute") || str_is(name, "namespace")};
		return (size_t)(rest.p - s.p) + 2;
	}
	if (end + 1 < s.n && s.p[end] == ':') { /* prefix:name or prefix:* */
		end = s.p[end + 1] == '*' ? end + 2 : end_of_name(s, end + 1);
		name = str_slice(s, at, end);
	} else if (before->operand && is_operator(name)) {
		buf_add(out, name);
		*before = (struct before){false, false};
		return end;
	} else if (!before->bare && !str_starts(rest, S("("))) {
		buf_add(out, prefix);
		buf_char(out, ':');
	}
	buf_add(out, name);
	*before = (struct before){true, false};
	return end;
}

void qualify_selector(struct buf *out, struct str selector, struct str prefix)
{
	struct before before = {false, false};
	for (size_t at = 0; at < selector.n;) {
		char c = selector.p[at];
		if (is_name_start(c)) {
			at = copy_name(out, selector, at, prefix, &before);
			continue;
		}
		size_t end = at + 1;
		if (c == '"' || c == '\'') {
			end = str_find_char(selector, c, at + 1);
			end = end == STR_NONE ? selector.n : end + 1;
		} else if (c >= '0' && c <= '9') {
			end = end_of_name(selector, at);
		}
		buf_add(out, str_slice(selector, at, end));
		if (!strchr(" \t\r\n", c)) {
			bool value = strchr("\"')].0123456789", c) || (c == '*' && !before.operand);
			before = (struct before){value, c == '@' || c == '$'};
		}
		at = end;
	}
}

/* ---- evaluation ------------------------------------------------------------------------------------------------- */

#if LIBXML_VERSION >= 21200
static void stay_silent(void *ctx, const xmlError *e)
#else
static void stay_silent(void *ctx, xmlError *e)
#endif
{
	(void)ctx;
	(void)e;
}

/* The prefixes in scope at the operation; *ret_default is the default namespace there, or what was given. */
static bool register_namespaces(xmlXPathContext *context, xmlDoc *document, xmlNode *operation, struct str *default_ns)
{
	bool ok = true;
	xmlNs **list = xmlGetNsList(document, operation);
	for (xmlNs **ns = list; ns && *ns && ok; ns++) {
		if ((*ns)->prefix)
			ok = xmlXPathRegisterNs(context, (*ns)->prefix, (*ns)->href) == 0;
		else
			*default_ns = str_from((const char *)(*ns)->href);
	}
	if (ok && default_ns->n) {
		xmlChar *href = xmlStrndup((const xmlChar *)default_ns->p, (int)default_ns->n);
		ok = href && xmlXPathRegisterNs(context, (const xmlChar *)DEFAULT_PREFIX, href) == 0;
		xmlFree(href);
	}
	xmlFree(list);
	return ok;
}

static xmlXPathObject *evaluate(xmlXPathContext *context, struct str selector, bool qualify)
{
	struct buf text;
	xmlXPathObject *result = NULL;
	buf_init(&text, 8 * MAX_SELECTOR * sizeof(DEFAULT_PREFIX));
	if (qualify)
		qualify_selector(&text, selector, S(DEFAULT_PREFIX));
	else
		buf_add(&text, selector);
	buf_char(&text, '\0');
	if (buf_ok(&text))
		result = xmlXPathEvalExpression((const xmlChar *)text.p, context);
	buf_done(&text);
	return result;
}

/* A namespace node of XPath is a copy whose `next` is the element; the declaration itself is what can be changed. */
static bool find_declaration(const xmlNs *copy, struct selected *s)
{
	s->owner = (xmlNode *)copy->next;
	if (!s->owner || s->owner->type != XML_ELEMENT_NODE)
		return false;
	s->ns = s->owner->nsDef;
	while (s->ns && !xmlStrEqual(s->ns->prefix, copy->prefix))
		s->ns = s->ns->next;
	return s->ns != NULL;
}

static bool take_result(const xmlXPathObject *result, struct selected *ret_selected, struct error *err)
{
	const xmlNodeSet *set = result->type == XPATH_NODESET ? result->nodesetval : NULL;
	struct selected s = {0};
	if (result->type != XPATH_NODESET)
		return error_set(err, ERR_PATCH, "the selector gives a value, not a node");
	if (!set || set->nodeNr != 1)
		return error_set(err, ERR_PATCH, "the selector gives %s",
				 set && set->nodeNr ? "several nodes" : "no node");
	s.node = set->nodeTab[0];
	if (s.node->type == XML_NAMESPACE_DECL) {
		if (!find_declaration((const xmlNs *)s.node, &s))
			return error_set(err, ERR_PATCH, "the namespace is not declared there");
		s.node = NULL;
	} else if (s.node->type == XML_DOCUMENT_NODE) {
		return error_set(err, ERR_PATCH, "the selector gives the whole document");
	}
	*ret_selected = s;
	return true;
}

bool select_node(xmlDoc *document, xmlNode *operation, struct str selector, struct str default_ns,
		 struct selected *ret_selected, struct error *err)
{
	if (selector.n > MAX_SELECTOR)
		return error_set(err, ERR_LIMIT, "the selector is longer than %d bytes", MAX_SELECTOR);
	xmlXPathContext *context = xmlXPathNewContext(document);
	if (!context)
		return error_memory(err);
	context->node = (xmlNode *)document;
	context->opLimit = MAX_WORK;
	context->error = stay_silent;
	xmlXPathObject *result = NULL;
	bool ok = register_namespaces(context, operation->doc, operation, &default_ns) || error_memory(err);
	if (ok)
		result = evaluate(context, selector, default_ns.n > 0);
	if (ok && !result)
		ok = context->lastError.code == XPATH_OP_LIMIT_EXCEEDED + XML_XPATH_EXPRESSION_OK
			     ? error_set(err, ERR_LIMIT, "the selector takes too much work")
			     : error_set(err, ERR_STRUCTURE, "the selector is no XPath that can be evaluated");
	ok = ok && take_result(result, ret_selected, err);
	xmlXPathFreeObject(result);
	xmlXPathFreeContext(context);
	return ok;
}
