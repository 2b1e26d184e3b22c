/*
 * References as such (http://hl7.org/fhir/R4/references.html): their form, the type they name, and what can be said of
 * their target without asking anybody. Target types and profiles are the definitions' matter and checked with them.
 */
#include "validate/validate_priv.h"

enum { SHOWN = 200, MAX_NEAR = 5 };
#define CORE	S("http://hl7.org/fhir/StructureDefinition/")
#define SHOW(s) STR_ARG(str_slice((s), 0, SHOWN))

static bool is_urn(struct str s)
{
	return str_starts(s, S("urn:"));
}

static bool has_scheme(struct str s)
{
	size_t colon = str_find_char(s, ':', 0), slash = str_find_char(s, '/', 0);
	return colon != STR_NONE && (slash == STR_NONE || colon < slash);
}

static bool has_blank(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ')
			return true;
	return false;
}

/* The resource directly in the Bundle that the node is in, NULL outside of Bundles. */
static const struct holder *entry_holder(const struct holder *h)
{
	for (; h && h->outer; h = h->outer)
		if (h->outer->type && str_is(h->outer->type->name, "Bundle"))
			return h;
	return NULL;
}

static bool bundle_is(const struct holder *entry, const char *a, const char *b)
{
	struct str type = json_get_str(entry->outer->json, S("type"));
	return str_is(type, a) || str_is(type, b);
}

/* "http://host/base/Chicken/1": has the form of a RESTful URL, but of no resource type. STR_NULL otherwise. */
static struct str odd_type(struct validation *v, struct str url)
{
	size_t history = str_find(url, S("/_history/"));
	url = str_slice(url, 0, history == STR_NONE ? url.n : history);
	size_t id = str_rfind_char(url, '/');
	struct str before = id == STR_NONE ? STR_NULL : str_slice(url, 0, id);
	size_t slash = str_rfind_char(before, '/');
	struct str type = slash == STR_NONE ? before : str_slice(before, slash + 1, before.n);
	if (!type.n || type.p[0] < 'A' || type.p[0] > 'Z' || definitions_resource(v->definitions, type))
		return STR_NULL;
	return type;
}

/* ---- form ------------------------------------------------------------------------------------------------------- */

static void check_stated_type(struct validation *v, const struct node *at, const struct reference *r)
{
	struct str stated = json_get_str(at->value, S("type"));
	if (str_starts(stated, CORE) && definitions_resource(v->definitions, str_slice(stated, CORE.n, stated.n))) {
		find_error(v, at, ERR_VALUE, "reference-type",
			   "The type of a reference is \"%.*s\"; absolute URLs are for logical models",
			   SHOW(str_slice(stated, CORE.n, stated.n)));
		return;
	}
	if (!stated.n || !r->type.n || str_eq(stated, r->type) || str_find_char(stated, ':', 0) != STR_NONE)
		return;
	find_error(v, at, ERR_VALUE, "reference-type", "The reference says type \"%.*s\", but \"%.*s\" is a %.*s",
		   SHOW(stated), SHOW(r->text), SHOW(r->type));
}

static bool check_form(struct validation *v, const struct node *at, const struct reference *r)
{
	struct str odd = has_scheme(r->text) ? STR_NULL : odd_type(v, r->text);
	if (has_blank(r->text)) {
		find_error(v, at, ERR_VALUE, "reference-form", "\"%.*s\" is no reference: it has blanks",
			   SHOW(r->text));
		return false;
	}
	if (r->kind == REF_ABSOLUTE && !r->type.n && v->options->rest_references)
		odd = odd_type(v, r->text);
	if (odd.p) {
		find_error(v, at, ERR_VALUE, "reference-form", "\"%.*s\" in the reference \"%.*s\" is no resource type",
			   SHOW(odd), SHOW(r->text));
		return false;
	}
	return true;
}

/* ---- in Bundles ------------------------------------------------------------------------------------------------- */

