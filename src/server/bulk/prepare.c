/*
 * From text to transactions. A transaction bundle becomes one transaction, kept whole or not at all; every other
 * resource (lines of NDJSON, single resources, entries of other bundles) stands for itself and shares a transaction
 * only to save commits.
 *
 * Ids are stable: a bundle's entry with fullUrl urn:uuid:X becomes Type/X, so importing the same file again updates the
 * same resources, and links between bundles that name X agree.
 */
#include "server/bulk/bulk_priv.h"

#include <stdio.h>

#include "base/map.h"
#include "base/random.h"
#include "server/rest/rest.h"

void bulk_reject(struct bulk_job *job, struct str file, size_t line, size_t column, const char *format, ...)
{
	struct bulk_reject *reject = ARENA_NEW(&job->arena, struct bulk_reject);
	va_list args;
	va_start(args, format);
	struct str text = arena_vprintf(&job->arena, format, args);
	va_end(args);
	if (!reject || !text.p)
		return; /* the count still tells; the caller has raised it */
	*reject = (struct bulk_reject){.file = file, .line = line, .column = column, .text = text};
	*job->rejects_end = reject;
	job->rejects_end = &reject->next;
}

static struct bulk_txn *txn_new(struct bulk_job *job, struct str file, size_t line)
{
	struct bulk_txn *t = ARENA_NEW(&job->arena, struct bulk_txn);
	if (t)
		*t = (struct bulk_txn){.file = file, .line = line, .job = job};
	return t;
}

static void txn_keep(struct bulk_job *job, struct bulk_txn *t)
{
	if (!t->count)
		return;
	t->next = job->txns;
	job->txns = t;
}

static struct store_change *txn_change(struct bulk_job *job, struct bulk_txn *t)
{
	struct store_change *changes =
		arena_grow(&job->arena, t->changes, t->count, &t->capacity, t->count + 1, sizeof(*changes));
	if (!changes)
		return NULL;
	t->changes = changes;
	return &changes[t->count];
}

/* "Observation.status: ..." once, whether or not the text starts with the place already. */
static const char *place_of(const struct error *err)
{
	return err->path[0] && !str_starts(str_from(err->text), str_from(err->path)) ? err->path : "";
}

/* By the rule of its type; the first finding is told as what is wrong. */
static bool admit(struct bulk_job *job, const struct json *resource, struct error *err)
{
	const struct bulk *im = job->bulk;
	struct issues findings;
	if (!im->o.knowledge)
		return true;
	const struct fhir_type *type = resource_type(im->o.definitions, resource, err);
	issues_init(&findings, &job->arena);
	return type && knowledge_admit(im->o.knowledge, &job->arena, type, resource, &findings, err);
}

/* One resource as a change of the transaction: created when its id is new, updated otherwise. */
static bool add_update(struct bulk_job *job, struct bulk_txn *t, const struct json *resource, struct str id,
		       const struct resource_rewrite *rewrite, struct error *err)
{
	const struct bulk *im = job->bulk;
	struct rest_prepared prepared;
	struct store_change *change = txn_change(job, t);
	if (!change)
		return error_memory(err);
	if (!admit(job, resource, err))
		return false;
	if (!rest_prepare(im->o.definitions, job->set->extractor, &job->arena, resource, id, rewrite, im->o.base,
			  &prepared, err))
		return false;
	*change = prepared.change;
	change->op = STORE_UPDATE;
	change->same = true; /* importing a file again is no new version */
	t->count++;
	return true;
}

static struct str new_id(struct bulk_job *job)
{
	char uuid[UUID_SIZE];
	random_uuid_ordered(uuid);
	return arena_str(&job->arena, str_make(uuid, UUID_SIZE));
}

