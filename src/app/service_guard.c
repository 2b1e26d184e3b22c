/*
 * Who may use what needs no token. Without authorization everything is open to this machine, and a browser on this
 * machine runs pages of strangers. Two checks keep those out: the Host header must name this machine (a foreign name
 * that was made to point here does not), and a browser must not say that the request comes from another site.
 */
#include "app/refused.h"
#include "app/service_priv.h"
#include "base/origin.h"

static struct str url_host(struct str url)
{
	size_t start = str_find(url, S("://"));
	struct str rest = start == STR_NONE ? url : str_slice(url, start + 3, url.n);
	return str_split(&rest, '/');
}

static bool host_is_ours(const struct service *s, struct str host)
{
	return authority_is_loopback(host) || str_eq_nocase(host, url_host(s->base_url));
}

bool service_is_our_origin(void *ctx, struct str origin)
{
	const struct service *s = ctx;
	return str_find(origin, S("://")) != STR_NONE && host_is_ours(s, url_host(origin));
}

bool service_is_stranger(const struct service *s, const struct http_exchange *x, struct decision *d, struct error *err)
{
	struct str path = http_request(x)->path;
	if (s->options.config->auth && !page_has(path) && !str_starts(path, S("/launcher")))
		return false; /* a token says more than any header; the pages have none */
	struct str host = http_request_header(x, "Host");
	struct str site = http_request_header(x, "Sec-Fetch-Site");
	struct str origin = http_request_header(x, "Origin");
	if (host.p && !host_is_ours(s, host))
		return !decision_refuse(d, CHECK_NETWORK, REFUSAL_FOREIGN_HOST, str_slice(host, 0, 80),
					url_host(s->base_url), STR_NULL, err);
	bool foreign = origin.p && !str_is(origin, "null") && !host_is_ours(s, url_host(origin));
	if (foreign || str_is(site, "cross-site"))
		return !decision_refuse(d, CHECK_NETWORK, REFUSAL_FOREIGN_SITE,
					foreign ? str_slice(origin, 0, 80) : S("cross-site"), STR_NULL, STR_NULL, err);
	return false;
}

/* Nothing is answered to strangers but why, and that is written down. */
bool service_refuse_stranger(struct service *s, struct http_exchange *x)
{
	const struct http_request *request = http_request(x);
	struct error err = {0}, unrecorded = {0};
	if (!service_is_stranger(s, x, NULL, NULL))
		return false;
	struct decision *d = decision_new(request->arena);
	(void)service_is_stranger(s, x, d, &err);
	service_respond_error(x,
			      refused_record(&s->root, request, "network", d, &err, &unrecorded) ? &err : &unrecorded,
			      request->request_id);
	return true;
}
