/* What the files of the room share: how a pass is made. */
#ifndef FIRTH_SERVER_ACCESS_ACCESS_PRIV_H
#define FIRTH_SERVER_ACCESS_ACCESS_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "server/access/access.h"

enum { PERMISSIONS = 5, SLOT_INCLUDED = PERMISSIONS, SLOTS };

struct access {
	struct access_options o;
	struct arena arena;
	const struct fhir_type *patient;
	const struct fhir_type *consent;
	struct policy *policy;
	pthread_mutex_t consents_lock; /* over the pointer that follows */
	struct consents *consents;
	uint16_t *places; /* of a type's id: its place among resource types */
	size_t type_count;
	struct pass_cache *cache;
};

struct access_pass {
	struct access *access;
	atomic_uint users;
	struct arena arena;
	pthread_mutex_t lock; /* over compiling */
	struct str key; /* all that makes it different from others */
	struct grant grant; /* a copy */
	bool broken; /* the glass is */
	struct consents *consents; /* NULL: none are followed */
	const bool *holds; /* of each rule of the policy: is it about this grant */
	const struct mask *masks;
	size_t mask_count;
	struct search_access search;
	_Atomic(const struct criterion *) *slots; /* SLOTS for each resource type; NULL: not compiled yet */
};

/* Criteria without children, to be compared by their address. */
extern const struct criterion access_all, access_nothing;
/* Of Binary, which has nothing to be searched by: a search finds none, and a judge looks at its securityContext. */
extern const struct criterion access_by_context;

/* compile.c: for a slot; &access_all or &access_nothing for these. NULL without memory. */
const struct criterion *compile_slot(struct access_pass *pass, const struct fhir_type *type, unsigned slot);
/* What a scope gives by itself, before its filter and the policy. Takes the pass's lock. */
const struct criterion *access_scope_criterion(struct access_pass *pass, const struct scope *scope,
					       const struct fhir_type *type, unsigned permission);
/* The same in the arena of a pass that one thread has to itself. */
const struct criterion *compile_scope(struct access_pass *pass, const struct scope *scope, const struct fhir_type *type,
				      unsigned permission);
/* Joined in the pass's arena; NULL arguments count as no memory. */
const struct criterion *criterion_both(struct access_pass *pass, const struct criterion *a, const struct criterion *b);
const struct criterion *criterion_either(struct access_pass *pass, const struct criterion *a,
					 const struct criterion *b);
/* The text as a search of the type, &access_nothing when it is none. */
const struct criterion *compile_query(struct access_pass *pass, const struct fhir_type *type, struct str query);

/* compartment.c: what of the type a patient's own token sees, or may write. */
const struct criterion *compile_patient(struct access_pass *pass, const struct fhir_type *type, struct str id,
					bool writing);
/* The same of several patients, whatever the type is to their own tokens: all that is theirs. */
const struct criterion *compile_patients(struct access_pass *pass, const struct fhir_type *type, const struct str *ids,
					 size_t count);
const struct criterion *criterion_without(struct access_pass *pass, const struct criterion *c,
					  const struct criterion *denied);

/* ---- consent.c ------------------------------------------------------------------------------------------------------
 */

/* The Consents as they are now, with a user more; NULL with an error. */
struct consents;
struct consents *consents_now(struct access *access, struct error *err) MUST_USE;
void consents_leave(struct consents *c);
/* What makes passes of one state differ from those of another. */
void consents_stamp(const struct consents *c, int64_t ret_stamp[2]);
/* What of the type is denied to the grant. */
const struct criterion *consent_denied(struct access_pass *pass, const struct fhir_type *type, unsigned permission);

/* ---- policy.c -------------------------------------------------------------------------------------------------------
 */

struct mask {
	const struct fhir_type *type;
	struct str element; /* as in the definitions: "value" for value[x] */
};
/* Reads and checks the rules. */
bool policy_open(struct access *access, struct error *err) MUST_USE;
/* Which rules and masks a pass has. */
bool policy_enter(struct access_pass *pass) MUST_USE;
/* What the policy leaves of the type to a scope of the context. */
/* The same grant with an arena of its own, whose criteria live as long as that: for questions that no request waits
 * for. Ends with arena_done(&own->arena). */
void pass_apart(const struct access_pass *pass, struct access_pass *own);
/* Which rule it is by: the first that denies what is_meant() says yes to, in the words of an operator. STR_NULL without
 * memory. */
struct str policy_blame(struct access_pass *pass, struct str context, const struct fhir_type *type, unsigned permission,
			bool (*is_meant)(const void *arg, const struct criterion *matter), const void *arg);
const struct criterion *policy_criterion(struct access_pass *pass, struct str context, const struct fhir_type *type,
					 unsigned permission);
/* The context of a scope to the policy: what a patient does by user/ scopes is about the own compartment as well. */
struct str context_of_scope(const struct grant *g, const struct scope *scope);
bool policy_list_has(struct str list, struct str word);

/* cache.c */
struct pass_cache *pass_cache_new(void);
void pass_cache_free(struct pass_cache *cache);
/* With a user more; NULL: not there. */
struct access_pass *pass_cache_find(struct pass_cache *cache, struct str key);
void pass_cache_put(struct pass_cache *cache, struct access_pass *pass);

/* access.c: is the filter of a type one? *ret_query belongs to a. */
bool access_parse(const struct access *access, struct arena *a, const struct fhir_type *type, struct str query,
		  struct search_query *ret_query, struct error *err) MUST_USE;

#endif
