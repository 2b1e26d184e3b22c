/* The server's side of the operator's door. See operator.h. */
#include "app/operator.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/refused.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/file.h"
#include "base/origin.h"
#include "base/random.h"
#include "jose/jose.h"

enum { SECRET_BYTES = 32, SECRET_TEXT = 43, MOST_ANSWER = 64 << 20 };

struct operator_door {
	struct operator_options options;
	struct arena arena;
	struct str file, url, host;
	char secret[SECRET_TEXT + 1];
};

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static void make_secret(char ret_text[SECRET_TEXT + 1])
{
	unsigned char bytes[SECRET_BYTES];
	struct buf text;
	random_bytes(bytes, sizeof(bytes));
	buf_init(&text, 128);
	encode_base64url(&text, str_make((const char *)bytes, sizeof(bytes)));
	memcpy(ret_text, text.n == SECRET_TEXT ? text.p : "", text.n == SECRET_TEXT ? SECRET_TEXT : 0);
	ret_text[SECRET_TEXT] = '\0';
	buf_done(&text);
}

static bool write_file(struct operator_door *door, struct error *err)
{
	struct buf text;
	buf_init(&text, 4096);
	struct json_writer w = json_writer(&text);
	json_object_begin(&w);
	json_put_member(&w, S("url"), door->url);
	json_put_member(&w, S("secret"), str_from(door->secret));
	json_key(&w, S("pid"));
	json_put_i64(&w, getpid());
	govern_put_time(&w, "started", clock_now_ms());
	json_object_end(&w);
	buf_char(&text, '\n');
	bool ok = buf_ok(&text) ? file_write(door->file, buf_str(&text), 0600, err) : error_memory(err);
	buf_done(&text);
	return ok;
}

/* Where this machine reaches the server that listens there. */
static struct str own_host(struct arena *a, const struct config *config, uint16_t port)
{
	struct str host = config->host;
	if (str_is(host, "0.0.0.0") || str_is(host, "localhost"))
		host = S("127.0.0.1");
	if (str_is(host, "::"))
		host = S("::1");
	bool six = str_find_char(host, ':', 0) != STR_NONE;
	return arena_printf(a, six ? "[%.*s]:%u" : "%.*s:%u", STR_ARG(host), port);
}

struct operator_door *operator_door_open(const struct operator_options *options, struct error *err)
{
	struct operator_door *door = calloc(1, sizeof(*door));
	if (!door) {
		error_memory(err);
		return NULL;
	}
	door->options = *options;
	arena_init(&door->arena, 64 * 1024);
	door->file = arena_printf(&door->arena, "%.*s/operator.json", STR_ARG(options->config->data));
	door->host = own_host(&door->arena, options->config, options->port);
	door->url = arena_printf(&door->arena, "http://%.*s/operator", STR_ARG(door->host));
	make_secret(door->secret);
	if ((door->file.p && door->host.p && door->url.p) || error_memory(err)) {
		if (strlen(door->secret) == SECRET_TEXT ? write_file(door, err) : error_memory(err))
			return door;
	}
	door->file = STR_NULL;
	operator_door_close(door);
	return NULL;
}

void operator_door_close(struct operator_door *door)
{
	if (!door)
		return;
	if (door->file.p)
		unlink(door->file.p);
	arena_done(&door->arena);
	free(door);
}

/* ---- who may come in ----------------------------------------------------------------------------------------------
 */

static bool comes_from_here(const struct operator_door *door, struct str address)
{
	return host_is_loopback(address) || str_eq(address, door->options.config->host);
}

/* A browser sends some of these with every request that a page makes, and a proxy on this machine, behind which anyone
 * may be, some others. The door's own caller sends none. */
