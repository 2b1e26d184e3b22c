/*
 * Registering apps as at the vendors' developer sites: metadata in, two client ids out. The one for non-production
 * works here once its activation has come through; the other is for a production that does not exist, so using it is
 * the mistake that it is out there. A page for people, JSON for programs; for this machine only.
 */
#include "sandbox/faults_priv.h"

#include "base/clock.h"
#include "base/encode.h"
#include "base/random.h"
#include "server/smart/clients.h"

static void respond(struct http_exchange *x, int status, const char *type, struct buf *body)
{
	const struct http_header headers[] = {
		{S("Cache-Control"), S("no-store")},
		{S("Content-Security-Policy"), S("default-src 'none'; form-action 'self'; "
						 "frame-ancestors 'none'")}};
	http_respond(x, &(struct http_response){.status = status,
						.content_type = str_from(type),
						.headers = headers,
						.header_count = 2,
						.body = body});
}

/* When the registration has reached the authorization server. */
static int64_t active_ms(const struct sandbox *s, const struct smart_client *c)
{
	return c->registered_ms + behaviour_number(s, BEHAVIOUR_ACTIVATION_SECONDS) * 1000;
}

static void put_app(struct sandbox *s, struct json_writer *w, const struct smart_client *c)
{
	char text[CLOCK_INSTANT_SIZE];
	clock_format_instant(active_ms(s, c), text);
	json_object_begin(w);
	json_put_member(w, S("client_id"), c->client_id);
	if (c->software_id.n)
		json_put_member(w, S("production_client_id"), c->software_id);
	json_put_member(w, S("client_name"), c->name);
	if (c->redirect_uris.n)
		json_put_member(w, S("redirect_uris"), c->redirect_uris);
	json_put_member(w, S("scope"), c->scope);
	json_key(w, S("active"));
	json_put_bool(w, c->configured || active_ms(s, c) <= clock_now_ms());
	if (!c->configured)
		json_put_member(w, S("active_from"), str_make(text, CLOCK_INSTANT_SIZE));
	json_object_end(w);
}

static struct str fresh_uuid(struct arena *a)
{
	char uuid[UUID_SIZE];
	random_uuid(uuid);
	return arena_str(a, str_make(uuid, UUID_SIZE));
}

/* Whoever names no APIs gets all of them. */
static const struct json *with_scope(struct sandbox *s, struct arena *a, const struct json *metadata, struct error *err)
{
	struct buf out;
	if (!json_is(metadata, JSON_OBJECT) || json_get(metadata, S("scope")))
		return metadata;
	buf_init(&out, (size_t)2 << 20);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	struct json_iter it = json_iter(metadata);
	while (json_next(&it)) {
		json_key(&w, it.key);
		json_put_value(&w, it.value);
	}
	json_put_member(&w, S("scope"), s->everything);
	json_object_end(&w);
	const struct json *j = json_parse(a, arena_str(a, buf_str(&out)), 0, err);
	buf_done(&out);
	return j;
}

static bool add_app(struct sandbox *s, struct arena *a, const struct json *metadata, struct smart_client *client,
		    struct str *ret_secret, struct error *err)
{
	const char *code = NULL;
	*ret_secret = STR_NULL;
	metadata = with_scope(s, a, metadata, err);
	if (!metadata || !smart_client_read(s->smart, a, metadata, client, &code, err))
		return false;
	client->client_id = fresh_uuid(a);
	client->software_id = fresh_uuid(a);
	client->registered_ms = clock_now_ms();
	return client->client_id.p && client->software_id.p ? smart_client_add(s->smart, a, client, ret_secret, err)
							    : error_memory(err);
}

static void answer_added(struct sandbox *s, struct http_exchange *x, const struct smart_client *client,
			 struct str secret)
{
	struct buf body;
	buf_init(&body, 1 << 20);
	struct json_writer w = json_writer(&body);
	json_object_begin(&w);
	json_key(&w, S("app"));
	put_app(s, &w, client);
	if (secret.n)
		json_put_member(&w, S("client_secret"), secret);
	json_object_end(&w);
	respond(x, 201, "application/json", &body);
	buf_done(&body);
}

/* ---- the page --------------------------------------------------------------------------------------------------- */

static void put_cell(struct buf *out, struct str text)
{
	buf_add(out, S("<td>"));
	encode_html(out, text);
	buf_add(out, S("</td>"));
}

