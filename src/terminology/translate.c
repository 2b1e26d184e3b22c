/*
 * $translate: concept maps (http://hl7.org/fhir/R4/conceptmap.html), forwards and backwards, with what a mapping
 * depends on, what it gives besides the code, and what a map says of codes that it does not list.
 */
#include "terminology/terminology_priv.h"

enum { MAX_MAPS_DEEP = 10, MAX_MATCHES = 1000 };

struct match {
	struct str equivalence, system, version, code, display, comment, map;
	const struct json *product;
};

struct search {
	struct terminology *t;
	struct arena *a;
	const struct coding *coding;
	const struct translate_options *o;
	struct match matches[MAX_MATCHES];
	size_t count;
	bool met_group; /* some group is about the code's system */
	bool met_code; /* some element is about the code */
	struct str depends; /* a mapping that was left out for what it depends on */
	struct error *err;
};

static bool system_wanted(struct str wanted, struct str system)
{
	return !wanted.n || str_eq(wanted, system);
}

static bool add_match(struct search *x, const struct match *m)
{
	for (size_t i = 0; i < x->count; i++)
		if (str_eq(x->matches[i].system, m->system) && str_eq(x->matches[i].code, m->code) &&
		    str_eq(x->matches[i].map, m->map))
			return true;
	if (x->count == MAX_MATCHES)
		return error_set(x->err, ERR_LIMIT, "the code has more than %d translations", MAX_MATCHES);
	x->matches[x->count++] = *m;
	return true;
}

/* A target may depend on other elements having certain values; those must be given. */
static bool depends_met(struct search *x, const struct json *target)
{
	struct json_iter it = json_iter(json_get(target, S("dependsOn")));
	while (json_next(&it)) {
		struct str property = json_get_str(it.value, S("property")), value = json_get_str(it.value, S("value"));
		struct str system = json_get_str(it.value, S("system"));
		bool met = false;
		for (size_t i = 0; !met && i < x->o->dependency_count; i++) {
			const struct translate_dependency *d = &x->o->dependencies[i];
			met = str_eq(d->property, property) && str_eq(d->value, value) &&
			      (!system.p || !d->system.p || str_eq(d->system, system));
		}
		if (!met) {
			x->depends = arena_printf(x->a, "%.*s = %.*s", STR_ARG(property), STR_ARG(value));
			return false;
		}
	}
	return true;
}

/* ---- forwards ---------------------------------------------------------------------------------------------------- */

static bool take_targets(struct search *x, struct str map, const struct json *group, const struct json *element)
{
	struct json_iter it = json_iter(json_get(element, S("target")));
	x->met_code = true;
	while (json_next(&it)) {
		struct match m = {.equivalence = json_get_str(it.value, S("equivalence")),
				  .system = json_get_str(group, S("target")),
				  .version = json_get_str(group, S("targetVersion")),
				  .code = json_get_str(it.value, S("code")),
				  .display = json_get_str(it.value, S("display")),
				  .comment = json_get_str(it.value, S("comment")),
				  .map = map,
				  .product = json_get(it.value, S("product"))};
		if (depends_met(x, it.value) && !add_match(x, &m))
			return false;
	}
	return true;
}

static bool ask_map(struct search *x, struct str canonical, const struct canonical *from, unsigned depth);

static bool take_unmapped(struct search *x, struct str map, const struct json *group, const struct canonical *entry,
			  unsigned depth)
{
	const struct json *unmapped = json_get(group, S("unmapped"));
	struct str mode = json_get_str(unmapped, S("mode"));
	struct match m = {.equivalence = S("relatedto"),
			  .system = json_get_str(group, S("target")),
			  .version = json_get_str(group, S("targetVersion")),
			  .comment = S("the map does not list the code; this is what it says of such codes"),
			  .map = map};
	if (str_is(mode, "other-map"))
		return ask_map(x, json_get_str(unmapped, S("url")), entry, depth + 1);
	if (str_is(mode, "provided")) {
		m.code = x->coding->code;
		m.display = x->coding->display;
	} else if (str_is(mode, "fixed")) {
		m.code = json_get_str(unmapped, S("code"));
		m.display = json_get_str(unmapped, S("display"));
	}
	return !m.code.p || add_match(x, &m);
}

