/*
 * .index.json: the list of files that packages carry so that nobody has to open them all. Written by many tools in two
 * versions; what it lacks for a StructureDefinition or a CodeSystem is looked up in the file itself.
 */
#include "package/package_priv.h"

#include "base/file.h"

static const struct str index_name = {".index.json", 11};

static struct canonical facts_listed(const struct json *entry)
{
	struct canonical f = {.type = json_get_str(entry, S("resourceType")),
			      .url = json_get_str(entry, S("url")),
			      .version = json_get_str(entry, S("version")),
			      .id = json_get_str(entry, S("id"))};
	if (str_is(f.type, "StructureDefinition")) {
		f.kind = json_get_str(entry, S("kind"));
		f.defines = json_get_str(entry, S("type"));
		f.derivation = json_get_str(entry, S("derivation"));
	} else if (str_is(f.type, "CodeSystem")) {
		f.content = json_get_str(entry, S("content"));
		f.base = json_get_str(entry, S("supplements"));
	}
	return f;
}

static bool lacks_facts(const struct canonical *f)
{
	return str_is(f->type, "StructureDefinition") || str_is(f->type, "NamingSystem") ||
	       (str_is(f->type, "CodeSystem") && !f->content.p);
}

/* Takes the facts from the file. scratch holds its content. */
static bool look_into(struct arena *a, struct arena *scratch, struct package_file *file, struct error *err)
{
	struct str text;
	struct canonical facts;
	arena_reset(scratch);
	if (!file_read(scratch, file->path, PACKAGE_MAX_FILE, &text, err))
		return false;
	struct error broken = {0};
	/* A broken file keeps the facts that the index has: the error comes when it is parsed. */
	if (!facts_scan(scratch, text, &facts, &broken))
		return broken.code != ERR_MEMORY || error_memory(err);
	file->facts = facts;
	return canonical_facts_copy(a, &file->facts, err);
}

static bool take_entry(struct arena *a, struct arena *scratch, struct package *p, const struct json *entry,
		       struct error *err)
{
	struct str name = json_get_str(entry, S("filename"));
	if (!name.n || memchr(name.p, '/', name.n) || memchr(name.p, 0, name.n) || !file_name_is_resource(name))
		return true;
	struct package_file file = {.name = name, .facts = facts_listed(entry), .path = path_join(a, p->path, name)};
	if (!file.path.p)
		return error_memory(err);
	/* A file that is not there fails when it is needed, and when the package is checked. */
	if (lacks_facts(&file.facts) && path_kind(scratch, file.path) == PATH_FILE &&
	    !look_into(a, scratch, &file, err))
		return false;
	return !file.facts.type.p || package_add_file(a, p, &file, err);
}

bool index_read(struct arena *a, struct package *p, bool *ret_found, struct error *err)
{
	struct str path = path_join(a, p->path, index_name), text;
	struct arena scratch;
	*ret_found = false;
	if (!path.p)
		return error_memory(err);
	if (path_kind(a, path) != PATH_FILE)
		return true;
	arena_init(&scratch, ARENA_NO_CAP);
	struct error broken = {0};
	const struct json *j =
		file_read(&scratch, path, PACKAGE_MAX_FILE, &text, &broken) ? json_parse(a, text, 0, &broken) : NULL;
	const struct json *files = json_get(j, S("files"));
	struct json_iter it = json_iter(json_is(files, JSON_ARRAY) ? files : NULL);
	bool ok = true;
	while (ok && json_next(&it))
		ok = take_entry(a, &scratch, p, it.value, err);
	arena_done(&scratch);
	*ret_found = json_is(files, JSON_ARRAY);
	return ok;
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

void index_write(struct buf *out, const struct package *p)
{
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	json_key(&w, S("index-version"));
	json_put_i64(&w, 2);
	json_key(&w, S("files"));
	json_array_begin(&w);
	for (size_t i = 0; i < p->file_count; i++) {
		const struct canonical *f = &p->files[i].facts;
		bool codes = str_is(f->type, "CodeSystem");
		if (!f->type.p)
			continue;
		json_object_begin(&w);
		json_put_member(&w, S("filename"), p->files[i].name);
		json_put_member(&w, S("resourceType"), f->type);
		json_put_member(&w, S("id"), f->id);
		if (!str_is(f->type, "NamingSystem"))
			json_put_member(&w, S("url"), f->url);
		json_put_member(&w, S("version"), f->version);
		json_put_member(&w, S("kind"), f->kind);
		json_put_member(&w, S("type"), f->defines);
		json_put_member(&w, S("derivation"), f->derivation);
		if (codes) {
			json_put_member(&w, S("content"), f->content);
			json_put_member(&w, S("supplements"), f->base);
		}
		json_object_end(&w);
	}
	json_array_end(&w);
	json_object_end(&w);
	buf_char(out, '\n');
}

bool package_write_index(const struct package *p, struct error *err)
{
	struct arena a;
	struct buf out;
	if (p->form != PACKAGE_DIRECTORY)
		return error_set(err, ERR_USAGE, "only an unpacked package can get a new index");
	arena_init(&a, ARENA_NO_CAP);
	buf_init(&out, PACKAGE_MAX_FILE);
	index_write(&out, p);
	struct str path = path_join(&a, p->path, index_name);
	bool ok = path.p && buf_ok(&out) ? file_write(path, buf_str(&out), 0644, err) : error_memory(err);
	buf_done(&out);
	arena_done(&a);
	return ok;
}
