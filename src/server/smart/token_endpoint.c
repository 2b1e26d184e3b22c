/*
 * The token endpoint (RFC 6749 section 3.2): from the form to the answer, by grant type. Nothing is stored here: the
 * answer is good once its facts are committed, which is one transaction.
 */
#include "server/smart/smart_priv.h"

/* ---- scopes -------------------------------------------------------------------------------------------------------
 */

/* A filter is granted only where it can be enforced. */
bool scopes_check_filters(struct smart *s, struct arena *a, const struct scope_list *list, struct decision *d,
			  struct error *err)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct scope *one = &list->scopes[i];
		const struct fhir_type *type =
			str_is(one->type, "*") ? NULL : definitions_resource(s->options.definitions, one->type);
		struct error why = {0};
		if (!one->filter.p)
			continue;
		if (!s->options.filter)
			error_set(&why, ERR_NOT_SUPPORTED, "filters are not supported here");
		if (!why.code && s->options.filter(s->options.filter_ctx, a, type, one->filter, &why))
			continue;
		struct str had = arena_printf(a, "%.*s, which is narrowed by something that cannot be searched by: %s",
					      STR_ARG(str_slice(one->text, 0, 120)), why.text);
		return decision_refuse(d, CHECK_SCOPE_ASKED, REFUSAL_SCOPE_UNREGISTERED, had, STR_NULL, STR_NULL, err);
	}
	return true;
}

struct str scopes_asked(struct smart *s, struct arena *a, const struct smart_client *client, struct str asked,
			enum scope_contexts contexts)
{
	const struct smart_persona *p = s->options.persona;
	return p->asked ? p->asked(p->ctx, a, client, asked, contexts) : asked;
}

bool scopes_granted(struct smart *s, struct arena *a, struct scope_list *list, struct error *err)
{
	const struct smart_persona *p = s->options.persona;
	struct str text = list->text;
	return !p->granted ||
	       (p->granted(p->ctx, a, &text, err) && scope_list_read(a, s->options.definitions, text, list, NULL, err));
}

static bool grant_scopes(struct asking *q, struct scope_list *ret_list, struct error *err)
{
	struct smart *s = q->s;
	const struct definitions *d = s->options.definitions;
	struct str registered = q->client->facts.scope, text = form_get(&q->form, "scope");
	struct scope_list asked, allowed;
	text = scopes_asked(s, q->a, &q->client->facts, text, SCOPES_OF_SYSTEM);
	if (!text.n)
		return decision_refuse(q->decision, CHECK_SCOPE_ASKED, REFUSAL_SCOPE_ABSENT, STR_NULL, STR_NULL,
				       STR_NULL, err);
	if (!scope_list_read(q->a, d, text, &asked, NULL, err) ||
	    !scope_list_read(q->a, d, registered, &allowed, NULL, err) ||
	    !scope_list_common(q->a, &asked, &allowed, SCOPES_OF_SYSTEM, ret_list, err) ||
	    !scopes_check_filters(s, q->a, ret_list, q->decision, err) || !scopes_granted(s, q->a, ret_list, err))
		return false;
	if (!ret_list->count)
		return decision_refuse(q->decision, CHECK_SCOPE_ASKED, REFUSAL_SCOPE_UNREGISTERED,
				       str_slice(text, 0, 200), str_slice(registered, 0, 200), STR_NULL, err);
	decision_note(q->decision, CHECK_SCOPE_ASKED, text, ret_list->text);
	return true;
}

/* ---- the answer ---------------------------------------------------------------------------------------------------
 */

static int64_t token_end(struct asking *q, unsigned lifetime_s)
{
	int64_t end = q->now_ms + (int64_t)lifetime_s * 1000, last = q->client->facts.expires_ms;
	return last && last < end ? last : end;
}

