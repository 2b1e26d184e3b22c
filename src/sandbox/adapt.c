/*
 * Rewrites resources into a vendor's form. Foreign ids become the vendor's, references follow and get a display, the
 * record number moves to where the vendor keeps it, and what the vendor never sends is left out. Two passes over a
 * Bundle: urn:uuid links and displays need the resources they lead to.
 */
#include "sandbox/reshape_priv.h"

#include "base/encode.h"

const struct json *adapter_target(const struct adapter *ad, struct str reference)
{
	const uint64_t *found = reference.p ? map_get(&ad->resources, reference) : NULL;
	if (found)
		return (const struct json *)(uintptr_t)*found;
	return ad->find && reference.p ? ad->find(ad->find_ctx, reference) : NULL;
}

/* ---- names ------------------------------------------------------------------------------------------------------ */

const struct json *adapter_official_name(const struct json *resource)
{
	const struct json *names = json_get(resource, S("name"));
	struct json_iter it = json_iter(names);
	while (json_next(&it)) {
		if (str_is(json_get_str(it.value, S("use")), "official"))
			return it.value;
	}
	return json_at(names, 0);
}

struct str adapter_person(struct arena *a, const struct json *resource)
{
	struct str direct = json_get_str(resource, S("name")); /* organizations */
	const struct json *name = adapter_official_name(resource);
	struct str text = json_get_str(name, S("family"));
	if (direct.p || !text.p)
		return direct;
	const char *between = ", ";
	struct json_iter it = json_iter(json_get(name, S("given")));
	while (json_next(&it)) {
		text = arena_printf(a, "%.*s%s%.*s", STR_ARG(text), between, STR_ARG(json_str(it.value)));
		between = " ";
	}
	return text;
}

/* ---- references ------------------------------------------------------------------------------------------------- */

/* "Patient/abc" taken apart; false for anything else, such as urn:, #contained or a search. */
static bool relative(struct str reference, struct str *ret_type, struct str *ret_id)
{
	size_t slash = str_find_char(reference, '/', 0);
	if (slash == STR_NONE || slash == 0 || str_find_char(reference, '/', slash + 1) != STR_NONE ||
	    str_find_char(reference, ':', 0) != STR_NONE || str_find_char(reference, '?', 0) != STR_NONE ||
	    reference.p[0] < 'A' || reference.p[0] > 'Z')
		return false;
	*ret_type = str_slice(reference, 0, slash);
	*ret_id = str_slice(reference, slash + 1, reference.n);
	return true;
}

struct str adapter_reference(struct adapter *ad, struct str old)
{
	struct str type, id;
	const struct json *target = ad->native ? NULL : adapter_target(ad, old);
	if (ad->native)
		return old;
	if (target) {
		type = json_get_str(target, S("resourceType"));
		id = json_get_str(target, S("id"));
	} else if (!relative(old, &type, &id)) {
		return old;
	}
	struct str fresh = adapter_id(ad->vendor, ad->arena, type, id, target);
	return arena_printf(ad->arena, "%.*s/%.*s", STR_ARG(type), STR_ARG(fresh));
}

static bool gets_display(const struct adapter *ad, struct str type)
{
	/* At Cerner the subject of an Observation usually has none. */
	return ad->vendor == EHR_EPIC || !str_is(type, "Observation");
}

static void put_reference(struct adapter *ad, struct json_writer *w, struct str type, const struct json *reference)
{
	struct str old = json_get_str(reference, S("reference"));
	struct str display = json_get_str(reference, S("display"));
	if (!display.p && gets_display(ad, type))
		display = adapter_person(ad->arena, adapter_target(ad, old));
	json_object_begin(w);
	json_put_member(w, S("reference"), adapter_reference(ad, old));
	struct json_iter it = json_iter(reference);
	while (json_next(&it)) {
		if (str_is(it.key, "reference") || str_is(it.key, "display"))
			continue;
		json_key(w, it.key);
		json_put_value(w, it.value);
	}
	json_put_member(w, S("display"), display);
	json_object_end(w);
}

