/*
 * Reading a site's own CDS services from files: YAML or JSON of the form of docs/cds-rules.md, and PlanDefinitions.
 * Value sets and tables are named from where the service stands; an error says file, line and column.
 */
#include "app/cds_rules.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/site_file.h"
#include "base/file.h"

enum { FILES_MAX = 2000 };

/* ---- what services ask for ------------------------------------------------------------------------------------------
 */

static struct str beside(struct arena *a, struct str file, struct str name)
{
	size_t slash = str_rfind_char(file, '/');
	if (slash == STR_NONE || str_starts(name, S("/")))
		return name;
	return arena_printf(a, "%.*s/%.*s", STR_ARG(str_slice(file, 0, slash)), STR_ARG(name));
}

/* The same file in the site's own vocabulary, when it is there. */
static struct str in_vocabulary(struct cds_rules *r, struct str name)
{
	size_t slash = str_rfind_char(name, '/');
	struct str last = slash == STR_NONE ? name : str_slice(name, slash + 1, name.n);
	if (!r->vocabulary.n)
		return STR_NULL;
	struct str path = arena_printf(&r->arena, "%.*s/%.*s", STR_ARG(r->vocabulary), STR_ARG(last));
	return path.p && access(path.p, R_OK) == 0 ? path : STR_NULL;
}

static const struct json *read_file(void *ctx, struct str from, struct str name, struct error *err)
{
	struct cds_rules *r = ctx;
	struct str text, path = in_vocabulary(r, name);
	if (!path.p)
		path = beside(&r->arena, from, name);
	if (!path.p) {
		error_memory(err);
		return NULL;
	}
	if (!file_read(&r->arena, path, CDS_RULE_FILE_MAX, &text, err))
		return NULL;
	return site_file_read(&r->arena, text, path, err);
}

static const struct json *find_canonical(void *ctx, struct str type, struct str url, struct error *err)
{
	struct cds_rules *r = ctx;
	size_t bar = str_find_char(url, '|', 0);
	struct str plain = bar == STR_NONE ? url : str_slice(url, 0, bar);
	for (size_t i = 0; i < r->canonical_count; i++) {
		const struct json *resource = r->canonical_resources[i];
		if (str_eq(json_get_str(resource, S("resourceType")), type) &&
		    str_eq(json_get_str(resource, S("url")), plain))
			return resource;
	}
	const struct canonical *found = r->canonicals ? canonicals_find(r->canonicals, type, url, NULL) : NULL;
	return found ? canonical_json(r->canonicals, found, err) : NULL;
}

static bool member_of(void *ctx, struct arena *a, struct str value_set, struct str system, struct str code,
		      int *ret_answer, struct error *err)
{
	struct cds_rules *r = ctx;
	const struct coding coding = {.system = system, .code = code};
	(void)err;
	struct code_verdict v = terminology_validate_in(r->terminology, a, value_set, NULL, &coding, false);
	*ret_answer = v.answer == CODE_IN ? 1 : v.answer == CODE_NOT_IN ? 0 : -1;
	return true;
}

void cds_rules_init(struct cds_rules *r, struct terminology *t, const struct canonicals *c)
{
	*r = (struct cds_rules){.terminology = t, .canonicals = c};
	arena_init(&r->arena, (size_t)1 << 30);
	r->library = (struct rule_library){.arena = &r->arena,
					   .definitions = definitions_builtin(),
					   .ctx = r,
					   .file = read_file,
					   .canonical = find_canonical,
					   .member_of = t ? member_of : NULL};
}

void cds_rules_done(struct cds_rules *r)
{
	arena_done(&r->arena);
}

/* ---- files ----------------------------------------------------------------------------------------------------------
 */

/* "FILE:LINE:COLUMN: rules[2].when: what". */
static bool fail_in(struct cds_rules *r, struct str file, struct str text, const struct error *why, struct error *err)
{
	struct str path = str_from(why->path);
	struct error mine = {.line = 1, .column = 1};
	bool found = path.n && site_file_locate(&r->arena, text, path, &mine.line, &mine.column);
	error_set(&mine, why->code, "%.*s:%zu:%zu: %.*s%s%s", STR_ARG(file), found ? mine.line : 1,
		  found ? mine.column : 1, STR_ARG(path), path.n ? ": " : "", why->text);
	if (err && err->code == ERR_NONE)
		*err = mine;
	return false;
}

static bool add_service(struct cds_rules *r, struct str file, const struct rule_service *service, struct error *err)
{
	for (size_t i = 0; i < r->count; i++)
		if (str_eq(r->services[i]->id, service->id))
			return error_set(err, ERR_CONFIG, "%.*s: the service id '%.*s' is that of %.*s already",
					 STR_ARG(file), STR_ARG(service->id), STR_ARG(r->files[i]));
	if (r->count == CDS_RULE_SERVICES_MAX)
		return error_set(err, ERR_LIMIT, "There are more than %d services", CDS_RULE_SERVICES_MAX);
	size_t capacity = r->capacity;
	void *services = arena_grow(&r->arena, r->services, r->count, &r->capacity, r->count + 1, sizeof(*r->services));
	void *files = arena_grow(&r->arena, r->files, r->count, &capacity, r->count + 1, sizeof(*r->files));
	if (!services || !files)
		return error_memory(err);
	r->services = services;
	r->files = files;
	r->services[r->count] = service;
	r->files[r->count++] = arena_str(&r->arena, file);
	return true;
}

