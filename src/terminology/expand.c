/*
 * Expansions: the codes of a value set, listed. Every candidate of an include passes the same tests as a membership
 * check, so the two cannot disagree; where a test cannot be decided the expansion is refused rather than wrong.
 */
#include "base/fold.h"
#include "terminology/terminology_priv.h"

enum { DEFAULT_LIMIT = 100000, MAX_SEEN = 5000000, MAX_WORDS = 16, MAX_IMPORTS_DEEP = 40 };

struct gather {
	struct arena *a;
	const struct expand_options *o;
	struct arena scratch; /* for one candidate */
	struct expansion *to;
	size_t capacity, limit;
	struct map seen; /* system|code of all, when several includes may name the same */
	bool several;
	struct str words[MAX_WORDS];
	size_t word_count;
	struct error *err;
};

/* What is done with a candidate that passed a clause. */
typedef bool (*taker)(void *ctx, const struct expanded *e);

static bool refuse(struct error *err, struct str url, struct str why)
{
	return error_set(err, ERR_NOT_SUPPORTED, "the value set %.*s cannot be expanded: %.*s",
			 STR_ARG(str_slice(url, 0, 120)), STR_ARG(why));
}

/* ---- candidates -------------------------------------------------------------------------------------------------- */

static struct expanded of_concept(const struct system *s, uint32_t id)
{
	struct concept c = image_concept(&s->image, id);
	return (struct expanded){.system = s->url,
				 .version = s->version,
				 .code = c.code,
				 .display = c.display,
				 .abstract = c.flags & CONCEPT_ABSTRACT,
				 .inactive = c.flags & CONCEPT_INACTIVE,
				 .deprecated = c.flags & CONCEPT_DEPRECATED,
				 .source = s,
				 .id = id};
}

static struct expanded of_listed(const struct clause *c, const struct json *listed)
{
	struct str code = json_get_str(listed, S("code")), display = json_get_str(listed, S("display"));
	uint32_t id = IMAGE_NONE;
	struct expanded e = {.system = c->system_url, .version = c->version, .code = code};
	if (c->system && !c->system->rules && !c->system->trouble)
		id = image_find(&c->system->image, code);
	if (id != IMAGE_NONE) {
		e = of_concept(c->system, id);
		e.code = code;
	}
	e.id = id;
	e.listed = listed;
	if (display.p)
		e.display = display;
	return e;
}

/* Marks a concept and everything below it. */
static bool mark_below(const struct image *im, uint32_t top, unsigned char *marks, struct arena *a)
{
	size_t capacity = 0, count = 1;
	uint32_t *queue = arena_grow(a, NULL, 0, &capacity, 64, sizeof(*queue));
	if (!queue)
		return false;
	queue[0] = top;
	marks[top] = 1;
	for (size_t i = 0; i < count; i++) {
		uint32_t n;
		const uint32_t *children = image_children(im, queue[i], &n);
		for (uint32_t k = 0; k < n; k++) {
			if (children[k] >= image_count(im) || marks[children[k]])
				continue;
			uint32_t *grown = arena_grow(a, queue, count, &capacity, count + 1, sizeof(*queue));
			if (!grown)
				return false;
			queue = grown;
			marks[children[k]] = 1;
			queue[count++] = children[k];
		}
	}
	return true;
}

/* Concepts below a filter's one, so that a small branch of a large system is not looked for everywhere. NULL: no such
 * filter. */
static const unsigned char *branch(const struct clause *c, struct arena *a, bool *ret_failed)
{
	for (size_t i = 0; i < c->filter_count; i++) {
		const struct filter *f = &c->filters[i];
		if (f->op != FILTER_IS_A && f->op != FILTER_DESCENDENT_OF)
			continue;
		unsigned char *marks = arena_calloc(a, image_count(&c->system->image) + 1u, 1);
		*ret_failed = !marks || !mark_below(&c->system->image, f->id, marks, a);
		return marks;
	}
	return NULL;
}

struct walk {
	struct gather *g;
	struct str url; /* of the value set, for refusals */
	taker take;
	void *ctx;
};

static bool walk_value_set(struct walk *w, const struct value_set *vs, unsigned depth);

