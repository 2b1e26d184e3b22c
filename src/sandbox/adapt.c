/*
 * Rewrites resources into a vendor's form. Foreign ids become the vendor's, references follow and get a display, the
 * record number moves to where the vendor keeps it, and what the vendor never sends is left out. Two passes over a
 * Bundle: urn:uuid links and displays need the resources they lead to.
 */
#include "sandbox/adapt_priv.h"

const struct json *adapter_target(const struct adapter *ad, struct str reference)
{
	const uint64_t *found = map_get(&ad->resources, reference);
	return found ? (const struct json *)(uintptr_t)*found : NULL;
}

/* ---- names ------------------------------------------------------------------------------------------------------ */

static const struct json *official_name(const struct json *resource)
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
	const struct json *name = official_name(resource);
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

static struct str new_reference(struct adapter *ad, struct str old)
{
	struct str type, id;
	const struct json *target = adapter_target(ad, old);
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
	json_put_member(w, S("reference"), new_reference(ad, old));
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
static void put_coding(struct adapter *ad, struct json_writer *w, const struct json *coding)
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
	if (ad->vendor == EHR_CERNER && !json_get(coding, S("userSelected"))) {
		json_key(w, S("userSelected"));
		json_put_bool(w, false);
	}
	json_object_end(w);
}

/* Cerner puts its own code in front and says that the user chose it: code set 72 holds results. The number stands for
 * a code of this sandbox only. */
static void put_cerner_code(struct json_writer *w, const struct json *concept)
{
	struct str text = json_get_str(concept, S("text"));
	struct str code = json_get_str(json_at(json_get(concept, S("coding")), 0), S("code"));
	if (!text.p)
		text = json_get_str(json_at(json_get(concept, S("coding")), 0), S("display"));
	char number[24];
	struct buf digits = {.p = number, .cap = sizeof(number), .max = sizeof(number)};
	buf_u64(&digits, 100000000 + adapter_number(S("codeSet/72"), code, 900000000));
	json_object_begin(w);
	json_put_member(w, S("system"), S("https://fhir.cerner.com/" CERNER_TENANT "/codeSet/72"));
	json_put_member(w, S("code"), buf_str(&digits));
	json_put_member(w, S("display"), text);
	json_key(w, S("userSelected"));
	json_put_bool(w, true);
	json_object_end(w);
}

/* ---- the walk --------------------------------------------------------------------------------------------------- */

static void put_value(struct adapter *ad, struct json_writer *w, struct str type, const struct json *j);

static void put_object(struct adapter *ad, struct json_writer *w, struct str type, const struct json *j)
{
	json_object_begin(w);
	struct json_iter it = json_iter(j);
	while (json_next(&it)) {
		json_key(w, it.key);
		put_value(ad, w, type, it.value);
	}
	json_object_end(w);
}

static void put_value(struct adapter *ad, struct json_writer *w, struct str type, const struct json *j)
{
	if (json_is(j, JSON_ARRAY)) {
		json_array_begin(w);
		struct json_iter it = json_iter(j);
		while (json_next(&it))
			put_value(ad, w, type, it.value);
		json_array_end(w);
	} else if (!json_is(j, JSON_OBJECT)) {
		json_put_value(w, j);
	} else if (json_is(json_get(j, S("reference")), JSON_STRING)) {
		put_reference(ad, w, type, j);
	} else if (is_coding(j)) {
		put_coding(ad, w, j);
	} else {
		put_object(ad, w, type, j);
	}
}

static void put_observation_code(struct adapter *ad, struct json_writer *w, const struct json *concept)
{
	json_object_begin(w);
	json_key(w, S("coding"));
	json_array_begin(w);
	put_cerner_code(w, concept);
	struct json_iter it = json_iter(json_get(concept, S("coding")));
	while (json_next(&it))
		put_coding(ad, w, it.value);
	json_array_end(w);
	json_put_member(w, S("text"), json_get_str(concept, S("text")));
	json_object_end(w);
}

