/*
 * Texts with {{ expressions }}, {{#each expression}}...{{/each}} and {{#if expression}}...{{/if}}, and JSON values in
 * which any text may be one. Read once into parts; rendering walks them.
 */
#include "rule/rule_priv.h"

enum { NESTING_MAX = 4, TREE_DEPTH_MAX = 40, PARTS_MAX = 500 };

struct reader {
	struct compiler *c;
	const char *start;
	struct str rest;
	size_t parts;
	bool varies;
};

/* ---- tags ---------------------------------------------------------------------------------------------------------
 */

/* The end of an expression: "}}" that stands in no string or quoted name of it. */
static size_t tag_end(struct str text)
{
	char quote = 0;
	for (size_t i = 0; i + 1 < text.n; i++) {
		char x = text.p[i];
		if (quote && x == '\\')
			i++;
		else if (quote && x == quote)
			quote = 0;
		else if (!quote && (x == '\'' || x == '`' || x == '"'))
			quote = x;
		else if (!quote && x == '}' && text.p[i + 1] == '}')
			return i;
	}
	return STR_NONE;
}

static bool items_have_text(const struct path_given *given, const struct path_type **ret_not)
{
	if (given->open || !given->count)
		return true;
	for (size_t i = 0; i < given->count; i++)
		if (item_type_has_text(&given->types[i]))
			return true;
	*ret_not = &given->types[0];
	return false;
}

static const struct rule_part *read_parts(struct reader *r, struct str until, unsigned depth);

static bool read_block(struct reader *r, struct rule_part *part, struct str tag, struct str word, unsigned depth)
{
	struct compiler *c = r->c;
	bool each = part->kind == PART_EACH;
	const struct path_given *before = c->focus;
	struct str expression = str_trim(str_slice(tag, word.n, tag.n));
	if (depth == NESTING_MAX)
		return compile_fail(c, ERR_LIMIT, "{{#each}} and {{#if}} are nested more than %d deep",
				    (int)NESTING_MAX);
	part->expression = each ? expression_compile(c, expression) : expression_condition(c, expression);
	if (!part->expression)
		return false;
	if (each)
		c->focus = &part->expression->program->given;
	part->inner = read_parts(r, each ? S("/each") : S("/if"), depth + 1);
	c->focus = before;
	return !c->err->code;
}

static bool read_value(struct reader *r, struct rule_part *part, struct str tag)
{
	const struct path_type *type = NULL;
	part->kind = PART_VALUE;
	part->expression = expression_compile(r->c, tag);
	if (!part->expression)
		return false;
	return items_have_text(&part->expression->program->given, &type) ||
	       compile_fail(r->c, ERR_VALUE, "{{%.*s}} gives %.*s, which has no text of its own; name an element of it",
			    STR_ARG(str_slice(tag, 0, 60)), STR_ARG(type->fhir ? type->fhir->name : S("a value")));
}

/* A tag of a block that has a line to itself takes the line with it. */
static void take_line(struct reader *r, const char *tag_start)
{
	bool first = tag_start == r->start || tag_start[-1] == '\n';
	if (first && r->rest.n && r->rest.p[0] == '\n')
		r->rest = str_slice(r->rest, 1, r->rest.n);
}

static bool read_tag(struct reader *r, struct rule_part *part, struct str until, unsigned depth, bool *ret_end)
{
	const char *start = r->rest.p - 2;
	size_t end = tag_end(r->rest);
	struct str tag = str_trim(str_slice(r->rest, 0, end == STR_NONE ? 0 : end));
	if (end == STR_NONE)
		return compile_fail(r->c, ERR_VALUE, "A {{ has no }}");
	r->rest = str_slice(r->rest, end + 2, r->rest.n);
	r->varies = true;
	*ret_end = until.p && str_eq(tag, until);
	if (str_starts(tag, S("#")) || str_starts(tag, S("/")))
		take_line(r, start);
	if (*ret_end)
		return true;
	if (str_starts(tag, S("#each "))) {
		part->kind = PART_EACH;
		return read_block(r, part, tag, S("#each"), depth);
	}
	if (str_starts(tag, S("#if "))) {
		part->kind = PART_IF;
		return read_block(r, part, tag, S("#if"), depth);
	}
	if (str_starts(tag, S("#")) || str_starts(tag, S("/")))
		return compile_fail(r->c, ERR_VALUE, "{{%.*s}} is not expected here", STR_ARG(str_slice(tag, 0, 40)));
	return read_value(r, part, tag);
}

