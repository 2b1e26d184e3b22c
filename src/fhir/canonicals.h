/*
 * Canonical resources (http://hl7.org/fhir/R4/resource.html#canonical) at hand: StructureDefinition, ValueSet,
 * CodeSystem, ConceptMap, SearchParameter, NamingSystem, Questionnaire and so on, found by type and canonical URL. A
 * set starts with what the binary carries (hl7.fhir.r4.core#4.0.1 and hl7.terminology.r4, without narratives and
 * mappings) and takes in further packages; each is parsed when it is first asked for and kept. Narratives, mappings and
 * other prose are left out of the built-in ones; what validation and terminology need is all there.
 *
 * Sets are made by one thread and then read by any: canonical_json() locks. Everything returned lives as long as the
 * set.
 */
#ifndef FIRTH_FHIR_CANONICALS_H
#define FIRTH_FHIR_CANONICALS_H

#include "base/arena.h"
#include "base/error.h"
#include "json/json.h"

struct canonicals;
struct canonical_package; /* a package within a set */

/* One resource: what the index knows without parsing. */
struct canonical {
	struct str type; /* "StructureDefinition" */
	struct str url, version; /* version STR_NULL when it has none */
	struct str id, name;
	/* StructureDefinition: kind, type, baseDefinition, derivation. CodeSystem: content; supplements in base, and
	 * the value set of all its codes in defines. STR_NULL where it does not apply or the index does not tell. */
	struct str kind, defines, base, derivation, content;
	const struct canonical_package *package;
};

struct canonicals *canonicals_new(struct error *err) MUST_USE; /* with the built-in packages */
/* A set that sees everything of another, which must outlive it and take in nothing more; what is parsed is shared. */
struct canonicals *canonicals_new_over(const struct canonicals *base, struct error *err) MUST_USE;
void canonicals_free(struct canonicals *c);

/* Takes in a package. Its dependencies ("name" and "version", "4.0.x" allowed) decide what its resources find; they may
 * be added later or not at all. A second package of the same name and version is returned as it is, with *ret_known
 * true. */
struct canonical_dependency {
	struct str name, version;
};
struct canonical_package *canonicals_add_package(struct canonicals *c, struct str name, struct str version,
						 const struct canonical_dependency *dependencies, size_t count,
						 bool *ret_known, struct error *err) MUST_USE;

/* A resource in full. The tree must live as long as the set (parse it into canonicals_arena). Resources without url are
 * ignored. package NULL: a loose file, which wins over all packages. */
bool canonicals_add(struct canonicals *c, struct canonical_package *package, const struct json *resource,
		    struct error *err) MUST_USE;
/* The same, but read when first needed: `read` parses it into the arena, or fails. It may be called by any thread, one
 * at a time. The texts of facts are copied. */
struct canonical_source {
	const struct json *(*read)(void *ctx, struct arena *a, struct error *err);
	void *ctx;
};
bool canonicals_add_lazy(struct canonicals *c, struct canonical_package *package, const struct canonical *facts,
			 const struct canonical_source *source, struct error *err) MUST_USE;
/* The facts of a parsed resource as they go into the index; texts are borrowed from it. False without type or url. */
bool canonical_facts(const struct json *resource, struct canonical *ret_facts);
/* Makes the texts of facts the arena's own. */
bool canonical_facts_copy(struct arena *a, struct canonical *facts, struct error *err) MUST_USE;
struct arena *canonicals_arena(struct canonicals *c);

/* Finds by type and canonical ("url" or "url|version"; a version may be partial, "4.0"). Of several, the one seen from
 * `from` is taken: loose files, then from's own package, its dependencies, then the newest version. from NULL: as an
 * instance sees it. type STR_NULL: any type. NULL when there is none. */
const struct canonical *canonicals_find(const struct canonicals *c, struct str type, struct str canonical,
					const struct canonical *from);
/* A StructureDefinition of a core type by its name ("Patient", "HumanName"), or by URL when it has a colon. */
const struct canonical *canonicals_find_type(const struct canonicals *c, struct str name);
/* The resource itself, parsed once. NULL with an error when its text is broken. */
const struct json *canonical_json(const struct canonicals *c, const struct canonical *entry, struct error *err);

/* Every entry of a type (STR_NULL: all), in the order they came in: `size_t at = 0; while ((e = canonicals_next(c,
 * type, &at)))`. */
const struct canonical *canonicals_next(const struct canonicals *c, struct str type, size_t *at);

/* "hl7.fhir.us.core", "6.1.0"; STR_NULLs for loose files (package NULL). */
struct str canonical_package_name(const struct canonical_package *p);
struct str canonical_package_version(const struct canonical_package *p);
const struct canonical_package *canonicals_package(const struct canonicals *c, struct str name, struct str version);

/* Versions as people count: parts between dots, numbers by value, "1.0.0" after "1.0.0-ballot". Negative, zero or
 * positive; no version at all is the least. */
int canonical_version_cmp(struct str a, struct str b);
/* Does a version satisfy what is wanted? "4.0" and "4.0.x" ask for 4.0 and 4.0.1, but not for 4.01. */
bool canonical_version_fits(struct str version, struct str wanted);

#endif
