/* Scopes in the words of the person who is asked for them. */
#include "server/login/login_priv.h"

static const struct {
	const char *type, *words;
} type_words[] = {
#define WORDS(type, words) {type, words},
#include "server/login/words.def"
#undef WORDS
};

const struct words_category words_categories[] = {
#define CATEGORY(type, system, code, words) {type, system, code, words},
#include "server/login/categories.def"
#undef CATEGORY
};
const size_t words_category_count = sizeof(words_categories) / sizeof(words_categories[0]);

/* "ResearchStudy": "research study entries". */
static void unknown_type(struct buf *out, struct str type)
{
	for (size_t i = 0; i < type.n; i++) {
		bool upper = type.p[i] >= 'A' && type.p[i] <= 'Z';
		if (upper && i)
			buf_char(out, ' ');
		buf_char(out, upper ? (char)(type.p[i] - 'A' + 'a') : type.p[i]);
	}
	buf_add(out, S(" entries"));
}

static void put_type(struct buf *out, struct str type)
{
	for (size_t i = 0; i < sizeof(type_words) / sizeof(type_words[0]); i++) {
		if (str_is(type, type_words[i].type)) {
			buf_add(out, str_from(type_words[i].words));
			return;
		}
	}
	unknown_type(out, type);
}

static void put_verbs(struct buf *out, unsigned permissions)
{
	const struct {
		unsigned any;
		const char *first, *later;
	} verbs[] = {{SCOPE_R | SCOPE_S, "See", "see"},
		     {SCOPE_C, "Add", "add"},
		     {SCOPE_U, "Change", "change"},
		     {SCOPE_D, "Delete", "delete"}};
	size_t count = 0, at = 0;
	for (size_t i = 0; i < 4; i++)
		count += (permissions & verbs[i].any) != 0;
	for (size_t i = 0; i < 4; i++) {
		if (!(permissions & verbs[i].any))
			continue;
		if (at)
			buf_add(out, at + 1 == count ? S(" and ") : S(", "));
		buf_add(out, str_from(at++ ? verbs[i].later : verbs[i].first));
	}
}

/* A category that we have words for; NULL otherwise. */
static const char *known_category(struct str type, struct str name, struct str value)
{
	struct str code = value, system = str_split(&code, '|');
	if (!str_is(name, "category"))
		return NULL;
	for (size_t i = 0; i < words_category_count; i++) {
		const struct words_category *c = &words_categories[i];
		if (str_is(type, c->type) &&
		    (code.p ? str_is(system, c->system) && str_is(code, c->code) : str_is(system, c->code)))
			return c->words;
	}
	return NULL;
}

static struct str plain(struct arena *a, struct str text)
{
	struct buf out;
	buf_init(&out, 4096);
	struct str copy = decode_percent(&out, text, true) ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return copy.p ? copy : text;
}

/* "category=system|laboratory&status=final": ", only lab results and where status is final". */
static void put_filter(struct buf *out, struct arena *a, const struct scope *s)
{
	struct str rest = s->filter;
	bool first = true;
	while (rest.p) {
		struct str value = str_split(&rest, '&');
		struct str name = plain(a, str_split(&value, '='));
		value = plain(a, value);
		const char *known = known_category(s->type, name, value);
		buf_add(out, first ? S(", but only ") : S(" and "));
		first = false;
		if (known) {
			buf_add(out, str_from(known));
			continue;
		}
		buf_add(out, S("where "));
		buf_add(out, name);
		buf_add(out, S(" is "));
		buf_add(out, value);
	}
}

void words_scope(struct buf *out, struct arena *a, const struct scope *s)
{
	put_verbs(out, s->permissions);
	buf_char(out, ' ');
	put_type(out, s->type);
	if (s->filter.n)
		put_filter(out, a, s);
}

const char *words_word(enum scope_word word, const char **ret_detail)
{
	switch (word) {
	case SCOPE_OPENID:
		*ret_detail = "So that it knows it is you when you come back.";
		return "Recognise you";
	case SCOPE_FHIR_USER:
		*ret_detail = "The entry in the record that describes you.";
		return "See who you are in the record";
	case SCOPE_PROFILE:
		*ret_detail = "";
		return "See your name";
	case SCOPE_LAUNCH:
		*ret_detail = "";
		return "Know what was open when you started it";
	case SCOPE_LAUNCH_PATIENT:
		*ret_detail = "";
		return "Know which patient is open";
	case SCOPE_LAUNCH_ENCOUNTER:
		*ret_detail = "";
		return "Know which visit is open";
	case SCOPE_ONLINE_ACCESS:
		*ret_detail = "It ends when you sign out.";
		return "Keep access while you are signed in";
	case SCOPE_OFFLINE_ACCESS:
		*ret_detail = "Also when you are not there, until you remove it under My apps.";
		return "Keep access until you take it back";
	}
	*ret_detail = "";
	return "";
}
