/*
 * What may be asked of whom (vendors' documentation): Epic exports Groups alone and knows no _since; Cerner exports
 * Groups and lists of patients. What a vendor does not have is refused here, before a kick-off is spent on it.
 */
#include "base/encode.h"
#include "export/export_priv.h"

enum { WAIT_FIRST_MS = 1000, WAIT_MAX_MS = 60000, EPIC_FIRST_MS = 5000, EPIC_MAX_MS = 1800000 };

static void put_param(struct buf *out, const char *name, struct str value)
{
	if (!value.n)
		return;
	buf_printf(out, "%c%s=", str_find_char(buf_str(out), '?', 0) == STR_NONE ? '?' : '&', name);
	encode_percent(out, value);
}

static bool check_epic(struct run *r, struct error *err)
{
	const struct export_options *o = r->o;
	if (o->scope != EXPORT_OF_GROUP)
		return error_set(err, ERR_USAGE, "Epic exports Groups alone: say --group ID, which the site gives");
	if (o->since.n)
		return error_set(
			err, ERR_USAGE,
			"Epic's bulk export has no _since: it would send everything, as if it were new. Export "
			"without --since and compare");
	if (o->elements.n || o->patient_count || o->associated.n)
		return error_set(err, ERR_USAGE,
				 "Epic's bulk export has no _elements, patient and "
				 "includeAssociatedData");
	return true;
}

static bool check_cerner(struct run *r, struct error *err)
{
	const struct export_options *o = r->o;
	if (o->scope == EXPORT_OF_SYSTEM)
		return error_set(err, ERR_USAGE,
				 "Oracle Health exports Groups and lists of patients, not the whole "
				 "system");
	if (o->scope == EXPORT_OF_PATIENTS && !o->patient_count)
		return error_set(err, ERR_USAGE,
				 "Oracle Health exports lists of patients alone: name them with "
				 "--patients, or a Group with --group");
	if (o->patient_count > 20000)
		return error_set(err, ERR_USAGE, "Oracle Health takes 20,000 patients in a list at most");
	if (o->elements.n && !o->lenient)
		return error_set(err, ERR_USAGE, "Oracle Health's bulk export has no _elements");
	if (o->filter_count && !o->types.n)
		return error_set(err, ERR_USAGE, "Oracle Health takes _typeFilter only beside _type: say --type");
	return true;
}

static bool check(struct run *r, struct error *err)
{
	enum ehr_vendor vendor = ehr_client_config(r->o->client)->vendor;
	if (r->o->scope == EXPORT_OF_GROUP && !r->o->group.n)
		return error_set(err, ERR_USAGE, "Which Group is to be exported? Say --group ID");
	return vendor == EHR_EPIC ? check_epic(r, err) : vendor == EHR_CERNER ? check_cerner(r, err) : true;
}

static void put_place(const struct run *r, struct buf *out)
{
	buf_add(out, r->base);
	if (r->o->scope == EXPORT_OF_PATIENTS) {
		buf_add(out, S("/Patient"));
	} else if (r->o->scope == EXPORT_OF_GROUP) {
		buf_add(out, S("/Group/"));
		encode_percent(out, r->o->group);
	}
	buf_add(out, S("/$export"));
}

/* A list of patients is in the body; everything else stays in the URL, where vendors document it. */
static void put_patients(const struct run *r, struct buf *out)
{
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	json_put_member(&w, S("resourceType"), S("Parameters"));
	json_key(&w, S("parameter"));
	json_array_begin(&w);
	for (size_t i = 0; i < r->o->patient_count; i++) {
		char text[128];
		int n = snprintf(text, sizeof(text), "Patient/%.*s", STR_ARG(str_slice(r->o->patients[i], 0, 64)));
		json_object_begin(&w);
		json_put_member(&w, S("name"), S("patient"));
		json_key(&w, S("valueReference"));
		json_object_begin(&w);
		json_put_member(&w, S("reference"), str_make(text, (size_t)n));
		json_object_end(&w);
		json_object_end(&w);
	}
	json_array_end(&w);
	json_object_end(&w);
}

bool planner_request(struct run *r, struct str *ret_url, struct str *ret_body, struct error *err)
{
	const struct export_options *o = r->o;
	struct buf url, body;
	if (!check(r, err))
		return false;
	buf_init(&url, 1 << 16);
	buf_init(&body, 4 << 20);
	put_place(r, &url);
	put_param(&url, "_type", o->types);
	put_param(&url, "_since", o->since);
	put_param(&url, "_elements", o->elements);
	put_param(&url, "includeAssociatedData", o->associated);
	for (size_t i = 0; i < o->filter_count; i++)
		put_param(&url, "_typeFilter", o->filters[i]);
	if (o->patient_count)
		put_patients(r, &body);
	*ret_url = buf_ok(&url) ? arena_str(r->a, buf_str(&url)) : STR_NULL;
	*ret_body = !body.n ? STR_NULL : buf_ok(&body) ? arena_str(r->a, buf_str(&body)) : STR_NULL;
	bool ok = ret_url->p && (ret_body->p || !body.n);
	buf_done(&url);
	buf_done(&body);
	return ok || error_memory(err);
}

/* Epic asks for ten minutes between looks at small Groups and for longer ones at large; so they grow. */
int64_t planner_wait(const struct run *r, unsigned n)
{
	bool epic = ehr_client_config(r->o->client)->vendor == EHR_EPIC;
	int64_t wait = epic ? EPIC_FIRST_MS : WAIT_FIRST_MS, most = epic ? EPIC_MAX_MS : WAIT_MAX_MS;
	if (r->o->poll_ms)
		most = r->o->poll_ms;
	for (unsigned i = 0; i < n && wait < most; i++)
		wait *= 2;
	return wait < most ? wait : most;
}