static bool walk_system(struct walk *w, const struct clause *c)
{
	const struct image *im = &c->system->image;
	bool failed = false;
	const unsigned char *marks = branch(c, w->g->a, &failed);
	if (failed)
		return error_memory(w->g->err);
	if (c->system->content != IMAGE_COMPLETE)
		w->g->to->unclosed = true;
	for (uint32_t id = 0; id < image_count(im); id++) {
		if (marks && !marks[id])
			continue;
		arena_reset(&w->g->scratch);
		struct hit h = clause_passes(c, &w->g->scratch, id);
		if (h.answer == CODE_UNKNOWN)
			return refuse(w->g->err, w->url, h.detail);
		struct expanded e = of_concept(c->system, id);
		if (h.answer == CODE_IN && !w->take(w->ctx, &e))
			return false;
	}
	return true;
}

static bool offer_listed(struct walk *w, const struct clause *c, const struct json *listed)
{
	struct expanded e = of_listed(c, listed);
	if (!e.code.p)
		return true;
	arena_reset(&w->g->scratch);
	struct hit h = clause_contains(c, &w->g->scratch, c->system_url, STR_NULL, e.code);
	if (h.answer == CODE_UNKNOWN)
		return refuse(w->g->err, w->url, h.detail);
	return h.answer != CODE_IN || w->take(w->ctx, &e);
}

static bool walk_list(struct walk *w, const struct clause *c)
{
	struct json_iter it = json_iter(c->concepts);
	while (json_next(&it))
		if (!offer_listed(w, c, it.value))
			return false;
	return true;
}

/* The codes of an expansion that came with the value set. */
static bool walk_contains(struct walk *w, const struct value_set *vs, const struct json *contains)
{
	struct json_iter it = json_iter(contains);
	while (json_next(&it)) {
		struct str system = json_get_str(it.value, S("system"));
		for (size_t i = 0; system.p && i < vs->clause_count; i++)
			if (str_eq(vs->clauses[i].system_url, system) &&
			    map_get(&vs->clauses[i].listed, json_get_str(it.value, S("code"))) &&
			    !offer_listed(w, &vs->clauses[i], it.value))
				return false;
		if (!walk_contains(w, vs, json_get(it.value, S("contains"))))
			return false;
	}
	return true;
}

/* Codes of one import that are in the whole clause. */
struct narrowing {
	struct walk *outer;
	const struct clause *clause;
};

static bool narrow(void *ctx, const struct expanded *e)
{
	struct narrowing *n = ctx;
	arena_reset(&n->outer->g->scratch);
	struct hit h = clause_contains(n->clause, &n->outer->g->scratch, e->system, STR_NULL, e->code);
	if (h.answer == CODE_UNKNOWN)
		return refuse(n->outer->g->err, n->outer->url, h.detail);
	return h.answer != CODE_IN || n->outer->take(n->outer->ctx, e);
}

static bool can_list(const struct value_set *vs, unsigned depth);

static bool can_list_clause(const struct clause *c, unsigned depth)
{
	if (c->trouble.p)
		return false;
	if (c->listed.count || (c->system && !c->system->rules))
		return true;
	for (size_t i = 0; i < c->import_count; i++)
		if (can_list(c->imports[i], depth + 1))
			return true;
	return false;
}

static bool can_list(const struct value_set *vs, unsigned depth)
{
	if (vs->trouble.p || depth > MAX_IMPORTS_DEEP)
		return false;
	for (size_t i = 0; i < vs->include_count; i++)
		if (!can_list_clause(&vs->clauses[i], depth))
			return false;
	return true;
}

/* Several value sets are an intersection: the first that can be listed gives the candidates. */
static bool walk_imports(struct walk *w, const struct clause *c, unsigned depth)
{
	size_t base = 0;
	for (size_t i = c->import_count; i > 0; i--)
		if (can_list(c->imports[i - 1], depth + 1))
			base = i - 1;
	struct narrowing n = {w, c};
	struct walk inner = {w->g, c->imports[base]->url, narrow, &n};
	return walk_value_set(&inner, c->imports[base], depth + 1);
}

static bool walk_clause(struct walk *w, const struct clause *c, unsigned depth)
{
	if (c->trouble.p)
		return refuse(w->g->err, w->url, c->trouble);
	if (c->listed.count)
		return walk_list(w, c);
	if (c->system_url.p && c->system && !c->system->rules)
		return walk_system(w, c);
	if (c->import_count)
		return walk_imports(w, c, depth);
	return refuse(
		w->g->err, w->url,
		arena_printf(w->g->a, "the codes of %.*s follow rules and cannot be listed", STR_ARG(c->system_url)));
}

/* ---- excludes, status -------------------------------------------------------------------------------------------- */

struct sieve {
	struct walk *outer;
	const struct value_set *vs;
};

