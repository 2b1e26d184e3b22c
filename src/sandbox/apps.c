/*
 * Registering apps as at the vendors' developer sites: metadata in, two client ids out. The one for non-production
 * works here once its activation has come through; the other is for a production that does not exist, so using it is
 * the mistake that it is out there. A page for people, JSON for programs; for this machine only.
 */
#include "sandbox/apps_priv.h"
#include "sandbox/sheet_priv.h"

#include "base/clock.h"
#include "base/random.h"

static void respond(struct http_exchange *x, int status, const char *type, struct buf *body)
{
	const struct http_header headers[] = {
		{S("Cache-Control"), S("no-store")},
		{S("Content-Security-Policy"), S("default-src 'none'; img-src 'self'; form-action 'self'; "
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

bool apps_active(struct sandbox *s, struct arena *a, const struct smart_client *client, struct str *ret_from)
{
	char text[CLOCK_INSTANT_SIZE];
	clock_format_instant(active_ms(s, client), text);
	*ret_from = client->configured ? STR_NULL : arena_str(a, str_make(text, CLOCK_INSTANT_SIZE));
	return client->configured || active_ms(s, client) <= clock_now_ms();
}

static void put_app(struct sandbox *s, struct json_writer *w, const struct smart_client *c)
{
	char text[CLOCK_INSTANT_SIZE];
	clock_format_instant(active_ms(s, c), text);
	json_object_begin(w);
	json_put_member(w, S("client_id"), c->client_id);
	if (c->software_id.n && !c->self_registered)
		json_put_member(w, S("production_client_id"), c->software_id);
	json_put_member(w, S("client_name"), c->name);
	if (c->redirect_uris.n)
		json_put_member(w, S("redirect_uris"), c->redirect_uris);
	json_put_member(w, S("launch_url"), c->launch_url);
	json_put_member(w, S("jwks_uri"), c->jwks_url);
	json_put_member(w, S("token_endpoint_auth_method"), str_from(client_auth_name(smart_client_auth(c))));
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
	json_put_member(&w, S("scope"),
			json_get(metadata, S("redirect_uris")) ? s->everything_of_people : s->everything);
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

static bool wants_page(struct http_exchange *x)
{
	return str_find(http_request_header(x, "Accept"), S("text/html")) != STR_NONE;
}

/* secret and problem: of what was just sent, for the page. */
static void list(struct sandbox *s, struct http_exchange *x, struct str secret, struct str problem)
{
	struct arena *a = http_request(x)->arena;
	struct smart_client *clients;
	struct error err = {0};
	struct buf body;
	size_t count;
	if (!smart_client_list(s->smart, a, &clients, &count, &err)) {
		admin_refuse(x, 500, str_from(err.text));
		return;
	}
	if (wants_page(x)) {
		apps_sheet(s, x, &(struct apps_shown){clients, count, secret, problem});
		return;
	}
	buf_init(&body, (size_t)16 << 20);
	struct json_writer w = json_writer(&body);
	json_object_begin(&w);
	json_key(&w, S("apps"));
	json_array_begin(&w);
	for (size_t i = 0; i < count; i++)
		put_app(s, &w, &clients[i]);
	json_array_end(&w);
	json_object_end(&w);
	respond(x, 200, "application/json", &body);
	buf_done(&body);
}

static void add(struct sandbox *s, struct http_exchange *x)
{
	const struct http_request *r = http_request(x);
	struct str type = http_request_header(x, "Content-Type");
	bool form = str_starts(type, S("application/x-www-form-urlencoded"));
	struct smart_client client;
	struct error err = {0};
	struct str secret;
	/* A form may come from any page that the person has open; only ours may send one. */
	if (form ? !sheet_is_ours(x, s->o.base_url) : !str_starts(type, S("application/json"))) {
		admin_refuse(x, 403, S("Apps are registered as JSON, or by the form of this page."));
		return;
	}
	const struct json *metadata =
		form ? apps_form_metadata(s, r->arena, r->body, &err) : json_parse(r->arena, r->body, 0, &err);
	bool added = metadata && add_app(s, r->arena, metadata, &client, &secret, &err);
	if (form && wants_page(x))
		list(s, x, added ? secret : STR_NULL, added ? STR_NULL : str_from(err.text));
	else if (!added)
		admin_refuse(x, 400, str_from(err.text));
	else if (form)
		list(s, x, STR_NULL, STR_NULL);
	else
		answer_added(s, x, &client, secret);
}

void apps_handle(struct sandbox *s, struct http_exchange *x)
{
	const struct http_request *r = http_request(x);
	if (!s->smart)
		admin_refuse(x, 409, S("This sandbox answers without tokens, so there are no apps to register."));
	else if (str_is(r->method, "GET"))
		list(s, x, STR_NULL, STR_NULL);
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
	return !client.configured && !client.self_registered && active_ms(s, &client) > clock_now_ms();
}
