/* A question as a query string: escapes of values, percent encoding, chains and _filter. */
#include "base/encode.h"
#include "oracle.h"

static void put_escaped(struct buf *b, const char *text)
{
	for (; *text; text++) {
		if (strchr(",|$\\", *text))
			buf_char(b, '\\');
		buf_char(b, *text);
	}
}

static void put_value(struct buf *b, const struct ask *a, const struct ask_value *v)
{
	bool composed = a->field.kind == FIELD_NEAR; /* has its bars already */
	if (v->prefix)
		buf_add(b, str_from(v->prefix));
	bool number_first = v->extra && strcmp(a->modifier, "of-type") != 0;
	if (number_first) {
		put_escaped(b, v->code);
		buf_printf(b, "|%s|", v->system);
		put_escaped(b, v->extra);
		return;
	}
	if (v->system)
		buf_printf(b, "%s|", v->system);
	if (composed)
		buf_add(b, str_from(v->code));
	else
		put_escaped(b, v->code);
	if (v->extra) {
		buf_char(b, '|');
		put_escaped(b, v->extra);
	}
}

static void put_values(struct buf *b, const struct ask *a)
{
	for (size_t i = 0; i < a->value_count; i++) {
		if (i)
			buf_add(b, a->kind == ASK_COMPOSITE && i % 2 ? S("$") : a->kind == ASK_WORDS ? S(" ") : S(","));
		put_value(b, a, &a->values[i]);
	}
}

/* The innermost question of a chain holds the values. */
static const struct ask *put_name(struct buf *b, const struct ask *a)
{
	if (a->kind == ASK_HAS) {
		buf_printf(b, "_has:%s:%s:", a->other, a->field.param);
		return put_name(b, a->children);
	}
	buf_add(b, str_from(a->field.param));
	if (a->kind == ASK_CHAIN) {
		buf_printf(b, ":%s.", a->other);
		return put_name(b, a->children);
	}
	if (a->modifier[0])
		buf_printf(b, ":%s", a->modifier);
	return a;
}

static void put_filter(struct buf *b, const struct ask *a)
{
	static const struct {
		const char *modifier, *op;
	} ops[] = {{"contains", "co"}, {"", "sw"}, {"in", "in"}, {"not-in", "ni"}, {"below", "ss"}, {"above", "sb"}};
	enum { OPS = sizeof(ops) / sizeof(ops[0]) };
	if (a->kind == ASK_CHAIN) {
		buf_printf(b, "%s:%s", a->field.param, a->other);
		if (a->child_count > 1) {
			buf_char(b, '[');
			put_filter(b, &a->children[1]);
			buf_char(b, ']');
		}
		buf_char(b, '.');
		put_filter(b, a->children);
		return;
	}
	if (a->kind == ASK_NOT) {
		buf_add(b, S("not("));
		put_filter(b, a->children);
		buf_char(b, ')');
		return;
	}
	if (a->kind == ASK_AND || a->kind == ASK_OR) {
		buf_char(b, '(');
		for (size_t i = 0; i < a->child_count; i++) {
			if (i)
				buf_add(b, a->kind == ASK_AND ? S(" and ") : S(" or "));
			put_filter(b, &a->children[i]);
		}
		buf_char(b, ')');
		return;
	}
	const struct ask_value *v = &a->values[0];
	if (a->kind == ASK_MISSING) {
		buf_printf(b, "%s pr %s", a->field.param, strcmp(v->code, "true") == 0 ? "false" : "true");
		return;
	}
	const char *op = v->prefix && v->prefix[0]			   ? v->prefix
			 : a->field.kind == FIELD_STRING || a->modifier[0] ? ""
									   : "eq";
	for (size_t i = 0; !op[0] && i < OPS; i++)
		if (strcmp(a->modifier, ops[i].modifier) == 0)
			op = ops[i].op;
	struct ask bare = *a;
	bare.values[0].prefix = "";
	buf_printf(b, "%s %s \"", a->field.param, op);
	put_value(b, &bare, &bare.values[0]);
	buf_char(b, '"');
}

static void put_ask(struct buf *b, const struct ask *a)
{
	struct buf name, value;
	buf_init(&name, 4096);
	buf_init(&value, 65536);
	if (a->filter) {
		buf_add(&name, S("_filter"));
		put_filter(&value, a);
	} else
		put_values(&value, put_name(&name, a));
	if (b->n)
		buf_char(b, '&');
	encode_percent(b, buf_str(&name));
	buf_char(b, '=');
	encode_percent(b, buf_str(&value));
	buf_done(&name);
	buf_done(&value);
}

static void write_limits(struct oracle *o, struct question *q)
{
	for (size_t i = 0; i < q->limit_count; i++) {
		struct buf b;
		buf_init(&b, 1 << 16);
		for (size_t k = 0; k < q->limits[i].ask_count; k++)
			put_ask(&b, &q->limits[i].asks[k]);
		q->limits[i].query = arena_str(o->arena, buf_str(&b));
		buf_done(&b);
	}
}

void question_write(struct oracle *o, struct question *q)
{
	write_limits(o, q);
	struct buf b;
	buf_init(&b, 1 << 16);
	for (size_t i = 0; i < q->type_count; i++)
		buf_printf(&b, "%s%s", i ? "," : "_type=", q->types[i]);
	for (size_t i = 0; i < q->ask_count; i++)
		put_ask(&b, &q->asks[i]);
	for (size_t i = 0; i < q->sort_count; i++)
		buf_printf(&b, "%s%s%s",
			   i	 ? ","
			   : b.n ? "&_sort="
				 : "_sort=",
			   q->sorts[i].descending ? "-" : "", q->sorts[i].field.param);
	for (size_t i = 0; i < q->include_count; i++) {
		const struct ask_include *in = &q->includes[i];
		buf_printf(&b, "%s%s%s=%s:%s%s%s", b.n ? "&" : "", in->reverse ? "_revinclude" : "_include",
			   in->iterate ? ":iterate" : "", in->source, in->param, in->target ? ":" : "",
			   in->target ? in->target : "");
	}
	buf_printf(&b, "%s_count=%u&_total=accurate", b.n ? "&" : "", q->count);
	q->query = arena_str(o->arena, buf_str(&b));
	buf_done(&b);
}
