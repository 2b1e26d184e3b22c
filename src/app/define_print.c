/* Prints what `firth define` found: columns for people, one JSON object for programs. */
#include "app/define_priv.h"

#include "json/json.h"

enum { NAME_WIDTH = 28, TYPE_WIDTH = 36 };

static const char *kind_name(enum type_kind kind)
{
	static const char *const names[] = {"primitive type", "data type", "resource", "backbone element"};
	return names[kind];
}

static const char *strength_name(enum binding_strength strength)
{
	static const char *const names[] = {"none", "example", "preferred", "extensible", "required"};
	return names[strength];
}

static struct str last_part(struct str url)
{
	size_t slash = str_rfind_char(url, '/');
	return slash == STR_NONE ? url : str_slice(url, slash + 1, url.n);
}

static void add_cardinality(struct buf *out, const struct fhir_element *e)
{
	if (e->max == UINT32_MAX)
		buf_printf(out, "%u..*", e->min);
	else
		buf_printf(out, "%u..%u", e->min, e->max);
}

/* "Reference(Patient | Group) | string". Extension.value[x] may be of any type: a list of fifty helps nobody. */
static void add_types(struct buf *out, const struct fhir_element *e, bool all)
{
	enum { MANY = 12 };
	if (e->type_count > MANY && !all) {
		buf_printf(out, "any of %zu types", e->type_count);
		return;
	}
	for (size_t i = 0; i < e->type_count; i++) {
		const struct fhir_element_type *t = &e->types[i];
		buf_printf(out, "%s%.*s", i ? " | " : "", STR_ARG(t->type->name));
		for (size_t k = 0; k < t->target_profile_count; k++)
			buf_printf(out, "%s%.*s", k ? " | " : "(", STR_ARG(last_part(t->target_profiles[k])));
		if (t->target_profile_count)
			buf_char(out, ')');
	}
}

static void pad(struct buf *out, size_t from, size_t width)
{
	for (size_t n = out->n - from; n < width; n++)
		buf_char(out, ' ');
}

static size_t name_width(const struct fhir_type *type)
{
	size_t width = 4;
	for (size_t i = 0; i < type->element_count; i++) {
		size_t n = type->elements[i].name.n + (type->elements[i].choice ? 3 : 0);
		if (n > width)
			width = n;
	}
	return width < NAME_WIDTH ? width : NAME_WIDTH;
}

static void print_row(struct buf *out, const struct app *app, const struct fhir_element *e, size_t width)
{
	buf_add(out, S("  "));
	buf_add(out, str_from(app_style(app, STYLE_BOLD)));
	size_t start = out->n;
	buf_printf(out, "%.*s%s", STR_ARG(e->name), e->choice ? "[x]" : "");
	pad(out, start, width);
	buf_add(out, str_from(app_style(app, STYLE_PLAIN)));
	buf_add(out, S("  "));
	start = out->n;
	add_cardinality(out, e);
	pad(out, start, 6);
	start = out->n;
	add_types(out, e, false);
	if (out->n - start > TYPE_WIDTH) {
		buf_char(out, '\n');
		for (size_t i = 0; i < 2 + width + 2 + 6 + TYPE_WIDTH; i++)
			buf_char(out, ' ');
	} else {
		pad(out, start, TYPE_WIDTH);
	}
	buf_printf(out, "  %s%.*s%s\n", app_style(app, STYLE_DIM), STR_ARG(e->definition), app_style(app, STYLE_PLAIN));
}

static void print_elements(struct buf *out, const struct app *app, const struct fhir_type *type)
{
	size_t width = name_width(type);
	if (type->element_count)
		buf_printf(out, "\n%zu elements\n", type->element_count);
	for (size_t i = 0; i < type->element_count; i++)
		print_row(out, app, &type->elements[i], width);
}

static void print_params(struct buf *out, const struct app *app, const struct fhir_type *type)
{
	if (type->search_param_count)
		buf_printf(out, "\n%zu search parameters\n", type->search_param_count);
	for (size_t i = 0; i < type->search_param_count; i++) {
		const struct search_param *p = &type->search_params[i];
		buf_printf(out, "  %s%-28.*s%s  %-10s  %s%.*s%s\n", app_style(app, STYLE_BOLD), STR_ARG(p->code),
			   app_style(app, STYLE_PLAIN), search_param_type_name(p->type), app_style(app, STYLE_DIM),
			   STR_ARG(p->expression), app_style(app, STYLE_PLAIN));
	}
}

static void print_title(struct buf *out, const struct app *app, struct str name)
{
	buf_printf(out, "%s%.*s%s", app_style(app, STYLE_BOLD), STR_ARG(name), app_style(app, STYLE_PLAIN));
}

static void print_fact(struct buf *out, const char *label, struct str text)
{
	if (text.n)
		buf_printf(out, "  %-12s%.*s\n", label, STR_ARG(text));
}

static void print_type(struct buf *out, const struct app *app, const struct fhir_type *type)
{
	print_title(out, app, type->name);
	buf_printf(out, "  %s%s", type->abstract ? "abstract " : "", kind_name(type->kind));
	if (type->base)
		buf_printf(out, " based on %.*s", STR_ARG(type->base->name));
	buf_char(out, '\n');
	print_fact(out, "what", type->summary);
	print_fact(out, "url", type->url);
	print_fact(out, "pattern", type->pattern);
	print_elements(out, app, type);
	print_params(out, app, type);
}

