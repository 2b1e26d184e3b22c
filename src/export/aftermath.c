/*
 * What is known only once every file is there: what the server says went wrong, what was deleted, what came twice, and
 * which references lead to nothing.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "export/export_priv.h"

enum { MAX_WORDS = 100, NAMED_BYTES = 1 << 18, MAX_TEXT = 160 };

/* ---- files of outcomes and deletions ------------------------------------------------------------------------------
 */

static bool each_line(struct run *r, const struct export_file *f,
		      bool (*fn)(struct run *r, const struct json *line, void *ctx, struct error *err), void *ctx,
		      struct error *err)
{
	struct arena a;
	char *line = NULL;
	size_t room = 0;
	bool ok = true;
	arena_init(&a, 4 * EXPORT_MAX_LINE);
	struct str path = run_path(r, &a, f, false);
	FILE *file = path.p ? fopen(path.p, "re") : NULL;
	if (!file) {
		arena_done(&a);
		return error_set(err, ERR_IO, "A fetched file cannot be read");
	}
	for (ssize_t n; ok && (n = getline(&line, &room, file)) > 0;) {
		struct error ignored = {0};
		arena_reset(&a);
		struct str text = str_trim(str_make(line, (size_t)n));
		const struct json *json = text.n ? json_parse(&a, text, 0, &ignored) : NULL;
		ok = !json || fn(r, json, ctx, err);
	}
	free(line);
	fclose(file);
	arena_done(&a);
	return ok;
}

struct words {
	struct str text;
	uint64_t count;
};
struct summary {
	struct words words[MAX_WORDS];
	size_t count;
	uint64_t others;
};

static bool add_outcome(struct run *r, const struct json *outcome, void *ctx, struct error *err)
{
	struct summary *s = ctx;
	r->outcomes++;
	for (struct json_iter it = json_iter(json_get(outcome, S("issue"))); json_next(&it);) {
		struct str what = run_issue_words(it.value);
		struct str text = arena_printf(r->a, "%.*s/%.*s%s%.*s", STR_ARG(json_get_str(it.value, S("severity"))),
					       STR_ARG(json_get_str(it.value, S("code"))), what.n ? ": " : "",
					       STR_ARG(str_slice(what, 0, MAX_TEXT)));
		size_t i = 0;
		if (!text.p)
			return error_memory(err);
		while (i < s->count && !str_eq(s->words[i].text, text))
			i++;
		if (i == MAX_WORDS) {
			s->others++;
			continue;
		}
		if (i == s->count)
			s->words[s->count++].text = text;
		s->words[i].count++;
	}
	return true;
}

bool aftermath_outcomes(struct run *r, struct error *err)
{
	struct summary *s = calloc(1, sizeof(*s));
	bool ok = s || error_memory(err);
	for (size_t i = 0; ok && i < r->file_count; i++)
		if (r->files[i].list == EXPORT_ERROR && r->files[i].state == FILE_FETCHED)
			ok = each_line(r, &r->files[i], add_outcome, s, err);
	for (size_t i = 0; ok && i < s->count; i++)
		buf_printf(&r->outcome_words, "%llu\t%.*s\n", (unsigned long long)s->words[i].count,
			   STR_ARG(s->words[i].text));
	if (ok && s->others)
		buf_printf(&r->outcome_words, "%llu\tothers\n", (unsigned long long)s->others);
	free(s);
	return ok;
}

static bool add_deletion(struct run *r, const struct json *bundle, void *ctx, struct error *err)
{
	FILE *out = ctx;
	for (struct json_iter it = json_iter(json_get(bundle, S("entry"))); json_next(&it);) {
		const struct json *request = json_get(it.value, S("request"));
		struct str url = json_get_str(request, S("url"));
		if (!str_is(json_get_str(request, S("method")), "DELETE") || !url.n)
			continue;
		r->deletions++;
		if (fprintf(out, "%.*s\n", STR_ARG(url)) < 0)
			return error_set(err, ERR_IO, "The list of deletions cannot be written");
	}
	return true;
}

