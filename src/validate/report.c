/* Findings of a validation: where an element stands, as a FHIRPath location, and one sentence on what is wrong. */
#include "validate/validate_priv.h"

#include <stdarg.h>
#include <stdio.h>

enum { MAX_LOCATION = 4096, MAX_TEXT = 1024 };

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

/* The same sentence at the same place is said once, however many profiles ask for it. */
static bool known(const struct issues *list, struct str path, struct str text)
{
	for (const struct issue *i = list->first; i; i = i->next)
		if (str_eq(i->text, text) && str_eq(i->path, path))
			return true;
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
	if (known(v->findings, path, str_make(text, length)))
		return;
	size_t before = v->findings->count;
	const struct issue *last = v->findings->last;
	issues_add(v->findings, severity, code, path, "%.*s", (int)length, text);
	if (v->findings->count > before && v->findings->last != last)
		v->findings->last->rule = rule;
}
