/* Steps in which this application proves who it is: identity, redirect, PKCE, token, scopes. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/file.h"
#include "doctor/doctor_priv.h"
#include "ehr/login.h"
#include "jose/jose.h"

enum { LONG_URL = 2000, HOPS_MAX = 5, SKEW_TO_BLAME_MS = 20 * 1000 };

static bool is_test_host(struct str base)
{
	static const char *const hosts[] = {"https://fhir.epic.com/", "https://fhir-ehr-code.cerner.com/",
					    "https://fhir-open.cerner.com/"};
	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
		if (str_starts(base, str_from(hosts[i])))
			return true;
	return false;
}

/* ---- identity ---------------------------------------------------------------------------------------------------- */

/* The key's kind, read once more: the client keeps it to itself. */
static bool look_at_key(struct examination *x, const char **ret_algorithm)
{
	struct str text;
	struct error err = {0};
	struct arena a;
	arena_init(&a, 1 << 20);
	*ret_algorithm = NULL;
	struct jose_key *key =
		file_read(&a, x->ehr->key_file, 64 << 10, &text, &err) ? jose_key_parse(text, &err) : NULL;
	if (key) {
		enum jose_algorithm algorithm = jose_key_algorithm(key);
		*ret_algorithm = jose_algorithm_name(algorithm);
		x->es_key = algorithm == JOSE_ES256 || algorithm == JOSE_ES384 || algorithm == JOSE_ES512;
		explicit_bzero((char *)(uintptr_t)text.p, text.n);
	}
	jose_key_free(key);
	arena_done(&a);
	return *ret_algorithm != NULL;
}

bool doctor_client(struct examination *x)
{
	struct ehr_client_options options = doctor_client_options(x);
	struct ehr_config config = *x->ehr;
	struct error err = {0};
	const char *algorithm = NULL;
	options.logins = x->o->logins;
	config.breaker_failures = INT32_MAX; /* whoever looks for trouble asks all the same */
	x->client = ehr_open(&config, &options, &err);
	if (!x->client)
		return doctor_say(x, DOCTOR_CLIENT, DOCTOR_BAD, DOCTOR_CAUSE_NO_KEY, "%s", err.text);
	if (!x->ehr->client_id.n && !x->ehr->login_client_id.n)
		return doctor_say(x, DOCTOR_CLIENT, x->site.token.n ? DOCTOR_WARNING : DOCTOR_GOOD,
				  x->site.token.n ? DOCTOR_CAUSE_NO_CLIENT : DOCTOR_NO_CAUSE,
				  "none: the EHR is asked without a token");
	if (x->people)
		return doctor_say(x, DOCTOR_CLIENT, DOCTOR_GOOD, DOCTOR_NO_CAUSE,
				  "the app %.*s, that people log in with",
				  STR_ARG(x->ehr->login_client_id.n ? x->ehr->login_client_id : x->ehr->client_id));
	if (!x->ehr->key_file.n)
		return doctor_say(x, DOCTOR_CLIENT, DOCTOR_GOOD, DOCTOR_NO_CAUSE, "backend service %.*s, with a secret",
				  STR_ARG(x->ehr->client_id));
	if (!look_at_key(x, &algorithm))
		return doctor_say(x, DOCTOR_CLIENT, DOCTOR_BAD, DOCTOR_CAUSE_NO_KEY,
				  "the key file holds no usable key");
	bool doubtful = x->es_key && x->ehr->vendor == EHR_EPIC;
	return doctor_say(x, DOCTOR_CLIENT, doubtful ? DOCTOR_WARNING : DOCTOR_GOOD,
			  doubtful ? DOCTOR_CAUSE_ES_KEY : DOCTOR_NO_CAUSE, "backend service %.*s, signing with %s",
			  STR_ARG(x->ehr->client_id), algorithm);
}

/* ---- redirect ---------------------------------------------------------------------------------------------------- */

