/*
 * Clients of single devices, where the persona has them (Epic's dynamic clients): an app that cannot keep a secret
 * registers the key of the device it runs on, with the access token that a person's sign-in just gave it, and from then
 * on fetches tokens of that person with assertions (RFC 7523 section 2.1) instead of refresh tokens.
 */
#include "base/random.h"
#include "server/smart/smart_priv.h"

#define SHELF	   S("device") /* from the id of such a client to the authorization that it has */
#define GRANT_TYPE "urn:ietf:params:oauth:grant-type:jwt-bearer"

/* ---- registration --------------------------------------------------------------------------------------------------
 */

static bool refuse(struct asking *q, enum refusal refusal, const char *had, struct error *err)
{
	return decision_refuse(q->decision, CHECK_REGISTRATION, refusal, str_from(had), STR_NULL, STR_NULL, err);
}

/* Whose token it is, what that person agreed to, and which app it was. */
static bool find_giver(struct asking *q, struct authorization *ret_given, struct smart_client *ret_app,
		       struct error *err)
{
	struct grant grant;
	q->by_token = true;
	if (!smart_authorize(q->s, q->a, q->authorization, q->decision, &grant, err))
		return false;
	q->by_token = false;
	if (!authorization_find(q->s, q->a, grant.id, ret_given, err) ||
	    !smart_client_find(q->s, q->a, grant.client_id, ret_app, err))
		return false;
	if (!ret_given->id.p || ret_app->self_registered || smart_client_auth(ret_app) != AUTH_NONE)
		return refuse(q, REFUSAL_REGISTRATION_CLOSED, "a token that no sign-in gave to a public app", err);
	/* An access token of a code serves once. */
	asking_add(q, FACT_INITIAL,
		   &(struct store_fact){.shelf = S("initial"),
					.key = ret_given->id,
					.value = S("1"),
					.expires_ms = grant.expires_ms,
					.only_new = true,
					.quiet = true});
	return true;
}

static bool read_request(struct asking *q, const struct smart_client *app, struct smart_client *ret_device,
			 struct error *err)
{
	struct error why = {0};
	const struct json *body = json_parse(q->a, q->body, 16, &why), *jwks = json_get(body, S("jwks"));
	if (!body || !str_eq(json_get_str(body, S("software_id")), app->client_id))
		return refuse(q, REFUSAL_REGISTRATION_INVALID, body ? "software_id of another app" : "no JSON", err);
	struct jose_key_set *keys = jwks ? jose_key_set_parse_for(jwks, smart_algorithms(q->s), &why) : NULL;
	jose_key_set_free(keys);
	if (!keys)
		return refuse(q, REFUSAL_REGISTRATION_INVALID,
			      arena_printf(q->a, "jwks: %s", jwks ? why.text : "missing").p, err);
	char uuid[UUID_SIZE];
	random_uuid(uuid);
	*ret_device = (struct smart_client){.client_id = arena_printf(q->a, "G%.36s", uuid),
					    .name = app->name,
					    .scope = app->scope,
					    .redirect_uris = app->redirect_uris,
					    .grant_types = S(GRANT_TYPE),
					    .software_id = app->client_id,
					    .jwks = jwks,
					    .auth = AUTH_NONE,
					    .self_registered = true};
	return ret_device->client_id.p || error_memory(err);
}

