/*
 * The card of a problem: what was ordered, what is recorded, why it matters, how sure that is, from which record and
 * which source; the draft's removal and reasons not to follow. Everything from records is escaped.
 */
#include "hooks/orders.h"

enum { LABEL_MAX = 80, TEXT_MAX = 400, LISTED_MAX = 10, DETAIL_MAX = 64 * 1024, DRAFT_MAX = 1 << 20 };

struct making {
	const struct hook_orders_options *o;
	struct arena *a;
	const struct hook_orders *orders;
	const struct hook_problem *problem;
	const struct finding *f;
	struct hook_card *card;
	struct buf out; /* of the detail */
};

/* ---- names ------------------------------------------------------------------------------------------------------- */

/* What people call it: the ingredient's name, else what the record says. */
static struct str drug_name(const struct making *m, size_t drug, unsigned ingredient)
{
	if (ingredient != FINDING_NO_INGREDIENT)
		return knowledge_ingredient(m->o->knowledge, ingredient)->name;
	if (drug < m->orders->count && m->orders->drugs[drug].label.n)
		return str_slice(m->orders->drugs[drug].label, 0, LABEL_MAX);
	return S("an order without a name");
}

static struct str class_label(const struct making *m, struct str id)
{
	int c = id.n ? knowledge_class_named(m->o->knowledge, id) : -1;
	return c >= 0 ? knowledge_class(m->o->knowledge, (unsigned)c)->label : id;
}

/* The allergen, as the rule saw it. */
static struct str allergen_name(const struct making *m, const struct finding *f)
{
	if (f->other_ingredient != FINDING_NO_INGREDIENT)
		return knowledge_ingredient(m->o->knowledge, f->other_ingredient)->name;
	if (f->other_class.n)
		return class_label(m, f->other_class);
	return m->orders->allergies.items[f->other].label;
}

static struct str capital(struct arena *a, struct str text)
{
	if (!text.n || text.p[0] < 'a' || text.p[0] > 'z')
		return text;
	return arena_printf(a, "%c%.*s", text.p[0] - 'a' + 'A', STR_ARG(str_slice(text, 1, text.n)));
}

static struct str one_line(struct arena *a, struct str text, size_t max)
{
	struct str cut = hook_text_cut(a, text, max);
	return cut.p ? cut : S("");
}

/* ---- summaries --------------------------------------------------------------------------------------------------- */

static struct str others(const struct making *m)
{
	size_t more = m->problem->count - 1;
	return more ? arena_printf(m->a, " and %zu more", more) : S("");
}

/* One by its name, several by their number. */
static struct str unread(const struct making *m, struct str label, const char *what, bool partly)
{
	const char *how = partly ? "could be read only in part: not fully checked" : "could not be read: not checked";
	if (m->problem->count > 1)
		return arena_printf(m->a, "%zu %s %s", m->problem->count, what, how);
	struct str name = one_line(m->a, label, LABEL_MAX);
	return arena_printf(m->a, "%s%.*s %s", m->f->kind == FINDING_UNCODED_ALLERGY ? "Recorded allergy to " : "",
			    STR_ARG(name.n ? name : S("an unnamed thing")), how);
}

static struct str summary(const struct making *m)
{
	const struct finding *f = m->f;
	struct str own = capital(m->a, one_line(m->a, drug_name(m, f->drug, f->ingredient), LABEL_MAX));
	struct str other;
	switch (f->kind) {
	case FINDING_ALLERGY:
		other = one_line(m->a, allergen_name(m, f), LABEL_MAX);
		return arena_printf(m->a, "%.*s: %s %.*s%.*s", STR_ARG(own),
				    f->other_ingredient == f->ingredient ? "recorded allergy to"
									 : "may cross-react, recorded allergy to",
				    STR_ARG(other), STR_ARG(others(m)));
	case FINDING_INTERACTION:
		other = drug_name(m, f->other, f->other_ingredient);
		return arena_printf(m->a, "%.*s with %.*s%.*s: %.*s", STR_ARG(own), STR_ARG(other), STR_ARG(others(m)),
				    STR_ARG(one_line(m->a, f->effect.n ? f->effect : f->mechanism, TEXT_MAX)));
	case FINDING_DUPLICATE:
		other = drug_name(m, f->other, f->other_ingredient);
		return f->other_class.n ? arena_printf(m->a, "%.*s beside %.*s%.*s: both are of the class %.*s",
						       STR_ARG(own), STR_ARG(other), STR_ARG(others(m)),
						       STR_ARG(class_label(m, f->other_class)))
					: arena_printf(m->a, "%.*s is already ordered or taken%.*s", STR_ARG(own),
						       STR_ARG(others(m)));
	case FINDING_UNCODED_ALLERGY:
		return unread(m, m->orders->allergies.items[f->other].label, "recorded allergies", false);
	default:
		return unread(m, drug_name(m, f->drug, FINDING_NO_INGREDIENT), "orders",
			      f->ingredient != FINDING_NO_INGREDIENT);
	}
}

