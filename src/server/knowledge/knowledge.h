/*
 * What a server knows beside its definitions: profiles, code systems, value sets and concept maps, from the program,
 * from packages, and from the StructureDefinition, CodeSystem, ValueSet and ConceptMap resources in its store; with the
 * terminology and the validator over all of them, and the rules that say which resources must conform to what.
 *
 * The knowledge of a moment is a state: it never changes and is used by any number of threads. When one of those
 * resources is written, whoever asks next gets a new state; the old one goes when its last user has left. Nothing is
 * made before it is first asked for. Any thread.
 */
#ifndef FIRTH_SERVER_KNOWLEDGE_KNOWLEDGE_H
#define FIRTH_SERVER_KNOWLEDGE_KNOWLEDGE_H

#include "fhir/canonicals.h"
#include "store/store.h"
#include "terminology/terminology.h"
#include "validate/validate.h"

/* ---- rules of writing -------------------------------------------------------------------------------------------- */

/* What a resource must satisfy to be stored. Each level includes those before it. */
enum admission_level {
	ADMISSION_OFF, /* it is JSON of a known resource type */
	ADMISSION_STRUCTURE, /* resource_check(): the default */
	ADMISSION_PROFILES /* validate_resource(): R4 in full and the profiles named */
};
struct admission_rule {
	struct str type; /* "Patient", or "*" for every type that no other rule names */
	enum admission_level level;
	bool declared; /* profiles that the resource claims in meta.profile, too */
	const struct str *profiles;
	size_t profile_count;
};
/* Reads "off", "structure", "declared", or canonical URLs of profiles separated by commas or white space, with
 * "declared" among them where wanted. ERR_CONFIG. The texts are borrowed. */
bool admission_parse(struct arena *a, struct str type, struct str text, struct admission_rule *ret_rule,
		     struct error *err) MUST_USE;

/* ---- states ------------------------------------------------------------------------------------------------------ */

struct knowledge_options {
	const struct definitions *definitions;
	const struct canonicals *canonicals; /* must outlive the knowledge; NULL: what the program carries */
	struct store *store; /* NULL: nothing from a store */
	/* Adds releases such as SNOMED CT to each terminology that is made; NULL: none. */
	bool (*equip)(void *ctx, struct terminology *t, struct error *err);
	void *ctx;
	const struct admission_rule *rules; /* must outlive it */
	size_t rule_count;
};
struct knowledge;
struct knowledge *knowledge_open(const struct knowledge_options *options, struct error *err) MUST_USE;
void knowledge_close(struct knowledge *k);

struct knowledge_state {
	struct canonicals *canonicals;
	struct terminology *terminology;
	struct validator *validator;
	struct str canonical; /* of a state made by knowledge_extend(): what finds the added resource */
};
/* The state as the store is now, or was at most max_age_ms ago. NULL with an error: ERR_TOO_COSTLY when the store holds
 * more such resources than fit. */
const struct knowledge_state *knowledge_enter(struct knowledge *k, unsigned max_age_ms, struct error *err) MUST_USE;
void knowledge_leave(struct knowledge *k, const struct knowledge_state *state);

/* A state of one's own with one more canonical resource, such as a value set that came with a request; it wins over all
 * others of its url, and gets a url when it has none. Made from a state that is held as long; ended with
 * knowledge_discard(). */
struct knowledge_state *knowledge_extend(struct knowledge *k, const struct knowledge_state *state,
					 const struct json *resource, struct error *err) MUST_USE;
void knowledge_discard(struct knowledge_state *state);

/* What searches ask for :in, :not-in, :above and :below. */
struct search_terminology knowledge_search_terminology(struct knowledge *k);

/* ---- admission ----------------------------------------------------------------------------------------------------
 */

enum admission_level knowledge_level(const struct knowledge *k, const struct fhir_type *type);
/* Holds the resource against the rule of its type, from ADMISSION_PROFILES on; others have nothing to say here.
 * ERR_NONCONFORMANT when there are errors; findings tells all, warnings too. Stored profiles may lag a second behind.
 */
bool knowledge_admit(struct knowledge *k, struct arena *a, const struct fhir_type *type, const struct json *resource,
		     struct issues *findings, struct error *err) MUST_USE;
/* Are all profiles that the rules name at hand? ERR_CONFIG names the first that is not. */
bool knowledge_check_rules(struct knowledge *k, struct error *err) MUST_USE;

#endif
