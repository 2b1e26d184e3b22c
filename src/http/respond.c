/*
 * Answers. Usually libmicrohttpd sends them. An upload that is refused half-way is answered on the socket itself,
 * because libmicrohttpd takes no answer while a body is arriving.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/server_priv.h"

enum {
	NAME_MAX_BYTES = 64,
	VALUE_MAX_BYTES = 8 * 1024,
	HEAD_MAX_BYTES = 64 * 1024,
};

/* RFC 9110 section 5: names are tokens, values have no control characters. Anything else could start a header or an
 * answer of its own. */
static bool is_token_byte(unsigned char c)
{
	static const bool marks[128] = {['!'] = true,  ['#'] = true, ['$'] = true, ['%'] = true, ['&'] = true,
					['\''] = true, ['*'] = true, ['+'] = true, ['-'] = true, ['.'] = true,
					['^'] = true,  ['_'] = true, ['`'] = true, ['|'] = true, ['~'] = true};
	unsigned char letter = c | 0x20;
	return (letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9') || (c < 128 && marks[c]);
}

static bool header_is_sane(const struct http_header *h)
{
	bool sane = h->name.n > 0 && h->name.n <= NAME_MAX_BYTES && h->value.n <= VALUE_MAX_BYTES;
	for (size_t i = 0; sane && i < h->name.n; i++)
		sane = is_token_byte((unsigned char)h->name.p[i]);
	for (size_t i = 0; sane && i < h->value.n; i++) {
		unsigned char c = (unsigned char)h->value.p[i];
		sane = (c >= 0x20 || c == '\t') && c != 0x7F;
	}
	return sane;
}

static bool add_header(struct MHD_Response *response, struct str name, struct str value)
{
	char name_text[NAME_MAX_BYTES + 1], small[256];
	if (!header_is_sane(&(struct http_header){name, value}))
		return false;
	memcpy(name_text, name.p, name.n);
	name_text[name.n] = '\0';
	if (value.n < sizeof(small)) {
		if (value.n)
			memcpy(small, value.p, value.n);
		small[value.n] = '\0';
		return MHD_add_response_header(response, name_text, small) == MHD_YES;
	}
	struct buf large;
	buf_init(&large, VALUE_MAX_BYTES + 1);
	buf_add(&large, value);
	buf_char(&large, '\0');
	bool ok = buf_ok(&large) && MHD_add_response_header(response, name_text, large.p) == MHD_YES;
	buf_done(&large);
	return ok;
}

/* ---- through libmicrohttpd, on the connection's own thread ------------------------------------------------------ */

static bool is_text(struct str content_type)
{
	return str_starts(content_type, S("text/")) || str_find(content_type, S("json")) != STR_NONE ||
	       str_find(content_type, S("xml")) != STR_NONE;
}

static struct http_header *find_header(const struct answer *a, const char *name)
{
	for (size_t i = 0; i < a->header_count; i++)
		if (str_eq_nocase(a->headers[i].name, str_from(name)))
			return &a->headers[i];
	return NULL;
}

/* RFC 9110 section 8.8.1: a strong validator would promise the same bytes for every coding. */
static void weaken_etag(struct http_exchange *x)
{
	struct http_header *etag = find_header(&x->answer, "ETag");
	if (etag && !str_starts(etag->value, S("W/")))
		etag->value = arena_printf(&x->arena, "W/%.*s", STR_ARG(etag->value));
}

/* Packs the body when it is worth it and wanted. *ret_varies: the answer depends on Accept-Encoding. */
static enum coding pack(struct http_exchange *x, bool *ret_varies)
{
	struct http_server *s = x->server;
	struct answer *a = &x->answer;
	uint64_t size = a->has_file ? a->file.size : a->body.n;
	*ret_varies = size >= s->pack_from && is_text(a->content_type) && !find_header(a, "Content-Encoding");
	if (!*ret_varies)
		return CODING_IDENTITY;
	weaken_etag(x);
	enum coding coding = coding_choose(http_request_header(x, "Accept-Encoding"));
	if (coding == CODING_IDENTITY || a->has_file)
		return coding;
	struct buf packed;
	buf_init(&packed, a->body.n);
	if (!coders_pack(&s->coders, coding, buf_str(&a->body), &packed)) {
		buf_done(&packed);
		return CODING_IDENTITY;
	}
	buf_done(&a->body);
	a->body = packed;
	return coding;
}

static struct MHD_Response *new_response(struct buf *body)
{
	if (!body->n)
		return MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
	struct MHD_Response *response = MHD_create_response_from_buffer(body->n, body->p, MHD_RESPMEM_MUST_FREE);
	if (response)
		buf_init(body, body->max);
	return response;
}

/* ---- answers that break off -------------------------------------------------------------------------------------- */

void http_exchange_cut(struct http_exchange *x, size_t bytes)
{
	x->cut = bytes;
}

struct broken_body {
	struct buf body;
	size_t end;
};

static ssize_t read_broken(void *cls, uint64_t at, char *out, size_t max)
{
	struct broken_body *b = cls;
	if (at >= b->end)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	size_t n = b->end - at < max ? b->end - at : max;
	memcpy(out, b->body.p + at, n);
	return (ssize_t)n;
}

static void free_broken(void *cls)
{
	struct broken_body *b = cls;
	buf_done(&b->body);
	free(b);
}

/* Announced whole, sent in part. */
static struct MHD_Response *new_broken_response(struct buf *body, size_t cut)
{
	struct broken_body *b = malloc(sizeof(*b));
	if (!b)
		return NULL;
	*b = (struct broken_body){*body, cut < body->n / 2 ? cut : body->n / 2};
	buf_init(body, body->max);
	struct MHD_Response *response = MHD_create_response_from_callback(b->body.n, 4096, read_broken, b, free_broken);
	if (!response)
		free_broken(b);
	return response;
}

static struct MHD_Response *make_response(struct http_exchange *x)
{
	struct answer *a = &x->answer;
	bool varies;
	enum coding coding = pack(x, &varies);
	struct MHD_Response *response = a->has_file	      ? respond_file(a, coding)
					: x->cut && a->body.n ? new_broken_response(&a->body, x->cut)
							      : new_response(&a->body);
	if (!response)
		return NULL;
	bool ok = add_header(response, S("X-Request-Id"), x->request.request_id);
	if (a->content_type.n)
		ok = ok && add_header(response, S("Content-Type"), a->content_type);
	if (coding != CODING_IDENTITY)
		ok = ok && add_header(response, S("Content-Encoding"), str_from(coding_name(coding)));
	if (varies)
		ok = ok && add_header(response, S("Vary"), S("Accept-Encoding"));
	for (size_t i = 0; ok && i < a->header_count; i++)
		ok = add_header(response, a->headers[i].name, a->headers[i].value);
	/* Refused before the body was read: what follows on the connection is no request. */
	if (!x->whole || atomic_load_explicit(&x->server->stopping, memory_order_relaxed))
		ok = ok && add_header(response, S("Connection"), S("close"));
	if (ok)
		return response;
	MHD_destroy_response(response);
	return NULL;
}

enum MHD_Result respond_queue(struct http_exchange *x)
{
	if (x->early)
		return MHD_YES;
	uint64_t size = x->answer.has_file ? x->answer.file.size : x->answer.body.n;
	struct MHD_Response *response = x->answer.broken ? NULL : make_response(x);
	if (!response && x->status != 500) {
		/* A header that must not be sent is our mistake; the answer without it could mean another. */
		x->status = 500;
		respond_forget(&x->answer);
		response = make_response(x);
	}
	if (!response)
		return MHD_NO;
	peer_expect(x->peer, clock_monotonic_ns(), size);
	enum MHD_Result queued = MHD_queue_response(x->connection, (unsigned)x->status, response);
	MHD_destroy_response(response);
	return queued;
}

/* ---- straight onto the socket ----------------------------------------------------------------------------------- */

/* IMF-fixdate, RFC 9110 section 5.6.7. */
static void add_date(struct buf *head)
{
	static const char days[] = "ThuFriSatSunMonTueWed", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int64_t seconds = clock_now_ms() / 1000, day_count = seconds / 86400;
	int year, month, day;
	clock_date_from_days(day_count, &year, &month, &day);
	buf_printf(head, "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d GMT\r\n", days + day_count % 7 * 3, day,
		   months + (month - 1) * 3, year, (int)(seconds / 3600 % 24), (int)(seconds / 60 % 60),
		   (int)(seconds % 60));
}

static bool write_head(struct str request_id, const struct http_response *r, struct buf *out)
{
	buf_printf(out, "HTTP/1.1 %d %s\r\n", r->status, MHD_get_reason_phrase_for((unsigned)r->status));
	add_date(out);
	buf_printf(out, "Connection: close\r\nContent-Length: %zu\r\nX-Request-Id: %.*s\r\n", r->body ? r->body->n : 0,
		   STR_ARG(request_id));
	const struct http_header type = {S("Content-Type"), r->content_type};
	for (size_t i = 0; i <= r->header_count; i++) {
		const struct http_header *h = i < r->header_count ? &r->headers[i] : &type;
		if (h == &type && !type.value.n)
			continue;
		if (!header_is_sane(h))
			return false;
		buf_printf(out, "%.*s: %.*s\r\n", STR_ARG(h->name), STR_ARG(h->value));
	}
	buf_add(out, S("\r\n"));
	return buf_ok(out);
}

/* The socket's buffer is empty and holds any refusal. */
void respond_plainly(int fd, struct str request_id, bool head, const struct http_response *r)
{
	struct buf out;
	buf_init(&out, HEAD_MAX_BYTES + (r->body ? r->body->n : 0));
	if (write_head(request_id, r, &out)) {
		if (r->body && r->body->n && !head)
			buf_add(&out, buf_str(r->body));
		if (buf_ok(&out) && send(fd, out.p, out.n, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
			shutdown(fd, SHUT_WR);
	}
	buf_done(&out);
}

static void send_early(const struct http_exchange *x, const struct http_response *r)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	if (info)
		respond_plainly(info->connect_fd, x->request.request_id, x->head, r);
}

/* ---- answering -------------------------------------------------------------------------------------------------- */

/* Headers usually point into the same arena, but nobody promised it. */
static bool keep_text(struct arena *a, struct str text, struct str *ret_copy)
{
	*ret_copy = arena_str(a, text.p ? text : S(""));
	return ret_copy->p != NULL;
}

static void keep_answer(struct http_exchange *x, const struct http_response *r)
{
	struct answer *a = &x->answer;
	bool ok = keep_text(&x->arena, r->content_type, &a->content_type);
	a->headers = ARENA_ARRAY(&x->arena, struct http_header, r->header_count + 1);
	for (; ok && a->headers && a->header_count < r->header_count; a->header_count++) {
		struct http_header *h = &a->headers[a->header_count];
		ok = keep_text(&x->arena, r->headers[a->header_count].name, &h->name) &&
		     keep_text(&x->arena, r->headers[a->header_count].value, &h->value);
	}
	a->broken = !ok || !a->headers;
	if (r->body && r->body->n) {
		a->body = *r->body;
		buf_init(r->body, r->body->max);
	}
	a->has_file = r->file != NULL;
	if (r->file)
		a->file = *r->file;
}

void respond_forget(struct answer *a)
{
	buf_done(&a->body);
	if (a->has_file)
		close(a->file.fd);
	*a = (struct answer){0};
}

void http_respond(struct http_exchange *x, const struct http_response *response)
{
	struct http_server *s = x->server;
	if (x->apart) {
		/* Whoever is told of the answer may end everything that these look at. */
		exchange_tell_end(x);
		x->apart->answered(x->apart->ctx, response);
		if (response->body)
			buf_done(response->body);
		if (response->file)
			close(response->file->fd);
		exchange_give(x);
		return;
	}
	x->status = response->status;
	if (x->early && response->file)
		close(response->file->fd); /* refusals have none */
	if (x->early)
		send_early(x, response);
	else
		keep_answer(x, response);
	if (response->body)
		buf_done(response->body);
	int open = EXCHANGE_OPEN;
	if (atomic_compare_exchange_strong(&x->state, &open, EXCHANGE_ANSWERED))
		return;
	/* The connection sleeps, so x is ours until it wakes; the server must not go before we have let go of it. */
	struct MHD_Connection *connection = x->connection;
	atomic_fetch_add(&s->busy, 1);
	atomic_store_explicit(&x->state, EXCHANGE_ANSWERED, memory_order_release);
	MHD_resume_connection(connection);
	server_end_exchange(s);
}