/* The resource's own id, or a new one when it has none. False for an id that is none. */
static bool own_id(struct bulk_job *job, const struct json *resource, struct str *ret_id, struct error *err)
{
	const struct json *id = json_get(resource, S("id"));
	*ret_id = json_str(id);
	if (id && !fhir_id_valid(*ret_id))
		return error_set(err, ERR_VALUE, "the id is no FHIR id (1 to 64 of A-Z, a-z, 0-9, - and .)");
	if (!id)
		*ret_id = new_id(job);
	return ret_id->p || error_memory(err);
}

/* ---- bundles ----------------------------------------------------------------------------------------------------- */

struct entry {
	const struct json *resource;
	struct str method; /* STR_NULL: none given */
	struct str url; /* request.url */
	struct str full_url;
	const struct fhir_type *type;
	struct str id;
	bool skip;
};

struct bundle {
	struct bulk_job *job;
	struct str file;
	size_t line;
	struct entry *entries;
	size_t count;
	struct map targets; /* urn: fullUrl -> entry position */
	bool transaction;
};

static struct str urn_uuid(struct str full_url)
{
	return str_starts(full_url, S("urn:uuid:")) ? str_slice(full_url, 9, full_url.n) : STR_NULL;
}

/* Links to entries of this bundle by urn become literal ones. */
static struct str resolve(void *ctx, struct str text)
{
	struct bundle *b = ctx;
	if (!str_starts(text, S("urn:")))
		return STR_NULL;
	const uint64_t *position = map_get(&b->targets, text);
	if (!position) {
		if (str_starts(text, S("urn:uuid:")))
			b->job->unresolved++;
		return STR_NULL;
	}
	const struct entry *e = &b->entries[*position];
	if (!e->type)
		return STR_NULL;
	return arena_printf(&b->job->arena, "%.*s/%.*s", STR_ARG(e->type->name), STR_ARG(e->id));
}

/* The id of an entry that is written under the URL "Type/id". */
static bool id_of_url(const struct bundle *b, struct entry *e, struct error *err)
{
	struct reference ref = reference_parse(b->job->bulk->o.definitions, e->url);
	if (str_find_char(e->url, '?', 0) != STR_NONE)
		return error_set(err, ERR_NOT_SUPPORTED, "conditional requests cannot be imported");
	if (ref.kind != REF_RELATIVE || !ref.id.p || !fhir_id_valid(ref.id))
		return error_set(err, ERR_VALUE, "request.url is not of the form Type/id");
	if (e->type && !str_eq(ref.type, e->type->name))
		return error_set(err, ERR_VALUE, "request.url names another type than the resource");
	e->type = definitions_resource(b->job->bulk->o.definitions, ref.type);
	e->id = ref.id;
	return e->type || error_set(err, ERR_UNKNOWN_TYPE, "request.url names no R4 type");
}

/* An entry without a URL of its own: by fullUrl when that is a UUID, otherwise by its own id, otherwise a new one. */
static bool id_of_content(const struct bundle *b, struct entry *e, struct error *err)
{
	struct str uuid = urn_uuid(e->full_url);
	bool posted = str_is(e->method, "POST");
	if (uuid.p && (posted || !json_get(e->resource, S("id")))) {
		if (!fhir_id_valid(uuid))
			return error_set(err, ERR_VALUE, "fullUrl holds no usable UUID");
		e->id = uuid;
		return true;
	}
	return own_id(b->job, e->resource, &e->id, err);
}

