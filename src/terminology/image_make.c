/* Making images of code systems: rows are gathered in the order they come and put in the order of their concepts. */
#include "terminology/image_priv.h"

#include <stdlib.h>

enum { MAX_CONCEPTS = 20000000, MAX_INTERNED = 4000000 };
#define MAX_IMAGE ((size_t)UINT32_MAX - 4096)

/* Rows as they are gathered: whose they are, then what goes into the image. */
struct owned_id {
	uint32_t owner, value;
};
struct owned_designation {
	uint32_t owner;
	struct image_designation value;
};
struct owned_property {
	uint32_t owner;
	struct image_property value;
};

static const struct image_text no_text = {0, IMAGE_NONE};

static struct image_text keep(struct image_maker *m, struct str text)
{
	if (!text.p)
		return no_text;
	struct image_text t = {(uint32_t)m->texts.n, (uint32_t)text.n};
	buf_add(&m->texts, text);
	return t;
}

/* For texts that come again and again: uses, languages, values of properties. */
static struct image_text intern(struct image_maker *m, struct str text)
{
	const uint64_t *known = text.p && text.n ? map_get(&m->interned, text) : NULL;
	if (known)
		return (struct image_text){(uint32_t)*known, (uint32_t)text.n};
	struct image_text t = keep(m, text);
	struct str copy = text.p && text.n && text.n < 256 ? arena_str(&m->arena, text) : STR_NULL;
	uint64_t *slot = copy.p ? map_put(&m->interned, copy, NULL) : NULL;
	if (slot)
		*slot = t.at;
	return t;
}

static void put_row(struct buf *to, const void *row, size_t n)
{
	buf_add(to, str_make(row, n));
}

void image_maker_init(struct image_maker *m, const struct image_facts *facts)
{
	struct buf *all[] = {&m->texts,	       &m->concepts,	&m->parents,   &m->kinds,
			     &m->designations, &m->definitions, &m->properties};
	*m = (struct image_maker){0};
	arena_init(&m->arena, ARENA_NO_CAP);
	map_init(&m->codes, MAX_CONCEPTS);
	map_init(&m->interned, MAX_INTERNED);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		buf_init(all[i], MAX_IMAGE);
	m->head = (struct image_header){.magic = IMAGE_MAGIC,
					.format = IMAGE_FORMAT,
					.content = facts->content,
					.flags = facts->flags,
					.url = keep(m, facts->url),
					.version = keep(m, facts->version),
					.name = keep(m, facts->name),
					.hierarchy = keep(m, facts->hierarchy)};
}

