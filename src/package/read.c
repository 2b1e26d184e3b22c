/* What is in a package, wherever it lies: archive, unpacked, or just a directory or a file with resources. */
#include "package/package_priv.h"

#include <stdlib.h>

#include "base/file.h"
#include "fhir/xml.h"
#include "package/tar.h"

bool package_add_file(struct arena *a, struct package *p, const struct package_file *file, struct error *err)
{
	if (p->file_count >= PACKAGE_MAX_FILES)
		return error_set(err, ERR_LIMIT, "a package holds more than %d resources", PACKAGE_MAX_FILES);
	struct package_file *grown =
		arena_grow(a, p->files, p->file_count, &p->file_capacity, p->file_count + 1, sizeof(*file));
	if (!grown)
		return error_memory(err);
	p->files = grown;
	p->files[p->file_count++] = *file;
	return true;
}

bool file_name_is_resource(struct str name)
{
	/* The publisher's copy of the implementation guide stands beside the real one in old packages. */
	return str_ends(name, S(".json")) && name.p[0] != '.' && !str_is(name, "package.json") &&
	       !str_is(name, "package-lock.json") && !(str_starts(name, S("ig-r")) && name.n <= 12);
}

/* ---- archives --------------------------------------------------------------------------------------------------- */

static bool take_archived(struct arena *a, struct package *p, struct str name, struct str content, struct error *err)
{
	struct package_file file = {.name = arena_str(a, name)};
	struct error broken = {0};
	if (!file.name.p)
		return error_memory(err);
	if (!facts_scan(a, content, &file.facts, &broken) && broken.code == ERR_MEMORY)
		return error_memory(err);
	if (!file.facts.type.p && !broken.code)
		return true; /* JSON, but no resource */
	if (!canonical_facts_copy(a, &file.facts, err))
		return false;
	if (file.facts.url.p || broken.code) {
		file.text = arena_str(a, content);
		if (!file.text.p)
			return error_memory(err);
	}
	return package_add_file(a, p, &file, err);
}

static bool read_entries(struct arena *a, struct tar *tar, struct package *p, struct error *err)
{
	struct str name, content;
	struct error damage = {0};
	while (tar_next(tar, &name, &content, &damage)) {
		struct str file = str_slice(name, sizeof("package/") - 1, name.n);
		bool inside = str_starts(name, S("package/")) && !memchr(file.p, '/', file.n);
		if (inside && str_is(file, "package.json")) {
			if (!manifest_read(a, content, &p->manifest, err))
				return false;
		} else if (inside && file_name_is_resource(file)) {
			if (!take_archived(a, p, file, content, err))
				return false;
		} else if (!inside) {
			p->other_count++;
		}
	}
	if (damage.code)
		return error_set(err, damage.code, "%s", damage.text);
	if (!p->manifest.name.p)
		return error_set(err, ERR_STRUCTURE, "this is no FHIR package: there is no package/package.json in it");
	return true;
}

static bool read_archive(struct arena *a, struct package *p, struct str bytes, struct error *err)
{
	struct tar *tar = tar_open(bytes, NULL, err);
	bool ok = tar && read_entries(a, tar, p, err);
	tar_close(tar);
	return ok;
}

/* ---- directories ------------------------------------------------------------------------------------------------ */

/* XML has no quick look: it is read whole. What is no FHIR XML is not ours. */
static bool take_xml(struct arena *a, struct package *p, struct str name, struct str path, struct error *err)
{
	struct arena scratch;
	struct package_file file = {.name = name, .path = path};
	struct error broken = {0};
	arena_init(&scratch, ARENA_NO_CAP);
	const struct json *resource = package_file_json(&file, &scratch, &broken);
	if (resource && !canonical_facts(resource, &file.facts))
		file.facts = (struct canonical){.type = json_get_str(resource, S("resourceType")),
						.id = json_get_str(resource, S("id"))};
	bool ok = !resource || (canonical_facts_copy(a, &file.facts, err) && package_add_file(a, p, &file, err));
	arena_done(&scratch);
	return ok && (broken.code != ERR_MEMORY || error_memory(err));
}

/* A file whose facts no index tells. Broken ones are kept without facts, for those who check. */
static bool take_file(struct arena *a, struct package *p, struct str name, struct str path, struct error *err)
{
	struct arena scratch;
	struct package_file file = {.name = name, .path = path};
	struct error broken = {0};
	struct str text;
	if (str_ends(name, S(".xml")))
		return take_xml(a, p, name, path, err);
	arena_init(&scratch, ARENA_NO_CAP);
	bool ok = file_read(&scratch, path, PACKAGE_MAX_FILE, &text, err);
	bool resource = ok && facts_scan(&scratch, text, &file.facts, &broken);
	if (ok && (resource || broken.code))
		ok = canonical_facts_copy(a, &file.facts, err) && package_add_file(a, p, &file, err);
	arena_done(&scratch);
	return ok && broken.code != ERR_MEMORY;
}

