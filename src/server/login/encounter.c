/*
 * Choosing the encounter that an app is opened for (SMART App Launch 2.2, launch/encounter), after the patient: theirs,
 * those without an end first, then the latest, within what the person may see. A record may have none that fits, so
 * going on without one is possible, and where there is none at all nothing is asked.
 */
#include "server/login/login_priv.h"

#include "fhir/resource.h"

struct encounter {
	struct str id, date, kind, class, status; /* STR_NULL where the record has none */
};

struct view {
	struct encounter *list;
	size_t count;
	struct str patient; /* name */
	struct str at, next;
	struct page_problem problem;
};

bool encounter_is_needed(const struct turn *t)
{
	return (t->asked.allowed.words & SCOPE_LAUNCH_ENCOUNTER) && !t->c.encounter.p &&
	       !(t->c.launched && t->c.launch.encounter.p);
}

/* ---- the record  ------------------------------------------------------------------------------------------------ */

static struct str concept_text(const struct json *concept)
{
	struct str text = json_get_str(concept, S("text"));
	const struct json *coding = json_at(json_get(concept, S("coding")), 0);
	struct str display = json_get_str(coding, S("display"));
	return text.n ? text : display.n ? display : json_get_str(coding, S("code"));
}

static bool read_encounter(struct arena *a, const struct store_entry *entry, struct encounter *ret_encounter,
			   struct error *err)
{
	const struct json *j = json_parse(a, entry->body, 0, err);
	const struct json *class = json_get(j, S("class"));
	struct str shown = json_get_str(class, S("display"));
	if (!j)
		return false;
	*ret_encounter =
		(struct encounter){.id = entry->id,
				   .date = str_slice(json_get_str(json_get(j, S("period")), S("start")), 0, 10),
				   .kind = concept_text(json_at(json_get(j, S("type")), 0)),
				   .class = shown.n ? shown : json_get_str(class, S("code")),
				   .status = json_get_str(j, S("status"))};
	return true;
}

/* id STR_NULL: all of the patient's. */
static bool search(struct turn *t, struct str id, struct str position, struct store_page *ret_page, struct error *err)
{
	const struct login_options *o = &t->l->options;
	struct search_query query;
	struct str patient = turn_patient(t);
	struct str text = arena_printf(t->a, "patient=Patient/%.*s&_sort=-date&_count=%d%s%.*s", STR_ARG(patient),
				       CHOOSE_PAGE, id.p ? "&_id=" : "", STR_ARG(id.p ? id : S("")));
	if (!text.p)
		return error_memory(err);
	return search_parse(o->definitions, t->a, definitions_resource(o->definitions, S("Encounter")), text,
			    &(struct search_options){.base = smart_fhir_url(o->smart), .now_ms = login_now(t->l)},
			    &query, err) &&
	       choose_search(t, &query, S("user/Encounter.rs"), position, ret_page, err);
}

/* ---- the page  -------------------------------------------------------------------------------------------------- */

static void put_list(const struct turn *t, struct buf *out, const struct view *v)
{
	page_form(t, out, "encounter", "");
	buf_add(out, S("<ul class=\"people\">\n"));
	for (size_t i = 0; i < v->count; i++) {
		const struct encounter *e = &v->list[i];
		buf_add(out, S("<li><button type=\"submit\" name=\"encounter\" value=\""));
		page_text(out, e->id);
		buf_add(out, S("\"><span class=\"name\">"));
		page_text(out, e->kind.n ? e->kind : S("Encounter"));
		buf_add(out, S("</span>\n"));
		choose_put_cell(out, "began", e->date);
		choose_put_cell(out, "class", e->class);
		choose_put_cell(out, "status", e->status);
		buf_add(out, S("</button></li>\n"));
	}
	buf_add(out, S("</ul>\n</form>\n"));
}

