/*
 * The planner: each parameter of a search is sent, applied here, or the reason why the search cannot be asked for. What
 * a vendor ignores without a word (Epic) or answers with an error (Oracle Health) is never sent.
 */
#include "base/encode.h"
#include "ehr/ehr_priv.h"
#include "ehr/plan.h"
#include "search/search.h"

enum { PARAMS_MAX = 64, GENERIC_PAGE = 1000 };

enum fate { SENT, FILTERED, DROPPED };
struct param {
	struct str pair, name, value; /* as written; name without modifier and chain */
	bool modified, chained;
	enum fate fate;
};
struct planner {
	const struct ehr_plan_options *o;
	struct arena *a;
	const struct ehr_type *type; /* the vendor's */
	const char *vendor;
	struct param params[PARAMS_MAX];
	size_t count;
	struct ehr_plan *plan;
	struct error *err;
};

static void note(struct planner *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void note(struct planner *p, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	struct str text = arena_vprintf(p->a, format, args);
	va_end(args);
	if (p->plan->note_count < EHR_PLAN_NOTES && text.p)
		p->plan->notes[p->plan->note_count++] = text;
}

/* The first reason stands. Always false. */
static bool refuse(struct planner *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool refuse(struct planner *p, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	if (!p->plan->refused.p)
		p->plan->refused = arena_vprintf(p->a, format, args);
	va_end(args);
	return false;
}

/* ---- taking the query apart -------------------------------------------------------------------------------------- */

static bool take_apart(struct planner *p)
{
	struct str rest = p->o->query;
	while (rest.p) {
		struct str pair = str_split(&rest, '&');
		if (!pair.n)
			continue;
		if (p->count == PARAMS_MAX)
			return error_set(p->err, ERR_LIMIT, "the search has more than %d parameters", PARAMS_MAX);
		struct str value = pair, name = str_split(&value, '=');
		size_t colon = str_find_char(name, ':', 0), dot = str_find_char(name, '.', 0);
		size_t end = colon < dot ? colon : dot;
		p->params[p->count++] = (struct param){.pair = pair,
						       .name = str_slice(name, 0, end == STR_NONE ? name.n : end),
						       .value = value.p ? value : S(""),
						       .modified = colon != STR_NONE,
						       .chained = dot != STR_NONE || str_starts(name, S("_has:"))};
	}
	return true;
}

static struct param *find(struct planner *p, const char *name)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->params[i].fate == SENT && str_is(p->params[i].name, name))
			return &p->params[i];
	return NULL;
}

static size_t count_of(const struct planner *p, struct str name)
{
	size_t n = 0;
	for (size_t i = 0; i < p->count; i++)
		n += p->params[i].fate == SENT && str_eq(p->params[i].name, name);
	return n;
}

/* ---- what each parameter becomes --------------------------------------------------------------------------------- */

/* Only Provenance comes back at both vendors, and Oracle Health follows few references (capability statements). */
static bool judge_include(struct planner *p, const struct param *param)
{
	bool back = str_is(param->name, "_revinclude");
	if (back && !str_is(param->value, "Provenance:target") && !str_is(param->value, "Provenance%3Atarget"))
		return refuse(p, "%s includes nothing backwards but Provenance:target", p->vendor);
	bool follows = str_is(p->plan->type, "Consent") || str_is(p->plan->type, "Slot");
	if (!back && p->o->vendor == EHR_CERNER && !follows)
		return refuse(p, "%s follows _include only from Consent and Slot", p->vendor);
	return true;
}