static bool compile(struct cds_rules *r, struct str path, struct str text, const struct json *document,
		    struct error *err)
{
	size_t count = rule_hooks(document);
	for (size_t i = 0; i < (count ? count : 1); i++) {
		struct error why = {0};
		const struct rule_service *service = rule_compile(&r->library, path, document, i, &why);
		if (!service)
			return fail_in(r, path, text, &why, err);
		if (!add_service(r, path, service, err))
			return false;
	}
	return true;
}

bool cds_rules_file(struct cds_rules *r, struct str path, struct error *err)
{
	struct str text;
	const struct json *document;
	return file_read(&r->arena, path, CDS_RULE_FILE_MAX, &text, err) &&
	       (document = site_file_read(&r->arena, text, path, err)) && compile(r, path, text, document, err);
}

/* ---- directories ----------------------------------------------------------------------------------------------------
 */

struct found {
	struct str path, text;
	const struct json *document;
};

static int compare_found(const void *a, const void *b)
{
	return str_cmp(((const struct found *)a)->path, ((const struct found *)b)->path);
}

static bool is_readable(struct str name)
{
	return !str_starts(name, S(".")) &&
	       (str_ends(name, S(".yaml")) || str_ends(name, S(".yml")) || str_ends(name, S(".json")));
}

static bool list(struct cds_rules *r, struct str directory, struct found *files, size_t *ret_count, struct error *err)
{
	struct str path = arena_str(&r->arena, directory);
	DIR *d = path.p ? opendir(path.p) : NULL;
	if (!d)
		return error_set(err, ERR_NOT_FOUND, "The directory %.*s cannot be read", STR_ARG(directory));
	bool ok = true;
	for (struct dirent *e; ok && (e = readdir(d));) {
		if (!is_readable(str_from(e->d_name)))
			continue;
		if (*ret_count == FILES_MAX)
			ok = error_set(err, ERR_LIMIT, "%.*s has more than %d files", STR_ARG(directory),
				       (int)FILES_MAX);
		else
			files[(*ret_count)++].path = arena_printf(&r->arena, "%.*s/%s", STR_ARG(directory), e->d_name);
	}
	closedir(d);
	return ok;
}

/* A resource beside the services: what a PlanDefinition may name. */
static bool add_canonical(struct cds_rules *r, const struct json *resource, struct error *err)
{
	const struct json **grown = arena_grow(&r->arena, r->canonical_resources, r->canonical_count,
					       &r->canonical_capacity, r->canonical_count + 1, sizeof(*grown));
	if (!grown)
		return error_memory(err);
	r->canonical_resources = grown;
	grown[r->canonical_count++] = resource;
	return true;
}

static bool is_resource(const struct json *document)
{
	struct str type = json_get_str(document, S("resourceType"));
	return type.p && !str_is(type, "PlanDefinition");
}

static bool read_all(struct cds_rules *r, struct found *files, size_t count, struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		struct found *f = &files[i];
		if (!f->path.p)
			return error_memory(err);
		if (!file_read(&r->arena, f->path, CDS_RULE_FILE_MAX, &f->text, err) ||
		    !(f->document = site_file_read(&r->arena, f->text, f->path, err)))
			return false;
		if (json_get_str(f->document, S("url")).n && !add_canonical(r, f->document, err))
			return false;
	}
	for (size_t i = 0; i < count; i++)
		if (!is_resource(files[i].document) &&
		    !compile(r, files[i].path, files[i].text, files[i].document, err))
			return false;
	return true;
}

bool cds_rules_directory(struct cds_rules *r, struct str path, struct error *err)
{
	size_t count = 0;
	struct found *files = ARENA_ARRAY(&r->arena, struct found, FILES_MAX);
	if (!files)
		return error_memory(err);
	if (!list(r, path, files, &count, err))
		return false;
	if (count)
		qsort(files, count, sizeof(*files), compare_found);
	return read_all(r, files, count, err);
}

/* ---- trying
 * ---------------------------------------------------------------------------------------------------------- */

bool cds_rules_try(const struct rule_service *service, struct arena *a, const struct json *request, int64_t now_ms,
		   struct rule_result *ret_result, struct error *err)
{
	struct hook_request r;
	struct hook_prefetch prefetch = {0};
	if (!hook_request_of(a, request, &r, err))
		return false;
	if (!str_is(service->hook, r.hook->name))
		return error_set(err, ERR_VALUE, "The request is of hook %s; service %.*s is called at %.*s",
				 r.hook->name, STR_ARG(service->id), STR_ARG(service->hook));
	struct hook_prefetch_value *items = ARENA_ARRAY(a, struct hook_prefetch_value, json_size(r.prefetch));
	if (!items)
		return error_memory(err);
	for (struct json_iter it = json_iter(r.prefetch); json_next(&it);)
		items[prefetch.count++] = (struct hook_prefetch_value){
			.key = it.key, .value = json_is(it.value, JSON_OBJECT) ? it.value : NULL};
	prefetch.items = items;
	const struct rule_input input = {.context = r.context, .prefetch = &prefetch, .now_ms = now_ms, .zone = r.zone};
	return rule_run(service, a, &input, ret_result, err);
}