/* ---- codings ---------------------------------------------------------------------------------------------------- */

static bool is_coding(const struct json *j)
{
	return json_is(json_get(j, S("system")), JSON_STRING) && json_is(json_get(j, S("code")), JSON_STRING) &&
	       !json_get(j, S("value")) && !json_get(j, S("unit"));
}

/* Epic names the version of HL7's status codes, Cerner says of nearly every coding whether a person chose it. */
static void put_coding(struct adapter *ad, struct json_writer *w, struct str type, const struct json *coding)
{
	struct str system = json_get_str(coding, S("system"));
	bool status = str_ends(system, S("-clinical")) || str_ends(system, S("-ver-status")) ||
		      str_ends(system, S("-verification"));
	json_object_begin(w);
	struct json_iter it = json_iter(coding);
	while (json_next(&it)) {
		json_key(w, it.key);
		json_put_value(w, it.value);
		if (ad->vendor == EHR_EPIC && status && str_is(it.key, "system") && !json_get(coding, S("version")))
			json_put_member(w, S("version"), S("4.0.0"));
	}
	if (ad->vendor == EHR_CERNER && !json_get(coding, S("userSelected")) && !str_is(type, "AllergyIntolerance")) {
		json_key(w, S("userSelected"));
		json_put_bool(w, false);
	}
	json_object_end(w);
}

/* ---- the walk --------------------------------------------------------------------------------------------------- */

static void put_object(struct adapter *ad, struct json_writer *w, struct str type, const struct json *j)
{
	json_object_begin(w);
	struct json_iter it = json_iter(j);
	while (json_next(&it)) {
		json_key(w, it.key);
		adapter_put_value(ad, w, type, it.value);
	}
	json_object_end(w);
}

void adapter_put_value(struct adapter *ad, struct json_writer *w, struct str type, const struct json *j)
{
	if (json_is(j, JSON_ARRAY)) {
		json_array_begin(w);
		struct json_iter it = json_iter(j);
		while (json_next(&it))
			adapter_put_value(ad, w, type, it.value);
		json_array_end(w);
	} else if (!json_is(j, JSON_OBJECT)) {
		json_put_value(w, j);
	} else if (json_is(json_get(j, S("reference")), JSON_STRING)) {
		put_reference(ad, w, type, j);
	} else if (is_coding(j)) {
		put_coding(ad, w, type, j);
	} else {
		put_object(ad, w, type, j);
	}
}

/* ---- identifiers ------------------------------------------------------------------------------------------------ */

struct str adapter_record_number(const struct json *patient)
{
	struct json_iter it = json_iter(json_get(patient, S("identifier")));
	while (json_next(&it)) {
		struct json_iter codings = json_iter(json_get(json_get(it.value, S("type")), S("coding")));
		while (json_next(&codings)) {
			if (str_is(json_get_str(codings.value, S("code")), "MR"))
				return json_get_str(it.value, S("value"));
		}
	}
	return STR_NULL;
}

struct str adapter_visit_number(struct adapter *ad, struct str id)
{
	struct str type, bare = id;
	if (str_find_char(id, '/', 0) != STR_NONE && !relative(id, &type, &bare))
		bare = id;
	return arena_printf(ad->arena, "%llu",
			    (unsigned long long)(100000 + adapter_number(S("visit"), bare, 900000000)));
}

/* ---- what others lead to ----------------------------------------------------------------------------------------- */

#define EXTRAS_MAX 100000

void adapter_extra(struct adapter *ad, struct str type, struct str id, struct str text)
{
	bool fresh = false;
	struct str key = arena_printf(ad->arena, "%.*s/%.*s", STR_ARG(type), STR_ARG(id));
	uint64_t *slot = key.p && ad->extra_count < EXTRAS_MAX ? map_put(&ad->made, key, &fresh) : NULL;
	if (!slot || !fresh)
		return;
	struct adapter_extra *grown = arena_grow(ad->arena, ad->extras, ad->extra_count, &ad->extra_capacity,
						 ad->extra_count + 1, sizeof(*grown));
	if (!grown)
		return;
	ad->extras = grown;
	grown[ad->extra_count++] = (struct adapter_extra){type, id, text};
}

