/*
 * The certificate: whether everything that the server promised is there, type by type and file by file, and what is
 * not, by name. certificate.json is for machines, certificate.txt for people; both are written whole or not at all.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "export/export_priv.h"

enum { FLUSH_AT = 1 << 20, MAX_SHOWN = 20 };

struct writing {
	struct run *r;
	FILE *file;
	struct buf out;
	struct json_writer w;
	bool ok;
};

/* ---- what is not as it should be ----------------------------------------------------------------------------------
 */

static uint64_t failed_files(const struct run *r)
{
	uint64_t n = 0;
	for (size_t i = 0; i < r->file_count; i++)
		n += r->files[i].state != FILE_FETCHED;
	return n;
}

static bool miscounted(const struct export_file *f)
{
	return f->state == FILE_FETCHED && f->promised >= 0 && (uint64_t)f->promised != f->counts.lines;
}

static uint64_t miscounted_files(const struct run *r)
{
	uint64_t n = 0;
	for (size_t i = 0; i < r->file_count; i++)
		n += miscounted(&r->files[i]);
	return n;
}

static uint64_t bad_lines(const struct run *r)
{
	uint64_t n = 0;
	for (size_t i = 0; i < r->file_count; i++)
		n += r->files[i].counts.bad_lines;
	return n;
}

static bool is_complete(const struct run *r)
{
	return !failed_files(r) && !miscounted_files(r) && !bad_lines(r) && !r->missing;
}

/* ---- for machines -------------------------------------------------------------------------------------------------
 */

static void flush(struct writing *t, bool last)
{
	if (!last && t->out.n < FLUSH_AT)
		return;
	t->ok = t->ok && buf_ok(&t->out) && fwrite(t->out.p ? t->out.p : "", 1, t->out.n, t->file) == t->out.n;
	buf_reset(&t->out);
}

static void put_number(struct json_writer *w, const char *name, uint64_t value)
{
	json_key(w, str_from(name));
	json_put_i64(w, (int64_t)value);
}

static void put_types(struct writing *t)
{
	json_key(&t->w, S("types"));
	json_array_begin(&t->w);
	for (size_t i = 0; i < t->r->type_count; i++) {
		const struct export_type_count *c = &t->r->types[i];
		json_object_begin(&t->w);
		json_put_member(&t->w, S("type"), c->name);
		json_key(&t->w, S("exported"));
		json_put_bool(&t->w, c->exported);
		put_number(&t->w, "files", c->files);
		if (c->files && c->counted)
			put_number(&t->w, "promised", c->promised);
		put_number(&t->w, "lines", c->lines);
		put_number(&t->w, "unique", c->unique);
		put_number(&t->w, "references", c->references);
		put_number(&t->w, "missing", c->missing);
		json_object_end(&t->w);
	}
	json_array_end(&t->w);
}

static void put_file(struct writing *t, const struct export_file *f)
{
	static const char *const lists[] = {"output", "deleted", "error"};
	struct json_writer *w = &t->w;
	struct arena a;
	arena_init(&a, 1 << 16);
	struct str path = run_path(t->r, &a, f, false);
	json_object_begin(w);
	json_put_member(w, S("name"), str_slice(path, t->r->directory.n + 1, path.n));
	json_put_member(w, S("list"), str_from(lists[f->list]));
	json_put_member(w, S("type"), f->type);
	if (f->promised >= 0)
		put_number(w, "promised", (uint64_t)f->promised);
	if (f->state == FILE_FETCHED) {
		put_number(w, "lines", f->counts.lines);
		put_number(w, "bytes", f->counts.bytes);
		json_put_member(w, S("sha256"), str_from(f->counts.sha256));
	} else {
		json_put_member(w, S("failure"), f->failure.p ? f->failure : S("it was not fetched"));
	}
	if (f->counts.bad_lines) {
		put_number(w, "badLines", f->counts.bad_lines);
		put_number(w, "firstBadLine", f->counts.first_bad);
		json_put_member(w, S("why"), str_from(f->counts.bad_why));
	}
	json_object_end(w);
	arena_done(&a);
	flush(t, false);
}

