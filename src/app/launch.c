/* See launch.h. */
#include "app/launch_priv.h"

#include <stdlib.h>

#include "app/login.h"
#include "app/secrets.h"
#include "base/clock.h"
#include "base/encode.h"

#define PENDING_SHELF "ehr-pending"

struct str launch_parameter(struct arena *a, struct str query, const char *name)
{
	struct str value;
	return ehr_url_parameter(a, query, name, &value) ? value : STR_NULL;
}

/* ---- the EHR sends its user here --------------------------------------------------------------------------------- */

/* Vendors disagree about a slash at the end, nothing else. */
static const struct ehr_config *ehr_of_issuer(const struct config *config, struct str iss)
{
	if (str_ends(iss, S("/")))
		iss = str_slice(iss, 0, iss.n - 1);
	for (size_t i = 0; i < config->ehr_count; i++) {
		struct str base = config->ehrs[i].base_url;
		if (str_ends(base, S("/")))
			base = str_slice(base, 0, base.n - 1);
		if (str_eq(base, iss))
			return &config->ehrs[i];
	}
	return NULL;
}

static const struct ehr_config *find_ehr(struct launch_call *call, struct str iss, struct str name)
{
	const struct config *config = call->launch->o.config;
	const struct ehr_config *ehr = name.p ? login_ehr_find(config, name) : ehr_of_issuer(config, iss);
	if (ehr)
		return ehr;
	launch_explain(
		call, 400, S("This EHR is not known here"),
		arena_printf(call->a,
			     "The launch comes from \"%.*s\", which is not among the EHRs that this "
			     "server is configured for.",
			     STR_ARG(str_slice(iss.p ? iss : name, 0, 300))),
		S("Whoever runs this server adds it under ehrs: in firth.yaml, with this very address as base_url "
		  "(a slash at the end does not matter)."));
	return NULL;
}

static bool keep_pending(struct launch_call *call, const struct ehr_login_pending *pending, struct str browser,
			 struct error *err)
{
	struct launch *l = call->launch;
	struct buf text;
	struct str sealed, key = launch_key(call->a, pending->state);
	buf_init(&text, 64 << 10);
	/* The browser's mark stands in front; the rest is as the login's room writes it. */
	buf_printf(&text, "%.*s ", STR_ARG(launch_key(call->a, browser)));
	bool ok = ehr_login_pending_write(pending, &text, err) &&
		  vault_seal(l->vault, call->a, S(PENDING_SHELF), buf_str(&text), &sealed, err);
	if (ok) {
		const struct store_fact fact = {.shelf = S(PENDING_SHELF),
						.key = key,
						.value = sealed,
						.expires_ms = clock_now_ms() + LAUNCH_PENDING_MS,
						.only_new = true,
						.quiet = true};
		ok = store_fact_put(l->o.store, &fact, err);
	}
	if (text.p)
		vault_wipe(text.p, text.n);
	buf_done(&text);
	return ok;
}

static void begin(struct launch_call *call, const struct ehr_config *ehr, struct str launch_id)
{
	struct ehr_failure failure = {0};
	struct ehr_login_pending pending;
	struct str url, browser = launch_cookie(call->x, call->a, "firth_launch_browser");
	struct ehr_client *client = launch_client(call, ehr, STR_NULL, &failure.error);
	const struct ehr_login_ask ask = {.redirect_uri = call->launch->redirect_uri, .launch = launch_id};
	bool ok = client && ehr_login_begin(client, call->a, &ask, &pending, &url, &failure) &&
		  (browser.p || launch_random(call->a, &browser)) &&
		  keep_pending(call, &pending, browser, &failure.error);
	ehr_close(client);
	if (!ok) {
		launch_explain(call, 502, S("The launch could not begin"), str_from(failure.error.text),
			       S("Nothing was sent to the EHR yet. Try again from the EHR; if it stays like this, show "
				 "this page to whoever runs the server."));
		return;
	}
	struct http_header cookie = launch_set_cookie(call, "firth_launch_browser", browser, LAUNCH_SESSION_MS / 1000);
	launch_redirect(call, url, &cookie, 1);
}

