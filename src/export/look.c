/*
 * Lines, looked through by bytes: is each one whole JSON object, of the type that the file is said to be, with an id,
 * and what does it refer to? Fast enough to be no burden beside the download, and without memory of its own; the
 * grammar is that of RFC 8259, but for what numbers may look like in detail.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/encode.h"
#include "export/export_priv.h"
#include "jose/jose.h"

enum { MAX_DEPTH = 100, MAX_REFERENCES = 512, BATCH = 256, RECENT = 4096 };
#define WINDOW ((size_t)4 << 20)

/* ---- one line -----------------------------------------------------------------------------------------------------
 */

struct cursor {
	const char *p, *end, *start;
	const char *why; /* NULL: good so far */
};

static void skip_space(struct cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\r'))
		c->p++;
}

/* A string, its quotes left out; escapes stay as they are. */
static struct str take_string(struct cursor *c)
{
	const char *start = ++c->p;
	for (;;) {
		const char *quote = memchr(c->p, '"', (size_t)(c->end - c->p));
		if (!quote) {
			c->why = "the line ends within a text";
			return STR_NULL;
		}
		const char *back = quote;
		while (back > start && back[-1] == '\\')
			back--;
		c->p = quote + 1;
		if ((quote - back) % 2 == 0)
			return str_make(start, (size_t)(quote - start));
	}
}

static void take_word(struct cursor *c)
{
	const char *start = c->p;
	while (c->p < c->end && *c->p != ',' && *c->p != '}' && *c->p != ']' && *c->p != ' ' && *c->p != '\t' &&
	       *c->p != '\r')
		c->p++;
	struct str word = str_make(start, (size_t)(c->p - start));
	if (str_is(word, "true") || str_is(word, "false") || str_is(word, "null"))
		return;
	bool number = word.n && (word.p[0] == '-' || (word.p[0] >= '0' && word.p[0] <= '9'));
	for (size_t i = 1; number && i < word.n; i++)
		number = (word.p[i] >= '0' && word.p[i] <= '9') || word.p[i] == '.' || word.p[i] == 'e' ||
			 word.p[i] == 'E' || word.p[i] == '+' || word.p[i] == '-';
	if (!number)
		c->why = "the line is no JSON";
}

/* What a member of an object says to us. */
struct noting {
	struct looked *looked;
	struct look_reference *references;
	size_t max, count;
};

static void note(struct noting *n, const struct cursor *c, unsigned depth, struct str key, struct str value)
{
	if (depth == 1 && str_is(key, "resourceType"))
		n->looked->type = value;
	else if (depth == 1 && str_is(key, "id"))
		n->looked->id = value;
	else if (key.n == 9 && memcmp(key.p, "reference", 9) == 0 && n->count < n->max)
		n->references[n->count++] = (struct look_reference){(size_t)(value.p - c->start), value};
}

/* Behind a value: a comma goes on, brackets close. False at the end of the line's object, or with why. */
static bool after_value(struct cursor *c, char *stack, unsigned *depth)
{
	for (;;) {
		skip_space(c);
		if (!*depth) {
			if (c->p != c->end)
				c->why = "there is something behind the resource";
			return false;
		}
		if (c->p == c->end) {
			c->why = "the line ends in the middle";
			return false;
		}
		char ch = *c->p++;
		if (ch == ',')
			return true;
		if (ch != stack[*depth - 1]) {
			c->why = "the line is no JSON";
			return false;
		}
		--*depth;
	}
}

static struct str take_key(struct cursor *c)
{
	skip_space(c);
	if (c->p == c->end || *c->p != '"') {
		c->why = c->p == c->end ? "the line ends in the middle" : "the line is no JSON";
		return STR_NULL;
	}
	struct str key = take_string(c);
	if (c->why)
		return key;
	skip_space(c);
	if (c->p == c->end || *c->p++ != ':')
		c->why = "the line is no JSON";
	return key;
}

/* An empty object or array is a value; one with something in it is gone into: true. */
static bool open_bracket(struct cursor *c, char *stack, unsigned *depth)
{
	char close = *c->p++ == '{' ? '}' : ']';
	skip_space(c);
	if (c->p < c->end && *c->p == close) {
		c->p++;
		return false;
	}
	if (*depth == MAX_DEPTH) {
		c->why = "the line is nested too deeply";
		return false;
	}
	stack[(*depth)++] = close;
	return true;
}