/* ---- detail ------------------------------------------------------------------------------------------------------ */

static void put_row(struct making *m, const char *name, struct str text)
{
	if (!text.n)
		return;
	buf_printf(&m->out, "**%s:** ", name);
	hook_markdown_add(&m->out, text, TEXT_MAX);
	buf_add(&m->out, S("  \n"));
}

static void put_record(struct making *m, struct str label, struct str id, const char *more)
{
	hook_markdown_add(&m->out, label.n ? label : S("(no name)"), LABEL_MAX);
	if (id.n) {
		buf_add(&m->out, S(" ("));
		hook_markdown_add(&m->out, id, LABEL_MAX);
		buf_char(&m->out, ')');
	}
	buf_add(&m->out, str_from(more));
}

static void put_other(struct making *m, const struct finding *f)
{
	if (f->kind == FINDING_UNREAD_DRUG) {
		const struct medication *drug = &m->orders->drugs[f->drug];
		put_record(m, drug->label, drug->id, "");
	} else if (f->with_drug) {
		const struct medication *drug = &m->orders->drugs[f->other];
		bool draft = m->problem && f->other < m->orders->drafts;
		put_record(m, drug->label, drug->id,
			   drug->state == MEDICATION_STOPPED ? ", stopped"
			   : draft			     ? ", ordered as well"
							     : "");
	} else {
		const struct allergy *g = &m->orders->allergies.items[f->other];
		put_record(m, g->label, g->id, g->intolerance ? ", intolerance" : "");
		if (g->severe)
			buf_add(&m->out, S(", severe reaction recorded"));
		else if (g->criticality == CRITICALITY_HIGH)
			buf_add(&m->out, S(", criticality high"));
	}
}

static void put_records(struct making *m)
{
	const struct hook_problem *p = m->problem;
	const char *name = m->f->kind == FINDING_UNREAD_DRUG ? "Orders" : m->f->with_drug ? "With" : "Recorded allergy";
	buf_printf(&m->out, "**%s:** ", name);
	for (size_t i = 0; i < p->count && i < LISTED_MAX; i++) {
		buf_add(&m->out, i ? S("; ") : S(""));
		put_other(m, p->all[i]);
	}
	if (p->count > LISTED_MAX)
		buf_printf(&m->out, "; and %zu more", p->count - LISTED_MAX);
	buf_add(&m->out, S("  \n"));
}

static struct str how_sure(const struct making *m)
{
	const struct finding *f = m->f;
	if (f->kind == FINDING_UNCODED_ALLERGY || f->kind == FINDING_UNREAD_DRUG)
		return STR_NULL;
	return arena_printf(
		m->a, "%s; the rule is %s%s%s%.*s",
		f->sure ? "both records were read by their codes"
		: f->spelled
			? "read from words, one of which is spelled almost like a name: see that this is what is meant"
			: "read from words rather than codes: see that this is what is meant",
		verified_name(f->verified), f->verified == VERIFIED_NO ? "" : " against its source",
		f->note.n ? "; " : "", STR_ARG(f->note));
}

static struct str source_line(const struct making *m)
{
	const struct finding *f = m->f;
	return arena_printf(m->a, "%.*s, rule %.*s%s%.*s%s%s", STR_ARG(knowledge_version(m->o->knowledge)),
			    STR_ARG(f->rule), f->source.n ? ": " : "", STR_ARG(f->source),
			    f->verified == VERIFIED_YES ? "" : "; ",
			    f->verified == VERIFIED_YES ? "" : verified_name(f->verified));
}

/* The tables' shorthand in words. */
static struct str why(const struct making *m)
{
	struct str text = m->f->mechanism, rest = str_slice(text, 3, text.n);
	if (str_starts(text, S("PD ")))
		return arena_printf(m->a, "pharmacodynamic: %.*s", STR_ARG(rest));
	if (str_starts(text, S("PK ")))
		return arena_printf(m->a, "pharmacokinetic: %.*s", STR_ARG(rest));
	return text;
}

