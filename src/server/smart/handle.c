/*
 * The authorization server's URLs.
 */
#include "server/smart/smart_priv.h"

bool smart_handle(struct smart *s, struct http_exchange *x)
{
	(void)s, (void)x;
	return false;
}

struct str smart_issuer(const struct smart *s)
{
	return s->issuer;
}

struct str smart_configuration(const struct smart *s)
{
	return s->configuration;
}
