/*
 * Invariants: the FHIRPath expressions of definitions (ElementDefinition.constraint). They must be
 * true: an empty result breaks one as well, but for not() of nothing, which those who write them take for true. Those
 * that almost every element or resource has are decided by looking. Best practices are told as information, to those
 * who ask.
 */
#include "validate/walk_priv.h"

#include "base/map.h"

enum { MAX_HUMAN = 300, MAX_LOCAL = 100000 };

static void report(struct validation *v, const struct node *n, const struct profile_constraint *c)
{
	if (c->best_practice && !v->options->best_practices)
		return;
	enum issue_severity severity = c->best_practice			 ? ISSUE_INFORMATION
				       : c->severity == CONSTRAINT_ERROR ? ISSUE_ERROR
									 : ISSUE_WARNING;
	validation_find(v, n, severity, ERR_INVARIANT, c->key, "%.*s: %.*s", STR_ARG(c->key),
			STR_ARG(str_slice(c->human, 0, MAX_HUMAN)));
}

/* ---- decided by looking ---------------------------------------------------------------------------------------------
 */

static bool has_member(const struct json *object, struct str prefix)
{
	struct json_iter it = json_iter(object);
	while (json_next(&it)) {
		struct str key = it.key.n && it.key.p[0] == '_' ? str_slice(it.key, 1, it.key.n) : it.key;
		if (str_starts(key, prefix))
			return true;
	}
	return false;
}

/* Images and links of a narrative may refer to contained resources: src="#id". */
static void gather_links(struct str xhtml, struct map *into)
{
	for (size_t at = 0; (at = str_find_char(xhtml, '#', at)) != STR_NONE; at++) {
		size_t end = at && (xhtml.p[at - 1] == '"' || xhtml.p[at - 1] == '\'')
				     ? str_find_char(xhtml, xhtml.p[at - 1], at)
				     : STR_NONE;
		if (end != STR_NONE)
			map_put(into, str_slice(xhtml, at, end), NULL);
	}
}

/* Every text that starts with '#' and can be a reference. */
static void gather_local(const struct json *j, struct map *into)
{
	struct json_iter it = json_iter(j);
	while (json_next(&it)) {
		struct str s = json_str(it.value);
		if (s.n && s.p[0] == '#')
			map_put(into, s, NULL);
		else if (s.n && str_is(it.key, "div"))
			gather_links(s, into);
		else if (json_is(it.value, JSON_OBJECT) || json_is(it.value, JSON_ARRAY))
			gather_local(it.value, into);
	}
}

/* Narratives show contained images by "#id". */
static bool narratives_mention(const struct json *j, struct str wanted)
{
	struct json_iter it = json_iter(j);
	while (json_next(&it)) {
		bool nested = json_is(it.value, JSON_OBJECT) || json_is(it.value, JSON_ARRAY);
		if (nested ? narratives_mention(it.value, wanted)
			   : str_is(it.key, "div") && str_find(json_str(it.value), wanted) != STR_NONE)
			return true;
	}
	return false;
}

static bool refers_to_container(const struct json *contained)
{
	struct map local;
	map_init(&local, MAX_LOCAL);
	gather_local(contained, &local);
	bool found = map_get(&local, S("#")) != NULL;
	map_done(&local);
	return found;
}

static void check_contained_used(struct validation *v, const struct node *n, const struct profile_constraint *c)
{
	struct json_iter it = json_iter(json_get(n->value, S("contained")));
	struct map local;
	if (!it.left)
		return;
	map_init(&local, MAX_LOCAL);
	gather_local(n->value, &local);
	for (int64_t i = 0; json_next(&it); i++) {
		struct str id = json_get_str(it.value, S("id"));
		struct str wanted = arena_printf(v->arena, "#%.*s", STR_ARG(id));
		struct node at = node_child(n, S("contained"), i, it.value);
		bool used = id.n && wanted.p && (map_get(&local, wanted) || narratives_mention(n->value, wanted));
		if (!used && !refers_to_container(it.value))
			find_error(v, &at, ERR_INVARIANT, "dom-3",
				   "The contained resource \"%.*s\" is not referred to, nor does it refer to its "
				   "container",
				   STR_ARG(str_slice(id, 0, 80)));
	}
	(void)c;
	map_done(&local);
}

