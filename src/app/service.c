/* Opening and closing everything that Firth answers over HTTP; see service.h. */
#include <stdio.h>
#include <stdlib.h>

#include "app/db.h"
#include "app/secrets.h"
#include "app/service_priv.h"
#include "base/file.h"
#include "base/origin.h"
#include "jose/jose.h"

/* The public halves of all configured EHR keys as one JWKS, each key once. */
static bool collect_keys(struct service *s, struct error *err)
{
	const struct config *config = s->options.config;
	struct buf all, one;
	size_t count = 0;
	buf_init(&all, 1 << 20);
	buf_init(&one, 64 * 1024);
	bool ok = true;
	buf_add(&all, S("{\"keys\":["));
	for (size_t i = 0; ok && i < config->ehr_count; i++) {
		struct str text;
		if (!config->ehrs[i].key_file.n)
			continue;
		ok = file_read(&s->arena, config->ehrs[i].key_file, 64 * 1024, &text, err);
		struct jose_key *key = ok ? jose_key_parse(text, err) : NULL;
		buf_reset(&one);
		ok = key && jose_key_write_public_set(key, &one, err);
		const struct json *set = ok ? json_parse(&s->arena, buf_str(&one), 0, err) : NULL;
		ok = ok && set;
		struct json_iter it = json_iter(json_get(set, S("keys")));
		while (json_next(&it)) {
			struct buf text_of_key;
			buf_init(&text_of_key, 64 * 1024);
			struct json_writer w = json_writer(&text_of_key);
			json_put_value(&w, it.value);
			if (str_find(buf_str(&all), buf_str(&text_of_key)) == STR_NONE) {
				buf_add(&all, count++ ? S(",") : S(""));
				buf_add(&all, buf_str(&text_of_key));
			}
			buf_done(&text_of_key);
		}
		jose_key_free(key);
		if (!ok)
			error_context(err, "key of ehr %.*s", STR_ARG(config->ehrs[i].name));
	}
	buf_add(&all, S("]}"));
	s->public_keys = ok ? arena_str(&s->arena, buf_str(&all)) : STR_NULL;
	buf_done(&all);
	buf_done(&one);
	return ok && (s->public_keys.p || error_memory(err));
}

static bool open_tenants(struct service *s, struct error *err)
{
	const struct config *config = s->options.config;
	if (!config->tenants)
		return true;
	s->tenants = tenants_open(&(struct tenants_options){.service = &s->options,
							    .base_url = s->base_url,
							    .root = s->root.store,
							    .max_open = (unsigned)config->limits.tenants},
				  err);
	return s->tenants != NULL;
}

static bool open_launch(struct service *s, struct error *err)
{
	struct error why = {0};
	s->launch = launch_open(&(struct launch_options){.config = s->options.config,
							 .store = s->options.store,
							 .base_url = s->base_url},
				&why);
	return why.code == ERR_NONE || error_set(err, why.code, "%s", why.text);
}

/* Whoever else opens a store in PostgreSQL may write, so there nobody needs to ask. */
static bool open_door(struct service *s, struct error *err)
{
	const struct operator_options options = {.config = s->options.config,
						 .port = http_server_port(s->http),
						 .realm = service_governed_realm,
						 .ctx = s,
						 .service = &s->options};
	if (db_is_postgres(s->options.config))
		return true;
	s->door = operator_door_open(&options, err);
	return s->door != NULL;
}

static bool open_launcher(struct service *s, struct error *err)
{
	if (!s->options.config->launcher)
		return true;
	s->launcher = launcher_open(&(struct launcher_options){.store = s->options.store,
							       .definitions = s->options.definitions,
							       .smart = s->root.smart,
							       .login = s->root.login},
				    err);
	return s->launcher != NULL;
}

static bool open_cds(struct service *s, struct error *err)
{
	const struct service_options *o = &s->options;
	if (!o->config->cds.enabled)
		return true;
	s->cds = cds_setup_open(&(struct cds_setup_options){.config = o->config, .knowledge = &o->knowledge}, err);
	s->options.cds = s->cds;
	s->options.is_ours = service_is_our_origin;
	s->options.is_ours_ctx = s;
	return s->cds != NULL;
}

static bool open_all(struct service *s, struct error *err)
{
	const struct config *config = s->options.config;
	const struct http_handler handler = {.handle = service_handle,
					     .refuse = service_refuse,
					     .expect = service_expect,
					     .ctx = s,
					     .observe = s->options.log && config->access_log ? service_observe : NULL};
	const struct limits *l = &config->limits;
	const struct http_server_options options = {.host = config->host,
						    .port = (uint16_t)config->port,
						    .spool = config->data,
						    .max_body = (size_t)l->body,
						    .max_arena = (size_t)l->memory,
						    .max_header = (size_t)l->header,
						    .max_connections = (unsigned)l->connections,
						    .max_requests = (unsigned)l->requests,
						    .idle_timeout_s = (unsigned)(l->idle / 1000),
						    .transfer_timeout_s = (unsigned)(l->transfer / 1000)};
	s->http = http_server_start(&options, &handler, err);
	if (!s->http)
		return false;
	bool six = str_find_char(config->host, ':', 0) != STR_NONE;
	s->base_url = config->base_url.p ? config->base_url
					 : arena_printf(&s->arena, six ? "http://[%.*s]:%u" : "http://%.*s:%u",
							STR_ARG(config->host), http_server_port(s->http));
	s->page = (struct page){.config = config, .definitions = s->options.definitions, .store = s->options.store};
	if (!host_is_loopback(config->host))
		s->page.refusal = S("The patient page has no login yet, so it is only shown when Firth listens on this "
				    "computer alone (host 127.0.0.1).");
	if (!s->base_url.p)
		return error_memory(err);
	if (config->auth && !s->options.vault)
		s->options.vault = s->vault = secrets_open(config, err);
	if (config->auth && !s->options.vault)
		return false;
	const struct realm_options root = {.service = &s->options, .base_url = s->base_url};
	if (!collect_keys(s, err) || !open_cds(s, err) || !realm_open(&s->root, &root, err) || !open_tenants(s, err) ||
	    !open_launch(s, err) || !open_door(s, err) || !open_launcher(s, err) || !service_keeper_start(s, err))
		return false;
	s->ready = true;
	return true;
}

struct service *service_open(const struct service_options *options, struct error *err)
{
	struct service *s = calloc(1, sizeof(*s));
	if (!s) {
		error_memory(err);
		return NULL;
	}
	s->options = *options;
	arena_init(&s->arena, ARENA_NO_CAP);
	readiness_init(&s->readiness, options->store);
	if (open_all(s, err))
		return s;
	service_close(s);
	return NULL;
}

uint16_t service_port(const struct service *s)
{
	return http_server_port(s->http);
}

struct str service_base_url(const struct service *s)
{
	return s->base_url;
}

void service_close(struct service *s)
{
	if (!s)
		return;
	s->stopping = true;
	service_keeper_stop(s); /* it looks at the HTTP server */
	if (s->http)
		http_server_stop(s->http);
	launch_close(s->launch);
	operator_door_close(s->door);
	launcher_close(s->launcher);
	tenants_close(s->tenants);
	realm_close(&s->root);
	cds_setup_close(s->cds);
	vault_close(s->vault);
	readiness_done(&s->readiness);
	arena_done(&s->arena);
	free(s);
}
