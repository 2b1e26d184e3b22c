/*
 * People in a sandbox: signing in, consent, and launches from the simulator, with Firth's own pages. Apps find the
 * authorization endpoint at the vendor's address, which leads on to them; tokens come from the vendor's token endpoint.
 */
#include "sandbox/faults_priv.h"

#include "base/encode.h"

bool people_open(struct sandbox *s, struct error *err)
{
	if (!s->smart)
		return true;
	s->login = login_open(&(struct login_options){.store = s->o.store,
						      .definitions = s->o.definitions,
						      .smart = s->smart,
						      .base_url = s->o.base_url,
						      .base_path = S(""),
						      .title = str_from(s->vendor->people_title),
						      .users = s->o.users,
						      .user_count = s->o.user_count,
						      .refused = s->vendor->app_refused,
						      .refused_ctx = s},
			      err);
	if (s->login)
		s->launcher = launcher_open(&(struct launcher_options){.store = s->o.store,
								       .definitions = s->o.definitions,
								       .smart = s->smart,
								       .login = s->login,
								       .sandbox = true,
								       .hint = s->o.sign_in_hint},
					    err);
	return s->launcher != NULL;
}

void people_close(struct sandbox *s)
{
	launcher_close(s->launcher);
	login_close(s->login);
}

/* Each persona of Cerner's is for another host: who asks the wrong one gets a request that is about none. STR_NULL: it
 * is as it should be. */
static struct str unfitting(struct sandbox *s, const struct http_request *r, size_t persona)
{
	struct str asked = str_is(r->method, "POST") ? r->body : r->query, aud = face_value(asked, S("aud"));
	struct str plain = face_decoded(r->arena, aud);
	enum face_host host = plain.p ? hosts_of_base(s, plain) : FACE_HOSTS;
	if (s->o.vendor != EHR_CERNER || host == FACE_HOSTS || (host == HOST_PATIENT) == (persona == 1))
		return STR_NULL;
	size_t at = (size_t)(aud.p - asked.p);
	return arena_printf(r->arena, "%.*surn:another-persona:%.*s", STR_ARG(str_slice(asked, 0, at)),
			    STR_ARG(str_slice(asked, at, asked.n)));
}

/* Epic takes forms for launches from the EHR only, since November 2020. */
static bool takes_form(struct sandbox *s, const struct http_request *r)
{
	return !str_is(r->method, "POST") || s->o.vendor != EHR_EPIC ||
	       (released(s, "2020-11") && face_has(r->body, S("launch")));
}

static void refuse_form(struct sandbox *s, struct http_exchange *x)
{
	struct error err = {0};
	struct str url = STR_NULL, page = STR_NULL;
	struct buf body;
	error_set(&err, ERR_INVALID_REQUEST, "Requests by POST are for launches from the EHR, since November 2020");
	s->vendor->app_refused(s, http_request(x)->arena, NULL, "invalid_request", &err, &url, &page);
	buf_init(&body, 1 << 16);
	buf_add(&body, page);
	http_respond(x, &(struct http_response){
				.status = 200, .content_type = S("text/html; charset=utf-8"), .body = &body});
	buf_done(&body);
}

/* 307 keeps method and form: SMART lets apps ask by POST as well (authorize-post). What is refused anyway goes by 303.
 */
static void lead_on(struct sandbox *s, struct http_exchange *x, size_t persona)
{
	const struct http_request *r = http_request(x);
	struct str wrong = unfitting(s, r, persona), query = wrong.p ? wrong : r->query;
	const struct http_header header = {S("Location"),
					   arena_printf(r->arena, "%.*s/auth/authorize%s%.*s", STR_ARG(s->o.base_url),
							query.n ? "?" : "", STR_ARG(query))};
	http_respond(x, &(struct http_response){.status = wrong.p ? 303 : 307,
						.content_type = S(""),
						.headers = &header,
						.header_count = 1});
}

bool people_handle(struct sandbox *s, struct http_exchange *x)
{
	if (!s->login)
		return false;
	struct str path = http_request(x)->path;
	for (size_t i = 0; i < 2; i++)
		if (s->vendor->authorize_paths[i] && str_is(path, s->vendor->authorize_paths[i])) {
			if (takes_form(s, http_request(x)))
				lead_on(s, x, i);
			else
				refuse_form(s, x);
			return true;
		}
	return launcher_handle(s->launcher, x) || smart_handle(s->smart, x) || login_handle(s->login, x);
}
