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

/* ---- one run ---------------------------------------------------------------------------------------------------- */

struct run_reader {
	FILE *file;
	struct set_entry entries[BUFFER];
	size_t at, count;
};

static struct run_reader *open_run(const struct set *s, unsigned run, struct error *err)
{
	char path[MAX_PATH];
	struct run_reader *r = calloc(1, sizeof(*r));
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

static bool run_next(struct run_reader *r, struct set_entry *ret_entry, struct error *err)
{
	if (r->at == r->count) {
		r->count = fread(r->entries, sizeof(*r->entries), BUFFER, r->file);
		r->at = 0;
		if (ferror(r->file))
			return fail(err);
	}
	if (r->at == r->count)
		return false;
	*ret_entry = r->entries[r->at++];
	return true;
}

/* ---- reading, over a few runs at once ------------------------------------------------------------------------------
 */

struct set_reader {
	struct run_reader *runs[FAN_IN];
	struct set_entry heads[FAN_IN], last;
	bool full[FAN_IN], unique, any;
	unsigned count;
};

void set_read_end(struct set_reader *r)
{
	for (unsigned i = 0; r && i < r->count; i++)
		if (r->runs[i]) {
			fclose(r->runs[i]->file);
			free(r->runs[i]);
		}
	free(r);
}

static struct set_reader *read_runs(const struct set *s, unsigned count, bool unique, struct error *err)
{
	struct set_reader *r = calloc(1, sizeof(*r));
	bool ok = r ? true : error_memory(err);
	for (unsigned i = 0; ok && i < count; i++) {
		r->runs[i] = open_run(s, s->first + i, err);
		ok = r->runs[i] != NULL;
		r->count += ok;
		r->full[i] = ok && run_next(r->runs[i], &r->heads[i], err);
		ok = ok && !err->code;
	}
	if (ok) {
		r->unique = unique;
		return r;
	}
	set_read_end(r);
	return NULL;
}

struct set_reader *set_read(const struct set *s, struct error *err)
{
	return read_runs(s, s->runs - s->first, s->unique, err);
}

static int least(const struct set_reader *r)
{
	int best = -1;
	for (unsigned i = 0; i < r->count; i++)
		if (r->full[i] && (best < 0 || compare(&r->heads[i], &r->heads[best]) < 0))
			best = (int)i;
	return best;
}

bool set_next(struct set_reader *r, struct set_entry *ret_entry, struct error *err)
{
	for (int i; (i = least(r)) >= 0;) {
		struct set_entry e = r->heads[i];
		r->full[i] = run_next(r->runs[i], &r->heads[i], err);
		if (err->code)
			return false;
		if (r->unique && r->any && set_compare(&e, &r->last) == 0)
			continue;
		r->last = *ret_entry = e;
		r->any = true;
		return true;
	}
	return false;
}

/* ---- merging ---------------------------------------------------------------------------------------------------- */

/* The first runs become a new one, the last. */
static bool merge_some(struct set *s, bool unique, struct error *err)
{
	char path[MAX_PATH];
	struct set_entry e;
	struct set_reader *r = read_runs(s, FAN_IN, unique, err);
	FILE *out = r && path_of(s, s->runs, path) ? fopen(path, "wbe") : NULL;
	bool ok = r && (out || fail(err));
	while (ok && set_next(r, &e, err))
		ok = fwrite(&e, sizeof(e), 1, out) == 1 || fail(err);
	if (out && fclose(out) != 0)
		ok = ok && fail(err);
	set_read_end(r);
	for (unsigned i = 0; i < FAN_IN; i++)
		if (path_of(s, s->first + i, path))
			unlink(path);
	s->first += FAN_IN;
	s->runs++;
	return ok && !err->code;
}

bool set_finish(struct set *s, bool unique, struct error *err)
{
	s->unique = unique;
	if (!spill(s, err))
		return false;
	while (s->runs - s->first > FAN_IN)
		if (!merge_some(s, unique, err))
			return false;
	return true;
}