static void print_element(struct buf *out, const struct app *app, const struct definition *found)
{
	const struct fhir_element *e = found->element;
	print_title(out, app, e->path);
	buf_add(out, S("  "));
	add_cardinality(out, e);
	buf_printf(out, "%s%s\n", e->modifier ? "  modifier" : "", e->summary ? "  in summaries" : "");
	print_fact(out, "what", e->definition);
	buf_printf(out, "  %-12s", "type");
	add_types(out, e, true);
	buf_char(out, '\n');
	if (e->strength != BINDING_NONE)
		buf_printf(out, "  %-12s%s, %.*s\n", "binding", strength_name(e->strength), STR_ARG(e->value_set));
	if (found->type && found->type->kind != TYPE_PRIMITIVE)
		print_elements(out, app, found->type);
}

static void print_param(struct buf *out, const struct app *app, const struct definition *found)
{
	const struct search_param *p = found->param;
	print_title(out, app, found->name);
	buf_printf(out, "  search parameter of type %s\n", search_param_type_name(p->type));
	print_fact(out, "expression", p->expression);
	print_fact(out, "url", p->url);
	if (p->target_count) {
		buf_printf(out, "  %-12s", "targets");
		for (size_t i = 0; i < p->target_count; i++)
			buf_printf(out, "%s%.*s", i ? ", " : "", STR_ARG(p->targets[i]));
		buf_char(out, '\n');
	}
}

void define_print(struct buf *out, const struct app *app, const struct definition *found)
{
	if (found->param)
		print_param(out, app, found);
	else if (found->element)
		print_element(out, app, found);
	else
		print_type(out, app, found->type);
}

static void put_list(struct json_writer *w, struct str key, const struct str *items, size_t count)
{
	if (!count)
		return;
	json_key(w, key);
	json_array_begin(w);
	for (size_t i = 0; i < count; i++)
		json_put_str(w, items[i]);
	json_array_end(w);
}

static void put_bool(struct json_writer *w, struct str key, bool value)
{
	json_key(w, key);
	json_put_bool(w, value);
}

static void put_element(struct json_writer *w, const struct fhir_element *e)
{
	json_object_begin(w);
	json_put_member(w, S("name"), e->name);
	json_put_member(w, S("path"), e->path);
	json_key(w, S("min"));
	json_put_i64(w, e->min);
	json_key(w, S("max"));
	if (e->max == UINT32_MAX)
		json_put_str(w, S("*"));
	else
		json_put_i64(w, e->max);
	put_bool(w, S("choice"), e->choice);
	put_bool(w, S("summary"), e->summary);
	put_bool(w, S("modifier"), e->modifier);
	json_key(w, S("types"));
	json_array_begin(w);
	for (size_t i = 0; i < e->type_count; i++) {
		json_object_begin(w);
		json_put_member(w, S("name"), e->types[i].type->name);
		put_list(w, S("targetProfiles"), e->types[i].target_profiles, e->types[i].target_profile_count);
		json_object_end(w);
	}
	json_array_end(w);
	if (e->strength != BINDING_NONE) {
		json_put_member(w, S("strength"), str_from(strength_name(e->strength)));
		json_put_member(w, S("valueSet"), e->value_set);
	}
	json_put_member(w, S("definition"), e->definition);
	json_object_end(w);
}

static void put_param(struct json_writer *w, const struct search_param *p)
{
	json_object_begin(w);
	json_put_member(w, S("code"), p->code);
	json_put_member(w, S("type"), str_from(search_param_type_name(p->type)));
	json_put_member(w, S("url"), p->url);
	json_put_member(w, S("expression"), p->expression);
	put_list(w, S("targets"), p->targets, p->target_count);
	json_object_end(w);
}

static void put_type(struct json_writer *w, const struct fhir_type *type)
{
	json_object_begin(w);
	json_put_member(w, S("name"), type->name);
	json_put_member(w, S("kind"), str_from(kind_name(type->kind)));
	put_bool(w, S("abstract"), type->abstract);
	json_put_member(w, S("base"), type->base ? type->base->name : STR_NULL);
	json_put_member(w, S("url"), type->url);
	json_put_member(w, S("pattern"), type->pattern);
	json_put_member(w, S("summary"), type->summary);
	json_key(w, S("elements"));
	json_array_begin(w);
	for (size_t i = 0; i < type->element_count; i++)
		put_element(w, &type->elements[i]);
	json_array_end(w);
	json_key(w, S("searchParameters"));
	json_array_begin(w);
	for (size_t i = 0; i < type->search_param_count; i++)
		put_param(w, &type->search_params[i]);
	json_array_end(w);
	json_object_end(w);
}

void define_print_json(struct buf *out, const struct definition *found)
{
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	if (found->param) {
		json_key(&w, S("searchParameter"));
		put_param(&w, found->param);
	} else if (found->element) {
		json_key(&w, S("element"));
		put_element(&w, found->element);
	}
	if (!found->param && found->type) {
		json_key(&w, S("type"));
		put_type(&w, found->type);
	}
	json_object_end(&w);
	buf_char(out, '\n');
}
