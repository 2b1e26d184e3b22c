/* Expansions as ValueSet resources (http://hl7.org/fhir/R4/valueset.html#expansion). */
#include "terminology/terminology_priv.h"

struct writing {
	struct json_writer w;
	const struct expansion *e;
	const struct expand_options *o;
	bool designations;
	size_t *first, *next; /* the children of a code, and its next sibling; place + 1 */
};

static void put_use(struct json_writer *w, struct str system, struct str code, struct str display)
{
	if (!code.p)
		return;
	json_key(w, S("use"));
	json_object_begin(w);
	json_put_member(w, S("system"), system);
	json_put_member(w, S("code"), code);
	json_put_member(w, S("display"), display);
	json_object_end(w);
}

static void put_designation(struct json_writer *w, const struct designation *d)
{
	json_object_begin(w);
	json_put_member(w, S("language"), d->language);
	put_use(w, d->use_system, d->use_code, d->use_display);
	json_put_member(w, S("value"), d->value);
	json_object_end(w);
}

static void put_designations(struct writing *x, const struct expanded *e)
{
	const struct json *listed = json_get(e->listed, S("designation"));
	bool has_image = e->source && !e->source->rules && e->id != IMAGE_NONE;
	uint32_t count = has_image ? image_designation_count(&e->source->image, e->id) : 0;
	if (!count && !json_size(listed))
		return;
	json_key(&x->w, S("designation"));
	json_array_begin(&x->w);
	struct json_iter it = json_iter(listed);
	while (json_next(&it))
		json_put_value(&x->w, it.value);
	for (uint32_t i = 0; i < count; i++) {
		struct designation d = image_designation(&e->source->image, e->id, i);
		put_designation(&x->w, &d);
	}
	json_array_end(&x->w);
}

static void put_contains(struct writing *x, size_t place)
{
	json_key(&x->w, S("contains"));
	json_array_begin(&x->w);
	for (; place; place = x->next[place - 1]) {
		const struct expanded *e = &x->e->codes[place - 1];
		json_object_begin(&x->w);
		json_put_member(&x->w, S("system"), e->system);
		if (e->abstract) {
			json_key(&x->w, S("abstract"));
			json_put_bool(&x->w, true);
		}
		if (e->inactive) {
			json_key(&x->w, S("inactive"));
			json_put_bool(&x->w, true);
		}
		json_put_member(&x->w, S("code"), e->code);
		json_put_member(&x->w, S("display"), e->display);
		if (x->designations)
			put_designations(x, e);
		if (x->first[place - 1])
			put_contains(x, x->first[place - 1]);
		json_object_end(&x->w);
	}
	json_array_end(&x->w);
}

/* Children in order: linked from the last to the first. Returns the first root. */
static size_t link_children(struct writing *x)
{
	size_t root = 0;
	for (size_t i = x->e->count; i > 0; i--) {
		size_t *list = x->e->codes[i - 1].parent ? &x->first[x->e->codes[i - 1].parent - 1] : &root;
		x->next[i - 1] = *list;
		*list = i;
	}
	return root;
}

/* ---- parameters -------------------------------------------------------------------------------------------------- */

static void begin_parameter(struct json_writer *w, struct str name, struct str key)
{
	json_object_begin(w);
	json_put_member(w, S("name"), name);
	json_key(w, key);
}

static void put_flag(struct json_writer *w, struct str name, bool given)
{
	if (!given)
		return;
	begin_parameter(w, name, S("valueBoolean"));
	json_put_bool(w, true);
	json_object_end(w);
}

static void put_text(struct json_writer *w, struct str name, struct str key, struct str text)
{
	if (!text.n)
		return;
	begin_parameter(w, name, key);
	json_put_str(w, text);
	json_object_end(w);
}

static void put_number(struct json_writer *w, struct str name, size_t value)
{
	begin_parameter(w, name, S("valueInteger"));
	json_put_i64(w, (int64_t)value);
	json_object_end(w);
}

