/*
 * Scopes (SMART App Launch 2.2, "Scopes and launch context") of both grammars, v1 "patient/Observation.read" and v2
 * "patient/Observation.rs?category=laboratory", and what an access token allows. Pure; any thread.
 */
#ifndef FIRTH_SERVER_SMART_SCOPE_H
#define FIRTH_SERVER_SMART_SCOPE_H

#include "base/arena.h"
#include "base/error.h"
#include "fhir/definitions.h"
#include "server/decision/decision.h"

enum { MAX_SCOPES = 512 };

/* What a scope permits, SMART v2 letters; v1 .read is r and s, .write is c, u and d. */
enum scope_permission { SCOPE_C = 1, SCOPE_R = 2, SCOPE_U = 4, SCOPE_D = 8, SCOPE_S = 16 };
#define SCOPE_ALL ((unsigned)(SCOPE_C | SCOPE_R | SCOPE_U | SCOPE_D | SCOPE_S))

/* A resource scope. */
struct scope {
	struct str text; /* as requested */
	struct str context; /* "system", "user", "patient" */
	struct str type; /* "Patient" or "*" */
	unsigned permissions;
	struct str filter; /* after '?', STR_NULL when none: narrows to resources that this search finds */
};
/* False for anything that is no resource scope of either grammar. Whether the filter is a search of the type is not
 * looked at here: smart_options.filter decides when a scope is granted. */
bool scope_parse(const struct definitions *d, struct str text, struct scope *ret_scope);

/* Scopes that are one word: who the user is, what was launched, how long it may last. */
enum scope_word {
	SCOPE_OPENID = 1,
	SCOPE_FHIR_USER = 2,
	SCOPE_PROFILE = 4,
	SCOPE_LAUNCH = 8,
	SCOPE_LAUNCH_PATIENT = 16,
	SCOPE_LAUNCH_ENCOUNTER = 32,
	SCOPE_ONLINE_ACCESS = 64,
	SCOPE_OFFLINE_ACCESS = 128
};
/* 0: it is none of them. */
unsigned scope_word_parse(struct str text);
const char *scope_word_text(enum scope_word word);

/* A list of scopes, taken apart. Everything lies in the arena, text too. */
struct scope_list {
	struct str text; /* space separated, without what is no scope */
	struct scope *scopes; /* resource scopes, in the order of the text */
	size_t count;
	unsigned words; /* of enum scope_word */
};
/* Words that are no scopes are passed over, and counted in *ret_ignored (may be NULL). ERR_INVALID_SCOPE past
 * MAX_SCOPES. */
bool scope_list_read(struct arena *a, const struct definitions *d, struct str text, struct scope_list *ret_list,
		     size_t *ret_ignored, struct error *err) MUST_USE;
/* What of the asked scopes the others allow: for resource scopes what both permit, with both filters when both have
 * one. contexts limits it to "system", or to "user" and "patient". */
enum scope_contexts { SCOPES_OF_SYSTEM = 1, SCOPES_OF_PEOPLE = 2 };
bool scope_list_common(struct arena *a, const struct scope_list *asked, const struct scope_list *allowed,
		       enum scope_contexts contexts, struct scope_list *ret_list, struct error *err) MUST_USE;

/* What an access token allows, and whose it is. Text is STR_NULL where there is none. */
struct grant {
	struct str id; /* of the authorization: its tokens and refresh tokens share it */
	struct str client_id;
	struct str user; /* name of the user; STR_NULL: a backend service */
	struct str fhir_user; /* "Practitioner/7" */
	struct str roles; /* of the user, space separated */
	struct str patient, encounter; /* ids of the launch context */
	struct str scope_text; /* as granted, space separated */
	struct scope *scopes; /* its resource scopes */
	size_t scope_count;
	unsigned words; /* of enum scope_word */
	int64_t issued_ms, expires_ms; /* of the access token */
};

#endif