static void put_begin(struct json_writer *w, struct str token, const char *type, const struct grant *grant)
{
	json_object_begin(w);
	json_put_member(w, S("access_token"), token);
	json_put_member(w, S("token_type"), str_from(type));
	json_key(w, S("expires_in"));
	json_put_i64(w, (grant->expires_ms - grant->issued_ms) / 1000);
	json_put_member(w, S("scope"), grant->scope_text);
}

/* Backend services (SMART App Launch 2.2 section 4): no refresh token, since the client can always ask anew. */
static bool backend_grant(struct asking *q, struct error *err)
{
	struct scope_list list;
	struct str token;
	if (!grant_scopes(q, &list, err))
		return false;
	const struct grant grant = {.client_id = q->client->facts.client_id,
				    .scope_text = list.text,
				    .scopes = list.scopes,
				    .scope_count = list.count,
				    .issued_ms = q->now_ms,
				    .expires_ms = token_end(q, q->s->options.lifetimes.backend_s)};
	if (!token_make(q, &grant, &token, err))
		return false;
	struct json_writer w = json_writer(q->out);
	put_begin(&w, token, "bearer", &grant);
	json_object_end(&w);
	if (q->decision)
		q->decision->scope = list.text;
	return buf_ok(q->out) || error_memory(err);
}

/* What was launched (SMART App Launch 2.2 section 2.1.8, "token response"). */
static void put_launch(struct json_writer *w, const struct smart *s, const struct authorization *g)
{
	struct str path = s->options.base_path;
	json_put_member(w, S("patient"), g->patient);
	json_put_member(w, S("encounter"), g->encounter);
	if (g->patient.p) {
		json_key(w, S("need_patient_banner"));
		json_put_bool(w, g->launch.need_patient_banner);
	}
	json_put_member(w, S("smart_style_url"), g->launch.style_url);
	json_put_member(w, S("intent"), g->launch.intent);
	json_put_member(w, S("appContext"), g->launch.app_context); /* CDS Hooks 2.0, "Link" */
	if (g->launch.fhir_context.p) {
		json_key(w, S("fhirContext"));
		json_put_raw(w, g->launch.fhir_context);
	}
	if (str_starts(path, S("/t/")))
		json_put_member(w, S("tenant"), str_slice(path, 3, path.n));
}

static bool make_refresh(struct asking *q, const struct authorization *g, struct str *ret_token, struct error *err)
{
	struct str token = secret_new(q->a), key = token.p ? secret_digest(q->a, token) : STR_NULL;
	if (!key.p)
		return error_memory(err);
	asking_add(
		q, FACT_PLAIN,
		&(struct store_fact){
			.shelf = S("refresh"), .key = key, .value = g->id, .expires_ms = g->expires_ms, .quiet = true});
	*ret_token = token;
	return true;
}

/* How long it may go on without a login, and without being used. */
static void set_ends(struct asking *q, struct authorization *g, unsigned words, bool first, int64_t token_end_ms)
{
	const struct smart_lifetimes *l = &q->s->options.lifetimes;
	bool offline = (words & SCOPE_OFFLINE_ACCESS) != 0;
	int64_t idle_s = offline ? l->refresh_idle_s : l->online_s;
	int64_t most_s = offline ? l->refresh_end_s : l->online_s;
	bool proof = smart_client_auth(&q->client->facts) != AUTH_NONE;
	bool may = (proof || !q->s->options.persona->refresh_needs_proof) &&
		   (smart_client_grant_types(&q->client->facts) & CLIENT_REFRESH_TOKEN) &&
		   (words & (SCOPE_OFFLINE_ACCESS | SCOPE_ONLINE_ACCESS));
	if (first)
		g->ends_ms = may ? q->now_ms + most_s * 1000 : 0;
	int64_t idle_ms = q->now_ms + idle_s * 1000;
	g->expires_ms = idle_ms < g->ends_ms ? idle_ms : g->ends_ms;
	if (g->expires_ms < token_end_ms)
		g->expires_ms = token_end_ms;
}