/* ---- identifiers ------------------------------------------------------------------------------------------------ */

static struct str record_number(const struct json *patient)
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

static void epic_identifier(struct json_writer *w, const char *label, struct str system, struct str value)
{
	if (!value.p)
		return;
	json_object_begin(w);
	json_put_member(w, S("use"), S("usual"));
	json_key(w, S("type"));
	json_object_begin(w);
	json_put_member(w, S("text"), str_from(label));
	json_object_end(w);
	json_put_member(w, S("system"), system);
	json_put_member(w, S("value"), value);
	json_object_end(w);
}

/* The kinds of ids that Epic's sandbox shows, the padded internal one included. */
static void epic_patient_identifiers(struct adapter *ad, struct json_writer *w, const struct json *patient)
{
	struct str id = json_get_str(patient, S("id"));
	unsigned long long number = 1000 + adapter_number(S("E"), id, 9000000);
	epic_identifier(w, "EPIC", S(EPIC_OID "5.737384.0"), arena_printf(ad->arena, "E%llu", number));
	epic_identifier(w, "EXTERNAL", S(EPIC_OID "2.698084"), arena_printf(ad->arena, "Z%llu", number));
	epic_identifier(w, "INTERNAL", S(EPIC_OID "2.698084"), arena_printf(ad->arena, "     Z%llu", number));
	epic_identifier(w, "EPI", S(EPIC_OID "5.737384.14"), record_number(patient));
}

static void cerner_type_coding(struct json_writer *w, struct str system, struct str code, struct str display,
			       bool selected)
{
	json_object_begin(w);
	json_put_member(w, S("system"), system);
	json_put_member(w, S("code"), code);
	json_put_member(w, S("display"), display);
	json_key(w, S("userSelected"));
	json_put_bool(w, selected);
	json_object_end(w);
}

static void cerner_identifier(struct adapter *ad, struct json_writer *w, struct str system, struct str value,
			      struct str set, struct str set_code, struct str label, struct str hl7_code,
			      struct str hl7_display)
{
	if (!value.p)
		return;
	json_object_begin(w);
	json_put_member(
		w, S("id"),
		arena_printf(ad->arena, "CI-%llu-0", (unsigned long long)adapter_number(label, value, 1000000000)));
	json_put_member(w, S("use"), S("usual"));
	json_key(w, S("type"));
	json_object_begin(w);
	json_key(w, S("coding"));
	json_array_begin(w);
	cerner_type_coding(w, set, set_code, label, true);
	cerner_type_coding(w, S("http://terminology.hl7.org/CodeSystem/v2-0203"), hl7_code, hl7_display, false);
	json_array_end(w);
	json_put_member(w, S("text"), label);
	json_object_end(w);
	json_put_member(w, S("system"), system);
	json_put_member(w, S("value"), value);
	json_object_end(w);
}

static void put_patient_identifiers(struct adapter *ad, struct json_writer *w, const struct json *patient)
{
	struct str mrn = record_number(patient);
	if (ad->vendor == EHR_CERNER && !mrn.p)
		return;
	json_key(w, S("identifier"));
	json_array_begin(w);
	if (ad->vendor == EHR_EPIC)
		epic_patient_identifiers(ad, w, patient);
	else
		cerner_identifier(ad, w, S("urn:oid:2.16.840.1.113883.6.1000"), mrn,
				  S("https://fhir.cerner.com/" CERNER_TENANT "/codeSet/4"), S("10"), S("MRN"), S("MR"),
				  S("Medical record number"));
	json_array_end(w);
}

