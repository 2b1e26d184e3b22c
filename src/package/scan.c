/*
 * The facts of a resource without parsing it: one look at the members of the top level, skipping what is inside. A
 * StructureDefinition has a hundred kilobytes below the few texts that the index wants, and a package has hundreds of
 * them. The look trusts nothing, but it does not prove that the text is JSON either: that is done when it is parsed.
 */
#include "package/package_priv.h"

struct scan {
	const char *p, *end;
};

static void skip_space(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\r' || *s->p == '\t'))
		s->p++;
}

/* At an opening quote: past the closing one. *ret_plain false when there are escapes. */
static bool take_string(struct scan *s, struct str *ret_text, bool *ret_plain)
{
	const char *start = ++s->p;
	*ret_plain = true;
	for (;;) {
		const char *quote = memchr(s->p, '"', (size_t)(s->end - s->p));
		if (!quote)
			return false;
		const char *slash = quote;
		while (slash > start && slash[-1] == '\\')
			slash--;
		s->p = quote + 1;
		if ((quote - slash) % 2 == 0) {
			*ret_text = str_make(start, (size_t)(quote - start));
			*ret_plain = !memchr(start, '\\', ret_text->n);
			return true;
		}
	}
}

static bool skip_string(struct scan *s)
{
	struct str text;
	bool plain;
	return take_string(s, &text, &plain);
}

/* At an opening bracket: past the one that closes it. */
static bool skip_container(struct scan *s)
{
	unsigned depth = 0;
	while (s->p < s->end) {
		char c = *s->p;
		if (c == '"') {
			if (!skip_string(s))
				return false;
			continue;
		}
		s->p++;
		if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && --depth == 0)
			return true;
	}
	return false;
}

static bool skip_value(struct scan *s)
{
	if (s->p < s->end && (*s->p == '{' || *s->p == '['))
		return skip_container(s);
	if (s->p < s->end && *s->p == '"')
		return skip_string(s);
	const char *start = s->p;
	while (s->p < s->end && !memchr(",}] \n\r\t", *s->p, 8))
		s->p++;
	return s->p > start;
}

/* The texts of interest by their name. */
struct wanted {
	struct str type, url, version, id, name, kind, defines, base, derivation, content, supplements;
};

static struct str *wanted_of(struct wanted *w, struct str key)
{
	const struct {
		struct str name;
		struct str *to;
	} table[] = {{S("resourceType"), &w->type},
		     {S("url"), &w->url},
		     {S("version"), &w->version},
		     {S("id"), &w->id},
		     {S("name"), &w->name},
		     {S("kind"), &w->kind},
		     {S("type"), &w->defines},
		     {S("baseDefinition"), &w->base},
		     {S("content"), &w->content},
		     {S("derivation"), &w->derivation},
		     {S("supplements"), &w->supplements}};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (str_eq(key, table[i].name))
			return table[i].to;
	return NULL;
}

/* One member. *ret_exact false when a text of interest, or a name, is written with escapes. */
static bool take_member(struct scan *s, struct wanted *w, bool *ret_exact)
{
	struct str key, text;
	bool plain;
	if (s->p == s->end || *s->p != '"' || !take_string(s, &key, &plain))
		return false;
	*ret_exact = *ret_exact && plain;
	skip_space(s);
	if (s->p == s->end || *s->p++ != ':')
		return false;
	skip_space(s);
	struct str *to = wanted_of(w, key);
	if (!to || s->p == s->end || *s->p != '"')
		return skip_value(s);
	if (!take_string(s, &text, &plain))
		return false;
	*ret_exact = *ret_exact && plain;
	*to = text;
	return true;
}

static bool take_members(struct scan *s, struct wanted *w, bool *ret_exact)
{
	skip_space(s);
	if (s->p == s->end || *s->p++ != '{')
		return false;
	for (;;) {
		skip_space(s);
		if (!take_member(s, w, ret_exact))
			return false;
		skip_space(s);
		char c = s->p < s->end ? *s->p++ : '\0';
		if (c == '}')
			return true;
		if (c != ',')
			return false;
	}
}

static void facts_of(const struct wanted *w, struct canonical *facts)
{
	*facts =
		(struct canonical){.type = w->type, .url = w->url, .version = w->version, .id = w->id, .name = w->name};
	if (str_is(w->type, "StructureDefinition")) {
		facts->kind = w->kind;
		facts->defines = w->defines;
		facts->base = w->base;
		facts->derivation = w->derivation;
	} else if (str_is(w->type, "CodeSystem")) {
		facts->content = w->content;
		facts->base = w->supplements;
	}
}

/* NamingSystems have no url in R4; they go by a made-up one, so that walks over a type find them. */
static bool name_it(struct arena *a, struct canonical *facts, struct error *err)
{
	if (facts->url.p || !str_is(facts->type, "NamingSystem") || !facts->id.p)
		return true;
	facts->url = arena_printf(a, "NamingSystem/%.*s", STR_ARG(facts->id));
	return facts->url.p || error_memory(err);
}

/* The long way, for texts that the look does not understand. */
static bool parse_facts(struct arena *a, struct str text, struct canonical *ret_facts, struct error *err)
{
	struct wanted w = {0};
	const struct json *resource = json_parse(a, text, 0, err);
	struct json_iter it = json_iter(resource);
	while (json_next(&it)) {
		struct str *to = wanted_of(&w, it.key);
		if (to)
			*to = json_str(it.value);
	}
	if (!resource || !w.type.p)
		return false;
	facts_of(&w, ret_facts);
	return name_it(a, ret_facts, err);
}

bool facts_scan(struct arena *a, struct str text, struct canonical *ret_facts, struct error *err)
{
	struct wanted w = {0};
	if (str_starts(text, S("\xef\xbb\xbf")))
		text = str_slice(text, 3, text.n);
	struct scan s = {text.p, text.p + text.n};
	bool exact = true;
	if (!take_members(&s, &w, &exact) || !exact)
		return parse_facts(a, text, ret_facts, err);
	if (!w.type.p)
		return false;
	facts_of(&w, ret_facts);
	return name_it(a, ret_facts, err);
}
