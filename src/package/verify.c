/* A package against itself: every file is read, and the index compared with what is there. */
#include "package/package_priv.h"

#include "base/file.h"

static bool same_text(struct str a, struct str b)
{
	return (a.p != NULL) == (b.p != NULL) && str_eq(a, b);
}

static void check_file(const struct package_file *file, struct arena *scratch, struct package_notes *notes)
{
	struct error broken = {0};
	struct canonical facts = {0};
	const struct json *json = package_file_json(file, scratch, &broken);
	if (!json) {
		note_add(notes, NOTE_DAMAGED, file->name, STR_NULL, "%s", broken.text);
		return;
	}
	if (!file->facts.type.p || !file->facts.url.p || !canonical_facts(json, &facts))
		return;
	if (!same_text(facts.type, file->facts.type) || !same_text(facts.url, file->facts.url) ||
	    !same_text(facts.version, file->facts.version))
		note_add(notes, NOTE_DAMAGED, file->name, STR_NULL, "%.*s is another resource than its index says",
			 STR_ARG(file->name));
}

static bool is_listed(const struct package *p, struct str name)
{
	for (size_t i = 0; i < p->file_count; i++)
		if (str_eq(p->files[i].name, name))
			return true;
	return false;
}

static bool is_resource(struct arena *scratch, struct str path)
{
	struct error ignored = {0};
	struct canonical facts;
	struct str text;
	return file_read(scratch, path, PACKAGE_MAX_FILE, &text, &ignored) &&
	       facts_scan(scratch, text, &facts, &ignored);
}

/* Resources in the folder that the index does not list. */
static bool check_folder(const struct package *p, struct arena *scratch, struct package_notes *notes, struct error *err)
{
	struct directory_entry *entries;
	size_t count;
	if (!directory_list(scratch, p->path, &entries, &count, err))
		return false;
	for (size_t i = 0; i < count; i++)
		if (entries[i].kind == ENTRY_FILE && file_name_is_resource(entries[i].name) &&
		    !is_listed(p, entries[i].name) &&
		    is_resource(scratch, path_join(scratch, p->path, entries[i].name)))
			note_add(notes, NOTE_DAMAGED, entries[i].name, STR_NULL, "%.*s is not in the index",
				 STR_ARG(entries[i].name));
	return true;
}

bool package_verify(const struct package *p, struct package_notes *notes, struct error *err)
{
	struct arena scratch;
	arena_init(&scratch, ARENA_NO_CAP);
	bool ok = true;
	for (size_t i = 0; i < p->file_count; i++) {
		const struct package_file *file = &p->files[i];
		arena_reset(&scratch);
		/* Examples in archives were looked at, but not kept. */
		if (file->text.p || file->path.p)
			check_file(file, &scratch, notes);
	}
	if (p->form == PACKAGE_DIRECTORY)
		ok = check_folder(p, &scratch, notes, err);
	arena_done(&scratch);
	return ok;
}
