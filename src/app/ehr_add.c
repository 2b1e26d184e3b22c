/*
 * firth ehr add NAME: registers an EHR in the data directory, after looking whether it is there and is what it was said
 * to be. firth ehr remove NAME takes it out again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/config_priv.h"
#include "app/ehr.h"
#include "app/login.h"
#include "app/registry.h"
#include "base/file.h"

/* Every key of an EHR, and what it is called on the command line. */
static const struct asked_key {
	const char *key, *option, *placeholder, *help;
} asked_keys[] = {
	{"base_url", "url", "URL", "its FHIR base, such as https://ehr.example/fhir/r4"},
	{"vendor", "vendor", "VENDOR", "epic, cerner or generic (default: what its capability statement says)"},
	{"client_id", "client-id", "ID", "the id the EHR gave to this application"},
	{"key_file", "key", "FILE", "the private key (JWK or PEM) of backend services, mode 0600"},
	{"secret_file", "secret", "FILE", "or a file with its secret, mode 0600"},
	{"scopes", "scopes", "SCOPES", "what to ask for (default: the vendor's, for the pipeline)"},
	{"roster", "roster", "FILE", "whom the pipeline pulls: one patient id a line"},
	{"group", "group", "ID", "or the members of a Group"},
	{"login_client_id", "login-client-id", "ID", "the app that people log in with (default: the client id)"},
	{"login_scopes", "login-scopes", "SCOPES", "what it asks for (default: what reading needs)"},
	{"login_key_file", "login-key", "FILE", "its private key, or"},
	{"login_secret_file", "login-secret", "FILE", "a file with its secret, mode 0600"},
	{"login_port", "login-port", "PORT", "the loopback port of its redirect URI"},
	{"ca_file", "ca", "FILE", "authorities (PEM) to trust for it, beside this machine's"},
	{"cert_file", "cert", "FILE", "the client certificate (PEM) that it asks for, with"},
	{"cert_key_file", "cert-key", "FILE", "its key, mode 0600"},
	{"requests_per_second", "per-second", "N", "at most so many requests a second"},
	{"requests_per_day", "per-day", "N", "at most so many a day"},
	{"parallel", "parallel", "N", "at most so many at once"},
	{"breaker_failures", "breaker-failures", "N", "leave it alone after so many failures in a row (8)"},
	{"breaker_pause", "breaker-pause", "TIME", "for so long (30s)"},
};
enum { KEYS = sizeof(asked_keys) / sizeof(asked_keys[0]), URL = 0, VENDOR = 1 /* their places there */ };

struct add {
	struct app *app;
	struct config config;
	struct config_options shared;
	struct str values[KEYS];
	bool offline, replace;
	struct str find; /* its name in a directory */
	struct ehr_config ehr;
	struct ehr_site site;
	struct ehr_client *client; /* while the site's text is in use */
	bool looked;
	struct str note; /* what a person should know, or STR_NULL */
};

/* The whole path, so that the registry works from any directory. The file must be there. */
static bool take_path(struct add *add, const char *option, struct str value, struct str *ret_path, struct error *err)
{
	struct str path = arena_str(&add->app->arena, value);
	char *whole = path.p ? realpath(path.p, NULL) : NULL;
	if (!whole)
		return error_set(err, ERR_USAGE, "--%s: %.*s: %s", option, STR_ARG(value), strerror(errno));
	*ret_path = arena_str(&add->app->arena, str_from(whole));
	free(whole);
	return ret_path->p || error_memory(err);
}

static bool take_values(struct add *add, struct error *err)
{
	const struct config_section *section = config_section_find(S("ehrs"));
	struct arena *a = &add->app->arena;
	if (!config_value(a, STR_NULL, config_key_find(section, S("name")), add->app->args[0], &add->ehr, err))
		return error_context(err, "the name '%.*s'", STR_ARG(str_slice(add->app->args[0], 0, 40)));
	for (size_t i = 0; i < KEYS; i++) {
		const struct config_key *key = config_key_find(section, str_from(asked_keys[i].key));
		struct str value = add->values[i];
		if (!value.p)
			continue;
		if (key->kind == CONFIG_PATH && !take_path(add, asked_keys[i].option, value, &value, err))
			return false;
		if (!config_value(a, STR_NULL, key, value, &add->ehr, err)) {
			error_context(err, "--%s", asked_keys[i].option);
			err->code = ERR_USAGE;
			return false;
		}
	}
	if (!add->ehr.base_url.p)
		return error_set(err, ERR_USAGE, "where is it? Say --url with its FHIR base, or --find with its name");
	return true;
}

