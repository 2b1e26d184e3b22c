/*
 * FHIR packages (https://hl7.org/fhir/packages.html): a gzip-compressed tar archive with package/package.json and the
 * resources beside it, or the same unpacked, as in the cache that FHIR tools share: CACHE/NAME#VERSION/package. Reading
 * them, installing them into the cache, and giving their resources to a set of canonical resources.
 *
 * What is returned lies in the arena that was passed. Functions only read and write below the paths they are given; any
 * thread, but one installation into a cache at a time wins. Names as a person types them ("spec"): name#version,
 * name@version, name (the newest installed), name#6.1.x, name#latest.
 */
#ifndef FIRTH_PACKAGE_PACKAGE_H
#define FIRTH_PACKAGE_PACKAGE_H

#include "base/arena.h"
#include "base/error.h"
#include "fhir/canonicals.h"

/* package.json. Texts that are not there are STR_NULL. */
struct package_manifest {
	struct str name, version, title, description, canonical, type, license;
	const struct str *fhir_versions;
	size_t fhir_version_count;
	const struct canonical_dependency *dependencies;
	size_t dependency_count;
};

/* Which release of FHIR a package is for. */
enum package_release { PACKAGE_R4, PACKAGE_R4B, PACKAGE_OTHER_RELEASE, PACKAGE_ANY_RELEASE /* it does not say */ };
enum package_release package_release(const struct package_manifest *m);

/* One file of the package folder that holds a resource. Only loose ones may be XML. */
struct package_file {
	struct str name; /* "StructureDefinition-us-core-patient.json" */
	struct canonical facts; /* url STR_NULL for what is no canonical resource; name may be missing too */
	struct str text; /* archives, canonical resources: the content; otherwise STR_NULL and still on the disk */
	struct str path; /* directories: where it is */
};

enum package_form { PACKAGE_ARCHIVE, PACKAGE_DIRECTORY, PACKAGE_LOOSE /* resources without package.json */ };
struct package {
	enum package_form form;
	struct str path; /* of the archive, or of the folder that holds the files */
	struct package_manifest manifest;
	struct package_file *files;
	size_t file_count, file_capacity;
	size_t other_count; /* files of other folders: examples, XML forms, schemas */
};

/* Reads an archive, an unpacked package (the directory that holds package/, or package/ itself), or any directory of
 * resources in JSON or XML, or a single such file, without parsing: what the index or a look at the top level tells.
 * Errors: ERR_NOT_FOUND, ERR_IO, ERR_VALUE and ERR_TOO_LARGE for damaged archives, ERR_JSON, ERR_STRUCTURE. */
bool package_read(struct arena *a, struct str path, struct package *ret_package, struct error *err) MUST_USE;
/* An unpacked package by its files alone, whatever its index says. */
bool package_read_unindexed(struct arena *a, struct str path, struct package *ret_package, struct error *err) MUST_USE;
/* A resource of it, parsed into the arena. */
const struct json *package_file_json(const struct package_file *file, struct arena *a, struct error *err) MUST_USE;

/* ---- the cache -------------------------------------------------------------------------------------------------- */

struct package_installed {
	struct str name, version;
	struct str path; /* CACHE/NAME#VERSION */
};
/* Sorted by name, then version, oldest first. An absent cache is an empty one. */
bool package_list(struct arena *a, struct str cache, struct package_installed **ret_list, size_t *ret_count,
		  struct error *err) MUST_USE;
/* ERR_NOT_FOUND says which versions are there, or which name is near; ERR_USAGE when spec has no such form. */
bool package_find(struct arena *a, struct str cache, struct str spec, struct package_installed *ret_found,
		  struct error *err) MUST_USE;

struct package_install_result {
	struct package_installed package;
	bool known; /* was there already; nothing was changed */
	bool replaced, index_written;
	size_t files;
};
/* Installs an archive or an unpacked package. Atomic: unpacked beside, synced, renamed. replace: also over an installed
 * one. The cache is made when it is not there. */
bool package_install(struct arena *a, struct str cache, struct str path, bool replace,
		     struct package_install_result *ret_result, struct error *err) MUST_USE;
/* The archives (.tgz, .tar.gz) directly in a directory, sorted: to install all. */
bool package_archives(struct arena *a, struct str directory, struct str **ret_paths, size_t *ret_count,
		      struct error *err) MUST_USE;
bool package_remove(struct str cache, const struct package_installed *package, struct error *err) MUST_USE;

/* ---- checking --------------------------------------------------------------------------------------------------- */

/* What is wrong, or good to know, about a package or a load. */
enum package_note_kind {
	NOTE_MISSING, /* a dependency that is not installed */
	NOTE_CONFLICT, /* two versions of one package are wanted */
	NOTE_CYCLE,
	NOTE_RELEASE, /* made for another release of FHIR */
	NOTE_DAMAGED, /* a file is broken, missing, or not in the index */
};
struct package_note {
	enum package_note_kind kind;
	struct str text; /* a sentence for people */
	struct str name, version; /* of the package that is meant, or the file */
	struct package_note *next;
};
struct package_notes {
	struct arena *arena;
	struct package_note *first, *last;
	size_t count, max; /* 0: 1000 */
};
const char *package_note_kind_name(enum package_note_kind kind);

/* Reads every file of the package, and compares the files with the index. */
bool package_verify(const struct package *package, struct package_notes *notes, struct error *err) MUST_USE;
/* Writes .index.json anew for an unpacked package. */
bool package_write_index(const struct package *package, struct error *err) MUST_USE;

/* ---- loading ---------------------------------------------------------------------------------------------------- */

struct package_load_options {
	struct str cache; /* where named packages and dependencies are looked for; STR_NULL: nowhere */
	bool any_release; /* take packages for other releases of FHIR too */
};
struct package_loaded {
	struct str name, version, path;
	bool asked; /* named by the caller, not only a dependency */
	struct package_loaded *next;
};
struct package_load_result {
	struct package_notes notes; /* set its arena before */
	struct package_loaded *first, *last; /* in the order they were taken in */
	size_t package_count, resource_count;
};
/* Takes packages and what they depend on into a set: each spec is a path (archive, directory, single resource) or names
 * an installed package. Their resources are read when they are first needed. Dependencies that are not there are notes,
 * not errors; hl7.fhir.r4.core and hl7.terminology.r4 are in the set already when they are not installed. */
bool package_load(struct canonicals *c, const struct str *specs, size_t count,
		  const struct package_load_options *options, struct package_load_result *result,
		  struct error *err) MUST_USE;

#endif
