/* Comparing documents; see same.h. */
#include "same.h"

#include <stdlib.h>

/* Nodes that count. */
static const struct xml_node *skip(const struct xml_node *node)
{
	while (node && (node->kind == XML_COMMENT || (node->kind == XML_TEXT && xml_is_space(node->text))))
		node = node->next;
	return node;
}

static struct str next_word(struct str *rest)
{
	size_t n = 0;
	*rest = str_trim(*rest);
	while (n < rest->n && !xml_is_space(str_slice(*rest, n, n + 1)))
		n++;
	struct str word = str_slice(*rest, 0, n);
	*rest = str_slice(*rest, n, rest->n);
	return word;
}

static bool same_words(struct str a, struct str b)
{
	for (;;) {
		struct str x = next_word(&a), y = next_word(&b);
		if (!str_eq(x, y))
			return false;
		if (!x.n)
			return true;
	}
}

static bool has_attributes_of(const struct xml_node *a, const struct xml_node *b)
{
	for (const struct xml_attribute *x = a->attributes; x; x = x->next) {
		struct str other = xml_attribute(b, x->ns, x->name);
		if (!other.p || !str_eq(other, x->value))
			return false;
	}
	return true;
}

bool same_markup(const struct xml_node *a, const struct xml_node *b)
{
	if (!a || !b || a->kind != b->kind)
		return a == b;
	if (a->kind == XML_TEXT)
		return same_words(a->text, b->text);
	if (!str_eq(a->name, b->name) || !str_eq(a->ns, b->ns) || !has_attributes_of(a, b) || !has_attributes_of(b, a))
		return false;
	const struct xml_node *x = skip(a->first), *y = skip(b->first);
	for (; x && y; x = skip(x->next), y = skip(y->next))
		if (!same_markup(x, y))
			return false;
	return !x && !y;
}

static bool same_text(struct arena *scratch, struct str a, struct str b, bool by_meaning)
{
	if (str_eq(a, b) || !by_meaning || !str_starts(a, S("<div")) || !str_starts(b, S("<div")))
		return str_eq(a, b);
	struct error err = {0};
	const struct xml_node *x = xml_parse(scratch, a, NULL, &err), *y = xml_parse(scratch, b, NULL, &err);
	return x && y && same_markup(x, y);
}

static bool same_number(struct str a, struct str b, bool by_meaning)
{
	/* a number's text is followed by something that ends it, as it lies in the document */
	return str_eq(a, b) || (by_meaning && strtod(a.p, NULL) == strtod(b.p, NULL));
}

bool same_json(struct arena *scratch, const struct json *a, const struct json *b, bool by_meaning)
{
	if (json_type(a) != json_type(b) || json_size(a) != json_size(b))
		return false;
	struct json_iter ib = json_iter(b);
	for (struct json_iter it = json_iter(a); json_next(&it);) {
		json_next(&ib);
		if (!same_json(scratch, it.value, it.key.p ? json_get(b, it.key) : ib.value, by_meaning))
			return false;
	}
	if (json_is(a, JSON_STRING))
		return same_text(scratch, json_str(a), json_str(b), by_meaning);
	if (json_is(a, JSON_NUMBER))
		return same_number(json_number(a), json_number(b), by_meaning);
	return json_bool(a) == json_bool(b);
}
