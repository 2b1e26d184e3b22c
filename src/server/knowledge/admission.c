/* Rules of writing as people say them: off, structure, declared, or profiles by their canonical URLs. */
#include "server/knowledge/knowledge.h"

enum { MAX_PROFILES = 64 };

static bool is_gap(char c)
{
	return c == ' ' || c == ',' || c == '\t' || c == '\n' || c == '[' || c == ']';
}

static struct str next_word(struct str *rest)
{
	size_t from = 0;
	while (from < rest->n && is_gap(rest->p[from]))
		from++;
	size_t to = from;
	while (to < rest->n && !is_gap(rest->p[to]))
		to++;
	struct str word = str_slice(*rest, from, to);
	*rest = str_slice(*rest, to, rest->n);
	return word;
}

static bool take_word(struct admission_rule *rule, struct str *profiles, struct str word, size_t place,
		      struct error *err)
{
	bool plain = str_is(word, "off") || str_is(word, "structure");
	if (plain && place)
		return error_set(err, ERR_CONFIG, "%.*s stands alone or not at all", STR_ARG(word));
	if (plain) {
		rule->level = str_is(word, "off") ? ADMISSION_OFF : ADMISSION_STRUCTURE;
		return true;
	}
	if (place && rule->level != ADMISSION_PROFILES)
		return error_set(err, ERR_CONFIG, "off and structure stand alone");
	rule->level = ADMISSION_PROFILES;
	if (str_is(word, "declared")) {
		rule->declared = true;
		return true;
	}
	if (str_find_char(word, ':', 0) == STR_NONE)
		return error_set(err, ERR_CONFIG, "%.*s is none of off, structure, declared and a canonical URL",
				 STR_ARG(str_slice(word, 0, 80)));
	if (rule->profile_count == MAX_PROFILES)
		return error_set(err, ERR_CONFIG, "more than %d profiles", MAX_PROFILES);
	profiles[rule->profile_count++] = word;
	return true;
}

bool admission_parse(struct arena *a, struct str type, struct str text, struct admission_rule *ret_rule,
		     struct error *err)
{
	struct admission_rule rule = {.type = type};
	struct str *profiles = ARENA_ARRAY(a, struct str, MAX_PROFILES);
	size_t place = 0;
	if (!profiles)
		return error_memory(err);
	for (struct str word = next_word(&text); word.n; word = next_word(&text))
		if (!take_word(&rule, profiles, word, place++, err))
			return false;
	if (!place)
		return error_set(err, ERR_CONFIG, "it is empty: off, structure, declared or canonical URLs");
	rule.profiles = profiles;
	*ret_rule = rule;
	return true;
}