static const char *foreign_header(struct http_exchange *x)
{
	static const char *const names[] = {"Origin",	 "Referer",   "Sec-Fetch-Site",	  "Sec-Fetch-Mode",
					    "Cookie",	 "Forwarded", "X-Forwarded-For",  "X-Forwarded-Host",
					    "X-Real-IP", "Via",	      "X-Forwarded-Proto"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (http_request_header(x, names[i]).p)
			return names[i];
	return NULL;
}

static bool secret_is_right(const struct operator_door *door, struct str authorization)
{
	return authorization.n == 7 + SECRET_TEXT && str_eq(str_slice(authorization, 0, 7), S("Bearer ")) &&
	       digest_equal(authorization.p + 7, door->secret, SECRET_TEXT);
}

static bool may_come_in(const struct operator_door *door, struct http_exchange *x, struct decision *d,
			struct error *err)
{
	const struct http_request *request = http_request(x);
	const char *foreign = foreign_header(x);
	struct str host = http_request_header(x, "Host");
	if (!comes_from_here(door, request->address))
		return decision_refuse(d, CHECK_NETWORK, REFUSAL_OPERATOR_AWAY, request->address,
				       S("an address of this machine"), STR_NULL, err);
	if (foreign)
		return decision_refuse(d, CHECK_NETWORK, REFUSAL_OPERATOR_BROWSER, str_from(foreign), STR_NULL,
				       STR_NULL, err);
	if (!str_eq(host, door->host))
		return decision_refuse(d, CHECK_NETWORK, REFUSAL_OPERATOR_BROWSER, S("another Host"), door->host,
				       STR_NULL, err);
	decision_note(d, CHECK_NETWORK, request->address, STR_NULL);
	if (!secret_is_right(door, http_request_header(x, "Authorization")))
		return decision_refuse(d, CHECK_OPERATOR, REFUSAL_OPERATOR_SECRET, STR_NULL, STR_NULL, STR_NULL, err);
	return true;
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static void respond(struct http_exchange *x, int status, struct buf *body)
{
	static const struct http_header headers[] = {{S("Cache-Control"), S("no-store")}};
	http_respond(x, &(struct http_response){.status = status,
						.content_type = S("application/json"),
						.headers = headers,
						.header_count = 1,
						.body = body});
	buf_done(body);
}

static void respond_error(struct http_exchange *x, const struct error *err)
{
	struct buf body;
	buf_init(&body, 64 * 1024);
	struct json_writer w = json_writer(&body);
	json_object_begin(&w);
	json_key(&w, S("error"));
	json_object_begin(&w);
	json_put_member(&w, S("code"), str_from(error_name(err->code)));
	json_put_member(&w, S("text"), str_from(err->text));
	json_object_end(&w);
	json_object_end(&w);
	respond(x, error_http_status(err->code), &body);
}

/* Whoever tries is written down, too. */
static void refuse(const struct operator_door *door, struct http_exchange *x, const struct decision *d,
		   const struct error *refusal)
{
	struct error err = {0};
	const struct realm *root = door->options.realm(door->options.ctx, x, STR_NULL, &err);
	bool ok = root && refused_record(root, http_request(x), "operator", d, refusal, &err);
	respond_error(x, ok ? refusal : &err);
}

/* A server without authorization has no clients open; who governs it wants to prepare them. */
static bool run(const struct operator_door *door, struct http_exchange *x, const struct realm *realm,
		const struct json *command, struct buf *out, struct error *err)
{
	const struct http_request *request = http_request(x);
	struct realm own = {0};
	if (!realm->smart && !realm_open_part(&own, realm, door->options.service, err))
		return false;
	const struct govern g = {
		.realm = realm->smart ? realm : &own, .address = request->address, .request_id = request->request_id};
	bool ok = govern_run(&g, request->arena, command, out, err);
	if (!realm->smart)
		realm_close(&own);
	return ok;
}

bool operator_door_handle(struct operator_door *door, struct http_exchange *x)
{
	const struct http_request *request = http_request(x);
	struct error err = {0};
	if (!door || !str_is(request->path, "/operator") || !str_is(request->method, "POST"))
		return false;
	struct decision *d = decision_new(request->arena);
	if (!may_come_in(door, x, d, &err)) {
		refuse(door, x, d, &err);
		return true;
	}
	struct buf body;
	buf_init(&body, MOST_ANSWER);
	const struct json *command = json_parse(request->arena, request->body, 0, &err);
	struct str tenant = json_get_str(command, S("tenant"));
	struct realm *realm = command ? door->options.realm(door->options.ctx, x, tenant, &err) : NULL;
	if (realm && run(door, x, realm, command, &body, &err)) {
		respond(x, 200, &body);
	} else {
		buf_done(&body);
		respond_error(x, &err);
	}
	return true;
}