/* True when it was one of these; *ret_ok tells whether it may stay. */
static bool judge_control(struct planner *p, struct param *param, bool *ret_ok)
{
	static const char controls[] = "_sort _total _elements _summary _contained _containedType _score _list _type";
	*ret_ok = true;
	if (str_is(param->name, "_format") || str_is(param->name, "_pretty")) {
		param->fate = DROPPED;
		note(p, "%.*s is left out: answers are asked for as JSON", STR_ARG(param->name));
		return true;
	}
	if (str_is(param->name, "_include") || str_is(param->name, "_revinclude")) {
		*ret_ok = judge_include(p, param);
		return true;
	}
	if (str_has_word(str_from(controls), param->name) &&
	    !str_has_word(str_from(p->type->parameters), param->name)) {
		*ret_ok = refuse(p, "%s has no %.*s", p->vendor, STR_ARG(param->name));
		return true;
	}
	if (!str_is(param->name, "_lastUpdated") || str_has_word(str_from(p->type->parameters), param->name))
		return false;
	*ret_ok = refuse(p, "%s does not search %.*s by _lastUpdated%s", p->vendor, STR_ARG(p->plan->type),
			 p->o->vendor == EHR_EPIC ? ", and its resources do not say when they changed" : "");
	return true;
}

/* "ne2020", "ap2020": prefixes that neither vendor documents. */
static bool prefix_unknown(const struct search_param *param, struct str value)
{
	struct str prefix = str_slice(value, 0, 2);
	return param && param->type == PARAM_DATE &&
	       (str_is(prefix, "ne") || str_is(prefix, "sa") || str_is(prefix, "eb") || str_is(prefix, "ap"));
}

static bool judge(struct planner *p, struct param *param)
{
	bool ok;
	const struct search_param *known = search_registry_param(NULL, p->o->type, param->name);
	if (judge_control(p, param, &ok))
		return ok;
	if (param->chained)
		return refuse(p, "%s has no chained searches", p->vendor);
	bool native = str_has_word(str_from(p->type->parameters), param->name);
	if (native && !param->modified && !prefix_unknown(known, param->value))
		return true;
	if (!known && !str_is(param->name, "_id") && !str_is(param->name, "_text") && !str_is(param->name, "_content"))
		return native ? true
			      : error_set(p->err, ERR_UNKNOWN_PARAM,
					  "neither R4 nor %s knows the search parameter '%.*s' of %.*s", p->vendor,
					  STR_ARG(str_slice(param->name, 0, 40)), STR_ARG(p->plan->type));
	param->fate = FILTERED;
	note(p, "%s %s %.*s%s: it is applied here", p->vendor,
	     native ? "does not know this form of" : "does not search by", STR_ARG(param->name),
	     p->o->vendor == EHR_EPIC && !native ? " and would ignore it" : "");
	return true;
}

/* ---- Oracle Health's common rules -------------------------------------------------------------------------------- */

static bool is_before(struct str prefix)
{
	return str_is(prefix, "le") || str_is(prefix, "lt");
}
static bool is_after(struct str prefix)
{
	return str_is(prefix, "ge") || str_is(prefix, "gt");
}

/* Once, or twice as a closed range with times (fhir.cerner.com, "Date and Date/Time Parameters"). */
static bool check_range(struct planner *p, const char *name)
{
	struct str prefixes[2] = {STR_NULL, STR_NULL};
	size_t n = 0, timed = 0;
	for (size_t i = 0; i < p->count; i++) {
		const struct param *param = &p->params[i];
		if (param->fate != SENT || !str_is(param->name, name))
			continue;
		if (n < 2)
			prefixes[n] = str_slice(param->value, 0, 2);
		timed += str_find_char(param->value, 'T', 0) != STR_NONE;
		n++;
	}
	bool plan_range = str_is(p->plan->type, "CarePlan") && n == 1;
	if (n > 2 || plan_range)
		return refuse(p, "%s takes %s %s", p->vendor, name,
			      plan_range ? "of CarePlan twice, ge and le" : "once, or twice as ge and lt");
	if (n < 2)
		return true;
	bool closed =
		(is_after(prefixes[0]) && is_before(prefixes[1])) || (is_before(prefixes[0]) && is_after(prefixes[1]));
	if (!closed)
		return refuse(p, "%s takes %s twice only as a closed range: one ge or gt, one le or lt", p->vendor,
			      name);
	return timed == 2 || refuse(p,
				    "%s takes a range of %s only with times: write %s=ge2026-01-01T00:00:00Z and "
				    "%s=lt2026-02-01T00:00:00Z",
				    p->vendor, name, name, name);
}