static bool sift(void *ctx, const struct expanded *e)
{
	struct sieve *s = ctx;
	if ((s->vs->without_inactive && e->inactive) || (e->deprecated && !e->listed && !s->vs->with_inactive))
		return true;
	for (size_t i = s->vs->include_count; i < s->vs->clause_count; i++) {
		arena_reset(&s->outer->g->scratch);
		struct hit h = clause_contains(&s->vs->clauses[i], &s->outer->g->scratch, e->system, STR_NULL, e->code);
		if (h.answer == CODE_UNKNOWN)
			return refuse(s->outer->g->err, s->vs->url, h.detail);
		if (h.answer == CODE_IN)
			return true;
	}
	return s->outer->take(s->outer->ctx, e);
}

static bool walk_value_set(struct walk *w, const struct value_set *vs, unsigned depth)
{
	struct sieve s = {w, vs};
	struct walk inner = {w->g, vs->url, sift, &s};
	if (depth > MAX_IMPORTS_DEEP)
		return error_set(w->g->err, ERR_LIMIT, "value sets import each other too deeply");
	if (vs->trouble.p)
		return refuse(w->g->err, vs->url, vs->trouble);
	if (vs->from_expansion)
		return walk_contains(&inner, vs, json_get(json_get(vs->json, S("expansion")), S("contains")));
	for (size_t i = 0; i < vs->include_count; i++)
		if (!walk_clause(&inner, &vs->clauses[i], depth))
			return false;
	return true;
}

/* ---- gathering --------------------------------------------------------------------------------------------------- */

static bool text_has_words(struct gather *g, struct str text)
{
	struct str folded = text.p ? str_fold(&g->scratch, text) : S("");
	for (size_t i = 0; i < g->word_count; i++)
		if (str_find(folded, g->words[i]) == STR_NONE)
			return false;
	return true;
}

static bool passes_filter(struct gather *g, const struct expanded *e)
{
	if (!g->word_count)
		return true;
	arena_reset(&g->scratch);
	if (text_has_words(g, e->display))
		return true;
	if (g->word_count == 1 && str_starts(str_fold(&g->scratch, e->code), g->words[0]))
		return true;
	bool has_image = e->source && !e->source->rules && e->id != IMAGE_NONE;
	uint32_t count = has_image ? image_designation_count(&e->source->image, e->id) : 0;
	for (uint32_t i = 0; i < count; i++)
		if (text_has_words(g, image_designation(&e->source->image, e->id, i).value))
			return true;
	return false;
}

static struct str display_in(const struct expanded *e, struct str language)
{
	struct json_iter it = json_iter(json_get(e->listed, S("designation")));
	while (json_next(&it))
		if (language_fits(json_get_str(it.value, S("language")), language))
			return json_get_str(it.value, S("value"));
	bool has_image = e->source && !e->source->rules && e->id != IMAGE_NONE;
	uint32_t count = has_image ? image_designation_count(&e->source->image, e->id) : 0;
	for (uint32_t i = 0; i < count; i++) {
		struct designation d = image_designation(&e->source->image, e->id, i);
		if (language_fits(d.language, language))
			return d.value;
	}
	return e->display;
}

/* Has an earlier include named it? */
static bool is_new(struct gather *g, const struct expanded *e, bool *ret_new)
{
	*ret_new = true;
	if (!g->several)
		return true;
	struct str key = arena_printf(g->a, "%.*s|%.*s", STR_ARG(e->system), STR_ARG(e->code));
	if (!key.p || !map_put(&g->seen, key, ret_new))
		return error_set(g->err, ERR_LIMIT, "the expansion has too many codes");
	return true;
}

static bool take(void *ctx, const struct expanded *e)
{
	struct gather *g = ctx;
	struct expansion *to = g->to;
	bool fresh;
	if ((g->o->active_only && e->inactive) || !passes_filter(g, e))
		return true;
	if (e->abstract && !e->listed && (g->o->flat || g->o->paged))
		return true;
	if (!is_new(g, e, &fresh))
		return false;
	if (!fresh)
		return true;
	to->total++;
	if (g->o->paged && (to->total <= g->o->offset || to->count >= g->o->count))
		return true;
	if (to->count >= g->limit)
		return error_set(g->err, ERR_LIMIT,
				 "the value set %.*s has more than %zu codes: ask for pages, or filter",
				 STR_ARG(str_slice(to->url, 0, 120)), g->limit);
	struct expanded *grown = arena_grow(g->a, to->codes, to->count, &g->capacity, to->count + 1, sizeof(*grown));
	if (!grown)
		return error_memory(g->err);
	to->codes = grown;
	to->codes[to->count] = *e;
	if (g->o->language.n)
		to->codes[to->count].display = display_in(e, g->o->language);
	to->count++;
	return true;
}

