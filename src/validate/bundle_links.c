/*
 * How the entries of documents and messages hang together (http://hl7.org/fhir/R4/documents.html#content,
 * messaging.html): what the first entry refers to must be in the Bundle, and every entry must be linked to the first
 * one, forwards or backwards.
 */
#include "validate/validate_priv.h"

enum { MAX_DEPTH = JSON_MAX_DEPTH, SHOWN = 200 };
#define SHOW(s) STR_ARG(str_slice((s), 0, SHOWN))

/* ---- references of the first entry ------------------------------------------------------------------------------ */

struct first_entry {
	struct validation *v;
	const struct json *bundle;
	struct str full_url;
};

/* An entry of the type and id that a relative reference names, though not by the rules. STR_NULL: none. */
static struct str near_miss(struct validation *v, const struct json *bundle, struct str reference)
{
	struct reference r = reference_parse(v->definitions, reference);
	for (struct json_iter it = json_iter(json_get(bundle, S("entry"))); r.id.n && json_next(&it);) {
		const struct json *resource = json_get(it.value, S("resource"));
		if (str_eq(json_get_str(resource, S("resourceType")), r.type) &&
		    str_eq(json_get_str(resource, S("id")), r.id))
			return json_get_str(it.value, S("fullUrl"));
	}
	return STR_NULL;
}

static void must_be_here(const struct first_entry *f, const struct node *at)
{
	struct str reference = json_get_str(at->value, S("reference"));
	if (!reference.n || str_starts(reference, S("#")))
		return;
	struct target t = validation_resolve_in(f->v, f->bundle, f->full_url, reference);
	if (t.place != TARGET_NONE)
		return;
	struct str near = near_miss(f->v, f->bundle, reference);
	if (near.p)
		find_error(f->v, at, ERR_NOT_FOUND, "bundle-reference",
			   "\"%.*s\" is not in the Bundle; an entry has that type and id, but its fullUrl \"%.*s\" is "
			   "not what the reference means from \"%.*s\"",
			   SHOW(reference), SHOW(near), SHOW(f->full_url));
	else
		find_error(f->v, at, ERR_NOT_FOUND, "bundle-reference", "\"%.*s\" is not in the Bundle",
			   SHOW(reference));
}

/* Follows a path of names ("attester.party") through lists down to references. */
static void check_path(const struct first_entry *f, const struct node *at, struct str path)
{
	struct str rest = path, name = str_split(&rest, '.');
	const struct json *value = json_get(at->value, name);
	bool list = json_is(value, JSON_ARRAY);
	struct json_iter it = json_iter(value);
	for (int64_t i = 0; list ? json_next(&it) : i < (value != NULL); i++) {
		struct node child = node_child(at, name, list ? i : -1, list ? it.value : value);
		if (rest.p)
			check_path(f, &child, rest);
		else
			must_be_here(f, &child);
	}
}

static void check_sections(const struct first_entry *f, const struct node *at, unsigned depth)
{
	int64_t i = 0;
	for (struct json_iter it = json_iter(json_get(at->value, S("section"))); depth && json_next(&it); i++) {
		struct node section = node_child(at, S("section"), i, it.value);
		check_path(f, &section, S("author"));
		check_path(f, &section, S("focus"));
		check_path(f, &section, S("entry"));
		check_sections(f, &section, depth - 1);
	}
}

/* ---- who links to whom ------------------------------------------------------------------------------------------ */

struct web {
	struct validation *v;
	const struct json *bundle;
	uint32_t *first; /* edges of entry i are [first[i], first[i + 1]) */
	uint32_t *to;
	size_t edges, capacity;
	uint32_t *leader; /* union-find over links in both directions */
	bool *forward; /* reached from the first entry forwards */
	size_t count;
};

static uint32_t leader_of(struct web *w, uint32_t i)
{
	while (w->leader[i] != i)
		i = w->leader[i] = w->leader[w->leader[i]];
	return i;
}

static bool add_edge(struct web *w, uint32_t from, uint32_t to)
{
	uint32_t *edges = arena_grow(w->v->arena, w->to, w->edges, &w->capacity, w->edges + 1, sizeof(*edges));
	if (!edges)
		return false;
	w->to = edges;
	edges[w->edges++] = to;
	w->leader[leader_of(w, to)] = leader_of(w, from);
	return true;
}

/* Every reference below a value, and every url: documents link images and stylesheets, too. */
static bool gather(struct web *w, uint32_t entry, struct str full_url, const struct json *value, unsigned depth)
{
	for (struct json_iter it = json_iter(value); depth && json_next(&it);) {
		struct str text = json_str(it.value);
		bool link = str_is(it.key, "reference") || str_is(it.key, "url") || str_is(it.key, "valueUrl") ||
			    str_is(it.key, "valueUri") || str_is(it.key, "valueCanonical");
		if (link && text.n) {
			struct target t = validation_resolve_in(w->v, w->bundle, full_url, text);
			if (t.place == TARGET_BUNDLED && !add_edge(w, entry, (uint32_t)t.entry))
				return false;
		} else if (json_size(it.value) && !gather(w, entry, full_url, it.value, depth - 1)) {
			return false;
		}
	}
	return true;
}

