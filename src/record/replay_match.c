/*
 * What meets what when a recording is played back: method, path, query in any order, body. What is new with each run of
 * OAuth (state, verifier, code, assertion ...) meets whatever was recorded.
 */
#include "base/encode.h"
#include "record/record_priv.h"

enum { PAIRS_MAX = 256 };

/* Made anew by the client for each run: any value is as good as the recorded one. */
static const char *const fleeting[] = {"state",
				       "nonce",
				       "code",
				       "code_verifier",
				       "code_challenge",
				       "redirect_uri",
				       "client_assertion",
				       "client_secret",
				       "refresh_token",
				       "token",
				       "assertion",
				       "launch",
				       "session",
				       "csrf",
				       "password",
				       "aud",
				       "iss"};
struct str decoded(struct arena *a, struct str text, bool form)
{
	struct buf out;
	buf_init(&out, text.n + 16);
	struct str result = decode_percent(&out, text, form) ? arena_str(a, buf_str(&out)) : text;
	buf_done(&out);
	return result;
}

struct pair *pairs_of(struct arena *a, struct str text, size_t *ret_count)
{
	struct pair *pairs = ARENA_ARRAY(a, struct pair, PAIRS_MAX);
	size_t count = 0;
	while (pairs && text.p && count < PAIRS_MAX) {
		struct str value = str_split(&text, '&'), name = str_split(&value, '=');
		if (name.n)
			pairs[count++] =
				(struct pair){decoded(a, name, true), value.p ? decoded(a, value, true) : S("")};
	}
	*ret_count = count;
	return pairs;
}

static bool pair_meets(const struct pair *a, const struct pair *b, bool oauth)
{
	return str_eq(a->name, b->name) && (str_eq(a->value, b->value) || (oauth && NAME_IS_ONE_OF(a->name, fleeting)));
}

/* The same pairs in any order. oauth: the request is none of FHIR, where code is a search parameter. */
static bool pairs_meet(const struct pair *a, size_t a_count, const struct pair *b, size_t b_count, bool oauth)
{
	bool taken[PAIRS_MAX] = {false};
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++) {
		size_t k = 0;
		while (k < b_count && (taken[k] || !pair_meets(&a[i], &b[k], oauth)))
			k++;
		if (k == b_count)
			return false;
		taken[k] = true;
	}
	return true;
}

static bool is_form(struct str type)
{
	return str_is(media_type_of(type), "application/x-www-form-urlencoded");
}

static bool json_meets(struct arena *a, struct str x, struct str y)
{
	struct error ignored = {0};
	const struct json *jx = json_parse(a, x, 0, &ignored), *jy = jx ? json_parse(a, y, 0, &ignored) : NULL;
	struct buf bx, by;
	buf_init(&bx, 2 * x.n + 4096);
	buf_init(&by, 2 * y.n + 4096);
	struct json_writer wx = json_writer(&bx), wy = json_writer(&by);
	if (jy) {
		json_put_value(&wx, jx);
		json_put_value(&wy, jy);
	}
	bool meets = jy && buf_ok(&bx) && buf_ok(&by) && str_eq(buf_str(&bx), buf_str(&by));
	buf_done(&bx);
	buf_done(&by);
	return meets;
}

static bool body_meets(const struct asked *x, const struct recorded *e)
{
	struct str body = e->body.p ? e->body : S("");
	if (x->any_body || str_eq(body, x->body))
		return true;
	if (is_form(x->type) && is_form(e->body_type)) {
		size_t n, m;
		struct pair *mine = pairs_of(x->a, x->body, &n), *theirs = pairs_of(x->a, body, &m);
		return mine && theirs && pairs_meet(mine, n, theirs, m, x->oauth);
	}
	return str_find(x->type, S("json")) != STR_NONE && json_meets(x->a, x->body, body);
}

bool asked_meets(const struct asked *x, const struct recorded *e, const struct wanted *w)
{
	return str_eq(e->method, x->method) && str_eq(w->path, x->path) && asked_meets_query(x, w) && body_meets(x, e);
}

bool asked_meets_query(const struct asked *x, const struct wanted *w)
{
	return pairs_meet(x->pairs, x->pair_count, w->pairs, w->pair_count, x->oauth);
}

/* How much an entry is like what was asked: the method, the beginning of the path, equal pairs. */
size_t asked_likeness(const struct asked *x, const struct recorded *e, const struct wanted *w)
{
	size_t same = 0, pairs = 0;
	while (same < x->path.n && same < w->path.n && x->path.p[same] == w->path.p[same])
		same++;
	for (size_t i = 0; i < x->pair_count; i++)
		for (size_t k = 0; k < w->pair_count; k++)
			pairs += pair_meets(&x->pairs[i], &w->pairs[k], x->oauth);
	bool whole = str_eq(x->path, w->path);
	return same + 8 * pairs + (whole ? 1000 : 0) + (str_eq(x->method, e->method) ? 100 : 0);
}
