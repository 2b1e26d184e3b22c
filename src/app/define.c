/*
 * `firth define NAME`: what the build generated from the R4 package for a type, an element or a search parameter. It
 * answers "what does this binary believe" without opening the specification.
 */
#include "app/define_priv.h"

/* Says that name does not exist among count candidates and which of them is near. */
static bool fail_near(struct error *err, const char *what, struct str name, const char *const *names, size_t count)
{
	const char *near = names ? near_name(name, names, count) : NULL;
	name = str_slice(name, 0, 80);
	if (near)
		return error_set(err, ERR_NOT_FOUND, "there is no %s \"%.*s\"; did you mean \"%s\"?", what,
				 STR_ARG(name), near);
	return error_set(err, ERR_NOT_FOUND, "there is no %s \"%.*s\"", what, STR_ARG(name));
}

static bool fail_type(struct arena *a, struct str name, struct error *err)
{
	const struct definitions *d = definitions_builtin();
	size_t count = definitions_type_count(d);
	const char **names = ARENA_ARRAY(a, const char *, count);
	for (size_t i = 0; names && i < count; i++) {
		names[i] = arena_str(a, definitions_type_at(d, i)->name).p;
		if (!names[i])
			return error_memory(err);
		if (str_eq_nocase(name, str_from(names[i])))
			return fail_near(err, "type", name, &names[i], 1);
	}
	return fail_near(err, "type", name, names, count);
}

static bool fail_element(struct arena *a, const struct fhir_type *type, struct str name, struct error *err)
{
	const char **names = ARENA_ARRAY(a, const char *, type->element_count);
	for (size_t i = 0; names && i < type->element_count; i++) {
		const struct fhir_element *e = &type->elements[i];
		names[i] = arena_printf(a, "%.*s%s", STR_ARG(e->name), e->choice ? "[x]" : "").p;
		if (!names[i])
			return error_memory(err);
	}
	fail_near(err, "element", name, names, type->element_count);
	return error_context(err, "%.*s", STR_ARG(type->name));
}

static bool fail_param(struct arena *a, const struct fhir_type *type, struct str code, struct error *err)
{
	const char **names = ARENA_ARRAY(a, const char *, type->search_param_count);
	for (size_t i = 0; names && i < type->search_param_count; i++) {
		names[i] = arena_str(a, type->search_params[i].code).p;
		if (!names[i])
			return error_memory(err);
	}
	fail_near(err, "search parameter", code, names, type->search_param_count);
	return error_context(err, "%.*s", STR_ARG(type->name));
}

/* "value[x]", "value" and "valueQuantity" all name the element value. */
static const struct fhir_element *find_element(const struct fhir_type *type, struct str name,
					       const struct fhir_type **ret_type)
{
	bool any = str_ends(name, S("[x]"));
	struct str bare = any ? str_slice(name, 0, name.n - 3) : name;
	for (size_t i = 0; i < type->element_count; i++) {
		const struct fhir_element *e = &type->elements[i];
		if (str_eq(e->name, bare) && (e->choice || !any)) {
			*ret_type = e->type_count == 1 ? e->types[0].type : NULL;
			return e;
		}
	}
	return name.n && !any ? definitions_element(type, name, ret_type) : NULL;
}

static bool find_path(struct arena *a, struct str name, struct definition *found, struct error *err)
{
	struct str rest = name, part = str_split(&rest, '.');
	found->type = definitions_type(definitions_builtin(), part);
	if (!found->type)
		return fail_type(a, part, err);
	while (rest.p) {
		const struct fhir_type *owner = found->type, *type = NULL;
		part = str_split(&rest, '.');
		found->element = owner ? find_element(owner, part, &type) : NULL;
		if (!found->element)
			return owner ? fail_element(a, owner, part, err)
				     : error_set(err, ERR_NOT_FOUND, "name the type of the choice in front of \"%.*s\"",
						 STR_ARG(str_slice(part, 0, 80)));
		found->type = type;
	}
	return true;
}

bool define_find(struct arena *a, struct str name, struct definition *ret_found, struct error *err)
{
	struct definition found = {.name = str_trim(name)};
	size_t question = str_find_char(found.name, '?', 0);
	if (question == STR_NONE) {
		if (!find_path(a, found.name, &found, err))
			return false;
	} else {
		struct str type = str_slice(found.name, 0, question);
		struct str code = str_slice(found.name, question + 1, found.name.n);
		found.type = definitions_resource(definitions_builtin(), type);
		if (!found.type)
			return fail_type(a, type, err);
		found.param = definitions_search_param(found.type, code);
		if (!found.param)
			return fail_param(a, found.type, code, err);
	}
	*ret_found = found;
	return true;
}

int command_define(struct app *app)
{
	static const struct command_line line = {
		.arguments = "NAME",
		.min_args = 1,
		.max_args = 1,
		.details = "NAME is a type (Patient, HumanName, Patient.contact), an element (Observation.value[x],\n"
			   "Patient.name.family) or a search parameter ('Observation?code').",
	};
	struct error err = {0};
	struct definition found;
	struct buf out;
	if (!app_options(app, &line))
		return app->status;
	if (!define_find(&app->arena, app->args[0], &found, &err))
		return app_fail(app, &err);
	buf_init(&out, 16 << 20);
	if (app->json)
		define_print_json(&out, &found);
	else
		define_print(&out, app, &found);
	int status = buf_ok(&out) && app_write(app, buf_str(&out)) ? APP_OK : APP_FAILED;
	buf_done(&out);
	return status;
}