/* The address of the only one of that name; several are told. */
static bool find_place(struct add *add, struct error *err)
{
	enum { TOLD = 5 };
	struct ehr_places places = {0};
	struct ehr_place *found;
	size_t count;
	struct arena *a = &add->app->arena;
	if (!add->find.n)
		return true;
	if (add->values[URL].p)
		return error_set(err, ERR_USAGE, "--find and --url both say where it is");
	if (!ehr_places_open(&add->config, a, &places, err) ||
	    !ehr_directory_find(a, &places, add->find, TOLD, &found, &count, err))
		return false;
	if (!count)
		return error_set(err, ERR_NOT_FOUND, "no directory has '%.*s'; firth ehr find looks with less",
				 STR_ARG(str_slice(add->find, 0, 60)));
	bool clear = count == 1 || found[0].met > found[1].met;
	if (!clear) {
		for (size_t i = 0; i < count; i++)
			fprintf(stderr, "  %.*s%s%.*s  %.*s\n", STR_ARG(found[i].name), found[i].place.n ? ", " : "",
				STR_ARG(found[i].place), STR_ARG(found[i].base_url));
		return error_set(err, ERR_MULTIPLE, "several are called so; say more of the name, or --url");
	}
	add->values[URL] = found[0].base_url;
	if (!add->values[VENDOR].p && found[0].vendor != EHR_GENERIC)
		add->values[VENDOR] = str_from(ehr_vendor_name(found[0].vendor));
	if (!add->app->json)
		printf("%.*s%s%.*s\n", STR_ARG(found[0].name), found[0].place.n ? ", " : "", STR_ARG(found[0].place));
	return true;
}

static bool check_name(const struct add *add, struct error *err)
{
	const struct ehr_config *there = login_ehr_find(&add->config, add->ehr.name);
	if (!there)
		return true;
	if (!registry_has(&add->config, there))
		return error_set(err, ERR_CONFLICT, "EHR %.*s is in %.*s already; change it there",
				 STR_ARG(there->name), STR_ARG(add->config.file));
	return add->replace || error_set(err, ERR_CONFLICT, "there is an EHR %.*s already; --replace puts this over it",
					 STR_ARG(there->name));
}

/* The same without who we are, but for TLS. */
static struct ehr_config stranger(const struct ehr_config *ehr)
{
	return (struct ehr_config){.name = ehr->name,
				   .vendor = ehr->vendor,
				   .base_url = ehr->base_url,
				   .ca_file = ehr->ca_file,
				   .cert_file = ehr->cert_file,
				   .cert_key_file = ehr->cert_key_file};
}

/* A key that is no key, or that others may read, is told now. */
static bool check_files(const struct add *add, struct error *err)
{
	struct ehr_config ehr = add->ehr;
	if (!ehr_config_is_backend(&ehr))
		ehr = stranger(&ehr);
	ehr.vendor = EHR_GENERIC;
	struct ehr_client *c = ehr_open(
		&ehr, &(struct ehr_client_options){.definitions = definitions_builtin(), .max_attempts = 1}, err);
	ehr_close(c);
	return c != NULL;
}

static bool judge(struct add *add, bool vendor_given, struct error *err)
{
	const struct ehr_site *site = &add->site;
	if (site->fhir_version.n && !str_starts(site->fhir_version, S("4.0")))
		return error_set(err, ERR_NOT_SUPPORTED,
				 "%.*s speaks FHIR %.*s, not R4; vendors have their versions at addresses side by side",
				 STR_ARG(add->ehr.base_url), STR_ARG(str_slice(site->fhir_version, 0, 20)));
	if (add->ehr.client_id.n && site->undiscovered.error.code)
		return error_set(err, site->undiscovered.error.code, "%s", site->undiscovered.error.text);
	if (!vendor_given)
		add->ehr.vendor = site->vendor;
	else if (site->recognised && site->vendor != add->ehr.vendor)
		add->note = arena_printf(&add->app->arena, "its capability statement says that it is %s, not %s",
					 ehr_vendor_name(site->vendor), ehr_vendor_name(add->ehr.vendor));
	return true;
}

/* Capability statement and discovery, without identity: nothing is proven by a secret yet. */
static bool look(struct add *add, bool vendor_given, struct error *err)
{
	const struct ehr_config ehr = stranger(&add->ehr);
	struct ehr_failure failure = {0};
	add->client = ehr_open(
		&ehr, &(struct ehr_client_options){.definitions = definitions_builtin(), .max_attempts = 2}, err);
	if (!add->client)
		return false;
	add->looked = true;
	if (ehr_site_look(add->client, &add->app->arena, &add->site, &failure))
		return judge(add, vendor_given, err);
	return error_set(err, failure.error.code, "%s. Nothing was kept; --offline keeps it without looking",
			 failure.error.text);
}

