/*
 * Reading a service: its members are taken one after the other, whatever is not known is refused, and each error says
 * which member is meant, so that whoever wrote the file finds the place.
 */
#include <stdio.h>

#include "base/near.h"
#include "rule/rule_priv.h"

/* ---- members ------------------------------------------------------------------------------------------------------
 */

bool compile_fail(struct compiler *c, enum error_code code, const char *format, ...)
{
	struct error *err = c->err;
	char text[sizeof(err->text)];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return error_set_at(err, code, c->at, "%s", text);
}

struct str compile_enter(struct compiler *c, struct str name)
{
	struct str before = c->at, deeper;
	deeper = before.n ? arena_printf(c->arena, "%.*s.%.*s", STR_ARG(before), STR_ARG(str_slice(name, 0, 60)))
			  : str_slice(name, 0, 60);
	if (deeper.p)
		c->at = deeper;
	return before;
}

struct str compile_enter_index(struct compiler *c, size_t index)
{
	struct str before = c->at, deeper = arena_printf(c->arena, "%.*s[%zu]", STR_ARG(before), index);
	if (deeper.p)
		c->at = deeper;
	return before;
}

static const char *nearest(struct str word, const char *const *known)
{
	const char *best = NULL;
	size_t least = 3;
	for (; *known; known++) {
		size_t far = str_distance(word, str_from(*known));
		if (far < least) {
			least = far;
			best = *known;
		}
	}
	return best;
}

static bool is_known(struct str name, const char *const *known)
{
	for (; *known; known++)
		if (str_is(name, *known))
			return true;
	return false;
}

bool compile_members(struct compiler *c, const struct json *object, const char *const *known)
{
	if (!json_is(object, JSON_OBJECT))
		return compile_fail(c, ERR_VALUE, "This is %s; expected names and values",
				    json_type_name(json_type(object)));
	for (struct json_iter it = json_iter(object); json_next(&it);) {
		struct str name = str_slice(it.key, 0, 60);
		const char *near = nearest(name, known);
		if (is_known(it.key, known))
			continue;
		compile_enter(c, name);
		if (near)
			return compile_fail(c, ERR_VALUE, "There is no '%.*s' here; did you mean '%s'?", STR_ARG(name),
					    near);
		return compile_fail(c, ERR_VALUE, "There is no '%.*s' here", STR_ARG(name));
	}
	return true;
}

bool compile_str(struct compiler *c, const struct json *object, const char *name, bool required, struct str *ret_text)
{
	const struct json *value = json_get(object, str_from(name));
	*ret_text = json_str(value);
	if (ret_text->n)
		return true;
	if (!value && !required)
		return true;
	if (!value)
		return compile_fail(c, ERR_REQUIRED, "'%s' is missing", name);
	struct str before = compile_enter(c, str_from(name));
	bool ok = compile_fail(c, ERR_VALUE, "'%s' is %s; expected a text", name,
			       ret_text->p ? "empty" : json_type_name(json_type(value)));
	c->at = before;
	return ok;
}

bool compile_bool(struct compiler *c, const struct json *object, const char *name, bool *ret_value)
{
	const struct json *value = json_get(object, str_from(name));
	*ret_value = json_bool(value);
	if (!value || json_is(value, JSON_BOOL))
		return true;
	compile_enter(c, str_from(name));
	return compile_fail(c, ERR_VALUE, "'%s' is %s; expected true or false", name, json_type_name(json_type(value)));
}

bool compile_count(struct compiler *c, const struct json *object, const char *name, size_t max, size_t *ret_count)
{
	const struct json *list = json_get(object, str_from(name));
	*ret_count = 0;
	if (!list)
		return true;
	struct str before = compile_enter(c, str_from(name));
	if (!json_is(list, JSON_ARRAY))
		return compile_fail(c, ERR_VALUE, "'%s' is %s; expected a list", name, json_type_name(json_type(list)));
	if (json_size(list) > max)
		return compile_fail(c, ERR_LIMIT, "'%s' has %zu entries; %zu are the most", name, json_size(list), max);
	*ret_count = json_size(list);
	c->at = before;
	return true;
}

