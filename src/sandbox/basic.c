/*
 * Calls of Epic's without OAuth, by Basic (RFC 7617): the user "emp$" and the login of somebody who works there, and
 * the app in the header Epic-Client-ID; Epic-User-ID comes with Epic-User-IDType EXTERNAL. That much is documented.
 * What such a user may see is theirs to say and known to nobody else: here everything that the site does.
 */
#include "sandbox/oauth_priv.h"

#include "base/clock.h"
#include "base/encode.h"
#include "vault/vault.h"

enum { CREDENTIALS_MAX = 4096, TOKEN_MS = 60000 };

/* "emp$login:password" of the header. */
static bool read_credentials(struct http_exchange *x, struct str *ret_login, struct str *ret_password)
{
	struct arena *a = http_request(x)->arena;
	struct str header = http_request_header(x, "Authorization"), mark = S("emp$");
	struct buf plain;
	if (header.n < 6 || !str_eq_nocase(str_slice(header, 0, 6), S("Basic ")))
		return false;
	buf_init(&plain, CREDENTIALS_MAX);
	struct str text = decode_base64(&plain, str_trim(str_slice(header, 6, header.n)))
				  ? arena_str(a, buf_str(&plain))
				  : STR_NULL;
	if (plain.p)
		explicit_bzero(plain.p, plain.n);
	buf_done(&plain);
	if (!str_starts(text, mark))
		return false;
	*ret_password = str_slice(text, mark.n, text.n);
	*ret_login = str_split(ret_password, ':');
	return ret_password->p != NULL;
}

static bool is_user(struct sandbox *s, struct arena *a, struct str name, struct str password)
{
	struct login_user user;
	struct error ignored = {0};
	return login_user_find(s->login, a, name, &user, &ignored) && user.name.p && user.hash.p &&
	       vault_password_check(password, user.hash) != VAULT_WRONG;
}

static bool is_app(struct sandbox *s, struct http_exchange *x, struct str id)
{
	struct arena *a = http_request(x)->arena;
	struct smart_client client;
	struct error ignored = {0};
	struct str kind = http_request_header(x, "Epic-User-IDType");
	return id.n && smart_client_find(s->smart, a, id, &client, &ignored) && client.client_id.p &&
	       !apps_pending(s, a, id) &&
	       (!http_request_header(x, "Epic-User-ID").p || str_eq_nocase(kind, S("EXTERNAL")));
}

bool oauth_basic(struct sandbox *s, struct http_exchange *x, enum face_host host)
{
	struct arena *a = http_request(x)->arena;
	struct str login, password, token, id = http_request_header(x, "Epic-Client-ID");
	struct error ignored = {0};
	if (s->o.vendor != EHR_EPIC || !s->login || !behaves(s, BEHAVIOUR_BASIC, "on") ||
	    !str_starts(http_request(x)->path, str_from(s->vendor->base_path)) ||
	    !read_credentials(x, &login, &password))
		return false;
	if (!is_app(s, x, id) || !is_user(s, a, login, password))
		return false; /* the face says that nobody is logged in */
	int64_t now = clock_now_ms();
	const struct grant grant = {
		.client_id = id, .scope_text = s->everything, .issued_ms = now, .expires_ms = now + TOKEN_MS};
	return smart_token_make(s->smart, a, &grant, &token, &ignored) &&
	       face_again(s, x, host,
			  &(struct face_other){.authorization = arena_printf(a, "Bearer %.*s", STR_ARG(token))});
}
