/* The last steps: one look at each resource type as the vendor wants to be asked, and a second page. */
#include "doctor/doctor_priv.h"
#include "base/file.h"
#include "ehr/plan.h"

/* What is asked for of a patient, in the order in which people ask. */
static const char *const types[] = {
	"Condition",	"Observation", "MedicationRequest", "AllergyIntolerance", "Encounter",
	"Immunization", "Procedure",   "DiagnosticReport",  "DocumentReference",  "CarePlan",
	"CareTeam",	"Goal",	       "Coverage",	    "ServiceRequest",	  "Flag",
};

/* The patient to read: as asked for, the login's, or the first of the roster. */
static struct str whom(struct examination *x)
{
	struct ehr_login login;
	struct ehr_failure f = {0};
	struct error err = {0};
	struct str text, id = x->o->patient;
	if (!id.n && x->people && ehr_login_now(x->client, x->a, &login, &f))
		id = login.patient;
	if (!id.n && x->ehr->roster.n && file_read(x->a, x->ehr->roster, 64 << 20, &text, &err))
		while (text.p && !(id = str_trim(str_split(&text, '\n'))).n)
			;
	return id;
}

static void failed(struct examination *x, enum doctor_step step, const char *type, const struct ehr_failure *f)
{
	doctor_find(x, step, DOCTOR_BAD, "%s", f->error.text);
	if (x->last)
		x->last->subject = str_from(type);
	if (f->http_status >= 500 && str_is(str_from(f->vendor_code), "required"))
		doctor_blame(x, DOCTOR_CAUSE_BAD_RECORD);
	else if (f->error.code == ERR_REMOTE && strstr(f->error.text, "another host"))
		doctor_blame(x, DOCTOR_CAUSE_FOREIGN_LINK);
	else
		doctor_recognise(x, f);
	doctor_told(x);
}

static bool read_patient(struct examination *x, struct str id)
{
	struct ehr_resource r;
	struct ehr_failure f = {0};
	if (!ehr_read(x->client, x->a, S("Patient"), id, &r, &f)) {
		if (f.error.code == ERR_NOT_FOUND || f.error.code == ERR_GONE) {
			doctor_find(x, DOCTOR_READ, DOCTOR_BAD, "%s", f.error.text);
			if (x->last)
				x->last->subject = S("Patient");
			doctor_blame(x, DOCTOR_CAUSE_NO_SUCH_PATIENT);
			doctor_told(x);
		} else {
			failed(x, DOCTOR_READ, "Patient", &f);
		}
		return false;
	}
	doctor_find(x, DOCTOR_READ, DOCTOR_GOOD, "read, %zu bytes", r.body.n);
	if (x->last)
		x->last->subject = S("Patient");
	doctor_told(x);
	return true;
}

/* The first page of a search, as it is planned for the vendor. */
static bool first_page(struct examination *x, const char *type, struct str id, struct ehr_page *page,
		       const struct ehr_tally **ret_tally, struct ehr_pages **ret_pages, struct ehr_failure *f)
{
	struct ehr_plan plan;
	struct error err = {0};
	bool more;
	const struct ehr_plan_options options = {
		.vendor = x->ehr->vendor,
		.type = definitions_resource(x->o->definitions, str_from(type)),
		.query = arena_printf(x->a, "patient=%.*s", STR_ARG(id)),
	};
	*page = (struct ehr_page){0};
	if (!ehr_plan_make(&options, x->a, &plan, &err) || !plan.count) {
		f->error.code = ERR_NOT_SUPPORTED;
		return false;
	}
	const struct ehr_pages_options asked = {.type = plan.type, .queries = plan.queries, .query_count = 1};
	*ret_pages = ehr_pages_open(x->client, &asked, &err);
	if (!*ret_pages) {
		f->error = err;
		return false;
	}
	*ret_tally = ehr_pages_tally(*ret_pages);
	return ehr_pages_next(*ret_pages, x->a, page, &more, f);
}

