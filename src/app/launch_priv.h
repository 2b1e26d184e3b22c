/* Shared by the files of the launch endpoint. */
#ifndef FIRTH_APP_LAUNCH_PRIV_H
#define FIRTH_APP_LAUNCH_PRIV_H

#include <pthread.h>

#include "app/launch.h"
#include "ehr/login.h"

enum {
	LAUNCH_AT_ONCE = 16, /* conversations with EHRs; more are told to come again */
	LAUNCH_PENDING_MS = 10 * 60 * 1000,
	LAUNCH_SESSION_MS = 12 * 3600 * 1000,
	LAUNCH_COOKIE_MAX = 64,
};

struct launch {
	struct launch_options o;
	struct arena arena;
	struct vault *vault;
	struct ehr_logins *sessions;
	struct str redirect_uri;
	bool secure; /* the browser talks https to us */
	pthread_mutex_t lock;
	pthread_cond_t idle;
	unsigned busy;
};

/* One request, from the time it left the server's thread. Text lies in the exchange's arena. */
struct launch_call {
	struct launch *launch;
	struct http_exchange *x;
	void (*work)(struct launch_call *call);
	struct arena *a;
};

/* ---- pages: launch_page.c ---------------------------------------------------------------------------------------- */

struct launch_page {
	int status;
	struct str title;
	struct buf body; /* HTML of main */
	struct http_header cookies[2];
	size_t cookie_count;
};
void launch_page_init(struct launch_page *page, int status, struct str title);
void launch_paragraph(struct launch_page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Sends and frees it. */
void launch_page_send(struct launch_call *call, struct launch_page *page);
void launch_redirect(struct launch_call *call, struct str url, const struct http_header *cookies, size_t cookie_count);
/* What went wrong, what it means, and what to do: for the person and whoever runs the app. */
void launch_explain(struct launch_call *call, int status, struct str title, struct str happened, struct str advice);
void launch_style(struct http_exchange *x);
/* The session's page; patient NULL: none, or it could not be read (why). */
void launch_show_session(struct launch_call *call, struct str session, const struct ehr_login *login,
			 const struct json *patient, struct str why, const struct http_header *cookies,
			 size_t cookie_count);
/* Before a session begins in a browser that kept no cookie: who it would be. */
void launch_ask(struct launch_call *call, struct str session, const struct ehr_login *login);

/* ---- sessions: launch_session.c ---------------------------------------------------------------------------------- */

/* The value of a cookie of ours, STR_NULL when absent or not of its form. */
struct str launch_cookie(const struct http_exchange *x, struct arena *a, const char *name);
struct http_header launch_set_cookie(struct launch_call *call, const char *name, struct str value, int64_t age_s);
bool launch_random(struct arena *a, struct str *ret_text);
/* What a session or state is called in the store: its digest, so that reading the store gives nobody a session. */
struct str launch_key(struct arena *a, struct str secret);
void launch_session_page(struct launch_call *call);
void launch_session_end(struct launch_call *call);
/* A client of the configured EHR, with the session's login when there is one. */
struct ehr_client *launch_client(struct launch_call *call, const struct ehr_config *ehr, struct str session_key,
				 struct error *err) MUST_USE;

/* The parameter of a query or form; STR_NULL when it is absent, there twice, or no text. */
struct str launch_parameter(struct arena *a, struct str query, const char *name);

#endif
