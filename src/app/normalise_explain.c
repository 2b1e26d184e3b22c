/*
 * The explanation of `firth normalise`. For people changes of one kind are one line with an example and a count; for
 * machines each change is a line of its own, with all that stood there before.
 */
#include "app/normalise.h"

#include <stdlib.h>

enum { EXAMPLE_MAX = 64, ELEMENT_MAX = 46 };

struct explained {
	enum normal_rule rule;
	struct str element, before, after, source;
	size_t count;
};

/* "Observation.code.coding[2].system" without the positions. */
static struct str element_of(struct arena *a, struct str path)
{
	struct buf out;
	buf_init(&out, 1 << 16);
	bool inside = false;
	for (size_t i = 0; i < path.n; i++) {
		inside = path.p[i] == '[' || (inside && path.p[i] != ']');
		if (!inside && path.p[i] != ']')
			buf_char(&out, path.p[i]);
	}
	struct str text = arena_str(a, buf_str(&out));
	buf_done(&out);
	return text;
}

/* Of the start of a text as much as fits, in whole characters and on one line. */
static struct str clipped(struct arena *a, struct str text)
{
	size_t n = text.n < EXAMPLE_MAX ? text.n : EXAMPLE_MAX;
	while (n < text.n && n && ((unsigned char)text.p[n] & 0xC0) == 0x80)
		n--;
	struct str copy = arena_printf(a, "%.*s%s", (int)n, text.p ? text.p : "", n < text.n ? "..." : "");
	for (size_t i = 0; i < copy.n; i++)
		if ((unsigned char)copy.p[i] < ' ')
			((char *)copy.p)[i] = ' ';
	return copy;
}

static bool take_group(struct explanation *e, const struct normal_change *c)
{
	struct str element = element_of(&e->arena, c->path);
	bool by_value = c->rule == NORMAL_SYSTEM || c->rule == NORMAL_CODE_ADDED || c->rule == NORMAL_CODE_UNVERIFIED ||
			c->rule == NORMAL_CODE_LOCAL || c->rule == NORMAL_UNIT_CODE || c->rule == NORMAL_UNIT_UNKNOWN;
	struct str key = arena_printf(&e->arena, "%d|%.*s|%.*s|%.*s", (int)c->rule, STR_ARG(element),
				      by_value ? (int)c->before.n : 0, c->before.p ? c->before.p : "",
				      by_value ? (int)c->after.n : 0, c->after.p ? c->after.p : "");
	bool fresh = false;
	uint64_t *slot = key.p ? map_put(&e->groups, key, &fresh) : NULL;
	if (!slot)
		return false;
	if (!fresh) {
		((struct explained *)(uintptr_t)*slot)->count++;
		return true;
	}
	struct explained *x = ARENA_NEW(&e->arena, struct explained);
	struct explained **list =
		arena_grow(&e->arena, e->list, e->count, &e->capacity, e->count + 1, sizeof(*e->list));
	if (!x || !list)
		return false;
	e->list = list;
	*x = (struct explained){
		.rule = c->rule,
		.element = element,
		.before = clipped(&e->arena, c->before),
		.after = clipped(&e->arena, c->after),
		.source = arena_str(&e->arena, c->source.n ? c->source : str_from(normal_rule_source(c->rule))),
		.count = 1};
	e->list[e->count++] = x;
	*slot = (uint64_t)(uintptr_t)x;
	return x->before.p && x->after.p && x->source.p;
}

static bool print_change(struct app *app, const struct normal_change *c, struct str file, struct str resource)
{
	struct buf out;
	buf_init(&out, (size_t)128 << 20);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	json_put_member(&w, S("file"), file);
	json_put_member(&w, S("resource"), resource);
	json_put_member(&w, S("path"), c->path);
	json_put_member(&w, S("rule"), str_from(normal_rule_name(c->rule)));
	json_put_member(&w, S("before"), c->before);
	json_put_member(&w, S("after"), c->after);
	json_put_member(&w, S("source"), c->source.n ? c->source : str_from(normal_rule_source(c->rule)));
	json_object_end(&w);
	buf_char(&out, '\n');
	bool ok = buf_ok(&out) && app_write(app, buf_str(&out));
	buf_done(&out);
	return ok;
}

bool explain_take(struct explanation *e, struct app *app, const struct normal_report *report, struct str file,
		  struct str resource)
{
	for (size_t i = 0; i < report->count; i++)
		if (app->json ? !print_change(app, &report->changes[i], file, resource)
			      : !take_group(e, &report->changes[i]))
			return false;
	return true;
}

static int compare(const void *a, const void *b)
{
	const struct explained *x = *(struct explained *const *)a, *y = *(struct explained *const *)b;
	if (x->rule != y->rule)
		return x->rule < y->rule ? -1 : 1;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return str_cmp(x->element, y->element);
}

static void print_rule(struct app *app, enum normal_rule rule, uint64_t count, struct buf *out)
{
	buf_printf(out, "%s%s%s  %llu: %s\n", app_style(app, STYLE_BOLD), normal_rule_name(rule),
		   app_style(app, STYLE_PLAIN), (unsigned long long)count, normal_rule_text(rule));
}

static void print_group(struct app *app, const struct explained *x, struct buf *out)
{
	struct str element = str_slice(x->element, 0, ELEMENT_MAX);
	buf_printf(out, "  %7zu  %-*.*s  %.*s", x->count, ELEMENT_MAX, STR_ARG(element), STR_ARG(x->before));
	if (x->rule <= NORMAL_LAST_CHANGE && (x->before.n || x->after.n))
		buf_printf(out, " -> %.*s", STR_ARG(x->after));
	buf_printf(out, "%s  [%.*s]%s\n", app_style(app, STYLE_DIM), STR_ARG(x->source), app_style(app, STYLE_PLAIN));
}

bool explain_print(struct explanation *e, struct app *app, const struct normal_report *totals, size_t read,
		   size_t written)
{
	struct buf out;
	if (app->json)
		return true;
	buf_init(&out, (size_t)256 << 20);
	if (e->count)
		qsort(e->list, e->count, sizeof(*e->list), compare);
	size_t at = 0;
	bool noticed = false;
	for (int rule = 0; rule < NORMAL_RULES; rule++) {
		if (rule > NORMAL_LAST_CHANGE && totals->counts[rule] && !noticed) {
			buf_add(&out, S("\nNoticed and left as it is:\n"));
			noticed = true;
		}
		if (totals->counts[rule])
			print_rule(app, (enum normal_rule)rule, totals->counts[rule], &out);
		for (; at < e->count && (int)e->list[at]->rule == rule; at++)
			print_group(app, e->list[at], &out);
	}
	buf_printf(&out,
		   "\n%zu resources read, %zu in the result, %llu entered in error, %llu messages of the server\n",
		   read, written, (unsigned long long)totals->counts[NORMAL_WITHDRAWN],
		   (unsigned long long)totals->counts[NORMAL_MESSAGE]);
	bool ok = buf_ok(&out) && app_write(app, buf_str(&out));
	buf_done(&out);
	return ok;
}
