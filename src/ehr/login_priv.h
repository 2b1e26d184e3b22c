/* Shared by the files of people's logins. */
#ifndef FIRTH_EHR_LOGIN_PRIV_H
#define FIRTH_EHR_LOGIN_PRIV_H

#include "ehr/ehr_priv.h"
#include "ehr/login.h"

bool ehr_scopes_have(struct str scopes, const char *scope); /* as a whole word */

bool ehr_login_write(const struct ehr_login *login, struct buf *out, struct error *err) MUST_USE;
bool ehr_login_read(struct arena *a, struct str text, struct ehr_login *ret_login, struct error *err) MUST_USE;

/* The code or refresh token at the token endpoint. form comes without the client's identity, "grant_type=..." first. */
bool ehr_login_request(struct ehr_client *c, struct arena *a, struct str form, const struct json **ret_answer,
		       struct ehr_failure *ret_failure) MUST_USE;
/* What a token answer says, over what is there: a renewal may leave out what stays. */
bool ehr_login_take(struct ehr_client *c, struct arena *a, const struct json *answer, struct ehr_login *login,
		    struct ehr_failure *ret_failure) MUST_USE;

/* What of an id_token's claims matters here. */
struct ehr_identity {
	struct str subject, fhir_user, name;
};
bool ehr_id_token_verify(struct ehr_client *c, struct arena *a, struct str token, struct str issuer, struct str nonce,
			 struct ehr_identity *ret_identity, struct ehr_failure *ret_failure) MUST_USE;

/* The login's token into the client, renewed when it is due. *ret_found is false when there is no login. */
bool ehr_login_ensure(struct ehr_client *c, struct arena *a, bool *ret_found, bool *ret_cached,
		      struct ehr_failure *ret_failure) MUST_USE;

#endif
