/*
 * Scopes of both grammars (SMART App Launch 2.2, "Scopes and launch context"): v1 "system/Patient.read", v2
 * "system/Patient.rs?category=x". Their meaning as permissions on types, and what two of them have in common.
 */
#include "base/buf.h"
#include "server/smart/smart_priv.h"

#include <stdio.h>

static const struct {
	char letter;
	enum scope_permission permission;
} letters[] = {{'c', SCOPE_C}, {'r', SCOPE_R}, {'u', SCOPE_U}, {'d', SCOPE_D}, {'s', SCOPE_S}};

static const struct {
	const char *text;
	enum scope_word word;
} words[] = {{"openid", SCOPE_OPENID},
	     {"fhirUser", SCOPE_FHIR_USER},
	     {"profile", SCOPE_PROFILE},
	     {"launch", SCOPE_LAUNCH},
	     {"launch/patient", SCOPE_LAUNCH_PATIENT},
	     {"launch/encounter", SCOPE_LAUNCH_ENCOUNTER},
	     {"online_access", SCOPE_ONLINE_ACCESS},
	     {"offline_access", SCOPE_OFFLINE_ACCESS}};

enum { LETTERS = sizeof(letters) / sizeof(letters[0]), WORDS = sizeof(words) / sizeof(words[0]), MAX_TEXT = 64 * 1024 };

/* ---- one scope ----------------------------------------------------------------------------------------------------
 */

unsigned scope_word_parse(struct str text)
{
	for (size_t i = 0; i < WORDS; i++)
		if (str_is(text, words[i].text))
			return words[i].word;
	return 0;
}

const char *scope_word_text(enum scope_word word)
{
	for (size_t i = 0; i < WORDS; i++)
		if (words[i].word == word)
			return words[i].text;
	return "";
}

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
		return SCOPE_ALL;
	return letters_parse(text);
}

/* RFC 6749 section 3.3: %x21 / %x23-5B / %x5D-7E. */
static bool is_token(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] <= ' ' || text.p[i] > '~' || text.p[i] == '"' || text.p[i] == '\\')
			return false;
	return true;
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
	if (!scope.permissions || (!str_is(scope.type, "*") && !definitions_resource(d, scope.type)) || !is_token(text))
		return false;
	*ret_scope = scope;
	return true;
}

/* Both filters at once: as search parameters, joined they must both hold. */
static struct str both_filters(struct arena *a, struct str one, struct str other)
{
	if (!one.p || str_eq(one, other))
		return other;
	return other.p ? arena_printf(a, "%.*s&%.*s", STR_ARG(one), STR_ARG(other)) : one;
}

static struct str permissions_text(const struct scope *s, char text[LETTERS])
{
	size_t n = 0;
	for (size_t i = 0; i < LETTERS; i++)
		if (s->permissions & letters[i].permission)
			text[n++] = letters[i].letter;
	return str_make(text, n);
}

static struct str suffix_of(const struct scope *s)
{
	size_t from = s->context.n + 1 + s->type.n + 1;
	return str_slice(s->text, from, s->text.n - (s->filter.p ? s->filter.n + 1 : 0));
}

bool scope_intersect(struct arena *a, const struct scope *asked, const struct scope *allowed, struct scope *ret_scope)
{
	bool asked_all = str_is(asked->type, "*"), allowed_all = str_is(allowed->type, "*");
	char text[LETTERS];
	struct scope scope = *asked;
	scope.permissions = asked->permissions & allowed->permissions;
	if (!scope.permissions || !str_eq(asked->context, allowed->context) ||
	    !(asked_all || allowed_all || str_eq(asked->type, allowed->type)))
		return false;
	if (asked_all && !allowed_all)
		scope.type = allowed->type;
	scope.filter = both_filters(a, asked->filter, allowed->filter);
	if (scope.permissions == asked->permissions && str_eq(scope.type, asked->type) &&
	    str_eq(scope.filter, asked->filter)) {
		*ret_scope = scope;
		return true;
	}
	/* As it was asked for where nothing was taken away: v1 stays v1. */
	struct str suffix = scope.permissions == asked->permissions ? suffix_of(asked) : permissions_text(&scope, text);
	scope.text = arena_printf(a, "%.*s/%.*s.%.*s%s%.*s", STR_ARG(scope.context), STR_ARG(scope.type),
				  STR_ARG(suffix), scope.filter.p ? "?" : "", STR_ARG(scope.filter));
	*ret_scope = scope;
	return scope.text.p != NULL;
}

/* Is each condition of one filter among those of the other, which then finds no more? */
static bool filter_covers(struct str filter, struct str other)
{
	if (!filter.p)
		return true;
	if (!other.p)
		return false;
	while (filter.p) {
		struct str one = str_split(&filter, '&'), rest = other;
		bool found = false;
		while (rest.p && !found)
			found = str_eq(str_split(&rest, '&'), one);
		if (!found)
			return false;
	}
	return true;
}

