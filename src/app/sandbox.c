/*
 * firth sandbox: an EHR on loopback with a vendor's face, filled with synthetic or imported patients when its store is
 * empty, until SIGINT or SIGTERM.
 */
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/app.h"
#include "app/sandbox_hook.h"
#include "app/sandbox_register.h"
#include "app/store_parameters.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "sandbox/sandbox.h"
#include "vault/vault.h"

#define BUNDLE_MAX ((size_t)256 << 20)

#define SANDBOX_PASSWORD "sandbox password"

struct sandbox_command {
	struct app *app;
	enum ehr_vendor vendor;
	int64_t port, patients, seed;
	struct str data, roster, jwks, scope, base_url;
	struct option_list clients, imports, allow_write, behaviours, faults, redirect_uris;
	struct str name, launch_url;
	struct sandbox_hook hook;
	struct option_list prefetch, orders;
	bool no_auth, actors, list, secret;

	const struct definitions *definitions;
	struct store_parameters parameters;
	struct store *store;
	struct sandbox *sandbox;
	struct http_server *server;
	struct str group;
	size_t patient_count;
	atomic_bool ready;
	struct login_user clinician;
};

/* ---- clients ---------------------------------------------------------------------------------------------------- */

static bool is_url(struct str text)
{
	return str_starts(text, S("http://")) || str_starts(text, S("https://"));
}

static bool read_json(struct sandbox_command *c, struct str path, const struct json **ret_json, struct error *err)
{
	struct str text;
	if (!file_read(&c->app->arena, path, (size_t)1 << 20, &text, err))
		return false;
	*ret_json = json_parse(&c->app->arena, text, 0, err);
	return *ret_json ? true : error_context(err, "%.*s", STR_ARG(path));
}

/* --client ID --jwks FILE|URL */
static bool client_by_id(struct sandbox_command *c, struct str id, struct smart_client *client, struct error *err)
{
	*client = (struct smart_client){.client_id = id, .name = id, .scope = c->scope};
	if (!c->jwks.n)
		return error_set(err, ERR_USAGE, "--client %.*s needs --jwks with the client's public keys",
				 STR_ARG(str_slice(id, 0, 80)));
	if (is_url(c->jwks)) {
		client->jwks_url = c->jwks;
		return true;
	}
	return read_json(c, c->jwks, &client->jwks, err);
}

/* What people's apps may have when their file does not say. */
#define PEOPLE_SCOPES                                                                                                  \
	"openid fhirUser profile launch launch/patient launch/encounter online_access offline_access patient/*.cruds " \
	"user/*.cruds"

static struct str words_of(struct sandbox_command *c, const struct json *list)
{
	struct str text = json_str(list);
	for (struct json_iter it = json_iter(json_is(list, JSON_ARRAY) ? list : NULL); json_next(&it);)
		text = text.p ? arena_printf(&c->app->arena, "%.*s %.*s", STR_ARG(text), STR_ARG(json_str(it.value)))
			      : json_str(it.value);
	return text;
}

/* --client FILE: {"client_id", "name", "scope"} with "jwks" or "jwks_url", or for an app of people "redirect_uris",
 * "launch_url", and "secret" when it is confidential by one. */
static bool client_by_file(struct sandbox_command *c, struct str path, struct smart_client *client, struct error *err)
{
	const struct json *j;
	if (!read_json(c, path, &j, err))
		return false;
	struct str secret = json_get_str(j, S("secret"));
	*client = (struct smart_client){.client_id = json_get_str(j, S("client_id")),
					.name = json_get_str(j, S("name")),
					.scope = json_get_str(j, S("scope")),
					.jwks = json_get(j, S("jwks")),
					.jwks_url = json_get_str(j, S("jwks_url")),
					.redirect_uris = words_of(c, json_get(j, S("redirect_uris"))),
					.launch_url = json_get_str(j, S("launch_url")),
					.secret_sha256 = secret.n ? digest_hex(&c->app->arena, secret) : STR_NULL};
	if (!client->client_id.n || (!client->jwks && !client->jwks_url.n && !client->redirect_uris.n))
		return error_set(err, ERR_CONFIG,
				 "%.*s must hold client_id and jwks, jwks_url or, for an app of people, redirect_uris",
				 STR_ARG(path));
	if (client->redirect_uris.n && !client->scope.n)
		client->scope = S(PEOPLE_SCOPES);
	return true;
}

