/* Findings of a validation: where an element stands, as a FHIRPath location, and one sentence on what is wrong. */
#include "validate/validate_priv.h"

#include <stdarg.h>
#include <stdio.h>

enum { MAX_LOCATION = 4096, MAX_TEXT = 1024, FIRST_SAID = 64 };

static void add_location(struct buf *out, const struct node *n)
{
	if (n->parent) {
		add_location(out, n->parent);
		buf_char(out, '.');
	}
	buf_add(out, n->name);
	if (n->index >= 0)
		buf_printf(out, "[%lld]", (long long)n->index);
	if (n->choice.n)
		buf_printf(out, ".ofType(%.*s)", STR_ARG(n->choice));
}

struct str node_location(struct arena *a, const struct node *n)
{
	struct buf out;
	buf_init(&out, MAX_LOCATION);
	add_location(&out, n);
	struct str location = arena_str(a, buf_str(&out));
	buf_done(&out);
	return location;
}

struct node node_child(const struct node *parent, struct str name, int64_t index, const struct json *value)
{
	return (struct node){.parent = parent, .holder = parent->holder, .name = name, .index = index, .value = value};
}

/* The same sentence at the same place is said once, however many profiles ask for it: the hashes of what was said, in a
 * table that doubles. Without memory for it a sentence may come twice. */
static bool said_grow(struct validation *v)
{
	size_t capacity = v->said_capacity ? 2 * v->said_capacity : FIRST_SAID;
	uint64_t *slots = ARENA_ARRAY(v->arena, uint64_t, capacity);
	if (!slots)
		return false;
	for (size_t i = 0; i < v->said_capacity; i++) {
		size_t at = v->said[i] & (capacity - 1);
		while (v->said[i] && slots[at])
			at = (at + 1) & (capacity - 1);
		if (v->said[i])
			slots[at] = v->said[i];
	}
	v->said = slots;
	v->said_capacity = capacity;
	return true;
}

static bool said_before(struct validation *v, struct str path, struct str text)
{
	uint64_t hash = str_hash(path), more = str_hash(text);
	hash ^= more << 31 | more >> 33;
	hash += hash == 0;
	if (2 * v->said_count >= v->said_capacity && !said_grow(v))
		return false;
	size_t at = hash & (v->said_capacity - 1);
	for (; v->said[at]; at = (at + 1) & (v->said_capacity - 1))
		if (v->said[at] == hash)
			return true;
	v->said[at] = hash;
	v->said_count++;
	return false;
}

void validation_find(struct validation *v, const struct node *at, enum issue_severity severity, enum error_code code,
		     struct str rule, const char *format, ...)
{
	char text[MAX_TEXT];
	va_list args;
	if (v->trials) {
		if (severity <= ISSUE_ERROR)
			v->trial_errors++;
		return;
	}
	va_start(args, format);
	int n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	size_t length = n < 0 ? 0 : (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;
	struct str path = node_location(v->arena, at);
	if (said_before(v, path, str_make(text, length)))
		return;
	size_t before = v->findings->count;
	const struct issue *last = v->findings->last;
	issues_add(v->findings, severity, code, path, "%.*s", (int)length, text);
	if (v->findings->count > before && v->findings->last != last)
		v->findings->last->rule = rule;
}