/* "error=..." of the query that the EHR sent back; only harmless characters. */
static struct str error_of(struct examination *x, struct str location)
{
	size_t question = str_find_char(location, '?', 0);
	struct str query = question == STR_NONE ? STR_NULL : str_slice(location, question + 1, location.n), code;
	if (!ehr_url_parameter(x->a, query, "error", &code))
		return S("unreadable");
	for (size_t i = 0; i < code.n; i++)
		if (!((code.p[i] >= 'a' && code.p[i] <= 'z') || code.p[i] == '_'))
			return S("unreadable");
	return code.n ? str_slice(code, 0, 40) : STR_NULL;
}

static void blame_unknown_app(struct examination *x)
{
	doctor_blame(x, DOCTOR_CAUSE_REDIRECT_UNREGISTERED);
	doctor_blame(x, DOCTOR_CAUSE_WRONG_ENVIRONMENT);
	doctor_blame(x, DOCTOR_CAUSE_NOT_ACTIVATED);
	doctor_blame(x, DOCTOR_CAUSE_NOT_SYNCED);
}

/* What the answer to a request for authorization says before anybody logged in. */
static void judge_answer(struct examination *x, const struct http_answer *answer, struct str redirect, size_t length)
{
	struct str location = http_answer_header(answer, "Location");
	bool back = str_starts(location, redirect);
	bool oauth_page = answer->status == 200 && str_find(answer->body, S("OAuth2 Error")) != STR_NONE;
	struct str code = back ? error_of(x, location) : STR_NULL;
	if (code.p) {
		doctor_find(x, DOCTOR_REDIRECT, DOCTOR_BAD, "the EHR sends the browser back with %.*s", STR_ARG(code));
		if (str_is(code, "invalid_scope"))
			doctor_blame(x, DOCTOR_CAUSE_SCOPES_NOT_REGISTERED);
		else if (str_is(code, "invalid_request"))
			doctor_blame(x, DOCTOR_CAUSE_AUD_DIFFERS);
		else
			blame_unknown_app(x);
	} else if (oauth_page) {
		doctor_find(x, DOCTOR_REDIRECT, DOCTOR_BAD,
			    "the EHR shows its page \"OAuth2 Error\" instead of a login");
		doctor_blame(x, DOCTOR_CAUSE_AUD_DIFFERS);
		blame_unknown_app(x);
	} else if ((answer->status == 404 || answer->status >= 500) && length > LONG_URL) {
		doctor_find(x, DOCTOR_REDIRECT, DOCTOR_BAD, "HTTP %d to a request for authorization of %zu characters",
			    answer->status, length);
		doctor_blame(x, DOCTOR_CAUSE_URL_TOO_LONG);
	} else if (answer->status >= 400) {
		doctor_find(x, DOCTOR_REDIRECT, DOCTOR_BAD, "the login page is refused: HTTP %d", answer->status);
		blame_unknown_app(x);
	} else {
		doctor_find(x, DOCTOR_REDIRECT, DOCTOR_GOOD, "the EHR shows its login for %.*s", STR_ARG(redirect));
	}
	doctor_told(x);
}

/* Where the answer leads on to the page that a person would see; STR_NULL: it is that page, or leads back to us. */
static struct str leads_on(struct examination *x, const struct http_answer *answer, struct str from,
			   struct str redirect)
{
	struct str location = http_answer_header(answer, "Location");
	if (answer->status < 301 || answer->status > 308 || !location.n || str_starts(location, redirect))
		return STR_NULL;
	return ehr_link(x->a, from, location);
}