static bool web_make(struct web *w, const struct json *entries)
{
	struct arena *a = w->v->arena;
	w->count = json_size(entries);
	w->first = ARENA_ARRAY(a, uint32_t, w->count + 1);
	w->leader = ARENA_ARRAY(a, uint32_t, w->count + 1);
	w->forward = ARENA_ARRAY(a, bool, w->count + 1);
	if (!w->first || !w->leader || !w->forward)
		return false;
	for (uint32_t i = 0; i < w->count; i++)
		w->leader[i] = i;
	struct json_iter it = json_iter(entries);
	for (uint32_t i = 0; json_next(&it); i++) {
		w->first[i] = (uint32_t)w->edges;
		if (!gather(w, i, json_get_str(it.value, S("fullUrl")), json_get(it.value, S("resource")), MAX_DEPTH))
			return false;
	}
	w->first[w->count] = (uint32_t)w->edges;
	return true;
}

/* The links of the Bundle itself count as the first entry's. */
static bool web_add_bundle_links(struct web *w)
{
	struct str full_url = json_get_str(json_at(json_get(w->bundle, S("entry")), 0), S("fullUrl"));
	for (struct json_iter it = json_iter(json_get(w->bundle, S("link"))); json_next(&it);) {
		struct target t = validation_resolve_in(w->v, w->bundle, full_url, json_get_str(it.value, S("url")));
		if (t.place == TARGET_BUNDLED) {
			w->leader[leader_of(w, (uint32_t)t.entry)] = leader_of(w, 0);
			w->forward[t.entry] = true;
		}
	}
	return true;
}

static bool web_walk_forward(struct web *w)
{
	uint32_t *queue = ARENA_ARRAY(w->v->arena, uint32_t, w->count + 1);
	size_t tail = 0;
	if (!queue)
		return false;
	w->forward[0] = true;
	for (uint32_t i = 0; i < w->count; i++)
		if (w->forward[i])
			queue[tail++] = i;
	for (size_t head = 0; head < tail; head++) {
		for (uint32_t e = w->first[queue[head]]; e < w->first[queue[head] + 1]; e++) {
			if (w->forward[w->to[e]])
				continue;
			w->forward[w->to[e]] = true;
			queue[tail++] = w->to[e];
		}
	}
	return true;
}

static void web_tell(struct web *w, const struct node *at, bool message)
{
	struct json_iter it = json_iter(json_get(w->bundle, S("entry")));
	const char *first = message ? "MessageHeader" : "Composition";
	for (uint32_t i = 0; json_next(&it); i++) {
		struct node entry = node_child(at, S("entry"), i, it.value);
		struct str name = json_get_str(it.value, S("fullUrl"));
		struct str type = json_get_str(json_get(it.value, S("resource")), S("resourceType"));
		bool linked = leader_of(w, i) == leader_of(w, 0);
		if (w->forward[i] || !type.p)
			continue;
		if (!linked)
			validation_find(w->v, &entry, message ? ISSUE_WARNING : ISSUE_ERROR, ERR_INVARIANT,
					S("bundle-linked"),
					"The entry \"%.*s\" is not linked to the %s, neither forwards nor backwards",
					SHOW(name), first);
		else if (message)
			find_hint(w->v, &entry, ERR_INVARIANT, "bundle-linked",
				  "The entry \"%.*s\" is linked to the %s backwards only", SHOW(name), first);
		else if (!str_is(type, "Provenance"))
			find_warning(w->v, &entry, ERR_INVARIANT, "bundle-linked",
				     "The entry \"%.*s\" is linked to the %s backwards only, which is for Provenance",
				     SHOW(name), first);
	}
}

static void check_linked(struct validation *v, const struct node *at, bool message)
{
	struct web w = {.v = v, .bundle = at->value};
	if (!web_make(&w, json_get(at->value, S("entry"))) || !web_add_bundle_links(&w) || !web_walk_forward(&w)) {
		error_memory(v->err);
		return;
	}
	web_tell(&w, at, message);
}

/* ---- documents and messages ------------------------------------------------------------------------------------- */

static void check_first(struct validation *v, const struct node *at, const char *const *paths)
{
	const struct json *entry = json_at(json_get(at->value, S("entry")), 0);
	struct first_entry f = {.v = v, .bundle = at->value, .full_url = json_get_str(entry, S("fullUrl"))};
	struct node place = node_child(at, S("entry"), 0, entry);
	struct node resource = node_child(&place, S("resource"), -1, json_get(entry, S("resource")));
	for (; *paths; paths++)
		check_path(&f, &resource, str_from(*paths));
	check_sections(&f, &resource, MAX_DEPTH);
}

void bundle_check_document(struct validation *v, const struct node *at)
{
	static const char *const paths[] = {"subject",	 "encounter",	 "author", "attester.party",
					    "custodian", "event.detail", NULL};
	check_first(v, at, paths);
	check_linked(v, at, false);
}

void bundle_check_message(struct validation *v, const struct node *at)
{
	static const char *const paths[] = {"focus", NULL};
	check_first(v, at, paths);
	check_linked(v, at, true);
}
