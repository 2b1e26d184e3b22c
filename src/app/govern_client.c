/* The registry of clients, governed: listed, added, given new secrets, disabled, enabled, prolonged, removed. */
#include "app/expiry.h"
#include "app/govern.h"
#include "base/clock.h"

enum { OVERLAP_S = 24 * 60 * 60 /* that the secret before goes on working */ };

static const char *state_of(const struct smart_client *c, int64_t now_ms)
{
	return c->disabled						? "disabled"
	       : c->expires_ms && c->expires_ms <= now_ms		? "expired"
	       : c->secret_expires_ms && c->secret_expires_ms <= now_ms ? "secret expired"
									: "enabled";
}

static void put_warnings(struct json_writer *w, struct arena *a, const struct smart_client *c, int64_t now_ms)
{
	struct expiry expiries[2];
	size_t count = expiry_of(c, now_ms, expiries);
	if (!count)
		return;
	json_key(w, S("warnings"));
	json_array_begin(w);
	for (size_t i = 0; i < count; i++)
		json_put_str(w, expiry_text(a, &expiries[i], now_ms));
	json_array_end(w);
}

/* Nothing here is a secret or made of one. */
static void put_client(struct json_writer *w, struct arena *a, const struct smart_client *c)
{
	int64_t now_ms = clock_now_ms();
	json_object_begin(w);
	json_put_member(w, S("client"), c->client_id);
	json_put_member(w, S("name"), c->name);
	json_put_member(w, S("state"), str_from(state_of(c, now_ms)));
	json_put_member(w, S("source"),
			c->configured	     ? S("configuration")
			: c->self_registered ? S("registered itself")
					     : S("operator"));
	json_put_member(w, S("auth"), str_from(client_auth_name(smart_client_auth(c))));
	govern_put_time(w, "registered", c->registered_ms);
	govern_put_time(w, "expires", c->expires_ms);
	govern_put_time(w, "secret_expires", c->secret_expires_ms);
	if (c->secret_before_ms > now_ms)
		govern_put_time(w, "secret_before_works_until", c->secret_before_ms);
	put_warnings(w, a, c, now_ms);
	json_key(w, S("metadata"));
	smart_client_write(w, c);
	json_object_end(w);
}

static bool find(const struct govern *g, struct arena *a, const struct json *command, struct smart_client *ret_client,
		 struct error *err)
{
	struct str id;
	if (!govern_text(command, "client", &id, err) || !smart_client_find(g->realm->smart, a, id, ret_client, err))
		return false;
	return ret_client->client_id.p ||
	       error_set(err, ERR_NOT_FOUND, "There is no client %.*s", STR_ARG(str_slice(id, 0, 100)));
}

/* The client as it is now, and its new secret if there is one. */
static bool answer(const struct govern *g, struct arena *a, struct str id, struct str secret, struct json_writer *w,
		   struct error *err)
{
	struct smart_client client;
	if (!smart_client_find(g->realm->smart, a, id, &client, err))
		return false;
	json_key(w, S("client"));
	put_client(w, a, &client);
	json_put_member(w, S("secret"), secret);
	return true;
}

bool govern_client_list(const struct govern *g, struct arena *a, const struct json *command, struct json_writer *w,
			struct error *err)
{
	struct smart_client *clients;
	size_t count;
	(void)command;
	if (!smart_client_list(g->realm->smart, a, &clients, &count, err))
		return false;
	json_key(w, S("clients"));
	json_array_begin(w);
	for (size_t i = 0; i < count; i++)
		put_client(w, a, &clients[i]);
	json_array_end(w);
	return true;
}

/* The same, for the record by another name. */
bool govern_client_export(const struct govern *g, struct arena *a, const struct json *command, struct json_writer *w,
			  struct error *err)
{
	return govern_client_list(g, a, command, w, err);
}

bool govern_client_show(const struct govern *g, struct arena *a, const struct json *command, struct json_writer *w,
			struct error *err)
{
	struct smart_client client;
	if (!find(g, a, command, &client, err))
		return false;
	json_key(w, S("client"));
	put_client(w, a, &client);
	return true;
}

/* An instant in milliseconds, 0 for none; false when the member is not there. */
static bool take_time(const struct json *command, const char *name, int64_t *into)
{
	int64_t ms;
	if (!str_to_i64(json_number(json_get(command, str_from(name))), &ms))
		return false;
	*into = ms;
	return true;
}

bool govern_client_add(const struct govern *g, struct arena *a, const struct json *command, struct json_writer *w,
		       struct error *err)
{
	struct smart_client client;
	struct str secret = STR_NULL, id = json_get_str(command, S("client"));
	const struct json *metadata = json_get(command, S("metadata"));
	const char *code;
	if (!json_is(metadata, JSON_OBJECT))
		return error_set(err, ERR_VALUE, "metadata is missing");
	if (!smart_client_read(g->realm->smart, a, metadata, &client, &code, err))
		return false;
	client.client_id = id.n ? id : STR_NULL;
	take_time(command, "expires_ms", &client.expires_ms);
	take_time(command, "secret_expires_ms", &client.secret_expires_ms);
	return smart_client_add(g->realm->smart, a, &client, &secret, err) &&
	       answer(g, a, client.client_id, secret, w, err);
}

bool govern_client_rotate(const struct govern *g, struct arena *a, const struct json *command, struct json_writer *w,
			  struct error *err)
{
	struct smart_client client;
	struct str secret = STR_NULL;
	int64_t overlap_s = OVERLAP_S, expires_ms = 0;
	if (!find(g, a, command, &client, err))
		return false;
	take_time(command, "overlap_s", &overlap_s);
	take_time(command, "secret_expires_ms", &expires_ms);
	return smart_client_rotate(g->realm->smart, a, client.client_id, overlap_s, expires_ms, &secret, err) &&
	       answer(g, a, client.client_id, secret, w, err);
}

static bool set_disabled(const struct govern *g, struct arena *a, const struct json *command, bool disabled,
			 struct json_writer *w, struct error *err)
{
	struct smart_client client;
	if (!find(g, a, command, &client, err))
		return false;
	client.disabled = disabled;
	take_time(command, "expires_ms", &client.expires_ms);
	return smart_client_change(g->realm->smart, a, &client, err) &&
	       answer(g, a, client.client_id, STR_NULL, w, err);
}

bool govern_client_disable(const struct govern *g, struct arena *a, const struct json *command, struct json_writer *w,
			   struct error *err)
{
	return set_disabled(g, a, command, true, w, err);
}

bool govern_client_enable(const struct govern *g, struct arena *a, const struct json *command, struct json_writer *w,
			  struct error *err)
{
	return set_disabled(g, a, command, false, w, err);
}

bool govern_client_remove(const struct govern *g, struct arena *a, const struct json *command, struct json_writer *w,
			  struct error *err)
{
	struct smart_client client;
	if (!find(g, a, command, &client, err) || !smart_client_remove(g->realm->smart, a, client.client_id, err))
		return false;
	json_put_member(w, S("removed"), client.client_id);
	return true;
}
