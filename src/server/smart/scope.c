/*
 * Scopes of both grammars (SMART App Launch 2.2, "Scopes and launch context"): v1 "system/Patient.read", v2
 * "system/Patient.rs?category=x". Their meaning as permissions on types, and what two of them have in common.
 */
#include "server/smart/smart_priv.h"

static const struct {
	char letter;
	enum scope_permission permission;
} letters[] = {{'c', SCOPE_C}, {'r', SCOPE_R}, {'u', SCOPE_U}, {'d', SCOPE_D}, {'s', SCOPE_S}};

enum { LETTERS = sizeof(letters) / sizeof(letters[0]), ALL = SCOPE_C | SCOPE_R | SCOPE_U | SCOPE_D | SCOPE_S };

/* v2: a selection of "cruds" in this order. */
static unsigned letters_parse(struct str text)
{
	unsigned permissions = 0;
	size_t at = 0;
	for (size_t i = 0; i < LETTERS && at < text.n; i++) {
		if (text.p[at] == letters[i].letter) {
			permissions |= letters[i].permission;
			at++;
		}
	}
	return at == text.n ? permissions : 0;
}

static unsigned permissions_parse(struct str text)
{
	if (str_is(text, "read"))
		return SCOPE_R | SCOPE_S;
	if (str_is(text, "write"))
		return SCOPE_C | SCOPE_U | SCOPE_D;
	if (str_is(text, "*"))
		return ALL;
	return letters_parse(text);
}

bool scope_parse(const struct definitions *d, struct str text, struct scope *ret_scope)
{
	struct scope scope = {.text = text};
	struct str rest = text;
	size_t mark = str_find_char(text, '?', 0);
	if (mark != STR_NONE) {
		scope.filter = str_slice(text, mark + 1, text.n);
		rest = str_slice(text, 0, mark);
	}
	size_t slash = str_find_char(rest, '/', 0), dot = str_rfind_char(rest, '.');
	if (slash == STR_NONE || dot == STR_NONE || dot < slash || (scope.filter.p && scope.filter.n == 0))
		return false;
	scope.context = str_slice(rest, 0, slash);
	scope.type = str_slice(rest, slash + 1, dot);
	scope.permissions = permissions_parse(str_slice(rest, dot + 1, rest.n));
	if (!str_is(scope.context, "system") && !str_is(scope.context, "user") && !str_is(scope.context, "patient"))
		return false;
	if (!scope.permissions || (!str_is(scope.type, "*") && !definitions_resource(d, scope.type)))
		return false;
	*ret_scope = scope;
	return true;
}

bool scope_intersect(struct arena *a, const struct scope *asked, const struct scope *allowed, struct scope *ret_scope)
{
	bool asked_all = str_is(asked->type, "*"), allowed_all = str_is(allowed->type, "*");
	unsigned permissions = asked->permissions & allowed->permissions;
	if (!permissions || !str_eq(asked->context, allowed->context) ||
	    !(asked_all || allowed_all || str_eq(asked->type, allowed->type)))
		return false;
	/* A scope narrowed by a filter allows less than it seems; until filters are enforced it allows nothing. */
	if (asked->filter.p || allowed->filter.p)
		return false;
	struct scope scope = *asked;
	if (asked_all && !allowed_all)
		scope.type = allowed->type;
	scope.permissions = permissions;
	if (permissions != asked->permissions || !str_eq(scope.type, asked->type)) {
		char text[LETTERS];
		size_t n = 0;
		for (size_t i = 0; i < LETTERS; i++)
			if (permissions & letters[i].permission)
				text[n++] = letters[i].letter;
		scope.text =
			arena_printf(a, "%.*s/%.*s.%.*s", STR_ARG(scope.context), STR_ARG(scope.type), (int)n, text);
	}
	*ret_scope = scope;
	return scope.text.p != NULL;
}

bool scope_covered(const struct grant *grant, const struct scope *s)
{
	for (size_t i = 0; i < grant->scope_count; i++) {
		const struct scope *g = &grant->scopes[i];
		if (str_eq(g->context, s->context) && (str_is(g->type, "*") || str_eq(g->type, s->type)) &&
		    (g->permissions & s->permissions) == s->permissions)
			return true;
	}
	return false;
}

size_t scope_list_parse(const struct definitions *d, struct str text, struct scope *scopes, size_t max)
{
	size_t count = 0;
	struct str rest = text;
	while (rest.p && count < max) {
		struct str word = str_trim(str_split(&rest, ' '));
		if (word.n && scope_parse(d, word, &scopes[count]))
			count++;
	}
	return count;
}

static struct str join(struct arena *a, const struct grant *grant)
{
	struct buf text;
	buf_init(&text, 64 * 1024);
	for (size_t i = 0; i < grant->scope_count; i++) {
		if (i)
			buf_char(&text, ' ');
		buf_add(&text, grant->scopes[i].text);
	}
	struct str joined = buf_ok(&text) ? arena_str(a, buf_str(&text)) : STR_NULL;
	buf_done(&text);
	return joined;
}

bool scope_grant(struct arena *a, const struct scope *asked, size_t asked_count, const struct scope *allowed,
		 size_t allowed_count, struct grant *ret_grant, struct error *err)
{
	ret_grant->scope_count = 0;
	ret_grant->scopes = ARENA_ARRAY(a, struct scope, MAX_SCOPES);
	if (!ret_grant->scopes)
		return error_memory(err);
	for (size_t i = 0; i < asked_count; i++)
		for (size_t k = 0; k < allowed_count && ret_grant->scope_count < MAX_SCOPES; k++) {
			struct scope common;
			/* A list is small; what another scope of it covers is left out. */
			if (str_is(asked[i].context, "system") && scope_intersect(a, &asked[i], &allowed[k], &common) &&
			    !scope_covered(ret_grant, &common))
				ret_grant->scopes[ret_grant->scope_count++] = common;
		}
	ret_grant->scope_text = join(a, ret_grant);
	return ret_grant->scope_text.p || error_memory(err);
}

static char letter_of(enum scope_permission permission)
{
	for (size_t i = 0; i < LETTERS; i++)
		if (letters[i].permission == permission)
			return letters[i].letter;
	return '?';
}

bool grant_check(const struct grant *grant, const struct fhir_type *type, enum scope_permission needed,
		 struct error *err)
{
	for (size_t i = 0; i < grant->scope_count; i++) {
		const struct scope *s = &grant->scopes[i];
		if (!s->filter.p && (s->permissions & needed) && (str_is(s->type, "*") || str_eq(s->type, type->name)))
			return true;
	}
	return error_set(err, ERR_FORBIDDEN, "This needs the scope system/%.*s.%c; the token has: %.*s",
			 STR_ARG(type->name), letter_of(needed),
			 STR_ARG(grant->scope_text.n ? str_slice(grant->scope_text, 0, 160) : S("none")));
}
