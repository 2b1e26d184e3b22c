/* Epic's OperationOutcomes. Private to the Epic face. */
#ifndef FIRTH_SANDBOX_EPIC_PRIV_H
#define FIRTH_SANDBOX_EPIC_PRIV_H

#include "sandbox/face_priv.h"

struct epic_issue {
	const char *severity, *issue, *code;
	struct str diagnostics; /* STR_NULL: none */
	const char *location; /* "id" gives "/f:id" and "id"; NULL: none */
};
/* {"resourceType":"OperationOutcome","issue":[...]} */
void epic_outcome(struct json_writer *w, const struct epic_issue *issues, size_t count);
/* The whole answer of a refusal. */
void epic_refuse(struct rest_answer *answer, int status, const struct epic_issue *issues, size_t count);
/* The page of the web server, for whatever never reaches the FHIR layer. */
void epic_html_not_found(struct buf *out);
/* struct rest_face.write */
bool epic_write(void *ctx, struct rest_call *call, const struct json *resource, struct str *ret_body,
		struct rest_answer *answer);
/* What a search left out for want of registration, as issues; how many. */
size_t epic_suppressed(struct rest_call *call, struct str query, struct epic_issue *issues, size_t max);
/* struct rest_face.error */
void epic_error(void *ctx, struct rest_call *call, const struct error *err, struct rest_answer *answer);
/* Is it a parameter that is looked at after a page was fetched? */
bool epic_is_filter(const struct sandbox *s, const struct fhir_type *type, const struct face_type *row,
		    struct str name);
/* The page without what the filters of the query leave out. */
bool epic_filter(const struct sandbox *s, struct rest_call *call, struct str query, const struct store_page *page,
		 struct store_page *ret_page, struct error *err) MUST_USE;
/* struct rest_face.page, .search, .searchset */
bool epic_page(void *ctx, struct rest_call *call, struct str *ret_position, struct rest_answer *answer);
bool epic_search(void *ctx, struct rest_call *call, struct rest_answer *answer);
bool epic_searchset(void *ctx, struct rest_call *call, const struct search_query *query, const struct store_page *page,
		    struct rest_answer *answer, struct error *err);

#endif