static void start(struct launch_call *call)
{
	struct str query = http_request(call->x)->query;
	struct str iss = launch_parameter(call->a, query, "iss"), id = launch_parameter(call->a, query, "launch"),
		   name = launch_parameter(call->a, query, "ehr");
	if (!name.p && (!iss.n || !id.n)) {
		launch_explain(
			call, 400, S("This is where EHRs launch the app"),
			S("The address needs iss (the EHR's FHIR base) and launch (the EHR's mark of what is open), "
			  "each once; the EHR adds both when it launches the app."),
			S("Start the app from within the EHR. To log in without one, use /launch?ehr=NAME."));
		return;
	}
	const struct ehr_config *ehr = find_ehr(call, iss, name);
	if (ehr)
		begin(call, ehr, name.p ? STR_NULL : id);
}

/* ---- and back again ---------------------------------------------------------------------------------------------- */

/* Takes the login off its shelf: an answer is good once, whichever process it comes to. */
static bool take_pending(struct launch_call *call, struct str state, struct ehr_login_pending *ret_pending,
			 struct str *ret_browser, struct error *err)
{
	struct launch *l = call->launch;
	struct store_fact fact = {
		.shelf = S(PENDING_SHELF), .key = launch_key(call->a, state), .must_exist = true, .quiet = true};
	struct store_txn txn = {.facts = &fact, .fact_count = 1, .found = call->a};
	struct str plain;
	if (!store_commit(l->o.store, &txn, err))
		return false;
	if (!vault_unseal(l->vault, call->a, S(PENDING_SHELF), fact.found, &plain, err))
		return false;
	*ret_browser = str_split(&plain, ' ');
	return ehr_login_pending_read(call->a, plain, ret_pending, err);
}

static void tell_no_pending(struct launch_call *call, bool has_state, const struct error *err)
{
	if (err->code != ERR_NONE && err->code != ERR_CONFLICT)
		launch_explain(call, 500, S("The login could not be continued"), str_from(err->text),
			       S("Start again from the EHR."));
	else if (!has_state)
		launch_explain(
			call, 400, S("The answer of the EHR has no state"),
			S("The EHR sent the browser back without the state parameter that it was given, so nobody "
			  "can tell which login this is."),
			S("Start again from the EHR. If it happens again, the EHR or something between it and here "
			  "drops the parameter."));
	else
		launch_explain(
			call, 400, S("This login is not under way any more"),
			S("The answer was used already (the page was loaded twice, or somebody pressed Back), or "
			  "more than ten minutes have passed since the launch."),
			S("Start again from the EHR. Nothing is lost: the app had not opened anything yet."));
}

static bool keep_session(struct launch_call *call, struct ehr_login *login, struct str *ret_session, struct error *err)
{
	login->forget_ms = clock_now_ms() + LAUNCH_SESSION_MS;
	return launch_random(call->a, ret_session)
		       ? ehr_logins_put(call->launch->sessions, call->a, launch_key(call->a, *ret_session), login, err)
		       : error_memory(err);
}

static void finish(struct launch_call *call, const struct ehr_login_pending *pending, bool same_browser)
{
	struct ehr_failure failure = {0};
	struct ehr_login login;
	struct str session;
	const struct ehr_config *ehr = login_ehr_find(call->launch->o.config, pending->ehr);
	struct ehr_client *client = ehr ? launch_client(call, ehr, STR_NULL, &failure.error) : NULL;
	if (!ehr)
		error_set(&failure.error, ERR_CONFIG, "The EHR is not configured any more");
	bool ok = client &&
		  ehr_login_finish(client, call->a, pending, http_request(call->x)->query, &login, &failure) &&
		  keep_session(call, &login, &session, &failure.error);
	if (!ok)
		launch_explain(call, failure.error.code == ERR_FORBIDDEN ? 403 : 502,
			       failure.error.code == ERR_FORBIDDEN ? S("The EHR did not let you in")
								   : S("The login did not work"),
			       str_from(failure.error.text),
			       S("Start again from the EHR. The sentence above is what "
				 "whoever registered the app needs to know."));
	else if (same_browser) {
		struct http_header cookie =
			launch_set_cookie(call, "firth_launch_session", session, LAUNCH_SESSION_MS / 1000);
		launch_redirect(call, S("/launch/session"), &cookie, 1);
	} else {
		launch_ask(call, session, &login);
	}
	ehr_close(client); /* the login's text may be the client's */
}

/* A browser that sends another mark than the launch gave it is not the one that launched (RFC 9700 section 4.7). One
 * that sends none may have lost it, as browsers inside of EHRs do: then the person is asked. */
