/*
 * Any bytes as XML: trees are sound, each refusal has a code and a place, and a resource that is accepted is the same
 * after its way to JSON, to XML and back. Strict reading and collecting agree on what is sound.
 */
#include <assert.h>

#include "fhir/xml.h"
#include "fuzz.h"

enum { MAX_OUT = 32 << 20, MAX_MEMORY = 64 << 20 };

static struct str compact(struct buf *out, const struct json *j)
{
	struct json_writer w = json_writer(out);
	buf_reset(out);
	json_put_value(&w, j);
	return buf_str(out);
}

static void check_tree(const struct xml_node *node, const struct xml_node *parent, struct str text)
{
	assert(node->parent == parent && node->line >= 1 && node->column >= 1 && node->to <= text.n);
	if (node->kind == XML_ELEMENT)
		assert(node->name.n && node->from < node->to && text.p[node->from] == '<' &&
		       text.p[node->to - 1] == '>');
	for (const struct xml_node *n = node->first; n; n = n->next)
		check_tree(n, node, text);
}

/* The root, written to stand alone, is well-formed again. */
static void write_tree(struct arena *a, const struct xml_node *root, struct str text)
{
	struct buf out;
	struct error err = {0};
	static const struct xml_limits limits = {.nodes = 1 << 20};
	buf_init(&out, MAX_OUT);
	xml_write_element(&out, root);
	assert(!buf_ok(&out) || xml_parse(a, buf_str(&out), &limits, &err) || err.code == ERR_MEMORY);
	buf_reset(&out);
	xml_write_fragment(&out, text, root);
	assert(xml_parse(a, buf_str(&out), &limits, &err) || err.code == ERR_MEMORY);
	buf_done(&out);
}

static void travel(struct arena *a, const struct json *resource)
{
	struct buf xml, before, after;
	struct error err = {0};
	struct issues findings;
	issues_init(&findings, a);
	bool sound = resource_check(definitions_builtin(), resource, &findings);
	buf_init(&xml, MAX_OUT);
	buf_init(&before, MAX_OUT);
	buf_init(&after, MAX_OUT);
	if (xml_write_resource(&xml, a, definitions_builtin(), resource, &err) && sound) {
		const struct json *back = xml_read_resource(a, definitions_builtin(), buf_str(&xml), NULL, &err);
		assert(back || err.code == ERR_MEMORY);
		assert(!back || str_eq(compact(&before, resource), compact(&after, back)));
	}
	assert(!sound || err.code == ERR_NONE || err.code == ERR_MEMORY);
	buf_done(&xml);
	buf_done(&before);
	buf_done(&after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct issues findings;
	struct error err = {0}, second = {0}, third = {0};
	struct str text = str_make((const char *)data, size);
	arena_init(&a, MAX_MEMORY);
	issues_init(&findings, &a);
	const struct xml_node *root = xml_parse(&a, text, NULL, &err);
	assert(root ? err.code == ERR_NONE : err.code && err.line && err.column);
	if (root) {
		check_tree(root, NULL, text);
		write_tree(&a, root, text);
		const struct json *strict = xml_read_node(&a, definitions_builtin(), text, root, NULL, &second);
		const struct json *collected = xml_read_node(&a, definitions_builtin(), text, root, &findings, &third);
		assert(strict ? second.code == ERR_NONE : second.code != ERR_NONE);
		assert(!strict || (collected && !findings.count));
		if (strict)
			travel(&a, strict);
	}
	arena_done(&a);
	return 0;
}
