/*
 * `firth validate --linked`: references between the files of one call. All input is read once beforehand and kept as
 * text, with an index of its resources by "Type/id", and of the entries of Bundles also by fullUrl. What a reference
 * leads to is parsed when it is first asked for. Of several resources with the same name the first counts.
 */
#include "app/validate_priv.h"

enum { MAX_NAMES = 100000000 };
#define MAX_TEXT    ((size_t)2 << 30)
#define NO_ENTRY    ((size_t)-1)
#define MAX_PARSED  ((size_t)16 << 30)
#define MAX_SCRATCH ((size_t)4 << 30)

/* A document that was kept; parsed when it is needed. */
struct links_document {
	struct str text;
	const struct json *tree;
	bool tried;
};

/* A resource in it. */
struct links_resource {
	struct links_document *document;
	size_t entry; /* of a Bundle, NO_ENTRY: the document itself */
};

static bool add_name(struct links *l, struct str name, const struct links_resource *resource, struct error *err)
{
	bool is_new;
	struct str copy = arena_str(&l->arena, name);
	uint64_t *slot = copy.p ? map_put(&l->names, copy, &is_new) : NULL;
	if (!slot)
		return error_set(err, ERR_LIMIT, "--linked: there are too many resources");
	if (is_new)
		*slot = (uintptr_t)resource;
	return true;
}

static bool add_resource(struct links *l, struct links_document *document, size_t entry, const struct json *resource,
			 struct str full_url, struct error *err)
{
	struct str type = json_get_str(resource, S("resourceType")), id = json_get_str(resource, S("id"));
	struct links_resource *r = ARENA_NEW(&l->arena, struct links_resource);
	if (!r)
		return error_memory(err);
	*r = (struct links_resource){document, entry};
	if (full_url.n && !add_name(l, full_url, r, err))
		return false;
	struct str name = arena_printf(&l->arena, "%.*s/%.*s", STR_ARG(type), STR_ARG(id));
	return !type.n || !id.n || add_name(l, name, r, err);
}

/* Faults of form are told when the document is validated. */
static const struct json *read_tree(struct validate *v, struct arena *a, struct str text)
{
	struct document document = {0};
	struct issues findings;
	struct error ignored = {0};
	issues_init(&findings, a);
	return document_read(a, v->definitions, text, &v->form, &findings, &document, &ignored) ? document.tree : NULL;
}

static bool add_document(struct validate *v, struct arena *scratch, struct str text, struct error *err)
{
	struct links *l = &v->links;
	const struct json *tree = read_tree(v, scratch, text);
	if (!json_is(tree, JSON_OBJECT))
		return true;
	l->kept += text.n;
	if (l->kept > MAX_TEXT)
		return error_set(err, ERR_LIMIT, "--linked: the files have more than 2 GB together");
	struct links_document *document = ARENA_NEW(&l->arena, struct links_document);
	struct str copy = arena_str(&l->arena, text);
	if (!document || !copy.p)
		return error_memory(err);
	document->text = copy;
	if (!add_resource(l, document, NO_ENTRY, tree, STR_NULL, err))
		return false;
	size_t i = 0;
	if (str_is(json_get_str(tree, S("resourceType")), "Bundle"))
		for (struct json_iter it = json_iter(json_get(tree, S("entry"))); json_next(&it); i++)
			if (!add_resource(l, document, i, json_get(it.value, S("resource")),
					  json_get_str(it.value, S("fullUrl")), err))
				return false;
	return true;
}

static bool add_check(struct validate *v, struct check *c, struct error *err)
{
	struct str rest = buf_str(&c->text);
	bool ok = true;
	if (c->unreadable.p)
		return true;
	if (!c->lines)
		ok = add_document(v, &c->arena, rest, err);
	while (c->lines && ok && rest.p) {
		struct str text = str_split(&rest, '\n');
		ok = !str_trim(text).n || add_document(v, &c->arena, text, err);
		arena_reset(&c->arena);
	}
	arena_reset(&c->arena);
	return ok;
}

bool links_open(struct validate *v, struct error *err)
{
	struct check c = {0};
	bool ok = true;
	pthread_mutex_init(&v->links.lock, NULL);
	arena_init(&v->links.arena, MAX_PARSED);
	map_init(&v->links.names, MAX_NAMES);
	v->links.open = true;
	v->links.validate = v;
	for (size_t i = 0; i < v->input.count && ok; i++)
		if (str_is(v->input.paths[i], "-"))
			ok = error_set(err, ERR_VALUE, "--linked reads everything twice; standard input cannot be");
	arena_init(&c.arena, MAX_SCRATCH);
	buf_init(&c.text, VALIDATE_MAX_DOCUMENT + 2 * VALIDATE_PIECE);
	while (ok && input_next(&v->input, &c))
		ok = add_check(v, &c, err);
	arena_done(&c.arena);
	buf_done(&c.text);
	input_rewind(&v->input);
	return ok;
}

void links_close(struct links *l)
{
	if (!l->open)
		return;
	map_done(&l->names);
	arena_done(&l->arena);
	pthread_mutex_destroy(&l->lock);
}

const struct json *links_resolve(void *ctx, struct str reference)
{
	struct links *l = ctx;
	struct str name = str_slice(reference, 0, str_find(reference, S("/_history/")));
	const uint64_t *slot = map_get(&l->names, name);
	const struct links_resource *r = slot ? (const struct links_resource *)(uintptr_t)*slot : NULL;
	if (!r)
		return NULL;
	pthread_mutex_lock(&l->lock);
	struct links_document *document = r->document;
	if (!document->tried)
		document->tree = read_tree(l->validate, &l->arena, document->text);
	document->tried = true;
	const struct json *tree = document->tree;
	pthread_mutex_unlock(&l->lock);
	return r->entry == NO_ENTRY ? tree : json_get(json_at(json_get(tree, S("entry")), r->entry), S("resource"));
}
