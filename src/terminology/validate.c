/* Verdicts on codes: membership, validity in the system, displays, status. */
#include "terminology/terminology_priv.h"

static struct code_verdict verdict(enum code_answer answer, enum code_reason reason, struct str system,
				   struct str detail)
{
	return (struct code_verdict){.answer = answer, .reason = reason, .system = system, .detail = detail};
}

static struct str concept_display(const struct system *s, uint32_t id)
{
	return s && !s->rules && id != IMAGE_NONE ? image_concept(&s->image, id).display : STR_NULL;
}

/* Does the concept of a value set's list have the display? */
static bool listed_display_fits(const struct json *listed, struct str display)
{
	struct str own = json_get_str(listed, S("display"));
	if (own.p && display_equal(own, display))
		return true;
	struct json_iter it = json_iter(json_get(listed, S("designation")));
	while (json_next(&it)) {
		struct str value = json_get_str(it.value, S("value"));
		if (value.p && display_equal(value, display))
			return true;
	}
	return false;
}

static bool has_displays(const struct system *s, uint32_t id, const struct json *listed)
{
	return json_get_str(listed, S("display")).p ||
	       (s && !s->rules && id != IMAGE_NONE &&
		(image_concept(&s->image, id).display.p || image_designation_count(&s->image, id)));
}

static bool display_fits(const struct hit *h, struct str display)
{
	if (listed_display_fits(h->listed, display) || !has_displays(h->system, h->id, h->listed))
		return true;
	if (!h->system || h->system->rules || h->id == IMAGE_NONE)
		return false;
	return image_concept(&h->system->image, h->id).display.p || image_designation_count(&h->system->image, h->id)
		       ? system_display_fits(h->system, h->id, display)
		       : false;
}

/* What is to be said of a code that is in. */
static struct code_verdict judge(struct arena *a, const struct hit *h, const struct coding *coding, bool in_value_set)
{
	uint32_t flags = h->system && !h->system->rules && h->id != IMAGE_NONE
				 ? image_concept_flags(&h->system->image, h->id)
				 : 0;
	struct str own = json_get_str(h->listed, S("display"));
	struct code_verdict v = verdict(CODE_IN, CODE_FINE, h->system_url, STR_NULL);
	v.display = own.p ? own : concept_display(h->system, h->id);
	if (flags & CONCEPT_ABSTRACT) {
		v.reason = CODE_ABSTRACT;
		v.answer = in_value_set ? CODE_NOT_IN : CODE_IN;
		v.detail = arena_printf(a, "\"%.*s\" only groups other codes", STR_ARG(str_slice(coding->code, 0, 80)));
	} else if (coding->display.p && !display_fits(h, coding->display)) {
		v.reason = CODE_DISPLAY_WRONG;
		v.detail = arena_printf(a, "the display is \"%.*s\"", STR_ARG(str_slice(v.display, 0, 200)));
	} else if (flags & (CONCEPT_INACTIVE | CONCEPT_DEPRECATED)) {
		v.reason = CODE_INACTIVE;
		v.detail = flags & CONCEPT_INACTIVE ? S("inactive") : S("deprecated");
	}
	return v;
}

/* A code that a value set does not have: is it one at all? */
static struct code_verdict outside(struct terminology *t, struct arena *a, const struct value_set *vs,
				   const struct canonical *from, const struct coding *coding)
{
	uint32_t id = IMAGE_NONE;
	const struct system *s = coding->system.p ? system_find(t, coding->system, coding->version, from) : NULL;
	struct code_verdict v = verdict(CODE_NOT_IN, CODE_NOT_MEMBER, coding->system, vs->url);
	if (s && system_has(s, coding->code, &id) == CODE_NOT_IN) {
		v.reason = CODE_INVALID;
		v.detail = arena_printf(a, "%.*s", STR_ARG(coding->system));
	}
	v.display = concept_display(s, id);
	return v;
}

