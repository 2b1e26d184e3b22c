/* Patients as the pages show them, and who of them a person is or is close to. */
#include "server/login/login_priv.h"

#include "fhir/resource.h"

/* ---- who a person is  ------------------------------------------------------------------------------------------- */

/* Of a RelatedPerson, the patient; STR_NULL when the record says nothing. */
static bool related_patient(struct turn *t, struct str id, struct str *ret_id, struct error *err)
{
	const struct definitions *d = t->l->options.definitions;
	struct store_entry entry;
	struct error why = {0};
	*ret_id = STR_NULL;
	if (!store_read(t->l->options.store, t->a, definitions_resource(d, S("RelatedPerson")), id, 0, &entry, &why))
		return error_http_status(why.code) == 404 || error_http_status(why.code) == 410
			       ? true
			       : error_set(err, why.code, "%s", why.text);
	const struct json *j = json_parse(t->a, entry.body, 0, err);
	struct reference r = reference_parse(d, json_get_str(json_get(j, S("patient")), S("reference")));
	if (j && r.kind == REF_RELATIVE && str_is(r.type, "Patient"))
		*ret_id = r.id;
	return j != NULL;
}

/* The patient who the person is, or is related to. */
bool patient_own(struct turn *t, struct str *ret_id, struct error *err)
{
	struct str id = t->session.facts.fhir_user, type = str_split(&id, '/');
	*ret_id = STR_NULL;
	if (str_is(type, "Patient"))
		*ret_id = id;
	else if (str_is(type, "RelatedPerson"))
		return related_patient(t, id, ret_id, err);
	return true;
}

bool patient_is_account(const struct login_user *user)
{
	return str_starts(user->fhir_user, S("Patient/")) || str_starts(user->fhir_user, S("RelatedPerson/"));
}

/* ---- patients  -------------------------------------------------------------------------------------------------- */

static struct str join_name(struct arena *a, const struct json *name)
{
	struct buf out;
	struct str text = json_get_str(name, S("text")), family = json_get_str(name, S("family"));
	buf_init(&out, 4096);
	for (struct json_iter it = json_iter(json_get(name, S("given"))); json_next(&it);) {
		buf_add(&out, json_str(it.value));
		buf_char(&out, ' ');
	}
	buf_add(&out, family);
	struct str joined = buf_ok(&out) ? str_trim(arena_str(a, buf_str(&out))) : STR_NULL;
	buf_done(&out);
	return joined.n ? joined : text;
}

/* The official name, else the usual one, else the first that is not old. */
static struct str patient_name(struct arena *a, const struct json *patient)
{
	static const char *const uses[] = {"official", "usual", NULL};
	for (size_t i = 0; i < 3; i++) {
		for (struct json_iter it = json_iter(json_get(patient, S("name"))); json_next(&it);) {
			struct str use = json_get_str(it.value, S("use"));
			if (uses[i] ? str_is(use, uses[i]) : !str_is(use, "old"))
				return join_name(a, it.value);
		}
	}
	return STR_NULL;
}

static bool is_mrn(const struct json *identifier)
{
	for (struct json_iter it = json_iter(json_get(json_get(identifier, S("type")), S("coding"))); json_next(&it);)
		if (str_is(json_get_str(it.value, S("code")), "MR"))
			return true;
	return false;
}

static struct str patient_mrn(const struct json *patient)
{
	struct str first = STR_NULL;
	for (struct json_iter it = json_iter(json_get(patient, S("identifier"))); json_next(&it);) {
		struct str value = json_get_str(it.value, S("value"));
		if (value.p && is_mrn(it.value))
			return value;
		first = first.p ? first : value;
	}
	return first;
}

bool patient_read(struct arena *a, const struct store_entry *entry, struct patient *ret_patient, struct error *err)
{
	const struct json *j = json_parse(a, entry->body, 0, err);
	if (!j)
		return false;
	*ret_patient = (struct patient){.id = entry->id,
					.name = patient_name(a, j),
					.birth_date = json_get_str(j, S("birthDate")),
					.sex = json_get_str(j, S("gender")),
					.mrn = patient_mrn(j)};
	return true;
}

void patient_name_of(struct turn *t, struct str id, struct str *ret_name)
{
	struct store_entry entry;
	struct patient person;
	struct error ignored = {0};
	const struct fhir_type *type = definitions_resource(t->l->options.definitions, S("Patient"));
	*ret_name = arena_printf(t->a, "patient %.*s", STR_ARG(id));
	if (store_read(t->l->options.store, t->a, type, id, 0, &entry, &ignored) &&
	    patient_read(t->a, &entry, &person, &ignored) && person.name.n)
		*ret_name = person.name;
}