/* Which versions of which systems the codes come from, each once. */
static void put_versions(struct writing *x)
{
	struct buf text;
	buf_init(&text, 4096);
	for (size_t i = 0; i < x->e->count; i++) {
		const struct expanded *e = &x->e->codes[i];
		bool told = !e->version.n || (i && x->e->codes[i - 1].source == e->source);
		for (size_t k = 0; !told && k < i; k++)
			told = x->e->codes[k].source == e->source && str_eq(x->e->codes[k].version, e->version);
		if (told)
			continue;
		buf_reset(&text);
		buf_printf(&text, "%.*s|%.*s", STR_ARG(e->system), STR_ARG(e->version));
		put_text(&x->w, S("version"), S("valueUri"), buf_str(&text));
	}
	buf_done(&text);
}

static void put_parameters(struct writing *x, const struct expansion_style *style)
{
	json_key(&x->w, S("parameter"));
	json_array_begin(&x->w);
	put_flag(&x->w, S("excludeNested"), x->o->flat);
	put_flag(&x->w, S("includeDesignations"), style->designations);
	put_flag(&x->w, S("activeOnly"), x->o->active_only);
	put_text(&x->w, S("filter"), S("valueString"), x->o->filter);
	put_text(&x->w, S("displayLanguage"), S("valueCode"), x->o->language);
	if (x->o->paged) {
		put_number(&x->w, S("offset"), x->o->offset);
		put_number(&x->w, S("count"), x->o->count);
	}
	put_versions(x);
	json_array_end(&x->w);
}

static void put_expansion(struct writing *x, const struct expansion_style *style)
{
	json_key(&x->w, S("expansion"));
	json_object_begin(&x->w);
	if (x->e->unclosed) {
		json_key(&x->w, S("extension"));
		json_put_raw(&x->w, S("[{\"url\":\"http://hl7.org/fhir/StructureDefinition/valueset-unclosed\","
				      "\"valueBoolean\":true}]"));
	}
	json_put_member(&x->w, S("timestamp"), style->timestamp);
	json_key(&x->w, S("total"));
	json_put_i64(&x->w, (int64_t)x->e->total);
	if (x->o->paged) {
		json_key(&x->w, S("offset"));
		json_put_i64(&x->w, (int64_t)x->o->offset);
	}
	put_parameters(x, style);
	size_t root = link_children(x);
	if (root)
		put_contains(x, root);
	json_object_end(&x->w);
}

void expansion_write(struct buf *out, const struct expansion *e, const struct expand_options *o,
		     const struct expansion_style *style)
{
	static const char *const kept[] = {"id", "url", "version", "name", "title", "status", "experimental"};
	struct arena a;
	arena_init(&a, ARENA_NO_CAP);
	struct writing x = {.w = json_writer(out),
			    .e = e,
			    .o = o,
			    .designations = style->designations,
			    .first = ARENA_ARRAY(&a, size_t, e->count + 1),
			    .next = ARENA_ARRAY(&a, size_t, e->count + 1)};
	if (!x.first || !x.next) {
		out->failed = true;
		arena_done(&a);
		return;
	}
	json_object_begin(&x.w);
	json_put_member(&x.w, S("resourceType"), S("ValueSet"));
	for (size_t i = 0; e->definition && i < sizeof(kept) / sizeof(kept[0]); i++) {
		const struct json *value = json_get(e->definition, str_from(kept[i]));
		if (value) {
			json_key(&x.w, str_from(kept[i]));
			json_put_value(&x.w, value);
		}
	}
	if (!e->definition)
		json_put_member(&x.w, S("url"), e->url);
	if (!json_get(e->definition, S("status")))
		json_put_member(&x.w, S("status"), S("active"));
	if (style->definition && json_get(e->definition, S("compose"))) {
		json_key(&x.w, S("compose"));
		json_put_value(&x.w, json_get(e->definition, S("compose")));
	}
	put_expansion(&x, style);
	json_object_end(&x.w);
	arena_done(&a);
}
