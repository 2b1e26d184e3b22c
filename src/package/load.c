/*
 * Packages into a set of canonical resources. What was asked for comes first, then what it depends on, from the cache;
 * nothing is parsed before somebody needs it.
 */
#include "package/package_priv.h"

enum { MAX_LOADED = 500, MAX_CHAIN = 64 };

struct loader {
	struct canonicals *set;
	const struct package_load_options *options;
	struct package_load_result *result;
	struct arena scratch;
	const struct package_manifest *chain[MAX_CHAIN]; /* who depends on whom, on the way to the one in hand */
	size_t chain_count;
	bool fresh; /* the package taken last was not there before */
};

/* Where a lazily read resource comes from; lives as long as the set. */
static const struct json *read_source(void *ctx, struct arena *a, struct error *err)
{
	return package_file_json(ctx, a, err);
}

static bool add_file(struct loader *l, struct canonical_package *package, const struct package_file *file,
		     struct error *err)
{
	if (!file->facts.type.p) {
		note_add(&l->result->notes, NOTE_DAMAGED, file->name, STR_NULL, "%.*s is no JSON; it is passed over",
			 STR_ARG(file->name));
		return true;
	}
	if (!file->facts.url.p)
		return true;
	struct canonical_source source = {read_source, (void *)(uintptr_t)file};
	l->result->resource_count++;
	return canonicals_add_lazy(l->set, package, &file->facts, &source, err);
}

static bool add_files(struct loader *l, struct canonical_package *package, const struct package *p, struct error *err)
{
	for (size_t i = 0; i < p->file_count; i++)
		if (!add_file(l, package, &p->files[i], err))
			return false;
	return true;
}

static bool remember(struct loader *l, struct str name, struct str version, struct str path, bool asked,
		     struct error *err)
{
	struct package_load_result *r = l->result;
	struct package_loaded *loaded = ARENA_NEW(canonicals_arena(l->set), struct package_loaded);
	if (!loaded)
		return error_memory(err);
	*loaded = (struct package_loaded){.name = name, .version = version, .path = path, .asked = asked};
	if (r->last)
		r->last->next = loaded;
	else
		r->first = loaded;
	r->last = loaded;
	if (r->package_count >= MAX_LOADED)
		return error_set(err, ERR_LIMIT, "more than %d packages are asked for", MAX_LOADED);
	r->package_count++;
	return true;
}

/* ---- one package ------------------------------------------------------------------------------------------------ */

static const char *release_text(const struct package_manifest *m)
{
	return m->fhir_version_count ? m->fhir_versions[0].p : "";
}

/* Is it for R4? A dependency that is not is left out with a note; what was asked for by name fails. */
static bool release_fits(struct loader *l, const struct package_manifest *m, bool asked, bool *ret_take,
			 struct error *err)
{
	enum package_release release = package_release(m);
	struct package_notes *notes = &l->result->notes;
	*ret_take = true;
	if (release == PACKAGE_R4 || release == PACKAGE_ANY_RELEASE)
		return true;
	if (release == PACKAGE_R4B || l->options->any_release) {
		note_add(notes, NOTE_RELEASE, m->name, m->version, "%.*s#%.*s is made for FHIR %s and is read as R4",
			 STR_ARG(m->name), STR_ARG(m->version), release_text(m));
		return true;
	}
	if (asked)
		return error_set(err, ERR_NOT_SUPPORTED, "%.*s#%.*s is made for FHIR %s, not for R4 (4.0.1)",
				 STR_ARG(str_slice(m->name, 0, 80)), STR_ARG(m->version), release_text(m));
	*ret_take = false;
	note_add(notes, NOTE_RELEASE, m->name, m->version, "%.*s#%.*s is made for FHIR %s, not for R4; it is left out",
		 STR_ARG(m->name), STR_ARG(m->version), release_text(m));
	return true;
}

static bool take_dependencies(struct loader *l, const struct package_manifest *m, struct error *err);

static bool take_package(struct loader *l, const struct package *p, bool asked, struct error *err)
{
	const struct package_manifest *m = &p->manifest;
	bool known = false, take;
	l->fresh = false;
	if (!release_fits(l, m, asked, &take, err))
		return false;
	if (!take)
		return true;
	struct canonical_package *package =
		canonicals_add_package(l->set, m->name, m->version, m->dependencies, m->dependency_count, &known, err);
	if (!package)
		return false;
	if (known)
		return true;
	l->fresh = true;
	return remember(l, m->name, m->version, p->path, asked, err) && add_files(l, package, p, err);
}

static bool take_path(struct loader *l, struct str path, bool asked, const struct package_manifest **ret_manifest,
		      struct error *err)
{
	struct package *p = ARENA_NEW(canonicals_arena(l->set), struct package);
	if (!p)
		return error_memory(err);
	if (!package_read(canonicals_arena(l->set), path, p, err))
		return false;
	*ret_manifest = &p->manifest;
	if (p->form != PACKAGE_LOOSE)
		return take_package(l, p, asked, err);
	return remember(l, STR_NULL, STR_NULL, p->path, asked, err) && add_files(l, NULL, p, err);
}

