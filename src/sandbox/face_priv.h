/*
 * Inside the sandbox room: what both faces share. A face is a table of resource types (what exists, what a search
 * needs, page sizes) and a set of functions for struct rest_face. Where a behaviour is known from stands in
 * docs/sandbox.md.
 */
#ifndef FIRTH_SANDBOX_FACE_PRIV_H
#define FIRTH_SANDBOX_FACE_PRIV_H

#include <stdatomic.h>
#include <pthread.h>

#include "sandbox/adapt_priv.h"
#include "sandbox/launcher.h"
#include "sandbox/sandbox.h"

/* ---- tables ----------------------------------------------------------------------------------------------------- */

/* How a search is refused that lacks what it needs. code is the vendor's own, or NULL. */
struct face_refusal {
	int status;
	const char *issue, *code;
};

struct face_type {
	const char *name;
	const char *interactions; /* letters: c create, r read, s search, u update, p patch, d delete */
	/* Alternatives, one of which a search must have: "patient+category|patient+code|_id". */
	const char *needs;
	const char *params; /* what a search may have, separated by spaces */
	unsigned page, page_max; /* 0: everything on one page */
	struct face_refusal missing; /* nothing of what is needed */
	struct face_refusal incomplete; /* a part of it; status 0: as missing */
};

/* Where the two vendors differ in whole; the functions are in epic.c and cerner.c. */
struct face_vendor {
	const char *name;
	const char *base_path;
	const char *token_paths[2];
	const char *authorize_paths[2]; /* where apps send people */
	const char *issuer_path; /* of the issuer that discovery names */
	const char *keys_path;
	const char *people_title; /* on the sign-in pages */
	const struct face_type *types; /* ends with name NULL */
	struct face_type opened; /* a type that the vendor does not have and the site opened */
	unsigned token_lifetime_s;
	void (*persona)(struct sandbox *s); /* fills s->persona */
	void (*app_refused)(void *ctx, struct arena *a, const struct smart_request *asked, const char *error,
			    const struct error *refusal, struct str *ret_url, struct str *ret_page);
	struct rest_face face; /* ctx is filled in */
	void (*no_route)(struct http_exchange *x);
	/* why: which check it was, by its reason. */
	void (*token_refused)(struct sandbox *s, struct http_exchange *x, const struct smart_token_answer *answer,
			      const struct error *why, struct buf *body);
	bool needs_scope; /* a token request without explicit scopes is refused */
};
extern const struct face_vendor face_epic, face_cerner;
extern const struct face_type epic_types[], cerner_types[];

/* ---- the sandbox ------------------------------------------------------------------------------------------------ */

#define FACE_SESSIONS 512
struct face_session {
	char key[40];
	struct str query, position; /* malloc'ed */
	int64_t expires_ms;
};

enum fault_name {
#define FAULT(id, ...) FAULT_##id,
#include "sandbox/faults.def"
#undef FAULT
	FAULT_COUNT
};
struct fault {
	atomic_bool on; /* read without the lock */
	int64_t left; /* answers; -1: all */
	_Atomic int64_t number;
};
enum behaviour_name {
#define BEHAVIOUR(id, ...) BEHAVIOUR_##id,
#include "sandbox/behaviours.def"
#undef BEHAVIOUR
	BEHAVIOUR_COUNT
};

/* Cerner's virtual hosts; Epic has the first alone. */
enum face_host { HOST_PROVIDER, HOST_OPEN, HOST_PATIENT, FACE_HOSTS };

struct sandbox {
	struct arena arena;
	struct sandbox_options o;
	const struct face_vendor *vendor;
	struct rest_face face[FACE_HOSTS];
	struct rest_server *rest[FACE_HOSTS];
	struct rest_server *inside; /* without tokens, for what the sandbox itself asks */
	struct smart *smart;
	struct smart_persona persona;
	struct access *access; /* of filters in scopes */
	struct login *login; /* NULL: no authorization */
	struct launcher *launcher;
	struct sandbox_bulk *bulk;
	struct str fhir_base, token_url, issuer;
	struct str everything, everything_of_people; /* scopes of all that the site does */
	struct str capability[FACE_HOSTS], smart_configuration[FACE_HOSTS];
	struct str behaviours[BEHAVIOUR_COUNT]; /* STR_NULL: not this vendor's */
	pthread_mutex_t lock; /* over everything below */
	struct face_session *sessions;
	size_t session_next;
	struct fault faults[FAULT_COUNT];
	int64_t since_token; /* requests with a token since one was granted */
	int64_t rate_second, rate_count;
	struct str last_entry; /* type and entry, malloc'ed */
	size_t last_entry_type; /* bytes of it that are the type */
	struct jose_key *hooks_key; /* of calls to CDS services; NULL until the first */
	struct jose_key *token_key; /* of Cerner's access tokens; the same */
	struct order_desk *desk; /* orders that are being entered; NULL until the first */
	unsigned works; /* under way on threads of their own */
	pthread_cond_t idle;
};

/* The row of a type, opened ones included; NULL when this site does not know it. */
const struct face_type *face_type(const struct sandbox *s, struct str name);
bool face_opened(const struct sandbox *s, struct str name);
/* Does the site do this to resources of the type? letter as in face_type.interactions. */
bool face_may(const struct sandbox *s, struct str type, char letter);
char face_letter(enum rest_interaction i); /* 0 for what neither vendor has */