static void put_names(struct json_writer *w, const char *name, struct str lines)
{
	json_key(w, str_from(name));
	json_array_begin(w);
	while (lines.n) {
		struct str line = str_split(&lines, '\n');
		if (line.n)
			json_put_str(w, line);
	}
	json_array_end(w);
}

static void put_outcomes(struct writing *t)
{
	struct str rest = buf_str(&t->r->outcome_words);
	json_key(&t->w, S("errors"));
	json_array_begin(&t->w);
	while (rest.n) {
		struct str text = str_split(&rest, '\n'), count = str_split(&text, '\t');
		if (!text.p)
			continue;
		json_object_begin(&t->w);
		json_key(&t->w, S("count"));
		json_put_raw(&t->w, count);
		json_put_member(&t->w, S("text"), text);
		json_object_end(&t->w);
	}
	json_array_end(&t->w);
}

static void put_all(struct writing *t)
{
	const struct run *r = t->r;
	struct json_writer *w = &t->w;
	char now[CLOCK_INSTANT_SIZE];
	clock_format_instant(clock_now_ms(), now);
	json_object_begin(w);
	json_key(w, S("complete"));
	json_put_bool(w, is_complete(r));
	json_put_member(w, S("request"), r->request);
	json_put_member(w, S("transactionTime"), r->transaction_time);
	json_put_member(w, S("certified"), str_make(now, sizeof(now)));
	put_number(w, "files", r->file_count);
	put_number(w, "failedFiles", failed_files(r));
	put_number(w, "miscountedFiles", miscounted_files(r));
	put_number(w, "badLines", bad_lines(r));
	put_number(w, "duplicates", r->duplicates);
	put_number(w, "missingReferences", r->missing);
	put_number(w, "deletions", r->deletions);
	put_number(w, "outcomes", r->outcomes);
	put_types(t);
	put_names(w, "missing", r->missing_names);
	put_names(w, "duplicated", r->duplicate_names);
	put_outcomes(t);
	json_key(w, S("fileList"));
	json_array_begin(w);
	for (size_t i = 0; i < r->file_count; i++)
		put_file(t, &r->files[i]);
	json_array_end(w);
	json_object_end(w);
}

/* ---- for people ---------------------------------------------------------------------------------------------------
 */

static void show_types(const struct run *r, struct buf *out)
{
	buf_printf(out, "%-28s %6s %12s %12s %12s %10s\n", "type", "files", "promised", "lines", "unique", "missing");
	for (size_t i = 0; i < r->type_count; i++) {
		const struct export_type_count *t = &r->types[i];
		char promised[24] = "-";
		if (!t->exported && !t->missing)
			continue;
		if (t->files && t->counted)
			snprintf(promised, sizeof(promised), "%llu", (unsigned long long)t->promised);
		buf_printf(out, "%-28.*s %6llu %12s %12llu %12llu %10llu%s\n", STR_ARG(t->name),
			   (unsigned long long)t->files, promised, (unsigned long long)t->lines,
			   (unsigned long long)t->unique, (unsigned long long)t->missing,
			   t->exported ? "" : "  (not asked for)");
	}
}

static void show_names(struct buf *out, const char *title, struct str names, uint64_t count)
{
	if (!count)
		return;
	buf_printf(out, "\n%s: %llu\n", title, (unsigned long long)count);
	for (unsigned n = 0; names.n && n < MAX_SHOWN; n++)
		buf_printf(out, "  %.*s\n", STR_ARG(str_split(&names, '\n')));
	if (count > MAX_SHOWN)
		buf_add(out, S("  ... more in certificate.json\n"));
}

static void show_files(const struct run *r, struct buf *out)
{
	unsigned shown = 0;
	struct arena a;
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < r->file_count && shown < MAX_SHOWN; i++) {
		const struct export_file *f = &r->files[i];
		struct str path = run_path(r, &a, f, false), name = str_slice(path, r->directory.n + 1, path.n);
		if (f->state != FILE_FETCHED)
			buf_printf(out, "  %.*s is not there: %.*s\n", STR_ARG(name),
				   STR_ARG(f->failure.p ? f->failure : S("it was not fetched")));
		else if (f->counts.bad_lines)
			buf_printf(out, "  %.*s:%llu: %s (%llu such lines)\n", STR_ARG(name),
				   (unsigned long long)f->counts.first_bad, f->counts.bad_why,
				   (unsigned long long)f->counts.bad_lines);
		else if (miscounted(f))
			buf_printf(out, "  %.*s has %llu lines, the manifest promised %lld\n", STR_ARG(name),
				   (unsigned long long)f->counts.lines, (long long)f->promised);
		else
			continue;
		shown++;
		arena_reset(&a);
	}
	arena_done(&a);
}

