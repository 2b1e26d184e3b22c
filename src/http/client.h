/*
 * The client side of HTTP over libcurl: one call, one answer, with limits. Connections are kept and reused. Redirects
 * are not followed: callers decide, and a token never travels to another origin. A client may be used by one thread
 * at a time; make one per thread.
 */
#ifndef FIRTH_HTTP_CLIENT_H
#define FIRTH_HTTP_CLIENT_H

#include "base/arena.h"
#include "base/error.h"
#include "http/server.h" /* struct http_header */

struct http_client;

/* Whom to trust beside the authorities that this machine knows, and who we are to servers that ask in TLS: paths of PEM
 * files, STR_NULL for none. Texts are copied. A key with a passphrase does not open. */
struct http_tls {
	struct str ca_file, cert_file, key_file;
};
struct http_client_options {
	unsigned timeout_ms; /* whole call; 0 = 60 s */
	unsigned connect_timeout_ms; /* 0 = 10 s */
	size_t max_body; /* 0 = 256 MB */
	struct str user_agent; /* STR_NULL = "firth/VERSION" */
	struct http_tls tls;
};
struct http_client *http_client_new(const struct http_client_options *options, struct error *err) MUST_USE;
void http_client_free(struct http_client *c);

/* Where the body of a 200 goes instead of into memory. */
struct http_file {
	int fd;
	uint64_t max; /* bytes, unpacked; ERR_TOO_LARGE beyond */
	bool (*stopped)(void *ctx); /* asked now and then; true ends the call with ERR_INTERRUPTED. May be NULL */
	void *ctx;
};
struct http_call {
	struct str method; /* "GET" */
	struct str url; /* absolute http: or https: */
	const struct http_header *headers;
	size_t header_count;
	struct str body; /* STR_NULL: none */
	const struct http_file
		*into; /* NULL: into memory. A peer that is nearly silent for a minute is then given up */
	unsigned timeout_ms; /* of this call; 0 = the client's */
};
struct http_answer {
	int status;
	struct str content_type; /* STR_NULL when absent */
	struct str body;
	struct http_header *headers; /* as received, the last of equal names wins in http_answer_header */
	size_t header_count;
	struct str peer_address;
};
/* True whenever a complete answer arrived, whatever its status. ERR_NETWORK (could not connect, TLS, reset),
 * ERR_TIMEOUT, ERR_TOO_LARGE. The text names host and cause, never path, query, headers or body. */
bool http_call(struct http_client *c, struct arena *a, const struct http_call *call, struct http_answer *ret_answer,
	       struct error *err) MUST_USE;
struct str http_answer_header(const struct http_answer *answer, const char *name);

/* ---- looking at a server ---------------------------------------------------------------------------------------- */

enum http_trouble {
	HTTP_WELL,
	HTTP_NO_NAME, /* DNS knows no address */
	HTTP_NO_CONNECTION, /* nobody listens, or something on the way swallows it */
	HTTP_CERTIFICATE_EXPIRED,
	HTTP_CERTIFICATE_NAME, /* it is for another host */
	HTTP_CERTIFICATE_UNTRUSTED, /* its chain does not end at an authority that this machine knows */
	HTTP_TLS_REFUSED /* no TLS came about: version, or a client certificate is asked for, or ours is not taken */
};
/* How far one comes with a server: its addresses, a connection, TLS. Nothing of HTTP is sent. */
struct http_look {
	enum http_trouble trouble;
	struct str addresses; /* separated by ", " */
	bool tls;
	struct str subject, issuer; /* of the server's certificate; STR_NULL: none was seen */
	int64_t expires_ms; /* 0: not known */
	unsigned chain; /* certificates that came */
	struct str cause; /* of the trouble, in the words of the system; STR_NULL */
};
/* False only for what is no http or https URL, and without memory. */
bool http_look(struct arena *a, struct str url, const struct http_tls *tls, unsigned timeout_ms, int64_t now_ms,
	       struct http_look *ret_look, struct error *err) MUST_USE;

#endif