static void walk(struct cursor *c, struct noting *n)
{
	char stack[MAX_DEPTH];
	unsigned depth = 0;
	do {
		struct str key = STR_NULL;
		bool inside;
		do {
			inside = false;
			key = depth && stack[depth - 1] == '}' ? take_key(c) : STR_NULL;
			if (c->why)
				return;
			skip_space(c);
			if (c->p == c->end) {
				c->why = "the line ends in the middle";
			} else if (*c->p == '"') {
				struct str text = take_string(c);
				if (!c->why && key.p)
					note(n, c, depth, key, text);
			} else if (*c->p == '{' || *c->p == '[') {
				inside = open_bracket(c, stack, &depth);
			} else {
				take_word(c);
			}
		} while (inside && !c->why);
	} while (!c->why && after_value(c, stack, &depth));
}

const char *look_line(struct str line, struct looked *ret_looked, struct look_reference *references, size_t max,
		      size_t *ret_count)
{
	struct cursor c = {.p = line.p, .end = line.p + line.n, .start = line.p};
	struct noting n = {.looked = ret_looked, .references = references, .max = max};
	*ret_looked = (struct looked){0};
	skip_space(&c);
	if (c.p == c.end || *c.p != '{')
		c.why = "the line is no JSON object";
	else
		walk(&c, &n);
	*ret_count = n.count;
	return c.why;
}

/* ---- a file -------------------------------------------------------------------------------------------------------
 */

struct looking {
	struct run *r;
	const struct export_file *f;
	struct export_counts counts;
	struct set_entry ids[BATCH], references[BATCH];
	size_t id_count, reference_count;
	struct look_reference found[MAX_REFERENCES];
	struct str last_type; /* of a reference, and its row: they repeat */
	size_t last_row;
	struct {
		uint64_t high, low;
	} recent[RECENT]; /* references that were noted: most repeat those of the lines before */
	uint64_t by_type[EXPORT_MAX_TYPES]; /* references */
};

static bool flush(struct looking *l, struct error *err)
{
	struct run *r = l->r;
	pthread_mutex_lock(&r->lock);
	bool ok = set_add(&r->ids, l->ids, l->id_count, err) &&
		  set_add(&r->references, l->references, l->reference_count, err);
	pthread_mutex_unlock(&r->lock);
	l->id_count = l->reference_count = 0;
	return ok;
}

static size_t row_of(struct looking *l, struct str type)
{
	if (str_eq(type, l->last_type))
		return l->last_row;
	pthread_mutex_lock(&l->r->lock);
	size_t row = run_type(l->r, type);
	l->last_type = row < EXPORT_MAX_TYPES ? l->r->types[row].name : STR_NULL;
	pthread_mutex_unlock(&l->r->lock);
	l->last_row = row;
	return row;
}

static void bad(struct looking *l, const char *why)
{
	if (!l->counts.bad_lines++) {
		l->counts.first_bad = l->counts.lines;
		l->counts.bad_why = why;
	}
}

/* "Patient/1", also below our base, also of a version; slashes may be escaped. */
static bool split_reference(const struct looking *l, struct str text, struct str *ret_type, struct str *ret_id)
{
	if (str_starts(text, l->r->base))
		text = str_slice(text, l->r->base.n + 1, text.n);
	size_t slash = str_find_char(text, '/', 0), mark = slash;
	if (slash == STR_NONE || slash == 0)
		return false;
	if (text.p[slash - 1] == '\\')
		mark--;
	*ret_type = str_slice(text, 0, mark);
	*ret_id = str_slice(text, slash + 1, text.n);
	if (!ret_type->n || ret_type->p[0] < 'A' || ret_type->p[0] > 'Z')
		return false;
	size_t more = str_find_char(*ret_id, '/', 0);
	if (more != STR_NONE && str_starts(str_slice(*ret_id, more, ret_id->n), S("/_history")))
		*ret_id = str_slice(*ret_id, 0, more);
	else if (more != STR_NONE)
		return false;
	return ret_id->n > 0 && str_find_char(*ret_type, '?', 0) == STR_NONE &&
	       str_find_char(*ret_type, ':', 0) == STR_NONE;
}

static bool take_references(struct looking *l, uint64_t offset, size_t count, struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		struct str type, id;
		if (!split_reference(l, l->found[i].text, &type, &id))
			continue;
		size_t row = row_of(l, type);
		if (row == EXPORT_MAX_TYPES)
			continue;
		struct set_entry e = set_entry_of(type, id);
		e.file = l->f->number;
		e.offset = offset + l->found[i].offset + (size_t)(id.p - l->found[i].text.p);
		e.type = (uint16_t)row;
		l->by_type[row]++;
		size_t slot = e.low % RECENT;
		if (l->recent[slot].high == e.high && l->recent[slot].low == e.low)
			continue;
		l->recent[slot].high = e.high;
		l->recent[slot].low = e.low;
		l->references[l->reference_count++] = e;
		if (l->reference_count == BATCH && !flush(l, err))
			return false;
	}
	return true;
}