static void show_outcomes(const struct run *r, struct buf *out)
{
	struct str rest = buf_str(&r->outcome_words);
	if (!r->outcomes)
		return;
	buf_printf(out, "\nThe server reported, in its error files:\n");
	for (unsigned n = 0; rest.n && n < MAX_SHOWN; n++) {
		struct str text = str_split(&rest, '\n'), count = str_split(&text, '\t');
		if (text.p)
			buf_printf(out, "  %.*s times %.*s\n", STR_ARG(count), STR_ARG(text));
	}
}

static void show_all(const struct run *r, struct buf *out)
{
	uint64_t failed = failed_files(r), wrong = miscounted_files(r), bad = bad_lines(r);
	buf_printf(out, "%s\n\n",
		   is_complete(r) ? "COMPLETE: everything that the server promised is here and whole."
				  : "NOT COMPLETE: something that the server promised is missing or damaged.");
	buf_printf(out, "request          %.*s\ntransaction time %.*s\n\n", STR_ARG(r->request),
		   STR_ARG(r->transaction_time.p ? r->transaction_time : S("not told")));
	show_types(r, out);
	if (failed || wrong || bad)
		buf_printf(out, "\nFiles: %llu not there, %llu with another count than promised, %llu bad lines\n",
			   (unsigned long long)failed, (unsigned long long)wrong, (unsigned long long)bad);
	show_files(r, out);
	show_names(out, "References that lead to nothing in this export", r->missing_names, r->missing);
	show_names(out, "Resources that came more than once", r->duplicate_names, r->duplicates);
	show_outcomes(r, out);
	if (r->deletions)
		buf_printf(out, "\nDeleted since: %llu, named in deletions.txt\n", (unsigned long long)r->deletions);
}

/* ---- both ---------------------------------------------------------------------------------------------------------
 */

static bool keep(struct run *r, const char *name, bool json, struct str text, struct error *err)
{
	struct str path = arena_printf(r->a, "%.*s/%s", STR_ARG(r->directory), name);
	struct str part = arena_printf(r->a, "%.*s/%s.part", STR_ARG(r->directory), name);
	struct writing t = {.r = r, .ok = true};
	t.file = path.p && part.p ? fopen(part.p, "we") : NULL;
	if (!t.file)
		return error_set(err, ERR_IO, "The certificate cannot be made: %s", strerror(errno));
	buf_init(&t.out, 64 << 20);
	t.w = json_writer(&t.out);
	if (json)
		put_all(&t);
	else
		buf_add(&t.out, text);
	flush(&t, true);
	buf_done(&t.out);
	t.ok = t.ok && fflush(t.file) == 0 && fsync(fileno(t.file)) == 0;
	t.ok = fclose(t.file) == 0 && t.ok;
	return (t.ok && rename(part.p, path.p) == 0) || error_set(err, ERR_IO, "The certificate cannot be written");
}

bool certificate_write(struct run *r, struct export_result *ret_result, struct error *err)
{
	struct buf text;
	buf_init(&text, 4 << 20);
	show_all(r, &text);
	struct str summary = buf_ok(&text) ? arena_str(r->a, buf_str(&text)) : STR_NULL;
	buf_done(&text);
	if (!summary.p)
		return error_memory(err);
	*ret_result = (struct export_result){.complete = is_complete(r),
					     .files = r->file_count,
					     .token_at_files = atomic_load(&r->token_at_files),
					     .summary = summary};
	for (size_t i = 0; i < r->file_count; i++) {
		ret_result->lines += r->files[i].counts.lines;
		ret_result->bytes += r->files[i].counts.bytes;
	}
	return keep(r, "certificate.json", true, STR_NULL, err) && keep(r, "certificate.txt", false, summary, err);
}