static bool ask_group(struct search *x, struct str map, const struct json *group, const struct canonical *entry,
		      unsigned depth)
{
	if (!str_eq(json_get_str(group, S("source")), x->coding->system) ||
	    !system_wanted(x->o->target_system, json_get_str(group, S("target"))))
		return true;
	bool listed = false;
	x->met_group = true;
	struct json_iter it = json_iter(json_get(group, S("element")));
	while (json_next(&it)) {
		if (!str_eq(json_get_str(it.value, S("code")), x->coding->code))
			continue;
		listed = true;
		if (!take_targets(x, map, group, it.value))
			return false;
	}
	return listed || take_unmapped(x, map, group, entry, depth);
}

/* ---- backwards --------------------------------------------------------------------------------------------------- */

static struct str inverse(struct str equivalence)
{
	static const char *const pairs[][2] = {{"wider", "narrower"}, {"subsumes", "specializes"}};
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (str_is(equivalence, pairs[i][0]))
			return str_from(pairs[i][1]);
		if (str_is(equivalence, pairs[i][1]))
			return str_from(pairs[i][0]);
	}
	return equivalence;
}

static bool ask_element_back(struct search *x, struct str map, const struct json *group, const struct json *element)
{
	struct json_iter it = json_iter(json_get(element, S("target")));
	while (json_next(&it)) {
		if (!str_eq(json_get_str(it.value, S("code")), x->coding->code))
			continue;
		struct match m = {.equivalence = inverse(json_get_str(it.value, S("equivalence"))),
				  .system = json_get_str(group, S("source")),
				  .version = json_get_str(group, S("sourceVersion")),
				  .code = json_get_str(element, S("code")),
				  .display = json_get_str(element, S("display")),
				  .comment = json_get_str(it.value, S("comment")),
				  .map = map};
		x->met_code = true;
		if (!add_match(x, &m))
			return false;
	}
	return true;
}

static bool ask_group_back(struct search *x, struct str map, const struct json *group)
{
	if (!str_eq(json_get_str(group, S("target")), x->coding->system) ||
	    !system_wanted(x->o->target_system, json_get_str(group, S("source"))))
		return true;
	x->met_group = true;
	struct json_iter it = json_iter(json_get(group, S("element")));
	while (json_next(&it))
		if (!ask_element_back(x, map, group, it.value))
			return false;
	return true;
}

/* ---- maps -------------------------------------------------------------------------------------------------------- */

/* source[x] and target[x] of a map name value sets; one that names none fits any. */
static bool scope_fits(const struct json *map, struct str uri, struct str canonical, struct str wanted)
{
	struct str own = json_get_str(map, uri);
	if (!own.p)
		own = json_get_str(map, canonical);
	struct str url = own.p ? str_split(&own, '|') : STR_NULL, asked = wanted;
	return !wanted.n || !url.p || str_eq(url, str_split(&asked, '|'));
}

static bool ask_resource(struct search *x, const struct canonical *entry, unsigned depth)
{
	const struct json *map = canonical_json(x->t->canonicals, entry, x->err);
	struct str source = x->o->reverse ? x->o->target : x->o->source;
	struct str target = x->o->reverse ? x->o->source : x->o->target;
	if (!map)
		return false;
	if (!scope_fits(map, S("sourceUri"), S("sourceCanonical"), source) ||
	    !scope_fits(map, S("targetUri"), S("targetCanonical"), target))
		return true;
	struct json_iter it = json_iter(json_get(map, S("group")));
	while (json_next(&it))
		if (x->o->reverse ? !ask_group_back(x, entry->url, it.value)
				  : !ask_group(x, entry->url, it.value, entry, depth))
			return false;
	return true;
}

static bool ask_map(struct search *x, struct str canonical, const struct canonical *from, unsigned depth)
{
	const struct canonical *entry =
		canonical.p ? canonicals_find(x->t->canonicals, S("ConceptMap"), canonical, from) : NULL;
	if (depth > MAX_MAPS_DEEP)
		return error_set(x->err, ERR_LIMIT, "concept maps refer to each other too deeply, or in a circle");
	if (!entry)
		return error_set(x->err, ERR_NOT_FOUND, "the concept map %.*s is not at hand",
				 STR_ARG(str_slice(canonical, 0, 200)));
	return ask_resource(x, entry, depth);
}

