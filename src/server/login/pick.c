/*
 * Choosing the patient whom an app is opened for (SMART App Launch 2.2, launch/patient). A search like any other: by
 * the store's indexes, in pages, within what the person may choose. Searches come by POST, so that names are in no URL.
 */
#include "server/login/login_priv.h"

#include "fhir/resource.h"

enum { NAME_MAX_BYTES = 100 };

bool pick_is_needed(const struct turn *t)
{
	const struct scope_list *allowed = &t->asked.allowed;
	/* An encounter is one of a patient. */
	bool wanted = (allowed->words & (SCOPE_LAUNCH_PATIENT | SCOPE_LAUNCH_ENCOUNTER)) != 0;
	if (t->c.patient.p || (t->c.launched && t->c.launch.patient.p))
		return false;
	if (t->asked.patient_if_asked && !patient_is_account(&t->session.facts))
		return wanted;
	for (size_t i = 0; i < allowed->count && !wanted; i++)
		wanted = str_is(allowed->scopes[i].context, "patient");
	return wanted;
}

bool pick_own(struct turn *t, struct str *ret_id, struct error *err)
{
	*ret_id = STR_NULL;
	return t->session.facts.patients.n || patient_own(t, ret_id, err);
}

/* ---- the search  ------------------------------------------------------------------------------------------------ */

struct question {
	struct str name, birth_date, at; /* at: the page, as it was given out */
};

/* A value of a search: what would have a meaning of its own is escaped, first for the search, then for the form. */
static void put_value(struct buf *out, struct str value)
{
	struct buf plain;
	buf_init(&plain, 4 * NAME_MAX_BYTES);
	for (size_t i = 0; i < value.n; i++) {
		if (strchr("\\,$|", value.p[i]))
			buf_char(&plain, '\\');
		buf_char(&plain, value.p[i]);
	}
	encode_percent(out, buf_str(&plain));
	buf_done(&plain);
}