struct code_verdict terminology_validate_in(struct terminology *t, struct arena *a, struct str value_set,
					    const struct canonical *from, const struct coding *coding, bool bare)
{
	struct error err = {0};
	const struct value_set *vs = value_set_find(t, value_set, from, &err);
	if (!vs)
		return verdict(CODE_UNKNOWN, err.code ? CODE_VALUE_SET_UNDECIDED : CODE_VALUE_SET_UNKNOWN,
			       coding->system, err.code ? arena_printf(a, "%s", err.text) : value_set);
	if (!coding->system.p && !bare)
		return verdict(CODE_NOT_IN, CODE_SYSTEM_MISSING, STR_NULL, vs->url);
	if (!coding->code.p)
		return verdict(CODE_NOT_IN, CODE_NOT_MEMBER, coding->system, vs->url);
	struct hit h = value_set_contains(vs, a, coding->system, coding->version, coding->code);
	if (h.answer == CODE_IN)
		return judge(a, &h, coding, true);
	if (h.answer == CODE_UNKNOWN)
		return verdict(CODE_UNKNOWN, h.reason, coding->system, h.detail);
	return outside(t, a, vs, from, coding);
}

static struct code_verdict no_system(struct terminology *t, struct arena *a, const struct coding *coding)
{
	const struct system *other = coding->version.n ? system_find(t, coding->system, STR_NULL, NULL) : NULL;
	struct str detail = other ? arena_printf(a, "version %.*s of %.*s is not at hand, but %.*s is",
						 STR_ARG(str_slice(coding->version, 0, 80)),
						 STR_ARG(str_slice(coding->system, 0, 200)), STR_ARG(other->version))
				  : arena_printf(a, "%.*s is not at hand", STR_ARG(str_slice(coding->system, 0, 200)));
	return verdict(CODE_UNKNOWN, CODE_SYSTEM_UNKNOWN, coding->system, detail);
}

struct code_verdict terminology_validate(struct terminology *t, struct arena *a, const struct coding *coding)
{
	struct hit h = {.answer = CODE_IN, .system_url = coding->system, .id = IMAGE_NONE};
	if (!coding->system.p)
		return verdict(CODE_UNKNOWN, CODE_SYSTEM_MISSING, STR_NULL, STR_NULL);
	h.system = system_find(t, coding->system, coding->version, NULL);
	if (!h.system && coding->code.p && code_form_wrong(h.system, coding->system, coding->code))
		return verdict(CODE_NOT_IN, CODE_INVALID, coding->system, coding->system);
	if (!h.system)
		return no_system(t, a, coding);
	if (!coding->code.p)
		return verdict(CODE_NOT_IN, CODE_INVALID, coding->system, coding->system);
	enum code_answer has = system_has(h.system, coding->code, &h.id);
	if (has == CODE_IN)
		return judge(a, &h, coding, false);
	if (has == CODE_NOT_IN || code_form_wrong(h.system, coding->system, coding->code))
		return verdict(CODE_NOT_IN, CODE_INVALID, coding->system, coding->system);
	const char *why = h.system->trouble ? h.system->trouble
			  : h.system->rules ? h.system->rules->unknown
					    : "its content is not all at hand";
	return verdict(CODE_UNKNOWN, CODE_SYSTEM_PARTIAL, coding->system,
		       arena_printf(a, "%.*s: %s", STR_ARG(str_slice(coding->system, 0, 200)), why));
}

enum subsumption terminology_subsumes(struct terminology *t, struct str system, struct str version, struct str a,
				      struct str b)
{
	const struct system *s = system_find(t, system, version, NULL);
	uint32_t x, y;
	if (!s || s->rules || system_has(s, a, &x) != CODE_IN || system_has(s, b, &y) != CODE_IN)
		return SUBSUMES_UNKNOWN;
	struct str hierarchy = image_text(&s->image, s->image.head->hierarchy);
	if (x == y)
		return SUBSUMES_EQUIVALENT;
	if (hierarchy.n && !str_is(hierarchy, "is-a"))
		return SUBSUMES_UNKNOWN;
	if (image_is_a(&s->image, x, y))
		return SUBSUMES;
	if (image_is_a(&s->image, y, x))
		return SUBSUMED_BY;
	return s->content == IMAGE_COMPLETE ? SUBSUMES_NOT : SUBSUMES_UNKNOWN;
}
