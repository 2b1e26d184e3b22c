/*
 * Authorization codes (RFC 6749 section 4.1): what a person agreed to, until the app fetches its tokens. A code is good
 * once and not for long; shown a second time, everything that was issued for it ends (section 4.1.2), whichever of the
 * two was the thief. It is bound to the client, the redirect_uri and the verifier of the request that it answers.
 */
#include "base/encode.h"
#include "server/smart/smart_priv.h"

#define SHELF S("code")
#define USED  "used "

enum { REMEMBERED_MS = 24 * 3600 * 1000 /* that it was used */, LEAST_VERIFIER = 43, MOST_VERIFIER = 128 };

/* ---- issuing -------------------------------------------------------------------------------------------------------
 */

/* What the person left of what may be granted, and what can be kept of it without a patient. */
static bool granted_scopes(struct smart *s, struct arena *a, const struct smart_consent *consent,
			   struct scope_list *ret_list, struct error *err)
{
	struct scope_list left;
	if (!scope_list_read(a, s->options.definitions, consent->scopes, &left, NULL, err) ||
	    !scope_list_common(a, &left, &consent->request->allowed, SCOPES_OF_PEOPLE, ret_list, err))
		return false;
	if (!scopes_granted(s, a, ret_list, err))
		return false;
	return ret_list->text.n || decision_refuse(consent->request->decision, CHECK_AGREEMENT, REFUSAL_USER_DENIED,
						   STR_NULL, STR_NULL, STR_NULL, err);
}

bool smart_code_issue(struct smart *s, struct arena *a, const struct smart_consent *consent, struct str *ret_code,
		      struct error *err)
{
	const struct smart_request *r = consent->request;
	struct scope_list list;
	if (!granted_scopes(s, a, consent, &list, err))
		return false;
	/* offline_access outlives the session, online_access does not. */
	bool online = (list.words & SCOPE_ONLINE_ACCESS) && !(list.words & SCOPE_OFFLINE_ACCESS);
	struct authorization g = {.id = authorization_new_id(a, consent->user),
				  .client_id = r->client.client_id,
				  .scope = list.text,
				  .user = consent->user,
				  .fhir_user = consent->fhir_user,
				  .roles = consent->roles,
				  .display = consent->display,
				  .session = online ? consent->session : STR_NULL,
				  .patient = consent->patient,
				  .encounter = consent->encounter,
				  .nonce = r->nonce,
				  .code_challenge = r->code_challenge,
				  .redirect_uri = r->redirect_left_out ? STR_NULL : r->redirect_uri,
				  .state = s->options.persona->told ? r->state : STR_NULL,
				  .authenticated_ms = consent->authenticated_ms,
				  .issued_ms = smart_now(s)};
	g.launch = consent->launch ? *consent->launch : (struct smart_launch){.need_patient_banner = true};
	struct str code = secret_new(a), key = code.p ? secret_digest(a, code) : STR_NULL,
		   stored = g.id.p ? authorization_format(a, &g, err) : STR_NULL;
	if (!key.p || !stored.p)
		return error_memory(err);
	const struct store_fact fact = {.shelf = SHELF,
					.key = key,
					.value = stored,
					.expires_ms = g.issued_ms + s->options.lifetimes.code_s * INT64_C(1000),
					.only_new = true,
					.quiet = true};
	if (!store_fact_put(s->options.store, &fact, err))
		return false;
	*ret_code = code;
	return true;
}

/* ---- redeeming -----------------------------------------------------------------------------------------------------
 */

static bool refuse(struct asking *q, enum check check, enum refusal refusal, struct error *err)
{
	return decision_refuse(q->decision, check, refusal, STR_NULL, STR_NULL, STR_NULL, err);
}

