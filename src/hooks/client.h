/*
 * What a client of CDS services writes: draft orders, feedback on cards ("Feedback"), and the claims of the token by
 * which a service knows it ("Trusting CDS Clients"). And finding services in a discovery document. Pure.
 */
#ifndef FIRTH_HOOKS_CLIENT_H
#define FIRTH_HOOKS_CLIENT_H

#include "base/arena.h"
#include "json/json.h"

/* What became of a card. */
struct hook_outcome {
	struct str card; /* its uuid */
	const struct str *accepted; /* uuids of suggestions */
	size_t accepted_count; /* 0: the card was overridden */
	const struct json *reason; /* one of its overrideReasons, as it was; NULL: none was given */
	struct str comment; /* STR_NULL: none */
	int64_t at_ms;
};
/* {"feedback":[...]} */
void hook_feedback_write(struct buf *out, const struct hook_outcome *outcomes, size_t count);

/* An order of a drug that somebody is about to give: a MedicationRequest, or one of a record made into a draft. */
struct hook_draft {
	struct str id; /* without type */
	struct str patient; /* "Patient/12" */
	struct str requester, encounter; /* references; STR_NULL: none */
	struct str system, code, display; /* code STR_NULL: none, then text says what it is */
	struct str text;
	struct str dosage; /* words; STR_NULL: none */
	const char *status; /* "draft" */
};
void hook_draft_write(struct json_writer *w, const struct hook_draft *draft);
/* The resource as a draft with this id: what belongs to the record alone (meta, narrative, identifiers) is left out. */
void hook_draft_copy(struct json_writer *w, const struct json *order, struct str id);

struct hook_claims {
	struct str issuer, audience, subject; /* subject STR_NULL: none */
	int64_t issued_s, expires_s;
	int64_t not_before_s; /* 0: none */
	struct str id; /* jti */
};
void hook_claims_write(struct buf *out, const struct hook_claims *claims);

/* A URL that may be of a service, of its discovery, or of the base of both. */
struct hook_address {
	struct str base; /* without a slash at the end */
	struct str service; /* STR_NULL: none is named */
};
struct hook_address hook_address(struct str url);
/* The service of a discovery document with this id and for this hook, each of which may be STR_NULL. NULL: there is
 * none, or, with neither given, more than one. */
const struct json *hook_service_find(const struct json *discovery, struct str id, struct str hook);

#endif
