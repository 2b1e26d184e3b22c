/*
 * What expressions of a service may name, with the types that it will have: the hook's context, the resources of each
 * key of the prefetch, tables of the service, and the expressions that it defines, each of which sees those above it.
 */
#include "rule/rule_priv.h"

static const struct path_given open_given = {.open = true};

static bool is_name(struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		char x = name.p[i];
		if (!((x >= 'a' && x <= 'z') || (x >= 'A' && x <= 'Z') || x == '_' || (i && x >= '0' && x <= '9')))
			return false;
	}
	return name.n && name.n <= 60;
}

static bool is_taken(const struct compiler *c, struct str name)
{
	static const char *const own[] = {"resource", "rootResource", "ucum", "sct", "loinc", "factory", "item"};
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (str_is(name, own[i]))
			return true;
	for (size_t i = 0; i < c->name_count; i++)
		if (str_eq(c->declarations[i].name, name))
			return true;
	return false;
}

static void put(struct compiler *c, struct str name, struct rule_name how, struct path_given given)
{
	c->names[c->name_count] = how;
	c->declarations[c->name_count++] = (struct path_declaration){.name = name, .given = given};
}

static bool put_moment(struct compiler *c, struct str name, enum name_kind kind, enum path_kind type)
{
	struct path_type *types = ARENA_NEW(c->arena, struct path_type);
	if (!types)
		return error_memory(c->err);
	types->system = type;
	put(c, name, (struct rule_name){.kind = kind}, (struct path_given){.types = types, .count = 1});
	return true;
}

bool names_begin(struct compiler *c)
{
	static const char *const fixed[] = {"context", "prefetch", "resources", "orders", "selected"};
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		put(c, str_from(fixed[i]), (struct rule_name){.kind = (enum name_kind)i}, open_given);
	return put_moment(c, S("today"), NAME_TODAY, PATH_DATE) && put_moment(c, S("now"), NAME_NOW, PATH_DATETIME);
}

bool names_add(struct compiler *c, struct str name, struct rule_name how, struct path_given given)
{
	if (!is_name(name))
		return compile_fail(c, ERR_VALUE,
				    "'%.*s' cannot be a name: letters, digits and '_', beginning with a letter",
				    STR_ARG(str_slice(name, 0, 60)));
	if (is_taken(c, name))
		return compile_fail(c, ERR_VALUE, "The name '%.*s' is taken already", STR_ARG(name));
	/* One place is kept for the item of a rule. */
	if (c->name_count >= NAMES_MAX - 1)
		return compile_fail(c, ERR_LIMIT, "A service has at most %d names", (int)NAMES_MAX - 1);
	put(c, name, how, given);
	return true;
}

/* ---- prefetch -----------------------------------------------------------------------------------------------------
 */

/* "Patient/{{context.patientId}}", "Condition?patient=...": the type in front. */
static const struct fhir_type *query_type(const struct compiler *c, struct str query)
{
	size_t end = 0;
	while (end < query.n && query.p[end] != '/' && query.p[end] != '?')
		end++;
	return definitions_resource(c->library->definitions, str_slice(query, 0, end));
}

bool names_add_prefetch(struct compiler *c, struct str key, struct str query, bool optional)
{
	struct path_given given = {.open = true};
	struct error why = {0};
	const struct fhir_type *type = query_type(c, query);
	if (c->prefetch_count == RULE_PREFETCH_MAX)
		return compile_fail(c, ERR_LIMIT, "A service has at most %d prefetch keys", RULE_PREFETCH_MAX);
	if (!type)
		return compile_fail(c, ERR_VALUE,
				    "A prefetch template begins with a resource type: Patient/{{context.patientId}} or "
				    "Condition?patient={{context.patientId}}");
	if (!hook_template_check(hook_named(c->service->hook), query, &why))
		return compile_fail(c, why.code, "%s", why.text);
	/* With others along, resources of any type may come. */
	if (str_find(query, S("include=")) != STR_NONE || str_find(query, S("include:")) != STR_NONE)
		type = NULL;
	if (type) {
		struct path_type *types = ARENA_NEW(c->arena, struct path_type);
		if (!types)
			return error_memory(c->err);
		types->fhir = type;
		given = (struct path_given){.types = types, .count = 1};
	}
	const struct rule_name how = {.kind = NAME_KEY, .key = c->prefetch_count};
	if (!names_add(c, key, how, given))
		return false;
	c->prefetch[c->prefetch_count++] =
		(struct rule_prefetch){.key = key, .query = query, .type = type, .optional = optional};
	return true;
}

