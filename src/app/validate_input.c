/*
 * Input of `firth validate`: files, directories in a fixed order, standard input; plain or gzip. What a file holds is
 * told by its content: JSON and XML are handed over whole, NDJSON in pieces of whole lines.
 */
#include "app/validate_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_NESTING = 32, MAX_FILES = 10000000 };

void input_init(struct input *in, struct app *app)
{
	*in = (struct input){.app = app};
	buf_init(&in->ahead, VALIDATE_MAX_DOCUMENT + 2 * VALIDATE_PIECE);
}

static void end_file(struct input *in)
{
	if (in->stream)
		gzclose_r(in->stream);
	in->stream = NULL;
	in->bytes_before += in->bytes_read;
	in->bytes_read = 0;
	buf_reset(&in->ahead);
}

void input_rewind(struct input *in)
{
	end_file(in);
	in->at = 0;
	in->bytes_before = 0;
}

void input_done(struct input *in)
{
	end_file(in);
	buf_done(&in->ahead);
}

/* ---- finding files ---------------------------------------------------------------------------------------------- */

static struct str plain_name(struct str name)
{
	return str_ends(name, S(".gz")) ? str_slice(name, 0, name.n - 3) : name;
}

static bool named_as_lines(struct str name)
{
	return str_ends(plain_name(name), S(".ndjson")) || str_ends(plain_name(name), S(".jsonl"));
}

/* Found in a directory: what looks like resources, and not the list of a package's contents. */
static bool wanted(struct str name)
{
	size_t slash = str_rfind_char(name, '/');
	struct str last = slash == STR_NONE ? name : str_slice(name, slash + 1, name.n);
	if (str_is(last, "package.json") || str_is(last, "package-lock.json"))
		return false;
	return str_ends(plain_name(name), S(".json")) || str_ends(plain_name(name), S(".xml")) || named_as_lines(name);
}