static void callback(struct launch_call *call)
{
	struct error err = {0};
	struct ehr_login_pending pending;
	struct str browser, came = launch_cookie(call->x, call->a, "firth_launch_browser");
	struct str state = ehr_login_state(call->a, http_request(call->x)->query);
	if (!state.n || !take_pending(call, state, &pending, &browser, &err)) {
		tell_no_pending(call, state.n > 0, &err);
		return;
	}
	bool same = came.p && str_eq(launch_key(call->a, came), browser);
	if (came.p && !same) {
		launch_explain(
			call, 400, S("This login was begun in another browser"),
			S("The answer of the EHR arrived in a browser that did not begin the login, so it was thrown "
			  "away: somebody might be trying to log you in as someone else."),
			S("Start again from the EHR, in this browser."));
		return;
	}
	finish(call, &pending, same);
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

static void *run(void *arg)
{
	struct launch_call *call = arg; /* in the exchange's arena: gone with the answer */
	struct launch *l = call->launch;
	call->work(call);
	pthread_mutex_lock(&l->lock);
	if (--l->busy == 0)
		pthread_cond_broadcast(&l->idle);
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

static bool run_apart(struct launch_call *call)
{
	struct launch *l = call->launch;
	pthread_t thread;
	pthread_attr_t detached;
	pthread_mutex_lock(&l->lock);
	bool room = l->busy < LAUNCH_AT_ONCE;
	l->busy += room;
	pthread_mutex_unlock(&l->lock);
	if (!room)
		return false;
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	bool started = pthread_create(&thread, &detached, run, call) == 0;
	pthread_attr_destroy(&detached);
	if (!started) {
		pthread_mutex_lock(&l->lock);
		l->busy--;
		pthread_mutex_unlock(&l->lock);
	}
	return started;
}

static const struct {
	const char *method, *path;
	void (*work)(struct launch_call *call);
} routes[] = {
	{"GET", "/launch", start},
	{"GET", "/launch/callback", callback},
	{"GET", "/launch/session", launch_session_page},
	{"POST", "/launch/session", launch_session_page},
	{"POST", "/launch/logout", launch_session_end},
};

bool launch_has(struct str path)
{
	return str_is(path, "/launch") || str_starts(path, S("/launch/"));
}

bool launch_handle(struct launch *l, struct http_exchange *x)
{
	const struct http_request *request = http_request(x);
	if (!l || !launch_has(request->path))
		return false;
	if (str_is(request->path, "/launch/page.css")) {
		launch_style(x);
		return true;
	}
	struct launch_call *call = ARENA_NEW(request->arena, struct launch_call);
	if (!call) {
		http_respond(x, &(struct http_response){.status = 503, .content_type = S("")});
		return true;
	}
	*call = (struct launch_call){.launch = l, .x = x, .a = request->arena};
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (str_is(request->path, routes[i].path) && str_is(request->method, routes[i].method))
			call->work = routes[i].work;
	if (!call->work)
		launch_explain(call, 404, S("Nothing is here"), S("This address is not one of the launch's."),
			       S("Start the app from within the EHR."));
	else if (!run_apart(call))
		launch_explain(call, 503, S("Too many people are logging in"),
			       S("As many logins as this server does at once are under way."),
			       S("Try again in some seconds."));
	return true;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

struct launch *launch_open(const struct launch_options *options, struct error *err)
{
	if (!options->config->ehr_count)
		return NULL;
	struct launch *l = calloc(1, sizeof(*l));
	if (!l) {
		error_memory(err);
		return NULL;
	}
	arena_init(&l->arena, 64 << 10);
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->idle, NULL);
	l->o = *options;
	l->secure = str_starts(options->base_url, S("https:"));
	l->redirect_uri = arena_printf(&l->arena, "%.*s/launch/callback", STR_ARG(options->base_url));
	l->vault = l->redirect_uri.p ? secrets_open(options->config, err) : NULL;
	if (l->vault)
		l->sessions = ehr_logins_open(&(struct ehr_logins_options){.vault = l->vault,
									   .store = options->store,
									   .shelf = S("ehr-session")},
					      err);
	if (l->sessions)
		return l;
	launch_close(l);
	error_memory(err); /* unless something else is said already */
	return NULL;
}

void launch_close(struct launch *l)
{
	if (!l)
		return;
	pthread_mutex_lock(&l->lock);
	while (l->busy)
		pthread_cond_wait(&l->idle, &l->lock);
	pthread_mutex_unlock(&l->lock);
	ehr_logins_close(l->sessions);
	if (l->vault)
		vault_close(l->vault);
	pthread_cond_destroy(&l->idle);
	pthread_mutex_destroy(&l->lock);
	arena_done(&l->arena);
	free(l);
}