const struct json *adapter_contained(const struct json *resource, struct str reference)
{
	struct json_iter it = json_iter(json_get(resource, S("contained")));
	while (reference.n > 1 && reference.p[0] == '#' && json_next(&it)) {
		if (str_eq(json_get_str(it.value, S("id")), str_slice(reference, 1, reference.n)))
			return it.value;
	}
	return NULL;
}

struct str adapter_medication_name(struct adapter *ad, const struct json *order)
{
	const struct json *link = json_get(order, S("medicationReference"));
	const struct json *concept = json_get(order, S("medicationCodeableConcept"));
	struct str reference = json_get_str(link, S("reference"));
	const struct json *inside = adapter_contained(order, reference);
	if (!concept)
	concept = json_get(inside ? inside : adapter_target(ad, reference), S("code"));
	struct str name = json_get_str(concept, S("text"));
	if (!name.p)
		name = json_get_str(json_at(json_get(concept, S("coding")), 0), S("display"));
	return name.p ? name : json_get_str(link, S("display"));
}

struct str adapter_upper(struct arena *a, struct str text)
{
	struct str copy = arena_str(a, text);
	for (size_t i = 0; copy.p && i < copy.n; i++) {
		char *c = (char *)(uintptr_t)copy.p + i;
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
	}
	return copy;
}

/* RTF knows seven bits: what is above is written as a number, and the signs of its own are escaped. */
static void put_rtf(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c == '\n')
			buf_add(out, S("\\par\n"));
		else if (c == '{' || c == '}' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c >= 0x80)
			buf_printf(out, "\\'%02x", c);
		else if (c != '\r')
			buf_char(out, (char)c);
	}
}

static struct str base64_of(struct arena *a, const struct buf *bytes)
{
	struct buf out;
	buf_init(&out, (size_t)64 << 20);
	encode_base64(&out, buf_str(bytes));
	struct str text = buf_ok(bytes) && buf_ok(&out) ? arena_str(a, buf_str(&out)) : S("");
	buf_done(&out);
	return text;
}

void adapter_note_forms(struct arena *a, struct str data, struct str *ret_html, struct str *ret_rtf)
{
	struct buf plain, form;
	buf_init(&plain, (size_t)16 << 20);
	buf_init(&form, (size_t)32 << 20);
	if (!decode_base64(&plain, data))
		buf_reset(&plain);
	buf_add(&form, S("<html><body><pre>"));
	encode_html(&form, buf_str(&plain));
	buf_add(&form, S("</pre></body></html>"));
	*ret_html = base64_of(a, &form);
	buf_reset(&form);
	buf_add(&form, S("{\\rtf1\\ansi "));
	put_rtf(&form, buf_str(&plain));
	buf_add(&form, S("}"));
	*ret_rtf = base64_of(a, &form);
	buf_done(&plain);
	buf_done(&form);
}

/* The name of a tag, "/p" for the end of one; at is behind its '<'. */
static struct str tag_name(struct str page, size_t at)
{
	size_t end = at;
	while (end < page.n && page.p[end] != '>' && page.p[end] != ' ' && page.p[end] != '\n' &&
	       !(page.p[end] == '/' && end > at))
		end++;
	return str_slice(page, at, end);
}

/* Where what follows the end tag begins; the end of the page when there is none. */
static size_t behind_element(struct arena *a, struct str page, size_t at, struct str name)
{
	size_t end = str_find(str_slice(page, at, page.n), arena_printf(a, "</%.*s", STR_ARG(name)));
	size_t close = end == STR_NONE ? STR_NONE : str_find_char(page, '>', at + end);
	return close == STR_NONE ? page.n : close + 1;
}