static void put_encounter_identifiers(struct adapter *ad, struct json_writer *w, const struct json *encounter)
{
	unsigned long long n = 100000 + adapter_number(S("visit"), json_get_str(encounter, S("id")), 900000000);
	struct str number = arena_printf(ad->arena, "%llu", n);
	json_key(w, S("identifier"));
	json_array_begin(w);
	if (ad->vendor == EHR_EPIC) {
		json_object_begin(w);
		json_put_member(w, S("use"), S("usual"));
		json_put_member(w, S("system"), S(EPIC_OID "3.698084.8"));
		json_put_member(w, S("value"), number);
		json_object_end(w);
	} else {
		cerner_identifier(ad, w, S("urn:oid:5.5.5.5.5.5."), number,
				  S("https://fhir.cerner.com/" CERNER_TENANT "/codeSet/319"), S("1077"), S("FIN NBR"),
				  S("AN"), S("Account number"));
	}
	json_array_end(w);
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

/* True when the member was written in the vendor's own way, or must not be written at all. */
static bool put_special(struct adapter *ad, struct json_writer *w, struct str type, struct str key,
			const struct json *value)
{
	if (str_is(key, "resourceType") || str_is(key, "id") || str_is(key, "meta") || str_is(key, "text"))
		return true;
	if (str_is(key, "identifier") && (str_is(type, "Patient") || str_is(type, "Encounter")))
		return true;
	if (str_is(key, "code") && str_is(type, "Observation") && ad->vendor == EHR_CERNER) {
		json_key(w, key);
		put_observation_code(ad, w, value);
		return true;
	}
	return false;
}

/* Every Condition of both vendors has a category, and searches ask by it. One that came without goes to the problem
 * list, since that is what a list of problems from elsewhere becomes. */
static void put_missing_category(struct json_writer *w, struct str type, const struct json *resource)
{
	if (!str_is(type, "Condition") || json_size(json_get(resource, S("category"))))
		return;
	json_key(w, S("category"));
	json_put_raw(w, S("[{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/condition-category\","
			  "\"code\":\"problem-list-item\",\"display\":\"Problem List Item\"}],"
			  "\"text\":\"Problem List Item\"}]"));
}

static bool adapt(struct adapter *ad, const struct json *resource, struct buf *out, struct str *ret_id,
		  struct error *err)
{
	struct str type = json_get_str(resource, S("resourceType")), old = json_get_str(resource, S("id"));
	if (!type.n || !old.n)
		return error_set(err, ERR_STRUCTURE, "A resource without type or id cannot be loaded into a sandbox.");
	struct str id = adapter_id(ad->vendor, ad->arena, type, old, resource);
	if (!id.p)
		return error_memory(err);
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	json_put_member(&w, S("resourceType"), type);
	json_put_member(&w, S("id"), id);
	if (ad->vendor == EHR_CERNER) {
		json_key(&w, S("text"));
		adapter_narrative(&w, ad->arena, resource, patient_name_of(ad, resource));
	}
	if (str_is(type, "Patient"))
		put_patient_identifiers(ad, &w, resource);
	if (str_is(type, "Encounter"))
		put_encounter_identifiers(ad, &w, resource);
	put_missing_category(&w, type, resource);
	struct json_iter it = json_iter(resource);
	while (json_next(&it)) {
		if (put_special(ad, &w, type, it.key, it.value))
			continue;
		json_key(&w, it.key);
		put_value(ad, &w, type, it.value);
	}
	json_object_end(&w);
	*ret_id = id;
	return buf_ok(out) ? true : error_memory(err);
}

bool sandbox_adapt(enum ehr_vendor vendor, struct arena *a, const struct json *resource, struct buf *out,
		   struct error *err)
{
	struct adapter ad = {.vendor = vendor, .arena = a};
	struct str id;
	return adapt(&ad, resource, out, &id, err);
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

bool sandbox_adapt_bundle(enum ehr_vendor vendor, struct arena *a, const struct json *bundle, sandbox_emit emit,
			  void *ctx, struct error *err)
{
	struct adapter ad = {.vendor = vendor, .arena = a};
	map_init(&ad.resources, 1 << 20);
	bool ok = remember(&ad, bundle) ? adapt_entries(&ad, bundle, emit, ctx, err) : error_memory(err);
	map_done(&ad.resources);
	return ok;
}
