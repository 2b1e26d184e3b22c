/* Tokens of this server: opaque, so only its store knows what they stand for. Opened for reading alone. */
#include "app/realm.h"
#include "app/token.h"
#include "base/encode.h"

static void add_scopes(struct token_report *r, struct str scopes)
{
	struct scope_list list;
	static const struct {
		unsigned word;
		const char *says;
	} words[] = {{SCOPE_OPENID, "know who the user is (openid)"},
		     {SCOPE_FHIR_USER, "know which record the user is (fhirUser)"},
		     {SCOPE_PROFILE, "know the user's profile (profile)"},
		     {SCOPE_LAUNCH, "know what was open in the EHR (launch)"},
		     {SCOPE_LAUNCH_PATIENT, "know which patient was chosen (launch/patient)"},
		     {SCOPE_LAUNCH_ENCOUNTER, "know which encounter was chosen (launch/encounter)"},
		     {SCOPE_ONLINE_ACCESS, "go on while the user is logged in (online_access)"},
		     {SCOPE_OFFLINE_ACCESS, "go on while the user is away (offline_access)"}};
	static const struct {
		unsigned permission;
		const char *says;
	} verbs[] = {
		{SCOPE_C, "create"}, {SCOPE_R, "read"}, {SCOPE_U, "update"}, {SCOPE_D, "delete"}, {SCOPE_S, "search"}};
	if (!scope_list_read(r->arena, definitions_builtin(), scopes, &list, NULL, NULL))
		return;
	for (size_t i = 0; i < list.count; i++) {
		const struct scope *s = &list.scopes[i];
		struct buf text;
		size_t n = 0;
		buf_init(&text, 4096);
		for (size_t k = 0; k < sizeof(verbs) / sizeof(verbs[0]); k++)
			if (s->permissions & verbs[k].permission)
				buf_printf(&text, "%s%s", n++ ? ", " : "", verbs[k].says);
		if (str_is(s->type, "*"))
			buf_add(&text, S(" everything"));
		else
			buf_printf(&text, " %.*s", STR_ARG(s->type));
		buf_add(&text, str_is(s->context, "patient") ? S(" of the patient")
			       : str_is(s->context, "user")  ? S(" that the user may see")
							     : S(" of everyone"));
		if (s->filter.n) {
			buf_add(&text, S(", but only where "));
			if (!decode_percent(&text, s->filter, true))
				buf_add(&text, s->filter);
		}
		buf_printf(&text, " (%.*s)", STR_ARG(s->text));
		token_add_fact(r, "may", arena_str(r->arena, buf_str(&text)));
		buf_done(&text);
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (list.words & words[i].word)
			token_add_fact(r, "may", str_from(words[i].says));
}

static void add_access(struct token_report *r, const struct grant *g, int64_t now_ms)
{
	token_add_fact(r, "client", g->client_id);
	token_add_fact(r, "user", g->user);
	token_add_fact(r, "who is", g->fhir_user);
	token_add_fact(r, "roles", g->roles);
	token_add_fact(r, "patient", g->patient);
	token_add_fact(r, "encounter", g->encounter);
	token_add_fact(r, "grant", g->id);
	token_add_fact(r, "given", g->issued_ms ? token_when(r, g->issued_ms, now_ms) : STR_NULL);
	token_add_fact(r, "expires", token_when(r, g->expires_ms, now_ms));
	add_scopes(r, g->scope_text);
}

static void add_refresh(struct token_report *r, const struct smart_grant *g, int64_t now_ms)
{
	token_add_fact(r, "client", g->client_id);
	token_add_fact(r, "user", g->user);
	token_add_fact(r, "who is", g->fhir_user);
	token_add_fact(r, "patient", g->patient);
	token_add_fact(r, "grant", g->id);
	token_add_fact(r, "given", g->issued_ms ? token_when(r, g->issued_ms, now_ms) : STR_NULL);
	token_add_fact(r, "last used", g->used_ms ? token_when(r, g->used_ms, now_ms) : STR_NULL);
	token_add_fact(r, "expires", g->expires_ms ? token_when(r, g->expires_ms, now_ms) : STR_NULL);
	add_scopes(r, g->scopes);
}

/* The clock of the store's facts is the real one; another `now` is laid over what it gave. */
static void check_now(struct token_report *r, const struct token_question *q, const struct grant *g)
{
	int64_t now_ms = q->now_ms;
	if (g->issued_ms && now_ms < g->issued_ms)
		token_fail(r, CHECK_NOT_BEFORE, REFUSAL_TOKEN_UNKNOWN, token_when(r, g->issued_ms, now_ms), STR_NULL);
	if (g->expires_ms <= now_ms)
		token_fail(r, CHECK_EXPIRY, REFUSAL_TOKEN_EXPIRED, token_when(r, g->expires_ms, now_ms), STR_NULL);
	else
		token_pass(r, CHECK_EXPIRY, token_when(r, g->expires_ms, now_ms));
}

static bool explain(struct token_report *r, const struct token_question *q, struct smart *s, struct str token,
		    struct error *err)
{
	struct error cause = {0}, second = {0};
	struct smart_grant refresh;
	struct decision *d = decision_new(r->arena), *e = decision_new(r->arena);
	struct str header = arena_printf(r->arena, "Bearer %.*s", STR_ARG(token));
	if (!d || !e || !header.p)
		return error_memory(err);
	bool good = smart_authorize(s, r->arena, header, d, &r->grant, &cause);
	if (!good && error_http_status(cause.code) >= 500)
		return error_set(err, cause.code, "%s", cause.text);
	if (good || d->client.n || refusal_of(&cause) == REFUSAL_TOKEN_REVOKED) {
		r->kind = "access-token";
		r->says = "An access token of this server";
		token_take_decision(r, d);
		r->granted = good;
		if (good) {
			add_access(r, &r->grant, q->now_ms);
			check_now(r, q, &r->grant);
		} else {
			token_add_fact(r, "client", d->client);
		}
		return true;
	}
	good = smart_refresh_look(s, r->arena, token, e, &refresh, &second);
	if (!good && error_http_status(second.code) >= 500)
		return error_set(err, second.code, "%s", second.text);
	if (good || refusal_of(&second) != REFUSAL_REFRESH_UNKNOWN || refresh.id.n) {
		r->kind = "refresh-token";
		r->says = "A refresh token of this server: it gets access tokens, and opens no API itself";
		token_take_decision(r, e);
		add_refresh(r, &refresh, q->now_ms);
		return true;
	}
	r->kind = "unknown";
	r->says = "Nothing that this server knows: of another server or tenant, expired, or not a token";
	token_take_decision(r, d);
	return true;
}

bool token_explain_own(struct token_report *r, const struct token_question *q, struct str token, struct error *err)
{
	const struct store_options options = {
		.definitions = definitions_builtin(), .read_only = true, .tenant = q->tenant};
	struct store *store = store_open(config_store(q->config), &options, err);
	if (!store)
		return error_context(err, "this is no JWT, so only the store of the server that gave it knows it");
	const struct service_options service = {
		.config = q->config, .definitions = options.definitions, .store = store};
	const struct realm outside = {.store = store, .tenant = q->tenant, .base_url = S("http://localhost")};
	struct realm realm;
	bool ok = realm_open_part(&realm, &outside, &service, err);
	if (ok) {
		ok = explain(r, q, realm.smart, token, err);
		realm_close(&realm);
	}
	store_close(store);
	return ok;
}
