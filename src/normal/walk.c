/*
 * The walk over a resource: each member by its type in the definitions, written as it is met. What the definitions do
 * not know is written as it is.
 */
#include <stdlib.h>

#include "normal/normal_priv.h"

enum { LIST_MAX = 1024, SCRATCH_MAX = 64 << 20 };

static void walk_value(struct walk *k, const struct fhir_type *type, const struct json *value, const struct spot *at);

/* ---- objects ----------------------------------------------------------------------------------------------------- */

static bool is_quantity(const struct normaliser *n, const struct fhir_type *type)
{
	for (int depth = 0; type && depth < 4; depth++, type = type->base)
		if (type == n->quantity)
			return true;
	return false;
}

static void walk_resource(struct walk *k, const struct json *j, const struct spot *at)
{
	const struct fhir_type *type = definitions_resource(k->n->definitions, json_get_str(j, S("resourceType")));
	if (!type) {
		json_put_value(&k->w, j);
		return;
	}
	struct spot here = *at;
	here.unit = type == k->n->observation ? walk_result_unit(k, json_get(j, S("code"))) : NULL;
	json_object_begin(&k->w);
	walk_members(k, type, j, &here);
	json_object_end(&k->w);
}

static void walk_object(struct walk *k, const struct fhir_type *type, const struct json *j, const struct spot *at)
{
	const struct normaliser *n = k->n;
	struct spot here = *at;
	if (type == n->concept) {
		walk_concept(k, j, NULL, at);
		return;
	} else if (type == n->coding) {
		walk_coding(k, j, at);
		return;
	} else if (type == n->reference) {
		walk_reference(k, j, at);
		return;
	} else if (type == n->identifier) {
		walk_identifier(k, j, at);
		return;
	} else if (type == n->attachment) {
		walk_attachment(k, j, at);
		return;
	} else if (type->kind == TYPE_RESOURCE) {
		walk_resource(k, j, at);
		return;
	} else if (type == n->extension) {
		here.unit = NULL; /* what an extension holds is not the result */
	} else if (type == n->component) {
		here.unit = walk_result_unit(k, json_get(j, S("code")));
	} else if (is_quantity(n, type)) {
		walk_quantity(k, j, at);
		return;
	}
	json_object_begin(&k->w);
	walk_members(k, type, j, &here);
	json_object_end(&k->w);
}

