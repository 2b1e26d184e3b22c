/* A login for people and for programs: who, whom for, what was granted of what was asked, and until when. No secrets.
 */
#include <stdio.h>

#include "app/login.h"
#include "base/clock.h"

struct str login_when(struct arena *a, int64_t at_ms, int64_t now_ms)
{
	int64_t seconds = (at_ms - now_ms) / 1000, n = seconds < 0 ? -seconds : seconds;
	static const struct {
		int64_t length;
		const char *name;
	} units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
	size_t i = 0;
	if (n == 0)
		return S("just now");
	while (i < 3 && n < 2 * units[i].length)
		i++;
	n /= units[i].length;
	return seconds < 0 ? arena_printf(a, "%lld %s%s ago", (long long)n, units[i].name, n == 1 ? "" : "s")
			   : arena_printf(a, "in %lld %s%s", (long long)n, units[i].name, n == 1 ? "" : "s");
}

static void line(const char *label, struct str text)
{
	if (text.n)
		printf("  %-10s %.*s\n", label, STR_ARG(text));
}

static void print_scopes(const struct app *app, const struct ehr_scope_line *lines, size_t count)
{
	static const struct {
		enum ehr_scope_fate fate;
		enum style style;
		const char *title;
	} kinds[] = {{EHR_SCOPE_GRANTED, STYLE_GOOD, "granted"},
		     {EHR_SCOPE_PARTLY, STYLE_WARN, "granted in part"},
		     {EHR_SCOPE_REFUSED, STYLE_BAD, "asked for, not granted"},
		     {EHR_SCOPE_UNASKED, STYLE_DIM, "granted without being asked for"}};
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		bool first = true;
		for (size_t i = 0; i < count; i++) {
			if (lines[i].fate != kinds[k].fate)
				continue;
			if (first)
				printf("  %s%s%s\n", app_style(app, kinds[k].style), kinds[k].title,
				       app_style(app, STYLE_PLAIN));
			first = false;
			printf("    %-28.*s %.*s\n", STR_ARG(lines[i].scope), STR_ARG(lines[i].words));
		}
	}
}

bool login_print(struct login_command *c, const struct ehr_login *login, bool fresh)
{
	struct app *app = c->app;
	struct arena *a = &app->arena;
	struct error err = {0};
	struct ehr_scope_line *lines;
	struct str warnings[8];
	size_t count;
	int64_t now = clock_now_ms();
	struct str who = login->name.n ? login->name : login->subject.n ? login->subject : S("somebody (no id_token)");
	if (!ehr_scope_compare(a, login->requested, login->granted, &lines, &count, &err)) {
		app->status = app_fail(app, &err);
		return false;
	}
	printf("%s%s %.*s as %.*s%s%s%.*s%s%s\n", app_style(app, STYLE_BOLD), fresh ? "Logged in at" : "Login at",
	       STR_ARG(login->ehr), STR_ARG(who), app_style(app, STYLE_PLAIN), login->fhir_user.n ? " (" : "",
	       STR_ARG(login->fhir_user), login->fhir_user.n ? ")" : "", fresh ? "" : ":");
	line("patient", login->patient);
	line("encounter", login->encounter);
	line("app", login->client_id);
	if (!fresh)
		line("logged in", login_when(a, login->started_ms, now));
	if (login->ended.n)
		line("over", login->ended);
	else
		printf("  %-10s %s%.*s%s\n", "token", now < login->expires_ms ? "ends " : "ended ",
		       STR_ARG(login_when(a, login->expires_ms, now)),
		       login->refresh_token.n ? ", is renewed by itself" : "");
	print_scopes(app, lines, count);
	size_t told = ehr_login_warnings(a, login, warnings, 8);
	for (size_t i = 0; i < told; i++)
		printf("%swarning%s: %.*s\n", app_style(app, STYLE_WARN), app_style(app, STYLE_PLAIN),
		       STR_ARG(warnings[i]));
	return true;
}

static void write_scopes(struct json_writer *w, struct arena *a, const struct ehr_login *login)
{
	static const char *const fates[] = {"granted", "partly", "refused", "not-asked"};
	struct ehr_scope_line *lines;
	size_t count;
	if (!ehr_scope_compare(a, login->requested, login->granted, &lines, &count, NULL))
		return;
	json_key(w, S("scopes"));
	json_array_begin(w);
	for (size_t i = 0; i < count; i++) {
		json_object_begin(w);
		json_put_member(w, S("scope"), lines[i].scope);
		json_put_member(w, S("fate"), str_from(fates[lines[i].fate]));
		json_put_member(w, S("words"), lines[i].words);
		json_object_end(w);
	}
	json_array_end(w);
}

static void put_time(struct json_writer *w, struct str key, int64_t ms)
{
	char text[CLOCK_INSTANT_SIZE];
	clock_format_instant(ms, text);
	json_put_member(w, key, str_make(text, sizeof(text)));
}

void login_write(struct json_writer *w, struct arena *a, const struct ehr_login *login)
{
	struct str warnings[8];
	json_object_begin(w);
	json_put_member(w, S("ehr"), login->ehr);
	json_put_member(w, S("client_id"), login->client_id);
	json_put_member(w, S("subject"), login->subject);
	json_put_member(w, S("name"), login->name);
	json_put_member(w, S("fhir_user"), login->fhir_user);
	json_put_member(w, S("patient"), login->patient);
	json_put_member(w, S("encounter"), login->encounter);
	if (login->others.n) {
		json_key(w, S("others"));
		json_put_raw(w, login->others);
	}
	put_time(w, S("logged_in"), login->started_ms);
	put_time(w, S("token_expires"), login->expires_ms);
	json_key(w, S("renewable"));
	json_put_bool(w, login->refresh_token.n > 0 && !login->ended.n);
	json_put_member(w, S("ended"), login->ended);
	write_scopes(w, a, login);
	json_key(w, S("warnings"));
	json_array_begin(w);
	size_t told = ehr_login_warnings(a, login, warnings, 8);
	for (size_t i = 0; i < told; i++)
		json_put_str(w, warnings[i]);
	json_array_end(w);
	json_object_end(w);
}