static void put_page(struct sandbox *s, struct buf *out, const struct smart_client *clients, size_t count)
{
	buf_printf(
		out,
		"<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Apps of the %s sandbox</title>"
		"</head><body><h1>Apps of the %s sandbox</h1><p>This is a sandbox of Firth, not the vendor's site.</p>"
		"<table border=\"1\"><tr><th>Name</th><th>Client id (non-production)</th><th>Client id (production)"
		"</th><th>Redirect URIs</th><th>State</th></tr>",
		s->vendor->name, s->vendor->name);
	for (size_t i = 0; i < count; i++) {
		bool active = clients[i].configured || active_ms(s, &clients[i]) <= clock_now_ms();
		buf_add(out, S("<tr>"));
		put_cell(out, clients[i].name);
		put_cell(out, clients[i].client_id);
		put_cell(out, clients[i].software_id);
		put_cell(out, clients[i].redirect_uris);
		put_cell(out, active ? S("active") : S("waiting for its activation"));
		buf_add(out, S("</tr>"));
	}
	buf_add(out,
		S("</table><h2>Register an app</h2><form method=\"post\"><p><label>Name <input name=\"client_name\" "
		  "required></label></p><p><label>Redirect URI <input name=\"redirect_uri\" size=\"60\"></label></p>"
		  "<p><label>JWK Set URL <input name=\"jwks_uri\" size=\"60\"></label></p>"
		  "<p><label>APIs as scopes, none for all <input name=\"scope\" size=\"80\"></label></p>"
		  "<p><button>Register</button></p></form></body></html>"));
}

static void list(struct sandbox *s, struct http_exchange *x)
{
	struct arena *a = http_request(x)->arena;
	struct str accept = http_request_header(x, "Accept");
	struct smart_client *clients;
	struct error err = {0};
	struct buf body;
	size_t count;
	if (!smart_client_list(s->smart, a, &clients, &count, &err)) {
		admin_refuse(x, 500, str_from(err.text));
		return;
	}
	buf_init(&body, (size_t)16 << 20);
	bool page = str_find(accept, S("text/html")) != STR_NONE;
	struct json_writer w = json_writer(&body);
	if (page) {
		put_page(s, &body, clients, count);
	} else {
		json_object_begin(&w);
		json_key(&w, S("apps"));
		json_array_begin(&w);
		for (size_t i = 0; i < count; i++)
			put_app(s, &w, &clients[i]);
		json_array_end(&w);
		json_object_end(&w);
	}
	respond(x, 200, page ? "text/html; charset=utf-8" : "application/json", &body);
	buf_done(&body);
}

/* ---- what is sent ----------------------------------------------------------------------------------------------- */

static struct str form_text(struct arena *a, struct str form, const char *name)
{
	struct str sent = face_value(form, str_from(name)), text = STR_NULL;
	struct buf out;
	buf_init(&out, 1 << 16);
	if (sent.n && decode_percent(&out, sent, true))
		text = arena_str(a, buf_str(&out));
	buf_done(&out);
	return text;
}

/* The page's form as the metadata that programs send. */
static const struct json *form_metadata(struct arena *a, struct str form, struct error *err)
{
	static const char *const names[] = {"client_name", "jwks_uri", "scope"};
	struct str redirect = form_text(a, form, "redirect_uri");
	struct buf out;
	buf_init(&out, 1 << 18);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	for (size_t i = 0; i < 3; i++) {
		struct str text = form_text(a, form, names[i]);
		if (text.n)
			json_put_member(&w, str_from(names[i]), text);
	}
	if (redirect.n) {
		json_key(&w, S("redirect_uris"));
		json_array_begin(&w);
		json_put_str(&w, redirect);
		json_array_end(&w);
	}
	json_object_end(&w);
	const struct json *j = json_parse(a, arena_str(a, buf_str(&out)), 0, err);
	buf_done(&out);
	return j;
}

static void add(struct sandbox *s, struct http_exchange *x)
{
	const struct http_request *r = http_request(x);
	struct str type = http_request_header(x, "Content-Type"), origin = http_request_header(x, "Origin");
	bool form = str_starts(type, S("application/x-www-form-urlencoded"));
	struct smart_client client;
	struct error err = {0};
	struct str secret;
	/* A form may come from any page that the person has open; only ours may send one. */
	if (form ? !str_eq(origin, s->o.base_url) : !str_starts(type, S("application/json"))) {
		admin_refuse(x, 403, S("Apps are registered as JSON, or by the form of this page."));
		return;
	}
	const struct json *metadata =
		form ? form_metadata(r->arena, r->body, &err) : json_parse(r->arena, r->body, 0, &err);
	if (!metadata || !add_app(s, r->arena, metadata, &client, &secret, &err))
		admin_refuse(x, 400, str_from(err.text));
	else if (form)
		list(s, x);
	else
		answer_added(s, x, &client, secret);
}

void apps_handle(struct sandbox *s, struct http_exchange *x)
{
	const struct http_request *r = http_request(x);
	if (!s->smart)
		admin_refuse(x, 409, S("This sandbox answers without tokens, so there are no apps to register."));
	else if (str_is(r->method, "GET"))
		list(s, x);
	else if (str_is(r->method, "POST"))
		add(s, x);
	else
		admin_refuse(x, 405, S("GET lists apps, POST registers one."));
}

bool apps_pending(struct sandbox *s, struct arena *a, struct str client_id)
{
	struct smart_client client;
	struct error err = {0};
	if (!client_id.n || !behaviour_number(s, BEHAVIOUR_ACTIVATION_SECONDS) ||
	    !smart_client_find(s->smart, a, client_id, &client, &err) || !client.client_id.n)
		return false;
	return !client.configured && active_ms(s, &client) > clock_now_ms();
}
