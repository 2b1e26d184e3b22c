/*
 * firth ehr test EHR: is it there, what is it, does it give a token, and does a read work? The short form of firth
 * doctor, which says what to do about each.
 */
#include <stdio.h>

#include "app/ehr.h"
#include "app/login.h"
#include "base/clock.h"
#include "base/file.h"

struct trial {
	struct login_command c;
	struct str patient;
	struct buf out;
	struct json_writer w;
	bool failed;
};

static void tell(struct trial *t, const char *step, bool ok, bool done, uint64_t since_ns, struct str text)
{
	const struct app *app = t->c.app;
	long ms = (long)((clock_monotonic_ns() - since_ns) / 1000000);
	const char *word = !done ? "skipped" : ok ? "ok" : "failed";
	t->failed = t->failed || (done && !ok);
	json_object_begin(&t->w);
	json_put_member(&t->w, S("step"), str_from(step));
	json_put_member(&t->w, S("result"), str_from(word));
	json_put_member(&t->w, S("text"), text);
	json_key(&t->w, S("milliseconds"));
	json_put_i64(&t->w, ms);
	json_object_end(&t->w);
	if (app->json)
		return;
	printf("%-12s %s%-7s%s %6ld ms  %.*s\n", step,
	       app_style(app, !done ? STYLE_DIM
			      : ok  ? STYLE_GOOD
				    : STYLE_BAD),
	       word, app_style(app, STYLE_PLAIN), ms, STR_ARG(text));
}

static bool look(struct trial *t)
{
	struct arena *a = &t->c.app->arena;
	struct ehr_site site;
	struct ehr_failure failure = {0};
	uint64_t since = clock_monotonic_ns();
	if (!ehr_site_look(t->c.client, a, &site, &failure)) {
		tell(t, "site", false, true, since, str_from(failure.error.text));
		return false;
	}
	tell(t, "site", true, true, since,
	     arena_printf(a, "%.*s%s%.*s, FHIR %.*s", STR_ARG(site.software.n ? site.software : S("a FHIR server")),
			  site.version.n ? " " : "", STR_ARG(site.version), STR_ARG(site.fhir_version)));
	since = clock_monotonic_ns();
	bool needed = t->c.ehr->client_id.n || t->c.ehr->login_client_id.n;
	if (site.token.n)
		tell(t, "discovery", true, true, since, arena_printf(a, "tokens at %.*s", STR_ARG(site.token)));
	else
		tell(t, "discovery", false, needed, since,
		     needed ? str_from(site.undiscovered.error.text) : S("it gives no tokens, and none is needed"));
	return site.token.n || !needed;
}

static bool token(struct trial *t)
{
	bool needed;
	struct ehr_failure failure = {0};
	uint64_t since = clock_monotonic_ns();
	if (!ehr_token_now(t->c.client, &t->c.app->arena, &needed, &failure)) {
		tell(t, "token", false, true, since, str_from(failure.error.text));
		return false;
	}
	bool lacking = !needed && (t->c.ehr->client_id.n || t->c.ehr->login_client_id.n);
	struct str granted = ehr_granted_scopes(t->c.client);
	if (lacking)
		tell(t, "token", false, true, since,
		     arena_printf(&t->c.app->arena, "nobody is logged in: firth login %.*s", STR_ARG(t->c.ehr->name)));
	else
		tell(t, "token", true, needed, since,
		     !needed	 ? S("open server, none is needed")
		     : granted.n ? granted
				 : S("the EHR does not say what it grants"));
	return !lacking;
}

/* The patient to read: the one asked for, the login's, or the first of the roster. */
static struct str whom(struct trial *t)
{
	struct ehr_login login;
	struct ehr_failure failure = {0};
	struct arena *a = &t->c.app->arena;
	if (t->patient.n)
		return t->patient;
	if (ehr_login_now(t->c.client, a, &login, &failure) && login.patient.n)
		return login.patient;
	struct str first = STR_NULL;
	if (t->c.ehr->roster.n) {
		struct error ignored = {0};
		struct str text;
		if (file_read(a, t->c.ehr->roster, 64 << 20, &text, &ignored))
			while (text.p && !(first = str_trim(str_split(&text, '\n'))).n)
				;
	}
	return first;
}

static void first_read(struct trial *t)
{
	struct ehr_resource r;
	struct ehr_failure failure = {0};
	struct str id = whom(t);
	struct arena *a = &t->c.app->arena;
	uint64_t since = clock_monotonic_ns();
	if (!id.n) {
		tell(t, "read", true, false, since,
		     S("no patient is known: --patient ID, a roster, or a login with one"));
		return;
	}
	bool ok = ehr_read(t->c.client, a, S("Patient"), id, &r, &failure);
	tell(t, "read", ok, true, since,
	     ok ? arena_printf(a, "Patient/%.*s, %zu bytes", STR_ARG(r.id), r.body.n) : str_from(failure.error.text));
}

int command_ehr_test(struct app *app)
{
	struct trial t = {0};
	const struct option options[] = {
		{"patient", OPTION_TEXT, "ID", "whom to read (default: the login's, or the first of the roster)",
		 &t.patient, NULL},
	};
	if (!login_command_begin(&t.c, app, options, 1, 1, "EHR",
				 "Capability statement, discovery, a token, one read. The status is 1 when one fails; "
				 "firth doctor says what to do."))
		return app->status;
	buf_init(&t.out, 1 << 20);
	t.w = json_writer(&t.out);
	json_object_begin(&t.w);
	json_put_member(&t.w, S("ehr"), t.c.ehr->name);
	json_key(&t.w, S("steps"));
	json_array_begin(&t.w);
	if (look(&t) && token(&t))
		first_read(&t);
	json_array_end(&t.w);
	json_key(&t.w, S("ok"));
	json_put_bool(&t.w, !t.failed);
	json_object_end(&t.w);
	buf_char(&t.out, '\n');
	bool ok = buf_ok(&t.out) && (!app->json || app_write(app, buf_str(&t.out)));
	buf_done(&t.out);
	login_command_end(&t.c);
	return ok && !t.failed ? APP_OK : APP_FAILED;
}
