/*
 * How far one comes with a server, step by step, for people who look for what is wrong: name, connection, certificate.
 * A certificate that is not good is looked at again without the checks, and that connection carries nothing.
 */
#include <netdb.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "http/client_priv.h"

enum { ADDRESSES_MAX = 8, TEXT_MAX = 200 };

static bool take_host(struct arena *a, struct str url, struct str *ret_host, struct str *ret_port, bool *ret_tls)
{
	*ret_tls = str_starts(url, S("https://"));
	if (!*ret_tls && !str_starts(url, S("http://")))
		return false;
	struct str rest = str_slice(url, *ret_tls ? 8 : 7, url.n);
	size_t end = 0;
	while (end < rest.n && !strchr("/?#", rest.p[end]))
		end++;
	struct str host = str_slice(rest, 0, end);
	size_t colon = str_rfind_char(host, ':');
	bool bracket = host.n && host.p[0] == '[';
	bool has_port = colon != STR_NONE && (!bracket || (colon > 0 && host.p[colon - 1] == ']'));
	*ret_port = arena_str(a, has_port ? str_slice(host, colon + 1, host.n) : *ret_tls ? S("443") : S("80"));
	host = has_port ? str_slice(host, 0, colon) : host;
	*ret_host = arena_str(a, bracket && host.n > 2 ? str_slice(host, 1, host.n - 1) : host);
	return host.n && ret_host->p && ret_port->p;
}

static bool resolve(struct arena *a, struct str host, struct str port, struct http_look *look)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	int code = getaddrinfo(host.p, port.p, &hints, &list);
	if (code != 0) {
		look->trouble = HTTP_NO_NAME;
		look->cause = str_from(gai_strerror(code));
		return false;
	}
	struct str all = STR_NULL;
	size_t count = 0;
	for (struct addrinfo *i = list; i && count < ADDRESSES_MAX; i = i->ai_next, count++) {
		char text[NI_MAXHOST];
		if (getnameinfo(i->ai_addr, i->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST) == 0)
			all = arena_printf(a, "%.*s%s%s", STR_ARG(all), all.n ? ", " : "", text);
	}
	freeaddrinfo(list);
	look->addresses = all;
	return true;
}

/* "Jan  5 09:34:43 2018 GMT", or "2018-01-05 09:34:43 GMT": both are seen of libcurl's TLS libraries. */
static int64_t read_date(const char *text)
{
	struct tm tm = {0};
	const char *end = strptime(text, "%b %d %H:%M:%S %Y", &tm);
	if (!end)
		end = strptime(text, "%Y-%m-%d %H:%M:%S", &tm);
	if (!end)
		return 0;
	int64_t days = clock_days_from_date(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
	return ((days * 24 + tm.tm_hour) * 60 + tm.tm_min) * 60000 + (int64_t)tm.tm_sec * 1000;
}

static struct str value_of(struct arena *a, const char *line, const char *key)
{
	size_t n = strlen(key);
	if (strncmp(line, key, n) != 0 || line[n] != ':')
		return STR_NULL;
	return arena_str(a, str_slice(str_from(line + n + 1), 0, TEXT_MAX));
}

static void take_certificate(CURL *curl, struct arena *a, struct http_look *look)
{
	struct curl_certinfo *info = NULL;
	if (curl_easy_getinfo(curl, CURLINFO_CERTINFO, &info) != CURLE_OK || !info || info->num_of_certs < 1)
		return;
	look->chain = (unsigned)info->num_of_certs;
	for (struct curl_slist *i = info->certinfo[0]; i; i = i->next) {
		struct str subject = value_of(a, i->data, "Subject"), issuer = value_of(a, i->data, "Issuer");
		struct str expires = value_of(a, i->data, "Expire date");
		if (subject.p)
			look->subject = subject;
		if (issuer.p)
			look->issuer = issuer;
		if (expires.p)
			look->expires_ms = read_date(expires.p);
	}
}

/* One connection that carries nothing. */
static CURLcode connect_only(struct arena *a, struct str url, char *const tls[HTTP_TLS_FILES], unsigned timeout_ms,
			     bool check_chain, bool check_name, struct http_look *look, char cause[CURL_ERROR_SIZE])
{
	CURL *curl = curl_easy_init();
	if (!curl)
		return CURLE_OUT_OF_MEMORY;
	cause[0] = 0;
	curl_easy_setopt(curl, CURLOPT_URL, url.p);
	curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(curl, CURLOPT_CERTINFO, 1L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, check_chain ? 1L : 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, check_name ? 2L : 0L);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, cause);
	http_tls_set(curl, tls);
	CURLcode code = curl_easy_perform(curl);
	take_certificate(curl, a, look);
	curl_easy_cleanup(curl);
	return code;
}

/* Why a certificate was not taken. */
static enum http_trouble explain(struct arena *a, struct str url, char *const tls[HTTP_TLS_FILES], unsigned timeout_ms,
				 int64_t now_ms, struct http_look *look)
{
	char ignored[CURL_ERROR_SIZE];
	if (connect_only(a, url, tls, timeout_ms, false, false, look, ignored) != CURLE_OK)
		return HTTP_TLS_REFUSED;
	if (look->expires_ms && look->expires_ms < now_ms)
		return HTTP_CERTIFICATE_EXPIRED;
	if (connect_only(a, url, tls, timeout_ms, false, true, look, ignored) != CURLE_OK)
		return HTTP_CERTIFICATE_NAME;
	return HTTP_CERTIFICATE_UNTRUSTED;
}

bool http_look(struct arena *a, struct str url, const struct http_tls *tls, unsigned timeout_ms, int64_t now_ms,
	       struct http_look *ret_look, struct error *err)
{
	char *files[HTTP_TLS_FILES];
	struct http_look look = {0};
	struct str host, port, copy = arena_str(a, url);
	char cause[CURL_ERROR_SIZE];
	if (!copy.p)
		return error_memory(err);
	if (!take_host(a, copy, &host, &port, &look.tls))
		return error_set(err, ERR_VALUE, "it is no usable http or https URL");
	if (!http_tls_copy(tls, files, err)) {
		http_tls_free(files);
		return false;
	}
	curl_global_init(CURL_GLOBAL_DEFAULT);
	if (resolve(a, host, port, &look)) {
		CURLcode code = connect_only(a, copy, files, timeout_ms, true, true, &look, cause);
		if (code == CURLE_PEER_FAILED_VERIFICATION)
			look.trouble = explain(a, copy, files, timeout_ms, now_ms, &look);
		else if (code == CURLE_SSL_CONNECT_ERROR || code == CURLE_SSL_CIPHER || code == CURLE_SSL_CERTPROBLEM)
			look.trouble = HTTP_TLS_REFUSED;
		else if (code != CURLE_OK)
			look.trouble = HTTP_NO_CONNECTION;
		if (look.trouble)
			look.cause = arena_str(a, str_from(cause[0] ? cause : curl_easy_strerror(code)));
	}
	http_tls_free(files);
	*ret_look = look;
	return true;
}