static void check_id_alone(struct planner *p)
{
	if (!find(p, "_id"))
		return;
	for (size_t i = 0; i < p->count; i++) {
		struct param *param = &p->params[i];
		if (param->fate != SENT || str_is(param->name, "_id") || str_is(param->name, "_revinclude"))
			continue;
		param->fate = str_is(param->name, "_count") ? DROPPED : FILTERED;
		note(p, "%s takes _id alone: %.*s is %s", p->vendor, STR_ARG(param->name),
		     param->fate == DROPPED ? "left out" : "applied here");
	}
}

static bool check_cerner(struct planner *p)
{
	static const char *const ranges[] = {"date", "_lastUpdated", "period"};
	check_id_alone(p);
	struct param *date = find(p, "date");
	if (str_is(p->plan->type, "Observation") && date && find(p, "_lastUpdated")) {
		note(p, "%s takes date or _lastUpdated of Observation, not both: date is applied here", p->vendor);
		for (; date; date = find(p, "date"))
			date->fate = FILTERED;
	}
	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
		if (!check_range(p, ranges[i]))
			return false;
	const struct param *category = find(p, "category"), *code = find(p, "code");
	if (category && code && str_find(category->value, S("vital-signs")) != STR_NONE &&
	    str_find(code->value, S("codeSet")) != STR_NONE)
		note(p, "%s answers vital-signs with a code of its own with nothing: ask by LOINC code", p->vendor);
	return true;
}

/* ---- what a search needs ----------------------------------------------------------------------------------------- */

static bool alternative_met(struct planner *p, struct str alternative)
{
	while (alternative.p)
		if (!count_of(p, str_split(&alternative, '+')))
			return false;
	return true;
}

static bool needs_met(struct planner *p, const char *needs)
{
	struct str rest = str_from(needs);
	while (rest.p)
		if (alternative_met(p, str_split(&rest, '|')))
			return true;
	return false;
}

/* "patient and category, or _id" */
static struct str in_words(struct planner *p, const char *needs)
{
	struct str rest = str_from(needs), words = STR_NULL;
	while (rest.p) {
		struct str alternative = str_split(&rest, '|'), one = STR_NULL;
		while (alternative.p) {
			struct str name = str_split(&alternative, '+');
			one = one.p ? arena_printf(p->a, "%.*s and %.*s", STR_ARG(one), STR_ARG(name)) : name;
		}
		words = words.p ? arena_printf(p->a, "%.*s%s %.*s", STR_ARG(words), rest.p ? "," : ", or", STR_ARG(one))
				: one;
	}
	return words;
}

/* Categories whose APIs a captured registration listed: what "all" can mean at Epic, one request each. */
static const char *const epic_categories[] = {"vital-signs", "laboratory", "social-history",
					      "survey",	     "imaging",	   "sdoh"};

static bool complete(struct planner *p)
{
	bool patient = find(p, "patient") || find(p, "subject");
	struct ehr_plan *plan = p->plan;
	if (needs_met(p, p->type->needs))
		return true;
	if (p->o->vendor == EHR_EPIC && str_is(plan->type, "Observation") && patient) {
		note(p, "Epic needs category or code with patient: each category that is known of it is asked for");
		plan->count = sizeof epic_categories / sizeof epic_categories[0];
		return true;
	}
	if (p->o->vendor == EHR_CERNER && str_is(plan->type, "CarePlan") && patient) {
		note(p, "%s needs category with patient, and has one: category=assess-plan is added", p->vendor);
		p->params[p->count < PARAMS_MAX ? p->count++ : PARAMS_MAX - 1] = (struct param){
			.pair = S("category=assess-plan"), .name = S("category"), .value = S("assess-plan")};
		return true;
	}
	bool weak = p->o->vendor == EHR_EPIC && str_is(plan->type, "Patient") && p->count > 0;
	return refuse(p, "%s searches %.*s by %.*s%s", p->vendor, STR_ARG(plan->type),
		      STR_ARG(in_words(p, p->type->needs)), weak ? "; by less it finds nobody, whoever is there" : "");
}

