/* What the files of this room share. */
#ifndef FIRTH_PACKAGE_PACKAGE_PRIV_H
#define FIRTH_PACKAGE_PACKAGE_PRIV_H

#include "package/package.h"

enum {
	PACKAGE_MAX_ARCHIVE = 512 << 20, /* bytes of a .tgz */
	PACKAGE_MAX_FILE = 256 << 20, /* bytes of one file */
	PACKAGE_MAX_FILES = 100000,
	PACKAGE_MAX_DEPTH = 8 /* directories in directories */
};

/* scan.c: the facts of a resource by one look at its top level; texts are borrowed from the text, or lie in the arena.
 * False without error when it is no resource. ERR_JSON when it is no JSON. */
bool facts_scan(struct arena *a, struct str text, struct canonical *ret_facts, struct error *err) MUST_USE;

/* manifest.c */
bool manifest_read(struct arena *a, struct str text, struct package_manifest *ret_manifest, struct error *err) MUST_USE;
/* Names and versions that may become the name of a directory. */
bool package_name_valid(struct str name);
bool package_version_valid(struct str version);
/* Takes "name#version" or "name@version" apart; version STR_NULL when there is none. False for other forms. */
bool spec_parse(struct str spec, struct str *ret_name, struct str *ret_version);

/* read.c */
bool package_add_file(struct arena *a, struct package *p, const struct package_file *file, struct error *err) MUST_USE;
bool file_name_is_resource(struct str name); /* x.json, but not package.json, .index.json, ig-r4.json... */

/* index.c: fills package->files of a directory from its .index.json. *ret_found false when there is none that is
 * usable. */
bool index_read(struct arena *a, struct package *p, bool *ret_found, struct error *err) MUST_USE;
void index_write(struct buf *out, const struct package *p);

/* directory.c: names in a directory, sorted, hidden ones included but not "." and "..". */
enum entry_kind { ENTRY_FILE, ENTRY_DIRECTORY, ENTRY_OTHER };
struct directory_entry {
	struct str name;
	enum entry_kind kind;
};
bool directory_list(struct arena *a, struct str path, struct directory_entry **ret_entries, size_t *ret_count,
		    struct error *err) MUST_USE;
enum path_kind { PATH_NOTHING, PATH_FILE, PATH_DIRECTORY };
enum path_kind path_kind(struct arena *a, struct str path);
struct str path_join(struct arena *a, struct str directory, struct str name);
/* Makes a directory and those above it. */
bool directory_make(struct arena *a, struct str path, struct error *err) MUST_USE;
/* Removes a directory with all that is in it; links are removed, not followed. */
bool directory_remove(struct str path, struct error *err) MUST_USE;

/* verify.c */
void note_add(struct package_notes *notes, enum package_note_kind kind, struct str name, struct str version,
	      const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