struct str compile_beside(const struct compiler *c, struct str name)
{
	size_t slash = str_rfind_char(c->file, '/');
	if (slash == STR_NONE || str_starts(name, S("/")))
		return name;
	return arena_printf(c->arena, "%.*s/%.*s", STR_ARG(str_slice(c->file, 0, slash)), STR_ARG(name));
}

/* ---- the service --------------------------------------------------------------------------------------------------
 */

/* It is part of an address: {baseUrl}/cds-services/{id}. */
bool compile_id(struct compiler *c, struct str id)
{
	bool good = id.n && id.n <= 100;
	for (size_t i = 0; i < id.n; i++) {
		char x = id.p[i];
		good = good && ((x >= 'a' && x <= 'z') || (x >= 'A' && x <= 'Z') || (x >= '0' && x <= '9') ||
				x == '-' || x == '_');
	}
	return good || compile_fail(c, ERR_VALUE,
				    "'id' is part of the service's address: letters, digits, '-' and '_', at most 100");
}

size_t rule_hooks(const struct json *service)
{
	const struct json *hook = json_get(service, S("hook"));
	return json_is(hook, JSON_ARRAY) ? json_size(hook) : 1;
}

static bool is_repeated(const struct json *hooks, size_t last)
{
	for (size_t i = 0; i < last; i++)
		if (str_eq(json_str(json_at(hooks, i)), json_str(json_at(hooks, last))))
			return true;
	return false;
}

/* One hook, or of several the one that this service is for; all but the first have it in their id. */
static bool read_hook(struct compiler *c, const struct json *service)
{
	const struct json *hooks = json_get(service, S("hook"));
	struct rule_service *s = c->service;
	if (!json_is(hooks, JSON_ARRAY))
		return compile_str(c, service, "hook", true, &s->hook);
	if (c->hook >= json_size(hooks) || is_repeated(hooks, c->hook)) {
		compile_enter(c, S("hook"));
		return compile_fail(c, ERR_VALUE, "'hook' needs one or more different hooks");
	}
	s->hook = json_str(json_at(hooks, c->hook));
	if (c->hook)
		s->id = arena_printf(c->arena, "%.*s-%.*s", STR_ARG(s->id), STR_ARG(s->hook));
	return s->id.p || error_memory(c->err);
}

static bool check_hook(struct compiler *c, struct str hook)
{
	if (hook_named(hook))
		return true;
	compile_enter(c, S("hook"));
	return compile_fail(c, ERR_VALUE, "There is no hook '%.*s' that this program knows",
			    STR_ARG(str_slice(hook, 0, 60)));
}

static bool read_head(struct compiler *c, const struct json *service)
{
	static const char *const known[] = {"id",	 "hook",   "title",  "description", "usageRequirements",
					    "prefetch",	 "use",	   "define", "rules",	    "valueSets",
					    "tables",	 "source", "topic",  "links",	    "overrideReasons",
					    "indicator", NULL};
	struct rule_service *s = c->service;
	return compile_members(c, service, known) && compile_str(c, service, "id", true, &s->id) &&
	       compile_id(c, s->id) && read_hook(c, service) && check_hook(c, s->hook) &&
	       compile_str(c, service, "title", false, &s->title) &&
	       compile_str(c, service, "description", true, &s->description) &&
	       compile_str(c, service, "usageRequirements", false, &s->usage);
}

static bool read_names(struct compiler *c, const struct json *from)
{
	return names_values(c, from) && names_tables(c, from) && names_define(c, from);
}

/* What services share: names of another file, as if they stood here. */
static bool read_shared(struct compiler *c, struct str name)
{
	static const char *const known[] = {"description", "valueSets", "tables", "define", NULL};
	struct error why = {0};
	struct str own = c->file, before = c->at;
	if (!name.n)
		return compile_fail(c, ERR_VALUE, "'use' is a file or a list of files");
	const struct json *from = c->library->file ? c->library->file(c->library->ctx, own, name, &why) : NULL;
	if (!from)
		return compile_fail(c, why.code ? why.code : ERR_NOT_SUPPORTED, "%s",
				    why.code ? why.text : "files cannot be read here");
	c->file = compile_beside(c, name);
	c->at = S("");
	if (!c->file.p || !compile_members(c, from, known) || !read_names(c, from)) {
		struct str inner = arena_str(c->arena, str_from(c->err->path));
		memset(c->err->path, 0, sizeof(c->err->path));
		snprintf(c->err->path, sizeof(c->err->path), "%.*s", STR_ARG(before));
		return error_context(c->err, "in %.*s, %.*s", STR_ARG(name), STR_ARG(inner));
	}
	c->file = own;
	c->at = before;
	return true;
}

