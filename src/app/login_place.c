/* See login.h. */
#include <stdio.h>
#include <unistd.h>

#include "app/db.h"
#include "app/login.h"
#include "app/secrets.h"

enum { OPTIONS_MAX = 24 };

static bool open_logins(struct login_place *p, struct app *app, const struct config *config, struct error *err)
{
	struct ehr_logins_options options = {.vault = p->vault};
	if (db_is_postgres(config)) {
		options.store = p->store;
		options.shelf = S("ehr-login");
	} else {
		options.directory = arena_printf(&app->arena, "%.*s/logins", STR_ARG(config->data));
		if (!options.directory.p)
			return error_memory(err);
	}
	p->logins = ehr_logins_open(&options, err);
	return p->logins != NULL;
}

struct ehr_budgets *login_budgets_open(struct app *app, const struct config *config, struct store *store,
				       struct error *err)
{
	struct ehr_budgets_options options = {.store = db_is_postgres(config) ? store : NULL};
	if (!options.store)
		options.directory = arena_printf(&app->arena, "%.*s/ehrs", STR_ARG(config->data));
	if (options.store || options.directory.p)
		return ehr_budgets_open(&options, err);
	error_memory(err);
	return NULL;
}

/* A server that has the SQLite store open does not keep people from logging in: it writes the records. Any other
 * process that has it cannot be asked, and they are told that the trail has none. */
static bool open_audit(struct login_place *p, const struct config *config, struct error *err)
{
	struct error why = {0};
	p->store =
		store_open(config_store(config), &(struct store_options){.definitions = definitions_builtin()}, &why);
	if (p->store)
		return true;
	if (why.code != ERR_BUSY || db_is_postgres(config))
		return error_set(err, why.code, "%s", why.text);
	struct arena a;
	arena_init(&a, 64 << 10);
	struct str door = arena_printf(&a, "%.*s/operator.json", STR_ARG(config->data));
	if (door.p && access(door.p, F_OK) == 0)
		p->trail.config = config;
	arena_done(&a);
	if (!p->trail.config)
		fprintf(stderr,
			"note: another process has the store open, so this goes without a record in its audit trail\n");
	return true;
}

bool login_place_over(struct login_place *p, struct app *app, const struct config *config, struct store *store,
		      struct error *err)
{
	*p = (struct login_place){.store = store, .borrowed = true};
	p->vault = secrets_open(config, err);
	p->budgets = login_budgets_open(app, config, store, err);
	if (p->vault && p->budgets && open_logins(p, app, config, err))
		return true;
	login_place_close(p);
	return false;
}

bool login_place_open(struct login_place *p, struct app *app, const struct config *config, struct error *err)
{
	*p = (struct login_place){0};
	if (!open_audit(p, config, err))
		return false;
	struct store *store = p->store; /* NULL: beside a server */
	const struct trail trail = p->trail;
	if (login_place_over(p, app, config, store, err)) {
		p->trail = trail;
		p->borrowed = false;
		return true;
	}
	if (store)
		store_close(store);
	return false;
}

void login_place_close(struct login_place *p)
{
	ehr_logins_close(p->logins);
	ehr_budgets_close(p->budgets);
	if (p->store && !p->borrowed)
		store_close(p->store);
	if (p->vault)
		vault_close(p->vault);
	*p = (struct login_place){0};
}

const struct ehr_config *login_ehr_find(const struct config *config, struct str name)
{
	for (size_t i = 0; i < config->ehr_count; i++)
		if (str_eq(config->ehrs[i].name, name))
			return &config->ehrs[i];
	return NULL;
}

bool login_record_begin(struct login_command *c, struct error *err)
{
	if (!c->record_path.n || c->transport)
		return true;
	c->record = record_open(&(struct record_options){.path = c->record_path,
							 .unmasked = c->unmasked,
							 .definitions = definitions_builtin()},
				err);
	struct http_client_options http = {0};
	if (c->ehr)
		http.tls = ehr_tls(c->ehr);
	c->transport = c->record ? record_transport_new(c->record, &http, err) : NULL;
	return c->transport != NULL;
}