void doctor_redirect(struct examination *x)
{
	struct ehr_login_pending pending;
	struct ehr_failure f = {0};
	struct error err = {0};
	struct http_answer answer;
	struct str url;
	if (!x->people) {
		doctor_say(x, DOCTOR_REDIRECT, DOCTOR_SKIPPED, DOCTOR_NO_CAUSE, "nobody logs in, so there is none");
		return;
	}
	int64_t port = x->ehr->login_port ? x->ehr->login_port : 8765;
	struct str redirect = arena_printf(x->a, "http://127.0.0.1:%" PRId64 "/callback", port);
	const struct ehr_login_ask ask = {.redirect_uri = redirect};
	if (!ehr_login_begin(x->client, x->a, &ask, &pending, &url, &f)) {
		doctor_say(x, DOCTOR_REDIRECT, DOCTOR_BAD, DOCTOR_CAUSE_NO_DISCOVERY, "%s", f.error.text);
		return;
	}
	size_t length = url.n;
	for (int hop = 0;; hop++) {
		if (!doctor_fetch(x, url, S("text/html"), &answer, &err)) {
			doctor_say(x, DOCTOR_REDIRECT, DOCTOR_BAD, DOCTOR_CAUSE_NO_CONNECTION, "the login page: %s",
				   err.text);
			return;
		}
		struct str onward = leads_on(x, &answer, url, redirect);
		if (!onward.p || hop == HOPS_MAX)
			break;
		url = onward;
	}
	judge_answer(x, &answer, redirect, length);
}

void doctor_pkce(struct examination *x)
{
	if (!x->people)
		doctor_say(x, DOCTOR_PKCE, DOCTOR_SKIPPED, DOCTOR_NO_CAUSE, "backend services have none");
	else if (x->site.pkce)
		doctor_say(x, DOCTOR_PKCE, DOCTOR_GOOD, DOCTOR_NO_CAUSE, "S256");
	else
		doctor_say(x, DOCTOR_PKCE, DOCTOR_WARNING, DOCTOR_CAUSE_NO_PKCE, "discovery does not name S256");
}

/* ---- token ------------------------------------------------------------------------------------------------------- */

/* invalid_client has many causes, and neither vendor says which: what was seen on the way decides their order. */
static void blame_invalid_client(struct examination *x)
{
	int64_t off = x->skew_ms == INT64_MIN ? 0 : x->skew_ms < 0 ? -x->skew_ms : x->skew_ms;
	if (off > SKEW_TO_BLAME_MS)
		doctor_blame(x, DOCTOR_CAUSE_CLOCK_SKEW);
	if (x->es_key && x->ehr->vendor == EHR_EPIC)
		doctor_blame(x, DOCTOR_CAUSE_ES_KEY);
	doctor_blame(x, DOCTOR_CAUSE_WRONG_ENVIRONMENT);
	doctor_blame(x, DOCTOR_CAUSE_KEY_NOT_REGISTERED);
	if (is_test_host(x->ehr->base_url) || str_starts(x->ehr->base_url, S("http:")))
		doctor_blame(x, DOCTOR_CAUSE_NOT_SYNCED);
	doctor_blame(x, DOCTOR_CAUSE_NOT_ACTIVATED);
	if (off <= SKEW_TO_BLAME_MS)
		doctor_blame(x, DOCTOR_CAUSE_CLOCK_SKEW);
}

static void blame_token(struct examination *x, const struct ehr_failure *f)
{
	struct str code = str_from(f->vendor_code);
	if (str_is(code, "unauthorized_client"))
		doctor_blame(x, DOCTOR_CAUSE_NO_BACKGROUND_USER);
	else if (str_is(code, "invalid_scope") || str_find(code, S("empty-scopes")) != STR_NONE ||
		 f->error.code == ERR_INVALID_SCOPE)
		doctor_blame(x, DOCTOR_CAUSE_SCOPES_NOT_REGISTERED);
	else if (str_is(code, "invalid_client") || f->error.code == ERR_INVALID_CLIENT)
		blame_invalid_client(x);
	else if (f->error.code == ERR_LOGIN)
		doctor_blame(x, DOCTOR_CAUSE_NOT_LOGGED_IN);
	else if (!doctor_recognise(x, f))
		blame_invalid_client(x);
	if (x->last && f->correlation_id[0])
		x->last->correlation = arena_str(x->a, str_from(f->correlation_id));
}

