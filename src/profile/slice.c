/*
 * Slicing (http://hl7.org/fhir/R4/profiling.html#slicing): how items are told apart, and what each slice says where its
 * discriminators look. Discriminator paths are the small part of FHIRPath that R4 allows: members, extension(url),
 * resolve(), ofType(type), $this.
 */
#include "profile/profile_priv.h"

enum { MAX_STEPS = 16, MAX_FOUND = 32 };

/* ---- paths ------------------------------------------------------------------------------------------------------- */

/* One step in front of the rest: up to the next point outside of brackets. */
static struct str take_step(struct str *rest)
{
	unsigned open = 0;
	bool quoted = false;
	for (size_t i = 0; i < rest->n; i++) {
		char ch = rest->p[i];
		if (ch == '\'')
			quoted = !quoted;
		else if (!quoted && ch == '(')
			open++;
		else if (!quoted && ch == ')' && open)
			open--;
		else if (ch == '.' && !open && !quoted) {
			struct str step = str_slice(*rest, 0, i);
			*rest = str_slice(*rest, i + 1, rest->n);
			return step;
		}
	}
	struct str step = *rest;
	*rest = STR_NULL;
	return step;
}

/* The argument of name(argument), without quotes; STR_NULL when the step is no such call. */
static struct str call_argument(struct str step, const char *name)
{
	struct str n = str_from(name);
	if (!str_starts(step, n) || step.n < n.n + 2 || step.p[n.n] != '(' || step.p[step.n - 1] != ')')
		return STR_NULL;
	struct str argument = str_trim(str_slice(step, n.n + 1, step.n - 1));
	if (argument.n >= 2 && (argument.p[0] == '\'' || argument.p[0] == '"'))
		argument = str_slice(argument, 1, argument.n - 1);
	return argument;
}

static bool is_member(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char ch = (char)(s.p[i] | 32);
		if (!((ch >= 'a' && ch <= 'z') || (i && s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '_'))
			return false;
	}
	return s.n > 0;
}

static bool read_step(struct str text, struct discriminator_step *step)
{
	struct str argument;
	if (str_ends(text, S("[x]")))
		text = str_slice(text, 0, text.n - 3);
	if ((argument = call_argument(text, "extension")).p)
		*step = (struct discriminator_step){STEP_EXTENSION, argument};
	else if ((argument = call_argument(text, "ofType")).p || (argument = call_argument(text, "as")).p)
		*step = (struct discriminator_step){STEP_OF_TYPE, argument};
	else if (str_is(text, "resolve()") || str_is(text, "reference()"))
		*step = (struct discriminator_step){STEP_RESOLVE, STR_NULL};
	else if (is_member(text))
		*step = (struct discriminator_step){STEP_MEMBER, text};
	else
		return false;
	return true;
}

static bool read_path(struct compilation *c, struct discriminator *d)
{
	struct discriminator_step *steps = ARENA_ARRAY(c->a, struct discriminator_step, MAX_STEPS);
	struct str rest = d->path;
	if (!steps)
		return out_of_memory(c);
	while (rest.p) {
		struct str text = str_trim(take_step(&rest));
		if (str_is(text, "$this") || text.n == 0)
			continue;
		if (d->step_count == MAX_STEPS || !read_step(text, &steps[d->step_count++])) {
			d->broken = true;
			break;
		}
	}
	d->steps = steps;
	return true;
}

static enum discriminator_kind read_kind(struct str s)
{
	return str_is(s, "exists")     ? DISCRIMINATOR_EXISTS
	       : str_is(s, "type")     ? DISCRIMINATOR_TYPE
	       : str_is(s, "profile")  ? DISCRIMINATOR_PROFILE
	       : str_is(s, "position") ? DISCRIMINATOR_POSITION
				       : DISCRIMINATOR_VALUE;
}

const struct profile_slicing *slicing_read(struct compilation *c, const struct json *j)
{
	struct json_iter it = json_iter(json_get(j, S("discriminator")));
	struct profile_slicing *s = ARENA_NEW(c->a, struct profile_slicing);
	struct discriminator *list = ARENA_ARRAY(c->a, struct discriminator, it.left + 1);
	struct str rules = json_get_str(j, S("rules"));
	if (!s || !list)
		return NULL;
	while (json_next(&it)) {
		struct discriminator *d = &list[s->count++];
		d->kind = read_kind(json_get_str(it.value, S("type")));
		d->path = json_get_str(it.value, S("path"));
		if (!read_path(c, d))
			return NULL;
	}
	s->discriminators = list;
	s->rules = str_is(rules, "closed")	? SLICING_CLOSED
		   : str_is(rules, "openAtEnd") ? SLICING_OPEN_AT_END
						: SLICING_OPEN;
	s->ordered = json_bool(json_get(j, S("ordered")));
	return s;
}

/* ---- what a slice says there ---------------------------------------------------------------------------------------
 */

struct found {
	struct profiles *set;
	const struct profile_element *at[MAX_FOUND];
	size_t count;
	bool any;
};

static void add_found(struct found *f, const struct profile_element *e)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->at[i] == e)
			return;
	if (e && f->count < MAX_FOUND)
		f->at[f->count++] = e;
}

/* The elements that speak on an element: itself, and the roots of the profiles of its types. */
static void with_type_profiles(struct found *f)
{
	size_t count = f->count;
	for (size_t i = 0; i < count; i++) {
		const struct profile_element *e = f->at[i];
		for (size_t t = 0; t < e->type_count; t++)
			for (size_t k = 0; k < e->types[t].profile_count; k++)
				add_found(f, profile_of_type(f->set, e, &e->types[t], k));
	}
}

