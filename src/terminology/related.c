/* The codes above and below a code in the hierarchy of its system, as searches by :above and :below ask for. */
#include "terminology/terminology_priv.h"

struct relatives {
	const struct image *image;
	struct arena *arena;
	unsigned char *seen; /* by id */
	uint32_t *ids;
	size_t count, capacity, max;
};

static bool add(struct relatives *r, uint32_t id, struct error *err)
{
	if (r->seen[id])
		return true;
	if (r->count == r->max)
		return error_set(err, ERR_LIMIT, "There are more than %zu codes", r->max);
	uint32_t *grown = arena_grow(r->arena, r->ids, r->count, &r->capacity, r->count + 1, sizeof(*grown));
	if (!grown)
		return error_memory(err);
	r->ids = grown;
	r->seen[id] = 1;
	grown[r->count++] = id;
	return true;
}

static bool walk(struct relatives *r, bool below, struct error *err)
{
	for (size_t i = 0; i < r->count; i++) {
		uint32_t n;
		const uint32_t *next =
			below ? image_children(r->image, r->ids[i], &n) : image_parents(r->image, r->ids[i], &n);
		for (uint32_t k = 0; k < n; k++)
			if (!add(r, next[k], err))
				return false;
	}
	return true;
}

bool terminology_related(struct terminology *t, struct arena *a, const struct coding *coding, bool below, size_t max,
			 struct coding **ret_codes, size_t *ret_count, struct error *err)
{
	uint32_t id;
	const struct system *s = system_find(t, coding->system, coding->version, NULL);
	if (!s || system_has(s, coding->code, &id) != CODE_IN)
		return error_set(err, ERR_NOT_FOUND,
				 s ? "The code system %.*s has no such code" : "The code system %.*s is not at hand",
				 STR_ARG(str_slice(coding->system, 0, 200)));
	struct relatives r = {.image = &s->image, .arena = a, .max = max};
	if (!s->rules) {
		r.seen = arena_calloc(a, s->image.head->concepts.count + 1, 1);
		if (!r.seen)
			return error_memory(err);
		if (!add(&r, id, err) || !walk(&r, below, err))
			return false;
	}
	struct coding *codes = ARENA_ARRAY(a, struct coding, r.count + 1);
	if (!codes)
		return error_memory(err);
	codes[0] = *coding;
	for (size_t i = 0; i < r.count; i++)
		codes[i] = (struct coding){.system = coding->system,
					   .code = arena_str(a, image_concept(&s->image, r.ids[i]).code)};
	*ret_codes = codes;
	*ret_count = r.count ? r.count : 1;
	return true;
}