static bool read_entry(struct bundle *b, const struct json *value, struct entry *e, struct error *err)
{
	const struct json *request = json_get(value, S("request"));
	*e = (struct entry){.resource = json_get(value, S("resource")),
			    .method = json_get_str(request, S("method")),
			    .url = json_get_str(request, S("url")),
			    .full_url = json_get_str(value, S("fullUrl"))};
	struct str mode = json_get_str(json_get(value, S("search")), S("mode"));
	if (str_is(mode, "outcome") || str_is(e->method, "GET") || str_is(e->method, "HEAD")) {
		if (b->transaction)
			return error_set(err, ERR_NOT_SUPPORTED, "a transaction that reads cannot be imported");
		e->skip = true;
		b->job->skipped++;
		return true;
	}
	if (str_is(e->method, "DELETE"))
		return id_of_url(b, e, err);
	if (e->method.p && !str_is(e->method, "POST") && !str_is(e->method, "PUT"))
		return error_set(err, ERR_NOT_SUPPORTED, "request.method %.*s cannot be imported",
				 STR_ARG(str_slice(e->method, 0, 20)));
	if (!e->resource)
		return error_set(err, ERR_REQUIRED, "the entry has no resource");
	e->type = resource_type(b->job->bulk->o.definitions, e->resource, err);
	if (!e->type)
		return false;
	return str_is(e->method, "PUT") ? id_of_url(b, e, err) : id_of_content(b, e, err);
}

static void reject_entry(struct bundle *b, size_t position, const struct error *err)
{
	const struct entry *e = &b->entries[position];
	const char *place = place_of(err);
	bulk_reject(b->job, b->file, b->line, 0, "entry %zu (%.*s): %s%s%s", position,
		    STR_ARG(e->type ? e->type->name : S("no resource")), place, place[0] ? ": " : "", err->text);
}

static bool write_entry(struct bundle *b, struct bulk_txn *t, const struct entry *e, struct error *err)
{
	const struct resource_rewrite rewrite = {.reference = resolve, .ctx = b};
	if (!str_is(e->method, "DELETE"))
		return add_update(b->job, t, e->resource, e->id, &rewrite, err);
	struct store_change *change = txn_change(b->job, t);
	if (!change)
		return error_memory(err);
	*change = (struct store_change){.op = STORE_DELETE, .type = e->type, .id = e->id};
	t->count++;
	return true;
}

/* Reads method, type and id of every entry, and learns the urn: names. Returns how many are bad; each was reported. */
static size_t read_entries(struct bundle *b, const struct json *entries)
{
	size_t bad = 0, position = 0;
	struct json_iter it = json_iter(entries);
	for (; json_next(&it) && position < b->count; position++) {
		struct error err = {0};
		struct entry *e = &b->entries[position];
		if (!read_entry(b, it.value, e, &err)) {
			reject_entry(b, position, &err);
			e->skip = true;
			bad++;
			continue;
		}
		if (!e->skip && str_starts(e->full_url, S("urn:"))) {
			uint64_t *slot = map_put(&b->targets, e->full_url, NULL);
			if (slot)
				*slot = position;
		}
	}
	return bad;
}

static size_t write_entries(struct bundle *b, struct bulk_txn *t)
{
	size_t bad = 0;
	for (size_t i = 0; i < b->count; i++) {
		struct error err = {0};
		if (b->entries[i].skip || write_entry(b, t, &b->entries[i], &err))
			continue;
		reject_entry(b, i, &err);
		bad++;
	}
	return bad;
}

static void prepare_bundle(struct bulk_job *job, const struct json *bundle, const struct bulk_part *part, size_t line,
			   struct bulk_txn *loose)
{
	const struct json *entries = json_get(bundle, S("entry"));
	struct str type = json_get_str(bundle, S("type"));
	struct bundle b = {.job = job, .file = part->file, .line = line, .count = json_size(entries)};
	b.transaction = str_is(type, "transaction");
	b.entries = ARENA_ARRAY(&job->arena, struct entry, b.count + 1);
	struct bulk_txn *t = b.transaction ? txn_new(job, part->file, 0) : loose;
	if (!b.entries || !t) {
		job->rejected += b.count;
		bulk_reject(job, part->file, line, 0, "not enough memory for a bundle of %zu entries", b.count);
		return;
	}
	job->bundles++;
	map_init(&b.targets, b.count + 1);
	size_t bad = read_entries(&b, entries);
	bad += write_entries(&b, t);
	map_done(&b.targets);
	if (b.transaction && bad) {
		bulk_reject(job, part->file, line, 0,
			    "the transaction of %zu entries was not stored: %zu of them %s bad", b.count, bad,
			    bad == 1 ? "is" : "are");
		bad = b.count;
	} else if (b.transaction) {
		txn_keep(job, t);
	}
	job->rejected += bad;
}

