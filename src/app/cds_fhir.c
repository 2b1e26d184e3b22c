/* Where `firth cds call` gets patients' data: a FHIR server by URL, or a known EHR with our login there. */
#include <stdlib.h>

#include "app/cds_request.h"

enum { TIMEOUT_MS = 30000, DATA_MAX = 64 << 20 };

static bool read_token(struct cds_fhir *f, const struct cds_fhir_options *o, struct error *err)
{
	struct arena *a = &f->app->arena;
	const char *given = getenv("FIRTH_FHIR_TOKEN");
	struct str token = str_trim(str_from(given ? given : ""));
	if (o->token_file.n && !cds_secret_read(a, o->token_file, &token, err))
		return false;
	for (size_t i = 0; i < token.n; i++)
		if ((unsigned char)token.p[i] <= ' ' || token.p[i] == 0x7F)
			return error_set(err, ERR_VALUE, "the token has a space or control character in it");
	if (token.n)
		f->authorization = arena_printf(a, "Bearer %.*s", STR_ARG(token));
	f->scope = o->scope;
	f->subject = o->subject;
	return true;
}

/* An EHR of the registry: its login, or the backend service, gives the token. */
static bool open_named(struct cds_fhir *f, struct str name, struct error *err)
{
	struct ehr_failure failure = {0};
	f->named = true;
	f->login.app = f->app;
	f->login.named = name;
	if (!login_command_open(&f->login, err))
		return false;
	f->base = f->login.ehr->base_url;
	if (!ehr_bearer(f->login.client, &f->app->arena,
			arena_printf(&f->app->arena, "%.*s/metadata", STR_ARG(f->base)), NULL, &f->authorization,
			&failure)) {
		*err = failure.error;
		return false;
	}
	f->scope = ehr_granted_scopes(f->login.client);
	f->subject = f->login.ehr->login_client_id.n ? f->login.ehr->login_client_id : f->login.ehr->client_id;
	return true;
}

bool cds_fhir_open(struct cds_fhir *f, struct app *app, const struct cds_fhir_options *o, struct error *err)
{
	f->app = app;
	if (!o->server.n)
		return true;
	f->http = http_client_new(&(struct http_client_options){.timeout_ms = TIMEOUT_MS, .max_body = DATA_MAX}, err);
	if (!f->http)
		return false;
	if (!str_starts(o->server, S("http://")) && !str_starts(o->server, S("https://")))
		return open_named(f, o->server, err);
	f->base = o->server;
	while (str_ends(f->base, S("/")))
		f->base.n--;
	return read_token(f, o, err);
}

void cds_fhir_close(struct cds_fhir *f)
{
	http_client_free(f->http);
	if (f->named)
		login_command_end(&f->login);
}

/* Under the EHR's budget, with a token of its own. */
static bool ask_named(struct cds_fhir *f, struct arena *a, const struct http_call *call, struct http_answer *ret,
		      struct error *err)
{
	struct ehr_failure failure = {0};
	if (ehr_ask(f->login.client, a, call, "read", NULL, ret, &failure))
		return true;
	*err = failure.error;
	return false;
}

bool cds_fhir_get(struct cds_fhir *f, struct arena *a, struct str query, const struct json **ret_json,
		  struct error *err)
{
	const struct http_header headers[] = {{S("Accept"), S("application/fhir+json")},
					      {S("Authorization"), f->authorization}};
	struct http_answer answer;
	struct str url = arena_printf(a, "%.*s/%.*s", STR_ARG(f->base), STR_ARG(query));
	if (!url.p)
		return error_memory(err);
	*ret_json = NULL;
	const struct http_call call = {S("GET"), url, headers, f->named || !f->authorization.p ? 1 : 2, STR_NULL, NULL};
	if (!(f->named ? ask_named(f, a, &call, &answer, err) : http_call(f->http, a, &call, &answer, err)))
		return false;
	bool search = str_find_char(query, '?', 0) != STR_NONE;
	if (!search && (answer.status == 404 || answer.status == 410))
		return true;
	if (answer.status != 200)
		return error_set(err, ERR_REMOTE, "the FHIR server answers with HTTP %d", answer.status);
	*ret_json = json_parse(a, answer.body, 0, err);
	return *ret_json != NULL;
}
