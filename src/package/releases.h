/*
 * Releases of LOINC, SNOMED CT and RxNorm on the disk: read from the files of their publishers, made into one compact
 * file each (terminology/release.h) in a directory of the user's, and mapped from there. A mapped file costs no memory
 * until it is asked.
 */
#ifndef FIRTH_PACKAGE_RELEASES_H
#define FIRTH_PACKAGE_RELEASES_H

#include "terminology/release.h"
#include "terminology/terminology.h"

struct release_installed {
	struct release_report report;
	struct str path; /* of the file that was written */
	size_t files_used, files_seen;
	size_t bytes; /* of the file that was written */
};

/* Reads the release at path (its directory, unpacked, or one file of it) and writes DIRECTORY/KIND-VERSION.terminology,
 * over one of the same name; the directory is made when it is not there. version STR_NULL: as the files tell. Of
 * SNOMED CT the snapshot is taken where there is one, and never a delta. Errors: ERR_NOT_FOUND, ERR_IO, ERR_TOO_LARGE,
 * and those of release_make(). In the arena. */
bool release_install(enum release_kind kind, struct str path, struct str version, struct str directory, struct arena *a,
		     struct release_installed *ret_installed, struct error *err) MUST_USE;

/* Maps every *.terminology of a directory and gives them to a terminology. One that is absent is an empty one. Files
 * that cannot be used are passed over; `tell` (may be NULL) hears why. Close it after the terminology is freed. */
struct releases;
struct releases *releases_open(struct str directory, struct terminology *t,
			       void (*tell)(void *ctx, const struct error *err), void *ctx, struct error *err) MUST_USE;
/* Gives what is mapped already to another terminology. */
bool releases_give(const struct releases *r, struct terminology *t, struct error *err) MUST_USE;
void releases_close(struct releases *r);

#endif