static bool covers(const struct scope *g, const struct scope *s)
{
	return str_eq(g->context, s->context) && (str_is(g->type, "*") || str_eq(g->type, s->type)) &&
	       (g->permissions & s->permissions) == s->permissions && filter_covers(g->filter, s->filter);
}

/* ---- lists --------------------------------------------------------------------------------------------------------
 */

/* Room for so many, or as many as there may be. */
static bool list_begin(struct arena *a, size_t capacity, struct scope_list *list, struct error *err)
{
	capacity = capacity > MAX_SCOPES ? MAX_SCOPES : capacity;
	*list = (struct scope_list){.scopes = ARENA_ARRAY(a, struct scope, capacity + 1)};
	return list->scopes || error_memory(err);
}

static size_t word_count(struct str text)
{
	size_t count = 1;
	for (size_t i = 0; i < text.n; i++)
		count += text.p[i] == ' ';
	return count;
}

/* Adds it unless the list allows that already. */
static bool list_add(struct scope_list *list, const struct scope *s, struct buf *text, struct error *err)
{
	for (size_t i = 0; i < list->count; i++)
		if (covers(&list->scopes[i], s))
			return true;
	if (list->count == MAX_SCOPES)
		return error_set(err, ERR_INVALID_SCOPE, "These are more than %d scopes", MAX_SCOPES);
	buf_printf(text, "%s%.*s", text->n ? " " : "", STR_ARG(s->text));
	list->scopes[list->count++] = *s;
	return true;
}

static void list_add_word(struct scope_list *list, struct str word, unsigned bit, struct buf *text)
{
	if (!(list->words & bit))
		buf_printf(text, "%s%.*s", text->n ? " " : "", STR_ARG(word));
	list->words |= bit;
}

/* Takes the text over and lets the scopes point where they pointed before: into the arena. */
static bool list_end(struct arena *a, struct scope_list *list, struct buf *text, bool ok, struct scope_list *ret_list,
		     struct error *err)
{
	if (ok && !buf_ok(text))
		ok = error_set(err, ERR_INVALID_SCOPE, "The scopes are longer than %d bytes", MAX_TEXT);
	list->text = ok ? arena_str(a, buf_str(text)) : STR_NULL;
	buf_done(text);
	if (ok && !list->text.p)
		return error_memory(err);
	if (ok)
		*ret_list = *list;
	return ok;
}

bool scope_list_read(struct arena *a, const struct definitions *d, struct str text, struct scope_list *ret_list,
		     size_t *ret_ignored, struct error *err)
{
	struct scope_list list;
	struct str rest = text.p ? arena_str(a, text) : S("");
	struct buf joined;
	struct scope s;
	size_t ignored = 0;
	if (!rest.p || !list_begin(a, word_count(rest), &list, err))
		return error_memory(err);
	buf_init(&joined, MAX_TEXT);
	bool ok = true;
	while (ok && rest.p) {
		struct str word = str_trim(str_split(&rest, ' '));
		unsigned bit = scope_word_parse(word);
		if (bit)
			list_add_word(&list, word, bit, &joined);
		else if (word.n && scope_parse(d, word, &s))
			ok = list_add(&list, &s, &joined, err);
		else if (word.n)
			ignored++;
	}
	if (ret_ignored)
		*ret_ignored = ignored;
	return list_end(a, &list, &joined, ok, ret_list, err);
}

static bool is_of(const struct scope *s, enum scope_contexts contexts)
{
	return str_is(s->context, "system") ? contexts == SCOPES_OF_SYSTEM : contexts == SCOPES_OF_PEOPLE;
}

bool scope_list_common(struct arena *a, const struct scope_list *asked, const struct scope_list *allowed,
		       enum scope_contexts contexts, struct scope_list *ret_list, struct error *err)
{
	struct scope_list list;
	struct str rest = asked->text;
	struct buf joined;
	size_t at = 0;
	if (!list_begin(a, asked->count * allowed->count, &list, err))
		return false;
	buf_init(&joined, MAX_TEXT);
	bool ok = true;
	while (ok && rest.p) {
		struct str word = str_split(&rest, ' ');
		unsigned bit = scope_word_parse(word);
		if (bit && (allowed->words & bit) && contexts == SCOPES_OF_PEOPLE)
			list_add_word(&list, word, bit, &joined);
		if (bit || !word.n)
			continue;
		const struct scope *one = &asked->scopes[at++];
		for (size_t i = 0; ok && is_of(one, contexts) && i < allowed->count; i++) {
			struct scope common;
			if (scope_intersect(a, one, &allowed->scopes[i], &common))
				ok = list_add(&list, &common, &joined, err);
		}
	}
	return list_end(a, &list, &joined, ok, ret_list, err);
}

bool scope_list_covers(const struct scope_list *list, const struct scope_list *other)
{
	for (size_t i = 0; i < other->count; i++) {
		size_t k = 0;
		while (k < list->count && !covers(&list->scopes[k], &other->scopes[i]))
			k++;
		if (k == list->count)
			return false;
	}
	return !(other->words & ~list->words);
}