static bool add_file(struct input *in, struct str path, off_t size, struct error *err)
{
	if (in->count == MAX_FILES)
		return error_set(err, ERR_LIMIT, "more than %d files", MAX_FILES);
	struct str *paths =
		arena_grow(&in->app->arena, in->paths, in->count, &in->capacity, in->count + 1, sizeof(*paths));
	if (!paths)
		return error_memory(err);
	in->paths = paths;
	paths[in->count++] = path;
	in->bytes_total += size > 0 ? (uint64_t)size : 0;
	return true;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static bool add_path(struct input *in, struct str path, bool named, unsigned depth, struct error *err);

static bool add_directory(struct input *in, struct str path, unsigned depth, struct error *err)
{
	struct dirent **entries;
	if (depth == MAX_NESTING)
		return error_set(err, ERR_LIMIT, "%.*s: directories are nested too deeply", STR_ARG(path));
	int n = scandir(path.p, &entries, visible, by_name);
	if (n < 0)
		return error_set(err, ERR_IO, "%.*s: %s", STR_ARG(path), strerror(errno));
	bool ok = true;
	for (int i = 0; i < n; i++) {
		if (ok) {
			struct str child = arena_printf(&in->app->arena, "%.*s/%s", STR_ARG(path), entries[i]->d_name);
			ok = child.p ? add_path(in, child, false, depth + 1, err) : error_memory(err);
		}
		free(entries[i]);
	}
	free(entries);
	return ok;
}

static bool add_path(struct input *in, struct str path, bool named, unsigned depth, struct error *err)
{
	struct stat info;
	if (named && str_is(path, "-"))
		return add_file(in, path, 0, err);
	if (stat(path.p, &info) != 0)
		return named ? error_set(err, ERR_NOT_FOUND, "%.*s: %s", STR_ARG(path), strerror(errno)) : true;
	if (S_ISDIR(info.st_mode))
		return add_directory(in, path, depth, err);
	return !named && !(S_ISREG(info.st_mode) && wanted(path)) ? true : add_file(in, path, info.st_size, err);
}

bool input_add(struct input *in, struct str path, struct error *err)
{
	while (path.n > 1 && path.p[path.n - 1] == '/')
		path.n--;
	path = arena_str(&in->app->arena, path);
	return path.p ? add_path(in, path, true, 0, err) : error_memory(err);
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

/* Reads up to `want` more bytes ahead. Returns how many, -1 with the reason when reading fails. */
static long read_ahead(struct input *in, size_t want, const char **ret_why)
{
	size_t got = 0;
	char *room = buf_reserve(&in->ahead, want);
	if (!room) {
		*ret_why = in->ahead.n >= VALIDATE_MAX_DOCUMENT ? "the document is larger than 256 MB; use NDJSON"
								: "not enough memory to read it";
		return -1;
	}
	while (got < want) {
		int n = gzread(in->stream, room + got, (unsigned)(want - got));
		int code;
		const char *text = n < 0 ? gzerror(in->stream, &code) : NULL;
		if (n < 0) {
			*ret_why = code == Z_ERRNO ? strerror(errno) : text;
			return -1;
		}
		if (n == 0)
			break;
		got += (size_t)n;
	}
	in->ahead.n += got;
	z_off_t at = gzoffset(in->stream);
	in->bytes_read = at > 0 ? (uint64_t)at : 0;
	if (got < want) {
		int code;
		gzerror(in->stream, &code);
		if (code == Z_BUF_ERROR) {
			*ret_why = "the compressed file ends in the middle";
			return -1;
		}
	}
	return (long)got;
}

/* An object on its own line, and another after it. */
static bool looks_like_lines(struct str text)
{
	size_t end = str_find_char(text, '\n', 0);
	if (end == STR_NONE)
		return false;
	struct str first = str_trim(str_slice(text, 0, end)), rest = str_trim(str_slice(text, end, text.n));
	return first.n > 1 && first.p[0] == '{' && first.p[first.n - 1] == '}' && rest.n && rest.p[0] == '{';
}

static const char *open_next(struct input *in)
{
	struct str path = in->paths[in->at++];
	bool standard = str_is(path, "-");
	in->name = standard ? S("(standard input)") : path;
	in->line = 1;
	int fd = standard ? dup(STDIN_FILENO) : open(path.p, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return strerror(errno);
	in->stream = gzdopen(fd, "rb");
	if (!in->stream) {
		close(fd);
		return "not enough memory to read it";
	}
	gzbuffer(in->stream, 128 * 1024);
	const char *why = NULL;
	if (read_ahead(in, VALIDATE_PIECE, &why) < 0)
		return why;
	struct str start = buf_str(&in->ahead);
	if (!str_trim(start).n)
		return "the file is empty";
	in->lines = named_as_lines(in->name) || looks_like_lines(start);
	return NULL;
}

static void hand_out(struct input *in, struct check *c, size_t n)
{
	struct str all = buf_str(&in->ahead), rest = str_slice(all, n, all.n);
	buf_reset(&c->text);
	buf_add(&c->text, str_slice(all, 0, n));
	memmove(in->ahead.p, rest.p, rest.n);
	in->ahead.n = rest.n;
	c->line = in->line;
	c->lines = in->lines;
	if (!buf_ok(&c->text))
		c->unreadable = S("not enough memory to read it");
}

static size_t count_lines(struct str text)
{
	size_t lines = 0;
	for (size_t at = str_find_char(text, '\n', 0); at != STR_NONE; at = str_find_char(text, '\n', at + 1))
		lines++;
	return lines;
}

/* Whole lines, at least one; the end of the file is the end of a line. */
static const char *take_lines(struct input *in, struct check *c)
{
	const char *why = NULL;
	for (;;) {
		size_t end = str_rfind_char(buf_str(&in->ahead), '\n');
		if (end != STR_NONE && in->ahead.n >= VALIDATE_PIECE) {
			hand_out(in, c, end + 1);
			in->line += count_lines(buf_str(&c->text));
			return NULL;
		}
		if (in->ahead.n > VALIDATE_MAX_LINE)
			return "a line is longer than 64 MB";
		long n = read_ahead(in, VALIDATE_PIECE, &why);
		if (n < 0)
			return why;
		if (n == 0) {
			hand_out(in, c, in->ahead.n);
			c->last = true;
			return NULL;
		}
	}
}

static const char *take_document(struct input *in, struct check *c)
{
	const char *why = NULL;
	long n;
	do {
		n = read_ahead(in, in->ahead.n > VALIDATE_PIECE ? in->ahead.n : VALIDATE_PIECE, &why);
	} while (n > 0);
	if (n < 0)
		return why;
	hand_out(in, c, in->ahead.n);
	c->last = true;
	return NULL;
}

bool input_next(struct input *in, struct check *ret_check)
{
	const char *why = NULL;
	if (!in->stream) {
		if (in->at == in->count)
			return false;
		why = open_next(in);
	}
	struct check *c = ret_check;
	c->file = in->name;
	c->unreadable = STR_NULL;
	c->last = c->lines = false;
	c->line = 1;
	if (!why)
		why = in->lines ? take_lines(in, c) : take_document(in, c);
	if (why) {
		buf_reset(&c->text);
		c->unreadable = str_from(why);
		c->last = true;
	}
	if (c->last)
		end_file(in);
	return true;
}
