/*
 * How another vendor's authorization server differs from ours, for whoever imitates one. Everything zero is our own
 * behaviour; what is switched on here is laxer or stranger than the specifications want, and belongs into sandboxes
 * only. Callbacks may run on any thread.
 */
#ifndef FIRTH_SERVER_SMART_PERSONA_H
#define FIRTH_SERVER_SMART_PERSONA_H

#include "server/smart/clients.h"
#include "server/smart/scope.h"

/* Whose token it is, as far as an answer tells it. Texts are STR_NULL where there is none. */
struct smart_told {
	struct arena *a;
	struct str client_id, user, display, fhir_user; /* fhir_user: "Practitioner/7" */
	struct str patient, encounter, intent, style_url, app_context, state;
	struct str issuer, fhir_url;
	struct str nonce;
	unsigned words; /* of enum scope_word, as granted */
	int64_t now_ms, authenticated_ms;
	bool need_patient_banner;
	bool first; /* for a code; false: for a refresh token */
};

struct smart_persona {
	void *ctx;
	/* ---- clients and their proofs ---- */
	unsigned algorithms; /* of assertions, bits of enum jose_algorithm; 0: JOSE_SMART */
	bool curves_by_url; /* keys of elliptic curves only where they come by URL */
	bool no_keys_by_value; /* keys only by URL */
	bool short_spans; /* exp at most five minutes after iat and nbf, too */
	bool refetch; /* a signature that does not fit is tried once more with keys fetched anew */
	bool basic_alone; /* beside a secret in the header the form must not name the client */
	bool no_secret_in_form;
	bool device_clients; /* an app registers each device that it runs on, with a person's first token */
	/* ---- requests for authorization ---- */
	bool aud_optional, pkce_optional;
	bool patient_if_asked; /* staff choose a patient for launch/patient alone, not for scopes of patient/ */
	bool redirect_optional; /* when one is registered; then it must be left out at the token endpoint, too */
	bool redirect_adds_query; /* parameters may be added to the one that is registered */
	bool (*audience)(void *ctx, struct str aud); /* is it a FHIR base beside that of smart_options? NULL: none is */
	/* ---- scopes ---- */
	/* What a request comes to before it is compared with what is registered; STR_NULL: without memory. */
	struct str (*asked)(void *ctx, struct arena *a, const struct smart_client *client, struct str asked,
			    enum scope_contexts contexts);
	/* The text of what is granted; may change its grammar. ERR_INVALID_SCOPE: it is refused after all. */
	bool (*granted)(void *ctx, struct arena *a, struct str *text, struct error *err);
	/* ---- tokens ---- */
	size_t token_size; /* characters of an access token, at most 2000; 0: ours */
	/* The text of an access token around a secret that is in it, at most 8,000 characters; NULL: the secret itself.
	 * The same grant and secret need not give the same text. STR_NULL: without memory. */
	struct str (*token)(void *ctx, struct arena *a, const struct grant *grant, struct str secret);
	bool small_bearer; /* token_type is bearer in small letters, to people's apps as well */
	bool refresh_stays; /* refresh tokens do not rotate */
	bool refresh_comes_again; /* a new one with each answer; the old one stays good */
	bool refresh_needs_proof; /* public clients get none */
	bool refresh_suspended; /* none is taken at present */
	bool revokes_refresh_alone; /* access tokens run out by themselves, whoever wants to revoke one */
	unsigned refresh_pause_s; /* between two uses of one */
	/* Members of a token's answer beyond those of RFC 6749 and the id_token; NULL: ours. */
	void (*told)(void *ctx, struct json_writer *w, const struct smart_told *about);
	/* All claims of the id_token; NULL: ours. */
	void (*identity)(void *ctx, struct json_writer *w, const struct smart_told *about);
};

#endif
