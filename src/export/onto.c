/*
 * An export of changes, applied to the files of an earlier one: its files are put beside the earlier ones, and the
 * lines of what is replaced or deleted are taken out of these. New files come first and every file is replaced whole,
 * so at each moment everything is there at least once; and doing it again changes nothing.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "export/export_priv.h"

enum { MAX_REFERENCES = 1, COPY = 1 << 18, MAX_MARK = 32 };

struct onto {
	struct run *r;
	struct arena a;
	struct str directory;
	char mark[MAX_MARK]; /* of this export, in the names of its files there: digits of its time */
	struct str *files; /* of before, in the order of their names */
	size_t count, capacity;
	struct set drops, lines, places; /* ids that go; ids of lines that are there; where lines go */
};

/* ---- the files of before ------------------------------------------------------------------------------------------
 */

static int compare_names(const void *left, const void *right)
{
	return str_cmp(*(const struct str *)left, *(const struct str *)right);
}

static bool is_data(const struct onto *o, struct str name)
{
	return str_ends(name, S(".ndjson")) && name.p[0] >= 'A' && name.p[0] <= 'Z' &&
	       str_find(name, str_from(o->mark)) == STR_NONE;
}

static bool list_files(struct onto *o, struct error *err)
{
	DIR *directory = opendir(o->directory.p);
	bool ok = directory != NULL;
	if (!ok)
		return run_fail("The directory of the earlier export cannot be read", err);
	for (struct dirent *e; ok && (e = readdir(directory));) {
		if (!is_data(o, str_from(e->d_name)))
			continue;
		struct str path = arena_printf(&o->a, "%.*s/%s", STR_ARG(o->directory), e->d_name);
		struct str *all =
			path.p ? arena_grow(&o->a, o->files, o->count, &o->capacity, o->count + 1, sizeof(*all)) : NULL;
		ok = all != NULL;
		if (!ok)
			break;
		o->files = all;
		all[o->count++] = path;
	}
	closedir(directory);
	if (ok && o->count)
		qsort(o->files, o->count, sizeof(*o->files), compare_names);
	return ok || error_memory(err);
}

static bool add_lines(struct onto *o, uint32_t file, struct error *err)
{
	char *line = NULL;
	size_t room = 0;
	uint64_t offset = 0;
	bool ok = true;
	FILE *in = fopen(o->files[file].p, "re");
	if (!in)
		return run_fail("A file of the earlier export cannot be read", err);
	for (ssize_t n; ok && (n = getline(&line, &room, in)) > 0; offset += (uint64_t)n) {
		struct looked looked;
		struct look_reference ignored[MAX_REFERENCES];
		size_t count;
		struct str text = str_trim(str_make(line, (size_t)n));
		if (look_line(text, &looked, ignored, 0, &count) || !looked.type.p || !looked.id.p)
			continue;
		struct set_entry e = set_entry_of(looked.type, looked.id);
		e.file = file;
		e.offset = offset;
		ok = set_add(&o->lines, &e, 1, err);
	}
	free(line);
	fclose(in);
	return ok;
}

/* ---- what goes ----------------------------------------------------------------------------------------------------
 */

static bool add_replaced(struct onto *o, struct error *err)
{
	struct set_entry e;
	struct set_reader *reader = set_read(&o->r->ids, err);
	bool ok = reader != NULL;
	while (ok && set_next(reader, &e, err))
		ok = set_add(&o->drops, &e, 1, err);
	set_read_end(reader);
	return ok && !err->code;
}

static bool add_deleted(struct onto *o, struct error *err)
{
	char line[1024];
	struct str path = arena_printf(&o->a, "%.*s/deletions.txt", STR_ARG(o->r->directory));
	FILE *in = path.p && o->r->deletions ? fopen(path.p, "re") : NULL;
	bool ok = true;
	while (ok && in && fgets(line, sizeof(line), in)) {
		struct str id = str_trim(str_from(line)), type = str_split(&id, '/');
		struct set_entry e = set_entry_of(type, id);
		ok = !id.n || set_add(&o->drops, &e, 1, err);
	}
	if (in)
		fclose(in);
	return ok;
}

static bool find_places(struct onto *o, struct error *err)
{
	struct set_entry drop, line;
	struct set_reader *drops = set_read(&o->drops, err), *lines = set_read(&o->lines, err);
	bool ok = drops && lines, more = ok && set_next(drops, &drop, err);
	while (ok && more && set_next(lines, &line, err)) {
		while (more && set_compare(&drop, &line) < 0)
			more = set_next(drops, &drop, err);
		if (!more || set_compare(&drop, &line) != 0)
			continue;
		/* Sorted by where they are. */
		const struct set_entry place = {.high = line.file, .low = line.offset};
		ok = set_add(&o->places, &place, 1, err);
	}
	set_read_end(drops);
	set_read_end(lines);
	return ok && !err->code && set_finish(&o->places, true, err);
}

/* ---- taking lines out ---------------------------------------------------------------------------------------------
 */

struct cutting {
	struct set_reader *places;
	struct set_entry next;
	bool more;
};

