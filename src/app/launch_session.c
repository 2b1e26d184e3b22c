/*
 * Browser sessions after a launch. The browser keeps a random id in a cookie; where it drops cookies, as browsers
 * inside of EHRs do, each page carries the id in its forms. The store knows the id's digest only, and the login sealed.
 */
#include "app/launch_priv.h"
#include "app/login.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/random.h"

bool launch_random(struct arena *a, struct str *ret_text)
{
	unsigned char bytes[32];
	struct buf text;
	random_bytes(bytes, sizeof(bytes));
	buf_init(&text, 64);
	encode_base64url(&text, str_make((const char *)bytes, sizeof(bytes)));
	*ret_text = arena_str(a, buf_str(&text));
	buf_done(&text);
	return ret_text->p != NULL;
}

struct str launch_key(struct arena *a, struct str secret)
{
	return digest_base64url(a, secret);
}

static bool is_random(struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		char ch = text.p[i];
		if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '-' ||
		      ch == '_'))
			return false;
	}
	return text.n == 43;
}

struct str launch_cookie(const struct http_exchange *x, struct arena *a, const char *name)
{
	struct str header = http_request_header(x, "Cookie");
	while (header.p) {
		struct str value = str_trim(str_split(&header, ';')), key = str_split(&value, '=');
		if (str_is(key, name) && value.p && is_random(value))
			return arena_str(a, value);
	}
	return STR_NULL;
}

/* In a frame of the EHR's page only SameSite=None comes back, and that only over https. */
struct http_header launch_set_cookie(struct launch_call *call, const char *name, struct str value, int64_t age_s)
{
	return (struct http_header){S("Set-Cookie"),
				    arena_printf(call->a, "%s=%.*s; Path=/launch; Max-Age=%lld; HttpOnly; %s", name,
						 STR_ARG(value), (long long)age_s,
						 call->launch->secure ? "Secure; SameSite=None" : "SameSite=Lax")};
}

struct ehr_client *launch_client(struct launch_call *call, const struct ehr_config *ehr, struct str session_key,
				 struct error *err)
{
	struct ehr_config config = *ehr;
	const struct ehr_client_options options = {.definitions = definitions_builtin(),
						   .audit = call->launch->o.store,
						   .max_attempts = 2,
						   .timeout_ms = 15000,
						   .logins = call->launch->sessions,
						   .login = session_key.p ? session_key : S("-none-")};
	return ehr_open(&config, &options, err);
}

/* Of the form before the cookie: a page that carries it belongs to one session, a cookie to the last that began. */
static struct str session_of(struct launch_call *call)
{
	const struct http_request *request = http_request(call->x);
	struct str sent =
		str_is(request->method, "POST") ? launch_parameter(call->a, request->body, "session") : STR_NULL;
	if (sent.p)
		return is_random(sent) ? sent : STR_NULL;
	return str_is(request->method, "GET") ? launch_cookie(call->x, call->a, "firth_launch_session") : STR_NULL;
}

static bool find_session(struct launch_call *call, struct str *ret_session, struct ehr_login *ret_login)
{
	struct error err = {0};
	bool found = false;
	*ret_session = session_of(call);
	if (ret_session->p && !ehr_logins_get(call->launch->sessions, call->a, launch_key(call->a, *ret_session),
					      ret_login, &found, &err)) {
		launch_explain(call, 500, S("The session cannot be read"), str_from(err.text),
			       S("Start again from the EHR."));
		return false;
	}
	if (!found)
		launch_explain(call, 403, S("Nobody is logged in in this browser"),
			       S("There is no session: it ended, or the browser did not keep it."),
			       S("Start the app again from within the EHR."));
	return found;
}

void launch_session_page(struct launch_call *call)
{
	struct ehr_login login;
	struct ehr_resource patient = {0};
	struct ehr_failure failure = {0};
	struct str session, why = STR_NULL;
	if (!find_session(call, &session, &login))
		return;
	struct str key = launch_key(call->a, session);
	const struct ehr_config *ehr = login_ehr_find(call->launch->o.config, login.ehr);
	struct ehr_client *client = ehr ? launch_client(call, ehr, key, &failure.error) : NULL;
	if (!ehr)
		why = S("The EHR is not configured any more");
	else if (!client ||
		 (login.patient.n && !ehr_read(client, call->a, S("Patient"), login.patient, &patient, &failure)))
		why = str_from(failure.error.text);
	bool found;
	struct error ignored = {0}; /* reading may have renewed it */
	if (!ehr_logins_get(call->launch->sessions, call->a, key, &login, &found, &ignored))
		error_clear(&ignored);
	struct http_header cookie = launch_set_cookie(call, "firth_launch_session", session, LAUNCH_SESSION_MS / 1000);
	launch_show_session(call, session, &login, patient.resource, why, &cookie, 1);
	ehr_close(client);
}

void launch_session_end(struct launch_call *call)
{
	struct ehr_login login;
	struct ehr_failure failure = {0};
	struct error err = {0};
	struct str session;
	bool told = false;
	if (!find_session(call, &session, &login))
		return;
	const struct ehr_config *ehr = login_ehr_find(call->launch->o.config, login.ehr);
	struct ehr_client *client = ehr ? launch_client(call, ehr, STR_NULL, &failure.error) : NULL;
	bool ok = client && ehr_login_revoke(client, call->a, &login, &told, &failure);
	ehr_close(client);
	if (!ehr_logins_remove(call->launch->sessions, launch_key(call->a, session), &err)) {
		launch_explain(call, 500, S("The session could not be ended"), str_from(err.text), S("Try again."));
		return;
	}
	struct launch_page page;
	launch_page_init(&page, 200, S("You are logged out"));
	launch_paragraph(&page, "%s",
			 told ? "The EHR has revoked the tokens, and nothing of them is kept here."
			 : ok ? "Nothing is kept here. The EHR offers no way to revoke tokens, so they end "
				"by themselves."
			      : "Nothing is kept here. The EHR could not be told; its tokens end by themselves.");
	page.cookies[page.cookie_count++] = launch_set_cookie(call, "firth_launch_session", S(""), 0);
	launch_page_send(call, &page);
}
