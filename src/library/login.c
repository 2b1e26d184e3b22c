/* People's logins for programs: SMART App Launch over the EHR client, with the tokens in the handle. */
#include <stdlib.h>

#include "library/library_priv.h"

static const char NOBODY[] = "the handle has no app that people log in with: set login_client_id";

static const char *words(struct firth_ehr *e, struct str text)
{
	return text.n ? arena_str(&e->words, text).p : NULL;
}

enum firth_status firth_login_begin(struct firth_ehr *e, const char *redirect_uri, const char *launch,
				    const char *scopes, const char **ret_url, struct firth_error *error)
{
	struct ehr_failure f = {0};
	struct ehr_login_pending pending;
	struct str url;
	if (!e || !redirect_uri || !ret_url || !e->logins)
		return library_fail_here(error, ERR_USAGE, e && !e->logins ? NOBODY : "an argument is missing");
	arena_reset(&e->words);
	buf_reset(&e->pending);
	const struct ehr_login_ask ask = {
		.redirect_uri = str_from(redirect_uri), .launch = library_text(launch), .scopes = library_text(scopes)};
	if (!ehr_login_begin(e->client, &e->words, &ask, &pending, &url, &f) ||
	    !ehr_login_pending_write(&pending, &e->pending, &f.error))
		return library_fail(error, &f);
	*ret_url = url.p;
	return FIRTH_OK;
}

enum firth_status firth_login_finish(struct firth_ehr *e, const char *answer, struct firth_error *error)
{
	struct ehr_failure f = {0};
	struct ehr_login_pending pending;
	struct ehr_login login;
	if (!e || !answer || !e->pending.n)
		return library_fail_here(error, ERR_USAGE, "no login was begun");
	arena_reset(&e->words);
	struct str query = str_from(answer);
	size_t mark = str_find_char(query, '?', 0);
	query = mark == STR_NONE ? query : str_slice(query, mark + 1, query.n);
	size_t end = str_find_char(query, '#', 0);
	query = end == STR_NONE ? query : str_slice(query, 0, end);
	struct str name = ehr_client_config(e->client)->name;
	bool ok = ehr_login_pending_read(&e->words, buf_str(&e->pending), &pending, &f.error);
	buf_reset(&e->pending); /* good once */
	ok = ok && ehr_login_finish(e->client, &e->words, &pending, query, &login, &f) &&
	     ehr_logins_put(e->logins, &e->words, name, &login, &f.error);
	return ok ? FIRTH_OK : library_fail(error, &f);
}

static bool kept(struct firth_ehr *e, struct ehr_login *ret_login)
{
	struct error ignored = {0};
	bool found = false;
	if (!e || !e->logins)
		return false;
	arena_reset(&e->words);
	return ehr_logins_get(e->logins, &e->words, ehr_client_config(e->client)->name, ret_login, &found, &ignored) &&
	       found;
}

const struct firth_login *firth_login(struct firth_ehr *e)
{
	struct ehr_login login;
	if (!kept(e, &login))
		return NULL;
	e->login = (struct firth_login){.patient = words(e, login.patient),
					.encounter = words(e, login.encounter),
					.user = words(e, login.fhir_user),
					.name = words(e, login.name),
					.scopes = words(e, login.granted),
					.need_patient_banner = login.need_patient_banner};
	return &e->login;
}

const char *firth_login_keep(struct firth_ehr *e)
{
	struct ehr_login login;
	return kept(e, &login) ? words(e, buf_str(&e->store.login)) : NULL;
}

enum firth_status firth_login_resume(struct firth_ehr *e, const char *text, struct firth_error *error)
{
	struct ehr_login login;
	if (!e || !text || !e->logins)
		return library_fail_here(error, ERR_USAGE, e && !e->logins ? NOBODY : "an argument is missing");
	buf_reset(&e->store.login);
	buf_add(&e->store.login, str_from(text));
	if (buf_ok(&e->store.login) && kept(e, &login) && login.access_token.n)
		return FIRTH_OK;
	buf_reset(&e->store.login);
	return library_fail_here(error, ERR_VALUE, "this is no login that was kept");
}
