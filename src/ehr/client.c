/*
 * The client as its users see it: opened from a configuration, then read, create and update. Searching is in paging.c.
 */
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/encode.h"
#include "ehr/ehr_priv.h"

enum { REDIRECTS_MAX = 4, CLIENT_ARENA_MAX = 16 << 20, TOKEN_BYTES_MAX = 64 << 10 };

/* ---- opening ------------------------------------------------------------------------------------------------------
 */

static void sleep_really(unsigned ms)
{
	struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
	while (nanosleep(&left, &left) != 0)
		;
}

static bool name_valid(struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		char ch = name.p[i];
		if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '-'))
			return false;
	}
	return name.n >= 1 && name.n <= 20;
}

static bool copy_config(struct ehr_client *c, const struct ehr_config *config, struct error *err)
{
	struct str *const members[] = {
		&c->config.name,	  &c->config.base_url,	     &c->config.client_id,
		&c->config.key_file,	  &c->config.key_text,	     &c->config.token_url,
		&c->config.secret_file,	  &c->config.secret,	     &c->config.scopes,
		&c->config.roster,	  &c->config.group,	     &c->config.login_client_id,
		&c->config.login_scopes,  &c->config.login_key_file, &c->config.login_secret_file,
		&c->config.login_secret,  &c->config.ca_file,	     &c->config.cert_file,
		&c->config.cert_key_file,
	};
	c->config = *config;
	c->config.base_url = ehr_url_trim(str_trim(config->base_url));
	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
		if (!members[i]->p)
			continue;
		*members[i] = arena_str(&c->arena, *members[i]);
		if (!members[i]->p)
			return error_memory(err);
	}
	if (!name_valid(config->name))
		return error_set(err, ERR_CONFIG,
				 "The name of an EHR must be 1 to 20 characters of a to z, 0 to 9 and '-'");
	struct str base = c->config.base_url;
	if (!ehr_url_same_origin(base, base) || str_find_char(base, '?', 0) != STR_NONE ||
	    str_find_char(base, '#', 0) != STR_NONE || !ehr_url_resolve(&c->arena, base, base).p)
		return error_set(err, ERR_CONFIG, "The base_url of EHR %.*s is no http or https address",
				 STR_ARG(config->name));
	bool for_people =
		config->login_secret_file.n || config->login_secret.n || config->login_key_file.n || c->options.logins;
	if (config->client_id.n && !ehr_config_is_backend(config) && !for_people)
		return error_set(err, ERR_CONFIG, "EHR %.*s has a client_id but no key_file or secret_file",
				 STR_ARG(config->name));
	return true;
}

static bool open_budgets(struct ehr_client *c, struct error *err)
{
	c->limits = (struct ehr_budget_limits){.per_second = c->config.requests_per_second,
					       .per_day = c->config.requests_per_day,
					       .parallel = c->config.parallel,
					       .failures = c->config.breaker_failures,
					       .pause_ms = c->config.breaker_pause_ms};
	if (c->options.budgets)
		return true;
	c->own_budgets = ehr_budgets_open(&(struct ehr_budgets_options){0}, err);
	c->options.budgets = c->own_budgets;
	return c->own_budgets != NULL;
}

struct ehr_client *ehr_open(const struct ehr_config *config, const struct ehr_client_options *options,
			    struct error *err)
{
	struct ehr_client *c = calloc(1, sizeof *c);
	if (!c) {
		error_memory(err);
		return NULL;
	}
	arena_init(&c->arena, CLIENT_ARENA_MAX);
	buf_init(&c->token, TOKEN_BYTES_MAX);
	buf_init(&c->granted, 256 << 10);
	buf_init(&c->secret, 4096);
	buf_init(&c->login_secret, 4096);
	buf_init(&c->refused, TOKEN_BYTES_MAX);
	c->options = *options;
	c->options.max_attempts = options->max_attempts ? options->max_attempts : 4;
	c->options.backoff_ms = options->backoff_ms ? options->backoff_ms : 500;
	c->options.now_ms = options->now_ms ? options->now_ms : clock_now_ms;
	c->options.sleep_ms = options->sleep_ms ? options->sleep_ms : sleep_really;
	c->rules = ehr_rules(config->vendor);
	bool ok = copy_config(c, config, err) && ehr_tls_check(c, err) && ehr_backend_open(c, err) &&
		  open_budgets(c, err);
	if (ok && !options->transport) {
		c->http = http_client_new(
			&(struct http_client_options){.timeout_ms = options->timeout_ms, .tls = ehr_tls(&c->config)},
			err);
		ok = c->http != NULL;
	}
	if (ok)
		return c;
	ehr_close(c);
	return NULL;
}

