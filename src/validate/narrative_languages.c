/*
 * The languages of narratives: one in several has a div with a lang for each. A profile may forbid these or ask for
 * them (extension narrative-language-control).
 */
#include "validate/walk_priv.h"

enum { MAX_LANGUAGES = 16 };

struct languages {
	struct str at[MAX_LANGUAGES];
	size_t count;
};

/* lang="de" or xml:lang="de" within a start tag. */
static struct str tag_language(struct str tag)
{
	size_t at = str_find(tag, S("lang="));
	if (at == STR_NONE || at + 6 >= tag.n)
		return STR_NULL;
	size_t end = str_find_char(tag, tag.p[at + 5], at + 6);
	return end == STR_NONE ? STR_NULL : str_slice(tag, at + 6, end);
}

/* Those of the divs within the outermost one. */
static void find_languages(struct str div, struct languages *ret)
{
	struct str rest = str_slice(div, 1, div.n);
	size_t at;
	ret->count = 0;
	while ((at = str_find(rest, S("<div"))) != STR_NONE && ret->count < MAX_LANGUAGES) {
		rest = str_slice(rest, at, rest.n);
		struct str tag = str_slice(rest, 0, str_find_char(rest, '>', 0));
		struct str language = tag_language(tag);
		if (language.n)
			ret->at[ret->count++] = language;
		rest = str_slice(rest, 4, rest.n);
	}
}

static bool speaks(const struct languages *l, struct str language)
{
	for (size_t i = 0; i < l->count; i++)
		if (str_eq_nocase(l->at[i], language))
			return true;
	return false;
}

static void check_one(struct validation *v, const struct node *n, const struct profile_element *e,
		      const struct languages *l, struct str code)
{
	struct str own = json_get_str(n->holder->json, S("language"));
	struct str wanted = str_is(code, "_resource") ? own : code;
	if (str_is(code, "_no") && l->count)
		find_error(v, n, ERR_BUSINESS_RULE, "narrative-language",
			   "The narrative has a section in %.*s, but sections of languages are not allowed here (%.*s)",
			   STR_ARG(l->at[0]), STR_ARG(e->profile->url));
	else if (str_is(code, "_yes") && !l->count)
		find_error(v, n, ERR_BUSINESS_RULE, "narrative-language",
			   "The narrative must have a section for each language (%.*s)", STR_ARG(e->profile->url));
	else if (code.n && code.p[0] != '_' ? !speaks(l, code) : str_is(code, "_resource") && own.n && !speaks(l, own))
		find_error(v, n, ERR_BUSINESS_RULE, "narrative-language",
			   "The narrative must have a section in %.*s (%.*s)", STR_ARG(wanted),
			   STR_ARG(e->profile->url));
}

void check_narrative_languages(struct validation *v, const struct node *n, const struct profile_element *e)
{
	struct languages found;
	struct str div = json_get_str(n->value, S("div"));
	struct json_iter it = json_iter(json_get(e->narrative_languages, S("extension")));
	if (!div.n)
		return;
	find_languages(div, &found);
	while (json_next(&it))
		if (str_is(json_get_str(it.value, S("url")),
			   "http://hl7.org/fhir/StructureDefinition/narrative-language-control"))
			check_one(v, n, e, &found, json_get_str(it.value, S("valueCode")));
}