static void show(struct turn *t, int status, const struct view *v)
{
	struct buf out;
	page_begin(t, &out,
		   &(struct page_look){v->problem.text.p ? "Error: Choose an encounter" : "Choose an encounter", "wide",
				       "the encounters"});
	buf_add(&out, S("<h1>Choose an encounter</h1>\n<p class=\"lead\">of "));
	page_text(&out, v->patient);
	buf_add(&out, S(", which <strong>"));
	page_text(&out, t->asked.client.name.n ? t->asked.client.name : t->asked.client.client_id);
	buf_add(&out, S("</strong> will open</p>\n"));
	page_problems(&out, &v->problem, v->problem.text.p ? 1 : 0);
	buf_add(&out, S("<section aria-label=\"Encounters\">\n<p class=\"status\" role=\"status\">"));
	buf_printf(&out, "%zu encounter%s%s, the open ones first, then the latest</p>\n", v->count,
		   v->count == 1 ? "" : "s", v->next.p || v->at.n ? " on this page" : "");
	if (v->count)
		put_list(t, &out, v);
	choose_put_pages(t, &out, "encounter", NULL, 0, v->at, v->next);
	buf_add(&out, S("</section>\n"));
	page_form(t, &out, "encounter", "");
	buf_add(&out, S("<div class=\"actions\"><button type=\"submit\" name=\"none\" value=\"1\">Go on without an "
			"encounter</button>\n<button type=\"submit\" class=\"plain\" name=\"cancel\" value=\"1\">"
			"Cancel and go back to the app</button></div>\n</form>\n"));
	page_end(t, &out);
	page_send(t, status, &out);
}

/* Nothing is shown that was not recorded. */
static bool record_search(struct turn *t, const struct view *v, struct error *err)
{
	struct audit_event event = turn_event(
		t, "encounter-find", true, t->session.user,
		arena_printf(t->a, "%zu shown to choose from for %.*s", v->count, STR_ARG(t->asked.client.client_id)));
	event.type = S("Encounter");
	event.patient = arena_printf(t->a, "Patient/%.*s", STR_ARG(turn_patient(t)));
	return store_audit(t->l->options.store, &event, 1, err);
}

static bool fill(struct turn *t, struct view *v, struct error *err)
{
	struct store_page page = {0};
	struct str position;
	if (!choose_position(t, v->at, &position, err) || !search(t, STR_NULL, position, &page, err))
		return false;
	v->list = ARENA_ARRAY(t->a, struct encounter, page.count + 1);
	if (!v->list)
		return error_memory(err);
	for (size_t i = 0; i < page.count; i++)
		if (!read_encounter(t->a, &page.entries[i], &v->list[v->count++], err))
			return false;
	v->next = page.next;
	patient_name_of(t, turn_patient(t), &v->patient);
	return !v->count || record_search(t, v, err);
}

/* ---- steps  ----------------------------------------------------------------------------------------------------- */

static void go_on(struct turn *t, struct str encounter)
{
	struct error err = {0};
	t->c.encounter = encounter;
	if (conversation_keep(t->l, t->a, &t->c, &err))
		turn_next(t);
	else
		turn_fail(t, &err);
}

static void list(struct turn *t, struct view *v, int status)
{
	struct error err = {0};
	if (!fill(t, v, &err)) {
		turn_fail(t, &err);
		return;
	}
	if (!v->count && !v->at.n)
		go_on(t, S("")); /* there is nothing to choose from */
	else
		show(t, status, v);
}

/* The step is this one: the patient is known, and the encounter is not. */
static bool ready(struct turn *t)
{
	if (!choose_ready(t))
		return false;
	if (!pick_is_needed(t) && turn_patient(t).p && encounter_is_needed(t))
		return true;
	turn_next(t);
	return false;
}

void encounter_page(struct turn *t)
{
	struct view v = {0};
	if (ready(t))
		list(t, &v, 200);
}

static void choose(struct turn *t, struct str id)
{
	struct store_page page = {0};
	struct error err = {0};
	struct view v = {0};
	if (fhir_id_valid(id) && !search(t, id, STR_NULL, &page, &err)) {
		turn_fail(t, &err);
		return;
	}
	if (page.count == 1) {
		go_on(t, id);
		return;
	}
	turn_deny(t, CHECK_ENCOUNTER_CHOICE, REFUSAL_ENCOUNTER_CHOICE,
		  arena_printf(t->a, "Encounter/%.*s", STR_ARG(str_slice(id, 0, 64))), &err);
	v.problem = (struct page_problem){NULL, S("This encounter cannot be chosen. Please choose another.")};
	if (turn_refused(t, 404, &err))
		list(t, &v, 404);
}

void encounter_send(struct turn *t)
{
	struct view v = {0};
	if (!ready(t))
		return;
	struct str encounter = fields_get(&t->form, "encounter");
	if (fields_get(&t->form, "cancel").p) {
		turn_refuse_as(t, CHECK_ENCOUNTER_CHOICE, REFUSAL_USER_DENIED, "no encounter: the person went back");
	} else if (fields_get(&t->form, "none").p) {
		go_on(t, S(""));
	} else if (encounter.p) {
		choose(t, encounter);
	} else {
		v.at = fields_get(&t->form, "at");
		list(t, &v, 200);
	}
}
