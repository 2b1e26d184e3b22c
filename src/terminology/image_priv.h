/*
 * One code system as one block of bytes: concepts in their order, a hash over their codes, parents and children,
 * designations, properties. A CodeSystem resource becomes one in memory, a release of LOINC, SNOMED CT or RxNorm one in
 * a file that is mapped; everything above reads them the same way.
 *
 * Words are in the byte order of the machine; positions count from the start. A view checks the frame once and every
 * row and text as it is read, so a damaged file gives wrong answers at worst, never a wild read. Read-only, any thread.
 */
#ifndef FIRTH_TERMINOLOGY_IMAGE_PRIV_H
#define FIRTH_TERMINOLOGY_IMAGE_PRIV_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/map.h"

#define IMAGE_MAGIC  0x53435446u /* "FTCS" */
#define IMAGE_FORMAT 1u
#define IMAGE_NONE   UINT32_MAX

enum image_content { IMAGE_COMPLETE, IMAGE_FRAGMENT, IMAGE_EXAMPLE, IMAGE_NOT_PRESENT };

/* Of a system. */
enum { IMAGE_NO_CASE = 1 };
/* Of a concept. */
enum { CONCEPT_INACTIVE = 1, CONCEPT_DEPRECATED = 2, CONCEPT_ABSTRACT = 4 };

enum image_type { IMAGE_CODE, IMAGE_CODING, IMAGE_STRING, IMAGE_INTEGER, IMAGE_BOOLEAN, IMAGE_DATETIME, IMAGE_DECIMAL };

struct image_text {
	uint32_t at, n; /* n == IMAGE_NONE: no text at all */
};

struct image_table {
	uint32_t at, count;
};

struct image_concept {
	struct image_text code, display, definition;
	uint32_t flags;
	uint32_t parents, children, designations, properties; /* first row; the next concept's is the end */
};

struct image_kind { /* what designations have in common */
	struct image_text language, use_system, use_code, use_display;
};

struct image_designation {
	uint32_t kind;
	struct image_text value;
};

struct image_definition {
	struct image_text code, uri;
	uint32_t type;
};

struct image_property {
	uint32_t definition;
	struct image_text value, system; /* system: of a Coding */
};

struct image_header {
	uint32_t magic, format, size;
	uint32_t content, flags;
	struct image_text url, version, name, hierarchy;
	struct image_table concepts; /* one more row than concepts, to end the last one's ranges */
	struct image_table hash; /* concept ids; a power of two, at most half full */
	struct image_table parents, children; /* concept ids */
	struct image_table kinds, designations, definitions, properties;
};

struct image {
	const char *p;
	const struct image_header *head;
};

/* A view of the bytes, which must be aligned to 4 and outlive it. ERR_VALUE when they are no image of this format. */
bool image_open(struct str bytes, struct image *ret_image, struct error *err) MUST_USE;
struct str image_text(const struct image *im, struct image_text t);
uint32_t image_count(const struct image *im);

/* By code, without case where the system has none; IMAGE_NONE when it is not there. */
uint32_t image_find(const struct image *im, struct str code);

struct concept {
	uint32_t id, flags;
	struct str code, display, definition; /* STR_NULL where it has none */
};
struct concept image_concept(const struct image *im, uint32_t id);
uint32_t image_concept_flags(const struct image *im, uint32_t id);

/* Ids of the direct ones. */
const uint32_t *image_parents(const struct image *im, uint32_t id, uint32_t *ret_count);
const uint32_t *image_children(const struct image *im, uint32_t id, uint32_t *ret_count);
/* Is descendant below ancestor, or the same? Over all paths. */
bool image_is_a(const struct image *im, uint32_t ancestor, uint32_t descendant);

struct designation {
	struct str language, use_system, use_code, use_display, value;
};
struct property {
	struct str code, uri, value, system;
	enum image_type type;
	uint32_t definition;
};
uint32_t image_designation_count(const struct image *im, uint32_t id);
struct designation image_designation(const struct image *im, uint32_t id, uint32_t index);
uint32_t image_property_count(const struct image *im, uint32_t id);
struct property image_property(const struct image *im, uint32_t id, uint32_t index);
/* The number of a property definition, IMAGE_NONE when the system has no such property. */
uint32_t image_definition(const struct image *im, struct str code);

uint32_t image_hash(struct str code); /* the same for all cases of ASCII letters */

/* ---- making one -------------------------------------------------------------------------------------------------- */

/* Takes rows in any order. Failures (memory, more than 4 GB) are kept and told by image_finish(). */
struct image_maker {
	struct arena arena;
	struct map codes, interned; /* code -> id; texts that come often -> position */
	struct buf texts, concepts, parents, kinds, designations, definitions, properties;
	struct image_header head;
	bool failed;
};

struct image_facts {
	struct str url, version, name, hierarchy;
	enum image_content content;
	uint32_t flags;
};

void image_maker_init(struct image_maker *m, const struct image_facts *facts);
void image_maker_done(struct image_maker *m);
/* The id of a new concept; the one that is there when the code came before (*ret_new says which; may be NULL). code
 * must outlive the maker. IMAGE_NONE on failure. */
uint32_t image_add(struct image_maker *m, struct str code, bool *ret_new);
uint32_t image_added(const struct image_maker *m, struct str code); /* IMAGE_NONE: not there */
void image_add_display(struct image_maker *m, uint32_t id, struct str display);
void image_add_definition_text(struct image_maker *m, uint32_t id, struct str definition);
void image_add_flags(struct image_maker *m, uint32_t id, uint32_t flags);
void image_add_parent(struct image_maker *m, uint32_t id, uint32_t parent);
void image_add_designation(struct image_maker *m, uint32_t id, const struct designation *d);
/* A property definition, defined once by its code; its number. */
uint32_t image_define(struct image_maker *m, struct str code, struct str uri, enum image_type type);
void image_add_property(struct image_maker *m, uint32_t id, uint32_t definition, struct str value, struct str system);
/* Appends the whole image. */
bool image_finish(struct image_maker *m, struct buf *out, struct error *err) MUST_USE;

#endif
