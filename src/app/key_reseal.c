/*
 * firth key reseal: a new sealing key, and everything sealed with it, of every tenant. The keys from before stay in the
 * file, since other processes may still use them; --drop-old takes them out once nothing is sealed with them.
 */
#include <stdio.h>

#include "app/db.h"
#include "app/govern.h"
#include "app/reseal.h"
#include "app/secrets.h"

enum { MOST_TENANTS = 100000 };

struct resealing {
	struct app *app;
	struct govern_command c;
	bool drop_old;
	struct str path;
	size_t facts, logins, dropped;
};

static bool reseal_realm(struct resealing *r, struct str tenant, struct error *err)
{
	struct govern_command c = r->c;
	struct buf command;
	const struct json *answer;
	int64_t count = 0;
	c.tenant = tenant;
	struct json_writer w = govern_begin(&command, 4096, "key.reseal");
	json_object_end(&w);
	bool ok = (buf_ok(&command) || error_memory(err)) && govern_ask(r->app, &c, buf_str(&command), &answer, err);
	buf_done(&command);
	if (!ok)
		return tenant.p ? error_context(err, "tenant %.*s", STR_ARG(tenant)) : false;
	(void)!str_to_i64(json_number(json_get(answer, S("resealed"))), &count);
	r->facts += (size_t)count;
	return true;
}

static bool reseal_all(struct resealing *r, struct error *err)
{
	struct str *names;
	size_t count;
	if (!reseal_realm(r, STR_NULL, err) ||
	    !store_tenant_list(config_store(&r->c.config), &r->app->arena, &names, &count, err))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!reseal_realm(r, names[i], err))
			return false;
	struct vault *v = secrets_open(&r->c.config, err);
	bool ok = v && reseal_logins(&r->c.config, v, &r->logins, err);
	vault_close(v);
	return ok;
}

static bool run(struct resealing *r, struct error *err)
{
	char id[VAULT_KEY_ID_SIZE];
	r->path = secrets_path(&r->app->arena, &r->c.config);
	if (!r->path.p)
		return error_memory(err);
	if (!r->drop_old && !vault_rotate(r->path, id, err))
		return false;
	return reseal_all(r, err) && (!r->drop_old || vault_drop_old(r->path, &r->dropped, err));
}

static bool print(const struct resealing *r)
{
	const struct db_figure figures[] = {
		{"secrets", (int64_t)r->facts}, {"logins", (int64_t)r->logins}, {"dropped", (int64_t)r->dropped}};
	if (r->app->json)
		return db_write_figures(r->app, figures, sizeof(figures) / sizeof(figures[0]));
	printf("sealed again: %zu secrets of the store, %zu logins at EHRs\n", r->facts, r->logins);
	if (r->drop_old)
		printf("dropped: %zu older keys of %.*s\n", r->dropped, STR_ARG(r->path));
	else
		printf("the keys from before are still in %.*s; firth key reseal --drop-old takes them out\n",
		       STR_ARG(r->path));
	return true;
}

int command_key_reseal(struct app *app)
{
	struct resealing r = {.app = app};
	struct error err = {0};
	if (!config_open(app, &r.c.config))
		return app->status;
	const struct option options[] = {
		CONFIG_OPTIONS(r.c.shared, r.c.config),
		{"drop-old", OPTION_FLAG, NULL, "no new key: seal what is left with the first, and drop the others",
		 &r.drop_old},
	};
	const struct command_line line = {
		OPTIONS(options),
		.details =
			"A new key is written on top of the file of sealing keys (seal_key_file, DATA/seal.key), and "
			"the\n"
			"private halves of this server's keys, the secrets of one-time codes and the logins at EHRs "
			"are\n"
			"sealed with it, of the root and of every tenant. Servers go on meanwhile: they read the file\n"
			"again when they meet a key that they do not know. Processes on other machines need the new "
			"file\n"
			"first. Wait half an hour before --drop-old, so that logins under way are over."};
	if (!app_options(app, &line) || !govern_finish(app, &r.c))
		return app->status;
	if (!run(&r, &err))
		return app_fail(app, &err);
	return print(&r) ? APP_OK : APP_FAILED;
}
