/* What the files of this room share: placeholders, masking by type, and addresses. */
#ifndef FIRTH_RECORD_RECORD_PRIV_H
#define FIRTH_RECORD_RECORD_PRIV_H

#include "base/buf.h"
#include "base/map.h"
#include "fhir/definitions.h"
#include "json/json.h"
#include "record/record.h"

/* ---- placeholders: words.c --------------------------------------------------------------------------------------- */

enum { WORD_KINDS_MAX = 64 };
/* Every value that was masked, and what stands for it: the same one wherever the value comes again. One thread. */
struct masker {
	const struct definitions *definitions;
	enum record_births births;
	struct arena arena; /* values and placeholders; they are wiped at the end */
	struct map places; /* value to its place in words */
	struct str *words;
	size_t count, capacity;
	struct {
		const char *kind;
		size_t count;
	} kinds[WORD_KINDS_MAX];
	bool failed; /* no memory: nothing of this exchange may be written */
};
void masker_init(struct masker *m, const struct definitions *d, enum record_births births);
void masker_done(struct masker *m);
/* "kind-7"; kind is static. An empty value stays empty. */
struct str masker_word(struct masker *m, const char *kind, struct str value);
/* Text of the other side in which masked values may stand: each is replaced. */
struct str masker_scrub(struct masker *m, struct arena *a, struct str text);
struct str masker_birth(struct masker *m, struct arena *a, struct str value);
/* STR_NULL as a result: no memory, and failed is set. */

/* ---- by name: names.c -------------------------------------------------------------------------------------------- */

enum mask_rule {
	RULE_UNKNOWN,
	RULE_KEEP,
	RULE_MASK, /* by kind */
	RULE_URL,
	RULE_SCRUB,
	RULE_COOKIE,
	RULE_SET_COOKIE,
	RULE_SCHEME, /* "Bearer x": what stands behind the first word */
	RULE_JWT,
};
struct mask_name {
	enum mask_rule rule;
	const char *kind;
};
struct mask_name mask_name_of_header(struct str name);
/* Parameters of OAuth and members of its answers, of discovery documents and of bulk manifests. */
struct mask_name mask_name_of_oauth(struct str name);
bool name_is_one_of(struct str name, const char *const *names, size_t count);
#define NAME_IS_ONE_OF(name, list) name_is_one_of(name, list, sizeof(list) / sizeof((list)[0]))

/* ---- addresses: mask_url.c --------------------------------------------------------------------------------------- */

/* Ids in the path and values in the query. */
struct str mask_url(struct masker *m, struct arena *a, struct str url);
/* A query or form. type: what is searched, NULL when it is no search. */
struct str mask_pairs(struct masker *m, struct arena *a, const struct fhir_type *type, struct str text);
/* The last resource type that a path names, NULL: none. */
const struct fhir_type *url_type(const struct definitions *d, struct str url);
struct str mask_header(struct masker *m, struct arena *a, struct str name, struct str value);
/* A type whose resources define things and are about nobody. */
bool type_is_definition(const struct fhir_type *type);

/* ---- bodies: mask_json.c, mask_body.c ---------------------------------------------------------------------------- */

/* The text with what is masked replaced and every other byte as it was; STR_NULL: it cannot be masked. */
struct str mask_json(struct masker *m, struct arena *a, struct str text);
/* Of any media type. STR_NULL: of a kind that cannot be masked; then it must be left out. */
struct str mask_body(struct masker *m, struct arena *a, struct str url, struct str media_type, struct str body);

/* ---- addresses as they are: place.c ------------------------------------------------------------------------------ */

struct place {
	struct str origin; /* "https://host:port" as written */
	struct str path; /* with its slash; STR_NULL: none */
	struct str query; /* STR_NULL: none */
};
/* False for what is no http or https URL. A fragment is cut off. */
bool place_of(struct str url, struct place *ret_place);
struct str media_type_of(struct str content_type); /* without parameters and spaces */
/* The text with each address under `from` (an origin) put under `to` instead, also where it is percent-coded. */
struct str place_move(struct arena *a, struct str text, struct str from, struct str to);

/* ---- playing back: replay_match.c -------------------------------------------------------------------------------- */

struct pair {
	struct str name, value; /* decoded */
};
/* An entry as it is compared. */
struct wanted {
	struct str path; /* decoded */
	struct pair *pairs;
	size_t pair_count;
	bool used;
};
/* A request as it is compared. */
struct asked {
	struct arena *a;
	struct str method, path, body, type;
	struct pair *pairs;
	size_t pair_count;
	bool any_body; /* bodies are not compared */
	bool oauth; /* none of FHIR, where code is a search parameter */
};
bool asked_meets(const struct asked *x, const struct recorded *e, const struct wanted *w);
bool asked_meets_query(const struct asked *x, const struct wanted *w);
/* How much an entry is like what was asked: the method, the beginning of the path, equal pairs. */
size_t asked_likeness(const struct asked *x, const struct recorded *e, const struct wanted *w);
/* Names and values of a query or form, decoded. NULL: no memory. */
struct pair *pairs_of(struct arena *a, struct str text, size_t *ret_count);
struct str decoded(struct arena *a, struct str text, bool form);

#endif
