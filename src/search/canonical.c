/*
 * Quantities in base units, so that 5.4 mg and 0.0054 g are the same (R4 search.html#quantity). Only units whose values
 * rise with those of the base units: for pH and its kin "greater" would turn around.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "search/search_priv.h"

static bool rises(const struct unit *u)
{
	struct decimal one = decimal_from_i64(1), two = decimal_from_i64(2), low, high;
	if (u->scale == UNIT_RATIO)
		return true;
	return u->scale == UNIT_SPECIAL && unit_canonical(&one, u, &low, NULL) &&
	       unit_canonical(&two, u, &high, NULL) && decimal_cmp(&low, &high) < 0;
}

bool canonical_unit_read(struct str code, struct canonical_unit *ret_unit)
{
	struct buf out;
	if (code.n == 0 || code.n > CANONICAL_CODE_MAX)
		return false;
	memcpy(ret_unit->code, code.p, code.n);
	ret_unit->code_size = code.n;
	if (!unit_parse(str_make(ret_unit->code, code.n), &ret_unit->unit, NULL) || !rises(&ret_unit->unit))
		return false;
	buf_init(&out, UNIT_CANONICAL_MAX);
	unit_write_canonical(&out, &ret_unit->unit);
	bool ok = buf_ok(&out) && out.n <= sizeof(ret_unit->base);
	if (ok)
		memcpy(ret_unit->base, out.p, out.n);
	ret_unit->base_size = out.n;
	buf_done(&out);
	return ok;
}

bool canonical_value(const struct canonical_unit *u, const struct decimal *value, double *ret_value)
{
	struct decimal base;
	if (!unit_canonical(value, &u->unit, &base, NULL))
		return false;
	*ret_value = decimal_to_double(&base);
	return true;
}

/* ---- those met before ------------------------------------------------------------------------------------------ */

static bool is_code(const struct canonical_unit *u, struct str code)
{
	return u->code_size == code.n && memcmp(u->code, code.p, code.n) == 0;
}

/* Units that were read stay in the first free place of a few; two threads may both read one, and one is thrown away. */
const struct canonical_unit *canonical_unit_find(struct unit_cache *cache, struct str code)
{
	size_t at = str_hash(code) % UNIT_CACHE_SIZE;
	if (code.n == 0 || code.n > CANONICAL_CODE_MAX)
		return NULL;
	for (size_t i = 0; i < UNIT_CACHE_TRIES; i++, at = (at + 1) % UNIT_CACHE_SIZE) {
		struct canonical_unit *there = atomic_load_explicit(&cache->units[at], memory_order_acquire);
		if (there && is_code(there, code))
			return there->converts ? there : NULL;
		if (there)
			continue;
		struct canonical_unit *made = calloc(1, sizeof(*made));
		if (!made)
			return NULL;
		made->converts = canonical_unit_read(code, made);
		memcpy(made->code, code.p, code.n);
		made->code_size = code.n;
		if (atomic_compare_exchange_strong(&cache->units[at], &there, made))
			return made->converts ? made : NULL;
		free(made);
		if (is_code(there, code))
			return there->converts ? there : NULL;
	}
	return NULL;
}

void unit_cache_done(struct unit_cache *cache)
{
	for (size_t i = 0; i < UNIT_CACHE_SIZE; i++)
		free(atomic_load(&cache->units[i]));
}
