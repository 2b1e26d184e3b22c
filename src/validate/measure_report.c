/*
 * MeasureReports against the Measure that they report on (http://hl7.org/fhir/R4/measurereport.html), when it is at
 * hand: groups, populations and stratifiers are those of the Measure, told by their codes, and each occurs once; a
 * complete report leaves none out; the score fits the scoring. Subjects are listed in subject lists only.
 */
#include "base/decimal.h"
#include "fhir/resource.h"
#include "validate/validate_priv.h"

enum { SHOWN = 100, MAX_PARTS = 500 };
#define SHOW(s) STR_ARG(str_slice((s), 0, SHOWN))

#define POPULATIONS S("http://terminology.hl7.org/CodeSystem/measure-population")

struct report {
	struct validation *v;
	struct str type, scoring; /* scoring: STR_NULL when it is none of HL7's */
	bool complete;
};

/* ---- codes ------------------------------------------------------------------------------------------------------ */

static bool same_coding(const struct json *a, const struct json *b)
{
	struct str system = json_get_str(a, S("system")), other = json_get_str(b, S("system")),
		   code = json_get_str(a, S("code"));
	return code.n && str_eq(code, json_get_str(b, S("code"))) && (!system.n || !other.n || str_eq(system, other));
}

static bool same_concept(const struct json *a, const struct json *b)
{
	struct str text = json_get_str(a, S("text"));
	if (text.n && str_eq_nocase(text, json_get_str(b, S("text"))))
		return true;
	for (struct json_iter i = json_iter(json_get(a, S("coding"))); json_next(&i);)
		for (struct json_iter k = json_iter(json_get(b, S("coding"))); json_next(&k);)
			if (same_coding(i.value, k.value))
				return true;
	return false;
}

/* The code of a stratifier is a list in reports, all others are one concept. */
static bool has_code(const struct json *part, const struct json *concept)
{
	const struct json *code = json_get(part, S("code"));
	if (!json_is(code, JSON_ARRAY))
		return same_concept(code, concept);
	for (struct json_iter it = json_iter(code); json_next(&it);)
		if (same_concept(it.value, concept))
			return true;
	return false;
}

/* What a concept is called in a finding. */
static struct str concept_name(const struct json *concept)
{
	struct json_iter it = json_iter(json_get(concept, S("coding")));
	if (json_next(&it) && json_get_str(it.value, S("code")).n)
		return json_get_str(it.value, S("code"));
	return json_get_str(concept, S("text"));
}

static bool is_population(const struct json *part, const char *code)
{
	for (struct json_iter it = json_iter(json_get(json_get(part, S("code")), S("coding"))); json_next(&it);)
		if (str_is(json_get_str(it.value, S("code")), code) &&
		    str_eq(json_get_str(it.value, S("system")), POPULATIONS))
			return true;
	return false;
}

/* ---- parts: groups, populations, stratifiers -------------------------------------------------------------------- */

typedef void (*part_check)(const struct report *r, const struct node *part, const struct json *defined);

struct parts {
	const struct report *r;
	const struct node *at; /* whose parts these are in the report */
	struct str name; /* "group" */
	const struct json *reported, *defined; /* lists */
	part_check check; /* for each that is defined */
};

static size_t count_of(const struct json *list)
{
	return json_iter(list).left;
}

/* The one that the Measure defines for a part, NULL when there is none, and that is reported. */
static const struct json *find_defined(const struct parts *p, const struct node *part)
{
	if (!json_get(part->value, S("code"))) {
		find_error(p->r->v, part, ERR_REQUIRED, "measure-code",
			   "This %.*s must have the code that it has in the Measure", STR_ARG(p->name));
		return NULL;
	}
	for (struct json_iter it = json_iter(p->defined); json_next(&it);)
		if (has_code(part->value, json_get(it.value, S("code"))))
			return it.value;
	find_error(p->r->v, part, ERR_VALUE, "measure-code", "The Measure defines no %.*s with the code \"%.*s\"",
		   STR_ARG(p->name), SHOW(concept_name(json_get(part->value, S("code")))));
	return NULL;
}

static bool is_among(const struct json *const *seen, size_t count, const struct json *defined)
{
	for (size_t i = 0; i < count; i++)
		if (seen[i] == defined)
			return true;
	return false;
}

static void check_missing(const struct parts *p, const struct json *const *seen, size_t count)
{
	for (struct json_iter it = json_iter(p->defined); json_next(&it);)
		if (!is_among(seen, count, it.value) && !is_population(it.value, "measure-observation"))
			find_error(p->r->v, p->at, ERR_REQUIRED, "measure-missing",
				   "The report is complete, but has no %.*s for \"%.*s\" of the Measure",
				   STR_ARG(p->name), SHOW(concept_name(json_get(it.value, S("code")))));
}

