/* Bodies of requests: into memory, or into a nameless file when the handler expects something huge; unpacked. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "http/server_priv.h"

static const char BODY_LIMIT[] = "limits.body";
enum { RESERVE_AT_ONCE = 1024 * 1024 /* a Content-Length is a promise only */ };

/* What the header says about the body: none, so many bytes, or UINT64_MAX when only its end will tell. */
static bool announced(const struct http_exchange *x, uint64_t *ret_length, struct error *err)
{
	struct str length = http_request_header(x, "Content-Length");
	bool chunked = http_request_header(x, "Transfer-Encoding").p != NULL;
	*ret_length = chunked ? UINT64_MAX : 0;
	if (!length.p)
		return true;
	if (chunked)
		return error_set(err, ERR_VALUE, "The request has both Content-Length and Transfer-Encoding");
	return str_to_u64(length, ret_length) || error_set(err, ERR_VALUE, "Content-Length is not a number");
}

/* A file without a name: it goes when its descriptor does, whatever happens to us. */
static bool open_file(struct http_exchange *x, struct error *err)
{
	x->request.file = file_nameless(x->server->spool.p);
	return x->request.file >= 0 ||
	       error_set(err, ERR_STORE_FULL, "The body cannot be kept on disk: %s", strerror(errno));
}

static bool ask_handler(struct http_exchange *x, struct error *err)
{
	const struct http_handler *handler = &x->server->handler;
	struct http_expectation expectation = {.max_body = x->server->max_body, .limit = BODY_LIMIT};
	if (handler->expect && !handler->expect(handler->ctx, x, &expectation, err))
		return false;
	x->max_body = expectation.max_body;
	x->limit = expectation.limit;
	return !expectation.to_file || open_file(x, err);
}

bool body_expect(struct http_exchange *x, bool *ret_follows, struct error *err)
{
	uint64_t length;
	enum coding coding;
	bool known = announced(x, &length, err);
	*ret_follows = !known || length > 0;
	x->max_body = x->server->max_body;
	x->limit = BODY_LIMIT;
	if (!known || !length)
		return known;
	if (!coding_parse(http_request_header(x, "Content-Encoding"), &coding, err) || !ask_handler(x, err))
		return false;
	if (length != UINT64_MAX && length > x->max_body)
		return error_set(err, ERR_TOO_LARGE, "The body has %llu bytes, the limit is %llu (%s)",
				 (unsigned long long)length, (unsigned long long)x->max_body, x->limit);
	/* Unpacking fills whole steps; the limit itself is counted. */
	x->body.max = (x->max_body < SIZE_MAX / 2 ? (size_t)x->max_body : SIZE_MAX / 2) + UNPACK_STEP;
	if (coding != CODING_IDENTITY) {
		x->unpacker = unpacker_new(coding, x->max_body, x->limit, err);
		return x->unpacker != NULL;
	}
	if (x->request.file < 0 && length != UINT64_MAX &&
	    !buf_reserve(&x->body, length < RESERVE_AT_ONCE ? length : RESERVE_AT_ONCE))
		return error_memory(err);
	return true;
}

static bool write_all(int fd, struct str text, struct error *err)
{
	while (text.n) {
		ssize_t n = write(fd, text.p, text.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_set(err, ERR_STORE_FULL, "The body cannot be kept on disk: %s", strerror(errno));
		text = str_slice(text, (size_t)n, text.n);
	}
	return true;
}

static bool to_file(struct http_exchange *x, struct str text, struct error *err)
{
	x->request.file_bytes += text.n;
	return write_all(x->request.file, text, err);
}

bool body_add(struct http_exchange *x, struct str piece, struct error *err)
{
	bool file = x->request.file >= 0;
	if (x->unpacker) {
		if (!unpacker_feed(x->unpacker, piece, &x->body, err))
			return false;
		if (!file)
			return true;
		bool ok = to_file(x, buf_str(&x->body), err);
		buf_reset(&x->body);
		return ok;
	}
	uint64_t have = file ? x->request.file_bytes : x->body.n;
	if (piece.n > x->max_body - have)
		return error_set(err, ERR_TOO_LARGE, "The body is larger than the limit of %llu bytes (%s)",
				 (unsigned long long)x->max_body, x->limit);
	if (file)
		return to_file(x, piece, err);
	buf_add(&x->body, piece);
	return buf_ok(&x->body) || error_memory(err);
}

bool body_end(struct http_exchange *x, struct error *err)
{
	if (x->unpacker && !unpacker_end(x->unpacker, err))
		return false;
	if (x->request.file >= 0 && lseek(x->request.file, 0, SEEK_SET) < 0)
		return error_set(err, ERR_IO, "The body cannot be read back: %s", strerror(errno));
	x->request.body = buf_str(&x->body);
	return true;
}