/* ---- nesting ----------------------------------------------------------------------------------------------------- */

/* Is there a way from a code up to another along the parents found so far? */
static bool hangs_under(const struct expansion *e, size_t at, size_t other)
{
	for (size_t steps = 0; at && steps <= e->count; steps++) {
		if (at == other)
			return true;
		at = e->codes[at - 1].parent;
	}
	return false;
}

static struct str id_key(struct arena *a, const struct system *s, uint32_t id)
{
	struct {
		const struct system *s;
		uint64_t id;
	} key = {s, id};
	return arena_str(a, str_make((const char *)&key, sizeof(key)));
}

static size_t find_parent(struct gather *g, const struct map *places, size_t at)
{
	const struct expanded *e = &g->to->codes[at];
	uint32_t count;
	const uint32_t *parents = image_parents(&e->source->image, e->id, &count);
	for (uint32_t i = 0; i < count; i++) {
		arena_reset(&g->scratch);
		struct str key = id_key(&g->scratch, e->source, parents[i]);
		const uint64_t *place = key.p ? map_get(places, key) : NULL;
		if (place && !hangs_under(g->to, (size_t)*place, at + 1))
			return (size_t)*place;
	}
	return 0;
}

/* Puts codes under their parents where those are in the expansion too. */
static bool nest(struct gather *g)
{
	struct expansion *to = g->to;
	struct map places;
	bool ok = true;
	map_init(&places, MAX_SEEN);
	for (size_t i = 0; ok && i < to->count; i++) {
		struct expanded *e = &to->codes[i];
		if (!e->source || e->source->rules || e->id == IMAGE_NONE)
			continue;
		struct str key = id_key(g->a, e->source, e->id);
		uint64_t *slot = key.p ? map_put(&places, key, NULL) : NULL;
		ok = slot ? true : error_memory(g->err);
		if (slot)
			*slot = i + 1;
	}
	for (size_t i = 0; ok && i < to->count; i++)
		if (to->codes[i].source && !to->codes[i].source->rules && to->codes[i].id != IMAGE_NONE)
			to->codes[i].parent = find_parent(g, &places, i);
	map_done(&places);
	return ok;
}

static void split_words(struct gather *g)
{
	struct str rest = g->o->filter.p ? str_fold(g->a, g->o->filter) : STR_NULL;
	while (rest.p && g->word_count < MAX_WORDS) {
		struct str word = str_split(&rest, ' ');
		if (word.n)
			g->words[g->word_count++] = word;
	}
}

static const struct expansion *expand(struct arena *a, const struct value_set *vs, const struct expand_options *o,
				      struct error *err)
{
	struct expansion *to = ARENA_NEW(a, struct expansion);
	if (!to) {
		error_memory(err);
		return NULL;
	}
	*to = (struct expansion){.url = vs->url, .version = vs->version, .definition = vs->json};
	struct gather g = {.a = a,
			   .o = o,
			   .to = to,
			   .limit = o->limit ? o->limit : DEFAULT_LIMIT,
			   .several = vs->include_count != 1 || !vs->clauses[0].system_url.p ||
				      vs->clauses[0].listed.count,
			   .err = err};
	arena_init(&g.scratch, (size_t)16 << 20);
	map_init(&g.seen, MAX_SEEN);
	split_words(&g);
	struct walk w = {&g, vs->url, take, &g};
	bool ok = walk_value_set(&w, vs, 0) && (o->flat || o->paged || nest(&g));
	map_done(&g.seen);
	arena_done(&g.scratch);
	return ok ? to : NULL;
}

const struct expansion *terminology_expand(struct terminology *t, struct arena *a, struct str value_set,
					   const struct canonical *from, const struct expand_options *o,
					   struct error *err)
{
	const struct value_set *vs = value_set_find(t, value_set, from, err);
	if (!vs)
		error_set(err, ERR_NOT_FOUND, "the value set %.*s is not at hand",
			  STR_ARG(str_slice(value_set, 0, 200)));
	return vs ? expand(a, vs, o, err) : NULL;
}

const struct expansion *terminology_expand_resource(struct terminology *t, struct arena *a,
						    const struct json *value_set, const struct canonical *from,
						    const struct expand_options *o, struct error *err)
{
	const struct value_set *vs = value_set_take(t, value_set, from, err);
	return vs ? expand(a, vs, o, err) : NULL;
}
