/*
 * What a plan's actions need (DataRequirement, R4 metadatatypes.html#datarequirement): each becomes a key of the
 * prefetch; with an id it is a name for expressions as well, which has the filters on codes applied. More comes with
 * the prefetch than the filters ask for, since few servers search by value set.
 */
#include "rule/rule_priv.h"

/* By which parameter resources of a type belong to a patient. STR_NULL: they do not. */
static struct str patient_param(const struct compiler *c, const struct fhir_type *type)
{
	const struct definitions *d = c->library->definitions;
	const struct compartment *patients = definitions_compartment(d, definitions_resource(d, S("Patient")));
	const struct compartment_member *member = patients ? compartment_member(patients, type) : NULL;
	struct str best = STR_NULL;
	for (size_t i = 0; i < type->search_param_count; i++)
		if (str_is(type->search_params[i].code, "patient"))
			return S("patient");
	for (size_t i = 0; member && i < member->param_count; i++)
		if (!best.p || str_is(member->params[i], "subject"))
			best = member->params[i];
	return best;
}

static struct str query_of(struct compiler *c, struct str type_name)
{
	const struct fhir_type *type = definitions_resource(c->library->definitions, type_name);
	struct str param = type ? patient_param(c, type) : STR_NULL;
	if (str_is(type_name, "Patient"))
		return S("Patient/{{context.patientId}}");
	if (!param.p) {
		compile_fail(c, ERR_NOT_SUPPORTED, "Data of type '%.*s' is not supported: it is of no patient",
			     STR_ARG(str_slice(type_name, 0, 60)));
		return STR_NULL;
	}
	struct str query =
		arena_printf(c->arena, "%.*s?%.*s={{context.patientId}}", STR_ARG(type_name), STR_ARG(param));
	if (!query.p)
		error_memory(c->err);
	return query;
}

/* ---- filters ------------------------------------------------------------------------------------------------------
 */

static void put_quoted(struct buf *out, struct str text)
{
	buf_char(out, '\'');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\'' || text.p[i] == '\\')
			buf_char(out, '\\');
		buf_char(out, text.p[i]);
	}
	buf_char(out, '\'');
}

static bool is_path(struct str path)
{
	for (size_t i = 0; i < path.n; i++) {
		char x = path.p[i];
		if (!((x >= 'a' && x <= 'z') || (x >= 'A' && x <= 'Z') || x == '.'))
			return false;
	}
	return path.n;
}

/* .where(code.exists(memberOf('url'))), .where(code.exists($this ~ ... )) */
static bool put_filter(struct compiler *c, const struct json *filter, struct buf *out)
{
	static const char *const known[] = {"id", "path", "valueSet", "code", NULL};
	struct str path = json_get_str(filter, S("path")), set = json_get_str(filter, S("valueSet"));
	bool first = true;
	if (!compile_members(c, filter, known))
		return false;
	if (!is_path(path))
		return compile_fail(c, ERR_NOT_SUPPORTED, "A filter needs a 'path' of element names");
	buf_printf(out, ".where(%.*s.exists(", STR_ARG(path));
	if (set.n) {
		buf_add(out, S("memberOf("));
		put_quoted(out, set);
		buf_char(out, ')');
		first = false;
	}
	for (struct json_iter it = json_iter(json_get(filter, S("code"))); json_next(&it); first = false) {
		struct str system = json_get_str(it.value, S("system")), code = json_get_str(it.value, S("code"));
		buf_add(out, first ? S("") : S(" or "));
		if (!system.n) {
			buf_add(out, S("$this = "));
			put_quoted(out, code);
			continue;
		}
		buf_add(out, S("coding.exists(system = "));
		put_quoted(out, system);
		buf_add(out, S(" and code = "));
		put_quoted(out, code);
		buf_char(out, ')');
	}
	buf_add(out, S("))"));
	return !first || compile_fail(c, ERR_REQUIRED, "A filter needs a 'valueSet' or a 'code'");
}

/* The name of the requirement: the key, or an expression over it where there are filters. */
static bool define_filtered(struct compiler *c, const struct json *need, struct str id, struct str key)
{
	struct buf text;
	struct rule_name how = {.kind = NAME_DEFINE};
	buf_init(&text, PATH_MAX_EXPRESSION);
	buf_printf(&text, "%%%.*s", STR_ARG(key));
	bool ok = true;
	for (struct json_iter it = json_iter(json_get(need, S("codeFilter"))); ok && json_next(&it);)
		ok = put_filter(c, it.value, &text);
	if (ok && !buf_ok(&text))
		ok = compile_fail(c, ERR_LIMIT, "The filters are too long");
	struct str copy = ok ? arena_str(c->arena, buf_str(&text)) : STR_NULL;
	buf_done(&text);
	how.expression = copy.p ? expression_compile(c, copy) : NULL;
	return how.expression && names_add(c, id, how, how.expression->program->given);
}

/* ---- requirements -------------------------------------------------------------------------------------------------
 */

static const struct rule_prefetch *key_with(const struct compiler *c, struct str query)
{
	for (size_t i = 0; i < c->prefetch_count; i++)
		if (str_eq(c->prefetch[i].query, query))
			return &c->prefetch[i];
	return NULL;
}

static bool is_declared(const struct compiler *c, struct str name)
{
	for (size_t i = 0; i < c->name_count; i++)
		if (str_eq(c->declarations[i].name, name))
			return true;
	return false;
}

static bool read_need(struct compiler *c, const struct json *need)
{
	static const char *const known[] = {"id",	   "type",	 "profile", "subjectCodeableConcept",
					    "mustSupport", "codeFilter", NULL};
	struct str id = json_get_str(need, S("id")), type = json_get_str(need, S("type")), query;
	for (struct json_iter it = json_iter(need); json_next(&it);) {
		bool is = false;
		for (size_t i = 0; known[i]; i++)
			is |= str_is(it.key, known[i]);
		if (!is)
			return compile_fail(c, ERR_NOT_SUPPORTED, "'%.*s' of a data requirement is not supported",
					    STR_ARG(str_slice(it.key, 0, 60)));
	}
	if (json_get(need, S("codeFilter")) && !id.n)
		return compile_fail(c, ERR_NOT_SUPPORTED,
				    "A data requirement with a codeFilter needs an id, by which expressions name it");
	query = query_of(c, type);
	if (!query.p)
		return false;
	const struct rule_prefetch *key = key_with(c, query);
	if (!key) {
		bool plain = id.n && !json_get(need, S("codeFilter")) && !is_declared(c, id);
		struct str name = plain ? id : arena_printf(c->arena, "data%zu", c->prefetch_count);
		if (!name.p || !names_add_prefetch(c, name, query, false))
			return name.p ? false : error_memory(c->err);
		key = &c->prefetch[c->prefetch_count - 1];
	}
	/* The same name in several actions is the same requirement; another under its name is a mistake. */
	if (!id.n || is_declared(c, id))
		return true;
	return define_filtered(c, need, id, key->key);
}

bool plan_data(struct compiler *c, const struct json *list, const char *name)
{
	size_t index = 0;
	struct str before = compile_enter(c, str_from(name));
	for (struct json_iter it = json_iter(json_get(list, str_from(name))); json_next(&it); index++) {
		struct str at = compile_enter_index(c, index);
		if (!read_need(c, it.value))
			return false;
		c->at = at;
	}
	c->at = before;
	return true;
}
