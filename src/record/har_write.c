/*
 * A recording on disk: HAR 1.2, an entry a line. Each entry is written over the end of the file together with a new
 * end, in one call, so that the file is a whole document whenever somebody looks.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "record/record_priv.h"

enum { EXCHANGE_ARENA = 1 << 30 };
#define DEFAULT_MAX_FILE ((size_t)512 << 20)
#define DEFAULT_MAX_BODY ((size_t)8 << 20)
#define END		 "\n]}}\n"

struct record {
	struct record_options options;
	int fd;
	uint64_t end; /* where END stands */
	struct record_counts counts;
	struct masker masker;
	pthread_mutex_t lock;
};

/* ---- one entry -------------------------------------------------------------------------------------------------- */

struct entry {
	struct record *r;
	struct arena *a;
	struct json_writer w;
	const struct record_exchange *x;
	bool left_out; /* a body of it */
};

static struct str url_of(struct entry *e, struct str url)
{
	return e->r->options.unmasked ? url : mask_url(&e->r->masker, e->a, url);
}

/* Content-Length would be that of the body before it was masked. */
static bool header_tells(struct entry *e, struct str name)
{
	return e->r->options.unmasked || !str_eq_nocase(name, S("Content-Length"));
}

static void put_headers(struct entry *e, const struct http_header *headers, size_t count)
{
	json_key(&e->w, S("headers"));
	json_array_begin(&e->w);
	for (size_t i = 0; i < count; i++) {
		struct str name = headers[i].name, value = headers[i].value;
		if (!header_tells(e, name))
			continue;
		json_object_begin(&e->w);
		json_put_member(&e->w, S("name"), name);
		json_put_member(&e->w, S("value"),
				e->r->options.unmasked ? value : mask_header(&e->r->masker, e->a, name, value));
		json_object_end(&e->w);
	}
	json_array_end(&e->w);
	json_key(&e->w, S("cookies"));
	json_put_raw(&e->w, S("[]"));
}

static struct str find_header(const struct http_header *headers, size_t count, const char *name)
{
	for (size_t i = count; i > 0; i--)
		if (str_eq_nocase(headers[i - 1].name, str_from(name)))
			return headers[i - 1].value;
	return S("");
}

/* text, with encoding when it is no text; or a comment why there is none. */
static void put_text(struct entry *e, struct str type, struct str body)
{
	struct record *r = e->r;
	bool large = body.n > r->options.max_body;
	struct str text = large			? STR_NULL
			  : r->options.unmasked ? body
						: mask_body(&r->masker, e->a, e->x->url, type, body);
	if (!text.p) {
		json_put_member(&e->w, S("comment"),
				arena_printf(e->a, "%s: %zu bytes were left out",
					     large ? "larger than what is recorded" : "of a kind that cannot be masked",
					     body.n));
		e->left_out = true;
		return;
	}
	if (str_is_utf8(text)) {
		json_put_member(&e->w, S("text"), text);
		return;
	}
	struct buf coded;
	buf_init(&coded, 2 * text.n + 64);
	encode_base64(&coded, text);
	json_put_member(&e->w, S("text"), buf_str(&coded));
	json_put_member(&e->w, S("encoding"), S("base64"));
	buf_done(&coded);
}

static void put_query(struct entry *e, struct str url)
{
	struct place place = {0};
	struct buf plain;
	json_key(&e->w, S("queryString"));
	json_array_begin(&e->w);
	if (!place_of(url, &place))
		place.query = STR_NULL;
	buf_init(&plain, url.n + 16);
	while (place.query.p) {
		struct str value = str_split(&place.query, '&'), name = str_split(&value, '=');
		json_object_begin(&e->w);
		buf_reset(&plain);
		json_put_member(&e->w, S("name"), decode_percent(&plain, name, true) ? buf_str(&plain) : name);
		buf_reset(&plain);
		value = value.p ? value : S("");
		json_put_member(&e->w, S("value"), decode_percent(&plain, value, true) ? buf_str(&plain) : value);
		json_object_end(&e->w);
	}
	buf_done(&plain);
	json_array_end(&e->w);
}

static void put_number(struct entry *e, const char *name, int64_t value)
{
	json_key(&e->w, str_from(name));
	json_put_i64(&e->w, value);
}

static void put_request(struct entry *e)
{
	const struct record_exchange *x = e->x;
	struct str url = url_of(e, x->url);
	json_key(&e->w, S("request"));
	json_object_begin(&e->w);
	json_put_member(&e->w, S("method"), x->method);
	json_put_member(&e->w, S("url"), url);
	json_put_member(&e->w, S("httpVersion"), S("HTTP/1.1"));
	put_headers(e, x->headers, x->header_count);
	put_query(e, url);
	if (x->body.n) {
		struct str type = find_header(x->headers, x->header_count, "Content-Type");
		json_key(&e->w, S("postData"));
		json_object_begin(&e->w);
		json_put_member(&e->w, S("mimeType"), type);
		put_text(e, type, x->body);
		json_object_end(&e->w);
	}
	put_number(e, "headersSize", -1);
	put_number(e, "bodySize", (int64_t)x->body.n);
	json_object_end(&e->w);
}

