/*
 * Sets of ids on disk: a part of fixed size in memory is sorted and written as a run when it is full, and runs are
 * merged, a few dozen at a time. So a billion ids need as little memory as a hundred.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "export/export_priv.h"

enum { IN_MEMORY = 131072, FAN_IN = 48, BUFFER = 512, MAX_PATH = 4096, KEY = 128 };

/* Two multiplications a word over "Type/id", with constants of the golden ratio and of pi; only the same process reads
 * what it makes. */
static void mix(uint64_t *high, uint64_t *low, const char *p, size_t n)
{
	while (n) {
		uint64_t word = 0;
		size_t step = n < 8 ? n : 8;
		memcpy(&word, p, step);
		*high = (*high ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		*high ^= *high >> 29;
		*low = (*low + word) * UINT64_C(0x243f6a8885a308d3);
		*low ^= *low >> 32;
		p += step;
		n -= step;
	}
}

struct set_entry set_entry_of(struct str type, struct str id)
{
	struct set_entry e = {0};
	uint64_t high = type.n * 131 + id.n, low = type.n ^ id.n << 32;
	mix(&high, &low, type.p, type.n);
	mix(&high, &low, "/", 1);
	mix(&high, &low, id.p, id.n);
	high = (high ^ low >> 31) * UINT64_C(0xbf58476d1ce4e5b9);
	low = (low ^ high >> 27) * UINT64_C(0x94d049bb133111eb);
	e.high = high ^ high >> 31;
	e.low = low ^ low >> 29;
	e.length = (uint16_t)(id.n < UINT16_MAX ? id.n : UINT16_MAX);
	return e;
}

int set_compare(const struct set_entry *a, const struct set_entry *b)
{
	if (a->high != b->high)
		return a->high < b->high ? -1 : 1;
	return a->low == b->low ? 0 : a->low < b->low ? -1 : 1;
}

/* The same text from the earliest place first, so that what is named does not depend on chance. */
static int compare(const void *left, const void *right)
{
	const struct set_entry *a = left, *b = right;
	int order = set_compare(a, b);
	if (order)
		return order;
	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	return a->offset == b->offset ? 0 : a->offset < b->offset ? -1 : 1;
}

static bool path_of(const struct set *s, unsigned run, char path[MAX_PATH])
{
	return (size_t)snprintf(path, MAX_PATH, "%.*s/.%s.%u", STR_ARG(s->directory), s->name, run) < MAX_PATH;
}

static bool fail(struct error *err)
{
	return error_set(err, errno == ENOSPC ? ERR_STORE_FULL : ERR_IO, "A work file of the export: %s",
			 strerror(errno ? errno : EIO));
}

bool set_open(struct set *s, struct str directory, const char *name, struct error *err)
{
	*s = (struct set){.directory = directory, .name = name};
	s->entries = malloc(IN_MEMORY * sizeof(*s->entries));
	return s->entries || error_memory(err);
}

void set_close(struct set *s)
{
	char path[MAX_PATH];
	for (unsigned i = s->first; i < s->runs; i++)
		if (path_of(s, i, path))
			unlink(path);
	free(s->entries);
	*s = (struct set){0};
}

static bool spill(struct set *s, struct error *err)
{
	char path[MAX_PATH];
	if (!s->count)
		return true;
	qsort(s->entries, s->count, sizeof(*s->entries), compare);
	FILE *file = path_of(s, s->runs, path) ? fopen(path, "wbe") : NULL;
	if (!file)
		return fail(err);
	s->runs++;
	bool ok = fwrite(s->entries, sizeof(*s->entries), s->count, file) == s->count;
	ok = fclose(file) == 0 && ok;
	s->count = 0;
	return ok || fail(err);
}

bool set_add(struct set *s, const struct set_entry *entries, size_t count, struct error *err)
{
	while (count) {
		size_t room = IN_MEMORY - s->count, n = count < room ? count : room;
		memcpy(s->entries + s->count, entries, n * sizeof(*entries));
		s->count += n;
		entries += n;
		count -= n;
		if (s->count == IN_MEMORY && !spill(s, err))
			return false;
	}
	return true;
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

struct set_reader {
	FILE *file;
	struct set_entry entries[BUFFER];
	size_t at, count;
	bool end;
};

static struct set_reader *open_run(const struct set *s, unsigned run, struct error *err)
{
	char path[MAX_PATH];
	struct set_reader *r = calloc(1, sizeof(*r));
	if (!r) {
		error_memory(err);
		return NULL;
	}
	r->file = path_of(s, run, path) ? fopen(path, "rbe") : NULL;
	if (r->file)
		return r;
	free(r);
	fail(err);
	return NULL;
}

struct set_reader *set_read(const struct set *s, struct error *err)
{
	struct set_reader *r = s->runs > s->first ? open_run(s, s->first, err) : calloc(1, sizeof(*r));
	if (r && !r->file)
		r->end = true;
	return r;
}

bool set_next(struct set_reader *r, struct set_entry *ret_entry, struct error *err)
{
	if (r->at == r->count && !r->end) {
		r->count = fread(r->entries, sizeof(*r->entries), BUFFER, r->file);
		r->at = 0;
		r->end = r->count == 0;
		if (ferror(r->file))
			return fail(err);
	}
	if (r->at == r->count)
		return false;
	*ret_entry = r->entries[r->at++];
	return true;
}

void set_read_end(struct set_reader *r)
{
	if (!r)
		return;
	if (r->file)
		fclose(r->file);
	free(r);
}

/* ---- merging ---------------------------------------------------------------------------------------------------- */

struct merge {
	struct set_reader *readers[FAN_IN];
	struct set_entry heads[FAN_IN];
	bool full[FAN_IN];
	unsigned count;
};

static int least(const struct merge *m)
{
	int best = -1;
	for (unsigned i = 0; i < m->count; i++)
		if (m->full[i] && (best < 0 || compare(&m->heads[i], &m->heads[best]) < 0))
			best = (int)i;
	return best;
}

static bool merge_into(struct merge *m, FILE *out, bool unique, struct error *err)
{
	struct set_entry last = {0};
	bool any = false;
	for (int i; (i = least(m)) >= 0;) {
		struct set_entry e = m->heads[i];
		if ((!unique || !any || set_compare(&e, &last) != 0) && fwrite(&e, sizeof(e), 1, out) != 1)
			return fail(err);
		last = e;
		any = true;
		m->full[i] = set_next(m->readers[i], &m->heads[i], err);
		if (err->code)
			return false;
	}
	return true;
}

/* The first runs become a new one, the last. */
static bool merge_some(struct set *s, bool unique, struct error *err)
{
	char path[MAX_PATH];
	struct merge m = {.count = s->runs - s->first < FAN_IN ? s->runs - s->first : FAN_IN};
	bool ok = true;
	for (unsigned i = 0; ok && i < m.count; i++) {
		m.readers[i] = open_run(s, s->first + i, err);
		ok = m.readers[i] != NULL;
		m.full[i] = ok && set_next(m.readers[i], &m.heads[i], err);
	}
	FILE *out = ok && path_of(s, s->runs, path) ? fopen(path, "wbe") : NULL;
	ok = ok && (out || fail(err)) && !err->code && merge_into(&m, out, unique, err);
	if (out && fclose(out) != 0)
		ok = ok && fail(err);
	for (unsigned i = 0; i < m.count; i++) {
		set_read_end(m.readers[i]);
		if (path_of(s, s->first + i, path))
			unlink(path);
	}
	s->first += m.count;
	s->runs++;
	return ok;
}

bool set_finish(struct set *s, bool unique, struct error *err)
{
	if (!spill(s, err))
		return false;
	if (s->runs == s->first)
		return true;
	do
		if (!merge_some(s, unique, err))
			return false;
	while (s->runs - s->first > 1);
	return true;
}
