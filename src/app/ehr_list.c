/* firth ehr list and show: the EHRs that are known, where from, and how Firth may come in. Never a secret. */
#include <stdio.h>

#include "app/config_priv.h"
#include "app/ehr.h"
#include "app/login.h"
#include "app/registry.h"
#include "base/clock.h"

struct str ehr_access(struct arena *a, const struct ehr_config *ehr, const struct ehr_login *login)
{
	int64_t now = clock_now_ms();
	bool backend = ehr_config_is_backend(ehr);
	bool app = ehr->login_client_id.n || ehr->login_secret_file.n || ehr->login_secret.n || ehr->login_key_file.n ||
		   (ehr->client_id.n && !backend);
	if (login && login->ended.n)
		return S("login is over");
	if (login && !login->refresh_token.n && now >= login->expires_ms)
		return arena_printf(a, "login ended %.*s", STR_ARG(login_when(a, login->expires_ms, now)));
	if (login)
		return login->name.n ? arena_printf(a, "logged in: %.*s", STR_ARG(login->name)) : S("logged in");
	if (backend)
		return S("backend service");
	return app ? S("nobody is logged in") : S("open, no token");
}

static struct str came_from(const struct config *c, struct arena *a, const struct ehr_config *ehr)
{
	return registry_has(c, ehr) ? registry_path(c, a, ehr->name) : c->file;
}

static void write_keys(struct json_writer *w, const struct ehr_config *ehr)
{
	const struct config_section *section = config_section_find(S("ehrs"));
	for (size_t i = 0; i < section->key_count; i++) {
		const struct config_key *key = &section->keys[i];
		const char *field = (const char *)ehr + key->offset;
		struct str text;
		int64_t number;
		if (key->kind == CONFIG_VENDOR) {
			json_put_member(w, str_from(key->name), str_from(ehr_vendor_name(ehr->vendor)));
		} else if (key->kind == CONFIG_PORT || key->kind == CONFIG_COUNT || key->kind == CONFIG_TIME) {
			memcpy(&number, field, sizeof(number));
			if (!number)
				continue;
			json_key(w, str_from(key->name));
			json_put_i64(w, number);
		} else {
			memcpy(&text, field, sizeof(text));
			json_put_member(w, str_from(key->name), text);
		}
	}
}

/* What was asked of it, and whether it is left alone. */
static void write_state(struct json_writer *w, const struct ehr_budget_state *s)
{
	char text[CLOCK_INSTANT_SIZE];
	int64_t now = clock_now_ms();
	if (s->last_ms) {
		clock_format_instant(s->last_ms, text);
		json_put_member(w, S("lastUse"), str_make(text, sizeof(text)));
		json_key(w, S("requestsToday"));
		json_put_i64(w, s->day == now / 86400000 ? s->today : 0);
	}
	if (!s->open_until_ms && s->quiet_until_ms <= now)
		return;
	json_put_member(w, S("leftAlone"),
			s->open_until_ms ? S("it failed too often in a row") : S("it asked for a pause"));
}

void ehr_write(struct json_writer *w, const struct config *c, struct arena *a, const struct ehr_config *ehr,
	       const struct ehr_login *login, const struct ehr_budget_state *state)
{
	json_object_begin(w);
	write_keys(w, ehr);
	json_put_member(w, S("access"), ehr_access(a, ehr, login));
	json_key(w, S("loggedIn"));
	json_put_bool(w, login && !login->ended.n && (login->refresh_token.n || clock_now_ms() < login->expires_ms));
	json_put_member(w, S("from"), came_from(c, a, ehr));
	if (state)
		write_state(w, state);
	json_object_end(w);
}

/* The login at an EHR; *ret_login stays NULL when there is none. */
static bool find_login(struct login_command *c, const struct ehr_config *ehr, struct ehr_login *space,
		       const struct ehr_login **ret_login, struct error *err)
{
	bool found;
	*ret_login = NULL;
	if (!ehr_logins_get(c->place.logins, &c->app->arena, ehr->name, space, &found, err))
		return false;
	if (found)
		*ret_login = space;
	return true;
}

static int width_of(size_t longest, int least)
{
	return (int)longest > least ? (int)longest : least;
}