static bool find(struct asking *q, struct str code, struct store_fact *ret_fact, struct authorization *ret_g,
		 struct error *err)
{
	struct str stored = STR_NULL, key = secret_digest(q->a, code);
	if (!key.p)
		return error_memory(err);
	if (!store_fact_get(q->s->options.store, q->a, SHELF, key, &stored, err))
		return false;
	if (!stored.p)
		return refuse(q, CHECK_CODE, REFUSAL_CODE_UNKNOWN, err);
	if (str_starts(stored, S(USED))) {
		(void)!authorization_doom_id(q->s, q->a, str_slice(stored, sizeof(USED) - 1, stored.n), &q->doomed,
					     NULL);
		return refuse(q, CHECK_CODE, REFUSAL_CODE_USED, err);
	}
	if (!authorization_parse(q->a, stored, ret_g, err))
		return false;
	if (ret_g->issued_ms + q->s->options.lifetimes.code_s * INT64_C(1000) <= q->now_ms)
		return refuse(q, CHECK_CODE, REFUSAL_CODE_UNKNOWN, err);
	*ret_fact = (struct store_fact){.shelf = SHELF,
					.key = key,
					.value = arena_printf(q->a, USED "%.*s", STR_ARG(ret_g->id)),
					.expected = stored,
					.expires_ms = q->now_ms + REMEMBERED_MS,
					.quiet = true};
	return ret_fact->value.p || error_memory(err);
}

/* RFC 7636 sections 4.1 and 4.6. */
static bool verifier_fits(struct str verifier, struct str challenge)
{
	unsigned char digest[32];
	struct buf text;
	for (size_t i = 0; i < verifier.n; i++) {
		char c = verifier.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
		      c == '.' || c == '_' || c == '~'))
			return false;
	}
	if (verifier.n < LEAST_VERIFIER || verifier.n > MOST_VERIFIER)
		return false;
	digest_sha256(verifier, digest);
	buf_init(&text, 64);
	encode_base64url(&text, str_make((const char *)digest, sizeof(digest)));
	bool ok = buf_ok(&text) && text.n == challenge.n && digest_equal(text.p, challenge.p, text.n);
	buf_done(&text);
	return ok;
}

static bool check_bindings(struct asking *q, const struct authorization *g, struct error *err)
{
	struct str verifier = form_get(&q->form, "code_verifier");
	if (!str_eq(g->client_id, q->client->facts.client_id))
		return refuse(q, CHECK_CODE, REFUSAL_CODE_CLIENT, err);
	if (!str_eq(g->redirect_uri, form_get(&q->form, "redirect_uri")))
		return decision_refuse(q->decision, CHECK_REDIRECT_URI, REFUSAL_CODE_REDIRECT,
				       str_slice(form_get(&q->form, "redirect_uri"), 0, 200), STR_NULL, STR_NULL, err);
	if (!g->code_challenge.p)
		return !verifier.p || refuse(q, CHECK_PKCE, REFUSAL_PKCE_WRONG, err);
	if (!verifier.p)
		return refuse(q, CHECK_PKCE, REFUSAL_PKCE_MISSING, err);
	if (!verifier_fits(verifier, g->code_challenge))
		return refuse(q, CHECK_PKCE, REFUSAL_PKCE_WRONG, err);
	decision_note(q->decision, CHECK_PKCE, S("S256"), STR_NULL);
	return true;
}

bool code_redeem(struct asking *q, struct error *err)
{
	struct str code = form_get(&q->form, "code");
	struct authorization *g = ARENA_NEW(q->a, struct authorization);
	struct scope_list list;
	struct store_fact used;
	if (!g)
		return error_memory(err);
	if (!code.p)
		return decision_refuse(q->decision, CHECK_REQUEST, REFUSAL_PARAMETER_MISSING, STR_NULL, S("code"),
				       STR_NULL, err);
	if (!find(q, code, &used, g, err) || !check_bindings(q, g, err) ||
	    !scope_list_read(q->a, q->s->options.definitions, g->scope, &list, NULL, err))
		return false;
	decision_note(q->decision, CHECK_CODE, STR_NULL, STR_NULL);
	q->granting = g;
	asking_add(q, FACT_CODE, &used);
	/* What only the code needed. */
	g->code_challenge = g->redirect_uri = STR_NULL;
	return tokens_issue(
		q, &(struct issuing){.authorization = g, .scopes = &list, .words = list.words, .first = true}, err);
}
