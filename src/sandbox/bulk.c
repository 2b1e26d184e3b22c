/* What bulk export is at both vendors: the jobs behind it, and the faults of its files. */
#include "sandbox/bulk_priv.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/random.h"

#define FILE_HOST_PATH S("/bulk-files/")

/* ---- opening ---------------------------------------------------------------------------------------------------- */

/* The same machine by its other name: another origin, so that whoever carries a token there is found out. */
static struct str other_name(struct sandbox *s)
{
	static const char *const names[][2] = {{"://127.0.0.1", "://localhost"}, {"://localhost", "://127.0.0.1"}};
	struct str base = s->o.base_url;
	for (size_t i = 0; i < 2; i++) {
		size_t at = str_find(base, str_from(names[i][0]));
		if (at != STR_NONE)
			return arena_printf(&s->arena, "%.*s%s%.*s", STR_ARG(str_slice(base, 0, at)), names[i][1],
					    STR_ARG(str_slice(base, at + strlen(names[i][0]), base.n)));
	}
	return base;
}

static void spoil(void *ctx, struct bulk_spoiling *ret_spoiling)
{
	struct sandbox *s = ((struct sandbox_bulk *)ctx)->s;
	*ret_spoiling = (struct bulk_spoiling){.most_lines = (uint64_t)fault_number(s, FAULT_BULK_LINES),
					       .repeat = fault_take(s, FAULT_BULK_DUPLICATES),
					       .miscount = fault_take(s, FAULT_BULK_COUNTS),
					       .truncate = fault_take(s, FAULT_BULK_TRUNCATED)};
}

bool sandbox_bulk_open(struct sandbox *s, struct error *err)
{
	struct sandbox_bulk *b = ARENA_NEW(&s->arena, struct sandbox_bulk);
	if (!b)
		return error_memory(err);
	s->bulk = b;
	b->s = s;
	random_bytes(b->key, sizeof(b->key));
	struct str directory = s->o.jobs_directory;
	if (!directory.n) {
		memcpy(b->own_directory, "/tmp/firth-sandbox-jobs-XXXXXX", 31);
		if (!mkdtemp(b->own_directory)) {
			b->own_directory[0] = '\0';
			return error_set(err, ERR_IO, "No directory can be made for bulk files");
		}
		directory = str_from(b->own_directory);
	}
	b->jobs = jobs_open(&(struct jobs_options){.directory = directory}, err);
	b->file_host = other_name(s);
	b->export = (struct bulk_export){.base = s->fhir_base,
					 .guarded = !s->o.no_auth,
					 .least_ms = behaviour_number(s, BEHAVIOUR_BULK_SECONDS) * 1000,
					 .spoil = spoil,
					 .ctx = b};
	if (s->o.vendor == EHR_EPIC)
		epic_bulk_settle(b);
	else
		cerner_bulk_settle(b);
	return b->jobs && (b->file_host.p || error_memory(err));
}

static void remove_directory(const char *path)
{
	DIR *directory = opendir(path);
	for (struct dirent *e; directory && (e = readdir(directory));) {
		char inner[512];
		struct buf name = {.p = inner, .cap = sizeof(inner), .max = sizeof(inner)};
		buf_printf(&name, "%s/%s", path, e->d_name);
		if (e->d_name[0] != '.' && unlinkat(dirfd(directory), e->d_name, 0) != 0 && buf_ok(&name))
			remove_directory(inner);
	}
	if (directory)
		closedir(directory);
	rmdir(path);
}

void sandbox_bulk_close(struct sandbox *s)
{
	if (!s->bulk)
		return;
	jobs_close(s->bulk->jobs);
	if (s->bulk->own_directory[0])
		remove_directory(s->bulk->own_directory);
}

/* ---- shared by the faces ------------------------------------------------------------------------------------------
 */

struct str bulk_below(struct str path, struct str start)
{
	return str_starts(path, start) ? str_slice(path, start.n, path.n) : STR_NULL;
}

bool bulk_is_route(const struct rest_call *call)
{
	return call->operation || call->interaction == REST_ASYNC_STATUS || call->interaction == REST_ASYNC_FILE ||
	       call->interaction == REST_ASYNC_CANCEL;
}

void bulk_refuse(struct rest_answer *answer, int status, const char *issue, struct str text)
{
	face_clear(answer);
	answer->status = status;
	rest_outcome_write(&answer->body, issue, text);
}

struct str bulk_without(struct arena *a, struct str query, const char *name)
{
	struct face_param p;
	struct str kept = S("");
	while (face_param_next(&query, &p))
		if (!str_is(p.name, name))
			kept = kept.n ? arena_printf(a, "%.*s&%.*s", STR_ARG(kept), STR_ARG(p.pair)) : p.pair;
	return kept;
}

bool bulk_handle(struct sandbox *s, struct http_exchange *x)
{
	struct str below = bulk_below(http_request(x)->path, FILE_HOST_PATH);
	if (!below.p || s->o.vendor != EHR_CERNER)
		return false;
	cerner_bulk_host(s, x, below);
	return true;
}