/* ---- documents ----------------------------------------------------------------------------------------------------
 */

static void prepare_resource(struct bulk_job *job, const struct json *resource, const struct bulk_part *part,
			     size_t line, struct bulk_txn *loose)
{
	struct error err = {0};
	struct str id;
	if (own_id(job, resource, &id, &err) && add_update(job, loose, resource, id, NULL, &err))
		return;
	const char *place = place_of(&err);
	job->rejected++;
	bulk_reject(job, part->file, line, 0, "%s%s%s", place, place[0] ? ": " : "", err.text);
}

/* One JSON document that starts in this line of its file. */
static void prepare_document(struct bulk_job *job, struct str text, const struct bulk_part *part, size_t line,
			     struct bulk_txn *loose)
{
	struct error err = {0};
	const struct json *document = json_parse(&job->arena, text, 0, &err);
	if (!document) {
		job->rejected++;
		size_t at = err.line ? err.line - 1 + line : line;
		bulk_reject(job, part->file, at, err.column, "%s", err.text);
	} else if (str_is(json_get_str(document, S("resourceType")), "Bundle") && json_get(document, S("entry"))) {
		prepare_bundle(job, document, part, part->lines ? line : 0, loose);
	} else {
		prepare_resource(job, document, part, part->lines ? line : 0, loose);
	}
}

static void prepare_lines(struct bulk_job *job, struct str text, const struct bulk_part *part, struct bulk_txn *loose)
{
	size_t line = part->line;
	while (text.p) {
		struct str one = str_trim(str_split(&text, '\n'));
		if (one.n)
			prepare_document(job, one, part, line, loose);
		line++;
	}
}

static void describe(struct bulk_txn *t)
{
	const struct bulk_options *o = &t->job->bulk->o;
	t->event = (struct audit_event){
		.action = 'E',
		.interaction = S("import"),
		.http_status = 0,
		.agent = o->agent,
		.address = o->address,
		.request_id = o->request_id,
		.detail = arena_printf(&t->job->arena, "%zu resources from %.*s", t->count, STR_ARG(t->file))};
	t->txn = (struct store_txn){.changes = t->changes,
				    .change_count = t->count,
				    .events = &t->event,
				    .event_count = 1,
				    .revision = t->job->set->revision};
}

bool bulk_prepare_again(struct bulk_txn *t, struct error *err)
{
	const struct bulk *im = t->job->bulk;
	for (size_t i = 0; i < t->count; i++) {
		struct index_rows rows = {0};
		const struct json *resource = json_parse(&t->job->arena, t->changes[i].stored, 0, err);
		if (!resource || !extract(t->job->set->extractor, &t->job->arena, resource, im->o.base, &rows, err))
			return false;
		t->changes[i].rows = rows.rows;
		t->changes[i].row_count = rows.count;
	}
	describe(t);
	return true;
}

void bulk_prepare(struct bulk_job *job)
{
	struct bulk_txn *loose = txn_new(job, STR_NULL, 0);
	for (size_t i = 0; loose && i < job->part_count; i++) {
		const struct bulk_part *part = &job->parts[i];
		struct str text = str_slice(buf_str(&job->text), part->offset, part->offset + part->length);
		if (!loose->count) {
			loose->file = part->file;
			loose->line = part->line;
		}
		if (part->lines)
			prepare_lines(job, text, part, loose);
		else
			prepare_document(job, text, part, part->line, loose);
	}
	if (loose)
		txn_keep(job, loose);
	else
		job->rejected += job->part_count;
	for (struct bulk_txn *t = job->txns; t; t = t->next)
		describe(t);
}