static bool read_clients(struct sandbox_command *c, struct smart_client **ret_clients, struct error *err)
{
	struct smart_client *clients = ARENA_ARRAY(&c->app->arena, struct smart_client, c->clients.count + 1);
	if (!clients)
		return error_memory(err);
	for (size_t i = 0; i < c->clients.count; i++) {
		struct str text = c->clients.items[i];
		bool file = str_ends(text, S(".json")) || str_find_char(text, '/', 0) != STR_NONE;
		if (!(file ? client_by_file : client_by_id)(c, text, &clients[i], err))
			return false;
	}
	*ret_clients = clients;
	return true;
}

/* ---- filling the store ------------------------------------------------------------------------------------------ */

static int64_t stored_resources(struct sandbox_command *c, struct error *err)
{
	struct store_count *counts;
	size_t n;
	int64_t total = 0;
	if (!store_counts(c->store, &c->app->arena, &counts, &n, err))
		return -1;
	for (size_t i = 0; i < n; i++)
		total += counts[i].count;
	return total;
}

static bool load_file(struct sandbox_command *c, struct str path, struct sandbox_loaded *total, struct error *err)
{
	struct arena a;
	struct str text;
	arena_init(&a, BUNDLE_MAX + 4096);
	bool ok = file_read(&a, path, BUNDLE_MAX, &text, err) && sandbox_load(c->sandbox, text, total, err);
	arena_done(&a);
	return ok ? true : error_context(err, "%.*s", STR_ARG(path));
}

/* ---- NDJSON: all files of a directory are one Bundle, since they lead to each other --------------------------------
 */

static bool add_lines(struct sandbox_command *c, struct buf *bundle, struct str path, struct error *err)
{
	struct arena a;
	struct str text;
	arena_init(&a, BUNDLE_MAX + 4096);
	bool ok = file_read(&a, path, BUNDLE_MAX, &text, err);
	struct str rest = ok ? text : STR_NULL;
	(void)c;
	while (rest.p) {
		struct str line = str_trim(str_split(&rest, '\n'));
		if (!line.n)
			continue;
		buf_printf(bundle, "%s{\"resource\":", bundle->p[bundle->n - 1] == '[' ? "" : ",");
		buf_add(bundle, line);
		buf_char(bundle, '}');
	}
	arena_done(&a);
	if (ok && !buf_ok(bundle))
		return error_set(err, ERR_TOO_LARGE, "%.*s: more than 256 MB of NDJSON cannot be loaded at once",
				 STR_ARG(path));
	return ok ? true : error_context(err, "%.*s", STR_ARG(path));
}

