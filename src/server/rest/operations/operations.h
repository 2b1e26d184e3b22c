/*
 * Operations ([base]/$name, [base]/Type/$name, [base]/Type/id/$name; http://hl7.org/fhir/R4/operations.html): one table
 * (operations.def) gives routes, capability statement, needed scopes, audit and handlers, and one file holds each
 * operation. Parameters come as a query or as a Parameters resource, and are checked against the operation's own table
 * before its handler runs: handlers see only parameters they know, of the right type, as often as allowed.
 */
#ifndef FIRTH_SERVER_REST_OPERATIONS_OPERATIONS_H
#define FIRTH_SERVER_REST_OPERATIONS_OPERATIONS_H

#include "server/knowledge/knowledge.h"
#include "server/rest/rest_priv.h"

enum operation_level { AT_SYSTEM = 1, AT_TYPE = 2, AT_INSTANCE = 4 };

enum operation_param_kind {
	IN_TEXT, /* any primitive: its text */
	IN_FLAG, /* true or false */
	IN_COUNT, /* a whole number from 0 */
	IN_TIME, /* a date, dateTime or instant */
	IN_CODING,
	IN_CONCEPT, /* CodeableConcept */
	IN_META,
	IN_REFERENCE,
	IN_RESOURCE,
	IN_PARTS
};
struct operation_param {
	const char *name; /* NULL ends the table */
	enum operation_param_kind kind;
	bool many;
	const char *type; /* IN_RESOURCE: of this type only; NULL: any */
};

struct operation_call;
struct operation {
	const char *name;
	unsigned levels; /* enum operation_level */
	const char *types; /* "Patient Group", or "*" */
	bool changes; /* affectsState: by POST only */
	unsigned permissions; /* on the type of the URL; what a handler returns it checks itself */
	char audit_action;
	const struct operation_param *params;
	const char *bare; /* the parameter that a body is which is no Parameters resource, or NULL; "*": any body */
	bool (*handler)(struct operation_call *op, struct rest_answer *answer, struct error *err);
	const char *definition; /* canonical of the OperationDefinition */
};

struct operation_input {
	const struct operation_param *param;
	struct str text; /* IN_TEXT to IN_TIME */
	const struct json *value; /* what has more than a text: the element, resource, or array of parts */
	size_t place; /* of the parameter in the Parameters resource */
};

struct operation_call {
	struct rest_call *call;
	const struct operation *operation;
	enum operation_level level;
	struct arena *arena;
	struct str body; /* as it came, or STR_NULL */
	bool xml, bare; /* of the body */
	struct operation_input *inputs;
	size_t input_count, input_capacity;
	bool audited; /* the handler took the record with its write */
	struct str patient; /* for the audit record, when a handler knows it */
};

/* The rows of the table. */
size_t operation_count(void);
const struct operation *operation_at(size_t index);

/* The next input of a name after *at (start with 0), NULL at the end. */
const struct operation_input *operation_next(const struct operation_call *op, const char *name, size_t *at);
/* The only, or first, input of a name: its text, element, truth, number. */
struct str operation_text(const struct operation_call *op, const char *name);
const struct json *operation_value(const struct operation_call *op, const char *name);
bool operation_flag(const struct operation_call *op, const char *name, bool otherwise);
int64_t operation_number(const struct operation_call *op, const char *name, int64_t otherwise);
/* ERR_REQUIRED naming what is missing. */
bool operation_require(const struct operation_call *op, const char *name, struct error *err) MUST_USE;

/* Reads the inputs from query and body. */
bool operation_read_inputs(struct operation_call *op, struct error *err) MUST_USE;

/* The stored resource that the URL names: parsed, and as it is stored. ERR_NOT_FOUND, ERR_GONE. */
bool operation_subject(struct operation_call *op, struct store_entry *ret_entry, const struct json **ret_resource,
		       struct error *err) MUST_USE;
/* The knowledge of now; ERR_NOT_SUPPORTED when this server has none. Left by operation_leave(). */
const struct knowledge_state *operation_enter(struct operation_call *op, struct error *err) MUST_USE;
void operation_leave(struct operation_call *op, const struct knowledge_state *state);

/* A page of a search, in one call: "Type?query" by the language of searches; position as in store_search_options. */
bool operation_search(struct operation_call *op, const struct fhir_type *type, struct str query, struct str position,
		      struct store_page *ret_page, struct error *err) MUST_USE;

/* The parts of Parameters that answers are made of; closed by operation_end_parameters(). */
void operation_begin_parameters(struct json_writer *w);
void operation_end_parameters(struct json_writer *w);

#define OPERATION(id, name, levels, types, changes, permissions, action, bare, definition)                             \
	bool operation_##id(struct operation_call *op, struct rest_answer *answer, struct error *err) MUST_USE;        \
	extern const struct operation_param operation_##id##_params[];
#include "server/rest/operations/operations.def"
#undef OPERATION

#endif
