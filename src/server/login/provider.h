/* What the outside provider's claims say, apart from how they came: for its file, and for tests. */
#ifndef FIRTH_SERVER_LOGIN_PROVIDER_H
#define FIRTH_SERVER_LOGIN_PROVIDER_H

#include "server/login/login.h"

/* Are these the claims of a token that this provider issued for us, now, in answer to nonce? ERR_TOKEN_INVALID. */
bool provider_check_claims(const struct login_provider *p, const struct json *claims, struct str nonce, int64_t now_s,
			   struct error *err) MUST_USE;
/* The user of the claims: known by issuer and sub, else a user of the name in the user's claim who waits for it, else a
 * new one if the provider may make users. What the claims say of them is kept. ERR_FORBIDDEN with words for the person.
 */
bool provider_user(struct login *l, struct arena *a, const struct json *claims, struct login_user *ret_user,
		   struct error *err) MUST_USE;

#endif