static bool take_line(struct looking *l, struct str line, uint64_t offset, struct error *err)
{
	struct looked looked;
	size_t count;
	l->counts.lines++;
	const char *why = look_line(line, &looked, l->found, MAX_REFERENCES, &count);
	if (!why && !str_eq(looked.type, l->f->type))
		why = looked.type.p ? "the resource is of another type" : "the object has no resourceType";
	if (!why && !looked.id.n && l->f->list == EXPORT_OUTPUT)
		why = "the resource has no id";
	if (why) {
		bad(l, why);
		return true;
	}
	if (l->f->list != EXPORT_OUTPUT)
		return true;
	struct set_entry e = set_entry_of(looked.type, looked.id);
	e.file = l->f->number;
	e.offset = offset + (size_t)(looked.id.p - line.p);
	e.type = (uint16_t)row_of(l, looked.type);
	l->ids[l->id_count++] = e;
	return (l->id_count < BATCH || flush(l, err)) && take_references(l, offset, count, err);
}

/* Whole lines of a window; *ret_used: bytes that were. */
static bool take_lines(struct looking *l, struct str text, uint64_t offset, bool last, size_t *ret_used,
		       struct error *err)
{
	size_t at = !offset && str_starts(text, S("\xef\xbb\xbf")) ? 3 : 0; /* a byte order mark */
	while (at < text.n) {
		const char *end = memchr(text.p + at, '\n', text.n - at);
		if (!end && !last)
			break;
		size_t stop = end ? (size_t)(end - text.p) : text.n;
		struct str line = str_slice(text, at, stop);
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (line.n && !take_line(l, line, offset + at, err))
			return false;
		at = end ? stop + 1 : stop;
	}
	*ret_used = at;
	return true;
}

static bool read_file(struct looking *l, int fd, struct digest *digest, struct error *err)
{
	struct buf window;
	uint64_t offset = 0;
	bool ok = true, last = false;
	buf_init(&window, EXPORT_MAX_LINE + 2 * WINDOW);
	while (ok && !last) {
		char *room = buf_reserve(&window, WINDOW / 4);
		ssize_t n = room ? read(fd, room, WINDOW / 4) : -1;
		if (n < 0) {
			ok = room ? errno == EINTR ||
					     error_set(err, ERR_IO, "A file cannot be read: %s", strerror(errno))
				  : error_set(err, ERR_TOO_LARGE, "A line is longer than 64 MB");
			continue;
		}
		digest_add(digest, str_make(room, (size_t)n));
		window.n += (size_t)n;
		last = n == 0;
		size_t used = 0;
		ok = take_lines(l, buf_str(&window), offset, last, &used, err);
		if (used)
			memmove(window.p, window.p + used, window.n - used);
		window.n -= used;
		offset += used;
	}
	l->counts.bytes = offset;
	buf_done(&window);
	return ok && flush(l, err);
}

static void take_counts(struct looking *l)
{
	struct run *r = l->r;
	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < EXPORT_MAX_TYPES; i++)
		r->types[i].references += l->by_type[i];
	pthread_mutex_unlock(&r->lock);
}

static void end_digest(struct digest *digest, char ret_sha256[65])
{
	unsigned char sum[32];
	struct buf hex = {.p = ret_sha256, .cap = 65, .max = 65};
	digest_end(digest, sum);
	encode_hex(&hex, str_make((const char *)sum, sizeof(sum)));
	ret_sha256[64] = '\0';
}

bool look_hash(const char *path, char ret_sha256[65], struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct digest *digest = digest_new();
	char *bytes = malloc(WINDOW / 4);
	ssize_t n = fd >= 0 && digest && bytes ? 1 : -1;
	while (n > 0 || (n < 0 && fd >= 0 && bytes && digest && errno == EINTR)) {
		n = read(fd, bytes, WINDOW / 4);
		if (n > 0)
			digest_add(digest, str_make(bytes, (size_t)n));
	}
	if (n == 0)
		end_digest(digest, ret_sha256);
	if (fd >= 0)
		close(fd);
	digest_free(digest);
	free(bytes);
	return n == 0 || error_set(err, ERR_IO, "A fetched file cannot be read");
}

bool look_through(struct run *r, const struct export_file *f, const char *path, struct export_counts *ret_counts,
		  struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct looking *l = calloc(1, sizeof(*l));
	struct digest *digest = digest_new();
	bool ok = fd >= 0 && l && digest;
	if (!ok)
		error_set(err, fd < 0 ? ERR_NOT_FOUND : ERR_MEMORY, "A fetched file cannot be read");
	if (ok) {
		l->r = r;
		l->f = f;
		ok = read_file(l, fd, digest, err);
	}
	if (ok) {
		end_digest(digest, l->counts.sha256);
		take_counts(l);
		*ret_counts = l->counts;
	}
	digest_free(digest);
	if (fd >= 0)
		close(fd);
	free(l);
	return ok;
}
