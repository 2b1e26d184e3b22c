/* Telling what was done: counts always, and for those who ask a line for each change. */
#include "normal/normal_priv.h"

static const struct {
	const char *name, *text, *source;
} rules[] = {
#define RULE(id, name, text, source) {name, text, source},
#include "normal/rules.def"
#undef RULE
};

const char *normal_rule_name(enum normal_rule rule)
{
	return rules[rule].name;
}

const char *normal_rule_text(enum normal_rule rule)
{
	return rules[rule].text;
}

const char *normal_rule_source(enum normal_rule rule)
{
	return rules[rule].source;
}

static void write_path(struct buf *out, const struct spot *at)
{
	if (at->parent) {
		write_path(out, at->parent);
		buf_char(out, '.');
	}
	buf_add(out, at->name);
	if (at->index != JSON_NO_INDEX) {
		buf_char(out, '[');
		buf_u64(out, at->index);
		buf_char(out, ']');
	}
}

static struct str copy(struct arena *a, struct str text)
{
	return text.p ? arena_str(a, text) : STR_NULL;
}

static bool add(struct normal_report *r, const struct normal_change *change)
{
	struct normal_change *changes =
		arena_grow(r->arena, r->changes, r->count, &r->capacity, r->count + 1, sizeof(*changes));
	if (!changes)
		return false;
	r->changes = changes;
	changes[r->count++] = *change;
	return true;
}

void walk_note(struct walk *k, enum normal_rule rule, const struct spot *at, const char *member, struct str before,
	       struct str after, struct str source)
{
	struct normal_report *r = k->report;
	if (!r)
		return;
	r->counts[rule]++;
	if (!r->arena)
		return;
	struct buf path;
	buf_init(&path, 1 << 16);
	write_path(&path, at);
	if (member) {
		buf_char(&path, '.');
		buf_add(&path, str_from(member));
	}
	const struct normal_change change = {.rule = rule,
					     .path = copy(r->arena, buf_str(&path)),
					     .before = copy(r->arena, before),
					     .after = copy(r->arena, after),
					     .source = copy(r->arena, source)};
	r->failed = r->failed || !buf_ok(&path) || !change.path.p || !add(r, &change);
	buf_done(&path);
}
