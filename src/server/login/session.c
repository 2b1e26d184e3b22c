/*
 * Sessions: who is signed in, by a cookie whose digest is a key on the shelf "session". A session ends when no page was
 * asked for during the idle time, at an absolute end, on signing out, and when its user is disabled or gets another
 * password. The idle time is that of pages alone: whoever works in an app with online_access is not idle, so the fact
 * itself lasts to the absolute end. Each sign-in makes a new one, so that a cookie from before is worth nothing after
 * (OWASP: session fixation).
 */
#include "server/login/login_priv.h"

#include "base/clock.h"
#include "base/random.h"
#include "jose/jose.h"

#define SHELF S("session")
enum { SEEN_EVERY_MS = 60 * 1000 };

int64_t login_now(const struct login *l)
{
	return l->options.now_ms ? l->options.now_ms() : clock_now_ms();
}

struct str token_new(struct arena *a)
{
	unsigned char bytes[TOKEN_BYTES];
	struct buf out;
	random_bytes(bytes, sizeof(bytes));
	buf_init(&out, 128);
	encode_base64url(&out, str_make((const char *)bytes, sizeof(bytes)));
	struct str token = buf_ok(&out) ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return token;
}

struct str token_key(struct arena *a, struct str token)
{
	return token.p ? digest_hex(a, token) : STR_NULL;
}

bool token_find(struct login *l, struct arena *a, struct str shelf, struct str token, struct token_fact *ret_fact,
		struct error *err)
{
	struct token_fact fact = {0};
	*ret_fact = fact;
	if (token.n != TOKEN_SIZE)
		return true;
	fact.key = token_key(a, token);
	if (!fact.key.p)
		return error_memory(err);
	if (!store_fact_get(l->options.store, a, shelf, fact.key, &fact.raw, err))
		return false;
	fact.json = fact.raw.p ? json_parse(a, fact.raw, 0, err) : NULL;
	if (fact.json)
		*ret_fact = fact;
	return fact.json || !fact.raw.p;
}

struct str cookie_find(struct str cookies, const char *name)
{
	while (cookies.p) {
		struct str value = str_trim(str_split(&cookies, ';'));
		if (str_is(str_split(&value, '='), name) && value.p)
			return value;
	}
	return STR_NULL;
}

struct str user_stamp(struct arena *a, const struct login_user *user)
{
	if (!user->configured)
		return arena_printf(a, "%lld", (long long)user->password_ms);
	struct str key = token_key(a, user->hash.p ? user->hash : S("none"));
	return str_slice(key, 0, 16);
}

static struct str write_session(struct arena *a, const struct session *s)
{
	struct buf out;
	buf_init(&out, 4096);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	json_put_member(&w, S("user"), s->user);
	json_put_member(&w, S("stamp"), s->stamp);
	json_put_member(&w, S("csrf"), s->csrf);
	json_key(&w, S("began"));
	json_put_i64(&w, s->began_ms);
	json_key(&w, S("authenticated"));
	json_put_i64(&w, s->authenticated_ms);
	json_key(&w, S("seen"));
	json_put_i64(&w, s->seen_ms);
	json_object_end(&w);
	struct str text = buf_ok(&out) ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return text;
}

/* For pages. */
static int64_t session_end(const struct login *l, const struct session *s)
{
	int64_t idle = s->seen_ms + l->options.idle_ms, end = s->began_ms + l->options.end_ms;
	return idle < end ? idle : end;
}

/* Not more than once a minute: pages should not wait for the disk. What happens meanwhile to the session wins. */
static bool touch(struct login *l, struct arena *a, struct session *s, struct error *err)
{
	int64_t now = login_now(l);
	struct error why = {0};
	if (now - s->seen_ms < SEEN_EVERY_MS)
		return true;
	s->seen_ms = now;
	struct store_fact fact = {.shelf = SHELF,
				  .key = s->key,
				  .value = write_session(a, s),
				  .expected = s->raw,
				  .expires_ms = s->began_ms + l->options.end_ms,
				  .quiet = true};
	if (!fact.value.p)
		return error_memory(err);
	if (!store_fact_put(l->options.store, &fact, &why) && why.code != ERR_CONFLICT)
		return error_set(err, why.code, "%s", why.text);
	return true;
}

bool session_find(struct login *l, struct arena *a, struct str cookies, struct session *ret_session, struct error *err)
{
	struct token_fact fact;
	*ret_session = (struct session){0};
	if (!token_find(l, a, SHELF, cookie_find(cookies, l->session_cookie), &fact, err))
		return false;
	const struct json *j = fact.json;
	if (!j)
		return true;
	struct session s = {.key = fact.key,
			    .raw = fact.raw,
			    .user = json_get_str(j, S("user")),
			    .stamp = json_get_str(j, S("stamp")),
			    .csrf = json_get_str(j, S("csrf")),
			    .began_ms = record_number(j, S("began")),
			    .authenticated_ms = record_number(j, S("authenticated")),
			    .seen_ms = record_number(j, S("seen"))};
	if (session_end(l, &s) <= login_now(l))
		return true;
	if (!login_user_find(l, a, s.user, &s.facts, err))
		return false;
	if (!s.facts.name.p || s.facts.disabled || !str_eq(user_stamp(a, &s.facts), s.stamp))
		return true;
	*ret_session = s;
	return touch(l, a, ret_session, err);
}

bool session_new(struct login *l, struct arena *a, const struct login_user *user, struct session *ret_session,
		 struct str *ret_token, struct store_fact *ret_fact, struct error *err)
{
	int64_t now = login_now(l);
	*ret_token = token_new(a);
	*ret_session = (struct session){.key = token_key(a, *ret_token),
					.user = user->name,
					.facts = *user,
					.stamp = user_stamp(a, user),
					.csrf = token_new(a),
					.began_ms = now,
					.seen_ms = now,
					.authenticated_ms = now};
	ret_session->raw = write_session(a, ret_session);
	*ret_fact = (struct store_fact){.shelf = SHELF,
					.key = ret_session->key,
					.value = ret_session->raw,
					.only_new = true,
					.expires_ms = ret_session->began_ms + l->options.end_ms};
	return (ret_session->key.p && ret_session->csrf.p && ret_session->raw.p) || error_memory(err);
}