/* Entries that have the type and id of the reference, but not the fullUrl that it means. */
static void tell_near_misses(struct validation *v, const struct node *at, const struct holder *entry,
			     const struct reference *r)
{
	/* messages are sent to be understood as they are */
	enum issue_severity severity = bundle_is(entry, "message", "message") ? ISSUE_ERROR : ISSUE_WARNING;
	size_t near = 0;
	int64_t i = 0;
	for (struct json_iter it = json_iter(json_get(entry->outer->json, S("entry"))); json_next(&it); i++) {
		const struct json *resource = json_get(it.value, S("resource"));
		if (!r->id.n || !str_eq(json_get_str(resource, S("id")), r->id) ||
		    !str_eq(json_get_str(resource, S("resourceType")), r->type))
			continue;
		if (near++ < MAX_NEAR)
			validation_find(
				v, at, severity, ERR_NOT_FOUND, S("bundle-reference"),
				"Entry %lld has the type and id of \"%.*s\", but its fullUrl \"%.*s\" is not what "
				"the reference means in this Bundle",
				(long long)i, SHOW(r->text), SHOW(json_get_str(it.value, S("fullUrl"))));
	}
}

static void check_in_bundle(struct validation *v, const struct node *at, const struct holder *entry,
			    const struct reference *r, const struct target *t)
{
	bool exchange =
		bundle_is(entry, "transaction", "batch") || bundle_is(entry, "transaction-response", "batch-response");
	bool search = str_find_char(r->text, '?', 0) != STR_NONE;
	if (t->place == TARGET_BUNDLED && t->matches > 1) {
		find_error(v, at, ERR_MULTIPLE, "bundle-reference",
			   "%zu entries of the Bundle match the reference \"%.*s\"", t->matches, SHOW(r->text));
	} else if (!has_scheme(r->text) && !entry->full_url.n && !search) {
		validation_find(v, at, exchange ? ISSUE_WARNING : ISSUE_ERROR, ERR_REQUIRED, S("bundle-reference"),
				"The relative reference \"%.*s\" means nothing: its entry has no fullUrl",
				SHOW(r->text));
	} else if (r->kind == REF_OTHER && !search && !has_scheme(r->text)) {
		find_error(v, at, ERR_VALUE, "reference-form",
			   "A relative reference has the form Type/id, not \"%.*s\"", SHOW(r->text));
	} else if (t->place == TARGET_NONE && is_urn(r->text)) {
		find_warning(v, at, ERR_NOT_FOUND, "bundle-reference", "\"%.*s\" is not in this Bundle", SHOW(r->text));
	} else if (t->place == TARGET_NONE) {
		tell_near_misses(v, at, entry, r);
	}
}

void rule_reference(struct validation *v, const struct node *at)
{
	struct str text = json_get_str(at->value, S("reference"));
	struct reference r = reference_parse(v->definitions, text);
	const struct holder *entry = entry_holder(at->holder);
	check_stated_type(v, at, &r);
	if (!text.n)
		return;
	if (r.kind == REF_FRAGMENT) {
		if (!r.id.n && !at->holder->contained) {
			find_error(v, at, ERR_NOT_FOUND, "reference-contained",
				   "\"#\" is the resource around, which this is itself");
			return;
		}
		struct target t = validation_resolve(v, at->holder, text);
		if (t.place == TARGET_NONE)
			find_error(v, at, ERR_NOT_FOUND, "reference-contained",
				   "There is no contained resource \"%.*s\"", SHOW(text));
		else if (t.matches > 1)
			find_error(v, at, ERR_MULTIPLE, "reference-contained",
				   "%zu contained resources have the id \"%.*s\"", t.matches, SHOW(r.id));
		return;
	}
	if (!check_form(v, at, &r))
		return;
	struct target t = validation_resolve(v, at->holder, text);
	if (entry)
		check_in_bundle(v, at, entry, &r, &t);
	/* of another server's resources nothing is known here */
	if (t.place == TARGET_NONE && v->options->references_must_resolve && !has_scheme(text))
		find_error(v, at, ERR_NOT_FOUND, "reference", "\"%.*s\" is not at hand", SHOW(text));
}