struct str adapter_page_rtf(struct arena *a, struct str data)
{
	struct buf page, words, form;
	buf_init(&page, (size_t)16 << 20);
	buf_init(&words, (size_t)16 << 20);
	buf_init(&form, (size_t)32 << 20);
	if (!decode_base64(&page, data))
		buf_reset(&page);
	struct str text = buf_str(&page);
	for (size_t i = 0; i < text.n;) {
		if (text.p[i] != '<') {
			buf_char(&words, text.p[i++]);
			continue;
		}
		struct str name = tag_name(text, i + 1);
		size_t close = str_find_char(text, '>', i);
		bool empty = close != STR_NONE && close > i && text.p[close - 1] == '/';
		if (str_has_word(S("script style iframe applet head"), name) && !empty) {
			i = behind_element(a, text, i, name);
			continue;
		}
		if (str_has_word(S("/p br /div /tr /li /h1 /h2 /h3"), name))
			buf_char(&words, '\n');
		i = close == STR_NONE ? text.n : close + 1;
	}
	buf_add(&form, S("{\\rtf1\\ansi "));
	put_rtf(&form, buf_str(&words));
	buf_add(&form, S("}"));
	struct str rtf = base64_of(a, &form);
	buf_done(&page);
	buf_done(&words);
	buf_done(&form);
	return rtf;
}

/* ---- one resource ----------------------------------------------------------------------------------------------- */

static struct str patient_name_of(struct adapter *ad, const struct json *resource)
{
	static const char *const keys[] = {"subject", "patient", "beneficiary"};
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const struct json *link = json_get(resource, str_from(keys[i]));
		struct str display = json_get_str(link, S("display"));
		if (!link)
			continue;
		return display.p ? display
				 : adapter_person(ad->arena, adapter_target(ad, json_get_str(link, S("reference"))));
	}
	return adapter_person(ad->arena, resource);
}

/* What an app wrote is marked as such. */
static void adapter_reported(struct json_writer *w)
{
	json_key(w, S("meta"));
	json_put_raw(w, S("{\"security\":[{\"system\":\"" HL7 "v3-ObservationValue\",\"code\":\"PATRPT\",\"display\":"
			  "\"patient reported\"},{\"system\":\"" HL7 "v3-ObservationValue\",\"code\":\"UNCERTREL\","
			  "\"display\":\"uncertain reliability\"}]}"));
}

/* Types without a list of members are copied, but for what every resource has in the vendor's own way. */
static void put_all(struct adapter *ad, struct json_writer *w, struct str type, const struct json *resource)
{
	struct json_iter it = json_iter(resource);
	while (json_next(&it)) {
		if (str_is(it.key, "resourceType") || str_is(it.key, "id") || str_is(it.key, "meta") ||
		    str_is(it.key, "text"))
			continue;
		json_key(w, it.key);
		adapter_put_value(ad, w, type, it.value);
	}
}

bool adapter_write(struct adapter *ad, const struct json *resource, struct str id, bool fresh, struct buf *out,
		   struct error *err)
{
	struct str type = json_get_str(resource, S("resourceType"));
	struct json_writer w = json_writer(out);
	ad->fresh = fresh;
	json_object_begin(&w);
	json_put_member(&w, S("resourceType"), type);
	json_put_member(&w, S("id"), id);
	if (ad->native && str_is(type, "Patient") && ad->vendor == EHR_EPIC)
		adapter_reported(&w);
	if (ad->vendor == EHR_CERNER) {
		json_key(&w, S("text"));
		adapter_narrative(&w, ad->arena, resource, patient_name_of(ad, resource));
	}
	const struct reshape_member *members = ad->vendor == EHR_EPIC	  ? reshape_epic(type)
					       : ad->vendor == EHR_CERNER ? reshape_cerner(type)
									  : NULL;
	if (ad->native && ad->vendor == EHR_EPIC && reshape_epic_written(type))
		members = reshape_epic_written(type);
	if (members)
		reshape_write(&(struct reshape){ad, &w, type, id, resource}, members);
	else
		put_all(ad, &w, type, resource);
	json_object_end(&w);
	return buf_ok(out) ? true : error_memory(err);
}