static bool list(struct login_command *c, struct buf *out, struct error *err)
{
	struct arena *a = &c->app->arena;
	struct json_writer w = json_writer(out);
	size_t longest = 0;
	for (size_t i = 0; i < c->config.ehr_count; i++)
		longest = c->config.ehrs[i].name.n > longest ? c->config.ehrs[i].name.n : longest;
	if (!c->app->json && c->config.ehr_count)
		printf("%s%-*s %-8s %-26s %-16s %-36s %s%s\n", app_style(c->app, STYLE_BOLD), width_of(longest, 8),
		       "NAME", "VENDOR", "ACCESS", "LAST USE", "CLIENT", "URL", app_style(c->app, STYLE_PLAIN));
	json_object_begin(&w);
	json_key(&w, S("ehrs"));
	json_array_begin(&w);
	for (size_t i = 0; i < c->config.ehr_count; i++) {
		const struct ehr_config *ehr = &c->config.ehrs[i];
		const struct ehr_login *login;
		struct ehr_login space;
		if (!find_login(c, ehr, &space, &login, err))
			return false;
		struct ehr_budget_state state;
		if (!ehr_budgets_state(c->place.budgets, ehr->name, &state, err))
			return false;
		if (c->app->json) {
			ehr_write(&w, &c->config, a, ehr, login, &state);
			continue;
		}
		struct str last = state.last_ms ? login_when(a, state.last_ms, clock_now_ms()) : S("never");
		struct str access = str_slice(ehr_access(a, ehr, login), 0, 26);
		struct str client = ehr->client_id.n	     ? ehr->client_id
				    : ehr->login_client_id.n ? ehr->login_client_id
							     : S("-");
		printf("%-*.*s %-8s %-26.*s %-16.*s %-36.*s %.*s\n", width_of(longest, 8), STR_ARG(ehr->name),
		       ehr_vendor_name(ehr->vendor), STR_ARG(access), STR_ARG(last), STR_ARG(str_slice(client, 0, 36)),
		       STR_ARG(ehr->base_url));
	}
	json_array_end(&w);
	json_object_end(&w);
	buf_char(out, '\n');
	if (!c->app->json && !c->config.ehr_count)
		puts("no EHRs: firth ehr add NAME --url URL makes one");
	return buf_ok(out) || error_memory(err);
}

int command_ehr_list(struct app *app)
{
	struct login_command c = {0};
	struct error err = {0};
	struct buf out;
	if (!login_command_begin(&c, app, NULL, 0, 0, NULL, "Those of firth.yaml and those that firth ehr add keeps."))
		return app->status;
	buf_init(&out, 64 << 20);
	int status = list(&c, &out, &err) ? APP_OK : app_fail(app, &err);
	if (status == APP_OK && app->json && !app_write(app, buf_str(&out)))
		status = APP_FAILED;
	buf_done(&out);
	login_command_end(&c);
	return status;
}

static int show(struct login_command *c, const struct ehr_login *login)
{
	struct app *app = c->app;
	struct buf out;
	struct error err = {0};
	buf_init(&out, 1 << 20);
	struct json_writer w = json_writer(&out);
	struct ehr_budget_state state;
	bool known = ehr_budgets_state(c->place.budgets, c->ehr->name, &state, &err);
	ehr_write(&w, &c->config, &app->arena, c->ehr, login, known ? &state : NULL);
	buf_char(&out, '\n');
	bool ok = buf_ok(&out);
	if (ok && app->json) {
		ok = app_write(app, buf_str(&out));
	} else if (ok) {
		const struct json *all = json_parse(&app->arena, buf_str(&out), 0, &err);
		printf("%s%.*s%s\n", app_style(app, STYLE_BOLD), STR_ARG(c->ehr->name), app_style(app, STYLE_PLAIN));
		for (struct json_iter it = json_iter(all); json_next(&it);) {
			struct str text = json_str(it.value).p ? json_str(it.value) : json_number(it.value);
			if (it.key.p && text.n && !str_is(it.key, "name"))
				printf("  %-18.*s %.*s\n", STR_ARG(it.key), STR_ARG(text));
		}
	}
	buf_done(&out);
	return ok ? APP_OK : APP_FAILED;
}

int command_ehr_show(struct app *app)
{
	struct login_command c = {0};
	struct error err = {0};
	const struct ehr_login *login;
	struct ehr_login space;
	if (!login_command_begin(&c, app, NULL, 0, 1, "EHR", NULL))
		return app->status;
	int status = find_login(&c, c.ehr, &space, &login, &err) ? show(&c, login) : app_fail(app, &err);
	login_command_end(&c);
	return status;
}