static bool load_lines(struct sandbox_command *c, const struct str *paths, size_t count, struct sandbox_loaded *total,
		       struct error *err)
{
	struct buf bundle;
	bool ok = true;
	buf_init(&bundle, BUNDLE_MAX);
	buf_add(&bundle, S("{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":["));
	for (size_t i = 0; ok && i < count; i++)
		ok = add_lines(c, &bundle, paths[i], err);
	buf_add(&bundle, S("]}"));
	ok = ok && sandbox_load(c->sandbox, buf_str(&bundle), total, err);
	buf_done(&bundle);
	return ok;
}

static int is_lines(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && str_ends(str_from(entry->d_name), S(".ndjson"));
}

static bool load_lines_of(struct sandbox_command *c, struct str path, struct sandbox_loaded *total, struct error *err)
{
	struct dirent **entries;
	int n = scandir(path.p, &entries, is_lines, alphasort);
	if (n < 0)
		return error_set(err, ERR_IO, "%.*s cannot be read as a directory", STR_ARG(path));
	struct str *paths = ARENA_ARRAY(&c->app->arena, struct str, (size_t)n + 1);
	bool ok = paths ? true : error_memory(err);
	for (int i = 0; i < n; i++) {
		if (paths)
			paths[i] = arena_printf(&c->app->arena, "%.*s/%s", STR_ARG(path), entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return ok && (!n || load_lines(c, paths, (size_t)n, total, err));
}

static int is_bundle(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && str_ends(str_from(entry->d_name), S(".json"));
}

static bool load_directory(struct sandbox_command *c, struct str path, struct sandbox_loaded *total, struct error *err)
{
	struct dirent **entries;
	bool ok = true;
	int n = scandir(path.p, &entries, is_bundle, alphasort);
	if (n < 0)
		return error_set(err, ERR_IO, "%.*s cannot be read as a directory", STR_ARG(path));
	for (int i = 0; i < n; i++) {
		if (ok)
			ok = load_file(c, arena_printf(&c->app->arena, "%.*s/%s", STR_ARG(path), entries[i]->d_name),
				       total, err);
		free(entries[i]);
	}
	free(entries);
	return ok && load_lines_of(c, path, total, err);
}

static bool load_imports(struct sandbox_command *c, struct sandbox_loaded *total, struct error *err)
{
	for (size_t i = 0; i < c->imports.count; i++) {
		struct stat st;
		struct str path = arena_str(&c->app->arena, c->imports.items[i]);
		if (!path.p || stat(path.p, &st) != 0)
			return error_set(err, ERR_NOT_FOUND, "There is no %.*s", STR_ARG(c->imports.items[i]));
		bool ok = S_ISDIR(st.st_mode)		 ? load_directory(c, path, total, err)
			  : str_ends(path, S(".ndjson")) ? load_lines(c, &path, 1, total, err)
							 : load_file(c, path, total, err);
		if (!ok)
			return false;
	}
	return true;
}

static bool write_roster(struct sandbox_command *c, const struct sandbox_loaded *total, struct error *err)
{
	struct buf out;
	buf_init(&out, (size_t)64 << 20);
	for (size_t i = 0; i < total->patient_count; i++) {
		buf_add(&out, total->patients[i]);
		buf_char(&out, '\n');
	}
	bool ok = buf_ok(&out) ? file_write(c->roster, buf_str(&out), 0600, err) : error_memory(err);
	buf_done(&out);
	return ok;
}

static bool fill(struct sandbox_command *c, struct error *err)
{
	struct sandbox_loaded total;
	struct synthetic_options synthetic = {.seed = (uint64_t)c->seed,
					      .patients = (unsigned)c->patients,
					      .today_ms = clock_now_ms(),
					      .actors = c->actors ? c->vendor : EHR_GENERIC};
	sandbox_loaded_init(&total);
	bool ok = c->imports.count ? load_imports(c, &total, err)
				   : sandbox_load_synthetic(c->sandbox, &synthetic, &total, err);
	ok = ok && sandbox_load_group(c->sandbox, &total, err) && write_roster(c, &total, err);
	c->patient_count = total.patient_count;
	if (ok)
		log_event(LOG_INFO, "loaded", {"patients", .number = (int64_t)total.patient_count},
			  {"resources", .number = (int64_t)total.resources},
			  {"type_unknown_to_vendor", .number = (int64_t)total.skipped});
	if (ok && total.rejected)
		log_event(LOG_WARN, "rejected", {"resources", .number = (int64_t)total.rejected},
			  {"first", .text = str_from(total.first_rejection.text)},
			  {"path", .text = str_from(total.first_rejection.path)});
	sandbox_loaded_done(&total);
	return ok;
}

/* A store from before keeps its patients; the roster beside it says who they are. */
static bool fill_when_empty(struct sandbox_command *c, struct error *err)
{
	struct str text;
	int64_t stored = stored_resources(c, err);
	if (stored < 0)
		return false;
	if (stored == 0)
		return fill(c, err);
	if (file_read(&c->app->arena, c->roster, (size_t)64 << 20, &text, NULL)) {
		for (size_t i = 0; i < text.n; i++)
			c->patient_count += text.p[i] == '\n';
	}
	return true;
}

/* ---- serving ---------------------------------------------------------------------------------------------------- */

static void announce(struct sandbox_command *c)
{
	struct str base = sandbox_fhir_base(c->sandbox), token = sandbox_token_url(c->sandbox);
	log_event(LOG_INFO, "listening", {"vendor", .text = str_from(ehr_vendor_name(c->vendor))},
		  {"base", .text = base}, {"token", .text = token}, {"roster", .text = c->roster},
		  {"group", .text = c->group}, {"patients", .number = (int64_t)c->patient_count});
	if (c->app->json || !isatty(STDERR_FILENO))
		return;
	fprintf(stderr,
		"The %s sandbox listens. It is not the vendor's product; its patients are not real.\n"
		"  FHIR     %.*s\n  tokens   %.*s\n  roster   %.*s (%zu patients)\n",
		ehr_vendor_name(c->vendor), STR_ARG(base), STR_ARG(token), STR_ARG(c->roster), c->patient_count);
	if (!c->no_auth)
		fprintf(stderr, "  launches %.*s/launcher (sign in as clinician, password " SANDBOX_PASSWORD ")\n",
			STR_ARG(c->base_url));
	if (c->vendor == EHR_CERNER)
		fprintf(stderr, "  hosts    also below /open (no token) and /myrecord (patients), or by their names\n");
	if (c->no_auth)
		fprintf(stderr, "  Authorization is off: everyone on this machine may read and write.\n");
	else if (!c->clients.count)
		fprintf(stderr, "  No client is registered: restart with --client ID --jwks FILE, or --no-auth.\n");
	if (!c->allow_write.count)
		fprintf(stderr, "  Flag is refused, as the real vendor does; --allow-write Flag opens it.\n");
	fprintf(stderr, "  Ctrl-C ends it.\n");
}

/* The port must be known before the sandbox can name itself, so the server comes first; whoever comes early is told. */
static void respond_starting(struct http_exchange *x)
{
	http_respond(x, &(struct http_response){.status = 503, .content_type = S("")});
}

static void handle(void *ctx, struct http_exchange *x)
{
	struct sandbox_command *c = ctx;
	if (!atomic_load(&c->ready)) {
		respond_starting(x);
		return;
	}
	struct http_handler h = sandbox_handler(c->sandbox);
	h.handle(h.ctx, x);
}

static void refuse(void *ctx, struct http_exchange *x, const struct error *err)
{
	struct sandbox_command *c = ctx;
	if (!atomic_load(&c->ready)) {
		respond_starting(x);
		return;
	}
	struct http_handler h = sandbox_handler(c->sandbox);
	h.refuse(h.ctx, x, err);
}

/* Whoever sits at a sandbox; its password is no secret. */
static bool make_clinician(struct sandbox_command *c, struct error *err)
{
	char hash[VAULT_HASH_SIZE];
	if (!vault_password_hash(S(SANDBOX_PASSWORD), hash, err))
		return false;
	c->clinician = (struct login_user){.name = S("clinician"),
					   .display = S("Sandbox Clinician"),
					   .fhir_user = S("Practitioner/sandbox-clinician"),
					   .patients = S("*"),
					   .hash = arena_str(&c->app->arena, str_from(hash))};
	return c->clinician.hash.p || error_memory(err);
}

static bool open_sandbox(struct sandbox_command *c, struct error *err)
{
	struct smart_client *clients = NULL;
	if (!read_clients(c, &clients, err) || !make_clinician(c, err))
		return false;
	if (!c->base_url.n)
		c->base_url = arena_printf(&c->app->arena, "http://127.0.0.1:%u", http_server_port(c->server));
	c->sandbox = sandbox_open(
		&(struct sandbox_options){.vendor = c->vendor,
					  .definitions = c->definitions,
					  .extractor = c->parameters.set->extractor,
					  .store = c->store,
					  .jobs_directory = arena_printf(&c->app->arena, "%.*s/jobs", STR_ARG(c->data)),
					  .base_url = c->base_url,
					  .clients = clients,
					  .client_count = c->clients.count,
					  .allow_write = c->allow_write.items,
					  .allow_write_count = c->allow_write.count,
					  .no_auth = c->no_auth,
					  .users = &c->clinician,
					  .user_count = 1,
					  .sign_in_hint =
						  S("Sign in as clinician with the password " SANDBOX_PASSWORD "."),
					  .behaviours = c->behaviours.items,
					  .behaviour_count = c->behaviours.count,
					  .faults = c->faults.items,
					  .fault_count = c->faults.count},
		err);
	if (!c->sandbox || !fill_when_empty(c, err))
		return false;
	c->group = sandbox_group_id(c->sandbox, &c->app->arena);
	return c->group.p ? true : error_memory(err);
}

static bool open_all(struct sandbox_command *c, struct error *err)
{
	struct http_handler handler = {.handle = handle, .refuse = refuse, .ctx = c};
	c->definitions = definitions_builtin();
	c->store = store_open(c->data, &(struct store_options){.definitions = c->definitions}, err);
	if (!c->store || !store_parameters_open(&c->parameters, c->definitions, c->store, STR_NULL, true, err))
		return false;
	c->server = http_server_start(&(struct http_server_options){.port = (uint16_t)c->port}, &handler, err);
	return c->server && open_sandbox(c, err);
}

static void close_all(struct sandbox_command *c)
{
	if (c->server)
		http_server_stop(c->server);
	if (c->sandbox)
		sandbox_close(c->sandbox);
	store_parameters_close(&c->parameters);
	if (c->store)
		store_close(c->store);
}

static int serve(struct sandbox_command *c)
{
	struct error err = {0};
	sigset_t signals;
	int number = 0;
	/* Blocked in every thread started from here on, so that only sigwait() sees them. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	int status = APP_OK;
	if (open_all(c, &err)) {
		atomic_store(&c->ready, true);
		announce(c);
		sigwait(&signals, &number);
		log_event(LOG_INFO, "stopping", {"signal", .number = number});
	} else {
		status = app_fail(c->app, &err);
	}
	close_all(c);
	return status;
}

static int list_switches(void)
{
	struct buf out;
	buf_init(&out, 1 << 20);
	sandbox_describe(&out);
	printf("%.*s", STR_ARG(buf_str(&out)));
	buf_done(&out);
	return APP_OK;
}

int command_sandbox(struct app *app)
{
	struct sandbox_command c = {.app = app, .patients = -1};
	const struct option options[] = {
		{"port", OPTION_NUMBER, "PORT", "where to listen on 127.0.0.1 (default 0: any free port)", &c.port},
		{"data", OPTION_TEXT, "DIR", "where its store is (default sandbox-VENDOR)", &c.data},
		{"roster", OPTION_TEXT, "FILE", "where the patients' ids are written (default DIR/roster.txt)",
		 &c.roster},
		{"patients", OPTION_NUMBER, "N", "synthetic patients for an empty store (default 60)", &c.patients},
		{"population", OPTION_NUMBER, "N", "the same as --patients", &c.patients},
		{"seed", OPTION_NUMBER, "S", "which synthetic patients (default 1 for epic, 2 for cerner)", &c.seed},
		{"import", OPTION_LIST, "PATH",
		 "Bundles, NDJSON files or directories of them instead of synthetic patients", &c.imports},
		{"client", OPTION_LIST, "ID|FILE", "a client that may get tokens: its id, or a JSON file about it",
		 &c.clients},
		{"jwks", OPTION_TEXT, "FILE|URL", "public keys of clients given by id", &c.jwks},
		{"scope", OPTION_TEXT, "SCOPES", "what they may be granted (default: all that exists)", &c.scope},
		{"allow-write", OPTION_LIST, "TYPE", "open a type that the vendor does not let anyone write",
		 &c.allow_write},
		{"base-url", OPTION_TEXT, "URL", "its address as clients see it, when it is another", &c.base_url},
		{"no-auth", OPTION_FLAG, NULL, "answer without tokens", &c.no_auth},
		{"actors", OPTION_FLAG, NULL,
		 "the test patients of the public sandbox as well; the default without --patients", &c.actors},
		{"behaviour", OPTION_LIST, "KEY=VALUE", "decide what is uncertain about the vendor", &c.behaviours},
		{"fault", OPTION_LIST, "NAME[=N]", "begin with something broken, such as 503=3", &c.faults},
		{"name", OPTION_TEXT, "NAME", "register: what the app is called", &c.name},
		{"redirect-uri", OPTION_LIST, "URI", "register: where a login may lead", &c.redirect_uris},
		{"launch-url", OPTION_TEXT, "URL", "register: where an EHR launch leads", &c.launch_url},
		{"secret", OPTION_FLAG, NULL, "register: it proves itself by a secret, which is printed once",
		 &c.secret},
		{"service", OPTION_TEXT, "URL", "hook: the CDS service; with cerner its base", &c.hook.service},
		{"hook", OPTION_TEXT, "HOOK", "hook: patient-view (default), order-select or order-sign", &c.hook.hook},
		{"patient", OPTION_TEXT, "ID", "hook: a patient of the sandbox", &c.hook.patient},
		{"encounter", OPTION_TEXT, "ID", "hook: a visit of theirs", &c.hook.encounter},
		{"user", OPTION_TEXT, "Practitioner/ID", "hook: who has the chart open", &c.hook.user},
		{"prefetch", OPTION_ITEMS, "KEY=QUERY", "hook: what is sent along", &c.prefetch},
		{"order", OPTION_LIST, "TYPE/ID|FILE", "hook: draft orders (default: from the patient's own)",
		 &c.orders},
		{"list", OPTION_FLAG, NULL, "list behaviours and faults, and end", &c.list},
	};
	const char *details =
		"VENDOR is epic or cerner. A client file holds client_id, name, scope, and jwks or jwks_url;\n"
		"that of an app of people redirect_uris, launch_url, and secret when it has one. /launcher launches\n"
		"such apps; the user is clinician, the password " SANDBOX_PASSWORD ".\n"
		"register makes an app of a running sandbox, hook lets it call a CDS service as its EHR does.\n"
		"Standard output gets JSON lines; the one with \"event\":\"listening\" says where it is.\n"
		"Faults are also switched while it serves: POST {\"fault\":\"503=3\"} to /sandbox/faults, DELETE to "
		"end.";
	if (!app_options(app, &(struct command_line){OPTIONS(options), .arguments = "VENDOR | register URL | hook URL",
						     .min_args = 0, .max_args = 2, .details = details}))
		return app->status;
	if (c.list)
		return list_switches();
	if (!app->arg_count)
		return app_misuse(app, "name a vendor: epic or cerner");
	if (str_is(app->args[0], "hook") && app->arg_count < 2)
		return app_misuse(app, "name the running sandbox: its URL");
	if (str_is(app->args[0], "hook")) {
		c.hook.url = app->args[1];
		c.hook.client_id = c.clients.count ? c.clients.items[0] : STR_NULL;
		c.hook.prefetch = &c.prefetch;
		c.hook.orders = &c.orders;
		return sandbox_hook_call(app, &c.hook);
	}
	if (str_is(app->args[0], "register"))
		return app->arg_count < 2
			       ? app_misuse(app, "name the running sandbox: its URL")
			       : sandbox_register(app,
						  &(struct sandbox_registration){.url = app->args[1],
										 .name = c.name,
										 .scope = c.scope,
										 .jwks = c.jwks,
										 .launch_url = c.launch_url,
										 .secret = c.secret,
										 .redirect_uris = &c.redirect_uris});
	if (app->arg_count > 1)
		return app_misuse(app, "one vendor at a time");
	c.vendor = ehr_vendor_parse(app->args[0]);
	if (c.vendor == EHR_GENERIC)
		return app_misuse(app, "there are sandboxes for epic and cerner");
	if (c.port > 65535)
		return app_misuse(app, "--port must be from 0 to 65535");
	if (c.patients < 0) {
		c.patients = 60;
		c.actors = true;
	}
	if (c.patients > 100000)
		return app_misuse(app, "--patients must be at most 100000");
	if (!c.seed)
		c.seed = c.vendor == EHR_EPIC ? 1 : 2;
	if (!c.data.n)
		c.data = arena_printf(&app->arena, "sandbox-%s", ehr_vendor_name(c.vendor));
	if (!c.roster.n)
		c.roster = arena_printf(&app->arena, "%.*s/roster.txt", STR_ARG(c.data));
	log_setup(LOG_INFO, STDOUT_FILENO);
	return serve(&c);
}
