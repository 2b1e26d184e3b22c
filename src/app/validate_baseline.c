/*
 * Baselines: findings that somebody looked at and accepted for now, so that a check fails on new ones only. The file is
 * JSON with an entry a line, fit for version control, and says nothing of any resource: values are in it as hashes.
 */
#include "app/validate_priv.h"

#include "base/file.h"

enum { MAX_ENTRIES = 1000000, MAX_FILE = 256 << 20, MAX_DEPTH = 4 };

void baseline_init(struct baseline *b)
{
	*b = (struct baseline){0};
	arena_init(&b->arena, MAX_FILE);
	map_init(&b->entries, MAX_ENTRIES);
	b->end = &b->first;
}

void baseline_done(struct baseline *b)
{
	map_done(&b->entries);
	arena_done(&b->arena);
}

/* ---- identity --------------------------------------------------------------------------------------------------- */

/* FNV-1a, which never changes: the hashes stand in files. */
static uint64_t hash_add(uint64_t h, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 1099511628211ull;
	return (h ^ 0xff) * 1099511628211ull; /* where one ends, no UTF-8 has this byte */
}

/* Over what stands in quotes. */
static uint64_t hash_values(struct str text)
{
	uint64_t h = 14695981039346656037ull;
	for (size_t at = 0;;) {
		size_t open = str_find_char(text, '"', at);
		size_t close = open == STR_NONE ? STR_NONE : str_find_char(text, '"', open + 1);
		if (close == STR_NONE)
			return h;
		h = hash_add(h, str_slice(text, open + 1, close));
		at = close + 1;
	}
}

/* "Patient.name[0].given[1]" to "Patient.name.given". */
static struct str without_indexes(struct arena *a, struct str path)
{
	char *p = arena_alloc(a, path.n + 1);
	size_t n = 0;
	if (!p)
		return STR_NULL;
	for (size_t i = 0; i < path.n; i++) {
		size_t close = path.p[i] == '[' ? str_find_char(path, ']', i) : STR_NONE;
		if (close != STR_NONE)
			i = close;
		else
			p[n++] = path.p[i];
	}
	return str_make(p, n);
}

bool baseline_identity(struct arena *a, const struct issue *issue, struct baseline_entry *ret_entry)
{
	struct baseline_entry e = {.error = issue->severity <= ISSUE_ERROR};
	e.rule = arena_str(a, issue->rule.p ? issue->rule : str_from(error_issue_type(issue->code)));
	e.path = without_indexes(a, issue->path);
	e.value = arena_printf(a, "%016llx", (unsigned long long)hash_values(issue->text));
	if (!e.rule.p || !e.path.p || !e.value.p)
		return false;
	e.identity = arena_printf(a, "%.*s %.*s %.*s", STR_ARG(e.rule), STR_ARG(e.path), STR_ARG(e.value));
	*ret_entry = e;
	return e.identity.p != NULL;
}

/* ---- the set ---------------------------------------------------------------------------------------------------- */

static bool add_entry(struct baseline *b, const struct baseline_entry *entry, struct error *err)
{
	bool fresh = false;
	uint64_t *times = map_put(&b->entries, entry->identity, &fresh);
	if (!times)
		return b->entries.count >= MAX_ENTRIES
			       ? error_set(err, ERR_LIMIT, "the baseline has more than %d entries", MAX_ENTRIES)
			       : error_memory(err);
	if (!fresh)
		return true;
	struct baseline_entry *kept = ARENA_NEW(&b->arena, struct baseline_entry);
	if (!kept)
		return error_memory(err);
	*kept = *entry;
	kept->next = NULL;
	*times = 1;
	*b->end = kept;
	b->end = &kept->next;
	return true;
}

bool baseline_add(struct baseline *b, const struct issue *issue, struct error *err)
{
	struct baseline_entry entry;
	return baseline_identity(&b->arena, issue, &entry) ? add_entry(b, &entry, err) : error_memory(err);
}

bool baseline_accepts(struct baseline *b, const struct issue *issue)
{
	struct arena scratch;
	struct baseline_entry entry;
	arena_init(&scratch, 1 << 24);
	uint64_t *times = baseline_identity(&scratch, issue, &entry) ? map_get(&b->entries, entry.identity) : NULL;
	if (times) {
		(*times)++;
		b->accepted++;
	}
	arena_done(&scratch);
	return times != NULL;
}

size_t baseline_gone(const struct baseline *b)
{
	size_t gone = 0;
	for (const struct baseline_entry *e = b->first; e; e = e->next)
		gone += *map_get(&b->entries, e->identity) == 1;
	return gone;
}

/* ---- the file --------------------------------------------------------------------------------------------------- */

bool baseline_read(struct baseline *b, struct str file, struct error *err)
{
	struct str text;
	if (!file_read(&b->arena, file, MAX_FILE, &text, err))
		return false;
	const struct json *json = json_parse(&b->arena, text, MAX_DEPTH, err);
	if (!json)
		return error_context(err, "%.*s", STR_ARG(file));
	const struct json *entries = json_get(json, S("accepted"));
	if (!str_is(json_number(json_get(json, S("firth-baseline"))), "1") || !json_is(entries, JSON_ARRAY))
		return error_set(err, ERR_CONFIG, "%.*s is no baseline of this version", STR_ARG(file));
	for (struct json_iter it = json_iter(entries); json_next(&it);) {
		struct baseline_entry e = {.rule = json_get_str(it.value, S("rule")),
					   .path = json_get_str(it.value, S("path")),
					   .value = json_get_str(it.value, S("value")),
					   .error = str_is(json_get_str(it.value, S("severity")), "error")};
		if (!e.rule.p || !e.path.p || !e.value.p)
			return error_set(err, ERR_CONFIG, "%.*s: an entry lacks rule, path or value", STR_ARG(file));
		e.identity =
			arena_printf(&b->arena, "%.*s %.*s %.*s", STR_ARG(e.rule), STR_ARG(e.path), STR_ARG(e.value));
		if (!e.identity.p)
			return error_memory(err);
		if (!add_entry(b, &e, err))
			return false;
	}
	return true;
}

bool baseline_write(const struct baseline *b, struct str file, struct error *err)
{
	struct buf out;
	buf_init(&out, MAX_FILE);
	struct json_writer w = json_writer(&out);
	buf_add(&out, S("{\"firth-baseline\":1,\"accepted\":["));
	for (const struct baseline_entry *e = b->first; e; e = e->next) {
		buf_add(&out, S("\n "));
		w.comma = false;
		json_object_begin(&w);
		json_put_member(&w, S("severity"), e->error ? S("error") : S("warning"));
		json_put_member(&w, S("rule"), e->rule);
		json_put_member(&w, S("path"), e->path);
		json_put_member(&w, S("value"), e->value);
		json_object_end(&w);
		if (e->next)
			buf_char(&out, ',');
	}
	buf_add(&out, S("\n]}\n"));
	bool ok = buf_ok(&out) ? file_write(file, buf_str(&out), 0644, err) : error_memory(err);
	buf_done(&out);
	return ok;
}
