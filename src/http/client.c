/* libcurl behind http/client.h: one easy handle, whose connections live as long as the client. */
#include "http/client_priv.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"

enum { DEFAULT_MAX_BODY = 256 << 20, MAX_HEADERS = 100, MAX_HEADER_BYTES = 64 * 1024, FILE_BUFFER = 256 * 1024 };

struct http_client {
	CURL *curl;
	size_t max_body;
	unsigned timeout_ms, connect_timeout_ms;
	char user_agent[64];
	char *tls[HTTP_TLS_FILES]; /* authorities, certificate, key; NULL: none */
};

/* What the callbacks fill while an answer arrives. */
struct transfer {
	struct arena *arena;
	struct buf body;
	struct http_answer *answer;
	size_t header_capacity, header_bytes;
	bool too_large, no_memory, no_room, stopped;
	const struct http_file *into;
	uint64_t written;
	CURL *curl;
	char cause[CURL_ERROR_SIZE]; /* in libcurl's words */
};

void http_tls_set(CURL *curl, char *const files[HTTP_TLS_FILES])
{
	static const CURLoption options[HTTP_TLS_FILES] = {CURLOPT_CAINFO, CURLOPT_SSLCERT, CURLOPT_SSLKEY};
	for (size_t i = 0; i < HTTP_TLS_FILES; i++)
		if (files[i])
			curl_easy_setopt(curl, options[i], files[i]);
	/* What this machine trusts stays trusted; it is in a directory as well on the systems that we are made for. */
	if (files[0])
		curl_easy_setopt(curl, CURLOPT_CAPATH, "/etc/ssl/certs");
	if (files[1])
		curl_easy_setopt(curl, CURLOPT_KEYPASSWD, ""); /* nobody is asked for one */
}

bool http_tls_copy(const struct http_tls *tls, char *ret_files[HTTP_TLS_FILES], struct error *err)
{
	const struct str paths[HTTP_TLS_FILES] = {tls->ca_file, tls->cert_file, tls->key_file};
	for (size_t i = 0; i < HTTP_TLS_FILES; i++) {
		ret_files[i] = paths[i].n ? strndup(paths[i].p, paths[i].n) : NULL;
		if (paths[i].n && !ret_files[i])
			return error_memory(err);
	}
	return true;
}

