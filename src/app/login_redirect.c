/* See login_redirect.h. */
#include "app/login_redirect.h"

#include <pthread.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/encode.h"
#include "ehr/login.h"
#include "http/server.h"

extern char **environ;

struct login_redirect {
	struct http_server *server;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct str state; /* what is waited for; STR_NULL: nothing yet */
	struct buf query;
	struct http_exchange *held; /* the browser that brought it, to be answered at the end */
	bool arrived;
	char uri[64];
};

/* ---- pages ------------------------------------------------------------------------------------------------------- */

#define STYLE                                                                                                          \
	"body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto;padding:0 1rem;color:#1b2733;"     \
	"background:#f7f9fb}h1{font-size:1.5rem}@media(prefers-color-scheme:dark){body{color:#e6edf3;"                 \
	"background:#11181f}}"
#define POLICY "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'"

static void respond(struct http_exchange *x, int status, struct str title, struct str sentence)
{
	static const struct http_header headers[] = {{S("Cache-Control"), S("no-store")},
						     {S("Content-Security-Policy"), S(POLICY)},
						     {S("Referrer-Policy"), S("no-referrer")},
						     {S("X-Content-Type-Options"), S("nosniff")}};
	struct buf page;
	buf_init(&page, 64 << 10);
	buf_add(&page, S("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" "
			 "content=\"width=device-width\"><title>"));
	encode_html(&page, title);
	buf_add(&page, S("</title><link rel=\"stylesheet\" href=\"/page.css\"><main><h1>"));
	encode_html(&page, title);
	buf_add(&page, S("</h1><p>"));
	encode_html(&page, sentence);
	buf_add(&page, S("</p></main></html>\n"));
	http_respond(x, &(struct http_response){.status = status,
						.content_type = S("text/html; charset=utf-8"),
						.headers = headers,
						.header_count = sizeof(headers) / sizeof(headers[0]),
						.body = &page});
	buf_done(&page);
}

static void respond_style(struct http_exchange *x)
{
	struct buf style;
	buf_init(&style, 4096);
	buf_add(&style, S(STYLE));
	http_respond(x, &(struct http_response){.status = 200, .content_type = S("text/css"), .body = &style});
	buf_done(&style);
}

/* ---- the server -------------------------------------------------------------------------------------------------- */

static bool is_awaited(struct login_redirect *r, const struct http_request *request)
{
	struct str state = ehr_login_state(request->arena, request->query);
	return !r->arrived && r->state.p && state.p && str_eq(state, r->state);
}

static void handle(void *ctx, struct http_exchange *x)
{
	struct login_redirect *r = ctx;
	const struct http_request *request = http_request(x);
	if (http_answer_icon(x))
		return;
	if (str_is(request->path, "/page.css")) {
		respond_style(x);
		return;
	}
	if (!str_is(request->path, "/callback") || !str_is(request->method, "GET")) {
		respond(x, 404, S("Nothing is here"), S("Firth waits at another address for the answer to a login."));
		return;
	}
	pthread_mutex_lock(&r->lock);
	bool awaited = is_awaited(r, request);
	if (awaited) {
		buf_add(&r->query, request->query);
		r->held = x;
		r->arrived = true;
		pthread_cond_signal(&r->changed);
	}
	pthread_mutex_unlock(&r->lock);
	if (!awaited)
		respond(x, 400, S("This is not the login that Firth waits for"),
			S("The answer belongs to another login, or was used already. Start again with firth login."));
}

static void refuse(void *ctx, struct http_exchange *x, const struct error *err)
{
	(void)ctx;
	respond(x, error_http_status(err->code), S("The answer could not be read"), str_from(err->text));
}

struct login_redirect *login_redirect_open(uint16_t port, struct error *err)
{
	struct login_redirect *r = calloc(1, sizeof(*r));
	if (!r) {
		error_memory(err);
		return NULL;
	}
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	buf_init(&r->query, 64 << 10);
	const struct http_handler handler = {.handle = handle, .refuse = refuse, .ctx = r};
	const struct http_server_options options = {
		.port = port, .threads = 1, .max_body = 4096, .max_header = 64 << 10, .max_connections = 16};
	r->server = http_server_start(&options, &handler, err);
	if (!r->server) {
		login_redirect_close(r);
		return NULL;
	}
	struct buf uri;
	buf_init(&uri, sizeof(r->uri) - 1);
	buf_printf(&uri, "http://127.0.0.1:%u/callback", http_server_port(r->server));
	memcpy(r->uri, uri.p, uri.n);
	buf_done(&uri);
	return r;
}

struct str login_redirect_uri(const struct login_redirect *r)
{
	return str_from(r->uri);
}

bool login_redirect_wait(struct login_redirect *r, struct arena *a, struct str state, int64_t timeout_ms,
			 struct str *ret_query, struct error *err)
{
	struct timespec until;
	int failure = 0;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	pthread_mutex_lock(&r->lock);
	r->state = state;
	while (!r->arrived && failure == 0)
		failure = pthread_cond_timedwait(&r->changed, &r->lock, &until);
	bool arrived = r->arrived;
	struct str query = arrived ? arena_str(a, buf_str(&r->query)) : STR_NULL;
	r->state = STR_NULL;
	pthread_mutex_unlock(&r->lock);
	if (!arrived)
		return error_set(err, ERR_TIMEOUT, "nobody answered within %lld s; try again, or give --timeout more",
				 (long long)timeout_ms / 1000);
	if (!query.p)
		return error_memory(err);
	*ret_query = query;
	return true;
}

void login_redirect_tell(struct login_redirect *r, bool good, struct str title, struct str sentence)
{
	struct http_exchange *x = r->held;
	r->held = NULL;
	if (x)
		respond(x, good ? 200 : 400, title, sentence);
}

void login_redirect_close(struct login_redirect *r)
{
	if (!r)
		return;
	login_redirect_tell(r, false, S("The login was not finished"), S("Look at the terminal it was started in."));
	if (r->server)
		http_server_stop(r->server);
	buf_done(&r->query);
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* ---- the browser ------------------------------------------------------------------------------------------------- */

bool login_browser_open(struct str url)
{
	const char *display = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY");
	if (!(display && *display) && !(wayland && *wayland))
		return false;
	char *text = strndup(url.p, url.n), program[] = "xdg-open";
	char *arguments[] = {program, text, NULL};
	posix_spawn_file_actions_t actions;
	pid_t child;
	int status = -1;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", 1 /* O_WRONLY */, 0);
	posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
	bool started = text && posix_spawnp(&child, program, &actions, NULL, arguments, environ) == 0;
	posix_spawn_file_actions_destroy(&actions);
	free(text);
	return started && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
