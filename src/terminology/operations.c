/* $lookup, $validate-code and $subsumes (http://hl7.org/fhir/R4/codesystem-operations.html, valueset-operations.html).
 */
#include "terminology/terminology_priv.h"

/* ---- words ------------------------------------------------------------------------------------------------------- */

static struct str shown(struct str text)
{
	return str_slice(text, 0, 200);
}

static struct str unknown_text(struct arena *a, const struct code_verdict *v, struct str value_set)
{
	switch (v->reason) {
	case CODE_VALUE_SET_UNKNOWN:
		return arena_printf(a, "The value set %.*s is not at hand", STR_ARG(shown(value_set)));
	case CODE_SYSTEM_MISSING:
		return S("The coding has no system, so nothing can be said of its code");
	default:
		return arena_printf(a, "It cannot be decided whether the code is valid: %.*s",
				    STR_ARG(shown(v->detail)));
	}
}

struct str code_verdict_text(struct arena *a, const struct code_verdict *v, const struct coding *coding,
			     struct str value_set)
{
	struct str code = shown(coding->code), system = shown(v->system.p ? v->system : coding->system);
	if (v->answer == CODE_UNKNOWN)
		return unknown_text(a, v, value_set);
	switch (v->reason) {
	case CODE_FINE:
		return STR_NULL;
	case CODE_INVALID:
		return arena_printf(a, "The code system %.*s has no code \"%.*s\"", STR_ARG(system), STR_ARG(code));
	case CODE_SYSTEM_MISSING:
		return arena_printf(a, "The code \"%.*s\" has no system, so it cannot be in the value set %.*s",
				    STR_ARG(code), STR_ARG(shown(value_set)));
	case CODE_DISPLAY_WRONG:
		return arena_printf(a, "\"%.*s\" is no display of the code \"%.*s\": %.*s",
				    STR_ARG(shown(coding->display)), STR_ARG(code), STR_ARG(shown(v->detail)));
	case CODE_INACTIVE:
		return arena_printf(a, "The code \"%.*s\" of %.*s is %.*s", STR_ARG(code), STR_ARG(system),
				    STR_ARG(v->detail));
	case CODE_ABSTRACT:
		return arena_printf(a, "The code \"%.*s\" of %.*s cannot be selected: it only groups others",
				    STR_ARG(code), STR_ARG(system));
	default:
		return arena_printf(a, "The code \"%.*s\"%s%.*s is not in the value set %.*s", STR_ARG(code),
				    system.n ? " of " : "", STR_ARG(system), STR_ARG(shown(value_set)));
	}
}

/* ---- $validate-code ---------------------------------------------------------------------------------------------- */

void terminology_validate_code(struct terminology *t, struct arena *a, struct str value_set,
			       const struct coding *coding, bool bare, struct buf *out)
{
	struct code_verdict v = value_set.p ? terminology_validate_in(t, a, value_set, NULL, coding, bare)
					    : terminology_validate(t, a, coding);
	struct json_writer w = json_writer(out);
	parameters_begin(&w);
	parameter_bool(&w, S("result"), v.answer == CODE_IN && v.reason != CODE_DISPLAY_WRONG);
	parameter_text(&w, S("message"), S("valueString"), code_verdict_text(a, &v, coding, value_set));
	parameter_text(&w, S("display"), S("valueString"), v.display);
	parameters_end(&w);
}

/* ---- $lookup ----------------------------------------------------------------------------------------------------- */

static const struct system *lookup_system(struct terminology *t, const struct coding *coding, uint32_t *ret_id,
					  struct error *err)
{
	const struct system *s = coding->system.p ? system_find(t, coding->system, coding->version, NULL) : NULL;
	if (!s) {
		error_set(err, ERR_NOT_FOUND, "the code system %.*s%s%.*s is not at hand",
			  STR_ARG(shown(coding->system)), coding->version.n ? " version " : "",
			  STR_ARG(shown(coding->version)));
		return NULL;
	}
	enum code_answer has = system_has(s, coding->code, ret_id);
	if (has == CODE_IN)
		return s;
	const char *partly = has == CODE_UNKNOWN ? ", as far as it is at hand," : "";
	error_set(err, ERR_NOT_FOUND, "the code system %.*s%s has no code \"%.*s\"%s%s", STR_ARG(shown(s->url)), partly,
		  STR_ARG(shown(coding->code)), s->trouble ? ": " : "", s->trouble ? s->trouble : "");
	return NULL;
}

static bool wanted(const struct lookup_options *o, struct str name)
{
	for (size_t i = 0; i < o->property_count; i++)
		if (str_eq(o->properties[i], name) || str_is(o->properties[i], "*"))
			return true;
	return o->properties == NULL;
}

static void put_designation(struct json_writer *w, const struct designation *d)
{
	parameter_parts_begin(w, S("designation"));
	parameter_text(w, S("language"), S("valueCode"), d->language);
	parameter_coding(w, S("use"), d->use_system, STR_NULL, d->use_code, d->use_display);
	parameter_text(w, S("value"), S("valueString"), d->value);
	parameter_parts_end(w);
}

static void put_value(struct json_writer *w, const struct property *p)
{
	static const struct str keys[] = {{"valueCode", 9},	{"valueCoding", 11},  {"valueString", 11},
					  {"valueInteger", 12}, {"valueBoolean", 12}, {"valueDateTime", 13},
					  {"valueDecimal", 12}};
	if (p->type == IMAGE_CODING) {
		parameter_coding(w, S("value"), p->system, STR_NULL, p->value, STR_NULL);
		return;
	}
	bool raw = p->type == IMAGE_INTEGER || p->type == IMAGE_BOOLEAN || p->type == IMAGE_DECIMAL;
	if (!raw) {
		parameter_text(w, S("value"), keys[p->type], p->value);
		return;
	}
	parameter_begin(w, S("value"), keys[p->type]);
	json_put_raw(w, p->value);
	json_object_end(w);
}

