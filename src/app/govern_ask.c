/*
 * Where a governing command is carried out: in this process when it can open the store, which it can with PostgreSQL
 * and with a SQLite store that nobody else writes; otherwise by the server that holds it.
 */
#include "app/db.h"
#include "app/operator.h"
#include "fhir/definitions.h"

bool govern_finish(struct app *app, struct govern_command *c)
{
	if (!config_finish(app, &c->config, &c->shared))
		return false;
	if (!c->tenant.p || store_tenant_name_valid(c->tenant))
		return true;
	app->status = app_misuse(app, "a tenant's name is 1 to 40 of a-z, 0-9 and -, not - at either end");
	return false;
}

static struct str base_url(struct arena *a, const struct config *config)
{
	return config->base_url.p ? config->base_url
				  : arena_printf(a, "http://%.*s:%lld", STR_ARG(config->host), (long long)config->port);
}

static bool check_tenant(const struct govern_command *c, struct error *err)
{
	bool there = true;
	if (c->tenant.p && !store_tenant_exists(config_store(&c->config), c->tenant, &there, err))
		return false;
	return there || error_set(err, ERR_NOT_FOUND, "There is no tenant %.*s", STR_ARG(c->tenant));
}

/* In this process. */
static bool run_here(struct app *app, const struct govern_command *c, struct store *store, const struct json *command,
		     struct buf *out, struct error *err)
{
	const struct service_options service = {
		.config = &c->config, .definitions = definitions_builtin(), .store = store};
	const struct realm outside = {
		.store = store, .tenant = c->tenant, .base_url = base_url(&app->arena, &c->config)};
	struct realm realm;
	if (!realm_open_part(&realm, &outside, &service, err))
		return false;
	const struct govern g = {.realm = &realm};
	bool ok = govern_run(&g, &app->arena, command, out, err);
	realm_close(&realm);
	return ok;
}

static struct str with_tenant(struct app *app, const struct govern_command *c, struct str command)
{
	if (!c->tenant.p)
		return command;
	return arena_printf(&app->arena, "{\"tenant\":\"%.*s\",%.*s", STR_ARG(c->tenant),
			    STR_ARG(str_slice(command, 1, command.n)));
}

/* The SQLite store of the root is held by a server for all of its tenants, so whoever has it is alone. */
static bool open_stores(const struct govern_command *c, struct store **ret_root, struct store **ret_store,
			struct error *err)
{
	const struct store_options root = {.definitions = definitions_builtin()};
	const struct store_options options = {.definitions = definitions_builtin(), .tenant = c->tenant};
	*ret_root = *ret_store = NULL;
	if (c->tenant.p && !db_is_postgres(&c->config)) {
		*ret_root = store_open(config_store(&c->config), &root, err);
		if (!*ret_root)
			return false;
	}
	*ret_store = store_open(config_store(&c->config), &options, err);
	if (!*ret_store && *ret_root)
		store_close(*ret_root);
	return *ret_store != NULL;
}

static bool ask_server(struct app *app, const struct govern_command *c, struct str command,
		       const struct json **ret_answer, const struct error *held, struct error *err)
{
	bool asked;
	if (operator_call(&app->arena, &c->config, with_tenant(app, c, command), &asked, ret_answer, err))
		return true;
	if (asked)
		return false;
	/* A process without a door, such as an import. */
	error_clear(err);
	return error_set(err, held->code, "%s", held->text);
}

bool govern_ask(struct app *app, const struct govern_command *c, struct str command, const struct json **ret_answer,
		struct error *err)
{
	struct error held = {0};
	struct store *root, *store;
	struct buf out;
	if (!check_tenant(c, err))
		return false;
	if (!open_stores(c, &root, &store, &held))
		return held.code == ERR_BUSY && !db_is_postgres(&c->config)
			       ? ask_server(app, c, command, ret_answer, &held, err)
			       : error_set(err, held.code, "%s", held.text);
	buf_init(&out, (size_t)64 << 20);
	const struct json *parsed = json_parse(&app->arena, command, 0, err);
	bool ok = parsed && run_here(app, c, store, parsed, &out, err);
	store_close(store);
	if (root)
		store_close(root);
	*ret_answer = ok ? json_parse(&app->arena, buf_str(&out), 0, err) : NULL;
	buf_done(&out);
	return ok && *ret_answer;
}

bool govern_print(const struct app *app, const struct json *answer)
{
	struct buf out;
	buf_init(&out, (size_t)64 << 20);
	struct json_writer w = json_writer(&out);
	json_put_value(&w, answer);
	buf_char(&out, '\n');
	bool ok = buf_ok(&out) && app_write(app, buf_str(&out));
	buf_done(&out);
	return ok;
}

struct json_writer govern_begin(struct buf *command, size_t most, const char *action)
{
	buf_init(command, most);
	struct json_writer w = json_writer(command);
	json_object_begin(&w);
	json_put_member(&w, S("do"), str_from(action));
	return w;
}

const struct json *govern_send(struct app *app, const struct govern_command *c, struct buf *command)
{
	const struct json *answer = NULL;
	struct error err = {0};
	buf_char(command, '}');
	bool ok = buf_ok(command) ? govern_ask(app, c, buf_str(command), &answer, &err) : error_memory(&err);
	buf_done(command);
	if (!ok)
		app->status = app_fail(app, &err);
	return ok ? answer : NULL;
}
