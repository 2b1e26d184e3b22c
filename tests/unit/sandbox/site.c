/* A sandbox with a public and a confidential app. */
#include "site.h"

#include "base/encode.h"

static struct arena site_arena;

struct site open_site(enum ehr_vendor vendor, const char *scope, const char *behaviour)
{
	struct str one = str_from(behaviour ? behaviour : "");
	struct site s = {.vendor = vendor};
	size_t users;
	arena_init(&site_arena, ARENA_NO_CAP);
	s.clients[PUBLIC] = (struct smart_client){.client_id = S("public"),
						  .name = S("Growth"),
						  .scope = str_from(scope),
						  .redirect_uris = S(PERSON_CALLBACK),
						  .launch_url = S("https://app.example.org/launch")};
	s.clients[CONFIDENTIAL] = s.clients[PUBLIC];
	s.clients[CONFIDENTIAL].client_id = S("confidential");
	s.clients[CONFIDENTIAL].secret_sha256 = digest_hex(&site_arena, S(SITE_SECRET));
	s.w = world_open(&(struct world_options){
		.vendor = vendor,
		.patients = 1,
		.clients = s.clients,
		.client_count = APPS,
		.users = person_users(
			vendor == EHR_EPIC ? "Practitioner/eM5CWtq15N0WJeuCet5bJlQ3" : "Practitioner/12742069", &users),
		.user_count = 1,
		.behaviours = &one,
		.behaviour_count = behaviour != NULL});
	return s;
}

void close_site(struct site *s)
{
	world_close(s->w);
	arena_done(&site_arena);
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

struct str encoded(struct world *w, struct str text)
{
	struct buf out;
	buf_init(&out, 1 << 16);
	encode_percent(&out, text);
	struct str copy = arena_str(&w->arena, buf_str(&out));
	buf_done(&out);
	return copy;
}

struct str authorize_url(struct site *s, enum app app, const char *scope, const char *more)
{
	struct world *w = s->w;
	return arena_printf(&w->arena,
			    "%.*s%s?response_type=code&client_id=%.*s&state=st%%20ate&nonce=n-1&scope=%.*s%s",
			    STR_ARG(w->host), w->sandbox->vendor->authorize_paths[0],
			    STR_ARG(s->clients[app].client_id), STR_ARG(encoded(w, str_from(scope))), more);
}

const char *aud_of(struct site *s)
{
	return arena_printf(&s->w->arena, "&aud=%.*s", STR_ARG(encoded(s->w, s->w->base))).p;
}

/* The usual request. */
struct str usual(struct site *s, enum app app, const char *scope)
{
	return authorize_url(s, app, scope, arena_printf(&s->w->arena, CALLBACK PERSON_PKCE "%s", aud_of(s)).p);
}

const struct person doctor = {.user = "clinician"};

struct person doctor_of(struct site *s)
{
	struct person p = doctor;
	p.patient = arena_printf(&s->w->arena, "%.*s", STR_ARG(s->w->patient)).p;
	return p;
}

struct http_answer token_request(struct site *s, enum app app, const char *form)
{
	struct world *w = s->w;
	struct asked how = {.method = "POST", .accept = "application/json", .form = true, .body = form};
	if (app == CONFIDENTIAL) {
		struct buf text;
		buf_init(&text, 4096);
		encode_base64(&text, S("confidential:" SITE_SECRET));
		how.authorization = arena_printf(&w->arena, "Basic %.*s", STR_ARG(buf_str(&text)));
		buf_done(&text);
	} else {
		how.body = arena_printf(&w->arena, "%s&client_id=public", form).p;
	}
	return ask_url(w, sandbox_token_url(w->sandbox), how);
}

struct str code_form(struct site *s, struct str code)
{
	return arena_printf(&s->w->arena,
			    "grant_type=authorization_code&code=%.*s&code_verifier=" PERSON_VERIFIER CALLBACK,
			    STR_ARG(code));
}

const struct json *tokens(struct site *s, enum app app, struct str url)
{
	struct person p = doctor_of(s);
	struct ended end = person_opens(s->w, &p, url);
	struct str code = url_parameter(s->w, end.url, "code");
	if (!code.p)
		fail_msg("no code: %.*s %.*s", STR_ARG(end.url), STR_ARG(str_slice(end.page, 0, 2000)));
	assert_true(str_is(url_parameter(s->w, end.url, "state"), "st ate"));
	struct http_answer answer = token_request(s, app, code_form(s, code).p);
	if (answer.status != 200)
		fail_msg("%d %.*s", answer.status, STR_ARG(answer.body));
	return parsed(s->w, answer);
}

bool has_scope(const struct json *answer, const char *word)
{
	struct str rest = json_get_str(answer, S("scope"));
	while (rest.p)
		if (str_is(str_split(&rest, ' '), word))
			return true;
	return false;
}

struct str launch_of(struct site *s, enum app app)
{
	struct error err = {0};
	struct str id;
	const struct smart_launch launch = {.client_id = s->clients[app].client_id,
					    .patient = s->w->patient,
					    .encounter = S("visit-1"),
					    .need_patient_banner = false};
	must(smart_launch_new(s->w->sandbox->smart, &s->w->arena, &launch, &id, &err), &err);
	return id;
}

struct str launched(struct site *s, enum app app, struct str launch)
{
	return authorize_url(
		s, app, "openid launch",
		arena_printf(&s->w->arena, CALLBACK PERSON_PKCE "%s&launch=%.*s", aud_of(s), STR_ARG(launch)).p);
}

int64_t number(const struct json *j, const char *name)
{
	int64_t n = -1;
	assert_true(str_to_i64(json_number(json_get(j, str_from(name))), &n));
	return n;
}