/* Copies a file but for the lines at its places. */
static bool copy_rest(struct cutting *c, uint32_t file, FILE *in, FILE *out, struct error *err)
{
	char *line = NULL;
	size_t room = 0;
	uint64_t offset = 0;
	bool ok = true;
	for (ssize_t n; ok && (n = getline(&line, &room, in)) > 0; offset += (uint64_t)n) {
		bool goes = c->more && c->next.high == file && c->next.low == offset;
		if (goes)
			c->more = set_next(c->places, &c->next, err);
		else if (fwrite(line, 1, (size_t)n, out) != (size_t)n)
			ok = run_fail("A file of the earlier export cannot be written", err);
	}
	free(line);
	return ok && !err->code;
}

static bool cut_file(struct onto *o, struct cutting *c, uint32_t file, struct error *err)
{
	struct str path = o->files[file], part = arena_printf(&o->a, "%.*s.part", STR_ARG(path));
	FILE *in = part.p ? fopen(path.p, "re") : NULL, *out = in ? fopen(part.p, "we") : NULL;
	bool ok = out ? copy_rest(c, file, in, out, err)
		      : run_fail("A file of the earlier export cannot be replaced", err);
	if (in)
		fclose(in);
	if (out) {
		ok = ok && fflush(out) == 0 && fchmod(fileno(out), 0600) == 0 && fsync(fileno(out)) == 0;
		ok = fclose(out) == 0 && ok;
	}
	return (ok && rename(part.p, path.p) == 0) || run_fail("A file of the earlier export cannot be replaced", err);
}

static bool cut_all(struct onto *o, struct error *err)
{
	struct cutting c = {.places = set_read(&o->places, err)};
	bool ok = c.places != NULL;
	c.more = ok && set_next(c.places, &c.next, err);
	while (ok && c.more && !err->code)
		ok = cut_file(o, &c, (uint32_t)c.next.high, err);
	set_read_end(c.places);
	return ok && !err->code;
}

/* ---- putting files beside -----------------------------------------------------------------------------------------
 */

static bool copy_file(const char *from, const char *to, struct error *err)
{
	char *bytes = malloc(COPY);
	int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool ok = bytes && in >= 0 && out >= 0;
	for (ssize_t n; ok && (n = read(in, bytes, COPY)) != 0;)
		ok = n > 0 && write(out, bytes, (size_t)n) == n;
	ok = ok && fsync(out) == 0;
	if (in >= 0)
		close(in);
	if (out >= 0)
		ok = close(out) == 0 && ok;
	free(bytes);
	return ok || run_fail("A file cannot be put beside those of the earlier export", err);
}

/* Whole or not at all: beside its name first. */
static bool put_beside(struct onto *o, const struct export_file *f, struct error *err)
{
	struct str from = run_path(o->r, &o->a, f, false);
	struct str to = arena_printf(&o->a, "%.*s/%.*s.%s.%03u.ndjson", STR_ARG(o->directory), STR_ARG(f->type),
				     o->mark, f->of_type);
	struct str part = arena_printf(&o->a, "%.*s.part", STR_ARG(to));
	if (!from.p || !to.p || !part.p)
		return error_memory(err);
	if (access(to.p, F_OK) == 0)
		return true; /* by a run before */
	return copy_file(from.p, part.p, err) &&
	       (rename(part.p, to.p) == 0 || run_fail("A file cannot be put beside those of the earlier export", err));
}

static bool put_all(struct onto *o, struct error *err)
{
	for (size_t i = 0; i < o->r->file_count; i++)
		if (o->r->files[i].list == EXPORT_OUTPUT && !put_beside(o, &o->r->files[i], err))
			return false;
	return true;
}

/* ---- the whole ----------------------------------------------------------------------------------------------------
 */

static void make_mark(struct onto *o)
{
	size_t n = 0;
	struct str time = o->r->transaction_time;
	for (size_t i = 0; i < time.n && n + 1 < MAX_MARK; i++)
		if (isdigit((unsigned char)time.p[i]))
			o->mark[n++] = time.p[i];
	o->mark[n] = '\0';
}

static bool apply(struct onto *o, struct error *err)
{
	if (!list_files(o, err) || !set_open(&o->drops, o->r->directory, "drops", err) ||
	    !set_open(&o->lines, o->r->directory, "lines", err) ||
	    !set_open(&o->places, o->r->directory, "places", err))
		return false;
	for (size_t i = 0; i < o->count; i++)
		if (!add_lines(o, (uint32_t)i, err))
			return false;
	return add_replaced(o, err) && add_deleted(o, err) && set_finish(&o->drops, true, err) &&
	       set_finish(&o->lines, false, err) && find_places(o, err) && put_all(o, err) && cut_all(o, err);
}

bool onto_apply(struct run *r, struct error *err)
{
	struct onto o = {.r = r};
	arena_init(&o.a, (size_t)64 << 20);
	o.directory = arena_str(&o.a, r->o->onto);
	make_mark(&o);
	bool ok = o.directory.p ? true : error_memory(err);
	if (ok && !o.mark[0])
		ok = error_set(err, ERR_REMOTE, "The manifest has no transactionTime, which names what is applied");
	ok = ok && apply(&o, err);
	set_close(&o.drops);
	set_close(&o.lines);
	set_close(&o.places);
	arena_done(&o.a);
	return ok;
}
