/*
 * What is known of drugs: ingredients, classes, products, allergen codes, cross-reactivity and interactions, built from
 * the tables in data/knowledge (their README says how far each was verified; no pharmacist reviewed them) and, on top,
 * from a site's own tables of the same names and columns. Pure; once built it is never changed and any thread may read.
 *
 * Ingredients, classes and rules are small numbers that hold for one struct knowledge only.
 */
#ifndef FIRTH_CLINICAL_KNOWLEDGE_H
#define FIRTH_CLINICAL_KNOWLEDGE_H

#include "base/arena.h"
#include "base/error.h"

struct knowledge;

#define KNOWLEDGE_VERSION "2026-11"

/* A table by its name: "ingredients", "drugs", ... as the files in data/knowledge, and "ndc", which only sites have. */
struct knowledge_table {
	struct str name;
	struct str text; /* must outlive the knowledge */
};
/* The embedded tables and, on top, count others. A rule, code or class that a later table names again replaces the
 * earlier one. NULL with ERR_CONFIG (table, line) or ERR_LIMIT. */
struct knowledge *knowledge_new(struct arena *a, const struct knowledge_table *extra, size_t count,
				struct error *err) MUST_USE;
/* Ends what the arena does not hold. */
void knowledge_free(struct knowledge *k);
/* The columns of a table, ended by NULL; NULL for an unknown name. */
const char *const *knowledge_columns(struct str table);

/* Is something amiss that loading does not refuse? Calls say() with a line each; returns how many. */
size_t knowledge_check(const struct knowledge *k, void (*say)(void *context, const char *line), void *context);

enum verified { VERIFIED_NO, VERIFIED_PARTLY, VERIFIED_YES };
const char *verified_name(enum verified v); /* "unverified", "partly verified", "verified" */

enum drug_route {
	ROUTE_UNKNOWN,
	ROUTE_ORAL,
	ROUTE_INJECTION,
	ROUTE_TRANSDERMAL,
	ROUTE_RECTAL,
	ROUTE_VAGINAL,
	ROUTE_INHALED,
	ROUTE_NASAL,
	ROUTE_TOPICAL,
	ROUTE_OPHTHALMIC,
	ROUTE_OTIC,
	ROUTE_ORAL_LOCAL, /* stays in the mouth */
	ROUTE_OTHER,
	ROUTE_COUNT
};
const char *drug_route_name(enum drug_route route);
enum drug_route drug_route_named(struct str name); /* ROUTE_UNKNOWN when it is none */

/* What a code or a phrase stands for. */
enum meaning_kind {
	MEANS_INGREDIENTS, /* an ingredient, or a product with these */
	MEANS_CLASS,
	MEANS_NONE_KNOWN, /* asserts that there is no allergy; token says to what: "all", "drug", "other" */
	MEANS_OTHER, /* no drug: food, environment, material; token says which */
	MEANS_UNSPECIFIED, /* a drug, but not which */
	MEANS_UNKNOWN, /* the record says that nobody knows */
};
struct meaning {
	enum meaning_kind kind;
	const uint16_t *ingredients; /* as coded: a precise ingredient is not yet its base */
	size_t count;
	unsigned drug_class;
	struct str token;
	bool product; /* a product rather than an ingredient */
	bool partial; /* the product holds these, and may hold more */
	bool near; /* a word was taken for a name that differs by a letter */
	bool alone; /* means that only where nothing else is said */
	bool ambiguous; /* the word has more than one reading, and this is the usual one */
	enum drug_route route;
	double mg; /* of a product with one ingredient; 0: not known */
	enum verified verified;
	struct str source; /* the citation */
};
/* System as a URI, an OID (urn:oid:) or one of the short names of the tables. False when the code is not known. */
bool knowledge_code(const struct knowledge *k, struct str system, struct str code, struct meaning *ret) MUST_USE;
/* The whole text as one phrase, without regard to case and punctuation; allergens: as it is meant in a list of them. */
bool knowledge_phrase(const struct knowledge *k, struct str phrase, bool allergens, struct meaning *ret) MUST_USE;

/* Everything in a text that has a meaning, whole words only, the longest phrases first in reading order. Words that
 * negate ("no", "-free") make what they belong to pass unread. A word that is nothing may be a name with one wrong
 * letter: in a list of allergies, and in a drug's words when they name nothing else. At most max; returns how many.
 * scratch may be reset afterwards. Texts beyond 2000 bytes are read up to there. */
#define KNOWLEDGE_TEXT_MAX 2000
size_t knowledge_read_text(const struct knowledge *k, struct arena *scratch, struct str text, bool allergens,
			   struct meaning *ret, size_t max);

/* ---- ingredients and classes ------------------------------------------------------------------------------------- */

struct ingredient {
	uint32_t rxcui;
	uint16_t base; /* itself, or of a precise ingredient (salt) the base ingredient */
	bool precise;
	struct str name, unii, atc, synonyms;
	enum verified verified;
	struct str source;
	const uint16_t *classes; /* of the base, with the classes above them, sorted */
	size_t class_count;
};
struct drug_class {
	struct str id, label, kind;
	int parent; /* -1: none */
	struct str duplicate; /* level of a finding when two of it are taken; empty: none */
	enum verified verified;
	struct str source;
};
size_t knowledge_ingredient_count(const struct knowledge *k);
size_t knowledge_class_count(const struct knowledge *k);
const struct ingredient *knowledge_ingredient(const struct knowledge *k, unsigned index);
const struct drug_class *knowledge_class(const struct knowledge *k, unsigned index);
/* By id such as "penicillin"; -1 when there is none. */
int knowledge_class_named(const struct knowledge *k, struct str id);
/* By name or RXCUI as the tables write it; -1 when there is none. */
int knowledge_ingredient_named(const struct knowledge *k, struct str name);
bool knowledge_is_in(const struct knowledge *k, unsigned ingredient, unsigned drug_class);

/* "Firth drug knowledge 2026-11, RxNorm 2025-10-06": for cards. */
struct str knowledge_version(const struct knowledge *k);

#endif