void ehr_close(struct ehr_client *c)
{
	if (!c)
		return;
	ehr_token_forget(c);
	buf_done(&c->token);
	buf_done(&c->granted);
	struct buf *const secrets[] = {&c->secret, &c->login_secret};
	for (size_t i = 0; i < 2; i++) {
		if (secrets[i]->p)
			explicit_bzero(secrets[i]->p, secrets[i]->n);
		buf_done(secrets[i]);
	}
	buf_done(&c->refused);
	ehr_budgets_close(c->own_budgets);
	if (c->key)
		jose_key_free(c->key);
	if (c->login_key)
		jose_key_free(c->login_key);
	if (c->http)
		http_client_free(c->http);
	arena_done(&c->arena);
	free(c);
}

const struct ehr_config *ehr_client_config(const struct ehr_client *c)
{
	return &c->config;
}

/* ---- one resource ---------------------------------------------------------------------------------------------------
 */

static struct str instance_url(struct ehr_client *c, struct arena *a, struct str type, struct str id)
{
	struct buf escaped;
	buf_init(&escaped, 4096);
	encode_percent(&escaped, id);
	struct str url = arena_printf(a, "%.*s/%.*s/%.*s", STR_ARG(c->config.base_url), STR_ARG(type),
				      STR_ARG(buf_str(&escaped)));
	buf_done(&escaped);
	return url;
}

static struct str patient_of(struct arena *a, struct str type, struct str id)
{
	return str_is(type, "Patient") ? arena_printf(a, "Patient/%.*s", STR_ARG(id)) : STR_NULL;
}

/* The id that a redirect leads to: Epic sends those who ask for a merged patient to the record that replaced it. Only
 * to another patient on the same server. STR_NULL: it leads nowhere that we follow. */
static struct str moved_to(struct ehr_client *c, struct arena *a, const struct ehr_request *request,
			   const struct http_answer *http)
{
	struct str location = str_trim(http_answer_header(http, "Location"));
	if (!str_is(request->type, "Patient") || http->status < 301 || http->status > 308 || !location.n)
		return STR_NULL;
	struct str url = ehr_url_resolve(a, request->url, location);
	struct str prefix = arena_printf(a, "%.*s/%.*s/", STR_ARG(c->config.base_url), STR_ARG(request->type));
	struct str id = url.p && prefix.p && str_starts(url, prefix) ? str_slice(url, prefix.n, url.n) : STR_NULL;
	bool plain = id.n && !str_eq(id, request->id) && str_find_char(id, '/', 0) == STR_NONE &&
		     str_find_char(id, '?', 0) == STR_NONE && str_find_char(id, '%', 0) == STR_NONE;
	return plain ? id : STR_NULL;
}

static bool read_once(struct ehr_client *c, struct arena *a, struct str type, struct str id,
		      struct ehr_resource *ret_resource, struct str *ret_moved, struct ehr_failure *f)
{
	struct ehr_request request = {
		.method = S("GET"),
		.url = instance_url(c, a, type, id),
		.authorize = true,
		.repeatable = true,
		.want_json = true,
		.want_type = type,
		.want_id = id,
		.action = 'R',
		.interaction = "read",
		.type = type,
		.id = id,
		.patient = patient_of(a, type, id),
	};
	struct ehr_reply reply = {0};
	*ret_moved = STR_NULL;
	if (!ehr_send(c, a, &request, &reply, f)) {
		*ret_moved = moved_to(c, a, &request, &reply.http);
		return false;
	}
	struct str version = ehr_etag_version(http_answer_header(&reply.http, "ETag"));
	*ret_resource = (struct ehr_resource){
		.resource = reply.json,
		.body = ehr_answer_text(&reply.http),
		.type = type,
		.id = id,
		.version = version.p ? version : json_get_str(json_get(reply.json, S("meta")), S("versionId")),
	};
	return true;
}

bool ehr_read(struct ehr_client *c, struct arena *a, struct str type, struct str id, struct ehr_resource *ret_resource,
	      struct ehr_failure *f)
{
	for (int hop = 0;; hop++) {
		struct str moved;
		if (read_once(c, a, type, id, ret_resource, &moved, f))
			return true;
		if (!moved.p || hop == REDIRECTS_MAX)
			return false;
		id = moved;
		*f = (struct ehr_failure){0};
	}
}

bool ehr_capabilities(struct ehr_client *c, struct arena *a, const struct json **ret_statement, struct ehr_failure *f)
{
	struct ehr_request request = {
		.method = S("GET"),
		.url = arena_printf(a, "%.*s/metadata", STR_ARG(c->config.base_url)),
		.repeatable = true,
		.want_json = true,
		.want_type = S("CapabilityStatement"),
		.action = 'R',
		.interaction = "capabilities",
		.type = S("CapabilityStatement"),
	};
	struct ehr_reply reply;
	if (!ehr_send(c, a, &request, &reply, f))
		return false;
	*ret_statement = reply.json;
	return true;
}