static const struct rule_part *read_parts(struct reader *r, struct str until, unsigned depth)
{
	struct rule_part *first = NULL, **link = &first;
	while (r->rest.n) {
		bool end = false;
		size_t open = str_find(r->rest, S("{{"));
		struct rule_part *part = ARENA_NEW(r->c->arena, struct rule_part);
		if (!part || ++r->parts > PARTS_MAX) {
			compile_fail(r->c, part ? ERR_LIMIT : ERR_MEMORY, "The text has more than %d parts",
				     (int)PARTS_MAX);
			return NULL;
		}
		if (open == 0) {
			r->rest = str_slice(r->rest, 2, r->rest.n);
			if (!read_tag(r, part, until, depth, &end))
				return NULL;
			if (end)
				return first;
		} else {
			part->literal = str_slice(r->rest, 0, open);
			r->rest = str_slice(r->rest, part->literal.n, r->rest.n);
		}
		*link = part;
		link = (struct rule_part **)(uintptr_t)&part->next;
	}
	if (until.p)
		compile_fail(r->c, ERR_VALUE, "{{%.*s}} is missing", STR_ARG(until));
	return first;
}

bool text_compile(struct compiler *c, struct str text, struct rule_text *ret_text)
{
	struct reader r = {.c = c, .start = text.p, .rest = text};
	*ret_text = (struct rule_text){.given = true, .parts = read_parts(&r, STR_NULL, 0)};
	ret_text->varies = r.varies;
	return !c->err->code;
}

bool text_member(struct compiler *c, const struct json *object, const char *name, bool required,
		 struct rule_text *ret_text)
{
	struct str text;
	*ret_text = (struct rule_text){0};
	if (!compile_str(c, object, name, required, &text))
		return false;
	if (!text.p)
		return true;
	struct str before = compile_enter(c, str_from(name));
	bool ok = text_compile(c, text, ret_text);
	if (ok)
		c->at = before;
	return ok;
}

/* ---- trees --------------------------------------------------------------------------------------------------------
 */

/* A text that is one expression and nothing else; STR_NULL when it is not. */
static struct str whole_expression(struct str text)
{
	struct str trimmed = str_trim(text), inner;
	if (!str_starts(trimmed, S("{{")) || str_starts(trimmed, S("{{#")))
		return STR_NULL;
	inner = str_slice(trimmed, 2, trimmed.n);
	size_t end = tag_end(inner);
	return end != STR_NONE && end + 2 == inner.n ? str_trim(str_slice(inner, 0, end)) : STR_NULL;
}

static bool tree_text(struct compiler *c, struct rule_tree *tree, const struct json *value)
{
	struct str whole = c->literal ? STR_NULL : whole_expression(json_str(value));
	if (whole.p) {
		tree->whole = expression_compile(c, whole);
		return tree->whole;
	}
	if (!c->literal && str_find(json_str(value), S("{{")) != STR_NONE)
		return text_compile(c, json_str(value), &tree->text);
	tree->constant = value;
	return true;
}

static bool tree_members(struct compiler *c, struct rule_tree *tree, const struct json *value, unsigned depth)
{
	const struct rule_tree **link = &tree->first;
	size_t index = 0;
	bool object = json_is(value, JSON_OBJECT);
	tree->type = json_type(value);
	for (struct json_iter it = json_iter(value); json_next(&it); index++) {
		struct str before = object ? compile_enter(c, it.key) : compile_enter_index(c, index);
		struct rule_tree *inner = (struct rule_tree *)(uintptr_t)tree_compile(c, it.value, depth + 1);
		if (!inner)
			return false;
		inner->name = it.key;
		*link = inner;
		link = (const struct rule_tree **)(uintptr_t)&inner->next;
		c->at = before;
	}
	return true;
}

const struct rule_tree *tree_compile(struct compiler *c, const struct json *value, unsigned depth)
{
	struct rule_tree *tree = ARENA_NEW(c->arena, struct rule_tree);
	bool ok = tree;
	if (depth > TREE_DEPTH_MAX)
		ok = compile_fail(c, ERR_LIMIT, "The template is nested more than %d deep", (int)TREE_DEPTH_MAX);
	else if (!tree)
		error_memory(c->err);
	else if (json_is(value, JSON_STRING))
		ok = tree_text(c, tree, value);
	else if (json_is(value, JSON_OBJECT) || json_is(value, JSON_ARRAY))
		ok = tree_members(c, tree, value, depth);
	else
		tree->constant = value;
	return ok ? tree : NULL;
}