static int report(struct add *add)
{
	struct app *app = add->app;
	struct str path = registry_path(&add->config, &app->arena, add->ehr.name);
	struct buf out;
	if (app->json) {
		buf_init(&out, 1 << 20);
		struct json_writer w = json_writer(&out);
		ehr_write(&w, &add->config, &app->arena, &add->ehr, NULL, NULL);
		buf_char(&out, '\n');
		bool ok = buf_ok(&out) && app_write(app, buf_str(&out));
		buf_done(&out);
		return ok ? APP_OK : APP_FAILED;
	}
	printf("%sadded %.*s%s  %s at %.*s\n", app_style(app, STYLE_GOOD), STR_ARG(add->ehr.name),
	       app_style(app, STYLE_PLAIN), ehr_vendor_name(add->ehr.vendor), STR_ARG(add->ehr.base_url));
	if (add->looked) {
		struct str what = add->site.software.n ? add->site.software : S("a FHIR server");
		printf("  it is     %.*s%s%.*s, FHIR %.*s\n", STR_ARG(what), add->site.version.n ? " " : "",
		       STR_ARG(add->site.version), STR_ARG(add->site.fhir_version));
		printf("  tokens    %.*s\n", STR_ARG(add->site.token.n ? add->site.token : S("none are given")));
	}
	printf("  kept in   %.*s\n", STR_ARG(path));
	if (add->note.n)
		printf("%swarning%s: %.*s\n", app_style(app, STYLE_WARN), app_style(app, STYLE_PLAIN),
		       STR_ARG(add->note));
	printf("  next      firth ehr test %.*s%s\n", STR_ARG(add->ehr.name),
	       add->ehr.login_client_id.n || (add->ehr.client_id.n && !ehr_config_is_backend(&add->ehr))
		       ? ", or firth login"
		       : "");
	return APP_OK;
}

static bool add_ehr(struct add *add, struct error *err)
{
	if (!find_place(add, err) || !take_values(add, err) || !check_name(add, err))
		return false;
	bool vendor_given = add->values[VENDOR].p != NULL;
	if (add->offline && !vendor_given)
		return error_set(err, ERR_USAGE, "--offline does not look who it is: say --vendor");
	return check_files(add, err) && (add->offline || look(add, vendor_given, err)) &&
	       registry_save(&add->config, &add->app->arena, &add->ehr, err);
}

int command_ehr_add(struct app *app)
{
	struct add add = {.app = app};
	struct error err = {0};
	if (!config_open(app, &add.config))
		return app->status;
	struct option options[KEYS + 9];
	size_t count = 0;
	for (; count < KEYS; count++)
		options[count] =
			(struct option){asked_keys[count].option, OPTION_TEXT,	      asked_keys[count].placeholder,
					asked_keys[count].help,	  &add.values[count], NULL};
	const struct option more[] = {
		{"find", OPTION_TEXT, "WORDS", "instead of --url: its name in a directory (firth ehr find)", &add.find,
		 NULL},
		{"offline", OPTION_FLAG, NULL, "keep it without looking whether it is there", &add.offline, NULL},
		{"replace", OPTION_FLAG, NULL, "put it over one of the same name", &add.replace, NULL},
		CONFIG_OPTIONS(add.shared, add.config),
	};
	memcpy(options + count, more, sizeof(more));
	count += sizeof(more) / sizeof(more[0]);
	const struct command_line line = {
		.options = options,
		.option_count = count,
		.arguments = "NAME",
		.min_args = 1,
		.max_args = 1,
		.details = "NAME is what every other command calls it: 1 to 20 of a-z, 0-9 and -. It is kept in\n"
			   "DATA/ehrs/NAME.yaml, readable by its owner only, with the keys of an entry of ehrs: in "
			   "firth.yaml. Secrets\n"
			   "stay in their files or the environment; only their places are kept."};
	if (!app_options(app, &line) || !config_finish(app, &add.config, &add.shared))
		return app->status;
	int status = add_ehr(&add, &err) ? report(&add) : app_fail(app, &err);
	ehr_close(add.client);
	return status;
}

int command_ehr_remove(struct app *app)
{
	struct config config;
	struct config_options shared = {0};
	struct error err = {0};
	if (!config_open(app, &config))
		return app->status;
	const struct option options[] = {CONFIG_OPTIONS(shared, config)};
	const struct command_line line = {OPTIONS(options), "NAME", 1, 1,
					  "Its login, if there is one, stays until firth logout; what was pulled "
					  "from it stays in the store."};
	config.ehrs_apart = true; /* a file that cannot be read can be removed, too */
	if (!app_options(app, &line) || !config_finish(app, &config, &shared))
		return app->status;
	struct str name = app->args[0];
	if (login_ehr_find(&config, name))
		error_set(&err, ERR_CONFLICT, "EHR %.*s is in %.*s; take it out there", STR_ARG(name),
			  STR_ARG(config.file));
	else if (registry_remove(&config, &app->arena, name, &err)) {
		printf(app->json ? "{\"removed\":\"%.*s\"}\n" : "removed %.*s\n", STR_ARG(name));
		return APP_OK;
	}
	return app_fail(app, &err);
}