/* ---- the plan ---------------------------------------------------------------------------------------------------- */

static struct str join(struct planner *p, enum fate fate)
{
	struct buf out;
	buf_init(&out, 1 << 20);
	for (size_t i = 0; i < p->count; i++) {
		if (p->params[i].fate != fate)
			continue;
		if (out.n)
			buf_char(&out, '&');
		buf_add(&out, p->params[i].pair);
	}
	struct str text = arena_str(p->a, buf_str(&out));
	buf_done(&out);
	return text;
}

static unsigned page_of(const struct planner *p)
{
	if (find((struct planner *)(uintptr_t)p, "_count"))
		return 0;
	if (p->o->page > 0)
		return (unsigned)(p->o->page > 10000 ? 10000 : p->o->page);
	if (p->o->vendor == EHR_GENERIC)
		return GENERIC_PAGE;
	bool counts = str_has_word(str_from(p->type->parameters), S("_count")) && !count_of(p, S("_id"));
	return counts && p->type->page_max > p->type->page ? p->type->page_max : 0;
}

static bool fill(struct planner *p)
{
	struct ehr_plan *plan = p->plan;
	struct str filter = join(p, FILTERED), sent = join(p, SENT);
	unsigned page = page_of(p);
	if (page)
		sent = arena_printf(p->a, "%.*s%s_count=%u", STR_ARG(sent), sent.n ? "&" : "", page);
	size_t split = plan->count; /* one request per category */
	plan->filter = filter.n ? filter : STR_NULL;
	if (!filter.p || !sent.p)
		return error_memory(p->err);
	if (!split)
		plan->queries[plan->count++] = sent;
	for (size_t i = 0; i < split; i++) {
		plan->queries[i] = arena_printf(p->a, "%.*s&category=%s", STR_ARG(sent), epic_categories[i]);
		if (!plan->queries[i].p)
			return error_memory(p->err);
	}
	return true;
}

/* False when it is refused or cannot be planned. */
static bool by_vendor(struct planner *p)
{
	p->type = ehr_type_find(p->o->vendor, p->plan->type);
	if (!p->type)
		return refuse(p, "%s does not offer %.*s to clients", p->vendor, STR_ARG(p->plan->type));
	if (!strchr(p->type->interactions, 's'))
		return refuse(p, "%s lets clients read %.*s by its id, not search it", p->vendor,
			      STR_ARG(p->plan->type));
	for (size_t i = 0; i < p->count; i++)
		if (!judge(p, &p->params[i]))
			return false;
	return (p->o->vendor != EHR_CERNER || check_cerner(p)) && complete(p);
}

bool ehr_plan_make(const struct ehr_plan_options *options, struct arena *a, struct ehr_plan *ret_plan,
		   struct error *err)
{
	struct ehr_plan plan = {.type = options->type->name};
	struct error trouble = {0};
	struct planner p = {.o = options, .a = a, .vendor = ehr_vendor_label(options->vendor), .plan = &plan};
	p.err = &trouble;
	bool tables = options->vendor != EHR_GENERIC && !options->unchecked;
	bool ok = take_apart(&p);
	if (ok && options->unchecked)
		plan.queries[plan.count++] = options->query.p ? options->query : S("");
	else if (ok && (!tables || by_vendor(&p)))
		ok = fill(&p);
	if (trouble.code) {
		error_set(err, trouble.code, "%s", trouble.text);
		return false;
	}
	if (plan.refused.p)
		plan.count = 0;
	*ret_plan = plan;
	return true;
}
