/*
 * Fills a sandbox: synthetic patients or Bundles from outside are adapted to the vendor's form, checked like any write,
 * and stored one Bundle a transaction. At the end a Group of all patients stands for the list that sites make by hand.
 */
#include "sandbox/face_priv.h"

/* ---- one Bundle ------------------------------------------------------------------------------------------------- */

struct loading {
	struct sandbox *s;
	struct arena *arena;
	struct store_change *changes;
	size_t count, capacity;
	struct sandbox_loaded *total;
};

static bool remember_patient(struct sandbox_loaded *total, struct str id)
{
	struct str *grown = arena_grow(&total->arena, total->patients, total->patient_count, &total->patient_capacity,
				       total->patient_count + 1, sizeof(*grown));
	if (!grown)
		return false;
	total->patients = grown;
	grown[total->patient_count] = arena_str(&total->arena, id);
	return grown[total->patient_count++].p != NULL;
}

static bool prepare(struct loading *l, struct str id, struct str text, struct error *err)
{
	struct rest_prepared prepared;
	struct str copy = arena_str(l->arena, text);
	const struct json *resource = copy.p ? json_parse(l->arena, copy, 0, err) : NULL;
	if (!resource)
		return copy.p ? false : error_memory(err);
	if (!rest_prepare(l->s->o.definitions, l->s->o.extractor, l->arena, resource, arena_str(l->arena, id), NULL,
			  l->s->fhir_base, &prepared, err))
		return false;
	struct store_change *grown =
		arena_grow(l->arena, l->changes, l->count, &l->capacity, l->count + 1, sizeof(*grown));
	if (!grown)
		return error_memory(err);
	l->changes = grown;
	grown[l->count] = prepared.change;
	grown[l->count++].op = STORE_UPDATE; /* loading again replaces */
	return true;
}

static bool take(void *ctx, struct str type, struct str id, struct str text, struct error *err)
{
	struct loading *l = ctx;
	struct error bad = {0};
	if (!face_type(l->s, type)) { /* the vendor has no such type */
		l->total->skipped++;
		return true;
	}
	if (!prepare(l, id, text, &bad)) {
		if (bad.code == ERR_MEMORY)
			return error_memory(err);
		l->total->rejected++;
		if (!l->total->first_rejection.code)
			l->total->first_rejection = bad;
		return true;
	}
	if (str_is(type, "Patient") && !remember_patient(l->total, id))
		return error_memory(err);
	return true;
}

static bool commit(struct loading *l, struct error *err)
{
	if (!l->count)
		return true;
	struct audit_event event = {.action = 'C',
				    .interaction = S("import"),
				    .http_status = 200,
				    .agent = S("cli"),
				    .address = S("127.0.0.1"),
				    .detail = S("loaded into the sandbox")};
	struct store_txn txn = {.changes = l->changes, .change_count = l->count, .events = &event, .event_count = 1};
	if (!store_commit(l->s->o.store, &txn, err))
		return false;
	l->total->resources += l->count;
	return true;
}

bool face_store(struct sandbox *s, struct arena *a, struct str type, struct str id, struct str text, struct error *err)
{
	struct sandbox_loaded total = {0};
	struct loading l = {.s = s, .arena = a, .total = &total};
	(void)type;
	return prepare(&l, id, text, err) && commit(&l, err);
}

bool face_remove(struct sandbox *s, struct arena *a, struct str type, struct str id, struct str agent, struct str why,
		 struct error *err)
{
	struct store_change change = {
		.op = STORE_DELETE, .type = definitions_resource(s->o.definitions, type), .id = arena_str(a, id)};
	struct audit_event event = {.action = 'D',
				    .interaction = S("delete"),
				    .http_status = 204,
				    .agent = agent,
				    .address = S("127.0.0.1"),
				    .detail = why};
	struct store_txn txn = {.changes = &change, .change_count = 1, .events = &event, .event_count = 1};
	if (!change.type || !change.id.p)
		return error_set(err, ERR_NOT_FOUND, "There is no such resource.");
	return store_commit(s->o.store, &txn, err) &&
	       (!change.unchanged || error_set(err, ERR_NOT_FOUND, "There is no such resource."));
}

bool sandbox_load(struct sandbox *s, struct str bundle_text, struct sandbox_loaded *total, struct error *err)
{
	struct arena a;
	arena_init(&a, (size_t)1 << 30);
	struct loading l = {.s = s, .arena = &a, .total = total};
	const struct json *bundle = json_parse(&a, bundle_text, 0, err);
	bool ok = bundle && sandbox_adapt_bundle(s->o.vendor, &a, bundle, take, &l, err) && commit(&l, err);
	arena_done(&a);
	return ok;
}

/* ---- synthetic patients ----------------------------------------------------------------------------------------- */

struct synthetic_loading {
	struct sandbox *s;
	struct sandbox_loaded *total;
};

static bool load_one(void *ctx, struct str bundle, struct error *err)
{
	struct synthetic_loading *l = ctx;
	return sandbox_load(l->s, bundle, l->total, err);
}

bool sandbox_load_synthetic(struct sandbox *s, const struct synthetic_options *options, struct sandbox_loaded *total,
			    struct error *err)
{
	struct synthetic_loading l = {s, total};
	return synthetic_population(options, load_one, &l, err);
}

/* ---- the list of patients --------------------------------------------------------------------------------------- */

void sandbox_loaded_init(struct sandbox_loaded *total)
{
	*total = (struct sandbox_loaded){0};
	arena_init(&total->arena, (size_t)256 << 20);
}

void sandbox_loaded_done(struct sandbox_loaded *total)
{
	arena_done(&total->arena);
}

static void write_group(struct json_writer *w, struct str id, const struct sandbox_loaded *total)
{
	json_object_begin(w);
	json_put_member(w, S("resourceType"), S("Group"));
	json_put_member(w, S("id"), id);
	json_key(w, S("active"));
	json_put_bool(w, true);
	json_put_member(w, S("type"), S("person"));
	json_key(w, S("actual"));
	json_put_bool(w, true);
	json_put_member(w, S("name"), S("All patients of this sandbox"));
	json_key(w, S("quantity"));
	json_put_i64(w, (int64_t)total->patient_count);
	json_key(w, S("member"));
	json_array_begin(w);
	for (size_t i = 0; i < total->patient_count; i++) {
		json_object_begin(w);
		json_key(w, S("entity"));
		json_object_begin(w);
		char text[96];
		struct buf reference = {.p = text, .cap = sizeof(text), .max = sizeof(text)};
		buf_add(&reference, S("Patient/"));
		buf_add(&reference, total->patients[i]);
		json_put_member(w, S("reference"), buf_str(&reference));
		json_object_end(w);
		json_object_end(w);
	}
	json_array_end(w);
	json_object_end(w);
}

struct str sandbox_group_id(struct sandbox *s, struct arena *a)
{
	return adapter_id(s->o.vendor, a, S("Group"), S("all"), NULL);
}

bool sandbox_load_group(struct sandbox *s, struct sandbox_loaded *total, struct error *err)
{
	struct arena a;
	struct buf out;
	struct loading l = {.s = s, .arena = &a, .total = total};
	arena_init(&a, (size_t)256 << 20);
	struct str id = sandbox_group_id(s, &a);
	buf_init(&out, (size_t)64 << 20);
	struct json_writer w = json_writer(&out);
	write_group(&w, id, total);
	bool ok = id.p && buf_ok(&out) ? prepare(&l, id, buf_str(&out), err) && commit(&l, err) : error_memory(err);
	buf_done(&out);
	arena_done(&a);
	return ok;
}