static struct str make_detail(struct making *m)
{
	const struct finding *f = m->f;
	buf_init(&m->out, DETAIL_MAX);
	if (f->drug < m->orders->count && f->kind != FINDING_UNREAD_DRUG) {
		const struct medication *drug = &m->orders->drugs[f->drug];
		buf_add(&m->out, m->orders->ordered ? S("**Order:** ") : S("**Taken:** "));
		put_record(m, drug->label.n ? drug->label : drug_name(m, f->drug, f->ingredient), drug->id, "  \n");
	}
	put_records(m);
	put_row(m, "Why", why(m));
	put_row(m, f->kind == FINDING_ALLERGY ? "How often" : "What may happen", f->effect);
	put_row(m, "Severity", f->severity);
	put_row(m, "What to do", f->advice);
	put_row(m, "How sure", how_sure(m));
	put_row(m, "Source", source_line(m));
	struct str detail = buf_ok(&m->out) ? arena_str(m->a, str_trim(buf_str(&m->out))) : STR_NULL;
	buf_done(&m->out);
	return detail;
}

/* ---- suggestions ------------------------------------------------------------------------------------------------- */

static const struct json *draft_record(const struct making *m)
{
	return m->orders->ordered && m->f->drug < m->orders->drafts && m->f->kind != FINDING_UNREAD_DRUG
		       ? m->orders->drugs[m->f->drug].record
		       : NULL;
}

static struct hook_suggestion *suggest(struct making *m, struct str label, const struct hook_action *action)
{
	struct hook_suggestion *s = &m->card->suggestions[m->card->suggestion_count];
	s->actions = ARENA_NEW(m->a, struct hook_action);
	s->label = label;
	if (!s->actions || !label.p || !action->description.p)
		return NULL;
	s->actions[0] = *action;
	s->action_count = 1;
	m->card->suggestion_count++;
	return s;
}

static bool suggest_removal(struct making *m, size_t drug, struct str name)
{
	const struct hook_action removal = {.type = HOOK_DELETE,
					    .description =
						    arena_printf(m->a, "Remove the draft order of %.*s", STR_ARG(name)),
					    .resource_id = m->orders->drugs[drug].id};
	return suggest(m, arena_printf(m->a, "Remove %.*s", STR_ARG(name)), &removal) != NULL;
}

/* Two drafts that do not go together: either may go. Of the same drug the first will do. */
static bool suggest_other_removal(struct making *m)
{
	const struct finding *f = m->f;
	if (!f->with_drug || m->problem->count > 1 || f->other >= m->orders->drafts ||
	    f->ingredient == f->other_ingredient || !m->orders->drugs[f->other].id.n)
		return true;
	return suggest_removal(m, f->other, one_line(m->a, drug_name(m, f->other, f->other_ingredient), LABEL_MAX));
}

/* The draft as it is, with one more note. */
static struct str with_note(struct arena *a, const struct json *draft, struct str note)
{
	struct buf out;
	struct json_iter it = json_iter(draft), notes = json_iter(json_get(draft, S("note")));
	buf_init(&out, DRAFT_MAX);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	while (json_next(&it)) {
		if (str_is(it.key, "note"))
			continue;
		json_key(&w, it.key);
		json_put_value(&w, it.value);
	}
	json_key(&w, S("note"));
	json_array_begin(&w);
	while (json_next(&notes))
		json_put_value(&w, notes.value);
	json_object_begin(&w);
	json_put_member(&w, S("text"), note);
	json_object_end(&w);
	json_array_end(&w);
	json_object_end(&w);
	struct str text = buf_ok(&out) ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return text;
}

/* "Avoid; use acetaminophen" is no advice for keeping it. */
static bool is_against(struct str advice)
{
	static const char *const words[] = {"avoid", "do not", "contraindicated"};
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		struct str word = str_from(words[i]);
		if (str_eq_nocase(str_slice(advice, 0, word.n), word))
			return true;
	}
	return false;
}

/* Where the order may stand with care, the care goes onto it. */
static bool suggest_note(struct making *m, struct str name)
{
	const struct finding *f = m->f;
	if (f->kind != FINDING_INTERACTION || f->level == LEVEL_CRITICAL || !f->advice.n || is_against(f->advice) ||
	    str_is(f->severity, "contraindicated") ||
	    !str_is(json_get_str(draft_record(m), S("resourceType")), "MedicationRequest"))
		return true;
	struct str note =
		arena_printf(m->a, "With %.*s: %.*s (%.*s)", STR_ARG(drug_name(m, f->other, f->other_ingredient)),
			     STR_ARG(f->advice), STR_ARG(f->rule));
	struct str text = note.p ? with_note(m->a, draft_record(m), note) : STR_NULL;
	if (!text.p)
		return true; /* a draft that is too large for a copy is left alone */
	return suggest(m, arena_printf(m->a, "Keep %.*s, with the advice as a note", STR_ARG(name)),
		       &(struct hook_action){.type = HOOK_UPDATE,
					     .description = arena_printf(m->a, "Note on the order of %.*s: %.*s",
									 STR_ARG(name),
									 STR_ARG(one_line(m->a, f->advice, TEXT_MAX))),
					     .resource_text = text}) != NULL;
}