static void put_relatives(struct json_writer *w, const struct system *s, uint32_t id, bool parents)
{
	uint32_t count;
	const uint32_t *ids = parents ? image_parents(&s->image, id, &count) : image_children(&s->image, id, &count);
	for (uint32_t i = 0; i < count; i++) {
		struct concept c = image_concept(&s->image, ids[i]);
		parameter_parts_begin(w, S("property"));
		parameter_text(w, S("code"), S("valueCode"), parents ? S("parent") : S("child"));
		parameter_text(w, S("value"), S("valueCode"), c.code);
		parameter_text(w, S("description"), S("valueString"), c.display);
		parameter_parts_end(w);
	}
}

/* Whether a property tells the hierarchy, which is told as parent and child already. */
static bool is_hierarchy(const struct property *p)
{
	return str_is(p->code, "parent") || str_is(p->code, "child") || str_is(p->code, "subsumedBy") ||
	       str_ends(p->uri, S("concept-properties#parent")) || str_ends(p->uri, S("concept-properties#child"));
}

static void put_properties(struct json_writer *w, const struct system *s, uint32_t id, const struct lookup_options *o)
{
	uint32_t flags = image_concept_flags(&s->image, id);
	struct property inactive = {.value = flags & CONCEPT_INACTIVE ? S("true") : S("false"), .type = IMAGE_BOOLEAN};
	if (wanted(o, S("inactive"))) {
		parameter_parts_begin(w, S("property"));
		parameter_text(w, S("code"), S("valueCode"), S("inactive"));
		put_value(w, &inactive);
		parameter_parts_end(w);
	}
	if (wanted(o, S("parent")))
		put_relatives(w, s, id, true);
	if (wanted(o, S("child")))
		put_relatives(w, s, id, false);
	for (uint32_t i = 0; i < image_property_count(&s->image, id); i++) {
		struct property p = image_property(&s->image, id, i);
		if (!p.code.p || is_hierarchy(&p) || str_is(p.code, "inactive") || !wanted(o, p.code))
			continue;
		parameter_parts_begin(w, S("property"));
		parameter_text(w, S("code"), S("valueCode"), p.code);
		put_value(w, &p);
		parameter_parts_end(w);
	}
}

static struct str display_in(const struct image *im, uint32_t id, struct str language)
{
	for (uint32_t i = 0; language.n && i < image_designation_count(im, id); i++) {
		struct designation d = image_designation(im, id, i);
		if (language_fits(d.language, language))
			return d.value;
	}
	return image_concept(im, id).display;
}

static void put_concept(struct json_writer *w, const struct system *s, uint32_t id, const struct lookup_options *o)
{
	struct concept c = image_concept(&s->image, id);
	/* display is required of the answer, even of a concept that has none. */
	struct str display = display_in(&s->image, id, o->language);
	parameter_text(w, S("display"), S("valueString"), display.p ? display : c.code);
	if (wanted(o, S("definition")))
		parameter_text(w, S("definition"), S("valueString"), c.definition);
	parameter_bool(w, S("abstract"), c.flags & CONCEPT_ABSTRACT);
	for (uint32_t i = 0; wanted(o, S("designation")) && i < image_designation_count(&s->image, id); i++) {
		struct designation d = image_designation(&s->image, id, i);
		put_designation(w, &d);
	}
	put_properties(w, s, id, o);
}

bool terminology_lookup(struct terminology *t, struct arena *a, const struct coding *coding,
			const struct lookup_options *o, struct buf *out, struct error *err)
{
	uint32_t id;
	const struct system *s = lookup_system(t, coding, &id, err);
	(void)a;
	if (!s)
		return false;
	struct json_writer w = json_writer(out);
	parameters_begin(&w);
	parameter_text(&w, S("name"), S("valueString"), s->name.p ? s->name : s->url);
	parameter_text(&w, S("version"), S("valueString"), s->version);
	if (s->rules)
		parameter_text(&w, S("display"), S("valueString"), coding->code);
	else
		put_concept(&w, s, id, o);
	parameters_end(&w);
	return true;
}

/* ---- $subsumes --------------------------------------------------------------------------------------------------- */

bool terminology_subsumes_write(struct terminology *t, struct str system, struct str version, struct str a,
				struct str b, struct buf *out, struct error *err)
{
	static const char *const outcomes[] = {NULL, "equivalent", "subsumes", "subsumed-by", "not-subsumed"};
	struct coding first = {.system = system, .version = version, .code = a};
	struct coding second = {.system = system, .version = version, .code = b};
	uint32_t x, y;
	if (!lookup_system(t, &first, &x, err) || !lookup_system(t, &second, &y, err))
		return false;
	enum subsumption s = terminology_subsumes(t, system, version, a, b);
	if (s == SUBSUMES_UNKNOWN)
		return error_set(err, ERR_NOT_SUPPORTED,
				 "%.*s has no is-a hierarchy at hand that could tell whether one code subsumes another",
				 STR_ARG(shown(system)));
	struct json_writer w = json_writer(out);
	parameters_begin(&w);
	parameter_text(&w, S("outcome"), S("valueCode"), str_from(outcomes[s]));
	parameters_end(&w);
	return true;
}
