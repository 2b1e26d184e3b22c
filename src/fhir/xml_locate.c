/* Where an element stands in the XML form, by the steps that lead to it in the JSON form. */
#include "fhir/xml.h"

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

/* Elements begin with a small letter and resource types with a capital, so this is a resource in an element that holds
 * one: JSON has a level less there. */
static const struct xml_node *enter(const struct xml_node *node)
{
	const struct xml_node *inner = xml_first_element(node);
	return inner && inner->name.n && is_upper(inner->name.p[0]) ? inner : node;
}

static bool is_choice_of(struct str name, struct str wanted)
{
	return name.n > wanted.n && str_starts(name, wanted) && is_upper(name.p[wanted.n]);
}

static const struct xml_node *find(const struct xml_node *node, struct str name, size_t index)
{
	const struct xml_node *choice = NULL;
	size_t seen = 0;
	if (name.n > 1 && name.p[0] == '_')
		name = str_slice(name, 1, name.n);
	for (const struct xml_node *n = xml_first_element(node); n; n = xml_next_element(n)) {
		if (str_eq(n->name, name)) {
			if (index == JSON_NO_INDEX || seen++ == index)
				return n;
		} else if (!choice && index == JSON_NO_INDEX && is_choice_of(n->name, name)) {
			choice = n;
		}
	}
	return choice;
}

size_t xml_locate(const struct xml_node *root, const struct json_step *steps, size_t count, size_t *ret_line,
		  size_t *ret_column)
{
	const struct xml_node *at = root;
	size_t taken = 0;
	for (; at && taken < count; taken++) {
		const struct xml_node *inside = taken ? enter(at) : at;
		const struct xml_node *next = find(inside, steps[taken].name, steps[taken].index);
		if (!next && taken + 1 == count && xml_attribute(inside, STR_NULL, steps[taken].name).p)
			next = inside;
		if (!next)
			break;
		at = next;
	}
	*ret_line = at ? at->line : 0;
	*ret_column = at ? at->column : 0;
	return taken;
}
