/*
 * What a write turns into: the same lists of members that loading uses, with ids left as they are, and for Epic with
 * the integration user as author and the clock as time. What the result leads to (a note's Binary, say) is stored
 * first, so that nothing that can be read ever leads nowhere.
 */
#include "sandbox/faults_priv.h"

#include "base/clock.h"
#include "base/random.h"

struct finding {
	struct sandbox *s;
	struct arena *arena;
};

/* A resource that is in the store, "Type/id"; NULL when there is none. */
static const struct json *find(void *ctx, struct str reference)
{
	struct finding *f = ctx;
	struct store_entry entry;
	struct error err = {0};
	struct str id = reference, type_name = str_split(&id, '/');
	const struct fhir_type *type = id.p ? definitions_resource(f->s->o.definitions, type_name) : NULL;
	if (!type || !fhir_id_valid(id) || !store_read(f->s->o.store, f->arena, type, id, 0, &entry, &err))
		return NULL;
	return json_parse(f->arena, entry.body, 0, &err);
}

static bool store_extras(struct sandbox *s, struct adapter *ad, struct error *err)
{
	for (size_t i = 0; i < ad->extra_count; i++) {
		struct adapter_extra *e = &ad->extras[i];
		if (!face_store(s, ad->arena, e->type, e->id, e->text, err))
			return false;
	}
	return true;
}

bool face_rewrite(struct sandbox *s, struct rest_call *call, const struct json *resource, struct str *ret_body,
		  struct error *err)
{
	struct finding finding = {s, call->arena};
	char now[CLOCK_INSTANT_SIZE];
	clock_format_instant(clock_now_ms(), now);
	struct adapter ad = {.vendor = s->o.vendor,
			     .arena = call->arena,
			     .native = true,
			     .find = find,
			     .find_ctx = &finding,
			     .now = arena_printf(call->arena, "%.19sZ", now)};
	struct buf out;
	struct str id = call->id.p ? call->id : adapter_fresh_id(s->o.vendor, call->arena, call->type->name, resource);
	buf_init(&out, (size_t)64 << 20);
	map_init(&ad.resources, 1);
	map_init(&ad.made, 1000);
	bool ok = adapter_write(&ad, resource, id, call->id.p == NULL, &out, err) && store_extras(s, &ad, err);
	if (ok)
		*ret_body = arena_str(call->arena, buf_str(&out));
	map_done(&ad.made);
	map_done(&ad.resources);
	buf_done(&out);
	return ok && !ret_body->p ? error_memory(err) : ok;
}