static struct str query_text(struct turn *t, const struct question *q, struct str id)
{
	const struct login_user *user = &t->session.facts;
	struct buf out;
	struct str words = q->name;
	buf_init(&out, 8192);
	buf_printf(&out, "_sort=family,given&_count=%d", CHOOSE_PAGE);
	if (user->patients.n && !str_is(user->patients, "*")) {
		buf_char(&out, '&');
		buf_add(&out, user->patients);
	}
	while (words.p) {
		struct str word = str_split(&words, ' ');
		if (!word.n)
			continue;
		buf_add(&out, S("&name="));
		put_value(&out, word);
	}
	if (q->birth_date.n) {
		buf_add(&out, S("&birthdate="));
		put_value(&out, q->birth_date);
	}
	if (id.p) {
		buf_add(&out, S("&_id="));
		put_value(&out, id);
	}
	struct str text = buf_ok(&out) ? arena_str(t->a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return text;
}

static bool search(struct turn *t, const struct question *q, struct str id, struct str position,
		   struct store_page *ret_page, struct error *err)
{
	const struct login_options *o = &t->l->options;
	struct search_query query;
	struct str text = query_text(t, q, id);
	if (!text.p)
		return error_memory(err);
	return search_parse(o->definitions, t->a, definitions_resource(o->definitions, S("Patient")), text,
			    &(struct search_options){.base = smart_fhir_url(o->smart), .now_ms = login_now(t->l)},
			    &query, err) &&
	       choose_search(t, &query, S("user/Patient.rs"), position, ret_page, err);
}

bool pick_allows(struct turn *t, struct str id, struct str *ret_name, struct error *err)
{
	struct store_entry entry;
	struct store_page page;
	struct patient person;
	struct str own;
	const struct question any = {0};
	if (!fhir_id_valid(id))
		return error_set(err, ERR_NOT_FOUND, "There is no such patient");
	if (!patient_own(t, &own, err))
		return false;
	if (own.p && str_eq(own, id)) {
		const struct fhir_type *type = definitions_resource(t->l->options.definitions, S("Patient"));
		if (!store_read(t->l->options.store, t->a, type, id, 0, &entry, err))
			return error_context(err, "the record of your account");
	} else {
		if (!t->session.facts.patients.n)
			return error_set(err, ERR_NOT_FOUND, "There is no such patient");
		if (!search(t, &any, id, STR_NULL, &page, err))
			return false;
		if (page.count != 1)
			return error_set(err, ERR_NOT_FOUND, "There is no such patient");
		entry = page.entries[0];
	}
	if (!patient_read(t->a, &entry, &person, err))
		return false;
	*ret_name = person.name.n ? person.name : S("a patient without a name");
	return true;
}

/* ---- the page  -------------------------------------------------------------------------------------------------- */

struct view {
	struct question question;
	struct patient *people;
	size_t count;
	struct str next;
	struct page_problem problem;
	bool nobody; /* may be chosen at all */
};

static void put_people(const struct turn *t, struct buf *out, const struct view *v)
{
	page_form(t, out, "pick", "");
	buf_add(out, S("<ul class=\"people\">\n"));
	for (size_t i = 0; i < v->count; i++) {
		const struct patient *p = &v->people[i];
		buf_add(out, S("<li><button type=\"submit\" name=\"patient\" value=\""));
		page_text(out, p->id);
		buf_add(out, S("\"><span class=\"name\">"));
		page_text(out, p->name.n ? p->name : S("No name recorded"));
		buf_add(out, S("</span>\n"));
		choose_put_cell(out, "born", p->birth_date);
		choose_put_cell(out, "sex", p->sex);
		choose_put_cell(out, "MRN", p->mrn);
		buf_add(out, S("</button></li>\n"));
	}
	buf_add(out, S("</ul>\n</form>\n"));
}

static void put_search(const struct turn *t, struct buf *out, const struct view *v)
{
	bool date_wrong = v->problem.field && strcmp(v->problem.field, "birthdate") == 0;
	bool name_wrong = v->problem.field && strcmp(v->problem.field, "name") == 0;
	page_form(t, out, "pick", "search");
	buf_printf(out,
		   "<div class=\"field%s\"><label for=\"name\">Name</label>\n<input id=\"name\" name=\"name\" "
		   "type=\"search\" autocomplete=\"off\" spellcheck=\"false\" maxlength=\"100\"%s%s value=\"",
		   name_wrong ? " wrong" : "", name_wrong ? " aria-invalid=\"true\"" : "",
		   v->problem.text.p ? "" : " autofocus");
	page_text(out, v->question.name);
	buf_printf(out,
		   "\"></div>\n<div class=\"field%s\"><label for=\"birthdate\">Date of birth</label>\n"
		   "<input id=\"birthdate\" name=\"birthdate\" type=\"date\" autocomplete=\"off\"%s value=\"",
		   date_wrong ? " wrong" : "", date_wrong ? " aria-invalid=\"true\"" : "");
	page_text(out, v->question.birth_date);
	buf_add(out, S("\"></div>\n<button type=\"submit\">Find</button>\n</form>\n"
		       "<p class=\"hint\">The beginning of a first or last name is enough. Case and accents do not "
		       "matter.</p>\n"));
}

static void put_list(struct turn *t, struct buf *out, const struct view *v)
{
	bool asked = v->question.name.n || v->question.birth_date.n;
	buf_add(out, S("<section aria-label=\"Patients\">\n<p class=\"status\" role=\"status\">"));
	if (!v->count)
		buf_add(out, asked ? S("Nobody was found. Check the spelling, or enter less.")
				   : S("There is no patient that you may choose."));
	else if (v->next.p || v->question.at.n)
		buf_printf(out, "%zu patients on this page, by last name", v->count);
	else
		buf_printf(out, "%zu patient%s", v->count, v->count == 1 ? "" : "s");
	buf_add(out, S("</p>\n"));
	if (v->count)
		put_people(t, out, v);
	const struct form_field kept[] = {{S("name"), v->question.name}, {S("birthdate"), v->question.birth_date}};
	choose_put_pages(t, out, "pick", kept, 2, v->question.at, v->next);
	buf_add(out, S("</section>\n"));
}

static void show(struct turn *t, int status, const struct view *v)
{
	struct buf out;
	page_begin(t, &out,
		   &(struct page_look){v->problem.text.p ? "Error: Choose a patient" : "Choose a patient", "wide",
				       "the search"});
	buf_add(&out, S("<h1>Choose a patient</h1>\n<p class=\"lead\">whose record <strong>"));
	page_text(&out, t->asked.client.name.n ? t->asked.client.name : t->asked.client.client_id);
	buf_add(&out, S("</strong> will open</p>\n"));
	page_problems(&out, &v->problem, v->problem.text.p ? 1 : 0);
	if (v->nobody) {
		buf_add(&out,
			S("<p>Your account may not open the record of any patient. Ask whoever runs this server to "
			  "change that.</p>\n"));
	} else {
		put_search(t, &out, v);
		if (!v->problem.text.p)
			put_list(t, &out, v);
	}
	page_form(t, &out, "pick", "");
	buf_add(&out, S("<div class=\"actions\"><button type=\"submit\" class=\"plain\" name=\"cancel\" value=\"1\">"
			"Cancel and go back to the app</button></div>\n</form>\n"));
	page_end(t, &out);
	page_send(t, status, &out);
}

/* Nothing is shown that was not recorded. */
static bool record_search(struct turn *t, const struct view *v, struct error *err)
{
	struct audit_event event = turn_event(
		t, "patient-find", true, t->session.user,
		arena_printf(t->a, "%zu shown to choose from for %.*s", v->count, STR_ARG(t->asked.client.client_id)));
	event.type = S("Patient");
	event.query = query_text(t, &v->question, STR_NULL);
	return store_audit(t->l->options.store, &event, 1, err);
}

static bool fill(struct turn *t, struct view *v, struct error *err)
{
	struct store_page page = {0};
	struct str position;
	if (!choose_position(t, v->question.at, &position, err) ||
	    !search(t, &v->question, STR_NULL, position, &page, err))
		return false;
	v->people = ARENA_ARRAY(t->a, struct patient, page.count + 1);
	if (!v->people)
		return error_memory(err);
	for (size_t i = 0; i < page.count; i++)
		if (!patient_read(t->a, &page.entries[i], &v->people[v->count++], err))
			return false;
	v->next = page.next;
	return record_search(t, v, err);
}

static void list(struct turn *t, struct view *v)
{
	struct error err = {0};
	if (fill(t, v, &err)) {
		show(t, 200, v);
		return;
	}
	v->count = 0;
	v->next = v->question.at = STR_NULL;
	v->problem.text = err.code == ERR_TIMEOUT || err.code == ERR_TOO_COSTLY
				  ? S("The search took too long. Please enter more of the name.")
			  : err.code == ERR_CURSOR ? str_from(err.text)
						   : S("The search did not work. Please try again.");
	v->problem.field = "name";
	show(t, error_http_status(err.code), v);
}

/* ---- steps  ----------------------------------------------------------------------------------------------------- */

static void show_nobody(struct turn *t, const struct view *v)
{
	struct error err = {0};
	turn_deny(t, CHECK_PATIENT_CHOICE, REFUSAL_PATIENT_CHOICE, S("a user who may open nobody's record"), &err);
	if (turn_refused(t, 403, &err))
		show(t, 403, v);
}

void pick_page(struct turn *t)
{
	struct view v = {0};
	if (!choose_ready(t))
		return;
	if (!pick_is_needed(t)) {
		turn_next(t);
		return;
	}
	v.nobody = !t->session.facts.patients.n;
	if (v.nobody)
		show_nobody(t, &v);
	else
		list(t, &v);
}

static void choose(struct turn *t, struct str id)
{
	struct error err = {0};
	struct str name;
	struct view v = {0};
	if (pick_allows(t, id, &name, &err)) {
		t->c.patient = id;
		if (conversation_keep(t->l, t->a, &t->c, &err)) {
			turn_next(t);
			return;
		}
	}
	if (err.code != ERR_NOT_FOUND) {
		turn_fail(t, &err);
		return;
	}
	error_clear(&err);
	turn_deny(t, CHECK_PATIENT_CHOICE, REFUSAL_PATIENT_CHOICE,
		  arena_printf(t->a, "Patient/%.*s", STR_ARG(str_slice(id, 0, 64))), &err);
	v.problem = (struct page_problem){"name", S("This patient cannot be chosen. Please choose another.")};
	if (turn_refused(t, 404, &err))
		show(t, 404, &v);
}

void pick_send(struct turn *t)
{
	struct view v = {0};
	int64_t low, high;
	if (!choose_ready(t))
		return;
	if (fields_get(&t->form, "cancel").p) {
		turn_refuse_as(t, CHECK_PATIENT_CHOICE, REFUSAL_USER_DENIED, "no patient: the person went back");
		return;
	}
	struct str patient = fields_get(&t->form, "patient"), name = fields_get(&t->form, "name");
	struct str date = fields_get(&t->form, "birthdate");
	v.nobody = !t->session.facts.patients.n;
	if (patient.p) {
		choose(t, patient);
		return;
	}
	v.question = (struct question){.name = str_trim(name.p ? name : S("")),
				       .birth_date = str_trim(date.p ? date : S("")),
				       .at = fields_get(&t->form, "at")};
	if (v.question.name.n > NAME_MAX_BYTES)
		v.problem = (struct page_problem){"name", S("The name is too long. Please enter a part of it.")};
	else if (v.question.birth_date.n && !date_range(v.question.birth_date, &low, &high))
		v.problem =
			(struct page_problem){"birthdate", S("Enter the date as year-month-day, such as 1980-12-31.")};
	if (v.nobody)
		show_nobody(t, &v);
	else if (v.problem.text.p)
		show(t, 400, &v);
	else
		list(t, &v);
}
