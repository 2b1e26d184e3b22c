/* Reading images of code systems. */
#include "terminology/image_priv.h"

#include <stdlib.h>

static bool fits(const struct image_header *h, struct image_table t, size_t row)
{
	return t.at % 4 == 0 && t.at <= h->size && t.count <= (h->size - t.at) / row;
}

bool image_open(struct str bytes, struct image *ret_image, struct error *err)
{
	const struct image_header *h = (const struct image_header *)(const void *)bytes.p;
	if (bytes.n < sizeof(*h) || h->magic != IMAGE_MAGIC)
		return error_set(err, ERR_VALUE, "this is no terminology file");
	if (h->format != IMAGE_FORMAT)
		return error_set(err, ERR_VALUE, "this terminology file has format %u, not %u: load it again",
				 h->format, IMAGE_FORMAT);
	if (h->size != bytes.n || !fits(h, h->concepts, sizeof(struct image_concept)) || !h->concepts.count ||
	    !fits(h, h->hash, 4) || !h->hash.count || (h->hash.count & (h->hash.count - 1)) ||
	    !fits(h, h->parents, 4) || !fits(h, h->children, 4) || !fits(h, h->kinds, sizeof(struct image_kind)) ||
	    !fits(h, h->designations, sizeof(struct image_designation)) ||
	    !fits(h, h->definitions, sizeof(struct image_definition)) ||
	    !fits(h, h->properties, sizeof(struct image_property)))
		return error_set(err, ERR_VALUE, "this terminology file is damaged or cut off");
	*ret_image = (struct image){bytes.p, h};
	return true;
}

struct str image_text(const struct image *im, struct image_text t)
{
	if (t.n == IMAGE_NONE || t.at > im->head->size || t.n > im->head->size - t.at)
		return STR_NULL;
	return str_make(im->p + t.at, t.n);
}

uint32_t image_count(const struct image *im)
{
	return im->head->concepts.count - 1;
}

static const void *rows(const struct image *im, struct image_table t)
{
	return im->p + t.at;
}

static const struct image_concept *concept_at(const struct image *im, uint32_t id)
{
	return (const struct image_concept *)rows(im, im->head->concepts) + id;
}

/* ---- codes ------------------------------------------------------------------------------------------------------- */

uint32_t image_hash(struct str code)
{
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < code.n; i++) {
		unsigned char c = (unsigned char)code.p[i];
		if (c >= 'A' && c <= 'Z')
			c = (unsigned char)(c + 32);
		h = (h ^ c) * 16777619u;
	}
	h ^= h >> 15;
	return h * 0x2c1b3c6du;
}

uint32_t image_find(const struct image *im, struct str code)
{
	const uint32_t *hash = rows(im, im->head->hash);
	uint32_t mask = im->head->hash.count - 1, near = IMAGE_NONE, at = image_hash(code) & mask;
	for (uint32_t step = 0; step <= mask; step++, at = (at + 1) & mask) {
		uint32_t id = hash[at];
		if (id >= image_count(im))
			break;
		struct str found = image_text(im, concept_at(im, id)->code);
		if (str_eq(found, code))
			return id;
		if (near == IMAGE_NONE && (im->head->flags & IMAGE_NO_CASE) && str_eq_nocase(found, code))
			near = id;
	}
	return near;
}

struct concept image_concept(const struct image *im, uint32_t id)
{
	if (id >= image_count(im))
		return (struct concept){.id = IMAGE_NONE};
	const struct image_concept *c = concept_at(im, id);
	return (struct concept){.id = id,
				.flags = c->flags,
				.code = image_text(im, c->code),
				.display = image_text(im, c->display),
				.definition = image_text(im, c->definition)};
}

uint32_t image_concept_flags(const struct image *im, uint32_t id)
{
	return id < image_count(im) ? concept_at(im, id)->flags : 0;
}

/* ---- hierarchy --------------------------------------------------------------------------------------------------- */

/* The part of a table between two row numbers of neighbouring concepts. */
static const void *range(const struct image *im, struct image_table t, size_t row, uint32_t from, uint32_t to,
			 uint32_t *ret_count)
{
	*ret_count = from <= to && to <= t.count ? to - from : 0;
	return im->p + t.at + (*ret_count ? from * row : 0);
}

const uint32_t *image_parents(const struct image *im, uint32_t id, uint32_t *ret_count)
{
	const struct image_concept *c = concept_at(im, id);
	return range(im, im->head->parents, 4, c[0].parents, c[1].parents, ret_count);
}

const uint32_t *image_children(const struct image *im, uint32_t id, uint32_t *ret_count)
{
	const struct image_concept *c = concept_at(im, id);
	return range(im, im->head->children, 4, c[0].children, c[1].children, ret_count);
}

enum { NEAR_ANCESTORS = 64 };

