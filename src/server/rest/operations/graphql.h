/*
 * GraphQL documents (https://spec.graphql.org/, the executable part that reads): parsed into a tree in an arena. The
 * parser knows nothing of FHIR and is pure; graphql_run.c gives it meaning.
 */
#ifndef FIRTH_SERVER_REST_OPERATIONS_GRAPHQL_H
#define FIRTH_SERVER_REST_OPERATIONS_GRAPHQL_H

#include "base/arena.h"
#include "base/error.h"

enum { GRAPHQL_MAX_TEXT = 65536, GRAPHQL_MAX_DEPTH = 32 };

enum graphql_kind {
	GRAPHQL_NULL,
	GRAPHQL_BOOLEAN,
	GRAPHQL_NUMBER,
	GRAPHQL_STRING,
	GRAPHQL_ENUM,
	GRAPHQL_VARIABLE,
	GRAPHQL_LIST,
	GRAPHQL_OBJECT
};
struct graphql_value {
	enum graphql_kind kind;
	struct str text; /* of what is no list or object; names of variables without $ */
	struct graphql_value *items; /* of lists; of objects too, without the names of members */
	struct graphql_value *next;
};
struct graphql_argument {
	struct str name;
	struct graphql_value value;
	struct graphql_argument *next;
};
struct graphql_directive {
	struct str name;
	struct graphql_argument *arguments;
	struct graphql_directive *next;
};

enum graphql_selection_kind { GRAPHQL_FIELD, GRAPHQL_SPREAD, GRAPHQL_INLINE };
struct graphql_selection {
	enum graphql_selection_kind kind;
	struct str alias; /* the key in the answer: the name when there is none */
	struct str name; /* of the field or fragment; the type of an inline fragment, STR_NULL for any */
	struct graphql_argument *arguments;
	struct graphql_directive *directives;
	struct graphql_selection *selections; /* NULL: none were written */
	size_t line, column;
	struct graphql_selection *next;
};
struct graphql_variable {
	struct str name;
	bool required; /* its type ends with ! */
	struct graphql_value *otherwise; /* NULL: none */
	struct graphql_variable *next;
};
struct graphql_operation {
	struct str name; /* STR_NULL: none */
	struct graphql_variable *variables;
	struct graphql_selection *selections;
	struct graphql_operation *next;
};
struct graphql_fragment {
	struct str name, type;
	struct graphql_selection *selections;
	struct graphql_fragment *next;
};
struct graphql_document {
	struct graphql_operation *operations;
	struct graphql_fragment *fragments;
};

/* ERR_VALUE with line and column; ERR_LIMIT past the limits; ERR_NOT_SUPPORTED for mutations and subscriptions. */
bool graphql_parse(struct arena *a, struct str text, struct graphql_document *ret_document, struct error *err) MUST_USE;

#endif