static bool read_use(struct compiler *c, const struct json *service)
{
	const struct json *use = json_get(service, S("use"));
	struct str before = compile_enter(c, S("use"));
	bool ok = true;
	if (json_is(use, JSON_ARRAY))
		for (struct json_iter it = json_iter(use); ok && json_next(&it);)
			ok = read_shared(c, json_str(it.value));
	else if (use)
		ok = read_shared(c, json_str(use));
	if (ok)
		c->at = before;
	return ok;
}

static bool read_service(struct compiler *c, const struct json *service)
{
	return read_head(c, service) && names_prefetch(c, service) && read_use(c, service) && read_names(c, service) &&
	       rules_compile(c, service);
}

/* Moves what was gathered into the program, which stays. */
static bool keep(struct compiler *c)
{
	struct rule_program *p = c->program;
	struct rule_prefetch *prefetch = ARENA_ARRAY(c->arena, struct rule_prefetch, c->prefetch_count);
	struct rule_name *names = ARENA_ARRAY(c->arena, struct rule_name, c->name_count);
	struct path_declaration *declarations = ARENA_ARRAY(c->arena, struct path_declaration, c->name_count);
	struct rule_values_named *values = ARENA_ARRAY(c->arena, struct rule_values_named, c->value_count);
	if (!prefetch || !names || !declarations || !values)
		return error_memory(c->err);
	memcpy(prefetch, c->prefetch, c->prefetch_count * sizeof(*prefetch));
	memcpy(names, c->names, c->name_count * sizeof(*names));
	memcpy(declarations, c->declarations, c->name_count * sizeof(*declarations));
	if (c->value_count)
		memcpy(values, c->values, c->value_count * sizeof(*values));
	c->service->prefetch = prefetch;
	c->service->prefetch_count = c->prefetch_count;
	c->service->rule_count = p->rule_count;
	c->service->program = p;
	p->definitions = c->library->definitions;
	p->library = c->library;
	p->service = c->service;
	p->names = names;
	p->declarations = declarations;
	p->name_count = c->name_count;
	p->values = values;
	p->value_count = c->value_count;
	return true;
}

static const struct rule_service *compile(struct rule_library *library, struct str file, const struct json *service,
					  size_t hook, bool hooked, struct error *err)
{
	struct compiler *c = ARENA_NEW(library->arena, struct compiler);
	struct error mine = {0};
	if (!c) {
		error_memory(err);
		return NULL;
	}
	c->library = library;
	c->arena = library->arena;
	c->file = arena_str(c->arena, file);
	c->err = &mine;
	c->hook = hook;
	c->service = ARENA_NEW(c->arena, struct rule_service);
	c->program = ARENA_NEW(c->arena, struct rule_program);
	bool plan = str_is(json_get_str(service, S("resourceType")), "PlanDefinition");
	bool ok = c->service && c->program && names_begin(c) &&
		  (plan ? plan_compile(c, service, hooked) : read_service(c, service)) && keep(c);
	if (ok)
		return c->service;
	if (mine.code == ERR_NONE)
		error_memory(&mine);
	if (err && err->code == ERR_NONE)
		*err = mine;
	return NULL;
}

const struct rule_service *rule_compile(struct rule_library *library, struct str file, const struct json *service,
					size_t hook, struct error *err)
{
	return compile(library, file, service, hook, true, err);
}

const struct rule_service *rule_compile_plan(struct rule_library *library, const struct json *plan, struct error *err)
{
	if (str_is(json_get_str(plan, S("resourceType")), "PlanDefinition"))
		return compile(library, S(""), plan, 0, false, err);
	error_set(err, ERR_VALUE, "This is no PlanDefinition");
	return NULL;
}