static void put_response(struct entry *e)
{
	static const struct http_answer none = {0};
	const struct http_answer *answer = e->x->answer ? e->x->answer : &none;
	struct str location = find_header(answer->headers, answer->header_count, "Location");
	struct str type = answer->content_type.p ? answer->content_type : S("");
	json_key(&e->w, S("response"));
	json_object_begin(&e->w);
	put_number(e, "status", answer->status);
	json_put_member(&e->w, S("statusText"), S(""));
	json_put_member(&e->w, S("httpVersion"), S("HTTP/1.1"));
	put_headers(e, answer->headers, answer->header_count);
	json_key(&e->w, S("content"));
	json_object_begin(&e->w);
	put_number(e, "size", (int64_t)answer->body.n);
	json_put_member(&e->w, S("mimeType"), type.n ? type : S("x-unknown"));
	if (e->x->body_elsewhere)
		json_put_member(&e->w, S("comment"), S("went to a file"));
	else
		put_text(e, type, answer->body.p ? answer->body : S(""));
	json_object_end(&e->w);
	json_put_member(&e->w, S("redirectURL"), location.n ? url_of(e, location) : S(""));
	put_number(e, "headersSize", -1);
	put_number(e, "bodySize", (int64_t)answer->body.n);
	if (!e->x->answer)
		json_put_member(&e->w, S("_error"), e->x->failure);
	json_object_end(&e->w);
}

static void put_entry(struct entry *e)
{
	char instant[CLOCK_INSTANT_SIZE];
	double ms = (double)e->x->duration_ns / 1e6;
	clock_format_instant(e->x->started_ms, instant);
	json_object_begin(&e->w);
	json_put_member(&e->w, S("startedDateTime"), str_make(instant, sizeof(instant)));
	json_key(&e->w, S("time"));
	json_put_raw(&e->w, arena_printf(e->a, "%.3f", ms));
	put_request(e);
	put_response(e);
	json_key(&e->w, S("cache"));
	json_put_raw(&e->w, S("{}"));
	json_key(&e->w, S("timings"));
	json_put_raw(&e->w, arena_printf(e->a, "{\"send\":0,\"wait\":%.3f,\"receive\":0}", ms));
	json_object_end(&e->w);
}

/* ---- the file --------------------------------------------------------------------------------------------------- */

static bool write_at_end(struct record *r, struct str text, struct error *err)
{
	for (size_t done = 0; done < text.n;) {
		ssize_t n = pwrite(r->fd, text.p + done, text.n - done, (off_t)(r->end + done));
		if (n <= 0 && errno != EINTR)
			return error_set(err, errno == ENOSPC ? ERR_STORE_FULL : ERR_IO,
					 "The recording cannot be written");
		done += n > 0 ? (size_t)n : 0;
	}
	r->end += text.n - (sizeof(END) - 1);
	r->counts.bytes = r->end + sizeof(END) - 1;
	return true;
}

static bool add(struct record *r, struct arena *a, const struct record_exchange *x, struct error *err)
{
	struct buf out;
	buf_init(&out, 16 * r->options.max_body + (16 << 20));
	buf_add(&out, r->counts.entries ? S(",\n") : S("\n"));
	struct entry e = {.r = r, .a = a, .w = json_writer(&out), .x = x};
	put_entry(&e);
	buf_add(&out, S(END));
	bool ok = buf_ok(&out) && !r->masker.failed ? true : error_memory(err);
	bool full = r->end + out.n > r->options.max_file;
	if (ok && !full)
		ok = write_at_end(r, buf_str(&out), err);
	if (ok && full)
		r->counts.entries_left_out++;
	else if (ok)
		r->counts.entries++;
	r->counts.bodies_left_out += e.left_out;
	buf_done(&out);
	return ok;
}

size_t record_max_body(const struct record *r)
{
	return r->options.max_body;
}

bool record_add(struct record *r, const struct record_exchange *x, struct error *err)
{
	struct arena a;
	arena_init(&a, EXCHANGE_ARENA);
	pthread_mutex_lock(&r->lock);
	bool ok = add(r, &a, x, err);
	pthread_mutex_unlock(&r->lock);
	arena_done(&a);
	return ok;
}

static bool create(struct record *r, struct str path, struct error *err)
{
	struct str name = arena_str(&r->masker.arena, path);
	int how = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (r->options.replace ? O_TRUNC : O_EXCL);
	if (!name.p)
		return error_memory(err);
	r->fd = open(name.p, how, 0600);
	if (r->fd < 0 && errno == EEXIST)
		return error_set(err, ERR_CONFLICT, "%s is there already; --replace writes over it", name.p);
	if (r->fd < 0 || fchmod(r->fd, 0600) != 0)
		return error_set(err, ERR_IO, "%s cannot be written: %s", name.p, strerror(errno));
	return write_at_end(
		r,
		S("{\"log\":{\"version\":\"1.2\",\"creator\":{\"name\":\"firth\",\"version\":\"" FIRTH_VERSION
		  "\"},\"pages\":[],\"entries\":[" END),
		err);
}

struct record *record_open(const struct record_options *options, struct error *err)
{
	struct record *r = calloc(1, sizeof(*r));
	if (!r) {
		error_memory(err);
		return NULL;
	}
	r->options = *options;
	r->options.max_file = options->max_file ? options->max_file : DEFAULT_MAX_FILE;
	r->options.max_body = options->max_body ? options->max_body : DEFAULT_MAX_BODY;
	r->fd = -1;
	pthread_mutex_init(&r->lock, NULL);
	masker_init(&r->masker, options->definitions, options->births);
	if (create(r, options->path, err))
		return r;
	record_close(r);
	return NULL;
}

void record_count(struct record *r, struct record_counts *ret_counts)
{
	pthread_mutex_lock(&r->lock);
	*ret_counts = r->counts;
	pthread_mutex_unlock(&r->lock);
}

void record_close(struct record *r)
{
	if (!r)
		return;
	if (r->fd >= 0)
		close(r->fd);
	masker_done(&r->masker);
	pthread_mutex_destroy(&r->lock);
	free(r);
}