/* Without a map that is named, those that know the code; what others say of codes they do not list is no answer, and a
 * broken one spoils nothing. */
static bool ask_all(struct search *x)
{
	const struct canonical *entry;
	size_t at = 0;
	while ((entry = canonicals_next(x->t->canonicals, S("ConceptMap"), &at))) {
		struct error broken = {0}, *err = x->err;
		size_t before = x->count;
		bool met = x->met_code;
		x->met_code = false;
		x->err = &broken;
		if (!ask_resource(x, entry, 0) || !x->met_code)
			x->count = before;
		x->err = err;
		x->met_code |= met;
		if (broken.code == ERR_MEMORY)
			return error_memory(err);
	}
	return true;
}

/* ---- answer ------------------------------------------------------------------------------------------------------ */

static bool translates(const struct match *m)
{
	return m->code.p && !str_is(m->equivalence, "unmatched") && !str_is(m->equivalence, "disjoint");
}

static void put_product(struct json_writer *w, const struct json *product)
{
	struct json_iter it = json_iter(product);
	while (json_next(&it)) {
		parameter_parts_begin(w, S("product"));
		parameter_text(w, S("element"), S("valueUri"), json_get_str(it.value, S("property")));
		parameter_coding(w, S("concept"), json_get_str(it.value, S("system")), STR_NULL,
				 json_get_str(it.value, S("value")), json_get_str(it.value, S("display")));
		parameter_parts_end(w);
	}
}

static void put_match(struct search *x, struct json_writer *w, const struct match *m)
{
	const struct system *s = m->display.p || !m->code.p ? NULL : system_find(x->t, m->system, m->version, NULL);
	uint32_t id = s && !s->rules && !s->trouble ? image_find(&s->image, m->code) : IMAGE_NONE;
	struct str display = id != IMAGE_NONE ? image_concept(&s->image, id).display : m->display;
	parameter_parts_begin(w, S("match"));
	parameter_text(w, S("equivalence"), S("valueCode"), m->equivalence.p ? m->equivalence : S("relatedto"));
	parameter_coding(w, S("concept"), m->system, m->version, m->code, display);
	put_product(w, m->product);
	parameter_text(w, S("source"), S("valueUri"), m->map);
	parameter_parts_end(w);
}

static struct str message(const struct search *x, bool result)
{
	if (result)
		return STR_NULL;
	if (x->depends.p)
		return arena_printf(x->a, "The map translates the code only where %.*s", STR_ARG(x->depends));
	if (!x->met_group)
		return arena_printf(x->a, "No map at hand is about the code system %.*s",
				    STR_ARG(str_slice(x->coding->system, 0, 200)));
	if (!x->met_code)
		return arena_printf(x->a, "No map lists the code \"%.*s\"", STR_ARG(str_slice(x->coding->code, 0, 80)));
	for (size_t i = 0; i < x->count; i++)
		if (x->matches[i].comment.p)
			return x->matches[i].comment;
	return S("The map says that the code has no translation");
}

bool terminology_translate(struct terminology *t, struct arena *a, const struct coding *coding,
			   const struct translate_options *o, struct buf *out, struct error *err)
{
	struct search *x = ARENA_NEW(a, struct search);
	if (!x)
		return error_memory(err);
	x->t = t;
	x->a = a;
	x->coding = coding;
	x->o = o;
	x->err = err;
	if (!coding->system.p || !coding->code.p)
		return error_set(err, ERR_REQUIRED, "a code is translated with its system");
	if (!(o->map.p ? ask_map(x, o->map, NULL, 0) : ask_all(x)))
		return false;
	bool result = false;
	for (size_t i = 0; i < x->count; i++)
		result |= translates(&x->matches[i]);
	struct json_writer w = json_writer(out);
	parameters_begin(&w);
	parameter_bool(&w, S("result"), result);
	parameter_text(&w, S("message"), S("valueString"), message(x, result));
	for (size_t i = 0; i < x->count; i++)
		put_match(x, &w, &x->matches[i]);
	parameters_end(&w);
	return true;
}