/* A text, or an object when there is more to say of it. */
static bool read_template(struct compiler *c, struct str key, const struct json *value)
{
	static const char *const known[] = {"query", "optional", NULL};
	struct str query = json_str(value);
	bool optional = false;
	if (json_is(value, JSON_OBJECT) &&
	    (!compile_members(c, value, known) || !compile_str(c, value, "query", true, &query) ||
	     !compile_bool(c, value, "optional", &optional)))
		return false;
	return query.n ? names_add_prefetch(c, key, query, optional)
		       : compile_fail(c, ERR_VALUE, "A prefetch template is a text, or 'query' and 'optional'");
}

bool names_prefetch(struct compiler *c, const struct json *service)
{
	const struct json *prefetch = json_get(service, S("prefetch"));
	struct str before = compile_enter(c, S("prefetch"));
	if (prefetch && !json_is(prefetch, JSON_OBJECT))
		return compile_fail(c, ERR_VALUE, "'prefetch' needs keys and templates");
	for (struct json_iter it = json_iter(prefetch); json_next(&it);) {
		struct str list = compile_enter(c, it.key);
		if (!read_template(c, it.key, it.value))
			return false;
		c->at = list;
	}
	c->at = before;
	return true;
}

/* ---- value sets and tables ----------------------------------------------------------------------------------------
 */

bool names_values(struct compiler *c, const struct json *service)
{
	const struct json *sets = json_get(service, S("valueSets"));
	struct str before = compile_enter(c, S("valueSets"));
	if (sets && !json_is(sets, JSON_OBJECT))
		return compile_fail(c, ERR_VALUE, "'valueSets' needs names, and files or canonical urls");
	for (struct json_iter it = json_iter(sets); json_next(&it);) {
		struct rule_values_named *named = &c->values[c->value_count];
		struct str list = compile_enter(c, it.key), name = json_str(it.value);
		if (c->value_count == RULE_RULES_MAX)
			return compile_fail(c, ERR_LIMIT, "A service has at most %d value sets", RULE_RULES_MAX);
		if (!name.n)
			return compile_fail(c, ERR_VALUE, "A value set is a file or a canonical url");
		named->name = it.key;
		if (!values_open(c, name, &named->values, &named->url))
			return false;
		c->value_count++;
		c->at = list;
	}
	c->at = before;
	return true;
}

bool names_tables(struct compiler *c, const struct json *service)
{
	const struct json *tables = json_get(service, S("tables"));
	struct str before = compile_enter(c, S("tables"));
	if (tables && !json_is(tables, JSON_OBJECT))
		return compile_fail(c, ERR_VALUE, "'tables' needs names and their data");
	for (struct json_iter it = json_iter(tables); json_next(&it);) {
		struct str list = compile_enter(c, it.key), file = json_str(it.value);
		struct error why = {0};
		const struct json *table = it.value;
		if (file.n && (!c->library->file || !(table = c->library->file(c->library->ctx, c->file, file, &why))))
			return compile_fail(c, why.code ? why.code : ERR_NOT_SUPPORTED, "%s",
					    why.code ? why.text : "files cannot be read here");
		const struct rule_name how = {.kind = NAME_TABLE, .table = table};
		if (!names_add(c, it.key, how, open_given))
			return false;
		c->at = list;
	}
	c->at = before;
	return true;
}

bool names_define(struct compiler *c, const struct json *service)
{
	const struct json *define = json_get(service, S("define"));
	struct str before = compile_enter(c, S("define"));
	if (define && !json_is(define, JSON_OBJECT))
		return compile_fail(c, ERR_VALUE, "'define' needs names and expressions");
	if (json_size(define) > RULE_RULES_MAX)
		return compile_fail(c, ERR_LIMIT, "A service defines at most %d expressions", RULE_RULES_MAX);
	for (struct json_iter it = json_iter(define); json_next(&it);) {
		struct str list = compile_enter(c, it.key);
		struct rule_name how = {.kind = NAME_DEFINE};
		if (!json_str(it.value).n)
			return compile_fail(c, ERR_VALUE, "An expression is a text");
		how.expression = expression_compile(c, json_str(it.value));
		if (!how.expression || !names_add(c, it.key, how, how.expression->program->given))
			return false;
		c->at = list;
	}
	c->at = before;
	return true;
}
