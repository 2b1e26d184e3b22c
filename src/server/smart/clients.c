/*
 * The registry of clients. See clients.h.
 */
#include "server/smart/smart_priv.h"

static const struct {
	const char *name;
	enum client_auth auth;
} methods[] = {{"none", AUTH_NONE},
	       {"client_secret_basic", AUTH_SECRET_BASIC},
	       {"client_secret_post", AUTH_SECRET_POST},
	       {"private_key_jwt", AUTH_PRIVATE_KEY}};

const char *client_auth_name(enum client_auth auth)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (methods[i].auth == auth)
			return methods[i].name;
	return "none";
}

enum client_auth smart_client_auth(const struct smart_client *client)
{
	if (client->auth != AUTH_IMPLIED)
		return client->auth;
	return client->jwks || client->jwks_url.n ? AUTH_PRIVATE_KEY
	       : client->secret_sha256.n	  ? AUTH_SECRET_BASIC
						  : AUTH_NONE;
}

unsigned smart_client_grant_types(const struct smart_client *client)
{
	unsigned types = 0;
	struct str rest = client->grant_types;
	if (!rest.p)
		return (client->redirect_uris.n ? CLIENT_AUTHORIZATION_CODE | CLIENT_REFRESH_TOKEN : 0u) |
		       (smart_client_auth(client) == AUTH_PRIVATE_KEY ? CLIENT_CREDENTIALS : 0u);
	while (rest.p) {
		struct str word = str_split(&rest, ' ');
		types |= str_is(word, "authorization_code")   ? CLIENT_AUTHORIZATION_CODE
			 : str_is(word, "refresh_token")      ? CLIENT_REFRESH_TOKEN
			 : str_is(word, "client_credentials") ? CLIENT_CREDENTIALS
							      : 0u;
	}
	return types;
}
