/*
 * Between the authorization endpoint's pages and the tokens: what an app asks for, what was launched, and what the
 * person agreed to. The pages live elsewhere; this room makes codes and knows what follows from them. Any thread.
 */
#ifndef FIRTH_SERVER_SMART_AUTHORIZE_H
#define FIRTH_SERVER_SMART_AUTHORIZE_H

#include "server/decision/decision.h"
#include "server/smart/clients.h"
#include "server/smart/scope.h"

/* ---- what was launched (SMART App Launch 2.2, "EHR launch") -------------------------------------------------------
 */

struct smart_launch {
	struct str client_id; /* the app that was launched */
	struct str user; /* who launched it; STR_NULL: whoever logs in */
	struct str patient, encounter; /* ids; STR_NULL: none */
	struct str intent; /* STR_NULL: none */
	struct str fhir_context; /* a JSON array of the fhirContext member; STR_NULL: none */
	struct str style_url; /* smart_style_url; STR_NULL: none */
	struct str app_context; /* of the CDS Hooks card that was followed: appContext; STR_NULL: none */
	bool need_patient_banner;
};
/* Keeps it for a few minutes under a new unguessable id, the value of the launch parameter. */
bool smart_launch_new(struct smart *s, struct arena *a, const struct smart_launch *launch, struct str *ret_id,
		      struct error *err) MUST_USE;
/* Takes it off: an id is good once. Refused: unknown, used, expired, or another app's. d may be NULL. */
bool smart_launch_take(struct smart *s, struct arena *a, struct str id, struct str client_id, struct decision *d,
		       struct smart_launch *ret_launch, struct error *err) MUST_USE;

/* ---- the request (RFC 6749 section 4.1.1, RFC 7636, OpenID Connect Core section 3.1.2.1) ------------------------- */

struct smart_request {
	struct smart_client client;
	struct str redirect_uri, state, aud, launch, nonce, code_challenge, prompt, login_hint;
	int64_t max_age_s; /* -1: not asked for */
	struct str scope; /* as asked */
	bool redirect_left_out; /* redirect_uri is the only one that is registered */
	bool patient_if_asked; /* staff choose a patient only when launch/patient is allowed */
	struct scope_list allowed; /* what of it this client may get, if the person agrees */
	/* Of a refused request: what to tell the app (RFC 6749 section 4.1.2.1) by smart_request_refuse(). NULL: the
	 * client or its redirect_uri is not known to be right, so nobody but the person may be told. */
	const char *error;
	struct decision *decision; /* the checks so far, to go on with; NULL without memory */
};
/* Reads and checks the parameters (a query string, or the body of a form). Rules: each parameter once; a client that
 * is registered, enabled and may use codes; redirect_uri to the byte; response_type=code; PKCE with S256; aud is this
 * server's FHIR base URL; something of the scope can be granted. launch is only read: smart_launch_take(). */
bool smart_request_check(struct smart *s, struct arena *a, struct str parameters, struct smart_request *ret_request,
			 struct error *err) MUST_USE;

/* The URL that answers the app: redirect_uri with error, error_description, state and iss (RFC 9207). */
struct str smart_request_refuse(struct smart *s, struct arena *a, const struct smart_request *request,
				const char *error, struct str description);
/* The same with code, state and iss. */
struct str smart_request_answer(struct smart *s, struct arena *a, const struct smart_request *request, struct str code);

/* ---- what the person agreed to ------------------------------------------------------------------------------------
 */

struct smart_consent {
	const struct smart_request *request; /* checked */
	struct str scopes; /* what the person left of request->allowed.text; more is not granted */
	struct str user, fhir_user, roles;
	struct str display; /* the person's name, for the scope profile; STR_NULL: the user's */
	struct str session; /* key on the shelf "session"; online_access ends when it is gone. STR_NULL: none */
	int64_t authenticated_ms; /* when the person proved who they are */
	struct str patient, encounter; /* of the launch, or picked */
	const struct smart_launch *launch; /* intent and so on; NULL: none */
};
/* A code, good once and for a minute or so. The authorization gets an id, and is kept (shelf "grant") when the code is
 * used. */
bool smart_code_issue(struct smart *s, struct arena *a, const struct smart_consent *consent, struct str *ret_code,
		      struct error *err) MUST_USE;

/* ---- what was authorized ------------------------------------------------------------------------------------------
 */

struct smart_grant {
	struct str id, client_id, user, fhir_user, patient, encounter, scopes;
	int64_t issued_ms, used_ms; /* used_ms: of the last token */
	int64_t expires_ms; /* of the last of its tokens */
	bool offline;
};
/* Of one user, or of all (STR_NULL), in no particular order, at most max. */
bool smart_grants_of(struct smart *s, struct arena *a, struct str user, size_t max, struct smart_grant **ret_grants,
		     size_t *ret_count, struct error *err) MUST_USE;
/* Ends an authorization: all of its tokens at once, on every process. ERR_NOT_FOUND. user STR_NULL: whoever's. */
bool smart_grant_revoke(struct smart *s, struct arena *a, struct str id, struct str user, struct error *err) MUST_USE;
/* All of a user's, when an account is closed or its password was lost. */
bool smart_grants_revoke_user(struct smart *s, struct arena *a, struct str user, size_t *ret_count,
			      struct error *err) MUST_USE;

/* Those that were to last as long as the session (online_access), when the person logs out. */
bool smart_grants_end_session(struct smart *s, struct arena *a, struct str user, struct str session, size_t *ret_count,
			      struct error *err) MUST_USE;

#endif