static bool keep(struct asking *q, const struct authorization *g, bool first, struct error *err)
{
	struct str stored = authorization_format(q->a, g, err);
	if (!stored.p)
		return false;
	asking_add(q, FACT_GRANT,
		   &(struct store_fact){.shelf = S("grant"),
					.key = g->id,
					.value = stored,
					.expires_ms = g->expires_ms,
					.only_new = first,
					.expected = first ? STR_NULL : g->stored,
					.quiet = true});
	return true;
}

bool tokens_issue(struct asking *q, const struct issuing *issuing, struct error *err)
{
	struct authorization *g = issuing->authorization;
	const struct scope_list *list = issuing->scopes;
	const struct grant grant = {.id = g->id,
				    .client_id = g->client_id,
				    .scope_text = list->text,
				    .issued_ms = q->now_ms,
				    .expires_ms = token_end(q, q->s->options.lifetimes.access_s)};
	struct str token, refresh = STR_NULL, identity = STR_NULL;
	set_ends(q, g, issuing->words, issuing->first, grant.expires_ms);
	g->used_ms = q->now_ms;
	const struct smart_persona *p = q->s->options.persona;
	bool another =
		g->ends_ms && !issuing->access_alone && (issuing->first || !p->refresh_stays || p->refresh_comes_again);
	if (!token_make(q, &grant, &token, err) || (another && !make_refresh(q, g, &refresh, err)) ||
	    ((list->words & SCOPE_OPENID) && !identity_token(q, g, list, &identity, err)))
		return false;
	if (!keep(q, g, issuing->first, err))
		return false;
	struct json_writer w = json_writer(q->out);
	put_begin(&w, token, q->s->options.persona->small_bearer ? "bearer" : "Bearer", &grant);
	json_put_member(&w, S("refresh_token"), refresh);
	json_put_member(&w, S("id_token"), identity);
	const struct smart_told told = identity_told(q, g, list->words, issuing->first);
	if (p->told)
		p->told(p->ctx, &w, &told);
	else
		put_launch(&w, q->s, g);
	json_object_end(&w);
	if (q->decision) {
		q->decision->user = g->user;
		q->decision->grant = g->id;
		q->decision->patient = g->patient;
		q->decision->scope = list->text;
	}
	return buf_ok(q->out) || error_memory(err);
}

/* ---- the form -----------------------------------------------------------------------------------------------------
 */

static const struct {
	const char *name;
	unsigned type;
	bool (*run)(struct asking *q, struct error *err);
} kinds[] = {{"authorization_code", CLIENT_AUTHORIZATION_CODE, code_redeem},
	     {"refresh_token", CLIENT_REFRESH_TOKEN, refresh_redeem},
	     {"client_credentials", CLIENT_CREDENTIALS, backend_grant},
	     {"urn:ietf:params:oauth:grant-type:jwt-bearer", CLIENT_DEVICE, device_redeem}};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

bool token_endpoint_run(struct asking *q, struct error *err)
{
	struct str name = form_get(&q->form, "grant_type");
	size_t i = 0, count = q->s->options.persona->device_clients ? KINDS : KINDS - 1;
	if (!name.p)
		return decision_refuse(q->decision, CHECK_REQUEST, REFUSAL_PARAMETER_MISSING, STR_NULL, S("grant_type"),
				       STR_NULL, err);
	while (i < count && !str_is(name, kinds[i].name))
		i++;
	if (i == count)
		return decision_refuse(q->decision, CHECK_GRANT_TYPE, REFUSAL_GRANT_TYPE, str_slice(name, 0, 80),
				       S("authorization_code, refresh_token or client_credentials"), STR_NULL, err);
	if (!client_authenticate(q, err))
		return false;
	if (!(smart_client_grant_types(&q->client->facts) & kinds[i].type))
		return decision_refuse(q->decision, CHECK_GRANT_TYPE, REFUSAL_GRANT_TYPE_CLIENT, name,
				       q->client->facts.grant_types, STR_NULL, err);
	decision_note(q->decision, CHECK_GRANT_TYPE, name, STR_NULL);
	return kinds[i].run(q, err);
}