/* As one list, for whoever holds an earlier export: deletions.txt, a line each. */
bool aftermath_deletions(struct run *r, struct error *err)
{
	bool any = false, ok = true;
	for (size_t i = 0; i < r->file_count; i++)
		any = any || r->files[i].list == EXPORT_DELETED;
	if (!any)
		return true;
	struct str path = arena_printf(r->a, "%.*s/deletions.txt", STR_ARG(r->directory));
	FILE *out = path.p ? fopen(path.p, "we") : NULL;
	if (!out)
		return error_set(err, ERR_IO, "The list of deletions cannot be made");
	for (size_t i = 0; ok && i < r->file_count; i++)
		if (r->files[i].list == EXPORT_DELETED && r->files[i].state == FILE_FETCHED)
			ok = each_line(r, &r->files[i], add_deletion, out, err);
	if (fclose(out) != 0 && ok)
		ok = error_set(err, ERR_IO, "The list of deletions cannot be written");
	return ok;
}

/* ---- ids and references -------------------------------------------------------------------------------------------
 */

/* "Patient/1" of an entry, from the place where it stood. */
static bool put_name(struct run *r, const struct set_entry *e, struct buf *out, struct error *err)
{
	char text[1024];
	struct arena a;
	arena_init(&a, 1 << 16);
	struct str path = run_path(r, &a, &r->files[e->file], false);
	size_t n = e->length < sizeof(text) ? e->length : sizeof(text);
	int fd = path.p ? open(path.p, O_RDONLY | O_CLOEXEC) : -1;
	bool ok = fd >= 0 && pread(fd, text, n, (off_t)e->offset) == (ssize_t)n;
	if (fd >= 0)
		close(fd);
	arena_done(&a);
	if (!ok)
		return error_set(err, ERR_IO, "A fetched file cannot be read");
	buf_add(out, r->types[e->type].name);
	buf_char(out, '/');
	buf_add(out, str_make(text, n));
	buf_char(out, '\n');
	return true;
}

struct join {
	struct run *r;
	struct set_reader *ids, *references;
	struct set_entry id, reference;
	bool has_id, has_reference;
	struct buf duplicates, missing;
	uint64_t named_duplicates, named_missing;
};

/* The next id that is another one; those that are the same came twice. */
static bool next_id(struct join *j, struct error *err)
{
	struct set_entry last = j->id;
	bool had = j->has_id;
	while ((j->has_id = set_next(j->ids, &j->id, err)) && had && set_compare(&j->id, &last) == 0) {
		j->r->duplicates++;
		if (j->named_duplicates < EXPORT_MAX_NAMED && j->duplicates.n < NAMED_BYTES) {
			j->named_duplicates++;
			if (!put_name(j->r, &j->id, &j->duplicates, err))
				return false;
		}
	}
	if (j->has_id)
		j->r->types[j->id.type].unique++;
	return !err->code;
}

static bool note_missing(struct join *j, struct error *err)
{
	struct export_type_count *t = &j->r->types[j->reference.type];
	t->missing++;
	if (!t->exported)
		return true;
	j->r->missing++;
	if (j->named_missing == EXPORT_MAX_NAMED || j->missing.n >= NAMED_BYTES)
		return true;
	j->named_missing++;
	return put_name(j->r, &j->reference, &j->missing, err);
}

static bool walk(struct join *j, struct error *err)
{
	if (!next_id(j, err))
		return false;
	while ((j->has_reference = set_next(j->references, &j->reference, err))) {
		while (j->has_id && set_compare(&j->id, &j->reference) < 0)
			if (!next_id(j, err))
				return false;
		bool there = j->has_id && set_compare(&j->id, &j->reference) == 0;
		if (!there && !note_missing(j, err))
			return false;
	}
	while (!err->code && j->has_id)
		if (!next_id(j, err))
			return false;
	return !err->code;
}

bool aftermath_sets(struct run *r, struct error *err)
{
	struct join j = {.r = r};
	if (!set_finish(&r->ids, false, err) || !set_finish(&r->references, true, err))
		return false;
	buf_init(&j.duplicates, 2 * NAMED_BYTES);
	buf_init(&j.missing, 2 * NAMED_BYTES);
	j.ids = set_read(&r->ids, err);
	j.references = set_read(&r->references, err);
	bool ok = j.ids && j.references && walk(&j, err);
	if (ok) {
		r->duplicate_names = arena_str(r->a, buf_str(&j.duplicates));
		r->missing_names = arena_str(r->a, buf_str(&j.missing));
		ok = (r->duplicate_names.p && r->missing_names.p) || error_memory(err);
	}
	set_read_end(j.ids);
	set_read_end(j.references);
	buf_done(&j.duplicates);
	buf_done(&j.missing);
	return ok;
}