static void record_end(struct login_command *c)
{
	record_transport_free(c->transport);
	record_close(c->record);
	c->transport = NULL;
	c->record = NULL;
}

bool login_command_open(struct login_command *c, struct error *err)
{
	struct app *app = c->app;
	struct str name = c->named.p ? c->named : app->args[0];
	c->ehr = login_ehr_find(&c->config, name);
	if (!c->ehr && (str_starts(name, S("http://")) || str_starts(name, S("https://")))) {
		c->by_url =
			(struct ehr_config){.name = S("server"),
					    .vendor = EHR_GENERIC,
					    .base_url = str_ends(name, S("/")) ? str_slice(name, 0, name.n - 1) : name};
		c->ehr = &c->by_url;
	}
	if (!c->ehr)
		return error_set(err, ERR_USAGE,
				 c->config.ehr_count
					 ? "no EHR named '%.*s' is known; firth ehr list names those that are"
					 : "no EHR is known, so none is named '%.*s'; firth ehr add "
					   "makes one",
				 STR_ARG(str_slice(name, 0, 40)));
	if (!login_place_open(&c->place, app, &c->config, err))
		return false;
	if (!login_record_begin(c, err))
		return false;
	const struct ehr_client_options options = {.definitions = definitions_builtin(),
						   .audit = c->place.store,
						   .record = c->place.trail.config ? trail_record_by_server : NULL,
						   .record_ctx = &c->place.trail,
						   .logins = c->place.logins,
						   .budgets = c->ehr == &c->by_url ? NULL : c->place.budgets,
						   .transport = c->transport ? record_transport(c->transport) : NULL};
	c->client = ehr_open(c->ehr, &options, err);
	return c->client != NULL;
}

bool login_command_begin(struct login_command *c, struct app *app, const struct option *more, size_t more_count,
			 size_t args, const char *arguments, const char *details)
{
	struct error err = {0};
	c->app = app;
	if (!config_open(app, &c->config))
		return false;
	struct option options[OPTIONS_MAX] = {
		CONFIG_OPTIONS(c->shared, c->config),
	};
	const struct option record[] = {LOGIN_RECORD_OPTIONS(*c)};
	size_t count = 0;
	while (options[count].name)
		count++;
	for (size_t i = 0; i < more_count && count < OPTIONS_MAX; i++)
		options[count++] = more[i];
	for (size_t i = 0; args && i < 2 && count < OPTIONS_MAX; i++) /* without arguments no EHR is called */
		options[count++] = record[i];
	const struct command_line line = {.options = options,
					  .option_count = count,
					  .arguments = arguments,
					  .min_args = args,
					  .max_args = args,
					  .details = details};
	if (!app_options(app, &line) || !config_finish(app, &c->config, &c->shared))
		return false;
	if (args ? login_command_open(c, &err) : login_place_open(&c->place, app, &c->config, &err))
		return true;
	app->status = app_fail(app, &err);
	login_command_end(c);
	return false;
}

void login_command_pause(struct login_command *c)
{
	ehr_close(c->client);
	c->client = NULL;
	login_place_close(&c->place);
}

void login_command_end(struct login_command *c)
{
	login_command_pause(c);
	record_end(c);
}

bool login_load(struct login_command *c, struct ehr_login *ret_login)
{
	struct error err = {0};
	bool found;
	if (ehr_logins_get(c->place.logins, &c->app->arena, c->ehr->name, ret_login, &found, &err) && found)
		return true;
	if (err.code == ERR_NONE)
		error_set(&err, ERR_NOT_FOUND, "nobody is logged in at %.*s; firth login %.*s does that",
			  STR_ARG(c->ehr->name), STR_ARG(c->ehr->name));
	c->app->status = app_fail(c->app, &err);
	return false;
}