/* depth 0: this directory only. */
static bool scan_directory(struct arena *a, struct package *p, struct str path, unsigned depth, struct error *err)
{
	struct directory_entry *entries;
	size_t count;
	if (!directory_list(a, path, &entries, &count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct str inner = path_join(a, path, entries[i].name);
		if (!inner.p)
			return error_memory(err);
		bool xml = p->form == PACKAGE_LOOSE && str_ends(entries[i].name, S(".xml"));
		if (entries[i].kind == ENTRY_FILE && (xml || file_name_is_resource(entries[i].name))) {
			if (!take_file(a, p, entries[i].name, inner, err))
				return false;
		} else if (entries[i].kind == ENTRY_DIRECTORY && depth && entries[i].name.p[0] != '.') {
			if (!scan_directory(a, p, inner, depth - 1, err))
				return false;
		}
	}
	return true;
}

static bool read_manifest_of(struct arena *a, struct package *p, struct error *err)
{
	struct str path = path_join(a, p->path, S("package.json")), text;
	return (path.p || error_memory(err)) && file_read(a, path, 1 << 20, &text, err) &&
	       manifest_read(a, text, &p->manifest, err);
}

/* Counts what lies in the folders inside the package, for people. */
static void count_others(struct arena *a, struct package *p, struct str path, unsigned depth)
{
	struct directory_entry *entries;
	size_t count;
	if (!directory_list(a, path, &entries, &count, NULL))
		return;
	for (size_t i = 0; i < count; i++) {
		if (entries[i].kind == ENTRY_DIRECTORY && depth)
			count_others(a, p, path_join(a, path, entries[i].name), depth - 1);
		else if (entries[i].kind == ENTRY_FILE && !str_eq(path, p->path))
			p->other_count++;
	}
}

static bool read_directory(struct arena *a, struct package *p, bool by_index, struct error *err)
{
	struct str inner = path_join(a, p->path, S("package")), here = path_join(a, p->path, S("package.json"));
	struct str there = inner.p ? path_join(a, inner, S("package.json")) : STR_NULL;
	bool found = false;
	if (!here.p || !there.p)
		return error_memory(err);
	p->form = PACKAGE_DIRECTORY;
	if (path_kind(a, there) == PATH_FILE)
		p->path = inner;
	else if (path_kind(a, here) != PATH_FILE)
		p->form = PACKAGE_LOOSE;
	if (p->form == PACKAGE_LOOSE)
		return scan_directory(a, p, p->path, PACKAGE_MAX_DEPTH, err);
	if (!read_manifest_of(a, p, err) || (by_index && !index_read(a, p, &found, err)))
		return false;
	count_others(a, p, p->path, PACKAGE_MAX_DEPTH);
	return found || scan_directory(a, p, p->path, 0, err);
}

/* ---- any -------------------------------------------------------------------------------------------------------- */

static bool looks_like_gzip(struct str bytes)
{
	return bytes.n > 2 && (unsigned char)bytes.p[0] == 0x1f && (unsigned char)bytes.p[1] == 0x8b;
}

static bool read_file(struct arena *a, struct package *p, struct error *err)
{
	struct arena scratch;
	struct str bytes;
	arena_init(&scratch, ARENA_NO_CAP);
	bool ok = file_read(&scratch, p->path, PACKAGE_MAX_ARCHIVE, &bytes, err);
	if (ok && looks_like_gzip(bytes)) {
		p->form = PACKAGE_ARCHIVE;
		ok = read_archive(a, p, bytes, err);
	} else if (ok) {
		size_t slash = str_rfind_char(p->path, '/');
		struct str name = slash == STR_NONE ? p->path : str_slice(p->path, slash + 1, p->path.n);
		p->form = PACKAGE_LOOSE;
		ok = take_file(a, p, name, p->path, err);
		if (ok && (!p->file_count || !p->files[0].facts.type.p))
			ok = error_set(err, ERR_STRUCTURE, "this is neither a package nor a FHIR resource");
	}
	arena_done(&scratch);
	return ok;
}

static bool read_path(struct arena *a, struct str path, bool by_index, struct package *ret_package, struct error *err)
{
	struct package p = {.path = arena_str(a, path)};
	if (!p.path.p)
		return error_memory(err);
	enum path_kind kind = path_kind(a, path);
	if (kind == PATH_NOTHING)
		return error_set(err, ERR_NOT_FOUND, "there is no file or directory %.*s",
				 STR_ARG(str_slice(path, 0, 200)));
	if (!(kind == PATH_FILE ? read_file(a, &p, err) : read_directory(a, &p, by_index, err)))
		return error_context(err, "%.*s", STR_ARG(str_slice(path, 0, 120)));
	*ret_package = p;
	return true;
}

bool package_read(struct arena *a, struct str path, struct package *ret_package, struct error *err)
{
	return read_path(a, path, true, ret_package, err);
}

bool package_read_unindexed(struct arena *a, struct str path, struct package *ret_package, struct error *err)
{
	return read_path(a, path, false, ret_package, err);
}

const struct json *package_file_json(const struct package_file *file, struct arena *a, struct error *err)
{
	struct arena scratch;
	struct str text = file->text;
	const struct json *json = NULL;
	bool xml = str_ends(file->name, S(".xml"));
	arena_init(&scratch, ARENA_NO_CAP);
	bool ok = text.p || (file->path.p && file_read(xml ? a : &scratch, file->path, PACKAGE_MAX_FILE, &text, err)) ||
		  error_set(err, ERR_NOT_FOUND, "the content of this file was not kept");
	if (ok && xml)
		json = xml_read_resource(a, definitions_builtin(), text, NULL, err);
	else if (ok)
		json = json_parse(a, text, 0, err);
	arena_done(&scratch);
	if (!json)
		error_context(err, "%.*s", STR_ARG(str_slice(file->name, 0, 120)));
	return json;
}
