/*
 * Patient/$match (http://hl7.org/fhir/R4/patient-operation-match.html): who of the stored patients may be the person
 * that was sent. Candidates come from searches by what identifies a person, so the whole store is never compared; each
 * is weighed field by field, and the answer explains how, naming fields but never their values.
 */
#include <math.h>
#include <stdlib.h>

#include "base/fold.h"
#include "server/rest/operations/match.h"
#include "server/rest/operations/results.h"

enum { MAX_CANDIDATES = 1000, PER_SEARCH = 100, MAX_SEARCHES = 40, COUNT_DEFAULT = 10, COUNT_MAX = 100 };
#define GRADE_EXTENSION "http://hl7.org/fhir/StructureDefinition/match-grade"

const struct operation_param operation_match_params[] = {{"resource", IN_RESOURCE, false, "Patient"},
							 {"onlyCertainMatches", IN_FLAG, false, NULL},
							 {"count", IN_COUNT, false, NULL},
							 {0}};

struct candidate {
	struct store_entry entry;
	struct match_result result;
};
struct matching {
	struct operation_call *op;
	const struct match_weights *weights;
	const struct json *wanted;
	int64_t population;
	struct candidate *candidates;
	size_t count, capacity, searches;
	bool cut; /* a search found more than are looked at */
};

/* ---- candidates
 * ------------------------------------------------------------------------------------------------------ */

static bool is_known(const struct matching *m, struct str id)
{
	for (size_t i = 0; i < m->count; i++)
		if (str_eq(m->candidates[i].entry.id, id))
			return true;
	return false;
}

static bool take(struct matching *m, const struct store_entry *entry, struct error *err)
{
	struct candidate *grown;
	if (is_known(m, entry->id))
		return true;
	if (m->count == MAX_CANDIDATES) {
		m->cut = true;
		return true;
	}
	const struct json *patient = json_parse(m->op->arena, entry->body, 0, err);
	if (!patient)
		return false;
	grown = arena_grow(m->op->arena, m->candidates, m->count, &m->capacity, m->count + 1, sizeof(*grown));
	if (!grown)
		return error_memory(err);
	m->candidates = grown;
	grown[m->count].entry = *entry;
	if (!match_compare(m->op->arena, m->weights, m->population, m->wanted, patient, &grown[m->count].result))
		return error_memory(err);
	m->count++;
	return true;
}

/* Two parameters at once; the second may be missing a value, then there is nothing to look for. */
static bool look(struct matching *m, const char *first, struct str a, const char *second, struct str b,
		 struct error *err)
{
	struct buf text;
	struct store_page page = {0};
	if (!a.n || (second && !b.n) || m->searches == MAX_SEARCHES)
		return true;
	m->searches++;
	buf_init(&text, (size_t)1 << 16);
	results_put_param(&text, first, a);
	if (second)
		results_put_param(&text, second, b);
	buf_printf(&text, "&_count=%d", PER_SEARCH);
	struct str query = buf_ok(&text) ? arena_str(m->op->arena, buf_str(&text)) : STR_NULL;
	buf_done(&text);
	if (!query.p)
		return error_memory(err);
	if (!operation_search(m->op, m->op->call->type, query, STR_NULL, &page, err))
		return false;
	m->cut = m->cut || page.next.p;
	for (size_t i = 0; i < page.count; i++)
		if (!take(m, &page.entries[i], err))
			return false;
	return true;
}

