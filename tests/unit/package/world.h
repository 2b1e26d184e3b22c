/* What the tests of packages share: a directory of their own, a cache in it, and packages made of small texts. */
#ifndef FIRTH_TESTS_PACKAGE_WORLD_H
#define FIRTH_TESTS_PACKAGE_WORLD_H

#include "package/package.h"

struct world {
	struct arena arena;
	char root[64]; /* a directory of this test's own */
	struct str cache;
	struct canonicals *set;
	struct package_load_result result;
	struct error err;
};

/* For cmocka's set-up and tear-down: *state is the world. */
int world_set_up(void **state);
int world_tear_down(void **state);

/* Writes a file below the root and the directories above it. */
struct str world_put_file(struct world *w, const char *name, const char *content);
const char *world_value_set(struct world *w, const char *id, const char *version);
const char *world_manifest(struct world *w, const char *name, const char *version, const char *fhir,
			   const char *dependencies);
/* An unpacked package in the cache with one value set, named by the package. */
void world_install(struct world *w, const char *name, const char *version, const char *fhir, const char *dependencies);
/* An archive with a value set, a patient, a broken file, JSON that is no resource, and an example. */
struct str world_archive(struct world *w, const char *name, const char *version, const char *dependencies);

#endif
