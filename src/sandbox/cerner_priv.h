/* Cerner's refusals and searches. Private to the Cerner face. */
#ifndef FIRTH_SANDBOX_CERNER_PRIV_H
#define FIRTH_SANDBOX_CERNER_PRIV_H

#include "sandbox/face_priv.h"

/* An OperationOutcome with one error and nothing but a text. */
void cerner_refuse(struct rest_answer *answer, int status, const char *issue, struct str text);
/* Answers a POST of a Bundle to the base; false: it is none, or its token is not good. */
bool cerner_batch(struct sandbox *s, struct http_exchange *x, enum face_host host);
/* Answers the operations on ChargeItem; false: it is none of them, or the caller may not. */
bool cerner_charge(struct sandbox *s, struct http_exchange *x, enum face_host host);
/* What the type's rules say of a body; false after a refusal. And the body without what is not supported there
 * (behaviour unsupported-field), itself when nothing is. */
bool cerner_check(struct sandbox *s, struct rest_call *call, const struct json *resource, struct rest_answer *answer);
const struct json *cerner_supported(struct rest_call *call, const struct json *resource);
/* struct rest_face.write, .patch */
bool cerner_write(void *ctx, struct rest_call *call, const struct json *resource, struct str *ret_body,
		  struct rest_answer *answer);
bool cerner_patch(void *ctx, struct rest_call *call, const struct json *patch, struct rest_answer *answer);
/* A whole search that fails for one resource: 500 fatal/required with the place. */
void cerner_bad_resource(struct rest_answer *answer, struct str type);
/* A change says of which version it is; false after a refusal. */
bool cerner_names_version(struct sandbox *s, struct rest_call *call, struct rest_answer *answer);
/* A patch that comes as a POST, with _method=patch or X-HTTP-Method-Override; false: it is none. */
bool cerner_override(struct sandbox *s, struct http_exchange *x, enum face_host host);
/* Of a half of a blood pressure the panel that it is shown as (behaviour blood-pressure), otherwise the resource
 * itself. *ret_joined: the panel that it joins and that is to go; STR_NULL: none. */
const struct json *cerner_pressure(struct sandbox *s, struct rest_call *call, const struct json *resource,
				   struct str *ret_joined);
/* Panels have a version of both halves: "1-1", "1-"; others keep theirs. Also in an ETag that is there, and in an
 * If-Match, with which the request is asked again as it is kept; false: it has none. */
struct str cerner_pressure_version(struct arena *a, struct str id, struct str version);
void cerner_pressure_etag(struct rest_call *call, struct rest_answer *answer, struct str id);
bool cerner_pressure_guarded(struct sandbox *s, struct http_exchange *x, enum face_host host);
/* struct rest_face.page, .search, .searchset */
bool cerner_page(void *ctx, struct rest_call *call, struct str *ret_position, struct rest_answer *answer);
bool cerner_search(void *ctx, struct rest_call *call, struct rest_answer *answer);
bool cerner_searchset(void *ctx, struct rest_call *call, const struct search_query *query,
		      const struct store_page *page, struct rest_answer *answer, struct error *err);

#endif
