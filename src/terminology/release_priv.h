/* What the readers of releases share. */
#ifndef FIRTH_TERMINOLOGY_RELEASE_PRIV_H
#define FIRTH_TERMINOLOGY_RELEASE_PRIV_H

#include "terminology/image_priv.h"
#include "terminology/release.h"
#include "terminology/table_priv.h"

#define LOINC_URL  "http://loinc.org"
#define SNOMED_URL "http://snomed.info/sct"
#define RXNORM_URL "http://www.nlm.nih.gov/research/umls/rxnorm"

struct release {
	struct release_file *files;
	size_t count;
	struct str version; /* as given, or found */
	struct arena *arena;
	struct image_maker *maker;
	struct error *err;
};

bool loinc_read(struct release *r) MUST_USE;
bool snomed_read(struct release *r) MUST_USE;
/* The version URI, before anything is read: STR_NULL when the files do not tell. */
struct str snomed_version(struct release *r);
bool rxnorm_read(struct release *r) MUST_USE;
struct str rxnorm_version(struct release *r);

/* A text property, left out when it is empty. */
void release_property(struct release *r, uint32_t id, uint32_t definition, struct str value);

#endif
