/*
 * Making a resource of an EHR one of ours. Ids of several EHRs must not meet in one store, so each gets the EHR's name
 * in front, and the references between resources of that EHR follow. Where it came from is written into meta.
 */
#include "base/encode.h"
#include "population/population_priv.h"

enum { RESOURCE_MAX = 64 << 20, DIGEST_KEPT = 20 };

struct str population_local_id(struct arena *a, struct str ehr_name, struct str vendor_id)
{
	struct str plain = arena_printf(a, "%.*s.%.*s", STR_ARG(ehr_name), STR_ARG(vendor_id));
	if (!plain.p || fhir_id_valid(plain))
		return plain;
	unsigned char digest[32];
	digest_sha256(vendor_id, digest);
	struct buf hex;
	buf_init(&hex, 256);
	encode_hex(&hex, str_make((const char *)digest, DIGEST_KEPT));
	struct str id = arena_printf(a, "%.*s.%.*s", STR_ARG(ehr_name), STR_ARG(buf_str(&hex)));
	buf_done(&hex);
	return id;
}

/* ---- references ---------------------------------------------------------------------------------------------------
 */

struct rewriting {
	const struct population_run *run;
	struct arena *a;
	bool failed;
};

/* Versions are dropped: theirs are not ours. */
static struct str rewrite_reference(void *ctx, struct str text)
{
	struct rewriting *r = ctx;
	struct reference ref = reference_parse(r->run->options->definitions, text);
	bool theirs =
		ref.kind == REF_RELATIVE || (ref.kind == REF_ABSOLUTE && str_eq(ref.base, r->run->config->base_url));
	if (!theirs || !ref.type.n || !ref.id.n)
		return STR_NULL;
	struct str id = population_local_id(r->a, r->run->config->name, ref.id);
	struct str local = arena_printf(r->a, "%.*s/%.*s", STR_ARG(ref.type), STR_ARG(id));
	r->failed = r->failed || !local.p;
	return local;
}

bool population_is_foreign(const struct population_run *run, const struct json *theirs, struct str vendor_id)
{
	static const char *const names[] = {"subject", "patient"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct str text = json_get_str(json_get(theirs, str_from(names[i])), S("reference"));
		struct reference ref = reference_parse(run->options->definitions, text);
		if (text.n && str_is(ref.type, "Patient") && !str_eq(ref.id, vendor_id))
			return true;
	}
	return false;
}

/* ---- meta ---------------------------------------------------------------------------------------------------------
 */

static void write_tag(struct json_writer *w, struct str system, struct str code)
{
	json_object_begin(w);
	json_put_member(w, S("system"), system);
	json_put_member(w, S("code"), code);
	json_object_end(w);
}

static void write_meta(struct json_writer *w, const struct population_run *run, const struct ehr_resource *theirs)
{
	const struct json *meta = json_get(theirs->resource, S("meta"));
	struct buf source;
	buf_init(&source, 1 << 14);
	buf_printf(&source, "%.*s/%.*s/%.*s", STR_ARG(run->config->base_url), STR_ARG(theirs->type),
		   STR_ARG(theirs->id));
	json_key(w, S("meta"));
	json_object_begin(w);
	struct json_iter it = json_iter(meta);
	while (json_next(&it)) {
		if (str_is(it.key, "source") || str_is(it.key, "tag") || str_is(it.key, "versionId") ||
		    str_is(it.key, "lastUpdated") || str_is(it.key, "_source"))
			continue;
		json_key(w, it.key);
		json_put_value(w, it.value);
	}
	json_put_member(w, S("source"), buf_str(&source));
	json_key(w, S("tag"));
	json_array_begin(w);
	struct json_iter tags = json_iter(json_get(meta, S("tag")));
	while (json_next(&tags))
		json_put_value(w, tags.value);
	write_tag(w, S(POPULATION_SOURCE_SYSTEM), run->config->name);
	write_tag(w, S(POPULATION_VENDOR_SYSTEM), str_from(ehr_vendor_name(run->config->vendor)));
	json_array_end(w);
	json_object_end(w);
	buf_done(&source);
}

static const struct json *with_meta(const struct population_run *run, struct arena *a,
				    const struct ehr_resource *theirs, struct error *err)
{
	struct buf out;
	buf_init(&out, RESOURCE_MAX);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	write_meta(&w, run, theirs);
	struct json_iter it = json_iter(theirs->resource);
	while (json_next(&it)) {
		if (str_is(it.key, "meta"))
			continue;
		json_key(&w, it.key);
		json_put_value(&w, it.value);
	}
	json_object_end(&w);
	struct str text = buf_ok(&out) ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	if (!text.p) {
		error_memory(err);
		return NULL;
	}
	return json_parse(a, text, 0, err);
}

/* ---- the whole ----------------------------------------------------------------------------------------------------
 */