static void walk_value(struct walk *k, const struct fhir_type *type, const struct json *value, const struct spot *at)
{
	if (json_is(value, JSON_OBJECT) && type->kind != TYPE_PRIMITIVE)
		walk_object(k, type, value, at);
	else if (json_is(value, JSON_STRING) && type->kind == TYPE_PRIMITIVE)
		walk_text(k, type, json_str(value), at);
	else
		json_put_value(&k->w, value);
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

struct place {
	const struct json *value;
	size_t from;
	int rank;
};

/* Identifiers and names have an order; everything else keeps its own. */
static bool is_ordered(const struct walk *k, const struct fhir_type *type, const struct json *list)
{
	return (type == k->n->identifier || type == k->n->human_name) && json_size(list) > 1 &&
	       json_size(list) <= LIST_MAX;
}

static bool sort(const struct walk *k, const struct fhir_type *type, struct place *places, size_t count)
{
	bool moved = false;
	for (size_t i = 0; i < count; i++) {
		struct place p = places[i];
		p.rank = type == k->n->identifier ? walk_identifier_rank(k, p.value) : walk_name_rank(p.value);
		size_t to = i;
		for (; to > 0 && places[to - 1].rank > p.rank; to--)
			places[to] = places[to - 1];
		places[to] = p;
		moved = moved || to != i;
	}
	return moved;
}

static void walk_ordered(struct walk *k, const struct fhir_type *type, const struct json *list, const struct spot *at)
{
	struct place *places = ARENA_ARRAY(&k->scratch, struct place, json_size(list));
	size_t count = 0;
	if (!places) {
		k->failed = true;
		return;
	}
	struct json_iter it = json_iter(list);
	while (json_next(&it)) {
		places[count] = (struct place){.value = it.value, .from = count};
		count++;
	}
	if (sort(k, type, places, count))
		walk_note(k, type == k->n->identifier ? NORMAL_ID_ORDER : NORMAL_NAME_ORDER, at, NULL, STR_NULL,
			  STR_NULL, STR_NULL);
	json_array_begin(&k->w);
	for (size_t i = 0; i < count; i++) {
		struct spot here = *at;
		here.index = places[i].from;
		here.list = list;
		walk_value(k, type, places[i].value, &here);
	}
	json_array_end(&k->w);
}

static void walk_list(struct walk *k, const struct fhir_type *type, const struct json *list, const struct spot *at)
{
	if (is_ordered(k, type, list)) {
		walk_ordered(k, type, list, at);
		return;
	}
	struct spot here = *at;
	struct json_iter it = json_iter(list);
	here.list = list;
	json_array_begin(&k->w);
	for (here.index = 0; json_next(&it); here.index++)
		walk_value(k, type, it.value, &here);
	json_array_end(&k->w);
}

/* ---- members ----------------------------------------------------------------------------------------------------- */

const struct fhir_element *walk_element_of(const struct fhir_type *type, struct str key,
					   const struct fhir_type **ret_type)
{
	bool plain = !key.n || key.p[0] == '_' || str_is(key, "resourceType") || str_is(key, "fhir_comments");
	const struct fhir_element *e = plain ? NULL : definitions_element(type, key, ret_type);
	return e && *ret_type ? e : NULL;
}

void walk_member(struct walk *k, const struct fhir_type *type, struct str key, const struct json *value,
		 const struct spot *at)
{
	const struct fhir_type *inner = NULL;
	const struct fhir_element *e = walk_element_of(type, key, &inner);
	struct spot here = {.parent = at, .name = key, .index = JSON_NO_INDEX, .element = e, .unit = at->unit};
	json_key(&k->w, key);
	if (!e) {
		bool known = !key.n || key.p[0] == '_' || str_is(key, "resourceType") || str_is(key, "fhir_comments");
		if (!known)
			walk_note(k, NORMAL_NOT_KNOWN, &here, NULL, STR_NULL, STR_NULL, STR_NULL);
		json_put_value(&k->w, value);
		return;
	}
	k->misshapen = k->misshapen || walk_shape(e, value) != SHAPE_RIGHT;
	if (json_is(value, JSON_ARRAY))
		walk_list(k, inner, value, &here);
	else
		walk_value(k, inner, value, &here);
}

static bool is_unknown_onset(const struct fhir_type *type, struct str key)
{
	return str_is(key, "onsetDateTime") && str_is(type->name, "AllergyIntolerance");
}

/* A member of an object, unless it is one that says that nothing is known. */
static void walk_any(struct walk *k, const struct fhir_type *type, const struct json *j, struct str key,
		     const struct json *value, const struct spot *at)
{
	if (is_unknown_onset(type, key)) {
		const struct spot here = {.parent = at, .name = key, .index = JSON_NO_INDEX};
		if (walk_unknown_date(k, key, value, json_get(j, S("_onsetDateTime")), &here))
			return;
	}
	walk_member(k, type, key, value, at);
}

void walk_members(struct walk *k, const struct fhir_type *type, const struct json *j, const struct spot *at)
{
	struct json_iter it = json_iter(j);
	while (json_next(&it))
		walk_any(k, type, j, it.key, it.value, at);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static void drop(struct walk *k, enum normal_rule rule, const struct json *resource, const struct spot *at)
{
	struct buf text;
	buf_init(&text, 64 << 20);
	if (walk_explains(k)) {
		struct json_writer w = json_writer(&text);
		json_put_value(&w, resource);
	}
	walk_note(k, rule, at, NULL, buf_str(&text), STR_NULL, STR_NULL);
	k->failed = k->failed || !buf_ok(&text);
	buf_done(&text);
}

static void write_meta(struct walk *k, const struct json *meta, const struct spot *at)
{
	const struct spot here = {.parent = at, .name = S("meta"), .index = JSON_NO_INDEX};
	walk_note(k, NORMAL_SOURCE, &here, "source", STR_NULL, k->options->source, STR_NULL);
	json_key(&k->w, S("meta"));
	json_object_begin(&k->w);
	walk_members(k, k->n->meta, meta, &here);
	json_put_member(&k->w, S("source"), k->options->source);
	json_object_end(&k->w);
}

static void write_resource(struct walk *k, const struct fhir_type *type, const struct json *resource,
			   const struct spot *at)
{
	const struct json *meta = json_get(resource, S("meta"));
	bool sourced = !k->options->source.n || json_get(meta, S("source")) || (meta && !json_is(meta, JSON_OBJECT));
	struct json_iter it = json_iter(resource);
	json_object_begin(&k->w);
	while (json_next(&it)) {
		if (!sourced && str_is(it.key, "meta")) {
			write_meta(k, meta, at);
			continue;
		}
		walk_any(k, type, resource, it.key, it.value, at);
		if (!sourced && !meta && str_is(it.key, json_get(resource, S("id")) ? "id" : "resourceType"))
			write_meta(k, NULL, at);
	}
	json_object_end(&k->w);
}

static void walk_whole(struct walk *k, const struct fhir_type *type, const struct json *resource, struct spot *at)
{
	at->unit = type == k->n->observation ? walk_result_unit(k, json_get(resource, S("code"))) : NULL;
	write_resource(k, type, resource, at);
}

/* Most resources have the form of R4. One that has not is walked again once it was mended, as if nothing had been; then
 * it can show that it was entered in error. */
static enum normal_fate walk_in_shape(struct walk *k, const struct fhir_type *type, const struct json *resource,
				      struct spot *at, struct buf *out)
{
	struct normal_report before = k->report ? *k->report : (struct normal_report){0};
	struct json_writer start = k->w;
	size_t length = out->n;
	walk_whole(k, type, resource, at);
	if (!k->misshapen)
		return NORMAL_KEPT;
	if (k->report) {
		before.changes = k->report->changes;
		before.capacity = k->report->capacity;
		before.failed = k->report->failed;
		*k->report = before;
	}
	out->n = buf_ok(out) ? length : out->n;
	k->w = start;
	at->unit = NULL;
	const struct json *mended = walk_mend(k, type, resource, at);
	if (mended && resource_is_withdrawn(mended)) {
		drop(k, NORMAL_WITHDRAWN, resource, at);
		return NORMAL_DROPPED;
	}
	if (mended)
		walk_whole(k, type, mended, at);
	return NORMAL_KEPT;
}

bool normalise(const struct normaliser *n, const struct json *resource, const struct normal_options *options,
	       struct buf *out, struct normal_report *report, enum normal_fate *ret_fate, struct error *err)
{
	struct str name = json_get_str(resource, S("resourceType"));
	if (!name.n)
		return error_set(err, ERR_VALUE, "This is no FHIR resource: resourceType is missing");
	struct walk k = {.n = n, .options = options, .report = report, .w = json_writer(out)};
	const struct fhir_type *type = definitions_resource(n->definitions, name);
	struct spot at = {.name = name, .index = JSON_NO_INDEX};
	arena_init(&k.scratch, SCRATCH_MAX);
	*ret_fate = NORMAL_DROPPED;
	if (str_is(name, "OperationOutcome")) {
		drop(&k, NORMAL_MESSAGE, resource, &at);
	} else if (resource_is_withdrawn(resource)) {
		drop(&k, NORMAL_WITHDRAWN, resource, &at);
	} else {
		*ret_fate = type ? walk_in_shape(&k, type, resource, &at, out) : NORMAL_KEPT;
		if (!type)
			json_put_value(&k.w, resource);
	}
	bool ok = buf_ok(out) && !k.failed && !(report && report->failed);
	arena_done(&k.scratch);
	return ok || error_memory(err);
}

struct normaliser *normaliser_new(const struct definitions *d, struct error *err)
{
	struct normaliser *n = calloc(1, sizeof(*n));
	if (!n) {
		error_memory(err);
		return NULL;
	}
	n->definitions = d;
	arena_init(&n->arena, 64 << 20);
	n->concept = definitions_type(d, S("CodeableConcept"));
	n->coding = definitions_type(d, S("Coding"));
	n->identifier = definitions_type(d, S("Identifier"));
	n->quantity = definitions_type(d, S("Quantity"));
	n->reference = definitions_type(d, S("Reference"));
	n->attachment = definitions_type(d, S("Attachment"));
	n->extension = definitions_type(d, S("Extension"));
	n->human_name = definitions_type(d, S("HumanName"));
	n->observation = definitions_type(d, S("Observation"));
	n->component = definitions_type(d, S("Observation.component"));
	n->meta = definitions_type(d, S("Meta"));
	if (!normal_tables_load(n, err)) {
		normaliser_free(n);
		return NULL;
	}
	return n;
}

void normaliser_free(struct normaliser *n)
{
	if (!n)
		return;
	struct map *const maps[] = {&n->systems, &n->vendor,	&n->ordered, &n->order,
				    &n->kinds,	 &n->spellings, &n->ucum,    &n->results};
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		map_done(maps[i]);
	arena_done(&n->arena);
	free(n);
}

enum normal_vendor normal_detect(struct str document)
{
	if (str_find(document, S("1.2.840.114350.")) != STR_NONE ||
	    str_find(document, S("open.epic.com/")) != STR_NONE || str_find(document, S("fhir.epic.com/")) != STR_NONE)
		return NORMAL_EPIC;
	return str_find(document, S("cerner.com/")) != STR_NONE ? NORMAL_CERNER : NORMAL_GENERIC;
}
