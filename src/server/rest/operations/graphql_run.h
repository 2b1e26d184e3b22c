/*
 * Running GraphQL queries over resources (http://hl7.org/fhir/R4/graphql.html). The answer is built as a tree of
 * objects, since @flatten moves fields into the object around them, and written when it is whole.
 */
#ifndef FIRTH_SERVER_REST_OPERATIONS_GRAPHQL_RUN_H
#define FIRTH_SERVER_REST_OPERATIONS_GRAPHQL_RUN_H

#include "fhirpath/fhirpath.h"
#include "server/rest/operations/graphql.h"
#include "server/rest/operations/operations.h"

enum { GRAPHQL_MAX_RESOURCES = 1000, GRAPHQL_MAX_FIELDS = 200000, GRAPHQL_MAX_SECONDS = 10 };

struct graphql_object;
enum graphql_out_kind { OUT_JSON, OUT_TEXT, OUT_NUMBER, OUT_OBJECT };
struct graphql_out {
	enum graphql_out_kind kind;
	const struct json *json;
	struct str text;
	int64_t number;
	struct graphql_object *object;
	struct graphql_out *next;
};
struct graphql_out_field {
	struct str key;
	bool list;
	struct graphql_out *first, *last; /* none of a single one: null */
	struct graphql_out_field *next;
};
struct graphql_object {
	struct graphql_out_field *first, *last;
};

struct graphql_run {
	struct operation_call *op;
	struct arena *arena;
	const struct definitions *definitions;
	struct graphql_document document;
	const struct graphql_operation *operation;
	const struct json *variables; /* as they came, or NULL */
	size_t resources, fields, depth;
	uint64_t deadline_ns;
	struct error *err;
};

/* What a selection set is asked of. */
struct graphql_focus {
	const struct fhir_type *type; /* NULL: the system */
	const struct json *value;
	const struct json *resource; /* the one around it; NULL at the system */
	struct str suffix; /* @slice: put behind the keys of flattened fields; STR_NULL: nothing */
	bool lists; /* inside @flatten: there may be several of each field */
};

/* All fields of the selections into the object. False with run->err set, with the place of the field. */
bool graphql_select(struct graphql_run *run, const struct graphql_focus *focus,
		    const struct graphql_selection *selections, struct graphql_object *out) MUST_USE;
void graphql_write(struct json_writer *w, const struct graphql_object *object);

/* An error at a selection; always false. */
bool graphql_fail(struct graphql_run *run, const struct graphql_selection *s, enum error_code code, const char *format,
		  ...) __attribute__((format(printf, 4, 5)));
/* An argument by name, NULL when it is not there, with variables put in: the text of a scalar. */
const struct graphql_argument *graphql_argument(const struct graphql_argument *list, const char *name);
bool graphql_text(struct graphql_run *run, const struct graphql_selection *s, const struct graphql_value *value,
		  struct str *ret_text) MUST_USE;
/* Adds to a field of the object, which is made when it is new. */
bool graphql_put(struct graphql_run *run, struct graphql_object *object, struct str key, bool list,
		 const struct graphql_out *value) MUST_USE;

/* XxxList and XxxConnection, at the system or in a resource that others refer to. *ret_known: it is such a field. */
bool graphql_search_field(struct graphql_run *run, const struct graphql_focus *focus, const struct graphql_selection *s,
			  struct graphql_object *out, bool *ret_known) MUST_USE;
/* A resource of the store that the caller may read; *ret_resource NULL when there is none. */
bool graphql_load(struct graphql_run *run, const struct graphql_selection *s, const struct fhir_type *type,
		  struct str id, const struct json **ret_resource) MUST_USE;

#endif
