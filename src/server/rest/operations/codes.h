/* What the operations on codes share: the terminology they ask, and the codes they are asked about. */
#ifndef FIRTH_SERVER_REST_OPERATIONS_CODES_H
#define FIRTH_SERVER_REST_OPERATIONS_CODES_H

#include "server/rest/operations/operations.h"

/* The knowledge that one call asks, and the canonical that it asks about: the stored resource of the URL, one that came
 * with the request, or one named by url and version. */
struct code_source {
	const struct knowledge_state *shared;
	struct knowledge_state *own; /* with a resource that is not among the shared, or NULL */
	struct terminology *terminology;
	struct str canonical; /* STR_NULL when nothing names one */
};
/* resource, url, version: names of the parameters; version may be NULL. */
bool code_source_open(struct operation_call *op, const char *resource, const char *url, const char *version,
		      struct code_source *ret_source, struct error *err) MUST_USE;
void code_source_close(struct operation_call *op, struct code_source *source);

/* The codes of `code` (with system and the others), `coding`, or `codeableConcept`: exactly one of them is needed.
 * Names of parameters for the parts of a lone code; NULL where there is none. */
struct code_names {
	const char *code, *system, *version, *display, *coding, *concept;
};
bool codes_read(struct operation_call *op, const struct code_names *names, struct coding **ret_codes, size_t *ret_count,
		struct error *err) MUST_USE;
struct coding coding_read(const struct json *coding);

/* Writes the answer of $validate-code on one or more codings: true when one of them is valid. value_set STR_NULL: by
 * their own systems. */
void codes_judge(struct operation_call *op, const struct code_source *source, struct str value_set,
		 const struct coding *codes, size_t count, struct buf *out);

#endif