bool doctor_token(struct examination *x)
{
	bool needed;
	struct ehr_failure f = {0};
	bool wanted = x->ehr->client_id.n || x->ehr->login_client_id.n;
	if (!ehr_token_now(x->client, x->a, &needed, &f)) {
		doctor_find(x, DOCTOR_TOKEN, DOCTOR_BAD, "%s", f.error.text);
		blame_token(x, &f);
		doctor_told(x);
		return false;
	}
	if (!needed && wanted)
		return doctor_say(x, DOCTOR_TOKEN, DOCTOR_BAD, DOCTOR_CAUSE_NOT_LOGGED_IN, "nobody is logged in there");
	if (!needed) {
		doctor_say(x, DOCTOR_TOKEN, DOCTOR_SKIPPED, DOCTOR_NO_CAUSE, "none is needed");
		return true;
	}
	return doctor_say(x, DOCTOR_TOKEN, DOCTOR_GOOD, DOCTOR_NO_CAUSE, "the EHR gave one");
}

/* ---- scopes ------------------------------------------------------------------------------------------------------ */

static bool is_identity(struct str scope)
{
	return str_find_char(scope, '/', 0) == STR_NONE || str_starts(scope, S("launch/"));
}

/* Only who somebody is, nothing of records. */
static bool only_identity(struct str granted)
{
	while (granted.p) {
		struct str scope = str_split(&granted, ' ');
		if (scope.n && !is_identity(scope))
			return false;
	}
	return true;
}

static struct str asked_scopes(struct examination *x)
{
	struct ehr_login login;
	struct ehr_failure f = {0};
	if (!x->people)
		return ehr_asked_scopes(x->client, x->a);
	return ehr_login_now(x->client, x->a, &login, &f) ? login.requested : STR_NULL;
}

static void compare(struct examination *x, struct str asked, struct str granted)
{
	struct ehr_scope_line *lines;
	struct error err = {0};
	size_t count, refused = 0, partly = 0, given = 0;
	struct str missing = STR_NULL;
	if (!ehr_scope_compare(x->a, asked, granted, &lines, &count, &err)) {
		x->no_memory = true;
		return;
	}
	for (size_t i = 0; i < count; i++) {
		bool less = lines[i].fate == EHR_SCOPE_REFUSED || lines[i].fate == EHR_SCOPE_PARTLY;
		refused += lines[i].fate == EHR_SCOPE_REFUSED;
		partly += lines[i].fate == EHR_SCOPE_PARTLY;
		given += lines[i].fate == EHR_SCOPE_GRANTED || lines[i].fate == EHR_SCOPE_UNASKED;
		if (less && missing.n < 300)
			missing = arena_printf(x->a, "%.*s%s%.*s", STR_ARG(missing), missing.n ? ", " : "",
					       STR_ARG(lines[i].scope));
	}
	if (!refused && !partly)
		doctor_say(x, DOCTOR_SCOPES, DOCTOR_GOOD, DOCTOR_NO_CAUSE, "%zu granted, nothing refused", given);
	else
		doctor_say(x, DOCTOR_SCOPES, DOCTOR_WARNING, DOCTOR_CAUSE_API_NOT_TICKED,
			   "%zu granted, %zu only in part, %zu refused: %.*s", given, partly, refused,
			   STR_ARG(missing));
}

void doctor_scopes(struct examination *x)
{
	struct str granted = ehr_granted_scopes(x->client), asked = asked_scopes(x);
	if (!x->ehr->client_id.n && !x->ehr->login_client_id.n)
		return;
	if (!granted.n)
		doctor_say(x, DOCTOR_SCOPES, DOCTOR_SKIPPED, DOCTOR_NO_CAUSE, "the EHR does not say what it granted");
	else if (only_identity(granted))
		doctor_say(x, DOCTOR_SCOPES, DOCTOR_BAD, DOCTOR_CAUSE_TIER_LIMITED, "only %.*s",
			   STR_ARG(str_slice(granted, 0, 200)));
	else
		compare(x, asked.n ? asked : granted, granted);
}