void http_tls_free(char *files[HTTP_TLS_FILES])
{
	for (size_t i = 0; i < HTTP_TLS_FILES; i++)
		free(files[i]);
}

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void curl_start(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct http_client *http_client_new(const struct http_client_options *options, struct error *err)
{
	static const struct http_client_options defaults = {0};
	const struct http_client_options *o = options ? options : &defaults;
	pthread_once(&curl_once, curl_start);
	struct http_client *c = calloc(1, sizeof(*c));
	CURL *curl = c ? curl_easy_init() : NULL;
	if (!curl) {
		free(c);
		error_memory(err);
		return NULL;
	}
	c->curl = curl;
	c->max_body = o->max_body ? o->max_body : DEFAULT_MAX_BODY;
	c->timeout_ms = o->timeout_ms ? o->timeout_ms : 60000;
	c->connect_timeout_ms = o->connect_timeout_ms ? o->connect_timeout_ms : 10000;
	struct str agent =
		o->user_agent.n ? str_slice(o->user_agent, 0, sizeof(c->user_agent) - 1) : S("firth/" FIRTH_VERSION);
	memcpy(c->user_agent, agent.p, agent.n);
	if (http_tls_copy(&o->tls, c->tls, err))
		return c;
	http_client_free(c);
	return NULL;
}

void http_client_free(struct http_client *c)
{
	if (!c)
		return;
	curl_easy_cleanup(c->curl);
	http_tls_free(c->tls);
	free(c);
}

static bool write_piece(struct transfer *t, struct str piece)
{
	t->too_large = piece.n > t->into->max - t->written;
	t->stopped = t->into->stopped && t->into->stopped(t->into->ctx);
	t->written += piece.n;
	while (piece.n && !t->too_large && !t->stopped && !t->no_room) {
		ssize_t n = write(t->into->fd, piece.p, piece.n);
		t->no_room = n <= 0;
		piece = str_slice(piece, n > 0 ? (size_t)n : 0, piece.n);
	}
	return !t->too_large && !t->stopped && !t->no_room;
}

static size_t on_body(char *p, size_t size, size_t count, void *ctx)
{
	struct transfer *t = ctx;
	long status = 0;
	if (t->into && curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status == 200)
		return write_piece(t, str_make(p, size * count)) ? size * count : 0;
	buf_add(&t->body, str_make(p, size * count));
	t->too_large = !buf_ok(&t->body);
	return t->too_large ? 0 : size * count;
}

static bool keep_header(struct transfer *t, struct str name, struct str value)
{
	struct http_answer *answer = t->answer;
	struct http_header *headers = arena_grow(t->arena, answer->headers, answer->header_count, &t->header_capacity,
						 answer->header_count + 1, sizeof(*headers));
	if (!headers)
		return false;
	answer->headers = headers;
	headers[answer->header_count] = (struct http_header){arena_str(t->arena, name), arena_str(t->arena, value)};
	return headers[answer->header_count++].value.p != NULL;
}

static size_t on_header(char *p, size_t size, size_t count, void *ctx)
{
	struct transfer *t = ctx;
	struct str line = str_trim(str_make(p, size * count));
	size_t colon = str_find_char(line, ':', 0);
	t->header_bytes += line.n;
	if (str_starts(line, S("HTTP/")) && colon == STR_NONE) {
		t->answer->header_count = 0; /* an interim answer such as 100 came before */
		return size * count;
	}
	if (colon == STR_NONE || line.n == 0)
		return size * count;
	if (t->answer->header_count >= MAX_HEADERS || t->header_bytes > MAX_HEADER_BYTES) {
		t->too_large = true;
		return 0;
	}
	if (!keep_header(t, str_slice(line, 0, colon), str_trim(str_slice(line, colon + 1, line.n)))) {
		t->no_memory = true;
		return 0;
	}
	return size * count;
}

/* The header lines as libcurl wants them; NULL when memory ran out or a value holds a line break. */
static bool make_headers(struct arena *a, const struct http_call *call, struct curl_slist **ret_list)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");
	for (size_t i = 0; list && i < call->header_count; i++) {
		struct str name = call->headers[i].name, value = call->headers[i].value;
		bool broken = str_find_char(value, '\n', 0) != STR_NONE || str_find_char(value, '\r', 0) != STR_NONE;
		struct str line = value.n ? arena_printf(a, "%.*s: %.*s", STR_ARG(name), STR_ARG(value))
					  : arena_printf(a, "%.*s;", STR_ARG(name));
		struct curl_slist *longer = line.p && !broken ? curl_slist_append(list, line.p) : NULL;
		if (!longer) {
			curl_slist_free_all(list);
			return false;
		}
		list = longer;
	}
	*ret_list = list;
	return list != NULL;
}

static void set_options(struct http_client *c, struct transfer *t, const struct http_call *call, const char *url,
			const char *method, struct curl_slist *headers)
{
	CURL *curl = c->curl;
	curl_easy_reset(curl);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	/* Links of the other side are followed to the letter, dots included. */
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(call->timeout_ms ? call->timeout_ms : c->timeout_ms));
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)c->connect_timeout_ms);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, c->user_agent);
	curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, t);
	http_tls_set(curl, c->tls);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, t->cause);
	if (call->into) {
		curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, (long)FILE_BUFFER);
		curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1024L);
		curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 60L);
	}
	if (call->body.p) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body.p);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.n);
	} else if (str_is(call->method, "POST") || str_is(call->method, "PUT")) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, 0L);
	}
	if (str_is(call->method, "HEAD"))
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
}

/* scheme://host:port of a URL: all of it that an error may name. */
static struct str origin_of(struct str url)
{
	size_t start = str_find(url, S("://"));
	if (start == STR_NONE)
		return S("the other system");
	size_t end = start + 3;
	while (end < url.n && url.p[end] != '/' && url.p[end] != '?' && url.p[end] != '#')
		end++;
	size_t at = str_rfind_char(str_slice(url, 0, end), '@');
	return at == STR_NONE ? str_slice(url, 0, end) : str_slice(url, at + 1, end);
}

