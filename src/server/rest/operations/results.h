/* Bundles that operations answer with: what the caller's token may not read is left out, and pages are one walk. */
#ifndef FIRTH_SERVER_REST_OPERATIONS_RESULTS_H
#define FIRTH_SERVER_REST_OPERATIONS_RESULTS_H

#include "server/rest/operations/operations.h"

/* A list of found resources that grows in the arena of the call. ERR_LIMIT past max. */
struct results {
	struct store_entry *entries;
	size_t count, capacity, max;
};
bool results_add(struct operation_call *op, struct results *r, const struct store_entry *entry,
		 struct error *err) MUST_USE;
/* May the caller see resources of this type? */
bool results_allowed(const struct operation_call *op, const struct fhir_type *type);

/* A searchset of them. Links to this page and, unless STR_NULL, to the next: by _cursor, in front of which the self
 * link has the parameters of `self`. total below 0: none. */
struct results_page {
	struct str self, cursor; /* encoded parameters; the cursor of this page or STR_NULL */
	struct str next; /* the position after it, not yet signed, or STR_NULL */
	int64_t total;
};
bool results_write(struct operation_call *op, const struct results *r, const struct results_page *page, struct buf *out,
		   struct error *err) MUST_USE;

/* "name=value" with the value encoded, after an & where text is not empty. */
void results_put_param(struct buf *out, const char *name, struct str value);
/* The inputs as a query again, without _cursor: for links and their signatures. */
struct str results_self(struct operation_call *op);

#endif
