/*
 * Filters of value sets (http://hl7.org/fhir/R4/valueset-filter-operator.html), compiled against the system that they
 * choose from. A filter that cannot be evaluated keeps the reason, and no code of that system can be judged by it.
 */
#include "base/regex.h"
#include "terminology/release_priv.h"
#include "terminology/terminology_priv.h"

static const char *const op_names[FILTER_OPS] = {"=",  "is-a",	 "descendent-of", "is-not-a", "regex",
						 "in", "not-in", "generalizes",	  "exists"};

static const struct {
	const char *name;
	enum filter_on on;
} fields[] = {
	{"concept", ON_CODE},
	{"code", ON_CODE},
	{"display", ON_DISPLAY},
	{"definition", ON_DEFINITION},
	{"designation", ON_DESIGNATION},
	{"parent", ON_PARENT},
	{"child", ON_CHILD},
	{"ancestor", ON_ANCESTOR},
};

static bool refuse(struct arena *a, struct filter *f, struct str reason, struct error *err)
{
	f->trouble = arena_str(a, reason);
	return f->trouble.p ? true : error_memory(err);
}

static bool find_op(struct str name, enum filter_op *ret_op)
{
	for (size_t i = 0; i < FILTER_OPS; i++)
		if (str_is(name, op_names[i])) {
			*ret_op = (enum filter_op)i;
			return true;
		}
	return false;
}

/* A property that the system declares comes first, then the names that every system has; parent and child of a system
 * that declares them are still its hierarchy. */
static bool find_field(const struct system *s, struct str name, struct filter *f)
{
	f->definition = image_definition(&s->image, name);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (!str_is(name, fields[i].name))
			continue;
		bool hierarchy = fields[i].on == ON_PARENT || fields[i].on == ON_CHILD || fields[i].on == ON_CODE;
		if (f->definition == IMAGE_NONE || hierarchy) {
			f->on = fields[i].on;
			return true;
		}
	}
	f->on = ON_PROPERTY;
	return f->definition != IMAGE_NONE;
}

static bool is_hierarchical(enum filter_op op)
{
	return op == FILTER_IS_A || op == FILTER_DESCENDENT_OF || op == FILTER_IS_NOT_A || op == FILTER_GENERALIZES;
}

static bool compile_value(struct arena *a, const struct system *s, struct filter *f, struct error *err)
{
	struct error problem = {0};
	bool names_concept =
		is_hierarchical(f->op) ||
		(f->op == FILTER_EQUAL && (f->on == ON_PARENT || f->on == ON_CHILD || f->on == ON_ANCESTOR));
	if (names_concept) {
		f->id = image_find(&s->image, f->value);
		if (f->id == IMAGE_NONE)
			return refuse(a, f,
				      arena_printf(a, "a filter names the code \"%.*s\", which %.*s does not have",
						   STR_ARG(str_slice(f->value, 0, 80)), STR_ARG(s->url)),
				      err);
	}
	if (f->op == FILTER_REGEX) {
		f->regex = regex_compile(a, f->value, REGEX_WHOLE, &problem);
		if (!f->regex)
			return refuse(
				a, f,
				arena_printf(a, "the regular expression of a filter is malformed: %s", problem.text),
				err);
	}
	if (f->op == FILTER_EXISTS && !str_is(f->value, "true") && !str_is(f->value, "false"))
		return refuse(a, f, S("an exists filter has a value that is neither true nor false"), err);
	return true;
}

/* Two systems have a way of their own: SNOMED CT's concept in REFSET, and RxNorm's related concepts as CUI:CODE. */
static void adapt_to_system(const struct system *s, struct filter *f)
{
	bool code_list = str_find_char(f->value, ',', 0) != STR_NONE;
	if (str_is(s->url, SNOMED_URL) && f->op == FILTER_IN && f->on == ON_CODE && !code_list) {
		uint32_t refset = image_definition(&s->image, S("refset"));
		if (refset == IMAGE_NONE)
			return;
		f->op = FILTER_EQUAL;
		f->on = ON_PROPERTY;
		f->definition = refset;
	}
	if (str_is(s->url, RXNORM_URL) && f->on == ON_PROPERTY && str_starts(f->value, S("CUI:")))
		f->value = str_slice(f->value, 4, f->value.n);
}

bool filter_compile(struct arena *a, const struct system *s, const struct json *json, struct filter *ret_filter,
		    struct error *err)
{
	struct str name = json_get_str(json, S("property")), op = json_get_str(json, S("op"));
	*ret_filter = (struct filter){.value = json_get_str(json, S("value")), .id = IMAGE_NONE};
	if (!name.p || !ret_filter->value.p || !find_op(op, &ret_filter->op))
		return refuse(a, ret_filter, S("a filter has no property, value or known operation"), err);
	if (s->rules || s->trouble)
		return refuse(a, ret_filter, arena_printf(a, "%.*s cannot be filtered here", STR_ARG(s->url)), err);
	if (!find_field(s, name, ret_filter))
		return refuse(a, ret_filter,
			      arena_printf(a, "%.*s has no property \"%.*s\" to filter by", STR_ARG(s->url),
					   STR_ARG(str_slice(name, 0, 80))),
			      err);
	if (is_hierarchical(ret_filter->op) && ret_filter->on != ON_CODE)
		return refuse(a, ret_filter,
			      arena_printf(a, "the filter %.*s needs the property concept, not \"%.*s\"", STR_ARG(op),
					   STR_ARG(str_slice(name, 0, 80))),
			      err);
	adapt_to_system(s, ret_filter);
	return compile_value(a, s, ret_filter, err);
}

