/* Facts about the shape of resources, and counting them. */
#include <stdlib.h>

#include "base/arena.h"
#include "shapes.h"

struct walk {
	struct arena *arena;
	struct map seen;
	void (*see)(void *ctx, struct str fact);
	void *ctx;
};

static void tell(struct walk *w, struct str fact)
{
	bool fresh;
	if (map_put(&w->seen, fact, &fresh) && fresh)
		w->see(w->ctx, fact);
}

/* Ids of sites, tenants and resources are not a shape. */
static struct str general(struct arena *a, struct str text)
{
	static const char tenant[] = "ec2458f2-1e24-41c8-b71b-0e701af7583d";
	size_t at = str_find(text, str_from(tenant));
	if (at == STR_NONE)
		return text;
	return arena_printf(a, "%.*s{tenant}%.*s", STR_ARG(str_slice(text, 0, at)),
			    STR_ARG(str_slice(text, at + sizeof(tenant) - 1, text.n)));
}

static void reference(struct walk *w, struct str path, struct str text)
{
	bool absolute = str_starts(text, S("http"));
	size_t end = str_rfind_char(text, '/');
	struct str before = end == STR_NONE ? str_slice(text, 0, 1) : str_slice(text, 0, end);
	size_t start = str_rfind_char(before, '/');
	struct str type = start == STR_NONE ? before : str_slice(before, start + 1, before.n);
	tell(w, arena_printf(w->arena, "%.*s>%s%.*s", STR_ARG(path), absolute ? "absolute " : "", STR_ARG(type)));
}

static void walk(struct walk *w, struct str path, const struct json *j)
{
	struct json_iter it = json_iter(j);
	if (json_is(j, JSON_ARRAY)) {
		while (json_next(&it))
			walk(w, path, it.value);
		return;
	}
	if (!json_is(j, JSON_OBJECT))
		return;
	struct str url = json_get_str(j, S("url"));
	if (url.p && str_ends(path, S("xtension"))) {
		path = arena_printf(w->arena, "%.*s(%.*s)", STR_ARG(path), STR_ARG(url));
		tell(w, path);
	}
	struct str system = json_get_str(j, S("system"));
	if (system.p && (json_get(j, S("code")) || str_ends(path, S("identifier"))))
		tell(w, arena_printf(w->arena, "%.*s|%.*s", STR_ARG(path), STR_ARG(general(w->arena, system))));
	while (json_next(&it)) {
		struct str below = arena_printf(w->arena, "%.*s.%.*s", STR_ARG(path), STR_ARG(it.key));
		tell(w, below);
		if (str_is(it.key, "reference") || (str_is(it.key, "url") && json_get(j, S("contentType"))))
			reference(w, path, json_str(it.value));
		walk(w, below, it.value);
	}
}

void shapes_of(struct arena *a, const struct json *resource, void (*see)(void *ctx, struct str fact), void *ctx)
{
	struct walk w = {.arena = a, .see = see, .ctx = ctx};
	struct str type = arena_str(a, json_get_str(resource, S("resourceType")));
	map_init(&w.seen, 100000);
	tell(&w, type);
	walk(&w, type, resource);
	map_done(&w.seen);
}

void shapes_init(struct shapes *s, struct arena *a)
{
	s->arena = a;
	s->fact_count = 0;
	map_init(&s->counts, 100000);
}

void shapes_done(struct shapes *s)
{
	map_done(&s->counts);
}

static void add(struct shapes *s, struct str fact, uint64_t count)
{
	bool fresh;
	struct str kept = arena_str(s->arena, fact);
	uint64_t *slot = map_put(&s->counts, kept, &fresh);
	if (!slot || (fresh && s->fact_count == sizeof(s->facts) / sizeof(*s->facts)))
		abort();
	if (fresh)
		s->facts[s->fact_count++] = kept;
	*slot += count;
}

static void learn(void *ctx, struct str fact)
{
	add(ctx, fact, 1);
}

void shapes_learn(struct shapes *s, const struct json *resource)
{
	if (json_get(resource, S("resourceType")) && !json_get(resource, S("issue")))
		shapes_of(s->arena, resource, learn, s);
}

void shapes_learn_answer(struct shapes *s, const struct json *answer)
{
	struct json_iter it = json_iter(json_get(answer, S("entry")));
	if (!json_get(answer, S("entry"))) {
		shapes_learn(s, answer);
		return;
	}
	while (json_next(&it))
		shapes_learn(s, json_get(it.value, S("resource")));
}

size_t shapes_count(const struct shapes *s, struct str fact)
{
	const uint64_t *n = map_get(&s->counts, fact);
	return n ? (size_t)*n : 0;
}

struct str shapes_parent(struct str fact)
{
	size_t depth = 0;
	for (size_t i = fact.n; i > 0; i--) {
		char c = fact.p[i - 1];
		depth += c == ')';
		if (depth == 0 && (c == '|' || c == '>'))
			return str_slice(fact, 0, i - 1);
		if (c == '(' && --depth == 0)
			return str_slice(fact, 0, i - 1);
		if (depth == 0 && c == '.' && str_find_char(fact, '|', 0) == STR_NONE &&
		    str_find_char(fact, '>', 0) == STR_NONE)
			return str_slice(fact, 0, i - 1);
	}
	return STR_NULL;
}

void shapes_read(struct shapes *s, struct str text)
{
	while (text.p) {
		struct str line = str_split(&text, '\n');
		struct str fact = str_split(&line, '\t');
		uint64_t count;
		if (fact.n && str_to_u64(line, &count))
			add(s, fact, count);
	}
}

static int by_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

void shapes_write(const struct shapes *s, struct buf *out)
{
	struct str *sorted = malloc(s->fact_count * sizeof(*sorted) + 1);
	if (!sorted)
		return;
	memcpy(sorted, s->facts, s->fact_count * sizeof(*sorted));
	qsort(sorted, s->fact_count, sizeof(*sorted), by_text);
	for (size_t i = 0; i < s->fact_count; i++)
		buf_printf(out, "%.*s\t%zu\n", STR_ARG(sorted[i]), shapes_count(s, sorted[i]));
	free(sorted);
}