void image_maker_done(struct image_maker *m)
{
	struct buf *all[] = {&m->texts,	       &m->concepts,	&m->parents,   &m->kinds,
			     &m->designations, &m->definitions, &m->properties};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		buf_done(all[i]);
	map_done(&m->codes);
	map_done(&m->interned);
	arena_done(&m->arena);
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static uint32_t concept_count(const struct image_maker *m)
{
	return (uint32_t)(m->concepts.n / sizeof(struct image_concept));
}

static struct image_concept *concept_of(struct image_maker *m, uint32_t id)
{
	return id < concept_count(m) ? (struct image_concept *)(void *)m->concepts.p + id : NULL;
}

uint32_t image_add(struct image_maker *m, struct str code, bool *ret_new)
{
	bool fresh = false;
	uint64_t *slot = map_put(&m->codes, code, &fresh);
	if (!slot) {
		m->failed = true;
		return IMAGE_NONE;
	}
	if (ret_new)
		*ret_new = fresh;
	if (!fresh)
		return (uint32_t)*slot;
	uint32_t id = concept_count(m);
	struct image_concept row = {.code = keep(m, code), .display = no_text, .definition = no_text};
	put_row(&m->concepts, &row, sizeof(row));
	*slot = id;
	return buf_ok(&m->concepts) ? id : IMAGE_NONE;
}

uint32_t image_added(const struct image_maker *m, struct str code)
{
	const uint64_t *slot = map_get(&m->codes, code);
	return slot ? (uint32_t)*slot : IMAGE_NONE;
}

void image_add_display(struct image_maker *m, uint32_t id, struct str display)
{
	struct image_concept *c = concept_of(m, id);
	if (c)
		c->display = keep(m, display);
}

void image_add_definition_text(struct image_maker *m, uint32_t id, struct str definition)
{
	struct image_concept *c = concept_of(m, id);
	if (c)
		c->definition = keep(m, definition);
}

void image_add_flags(struct image_maker *m, uint32_t id, uint32_t flags)
{
	struct image_concept *c = concept_of(m, id);
	if (c)
		c->flags |= flags;
}

void image_add_parent(struct image_maker *m, uint32_t id, uint32_t parent)
{
	struct owned_id row = {id, parent};
	if (id < concept_count(m) && parent < concept_count(m) && id != parent)
		put_row(&m->parents, &row, sizeof(row));
}

static uint32_t kind_of(struct image_maker *m, const struct designation *d)
{
	struct image_kind kind = {.language = intern(m, d->language),
				  .use_system = intern(m, d->use_system),
				  .use_code = intern(m, d->use_code),
				  .use_display = intern(m, d->use_display)};
	const struct image_kind *known = (const struct image_kind *)(const void *)m->kinds.p;
	uint32_t count = (uint32_t)(m->kinds.n / sizeof(kind));
	for (uint32_t i = 0; i < count; i++)
		if (memcmp(&known[i], &kind, sizeof(kind)) == 0)
			return i;
	put_row(&m->kinds, &kind, sizeof(kind));
	return count;
}

void image_add_designation(struct image_maker *m, uint32_t id, const struct designation *d)
{
	if (id >= concept_count(m) || !d->value.p)
		return;
	struct owned_designation row = {id, {kind_of(m, d), keep(m, d->value)}};
	put_row(&m->designations, &row, sizeof(row));
}

uint32_t image_define(struct image_maker *m, struct str code, struct str uri, enum image_type type)
{
	const struct image_definition *known = (const struct image_definition *)(const void *)m->definitions.p;
	uint32_t count = (uint32_t)(m->definitions.n / sizeof(*known));
	struct image_text name = intern(m, code);
	for (uint32_t i = 0; i < count; i++)
		if (known[i].code.n == code.n && memcmp(m->texts.p + known[i].code.at, code.p, code.n) == 0)
			return i;
	struct image_definition row = {name, intern(m, uri), type};
	put_row(&m->definitions, &row, sizeof(row));
	return count;
}

void image_add_property(struct image_maker *m, uint32_t id, uint32_t definition, struct str value, struct str system)
{
	if (id >= concept_count(m) || !value.p)
		return;
	struct owned_property row = {id, {definition, intern(m, value), intern(m, system)}};
	put_row(&m->properties, &row, sizeof(row));
}

/* ---- putting together -------------------------------------------------------------------------------------------- */

/* Rows { owner, payload } in the order of their owners, earlier ones first, without the owners. `first` gets the first
 * row of each concept, with one more for the end. */
static void sort_rows(const struct buf *from, size_t row, uint32_t count, uint32_t *first, char *to)
{
	size_t payload = row - sizeof(uint32_t), n = from->n / row;
	memset(first, 0, ((size_t)count + 1) * sizeof(*first));
	for (size_t i = 0; i < n; i++)
		first[*(const uint32_t *)(const void *)(from->p + i * row) + 1]++;
	for (uint32_t i = 0; i < count; i++)
		first[i + 1] += first[i];
	for (size_t i = 0; i < n; i++) {
		const char *at = from->p + i * row;
		uint32_t owner = *(const uint32_t *)(const void *)at;
		memcpy(to + first[owner]++ * payload, at + sizeof(uint32_t), payload);
	}
	memmove(first + 1, first, (size_t)count * sizeof(*first));
	first[0] = 0;
}

/* Drops parents that were told twice: neighbours nested and named by a property. */
static void dedupe_parents(struct image_maker *m, struct map *seen)
{
	struct owned_id *rows = (struct owned_id *)(void *)m->parents.p;
	size_t n = m->parents.n / sizeof(*rows), kept = 0;
	for (size_t i = 0; i < n; i++) {
		struct str copy = arena_str(&m->arena, str_make((const char *)&rows[i], sizeof(rows[i])));
		bool fresh = true;
		if (!copy.p || !map_put(seen, copy, &fresh))
			m->failed = true;
		if (fresh)
			rows[kept++] = rows[i];
	}
	m->parents.n = kept * sizeof(*rows);
}

static struct buf turned(const struct buf *parents)
{
	struct buf children;
	buf_init(&children, MAX_IMAGE);
	const struct owned_id *rows = (const struct owned_id *)(const void *)parents->p;
	for (size_t i = 0; i < parents->n / sizeof(*rows); i++) {
		struct owned_id row = {rows[i].value, rows[i].owner};
		put_row(&children, &row, sizeof(row));
	}
	return children;
}

/* Where a table goes, after the texts or the table before. */
static struct image_table place(size_t *at, size_t count, size_t row)
{
	struct image_table t = {(uint32_t)*at, (uint32_t)count};
	*at += (count * row + 3) & ~(size_t)3;
	return t;
}

static size_t plan(struct image_maker *m)
{
	struct image_header *h = &m->head;
	uint32_t hash = 4, count = concept_count(m);
	while (hash < 2 * (uint64_t)count)
		hash *= 2;
	size_t edges = m->parents.n / sizeof(struct owned_id);
	size_t at = sizeof(*h) + ((m->texts.n + 3) & ~(size_t)3);
	h->concepts = place(&at, (size_t)count + 1, sizeof(struct image_concept));
	h->hash = place(&at, hash, 4);
	h->parents = place(&at, edges, 4);
	h->children = place(&at, edges, 4);
	h->kinds = place(&at, m->kinds.n / sizeof(struct image_kind), sizeof(struct image_kind));
	h->designations =
		place(&at, m->designations.n / sizeof(struct owned_designation), sizeof(struct image_designation));
	h->definitions =
		place(&at, m->definitions.n / sizeof(struct image_definition), sizeof(struct image_definition));
	h->properties = place(&at, m->properties.n / sizeof(struct owned_property), sizeof(struct image_property));
	return at;
}

/* Texts were counted from their own start; in the image they come after the header. */
static void move_texts(char *image, struct image_table table, size_t row, size_t texts_at, size_t texts)
{
	for (uint32_t i = 0; i < table.count; i++) {
		struct image_text *t = (struct image_text *)(void *)(image + table.at + i * row + texts_at);
		for (size_t k = 0; k < texts; k++)
			if (t[k].n != IMAGE_NONE)
				t[k].at += (uint32_t)sizeof(struct image_header);
	}
}

static void move_all_texts(char *image, struct image_header *h)
{
	struct image_text *own[] = {&h->url, &h->version, &h->name, &h->hierarchy};
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (own[i]->n != IMAGE_NONE)
			own[i]->at += (uint32_t)sizeof(*h);
	struct image_table concepts = h->concepts;
	concepts.count--;
	move_texts(image, concepts, sizeof(struct image_concept), offsetof(struct image_concept, code), 3);
	move_texts(image, h->kinds, sizeof(struct image_kind), 0, 4);
	move_texts(image, h->designations, sizeof(struct image_designation), offsetof(struct image_designation, value),
		   1);
	move_texts(image, h->definitions, sizeof(struct image_definition), 0, 2);
	move_texts(image, h->properties, sizeof(struct image_property), offsetof(struct image_property, value), 2);
}

static void fill_hash(char *image, const struct image_header *h)
{
	const struct image_concept *concepts = (const struct image_concept *)(void *)(image + h->concepts.at);
	uint32_t *hash = (uint32_t *)(void *)(image + h->hash.at), mask = h->hash.count - 1;
	memset(hash, 0xff, (size_t)h->hash.count * sizeof(*hash));
	for (uint32_t id = 0; id + 1 < h->concepts.count; id++) {
		uint32_t at = image_hash(str_make(image + concepts[id].code.at, concepts[id].code.n)) & mask;
		while (hash[at] != IMAGE_NONE)
			at = (at + 1) & mask;
		hash[at] = id;
	}
}

struct ranges {
	uint32_t *parents, *children, *designations, *properties;
};

static void fill_rows(struct image_maker *m, char *image, const struct buf *children, struct ranges *r)
{
	const struct image_header *h = &m->head;
	uint32_t count = concept_count(m);
	if (m->texts.n)
		memcpy(image + sizeof(*h), m->texts.p, m->texts.n);
	if (count)
		memcpy(image + h->concepts.at, m->concepts.p, m->concepts.n);
	if (m->kinds.n)
		memcpy(image + h->kinds.at, m->kinds.p, m->kinds.n);
	if (m->definitions.n)
		memcpy(image + h->definitions.at, m->definitions.p, m->definitions.n);
	sort_rows(&m->parents, sizeof(struct owned_id), count, r->parents, image + h->parents.at);
	sort_rows(children, sizeof(struct owned_id), count, r->children, image + h->children.at);
	sort_rows(&m->designations, sizeof(struct owned_designation), count, r->designations,
		  image + h->designations.at);
	sort_rows(&m->properties, sizeof(struct owned_property), count, r->properties, image + h->properties.at);
	struct image_concept *concepts = (struct image_concept *)(void *)(image + h->concepts.at);
	for (uint32_t i = 0; i <= count; i++) {
		concepts[i].parents = r->parents[i];
		concepts[i].children = r->children[i];
		concepts[i].designations = r->designations[i];
		concepts[i].properties = r->properties[i];
	}
}

static bool write_image(struct image_maker *m, struct buf *out, const struct buf *children, struct error *err)
{
	size_t size = plan(m), n = (size_t)concept_count(m) + 1;
	if (size > MAX_IMAGE)
		return error_set(err, ERR_LIMIT, "the code system is larger than 4 GB");
	char *image = buf_reserve(out, size);
	uint32_t *first = calloc(4 * n, sizeof(*first));
	bool ok = image && first;
	if (ok) {
		struct ranges r = {first, first + n, first + 2 * n, first + 3 * n};
		memset(image, 0, size);
		fill_rows(m, image, children, &r);
		move_all_texts(image, &m->head);
		m->head.size = (uint32_t)size;
		memcpy(image, &m->head, sizeof(m->head));
		fill_hash(image, &m->head);
		out->n += size;
	}
	free(first);
	return ok || error_memory(err);
}

bool image_finish(struct image_maker *m, struct buf *out, struct error *err)
{
	struct map seen;
	map_init(&seen, (size_t)MAX_CONCEPTS * 10);
	dedupe_parents(m, &seen);
	map_done(&seen);
	struct buf children = turned(&m->parents);
	bool gathered = !m->failed && buf_ok(&m->texts) && buf_ok(&m->concepts) && buf_ok(&m->parents) &&
			buf_ok(&m->kinds) && buf_ok(&m->designations) && buf_ok(&m->definitions) &&
			buf_ok(&m->properties) && buf_ok(&children);
	bool ok = gathered ? write_image(m, out, &children, err)
			   : error_set(err, ERR_LIMIT, "the code system has more content than fits");
	buf_done(&children);
	return ok;
}
