/* firth tenant add|list|show|remove: the tenants of a server, each with a store of its own. */
#include <inttypes.h>
#include <stdio.h>

#include "app/config.h"
#include "fhir/definitions.h"
#include "store/store.h"

struct tenant_command {
	struct config config;
	struct config_options shared;
	struct store_options store;
};

/* Options and configuration that all of them share. False with app->status. */
static bool begin(struct app *app, struct tenant_command *t, const struct option *more, size_t more_count, size_t args,
		  const char *details)
{
	if (!config_open(app, &t->config))
		return false;
	const struct option shared[] = {CONFIG_OPTIONS(t->shared, t->config)};
	struct option options[8];
	size_t count = 0;
	for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++)
		options[count++] = shared[i];
	for (size_t i = 0; i < more_count; i++)
		options[count++] = more[i];
	const struct command_line line = {.options = options,
					  .option_count = count,
					  .arguments = args ? "NAME" : NULL,
					  .min_args = args,
					  .max_args = args,
					  .details = details};
	if (!app_options(app, &line) || !config_finish(app, &t->config, &t->shared))
		return false;
	t->store = (struct store_options){.definitions = definitions_builtin()};
	if (!args)
		return true;
	t->store.tenant = app->args[0];
	if (store_tenant_name_valid(app->args[0]))
		return true;
	app->status = app_misuse(app, "a tenant's name is 1 to 40 of a-z, 0-9 and -, not - at either end");
	return false;
}

static bool exists(struct app *app, const struct tenant_command *t, bool *ret_exists)
{
	struct error err = {0};
	if (store_tenant_exists(config_store(&t->config), app->args[0], ret_exists, &err))
		return true;
	app->status = app_fail(app, &err);
	return false;
}

static bool print_name(struct app *app, const char *what)
{
	if (!app->json)
		return printf("tenant %.*s %s\n", STR_ARG(app->args[0]), what) > 0;
	struct str text =
		arena_printf(&app->arena, "{\"tenant\":\"%.*s\",\"state\":\"%s\"}\n", STR_ARG(app->args[0]), what);
	return text.p && app_write(app, text);
}

int command_tenant_add(struct app *app)
{
	struct tenant_command t = {0};
	struct error err = {0};
	bool there;
	if (!begin(app, &t, NULL, 0, 1,
		   "A tenant is served at /t/NAME/fhir by firth serve --tenants, a running one included. It shares "
		   "nothing with\nothers: it has its own store, ids, audit trail, tokens and page links.") ||
	    !exists(app, &t, &there))
		return app->status;
	if (there) {
		error_set(&err, ERR_CONFLICT, "there is a tenant %.*s already", STR_ARG(app->args[0]));
		return app_fail(app, &err);
	}
	struct store *store = store_open(config_store(&t.config), &t.store, &err);
	if (!store)
		return app_fail(app, &err);
	store_close(store);
	return print_name(app, "added") ? APP_OK : APP_FAILED;
}

int command_tenant_list(struct app *app)
{
	struct tenant_command t = {0};
	struct error err = {0};
	struct str *names;
	size_t count;
	if (!begin(app, &t, NULL, 0, 0, NULL))
		return app->status;
	if (!store_tenant_list(config_store(&t.config), &app->arena, &names, &count, &err))
		return app_fail(app, &err);
	if (app->json)
		printf("{\"tenants\":[");
	for (size_t i = 0; i < count; i++)
		printf(app->json ? "%s\"%.*s\"" : "%s%.*s\n", app->json && i ? "," : "", STR_ARG(names[i]));
	if (app->json)
		puts("]}");
	else if (!count)
		puts("there are no tenants; firth tenant add NAME makes one");
	return APP_OK;
}

static bool print_counts(struct app *app, const struct store_count *counts, size_t count)
{
	int64_t total = 0;
	for (size_t i = 0; i < count; i++)
		total += counts[i].count;
	if (app->json)
		printf("{\"tenant\":\"%.*s\",\"path\":\"/t/%.*s/fhir\",\"resources\":%" PRId64 ",\"by_type\":{",
		       STR_ARG(app->args[0]), STR_ARG(app->args[0]), total);
	else
		printf("tenant %.*s, served at /t/%.*s/fhir: %" PRId64 " resources\n", STR_ARG(app->args[0]),
		       STR_ARG(app->args[0]), total);
	for (size_t i = 0; i < count; i++) {
		if (app->json)
			printf("%s\"%.*s\":%" PRId64, i ? "," : "", STR_ARG(counts[i].type->name), counts[i].count);
		else
			printf("  %-28.*s %10" PRId64 "\n", STR_ARG(counts[i].type->name), counts[i].count);
	}
	if (app->json)
		puts("}}");
	return true;
}

int command_tenant_show(struct app *app)
{
	struct tenant_command t = {0};
	struct error err = {0};
	struct store_count *counts;
	size_t count;
	bool there;
	if (!begin(app, &t, NULL, 0, 1, NULL) || !exists(app, &t, &there))
		return app->status;
	if (!there) {
		error_set(&err, ERR_NOT_FOUND, "there is no tenant %.*s", STR_ARG(app->args[0]));
		return app_fail(app, &err);
	}
	t.store.read_only = true;
	struct store *store = store_open(config_store(&t.config), &t.store, &err);
	bool ok = store && store_counts(store, &app->arena, &counts, &count, &err) && print_counts(app, counts, count);
	if (store)
		store_close(store);
	return ok ? APP_OK : app_fail(app, &err);
}

int command_tenant_remove(struct app *app)
{
	struct tenant_command t = {0};
	struct error err = {0};
	bool force = false;
	const struct option more = {"force", OPTION_FLAG, NULL, "really: everything of the tenant is lost", &force};
	if (!begin(app, &t, &more, 1, 1,
		   "Removes all data of the tenant, its audit trail included. There is no way back."))
		return app->status;
	if (!force)
		return app_misuse(app, "this deletes everything of %.*s for good; say --force if that is meant",
				  STR_ARG(app->args[0]));
	t.store.tenant = STR_NULL;
	if (!store_tenant_remove(config_store(&t.config), app->args[0], &t.store, &err))
		return app_fail(app, &err);
	return print_name(app, "removed") ? APP_OK : APP_FAILED;
}