static bool suggest_all(struct making *m, bool plain)
{
	const struct json *draft = draft_record(m);
	if (!draft || !m->orders->drugs[m->f->drug].id.n)
		return true;
	struct str name = one_line(m->a, drug_name(m, m->f->drug, m->f->ingredient), LABEL_MAX);
	m->card->suggestions = ARENA_ARRAY(m->a, struct hook_suggestion, 3);
	if (!m->card->suggestions || !suggest_removal(m, m->f->drug, name) || !suggest_other_removal(m) ||
	    (!plain && !suggest_note(m, name)))
		return false;
	m->card->at_most_one = !plain && m->card->suggestion_count > 1; /* one of them does */
	return true;
}

/* ---- links ------------------------------------------------------------------------------------------------------- */

/* The address that a citation gives, if it gives one. */
static struct str address_in(struct str citation)
{
	size_t at = str_find(citation, S("https://")), end = at;
	while (at != STR_NONE && end < citation.n && citation.p[end] > ' ' && !strchr("()<>\"';,", citation.p[end]))
		end++;
	return at == STR_NONE || end < at + 12 ? STR_NULL : str_slice(citation, at, end);
}

static bool add_link(struct making *m)
{
	struct str url = address_in(m->f->source), rest = str_slice(url, 8, url.n);
	if (!url.n)
		return true;
	struct str host = str_split(&rest, '/');
	m->card->links = ARENA_NEW(m->a, struct hook_link);
	if (!m->card->links)
		return false;
	*m->card->links = (struct hook_link){
		.label = arena_printf(m->a, "What the rule rests on, at %.*s", STR_ARG(host)), .url = url};
	m->card->link_count = 1;
	return m->card->links->label.p;
}

/* ---- reasons ----------------------------------------------------------------------------------------------------- */

#define REASON(code, display)                                                                                          \
	{                                                                                                              \
		{HOOK_REASON_SYSTEM, sizeof(HOOK_REASON_SYSTEM) - 1}, {code, sizeof(code) - 1},                        \
		{                                                                                                      \
			display, sizeof(display) - 1                                                                   \
		}                                                                                                      \
	}
static struct hook_coding allergy_reasons[] = {
	REASON("tolerated", "The patient has tolerated it"),
	REASON("benefit", "The benefit outweighs the risk"),
	REASON("record-wrong", "The recorded allergy is wrong or out of date"),
	REASON("no-alternative", "There is no alternative"),
};
static struct hook_coding drug_reasons[] = {
	REASON("monitored", "The patient will be monitored"),
	REASON("benefit", "The benefit outweighs the risk"),
	REASON("tolerated", "The patient has tolerated it"),
	REASON("not-taken", "One of the drugs is no longer taken"),
	REASON("no-alternative", "There is no alternative"),
};
static struct hook_coding unread_reasons[] = {
	REASON("checked", "Checked by hand"),
};

static void add_reasons(struct making *m)
{
	switch (m->f->kind) {
	case FINDING_ALLERGY:
		m->card->override_reasons = allergy_reasons;
		m->card->override_reason_count = sizeof(allergy_reasons) / sizeof(*allergy_reasons);
		break;
	case FINDING_INTERACTION:
	case FINDING_DUPLICATE:
		m->card->override_reasons = drug_reasons;
		m->card->override_reason_count = sizeof(drug_reasons) / sizeof(*drug_reasons);
		break;
	default:
		m->card->override_reasons = unread_reasons;
		m->card->override_reason_count = 1;
	}
}

bool hook_orders_card(const struct hook_orders_options *o, struct arena *a, const struct hook_orders *orders,
		      const struct hook_problem *problem, bool plain, struct hook_answer *answer, struct error *err)
{
	const struct finding *f = problem->finding;
	struct making m = {.o = o, .a = a, .orders = orders, .problem = problem, .f = f};
	m.card = hook_answer_card(answer, a, err);
	if (!m.card)
		return false;
	m.card->indicator = f->level == LEVEL_CRITICAL	? HOOK_CRITICAL
			    : f->level == LEVEL_WARNING ? HOOK_WARNING
							: HOOK_INFO;
	m.card->summary = summary(&m);
	m.card->detail = make_detail(&m);
	m.card->source.label = f->verified == VERIFIED_YES
				       ? knowledge_version(o->knowledge)
				       : arena_printf(a, "%.*s (%s)", STR_ARG(knowledge_version(o->knowledge)),
						      verified_name(f->verified));
	m.card->source.topic = (struct hook_coding){S(HOOK_TOPIC_SYSTEM), problem->topic, f->topic};
	m.card->about = problem->about;
	add_reasons(&m);
	return (m.card->summary.p && m.card->detail.p && m.card->source.label.p && suggest_all(&m, plain) &&
		add_link(&m)) ||
	       error_memory(err);
}