static bool adapt(struct adapter *ad, const struct json *resource, struct buf *out, struct str *ret_id,
		  struct error *err)
{
	struct str type = json_get_str(resource, S("resourceType")), old = json_get_str(resource, S("id"));
	if (!type.n || !old.n)
		return error_set(err, ERR_STRUCTURE, "A resource without type or id cannot be loaded into a sandbox.");
	*ret_id = adapter_id(ad->vendor, ad->arena, type, old, resource);
	return ret_id->p ? adapter_write(ad, resource, *ret_id, false, out, err) : error_memory(err);
}

bool sandbox_adapt(enum ehr_vendor vendor, struct arena *a, const struct json *resource, struct buf *out,
		   struct error *err)
{
	struct adapter ad = {.vendor = vendor, .arena = a};
	struct str id;
	map_init(&ad.resources, 1);
	map_init(&ad.made, 1 << 20);
	bool ok = adapt(&ad, resource, out, &id, err);
	map_done(&ad.made);
	map_done(&ad.resources);
	return ok;
}

/* ---- a whole Bundle --------------------------------------------------------------------------------------------- */

static bool remember(struct adapter *ad, const struct json *bundle)
{
	struct json_iter it = json_iter(json_get(bundle, S("entry")));
	while (json_next(&it)) {
		const struct json *r = json_get(it.value, S("resource"));
		struct str url = json_get_str(it.value, S("fullUrl"));
		struct str key = arena_printf(ad->arena, "%.*s/%.*s", STR_ARG(json_get_str(r, S("resourceType"))),
					      STR_ARG(json_get_str(r, S("id"))));
		uint64_t *slot = key.p ? map_put(&ad->resources, key, NULL) : NULL;
		if (!slot)
			return false;
		*slot = (uintptr_t)r;
		if (!url.n)
			continue;
		slot = map_put(&ad->resources, url, NULL);
		if (!slot)
			return false;
		*slot = (uintptr_t)r;
	}
	return true;
}

static bool adapt_entries(struct adapter *ad, const struct json *bundle, sandbox_emit emit, void *ctx,
			  struct error *err)
{
	struct buf out;
	bool ok = true;
	buf_init(&out, (size_t)64 << 20);
	struct json_iter it = json_iter(json_get(bundle, S("entry")));
	while (ok && json_next(&it)) {
		const struct json *r = json_get(it.value, S("resource"));
		struct str id;
		buf_reset(&out);
		ok = adapt(ad, r, &out, &id, err) &&
		     emit(ctx, json_get_str(r, S("resourceType")), id, buf_str(&out), err);
	}
	buf_done(&out);
	return ok;
}

static bool emit_extras(struct adapter *ad, sandbox_emit emit, void *ctx, struct error *err)
{
	for (size_t i = 0; i < ad->extra_count; i++) {
		if (!emit(ctx, ad->extras[i].type, ad->extras[i].id, ad->extras[i].text, err))
			return false;
	}
	return true;
}

bool sandbox_adapt_bundle(enum ehr_vendor vendor, struct arena *a, const struct json *bundle, sandbox_emit emit,
			  void *ctx, struct error *err)
{
	struct adapter ad = {.vendor = vendor, .arena = a};
	map_init(&ad.resources, 1 << 20);
	map_init(&ad.made, 1 << 20);
	bool ok = remember(&ad, bundle) ? adapt_entries(&ad, bundle, emit, ctx, err) && emit_extras(&ad, emit, ctx, err)
					: error_memory(err);
	map_done(&ad.made);
	map_done(&ad.resources);
	return ok;
}