/* Commas, bars, dollars and backslashes are part of the language of searches. */
static struct str plain(struct matching *m, struct str text)
{
	struct buf out;
	buf_init(&out, 4096);
	for (size_t i = 0; i < text.n; i++) {
		if (strchr(",|$\\", text.p[i]) && text.p[i])
			buf_char(&out, '\\');
		buf_char(&out, text.p[i]);
	}
	struct str result = buf_ok(&out) ? arena_str(m->op->arena, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return result;
}

static bool look_by_identifiers(struct matching *m, struct error *err)
{
	struct json_iter it = json_iter(json_get(m->wanted, S("identifier")));
	while (json_next(&it)) {
		struct str system = plain(m, json_get_str(it.value, S("system")));
		struct str value = plain(m, json_get_str(it.value, S("value")));
		struct str token = system.n && value.n
					   ? arena_printf(m->op->arena, "%.*s|%.*s", STR_ARG(system), STR_ARG(value))
					   : STR_NULL;
		if (!look(m, "identifier", token, NULL, STR_NULL, err))
			return false;
	}
	return true;
}

static bool look_by_names(struct matching *m, struct error *err)
{
	struct str birth = json_get_str(m->wanted, S("birthDate"));
	struct json_iter it = json_iter(json_get(m->wanted, S("name")));
	while (json_next(&it)) {
		struct str family = plain(m, json_get_str(it.value, S("family")));
		struct json_iter given = json_iter(json_get(it.value, S("given")));
		if (!look(m, "family", family, "birthdate", birth, err))
			return false;
		while (json_next(&given)) {
			struct str name = plain(m, json_str(given.value));
			if (!look(m, "given", name, "birthdate", birth, err) ||
			    !look(m, "family", family, "given", name, err))
				return false;
		}
	}
	return true;
}

static bool look_by_contacts(struct matching *m, struct error *err)
{
	struct json_iter it = json_iter(json_get(m->wanted, S("telecom")));
	while (json_next(&it)) {
		struct str system = json_get_str(it.value, S("system"));
		const char *name = str_is(system, "email") ? "email" : str_is(system, "phone") ? "phone" : NULL;
		if (name && !look(m, name, plain(m, json_get_str(it.value, S("value"))), NULL, STR_NULL, err))
			return false;
	}
	struct json_iter address = json_iter(json_get(m->wanted, S("address")));
	while (json_next(&address))
		if (!look(m, "address-postalcode", plain(m, json_get_str(address.value, S("postalCode"))), "birthdate",
			  json_get_str(m->wanted, S("birthDate")), err))
			return false;
	return true;
}

/* Among those that the caller may see: how many others there are is not told by the weights either. */
static bool count_patients(struct matching *m, struct error *err)
{
	struct store_page page = {0};
	if (!operation_search(m->op, m->op->call->type, S("_summary=count"), STR_NULL, &page, err))
		return false;
	m->population = page.total > 0 ? page.total : 1;
	return true;
}

/* ---- the answer
 * ------------------------------------------------------------------------------------------------------ */

static int by_score(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	if (x->result.grade != y->result.grade)
		return x->result.grade < y->result.grade ? 1 : -1;
	if (x->result.weight != y->result.weight)
		return x->result.weight < y->result.weight ? 1 : -1;
	return str_cmp(x->entry.id, y->entry.id);
}

/* At most what a decimal shows without pretending: the certain are never quite 1 by the sum alone. */
static void put_search(struct rest_bundle *b, const struct match_result *r)
{
	json_key(&b->w, S("search"));
	json_put_raw(&b->w, S(""));
	buf_printf(b->w.out,
		   "{\"extension\":[{\"url\":\"" GRADE_EXTENSION "\",\"valueCode\":\"%s\"}],\"mode\":\"match\","
		   "\"score\":%.4f}",
		   match_grade_code(r->grade), r->probability);
}

static struct str explain(struct matching *m, const struct candidate *c)
{
	struct buf text;
	buf_init(&text, 4096);
	buf_printf(&text, "Patient/%.*s is %s: probability %.4f by %.1f bits against 1 in %lld", STR_ARG(c->entry.id),
		   match_grade_code(c->result.grade), c->result.probability, c->result.weight,
		   (long long)m->population);
	for (enum match_field f = 0; f < MATCH_FIELDS; f++)
		if (c->result.outcomes[f] != MATCH_MISSING)
			buf_printf(&text, "; %s %s %+.1f", match_field_name(f),
				   match_outcome_name(c->result.outcomes[f]), c->result.weights[f]);
	if (c->result.rule)
		buf_printf(&text, "; rule: %s", c->result.rule);
	struct str result = buf_ok(&text) ? arena_str(m->op->arena, buf_str(&text)) : STR_NULL;
	buf_done(&text);
	return result;
}

static bool put_explanation(struct matching *m, struct rest_bundle *b, size_t shown, struct error *err)
{
	struct issues list;
	issues_init(&list, m->op->arena);
	list.max = COUNT_MAX + 1;
	for (size_t i = 0; i < shown; i++) {
		struct str text = explain(m, &m->candidates[i]);
		if (!text.p)
			return error_memory(err);
		issues_add(&list, ISSUE_INFORMATION, ERR_NONE, STR_NULL, "%.*s", STR_ARG(text));
	}
	if (m->cut)
		issues_add(
			&list, ISSUE_WARNING, ERR_LIMIT, STR_NULL,
			"A search for candidates found more than the %d that are compared; send more about the person",
			PER_SEARCH);
	bundle_open_plain(b);
	json_key(&b->w, S("resource"));
	json_put_raw(&b->w, S(""));
	outcome_write(b->w.out, &list);
	json_key(&b->w, S("search"));
	json_put_raw(&b->w, S("{\"mode\":\"outcome\"}"));
	bundle_close_entry(b);
	return true;
}

static bool write_matches(struct matching *m, size_t shown, struct buf *out, struct error *err)
{
	struct rest_bundle b;
	bundle_begin(&b, m->op->call, out, "searchset", (int64_t)shown);
	for (size_t i = 0; i < shown; i++) {
		if (!bundle_open_entry(&b, &m->candidates[i].entry, err))
			return false;
		put_search(&b, &m->candidates[i].result);
		bundle_close_entry(&b);
	}
	if ((shown || m->cut) && !put_explanation(m, &b, shown, err))
		return false;
	bundle_end(&b);
	return true;
}

bool operation_match(struct operation_call *op, struct rest_answer *answer, struct error *err)
{
	struct matching m = {.op = op,
			     .weights = op->call->server->o.match_weights ? op->call->server->o.match_weights
									  : &match_default_weights,
			     .wanted = operation_value(op, "resource")};
	bool certain = operation_flag(op, "onlyCertainMatches", false);
	int64_t most = operation_number(op, "count", COUNT_DEFAULT);
	size_t shown = 0;
	if (!operation_require(op, "resource", err))
		return false;
	if (most < 1 || most > COUNT_MAX)
		return error_set(err, ERR_VALUE, "count must be from 1 to %d", COUNT_MAX);
	if (!count_patients(&m, err) || !look_by_identifiers(&m, err) || !look_by_names(&m, err) ||
	    !look_by_contacts(&m, err))
		return false;
	if (!m.searches)
		return error_set(err, ERR_REQUIRED,
				 "Nothing of the patient can be looked for: send an identifier with its system, a name "
				 "with a birth date or given name, a phone number, or an email address");
	if (m.count)
		qsort(m.candidates, m.count, sizeof(*m.candidates), by_score);
	while (shown < m.count && shown < (size_t)most &&
	       m.candidates[shown].result.grade >= (certain ? MATCH_CERTAIN : MATCH_POSSIBLE))
		shown++;
	return write_matches(&m, shown, &answer->body, err);
}