static bool fail(const struct transfer *t, const struct http_call *call, CURLcode code, struct error *err)
{
	struct str origin = origin_of(call->url);
	if (t->too_large)
		return error_set(err, ERR_TOO_LARGE, "The answer of %.*s is larger than allowed", STR_ARG(origin));
	if (t->stopped)
		return error_set(err, ERR_INTERRUPTED, "Fetching from %.*s was stopped", STR_ARG(origin));
	if (t->no_room)
		return error_set(err, ERR_STORE_FULL, "What %.*s sends cannot be kept on disk", STR_ARG(origin));
	if (t->no_memory || code == CURLE_OUT_OF_MEMORY)
		return error_memory(err);
	if (code == CURLE_OPERATION_TIMEDOUT)
		return error_set(err, ERR_TIMEOUT, "%.*s did not answer in time", STR_ARG(origin));
	if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
		return error_set(err, ERR_VALUE, "The URL of %.*s is not a usable http or https URL", STR_ARG(origin));
	/* With TLS 1.3 the refusal comes when the first answer is read (RFC 8446 section 4.4.2.4). */
	if (strstr(t->cause, "certificate required"))
		return error_set(err, ERR_NETWORK, "%.*s wants a client certificate", STR_ARG(origin));
	if (strstr(t->cause, "alert") && (strstr(t->cause, "unknown ca") || strstr(t->cause, "bad certificate") ||
					  strstr(t->cause, "certificate unknown")))
		return error_set(err, ERR_NETWORK, "%.*s does not take the client certificate", STR_ARG(origin));
	if (code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_CERTPROBLEM)
		return error_set(err, ERR_CONFIG, "%.*s: %s", STR_ARG(origin),
				 code == CURLE_SSL_CERTPROBLEM
					 ? "the client certificate and its key do not open or do not belong together"
					 : "the file with authorities holds none");
	if (code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING)
		return error_set(err, ERR_NETWORK, "The connection to %.*s broke before its answer was whole",
				 STR_ARG(origin));
	return error_set(err, ERR_NETWORK, "%.*s could not be reached: %s", STR_ARG(origin), curl_easy_strerror(code));
}

static bool finish(struct http_client *c, struct transfer *t, struct error *err)
{
	long status = 0;
	char *ip = NULL;
	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(c->curl, CURLINFO_PRIMARY_IP, &ip);
	t->answer->status = (int)status;
	t->answer->peer_address = arena_str(t->arena, str_from(ip ? ip : ""));
	t->answer->body = arena_str(t->arena, buf_str(&t->body));
	t->answer->content_type = http_answer_header(t->answer, "Content-Type");
	return t->answer->body.p && t->answer->peer_address.p ? true : error_memory(err);
}

bool http_call(struct http_client *c, struct arena *a, const struct http_call *call, struct http_answer *ret_answer,
	       struct error *err)
{
	struct http_answer answer = {0};
	struct transfer t = {.arena = a, .answer = &answer, .into = call->into, .curl = c->curl};
	struct curl_slist *headers = NULL;
	struct str url = arena_str(a, call->url), method = arena_str(a, call->method);
	if (!url.p || !method.p)
		return error_memory(err);
	if (!make_headers(a, call, &headers))
		return error_set(err, ERR_VALUE, "A request header cannot be sent");
	buf_init(&t.body, c->max_body);
	set_options(c, &t, call, url.p, method.p, headers);
	CURLcode code = curl_easy_perform(c->curl);
	bool ok = code == CURLE_OK ? finish(c, &t, err) : fail(&t, call, code, err);
	curl_slist_free_all(headers);
	buf_done(&t.body);
	if (ok)
		*ret_answer = answer;
	return ok;
}

struct str http_answer_header(const struct http_answer *answer, const char *name)
{
	for (size_t i = answer->header_count; i > 0; i--)
		if (str_eq_nocase(answer->headers[i - 1].name, str_from(name)))
			return answer->headers[i - 1].value;
	return STR_NULL;
}
