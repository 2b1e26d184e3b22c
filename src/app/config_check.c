/*
 * firth config check: reads the configuration as serve and pipeline would, opens the files it names, and shows what
 * holds in the end, so that mistakes are found before anything is started.
 */
#include <inttypes.h>
#include <stdio.h>

#include "app/config.h"
#include "base/file.h"
#include "base/origin.h"
#include "jose/jose.h"

static bool check_ehr_files(struct app *app, const struct ehr_config *ehr, struct error *err)
{
	struct str text;
	if (ehr->key_file.p) {
		if (!file_read(&app->arena, ehr->key_file, 64 * 1024, &text, err))
			return error_context(err, "ehr %.*s", STR_ARG(ehr->name));
		struct jose_key *key = jose_key_parse(text, err);
		if (!key)
			return error_context(err, "ehr %.*s, %.*s", STR_ARG(ehr->name), STR_ARG(ehr->key_file));
		jose_key_free(key);
	}
	if (ehr->roster.p && !file_read(&app->arena, ehr->roster, 64 << 20, &text, err))
		return error_context(err, "ehr %.*s", STR_ARG(ehr->name));
	return true;
}

static void print_rule(const struct admission_rule *rule)
{
	static const char *const levels[] = {"off", "structure", "R4 in full"};
	printf("  validation   %.*s: %s%s", STR_ARG(rule->type), levels[rule->level],
	       rule->declared ? ", declared profiles" : "");
	for (size_t i = 0; i < rule->profile_count; i++)
		printf(", %.*s", STR_ARG(rule->profiles[i]));
	printf("\n");
}

/* Only what differs from the default: the rest is in the documentation. */
static void print_limits(struct app *app, const struct config *c)
{
	for (size_t i = 0; i < limit_count; i++) {
		const struct limit *limit = &limit_table[i];
		int64_t value = limit_value(&c->limits, limit);
		if (value != limit->standard)
			printf("  limit        %s: %.*s (default %.*s)\n", limit->name,
			       STR_ARG(limit_text(&app->arena, limit->kind, value)),
			       STR_ARG(limit_text(&app->arena, limit->kind, limit->standard)));
	}
}

static void print_text(struct app *app, const struct config *c)
{
	printf("%sconfiguration%s  %.*s\n", app_style(app, STYLE_BOLD), app_style(app, STYLE_PLAIN),
	       STR_ARG(c->file.p ? c->file : S("none; built-in defaults")));
	printf("  listens on   %.*s port %" PRId64 "%s\n", STR_ARG(c->host), c->port,
	       host_is_loopback(c->host) ? " (this machine only)" : "");
	printf("  store        %.*s\n", STR_ARG(config_store_shown(c, &app->arena)));
	printf("  auth         %s\n", c->auth ? "on" : "off: everyone on this machine may read and write everything");
	if (c->packages.n)
		printf("  packages     %.*s\n", STR_ARG(c->packages));
	for (size_t i = 0; i < c->rule_count; i++)
		print_rule(&c->rules[i]);
	if (c->cds.enabled)
		printf("  cds          on, %s; no pharmacist and no physician has reviewed the rules on drugs\n",
		       c->cds_client_count ? "for EHRs with a JWT" : "for anybody who reaches it");
	for (size_t i = 0; i < c->cds_client_count; i++)
		printf("  cds client   %.*s\n", STR_ARG(c->cds_clients[i].iss));
	for (size_t i = 0; i < c->client_count; i++)
		printf("  client       %.*s  %.*s\n", STR_ARG(c->clients[i].client.client_id),
		       STR_ARG(c->clients[i].client.scope));
	for (size_t i = 0; i < c->policy_count; i++)
		printf("  policy       %.*s  %.*s\n",
		       STR_ARG(c->policy[i].effect.p ? c->policy[i].effect : S("permit")), STR_ARG(c->policy[i].name));
	for (size_t i = 0; i < c->ehr_count; i++)
		printf("  ehr          %.*s  %s  %.*s\n", STR_ARG(c->ehrs[i].name), ehr_vendor_name(c->ehrs[i].vendor),
		       STR_ARG(c->ehrs[i].base_url));
}

static bool print_json(struct app *app, const struct config *c)
{
	struct buf out;
	buf_init(&out, 1 << 20);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	json_put_member(&w, S("file"), c->file);
	json_put_member(&w, S("host"), c->host);
	json_key(&w, S("port"));
	json_put_i64(&w, c->port);
	json_put_member(&w, S("data"), c->data);
	if (c->db.n)
		json_put_member(&w, S("db"), config_store_shown(c, &app->arena));
	json_put_member(&w, S("base_url"), c->base_url);
	json_key(&w, S("auth"));
	json_put_bool(&w, c->auth);
	json_key(&w, S("clients"));
	json_array_begin(&w);
	for (size_t i = 0; i < c->client_count; i++)
		json_put_str(&w, c->clients[i].client.client_id);
	json_array_end(&w);
	json_key(&w, S("ehrs"));
	json_array_begin(&w);
	for (size_t i = 0; i < c->ehr_count; i++) {
		json_object_begin(&w);
		json_put_member(&w, S("name"), c->ehrs[i].name);
		json_put_member(&w, S("vendor"), str_from(ehr_vendor_name(c->ehrs[i].vendor)));
		json_put_member(&w, S("base_url"), c->ehrs[i].base_url);
		json_object_end(&w);
	}
	json_array_end(&w);
	json_key(&w, S("limits"));
	json_object_begin(&w);
	for (size_t i = 0; i < limit_count; i++) {
		json_key(&w, str_from(limit_table[i].name));
		json_put_i64(&w, limit_value(&c->limits, &limit_table[i]));
	}
	json_object_end(&w);
	json_object_end(&w);
	buf_char(&out, '\n');
	bool ok = buf_ok(&out) && app_write(app, buf_str(&out));
	buf_done(&out);
	return ok;
}

/* The rules as a server would read them. */
static bool check_policy(const struct config *c, struct error *err)
{
	const struct access_options options = {.definitions = definitions_builtin(),
					       .rules = c->policy,
					       .rule_count = c->policy_count,
					       .break_glass = c->break_glass,
					       .consent = c->consent};
	struct access *access = access_open(&options, err);
	access_close(access);
	return access != NULL;
}

int command_config_check(struct app *app)
{
	struct config config;
	struct config_options shared = {0};
	struct error err = {0};
	if (!config_open(app, &config))
		return app->status;
	const struct option options[] = {CONFIG_OPTIONS(shared, config)};
	if (!app_options(app, &(struct command_line){OPTIONS(options)}) || !config_finish(app, &config, &shared))
		return app->status;
	for (size_t i = 0; i < config.ehr_count; i++) {
		if (!check_ehr_files(app, &config.ehrs[i], &err))
			return app_fail(app, &err);
	}
	if (!check_policy(&config, &err))
		return app_fail(app, &err);
	if (app->json)
		return print_json(app, &config) ? APP_OK : APP_FAILED;
	print_text(app, &config);
	print_limits(app, &config);
	return APP_OK;
}