/* Slices that must be there speak on the element as well: R4's blood pressure tells its components apart by
 * code.coding, which is sliced itself. */
static void with_required_slices(struct found *f)
{
	for (size_t i = 0; i < f->count; i++)
		for (size_t k = 0; k < f->at[i]->slice_count; k++)
			if (f->at[i]->slices[k]->min)
				add_found(f, f->at[i]->slices[k]);
}

static void step_member(struct found *f, struct str name)
{
	struct found from = *f;
	with_type_profiles(&from);
	f->count = 0;
	for (size_t i = 0; i < from.count; i++)
		add_found(f, profile_child(from.at[i], name));
	with_required_slices(f);
}

/* Does an extension slice, or a profile that it names, stand for this url? */
static bool speaks_of_url(struct profiles *set, const struct profile_element *slice, struct str url)
{
	struct found f = {.set = set};
	const struct profile_element *fixed = profile_child(slice, S("url"));
	if (fixed && str_eq(json_str(fixed->fixed ? fixed->fixed : fixed->pattern), url))
		return true;
	for (size_t t = 0; t < slice->type_count; t++)
		for (size_t k = 0; k < slice->types[t].profile_count; k++)
			if (str_eq(slice->types[t].profiles[k], url))
				return true;
	add_found(&f, slice);
	with_type_profiles(&f);
	for (size_t i = 1; i < f.count; i++) {
		fixed = profile_child(f.at[i], S("url"));
		if (fixed && str_eq(json_str(fixed->fixed ? fixed->fixed : fixed->pattern), url))
			return true;
	}
	return false;
}

static void step_extension(struct found *f, struct str url)
{
	struct found from = *f;
	with_type_profiles(&from);
	f->count = 0;
	for (size_t i = 0; i < from.count; i++) {
		const struct profile_element *e = profile_child(from.at[i], S("extension"));
		for (size_t k = 0; e && k < e->slice_count; k++)
			if (speaks_of_url(f->set, e->slices[k], url))
				add_found(f, e->slices[k]);
	}
}

/* Behind a reference: the profiles that its target may have. */
static void step_resolve(struct found *f)
{
	struct found from = *f;
	f->count = 0;
	f->any = true;
	for (size_t i = 0; i < from.count; i++)
		for (size_t t = 0; t < from.at[i]->type_count; t++)
			for (size_t k = 0; k < from.at[i]->types[t].target_count; k++) {
				const struct profile *p = profiles_find(f->set, from.at[i]->types[t].targets[k],
									from.at[i]->profile->canonical, NULL);
				add_found(f, p ? p->root : NULL);
			}
}

/* Slices of a choice by type count as what is said on that type. */
static void step_of_type(struct found *f, struct str type)
{
	struct found from = *f;
	for (size_t i = 0; i < from.count; i++)
		for (size_t k = 0; k < from.at[i]->slice_count; k++)
			if (from.at[i]->slices[k]->type_count == 1 &&
			    str_eq(from.at[i]->slices[k]->types[0].code, type))
				add_found(f, from.at[i]->slices[k]);
}

static void follow(struct found *f, const struct discriminator *d)
{
	for (size_t i = 0; i < d->step_count; i++) {
		const struct discriminator_step *s = &d->steps[i];
		switch (s->kind) {
		case STEP_MEMBER:
			step_member(f, s->name);
			break;
		case STEP_EXTENSION:
			step_extension(f, s->name);
			break;
		case STEP_RESOLVE:
			step_resolve(f);
			break;
		case STEP_OF_TYPE:
			step_of_type(f, s->name);
			break;
		}
	}
	if (d->kind != DISCRIMINATOR_PROFILE)
		with_type_profiles(f);
}

static const struct slice_test *make_tests(struct profiles *p, const struct profile_element *slice,
					   const struct profile_slicing *slicing, struct error *err)
{
	struct slice_test *tests = ARENA_ARRAY(&p->arena, struct slice_test, slicing->count + 1);
	for (size_t i = 0; tests && i < slicing->count; i++) {
		struct found f = {.set = p, .at = {slice}, .count = 1};
		follow(&f, &slicing->discriminators[i]);
		const struct profile_element **list =
			ARENA_ARRAY(&p->arena, const struct profile_element *, f.count + 1);
		if (!list) {
			tests = NULL;
			break;
		}
		memcpy(list, f.at, f.count * sizeof(list[0]));
		tests[i] = (struct slice_test){list, f.count, f.any};
	}
	if (!tests)
		error_memory(err);
	return tests;
}

const struct slice_test *slice_tests(struct profiles *p, const struct profile_element *slice, struct error *err)
{
	struct profile_element *e = &draft_of(slice)->e;
	const struct slice_test *tests = atomic_load_explicit(&e->tests, memory_order_acquire);
	if (tests || !slice->sliced->slicing)
		return tests;
	pthread_mutex_lock(&p->lock);
	tests = atomic_load_explicit(&e->tests, memory_order_acquire);
	if (!tests) {
		tests = make_tests(p, slice, slice->sliced->slicing, err);
		atomic_store_explicit(&e->tests, tests, memory_order_release);
	}
	pthread_mutex_unlock(&p->lock);
	return tests;
}