/* ---- evaluation -------------------------------------------------------------------------------------------------- */

/* Does one text satisfy the operation? */
static enum code_answer text_passes(const struct filter *f, struct str text, bool no_case)
{
	struct str rest = f->value;
	bool found = false;
	switch (f->op) {
	case FILTER_EQUAL:
		return (no_case ? str_eq_nocase(text, f->value) : str_eq(text, f->value)) ? CODE_IN : CODE_NOT_IN;
	case FILTER_IN:
	case FILTER_NOT_IN:
		while (!found && rest.p) {
			struct str item = str_trim(str_split(&rest, ','));
			found = no_case ? str_eq_nocase(text, item) : str_eq(text, item);
		}
		return found == (f->op == FILTER_IN) ? CODE_IN : CODE_NOT_IN;
	case FILTER_REGEX:
		if (!regex_search(f->regex, text, &found, NULL))
			return CODE_UNKNOWN;
		return found ? CODE_IN : CODE_NOT_IN;
	default:
		return text.p ? CODE_IN : CODE_NOT_IN;
	}
}

static bool is_among(const uint32_t *ids, uint32_t count, uint32_t id)
{
	for (uint32_t i = 0; i < count; i++)
		if (ids[i] == id)
			return true;
	return false;
}

/* The nth text of what the filter looks at; STR_NULL past the last. */
static struct str nth_text(const struct filter *f, const struct image *im, uint32_t id, uint32_t *at)
{
	uint32_t count;
	const uint32_t *ids;
	switch (f->on) {
	case ON_CODE:
		return (*at)++ == 0 ? image_concept(im, id).code : STR_NULL;
	case ON_DISPLAY:
		return (*at)++ == 0 ? image_concept(im, id).display : STR_NULL;
	case ON_DEFINITION:
		return (*at)++ == 0 ? image_concept(im, id).definition : STR_NULL;
	case ON_DESIGNATION:
		return image_designation(im, id, (*at)++).value;
	case ON_PARENT:
	case ON_CHILD:
		ids = f->on == ON_PARENT ? image_parents(im, id, &count) : image_children(im, id, &count);
		return *at < count ? image_concept(im, ids[(*at)++]).code : STR_NULL;
	case ON_PROPERTY:
		for (count = image_property_count(im, id); *at < count; (*at)++) {
			struct property p = image_property(im, id, *at);
			if (p.definition == f->definition) {
				(*at)++;
				return p.value;
			}
		}
		return STR_NULL;
	default:
		return STR_NULL;
	}
}

/* A concept passes when any of its values does; not-in wants all of them outside; exists asks for one at all. */
static enum code_answer values_pass(const struct filter *f, const struct system *s, uint32_t id)
{
	bool no_case = f->on == ON_CODE && (s->image.head->flags & IMAGE_NO_CASE), unknown = false, any = false;
	uint32_t at = 0;
	for (struct str text = nth_text(f, &s->image, id, &at); text.p; text = nth_text(f, &s->image, id, &at)) {
		enum code_answer answer = text_passes(f, text, no_case);
		any = true;
		unknown |= answer == CODE_UNKNOWN;
		if (f->op == FILTER_NOT_IN ? answer == CODE_NOT_IN : answer == CODE_IN && f->op != FILTER_EXISTS)
			return answer;
	}
	if (f->op == FILTER_EXISTS)
		return any == str_is(f->value, "true") ? CODE_IN : CODE_NOT_IN;
	if (unknown)
		return CODE_UNKNOWN;
	return f->op == FILTER_NOT_IN ? CODE_IN : CODE_NOT_IN;
}

enum code_answer filter_passes(const struct filter *f, const struct system *s, uint32_t id)
{
	const struct image *im = &s->image;
	uint32_t count;
	bool passes;
	if (f->trouble.p)
		return CODE_UNKNOWN;
	switch (f->op) {
	case FILTER_IS_A:
		passes = image_is_a(im, f->id, id);
		break;
	case FILTER_DESCENDENT_OF:
		passes = id != f->id && image_is_a(im, f->id, id);
		break;
	case FILTER_IS_NOT_A:
		passes = !image_is_a(im, f->id, id);
		break;
	case FILTER_GENERALIZES:
		passes = image_is_a(im, id, f->id);
		break;
	case FILTER_EQUAL:
		if (f->on == ON_PARENT) {
			const uint32_t *ids = image_parents(im, id, &count);
			passes = is_among(ids, count, f->id);
			break;
		}
		if (f->on == ON_CHILD) {
			const uint32_t *ids = image_children(im, id, &count);
			passes = is_among(ids, count, f->id);
			break;
		}
		if (f->on == ON_ANCESTOR) {
			passes = id != f->id && image_is_a(im, f->id, id);
			break;
		}
		return values_pass(f, s, id);
	default:
		return values_pass(f, s, id);
	}
	return passes ? CODE_IN : CODE_NOT_IN;
}