/* "[base]/Flag/123/_history/1", absolute or relative: RFC 9110 section 10.2.2. */
static void take_location(struct str location, struct str type, struct ehr_written *written)
{
	size_t at = str_rfind_char(location, '/');
	struct str history = S("/_history/");
	size_t versioned = str_find(location, history);
	if (versioned != STR_NONE) {
		if (!written->version.p)
			written->version = str_slice(location, versioned + history.n, location.n);
		location = str_slice(location, 0, versioned);
		at = str_rfind_char(location, '/');
	}
	if (at == STR_NONE || !str_ends(str_slice(location, 0, at), type))
		return;
	struct str id = str_slice(location, at + 1, location.n);
	if (id.n && str_find_char(id, '?', 0) == STR_NONE)
		written->id = id;
}

static bool send_write(struct ehr_client *c, struct arena *a, struct ehr_request *request,
		       struct ehr_written *ret_written, struct ehr_failure *f)
{
	struct ehr_reply reply;
	if (!ehr_send(c, a, request, &reply, f))
		return false;
	struct ehr_written written = {.http_status = reply.http.status};
	written.version = ehr_etag_version(http_answer_header(&reply.http, "ETag"));
	take_location(str_trim(http_answer_header(&reply.http, "Location")), request->type, &written);
	struct error ignored = {0};
	if (!written.id.p && ehr_media_is_json(reply.http.content_type) && reply.http.body.n) {
		const struct json *body = json_parse(a, reply.http.body, 0, &ignored);
		if (str_eq(json_get_str(body, S("resourceType")), request->type))
			written.id = json_get_str(body, S("id"));
	}
	*ret_written = written;
	return true;
}

bool ehr_create(struct ehr_client *c, struct arena *a, struct str type, struct str body,
		struct ehr_written *ret_written, struct ehr_failure *f)
{
	struct ehr_request request = {
		.method = S("POST"),
		.url = arena_printf(a, "%.*s/%.*s", STR_ARG(c->config.base_url), STR_ARG(type)),
		.body = body,
		.content_type = S("application/fhir+json"),
		.authorize = true,
		.action = 'C',
		.interaction = "create",
		.type = type,
	};
	struct ehr_written written;
	if (!send_write(c, a, &request, &written, f))
		return false;
	if (!written.id.p && written.http_status != 201) {
		/* A proxy's page, for instance. */
		ehr_fail(c, f, ERR_REMOTE, "the EHR's answer does not say whether the %.*s was created", STR_ARG(type));
		f->http_status = written.http_status;
		return false;
	}
	*ret_written = written;
	return true;
}

/* PUT, PATCH and DELETE. */
static bool change(struct ehr_client *c, struct arena *a, struct ehr_request *request, struct str type, struct str id,
		   struct ehr_written *ret_written, struct ehr_failure *f)
{
	request->url = instance_url(c, a, type, id);
	request->authorize = true;
	request->action = request->action ? request->action : 'U';
	request->type = type;
	request->id = id;
	if (!send_write(c, a, request, ret_written, f))
		return false;
	if (!ret_written->id.p)
		ret_written->id = id;
	return true;
}

bool ehr_update(struct ehr_client *c, struct arena *a, struct str type, struct str id, struct str body,
		struct str version, struct ehr_written *ret_written, struct ehr_failure *f)
{
	struct ehr_request request = {
		.method = S("PUT"),
		.body = body,
		.content_type = S("application/fhir+json"),
		.if_match = version,
		.repeatable = true,
		.interaction = "update",
	};
	return change(c, a, &request, type, id, ret_written, f);
}

bool ehr_patch(struct ehr_client *c, struct arena *a, struct str type, struct str id, struct str patch,
	       struct str version, struct ehr_written *ret_written, struct ehr_failure *f)
{
	struct ehr_request request = {
		.method = S("PATCH"),
		.body = patch,
		.content_type = S("application/json-patch+json"),
		.if_match = version,
		.interaction = "patch",
	};
	return change(c, a, &request, type, id, ret_written, f);
}

bool ehr_delete(struct ehr_client *c, struct arena *a, struct str type, struct str id, struct str version,
		struct ehr_written *ret_written, struct ehr_failure *f)
{
	struct ehr_request request = {
		.method = S("DELETE"),
		.if_match = version,
		.repeatable = true,
		.action = 'D',
		.interaction = "delete",
	};
	return change(c, a, &request, type, id, ret_written, f);
}