/* What the person agreed to, once more, for the new client: it can be ended by itself. */
static bool add_authorization(struct asking *q, const struct authorization *given, struct str client_id,
			      int64_t *ret_ends_ms, struct error *err)
{
	const struct smart_lifetimes *l = &q->s->options.lifetimes;
	struct authorization g = {.id = authorization_new_id(q->a, given->user),
				  .client_id = client_id,
				  .scope = given->scope,
				  .user = given->user,
				  .fhir_user = given->fhir_user,
				  .roles = given->roles,
				  .display = given->display,
				  .patient = given->patient,
				  .launch = {.need_patient_banner = given->launch.need_patient_banner},
				  .authenticated_ms = given->authenticated_ms,
				  .issued_ms = q->now_ms,
				  .ends_ms = q->now_ms + l->refresh_end_s * INT64_C(1000),
				  .expires_ms = q->now_ms + l->refresh_idle_s * INT64_C(1000)};
	struct str stored = g.id.p ? authorization_format(q->a, &g, err) : STR_NULL;
	if (!stored.p)
		return g.id.p ? false : error_memory(err);
	*ret_ends_ms = g.ends_ms;
	asking_add(q, FACT_PLAIN,
		   &(struct store_fact){.shelf = S("grant"),
					.key = g.id,
					.value = stored,
					.expires_ms = g.expires_ms,
					.only_new = true,
					.quiet = true});
	asking_add(q, FACT_PLAIN,
		   &(struct store_fact){.shelf = SHELF,
					.key = client_id,
					.value = g.id,
					.expires_ms = g.ends_ms,
					.only_new = true,
					.quiet = true});
	return true;
}

static void put_words(struct json_writer *w, const char *name, struct str words)
{
	json_key(w, str_from(name));
	json_array_begin(w);
	while (words.n)
		json_put_str(w, str_split(&words, ' '));
	json_array_end(w);
}

static bool write_client(struct asking *q, const struct smart_client *device, struct error *err)
{
	struct json_writer w = json_writer(q->out);
	json_object_begin(&w);
	put_words(&w, "redirect_uris", device->redirect_uris);
	json_put_member(&w, S("token_endpoint_auth_method"), S("none"));
	put_words(&w, "grant_types", device->grant_types);
	json_put_member(&w, S("software_id"), device->software_id);
	json_put_member(&w, S("client_id"), device->client_id);
	json_key(&w, S("client_id_issued_at"));
	json_put_i64(&w, device->registered_ms / 1000);
	json_key(&w, S("jwks"));
	json_put_value(&w, device->jwks);
	json_object_end(&w);
	q->status = 201;
	return buf_ok(q->out) || error_memory(err);
}

bool device_register(struct asking *q, struct error *err)
{
	struct authorization given;
	struct smart_client app, device;
	struct store_fact fact;
	struct str secret;
	int64_t ends_ms = 0;
	if (!find_giver(q, &given, &app, err) || !read_request(q, &app, &device, err) ||
	    !client_prepare(q->s, q->a, &device, &secret, &fact, err) ||
	    !add_authorization(q, &given, device.client_id, &ends_ms, err))
		return false;
	fact.expires_ms = ends_ms;
	asking_add(q, FACT_PLAIN, &fact);
	return write_client(q, &device, err);
}

/* ---- tokens --------------------------------------------------------------------------------------------------------
 */

static bool find_authorization(struct asking *q, struct authorization *ret_g, struct error *err)
{
	struct str id = STR_NULL;
	if (!store_fact_get(q->s->options.store, q->a, SHELF, q->client->facts.client_id, &id, err) ||
	    !authorization_find(q->s, q->a, id, ret_g, err))
		return false;
	return (ret_g->id.p && !ret_g->revoked_ms && ret_g->ends_ms > q->now_ms) ||
	       decision_refuse(q->decision, CHECK_REVOCATION, REFUSAL_REFRESH_REVOKED, STR_NULL, STR_NULL, STR_NULL,
			       err);
}

bool device_redeem(struct asking *q, struct error *err)
{
	struct str assertion = form_get(&q->form, "assertion");
	struct authorization *g = ARENA_NEW(q->a, struct authorization);
	struct scope_list list;
	unsigned words;
	if (!g)
		return error_memory(err);
	if (!assertion.p)
		return decision_refuse(q->decision, CHECK_REQUEST, REFUSAL_PARAMETER_MISSING, STR_NULL, S("assertion"),
				       STR_NULL, err);
	if (!assertion_check(q, assertion, err) || !find_authorization(q, g, err) ||
	    !refresh_scopes(q, g, &list, &words, err))
		return false;
	q->granting = g;
	return tokens_issue(q,
			    &(struct issuing){.authorization = g,
					      .scopes = &list,
					      .words = words | SCOPE_OFFLINE_ACCESS,
					      .access_alone = true},
			    err);
}