/* The resource in the one form; NULL with *ret_dropped when it is not part of the record. */
static const struct json *in_one_form(struct population_run *run, struct arena *a, const struct json *theirs,
				      bool *ret_dropped, struct error *err)
{
	static const enum normal_vendor vendors[] = {
		[EHR_GENERIC] = NORMAL_GENERIC, [EHR_EPIC] = NORMAL_EPIC, [EHR_CERNER] = NORMAL_CERNER};
	const struct normal_options options = {.vendor = vendors[run->config->vendor],
					       .base_url = run->config->base_url};
	struct normal_report report = {0};
	enum normal_fate fate;
	struct buf out;
	buf_init(&out, RESOURCE_MAX);
	bool ok = normalise(run->options->normaliser, theirs, &options, &out, &report, &fate, err);
	struct str text = ok ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	if (!text.p) {
		error_memory(err);
		return NULL;
	}
	for (size_t i = 0; i < NORMAL_RULES; i++)
		run->ehr->normalised[i] += report.counts[i];
	*ret_dropped = fate == NORMAL_DROPPED;
	return *ret_dropped ? NULL : json_parse(a, text, 0, err);
}

bool population_adapt(struct population_run *run, struct arena *a, const struct ehr_resource *theirs,
		      struct population_kept *ret_kept, struct error *err)
{
	const struct fhir_type *type = definitions_resource(run->options->definitions, theirs->type);
	if (!type)
		return error_set(err, ERR_UNKNOWN_TYPE, "The EHR sent a resource of a type that R4 does not know");
	bool dropped = false;
	struct ehr_resource normal = *theirs;
	normal.resource = in_one_form(run, a, theirs->resource, &dropped, err);
	if (dropped) {
		*ret_kept = (struct population_kept){.change = {.type = type}, .withdrawn = true};
		return true;
	}
	const struct json *named = normal.resource ? with_meta(run, a, &normal, err) : NULL;
	struct str id = population_local_id(a, run->config->name, theirs->id);
	if (!named || !id.p)
		return error_memory(err);
	struct rewriting rewriting = {.run = run, .a = a};
	const struct resource_rewrite rewrite = {rewrite_reference, &rewriting};
	struct buf out;
	buf_init(&out, RESOURCE_MAX);
	size_t meta_at = 0;
	resource_write_stored(&out, named, id, &rewrite, &meta_at);
	struct str stored = buf_ok(&out) && !rewriting.failed ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	if (!stored.p)
		return error_memory(err);
	const struct json *resource = json_parse(a, stored, 0, err);
	struct index_rows rows = {0};
	if (!resource || !extract(run->options->extractor, a, resource, STR_NULL, &rows, err))
		return false;
	struct issues issues;
	issues_init(&issues, a);
	*ret_kept = (struct population_kept){
		.change = {.op = STORE_UPDATE,
			   .type = type,
			   .id = id,
			   .stored = stored,
			   .meta_at = meta_at,
			   .rows = rows.rows,
			   .row_count = rows.count},
		.resource = resource,
		.findings = !resource_check(run->options->definitions, resource, &issues),
	};
	return true;
}

/* ---- people -------------------------------------------------------------------------------------------------------
 */

/* The name to show: official before usual before any; those that have ended last. */
static const struct json *chosen_name(const struct json *patient)
{
	const struct json *best = NULL;
	int best_rank = -1;
	struct json_iter it = json_iter(json_get(patient, S("name")));
	while (json_next(&it)) {
		struct str use = json_get_str(it.value, S("use"));
		bool ended = json_get(json_get(it.value, S("period")), S("end")) || str_is(use, "old") ||
			     str_is(use, "maiden");
		int rank = (str_is(use, "official") ? 2 : str_is(use, "usual") ? 1 : 0) + (ended ? 0 : 3);
		if (rank > best_rank) {
			best = it.value;
			best_rank = rank;
		}
	}
	return best;
}

struct str population_display_name(struct arena *a, const struct json *patient)
{
	const struct json *name = chosen_name(patient);
	struct str family = str_trim(json_get_str(name, S("family")));
	struct buf text;
	buf_init(&text, 4096);
	buf_add(&text, family);
	bool first = true;
	struct json_iter it = json_iter(json_get(name, S("given")));
	while (json_next(&it)) {
		struct str given = str_trim(json_str(it.value));
		if (!given.n)
			continue;
		buf_add(&text, first ? (family.n ? S(", ") : S("")) : S(" "));
		buf_add(&text, given);
		first = false;
	}
	if (!text.n)
		buf_add(&text, str_trim(json_get_str(name, S("text"))));
	struct str result = arena_str(a, buf_str(&text));
	buf_done(&text);
	return result;
}

void population_describe(struct population_run *run, const struct json *patient, struct population_patient *ret_patient)
{
	ret_patient->name = population_display_name(run->a, patient);
	ret_patient->birth_date = arena_str(run->a, json_get_str(patient, S("birthDate")));
	ret_patient->sex = arena_str(run->a, json_get_str(patient, S("gender")));
	struct str mrn = ehr_patient_mrn(run->config->vendor, patient);
	ret_patient->mrn = mrn.p ? arena_str(run->a, mrn) : STR_NULL;
}