static void check_parts(const struct parts *p)
{
	const struct json *seen[MAX_PARTS];
	size_t count = 0;
	int64_t i = 0;
	if (count_of(p->reported) > MAX_PARTS || count_of(p->defined) > MAX_PARTS) {
		find_hint(p->r->v, p->at, ERR_LIMIT, "measure",
			  "More than %d parts are not compared with those of the Measure", MAX_PARTS);
		return;
	}
	for (struct json_iter it = json_iter(p->reported); json_next(&it); i++) {
		struct node part = node_child(p->at, p->name, i, it.value);
		const struct json *defined = find_defined(p, &part);
		if (!defined)
			continue;
		if (is_among(seen, count, defined)) {
			find_error(p->r->v, &part, ERR_VALUE, "measure-code",
				   "The report has another %.*s with the code \"%.*s\"", STR_ARG(p->name),
				   SHOW(concept_name(json_get(defined, S("code")))));
			continue;
		}
		seen[count++] = defined;
		if (p->check)
			p->check(p->r, &part, defined);
	}
	if (p->r->complete)
		check_missing(p, seen, count);
}

/* ---- populations ------------------------------------------------------------------------------------------------ */

static size_t subjects_in(const struct json *list)
{
	size_t count = 0;
	for (struct json_iter it = json_iter(json_get(list, S("entry"))); json_next(&it);)
		count += !json_bool(json_get(it.value, S("deleted")));
	return count;
}

/* One subject instead of a List of them counts as one. A list may be of reports where more than one belong to a
 * subject, for instance by encounter, so that another number is likely wrong, not surely. */
static void check_subjects(const struct report *r, const struct node *population, const struct json *subjects)
{
	struct str text = json_get_str(subjects, S("reference"));
	const struct json *list = text.n ? validation_resolve(r->v, population->holder, text).resource : NULL;
	struct str type = list ? json_get_str(list, S("resourceType")) : reference_parse(r->v->definitions, text).type;
	bool known = list && str_is(type, "List");
	uint64_t count;
	if (!type.n || (str_is(type, "List") && !list) ||
	    !str_to_u64(json_number(json_get(population->value, S("count"))), &count))
		return;
	size_t listed = known ? subjects_in(list) : 1;
	if (count != listed)
		validation_find(r->v, population, known ? ISSUE_WARNING : ISSUE_ERROR, ERR_VALUE, S("measure-subjects"),
				"The count is %llu, but the subjects that are listed are %zu",
				(unsigned long long)count, listed);
}

static void check_population(const struct report *r, const struct node *at, const struct json *defined)
{
	const struct json *subjects = json_get(at->value, S("subjectResults"));
	(void)defined;
	if (str_is(r->type, "subject-list")) {
		check_subjects(r, at, subjects);
		return;
	}
	if (subjects)
		find_error(r->v, at, ERR_VALUE, "measure-subjects",
			   "Subjects are listed in reports of type \"subject-list\" only, and this one is \"%.*s\"",
			   SHOW(r->type));
	if (r->complete && !json_get(at->value, S("count")) && !json_get(at->value, S("_count")))
		find_warning(r->v, at, ERR_REQUIRED, "measure-count", "The population has no count");
}

/* ---- scores ----------------------------------------------------------------------------------------------------- */

static bool is_from_0_to_1(struct str number)
{
	struct decimal value, zero = decimal_from_i64(0), one = decimal_from_i64(1);
	return !decimal_parse(number, &value) || (decimal_cmp(&value, &zero) >= 0 && decimal_cmp(&value, &one) <= 0);
}

/* A proportion is a number from 0 to 1; the unit "1" says no more. */
static void check_proportion(const struct report *r, const struct node *score)
{
	struct str code = json_get_str(score->value, S("code")), unit = json_get_str(score->value, S("unit"));
	if ((code.n && !str_is(code, "1")) || (!code.n && unit.n && !str_is(unit, "1")))
		find_error(r->v, score, ERR_VALUE, "measure-score", "A proportion has no unit such as \"%.*s\"",
			   SHOW(code.n ? code : unit));
	else if (!is_from_0_to_1(json_number(json_get(score->value, S("value")))))
		find_error(r->v, score, ERR_VALUE, "measure-score", "A proportion is from 0 to 1, and not %.*s",
			   SHOW(json_number(json_get(score->value, S("value")))));
}

