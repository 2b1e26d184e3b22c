/* Finding files and cutting them into documents; see input.h. */
#include "app/input.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/buf.h"

enum { CHUNK = 1 << 20, MAX_NESTING = 32 };

struct walk {
	struct arena *arena;
	const struct input_user *user;
};

struct source {
	const struct input_user *user;
	struct input in;
	gzFile stream;
	struct buf text;
	bool end;
};

static struct str plain_name(struct str name)
{
	return str_ends(name, S(".gz")) ? str_slice(name, 0, name.n - 3) : name;
}

static bool named_as_lines(struct str name)
{
	return str_ends(name, S(".ndjson")) || str_ends(name, S(".jsonl"));
}

static bool wanted(struct str name)
{
	name = plain_name(name);
	return str_ends(name, S(".json")) || str_ends(name, S(".xml")) || named_as_lines(name);
}

bool input_is_xml(struct str text)
{
	if (str_starts(text, S("\xef\xbb\xbf")))
		text = str_slice(text, 3, text.n);
	text = str_trim(text);
	return text.n && text.p[0] == '<';
}

/* A line that is an object of its own, and another after it. */
static bool looks_like_lines(struct str text)
{
	size_t end = str_find_char(text, '\n', 0);
	if (end == STR_NONE)
		return false;
	struct str first = str_trim(str_slice(text, 0, end)), rest = str_trim(str_slice(text, end, text.n));
	return first.n > 1 && first.p[0] == '{' && first.p[first.n - 1] == '}' && rest.n && rest.p[0] == '{';
}

__attribute__((format(printf, 3, 4))) static bool problem(const struct input_user *user, const struct input *in,
							  const char *format, ...)
{
	struct error err = {.code = ERR_IO};
	va_list args;
	va_start(args, format);
	vsnprintf(err.text, sizeof(err.text), format, args);
	va_end(args);
	return user->problem(user->ctx, in, &err);
}

/* Reads one chunk more. False on failure, which was told; then *ret_go says whether to go on with other files. */
static bool read_more(struct source *s, bool *ret_go)
{
	char *room = buf_reserve(&s->text, CHUNK);
	*ret_go = true;
	if (!room) {
		*ret_go = problem(s->user, &s->in, "the document is larger than 256 MB");
		return false;
	}
	int code, n = gzread(s->stream, room, CHUNK);
	const char *text = gzerror(s->stream, &code);
	if (n < 0 || (n == 0 && code == Z_BUF_ERROR)) {
		*ret_go = problem(s->user, &s->in, "%s",
				  n == 0	    ? "the compressed file ends in the middle"
				  : code == Z_ERRNO ? strerror(errno)
						    : text);
		return false;
	}
	s->text.n += (size_t)n;
	s->end = n == 0;
	return true;
}

static bool give_line(struct source *s, struct str line)
{
	s->in.line++;
	if (s->in.line == 1 && str_starts(line, S("\xef\xbb\xbf")))
		line = str_slice(line, 3, line.n);
	s->in.text = str_trim(line);
	return !s->in.text.n || s->user->document(s->user->ctx, &s->in);
}

static bool read_lines(struct source *s)
{
	for (bool go;;) {
		struct str rest = buf_str(&s->text);
		for (size_t end; (end = str_find_char(rest, '\n', 0)) != STR_NONE;
		     rest = str_slice(rest, end + 1, rest.n))
			if (!give_line(s, str_slice(rest, 0, end)))
				return false;
		if (s->end)
			return give_line(s, rest);
		if (rest.n > INPUT_MAX_LINE) {
			s->in.line++;
			return problem(s->user, &s->in, "the line is longer than 64 MB; the rest was not read");
		}
		memmove(s->text.p, rest.p, rest.n);
		s->text.n = rest.n;
		if (!read_more(s, &go))
			return go;
	}
}

static bool read_stream(struct source *s)
{
	bool go;
	if (!read_more(s, &go))
		return go;
	if (named_as_lines(s->in.relative) || looks_like_lines(buf_str(&s->text)))
		return read_lines(s);
	while (!s->end)
		if (!read_more(s, &go))
			return go;
	if (s->text.n > INPUT_MAX_DOCUMENT)
		return problem(s->user, &s->in, "the document is larger than 256 MB");
	s->in.text = buf_str(&s->text);
	return s->user->document(s->user->ctx, &s->in);
}

static bool read_file(const struct walk *w, struct str path, struct str relative)
{
	struct source s = {.user = w->user, .in = {.file = path, .relative = plain_name(relative)}};
	bool standard = str_is(path, "-");
	if (standard)
		s.in.file = s.in.relative = S("(standard input)");
	int fd = standard ? dup(STDIN_FILENO) : open(path.p, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return problem(w->user, &s.in, "%s", strerror(errno));
	s.stream = gzdopen(fd, "rb");
	if (!s.stream) {
		close(fd);
		return problem(w->user, &s.in, "%s", error_default_text(ERR_MEMORY));
	}
	gzbuffer(s.stream, 256 * 1024);
	buf_init(&s.text, INPUT_MAX_DOCUMENT + 2 * CHUNK);
	bool go = read_stream(&s);
	buf_done(&s.text);
	gzclose_r(s.stream);
	return go;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static bool read_path(const struct walk *w, struct str path, struct str relative, bool named, unsigned depth);

static bool read_directory(const struct walk *w, struct str path, struct str relative, unsigned depth)
{
	struct dirent **entries;
	struct input in = {.file = path, .relative = relative};
	if (!depth)
		return problem(w->user, &in, "directories are nested too deeply");
	int n = scandir(path.p, &entries, visible, by_name);
	if (n < 0)
		return problem(w->user, &in, "%s", strerror(errno));
	bool go = true;
	for (int i = 0; i < n; i++) {
		if (go) {
			struct str child = arena_printf(w->arena, "%.*s/%s", STR_ARG(path), entries[i]->d_name);
			struct str below = arena_printf(w->arena, "%.*s%s%s", STR_ARG(relative), relative.n ? "/" : "",
							entries[i]->d_name);
			go = child.p && below.p ? read_path(w, child, below, false, depth - 1)
						: problem(w->user, &in, "%s", error_default_text(ERR_MEMORY)) && false;
		}
		free(entries[i]);
	}
	free(entries);
	return go;
}

static bool read_path(const struct walk *w, struct str path, struct str relative, bool named, unsigned depth)
{
	struct stat info;
	struct input in = {.file = path, .relative = relative};
	if (named && str_is(path, "-"))
		return read_file(w, path, relative);
	if (stat(path.p, &info) != 0)
		return problem(w->user, &in, "%s", strerror(errno));
	if (S_ISDIR(info.st_mode))
		return read_directory(w, path, named ? S("") : relative, depth);
	return (!named && !(S_ISREG(info.st_mode) && wanted(path))) || read_file(w, path, relative);
}

bool input_read(struct arena *a, const struct str *paths, size_t count, const struct input_user *user)
{
	struct walk w = {a, user};
	bool go = true;
	for (size_t i = 0; go && i < count; i++) {
		struct str path = arena_str(a, paths[i]);
		if (!path.p)
			return false;
		size_t slash = str_rfind_char(path, '/');
		go = read_path(&w, path, slash == STR_NONE ? path : str_slice(path, slash + 1, path.n), true,
			       MAX_NESTING);
	}
	return go;
}