static bool contained_have(const struct json *resource, struct str a, struct str b)
{
	struct json_iter it = json_iter(json_get(resource, S("contained")));
	while (json_next(&it)) {
		const struct json *found = json_get(it.value, a);
		if (b.p ? json_get(found, b) != NULL : found != NULL)
			return true;
	}
	return false;
}

/* True: decided, with a finding when there is one. */
static bool check_form(struct validation *v, const struct node *n, const struct profile_constraint *c)
{
	bool fine = true;
	if (v->options->skip_contained && c->form >= CONSTRAINT_CONTAINED_FLAT &&
	    c->form <= CONSTRAINT_CONTAINED_UNSECURED)
		return true;
	switch (c->form) {
	case CONSTRAINT_GENERAL:
		return false;
	case CONSTRAINT_HAS_CONTENT: /* the walk */
	case CONSTRAINT_LOCAL_REFERENCE: /* a rule of Reference */
	case CONSTRAINT_NARRATIVE: /* a rule of Narrative */
		return true;
	case CONSTRAINT_EXTENSION_OR_VALUE:
		fine = has_member(n->value, S("extension")) != has_member(n->value, S("value"));
		break;
	case CONSTRAINT_CONTAINED_FLAT:
		fine = !contained_have(n->value, S("contained"), STR_NULL);
		break;
	case CONSTRAINT_CONTAINED_USED:
		check_contained_used(v, n, c);
		break;
	case CONSTRAINT_CONTAINED_UNVERSIONED:
		fine = !contained_have(n->value, S("meta"), S("versionId")) &&
		       !contained_have(n->value, S("meta"), S("lastUpdated"));
		break;
	case CONSTRAINT_CONTAINED_UNSECURED:
		fine = !contained_have(n->value, S("meta"), S("security"));
		break;
	case CONSTRAINT_HAS_NARRATIVE:
		fine = n->holder->contained || json_get(json_get(n->value, S("text")), S("div"));
		break;
	}
	if (!fine)
		report(v, n, c);
	return true;
}

/* ---- evaluated ------------------------------------------------------------------------------------------------------
 */

static void evaluate(struct validation *v, const struct node *n, const struct profile_constraint *c)
{
	struct path_context context;
	struct error err = {0};
	int truth = 0;
	const struct path_program *program = constraint_program(v->profiles, c, &err);
	if (!program) {
		if (!v->trials)
			find_hint(v, n, ERR_NOT_SUPPORTED, "invariant", "%.*s could not be asked: %s", STR_ARG(c->key),
				  err.text);
		return;
	}
	struct path_item item = node_item(n);
	validation_path_context(v, n, &context);
	v->evaluating = n;
	bool done = path_eval_truth(program, &v->scratch, &context, &item, &truth, &err);
	if (!v->nested_evaluations)
		arena_reset(&v->scratch);
	if (!done) {
		if (err.code == ERR_MEMORY)
			error_memory(v->err);
		else if (!v->trials)
			find_hint(v, n, err.code, "invariant", "%.*s could not be decided: %s", STR_ARG(c->key),
				  err.text);
	} else if (truth == 0 || (truth < 0 && !path_is_call(program->root, "not"))) {
		report(v, n, c);
	}
}

void check_constraints(struct validation *v, const struct node *n, const struct profile_element *e)
{
	for (size_t i = 0; i < e->constraint_count; i++)
		if (!check_form(v, n, e->constraints[i]))
			evaluate(v, n, e->constraints[i]);
}