/* ---- queries ---------------------------------------------------------------------------------------------------- */

struct face_param {
	struct str name; /* without modifier and chain */
	struct str pair; /* as sent */
	struct str value; /* as sent */
};
/* Walks "a=1&b=2"; empty pairs are skipped. */
bool face_param_next(struct str *rest, struct face_param *ret_param);
bool face_has(struct str query, struct str name); /* with a value that is not empty */
size_t face_count(struct str query, struct str name);
struct str face_value(struct str query, struct str name); /* STR_NULL when absent */
/* A value of a form or query, as sent, without its escapes; STR_NULL when it is none, or does not decode. */
struct str face_decoded(struct arena *a, struct str sent);
bool face_listed(const char *list, struct str name); /* list separated by spaces */
bool face_needs_met(const char *needs, struct str query);
/* Is any parameter that the needs name there? */
bool face_needs_touched(const char *needs, struct str query);
/* The query as the client sent it, of GET or POST _search. */
struct str face_query(const struct rest_call *call);
/* What a query gets in front that must not find what was entered in error. */
const char *face_without_errors(const struct fhir_type *type);
/* Type URL below the FHIR base. */
struct str face_url(const struct sandbox *s, struct arena *a, struct str type, struct str id);

/* ---- answers ---------------------------------------------------------------------------------------------------- */

/* Forgets headers and body that are there. */
void face_clear(struct rest_answer *answer);
struct str face_header_of(const struct rest_answer *answer, const char *name);
/* Into whom a patient was merged, "Patient/ID"; STR_NULL: into nobody. */
struct str face_survivor(struct arena *a, const struct store_entry *entry);
/* What a query of patients gets in front that must not find those. */
#define FACE_NOT_MERGED "link:missing=true&"
/* A Bundle.entry's beginning: fullUrl and resource, without the closing brace. */
bool face_entry(struct rest_call *call, const struct sandbox *s, struct json_writer *w, const struct store_entry *e,
		struct error *err) MUST_USE;
/* Stores a resource as it is, beside what a client asked for. */
bool face_store(struct sandbox *s, struct arena *a, struct str type, struct str id, struct str text,
		struct error *err) MUST_USE;
/* Deletes one, for who did it and why in the audit trail. ERR_NOT_FOUND when it is not there. */
bool face_remove(struct sandbox *s, struct arena *a, struct str type, struct str id, struct str agent, struct str why,
		 struct error *err) MUST_USE;
/* The resource of a write in the vendor's own form; what it leads to is stored. */
bool face_rewrite(struct sandbox *s, struct rest_call *call, const struct json *resource, struct str *ret_body,
		  struct error *err) MUST_USE;
/* The bytes of a Binary instead of the resource, when its media type is asked for, or any that is not FHIR's. */
bool face_binary(struct rest_call *call, const struct store_entry *entry, bool any, struct rest_answer *answer);
/* The error as the vendor tells it. Always false. */
bool face_fail(struct sandbox *s, struct rest_call *call, const struct error *err, struct rest_answer *answer);
/* The same request once more in another way: a method (then without query) or an Authorization of its own; STR_NULL: as
 * it came. False when it could not be made. */
struct face_other {
	struct str method, authorization, if_match;
};
bool face_again(struct sandbox *s, struct http_exchange *x, enum face_host host, const struct face_other *other);
/* Does the resource exist? False with answer filled by face_fail(). */
bool face_exists(struct sandbox *s, struct rest_call *call, struct rest_answer *answer);

/* ---- paging sessions -------------------------------------------------------------------------------------------- */

/* Keeps a position under a new key; STR_NULL without memory. */
struct str face_session_put(struct sandbox *s, struct arena *a, struct str query, struct str position);
/* False when the key is unknown or its time is over. A key may be used again: clients repeat requests. */
bool face_session_get(struct sandbox *s, struct arena *a, struct str key, struct str *ret_query,
		      struct str *ret_position);
void face_sessions_free(struct sandbox *s);

/* ---- hosts.c ----------------------------------------------------------------------------------------------------- */

/* How many the vendor has, from the first on: Epic one. */
enum face_host hosts_count(const struct sandbox *s);
/* Does the host do this to resources of the type, if the site does? */
bool hosts_may(enum face_host host, struct str type, char letter);
void hosts_face(struct sandbox *s, enum face_host host, struct rest_face *ret_face);
/* Whose FHIR base a URL is; FACE_HOSTS: of none. */
enum face_host hosts_of_base(const struct sandbox *s, struct str url);
/* Answers what a host other than the first is asked, and what all of them refuse. */
bool hosts_handle(struct sandbox *s, struct http_exchange *x);
void sandbox_serve(struct sandbox *s, struct http_exchange *x, enum face_host host);

/* ---- people.c --------------------------------------------------------------------------------------------------- */

bool people_open(struct sandbox *s, struct error *err) MUST_USE;
void people_close(struct sandbox *s);
bool people_handle(struct sandbox *s, struct http_exchange *x);

/* ---- documents.c, token.c --------------------------------------------------------------------------------------- */

bool face_documents(struct sandbox *s, struct error *err) MUST_USE;
bool face_capability(void *ctx, struct rest_call *call, struct rest_answer *answer);
bool face_smart_configuration(void *ctx, struct rest_call *call, struct rest_answer *answer);
/* Answers when the path is that of the token endpoint. */
bool face_token(struct sandbox *s, struct http_exchange *x);

#endif