static bool take_spec(struct loader *l, struct str spec, const struct package_manifest **ret_manifest,
		      struct error *err)
{
	struct package_installed found;
	if (path_kind(&l->scratch, spec) != PATH_NOTHING)
		return take_path(l, spec, true, ret_manifest, err);
	if (memchr(spec.p, '/', spec.n) || str_ends(spec, S(".tgz")) || str_ends(spec, S(".json")))
		return error_set(err, ERR_NOT_FOUND, "there is no file or directory %.*s",
				 STR_ARG(str_slice(spec, 0, 200)));
	return package_find(&l->scratch, l->options->cache, spec, &found, err) &&
	       take_path(l, found.path, true, ret_manifest, err);
}

/* ---- what it depends on ----------------------------------------------------------------------------------------- */

static bool is_built_in(struct str name, struct str version)
{
	if (str_is(name, "hl7.fhir.r4.core"))
		return str_starts(version, S("4.0"));
	return str_is(name, "hl7.terminology.r4") || str_is(name, "hl7.terminology");
}

static void note_conflict(struct loader *l, const struct canonical_dependency *d, const struct package_manifest *m)
{
	for (struct package_loaded *p = l->result->first; p; p = p->next)
		if (p->name.p && str_eq(p->name, d->name) && !canonical_version_fits(p->version, d->version) &&
		    !p->asked) {
			note_add(&l->result->notes, NOTE_CONFLICT, d->name, d->version,
				 "%.*s#%.*s wants %.*s#%.*s, and version %.*s is wanted too; each uses its own",
				 STR_ARG(m->name), STR_ARG(m->version), STR_ARG(d->name), STR_ARG(d->version),
				 STR_ARG(p->version));
			return;
		}
}

static bool take_dependency(struct loader *l, const struct canonical_dependency *d, const struct package_manifest *m,
			    struct error *err)
{
	struct package_installed found;
	struct error missing = {0};
	const struct package_manifest *taken = NULL;
	if (canonicals_package(l->set, d->name, d->version))
		return true;
	struct str spec = arena_printf(&l->scratch, "%.*s#%.*s", STR_ARG(d->name), STR_ARG(d->version));
	if (!spec.p)
		return error_memory(err);
	if (l->options->cache.p && package_find(&l->scratch, l->options->cache, spec, &found, &missing)) {
		note_conflict(l, d, m);
		return take_path(l, found.path, false, &taken, err) && (!l->fresh || take_dependencies(l, taken, err));
	}
	if (!is_built_in(d->name, d->version))
		note_add(&l->result->notes, NOTE_MISSING, d->name, d->version,
			 "%.*s#%.*s, on which %.*s#%.*s depends, is not installed", STR_ARG(d->name),
			 STR_ARG(d->version), STR_ARG(m->name), STR_ARG(m->version));
	return true;
}

static bool note_cycle(struct loader *l, const struct canonical_dependency *d)
{
	for (size_t i = 0; i < l->chain_count; i++) {
		const struct package_manifest *m = l->chain[i];
		if (!str_eq(m->name, d->name) || !canonical_version_fits(m->version, d->version))
			continue;
		note_add(&l->result->notes, NOTE_CYCLE, d->name, d->version,
			 "%.*s#%.*s depends on itself, through %.*s", STR_ARG(m->name), STR_ARG(m->version),
			 STR_ARG(l->chain[l->chain_count - 1]->name));
		return true;
	}
	return false;
}

static bool take_dependencies(struct loader *l, const struct package_manifest *m, struct error *err)
{
	bool ok = true;
	if (l->chain_count == MAX_CHAIN)
		return error_set(err, ERR_LIMIT, "packages depend on each other more than %d deep", MAX_CHAIN);
	l->chain[l->chain_count++] = m;
	for (size_t i = 0; ok && i < m->dependency_count; i++)
		ok = note_cycle(l, &m->dependencies[i]) || take_dependency(l, &m->dependencies[i], m, err);
	l->chain_count--;
	return ok;
}

bool package_load(struct canonicals *c, const struct str *specs, size_t count,
		  const struct package_load_options *options, struct package_load_result *result, struct error *err)
{
	struct loader l = {.set = c, .options = options, .result = result};
	bool ok = true;
	arena_init(&l.scratch, ARENA_NO_CAP);
	const struct package_manifest **manifests = ARENA_ARRAY(&l.scratch, const struct package_manifest *, count + 1);
	if (!manifests)
		ok = error_memory(err);
	/* All that was asked for first: one may be what another depends on. */
	for (size_t i = 0; ok && i < count; i++)
		ok = take_spec(&l, specs[i], &manifests[i], err);
	for (size_t i = 0; ok && i < count; i++)
		ok = take_dependencies(&l, manifests[i], err);
	arena_done(&l.scratch);
	return ok;
}
