/* firth doctor EHR: each step as it is done, what happened, and what to do next. */
#include "doctor/doctor.h"

#include <inttypes.h>
#include <stdio.h>

#include "app/login.h"

enum { INDENT = 13, WIDTH = 108 };

struct telling {
	struct login_command c;
	const struct app *app;
	struct str patient;
};

/* Long sentences over several lines, behind the column of the steps. */
static void print_wrapped(const char *lead, struct str text)
{
	int column = INDENT + (int)strlen(lead);
	printf("%*s%s", INDENT, "", lead);
	while (text.p) {
		struct str word = str_split(&text, ' ');
		if (column > INDENT + (int)strlen(lead) && column + (int)word.n >= WIDTH) {
			printf("\n%*s", INDENT + (int)strlen(lead), "");
			column = INDENT + (int)strlen(lead);
		}
		printf("%.*s%s", STR_ARG(word), text.p ? " " : "");
		column += (int)word.n + 1;
	}
	printf("\n");
}

static void print_finding(void *ctx, const struct doctor_finding *f)
{
	const struct telling *t = ctx;
	static const enum style styles[] = {STYLE_GOOD, STYLE_WARN, STYLE_BAD, STYLE_DIM};
	if (t->app->json)
		return;
	printf("%-10s %s%-7s%s %.*s%s%.*s\n", doctor_step_name(f->step), app_style(t->app, styles[f->result]),
	       doctor_result_name(f->result), app_style(t->app, STYLE_PLAIN), STR_ARG(f->subject),
	       f->subject.n ? ": " : "", STR_ARG(f->happened));
	if (f->correlation.n)
		printf("%*sthe EHR's id of the request: %.*s\n", INDENT, "", STR_ARG(f->correlation));
	for (size_t i = 0; i < f->cause_count; i++) {
		char lead[8] = "";
		if (f->cause_count > 1)
			snprintf(lead, sizeof lead, "%zu. ", i + 1);
		print_wrapped(lead, str_from(doctor_cause_text(f->causes[i])));
		char next[sizeof(lead) + sizeof("-> ")];
		size_t indent = strlen(lead);
		memset(next, ' ', indent);
		memcpy(next + indent, "-> ", sizeof("-> "));
		print_wrapped(next, str_from(doctor_next(f->causes[i], t->c.ehr->vendor)));
	}
	fflush(stdout);
}

static void write_finding(struct json_writer *w, const struct doctor_finding *f, enum ehr_vendor vendor)
{
	json_object_begin(w);
	json_put_member(w, S("step"), str_from(doctor_step_name(f->step)));
	json_put_member(w, S("title"), str_from(doctor_step_title(f->step)));
	json_put_member(w, S("subject"), f->subject);
	json_put_member(w, S("result"), str_from(doctor_result_name(f->result)));
	json_put_member(w, S("happened"), f->happened);
	json_put_member(w, S("correlation"), f->correlation);
	json_key(w, S("milliseconds"));
	json_put_i64(w, f->took_ms);
	json_key(w, S("causes"));
	json_array_begin(w);
	for (size_t i = 0; i < f->cause_count; i++) {
		json_object_begin(w);
		json_put_member(w, S("cause"), str_from(doctor_cause_name(f->causes[i])));
		json_put_member(w, S("text"), str_from(doctor_cause_text(f->causes[i])));
		json_put_member(w, S("next"), str_from(doctor_next(f->causes[i], vendor)));
		json_object_end(w);
	}
	json_array_end(w);
	json_object_end(w);
}

static bool print_json(const struct telling *t, const struct doctor_report *r)
{
	struct buf out;
	buf_init(&out, 8 << 20);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	json_put_member(&w, S("ehr"), t->c.ehr->name);
	json_put_member(&w, S("vendor"), str_from(ehr_vendor_name(t->c.ehr->vendor)));
	json_put_member(&w, S("base_url"), t->c.ehr->base_url);
	json_key(&w, S("well"));
	json_put_bool(&w, !r->bad);
	json_key(&w, S("failed"));
	json_put_i64(&w, (int64_t)r->bad);
	json_key(&w, S("warnings"));
	json_put_i64(&w, (int64_t)r->warnings);
	json_key(&w, S("findings"));
	json_array_begin(&w);
	for (size_t i = 0; i < r->count; i++)
		write_finding(&w, &r->findings[i], t->c.ehr->vendor);
	json_array_end(&w);
	json_object_end(&w);
	buf_char(&out, '\n');
	bool ok = buf_ok(&out) && app_write(t->app, buf_str(&out));
	buf_done(&out);
	return ok;
}

static int examine(struct telling *t)
{
	struct doctor_report report;
	struct error err = {0};
	const struct doctor_options options = {.ehr = t->c.ehr,
					       .definitions = definitions_builtin(),
					       .logins = t->c.place.logins,
					       .budgets = t->c.place.budgets,
					       .audit = t->c.place.store,
					       .record = t->c.place.trail.config ? trail_record_by_server : NULL,
					       .record_ctx = &t->c.place.trail,
					       .transport = t->c.transport ? record_transport(t->c.transport) : NULL,
					       .patient = t->patient,
					       .tell = print_finding,
					       .ctx = t};
	if (!doctor_run(&options, &t->c.app->arena, &report, &err))
		return app_fail(t->app, &err);
	if (t->app->json && !print_json(t, &report))
		return APP_FAILED;
	if (!t->app->json)
		printf("\n%s%s%s: %zu failed, %zu %s\n", app_style(t->app, report.bad ? STYLE_BAD : STYLE_GOOD),
		       report.bad ? "something is wrong" : "all is well", app_style(t->app, STYLE_PLAIN), report.bad,
		       report.warnings, report.warnings == 1 ? "warning" : "warnings");
	return report.bad ? APP_FAILED : APP_OK;
}

int command_doctor(struct app *app)
{
	struct telling t = {.app = app};
	const struct option options[] = {
		{"patient", OPTION_TEXT, "ID",
		 "whose records to read (default: the login's, or the first of the roster)", &t.patient, NULL},
	};
	if (!login_command_begin(
		    &t.c, app, options, 1, 1, "EHR",
		    "Name, TLS, FHIR base, discovery, keys, clocks, identity, redirect, PKCE, token, scopes, "
		    "a first read of each\nresource type, the second page of a search. The status is 0 when "
		    "nothing failed. No secret and no record is\nprinted, so the output can be sent to "
		    "whoever helps."))
		return app->status;
	int status = examine(&t);
	login_command_end(&t.c);
	return status;
}