/* Nothing can be divided by an empty population, so that there is no score. */
static bool counts_nobody(const struct json *group)
{
	for (struct json_iter it = json_iter(json_get(group, S("population"))); json_next(&it);)
		if (str_is(json_number(json_get(it.value, S("count"))), "0"))
			return true;
	return false;
}

static void check_score(const struct report *r, const struct node *group)
{
	const struct json *value = json_get(group->value, S("measureScore"));
	struct node score = node_child(group, S("measureScore"), -1, value);
	bool summary = str_is(r->type, "summary") || str_is(r->type, "subject-list");
	if (!r->scoring.n)
		return;
	if (str_is(r->scoring, "cohort")) {
		if (value)
			find_error(r->v, &score, ERR_VALUE, "measure-score",
				   "The scoring of the Measure is cohort, which has no score");
		return;
	}
	if (!value) {
		if (r->complete && summary && !counts_nobody(group->value))
			find_error(r->v, group, ERR_REQUIRED, "measure-score",
				   "The scoring of the Measure is %.*s, and the report is complete without a score",
				   STR_ARG(r->scoring));
		return;
	}
	if (!json_get(value, S("value"))) {
		if (!json_get(value, S("extension")) && !json_get(value, S("_value")))
			find_error(r->v, &score, ERR_REQUIRED, "measure-score", "The score has no value");
	} else if (str_is(r->scoring, "proportion")) {
		check_proportion(r, &score);
	}
}

/* ---- groups ----------------------------------------------------------------------------------------------------- */

static void check_group(const struct report *r, const struct node *at, const struct json *defined)
{
	struct parts p = {.r = r, .at = at, .name = S("population"), .check = check_population};
	p.reported = json_get(at->value, p.name);
	p.defined = json_get(defined, p.name);
	check_parts(&p);
	check_score(r, at);
	p.name = S("stratifier");
	p.check = NULL;
	p.reported = json_get(at->value, p.name);
	p.defined = json_get(defined, p.name);
	check_parts(&p);
}

/* The only group of a report is the only one of the Measure also without a code. */
static void check_groups(const struct report *r, const struct node *at, const struct json *measure)
{
	struct parts p = {.r = r, .at = at, .name = S("group"), .check = check_group};
	p.reported = json_get(at->value, p.name);
	p.defined = json_get(measure, p.name);
	struct json_iter reported = json_iter(p.reported), defined = json_iter(p.defined);
	if (!defined.left)
		return;
	if (reported.left == 1 && defined.left == 1 && json_next(&reported) && json_next(&defined) &&
	    !(json_get(reported.value, S("code")) && json_get(defined.value, S("code")))) {
		struct node group = node_child(at, p.name, 0, reported.value);
		check_group(r, &group, defined.value);
		return;
	}
	check_parts(&p);
}

/* ---- the report ------------------------------------------------------------------------------------------------- */

static const struct json *find_measure(struct validation *v, const struct node *at, struct str name)
{
	struct error err = {0};
	if (str_starts(name, S("#")))
		return validation_resolve(v, at->holder, name).resource;
	const struct canonical *c = canonicals_find(v->canonicals, S("Measure"), name, NULL);
	return c ? canonical_json(v->canonicals, c, &err) : NULL;
}

static struct str scoring_of(const struct json *measure)
{
	static const char *const known[] = {"proportion", "ratio", "continuous-variable", "cohort"};
	for (struct json_iter it = json_iter(json_get(json_get(measure, S("scoring")), S("coding"))); json_next(&it);)
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (str_is(json_get_str(it.value, S("code")), known[i]))
				return str_from(known[i]);
	return STR_NULL;
}

void rule_measure_report(struct validation *v, const struct node *at)
{
	struct str name = json_get_str(at->value, S("measure"));
	const struct json *measure = name.n ? find_measure(v, at, name) : NULL;
	struct report r = {.v = v, .type = json_get_str(at->value, S("type"))};
	struct node place = node_child(at, S("measure"), -1, json_get(at->value, S("measure")));
	if (!name.n || str_is(r.type, "data-collection"))
		return;
	if (!str_is(json_get_str(measure, S("resourceType")), "Measure")) {
		find_hint(v, &place, ERR_NOT_FOUND, "measure",
			  "The Measure \"%.*s\" is not at hand, so the report is not compared with it", SHOW(name));
		return;
	}
	r.scoring = scoring_of(measure);
	r.complete = str_is(json_get_str(at->value, S("status")), "complete");
	if (!r.scoring.n)
		find_hint(v, &place, ERR_NOT_FOUND, "measure-score",
			  "The scoring of the Measure is none that is known, so scores are not checked");
	check_groups(&r, at, measure);
}
