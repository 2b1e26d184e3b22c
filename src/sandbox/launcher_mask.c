/*
 * What a watcher gets to see of a message: names and values, with every value that proves something cut to its first
 * characters and its length, so that two can be told apart and none can be used.
 */
#include "base/encode.h"
#include "sandbox/launcher_priv.h"

enum { VALUE_MAX = 400, PAIRS_MAX = 64, SHOWN = 4 };

/* Shortened. Those of `hidden` are not shown at all: people choose them, and few characters would tell much. */
static const char *const secrets[] = {"code",	       "access_token",	   "refresh_token", "id_token",
				      "code_verifier", "client_assertion", "token",	    "state",
				      "nonce",	       "launch",	   "request",	    "session",
				      "csrf",	       "assertion",	   "code_challenge"};
static const char *const hidden[] = {"password", "client_secret", "totp", "otp"};
/* These go from one message to the next. */
static const char *const marks[] = {"launch",	    "request",	     "state",	      "code",
				    "access_token", "refresh_token", "code_challenge"};

static bool is_one_of(struct str name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_is(name, names[i]))
			return true;
	return false;
}
#define ONE_OF(name, list) is_one_of(name, list, sizeof(list) / sizeof((list)[0]))

bool launcher_is_mark(struct str name)
{
	return ONE_OF(name, marks);
}

static void show_value(struct buf *out, struct str name, struct str value)
{
	if (ONE_OF(name, hidden)) {
		buf_add(out, S("(hidden)"));
	} else if (ONE_OF(name, secrets) && value.n > 2 * SHOWN) {
		buf_printf(out, "%.*s... (%zu characters)", STR_ARG(str_slice(value, 0, SHOWN)), value.n);
	} else if (ONE_OF(name, secrets)) {
		buf_add(out, S("(hidden)"));
	} else {
		buf_add(out, str_slice(value, 0, VALUE_MAX));
		if (value.n > VALUE_MAX)
			buf_printf(out, "... (%zu characters)", value.n);
	}
}

static void show_line(struct buf *out, struct str name, struct str value)
{
	buf_add(out, str_slice(name, 0, 80));
	buf_add(out, S(": "));
	show_value(out, name, value);
	buf_char(out, '\n');
}

size_t launcher_pairs(struct arena *a, struct str form, struct launcher_pair *pairs, size_t max)
{
	size_t count = 0;
	while (form.p && count < max) {
		struct str value = str_split(&form, '&'), name = str_split(&value, '=');
		struct buf plain;
		if (!name.n)
			continue;
		buf_init(&plain, 64 << 10);
		struct str text =
			value.p && decode_percent(&plain, value, true) ? arena_str(a, buf_str(&plain)) : STR_NULL;
		buf_done(&plain);
		pairs[count++] = (struct launcher_pair){name, text.p ? text : S("")};
	}
	return count;
}

void launcher_show_form(struct buf *out, struct str form)
{
	struct arena a;
	struct launcher_pair pairs[PAIRS_MAX];
	arena_init(&a, 1 << 20);
	size_t count = launcher_pairs(&a, form, pairs, PAIRS_MAX);
	for (size_t i = 0; i < count; i++)
		show_line(out, pairs[i].name, pairs[i].value);
	arena_done(&a);
}

void launcher_show_json(struct buf *out, struct str text)
{
	struct arena a;
	struct error ignored = {0};
	arena_init(&a, 8 << 20);
	const struct json *j = json_parse(&a, text, 0, &ignored);
	struct json_iter it = json_iter(j);
	if (json_is(j, JSON_OBJECT))
		while (json_next(&it)) {
			struct buf value;
			buf_init(&value, 1 << 20);
			struct json_writer w = json_writer(&value);
			json_put_value(&w, it.value);
			show_line(out, it.key, json_is(it.value, JSON_STRING) ? json_str(it.value) : buf_str(&value));
			buf_done(&value);
		}
	arena_done(&a);
}

void launcher_show_url(struct buf *out, struct str url)
{
	size_t mark = str_find_char(url, '?', 0);
	buf_add(out, S("to: "));
	buf_add(out, str_slice(url, 0, mark == STR_NONE ? url.n : mark));
	buf_char(out, '\n');
	if (mark != STR_NONE)
		launcher_show_form(out, str_slice(url, mark + 1, url.n));
}

void launcher_show_header(struct buf *out, const char *name, struct str value)
{
	size_t space = str_find_char(value, ' ', 0);
	if (space == STR_NONE)
		return;
	buf_printf(out, "%s: %.*s ", name, STR_ARG(str_slice(value, 0, space)));
	show_value(out, S("token"), str_slice(value, space + 1, value.n));
	buf_char(out, '\n');
}

/* ---- in words ---------------------------------------------------------------------------------------------------- */

static const struct {
	const char *method, *end, *mark, *meaning; /* mark: must be in the form; NULL: any */
} meanings[] = {
	{NULL, "/authorize", NULL, "The app sends the browser to ask for access"},
	{"GET", "/login", NULL, "The person is asked who they are"},
	{"POST", "/login", NULL, "The person says who they are"},
	{"GET", "/pick", NULL, "The person is asked for a patient"},
	{"POST", "/pick", NULL, "The person looks for a patient or chooses one"},
	{"GET", "/consent", NULL, "The person is asked whether the app may do this"},
	{"POST", "/consent", NULL, "The person decides; the browser goes back to the app with a code"},
	{"POST", "/token", "grant_type=authorization_code",
	 "The app exchanges the code for tokens and proves its PKCE "
	 "verifier"},
	{"POST", "/token", "grant_type=refresh_token", "The app renews its token"},
	{"POST", "/token", "grant_type=client_credentials", "A backend service asks for a token"},
	{"POST", "/revoke", NULL, "The app gives a token back"},
	{"POST", "/introspect", NULL, "A resource server asks what a token is good for"},
	{NULL, "/userinfo", NULL, "The app asks who the person is"},
};

const char *launcher_meaning(struct str method, struct str path, struct str form)
{
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if ((!meanings[i].method || str_is(method, meanings[i].method)) &&
		    str_ends(path, str_from(meanings[i].end)) &&
		    (!meanings[i].mark || str_find(form, str_from(meanings[i].mark)) != STR_NONE))
			return meanings[i].meaning;
	return str_find(path, S("/auth/")) == STR_NONE ? "The app uses its token" : "";
}
