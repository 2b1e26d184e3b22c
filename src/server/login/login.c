/* Opening, and the routes of the pages. See login.h. */
#include "server/login/login_priv.h"

#include <stdio.h>
#include <stdlib.h>

enum { IDLE_MS = 30 * 60 * 1000, END_MS = 12 * 60 * 60 * 1000, THREADS = 2, MOST_WAITING = 64 };

/* __Host-: sent by this host over TLS only, so no neighbour can set it (RFC 6265bis section 4.1.3.2). */
static void name_cookies(struct login *l)
{
	struct str realm = l->options.realm;
	const char *host = l->secure ? "__Host-" : "";
	snprintf(l->session_cookie, sizeof(l->session_cookie), "%sfirth_session%s%.*s", host, realm.n ? "." : "",
		 STR_ARG(str_slice(realm, 0, 60)));
	snprintf(l->browser_cookie, sizeof(l->browser_cookie), "%sfirth_browser%s%.*s", host, realm.n ? "." : "",
		 STR_ARG(str_slice(realm, 0, 60)));
}

static bool keep_text(struct login *l, struct error *err)
{
	struct login_options *o = &l->options;
	struct str *texts[] = {&o->base_url, &o->base_path, &o->realm, &o->title};
	if (!o->title.n)
		o->title = S("Firth");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct str copy = texts[i]->p ? arena_str(&l->arena, *texts[i]) : S("");
		if (!copy.p)
			return error_memory(err);
		*texts[i] = copy;
	}
	return true;
}

/* The issuer's host, when nothing better is configured. */
static bool keep_provider(struct login *l, struct error *err)
{
	struct login_options *o = &l->options;
	if (!o->provider)
		return true;
	struct login_provider *p = ARENA_NEW(&l->arena, struct login_provider);
	if (!p)
		return error_memory(err);
	*p = *o->provider;
	if (!p->label.n) {
		struct str rest = str_slice(p->issuer, str_find(p->issuer, S("://")) + 3, p->issuer.n);
		p->label = str_split(&rest, '/');
	}
	o->provider = p;
	return true;
}

static bool keep_users(struct login *l, struct error *err)
{
	struct login_options *o = &l->options;
	struct login_user *users = ARENA_ARRAY(&l->arena, struct login_user, o->user_count + 1);
	if (!users)
		return error_memory(err);
	for (size_t i = 0; i < o->user_count; i++) {
		users[i] = o->users[i];
		users[i].configured = true;
		if (!login_user_check(o->definitions, &l->arena, &users[i], err))
			return error_context(err, "user %.*s", STR_ARG(str_slice(users[i].name, 0, 64)));
	}
	o->users = users;
	return true;
}

bool login_later(struct login *l, struct workers_job *job, struct error *err)
{
	return workers_add(l->workers, job) ||
	       error_set(err, ERR_BUSY, "Too many people sign in at the moment; try again in a few seconds");
}

struct login *login_open(const struct login_options *options, struct error *err)
{
	struct login *l = calloc(1, sizeof(*l));
	if (!l) {
		error_memory(err);
		return NULL;
	}
	l->options = *options;
	arena_init(&l->arena, (size_t)64 << 20);
	l->options.idle_ms = options->idle_ms ? options->idle_ms : IDLE_MS;
	l->options.end_ms = options->end_ms ? options->end_ms : END_MS;
	l->secure = str_starts(options->base_url, S("https://"));
	l->workers = workers_open(&(struct workers_options){.threads = THREADS, .waiting = MOST_WAITING}, err);
	bool ok = l->workers && keep_text(l, err) && keep_users(l, err) && keep_provider(l, err);
	if (ok) {
		struct str base = l->options.base_url;
		size_t scheme = str_find(base, S("://"));
		size_t slash = scheme == STR_NONE ? STR_NONE : str_find_char(base, '/', scheme + 3);
		l->outside_path = slash == STR_NONE ? S("") : str_slice(base, slash, base.n);
		name_cookies(l);
		vault_hash_nobody(l->no_hash);
		return l;
	}
	login_close(l);
	return NULL;
}

void login_close(struct login *l)
{
	if (!l)
		return;
	workers_close(l->workers);
	arena_done(&l->arena);
	free(l);
}

/* ---- routes  ---------------------------------------------------------------------------------------------------- */

/* interaction: what refusals of the step are in audit records. */
static const struct {
	const char *name, *interaction;
	void (*get)(struct turn *t);
	void (*post)(struct turn *t);
} routes[] = {
	{"authorize", "authorize", authorize_begin, authorize_begin},
	{"login", "login", sign_in_page, sign_in_send},
	{"pick", "authorize", pick_page, pick_send},
	{"encounter", "authorize", encounter_page, encounter_send},
	{"consent", "authorize", consent_page, consent_send},
	{"apps", "revoke", apps_page, apps_send},
	{"logout", "logout", sign_out_page, sign_out_send},
	{"provider", "login", provider_begin, NULL},
	{"callback", "login", provider_back, NULL},
	{"page.css", "login", page_css, NULL},
};

bool login_handle(struct login *l, struct http_exchange *x)
{
	const struct http_request *request = http_request(x);
	struct str prefix = l->options.base_path;
	struct error err = {0};
	struct turn t = {.l = l, .x = x, .request = request, .a = request->arena};
	if (!l->options.smart || !str_starts(request->path, prefix))
		return false;
	struct str name = str_slice(request->path, prefix.n, request->path.n);
	if (!str_starts(name, S("/auth/")))
		return false;
	name = str_slice(name, 6, name.n);
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (!str_is(name, routes[i].name))
			continue;
		void (*step)(struct turn *) = str_is(request->method, "GET")	? routes[i].get
					      : str_is(request->method, "POST") ? routes[i].post
										: NULL;
		if (!step)
			error_set(&err, ERR_METHOD, "This page answers GET%s", routes[i].post ? " and POST" : "");
		if (step && turn_begin(l, x, routes[i].interaction, &t, &err))
			step(&t);
		else
			turn_fail(&t, &err);
		return true;
	}
	return false;
}
