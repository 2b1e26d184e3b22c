/*
 * The sandbox's own address, /sandbox, which no vendor has: faults are switched here while it serves, apps registered,
 * and CDS services called. For callers on this machine only, and changes only as JSON, which a page of another origin
 * cannot send unasked.
 */
#include "base/origin.h"
#include "sandbox/orders_priv.h"

static void respond(struct http_exchange *x, int status, struct buf *body)
{
	http_respond(x, &(struct http_response){
				.status = status, .content_type = body ? S("application/json") : S(""), .body = body});
}

void admin_refuse(struct http_exchange *x, int status, struct str text)
{
	struct buf body;
	buf_init(&body, 1 << 16);
	struct json_writer w = json_writer(&body);
	json_object_begin(&w);
	json_put_member(&w, S("error"), text);
	json_object_end(&w);
	respond(x, status, &body);
	buf_done(&body);
}

static void respond_list(struct sandbox *s, struct http_exchange *x)
{
	struct buf body;
	buf_init(&body, 1 << 20);
	struct json_writer w = json_writer(&body);
	json_object_begin(&w);
	json_key(&w, S("faults"));
	fault_list(s, &w);
	json_object_end(&w);
	respond(x, 200, &body);
	buf_done(&body);
}

/* {"name": "503", "argument": 3}, or the same as one word: {"fault": "503=3"}. */
static void set(struct sandbox *s, struct http_exchange *x)
{
	const struct http_request *r = http_request(x);
	struct error err = {0};
	const struct json *j = json_parse(r->arena, r->body, 0, &err);
	struct str text = json_get_str(j, S("fault")), name = json_get_str(j, S("name"));
	struct str argument = json_number(json_get(j, S("argument")));
	if (name.p)
		text = argument.p ? arena_printf(r->arena, "%.*s=%.*s", STR_ARG(name), STR_ARG(argument)) : name;
	if (!j || !text.p)
		admin_refuse(x, 400, S("The body must be JSON with \"fault\": \"NAME\" or \"NAME=N\"."));
	else if (!fault_set(s, text, &err))
		admin_refuse(x, 400, str_from(err.text));
	else
		respond_list(s, x);
}

static void faults(struct sandbox *s, struct http_exchange *x, struct str rest)
{
	const struct http_request *r = http_request(x);
	bool json = str_starts(http_request_header(x, "Content-Type"), S("application/json"));
	if (str_is(r->method, "GET")) {
		respond_list(s, x);
	} else if (str_is(r->method, "DELETE") && rest.n > 1) {
		bool found = fault_clear(s, str_slice(rest, 1, rest.n));
		found ? respond_list(s, x) : admin_refuse(x, 404, S("There is no such fault."));
	} else if (str_is(r->method, "DELETE")) {
		fault_clear_all(s);
		respond_list(s, x);
	} else if (str_is(r->method, "POST") && json) {
		set(s, x);
	} else {
		admin_refuse(x, str_is(r->method, "POST") ? 415 : 405,
			     S("GET lists faults, POST of application/json sets one, DELETE takes them back."));
	}
}

bool admin_handle(struct sandbox *s, struct http_exchange *x)
{
	static const char base[] = "/sandbox/faults";
	const struct http_request *r = http_request(x);
	bool apps = str_is(r->path, "/sandbox/apps"), hooks = str_is(r->path, "/sandbox/hooks"),
	     orders = str_is(r->path, ORDERS_PATH);
	if (!apps && !hooks && !orders && !str_starts(r->path, str_from(base)))
		return false;
	if (!host_is_loopback(r->address)) {
		admin_refuse(x, 403, S("This is for callers on the same machine only."));
		return true;
	}
	if (hooks || orders) {
		hooks ? hooks_handle(s, x) : orders_handle(s, x);
		return true;
	}
	if (apps) {
		apps_handle(s, x);
		return true;
	}
	faults(s, x, str_slice(r->path, sizeof(base) - 1, r->path.n));
	return true;
}