/* A backend service that names its scopes cannot read what is neither among them nor granted. */
static bool is_asked_for(struct examination *x, const char *type)
{
	struct str asked = x->people ? STR_NULL : ehr_asked_scopes(x->client, x->a);
	struct str granted = ehr_granted_scopes(x->client);
	return !asked.n || !granted.n || ehr_scopes_name(asked, str_from(type)) ||
	       ehr_scopes_name(granted, str_from(type));
}

static void read_type(struct examination *x, const char *type, struct str id)
{
	struct ehr_page page;
	struct ehr_failure f = {0};
	const struct ehr_tally *tally = NULL;
	struct ehr_pages *pages = NULL;
	if (!ehr_states(x->site.capabilities, str_from(type), "search-type"))
		return;
	bool ok = first_page(x, type, id, &page, &tally, &pages, &f);
	if (ok) {
		size_t count = page.count + page.withdrawn_count;
		doctor_find(x, DOCTOR_READ, tally->incomplete ? DOCTOR_WARNING : DOCTOR_GOOD, "%zu on the first page%s",
			    count, tally->incomplete ? "; the EHR leaves something out" : "");
		if (x->last)
			x->last->subject = str_from(type);
		if (tally->incomplete)
			doctor_blame(x, DOCTOR_CAUSE_API_NOT_TICKED);
		doctor_told(x);
	} else if (f.error.code != ERR_NOT_SUPPORTED) {
		failed(x, DOCTOR_READ, type, &f);
	}
	ehr_pages_close(pages);
}

/* Two pages of the vital signs, a few on each. */
static void second_page(struct examination *x, struct str id)
{
	struct str query = arena_printf(x->a, "patient=%.*s&category=vital-signs&_count=2", STR_ARG(id));
	const struct ehr_pages_options options = {
		.type = S("Observation"), .queries = &query, .query_count = 1, .no_restart = true};
	struct error err = {0};
	struct ehr_failure f = {0};
	struct ehr_page page;
	bool more = true, ok = true;
	struct ehr_pages *pages = query.p ? ehr_pages_open(x->client, &options, &err) : NULL;
	for (int i = 0; pages && ok && more && i < 2; i++)
		ok = ehr_pages_next(pages, x->a, &page, &more, &f);
	if (!pages)
		x->no_memory = true;
	else if (!ok)
		failed(x, DOCTOR_PAGING, "Observation", &f);
	else if (ehr_pages_tally(pages)->pages < 2)
		doctor_say(x, DOCTOR_PAGING, DOCTOR_SKIPPED, DOCTOR_NO_CAUSE, "there is only one page");
	else
		doctor_say(x, DOCTOR_PAGING, DOCTOR_GOOD, DOCTOR_NO_CAUSE, "the next link works");
	ehr_pages_close(pages);
}

void doctor_reads(struct examination *x)
{
	struct str id = whom(x);
	if (!id.n) {
		doctor_say(x, DOCTOR_READ, DOCTOR_SKIPPED, DOCTOR_CAUSE_NO_PATIENT, "%s",
			   doctor_cause_text(DOCTOR_CAUSE_NO_PATIENT));
		return;
	}
	if (!read_patient(x, id))
		return;
	struct str left = S("");
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		if (is_asked_for(x, types[i]))
			read_type(x, types[i], id);
		else if (ehr_states(x->site.capabilities, str_from(types[i]), "search-type"))
			left = arena_printf(x->a, "%.*s%s%s", STR_ARG(left), left.n ? ", " : "", types[i]);
	}
	if (left.n)
		doctor_say(x, DOCTOR_READ, DOCTOR_SKIPPED, DOCTOR_NO_CAUSE, "no scope is asked for of %.*s",
			   STR_ARG(left));
	if (ehr_states(x->site.capabilities, S("Observation"), "search-type"))
		second_page(x, id);
}