/* Walks up from id, each concept once. Most have a handful of ancestors, so the few seen are compared one by one; a
 * map of all concepts takes over when there are many. */
struct climb {
	uint32_t queue[NEAR_ANCESTORS];
	uint32_t *all;
	unsigned char *seen;
	uint32_t count;
};

static bool climb_on_heap(const struct image *im, struct climb *c)
{
	uint32_t total = image_count(im);
	c->all = malloc((size_t)total * sizeof(uint32_t));
	c->seen = calloc(total / 8 + 1, 1);
	if (!c->all || !c->seen)
		return false;
	for (uint32_t i = 0; i < c->count; i++) {
		c->all[i] = c->queue[i];
		c->seen[c->queue[i] / 8] |= (unsigned char)(1u << (c->queue[i] % 8));
	}
	return true;
}

static bool climb_to(const struct image *im, struct climb *c, uint32_t id)
{
	if (id >= image_count(im))
		return true;
	if (!c->seen) {
		for (uint32_t i = 0; i < c->count; i++)
			if (c->queue[i] == id)
				return true;
		if (c->count < NEAR_ANCESTORS) {
			c->queue[c->count++] = id;
			return true;
		}
		if (!climb_on_heap(im, c))
			return false;
	}
	unsigned char bit = (unsigned char)(1u << (id % 8));
	if (!(c->seen[id / 8] & bit))
		c->all[c->count++] = id;
	c->seen[id / 8] |= bit;
	return true;
}

bool image_is_a(const struct image *im, uint32_t ancestor, uint32_t descendant)
{
	if (ancestor >= image_count(im) || descendant >= image_count(im))
		return false;
	struct climb c;
	c.all = NULL;
	c.seen = NULL;
	c.count = 1;
	c.queue[0] = descendant;
	bool found = ancestor == descendant;
	for (uint32_t i = 0; !found && i < c.count; i++) {
		uint32_t count, at = c.all ? c.all[i] : c.queue[i];
		const uint32_t *parents = image_parents(im, at, &count);
		for (uint32_t k = 0; !found && k < count; k++) {
			found = parents[k] == ancestor;
			if (!found && !climb_to(im, &c, parents[k]))
				count = 0; /* no memory: what was seen so far decides */
		}
	}
	free(c.all);
	free(c.seen);
	return found;
}

/* ---- designations and properties --------------------------------------------------------------------------------- */

static const struct image_designation *designations(const struct image *im, uint32_t id, uint32_t *ret_count)
{
	const struct image_concept *c = concept_at(im, id);
	return range(im, im->head->designations, sizeof(struct image_designation), c[0].designations, c[1].designations,
		     ret_count);
}

uint32_t image_designation_count(const struct image *im, uint32_t id)
{
	uint32_t count;
	designations(im, id, &count);
	return count;
}

struct designation image_designation(const struct image *im, uint32_t id, uint32_t index)
{
	uint32_t count;
	const struct image_designation *d = designations(im, id, &count);
	if (index >= count || d[index].kind >= im->head->kinds.count)
		return (struct designation){0};
	const struct image_kind *k = (const struct image_kind *)rows(im, im->head->kinds) + d[index].kind;
	return (struct designation){.language = image_text(im, k->language),
				    .use_system = image_text(im, k->use_system),
				    .use_code = image_text(im, k->use_code),
				    .use_display = image_text(im, k->use_display),
				    .value = image_text(im, d[index].value)};
}

static const struct image_property *properties(const struct image *im, uint32_t id, uint32_t *ret_count)
{
	const struct image_concept *c = concept_at(im, id);
	return range(im, im->head->properties, sizeof(struct image_property), c[0].properties, c[1].properties,
		     ret_count);
}

uint32_t image_property_count(const struct image *im, uint32_t id)
{
	uint32_t count;
	properties(im, id, &count);
	return count;
}

struct property image_property(const struct image *im, uint32_t id, uint32_t index)
{
	uint32_t count;
	const struct image_property *p = properties(im, id, &count);
	if (index >= count || p[index].definition >= im->head->definitions.count)
		return (struct property){.definition = IMAGE_NONE};
	const struct image_definition *d =
		(const struct image_definition *)rows(im, im->head->definitions) + p[index].definition;
	return (struct property){.code = image_text(im, d->code),
				 .uri = image_text(im, d->uri),
				 .value = image_text(im, p[index].value),
				 .system = image_text(im, p[index].system),
				 .type = d->type <= IMAGE_DECIMAL ? (enum image_type)d->type : IMAGE_STRING,
				 .definition = p[index].definition};
}

uint32_t image_definition(const struct image *im, struct str code)
{
	const struct image_definition *d = rows(im, im->head->definitions);
	for (uint32_t i = 0; i < im->head->definitions.count; i++)
		if (str_eq(image_text(im, d[i].code), code))
			return i;
	return IMAGE_NONE;
}
